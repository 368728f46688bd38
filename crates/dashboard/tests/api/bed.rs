//! A dashboard with accounts of its own, over a store that nobody answers for: what is let through to it is a 503. And those who ask.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use dashboard::{MailServer, MailTls, Mailer, Peer};
use model::{Clock, Domain, Millis, Site, Sites};
use prometheus::Registry;
use serde_json::{Value, json};
use settings::{
    Added, ApiToken, Grant, Location, Login, NewUser, PasswordHash, Reach, Reports, Role, Scope, SecretDigest, Session,
    Settings, Share, ShareTerms,
};
use sha2::{Digest, Sha256};
use store::Store;
use tempfile::TempDir;

use crate::access::nowhere;
use crate::asking::{NOW, TOKEN, send};

pub const HOUR: i64 = 3_600_000;
pub const PASSWORD: &str = "violet teapot";

/// The hash of [`PASSWORD`], made once.
static HASH: LazyLock<PasswordHash> = LazyLock::new(|| dashboard::password::hash(PASSWORD).unwrap());

pub struct Bed {
    pub router: Router,
    pub settings: Settings,
    pub registry: Registry,
    sites: Sites,
    clock: Clock,
    now: Arc<AtomicI64>,
    _directory: TempDir,
}

/// What somebody shows.
#[derive(Clone, Debug)]
pub enum Shows {
    Nothing,
    Bearer(String),
    /// The secret of a session, as our own page sends it.
    Session(String),
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Value,
    pub text: String,
}

impl Bed {
    /// Two private sites, `a.example` and `b.example`, and nobody.
    pub async fn new() -> Self {
        Self::with(&[]).await
    }

    /// The same and sites that are public.
    pub async fn with(public: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let now = Arc::new(AtomicI64::new(NOW.0));
        let clock = {
            let now = Arc::clone(&now);
            Clock::new(move || Millis(now.load(Ordering::SeqCst)))
        };
        let location = Location::Sqlite(directory.path().join("settings.sqlite"));
        let settings = Settings::open(&location, clock.clone()).await.unwrap();
        let site = |name: &str| Site::new(Domain::parse(name).unwrap());
        let private = ["a.example", "b.example"].into_iter().map(site);
        let sites: Sites = private.chain(public.iter().map(|name| Site { public: true, ..site(name) })).collect();
        let registry = Registry::new();
        let (router, _) = router(nowhere(), &sites, &settings, clock.clone(), &registry, None);
        Self { router, settings, registry, sites, clock, now, _directory: directory }
    }

    /// The same dashboard over a store that answers.
    pub fn over(&self, store: Store) -> Router {
        router(store, &self.sites, &self.settings, self.clock.clone(), &Registry::new(), None).0
    }

    /// What sends reports of such a dashboard, by a mail server at a port of this machine.
    pub fn mailing(&self, store: Store, port: u16) -> Mailing {
        let registry = Registry::new();
        let (_, mailer) =
            router(store, &self.sites, &self.settings, self.clock.clone(), &registry, Some(mail_server(port)));
        Mailing { mailer, registry }
    }

    /// The same dashboard over a store that answers, and with a mail server.
    pub fn posting(&self, store: Store, port: u16) -> Self {
        let (sites, registry) = (self.sites.clone(), Registry::new());
        let (settings, clock) = (self.settings.clone(), self.clock.clone());
        let (router, _) = router(store, &sites, &settings, clock.clone(), &registry, Some(mail_server(port)));
        let directory = tempfile::tempdir().unwrap();
        Self { router, settings, registry, sites, clock, now: Arc::clone(&self.now), _directory: directory }
    }

    pub fn now(&self) -> Millis {
        Millis(self.now.load(Ordering::SeqCst))
    }

    pub fn turn(&self, ms: i64) {
        self.now.fetch_add(ms, Ordering::SeqCst);
    }

    /// Adds a user with [`PASSWORD`].
    pub async fn user(&self, name: &str, grants: &[(Role, &str)]) -> Login {
        self.user_with(name, false, grants).await
    }

    pub async fn user_with(&self, name: &str, temporary: bool, grants: &[(Role, &str)]) -> Login {
        let (login, grants) =
            (Login::parse(name).unwrap(), grants.iter().map(|(role, site)| grant(*role, site)).collect::<Vec<_>>());
        let new = NewUser { login: &login, password: &HASH, temporary, grants: &grants, first: false };
        assert_ne!(self.settings.add_user(&new, "test").await.unwrap(), Added::NotFirst);
        login
    }

    /// A session, opened behind the dashboard's back.
    pub async fn session(&self, login: &Login) -> Shows {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let secret = format!("secret-{}", NUMBER.fetch_add(1, Ordering::SeqCst));
        let (now, digest) = (self.now(), SecretDigest::of(&secret));
        let session = Session {
            id: String::new(),
            login: login.clone(),
            client: "A test".to_owned(),
            created: now,
            seen: now,
            idle_until: now.plus(HOUR),
            expires: now.plus(12 * HOUR),
        };
        self.settings.open_session(&digest, &session).await.unwrap();
        Shows::Session(secret)
    }

    /// A token, made behind the dashboard's back.
    pub async fn token(&self, owner: Option<&Login>, scopes: &[Scope], sites: &[&str]) -> Shows {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let secret = format!("ff_{}", NUMBER.fetch_add(1, Ordering::SeqCst));
        let token = ApiToken {
            id: String::new(),
            name: "a test's".to_owned(),
            owner: owner.cloned(),
            scopes: scopes.to_vec(),
            sites: sites.iter().map(|site| Reach::parse(site).unwrap()).collect(),
            created: self.now(),
            expires: None,
            used_day: None,
        };
        self.settings.add_token(&SecretDigest::of(&secret), &token, "test").await.unwrap();
        Shows::Bearer(secret)
    }

    /// A link to reports of `a.example`, shared behind the dashboard's back.
    pub async fn link(&self, terms: &ShareTerms) -> Shows {
        Shows::Bearer(self.share("a.example", terms, None).await.1)
    }

    /// A share and the secret of its link.
    pub async fn share(&self, site: &str, terms: &ShareTerms, password: Option<&str>) -> (Share, String) {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let secret = format!("fs_{}", NUMBER.fetch_add(1, Ordering::SeqCst));
        let hash = password.map(|password| dashboard::password::hash(password).unwrap());
        let site = Domain::parse(site).unwrap();
        let digest = SecretDigest::of(&secret);
        (self.settings.add_share(&site, (&digest, hash.as_ref()), terms, "test").await.unwrap(), secret)
    }

    /// Asks as somebody; with a body where something changes, as our own page would.
    pub async fn ask(&self, who: &Shows, method: &str, path: &str, body: Option<Value>) -> Answer {
        self.ask_with(who, method, path, body, &[]).await
    }

    /// The same with further headers; an empty value takes a header away.
    pub async fn ask_with(
        &self,
        who: &Shows,
        method: &str,
        path: &str,
        body: Option<Value>,
        more: &[(&str, &str)],
    ) -> Answer {
        let mut headers: Vec<(&str, String)> = vec![("host", "127.0.0.1:8080".to_owned())];
        if method != "GET" {
            headers.push(("sec-fetch-site", "same-origin".to_owned()));
            headers.push(("content-type", "application/json".to_owned()));
        }
        match who {
            Shows::Nothing => {}
            Shows::Bearer(token) => headers.push(("authorization", format!("Bearer {token}"))),
            Shows::Session(secret) => {
                headers.push(("cookie", format!("footfall_session={secret}")));
                headers.push(("footfall-csrf", csrf(secret)));
            }
        }
        for (name, value) in more {
            headers.retain(|(known, _)| known != name);
            if !value.is_empty() {
                headers.push((name, (*value).to_owned()));
            }
        }
        let request = headers
            .iter()
            .fold(Request::builder().method(method).uri(path), |request, (name, value)| request.header(*name, value));
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        let (head, body) = send(&self.router, request.body(body).unwrap()).await;
        let text = String::from_utf8(body).unwrap();
        Answer {
            status: head.status(),
            headers: head.headers().clone(),
            body: serde_json::from_str(&text).unwrap_or(Value::Null),
            text,
        }
    }

    /// Signs in as a stranger's browser would.
    pub async fn sign_in(&self, login: &str, password: &str, more: &[(&str, &str)]) -> Answer {
        let sent = json!({ "login": login, "password": password });
        self.ask_with(&Shows::Nothing, "POST", "/api/session", Some(sent), more).await
    }

    /// What was done, newest first: who and what.
    pub async fn log(&self) -> Vec<(String, String)> {
        let lines = self.settings.audit_page(None, 1_000).await.unwrap();
        lines.into_iter().map(|line| (line.who, line.what)).collect()
    }

    /// A counter's value.
    pub fn counted(&self, name: &str, label: &str) -> u64 {
        counted(&self.registry, name, label)
    }
}

fn mail_server(port: u16) -> MailServer {
    MailServer {
        host: "127.0.0.1".to_owned(),
        port,
        tls: MailTls::None,
        credentials: Some(("user".to_owned(), "password".to_owned())),
        from: "Footfall <footfall@example.com>".to_owned(),
        url: "https://count.example/".to_owned(),
    }
}

/// What sends reports, and what it has counted.
pub struct Mailing {
    mailer: Mailer,
    registry: Registry,
}

impl Mailing {
    pub async fn look(&self) -> Result<(), String> {
        self.mailer.look().await
    }

    pub fn counted(&self, result: &str) -> u64 {
        counted(&self.registry, "footfall_mails_total", result)
    }
}

/// A counter's value.
fn counted(registry: &Registry, name: &str, label: &str) -> u64 {
    let families = registry.gather();
    // A family that nothing was counted in is not told.
    let Some(family) = families.iter().find(|family| family.name() == name) else { return 0 };
    let metric = family.get_metric().iter().find(|metric| metric.get_label().iter().any(|pair| pair.value() == label));
    metric.map_or(0, |metric| metric.get_counter().get_value() as u64)
}

fn router(
    store: Store,
    sites: &Sites,
    settings: &Settings,
    clock: Clock,
    registry: &Registry,
    mail: Option<MailServer>,
) -> (Router, Mailer) {
    // What proxies say is the binary's to read; here it is said plainly.
    let peer_of = |headers: &HeaderMap, _| Peer {
        address: headers
            .get("x-peer")
            .map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |peer| peer.to_str().unwrap().parse().unwrap()),
        is_https: headers.contains_key("x-https"),
    };
    let parts = dashboard::Dashboard {
        store,
        sites: Arc::new(arc_swap::ArcSwap::from_pointee(sites.clone())),
        settings: settings.clone(),
        token_sha256: Sha256::digest(TOKEN).into(),
        peer_of: Arc::new(peer_of),
        clock,
        mail,
        registry: registry.clone(),
    };
    dashboard::router(parts).unwrap()
}

impl Answer {
    /// The session that an answer gives the browser.
    pub fn session(&self) -> Shows {
        let cookie = self.headers["set-cookie"].to_str().unwrap();
        Shows::Session(cookie.split(';').next().unwrap().split_once('=').unwrap().1.to_owned())
    }
}

/// A share of everything that there is.
pub fn everything() -> ShareTerms {
    ShareTerms {
        name: "A test's".to_owned(),
        reports: Reports::All,
        segment: None,
        export: false,
        origins: Vec::new(),
        expires: None,
    }
}

pub fn grant(role: Role, site: &str) -> Grant {
    Grant::new(role, Reach::parse(site).unwrap()).unwrap()
}

/// The word that a page repeats, worked out as the documentation says.
fn csrf(secret: &str) -> String {
    Sha256::digest(format!("footfall csrf {secret}")).iter().map(|byte| format!("{byte:02x}")).collect()
}
