-- How many measurements are in each bucket of the web vitals: of the site, or of the values of one dimension that have the most. The bucket
-- is the cell's second value, of the site's own cells the first.
SELECT value, by_value, sum(counts.events) AS measurements
FROM counts
WHERE site = {site:String}
  AND dimension = {dimension:String}
  AND by_dimension = {by_dimension:String}
  AND hour = -1
  AND day BETWEEN toDate({first_day:Int32}) AND toDate({last_day:Int32})
  AND by_value != '(other)'
  AND ({any:Bool} OR value = {is:String})
  AND ({dimension:String} = 'vital' OR value IN
  (
      SELECT value
      FROM counts
      WHERE site = {site:String}
        AND dimension = {dimension:String}
        AND by_dimension = {by_dimension:String}
        AND hour = -1
        AND day BETWEEN toDate({first_day:Int32}) AND toDate({last_day:Int32})
        AND by_value != '(other)'
        AND ({any:Bool} OR value = {is:String})
      GROUP BY value
      -- The order says no more than the numbers that are told, in tens where they are.
      ORDER BY
          if({in_tens:Bool}, if(sum(counts.events) < 10, 5, intDiv(sum(counts.events) + 5, 10) * 10), sum(counts.events)) DESC,
          value
      LIMIT {limit:UInt64}
  ))
GROUP BY value, by_value
HAVING measurements != 0
ORDER BY value, by_value
