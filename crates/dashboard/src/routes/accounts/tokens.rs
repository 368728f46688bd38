//! API tokens: `/api/tokens`. A token's secret is in the answer that makes it, and nowhere after.

use crate::calendar::utc_day_label;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use model::Millis;
use serde::Deserialize;
use serde_json::{Value, json};
use settings::{ApiToken, Login, Reach, Scope, SecretDigest};

use super::{DONE, Sent, at};
use crate::Shared;
use crate::access::{Access, Duty};
use crate::reply::Failure;

/// Longest life that is given, in days; without one a token lives until it is revoked.
const DAYS_MAX: i64 = 3_650;

/// `GET /api/tokens`: one's own; all for whoever runs the users.
pub(super) async fn list(State(shared): State<Arc<Shared>>, access: Access) -> Result<Json<Value>, Failure> {
    let owner = whose(&access)?;
    let tokens = shared.accounts.settings.tokens(owner).await?;
    Ok(Json(json!({ "tokens": tokens.iter().map(tell).collect::<Vec<_>>() })))
}

/// Whose tokens somebody may see and revoke; none: everybody's.
fn whose(access: &Access) -> Result<Option<&Login>, Failure> {
    if access.may_do(Duty::Users) {
        return Ok(None);
    }
    Ok(Some(&access.person()?.session.login))
}

/// A token to make.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Making {
    name: String,
    scopes: Vec<String>,
    sites: Vec<String>,
    /// How many days it lives.
    days: Option<i64>,
}

/// `POST /api/tokens`: makes one.
pub(super) async fn make(
    State(shared): State<Arc<Shared>>,
    access: Access,
    Sent(sent): Sent<Making>,
) -> Result<(StatusCode, Json<Value>), Failure> {
    let owner = match &access {
        Access::Administrator => None,
        Access::Person(person) if !person.temporary => Some(person.session.login.clone()),
        Access::Person(_) | Access::Program(_) | Access::Guest(_) | Access::Anyone => return Err(Failure::NotSignedIn),
    };
    let scopes = sent.scopes.iter().map(|scope| Scope::parse(scope)).collect::<Result<Vec<_>, _>>()?;
    let sites = sent.sites.iter().map(|site| Reach::parse(site)).collect::<Result<Vec<_>, _>>()?;
    if !access.may_make(&scopes, &sites) {
        let reason = "a token can be made only for what you may do yourself, at each of the sites it names";
        return Err(shared.accounts.note_refusal(&access, Failure::Forbidden(reason.to_owned())));
    }
    shared.must_be_measured(&access, &sites).await?;
    let now = shared.clock.now();
    let expires = sent.days.map(|days| expiry(now, days)).transpose()?;
    let secret = crate::token_secret().ok_or(Failure::Busy)?;
    let token =
        ApiToken { id: String::new(), name: sent.name, owner, scopes, sites, created: now, expires, used_day: None };
    let kept = shared.accounts.settings.add_token(&SecretDigest::of(&secret), &token, &access.who()).await?;
    let mut told = tell(&kept);
    if let Some(told) = told.as_object_mut() {
        told.insert("token".to_owned(), secret.into());
    }
    Ok((StatusCode::CREATED, Json(told)))
}

fn expiry(now: Millis, days: i64) -> Result<Millis, Failure> {
    if (1..=DAYS_MAX).contains(&days) {
        return Ok(now.plus_days(days));
    }
    Err(Failure::Refused(format!(
        "a token lives 1 to {DAYS_MAX} days, or until it is revoked where `days` is left out"
    )))
}

/// `DELETE /api/tokens/{id}`: revokes one.
pub(super) async fn revoke(
    State(shared): State<Arc<Shared>>,
    access: Access,
    Path(id): Path<String>,
) -> Result<StatusCode, Failure> {
    let owner = whose(&access)?;
    let revoked = shared.accounts.settings.remove_token(&id, owner, &access.who()).await?;
    if revoked { Ok(DONE) } else { Err(Failure::NoSuch("token")) }
}

fn tell(token: &ApiToken) -> Value {
    json!({
        "id": token.id,
        "name": token.name,
        "owner": token.owner.as_ref().map(Login::as_str),
        "scopes": token.scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>(),
        "sites": token.sites.iter().map(Reach::as_str).collect::<Vec<_>>(),
        "created": at(token.created),
        "expires": token.expires.map(at),
        "used_on": token.used_day.map(utc_day_label),
    })
}
