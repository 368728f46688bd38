//! The embedded engine: hosting it (`footfall engine`), and having one of our own (`serve`, `import`).

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, bail};
use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{IntCounter, Registry};
use store::Store;
use store::engine::child::{ChildConfig, Engine};
use store::engine::{self, EngineConfig};
use tokio::signal::unix::{SignalKind, signal};

use crate::assets;
use crate::config::Config;

/// The database inside the engine.
const DATABASE: &str = "footfall";

/// `footfall engine`: serves the engine on `listen` until told to stop.
pub fn run(config: &Config, listen: SocketAddr, library: Option<PathBuf>) -> anyhow::Result<()> {
    let data = config.data.display();
    if config.data.join("journal").exists() {
        bail!("{data} is the data directory of `footfall serve`, whose engine rests in {data}/engine: name that one");
    }
    let library = library.map_or_else(|| assets::engine(config), Ok)?;
    let engine = EngineConfig { library, ..EngineConfig::new(config.data.clone(), listen) };
    let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
    runtime.block_on(async { Ok(engine::run(engine, stopped()).await?) })
}

/// Starts an engine on the data directory as a child process, and brings its schema up to date.
pub async fn start(config: &Config) -> anyhow::Result<(Engine, Store)> {
    let library = assets::engine(config)?;
    let program = std::env::current_exe().context("cannot find this program's own file")?;
    let arguments = vec!["--library".into(), library.into_os_string()];
    let engine = Engine::start(ChildConfig { program, data: config.data.join("engine"), arguments }).await?;
    let store = Store::connect(&engine.store_config(DATABASE));
    store.migrate().await.context("cannot bring the schema up to date")?;
    Ok((engine, store))
}

/// Shows how often the engine died, which its parent alone sees.
///
/// # Errors
/// The registry has the figure already.
pub fn register(registry: &Registry, engine: &Engine) -> Result<(), prometheus::Error> {
    let help = "How often the embedded engine ended by itself, or was killed, and was started again.";
    let (restarts, shown) = (engine.restarts_later(), IntCounter::new("footfall_engine_restarts_total", help)?);
    registry.register(Box::new(Restarts { restarts, shown, one_at_a_time: Mutex::new(()) }))
}

struct Restarts<F> {
    restarts: F,
    shown: IntCounter,
    /// Held while the figure is brought up to date.
    one_at_a_time: Mutex<()>,
}

impl<F: Fn() -> u64 + Send + Sync> Collector for Restarts<F> {
    fn desc(&self) -> Vec<&Desc> {
        self.shown.desc()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let _one_at_a_time = self.one_at_a_time.lock().unwrap_or_else(PoisonError::into_inner);
        self.shown.inc_by((self.restarts)().saturating_sub(self.shown.get()));
        self.shown.collect()
    }
}

/// `footfall migrate`: brings the tables of a ClickHouse server up to date.
pub fn migrate(config: &Config) -> anyhow::Result<()> {
    let store = config.distributed.store()?;
    let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
    let cannot = || format!("cannot bring the tables at {} up to date", config.distributed.clickhouse_url());
    runtime.block_on(async { store.migrate().await.with_context(cannot) })
}

/// Resolves when the process is asked to end. From the call on, not only once it is waited for: who reads `ready` may ask at
/// once, and must not end the process half.
pub fn stopped() -> impl Future<Output = ()> {
    let asked = |kind| {
        let heard = signal(kind);
        async move {
            match heard {
                Ok(mut signal) => drop(signal.recv().await),
                // Without the handler the default action ends the process, which is what was asked.
                Err(_) => std::future::pending().await,
            }
        }
    };
    let (terminated, interrupted) = (asked(SignalKind::terminate()), asked(SignalKind::interrupt()));
    async move {
        tokio::select! {
            () = terminated => {}
            () = interrupted => {}
        }
    }
}

/// Thirty-two bytes from the operating system.
pub fn secret() -> anyhow::Result<[u8; 32]> {
    let mut random = [0; 32];
    getrandom::fill(&mut random).map_err(|_| anyhow::anyhow!("the operating system gave no random bytes"))?;
    Ok(random)
}
