//! Closing a day and forgetting old ones: on what is in the parts, and through a kill between any two steps.

use model::{Cell, Changes, ClosedDay, Counts, Dimension, Domain, LocalDay, Loss, LostLine};
use store::{Folded, Kept};

use crate::support::{Host, JUNE, site};

/// A cell with as many visitors as page views.
fn cell(day: i32, hour: Option<u8>, one: (Dimension, &str), other: (Dimension, &str), visitors: i64) -> Cell {
    Cell {
        site: site(),
        day: LocalDay(day),
        hour,
        dimension: one.0,
        value: one.1.into(),
        by: other.0,
        by_value: other.1.into(),
        counts: Counts { visitors, pageviews: visitors, events: visitors, ..Counts::default() },
    }
}

const NONE: (Dimension, &str) = (Dimension::Total, "");

/// A day with cells below and above ten visitors in every class, in two flushes.
fn flushes(day: i32) -> [Changes; 2] {
    use Dimension::{BrowserVersion, City, Device, Event, OsVersion, Page, Property, Source, Total};
    let cells = |visitors: i64| {
        vec![
            cell(day, None, (Total, ""), NONE, visitors),
            cell(day, Some(3), (Total, ""), NONE, visitors),
            cell(day, None, (Page, "/rare"), NONE, 1),
            cell(day, Some(3), (Page, "/rare"), NONE, 1),
            cell(day, Some(3), (Device, "Desktop"), NONE, visitors),
            cell(day, None, (Device, "Desktop"), NONE, 1),
            cell(day, None, (City, "Big, XX"), NONE, visitors),
            cell(day, None, (City, "Small, XX"), NONE, 2),
            cell(day, None, (City, "(other)"), NONE, 1),
            cell(day, None, (BrowserVersion, "Firefox 1"), NONE, 1),
            cell(day, None, (OsVersion, "Windows 3"), NONE, 4),
            cell(day, None, (Page, "/"), (Source, "Google"), visitors),
            cell(day, None, (Page, "/rare"), (Source, "Google"), 1),
            cell(day, None, (Page, "/rare"), (Source, "example.org"), 4),
            cell(day, None, (Event, "Signup"), (Property, "plan=pro"), 3),
        ]
    };
    [Changes { cells: cells(9), ..Changes::default() }, Changes { cells: cells(1), ..Changes::default() }]
}

/// Every cell in the parts: nothing is added up, so a row that a merge should have dropped shows.
async fn rows(host: &Host, day: i32) -> Vec<String> {
    let sql = format!(
        "SELECT concat(toString(hour), ' ', dimension, '=', value, ' ', by_dimension, '=', by_value, ' ', \
         toString(visitors)) AS row FROM counts WHERE day = toDate({day}) ORDER BY row"
    );
    host.ask(&sql).await.lines().map(str::to_owned).collect()
}

async fn totals_of(host: &Host, day: i32) -> String {
    let sql = format!(
        "SELECT dimension, by_dimension, sum(visitors), sum(pageviews), sum(events) FROM counts \
         WHERE day = toDate({day}) AND hour = -1 GROUP BY dimension, by_dimension ORDER BY dimension, by_dimension"
    );
    host.ask(&sql).await
}

/// What is left of [`flushes`] for a site that folds below ten.
const CLOSED: [&str; 12] = [
    "-1 = = 10",
    "-1 browser_version=(other) = 2",
    "-1 city=(other) = 6",
    "-1 city=Big, XX = 10",
    "-1 device=Desktop = 2",
    "-1 event=(other) property=(other) 6",
    "-1 os_version=(other) = 8",
    "-1 page=(other) source=(other) 10",
    "-1 page=/ source=Google 10",
    "-1 page=/rare = 2",
    "3 = = 10",
    "3 page=/rare = 2",
];

#[tokio::test]
async fn small_cells_leave_the_parts_and_every_sum_stays() {
    let host = Host::start();
    let store = host.store();
    store.migrate().await.unwrap();
    for (number, day) in [JUNE, JUNE + 1].into_iter().enumerate() {
        for (flush, changes) in flushes(day).iter().enumerate() {
            store.insert(&format!("{number}-{flush}"), changes).await.unwrap();
        }
    }
    let day = ClosedDay { site: site(), day: LocalDay(JUNE) };
    let (before, other_day) = (totals_of(&host, JUNE).await, totals_of(&host, JUNE + 1).await);
    assert_eq!(store.days_not_closed().await.unwrap().len(), 2);
    assert_eq!(store.close_day(&day, 10).await.unwrap(), Folded { cells: 6, hours: 1 });
    store.sweep_closed_days(std::slice::from_ref(&day)).await.unwrap();
    assert_eq!(rows(&host, JUNE).await, CLOSED);
    assert_eq!(totals_of(&host, JUNE).await, before);
    assert_eq!(totals_of(&host, JUNE + 1).await, other_day);
    assert_eq!(store.days_not_closed().await.unwrap(), [ClosedDay { site: site(), day: LocalDay(JUNE + 1) }]);
    // Again, and it is done already.
    assert_eq!(store.close_day(&day, 10).await.unwrap(), Folded::default());
    store.sweep_closed_days(&[day]).await.unwrap();
    assert_eq!(rows(&host, JUNE).await, CLOSED);
}

/// Measurements have no visitors: what counts is how often a vital was measured of a page or a device.
#[tokio::test]
async fn a_vital_stays_whole_where_it_was_measured_often_enough_and_goes_whole_where_not() {
    use Dimension::{Device, Page, Vital};
    let host = Host::start();
    let store = host.store();
    store.migrate().await.unwrap();
    let measured = |day: i32, one, other, events| Cell {
        counts: Counts { events, ..Counts::default() },
        ..cell(day, None, one, other, 0)
    };
    let of_day = |day: i32| {
        vec![
            measured(day, (Vital, "lcp 500"), NONE, 18),
            measured(day, (Vital, "lcp more"), NONE, 1),
            measured(day, (Page, "/"), (Vital, "lcp 500"), 9),
            measured(day, (Page, "/"), (Vital, "lcp more"), 1),
            // Another vital of the same page does not help.
            measured(day, (Page, "/"), (Vital, "inp 50"), 9),
            measured(day, (Page, "/rare"), (Vital, "lcp 500"), 9),
            measured(day, (Device, "Mobile"), (Vital, "lcp 500"), 18),
            measured(day, (Device, "Mobile"), (Vital, "lcp more"), 1),
        ]
    };
    let cells = of_day(JUNE).into_iter().chain(of_day(JUNE + 1)).collect();
    store.insert("flush", &Changes { cells, ..Changes::default() }).await.unwrap();
    let day = ClosedDay { site: site(), day: LocalDay(JUNE) };
    assert_eq!(store.small_cells_of_closed_days(&site(), 10).await.unwrap().0, 0, "no day is closed");
    assert_eq!(store.close_day(&day, 10).await.unwrap(), Folded { cells: 2, hours: 0 });
    store.sweep_closed_days(std::slice::from_ref(&day)).await.unwrap();
    let sql = format!(
        "SELECT concat(dimension, '=', value, ' ', by_value, ' ', toString(events)) AS row FROM counts \
         WHERE day = toDate({JUNE}) ORDER BY row"
    );
    let left = [
        "device=Mobile lcp 500 18",
        "device=Mobile lcp more 1",
        "page=(other) (other) 18",
        "page=/ lcp 500 9",
        "page=/ lcp more 1",
        "vital=lcp 500  18",
        "vital=lcp more  1",
    ];
    assert_eq!(host.ask(&sql).await.lines().collect::<Vec<_>>(), left);
    assert_eq!(store.close_day(&day, 10).await.unwrap(), Folded::default(), "what stays, stays");
    assert_eq!(store.small_cells_of_closed_days(&site(), 10).await.unwrap().0, 0);
    // A site that folds below more finds what is too little for it.
    assert_eq!(store.small_cells_of_closed_days(&site(), 20).await.unwrap().0, 4);
}

#[tokio::test]
async fn small_segments_and_steps_of_funnels_go_and_goals_stay() {
    use Dimension::{Funnel, Goal, Segment, Source, Step};
    let host = Host::start();
    let store = host.store();
    store.migrate().await.unwrap();
    let cells = vec![
        cell(JUNE, None, (Segment, "few@a"), NONE, 9),
        cell(JUNE, None, (Segment, "many@b"), NONE, 10),
        cell(JUNE, Some(3), (Segment, "many@b"), NONE, 10),
        cell(JUNE, None, (Source, "Google"), (Segment, "many@b"), 3),
        cell(JUNE, None, (Goal, "rare@c"), NONE, 1),
        cell(JUNE, None, (Funnel, "way@a"), (Step, "1"), 12),
        cell(JUNE, None, (Funnel, "way@a"), (Step, "2"), 4),
    ];
    store.insert("flush", &Changes { cells, ..Changes::default() }).await.unwrap();
    let day = ClosedDay { site: site(), day: LocalDay(JUNE) };
    store.close_day(&day, 10).await.unwrap();
    store.sweep_closed_days(&[day]).await.unwrap();
    let left = [
        "-1 funnel=(other) step=(other) 4",
        "-1 funnel=way@a step=1 12",
        "-1 goal=rare@c = 1",
        "-1 segment=(other) = 9",
        "-1 segment=many@b = 10",
        "-1 source=(other) segment=(other) 3",
    ];
    assert_eq!(rows(&host, JUNE).await, left);
}

#[tokio::test]
async fn closing_twice_at_once_folds_once_and_what_comes_later_is_folded_too() {
    let host = Host::start();
    let store = host.store();
    store.migrate().await.unwrap();
    let [first, second] = flushes(JUNE);
    store.insert("first", &first).await.unwrap();
    let day = ClosedDay { site: site(), day: LocalDay(JUNE) };
    let (one, other) = (host.store(), host.store());
    let (one, other) = tokio::join!(one.close_day(&day, 10), other.close_day(&day, 10));
    one.unwrap();
    other.unwrap();
    store.insert("second", &second).await.unwrap();
    let before = totals_of(&host, JUNE).await;
    store.close_day(&day, 10).await.unwrap();
    store.sweep_closed_days(&[day]).await.unwrap();
    assert_eq!(totals_of(&host, JUNE).await, before);
    let rows = rows(&host, JUNE).await;
    // Ten in two halves were below ten in each: what was folded does not come back.
    assert!(rows.contains(&"-1 page=(other) source=(other) 20".to_owned()), "{rows:?}");
    assert!(store.days_not_closed().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_kill_between_any_two_steps_is_made_good_by_closing_again() {
    for steps in 0..4 {
        let host = Host::start();
        let store = host.store();
        store.migrate().await.unwrap();
        for (flush, changes) in flushes(JUNE).iter().enumerate() {
            store.insert(&flush.to_string(), changes).await.unwrap();
        }
        let before = totals_of(&host, JUNE).await;
        let day = ClosedDay { site: site(), day: LocalDay(JUNE) };
        if steps > 0 {
            store.close_day(&day, 10).await.unwrap();
        }
        match steps {
            // Before the block, after its announcement.
            0 => drop(
                host.ask("INSERT INTO closings (site, day, round, step) VALUES ('example.com', 20605, 1, 'begun')")
                    .await,
            ),
            // After the block, before its note.
            1 => drop(host.ask("ALTER TABLE closings DELETE WHERE step = 'folded' SETTINGS mutations_sync = 2").await),
            // Before the merge.
            2 => {}
            // After the merge, before its note.
            _ => drop(host.ask("OPTIMIZE TABLE counts FINAL").await),
        }
        let host = host.killed_and_restarted();
        let store = host.store();
        assert_eq!(store.days_not_closed().await.unwrap(), std::slice::from_ref(&day), "after step {steps}");
        store.close_day(&day, 10).await.unwrap();
        store.sweep_closed_days(&[day]).await.unwrap();
        assert_eq!(rows(&host, JUNE).await, CLOSED, "after step {steps}");
        assert_eq!(totals_of(&host, JUNE).await, before, "after step {steps}");
        assert!(store.days_not_closed().await.unwrap().is_empty(), "after step {steps}");
    }
}

#[tokio::test]
async fn a_day_of_200_000_cells_is_closed_in_one_block() {
    let host = Host::start();
    let store = host.store();
    store.migrate().await.unwrap();
    host.ask(
        "INSERT INTO counts (site, day, hour, dimension, value, by_dimension, by_value, visitors, pageviews) \
         SELECT 'example.com', toDate(20605), -1, 'page', concat('/', toString(number)), 'source', 'Google', \
         if(number % 100 = 0, 20, 1), 1 FROM numbers(200000)",
    )
    .await;
    let day = ClosedDay { site: site(), day: LocalDay(JUNE) };
    let begun = std::time::Instant::now();
    assert_eq!(store.close_day(&day, 10).await.unwrap(), Folded { cells: 198_000, hours: 0 });
    let folded = begun.elapsed();
    assert_eq!(
        host.ask(
            "SELECT uniqExact(_part) FROM counts WHERE (value, by_value) = ('(other)', '(other)') OR visitors < 0"
        )
        .await,
        "1"
    );
    store.sweep_closed_days(&[day]).await.unwrap();
    println!("a day of 200,000 cells: folded in {folded:?}, swept in {:?}", begun.elapsed() - folded);
    assert_eq!(host.ask("SELECT count(), sum(pageviews), min(pageviews) FROM counts").await, "2001\t200000\t1");
}

/// A day of a large import that has just ended, in as many parts as its inserts left before they are merged: half of it goes as hours, half
/// into `(other)`.
#[tokio::test]
async fn a_large_day_in_many_parts_is_closed_in_little_memory() {
    const PARTS: u64 = 40;
    const ROWS: u64 = 36_000;
    let host = Host::start();
    let store = host.store();
    store.migrate().await.unwrap();
    host.ask("SYSTEM STOP MERGES counts").await;
    for part in 0..PARTS {
        // Every cell has rows in two parts.
        let first = part / 2 * ROWS;
        host.ask(&format!(
            "INSERT INTO counts (site, day, hour, dimension, value, by_dimension, by_value, visitors, pageviews) \
             SELECT 'example.com', toDate(20605), if(number % 2 = 0, -1, number % 24), 'entry_page', \
             concat('/a/page/that/some/come/to/', toString(number)), if(number % 2 = 0, 'source', ''), if(number % 2 = 0, 'Google', ''), 1, 1 \
             FROM numbers({first}, {ROWS})",
        ))
        .await;
    }
    let views = host.ask("SELECT sumIf(pageviews, hour < 0) FROM counts").await;
    host.forget_peak();
    let (before, day) = (host.resident_bytes(), ClosedDay { site: site(), day: LocalDay(JUNE) });
    let Folded { cells, hours } = store.close_day(&day, 10).await.unwrap();
    let grown = host.peak_bytes().saturating_sub(before);
    println!("closing a day of {} rows in {PARTS} parts took {} MB", PARTS * ROWS, grown / 1_000_000);
    assert!(grown < 400_000_000, "{grown} bytes");
    assert_eq!((cells, hours), (PARTS * ROWS / 4, PARTS * ROWS / 4));
    let left = "SELECT count(), countIf(hour >= 0), sum(pageviews) FROM (SELECT hour, value, by_value, sum(pageviews) AS pageviews \
                FROM counts GROUP BY ALL HAVING pageviews != 0)";
    assert_eq!(host.ask(left).await, format!("1\t0\t{views}"), "all is in one other");
    host.ask("SYSTEM START MERGES counts").await;
    store.sweep_closed_days(&[day]).await.unwrap();
    assert_eq!(host.ask("SELECT count() FROM counts").await, "1");
}

#[tokio::test]
async fn what_is_older_than_its_site_keeps_it_goes_and_nothing_else() {
    let host = Host::start();
    let store = host.store();
    store.migrate().await.unwrap();
    let stranger = Domain::parse("gone.example").unwrap();
    let mut cells = Vec::new();
    for day in JUNE - 70..JUNE {
        for site in [site(), Domain::parse("long.example").unwrap(), stranger.clone()] {
            cells.push(Cell { site, ..cell(day, None, NONE, NONE, 1) });
        }
    }
    store.insert("a", &Changes { cells, ..Changes::default() }).await.unwrap();
    // As if each day had been closed in the night after it.
    host.ask("INSERT INTO closings SELECT site, day, 1, 'clean', toDateTime(day + 1, 'UTC') FROM counts").await;
    let kept = [
        Kept { site: site(), first_day: LocalDay(JUNE - 10) },
        Kept { site: Domain::parse("long.example").unwrap(), first_day: LocalDay(JUNE - 66) },
    ];
    let left = "SELECT site, count(), toInt32(min(day)) FROM counts GROUP BY site ORDER BY site";
    let today = LocalDay(JUNE);
    // Imported only now: its age counts from today.
    let imported = Cell { day: LocalDay(JUNE - 400), ..cell(JUNE, None, NONE, NONE, 1) };
    store.insert("b", &Changes { cells: vec![imported], ..Changes::default() }).await.unwrap();
    store.close_day(&ClosedDay { site: site(), day: LocalDay(JUNE - 400) }, 10).await.unwrap();
    let forgotten = store.forget(&kept, LocalDay(JUNE - 20), today).await.unwrap();
    // A day is as old as its closing, one day younger than itself.
    assert_eq!(forgotten.counts, 59 + 3 + 49);
    let expected = "example.com\t12\t20205\ngone.example\t21\t20584\nlong.example\t67\t20538";
    assert_eq!(host.ask(left).await, expected);
    assert_eq!(store.forget(&kept, LocalDay(JUNE - 20), today).await.unwrap(), store::Forgotten::default());
    assert_eq!(host.ask(left).await, expected);
    // A whole month goes as its partition.
    let kept =
        [site(), Domain::parse("long.example").unwrap()].map(|site| Kept { site, first_day: LocalDay(JUNE - 5) });
    store.forget(&kept, LocalDay(JUNE - 5), today).await.unwrap();
    let young = "SELECT count(), toInt32(min(day)) FROM counts WHERE day > toDate(20300)";
    assert_eq!(host.ask(young).await, "18\t20599");
}

#[tokio::test]
async fn the_ledger_goes_by_the_month_unless_it_was_imported_lately() {
    let host = Host::start();
    let store = host.store();
    store.migrate().await.unwrap();
    // The flush's ledger line is of the 1st of June; a line of January stands beside it, and one of the year before.
    store.insert("a", &crate::support::flush([JUNE], 1)).await.unwrap();
    host.ask(
        "INSERT INTO ledger VALUES ('example.com', '2026-01-10 00:00:00', 'counted', '', 1), \
         ('example.com', '2025-01-10 00:00:00', 'counted', '', 1)",
    )
    .await;
    let months = "SELECT arrayStringConcat(groupUniqArray(toString(toYYYYMM(minute))), ' ') FROM \
                  (SELECT minute FROM ledger ORDER BY minute)";
    // The year before was imported today.
    let imported = Cell { day: LocalDay(20_098), ..cell(JUNE, None, NONE, NONE, 1) };
    store.insert("b", &Changes { cells: vec![imported], ..Changes::default() }).await.unwrap();
    let today = LocalDay(JUNE + 20);
    assert_eq!(store.forget(&[], LocalDay(0), today).await.unwrap().ledger, 1);
    store.close_day(&ClosedDay { site: site(), day: LocalDay(20_098) }, 10).await.unwrap();
    assert_eq!(store.forget(&[], LocalDay(0), today).await.unwrap().ledger, 0);
    let mut left: Vec<String> = host.ask(months).await.split(' ').map(str::to_owned).collect();
    left.sort();
    assert_eq!(left, ["202501", "202606"]);
    // The import has grown old.
    host.ask("TRUNCATE TABLE closings").await;
    host.ask("INSERT INTO closings SELECT site, day, 1, 'clean', toDateTime(day + 1, 'UTC') FROM counts").await;
    assert_eq!(store.forget(&[], LocalDay(0), today).await.unwrap().ledger, 1);
    assert_eq!(host.ask(months).await, "202606");
}

#[tokio::test]
async fn lost_records_are_forgotten_with_the_ledger_whatever_was_imported() {
    let host = Host::start();
    let store = host.store();
    store.migrate().await.unwrap();
    let line = |day: i32| LostLine { hour: i64::from(day) * 24, loss: Loss::Expired, records: 1 };
    let lost = [JUNE, JUNE - 80, JUNE - 200].map(line).to_vec();
    // Counts of the oldest month came in today.
    let imported = Cell { day: LocalDay(JUNE - 200), ..cell(JUNE, None, NONE, NONE, 1) };
    store.insert("a", &Changes { lost, cells: vec![imported], ..Changes::default() }).await.unwrap();
    assert_eq!(store.forget(&[], LocalDay(0), LocalDay(JUNE + 5)).await.unwrap().ledger, 1);
    assert_eq!(host.ask("SELECT count() FROM lost").await, "2");
}
