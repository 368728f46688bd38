//! What happens when there is too much of something: it is folded or refused, it is counted, and the totals stay right.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use fold::{Bounds, Fold, Overflows, Tables};
use model::limits::{OTHER, VALUES_PER_DIMENSION_MAX};
use model::{Counts, Dimension, Hit, Lowering, Measured, Millis, Outcome, Peer, Refusal, Right};
use privacy::visitor::Secret;
use proptest::prelude::*;

use crate::oracle::{Sums, recount};
use crate::sent::{HOUR, MINUTE, Op, Sent, site};
use crate::traffic::traffic;

const NOON: i64 = 1_800_014_400_000;
const ROOMY: Bounds = Bounds {
    values: 1_000,
    cells_per_pair: 1_000,
    visitors: 1_000,
    shapes: 1_000,
    hits_per_visitor: 1_000,
    restrictions: 1_000,
    ids_per_hour: 1_000,
    label_sets: 1_000,
    visitors_in_all: 1_000,
    remembered_in_all: 10_000,
};

#[test]
fn too_many_values_share_one_cell_in_which_a_visitor_counts_once() {
    let (sums, overflows) = fold_all(Bounds { values: 1, ..ROOMY }, &["/a", "/b", "/c", "/b"]);
    assert_eq!(
        page(&sums, OTHER),
        Counts { visitors: 1, visits: 1, pageviews: 3, events: 3, exits: 1, ..Counts::default() }
    );
    assert_eq!((page(&sums, "/a").pageviews, page(&sums, "/b")), (1, Counts::default()));
    assert_eq!(overflows, Overflows { values: 3, ..Overflows::default() });
}

#[test]
fn too_many_cells_of_a_pair_share_one() {
    let (sums, overflows) = fold_all(Bounds { cells_per_pair: 1, ..ROOMY }, &["/a", "/b", "/c"]);
    let pair = |one: &str, by: &str| {
        let is = |(key, _): &(&crate::oracle::Key, _)| {
            (key.3, &*key.4, key.5, &*key.6) == (Dimension::Page, one, Dimension::Device, by)
        };
        sums.cells.iter().find(is).map_or(0, |(_, counts)| counts.pageviews)
    };
    assert_eq!((pair("/a", "Desktop"), pair("/b", "Desktop"), pair(OTHER, OTHER)), (1, 0, 2));
    assert!(overflows.cells > 0 && overflows.values == 0);
}

#[test]
fn a_visitor_of_too_many_shapes_goes_on_under_other() {
    let (sums, overflows) = fold_all(Bounds { shapes: 2, ..ROOMY }, &["/a", "/b", "/c", "/a", "/d"]);
    assert_eq!(
        page(&sums, OTHER),
        Counts { visitors: 1, visits: 1, pageviews: 3, events: 3, exits: 1, ..Counts::default() }
    );
    assert_eq!((page(&sums, "/a").pageviews, page(&sums, "/b").exits), (1, 0));
    assert_eq!(overflows, Overflows { shapes: 3, ..Overflows::default() });
}

#[test]
fn a_visitor_too_many_is_counted_without_being_known() {
    let mut fold = Fold::with_bounds(0, Secret::new([1; 32]), Tables::default(), Bounds { visitors: 1, ..ROOMY });
    let sent = Sent::view(NOON, "/a");
    let other = Sent { address: "192.0.2.2", ..sent.clone() };
    assert_eq!(
        [&sent, &other, &sent].map(|sent| fold.apply(&sent.site, sent.hit())),
        [Outcome::Counted(Measured::Full), Outcome::Minimal(Some(Lowering::Crowd)), Outcome::Counted(Measured::Full)]
    );
    assert_eq!((fold.visitors(), fold.overflows().visitors), (1, 1));
    let total = fold.changes(Millis(NOON)).cells[0].counts;
    assert_eq!((total.visitors, total.pageviews), (1, 3));
}

#[test]
fn visitors_of_all_sites_share_a_bound_and_room_comes_back() {
    let bounds = Bounds { visitors_in_all: 2, ..ROOMY };
    let mut fold = Fold::with_bounds(0, Secret::new([1; 32]), Tables::default(), bounds);
    let here = Sent::view(NOON, "/");
    let there = Sent { site: site("example.net", "UTC"), ..here.clone() };
    let late = Sent { address: "192.0.2.2", ..there.clone() };
    let (known, crowded) = (Outcome::Counted(Measured::Full), Outcome::Minimal(Some(Lowering::Crowd)));
    let mut told = |sent: &Sent| fold.apply(&sent.site, sent.hit());
    assert_eq!([&here, &there, &late, &here, &there].map(&mut told), [known, known, crowded, known, known]);
    assert_eq!((fold.visitors(), fold.overflows()), (2, Overflows { visitors: 1, ..Overflows::default() }));
    // Whoever is forgotten leaves room for one.
    assert_eq!(fold.exercise(&here.site, here.request(Right::Erase)), 2);
    assert_eq!(fold.visitors(), 1);
    assert_eq!([&late, &here].map(|sent| fold.apply(&sent.site, sent.hit())), [known, crowded]);
    // And so does a day that is over.
    assert_eq!(fold.close(Millis(NOON + 24 * HOUR)).len(), 2);
    assert_eq!(fold.visitors(), 0);
    let next = [&here, &late, &there].map(|sent| Sent { at: NOON + 24 * HOUR, ..sent.clone() });
    assert_eq!(next.map(|sent| fold.apply(&sent.site, sent.hit())), [known, known, crowded]);
}

#[test]
fn what_is_remembered_of_all_has_a_bound_and_hits_beyond_are_counted_still() {
    // An id, a hit and a shape of each of three; and of the fourth what has no room any more.
    let bounds = Bounds { remembered_in_all: 9, ..ROOMY };
    let mut fold = Fold::with_bounds(0, Secret::new([1; 32]), Tables::default(), bounds);
    let view = |id: u64, path| Sent { id: Some(id), ..Sent::view(NOON, path) };
    let [first, second, third] = [view(1, "/a"), view(2, "/b"), view(3, "/c")];
    let there = Sent { site: site("example.net", "UTC"), address: "192.0.2.2", ..view(4, "/") };
    let (known, crowded) = (Outcome::Counted(Measured::Full), Outcome::Minimal(Some(Lowering::Crowd)));
    let outcomes = [&first, &second, &third, &there, &first].map(|sent| fold.apply(&sent.site, sent.hit()));
    assert_eq!(outcomes, [known, known, known, crowded, Outcome::Refused(Refusal::Duplicate)]);
    assert_eq!(fold.overflows(), Overflows { hits: 1, ids: 1, ..Overflows::default() });
    let cells = fold.changes(Millis(NOON)).cells;
    let total = |domain: &str| cells.iter().find(|cell| cell.site.as_str() == domain).map(|cell| cell.counts);
    assert_eq!(total("example.net"), Some(Counts { pageviews: 1, events: 1, ..Counts::default() }));
    assert_eq!(total("example.com").map(|counts| (counts.visitors, counts.pageviews)), Some((1, 3)));
    // When the day and its ids are over, there is room again.
    fold.close(Millis(NOON + 72 * HOUR));
    let later = Sent { at: NOON + 72 * HOUR, ..there };
    assert_eq!(fold.apply(&later.site, later.hit()), known);
}

/// Whoever makes paths up can fill a day's values, and then what is new goes under `(other)`. What was there before stays exact.
#[test]
fn a_million_made_up_paths_cost_no_page_its_counts_that_was_there_before() {
    const PAGES: usize = 100;
    const MADE_UP: usize = 1_000_000;
    /// What each stranger views: fewer than a visitor has shapes.
    const EACH: usize = 50;
    const STRANGERS: i64 = (MADE_UP / EACH) as i64;
    const LATER: i64 = NOON + 10 * MINUTE;
    let mut fold = Fold::with_bounds(0, Secret::new([1; 32]), Tables::default(), Bounds::default());
    let site = Sent::view(NOON, "/").site;
    let honest = |at, page: usize| Hit { path: format!("/page/{page}").into(), ..Sent::view(at, "/").hit() };
    let made_up = |number: usize| {
        let address = Ipv4Addr::from_bits(0x0a00_0000 + (number / EACH) as u32).into();
        let peer = Some(Peer { address, agent: crate::sent::CHROME.into() });
        Hit { path: format!("/made/up/{number}").into(), peer, ..Sent::view(NOON + MINUTE, "/").hit() }
    };
    let first = (0..PAGES).map(|page| honest(NOON, page));
    let again = (0..PAGES).map(|page| honest(LATER, page));
    for hit in first.chain((0..MADE_UP).map(made_up)).chain(again) {
        assert_eq!(fold.apply(&site, hit), Outcome::Counted(Measured::Full));
    }
    let cells = fold.changes(Millis(LATER)).cells;
    let of_day = |wanted: Dimension| {
        let kept = cells
            .iter()
            .filter(move |cell| cell.hour.is_none() && cell.dimension == wanted && cell.by == Dimension::Total);
        kept.map(|cell| (&*cell.value, cell.counts)).collect::<BTreeMap<_, _>>()
    };
    let pages = of_day(Dimension::Page);
    // One visit of ten minutes, which begins on the first page, views each twice, and ends on the last.
    let twice = Counts { visitors: 1, visits: 1, pageviews: 2, events: 2, ..Counts::default() };
    for page in 0..PAGES {
        let ends = Counts {
            entries: i64::from(page == 0),
            visit_seconds: if page == 0 { 600 } else { 0 },
            exits: i64::from(page == PAGES - 1),
            ..twice
        };
        assert_eq!(pages[&*format!("/page/{page}")], ends, "{page}");
    }
    assert_eq!(pages.len(), VALUES_PER_DIMENSION_MAX + 1, "as many as may be, and the one that the others share");
    // 49,900 paths of the first 998 strangers had room; all that the other 19,002 viewed is one page.
    let crowd = Counts {
        visitors: 19_002,
        visits: 19_002,
        pageviews: 950_100,
        events: 950_100,
        entries: 19_002,
        exits: 19_002,
        ..Counts::default()
    };
    assert_eq!(pages[OTHER], crowd);
    let whole = Counts {
        visitors: STRANGERS + 1,
        visits: STRANGERS + 1,
        pageviews: 1_000_200,
        events: 1_000_200,
        visit_seconds: 600,
        entries: STRANGERS + 1,
        exits: STRANGERS + 1,
        ..Counts::default()
    };
    assert_eq!(of_day(Dimension::Total)[""], whole);
}

proptest! {
    #[test]
    fn nothing_is_negative_and_no_page_view_is_lost_with_any_memory(
        ops in traffic(80),
        (visitors_in_all, remembered_in_all) in (0..5_usize, 0..40_usize),
    ) {
        let bounds = Bounds { visitors_in_all, remembered_in_all, ..ROOMY };
        let mut fold = Fold::with_bounds(0, Secret::new([1; 32]), Tables::default(), bounds);
        let mut roomy = Fold::with_bounds(0, Secret::new([1; 32]), Tables::default(), ROOMY);
        // What comes twice is only known to have come before where its id has room; what is taken back only where it was remembered.
        let each = ops.iter().filter(|op| !matches!(op, Op::Ask(..)));
        for op in each {
            let op = match op {
                Op::Hit(sent) => Op::Hit(Box::new(Sent { id: None, ..Sent::clone(sent) })),
                other => other.clone(),
            };
            op.run(&mut fold);
            op.run(&mut roomy);
            prop_assert!(fold.visitors() <= visitors_in_all);
        }
        let totals = |fold: &mut Fold| {
            let cells = fold.changes(Millis(NOON)).cells.into_iter();
            let of_days = cells.filter(|cell| cell.dimension == Dimension::Total && cell.hour.is_none());
            of_days.map(|cell| ((cell.site, cell.day), cell.counts)).collect::<BTreeMap<_, _>>()
        };
        // By day: of whom nothing is known, nobody knows either that time ran backwards, which moves a view to another hour.
        let pageviews = |totals: &BTreeMap<_, Counts>| {
            totals.values().map(|counts| counts.pageviews).filter(|views| *views > 0).collect::<Vec<_>>()
        };
        let (told, expected) = (totals(&mut fold), totals(&mut roomy));
        prop_assert_eq!(pageviews(&told), pageviews(&expected));
        for (day, counts) in &told {
            prop_assert!(is_nowhere_negative(counts), "{:?} {:?}", day, counts);
        }
        fold.close(Millis(NOON + 1_000 * 24 * HOUR));
        prop_assert_eq!(fold.visitors(), 0);
    }

    #[test]
    fn totals_are_right_and_nothing_is_negative_at_any_bound(
        ops in traffic(80),
        (values, cells_per_pair, shapes) in (1..4_usize, 1..6_usize, 1..6_usize),
    ) {
        let bounds = Bounds { values, cells_per_pair, shapes, ..ROOMY };
        let mut fold = Fold::with_bounds(0, Secret::new([1; 32]), Tables::default(), bounds);
        for op in &ops {
            op.run(&mut fold);
        }
        let changes = fold.changes(Millis(NOON));
        let mut sums = Sums::default();
        sums.add(changes.cells, changes.ledger);
        let expected = recount(&ops);
        prop_assert_eq!(&sums.ledger, &expected.ledger);
        for (key, counts) in sums.cells.iter().filter(|(key, _)| key.3 == Dimension::Total) {
            // Scroll is kept by page, so that pages folded into one change it.
            let exact = |counts: &Counts| Counts { scroll_percent: 0, scroll_visitors: 0, ..*counts };
            prop_assert_eq!(Some(exact(counts)), expected.cells.get(key).map(exact), "{:?}", key);
            let pages = sums.cells.iter().filter(|(page, _)| {
                (&page.0, page.1, page.2, page.3, page.5) == (&key.0, key.1, key.2, Dimension::Page, Dimension::Total)
            });
            prop_assert_eq!(counts.pageviews, pages.map(|(_, counts)| counts.pageviews).sum::<i64>());
        }
        for (key, counts) in &sums.cells {
            prop_assert!(is_nowhere_negative(counts), "{:?} {:?}", key, counts);
        }
    }
}

fn is_nowhere_negative(counts: &Counts) -> bool {
    let Counts { visitors, visits, pageviews, bounces, visit_seconds, entries, exits, .. } = *counts;
    [visitors, visits, pageviews, bounces, visit_seconds, entries, exits].iter().all(|count| *count >= 0)
}

fn fold_all(bounds: Bounds, pages: &[&'static str]) -> (Sums, Overflows) {
    let mut fold = Fold::with_bounds(0, Secret::new([1; 32]), Tables::default(), bounds);
    for (minute, page) in (0..).zip(pages) {
        let sent = Sent::view(NOON + minute * MINUTE, page);
        fold.apply(&sent.site, sent.hit());
    }
    let changes = fold.changes(Millis(NOON));
    let mut sums = Sums::default();
    sums.add(changes.cells, changes.ledger);
    (sums, fold.overflows())
}

fn page(sums: &Sums, value: &str) -> Counts {
    let is = |(key, _): &(&crate::oracle::Key, _)| {
        (key.2, key.3, &*key.4, key.5) == (None, Dimension::Page, value, Dimension::Total)
    };
    sums.cells.iter().find(is).map_or_else(Counts::default, |(_, counts)| *counts)
}
