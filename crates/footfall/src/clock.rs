//! The machine's clocks: the only place in the workspace that reads the time of day.

use std::time::UNIX_EPOCH;

use model::{Clock, Millis};
use rustix::time::{ClockId, clock_gettime};

/// A clock that reads the machine's time.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the one place where time enters the program")]
pub fn system() -> Clock {
    Clock::new(|| {
        let since = std::time::SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    })
}

/// A clock that tells the time since the machine was started. Nobody can set it, and it goes on while the machine sleeps.
#[must_use]
pub fn since_boot() -> Clock {
    Clock::new(|| {
        let since = clock_gettime(ClockId::Boottime);
        Millis(since.tv_sec.saturating_mul(1_000).saturating_add(since.tv_nsec / 1_000_000))
    })
}
