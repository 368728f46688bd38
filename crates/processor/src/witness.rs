//! The second clock that the destruction of a key needs: what is destroyed too early is lost for everybody, so one clock that runs
//! ahead must not be enough.
//!
//! Where the journal is others', the brokers' clock is the second one: a look at it is carried on by a clock that never steps.
//! A processor that has not heard it since its start destroys nothing. On one machine alone there is no other clock, so the
//! machine's own is believed at the start and carried on in the same way; a step away from it is believed once it has lasted for
//! [`BELIEVED_AFTER_MS`], and told until then.
//!
//! It destroys nothing and decides nothing about a key's life: it says what time it surely is.

use std::sync::{Mutex, PoisonError};

use model::{Clock, Millis};

/// How far two clocks may be apart before that is worth a word: machines with NTP are within a second.
pub const APART_MAX_MS: i64 = 5 * 60_000;
/// How long a step of the machine's own clock has to last before it is taken for its mending. Somebody was told meanwhile, and a
/// key lives no longer than that beyond its time.
pub const BELIEVED_AFTER_MS: i64 = 3 * 3_600_000;

/// What time it is, as far as two clocks say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    /// For what can be made good: the second clock's word where it was heard, else this machine's.
    pub likely: Millis,
    /// For what can not: no later than either clock. Nothing where the second one was not heard.
    pub sure: Option<Millis>,
    /// How far this machine's clock is ahead of the second one, where that was heard.
    pub ahead_ms: Option<i64>,
}

impl Told {
    /// Whether the clocks are so far apart that one of them must be wrong.
    #[must_use]
    pub fn is_apart(self) -> bool {
        self.ahead_ms.is_some_and(|ahead| ahead.abs() > APART_MAX_MS)
    }
}

/// A second clock.
pub struct Witness {
    since_boot: Clock,
    /// Whether somebody else's clock is looked at, from time to time.
    has_other: bool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// What the second clock said, and when that was since boot.
    heard: Option<(Millis, Millis)>,
    /// Since when this machine's own clock keeps step at another place, and how far ahead that is.
    stepped: Option<(Millis, i64)>,
}

impl Witness {
    /// The brokers' clock, not heard yet. `since_boot` never steps, and goes on while the machine sleeps.
    #[must_use]
    pub fn brokers(since_boot: Clock) -> Self {
        Self { since_boot, has_other: true, state: Mutex::default() }
    }

    /// This machine's own clock as it is `now`, carried on by `since_boot`.
    #[must_use]
    pub fn alone(since_boot: Clock, now: Millis) -> Self {
        let heard = Some((now, since_boot.now()));
        Self { since_boot, has_other: false, state: Mutex::new(State { heard, stepped: None }) }
    }

    /// The second clock said `at`, just now.
    pub fn hear(&self, at: Millis) {
        let heard = Some((at, self.since_boot.now()));
        self.state.lock().unwrap_or_else(PoisonError::into_inner).heard = heard;
    }

    /// What time it is, where this machine's clock says `now`.
    #[must_use]
    pub fn tell(&self, now: Millis) -> Told {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let since_boot = self.since_boot.now();
        let Some((at, then)) = state.heard else { return Told { likely: now, sure: None, ahead_ms: None } };
        let carried = at.plus(since_boot.0.saturating_sub(then.0));
        let ahead = now.0.saturating_sub(carried.0);
        let told = Told {
            likely: if self.has_other { carried } else { now },
            sure: Some(now.min(carried)),
            ahead_ms: Some(ahead),
        };
        if self.has_other || !told.is_apart() {
            state.stepped = None;
            return told;
        }
        match state.stepped {
            Some((since, step)) if (ahead - step).abs() <= APART_MAX_MS => {
                if since_boot.0.saturating_sub(since.0) < BELIEVED_AFTER_MS {
                    return told;
                }
                *state = State { heard: Some((now, since_boot)), stepped: None };
                Told { likely: now, sure: Some(now), ahead_ms: Some(0) }
            }
            _ => {
                state.stepped = Some((since_boot, ahead));
                told
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicI64, Ordering};

    use super::*;

    const HOUR: i64 = 3_600_000;
    const DAY: i64 = 24 * HOUR;
    const NOW: Millis = Millis(500_000 * HOUR);

    /// A clock since boot that a test moves.
    fn boot() -> (Arc<AtomicI64>, Clock) {
        let ms = Arc::new(AtomicI64::new(77_000));
        let read = Arc::clone(&ms);
        (ms, Clock::new(move || Millis(read.load(Ordering::Relaxed))))
    }

    #[test]
    fn what_the_brokers_said_is_carried_on_and_neither_clock_alone_can_make_it_later() {
        let (boot, since_boot) = boot();
        let witness = Witness::brokers(since_boot);
        assert_eq!(witness.tell(NOW), Told { likely: NOW, sure: None, ahead_ms: None });
        witness.hear(NOW);
        boot.fetch_add(2 * HOUR, Ordering::Relaxed);
        let later = NOW.plus(2 * HOUR);
        assert_eq!(witness.tell(later), Told { likely: later, sure: Some(later), ahead_ms: Some(0) });
        let (ahead, behind) = (witness.tell(later.plus(DAY)), witness.tell(later.plus(-DAY)));
        assert_eq!(ahead, Told { likely: later, sure: Some(later), ahead_ms: Some(DAY) });
        assert_eq!(behind, Told { likely: later, sure: Some(later.plus(-DAY)), ahead_ms: Some(-DAY) });
        assert!(ahead.is_apart() && behind.is_apart() && !witness.tell(later.plus(APART_MAX_MS)).is_apart());
        // However long it lasts: somebody else's clock is asked again, and believed again.
        boot.fetch_add(9 * HOUR, Ordering::Relaxed);
        assert_eq!(witness.tell(later.plus(9 * HOUR + DAY)).sure, Some(later.plus(9 * HOUR)));
        witness.hear(later.plus(9 * HOUR + DAY));
        assert_eq!(witness.tell(later.plus(9 * HOUR + DAY)).sure, Some(later.plus(9 * HOUR + DAY)));
    }

    #[test]
    fn a_machine_alone_believes_a_step_of_its_clock_only_once_it_has_lasted() {
        for step in [DAY, -DAY] {
            let (boot, since_boot) = boot();
            let witness = Witness::alone(since_boot, NOW);
            assert_eq!(witness.tell(NOW), Told { likely: NOW, sure: Some(NOW), ahead_ms: Some(0) });
            let at = |passed: i64| NOW.plus(passed + step);
            let sure = |passed: i64| Some(NOW.plus(passed + step.min(0)));
            assert_eq!(witness.tell(at(0)).sure, sure(0));
            boot.fetch_add(BELIEVED_AFTER_MS - 1, Ordering::Relaxed);
            assert_eq!(witness.tell(at(BELIEVED_AFTER_MS - 1)).sure, sure(BELIEVED_AFTER_MS - 1));
            boot.fetch_add(1, Ordering::Relaxed);
            let believed = at(BELIEVED_AFTER_MS);
            assert_eq!(witness.tell(believed), Told { likely: believed, sure: Some(believed), ahead_ms: Some(0) });
        }
    }

    #[test]
    fn a_clock_that_steps_back_in_time_is_as_if_it_had_never_stepped() {
        let (boot, since_boot) = boot();
        let witness = Witness::alone(since_boot, NOW);
        for _hour in 0..9 {
            boot.fetch_add(HOUR, Ordering::Relaxed);
            // Ahead by a day for two hours out of three: nowhere for long enough.
            let passed = boot.load(Ordering::Relaxed) - 77_000;
            let step = if passed % (3 * HOUR) == 0 { 0 } else { DAY };
            assert_eq!(witness.tell(NOW.plus(passed + step)).sure, Some(NOW.plus(passed)));
        }
    }
}
