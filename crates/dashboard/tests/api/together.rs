//! Several sites in one question: their counts added up, and what is not added up.

use axum::Router;
use axum::http::StatusCode;
use model::{LocalDay, Mode};
use prometheus::Registry;
use serde_json::{Value, json};

use crate::asking::{NOW, TODAY, dashboard, dashboard_in, private, public, query};
use crate::engine;
use crate::recount::{ask, hits, in_days, ranked, recount, rows, single};
use crate::traffic::{Dice, Visit, cells, day};

/// A store with visits to both sites.
async fn both() -> (store::Store, [Vec<Visit>; 2]) {
    let of = |seed: u64, first: i32| -> Vec<Visit> {
        let mut dice = Dice(seed);
        (first..=TODAY).flat_map(|number| day(&mut dice, LocalDay(number), 40, 13)).collect()
    };
    let (ours, theirs) = (of(11, TODAY - 9), of(12, TODAY - 12));
    let store = engine::store().await;
    let mut all = cells(&private(), &ours);
    all.extend(cells(&public(), &theirs));
    engine::insert(&store, all).await;
    (store, [ours, theirs])
}

const BOTH: [&str; 2] = ["public.example", "example.com"];

#[tokio::test]
async fn counts_of_several_sites_are_added_up() {
    let (store, [ours, theirs]) = both().await;
    let router = dashboard(store, &Registry::new());
    let keep = |visit: &Visit| in_days(TODAY - 6, TODAY)(visit);
    let (one, other) = (recount(&hits(&ours, keep)), recount(&hits(&theirs, keep)));
    let metrics = ["visitors", "visits", "pageviews", "events"];
    let answer = ask(&router, json!({ "site_id": BOTH, "metrics": metrics })).await;
    assert_eq!(
        single(&answer),
        [
            json!(one.visitors + other.visitors),
            json!(one.visits + other.visits),
            json!(one.pageviews + other.pageviews),
            json!(one.events + other.events),
        ]
    );
    assert_eq!(answer["meta"]["sites"]["code"], "sum_of_sites");
    assert_eq!(answer["query"]["site_id"], json!(["example.com", "public.example"]));

    let mut all = hits(&ours, keep);
    all.extend(hits(&theirs, keep));
    let expected: Vec<(String, usize)> = ranked(&all, |hit| (hit.event.is_none()).then(|| hit.page.to_owned()))
        .into_iter()
        .map(|(page, counted)| (page, counted.pageviews))
        .collect();
    let asked = json!({ "site_id": BOTH, "metrics": ["pageviews"], "dimensions": ["event:page"] });
    let mut found: Vec<(String, usize)> = rows(&ask(&router, asked).await)
        .into_iter()
        .map(|(mut page, pageviews)| (page.remove(0), pageviews[0].as_u64().unwrap() as usize))
        .collect();
    let mut expected = expected;
    found.sort();
    expected.sort();
    assert_eq!(found, expected);

    let longest = recount(&hits(&theirs, |_| true)).pageviews + recount(&hits(&ours, |_| true)).pageviews;
    let asked = json!({ "site_id": BOTH, "metrics": ["pageviews"], "date_range": "all" });
    assert_eq!(single(&ask(&router, asked).await), [json!(longest)], "since the first count of any");
}

async fn refused(router: &Router, more: Value) -> String {
    let mut body = json!({ "site_id": BOTH, "metrics": ["visits"], "date_range": "7d" });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let (status, told) = query(router, body).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{told}");
    told["error"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn what_does_not_add_up_over_sites_is_told() {
    let (store, _) = both().await;
    let router = dashboard(store.clone(), &Registry::new());
    assert!(refused(&router, json!({ "date_range": "24h" })).await.contains("different time zones"));
    assert!(refused(&router, json!({ "include": { "coverage": true } })).await.contains("ask each"));
    let (status, _) = query(
        &router,
        json!({ "site_id": ["example.com", "nowhere.example"], "metrics": ["visits"], "date_range": "7d" }),
    )
    .await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    let router = dashboard_in(Mode::Exempt, NOW, store, &Registry::new());
    assert!(refused(&router, json!({})).await.contains("in tens"), "one tells tens and the other does not");
}
