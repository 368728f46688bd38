//! A day of traffic whose visitors are known: heavy-tailed in everything, as real sites are, so that some visitors are rare in
//! several ways at once. Deterministic.

use std::collections::HashMap;

use fold::{Fold, Tables};
use model::{Arrival, Cell, Currency, Domain, Engagement, Kind, LocalDay, Millis, Peer, Revenue, Signals, Site};
use privacy::visitor::Secret;

use super::{Place, place};

/// 2026-10-01.
pub const DAY: LocalDay = LocalDay(20_727);

const AGENTS: [&str; 8] = [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Safari/605.1.15",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0",
    "Mozilla/5.0 (iPad; CPU OS 16_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/16.6 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Windows NT 6.1; rv:115.0) Gecko/20100101 Firefox/115.0",
];
const LANGUAGES: [&str; 24] = [
    "en-us", "ja", "de", "fr", "es", "en-gb", "pt-br", "zh-cn", "it", "nl", "pl", "sv", "ko", "tr", "fi", "da", "nb",
    "cs", "el", "hu", "is", "mt", "eu", "cy",
];

pub fn site() -> Site {
    Site { currency: Some(Currency::parse("EUR").unwrap()), ..Site::new(Domain::parse("example.com").unwrap()) }
}

/// A hit that can be made again: an arrival itself cannot be copied, because of its sender.
struct Sent {
    at: i64,
    visitor: u32,
    kind: Kind,
    url: String,
    referrer: Option<String>,
    plan: Option<&'static str>,
    price: Option<i64>,
}

pub struct Day {
    /// In order of time.
    sent: Vec<Sent>,
    visitors: u32,
}

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, bound: u64) -> u64 {
        (self.next() >> 33) % bound
    }

    /// The first of so many most often, the last seldom.
    fn skewed(&mut self, bound: usize) -> usize {
        let uniform = (self.next() >> 11) as f64 / (1_u64 << 53) as f64;
        (((bound as f64 + 1.0).powf(uniform)) as usize - 1).min(bound - 1)
    }
}

impl Day {
    pub fn make(visitors: u32, pages: usize) -> Self {
        let mut random = Random(0x9e37_79b9_7f4a_7c15);
        let mut sent = Vec::new();
        for visitor in 0..visitors {
            let mut at = i64::from(DAY.0) * 86_400_000 + i64::try_from(random.below(60_000_000)).unwrap();
            for _ in 0..=random.below(10) / 8 {
                let referrer =
                    (random.below(3) > 0).then(|| format!("https://site-{}.example/post", random.skewed(pages)));
                let mut query = match random.below(8) {
                    0 => format!("?utm_source=news&utm_campaign=week-{}&utm_content={}", random.skewed(9), visitor),
                    _ => String::new(),
                };
                for _ in 0..=random.skewed(9) {
                    let url = format!("https://example.com/page-{}{query}", random.skewed(pages));
                    query.clear();
                    let hit = |at, kind| Sent {
                        at,
                        visitor,
                        kind,
                        url: url.clone(),
                        referrer: referrer.clone(),
                        plan: None,
                        price: None,
                    };
                    sent.push(hit(at, Kind::Pageview));
                    let read_ms = 2_000 + random.below(300_000);
                    at += i64::try_from(read_ms).unwrap();
                    let engaged_ms = u32::try_from(read_ms * (30 + random.below(70)) / 100).unwrap();
                    sent.push(hit(
                        at,
                        Kind::Engagement(Engagement { engaged_ms, scroll_percent: Some(50), ..Engagement::default() }),
                    ));
                    if random.below(25) == 0 {
                        let plan = Some(["free", "pro", "team"][random.skewed(3)]);
                        let price = Some(i64::try_from(random.below(90_000)).unwrap() * 10_000);
                        let kind = Kind::Event {
                            name: ["Signup", "Purchase", "Download"][random.skewed(3)].into(),
                            interactive: true,
                        };
                        sent.push(Sent { plan, price, ..hit(at, kind) });
                    }
                }
                at += 2_000_000;
            }
        }
        sent.retain(|hit| hit.at < i64::from(DAY.0 + 1) * 86_400_000);
        sent.sort_by_key(|hit| hit.at);
        Self { sent, visitors }
    }

    /// The visitor with the most hits.
    pub fn most_active(&self) -> u32 {
        let mut hits = vec![0; self.visitors as usize];
        self.sent.iter().for_each(|hit| hits[hit.visitor as usize] += 1);
        (0..self.visitors).max_by_key(|visitor| hits[*visitor as usize]).unwrap()
    }

    /// The day's cells, with everybody or without one.
    pub fn folded(&self, without: Option<u32>) -> Vec<Cell> {
        fold(self.sent.iter().filter(|hit| Some(hit.visitor) != without))
    }

    /// Who is in each cell: each visitor's hits folded alone.
    pub fn truth(&self) -> HashMap<Place, Vec<u32>> {
        let mut of: Vec<Vec<&Sent>> = (0..self.visitors).map(|_| Vec::new()).collect();
        self.sent.iter().for_each(|hit| of[hit.visitor as usize].push(hit));
        let mut truth: HashMap<Place, Vec<u32>> = HashMap::new();
        for (visitor, hits) in (0..).zip(of) {
            for cell in fold(hits.into_iter()).iter().filter(|cell| cell.counts.visitors > 0) {
                truth.entry(place(cell)).or_default().push(visitor);
            }
        }
        truth
    }
}

fn fold<'a>(hits: impl Iterator<Item = &'a Sent>) -> Vec<Cell> {
    let site = site();
    let mut fold = Fold::new(0, Secret::new([7; 32]), Tables::default());
    for hit in hits {
        fold.apply(&site, fold::admit(arrival(hit), &site).unwrap());
    }
    fold.changes(Millis(i64::from(DAY.0 + 1) * 86_400_000)).cells
}

/// What is the same about a visitor all day follows from its number.
fn arrival(sent: &Sent) -> Arrival {
    let mut random = Random((u64::from(sent.visitor) + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    random.next();
    let (agent, language) = (AGENTS[random.skewed(AGENTS.len())], LANGUAGES[random.skewed(LANGUAGES.len())]);
    let address = std::net::Ipv4Addr::from_bits(0x6440_0000 + sent.visitor);
    Arrival {
        site: "example.com".into(),
        at: Millis(sent.at),
        id: None,
        kind: sent.kind.clone(),
        url: sent.url.as_str().into(),
        referrer: sent.referrer.as_deref().map(Into::into),
        props: sent.plan.map(|plan| ("plan".into(), plan.into())).into_iter().collect(),
        revenue: sent.price.map(|micros| Revenue { currency: *b"EUR", micros }),
        screen_width: Some([1_920, 390, 412, 1_366, 2_560, 768][random.skewed(6)]),
        language: Some(language.into()),
        signals: Signals::default(),
        peer: Peer { address: address.into(), agent: agent.into() },
    }
}
