//! The audit log: `/api/audit`, newest first, by pages; as a table where `Accept` names `text/csv`.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use model::Domain;
use serde::Deserialize;
use serde_json::json;
use settings::{AUDIT_PAGE_MAX, AuditEntry, Deed};

use super::at;
use crate::Shared;
use crate::access::{Access, Duty, Right};
use crate::query::csv;
use crate::reply::Failure;

/// Lines of a page where none are asked for.
const LINES_DEFAULT: u32 = 100;

/// What is asked.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    /// Only what was done to one site.
    site: Option<String>,
    /// Only lines before this number.
    before: Option<i64>,
    /// Most lines.
    limit: Option<u32>,
}

/// Answers with a page.
pub(super) async fn read(
    State(shared): State<Arc<Shared>>,
    access: Access,
    headers: HeaderMap,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, Failure> {
    let Query(asked) = asked.map_err(|_| Failure::Parameters)?;
    let site = asked.site.as_deref().map(Domain::parse).transpose();
    let site = site.map_err(|error| Failure::Refused(format!("site: {error}")))?;
    if !access.may_audit(site.as_ref()) {
        let why = match &site {
            Some(_) => access.lacks(Right::Administer),
            None => access.lacks_duty(Duty::Users),
        };
        return Err(shared.accounts.note_refusal(&access, why));
    }
    let limit = asked.limit.unwrap_or(LINES_DEFAULT).clamp(1, AUDIT_PAGE_MAX);
    let settings = &shared.accounts.settings;
    let lines = settings.audit_page_of(site.as_ref(), asked.before, limit).await?;
    // A full page may be followed by another one.
    let next = lines.last().filter(|_| u32::try_from(lines.len()) == Ok(limit)).map(|line| line.number);
    if crate::routes::query::wants_csv(&headers) {
        let detail = json!({ "audit_lines": lines.len() });
        settings.note(&Deed { who: &access.who(), what: "exported", site: site.as_ref(), detail }).await?;
        return Ok(table(&lines));
    }
    let told = |line: &AuditEntry| json!({ "number": line.number, "at": at(line.at), "who": line.who, "what": line.what, "site": line.site, "detail": line.detail });
    Ok(Json(json!({ "lines": lines.iter().map(told).collect::<Vec<_>>(), "next": next })).into_response())
}

/// The lines for a spreadsheet, which must not take any of them for a formula.
fn table(lines: &[AuditEntry]) -> Response {
    let mut table = String::new();
    csv::line(&mut table, ["number", "at", "who", "what", "site", "detail"].map(str::to_owned).into_iter());
    for line in lines {
        let (at, detail) = (at(line.at).as_str().unwrap_or_default().to_owned(), line.detail.to_string());
        let texts = [&at, &line.who, &line.what, line.site.as_deref().unwrap_or_default(), &detail];
        csv::line(&mut table, std::iter::once(line.number.to_string()).chain(texts.map(csv::text)));
    }
    let described = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8; header=present"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"footfall-audit.csv\""),
    ];
    (described, table).into_response()
}
