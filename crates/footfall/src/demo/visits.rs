//! Visits of one day: who comes, from where, what they look at and for how long.

use std::net::Ipv4Addr;

use model::Millis;

use super::random::Random;
use super::{DAY_MS, world};

/// Pages an average visit views; turns page views asked for into visits.
const PAGES_PER_VISIT: f64 = 2.4;
const ROBOT_SHARE: f64 = 0.06;
const RETURN_SHARE: f64 = 0.15;
const EVENT_SHARE: f64 = 0.04;
/// Page views that follow a link that most follow.
const USUAL_SHARE: f64 = 0.45;
/// Page views of which a browser measures web vitals: not every one can, and not every page is left with the focus.
const MEASURED_SHARE: f64 = 0.7;
/// Widest window of a phone.
const PHONE_WIDTH_MAX: u16 = 500;

/// Someone, or something, that visits.
#[derive(Clone, Copy)]
pub struct Visitor {
    pub address: Ipv4Addr,
    pub agent: &'static str,
    pub screen_width: u16,
    pub language: &'static str,
}

/// One hit of a visit.
pub struct Hit {
    pub at: Millis,
    pub visitor: Visitor,
    pub name: &'static str,
    /// Path and query.
    pub target: String,
    pub referrer: Option<&'static str>,
    pub prop: Option<(&'static str, &'static str)>,
    /// Engaged milliseconds and scroll depth in percent.
    pub engagement: Option<(u32, u8)>,
    /// What the browser measured, as the tracker sends it.
    pub vitals: Option<Vitals>,
}

/// Web vitals: times in milliseconds, `cls` as its score.
#[derive(Clone, Copy, serde::Serialize)]
pub struct Vitals {
    lcp: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    inp: Option<u32>,
    cls: f64,
    fcp: u32,
    ttfb: u32,
}

/// The visits of one day, in no order.
pub struct Visits {
    random: Random,
    day: i64,
    left: u64,
    last: Option<(Visitor, i64)>,
}

impl Visits {
    /// The visits of a UTC day (days since the epoch), around `per_day` page views on an average one.
    pub fn of_day(seed: u64, day: i64, per_day: u32) -> Self {
        let mut random = Random::new(seed ^ (day.cast_unsigned()).wrapping_mul(0xD6E8_FEB8_6659_FD93));
        let weekday = usize::try_from((day + 3).rem_euclid(7)).unwrap_or_default();
        let season = world::WEEKDAYS.get(weekday).copied().unwrap_or(1.0);
        // Slow growth, a slower wave, and some noise; now and then a day that somebody wrote about.
        let trend = 1.0 + 0.15 * (day as f64 / 58.0).sin() + 0.002 * (day.rem_euclid(180) as f64);
        let noise = 0.92 + 0.16 * random.unit();
        let spike = if random.chance(0.03) { 1.7 } else { 1.0 };
        let visits = f64::from(per_day) / PAGES_PER_VISIT * season * trend * noise * spike / 1.15;
        Self { random, day, left: visits as u64, last: None }
    }

    /// One visit that starts at `start`, by a visitor of now.
    pub fn at(random: &mut Random, start: Millis) -> Vec<Hit> {
        let (visitor, _) = new_visitor(random);
        visit(random, visitor, start)
    }
}

impl Iterator for Visits {
    type Item = Vec<Hit>;

    fn next(&mut self) -> Option<Vec<Hit>> {
        self.left = self.left.checked_sub(1)?;
        let random = &mut self.random;
        let (visitor, hours_ahead) = match self.last {
            Some(known) if random.chance(RETURN_SHARE) => known,
            _ => new_visitor(random),
        };
        self.last = Some((visitor, hours_ahead));
        let hours: Vec<(u32, i64)> = world::HOURS.iter().copied().zip(0..).collect();
        let hour = (random.pick(&hours) - hours_ahead).rem_euclid(24);
        let within = i64::try_from(random.below(3_600_000)).unwrap_or_default();
        let start = Millis(self.day * DAY_MS + hour * 3_600_000 + within);
        Some(visit(random, visitor, start))
    }
}

fn new_visitor(random: &mut Random) -> (Visitor, i64) {
    let place = random.pick(world::PLACES);
    let number = u32::from_be_bytes(place.first) + u32::try_from(random.below(u64::from(place.count))).unwrap_or(0);
    let (agent, screen_width) = *random.pick(world::BROWSERS);
    let agent = if random.chance(ROBOT_SHARE) { *random.pick(world::ROBOTS) } else { agent };
    let visitor = Visitor { address: Ipv4Addr::from(number), agent, screen_width, language: place.language };
    (visitor, place.hours_ahead)
}

fn visit(random: &mut Random, visitor: Visitor, start: Millis) -> Vec<Hit> {
    let (origin, query) = *random.pick(world::ORIGINS);
    let mut hits = Vec::new();
    let (mut at, mut referrer, mut query) = (start, origin, query);
    let mut path = page(random);
    loop {
        let read_ms = random.exponential(35_000.0).clamp(2_000.0, 900_000.0);
        let hit = |at, name| Hit {
            at,
            visitor,
            name,
            target: path.clone(),
            referrer: None,
            prop: None,
            engagement: None,
            vitals: None,
        };
        hits.push(Hit { target: format!("{path}{query}"), referrer, ..hit(at, "pageview") });
        if random.chance(EVENT_SHARE) {
            let (name, prop, value) = *random.pick(world::EVENTS);
            hits.push(Hit { prop: Some((prop, value)), ..hit(at.plus((read_ms * 0.8) as i64), name) });
        }
        let scroll = u8::try_from(20 + random.below(81)).unwrap_or(100);
        let leave = at.plus(read_ms as i64);
        let vitals = random.chance(MEASURED_SHARE).then(|| measured(random, &visitor, &path));
        hits.push(Hit { engagement: Some(((read_ms * 0.7) as u32, scroll)), vitals, ..hit(leave, "engagement") });
        if !random.chance(1.0 - 1.0 / PAGES_PER_VISIT) {
            return hits;
        }
        (at, referrer, query) = (leave.plus(200), None, "");
        path = if random.chance(USUAL_SHARE) { usual_after(&path) } else { page(random) };
    }
}

/// The page that most go on to.
fn usual_after(path: &str) -> String {
    let usual = world::USUAL.iter().find(|(from, _)| path.starts_with(from));
    usual.map_or("/", |(_, to)| to).to_owned()
}

/// Phones are slower than desks, and long articles than the rest.
fn measured(random: &mut Random, visitor: &Visitor, path: &str) -> Vitals {
    let phone = visitor.screen_width <= PHONE_WIDTH_MAX;
    let of_page = if path.starts_with("/blog/") { 1.3 } else { 1.0 };
    let slow = if phone { 1.7 * of_page } else { of_page };
    let mut ms = |mean: f64| (mean * slow * 0.4 + random.exponential(mean * slow * 0.6)) as u32;
    let ttfb = ms(320.0);
    let fcp = ttfb + ms(520.0);
    let lcp = fcp + ms(640.0);
    let inp = ms(90.0);
    let cls = (random.exponential(0.04) * slow * 1_000.0).round() / 1_000.0;
    // Who only reads touches nothing.
    Vitals { lcp, inp: random.chance(0.6).then_some(inp), cls, fcp, ttfb }
}

fn page(random: &mut Random) -> String {
    let known = world::PAGES.len() as u64;
    let rank = random.zipf(known + world::ARTICLES);
    let page = usize::try_from(rank).ok().and_then(|rank| world::PAGES.get(rank));
    page.map_or_else(|| format!("/blog/article-{}", rank - known + 1), |page| (*page).to_owned())
}
