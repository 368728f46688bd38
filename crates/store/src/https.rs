//! The client's connections to a server at an `https` address: TLS by rustls, judged by the authorities that this machine
//! trusts (`SSL_CERT_FILE` names others). It knows nothing of ClickHouse.
//!
//! An `http` address gets none of this, so an installation on one machine needs no authorities.

use std::time::Duration;

use clickhouse::Client;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client as Http;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};

/// How often an idle connection is asked whether it lives; the client's own number.
const TCP_KEEPALIVE: Duration = Duration::from_secs(60);

/// How long an idle connection is kept: less than the three seconds after which ClickHouse closes it.
const IDLE_MAX: Duration = Duration::from_secs(2);

/// A client for this address.
pub(crate) fn client(url: &str) -> Client {
    if !url.trim_start().to_ascii_lowercase().starts_with("https:") {
        return Client::default().with_url(url);
    }
    let http = Http::builder(TokioExecutor::new()).pool_idle_timeout(IDLE_MAX).build(connector());
    Client::with_http_client(http).with_url(url)
}

fn connector() -> HttpsConnector<HttpConnector> {
    let mut tcp = HttpConnector::new();
    tcp.set_keepalive(Some(TCP_KEEPALIVE));
    tcp.enforce_http(false);
    let builder = match HttpsConnectorBuilder::new().with_provider_and_native_roots(ring::default_provider()) {
        Ok(builder) => builder,
        Err(error) => {
            tracing::error!(%error, "this machine trusts no certificate authority, so no server's certificate will be \
                accepted: install ca-certificates, or name a file of authorities in SSL_CERT_FILE");
            HttpsConnectorBuilder::new().with_tls_config(trusting_nobody())
        }
    };
    builder.https_only().enable_http1().wrap_connector(tcp)
}

fn trusting_nobody() -> ClientConfig {
    ClientConfig::builder_with_provider(ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .expect("ring speaks TLS 1.2 and 1.3")
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth()
}
