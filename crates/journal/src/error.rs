//! What a journal refuses, and how it fails. A refusal ([`AppendError::Full`], [`JournalError::NoRoom`]) is for now: the
//! caller may try again; so is [`JournalError::Unreachable`]. Any other failure is for good: rather than guess what is on disk, the journal stops accepting, and only
//! opening it again can clear that.

use std::path::PathBuf;

use crate::{METADATA_BYTES_MAX, Offset};

/// Which bound a full journal has reached; [`Bound::as_str`] is its metric label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Bound {
    /// As many appends wait to become durable as may wait.
    Queue,
    /// The records kept take as much room as they may take.
    Space,
}

impl Bound {
    /// The bound's name in metrics, logs and docs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queue => "queue",
            Self::Space => "space",
        }
    }
}

/// Why a record was not appended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// A bound is reached and nothing was written; try again later, or refuse the sender.
    #[error("the journal is full: its {} bound is reached", .0.as_str())]
    Full(Bound),
    /// The record is longer than any record may be; trying again is useless.
    #[error("a record of {bytes} bytes is longer than a record may be")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// The journal failed; the record may or may not be read again after it has been reopened.
    #[error(transparent)]
    Failed(#[from] JournalError),
}

/// How a journal fails. Only [`JournalError::NoRoom`] and [`JournalError::Unreachable`] pass by themselves
/// ([`JournalError::passes`]).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JournalError {
    /// There is no such partition.
    #[error("partition {partition} does not exist, the journal has {partitions}")]
    NoSuchPartition {
        /// The partition asked for.
        partition: u32,
        /// How many there are.
        partitions: u32,
    },
    /// Commit metadata over its bound.
    #[error("commit metadata of {bytes} bytes exceeds {METADATA_BYTES_MAX}")]
    MetadataTooLong {
        /// Its length.
        bytes: usize,
    },
    /// Another process has the directory open.
    #[error("journal {directory} is in use by another process")]
    InUse {
        /// The journal's directory.
        directory: PathBuf,
    },
    /// The directory was made with another number of partitions, and records would be read by nobody.
    #[error("journal {directory} has {found} partitions, not {wanted}")]
    OtherPartitions {
        /// The journal's directory.
        directory: PathBuf,
        /// How many it was made with.
        found: u32,
        /// How many were asked for.
        wanted: u32,
    },
    /// The disk has no room for the commit. Appends are told [`AppendError::Full`] then.
    #[error("the disk has no room for a commit")]
    NoRoom,
    /// The brokers did not answer in time, or cannot take it now. Nothing was promised: a record may or may not be kept,
    /// and the caller may try again.
    #[error("the brokers could not be reached to {tried}: {reason}")]
    Unreachable {
        /// What was tried.
        tried: String,
        /// What the client said.
        reason: String,
    },
    /// The partition was given to another process, which goes on where this one's last commit stands.
    #[error("partition {partition} was given to another process")]
    Fenced {
        /// The partition.
        partition: u32,
    },
    /// An existing topic has a setting under which a promise would not hold. It is the operator's to change.
    #[error("topic {topic} has {setting} = {found}, but it must be {wanted}")]
    TopicContradicts {
        /// The topic.
        topic: String,
        /// The setting, as Kafka calls it.
        setting: &'static str,
        /// What it is.
        found: String,
        /// What it must be.
        wanted: String,
    },
    /// The partition's commit may have stood in a damaged place; an older one is not offered in its stead. A new commit
    /// clears this.
    #[error("the last commit of partition {partition} is lost to damage")]
    CommitLost {
        /// The partition.
        partition: u32,
    },
    /// Something that was durable does not read back as it was written. Nothing of it is served.
    #[error("partition {partition} is damaged from offset {offset} up to {resumes_at}: {what}")]
    Corrupt {
        /// The partition.
        partition: u32,
        /// The first offset that cannot be read.
        offset: Offset,
        /// The next offset at which reading can go on, for who decides to go on without the records in between.
        resumes_at: Offset,
        /// What is wrong, and in which file.
        what: String,
    },
    /// The end of the partition is gone, with records that were read, and others may be appended in their places: a copy that did not
    /// have them was made the leader, or every copy lost them. Reading goes on wherever it is begun.
    #[error("partition {partition} has lost its end, with records that were read")]
    Truncated {
        /// The partition.
        partition: u32,
    },
    /// The storage failed. Where it was a write that failed, the journal stopped: every later append, commit and expiry
    /// says the same.
    #[error("journal failed while it tried to {tried}: {reason}")]
    Failed {
        /// What was tried, and on what.
        tried: String,
        /// What the system answered.
        reason: String,
    },
}

impl JournalError {
    /// Whether the same call, made again later, can succeed.
    #[must_use]
    pub const fn passes(&self) -> bool {
        matches!(self, Self::NoRoom | Self::Unreachable { .. })
    }
}
