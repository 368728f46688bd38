//! Changes of one day's cells that wait for the next flush, netted: a correction meets what it corrects before anything is
//! written down.
//!
//! Levels 0 and 1 are vectors found by number, level 2 is a table. The invariant: taking leaves nothing behind, and what is
//! taken, summed over any flushes, is what one flush would have taken.

use std::hash::{Hash, Hasher};

use hashbrown::HashMap;
use model::{Cell, Counts, Dimension, Domain, LocalDay};

use crate::cells::point::{DIMENSIONS, PAIRS};
use crate::state::values::{FOLDED, ValueId, Values};

/// The day's 24 hours on the wall, and the day itself.
const BUCKETS: usize = 25;
const WHOLE_DAY: usize = 24;

/// The cell has no change waiting.
const NOWHERE: u32 = u32::MAX;

/// Waiting changes of one day.
pub(crate) struct Pending {
    buckets: [Option<Box<Bucket>>; BUCKETS],
    /// For each pair, the cells that were met on this day, by number. A table each: most are small and stay in the cache.
    known: [HashMap<PairValues, CellNumber, foldhash::fast::RandomState>; PAIRS.len()],
    /// By a level-2 cell's number, where its change waits, or [`NOWHERE`].
    waiting: Vec<u32>,
    changes: Vec<PairChange>,
}

/// Number of a level-2 cell within its day.
type CellNumber = u32;

/// A level-2 cell's two values.
#[derive(Clone, Copy, PartialEq, Eq)]
struct PairValues {
    first: ValueId,
    second: ValueId,
}

/// One number instead of two: this is hashed fifteen times a hit.
impl Hash for PairValues {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u32(u32::from(self.first) << 16 | u32::from(self.second));
    }
}

/// A waiting change of level 2.
struct PairChange {
    number: CellNumber,
    pair: u8,
    values: PairValues,
    counts: Counts,
}

/// The cells of levels 0 and 1 in one hour, or in the day.
#[derive(Default)]
struct Bucket {
    columns: [Column; DIMENSIONS],
}

/// The cells of one dimension, by their value's number.
#[derive(Default)]
struct Column {
    slots: Vec<Slot>,
    touched: Vec<ValueId>,
}

#[derive(Clone, Default)]
struct Slot {
    counts: Counts,
    touched: bool,
}

impl Default for Pending {
    fn default() -> Self {
        Self {
            buckets: [const { None }; BUCKETS],
            known: std::array::from_fn(|_| HashMap::default()),
            waiting: Vec::new(),
            changes: Vec::new(),
        }
    }
}

impl Pending {
    /// The whole day's change of a cell of level 0 or 1.
    #[inline]
    pub(crate) fn day(&mut self, dimension: Dimension, value: ValueId) -> &mut Counts {
        self.at(WHOLE_DAY, dimension, value)
    }

    /// One hour's change of a cell of level 0 or 1.
    #[inline]
    pub(crate) fn hour(&mut self, hour: u8, dimension: Dimension, value: ValueId) -> &mut Counts {
        self.at(usize::from(hour), dimension, value)
    }

    /// The day's change of a cell of level 2. Beyond the bound on cells it is the pair's `(other)`; a cell that has been
    /// given out stays itself. Says whether it was folded.
    #[inline]
    pub(crate) fn pair(
        &mut self,
        (pair, first, second): (usize, ValueId, ValueId),
        cells_max: usize,
    ) -> (&mut Counts, bool) {
        let mut values = PairValues { first, second };
        let mut number = self.know(pair, values, cells_max);
        let folded = number.is_none();
        if folded {
            values = PairValues { first: FOLDED, second: FOLDED };
            number = self.know(pair, values, usize::MAX);
        }
        let number = number.expect("there is always room for `(other)`");
        let waiting = self.waiting.get_mut(number as usize).expect("a place for every known cell");
        if *waiting == NOWHERE {
            *waiting = u32::try_from(self.changes.len()).expect("fewer cells than 2^32");
            let pair = u8::try_from(pair).expect("fewer than 256 pairs");
            self.changes.push(PairChange { number, pair, values, counts: Counts::default() });
        }
        let change = self.changes.get_mut(*waiting as usize).expect("where it waits");
        (&mut change.counts, folded)
    }

    /// Turns every waiting change round. What is counted between two calls is thereby taken back instead.
    pub(crate) fn negate(&mut self) {
        for column in self.buckets.iter_mut().flatten().flat_map(|bucket| &mut bucket.columns) {
            for value in &column.touched {
                if let Some(slot) = column.slots.get_mut(usize::from(*value)) {
                    slot.counts = -slot.counts;
                }
            }
        }
        for change in &mut self.changes {
            change.counts = -change.counts;
        }
    }

    /// How many cells have a change waiting.
    pub(crate) fn len(&self) -> usize {
        let columns = self.buckets.iter().flatten().flat_map(|bucket| &bucket.columns);
        columns.map(|column| column.touched.len()).sum::<usize>() + self.changes.len()
    }

    /// Forgets all waiting changes.
    pub(crate) fn discard(&mut self) {
        self.buckets = [const { None }; BUCKETS];
        self.changes.clear();
        self.waiting.fill(NOWHERE);
    }

    /// Takes all waiting changes, in no order. An hour's vectors go with it; the day's stay for the next flush.
    pub(crate) fn take(&mut self, site: &Domain, day: LocalDay, values: &ValueTables, into: &mut Vec<Cell>) {
        for (at, slot) in self.buckets.iter_mut().enumerate() {
            let hour = u8::try_from(at).ok().filter(|_| at != WHOLE_DAY);
            if let Some(bucket) = slot {
                bucket.take(|dimension, value, counts| {
                    let value = values.text(dimension, value).into();
                    into.push(Cell {
                        site: site.clone(),
                        day,
                        hour,
                        dimension,
                        value,
                        by: Dimension::Total,
                        by_value: Box::default(),
                        counts,
                    });
                });
            }
            if hour.is_some() {
                *slot = None;
            }
        }
        for PairChange { number, pair, values: PairValues { first, second }, counts } in self.changes.drain(..) {
            if let Some(waiting) = self.waiting.get_mut(number as usize) {
                *waiting = NOWHERE;
            }
            if !counts.is_zero() {
                let (dimension, by) =
                    PAIRS.get(usize::from(pair)).copied().expect("only pairs of the list are counted");
                let (value, by_value) = (values.text(dimension, first).into(), values.text(by, second).into());
                into.push(Cell { site: site.clone(), day, hour: None, dimension, value, by, by_value, counts });
            }
        }
    }

    fn at(&mut self, bucket: usize, dimension: Dimension, value: ValueId) -> &mut Counts {
        let bucket = self.buckets.get_mut(bucket).expect("a day has 24 hours").get_or_insert_default();
        let column = bucket.columns.get_mut(dimension as usize).expect("a column for every dimension");
        column.at(value)
    }

    /// The number of a pair's cell, given to it now if there is room for one more.
    #[inline]
    fn know(&mut self, pair: usize, values: PairValues, cells_max: usize) -> Option<CellNumber> {
        let known = self.known.get_mut(pair).expect("a table for every pair");
        if let Some(number) = known.get(&values) {
            return Some(*number);
        }
        if known.len() >= cells_max {
            return None;
        }
        let number = CellNumber::try_from(self.waiting.len()).expect("fewer cells than 2^32");
        self.waiting.push(NOWHERE);
        known.insert(values, number);
        Some(number)
    }
}

impl Bucket {
    fn take(&mut self, mut give: impl FnMut(Dimension, ValueId, Counts)) {
        for (dimension, column) in Dimension::ALL.into_iter().zip(&mut self.columns) {
            for value in column.touched.drain(..) {
                let Some(slot) = column.slots.get_mut(usize::from(value)) else { continue };
                let counts = std::mem::take(slot).counts;
                if !counts.is_zero() {
                    give(dimension, value, counts);
                }
            }
        }
    }
}

impl Column {
    #[inline]
    fn at(&mut self, value: ValueId) -> &mut Counts {
        let at = usize::from(value);
        if at >= self.slots.len() {
            self.slots.resize_with(at + 1, Slot::default);
        }
        let slot = self.slots.get_mut(at).expect("just made long enough");
        if !slot.touched {
            slot.touched = true;
            self.touched.push(value);
        }
        &mut slot.counts
    }
}

/// The values of every dimension on one day. Pages, entry pages, exit pages and next pages share one table.
#[derive(Default)]
pub(crate) struct ValueTables {
    tables: [Values; DIMENSIONS],
}

impl ValueTables {
    /// A value's number, [`FOLDED`] beyond the bound, which is then counted in `folded`.
    pub(crate) fn number(&mut self, dimension: Dimension, text: &str, values_max: usize, folded: &mut u64) -> ValueId {
        let table = self.tables.get_mut(table_of(dimension)).expect("a table for every dimension");
        table.number(text, values_max).unwrap_or_else(|| {
            *folded += 1;
            FOLDED
        })
    }

    /// The value behind a number.
    pub(crate) fn text(&self, dimension: Dimension, value: ValueId) -> &str {
        self.tables.get(table_of(dimension)).expect("a table for every dimension").text(value)
    }
}

fn table_of(dimension: Dimension) -> usize {
    match dimension {
        Dimension::EntryPage | Dimension::ExitPage | Dimension::NextPage => Dimension::Page as usize,
        other => other as usize,
    }
}
