//! Recognises a second arrival of the same hit by the id its sender made for it alone, for as long as the hit's day is
//! open, and as long as a second copy can still be opened.
//!
//! Ids are kept by the hour of their hits' own time, because that is what a second copy has in common with the first: a collector
//! that heard nothing about an append sends the record again when it can, hours later, dated as it was. Errs when a sender dates
//! the second arrival more than an hour (at most two) apart from the first: it is counted again; a browser sends twice within
//! seconds. A hit without id is never recognised.

use std::collections::BTreeMap;

use hashbrown::HashSet;

/// The ids of a site's hits, by hour.
#[derive(Default)]
pub(crate) struct Duplicates {
    hours: BTreeMap<i64, Ids>,
    /// Ids of all hours.
    len: usize,
}

type Ids = HashSet<u64, foldhash::fast::RandomState>;

/// What an id turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arrived {
    First,
    Again,
    /// The first time, but there was no room to remember it.
    Unremembered,
}

impl Duplicates {
    /// Notes an id; `hour` counts hours since the epoch.
    pub(crate) fn note(&mut self, id: u64, hour: i64, ids_max: usize) -> Arrived {
        let near = self.hours.range(hour.saturating_sub(1)..=hour.saturating_add(1));
        if near.into_iter().any(|(_, ids)| ids.contains(&id)) {
            return Arrived::Again;
        }
        let ids = self.hours.entry(hour).or_default();
        if ids.len() >= ids_max {
            return Arrived::Unremembered;
        }
        ids.insert(id);
        self.len += 1;
        Arrived::First
    }

    /// Forgets the ids of the hours before `hour`.
    pub(crate) fn forget_before(&mut self, hour: i64) {
        while let Some(over) = self.hours.first_entry().filter(|over| *over.key() < hour) {
            self.len -= over.remove().len();
        }
    }

    /// Ids that are remembered.
    pub(crate) const fn len(&self) -> usize {
        self.len
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Arrived::{Again, First, Unremembered};

    #[test]
    fn knows_an_id_for_an_hour_at_least_before_and_after() {
        let mut ids = Duplicates::default();
        let arrivals = [
            (7, 100),
            (7, 100),
            (7, 101),
            (8, 101),
            (9, 100),
            (9, 101),
            (7, 102),
            (8, 102),
            (7, 102),
            (6, 102),
            (6, 101),
        ];
        let found = arrivals.map(|(id, hour)| ids.note(id, hour, 10));
        assert_eq!(found, [First, Again, Again, First, First, Again, First, Again, Again, First, Again]);
    }

    #[test]
    fn knows_what_comes_again_hours_later_dated_as_it_was() {
        let mut ids = Duplicates::default();
        let arrivals = [(7, 100), (8, 101), (8, 102), (9, 110), (7, 100), (8, 101)];
        let found = arrivals.map(|(id, hour)| ids.note(id, hour, 10));
        assert_eq!(found, [First, First, Again, First, Again, Again]);
        ids.forget_before(101);
        assert_eq!([(8, 101), (9, 110), (7, 100)].map(|(id, hour)| ids.note(id, hour, 10)), [Again, Again, First]);
    }

    #[test]
    fn counts_what_it_cannot_remember() {
        let mut ids = Duplicates::default();
        let found = [1, 2, 3, 3, 1].map(|id| ids.note(id, 1, 2));
        assert_eq!(found, [First, First, Unremembered, Unremembered, Again]);
    }
}
