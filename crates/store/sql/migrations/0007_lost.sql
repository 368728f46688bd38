-- Records that were acknowledged and could not be opened or read: how many, by the hour in which they came, and why. Of no
-- site, because that is sealed with them.
CREATE TABLE IF NOT EXISTS lost
(
    hour DateTime('UTC'),
    reason LowCardinality(String),
    records Int64
)
ENGINE = SummingMergeTree(records)
PARTITION BY toYYYYMM(hour)
ORDER BY (hour, reason)
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1;
