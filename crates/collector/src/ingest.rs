//! What becomes of hits between door and journal: limit, site, admission, seal, append; then, and only then, the verdict.
//!
//! The order is the privacy promise: `fold::admit` decides the mode before anything about a visitor is computed, and what
//! leaves this file towards the journal is sealed. Every hit that comes in ends up in exactly one figure.
//!
//! All hits of a request for one site and partition are one record, so that they are kept together or not at all. Those for several
//! sites are not: each site's may fill a record.

use std::net::IpAddr;
use std::sync::atomic::Ordering;
use std::time::Instant;

use journal::{AppendError, Journal};
use model::{Domain, Hit, Measured, Millis, Mode, Outcome, Record, Refusal, Sites, Tally};
use privacy::visitor::partition_of;

use crate::collector::Collector;
use crate::envelope::EnvelopeError;
use crate::event::{Event, Events, Refused};
use crate::metrics::NO_SITE;
use crate::sender::Sender;
use crate::value::Fault;
use crate::verdict::Verdict;

/// The hits of one request for one site and partition.
struct Letter {
    site: Domain,
    /// Any, while none of the hits asks for one.
    partition: Option<u32>,
    hits: Vec<Hit>,
}

/// What a hit came to, provided that the journal keeps what is to be kept.
struct Fate {
    /// Its site, where that is configured.
    site: Option<Domain>,
    result: Result<Mode, Fault>,
}

/// Why hits that were right could not be kept.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unkept {
    #[error("cannot seal a record: {0}")]
    Seal(#[from] EnvelopeError),
    #[error("cannot append a record: {0}")]
    Append(#[from] AppendError),
}

impl<J: Journal> Collector<J> {
    /// Takes the events of a request. A verdict of success means that every counted hit is durable.
    pub(crate) async fn take(&self, events: Events, sender: &Sender<'_>) -> Verdict {
        let now = self.clock.now();
        if !self.within_limit(sender.address, events.len(), now) {
            return self.refuse_all(events, (Refusal::RateLimited, "too many hits from this network"));
        }
        let (fates, hits) = self.admit(events, sender, now);
        match self.keep(hits, now).await {
            Ok(()) => self.conclude(&fates, now),
            Err(error) => self.unavailable(&fates, &error, now),
        }
    }

    /// Answers a request that asks for an answer's head only (`HEAD`): it views nothing, so nothing is taken.
    pub(crate) fn take_none(&self, events: Events) -> Verdict {
        self.refuse_all(events, (Refusal::Method, "a head views nothing"))
    }

    /// Counts a request that was refused before its hits were known as one hit of no site.
    pub(crate) fn wrong(&self, verdict: Verdict) -> Verdict {
        if let Verdict::Wrong { refusal, .. } = verdict {
            self.metrics.received(NO_SITE);
            self.metrics.refused(refusal);
        }
        verdict
    }

    /// Writes the refused hits of the last moments to the journal. What cannot be written waits for the next time.
    pub async fn flush_tallies(&self) {
        for tally in self.tallies.take() {
            let now = self.clock.now();
            let record = Record::Tally(tally.clone());
            if let Err(error) = self.append_sealed(self.any_partition(), &record, now).await {
                self.complain(&error, now);
                self.remember(tally);
            }
        }
    }

    fn within_limit(&self, address: IpAddr, hits: usize, now: Millis) -> bool {
        self.limiter.as_ref().is_none_or(|limiter| limiter.admits(address, hits, now))
    }

    /// Refuses every event: those that are wrong for what is wrong with them, the others for `fault`.
    fn refuse_all(&self, events: Events, fault: Fault) -> Verdict {
        let sites = self.sites.load();
        let of_right = |event: Event| Refused { refusal: fault.0, message: fault.1, site: Some(event.into_site()) };
        let refused = events.into_iter().map(|event| event.map_or_else(|refused| refused, of_right));
        let fates: Vec<Fate> = refused.map(|refused| fate_of(&sites, refused)).collect();
        self.conclude(&fates, self.clock.now())
    }

    /// Decides what becomes of each event; the hits that are to be kept are returned beside.
    fn admit(&self, events: Events, sender: &Sender<'_>, now: Millis) -> (Vec<Fate>, Vec<Hit>) {
        let sites = self.sites.load();
        let mut hits = Vec::with_capacity(events.len());
        let fates = events.into_iter().map(|event| {
            let event = match event {
                Ok(event) => event,
                Err(refused) => return fate_of(&sites, refused),
            };
            let Some(site) = sites.get(event.site()) else {
                return Fate { site: None, result: Err((Refusal::UnknownSite, message(Refusal::UnknownSite))) };
            };
            let admitted = fold::admit(event.arrival_under(site.tcf, now, sender.words, sender.peer()), site);
            let result = admitted.map_err(|refusal| (refusal, message(refusal))).map(|hit| {
                let mode = hit.mode;
                hits.push(hit);
                mode
            });
            Fate { site: Some(site.domain.clone()), result }
        });
        (fates.collect(), hits)
    }

    /// Makes hits durable. After an error nothing was kept, unless the request's hits go to several sites or partitions: then sent
    /// again, those with ids count once.
    async fn keep(&self, hits: Vec<Hit>, now: Millis) -> Result<(), Unkept> {
        for Letter { partition, hits, .. } in self.letters(hits) {
            let partition = partition.unwrap_or_else(|| self.any_partition());
            self.append_sealed(partition, &Record::Hits(hits), now).await?;
        }
        Ok(())
    }

    /// Sorts hits by site and partition, in order; those that may go anywhere go with others of their site. Nearly always there is
    /// one hit, or one of each for all.
    fn letters(&self, hits: Vec<Hit>) -> Vec<Letter> {
        let mut letters: Vec<Letter> = Vec::with_capacity(1);
        for hit in hits {
            let partition = self.partition(&hit);
            let takes = |letter: &&mut Letter| {
                let agrees = letter.partition.is_none() || partition.is_none() || letter.partition == partition;
                agrees && letter.site == hit.site
            };
            match letters.iter_mut().find(takes) {
                Some(letter) => {
                    letter.partition = letter.partition.or(partition);
                    letter.hits.push(hit);
                }
                None => letters.push(Letter { site: hit.site.clone(), partition, hits: vec![hit] }),
            }
        }
        letters
    }

    /// All hits of one visitor go to one partition. A hit in `minimal` mode has no visitor: a second send of it must meet
    /// the first, which its id decides, and else any partition will do.
    fn partition(&self, hit: &Hit) -> Option<u32> {
        let partitions = self.journal.partitions();
        match (&hit.peer, hit.id) {
            (Some(peer), _) => Some(partition_of(&self.partition_secret, &hit.site, peer, partitions)),
            (None, Some(id)) => u32::try_from(id % u64::from(partitions.max(1))).ok(),
            (None, None) => None,
        }
    }

    fn any_partition(&self) -> u32 {
        self.next_partition.fetch_add(1, Ordering::Relaxed) % self.journal.partitions().max(1)
    }

    /// Seals a record and makes it durable.
    pub(crate) async fn append_sealed(&self, partition: u32, record: &Record, now: Millis) -> Result<(), Unkept> {
        let sealed = self.envelopes.seal(&record.encode(), now)?;
        let started = Instant::now();
        self.journal.append(partition, sealed).await?;
        self.metrics.append_seconds.observe(started.elapsed().as_secs_f64());
        Ok(())
    }

    /// Counts what became of the hits, and answers for them.
    fn conclude(&self, fates: &[Fate], now: Millis) -> Verdict {
        for fate in fates {
            self.metrics.received(fate.site.as_ref().map_or(NO_SITE, Domain::as_str));
            match fate.result {
                Ok(mode) => self.metrics.acknowledged(mode),
                Err((refusal, _)) => {
                    self.metrics.refused(refusal);
                    if let Some(site) = fate.site.clone() {
                        self.remember(Tally { site, minute: now.minute(), refusal, hits: 1 });
                    }
                }
            }
        }
        match fates {
            [fate] => Verdict::over(&[outcome_of(fate)]),
            _ => Verdict::over(&fates.iter().map(outcome_of).collect::<Vec<_>>()),
        }
    }

    fn unavailable(&self, fates: &[Fate], error: &Unkept, now: Millis) -> Verdict {
        for fate in fates {
            self.metrics.received(fate.site.as_ref().map_or(NO_SITE, Domain::as_str));
            self.metrics.unavailable();
        }
        self.complain(error, now);
        Verdict::Unavailable
    }

    fn remember(&self, tally: Tally) {
        let hits = tally.hits;
        if !self.tallies.add(tally) {
            self.metrics.tallies_dropped.inc_by(hits);
        }
    }

    /// Logs a failure, once a minute: under load the metrics say how often, a log line each would only fill the disk.
    pub(crate) fn complain(&self, error: &Unkept, now: Millis) {
        if self.complained_minute.swap(now.minute(), Ordering::Relaxed) != now.minute() {
            tracing::error!(%error, "hits are refused");
        }
    }
}

fn fate_of(sites: &Sites, refused: Refused) -> Fate {
    let site = refused.site.and_then(|site| sites.get(&site)).map(|site| site.domain.clone());
    Fate { site, result: Err((refused.refusal, refused.message)) }
}

fn outcome_of(fate: &Fate) -> (Outcome, &'static str) {
    match fate.result {
        Ok(Mode::Full) => (Outcome::Counted(Measured::Full), ""),
        // What lowered a mode is for the ledger, which the fold keeps; the sender is told the outcome only.
        Ok(Mode::Exempt) => (Outcome::Counted(Measured::Exempt(None)), ""),
        Ok(Mode::Minimal | Mode::Off) => (Outcome::Minimal(None), ""),
        Err((refusal, message)) => (Outcome::Refused(refusal), message),
    }
}

/// What to tell the sender of a hit that admission refused. Policy is not explained: a robot should learn nothing.
const fn message(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::UnknownSite => "no such site is measured here",
        Refusal::Malformed => "the url is no page's address, or the name or revenue cannot be read",
        Refusal::TooLarge => "over a limit: url 2000 characters, name 120, 30 props of 300 and 2000",
        Refusal::RateLimited
        | Refusal::Bot(_)
        | Refusal::OptedOut
        | Refusal::Restricted
        | Refusal::Erased
        | Refusal::Off
        | Refusal::Duplicate
        | Refusal::StaticFile
        | Refusal::Method
        | Refusal::Status => "",
    }
}
