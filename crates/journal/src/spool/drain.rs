//! Brings what waits in one partition to the journal: in order, many records under way at once, the position committed behind
//! them, their room given back.
//!
//! It is also the probe: after a failure one record is tried alone, again and again with growing pauses, and only what is
//! taken lets more follow. The invariant: the position never passes a record that was neither kept by the journal nor
//! counted as dropped.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::Duration;

use tokio::sync::watch;

use super::Shared;
use crate::{AppendError, Commit, Entry, Journal, JournalError, Offset};

/// Records read from the spool at once: while they go on, and for a probe, which needs one and drops those that are too old.
const READ_RECORDS_MAX: usize = 4_096;
const PROBE_RECORDS_MAX: usize = 1_024;

/// How many of them may be under way: with the twelve partitions that are usual, half of what the client of the brokers
/// queues.
const WINDOW_RECORDS_MAX: usize = 512;

/// How long one read waits for the next record. It is woken by one; this only bounds the wait.
const READ_WAIT: Duration = Duration::from_secs(60);

/// Pauses between attempts, growing from the first to the longest.
const PAUSE_MIN: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_secs(2);

/// Drains one partition until told to stop.
pub(super) async fn run<J: Journal>(shared: Arc<Shared<J>>, partition: u32, mut stop: watch::Receiver<bool>) {
    let mut drain = Drain { shared: &*shared, partition, window: 1, pause: PAUSE_MIN, is_away: false };
    let mut late = stop.clone();
    let grace = shared.settings.append_wait;
    tokio::select! {
        () = drain.go_on(&mut stop) => {}
        () = async {
            drop(late.wait_for(|stop| *stop).await);
            tokio::time::sleep(grace).await;
        } => {}
    }
}

struct Drain<'a, J> {
    shared: &'a Shared<J>,
    partition: u32,
    /// How many records are tried at once.
    window: usize,
    pause: Duration,
    /// Whether it has said that the journal is away.
    is_away: bool,
}

impl<J: Journal> Drain<'_, J> {
    /// Reads and sends until told to stop, which it looks for where nothing is under way.
    async fn go_on(&mut self, stop: &mut watch::Receiver<bool>) {
        let stopped = |stop: &watch::Receiver<bool>| *stop.borrow() || stop.has_changed().is_err();
        while !stopped(stop) {
            let next = self.shared.lane(self.partition).next();
            let records_max = if self.window > 1 { READ_RECORDS_MAX } else { PROBE_RECORDS_MAX };
            let reading = self.shared.spool.read(self.partition, next, records_max, READ_WAIT);
            let read = tokio::select! {
                read = reading => read,
                _ = stop.wait_for(|stop| *stop) => return,
            };
            let went_on = match read {
                Ok(entries) => self.bring(&entries, stop).await,
                Err(JournalError::Corrupt { offset, resumes_at, what, .. }) => {
                    self.pass_over(offset, resumes_at, &what).await;
                    true
                }
                Err(error) => {
                    tracing::error!(partition = self.partition, %error, "the spool cannot be read; will try again");
                    false
                }
            };
            if !went_on {
                tokio::select! {
                    () = tokio::time::sleep(self.pause) => {}
                    _ = stop.wait_for(|stop| *stop) => return,
                }
                self.pause = (self.pause * 2).min(PAUSE_MAX);
            }
        }
    }

    /// Brings entries to the journal, window by window; says whether all went there.
    async fn bring(&mut self, entries: &[Entry], stop: &watch::Receiver<bool>) -> bool {
        let lane = self.shared.lane(self.partition);
        let (Some(first), Some(last)) = (entries.first(), entries.last()) else { return true };
        lane.found(last.offset, first.at);
        let mut rest = self.drop_expired(entries).await;
        while !rest.is_empty() && !*stop.borrow() {
            let (window, after) = rest.split_at(self.window.min(rest.len()));
            let (kept, failure) = send(&*self.shared.inner, self.partition, window).await;
            if let Some(last) = kept.checked_sub(1).and_then(|last| window.get(last)) {
                self.shared.totals.drained.fetch_add(kept as u64, Ordering::Relaxed);
                let oldest = rest.get(kept).unwrap_or(last).at;
                lane.advance(last.offset.next(), oldest);
                self.commit(last.offset.next()).await;
            }
            match failure {
                None => {
                    self.succeeded();
                    rest = after;
                }
                Some(AppendError::TooLong { bytes }) => {
                    // Acknowledged long ago, and never to be taken: to try on would hold up all behind it.
                    tracing::error!(
                        partition = self.partition,
                        bytes,
                        "the journal refuses a record as too long; it is lost"
                    );
                    self.shared.totals.refused.fetch_add(1, Ordering::Relaxed);
                    let Some((passed, after)) = rest.get(kept..).and_then(<[Entry]>::split_first) else { break };
                    self.move_on(passed.offset.next(), passed).await;
                    rest = after;
                }
                Some(failure) => {
                    self.failed(&failure);
                    return false;
                }
            }
        }
        self.release().await;
        true
    }

    /// Drops the entries at the beginning that have waited too long; returns the others.
    async fn drop_expired<'e>(&self, entries: &'e [Entry]) -> &'e [Entry] {
        let kept_ms = i64::try_from(self.shared.settings.kept.as_millis()).unwrap_or(i64::MAX);
        let oldest = self.shared.settings.clock.now().plus(-kept_ms);
        let (expired, rest) = entries.split_at(entries.partition_point(|entry| entry.at < oldest));
        if let Some(last) = expired.last() {
            let records = expired.len();
            tracing::error!(
                partition = self.partition,
                records,
                "records waited too long in the spool and are dropped"
            );
            self.shared.totals.expired.fetch_add(records as u64, Ordering::Relaxed);
            self.move_on(last.offset.next(), last).await;
            self.release().await;
        }
        rest
    }

    /// Goes on behind records that do not read back as they were written.
    async fn pass_over(&self, offset: Offset, resumes_at: Offset, what: &str) {
        let records = resumes_at.0.saturating_sub(offset.0);
        tracing::error!(partition = self.partition, records, what, "records in the spool are lost to damage");
        self.shared.totals.damaged.fetch_add(records, Ordering::Relaxed);
        let lane = self.shared.lane(self.partition);
        lane.advance(resumes_at, self.shared.settings.clock.now());
        self.commit(resumes_at).await;
        self.release().await;
    }

    async fn move_on(&self, next: Offset, behind: &Entry) {
        self.shared.lane(self.partition).advance(next, behind.at);
        self.commit(next).await;
    }

    /// Makes the position durable. Where that fails the draining goes on: after a crash some records would be sent twice.
    async fn commit(&self, next: Offset) {
        let commit = Commit { next, metadata: Vec::new() };
        if let Err(error) = self.shared.spool.commit(self.partition, commit).await {
            tracing::warn!(partition = self.partition, %error, "the spool's position is not durable");
        }
    }

    /// Gives back the room of what is drained in all partitions.
    async fn release(&self) {
        let below = self.shared.lanes.iter().map(super::lane::Lane::next).collect();
        if let Err(error) = self.shared.spool.release(below).await {
            tracing::warn!(%error, "the spool's room cannot be given back yet");
        }
    }

    fn succeeded(&mut self) {
        self.shared.lane(self.partition).attempted(false);
        self.window = (self.window * 2).min(WINDOW_RECORDS_MAX);
        self.pause = PAUSE_MIN;
        if std::mem::take(&mut self.is_away) {
            tracing::info!(partition = self.partition, "the journal takes records again; what waits is drained");
        }
    }

    fn failed(&mut self, failure: &AppendError) {
        self.shared.lane(self.partition).attempted(true);
        self.window = 1;
        if !std::mem::replace(&mut self.is_away, true) {
            tracing::warn!(partition = self.partition, error = %failure, "the journal is away; records wait in the spool");
        }
    }
}

impl<J> Shared<J> {
    fn lane(&self, partition: u32) -> &super::lane::Lane {
        self.lanes.get(partition as usize).expect("a drain is made for every lane")
    }
}

/// Appends entries in order, all under way at once. Answers how many of them, from the first on, were kept, and why the one
/// behind those was not. All have come to an end then: a second attempt meets none of the first.
async fn send<J: Journal>(inner: &J, partition: u32, entries: &[Entry]) -> (usize, Option<AppendError>) {
    let begin = |entry: &Entry| Sending::Begun(Box::pin(inner.append(partition, entry.bytes.clone())));
    let mut sending: Vec<_> = entries.iter().map(begin).collect();
    // Each is begun before the next one, which is what keeps their order.
    poll_fn(|context| {
        for one in &mut sending {
            if let Sending::Begun(append) = one
                && let Poll::Ready(answer) = append.as_mut().poll(context)
            {
                *one = Sending::Answered(answer);
            }
        }
        Poll::Ready(())
    })
    .await;
    let (mut kept, mut failure) = (0, None);
    for one in sending {
        let answer = match one {
            Sending::Begun(append) => append.await,
            Sending::Answered(answer) => answer,
        };
        match answer {
            Ok(_) if failure.is_none() => kept += 1,
            Ok(_) => {}
            Err(error) => drop(failure.get_or_insert(error)),
        }
    }
    (kept, failure)
}

enum Sending<F: Future> {
    Begun(Pin<Box<F>>),
    Answered(F::Output),
}
