//! Bringing a database to this version's tables, from SQL files that are carried in the binary and that both databases take.
//!
//! The invariant: a migration and the note that it was applied are one transaction, and whoever applies holds a lock over all of
//! them. So processes that start together apply each once, and one that is killed half-way leaves nothing. A process that finds all
//! applied takes no lock and needs no right to change tables.

use model::Millis;
use sha2::{Digest, Sha256};

use crate::SettingsError;
use crate::database::{Database, Transaction, Value};

const DOING: &str = "bringing the settings' tables up to date";

/// The lock of PostgreSQL under which tables are changed; a number that no other program takes by chance ("footfall").
const LOCK: i64 = 0x666f_6f74_6661_6c6c;

struct Migration {
    number: i64,
    name: &'static str,
    sql: &'static str,
}

/// In order. A published one is never edited: its digest is kept, and a changed one is refused.
const MIGRATIONS: &[Migration] = &[
    Migration { number: 1, name: "0001_settings", sql: include_str!("migrations/0001_settings.sql") },
    Migration { number: 2, name: "0002_accounts", sql: include_str!("migrations/0002_accounts.sql") },
    Migration { number: 3, name: "0003_shares", sql: include_str!("migrations/0003_shares.sql") },
    Migration { number: 4, name: "0004_mailings", sql: include_str!("migrations/0004_mailings.sql") },
];

/// The table that remembers.
const MEMORY: &str = "CREATE TABLE IF NOT EXISTS migrations \
     (number BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL, sha256 TEXT NOT NULL, at BIGINT NOT NULL)";

type Applied = (i64, String, String);

impl Database {
    /// Applies what is missing.
    pub(crate) async fn migrate(&self, now: Millis) -> Result<(), SettingsError> {
        let mut looking = self.within(DOING, self.read(DOING)).await?;
        let applied = self.within(DOING, applied(&mut looking)).await?;
        drop(looking);
        if self.missing(&applied)?.next().is_none() {
            return Ok(());
        }
        self.within(DOING, self.apply(now)).await
    }

    async fn apply(&self, now: Millis) -> Result<(), SettingsError> {
        let mut changing = self.change(DOING).await?;
        if changing.is_postgres() {
            changing.rows::<()>("SELECT pg_advisory_xact_lock($1)", &[Value::Number(LOCK)]).await?;
            let encoding = changing.row::<(String,)>("SHOW server_encoding", &[]).await?.unwrap_or_default().0;
            if encoding != "UTF8" {
                let reason = format!(
                    "it is encoded as {encoding} and must be UTF8: CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0"
                );
                return Err(SettingsError::Refused(format!("{}: {reason}", self.name())));
            }
        }
        changing.run(MEMORY, &[]).await?;
        // Somebody else may have applied them since.
        let applied = applied(&mut changing).await?;
        for migration in self.missing(&applied)? {
            changing.run_all(migration.sql).await?;
            let sha256 = digest(migration.sql);
            let values = [
                Value::Number(migration.number),
                Value::Text(migration.name),
                Value::Text(&sha256),
                Value::Number(now.0),
            ];
            changing.run("INSERT INTO migrations (number, name, sha256, at) VALUES ($1, $2, $3, $4)", &values).await?;
            tracing::info!(migration = migration.name, database = self.name(), "applied");
        }
        changing.commit().await
    }

    /// What is still to be applied; an error where the database is another version's.
    fn missing<'a>(
        &self,
        applied: &'a [Applied],
    ) -> Result<impl Iterator<Item = &'static Migration> + use<'a>, SettingsError> {
        let other = |reason| SettingsError::OtherVersion { database: self.name().to_owned(), reason };
        for (number, name, sha256) in applied {
            match MIGRATIONS.iter().find(|known| known.number == *number) {
                Some(known) if digest(known.sql) == *sha256 => {}
                Some(_) => {
                    let reason = format!(
                        "migration {name} was applied with other contents; it belongs to another version of footfall"
                    );
                    return Err(other(reason));
                }
                None => {
                    let reason = format!(
                        "a newer version of footfall has changed its tables ({name}); use that version or a newer one"
                    );
                    return Err(other(reason));
                }
            }
        }
        let done = move |migration: &&Migration| !applied.iter().any(|(number, ..)| *number == migration.number);
        Ok(MIGRATIONS.iter().filter(done))
    }
}

/// What was applied; nothing where the table that remembers is not there yet.
async fn applied(transaction: &mut Transaction) -> Result<Vec<Applied>, SettingsError> {
    let there = if transaction.is_postgres() {
        "SELECT 1::BIGINT WHERE to_regclass('migrations') IS NOT NULL"
    } else {
        "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'migrations'"
    };
    if transaction.row::<(i64,)>(there, &[]).await?.is_none() {
        return Ok(Vec::new());
    }
    transaction.rows("SELECT number, name, sha256 FROM migrations ORDER BY number", &[]).await
}

fn digest(sql: &str) -> String {
    Sha256::digest(sql.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn migrations_are_numbered_in_order_and_named_after_their_number() {
        for (place, migration) in MIGRATIONS.iter().enumerate() {
            assert_eq!(usize::try_from(migration.number), Ok(place + 1));
            assert!(migration.name.starts_with(&format!("{:04}_", migration.number)), "{}", migration.name);
        }
    }
}
