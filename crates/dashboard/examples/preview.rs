//! The dashboard over made-up counts, for working on the page: `cargo run --release -p dashboard --example preview`, then
//! open the address it prints. A visit comes in every few seconds, so that the page can be seen to follow.

#[path = "../tests/api/traffic.rs"]
mod traffic;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use dashboard::Peer;
use model::{
    Changes, Clock, Domain, LedgerLine, LiveLine, LocalDay, Loss, LostLine, Lowering, Measured, Millis, Mode, Outcome,
    Site, Sites,
};
use settings::{Location, Settings};
use sha2::{Digest, Sha256};
use store::engine::{EngineConfig, run};
use store::{Store, StoreConfig};
use tokio::net::TcpListener;

use traffic::{Dice, Visit, cells, day};

/// The token to sign in with.
const TOKEN: &str = "preview";

/// Days of history.
const DAYS: i32 = 100;

/// Visits of an ordinary day.
const VISITS_PER_DAY: u64 = 420;

#[expect(clippy::print_stdout, reason = "whoever starts it must learn where to look")]
#[tokio::main]
async fn main() {
    let engine = SocketAddr::from((Ipv4Addr::LOCALHOST, 18_123));
    let directory = tempfile::tempdir().expect("a directory for the engine");
    let config = EngineConfig::new(directory.path().join("engine"), engine);
    tokio::spawn(run(config, std::future::pending()));
    let store = Store::connect(&StoreConfig {
        url: format!("http://{engine}"),
        database: "preview".to_owned(),
        user: "default".to_owned(),
        password: String::new(),
    });
    while store.ping().await.is_err() {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    store.migrate().await.expect("an empty database");
    let site = Domain::parse("example.com").expect("a site's name");
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 18_080)).await.expect("a free port");
    let named = |name: &str| Site::new(Domain::parse(name).expect("a site's name"));
    let small = Site { mode: Mode::Exempt, ..named("small.example") };
    let sites = [Site::new(site.clone()), Site { public: true, ..named("quiet.example") }, small.clone()];
    let location = Location::Sqlite(directory.path().join("settings.sqlite"));
    let (router, _) = dashboard::router(dashboard::Dashboard {
        store: store.clone(),
        sites: Arc::new(ArcSwap::from_pointee(sites.into_iter().collect::<Sites>())),
        settings: Settings::open(&location, Clock::new(now)).await.expect("an empty directory"),
        token_sha256: Sha256::digest(TOKEN).into(),
        peer_of: Arc::new(|_, _| Peer { address: Ipv4Addr::LOCALHOST.into(), is_https: false }),
        clock: Clock::new(now),
        mail: None,
        registry: prometheus::Registry::new(),
    })
    .expect("a new registry");
    tokio::spawn(fill(store, site, small.domain));
    println!("ready http://127.0.0.1:18080/#token={TOKEN}");
    axum::serve(listener, router).await.expect("served until it is stopped");
}

/// History, then a visit now and then.
async fn fill(store: Store, site: Domain, small: Domain) {
    let mut dice = Dice(11);
    let today = LocalDay(i32::try_from(now().0 / 86_400_000).unwrap_or_default());
    let hour = u8::try_from(now().0 / 3_600_000 % 24).unwrap_or_default();
    for number in today.0 - DAYS..=today.0 {
        let busy = if (number + 3) % 7 < 2 { 3 } else { 5 };
        let growth = u64::try_from(number - today.0 + DAYS + 150).unwrap_or_default();
        let visits = day(
            &mut dice,
            LocalDay(number),
            VISITS_PER_DAY * busy * growth / 1_000,
            if number == today.0 { hour } else { 23 },
        );
        insert(&store, &site, &visits, &format!("day {number}"), 0).await;
        let few = day(&mut dice, LocalDay(number), VISITS_PER_DAY / 6, if number == today.0 { hour } else { 23 });
        insert(&store, &small, &few, &format!("small day {number}"), 4).await;
    }
    // Nothing of it is of a site, so both show it.
    let lost = |days_ago: i64, records| LostLine { hour: now().hour() - days_ago * 24, loss: Loss::Expired, records };
    let changes = Changes { lost: vec![lost(3, 41), lost(45, 7)], ..Changes::default() };
    store.insert("lost", &changes).await.expect("the engine runs");
    for number in 0.. {
        tokio::time::sleep(Duration::from_secs(3)).await;
        let all = day(&mut dice, today, 24, hour);
        let one: Vec<Visit> =
            all.into_iter().rev().take(1).map(|visit| Visit { visitor: 1_000_000 + number, ..visit }).collect();
        insert(&store, &site, &one, &format!("visit {number}"), 4 + dice.roll(20)).await;
    }
}

async fn insert(store: &Store, site: &Domain, visits: &[Visit], token: &str, visitors: u64) {
    let live = LiveLine { site: site.clone(), at: now(), partition: 0, visitors };
    let ledger = visits.iter().enumerate().map(|(number, visit)| {
        let outcome = match number % 24 {
            0 => Outcome::Minimal(Some(Lowering::Gpc)),
            1 => Outcome::Minimal(Some(Lowering::Dnt)),
            _ => Outcome::Counted(Measured::Full),
        };
        let minute = i64::from(visit.day.0) * 24 * 60 + i64::from(visit.hour) * 60;
        LedgerLine { site: site.clone(), minute, outcome, hits: 1 }
    });
    let ledger = ledger.collect();
    let changes = Changes { cells: cells(site, visits), ledger, live: vec![live], ..Changes::default() };
    store.insert(token, &changes).await.expect("the engine runs");
}

/// The machine's time; only the binary has a clock of its own.
fn now() -> Millis {
    Millis(std::time::UNIX_EPOCH.elapsed().map_or(0, |past| i64::try_from(past.as_millis()).unwrap_or_default()))
}
