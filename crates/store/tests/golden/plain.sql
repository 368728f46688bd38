-- Sent by: migrate.

CREATE DATABASE IF NOT EXISTS `footfall`
;

CREATE TABLE IF NOT EXISTS migrations (name String, sha256 String, at DateTime('UTC') DEFAULT now()) ENGINE = ReplacingMergeTree(at) ORDER BY (name, sha256)
;

-- default_format = RowBinaryWithNamesAndTypes
SELECT name FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%MergeTree' AND startsWith(engine, 'Replicated') ORDER BY name LIMIT 1
;

-- default_format = RowBinaryWithNamesAndTypes
SELECT DISTINCT name, sha256 FROM migrations
;

-- The counts of every cell: additive integers, insert-only, no trace of who, in what order or in which flush.
--
-- Sorted so that a report (one site, one dimension or pair, one grain) is one contiguous range of a month, and a value's
-- days stand next to each other. Measured on a generated month of 25.8 million page views in 5.4 million rows: 11.6 bytes a
-- row and 2.4 a page view; with the day before the value 16.3 bytes a row and top pages in twice the time; LZ4 alone 30.9
-- bytes a row in half the time. By month, so that retention drops whole parts, and so that a flush, which touches one month,
-- is one part and thereby atomic.
--
-- The window of deduplication tokens must outlast the longest time between an insert and its repetition after a crash.
-- Whoever takes a partition of the journal over repeats its last flush first, within minutes; 32 partitions flushing every
-- ten seconds fill 10,000 places in 52 minutes, which cost about a megabyte of memory and disk.
--
-- What is acknowledged is on the disk (fsync): the journal's position is committed right after.
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
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1
;

-- default_format = RowBinaryWithNamesAndTypes
SELECT name FROM system.settings WHERE name IN ('deduplicate_insert', 'deduplicate_insert_select', 'deduplicate_blocks_in_dependent_materialized_views', 'max_insert_block_size_bytes')
;

-- default_format = RowBinaryWithNamesAndTypes
-- describe_include_subcolumns = 0
DESCRIBE TABLE `migrations`
;

-- async_insert = 0
-- deduplicate_blocks_in_dependent_materialized_views = 1
-- deduplicate_insert = enable
-- deduplicate_insert_select = enable_even_for_bad_queries
-- input_format_parallel_parsing = 0
-- insert_deduplicate = 1
-- insert_deduplication_token = (its token)
-- materialized_views_ignore_errors = 1
-- max_insert_block_size = 1000000
-- max_insert_block_size_bytes = 0
-- min_insert_block_size_bytes = 0
-- min_insert_block_size_rows = 1000000
INSERT INTO `migrations`(`name`,`sha256`) FORMAT RowBinaryWithNamesAndTypes
;

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
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1
;

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
SETTINGS non_replicated_deduplication_window = 10000
;

-- Which beginnings of which log files were imported: a digest of the first `bytes` bytes, never a name or a path.
CREATE TABLE IF NOT EXISTS imports
(
    site LowCardinality(String),
    bytes UInt64,
    sha256 FixedString(32),
    at DateTime('UTC') DEFAULT now()
)
ENGINE = ReplacingMergeTree(at)
ORDER BY (site, sha256, bytes)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
;

-- Which closed days had their small cells folded, round by round: `begun` before a round, `folded` after it, `clean` when
-- what it took back is gone from the parts. A day is the site's own, so this says no more than the counts do.
CREATE TABLE IF NOT EXISTS closings
(
    site LowCardinality(String),
    day Date,
    round UInt32,
    step LowCardinality(String),
    at DateTime('UTC') DEFAULT now()
)
ENGINE = ReplacingMergeTree(at)
ORDER BY (site, day, round, step)
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1
;

-- An insert of a file is noted before it (`begun`) and after it, so that one that was killed in between can be repeated exactly,
-- also when the file has grown. `hits_wait` tells an insert on the way, before which the last hits still waited to be put in
-- order of time. The rows of before say the same as they did: done, and nothing waits.
ALTER TABLE imports
    ADD COLUMN IF NOT EXISTS hits_wait Bool,
    ADD COLUMN IF NOT EXISTS fold_version UInt16,
    ADD COLUMN IF NOT EXISTS begun Bool,
    MODIFY ORDER BY (site, sha256, bytes, hits_wait, begun)
;

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
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1
;

-- Ten times as many places for deduplication tokens. A processor that is cut off from ClickHouse, and from nothing else, keeps its
-- partitions and repeats its insert when it is back; meanwhile the others insert. 32 partitions flushing every ten seconds
-- filled the 10,000 places in 52 minutes; 100,000 last for almost nine hours. A place costs about 60 bytes on the disk.
ALTER TABLE counts MODIFY SETTING non_replicated_deduplication_window = 100000
;

ALTER TABLE ledger MODIFY SETTING non_replicated_deduplication_window = 100000
;

ALTER TABLE lost MODIFY SETTING non_replicated_deduplication_window = 100000
;

-- Up to when everything the journal had of a partition is in the counts: what "complete up to" on the dashboard is made of. One row a
-- partition is left after merges; a repeated insert says the same.
CREATE TABLE IF NOT EXISTS reached
(
    partition UInt32,
    at DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(at)
ORDER BY partition
SETTINGS non_replicated_deduplication_window = 10000
;

-- The sums of each month, kept by the engine inside of each part: lists over a year read a row a value and month instead of one a
-- value and day. They come and go with the rows they are made of, in the same part: what a day's closing takes back leaves
-- them in the same merge, and a flush is in both or in neither.
--
-- Only days of single dimensions: hours are of no use over months, and pairs are most of a day's rows, whose sums a merge of a
-- large site would have to hold in memory at once. The values of both are left out, so that few rows are left of them. Measured
-- on a day of 2.8 million page views in 2.5 million rows: 4 % of their bytes, and merges as fast as without; with pairs as
-- many bytes again, and more than a gigabyte of memory.
--
-- `rebuild`: a merge adds up the rows of one key, so it makes the sums anew from what it wrote. The codec is for the
-- projection, whose columns have none of their own; it becomes that of the table's site, day, hour and dimensions, too.
-- Parts from before get theirs in the background; until then their days are read, found by the same conditions.
ALTER TABLE counts MODIFY SETTING deduplicate_merge_projection_mode = 'rebuild', default_compression_codec = 'ZSTD(3)'
;

ALTER TABLE counts ADD PROJECTION IF NOT EXISTS months
(
    SELECT
        sum(visitors), sum(visits), sum(pageviews), sum(events), sum(bounces), sum(visit_seconds), sum(entries),
        sum(exits), sum(engaged_ms), sum(scroll_percent), sum(scroll_visitors), sum(revenue_micros)
    GROUP BY
        site, dimension, by_dimension, hour, if(by_dimension = '' AND hour < 0, value, ''), toStartOfMonth(day)
)
;

ALTER TABLE counts MATERIALIZE PROJECTION IF EXISTS months
;

-- What is merged is on the disk before what it was made of goes. The embedded engine removes that at once, a server after eight
-- minutes, and neither syncs a merge by itself: after a power cut a merged part could be empty and its sources gone. In tables
-- whose inserts are synced; the others are of the last hours, and made anew.
ALTER TABLE counts MODIFY SETTING min_rows_to_fsync_after_merge = 1
;

ALTER TABLE ledger MODIFY SETTING min_rows_to_fsync_after_merge = 1
;

ALTER TABLE imports MODIFY SETTING min_rows_to_fsync_after_merge = 1
;

ALTER TABLE closings MODIFY SETTING min_rows_to_fsync_after_merge = 1
;

ALTER TABLE lost MODIFY SETTING min_rows_to_fsync_after_merge = 1
;

-- Sent by: processor.

-- default_format = RowBinaryWithNamesAndTypes
SELECT 1
;

-- default_format = RowBinaryWithNamesAndTypes
SELECT DISTINCT name, sha256 FROM migrations
;

-- default_format = RowBinaryWithNamesAndTypes
SELECT name FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%MergeTree' AND startsWith(engine, 'Replicated') ORDER BY name LIMIT 1
;

-- default_format = RowBinaryWithNamesAndTypes
-- describe_include_subcolumns = 0
DESCRIBE TABLE `counts`
;

-- async_insert = 0
-- deduplicate_blocks_in_dependent_materialized_views = 1
-- deduplicate_insert = enable
-- deduplicate_insert_select = enable_even_for_bad_queries
-- input_format_parallel_parsing = 0
-- insert_deduplicate = 1
-- insert_deduplication_token = (its token)
-- materialized_views_ignore_errors = 1
-- max_insert_block_size = 1000000
-- max_insert_block_size_bytes = 0
-- min_insert_block_size_bytes = 0
-- min_insert_block_size_rows = 1000000
INSERT INTO `counts`(`site`,`day`,`hour`,`dimension`,`value`,`by_dimension`,`by_value`,`visitors`,`visits`,`pageviews`,`events`,`bounces`,`visit_seconds`,`entries`,`exits`,`engaged_ms`,`scroll_percent`,`scroll_visitors`,`revenue_micros`) FORMAT RowBinaryWithNamesAndTypes
;

-- default_format = RowBinaryWithNamesAndTypes
-- describe_include_subcolumns = 0
DESCRIBE TABLE `ledger`
;

-- async_insert = 0
-- deduplicate_blocks_in_dependent_materialized_views = 1
-- deduplicate_insert = enable
-- deduplicate_insert_select = enable_even_for_bad_queries
-- input_format_parallel_parsing = 0
-- insert_deduplicate = 1
-- insert_deduplication_token = (its token)
-- materialized_views_ignore_errors = 1
-- max_insert_block_size = 1000000
-- max_insert_block_size_bytes = 0
-- min_insert_block_size_bytes = 0
-- min_insert_block_size_rows = 1000000
INSERT INTO `ledger`(`site`,`minute`,`outcome`,`reason`,`hits`) FORMAT RowBinaryWithNamesAndTypes
;

-- default_format = RowBinaryWithNamesAndTypes
-- describe_include_subcolumns = 0
DESCRIBE TABLE `live`
;

-- async_insert = 0
-- deduplicate_blocks_in_dependent_materialized_views = 1
-- deduplicate_insert = enable
-- deduplicate_insert_select = enable_even_for_bad_queries
-- input_format_parallel_parsing = 0
-- insert_deduplicate = 1
-- insert_deduplication_token = (its token)
-- materialized_views_ignore_errors = 1
-- max_insert_block_size = 1000000
-- max_insert_block_size_bytes = 0
-- min_insert_block_size_bytes = 0
-- min_insert_block_size_rows = 1000000
INSERT INTO `live`(`site`,`at`,`partition`,`visitors`) FORMAT RowBinaryWithNamesAndTypes
;

-- default_format = RowBinaryWithNamesAndTypes
-- describe_include_subcolumns = 0
DESCRIBE TABLE `lost`
;

-- async_insert = 0
-- deduplicate_blocks_in_dependent_materialized_views = 1
-- deduplicate_insert = enable
-- deduplicate_insert_select = enable_even_for_bad_queries
-- input_format_parallel_parsing = 0
-- insert_deduplicate = 1
-- insert_deduplication_token = (its token)
-- materialized_views_ignore_errors = 1
-- max_insert_block_size = 1000000
-- max_insert_block_size_bytes = 0
-- min_insert_block_size_bytes = 0
-- min_insert_block_size_rows = 1000000
INSERT INTO `lost`(`hour`,`reason`,`records`) FORMAT RowBinaryWithNamesAndTypes
;

-- default_format = RowBinaryWithNamesAndTypes
-- describe_include_subcolumns = 0
DESCRIBE TABLE `reached`
;

-- async_insert = 0
-- deduplicate_blocks_in_dependent_materialized_views = 1
-- deduplicate_insert = enable
-- deduplicate_insert_select = enable_even_for_bad_queries
-- input_format_parallel_parsing = 0
-- insert_deduplicate = 1
-- insert_deduplication_token = (its token)
-- materialized_views_ignore_errors = 1
-- max_insert_block_size = 1000000
-- max_insert_block_size_bytes = 0
-- min_insert_block_size_bytes = 0
-- min_insert_block_size_rows = 1000000
INSERT INTO `reached`(`partition`,`at`) FORMAT RowBinaryWithNamesAndTypes
;

-- default_format = RowBinaryWithNamesAndTypes
-- Site-days that are not closed in the tables: those without a note that they are clean, those whose closing began again and
-- did not end, and those that got hour cells again which a closing drops. Days that are still open are among them; which
-- those are, is not the store's to know.
SELECT site, toInt32(day) AS day FROM
(
    SELECT site, day
    FROM counts
    WHERE dimension = '' AND by_dimension = '' AND hour = -1
      AND (site, day) NOT IN (SELECT site, day FROM closings WHERE step = 'clean')
    GROUP BY site, day
    UNION DISTINCT
    SELECT site, day
    FROM counts
    WHERE by_dimension = '' AND hour >= 0 AND dimension NOT IN ('', 'page')
    GROUP BY site, day
    UNION DISTINCT
    SELECT site, day
    FROM closings
    GROUP BY site, day
    HAVING maxIf(round, step = 'begun') > maxIf(round, step = 'clean')
)
ORDER BY day, site
;

-- default_format = RowBinaryWithNamesAndTypes
-- max_block_size = 8192
-- max_bytes_before_external_group_by = 64000000
-- max_threads = 2
-- optimize_aggregation_in_order = 0
-- How many cells are to be folded into `(other)`, and how many hour cells to be dropped, in all rounds that are left. Which of them the
-- next round takes is not known before it is done.
SELECT countIf(hour < 0) AS folded, countIf(hour >= 0) AS hours FROM (-- The cells of a closed day that may not stay: hour grain beside totals and pages; level 2, and the dimensions that fold by
-- themselves, of too few visitors. What is taken back already adds up to nothing and is none of them.
SELECT hour, dimension, by_dimension, value, by_value,
    sum(counts.visitors) AS visitors, sum(counts.visits) AS visits, sum(counts.pageviews) AS pageviews,
    sum(counts.events) AS events, sum(counts.bounces) AS bounces, sum(counts.visit_seconds) AS visit_seconds,
    sum(counts.entries) AS entries, sum(counts.exits) AS exits, sum(counts.engaged_ms) AS engaged_ms,
    sum(counts.scroll_percent) AS scroll_percent, sum(counts.scroll_visitors) AS scroll_visitors,
    sum(counts.revenue_micros) AS revenue_micros
FROM counts
WHERE site = {site:String} AND day = toDate({day:Int32})
  AND (
    (hour >= 0 AND dimension NOT IN ('', 'page'))
    OR (hour < 0 AND by_dimension != '' AND (value, by_value) != ('(other)', '(other)')
        AND (by_dimension != 'vital' OR (day, dimension, value, splitByChar(' ', by_value)[1]) NOT IN (-- The pages and devices of which a vital was measured often enough on a day: all of its buckets stay or none, for a share of
-- measurements that is left out at one end would bend every percentile. No visitor is behind a measurement, so these are counted.
SELECT day, dimension, value, splitByChar(' ', by_value)[1] AS vital
FROM counts
WHERE site = {site:String} AND by_dimension = 'vital' AND hour = -1 AND day = toDate({day:Int32})
GROUP BY day, dimension, value, vital
HAVING sum(counts.events) >= {visitors_min:Int64}
)))
    OR (hour < 0 AND by_dimension = '' AND dimension IN ('city', 'region', 'language', 'browser_version', 'os_version', 'utm_term', 'utm_content', 'segment') AND value != '(other)'))

GROUP BY dimension, by_dimension, hour, value, by_value
HAVING (hour >= 0 OR visitors < {visitors_min:Int64})
    AND (visitors, visits, pageviews, events, bounces, visit_seconds, entries, exits, engaged_ms, scroll_percent,
         scroll_visitors, revenue_micros) != (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
)
;

-- default_format = RowBinaryWithNamesAndTypes
-- How far a day's closing has come: the last round begun, folded and cleaned up after; rounds count from 1.
SELECT maxIf(round, step = 'begun') AS begun, maxIf(round, step = 'folded') AS folded, maxIf(round, step = 'clean') AS clean
FROM closings
WHERE site = {site:String} AND day = toDate({day:Int32})
;

-- default_format = RowBinaryWithNamesAndTypes
-- describe_include_subcolumns = 0
DESCRIBE TABLE `closings`
;

-- async_insert = 0
-- deduplicate_blocks_in_dependent_materialized_views = 1
-- deduplicate_insert = enable
-- deduplicate_insert_select = enable_even_for_bad_queries
-- input_format_parallel_parsing = 0
-- insert_deduplicate = 1
-- insert_deduplication_token = (its token)
-- materialized_views_ignore_errors = 1
-- max_insert_block_size = 1000000
-- max_insert_block_size_bytes = 0
-- min_insert_block_size_bytes = 0
-- min_insert_block_size_rows = 1000000
INSERT INTO `closings`(`site`,`day`,`round`,`step`) FORMAT RowBinaryWithNamesAndTypes
;

-- async_insert = 0
-- deduplicate_blocks_in_dependent_materialized_views = 1
-- deduplicate_insert = enable
-- deduplicate_insert_select = enable_even_for_bad_queries
-- insert_deduplicate = 1
-- insert_deduplication_token = (its token)
-- materialized_views_ignore_errors = 1
-- max_block_size = 8192
-- max_bytes_before_external_group_by = 64000000
-- max_insert_block_size = 4000000
-- max_insert_block_size_bytes = 0
-- max_insert_threads = 1
-- max_threads = 2
-- min_insert_block_size_bytes = 0
-- min_insert_block_size_rows = 4000000
-- optimize_aggregation_in_order = 0
-- One round of a day's closing, in one block: every cell that may not stay is taken back to zero, and what is taken from the
-- cells of a dimension or pair is added to its `(other)`. Hour cells that go have no `(other)`: the day's cells hold them.
-- The limit bounds a round's memory; the next round takes what this one left.
INSERT INTO counts (site, day, hour, dimension, value, by_dimension, by_value, visitors, visits, pageviews, events, bounces,
    visit_seconds, entries, exits, engaged_ms, scroll_percent, scroll_visitors, revenue_micros)
SELECT
    {site:String}, toDate({day:Int32}), small.hour, small.dimension,
    if(side < 0, small.value, '(other)') AS to_value,
    small.by_dimension,
    multiIf(side < 0, small.by_value, small.by_dimension = '', '', '(other)') AS to_by_value,
    sum(side * visitors), sum(side * visits), sum(side * pageviews), sum(side * events), sum(side * bounces),
    sum(side * visit_seconds), sum(side * entries), sum(side * exits), sum(side * engaged_ms),
    sum(side * scroll_percent), sum(side * scroll_visitors), sum(side * revenue_micros)
FROM (-- The cells of a closed day that may not stay: hour grain beside totals and pages; level 2, and the dimensions that fold by
-- themselves, of too few visitors. What is taken back already adds up to nothing and is none of them.
SELECT hour, dimension, by_dimension, value, by_value,
    sum(counts.visitors) AS visitors, sum(counts.visits) AS visits, sum(counts.pageviews) AS pageviews,
    sum(counts.events) AS events, sum(counts.bounces) AS bounces, sum(counts.visit_seconds) AS visit_seconds,
    sum(counts.entries) AS entries, sum(counts.exits) AS exits, sum(counts.engaged_ms) AS engaged_ms,
    sum(counts.scroll_percent) AS scroll_percent, sum(counts.scroll_visitors) AS scroll_visitors,
    sum(counts.revenue_micros) AS revenue_micros
FROM counts
WHERE site = {site:String} AND day = toDate({day:Int32})
  AND (
    (hour >= 0 AND dimension NOT IN ('', 'page'))
    OR (hour < 0 AND by_dimension != '' AND (value, by_value) != ('(other)', '(other)')
        AND (by_dimension != 'vital' OR (day, dimension, value, splitByChar(' ', by_value)[1]) NOT IN (-- The pages and devices of which a vital was measured often enough on a day: all of its buckets stay or none, for a share of
-- measurements that is left out at one end would bend every percentile. No visitor is behind a measurement, so these are counted.
SELECT day, dimension, value, splitByChar(' ', by_value)[1] AS vital
FROM counts
WHERE site = {site:String} AND by_dimension = 'vital' AND hour = -1 AND day = toDate({day:Int32})
GROUP BY day, dimension, value, vital
HAVING sum(counts.events) >= {visitors_min:Int64}
)))
    OR (hour < 0 AND by_dimension = '' AND dimension IN ('city', 'region', 'language', 'browser_version', 'os_version', 'utm_term', 'utm_content', 'segment') AND value != '(other)'))

GROUP BY dimension, by_dimension, hour, value, by_value
HAVING (hour >= 0 OR visitors < {visitors_min:Int64})
    AND (visitors, visits, pageviews, events, bounces, visit_seconds, entries, exits, engaged_ms, scroll_percent,
         scroll_visitors, revenue_micros) != (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
LIMIT {cells_max:UInt64}) AS small
ARRAY JOIN if(small.hour < 0, [-1, 1], [-1]) AS side
GROUP BY small.hour, small.dimension, small.by_dimension, to_value, to_by_value
;

-- default_format = RowBinaryWithNamesAndTypes
SELECT version()
;

-- default_format = RowBinaryWithNamesAndTypes
-- max_block_size = 8192
-- max_bytes_before_external_group_by = 64000000
-- max_threads = 2
-- optimize_aggregation_in_order = 0
-- Cells of a closed day that add up to nothing and are still in the parts: each was taken back and is not merged away.
SELECT count() FROM
(
    SELECT 1
    FROM counts
    WHERE site = {site:String} AND day = toDate({day:Int32})
      AND ((hour >= 0 AND dimension NOT IN ('', 'page'))
        OR by_dimension != ''
        OR (hour < 0 AND dimension IN ('city', 'region', 'language', 'browser_version', 'os_version', 'utm_term', 'utm_content', 'segment')))
    GROUP BY dimension, by_dimension, hour, value, by_value
    HAVING sum(visitors) = 0 AND sum(visits) = 0 AND sum(pageviews) = 0 AND sum(events) = 0 AND sum(bounces) = 0
       AND sum(visit_seconds) = 0 AND sum(entries) = 0 AND sum(exits) = 0 AND sum(engaged_ms) = 0
       AND sum(scroll_percent) = 0 AND sum(scroll_visitors) = 0 AND sum(revenue_micros) = 0
    LIMIT 1
)
;

-- alter_sync = 2
-- mutations_sync = 2
OPTIMIZE TABLE counts PARTITION 202606 FINAL
;

-- default_format = RowBinaryWithNamesAndTypes
-- describe_include_subcolumns = 0
DESCRIBE TABLE `imports`
;

-- async_insert = 0
-- deduplicate_blocks_in_dependent_materialized_views = 1
-- deduplicate_insert = enable
-- deduplicate_insert_select = enable_even_for_bad_queries
-- input_format_parallel_parsing = 0
-- insert_deduplicate = 1
-- insert_deduplication_token = (its token)
-- materialized_views_ignore_errors = 1
-- max_insert_block_size = 1000000
-- max_insert_block_size_bytes = 0
-- min_insert_block_size_bytes = 0
-- min_insert_block_size_rows = 1000000
INSERT INTO `imports`(`site`,`bytes`,`sha256`,`hits_wait`,`fold_version`,`begun`) FORMAT RowBinaryWithNamesAndTypes
;

-- default_format = RowBinaryWithNamesAndTypes
-- select_sequential_consistency = 0
-- Which beginnings of files were imported into a site, longest first. An insert is noted as begun and then as done.
SELECT bytes, sha256, hits_wait, max(fold_version) AS fold_version, min(begun) AS begun
FROM imports WHERE site = {site:String} GROUP BY bytes, sha256, hits_wait ORDER BY bytes DESC, sha256, hits_wait
;

-- default_format = RowBinaryWithNamesAndTypes
SELECT site, toInt32(day) AS day FROM (SELECT site, day FROM closings GROUP BY site, day HAVING ((day < toDate(20606) AND site IN ('example.com')) OR (day < toDate(48000) AND site NOT IN ('example.com'))) AND ((toDate(max(at)) < toDate(20606) AND site IN ('example.com')) OR (toDate(max(at)) < toDate(48000) AND site NOT IN ('example.com')))) ORDER BY day, site
;

-- default_format = RowBinaryWithNamesAndTypes
SELECT DISTINCT toYYYYMM(minute) AS month FROM ledger WHERE month < 202603 AND month NOT IN (SELECT toYYYYMM(day) FROM closings WHERE toDate(at) >= toDate(20513)) AND month NOT IN (SELECT toYYYYMM(day) FROM counts WHERE dimension = '' AND by_dimension = '' AND hour = -1 AND (site, day) NOT IN (SELECT site, day FROM closings))
;

-- default_format = RowBinaryWithNamesAndTypes
SELECT DISTINCT toYYYYMM(hour) AS month FROM lost WHERE month < 202603
;

-- default_format = RowBinaryWithNamesAndTypes
SELECT count() FROM imports WHERE ((toDate(at) < toDate(20606) AND site IN ('example.com')) OR (toDate(at) < toDate(48000) AND site NOT IN ('example.com')))
;

-- default_format = RowBinaryWithNamesAndTypes
SELECT site, toInt32(day) AS day FROM (SELECT site, day FROM closings GROUP BY site, day HAVING ((day < toDate(48000) AND site IN ('other.org')) OR (day < toDate(48000) AND site NOT IN ('other.org'))) AND ((toDate(max(at)) < toDate(48000) AND site IN ('other.org')) OR (toDate(max(at)) < toDate(48000) AND site NOT IN ('other.org')))) ORDER BY day, site
;

-- default_format = RowBinaryWithNamesAndTypes
SELECT countIf((site, day) IN (('example.com', toDate(20605)), ('example.com', toDate(20606)))) AS gone, count() AS rows FROM counts WHERE toYYYYMM(day) = 202606
;

-- alter_sync = 2
-- mutations_sync = 2
ALTER TABLE counts DELETE IN PARTITION 202606 WHERE (site, day) IN (('example.com', toDate(20605)), ('example.com', toDate(20606)))
;

-- default_format = RowBinaryWithNamesAndTypes
SELECT count() FROM closings WHERE (site, day) IN (('example.com', toDate(20605)), ('example.com', toDate(20606)))
;

-- alter_sync = 2
-- mutations_sync = 2
ALTER TABLE closings DELETE WHERE (site, day) IN (('example.com', toDate(20605)), ('example.com', toDate(20606)))
;

-- default_format = RowBinaryWithNamesAndTypes
SELECT DISTINCT toYYYYMM(minute) AS month FROM ledger WHERE month < 210103 AND month NOT IN (SELECT toYYYYMM(day) FROM closings WHERE toDate(at) >= toDate(47908)) AND month NOT IN (SELECT toYYYYMM(day) FROM counts WHERE dimension = '' AND by_dimension = '' AND hour = -1 AND (site, day) NOT IN (SELECT site, day FROM closings))
;

-- default_format = RowBinaryWithNamesAndTypes
SELECT DISTINCT toYYYYMM(hour) AS month FROM lost WHERE month < 210103
;

-- default_format = RowBinaryWithNamesAndTypes
SELECT countIf(true) AS gone, count() AS rows FROM lost WHERE toYYYYMM(hour) = 202606
;

-- alter_sync = 2
-- mutations_sync = 2
ALTER TABLE lost DROP PARTITION 202606
;

-- default_format = RowBinaryWithNamesAndTypes
SELECT count() FROM imports WHERE ((toDate(at) < toDate(48000) AND site IN ('other.org')) OR (toDate(at) < toDate(48000) AND site NOT IN ('other.org')))
;

-- alter_sync = 2
-- mutations_sync = 2
ALTER TABLE imports DELETE WHERE ((toDate(at) < toDate(48000) AND site IN ('other.org')) OR (toDate(at) < toDate(48000) AND site NOT IN ('other.org')))
;

-- default_format = RowBinaryWithNamesAndTypes
SELECT countIf((site, day) IN (('example.com', toDate(20607)))) AS gone, count() AS rows FROM counts WHERE toYYYYMM(day) = 202606
;

-- alter_sync = 2
-- mutations_sync = 2
ALTER TABLE counts DROP PARTITION 202606
;

-- default_format = RowBinaryWithNamesAndTypes
SELECT count() FROM closings WHERE (site, day) IN (('example.com', toDate(20607)))
;

-- alter_sync = 2
-- mutations_sync = 2
ALTER TABLE closings DELETE WHERE (site, day) IN (('example.com', toDate(20607)))
;

-- default_format = RowBinaryWithNamesAndTypes
SELECT countIf(true) AS gone, count() AS rows FROM ledger WHERE toYYYYMM(minute) = 202606
;

-- alter_sync = 2
-- mutations_sync = 2
ALTER TABLE ledger DROP PARTITION 202606
;

-- Sent by: dashboard.

-- default_format = RowBinaryWithNamesAndTypes
SELECT 1
;

-- default_format = RowBinaryWithNamesAndTypes
SELECT DISTINCT name, sha256 FROM migrations
;

-- default_format = RowBinaryWithNamesAndTypes
SELECT name FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%MergeTree' AND startsWith(engine, 'Replicated') ORDER BY name LIMIT 1
;

-- default_format = RowBinaryWithNamesAndTypes
-- Visitors of the last five minutes on one site: each partition's latest line, summed.
SELECT sum(latest) FROM
(
    SELECT argMax(visitors, at) AS latest
    FROM live
    WHERE site = {site:String} AND at > toDateTime({since:Int64}, 'UTC') AND at <= toDateTime({now:Int64}, 'UTC')
    GROUP BY partition
)
;

-- default_format = RowBinaryWithNamesAndTypes
-- The last half hour of one site by minute: each partition's latest line of the minute, summed.
SELECT toUnixTimestamp(minute) AS at, sum(latest) AS visitors FROM
(
    SELECT toStartOfMinute(at) AS minute, partition, argMax(visitors, at) AS latest
    FROM live
    WHERE site = {site:String} AND at >= toDateTime({since:Int64}, 'UTC') AND at <= toDateTime({now:Int64}, 'UTC')
    GROUP BY minute, partition
)
GROUP BY minute
ORDER BY minute
;

-- default_format = RowBinaryWithNamesAndTypes
-- How far the partition is that is furthest behind. One that has said nothing for as long as records live has none left to count.
SELECT count() AS partitions, toUnixTimestamp64Milli(min(latest)) AS at FROM
(
    SELECT partition, max(at) AS latest
    FROM reached
    GROUP BY partition
    HAVING latest >= toDateTime64({since:Int64}, 3, 'UTC')
)
;

-- default_format = RowBinaryWithNamesAndTypes
-- max_execution_time = 20
-- max_memory_usage = 1000000000
-- max_rows_to_read = 2000000000
-- The first day of some sites that has any count; no row when there is none.
SELECT toInt32(min(day)) AS first_day, count() AS cells
FROM counts
WHERE site IN {sites:Array(String)} AND dimension = '' AND by_dimension = '' AND hour = -1
;

-- default_format = RowBinaryWithNamesAndTypes
-- max_execution_time = 20
-- max_memory_usage = 1000000000
-- max_rows_to_read = 2000000000
-- What became of every hit of a site in a span of minutes, and since when; the first is in it, the last is not.
SELECT outcome, reason, sum(ledger.hits) AS hits, toInt64(toUnixTimestamp(min(ledger.minute))) AS since_seconds
FROM ledger
WHERE site = {site:String}
  AND minute >= toDateTime({from_seconds:Int64}, 'UTC')
  AND minute < toDateTime({until_seconds:Int64}, 'UTC')
GROUP BY outcome, reason
HAVING hits != 0
ORDER BY outcome, reason
;

-- default_format = RowBinaryWithNamesAndTypes
-- max_execution_time = 20
-- max_memory_usage = 1000000000
-- max_rows_to_read = 2000000000
-- The hours of a span in which records were lost; the first is in it, the last is not.
SELECT toInt64(toUnixTimestamp(lost.hour)) AS seconds, reason, sum(lost.records) AS records
FROM lost
WHERE lost.hour >= toDateTime({from_seconds:Int64}, 'UTC')
  AND lost.hour < toDateTime({until_seconds:Int64}, 'UTC')
GROUP BY seconds, reason
HAVING records != 0
ORDER BY seconds, reason
;

-- default_format = RowBinaryWithNamesAndTypes
-- max_execution_time = 20
-- max_memory_usage = 1000000000
-- max_rows_to_read = 2000000000
-- The cells a question is about. Every question of counts reads from `kept`; nothing else reads the table.
-- `name` is the value the answer is broken down by; which column holds it depends on the order of the pair's dimensions.
-- Whole months, where a question of one dimension has any and does not ask by day, are read as their sums, from the projection
-- `months`: its own expressions stand here, so that the engine finds it. A test that keeps everything is left out before a row is read.
-- `tens` is a count as it is told in tens (`privacy::disclosure`), so that an order says no more than the rows do.
WITH
(count) -> multiIf(count <= 0, 0, count < 10, 5, floor((count + 5) / 10) * 10) AS tens,
kept AS
(
    SELECT
        day, hour, if({split_by:Bool}, by_value, value) AS name,
        visitors, visits, pageviews, events, bounces, visit_seconds, entries, exits,
        engaged_ms, scroll_percent, scroll_visitors, revenue_micros
    FROM
    (
        SELECT
            day, hour, value, by_value, visitors, visits, pageviews, events, bounces, visit_seconds, entries, exits,
            engaged_ms, scroll_percent, scroll_visitors, revenue_micros
        FROM counts
        WHERE site IN {sites:Array(String)}
          AND dimension = {dimension:String}
          AND by_dimension = {by_dimension:String}
          AND day BETWEEN toDate({first_day:Int32}) AND toDate({last_day:Int32})
          AND (day < toDate({months_from:Int32}) OR day >= toDate({months_until:Int32}))
          AND hour BETWEEN {hour_min:Int8} AND {hour_max:Int8}
          AND ({first_hour:Int8} <= 0 OR day > toDate({first_day:Int32}) OR hour >= {first_hour:Int8})
          AND ({last_hour:Int8} IN (-1, 23) OR day < toDate({last_day:Int32}) OR hour <= {last_hour:Int8})
        UNION ALL
        SELECT
            toStartOfMonth(counts.day) AS day, toInt8(-1) AS hour,
            if(counts.by_dimension = '' AND counts.hour < 0, counts.value, '') AS value, '' AS by_value,
            sum(counts.visitors) AS visitors, sum(counts.visits) AS visits, sum(counts.pageviews) AS pageviews,
            sum(counts.events) AS events, sum(counts.bounces) AS bounces, sum(counts.visit_seconds) AS visit_seconds,
            sum(counts.entries) AS entries, sum(counts.exits) AS exits, sum(counts.engaged_ms) AS engaged_ms,
            sum(counts.scroll_percent) AS scroll_percent, sum(counts.scroll_visitors) AS scroll_visitors,
            sum(counts.revenue_micros) AS revenue_micros
        FROM counts
        WHERE site IN {sites:Array(String)}
          AND dimension = {dimension:String}
          AND by_dimension = '' AND counts.hour = -1
          AND toStartOfMonth(counts.day) >= toDate({months_from:Int32})
          AND toStartOfMonth(counts.day) < toDate({months_until:Int32})
        GROUP BY day, value
    )
    WHERE ({prefix:String} = '' OR startsWith(value, {prefix:String}))
      AND ({any:Bool} OR value IN {is:Array(String)})
      AND ({keeps_other:Bool} OR value NOT IN ('(other)', concat({prefix:String}, '(other)')))
      AND (empty({is_not:Array(String)}) OR value NOT IN {is_not:Array(String)})
      AND ({matches:String} = '' OR match(substring(value, 1 + length({prefix:String})), {matches:String}))
      AND ({matches_not:String} = '' OR NOT match(substring(value, 1 + length({prefix:String})), {matches_not:String}))

      AND ({by_prefix:String} = '' OR startsWith(by_value, {by_prefix:String}))
      AND ({by_any:Bool} OR by_value IN {by_is:Array(String)})
      AND ({by_keeps_other:Bool} OR by_value NOT IN ('(other)', concat({by_prefix:String}, '(other)')))
      AND (empty({by_is_not:Array(String)}) OR by_value NOT IN {by_is_not:Array(String)})
      AND ({by_matches:String} = '' OR match(substring(by_value, 1 + length({by_prefix:String})), {by_matches:String}))
      AND ({by_matches_not:String} = '' OR NOT match(substring(by_value, 1 + length({by_prefix:String})), {by_matches_not:String}))
)
-- What the cells add up to: one row.
SELECT
    toInt32(0) AS at_day, toInt8(-1) AS at_hour, '' AS named,
    sum(kept.visitors) AS visitors, sum(kept.visits) AS visits, sum(kept.pageviews) AS pageviews,
    sum(kept.events) AS events, sum(kept.bounces) AS bounces, sum(kept.visit_seconds) AS visit_seconds,
    sum(kept.entries) AS entries, sum(kept.exits) AS exits, sum(kept.engaged_ms) AS engaged_ms,
    sum(kept.scroll_percent) AS scroll_percent, sum(kept.scroll_visitors) AS scroll_visitors,
    sum(kept.revenue_micros) AS revenue_micros,
    toUInt64(1) AS rows_total
FROM kept
;

-- default_format = RowBinaryWithNamesAndTypes
-- max_execution_time = 20
-- max_memory_usage = 1000000000
-- max_rows_to_read = 2000000000
-- The cells a question is about. Every question of counts reads from `kept`; nothing else reads the table.
-- `name` is the value the answer is broken down by; which column holds it depends on the order of the pair's dimensions.
-- Whole months, where a question of one dimension has any and does not ask by day, are read as their sums, from the projection
-- `months`: its own expressions stand here, so that the engine finds it. A test that keeps everything is left out before a row is read.
-- `tens` is a count as it is told in tens (`privacy::disclosure`), so that an order says no more than the rows do.
WITH
(count) -> multiIf(count <= 0, 0, count < 10, 5, floor((count + 5) / 10) * 10) AS tens,
kept AS
(
    SELECT
        day, hour, if({split_by:Bool}, by_value, value) AS name,
        visitors, visits, pageviews, events, bounces, visit_seconds, entries, exits,
        engaged_ms, scroll_percent, scroll_visitors, revenue_micros
    FROM
    (
        SELECT
            day, hour, value, by_value, visitors, visits, pageviews, events, bounces, visit_seconds, entries, exits,
            engaged_ms, scroll_percent, scroll_visitors, revenue_micros
        FROM counts
        WHERE site IN {sites:Array(String)}
          AND dimension = {dimension:String}
          AND by_dimension = {by_dimension:String}
          AND day BETWEEN toDate({first_day:Int32}) AND toDate({last_day:Int32})
          AND (day < toDate({months_from:Int32}) OR day >= toDate({months_until:Int32}))
          AND hour BETWEEN {hour_min:Int8} AND {hour_max:Int8}
          AND ({first_hour:Int8} <= 0 OR day > toDate({first_day:Int32}) OR hour >= {first_hour:Int8})
          AND ({last_hour:Int8} IN (-1, 23) OR day < toDate({last_day:Int32}) OR hour <= {last_hour:Int8})
        UNION ALL
        SELECT
            toStartOfMonth(counts.day) AS day, toInt8(-1) AS hour,
            if(counts.by_dimension = '' AND counts.hour < 0, counts.value, '') AS value, '' AS by_value,
            sum(counts.visitors) AS visitors, sum(counts.visits) AS visits, sum(counts.pageviews) AS pageviews,
            sum(counts.events) AS events, sum(counts.bounces) AS bounces, sum(counts.visit_seconds) AS visit_seconds,
            sum(counts.entries) AS entries, sum(counts.exits) AS exits, sum(counts.engaged_ms) AS engaged_ms,
            sum(counts.scroll_percent) AS scroll_percent, sum(counts.scroll_visitors) AS scroll_visitors,
            sum(counts.revenue_micros) AS revenue_micros
        FROM counts
        WHERE site IN {sites:Array(String)}
          AND dimension = {dimension:String}
          AND by_dimension = '' AND counts.hour = -1
          AND toStartOfMonth(counts.day) >= toDate({months_from:Int32})
          AND toStartOfMonth(counts.day) < toDate({months_until:Int32})
        GROUP BY day, value
    )
    WHERE ({prefix:String} = '' OR startsWith(value, {prefix:String}))
      AND ({any:Bool} OR value IN {is:Array(String)})
      AND ({keeps_other:Bool} OR value NOT IN ('(other)', concat({prefix:String}, '(other)')))
      AND (empty({is_not:Array(String)}) OR value NOT IN {is_not:Array(String)})
      AND ({matches:String} = '' OR match(substring(value, 1 + length({prefix:String})), {matches:String}))
      AND ({matches_not:String} = '' OR NOT match(substring(value, 1 + length({prefix:String})), {matches_not:String}))

      AND ({by_prefix:String} = '' OR startsWith(by_value, {by_prefix:String}))
      AND ({by_any:Bool} OR by_value IN {by_is:Array(String)})
      AND ({by_keeps_other:Bool} OR by_value NOT IN ('(other)', concat({by_prefix:String}, '(other)')))
      AND (empty({by_is_not:Array(String)}) OR by_value NOT IN {by_is_not:Array(String)})
      AND ({by_matches:String} = '' OR match(substring(by_value, 1 + length({by_prefix:String})), {by_matches:String}))
      AND ({by_matches_not:String} = '' OR NOT match(substring(by_value, 1 + length({by_prefix:String})), {by_matches_not:String}))
)
-- What the cells add up to per hour, day, week or month; buckets without a count are left out.
SELECT *, count() OVER () AS rows_total
FROM
(
    SELECT
        toInt32(multiIf(
            {grain:String} = 'week', greatest(toMonday(day), toDate({first_day:Int32})),
            {grain:String} = 'month', toStartOfMonth(day),
            day)) AS at_day,
        if({grain:String} = 'hour', hour, toInt8(-1)) AS at_hour, '' AS named,
        sum(kept.visitors) AS visitors, sum(kept.visits) AS visits, sum(kept.pageviews) AS pageviews,
        sum(kept.events) AS events, sum(kept.bounces) AS bounces, sum(kept.visit_seconds) AS visit_seconds,
        sum(kept.entries) AS entries, sum(kept.exits) AS exits, sum(kept.engaged_ms) AS engaged_ms,
        sum(kept.scroll_percent) AS scroll_percent, sum(kept.scroll_visitors) AS scroll_visitors,
        sum(kept.revenue_micros) AS revenue_micros
    FROM kept
    GROUP BY at_day, at_hour
    HAVING visitors != 0 OR visits != 0 OR pageviews != 0 OR events != 0 OR engaged_ms != 0
)
ORDER BY named, at_day, at_hour
LIMIT {limit:UInt64} OFFSET {offset:UInt64}
;

-- default_format = RowBinaryWithNamesAndTypes
-- max_execution_time = 20
-- max_memory_usage = 1000000000
-- max_rows_to_read = 2000000000
-- The cells a question is about. Every question of counts reads from `kept`; nothing else reads the table.
-- `name` is the value the answer is broken down by; which column holds it depends on the order of the pair's dimensions.
-- Whole months, where a question of one dimension has any and does not ask by day, are read as their sums, from the projection
-- `months`: its own expressions stand here, so that the engine finds it. A test that keeps everything is left out before a row is read.
-- `tens` is a count as it is told in tens (`privacy::disclosure`), so that an order says no more than the rows do.
WITH
(count) -> multiIf(count <= 0, 0, count < 10, 5, floor((count + 5) / 10) * 10) AS tens,
kept AS
(
    SELECT
        day, hour, if({split_by:Bool}, by_value, value) AS name,
        visitors, visits, pageviews, events, bounces, visit_seconds, entries, exits,
        engaged_ms, scroll_percent, scroll_visitors, revenue_micros
    FROM
    (
        SELECT
            day, hour, value, by_value, visitors, visits, pageviews, events, bounces, visit_seconds, entries, exits,
            engaged_ms, scroll_percent, scroll_visitors, revenue_micros
        FROM counts
        WHERE site IN {sites:Array(String)}
          AND dimension = {dimension:String}
          AND by_dimension = {by_dimension:String}
          AND day BETWEEN toDate({first_day:Int32}) AND toDate({last_day:Int32})
          AND (day < toDate({months_from:Int32}) OR day >= toDate({months_until:Int32}))
          AND hour BETWEEN {hour_min:Int8} AND {hour_max:Int8}
          AND ({first_hour:Int8} <= 0 OR day > toDate({first_day:Int32}) OR hour >= {first_hour:Int8})
          AND ({last_hour:Int8} IN (-1, 23) OR day < toDate({last_day:Int32}) OR hour <= {last_hour:Int8})
        UNION ALL
        SELECT
            toStartOfMonth(counts.day) AS day, toInt8(-1) AS hour,
            if(counts.by_dimension = '' AND counts.hour < 0, counts.value, '') AS value, '' AS by_value,
            sum(counts.visitors) AS visitors, sum(counts.visits) AS visits, sum(counts.pageviews) AS pageviews,
            sum(counts.events) AS events, sum(counts.bounces) AS bounces, sum(counts.visit_seconds) AS visit_seconds,
            sum(counts.entries) AS entries, sum(counts.exits) AS exits, sum(counts.engaged_ms) AS engaged_ms,
            sum(counts.scroll_percent) AS scroll_percent, sum(counts.scroll_visitors) AS scroll_visitors,
            sum(counts.revenue_micros) AS revenue_micros
        FROM counts
        WHERE site IN {sites:Array(String)}
          AND dimension = {dimension:String}
          AND by_dimension = '' AND counts.hour = -1
          AND toStartOfMonth(counts.day) >= toDate({months_from:Int32})
          AND toStartOfMonth(counts.day) < toDate({months_until:Int32})
        GROUP BY day, value
    )
    WHERE ({prefix:String} = '' OR startsWith(value, {prefix:String}))
      AND ({any:Bool} OR value IN {is:Array(String)})
      AND ({keeps_other:Bool} OR value NOT IN ('(other)', concat({prefix:String}, '(other)')))
      AND (empty({is_not:Array(String)}) OR value NOT IN {is_not:Array(String)})
      AND ({matches:String} = '' OR match(substring(value, 1 + length({prefix:String})), {matches:String}))
      AND ({matches_not:String} = '' OR NOT match(substring(value, 1 + length({prefix:String})), {matches_not:String}))

      AND ({by_prefix:String} = '' OR startsWith(by_value, {by_prefix:String}))
      AND ({by_any:Bool} OR by_value IN {by_is:Array(String)})
      AND ({by_keeps_other:Bool} OR by_value NOT IN ('(other)', concat({by_prefix:String}, '(other)')))
      AND (empty({by_is_not:Array(String)}) OR by_value NOT IN {by_is_not:Array(String)})
      AND ({by_matches:String} = '' OR match(substring(by_value, 1 + length({by_prefix:String})), {by_matches:String}))
      AND ({by_matches_not:String} = '' OR NOT match(substring(by_value, 1 + length({by_prefix:String})), {by_matches_not:String}))
)
-- What the cells add up to per value of one dimension: the top list.
SELECT *, count() OVER () AS rows_total
FROM
(
    SELECT
        toInt32(0) AS at_day, toInt8(-1) AS at_hour, name AS named,
        sum(kept.visitors) AS visitors, sum(kept.visits) AS visits, sum(kept.pageviews) AS pageviews,
        sum(kept.events) AS events, sum(kept.bounces) AS bounces, sum(kept.visit_seconds) AS visit_seconds,
        sum(kept.entries) AS entries, sum(kept.exits) AS exits, sum(kept.engaged_ms) AS engaged_ms,
        sum(kept.scroll_percent) AS scroll_percent, sum(kept.scroll_visitors) AS scroll_visitors,
        sum(kept.revenue_micros) AS revenue_micros
    FROM kept
    GROUP BY named
    HAVING visitors != 0 OR visits != 0 OR pageviews != 0 OR events != 0 OR engaged_ms != 0
)
ORDER BY named, at_day, at_hour
LIMIT {limit:UInt64} OFFSET {offset:UInt64}
;

-- default_format = RowBinaryWithNamesAndTypes
-- max_execution_time = 20
-- max_memory_usage = 1000000000
-- max_rows_to_read = 2000000000
-- The cells a question is about. Every question of counts reads from `kept`; nothing else reads the table.
-- `name` is the value the answer is broken down by; which column holds it depends on the order of the pair's dimensions.
-- Whole months, where a question of one dimension has any and does not ask by day, are read as their sums, from the projection
-- `months`: its own expressions stand here, so that the engine finds it. A test that keeps everything is left out before a row is read.
-- `tens` is a count as it is told in tens (`privacy::disclosure`), so that an order says no more than the rows do.
WITH
(count) -> multiIf(count <= 0, 0, count < 10, 5, floor((count + 5) / 10) * 10) AS tens,
kept AS
(
    SELECT
        day, hour, if({split_by:Bool}, by_value, value) AS name,
        visitors, visits, pageviews, events, bounces, visit_seconds, entries, exits,
        engaged_ms, scroll_percent, scroll_visitors, revenue_micros
    FROM
    (
        SELECT
            day, hour, value, by_value, visitors, visits, pageviews, events, bounces, visit_seconds, entries, exits,
            engaged_ms, scroll_percent, scroll_visitors, revenue_micros
        FROM counts
        WHERE site IN {sites:Array(String)}
          AND dimension = {dimension:String}
          AND by_dimension = {by_dimension:String}
          AND day BETWEEN toDate({first_day:Int32}) AND toDate({last_day:Int32})
          AND (day < toDate({months_from:Int32}) OR day >= toDate({months_until:Int32}))
          AND hour BETWEEN {hour_min:Int8} AND {hour_max:Int8}
          AND ({first_hour:Int8} <= 0 OR day > toDate({first_day:Int32}) OR hour >= {first_hour:Int8})
          AND ({last_hour:Int8} IN (-1, 23) OR day < toDate({last_day:Int32}) OR hour <= {last_hour:Int8})
        UNION ALL
        SELECT
            toStartOfMonth(counts.day) AS day, toInt8(-1) AS hour,
            if(counts.by_dimension = '' AND counts.hour < 0, counts.value, '') AS value, '' AS by_value,
            sum(counts.visitors) AS visitors, sum(counts.visits) AS visits, sum(counts.pageviews) AS pageviews,
            sum(counts.events) AS events, sum(counts.bounces) AS bounces, sum(counts.visit_seconds) AS visit_seconds,
            sum(counts.entries) AS entries, sum(counts.exits) AS exits, sum(counts.engaged_ms) AS engaged_ms,
            sum(counts.scroll_percent) AS scroll_percent, sum(counts.scroll_visitors) AS scroll_visitors,
            sum(counts.revenue_micros) AS revenue_micros
        FROM counts
        WHERE site IN {sites:Array(String)}
          AND dimension = {dimension:String}
          AND by_dimension = '' AND counts.hour = -1
          AND toStartOfMonth(counts.day) >= toDate({months_from:Int32})
          AND toStartOfMonth(counts.day) < toDate({months_until:Int32})
        GROUP BY day, value
    )
    WHERE ({prefix:String} = '' OR startsWith(value, {prefix:String}))
      AND ({any:Bool} OR value IN {is:Array(String)})
      AND ({keeps_other:Bool} OR value NOT IN ('(other)', concat({prefix:String}, '(other)')))
      AND (empty({is_not:Array(String)}) OR value NOT IN {is_not:Array(String)})
      AND ({matches:String} = '' OR match(substring(value, 1 + length({prefix:String})), {matches:String}))
      AND ({matches_not:String} = '' OR NOT match(substring(value, 1 + length({prefix:String})), {matches_not:String}))

      AND ({by_prefix:String} = '' OR startsWith(by_value, {by_prefix:String}))
      AND ({by_any:Bool} OR by_value IN {by_is:Array(String)})
      AND ({by_keeps_other:Bool} OR by_value NOT IN ('(other)', concat({by_prefix:String}, '(other)')))
      AND (empty({by_is_not:Array(String)}) OR by_value NOT IN {by_is_not:Array(String)})
      AND ({by_matches:String} = '' OR match(substring(by_value, 1 + length({by_prefix:String})), {by_matches:String}))
      AND ({by_matches_not:String} = '' OR NOT match(substring(by_value, 1 + length({by_prefix:String})), {by_matches_not:String}))
)
-- What the cells add up to per value of one dimension and per hour, day, week or month.
SELECT *, count() OVER () AS rows_total
FROM
(
    SELECT
        toInt32(multiIf(
            {grain:String} = 'week', greatest(toMonday(day), toDate({first_day:Int32})),
            {grain:String} = 'month', toStartOfMonth(day),
            day)) AS at_day,
        if({grain:String} = 'hour', hour, toInt8(-1)) AS at_hour, name AS named,
        sum(kept.visitors) AS visitors, sum(kept.visits) AS visits, sum(kept.pageviews) AS pageviews,
        sum(kept.events) AS events, sum(kept.bounces) AS bounces, sum(kept.visit_seconds) AS visit_seconds,
        sum(kept.entries) AS entries, sum(kept.exits) AS exits, sum(kept.engaged_ms) AS engaged_ms,
        sum(kept.scroll_percent) AS scroll_percent, sum(kept.scroll_visitors) AS scroll_visitors,
        sum(kept.revenue_micros) AS revenue_micros
    FROM kept
    GROUP BY at_day, at_hour, named
    HAVING visitors != 0 OR visits != 0 OR pageviews != 0 OR events != 0 OR engaged_ms != 0
)
ORDER BY named, at_day, at_hour
LIMIT {limit:UInt64} OFFSET {offset:UInt64}
;

-- default_format = RowBinaryWithNamesAndTypes
-- max_execution_time = 20
-- max_memory_usage = 1000000000
-- max_rows_to_read = 2000000000
-- How many measurements are in each bucket of the web vitals: of the site, or of the values of one dimension that have the most. The bucket
-- is the cell's second value, of the site's own cells the first.
SELECT value, by_value, sum(counts.events) AS measurements
FROM counts
WHERE site = {site:String}
  AND dimension = {dimension:String}
  AND by_dimension = {by_dimension:String}
  AND hour = -1
  AND day BETWEEN toDate({first_day:Int32}) AND toDate({last_day:Int32})
  AND by_value != '(other)'
  AND ({any:Bool} OR value = {is:String})
  AND ({dimension:String} = 'vital' OR value IN
  (
      SELECT value
      FROM counts
      WHERE site = {site:String}
        AND dimension = {dimension:String}
        AND by_dimension = {by_dimension:String}
        AND hour = -1
        AND day BETWEEN toDate({first_day:Int32}) AND toDate({last_day:Int32})
        AND by_value != '(other)'
        AND ({any:Bool} OR value = {is:String})
      GROUP BY value
      -- The order says no more than the numbers that are told, in tens where they are.
      ORDER BY
          if({in_tens:Bool}, if(sum(counts.events) < 10, 5, intDiv(sum(counts.events) + 5, 10) * 10), sum(counts.events)) DESC,
          value
      LIMIT {limit:UInt64}
  ))
GROUP BY value, by_value
HAVING measurements != 0
ORDER BY value, by_value
;

-- default_format = RowBinaryWithNamesAndTypes
-- max_execution_time = 20
-- max_memory_usage = 1000000000
-- max_rows_to_read = 2000000000
-- The names of the properties that events had, the most frequent first: what stands before the first `=` of a value.
SELECT substring(value, 1, position(value, '=') - 1) AS name, sum(counts.events) AS events, count() OVER () AS names_total
FROM counts
WHERE site = {site:String}
  AND dimension = 'property'
  AND by_dimension = ''
  AND hour = -1
  AND day BETWEEN toDate({first_day:Int32}) AND toDate({last_day:Int32})
  AND position(value, '=') > 1
GROUP BY name
HAVING events != 0
ORDER BY events DESC, name
LIMIT {limit:UInt64}
;

-- default_format = RowBinaryWithNamesAndTypes
SELECT table, name, type AS kind FROM system.columns WHERE database = currentDatabase() ORDER BY table, position
;

-- default_format = RowBinaryWithNamesAndTypes
SELECT name FROM system.tables WHERE database = 'system' AND endsWith(name, '_log') AND engine LIKE '%MergeTree'
;

-- default_format = RowBinaryWithNamesAndTypes
SELECT [countIf(match(toString(`site`), '(^|[^0-9.])((25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])\\.){3}(25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])($|[^0-9.])')), countIf(match(toString(`site`), '([0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f]{1,4}|([0-9A-Fa-f]{1,4}:){2,6}:[0-9A-Fa-f]{0,4}')), countIf(match(toString(`site`), '[A-Za-z0-9._+-](@|%40)[A-Za-z0-9-]+(\\.[A-Za-z0-9-]+)*\\.[A-Za-z]{2,}')), countIf(match(toString(`site`), 'Mozilla/[0-9]|AppleWebKit/[0-9]|\\(KHTML, like')), countIf(match(toString(`site`), '[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}')), countIf(match(toString(`site`), '(^|[^0-9A-Za-z])[0-9A-Fa-f]{16,}($|[^0-9A-Za-z])')), countIf(match(toString(`site`), '[0-9]{9}'))] AS found FROM `closings`
;

-- default_format = RowBinaryWithNamesAndTypes
SELECT [countIf(match(toString(`step`), '(^|[^0-9.])((25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])\\.){3}(25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])($|[^0-9.])')), countIf(match(toString(`step`), '([0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f]{1,4}|([0-9A-Fa-f]{1,4}:){2,6}:[0-9A-Fa-f]{0,4}')), countIf(match(toString(`step`), '[A-Za-z0-9._+-](@|%40)[A-Za-z0-9-]+(\\.[A-Za-z0-9-]+)*\\.[A-Za-z]{2,}')), countIf(match(toString(`step`), 'Mozilla/[0-9]|AppleWebKit/[0-9]|\\(KHTML, like')), countIf(match(toString(`step`), '[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}')), countIf(match(toString(`step`), '(^|[^0-9A-Za-z])[0-9A-Fa-f]{16,}($|[^0-9A-Za-z])')), countIf(match(toString(`step`), '[0-9]{9}'))] AS found FROM `closings`
;

-- default_format = RowBinaryWithNamesAndTypes
SELECT [countIf(match(toString(`site`), '(^|[^0-9.])((25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])\\.){3}(25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])($|[^0-9.])')), countIf(match(toString(`site`), '([0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f]{1,4}|([0-9A-Fa-f]{1,4}:){2,6}:[0-9A-Fa-f]{0,4}')), countIf(match(toString(`site`), '[A-Za-z0-9._+-](@|%40)[A-Za-z0-9-]+(\\.[A-Za-z0-9-]+)*\\.[A-Za-z]{2,}')), countIf(match(toString(`site`), 'Mozilla/[0-9]|AppleWebKit/[0-9]|\\(KHTML, like')), countIf(match(toString(`site`), '[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}')), countIf(match(toString(`site`), '(^|[^0-9A-Za-z])[0-9A-Fa-f]{16,}($|[^0-9A-Za-z])')), countIf(match(toString(`site`), '[0-9]{9}'))] AS found FROM `counts`
;

-- default_format = RowBinaryWithNamesAndTypes
SELECT [countIf(match(toString(`dimension`), '(^|[^0-9.])((25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])\\.){3}(25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])($|[^0-9.])')), countIf(match(toString(`dimension`), '([0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f]{1,4}|([0-9A-Fa-f]{1,4}:){2,6}:[0-9A-Fa-f]{0,4}')), countIf(match(toString(`dimension`), '[A-Za-z0-9._+-](@|%40)[A-Za-z0-9-]+(\\.[A-Za-z0-9-]+)*\\.[A-Za-z]{2,}')), countIf(match(toString(`dimension`), 'Mozilla/[0-9]|AppleWebKit/[0-9]|\\(KHTML, like')), countIf(match(toString(`dimension`), '[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}')), countIf(match(toString(`dimension`), '(^|[^0-9A-Za-z])[0-9A-Fa-f]{16,}($|[^0-9A-Za-z])')), countIf(match(toString(`dimension`), '[0-9]{9}'))] AS found FROM `counts`
;

-- default_format = RowBinaryWithNamesAndTypes
SELECT [countIf(dimension NOT IN ('hostname') AND match(if(dimension = 'referrer', substring(`value`, position(`value`, '/')), `value`), '(^|[^0-9.])((25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])\\.){3}(25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])($|[^0-9.])')), countIf(dimension NOT IN ('hostname') AND match(if(dimension = 'referrer', substring(`value`, position(`value`, '/')), `value`), '([0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f]{1,4}|([0-9A-Fa-f]{1,4}:){2,6}:[0-9A-Fa-f]{0,4}')), countIf(dimension NOT IN ('') AND match(if(dimension = 'referrer', substring(`value`, position(`value`, '/')), `value`), '[A-Za-z0-9._+-](@|%40)[A-Za-z0-9-]+(\\.[A-Za-z0-9-]+)*\\.[A-Za-z]{2,}')), countIf(dimension NOT IN ('') AND match(if(dimension = 'referrer', substring(`value`, position(`value`, '/')), `value`), 'Mozilla/[0-9]|AppleWebKit/[0-9]|\\(KHTML, like')), countIf(dimension NOT IN ('') AND match(if(dimension = 'referrer', substring(`value`, position(`value`, '/')), `value`), '[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}')), countIf(dimension NOT IN ('hostname', 'source', 'utm_source', 'utm_medium', 'utm_campaign', 'utm_term', 'utm_content') AND match(if(dimension = 'referrer', substring(`value`, position(`value`, '/')), `value`), '(^|[^0-9A-Za-z])[0-9A-Fa-f]{16,}($|[^0-9A-Za-z])')), countIf(dimension NOT IN ('hostname', 'source', 'utm_source', 'utm_medium', 'utm_campaign', 'utm_term', 'utm_content') AND match(if(dimension = 'referrer', substring(`value`, position(`value`, '/')), `value`), '[0-9]{9}'))] AS found FROM `counts`
;

-- default_format = RowBinaryWithNamesAndTypes
SELECT [countIf(match(toString(`by_dimension`), '(^|[^0-9.])((25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])\\.){3}(25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])($|[^0-9.])')), countIf(match(toString(`by_dimension`), '([0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f]{1,4}|([0-9A-Fa-f]{1,4}:){2,6}:[0-9A-Fa-f]{0,4}')), countIf(match(toString(`by_dimension`), '[A-Za-z0-9._+-](@|%40)[A-Za-z0-9-]+(\\.[A-Za-z0-9-]+)*\\.[A-Za-z]{2,}')), countIf(match(toString(`by_dimension`), 'Mozilla/[0-9]|AppleWebKit/[0-9]|\\(KHTML, like')), countIf(match(toString(`by_dimension`), '[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}')), countIf(match(toString(`by_dimension`), '(^|[^0-9A-Za-z])[0-9A-Fa-f]{16,}($|[^0-9A-Za-z])')), countIf(match(toString(`by_dimension`), '[0-9]{9}'))] AS found FROM `counts`
;

-- default_format = RowBinaryWithNamesAndTypes
SELECT [countIf(by_dimension NOT IN ('hostname') AND match(if(by_dimension = 'referrer', substring(`by_value`, position(`by_value`, '/')), `by_value`), '(^|[^0-9.])((25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])\\.){3}(25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])($|[^0-9.])')), countIf(by_dimension NOT IN ('hostname') AND match(if(by_dimension = 'referrer', substring(`by_value`, position(`by_value`, '/')), `by_value`), '([0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f]{1,4}|([0-9A-Fa-f]{1,4}:){2,6}:[0-9A-Fa-f]{0,4}')), countIf(by_dimension NOT IN ('') AND match(if(by_dimension = 'referrer', substring(`by_value`, position(`by_value`, '/')), `by_value`), '[A-Za-z0-9._+-](@|%40)[A-Za-z0-9-]+(\\.[A-Za-z0-9-]+)*\\.[A-Za-z]{2,}')), countIf(by_dimension NOT IN ('') AND match(if(by_dimension = 'referrer', substring(`by_value`, position(`by_value`, '/')), `by_value`), 'Mozilla/[0-9]|AppleWebKit/[0-9]|\\(KHTML, like')), countIf(by_dimension NOT IN ('') AND match(if(by_dimension = 'referrer', substring(`by_value`, position(`by_value`, '/')), `by_value`), '[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}')), countIf(by_dimension NOT IN ('hostname', 'source', 'utm_source', 'utm_medium', 'utm_campaign', 'utm_term', 'utm_content') AND match(if(by_dimension = 'referrer', substring(`by_value`, position(`by_value`, '/')), `by_value`), '(^|[^0-9A-Za-z])[0-9A-Fa-f]{16,}($|[^0-9A-Za-z])')), countIf(by_dimension NOT IN ('hostname', 'source', 'utm_source', 'utm_medium', 'utm_campaign', 'utm_term', 'utm_content') AND match(if(by_dimension = 'referrer', substring(`by_value`, position(`by_value`, '/')), `by_value`), '[0-9]{9}'))] AS found FROM `counts`
;

-- default_format = RowBinaryWithNamesAndTypes
SELECT [countIf(match(toString(`site`), '(^|[^0-9.])((25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])\\.){3}(25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])($|[^0-9.])')), countIf(match(toString(`site`), '([0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f]{1,4}|([0-9A-Fa-f]{1,4}:){2,6}:[0-9A-Fa-f]{0,4}')), countIf(match(toString(`site`), '[A-Za-z0-9._+-](@|%40)[A-Za-z0-9-]+(\\.[A-Za-z0-9-]+)*\\.[A-Za-z]{2,}')), countIf(match(toString(`site`), 'Mozilla/[0-9]|AppleWebKit/[0-9]|\\(KHTML, like')), countIf(match(toString(`site`), '[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}')), countIf(match(toString(`site`), '(^|[^0-9A-Za-z])[0-9A-Fa-f]{16,}($|[^0-9A-Za-z])')), countIf(match(toString(`site`), '[0-9]{9}'))] AS found FROM `imports`
;

-- default_format = RowBinaryWithNamesAndTypes
SELECT [countIf(match(toString(`site`), '(^|[^0-9.])((25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])\\.){3}(25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])($|[^0-9.])')), countIf(match(toString(`site`), '([0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f]{1,4}|([0-9A-Fa-f]{1,4}:){2,6}:[0-9A-Fa-f]{0,4}')), countIf(match(toString(`site`), '[A-Za-z0-9._+-](@|%40)[A-Za-z0-9-]+(\\.[A-Za-z0-9-]+)*\\.[A-Za-z]{2,}')), countIf(match(toString(`site`), 'Mozilla/[0-9]|AppleWebKit/[0-9]|\\(KHTML, like')), countIf(match(toString(`site`), '[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}')), countIf(match(toString(`site`), '(^|[^0-9A-Za-z])[0-9A-Fa-f]{16,}($|[^0-9A-Za-z])')), countIf(match(toString(`site`), '[0-9]{9}'))] AS found FROM `ledger`
;

-- default_format = RowBinaryWithNamesAndTypes
SELECT [countIf(match(toString(`outcome`), '(^|[^0-9.])((25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])\\.){3}(25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])($|[^0-9.])')), countIf(match(toString(`outcome`), '([0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f]{1,4}|([0-9A-Fa-f]{1,4}:){2,6}:[0-9A-Fa-f]{0,4}')), countIf(match(toString(`outcome`), '[A-Za-z0-9._+-](@|%40)[A-Za-z0-9-]+(\\.[A-Za-z0-9-]+)*\\.[A-Za-z]{2,}')), countIf(match(toString(`outcome`), 'Mozilla/[0-9]|AppleWebKit/[0-9]|\\(KHTML, like')), countIf(match(toString(`outcome`), '[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}')), countIf(match(toString(`outcome`), '(^|[^0-9A-Za-z])[0-9A-Fa-f]{16,}($|[^0-9A-Za-z])')), countIf(match(toString(`outcome`), '[0-9]{9}'))] AS found FROM `ledger`
;

-- default_format = RowBinaryWithNamesAndTypes
SELECT [countIf(match(toString(`reason`), '(^|[^0-9.])((25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])\\.){3}(25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])($|[^0-9.])')), countIf(match(toString(`reason`), '([0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f]{1,4}|([0-9A-Fa-f]{1,4}:){2,6}:[0-9A-Fa-f]{0,4}')), countIf(match(toString(`reason`), '[A-Za-z0-9._+-](@|%40)[A-Za-z0-9-]+(\\.[A-Za-z0-9-]+)*\\.[A-Za-z]{2,}')), countIf(match(toString(`reason`), 'Mozilla/[0-9]|AppleWebKit/[0-9]|\\(KHTML, like')), countIf(match(toString(`reason`), '[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}')), countIf(match(toString(`reason`), '(^|[^0-9A-Za-z])[0-9A-Fa-f]{16,}($|[^0-9A-Za-z])')), countIf(match(toString(`reason`), '[0-9]{9}'))] AS found FROM `ledger`
;

-- default_format = RowBinaryWithNamesAndTypes
SELECT [countIf(match(toString(`site`), '(^|[^0-9.])((25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])\\.){3}(25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])($|[^0-9.])')), countIf(match(toString(`site`), '([0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f]{1,4}|([0-9A-Fa-f]{1,4}:){2,6}:[0-9A-Fa-f]{0,4}')), countIf(match(toString(`site`), '[A-Za-z0-9._+-](@|%40)[A-Za-z0-9-]+(\\.[A-Za-z0-9-]+)*\\.[A-Za-z]{2,}')), countIf(match(toString(`site`), 'Mozilla/[0-9]|AppleWebKit/[0-9]|\\(KHTML, like')), countIf(match(toString(`site`), '[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}')), countIf(match(toString(`site`), '(^|[^0-9A-Za-z])[0-9A-Fa-f]{16,}($|[^0-9A-Za-z])')), countIf(match(toString(`site`), '[0-9]{9}'))] AS found FROM `live`
;

-- default_format = RowBinaryWithNamesAndTypes
SELECT [countIf(match(toString(`reason`), '(^|[^0-9.])((25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])\\.){3}(25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])($|[^0-9.])')), countIf(match(toString(`reason`), '([0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f]{1,4}|([0-9A-Fa-f]{1,4}:){2,6}:[0-9A-Fa-f]{0,4}')), countIf(match(toString(`reason`), '[A-Za-z0-9._+-](@|%40)[A-Za-z0-9-]+(\\.[A-Za-z0-9-]+)*\\.[A-Za-z]{2,}')), countIf(match(toString(`reason`), 'Mozilla/[0-9]|AppleWebKit/[0-9]|\\(KHTML, like')), countIf(match(toString(`reason`), '[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}')), countIf(match(toString(`reason`), '(^|[^0-9A-Za-z])[0-9A-Fa-f]{16,}($|[^0-9A-Za-z])')), countIf(match(toString(`reason`), '[0-9]{9}'))] AS found FROM `lost`
;

-- default_format = RowBinaryWithNamesAndTypes
SELECT [countIf(match(toString(`name`), '(^|[^0-9.])((25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])\\.){3}(25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])($|[^0-9.])')), countIf(match(toString(`name`), '([0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f]{1,4}|([0-9A-Fa-f]{1,4}:){2,6}:[0-9A-Fa-f]{0,4}')), countIf(match(toString(`name`), '[A-Za-z0-9._+-](@|%40)[A-Za-z0-9-]+(\\.[A-Za-z0-9-]+)*\\.[A-Za-z]{2,}')), countIf(match(toString(`name`), 'Mozilla/[0-9]|AppleWebKit/[0-9]|\\(KHTML, like')), countIf(match(toString(`name`), '[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}')), countIf(match(toString(`name`), '(^|[^0-9A-Za-z])[0-9A-Fa-f]{16,}($|[^0-9A-Za-z])')), countIf(match(toString(`name`), '[0-9]{9}'))] AS found FROM `migrations`
;

-- default_format = RowBinaryWithNamesAndTypes
-- How many cells of a site's closed days may not stay, and how many days are closed.
SELECT
    assumeNotNull((SELECT count() FROM
    (
        SELECT 1
        FROM counts
        WHERE site = {site:String} AND day IN (SELECT day FROM closings WHERE site = {site:String}
            GROUP BY day HAVING maxIf(round, step = 'begun') <= maxIf(round, step = 'clean'))
          AND (
    (hour >= 0 AND dimension NOT IN ('', 'page'))
    OR (hour < 0 AND by_dimension != '' AND (value, by_value) != ('(other)', '(other)')
        AND (by_dimension != 'vital' OR (day, dimension, value, splitByChar(' ', by_value)[1]) NOT IN (-- The pages and devices of which a vital was measured often enough on a day: all of its buckets stay or none, for a share of
-- measurements that is left out at one end would bend every percentile. No visitor is behind a measurement, so these are counted.
SELECT day, dimension, value, splitByChar(' ', by_value)[1] AS vital
FROM counts
WHERE site = {site:String} AND by_dimension = 'vital' AND hour = -1 AND true
GROUP BY day, dimension, value, vital
HAVING sum(counts.events) >= {visitors_min:Int64}
)))
    OR (hour < 0 AND by_dimension = '' AND dimension IN ('city', 'region', 'language', 'browser_version', 'os_version', 'utm_term', 'utm_content', 'segment') AND value != '(other)'))

        GROUP BY dimension, by_dimension, hour, value, by_value, day
        HAVING (hour >= 0 OR sum(visitors) < {visitors_min:Int64})
            AND (sum(visitors), sum(visits), sum(pageviews), sum(events), sum(bounces), sum(visit_seconds), sum(entries),
                 sum(exits), sum(engaged_ms), sum(scroll_percent), sum(scroll_visitors), sum(revenue_micros))
                != (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
    ))) AS small,
    assumeNotNull((SELECT uniqExact(day) FROM closings WHERE site = {site:String} AND step = 'clean')) AS days
;

-- default_format = RowBinaryWithNamesAndTypes
SELECT count() FROM (SELECT site, day FROM closings GROUP BY site, day HAVING ((day < toDate(0))) AND ((toDate(max(at)) < toDate(0))) AND (site, day) IN (SELECT site, day FROM counts WHERE dimension = '' AND by_dimension = ''))
;

-- default_format = RowBinaryWithNamesAndTypes
SELECT countIf(outcome NOT IN ('counted', 'minimal', 'refused', 'bot', 'late') OR (hits < 0 AND outcome != 'counted')), sum(hits) FROM ledger
;

