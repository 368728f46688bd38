//! Goals: conversion rates and what visits have done, against a recount of the visits themselves.

use serde_json::{Value, json};

use crate::asking::TODAY;
use crate::recount::{Hit, ask, hits, in_days, measured, ranked, recount, rows, single};

/// Percent with two decimals.
fn rate(part: usize, base: usize) -> Value {
    json!((part as f64 / base as f64 * 10_000.0).round_ties_even() / 100.0)
}

fn is_signup(hit: &Hit<'_>) -> bool {
    hit.event.is_some_and(|(name, _)| name == "Signup")
}

#[tokio::test]
async fn a_conversion_rate_is_of_all_visitors_and_a_groups_of_its_own() {
    let (router, visits) = measured().await;
    let all = hits(&visits, in_days(TODAY - 6, TODAY));
    let everybody = recount(&all).visitors;
    let asked = json!({ "metrics": ["visitors", "events", "conversion_rate", "group_conversion_rate"], "dimensions": ["event:goal"] });
    let expected: Vec<_> = ranked(&all, |hit| hit.event.map(|(name, _)| name.to_owned()))
        .into_iter()
        .map(|(name, counted)| {
            let share = rate(counted.visitors, everybody);
            (vec![name], vec![json!(counted.visitors), json!(counted.events), share.clone(), share])
        })
        .collect();
    assert_eq!(expected.len(), 3);
    assert_eq!(rows(&ask(&router, asked).await), expected);

    let of_source = ranked(&all, |hit| Some(hit.visit.source.to_owned()));
    let signed_up: Vec<_> = ranked(&all, |hit| is_signup(hit).then(|| hit.visit.source.to_owned()));
    let expected: Vec<_> = signed_up
        .into_iter()
        .map(|(source, counted)| {
            let group = of_source.iter().find(|(name, _)| *name == source).unwrap().1.visitors;
            let metrics =
                vec![json!(counted.visitors), rate(counted.visitors, everybody), rate(counted.visitors, group)];
            (vec![source], metrics)
        })
        .collect();
    let asked = json!({
        "metrics": ["visitors", "conversion_rate", "group_conversion_rate"], "dimensions": ["visit:source"],
        "filters": [["is", "event:goal", ["Signup"]]]
    });
    assert_eq!(rows(&ask(&router, asked).await), expected);

    let of_day = |number: i32| {
        let hits = hits(&visits, in_days(number, number));
        let signed_up = recount(hits.iter().filter(|hit| is_signup(hit))).visitors;
        (signed_up > 0).then(|| vec![rate(signed_up, recount(&hits).visitors)])
    };
    let asked = json!({
        "metrics": ["group_conversion_rate"], "dimensions": ["time:day"], "filters": [["is", "event:goal", ["Signup"]]]
    });
    let found: Vec<_> = rows(&ask(&router, asked).await).into_iter().map(|(_, metrics)| metrics).collect();
    assert_eq!(found, (TODAY - 6..=TODAY).filter_map(of_day).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_page_is_a_goal_by_its_name() {
    let (router, visits) = measured().await;
    let german = hits(&visits, |visit| in_days(TODAY - 6, TODAY)(visit) && visit.country == Some("DE"));
    let reached = recount(german.iter().filter(|hit| hit.page == "/pricing"));
    let asked = json!({
        "metrics": ["visitors", "pageviews", "conversion_rate"],
        "filters": [["is", "event:goal", ["Visit /pricing"]], ["is", "visit:country", ["DE"]]]
    });
    assert_eq!(
        single(&ask(&router, asked).await),
        [json!(reached.visitors), json!(reached.pageviews), rate(reached.visitors, recount(&german).visitors)]
    );
}

#[tokio::test]
async fn visits_that_have_done_something_are_counted_by_what_holds_for_a_visit() {
    let (router, visits) = measured().await;
    let done = hits(&visits, |visit| {
        in_days(TODAY - 6, TODAY)(visit) && visit.events.iter().any(|(name, _)| *name == "Signup")
    });
    let expected: Vec<_> = ranked(&done, |hit| Some(hit.visit.source.to_owned()))
        .into_iter()
        .map(|(source, counted)| (vec![source], vec![json!(counted.visitors), json!(counted.visits)]))
        .collect();
    let asked = json!({
        "metrics": ["visitors", "visits"], "dimensions": ["visit:source"], "filters": [["has_done", ["is", "event:goal", ["Signup"]]]]
    });
    assert_eq!(rows(&ask(&router, asked).await), expected);
}
