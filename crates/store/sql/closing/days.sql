-- Site-days that are not closed in the tables: those without a note that they are clean, those whose closing began again and
-- did not end, and those that got hour cells again which a closing drops. Days that are still open are among them; which
-- those are, is not the store's to know.
SELECT site, toInt32(day) AS day FROM
(
    SELECT site, day
    FROM counts
    WHERE dimension = '' AND by_dimension = '' AND hour = -1
      AND (site, day) NOT IN (SELECT site, day FROM closings WHERE step = 'clean')
    GROUP BY site, day
    UNION DISTINCT
    SELECT site, day
    FROM counts
    WHERE by_dimension = '' AND hour >= 0 AND dimension NOT IN ('', 'page')
    GROUP BY site, day
    UNION DISTINCT
    SELECT site, day
    FROM closings
    GROUP BY site, day
    HAVING maxIf(round, step = 'begun') > maxIf(round, step = 'clean')
)
ORDER BY day, site
