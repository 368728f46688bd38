//! `GET /api/v1/properties`: the names of the properties that a site's events had, so that nobody has to know them to ask by one.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};
use settings::Report;

use super::days::{Days, addressed};
use super::parameters::Sent;
use crate::Shared;
use crate::access::{Access, Look};
use crate::reply::Failure;

/// Most names: more is no list to choose from.
const NAMES_MAX: u32 = 200;

/// Answers with the names of a range; without one, of today.
pub(super) async fn answer(
    State(shared): State<Arc<Shared>>,
    access: Access,
    sent: Sent,
) -> Result<Json<Value>, Failure> {
    let (site, range) = addressed(sent)?;
    let days =
        Days::of(&shared, (&access, Look::WholeSite(Report::Events)), (&site, range), "names of properties").await?;
    let names = shared
        .in_turn("properties", async {
            Ok(shared.store.property_names(&days.site.domain, days.span.days(), NAMES_MAX).await?)
        })
        .await?;
    let total = names.first().map_or(0, |name| name.names_total);
    let told = names.iter().map(|name| json!({ "name": name.name, "events": days.precision.count(name.events) }));
    Ok(Json(json!({ "properties": told.collect::<Value>(), "total": total, "meta": days.meta([], &[]) })))
}
