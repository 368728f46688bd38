//! When days close: half-hour zones, days of 23 and 25 hours, and a zone that is changed while days are open.

use std::collections::BTreeMap;

use fold::{Fold, OpenDay, Tables};
use model::{
    Cell, ClosedDay, Counts, Dimension, Engagement, FormerZone, Kind, LocalDay, Measured, Millis, Mode, Outcome,
    Refusal, Site, Vitals,
};
use privacy::visitor::Secret;

use crate::sent::{HOUR, MINUTE, Sent, site};

/// 2026-06-01T00:00Z.
const JUNE: i64 = 20_605;
const DAY: i64 = 24 * HOUR;
const COUNTED: Outcome = Outcome::Counted(Measured::Full);

fn fold() -> Fold {
    Fold::new(0, Secret::new([7; 32]), Tables::default())
}

fn view(fold: &mut Fold, site: &Site, at: i64) -> Outcome {
    let sent = Sent { site: site.clone(), ..Sent::view(at, "/") };
    fold.apply(site, sent.hit())
}

fn closed(fold: &mut Fold, now: i64) -> Vec<i32> {
    fold.close(Millis(now)).into_iter().map(|ClosedDay { day, .. }| day.0).collect()
}

/// Page views by day and hour.
fn hours(fold: &mut Fold) -> BTreeMap<(i32, u8), i64> {
    let cells = fold.changes(Millis(0)).cells.into_iter();
    let totals = cells.filter(|cell| cell.dimension == Dimension::Total);
    totals.filter_map(|cell| Some(((cell.day.0, cell.hour?), cell.counts.pageviews))).collect()
}

#[test]
fn a_day_closes_two_hours_after_its_own_midnight() {
    // 2026-06-01 in Kathmandu (UTC+5:45), Berlin's 23 hours of 2026-03-29 and 25 hours of 2026-10-25, at UTC+1 and UTC+2.
    for (zone, day, begins, length) in [
        ("Asia/Kathmandu", JUNE, JUNE * DAY - 5 * HOUR - 45 * MINUTE, 24),
        ("Asia/Kolkata", JUNE, JUNE * DAY - 5 * HOUR - 30 * MINUTE, 24),
        ("Europe/Berlin", 20_541, 20_541 * DAY - HOUR, 23),
        ("Europe/Berlin", 20_751, 20_751 * DAY - 2 * HOUR, 25),
    ] {
        let (mut fold, site) = (fold(), site("example.com", zone));
        assert_eq!(view(&mut fold, &site, begins), COUNTED);
        let closes = begins + (length + 2) * HOUR;
        let day = i32::try_from(day).unwrap();
        let open = OpenDay { site: site.domain.clone(), day: LocalDay(day), closes: Millis(closes) };
        assert_eq!(fold.open_days().collect::<Vec<_>>(), [open], "{zone}");
        assert!(closed(&mut fold, closes - 1).is_empty(), "{zone}");
        assert_eq!(view(&mut fold, &site, closes - 2 * HOUR - 1), COUNTED, "{zone}");
        assert_eq!(closed(&mut fold, closes), [day], "{zone}");
        assert_eq!(view(&mut fold, &site, closes - 2 * HOUR - 1), Outcome::Late, "{zone}");
        assert_eq!(view(&mut fold, &site, closes - 2 * HOUR), COUNTED, "{zone}");
        assert_eq!(fold.open_days().count(), 1, "{zone}");
    }
}

#[test]
fn a_day_that_is_open_keeps_its_zone_to_its_midnight() {
    let mut fold = fold();
    let (before, after) = changed("UTC", "Asia/Tokyo", (JUNE + 1) * DAY);
    view(&mut fold, &before, JUNE * DAY + 17 * HOUR);
    // In Tokyo it is the next day, at three in the morning.
    view(&mut fold, &after, JUNE * DAY + 18 * HOUR);
    // The first hit after UTC's midnight: nine in the morning of the next day in Tokyo.
    view(&mut fold, &after, (JUNE + 1) * DAY);
    let june = i32::try_from(JUNE).unwrap();
    let expected = BTreeMap::from([((june, 17), 1), ((june, 18), 1), ((june + 1, 9), 1)]);
    assert_eq!(hours(&mut fold), expected);
    // One still takes its late hits when the other is open; each closes by its own midnight.
    view(&mut fold, &after, (JUNE + 1) * DAY - 1);
    assert_eq!(hours(&mut fold), BTreeMap::from([((june, 23), 1)]));
    assert!(closed(&mut fold, (JUNE + 1) * DAY + 2 * HOUR - 1).is_empty());
    assert_eq!(closed(&mut fold, (JUNE + 1) * DAY + 2 * HOUR), [june]);
    assert_eq!(closed(&mut fold, (JUNE + 1) * DAY + 17 * HOUR), [june + 1]);
}

#[test]
fn a_day_that_both_zones_name_alike_closes_once_at_the_later_midnight() {
    let mut fold = fold();
    let midnight = JUNE * DAY - 9 * HOUR;
    let (before, after) = changed("Asia/Tokyo", "UTC", midnight + 24 * HOUR);
    view(&mut fold, &before, midnight);
    view(&mut fold, &after, midnight + HOUR);
    // Tokyo's midnight has passed and UTC's has not: the same day goes on, and its visitor is no new one.
    view(&mut fold, &after, midnight + 25 * HOUR);
    let june = i32::try_from(JUNE).unwrap();
    let visitors = fold.changes(Millis(0)).cells.into_iter();
    let visitors = visitors.filter(|cell| cell.dimension == Dimension::Total && cell.hour.is_none());
    assert_eq!(visitors.map(|cell| (cell.day.0, cell.counts.visitors)).collect::<Vec<_>>(), [(june, 1)]);
    assert!(closed(&mut fold, midnight + 26 * HOUR).is_empty());
    assert_eq!(closed(&mut fold, (JUNE + 1) * DAY + 2 * HOUR), [june]);
}

#[test]
fn a_replay_after_a_change_of_zone_reads_the_same_calendar() {
    let (before, after) = changed("UTC", "Asia/Tokyo", (JUNE + 1) * DAY);
    let mut fold = fold();
    let (early, late) = (JUNE * DAY + 17 * HOUR, JUNE * DAY + 17 * HOUR + MINUTE);
    view(&mut fold, &before, early);
    hours(&mut fold);
    // The settings changed and the processor was started again: it knows the site by its new settings alone.
    let mut again = self::fold();
    view(&mut again, &after, early);
    again.discard_changes();
    view(&mut again, &after, late);
    let changes = again.changes(Millis(late)).cells;
    let june = i32::try_from(JUNE).unwrap();
    assert!(changes.iter().all(|cell| cell.day.0 == june), "the open day goes on by its own midnight");
    let total = changes.iter().find(|cell| cell.dimension == Dimension::Total && cell.hour.is_none()).unwrap();
    assert_eq!(
        (total.counts.visitors, total.counts.visits, total.counts.bounces, total.counts.pageviews),
        (0, 0, -1, 1)
    );
}

#[test]
fn what_comes_when_its_day_is_over_counts_once_and_without_a_visitor() {
    let (mut fold, site) = (fold(), site("example.com", "UTC"));
    let evening = (JUNE + 1) * DAY - HOUR;
    let view = |at, id, path| Sent { site: site.clone(), id: Some(id), ..Sent::view(at, path) };
    let engagement = Engagement { engaged_ms: 900, scroll_percent: Some(50), vitals: Vitals::default() };
    let come = |fold: &mut Fold, sent: &Sent| fold.apply(&site, sent.hit());
    assert_eq!(come(&mut fold, &view(evening, 1, "/a")), COUNTED);
    fold.changes(Millis(evening));
    fold.close(Millis(evening + 6 * HOUR));
    let late = [
        (view(evening + MINUTE, 2, "/a"), Outcome::Late),
        (view(evening + MINUTE, 2, "/a"), Outcome::Refused(Refusal::Duplicate)),
        // What was counted while the day was open comes again, by another way.
        (view(evening, 1, "/a"), Outcome::Refused(Refusal::Duplicate)),
        (view(evening + 2 * MINUTE, 3, "/b"), Outcome::Late),
        (Sent { kind: Kind::Engagement(engagement), ..view(evening + 3 * MINUTE, 4, "/b") }, Outcome::Late),
        (Sent { mode: Mode::Off, ..view(evening + 3 * MINUTE, 5, "/b") }, Outcome::Refused(Refusal::Off)),
    ];
    for (sent, outcome) in &late {
        assert_eq!(come(&mut fold, sent), *outcome, "{sent:?}");
    }
    assert_eq!((fold.visitors(), fold.pending_cells(), fold.open_days().count()), (0, 6, 0));
    let changes = fold.changes(Millis(evening + 6 * HOUR));
    let view = Counts { pageviews: 1, events: 1, ..Counts::default() };
    let both = Counts { pageviews: 2, events: 2, ..Counts::default() };
    let june = LocalDay(i32::try_from(JUNE).unwrap());
    let mut expected = Vec::new();
    for hour in [None, Some(23)] {
        expected.push((june, hour, Dimension::Total, "".into(), both));
        expected.push((june, hour, Dimension::Page, "/a".into(), view));
        expected.push((june, hour, Dimension::Page, "/b".into(), view));
    }
    let cell = |cell: Cell| (cell.day, cell.hour, cell.dimension, cell.value, cell.counts);
    assert_eq!(changes.cells.into_iter().map(cell).collect::<Vec<_>>(), expected);
    let lines: BTreeMap<Outcome, i64> = changes.ledger.iter().fold(BTreeMap::new(), |mut lines, line| {
        *lines.entry(line.outcome).or_default() += line.hits;
        lines
    });
    assert_eq!(lines[&Outcome::Late], 3);
    assert!(fold.changes(Millis(evening + 6 * HOUR)).cells.is_empty(), "nothing is written twice");
    // What a replay counts of it was counted before.
    come(&mut fold, &Sent { site: site.clone(), id: Some(6), ..Sent::view(evening, "/a") });
    fold.discard_changes();
    assert!(fold.changes(Millis(evening + 6 * HOUR)).cells.is_empty());
}

#[test]
fn what_waits_of_a_day_that_another_zone_opens_again_is_netted_with_it() {
    let mut fold = fold();
    let midnight = (JUNE + 1) * DAY;
    let (before, after) = changed("UTC", "America/Los_Angeles", midnight + 2 * HOUR + 10 * MINUTE);
    assert_eq!(view(&mut fold, &before, midnight - HOUR), COUNTED);
    let june = i32::try_from(JUNE).unwrap();
    assert_eq!(closed(&mut fold, midnight + 2 * HOUR), [june]);
    assert_eq!(view(&mut fold, &before, midnight - HOUR), Outcome::Late);
    // Half past seven in the evening of the same day.
    assert_eq!(view(&mut fold, &after, midnight + 2 * HOUR + 30 * MINUTE), COUNTED);
    let total = |cell: &Cell| cell.dimension == Dimension::Total && cell.hour.is_none();
    let totals: Vec<Cell> = fold.changes(Millis(0)).cells.into_iter().filter(total).collect();
    assert_eq!(totals.iter().map(|cell| (cell.day.0, cell.counts.pageviews)).collect::<Vec<_>>(), [(june, 3)]);
}

#[test]
fn ids_are_known_as_long_as_a_second_copy_can_be_opened() {
    let (mut fold, site) = (fold(), site("example.com", "UTC"));
    let at = JUNE * DAY + 23 * HOUR + 59 * MINUTE;
    let sent = Sent { site: site.clone(), id: Some(1), ..Sent::view(at, "/") };
    assert_eq!(fold.apply(&site, sent.hit()), COUNTED);
    fold.close(Millis(at + 28 * HOUR));
    assert_eq!(fold.apply(&site, sent.hit()), Outcome::Refused(Refusal::Duplicate));
    // The key of its hour is destroyed now.
    fold.close(Millis(JUNE * DAY + (24 + 28) * HOUR));
    assert_eq!(fold.apply(&site, sent.hit()), Outcome::Late);
}

/// A site before and after its zone was changed.
fn changed(from: &str, to: &str, until: i64) -> (Site, Site) {
    let before = site("example.com", from);
    let former = FormerZone { timezone: from.to_owned(), until: Millis(until) };
    (before, Site { timezone_before: Some(former), ..site("example.com", to) })
}
