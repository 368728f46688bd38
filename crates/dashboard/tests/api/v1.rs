//! Plausible's older API: its own shape, and the numbers of the newer one or of a recount.

use axum::Router;
use axum::http::StatusCode;
use model::LocalDay;
use prometheus::Registry;
use serde_json::{Value, json};

use crate::asking::{TODAY, TOKEN, dashboard, get, private, query, send};
use crate::engine;
use crate::recount::{ask, hits, in_days, measured, ranked, recount, rows};
use crate::traffic::{Dice, cells, day};

async fn v1(router: &Router, path: &str) -> Value {
    let (head, answer) = get(router, &format!("/api/v1/stats/{path}"), Some(TOKEN)).await;
    assert_eq!(head.status(), StatusCode::OK, "{path}: {answer}");
    answer
}

#[tokio::test]
async fn an_aggregate_has_its_change() {
    let (router, visits) = measured().await;
    let [now, then] = [(TODAY - 6, TODAY), (TODAY - 13, TODAY - 7)].map(|(first, last)| {
        let counted = recount(&hits(&visits, in_days(first, last)));
        (counted.visitors as f64, counted.pageviews as f64)
    });
    let answer =
        v1(&router, "aggregate?site_id=example.com&period=7d&metrics=visitors,pageviews&compare=previous_period").await;
    let change = |now: f64, then: f64| ((now - then) / then * 100.0).round_ties_even() as i64;
    assert_eq!(
        answer["results"],
        json!({
            "visitors": { "value": now.0 as i64, "change": change(now.0, then.0) },
            "pageviews": { "value": now.1 as i64, "change": change(now.1, then.1) },
        })
    );
    let earlier = v1(&router, "aggregate?site_id=example.com&period=7d&date=2024-05-08").await;
    assert_eq!(earlier["results"], json!({ "visitors": { "value": then.0 as i64 } }));
    let custom = v1(&router, "aggregate?site_id=example.com&period=custom&date=2024-05-02,2024-05-08").await;
    assert_eq!(custom["results"], earlier["results"]);
    assert_eq!(custom["meta"]["metric_warnings"]["visitors"]["code"], "sum_of_daily_visitors");
}

#[tokio::test]
async fn a_timeseries_has_every_bucket() {
    let (router, visits) = measured().await;
    let answer = v1(&router, "timeseries?site_id=example.com&period=30d&metrics=visitors,bounce_rate").await;
    let results = answer["results"].as_array().unwrap();
    assert_eq!(results.len(), 30);
    assert_eq!(results[0], json!({ "date": "2024-04-16", "visitors": 0, "bounce_rate": 0 }));
    let last = recount(&hits(&visits, in_days(TODAY, TODAY)));
    assert_eq!((&results[29]["date"], &results[29]["visitors"]), (&json!("2024-05-15"), &json!(last.visitors)));
    let filled = json!({ "metrics": ["visitors"], "date_range": "30d", "dimensions": ["time:day"], "include": { "empty_buckets": true } });
    let newer: Vec<_> = rows(&ask(&router, filled).await).into_iter().map(|(_, metrics)| metrics[0].clone()).collect();
    assert_eq!(newer, results.iter().map(|row| row["visitors"].clone()).collect::<Vec<_>>());
    let hours = v1(&router, "timeseries?site_id=example.com&period=day").await;
    assert_eq!(hours["results"].as_array().unwrap().len(), 24);
    let months = v1(&router, "timeseries?site_id=example.com&period=6mo&metrics=pageviews").await;
    assert_eq!(months["results"].as_array().unwrap().len(), 6);
    let path =
        "timeseries?site_id=example.com&period=7d&interval=date&metrics=conversion_rate&filters=event:goal%3D%3DSignup";
    let rates = v1(&router, path).await;
    let asked = json!({
        "metrics": ["group_conversion_rate"], "dimensions": ["time:day"], "filters": [["is", "event:goal", ["Signup"]]]
    });
    let newer = rows(&ask(&router, asked).await);
    for (date, rate) in newer {
        let results = rates["results"].as_array().unwrap();
        assert!(
            results.iter().any(|row| row["date"] == *date[0] && row["conversion_rate"] == rate[0]),
            "{date:?} {rates}"
        );
    }
}

#[tokio::test]
async fn a_breakdown_pages_through_a_property() {
    let (router, visits) = measured().await;
    let german = hits(&visits, |visit| in_days(TODAY - 6, TODAY)(visit) && visit.country == Some("DE"));
    let expected: Vec<Value> = ranked(&german, |hit| Some(hit.page.to_owned()))
        .into_iter()
        .map(|(page, counted)| json!({ "page": page, "visitors": counted.visitors, "pageviews": counted.pageviews }))
        .collect();
    let path = "breakdown?site_id=example.com&period=7d&property=event:page&metrics=visitors,pageviews&filters=visit:country%3D%3DDE";
    let mut found = Vec::new();
    for page in 1.. {
        let answer = v1(&router, &format!("{path}&limit=4&page={page}")).await;
        let results = answer["results"].as_array().unwrap().clone();
        if results.is_empty() {
            break;
        }
        found.extend(results);
    }
    assert_eq!(found, expected);
    let plans = v1(&router, "breakdown?site_id=example.com&period=7d&property=event:props:plan").await;
    assert!(plans["results"][0]["plan"].is_string(), "{plans}");
    let blog =
        v1(&router, "aggregate?site_id=example.com&period=7d&metrics=pageviews&filters=event:page%3D%3D/blog/**").await;
    let views = hits(&visits, in_days(TODAY - 6, TODAY))
        .iter()
        .filter(|hit| hit.event.is_none() && hit.page.starts_with("/blog/"))
        .count();
    assert_eq!(blog["results"]["pageviews"]["value"], json!(views));
}

#[tokio::test]
async fn a_wrong_question_is_taught() {
    let (router, _) = measured().await;
    for (path, status, told) in [
        ("aggregate?site_id=example.com&metric=visitors", 400, "did you mean `metrics`"),
        ("aggregate?period=7d", 400, "`site_id` is missing"),
        ("aggregate?site_id=example.com&site_id=example.com", 400, "each once"),
        ("aggregate?site_id=example.com&period=custom", 400, "two dates"),
        ("aggregate?site_id=example.com&date=yesterday", 400, "a date such as"),
        ("aggregate?site_id=example.com&compare=last_year", 400, "previous_period"),
        ("aggregate?site_id=example.com&filters=visit:country", 400, "visit:country==DE"),
        ("timeseries?site_id=example.com&interval=minute", 400, "unknown interval"),
        ("breakdown?site_id=example.com", 400, "`property` is missing"),
        ("breakdown?site_id=example.com&property=event:page&limit=0", 400, "a whole number from 1 to 10000"),
        ("breakdown?site_id=example.com&property=event:page&limit=10001", 400, "a whole number from 1 to 10000"),
        ("breakdown?site_id=example.com&property=event:page&page=0", 400, "`page` must be a whole number from 1"),
        ("aggregate?site_id=example.com&period=8x", 400, "`period` must be day, 24h, 7d"),
        ("aggregate?site_id=example.com&period=custom&date=2024-01-31,tomorrow", 400, "two dates, such as `date="),
        ("aggregate?site_id=example.com&period=realtime", 400, "/api/v1/stats/realtime/visitors"),
        ("realtime?site_id=example.com&foo=1", 400, "unknown parameter `foo`; known: site_id"),
        ("realtime/visitors?site=example.com", 400, "did you mean `site_id`"),
        ("aggregate?site_id=elsewhere.example", 404, "no such site"),
    ] {
        let (head, answer) = get(&router, &format!("/api/v1/stats/{path}"), Some(TOKEN)).await;
        assert_eq!(head.status().as_u16(), status, "{path}");
        assert!(answer["error"].as_str().unwrap().contains(told), "{path}: {answer}");
    }
    for path in [
        "aggregate?site_id=example.com",
        "timeseries?site_id=example.com",
        "breakdown?site_id=example.com&property=event:page",
    ] {
        for token in [None, Some("wrong")] {
            let (head, _) = get(&router, &format!("/api/v1/stats/{path}"), token).await;
            assert_eq!(head.status(), StatusCode::UNAUTHORIZED, "{path}");
        }
    }
}

async fn table(router: &Router, body: Value, accept: &str) -> (axum::http::Response<()>, String) {
    let request = axum::http::Request::post("/api/v2/query")
        .header("authorization", format!("Bearer {TOKEN}"))
        .header("content-type", "application/json")
        .header("accept", accept)
        .body(axum::body::Body::from(body.to_string()))
        .unwrap();
    let (head, body) = send(router, request).await;
    (head, String::from_utf8(body).unwrap())
}

#[tokio::test]
async fn an_answer_is_a_table_where_one_is_asked_for() {
    let visits = day(&mut Dice(3), LocalDay(TODAY), 80, 22);
    let store = engine::store().await;
    let mut stored = cells(&private(), &visits);
    let strange = model::Cell {
        dimension: model::Dimension::Source,
        value: "=HYPERLINK(\"//evil\",\"a\")".into(),
        counts: model::Counts { visitors: 900, ..model::Counts::default() },
        ..stored[0].clone()
    };
    stored.push(model::Cell { hour: None, by: model::Dimension::Total, by_value: "".into(), ..strange });
    engine::insert(&store, stored).await;
    let router = dashboard(store, &Registry::new());
    let asked = json!({
        "site_id": "example.com", "metrics": ["visitors", "bounce_rate"], "date_range": "day", "dimensions": ["visit:source"],
        "include": { "comparisons": { "mode": "previous_period" } }, "pagination": { "limit": 3 }
    });
    let (head, table_text) = table(&router, asked.clone(), "text/csv, application/json;q=0.5").await;
    assert_eq!(head.headers()["content-type"], "text/csv; charset=utf-8; header=present");
    let mut lines = table_text.split("\r\n");
    let names =
        "visit:source,visitors,bounce_rate,visitors_before,bounce_rate_before,visitors_change,bounce_rate_change";
    assert_eq!(lines.next(), Some(names));
    assert_eq!(
        lines.next(),
        Some("\"'=HYPERLINK(\"\"//evil\"\",\"\"a\"\")\",900,0,0,0,100,"),
        "from no visit there is no change"
    );
    let (_, answer) = query(&router, asked.clone()).await;
    let second = rows(&answer).remove(1);
    assert_eq!(lines.next(), Some(format!("{},{},{},0,0,100,", second.0[0], second.1[0], second.1[1]).as_str()));
    assert_eq!(lines.count(), 2, "one more row and the end");
    let total: usize = head.headers()["footfall-total-rows"].to_str().unwrap().parse().unwrap();
    assert!(total > 5);
    for accept in ["*/*", "application/json, text/csv", "text/html"] {
        let (head, _) = table(&router, asked.clone(), accept).await;
        assert_eq!(head.headers()["content-type"], "application/json", "{accept}");
    }
    let (head, _) = table(&router, json!({}), "text/csv").await;
    assert_eq!(
        (head.status(), &head.headers()["content-type"]),
        (StatusCode::BAD_REQUEST, &"application/json".parse().unwrap())
    );
}
