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
ALTER TABLE counts MODIFY SETTING deduplicate_merge_projection_mode = 'rebuild', default_compression_codec = 'ZSTD(3)';
ALTER TABLE counts ADD PROJECTION IF NOT EXISTS months
(
    SELECT
        sum(visitors), sum(visits), sum(pageviews), sum(events), sum(bounces), sum(visit_seconds), sum(entries),
        sum(exits), sum(engaged_ms), sum(scroll_percent), sum(scroll_visitors), sum(revenue_micros)
    GROUP BY
        site, dimension, by_dimension, hour, if(by_dimension = '' AND hour < 0, value, ''), toStartOfMonth(day)
);
ALTER TABLE counts MATERIALIZE PROJECTION IF EXISTS months;
