//! Ways from page to page, worked out by hand: what follows what, and whose.

use fold::{Fold, Tables};
use model::{Changes, Dimension, Millis, Mode, Right};
use privacy::visitor::Secret;

use crate::sent::{CHROME, HOUR, IPHONE, MINUTE, Sent};

const NOON: i64 = 1_800_014_400_000;

#[test]
fn a_way_leads_from_each_view_of_a_visit_to_the_next() {
    let day = fold_all(&[
        Sent::view(NOON, "/"),
        Sent::view(NOON + MINUTE, "/a"),
        // What happens between two views is no page.
        Sent::event(NOON + 2 * MINUTE, "/a", "Signup", true),
        Sent::engagement(NOON + 2 * MINUTE, "/a", 5_000, Some(40)),
        Sent::view(NOON + 3 * MINUTE, "/"),
        Sent::view(NOON + 4 * MINUTE, "/a"),
        // The page again: a way to itself.
        Sent::view(NOON + 5 * MINUTE, "/a"),
        // Another visit has no way from the one before.
        Sent::view(NOON + 2 * HOUR, "/b"),
        Sent::view(NOON + 2 * HOUR + MINUTE, "/a"),
        // Another visitor.
        Sent { agent: IPHONE, ..Sent::view(NOON, "/") },
        Sent { agent: IPHONE, ..Sent::view(NOON + MINUTE, "/a") },
    ]);
    let expected = [("/", "/a", 3, 2), ("/a", "/", 1, 1), ("/a", "/a", 1, 1), ("/b", "/a", 1, 1)];
    assert_eq!(ways(&day), expected.map(|(from, to, views, visitors)| (from.into(), to.into(), views, visitors)));
}

#[test]
fn a_visit_that_begins_with_an_event_has_no_way_to_its_first_page() {
    let day = fold_all(&[Sent::event(NOON, "/x", "Signup", true), Sent::view(NOON + MINUTE, "/a")]);
    assert_eq!(ways(&day), []);
}

#[test]
fn only_views_in_mode_full_are_followed() {
    let exempt = |at, path| Sent { mode: Mode::Exempt, ..Sent::view(at, path) };
    let minimal = Sent { mode: Mode::Minimal, ..Sent::view(NOON + 3 * MINUTE, "/m") };
    let day = fold_all(&[
        exempt(NOON, "/"),
        exempt(NOON + MINUTE, "/a"),
        // Consent is given: there is no way from what was before.
        Sent::view(NOON + 2 * MINUTE, "/b"),
        minimal,
        Sent::view(NOON + 4 * MINUTE, "/c"),
        exempt(NOON + 5 * MINUTE, "/d"),
        Sent::view(NOON + 6 * MINUTE, "/e"),
    ]);
    assert_eq!(ways(&day), [("/b".into(), "/c".into(), 1, 1)]);
}

#[test]
fn who_is_erased_took_no_way() {
    let mut fold = new_fold();
    let paths = ["/", "/a", "/", "/a", "/b", "/"];
    let one: Vec<Sent> = (0..).zip(paths).map(|(minute, path)| Sent::view(NOON + minute * MINUTE, path)).collect();
    let other = [0, 1].map(|minute| Sent { agent: IPHONE, ..Sent::view(NOON + minute * MINUTE, "/a") });
    for sent in one.iter().chain(&other) {
        fold.apply(&sent.site, sent.hit());
    }
    assert_eq!(ways(&fold.changes(Millis(NOON))).len(), 5);
    fold.exercise(&one[0].site, one[0].request(Right::Erase));
    let back = ways(&fold.changes(Millis(NOON)));
    let expected = [("/", "/a", -2, -1), ("/a", "/", -1, -1), ("/a", "/b", -1, -1), ("/b", "/", -1, -1)];
    assert_eq!(back, expected.map(|(from, to, views, visitors)| (from.into(), to.into(), views, visitors)));
    // Who comes again is new: the way is one more visitor's.
    for sent in &one {
        fold.apply(&sent.site, sent.hit());
    }
    assert_eq!(ways(&fold.changes(Millis(NOON)))[0], ("/".into(), "/a".into(), 2, 1));
}

fn new_fold() -> Fold {
    Fold::new(0, Secret::new([1; 32]), Tables::default())
}

fn fold_all(hits: &[Sent]) -> Changes {
    let mut fold = new_fold();
    for hit in hits {
        assert!([CHROME, IPHONE].contains(&hit.agent));
        fold.apply(&hit.site, hit.hit());
    }
    fold.changes(Millis(NOON))
}

/// From, to, views that took it, visitors who did.
fn ways(changes: &Changes) -> Vec<(Box<str>, Box<str>, i64, i64)> {
    let cells = changes.cells.iter().filter(|cell| cell.by == Dimension::NextPage);
    let told = cells.map(|cell| {
        assert_eq!((cell.dimension, cell.hour), (Dimension::Page, None));
        (cell.value.clone(), cell.by_value.clone(), cell.counts.pageviews, cell.counts.visitors)
    });
    told.collect()
}
