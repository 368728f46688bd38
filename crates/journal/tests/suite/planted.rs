//! A journal whose outages are planted: what the brokers do in one, by word of the test.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ::model::Millis;
use journal::{AppendError, Bound, Commit, Entry, Journal, JournalError, Offset};
use tokio::sync::watch;

/// What an append comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    /// It is kept and answered.
    Well,
    /// It is not kept, and that is said once the mood has changed.
    Away,
    /// It is kept, and that is never said.
    Mute,
    /// It is not kept, which is said at once.
    Unreachable,
    /// The client's queue is full.
    Full,
    /// The client has failed for good.
    Failed,
}

pub struct Planted<J> {
    inner: J,
    mood: watch::Sender<Mood>,
    /// Appends that were tried.
    pub tried: AtomicU64,
}

impl<J: Journal> Planted<J> {
    pub fn new(inner: J) -> Self {
        Self { inner, mood: watch::Sender::new(Mood::Well), tried: AtomicU64::new(0) }
    }

    pub fn set(&self, mood: Mood) {
        self.mood.send_replace(mood);
    }
}

fn unreachable() -> AppendError {
    AppendError::Failed(JournalError::Unreachable { tried: "append".to_owned(), reason: "planted".to_owned() })
}

impl<J: Journal> Journal for Planted<J> {
    fn partitions(&self) -> u32 {
        self.inner.partitions()
    }

    async fn append(&self, partition: u32, record: Vec<u8>) -> Result<Offset, AppendError> {
        self.tried.fetch_add(1, Ordering::SeqCst);
        let mut moods = self.mood.subscribe();
        let mood = *moods.borrow_and_update();
        match mood {
            Mood::Well => return self.inner.append(partition, record).await,
            Mood::Mute => drop(self.inner.append(partition, record).await?),
            Mood::Unreachable => return Err(unreachable()),
            Mood::Full => return Err(AppendError::Full(Bound::Queue)),
            Mood::Failed => {
                return Err(AppendError::Failed(JournalError::Failed { tried: String::new(), reason: String::new() }));
            }
            Mood::Away => {}
        }
        let _changed_or_gone = moods.changed().await;
        Err(unreachable())
    }

    async fn read(&self, partition: u32, from: Offset, max: usize, wait: Duration) -> Result<Vec<Entry>, JournalError> {
        self.inner.read(partition, from, max, wait).await
    }

    async fn first_at(&self, partition: u32, at: Millis) -> Result<Offset, JournalError> {
        self.inner.first_at(partition, at).await
    }

    async fn end(&self, partition: u32) -> Result<Offset, JournalError> {
        self.inner.end(partition).await
    }

    async fn commit(&self, partition: u32, commit: Commit) -> Result<(), JournalError> {
        self.inner.commit(partition, commit).await
    }

    async fn committed(&self, partition: u32) -> Result<Option<Commit>, JournalError> {
        self.inner.committed(partition).await
    }

    async fn expire(&self, before: Millis) -> Result<u64, JournalError> {
        self.inner.expire(before).await
    }
}
