-- Sent by: migrate.

CREATE DATABASE IF NOT EXISTS `footfall`
;

-- async_insert = 0
-- deduplicate_blocks_in_dependent_materialized_views = 1
-- input_format_parallel_parsing = 0
-- insert_deduplicate = 1
-- insert_deduplication_token = (its token)
-- materialized_views_ignore_errors = 1
-- max_insert_block_size = 1000000
-- min_insert_block_size_bytes = 0
-- min_insert_block_size_rows = 1000000
INSERT INTO `migrations`(`name`,`sha256`) FORMAT RowBinaryWithNamesAndTypes
;

-- Sent by: processor.

-- default_format = RowBinaryWithNamesAndTypes
SELECT 1
;

-- async_insert = 0
-- deduplicate_blocks_in_dependent_materialized_views = 1
-- input_format_parallel_parsing = 0
-- insert_deduplicate = 1
-- insert_deduplication_token = (its token)
-- materialized_views_ignore_errors = 1
-- max_insert_block_size = 1000000
-- min_insert_block_size_bytes = 0
-- min_insert_block_size_rows = 1000000
INSERT INTO `counts`(`site`,`day`,`hour`,`dimension`,`value`,`by_dimension`,`by_value`,`visitors`,`visits`,`pageviews`,`events`,`bounces`,`visit_seconds`,`entries`,`exits`,`engaged_ms`,`scroll_percent`,`scroll_visitors`,`revenue_micros`) FORMAT RowBinaryWithNamesAndTypes
;

-- async_insert = 0
-- deduplicate_blocks_in_dependent_materialized_views = 1
-- input_format_parallel_parsing = 0
-- insert_deduplicate = 1
-- insert_deduplication_token = (its token)
-- materialized_views_ignore_errors = 1
-- max_insert_block_size = 1000000
-- min_insert_block_size_bytes = 0
-- min_insert_block_size_rows = 1000000
INSERT INTO `ledger`(`site`,`minute`,`outcome`,`reason`,`hits`) FORMAT RowBinaryWithNamesAndTypes
;

-- async_insert = 0
-- deduplicate_blocks_in_dependent_materialized_views = 1
-- input_format_parallel_parsing = 0
-- insert_deduplicate = 1
-- insert_deduplication_token = (its token)
-- materialized_views_ignore_errors = 1
-- max_insert_block_size = 1000000
-- min_insert_block_size_bytes = 0
-- min_insert_block_size_rows = 1000000
INSERT INTO `live`(`site`,`at`,`partition`,`visitors`) FORMAT RowBinaryWithNamesAndTypes
;

-- async_insert = 0
-- deduplicate_blocks_in_dependent_materialized_views = 1
-- input_format_parallel_parsing = 0
-- insert_deduplicate = 1
-- insert_deduplication_token = (its token)
-- materialized_views_ignore_errors = 1
-- max_insert_block_size = 1000000
-- min_insert_block_size_bytes = 0
-- min_insert_block_size_rows = 1000000
INSERT INTO `lost`(`hour`,`reason`,`records`) FORMAT RowBinaryWithNamesAndTypes
;

-- async_insert = 0
-- deduplicate_blocks_in_dependent_materialized_views = 1
-- input_format_parallel_parsing = 0
-- insert_deduplicate = 1
-- insert_deduplication_token = (its token)
-- materialized_views_ignore_errors = 1
-- max_insert_block_size = 1000000
-- min_insert_block_size_bytes = 0
-- min_insert_block_size_rows = 1000000
INSERT INTO `reached`(`partition`,`at`) FORMAT RowBinaryWithNamesAndTypes
;

-- async_insert = 0
-- deduplicate_blocks_in_dependent_materialized_views = 1
-- input_format_parallel_parsing = 0
-- insert_deduplicate = 1
-- insert_deduplication_token = (its token)
-- materialized_views_ignore_errors = 1
-- max_insert_block_size = 1000000
-- min_insert_block_size_bytes = 0
-- min_insert_block_size_rows = 1000000
INSERT INTO `closings`(`site`,`day`,`round`,`step`) FORMAT RowBinaryWithNamesAndTypes
;

-- async_insert = 0
-- deduplicate_blocks_in_dependent_materialized_views = 1
-- insert_deduplicate = 1
-- insert_deduplication_token = (its token)
-- materialized_views_ignore_errors = 1
-- max_block_size = 8192
-- max_bytes_before_external_group_by = 64000000
-- max_insert_block_size = 4000000
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

-- alter_sync = 2
-- mutations_sync = 2
ALTER TABLE counts CLEAR PROJECTION IF EXISTS months IN PARTITION 202606
;

-- alter_sync = 2
-- mutations_sync = 2
ALTER TABLE counts MATERIALIZE PROJECTION IF EXISTS months IN PARTITION 202606
;

-- async_insert = 0
-- deduplicate_blocks_in_dependent_materialized_views = 1
-- input_format_parallel_parsing = 0
-- insert_deduplicate = 1
-- insert_deduplication_token = (its token)
-- materialized_views_ignore_errors = 1
-- max_insert_block_size = 1000000
-- min_insert_block_size_bytes = 0
-- min_insert_block_size_rows = 1000000
INSERT INTO `imports`(`site`,`bytes`,`sha256`,`hits_wait`,`fold_version`,`begun`) FORMAT RowBinaryWithNamesAndTypes
;

-- Sent by: dashboard.

-- default_format = RowBinaryWithNamesAndTypes
SELECT 1
;

