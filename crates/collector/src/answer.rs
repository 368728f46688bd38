//! The answers at the collector's doors. Each that is about hits carries `x-footfall-outcome`, is never cached, and is the
//! same for every origin: no credentials, nothing echoed.
//!
//! The answers of a busy day (a GIF or a 202, counted or minimal) are made once and copied.

use bytes::Bytes;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ALLOW, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER,
};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use http_body_util::Full;
use model::{Measured, Outcome, Refusal};

use crate::verdict::{Handled, Verdict, word};

/// An answer with its whole body.
pub type Answer = Response<Full<Bytes>>;

/// The header that says what became of a hit.
pub const OUTCOME: HeaderName = HeaderName::from_static("x-footfall-outcome");

const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// One transparent pixel, in the form that browsers of every age show: header, screen, two colours, "colour 1 is
/// transparent", image, trailer.
#[rustfmt::skip]
pub const PIXEL: &[u8; 43] = b"GIF89a\x01\x00\x01\x00\x80\x01\x00\
    \x00\x00\x00\xff\xff\xff\
    \x21\xf9\x04\x01\x00\x00\x01\x00\
    \x2c\x00\x00\x00\x00\x01\x00\x01\x00\x00\
    \x02\x02\x4c\x01\x00\x3b";

/// Seconds until a sender should try again: a full journal or a lost key is seen to within that time or not at all.
const RETRY_SECONDS: HeaderValue = HeaderValue::from_static("5");

/// Seconds for which a browser may remember that it may send: a day.
const PREFLIGHT_SECONDS: HeaderValue = HeaderValue::from_static("86400");

/// Which door an answer leaves by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Door {
    Event,
    Pixel,
}

impl Door {
    const fn allow(self) -> HeaderValue {
        match self {
            Self::Event => HeaderValue::from_static("POST, OPTIONS"),
            Self::Pixel => HeaderValue::from_static("GET, HEAD, OPTIONS"),
        }
    }

    const fn success(self) -> (StatusCode, &'static [u8], HeaderValue) {
        match self {
            Self::Event => (StatusCode::ACCEPTED, b"ok", HeaderValue::from_static("text/plain; charset=utf-8")),
            Self::Pixel => (StatusCode::OK, PIXEL, HeaderValue::from_static("image/gif")),
        }
    }
}

/// The headers of the commonest answers, ready to be copied: copying is two allocations, building is one per header more.
pub(crate) struct Answers {
    event_counted: HeaderMap,
    event_minimal: HeaderMap,
    pixel_counted: HeaderMap,
    pixel_minimal: HeaderMap,
}

impl Answers {
    pub(crate) fn new() -> Self {
        let headers = |door: Door, outcome| {
            let (_, _, content_type) = door.success();
            ingest_headers(HeaderValue::from_static(word(outcome)), content_type)
        };
        let (counted, minimal) = (Outcome::Counted(Measured::Full), Outcome::Minimal(None));
        Self {
            event_counted: headers(Door::Event, counted),
            event_minimal: headers(Door::Event, minimal),
            pixel_counted: headers(Door::Pixel, counted),
            pixel_minimal: headers(Door::Pixel, minimal),
        }
    }

    /// The answer to a request for which `verdict` was found.
    pub(crate) fn to(&self, door: Door, verdict: &Verdict) -> Answer {
        match verdict {
            Verdict::Handled(handled) => {
                let (status, body, _) = door.success();
                with_headers(status, Bytes::from_static(body), self.headers(door, handled))
            }
            Verdict::Wrong { status, refusal, message } => {
                let mut answer = error(
                    *status,
                    HeaderValue::from_static(word(Outcome::Refused(*refusal))),
                    message,
                    refusal.as_str(),
                );
                if *status == StatusCode::METHOD_NOT_ALLOWED {
                    answer.headers_mut().insert(ALLOW, door.allow());
                }
                if *refusal == Refusal::RateLimited {
                    answer.headers_mut().insert(RETRY_AFTER, RETRY_SECONDS);
                }
                answer
            }
            Verdict::Unavailable => {
                let outcome = HeaderValue::from_static("refused; reason=unavailable");
                let message = "the hit cannot be kept now, try again";
                let mut answer = error(StatusCode::SERVICE_UNAVAILABLE, outcome, message, "unavailable");
                answer.headers_mut().insert(RETRY_AFTER, RETRY_SECONDS);
                answer
            }
        }
    }

    fn headers(&self, door: Door, handled: &Handled) -> HeaderMap {
        match (door, handled) {
            (Door::Event, Handled::One(Outcome::Counted(_))) => self.event_counted.clone(),
            (Door::Event, Handled::One(Outcome::Minimal(_))) => self.event_minimal.clone(),
            (Door::Pixel, Handled::One(Outcome::Counted(_))) => self.pixel_counted.clone(),
            (Door::Pixel, Handled::One(Outcome::Minimal(_))) => self.pixel_minimal.clone(),
            (_, Handled::One(Outcome::Late | Outcome::Refused(_)) | Handled::Several(_)) => {
                let (_, _, content_type) = door.success();
                let outcome = HeaderValue::try_from(handled.describe()).expect("words and numbers make a header");
                ingest_headers(outcome, content_type)
            }
        }
    }
}

/// The answer to a browser that asks whether a page of another origin may send.
pub(crate) fn preflight(door: Door) -> Answer {
    let mut headers = HeaderMap::with_capacity(4);
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, door.allow());
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("content-type"));
    headers.insert(ACCESS_CONTROL_MAX_AGE, PREFLIGHT_SECONDS);
    with_headers(StatusCode::NO_CONTENT, Bytes::new(), headers)
}

/// An answer that is not about a hit.
pub(crate) fn with_headers(status: StatusCode, body: Bytes, headers: HeaderMap) -> Answer {
    let mut answer = Response::new(Full::new(body));
    *answer.status_mut() = status;
    *answer.headers_mut() = headers;
    answer
}

fn error(status: StatusCode, outcome: HeaderValue, message: &str, reason: &str) -> Answer {
    let body = serde_json::json!({ "error": message, "reason": reason }).to_string();
    with_headers(status, body.into(), ingest_headers(outcome, HeaderValue::from_static("application/json")))
}

fn ingest_headers(outcome: HeaderValue, content_type: HeaderValue) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(6);
    headers.insert(OUTCOME, outcome);
    headers.insert(CONTENT_TYPE, content_type);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("x-footfall-outcome"));
    // Pages that isolate themselves (Cross-Origin-Embedder-Policy) load nothing foreign that does not say this.
    headers.insert(RESOURCE_POLICY, HeaderValue::from_static("cross-origin"));
    headers
}

/// The answer to a method that a path does not know, where no hit is concerned.
pub(crate) fn wrong_method(allow: &'static str) -> Answer {
    let mut headers = HeaderMap::with_capacity(2);
    headers.insert(ALLOW, HeaderValue::from_static(allow));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let body = r#"{"error":"no such method here","reason":"method"}"#;
    with_headers(StatusCode::METHOD_NOT_ALLOWED, Bytes::from_static(body.as_bytes()), headers)
}
