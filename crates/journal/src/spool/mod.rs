//! A journal whose records wait in a directory of this machine while the journal behind it is away, and go to it in order
//! once it is back.
//!
//! It is for who appends: what waits is read by nobody until it has been drained, and its append answers [`NOT_YET`] in
//! place of an offset. The waiting records lie in an [`EmbeddedJournal`]; this file decides which way a record goes,
//! `drain` brings the waiting ones on, `lane` keeps the order of one partition.
//!
//! The invariants: what was acknowledged is in the spool or behind it, durable; a partition's records come there in order.
//! They may come there *twice* (an append that timed out may have been kept, a drain may be killed before it commits):
//! byte for byte the same record, which is what the reader recognises it by (`docs/decisions/0015-spool.md`).

mod drain;
mod lane;

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use model::limits::RECORD_BYTES_MAX;
use model::{Clock, Millis};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::embedded::{self, EmbeddedJournal, Recovery};
use crate::{AppendError, Bound, Commit, Entry, Journal, JournalError, Offset};
use lane::Lane;

/// What an append answers for a record that is durable in the spool and has no offset in the journal yet.
pub const NOT_YET: Offset = Offset(u64::MAX);

/// Room the waiting records take on disk unless told otherwise: an hour of 1,000 records a second.
pub const BYTES_MAX: u64 = 1024 * 1024 * 1024;

/// How long an append waits for the journal unless told otherwise: far above what brokers take that are well, and short
/// enough for a browser that waits.
pub const APPEND_WAIT: Duration = Duration::from_secs(1);

/// How long a record waits at most unless told otherwise. The key it is sealed to dies 27 hours after its hour; ten minutes
/// less, so that a record that comes twice comes within the 27 hours that a processor replays, by the brokers' clock too.
pub const KEPT: Duration = Duration::from_secs((27 * 60 - 10) * 60);

/// Parts into which the room is divided, so that what is drained gives it back piece by piece.
const SEGMENTS: u64 = 64;

/// How long a record that found no room says that the next one will not either: whoever asks is kept away meanwhile, and tries again.
const NO_ROOM_HOLDS: Duration = Duration::from_secs(5);

/// How a spool is opened; [`Settings::new`] has the defaults.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The time.
    pub clock: Clock,
    /// Bytes on disk beyond which a record that would have to wait is refused.
    pub bytes_max: u64,
    /// How long an append waits for the journal before its record goes into the spool.
    pub append_wait: Duration,
    /// How long a record waits; an older one is dropped and counted.
    pub kept: Duration,
}

impl Settings {
    /// The defaults.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self { clock, bytes_max: BYTES_MAX, append_wait: APPEND_WAIT, kept: KEPT }
    }
}

/// What a spool holds and has done, for metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Bytes it takes on disk. An empty one takes a few for its heads and positions.
    pub bytes: u64,
    /// Bytes beyond which a record is refused.
    pub bytes_max: u64,
    /// Records that wait.
    pub records: u64,
    /// Since when the oldest of them waits, about: no later than it did.
    pub oldest: Option<Millis>,
    /// Partitions whose records wait because their last attempt failed.
    pub partitions_away: u32,
    /// Records taken in since it was opened.
    pub spooled: u64,
    /// Records brought to the journal since it was opened.
    pub drained: u64,
    /// Records dropped because they had waited too long.
    pub expired: u64,
    /// Records whose bytes had changed on the disk; none was sent on.
    pub damaged: u64,
    /// Records that the journal will never take, because it finds them too long.
    pub refused: u64,
    /// Whether the spool's disk failed: it takes no more until it is opened again, also when it is needed.
    pub has_failed: bool,
}

/// A journal `J` with a spool before it. Dropping it leaves what waits to the next one that opens the directory.
#[derive(Debug)]
pub struct Spooled<J> {
    shared: Arc<Shared<J>>,
    stop: watch::Sender<bool>,
    drains: Mutex<JoinSet<()>>,
}

/// What appends and drains share.
#[derive(Debug)]
struct Shared<J> {
    inner: Arc<J>,
    spool: EmbeddedJournal,
    lanes: Vec<Lane>,
    settings: Settings,
    totals: Totals,
    /// When a record last found no room, which a disk may lack long before the bound is reached.
    no_room: Mutex<Option<Instant>>,
}

#[derive(Debug, Default)]
struct Totals {
    spooled: AtomicU64,
    drained: AtomicU64,
    expired: AtomicU64,
    damaged: AtomicU64,
    refused: AtomicU64,
}

impl<J: Journal> Spooled<J> {
    /// Puts the spool in `directory` before `inner`, and begins to drain what it finds there.
    ///
    /// # Errors
    /// When another process uses the directory, it was made for another number of partitions, or cannot be read or written.
    pub async fn open(inner: Arc<J>, directory: &Path, settings: Settings) -> Result<Self, JournalError> {
        let partitions = inner.partitions();
        let of_spool = embedded::Settings {
            bytes_max: settings.bytes_max,
            segment_bytes: (settings.bytes_max / SEGMENTS).min(embedded::SEGMENT_BYTES),
            ..embedded::Settings::new(partitions, settings.clock.clone())
        };
        let spool = EmbeddedJournal::open_with(directory, of_spool)?;
        let mut lanes = Vec::new();
        for partition in 0..partitions {
            lanes.push(find_lane(&spool, partition).await?);
        }
        let shared =
            Arc::new(Shared { inner, spool, lanes, settings, totals: Totals::default(), no_room: Mutex::default() });
        let stop = watch::Sender::new(false);
        let mut drains = JoinSet::new();
        for partition in 0..partitions {
            drains.spawn(drain::run(Arc::clone(&shared), partition, stop.subscribe()));
        }
        let spooled = Self { shared, stop, drains: Mutex::new(drains) };
        match spooled.figures() {
            Figures { records: 0, .. } => {}
            Figures { records, bytes, .. } => tracing::info!(records, bytes, "found records that wait in the spool"),
        }
        Ok(spooled)
    }

    /// Ends the draining. A record that is under way is waited for as long as an append waits; what still waits then is left
    /// to the next start. Records can be appended on.
    pub async fn stop(&self) {
        self.stop.send_replace(true);
        let mut drains = std::mem::take(&mut *self.drains.lock().unwrap_or_else(PoisonError::into_inner));
        while drains.join_next().await.is_some() {}
    }

    /// The journal behind the spool.
    #[must_use]
    pub fn inner(&self) -> &Arc<J> {
        &self.shared.inner
    }

    /// What it holds and has done.
    #[must_use]
    pub fn figures(&self) -> Figures {
        let total = |total: &AtomicU64| total.load(Ordering::Relaxed);
        let Totals { spooled, drained, expired, damaged, refused } = &self.shared.totals;
        let mut figures = Figures {
            bytes: self.shared.spool.held_bytes(),
            bytes_max: self.shared.settings.bytes_max,
            spooled: total(spooled),
            drained: total(drained),
            expired: total(expired),
            damaged: total(damaged),
            refused: total(refused),
            has_failed: self.shared.spool.failure().is_some(),
            ..Figures::default()
        };
        for lane in &self.shared.lanes {
            let waiting = lane.waiting();
            figures.records += waiting.records;
            figures.partitions_away += u32::from(waiting.is_away);
            figures.oldest = figures.oldest.into_iter().chain(waiting.oldest).min();
        }
        figures
    }

    /// What was wrong with the spool's files when it was opened.
    #[must_use]
    pub fn recovery(&self) -> Recovery {
        self.shared.spool.recovery()
    }

    /// Why a record could not be kept now, if so: some partition's records have to wait and the spool takes no more.
    #[must_use]
    pub fn refuses(&self) -> Option<String> {
        let Shared { spool, lanes, settings, .. } = &*self.shared;
        if !lanes.iter().any(Lane::is_spooling) {
            return None;
        }
        let failure = spool.failure().map(|failure| failure.to_string());
        let full = || format!("the spool has reached its bound of {} bytes", settings.bytes_max);
        let no_room = self.shared.no_room().filter(|since| since.elapsed() < NO_ROOM_HOLDS);
        failure
            .or_else(|| (spool.held_bytes() >= settings.bytes_max).then(full))
            .or_else(|| no_room.map(|_| "the spool found no room; is the disk full?".to_owned()))
    }
}

/// Where the draining of a partition goes on: at its commit, or at the first record kept where that is lost.
async fn find_lane(spool: &EmbeddedJournal, partition: u32) -> Result<Lane, JournalError> {
    let first = spool.first_at(partition, Millis(i64::MIN)).await?;
    let committed = match spool.committed(partition).await {
        Err(JournalError::CommitLost { .. }) => {
            tracing::warn!(partition, "the spool's position is lost to damage; it is drained from its beginning again");
            None
        }
        committed => committed?,
    };
    let next = committed.map_or(first, |commit| commit.next.max(first));
    Ok(Lane::new(next, spool.end(partition).await?))
}

impl<J> Shared<J> {
    fn no_room(&self) -> MutexGuard<'_, Option<Instant>> {
        self.no_room.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<J: Journal> Shared<J> {
    /// Makes a record wait.
    async fn spool(&self, lane: &Lane, partition: u32, record: Vec<u8>) -> Result<Offset, AppendError> {
        let entering = lane.enter();
        let appended = self.spool.append(partition, record).await;
        match &appended {
            Ok(_) => *self.no_room() = None,
            Err(AppendError::Full(Bound::Space)) => *self.no_room() = Some(Instant::now()),
            Err(_) => {}
        }
        let offset = appended?;
        entering.entered(offset, self.settings.clock.now());
        self.totals.spooled.fetch_add(1, Ordering::Relaxed);
        Ok(NOT_YET)
    }
}

impl<J: Journal> Journal for Spooled<J> {
    fn partitions(&self) -> u32 {
        self.shared.inner.partitions()
    }

    /// Appends to the journal behind, or, where that does not take the record in time or earlier ones of the partition still
    /// wait, to the spool; then the answer is [`NOT_YET`].
    async fn append(&self, partition: u32, record: Vec<u8>) -> Result<Offset, AppendError> {
        let missing = JournalError::NoSuchPartition { partition, partitions: self.partitions() };
        let lane = self.shared.lanes.get(partition as usize).ok_or(missing)?;
        let bytes = record.len();
        if bytes > RECORD_BYTES_MAX {
            return Err(AppendError::TooLong { bytes });
        }
        if !lane.is_spooling() {
            let appending = self.shared.inner.append(partition, record.clone());
            match tokio::time::timeout(self.shared.settings.append_wait, appending).await {
                Ok(Ok(offset)) => return Ok(offset),
                Ok(Err(AppendError::TooLong { bytes })) => return Err(AppendError::TooLong { bytes }),
                Ok(Err(AppendError::Full(_) | AppendError::Failed(_))) | Err(_) => {}
            }
        }
        self.shared.spool(lane, partition, record).await
    }

    async fn read(
        &self,
        partition: u32,
        from: Offset,
        records_max: usize,
        wait: Duration,
    ) -> Result<Vec<Entry>, JournalError> {
        self.shared.inner.read(partition, from, records_max, wait).await
    }

    async fn first_at(&self, partition: u32, at: Millis) -> Result<Offset, JournalError> {
        self.shared.inner.first_at(partition, at).await
    }

    async fn end(&self, partition: u32) -> Result<Offset, JournalError> {
        self.shared.inner.end(partition).await
    }

    async fn commit(&self, partition: u32, commit: Commit) -> Result<(), JournalError> {
        self.shared.inner.commit(partition, commit).await
    }

    async fn committed(&self, partition: u32) -> Result<Option<Commit>, JournalError> {
        self.shared.inner.committed(partition).await
    }

    async fn expire(&self, before: Millis) -> Result<u64, JournalError> {
        self.shared.inner.expire(before).await
    }
}
