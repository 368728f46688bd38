//! Closes days in the store, some seconds after their last counts are committed, and forgets what is older than is kept.
//!
//! What is to do is read from the tables, not remembered: days without a note that they are closed. Which of them are over
//! is told by the partitions: how far, in the journal's time, their counts are committed, and which days their folds hold
//! open. Of a partition that another process has, its commit says how far it is. Whoever has the first partition closes; that
//! two do it at once, while it changes hands, is provided for in the store. So a crash at any point, an import, and a day that
//! ended while nothing ran are one case.
//!
//! The wall clock only decides when to look, when to let the journal's time move on by an empty record, and what is too old
//! to keep; never which day a hit belongs to or when the fold closes it.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use fold::OpenDay;
use fold::calendar::Zone;
use journal::Journal;
use model::site::{RETENTION_DAYS, VISITORS_MIN};
use model::{ClosedDay, LocalDay, Millis, Sites};
use store::Kept;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::intent::Words;
use crate::sink::InsertError;
use crate::{Metrics, Processor, Sink};

/// How often it is looked for days to close: how late a day closes after its grace, besides one flush.
const LOOK_EVERY: Duration = Duration::from_secs(20);
/// Pause before the first look that finds every partition at work.
const FIRST_LOOK: Duration = Duration::from_secs(1);
/// Looks take at most one part in so many of the time, because merging a month takes the engine's hands: days that end
/// within the pause are closed together.
const SHARE: u32 = 10;
/// How often what is too old is looked for: a day's counts go at most this long after they may.
const FORGET_EVERY_MS: i64 = 6 * 3_600_000;
/// How far behind UTC a day can end anywhere: what holds for a site that is no longer configured.
const LAST_MIDNIGHT_MS: i64 = 12 * 3_600_000;
const MINUTE_MS: i64 = 60_000;
/// How long closing may be held up before that is told, and how often it is told again.
const HELD_UP_TOLD: Duration = Duration::from_secs(600);
/// Whoever has this partition closes days for all.
const CLOSING_PARTITION: u32 = 0;

/// How often a partition's time is moved on for the same days. Once is enough unless this process's clock is ahead of the journal's, or was
/// when it did so: then the record came before the day was over, and one now and then costs less than knowing whose clock is right.
const TICK_AGAIN: Duration = Duration::from_secs(600);

/// How far one partition is.
#[derive(Clone, Debug)]
struct Reached {
    /// The fold's time whose counts are committed.
    committed: Millis,
    open: Vec<OpenDay>,
    ticked: Option<Tick>,
}

/// When a journal's time was last moved on.
#[derive(Clone, Copy, Debug)]
struct Tick {
    /// By this process's clock, which may be set.
    wall: Millis,
    at: Instant,
}

impl Tick {
    /// Whether it was for what is due then.
    fn was_for(self, due: Millis) -> bool {
        self.wall >= due && self.at.elapsed() < TICK_AGAIN
    }
}

/// What is known of a partition.
#[derive(Clone, Debug, Default)]
struct Slot {
    /// The fold's time whose counts are committed, and the days it holds open; nothing while this process does not work on it,
    /// or has not come far enough to say.
    reached: Option<(Millis, Vec<OpenDay>)>,
    ticked: Option<Tick>,
}

/// How far the partitions are, as this process knows it.
pub(crate) struct Progress(Mutex<Vec<Slot>>);

impl Progress {
    pub(crate) fn new(partitions: u32) -> Self {
        Self(Mutex::new((0..partitions).map(|_| Slot::default()).collect()))
    }

    /// Notes that every count up to the fold's time `committed` is in the store.
    pub(crate) fn note(&self, partition: u32, committed: Millis, open: Vec<OpenDay>) {
        self.with(partition, |slot| slot.reached = Some((committed, open)));
    }

    /// Forgets a partition that is somebody else's now.
    pub(crate) fn forget(&self, partition: u32) {
        self.with(partition, |slot| slot.reached = None);
    }

    fn ticked(&self, partition: u32, wall: Millis) {
        self.with(partition, |slot| slot.ticked = Some(Tick { wall, at: Instant::now() }));
    }

    fn with(&self, partition: u32, work: impl FnOnce(&mut Slot)) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = all.get_mut(partition as usize) {
            work(slot);
        }
    }

    fn all(&self) -> Vec<Slot> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Looks, closes and forgets until `stop` turns true.
pub(crate) async fn run<J: Journal, S: Sink>(
    processor: &Processor<J, S>,
    progress: &Progress,
    mut stop: watch::Receiver<bool>,
) {
    let mut forgot = Millis(i64::MIN);
    let mut pause = FIRST_LOOK;
    let mut held_up = Instant::now();
    while tokio::time::timeout(pause, stop.wait_for(|stop| *stop)).await.is_err() {
        if !closes_here(processor) {
            held_up = Instant::now();
            processor.metrics.day_overdue_seconds.set(0);
            continue;
        }
        let reached = reached(processor, progress).await;
        if reached.is_some() {
            held_up = Instant::now();
        } else if held_up.elapsed() > HELD_UP_TOLD {
            held_up = Instant::now();
            tracing::warn!(
                "no day can be closed: a partition does not say how far it is; is it being rebuilt, or its commit unreadable?"
            );
        }
        let begun = Instant::now();
        let work = async {
            let days = processor.sink.days_not_closed().await?;
            tell_overdue(processor, &days);
            let moved_on = match &reached {
                Some(reached) => look(processor, progress, reached, days).await?,
                None => false,
            };
            let now = processor.clock.now();
            if now.0 >= forgot.0.saturating_add(FORGET_EVERY_MS) {
                forget(processor, now).await?;
                forgot = now;
            }
            Ok::<bool, InsertError>(moved_on)
        };
        // Stopping in the middle is as good as a crash in the middle, and that is made good by the next look.
        let done = tokio::select! {
            done = work => done,
            _ = stop.wait_for(|stop| *stop) => return,
        };
        let moved_on = done.unwrap_or_else(|error| {
            tracing::warn!(error = %error, "days cannot be closed or forgotten now; will try again");
            false
        });
        // What a moved time ends is committed with the next flush.
        let until_next = if moved_on { processor.flush + FIRST_LOOK } else { LOOK_EVERY };
        pause = until_next.max(begun.elapsed() * SHARE);
    }
}

/// How far all partitions are; nothing while one of them has not said it.
async fn reached<J: Journal, S: Sink>(processor: &Processor<J, S>, progress: &Progress) -> Option<Vec<Reached>> {
    let is_here = |partition| {
        processor.journal.ownership().is_none_or(|ownership| ownership.wanted().borrow().contains(&partition))
    };
    let slots = progress.all();
    let mut all = Vec::with_capacity(slots.len());
    for (partition, Slot { reached, ticked }) in (0..).zip(slots) {
        let (committed, open) = match reached {
            Some(reached) => reached,
            // It is being rebuilt.
            None if is_here(partition) => return None,
            None => (elsewhere(processor, partition).await?, Vec::new()),
        };
        all.push(Reached { committed, open, ticked });
    }
    Some(all)
}

/// Whether closing is this process's.
fn closes_here<J: Journal, S: Sink>(processor: &Processor<J, S>) -> bool {
    let has_first = |wanted: &BTreeSet<u32>| wanted.contains(&CLOSING_PARTITION);
    processor.journal.ownership().is_none_or(|ownership| has_first(&ownership.wanted().borrow()))
}

/// How far a partition is that another process has: what its last commit says. Its days end there with their zones, as here.
async fn elsewhere<J: Journal, S: Sink>(processor: &Processor<J, S>, partition: u32) -> Option<Millis> {
    let journal = &processor.journal;
    let Some(commit) = journal.committed(partition).await.ok()? else {
        // One that never got a record holds no day up; one whose first records are not counted yet does.
        let first = journal.first_at(partition, Millis(0)).await.ok()?;
        return (first >= journal.end(partition).await.ok()?).then_some(Millis(i64::MAX));
    };
    let minute = Words::decode(&commit.metadata).ok()?.at?.minute();
    Some(Millis(minute.saturating_mul(MINUTE_MS)))
}

/// Tells how long the oldest day that is over waits, whatever it waits for.
fn tell_overdue<J: Journal, S: Sink>(processor: &Processor<J, S>, days: &[ClosedDay]) {
    let (sites, now) = (processor.sites.load_full(), processor.clock.now());
    let oldest = days.iter().map(|day| now.0.saturating_sub(closes(&sites, day).0)).max().unwrap_or(0);
    processor.metrics.day_overdue_seconds.set(oldest.max(0) / 1_000);
}

/// Closes what is over for every partition, and moves the journal's time on where only that is missing; says whether it did.
async fn look<J: Journal, S: Sink>(
    processor: &Processor<J, S>,
    progress: &Progress,
    reached: &[Reached],
    days: Vec<ClosedDay>,
) -> Result<bool, InsertError> {
    let sites = processor.sites.load_full();
    let now = processor.clock.now();
    let (mut over, mut moved_on) = (Vec::new(), Vec::new());
    for day in days {
        let by_zone = closes(&sites, &day);
        let mut is_over = true;
        for (partition, reached) in (0..).zip(reached) {
            let open = reached.open.iter().find(|open| open.site == day.site && open.day == day.day);
            let closes = open.map_or(by_zone, |open| open.closes);
            if open.is_none() && closes <= reached.committed {
                continue;
            }
            is_over = false;
            // The fold looks at whole minutes. One record is enough for all days that wait.
            let due = closes.plus(MINUTE_MS);
            let is_ticked = reached.ticked.is_some_and(|tick| tick.was_for(due));
            if due <= now && !is_ticked && !moved_on.contains(&partition) {
                tick(processor, progress, partition, now).await;
                moved_on.push(partition);
            }
        }
        if is_over {
            over.push(day);
        }
    }
    close_days(processor.sink.as_ref(), &sites, &over, Some(&processor.metrics)).await?;
    Ok(!moved_on.is_empty())
}

/// Appends an empty record: it says only that time has passed, and is read back with the journal's time like any other.
async fn tick<J: Journal, S: Sink>(processor: &Processor<J, S>, progress: &Progress, partition: u32, now: Millis) {
    match processor.journal.append(partition, Vec::new()).await {
        Ok(_) => progress.ticked(partition, now),
        Err(error) => tracing::warn!(partition, error = %error, "time cannot be moved on; will try again"),
    }
}

/// Closes days that are over: an import's, or those a look found.
async fn close_days<S: Sink>(
    sink: &S,
    sites: &Sites,
    over: &[ClosedDay],
    metrics: Option<&Metrics>,
) -> Result<(), InsertError> {
    for day in over {
        let visitors_min = sites.get(day.site.as_str()).map_or(VISITORS_MIN, |site| site.visitors_min);
        let begun = Instant::now();
        let folded = sink.close_day(day, visitors_min).await?;
        if let Some(metrics) = metrics {
            metrics.day_close_seconds.observe(begun.elapsed().as_secs_f64());
            metrics.cells_folded.inc_by(folded.cells);
        }
        tracing::info!(site = %day.site, day = day.day.0, cells = folded.cells, hours = folded.hours, "small cells folded");
    }
    if over.is_empty() { Ok(()) } else { sink.sweep_closed_days(over).await }
}

/// Closes the days that are over at `now`, where no processor is at work that could hold one of them open: after an import
/// into a data directory of no server.
///
/// # Errors
/// The store does not answer or refuses; whatever is left, the next server closes.
pub async fn close_after_import<S: Sink>(sink: &S, sites: &Sites, now: Millis) -> Result<(), InsertError> {
    let mut days = sink.days_not_closed().await?;
    days.retain(|day| closes(sites, day) <= now);
    close_days(sink, sites, &days, None).await
}

/// When a day nobody holds open is over: its midnight and grace in its site's zone.
fn closes(sites: &Sites, day: &ClosedDay) -> Millis {
    match sites.get(day.site.as_str()) {
        Some(site) => {
            let former =
                site.timezone_before.as_ref().map(|former| Zone::find_or_utc(&former.timezone).closes(day.day));
            former.into_iter().fold(Zone::find_or_utc(&site.timezone).closes(day.day), Millis::max)
        }
        None => Zone::find_or_utc("UTC").closes(day.day).plus(LAST_MIDNIGHT_MS),
    }
}

async fn forget<J: Journal, S: Sink>(processor: &Processor<J, S>, now: Millis) -> Result<(), InsertError> {
    let sites = processor.sites.load_full();
    let first_kept =
        |zone: &str, days: u16| LocalDay(Zone::find_or_utc(zone).moment(now).day.0.saturating_sub(i32::from(days)));
    let kept = sites
        .iter()
        .map(|site| Kept { site: site.domain.clone(), first_day: first_kept(&site.timezone, site.retention_days) });
    let kept: Vec<Kept> = kept.collect();
    let forgotten = processor.sink.forget(&kept, first_kept("UTC", RETENTION_DAYS), first_kept("UTC", 0)).await?;
    processor.metrics.counts_forgotten.inc_by(forgotten.counts);
    if forgotten != store::Forgotten::default() {
        let store::Forgotten { counts, ledger, notes } = forgotten;
        tracing::info!(counts, ledger, notes, "rows older than their retention removed");
    }
    Ok(())
}
