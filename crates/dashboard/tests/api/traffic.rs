//! Made-up visits, and the cells they are counted in, both naive: a set per cell, no state, no netting. The recount in the
//! tests reads the visits, never the cells, so that a mistake in either shows.

use std::collections::{BTreeMap, BTreeSet};

use model::counts::PAIRED;
use model::{Cell, Counts, Dimension, Domain, LocalDay};

/// A visit with all it did.
#[derive(Clone, Debug)]
pub struct Visit {
    /// Number of the visitor among those of the day.
    pub visitor: u32,
    /// Its day.
    pub day: LocalDay,
    /// The hour in which all of it happens.
    pub hour: u8,
    /// Where it came from.
    pub source: &'static str,
    /// The kind of that.
    pub channel: &'static str,
    /// Its campaign.
    pub campaign: Option<&'static str>,
    /// Where the visitor is, if known.
    pub country: Option<&'static str>,
    /// The visitor's language.
    pub language: &'static str,
    /// The visitor's browser.
    pub browser: &'static str,
    /// The visitor's system.
    pub os: &'static str,
    /// The visitor's device.
    pub device: &'static str,
    /// The pages viewed, in order.
    pub pages: Vec<&'static str>,
    /// How long it lasted.
    pub seconds: i64,
    /// Events by name, each on the last page, with a value of the property `plan`.
    pub events: Vec<(&'static str, &'static str)>,
    /// Attention on the first page: milliseconds and deepest scroll.
    pub attention: Option<(i64, i64)>,
}

/// A small random number generator, so that the same seed gives the same visits everywhere.
pub struct Dice(pub u64);

impl Dice {
    /// A number below `sides`.
    pub fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let mixed = (self.0 >> 33) ^ (self.0 >> 17);
        mixed % sides
    }

    /// One of a list, the first ones far more often than the last.
    pub fn pick<T: Copy>(&mut self, list: &[T]) -> T {
        let deep = self.roll(1_000) * self.roll(1_000) * list.len() as u64 / 1_000_000;
        list.get(deep as usize).copied().expect("a list that is not empty")
    }
}

const PAGES: [&str; 14] = [
    "/",
    "/pricing",
    "/blog",
    "/docs",
    "/blog/counting-without-watching",
    "/docs/install",
    "/features",
    "/about",
    "/blog/bots",
    "/docs/api",
    "/contact",
    "/changelog",
    "/privacy",
    "/careers",
];
const SOURCES: [(&str, &str); 9] = [
    ("Google", "Organic Search"),
    ("Direct / None", "Direct"),
    ("news.ycombinator.com", "Referral"),
    ("GitHub", "Referral"),
    ("newsletter", "Email"),
    ("Bing", "Organic Search"),
    ("ChatGPT", "AI Assistants"),
    ("DuckDuckGo", "Organic Search"),
    ("Mastodon", "Organic Social"),
];
const COUNTRIES: [Option<&str>; 12] = [
    Some("US"),
    Some("DE"),
    Some("JP"),
    Some("GB"),
    Some("FR"),
    Some("IN"),
    None,
    Some("BR"),
    Some("NL"),
    Some("CA"),
    Some("KR"),
    Some("SE"),
];
const SYSTEMS: [(&str, &str, &str); 7] = [
    ("Chrome", "Windows", "Desktop"),
    ("Safari", "iOS", "Mobile"),
    ("Chrome", "Android", "Mobile"),
    ("Firefox", "GNU/Linux", "Desktop"),
    ("Safari", "macOS", "Desktop"),
    ("Edge", "Windows", "Desktop"),
    ("Samsung Internet", "Android", "Tablet"),
];
/// How busy each hour of a day is.
const HOURS: [u64; 24] = [3, 2, 2, 1, 1, 2, 4, 7, 11, 15, 17, 18, 15, 16, 18, 19, 18, 15, 13, 12, 12, 10, 7, 5];

/// The visits of one day until an hour; a visitor may come several times.
pub fn day(dice: &mut Dice, day: LocalDay, visits: u64, until_hour: u8) -> Vec<Visit> {
    let mut made = Vec::new();
    let all: u64 = HOURS.iter().sum();
    for (hour, share) in HOURS.iter().enumerate().take(usize::from(until_hour) + 1) {
        let count = (visits * share + dice.roll(all)) / all;
        for _ in 0..count {
            made.push(visit(dice, day, hour as u8, visits));
        }
    }
    made
}

fn visit(dice: &mut Dice, day: LocalDay, hour: u8, visits: u64) -> Visit {
    let visitor = dice.roll(visits * 4 / 5 + 1) as u32;
    // What is a visitor's own follows from the visitor.
    let mut own = Dice(u64::from(visitor) * 7_919 + day.0 as u64);
    own.roll(2);
    let (browser, os, device) = own.pick(&SYSTEMS);
    let (country, language) = (own.pick(&COUNTRIES), own.pick(&["en", "de", "ja", "fr"]));
    let (source, channel) = dice.pick(&SOURCES);
    let pages: Vec<_> = (0..1 + dice.roll(3) * dice.roll(3)).map(|_| dice.pick(&PAGES)).collect();
    let events = match dice.roll(12) {
        0 => vec![("Signup", dice.pick(&["free", "pro", "team"]))],
        1 => vec![("Outbound link", "free"), ("Outbound link", "free")],
        2 => vec![("Download", "pro"), ("Signup", "pro")],
        _ => Vec::new(),
    };
    let campaign = (channel == "Email").then(|| dice.pick(&["spring", "launch"]));
    let seconds = if pages.len() > 1 { 20 + dice.roll(400) as i64 } else { 0 };
    let attention = (dice.roll(3) > 0).then(|| (2_000 + dice.roll(90_000) as i64, 5 + dice.roll(95) as i64));
    Visit {
        visitor,
        day,
        hour,
        source,
        channel,
        campaign,
        country,
        language,
        browser,
        os,
        device,
        pages,
        seconds,
        events,
        attention,
    }
}

impl Visit {
    /// What is the same for the whole visit.
    pub fn constant(&self) -> Vec<(Dimension, String)> {
        let mut values = vec![
            (Dimension::EntryPage, self.entry().to_owned()),
            (Dimension::Source, self.source.to_owned()),
            (Dimension::Channel, self.channel.to_owned()),
            (Dimension::Browser, self.browser.to_owned()),
            (Dimension::Os, self.os.to_owned()),
            (Dimension::Device, self.device.to_owned()),
            (Dimension::Language, self.language.to_owned()),
        ];
        values.extend(self.campaign.map(|name| (Dimension::UtmCampaign, name.to_owned())));
        values.extend(self.country.map(|code| (Dimension::Country, code.to_owned())));
        values
    }

    /// The page it began on.
    pub fn entry(&self) -> &'static str {
        self.pages.first().expect("a visit has a page")
    }

    /// The page it ended on.
    pub fn exit(&self) -> &'static str {
        self.pages.last().expect("a visit has a page")
    }

    /// One page view and nothing else.
    pub fn is_bounce(&self) -> bool {
        self.pages.len() == 1 && self.events.is_empty()
    }
}

type Key = (LocalDay, Option<u8>, Dimension, String, Dimension, String);

#[derive(Default)]
struct Sum {
    visitors: BTreeSet<u32>,
    visits: BTreeSet<usize>,
    scrolls: BTreeMap<u32, i64>,
    counts: Counts,
}

/// The cells of visits: totals, one dimension, declared pairs.
pub fn cells(site: &Domain, visits: &[Visit]) -> Vec<Cell> {
    let mut sums: BTreeMap<Key, Sum> = BTreeMap::new();
    for (number, visit) in visits.iter().enumerate() {
        for page in &visit.pages {
            let mut values = visit.constant();
            values.push((Dimension::Page, (*page).to_owned()));
            let hit = Counts { pageviews: 1, events: 1, ..Counts::default() };
            add(&mut sums, number, visit, &values, hit);
        }
        for (name, plan) in &visit.events {
            let mut values = visit.constant();
            values.push((Dimension::Page, visit.exit().to_owned()));
            values.push((Dimension::Event, (*name).to_owned()));
            let hit = Counts { events: 1, ..Counts::default() };
            add(&mut sums, number, visit, &values, hit);
            // Properties stand for themselves and with their event.
            let property = (Dimension::Property, format!("plan={plan}"));
            for key in [vec![property.clone()], vec![(Dimension::Event, (*name).to_owned()), property]] {
                add_to(&mut sums, number, visit, &key, hit);
            }
        }
        let mut entry = visit.constant();
        entry.push((Dimension::Page, visit.entry().to_owned()));
        let facts = Counts {
            bounces: i64::from(visit.is_bounce()),
            visit_seconds: visit.seconds,
            entries: 1,
            ..Counts::default()
        };
        add_counts(&mut sums, visit, &entry, facts);
        let mut exit = visit.constant();
        exit.push((Dimension::Page, visit.exit().to_owned()));
        add_counts(&mut sums, visit, &exit, Counts { exits: 1, ..Counts::default() });
        let exit_page = vec![(Dimension::ExitPage, visit.exit().to_owned())];
        let pageviews = visit.pages.len() as i64;
        let whole = Counts { pageviews, events: pageviews + visit.events.len() as i64, exits: 1, ..facts };
        add_to(&mut sums, number, visit, &exit_page, whole);
        if let Some((engaged_ms, scroll)) = visit.attention {
            for key in [vec![], vec![(Dimension::Page, visit.entry().to_owned())]] {
                for hour in [None, Some(visit.hour)] {
                    let sum = sums.entry(key_of(visit, hour, &key)).or_default();
                    sum.counts.engaged_ms += engaged_ms;
                    let deepest = sum.scrolls.entry(visit.visitor).or_default();
                    *deepest = scroll.max(*deepest);
                }
            }
        }
    }
    sums.into_iter().map(|(key, sum)| cell(site, key, sum)).collect()
}

fn cell(site: &Domain, (day, hour, dimension, value, by, by_value): Key, sum: Sum) -> Cell {
    let counts = Counts {
        visitors: sum.visitors.len() as i64,
        visits: sum.visits.len() as i64,
        scroll_percent: sum.scrolls.values().sum(),
        scroll_visitors: sum.scrolls.len() as i64,
        ..sum.counts
    };
    Cell { site: site.clone(), day, hour, dimension, value: value.into(), by, by_value: by_value.into(), counts }
}

fn key_of(visit: &Visit, hour: Option<u8>, values: &[(Dimension, String)]) -> Key {
    let mut sorted = values.to_vec();
    sorted.sort();
    let mut sorted = sorted.into_iter();
    let (dimension, value) = sorted.next().unwrap_or((Dimension::Total, String::new()));
    let (by, by_value) = sorted.next().unwrap_or((Dimension::Total, String::new()));
    (visit.day, hour, dimension, value, by, by_value)
}

/// Adds a hit to the total, each single and each declared pair of its values.
fn add(sums: &mut BTreeMap<Key, Sum>, number: usize, visit: &Visit, values: &[(Dimension, String)], hit: Counts) {
    for key in subsets(values) {
        add_to(sums, number, visit, &key, hit);
    }
}

fn add_to(sums: &mut BTreeMap<Key, Sum>, number: usize, visit: &Visit, key: &[(Dimension, String)], hit: Counts) {
    let hours: &[Option<u8>] = if key.len() > 1 { &[None] } else { &[None, Some(visit.hour)] };
    for hour in hours {
        let sum = sums.entry(key_of(visit, *hour, key)).or_default();
        sum.visitors.insert(visit.visitor);
        sum.visits.insert(number);
        sum.counts += hit;
    }
}

fn add_counts(sums: &mut BTreeMap<Key, Sum>, visit: &Visit, values: &[(Dimension, String)], counts: Counts) {
    for key in subsets(values) {
        let hours: &[Option<u8>] = if key.len() > 1 { &[None] } else { &[None, Some(visit.hour)] };
        for hour in hours {
            sums.entry(key_of(visit, *hour, &key)).or_default().counts += counts;
        }
    }
}

fn subsets(values: &[(Dimension, String)]) -> Vec<Vec<(Dimension, String)>> {
    let mut keys = vec![Vec::new()];
    for (at, one) in values.iter().enumerate() {
        keys.push(vec![one.clone()]);
        for other in values.iter().skip(at + 1) {
            if PAIRED.contains(&one.0) && PAIRED.contains(&other.0) {
                keys.push(vec![one.clone(), other.clone()]);
            }
        }
    }
    keys
}
