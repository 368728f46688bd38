//! The sets of segments and goals that hits of one day were in, numbered as they come: what a hit is in costs two bytes of its
//! shape, and nothing where nothing is defined.

use hashbrown::HashMap;
use model::Dimension;

use crate::state::values::ValueId;

/// Number of a set within its day.
pub(crate) type LabelSetId = u16;

/// The set of a hit that is in nothing.
pub(crate) const NO_LABELS: LabelSetId = 0;

/// One segment or goal, by the number of its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Label {
    /// One of [`model::counts::LABELS`].
    pub(crate) dimension: Dimension,
    pub(crate) value: ValueId,
}

/// The sets of one day. A hit beyond their bound is in nothing.
#[derive(Default)]
pub(crate) struct LabelSets {
    /// From number 1 on.
    sets: Vec<Box<[Label]>>,
    numbers: HashMap<Box<[Label]>, LabelSetId, foldhash::fast::RandomState>,
}

impl LabelSets {
    /// Whether every hit so far was in nothing.
    pub(crate) fn is_empty(&self) -> bool {
        self.sets.is_empty()
    }

    /// A set's number; `None` if it is beyond the bound.
    pub(crate) fn number(&mut self, mut labels: Vec<Label>, sets_max: usize) -> Option<LabelSetId> {
        labels.sort_unstable();
        labels.dedup();
        if labels.is_empty() {
            return Some(NO_LABELS);
        }
        if let Some(known) = self.numbers.get(labels.as_slice()) {
            return Some(*known);
        }
        let number = LabelSetId::try_from(self.sets.len() + 1).ok().filter(|_| self.sets.len() < sets_max)?;
        let labels: Box<[Label]> = labels.into();
        self.sets.push(labels.clone());
        self.numbers.insert(labels, number);
        Some(number)
    }

    /// What is in a set, in order.
    pub(crate) fn get(&self, number: LabelSetId) -> &[Label] {
        usize::from(number).checked_sub(1).and_then(|at| self.sets.get(at)).map_or(&[], |labels| labels)
    }

    /// Whether a label is in a set.
    pub(crate) fn has(&self, number: LabelSetId, label: Label) -> bool {
        self.get(number).binary_search(&label).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_numbered_once_whatever_their_order() {
        let mut sets = LabelSets::default();
        let label = |dimension, value| Label { dimension, value };
        let (one, other) = (label(Dimension::Segment, 3), label(Dimension::Goal, 2));
        let numbers = [vec![], vec![one], vec![other, one], vec![one, other, one], vec![other]];
        assert_eq!(numbers.map(|labels| sets.number(labels, 2)), [Some(0), Some(1), Some(2), Some(2), None]);
        assert_eq!(sets.get(2), [one, other]);
        assert!(sets.has(1, one) && !sets.has(1, other) && !sets.has(NO_LABELS, one));
    }
}
