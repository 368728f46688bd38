//! What the collector serves besides answers to hits: the tracker and the statement about Global Privacy Control.

use bytes::Bytes;
use http::header::{
    ACCEPT_ENCODING, ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH,
    VARY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};

use crate::answer::{Answer, with_headers, wrong_method};
use crate::event::digest;

/// A script in the forms in which it is served.
pub(crate) struct Script {
    plain: &'static [u8],
    gzip: &'static [u8],
    brotli: &'static [u8],
}

macro_rules! script {
    ($name:literal) => {
        Script {
            plain: include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/tracker/dist/", $name)),
            gzip: include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/tracker/dist/", $name, ".gz")),
            brotli: include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/tracker/dist/", $name, ".br")),
        }
    };
}

/// The tracker: `/js/script.js`.
pub(crate) const TRACKER: Script = script!("script.js");
/// The tracker that also measures web vitals: `/js/script.vitals.js`.
pub(crate) const TRACKER_OF_VITALS: Script = script!("script.vitals.js");

/// The date on which this program last changed what it does about the signal.
const GPC: &[u8] = br#"{"gpc": true, "lastUpdate": "2026-11-01"}"#;

/// Serves a script.
pub(crate) fn script(script: &Script, method: &Method, request: &HeaderMap) -> Answer {
    if !matches!(*method, Method::GET | Method::HEAD) {
        return wrong_method("GET, HEAD");
    }
    // Weak, because one tag stands for all encodings of the same script.
    let tag = format!("W/\"{:016x}\"", digest(script.plain));
    let mut headers = HeaderMap::with_capacity(8);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=86400"));
    headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("cross-origin"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let known = request.get_all(IF_NONE_MATCH).iter().any(|known| names_tag(known, &tag));
    headers.insert(ETAG, HeaderValue::try_from(tag).expect("hexadecimal digits make a header"));
    if known {
        return with_headers(StatusCode::NOT_MODIFIED, Bytes::new(), headers);
    }
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/javascript; charset=utf-8"));
    let (body, encoding) = match () {
        () if accepts(request, "br") => (script.brotli, Some("br")),
        () if accepts(request, "gzip") => (script.gzip, Some("gzip")),
        () => (script.plain, None),
    };
    if let Some(encoding) = encoding {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    with_headers(StatusCode::OK, Bytes::from_static(body), headers)
}

/// Answers for a path that is not the collector's.
pub(crate) fn nothing_here() -> Answer {
    with_headers(StatusCode::NOT_FOUND, Bytes::new(), HeaderMap::new())
}

/// Serves `/.well-known/gpc.json`.
pub(crate) fn gpc(method: &Method) -> Answer {
    if !matches!(*method, Method::GET | Method::HEAD) {
        return wrong_method("GET, HEAD");
    }
    let mut headers = HeaderMap::with_capacity(3);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=86400"));
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    with_headers(StatusCode::OK, Bytes::from_static(GPC), headers)
}

fn names_tag(known: &HeaderValue, tag: &str) -> bool {
    let tags = known.as_bytes().split(|b| *b == b',').map(<[u8]>::trim_ascii);
    let strong = tag.trim_start_matches("W/").as_bytes();
    tags.into_iter().any(|known| known == b"*" || known.strip_prefix(b"W/").unwrap_or(known) == strong)
}

/// Whether a client takes an encoding: named, and not with `q=0`.
fn accepts(request: &HeaderMap, encoding: &str) -> bool {
    let lists = request.get_all(ACCEPT_ENCODING).iter().filter_map(|list| list.to_str().ok());
    lists.flat_map(|list| list.split(',')).any(|entry| {
        let mut parts = entry.split(';').map(str::trim);
        let named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case(encoding));
        let refused = |part: &str| {
            part.strip_prefix("q=").and_then(|weight| weight.parse::<f32>().ok()).is_some_and(|weight| weight == 0.0)
        };
        named && !parts.any(refused)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn served(list: &[(&'static str, &'static str)]) -> Answer {
        let header = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        script(&TRACKER, &Method::GET, &list.iter().map(header).collect())
    }

    fn encoding(list: &[(&'static str, &'static str)]) -> Option<String> {
        served(list).headers().get(CONTENT_ENCODING).map(|value| value.to_str().unwrap().to_owned())
    }

    #[test]
    fn the_tracker_is_at_most_a_thousand_bytes_compressed() {
        assert!(TRACKER.gzip.len() <= 1_000, "{}", TRACKER.gzip.len());
    }

    #[test]
    fn only_the_other_tracker_measures_and_it_is_less_than_two_thousand_bytes() {
        let measures = |script: &Script| script.plain.windows(19).any(|part| part == b"PerformanceObserver");
        assert!(measures(&TRACKER_OF_VITALS) && !measures(&TRACKER));
        assert!(TRACKER_OF_VITALS.gzip.len() < 2_000, "{}", TRACKER_OF_VITALS.gzip.len());
    }

    #[test]
    fn serves_the_smallest_form_that_the_client_takes() {
        assert_eq!(encoding(&[]), None);
        assert_eq!(encoding(&[("accept-encoding", "gzip, deflate")]).as_deref(), Some("gzip"));
        assert_eq!(encoding(&[("accept-encoding", "gzip, deflate, br, zstd")]).as_deref(), Some("br"));
        assert_eq!(encoding(&[("accept-encoding", "br;q=0, GZIP;q=0.5")]).as_deref(), Some("gzip"));
        assert_eq!(encoding(&[("accept-encoding", "gzip;q=0.0")]), None);
    }

    #[test]
    fn a_client_that_has_the_script_gets_no_second_one() {
        let first = served(&[]);
        let tag = first.headers().get(ETAG).unwrap().clone();
        let request = HeaderMap::from_iter([(IF_NONE_MATCH, tag)]);
        assert_eq!(script(&TRACKER, &Method::GET, &request).status(), StatusCode::NOT_MODIFIED);
        assert_eq!(served(&[("if-none-match", "\"another\"")]).status(), StatusCode::OK);
        assert_eq!(served(&[("if-none-match", "*")]).status(), StatusCode::NOT_MODIFIED);
    }

    #[test]
    fn other_methods_are_named_what_is_allowed() {
        assert_eq!(script(&TRACKER, &Method::POST, &HeaderMap::new()).status(), StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(gpc(&Method::DELETE).headers().get("allow").unwrap(), "GET, HEAD");
    }

    #[test]
    fn the_statement_about_gpc_is_a_json_object_of_the_right_type() {
        let answer = gpc(&Method::GET);
        assert_eq!(answer.headers().get(CONTENT_TYPE).unwrap(), "application/json");
        let statement: serde_json::Value = serde_json::from_slice(GPC).unwrap();
        assert_eq!(statement["gpc"], true);
    }
}
