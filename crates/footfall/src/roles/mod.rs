//! The roles of a distributed installation: `footfall collector`, `processor` and `dashboard`, any number of each, with Kafka and
//! ClickHouse between them. The same parts as in `footfall serve`, wired apart; nothing is decided here.
//!
//! What each needs from outside: a collector Kafka; a processor Kafka, ClickHouse and the directory of the sealing keys; a
//! dashboard ClickHouse, the settings, and Kafka to publish sites. Each answers `/healthz`, `/readyz` and `/metrics` from its
//! start, and waits for whom it needs ([`awaited`]).

mod answers;
mod anteroom;
mod awaited;
mod collector;
mod dashboard;
mod directory;
mod processor;
mod remembered;
mod speaker;

use std::sync::Arc;

use anyhow::Context;
use model::Clock;
use prometheus::Registry;
use store::Store;
use tokio::net::TcpListener;

use crate::audit::Audit;
use crate::config::{Config, Uses};
use crate::{clock, engine, handles, memory, station};
use anteroom::Anteroom;
use awaited::{Awaited, Neighbour};

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

impl Role {
    /// What it uses of the installation.
    pub fn uses(self) -> Uses {
        match self {
            Self::Collector => Uses { kafka: true, ..Uses::default() },
            Self::Processor => Uses { kafka: true, clickhouse: true, ..Uses::default() },
            Self::Dashboard => Uses { kafka: true, clickhouse: true, database: true, mail: true },
        }
    }
}

/// Runs a role until told to stop.
pub fn run(role: Role, config: Config) -> anyhow::Result<()> {
    if role != Role::Dashboard && !config.sites.is_empty() {
        tracing::warn!(
            sites = config.sites.len(),
            "the sites of this configuration are not read here: dashboards tell collectors and processors which sites there are, so \
             [[site]] and FOOTFALL_SITES belong to a dashboard's"
        );
    }
    let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
    let done = runtime.block_on(async {
        // From here on, so that a process that waits for its neighbours can be ended like any other.
        let stopped = engine::stopped();
        tokio::pin!(stopped);
        let (common, anteroom) = Common::open(&config).await?;
        let done = match role {
            Role::Collector => Box::pin(collector::run(&config, &common, anteroom, stopped)).await,
            Role::Processor => Box::pin(processor::run(&config, &common, anteroom, stopped)).await,
            Role::Dashboard => Box::pin(dashboard::run(&config, &common, anteroom, stopped)).await,
        };
        common.audit.record("stopped", &serde_json::json!({}));
        done
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
    awaited: Awaited,
}

impl Common {
    async fn open(config: &Config) -> anyhow::Result<(Self, Anteroom)> {
        let data = config.data.display();
        std::fs::create_dir_all(&config.data).with_context(|| format!("cannot make the data directory {data}"))?;
        memory::keep_in_ram();
        handles::take_all();
        let clock = clock::system();
        let audit = Arc::new(Audit::open(&config.data, clock.clone())?);
        audit.record("started", &serde_json::json!({ "version": env!("CARGO_PKG_VERSION") }));
        let listener = TcpListener::bind(config.listen)
            .await
            .with_context(|| format!("cannot listen on {}; is another server there?", config.listen))?;
        let registry = station::registry(clock.now(), &config.data)?;
        let awaited = Awaited::register(&registry, clock.clone())?;
        tracing::info!(address = %listener.local_addr()?, "listening");
        let anteroom = Anteroom::open(listener, &registry, awaited.clone())?;
        Ok((Self { clock, registry, audit, awaited }, anteroom))
    }
}

/// Waits until ClickHouse has the tables of this version. One of a newer version will do.
async fn schema(awaited: &Awaited, store: &Store) -> anyhow::Result<()> {
    let looked = awaited.until(Neighbour::ClickHouse, || async {
        store.check_schema().await.map(drop).context("ClickHouse's tables are not this version's")
    });
    looked.await
}
