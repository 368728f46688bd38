//! `POST /api/v2/funnel`: how many visitors reached each step of a funnel.
//!
//! A visitor is known for one site-local day, so a funnel is of one day: over a range its numbers are sums of the days'.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use model::Dimension;
use model::definition::{Effective, Funnel};
use privacy::disclosure::Precision;
use serde_json::{Value, json};
use settings::Report;
use store::questions::{Cells, Question, Selection};

use super::days::{Days, Fields, PERCENT, QUESTION_BYTES_MAX};
use super::taken::Taken;
use crate::access::{Access, Look};
use crate::accounts::browser::json_body;
use crate::query::defined::missing;
use crate::query::problem::Problem;
use crate::query::range::{Range, instants};
use crate::reply::Failure;
use crate::{Shared, define};

/// What a funnel's numbers are.
const PER_DAY: &str = "a visitor is known for one site-local day only: whoever takes a step on another day begins anew, and visitors of \
     several days are the sum of each day's";

/// Why a step may be missing on a day.
const FOLDED: &str = "on a closed day, steps that fewer visitors reached than the site folds are left out";

/// Answers the question.
pub(super) async fn answer(
    State(shared): State<Arc<Shared>>,
    access: Access,
    taken: Taken,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>, Failure> {
    let body = json_body(&headers, body, QUESTION_BYTES_MAX).await?;
    let asked = Asked::parse(&body)?;
    let look = Look::Report(Report::Funnels);
    let days = Days::of(&shared, (&access, look), (&asked.site, asked.range), "funnels").await?;
    taken.note(&shared, &access, &days.site, "funnels").await?;
    let site = &days.site;
    let funnel = match find(site.definitions.funnels(), &asked.funnel) {
        Ok(funnel) => funnel.clone(),
        Err(problem) => {
            let now = shared.defined_now(site).await.unwrap_or_default();
            find(now.funnels(), &asked.funnel).map_err(|_| problem)?.clone()
        }
    };
    let (reached, everybody) = questions(&days, &funnel);
    let (reached, everybody, lost) = shared
        .in_turn("funnel", async {
            let store = &shared.store;
            Ok(tokio::try_join!(store.ask(&reached), store.ask(&everybody), days.lost(&shared))?)
        })
        .await?;
    let everybody = everybody.rows.first().map_or(0, |row| row.counts.visitors);
    let of_step = |number: usize| {
        let is = |row: &&store::questions::Row| row.value.as_deref() == Some(number.to_string().as_str());
        reached.rows.iter().find(is).map_or(0, |row| row.counts.visitors)
    };
    let counts: Vec<i64> = (1..=funnel.what.steps.len()).map(of_step).collect();
    let own = [
        ("visitors", json!({ "code": "per_day", "warning": PER_DAY })),
        ("folded", json!({ "below": site.visitors_min, "warning": FOLDED })),
    ];
    let mut meta = days.meta(own, &lost);
    if funnel.from > instants(days.span, &days.zone).0 {
        meta.insert("counted_from".to_owned(), define::label(funnel.from, &days.zone).into());
    }
    Ok(Json(json!({
        "funnel": funnel.name,
        "visitors": days.precision.count(everybody),
        "steps": steps(&funnel, &counts, everybody, days.precision),
        "meta": meta,
        "query": { "site_id": site.domain, "funnel": funnel.name, "date_range": days.label() },
    })))
}

/// Each step with what of its visitors came from where. What dropped out is told as a difference of what is told.
fn steps(funnel: &Effective<Funnel>, counts: &[i64], everybody: i64, precision: Precision) -> Value {
    let entered = counts.first().copied().unwrap_or_default();
    let before = std::iter::once(everybody).chain(counts.iter().copied());
    let told = funnel.what.steps.iter().zip(counts).zip(before).enumerate();
    told.map(|(at, ((step, visitors), before))| {
        json!({
            "step": at + 1,
            "label": define::step_label(step),
            "visitors": precision.count(*visitors),
            "conversion_rate": precision.share_beside(*visitors, entered, PERCENT),
            "step_conversion_rate": precision.share_beside(*visitors, before, PERCENT),
        })
    })
    .collect()
}

fn questions(days: &Days, funnel: &Effective<Funnel>) -> (Question, Question) {
    let key = Selection { is: Some(vec![funnel.key()]), ..Selection::all(Dimension::Funnel, String::new()) };
    let reached = Cells::Pair(key, Selection::all(Dimension::Step, String::new()));
    (days.question(reached, Some(Dimension::Step)), days.question(Cells::Total, None))
}

fn find<'f>(funnels: &'f [Effective<Funnel>], name: &str) -> Result<&'f Effective<Funnel>, Problem> {
    let present = || funnels.iter().filter(|funnel| funnel.is_present());
    let found = present().find(|funnel| *funnel.name == *name);
    found.ok_or_else(|| missing("funnel", name, present().map(|funnel| &*funnel.name)))
}

/// A well-formed question.
struct Asked {
    site: String,
    funnel: String,
    range: Range,
}

impl Asked {
    fn parse(body: &[u8]) -> Result<Self, Problem> {
        const FORM: &str =
            "an object such as {\"site_id\": \"example.com\", \"funnel\": \"Order\", \"date_range\": \"7d\"}";
        let fields = Fields::parse(body, FORM, &["site_id", "funnel", "date_range"])?;
        Ok(Self { site: fields.text("site_id")?, funnel: fields.text("funnel")?, range: fields.range()? })
    }
}
