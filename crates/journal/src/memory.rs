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
    state: Mutex<State>,
    /// Per partition, its end; tells waiting readers that it moved.
    ends: Vec<watch::Sender<Offset>>,
    bytes_max: u64,
    clock: Clock,
}

#[derive(Debug)]
struct State {
    partitions: Vec<Partition>,
    held_bytes: u64,
    last_at: Millis,
}

#[derive(Debug, Default)]
struct Partition {
    entries: VecDeque<Entry>,
    end: Offset,
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
        let ends = (0..partitions).map(|_| watch::Sender::new(Offset::default())).collect();
        let partitions = (0..partitions).map(|_| Partition::default()).collect();
        let state = Mutex::new(State { partitions, held_bytes: 0, last_at: clock.now() });
        Self { state, ends, bytes_max, clock }
    }

    /// Locks, also after a panic elsewhere: every change under the lock is complete before anything can panic.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something with one partition.
    fn with<T>(&self, partition: u32, work: impl FnOnce(&mut Partition) -> T) -> Result<T, JournalError> {
        let mut state = self.state();
        let missing = JournalError::NoSuchPartition { partition, partitions: self.partitions() };
        state.partitions.get_mut(partition as usize).map(work).ok_or(missing)
    }
}

impl State {
    fn append(&mut self, partition: u32, record: Vec<u8>, now: Millis) -> Option<Offset> {
        self.held_bytes += record.len() as u64;
        self.last_at = self.last_at.max(now);
        let partition = self.partitions.get_mut(partition as usize)?;
        let offset = partition.end;
        partition.end = offset.next();
        partition.entries.push_back(Entry { offset, at: self.last_at, stamp: self.last_at, bytes: record });
        Some(offset)
    }

    /// Drops the records of hours before `hour`; answers how many.
    fn expire(&mut self, hour: i64) -> u64 {
        let mut dropped = 0;
        for partition in &mut self.partitions {
            let count = partition.entries.partition_point(|entry| entry.at.hour() < hour);
            self.held_bytes -= partition.entries.drain(..count).map(|entry| entry.bytes.len() as u64).sum::<u64>();
            dropped += count as u64;
        }
        dropped
    }
}

impl Partition {
    fn read(&self, from: Offset, records_max: usize) -> Vec<Entry> {
        let start = self.entries.partition_point(|entry| entry.offset < from);
        let mut bytes = 0_usize;
        self.entries
            .range(start..)
            .take(records_max)
            .take_while(|entry| {
                let fits = bytes < READ_BYTES_MAX;
                bytes = bytes.saturating_add(entry.bytes.len());
                fits
            })
            .cloned()
            .collect()
    }

    fn first_at(&self, at: Millis) -> Offset {
        let index = self.entries.partition_point(|entry| entry.at < at);
        self.entries.get(index).map_or(self.end, |entry| entry.offset)
    }
}

impl Journal for MemoryJournal {
    fn partitions(&self) -> u32 {
        u32::try_from(self.ends.len()).unwrap_or(u32::MAX)
    }

    async fn append(&self, partition: u32, record: Vec<u8>) -> Result<Offset, AppendError> {
        let missing = JournalError::NoSuchPartition { partition, partitions: self.partitions() };
        let end = self.ends.get(partition as usize).ok_or_else(|| missing.clone())?;
        if record.len() > RECORD_BYTES_MAX {
            return Err(AppendError::TooLong { bytes: record.len() });
        }
        let mut state = self.state();
        if state.held_bytes.saturating_add(record.len() as u64) > self.bytes_max {
            return Err(AppendError::Full(Bound::Space));
        }
        let offset = state.append(partition, record, self.clock.now()).ok_or(missing)?;
        end.send_replace(offset.next());
        Ok(offset)
    }

    async fn read(
        &self,
        partition: u32,
        from: Offset,
        records_max: usize,
        wait: Duration,
    ) -> Result<Vec<Entry>, JournalError> {
        let missing = JournalError::NoSuchPartition { partition, partitions: self.partitions() };
        let mut end = self.ends.get(partition as usize).ok_or(missing)?.subscribe();
        if records_max == 0 {
            return Ok(Vec::new());
        }
        // The end before the reading: a record appended in between ends the wait, and one that expired does not.
        let seen = from.max(*end.borrow_and_update());
        let found = self.with(partition, |source| source.read(from, records_max))?;
        if !found.is_empty() {
            return Ok(found);
        }
        match tokio::time::timeout(wait, end.wait_for(|end| *end > seen)).await {
            Ok(_moved) => self.with(partition, |source| source.read(from, records_max)),
            Err(_elapsed) => Ok(Vec::new()),
        }
    }

    async fn first_at(&self, partition: u32, at: Millis) -> Result<Offset, JournalError> {
        self.with(partition, |source| source.first_at(at))
    }

    async fn end(&self, partition: u32) -> Result<Offset, JournalError> {
        self.with(partition, |source| source.end)
    }

    async fn commit(&self, partition: u32, commit: Commit) -> Result<(), JournalError> {
        let bytes = commit.metadata.len();
        self.with(partition, |target| {
            if bytes > METADATA_BYTES_MAX {
                return Err(JournalError::MetadataTooLong { bytes });
            }
            target.commit = Some(commit);
            Ok(())
        })?
    }

    async fn committed(&self, partition: u32) -> Result<Option<Commit>, JournalError> {
        self.with(partition, |source| source.commit.clone())
    }

    async fn expire(&self, before: Millis) -> Result<u64, JournalError> {
        Ok(self.state().expire(before.hour()))
    }
}
