//! `POST /api/v2/query`.

use std::sync::Arc;

use axum::Json;
use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::http::{HeaderMap, header};
use serde_json::Value;

use super::asking::{self, Answered};
use crate::Shared;
use crate::access::Access;
use crate::query::{Query, answer as written};
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
    let Answered { plan, found, zone } = asking::answer(&shared, access, &query, None).await?;
    Ok(Json(written::write(&query, &plan, &found, &zone)))
}

/// Only a request that says it is JSON is read: a form of another site cannot say so.
fn is_json(headers: &HeaderMap) -> bool {
    let media_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    media_type.split(';').next().is_some_and(|media_type| media_type.trim().eq_ignore_ascii_case("application/json"))
}
