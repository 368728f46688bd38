//! The real engine, once for all tests of this binary, with a database for each test.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use model::{Cell, Changes};
use store::engine::{EngineConfig, run};
use store::{Store, StoreConfig};

static URL: OnceLock<Mutex<String>> = OnceLock::new();

/// Where the engine is; started at the first call, ended with the process.
fn url() -> String {
    let start = || {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let directory = tempfile::tempdir().unwrap();
        std::thread::spawn(move || {
            let config = EngineConfig::new(directory.path().join("engine"), address);
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
            runtime.block_on(run(config, std::future::pending())).unwrap();
        });
        Mutex::new(format!("http://{address}"))
    };
    URL.get_or_init(start).lock().unwrap().clone()
}

/// A store with its own empty database.
pub async fn store() -> Store {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let database = format!("test_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
    let config = StoreConfig { url: url(), database, user: "default".to_owned(), password: String::new() };
    let store = Store::connect(&config);
    let deadline = Instant::now() + Duration::from_secs(60);
    while let Err(error) = store.ping().await {
        assert!(Instant::now() < deadline, "the engine does not answer: {error}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
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
