//! The collector's doors: which path leads where, what a door asks of a request before its content is looked at.
//!
//! What is inside a request is read by [`crate::body`] and [`crate::query`]; what becomes of it is decided in
//! [`crate::ingest`]. Nothing of a request is logged.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32};
use std::time::Duration;

use arc_swap::ArcSwap;
use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::Body;
use journal::Journal;
use model::limits::BODY_BYTES_MAX;
use model::{Clock, Refusal, Sites};
use privacy::visitor::Secret;
use prometheus::Registry;

use crate::answer::{Answer, Answers, Door, preflight};
use crate::envelope::{EnvelopeError, Envelopes, PublicKeys};
use crate::event::{Events, Refused};
use crate::limiter::{Limiter, RateLimit};
use crate::metrics::Metrics;
use crate::proxies::TrustedProxies;
use crate::sender::Sender;
use crate::tallies::Tallies;
use crate::verdict::Verdict;
use crate::{assets, body, query};

/// How long a body may take to arrive unless told otherwise: 64 KiB at a modem's speed.
pub const BODY_READ_MAX: Duration = Duration::from_secs(15);

/// What a collector needs from outside.
pub struct CollectorParts<J> {
    /// The measured sites; a new table may be stored at any time.
    pub sites: Arc<ArcSwap<Sites>>,
    /// Where sealed records go.
    pub journal: Arc<J>,
    /// Where the public key of the hour is found.
    pub public_keys: PublicKeys,
    /// Spreads senders over partitions. It must be the same on every collector, and stay for as long as visitors are counted.
    pub partition_secret: Secret,
    /// Whose forwarding headers are believed.
    pub trusted_proxies: TrustedProxies,
    /// How fast one address prefix may send; nothing turns the limit off.
    pub rate_limit: Option<RateLimit>,
    /// How long a body may take to arrive; [`BODY_READ_MAX`] is a good choice.
    pub body_read_max: Duration,
    /// The time.
    pub clock: Clock,
}

/// Takes hits in over HTTP and appends them, sealed, to the journal.
pub struct Collector<J> {
    pub(crate) sites: Arc<ArcSwap<Sites>>,
    pub(crate) journal: Arc<J>,
    pub(crate) envelopes: Envelopes,
    pub(crate) partition_secret: Secret,
    pub(crate) limiter: Option<Limiter>,
    pub(crate) clock: Clock,
    pub(crate) tallies: Tallies,
    pub(crate) metrics: Metrics,
    pub(crate) next_partition: AtomicU32,
    pub(crate) complained_minute: AtomicI64,
    pub(crate) trusted_proxies: TrustedProxies,
    pub(crate) rights_limiter: Limiter,
    body_read_max: Duration,
    answers: Answers,
}

impl<J: Journal> Collector<J> {
    /// Makes a collector and registers its figures.
    ///
    /// # Errors
    /// A figure's name that the registry already has.
    pub fn new(parts: CollectorParts<J>, registry: &Registry) -> Result<Self, prometheus::Error> {
        Ok(Self {
            sites: parts.sites,
            journal: parts.journal,
            envelopes: Envelopes::new(parts.public_keys),
            partition_secret: parts.partition_secret,
            limiter: parts.rate_limit.map(Limiter::new),
            clock: parts.clock,
            tallies: Tallies::default(),
            metrics: Metrics::register(registry)?,
            next_partition: AtomicU32::new(0),
            complained_minute: AtomicI64::new(i64::MIN),
            trusted_proxies: parts.trusted_proxies,
            rights_limiter: Limiter::new(RateLimit::RIGHTS),
            body_read_max: parts.body_read_max,
            answers: Answers::new(),
        })
    }

    /// Whether a path is one of the collector's.
    #[must_use]
    pub fn owns(path: &str) -> bool {
        matches!(path, "/api/event" | "/pixel.gif" | "/js/script.js" | "/js/script.vitals.js" | "/.well-known/gpc.json")
    }

    /// Whether hits could be sealed now.
    ///
    /// # Errors
    /// Why not: no key, or one too old.
    pub fn ready(&self) -> Result<(), EnvelopeError> {
        self.envelopes.ready(self.clock.now())
    }

    /// Answers a request on one of the collector's paths, which came in over `socket`. A hit is durable before it is
    /// acknowledged.
    pub async fn handle<B>(&self, request: Request<B>, socket: SocketAddr) -> Answer
    where
        B: Body<Data = Bytes>,
        B::Error: std::error::Error + Send + Sync + 'static,
    {
        match request.uri().path() {
            "/pixel.gif" => self.pixel(request, socket).await,
            "/api/event" => self.event(request, socket).await,
            "/js/script.js" => assets::script(&assets::TRACKER, request.method(), request.headers()),
            "/js/script.vitals.js" => assets::script(&assets::TRACKER_OF_VITALS, request.method(), request.headers()),
            "/.well-known/gpc.json" => assets::gpc(request.method()),
            _ => assets::nothing_here(),
        }
    }

    async fn pixel<B>(&self, request: Request<B>, socket: SocketAddr) -> Answer {
        let counts = match *request.method() {
            Method::GET => true,
            Method::HEAD => false,
            Method::OPTIONS => return preflight(Door::Pixel),
            _ => return self.answers.to(Door::Pixel, &self.wrong_method()),
        };
        let sender = Sender::read(request.headers(), socket, &self.trusted_proxies);
        let events = query::read(request.uri().query().unwrap_or_default(), sender.referer);
        let verdict = if counts { self.take(events, &sender).await } else { self.take_none(events) };
        self.answers.to(Door::Pixel, &verdict)
    }

    async fn event<B>(&self, request: Request<B>, socket: SocketAddr) -> Answer
    where
        B: Body<Data = Bytes>,
        B::Error: std::error::Error + Send + Sync + 'static,
    {
        let verdict = match *request.method() {
            Method::POST => {
                let (head, body) = request.into_parts();
                match self.events(&head.headers, body).await {
                    Ok(events) => {
                        let sender = Sender::read(&head.headers, socket, &self.trusted_proxies);
                        self.take(events, &sender).await
                    }
                    Err(verdict) => verdict,
                }
            }
            Method::OPTIONS => return preflight(Door::Event),
            _ => self.wrong_method(),
        };
        self.answers.to(Door::Event, &verdict)
    }

    /// Reads the body of a request whose headers allow it.
    async fn events<B>(&self, headers: &HeaderMap, body: B) -> Result<Events, Verdict>
    where
        B: Body<Data = Bytes>,
        B::Error: std::error::Error + Send + Sync + 'static,
    {
        let wrong = |status, refusal, message| self.wrong(Verdict::Wrong { status, refusal, message });
        if !is_accepted_type(headers) {
            let message = "the content type must be application/json or text/plain";
            return Err(wrong(StatusCode::UNSUPPORTED_MEDIA_TYPE, Refusal::Malformed, message));
        }
        if is_encoded(headers) {
            let message = "a content encoding is not accepted";
            return Err(wrong(StatusCode::UNSUPPORTED_MEDIA_TYPE, Refusal::Malformed, message));
        }
        let too_large = || wrong(StatusCode::PAYLOAD_TOO_LARGE, Refusal::TooLarge, "the body is larger than 64 KiB");
        if body.size_hint().lower() > BODY_BYTES_MAX as u64 {
            return Err(too_large());
        }
        let bytes = match tokio::time::timeout(self.body_read_max, Limited::new(body, BODY_BYTES_MAX).collect()).await {
            Ok(Ok(collected)) => collected.to_bytes(),
            Ok(Err(error)) if error.is::<LengthLimitError>() => return Err(too_large()),
            Ok(Err(_)) => return Err(wrong(StatusCode::BAD_REQUEST, Refusal::Malformed, "the body broke off")),
            Err(_) => {
                return Err(wrong(StatusCode::REQUEST_TIMEOUT, Refusal::Malformed, "the body took too long to arrive"));
            }
        };
        body::read(&bytes).map_err(|Refused { refusal, message, .. }| self.wrong(Verdict::wrong(refusal, message)))
    }

    fn wrong_method(&self) -> Verdict {
        let message = "no such method here";
        self.wrong(Verdict::Wrong { status: StatusCode::METHOD_NOT_ALLOWED, refusal: Refusal::Malformed, message })
    }
}

/// Whether a content type is one in which events come. None is taken for one: small clients forget it.
fn is_accepted_type(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(CONTENT_TYPE) else { return true };
    let essence = value.as_bytes().split(|b| *b == b';').next().unwrap_or_default().trim_ascii();
    essence.eq_ignore_ascii_case(b"application/json") || essence.eq_ignore_ascii_case(b"text/plain")
}

/// Whether the body is encoded in any way: a few bytes could stand for gigabytes.
fn is_encoded(headers: &HeaderMap) -> bool {
    headers.get_all(CONTENT_ENCODING).iter().any(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity"))
}
