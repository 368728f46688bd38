//! A model of the journal: what its readers and writers may count on, and everything they may not.
//!
//! Records have one order in a partition and are never lost once they are there; they are dated by the journal's own clock, which
//! never goes back within a partition. A commit is whole, and only the partition's owner of this moment can make one. All else
//! may fail: an answer may be lost while its deed is done, a read may give less than there is, the brokers may be away.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use journal::{AppendError, Commit, Entry, Journal, JournalError, Offset, Ownership};
use model::{Millis, Right, Tally};

use crate::Planted;
use crate::faults::{Fault, Point};
use crate::member::Member;
use crate::sent::Sent;
use crate::world::{Doorbell, Role, World};

/// What a record says, for who counts again.
#[derive(Clone, Debug)]
pub enum Content {
    /// The hits of a request.
    Hits(Vec<Sent>),
    /// Hits that were turned away.
    Tally(Tally),
    /// A visitor's request.
    Ask(Right, Box<Sent>),
    /// Nothing but its time.
    Tick,
}

/// A record as it stands in the journal.
#[derive(Clone, Debug)]
pub struct Logged {
    /// When it was appended.
    pub at: Millis,
    /// When that was, by the true time.
    came: Millis,
    /// What it says.
    pub content: Content,
    /// The hour of the key that it was sealed to; the last of all hours where nothing is sealed.
    pub hour: i64,
    /// It, sealed.
    pub bytes: Vec<u8>,
}

/// The brokers.
pub struct Broker {
    world: Arc<World>,
    partitions: Mutex<Vec<Partition>>,
    away: AtomicBool,
    planted: Planted,
}

struct Partition {
    log: Vec<Logged>,
    /// The first record that has not expired.
    kept: usize,
    commit: Option<Commit>,
    epoch: u64,
    moved: Doorbell,
}

impl Broker {
    /// Brokers with nothing in them.
    pub fn new(world: Arc<World>, partitions: u32, planted: Planted) -> Arc<Self> {
        let partition = |_| Partition { log: Vec::new(), kept: 0, commit: None, epoch: 0, moved: Doorbell::default() };
        let partitions = Mutex::new((0..partitions).map(partition).collect());
        Arc::new(Self { world, partitions, away: AtomicBool::new(false), planted })
    }

    fn partitions(&self) -> MutexGuard<'_, Vec<Partition>> {
        self.partitions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with<T>(&self, partition: u32, work: impl FnOnce(&mut Partition) -> T) -> T {
        work(&mut self.partitions()[partition as usize])
    }

    /// Keeps a record.
    pub fn keep(&self, partition: u32, bytes: Vec<u8>, content: Content, hour: i64) -> Offset {
        let (now, came) = (self.world.now(Role::Broker), self.world.wall());
        self.with(partition, |partition| {
            let at = partition.log.last().map_or(now, |last| last.at.max(now));
            partition.log.push(Logged { at, came, content, hour, bytes });
            partition.moved.ring();
            Offset(partition.log.len() as u64 - 1)
        })
    }

    /// Whether nobody can reach the brokers.
    pub fn is_away(&self) -> bool {
        self.away.load(Ordering::Relaxed)
    }

    /// Takes the brokers away, or brings them back.
    pub fn set_away(&self, away: bool) {
        self.away.store(away, Ordering::Relaxed);
    }

    /// Begins a new epoch of a partition: whoever had it commits no more.
    pub fn give(&self, partition: u32) -> u64 {
        self.with(partition, |partition| {
            partition.epoch += 1;
            partition.epoch
        })
    }

    /// Since when, by the true time, the first record that is not committed waits; nothing where all are.
    pub fn waits_since(&self, partition: u32) -> Option<Millis> {
        self.with(partition, |partition| {
            let next = partition.commit.as_ref().map_or(0, |commit| commit.next.0);
            let intended = partition.commit.as_ref().is_some_and(is_intent);
            let next = usize::try_from(next).unwrap_or(usize::MAX).max(partition.kept);
            let last = || partition.log.last().filter(|_| intended);
            partition.log.get(next).or_else(last).map(|record| record.came)
        })
    }

    /// The records of a partition, in order.
    pub fn log(&self, partition: u32) -> Vec<Logged> {
        self.with(partition, |partition| partition.log.clone())
    }

    /// The first record of a partition that is not counted, by its commit, and the first that has not expired.
    pub fn next_and_kept(&self, partition: u32) -> (usize, usize) {
        self.with(partition, |partition| {
            let next = partition.commit.as_ref().map_or(0, |commit| commit.next.0);
            (usize::try_from(next).unwrap_or(usize::MAX), partition.kept)
        })
    }

    /// Drops records of the hours that had ended at `before`.
    pub fn expire(&self, before: Millis) {
        for partition in self.partitions().iter_mut() {
            let expired = partition.log.partition_point(|record| record.at.hour() < before.hour());
            partition.kept = partition.kept.max(expired);
        }
    }
}

/// The brokers as one processor reaches them.
pub struct View {
    /// The brokers.
    pub broker: Arc<Broker>,
    /// The world.
    pub world: Arc<World>,
    /// Which process it is.
    pub who: usize,
    /// What it heard of its partitions.
    pub member: Arc<Member>,
    /// Whether other processes share the partitions.
    pub shared: bool,
}

impl View {
    fn end_of(&self, partition: u32) -> u64 {
        self.broker.with(partition, |partition| partition.log.len() as u64)
    }

    /// Asks the brokers something that is not a read.
    async fn ask<T>(&self, tried: &str, answer: impl FnOnce() -> T) -> Result<T, JournalError> {
        self.world.point(self.who, Point::Ask).await;
        if self.broker.is_away() || self.world.strikes(Fault::Unreachable) {
            return Err(unreachable(tried));
        }
        Ok(answer())
    }

    /// What there is from an offset on; an error where the brokers are away and there would be something.
    fn found(&self, partition: u32, from: Offset, records_max: usize) -> Result<Vec<Entry>, JournalError> {
        let away = self.broker.is_away();
        let mut entries: Vec<Entry> = self.broker.with(partition, |partition| {
            let from = usize::try_from(from.0).unwrap_or(usize::MAX).max(partition.kept);
            let records = partition.log.iter().enumerate().skip(from).take(records_max);
            let entry = |(offset, record): (usize, &Logged)| Entry {
                offset: Offset(offset as u64),
                at: record.at,
                stamp: record.at,
                bytes: record.bytes.clone(),
            };
            records.map(entry).collect()
        });
        if away && !entries.is_empty() {
            return Err(unreachable("read"));
        }
        if entries.len() > 1 && self.world.strikes(Fault::ShortRead) {
            let some = self.world.draw(|random| 1 + random.index(entries.len() - 1));
            entries.truncate(some);
        }
        if self.broker.planted == Planted::RecordSkipped && entries.len() > 3 {
            entries.remove(1);
        }
        Ok(entries)
    }

    fn write_commit(&self, number: u32, commit: Commit) -> Result<(), JournalError> {
        let planted = self.broker.planted;
        let epoch = self.member.epoch_of(number);
        self.broker.with(number, |partition| {
            if Some(partition.epoch) != epoch && planted != Planted::ZombieNotFenced {
                return Err(self.fenced(number));
            }
            let is_intent = is_intent(&commit);
            match planted {
                Planted::InsertWithoutIntent if is_intent => {}
                Planted::CommitBeforeInsert if is_intent => {
                    let next = commit.metadata.get(36..44).and_then(|bytes| bytes.try_into().ok());
                    let next = Offset(next.map_or(0, u64::from_le_bytes));
                    partition.commit = Some(Commit { next, metadata: Vec::new() });
                }
                _ => partition.commit = Some(commit),
            }
            Ok(())
        })
    }

    /// What a broker says to who is no longer of the group's generation. Where there is no group, another process has taken the
    /// directory, which ends the work as any failure for good does.
    fn fenced(&self, partition: u32) -> JournalError {
        if self.shared {
            return JournalError::Fenced { partition };
        }
        JournalError::Failed {
            tried: format!("commit partition {partition}"),
            reason: "another process has this partition now".to_owned(),
        }
    }
}

impl Journal for View {
    fn partitions(&self) -> u32 {
        self.broker.partitions().len().try_into().unwrap_or(u32::MAX)
    }

    fn ownership(&self) -> Option<&Ownership> {
        self.shared.then_some(&self.member.ownership)
    }

    /// Only ever called for the record that lets time go on.
    async fn append(&self, partition: u32, record: Vec<u8>) -> Result<Offset, AppendError> {
        self.world.point(self.who, Point::Close).await;
        if self.broker.is_away() || self.world.strikes(Fault::AppendLost) {
            return Err(unreachable("append").into());
        }
        let offset = self.broker.keep(partition, record, Content::Tick, i64::MAX);
        self.world.tell(|| format!("process {} lets time go on in partition {partition}", self.who));
        if self.world.strikes(Fault::AppendKept) { Err(unreachable("append").into()) } else { Ok(offset) }
    }

    async fn read(
        &self,
        partition: u32,
        from: Offset,
        records_max: usize,
        wait: Duration,
    ) -> Result<Vec<Entry>, JournalError> {
        self.world.point(self.who, Point::Read).await;
        if !wait.is_zero() {
            // A processor that waits for records has rebuilt what it knew.
            self.world.rebuilds(self.who, partition, false);
        }
        if self.world.strikes(Fault::Unreachable) {
            return Err(unreachable("read"));
        }
        let moved = self.broker.with(partition, |partition| partition.moved.clone());
        let found = self.found(partition, from, records_max)?;
        if !found.is_empty() || wait.is_zero() {
            return Ok(found);
        }
        match tokio::time::timeout(wait, moved.wait_for(|| self.end_of(partition) > from.0)).await {
            Ok(_moved) => self.found(partition, from, records_max),
            Err(_elapsed) => Ok(Vec::new()),
        }
    }

    async fn first_at(&self, partition: u32, at: Millis) -> Result<Offset, JournalError> {
        let late = if self.broker.planted == Planted::ReplayTooLate { 22 * 3_600_000 } else { 0 };
        let at = at.plus(late);
        self.ask("find a time", || {
            self.broker.with(partition, |partition| {
                let first = partition.log.partition_point(|record| record.at < at);
                Offset(first.max(partition.kept) as u64)
            })
        })
        .await
    }

    async fn end(&self, partition: u32) -> Result<Offset, JournalError> {
        self.ask("ask for the end", || self.broker.with(partition, |partition| Offset(partition.log.len() as u64)))
            .await
    }

    async fn commit(&self, partition: u32, commit: Commit) -> Result<(), JournalError> {
        // As on Kafka: the grant is that of the moment of asking, and is looked at again when the commit is sent.
        let grant = self.ownership().map(|ownership| ownership.grant_of(partition)).transpose()?;
        self.world.point(self.who, Point::BeforeCommit).await;
        if self.world.strikes(Fault::NoRoom) {
            return Err(JournalError::NoRoom);
        }
        let unknown = self.broker.is_away() || self.world.strikes(Fault::CommitUnknown);
        if unknown && (self.broker.is_away() || self.world.draw(|random| random.one_in(2))) {
            return Err(unreachable("commit"));
        }
        let said = format!("{} {}", commit.next, if is_intent(&commit) { "intended" } else { "done" });
        match self.ownership().zip(grant) {
            Some((ownership, grant)) if self.broker.planted != Planted::ZombieNotFenced => {
                ownership.fenced(partition, grant, || self.write_commit(partition, commit))?;
            }
            _ => self.write_commit(partition, commit)?,
        }
        self.world.tell(|| format!("process {} commits {said} in partition {partition}", self.who));
        self.world.point(self.who, Point::AfterCommit).await;
        if unknown { Err(unreachable("commit")) } else { Ok(()) }
    }

    async fn committed(&self, partition: u32) -> Result<Option<Commit>, JournalError> {
        // Who closes days asks also after the partitions of others.
        if self.ownership().is_none_or(|ownership| ownership.wanted().borrow().contains(&partition)) {
            self.world.rebuilds(self.who, partition, true);
        }
        self.ask("read a commit", || self.broker.with(partition, |partition| partition.commit.clone())).await
    }

    /// Records expire by the driver's hand.
    async fn expire(&self, _: Millis) -> Result<u64, JournalError> {
        Ok(0)
    }
}

/// Whether a commit's words name a range: said behind a form, a name, a time and a stamp.
fn is_intent(commit: &Commit) -> bool {
    commit.metadata.get(25) == Some(&1)
}

/// What a client says of brokers that do not answer.
pub fn unreachable(tried: &str) -> JournalError {
    JournalError::Unreachable { tried: tried.to_owned(), reason: "the simulation says so".to_owned() }
}
