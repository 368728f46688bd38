//! The figures of the spool in which records wait while the journal is away, read when they are asked for.
//!
//! It moves no record and decides nothing: `journal::spool` does.

use std::sync::{Mutex, PoisonError};

use journal::spool::Figures;
use model::Clock;
use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{IntCounter, IntCounterVec, IntGauge, Opts, Registry};

/// Why a record that waited was not brought on.
const EXPIRED: &str = "expired";
const DAMAGED: &str = "damaged";
const REFUSED: &str = "refused";

/// Registers a spool's figures, which `figures` reads.
///
/// # Errors
/// A figure's name that the registry already has.
pub fn register_spool(
    registry: &Registry,
    clock: Clock,
    figures: impl Fn() -> Figures + Send + Sync + 'static,
) -> Result<(), prometheus::Error> {
    let gauge = |name: &str, help: &str| IntGauge::new(name, help);
    let dropped =
        Opts::new("footfall_spool_dropped_total", "Records that waited in the spool and are lost, by reason.");
    registry.register(Box::new(SpoolMetrics {
        figures: Box::new(figures),
        clock,
        one_at_a_time: Mutex::new(()),
        bytes: gauge("footfall_spool_bytes", "Bytes that waiting records take on disk.")?,
        bytes_max: gauge("footfall_spool_bytes_max", "Bytes beyond which a hit that would have to wait is refused.")?,
        records: gauge("footfall_spool_records", "Records that wait until the journal takes them.")?,
        oldest_seconds: gauge(
            "footfall_spool_oldest_seconds",
            "Age of the oldest record that waits; 0 where none does.",
        )?,
        partitions_away: gauge(
            "footfall_spool_partitions_away",
            "Partitions whose records wait because the journal did not take the last one tried.",
        )?,
        failed: gauge(
            "footfall_spool_failed",
            "1 once the spool's disk has failed: it takes nothing until the process is started again.",
        )?,
        spooled: IntCounter::new("footfall_spool_spooled_total", "Records that went into the spool.")?,
        drained: IntCounter::new("footfall_spool_drained_total", "Records that the journal took from the spool.")?,
        dropped: IntCounterVec::new(dropped, &["reason"])?,
    }))
}

struct SpoolMetrics {
    figures: Box<dyn Fn() -> Figures + Send + Sync>,
    clock: Clock,
    /// Held while the figures below are set and read.
    one_at_a_time: Mutex<()>,
    bytes: IntGauge,
    bytes_max: IntGauge,
    records: IntGauge,
    oldest_seconds: IntGauge,
    partitions_away: IntGauge,
    failed: IntGauge,
    spooled: IntCounter,
    drained: IntCounter,
    dropped: IntCounterVec,
}

impl SpoolMetrics {
    fn all(&self) -> [&dyn Collector; 9] {
        let Self { bytes, bytes_max, records, oldest_seconds, partitions_away, failed, .. } = self;
        let Self { spooled, drained, dropped, .. } = self;
        [bytes, bytes_max, records, oldest_seconds, partitions_away, failed, spooled, drained, dropped]
    }

    fn set(&self, figures: Figures) {
        let Figures { bytes, bytes_max, records, oldest, partitions_away, spooled, drained, .. } = figures;
        let Figures { expired, damaged, refused, has_failed, .. } = figures;
        let whole = |figure: u64| i64::try_from(figure).unwrap_or(i64::MAX);
        let age_ms = oldest.map_or(0, |oldest| self.clock.now().0.saturating_sub(oldest.0));
        self.bytes.set(whole(bytes));
        self.bytes_max.set(whole(bytes_max));
        self.records.set(whole(records));
        self.oldest_seconds.set(age_ms.max(0) / 1_000);
        self.partitions_away.set(i64::from(partitions_away));
        self.failed.set(i64::from(has_failed));
        let lost = [(EXPIRED, expired), (DAMAGED, damaged), (REFUSED, refused)];
        let lost = lost.into_iter().map(|(reason, count)| (self.dropped.with_label_values(&[reason]), count));
        for (counter, count) in
            [(self.spooled.clone(), spooled), (self.drained.clone(), drained)].into_iter().chain(lost)
        {
            // The spool counts; here it is only shown.
            counter.inc_by(count.saturating_sub(counter.get()));
        }
    }
}

impl Collector for SpoolMetrics {
    fn desc(&self) -> Vec<&Desc> {
        self.all().into_iter().flat_map(Collector::desc).collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let _one_at_a_time = self.one_at_a_time.lock().unwrap_or_else(PoisonError::into_inner);
        self.set((self.figures)());
        self.all().into_iter().flat_map(Collector::collect).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use model::Millis;
    use prometheus::TextEncoder;

    use super::*;

    #[test]
    fn the_figures_are_those_of_the_moment() {
        let (registry, figures) = (Registry::new(), Arc::new(Mutex::new(Figures::default())));
        let read = Arc::clone(&figures);
        register_spool(&registry, Clock::new(|| Millis(65_000)), move || *read.lock().unwrap()).unwrap();
        let shown = |line: &str| {
            let text = TextEncoder::new().encode_to_string(&registry.gather()).unwrap();
            assert!(text.lines().any(|shown| shown == line), "{line}: {text}");
        };
        shown("footfall_spool_records 0");
        shown("footfall_spool_oldest_seconds 0");
        shown("footfall_spool_dropped_total{reason=\"damaged\"} 0");
        *figures.lock().unwrap() = Figures {
            bytes: 1,
            bytes_max: 9,
            records: 2,
            oldest: Some(Millis(5_000)),
            partitions_away: 3,
            spooled: 4,
            drained: 5,
            expired: 6,
            damaged: 7,
            refused: 8,
            has_failed: true,
        };
        for line in [
            "footfall_spool_bytes 1",
            "footfall_spool_bytes_max 9",
            "footfall_spool_records 2",
            "footfall_spool_oldest_seconds 60",
            "footfall_spool_partitions_away 3",
            "footfall_spool_failed 1",
            "footfall_spool_spooled_total 4",
            "footfall_spool_drained_total 5",
            "footfall_spool_dropped_total{reason=\"expired\"} 6",
            "footfall_spool_dropped_total{reason=\"damaged\"} 7",
            "footfall_spool_dropped_total{reason=\"refused\"} 8",
        ] {
            shown(line);
        }
    }
}
