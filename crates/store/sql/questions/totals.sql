-- What the cells add up to: one row.
SELECT
    toInt32(0) AS at_day, toInt8(-1) AS at_hour, '' AS named,
    sum(kept.visitors) AS visitors, sum(kept.visits) AS visits, sum(kept.pageviews) AS pageviews,
    sum(kept.events) AS events, sum(kept.bounces) AS bounces, sum(kept.visit_seconds) AS visit_seconds,
    sum(kept.entries) AS entries, sum(kept.exits) AS exits, sum(kept.engaged_ms) AS engaged_ms,
    sum(kept.scroll_percent) AS scroll_percent, sum(kept.scroll_visitors) AS scroll_visitors,
    sum(kept.revenue_micros) AS revenue_micros,
    toUInt64(1) AS rows_total
FROM kept
