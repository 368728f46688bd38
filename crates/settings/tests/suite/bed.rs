//! A clock that tests turn, and the two databases behind one face.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use ::model::{Clock, Domain, Millis, Site};
use settings::{Location, Settings};
use tempfile::TempDir;

use crate::server::shared;

pub const HOUR: i64 = 3_600_000;
/// 2026-06-01T17:00Z: when every test begins.
pub const START: Millis = Millis(20_605 * 24 * HOUR + 17 * HOUR);

/// An empty settings database of a test's own.
pub struct Bed {
    pub location: Location,
    now: Arc<AtomicI64>,
    _directory: TempDir,
}

impl Bed {
    pub fn sqlite() -> Self {
        let directory = tempfile::tempdir().unwrap();
        Self::at(Location::Sqlite(directory.path().join("settings.sqlite")), directory)
    }

    /// A database of the server that all tests share.
    pub fn postgres() -> Self {
        let server = shared();
        let url = server.by_socket(&server.database());
        Self::at(Location::parse(&url, None).unwrap(), tempfile::tempdir().unwrap())
    }

    fn at(location: Location, directory: TempDir) -> Self {
        Self { location, now: Arc::new(AtomicI64::new(START.0)), _directory: directory }
    }

    pub async fn open(&self) -> Settings {
        Settings::open(&self.location, self.clock()).await.unwrap()
    }

    pub fn clock(&self) -> Clock {
        let now = Arc::clone(&self.now);
        Clock::new(move || Millis(now.load(Ordering::SeqCst)))
    }

    pub fn now(&self) -> Millis {
        Millis(self.now.load(Ordering::SeqCst))
    }

    pub fn turn(&self, ms: i64) {
        self.now.fetch_add(ms, Ordering::SeqCst);
    }

    /// Runs statements behind the library's back, as another version of it would.
    pub async fn sql(&self, sql: &'static str) {
        match &self.location {
            Location::Sqlite(path) => {
                let pool = sqlx::SqlitePool::connect_with(sqlite(path)).await.unwrap();
                sqlx::raw_sql(sql).execute(&pool).await.unwrap();
                pool.close().await;
            }
            Location::Postgres { url, .. } => {
                let pool = sqlx::PgPool::connect(url).await.unwrap();
                sqlx::raw_sql(sql).execute(&pool).await.unwrap();
                pool.close().await;
            }
        }
    }
}

fn sqlite(path: &Path) -> sqlx::sqlite::SqliteConnectOptions {
    sqlx::sqlite::SqliteConnectOptions::new().filename(path)
}

pub fn domain(name: &str) -> Domain {
    Domain::parse(name).unwrap()
}

pub fn site(name: &str) -> Site {
    Site::new(domain(name))
}
