-- Up to when everything the journal had of a partition is in the counts: what "complete up to" on the dashboard is made of. One row a
-- partition is left after merges; a repeated insert says the same.
CREATE TABLE IF NOT EXISTS reached
(
    partition UInt32,
    at DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(at)
ORDER BY partition
SETTINGS non_replicated_deduplication_window = 10000;
