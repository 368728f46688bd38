//! The visitor's page: `GET /privacy?d=DOMAIN` is a site's notice and what holds for this browser; `POST /privacy/optout` and
//! `/privacy/optin` keep or drop the visitor's objection. Plain forms, no script; a client that asks for JSON gets JSON.
//!
//! Nothing about a visitor is kept here or logged. The invariants: the one cookie is set by a request from this very page
//! alone, and it says the same for everybody.

mod asked;
mod origin;
mod page;

use std::sync::Arc;

use arc_swap::ArcSwap;
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, REFERRER_POLICY, SET_COOKIE,
    STRICT_TRANSPORT_SECURITY, VARY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use collector::{HeaderWords, Network, OPT_OUT_COOKIE};
use model::{Signals, Site, Sites};
use privacy::notice::{Language, notice};
use serde_json::json;

use crate::notice::{Running, facts, mode_of};
use asked::{Asked, Form};
use page::{Browser, Trouble};

/// Days that a browser keeps the objection: a year, after which it asks again whether anything still measures.
pub const OPT_OUT_DAYS: u32 = 365;

const STYLE: &str = include_str!("style.css");

/// What the page is made from.
pub struct PrivacyPage {
    /// The measured sites.
    pub sites: Arc<ArcSwap<Sites>>,
    /// What holds for the whole process.
    pub running: Running,
    /// Whose word is believed that a request came over https.
    pub trusted_proxies: Vec<Network>,
}

/// What a visitor wants.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wish {
    OptOut,
    OptIn,
}

/// The routes of the page.
pub fn router(page: PrivacyPage) -> Router {
    Router::new()
        .route("/privacy", get(show))
        .route("/privacy/optout", post(|state, request| wish(state, request, Wish::OptOut)))
        .route("/privacy/optin", post(|state, request| wish(state, request, Wish::OptIn)))
        .route("/privacy/style.css", get(|| async { ([(CONTENT_TYPE, "text/css; charset=utf-8")], STYLE) }))
        .with_state(Arc::new(page))
        .layer(axum::middleware::map_response(secure))
}

async fn show(State(page): State<Arc<PrivacyPage>>, request: Request) -> Response {
    let asked = Asked::read(&request);
    let Some(site) = page.site(&asked) else { return trouble(&asked, Trouble::UnknownSite) };
    let facts = facts(&site, page.running);
    let notice = notice(&facts, asked.language);
    let signals = HeaderWords::read(request.headers()).signals;
    let browser =
        Browser { signals, mode: mode_of(request.headers(), &site), asked_to_opt_out: asked.came_from_opt_out };
    match asked.form {
        Form::Html => html(StatusCode::OK, page::notice_page(&notice, &facts, browser)),
        Form::Markdown => ([(CONTENT_TYPE, "text/markdown; charset=utf-8")], notice.markdown()).into_response(),
        Form::Json => {
            let mut answer = notice.json(&facts);
            if let Some(answer) = answer.as_object_mut() {
                answer.insert("browser".to_owned(), browser.json());
            }
            json(StatusCode::OK, &answer)
        }
    }
}

async fn wish(State(page): State<Arc<PrivacyPage>>, request: Request, wish: Wish) -> Response {
    let asked = Asked::read(&request);
    let Some(site) = page.site(&asked) else { return trouble(&asked, Trouble::UnknownSite) };
    if !origin::is_own(request.headers()) {
        return trouble(&asked, Trouble::FromElsewhere);
    }
    let cookie = cookie(wish, origin::is_https(&request, &page.trusted_proxies));
    let mut answer = match asked.form {
        Form::Html | Form::Markdown => back(&site, asked.language, wish),
        Form::Json => json(StatusCode::OK, &json!({ "site": site.domain.as_str(), "opted_out": wish == Wish::OptOut })),
    };
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        answer.headers_mut().append(SET_COOKIE, cookie);
    }
    answer
}

impl PrivacyPage {
    /// The site that is meant; where none is named, the only one. Other sites' names are nobody's business.
    fn site(&self, asked: &Asked) -> Option<Arc<Site>> {
        let sites = self.sites.load();
        match &asked.site {
            Some(name) => sites.get(name).cloned(),
            None => sites.iter().next().filter(|_| sites.len() == 1).cloned(),
        }
    }
}

/// The cookie that keeps the objection, or the same cookie at its end. Only a secure one reaches a collector on another site
/// than the page's (`SameSite=None`), and only https can carry it.
fn cookie(wish: Wish, https: bool) -> String {
    let name = OPT_OUT_COOKIE.split('=').next().unwrap_or_default();
    let (content, seconds) = match wish {
        Wish::OptOut => (OPT_OUT_COOKIE.to_owned(), OPT_OUT_DAYS * 86_400),
        Wish::OptIn => (format!("{name}="), 0),
    };
    let reach = if https { "SameSite=None; Secure" } else { "SameSite=Lax" };
    format!("{content}; Path=/; Max-Age={seconds}; HttpOnly; {reach}")
}

/// Back to the page, which shows the new state.
fn back(site: &Site, language: Language, wish: Wish) -> Response {
    let done = match wish {
        Wish::OptOut => "&done=optout",
        Wish::OptIn => "",
    };
    // A site's name is letters, digits and `-_./:`, all of which may stand in a query.
    let location = format!("/privacy?d={}&lang={}{done}", site.domain, language.tag());
    (StatusCode::SEE_OTHER, [(LOCATION, location)]).into_response()
}

fn trouble(asked: &Asked, trouble: Trouble) -> Response {
    let status = match trouble {
        Trouble::UnknownSite => StatusCode::NOT_FOUND,
        Trouble::FromElsewhere => StatusCode::FORBIDDEN,
    };
    match asked.form {
        Form::Json => json(status, &json!({ "error": trouble.words(Language::English).1 })),
        Form::Html | Form::Markdown => html(status, page::trouble_page(trouble, asked.language)),
    }
}

fn html(status: StatusCode, page: String) -> Response {
    (status, [(CONTENT_TYPE, "text/html; charset=utf-8")], page).into_response()
}

fn json(status: StatusCode, value: &serde_json::Value) -> Response {
    (status, [(CONTENT_TYPE, "application/json")], format!("{value}\n")).into_response()
}

/// Headers of every answer. The referrer policy lets a form's request name its origin, and no other site learn anything.
async fn secure(mut response: Response<Body>) -> Response<Body> {
    const POLICY: &str =
        "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
    let all: [(HeaderName, &str); 8] = [
        (CONTENT_SECURITY_POLICY, POLICY),
        (STRICT_TRANSPORT_SECURITY, "max-age=31536000; includeSubDomains"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "same-origin"),
        (CACHE_CONTROL, "no-store"),
        (VARY, "Accept, Accept-Language, Cookie, Sec-GPC, DNT"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ];
    for (name, value) in all {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

impl Browser {
    fn json(self) -> serde_json::Value {
        json!({
            "opted_out": self.signals.has(Signals::OPTED_OUT),
            "gpc": self.signals.has(Signals::GPC),
            "dnt": self.signals.has(Signals::DNT),
            "mode": self.mode.as_str(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cookie_reaches_as_far_as_the_connection_allows_and_is_dropped_by_the_same_name() {
        let secure = "footfall_optout=1; Path=/; Max-Age=31536000; HttpOnly; SameSite=None; Secure";
        assert_eq!(cookie(Wish::OptOut, true), secure);
        assert_eq!(cookie(Wish::OptIn, false), "footfall_optout=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax");
    }
}
