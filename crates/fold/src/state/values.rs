//! The values of one dimension on one day, numbered as they come. Numbers are 16 bits wide, so that a hit's place in every
//! dimension fits one cache line.
//!
//! Invariant: number 0 is "no value", number 1 is `(other)`; beyond the bound every new value is `(other)`.

use std::hash::BuildHasher as _;

use foldhash::fast::RandomState;
use hashbrown::HashTable;
use model::limits::{OTHER, VALUES_PER_DIMENSION_MAX};

/// Number of a value within its dimension and day.
pub(crate) type ValueId = u16;

/// No value: there is no cell.
pub(crate) const ABSENT: ValueId = 0;

/// The value that folded values share.
pub(crate) const FOLDED: ValueId = 1;

const _: () = assert!(VALUES_PER_DIMENSION_MAX + 2 <= ValueId::MAX as usize + 1, "every value needs a number");

/// The values of one dimension.
pub(crate) struct Values {
    texts: Vec<Box<str>>,
    numbers: HashTable<ValueId>,
    hasher: RandomState,
}

impl Default for Values {
    fn default() -> Self {
        let mut values =
            Self { texts: vec![Box::default()], numbers: HashTable::new(), hasher: RandomState::default() };
        values.add(OTHER);
        values
    }
}

impl Values {
    /// The value's number; `None` if it is beyond the bound and shares [`FOLDED`].
    pub(crate) fn number(&mut self, text: &str, values_max: usize) -> Option<ValueId> {
        if text.is_empty() {
            return Some(ABSENT);
        }
        let same = |number: &ValueId| self.texts.get(usize::from(*number)).is_some_and(|known| **known == *text);
        if let Some(known) = self.numbers.find(self.hasher.hash_one(text), same) {
            return Some(*known);
        }
        (self.texts.len() < values_max.min(VALUES_PER_DIMENSION_MAX) + 2).then(|| self.add(text))
    }

    /// The value behind a number.
    pub(crate) fn text(&self, number: ValueId) -> &str {
        self.texts.get(usize::from(number)).expect("only numbers given out by `number` are asked for")
    }

    fn add(&mut self, text: &str) -> ValueId {
        let number = ValueId::try_from(self.texts.len()).expect("the bound leaves room (asserted above)");
        self.texts.push(text.into());
        let (texts, hasher) = (&self.texts, &self.hasher);
        let hash_of =
            |number: &ValueId| texts.get(usize::from(*number)).map_or(0, |text| hasher.hash_one::<&str>(text));
        self.numbers.insert_unique(hasher.hash_one(text), number, hash_of);
        number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_values_once_and_folds_beyond_the_bound() {
        let mut values = Values::default();
        let numbers = ["", "(other)", "a", "b", "a", "c", "b"].map(|text| values.number(text, 2));
        assert_eq!(numbers, [Some(0), Some(1), Some(2), Some(3), Some(2), None, Some(3)]);
        assert_eq!([0, 1, 2, 3].map(|number| values.text(number)), ["", "(other)", "a", "b"]);
    }

    #[test]
    fn finds_every_value_again_after_growing() {
        let mut values = Values::default();
        let numbers: Vec<_> = (0..5_000).map(|number| values.number(&format!("/{number}"), 50_000)).collect();
        for (number, known) in numbers.into_iter().enumerate() {
            assert_eq!(values.number(&format!("/{number}"), 50_000), known);
            assert_eq!(values.text(known.unwrap()), format!("/{number}"));
        }
    }
}
