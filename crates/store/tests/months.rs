//! Questions over whole months read the sums that the engine keeps of them: they tell what the days add up to, they are found, and
//! they hold nothing that the days do not.

use std::collections::BTreeMap;

use model::{Cell, Changes, ClosedDay, Counts, Dimension, LocalDay};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use store::Store;
use store::questions::{Cells, Grain, Question, Row, Selection, Span};

use crate::proxy::Proxy;
use crate::support::{Host, JUNE, site};

/// The 1st of January 2026.
const JANUARY: i32 = JUNE - 151;
/// From the middle of a month to the middle of another, fourteen months later.
const DAYS: std::ops::Range<i32> = JANUARY - 17..JANUARY + 400;
const VALUES: [&str; 4] = ["/", "/a", "/b/c", "(other)"];
const QUESTIONS: usize = 100;

fn some_cell() -> impl Strategy<Value = Cell> {
    let value = prop::sample::select(&VALUES[..]);
    let hour = prop::option::weighted(0.2, 0_u8..24);
    // Counts of a flush may be negative; of a cell in all they are not, but sums do not depend on that.
    (DAYS, hour, value, 0..3_usize, -3_i64..100).prop_map(|(day, hour, value, of, visitors)| {
        let (dimension, value, by, by_value) = match of {
            0 => (Dimension::Page, value, Dimension::Total, ""),
            1 => (Dimension::Page, value, Dimension::Country, if visitors % 2 == 0 { "JP" } else { "DE" }),
            _ => (Dimension::Total, "", Dimension::Total, ""),
        };
        Cell {
            site: site(),
            day: LocalDay(day),
            hour: hour.filter(|_| by == Dimension::Total),
            dimension,
            value: value.into(),
            by,
            by_value: by_value.into(),
            counts: Counts { visitors, pageviews: 2 * visitors, revenue_micros: -visitors, ..Counts::default() },
        }
    })
}

fn some_question() -> impl Strategy<Value = Question> {
    let grain = prop::sample::select(&[None, None, Some(Grain::Month), Some(Grain::Week), Some(Grain::Day)][..]);
    let page = || {
        prop_oneof![
            Just(Selection::all(Dimension::Page, String::new())),
            Just(Selection {
                is: Some(vec!["/a".to_owned(), "/".to_owned()]),
                ..Selection::all(Dimension::Page, String::new())
            }),
            Just(Selection { is_not: vec!["/".to_owned()], ..Selection::all(Dimension::Page, String::new()) }),
            Just(Selection { matches: Some("^/[ab]".to_owned()), ..Selection::all(Dimension::Page, String::new()) }),
        ]
    };
    let cells = prop_oneof![
        Just((Cells::Total, None)),
        page().prop_map(|page| (Cells::Of(page), Some(Dimension::Page))),
        page().prop_map(|page| (Cells::Of(page), None)),
        (page(), prop::sample::select(&[None, Some(Dimension::Page), Some(Dimension::Country)][..]))
            .prop_map(|(page, by)| (Cells::pair(page, Selection::all(Dimension::Country, String::new())).unwrap(), by)),
    ];
    (DAYS, DAYS, grain, cells).prop_map(|(one, other, over_time, (cells, by_value))| Question {
        sites: vec![site()],
        span: Span::Days { first: LocalDay(one.min(other)), last: LocalDay(one.max(other)) },
        cells,
        over_time,
        by_value,
        order: Vec::new(),
        limit: 10_000,
        offset: 0,
    })
}

/// The bucket's first day and the value, with their visitors, page views and revenue: added up cell by cell.
type Told = BTreeMap<(Option<i32>, Option<String>), [i64; 3]>;

fn recounted(cells: &[Cell], question: &Question) -> Told {
    let (first, last) = question.span.days();
    let mut told = Told::new();
    for cell in cells.iter().filter(|cell| cell.hour.is_none() && (first..=last).contains(&cell.day)) {
        let page = match &question.cells {
            Cells::Total if cell.dimension == Dimension::Total => None,
            Cells::Of(page) if cell.dimension == Dimension::Page && cell.by == Dimension::Total => Some(page),
            Cells::Pair(page, _) if cell.by == Dimension::Country => Some(page),
            _ => continue,
        };
        let kept = page.is_none_or(|page| {
            page.is.as_ref().is_none_or(|is| is.iter().any(|is| **is == *cell.value))
                && !page.is_not.iter().any(|is_not| **is_not == *cell.value)
                && (*cell.value != *"(other)" || page.keeps_other())
                && (page.matches.is_none() || cell.value.starts_with("/a") || cell.value.starts_with("/b"))
        });
        if !kept {
            continue;
        }
        let date = jiff::civil::date(1970, 1, 1) + jiff::Span::new().days(cell.day.0);
        let bucket = question.over_time.map(|grain| match grain {
            Grain::Month => cell.day.0 - i32::from(date.day()) + 1,
            Grain::Week => first.0.max(cell.day.0 - i32::from(date.weekday().to_monday_zero_offset())),
            Grain::Day | Grain::Hour => cell.day.0,
        });
        let value = question.by_value.map(|by| match by {
            Dimension::Country => cell.by_value.to_string(),
            _ => cell.value.to_string(),
        });
        let sums = told.entry((bucket, value)).or_default();
        let Counts { visitors, pageviews, revenue_micros, .. } = cell.counts;
        for (sum, count) in sums.iter_mut().zip([visitors, pageviews, revenue_micros]) {
            *sum += count;
        }
    }
    // A row of nothing is told of the totals alone.
    if question.over_time.is_none() && question.by_value.is_none() {
        told.entry((None, None)).or_default();
    } else {
        told.retain(|_, sums| sums[0] != 0);
    }
    told
}

fn told(rows: Vec<Row>) -> Told {
    let row = |Row { day, value, counts, .. }: Row| {
        let key = (day.map(|day| day.0), value.map(|value| value.to_string()));
        (key, [counts.visitors, counts.pageviews, counts.revenue_micros])
    };
    rows.into_iter().map(row).collect()
}

#[tokio::test]
async fn months_are_told_as_their_days_add_up_whatever_became_of_the_parts() {
    let host = Host::start();
    let store = host.store();
    store.migrate().await.unwrap();
    let mut runner = TestRunner::deterministic();
    let mut cells = prop::collection::vec(some_cell(), 6_000).new_tree(&mut runner).unwrap().current();
    for (number, flush) in cells.chunks(2_000).enumerate() {
        store.insert(&number.to_string(), &Changes { cells: flush.to_vec(), ..Changes::default() }).await.unwrap();
    }
    let questions = prop::collection::vec(some_question(), QUESTIONS).new_tree(&mut runner).unwrap().current();
    let forgets = format!("ALTER TABLE counts DELETE WHERE day BETWEEN toDate({JUNE}) AND toDate({})", JUNE + 9);
    // As it is, merged, without some days, and as an installation from before the months has its parts, all and some of them.
    for change in
        ["SELECT 1", "OPTIMIZE TABLE counts FINAL", &forgets, "ALTER TABLE counts CLEAR PROJECTION months", "more"]
    {
        if change == "more" {
            let more = prop::collection::vec(some_cell(), 500).new_tree(&mut runner).unwrap().current();
            store.insert("more", &Changes { cells: more.clone(), ..Changes::default() }).await.unwrap();
            cells.extend(more);
        } else {
            host.ask(&format!("{change} SETTINGS mutations_sync = 2")).await;
        }
        if change == forgets {
            cells.retain(|cell| !(JUNE..=JUNE + 9).contains(&cell.day.0));
        }
        for question in &questions {
            let answer = store.ask(question).await.unwrap();
            assert_eq!(told(answer.rows), recounted(&cells, question), "after {change}: {question:?}");
        }
    }
}

/// That an answer is right does not show that it was found in the months: days add up to the same. So the engine is told to
/// refuse a question that it does not read them for.
#[tokio::test]
async fn a_year_of_pages_is_read_from_the_months_and_a_week_is_not() {
    let host = Host::start();
    host.store().migrate().await.unwrap();
    let cells = prop::collection::vec(some_cell(), 2_000).new_tree(&mut TestRunner::deterministic()).unwrap().current();
    host.store().insert("a", &Changes { cells, ..Changes::default() }).await.unwrap();
    let proxy = Proxy::rewriting(&host.url, |sent| {
        let end = "OFFSET {offset:UInt64}";
        sent.replace(end, &format!("{end} SETTINGS force_optimize_projection_name = 'months'"))
    });
    let store = proxy.await.store();
    let of_pages = |first, last| Question {
        sites: vec![site()],
        span: Span::Days { first: LocalDay(first), last: LocalDay(last) },
        cells: Cells::Of(Selection::all(Dimension::Page, String::new())),
        over_time: None,
        by_value: Some(Dimension::Page),
        order: Vec::new(),
        limit: 10,
        offset: 0,
    };
    assert_eq!(store.ask(&of_pages(JANUARY - 3, JANUARY + 370)).await.unwrap().rows_total, 4);
    let refused = store.ask(&of_pages(JANUARY, JANUARY + 6)).await.unwrap_err().to_string();
    assert!(refused.contains("projection"), "{refused}");
}

#[tokio::test]
async fn what_a_closing_takes_back_leaves_the_months_in_the_same_merge() {
    let host = Host::start();
    host.store().migrate().await.unwrap();
    taken_back_leaves_the_months(&host, &host.store()).await;
}

/// As before 26.7: a merge adds up the sums it finds, whatever became of their rows.
#[tokio::test]
async fn where_a_merge_keeps_sums_a_closing_makes_the_months_anew() {
    let host = Host::start();
    host.store().migrate().await.unwrap();
    host.ask("ALTER TABLE counts MODIFY SETTING deduplicate_merge_projection_mode = 'ignore'").await;
    let proxy = Proxy::rewriting(&host.url, |sent| sent.replace("version()", "'25.8.2.1'")).await;
    taken_back_leaves_the_months(&host, &proxy.store()).await;
}

async fn taken_back_leaves_the_months(host: &Host, store: &Store) {
    let city = |value: &str, visitors| Cell {
        site: site(),
        day: LocalDay(JUNE),
        hour: None,
        dimension: Dimension::City,
        value: value.into(),
        by: Dimension::Total,
        by_value: "".into(),
        counts: Counts { visitors, ..Counts::default() },
    };
    let total = Cell { dimension: Dimension::Total, ..city("", 13) };
    let cells = vec![total, city("Big, XX", 11), city("Small, XX", 2)];
    store.insert("a", &Changes { cells, ..Changes::default() }).await.unwrap();
    let months = "SELECT DISTINCT `if(and(equals(by_dimension, ''), less(hour, 0)), value, '')` AS value \
                  FROM mergeTreeProjection(footfall, counts, months) WHERE dimension = 'city' ORDER BY value";
    assert_eq!(host.ask(months).await, "Big, XX\nSmall, XX");
    let day = ClosedDay { site: site(), day: LocalDay(JUNE) };
    store.close_day(&day, 10).await.unwrap();
    store.sweep_closed_days(&[day]).await.unwrap();
    assert_eq!(host.ask(months).await, "(other)\nBig, XX");
}

/// The sums are not synced as what they are made of is: after a power cut their files may be empty or cut, in an inserted part and in a merged one.
#[tokio::test]
async fn where_a_power_cut_took_the_months_the_days_are_told() {
    for (left, is_merged) in [(0, false), (20, true)] {
        let mut host = Host::start();
        host.store().migrate().await.unwrap();
        let mut runner = TestRunner::deterministic();
        let mut cells = prop::collection::vec(some_cell(), 2_000).new_tree(&mut runner).unwrap().current();
        let questions = prop::collection::vec(some_question(), QUESTIONS / 4).new_tree(&mut runner).unwrap().current();
        for part in ["a", "b"] {
            let changes = Changes { cells: cells.clone(), ..Changes::default() };
            host.store().insert(part, &changes).await.unwrap();
        }
        cells.extend(cells.clone());
        if is_merged {
            host.ask("OPTIMIZE TABLE counts FINAL").await;
        }
        let months = host.ask("SELECT path, name FROM system.projection_parts WHERE active AND table = 'counts'").await;
        let data = host.kill();
        let mut files = 0;
        for line in months.lines() {
            let (path, _) = line.split_once('\t').unwrap();
            for file in std::fs::read_dir(path).unwrap() {
                let file = std::fs::OpenOptions::new().write(true).open(file.unwrap().path()).unwrap();
                file.set_len(file.metadata().unwrap().len().min(left)).unwrap();
                files += 1;
            }
        }
        assert!(files > 20, "{months}");
        host = Host::on(data);
        let broken = host.ask("SELECT count() FROM system.projection_parts WHERE table = 'counts' AND is_broken").await;
        assert_ne!(broken, "0");
        for again in ["as it is", "merged"] {
            for question in &questions {
                let answer = host.store().ask(question).await.unwrap();
                assert_eq!(
                    told(answer.rows),
                    recounted(&cells, question),
                    "{left}, {is_merged}, {again}: {question:?}"
                );
            }
            let more = prop::collection::vec(some_cell(), 500).new_tree(&mut runner).unwrap().current();
            host.store().insert(again, &Changes { cells: more.clone(), ..Changes::default() }).await.unwrap();
            cells.extend(more);
            host.ask("OPTIMIZE TABLE counts FINAL").await;
        }
    }
}
