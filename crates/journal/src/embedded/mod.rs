//! The journal in a directory of this machine: one log of segment files for all partitions, appended to by one thread.
//!
//! Appends that wait together share one write and one fsync. A segment never mixes two hours, so expiry removes whole
//! files. Why this is our own code and not a storage crate: `docs/decisions/0002-embedded-journal.md`.
//! It is not for a directory on a network file system: one process holds its lock, and fsync must mean what it says.

mod block;
mod catalog;
mod reader;
mod recovery;
mod scan;
mod segment;
#[cfg(test)]
mod tests;
mod writer;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Duration;

use model::limits::RECORD_BYTES_MAX;
use model::{Clock, Millis};
use tokio::sync::mpsc::{self, error::TrySendError};
use tokio::sync::oneshot;

use crate::{AppendError, Bound, Commit, Entry, Journal, JournalError, METADATA_BYTES_MAX, Offset};
use catalog::{LastCommit, Shared, lock};
pub use recovery::Recovery;
use writer::{Append, Bounds, Parts, Request, Writer};

/// Room the log takes on disk unless told otherwise: about 25 million records, which is 27 hours at 250 a second, and
/// still less than half of a small server's 20 GB.
pub const BYTES_MAX: u64 = 8 * 1024 * 1024 * 1024;

/// Bytes after which a segment ends: opening reads one segment, so this bounds how long that takes (tens of
/// milliseconds), while the whole of [`BYTES_MAX`] stays a few hundred files.
pub const SEGMENT_BYTES: u64 = 64 * 1024 * 1024;

/// Most appends that wait for their fsync. At a millisecond an fsync this is far above what one machine receives; a
/// longer queue would only hide that the disk is too slow.
pub const QUEUE_RECORDS_MAX: usize = 16_384;

/// Most record bytes that wait for the writer, which has at most as many again in hand: bounds memory also when every
/// record is as long as it may be.
pub const QUEUE_BYTES_MAX: usize = 64 * 1024 * 1024;

const _: () = assert!(QUEUE_BYTES_MAX > RECORD_BYTES_MAX, "the longest record must fit an empty queue");

/// How an embedded journal is opened; [`Settings::new`] has the defaults.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How many partitions it has. A directory keeps the number it was made with.
    pub partitions: u32,
    /// Where append times come from.
    pub clock: Clock,
    /// Bytes on disk beyond which appends are refused. Commits still go through: they are few, and without them nothing
    /// would ever make room.
    pub bytes_max: u64,
    /// Bytes after which a segment ends.
    pub segment_bytes: u64,
    /// Most appends that wait for their fsync.
    pub queue_records_max: usize,
}

impl Settings {
    /// The defaults for `partitions`.
    #[must_use]
    pub fn new(partitions: u32, clock: Clock) -> Self {
        let (bytes_max, segment_bytes, queue_records_max) = (BYTES_MAX, SEGMENT_BYTES, QUEUE_RECORDS_MAX);
        Self { partitions, clock, bytes_max, segment_bytes, queue_records_max }
    }
}

/// A journal in a directory. Dropping it waits for what was asked of it, then gives the directory free.
#[derive(Debug)]
pub struct EmbeddedJournal {
    shared: Arc<Shared>,
    requests: Option<mpsc::Sender<Request>>,
    writer: Option<JoinHandle<()>>,
    recovery: Recovery,
}

impl EmbeddedJournal {
    /// Opens the journal in `directory` with the default bounds, or begins one there.
    ///
    /// # Errors
    /// When another process uses the directory, it holds another number of partitions, or it cannot be read or written.
    pub fn open(directory: &Path, partitions: u32, clock: Clock) -> Result<Self, JournalError> {
        Self::open_with(directory, Settings::new(partitions, clock))
    }

    /// Opens the journal in `directory`, or begins one there.
    ///
    /// # Errors
    /// As [`EmbeddedJournal::open`].
    pub fn open_with(directory: &Path, settings: Settings) -> Result<Self, JournalError> {
        Self::open_on(directory, settings, Box::new(segment::open_file))
    }

    fn open_on(directory: &Path, settings: Settings, open: segment::OpenMedium) -> Result<Self, JournalError> {
        let Settings { partitions, clock, bytes_max, segment_bytes, queue_records_max } = settings;
        let lock = segment::lock(directory)?;
        let recovered = recovery::open(directory, partitions, clock.now())?;
        let active = recovered.catalog.segments.back().cloned().ok_or_else(|| JournalError::Failed {
            tried: format!("open {}", directory.display()),
            reason: "no segment to write to".to_owned(),
        })?;
        let shared = Arc::new(Shared::new(directory.to_owned(), recovered.catalog));
        let bounds = Bounds { bytes_max, segment_bytes };
        let last_at = recovered.last_at;
        let writer = Writer::new(Parts { shared: shared.clone(), active, last_at, bounds, clock, open, lock })?;
        let (requests, waiting) = mpsc::channel(queue_records_max.max(1));
        let writer = std::thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || writer.run(waiting))
            .map_err(|error| segment::failure("start the writer of", directory, &error))?;
        Ok(Self { shared, requests: Some(requests), writer: Some(writer), recovery: recovered.recovery })
    }

    /// What was wrong with the log when it was opened; counted and shown by the caller.
    #[must_use]
    pub fn recovery(&self) -> Recovery {
        self.recovery
    }

    /// Bytes the log takes on disk.
    #[must_use]
    pub fn held_bytes(&self) -> u64 {
        self.shared.held_bytes.load(Ordering::Acquire)
    }

    /// Why the journal stopped, if it has; a process that finds this should say so and end.
    #[must_use]
    pub fn failure(&self) -> Option<JournalError> {
        lock(&self.shared.failure).clone()
    }

    /// Gives back the room of the oldest files in which every record stands below its partition's place in `below`, also
    /// within their hour, and returns how many records went with them. For a reader that needs none of them again.
    pub(crate) async fn release(&self, below: Vec<Offset>) -> Result<u64, JournalError> {
        self.ask(|reply| Request::Release(below, reply)).await
    }

    fn check(&self, partition: u32) -> Result<usize, JournalError> {
        let index = partition as usize;
        let exists = index < self.shared.ends.len();
        exists.then_some(index).ok_or(JournalError::NoSuchPartition { partition, partitions: self.partitions() })
    }

    fn requests(&self) -> Result<&mpsc::Sender<Request>, JournalError> {
        match self.failure() {
            Some(failure) => Err(failure),
            None => self.requests.as_ref().ok_or_else(|| self.stopped()),
        }
    }

    /// Why the writer does not answer.
    fn stopped(&self) -> JournalError {
        self.failure().unwrap_or_else(|| JournalError::Failed {
            tried: format!("write {}", self.shared.directory.display()),
            reason: "the writer has ended".to_owned(),
        })
    }

    /// Asks the writer for something that may wait its turn, and waits for the answer.
    async fn ask<T>(
        &self,
        request: impl FnOnce(oneshot::Sender<Result<T, JournalError>>) -> Request,
    ) -> Result<T, JournalError> {
        let (reply, answer) = oneshot::channel();
        self.requests()?.send(request(reply)).await.map_err(|_closed| self.stopped())?;
        answer.await.map_err(|_dropped| self.stopped())?
    }

    /// Runs something that waits for the disk where it stops nobody else.
    async fn block_on<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Shared) -> Result<T, JournalError> + Send + 'static,
    ) -> Result<T, JournalError> {
        let shared = self.shared.clone();
        tokio::task::spawn_blocking(move || work(&shared)).await.map_err(|error| JournalError::Failed {
            tried: format!("read {}", self.shared.directory.display()),
            reason: error.to_string(),
        })?
    }
}

impl Journal for EmbeddedJournal {
    fn partitions(&self) -> u32 {
        u32::try_from(self.shared.ends.len()).unwrap_or(u32::MAX)
    }

    async fn append(&self, partition: u32, record: Vec<u8>) -> Result<Offset, AppendError> {
        self.check(partition)?;
        let bytes = record.len();
        if bytes > RECORD_BYTES_MAX {
            return Err(AppendError::TooLong { bytes });
        }
        let requests = self.requests()?;
        if !self.shared.queue(bytes, QUEUE_BYTES_MAX) {
            return Err(AppendError::Full(Bound::Queue));
        }
        let (reply, answer) = oneshot::channel();
        if let Err(error) = requests.try_send(Request::Append(Append { partition, record, reply })) {
            self.shared.unqueue(bytes);
            return Err(match error {
                TrySendError::Full(_) => AppendError::Full(Bound::Queue),
                TrySendError::Closed(_) => AppendError::Failed(self.stopped()),
            });
        }
        answer.await.map_err(|_dropped| self.stopped())?
    }

    async fn read(
        &self,
        partition: u32,
        from: Offset,
        records_max: usize,
        wait: Duration,
    ) -> Result<Vec<Entry>, JournalError> {
        let index = self.check(partition)?;
        let Some(mut end) = self.shared.ends.get(index).map(|end| end.subscribe()).filter(|_| records_max > 0) else {
            return Ok(Vec::new());
        };
        // The end before the reading: a record appended in between ends the wait, and one that expired does not.
        let seen = from.max(*end.borrow_and_update());
        if seen > from {
            let found = self.block_on(move |shared| reader::read(shared, partition, from, records_max)).await?;
            if !found.is_empty() {
                return Ok(found);
            }
        }
        let moved = tokio::time::timeout(wait, end.wait_for(|end| *end > seen)).await.is_ok();
        if !moved {
            return Ok(Vec::new());
        }
        self.block_on(move |shared| reader::read(shared, partition, from, records_max)).await
    }

    async fn first_at(&self, partition: u32, at: Millis) -> Result<Offset, JournalError> {
        self.check(partition)?;
        self.block_on(move |shared| reader::first_at(shared, partition, at)).await
    }

    async fn end(&self, partition: u32) -> Result<Offset, JournalError> {
        let index = self.check(partition)?;
        Ok(Offset(lock(&self.shared.catalog).end(index)))
    }

    async fn commit(&self, partition: u32, commit: Commit) -> Result<(), JournalError> {
        self.check(partition)?;
        if commit.metadata.len() > METADATA_BYTES_MAX {
            return Err(JournalError::MetadataTooLong { bytes: commit.metadata.len() });
        }
        self.ask(|reply| Request::Commit(partition, commit, reply)).await
    }

    async fn committed(&self, partition: u32) -> Result<Option<Commit>, JournalError> {
        let index = self.check(partition)?;
        match lock(&self.shared.catalog).commits.get(index) {
            Some(LastCommit::Known(commit)) => Ok(Some(commit.clone())),
            Some(LastCommit::Lost) => Err(JournalError::CommitLost { partition }),
            Some(LastCommit::Never) | None => Ok(None),
        }
    }

    async fn expire(&self, before: Millis) -> Result<u64, JournalError> {
        self.ask(|reply| Request::Expire(before, reply)).await
    }
}

impl Drop for EmbeddedJournal {
    fn drop(&mut self) {
        self.requests = None;
        if let Some(writer) = self.writer.take() {
            let _panicked_and_reported = writer.join();
        }
    }
}
