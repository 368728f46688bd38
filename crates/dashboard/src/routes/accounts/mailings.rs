//! Reports by e-mail: `/api/sites/{site}/reports` for who administers the site, and `/unsubscribe/{secret}` for who gets one.
//!
//! A mail's link to unsubscribe needs no account and no script. Opening it changes nothing, because programs open what stands in mails;
//! pressing its button does, and so does a mail program by itself (RFC 8058).

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use privacy::notice::escaped;
use serde::Deserialize;
use serde_json::{Value, json};
use settings::{Address, Mailing, MailingTerms, Rhythm, SecretDigest, Tongue};

use super::{DONE, Sent, at};
use crate::Shared;
use crate::access::Access;
use crate::accounts::unsubscribe_secret;
use crate::calendar::utc_day_label;
use crate::mail::{Words, words_of};
use crate::reply::Failure;

/// The hour of a report where none is said: when people begin to work.
const HOUR_DEFAULT: u8 = 8;

/// A report to send.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SentMailing {
    rhythm: String,
    recipients: Vec<String>,
    hour: Option<u8>,
    language: Option<String>,
}

/// `GET /api/sites/{site}/reports`: those that there are.
pub(super) async fn list(
    State(shared): State<Arc<Shared>>,
    Path(site): Path<String>,
    access: Access,
) -> Result<Json<Value>, Failure> {
    let site = shared.administered(&site, &access)?;
    let mailings = shared.accounts.settings.mailings(Some(&site.domain)).await?;
    let told = mailings.iter().map(tell).collect::<Vec<_>>();
    Ok(Json(json!({ "reports": told, "mail_server": shared.post.is_some() })))
}

/// `POST /api/sites/{site}/reports`: sends one from the next period that ends on.
pub(super) async fn make(
    State(shared): State<Arc<Shared>>,
    Path(site): Path<String>,
    access: Access,
    Sent(sent): Sent<SentMailing>,
) -> Result<(StatusCode, Json<Value>), Failure> {
    let site = shared.administered(&site, &access)?;
    let terms = MailingTerms {
        rhythm: Rhythm::parse(&sent.rhythm)?,
        hour: sent.hour.unwrap_or(HOUR_DEFAULT),
        language: sent.language.as_deref().map_or(Ok(Tongue::English), Tongue::parse)?,
    };
    let recipient = |text: &String| Ok((Address::parse(text)?, unsubscribe_secret().ok_or(Failure::Busy)?));
    let recipients = sent.recipients.iter().map(recipient).collect::<Result<Vec<_>, Failure>>()?;
    let id = SecretDigest::of(&unsubscribe_secret().ok_or(Failure::Busy)?).id();
    let settings = &shared.accounts.settings;
    let kept = settings.add_mailing((&id, &site.domain), terms, &recipients, &access.who()).await?;
    Ok((StatusCode::CREATED, Json(tell(&kept))))
}

/// `DELETE /api/sites/{site}/reports/{id}`: sends it no more.
pub(super) async fn remove(
    State(shared): State<Arc<Shared>>,
    Path((site, id)): Path<(String, String)>,
    access: Access,
) -> Result<StatusCode, Failure> {
    let site = shared.administered(&site, &access)?;
    let removed = shared.accounts.settings.remove_mailing(&site.domain, &id, &access.who()).await?;
    if removed { Ok(DONE) } else { Err(Failure::NoSuch("report by e-mail")) }
}

/// `POST /api/sites/{site}/reports/{id}/test`: sends the last period's now, to all of its recipients.
pub(super) async fn test(
    State(shared): State<Arc<Shared>>,
    Path((site, id)): Path<(String, String)>,
    access: Access,
) -> Result<Json<Value>, Failure> {
    let site = shared.administered(&site, &access)?;
    let mailings = shared.accounts.settings.mailings(Some(&site.domain)).await?;
    let mailing = mailings.iter().find(|mailing| mailing.id == id).ok_or(Failure::NoSuch("report by e-mail"))?;
    let sent = Box::pin(shared.send_test(mailing, &site)).await?;
    Ok(Json(json!({ "sent": sent })))
}

fn tell(mailing: &Mailing) -> Value {
    let recipients = mailing.recipients.iter().map(|recipient| {
        json!({ "address": recipient.address.as_str(), "sent_through": recipient.sent_through.map(utc_day_label) })
    });
    json!({
        "id": mailing.id,
        "rhythm": mailing.terms.rhythm.as_str(),
        "hour": mailing.terms.hour,
        "language": mailing.terms.language.as_str(),
        "recipients": recipients.collect::<Vec<_>>(),
        "made_by": mailing.made_by,
        "created": at(mailing.created),
    })
}

/// `GET /unsubscribe/{secret}`: asks.
pub(super) async fn ask(headers: HeaderMap) -> Response {
    let words = words(&headers);
    let button = format!("<form method=\"post\"><button>{}</button></form>", escaped(words.unsubscribe));
    page(words, words.unsubscribe_ask, &button)
}

/// `POST /unsubscribe/{secret}`: does it, whoever presses: a person or a mail program.
pub(super) async fn unsubscribe(
    State(shared): State<Arc<Shared>>,
    Path(secret): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let words = words(&headers);
    let done = shared.accounts.settings.unsubscribe(&secret).await?;
    Ok(page(words, if done { words.unsubscribed } else { words.unsubscribe_gone }, ""))
}

/// The language of who opens it.
fn words(headers: &HeaderMap) -> &'static Words {
    let wanted = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    words_of(if wanted.trim_start().starts_with("ja") { Tongue::Japanese } else { Tongue::English })
}

/// A page of one sentence, without a script.
fn page(words: &Words, said: &str, more: &str) -> Response {
    let html = format!(
        "<!doctype html><html lang=\"{}\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>Footfall</title></head><body><main><h1>Footfall</h1><p>{}</p>{more}</main></body></html>",
        words.lang,
        escaped(said),
    );
    let described = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (HeaderName::from_static("x-robots-tag"), HeaderValue::from_static("noindex, nofollow")),
    ];
    (described, html).into_response()
}
