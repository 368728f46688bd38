-- The pages and devices of which a vital was measured often enough on a day: all of its buckets stay or none, for a share of
-- measurements that is left out at one end would bend every percentile. No visitor is behind a measurement, so these are counted.
SELECT day, dimension, value, splitByChar(' ', by_value)[1] AS vital
FROM counts
WHERE site = {site:String} AND by_dimension = 'vital' AND hour = -1 AND {of_days}
GROUP BY day, dimension, value, vital
HAVING sum(counts.events) >= {visitors_min:Int64}
