//! What every serving process has in common, whatever it serves: `/healthz`, `/readyz` and `/metrics`, its registry, and the line
//! that says where it listens.

use std::convert::Infallible;
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;

use anyhow::Context;
use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::header::CONTENT_TYPE;
use axum::http::{Request, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use collector::{Arriving, Network, TrustedProxies};
use dashboard::{Peer, PeerOf};
use model::Millis;
use prometheus::{Encoder, IntGaugeVec, Opts, Registry, TextEncoder};
use tower::ServiceExt;

use crate::privacy_page::is_encrypted;
use crate::{output, process};

/// A registry with what every process says of itself. To be made when it starts.
pub fn registry(started: Millis, data: &Path) -> anyhow::Result<Registry> {
    let registry = Registry::new();
    let info = IntGaugeVec::new(Opts::new("footfall_build_info", "1, labelled with the version."), &["version"])?;
    info.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
    registry.register(Box::new(info))?;
    process::register(&registry, started, data)?;
    Ok(registry)
}

/// The routes that a supervisor and an SRE ask. `ready` says why the process cannot do its work now, if so.
pub fn router(registry: &Registry, ready: impl Fn() -> Result<(), String> + Clone + Send + Sync + 'static) -> Router {
    let registry = registry.clone();
    let readiness = move || async move {
        match ready() {
            Ok(()) => "ready\n".into_response(),
            Err(reason) => (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {reason}\n")).into_response(),
        }
    };
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(readiness))
        .route("/metrics", get(move || async move { metrics(&registry) }))
}

fn metrics(registry: &Registry) -> Response {
    let mut text = Vec::new();
    match TextEncoder::new().encode(&registry.gather(), &mut text) {
        Ok(()) => ([(CONTENT_TYPE, prometheus::TEXT_FORMAT)], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

/// Who is at the other end, for the dashboard: by the socket, or by proxies that are trusted.
pub fn peer_of(trusted: &[Network]) -> PeerOf {
    let networks = trusted.to_vec();
    let proxies: TrustedProxies = networks.iter().copied().collect();
    Arc::new(move |headers, socket| Peer {
        // Every request comes by a socket; one that does not is nobody's.
        address: socket.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |socket| proxies.sender(socket, headers)),
        is_https: is_encrypted(headers, socket, &networks),
    })
}

type Answer = Pin<Box<dyn Future<Output = Response> + Send>>;

/// A router as the listening loop wants it, told who is at the other end.
pub fn answering(router: Router) -> impl Fn(Request<Arriving>, SocketAddr) -> Answer + Clone + Send + Sync + 'static {
    move |mut request, socket| {
        let router = router.clone();
        request.extensions_mut().insert(ConnectInfo(socket));
        Box::pin(async move {
            router.oneshot(request.map(Body::new)).await.unwrap_or_else(|never: Infallible| match never {})
        })
    }
}

/// Tells whoever started the process where it listens.
pub fn say_ready(address: SocketAddr) -> anyhow::Result<()> {
    match output::attempt(&format!("ready http://{address}\n")) {
        // Nobody waits for it any more; visitors come all the same.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        said => said.context("cannot write to standard output"),
    }
}
