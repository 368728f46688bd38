//! The twin: a journal in memory, for tests, simulations and a throw-away server. It behaves as the embedded one does
//! and is the model its property test compares with. It is not durable: what it holds goes with it.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use model::limits::RECORD_BYTES_MAX;
use model::{Clock, Millis};
use tokio::sync::watch;

use crate::{AppendError, Bound, Commit, Entry, Journal, JournalError, METADATA_BYTES_MAX, Offset, READ_BYTES_MAX};

/// Record bytes a journal in memory holds unless told otherwise: an hour of a busy site, and no machine's whole memory.
pub const BYTES_MAX: u64 = 256 * 1024 * 1024;

/// A journal in memory.
#[derive(Debug)]
pub struct MemoryJournal {
    partitions: Vec<Partition>,
    held_bytes: Mutex<u64>,
    bytes_max: u64,
    clock: Clock,
}

#[derive(Debug)]
struct Partition {
    log: Mutex<Log>,
    end: watch::Sender<Offset>,
}

#[derive(Debug, Default)]
struct Log {
    entries: VecDeque<Entry>,
    last_at: Option<Millis>,
    commit: Option<Commit>,
}

impl MemoryJournal {
    /// An empty journal of `partitions` partitions that holds up to [`BYTES_MAX`].
    #[must_use]
    pub fn new(partitions: u32, clock: Clock) -> Self {
        Self::with_bytes_max(partitions, clock, BYTES_MAX)
    }

    /// An empty journal that refuses the record that would make it hold more than `bytes_max` record bytes.
    #[must_use]
    pub fn with_bytes_max(partitions: u32, clock: Clock, bytes_max: u64) -> Self {
        let partitions = (0..partitions)
            .map(|_| Partition { log: Mutex::default(), end: watch::Sender::new(Offset::default()) })
            .collect();
        Self { partitions, held_bytes: Mutex::new(0), bytes_max, clock }
    }

    fn partition(&self, partition: u32) -> Result<&Partition, JournalError> {
        let index = usize::try_from(partition).unwrap_or(usize::MAX);
        self.partitions.get(index).ok_or(JournalError::NoSuchPartition { partition, partitions: self.partitions() })
    }

    /// Takes room for a record of `bytes`, or says that there is none.
    fn take_room(&self, bytes: usize) -> Result<(), AppendError> {
        let mut held = lock(&self.held_bytes);
        let wanted = held.saturating_add(bytes as u64);
        if wanted > self.bytes_max {
            return Err(AppendError::Full(Bound::Space));
        }
        *held = wanted;
        Ok(())
    }
}

impl Partition {
    fn append(&self, record: Vec<u8>, clock: &Clock) -> Offset {
        let mut log = lock(&self.log);
        let offset = *self.end.borrow();
        let now = clock.now();
        let at = log.last_at.map_or(now, |last| last.max(now));
        log.last_at = Some(at);
        log.entries.push_back(Entry { offset, at, bytes: record });
        self.end.send_replace(offset.next());
        offset
    }

    fn read(&self, from: Offset, records_max: usize) -> Vec<Entry> {
        let log = lock(&self.log);
        let start = log.entries.partition_point(|entry| entry.offset < from);
        let mut bytes = 0_usize;
        log.entries
            .range(start..)
            .take(records_max)
            .take_while(|entry| {
                let first = bytes == 0;
                bytes = bytes.saturating_add(entry.bytes.len()).saturating_add(1);
                first || bytes <= READ_BYTES_MAX
            })
            .cloned()
            .collect()
    }

    /// Drops the records of hours before `hour`; answers how many, and how many bytes they held.
    fn expire(&self, hour: i64) -> (u64, u64) {
        let mut log = lock(&self.log);
        let count = log.entries.partition_point(|entry| entry.at.hour() < hour);
        let bytes = log.entries.drain(..count).map(|entry| entry.bytes.len() as u64).sum();
        (count as u64, bytes)
    }
}

impl Journal for MemoryJournal {
    fn partitions(&self) -> u32 {
        u32::try_from(self.partitions.len()).unwrap_or(u32::MAX)
    }

    async fn append(&self, partition: u32, record: Vec<u8>) -> Result<Offset, AppendError> {
        let target = self.partition(partition)?;
        if record.len() > RECORD_BYTES_MAX {
            return Err(AppendError::TooLong { bytes: record.len() });
        }
        self.take_room(record.len())?;
        Ok(target.append(record, &self.clock))
    }

    async fn read(
        &self,
        partition: u32,
        from: Offset,
        records_max: usize,
        wait: Duration,
    ) -> Result<Vec<Entry>, JournalError> {
        let source = self.partition(partition)?;
        if records_max == 0 {
            return Ok(Vec::new());
        }
        let mut end = source.end.subscribe();
        // The end before the reading: a record appended in between ends the wait, and one that expired does not.
        let seen = from.max(*end.borrow_and_update());
        let found = source.read(from, records_max);
        if !found.is_empty() {
            return Ok(found);
        }
        match tokio::time::timeout(wait, end.wait_for(|end| *end > seen)).await {
            Ok(_moved) => Ok(source.read(from, records_max)),
            Err(_elapsed) => Ok(Vec::new()),
        }
    }

    async fn first_at(&self, partition: u32, at: Millis) -> Result<Offset, JournalError> {
        let source = self.partition(partition)?;
        let log = lock(&source.log);
        let index = log.entries.partition_point(|entry| entry.at < at);
        Ok(log.entries.get(index).map_or_else(|| *source.end.borrow(), |entry| entry.offset))
    }

    async fn end(&self, partition: u32) -> Result<Offset, JournalError> {
        Ok(*self.partition(partition)?.end.borrow())
    }

    async fn commit(&self, partition: u32, commit: Commit) -> Result<(), JournalError> {
        let target = self.partition(partition)?;
        if commit.metadata.len() > METADATA_BYTES_MAX {
            return Err(JournalError::MetadataTooLong { bytes: commit.metadata.len() });
        }
        lock(&target.log).commit = Some(commit);
        Ok(())
    }

    async fn committed(&self, partition: u32) -> Result<Option<Commit>, JournalError> {
        Ok(lock(&self.partition(partition)?.log).commit.clone())
    }

    async fn expire(&self, before: Millis) -> Result<u64, JournalError> {
        let mut dropped = 0;
        for partition in &self.partitions {
            let (records, bytes) = partition.expire(before.hour());
            let mut held = lock(&self.held_bytes);
            *held = held.saturating_sub(bytes);
            dropped += records;
        }
        Ok(dropped)
    }
}

/// Locks, also after a panic elsewhere: every change under these locks is complete before anything can panic.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
