//! What people define, worked out by hand: what a segment, a goal and a funnel mean, readable without the oracle.

use fold::{Bounds, Fold, Tables};
use model::definition::{Action, Effective, Filter, Funnel, Goal, Lists, Operator, Pattern, Step, Test};
use model::{Changes, Counts, Currency, Dimension, Millis, Mode, Revenue, Right, Site};
use privacy::visitor::Secret;

use crate::sent::{HOUR, IPHONE, MINUTE, Sent, site};

const NOON: i64 = 1_800_014_400_000;
/// Since before the day.
const ALWAYS: i64 = NOON - 48 * HOUR;

#[test]
fn a_segment_of_a_page_has_its_hits_and_their_whole_visits() {
    let seen = page("/a");
    let here = defining(Lists { segments: vec![effective("seen", seen)], ..Lists::default() });
    let day = fold_all(&[
        at(&here, Sent::view(NOON, "/")),
        at(&here, Sent::view(NOON + MINUTE, "/a")),
        at(&here, Sent::view(NOON + 2 * MINUTE, "/b")),
        // Another visitor, who bounces elsewhere.
        at(&here, Sent { agent: IPHONE, ..Sent::view(NOON, "/b") }),
    ]);
    let whole = Counts {
        visitors: 1,
        visits: 1,
        pageviews: 1,
        events: 1,
        visit_seconds: 120,
        entries: 1,
        exits: 1,
        ..Counts::default()
    };
    assert_eq!(day.of(Dimension::Segment, "seen"), whole);
    assert_eq!(day.by((Dimension::Source, "Direct / None"), (Dimension::Segment, "seen")), whole);
    // Of its pages, the visit entered on one, was in the segment on another, and ended on a third.
    let entered = Counts { visit_seconds: 120, entries: 1, ..Counts::default() };
    let left = Counts { exits: 1, ..Counts::default() };
    assert_eq!(day.by((Dimension::Page, "/"), (Dimension::Segment, "seen")), entered);
    assert_eq!(
        day.by((Dimension::Page, "/a"), (Dimension::Segment, "seen")),
        Counts { visit_seconds: 0, entries: 0, exits: 0, ..whole }
    );
    assert_eq!(day.by((Dimension::Page, "/b"), (Dimension::Segment, "seen")), left);
}

#[test]
fn a_segment_of_what_holds_for_a_visit_is_what_these_visits_are() {
    let phones = Filter::Not(Box::new(test(Dimension::Device, "Desktop")));
    let here = defining(Lists { segments: vec![effective("phones", phones)], ..Lists::default() });
    let phone = |at: i64, path| Sent { agent: IPHONE, ..Sent::view(at, path) };
    let hits = [Sent::view(NOON, "/"), phone(NOON, "/"), phone(NOON + MINUTE, "/a"), phone(NOON + 5 * HOUR, "/")];
    let day = fold_all(&hits.map(|hit| at(&here, hit)));
    let cell = day.of(Dimension::Segment, "phones");
    assert_eq!(cell, day.of(Dimension::Device, "Mobile"));
    assert_eq!((cell.visitors, cell.visits, cell.pageviews, cell.bounces), (1, 2, 3, 1));
}

#[test]
fn a_definition_counts_what_is_received_while_it_holds() {
    let held =
        Effective { from: Millis(NOON + MINUTE), until: Some(Millis(NOON + 3 * MINUTE)), ..effective("a", page("/")) };
    let here = defining(Lists { segments: vec![held], ..Lists::default() });
    let day = fold_all(&[0, 1, 2, 3].map(|minute| at(&here, Sent::view(NOON + minute * MINUTE, "/"))));
    let cells = day.0.cells.iter().filter(|cell| cell.dimension == Dimension::Segment && cell.hour.is_none());
    let cells: Vec<_> = cells.map(|cell| (cell.value.to_string(), cell.counts.pageviews, cell.counts.visits)).collect();
    assert_eq!(cells, [(Effective { from: Millis(NOON + MINUTE), ..effective("a", ()) }.key(), 2, 1)]);
}

#[test]
fn a_goal_is_reached_by_what_it_names() {
    let goal = |name, action| effective(name, Goal::of(action));
    let goals =
        vec![goal("Signup", Action::Event("Signup".into())), goal("Reads", Action::Page(Pattern("/blog/**".into())))];
    let blog =
        effective("blog", Filter::Test(Test { operator: Operator::Fits, ..plain(Dimension::EntryPage, "/blog/*") }));
    let here = defining(Lists { goals, segments: vec![blog], ..Lists::default() });
    let paid = Some(Revenue { currency: *b"EUR", micros: 5 });
    let day = fold_all(&[
        at(&here, Sent::view(NOON, "/blog/a")),
        at(&here, Sent::view(NOON + MINUTE, "/blog/b/c")),
        at(&here, Sent { revenue: paid, ..Sent::event(NOON + MINUTE, "/blog/b/c", "Signup", true) }),
        at(&here, Sent { agent: IPHONE, ..Sent::view(NOON, "/blog") }),
    ]);
    let (reads, signup) = (day.of(Dimension::Goal, "Reads"), day.of(Dimension::Goal, "Signup"));
    assert_eq!((reads.visitors, reads.pageviews, reads.events), (1, 2, 2));
    assert_eq!((signup.visitors, signup.pageviews, signup.events, signup.revenue_micros), (1, 0, 1, 5));
    let both = day.by((Dimension::Segment, "blog"), (Dimension::Goal, "Signup"));
    assert_eq!((both.visitors, both.visits, both.events), (1, 1, 1));
}

#[test]
fn a_goal_of_a_scroll_depth_is_reached_once_a_visit_and_page_by_who_is_on_it() {
    let read = Goal { scroll_percent: Some(75), ..Goal::of(Action::Page(Pattern("/blog/*".into()))) };
    let desktop = test(Dimension::Device, "Desktop");
    let here = defining(Lists {
        goals: vec![effective("Read", read)],
        segments: vec![effective("desktop", desktop)],
        ..Lists::default()
    });
    let scrolled = |minute: i64, path, percent| Sent::engagement(NOON + minute * MINUTE, path, 1_000, Some(percent));
    let hits = [
        Sent::view(NOON, "/blog/a"),
        scrolled(1, "/blog/a", 74),
        scrolled(2, "/blog/a", 75),
        // Again in the same visit, and of a page that the visit has not been on.
        scrolled(3, "/blog/a", 100),
        scrolled(3, "/blog/z", 100),
        Sent::view(NOON + 4 * MINUTE, "/blog/b"),
        scrolled(5, "/blog/b", 90),
        Sent::view(NOON + 6 * MINUTE, "/shop"),
        scrolled(7, "/shop", 100),
        // Another visit, in which the page is read again.
        Sent::view(NOON + 5 * HOUR, "/blog/a"),
        scrolled(5 * 60 + 1, "/blog/a", 80),
        // Another visitor, who does not come so far.
        Sent { agent: IPHONE, ..Sent::view(NOON, "/blog/a") },
        Sent { agent: IPHONE, ..scrolled(1, "/blog/a", 50) },
    ];
    let day = fold_all(&hits.map(|hit| at(&here, hit)));
    let read = |visits, events| Counts { visitors: 1, visits, events, ..Counts::default() };
    assert_eq!(day.of(Dimension::Goal, "Read"), read(2, 3));
    assert_eq!(day.by((Dimension::Page, "/blog/a"), (Dimension::Goal, "Read")), read(2, 2));
    assert_eq!(day.by((Dimension::Page, "/blog/b"), (Dimension::Goal, "Read")), read(1, 1));
    assert_eq!(day.by((Dimension::EntryPage, "/blog/a"), (Dimension::Goal, "Read")), read(2, 3));
    assert_eq!(day.by((Dimension::Segment, "desktop"), (Dimension::Goal, "Read")), read(2, 3));
    let hours = day.0.cells.iter().filter(|cell| cell.dimension == Dimension::Goal && cell.hour.is_some());
    let hours: Vec<_> = hours.map(|cell| (cell.hour.unwrap(), cell.counts.visitors, cell.counts.visits)).collect();
    assert_eq!(hours, [(12, 1, 1), (17, 1, 1)]);
    // What is no hit is none in the cells of hits.
    assert_eq!(day.of(Dimension::Page, "/blog/a").events, 3);
}

#[test]
fn a_funnel_counts_who_took_its_steps_in_order() {
    let here = funnel(&["/", "/cart", "/thanks"]);
    let hits = |agent, paths: &[&'static str]| -> Vec<Sent> {
        let sent = |(minute, path): (i64, &&'static str)| Sent { agent, ..Sent::view(NOON + minute * MINUTE, path) };
        (0..).zip(paths).map(sent).map(|hit| at(&here, hit)).collect()
    };
    // One goes all the way, with something between and after hours; the other begins with the second step.
    let one = hits(crate::sent::CHROME, &["/", "/help", "/cart", "/", "/cart"]);
    let last = at(&here, Sent::view(NOON + 6 * HOUR, "/thanks"));
    let other = hits(IPHONE, &["/cart", "/", "/thanks"]);
    let day = fold_all(&[one, other, vec![last]].concat());
    assert_eq!(["1", "2", "3"].map(|step| day.step("way", step)), [2, 1, 1]);
}

#[test]
fn one_hit_takes_one_step_and_only_who_is_measured_in_full_takes_any() {
    let here = funnel(&["/*", "/"]);
    let exempt = Sent { mode: Mode::Exempt, agent: IPHONE, ..Sent::view(NOON, "/") };
    let day = fold_all(&[at(&here, Sent::view(NOON, "/")), at(&here, exempt.clone()), at(&here, exempt)]);
    assert_eq!(["1", "2"].map(|step| day.step("way", step)), [1, 0]);
}

#[test]
fn who_is_erased_is_in_no_segment_and_no_step_whatever_is_defined_by_then() {
    let mut lists = Lists { segments: vec![effective("seen", page("/"))], ..Lists::default() };
    lists.funnels = vec![effective("way", steps(&["/", "/a"]))];
    let read = Goal { scroll_percent: Some(50), ..Goal::of(Action::Page(Pattern("/**".into()))) };
    lists.goals = vec![effective("any", Goal::of(Action::Page(Pattern("/**".into())))), effective("read", read)];
    let here = defining(lists);
    let mut fold = new_fold(Bounds::default());
    let hits = [
        Sent::view(NOON, "/"),
        Sent::engagement(NOON, "/", 1_000, Some(60)),
        Sent::view(NOON + MINUTE, "/a"),
        Sent::view(NOON + 5 * HOUR, "/"),
        Sent::engagement(NOON + 5 * HOUR, "/", 1_000, Some(60)),
    ];
    for hit in hits.map(|hit| at(&here, hit)) {
        fold.apply(&hit.site, hit.hit());
    }
    let before = Day(fold.changes(Millis(NOON)));
    assert!(before.of(Dimension::Segment, "seen").visitors == 1 && before.step("way", "2") == 1);
    assert_eq!(before.of(Dimension::Goal, "read").visits, 2);
    let nothing_defined = Sent::view(NOON + 6 * HOUR, "/");
    fold.exercise(&nothing_defined.site, nothing_defined.request(Right::Erase));
    let back = fold.changes(Millis(NOON));
    for cell in &back.cells {
        let is = |other: &&model::Cell| {
            (other.hour, other.dimension, &other.value, other.by, &other.by_value)
                == (cell.hour, cell.dimension, &cell.value, cell.by, &cell.by_value)
        };
        let counted = before.0.cells.iter().find(is).map(|cell| -cell.counts);
        assert_eq!(Some(cell.counts), counted, "{cell:?}");
    }
    assert_eq!(back.cells.len(), before.0.cells.len());
}

#[test]
fn hits_in_more_ways_than_are_kept_are_in_no_segment_and_that_is_told() {
    let segments = ["/a", "/b"].map(|path| effective(path, page(path)));
    let here = defining(Lists { segments: segments.into(), ..Lists::default() });
    let mut fold = new_fold(Bounds { label_sets: 1, ..Bounds::default() });
    for path in ["/a", "/b", "/a"] {
        let hit = at(&here, Sent::view(NOON, path));
        fold.apply(&hit.site, hit.hit());
    }
    let day = Day(fold.changes(Millis(NOON)));
    assert_eq!((day.of(Dimension::Segment, "/a").pageviews, day.of(Dimension::Segment, "/b").pageviews), (2, 0));
    assert_eq!((fold.overflows().label_sets, day.of(Dimension::Page, "/b").pageviews), (1, 1));
}

#[test]
fn money_of_another_currency_is_in_no_sum_and_that_is_told() {
    let paid = |currency: &[u8; 3]| {
        let revenue = Some(Revenue { currency: *currency, micros: 1_000_000 });
        Sent { revenue, ..Sent::event(NOON, "/", "Order", true) }
    };
    let sums = |currency: Option<&str>| {
        let here = Site { currency: currency.map(|code| Currency::parse(code).unwrap()), ..site("example.com", "UTC") };
        let mut fold = new_fold(Bounds::default());
        for hit in [b"EUR", b"JPY", b"EUR"].map(|code| Sent { site: here.clone(), ..paid(code) }) {
            fold.apply(&hit.site, hit.hit());
        }
        let left_out = fold.overflows().currencies;
        (Day(fold.changes(Millis(NOON))).of(Dimension::Event, "Order").revenue_micros, left_out)
    };
    assert_eq!([sums(Some("EUR")), sums(Some("JPY")), sums(None)], [(2_000_000, 1), (1_000_000, 2), (0, 3)]);
}

/// One flush.
struct Day(Changes);

impl Day {
    /// A day's cell; nothing if there is none.
    fn of(&self, dimension: Dimension, value: &str) -> Counts {
        self.by((dimension, value), (Dimension::Total, ""))
    }

    fn by(&self, (dimension, value): (Dimension, &str), (by, by_value): (Dimension, &str)) -> Counts {
        let wanted = (dimension, key(dimension, value), by, key(by, by_value));
        let is = |cell: &&model::Cell| {
            cell.hour.is_none()
                && (cell.dimension, cell.value.to_string(), cell.by, cell.by_value.to_string()) == wanted
        };
        self.0.cells.iter().find(is).map_or_else(Counts::default, |cell| cell.counts)
    }

    fn step(&self, funnel: &str, step: &str) -> i64 {
        self.by((Dimension::Funnel, funnel), (Dimension::Step, step)).visitors
    }
}

fn key(dimension: Dimension, name: &str) -> String {
    match dimension {
        Dimension::Segment | Dimension::Goal | Dimension::Funnel => effective(name, ()).key(),
        _ => name.to_owned(),
    }
}

fn effective<T>(name: &str, what: T) -> Effective<T> {
    Effective { name: name.into(), from: Millis(ALWAYS), until: None, what }
}

fn plain(dimension: Dimension, value: &str) -> Test {
    Test { dimension, property: None, operator: Operator::Is, values: vec![value.into()] }
}

fn test(dimension: Dimension, value: &str) -> Filter {
    Filter::Test(plain(dimension, value))
}

fn page(path: &str) -> Filter {
    test(Dimension::Page, path)
}

fn steps(pages: &[&str]) -> Funnel {
    let step = |page: &&str| Step { label: None, action: Action::Page(Pattern((*page).into())) };
    Funnel { steps: pages.iter().map(step).collect() }
}

fn funnel(pages: &[&str]) -> Site {
    defining(Lists { funnels: vec![effective("way", steps(pages))], ..Lists::default() })
}

fn defining(lists: Lists) -> Site {
    Site { definitions: lists.into(), ..site("example.com", "UTC") }
}

fn at(here: &Site, sent: Sent) -> Sent {
    Sent { site: here.clone(), ..sent }
}

fn fold_all(hits: &[Sent]) -> Day {
    let mut fold = new_fold(Bounds::default());
    for sent in hits {
        fold.apply(&sent.site, sent.hit());
    }
    Day(fold.changes(Millis(NOON - 24 * HOUR)))
}

fn new_fold(bounds: Bounds) -> Fold {
    Fold::with_bounds(0, Secret::new([1; 32]), Tables::default(), bounds)
}
