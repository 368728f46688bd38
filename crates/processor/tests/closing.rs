//! A day nobody visits any more is closed all the same, after its last counts are committed, whichever process commits them, and
//! a replay closes it at the same record.

#![allow(clippy::unwrap_used, reason = "a test that finds something else fails")]

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arc_swap::ArcSwap;
use fold::{Bounds, Tables};
use journal::memory::MemoryJournal;
use journal::{AppendError, Commit, Entry, Journal, JournalError, Offset, Ownership};
use model::{
    Campaign, Changes, Clock, ClosedDay, Domain, Hit, Kind, LocalDay, Millis, Mode, Peer, Record, Signals, Site, Sites,
};
use privacy::seal::Sealer;
use processor::keys::KeyStore;
use processor::{InsertError, Metrics, Processor, ProcessorError, Sink};
use prometheus::Registry;
use store::Folded;
use tokio::sync::watch;
use tokio::task::JoinHandle;

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

/// A journal that several processes read, as one of them sees it.
struct Shared(Arc<MemoryJournal>, Ownership);

impl Shared {
    /// As the process sees it that was given this partition.
    fn given(journal: &Arc<MemoryJournal>, partition: u32) -> Arc<Self> {
        let ownership = Ownership::default();
        ownership.give(&[partition]);
        Arc::new(Self(Arc::clone(journal), ownership))
    }
}

impl Journal for Shared {
    fn partitions(&self) -> u32 {
        self.0.partitions()
    }

    fn ownership(&self) -> Option<&Ownership> {
        Some(&self.1)
    }

    async fn append(&self, partition: u32, record: Vec<u8>) -> Result<Offset, AppendError> {
        self.0.append(partition, record).await
    }

    async fn read(&self, partition: u32, from: Offset, max: usize, wait: Duration) -> Result<Vec<Entry>, JournalError> {
        self.0.read(partition, from, max, wait).await
    }

    async fn first_at(&self, partition: u32, at: Millis) -> Result<Offset, JournalError> {
        self.0.first_at(partition, at).await
    }

    async fn end(&self, partition: u32) -> Result<Offset, JournalError> {
        self.0.end(partition).await
    }

    async fn commit(&self, partition: u32, commit: Commit) -> Result<(), JournalError> {
        self.0.commit(partition, commit).await
    }

    async fn committed(&self, partition: u32) -> Result<Option<Commit>, JournalError> {
        self.0.committed(partition).await
    }

    async fn expire(&self, before: Millis) -> Result<u64, JournalError> {
        self.0.expire(before).await
    }
}

/// A processor at work, and what ends it.
type AtWork = (watch::Sender<bool>, JoinHandle<Result<(), ProcessorError>>);

fn at_work<J: Journal>(
    journal: &Arc<J>,
    sink: &Arc<Asked>,
    keys: &Arc<KeyStore>,
    clock: &Clock,
    metrics: &Metrics,
) -> AtWork {
    let site = Site { timezone: "Asia/Kathmandu".to_owned(), visitors_min: 7, ..Site::new(day().site) };
    let processor = Processor {
        journal: Arc::clone(journal),
        journal_name: Some("j".to_owned()),
        sink: Arc::clone(sink),
        sites: Arc::new(ArcSwap::from_pointee([site].into_iter().collect::<Sites>())),
        keys: Arc::clone(keys),
        tables: Tables::default(),
        bounds: Bounds::default(),
        clock: clock.clone(),
        flush: Duration::from_millis(20),
        metrics: metrics.clone(),
        inboxes: processor::Inboxes::default(),
        answers: None,
        follow: None,
    };
    let (stop, stopping) = watch::channel(false);
    (stop, tokio::spawn(processor.run(stopping)))
}

async fn end((stop, running): AtWork) {
    stop.send(true).unwrap();
    running.await.unwrap().unwrap();
}

fn clock(now: &Arc<AtomicI64>) -> Clock {
    let now = Arc::clone(now);
    Clock::new(move || Millis(now.load(Ordering::Relaxed)))
}

fn overdue(registry: &Registry) -> f64 {
    let all = registry.gather();
    let family = all.iter().find(|family| family.name() == "footfall_day_overdue_seconds").unwrap();
    family.get_metric().first().unwrap().get_gauge().get_value()
}

#[tokio::test]
async fn an_idle_day_is_closed_by_an_empty_record() {
    let directory = tempfile::tempdir().unwrap();
    let now = Arc::new(AtomicI64::new(NOW));
    let clock = clock(&now);
    let keys = Arc::new(KeyStore::open(directory.path(), Millis(NOW)).unwrap());
    let journal = Arc::new(MemoryJournal::new(1, clock.clone()));
    let mut sealer = Sealer::new(&keys.public(Millis(NOW)).unwrap(), [9; 32]).unwrap();
    journal.append(0, sealer.seal(&Record::Hits(vec![hit()]).encode()).unwrap()).await.unwrap();
    let sink = Arc::new(Asked::default());
    let registry = Registry::new();
    let metrics = Metrics::register(&registry).unwrap();
    let running = at_work(&journal, &sink, &keys, &clock, &metrics);
    eventually("the hit is counted", || sink.all() == ["counts"]).await;
    assert_eq!(overdue(&registry), 0.0);
    now.store(CLOSES + 60_000, Ordering::Relaxed);
    eventually("the day is overdue", || overdue(&registry) == 60.0).await;
    let closed = ["counts", "close 20833 below 7", "sweep"];
    eventually("the day is closed", || sink.all() == closed).await;
    end(running).await;
    let entries = journal.read(0, Offset(1), 10, Duration::ZERO).await.unwrap();
    assert_eq!(entries.iter().map(|entry| (entry.at.0, entry.bytes.len())).collect::<Vec<_>>(), [(CLOSES + 60_000, 0)]);

    // The clock was set back; another start reads the same records, and what was closed is not opened by them.
    now.store(NOW + 60_000, Ordering::Relaxed);
    let again = Arc::new(Asked(Mutex::new(vec!["counts".to_owned()])));
    let running = at_work(&journal, &again, &keys, &clock, &metrics);
    eventually("the replay closes the day as well", || again.all() == closed).await;
    end(running).await;
    assert_eq!(journal.end(0).await.unwrap(), Offset(2));
}

#[tokio::test(start_paused = true)]
async fn a_day_stays_open_until_what_other_processes_have_of_it_is_committed() {
    let directory = tempfile::tempdir().unwrap();
    let now = Arc::new(AtomicI64::new(NOW));
    let clock = clock(&now);
    let keys = Arc::new(KeyStore::open(directory.path(), Millis(NOW)).unwrap());
    let journal = Arc::new(MemoryJournal::new(2, clock.clone()));
    let mut sealer = Sealer::new(&keys.public(Millis(NOW)).unwrap(), [9; 32]).unwrap();
    for partition in [0, 1] {
        let record = sealer.seal(&Record::Hits(vec![hit()]).encode()).unwrap();
        journal.append(partition, record).await.unwrap();
    }
    let sink = Arc::new(Asked::default());
    let registry = Registry::new();
    let metrics = Metrics::register(&registry).unwrap();
    let here = at_work(&Shared::given(&journal, 0), &sink, &keys, &clock, &metrics);
    let other = || {
        let metrics = Metrics::register(&Registry::new()).unwrap();
        at_work(&Shared::given(&journal, 1), &sink, &keys, &clock, &metrics)
    };
    eventually("the hit here is counted", || sink.all() == ["counts"]).await;
    now.store(CLOSES + 60_000, Ordering::Relaxed);
    eventually("the day is overdue", || overdue(&registry) == 60.0).await;
    // Some looks later. The hit of the other partition was never counted.
    tokio::time::sleep(Duration::from_secs(50)).await;
    assert_eq!(sink.all(), ["counts"]);

    // It is counted and committed, and nothing says yet that no other of the day stands behind it.
    let counted = ["counts", "counts"];
    let running = other();
    eventually("the hit of the other partition is counted", || sink.all() == counted).await;
    end(running).await;
    tokio::time::sleep(Duration::from_secs(50)).await;
    assert_eq!(sink.all(), counted);
    assert_eq!(journal.end(1).await.unwrap(), Offset(2), "its time is moved on, once, for whoever reads it");

    // Whoever reads that commits past the day's end.
    let running = other();
    let closed = ["counts", "counts", "close 20833 below 7", "sweep"];
    eventually("the day is closed", || sink.all() == closed).await;
    end(running).await;
    end(here).await;
}

/// The empty record comes before the day is over, by the journal's clock; afterwards nobody visits.
#[tokio::test(start_paused = true)]
async fn a_clock_that_is_ahead_of_the_journals_leaves_no_day_open() {
    let directory = tempfile::tempdir().unwrap();
    let [ours, theirs] = [(); 2].map(|()| Arc::new(AtomicI64::new(NOW)));
    let keys = Arc::new(KeyStore::open(directory.path(), Millis(NOW)).unwrap());
    let journal = Arc::new(MemoryJournal::new(1, clock(&theirs)));
    let mut sealer = Sealer::new(&keys.public(Millis(NOW)).unwrap(), [9; 32]).unwrap();
    journal.append(0, sealer.seal(&Record::Hits(vec![hit()]).encode()).unwrap()).await.unwrap();
    let sink = Arc::new(Asked::default());
    let metrics = Metrics::register(&Registry::new()).unwrap();
    let running = at_work(&journal, &sink, &keys, &clock(&ours), &metrics);
    eventually("the hit is counted", || sink.all() == ["counts"]).await;
    ours.store(CLOSES + 60_000, Ordering::Relaxed);
    theirs.store(CLOSES - 1_800_000, Ordering::Relaxed);
    tokio::time::sleep(Duration::from_secs(1_800)).await;
    assert_eq!(sink.all(), ["counts"]);
    let ticks = journal.end(0).await.unwrap().0 - 1;
    assert!((1..=4).contains(&ticks), "{ticks} empty records in half an hour");
    // The journal has come so far, and this process's clock is right again.
    theirs.store(CLOSES + 60_000, Ordering::Relaxed);
    tokio::time::sleep(Duration::from_secs(660)).await;
    assert_eq!(sink.all(), ["counts", "close 20833 below 7", "sweep"]);
    end(running).await;
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
