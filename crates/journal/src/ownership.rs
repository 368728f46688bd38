//! Who reads which partition, where several processes share a journal: what this one was given, what it is at work on, and
//! the fence that keeps it from committing what was taken away meanwhile.
//!
//! It does not give partitions out: Kafka's group does ([`crate::kafka`]), or a test. The invariant: a commit that passes
//! [`Ownership::fenced`] was begun under the grant that still holds, and no grant ends in the middle of one. A process that
//! slept through the loss of a partition, and even got it back since, commits nothing of before.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::JournalError;

/// How often it is looked whether work on a partition has ended.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// A grant's number; a later one of the same partition is larger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grant(u64);

/// The partitions of one process.
#[derive(Debug)]
pub struct Ownership {
    /// What should be worked on.
    wanted: watch::Sender<BTreeSet<u32>>,
    /// What is worked on.
    at_work: Mutex<BTreeSet<u32>>,
    /// What may be committed. A partition whose return was asked for stays until its work has ended. Held for a moment only:
    /// it is also asked where nothing may wait.
    granted: Mutex<Granted>,
    /// Held while something is committed, and while a grant ends. Only threads made for waiting come here.
    fence: RwLock<()>,
    /// Why nothing will be given any more.
    failure: watch::Sender<Option<JournalError>>,
}

#[derive(Debug, Default)]
struct Granted {
    last: u64,
    partitions: BTreeMap<u32, u64>,
}

/// Says, as long as it lives, that a partition is worked on.
#[derive(Debug)]
pub struct AtWork<'a> {
    ownership: &'a Ownership,
    partition: u32,
}

impl Drop for AtWork<'_> {
    fn drop(&mut self) {
        self.ownership.at_work.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.partition);
    }
}

impl Default for Ownership {
    fn default() -> Self {
        Self {
            wanted: watch::Sender::new(BTreeSet::new()),
            at_work: Mutex::default(),
            granted: Mutex::default(),
            fence: RwLock::default(),
            failure: watch::Sender::new(None),
        }
    }
}

impl Ownership {
    /// The partitions this process should work on, now and whenever that changes.
    #[must_use]
    pub fn wanted(&self) -> watch::Receiver<BTreeSet<u32>> {
        self.wanted.subscribe()
    }

    /// Begins work on a partition; nothing where it was taken away, or where the work before this has not ended.
    #[must_use]
    pub fn begin(&self, partition: u32) -> Option<AtWork<'_>> {
        let granted = self.granted();
        let mut at_work = self.at_work.lock().unwrap_or_else(PoisonError::into_inner);
        let begins = granted.partitions.contains_key(&partition)
            && self.wanted.borrow().contains(&partition)
            && at_work.insert(partition);
        begins.then(|| AtWork { ownership: self, partition })
    }

    /// The grant under which a partition is held now.
    ///
    /// # Errors
    /// It is not held.
    pub fn grant_of(&self, partition: u32) -> Result<Grant, JournalError> {
        self.granted().partitions.get(&partition).copied().map(Grant).ok_or(JournalError::Fenced { partition })
    }

    /// Does `commit`, which waits and is bounded, while `grant` is sure to hold.
    ///
    /// # Errors
    /// The grant has ended; or `commit`'s own.
    pub fn fenced<T>(
        &self,
        partition: u32,
        grant: Grant,
        commit: impl FnOnce() -> Result<T, JournalError>,
    ) -> Result<T, JournalError> {
        let _no_grant_ends_meanwhile = self.fence.read().unwrap_or_else(PoisonError::into_inner);
        if self.grant_of(partition)? != grant {
            return Err(JournalError::Fenced { partition });
        }
        commit()
    }

    /// Gives partitions to this process. Waits until work under an earlier grant has ended: two would write over each other.
    pub fn give(&self, partitions: &[u32]) {
        let mut complained = Instant::now();
        while !self.is_idle(partitions) {
            if complained.elapsed() > Duration::from_secs(10) {
                complained = Instant::now();
                tracing::warn!(?partitions, "partitions came back while work on them has not ended; waiting for it");
            }
            std::thread::sleep(LOOK_EVERY);
        }
        let mut granted = self.granted();
        for partition in partitions {
            granted.last += 1;
            let number = granted.last;
            granted.partitions.insert(*partition, number);
        }
        drop(granted);
        self.wanted.send_modify(|wanted| wanted.extend(partitions));
    }

    /// Asks for partitions back and takes them once work on them has ended, or after `patience`.
    pub fn take_back(&self, partitions: &[u32], patience: Duration) {
        self.ask_back(partitions);
        let begun = Instant::now();
        while !self.is_idle(partitions) && begun.elapsed() < patience {
            std::thread::sleep(LOOK_EVERY);
        }
        self.fence(partitions);
    }

    /// Asks for partitions back: what is under way may still be committed, nothing new is begun. For who may not wait; the others
    /// [take them back](Self::take_back).
    pub fn ask_back(&self, partitions: &[u32]) {
        self.wanted.send_modify(|wanted| wanted.retain(|partition| !partitions.contains(partition)));
    }

    /// Whether no work on any of the partitions is under way.
    #[must_use]
    pub fn is_idle(&self, partitions: &[u32]) -> bool {
        let at_work = self.at_work.lock().unwrap_or_else(PoisonError::into_inner);
        !partitions.iter().any(|partition| at_work.contains(partition))
    }

    /// Takes partitions that somebody else may have already: nothing of them is committed any more.
    pub fn lose(&self, partitions: &[u32]) {
        self.fence(partitions);
        self.ask_back(partitions);
    }

    /// Takes everything, for good: this process is no part of the group any more.
    pub fn fail(&self, why: JournalError) {
        let held: Vec<u32> = self.wanted.borrow().iter().copied().collect();
        self.lose(&held);
        self.failure.send_replace(Some(why));
    }

    /// Waits until nothing will be given any more, and says why.
    pub async fn failed(&self) -> JournalError {
        let mut failure = self.failure.subscribe();
        // The sender lives as long as this does.
        let failed = failure.wait_for(Option::is_some).await;
        match failed.ok().and_then(|failed| failed.clone()) {
            Some(why) => why,
            None => std::future::pending().await,
        }
    }

    fn fence(&self, partitions: &[u32]) {
        let _no_commit_is_under_way = self.fence.write().unwrap_or_else(PoisonError::into_inner);
        self.granted().partitions.retain(|partition, _| !partitions.contains(partition));
    }

    fn granted(&self) -> MutexGuard<'_, Granted> {
        self.granted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    const SOON: Duration = Duration::from_millis(50);

    fn commits(ownership: &Ownership, grant: Grant) -> bool {
        ownership.fenced(3, grant, || Ok(())).is_ok()
    }

    #[test]
    fn what_was_lost_and_came_back_is_committed_under_the_new_grant_alone() {
        let ownership = Ownership::default();
        assert_eq!(ownership.grant_of(3), Err(JournalError::Fenced { partition: 3 }));
        ownership.give(&[3, 4]);
        let old = ownership.grant_of(3).unwrap();
        assert!(commits(&ownership, old));
        ownership.lose(&[3]);
        assert!(!commits(&ownership, old) && !ownership.wanted().borrow().contains(&3));
        ownership.give(&[3]);
        assert!(!commits(&ownership, old) && commits(&ownership, ownership.grant_of(3).unwrap()));
        assert!(ownership.grant_of(4).is_ok());
    }

    #[test]
    fn who_is_asked_for_a_partition_may_still_commit_until_the_work_has_ended() {
        let ownership = Arc::new(Ownership::default());
        ownership.give(&[3]);
        let grant = ownership.grant_of(3).unwrap();
        let at_work = ownership.begin(3).unwrap();
        assert!(ownership.begin(3).is_none(), "one at a time");
        let asks = std::thread::spawn({
            let ownership = Arc::clone(&ownership);
            move || ownership.take_back(&[3], Duration::from_secs(60))
        });
        while ownership.wanted().borrow().contains(&3) {
            std::thread::yield_now();
        }
        assert!(commits(&ownership, grant) && ownership.begin(3).is_none());
        drop(at_work);
        asks.join().unwrap();
        assert!(!commits(&ownership, grant));
    }

    #[test]
    fn patience_ends_and_what_comes_back_waits_for_the_work_before() {
        let ownership = Arc::new(Ownership::default());
        ownership.give(&[3]);
        let grant = ownership.grant_of(3).unwrap();
        let at_work = ownership.begin(3).unwrap();
        ownership.take_back(&[3], SOON);
        assert!(!commits(&ownership, grant), "who does not end is fenced");
        let gives = std::thread::spawn({
            let ownership = Arc::clone(&ownership);
            move || ownership.give(&[3])
        });
        std::thread::sleep(SOON);
        assert!(ownership.begin(3).is_none() && !gives.is_finished());
        drop(at_work);
        gives.join().unwrap();
        assert!(ownership.begin(3).is_some());
    }

    #[test]
    fn a_grant_does_not_end_in_the_middle_of_a_commit() {
        let ownership = Arc::new(Ownership::default());
        ownership.give(&[3]);
        let grant = ownership.grant_of(3).unwrap();
        let (inside, entered) = std::sync::mpsc::channel();
        let (go_on, goes) = std::sync::mpsc::channel::<()>();
        let commit = std::thread::spawn({
            let ownership = Arc::clone(&ownership);
            move || {
                ownership.fenced(3, grant, || {
                    inside.send(()).unwrap();
                    goes.recv().unwrap();
                    Ok(())
                })
            }
        });
        entered.recv().unwrap();
        let loses = std::thread::spawn({
            let ownership = Arc::clone(&ownership);
            move || ownership.lose(&[3])
        });
        std::thread::sleep(SOON);
        assert!(!loses.is_finished());
        go_on.send(()).unwrap();
        loses.join().unwrap();
        commit.join().unwrap().unwrap();
    }
}
