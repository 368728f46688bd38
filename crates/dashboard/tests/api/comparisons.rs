//! Comparisons: what stands beside each row is what the other range says when it is asked alone.

use std::collections::HashMap;

use axum::Router;
use axum::http::StatusCode;
use model::{LocalDay, Mode};
use prometheus::Registry;
use serde_json::{Value, json};

use crate::asking::{NOW, TODAY, dashboard_in, private, query};
use crate::engine;
use crate::recount::{ask, measured, rows};
use crate::traffic::{Dice, Visit, cells, day};

/// How much more, as Plausible tells it: percent, or points of what is a rate. From a quotient of nothing there is no change.
fn change(metric: &str, now: &Value, then: &Value, was_any: bool) -> Value {
    if !was_any && matches!(metric, "bounce_rate" | "visit_duration") {
        return Value::Null;
    }
    let (Some(now), Some(then)) = (now.as_f64(), then.as_f64()) else {
        return Value::Null;
    };
    match metric {
        "bounce_rate" => json!((now - then) as i64),
        "percentage" | "conversion_rate" => json!(((now - then) * 100.0).round_ties_even() / 100.0),
        _ if then == 0.0 => json!(if now > 0.0 { 100 } else { 0 }),
        _ => json!(((now - then) / then * 100.0).round_ties_even() as i64),
    }
}

/// Asks with a comparison, asks the other range alone, and holds the one against the other.
async fn check(router: &Router, more: Value, comparison: Value, range: Value) -> usize {
    let mut with = more.clone();
    with["include"] = json!({ "comparisons": comparison });
    let mut alone = more.clone();
    alone["date_range"] = range;
    alone["pagination"] = Value::Null;
    let (with, alone) = (ask(router, with).await, ask(router, alone).await);
    let of_time = with["query"]["dimensions"][0].as_str().is_some_and(|name| name.starts_with("time"));
    let alone: HashMap<_, _> = rows(&alone).into_iter().collect();
    let results = with["results"].as_array().unwrap();
    let mut found = 0;
    for row in results {
        let beside = &row["comparison"];
        let key: Vec<String> =
            beside["dimensions"].as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned()).collect();
        assert!(of_time || beside["dimensions"] == row["dimensions"], "{row}");
        let (now, then) = (row["metrics"].as_array().unwrap(), beside["metrics"].as_array().unwrap());
        let beside_alone = alone.get(&key);
        match beside_alone {
            Some(metrics) => {
                found += 1;
                assert_eq!(then, metrics, "{more}");
            }
            None => assert!(then.iter().all(|value| value.as_f64().is_none_or(|number| number == 0.0)), "{row}"),
        }
        let metrics = with["query"]["metrics"].as_array().unwrap();
        let expected: Vec<Value> = metrics
            .iter()
            .zip(now.iter().zip(then))
            .map(|(name, (now, then))| change(name.as_str().unwrap(), now, then, beside_alone.is_some()))
            .collect();
        assert_eq!(beside["change"].as_array().unwrap(), &expected, "{row}");
    }
    found
}

#[tokio::test]
async fn a_row_stands_beside_itself_a_period_ago() {
    let (router, _) = measured().await;
    let previous = json!({ "mode": "previous_period" });
    let before = json!(["2024-05-02", "2024-05-08"]);
    let metrics = json!(["visitors", "pageviews", "bounce_rate", "visit_duration"]);
    assert_eq!(check(&router, json!({ "metrics": metrics }), previous.clone(), before.clone()).await, 1);
    for by in ["visit:source", "visit:country"] {
        let asked = json!({ "metrics": ["visitors", "bounce_rate", "percentage"], "dimensions": [by] });
        assert!(check(&router, asked, previous.clone(), before.clone()).await > 5, "{by}");
    }
    let asked = json!({
        "metrics": ["visitors"], "dimensions": ["event:page"], "filters": [["is", "visit:country", ["US"]]],
        "pagination": { "limit": 3, "offset": 2 }
    });
    assert_eq!(check(&router, asked, previous.clone(), before.clone()).await, 3);
    let asked = json!({ "metrics": ["visitors", "conversion_rate"], "dimensions": ["event:goal"] });
    assert_eq!(check(&router, asked, previous, before).await, 3);
}

#[tokio::test]
async fn buckets_of_time_stand_beside_each_other_by_their_number() {
    let (router, _) = measured().await;
    let custom = json!({ "mode": "custom", "date_range": ["2024-04-26", "2024-05-02"] });
    let asked = json!({ "metrics": ["visitors", "pageviews"], "dimensions": ["time:day"], "date_range": ["2024-05-09", "2024-05-15"] });
    // Counts begin on 30 April: three of the seven days beside have any.
    assert_eq!(check(&router, asked, custom, json!(["2024-04-26", "2024-05-02"])).await, 3);
    let weekday = json!({ "mode": "previous_period", "match_day_of_week": true });
    let asked = json!({ "metrics": ["visitors"], "dimensions": ["time:hour"], "date_range": "day" });
    assert!(check(&router, asked.clone(), weekday.clone(), json!(["2024-05-08", "2024-05-08"])).await > 12);
    let mut labelled = asked;
    labelled["include"] = json!({ "comparisons": weekday, "time_labels": true });
    let answer = ask(&router, labelled).await;
    assert_eq!(answer["results"].as_array().unwrap().len(), 24, "a row for every bucket");
    assert_eq!(answer["meta"]["comparison_time_labels"][0], "2024-05-08 00:00:00");
    assert_eq!(
        answer["query"]["comparison_date_range"],
        json!(["2024-05-08T00:00:00+09:00", "2024-05-08T23:59:59+09:00"])
    );
    let asked = json!({ "metrics": ["visitors"], "dimensions": ["time:day", "visit:device"] });
    let previous = json!({ "mode": "previous_period" });
    assert!(check(&router, asked, previous, json!(["2024-05-02", "2024-05-08"])).await >= 14);
}

#[tokio::test]
async fn beside_what_the_other_range_has_not_stands_nothing() {
    let (router, _) = measured().await;
    let mut asked = json!({
        "site_id": "example.com", "metrics": ["visitors", "bounce_rate"], "date_range": ["2024-05-13", "2024-05-15"],
        "dimensions": ["time:day"],
        "include": { "comparisons": { "mode": "custom", "date_range": ["2024-05-06", "2024-05-07"] } }
    });
    let (status, told) = query(&router, asked.clone()).await;
    assert_eq!(status, StatusCode::OK, "{told}");
    let beside: Vec<&Value> = told["results"].as_array().unwrap().iter().map(|row| &row["comparison"]).collect();
    assert_eq!((&beside[0]["dimensions"], &beside[1]["dimensions"]), (&json!(["2024-05-06"]), &json!(["2024-05-07"])));
    assert!(beside[2].is_null(), "{told}");

    // Before the first count there is nothing to have grown from but zero, and no rate at all.
    asked["include"]["comparisons"]["date_range"] = json!(["2024-01-01", "2024-01-03"]);
    let (_, told) = query(&router, asked).await;
    let beside = &told["results"][0]["comparison"];
    assert_eq!((&beside["metrics"], &beside["change"]), (&json!([0, 0]), &json!([100, null])));
}

#[tokio::test]
async fn a_comparison_that_is_not_counted_is_told_as_one() {
    let (router, _) = measured().await;
    let asked = json!({
        "site_id": "example.com", "metrics": ["pageviews"], "date_range": "day", "dimensions": ["time:hour", "visit:source"],
        "include": { "comparisons": { "mode": "previous_period" } }
    });
    let (status, told) = query(&router, asked).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    let told = told["error"].as_str().unwrap();
    assert!(told.starts_with("of `include.comparisons`:") && told.contains("while a day is open"), "{told}");
}

#[tokio::test]
async fn a_change_says_no_more_than_the_tens_it_is_made_of() {
    let mut dice = Dice(5);
    let visits: Vec<Visit> = (TODAY - 15..=TODAY).flat_map(|number| day(&mut dice, LocalDay(number), 40, 22)).collect();
    let store = engine::store().await;
    engine::insert(&store, cells(&private(), &visits)).await;
    let router = dashboard_in(Mode::Exempt, NOW, store, &Registry::new());
    let asked = json!({ "metrics": ["visitors"], "dimensions": ["event:page"] });
    check(&router, asked, json!({ "mode": "previous_period" }), json!(["2024-05-02", "2024-05-08"])).await;
}
