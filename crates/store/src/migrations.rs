//! Bringing a database to this version's schema, from SQL files that are carried in the binary.
//!
//! The invariant: every statement can be repeated (`IF NOT EXISTS`), and a migration is noted only after its last one. So
//! two that run at once do the same thing twice, and one that was killed half-way is done again from its start.
//! Statements stay valid for ClickHouse server 25.8 and later. Variants for a cluster belong into [`prepared`], where a
//! statement becomes what is sent.

use std::time::Duration;

use clickhouse::Row;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::store::{QUESTION_TIMEOUT, within};
use crate::{Store, StoreError};

/// Longest one statement may take; making a table takes milliseconds, altering a large one may rewrite it.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(600);

const DOING: &str = "bringing the schema up to date";

struct Migration {
    name: &'static str,
    sql: &'static str,
}

macro_rules! migration {
    ($name:literal) => {
        Migration { name: $name, sql: include_str!(concat!("../sql/migrations/", $name, ".sql")) }
    };
}

/// In order. A published one is never edited: its digest is kept, and a changed one is refused.
const MIGRATIONS: &[Migration] = &[
    migration!("0001_counts"),
    migration!("0002_ledger"),
    migration!("0003_live"),
    migration!("0004_imports"),
    migration!("0005_closings"),
    migration!("0006_imports_begun"),
    migration!("0007_lost"),
];

/// The table that remembers. Two rows of one migration are one after a merge, and one to a reader that asks for names.
const MEMORY: &str = "CREATE TABLE IF NOT EXISTS migrations (name String, sha256 String, at DateTime('UTC') DEFAULT now()) \
     ENGINE = ReplacingMergeTree(at) ORDER BY (name, sha256)";

#[derive(Row, Serialize, Deserialize)]
struct Applied {
    name: String,
    sha256: String,
}

impl Store {
    /// Makes the database if it is missing and applies the migrations it lacks, in order. Safe to repeat and to run twice
    /// at once.
    ///
    /// # Errors
    /// The store cannot be reached or refuses, or the database was made by another version.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        let database = format!("CREATE DATABASE IF NOT EXISTS {}", quoted(self.database()));
        within(DOING, STATEMENT_TIMEOUT, self.server().query_raw(&database).execute()).await?;
        within(DOING, STATEMENT_TIMEOUT, self.client().query_raw(&prepared(MEMORY)).execute()).await?;
        let asked = self.client().query_raw("SELECT DISTINCT name, sha256 FROM migrations").fetch_all::<Applied>();
        let applied = within(DOING, QUESTION_TIMEOUT, asked).await?;
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
            within(DOING, STATEMENT_TIMEOUT, self.client().query_raw(&prepared(statement)).execute()).await?;
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
}

/// A statement as this kind of server is to see it: a single server sees it as written.
fn prepared(statement: &str) -> String {
    statement.to_owned()
}

/// The statements of a file: each ends with a semicolon at the end of a line.
fn statements(sql: &str) -> impl Iterator<Item = &str> {
    sql.split(";\n").map(str::trim).filter(|statement| !statement.is_empty())
}

/// A name as an SQL identifier.
fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('\\', "\\\\").replace('`', "\\`"))
}

fn digest(sql: &str) -> String {
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
                assert!(statement.contains("IF NOT EXISTS") || statement.contains("IF EXISTS"), "{statement}");
            }
        }
    }

    #[test]
    fn a_database_name_cannot_end_its_quotes() {
        assert_eq!(quoted("a`b\\"), "`a\\`b\\\\`");
    }
}
