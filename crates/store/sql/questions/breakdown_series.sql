-- What the cells add up to per value of one dimension and per hour, day, week or month.
SELECT * EXCEPT (measures), count() OVER () AS rows_total
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
        sum(kept.revenue_micros) AS revenue_micros,
        arrayMap(sum -> toFloat64(sum), [visitors, visits, pageviews, events, bounces, visit_seconds, entries, exits,
            engaged_ms, scroll_percent, scroll_visitors, revenue_micros, 1, at_day * 24 + at_hour]) AS measures
    FROM kept
    GROUP BY at_day, at_hour, named
    HAVING visitors != 0 OR visits != 0 OR pageviews != 0 OR events != 0 OR engaged_ms != 0
)
-- A sort key is one measure divided by another; the thirteenth is one, the fourteenth the bucket. The value stands
-- between the keys before it and those after it, and at the end when it was not asked for: pages of an answer never overlap.
ORDER BY
    arrayMap(
        (numerator, denominator, sign, taken, scale) ->
            sign * sort_number(measures[numerator], measures[denominator], taken, scale),
        {numerators:Array(UInt8)}, {denominators:Array(UInt8)}, {signs:Array(Int8)}, {taken:Array(UInt8)},
        {scales:Array(Float64)}),
    if({names_descending:Bool}, named, '') DESC,
    named,
    arrayMap(
        (numerator, denominator, sign, taken, scale) ->
            sign * sort_number(measures[numerator], measures[denominator], taken, scale),
        {after_numerators:Array(UInt8)}, {after_denominators:Array(UInt8)}, {after_signs:Array(Int8)},
        {after_taken:Array(UInt8)}, {after_scales:Array(Float64)})
LIMIT {limit:UInt64} OFFSET {offset:UInt64}
