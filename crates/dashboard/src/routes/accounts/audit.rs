//! The audit log: `/api/audit`, newest first, by pages; as a table where `Accept` names `text/csv`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use model::Domain;
use serde_json::json;
use settings::{AUDIT_PAGE_MAX, AuditEntry, Deed};

use super::at;
use crate::Shared;
use crate::access::{Access, Duty, Right};
use crate::query::csv;
use crate::query::problem::Problem;
use crate::reply::Failure;
use crate::routes::parameters::{Parameters, Sent};

/// Lines of a page where none are asked for.
const LINES_DEFAULT: u32 = 100;

/// Answers with a page.
pub(super) async fn read(
    State(shared): State<Arc<Shared>>,
    access: Access,
    headers: HeaderMap,
    sent: Sent,
) -> Result<Response, Failure> {
    let asked = Parameters::read(sent, ["site", "before", "limit"])?;
    let site = asked.get("site").map(Domain::parse).transpose();
    let site = site.map_err(|error| Failure::Refused(format!("site: {error}")))?;
    if !access.may_audit(site.as_ref()) {
        let why = match &site {
            Some(_) => access.lacks(Right::Administer),
            None => lacks_whole(&shared, &access),
        };
        return Err(shared.accounts.note_refusal(&access, why));
    }
    let before = asked.get("before").map(|text| {
        text.parse::<i64>()
            .map_err(|_| Problem::form("before", "the number of a line, such as `next` of a page", &text.into()))
    });
    let (before, limit) = (before.transpose()?, asked.number("limit", AUDIT_PAGE_MAX)?.unwrap_or(LINES_DEFAULT));
    let settings = &shared.accounts.settings;
    let lines = settings.audit_page_of(site.as_ref(), before, limit).await?;
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

/// What is answered where the whole log is not theirs to read; whoever administers a site is told how to read its lines.
fn lacks_whole(shared: &Shared, access: &Access) -> Failure {
    let sites = shared.sites.load();
    match sites.iter().find(|site| access.may(Right::Administer, &site.domain)) {
        Some(site) => Failure::Forbidden(format!(
            "the whole audit log takes the role operator, or the administrator's token: for the lines of a site that you administer \
             add ?site=, such as ?site={}",
            site.domain
        )),
        None => access.lacks_duty(Duty::Users),
    }
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
