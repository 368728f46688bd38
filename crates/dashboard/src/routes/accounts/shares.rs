//! Shares: `/api/sites/{site}/shares` for who administers the site, `/api/share` for who follows a link, and the documents that a
//! link leads to.
//!
//! A link is in the answer that makes it, and nowhere after. Its secret stands behind the `#` of the address, which no server, log or
//! referrer sees; the page sends it in a body.

use crate::calendar::utc_day_label;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use model::{Domain, Millis, Site};
use serde::Deserialize;
use serde_json::{Value, json};
use settings::{Origin, PasswordHash, Report, Reports, SecretDigest, Share, SharePassword, ShareTerms};

use super::{DONE, Sent, at, read};
use crate::access::{Access, Guest, Right, check_segment};
use crate::accounts::password;
use crate::headers::FramedBy;
use crate::reply::Failure;
use crate::routes::sites::money_of;
use crate::{Shared, page};

/// What a share shall show. What is left out is as it is here.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SentTerms {
    name: String,
    /// All of them where it is left out.
    reports: Option<Vec<String>>,
    segment: Option<String>,
    #[serde(default)]
    export: bool,
    #[serde(default)]
    origins: Vec<String>,
    /// An instant; it never expires where it is left out.
    expires: Option<String>,
    /// Where it is left out, a share that is changed keeps its password; `null` takes it away.
    #[serde(default, deserialize_with = "said")]
    password: Option<Option<String>>,
}

/// Tells `null` from what was left out.
fn said<'d, D: serde::Deserializer<'d>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::<String>::deserialize(deserializer).map(Some)
}

impl SentTerms {
    fn read(&self, site: &Site) -> Result<ShareTerms, Failure> {
        let reports = match &self.reports {
            None => Reports::All,
            Some(words) => Reports::These(words.iter().map(|word| Report::parse(word)).collect::<Result<_, _>>()?),
        };
        if let Some(segment) = &self.segment
            && !site.definitions.segments().iter().any(|known| known.is_present() && *known.name == **segment)
        {
            let names = site.definitions.segments().iter().filter(|known| known.is_present());
            return Err(crate::query::defined::missing("segment", segment, names.map(|known| &*known.name)).into());
        }
        check_segment(&reports, self.segment.as_deref())?;
        let expires = |text: &String| {
            let instant = text.parse::<jiff::Timestamp>();
            let instant = instant
                .map_err(|_| Failure::Refused("`expires` is an instant such as 2026-12-31T23:59:59Z".to_owned()))?;
            Ok::<_, Failure>(Millis(instant.as_millisecond()))
        };
        Ok(ShareTerms {
            name: self.name.trim().to_owned(),
            reports,
            segment: self.segment.clone(),
            export: self.export,
            origins: self.origins.iter().map(|origin| Origin::parse(origin)).collect::<Result<_, _>>()?,
            expires: self.expires.as_ref().map(expires).transpose()?,
        })
    }

    /// The hash of the password that was said.
    async fn hash(&self, shared: &Shared, site: &Site) -> Result<Option<PasswordHash>, Failure> {
        let Some(Some(given)) = &self.password else { return Ok(None) };
        let known = [site.domain.as_str(), self.name.as_str()];
        password::check(given, known).map_err(|weak| Failure::Refused(weak.to_string()))?;
        Ok(Some(shared.accounts.hash(given).await?))
    }
}

/// `GET /api/sites/{site}/shares`: those that there are.
pub(super) async fn list(
    State(shared): State<Arc<Shared>>,
    Path(site): Path<String>,
    access: Access,
) -> Result<Json<Value>, Failure> {
    let site = shared.administered(&site, &access)?;
    let shares = shared.accounts.settings.shares(&site.domain).await?;
    let now = shared.clock.now();
    Ok(Json(json!({ "shares": shares.iter().map(|share| tell(share, now)).collect::<Vec<_>>() })))
}

/// `POST /api/sites/{site}/shares`: makes one, and tells its link this once.
pub(super) async fn make(
    State(shared): State<Arc<Shared>>,
    Path(site): Path<String>,
    access: Access,
    Sent(sent): Sent<SentTerms>,
) -> Result<(StatusCode, Json<Value>), Failure> {
    let site = shared.administered(&site, &access)?;
    let terms = sent.read(&site)?;
    let hash = sent.hash(&shared, &site).await?;
    let secret = crate::link_secret().ok_or(Failure::Busy)?;
    let link = SecretDigest::of(&secret);
    let settings = &shared.accounts.settings;
    let kept = settings.add_share(&site.domain, (&link, hash.as_ref()), &terms, &access.who()).await?;
    Ok((StatusCode::CREATED, Json(with_link(&kept, &secret, shared.clock.now()))))
}

/// `PUT /api/sites/{site}/shares/{id}`: what it shows from now on.
pub(super) async fn change(
    State(shared): State<Arc<Shared>>,
    Path((site, id)): Path<(String, String)>,
    access: Access,
    Sent(sent): Sent<SentTerms>,
) -> Result<Json<Value>, Failure> {
    let site = shared.administered(&site, &access)?;
    let terms = sent.read(&site)?;
    let password = match (sent.hash(&shared, &site).await?, &sent.password) {
        (Some(hash), _) => SharePassword::Is(hash),
        (None, Some(_)) => SharePassword::Goes,
        (None, None) => SharePassword::Stays,
    };
    let settings = &shared.accounts.settings;
    let kept = settings.change_share((&site.domain, &id), &terms, &password, &access.who()).await?;
    Ok(Json(tell(&kept.ok_or(Failure::NoSuch("shared link"))?, shared.clock.now())))
}

/// `POST /api/sites/{site}/shares/{id}/link`: another link instead of the one before.
pub(super) async fn renew(
    State(shared): State<Arc<Shared>>,
    Path((site, id)): Path<(String, String)>,
    access: Access,
) -> Result<Json<Value>, Failure> {
    let site = shared.administered(&site, &access)?;
    let secret = crate::link_secret().ok_or(Failure::Busy)?;
    let link = SecretDigest::of(&secret);
    let kept = shared.accounts.settings.renew_share((&site.domain, &id), &link, &access.who()).await?;
    Ok(Json(with_link(&kept.ok_or(Failure::NoSuch("shared link"))?, &secret, shared.clock.now())))
}

/// `DELETE /api/sites/{site}/shares/{id}`: it opens nothing any more.
pub(super) async fn remove(
    State(shared): State<Arc<Shared>>,
    Path((site, id)): Path<(String, String)>,
    access: Access,
) -> Result<StatusCode, Failure> {
    let site = shared.administered(&site, &access)?;
    let removed = shared.accounts.settings.remove_share(&site.domain, &id, &access.who()).await?;
    removed.map(|_| DONE).ok_or(Failure::NoSuch("shared link"))
}

/// A link that is followed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Following {
    link: String,
    password: Option<String>,
}

/// `POST /api/share`: what a link shows, and what to show with every question.
pub(super) async fn open(State(shared): State<Arc<Shared>>, request: Request) -> Result<Json<Value>, Failure> {
    let (parts, body) = request.into_parts();
    let sent: Following = read(&parts.headers, body).await?;
    let opening = Box::pin(shared.accounts.open_share(&parts, &sent.link, sent.password.as_deref())).await?;
    let site = shared.sites.load().get(opening.guest.share.site.as_str()).cloned().ok_or(Failure::NoSuchShare)?;
    Ok(Json(json!({ "token": opening.token, "share": told_guest(&opening.guest, &site) })))
}

/// What whoever follows a link hears of it: not who made it, for a login is half of a sign-in.
pub(super) fn told_guest(guest: &Guest, site: &Site) -> Value {
    let ShareTerms { name, segment, export, expires, .. } = &guest.share.terms;
    json!({
        "id": guest.share.id,
        "name": name,
        "site": site.domain,
        "timezone": site.timezone,
        "currency": money_of(site),
        "reports": guest.shown(),
        "segment": segment,
        "export": export,
        "expires": expires.map(at),
    })
}

/// `GET /share/{id}`: the page. What the link opens is found out by it; the document is the same for every id.
pub(super) async fn document() -> Response {
    described(Vec::new())
}

/// `GET /embed/{id}`: the page, for the frames of the share's origins alone.
pub(super) async fn framed(State(shared): State<Arc<Shared>>, Path(id): Path<String>) -> Result<Response, Failure> {
    let share = shared.accounts.settings.share(&id).await?;
    Ok(described(share.map(|share| share.terms.origins).unwrap_or_default()))
}

fn described(framed_by: Vec<Origin>) -> Response {
    let mut response = page::document();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(HeaderName::from_static("x-robots-tag"), HeaderValue::from_static("noindex, nofollow"));
    response.extensions_mut().insert(FramedBy(framed_by));
    response
}

/// Whether everybody may read a site.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Publicity {
    public: bool,
}

/// `PUT /api/sites/{site}/public`: lets everybody read a site, or only those who may.
pub(super) async fn publish(
    State(shared): State<Arc<Shared>>,
    Path(site): Path<String>,
    access: Access,
    Sent(sent): Sent<Publicity>,
) -> Result<StatusCode, Failure> {
    let site = shared.administered(&site, &access)?;
    let settings = &shared.accounts.settings;
    // Another change of the site between reading and writing is not undone: then it is read again, once.
    for _ in 0..2 {
        let Some(stored) = settings.site(&site.domain).await? else { return Err(configured(&site.domain)) };
        let changed = Site { public: sent.public, ..stored.site };
        match settings.put_site(&changed, settings::Expected::Revision(stored.revision), &access.who()).await {
            Err(settings::SettingsError::Conflict { .. }) => {}
            done => return Ok(done.map(|_| DONE)?),
        }
    }
    Err(Failure::Settings)
}

fn configured(domain: &Domain) -> Failure {
    Failure::Refused(format!(
        "{domain} is a site of the configuration file: set `public` there, under its [[site]], and start again"
    ))
}

impl Shared {
    /// A site, for who administers it. One that may not be read is as if it were not there.
    pub(super) fn administered(&self, name: &str, access: &Access) -> Result<Arc<Site>, Failure> {
        let refused = |failure| self.accounts.note_refusal(access, failure);
        let found = self.sites.load().get(name).cloned();
        // An API token for changes alone does not read, and administers all the same.
        let known = found.filter(|site| access.may_read(site) || access.may(Right::Administer, &site.domain));
        let site = known.ok_or_else(|| refused(access.refusal()))?;
        if access.may(Right::Administer, &site.domain) {
            Ok(site)
        } else {
            Err(refused(access.lacks(Right::Administer)))
        }
    }
}

fn tell(share: &Share, now: Millis) -> Value {
    let ShareTerms { name, reports, segment, export, origins, expires } = &share.terms;
    json!({
        "id": share.id,
        "name": name,
        "reports": match reports {
            Reports::All => Value::Null,
            Reports::These(_) => reports.words().into(),
        },
        "segment": segment,
        "export": export,
        "origins": origins.iter().map(Origin::as_str).collect::<Vec<_>>(),
        "expires": expires.map(at),
        "expired": expires.is_some_and(|expires| expires <= now),
        "password": share.has_password,
        "made_by": share.made_by,
        "created": at(share.created),
        "used_on": share.used_day.map(utc_day_label),
    })
}

/// With the path of its link, which is told this once.
fn with_link(share: &Share, secret: &str, now: Millis) -> Value {
    let mut told = tell(share, now);
    if let Some(told) = told.as_object_mut() {
        told.insert("link".to_owned(), crate::link(&share.id, secret).into());
        if !share.terms.origins.is_empty() {
            told.insert("embed".to_owned(), crate::embed(&share.id, secret).into());
        }
    }
    told
}
