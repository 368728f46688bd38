//! Accounts at work: who sends a request, and signing in and out.
//!
//! What somebody may do is [`access`](crate::access)'s; here it is found out who they are. A secret is 256 random bits; a password is
//! compared at the cost of one hash whether or not there is such a user; guesses wait. When the settings cannot be read nobody is
//! signed in, and nothing is guessed: the answer is 503. The administrator's token and public sites need no settings.

mod backoff;
pub(crate) mod browser;
mod client;
mod opening;
pub mod password;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap, Method, header};
use model::{Clock, Millis};
use prometheus::{IntCounterVec, Opts, Registry};
use serde_json::json;
use settings::{Deed, Ended, Login, PasswordHash, SecretDigest, Session, Settings};
use subtle::ConstantTimeEq;
use tokio::sync::Semaphore;

use crate::Shared;
use crate::access::{Access, Person, Program};
use crate::reply::Failure;
use backoff::{Attempt, Backoff, Wait};
pub use opening::link_secret;

/// How long a session lives unless it is used.
pub const SESSION_IDLE_MS: i64 = 60 * 60_000;
/// How long a session lives.
pub const SESSION_MS: i64 = 12 * 60 * 60_000;
/// How often it is written down that a session is used: the page asks every few seconds.
const SEEN_EVERY_MS: i64 = 60_000;
/// Passwords that are hashed at once: each takes one core and 19 MiB.
const HASHES_AT_ONCE_MAX: usize = 2;
/// Passwords that wait to be hashed; the last of them waits half a second.
const HASHES_WAITING_MAX: usize = 32;
/// What an API token begins with, so that a leaked one is found and recognised.
const TOKEN_PREFIX: &str = "ff_";

/// Who is at the other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Their address, as far as proxies that are trusted tell. It is used for waiting between guesses and is not kept.
    pub address: IpAddr,
    /// Whether their connection is encrypted.
    pub is_https: bool,
}

/// Tells who is at the other end, from a request's headers and the socket it came in by.
pub type PeerOf = Arc<dyn Fn(&HeaderMap, Option<SocketAddr>) -> Peer + Send + Sync>;

/// What accounts are made of.
pub(crate) struct Accounts {
    pub(crate) settings: Settings,
    token_sha256: [u8; 32],
    peer_of: PeerOf,
    clock: Clock,
    backoff: Backoff,
    hash_places: Arc<Semaphore>,
    hash_turns: Arc<Semaphore>,
    logins: IntCounterVec,
    openings: IntCounterVec,
    hashes: IntCounterVec,
    refused: IntCounterVec,
}

/// A session that was just opened.
pub(crate) struct Opened {
    pub(crate) login: Login,
    /// The header that gives it to the browser.
    pub(crate) cookie: String,
    pub(crate) csrf: String,
}

impl Accounts {
    pub(crate) fn new(
        settings: Settings,
        token_sha256: [u8; 32],
        peer_of: PeerOf,
        clock: Clock,
        registry: &Registry,
    ) -> Result<Self, prometheus::Error> {
        // Each value is shown from the beginning, so that its first increase is one.
        let counter =
            |name: &str, help: &str, label: &str, values: &[&str]| -> Result<IntCounterVec, prometheus::Error> {
                let counter = IntCounterVec::new(Opts::new(name, help), &[label])?;
                registry.register(Box::new(counter.clone()))?;
                values.iter().for_each(|value| counter.with_label_values(&[*value]).inc_by(0));
                Ok(counter)
            };
        let results = ["ok", "wrong", "waits", "busy"];
        let logins =
            counter("footfall_logins_total", "Attempts to sign in with a password, by result", "result", &results)?;
        let openings = "Attempts to follow a shared link, by result";
        let openings = counter("footfall_share_openings_total", openings, "result", &opening::RESULTS)?;
        let purposes = ["compare", "new", "renew"];
        let hashes = counter("footfall_password_hashes_total", "Passwords hashed, by what for", "purpose", &purposes)?;
        let reasons = ["not_allowed", "not_our_page"];
        let refused = "Requests refused to somebody known, by reason";
        let refused = counter("footfall_access_refused_total", refused, "reason", &reasons)?;
        Ok(Self {
            settings,
            token_sha256,
            peer_of,
            clock,
            backoff: Backoff::new(),
            hash_places: Arc::new(Semaphore::new(HASHES_AT_ONCE_MAX + HASHES_WAITING_MAX)),
            hash_turns: Arc::new(Semaphore::new(HASHES_AT_ONCE_MAX)),
            logins,
            openings,
            hashes,
            refused,
        })
    }

    /// Who is at the other end of a request.
    pub(crate) fn peer(&self, headers: &HeaderMap, extensions: &Extensions) -> Peer {
        let socket = extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(socket)| *socket);
        (self.peer_of)(headers, socket)
    }

    /// Finds out who sends a request. A wrong token is refused even where none is needed, so that its sender notices; a session that
    /// is over is nobody's. A session's request that changes something has to be our own page's.
    async fn identify(&self, parts: &Parts) -> Result<Access, Failure> {
        let headers = &parts.headers;
        if let Some(authorization) = headers.get(header::AUTHORIZATION) {
            let token = authorization.to_str().ok().and_then(|value| value.split_once(' '));
            let token =
                token.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map(|(_, token)| token.trim());
            return self.program(token.unwrap_or_default()).await;
        }
        let Some(secret) = browser::secret(headers, self.peer(headers, &parts.extensions)) else {
            return Ok(Access::Anyone);
        };
        let Some(person) = self.person_of(secret).await? else { return Ok(Access::Anyone) };
        if parts.method != Method::GET && parts.method != Method::HEAD {
            browser::is_meant(headers, &person.csrf)
                .inspect_err(|_| self.refused.with_label_values(&["not_our_page"]).inc())?;
        }
        Ok(Access::Person(Arc::new(person)))
    }

    /// Whose a token is.
    async fn program(&self, token: &str) -> Result<Access, Failure> {
        use sha2::Digest as _;
        // Digests are compared, in constant time, so that neither length nor prefix of the token shows.
        let given: [u8; 32] = sha2::Sha256::digest(token).into();
        if bool::from(given.ct_eq(&self.token_sha256)) {
            return Ok(Access::Administrator);
        }
        if token.starts_with(opening::LINK_PREFIX) || token.starts_with(opening::OPENED_PREFIX) {
            return self.guest(token).await;
        }
        if !token.starts_with(TOKEN_PREFIX) {
            return Err(Failure::Unauthorised);
        }
        let found = self.settings.token(&SecretDigest::of(token)).await?;
        let (token, owner) = found.ok_or(Failure::Unauthorised)?;
        if !token.is_noted(self.clock.now()) {
            self.settings.touch_token(&token.id).await?;
        }
        // Whoever has to change a password first has nothing to lend.
        let grants = owner.map(|owner| if owner.temporary { Vec::new() } else { owner.grants });
        Ok(Access::Program(Arc::new(Program { token, grants })))
    }

    /// Whose a session is, where it lives.
    async fn person_of(&self, secret: &str) -> Result<Option<Person>, Failure> {
        let digest = SecretDigest::of(secret);
        let Some((session, user)) = self.settings.session(&digest).await? else { return Ok(None) };
        let now = self.clock.now();
        if now.0 - session.seen.0 > SEEN_EVERY_MS {
            self.settings.touch_session(&digest, idle_until(now, session.expires)).await?;
        }
        let grants = if user.temporary { Vec::new() } else { user.grants };
        let csrf = browser::csrf_of(secret);
        Ok(Some(Person { session, digest, csrf, temporary: user.temporary, grants }))
    }

    /// Signs somebody in by login and password. An unknown user, a disabled one and a wrong password are one answer after one hash.
    pub(crate) async fn sign_in(&self, parts: &Parts, login: &str, password: &str) -> Result<Opened, Failure> {
        let peer = self.may_open(parts)?;
        let typed = Login::parse(login).ok();
        let account = typed.as_ref().map_or(login, Login::as_str);
        let attempt = self.admit(account, peer)?;
        let found = match &typed {
            Some(login) => self.settings.credentials(login).await?,
            None => None,
        };
        let (given, compared) =
            (password.to_owned(), found.as_ref().map_or_else(password::nobodys, |(_, kept)| kept.clone()));
        let is_right = self
            .hashed("compare", move || password::is_right(&given, &compared).unwrap_or(false))
            .await
            .inspect_err(|_| self.logins.with_label_values(&["busy"]).inc())?;
        let (user, kept) = match found {
            Some((user, kept)) if is_right && user.disabled_at.is_none() => (user, kept),
            other => {
                self.logins.with_label_values(&["wrong"]).inc();
                self.note_failure(other.map(|(user, _)| user.login), parts);
                return Err(Failure::WrongLogin);
            }
        };
        self.backoff.succeeded(&attempt, self.clock.now());
        if password::is_outdated(&kept) {
            let given = password.to_owned();
            if let Some(renewed) = self.hashed("renew", move || password::hash(&given).ok()).await? {
                self.settings.rehash(&user.login, &kept, &renewed).await?;
            }
        }
        self.logins.with_label_values(&["ok"]).inc();
        self.open(parts, peer, &user.login).await
    }

    /// Whether a password may be asked for here at all, and by whom it is sent.
    pub(crate) fn may_open(&self, parts: &Parts) -> Result<Peer, Failure> {
        let peer = self.peer(&parts.headers, &parts.extensions);
        if browser::page(&parts.headers) == browser::Page::Foreign {
            return Err(Failure::NotOurs);
        }
        if !browser::is_confidential(peer, &parts.headers) {
            return Err(Failure::Readable);
        }
        Ok(peer)
    }

    /// Opens a session, in the place of the one that the browser has.
    pub(crate) async fn open(&self, parts: &Parts, peer: Peer, login: &Login) -> Result<Opened, Failure> {
        let (secret, now) = (secret()?, self.clock.now());
        let expires = now.plus(SESSION_MS);
        let session = Session {
            id: String::new(),
            login: login.clone(),
            client: client::label(&parts.headers),
            created: now,
            seen: now,
            idle_until: idle_until(now, expires),
            expires,
        };
        if let Some(before) = browser::secret(&parts.headers, peer)
            && let Some((before, _)) = self.settings.session(&SecretDigest::of(before)).await?
        {
            self.settings.end_sessions(&before.login, Ended::One(&before.id), before.login.as_str()).await?;
        }
        self.settings.open_session(&SecretDigest::of(&secret), &session).await?;
        let cookie = browser::set_cookie(peer, Some(&secret), SESSION_MS / 1_000);
        Ok(Opened { login: login.clone(), cookie, csrf: browser::csrf_of(&secret) })
    }

    /// Lets a guess at a password be made, or says how long to wait.
    fn admit(&self, account: &str, peer: Peer) -> Result<Attempt, Failure> {
        let admitted = self.backoff.admit(account, peer.address, self.clock.now());
        admitted.map_err(|Wait(seconds)| {
            self.logins.with_label_values(&["waits"]).inc();
            Failure::Waits(seconds)
        })
    }

    /// Whether a password is a signed-in person's own; guesses wait here too.
    pub(crate) async fn is_own(&self, parts: &Parts, login: &Login, given: &str) -> Result<bool, Failure> {
        let attempt = self.admit(login.as_str(), self.peer(&parts.headers, &parts.extensions))?;
        let Some((_, kept)) = self.settings.credentials(login).await? else { return Ok(false) };
        let given = given.to_owned();
        let is_right = self.hashed("compare", move || password::is_right(&given, &kept).unwrap_or(false)).await?;
        if is_right {
            self.backoff.succeeded(&attempt, self.clock.now());
        } else {
            self.note_failure(Some(login.clone()), parts);
        }
        Ok(is_right)
    }

    /// Hashes a new password.
    pub(crate) async fn hash(&self, given: &str) -> Result<PasswordHash, Failure> {
        let given = given.to_owned();
        self.hashed("new", move || password::hash(&given)).await?.map_err(|_| Failure::Busy)
    }

    /// Hashes where no other request waits for it: on a thread of its own, two at a time, and not without end.
    async fn hashed<T: Send + 'static>(
        &self,
        purpose: &str,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Failure> {
        let _place = self.hash_places.try_acquire().map_err(|_| Failure::Busy)?;
        // Owned by the work: a client that hangs up in the middle must not let a third hash begin.
        let turn = Arc::clone(&self.hash_turns).acquire_owned().await.map_err(|_| Failure::Busy)?;
        self.hashes.with_label_values(&[purpose]).inc();
        let done = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            work()
        });
        done.await.map_err(|_| Failure::Busy)
    }

    /// Notes a failed attempt after its answer, so that nobody can tell from the time whether there is such a user. Where there is
    /// none, what was typed may be a password: it is counted and not written down.
    fn note_failure(&self, login: Option<Login>, parts: &Parts) {
        let Some(login) = login else { return };
        let (settings, client) = (self.settings.clone(), client::label(&parts.headers));
        tokio::spawn(async move {
            let deed =
                Deed { who: login.as_str(), what: "sign_in_failed", site: None, detail: json!({ "client": client }) };
            if let Err(error) = settings.note(&deed).await {
                tracing::error!(error = %error, "a failed sign-in cannot be noted in the audit log");
            }
        });
    }

    /// Counts and logs that somebody known was refused something.
    pub(crate) fn note_refusal(&self, access: &Access, failure: Failure) -> Failure {
        if matches!(access, Access::Person(_) | Access::Program(_) | Access::Guest(_)) {
            self.refused.with_label_values(&["not_allowed"]).inc();
            tracing::warn!(who = %access.who(), "refused: {failure}");
        }
        failure
    }
}

impl FromRequestParts<Arc<Shared>> for Access {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, shared: &Arc<Shared>) -> Result<Self, Failure> {
        Box::pin(shared.accounts.identify(parts)).await
    }
}

fn idle_until(now: Millis, expires: Millis) -> Millis {
    now.plus(SESSION_IDLE_MS).min(expires)
}

/// A new secret: 256 bits in hexadecimal.
fn secret() -> Result<String, Failure> {
    let mut random = [0; 32];
    getrandom::fill(&mut random).map_err(|_| Failure::Busy)?;
    Ok(random.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// The secret of a mail's link to unsubscribe, which opens nothing.
pub fn unsubscribe_secret() -> Option<String> {
    secret().ok()
}

/// The secret of a new API token.
pub fn token_secret() -> Option<String> {
    Some(format!("{TOKEN_PREFIX}{}", secret().ok()?))
}
