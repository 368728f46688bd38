//! The machine's clock: the only place in the workspace that reads it.

use std::time::UNIX_EPOCH;

use model::{Clock, Millis};

/// A clock that reads the machine's time.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the one place where time enters the program")]
pub fn system() -> Clock {
    Clock::new(|| {
        let since = std::time::SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    })
}
