//! What leaves as a file: whoever takes one needs the right to, and it is noted in the audit log: what was taken, never what was filtered
//! by. It makes no file itself.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::HeaderName;
use axum::http::request::Parts;
use model::{Domain, Site};
use serde_json::{Value, json};
use settings::Deed;

use crate::Shared;
use crate::access::{Access, Right};
use crate::reply::Failure;

/// By this header the page says that it makes a file of the answer.
const EXPORT: HeaderName = HeaderName::from_static("footfall-export");

/// Whether the page makes a file of the answer.
#[derive(Clone, Copy)]
pub(super) struct Taken(pub(super) bool);

impl<S: Sync> FromRequestParts<S> for Taken {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        Ok(Self(parts.headers.contains_key(EXPORT)))
    }
}

impl Taken {
    /// Refuses who may not take a site's report away, and notes it of who may, before it is asked for.
    pub(super) async fn note(self, shared: &Shared, access: &Access, site: &Site, report: &str) -> Result<(), Failure> {
        if !self.0 {
            return Ok(());
        }
        may_take(shared, access, site)?;
        note(shared, access, Some(&site.domain), json!({ "report": report })).await
    }
}

/// Refuses who may not take what a site counts away.
pub(super) fn may_take(shared: &Shared, access: &Access, site: &Site) -> Result<(), Failure> {
    if access.may_export(site) {
        return Ok(());
    }
    Err(shared.accounts.note_refusal(access, access.lacks(Right::Export)))
}

/// Notes what is taken; where it cannot be noted, it is not given. Of a public site anybody may take anything, unnoted.
pub(super) async fn note(
    shared: &Shared,
    access: &Access,
    site: Option<&Domain>,
    detail: Value,
) -> Result<(), Failure> {
    if matches!(access, Access::Anyone) {
        return Ok(());
    }
    Ok(shared.accounts.settings.note(&Deed { who: &access.who(), what: "exported", site, detail }).await?)
}
