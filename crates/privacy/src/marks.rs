//! Remembers which sealed records were opened, so that one that comes twice is opened once: a bit a record, for as long as the
//! key of its hour lives. It opens nothing, and must be told only of records that proved genuine.

use std::collections::{BTreeMap, HashMap};

/// Numbers that are remembered together, in words of 64: a busy minute's are dense, a quiet one's cost one such block.
const BLOCK_WORDS: usize = 8;

/// Most blocks, some 150 bytes each in memory: 27 hours of 20,000 records a second over twelve partitions, or of 2,500
/// collectors.
const BLOCKS_MAX: usize = 4_194_304;

/// The marks of all living hours.
#[derive(Default)]
pub(crate) struct Marks {
    hours: BTreeMap<i64, HashMap<Block, [u64; BLOCK_WORDS]>>,
    blocks: usize,
    /// Records that found no room.
    pub(crate) unmarked: u64,
}

/// An encapsulation, and which of its blocks of numbers.
type Block = ([u8; 32], u64);

impl Marks {
    /// Marks a record; says whether it was not marked before. One that finds no room is taken for new, also when it comes again.
    pub(crate) fn mark(&mut self, hour: i64, enc: [u8; 32], number: u64) -> bool {
        let of_hour = self.hours.entry(hour).or_default();
        let (word, bit) = (number / 64, 1_u64 << (number % 64));
        let block = (enc, word / BLOCK_WORDS as u64);
        if !of_hour.contains_key(&block) {
            if self.blocks >= BLOCKS_MAX {
                self.unmarked += 1;
                return true;
            }
            self.blocks += 1;
        }
        let words = of_hour.entry(block).or_default();
        let word = usize::try_from(word % BLOCK_WORDS as u64).ok().and_then(|word| words.get_mut(word));
        let word = word.expect("a remainder is within the block");
        let is_new = *word & bit == 0;
        *word |= bit;
        is_new
    }

    /// Forgets an hour, whose records nobody can open any more.
    pub(crate) fn forget(&mut self, hour: i64) {
        self.blocks -= self.hours.remove(&hour).map_or(0, |blocks| blocks.len());
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_knows_what_a_set_knows(
            records in prop::collection::vec((0..3_i64, 0..2_u8, prop_oneof![0..700_u64, Just(u64::MAX)]), 0..300),
            forgotten in 0..3_i64,
        ) {
            let (mut marks, mut set) = (Marks::default(), BTreeSet::new());
            for (hour, enc, number) in records.iter().copied() {
                prop_assert_eq!(marks.mark(hour, [enc; 32], number), set.insert((hour, enc, number)));
            }
            marks.forget(forgotten);
            set.retain(|(hour, ..)| *hour != forgotten);
            for (hour, enc, number) in records {
                prop_assert_eq!(marks.mark(hour, [enc; 32], number), set.insert((hour, enc, number)));
            }
            prop_assert_eq!(marks.unmarked, 0);
        }
    }

    #[test]
    fn what_finds_no_room_is_counted_and_taken_for_new() {
        let mut marks = Marks { blocks: BLOCKS_MAX, ..Marks::default() };
        assert!(marks.mark(1, [0; 32], 7) && marks.mark(1, [0; 32], 7));
        assert_eq!(marks.unmarked, 2);
    }
}
