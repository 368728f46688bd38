//! The fold against the naive recount.

use fold::{Fold, Tables};
use model::{Changes, Millis};
use privacy::visitor::Secret;
use proptest::prelude::*;

use crate::oracle::{Sums, recount};
use crate::sent::Op;
use crate::traffic::traffic;

const END: Millis = Millis(1_900_000_000_000);

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn all_flushes_together_are_the_recount(ops in traffic(120), flushes in prop::collection::btree_set(0..150_usize, 0..12)) {
        let mut fold = new_fold(1);
        let mut sums = Sums::default();
        for (at, op) in ops.iter().enumerate() {
            run(&mut fold, op);
            if flushes.contains(&at) {
                take(&mut fold, &mut sums);
            }
        }
        take(&mut fold, &mut sums);
        let expected = recount(&ops);
        prop_assert_eq!(&sums.ledger, &expected.ledger);
        assert_same_cells(&sums, &expected)?;
        prop_assert_eq!(fold.pending_cells(), 0);
    }

    #[test]
    fn a_crash_at_any_point_changes_nothing(ops in traffic(80), flushed in 0..80_usize, crashed in 0..40_usize, rest in 0..40_usize) {
        let (flushed, crashed) = (flushed.min(ops.len()), (flushed + crashed).min(ops.len()));
        let mut sums = Sums::default();
        let mut fold = new_fold(1);
        ops[..flushed].iter().for_each(|op| run(&mut fold, op));
        take(&mut fold, &mut sums);
        ops[flushed..crashed].iter().for_each(|op| run(&mut fold, op));
        drop(fold);

        let mut again = new_fold(2);
        for (at, op) in ops[..flushed].iter().enumerate() {
            run(&mut again, op);
            if at % 7 == rest % 7 {
                again.discard_changes();
            }
        }
        again.discard_changes();
        prop_assert_eq!(again.pending_cells(), 0);
        for (at, op) in ops[flushed..].iter().enumerate() {
            run(&mut again, op);
            if at == rest {
                take(&mut again, &mut sums);
            }
        }
        take(&mut again, &mut sums);
        let expected = recount(&ops);
        prop_assert_eq!(&sums.ledger, &expected.ledger);
        assert_same_cells(&sums, &expected)?;
    }

    #[test]
    fn no_stored_count_is_ever_negative(ops in traffic(60)) {
        let mut fold = new_fold(1);
        let mut sums = Sums::default();
        for op in &ops {
            run(&mut fold, op);
            take(&mut fold, &mut sums);
            for (key, counts) in &sums.cells {
                let model::Counts { visitors, visits, pageviews, events, bounces, visit_seconds, .. } = *counts;
                let model::Counts { entries, exits, engaged_ms, scroll_percent, scroll_visitors, revenue_micros, .. } = *counts;
                let all = [visitors, visits, pageviews, events, bounces, visit_seconds, entries, exits, engaged_ms, scroll_percent, scroll_visitors, revenue_micros];
                prop_assert!(all.iter().all(|count| *count >= 0), "{:?} {:?}", key, counts);
            }
        }
    }

    #[test]
    fn the_same_hits_give_the_same_changes_whatever_the_secret(ops in traffic(80), flush in 0..80_usize) {
        let changes = |secret| -> Vec<Changes> {
            let mut fold = new_fold(secret);
            let (first, second) = ops.split_at(flush.min(ops.len()));
            [first, second].map(|part| {
                part.iter().for_each(|op| run(&mut fold, op));
                fold.changes(END)
            }).into()
        };
        prop_assert_eq!(changes(1), changes(2));
    }

    #[test]
    fn changes_are_sorted_and_hold_no_zero(ops in traffic(80)) {
        let mut fold = new_fold(1);
        ops.iter().for_each(|op| run(&mut fold, op));
        let changes = fold.changes(END);
        prop_assert!(changes.cells.iter().all(|cell| !cell.counts.is_zero()));
        let keys: Vec<_> = changes.cells.iter().map(|cell| {
            (cell.site.clone(), cell.day, cell.hour, cell.dimension, cell.value.clone(), cell.by, cell.by_value.clone())
        }).collect();
        prop_assert!(keys.is_sorted_by(|one, next| one < next), "sorted, and every cell once");
        prop_assert!(changes.ledger.is_sorted());
    }
}

fn new_fold(secret: u8) -> Fold {
    Fold::new(0, Secret::new([secret; 32]), Tables::default())
}

fn run(fold: &mut Fold, op: &Op) {
    op.run(fold);
}

fn take(fold: &mut Fold, sums: &mut Sums) {
    let changes = fold.changes(END);
    sums.add(changes.cells, changes.ledger);
}

/// Names the first cell that differs instead of printing hundreds.
fn assert_same_cells(found: &Sums, expected: &Sums) -> Result<(), TestCaseError> {
    for key in found.cells.keys().chain(expected.cells.keys()) {
        prop_assert_eq!(found.cells.get(key), expected.cells.get(key), "{:?}", key);
    }
    Ok(())
}
