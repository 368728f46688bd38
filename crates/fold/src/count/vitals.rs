//! Counting web vitals: each measurement is one event in the cells of its bucket, the site's, its page's and its device's, of the day.
//!
//! No visitor is behind them, on purpose: the cells hold nothing else, so no sum of theirs is anybody's. A closed day folds the
//! measurements of a page or device that has too few of a vital (`store`).

use model::Dimension;

use crate::cells::pending::Pending;
use crate::cells::point::{DEVICE_BY_VITAL, PAGE_BY_VITAL};
use crate::state::values::{ABSENT, ValueId};

/// Counts the buckets of what one page view measured. Says how many cells were folded.
pub(crate) fn count(
    pending: &mut Pending,
    (page, device): (ValueId, ValueId),
    buckets: &[ValueId],
    cells_max: usize,
) -> u64 {
    let mut all_folded = 0;
    for bucket in buckets {
        pending.day(Dimension::Vital, *bucket).events += 1;
        for (pair, value) in [(PAGE_BY_VITAL, page), (DEVICE_BY_VITAL, device)] {
            if value != ABSENT {
                let (counts, folded) = pending.pair((pair, value, *bucket), cells_max);
                counts.events += 1;
                all_folded += u64::from(folded);
            }
        }
    }
    all_folded
}
