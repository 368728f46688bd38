//! Time that does not go back. The broker's clock stamps a batch when it is appended, and it may step back, or be another
//! broker's after an election; the trait says that an entry's time never does. This holds it at the last time given.
//!
//! A reader that begins in the middle does not know what came before, so the hold reaches back to where this journal began
//! to read, not to the partition's beginning. That agrees with `first_at`: the first record stamped at T or later is also
//! the first whose held time is, so a reader that begins there sees no time before T.

use model::Millis;

use crate::Offset;

/// The furthest place read in a partition, and the time that was given there.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Hold {
    furthest: Option<(Offset, Millis)>,
    current: Option<(Offset, Millis)>,
}

impl Hold {
    /// A reading begins at `from`. Where the last one ended there it goes on; elsewhere it begins anew.
    pub(super) fn begin(&mut self, from: Offset) {
        self.current = match (self.current, self.furthest) {
            (Some((next, at)), _) if next == from => Some((next, at)),
            (_, Some((next, at))) if next <= from => Some((next, at)),
            _ => None,
        };
    }

    /// The time to give the record at `offset` that was stamped `stamp`.
    pub(super) fn hold(&mut self, offset: Offset, stamp: Millis) -> Millis {
        let mut at = self.current.map_or(stamp, |(_, last)| last.max(stamp));
        match self.furthest {
            Some((furthest, _)) if offset < furthest => {}
            known => {
                at = at.max(known.map_or(at, |(_, last)| last));
                self.furthest = Some((offset.next(), at));
            }
        }
        self.current = Some((offset.next(), at));
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(hold: &mut Hold, from: u64, stamps: &[i64]) -> Vec<i64> {
        hold.begin(Offset(from));
        stamps.iter().zip(from..).map(|(stamp, offset)| hold.hold(Offset(offset), Millis(*stamp)).0).collect()
    }

    #[test]
    fn a_clock_that_steps_back_is_held_until_it_has_caught_up() {
        let mut hold = Hold::default();
        assert_eq!(read(&mut hold, 0, &[10, 20, 5]), [10, 20, 20]);
        assert_eq!(read(&mut hold, 3, &[6, 19, 21]), [20, 20, 21], "over the border of two readings");
    }

    #[test]
    fn reading_again_gives_the_same_times() {
        let mut hold = Hold::default();
        let stamps = [10, 20, 5, 6, 30, 7];
        let first = read(&mut hold, 0, &stamps);
        assert_eq!(read(&mut hold, 0, &stamps), first);
        assert_eq!(read(&mut hold, 6, &[8]), [30]);
    }

    #[test]
    fn a_reader_that_overtakes_another_is_held_where_that_one_was() {
        let mut hold = Hold::default();
        assert_eq!(read(&mut hold, 0, &[50, 10, 10]), [50, 50, 50]);
        assert_eq!(read(&mut hold, 1, &[10, 10, 11]), [10, 10, 50]);
    }
}
