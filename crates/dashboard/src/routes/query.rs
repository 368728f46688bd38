//! `POST /api/v2/query`.

use std::sync::Arc;

use axum::Json;
use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::http::{HeaderMap, header};
use jiff::tz::TimeZone;
use privacy::disclosure::Precision;
use serde_json::Value;

use crate::Shared;
use crate::access::Access;
use crate::calendar::{at, zone_of};
use crate::query::Query;
use crate::query::answer::{self as written, Found};
use crate::query::coverage::Coverage;
use crate::query::degraded::Degraded;
use crate::query::plan::{Here, Plan};
use crate::query::range::{Range, instants};
use crate::reply::Failure;

/// Largest query, in bytes: filters at their limits fit twice.
const QUERY_BYTES_MAX: usize = 32 * 1024;

/// Answers a query.
pub(super) async fn answer(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>, Failure> {
    let access = Access::of(&headers, &shared.token_sha256)?;
    if !is_json(&headers) {
        return Err(Failure::MediaType);
    }
    let body = to_bytes(body, QUERY_BYTES_MAX).await.map_err(|_| Failure::TooLarge(QUERY_BYTES_MAX))?;
    let query = Query::parse(&body)?;
    let site = shared.site(&query.site_id, access)?;
    let zone = zone_of(&site);
    let first_count = match query.range {
        Range::All => shared.in_turn("first_day", async { Ok(shared.store.first_day(&site.domain).await?) }).await?,
        Range::Day
        | Range::Month
        | Range::Year
        | Range::Hours24
        | Range::LastDays(_)
        | Range::LastMonths(_)
        | Range::Dates(..)
        | Range::Instants(..) => None,
    };
    let here = Here {
        site: site.domain.clone(),
        now: at(shared.clock.now(), &zone),
        first_count,
        precision: Precision::of(site.mode),
    };
    let plan = Plan::of(&query, &here)?;
    let work = async {
        let found = find(&shared, &query, &plan, &zone).await?;
        Ok(written::write(&query, &plan, &found, &zone))
    };
    shared.in_turn(plan.question.report(), work).await.map(Json)
}

/// Asks the store everything that the answer needs.
async fn find(shared: &Shared, query: &Query, plan: &Plan, zone: &TimeZone) -> Result<Found, Failure> {
    let (store, site) = (&shared.store, &plan.question.site);
    let (from, until) = instants(plan.span, zone);
    // Hardly ever is anything lost, and every answer has to know: asked beside the question, it costs no time of its own.
    let (answer, lost) = tokio::try_join!(store.ask(&plan.question), store.lost(from, until))?;
    let whole = match &plan.whole {
        Some(whole) => Some(store.ask(whole).await?),
        None => None,
    };
    let coverage = match query.include.coverage {
        true => Some(Coverage::of(&store.ledger(site, from, until).await?)),
        false => None,
    };
    Ok(Found { answer, whole, coverage, degraded: Degraded::of(&lost, plan.span, zone) })
}

/// Only a request that says it is JSON is read: a form of another site cannot say so.
fn is_json(headers: &HeaderMap) -> bool {
    let media_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    media_type.split(';').next().is_some_and(|media_type| media_type.trim().eq_ignore_ascii_case("application/json"))
}
