//! `POST /api/v2/query`: JSON, or a table where `Accept` names `text/csv`.

use std::sync::Arc;

use axum::Json;
use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use super::asking::{self, Answered, Ask};
use crate::Shared;
use crate::access::Access;
use crate::query::{Query, answer as written, csv};
use crate::reply::Failure;

/// Largest query, in bytes: filters at their limits fit twice.
const QUERY_BYTES_MAX: usize = 32 * 1024;

/// Answers a query.
pub(super) async fn answer(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    let access = Access::of(&headers, &shared.token_sha256)?;
    if !is_json(&headers) {
        return Err(Failure::MediaType);
    }
    let body = to_bytes(body, QUERY_BYTES_MAX).await.map_err(|_| Failure::TooLarge(QUERY_BYTES_MAX))?;
    let query = Query::parse(&body)?;
    let Answered { query, plan, found, zone } = asking::answer(&shared, access, &query, Ask::default()).await?;
    if !wants_csv(&headers) {
        return Ok(Json(written::write(&query, &plan, &found, &zone)).into_response());
    }
    let meta = written::tell_meta(&query, &plan, &found, &zone);
    let rows = csv::table(&query, &written::tell_rows(&query, &plan, &found));
    Ok((as_file(&meta, found.answer.rows_total), rows).into_response())
}

/// The headers of a table: it is to be saved, and what `meta` says is not in it.
fn as_file(meta: &Value, rows_total: u64) -> [(HeaderName, String); 4] {
    let warnings = meta.as_object().map(|meta| meta.keys().map(String::as_str).collect::<Vec<_>>().join(", "));
    [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8; header=present".to_owned()),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"footfall.csv\"".to_owned()),
        (HeaderName::from_static("footfall-total-rows"), rows_total.to_string()),
        (HeaderName::from_static("footfall-warnings"), warnings.unwrap_or_default()),
    ]
}

/// Whether a table was asked for by name; whoever takes anything gets JSON.
fn wants_csv(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let kind = |range: &str| range.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    accepted.flat_map(|value| value.split(',')).map(kind).find(|kind| kind == "text/csv" || kind == "application/json")
        == Some("text/csv".to_owned())
}

/// Only a request that says it is JSON is read: a form of another site cannot say so.
pub(super) fn is_json(headers: &HeaderMap) -> bool {
    let media_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    media_type.split(';').next().is_some_and(|media_type| media_type.trim().eq_ignore_ascii_case("application/json"))
}
