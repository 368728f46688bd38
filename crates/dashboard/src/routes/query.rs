//! `POST /api/v2/query`: JSON, or a table where `Accept` names `text/csv`.
//!
//! A table is taken away as much as what the page makes a file of (`taken`).

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::asking::{self, Answered};
use super::taken::{self, Taken};
use crate::Shared;
use crate::access::{Access, Look};
use crate::accounts::browser::json_body;
use crate::query::{Query, answer as written, csv};
use crate::reply::Failure;

/// Largest query, in bytes: filters at their limits fit twice.
const QUERY_BYTES_MAX: usize = 32 * 1024;

/// Answers a query.
pub(super) async fn answer(
    State(shared): State<Arc<Shared>>,
    access: Access,
    Taken(taken): Taken,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    let body = json_body(&headers, body, QUERY_BYTES_MAX).await?;
    let query = Query::parse(&body)?;
    let taken = taken || wants_csv(&headers);
    let mut sites = Vec::new();
    if taken {
        // A site that may not be read is as if it were not there, here too.
        for name in &query.sites {
            let site = shared.site(name, &access, Look::Counts(&query))?;
            taken::may_take(&shared, &access, &site)?;
            sites.push(site);
        }
    }
    let Answered { query, plan, found, zone } = asking::answer(&shared, &access, &query, None).await?;
    if taken {
        let rows = found.answer.rows.len();
        let detail = json!({ "sites": query.sites, "columns": csv::names(&query), "filters": query.filters.len(), "rows": rows });
        let one = if let [site] = sites.as_slice() { Some(&site.domain) } else { None };
        taken::note(&shared, &access, one, detail).await?;
    }
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
pub(super) fn wants_csv(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let kind = |range: &str| range.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    accepted.flat_map(|value| value.split(',')).map(kind).find(|kind| kind == "text/csv" || kind == "application/json")
        == Some("text/csv".to_owned())
}
