-- Visitors of the last five minutes on one site: each partition's latest line, summed.
SELECT sum(latest) FROM
(
    SELECT argMax(visitors, at) AS latest
    FROM live
    WHERE site = {site:String} AND at > toDateTime({since:Int64}, 'UTC') AND at <= toDateTime({now:Int64}, 'UTC')
    GROUP BY partition
)
