//! One partition's life in this process: rebuild the state silently, finish what a crash interrupted, then read, fold, insert,
//! commit, until the process stops or the partition is given to another one.
//!
//! The order of effects is the promise: an intent is committed before the insert it names, the position after it. The fold's
//! time is the journal's append time, so that a replay closes days at the same records as the first run did. A journal or a
//! store that is away is waited for: nothing is lost by that, and the lag says how long.

use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Duration;

use fold::calendar::Zone;
use fold::{Fold, Overflows};
use journal::{Commit, Journal, JournalError, Offset};
use model::{Changes, LocalDay, Loss, Millis, ReachedLine, Sites};
use privacy::seal::Opener;
use privacy::visitor::Secret;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use crate::closing::Progress;
use crate::hours::Hours;
use crate::inquiry::{self, Inquiry};
use crate::intent::{FOLD_VERSION, Intent, Words};
use crate::lost::Lost;
use crate::{Processor, Sink};

/// Records folded between two looks at the flush clock and at the stop signal.
const READ_RECORDS_MAX: usize = 2_000;
/// How long one read waits; bounds how late a stop signal or a due flush is noticed.
const READ_WAIT_MAX: Duration = Duration::from_millis(200);
/// Changed cells that are inserted early, whatever the flush clock says: bounds memory and the size of one insert.
const PENDING_CELLS_MAX: usize = 100_000;
/// How far before the first record that is not in the counts the state is rebuilt from: the longest local day (25 hours),
/// the two hours in which it still takes late hits, and one by which the journal's clock and ours may disagree.
const REPLAY_MS: i64 = 28 * 3_600_000;
/// Live visitors are written again at least this often while nothing else is, so that an idle site falls to zero.
const LIVE_EVERY: Duration = Duration::from_secs(30);
/// Pauses between two tries at the journal or the store: doubled from the first to the last.
const RETRY_PAUSE_MIN: Duration = Duration::from_millis(100);
const RETRY_PAUSE_MAX: Duration = Duration::from_secs(30);

/// Why a partition cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum ProcessorError {
    /// The journal failed.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The journal's commit was written by something else.
    #[error(
        "partition {partition}: the commit's metadata was not written by footfall; is another program using this journal?"
    )]
    UnknownMetadata {
        /// The partition.
        partition: u32,
    },
    /// The store refuses these rows for good.
    #[error("partition {partition}: the store refuses an insert for good: {message}")]
    Refused {
        /// The partition.
        partition: u32,
        /// The store's words.
        message: String,
    },
    /// A newer version wrote a record.
    #[error(
        "partition {partition}: a collector of a newer version wrote a record (of version {version}) that this processor cannot read; \
         nothing is lost: upgrade this processor, or go back with the collectors first"
    )]
    Newer {
        /// The partition.
        partition: u32,
        /// The record's version.
        version: u8,
    },
    /// An invariant broke.
    #[error("a partition stopped on a broken invariant; see the log")]
    Panicked,
    /// The operating system gave no randomness.
    #[error("the operating system gave no random bytes for the visitor secret")]
    Random,
}

/// Why work on a partition ends.
pub(crate) enum End {
    /// It was asked to, another process has the partition, or what was read has to be read again.
    Stopped,
    /// It cannot go on.
    Failed(ProcessorError),
}

impl From<ProcessorError> for End {
    fn from(error: ProcessorError) -> Self {
        Self::Failed(error)
    }
}

impl From<JournalError> for End {
    fn from(error: JournalError) -> Self {
        match error {
            JournalError::Fenced { partition } => {
                tracing::info!(partition, "another process has the partition; leaving it");
                Self::Stopped
            }
            // Nothing that is written depends on what was read: the work begins again, and sees what there is.
            JournalError::Truncated { .. } => Self::Stopped,
            error => Self::Failed(error.into()),
        }
    }
}

pub(crate) struct Partition<'a, J, S> {
    pub(crate) processor: &'a Processor<J, S>,
    progress: &'a Progress,
    pub(crate) number: u32,
    pub(crate) fold: Fold,
    pub(crate) opener: Opener,
    /// Records the opener does not remember, as far as the metrics were told.
    pub(crate) unmarked: u64,
    pub(crate) lost: Lost,
    /// First record that is folded and not in the counts.
    pub(crate) first: Offset,
    /// The partition's own name in tokens: where the journal has none, and where the journal's offsets are given a second time.
    name: Option<NonZeroU64>,
    /// When the last record came whose counts are in the store, by the journal's time.
    counted_at: Option<Millis>,
    /// The record after the last one folded.
    pub(crate) next: Offset,
    /// Everything that the journal had before then is folded; nothing while the state is rebuilt.
    complete_to: Option<Millis>,
    /// Journal minute up to which days were closed.
    pub(crate) closed_minute: i64,
    /// When the last record that was folded was appended, by the journal's time, and what its stamp is; no stamp where it is not known
    /// which record stands right before the next one.
    pub(crate) last_at: Option<Millis>,
    pub(crate) last_stamp: Option<Millis>,
    /// At which record each of the last hours began.
    pub(crate) hours: Hours,
    /// Where the journal ended when it was last asked.
    pub(crate) end: Offset,
    /// Since when the journal ends before what was read of it.
    pub(crate) shrunk: Option<Instant>,
    /// Whether the journal has lost its end, with records that were read.
    pub(crate) is_truncated: bool,
    /// Hits folded and tallied since the start, and how many of them the ledger has.
    pub(crate) received: i64,
    accounted: i64,
    /// The difference of the two that was told last.
    difference: i64,
    /// Whether what is folded now was counted before: a replay says nothing to the metrics.
    pub(crate) silent: bool,
    /// What the fold's overflows were when they were last told.
    pub(crate) overflows: Overflows,
    inbox: mpsc::Receiver<Inquiry>,
    /// Inquiries that wait until the journal is folded up to there.
    asked: Vec<(Offset, Inquiry)>,
    stop: watch::Receiver<bool>,
}

/// Works through one partition until `stop` turns true.
pub async fn run<J: Journal, S: Sink>(
    processor: &Processor<J, S>,
    progress: &Progress,
    number: u32,
    inbox: mpsc::Receiver<Inquiry>,
    stop: watch::Receiver<bool>,
) -> Result<(), ProcessorError> {
    let mut random = [0; 32];
    getrandom::fill(&mut random).map_err(|_| ProcessorError::Random)?;
    let fold = Fold::with_bounds(number, Secret::new(random), processor.tables.clone(), processor.bounds);
    let (start, opener) = (Offset::default(), Opener::default());
    let mut partition = Partition {
        processor,
        progress,
        number,
        fold,
        opener,
        unmarked: 0,
        lost: Lost::default(),
        first: start,
        name: None,
        counted_at: None,
        next: start,
        complete_to: None,
        closed_minute: i64::MIN,
        last_at: None,
        last_stamp: None,
        hours: Hours::default(),
        end: start,
        shrunk: None,
        is_truncated: false,
        received: 0,
        accounted: 0,
        difference: 0,
        silent: false,
        overflows: Overflows::default(),
        inbox,
        asked: Vec::new(),
        stop,
    };
    match partition.work().await {
        Ok(()) | Err(End::Stopped) => Ok(()),
        Err(End::Failed(error)) => Err(error),
    }
}

impl<J: Journal, S: Sink> Partition<'_, J, S> {
    async fn work(&mut self) -> Result<(), End> {
        self.recover().await?;
        self.go_on().await
    }

    /// Rebuilds the state up to the committed position without writing anything, then repeats the insert that a crash may
    /// have interrupted.
    async fn recover(&mut self) -> Result<(), End> {
        let label = self.number.to_string();
        let commit = self.patiently(|journal, number| async move { journal.committed(number).await }).await?;
        let commit = commit.unwrap_or(Commit { next: Offset::default(), metadata: Vec::new() });
        let unknown = |_| ProcessorError::UnknownMetadata { partition: self.number };
        let Words { name, at: counted_at, stamp, intent, hours } = Words::decode(&commit.metadata).map_err(unknown)?;
        self.name = match self.processor.journal_name {
            Some(_) => name,
            None => Some(name.map_or_else(new_name, Ok)?),
        };
        let decided = intent.map_or(commit.next, |intent| intent.next.max(commit.next));
        let decided_at = intent.map_or(counted_at, |intent| intent.at);
        let end = self.end_of_what_was_read(decided, decided_at, stamp).await?;
        let commit = Commit { next: commit.next.min(end), ..commit };
        let (begin, at) = self.replay_begin(commit.next).await?;
        let open = open_since(&self.processor.sites.load(), at);
        let metrics = &self.processor.metrics;
        metrics.replaying.with_label_values(&[&label]).set(1);
        let to_replay = commit.next.0.saturating_sub(begin.0);
        metrics.replay_records.with_label_values(&[&label]).set(i64::try_from(to_replay).unwrap_or(i64::MAX));
        self.next = begin;
        self.silent = true;
        self.hours = hours;
        self.hours.cut(end);
        for (hour, records) in self.hours.before(begin, open.hour()) {
            self.lost.note(Millis(hour.saturating_mul(3_600_000)), Loss::Forgotten, records);
        }
        // What the journal drops of the days before, now or while this reads, is no news. An older version's commit does not say where
        // those end.
        let opened = if self.hours.is_empty() { Some(begin) } else { self.hours.first_since(open.hour()) };
        let opened = opened.map_or(commit.next, |opened| opened.min(commit.next));
        self.fold_until(opened, Pending::Discard { open_since: i64::MAX, to: commit.next }).await?;
        self.fold_until(commit.next, Pending::Discard { open_since: open.hour(), to: commit.next }).await?;
        let forgotten = self.lost.forgotten();
        let unreadable = &self.processor.metrics.records_unreadable;
        unreadable.with_label_values(&[Loss::Forgotten.as_str()]).inc_by(forgotten);
        let metrics = &self.processor.metrics;
        metrics.replaying.with_label_values(&[&label]).set(0);
        metrics.replay_records.with_label_values(&[&label]).set(0);
        self.silent = false;
        self.first = commit.next;
        self.next = commit.next;
        self.counted_at = self.last_at.or(counted_at);
        let is_truncated = end < decided;
        let Some(intent) = intent else {
            return if is_truncated { self.begin_anew().await } else { Ok(()) };
        };
        if intent.fold_version != FOLD_VERSION {
            tracing::warn!(
                partition = self.number,
                of = intent.fold_version,
                "an insert of another fold version was interrupted; it is repeated by this one under its token"
            );
        }
        self.fold_until(intent.next.min(end), Pending::Keep).await?;
        self.next = intent.next.min(end);
        let changes = self.take_changes();
        if is_truncated {
            // What is left of the range goes under its token: where the whole was inserted before, the store drops it.
            self.offer(&intent.token(&self.journal_name(), self.number), &changes).await?;
            (self.first, self.counted_at) = (self.next, self.last_at.or(self.counted_at));
            return self.begin_anew().await;
        }
        self.insert_and_commit(intent, &changes).await
    }

    /// Where the silent replay begins: far enough before the first uncommitted record for every day still open there. And when
    /// that record came.
    async fn replay_begin(&mut self, committed: Offset) -> Result<(Offset, Millis), End> {
        let uncommitted = self.look_at(committed).await?;
        let at = uncommitted.map_or_else(|| self.processor.clock.now(), |entry| entry.at);
        let from = at.plus(-REPLAY_MS);
        let first = self.patiently(|journal, number| async move { journal.first_at(number, from).await }).await?;
        Ok((first.min(committed), at))
    }

    /// Folds the records below `end`.
    async fn fold_until(&mut self, end: Offset, pending: Pending) -> Result<(), End> {
        while self.next < end {
            let entries = self.read(READ_RECORDS_MAX, Duration::ZERO).await?;
            if self.is_truncated {
                // Nothing was written yet: the work begins again, and sees what there is.
                return Err(End::Stopped);
            }
            if entries.is_empty() {
                break;
            }
            let begun = self.next;
            self.fold_entries(entries.into_iter().take_while(|entry| entry.offset < end))?;
            if self.next == begun {
                // All that was left below the end has expired meanwhile.
                self.pass_expired(end);
            }
            if let Pending::Discard { open_since, to } = pending {
                self.fold.discard_changes();
                self.lost.take_for_forgotten(open_since);
                (self.received, self.accounted) = (0, 0);
                let left = to.0.saturating_sub(self.next.0);
                let replay = self.processor.metrics.replay_records.with_label_values(&[&self.number.to_string()]);
                replay.set(i64::try_from(left).unwrap_or(i64::MAX));
            }
            if self.next < end && *self.stop.borrow() {
                return Err(End::Stopped);
            }
            tokio::task::yield_now().await;
        }
        Ok(())
    }

    async fn go_on(&mut self) -> Result<(), End> {
        self.report_lag().await?;
        let mut flushed = Instant::now();
        let mut live = Instant::now();
        loop {
            let due = flushed + self.processor.flush;
            let wait = due.saturating_duration_since(Instant::now()).min(READ_WAIT_MAX);
            let begun = self.processor.clock.now();
            let entries = self.read(READ_RECORDS_MAX, wait).await?;
            if self.is_truncated {
                // What was read may stand behind records that were passed over.
                self.go_on_where_others_stood(&mut live).await?;
                flushed = Instant::now();
                continue;
            }
            // Where there was nothing to read, nothing was missing when it was looked.
            let complete_to = entries.last().map_or(begun, |entry| entry.at);
            self.fold_entries(entries.into_iter())?;
            self.complete_to = self.complete_to.max(Some(complete_to));
            self.answer().await?;
            let stopping = *self.stop.borrow();
            let full = self.fold.pending_cells() >= PENDING_CELLS_MAX;
            if stopping || full || Instant::now() >= due {
                self.flush(&mut live).await?;
                if stopping {
                    return Ok(());
                }
                // Nothing is folded and not committed now.
                let committed = Millis(self.closed_minute.saturating_mul(60_000));
                self.progress.note(self.number, committed, self.fold.open_days().collect());
                flushed = Instant::now();
                self.report_lag().await?;
            }
        }
    }

    /// Inserts what is folded and commits it. Without new records only the live visitors are refreshed, now and then.
    pub(crate) async fn flush(&mut self, live: &mut Instant) -> Result<(), End> {
        if self.next == self.first {
            if live.elapsed() >= LIVE_EVERY {
                *live = Instant::now();
                let now = self.processor.clock.now();
                let token = format!("{}-{}-live-{}", self.journal_name(), self.number, now.0);
                let changes = self.take_changes();
                self.offer(&token, &changes).await?;
            }
            return Ok(());
        }
        *live = Instant::now();
        let changes = self.take_changes();
        let intent = Intent::new(self.first, self.next, self.last_at);
        self.commit(self.first, Some(intent)).await?;
        self.insert_and_commit(intent, &changes).await
    }

    async fn insert_and_commit(&mut self, intent: Intent, changes: &Changes) -> Result<(), End> {
        let token = intent.token(&self.journal_name(), self.number);
        self.offer(&token, changes).await?;
        self.first = intent.next;
        self.counted_at = self.last_at;
        self.commit(intent.next, None).await
    }

    fn journal_name(&self) -> String {
        let own = self.name.map(|name| format!("{name:016x}"));
        self.processor.journal_name.iter().cloned().chain(own).collect::<Vec<_>>().join("-")
    }

    /// Commits where the partition stands now, under a new name: its offsets are given a second time.
    pub(crate) async fn begin_anew(&mut self) -> Result<(), End> {
        self.name = Some(new_name()?);
        self.commit(self.first, None).await
    }

    async fn commit(&mut self, next: Offset, intent: Option<Intent>) -> Result<(), End> {
        let hours = self.hours.clone();
        let words = Words { name: self.name, at: self.counted_at, stamp: self.last_stamp, intent, hours };
        let metadata = words.encode();
        let commit = Commit { next, metadata };
        self.patiently(|journal, number| {
            let commit = commit.clone();
            async move { journal.commit(number, commit).await }
        })
        .await
    }

    /// Asks the journal until it answers: a disk without room gets some, and brokers that are away come back.
    pub(crate) async fn patiently<T, A: Future<Output = Result<T, JournalError>> + Send>(
        &mut self,
        ask: impl Fn(Arc<J>, u32) -> A + Send,
    ) -> Result<T, End> {
        let mut pause = RETRY_PAUSE_MIN;
        loop {
            match ask(Arc::clone(&self.processor.journal), self.number).await {
                Err(error) if error.passes() => {
                    let pause_ms = pause.as_millis();
                    tracing::warn!(partition = self.number, %error, pause_ms, "the journal does not answer; will ask again");
                }
                answer => return Ok(answer?),
            }
            self.pause(pause).await?;
            pause = (pause * 2).min(RETRY_PAUSE_MAX);
        }
    }

    /// Waits, or hears that it is time to stop.
    pub(crate) async fn pause(&mut self, pause: Duration) -> Result<(), End> {
        tokio::select! {
            () = tokio::time::sleep(pause) => Ok(()),
            _ = self.stop.wait_for(|stop| *stop) => Err(End::Stopped),
        }
    }

    /// Offers one insert until it is acknowledged. A stop between two offers leaves the intent behind for the next start.
    async fn offer(&mut self, token: &str, changes: &Changes) -> Result<(), End> {
        let mut pause = RETRY_PAUSE_MIN;
        loop {
            let timer = self.processor.metrics.insert_seconds.start_timer();
            let answer = self.processor.sink.insert(token, changes).await;
            timer.observe_duration();
            match answer {
                Ok(()) => return Ok(()),
                Err(error) if error.retry => {
                    tracing::warn!(partition = self.number, error = %error, pause_ms = pause.as_millis(), "insert failed, will offer it again");
                }
                Err(error) => {
                    return Err(ProcessorError::Refused { partition: self.number, message: error.message }.into());
                }
            }
            self.processor.metrics.insert_retries.inc();
            // Whoever watches the lag must see it grow while the store is away.
            self.report_lag().await?;
            self.pause(pause).await?;
            pause = (pause * 2).min(RETRY_PAUSE_MAX);
        }
    }

    /// Answers the inquiries whose hits are all folded; the others wait for the next reading.
    async fn answer(&mut self) -> Result<(), End> {
        // Who asked may have given up; the others are no more than may wait in the inbox.
        self.asked.retain(|(_, inquiry)| !inquiry.answer.is_closed());
        while self.asked.len() < inquiry::WAITING_MAX
            && let Ok(inquiry) = self.inbox.try_recv()
        {
            match self.processor.journal.end(self.number).await {
                Ok(end) => self.asked.push((end, inquiry)),
                // Who asked hears that there is no answer now.
                Err(error) if error.passes() => {}
                Err(error) => return Err(error.into()),
            }
        }
        let next = self.next;
        for (_, Inquiry { site, peer, answer }) in self.asked.extract_if(.., |(end, _)| *end <= next) {
            // Who asked may have gone.
            let _ = answer.send(self.fold.held(&site, peer));
        }
        Ok(())
    }

    /// Takes the netted changes and holds their ledger against what was received.
    fn take_changes(&mut self) -> Changes {
        let lost = self.lost.take(self.number);
        let reached = self.complete_to.map(|at| ReachedLine { partition: self.number, at });
        let changes = Changes { lost, reached, ..self.fold.changes(self.processor.clock.now()) };
        self.accounted += changes.ledger.iter().map(|line| line.hits).sum::<i64>();
        let difference = self.received - self.accounted;
        // One figure for all partitions: each puts in what changed of its own.
        self.processor.metrics.ledger_difference.add(difference - std::mem::replace(&mut self.difference, difference));
        changes
    }

    /// Tells how far behind the counts are; while the journal does not answer, what was told last stands. A journal that ends before
    /// what was read of it, for longer than a new leader needs, has lost its end.
    async fn report_lag(&mut self) -> Result<(), End> {
        let journal = &self.processor.journal;
        let oldest = journal.read(self.number, self.first, 1, Duration::ZERO).await;
        if let Err(JournalError::Truncated { .. }) = oldest {
            self.is_truncated = true;
            return Ok(());
        }
        let end = match journal.end(self.number).await {
            Ok(end) => end,
            Err(error) if error.passes() => {
                self.shrunk = None;
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        };
        let oldest = oldest.ok().and_then(|entries| entries.into_iter().next());
        if end >= self.next {
            (self.shrunk, self.end) = (None, end);
        } else {
            self.is_truncated |= self.has_shrunk();
        }
        let label = self.number.to_string();
        let behind = end.0.saturating_sub(self.first.0);
        let metrics = &self.processor.metrics;
        metrics.lag_records.with_label_values(&[&label]).set(i64::try_from(behind).unwrap_or(i64::MAX));
        let now = self.processor.clock.now();
        let seconds = oldest.map_or(0, |entry| (now.0 - entry.at.0).max(0) / 1_000);
        metrics.lag_seconds.with_label_values(&[&label]).set(seconds);
        Ok(())
    }
}

/// When the oldest day began that is open at `at` on some site.
fn open_since(sites: &Sites, at: Millis) -> Millis {
    let of = |zone: &str| {
        let mut zone = Zone::find_or_utc(zone);
        let before = |day: LocalDay| LocalDay(day.0.saturating_sub(1));
        let mut day = zone.moment(at).day;
        // The day before takes late hits for a while.
        while zone.closes(before(day)) > at {
            day = before(day);
        }
        zone.end_of(before(day))
    };
    sites.iter().map(|site| of(&site.timezone)).min().unwrap_or(at)
}

/// A name that no other partition has had.
fn new_name() -> Result<NonZeroU64, ProcessorError> {
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(|_| ProcessorError::Random)?;
    Ok(NonZeroU64::new(u64::from_le_bytes(random)).unwrap_or(NonZeroU64::MIN))
}

/// What becomes of the changes of a replayed range.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pending {
    /// It is committed, as is what follows up to `to`. Days that began in this hour or later are still open.
    Discard {
        open_since: i64,
        to: Offset,
    },
    Keep,
}
