//! A site in mode `exempt` beside the same counts in mode `full`: every number in tens, nothing told of fewer than ten, and no
//! order that says more than the rows do.

use std::cmp::Ordering;

use axum::Router;
use axum::http::StatusCode;
use model::{Changes, LedgerLine, LiveLine, LocalDay, Measured, Millis, Mode, Outcome};
use prometheus::Registry;
use serde_json::{Value, json};

use crate::asking::{NOW, TODAY, TOKEN, dashboard, dashboard_in, get, private, query};
use crate::engine;
use crate::traffic::{Dice, Visit, cells, day};

/// The same counts told in tens and told exactly.
async fn told_twice() -> [Router; 2] {
    let mut dice = Dice(31);
    let visits: Vec<Visit> = (TODAY - 9..=TODAY).flat_map(|number| day(&mut dice, LocalDay(number), 45, 22)).collect();
    let store = engine::store().await;
    engine::insert(&store, cells(&private(), &visits)).await;
    [dashboard_in(Mode::Exempt, NOW, store.clone(), &Registry::new()), dashboard(store, &Registry::new())]
}

async fn ask(router: &Router, question: &Value) -> Value {
    let (status, answer) = query(router, question.clone()).await;
    assert_eq!(status, StatusCode::OK, "{question}: {answer}");
    answer
}

fn rows(answer: &Value) -> Vec<(String, Vec<Value>)> {
    let row = |row: &Value| (row["dimensions"].to_string(), row["metrics"].as_array().unwrap().clone());
    answer["results"].as_array().unwrap().iter().map(row).collect()
}

/// A count in tens, by counting up to it.
fn in_tens(count: &Value) -> Value {
    match count.as_i64().unwrap() {
        0 => json!(0),
        1..10 => json!("<10"),
        count => json!((0..).step_by(10).find(|ten| (ten - count).abs() < 5 || ten - count == 5).unwrap()),
    }
}

/// What a told count stands for in a share.
fn number(told: &Value) -> f64 {
    if told == "<10" { 5.0 } else { told.as_f64().unwrap() }
}

const COUNTS: [&str; 4] = ["visitors", "visits", "pageviews", "events"];

#[tokio::test]
async fn every_count_is_told_in_tens_whatever_is_asked() {
    let [tens, exact] = told_twice().await;
    let mut few = 0;
    for more in [
        json!({}),
        json!({ "date_range": "day" }),
        json!({ "dimensions": ["time:hour"], "date_range": "day" }),
        json!({ "dimensions": ["time:day"] }),
        json!({ "dimensions": ["visit:country"] }),
        json!({ "dimensions": ["event:page"] }),
        json!({ "dimensions": ["time:day", "visit:source"] }),
        json!({ "filters": [["is", "visit:country", ["SE"]]] }),
        json!({ "dimensions": ["event:page"], "filters": [["is", "visit:source", ["GitHub"]]] }),
    ] {
        let mut question = json!({ "site_id": "example.com", "metrics": COUNTS, "date_range": "7d" });
        question.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        // In one order, so that rows can be held beside each other.
        let dimensions = question["dimensions"].as_array().cloned().unwrap_or_default();
        question["order_by"] = dimensions.into_iter().map(|name| json!([name, "asc"])).collect();
        let (told, counted) = (ask(&tens, &question).await, ask(&exact, &question).await);
        let expected: Vec<_> = rows(&counted)
            .into_iter()
            .map(|(dimensions, metrics)| (dimensions, metrics.iter().map(in_tens).collect::<Vec<_>>()))
            .collect();
        assert!(!expected.is_empty(), "{question}");
        assert_eq!(rows(&told), expected, "{question}");
        few += told.to_string().matches("\"<10\"").count();
        assert_eq!((&told["meta"]["rounded"]["to"], &counted["meta"]["rounded"]), (&json!(10), &Value::Null));
        assert!(told["meta"]["rounded"]["warning"].as_str().unwrap().contains("nearest ten"));
    }
    assert!(few > 100, "small counts were asked for: {few}");
}

#[tokio::test]
async fn a_share_is_made_of_what_is_told() {
    let [tens, exact] = told_twice().await;
    let asked = |metrics: Value, by: &str| json!({ "site_id": "example.com", "metrics": metrics, "date_range": "7d", "dimensions": [by], "order_by": [[by, "asc"]] });
    let whole = json!({ "site_id": "example.com", "metrics": ["visitors"], "date_range": "7d" });
    let whole = number(&rows(&ask(&tens, &whole).await)[0].1[0]);
    let question = asked(
        json!(["visitors", "visits", "pageviews", "percentage", "views_per_visit", "bounce_rate", "visit_duration"]),
        "visit:source",
    );
    let (told, counted) = (rows(&ask(&tens, &question).await), rows(&ask(&exact, &question).await));
    let mut unknown = 0;
    for ((name, told), (_, counted)) in told.iter().zip(&counted) {
        let [visitors, visits, pageviews, percentage, views_per_visit, bounce_rate, duration] = told.as_slice() else {
            panic!("seven metrics")
        };
        let share = json!((number(visitors) * 1_000.0 / whole).round_ties_even() / 10.0);
        assert_eq!(*percentage, if *visitors == "<10" { Value::Null } else { share }, "{name}");
        if *visits == "<10" {
            unknown += 1;
            assert_eq!([views_per_visit, bounce_rate, duration], [&Value::Null; 3], "{name}");
        } else {
            let views = (number(pageviews) * 100.0 / number(visits)).round_ties_even() / 100.0;
            assert_eq!(*views_per_visit, json!(views), "{name}");
            assert_eq!(*duration, counted[6], "{name}");
            let steps = bounce_rate.as_f64().unwrap() * number(visits) / 100.0;
            let mut parts = [5.0].into_iter().chain((0..1_000).map(|ten| f64::from(ten) * 10.0));
            assert!(parts.any(|part| (part - steps).abs() <= 0.006 * number(visits)), "{name}: {bounce_rate}");
        }
    }
    assert!(unknown > 0 && unknown < told.len(), "{unknown} of {}", told.len());
}

#[tokio::test]
async fn rows_that_are_told_alike_are_ordered_by_name_on_all_pages() {
    let [tens, exact] = told_twice().await;
    let by = "event:page";
    let metrics = ["visitors", "pageviews", "percentage", "bounce_rate", "exit_rate", "time_on_page", "scroll_depth"];
    let mut differs = 0;
    for metric in metrics {
        for direction in ["asc", "desc"] {
            let asked = |limit: usize, offset: usize| {
                json!({
                    "site_id": "example.com", "metrics": ["visitors", "percentage", metric], "date_range": "day",
                    "dimensions": [by], "order_by": [[metric, direction]], "pagination": { "limit": limit, "offset": offset }
                })
            };
            let all = rows(&ask(&tens, &asked(100, 0)).await);
            let key = |row: &(String, Vec<Value>)| if row.1[2].is_null() { -1.0 } else { number(&row.1[2]) };
            let mut expected = all.clone();
            expected.sort_by(|one, other| {
                let by_number: Ordering = key(one).total_cmp(&key(other));
                let by_number = if direction == "asc" { by_number } else { by_number.reverse() };
                by_number.then_with(|| one.0.cmp(&other.0))
            });
            // A percentage to one decimal may be alike where its visitors are not.
            if metric != "percentage" {
                assert_eq!(all, expected, "{metric} {direction}");
            }
            let mut paged = Vec::new();
            for offset in (0..all.len()).step_by(3) {
                paged.extend(rows(&ask(&tens, &asked(3, offset)).await));
            }
            assert_eq!(paged, all, "{metric} {direction}");
            let exactly: Vec<String> = rows(&ask(&exact, &asked(100, 0)).await).into_iter().map(|row| row.0).collect();
            differs += usize::from(exactly != all.into_iter().map(|row| row.0).collect::<Vec<_>>());
        }
    }
    assert!(differs > 0, "the exact order is another");
    let days = json!({
        "site_id": "example.com", "metrics": ["visitors"], "date_range": "9d", "dimensions": ["time:day"],
        "order_by": [["visitors", "desc"]]
    });
    let told = rows(&ask(&tens, &days).await);
    let in_order = |one: &(String, Vec<Value>), next: &(String, Vec<Value>)| {
        number(&one.1[0]) > number(&next.1[0]) || (one.1 == next.1 && one.0 < next.0)
    };
    assert!(told.is_sorted_by(in_order), "days of one number in order of time: {told:?}");
}

#[tokio::test]
async fn the_ledger_and_the_live_visitors_are_told_in_tens() {
    let store = engine::store().await;
    let line = |outcome, hits| LedgerLine { site: private(), minute: NOW.minute() - 1, outcome, hits };
    // The engine forgets live lines by its own clock, so theirs is the machine's.
    let now = Millis(i64::try_from(std::time::UNIX_EPOCH.elapsed().unwrap().as_millis()).unwrap());
    let live = LiveLine { site: private(), at: now.plus(-30_000), partition: 0, visitors: 3 };
    let ledger = vec![line(Outcome::Counted(Measured::Exempt(None)), 94), line(Outcome::Minimal(None), 6)];
    store.insert("one", &Changes { ledger, live: vec![live], ..Changes::default() }).await.unwrap();
    let router = dashboard_in(Mode::Exempt, NOW, store.clone(), &Registry::new());
    let (_, ledger) = get(&router, "/api/v1/ledger?site_id=example.com", Some(TOKEN)).await;
    assert_eq!(
        (&ledger["received"], &ledger["counted"], &ledger["minimal"], &ledger["late"]),
        (&json!(100), &json!(90), &json!("<10"), &json!(0))
    );
    let coverage = &ledger["coverage"];
    assert_eq!((&coverage["measured"], &coverage["counted_only"]), (&json!(90), &json!("<10")));
    assert_eq!(coverage["shares"]["counted_only"], json!(5.3), "five and ninety make the whole");
    assert_eq!(ledger["rounded"]["fewer"], json!("<10"));
    let router = dashboard_in(Mode::Exempt, now, store, &Registry::new());
    let (_, live) = get(&router, "/api/v1/stats/realtime/visitors?site_id=example.com", Some(TOKEN)).await;
    assert_eq!(live, json!("<10"));
}
