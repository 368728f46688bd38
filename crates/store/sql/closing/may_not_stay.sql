(
    (hour >= 0 AND dimension NOT IN ('', 'page'))
    OR (hour < 0 AND by_dimension != '' AND (value, by_value) != ('(other)', '(other)')
        AND (by_dimension != 'vital' OR (day, dimension, value, splitByChar(' ', by_value)[1]) NOT IN ({enough_measured})))
    OR (hour < 0 AND by_dimension = '' AND dimension IN ({folded}) AND value != '(other)'))
