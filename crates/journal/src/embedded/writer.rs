//! The one thread that writes. It takes everything that waits, writes it with one fsync, and only then answers.
//!
//! The invariant: what is published in the catalog, and so what is acknowledged or served, is durable. After a failed
//! fsync nobody knows what the disk holds, so the journal stops for good (fail-stop) rather than write on.

use std::fs::{self, File};
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use model::{Clock, Millis};
use tokio::sync::{mpsc, oneshot};

use super::block::{Draft, HEADER_BYTES, Head, Kind, RECORD_OVERHEAD_BYTES, push_commit};
use super::catalog::{LastCommit, Segment, Shared, lock};
use super::recovery::beginning;
use super::segment::{self, Medium, OpenMedium};
use crate::{AppendError, Bound, Commit, JournalError, Offset};

/// Most requests written with one fsync. At 1,000 concurrent senders a group is never larger; the queue's byte bound
/// bounds its memory.
const GROUP_REQUESTS_MAX: usize = 4_096;

/// Bytes after which a block ends and the next begins, so that a reader of a few records need not check many.
const BLOCK_BYTES_MAX: usize = 256 * 1024;

/// The answer to one request.
pub type Reply<T, E> = oneshot::Sender<Result<T, E>>;

/// Bytes of the write buffer that are kept between groups; what a burst took beyond them is given back.
const BUFFER_KEPT_BYTES_MAX: usize = 4 * 1024 * 1024;

/// What the writer is asked for.
pub enum Request {
    /// Append a record to a partition.
    Append(Append),
    /// Replace a partition's commit.
    Commit(u32, Commit, Reply<(), JournalError>),
    /// Drop what is older.
    Expire(Millis, Reply<u64, JournalError>),
    /// Drop what stands below an offset of each partition.
    Release(Vec<Offset>, Reply<u64, JournalError>),
}

/// A record that waits.
pub struct Append {
    /// Where it goes.
    pub partition: u32,
    /// The record.
    pub record: Vec<u8>,
    /// Who waits.
    pub reply: Reply<Offset, AppendError>,
}

/// The bounds the writer keeps.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Bytes of all segments beyond which no record is taken.
    pub bytes_max: u64,
    /// Bytes after which a segment ends and the next begins.
    pub segment_bytes: u64,
}

/// What a writer needs.
pub struct Parts {
    /// What it shares with the readers.
    pub shared: Arc<Shared>,
    /// The segment to go on with.
    pub active: Segment,
    /// The time that no new record may be older than.
    pub last_at: Millis,
    /// The bounds to keep.
    pub bounds: Bounds,
    /// Where append times come from.
    pub clock: Clock,
    /// The disk.
    pub open: OpenMedium,
    /// The directory's lock, held as long as anything may be written.
    pub lock: File,
}

/// The writer's state; it lives on its own thread.
pub struct Writer {
    parts: Parts,
    medium: Box<dyn Medium>,
    /// Per partition, the offset of its next record.
    next: Vec<u64>,
    buffer: Vec<u8>,
}

/// What one fsync makes durable.
#[derive(Default)]
struct Group {
    appends: Vec<Append>,
    commits: Vec<(u32, Commit, Reply<(), JournalError>)>,
}

/// Why a group was not written.
enum Stop {
    /// The disk is full; what was written of the group was taken back.
    NoRoom,
    /// For good.
    Failed(JournalError),
}

impl Writer {
    /// Goes on where the catalog ends.
    pub fn new(parts: Parts) -> Result<Self, JournalError> {
        let path = segment::path(&parts.shared.directory, parts.active.number);
        let medium = (parts.open)(&path).map_err(|error| segment::failure("open", &path, &error))?;
        let next = lock(&parts.shared.catalog).ends.clone();
        Ok(Self { parts, medium, next, buffer: Vec::new() })
    }

    /// Serves requests until nobody can make one any more.
    pub fn run(mut self, mut requests: mpsc::Receiver<Request>) {
        let mut taken = Vec::new();
        while requests.blocking_recv_many(&mut taken, GROUP_REQUESTS_MAX) > 0 {
            let mut group = Group::default();
            for request in taken.drain(..) {
                match request {
                    Request::Append(append) => group.appends.push(append),
                    Request::Commit(partition, commit, reply) => group.commits.push((partition, commit, reply)),
                    Request::Expire(before, reply) => {
                        self.write(std::mem::take(&mut group));
                        let _gone = reply.send(self.expire(before));
                    }
                    Request::Release(below, reply) => {
                        self.write(std::mem::take(&mut group));
                        let _gone = reply.send(self.release(&below));
                    }
                }
            }
            self.write(group);
        }
        // Only now may another process have the directory. Said outright, because a child process that is just being
        // started holds a copy of the file for a moment, and closing ours would not free the lock then.
        if let Err(error) = self.parts.lock.unlock() {
            tracing::warn!(%error, "the journal's lock goes with the process");
        }
    }

    /// Makes a group durable and answers everybody in it.
    fn write(&mut self, mut group: Group) {
        if group.appends.is_empty() && group.commits.is_empty() {
            return;
        }
        let queued_bytes = group.appends.iter().map(|append| append.record.len()).sum();
        self.parts.shared.unqueue(queued_bytes);
        if let Some(failure) = lock(&self.parts.shared.failure).clone() {
            return group.refuse(&Stop::Failed(failure));
        }
        group.appends.sort_by_key(|append| append.partition); // stable: order of arrival within a partition
        match self.make_durable(&mut group) {
            Ok(offsets) => {
                for (append, offset) in group.appends.into_iter().zip(offsets) {
                    let _gone = append.reply.send(Ok(Offset(offset)));
                }
                for (_, _, reply) in group.commits {
                    let _gone = reply.send(Ok(()));
                }
            }
            Err(stop) => group.refuse(&stop),
        }
    }

    /// Writes, syncs, publishes; the offsets of the appends that found room, which are those left in the group.
    fn make_durable(&mut self, group: &mut Group) -> Result<Vec<u64>, Stop> {
        let has_records = !group.appends.is_empty();
        let at = if has_records { self.parts.last_at.max(self.parts.clock.now()) } else { self.parts.last_at };
        let is_new_hour = has_records && at.hour() != self.parts.active.head.at.hour();
        if is_new_hour || self.parts.active.bytes >= self.parts.bounds.segment_bytes {
            self.begin_segment(at)?;
        }
        self.refuse_without_room(group);
        let (offsets, next) = self.encode(group, at);
        if self.buffer.is_empty() {
            return Ok(offsets);
        }
        let path = segment::path(&self.parts.shared.directory, self.parts.active.number);
        if let Err(error) = self.medium.append(&self.buffer) {
            if !is_full(&error) {
                return Err(self.fail("write", &path, &error));
            }
            self.medium.cut(self.parts.active.bytes).map_err(|error| self.fail("cut", &path, &error))?;
            return Err(Stop::NoRoom);
        }
        self.medium.sync().map_err(|error| self.fail("fsync", &path, &error))?;
        self.parts.active.bytes += self.buffer.len() as u64;
        self.parts.last_at = at;
        self.next = next;
        self.publish(group);
        Ok(offsets)
    }

    /// Answers the appends for which there is no room, as if each took a block of its own, and keeps the others.
    fn refuse_without_room(&self, group: &mut Group) {
        let mut room = self.parts.bounds.bytes_max.saturating_sub(self.parts.shared.held_bytes.load(Ordering::Acquire));
        for append in std::mem::take(&mut group.appends) {
            match room.checked_sub((HEADER_BYTES + RECORD_OVERHEAD_BYTES + append.record.len()) as u64) {
                Some(left) => {
                    room = left;
                    group.appends.push(append);
                }
                None => {
                    let _gone = append.reply.send(Err(AppendError::Full(Bound::Space)));
                }
            }
        }
    }

    /// Encodes the group into the buffer; the appends' offsets in order, and each partition's next one.
    fn encode(&mut self, group: &Group, at: Millis) -> (Vec<u64>, Vec<u64>) {
        self.buffer.clear();
        self.buffer.shrink_to(BUFFER_KEPT_BYTES_MAX);
        let mut next = self.next.clone();
        let mut offsets = Vec::with_capacity(group.appends.len());
        for run in group.appends.chunk_by(|one, other| one.partition == other.partition) {
            let mut rest = run;
            while let Some(append) = rest.first()
                && let Some(next) = next.get_mut(append.partition as usize)
            {
                let mut draft = Draft::begin(&mut self.buffer, Kind::Records, append.partition, at, *next);
                while let Some((append, after)) = rest.split_first()
                    && draft.bytes(&self.buffer) < BLOCK_BYTES_MAX
                {
                    draft.push(&mut self.buffer, &append.record);
                    offsets.push(*next);
                    *next += 1;
                    rest = after;
                }
                draft.finish(&mut self.buffer);
            }
        }
        for (partition, commit, _) in &group.commits {
            push_commit(&mut self.buffer, *partition, at, commit);
        }
        (offsets, next)
    }

    /// Shows readers what is durable now.
    fn publish(&self, group: &Group) {
        self.parts.shared.held_bytes.fetch_add(self.buffer.len() as u64, Ordering::AcqRel);
        let mut catalog = lock(&self.parts.shared.catalog);
        if let Some(active) = catalog.segments.back_mut() {
            active.bytes = self.parts.active.bytes;
        }
        catalog.ends.clone_from(&self.next);
        for (partition, commit, _) in &group.commits {
            if let Some(known) = catalog.commits.get_mut(*partition as usize) {
                *known = LastCommit::Known(commit.clone());
            }
        }
        drop(catalog);
        for (sender, end) in self.parts.shared.ends.iter().zip(&self.next) {
            sender.send_if_modified(|known| std::mem::replace(known, Offset(*end)) != Offset(*end));
        }
    }

    /// Ends the active segment, which is durable, and begins the next one.
    fn begin_segment(&mut self, at: Millis) -> Result<(), Stop> {
        let number = self.parts.active.number + 1;
        let head = Head { at, bases: self.next.clone() };
        let content = beginning(&head, &lock(&self.parts.shared.catalog).commits);
        let path = segment::path(&self.parts.shared.directory, number);
        match segment::create(&self.parts.shared.directory, number, &content) {
            Ok(_path) => {}
            Err(error) if is_full(&error) => return Err(Stop::NoRoom),
            Err(error) => return Err(self.fail("create", &path, &error)),
        }
        self.medium = (self.parts.open)(&path).map_err(|error| self.fail("open", &path, &error))?;
        let bytes = content.len() as u64;
        self.parts.active = Segment { number, head: head.clone(), bytes };
        self.parts.last_at = at;
        self.parts.shared.held_bytes.fetch_add(bytes, Ordering::AcqRel);
        lock(&self.parts.shared.catalog).segments.push_back(Segment { number, head, bytes });
        Ok(())
    }

    /// Removes the segments of hours that had ended at `before`; how many records went with them.
    fn expire(&mut self, before: Millis) -> Result<u64, JournalError> {
        self.remove(|segment, _| segment.head.at.hour() < before.hour())
    }

    /// Removes the segments of which no record stands at or above its partition's place in `below`.
    fn release(&mut self, below: &[Offset]) -> Result<u64, JournalError> {
        self.remove(|_, after| after.iter().zip(below).all(|(after, below)| *after <= below.0))
    }

    /// Removes segments from the oldest on while they are over, which is told by themselves and by the offsets after
    /// their last records; how many records went with them.
    fn remove(&mut self, is_over: impl Fn(&Segment, &[u64]) -> bool) -> Result<u64, JournalError> {
        if let Some(failure) = lock(&self.parts.shared.failure).clone() {
            return Err(failure);
        }
        if is_over(&self.parts.active, &self.next) && self.parts.active.head.bases != self.next {
            match self.begin_segment(self.parts.last_at) {
                Ok(()) => {}
                Err(Stop::NoRoom) => return Err(JournalError::NoRoom),
                Err(Stop::Failed(failure)) => return Err(failure),
            }
        }
        let mut records = 0;
        let mut removed = Vec::new();
        let mut catalog = lock(&self.parts.shared.catalog);
        while let (Some(segment), Some(next)) = (catalog.segments.front(), catalog.segments.get(1))
            && is_over(segment, &next.head.bases)
        {
            let bases = next.head.bases.iter().zip(&segment.head.bases);
            records += bases.map(|(after, base)| after.saturating_sub(*base)).sum::<u64>();
            removed.extend(catalog.segments.pop_front());
        }
        drop(catalog);
        if removed.is_empty() {
            return Ok(0);
        }
        for cursor in &self.parts.shared.cursors {
            *lock(cursor) = None; // an open file would keep its room on the disk
        }
        for segment in removed {
            let path = segment::path(&self.parts.shared.directory, segment.number);
            fs::remove_file(&path).map_err(|error| self.poison("remove", &path, &error))?;
            self.parts.shared.held_bytes.fetch_sub(segment.bytes, Ordering::AcqRel);
        }
        let directory = &self.parts.shared.directory;
        segment::sync_directory(directory).map_err(|error| self.poison("fsync", directory, &error))?;
        Ok(records)
    }

    fn fail(&self, tried: &str, path: &std::path::Path, error: &io::Error) -> Stop {
        Stop::Failed(self.poison(tried, path, error))
    }

    /// Stops the journal for good and says why.
    fn poison(&self, tried: &str, path: &std::path::Path, error: &io::Error) -> JournalError {
        let failure = segment::failure(tried, path, error);
        tracing::error!(error = %failure, "the journal stopped");
        lock(&self.parts.shared.failure).get_or_insert(failure).clone()
    }
}

impl Group {
    fn refuse(self, stop: &Stop) {
        for append in self.appends {
            let error = match stop {
                Stop::NoRoom => AppendError::Full(Bound::Space),
                Stop::Failed(failure) => AppendError::Failed(failure.clone()),
            };
            let _gone = append.reply.send(Err(error));
        }
        for (_, _, reply) in self.commits {
            let error = match stop {
                Stop::NoRoom => JournalError::NoRoom,
                Stop::Failed(failure) => failure.clone(),
            };
            let _gone = reply.send(Err(error));
        }
    }
}

/// Whether an error says that there is no room, which passes, and not that the disk is broken, which does not.
fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}
