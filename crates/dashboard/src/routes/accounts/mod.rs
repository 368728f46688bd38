//! Accounts over HTTP: signing in and out, one's own sessions, password and tokens; users, grants and the audit log of others; what is
//! shared of a site.
//!
//! Every handler finds out who asks, asks [`access`](crate::access) whether they may, and lets the settings do it. Nothing here decides.

mod audit;
pub(crate) mod description;
mod mailings;
mod session;
mod shares;
mod tokens;
mod users;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{delete, get, post, put};
use model::Millis;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use settings::{Grant, Login, Reach, Role};

use crate::Shared;
use crate::accounts::browser;
use crate::reply::Failure;

/// Largest body: the longest password fits several times, escaped.
const BODY_BYTES_MAX: usize = 16 * 1024;

/// The routes of [`description`].
pub(super) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/api/session", get(session::show).post(session::sign_in).delete(session::sign_out))
        .route("/api/setup", post(session::set_up))
        .route("/api/sessions", get(session::list).delete(session::end_others))
        .route("/api/sessions/{id}", delete(session::end))
        .route("/api/password", post(session::change_password))
        .route("/api/users", get(users::list).post(users::add))
        .route("/api/users/{login}", put(users::change).delete(users::remove))
        .route("/api/users/{login}/sessions", delete(users::end_sessions))
        .route("/api/users/{login}/password", post(users::set_password))
        .route("/api/users/{login}/grants", put(users::grant).delete(users::revoke))
        .route("/api/tokens", get(tokens::list).post(tokens::make))
        .route("/api/tokens/{id}", delete(tokens::revoke))
        .route("/api/audit", get(audit::read))
        .route("/api/share", post(shares::open))
        .route("/api/sites/{site}/shares", get(shares::list).post(shares::make))
        .route("/api/sites/{site}/shares/{id}", put(shares::change).delete(shares::remove))
        .route("/api/sites/{site}/shares/{id}/link", post(shares::renew))
        .route("/api/sites/{site}/public", put(shares::publish))
        .route("/api/sites/{site}/reports", get(mailings::list).post(mailings::make))
        .route("/api/sites/{site}/reports/{id}", delete(mailings::remove))
        .route("/api/sites/{site}/reports/{id}/test", post(mailings::test))
        .route("/unsubscribe/{secret}", get(mailings::ask).post(mailings::unsubscribe))
        .route("/share/{id}", get(shares::document))
        .route("/embed/{id}", get(shares::framed))
}

/// A body of JSON, declared as such.
struct Sent<T>(T);

impl<T: DeserializeOwned, S: Sync> FromRequest<S> for Sent<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &S) -> Result<Self, Failure> {
        let (parts, body) = request.into_parts();
        read(&parts.headers, body).await.map(Self)
    }
}

/// Reads a body of JSON, declared as such.
async fn read<T: DeserializeOwned>(headers: &HeaderMap, body: Body) -> Result<T, Failure> {
    let body = browser::json_body(headers, body, BODY_BYTES_MAX).await?;
    serde_json::from_slice(&body)
        .map_err(|error| Failure::Refused(format!("the request is not understood: {error}; see /api/openapi.json")))
}

/// What changed and has nothing to tell.
const DONE: StatusCode = StatusCode::NO_CONTENT;

/// A grant as it is sent.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct SentGrant {
    role: String,
    site: String,
}

impl SentGrant {
    fn read(&self) -> Result<Grant, Failure> {
        Ok(Grant::new(Role::parse(&self.role)?, Reach::parse(&self.site)?)?)
    }
}

/// The login of a path; one that nobody can have is nobody's.
fn login(text: &str) -> Result<Login, Failure> {
    Login::parse(text).map_err(|_| Failure::NoSuch("user"))
}

fn told_grant(grant: &Grant) -> Value {
    json!({ "role": grant.role().as_str(), "site": grant.reach().as_str() })
}

/// A time as it is told.
fn at(time: Millis) -> Value {
    jiff::Timestamp::from_millisecond(time.0).map_or(Value::Null, |time| time.to_string().into())
}
