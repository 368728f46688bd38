-- How many cells of a site's closed days may not stay, and how many days are closed.
SELECT
    assumeNotNull((SELECT count() FROM
    (
        SELECT 1
        FROM counts
        WHERE site = {site:String} AND day IN (SELECT day FROM closings WHERE site = {site:String}
            GROUP BY day HAVING maxIf(round, step = 'begun') <= maxIf(round, step = 'clean'))
          AND {may_not_stay}
        GROUP BY dimension, by_dimension, hour, value, by_value, day
        HAVING (hour >= 0 OR sum(visitors) < {visitors_min:Int64})
            AND (sum(visitors), sum(visits), sum(pageviews), sum(events), sum(bounces), sum(visit_seconds), sum(entries),
                 sum(exits), sum(engaged_ms), sum(scroll_percent), sum(scroll_visitors), sum(revenue_micros))
                != (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
    ))) AS small,
    assumeNotNull((SELECT uniqExact(day) FROM closings WHERE site = {site:String} AND step = 'clean')) AS days
