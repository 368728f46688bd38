//! `GET /api/v1/sites`: the sites the asker may read.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use model::{Currency, Site};
use privacy::disclosure::Precision;
use serde_json::{Value, json};

use crate::Shared;
use crate::access::Access;
use crate::reply::Failure;

/// Answers with the sites, by name.
pub(super) async fn answer(State(shared): State<Arc<Shared>>, access: Access) -> Result<Json<Value>, Failure> {
    let sites = shared.sites.load();
    let readable: Vec<Value> = sites
        .iter()
        .filter(|site| access.may_read(site))
        .map(|site| {
            let Site { domain, timezone, public, .. } = &**site;
            json!({ "domain": domain, "timezone": timezone, "public": public, "currency": money_of(site) })
        })
        .collect();
    if readable.is_empty() && matches!(access, Access::Anyone) {
        return Err(Failure::Unauthorised);
    }
    Ok(Json(json!({ "sites": readable })))
}

/// The currency of a site's money; none where it counts none.
pub(super) fn money_of(site: &Site) -> Option<Currency> {
    site.currency.filter(|_| Precision::of(site.mode) == Precision::Exact)
}
