-- Which closed days had their small cells folded, round by round: `begun` before a round, `folded` after it, `clean` when
-- what it took back is gone from the parts. A day is the site's own, so this says no more than the counts do.
CREATE TABLE IF NOT EXISTS closings
(
    site LowCardinality(String),
    day Date,
    round UInt32,
    step LowCardinality(String),
    at DateTime('UTC') DEFAULT now()
)
ENGINE = ReplacingMergeTree(at)
ORDER BY (site, day, round, step)
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1;
