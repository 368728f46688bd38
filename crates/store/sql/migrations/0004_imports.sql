-- Which beginnings of which log files were imported: a digest of the first `bytes` bytes, never a name or a path.
CREATE TABLE IF NOT EXISTS imports
(
    site LowCardinality(String),
    bytes UInt64,
    sha256 FixedString(32),
    at DateTime('UTC') DEFAULT now()
)
ENGINE = ReplacingMergeTree(at)
ORDER BY (site, sha256, bytes)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;
