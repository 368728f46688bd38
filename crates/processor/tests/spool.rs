//! From a spool to the counts: hits, tallies and a visitor's erasure go through one whose journal comes and goes and whose
//! process dies again and again; what is inserted is what the same records give when each comes once.

#![allow(clippy::unwrap_used, reason = "a test that finds something else fails")]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use fold::{Bounds, Fold, Tables};
use journal::memory::MemoryJournal;
use journal::spool::{Settings, Spooled};
use journal::{AppendError, Commit, Entry, Journal, JournalError, Offset};
use model::{
    Campaign, Changes, Clock, Counts, Dimension, Domain, Hit, Kind, Millis, Mode, Outcome, Peer, Record, Refusal,
    Right, RightsRequest, Signals, Site, Sites, Tally,
};
use privacy::seal::Sealer;
use privacy::visitor::Secret;
use processor::keys::KeyStore;
use processor::{Inboxes, InsertError, Metrics, Processor, Sink};
use prometheus::Registry;
use tokio::sync::watch;

const NOW: Millis = Millis(1_800_000_000_000);
const RECORDS: u64 = 400;

/// A journal that keeps some appends without ever saying so, and takes others only at the next attempt.
struct Moody(MemoryJournal, AtomicU64, AtomicU64);

/// An append, also until its future is dropped.
struct UnderWay<'a>(&'a AtomicU64);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Journal for Moody {
    fn partitions(&self) -> u32 {
        self.0.partitions()
    }

    async fn append(&self, partition: u32, record: Vec<u8>) -> Result<Offset, AppendError> {
        let unreachable = || JournalError::Unreachable { tried: "append".to_owned(), reason: "moody".to_owned() };
        // Moods last eight attempts at least, and change while nothing is under way: what is not kept is a whole stretch of
        // what was begun, and nothing begun behind it is kept before, as with brokers.
        let begun = self.1.load(Ordering::SeqCst);
        if self.2.fetch_add(1, Ordering::SeqCst) == 0 || begun % 8 != 7 {
            self.1.fetch_add(1, Ordering::SeqCst);
        }
        let _under_way = UnderWay(&self.2);
        match begun / 8 % 15 {
            5 => {
                tokio::time::sleep(Duration::from_millis(1)).await;
                Err(unreachable().into())
            }
            6 => {
                self.0.append(partition, record).await?;
                std::future::pending().await
            }
            7 => {
                self.0.append(partition, record).await?;
                tokio::time::sleep(Duration::from_millis(1)).await;
                Err(unreachable().into())
            }
            _ => self.0.append(partition, record).await,
        }
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

/// Sums what is inserted.
#[derive(Default)]
struct Sums(Mutex<(Cells, Ledger)>);

type Cells = BTreeMap<String, Counts>;
type Ledger = BTreeMap<(i64, Outcome), i64>;

impl Sums {
    fn add(&self, changes: &Changes) {
        let mut sums = self.0.lock().unwrap();
        for cell in &changes.cells {
            let key = format!("{:?}", (cell.day, cell.hour, cell.dimension, &cell.value, cell.by, &cell.by_value));
            *sums.0.entry(key).or_default() += cell.counts;
        }
        for line in &changes.ledger {
            *sums.1.entry((line.minute, line.outcome)).or_default() += line.hits;
        }
        sums.0.retain(|_, counts| !counts.is_zero());
        sums.1.retain(|_, hits| *hits != 0);
    }
}

struct Store(Arc<Sums>);

impl Sink for Store {
    async fn insert(&self, _token: &str, changes: &Changes) -> Result<(), InsertError> {
        self.0.add(changes);
        assert!(changes.lost.is_empty(), "nothing is unreadable");
        Ok(())
    }
}

fn site() -> Domain {
    Domain::parse("example.com").unwrap()
}

/// Record `number`: mostly hits of a few visitors, without an id; now and then a tally, and an erasure.
fn record(number: u64) -> Record {
    let peer = || Peer {
        address: [192, 0, 2, u8::try_from(number % 7).unwrap()].into(),
        agent: "Mozilla/5.0 Firefox/144.0".into(),
    };
    let at = NOW.plus(i64::try_from(number).unwrap() * 1_000);
    match number % 50 {
        10 => Record::Tally(Tally { site: site(), minute: at.minute(), refusal: Refusal::RateLimited, hits: number }),
        20 => Record::Rights(RightsRequest { site: site(), at, right: Right::Erase, peer: peer() }),
        _ => Record::Hits(vec![Hit {
            site: site(),
            at,
            id: None,
            mode: Mode::Full,
            signals: Signals::default(),
            kind: Kind::Pageview,
            host: "example.com".into(),
            path: format!("/{}", number % 11).into(),
            campaign: Campaign::default(),
            referrer: None,
            props: Vec::new(),
            revenue: None,
            screen_width: None,
            language: None,
            peer: Some(peer()),
        }]),
    }
}

/// What the records come to when each comes once.
fn once() -> Sums {
    let (sums, site) = (Sums::default(), Site::new(site()));
    let mut fold = Fold::new(0, Secret::new([3; 32]), Tables::default());
    for number in 0..RECORDS {
        match record(number) {
            Record::Hits(hits) => hits.into_iter().for_each(|hit| {
                let _outcome = fold.apply(&site, hit);
            }),
            Record::Tally(tally) => fold.tally(tally),
            Record::Rights(request) => drop(fold.exercise(&site, request)),
            Record::Inquiry(_) => {}
        }
    }
    sums.add(&fold.changes(NOW));
    sums
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn outages_and_deaths_of_a_collector_change_no_count() {
    let directory = tempfile::tempdir().unwrap();
    let clock = Clock::new(|| NOW);
    let inner = Arc::new(Moody(MemoryJournal::new(1, clock.clone()), AtomicU64::new(0), AtomicU64::new(0)));
    let keys = Arc::new(KeyStore::open(&directory.path().join("keys"), NOW).unwrap());
    for life in 0..8 {
        let spooled = open(&inner, &directory.path().join("spool"), &clock).await;
        let mut sealer = Sealer::new(&keys.public(NOW).unwrap(), [life; 32]).unwrap();
        let (first, last) = (u64::from(life) * RECORDS / 8, (u64::from(life) + 1) * RECORDS / 8);
        for number in first..last {
            spooled.append(0, sealer.seal(&record(number).encode()).unwrap()).await.unwrap();
        }
        // It ends without a word, with whatever is on its way.
    }
    let begun = Instant::now();
    let mut spooled = open(&inner, &directory.path().join("spool"), &clock).await;
    while spooled.figures().records > 0 {
        assert!(begun.elapsed() < Duration::from_secs(60), "it is not drained: {:?}", spooled.figures());
        tokio::time::sleep(Duration::from_millis(20)).await;
        // An append that is never answered ends with the process that waits for it.
        drop(spooled);
        spooled = open(&inner, &directory.path().join("spool"), &clock).await;
    }
    let kept = inner.end(0).await.unwrap().0;
    assert!(kept > RECORDS + 20, "many came twice: {kept}");
    let sums = Arc::new(Sums::default());
    count(&inner, &keys, &sums, kept).await;
    let once = once();
    assert!(*sums.0.lock().unwrap() == *once.0.lock().unwrap(), "the counts differ from those of each record once");
    let total = format!("{:?}", (Dimension::Total, "")).replace(['(', ')'], "");
    assert!(once.0.lock().unwrap().0.keys().any(|key| key.contains(&total)), "there is something to compare");
}

async fn open(inner: &Arc<Moody>, directory: &std::path::Path, clock: &Clock) -> Spooled<Moody> {
    let begun = Instant::now();
    loop {
        let settings = Settings { append_wait: Duration::from_millis(10), ..Settings::new(clock.clone()) };
        match Spooled::open(Arc::clone(inner), directory, settings).await {
            // The one before it may take a moment to give the directory free.
            Err(JournalError::InUse { .. }) if begun.elapsed() < Duration::from_secs(30) => {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            opened => return opened.unwrap(),
        }
    }
}

/// Runs a processor until it has committed everything below `end`.
async fn count(inner: &Arc<Moody>, keys: &Arc<KeyStore>, sums: &Arc<Sums>, end: u64) {
    let sites: Sites = [Site::new(site())].into_iter().collect();
    let processor = Processor {
        journal: Arc::clone(inner),
        journal_name: Some("j".to_owned()),
        sink: Arc::new(Store(Arc::clone(sums))),
        sites: Arc::new(ArcSwap::from_pointee(sites)),
        keys: Arc::clone(keys),
        tables: Tables::default(),
        bounds: Bounds::default(),
        clock: Clock::new(|| NOW),
        flush: Duration::from_millis(20),
        metrics: Metrics::register(&Registry::new()).unwrap(),
        inboxes: Inboxes::default(),
        answers: None,
        follow: None,
    };
    let (stop, stopping) = watch::channel(false);
    let running = tokio::spawn(processor.run(stopping));
    let begun = Instant::now();
    // Behind a form, a name, a time and a stamp it says whether an insert is under way.
    let is_done = |commit: Commit| commit.next == Offset(end) && commit.metadata.get(25) == Some(&0);
    while !inner.committed(0).await.unwrap().is_some_and(is_done) {
        assert!(begun.elapsed() < Duration::from_secs(30) && !running.is_finished(), "it does not get on");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    stop.send(true).unwrap();
    running.await.unwrap().unwrap();
}
