//! Traffic whose exact counts are known: many visitors, several pages and sources, views and an event, some who send Do Not Track,
//! every batch sent until it is acknowledged, with the same ids, and some sent again although it was. What was acknowledged is
//! recounted naively.
//!
//! Nothing in it depends on what arrives first: which batch of a visitor begins the visit is not known, so all of them come from the
//! same source, and nobody asks on which page visits begin and end.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::bed::SITE;
use crate::distributed::figure;
use crate::harness::{AGENT, Server, eventually, request};

const SENDERS: u64 = 4;
/// Hits in a batch: page views, and one event behind them. One batch is one visitor's.
const BATCH: u64 = 10;
const VISITORS: u64 = 300;
const PAGES: u64 = 40;
/// What the event is called.
const ACTION: &str = "Signup";
/// Hits in a record, on average: a batch is one, and two where its visitor sends Do Not Track.
pub const HITS_PER_RECORD: f64 = BATCH as f64 / 1.1;
/// What is compared of everything, of pages and of sources.
pub const METRICS: [&str; 4] = ["visitors", "visits", "pageviews", "events"];
/// One batch in so many is sent again after it was acknowledged.
const TWICE: u64 = 20;
/// How long nobody may take a batch.
const PATIENCE: Duration = Duration::from_secs(240);

/// Where hits are taken now.
pub type Doors = Arc<Mutex<Vec<String>>>;

/// The traffic of one test.
pub struct Load {
    doors: Doors,
    next: AtomicU64,
    acknowledged: Mutex<Vec<u64>>,
    over: AtomicBool,
    /// A schedule failed: what is not acknowledged need not be any more.
    abandoned: AtomicBool,
    pub figures: Figures,
}

#[derive(Default)]
pub struct Figures {
    pub unanswered: AtomicU64,
    pub refused: AtomicU64,
    pub sent_twice: AtomicU64,
    /// Milliseconds that each acknowledged try took.
    pub waits: Mutex<Vec<u64>>,
    /// Milliseconds from the end of each fault until all was counted that had been acknowledged then.
    pub recoveries: Mutex<Vec<u64>>,
}

impl Figures {
    /// What they are, and none from now on.
    pub fn take(&self) -> Self {
        let number = |figure: &AtomicU64| AtomicU64::new(figure.swap(0, Ordering::Relaxed));
        let all = |figure: &Mutex<Vec<u64>>| Mutex::new(std::mem::take(&mut *figure.lock().unwrap()));
        Self {
            unanswered: number(&self.unanswered),
            refused: number(&self.refused),
            sent_twice: number(&self.sent_twice),
            waits: all(&self.waits),
            recoveries: all(&self.recoveries),
        }
    }
}

/// Rows as the Stats API has them, by value.
type Rows = BTreeMap<String, Vec<i64>>;

/// What was counted: [`METRICS`] in all, by page and by source, and visitors and events by the event's name.
#[derive(Debug, PartialEq, Eq)]
pub struct Counts {
    pub totals: Vec<i64>,
    pages: Rows,
    sources: Rows,
    actions: Rows,
}

impl Counts {
    /// What a dashboard tells.
    pub fn told_by(dashboard: &Server) -> Self {
        let rows = |dimension: &str, metrics: &[&str]| -> Rows {
            dashboard.breakdown(SITE, dimension, metrics).into_iter().collect()
        };
        Self {
            totals: dashboard.totals(SITE, &METRICS),
            pages: rows("event:page", &METRICS),
            sources: rows("visit:source", &METRICS),
            actions: rows("event:name", &["visitors", "events"]),
        }
    }

    /// Whether every page view and event stands where it does in `other`, and no visitor and no visit is missing.
    pub fn has_all_of(&self, other: &Self) -> bool {
        // Visitors, and visits where there are any, come before what each hit adds to.
        let has_row = |(here, there): (&Vec<i64>, &Vec<i64>)| {
            let people = here.len() / 2;
            here[people..] == there[people..] && (0..people).all(|column| here[column] >= there[column])
        };
        let has_rows =
            |here: &Rows, there: &Rows| here.keys().eq(there.keys()) && here.values().zip(there.values()).all(has_row);
        has_row((&self.totals, &other.totals))
            && has_rows(&self.pages, &other.pages)
            && has_rows(&self.sources, &other.sources)
            && has_rows(&self.actions, &other.actions)
    }
}

/// What was acknowledged of a page, of a source, or in all.
#[derive(Default)]
struct Seen {
    visitors: BTreeSet<u64>,
    pageviews: i64,
    events: i64,
}

impl Seen {
    /// A hit, and its visitor where that one may be known.
    fn add(&mut self, visitor: Option<u64>, hit: u64) {
        self.visitors.extend(visitor);
        self.pageviews += i64::from(!is_action(hit));
        self.events += 1;
    }

    /// A visitor is on the site again within half an hour, so that each has one visit.
    fn row(&self) -> Vec<i64> {
        vec![self.people(), self.people(), self.pageviews, self.events]
    }

    fn people(&self) -> i64 {
        i64::try_from(self.visitors.len()).unwrap()
    }
}

/// Ends the senders also when a schedule fails.
struct Over<'a>(&'a Load);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.over.store(true, Ordering::Relaxed);
        if std::thread::panicking() {
            self.0.abandoned.store(true, Ordering::Relaxed);
        }
    }
}

impl Load {
    pub fn new(doors: &Doors) -> Self {
        Self {
            doors: Arc::clone(doors),
            next: AtomicU64::new(0),
            acknowledged: Mutex::default(),
            over: AtomicBool::new(false),
            abandoned: AtomicBool::new(false),
            figures: Figures::default(),
        }
    }

    /// Sends while `schedule` goes on, and until `hits` were sent since it began.
    pub fn during<T>(&self, hits: u64, pause: Duration, schedule: impl FnOnce() -> T) -> T {
        self.over.store(false, Ordering::Relaxed);
        let first = self.next.load(Ordering::Relaxed);
        std::thread::scope(|scope| {
            for _ in 0..SENDERS {
                scope.spawn(|| {
                    while !self.over.load(Ordering::Relaxed) {
                        self.send(self.next.fetch_add(1, Ordering::Relaxed));
                        std::thread::sleep(pause);
                    }
                });
            }
            let over = Over(self);
            let done = schedule();
            while self.next.load(Ordering::Relaxed) < first + hits / BATCH {
                std::thread::sleep(Duration::from_millis(50));
            }
            drop(over);
            done
        })
    }

    /// Sends one batch until it is acknowledged.
    fn send(&self, number: u64) {
        let (body, deadline) = (batch(number), Instant::now() + PATIENCE);
        let mut tries = number;
        while !self.try_once(number, tries, &body) {
            if self.abandoned.load(Ordering::Relaxed) {
                return;
            }
            tries += 1;
            assert!(Instant::now() < deadline, "nobody takes batch {number}");
            std::thread::sleep(Duration::from_millis(20));
        }
        self.acknowledged.lock().unwrap().push(number);
        if number.is_multiple_of(TWICE) {
            self.figures.sent_twice.fetch_add(u64::from(self.try_once(number, tries + 1, &body)), Ordering::Relaxed);
        }
    }

    fn try_once(&self, number: u64, tries: u64, body: &[u8]) -> bool {
        let door = {
            let doors = self.doors.lock().unwrap();
            if doors.is_empty() {
                return false;
            }
            doors[usize::try_from(tries).unwrap() % doors.len()].clone()
        };
        let visitor = number % VISITORS;
        // Neighbours of few: who limits neighbourhoods does not limit these.
        let from = format!("100.64.{}.{}", visitor % 250, visitor / 250 + 1);
        let mut headers =
            vec![("user-agent", AGENT), ("content-type", "application/json"), ("x-forwarded-for", from.as_str())];
        headers.extend(sends_dnt(visitor).then_some(("dnt", "1")));
        let begun = Instant::now();
        let Ok(answer) = request(&door, "POST", "/api/event", &headers, body) else {
            self.figures.unanswered.fetch_add(1, Ordering::Relaxed);
            return false;
        };
        if answer.status != 202 {
            assert!(matches!(answer.status, 429 | 503), "batch {number}: {} {}", answer.status, answer.text());
            self.figures.refused.fetch_add(1, Ordering::Relaxed);
            return false;
        }
        let wait = u64::try_from(begun.elapsed().as_millis()).unwrap();
        self.figures.waits.lock().unwrap().push(wait);
        true
    }

    pub fn hits(&self) -> i64 {
        i64::try_from(self.acknowledged.lock().unwrap().len() as u64 * BATCH).unwrap()
    }

    /// The recount of what was acknowledged. A hit with Do Not Track counts in all and on its page, and nobody is told apart by it.
    pub fn recount(&self) -> Counts {
        let (mut all, mut actions) = (Seen::default(), Seen::default());
        let (mut pages, mut sources) = (BTreeMap::<String, Seen>::new(), BTreeMap::<String, Seen>::new());
        for number in self.acknowledged.lock().unwrap().iter() {
            let visitor = number % VISITORS;
            let known = (!sends_dnt(visitor)).then_some(visitor);
            for hit in number * BATCH..(number + 1) * BATCH {
                all.add(known, hit);
                pages.entry(page(hit)).or_default().add(known, hit);
                if known.is_some() {
                    sources.entry(source(visitor).to_owned()).or_default().add(known, hit);
                }
                if known.is_some() && is_action(hit) {
                    actions.add(known, hit);
                }
            }
        }
        let rows = |all: BTreeMap<String, Seen>| -> Rows {
            all.into_iter().map(|(value, seen)| (value, seen.row())).collect()
        };
        Counts {
            totals: all.row(),
            pages: rows(pages),
            sources: rows(sources),
            actions: BTreeMap::from([(ACTION.to_owned(), vec![actions.people(), actions.events])]),
        }
    }

    /// Waits until the counts of one machine equal the recount, to the last page and source, and checks that they stay so.
    pub fn settle_on(&self, server: &Server) {
        let expected = self.recount();
        eventually("all are counted", || (server.try_totals(SITE, &METRICS)? == expected.totals).then_some(()));
        // Nothing trickles in afterwards: a double would show as more.
        std::thread::sleep(Duration::from_secs(2));
        assert_eq!(Counts::told_by(server), expected);
        assert_eq!(figure(server, "footfall_ledger_difference"), 0.0);
        self.check_ledger(&server.ledger(SITE));
    }

    /// Checks that the ledger has every hit that was acknowledged under what became of it, and nothing under what must not become of
    /// any.
    pub fn check_ledger(&self, ledger: &Value) {
        let batches = self.acknowledged.lock().unwrap().clone();
        let (without, with): (Vec<u64>, Vec<u64>) = batches.iter().partition(|number| sends_dnt(*number % VISITORS));
        let hits = |batches: &[u64]| i64::try_from(batches.len() as u64 * BATCH).unwrap();
        let told = ["counted", "minimal", "late", "expired"].map(|outcome| ledger[outcome].as_i64());
        assert_eq!(told, [Some(hits(&with)), Some(hits(&without)), Some(0), Some(0)], "{ledger}");
    }

    /// The time that `share` of the acknowledged tries stayed below, in milliseconds.
    pub fn wait(&self, share: f64) -> u64 {
        quantile(&mut self.figures.waits.lock().unwrap(), share)
    }
}

/// The value that `share` of the values stay below.
pub fn quantile(values: &mut [u64], share: f64) -> u64 {
    values.sort_unstable();
    let last = values.len().saturating_sub(1);
    values.get((last as f64 * share) as usize).copied().unwrap_or(0)
}

/// With what every page begins: what may rest nowhere in the clear.
pub const PLAIN: &str = "/page/";

/// Some pages are read more than others.
fn page(hit: u64) -> String {
    let mixed = hit.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
    format!("{PLAIN}{}", (mixed % PAGES).min(mixed / PAGES % PAGES))
}

/// The last hit of a batch is no view: a visit begins with a page, whichever batch is its first.
fn is_action(hit: u64) -> bool {
    hit % BATCH == BATCH - 1
}

/// One visitor in ten sends Do Not Track, some of those whose batches are sent twice among them.
fn sends_dnt(visitor: u64) -> bool {
    visitor % 30 < 3
}

/// Where a third of the visitors come from: what their browsers say.
fn referrer(visitor: u64) -> Option<&'static str> {
    match visitor % 6 {
        0 => Some("https://www.google.com/search"),
        3 => Some("https://blog.example.org/"),
        _ => None,
    }
}

/// What that is counted as.
fn source(visitor: u64) -> &'static str {
    match visitor % 6 {
        0 => "Google",
        3 => "blog.example.org",
        _ => "Direct / None",
    }
}

/// A hit's id, no other's. It says to which partition a hit goes that has no visitor: those of one batch go to two, as long as the
/// number of partitions divides twelve, so that a request may be kept by half and be sent again.
fn id(hit: u64) -> u64 {
    let half = hit % BATCH * 2 / BATCH;
    hit * 12 + (hit / BATCH + half) % 12
}

fn batch(number: u64) -> Vec<u8> {
    let event = |hit: u64| {
        let name = if is_action(hit) { ACTION } else { "pageview" };
        json!({
            "name": name, "domain": SITE, "id": id(hit).to_string(), "url": format!("https://{SITE}{}", page(hit)),
            "referrer": referrer(number % VISITORS),
        })
    };
    Value::Array((number * BATCH..(number + 1) * BATCH).map(event).collect()).to_string().into_bytes()
}
