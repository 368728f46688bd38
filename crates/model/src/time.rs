//! Instants, site-local days, and the clock as an argument. No crate but the binary reads the machine's time.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

const DAY_MS: i64 = 24 * 3_600_000;

/// An instant: milliseconds since 1970-01-01T00:00:00Z, leap seconds ignored as in Unix time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Millis(pub i64);

impl Millis {
    /// The minute this instant lies in, as minutes since the epoch.
    #[must_use]
    pub const fn minute(self) -> i64 {
        self.0.div_euclid(60_000)
    }

    /// The hour this instant lies in, as hours since the epoch. Sealing keys are named by it.
    #[must_use]
    pub const fn hour(self) -> i64 {
        self.0.div_euclid(3_600_000)
    }

    /// The day in UTC this instant lies in, as days since the epoch.
    #[must_use]
    pub const fn day(self) -> i64 {
        self.0.div_euclid(DAY_MS)
    }

    /// This instant moved by `ms` milliseconds, held at the ends of the range.
    #[must_use]
    pub const fn plus(self, ms: i64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// This instant moved by `days` of 24 hours, held at the ends of the range.
    #[must_use]
    pub const fn plus_days(self, days: i64) -> Self {
        self.plus(days.saturating_mul(DAY_MS))
    }
}

/// A calendar day in a site's own time zone, as days since 1970-01-01. It is a label, not an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LocalDay(pub i32);

/// Where the time comes from: the machine's clock in the binary, anything else in a test or a simulation.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Millis + Send + Sync>);

impl Clock {
    /// Makes a clock that asks `now` at every reading.
    pub fn new(now: impl Fn() -> Millis + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// Reads the clock.
    #[must_use]
    pub fn now(&self) -> Millis {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_before_the_epoch_round_down() {
        assert_eq!((Millis(-1).minute(), Millis(-1).hour()), (-1, -1));
        assert_eq!((Millis(60_000).minute(), Millis(3_599_999).hour()), (1, 0));
    }
}
