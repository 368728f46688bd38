-- The sums of each month, kept by the engine inside of each part: lists over a year read a row a value and month instead of one a
-- value and day. They come and go with the rows they are made of, in the same part: what a day's closing takes back leaves
-- them in the same merge, and a flush is in both or in neither. Hours are of no use over months and fall together.
--
-- `rebuild`: a merge adds up the rows of one key, so it makes the sums anew from what it wrote.
-- Parts from before get theirs in the background; until then their days are read.
ALTER TABLE counts MODIFY SETTING deduplicate_merge_projection_mode = 'rebuild';
ALTER TABLE counts ADD PROJECTION IF NOT EXISTS months
(
    SELECT
        sum(visitors), sum(visits), sum(pageviews), sum(events), sum(bounces), sum(visit_seconds), sum(entries),
        sum(exits), sum(engaged_ms), sum(scroll_percent), sum(scroll_visitors), sum(revenue_micros)
    GROUP BY
        site, dimension, by_dimension, hour < 0, if(hour < 0, value, ''), if(hour < 0, by_value, ''), toStartOfMonth(day)
);
ALTER TABLE counts MATERIALIZE PROJECTION IF EXISTS months;
