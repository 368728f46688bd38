//! Web vitals and the names of properties: measurements put into the store by hand, and what is told of them against a sort of the
//! measured values themselves.

use axum::Router;
use axum::http::StatusCode;
use model::{Cell, Counts, Dimension, LocalDay, Mode, Site, Vital};
use prometheus::Registry;
use serde_json::{Value, json};

use crate::asking::{NOW, TODAY, TOKEN, dashboard_of, get, private, tell};
use crate::engine;

const VITALS: (&str, &str) = ("POST", "/api/v2/vitals");

/// Page, device, and what was measured there.
const MEASURED: [(&str, &str, Vital, &[u32]); 6] = [
    ("/", "Desktop", Vital::Lcp, &[400, 900, 1_100, 1_200, 2_400, 2_500, 2_501, 3_900, 4_000, 4_001, 12_000]),
    ("/", "Mobile", Vital::Lcp, &[2_600, 2_700, 5_000, 9_000]),
    ("/a", "Mobile", Vital::Lcp, &[800, 700]),
    ("/", "Desktop", Vital::Cls, &[0, 0, 5, 100, 101]),
    ("/a", "Mobile", Vital::Inp, &[40, 600]),
    ("/b", "Tablet", Vital::Ttfb, &[90]),
];

fn cell((dimension, value): (Dimension, &str), (by, by_value): (Dimension, &str), events: i64) -> Cell {
    let (value, by_value) = (value.into(), by_value.into());
    let counts = Counts { events, ..Counts::default() };
    Cell { site: private(), day: LocalDay(TODAY), hour: None, dimension, value, by, by_value, counts }
}

async fn counted(mode: Mode) -> Router {
    let store = engine::store().await;
    let mut cells = Vec::new();
    for (page, device, vital, values) in MEASURED {
        for value in values {
            // The bucket by its name, not by the code that counts.
            let bucket = vital.buckets().map(|bucket| bucket.to).find(|to| to.is_none_or(|to| to >= *value)).unwrap();
            let key = format!("{} {}", vital.as_str(), bucket.map_or("more".to_owned(), |to| to.to_string()));
            cells.push(cell((Dimension::Vital, &key), (Dimension::Total, ""), 1));
            cells.push(cell((Dimension::Page, page), (Dimension::Vital, &key), 1));
            cells.push(cell((Dimension::Device, device), (Dimension::Vital, &key), 1));
        }
    }
    // What a closed day folded, and a bucket of another version.
    cells.push(cell((Dimension::Page, "(other)"), (Dimension::Vital, "(other)"), 50));
    cells.push(cell((Dimension::Vital, "lcp 2345"), (Dimension::Total, ""), 50));
    for (property, events) in
        [("plan=pro", 3), ("plan=free", 4), ("size=l", 2), ("a=b=c", 1), ("(other)", 9), ("=x", 9)]
    {
        cells.push(cell((Dimension::Property, property), (Dimension::Total, ""), events));
    }
    engine::insert(&store, cells).await;
    dashboard_of(Site { mode, timezone: "Asia/Tokyo".to_owned(), ..Site::new(private()) }, NOW, store, &Registry::new())
}

async fn asked(router: &Router, more: Value) -> Value {
    let mut body = json!({ "site_id": "example.com", "date_range": "day" });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let (status, answer) = tell(router, VITALS, Some(TOKEN), &body).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    answer
}

/// The value at three quarters of what some pages or devices measured.
fn at_three_quarters(vital: Vital, is: impl Fn(&str, &str) -> bool) -> Option<f64> {
    let of = |(page, device, measured, values): &(&str, &str, Vital, &'static [u32])| {
        if *measured == vital && is(page, device) { *values } else { &[] }
    };
    let mut values: Vec<u32> = MEASURED.iter().flat_map(of).copied().collect();
    values.sort_unstable();
    let rank = (values.len() as f64 * 0.75).ceil() as usize;
    let value = f64::from(*values.get(rank.checked_sub(1)?)?);
    Some(if vital == Vital::Cls { value / 1_000.0 } else { value })
}

fn is_within(told: &Value, value: Option<f64>) -> bool {
    match value {
        None => told["p75"].is_null() && told["rating"].is_null() && told["measurements"] == 0,
        Some(value) => {
            let from = told["p75"]["from"].as_f64().unwrap();
            let to = told["p75"]["to"].as_f64().unwrap_or(f64::INFINITY);
            (from < value || from == 0.0) && value <= to
        }
    }
}

#[tokio::test]
async fn a_percentile_is_within_the_bucket_of_the_measured_value() {
    let router = counted(Mode::Full).await;
    for (by, all) in [("page", ["/", "/a", "/b"]), ("device", ["Desktop", "Mobile", "Tablet"])] {
        let told = asked(&router, json!({ "by": by })).await;
        assert_eq!(told["rows"].as_array().unwrap().len(), 3, "{told}");
        for value in all {
            let row = told["rows"].as_array().unwrap().iter().find(|row| row[by] == value).unwrap();
            let alone = asked(&router, json!({ by: value })).await;
            for vital in Vital::ALL {
                let is = |page: &str, device: &str| [page, device].contains(&value);
                let expected = at_three_quarters(vital, is);
                assert!(is_within(&row["vitals"][vital.as_str()], expected), "{value} {vital:?}: {expected:?} {row}");
                assert_eq!(row["vitals"][vital.as_str()]["p75"], alone["vitals"][vital.as_str()]["p75"]);
            }
        }
        for vital in Vital::ALL {
            let expected = at_three_quarters(vital, |_, _| true);
            assert!(is_within(&told["vitals"][vital.as_str()], expected), "{vital:?} {expected:?} {told}");
        }
    }
}

#[tokio::test]
async fn a_vital_is_told_with_its_ratings_and_its_buckets() {
    let router = counted(Mode::Full).await;
    let told = asked(&router, json!({ "page": "/" })).await;
    let lcp = &told["vitals"]["lcp"];
    // Fifteen: six to 2,500 ms, five to 4,000, four beyond; the twelfth is 4,001.
    assert_eq!((&lcp["measurements"], &lcp["rating"]), (&json!(15), &json!("poor")));
    assert_eq!(lcp["p75"], json!({ "from": 4000, "to": 6000, "about": 5000 }));
    assert_eq!([&lcp["good"], &lcp["needs_improvement"], &lcp["poor"]], [&json!(40.0), &json!(33.3), &json!(26.7)]);
    let first = json!({ "from": 0, "to": 500, "measurements": 1, "rating": "good" });
    let last = json!({ "from": 10000, "to": null, "measurements": 1, "rating": "poor" });
    assert_eq!((&lcp["buckets"][0], lcp["buckets"].as_array().unwrap().last().unwrap()), (&first, &last));
    let cls = &told["vitals"]["cls"];
    assert_eq!((&cls["p75"]["from"], &cls["p75"]["to"], &cls["good"]), (&json!(0.05), &json!(0.1), &json!(80.0)));
    assert_eq!(told["query"]["page"], "/");
    assert!(told["meta"]["folded"]["below"] == 10 && told["rows"].is_null(), "{told}");
    // Whatever was measured most often comes first, and rows have no buckets.
    let pages = asked(&router, json!({ "by": "page", "limit": 2 })).await;
    let names: Vec<&Value> = pages["rows"].as_array().unwrap().iter().map(|row| &row["page"]).collect();
    assert_eq!(names, ["/", "/a"]);
    assert_eq!(pages["rows"][0]["vitals"]["lcp"]["buckets"], Value::Null);
}

#[tokio::test]
async fn a_site_in_mode_exempt_tells_vitals_in_tens() {
    let router = counted(Mode::Exempt).await;
    let told = asked(&router, json!({ "by": "page" })).await;
    let lcp = &told["vitals"]["lcp"];
    assert_eq!((&lcp["measurements"], &lcp["p75"]["about"]), (&json!(20), &Value::Null));
    assert_eq!(lcp["buckets"][0]["measurements"], "<10");
    let few = &told["rows"][1]["vitals"]["lcp"];
    assert_eq!(
        (&few["measurements"], &few["p75"], &few["rating"], &few["good"]),
        (&json!("<10"), &Value::Null, &Value::Null, &Value::Null)
    );
    // Told alike, they stand in the order of their names.
    let names: Vec<&Value> = told["rows"].as_array().unwrap().iter().map(|row| &row["page"]).collect();
    assert_eq!(names, ["/", "/a", "/b"]);
}

#[tokio::test]
async fn mistakes_are_told() {
    let router = counted(Mode::Full).await;
    for (more, said) in [
        (json!({ "by": "pages" }), "did you mean `page`"),
        (json!({ "by": 1 }), "\"page\" or \"device\""),
        (json!({ "by": "device", "page": "/" }), "not crossed with devices"),
        (json!({ "page": "/", "device": "Mobile" }), "not crossed with devices"),
        (json!({ "page": 7 }), "a text"),
        (json!({ "limit": 101 }), "a whole number from 1 to 100"),
        (json!({ "metrics": ["lcp"] }), "unknown key `metrics`"),
        (json!({ "date_range": "24h" }), "whole days"),
    ] {
        let mut body = json!({ "site_id": "example.com", "date_range": "day" });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let (status, told) = tell(&router, VITALS, Some(TOKEN), &body).await;
        let told = told["error"].as_str().unwrap();
        assert!(status == StatusCode::BAD_REQUEST && told.contains(said), "{more}: {told}");
    }
}

#[tokio::test]
async fn the_names_of_properties_are_told_without_their_values() {
    let router = counted(Mode::Full).await;
    let (_, told) = get(&router, "/api/v1/properties?site_id=example.com&date_range=day", Some(TOKEN)).await;
    let name = |name: &str, events: i64| json!({ "name": name, "events": events });
    assert_eq!(told["properties"], json!([name("plan", 7), name("size", 2), name("a", 1)]));
    assert_eq!(told["total"], 3);
    let (_, none) =
        get(&router, "/api/v1/properties?site_id=example.com&date_range=2020-01-01,2020-01-02", Some(TOKEN)).await;
    assert_eq!((&none["properties"], &none["total"]), (&json!([]), &json!(0)));
    let tens = counted(Mode::Exempt).await;
    let (_, told) = get(&tens, "/api/v1/properties?site_id=example.com", Some(TOKEN)).await;
    assert_eq!(told["properties"][0]["events"], "<10");
    let (answer, _) = get(&router, "/api/v1/properties?site_id=example.com&date_range=24h", Some(TOKEN)).await;
    assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
}
