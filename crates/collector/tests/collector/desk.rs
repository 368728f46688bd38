//! A collector with a journal in memory and the key to what it seals, so that a test sees what was kept.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption};
use bytes::Bytes;
use collector::{Answer, Collector, CollectorParts, OUTCOME, RateLimit, TrustedProxies};
use http::Request;
use http_body_util::{BodyExt as _, Full};
use journal::memory::MemoryJournal;
use journal::{Entry, Journal as _, Offset};
use model::{Clock, Domain, Hit, Millis, Mode, Record, Site, Sites, Tally, TcfPolicy};
use privacy::seal::{HourKey, Opener};
use privacy::visitor::Secret;
use prometheus::Registry;

/// A user agent that no rule calls a robot.
pub const BROWSER: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0";

/// The address that sockets of these tests come from unless a test says otherwise.
pub const SOCKET: &str = "198.51.100.7:40000";

const PARTITIONS: u32 = 4;
const NOW: i64 = 1_800_000_000_123;

/// What a test may want otherwise.
pub struct Wishes {
    pub journal_bytes_max: u64,
    pub rate_limit: Option<RateLimit>,
    pub trusted: &'static [&'static str],
    pub body_read_max: Duration,
    pub key: bool,
}

impl Default for Wishes {
    fn default() -> Self {
        let body_read_max = Duration::from_secs(5);
        Self { journal_bytes_max: 1 << 26, rate_limit: None, trusted: &[], body_read_max, key: true }
    }
}

pub struct Desk {
    pub collector: Arc<Collector<MemoryJournal>>,
    pub registry: Registry,
    pub now: Arc<AtomicI64>,
    journal: Arc<MemoryJournal>,
    opener: Mutex<Opener>,
}

/// What came back.
#[derive(Debug)]
pub struct Told {
    pub status: u16,
    pub outcome: Option<String>,
    pub body: Bytes,
    pub headers: http::HeaderMap,
}

impl Told {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Status and outcome, as the tables of cases have them.
    pub fn short(&self) -> (u16, &str) {
        (self.status, self.outcome.as_deref().unwrap_or("none"))
    }
}

impl Desk {
    pub fn new() -> Self {
        Self::with(Wishes::default())
    }

    pub fn with(wishes: Wishes) -> Self {
        let now = Arc::new(AtomicI64::new(NOW));
        let clock = Clock::new({
            let now = Arc::clone(&now);
            move || Millis(now.load(Ordering::Relaxed))
        });
        let key = HourKey::generate(Millis(NOW).hour(), [7; 32]);
        let public = wishes.key.then(|| Arc::new(key.public()));
        let mut opener = Opener::default();
        opener.insert(key);
        let journal = Arc::new(MemoryJournal::with_bytes_max(PARTITIONS, clock.clone(), wishes.journal_bytes_max));
        let registry = Registry::new();
        let trusted = wishes.trusted.iter().map(|network| network.parse().unwrap());
        let parts = CollectorParts {
            sites: Arc::new(ArcSwap::from_pointee(sites())),
            journal: Arc::clone(&journal),
            public_keys: Arc::new(ArcSwapOption::new(public)),
            partition_secret: Secret::new([9; 32]),
            trusted_proxies: trusted.collect::<TrustedProxies>(),
            rate_limit: wishes.rate_limit,
            body_read_max: wishes.body_read_max,
            clock,
        };
        let collector = Arc::new(Collector::new(parts, &registry).unwrap());
        Self { collector, registry, now, journal, opener: Mutex::new(opener) }
    }

    pub async fn send(&self, request: Request<Full<Bytes>>) -> Told {
        self.send_from(SOCKET, request).await
    }

    pub async fn send_from(&self, socket: &str, request: Request<Full<Bytes>>) -> Told {
        let socket: SocketAddr = socket.parse().unwrap();
        told(self.collector.handle(request, socket).await).await
    }

    pub async fn post(&self, body: impl Into<Bytes>) -> Told {
        self.send(post(body)).await
    }

    pub async fn pixel(&self, query: &str) -> Told {
        self.send(get(&format!("/pixel.gif?{query}"))).await
    }

    /// All records kept so far, as they are sealed, by partition.
    async fn entries(&self) -> Vec<(u32, Entry)> {
        let mut kept = Vec::new();
        for partition in 0..PARTITIONS {
            let mut from = Offset::default();
            loop {
                let entries = self.journal.read(partition, from, 1_000, Duration::ZERO).await.unwrap();
                let Some(last) = entries.last() else { break };
                from = last.offset.next();
                kept.extend(entries.into_iter().map(|entry| (partition, entry)));
            }
        }
        kept
    }

    /// How many bytes all records kept so far take, as they are sealed.
    pub async fn kept_bytes(&self) -> usize {
        self.entries().await.iter().map(|(_, entry)| entry.bytes.len()).sum()
    }

    /// All records kept so far, opened and read, by partition.
    pub async fn records(&self) -> Vec<(u32, Record)> {
        let entries = self.entries().await;
        let mut opener = self.opener.lock().unwrap();
        let mut open = |entry: Entry| Record::decode(&opener.open(&entry.bytes).unwrap()).unwrap();
        entries.into_iter().map(|(partition, entry)| (partition, open(entry))).collect()
    }

    pub async fn hits(&self) -> Vec<Hit> {
        let hits = |(_, record)| match record {
            Record::Hits(hits) => hits,
            Record::Tally(_) | Record::Rights(_) | Record::Inquiry(_) => Vec::new(),
        };
        self.records().await.into_iter().flat_map(hits).collect()
    }

    /// The one hit kept.
    pub async fn hit(&self) -> Hit {
        let mut hits = self.hits().await;
        assert_eq!(hits.len(), 1);
        hits.remove(0)
    }

    pub async fn tallies(&self) -> Vec<Tally> {
        let tally = |(_, record)| match record {
            Record::Hits(_) | Record::Rights(_) | Record::Inquiry(_) => None,
            Record::Tally(tally) => Some(tally),
        };
        self.records().await.into_iter().filter_map(tally).collect()
    }

    /// A counter's value with one label.
    pub fn figure(&self, name: &str, label: &str) -> f64 {
        let families = self.registry.gather();
        let family = families.iter().find(|family| family.name() == name);
        let metrics = family.map_or(&[][..], |family| family.get_metric());
        let labelled = metrics.iter().find(|metric| metric.get_label().iter().all(|pair| pair.value() == label));
        labelled.map_or(0.0, |metric| metric.get_counter().get_value())
    }
}

pub async fn told(answer: Answer) -> Told {
    let (head, body) = answer.into_parts();
    let outcome = head.headers.get(OUTCOME).map(|value| value.to_str().unwrap().to_owned());
    let body = body.collect().await.unwrap().to_bytes();
    Told { status: head.status.as_u16(), outcome, body, headers: head.headers }
}

pub fn post(body: impl Into<Bytes>) -> Request<Full<Bytes>> {
    request("POST", "/api/event", &[("content-type", "text/plain"), ("user-agent", BROWSER)], body)
}

pub fn get(uri: &str) -> Request<Full<Bytes>> {
    request("GET", uri, &[("user-agent", BROWSER)], "")
}

pub fn request(method: &str, uri: &str, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Request<Full<Bytes>> {
    let mut request = Request::builder().method(method).uri(uri);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Full::new(body.into())).unwrap()
}

/// A page view of example.com with further members.
pub fn view(more: &str) -> String {
    format!(r#"{{"n":"pageview","u":"https://example.com/a?b=c","d":"example.com"{more}}}"#)
}

fn sites() -> Sites {
    let site = |domain, mode| Site { mode, ..Site::new(Domain::parse(domain).unwrap()) };
    let tcf = TcfPolicy { purposes_speak: true, ..TcfPolicy::default() };
    [
        Site { child_directed: true, ..site("children.example", Mode::Full) },
        Site { tcf, ..site("asks.example", Mode::Exempt) },
        site("example.com", Mode::Full),
        site("second.example", Mode::Full),
        site("third.example", Mode::Full),
        site("fourth.example", Mode::Full),
        site("fifth.example", Mode::Full),
        site("sixth.example", Mode::Full),
        site("exempt.example", Mode::Exempt),
        site("minimal.example", Mode::Minimal),
        site("off.example", Mode::Off),
    ]
    .into_iter()
    .collect()
}
