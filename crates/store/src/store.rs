//! The handle on ClickHouse that the services hold: cheap to clone, safe to share, without state of its own.
//!
//! It decides nothing about meaning. Every call is bounded in time; a failed call says whether to try again.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use clickhouse::{Client, Row};
use model::{Domain, Millis};
use serde::Deserialize;
use tokio::sync::OnceCell;

use crate::cluster::Cluster;
use crate::insert::INSERT_TIMEOUT;
use crate::{StoreError, https};

/// Longest a question may take. A dashboard that waited this long is no dashboard; the engine's own bound ends it too.
pub(crate) const QUESTION_TIMEOUT: Duration = Duration::from_secs(30);

/// How old a partition's live line may be and still count: lines come every minute, and one may be late.
const LIVE_AGE_SECONDS_MAX: i64 = 150;

/// Minutes that realtime looks back, the one that is running included.
pub const LIVE_MINUTES: i64 = 30;

/// How long sealed records can be opened: a partition that has said nothing for longer has nothing left to count.
const RECORDS_LIVE_SECONDS: i64 = 28 * 3_600;

/// One minute of a site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LiveMinute {
    /// Minutes since the epoch.
    pub minute: i64,
    /// Visitors seen in five minutes.
    pub visitors: u64,
}

#[derive(Row, Deserialize)]
struct LiveMinuteRow {
    at: u32,
    visitors: u64,
}

#[derive(Row, Deserialize)]
struct ReachedRow {
    partitions: u64,
    at: i64,
}

/// Where ClickHouse is and who we are there.
#[derive(Clone)]
pub struct StoreConfig {
    /// Of the HTTP interface, such as `http://127.0.0.1:8123` or `https://clickhouse.example:8443`.
    pub url: String,
    /// Made by [`Store::migrate`] when it is missing.
    pub database: String,
    /// User name.
    pub user: String,
    /// Its password.
    pub password: String,
}

impl fmt::Debug for StoreConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreConfig").field("url", &self.url).field("database", &self.database).finish_non_exhaustive()
    }
}

/// A handle on the store.
#[derive(Clone)]
pub struct Store {
    client: Client,
    /// Without a default database, for making it.
    server: Client,
    database: Arc<str>,
    /// The cluster whose replicas hold the tables, if they are more than one server's.
    pub(crate) cluster: Option<Cluster>,
    pub(crate) insert_timeout: Duration,
    /// The settings of inserts that this server knows, asked once.
    pub(crate) pins: Arc<OnceCell<Vec<(&'static str, &'static str)>>>,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("database", &self.database).finish_non_exhaustive()
    }
}

impl Store {
    /// Makes a handle; nothing is sent yet, so the server may still be starting.
    #[must_use]
    pub fn connect(config: &StoreConfig) -> Self {
        let server = https::client(&config.url)
            .with_user(&config.user)
            .with_password(&config.password)
            .with_product_info("footfall", env!("CARGO_PKG_VERSION"));
        let client = server.clone().with_database(&config.database);
        let database = config.database.as_str().into();
        Self { client, server, database, cluster: None, insert_timeout: INSERT_TIMEOUT, pins: Arc::default() }
    }

    /// The same handle for tables on the replicas of a cluster, by its name in the servers' `remote_servers`; an empty name is
    /// a single server.
    #[must_use]
    pub fn on_cluster(self, name: &str) -> Self {
        Self { cluster: Some(name).filter(|name| !name.is_empty()).map(Cluster::new), ..self }
    }

    /// The same handle with another bound on one insert; a minute unless said otherwise.
    #[must_use]
    pub fn with_insert_timeout(self, insert_timeout: Duration) -> Self {
        Self { insert_timeout, ..self }
    }

    /// Asks for a sign of life.
    ///
    /// # Errors
    /// The server cannot be reached or does not answer.
    pub async fn ping(&self) -> Result<(), StoreError> {
        let asked = self.server.query("SELECT 1").fetch_one::<u8>();
        within("asking for a sign of life", QUESTION_TIMEOUT, asked).await.map(|_| ())
    }

    /// How many visitors are on a site now: those of the last five minutes, summed over the partitions' latest lines.
    ///
    /// # Errors
    /// The store cannot be reached or refuses.
    pub async fn live(&self, site: &Domain, now: Millis) -> Result<u64, StoreError> {
        let seconds = now.0.div_euclid(1_000);
        let asked = self
            .client
            .query(include_str!("../sql/live.sql"))
            .param("site", site.as_str())
            .param("since", seconds - LIVE_AGE_SECONDS_MAX)
            .param("now", seconds)
            .fetch_one::<u64>();
        within("reading live visitors", QUESTION_TIMEOUT, asked).await
    }

    /// The visitors of the last half hour by minute: of each minute that a processor reported in, how many were on a site in the
    /// five minutes before its end (before `now`, in the minute that is running). A minute without a line is one that no
    /// processor was up in, not one without visitors.
    ///
    /// # Errors
    /// The store cannot be reached or refuses.
    pub async fn live_minutes(&self, site: &Domain, now: Millis) -> Result<Vec<LiveMinute>, StoreError> {
        let asked = self
            .client
            .query(include_str!("../sql/live_minutes.sql"))
            .param("site", site.as_str())
            .param("since", (now.minute() - LIVE_MINUTES + 1) * 60)
            .param("now", now.0.div_euclid(1_000))
            .fetch_all::<LiveMinuteRow>();
        let rows = within("reading live visitors", QUESTION_TIMEOUT, asked).await?;
        let minute = |LiveMinuteRow { at, visitors }| LiveMinute { minute: i64::from(at) / 60, visitors };
        Ok(rows.into_iter().map(minute).collect())
    }

    /// Up to when the counts are complete: everything the journal had before is in them. What waits in a collector's spool is
    /// not in the journal yet. Nothing where no processor has said anything for as long as records live.
    ///
    /// # Errors
    /// The store cannot be reached or refuses.
    pub async fn complete_to(&self, now: Millis) -> Result<Option<Millis>, StoreError> {
        let asked = self
            .client
            .query(include_str!("../sql/reached.sql"))
            .param("since", now.0.div_euclid(1_000) - RECORDS_LIVE_SECONDS)
            .fetch_one::<ReachedRow>();
        let found = within("asking how far the counts are", QUESTION_TIMEOUT, asked).await?;
        Ok((found.partitions > 0).then_some(Millis(found.at)))
    }

    /// The client, bound to the database.
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// The client, bound to no database.
    pub(crate) fn server(&self) -> &Client {
        &self.server
    }

    /// The database's name.
    pub(crate) fn database(&self) -> &str {
        &self.database
    }
}

/// Runs one call against the server under a bound of time and sorts its error.
pub(crate) async fn within<T>(
    doing: &'static str,
    after: Duration,
    call: impl Future<Output = Result<T, clickhouse::error::Error>>,
) -> Result<T, StoreError> {
    match tokio::time::timeout(after, call).await {
        Ok(done) => done.map_err(|error| StoreError::from_client(doing, error)),
        Err(_) => Err(StoreError::TimedOut { doing, after }),
    }
}
