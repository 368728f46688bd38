//! What a partition does with the records it reads: opens each in memory, folds what is in it, tells the metrics.
//!
//! It inserts and commits nothing (`partition` does) and decides nothing about hits (`fold` does). A record that cannot be
//! read is passed over and counted; it never stops the ones behind it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use fold::Overflows;
use journal::{Entry, Journal, JournalError, Offset};
use model::{Hit, Inquiry, Loss, Millis, Outcome, Record, RecordError, Refusal, RightsRequest, Site, Sites};
use privacy::seal::OpenError;

use crate::partition::{End, Partition};
use crate::{ProcessorError, Sink, inquiry};

/// One hit in so many has its steps measured: reading the clock ten times costs as much as some of them.
const HITS_PER_MEASUREMENT: i64 = 64;
/// What was known of sites when an older record was appended has been heard by now: following lags by milliseconds, and an outage
/// of the brokers that is longer than this ends both alike.
const SITES_HEARD_WITHIN_MS: i64 = 600_000;

/// The bound on records remembered as opened: the label of those that are not.
pub(crate) const RECORDS: &str = "records";

impl<J: Journal, S: Sink> Partition<'_, J, S> {
    /// Reads records from where the fold is. Where the journal is damaged it goes on behind the damage; where it has lost its end, with
    /// records that were read, it notes that and reads nothing.
    pub(crate) async fn read(&mut self, records_max: usize, wait: Duration) -> Result<Vec<Entry>, End> {
        loop {
            let from = self.next;
            let read = |journal: Arc<J>, number| async move {
                match journal.read(number, from, records_max, wait).await {
                    Err(JournalError::Corrupt { offset, resumes_at, what, .. }) => {
                        Ok(Err(Some((offset, resumes_at, what))))
                    }
                    Err(JournalError::Truncated { .. }) => Ok(Err(None)),
                    read => read.map(Ok),
                }
            };
            let (offset, resumes_at, what) = match self.patiently(read).await? {
                Err(None) => {
                    self.is_truncated = true;
                    return Ok(Vec::new());
                }
                Ok(entries) => {
                    self.know_sites_of(&entries).await?;
                    return Ok(entries);
                }
                Err(Some(damage)) => damage,
            };
            let records = resumes_at.0.saturating_sub(offset.0);
            tracing::error!(partition = self.number, records, what, "records are lost to damage; going on behind them");
            let at = self.reached().unwrap_or_else(|| self.processor.clock.now());
            self.lose(at, Loss::Damaged, records);
            self.next = resumes_at;
        }
    }

    /// Sees that the sites known here are no older than records that were just appended: a collector may have heard of a new
    /// site before this process, and its hits are of no unknown site.
    async fn know_sites_of(&mut self, entries: &[Entry]) -> Result<(), End> {
        let Some(last) = entries.last() else { return Ok(()) };
        let fresh = self.processor.clock.now().0.saturating_sub(last.at.0) < SITES_HEARD_WITHIN_MS;
        match self.processor.follow.clone() {
            Some(follow) if fresh => self.patiently(move |_, _| (follow.0)()).await,
            Some(_) | None => Ok(()),
        }
    }

    /// The minute in which the last record that was read was appended: what is missing behind it came no earlier.
    pub(crate) fn reached(&self) -> Option<Millis> {
        (self.closed_minute != i64::MIN).then(|| Millis(self.closed_minute.saturating_mul(60_000)))
    }

    /// Notes records that the journal dropped, because nothing could open them any more, before they were read here. A journal
    /// whose offsets are not dense makes them too many, never too few.
    fn note_expired(&mut self, entry: &Entry) {
        let records = entry.offset.0.saturating_sub(self.next.0);
        if records > 0 {
            self.lose(self.reached().unwrap_or(entry.at), Loss::Expired, records);
        }
    }

    /// Goes on at `end`, where everything before it has expired.
    pub(crate) fn pass_expired(&mut self, end: Offset) {
        let at = self.reached().unwrap_or_else(|| self.processor.clock.now());
        self.lose(at, Loss::Expired, end.0.saturating_sub(self.next.0));
        self.next = end;
    }

    /// The first record at or above an offset that can be read, if there is one.
    pub(crate) async fn look_at(&mut self, from: Offset) -> Result<Option<Entry>, End> {
        let look = |journal: Arc<J>, number| async move {
            let mut from = from;
            loop {
                match journal.read(number, from, 1, Duration::ZERO).await {
                    Err(JournalError::Corrupt { resumes_at, .. }) => from = resumes_at,
                    read => return read.map(|entries| entries.into_iter().next()),
                }
            }
        };
        self.patiently(look).await
    }

    /// Folds records in. One that a newer version wrote ends the work here: it is whole, and nothing behind it may be committed before
    /// a program that reads it has counted it.
    pub(crate) fn fold_entries(&mut self, entries: impl Iterator<Item = Entry>) -> Result<(), End> {
        self.processor.keys.equip(&mut self.opener);
        let sites = self.processor.sites.load();
        for entry in entries {
            self.note_expired(&entry);
            self.next = entry.offset.next();
            self.hours.note(entry.at, entry.offset);
            (self.last_at, self.last_stamp) = (self.last_at.max(Some(entry.at)), Some(entry.stamp));
            self.close_days(entry.at);
            if entry.bytes.is_empty() {
                // Appended for its time alone, which has just been taken.
                continue;
            }
            let opened = match self.opener.open_once(&entry.bytes) {
                Ok(Some(opened)) => opened,
                // A collector appended the same record twice: neither received again nor refused, it was counted.
                Ok(None) => {
                    if !self.silent {
                        self.processor.metrics.records_repeated.inc();
                    }
                    continue;
                }
                Err(error) => {
                    // One that waited in a spool came in the hour it was sealed, and may be of a day that has closed since.
                    let at = match error {
                        OpenError::Expired { hour } if self.silent => {
                            entry.at.min(Millis(hour.saturating_mul(3_600_000)))
                        }
                        OpenError::Expired { .. } | OpenError::Forged | OpenError::Malformed => entry.at,
                    };
                    self.lose(at, error.into(), 1);
                    continue;
                }
            };
            match Record::decode(&opened) {
                Ok(Record::Hits(hits)) => hits.into_iter().for_each(|hit| self.fold_hit(&sites, hit)),
                Ok(Record::Tally(tally)) => {
                    self.received += i64::try_from(tally.hits).unwrap_or(i64::MAX);
                    self.fold.tally(tally);
                }
                Ok(Record::Rights(request)) => self.exercise(&sites, request),
                Ok(Record::Inquiry(inquiry)) => self.answer_sealed(inquiry),
                Err(RecordError::Version(version)) => {
                    return Err(ProcessorError::Newer { partition: self.number, version }.into());
                }
                Err(error @ RecordError::Malformed(_)) => {
                    tracing::error!(partition = self.number, offset = %entry.offset, error = %error, "a record opened and is not readable");
                    self.lose(entry.at, Loss::Format, 1);
                }
            }
        }
        self.report();
        Ok(())
    }

    fn fold_hit(&mut self, sites: &Sites, hit: Hit) {
        let mode = hit.mode;
        let outcome = match sites.get(hit.site.as_str()) {
            Some(site) => {
                self.received += 1;
                if self.received % HITS_PER_MEASUREMENT == 0 {
                    self.measure(site, hit)
                } else {
                    self.fold.apply(site, hit)
                }
            }
            // Its site was taken out of the configuration after the hit was acknowledged: no ledger to stand in.
            None => Outcome::Refused(Refusal::UnknownSite),
        };
        if !self.silent {
            self.processor.metrics.count(outcome, mode);
        }
    }

    /// Folds a hit in and measures its steps.
    fn measure(&mut self, site: &Site, hit: Hit) -> Outcome {
        let steps = &self.processor.metrics.fold_step_seconds;
        let mut since = Instant::now();
        self.fold.apply_watched(site, hit, |step| {
            let now = Instant::now();
            steps.with_label_values(&[step]).observe(now.duration_since(since).as_secs_f64());
            since = now;
        })
    }

    /// Does what a visitor asks for. Only that it was done is told, nothing of whom or how much.
    fn exercise(&mut self, sites: &Sites, request: RightsRequest) {
        let right = request.right;
        if let Some(site) = sites.get(request.site.as_str()) {
            self.fold.exercise(site, request);
        }
        if !self.silent {
            self.processor.metrics.rights.with_label_values(&[right.as_str()]).inc();
        }
    }

    /// Answers a visitor's question that came through the journal. One that was answered before the state was rebuilt is not
    /// answered again: nobody waits for it any more.
    fn answer_sealed(&mut self, Inquiry { site, peer, number, key, .. }: Inquiry) {
        let Some(answers) = self.processor.answers.as_ref().filter(|_| !self.silent) else { return };
        let held = self.fold.held(&site, peer);
        if let Some(answer) = inquiry::seal_answer(number, key, &held) {
            // Where too many wait to be sent, who asked is told to come again.
            let _ = answers.try_send(answer);
        }
    }

    /// Notes records that cannot be counted.
    pub(crate) fn lose(&mut self, at: Millis, loss: Loss, records: u64) {
        if !self.silent {
            self.processor.metrics.records_unreadable.with_label_values(&[loss.as_str()]).inc_by(records);
        }
        self.lost.note(at, loss, records);
    }

    fn report(&mut self) {
        let metrics = &self.processor.metrics;
        let visitors = i64::try_from(self.fold.visitors()).unwrap_or(i64::MAX);
        metrics.visitors.with_label_values(&[&self.number.to_string()]).set(visitors);
        let unmarked = self.opener.unmarked();
        let more = unmarked - std::mem::replace(&mut self.unmarked, unmarked);
        if !self.silent && more > 0 {
            metrics.bounds_met.with_label_values(&[RECORDS]).inc_by(more);
        }
        let (now, told) = (self.fold.overflows(), std::mem::replace(&mut self.overflows, self.fold.overflows()));
        if !self.silent && now != told {
            metrics.revenue_left_out.inc_by(now.currencies - told.currencies);
            for ((bound, now), (_, told)) in by_bound(now).into_iter().zip(by_bound(told)) {
                metrics.bounds_met.with_label_values(&[bound]).inc_by(now - told);
            }
        }
    }

    /// Closes the days that had ended at `now`, looked at once a minute.
    fn close_days(&mut self, now: Millis) {
        if now.minute() <= self.closed_minute {
            return;
        }
        self.closed_minute = now.minute();
        let closed = self.fold.close(Millis(now.minute() * 60_000));
        for closed in closed.into_iter().filter(|_| !self.silent) {
            self.processor.metrics.days_closed.inc();
            tracing::info!(site = %closed.site, day = closed.day.0, "day closed");
        }
    }
}

/// Taken apart whole, so that a new bound cannot be forgotten here. Currencies are no bound, and have a counter of their own.
pub(crate) fn by_bound(overflows: Overflows) -> [(&'static str, u64); 8] {
    let Overflows { values, cells, visitors, shapes, hits, restrictions, ids, label_sets, currencies: _ } = overflows;
    [
        ("values", values),
        ("cells", cells),
        ("visitors", visitors),
        ("shapes", shapes),
        ("hits", hits),
        ("restrictions", restrictions),
        ("ids", ids),
        ("label_sets", label_sets),
    ]
}
