//! Whether the schema is this version's, asked by those who may not change it: processors and dashboards at their start.
//!
//! During an upgrade both versions run on one schema, the newer one: a migration adds tables and columns with defaults, and
//! neither takes away nor renames what the version before it writes or reads. So an older program goes on with a newer
//! schema, and a newer program waits until its migrations are applied.

use std::collections::BTreeSet;

use crate::migrations::{Applied, MIGRATIONS, digest};
use crate::store::{QUESTION_TIMEOUT, within};
use crate::{Store, StoreError};

const DOING: &str = "checking the schema";

/// ClickHouse's `UNKNOWN_TABLE` and `UNKNOWN_DATABASE`: nothing was migrated yet.
const NOTHING_THERE: [i32; 2] = [60, 81];

/// What a check of the schema found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Schema {
    /// This version's.
    Current,
    /// This version's, and migrations of a newer one, by name: an upgrade is under way, or was taken back.
    Newer(Vec<String>),
}

impl Store {
    /// Checks that every migration of this version is applied, without rights to change anything.
    ///
    /// # Errors
    /// [`StoreError::SchemaBehind`] names the first one that is missing; it may be tried again. Otherwise as
    /// [`Store::migrate`].
    pub async fn check_schema(&self) -> Result<Schema, StoreError> {
        let applied = match self.applied().await {
            Err(StoreError::Exception { code, .. }) if NOTHING_THERE.contains(&code) => Vec::new(),
            answer => answer?,
        };
        for migration in MIGRATIONS {
            let sha256 = digest(migration.sql);
            let noted: Vec<&Applied> = applied.iter().filter(|done| done.name == migration.name).collect();
            if noted.is_empty() {
                return Err(StoreError::SchemaBehind { missing: migration.name });
            }
            if noted.iter().any(|done| done.sha256 != sha256) {
                return Err(StoreError::MigrationChanged { name: migration.name.to_owned() });
            }
        }
        self.check_replicated().await?;
        let known = |name: &str| MIGRATIONS.iter().any(|migration| migration.name == name);
        let newer: BTreeSet<String> = applied.into_iter().map(|done| done.name).filter(|name| !known(name)).collect();
        if newer.is_empty() { Ok(Schema::Current) } else { Ok(Schema::Newer(newer.into_iter().collect())) }
    }

    /// The migrations that are noted as applied.
    pub(crate) async fn applied(&self) -> Result<Vec<Applied>, StoreError> {
        let asked = self.client().query_raw("SELECT DISTINCT name, sha256 FROM migrations").fetch_all::<Applied>();
        within(DOING, QUESTION_TIMEOUT, asked).await
    }

    /// Where a cluster is named, no table may be one server's own: its counts would stay on the server that was asked. Where none is
    /// named, none may have replicas.
    pub(crate) async fn check_replicated(&self) -> Result<(), StoreError> {
        let wrong = if self.cluster.is_some() { "NOT startsWith" } else { "startsWith" };
        let sql = format!(
            "SELECT name FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%MergeTree' \
             AND {wrong}(engine, 'Replicated') ORDER BY name LIMIT 1"
        );
        let asked = self.client().query_raw(&sql).fetch_optional::<String>();
        match within(DOING, QUESTION_TIMEOUT, asked).await? {
            Some(table) if self.cluster.is_some() => Err(StoreError::NotReplicated { table }),
            Some(table) => Err(StoreError::Replicated { table }),
            None => Ok(()),
        }
    }
}
