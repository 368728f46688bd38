//! `POST /api/v2/funnel`: how many visitors reached each step of a funnel.
//!
//! A visitor is known for one site-local day, so a funnel is of one day: over a range its numbers are sums of the days'.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use model::definition::{Effective, Funnel};
use model::{Dimension, Domain};
use privacy::disclosure::{Precision, Scale};
use serde_json::{Map, Value, json};
use store::questions::{Cells, Question, ROWS_PER_ANSWER_MAX, Selection, Span};

use crate::access::Access;
use crate::accounts::browser::json_body;
use crate::calendar::{at, instant_label, zone_of};
use crate::query::answer::rounded;
use crate::query::defined::missing;
use crate::query::degraded::Degraded;
use crate::query::known_keys;
use crate::query::problem::Problem;
use crate::query::range::{Range, ends, instants};
use crate::reply::Failure;
use crate::{Shared, define};

/// Largest question, in bytes.
const QUESTION_BYTES_MAX: usize = 4 * 1024;

/// What a funnel's numbers are.
const PER_DAY: &str = "a visitor is known for one site-local day only: whoever takes a step on another day begins anew, and visitors of \
     several days are the sum of each day's";

/// Why a step may be missing on a day.
const FOLDED: &str = "on a closed day, steps that fewer visitors reached than the site folds are left out";

/// Percent with one decimal.
const PERCENT: Scale = Scale { steps_per_one: 1_000.0, steps: 10.0, empty_is_zero: false };

/// Answers the question.
pub(super) async fn answer(
    State(shared): State<Arc<Shared>>,
    access: Access,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>, Failure> {
    let body = json_body(&headers, body, QUESTION_BYTES_MAX).await?;
    let asked = Asked::parse(&body)?;
    let site = shared.site(&asked.site, &access)?;
    let precision = Precision::of(site.mode);
    let zone = zone_of(&site);
    let funnel = find(site.definitions.funnels(), &asked.funnel)?;
    let first_count = shared.first_count(asked.range, std::slice::from_ref(&site.domain)).await?;
    let span = asked.range.resolve(&at(shared.clock.now(), &zone), first_count)?;
    if matches!(span, Span::Hours { .. }) {
        return Err(Problem::NotCounted("funnels are counted by the day: ask for whole days".to_owned()).into());
    }
    let (reached, everybody) = questions(&site.domain, funnel, span);
    let (reached, everybody, lost) = shared
        .in_turn("funnel", async {
            let (from, until) = instants(span, &zone);
            let store = &shared.store;
            Ok(tokio::try_join!(store.ask(&reached), store.ask(&everybody), store.lost(from, until))?)
        })
        .await?;
    let everybody = everybody.rows.first().map_or(0, |row| row.counts.visitors);
    let of_step = |number: usize| {
        let is = |row: &&store::questions::Row| row.value.as_deref() == Some(number.to_string().as_str());
        reached.rows.iter().find(is).map_or(0, |row| row.counts.visitors)
    };
    let counts: Vec<i64> = (1..=funnel.what.steps.len()).map(of_step).collect();
    let mut meta = Map::new();
    meta.insert("visitors".to_owned(), json!({ "code": "per_day", "warning": PER_DAY }));
    meta.insert("folded".to_owned(), json!({ "below": site.visitors_min, "warning": FOLDED }));
    let (begin, end) = ends(span, &zone);
    if funnel.from > instants(span, &zone).0 {
        meta.insert("counted_from".to_owned(), define::label(funnel.from, &zone).into());
    }
    meta.extend(Degraded::of(&lost, span, &zone).tell(precision).map(|days| ("degraded".to_owned(), days)));
    meta.extend(rounded(precision).map(|rounded| ("rounded".to_owned(), rounded)));
    Ok(Json(json!({
        "funnel": funnel.name,
        "visitors": precision.count(everybody),
        "steps": steps(funnel, &counts, everybody, precision),
        "meta": meta,
        "query": {
            "site_id": site.domain,
            "funnel": funnel.name,
            "date_range": [instant_label(&begin), instant_label(&end)],
        },
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

fn questions(site: &Domain, funnel: &Effective<Funnel>, span: Span) -> (Question, Question) {
    let of = |cells, by_value| Question {
        sites: vec![site.clone()],
        span,
        cells,
        over_time: None,
        by_value,
        order: Vec::new(),
        limit: ROWS_PER_ANSWER_MAX,
        offset: 0,
    };
    let key = Selection { is: Some(vec![funnel.key()]), ..Selection::all(Dimension::Funnel, String::new()) };
    let reached = Cells::Pair(key, Selection::all(Dimension::Step, String::new()));
    (of(reached, Some(Dimension::Step)), of(Cells::Total, None))
}

fn find<'f>(funnels: &'f [Effective<Funnel>], name: &str) -> Result<&'f Effective<Funnel>, Problem> {
    let present = || funnels.iter().filter(|funnel| funnel.until.is_none());
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
        let body: Value = serde_json::from_slice(body).map_err(|error| Problem::NotAnObject(error.to_string()))?;
        let fields = body.as_object().ok_or_else(|| Problem::form("body", FORM, &body))?;
        known_keys(fields, &["site_id", "funnel", "date_range"])?;
        let text = |key: &'static str| {
            let value = fields.get(key).ok_or(Problem::Missing(key))?;
            value.as_str().map(str::to_owned).ok_or_else(|| Problem::form(key, "a text", value))
        };
        let range = Range::parse(fields.get("date_range").ok_or(Problem::Missing("date_range"))?)?;
        Ok(Self { site: text("site_id")?, funnel: text("funnel")?, range })
    }
}
