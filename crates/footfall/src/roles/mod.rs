//! The roles of a distributed installation: `footfall collector`, `processor` and `dashboard`, any number of each, with Kafka and
//! ClickHouse between them. The same parts as in `footfall serve`, wired apart; nothing is decided here.
//!
//! What each needs from outside: a collector Kafka; a processor Kafka, ClickHouse and the directory of the sealing keys; a
//! dashboard ClickHouse, the settings, and Kafka to publish sites.

mod answers;
mod collector;
mod dashboard;
mod directory;
mod processor;

use std::future::Future;
use std::sync::Arc;

use anyhow::Context;
use model::Clock;
use prometheus::Registry;
use store::Store;
use tokio::net::TcpListener;

use crate::audit::Audit;
use crate::config::Config;
use crate::{clock, memory, station};

pub use answers::Answers;

/// A role.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// HTTP in, sealed records out.
    Collector,
    /// Records in, counts out.
    Processor,
    /// Questions and answers.
    Dashboard,
}

/// Runs a role until told to stop.
pub fn run(role: Role, config: Config) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
    let done = runtime.block_on(async {
        let common = Common::open(&config).await?;
        match role {
            Role::Collector => collector::run(&config, common).await,
            Role::Processor => processor::run(&config, common).await,
            Role::Dashboard => dashboard::run(&config, common).await,
        }
    });
    // Calls to brokers that do not answer may still be under way; whatever they were to do is repeated by the next start.
    runtime.shutdown_timeout(END_WITHIN);
    done
}

/// How long calls that are under way may take once the role has ended.
const END_WITHIN: std::time::Duration = std::time::Duration::from_secs(2);

/// What every role has.
struct Common {
    clock: Clock,
    registry: Registry,
    audit: Arc<Audit>,
    listener: TcpListener,
}

impl Common {
    async fn open(config: &Config) -> anyhow::Result<Self> {
        let data = config.data.display();
        std::fs::create_dir_all(&config.data).with_context(|| format!("cannot make the data directory {data}"))?;
        memory::keep_in_ram();
        let clock = clock::system();
        let audit = Arc::new(Audit::open(&config.data, clock.clone())?);
        audit.record("started", &serde_json::json!({ "version": env!("CARGO_PKG_VERSION") }));
        let listener = TcpListener::bind(config.listen)
            .await
            .with_context(|| format!("cannot listen on {}; is another server there?", config.listen))?;
        let registry = station::registry(clock.now(), &config.data)?;
        Ok(Self { clock, registry, audit, listener })
    }
}

/// Waits until ClickHouse has the tables of this version, and says what is missing. One of a newer version will do.
async fn schema(store: &Store) -> anyhow::Result<()> {
    let looked = waiting("ClickHouse and its tables", async || match store.check_schema().await {
        Err(error) if error.retry() => {
            tracing::warn!(%error, "not yet");
            None
        }
        looked => Some(looked),
    });
    looked.await.map(|_| ()).context("ClickHouse's tables are not this version's")
}

/// Waits for what comes when others have started, and says what is waited for.
async fn waiting<T, F: Future<Output = Option<T>>>(what: &str, look: impl Fn() -> F) -> T {
    let (mut pause, mut said) = (std::time::Duration::from_millis(100), tokio::time::Instant::now());
    tracing::info!("waiting for {what}");
    loop {
        if let Some(found) = look().await {
            return found;
        }
        if said.elapsed() > std::time::Duration::from_secs(30) {
            said = tokio::time::Instant::now();
            tracing::warn!("still waiting for {what}");
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(std::time::Duration::from_secs(2));
    }
}
