//! Web vitals, worked out by hand: which buckets, of which pages and devices, and whose.

use fold::rights::HeldWhat;
use fold::{Bounds, Fold, Tables};
use model::{Changes, Dimension, Engagement, Kind, Millis, Mode, Right, Vital, Vitals};
use privacy::visitor::Secret;

use crate::sent::{IPHONE, MINUTE, Sent};

const NOON: i64 = 1_800_014_400_000;

fn measured(at: i64, path: &'static str, values: &[(Vital, u32)]) -> Sent {
    let mut vitals = Vitals::default();
    values.iter().for_each(|(vital, value)| vitals.set(*vital, *value));
    let engagement = Engagement { engaged_ms: 1_000, scroll_percent: None, vitals };
    Sent { kind: Kind::Engagement(engagement), ..Sent::view(at, path) }
}

#[test]
fn each_measurement_is_one_in_the_buckets_of_the_site_the_page_and_the_device() {
    let hits = [
        measured(NOON, "/", &[(Vital::Lcp, 2_500), (Vital::Cls, 0)]),
        measured(NOON, "/", &[(Vital::Lcp, 2_501)]),
        Sent { agent: IPHONE, ..measured(NOON, "/a", &[(Vital::Lcp, 2_001), (Vital::Ttfb, 600_000)]) },
        // Nobody has viewed these pages: no visitor is needed. What is not counted without a visitor is nothing here.
        Sent { mode: Mode::Exempt, ..measured(NOON, "/", &[(Vital::Lcp, 100)]) },
        Sent { mode: Mode::Minimal, ..measured(NOON, "/", &[(Vital::Lcp, 100)]) },
        measured(NOON, "/", &[]),
    ];
    let mut fold = new_fold(Bounds::default());
    for hit in &hits {
        fold.apply(&hit.site, hit.hit());
    }
    let expected = [
        "page=/ cls 10 1",
        "page=/ lcp 2500 1",
        "page=/ lcp 3000 1",
        "page=/ lcp 500 1",
        "page=/a lcp 2500 1",
        "page=/a ttfb more 1",
        "device=Desktop cls 10 1",
        "device=Desktop lcp 2500 1",
        "device=Desktop lcp 3000 1",
        "device=Desktop lcp 500 1",
        "device=Mobile lcp 2500 1",
        "device=Mobile ttfb more 1",
        "vital=cls 10  1",
        "vital=lcp 2500  2",
        "vital=lcp 3000  1",
        "vital=lcp 500  1",
        "vital=ttfb more  1",
    ];
    assert_eq!(cells(&fold.changes(Millis(NOON))), expected);
}

#[test]
fn who_is_erased_takes_their_measurements_along_and_is_shown_them_before() {
    let mut fold = new_fold(Bounds::default());
    let hits = [
        Sent::view(NOON, "/"),
        measured(NOON + MINUTE, "/", &[(Vital::Lcp, 900), (Vital::Inp, 80)]),
        Sent { agent: IPHONE, ..measured(NOON + MINUTE, "/", &[(Vital::Lcp, 900)]) },
    ];
    for hit in &hits {
        fold.apply(&hit.site, hit.hit());
    }
    fold.changes(Millis(NOON));
    let held = fold.held(&hits[0].site.domain, hits[0].peer());
    let told = held[0].visits[0].hits.iter().find_map(|hit| match &hit.what {
        HeldWhat::Attention { vitals, .. } => Some(vitals.clone()),
        HeldWhat::Pageview | HeldWhat::Event { .. } => None,
    });
    assert_eq!(told, Some(vec!["lcp 1000".into(), "inp 100".into()]));
    fold.exercise(&hits[0].site, hits[0].request(Right::Erase));
    let taken_back = [
        "page=/ inp 100 -1",
        "page=/ lcp 1000 -1",
        "device=Desktop inp 100 -1",
        "device=Desktop lcp 1000 -1",
        "vital=inp 100  -1",
        "vital=lcp 1000  -1",
    ];
    assert_eq!(cells(&fold.changes(Millis(NOON))), taken_back);
}

#[test]
fn beyond_the_bound_on_cells_a_measurement_is_of_no_page_and_that_is_told() {
    let mut fold = new_fold(Bounds { cells_per_pair: 1, ..Bounds::default() });
    for path in ["/", "/a", "/"] {
        let hit = measured(NOON, path, &[(Vital::Lcp, 900)]);
        fold.apply(&hit.site, hit.hit());
    }
    let expected = ["page=(other) (other) 1", "page=/ lcp 1000 2", "device=Desktop lcp 1000 3", "vital=lcp 1000  3"];
    assert_eq!((cells(&fold.changes(Millis(NOON))), fold.overflows().cells), (expected.map(str::to_owned).into(), 1));
}

fn new_fold(bounds: Bounds) -> Fold {
    Fold::with_bounds(0, Secret::new([1; 32]), Tables::default(), bounds)
}

/// The cells of measurements; all of them of the day, and nothing but how often.
fn cells(changes: &Changes) -> Vec<String> {
    let vitals = changes.cells.iter().filter(|cell| cell.by == Dimension::Vital || cell.dimension == Dimension::Vital);
    let told = vitals.map(|cell| {
        let counts = model::Counts { events: cell.counts.events, ..model::Counts::default() };
        assert_eq!((cell.hour, cell.counts), (None, counts));
        format!("{}={} {} {}", cell.dimension.as_str(), cell.value, cell.by_value, cell.counts.events)
    });
    told.collect()
}
