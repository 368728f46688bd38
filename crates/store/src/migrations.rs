//! Bringing a database to this version's schema, from SQL files that are carried in the binary.
//!
//! The invariant: every statement can be repeated (`IF NOT EXISTS`), and a migration is noted only after its last one. So
//! two that run at once do the same thing twice, and one that was killed half-way is done again from its start.
//! Statements stay valid for ClickHouse server 25.8 and later. On a cluster each is sent as [`crate::cluster`] derives it,
//! and is done when every replica has done it.

use std::time::Duration;

use clickhouse::{Client, Row};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::store::within;
use crate::{Store, StoreError};

/// Longest one statement may take; making a table takes milliseconds, altering a large one may rewrite it.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(600);

/// Longest that the replicas of a cluster may take for one; below our own bound, so that the server says who did not.
const DDL_SECONDS_MAX: &str = "540";

const DOING: &str = "bringing the schema up to date";

pub(crate) struct Migration {
    pub(crate) name: &'static str,
    pub(crate) sql: &'static str,
}

macro_rules! migration {
    ($name:literal) => {
        Migration { name: $name, sql: include_str!(concat!("../sql/migrations/", $name, ".sql")) }
    };
}

/// In order. A published one is never edited: its digest is kept, and a changed one is refused.
pub(crate) const MIGRATIONS: &[Migration] = &[
    migration!("0001_counts"),
    migration!("0002_ledger"),
    migration!("0003_live"),
    migration!("0004_imports"),
    migration!("0005_closings"),
    migration!("0006_imports_begun"),
    migration!("0007_lost"),
    migration!("0008_windows"),
    migration!("0010_reached"),
    migration!("0011_months"),
    migration!("0012_synced_merges"),
];

/// The table that remembers. Two rows of one migration are one after a merge, and one to a reader that asks for names.
const MEMORY: &str = "CREATE TABLE IF NOT EXISTS migrations (name String, sha256 String, at DateTime('UTC') DEFAULT now()) \
     ENGINE = ReplacingMergeTree(at) ORDER BY (name, sha256)";

#[derive(Row, Serialize, Deserialize)]
pub(crate) struct Applied {
    pub(crate) name: String,
    pub(crate) sha256: String,
}

impl Store {
    /// Makes the database if it is missing and applies the migrations it lacks, in order. Safe to repeat and to run twice
    /// at once.
    ///
    /// # Errors
    /// The store cannot be reached or refuses, or the database was made by another version.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        let database = format!("CREATE DATABASE IF NOT EXISTS {}", quoted(self.database()));
        self.change_schema(self.server(), &database).await?;
        self.change_schema(self.client(), MEMORY).await?;
        self.check_replicated().await?;
        let applied = self.applied().await?;
        for migration in MIGRATIONS {
            let sha256 = digest(migration.sql);
            match applied.iter().find(|done| done.name == migration.name) {
                Some(done) if done.sha256 == sha256 => {}
                Some(done) => return Err(StoreError::MigrationChanged { name: done.name.clone() }),
                None => self.apply(migration, sha256).await?,
            }
        }
        Ok(())
    }

    async fn apply(&self, migration: &Migration, sha256: String) -> Result<(), StoreError> {
        for statement in statements(migration.sql) {
            self.change_schema(self.client(), statement).await?;
        }
        let mut note = self.insert_once::<Applied>("migrations", &format!("migration/{}", migration.name)).await?;
        let write = async {
            note.write(&Applied { name: migration.name.to_owned(), sha256 }).await?;
            note.end().await
        };
        within(DOING, STATEMENT_TIMEOUT, write).await?;
        tracing::info!(migration = migration.name, "applied");
        Ok(())
    }

    /// Sends a statement as this kind of server is to see it: a single server sees it as written.
    async fn change_schema(&self, client: &Client, statement: &str) -> Result<(), StoreError> {
        let query = match &self.cluster {
            None => client.query_raw(statement),
            // A replica that is away does it when it is back; until then it is not done, and the migration is not noted.
            Some(cluster) => client
                .query_raw(&cluster.prepared(statement))
                .with_setting("distributed_ddl_output_mode", "throw")
                .with_setting("distributed_ddl_task_timeout", DDL_SECONDS_MAX)
                .with_setting("alter_sync", "2"),
        };
        within(DOING, STATEMENT_TIMEOUT, query.execute()).await
    }
}

/// The statements of a file: each ends with a semicolon at the end of a line.
fn statements(sql: &str) -> impl Iterator<Item = &str> {
    sql.split(";\n").map(str::trim).filter(|statement| !statement.is_empty())
}

/// A name as an SQL identifier.
fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('\\', "\\\\").replace('`', "\\`"))
}

pub(crate) fn digest(sql: &str) -> String {
    Sha256::digest(sql.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn migrations_are_numbered_in_order_and_every_statement_can_be_repeated() {
        let number = |migration: &Migration| migration.name.split_once('_').unwrap().0.parse::<u32>().unwrap();
        assert!(MIGRATIONS.is_sorted_by(|one, next| number(one) < number(next)));
        for migration in MIGRATIONS {
            assert!(statements(migration.sql).count() > 0);
            for statement in statements(migration.sql) {
                let repeatable = ["IF NOT EXISTS", "IF EXISTS", "MODIFY SETTING"];
                assert!(repeatable.iter().any(|words| statement.contains(words)), "{statement}");
                let on_cluster = crate::cluster::Cluster::new("main").prepared(statement);
                assert!(on_cluster.contains(" ON CLUSTER 'main'"), "{on_cluster}");
                assert_eq!(on_cluster.contains("ENGINE = Replicated"), statement.contains("ENGINE = "), "{on_cluster}");
            }
        }
    }

    /// The first seven were published with the first version, so no older one runs beside them.
    #[test]
    fn a_migration_leaves_the_version_before_it_running() {
        for migration in MIGRATIONS.iter().skip(7) {
            for statement in statements(migration.sql) {
                for gone in ["DROP", "RENAME", "MODIFY COLUMN", "MODIFY ORDER BY"] {
                    assert!(!statement.contains(gone), "{}: {gone}", migration.name);
                }
                let added = statement.matches("ADD COLUMN").count();
                assert!(
                    statement.matches(" DEFAULT ").count() >= added,
                    "{}: a column without DEFAULT",
                    migration.name
                );
            }
        }
    }

    #[test]
    fn a_database_name_cannot_end_its_quotes() {
        assert_eq!(quoted("a`b\\"), "`a\\`b\\\\`");
    }
}
