-- The names of the properties that events had, the most frequent first: what stands before the first `=` of a value.
SELECT substring(value, 1, position(value, '=') - 1) AS name, sum(counts.events) AS events, count() OVER () AS names_total
FROM counts
WHERE site = {site:String}
  AND dimension = 'property'
  AND by_dimension = ''
  AND hour = -1
  AND day BETWEEN toDate({first_day:Int32}) AND toDate({last_day:Int32})
  AND position(value, '=') > 1
GROUP BY name
HAVING events != 0
ORDER BY events DESC, name
LIMIT {limit:UInt64}
