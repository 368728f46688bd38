//! Tuples of values that many visitors or visits share, numbered as they come: a visitor's unchanging dimensions, a visit's.

use std::hash::BuildHasher as _;

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use crate::state::values::ValueId;

/// Number of a profile within its day.
pub(crate) type ProfileId = u32;

/// The profiles of one day.
#[derive(Default)]
pub(crate) struct Profiles<const N: usize> {
    tuples: Vec<[ValueId; N]>,
    numbers: HashTable<ProfileId>,
    hasher: RandomState,
}

impl<const N: usize> Profiles<N> {
    /// The profile's number. There are at most as many as visits, which the bound on visitors bounds.
    pub(crate) fn number(&mut self, tuple: [ValueId; N]) -> ProfileId {
        let same = |number: &ProfileId| self.tuples.get(*number as usize) == Some(&tuple);
        let hash = self.hasher.hash_one(tuple);
        if let Some(known) = self.numbers.find(hash, same) {
            return *known;
        }
        let number = ProfileId::try_from(self.tuples.len()).expect("fewer visits a day than 2^32");
        self.tuples.push(tuple);
        let (tuples, hasher) = (&self.tuples, &self.hasher);
        let hash_of = |number: &ProfileId| tuples.get(*number as usize).map_or(0, |tuple| hasher.hash_one(tuple));
        self.numbers.insert_unique(hash, number, hash_of);
        number
    }

    /// The values behind a number.
    pub(crate) fn get(&self, number: ProfileId) -> &[ValueId; N] {
        self.tuples.get(number as usize).expect("only numbers given out by `number` are asked for")
    }
}
