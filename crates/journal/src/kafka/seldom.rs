//! Lets what repeats be said only now and then: a client whose brokers are away complains several times a second, for as long as
//! they are.
//!
//! It is one for the whole process, because clients are made anew while brokers are away. It decides nothing but whether a line
//! is written; what was complained about last is kept elsewhere.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long nothing more of the same kind is said.
const EVERY: Duration = Duration::from_secs(600);
/// Most kinds that are told apart; what is beyond counts as one.
const KINDS_MAX: usize = 64;

static SAID: Mutex<BTreeMap<String, Said>> = Mutex::new(BTreeMap::new());

struct Said {
    at: Instant,
    left_out: u64,
}

/// Whether something of this kind is to be said now; then how many of its kind were left out since the last time.
pub(super) fn due(kind: &str) -> Option<u64> {
    due_at(&mut SAID.lock().unwrap_or_else(PoisonError::into_inner), kind, Instant::now())
}

fn due_at(all: &mut BTreeMap<String, Said>, kind: &str, now: Instant) -> Option<u64> {
    let kind = if all.len() < KINDS_MAX || all.contains_key(kind) { kind } else { "others" };
    match all.get_mut(kind) {
        Some(said) if now.duration_since(said.at) < EVERY => {
            said.left_out += 1;
            None
        }
        Some(said) => {
            said.at = now;
            Some(std::mem::take(&mut said.left_out))
        }
        None => {
            all.insert(kind.to_owned(), Said { at: now, left_out: 0 });
            Some(0)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_each_kind_is_said_and_then_one_in_ten_minutes_with_what_was_left_out() {
        let (mut all, begun) = (BTreeMap::new(), Instant::now());
        let mut due = |kind: &str, seconds| due_at(&mut all, kind, begun + Duration::from_secs(seconds));
        assert_eq!((due("away", 0), due("denied", 0)), (Some(0), Some(0)));
        assert!((1..600).all(|second| due("away", second).is_none()));
        assert_eq!((due("away", 600), due("away", 601)), (Some(599), None));
    }

    #[test]
    fn kinds_are_bounded_and_what_is_beyond_is_still_said() {
        let (mut all, now) = (BTreeMap::new(), Instant::now());
        let said = (0..1_000).filter(|kind| due_at(&mut all, &kind.to_string(), now).is_some()).count();
        assert_eq!((said, all.len()), (KINDS_MAX + 1, KINDS_MAX + 1));
    }
}
