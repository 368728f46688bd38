//! What a visitor may ask: to be shown, taken back, left alone. That taking back is exact in every cell, `properties` holds.

use fold::rights::{HeldHit, HeldVisit, HeldWhat};
use fold::{Bounds, Fold, Tables};
use model::{Changes, Counts, Dimension, Lowering, Measured, Millis, Outcome, Refusal, Right};
use privacy::visitor::Secret;

use crate::sent::{HOUR, IPHONE, MINUTE, Sent};

const NOON: i64 = 1_800_014_400_000;

#[test]
fn an_erased_visitor_never_came() {
    let mut fold = new_fold();
    let one = [Sent::view(NOON, "/a"), Sent::event(NOON + MINUTE, "/a", "Signup", true)];
    let other = Sent { agent: IPHONE, ..Sent::view(NOON + 2 * MINUTE, "/b") };
    for sent in one.iter().chain([&other]) {
        fold.apply(&sent.site, sent.hit());
    }
    assert_eq!(fold.exercise(&other.site, one[0].request(Right::Erase)), 2);
    let found = fold.changes(Millis(NOON + 3 * MINUTE));
    let mut alone = new_fold();
    alone.apply(&other.site, other.hit());
    let expected = alone.changes(Millis(NOON + 3 * MINUTE));
    assert_eq!((found.cells, found.live), (expected.cells, expected.live));
    let erased: i64 = found
        .ledger
        .iter()
        .filter(|line| line.outcome == Outcome::Refused(Refusal::Erased))
        .map(|line| line.hits)
        .sum();
    assert_eq!((erased, found.ledger.iter().map(|line| line.hits).sum::<i64>()), (2, 3));
    assert_eq!((fold.visitors(), fold.held(&other.site.domain, one[0].peer())), (1, vec![]));
    assert_eq!(fold.exercise(&other.site, one[0].request(Right::Erase)), 0, "there is nothing left to erase");
}

#[test]
fn who_comes_again_after_erasing_is_new() {
    let mut fold = new_fold();
    let sent = Sent::view(NOON, "/a");
    fold.apply(&sent.site, sent.hit());
    fold.changes(Millis(NOON));
    fold.exercise(&sent.site, sent.request(Right::Erase));
    let again = Sent::view(NOON + MINUTE, "/b");
    fold.apply(&again.site, again.hit());
    let changes = fold.changes(Millis(NOON + MINUTE));
    let page = |value: &str| cell(&changes, Dimension::Page, value);
    assert_eq!((page("/a").visitors, page("/a").exits, page("/b").visitors, page("/b").entries), (-1, -1, 1, 1));
    assert_eq!(cell(&changes, Dimension::Total, ""), Counts::default(), "one went and one came");
}

#[test]
fn a_visitor_is_shown_what_is_held_and_nobody_else() {
    let mut fold = new_fold();
    let sent = Sent { screen_width: Some(1_300), language: Some("ja".into()), ..Sent::view(NOON, "/a") };
    let hits = [
        sent.clone(),
        Sent::engagement(NOON + MINUTE, "/a", 5_000, Some(40)),
        Sent { props: vec![("plan".into(), "pro".into())], ..Sent::event(NOON + 2 * MINUTE, "/a", "Signup", true) },
        Sent::view(NOON + 2 * HOUR, "/b"),
    ];
    for hit in &hits {
        fold.apply(&hit.site, hit.hit());
    }
    let held = fold.held(&sent.site.domain, sent.peer());
    let [day] = held.as_slice() else { panic!("one day: {held:?}") };
    let said = |dimension| day.visitor.iter().find(|(known, _)| *known == dimension).map(|(_, value)| &**value);
    assert_eq!((said(Dimension::Browser), said(Dimension::Language)), (Some("Chrome"), Some("ja")));
    let [first, second] = day.visits.as_slice() else { panic!("two visits: {day:?}") };
    let what: Vec<&HeldWhat> = first.hits.iter().map(|hit| &hit.what).collect();
    let signup = HeldWhat::Event { name: "Signup".into(), properties: vec!["plan=pro".into()], revenue_micros: 0 };
    let attention = HeldWhat::Attention { engaged_ms: 5_000, scroll_percent: Some(40), vitals: Vec::new() };
    assert_eq!(what, [&HeldWhat::Pageview, &attention, &signup]);
    let view = HeldHit { hour: 14, page: "/b".into(), what: HeldWhat::Pageview };
    assert_eq!(second, &HeldVisit { came_by: second.came_by.clone(), hits: vec![view] });
    assert!(!day.restricted && day.forgotten_at == Millis(NOON + 14 * HOUR));
    let stranger = Sent { agent: IPHONE, ..sent };
    assert_eq!(fold.held(&stranger.site.domain, stranger.peer()), []);
}

#[test]
fn a_restricted_visitor_is_processed_no_more_until_they_say_so() {
    let mut fold = new_fold();
    let sent = Sent::view(NOON, "/a");
    let ask = |fold: &mut Fold, right| fold.exercise(&sent.site, sent.request(right));
    let send = |fold: &mut Fold| fold.apply(&sent.site, sent.hit());
    assert_eq!(send(&mut fold), Outcome::Counted(Measured::Full));
    ask(&mut fold, Right::Restrict);
    assert_eq!(send(&mut fold), Outcome::Refused(Refusal::Restricted));
    assert!(fold.held(&sent.site.domain, sent.peer())[0].restricted);
    ask(&mut fold, Right::Erase);
    assert_eq!(send(&mut fold), Outcome::Refused(Refusal::Restricted), "erasing does not lift it");
    ask(&mut fold, Right::Resume);
    assert_eq!(send(&mut fold), Outcome::Counted(Measured::Full));
}

#[test]
fn hits_beyond_what_is_remembered_are_counted_without_their_visitor() {
    let bounds = Bounds { hits_per_visitor: 2, ..Bounds::default() };
    let mut fold = Fold::with_bounds(0, Secret::new([1; 32]), Tables::default(), bounds);
    let sent = Sent::view(NOON, "/a");
    let outcomes = [(); 3].map(|()| fold.apply(&sent.site, sent.hit()));
    assert_eq!(
        outcomes,
        [Outcome::Counted(Measured::Full), Outcome::Counted(Measured::Full), Outcome::Minimal(Some(Lowering::Crowd))]
    );
    assert_eq!(fold.overflows().hits, 1);
    fold.exercise(&sent.site, sent.request(Right::Erase));
    let changes = fold.changes(Millis(NOON));
    let total = cell(&changes, Dimension::Total, "");
    assert_eq!((total.pageviews, total.visitors, total.visits), (1, 0, 0), "nobody is behind what stays");
}

fn new_fold() -> Fold {
    Fold::new(0, Secret::new([1; 32]), Tables::default())
}

fn cell(changes: &Changes, dimension: Dimension, value: &str) -> Counts {
    let is = |cell: &&model::Cell| {
        (cell.hour, cell.dimension, &*cell.value, cell.by) == (None, dimension, value, Dimension::Total)
    };
    changes.cells.iter().find(is).map_or_else(Counts::default, |cell| cell.counts)
}

#[test]
fn what_is_erased_after_midnight_stands_in_its_own_days_ledger() {
    let mut fold = new_fold();
    let late = Sent::view(NOON + 12 * HOUR - MINUTE, "/a");
    fold.apply(&late.site, late.hit());
    let asking = Sent { at: NOON + 12 * HOUR + 5 * MINUTE, ..late.clone() };
    fold.exercise(&late.site, asking.request(Right::Erase));
    let ledger = fold.changes(Millis(asking.at)).ledger;
    let midnight = Millis(NOON + 12 * HOUR).minute();
    assert!(ledger.iter().all(|line| line.minute < midnight && line.hits >= 0), "{ledger:?}");
    assert_eq!(ledger.iter().map(|line| line.hits).sum::<i64>(), 1);
}

#[test]
fn every_step_is_told_when_it_is_done() {
    let (mut fold, mut steps) = (new_fold(), Vec::new());
    let sent = Sent::view(NOON, "/a");
    fold.apply_watched(&sent.site, sent.hit(), |step| steps.push(step));
    let all: Vec<&str> = fold::path::STEPS.iter().map(|step| step.name).collect();
    assert!(
        all.ends_with(&steps) && steps.first() == Some(&"add_day") && steps.last() == Some(&"count_hit"),
        "{steps:?}"
    );
}
