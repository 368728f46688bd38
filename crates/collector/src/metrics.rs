//! The collector's figures, in the vocabulary of the docs. No label holds anything that a sender can choose: sites are
//! those configured, reasons and modes are closed.

use crate::listen::Connections;
use model::{Mode, Refusal};
use prometheus::{Histogram, HistogramOpts, IntCounter, IntCounterVec, Opts, Registry};

/// Why a hit was not taken although nothing is wrong with it.
const UNAVAILABLE: &str = "unavailable";

/// The label of hits whose site is not configured or could not be read.
pub(crate) const NO_SITE: &str = "";

pub(crate) struct Metrics {
    received: IntCounterVec,
    refused: IntCounterVec,
    /// One for each mode, looked up once: every hit that is kept counts here.
    full: IntCounter,
    exempt: IntCounter,
    minimal: IntCounter,
    pub(crate) append_seconds: Histogram,
    pub(crate) tallies_dropped: IntCounter,
    pub(crate) connections: Connections,
}

impl Metrics {
    /// Registers the figures.
    ///
    /// # Errors
    /// A name that the registry already has.
    pub(crate) fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let counters = |name, help, label| -> Result<IntCounterVec, prometheus::Error> {
            let counters = IntCounterVec::new(Opts::new(name, help), &[label])?;
            registry.register(Box::new(counters.clone()))?;
            Ok(counters)
        };
        let counter = |name, help| -> Result<IntCounter, prometheus::Error> {
            let counter = IntCounter::new(name, help)?;
            registry.register(Box::new(counter.clone()))?;
            Ok(counter)
        };
        let append_seconds = Histogram::with_opts(
            HistogramOpts::new("footfall_journal_append_seconds", "Time until a record was durable.")
                .buckets(vec![0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0]),
        )?;
        registry.register(Box::new(append_seconds.clone()))?;
        let acknowledged =
            counters("footfall_hits_acknowledged_total", "Hits that are durable in the journal.", "mode")?;
        let of_mode = |mode: Mode| acknowledged.with_label_values(&[mode.as_str()]);
        Ok(Self {
            full: of_mode(Mode::Full),
            exempt: of_mode(Mode::Exempt),
            minimal: of_mode(Mode::Minimal),
            received: counters("footfall_hits_received_total", "Hits that reached a collector.", "site")?,
            refused: counters("footfall_hits_refused_total", "Hits that a collector turned away.", "reason")?,
            append_seconds,
            tallies_dropped: counter(
                "footfall_tallies_dropped_total",
                "Refused hits missing from the ledger, because too many different ones came within a second.",
            )?,
            connections: Connections::register(registry)?,
        })
    }

    pub(crate) fn received(&self, site: &str) {
        self.received.with_label_values(&[site]).inc();
    }

    pub(crate) fn refused(&self, refusal: Refusal) {
        self.refused.with_label_values(&[refusal.as_str()]).inc();
    }

    pub(crate) fn unavailable(&self) {
        self.refused.with_label_values(&[UNAVAILABLE]).inc();
    }

    pub(crate) fn acknowledged(&self, mode: Mode) {
        match mode {
            Mode::Full => self.full.inc(),
            Mode::Exempt => self.exempt.inc(),
            // Admission keeps no hit whose mode is off.
            Mode::Minimal | Mode::Off => self.minimal.inc(),
        }
    }
}
