-- The hours of a span in which records were lost; the first is in it, the last is not.
SELECT toInt64(toUnixTimestamp(lost.hour)) AS seconds, reason, sum(lost.records) AS records
FROM lost
WHERE lost.hour >= toDateTime({from_seconds:Int64}, 'UTC')
  AND lost.hour < toDateTime({until_seconds:Int64}, 'UTC')
GROUP BY seconds, reason
HAVING records != 0
ORDER BY seconds, reason
