-- The last half hour of one site by minute: each partition's latest line of the minute, summed.
SELECT toUnixTimestamp(minute) AS at, sum(latest) AS visitors FROM
(
    SELECT toStartOfMinute(at) AS minute, partition, argMax(visitors, at) AS latest
    FROM live
    WHERE site = {site:String} AND at >= toDateTime({since:Int64}, 'UTC') AND at <= toDateTime({now:Int64}, 'UTC')
    GROUP BY minute, partition
)
GROUP BY minute
ORDER BY minute
