-- What became of every hit of a site in a span of minutes, and since when; the first is in it, the last is not.
SELECT outcome, reason, sum(ledger.hits) AS hits, toInt64(toUnixTimestamp(min(ledger.minute))) AS since_seconds
FROM ledger
WHERE site = {site:String}
  AND minute >= toDateTime({from_seconds:Int64}, 'UTC')
  AND minute < toDateTime({until_seconds:Int64}, 'UTC')
GROUP BY outcome, reason
HAVING hits != 0
ORDER BY outcome, reason
