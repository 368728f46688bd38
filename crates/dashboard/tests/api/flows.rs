//! Where the views of a page came from and led to: cells put into the store by hand, and what is told of them.

use axum::Router;
use axum::http::StatusCode;
use model::{Cell, Counts, Dimension, LocalDay, Mode, Site};
use prometheus::Registry;
use serde_json::{Value, json};

use crate::asking::{NOW, TODAY, TOKEN, dashboard_of, private, tell};
use crate::engine;

const FLOW: (&str, &str) = ("POST", "/api/v2/flow");

fn way(from: &str, to: &str, pageviews: i64) -> Cell {
    let counts = Counts { pageviews, visitors: (pageviews + 1) / 2, ..Counts::default() };
    cell((Dimension::Page, from), (Dimension::NextPage, to), counts)
}

fn cell((dimension, value): (Dimension, &str), (by, by_value): (Dimension, &str), counts: Counts) -> Cell {
    let (value, by_value) = (value.into(), by_value.into());
    Cell { site: private(), day: LocalDay(TODAY), hour: None, dimension, value, by, by_value, counts }
}

async fn counted(mode: Mode) -> Router {
    let store = engine::store().await;
    let page = Counts { pageviews: 200, entries: 80, exits: 50, visitors: 90, ..Counts::default() };
    let mut cells = vec![
        cell((Dimension::Page, "/a"), (Dimension::Total, ""), page),
        way("/", "/a", 60),
        way("/a", "/a", 20),
        way("/b", "/a", 20),
        way("/a", "/b", 70),
        way("/a", "/", 5),
        way("(other)", "(other)", 40),
        // Of other pages, and of another day.
        way("/", "/b", 500),
        way("/b", "/", 500),
    ];
    cells.push(Cell { day: LocalDay(TODAY - 1), ..way("/", "/a", 3) });
    engine::insert(&store, cells).await;
    dashboard_of(Site { mode, timezone: "Asia/Tokyo".to_owned(), ..Site::new(private()) }, NOW, store, &Registry::new())
}

async fn asked(router: &Router, more: Value) -> Value {
    let mut body = json!({ "site_id": "example.com", "page": "/a", "date_range": "day" });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let (status, answer) = tell(router, FLOW, Some(TOKEN), &body).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    answer
}

fn share(pageviews: i64, share: f64) -> Value {
    json!({ "pageviews": pageviews, "share": share })
}

fn page(page: &str, pageviews: i64, share: f64) -> Value {
    json!({ "page": page, "pageviews": pageviews, "share": share })
}

#[tokio::test]
async fn each_side_of_a_page_adds_up_to_its_views() {
    let router = counted(Mode::Full).await;
    let told = asked(&router, json!({})).await;
    assert_eq!(told["pageviews"], 200);
    let previous = json!({
        "entries": share(80, 40.0), "other": share(20, 10.0), "pages_total": 3,
        // Ties go by name.
        "pages": [page("/", 60, 30.0), page("/a", 20, 10.0), page("/b", 20, 10.0)],
    });
    assert_eq!(told["previous"], previous);
    let next = json!({
        "exits": share(50, 25.0), "other": share(55, 27.5), "pages_total": 3,
        "pages": [page("/b", 70, 35.0), page("/a", 20, 10.0), page("/", 5, 2.5)],
    });
    assert_eq!(told["next"], next);
    assert!(told["meta"]["ways"]["warning"].as_str().unwrap().contains("`full` only"), "{told}");
    // Two days add up, and what is beyond the limit is among the others.
    let both = asked(&router, json!({ "date_range": "7d", "limit": 1 })).await;
    assert_eq!(both["previous"]["pages"], json!([page("/", 63, 31.5)]));
    assert_eq!((&both["previous"]["other"], &both["previous"]["pages_total"]), (&share(57, 28.5), &json!(3)));
    assert_eq!(both["query"]["date_range"][0], "2024-05-09T00:00:00+09:00");
}

#[tokio::test]
async fn a_page_that_nobody_viewed_has_no_ways() {
    let router = counted(Mode::Full).await;
    let told = asked(&router, json!({ "page": "/nowhere" })).await;
    assert_eq!((&told["pageviews"], &told["previous"]["pages"]), (&json!(0), &json!([])));
    assert_eq!(told["next"]["exits"], json!({ "pageviews": 0, "share": null }));
}

#[tokio::test]
async fn a_site_in_mode_exempt_tells_ways_in_tens() {
    let router = counted(Mode::Exempt).await;
    let told = asked(&router, json!({})).await;
    // Five and two and a half percent of something told as fewer than ten are not told, and say nothing by their order.
    let pages = json!([page("/b", 70, 35.0), page("/a", 20, 10.0), { "page": "/", "pageviews": "<10", "share": null }]);
    assert_eq!(told["next"]["pages"], pages);
    assert_eq!((&told["next"]["other"]["pageviews"], &told["meta"]["rounded"]["to"]), (&json!(60), &json!(10)));
}

#[tokio::test]
async fn mistakes_are_told() {
    let router = counted(Mode::Full).await;
    for (more, said) in [
        (json!({ "page": "a" }), "one page's path"),
        (json!({ "page": "/blog/**" }), "a pattern has none"),
        (json!({ "page": null }), "`page` is missing"),
        (json!({ "limit": 0 }), "a whole number from 1 to 100"),
        (json!({ "limits": 5 }), "did you mean `limit`"),
        (json!({ "date_range": "24h" }), "whole days"),
    ] {
        let mut body = json!({ "site_id": "example.com", "page": "/a", "date_range": "day" });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let (status, told) = tell(&router, FLOW, Some(TOKEN), &body).await;
        let told = told["error"].as_str().unwrap();
        assert!(status == StatusCode::BAD_REQUEST && told.contains(said), "{more}: {told}");
    }
    let body = json!({ "site_id": "example.com", "page": "/a", "date_range": "day" });
    assert_eq!(tell(&router, FLOW, None, &body).await.0, StatusCode::UNAUTHORIZED);
}
