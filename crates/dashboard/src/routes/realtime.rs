//! `GET /api/v1/stats/realtime/visitors`: a plain number, as Plausible's, or `"<10"`.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use privacy::disclosure::{Disclosed, Precision};
use serde::Deserialize;

use crate::Shared;
use crate::access::Access;
use crate::query::problem::Problem;
use crate::reply::Failure;

/// What is asked.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    site_id: Option<String>,
}

/// Answers with the visitors of the last five minutes.
pub(super) async fn answer(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Json<Disclosed>, Failure> {
    let access = Access::of(&headers, &shared.token_sha256)?;
    let Query(asked) = asked.map_err(|_| Failure::Parameters)?;
    let site = shared.site(&asked.site_id.ok_or(Problem::Missing("site_id"))?, access)?;
    let now = shared.clock.now();
    let visitors = shared.in_turn("realtime", async { Ok(shared.store.live(&site.domain, now).await?) }).await?;
    Ok(Json(Precision::of(site.mode).count(i64::try_from(visitors).unwrap_or(i64::MAX))))
}
