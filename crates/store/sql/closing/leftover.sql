-- Cells of a closed day that add up to nothing and are still in the parts: each was taken back and is not merged away.
SELECT count() FROM
(
    SELECT 1
    FROM counts
    WHERE site = {site:String} AND day = toDate({day:Int32})
      AND ((hour >= 0 AND dimension NOT IN ('', 'page'))
        OR by_dimension != ''
        OR (hour < 0 AND dimension IN ({folded})))
    GROUP BY dimension, by_dimension, hour, value, by_value
    HAVING sum(visitors) = 0 AND sum(visits) = 0 AND sum(pageviews) = 0 AND sum(events) = 0 AND sum(bounces) = 0
       AND sum(visit_seconds) = 0 AND sum(entries) = 0 AND sum(exits) = 0 AND sum(engaged_ms) = 0
       AND sum(scroll_percent) = 0 AND sum(scroll_visitors) = 0 AND sum(revenue_micros) = 0
    LIMIT 1
)
