-- How many visitors each partition saw in the last five minutes. Realtime looks back half an hour, so two hours are plenty.
CREATE TABLE IF NOT EXISTS live
(
    site LowCardinality(String),
    at DateTime('UTC'),
    partition UInt32,
    visitors UInt64
)
ENGINE = MergeTree
ORDER BY (site, at, partition)
TTL at + INTERVAL 2 HOUR
SETTINGS non_replicated_deduplication_window = 10000;
