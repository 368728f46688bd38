//! A model of the embedded journal as a spool has it: the disk below the product's own `spool`, whose source is compiled here once
//! more and finds this where its crate has the real one.
//!
//! What was appended is there whole or not at all, and stays there whoever dies once it was answered; a writer may die before
//! that. There may be no room. It knows nothing of files, damage and power cuts: the real one's own tests do.

use std::collections::VecDeque;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use journal::{AppendError, Bound, Commit, Entry, Journal, JournalError, Offset};
use model::{Clock, Millis};
use tokio::time::timeout;

pub use journal::embedded::{Recovery, SEGMENT_BYTES, Settings};

use crate::Planted;
use crate::faults::{Fault, Point};
use crate::world::{Doorbell, World};

tokio::task_local! {
    /// The disk on which a spool is opened, and the process that opens it: what stands for the directory's path.
    pub static MOUNTED: (Arc<Disk>, usize);
}

/// What one collector has written, whichever of its processes did.
pub struct Disk {
    world: Arc<World>,
    partitions: Mutex<Vec<Partition>>,
    planted: Planted,
}

#[derive(Default)]
struct Partition {
    /// What is there, and when it came by the true time.
    entries: VecDeque<(Entry, Millis)>,
    end: Offset,
    commit: Option<Commit>,
    moved: Doorbell,
}

impl Partition {
    fn next(&self) -> Offset {
        self.commit.as_ref().map_or(Offset(0), |commit| commit.next)
    }

    /// What is not drained, as far as the disk knows.
    fn waiting(&self) -> impl Iterator<Item = &(Entry, Millis)> {
        let next = self.next();
        self.entries.iter().filter(move |(entry, _)| entry.offset >= next)
    }
}

impl Disk {
    /// An empty disk.
    pub fn new(world: &Arc<World>, partitions: u32, planted: Planted) -> Arc<Self> {
        let partitions = Mutex::new((0..partitions).map(|_| Partition::default()).collect());
        Arc::new(Self { world: Arc::clone(world), partitions, planted })
    }

    fn partitions(&self) -> MutexGuard<'_, Vec<Partition>> {
        self.partitions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with<T>(&self, partition: u32, work: impl FnOnce(&mut Partition) -> T) -> T {
        work(&mut self.partitions()[partition as usize])
    }

    /// Since when, by the true time, the oldest record waits; nothing where none does.
    pub fn waits_since(&self) -> Option<Millis> {
        self.partitions().iter().filter_map(|partition| partition.waiting().next().map(|(_, came)| *came)).min()
    }

    /// Whether a record waits here.
    pub fn holds(&self, partition: u32, bytes: &[u8]) -> bool {
        self.with(partition, |partition| partition.waiting().any(|(entry, _)| entry.bytes == bytes))
    }

    fn read(&self, partition: u32, from: Offset, records_max: usize) -> Vec<Entry> {
        self.with(partition, |partition| {
            let entries = partition.entries.iter().map(|(entry, _)| entry).filter(|entry| entry.offset >= from);
            entries.take(records_max).cloned().collect()
        })
    }
}

/// The disk as one process has it open.
pub struct EmbeddedJournal {
    disk: Arc<Disk>,
    who: usize,
    clock: Clock,
}

impl EmbeddedJournal {
    /// Opens what is mounted.
    pub fn open_with(_: &Path, settings: Settings) -> Result<Self, JournalError> {
        let (disk, who) = MOUNTED.with(|(disk, who)| (Arc::clone(disk), *who));
        if disk.planted == Planted::SpoolForgets {
            for partition in disk.partitions().iter_mut() {
                let next = partition.next();
                if let Some((lost, _)) = partition.entries.pop_back_if(|(entry, _)| entry.offset >= next) {
                    partition.end = lost.offset;
                }
            }
        }
        Ok(Self { disk, who, clock: settings.clock })
    }

    /// Nothing was wrong.
    pub fn recovery(&self) -> Recovery {
        Recovery::default()
    }

    /// Bytes of all records.
    pub fn held_bytes(&self) -> u64 {
        let partitions = self.disk.partitions();
        partitions.iter().flat_map(|partition| &partition.entries).map(|(entry, _)| entry.bytes.len() as u64).sum()
    }

    /// It never fails for good.
    pub fn failure(&self) -> Option<JournalError> {
        None
    }

    /// Drops what is behind the reader.
    pub async fn release(&self, below: Vec<Offset>) -> Result<u64, JournalError> {
        self.comes_to(Point::SpoolRelease).await;
        let mut released = 0;
        for (partition, below) in self.disk.partitions().iter_mut().zip(below) {
            while partition.entries.pop_front_if(|(entry, _)| entry.offset < below).is_some() {
                released += 1;
            }
        }
        Ok(released)
    }

    async fn comes_to(&self, point: Point) {
        self.disk.world.point(self.who, point).await;
    }
}

impl fmt::Debug for EmbeddedJournal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the disk as process {} has it", self.who)
    }
}

impl Journal for EmbeddedJournal {
    fn partitions(&self) -> u32 {
        self.disk.partitions().len().try_into().unwrap_or(u32::MAX)
    }

    async fn append(&self, partition: u32, record: Vec<u8>) -> Result<Offset, AppendError> {
        self.comes_to(Point::SpoolWrite).await;
        let Self { disk, who, clock } = self;
        if disk.world.strikes(Fault::SpoolFull) {
            return Err(AppendError::Full(Bound::Space));
        }
        let (now, came) = (clock.now(), disk.world.wall());
        let offset = disk.with(partition, |partition| {
            let offset = partition.end;
            let at = partition.entries.back().map_or(now, |(last, _)| last.at.max(now));
            partition.entries.push_back((Entry { offset, at, stamp: at, bytes: record }, came));
            partition.end = offset.next();
            partition.moved.ring();
            offset
        });
        disk.world
            .tell(|| format!("process {who} makes a record of partition {partition} wait in its spool as {offset}"));
        self.comes_to(Point::SpoolWritten).await;
        Ok(offset)
    }

    async fn read(
        &self,
        partition: u32,
        from: Offset,
        records_max: usize,
        wait: Duration,
    ) -> Result<Vec<Entry>, JournalError> {
        self.comes_to(Point::SpoolRead).await;
        let moved = self.disk.with(partition, |partition| partition.moved.clone());
        let found = self.disk.read(partition, from, records_max);
        if !found.is_empty() {
            return Ok(found);
        }
        let is_there = || self.disk.with(partition, |partition| partition.end > from);
        match timeout(wait, moved.wait_for(is_there)).await {
            Ok(()) => Ok(self.disk.read(partition, from, records_max)),
            Err(_elapsed) => Ok(Vec::new()),
        }
    }

    /// Only ever asked for the first record that is kept.
    async fn first_at(&self, partition: u32, _: Millis) -> Result<Offset, JournalError> {
        self.comes_to(Point::SpoolOpen).await;
        Ok(self
            .disk
            .with(partition, |partition| partition.entries.front().map_or(partition.end, |(entry, _)| entry.offset)))
    }

    async fn end(&self, partition: u32) -> Result<Offset, JournalError> {
        self.comes_to(Point::SpoolOpen).await;
        Ok(self.disk.with(partition, |partition| partition.end))
    }

    async fn commit(&self, partition: u32, commit: Commit) -> Result<(), JournalError> {
        self.comes_to(Point::SpoolCommit).await;
        self.disk.with(partition, |partition| partition.commit = Some(commit));
        Ok(())
    }

    async fn committed(&self, partition: u32) -> Result<Option<Commit>, JournalError> {
        self.comes_to(Point::SpoolOpen).await;
        Ok(self.disk.with(partition, |partition| partition.commit.clone()))
    }

    /// A spool asks for room by [`EmbeddedJournal::release`].
    async fn expire(&self, _: Millis) -> Result<u64, JournalError> {
        Ok(0)
    }
}
