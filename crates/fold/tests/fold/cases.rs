//! Single days, worked out by hand: what each definition means, readable without the oracle.

use fold::{Fold, Tables};
use model::limits::OTHER;
use model::{
    Campaign, Changes, Counts, Dimension, Domain, LiveLine, Lowering, Measured, Millis, Mode, Outcome, Referrer,
    Refusal, Signals, Site,
};
use privacy::visitor::Secret;

use crate::sent::{HOUR, IPHONE, MINUTE, Sent, site};

/// Noon of a day in UTC.
const NOON: i64 = 1_800_014_400_000;

#[test]
fn one_view_is_a_bounce_and_a_second_one_ends_it() {
    let day = fold_all(&[Sent::view(NOON, "/a")]);
    let once = Counts {
        visitors: 1,
        visits: 1,
        pageviews: 1,
        events: 1,
        bounces: 1,
        entries: 1,
        exits: 1,
        ..Counts::default()
    };
    assert_eq!(day.total(), once);
    assert_eq!(day.of(Dimension::Page, "/a"), once);
    assert_eq!(day.of(Dimension::Source, "Direct / None"), once);
    assert_eq!(day.by((Dimension::Page, "/a"), (Dimension::Device, "Desktop")), once);

    let day = fold_all(&[Sent::view(NOON, "/a"), Sent::view(NOON + 61_999, "/b")]);
    let twice = Counts { pageviews: 2, events: 2, bounces: 0, visit_seconds: 61, ..once };
    assert_eq!(day.total(), twice);
    assert_eq!(day.of(Dimension::Page, "/a"), Counts { bounces: 0, visit_seconds: 61, exits: 0, ..once });
    assert_eq!(day.of(Dimension::Page, "/b"), Counts { bounces: 0, entries: 0, ..once });
    assert_eq!(day.of(Dimension::EntryPage, "/a"), twice);
    assert_eq!(day.of(Dimension::ExitPage, "/b"), twice);
    assert_eq!(day.of(Dimension::ExitPage, "/a"), Counts::default());
}

#[test]
fn a_visit_ends_after_more_than_thirty_idle_minutes() {
    let visits = |gap| fold_all(&[Sent::view(NOON, "/"), Sent::view(NOON + gap, "/")]).total().visits;
    assert_eq!([visits(30 * MINUTE), visits(30 * MINUTE + 1)], [1, 2]);
}

#[test]
fn only_an_interactive_event_ends_a_bounce() {
    let bounces =
        |interactive| fold_all(&[Sent::view(NOON, "/"), Sent::event(NOON, "/", "Signup", interactive)]).total().bounces;
    assert_eq!([bounces(false), bounces(true)], [1, 0]);
    assert_eq!(fold_all(&[Sent::event(NOON, "/", "Signup", false)]).total().bounces, 0);
}

#[test]
fn a_visitor_is_new_each_day_and_counts_once_in_each_hour() {
    let day = fold_all(&[
        Sent::view(NOON, "/a"),
        Sent::view(NOON + HOUR, "/a"),
        Sent::view(NOON + 2 * HOUR, "/b"),
        Sent::view(NOON + 13 * HOUR, "/a"),
    ]);
    let hours: Vec<_> = day
        .0
        .cells
        .iter()
        .filter(|cell| cell.dimension == Dimension::Total)
        .map(|cell| (cell.hour, cell.counts.visitors))
        .collect();
    assert_eq!(hours, [(None, 1), (Some(12), 1), (Some(13), 1), (Some(14), 1), (None, 1), (Some(1), 1)]);
}

#[test]
fn a_source_and_an_entry_page_hold_for_the_visit() {
    let referrer = Referrer { host: "news.ycombinator.com".into(), path: "/item".into() };
    let campaign = Campaign { source: Some("spring".into()), ..Campaign::default() };
    let day = fold_all(&[
        Sent { referrer: Some(referrer), ..Sent::view(NOON, "/a") },
        Sent { campaign, ..Sent::view(NOON + MINUTE, "/b") },
    ]);
    assert_eq!(day.of(Dimension::Source, "Hacker News").pageviews, 2);
    assert_eq!(day.of(Dimension::Referrer, "news.ycombinator.com/item").pageviews, 2);
    assert_eq!(day.of(Dimension::Source, "spring"), Counts::default());
    assert_eq!(day.by((Dimension::Page, "/b"), (Dimension::EntryPage, "/a")).visitors, 1);
    assert_eq!(day.by((Dimension::Page, "/b"), (Dimension::EntryPage, "/b")), Counts::default());
}

#[test]
fn attention_adds_to_its_page_and_nothing_else() {
    let day = fold_all(&[
        Sent::engagement(NOON, "/a", 500, Some(90)),
        Sent::view(NOON, "/a"),
        Sent::engagement(NOON + MINUTE, "/a", 1_000, Some(40)),
        Sent::engagement(NOON + 2 * MINUTE, "/a", 2_000, Some(30)),
        Sent::engagement(NOON + 3 * MINUTE, "/a", 3_000, Some(70)),
    ]);
    let page = day.of(Dimension::Page, "/a");
    assert_eq!((page.engaged_ms, page.scroll_percent, page.scroll_visitors), (6_500, 70, 1));
    assert_eq!((page.visits, page.visit_seconds, page.bounces, page.events), (1, 0, 1, 1));
    assert_eq!(day.of(Dimension::Source, "Direct / None").engaged_ms, 0);
}

#[test]
fn minimal_counts_the_view_and_knows_nobody() {
    let day = fold_all(&[Sent { mode: Mode::Minimal, ..Sent::view(NOON, "/a") }]);
    let view = Counts { pageviews: 1, events: 1, ..Counts::default() };
    let found: Vec<_> =
        day.0.cells.iter().map(|cell| (cell.hour, cell.dimension, cell.value.as_ref(), cell.counts)).collect();
    let expected =
        [None, Some(12)].map(|hour| [(hour, Dimension::Total, "", view), (hour, Dimension::Page, "/a", view)]);
    assert_eq!(found, expected.concat());
    assert_eq!(day.0.live, []);
}

#[test]
fn the_ledger_tells_in_which_mode_a_hit_was_counted_and_what_lowered_it() {
    let mut fold = new_fold();
    for (mode, signals, outcome) in [
        (Mode::Full, Signals::default(), Outcome::Counted(Measured::Full)),
        (Mode::Exempt, Signals::UNCLEAR, Outcome::Counted(Measured::Exempt(Some(Lowering::Unclear)))),
        (Mode::Minimal, Signals::GPC.with(Signals::DNT), Outcome::Minimal(Some(Lowering::Gpc))),
        (Mode::Minimal, Signals::DNT, Outcome::Minimal(Some(Lowering::Dnt))),
    ] {
        let sent = Sent { mode, signals, ..Sent::view(NOON, "/") };
        assert_eq!(fold.apply(&sent.site, sent.hit()), outcome);
        let own = Sent { site: Site { mode, ..sent.site.clone() }, signals: Signals::default(), ..sent };
        let unlowered = match mode {
            Mode::Full => Outcome::Counted(Measured::Full),
            Mode::Exempt => Outcome::Counted(Measured::Exempt(None)),
            Mode::Minimal | Mode::Off => Outcome::Minimal(None),
        };
        assert_eq!(fold.apply(&own.site, own.hit()), unlowered);
    }
    let lines: Vec<_> =
        fold.changes(Millis(NOON)).ledger.iter().map(|line| (line.outcome.reason(), line.hits)).collect();
    assert_eq!(lines, [("full", 2), ("exempt", 1), ("exempt/unclear", 1), ("", 2), ("gpc", 1), ("dnt", 1)]);
}

#[test]
fn a_second_arrival_is_refused() {
    let mut fold = new_fold();
    let sent = Sent { id: Some(7), ..Sent::view(NOON, "/") };
    assert_eq!(fold.apply(&sent.site, sent.hit()), Outcome::Counted(Measured::Full));
    assert_eq!(fold.apply(&sent.site, sent.hit()), Outcome::Refused(Refusal::Duplicate));
    let elsewhere = Sent { site: site("other.example", "UTC"), ..sent };
    assert_eq!(fold.apply(&elsewhere.site, elsewhere.hit()), Outcome::Counted(Measured::Full));
}

#[test]
fn a_day_closes_two_hours_after_its_midnight_with_what_still_waits() {
    let mut fold = new_fold();
    let sent = Sent::view(NOON, "/");
    fold.apply(&sent.site, sent.hit());
    assert_eq!(fold.close(Millis(NOON + 14 * HOUR - 1)), []);
    assert_eq!(fold.visitors(), 1);
    let closed = fold.close(Millis(NOON + 14 * HOUR));
    assert_eq!(closed.iter().map(|closed| closed.site.as_str()).collect::<Vec<_>>(), ["example.com"]);
    assert_eq!((fold.visitors(), fold.pending_cells() > 0), (0, true));
    assert_eq!(fold.apply(&sent.site, sent.hit()), Outcome::Late);
    assert_eq!(Day(fold.changes(Millis(NOON))).total().visitors, 1);
}

#[test]
fn people_are_live_for_five_minutes_and_then_said_to_be_gone() {
    let mut fold = new_fold();
    let here = site("example.com", "UTC");
    for (at, agent) in [(NOON, IPHONE), (NOON + 10_000, crate::sent::CHROME), (NOON + 20_000, IPHONE)] {
        fold.apply(&here, Sent { agent, ..Sent::view(at, "/") }.hit());
    }
    let mut at = |ms| {
        fold.changes(Millis(NOON + ms))
            .live
            .iter()
            .map(|line: &LiveLine| (line.partition, line.visitors))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        [at(30_000), at(5 * MINUTE + 10_000), at(6 * MINUTE), at(7 * MINUTE)],
        [vec![(0, 2)], vec![(0, 1)], vec![(0, 0)], vec![]]
    );
}

#[test]
fn no_value_is_called_other_by_itself() {
    let day = fold_all(&[Sent::view(NOON, "/a")]);
    assert!(day.0.cells.iter().all(|cell| &*cell.value != OTHER && &*cell.by_value != OTHER));
}

/// One flush.
struct Day(Changes);

impl Day {
    fn total(&self) -> Counts {
        self.of(Dimension::Total, "")
    }

    fn of(&self, dimension: Dimension, value: &str) -> Counts {
        self.by((dimension, value), (Dimension::Total, ""))
    }

    /// The first day's cell; nothing if there is none.
    fn by(&self, (dimension, value): (Dimension, &str), (by, by_value): (Dimension, &str)) -> Counts {
        let wanted = (Domain::parse("example.com").unwrap(), None, dimension, value, by, by_value);
        let is = |cell: &&model::Cell| {
            (cell.site.clone(), cell.hour, cell.dimension, &*cell.value, cell.by, &*cell.by_value) == wanted
        };
        self.0.cells.iter().find(is).map_or_else(Counts::default, |cell| cell.counts)
    }
}

fn fold_all(hits: &[Sent]) -> Day {
    let mut fold = new_fold();
    for sent in hits {
        fold.apply(&sent.site, sent.hit());
    }
    Day(fold.changes(Millis(NOON - 24 * HOUR)))
}

fn new_fold() -> Fold {
    Fold::new(0, Secret::new([1; 32]), Tables::default())
}
