//! Opens the log: finds the segments, reads the newest one to its end, cuts what an interrupted write left there.
//!
//! Only the newest segment is read, so that opening does not depend on how much is kept. What was torn was never
//! acknowledged and goes; what is damaged may have been acknowledged, so it stays, its offsets are never given again,
//! and a commit that may have stood in it counts as lost.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::path::Path;

use model::Millis;

use super::block::{Head, Header, Kind, RECORD_OVERHEAD_BYTES, decode_commit, push_commit, push_commit_lost};
use super::catalog::{Catalog, LastCommit, Segment};
use super::scan::{Scan, Step};
use super::segment::{self, Beginning};
use crate::JournalError;

/// What was found when the journal was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recovery {
    /// Bytes of an interrupted write that were cut; none of them was acknowledged.
    pub torn_bytes: u64,
    /// Bytes at the end of the log that cannot be believed, at most; reading them reports [`JournalError::Corrupt`].
    pub damaged_bytes: u64,
}

/// A log that can be appended to.
pub struct Recovered {
    /// What is durable.
    pub catalog: Catalog,
    /// The time that no new record may be older than.
    pub last_at: Millis,
    /// What was wrong.
    pub recovery: Recovery,
}

/// Opens the log in `directory`, which this process has locked, or begins one.
pub fn open(directory: &Path, partitions: u32, now: Millis) -> Result<Recovered, JournalError> {
    let failed = |error: io::Error| segment::failure("open", directory, &error);
    let mut found = find(directory, partitions)?;
    let count = partitions as usize;
    let Some(newest_sound) = found.iter().rposition(|segment| segment.head.is_some()) else {
        if let Some(segment) = found.first() {
            return Err(JournalError::Failed {
                tried: format!("read {}", segment::path(directory, segment.number).display()),
                reason: "no segment of this journal has a head that can be believed".to_owned(),
            });
        }
        let mut tail = Tail::empty(count, now);
        let first = begin(directory, 0, &tail).map_err(failed)?;
        let catalog = Catalog { segments: [first].into(), ends: tail.ends(), commits: tail.take_commits() };
        return Ok(Recovered { catalog, last_at: now, recovery: Recovery::default() });
    };
    let (kept, headless) = found.split_at(newest_sound + 1);
    let headless_bytes: u64 = headless.iter().map(|segment| segment.bytes).sum();
    let mut tail = match kept.last() {
        Some(Found { number, head: Some(head), bytes }) => {
            read_tail(directory, *number, head, *bytes, headless.is_empty()).map_err(failed)?
        }
        Some(_) | None => Tail::empty(count, now),
    };
    if !headless.is_empty() {
        tail.distrust(headless_bytes);
    }
    let recovery = Recovery { torn_bytes: tail.torn_bytes, damaged_bytes: tail.damaged_bytes };
    let mut newest = None;
    if recovery.damaged_bytes > 0 {
        let number = found.last().map_or(0, |segment| segment.number + 1);
        newest = Some(begin(directory, number, &tail).map_err(failed)?);
    }
    if let Some(cut) = found.get_mut(newest_sound) {
        cut.bytes -= recovery.torn_bytes;
    }
    let segments = name_heads(directory, found, newest).map_err(failed)?;
    let catalog = Catalog { segments, ends: tail.ends(), commits: tail.take_commits() };
    Ok(Recovered { catalog, last_at: tail.last_at, recovery })
}

/// Begins segment `number` behind `tail`, commits included, so that no older segment is needed to know them.
fn begin(directory: &Path, number: u64, tail: &Tail) -> io::Result<Segment> {
    let head = Head { at: tail.last_at, bases: tail.ends() };
    let commits: Vec<_> = tail.partitions.iter().map(|partition| partition.commit.clone()).collect();
    let content = beginning(&head, &commits);
    segment::create(directory, number, &content)?;
    Ok(Segment { number, head, bytes: content.len() as u64 })
}

/// The bytes a segment begins with: its head and every partition's commit.
pub fn beginning(head: &Head, commits: &[LastCommit]) -> Vec<u8> {
    let mut content = head.encode();
    for (partition, commit) in (0_u32..).zip(commits) {
        match commit {
            LastCommit::Never => {}
            LastCommit::Known(commit) => push_commit(&mut content, partition, head.at, commit),
            LastCommit::Lost => push_commit_lost(&mut content, partition, head.at),
        }
    }
    content
}

/// A segment file as it was found.
struct Found {
    number: u64,
    head: Option<Head>,
    bytes: u64,
}

fn find(directory: &Path, partitions: u32) -> Result<Vec<Found>, JournalError> {
    let failed = |error: io::Error| segment::failure("open", directory, &error);
    let mut found = Vec::new();
    for number in segment::list(directory).map_err(failed)? {
        let mut file = File::open(segment::path(directory, number)).map_err(failed)?;
        let head = match segment::read_head(&mut file, partitions).map_err(failed)? {
            Beginning::Sound(head) => Some(head),
            Beginning::Damaged => {
                tracing::error!(segment = number, "a segment of the journal has a damaged head");
                None
            }
            Beginning::OtherPartitions(found) => {
                let directory = directory.to_owned();
                return Err(JournalError::OtherPartitions { directory, found, wanted: partitions });
            }
        };
        found.push(Found { number, head, bytes: file.metadata().map_err(failed)?.len() });
    }
    Ok(found)
}

/// Gives each segment a head. One whose head is damaged gets it back from its blocks, or from the segment behind it for
/// partitions that have none there; a segment behind the newest sound one only gets that of the segment begun after it,
/// so that it counts as empty and the gap in the offsets tells a reader what is missing.
fn name_heads(directory: &Path, found: Vec<Found>, newest: Option<Segment>) -> io::Result<VecDeque<Segment>> {
    let is_behind_sound = newest.is_some();
    let mut segments: VecDeque<Segment> = newest.into_iter().collect();
    let mut has_sound = !is_behind_sound;
    let oldest = found.first().map(|segment| segment.number);
    for Found { number, head, bytes } in found.into_iter().rev() {
        has_sound |= head.is_some();
        let head = match (head, segments.front()) {
            (Some(head), _) => head,
            (None, Some(next)) if has_sound => {
                let file = File::open(segment::path(directory, number))?;
                rebuild_head(&file, bytes, &next.head, oldest == Some(number))?
            }
            (None, Some(next)) => next.head.clone(),
            (None, None) => continue,
        };
        segments.push_front(Segment { number, head, bytes });
    }
    Ok(segments)
}

/// The head of a segment as its blocks and the segment behind it tell it. Before the oldest segment there is none whose
/// end would show what is damaged at its beginning, and records lost there would pass for expired; so it gets the lowest
/// offset that can have stood there.
fn rebuild_head(file: &File, bytes: u64, next: &Head, is_oldest: bool) -> io::Result<Head> {
    let mut head = next.clone();
    let mut scan = Scan::new(file, next.bases.len(), Head::length_bytes(next.bases.len()) as u64, bytes);
    let (mut doubtful, mut damaged_from) = (0, None);
    loop {
        let step = scan.step()?;
        let reached = match step {
            Step::Block { position, .. } | Step::Short { position } | Step::Damage { position } => position,
            Step::End => bytes,
        };
        if let Some(from) = damaged_from.take().filter(|_| is_oldest) {
            doubtful += offsets_max(reached - from);
        }
        match step {
            Step::Block { header, .. } => {
                head.at = head.at.min(header.at);
                let partition = header.partition as usize;
                if let (Kind::Records, Some(base), Some(behind)) =
                    (header.kind, head.bases.get_mut(partition), next.bases.get(partition))
                    && *base == *behind
                {
                    *base = header.first.saturating_sub(doubtful).min(*behind);
                }
            }
            Step::Short { position } | Step::Damage { position } => damaged_from = Some(position),
            Step::End => break,
        }
    }
    for (base, behind) in head.bases.iter_mut().zip(&next.bases).filter(|(base, behind)| base == behind) {
        *base = behind.saturating_sub(doubtful);
    }
    Ok(head)
}

/// The most offsets that can have been given in so many damaged bytes: a record takes more than
/// [`RECORD_OVERHEAD_BYTES`].
fn offsets_max(damaged_bytes: u64) -> u64 {
    damaged_bytes / RECORD_OVERHEAD_BYTES as u64 + 1
}

/// What the newest segment says about the state after it.
struct Tail {
    partitions: Vec<PartitionTail>,
    last_at: Millis,
    torn_bytes: u64,
    damaged_bytes: u64,
}

struct PartitionTail {
    end: u64,
    /// Offsets that may have been given in damaged bytes behind `end`.
    doubtful: u64,
    commit: LastCommit,
}

impl Tail {
    fn empty(partitions: usize, at: Millis) -> Self {
        Self::behind(&Head { at, bases: vec![0; partitions] })
    }

    fn behind(head: &Head) -> Self {
        let partitions = head
            .bases
            .iter()
            .map(|base| PartitionTail { end: *base, doubtful: 0, commit: LastCommit::Never })
            .collect();
        Self { partitions, last_at: head.at, torn_bytes: 0, damaged_bytes: 0 }
    }

    fn ends(&self) -> Vec<u64> {
        self.partitions.iter().map(|partition| partition.end + partition.doubtful).collect()
    }

    fn take_commits(&mut self) -> Vec<LastCommit> {
        self.partitions
            .iter_mut()
            .map(|partition| std::mem::replace(&mut partition.commit, LastCommit::Never))
            .collect()
    }

    fn learn(&mut self, header: &Header, body: Option<&[u8]>) {
        let Some(partition) = self.partitions.get_mut(header.partition as usize) else { return };
        match header.kind {
            Kind::Records => {
                partition.end = header.next();
                partition.doubtful = 0;
                self.last_at = self.last_at.max(header.at);
            }
            Kind::Commit => {
                partition.commit = body.and_then(decode_commit).map_or(LastCommit::Lost, LastCommit::Known);
            }
            Kind::CommitLost => partition.commit = LastCommit::Lost,
        }
    }

    /// Takes note of `bytes` in which any partition's records and commit may have stood.
    fn distrust(&mut self, bytes: u64) {
        self.damaged_bytes += bytes;
        for partition in &mut self.partitions {
            partition.doubtful += offsets_max(bytes);
            partition.commit = LastCommit::Lost;
        }
    }
}

/// Reads the newest sound segment to its end. Where nothing follows it, an interrupted write at its end is cut; what
/// stands then is made durable, because it will be served now.
fn read_tail(directory: &Path, number: u64, head: &Head, bytes: u64, is_newest: bool) -> io::Result<Tail> {
    let file = File::options().read(true).write(true).open(segment::path(directory, number))?;
    let mut tail = Tail::behind(head);
    let start = Head::length_bytes(head.bases.len()) as u64;
    let mut scan = Scan::new(&file, head.bases.len(), start, bytes);
    loop {
        match scan.step()? {
            Step::Block { header, position } => {
                let body = match header.kind {
                    Kind::Commit => scan.body(&header, position)?,
                    Kind::Records | Kind::CommitLost => None,
                };
                tail.learn(&header, body);
            }
            Step::Short { position } => {
                if is_newest {
                    tail.torn_bytes = bytes - position;
                } else {
                    tail.distrust(bytes - position);
                }
            }
            Step::Damage { position } => {
                if is_newest && scan.zeros_from(position)? {
                    tail.torn_bytes = bytes - position;
                } else {
                    tracing::error!(segment = number, position, "the journal's newest segment is damaged");
                    tail.distrust(bytes - position);
                }
            }
            Step::End => break,
        }
    }
    if tail.torn_bytes > 0 {
        tracing::warn!(segment = number, bytes = tail.torn_bytes, "cut an interrupted write from the journal");
        file.set_len(bytes - tail.torn_bytes)?;
    }
    file.sync_all()?;
    Ok(tail)
}
