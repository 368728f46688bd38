-- One row per page view, custom event and report of engagement, in the shape of Plausible's `events_v2`.
CREATE TABLE plausible.events_v2
(
    timestamp DateTime CODEC(Delta(4), LZ4),
    name LowCardinality(String),
    site_id UInt64,
    user_id UInt64,
    session_id UInt64,
    hostname String CODEC(ZSTD(3)),
    pathname String CODEC(ZSTD(3)),
    referrer String CODEC(ZSTD(3)),
    referrer_source String CODEC(ZSTD(3)),
    channel LowCardinality(String),
    country_code FixedString(2),
    subdivision1_code LowCardinality(String),
    subdivision2_code LowCardinality(String),
    city_geoname_id UInt32,
    screen_size LowCardinality(String),
    operating_system LowCardinality(String),
    operating_system_version LowCardinality(String),
    browser LowCardinality(String),
    browser_version LowCardinality(String),
    utm_medium String CODEC(ZSTD(3)),
    utm_source String CODEC(ZSTD(3)),
    utm_campaign String CODEC(ZSTD(3)),
    utm_content String CODEC(ZSTD(3)),
    utm_term String CODEC(ZSTD(3)),
    click_id_param LowCardinality(String),
    `meta.key` Array(String) CODEC(ZSTD(3)),
    `meta.value` Array(String) CODEC(ZSTD(3)),
    revenue_source_amount Nullable(Decimal64(3)),
    revenue_source_currency FixedString(3),
    revenue_reporting_amount Nullable(Decimal64(3)),
    revenue_reporting_currency FixedString(3),
    scroll_depth UInt8,
    engagement_time UInt32,
    interactive Bool
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(timestamp)
ORDER BY (site_id, toDate(timestamp), name, user_id, timestamp)
SAMPLE BY user_id
