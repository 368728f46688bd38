//! A day nobody visits any more is closed all the same, after its last counts are committed, and a replay closes it at the
//! same record.

#![allow(clippy::unwrap_used, reason = "a test that finds something else fails")]

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arc_swap::ArcSwap;
use fold::Tables;
use journal::memory::MemoryJournal;
use journal::{Journal, Offset};
use model::{
    Campaign, Changes, Clock, ClosedDay, Domain, Hit, Kind, LocalDay, Millis, Mode, Peer, Record, Signals, Site, Sites,
};
use privacy::seal::Sealer;
use processor::keys::KeyStore;
use processor::{InsertError, Metrics, Processor, Sink};
use prometheus::Registry;
use store::Folded;
use tokio::sync::watch;

/// 2027-01-15T08:00Z; Kathmandu's day ends at 18:15Z.
const NOW: i64 = 1_800_000_000_000;
const DAY: LocalDay = LocalDay(20_833);
const CLOSES: i64 = NOW + 12 * 3_600_000 + 15 * 60_000;

/// A store that keeps the names of what it is asked, and has one day to close once something was inserted.
#[derive(Default)]
struct Asked(Mutex<Vec<String>>);

impl Asked {
    fn log(&self, asked: String) {
        self.0.lock().unwrap().push(asked);
    }

    fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

fn day() -> ClosedDay {
    ClosedDay { site: Domain::parse("example.com").unwrap(), day: DAY }
}

impl Sink for Asked {
    async fn insert(&self, _: &str, changes: &Changes) -> Result<(), InsertError> {
        if !changes.cells.is_empty() {
            self.log("counts".to_owned());
        }
        Ok(())
    }

    async fn days_not_closed(&self) -> Result<Vec<ClosedDay>, InsertError> {
        let all = self.all();
        let waits = all.iter().any(|asked| asked == "counts") && !all.iter().any(|asked| asked == "sweep");
        Ok(if waits { vec![day()] } else { Vec::new() })
    }

    async fn close_day(&self, day: &ClosedDay, visitors_min: u32) -> Result<Folded, InsertError> {
        self.log(format!("close {} below {visitors_min}", day.day.0));
        Ok(Folded::default())
    }

    async fn sweep_closed_days(&self, days: &[ClosedDay]) -> Result<(), InsertError> {
        assert_eq!(days, [day()]);
        self.log("sweep".to_owned());
        Ok(())
    }
}

#[tokio::test]
async fn an_idle_day_is_closed_by_an_empty_record() {
    let directory = tempfile::tempdir().unwrap();
    let now = Arc::new(AtomicI64::new(NOW));
    let clock = Clock::new({
        let now = Arc::clone(&now);
        move || Millis(now.load(Ordering::Relaxed))
    });
    let keys = Arc::new(KeyStore::open(directory.path(), Millis(NOW)).unwrap());
    let journal = Arc::new(MemoryJournal::new(1, clock.clone()));
    let mut sealer = Sealer::new(&keys.public(Millis(NOW)).unwrap(), [9; 32]).unwrap();
    journal.append(0, sealer.seal(&Record::Hits(vec![hit()]).encode()).unwrap()).await.unwrap();
    let site = Site { timezone: "Asia/Kathmandu".to_owned(), visitors_min: 7, ..Site::new(day().site) };
    let sink = Arc::new(Asked::default());
    let registry = Registry::new();
    let metrics = Metrics::register(&registry).unwrap();
    let overdue = || {
        let all = registry.gather();
        let family = all.iter().find(|family| family.name() == "footfall_day_overdue_seconds").unwrap();
        family.get_metric()[0].get_gauge().get_value()
    };
    let start = |sink: &Arc<Asked>| {
        let processor = Processor {
            journal: Arc::clone(&journal),
            journal_name: Some("j".to_owned()),
            sink: Arc::clone(sink),
            sites: Arc::new(ArcSwap::from_pointee([site.clone()].into_iter().collect::<Sites>())),
            keys: Arc::clone(&keys),
            tables: Tables::default(),
            clock: clock.clone(),
            flush: Duration::from_millis(20),
            metrics: metrics.clone(),
            inboxes: processor::Inboxes::default(),
            answers: None,
            follow: None,
        };
        let (stop, stopping) = watch::channel(false);
        (stop, tokio::spawn(processor.run(stopping)))
    };
    let (stop, running) = start(&sink);
    eventually("the hit is counted", || sink.all() == ["counts"]).await;
    assert_eq!(overdue(), 0.0);
    now.store(CLOSES + 60_000, Ordering::Relaxed);
    eventually("the day is overdue", || overdue() == 60.0).await;
    let closed = ["counts", "close 20833 below 7", "sweep"];
    eventually("the day is closed", || sink.all() == closed).await;
    stop.send(true).unwrap();
    running.await.unwrap().unwrap();
    let entries = journal.read(0, Offset(1), 10, Duration::ZERO).await.unwrap();
    assert_eq!(entries.iter().map(|entry| (entry.at.0, entry.bytes.len())).collect::<Vec<_>>(), [(CLOSES + 60_000, 0)]);

    // The clock was set back; another start reads the same records, and what was closed is not opened by them.
    now.store(NOW + 60_000, Ordering::Relaxed);
    let again = Arc::new(Asked(Mutex::new(vec!["counts".to_owned()])));
    let (stop, running) = start(&again);
    eventually("the replay closes the day as well", || again.all() == closed).await;
    stop.send(true).unwrap();
    running.await.unwrap().unwrap();
    assert_eq!(journal.end(0).await.unwrap(), Offset(2));
}

fn hit() -> Hit {
    Hit {
        site: day().site,
        at: Millis(NOW),
        id: None,
        mode: Mode::Full,
        signals: Signals::default(),
        kind: Kind::Pageview,
        host: "example.com".into(),
        path: "/".into(),
        campaign: Campaign::default(),
        referrer: None,
        props: Vec::new(),
        revenue: None,
        screen_width: None,
        language: None,
        peer: Some(Peer { address: [192, 0, 2, 1].into(), agent: "Mozilla/5.0 Firefox/144.0".into() }),
    }
}

async fn eventually(what: &str, holds: impl Fn() -> bool) {
    let watched = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), watched).await.unwrap_or_else(|_| panic!("never saw: {what}"));
}
