//! `/api/sites/{site}/{goals|segments|funnels|annotations}[/{name}]`: what people define for a site. Whoever may read the site may
//! read them; who may change them, `access` says.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::routing::get;
use axum::{Json, Router};
use model::Site;
use serde_json::{Value, json};
use settings::{Kind, SettingsError, StoredDefinition};

use super::{DEFINITION, DEFINITIONS};
use crate::access::{Access, Look, Right};
use crate::accounts::browser::json_body;
use crate::calendar::zone_of;
use crate::query::problem::Problem;
use crate::reply::Failure;
use crate::{Shared, define};

/// Largest definition, in bytes: filters at their limits fit.
const DEFINITION_BYTES_MAX: usize = 32 * 1024;

/// The routes.
pub(crate) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route(DEFINITIONS, get(list))
        .route(DEFINITION, get(one).put(put).delete(remove))
        .method_not_allowed_fallback(async || Failure::Method)
}

/// All of a kind, by name.
async fn list(
    State(shared): State<Arc<Shared>>,
    Path((site, kind)): Path<(String, String)>,
    access: Access,
) -> Result<Json<Value>, Failure> {
    let (site, kind) = shared.readable(&access, &site, &kind)?;
    let zone = zone_of(&site);
    let told = shared.held(kind, &site).await?.iter().map(|stored| define::stored(stored, &zone)).collect::<Value>();
    Ok(Json(json!({ define::plural(kind): told })))
}

/// One of them.
async fn one(
    State(shared): State<Arc<Shared>>,
    Path((site, kind, name)): Path<(String, String, String)>,
    access: Access,
) -> Result<Json<Value>, Failure> {
    let (site, kind) = shared.readable(&access, &site, &kind)?;
    let held = shared.held(kind, &site).await?;
    let found = held.iter().find(|stored| stored.definition.name == name).ok_or_else(|| missing(kind, &name))?;
    Ok(Json(define::stored(found, &zone_of(&site)).into()))
}

/// Gives a name a meaning.
async fn put(
    State(shared): State<Arc<Shared>>,
    Path((site, kind, name)): Path<(String, String, String)>,
    access: Access,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>, Failure> {
    let (site, kind) = shared.definable(&access, &site, &kind)?;
    let body = json_body(&headers, body, DEFINITION_BYTES_MAX).await?;
    let body: Value =
        serde_json::from_slice(&body).map_err(|error| Problem::wrong(format!("this is no JSON: {error}")))?;
    let zone = zone_of(&site);
    let meaning = define::parse(kind, &body, &zone)?;
    let stored = shared.accounts.settings.define(&site.domain, &name, &meaning, &access.who()).await?;
    Ok(Json(define::stored(&stored, &zone).into()))
}

/// Takes a name's meaning away. What was counted stays, for as long as the site keeps counts.
async fn remove(
    State(shared): State<Arc<Shared>>,
    Path((site, kind, name)): Path<(String, String, String)>,
    access: Access,
) -> Result<Json<Value>, Failure> {
    let (site, kind) = shared.definable(&access, &site, &kind)?;
    let until = match shared.accounts.settings.undefine(kind, &site.domain, &name, &access.who()).await {
        Err(SettingsError::Conflict { .. }) => return Err(missing(kind, &name)),
        done => done?,
    };
    Ok(Json(json!({ "name": name, "effective_until": define::label(until, &zone_of(&site)) })))
}

impl Shared {
    fn readable(&self, access: &Access, site: &str, kind: &str) -> Result<(Arc<Site>, Kind), Failure> {
        let kind = define::kind(kind).ok_or(Failure::NoSuchPath)?;
        Ok((self.site(site, access, Look::Definitions(kind))?, kind))
    }

    fn definable(&self, access: &Access, site: &str, kind: &str) -> Result<(Arc<Site>, Kind), Failure> {
        let kind = define::kind(kind).ok_or(Failure::NoSuchPath)?;
        let found = self.sites.load().get(site).cloned();
        if let Some(site) = found.filter(|site| access.may(Right::Define, &site.domain)) {
            return Ok((site, kind));
        }
        // Whoever may not even read there hears that there is nothing.
        self.site(site, access, Look::Definitions(kind))?;
        Err(self.accounts.note_refusal(access, access.lacks(Right::Define)))
    }

    /// What names of a kind mean now, or will in a moment.
    async fn held(&self, kind: Kind, site: &Site) -> Result<Vec<StoredDefinition>, Failure> {
        let list = self.accounts.settings.definitions(Some(kind), Some(&site.domain)).await?;
        Ok(list.definitions.into_iter().filter(|stored| stored.is_present()).collect())
    }
}

fn missing(kind: Kind, name: &str) -> Failure {
    Failure::NoSuchDefinition { kind: kind.as_str(), name: crate::query::problem::shortened(name) }
}
