//! The journal: append records, read them in order, remember how far a reader came. What a record means it never knows.
//!
//! Three implementations stand behind [`Journal`]: [`embedded`], durable in a directory of this machine, its twin
//! [`memory`], and [`kafka`], durable on brokers; one behaviour suite runs over all (`tests/suite`). The invariant: an offset that [`Journal::append`]
//! returned is read again, exactly once and in order, until [`Journal::expire`] drops it. Before any of them may stand a [`spool`], in which
//! records wait while it is away.

pub mod embedded;
mod error;
pub mod kafka;
pub mod memory;
mod ownership;
pub mod spool;

use std::fmt;
use std::future::Future;
use std::time::Duration;

use model::Millis;

pub use error::{AppendError, Bound, JournalError};
pub use ownership::{AtWork, Grant, Ownership};

/// Longest commit metadata, in bytes: written in hexadecimal it still fits the 4,096 bytes that Kafka allows by default.
pub const METADATA_BYTES_MAX: usize = 2_048;

/// Most record bytes one [`Journal::read`] returns, so that a reader's memory is bounded whatever `records_max` says. The
/// record that passes the bound is still returned, so that every read gets on.
pub const READ_BYTES_MAX: usize = 8 * 1024 * 1024;

/// A record's place in its partition. Offsets only grow; nothing says they are dense, and their first need not be zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Offset(pub u64);

impl Offset {
    /// The smallest offset above this one: where a reader goes on after this record.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A record as it was appended, with its place and its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Where it stands in its partition.
    pub offset: Offset,
    /// When it was appended, by the journal's clock. Within a partition it never goes back: a clock that steps back is
    /// held at the last time given until it has caught up.
    pub at: Millis,
    /// What the journal's clock said then. It may go back from record to record, and is the same whoever reads.
    pub stamp: Millis,
    /// The record, byte for byte.
    pub bytes: Vec<u8>,
}

/// How far a partition's reader came, and what it wants to find again beside that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// The first offset that is not done yet.
    pub next: Offset,
    /// The reader's own words, at most [`METADATA_BYTES_MAX`] bytes; kept and replaced together with `next`.
    pub metadata: Vec<u8>,
}

/// Partitioned, ordered, durable logs with one commit each. Partitions are numbered from zero and know nothing of each other.
pub trait Journal: Send + Sync + 'static {
    /// How many partitions there are.
    fn partitions(&self) -> u32;

    /// Who reads which partition, where several processes share the journal; nothing where this one reads them all.
    fn ownership(&self) -> Option<&Ownership> {
        None
    }

    /// Appends `record` and returns its offset once it is durable. Never waits for room: a full journal refuses at once.
    ///
    /// Dropping the future does not take the record back; it may or may not have been appended.
    fn append(&self, partition: u32, record: Vec<u8>) -> impl Future<Output = Result<Offset, AppendError>> + Send;

    /// Reads durable records from the first offset at or above `from`, in order: at least one, at most `records_max` and
    /// about [`READ_BYTES_MAX`]. Where there is none yet it waits up to `wait` for one, and returns nothing after that.
    ///
    /// An offset that has expired is not an error: reading goes on at the first record kept. A partition that has lost records which
    /// were read says so once, where that can be told ([`JournalError::Truncated`]).
    fn read(
        &self,
        partition: u32,
        from: Offset,
        records_max: usize,
        wait: Duration,
    ) -> impl Future<Output = Result<Vec<Entry>, JournalError>> + Send;

    /// The first offset appended at `at` or later; [`Journal::end`] where there is none.
    fn first_at(&self, partition: u32, at: Millis) -> impl Future<Output = Result<Offset, JournalError>> + Send;

    /// The offset after the last durable record: every record appended from now on stands there or above.
    fn end(&self, partition: u32) -> impl Future<Output = Result<Offset, JournalError>> + Send;

    /// Replaces the partition's commit; durable, position and metadata together, once it returns. Refused
    /// ([`JournalError::Fenced`]) where another process has the partition now.
    fn commit(&self, partition: u32, commit: Commit) -> impl Future<Output = Result<(), JournalError>> + Send;

    /// The last commit of the partition, if there ever was one. Records that expire do not take it with them.
    fn committed(&self, partition: u32) -> impl Future<Output = Result<Option<Commit>, JournalError>> + Send;

    /// Drops, in every partition, the records of the hours (since the epoch, as sealing keys are named) that had ended
    /// at `before`, gives their room back, and returns how many there were. The grain is the hour so that whole files can go.
    fn expire(&self, before: Millis) -> impl Future<Output = Result<u64, JournalError>> + Send;
}
