-- What became of every hit, per site and minute: received = counted + minimal + refused + bot + late.
CREATE TABLE IF NOT EXISTS ledger
(
    site LowCardinality(String),
    minute DateTime('UTC') CODEC(DoubleDelta, ZSTD(1)),
    outcome LowCardinality(String),
    reason LowCardinality(String),
    hits Int64 CODEC(T64, ZSTD(1))
)
ENGINE = SummingMergeTree(hits)
PARTITION BY toYYYYMM(minute)
ORDER BY (site, outcome, reason, minute)
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1;
