//! A day as its seed draws it: a place with its own midnight, people and what they do, and what happens to the machines.
//!
//! It is only written down here; `driver` lets it happen. Traffic follows the same habits as the property tests of `fold`: few
//! of everything, so that visitors, pages and sources meet in every way, often just around the end of a visit.

use fold::calendar::Zone;
use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use model::definition::{Action, Effective, Filter, Funnel, Goal, Lists, Operator, Pattern, Step as FunnelStep, Test};
use model::{
    BotClass, Campaign, Dimension, Engagement, Kind, LocalDay, Millis, Mode, Referrer, Refusal, Revenue, Right,
    Signals, Site, Tally, Vital, Vitals,
};

use crate::random::Random;
use crate::sent::{CHROME, HOUR, IPHONE, MINUTE, Sent, site};
use crate::world::Role;

const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0";
const AGENTS: [&str; 3] = [CHROME, IPHONE, FIREFOX];
const ADDRESSES: [&str; 16] = [
    "192.0.2.1",
    "192.0.2.2",
    "192.0.2.3",
    "192.0.2.77",
    "198.51.100.4",
    "198.51.100.5",
    "198.51.100.200",
    "203.0.113.9",
    "203.0.113.10",
    "203.0.113.99",
    "2001:db8::1",
    "2001:db8::2",
    "2001:db8:1::1",
    "2001:db8:2::1",
    "2001:db8:ffff::9",
    "::ffff:192.0.2.200",
];

/// Days that are like no others, and some that are like most: a zone, and a day in it.
const DAYS: [(&str, Date); 22] = [
    ("America/New_York", date(2026, 3, 8)),
    ("America/New_York", date(2026, 11, 1)),
    ("America/New_York", date(2026, 7, 4)),
    ("Europe/Berlin", date(2026, 3, 29)),
    ("Europe/Berlin", date(2026, 10, 25)),
    ("Europe/Berlin", date(2026, 12, 31)),
    ("Australia/Lord_Howe", date(2026, 4, 5)),
    ("Australia/Lord_Howe", date(2026, 10, 4)),
    ("Australia/Lord_Howe", date(2026, 6, 1)),
    ("America/Havana", date(2026, 3, 8)),
    ("America/Havana", date(2026, 11, 1)),
    ("America/Sao_Paulo", date(2018, 11, 4)),
    ("Asia/Tokyo", date(2026, 6, 1)),
    ("Asia/Tokyo", date(2028, 2, 29)),
    ("Asia/Tokyo", date(2100, 2, 28)),
    ("Asia/Kolkata", date(2026, 1, 31)),
    ("Asia/Kathmandu", date(2026, 5, 31)),
    ("Pacific/Apia", date(2026, 5, 10)),
    // The day after it did not exist in Samoa.
    ("Pacific/Apia", date(2011, 12, 29)),
    ("UTC", date(2038, 1, 19)),
    ("UTC", date(2026, 12, 31)),
    ("Pacific/Auckland", date(2026, 4, 5)),
];

/// Longest stretch that is scripted. A day, and what comes before and after it.
const SPAN_MAX: i64 = 40 * HOUR;

/// What is written down.
pub struct Script {
    /// Its sites.
    pub sites: Vec<Site>,
    /// When it begins.
    pub begins: Millis,
    /// Whether one process holds everything, as `footfall serve` does; else partitions move between several.
    pub embedded: bool,
    /// The journal's partitions.
    pub partitions: u32,
    /// Processes among which partitions move.
    pub processes: usize,
    /// Rows of one block of an insert.
    pub block_rows: usize,
    /// What happens, in order.
    pub steps: Vec<Step>,
}

/// Something that happens.
pub struct Step {
    /// When, by the true time.
    pub at: Millis,
    /// What.
    pub what: What,
    /// How long machines then work before the next thing happens.
    pub works_ms: u64,
}

/// What happens.
pub enum What {
    /// A request arrives at one of the collectors.
    Request(usize, Vec<Sent>),
    /// A collector writes down whom it turned away.
    Refused(usize, Tally),
    /// A visitor asks for something.
    Ask(usize, Right, Box<Sent>),
    /// A clock is wrong from now on, or right again.
    Clock(Role, i64),
    /// The brokers go away, or come back.
    Brokers(bool),
    /// The store goes away, or comes back.
    Store(bool),
    /// A process is killed, wherever it is.
    Kill(usize),
    /// A collector is killed, wherever it is.
    Crash(usize),
    /// A process is asked to stop, and started again.
    Restart(usize),
    /// A process stands still, and others take its partitions over.
    Freeze(usize),
    /// All that stand still go on.
    Thaw,
    /// A partition moves to a process; suddenly, or after its owner was asked.
    Move(u32, usize, bool),
    /// Nothing processes for longer than keys live; whoever came before does not come again.
    LongOutage,
    /// Processes run again.
    OutageEnds,
}

impl Script {
    /// Writes a seed's day down.
    pub fn draw(random: &mut Random) -> Self {
        let (zone, day) = random.pick(&DAYS);
        let others = ["UTC", "Asia/Tokyo", "Asia/Kolkata", zone];
        let mut sites = vec![site("one.example", zone)];
        if random.one_in(3) {
            sites.push(site("two.example", random.pick(&others)));
        }
        for site in &mut sites {
            site.visitors_min = random.pick(&[10, 10, 3, 1]);
        }
        let midnight =
            day.to_zoned_datetime(TimeZone::get(zone).expect("a zone of the list")).expect("a day of the list");
        let begins = midnight.timestamp().as_millisecond() + random.ms(14 * HOUR) - 6 * HOUR;
        define(&mut sites, begins);
        let embedded = random.one_in(3);
        let partitions = 1 + u32::try_from(random.below(3)).unwrap_or_default();
        let processes = if embedded { 1 } else { 2 + random.index(2) };
        let long_outage = random.one_in(16);
        let mut writer = Writer {
            clocks_may_err: !long_outage && sites.iter().all(|site| has_usual_days(site, day)),
            begins,
            now: begins,
            steps: Vec::new(),
            people: people(random),
            next_id: random.next() >> 8,
            embedded,
            partitions,
            processes,
            sites,
        };
        let requests = match random.below(10) {
            0 => 150 + random.below(150),
            1..=3 => 60 + random.below(60),
            _ => 10 + random.below(50),
        };
        let outage_at = if long_outage { random.below(requests) } else { u64::MAX };
        for number in 0..requests {
            if number == outage_at {
                writer.long_outage(random);
            }
            writer.happen(random);
            if number != outage_at && writer.now > begins + SPAN_MAX && !long_outage {
                break;
            }
        }
        let Writer { sites, steps, .. } = writer;
        let block_rows = random.pick(&[16, 40, 200, 100_000]);
        Self { sites, begins: Millis(begins), embedded, partitions, processes, block_rows, steps }
    }
}

/// What some days have defined: a segment of any depth, one that begins within the day, goals, and a funnel. Drawn from the day's
/// beginning, so that what else is drawn does not depend on it.
fn define(sites: &mut [Site], begins: i64) {
    let mut random = Random::new(begins.unsigned_abs());
    for site in sites {
        if !random.one_in(3) {
            continue;
        }
        let test = |dimension, operator, value: &str| {
            Filter::Test(Test { dimension, property: None, operator, values: vec![value.into()] })
        };
        let deep = Filter::All(vec![
            Filter::Any(vec![
                test(Dimension::Browser, Operator::Is, "Chrome"),
                test(Dimension::EntryPage, Operator::Fits, "/*"),
            ]),
            Filter::Not(Box::new(test(Dimension::Source, Operator::Contains, "oo"))),
        ]);
        let seen = test(Dimension::Page, Operator::Is, "/a");
        let action = |page: &str| Action::Page(Pattern(page.into()));
        let step = |action| FunnelStep { label: None, action };
        let funnel =
            Funnel { steps: vec![step(action("/")), step(action("/*")), step(Action::Event("Signup".into()))] };
        let later = begins + random.ms(12 * HOUR);
        let until = random.one_in(2).then(|| Millis(later + random.ms(12 * HOUR)));
        let from_before = Millis(begins - 48 * HOUR);
        let lists = Lists {
            segments: vec![
                Effective { name: "deep".into(), from: from_before, until: None, what: deep },
                Effective { name: "seen".into(), from: Millis(later), until, what: seen },
            ],
            goals: vec![
                Effective { name: "any".into(), from: from_before, until, what: Goal::of(action("/**")) },
                Effective {
                    name: "read".into(),
                    from: from_before,
                    until: None,
                    what: Goal { scroll_percent: Some(40), ..Goal::of(action("/*")) },
                },
                Effective {
                    name: "Signup".into(),
                    from: Millis(later),
                    until: None,
                    what: Goal::of(Action::Event("Signup".into())),
                },
            ],
            funnels: vec![Effective { name: "way".into(), from: from_before, until, what: funnel }],
        };
        site.definitions = lists.into();
    }
}

/// What some reports of attention measured: made of another number, so that what else is drawn does not depend on it.
fn vitals(engaged_ms: u32) -> Vitals {
    let mut vitals = Vitals::default();
    for (at, vital) in (0_u32..).zip(Vital::ALL).filter(|(at, _)| engaged_ms >> at & 1 == 1) {
        vitals.set(vital, engaged_ms.wrapping_mul(at + 3) % 7_000);
    }
    vitals
}

/// Whether the days around this one have no more than 24 hours. Where a clock errs by an hour on a day of 25, keys die before
/// the day's last record may be replayed: the margin is an hour, and an hour of error uses it up.
fn has_usual_days(site: &Site, day: Date) -> bool {
    let zone = Zone::find_or_utc(&site.timezone);
    let number = (day - date(1970, 1, 1)).get_days();
    let length = |day: i32| zone.end_of(LocalDay(day)).0 - zone.end_of(LocalDay(day - 1)).0;
    (number - 2..=number + 3).all(|day| length(day) <= 24 * HOUR)
}

type Person = (&'static str, &'static str);

fn people(random: &mut Random) -> Vec<Person> {
    let most = if random.one_in(3) { 40 } else { 8 };
    let count = 2 + random.index(most);
    (0..count).map(|_| (random.pick(&ADDRESSES), random.pick(&AGENTS))).collect()
}

struct Writer {
    clocks_may_err: bool,
    begins: i64,
    now: i64,
    steps: Vec<Step>,
    people: Vec<Person>,
    next_id: u64,
    embedded: bool,
    partitions: u32,
    processes: usize,
    sites: Vec<Site>,
}

impl Writer {
    fn step(&mut self, what: What, works_ms: u64) {
        self.steps.push(Step { at: Millis(self.now), what, works_ms: works_ms & !1 });
    }

    fn works(random: &mut Random) -> u64 {
        match random.below(8) {
            0..=4 => random.below(60),
            5..=6 => random.below(1_500),
            _ => random.below(8_000),
        }
    }

    /// One request and what follows from it, or something that happens to a machine.
    fn happen(&mut self, random: &mut Random) {
        // Mostly within a visit, and often just around its end. Hours are dear: each has a key to agree on in every replay.
        self.now += match random.below(32) {
            0..=25 => random.ms(2 * MINUTE),
            26..=27 => 5 * MINUTE + random.ms(20 * MINUTE),
            28 => 30 * MINUTE,
            29 => 30 * MINUTE + 1,
            _ => HOUR + random.ms(9 * HOUR),
        };
        if random.one_in(6) {
            self.trouble(random);
        }
        let collector = random.index(2);
        match random.below(40) {
            0..=1 => {
                let reason = random.pick(&[
                    Refusal::RateLimited,
                    Refusal::Bot(BotClass::Declared),
                    Refusal::Bot(BotClass::Library),
                    Refusal::OptedOut,
                ]);
                let site = random.pick(&self.sites).domain;
                let tally =
                    Tally { site, minute: Millis(self.now).minute(), refusal: reason, hits: 1 + random.below(4) };
                self.step(What::Refused(collector, tally), Self::works(random));
            }
            2..=3 => {
                let right = random.pick(&[Right::Erase, Right::Erase, Right::Restrict, Right::Resume, Right::Resume]);
                let sent = self.sent(random);
                self.step(What::Ask(collector, right, Box::new(sent)), Self::works(random));
            }
            _ => self.request(collector, random),
        }
    }

    fn request(&mut self, collector: usize, random: &mut Random) {
        let first = self.sent(random);
        let mut hits = vec![first];
        if random.one_in(8) {
            // A batch of one sender.
            let (address, agent) = (hits[0].address, hits[0].agent);
            for _ in 0..random.below(3) {
                let sent = self.sent(random);
                hits.push(Sent { address, agent, site: hits[0].site.clone(), ..sent });
            }
        }
        let back = match random.below(10) {
            0 => random.ms(10 * MINUTE),
            1 => random.ms(5 * HOUR),
            _ => 0,
        };
        // What is dated back waited somewhere else, and never longer than the site has been measured.
        hits.iter_mut().for_each(|hit| hit.at = -(back.min(self.now - self.begins)));
        let again = random.one_in(6).then(|| hits.clone());
        self.step(What::Request(collector, hits), Self::works(random));
        if let Some(again) = again {
            // A browser sends once more what it has heard nothing about.
            self.now += random.ms(MINUTE);
            self.step(What::Request(random.index(2), again), Self::works(random));
        }
    }

    fn trouble(&mut self, random: &mut Random) {
        let process = random.index(self.processes);
        match random.below(18) {
            0..=3 => self.step(What::Kill(process), random.below(3_000)),
            4..=5 => self.step(What::Restart(process), random.below(3_000)),
            6..=7 if !self.embedded => self.step(What::Freeze(process), random.below(3_000)),
            8 => self.step(What::Thaw, random.below(3_000)),
            9..=11 if !self.embedded => {
                for _ in 0..=random.below(4) {
                    let partition = u32::try_from(random.below(self.partitions.into())).unwrap_or_default();
                    let to = random.index(self.processes);
                    self.step(What::Move(partition, to, random.one_in(2)), random.below(2_000));
                }
            }
            12 if !self.embedded => {
                let back = self.steps.iter().rev().find_map(|step| match step.what {
                    What::Brokers(away) => Some(away),
                    _ => None,
                });
                self.step(What::Brokers(!back.unwrap_or(false)), 200);
            }
            13 => {
                let away = self.steps.iter().rev().find_map(|step| match step.what {
                    What::Store(away) => Some(away),
                    _ => None,
                });
                self.step(What::Store(!away.unwrap_or(false)), 200);
            }
            14..=15 if self.clocks_may_err => {
                let wrong = self.steps.iter().rev().find_map(|step| match step.what {
                    What::Clock(role, error) if error != 0 => Some(Some(role)),
                    What::Clock(..) => Some(None),
                    _ => None,
                });
                // One clock at a time, so that what one hour of error may do is what is seen.
                let (role, error) = match wrong.flatten() {
                    Some(role) => (role, 0),
                    None => (
                        random.pick(&[Role::Broker, Role::Collector, Role::Processor]),
                        random.pick(&[HOUR, -HOUR, 90_000, -90_000, 1_000, -1_000]),
                    ),
                };
                self.step(What::Clock(role, error), 0);
            }
            16..=17 => self.step(What::Crash(random.index(2)), random.below(3_000)),
            _ => {}
        }
    }

    fn long_outage(&mut self, random: &mut Random) {
        self.step(What::LongOutage, 0);
        // Other people come now: what was known of the first cannot be known any more.
        let before = std::mem::take(&mut self.people);
        self.people = people(random);
        self.people.retain(|person| !before.contains(person));
        if self.people.is_empty() {
            self.people.push(("203.0.113.250", FIREFOX));
        }
        let begin = self.now;
        // What is said now is not dated back to when the others were there.
        self.begins = begin;
        let until = begin + (29 + random.ms(20)) * HOUR;
        while self.now < until {
            self.now += match random.below(4) {
                0..=1 => random.ms(30 * MINUTE),
                _ => random.ms(8 * HOUR),
            };
            let collector = random.index(2);
            self.request(collector, random);
        }
        self.now += random.ms(HOUR);
        self.step(What::OutageEnds, 0);
        self.begins = self.now;
    }

    fn sent(&mut self, random: &mut Random) -> Sent {
        let (address, agent) = random.pick(&self.people);
        let (mode, signals) = match random.below(22) {
            0 => (Mode::Exempt, Signals::default()),
            1 => (Mode::Exempt, Signals::UNCLEAR),
            2 => (Mode::Minimal, Signals::DNT),
            3 => (Mode::Minimal, Signals::TCF_REFUSED.with(Signals::DNT)),
            _ => (Mode::Full, Signals::default()),
        };
        let kind = match random.below(11) {
            0..=5 => Kind::Pageview,
            6..=8 => Kind::Event { name: (random.pick(&["Signup", "Download"])).into(), interactive: random.one_in(2) },
            _ => {
                let engaged_ms = u32::try_from(random.below(60_000)).unwrap_or_default();
                let scroll_percent = random.one_in(2).then(|| u8::try_from(random.below(101)).unwrap_or_default());
                Kind::Engagement(Engagement { engaged_ms, scroll_percent, vitals: vitals(engaged_ms) })
            }
        };
        let referrer = [None, Some(("google.com", "/")), Some(("example.org", "/x")), Some(("example.org", "/y/"))];
        let referrer = random.pick(&referrer).map(|(host, path)| Referrer { host: host.into(), path: path.into() });
        let mut word = |words: [&str; 2]| random.one_in(5).then(|| Box::from(random.pick(&words)));
        let campaign = Campaign {
            source: word(["google", "news"]),
            medium: word(["email", "cpc"]),
            name: word(["spring", "autumn"]),
            term: word(["t", "u"]),
            content: None,
            click_id: None,
        };
        let props = [("plan", "free"), ("plan", "pro"), ("size", "l")];
        let props = (0..random.below(3)).map(|_| random.pick(&props)).map(|(name, value)| (name.into(), value.into()));
        let props = props.collect();
        let revenue = random.one_in(3).then(|| random.ms(5_000_000));
        // One amount in a few is of another currency than its site's.
        let currency = |micros: i64| if micros % 4 == 0 { *b"JPY" } else { *b"EUR" };
        let revenue = revenue.map(|micros| Revenue { currency: currency(micros), micros });
        self.next_id += 1;
        Sent {
            site: random.pick(&self.sites),
            at: 0,
            id: (!random.one_in(10)).then_some(self.next_id),
            mode,
            signals,
            kind,
            host: random.pick(&["", "example.com", "shop.example.com"]),
            path: random.pick(&["/", "/a", "/b", "/c"]),
            campaign,
            referrer,
            props,
            revenue,
            screen_width: random.pick(&[None, Some(400), Some(1_300)]),
            language: random.pick(&[None, Some("de"), Some("ja")]).map(Into::into),
            address,
            agent,
        }
    }
}
