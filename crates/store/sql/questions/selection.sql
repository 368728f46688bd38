-- The cells a question is about. Every question of counts reads from `kept`; nothing else reads the table.
-- `name` is the value the answer is broken down by; which column holds it depends on the order of the pair's dimensions.
-- `sort_number` is a number as rows are ordered by it: 0 as it is; or as it is told in tens (`privacy::disclosure`), so that an
-- order says no more than the rows do: 1 a count, 2 a share of two counts, 3 a mean of amounts, each with what is
-- unknown first.
WITH
(count) -> multiIf(count <= 0, 0, count < 10, 5, floor((count + 5) / 10) * 10) AS tens,
(part, base, taken, scale) -> multiIf(
    taken = 0, ifNotFinite(part / base, 0),
    taken = 1, tens(part),
    base < 10, -1,
    taken = 2, roundBankers(tens(part) / tens(base) * scale),
    roundBankers(part / base * scale)) AS sort_number,
kept AS
(
    SELECT
        day, hour, if({split_by:Bool}, by_value, value) AS name,
        visitors, visits, pageviews, events, bounces, visit_seconds, entries, exits,
        engaged_ms, scroll_percent, scroll_visitors, revenue_micros
    FROM counts
    WHERE site IN {sites:Array(String)}
      AND dimension = {dimension:String}
      AND by_dimension = {by_dimension:String}
      AND day BETWEEN toDate({first_day:Int32}) AND toDate({last_day:Int32})
      AND hour BETWEEN {hour_min:Int8} AND {hour_max:Int8}
      AND (day > toDate({first_day:Int32}) OR hour >= {first_hour:Int8})
      AND (day < toDate({last_day:Int32}) OR hour <= {last_hour:Int8})

      AND startsWith(value, {prefix:String})
      AND ({any:Bool} OR value IN {is:Array(String)})
      AND value NOT IN {is_not:Array(String)}
      AND ({matches:String} = '' OR match(substring(value, 1 + length({prefix:String})), {matches:String}))
      AND ({matches_not:String} = '' OR NOT match(substring(value, 1 + length({prefix:String})), {matches_not:String}))

      AND startsWith(by_value, {by_prefix:String})
      AND ({by_any:Bool} OR by_value IN {by_is:Array(String)})
      AND by_value NOT IN {by_is_not:Array(String)}
      AND ({by_matches:String} = '' OR match(substring(by_value, 1 + length({by_prefix:String})), {by_matches:String}))
      AND ({by_matches_not:String} = '' OR NOT match(substring(by_value, 1 + length({by_prefix:String})), {by_matches_not:String}))
)
