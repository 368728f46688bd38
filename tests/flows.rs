//! Ways from page to page, web vitals and a goal of a scroll depth: real pages with the real tracker in Chromium, held against what the
//! browser told the test, and shown by the page.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use crate::browser;
use crate::harness::{AGENT, Server, TOKEN, eventually};

const SITE: &str = "example.com";
const OTHER: &str = "other.example";
const VITALS: [&str; 5] = ["lcp", "inp", "cls", "fcp", "ttfb"];

/// Largest good value and largest that is not poor, as published (web.dev).
const THRESHOLDS: [(f64, f64); 5] =
    [(2_500.0, 4_000.0), (200.0, 500.0), (0.1, 0.25), (1_800.0, 3_000.0), (800.0, 1_800.0)];

#[test]
fn pages_in_chromium_tell_ways_vitals_and_how_far_they_were_scrolled() {
    let data = tempfile::tempdir().unwrap();
    let config = format!("demo_page = \"{SITE}\"\n[[site]]\ndomain = \"{SITE}\"\n[[site]]\ndomain = \"{OTHER}\"\n");
    let server = Server::configured(data.path(), &config);
    api(&server, "PUT", "/api/sites/example.com/goals/Read", &json!({ "page": "/demo", "scroll": 95 }));
    let hit = json!({ "name": "pageview", "url": format!("https://{OTHER}/"), "domain": OTHER }).to_string();
    let headers = [("content-type", "application/json"), ("user-agent", AGENT)];
    assert_eq!(server.send("POST", "/api/event", &headers, hit.as_bytes()).outcome(), "counted");
    // What is defined counts from twenty seconds later on.
    std::thread::sleep(Duration::from_secs(22));
    let seen = looks(&server, "visit", "");
    let measured: Vec<Value> = seen["measured"].as_array().unwrap().clone();
    assert_eq!(measured.len(), 3, "{seen}");
    assert!(seen["depth"].as_f64().unwrap() < 95.0, "without scrolling the goal is not reached: {seen}");
    eventually("what all three pages measured", || {
        let told = vitals(&server, &json!({}));
        (told["vitals"]["lcp"]["measurements"] == 3 && server.totals(SITE, &["pageviews"]) == [3]).then_some(())
    });
    check_vitals(&server, &measured);
    check_flows(&server);
    let goal = json!({ "site_id": SITE, "metrics": ["visitors", "visits", "events"], "date_range": "day",
                       "dimensions": ["event:page"], "filters": [["is", "event:goal", ["Read"]]] });
    // The first view of the page was scrolled to its end, the second was not.
    let told = server.query(&goal);
    assert_eq!(told["results"], json!([{ "metrics": [1, 1, 1], "dimensions": ["/demo"] }]), "{told}");
    looks(&server, "show", &expected(&server, &measured).to_string());
    server.stop();
}

fn looks(server: &Server, part: &str, given: &str) -> Value {
    browser::run("flows.mjs", &[&server.url(), TOKEN, part, given])
}

fn api(server: &Server, method: &str, path: &str, body: &Value) -> Value {
    let authorization = format!("Bearer {TOKEN}");
    let headers = [("authorization", authorization.as_str()), ("content-type", "application/json")];
    let answer = server.send(method, path, &headers, body.to_string().as_bytes());
    assert_eq!(answer.status, 200, "{method} {path}: {}", answer.text());
    answer.json()
}

fn vitals(server: &Server, more: &Value) -> Value {
    let mut question = json!({ "site_id": SITE, "date_range": "day" });
    question.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    api(server, "POST", "/api/v2/vitals", &question)
}

/// What the browser measured of a vital on some pages, as it is sent: whole milliseconds, thousandths of a shift.
fn values(measured: &[Value], vital: &str, is: &dyn Fn(&str) -> bool) -> Vec<f64> {
    let of = measured.iter().filter(|one| is(one["path"].as_str().unwrap()));
    let steps = if vital == "cls" { 1_000.0 } else { 1.0 };
    let mut values: Vec<f64> =
        of.filter_map(|one| one[vital].as_f64()).map(|value| (value * steps).round() / steps).collect();
    values.sort_by(f64::total_cmp);
    values
}

fn is_within(bucket: &Value, value: f64) -> bool {
    let from = bucket["from"].as_f64().unwrap();
    (from < value || (from == 0.0 && value == 0.0)) && bucket["to"].as_f64().is_none_or(|to| value <= to)
}

fn check_vitals(server: &Server, measured: &[Value]) {
    let told = vitals(server, &json!({ "by": "page" }));
    for vital in VITALS {
        let all = values(measured, vital, &|_| true);
        let one = &told["vitals"][vital];
        assert_eq!(one["measurements"], all.len(), "{vital} {measured:?} {told}");
        for bucket in one["buckets"].as_array().unwrap() {
            let within = all.iter().filter(|value| is_within(bucket, **value)).count();
            assert_eq!(bucket["measurements"], within, "{vital} {all:?} {bucket}");
        }
        let rank = (all.len() as f64 * 0.75).ceil() as usize;
        assert!(all.is_empty() || is_within(&one["p75"], all[rank - 1]), "{vital} {all:?} {one}");
        for row in told["rows"].as_array().unwrap() {
            let theirs = values(measured, vital, &|path| row["page"] == path);
            assert_eq!(row["vitals"][vital]["measurements"], theirs.len(), "{vital} {row}");
        }
    }
    // The slow answer and what moved were the test's own doing.
    assert_eq!(values(measured, "inp", &|_| true).len(), 1, "{measured:?}");
    assert!(
        values(measured, "inp", &|_| true)[0] >= 100.0 && values(measured, "cls", &|_| true)[2] > 0.0,
        "{measured:?}"
    );
    let device = vitals(server, &json!({ "device": "Desktop" }));
    assert_eq!(device["vitals"]["ttfb"]["measurements"], 3, "{device}");
}

fn check_flows(server: &Server) {
    let flow = |page: &str| {
        api(server, "POST", "/api/v2/flow", &json!({ "site_id": SITE, "page": page, "date_range": "day" }))
    };
    let share = |pageviews: u32, share: f64| json!({ "pageviews": pageviews, "share": share });
    let page = |page: &str, pageviews: u32, share: f64| json!({ "page": page, "pageviews": pageviews, "share": share });
    let first = flow("/demo");
    let previous = json!({ "entries": share(1, 50.0), "other": share(0, 0.0), "pages_total": 1, "pages": [page("/demo/second", 1, 50.0)] });
    assert_eq!((&first["pageviews"], &first["previous"]), (&json!(2), &previous));
    let next = json!({ "exits": share(1, 50.0), "other": share(0, 0.0), "pages_total": 1, "pages": [page("/demo/second", 1, 50.0)] });
    assert_eq!(first["next"], next);
    let second = flow("/demo/second");
    assert_eq!(
        (&second["previous"]["pages"], &second["next"]["pages"]),
        (&json!([page("/demo", 1, 100.0)]), &json!([page("/demo", 1, 100.0)]))
    );
}

/// What the page has to show: of the ways, the visit alone; of the vitals, what the browser measured.
fn expected(server: &Server, measured: &[Value]) -> Value {
    let told = vitals(server, &json!({}));
    let (mut ratings, mut buckets, mut by_page) = (json!({}), json!({}), json!({}));
    for (vital, (good, fair)) in VITALS.into_iter().zip(THRESHOLDS) {
        let all = values(measured, vital, &|_| true);
        let rank = (all.len() as f64 * 0.75).ceil() as usize;
        ratings[vital] = match all[rank - 1] {
            value if value <= good => "Good",
            value if value <= fair => "Needs improvement",
            _ => "Poor",
        }
        .into();
        let bounds = told["vitals"][vital]["buckets"].as_array().unwrap().iter();
        buckets[vital] = bounds.map(|bucket| all.iter().filter(|value| is_within(bucket, **value)).count()).collect();
        let mut of_pages = BTreeMap::new();
        for one in measured.iter().filter(|one| one[vital].is_number()) {
            *of_pages.entry(one["path"].as_str().unwrap().to_owned()).or_insert(0) += 1;
        }
        by_page[vital] = json!(of_pages);
    }
    json!({
        "site": SITE,
        "other": OTHER,
        "views": { "/demo": 2 },
        "flows": {
            "/demo": [[["Entered here", 1], ["/demo/second", 1]], [["Left from here", 1], ["/demo/second", 1]]],
            "/demo/second": [[["Entered here", 0], ["/demo", 1]], [["Left from here", 0], ["/demo", 1]]],
        },
        "table": [1, 1, 0, 1, 1, 0],
        "ratings": ratings,
        "buckets": buckets,
        "by_page": by_page,
        "sums": { "visitors": 2, "visits": 2, "pageviews": 4 },
        "sites": { SITE: 1, OTHER: 1 },
    })
}
