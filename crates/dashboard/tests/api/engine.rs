//! The real engine, once for all tests of this binary, with a database for each test.

use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use model::{Cell, Changes};
use store::engine::child::{ChildConfig, Engine};
use store::{Store, StoreConfig};

/// Where the engine is; its process is started at the first call and ends with this one.
fn running() -> StoreConfig {
    static ENGINE: OnceLock<StoreConfig> = OnceLock::new();
    let start = || {
        let (tell, told) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let directory = tempfile::tempdir().unwrap();
            let config =
                ChildConfig { program: program(), data: directory.path().join("engine"), arguments: Vec::new() };
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
            let engine = runtime.block_on(Engine::start(config)).unwrap();
            tell.send(engine.store_config("default")).unwrap();
            runtime.block_on(std::future::pending::<()>());
        });
        told.recv().expect("the engine starts")
    };
    ENGINE.get_or_init(start).clone()
}

/// The engine's program, built beside this test: in this very process it would still run while the process ends.
fn program() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.parent().unwrap().parent().unwrap().join("examples/dashboard-engine")
}

/// A store with its own empty database.
pub async fn store() -> Store {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let database = format!("test_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
    let store = Store::connect(&StoreConfig { database, ..running() });
    store.migrate().await.unwrap();
    store
}

/// Stores cells as a processor would, in two flushes, so that sums are needed.
pub async fn insert(store: &Store, cells: Vec<Cell>) {
    let halves = |half: i64| -> Vec<Cell> {
        let part = |count: i64| if half == 0 { count / 2 } else { count - count / 2 };
        cells.iter().map(|cell| Cell { counts: split(cell.counts, part), ..cell.clone() }).collect()
    };
    for (token, half) in [("first", 0), ("second", 1)] {
        store.insert(token, &Changes { cells: halves(half), ..Changes::default() }).await.unwrap();
    }
}

fn split(counts: model::Counts, part: impl Fn(i64) -> i64) -> model::Counts {
    model::Counts {
        visitors: part(counts.visitors),
        visits: part(counts.visits),
        pageviews: part(counts.pageviews),
        events: part(counts.events),
        bounces: part(counts.bounces),
        visit_seconds: part(counts.visit_seconds),
        entries: part(counts.entries),
        exits: part(counts.exits),
        engaged_ms: part(counts.engaged_ms),
        scroll_percent: part(counts.scroll_percent),
        scroll_visitors: part(counts.scroll_visitors),
        revenue_micros: part(counts.revenue_micros),
    }
}
