//! Headers that every answer carries, page, data and error alike (OWASP ASVS 5.0, chapter 3.4).

use axum::http::{HeaderName, HeaderValue, header};
use axum::response::Response;
use settings::Origin;

/// The policy up to who may frame.
macro_rules! policy {
    () => {
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; object-src 'none'; \
         base-uri 'none'; form-action 'self'; frame-ancestors "
    };
}

/// The policy: nothing but our own scripts, styles, pictures and API; no `unsafe-*`, no framing.
pub(crate) const CONTENT_SECURITY_POLICY: &str = concat!(policy!(), "'none'");

/// An answer's origins whose pages may show it in a frame; one that says nothing of it, or names none, is framed nowhere.
#[derive(Clone, Debug)]
pub(crate) struct FramedBy(pub(crate) Vec<Origin>);

const HEADERS: [(HeaderName, &str); 6] = [
    (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
    (header::STRICT_TRANSPORT_SECURITY, "max-age=31536000; includeSubDomains"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// Puts the headers on an answer; what says nothing about caching is not kept by anybody.
pub(crate) async fn secure(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    if let Some(FramedBy(origins)) = response.extensions_mut().remove::<FramedBy>().filter(|by| !by.0.is_empty()) {
        let origins: Vec<_> = origins.iter().map(Origin::as_str).collect();
        // An origin has no letter that a header or a policy would read as another part; where it had, nobody frames.
        if let Ok(policy) = HeaderValue::from_str(&format!("{}{}", policy!(), origins.join(" "))) {
            response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
        }
    }
    response
}
