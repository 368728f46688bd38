//! Where a request comes from: from this very page, and over https, or not.
//!
//! A browser says so itself: `Sec-Fetch-Site` (which no page can forge), or else `Origin` against `Host`. A request with
//! neither is no browser's form, and has no visitor's cookies to change.

use std::net::SocketAddr;

use axum::extract::{ConnectInfo, Request};
use axum::http::HeaderMap;
use axum::http::header::{FORWARDED, HOST, ORIGIN};
use collector::{Network, forwarded};

/// Whether no other site made the browser send this.
pub(super) fn is_own(headers: &HeaderMap) -> bool {
    if let Some(site) = headers.get("sec-fetch-site") {
        return site == "same-origin";
    }
    let Some(origin) = headers.get(ORIGIN) else { return true };
    let host_of = |origin: &str| origin.split_once("://").map(|(_, host)| host.to_ascii_lowercase());
    let said = origin.to_str().ok().and_then(host_of);
    let own = headers.get(HOST).and_then(|host| host.to_str().ok()).map(str::to_ascii_lowercase);
    said.is_some() && said == own
}

/// Whether the visitor's connection is encrypted, by the word of a trusted proxy. The program itself speaks plain HTTP.
pub(super) fn is_https(request: &Request, trusted: &[Network]) -> bool {
    let socket = request.extensions().get::<ConnectInfo<SocketAddr>>();
    is_encrypted(request.headers(), socket.map(|ConnectInfo(socket)| *socket), trusted)
}

/// The same, of a request in parts.
pub fn is_encrypted(headers: &HeaderMap, socket: Option<SocketAddr>, trusted: &[Network]) -> bool {
    let Some(proxy) = socket.map(|socket| socket.ip().to_canonical()) else { return false };
    trusted.iter().any(|network| network.contains(proxy)) && says_https(headers)
}

/// The first scheme of the chain is the visitor's. One that a visitor made up changes that visitor's own cookie alone.
fn says_https(headers: &HeaderMap) -> bool {
    if let Some(schemes) = headers.get("x-forwarded-proto") {
        let first = schemes.as_bytes().split(|byte| *byte == b',').next().unwrap_or_default();
        return first.trim_ascii().eq_ignore_ascii_case(b"https");
    }
    let chain = headers.get(FORWARDED).and_then(|value| forwarded::parse(value.as_bytes()));
    let first = chain.as_ref().and_then(|chain| chain.first());
    first.and_then(|hop| forwarded::parameter(hop, "proto")).is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"https"))
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    fn request(headers: &[(&str, &str)]) -> Request {
        let request = headers.iter().fold(Request::builder(), |request, (name, value)| request.header(*name, *value));
        let mut request = request.body(Body::empty()).unwrap();
        request.extensions_mut().insert(ConnectInfo(SocketAddr::from(([127, 0, 0, 1], 4_000))));
        request
    }

    #[test]
    fn only_this_page_may_send_its_forms() {
        let own = |headers: &[(&str, &str)]| is_own(request(headers).headers());
        assert!(own(&[("sec-fetch-site", "same-origin"), ("origin", "https://elsewhere.example")]));
        for other in ["cross-site", "same-site", "none", ""] {
            assert!(!own(&[("sec-fetch-site", other)]), "{other}");
        }
        assert!(own(&[("host", "count.example"), ("origin", "https://Count.example")]));
        assert!(own(&[("host", "127.0.0.1:8080"), ("origin", "http://127.0.0.1:8080")]));
        for other in ["https://elsewhere.example", "https://count.example.elsewhere", "null", "count.example"] {
            assert!(!own(&[("host", "count.example"), ("origin", other)]), "{other}");
        }
        assert!(own(&[("host", "count.example")]), "no browser sends a form without a word");
    }

    #[test]
    fn https_is_believed_of_a_trusted_proxy_only() {
        let home: Network = "127.0.0.0/8".parse().unwrap();
        let elsewhere: Network = "10.0.0.0/8".parse().unwrap();
        let secure = request(&[("x-forwarded-proto", "https")]);
        assert!(is_https(&secure, &[home]) && !is_https(&secure, &[elsewhere]) && !is_https(&secure, &[]));
        assert!(is_https(&request(&[("x-forwarded-proto", "HTTPS, http")]), &[home]));
        assert!(is_https(&request(&[("forwarded", "for=192.0.2.1;proto=https, for=10.0.0.1;proto=http")]), &[home]));
        for plain in [("x-forwarded-proto", "http"), ("forwarded", "for=192.0.2.1"), ("forwarded", "proto=\"https")] {
            assert!(!is_https(&request(&[plain]), &[home]), "{plain:?}");
        }
    }
}
