-- The three users of Footfall at a ClickHouse server, each with the least it needs: `migrate` makes the schema, the processors write
-- and close, the dashboard reads. Run it once as a user with access management, on each server or, where the servers share their
-- users through Keeper (config.d/footfall-cluster.xml), on one:
--
--     clickhouse-client --multiquery < users.sql
--
-- Nobody can log in yet: the digests below are of no password. Give each its own, which ClickHouse keeps out of its logs:
--
--     ALTER USER footfall_processor IDENTIFIED WITH sha256_password BY '…';
--
-- A test holds every statement that the store sends against these grants (crates/store/tests/golden.rs).
CREATE SETTINGS PROFILE IF NOT EXISTS footfall_writes SETTINGS max_memory_usage = 4000000000, async_insert = 0;
-- 2, not 1: the dashboard sends bounds with each question, and may change nothing but settings. A question says 20 seconds; the looks of
-- `footfall prove` through whole tables take the 300.
CREATE SETTINGS PROFILE IF NOT EXISTS footfall_reads SETTINGS readonly = 2 CONST, max_execution_time = 300 MIN 1 MAX 300, max_memory_usage = 4000000000 MAX 4000000000;

CREATE USER IF NOT EXISTS footfall_migrate IDENTIFIED WITH sha256_hash BY '0000000000000000000000000000000000000000000000000000000000000000' SETTINGS PROFILE 'footfall_writes';
CREATE USER IF NOT EXISTS footfall_processor IDENTIFIED WITH sha256_hash BY '0000000000000000000000000000000000000000000000000000000000000000' SETTINGS PROFILE 'footfall_writes';
CREATE USER IF NOT EXISTS footfall_dashboard IDENTIFIED WITH sha256_hash BY '0000000000000000000000000000000000000000000000000000000000000000' SETTINGS PROFILE 'footfall_reads';

-- The schema. CLUSTER is for ON CLUSTER; without a cluster it can be left out.
GRANT CREATE DATABASE, CREATE TABLE, ALTER ADD COLUMN, ALTER ORDER BY, ALTER SETTINGS, ALTER ADD PROJECTION, ALTER MATERIALIZE PROJECTION ON footfall.* TO footfall_migrate;
GRANT SELECT, INSERT ON footfall.migrations TO footfall_migrate;
GRANT SHOW TABLES ON footfall.* TO footfall_migrate;
GRANT SELECT ON system.settings TO footfall_migrate;
GRANT SELECT ON system.tables TO footfall_migrate;
GRANT CLUSTER ON *.* TO footfall_migrate;

-- Flushes, the closing of days, retention, imports. ALTER DELETE is also the right to drop a partition.
GRANT SELECT ON footfall.* TO footfall_processor;
GRANT INSERT ON footfall.counts TO footfall_processor;
GRANT INSERT ON footfall.ledger TO footfall_processor;
GRANT INSERT ON footfall.live TO footfall_processor;
GRANT INSERT ON footfall.lost TO footfall_processor;
GRANT INSERT ON footfall.reached TO footfall_processor;
GRANT INSERT ON footfall.closings TO footfall_processor;
GRANT INSERT ON footfall.imports TO footfall_processor;
GRANT OPTIMIZE, ALTER CLEAR PROJECTION, ALTER MATERIALIZE PROJECTION ON footfall.counts TO footfall_processor;
GRANT ALTER DELETE ON footfall.counts TO footfall_processor;
GRANT ALTER DELETE ON footfall.ledger TO footfall_processor;
GRANT ALTER DELETE ON footfall.lost TO footfall_processor;
GRANT ALTER DELETE ON footfall.closings TO footfall_processor;
GRANT ALTER DELETE ON footfall.imports TO footfall_processor;
GRANT SELECT ON system.settings TO footfall_processor;
GRANT SELECT ON system.tables TO footfall_processor;
GRANT SELECT ON system.replicas TO footfall_processor;

-- Questions, and the evidence of `footfall prove`, which has to see which tables the server keeps logs in.
GRANT SELECT ON footfall.* TO footfall_dashboard;
GRANT SELECT ON system.tables TO footfall_dashboard;
GRANT SELECT ON system.columns TO footfall_dashboard;
GRANT SHOW TABLES ON system.* TO footfall_dashboard;
