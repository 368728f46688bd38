//! Uniqueness by projection: in which cells a visitor (or a visit) has been before, from the few distinct shapes of its hits.
//!
//! A cell asks for equal values in one or two dimensions. An earlier hit was in the same cell of dimensions `m` as this one
//! if and only if both have equal values in all of `m`. So every earlier shape is compared with the new hit once, giving
//! the set of dimensions in which they agree; the visitor has been in the hit's cell of `m` if and only if one of those
//! sets contains `m`. No cell keeps a list of its visitors, and nothing is approximated.

use model::Dimension;
use model::counts::PAIRED;

use crate::cells::point::{Dimensions, EVENT_BY_PROPERTY};
use crate::state::visitor::LastSeen;

/// The cells of a hit in which its visitor or visit has been before.
#[derive(Clone, Copy, Default)]
pub(crate) struct Seen {
    /// Level 1, and the total.
    singles: Dimensions,
    /// Level 2: a bit for each of [`PAIRS`] up to (event, property). A label's pairs are looked back at by its own hits alone.
    pairs: u32,
}

impl Seen {
    /// Notes the dimensions in which one earlier shape agrees with the hit.
    #[inline]
    pub(crate) fn note(&mut self, equal: Dimensions) {
        self.singles = self.singles.with(equal).with(TOTAL);
        let paired =
            PAIRED.iter().enumerate().map(|(at, dimension)| usize::from(equal.has(*dimension)) << at).sum::<usize>();
        self.pairs |= PAIRS_WITHIN.get(paired).copied().unwrap_or_default();
        self.pairs |= u32::from(equal.has(Dimension::Event) && equal.has(Dimension::Property)) << EVENT_BY_PROPERTY;
    }

    /// One for a cell of level 0 or 1 that is new, else nothing.
    #[inline]
    pub(crate) fn new_in(&self, dimension: Dimension) -> i64 {
        i64::from(!self.singles.has(dimension))
    }

    /// One for a cell of level 2 that is new, else nothing.
    #[inline]
    pub(crate) fn new_in_pair(&self, pair: usize) -> i64 {
        i64::from(self.pairs & (1 << pair) == 0)
    }
}

/// In which cells of a hit its visitor has been before on this day and in this hour, and its visit.
#[derive(Default)]
pub(crate) struct LookBack {
    pub(crate) day: Seen,
    pub(crate) hour: Seen,
    pub(crate) visit: Seen,
}

impl LookBack {
    #[inline]
    pub(crate) fn note(&mut self, earlier: LastSeen, now: LastSeen, equal: Dimensions) {
        self.day.note(equal);
        if earlier.hour == now.hour {
            self.hour.note(equal);
        }
        if earlier.visit == now.visit {
            self.visit.note(equal);
        }
    }
}

const TOTAL: Dimensions = Dimensions::of(&[Dimension::Total]);

/// For every set of paired dimensions, the pairs it contains.
#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler: an index out of range does not compile")]
const PAIRS_WITHIN: [u32; 1 << PAIRED.len()] = {
    let mut within = [0; 1 << PAIRED.len()];
    let mut set = 0;
    while set < within.len() {
        let (mut first, mut pair) = (0, 0);
        while first < PAIRED.len() {
            let mut second = first + 1;
            while second < PAIRED.len() {
                if set & (1 << first) != 0 && set & (1 << second) != 0 {
                    within[set] |= 1 << pair;
                }
                pair += 1;
                second += 1;
            }
            first += 1;
        }
        set += 1;
    }
    within
};

const _: () = assert!(EVENT_BY_PROPERTY < 32, "a bit for every pair");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cells::point::PAIRS;

    #[test]
    fn a_pair_is_seen_only_when_one_shape_had_both() {
        let mut seen = Seen::default();
        assert_eq!((seen.new_in(Dimension::Total), seen.new_in(Dimension::Page)), (1, 1));
        seen.note(Dimensions::of(&[Dimension::Page]));
        seen.note(Dimensions::of(&[Dimension::Source, Dimension::Device]));
        let new = |pair: usize| seen.new_in_pair(pair) == 1;
        for (number, (first, second)) in PAIRS.into_iter().take(EVENT_BY_PROPERTY + 1).enumerate() {
            assert_eq!(new(number), (first, second) != (Dimension::Source, Dimension::Device), "{first:?} {second:?}");
        }
        assert_eq!(
            [Dimension::Total, Dimension::Page, Dimension::Source, Dimension::Event].map(|d| seen.new_in(d)),
            [0, 0, 0, 1]
        );
    }
}
