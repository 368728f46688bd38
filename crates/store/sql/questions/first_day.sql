-- The first day of some sites that has any count; no row when there is none.
SELECT toInt32(min(day)) AS first_day, count() AS cells
FROM counts
WHERE site IN {sites:Array(String)} AND dimension = '' AND by_dimension = '' AND hour = -1
