-- The counts of every cell: additive integers, insert-only, no trace of who, in what order or in which flush.
--
-- Sorted so that a report (one site, one dimension or pair, one grain) is one contiguous range of a month, and a value's
-- days stand next to each other: that reads fast over twelve months and packs small. By month, so that retention drops
-- whole parts and a flush, which touches one month, is one part and thereby atomic.
--
-- The window of deduplication tokens must outlast the longest time between a flush and its repetition after a crash:
-- whoever takes a partition over repeats its last flush first, within minutes. 10,000 inserts are 80 minutes of 32
-- partitions flushing twice a second each minute's worth of traffic, and cost about one megabyte of memory and disk.
CREATE TABLE IF NOT EXISTS counts
(
    site LowCardinality(String),
    day Date,
    hour Int8,
    dimension LowCardinality(String),
    value String CODEC(ZSTD(3)),
    by_dimension LowCardinality(String),
    by_value String CODEC(ZSTD(3)),
    visitors Int64 CODEC(T64, ZSTD(3)),
    visits Int64 CODEC(T64, ZSTD(3)),
    pageviews Int64 CODEC(T64, ZSTD(3)),
    events Int64 CODEC(T64, ZSTD(3)),
    bounces Int64 CODEC(T64, ZSTD(3)),
    visit_seconds Int64 CODEC(T64, ZSTD(3)),
    entries Int64 CODEC(T64, ZSTD(3)),
    exits Int64 CODEC(T64, ZSTD(3)),
    engaged_ms Int64 CODEC(T64, ZSTD(3)),
    scroll_percent Int64 CODEC(T64, ZSTD(3)),
    scroll_visitors Int64 CODEC(T64, ZSTD(3)),
    revenue_micros Int64 CODEC(T64, ZSTD(3))
)
ENGINE = SummingMergeTree((visitors, visits, pageviews, events, bounces, visit_seconds, entries, exits, engaged_ms,
    scroll_percent, scroll_visitors, revenue_micros))
PARTITION BY toYYYYMM(day)
ORDER BY (site, dimension, by_dimension, hour, value, by_value, day)
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1;
