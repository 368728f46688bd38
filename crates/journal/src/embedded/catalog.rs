//! What is durable and where: the segments, each partition's end, its last commit. The writer changes it after each
//! fsync; readers look things up in it and never see what an fsync has not yet covered.

use std::collections::VecDeque;
use std::fs::File;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use model::Millis;
use tokio::sync::watch;

use super::block::Head;
use crate::{Commit, JournalError, Offset};

/// One file of the log.
#[derive(Clone, Debug)]
pub struct Segment {
    /// Names its file.
    pub number: u64,
    /// How it begins.
    pub head: Head,
    /// Its durable bytes.
    pub bytes: u64,
}

impl Segment {
    /// The offset of the first record of `partition` here or later.
    pub fn base(&self, partition: usize) -> u64 {
        self.head.bases.get(partition).copied().unwrap_or_default()
    }
}

/// A partition's last commit, as far as it is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LastCommit {
    /// There never was one.
    Never,
    /// This one.
    Known(Commit),
    /// The blocks in which it may have stood are damaged.
    Lost,
}

/// The durable state of the log.
#[derive(Debug)]
pub struct Catalog {
    /// Oldest first; never empty. The last one is written to.
    pub segments: VecDeque<Segment>,
    /// Per partition, the offset after its last durable record.
    pub ends: Vec<u64>,
    /// Per partition, its last durable commit.
    pub commits: Vec<LastCommit>,
}

/// The part of a partition that lies in one segment, and in it the offset looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// The segment.
    pub number: u64,
    /// Its durable bytes.
    pub bytes: u64,
    /// When the segment was begun.
    pub at: Millis,
    /// The first kept offset at or above the one looked for.
    pub offset: u64,
    /// The first offset that lies in a later segment, or nowhere yet.
    pub end: u64,
}

impl Catalog {
    /// The first kept offset of `partition`, or its end.
    pub fn first(&self, partition: usize) -> u64 {
        self.segments.front().map_or(0, |segment| segment.base(partition))
    }

    /// The offset after the last durable record of `partition`.
    pub fn end(&self, partition: usize) -> u64 {
        self.ends.get(partition).copied().unwrap_or_default()
    }

    /// Where the first kept record of `partition` at or above `from` should lie; `None` at the end.
    pub fn stretch(&self, partition: usize, from: u64) -> Option<Stretch> {
        let offset = from.max(self.first(partition));
        (offset < self.end(partition)).then_some(())?;
        let after = self.segments.partition_point(|segment| segment.base(partition) <= offset);
        self.segments.get(after.checked_sub(1)?).map(|segment| Stretch {
            number: segment.number,
            bytes: segment.bytes,
            at: segment.head.at,
            offset,
            end: self.segments.get(after).map_or_else(|| self.end(partition), |next| next.base(partition)),
        })
    }

    /// Where `partition`'s first record appended at `at` or later can lie at the earliest, as an offset. A segment is
    /// passed over when the next one began before `at`, because then nothing in it is as young.
    pub fn earliest(&self, partition: usize, at: Millis) -> u64 {
        let began_before = self.segments.partition_point(|segment| segment.head.at < at);
        self.segments.get(began_before.saturating_sub(1)).map_or(0, |segment| segment.base(partition))
    }
}

/// Where a reader of one partition stopped, so that it need not search for the place again.
#[derive(Debug)]
pub struct Cursor {
    /// The offset it will ask for.
    pub next: u64,
    /// The segment.
    pub number: u64,
    /// The block in which `next` stands, or the first one that can hold it.
    pub position: u64,
    /// The segment's file.
    pub file: File,
}

/// What the writer and the readers of one journal share.
#[derive(Debug)]
pub struct Shared {
    /// Where the log is.
    pub directory: PathBuf,
    /// What is durable.
    pub catalog: Mutex<Catalog>,
    /// Per partition, its end; tells waiting readers that it moved.
    pub ends: Vec<watch::Sender<Offset>>,
    /// Per partition, where its reader stopped.
    pub cursors: Vec<Mutex<Option<Cursor>>>,
    /// Why the journal stopped, once it has.
    pub failure: Mutex<Option<JournalError>>,
    /// Bytes of the records that wait for the writer.
    pub queued_bytes: AtomicUsize,
    /// Bytes of all segments.
    pub held_bytes: AtomicU64,
}

impl Shared {
    /// The state of a journal that was just opened.
    pub fn new(directory: PathBuf, catalog: Catalog) -> Self {
        let held: u64 = catalog.segments.iter().map(|segment| segment.bytes).sum();
        Self {
            directory,
            ends: catalog.ends.iter().map(|end| watch::Sender::new(Offset(*end))).collect(),
            cursors: catalog.ends.iter().map(|_| Mutex::default()).collect(),
            catalog: Mutex::new(catalog),
            failure: Mutex::default(),
            queued_bytes: AtomicUsize::new(0),
            held_bytes: AtomicU64::new(held),
        }
    }

    /// Takes `bytes` of the queue's bound, or says that they do not fit.
    pub fn queue(&self, bytes: usize, bytes_max: usize) -> bool {
        let take = |held: usize| held.checked_add(bytes).filter(|wanted| *wanted <= bytes_max);
        self.queued_bytes.fetch_update(Ordering::AcqRel, Ordering::Acquire, take).is_ok()
    }

    /// Gives `bytes` of the queue's bound back.
    pub fn unqueue(&self, bytes: usize) {
        self.queued_bytes.fetch_sub(bytes, Ordering::AcqRel);
    }
}

/// Locks, also after a panic elsewhere: every change under these locks is complete before anything can panic.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
