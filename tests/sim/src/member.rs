//! A process's place in the group that shares partitions out: what the group tells it, when it hears that, and the product's own
//! [`Ownership`], which it is told to.
//!
//! The group itself is the driver's: it decides at once, and a process hears later, if it runs at all. That is all a group
//! promises; from the decision on, the brokers refuse the commits of whoever has not heard it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use journal::{JournalError, Ownership};
use tokio::time::Instant;

/// What a process is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// A partition is its own, in this epoch.
    Given(u32, u64),
    /// A partition is another's already.
    Lost(u32),
    /// Another process has started under its name.
    Replaced,
}

/// See the file's head.
#[derive(Default)]
pub struct Member {
    /// What it knows of its partitions.
    pub ownership: Ownership,
    heard: Mutex<BTreeMap<u32, u64>>,
    words: Mutex<VecDeque<(Instant, Word)>>,
}

impl Member {
    /// The epoch in which a partition was last given to it.
    pub fn epoch_of(&self, partition: u32) -> Option<u64> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).get(&partition).copied()
    }

    /// Tells it something, which it hears at `at` at the earliest, after all that it was told before.
    pub fn tell(&self, at: Instant, word: Word) {
        self.words().push_back((at, word));
    }

    /// Whether there is something that it has to hear yet.
    pub fn has_words(&self) -> bool {
        !self.words().is_empty()
    }

    /// Whether there is something that it can hear now.
    pub fn hears(&self) -> bool {
        self.words().front().is_some_and(|word| self.can_hear(word))
    }

    /// Hears what it can hear now, and says what that was.
    pub fn hear(&self) -> Vec<Word> {
        let mut heard = Vec::new();
        loop {
            let next = self.words().pop_front_if(|word| self.can_hear(word));
            let Some((_, word)) = next else { return heard };
            self.take_in(word);
            heard.push(word);
        }
    }

    /// Hears at once.
    pub fn take_in(&self, word: Word) {
        match word {
            Word::Given(partition, epoch) => {
                self.heard.lock().unwrap_or_else(PoisonError::into_inner).insert(partition, epoch);
                self.ownership.give(&[partition]);
            }
            Word::Lost(partition) => self.ownership.lose(&[partition]),
            Word::Replaced => self.ownership.fail(JournalError::Failed {
                tried: "stay in the group".to_owned(),
                reason: "another process has started under this name".to_owned(),
            }),
        }
    }

    /// Where a partition comes back while work on it has not ended, hearing waits, as a thread does that gives it.
    fn can_hear(&self, (at, word): &(Instant, Word)) -> bool {
        *at <= Instant::now()
            && match word {
                Word::Given(partition, _) => self.ownership.is_idle(&[*partition]),
                Word::Lost(_) | Word::Replaced => true,
            }
    }

    fn words(&self) -> std::sync::MutexGuard<'_, VecDeque<(Instant, Word)>> {
        self.words.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
