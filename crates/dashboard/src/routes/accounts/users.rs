//! Others: `/api/users` and what is under it.
//!
//! Whoever runs the users sees all of each; whoever administers a site sees who is granted something there, and that alone.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use model::Domain;
use serde::Deserialize;
use serde_json::{Value, json};
use settings::{Added, Ended, Grant, Login, NewUser, Reach, User};

use super::session::check;
use super::{DONE, Sent, SentGrant, at, login, told_grant};
use crate::Shared;
use crate::access::{Access, Duty, Right};
use crate::reply::Failure;

/// `GET /api/users`: those whom the asker may know of.
pub(super) async fn list(State(shared): State<Arc<Shared>>, access: Access) -> Result<Json<Value>, Failure> {
    let administers =
        |access: &Access| shared.sites.load().iter().any(|site| access.may(Right::Administer, &site.domain));
    if !access.may_do(Duty::Users) && !administers(&access) {
        return Err(shared.refuse(&access, Duty::Users));
    }
    let users = shared.accounts.settings.users().await?;
    let told = users.iter().filter_map(|user| tell(user, &access)).collect::<Vec<_>>();
    Ok(Json(json!({ "users": told })))
}

/// What an asker is told of a user; nothing where they have nothing to do with each other.
fn tell(user: &User, access: &Access) -> Option<Value> {
    let grants: Vec<_> = user.grants.iter().filter(|grant| access.may_see(grant)).map(told_grant).collect();
    if !access.may_do(Duty::Users) {
        return (!grants.is_empty()).then(|| json!({ "login": user.login.as_str(), "grants": grants }));
    }
    Some(json!({
        "login": user.login.as_str(),
        "grants": grants,
        "created": at(user.created),
        "password_at": at(user.password_at),
        "temporary": user.temporary,
        "disabled_at": user.disabled_at.map(at),
    }))
}

/// A user to add.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Sending {
    login: String,
    password: String,
    #[serde(default)]
    grants: Vec<SentGrant>,
    temporary: Option<bool>,
}

/// `POST /api/users`: adds one, who has to change the password first.
pub(super) async fn add(
    State(shared): State<Arc<Shared>>,
    access: Access,
    Sent(sent): Sent<Sending>,
) -> Result<(StatusCode, Json<Value>), Failure> {
    shared.must(&access, Duty::Users)?;
    let temporary = sent.temporary.unwrap_or(true);
    if !temporary {
        shared.must(&access, Duty::Passwords)?;
    }
    let login = Login::parse(&sent.login)?;
    let grants = sent.grants.iter().map(SentGrant::read).collect::<Result<Vec<_>, _>>()?;
    for grant in &grants {
        shared.must_grant(&access, grant)?;
    }
    shared.must_be_measured(&access, grants.iter().map(Grant::reach)).await?;
    check(&shared, &login, &sent.password)?;
    let hash = shared.accounts.hash(&sent.password).await?;
    let user = NewUser { login: &login, password: &hash, temporary, grants: &grants, first: false };
    match shared.accounts.settings.add_user(&user, &access.who()).await? {
        Added::Yes => {}
        Added::Exists | Added::NotFirst => return Err(Failure::Exists(format!("there is a user {login} already"))),
    }
    Ok((StatusCode::CREATED, Json(json!({ "login": login.as_str(), "temporary": temporary }))))
}

/// What changes of a user.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Changing {
    disabled: bool,
}

/// `PUT /api/users/{login}`: lets one in no more, or again.
pub(super) async fn change(
    State(shared): State<Arc<Shared>>,
    access: Access,
    Path(name): Path<String>,
    Sent(sent): Sent<Changing>,
) -> Result<StatusCode, Failure> {
    shared.must(&access, Duty::Users)?;
    found(shared.accounts.settings.set_disabled(&login(&name)?, sent.disabled, &access.who()).await?)
}

/// `DELETE /api/users/{login}`: removes one.
pub(super) async fn remove(
    State(shared): State<Arc<Shared>>,
    access: Access,
    Path(name): Path<String>,
) -> Result<StatusCode, Failure> {
    shared.must(&access, Duty::Users)?;
    found(shared.accounts.settings.remove_user(&login(&name)?, &access.who()).await?)
}

/// `DELETE /api/users/{login}/sessions`: ends all of theirs.
pub(super) async fn end_sessions(
    State(shared): State<Arc<Shared>>,
    access: Access,
    Path(name): Path<String>,
) -> Result<StatusCode, Failure> {
    shared.must(&access, Duty::Users)?;
    let login = login(&name)?;
    if shared.accounts.settings.user(&login).await?.is_none() {
        return Err(Failure::NoSuch("user"));
    }
    shared.accounts.settings.end_sessions(&login, Ended::AllBut(None), &access.who()).await?;
    Ok(DONE)
}

/// A password for somebody else.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Password {
    password: String,
}

/// `POST /api/users/{login}/password`: gives somebody a password that they have to change first.
pub(super) async fn set_password(
    State(shared): State<Arc<Shared>>,
    access: Access,
    Path(name): Path<String>,
    Sent(sent): Sent<Password>,
) -> Result<StatusCode, Failure> {
    shared.must(&access, Duty::Passwords)?;
    let login = login(&name)?;
    check(&shared, &login, &sent.password)?;
    let hash = shared.accounts.hash(&sent.password).await?;
    found(shared.accounts.settings.set_password((&login, &hash), true, None, &access.who()).await?)
}

/// `PUT /api/users/{login}/grants`: grants a role.
pub(super) async fn grant(
    State(shared): State<Arc<Shared>>,
    access: Access,
    Path(name): Path<String>,
    Sent(sent): Sent<SentGrant>,
) -> Result<StatusCode, Failure> {
    let grant = sent.read()?;
    shared.must_grant(&access, &grant)?;
    shared.must_be_measured(&access, [grant.reach()]).await?;
    found(shared.accounts.settings.grant(&login(&name)?, &grant, &access.who()).await?)
}

/// `DELETE /api/users/{login}/grants?role=ROLE&site=SITE`: takes one back.
pub(super) async fn revoke(
    State(shared): State<Arc<Shared>>,
    access: Access,
    Path(name): Path<String>,
    asked: Result<Query<SentGrant>, QueryRejection>,
) -> Result<StatusCode, Failure> {
    let Query(asked) = asked.map_err(|_| Failure::Parameters)?;
    let grant = asked.read()?;
    shared.must_grant(&access, &grant)?;
    found(shared.accounts.settings.revoke(&login(&name)?, &grant, &access.who()).await?)
}

fn found(found: bool) -> Result<StatusCode, Failure> {
    if found { Ok(DONE) } else { Err(Failure::NoSuch("user")) }
}

impl Shared {
    /// Refuses whoever may not do a duty.
    pub(super) fn must(&self, access: &Access, duty: Duty) -> Result<(), Failure> {
        if access.may_do(duty) { Ok(()) } else { Err(self.refuse(access, duty)) }
    }

    fn refuse(&self, access: &Access, duty: Duty) -> Failure {
        self.accounts.note_refusal(access, access.lacks_duty(duty))
    }

    /// Refuses what would hold at a site that is not there: nobody would notice the slip. Named are only sites that the asker may read.
    pub(super) async fn must_be_measured(
        &self,
        access: &Access,
        reaches: impl IntoIterator<Item = &Reach>,
    ) -> Result<(), Failure> {
        let measured = self.sites.load_full();
        let unknown = reaches.into_iter().filter_map(Reach::site).filter(|site| measured.get(site.as_str()).is_none());
        let unknown: Vec<&Domain> = unknown.collect();
        if unknown.is_empty() {
            return Ok(());
        }
        // The table of sites follows the settings a moment later.
        let list = self.accounts.settings.sites().await?;
        let is_stored = |site: &Domain| list.names().any(|name| name == site.as_str());
        let Some(site) = unknown.into_iter().find(|site| !is_stored(site)) else { return Ok(()) };
        let theirs = measured.iter().filter(|known| access.may_read(known)).map(|known| known.domain.as_str());
        Err(Failure::Refused(crate::unknown_site(site, theirs)))
    }

    fn must_grant(&self, access: &Access, grant: &Grant) -> Result<(), Failure> {
        if access.may_grant(grant) {
            return Ok(());
        }
        let why = match grant.reach().site() {
            Some(_) => access.lacks(Right::Administer),
            None => access.lacks_grant(grant.role()),
        };
        Err(self.accounts.note_refusal(access, why))
    }
}
