-- One row per visit, in the shape of Plausible's `sessions_v2`, as its pairs of cancelling rows leave it once merged.
CREATE TABLE plausible.sessions_v2
(
    session_id UInt64,
    sign Int8,
    site_id UInt64,
    user_id UInt64,
    hostname String CODEC(ZSTD(3)),
    timestamp DateTime CODEC(Delta(4), LZ4),
    start DateTime CODEC(Delta(4), LZ4),
    is_bounce UInt8,
    entry_page String CODEC(ZSTD(3)),
    exit_page String CODEC(ZSTD(3)),
    exit_page_hostname String CODEC(ZSTD(3)),
    pageviews Int32,
    events Int32,
    duration UInt32,
    referrer String CODEC(ZSTD(3)),
    referrer_source String CODEC(ZSTD(3)),
    channel LowCardinality(String),
    country_code LowCardinality(FixedString(2)),
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
    `entry_meta.key` Array(String) CODEC(ZSTD(3)),
    `entry_meta.value` Array(String) CODEC(ZSTD(3))
)
ENGINE = VersionedCollapsingMergeTree(sign, events)
PARTITION BY toYYYYMM(start)
ORDER BY (site_id, toDate(start), user_id, session_id)
SAMPLE BY user_id
