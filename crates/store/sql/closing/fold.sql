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
FROM ({small}LIMIT {cells_max:UInt64}) AS small
ARRAY JOIN if(small.hour < 0, [-1, 1], [-1]) AS side
GROUP BY small.hour, small.dimension, small.by_dimension, to_value, to_by_value
