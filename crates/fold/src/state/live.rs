//! How many visitors were seen in the last five minutes, without looking at any of them: a ring of ten-second ticks, each
//! with the number of visitors whose latest hit lies in it. A hit moves its visitor from one tick to another.
//!
//! Exact to ten seconds. Errs at local midnight: who goes on past it is a new visitor, and counts twice for five minutes.

use model::Millis;

const TICK_MS: i64 = 10_000;

/// Five minutes.
const TICKS_SHOWN: i64 = 30;

/// More than are shown, for hits a little ahead of `now` or behind each other.
const TICKS_KEPT: usize = 64;

/// The ring of one site.
pub(crate) struct Live {
    ticks: [Tick; TICKS_KEPT],
}

#[derive(Clone, Copy)]
struct Tick {
    number: i64,
    visitors: u64,
}

impl Default for Live {
    fn default() -> Self {
        Self { ticks: [Tick { number: i64::MIN, visitors: 0 }; TICKS_KEPT] }
    }
}

impl Live {
    /// Notes a hit of a visitor whose latest one before it was at `before`.
    pub(crate) fn seen(&mut self, before: Option<Millis>, at: Millis) {
        let (left, entered) = (before.map(tick), tick(at));
        if left == Some(entered) {
            return;
        }
        if let Some(tick) = left.and_then(|number| self.slot(number)) {
            tick.visitors -= 1;
        }
        if let Some(tick) = self.slot(entered) {
            tick.visitors += 1;
        }
    }

    /// Forgets a visitor whose latest hit was at `last`.
    pub(crate) fn left(&mut self, last: Millis) {
        if let Some(tick) = self.slot(tick(last)) {
            tick.visitors = tick.visitors.saturating_sub(1);
        }
    }

    /// Visitors of the five minutes before `now`, this tick included.
    pub(crate) fn visitors(&self, now: Millis) -> u64 {
        let oldest = tick(now) - TICKS_SHOWN + 1;
        self.ticks.iter().filter(|tick| tick.number >= oldest).map(|tick| tick.visitors).sum()
    }

    /// The slot of a tick, taken over from an older one; none if a newer one has it already.
    fn slot(&mut self, number: i64) -> Option<&mut Tick> {
        let at = usize::try_from(number.rem_euclid(TICKS_KEPT as i64)).ok()?;
        let slot = self.ticks.get_mut(at)?;
        if slot.number < number {
            *slot = Tick { number, visitors: 0 };
        }
        (slot.number == number).then_some(slot)
    }
}

fn tick(at: Millis) -> i64 {
    at.0.div_euclid(TICK_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_visitor_counts_once_and_for_five_minutes() {
        let mut live = Live::default();
        let start = 1_800_000_000_000;
        live.seen(None, Millis(start));
        live.seen(None, Millis(start + 60_000));
        live.seen(Some(Millis(start)), Millis(start + 90_000));
        let at = |ms| live.visitors(Millis(start + ms));
        assert_eq!([at(90_000), at(350_000), at(360_000), at(380_000), at(390_000)], [2, 2, 1, 1, 0]);
    }

    #[test]
    fn who_is_forgotten_is_not_there() {
        let mut live = Live::default();
        live.seen(None, Millis(1_000_000));
        live.seen(None, Millis(1_020_000));
        live.left(Millis(1_000_000));
        assert_eq!(live.visitors(Millis(1_030_000)), 1);
    }

    #[test]
    fn an_old_hit_does_not_disturb_the_ring() {
        let mut live = Live::default();
        live.seen(None, Millis(10_000_000));
        live.seen(None, Millis(10_000_000 - 64 * TICK_MS));
        live.seen(Some(Millis(10_000_000 - 64 * TICK_MS)), Millis(10_010_000));
        assert_eq!(live.visitors(Millis(10_010_000)), 2);
    }
}
