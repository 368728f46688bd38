(
    (hour >= 0 AND dimension NOT IN ('', 'page'))
    OR (hour < 0 AND by_dimension != '' AND (value, by_value) != ('(other)', '(other)'))
    OR (hour < 0 AND by_dimension = '' AND dimension IN ({folded}) AND value != '(other)'))
