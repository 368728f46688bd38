//! Where a hit lies: its value in every dimension. The cells of a point are the site's total, one cell for each dimension in
//! which it has a value (level 1), and one for each declared pair in which it has both (level 2).
//!
//! `ExitPage`, `NextPage`, `Property`, `Segment`, `Goal` and `Vital` are not part of a point: a visit's exit page moves, which page is next
//! is known later, and a hit may have many of the others.

use model::Dimension;
use model::counts::{LABELLED, LABELS, PAIRED};

use crate::state::values::{ABSENT, ValueId};

/// How many dimensions there are.
pub(crate) const DIMENSIONS: usize = Dimension::ALL.len();

/// Dimensions that are the same for a visitor all day: what its first hit said.
pub(crate) const OF_VISITOR: [Dimension; 10] = [
    Dimension::Country,
    Dimension::Region,
    Dimension::City,
    Dimension::Browser,
    Dimension::BrowserVersion,
    Dimension::Os,
    Dimension::OsVersion,
    Dimension::Device,
    Dimension::Screen,
    Dimension::Language,
];

/// Dimensions that are the same for a whole visit: what its first hit said, and its first page view.
pub(crate) const OF_VISIT: [Dimension; 9] = [
    Dimension::EntryPage,
    Dimension::Source,
    Dimension::Channel,
    Dimension::Referrer,
    Dimension::UtmSource,
    Dimension::UtmMedium,
    Dimension::UtmCampaign,
    Dimension::UtmTerm,
    Dimension::UtmContent,
];

/// Dimensions of one hit.
pub(crate) const OF_HIT: [Dimension; 3] = [Dimension::Page, Dimension::Hostname, Dimension::Event];

/// Everything a point can have a value in, the total included.
#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler: an index out of range does not compile")]
pub(crate) const SINGLES: [Dimension; 23] = {
    let mut singles = [Dimension::Total; 23];
    let parts: [&[Dimension]; 3] = [&OF_HIT, &OF_VISIT, &OF_VISITOR];
    let (mut part, mut filled) = (0, 1);
    while part < parts.len() {
        let mut at = 0;
        while at < parts[part].len() {
            singles[filled] = parts[part][at];
            filled += 1;
            at += 1;
        }
        part += 1;
    }
    assert!(filled == singles.len(), "every dimension of a point is walked");
    singles
};

/// Number of the pair (event, property), behind those of [`PAIRED`] with each other.
pub(crate) const EVENT_BY_PROPERTY: usize = PAIRED.len() * (PAIRED.len() - 1) / 2;

/// Number of the first pair of [`LABELLED`] with each of [`LABELS`].
const LABELLED_FROM: usize = EVENT_BY_PROPERTY + 1;

/// Number of the pair (segment, goal).
pub(crate) const SEGMENT_BY_GOAL: usize = LABELLED_FROM + LABELLED.len() * LABELS.len();

/// Number of the pair (funnel, step).
pub(crate) const FUNNEL_BY_STEP: usize = SEGMENT_BY_GOAL + 1;

/// Number of the pair (page, next page).
pub(crate) const PAGE_BY_NEXT_PAGE: usize = FUNNEL_BY_STEP + 1;

/// Number of the pair (page, vital).
pub(crate) const PAGE_BY_VITAL: usize = PAGE_BY_NEXT_PAGE + 1;

/// Number of the pair (device, vital).
pub(crate) const DEVICE_BY_VITAL: usize = PAGE_BY_VITAL + 1;

/// How many pairs there are.
const PAIRS_LEN: usize = DEVICE_BY_VITAL + 1;

/// Number of the pair of one of [`LABELLED`], by its place there, with a label's dimension.
pub(crate) fn labelled_pair(at: usize, label: Dimension) -> usize {
    let of = LABELS.iter().position(|known| *known == label).expect("only labels are asked for");
    LABELLED_FROM + of * LABELLED.len() + at
}

/// All pairs that are counted, the smaller dimension first.
#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler: an index out of range does not compile")]
pub(crate) const PAIRS: [(Dimension, Dimension); PAIRS_LEN] = {
    let mut pairs = [(Dimension::Event, Dimension::Property); PAIRS_LEN];
    let (mut first, mut filled) = (0, 0);
    while first < PAIRED.len() {
        let mut second = first + 1;
        while second < PAIRED.len() {
            assert!((PAIRED[first] as u8) < (PAIRED[second] as u8), "the smaller dimension comes first");
            pairs[filled] = (PAIRED[first], PAIRED[second]);
            filled += 1;
            second += 1;
        }
        first += 1;
    }
    let (mut label, mut filled) = (0, LABELLED_FROM);
    while label < LABELS.len() {
        let mut at = 0;
        while at < LABELLED.len() {
            assert!((LABELLED[at] as u8) < (LABELS[label] as u8), "the smaller dimension comes first");
            pairs[filled] = (LABELLED[at], LABELS[label]);
            filled += 1;
            at += 1;
        }
        label += 1;
    }
    pairs[SEGMENT_BY_GOAL] = (Dimension::Segment, Dimension::Goal);
    pairs[FUNNEL_BY_STEP] = (Dimension::Funnel, Dimension::Step);
    pairs[PAGE_BY_NEXT_PAGE] = (Dimension::Page, Dimension::NextPage);
    pairs[PAGE_BY_VITAL] = (Dimension::Page, Dimension::Vital);
    pairs[DEVICE_BY_VITAL] = (Dimension::Device, Dimension::Vital);
    pairs
};

/// A set of dimensions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Dimensions(u32);

impl Dimensions {
    pub(crate) const NONE: Self = Self(0);

    #[expect(clippy::indexing_slicing, reason = "evaluated by the compiler: an index out of range does not compile")]
    pub(crate) const fn of(dimensions: &[Dimension]) -> Self {
        let (mut bits, mut at) = (0, 0);
        while at < dimensions.len() {
            bits |= 1 << dimensions[at] as u32;
            at += 1;
        }
        Self(bits)
    }

    pub(crate) const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(crate) const fn has(self, dimension: Dimension) -> bool {
        self.0 & (1 << dimension as u32) != 0
    }

    /// Whether the two sets have a dimension in common.
    pub(crate) const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// The dimension alone if `is`, else none.
    pub(crate) fn when(is: bool, dimension: Dimension) -> Self {
        Self(u32::from(is) << dimension as u32)
    }
}

/// A value in every dimension; [`ABSENT`] where there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Point([ValueId; DIMENSIONS]);

impl Point {
    /// A point with a visitor's, a visit's and a hit's values.
    pub(crate) fn new(
        of_visitor: &[ValueId; OF_VISITOR.len()],
        of_visit: &[ValueId; OF_VISIT.len()],
        of_hit: [ValueId; OF_HIT.len()],
    ) -> Self {
        let mut point = Self([ABSENT; DIMENSIONS]);
        point.fill(&OF_VISITOR, of_visitor);
        point.fill(&OF_VISIT, of_visit);
        point.fill(&OF_HIT, &of_hit);
        point
    }

    /// The value in a dimension. The total's only value is the empty one.
    #[inline]
    pub(crate) fn value(&self, dimension: Dimension) -> ValueId {
        self.0.get(dimension as usize).copied().unwrap_or(ABSENT)
    }

    /// The same without what only a visit with a page view has.
    pub(crate) fn not_entered(mut self) -> Self {
        self.fill(&[Dimension::Page, Dimension::Hostname, Dimension::EntryPage], &[ABSENT; 3]);
        self
    }

    fn fill(&mut self, dimensions: &[Dimension], values: &[ValueId]) {
        for (dimension, value) in dimensions.iter().zip(values) {
            if let Some(slot) = self.0.get_mut(*dimension as usize) {
                *slot = *value;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pairs_are_those_that_may_be_asked_for() {
        for (number, (first, second)) in PAIRS.into_iter().enumerate() {
            assert!(model::counts::is_pair(first, second) && first < second, "{first:?} {second:?}");
            assert_eq!(PAIRS.iter().position(|pair| *pair == (first, second)), Some(number), "each once");
        }
        let all = Dimension::ALL.into_iter().flat_map(|one| Dimension::ALL.map(|other| (one, other)));
        let asked = all.filter(|(one, other)| one < other && model::counts::is_pair(*one, *other)).count();
        assert_eq!(asked, PAIRS.len());
        for label in LABELS {
            for (at, dimension) in LABELLED.into_iter().enumerate() {
                assert_eq!(PAIRS[labelled_pair(at, label)], (dimension, label));
            }
        }
    }
}
