//! A recount of the made-up visits, hit by hit and without any cell, and how an answer is read to be held against it.

use std::collections::{BTreeMap, BTreeSet};

use axum::Router;
use axum::http::StatusCode;
use model::LocalDay;
use prometheus::Registry;
use serde_json::{Value, json};

use crate::asking::{TODAY, dashboard, private, query};
use crate::engine;
use crate::traffic::{Dice, Visit, cells, day};

/// Sixteen days of visits up to this evening, and a dashboard that has them.
pub async fn measured() -> (Router, Vec<Visit>) {
    let mut dice = Dice(7);
    let visits: Vec<Visit> = (TODAY - 15..=TODAY)
        .flat_map(|number| day(&mut dice, LocalDay(number), 60, if number == TODAY { 22 } else { 23 }))
        .collect();
    let store = engine::store().await;
    engine::insert(&store, cells(&private(), &visits)).await;
    (dashboard(store, &Registry::new()), visits)
}

/// One page view or event of a visit.
pub struct Hit<'v> {
    pub number: usize,
    pub visit: &'v Visit,
    pub page: &'v str,
    pub event: Option<(&'v str, &'v str)>,
}

/// The hits of the visits that are kept.
pub fn hits(visits: &[Visit], keep: impl Fn(&Visit) -> bool) -> Vec<Hit<'_>> {
    let mut hits = Vec::new();
    for (number, visit) in visits.iter().enumerate().filter(|(_, visit)| keep(visit)) {
        hits.extend(visit.pages.iter().map(|page| Hit { number, visit, page, event: None }));
        let last = visit.exit();
        hits.extend(visit.events.iter().map(|event| Hit { number, visit, page: last, event: Some(*event) }));
    }
    hits
}

/// What is counted about some hits. Visitors are those of each day, added up.
#[derive(Debug, Default, PartialEq)]
pub struct Recount {
    pub visitors: usize,
    pub visits: usize,
    pub pageviews: usize,
    pub events: usize,
}

/// Counts hits naively.
pub fn recount<'v>(hits: impl IntoIterator<Item = &'v Hit<'v>>) -> Recount {
    let (mut visitors, mut visits) = (BTreeSet::new(), BTreeSet::new());
    let (mut pageviews, mut events) = (0, 0);
    for hit in hits {
        visitors.insert((hit.visit.day, hit.visit.visitor));
        visits.insert(hit.number);
        pageviews += usize::from(hit.event.is_none());
        events += 1;
    }
    Recount { visitors: visitors.len(), visits: visits.len(), pageviews, events }
}

/// Rows by a value of each hit, most visitors first, ties by value.
pub fn ranked(hits: &[Hit<'_>], value: impl Fn(&Hit<'_>) -> Option<String>) -> Vec<(String, Recount)> {
    let mut groups: BTreeMap<String, Vec<&Hit<'_>>> = BTreeMap::new();
    for hit in hits {
        if let Some(value) = value(hit) {
            groups.entry(value).or_default().push(hit);
        }
    }
    let mut rows: Vec<_> = groups.into_iter().map(|(value, hits)| (value, recount(hits))).collect();
    rows.sort_by(|(a, one), (b, other)| other.visitors.cmp(&one.visitors).then_with(|| a.cmp(b)));
    rows
}

/// The visits of a range of days.
pub fn in_days(first: i32, last: i32) -> impl Fn(&Visit) -> bool {
    move |visit| (first..=last).contains(&visit.day.0)
}

/// Asks with what is given beside a plain question of seven days.
pub async fn ask(router: &Router, more: Value) -> Value {
    let mut body = json!({ "site_id": "example.com", "metrics": ["visitors"], "date_range": "7d" });
    for (key, value) in more.as_object().unwrap() {
        body[key] = value.clone();
    }
    let (status, answer) = query(router, body.clone()).await;
    assert_eq!(status, StatusCode::OK, "{body}: {answer}");
    answer
}

/// Dimensions and metrics of each row.
pub fn rows(answer: &Value) -> Vec<(Vec<String>, Vec<Value>)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let row = |row: &Value| {
        let dimensions = row["dimensions"].as_array().unwrap().iter().map(text).collect();
        (dimensions, row["metrics"].as_array().unwrap().clone())
    };
    answer["results"].as_array().unwrap().iter().map(row).collect()
}

/// The metrics of the only row.
pub fn single(answer: &Value) -> Vec<Value> {
    let mut rows = rows(answer);
    assert_eq!(rows.len(), 1, "{answer}");
    rows.pop().unwrap().1
}

/// Rounded, half to even.
pub fn even(number: f64) -> i64 {
    number.round_ties_even() as i64
}
