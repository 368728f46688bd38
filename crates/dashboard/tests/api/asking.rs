//! A dashboard with two sites at a fixed time, and how a test asks it.

use std::net::Ipv4Addr;
use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response, StatusCode};
use dashboard::Peer;
use http_body_util::BodyExt as _;
use model::{Clock, Domain, Millis, Mode, Site, Sites};
use serde_json::Value;
use settings::{Location, Settings};
use sha2::{Digest, Sha256};
use store::Store;
use tower::ServiceExt as _;

/// The administrator's token.
pub const TOKEN: &str = "a-token-for-tests";

/// 2024-05-15 22:30 in Tokyo, a Wednesday.
pub const NOW: Millis = Millis(1_715_779_800_000);

/// Today's number at [`NOW`] in Tokyo.
pub const TODAY: i32 = 19_858;

/// The private site, whose days are Tokyo's.
pub fn private() -> Domain {
    Domain::parse("example.com").unwrap()
}

/// The public site.
pub fn public() -> Domain {
    Domain::parse("public.example").unwrap()
}

/// A dashboard over a store, at [`NOW`].
pub fn dashboard(store: Store, registry: &prometheus::Registry) -> Router {
    dashboard_at(NOW, store, registry)
}

/// A dashboard over a store, at another time.
pub fn dashboard_at(now: Millis, store: Store, registry: &prometheus::Registry) -> Router {
    dashboard_in(Mode::Full, now, store, registry)
}

/// A dashboard whose private site has another mode.
pub fn dashboard_in(mode: Mode, now: Millis, store: Store, registry: &prometheus::Registry) -> Router {
    dashboard_of(Site { timezone: "Asia/Tokyo".to_owned(), mode, ..Site::new(private()) }, now, store, registry)
}

/// A dashboard whose private site is as given.
pub fn dashboard_of(private: Site, now: Millis, store: Store, registry: &prometheus::Registry) -> Router {
    dashboard_keeping(nobodys_settings(), private, now, store, registry)
}

/// A dashboard with settings of its own.
pub fn dashboard_keeping(
    settings: Settings,
    private: Site,
    now: Millis,
    store: Store,
    registry: &prometheus::Registry,
) -> Router {
    let open = Site { public: true, ..Site::new(public()) };
    dashboard::router(dashboard::Dashboard {
        store,
        sites: Arc::new(arc_swap::ArcSwap::from_pointee([private, open].into_iter().collect::<Sites>())),
        settings,
        token_sha256: Sha256::digest(TOKEN).into(),
        peer_of: Arc::new(|_, _| Peer { address: Ipv4Addr::LOCALHOST.into(), is_https: false }),
        clock: Clock::new(move || now),
        mail: None,
        registry: registry.clone(),
    })
    .unwrap()
    .0
}

/// Settings without accounts, for all tests that are about something else. They are opened on a thread of their own, because they
/// outlive the runtime of whichever test comes first.
fn nobodys_settings() -> Settings {
    static SETTINGS: OnceLock<Settings> = OnceLock::new();
    let open = || {
        let (tell, told) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let directory = tempfile::tempdir().unwrap();
            let location = Location::Sqlite(directory.path().join("settings.sqlite"));
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let settings = runtime.block_on(Settings::open(&location, Clock::new(|| NOW))).unwrap();
            tell.send(settings).unwrap();
            runtime.block_on(std::future::pending::<()>());
        });
        told.recv().expect("the settings open")
    };
    SETTINGS.get_or_init(open).clone()
}

/// Sends a request and reads the whole answer.
pub async fn send(router: &Router, request: Request<Body>) -> (Response<()>, Vec<u8>) {
    let (head, body) = router.clone().oneshot(request).await.unwrap().into_parts();
    let body = body.collect().await.unwrap().to_bytes().to_vec();
    (Response::from_parts(head, ()), body)
}

/// Asks a query with the token; gives its status and body.
pub async fn query(router: &Router, query: Value) -> (StatusCode, Value) {
    let request = Request::post("/api/v2/query")
        .header("authorization", format!("Bearer {TOKEN}"))
        .header("content-type", "application/json")
        .body(Body::from(query.to_string()))
        .unwrap();
    let (head, body) = send(router, request).await;
    (head.status(), serde_json::from_slice(&body).unwrap())
}

/// Sends JSON to a path with a method, with a token if given; gives the status and the answer.
pub async fn tell(
    router: &Router,
    (method, path): (&str, &str),
    token: Option<&str>,
    body: &Value,
) -> (StatusCode, Value) {
    let mut request = Request::builder().method(method).uri(path).header("content-type", "application/json");
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let (head, body) = send(router, request.body(Body::from(body.to_string())).unwrap()).await;
    (head.status(), serde_json::from_slice(&body).unwrap_or(Value::Null))
}

/// Gets a path, with a token if given.
pub async fn get(router: &Router, path: &str, token: Option<&str>) -> (Response<()>, Value) {
    let mut request = Request::get(path);
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let (head, body) = send(router, request.body(Body::empty()).unwrap()).await;
    (head, serde_json::from_slice(&body).unwrap_or(Value::Null))
}
