//! Goals, segments, funnels and annotations: kept over HTTP, and asked for in questions whose numbers are put into the store by hand.

use axum::Router;
use axum::http::StatusCode;
use model::definition::{Action, Effective, Filter, Funnel, Goal, Lists, Pattern, Step};
use model::{Cell, Clock, Counts, Currency, Dimension, LocalDay, Millis, Mode, Site};
use prometheus::Registry;
use serde_json::{Value, json};
use settings::{Location, Settings};

use crate::asking::{NOW, TODAY, TOKEN, dashboard_keeping, dashboard_of, get, private, query, tell};
use crate::engine;

const DAY: i64 = 24 * 3_600_000;
/// In the afternoon of the day before, in Tokyo.
const SINCE: Millis = Millis(NOW.0 - DAY);

fn effective<T>(name: &str, what: T) -> Effective<T> {
    Effective { name: name.into(), from: SINCE, until: None, what }
}

fn page(path: &str) -> Action {
    Action::Page(Pattern(path.into()))
}

fn defined() -> Lists {
    let old = Effective { from: Millis(0), until: Some(SINCE), ..effective("Germans", Filter::All(Vec::new())) };
    let step = |label: Option<&str>, action| Step { label: label.map(Into::into), action };
    let steps =
        vec![step(None, page("/")), step(Some("Cart"), page("/cart")), step(None, Action::Event("Order".into()))];
    Lists {
        segments: vec![
            old,
            effective("Germans", Filter::All(Vec::new())),
            effective("others", Filter::All(Vec::new())),
        ],
        goals: vec![effective("Reads", Goal::of(page("/blog/**")))],
        funnels: vec![effective("Order", Funnel { steps })],
    }
}

fn tokyo() -> Site {
    Site {
        timezone: "Asia/Tokyo".to_owned(),
        currency: Some(Currency::parse("EUR").unwrap()),
        definitions: defined().into(),
        ..Site::new(private())
    }
}

fn cell((dimension, value): (Dimension, &str), (by, by_value): (Dimension, &str), counts: Counts) -> Cell {
    let (value, by_value) = (value.into(), by_value.into());
    Cell { site: private(), day: LocalDay(TODAY), hour: None, dimension, value, by, by_value, counts }
}

const NONE: (Dimension, &str) = (Dimension::Total, "");

fn visitors(visitors: i64) -> Counts {
    Counts {
        visitors,
        visits: 2 * visitors,
        pageviews: 3 * visitors,
        events: 4 * visitors,
        bounces: visitors,
        ..Counts::default()
    }
}

async fn counted(site: Site) -> Router {
    let store = engine::store().await;
    let key = |name: &str| effective(name, ()).key();
    let (germans, reads, order) = (key("Germans"), key("Reads"), key("Order"));
    let old = Effective { from: Millis(0), ..effective("Germans", ()) }.key();
    let money = |micros| Counts { revenue_micros: micros, events: 4, ..visitors(1) };
    let mut cells = vec![
        cell(NONE, NONE, Counts { revenue_micros: 1_234_560_000, ..visitors(40) }),
        cell((Dimension::Segment, &germans), NONE, visitors(20)),
        // What the name meant before is told to nobody.
        cell((Dimension::Segment, &old), NONE, visitors(7)),
        cell((Dimension::Browser, "Firefox"), (Dimension::Segment, &germans), visitors(12)),
        cell((Dimension::Browser, "Chrome"), (Dimension::Segment, &germans), visitors(8)),
        cell((Dimension::Browser, "Chrome"), (Dimension::Segment, &old), visitors(5)),
        cell((Dimension::Event, "Order"), NONE, money(10_500_000)),
        cell((Dimension::Goal, &reads), NONE, visitors(10)),
        cell((Dimension::Segment, &germans), (Dimension::Goal, &reads), visitors(5)),
        cell((Dimension::Source, "Google"), (Dimension::Goal, &reads), visitors(4)),
        cell((Dimension::Source, "Google"), NONE, visitors(16)),
    ];
    for (step, reached) in [("1", 30), ("2", 15)] {
        let counts = Counts { visitors: reached, ..Counts::default() };
        cells.push(cell((Dimension::Funnel, &order), (Dimension::Step, step), counts));
    }
    engine::insert(&store, cells).await;
    dashboard_of(site, NOW, store, &Registry::new())
}

async fn asked(router: &Router, more: Value) -> Value {
    let mut body = json!({ "site_id": "example.com", "metrics": ["visitors"], "date_range": "7d" });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let (status, answer) = query(router, body).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    answer
}

#[tokio::test]
async fn a_report_is_asked_of_a_segment_by_its_name() {
    let router = counted(tokyo()).await;
    let filters = json!([["is", "segment", ["Germans"]]]);
    let metrics = json!(["visitors", "visits", "pageviews", "bounce_rate"]);
    let whole = asked(&router, json!({ "metrics": metrics, "filters": filters })).await;
    assert_eq!(whole["results"], json!([{ "metrics": [20, 40, 60, 50], "dimensions": [] }]));
    assert_eq!(whole["meta"]["counted_from"]["segments"], json!({ "Germans": "2024-05-14T22:30:00+09:00" }));
    let browsers = asked(&router, json!({ "dimensions": ["visit:browser"], "filters": filters })).await;
    let rows = json!([{ "metrics": [12], "dimensions": ["Firefox"] }, { "metrics": [8], "dimensions": ["Chrome"] }]);
    assert_eq!(browsers["results"], rows);
    let segments = asked(&router, json!({ "metrics": ["visitors", "percentage"], "dimensions": ["segment"] })).await;
    assert_eq!(
        segments["results"],
        json!([{ "metrics": [20, 50.0], "dimensions": ["Germans"] }]),
        "of now, by its name"
    );
    // From the day after it began there is nothing to warn of.
    let today = asked(&router, json!({ "filters": filters, "date_range": "day" })).await;
    assert_eq!(today["meta"]["counted_from"], Value::Null);
}

#[tokio::test]
async fn a_defined_goal_is_asked_by_its_name() {
    let router = counted(tokyo()).await;
    let metrics = json!(["visitors", "conversion_rate"]);
    let goals = asked(&router, json!({ "metrics": metrics, "dimensions": ["event:goal"] })).await;
    assert_eq!(goals["results"], json!([{ "metrics": [10, 25.0], "dimensions": ["Reads"] }]));
    assert_eq!(goals["meta"]["counted_from"]["goals"], json!({ "Reads": "2024-05-14T22:30:00+09:00" }));
    let reads = json!(["is", "event:goal", ["Reads"]]);
    let sources =
        json!({ "metrics": ["visitors", "group_conversion_rate"], "dimensions": ["visit:source"], "filters": [reads] });
    assert_eq!(asked(&router, sources).await["results"], json!([{ "metrics": [4, 25.0], "dimensions": ["Google"] }]));
    let of_segment = json!({ "metrics": metrics, "filters": [reads, ["is", "segment", ["Germans"]]] });
    assert_eq!(asked(&router, of_segment).await["results"], json!([{ "metrics": [5, 25.0], "dimensions": [] }]));
    // An event that nobody defined as a goal still is one.
    let order = json!({ "filters": [["is", "event:goal", ["Order"]]] });
    assert_eq!(asked(&router, order).await["results"], json!([{ "metrics": [1], "dimensions": [] }]));
}

#[tokio::test]
async fn what_is_not_counted_is_told_with_the_way_to_get_it() {
    let router = counted(tokyo()).await;
    for (more, said) in [
        (
            json!({ "filters": [["is", "segment", ["French"]]] }),
            "no segment `French` (it has: `Germans`, `others`): PUT",
        ),
        (json!({ "filters": [["is", "segment", ["Germans", "others"]]] }), "several values of `segment`"),
        (json!({ "filters": [["is", "event:goal", ["Visit /shop/**"]]] }), "PUT /api/sites/SITE/goals/NAME"),
        (
            json!({ "filters": [["is", "visit:browser", ["Chrome"]], ["is", "visit:country", ["DE"]]] }),
            "PUT /api/sites/SITE/segments/NAME",
        ),
        (
            json!({ "dimensions": ["visit:exit_page"], "filters": [["is", "segment", ["Germans"]]] }),
            "not a declared pair",
        ),
    ] {
        let mut body = json!({ "site_id": "example.com", "metrics": ["visitors"], "date_range": "7d" });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let (status, told) = query(&router, body).await;
        let told = told["error"].as_str().unwrap();
        assert!(status == StatusCode::BAD_REQUEST && told.contains(said), "{more}: {told}");
    }
}

#[tokio::test]
async fn a_funnel_tells_how_many_reached_each_step() {
    let router = counted(tokyo()).await;
    let path = ("POST", "/api/v2/funnel");
    let question = |funnel: &str| json!({ "site_id": "example.com", "funnel": funnel, "date_range": "7d" });
    let (status, answer) = tell(&router, path, Some(TOKEN), &question("Order")).await;
    assert_eq!((status, &answer["visitors"]), (StatusCode::OK, &json!(40)));
    let step = |step: u64, label: &str, visitors: u64, of_first: f64, of_before: f64| {
        json!({
            "step": step, "label": label, "visitors": visitors, "conversion_rate": of_first, "step_conversion_rate": of_before
        })
    };
    let steps = [step(1, "/", 30, 100.0, 75.0), step(2, "Cart", 15, 50.0, 50.0), step(3, "Order", 0, 0.0, 0.0)];
    assert_eq!(answer["steps"], json!(steps));
    assert_eq!(answer["meta"]["counted_from"], "2024-05-14T22:30:00+09:00");
    assert_eq!(answer["query"]["date_range"], json!(["2024-05-09T00:00:00+09:00", "2024-05-15T23:59:59+09:00"]));
    let (status, told) = tell(&router, path, Some(TOKEN), &question("Nothing")).await;
    assert!(status == StatusCode::BAD_REQUEST && told["error"].as_str().unwrap().contains("it has: `Order`"), "{told}");
    for (body, said) in [
        (json!({ "site_id": "example.com", "funnel": "Order" }), "`date_range` is missing"),
        (json!({ "site_id": "example.com", "funnel": 7, "date_range": "7d" }), "a text"),
        (json!({ "site_id": "example.com", "funnel": "Order", "date_range": "24h" }), "whole days"),
        (json!([]), "an object such as"),
    ] {
        let (status, told) = tell(&router, path, Some(TOKEN), &body).await;
        assert!(status == StatusCode::BAD_REQUEST && told["error"].as_str().unwrap().contains(said), "{told}");
    }
    assert_eq!(tell(&router, path, None, &question("Order")).await.0, StatusCode::UNAUTHORIZED);
    // In tens, ten and fewer are no more exact than anywhere.
    let tens = counted(Site { mode: Mode::Exempt, ..tokyo() }).await;
    let (_, answer) = tell(&tens, path, Some(TOKEN), &question("Order")).await;
    assert_eq!((&answer["steps"][1]["visitors"], &answer["meta"]["rounded"]["to"]), (&json!(20), &json!(10)));
}

#[tokio::test]
async fn money_is_told_in_the_sites_currency() {
    let router = counted(tokyo()).await;
    let metrics = json!(["total_revenue", "average_revenue", "events"]);
    let euro = |value: f64, long: &str, short: &str| json!({ "value": value, "long": long, "short": short, "currency": "EUR" });
    let whole = asked(&router, json!({ "metrics": metrics })).await;
    let (total, each) = (euro(1_234.56, "EUR 1,234.56", "EUR 1.2K"), euro(7.72, "EUR 7.72", "EUR 7.72"));
    assert_eq!(whole["results"], json!([{ "metrics": [total, each, 160], "dimensions": [] }]));
    assert_eq!(whole["meta"]["currency"]["code"], "EUR");
    let currency =
        async |router: &Router| get(router, "/api/v1/sites", Some(TOKEN)).await.1["sites"][0]["currency"].clone();
    assert_eq!(currency(&router).await, "EUR");
    let orders =
        asked(&router, json!({ "metrics": ["average_revenue"], "filters": [["is", "event:name", ["Order"]]] })).await;
    // 10.5 over four events, to the cent that is even.
    assert_eq!(orders["results"][0]["metrics"], json!([euro(2.62, "EUR 2.62", "EUR 2.62")]));
    for (site, said) in [
        (Site { currency: None, ..tokyo() }, "footfall site set example.com currency=EUR"),
        (Site { mode: Mode::Exempt, ..tokyo() }, "counts no money"),
    ] {
        let router = counted(site).await;
        assert_eq!(currency(&router).await, Value::Null, "the page asks for no money there");
        let body = json!({ "site_id": "example.com", "metrics": ["total_revenue"], "date_range": "7d" });
        let (status, told) = query(&router, body).await;
        assert!(status == StatusCode::BAD_REQUEST && told["error"].as_str().unwrap().contains(said), "{told}");
    }
}

/// The paths to definitions over settings of their own.
async fn keeping(directory: &std::path::Path) -> Router {
    let location = Location::Sqlite(directory.join("settings.sqlite"));
    let settings = Settings::open(&location, Clock::new(|| NOW)).await.unwrap();
    dashboard_keeping(settings, tokyo(), NOW, engine::store().await, &Registry::new())
}

#[tokio::test]
async fn definitions_are_put_read_and_taken_away() {
    let directory = tempfile::tempdir().unwrap();
    let router = keeping(directory.path()).await;
    let token = Some(TOKEN);
    let segments = "/api/sites/example.com/segments";
    let named = format!("{segments}/Germans%20on%20phones");
    let body = json!({ "filters": [["is", "visit:country", ["DE"]], ["or", [["is", "visit:device", ["Mobile"]], ["is_not", "visit:source", ["Google"]]]]] });
    let (status, put) = tell(&router, ("PUT", &named), token, &body).await;
    let whole = json!({ "name": "Germans on phones", "filters": body["filters"], "effective_from": "2024-05-15T22:30:20+09:00" });
    assert_eq!((status, &put), (StatusCode::OK, &whole));
    assert_eq!(get(&router, &named, token).await.1, whole);
    assert_eq!(get(&router, segments, token).await.1, json!({ "segments": [whole] }));
    assert_eq!(get(&router, "/api/sites/example.com/goals", token).await.1, json!({ "goals": [] }));
    for (path, body) in [
        ("goals/Reads", json!({ "page": "/blog/**" })),
        ("goals/Scrolled", json!({ "page": "/blog/**", "scroll": 75 })),
        ("funnels/Order", json!({ "steps": [{ "page": "/" }, { "event": "Order", "label": "Ordered" }] })),
        ("annotations/release", json!({ "at": "2024-05-01T00:00:00+09:00", "text": "Release" })),
    ] {
        let path = format!("/api/sites/example.com/{path}");
        let (status, put) = tell(&router, ("PUT", &path), token, &body).await;
        assert_eq!(status, StatusCode::OK, "{put}");
        for (key, value) in body.as_object().unwrap() {
            assert_eq!(put[key], *value, "{path}");
        }
        assert_eq!(tell(&router, ("DELETE", &path), token, &Value::Null).await.0, StatusCode::OK);
        assert_eq!(get(&router, &path, token).await.0.status(), StatusCode::NOT_FOUND, "{path}");
    }
    let (status, gone) = tell(&router, ("DELETE", &named), token, &Value::Null).await;
    let until = json!({ "name": "Germans on phones", "effective_until": "2024-05-15T22:30:20+09:00" });
    assert_eq!((status, gone), (StatusCode::OK, until));
    let (status, told) = tell(&router, ("DELETE", &named), token, &Value::Null).await;
    assert!(
        status == StatusCode::NOT_FOUND && told["error"].as_str().unwrap().contains("GET /api/sites/SITE/segments"),
        "{told}"
    );
}

/// The table of sites follows the settings a moment later, here never: who has defined something asks by it at once.
#[tokio::test]
async fn what_was_just_defined_may_be_asked_by() {
    let directory = tempfile::tempdir().unwrap();
    let router = keeping(directory.path()).await;
    let steps = json!({ "steps": [{ "page": "/" }, { "event": "Order" }] });
    let question = json!({ "site_id": "example.com", "funnel": "New", "date_range": "7d" });
    let asked = async || tell(&router, ("POST", "/api/v2/funnel"), Some(TOKEN), &question).await;
    assert_eq!(asked().await.0, StatusCode::BAD_REQUEST);
    tell(&router, ("PUT", "/api/sites/example.com/funnels/New"), Some(TOKEN), &steps).await;
    let (status, told) = asked().await;
    assert_eq!((status, told["steps"].as_array().map(Vec::len)), (StatusCode::OK, Some(2)), "{told}");
    let filters = json!({ "filters": [["is", "visit:country", ["DE"]]] });
    tell(&router, ("PUT", "/api/sites/example.com/segments/New"), Some(TOKEN), &filters).await;
    let told = self::asked(&router, json!({ "filters": [["is", "segment", ["New"]]] })).await;
    assert!(told["meta"]["counted_from"]["segments"]["New"].is_string(), "{told}");
}

#[tokio::test]
async fn only_who_may_changes_a_definition_and_mistakes_are_told() {
    let directory = tempfile::tempdir().unwrap();
    let router = keeping(directory.path()).await;
    let goal = json!({ "event": "Signup" });
    let public = "/api/sites/public.example/goals/Signup";
    assert_eq!(tell(&router, ("PUT", public), None, &goal).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(tell(&router, ("DELETE", public), None, &goal).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(get(&router, "/api/sites/public.example/goals", None).await.0.status(), StatusCode::OK, "it is public");
    assert_eq!(get(&router, "/api/sites/example.com/goals", None).await.0.status(), StatusCode::UNAUTHORIZED);
    let long = "x".repeat(40_000);
    for (path, body, status, said) in [
        ("goals/Signup", json!({ "event": "pageview" }), StatusCode::BAD_REQUEST, "name the page"),
        ("goals/(other)", goal.clone(), StatusCode::BAD_REQUEST, "folded values"),
        ("goals/x", json!({ "page": "thanks" }), StatusCode::BAD_REQUEST, "begins with /"),
        ("goals/x", json!({ "event": "Signup", "scroll": 50 }), StatusCode::BAD_REQUEST, "name a page"),
        ("goals/x", json!({ "page": "/", "scroll": 0 }), StatusCode::BAD_REQUEST, "1 to 100 percent"),
        (
            "segments/x",
            json!({ "filters": [["is", "visit:exit_page", ["/"]]] }),
            StatusCode::BAD_REQUEST,
            "`exit_page`",
        ),
        ("funnels/x", json!({ "steps": [{ "page": "/" }] }), StatusCode::BAD_REQUEST, "2 to 8 steps"),
        ("goals/x", json!({ "event": long }), StatusCode::PAYLOAD_TOO_LARGE, "larger than"),
        ("alerts/x", goal.clone(), StatusCode::NOT_FOUND, "openapi"),
    ] {
        let path = format!("/api/sites/example.com/{path}");
        let (found, told) = tell(&router, ("PUT", &path), Some(TOKEN), &body).await;
        assert!(found == status && told["error"].as_str().unwrap().contains(said), "{path}: {found} {told}");
    }
    assert_eq!(tell(&router, ("POST", public), Some(TOKEN), &goal).await.0, StatusCode::METHOD_NOT_ALLOWED);
}
