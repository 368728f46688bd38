//! What every process that holds sealing keys does again and again, whatever else it is: makes and destroys what is due, and
//! tells the audit log, the log and the metrics.
//!
//! A key is destroyed when two clocks say so ([`processor::witness`]); who has the second one lets it be heard.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use model::Millis;
use processor::Metrics;
use processor::keys::KeyStore;
use processor::witness::{Told, Witness};
use serde_json::json;

use crate::audit::Audit;

/// How often. Public keys change on the hour and are made ahead.
pub const EVERY: Duration = Duration::from_secs(5);

/// Looks after keys.
pub struct Upkeep {
    /// The keys.
    pub keys: Arc<KeyStore>,
    /// The second clock.
    pub witness: Witness,
    audit: Arc<Audit>,
    metrics: Metrics,
    /// What was said last, so that only what changes is said.
    is_apart: AtomicBool,
    fails: AtomicBool,
}

impl Upkeep {
    /// Looks after `keys` from now on.
    pub fn new(keys: Arc<KeyStore>, witness: Witness, audit: Arc<Audit>, metrics: Metrics) -> Self {
        let (is_apart, fails) = (AtomicBool::new(false), AtomicBool::new(false));
        Self { keys, witness, audit, metrics, is_apart, fails }
    }

    /// Makes and destroys the keys that are due where this machine's clock says `now`, and says what time it is likely and
    /// surely. What fails is tried again with the next turn.
    pub fn turn(&self, now: Millis) -> Told {
        let told = self.witness.tell(now);
        let (apart, seconds) = (told.is_apart(), told.ahead_ms.unwrap_or(0) / 1_000);
        if self.is_apart.swap(apart, Ordering::Relaxed) != apart {
            if apart {
                tracing::error!(
                    seconds,
                    "this machine's clock is ahead of the second one by that much (behind where negative): no key is destroyed \
                     before both say that its time has come"
                );
            } else {
                tracing::info!("the clocks agree again");
            }
        }
        let turn = self.keys.turn(told);
        for hour in &turn.destroyed {
            self.audit.record("seal_key_destroyed", &json!({ "hour": hour }));
        }
        self.keys.report(now, told, &turn, &self.metrics);
        let failed_before = self.fails.swap(turn.failed.is_some(), Ordering::Relaxed);
        if let Some(error) = turn.failed.filter(|_| !failed_before) {
            tracing::error!(%error, "sealing keys cannot be looked after; it is tried again every few seconds");
        }
        told
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::atomic::AtomicI64;

    use model::Clock;
    use prometheus::Registry;

    use super::*;

    const HOUR: i64 = 3_600_000;

    const BEGUN: Millis = Millis(500_000 * HOUR);

    /// Keys below `data`, made when the machine was started; where their figures are, and what a test sets the machine's age by.
    fn begin(data: &Path) -> (Upkeep, Registry, Arc<AtomicI64>) {
        let (registry, boot) = (Registry::new(), Arc::new(AtomicI64::new(0)));
        let since_boot = Clock::new({
            let boot = Arc::clone(&boot);
            move || Millis(boot.load(Ordering::Relaxed))
        });
        let keys = Arc::new(KeyStore::open(&data.join("keys"), BEGUN).unwrap());
        let audit = Arc::new(Audit::open(data, Clock::new(|| BEGUN)).unwrap());
        let metrics = Metrics::register(&registry).unwrap();
        (Upkeep::new(keys, Witness::brokers(since_boot), audit, metrics), registry, boot)
    }

    /// A key's life on an idle machine, by turns of a minute: its clock runs ahead by a day for half of the time.
    #[test]
    fn keys_die_on_time_by_the_clock_that_is_right_and_the_audit_tells() {
        let data = tempfile::tempdir().unwrap();
        let (upkeep, _, boot) = begin(data.path());
        let destroyed = || {
            let text = std::fs::read_to_string(data.path().join("audit.log")).unwrap();
            text.lines().count()
        };
        // Nothing was heard yet, and this machine thinks that it is the day after tomorrow.
        upkeep.turn(BEGUN.plus(48 * HOUR));
        assert_eq!(destroyed(), 0);
        upkeep.witness.hear(BEGUN);
        for minute in 0..=30 * 60 {
            boot.store(minute * 60_000, Ordering::Relaxed);
            let (now, wrong) = (BEGUN.plus(minute * 60_000), (minute / 60) % 2 == 1);
            let told = upkeep.turn(now.plus(if wrong { 24 * HOUR } else { 0 }));
            assert_eq!((told.likely, told.is_apart()), (now, wrong));
            // Those made ahead of the hour, and one more each hour; an hour's key dies 27 hours after its hour.
            let due = usize::try_from((minute / 60 - 27).max(0)).unwrap();
            assert_eq!(destroyed(), due, "minute {minute}");
        }
    }

    /// The directory is lost under a running processor: what it holds in memory dies on time, and the figures that alerts look at go
    /// on, the age of what lives as much as the hours for which there is no key any more.
    #[test]
    fn a_directory_that_has_gone_is_told_and_no_key_lives_longer() {
        let data = tempfile::tempdir().unwrap();
        let (upkeep, registry, boot) = begin(data.path());
        upkeep.witness.hear(BEGUN);
        std::fs::remove_dir_all(data.path().join("keys")).unwrap();
        let figure = |name: &str| {
            let families = registry.gather();
            let metric =
                families.iter().find(|family| family.name() == name).and_then(|family| family.get_metric().first());
            metric.map(|metric| metric.get_gauge().get_value() + metric.get_counter().get_value()).unwrap()
        };
        for (hour, ahead, age_hours) in [(0, 6.0, 0.0), (2, 4.0, 2.0), (5, 1.0, 5.0), (8, 0.0, 8.0), (30, 0.0, 27.0)] {
            boot.store(hour * HOUR, Ordering::Relaxed);
            upkeep.turn(BEGUN.plus(hour * HOUR));
            assert_eq!(figure("footfall_seal_keys_ahead"), ahead, "hour {hour}");
            assert_eq!(figure("footfall_seal_key_oldest_seconds"), age_hours * 3_600.0, "hour {hour}");
            assert!(upkeep.keys.public(BEGUN.plus(hour * HOUR)).is_some() == (hour < 7), "hour {hour}");
        }
        assert_eq!(figure("footfall_seal_key_failures_total"), 5.0);
    }
}
