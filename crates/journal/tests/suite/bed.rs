//! A clock that tests turn, and the journals behind one face.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::time::Duration;

use ::model::{Clock, Millis};
use journal::embedded::{EmbeddedJournal, Settings};
use journal::kafka::{KafkaJournal, KafkaSettings};
use journal::memory::MemoryJournal;
use journal::spool::{self, Spooled};
use journal::{Entry, Journal, Offset};
use tempfile::TempDir;

use crate::kafka_server::shared;

/// An hour, in milliseconds.
pub const HOUR: i64 = 3_600_000;
/// When every test begins: some whole hour.
pub const START: i64 = 480_000 * HOUR;
/// Longer than any test waits for something that comes.
pub const LONG: Duration = Duration::from_secs(30);
/// Short enough to wait for something that does not come.
pub const NOT_AT_ALL: Duration = Duration::ZERO;

/// A clock that stands until it is turned.
#[derive(Clone)]
pub struct Hand(Arc<AtomicI64>);

impl Hand {
    pub fn new() -> Self {
        Self(Arc::new(AtomicI64::new(START)))
    }

    pub fn set(&self, ms: i64) {
        self.0.store(ms, Ordering::SeqCst);
    }

    pub fn turn(&self, ms: i64) {
        self.0.fetch_add(ms, Ordering::SeqCst);
    }

    pub fn clock(&self) -> Clock {
        let hand = self.0.clone();
        Clock::new(move || Millis(hand.load(Ordering::SeqCst)))
    }
}

/// A journal to test, with whatever it stands on.
pub trait Bed: Sized {
    type Journal: Journal;
    fn bounded(partitions: u32, clock: Clock, bytes_max: u64) -> Self;
    fn journal(&self) -> &Arc<Self::Journal>;

    fn new(partitions: u32, clock: Clock) -> Self {
        Self::bounded(partitions, clock, 1 << 30)
    }
}

pub struct InMemory(Arc<MemoryJournal>);

impl Bed for InMemory {
    type Journal = MemoryJournal;

    fn bounded(partitions: u32, clock: Clock, bytes_max: u64) -> Self {
        Self(Arc::new(MemoryJournal::with_bytes_max(partitions, clock, bytes_max)))
    }

    fn journal(&self) -> &Arc<MemoryJournal> {
        &self.0
    }
}

pub struct Embedded(Arc<EmbeddedJournal>, #[expect(dead_code, reason = "goes away with the test")] TempDir);

impl Bed for Embedded {
    type Journal = EmbeddedJournal;

    fn bounded(partitions: u32, clock: Clock, bytes_max: u64) -> Self {
        let directory = tempfile::tempdir().unwrap();
        // Segments of a few records, so that every test crosses their borders.
        let settings = Settings { bytes_max, segment_bytes: 1_000, ..Settings::new(partitions, clock) };
        Self(Arc::new(EmbeddedJournal::open_with(directory.path(), settings).unwrap()), directory)
    }

    fn journal(&self) -> &Arc<EmbeddedJournal> {
        &self.0
    }
}

/// In memory, with a spool before it that has nothing to do.
pub struct BehindSpool(Arc<Spooled<MemoryJournal>>, #[expect(dead_code, reason = "goes away with the test")] TempDir);

impl Bed for BehindSpool {
    type Journal = Spooled<MemoryJournal>;

    fn bounded(partitions: u32, clock: Clock, bytes_max: u64) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let inner = Arc::new(MemoryJournal::with_bytes_max(partitions, clock.clone(), bytes_max));
        let opening = Spooled::open(inner, directory.path(), spool::Settings::new(clock));
        let spooled = tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(opening)).unwrap();
        Self(Arc::new(spooled), directory)
    }

    fn journal(&self) -> &Arc<Spooled<MemoryJournal>> {
        &self.0
    }
}

/// On the broker that all tests share. Its clock and its room are the broker's: what a test turns and bounds is ignored.
pub struct OnKafka(Arc<KafkaJournal>);

impl Bed for OnKafka {
    type Journal = KafkaJournal;

    fn bounded(partitions: u32, _clock: Clock, _bytes_max: u64) -> Self {
        let open = || {
            let opening = KafkaJournal::open(unlike_any_other(shared().plain(), partitions));
            tokio::runtime::Handle::current().block_on(opening).unwrap()
        };
        Self(Arc::new(tokio::task::block_in_place(open)))
    }

    fn journal(&self) -> &Arc<KafkaJournal> {
        &self.0
    }
}

/// Settings with a topic and a group of their own, for one broker.
pub fn unlike_any_other(broker: String, partitions: u32) -> KafkaSettings {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let topic = format!("topic-{}", NUMBER.fetch_add(1, Ordering::SeqCst));
    let group = format!("group-of-{topic}");
    KafkaSettings { replication: 1, in_sync_min: 1, ..KafkaSettings::new(vec![broker], topic, group, partitions) }
}

/// Opens an embedded journal with small segments.
pub fn open(directory: &Path, partitions: u32, clock: Clock, segment_bytes: u64) -> EmbeddedJournal {
    let settings = Settings { segment_bytes, ..Settings::new(partitions, clock) };
    EmbeddedJournal::open_with(directory, settings).unwrap()
}

/// Everything a partition holds, read in portions of `records_max`.
pub async fn read_all(journal: &impl Journal, partition: u32, records_max: usize) -> Vec<Entry> {
    let mut all: Vec<Entry> = Vec::new();
    loop {
        let from = all.last().map_or(Offset(0), |entry| entry.offset.next());
        let portion = journal.read(partition, from, records_max, NOT_AT_ALL).await.unwrap();
        assert!(portion.len() <= records_max);
        if portion.is_empty() {
            return all;
        }
        all.extend(portion);
    }
}

/// The texts of entries.
pub fn texts(entries: &[Entry]) -> Vec<String> {
    entries.iter().map(|entry| String::from_utf8(entry.bytes.clone()).unwrap()).collect()
}
