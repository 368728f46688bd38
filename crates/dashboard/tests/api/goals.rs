//! Goals: conversion rates and what visits have done, against a recount of the visits themselves.

use std::collections::BTreeSet;

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::asking::{TODAY, query};
use crate::recount::{Hit, ask, hits, in_days, measured, ranked, recount, rows, single};
use crate::traffic::Visit;

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

#[tokio::test]
async fn visits_that_have_not_done_something_are_what_is_left() {
    let (router, visits) = measured().await;
    let signed_up = |visit: &Visit| visit.events.iter().any(|(name, _)| *name == "Signup");
    let left = |first: i32, last: i32| {
        let of_days: Vec<&Visit> = visits.iter().filter(|visit| in_days(first, last)(visit)).collect();
        let did: BTreeSet<_> =
            of_days.iter().filter(|visit| signed_up(visit)).map(|visit| (visit.day, visit.visitor)).collect();
        let all: BTreeSet<_> = of_days.iter().map(|visit| (visit.day, visit.visitor)).collect();
        vec![json!(all.difference(&did).count()), json!(of_days.iter().filter(|visit| !signed_up(visit)).count())]
    };
    let not_done = json!([["has_not_done", ["is", "event:goal", ["Signup"]]]]);
    let asked = json!({ "metrics": ["visitors", "visits"], "filters": not_done, "include": { "comparisons": { "mode": "previous_period" } } });
    let answer = ask(&router, asked).await;
    assert_eq!(single(&answer), left(TODAY - 6, TODAY));
    assert_eq!(answer["results"][0]["comparison"]["metrics"], json!(left(TODAY - 13, TODAY - 7)));
    let by_day = json!({ "metrics": ["visitors", "visits"], "dimensions": ["time:day"], "filters": [["not", ["has_done", ["is", "event:goal", ["Signup"]]]]] });
    let expected: Vec<_> = (TODAY - 6..=TODAY).map(|day| left(day, day)).collect();
    assert_eq!(rows(&ask(&router, by_day).await).into_iter().map(|(_, metrics)| metrics).collect::<Vec<_>>(), expected);

    for (more, told) in [
        (json!({ "dimensions": ["visit:source"] }), "by no dimension but time"),
        (json!({ "dimensions": ["time:day"], "order_by": [["visitors", "desc"]] }), "in the order of time"),
        (json!({ "metrics": ["percentage"], "dimensions": ["time:day"] }), "for `visitors` and `visits`"),
        (json!({ "metrics": ["pageviews"] }), "with `has_not_done` ask"),
    ] {
        let mut body =
            json!({ "site_id": "example.com", "metrics": ["visitors"], "date_range": "7d", "filters": not_done });
        for (key, value) in more.as_object().unwrap() {
            body[key] = value.clone();
        }
        let (status, answer) = query(&router, body).await;
        let problem = answer["error"].as_str().unwrap_or_default();
        assert!(status == StatusCode::BAD_REQUEST && problem.contains(told), "{more}: {answer}");
    }
}
