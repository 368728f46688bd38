//! The two databases behind one face: statements that both understand, bound and read by position, and transactions.
//!
//! Placeholders are `$1`, `$2`…, which SQLite takes too. Statements are fixed texts; what varies is bound, never written into
//! them. Every call of the library runs within [`CALL_WAIT`], so that a database that hangs is an error like one that is away.

use std::fs::OpenOptions;
use std::future::Future;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::{PgArguments, PgPool, PgPoolOptions, PgRow};
use sqlx::query::{Query, QueryAs};
use sqlx::sqlite::{
    SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteRow,
    SqliteSynchronous,
};
use sqlx::{FromRow, Postgres, Sqlite};

use crate::{Location, Revision, SettingsError};

/// Longest one call of the library takes: a person or a start waits for it.
pub(crate) const CALL_WAIT: Duration = Duration::from_secs(10);
/// Longest a call waits for a connection, or a change of an SQLite file for the change before it.
const TURN_WAIT: Duration = Duration::from_secs(5);
/// Most connections a process holds: settings are read by few and seldom.
const CONNECTIONS_MAX: u32 = 4;

/// An open database. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Database {
    pool: Pool,
    /// As it is named in errors.
    name: Arc<str>,
}

#[derive(Clone, Debug)]
enum Pool {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

/// A transaction; undone unless it is committed.
pub(crate) struct Transaction {
    inner: Inner,
    name: Arc<str>,
    tried: &'static str,
}

enum Inner {
    Sqlite(sqlx::Transaction<'static, Sqlite>),
    Postgres(sqlx::Transaction<'static, Postgres>),
}

/// A value to bind.
#[derive(Clone, Copy)]
pub(crate) enum Value<'v> {
    Number(i64),
    MaybeNumber(Option<i64>),
    Text(&'v str),
    MaybeText(Option<&'v str>),
}

/// A row that both databases can give: a tuple of `i64`, `String` and options of them.
pub(crate) trait Row: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin {}

impl<T: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin> Row for T {}

impl Database {
    /// Opens it; at least one connection has been made then.
    pub(crate) async fn open(location: &Location) -> Result<Self, SettingsError> {
        let name: Arc<str> = location.to_string().into();
        let pool = match location {
            Location::Sqlite(path) => sqlite(path).await,
            Location::Postgres { url, password_file } => {
                let options = Location::postgres(url, password_file.as_deref())?
                    // A process that vanishes in the middle of a change holds up the others no longer than this.
                    .options([("idle_in_transaction_session_timeout", "10s"), ("statement_timeout", "10s")]);
                let pool = PgPoolOptions::new().max_connections(CONNECTIONS_MAX).acquire_timeout(TURN_WAIT);
                Box::pin(pool.connect_with(options)).await.map(Pool::Postgres)
            }
        };
        let pool = pool.map_err(|error| SettingsError::from_client("opening the settings", &name, &error))?;
        Ok(Self { pool, name })
    }

    /// Bounds a call, and says what was tried where it fails.
    pub(crate) async fn within<T>(
        &self,
        tried: &'static str,
        call: impl Future<Output = Result<T, SettingsError>>,
    ) -> Result<T, SettingsError> {
        let late = || {
            let reason = format!("no answer within {CALL_WAIT:?}");
            SettingsError::Unreachable { tried, database: self.name.to_string(), reason }
        };
        tokio::time::timeout(CALL_WAIT, call).await.unwrap_or_else(|_| Err(late()))
    }

    /// Begins a transaction that only reads, and sees one state of everything.
    pub(crate) async fn read(&self, tried: &'static str) -> Result<Transaction, SettingsError> {
        self.begin(tried, "BEGIN", "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await
    }

    /// Begins a transaction that changes. SQLite's takes its turn at once, so that it cannot fail half-way for want of it;
    /// PostgreSQL's takes it with its first statement ([`Transaction::next`]).
    pub(crate) async fn change(&self, tried: &'static str) -> Result<Transaction, SettingsError> {
        self.begin(tried, "BEGIN IMMEDIATE", "BEGIN").await
    }

    async fn begin(
        &self,
        tried: &'static str,
        sqlite: &'static str,
        postgres: &'static str,
    ) -> Result<Transaction, SettingsError> {
        let inner = match &self.pool {
            // Boxed, because the client's futures are 14 kB each, and would be part of every caller's.
            Pool::Sqlite(pool) => Box::pin(pool.begin_with(sqlite)).await.map(Inner::Sqlite),
            Pool::Postgres(pool) => Box::pin(pool.begin_with(postgres)).await.map(Inner::Postgres),
        };
        let inner = inner.map_err(|error| SettingsError::from_client(tried, &self.name, &error))?;
        Ok(Transaction { inner, name: Arc::clone(&self.name), tried })
    }

    /// As it is named in errors.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }
}

impl Transaction {
    /// Whether this is PostgreSQL, for the few statements that cannot be the same.
    pub(crate) fn is_postgres(&self) -> bool {
        matches!(self.inner, Inner::Postgres(_))
    }

    /// The rows that a statement gives.
    pub(crate) async fn rows<T: Row>(
        &mut self,
        sql: &'static str,
        values: &[Value<'_>],
    ) -> Result<Vec<T>, SettingsError> {
        let rows = match &mut self.inner {
            Inner::Sqlite(inner) => {
                values.iter().fold(sqlx::query_as(sql), bind_sqlite_as).fetch_all(&mut **inner).await
            }
            Inner::Postgres(inner) => {
                values.iter().fold(sqlx::query_as(sql), bind_postgres_as).fetch_all(&mut **inner).await
            }
        };
        rows.map_err(|error| self.failed(&error))
    }

    /// The one row of a statement that gives at most one.
    pub(crate) async fn row<T: Row>(
        &mut self,
        sql: &'static str,
        values: &[Value<'_>],
    ) -> Result<Option<T>, SettingsError> {
        Ok(self.rows(sql, values).await?.into_iter().next())
    }

    /// Runs a statement that gives nothing.
    pub(crate) async fn run(&mut self, sql: &'static str, values: &[Value<'_>]) -> Result<(), SettingsError> {
        let done = match &mut self.inner {
            Inner::Sqlite(inner) => {
                values.iter().fold(sqlx::query(sql), bind_sqlite).execute(&mut **inner).await.map(drop)
            }
            Inner::Postgres(inner) => {
                values.iter().fold(sqlx::query(sql), bind_postgres).execute(&mut **inner).await.map(drop)
            }
        };
        done.map_err(|error| self.failed(&error))
    }

    /// Runs the statements of a file, one after the other.
    pub(crate) async fn run_all(&mut self, sql: &'static str) -> Result<(), SettingsError> {
        let done = match &mut self.inner {
            Inner::Sqlite(inner) => sqlx::raw_sql(sql).execute(&mut **inner).await.map(drop),
            Inner::Postgres(inner) => sqlx::raw_sql(sql).execute(&mut **inner).await.map(drop),
        };
        done.map_err(|error| self.failed(&error))
    }

    /// Takes the next number of a counter, and the turn of everybody who wants one of it until this transaction ends.
    pub(crate) async fn next(&mut self, counter: &'static str) -> Result<i64, SettingsError> {
        let sql = "UPDATE counters SET value = value + 1 WHERE name = $1 RETURNING value";
        let row = self.row::<(i64,)>(sql, &[Value::Text(counter)]).await?;
        row.map(|(value,)| value).ok_or_else(|| self.foreign(format!("its counter `{counter}` is missing")))
    }

    /// The revision that everything read in this transaction has.
    pub(crate) async fn revision(&mut self) -> Result<Revision, SettingsError> {
        let row = self.row::<(i64,)>("SELECT value FROM counters WHERE name = 'revision'", &[]).await?;
        row.map(|(value,)| Revision(value)).ok_or_else(|| self.foreign("its counter `revision` is missing".to_owned()))
    }

    /// Keeps what was done.
    pub(crate) async fn commit(self) -> Result<(), SettingsError> {
        let done = match self.inner {
            Inner::Sqlite(inner) => inner.commit().await,
            Inner::Postgres(inner) => inner.commit().await,
        };
        done.map_err(|error| SettingsError::from_client(self.tried, &self.name, &error))
    }

    /// An error for what this version did not write.
    pub(crate) fn foreign(&self, reason: String) -> SettingsError {
        SettingsError::OtherVersion { database: self.name.to_string(), reason }
    }

    fn failed(&self, error: &sqlx::Error) -> SettingsError {
        SettingsError::from_client(self.tried, &self.name, error)
    }
}

/// Opens an SQLite file that several processes may have open, and that keeps what it acknowledged through a power cut.
async fn sqlite(path: &Path) -> Result<Pool, sqlx::Error> {
    // Made here, so that it is its owner's alone whatever the process's mask; SQLite makes the files beside it alike.
    OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
    let options = SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(TURN_WAIT);
    let pool = SqlitePoolOptions::new().max_connections(CONNECTIONS_MAX).acquire_timeout(TURN_WAIT);
    Box::pin(pool.connect_with(options)).await.map(Pool::Sqlite)
}

/// Binds one value more, for one of the client's four kinds of statement.
macro_rules! binder {
    ($name:ident, $lifetime:lifetime, $statement:ty $(, $row:ident)?) => {
        fn $name<$lifetime $(, $row)?>(statement: $statement, value: &Value<$lifetime>) -> $statement {
            match *value {
                Value::Number(number) => statement.bind(number),
                Value::MaybeNumber(number) => statement.bind(number),
                Value::Text(text) => statement.bind(text),
                Value::MaybeText(text) => statement.bind(text),
            }
        }
    };
}

binder!(bind_sqlite, 'v, Query<'v, Sqlite, SqliteArguments>);
binder!(bind_postgres, 'v, Query<'v, Postgres, PgArguments>);
binder!(bind_sqlite_as, 'v, QueryAs<'v, Sqlite, T, SqliteArguments>, T);
binder!(bind_postgres_as, 'v, QueryAs<'v, Postgres, T, PgArguments>, T);
