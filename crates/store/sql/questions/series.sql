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
