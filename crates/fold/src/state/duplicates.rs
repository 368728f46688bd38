//! Recognises a second arrival of the same hit by the id its sender made for it alone.
//!
//! Two generations of one hour each, by the hits' own time. Errs when the second arrival is dated more than an hour (at most
//! two) after the first: it is counted again; a browser sends twice within seconds. A hit without id is never recognised.

use hashbrown::HashSet;

/// The ids of a site's last two hours.
#[derive(Default)]
pub(crate) struct Duplicates {
    hour: i64,
    current: Ids,
    previous: Ids,
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
    /// Notes an id; `hour` counts hours since the epoch. An hour older than both generations is treated as the previous one.
    pub(crate) fn note(&mut self, id: u64, hour: i64, ids_max: usize) -> Arrived {
        if hour > self.hour {
            let next = hour == self.hour.saturating_add(1);
            let last = std::mem::take(&mut self.current);
            self.previous = if next { last } else { Ids::default() };
            self.hour = hour;
        }
        if self.current.contains(&id) || self.previous.contains(&id) {
            return Arrived::Again;
        }
        let generation = if hour == self.hour { &mut self.current } else { &mut self.previous };
        if generation.len() >= ids_max {
            return Arrived::Unremembered;
        }
        generation.insert(id);
        Arrived::First
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_an_id_for_an_hour_at_least() {
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
            (1, 110),
            (8, 110),
        ];
        let found = arrivals.map(|(id, hour)| ids.note(id, hour, 10));
        use Arrived::{Again, First};
        assert_eq!(found, [First, Again, Again, First, First, Again, First, Again, Again, First, First]);
    }

    #[test]
    fn counts_what_it_cannot_remember() {
        let mut ids = Duplicates::default();
        let found = [1, 2, 3, 3, 1].map(|id| ids.note(id, 1, 2));
        use Arrived::{Again, First, Unremembered};
        assert_eq!(found, [First, First, Unremembered, Unremembered, Again]);
    }
}
