//! The processor's metrics, under the one vocabulary of the project.

use fold::Overflows;
use model::{Loss, Mode, Outcome, Right};
use prometheus::{
    Gauge, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
};

use crate::reading::{RECORDS, by_bound};

/// Everything a processor reports about itself.
#[derive(Clone)]
pub struct Metrics {
    pub(crate) hits_counted: IntCounterVec,
    pub(crate) hits_refused: IntCounterVec,
    pub(crate) hits_late: IntCounter,
    pub(crate) records_unreadable: IntCounterVec,
    pub(crate) records_repeated: IntCounter,
    pub(crate) journal_truncations: IntCounter,
    pub(crate) revenue_left_out: IntCounter,
    pub(crate) rights: IntCounterVec,
    pub(crate) bounds_met: IntCounterVec,
    pub(crate) lag_records: IntGaugeVec,
    pub(crate) lag_seconds: IntGaugeVec,
    pub(crate) visitors: IntGaugeVec,
    pub(crate) insert_seconds: Histogram,
    pub(crate) fold_step_seconds: HistogramVec,
    pub(crate) insert_retries: IntCounter,
    pub(crate) ledger_difference: IntGauge,
    pub(crate) replaying: IntGaugeVec,
    pub(crate) replay_records: IntGaugeVec,
    pub(crate) partitions: IntGauge,
    pub(crate) partitions_owned: IntGauge,
    pub(crate) seal_keys: IntGauge,
    pub(crate) seal_keys_ahead: IntGauge,
    pub(crate) seal_key_oldest_seconds: Gauge,
    pub(crate) seal_key_failures: IntCounter,
    pub(crate) seal_keys_destroyed: IntCounter,
    pub(crate) seal_keys_kept_by_clock: IntGauge,
    pub(crate) clock_difference_seconds: Gauge,
    pub(crate) days_closed: IntCounter,
    pub(crate) day_overdue_seconds: IntGauge,
    pub(crate) day_close_seconds: Histogram,
    pub(crate) cells_folded: IntCounter,
    pub(crate) counts_forgotten: IntCounter,
}

impl Metrics {
    /// Registers the metrics.
    ///
    /// # Errors
    /// When a name is registered already.
    pub fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let counters = |name: &str, help: &str, label: &str| {
            let counters = IntCounterVec::new(Opts::new(name, help), &[label])?;
            registry.register(Box::new(counters.clone())).map(|()| counters)
        };
        let counter = |name: &str, help: &str| {
            let counter = IntCounter::new(name, help)?;
            registry.register(Box::new(counter.clone())).map(|()| counter)
        };
        let gauges = |name: &str, help: &str| {
            let gauges = IntGaugeVec::new(Opts::new(name, help), &["partition"])?;
            registry.register(Box::new(gauges.clone())).map(|()| gauges)
        };
        let gauge = |name: &str, help: &str| {
            let gauge = IntGauge::new(name, help)?;
            registry.register(Box::new(gauge.clone())).map(|()| gauge)
        };
        let insert_seconds = Histogram::with_opts(HistogramOpts::new(
            "footfall_insert_seconds",
            "Time from offering changes to the store to its acknowledgement.",
        ))?;
        registry.register(Box::new(insert_seconds.clone()))?;
        let fold_step_seconds = HistogramVec::new(
            HistogramOpts::new("footfall_fold_step_seconds", "Time of each step of the fold, of one hit in 64.")
                .buckets(vec![1e-7, 3e-7, 1e-6, 3e-6, 1e-5, 3e-5, 1e-4, 1e-3, 1e-2]),
            &["step"],
        )?;
        registry.register(Box::new(fold_step_seconds.clone()))?;
        let day_close_seconds = Histogram::with_opts(
            HistogramOpts::new("footfall_day_close_seconds", "Time to fold a closed day's small cells in the store.")
                .buckets(vec![0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0]),
        )?;
        registry.register(Box::new(day_close_seconds.clone()))?;
        let oldest = Gauge::new("footfall_seal_key_oldest_seconds", "Age of the oldest living sealing key.")?;
        registry.register(Box::new(oldest.clone()))?;
        let difference = Gauge::new(
            "footfall_clock_difference_seconds",
            "How far this machine's clock is ahead of the second one that destroying a key needs; 0 while that was not heard.",
        )?;
        registry.register(Box::new(difference.clone()))?;
        Ok(Self {
            hits_counted: counters("footfall_hits_counted_total", "Hits folded into counts, by mode.", "mode")?,
            hits_refused: counters("footfall_hits_discarded_total", "Hits the fold did not count.", "reason")?,
            hits_late: counter(
                "footfall_hits_late_total",
                "Hits that came when their day had closed, and were counted without their visitor.",
            )?,
            records_unreadable: counters(
                "footfall_records_unreadable_total",
                "Records that could not be opened or read.",
                "reason",
            )?,
            records_repeated: counter(
                "footfall_records_repeated_total",
                "Records that a collector had to append twice; they were counted once.",
            )?,
            journal_truncations: counter(
                "footfall_journal_truncations_total",
                "Times that a partition of the journal had lost its end, with records that had been read.",
            )?,
            revenue_left_out: counter(
                "footfall_revenue_left_out_total",
                "Amounts of money in no sum: their currency is not the site's, or it has none.",
            )?,
            rights: counters("footfall_rights_exercised_total", "Requests of visitors carried out.", "right")?,
            bounds_met: counters(
                "footfall_bounds_met_total",
                "What met a bound of the fold: values and cells went to (other), hits were counted without their visitor.",
                "bound",
            )?,
            lag_records: gauges("footfall_journal_lag_records", "Records appended and not yet in the counts.")?,
            lag_seconds: gauges("footfall_journal_lag_seconds", "Age of the oldest record not yet in the counts.")?,
            visitors: gauges("footfall_visitors_in_memory", "Visitor-days held in memory.")?,
            replaying: gauges("footfall_replaying", "1 while state is rebuilt from the journal after a start.")?,
            replay_records: gauges("footfall_replay_records", "Records still to be read to rebuild the state.")?,
            partitions: gauge("footfall_partitions", "Partitions of the journal, whoever reads them.")?,
            partitions_owned: gauge("footfall_partitions_owned", "Partitions of the journal that this process reads.")?,
            insert_seconds,
            fold_step_seconds,
            insert_retries: counter("footfall_insert_retries_total", "Inserts offered again after a failure.")?,
            ledger_difference: gauge(
                "footfall_ledger_difference",
                "Hits received less hits with an outcome; anything but 0 is a fault of Footfall.",
            )?,
            seal_keys: gauge("footfall_seal_keys", "Sealing keys alive.")?,
            seal_keys_ahead: gauge("footfall_seal_keys_ahead", "Sealing keys of hours to come.")?,
            seal_key_oldest_seconds: oldest,
            seal_key_failures: counter(
                "footfall_seal_key_failures_total",
                "Times that a sealing key could not be made, read or destroyed; it is tried again every few seconds.",
            )?,
            seal_keys_kept_by_clock: gauge(
                "footfall_seal_keys_kept_by_clock",
                "Sealing keys that are due by this machine's clock and kept, because a second clock does not agree.",
            )?,
            clock_difference_seconds: difference,
            seal_keys_destroyed: counter("footfall_seal_keys_destroyed_total", "Sealing keys destroyed.")?,
            days_closed: counter("footfall_days_closed_total", "Site-local days closed.")?,
            day_overdue_seconds: gauge(
                "footfall_day_overdue_seconds",
                "How long the oldest site-local day that is over has waited to be closed; 0 where none waits, or another process closes.",
            )?,
            day_close_seconds,
            cells_folded: counter("footfall_cells_folded_total", "Cells of too few visitors folded into (other).")?,
            counts_forgotten: counter("footfall_counts_forgotten_total", "Rows of counts removed by retention.")?,
        })
    }

    /// Shows every label that there can be from the start, at zero: an alert has to tell "never" from "not there".
    /// For a process that reads every partition.
    pub fn show(&self, partitions: u32) {
        for partition in 0..partitions {
            let label = partition.to_string();
            for gauges in self.of_partitions() {
                let _ = gauges.with_label_values(&[&label]);
            }
        }
        self.show_all();
    }

    /// Shows a partition's figures no longer: whoever has it now shows them.
    pub(crate) fn hide(&self, partition: u32) {
        for gauges in self.of_partitions() {
            // It may never have been shown.
            let _ = gauges.remove_label_values(&[&partition.to_string()]);
        }
    }

    const fn of_partitions(&self) -> [&IntGaugeVec; 5] {
        [&self.lag_records, &self.lag_seconds, &self.visitors, &self.replaying, &self.replay_records]
    }

    /// Shows the labels that do not belong to a partition.
    pub fn show_all(&self) {
        for right in [Right::Erase, Right::Restrict, Right::Resume] {
            let _ = self.rights.with_label_values(&[right.as_str()]);
        }
        for loss in Loss::ALL {
            let _ = self.records_unreadable.with_label_values(&[loss.as_str()]);
        }
        for (bound, _) in by_bound(Overflows::default()) {
            let _ = self.bounds_met.with_label_values(&[bound]);
        }
        let _ = self.bounds_met.with_label_values(&[RECORDS]);
        for mode in [Mode::Minimal, Mode::Exempt, Mode::Full] {
            let _ = self.hits_counted.with_label_values(&[mode.as_str()]);
        }
    }

    pub(crate) fn count(&self, outcome: Outcome, mode: Mode) {
        match outcome {
            Outcome::Counted(_) => self.hits_counted.with_label_values(&[mode.as_str()]).inc(),
            Outcome::Minimal(_) => self.hits_counted.with_label_values(&[Mode::Minimal.as_str()]).inc(),
            Outcome::Late => {
                self.hits_counted.with_label_values(&[Mode::Minimal.as_str()]).inc();
                self.hits_late.inc();
            }
            Outcome::Refused(refusal) => self.hits_refused.with_label_values(&[refusal.as_str()]).inc(),
        }
    }
}
