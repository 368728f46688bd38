//! Traffic whose exact counts are known: many visitors, several pages, every batch sent until it is acknowledged, with the same
//! ids, and some sent again although it was. What was acknowledged is recounted naively.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::bed::SITE;
use crate::harness::{AGENT, request};

const SENDERS: u64 = 4;
/// Hits in a batch. One batch is one visitor's.
pub const BATCH: u64 = 10;
const VISITORS: u64 = 300;
const PAGES: u64 = 40;
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

/// Rows as the Stats API has them: visitors, visits and page views, in all and by page.
#[derive(Debug, PartialEq, Eq)]
pub struct Counts {
    pub totals: Vec<i64>,
    pub pages: BTreeMap<String, Vec<i64>>,
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
        let headers = [("user-agent", AGENT), ("content-type", "application/json"), ("x-forwarded-for", from.as_str())];
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

    /// The recount of what was acknowledged.
    pub fn recount(&self) -> Counts {
        let mut visitors = BTreeSet::new();
        let mut pages: BTreeMap<String, (BTreeSet<u64>, i64)> = BTreeMap::new();
        for number in self.acknowledged.lock().unwrap().iter() {
            let visitor = number % VISITORS;
            visitors.insert(visitor);
            for hit in number * BATCH..(number + 1) * BATCH {
                let (seen, views) = pages.entry(page(hit)).or_default();
                seen.insert(visitor);
                *views += 1;
            }
        }
        let number = |set: &BTreeSet<u64>| i64::try_from(set.len()).unwrap();
        // A visitor is on the site again within half an hour, so that each has one visit.
        let all = number(&visitors);
        let row =
            |(page, (seen, views)): (String, (BTreeSet<u64>, i64))| (page, vec![number(&seen), number(&seen), views]);
        Counts { totals: vec![all, all, self.hits()], pages: pages.into_iter().map(row).collect() }
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

/// Some pages are read more than others.
fn page(hit: u64) -> String {
    let mixed = hit.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
    format!("/page/{}", (mixed % PAGES).min(mixed / PAGES % PAGES))
}

fn batch(number: u64) -> Vec<u8> {
    let event = |hit: u64| {
        json!({
            "name": "pageview", "domain": SITE, "id": format!("{:016x}", hit + 1),
            "url": format!("https://{SITE}{}", page(hit)),
        })
    };
    Value::Array((number * BATCH..(number + 1) * BATCH).map(event).collect()).to_string().into_bytes()
}
