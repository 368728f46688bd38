-- How far the partition is that is furthest behind. One that has said nothing for as long as records live has none left to count.
SELECT count() AS partitions, toUnixTimestamp64Milli(min(latest)) AS at FROM
(
    SELECT partition, max(at) AS latest
    FROM reached
    GROUP BY partition
    HAVING latest >= toDateTime64({since:Int64}, 3, 'UTC')
)
