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
