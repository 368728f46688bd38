//! What a browser says of a request: its cookie, and whether a page of ours sent it.
//!
//! A request that changes something with a session's cookie has to come from our own page three times over: the browser says so
//! (`Sec-Fetch-Site`, which no page can forge, or else `Origin` against `Host`), its body is declared as JSON, which no form of another
//! site can, and it repeats a word that only a page of ours could read.

use axum::body::{Body, Bytes, to_bytes};
use axum::http::{HeaderMap, HeaderName, header};
use settings::SecretDigest;
use subtle::ConstantTimeEq;

use crate::Peer;
use crate::reply::Failure;

/// The header that repeats the word.
pub(crate) const CSRF: HeaderName = HeaderName::from_static("footfall-csrf");

/// Whose page sent a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Page {
    /// Ours, or the person at the browser.
    Ours,
    /// Somebody else's.
    Foreign,
    /// No browser says anything.
    Unsaid,
}

/// Whose page sent this.
pub(crate) fn page(headers: &HeaderMap) -> Page {
    let origin = headers.get(header::ORIGIN).map(|origin| is_own(headers, origin.to_str().unwrap_or_default()));
    match (headers.get("sec-fetch-site").map(|site| site.as_bytes()), origin) {
        (Some(b"same-origin"), None | Some(true)) | (None | Some(b"none"), Some(true)) => Page::Ours,
        (None, None) => Page::Unsaid,
        (Some(_), _) | (None, Some(false)) => Page::Foreign,
    }
}

fn is_own(headers: &HeaderMap, origin: &str) -> bool {
    let own = headers.get(header::HOST).and_then(|host| host.to_str().ok()).map(str::to_ascii_lowercase);
    let said = origin.split_once("://").map(|(_, host)| host.to_ascii_lowercase());
    said.is_some() && said == own
}

/// Whether the body is declared as JSON.
fn is_json(headers: &HeaderMap) -> bool {
    let media_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    media_type.split(';').next().is_some_and(|media_type| media_type.trim().eq_ignore_ascii_case("application/json"))
}

/// Reads a body that is declared as JSON, up to a size.
pub(crate) async fn json_body(headers: &HeaderMap, body: Body, bytes_max: usize) -> Result<Bytes, Failure> {
    if !is_json(headers) {
        return Err(Failure::MediaType);
    }
    to_bytes(body, bytes_max).await.map_err(|_| Failure::TooLarge(bytes_max))
}

/// The word that a session's requests repeat: known to whoever knows the session's secret, and to the page that was told it.
pub(crate) fn csrf_of(secret: &str) -> String {
    SecretDigest::of(&format!("footfall csrf {secret}")).hex()
}

/// Whether a request of a session that changes something is our own page's.
pub(crate) fn is_meant(headers: &HeaderMap, csrf: &str) -> Result<(), Failure> {
    if page(headers) != Page::Ours {
        return Err(Failure::NotOurs);
    }
    if !is_json(headers) {
        return Err(Failure::MediaType);
    }
    let said = headers.get(CSRF).map(|said| said.as_bytes()).unwrap_or_default();
    if bool::from(said.ct_eq(csrf.as_bytes())) { Ok(()) } else { Err(Failure::NotOurs) }
}

/// Whether nobody on the way can read what is sent: TLS, or the way never leaves the machine.
pub(crate) fn is_confidential(peer: Peer, headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = host
        .rsplit_once(':')
        .filter(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()))
        .map_or(host, |(name, _)| name);
    let is_local = name.eq_ignore_ascii_case("localhost")
        || name == "[::1]"
        || (name.starts_with("127.") && name.parse::<std::net::Ipv4Addr>().is_ok());
    peer.is_https || peer.address.to_canonical().is_loopback() || is_local
}

/// The cookie's name. Over TLS a browser takes this one from this very host alone.
const fn cookie(peer: Peer) -> &'static str {
    if peer.is_https { "__Host-footfall" } else { "footfall_session" }
}

/// The secret of the session that a request shows. Of two cookies of the name neither is believed.
pub(crate) fn secret(headers: &HeaderMap, peer: Peer) -> Option<&str> {
    let pairs = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'));
    let mut found = pairs.filter_map(|pair| pair.trim().split_once('=')).filter(|(name, _)| *name == cookie(peer));
    let (_, value) = found.next()?;
    found.next().is_none().then_some(value).filter(|value| !value.is_empty() && value.len() <= 100)
}

/// The header that gives a browser a session for so many seconds, or takes it away.
pub(crate) fn set_cookie(peer: Peer, secret: Option<&str>, seconds: i64) -> String {
    let (name, secure) = (cookie(peer), if peer.is_https { "; Secure" } else { "" });
    let seconds = if secret.is_some() { seconds } else { 0 };
    format!("{name}={}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}", secret.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;

    fn headers(said: &[(&'static str, &str)]) -> HeaderMap {
        said.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect()
    }

    const HTTPS: Peer = Peer { address: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), is_https: true };
    const FAR: Peer = Peer { is_https: false, ..HTTPS };

    #[test]
    fn only_our_own_page_is_ours() {
        let own = ("host", "count.example");
        for (said, page_is) in [
            (&[("sec-fetch-site", "same-origin"), own, ("origin", "https://count.example")][..], Page::Ours),
            (&[("sec-fetch-site", "same-origin"), own], Page::Ours),
            (&[("sec-fetch-site", "none"), own, ("origin", "https://count.example")], Page::Ours),
            (&[own, ("origin", "https://Count.example")], Page::Ours),
            (&[own], Page::Unsaid),
            (&[("sec-fetch-site", "none"), own], Page::Foreign),
            (&[("sec-fetch-site", "same-site"), own, ("origin", "https://count.example")], Page::Foreign),
            (&[("sec-fetch-site", "cross-site"), own, ("origin", "https://count.example")], Page::Foreign),
            (&[("sec-fetch-site", "same-origin"), own, ("origin", "https://elsewhere.example")], Page::Foreign),
            (&[own, ("origin", "https://elsewhere.example")], Page::Foreign),
            (&[own, ("origin", "https://count.example.elsewhere")], Page::Foreign),
            (&[own, ("origin", "null")], Page::Foreign),
            (&[("origin", "https://count.example")], Page::Foreign),
        ] {
            assert_eq!(page(&headers(said)), page_is, "{said:?}");
        }
    }

    #[test]
    fn a_change_takes_all_three() {
        let all = [
            ("host", "c.example"),
            ("sec-fetch-site", "same-origin"),
            ("content-type", "application/json; charset=utf-8"),
            ("footfall-csrf", "word"),
        ];
        assert!(is_meant(&headers(&all), "word").is_ok());
        for left_out in 1..all.len() {
            let some: Vec<_> =
                all.iter().enumerate().filter(|(number, _)| *number != left_out).map(|(_, said)| *said).collect();
            assert!(is_meant(&headers(&some), "word").is_err(), "{some:?}");
        }
        assert!(is_meant(&headers(&all), "another").is_err());
        assert!(is_meant(&headers(&[("content-type", "text/plain"), all[0], all[1], all[3]]), "word").is_err());
    }

    #[test]
    fn cookies_are_told_apart_by_the_way_they_came() {
        let both = headers(&[("cookie", "a=b; footfall_session=plain; __Host-footfall=secure")]);
        assert_eq!((secret(&both, HTTPS), secret(&both, FAR)), (Some("secure"), Some("plain")));
        assert_eq!(
            secret(&headers(&[("cookie", "footfall_session=a; footfall_session=b")]), FAR),
            None,
            "one is somebody else's"
        );
        assert_eq!(secret(&headers(&[("cookie", "xfootfall_session=a; footfall_session=")]), FAR), None);
        let given = set_cookie(HTTPS, Some("s"), 60);
        assert_eq!(given, "__Host-footfall=s; Path=/; Max-Age=60; HttpOnly; SameSite=Strict; Secure");
        assert_eq!(set_cookie(FAR, None, 60), "footfall_session=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict");
    }

    #[test]
    fn a_password_is_not_asked_for_over_a_way_that_others_read() {
        let near = Peer { address: IpAddr::V4(Ipv4Addr::LOCALHOST), is_https: false };
        let host = |host: &str| headers(&[("host", host)]);
        assert!(is_confidential(HTTPS, &host("c.example")) && is_confidential(near, &host("c.example")));
        for local in ["localhost:8080", "127.0.0.1:8080", "[::1]:8080", "localhost"] {
            assert!(is_confidential(FAR, &host(local)), "{local}");
        }
        for far in ["c.example", "127.0.0.1.elsewhere.example", "localhost.elsewhere.example:80", ""] {
            assert!(!is_confidential(FAR, &host(far)), "{far}");
        }
    }
}
