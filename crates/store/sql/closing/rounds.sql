-- How far a day's closing has come: the last round begun, folded and cleaned up after; rounds count from 1.
SELECT maxIf(round, step = 'begun') AS begun, maxIf(round, step = 'folded') AS folded, maxIf(round, step = 'clean') AS clean
FROM closings
WHERE site = {site:String} AND day = toDate({day:Int32})
