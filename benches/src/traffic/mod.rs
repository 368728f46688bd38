//! Seeded traffic of one imagined site: visits whose limits are known while they are made, so that what a program counts can
//! be held against them. The tables are in [`world`].
//!
//! A visitor comes once or several times a day; its visits are more than thirty idle minutes apart and never cross midnight
//! UTC. So Footfall's visits (cut at site-local midnight, here UTC) and Plausible's are the same visits.

pub mod random;
pub mod world;

use std::net::{IpAddr, Ipv4Addr};

use model::{Arrival, Domain, Engagement, Kind, Millis, Peer, Signals, Site};

use random::Random;
use world::World;

/// The site's name.
pub const SITE: &str = "bench.example";
/// Milliseconds of a day.
pub const DAY_MS: i64 = 86_400_000;
/// 2026-11-23, the last day of generated traffic, in days since the epoch.
pub const LAST_DAY: i64 = 20_780;

const PAGES_PER_VISIT: f64 = 2.4;
const VISITS_PER_VISITOR: f64 = 1.2;
const EVENT_SHARE: f64 = 0.04;
const READ_MS_MEAN: f64 = 35_000.0;
/// Well below thirty minutes, so that nobody reads into a new visit.
const READ_MS_MAX: f64 = 900_000.0;
/// Between two visits of a visitor: never less than thirty-one idle minutes.
const PAUSE_MS_MIN: i64 = 31 * 60_000;

/// One visit, with what it comes to by the definitions both programs share.
pub struct Visit {
    /// The visitor's number within the day.
    pub visitor: u32,
    /// Its address.
    pub address: Ipv4Addr,
    /// Its user agent and window width, by number in [`World::agents`].
    pub agent: usize,
    /// Where it came from, by number in [`World::origins`].
    pub origin: usize,
    /// The language of the place it comes from.
    pub language: &'static str,
    /// First and last hit that is not engagement.
    pub start: Millis,
    /// See `start`.
    pub end: Millis,
    /// First and last page, by number in [`World::pages`].
    pub entry_page: u32,
    /// See `entry_page`.
    pub exit_page: u32,
    /// How many pages were viewed.
    pub pageviews: u32,
    /// Page views and custom events.
    pub events: u32,
}

impl Visit {
    /// One page view and nothing interactive.
    pub const fn is_bounce(&self) -> bool {
        self.pageviews == 1 && self.events == 1
    }
}

/// What happened at a step of a visit.
#[derive(Clone, Copy)]
pub enum What {
    /// A page was viewed; the visit's first one carries its origin.
    View {
        /// Whether it is the visit's first.
        first: bool,
    },
    /// A custom event, by number in [`world::EVENTS`].
    Event(usize),
    /// Attention to the page.
    Engagement(Engagement),
}

/// One hit of a visit.
#[derive(Clone, Copy)]
pub struct Step {
    /// When.
    pub at: Millis,
    /// Number in [`Day::visits`].
    pub visit: u32,
    /// The page, by number in [`World::pages`].
    pub page: u32,
    /// What.
    pub what: What,
    /// The hit's own random id, as the tracker sends one.
    pub id: u64,
}

/// A day of traffic.
pub struct Day {
    /// Its visits, by visitor.
    pub visits: Vec<Visit>,
    /// Their hits, in order of time.
    pub steps: Vec<Step>,
}

impl Day {
    /// About `pageviews` page views on a day (days since the epoch); a day depends on the seed and itself alone.
    pub fn new(world: &World, seed: u64, day: i64, pageviews: u32) -> Self {
        let mut random = Random::new(seed ^ day.cast_unsigned().wrapping_mul(0xD6E8_FEB8_6659_FD93));
        let mut made = Self { visits: Vec::new(), steps: Vec::new() };
        let visitors = f64::from(pageviews) / PAGES_PER_VISIT / VISITS_PER_VISITOR;
        for visitor in 0..visitors as u32 {
            made.add_visitor(world, &mut random, visitor, day);
        }
        made.steps.sort_by_key(|step| step.at);
        made
    }

    /// Page views of the day.
    pub fn pageviews(&self) -> u64 {
        self.visits.iter().map(|visit| u64::from(visit.pageviews)).sum()
    }

    /// One hit as a door would hand it over.
    pub fn arrival(&self, world: &World, step: &Step) -> Option<Arrival> {
        let visit = self.visits.get(usize::try_from(step.visit).ok()?)?;
        let (path, agent) = (world.page(step.page), world.agent(visit.agent));
        let peer = Peer { address: IpAddr::V4(visit.address), agent: agent.name.as_str().into() };
        let mut arrival = Arrival {
            screen_width: Some(agent.screen_width),
            language: Some(visit.language.into()),
            ..pageview(step.at, step.id, "", peer)
        };
        let mut query = "";
        match step.what {
            What::View { first: true } => {
                let origin = world.origin(visit.origin);
                query = origin.query.as_str();
                arrival.referrer = origin.referrer.as_deref().map(Into::into);
            }
            What::View { first: false } => {}
            What::Event(number) => {
                let (name, property, value) = world::event(number);
                arrival.kind = Kind::Event { name: name.into(), interactive: true };
                arrival.props = vec![(property.into(), value.into())];
            }
            What::Engagement(engagement) => arrival.kind = Kind::Engagement(engagement),
        }
        arrival.url = format!("https://{SITE}{path}{query}").into();
        Some(arrival)
    }

    fn add_visitor(&mut self, world: &World, random: &mut Random, visitor: u32, day: i64) {
        let (address, hours_ahead, language) = world.place(random, visitor);
        let agent = world.pick_agent(random);
        let midnight = (day + 1) * DAY_MS;
        let within = i64::try_from(random.below(3_600_000)).unwrap_or_default();
        let mut start = Millis(day * DAY_MS + world.hour(random, hours_ahead) * 3_600_000 + within);
        loop {
            let number = u32::try_from(self.visits.len()).unwrap_or(u32::MAX);
            let origin = world.pick_origin(random);
            let page = world.pick_page(random);
            self.visits.push(Visit {
                visitor,
                address,
                agent,
                origin,
                language,
                start,
                end: start,
                entry_page: page,
                exit_page: page,
                pageviews: 0,
                events: 0,
            });
            let left = self.add_steps(world, random, number, page, midnight);
            let pause = random.exponential(3.0 * 3_600_000.0) as i64;
            start = left.plus(PAUSE_MS_MIN + pause);
            if !random.chance(1.0 - 1.0 / VISITS_PER_VISITOR) || start.0 >= midnight {
                return;
            }
        }
    }

    /// The hits of one visit; returns when it was left for good. Engagement past midnight is not sent.
    fn add_steps(&mut self, world: &World, random: &mut Random, number: u32, first_page: u32, midnight: i64) -> Millis {
        let Some(visit) = self.visits.last_mut() else { return Millis(midnight) };
        let (mut at, mut page) = (visit.start, first_page);
        loop {
            let mut step =
                |at: Millis, page, what| self.steps.push(Step { at, visit: number, page, what, id: random.bits() });
            step(at, page, What::View { first: visit.pageviews == 0 });
            (visit.pageviews, visit.events, visit.exit_page, visit.end) =
                (visit.pageviews + 1, visit.events + 1, page, at);
            let read_ms = random.exponential(READ_MS_MEAN).clamp(2_000.0, READ_MS_MAX);
            let event_at = at.plus((read_ms * 0.8) as i64);
            if random.chance(EVENT_SHARE) && event_at.0 < midnight {
                let event = What::Event(world::pick_event(random));
                self.steps.push(Step { at: event_at, visit: number, page, what: event, id: random.bits() });
                (visit.events, visit.end) = (visit.events + 1, event_at);
            }
            let leave = at.plus(read_ms as i64);
            if leave.0 < midnight {
                let scroll_percent = u8::try_from(20 + random.below(81)).ok();
                let engagement =
                    Engagement { engaged_ms: (read_ms * 0.7) as u32, scroll_percent, ..Engagement::default() };
                self.steps.push(Step {
                    at: leave,
                    visit: number,
                    page,
                    what: What::Engagement(engagement),
                    id: random.bits(),
                });
            }
            at = leave.plus(200);
            if !random.chance(1.0 - 1.0 / PAGES_PER_VISIT) || at.0 >= midnight {
                return leave;
            }
            page = world.pick_page(random);
        }
    }
}

/// A page view and nothing besides.
pub fn pageview(at: Millis, id: u64, url: &str, peer: Peer) -> Arrival {
    Arrival {
        site: SITE.into(),
        at,
        id: Some(id),
        kind: Kind::Pageview,
        url: url.into(),
        referrer: None,
        props: Vec::new(),
        revenue: None,
        screen_width: None,
        language: None,
        signals: Signals::default(),
        peer,
    }
}

/// The site as it is configured for every measurement: UTC, everything counted.
pub fn site() -> Site {
    Site::new(Domain::parse(SITE).expect("a host name"))
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn a_day_has_about_the_page_views_asked_for_and_depends_on_its_seed() {
        let world = World::new();
        let day = |seed| Day::new(&world, seed, LAST_DAY, 5_000);
        assert!((4_000..6_000).contains(&day(1).pageviews()));
        assert_eq!(day(1).pageviews(), day(1).pageviews());
        assert_ne!(day(1).steps[0].id, day(2).steps[0].id);
    }

    #[test]
    fn visits_of_a_visitor_are_apart_and_within_the_day() {
        let world = World::new();
        let day = Day::new(&world, 3, LAST_DAY, 5_000);
        let mut ends: HashMap<u32, Millis> = HashMap::new();
        for visit in &day.visits {
            assert!(visit.start.0.div_euclid(DAY_MS) == LAST_DAY && visit.end.0.div_euclid(DAY_MS) == LAST_DAY);
            if let Some(end) = ends.insert(visit.visitor, visit.end) {
                assert!(visit.start.0 - end.0 > 30 * 60_000);
            }
        }
    }

    #[test]
    fn no_two_visitors_of_a_day_share_an_address() {
        let world = World::new();
        let day = Day::new(&world, 4, LAST_DAY, 20_000);
        let mut owners: HashMap<Ipv4Addr, u32> = HashMap::new();
        for visit in &day.visits {
            assert_eq!(*owners.entry(visit.address).or_insert(visit.visitor), visit.visitor);
        }
    }

    #[test]
    fn every_hit_is_admitted() {
        let world = World::new();
        let day = Day::new(&world, 5, LAST_DAY, 2_000);
        let site = site();
        for step in &day.steps {
            assert!(fold::admit(day.arrival(&world, step).unwrap(), &site).is_ok());
        }
    }
}
