//! How many hits of each site, minute and reason were refused here, until the next flush writes them to the journal.
//!
//! A crash loses what was not flushed: at most the last second's tallies of hits that were refused anyway. The table is
//! bounded; what finds no place is counted in metrics.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use model::{Domain, Refusal, Tally};

/// Most lines between two flushes: a thousand sites with ten reasons each. One line is one record.
const LINES_MAX: usize = 10_000;

/// Refused hits that wait for the next flush.
#[derive(Default)]
pub(crate) struct Tallies(Mutex<HashMap<(Domain, i64, Refusal), u64>>);

impl Tallies {
    /// Adds refused hits; says no where the table is full.
    #[must_use]
    pub(crate) fn add(&self, tally: Tally) -> bool {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let full = lines.len() >= LINES_MAX;
        let key = (tally.site, tally.minute, tally.refusal);
        match lines.get_mut(&key) {
            Some(hits) => *hits = hits.saturating_add(tally.hits),
            None if full => return false,
            None => drop(lines.insert(key, tally.hits)),
        }
        true
    }

    /// Takes everything out.
    pub(crate) fn take(&self) -> Vec<Tally> {
        let lines = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        lines.into_iter().map(|((site, minute, refusal), hits)| Tally { site, minute, refusal, hits }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(minute: i64, hits: u64) -> Tally {
        Tally { site: Domain::parse("example.com").unwrap(), minute, refusal: Refusal::OptedOut, hits }
    }

    #[test]
    fn adds_up_by_site_minute_and_reason() {
        let tallies = Tallies::default();
        assert!(tallies.add(tally(1, 2)) && tallies.add(tally(1, 3)) && tallies.add(tally(2, 1)));
        let mut taken = tallies.take();
        taken.sort_by_key(|line| line.minute);
        assert_eq!(taken, [tally(1, 5), tally(2, 1)]);
        assert!(tallies.take().is_empty());
    }

    #[test]
    fn a_full_table_says_no_but_still_counts_what_it_knows() {
        let tallies = Tallies::default();
        for minute in 0..LINES_MAX {
            assert!(tallies.add(tally(i64::try_from(minute).unwrap(), 1)));
        }
        assert!(!tallies.add(tally(-1, 1)));
        assert!(tallies.add(tally(0, 1)));
    }
}
