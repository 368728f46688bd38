//! The visitor's page: `GET /privacy?d=DOMAIN` is a site's notice and what holds for this browser, `/privacy/me` what is held
//! of it; `POST /privacy/optout` and `/privacy/optin` keep or drop the visitor's objection, `/privacy/erase` and
//! `/privacy/restrict` act on what is held. Plain forms, no script; a client that asks for no page gets JSON.
//!
//! Nothing about a visitor is kept here or logged. The invariants: a request from this very page alone changes anything; the
//! one cookie says the same for everybody; whose data is meant is told by the request itself, and cannot be named in it.

mod asked;
mod failed;
mod held;
mod held_page;
mod origin;
mod page;

use std::net::SocketAddr;
use std::sync::Arc;

use arc_swap::ArcSwap;
use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, REFERRER_POLICY, SET_COOKIE,
    STRICT_TRANSPORT_SECURITY, VARY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use collector::{Collector, HeaderWords, Network, OPT_OUT_COOKIE, RESTRICTION_COOKIE, RightsError, Whose};
use fold::rights::HeldDay;
use journal::Journal;
use model::{Clock, Mode, Peer, Right, Signals, Site, Sites};
use privacy::notice::{Language, notice};
use processor::{Inquiries, NoAnswer};
use serde_json::json;

use crate::notice::{Running, facts, mode_of};
use crate::roles::Answers;
use asked::{Asked, Done, Form};
pub use failed::Failed;
use held::Held;
pub use origin::is_encrypted;
use page::{Browser, Trouble};

/// Days that a browser keeps the objection: a year, after which it asks again whether anything still measures.
pub const OPT_OUT_DAYS: u32 = 365;

/// Hours that a browser keeps a restriction: as long as anything of the day can be opened.
pub const RESTRICTION_HOURS: i64 = privacy::seal::KEY_LIFE_HOURS;

const STYLE: &str = include_str!("style.css");

/// Where it is asked what is held.
pub enum Ask {
    /// Of the processor in this process.
    Here(Inquiries),
    /// Of whichever processor has the visitor's partition.
    Elsewhere(Arc<Answers>),
}

/// What the page is made from.
pub struct PrivacyPage<J> {
    /// The measured sites.
    pub sites: Arc<ArcSwap<Sites>>,
    /// What holds for the whole process.
    pub running: Running,
    /// Whose word is believed that a request came over https.
    pub trusted_proxies: Vec<Network>,
    /// What takes a visitor's requests in.
    pub collector: Arc<Collector<J>>,
    /// What knows what is held.
    pub inquiries: Ask,
    /// What could not be done.
    pub failed: Failed,
    /// The time.
    pub clock: Clock,
}

/// What a visitor wants.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wish {
    OptOut,
    OptIn,
    Erase,
    Restrict,
}

/// The routes of the page.
pub fn router<J: Journal>(page: PrivacyPage<J>) -> Router {
    Router::new()
        .route("/privacy", get(show::<J>))
        .route("/privacy/optout", post(|state, request| wish::<J>(state, request, Wish::OptOut)))
        .route("/privacy/optin", post(|state, request| wish::<J>(state, request, Wish::OptIn)))
        .route("/privacy/erase", post(|state, request| wish::<J>(state, request, Wish::Erase)))
        .route("/privacy/restrict", post(|state, request| wish::<J>(state, request, Wish::Restrict)))
        .route("/privacy/me", get(me::<J>))
        .route("/privacy/style.css", get(|| async { ([(CONTENT_TYPE, "text/css; charset=utf-8")], STYLE) }))
        .with_state(Arc::new(page))
        .layer(axum::middleware::map_response(secure))
}

async fn show<J: Journal>(State(page): State<Arc<PrivacyPage<J>>>, request: Request) -> Response {
    let asked = Asked::read(&request);
    let Some(site) = page.site(&asked) else { return trouble(&asked, Trouble::UnknownSite) };
    let facts = facts(&site, page.running);
    let notice = notice(&facts, asked.language);
    let browser = Browser::read(&request, &site, asked.done);
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

async fn me<J: Journal>(State(page): State<Arc<PrivacyPage<J>>>, request: Request) -> Response {
    let asked = Asked::read(&request).data_first(&request);
    let Some(site) = page.site(&asked) else { return trouble(&asked, Trouble::UnknownSite) };
    let whose = match page.whose(&site, &request) {
        Ok(whose) => whose,
        Err(error) => return trouble(&asked, Trouble::of(error)),
    };
    let browser = Browser::read(&request, &site, None);
    drop(request);
    let sealed = whose.as_ref().filter(|_| browser.mode > Mode::Minimal);
    let sealed = sealed.map(|whose| (whose.peer.address, whose.peer.agent.clone()));
    let days = match whose {
        Some(whose) => page.held(&site, whose).await.map(Some),
        None => Ok(None),
    };
    let Ok(days) = days else {
        page.failed.access();
        return trouble(&asked, Trouble::NotNow);
    };
    let sealed = sealed.as_ref().map(|(address, agent)| (*address, agent.as_ref()));
    let held = Held { site: &site, asked_at: page.clock.now(), mode: browser.mode, sealed, days: days.as_deref() };
    match asked.form {
        Form::Json => json(StatusCode::OK, &held.json(&browser.json())),
        Form::Html | Form::Markdown => html(StatusCode::OK, held_page::page(&held, asked.language)),
    }
}

async fn wish<J: Journal>(State(page): State<Arc<PrivacyPage<J>>>, request: Request, wish: Wish) -> Response {
    let asked = Asked::read(&request).data_first(&request);
    let Some(site) = page.site(&asked) else { return trouble(&asked, Trouble::UnknownSite) };
    if !origin::is_own(request.headers()) {
        return trouble(&asked, Trouble::FromElsewhere);
    }
    let https = origin::is_https(&request, &page.trusted_proxies);
    // The cookie alone needs nobody's hits, and is not refused to whoever asks too often.
    let whose = (wish != Wish::OptOut).then(|| page.whose(&site, &request));
    drop(request);
    let done = match page.carry_out(&site, whose, wish).await {
        Ok(done) => done,
        Err(error) => {
            if error == RightsError::Unavailable {
                page.failed.wish(wish);
            }
            return trouble(&asked, Trouble::of(error));
        }
    };
    let mut answer = match asked.form {
        Form::Html | Form::Markdown => back(&site, asked.language, done),
        Form::Json => json(StatusCode::OK, &told(&site, wish, done)),
    };
    for cookie in cookies(wish, https) {
        if let Ok(cookie) = HeaderValue::from_str(&cookie) {
            answer.headers_mut().append(SET_COOKIE, cookie);
        }
    }
    answer
}

/// What was done, for a program.
fn told(site: &Site, wish: Wish, done: Option<Done>) -> serde_json::Value {
    let mut told = match wish {
        Wish::OptOut | Wish::OptIn => json!({ "opted_out": wish == Wish::OptOut }),
        Wish::Erase => json!({
            "erased": done == Some(Done::Erased),
            "says": match done {
                Some(Done::NothingToErase) => "nothing of you is held that could be told from others, so there was nothing to erase",
                _ => "what was counted of your visits on open days is taken back with the next flush, within seconds",
            },
        }),
        Wish::Restrict => json!({
            "restricted": true,
            "hours": RESTRICTION_HOURS,
            "says": "nothing more of you is processed until the day has ended; opt out to be left out for good",
        }),
    };
    if let Some(told) = told.as_object_mut() {
        told.insert("site".to_owned(), json!(site.domain.as_str()));
    }
    told
}

impl<J: Journal> PrivacyPage<J> {
    /// Does what a visitor wishes, but for the cookie, which goes with the answer.
    async fn carry_out(
        &self,
        site: &Site,
        whose: Option<Result<Option<Whose>, RightsError>>,
        wish: Wish,
    ) -> Result<Option<Done>, RightsError> {
        let Some(whose) = whose.transpose()? else { return Ok(Some(Done::OptedOut)) };
        // Where nobody is told apart there is nothing to act on, and sealing who asks would keep more than visiting did.
        let Some(whose) = whose else {
            return Ok(match wish {
                Wish::OptOut | Wish::OptIn => None,
                Wish::Erase => Some(Done::NothingToErase),
                Wish::Restrict => Some(Done::Restricted),
            });
        };
        let right = match wish {
            Wish::OptOut | Wish::OptIn => Right::Resume,
            Wish::Erase => Right::Erase,
            Wish::Restrict => Right::Restrict,
        };
        let done = match wish {
            Wish::OptOut | Wish::OptIn => None,
            Wish::Restrict => Some(Done::Restricted),
            Wish::Erase => {
                let Whose { partition, peer: Peer { address, agent } } = &whose;
                let same = Whose { partition: *partition, peer: Peer { address: *address, agent: agent.clone() } };
                // Where that cannot be told now, it is erased all the same.
                let held = self.held(site, same).await;
                let nothing = held.is_ok_and(|days| days.iter().all(|day| day.visits.is_empty()));
                Some(if nothing { Done::NothingToErase } else { Done::Erased })
            }
        };
        self.collector.exercise(right, site, whose).await?;
        Ok(done)
    }

    /// Whose data is meant, where visitors of the site are told apart at all.
    fn whose(&self, site: &Site, request: &Request) -> Result<Option<Whose>, RightsError> {
        let socket = request.extensions().get::<ConnectInfo<SocketAddr>>();
        let ConnectInfo(socket) = socket.ok_or(RightsError::Unavailable)?;
        let whose = self.collector.whose(site, request.headers(), *socket)?;
        Ok(whose.filter(|_| facts(site, self.running).rights().is_some()))
    }

    async fn held(&self, site: &Site, whose: Whose) -> Result<Vec<HeldDay>, NoAnswer> {
        match &self.inquiries {
            Ask::Here(inquiries) => inquiries.ask(whose.partition, site.domain.clone(), whose.peer).await,
            Ask::Elsewhere(answers) => answers.ask(&self.collector, site, whose).await,
        }
    }

    /// The site that is meant; where none is named, the only one. Other sites' names are nobody's business.
    fn site(&self, asked: &Asked) -> Option<Arc<Site>> {
        let sites = self.sites.load();
        match &asked.site {
            Some(name) => sites.get(name).cloned(),
            None => sites.iter().next().filter(|_| sites.len() == 1).cloned(),
        }
    }
}

/// The cookies that keep an objection or a restriction, or the same cookies at their end. Only a secure one reaches a collector on another site
/// than the page's (`SameSite=None`), and only https can carry it.
fn cookies(wish: Wish, https: bool) -> Vec<String> {
    let reach = if https { "SameSite=None; Secure" } else { "SameSite=Lax" };
    let cookie = |content: &str, seconds: i64| format!("{content}; Path=/; Max-Age={seconds}; HttpOnly; {reach}");
    let dropped = |content: &str| cookie(&format!("{}=", content.split('=').next().unwrap_or_default()), 0);
    match wish {
        Wish::OptOut => vec![cookie(OPT_OUT_COOKIE, i64::from(OPT_OUT_DAYS) * 86_400)],
        // A cookie of its own, so that it does not shorten an objection.
        Wish::Restrict => vec![cookie(RESTRICTION_COOKIE, RESTRICTION_HOURS * 3_600)],
        Wish::OptIn => vec![dropped(OPT_OUT_COOKIE), dropped(RESTRICTION_COOKIE)],
        Wish::Erase => Vec::new(),
    }
}

/// Back to the page, which shows the new state.
fn back(site: &Site, language: Language, done: Option<Done>) -> Response {
    let done = done.map(|done| format!("&done={}", done.word())).unwrap_or_default();
    // A site's name is letters, digits and `-_./:`, all of which may stand in a query.
    let location = format!("/privacy?d={}&lang={}{done}", site.domain, language.tag());
    (StatusCode::SEE_OTHER, [(LOCATION, location)]).into_response()
}

fn trouble(asked: &Asked, trouble: Trouble) -> Response {
    let status = match trouble {
        Trouble::UnknownSite => StatusCode::NOT_FOUND,
        Trouble::FromElsewhere => StatusCode::FORBIDDEN,
        Trouble::TooMany => StatusCode::TOO_MANY_REQUESTS,
        Trouble::NotNow => StatusCode::SERVICE_UNAVAILABLE,
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

impl Trouble {
    const fn of(error: RightsError) -> Self {
        match error {
            RightsError::TooMany => Self::TooMany,
            RightsError::Unavailable => Self::NotNow,
        }
    }
}

impl Browser {
    fn read(request: &Request, site: &Site, done: Option<Done>) -> Self {
        let headers = request.headers();
        Self { signals: HeaderWords::read(headers).signals, mode: mode_of(headers, site), done }
    }

    fn json(self) -> serde_json::Value {
        json!({
            "opted_out": self.signals.has(Signals::OPTED_OUT),
            "restricted": self.signals.has(Signals::RESTRICTED),
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
        assert_eq!(cookies(Wish::OptOut, true), [secure]);
        let dropped = ["footfall_optout", "footfall_restrict"]
            .map(|name| format!("{name}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax"));
        assert_eq!(cookies(Wish::OptIn, false), dropped);
        let restricted = "footfall_restrict=1; Path=/; Max-Age=97200; HttpOnly; SameSite=Lax";
        assert_eq!(cookies(Wish::Restrict, false), [restricted]);
        assert!(cookies(Wish::Erase, true).is_empty());
    }
}
