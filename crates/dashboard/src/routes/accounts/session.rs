//! One's own: `/api/session` (sign in, who am I, sign out), `/api/setup`, `/api/sessions`, `/api/password`.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Request, State};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use settings::{Added, Ended, Grant, Login, NewUser, Reach, Role, Session};

use super::shares::told_guest;
use super::{DONE, Sent, at, read, told_grant};
use crate::Shared;
use crate::access::{Access, Duty, Right};
use crate::accounts::{Opened, browser, password};
use crate::reply::Failure;

/// Login and password.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Credentials {
    login: String,
    password: String,
}

/// `POST /api/session`: signs in.
pub(super) async fn sign_in(State(shared): State<Arc<Shared>>, request: Request) -> Result<Response, Failure> {
    let (parts, body) = request.into_parts();
    let sent: Credentials = read(&parts.headers, body).await?;
    if sent.password.len() > password::BYTES_MAX {
        return Err(Failure::WrongLogin);
    }
    let opened = Box::pin(shared.accounts.sign_in(&parts, &sent.login, &sent.password)).await?;
    Ok(told_opened(&opened))
}

/// `POST /api/setup`: makes the first account and signs in, for whoever has the administrator's token.
pub(super) async fn set_up(
    State(shared): State<Arc<Shared>>,
    access: Access,
    parts: Parts,
    Sent(sent): Sent<Credentials>,
) -> Result<Response, Failure> {
    if !matches!(access, Access::Administrator) {
        return Err(Failure::Unauthorised);
    }
    let peer = shared.accounts.may_open(&parts)?;
    let login = Login::parse(&sent.login)?;
    check(&shared, &login, &sent.password)?;
    let hash = shared.accounts.hash(&sent.password).await?;
    let all = |role| Grant::new(role, Reach::All);
    let grants = [all(Role::SiteAdmin)?, all(Role::Operator)?];
    let user = NewUser { login: &login, password: &hash, temporary: false, grants: &grants, first: true };
    match shared.accounts.settings.add_user(&user, &access.who()).await? {
        Added::Yes => {}
        Added::Exists | Added::NotFirst => {
            let reason = "there is an account already: sign in, or let `footfall user add` on the server make one";
            return Err(Failure::Exists(reason.to_owned()));
        }
    }
    Ok(told_opened(&Box::pin(shared.accounts.open(&parts, peer, &login)).await?))
}

fn told_opened(opened: &Opened) -> Response {
    let told = Json(json!({ "login": opened.login.as_str(), "csrf": opened.csrf }));
    ([(header::SET_COOKIE, &opened.cookie)], told).into_response()
}

/// `GET /api/session`: who asks, and what they may do.
pub(super) async fn show(State(shared): State<Arc<Shared>>, access: Access) -> Result<Json<Value>, Failure> {
    let sites: Vec<Value> = shared
        .sites
        .load()
        .iter()
        .filter_map(|site| {
            let public = |right: &Right| site.public && matches!(right, Right::Read | Right::Export);
            let has = |right: &Right| match &access {
                Access::Guest(_) => match right {
                    Right::Read => access.may_read(site),
                    Right::Export => access.may_export(site),
                    Right::Define | Right::Administer => false,
                },
                _ => public(right) || access.may(*right, &site.domain),
            };
            let rights: Vec<_> = Right::ALL.into_iter().filter(has).map(Right::as_str).collect();
            (!rights.is_empty()).then(|| json!({ "domain": site.domain, "rights": rights }))
        })
        .collect();
    let mut told =
        json!({ "sites": sites, "users": access.may_do(Duty::Users), "passwords": access.may_do(Duty::Passwords) });
    let more = match &access {
        Access::Person(person) => json!({
            "kind": "person",
            "login": person.session.login.as_str(),
            "temporary": person.temporary,
            "csrf": person.csrf,
            "grants": person.grants.iter().map(told_grant).collect::<Vec<_>>(),
            "session": told_session(&person.session, &person.session.id),
        }),
        Access::Program(program) => json!({
            "kind": "token",
            "login": program.token.owner.as_ref().map(Login::as_str),
            "scopes": program.token.scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>(),
        }),
        Access::Guest(guest) => {
            let site = shared.sites.load().get(guest.share.site.as_str()).cloned();
            json!({ "kind": "shared link", "share": site.map(|site| told_guest(guest, &site)) })
        }
        Access::Administrator => {
            json!({ "kind": "administrator", "setup": !shared.accounts.settings.has_users().await? })
        }
        Access::Anyone => json!({ "kind": "anyone", "setup": !shared.accounts.settings.has_users().await? }),
    };
    if let (Some(told), Value::Object(more)) = (told.as_object_mut(), more) {
        told.extend(more);
    }
    Ok(Json(told))
}

/// `DELETE /api/session`: signs out.
pub(super) async fn sign_out(
    State(shared): State<Arc<Shared>>,
    access: Access,
    parts: Parts,
) -> Result<Response, Failure> {
    let person = access.person()?;
    let Session { id, login, .. } = &person.session;
    shared.accounts.settings.end_sessions(login, Ended::One(id), login.as_str()).await?;
    let peer = shared.accounts.peer(&parts.headers, &parts.extensions);
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, browser::set_cookie(peer, None, 0))]).into_response())
}

/// `GET /api/sessions`: one's own.
pub(super) async fn list(State(shared): State<Arc<Shared>>, access: Access) -> Result<Json<Value>, Failure> {
    let mine = &access.person()?.session;
    let sessions = shared.accounts.settings.sessions(&mine.login).await?;
    Ok(Json(json!({ "sessions": sessions.iter().map(|session| told_session(session, &mine.id)).collect::<Vec<_>>() })))
}

/// `DELETE /api/sessions/{id}`: ends one of one's own.
pub(super) async fn end(
    State(shared): State<Arc<Shared>>,
    access: Access,
    Path(id): Path<String>,
) -> Result<StatusCode, Failure> {
    let mine = &access.person()?.session;
    let ended = shared.accounts.settings.end_sessions(&mine.login, Ended::One(&id), mine.login.as_str()).await?;
    if ended == 0 { Err(Failure::NoSuch("session")) } else { Ok(DONE) }
}

/// `DELETE /api/sessions`: ends all of one's own but this.
pub(super) async fn end_others(State(shared): State<Arc<Shared>>, access: Access) -> Result<StatusCode, Failure> {
    let mine = &access.person()?.session;
    let others = Ended::AllBut(Some(&mine.id));
    shared.accounts.settings.end_sessions(&mine.login, others, mine.login.as_str()).await?;
    Ok(DONE)
}

/// The password that is, and the one that is to be.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewPassword {
    old: String,
    new: String,
}

/// `POST /api/password`: changes one's own, and ends all other sessions.
pub(super) async fn change_password(
    State(shared): State<Arc<Shared>>,
    access: Access,
    parts: Parts,
    Sent(sent): Sent<NewPassword>,
) -> Result<StatusCode, Failure> {
    let person = access.person()?;
    let login = &person.session.login;
    check(&shared, login, &sent.new)?;
    if !Box::pin(shared.accounts.is_own(&parts, login, &sent.old)).await? {
        return Err(Failure::Refused("the old password is not right".to_owned()));
    }
    if sent.new == sent.old {
        return Err(Failure::Refused("the new password is the old one".to_owned()));
    }
    let hash = shared.accounts.hash(&sent.new).await?;
    let spare = Some(&person.digest);
    shared.accounts.settings.set_password((login, &hash), false, spare, login.as_str()).await?;
    Ok(DONE)
}

/// Whether a password is taken for a login of this installation.
pub(super) fn check(shared: &Shared, login: &Login, new: &str) -> Result<(), Failure> {
    let sites = shared.sites.load();
    let context = sites.iter().map(|site| site.domain.as_str()).chain([login.as_str()]);
    password::check(new, context).map_err(|weak| Failure::Refused(weak.to_string()))
}

fn told_session(session: &Session, mine: &str) -> Value {
    json!({
        "id": session.id,
        "client": session.client,
        "created": at(session.created),
        "seen": at(session.seen),
        "idle_until": at(session.idle_until),
        "expires": at(session.expires),
        "current": session.id == mine,
    })
}
