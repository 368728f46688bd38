-- How many cells a round would fold into `(other)`, and how many hour cells it would drop.
SELECT countIf(hour < 0) AS folded, countIf(hour >= 0) AS hours FROM ({small})
