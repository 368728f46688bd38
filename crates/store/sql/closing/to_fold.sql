-- How many cells are to be folded into `(other)`, and how many hour cells to be dropped, in all rounds that are left. Which of them the
-- next round takes is not known before it is done.
SELECT countIf(hour < 0) AS folded, countIf(hour >= 0) AS hours FROM ({small})
