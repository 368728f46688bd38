//! Stats API queries: a question that is planned asks for cells that can be added up, and the query that the answer
//! repeats is one that plans to the same question.
#![no_main]

use dashboard::query::plan::{Here, Plan};
use dashboard::query::Query;
use dashboard::query::answer::{self, Found};
use jiff::ZonedDateTime;
use libfuzzer_sys::fuzz_target;
use model::{Counts, Domain, LocalDay};
use privacy::disclosure::Precision;
use store::questions::{Answer, ROWS_PER_ANSWER_MAX, Row};

fuzz_target!(|body: &[u8]| {
    let query = match Query::parse(body) {
        Ok(query) => query,
        Err(problem) => {
            let told = problem.to_string();
            assert!(!told.is_empty());
            return;
        }
    };
    assert!((1..=ROWS_PER_ANSWER_MAX).contains(&query.limit));
    for now in ["2026-05-15T15:30:00+09:00[Asia/Tokyo]", "2026-03-29T03:30:00+02:00[Europe/Berlin]"] {
        let now: ZonedDateTime = now.parse().expect("an instant");
        let site = Domain::parse("example.com").expect("a site's name");
        let precision = if body.len() % 2 == 0 { Precision::Exact } else { Precision::Tens };
        let here = Here { site, now: now.clone(), first_count: Some(LocalDay(20_000)), precision };
        let Ok(plan) = Plan::of(&query, &here) else { continue };
        assert_eq!(Plan::of(&query, &here).as_ref(), Ok(&plan), "planning is a function of the query");
        let row = Row {
            day: Some(plan.span.days().0),
            hour: None,
            value: Some("x".into()),
            counts: Counts { visitors: 3, visits: 4, pageviews: 5, ..Counts::default() },
        };
        let told = Answer { rows: vec![row], rows_total: 1 };
        let found = Found { whole: plan.whole.is_some().then(|| told.clone()), answer: told, ..Found::default() };
        let written = answer::write(&query, &plan, &found, now.time_zone());
        assert_eq!(written["results"][0]["metrics"].as_array().map(Vec::len), Some(query.metrics.len()));
        assert_eq!(written["results"][0]["dimensions"].as_array().map(Vec::len), Some(query.dimensions.len()));

        let repeated = Query::parse(written["query"].to_string().as_bytes());
        let planned = repeated.as_ref().map(|query| Plan::of(query, &here).map(|plan| plan.question));
        assert_eq!(planned, Ok(Ok(plan.question)), "the repeated query asks the same: {}", written["query"]);
    }
});
