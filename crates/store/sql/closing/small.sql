-- The cells of a closed day that may not stay: hour grain beside totals and pages; level 2, and the dimensions that fold by
-- themselves, of too few visitors. What is taken back already adds up to nothing and is none of them.
SELECT hour, dimension, by_dimension, value, by_value,
    sum(counts.visitors) AS visitors, sum(counts.visits) AS visits, sum(counts.pageviews) AS pageviews,
    sum(counts.events) AS events, sum(counts.bounces) AS bounces, sum(counts.visit_seconds) AS visit_seconds,
    sum(counts.entries) AS entries, sum(counts.exits) AS exits, sum(counts.engaged_ms) AS engaged_ms,
    sum(counts.scroll_percent) AS scroll_percent, sum(counts.scroll_visitors) AS scroll_visitors,
    sum(counts.revenue_micros) AS revenue_micros
FROM counts
WHERE site = {site:String} AND day = toDate({day:Int32})
  AND {may_not_stay}
GROUP BY dimension, by_dimension, hour, value, by_value
HAVING (hour >= 0 OR visitors < {visitors_min:Int64})
    AND (visitors, visits, pageviews, events, bounces, visit_seconds, entries, exits, engaged_ms, scroll_percent,
         scroll_visitors, revenue_micros) != (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
