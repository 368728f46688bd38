//! What a role waits for before it can do its work: it is asked again with growing pauses, one line is logged when the waiting
//! begins and one when it ends, and `/readyz` and a gauge tell meanwhile what is awaited, since when and why.
//!
//! It decides nothing about what passes: the libraries' errors say that themselves. What does not pass ends the role.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use journal::JournalError;
use model::{Clock, Millis};
use prometheus::{IntGaugeVec, Opts, Registry};
use settings::SettingsError;
use store::StoreError;

/// Pauses between two attempts, growing from the first to the longest: who comes back is found within seconds, and one who is
/// away for a day is asked some ten thousand times.
const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// Who is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Neighbour {
    /// The brokers.
    Kafka,
    /// The counts' store, with its tables.
    ClickHouse,
    /// The settings' database.
    Settings,
    /// The first processor, without whose keys nothing can be sealed.
    Processor,
}

impl Neighbour {
    const ALL: [Self; 4] = [Self::Kafka, Self::ClickHouse, Self::Settings, Self::Processor];

    /// Its name in metrics.
    const fn label(self) -> &'static str {
        match self {
            Self::Kafka => "kafka",
            Self::ClickHouse => "clickhouse",
            Self::Settings => "settings",
            Self::Processor => "processor",
        }
    }

    const fn words(self) -> &'static str {
        match self {
            Self::Kafka => "Kafka",
            Self::ClickHouse => "ClickHouse and its tables",
            Self::Settings => "the settings' database",
            Self::Processor => "the first processor",
        }
    }
}

/// What is not there yet, and is no error of anybody's.
#[derive(Debug)]
pub struct NotYet(pub &'static str);

impl fmt::Display for NotYet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for NotYet {}

/// What a role waits for. Cheap to clone.
#[derive(Clone)]
pub struct Awaited {
    clock: Clock,
    gauge: IntGaugeVec,
    waits: Arc<Mutex<BTreeMap<Neighbour, Wait>>>,
}

struct Wait {
    since: Millis,
    /// Why the last attempt failed; nothing before the first has.
    why: Option<String>,
}

impl Awaited {
    /// Waits for nobody yet.
    ///
    /// # Errors
    /// The registry has the gauge already.
    pub fn register(registry: &Registry, clock: Clock) -> anyhow::Result<Self> {
        let gauge = IntGaugeVec::new(
            Opts::new("footfall_awaiting", "1 while a role has not reached a neighbour since it was started."),
            &["neighbour"],
        )?;
        registry.register(Box::new(gauge.clone()))?;
        for neighbour in Neighbour::ALL {
            gauge.with_label_values(&[neighbour.label()]).set(0);
        }
        Ok(Self { clock, gauge, waits: Arc::default() })
    }

    /// Tries until it is done, as long as what fails is something that passes.
    ///
    /// # Errors
    /// What does not pass.
    pub async fn until<T, F: Future<Output = anyhow::Result<T>>>(
        &self,
        neighbour: Neighbour,
        attempt: impl Fn() -> F,
    ) -> anyhow::Result<T> {
        let since = self.clock.now();
        self.waits().insert(neighbour, Wait { since, why: None });
        self.gauge.with_label_values(&[neighbour.label()]).set(1);
        let ends = Ends { awaited: self, neighbour };
        let mut pause = PAUSE_MIN;
        let mut told = false;
        loop {
            match attempt().await {
                Ok(done) => {
                    drop(ends);
                    if told {
                        let seconds = (self.clock.now().0 - since.0) / 1_000;
                        tracing::info!(seconds, "{} answered", neighbour.words());
                    }
                    return Ok(done);
                }
                Err(error) if passes(&error) => {
                    let why = format!("{error:#}");
                    if !std::mem::replace(&mut told, true) {
                        tracing::warn!(why, "waiting for {}", neighbour.words());
                    }
                    if let Some(wait) = self.waits().get_mut(&neighbour) {
                        wait.why = Some(why);
                    }
                }
                Err(error) => return Err(error),
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    /// Whom the role waits for, since when and why.
    pub fn reason(&self) -> String {
        let waits = self.waits();
        let said = waits.iter().map(|(neighbour, Wait { since, why })| {
            let since = jiff::Timestamp::from_millisecond(since.0.div_euclid(1_000) * 1_000).unwrap_or_default();
            let why = why.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
            format!("waiting for {} since {since}{why}", neighbour.words())
        });
        let said: Vec<String> = said.collect();
        if said.is_empty() { "starting".to_owned() } else { said.join("; ") }
    }

    fn waits(&self) -> MutexGuard<'_, BTreeMap<Neighbour, Wait>> {
        self.waits.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends a wait, also where its future is dropped.
struct Ends<'a> {
    awaited: &'a Awaited,
    neighbour: Neighbour,
}

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.awaited.waits().remove(&self.neighbour);
        self.awaited.gauge.with_label_values(&[self.neighbour.label()]).set(0);
    }
}

/// Whether the same attempt, made again, can succeed.
fn passes(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause.is::<NotYet>()
            || cause.downcast_ref::<JournalError>().is_some_and(JournalError::passes)
            || cause.downcast_ref::<StoreError>().is_some_and(StoreError::retry)
            || cause.downcast_ref::<SettingsError>().is_some_and(SettingsError::retry)
    })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    fn awaited(registry: &Registry) -> Awaited {
        // 2027-01-15T08:00:00Z
        Awaited::register(registry, Clock::new(|| Millis(1_800_000_000_000))).unwrap()
    }

    fn away() -> anyhow::Error {
        JournalError::Unreachable { tried: "make topic t".to_owned(), reason: "refused".to_owned() }.into()
    }

    #[tokio::test(start_paused = true)]
    async fn what_passes_is_waited_for_and_told_and_then_it_is_over() {
        let registry = Registry::new();
        let awaited = awaited(&registry);
        assert_eq!(awaited.reason(), "starting");
        let tries = AtomicU32::new(0);
        let gauge = || awaited.gauge.with_label_values(&["kafka"]).get();
        let attempt = || async {
            let seen = (tries.fetch_add(1, Ordering::Relaxed), awaited.reason(), gauge());
            if seen.0 < 40 { Err(away()) } else { Ok(seen) }
        };
        let begun = tokio::time::Instant::now();
        let (_, reason, is_awaited) = awaited.until(Neighbour::Kafka, attempt).await.unwrap();
        assert_eq!(
            reason,
            "waiting for Kafka since 2027-01-15T08:00:00Z: the brokers could not be reached to make topic t: refused"
        );
        assert_eq!((is_awaited, gauge(), awaited.reason().as_str()), (1, 0, "starting"));
        let waited = begun.elapsed();
        assert!(waited > PAUSE_MAX * 30 && waited < PAUSE_MAX * 40, "{waited:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn what_does_not_pass_is_an_error_at_once() {
        let registry = Registry::new();
        let awaited = awaited(&registry);
        let error = JournalError::Failed { tried: "t".to_owned(), reason: "r".to_owned() };
        let attempt = || async { Err::<(), _>(anyhow::Error::from(error.clone()).context("outside")) };
        let begun = tokio::time::Instant::now();
        assert!(awaited.until(Neighbour::Kafka, attempt).await.is_err());
        assert_eq!((begun.elapsed(), awaited.reason().as_str()), (Duration::ZERO, "starting"));
        assert!(passes(&anyhow::Error::from(NotYet("x")).context("outside")) && passes(&away()));
    }
}
