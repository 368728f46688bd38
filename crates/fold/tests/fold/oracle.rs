//! The naive recount: keeps every hit, looks at complete visits, and finds every cell by brute force with sets of visitors
//! and visits. Written from the definitions (`model::Counts`, the design, decision 0021), it shares with the fold only the tables of
//! names.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Deref;

use fold::enrich::{agent, screen_class, source};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use model::counts::{LABELLED, LABELS, PAIRED};
use model::definition::{Action, Effective, Filter, Funnel, Operator};
use model::{
    Cell, Counts, Dimension, Domain, Kind, LedgerLine, LocalDay, Lowering, Measured, Millis, Mode, Outcome, Refusal,
    Right, Signals,
};

use crate::sent::{Op, Sent};

/// Site, day, hour, dimension, value, by, its value.
pub type Key = (Domain, LocalDay, Option<u8>, Dimension, String, Dimension, String);

/// What everything comes to, without cells and lines of zero.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Sums {
    pub cells: BTreeMap<Key, Counts>,
    pub ledger: BTreeMap<(Domain, i64, Outcome), i64>,
}

impl Sums {
    pub fn add(&mut self, cells: Vec<Cell>, ledger: Vec<LedgerLine>) {
        for Cell { site, day, hour, dimension, value, by, by_value, counts } in cells {
            *self.cells.entry((site, day, hour, dimension, value.into(), by, by_value.into())).or_default() += counts;
        }
        for LedgerLine { site, minute, outcome, hits } in ledger {
            *self.ledger.entry((site, minute, outcome)).or_default() += hits;
        }
        self.cells.retain(|_, counts| !counts.is_zero());
        self.ledger.retain(|_, hits| *hits != 0);
    }
}

/// Counts the operations again.
pub fn recount(ops: &[Op]) -> Sums {
    let mut recount = Recount::default();
    for op in ops {
        match op {
            Op::Hit(sent) => recount.hit(sent),
            Op::Tally(tally) => {
                let key = (tally.site.clone(), tally.minute, Outcome::Refused(tally.refusal));
                *recount.ledger.entry(key).or_default() += i64::try_from(tally.hits).unwrap();
            }
            Op::Close(now) => recount.close(now.0),
            Op::Ask(right, sent) => recount.ask(*right, sent),
        }
    }
    recount.sums()
}

#[derive(Default)]
struct Recount {
    closed_at: i64,
    ids: BTreeSet<(Domain, u64)>,
    ledger: BTreeMap<(Domain, i64, Outcome), i64>,
    people: BTreeMap<Person, Vec<Kept>>,
    attention: Vec<Attention>,
    /// Days that somebody's hit or request has opened.
    opened: BTreeSet<(Domain, LocalDay)>,
    restricted: BTreeSet<Person>,
    without_visitor: Vec<Sent>,
}

/// A hit with a visitor, whose time never runs backwards.
struct Kept {
    sent: Sent,
    /// When it was received, which is what definitions ask for.
    received: i64,
}

impl Deref for Kept {
    type Target = Sent;
    fn deref(&self) -> &Sent {
        &self.sent
    }
}

/// A report of attention: whose, whether by a visitor who was known, and had been on the page.
struct Attention {
    person: Person,
    sent: Sent,
    known: bool,
    been_here: bool,
    /// How many hits of the visitor came before.
    hits_before: usize,
}

/// Site, local day, address and agent.
type Person = (Domain, LocalDay, &'static str, &'static str);

/// A cell's dimensions and values, without site and bucket.
type Place = (Dimension, String, Dimension, String);

#[derive(Default)]
struct Tally {
    visitors: BTreeSet<Person>,
    visits: BTreeSet<(Person, usize)>,
    counts: Counts,
}

impl Recount {
    fn hit(&mut self, sent: &Sent) {
        let outcome = self.outcome(sent);
        *self.ledger.entry((sent.site.domain.clone(), Millis(sent.at).minute(), outcome)).or_default() += 1;
        let person = person(sent, wall(sent, sent.at).0);
        match (outcome, &sent.kind) {
            (Outcome::Minimal(_) | Outcome::Late, Kind::Engagement(_)) | (Outcome::Refused(_), _) => {}
            (Outcome::Minimal(_), _) => self.without_visitor.push(sent.clone()),
            // Money is a visitor's.
            (Outcome::Late, _) => self.without_visitor.push(Sent { revenue: None, ..sent.clone() }),
            (Outcome::Counted(_), Kind::Engagement(_)) => {
                let known = self.people.get(&person);
                let been_here = known.is_some_and(|hits| hits.iter().any(|hit| hit.path == sent.path));
                let hits_before = known.map_or(0, Vec::len);
                let known = known.is_some();
                self.attention.push(Attention { person, sent: sent.clone(), known, been_here, hits_before });
            }
            (Outcome::Counted(_), _) => {
                let hits = self.people.entry(person).or_default();
                let at = hits.last().map_or(sent.at, |last| last.at.max(sent.at));
                hits.push(Kept { sent: Sent { at, ..sent.clone() }, received: sent.at });
            }
        }
    }

    fn close(&mut self, now: i64) {
        self.closed_at = self.closed_at.max(now);
    }

    fn ask(&mut self, right: Right, sent: &Sent) {
        if !is_over(sent, wall(sent, sent.at).0, self.closed_at) {
            self.opened.insert((sent.site.domain.clone(), wall(sent, sent.at).0));
        }
        let site = |day: &&(Domain, LocalDay)| day.0 == sent.site.domain;
        let open: Vec<LocalDay> = self.opened.iter().filter(site).map(|(_, day)| *day).collect();
        for day in open.into_iter().filter(|day| !is_over(sent, *day, self.closed_at)) {
            let person = person(sent, day);
            match right {
                Right::Restrict => drop(self.restricted.insert(person)),
                Right::Resume => drop(self.restricted.remove(&person)),
                Right::Erase => {
                    let erased = self.people.remove(&person).unwrap_or_default();
                    let mut erased: Vec<Sent> = erased.into_iter().map(|hit| hit.sent).collect();
                    let theirs = |attention: &mut Attention| attention.known && attention.person == person;
                    erased.extend(self.attention.extract_if(.., theirs).map(|attention| attention.sent));
                    for hit in &erased {
                        for (outcome, change) in
                            [(Outcome::Counted(measured(hit)), -1), (Outcome::Refused(Refusal::Erased), 1)]
                        {
                            let minute = Millis(sent.at).minute().min((midnight(sent, day) - 1).div_euclid(60_000));
                            let line = (sent.site.domain.clone(), minute, outcome);
                            *self.ledger.entry(line).or_default() += change;
                        }
                    }
                }
            }
        }
    }

    fn outcome(&mut self, sent: &Sent) -> Outcome {
        let day = wall(sent, sent.at).0;
        let is_late = is_over(sent, day, self.closed_at);
        if !is_late {
            self.opened.insert((sent.site.domain.clone(), day));
        }
        if sent.id.is_some_and(|id| !self.ids.insert((sent.site.domain.clone(), id))) {
            return Outcome::Refused(Refusal::Duplicate);
        }
        if is_late {
            return Outcome::Late;
        }
        match sent.mode {
            Mode::Exempt | Mode::Full if self.restricted.contains(&person(sent, day)) => {
                Outcome::Refused(Refusal::Restricted)
            }
            Mode::Exempt | Mode::Full => Outcome::Counted(measured(sent)),
            Mode::Minimal | Mode::Off => Outcome::Minimal(lowering(sent)),
        }
    }

    fn sums(self) -> Sums {
        let mut tallies: HashMap<(Domain, LocalDay, Option<u8>, Place), Tally> = HashMap::new();
        let mut at = |site: &Domain, (day, hour): (LocalDay, u8), place: &Place, change: &mut dyn FnMut(&mut Tally)| {
            change(tallies.entry((site.clone(), day, None, place.clone())).or_default());
            if place.2 == Dimension::Total && place.0 != Dimension::Vital {
                change(tallies.entry((site.clone(), day, Some(hour), place.clone())).or_default());
            }
        };
        for sent in &self.without_visitor {
            let when = wall(sent, sent.at);
            for place in [total(), single(Dimension::Page, sent.path)] {
                at(&sent.site.domain, when, &place, &mut |tally| view(tally, sent, &place));
            }
        }
        let mut deepest: BTreeMap<(&Person, &str), u8> = BTreeMap::new();
        for Attention { person, sent, been_here, .. } in &self.attention {
            let Kind::Engagement(engagement) = sent.kind else { unreachable!() };
            let mut change = Counts { engaged_ms: engagement.engaged_ms.into(), ..Counts::default() };
            if let Some(percent) = engagement.scroll_percent.filter(|_| *been_here) {
                let before = deepest.insert((person, sent.path), percent);
                let deeper = before.unwrap_or(0).max(percent);
                deepest.insert((person, sent.path), deeper);
                change.scroll_percent = i64::from(deeper) - i64::from(before.unwrap_or(0));
                change.scroll_visitors = i64::from(before.is_none());
            }
            let when = wall(sent, sent.at);
            for place in [total(), single(Dimension::Page, sent.path)] {
                at(&sent.site.domain, when, &place, &mut |tally| tally.counts += change);
            }
            for place in measured_places(sent, &engagement) {
                at(&sent.site.domain, when, &place, &mut |tally| tally.counts.events += 1);
            }
        }
        let mut reached = BTreeSet::new();
        for attention in &self.attention {
            let Attention { person, sent, .. } = attention;
            let Some(hits) = self.people.get(person).filter(|_| attention.known) else { continue };
            let (number, visit, places) = scrolled_places(hits, attention, &mut reached);
            let (when, start) = (wall(sent, sent.at), wall(&visit[0], visit[0].at));
            for place in places {
                at(&person.0, when, &place, &mut |tally| {
                    tally.visitors.insert(person.clone());
                    tally.counts.events += 1;
                });
                at(&person.0, start, &place, &mut |tally| {
                    tally.visits.insert((person.clone(), number));
                });
            }
        }
        for (person, hits) in &self.people {
            for (number, visit) in visits(hits).enumerate() {
                let start = wall(&visit[0], visit[0].at);
                for (index, hit) in visit.iter().enumerate() {
                    let when = wall(hit, hit.at);
                    let labelled = labelled_places(&hits[0], visit, index);
                    for place in places(&hits[0], visit, index, true).into_iter().chain(labelled) {
                        at(&person.0, when, &place, &mut |tally| {
                            tally.visitors.insert(person.clone());
                            view(tally, hit, &place);
                        });
                        at(&person.0, start, &place, &mut |tally| {
                            tally.visits.insert((person.clone(), number));
                        });
                    }
                }
                let whole = whole_visit(&hits[0], visit);
                for (place, counts) in labelled_visit(&hits[0], visit, &whole).into_iter().chain(whole) {
                    at(&person.0, start, &place, &mut |tally| {
                        tally.counts += counts;
                        if place.0 == Dimension::ExitPage {
                            tally.visitors.insert(person.clone());
                        }
                    });
                }
            }
        }
        for (person, hits) in &self.people {
            for (from, to) in visits(hits).flat_map(ways) {
                let place = (Dimension::Page, from.to_owned(), Dimension::NextPage, to.to_owned());
                at(&person.0, (person.1, 0), &place, &mut |tally| {
                    tally.visitors.insert(person.clone());
                    tally.counts.pageviews += 1;
                });
            }
            for (funnel, steps) in funnels(hits) {
                for step in 1..=steps {
                    let place = (Dimension::Funnel, funnel.clone(), Dimension::Step, step.to_string());
                    at(&person.0, (person.1, 0), &place, &mut |tally| {
                        tally.visitors.insert(person.clone());
                    });
                }
            }
        }
        let mut sums = Sums { ledger: self.ledger, ..Sums::default() };
        sums.ledger.retain(|_, hits| *hits != 0);
        for ((site, day, hour, (dimension, value, by, by_value)), tally) in tallies {
            let mut counts = tally.counts;
            counts.visitors += i64::try_from(tally.visitors.len()).unwrap();
            counts.visits += i64::try_from(tally.visits.len()).unwrap();
            sums.cells.insert((site, day, hour, dimension, value, by, by_value), counts);
        }
        sums.cells.retain(|_, counts| !counts.is_zero());
        sums
    }
}

/// Site-local day and hour on the wall.
fn wall(sent: &Sent, at: i64) -> (LocalDay, u8) {
    let zoned = Timestamp::from_millisecond(at).unwrap().to_zoned_datetime(TimeZone::get(&sent.site.timezone).unwrap());
    let day = (zoned.date() - jiff::civil::date(1970, 1, 1)).get_days();
    (LocalDay(day), zoned.hour().try_into().unwrap())
}

fn measured(sent: &Sent) -> Measured {
    if sent.mode == Mode::Full { Measured::Full } else { Measured::Exempt(lowering(sent)) }
}

/// What left a hit less than its site's own mode, by the signals that traffic carries.
fn lowering(sent: &Sent) -> Option<Lowering> {
    let signals = [
        (Signals::TCF_REFUSED, Lowering::TcfRefused),
        (Signals::DNT, Lowering::Dnt),
        (Signals::UNCLEAR, Lowering::Unclear),
    ];
    signals.into_iter().find(|(signal, _)| sent.signals.has(*signal)).map(|(_, lowering)| lowering)
}

fn person(sent: &Sent, day: LocalDay) -> Person {
    (sent.site.domain.clone(), day, sent.address, sent.agent)
}

/// Whether a local day had ended, with its two hours of grace, at an instant.
fn is_over(sent: &Sent, day: LocalDay, at: i64) -> bool {
    midnight(sent, day) + 2 * 3_600_000 <= at
}

/// When a local day ends.
fn midnight(sent: &Sent, day: LocalDay) -> i64 {
    let zone = TimeZone::get(&sent.site.timezone).unwrap();
    let next = jiff::civil::date(1970, 1, 1) + (i64::from(day.0) + 1).days();
    next.to_zoned_datetime(zone).unwrap().timestamp().as_millisecond()
}

fn visits(hits: &[Kept]) -> impl Iterator<Item = &[Kept]> {
    hits.chunk_by(|one, next| next.at - one.at <= 30 * 60 * 1_000)
}

fn is_view(sent: &Sent) -> bool {
    sent.kind == Kind::Pageview
}

/// A page view or an event, in a cell.
fn view(tally: &mut Tally, hit: &Sent, place: &Place) {
    tally.counts.events += 1;
    tally.counts.pageviews += i64::from(is_view(hit));
    let has_money = [place.0, place.2].iter().any(|of| *of == Dimension::Event || LABELS.contains(of));
    let has_money = has_money || place.0 == Dimension::Total;
    if let (true, Kind::Event { .. }, Mode::Full | Mode::Exempt, Some(revenue)) =
        (has_money, &hit.kind, hit.mode, &hit.revenue)
        && hit.site.currency.is_some_and(|currency| currency.as_str().as_bytes() == revenue.currency)
    {
        tally.counts.revenue_micros += revenue.micros;
    }
}

/// What a complete visit brings, and where.
fn whole_visit(first_of_day: &Sent, visit: &[Kept]) -> Vec<(Place, Counts)> {
    let views: Vec<usize> = (0..visit.len()).filter(|index| is_view(&visit[*index])).collect();
    let interactive = visit.iter().any(|hit| matches!(hit.kind, Kind::Event { interactive: true, .. }));
    let seconds = (visit[visit.len() - 1].at - visit[0].at) / 1_000;
    let bounces = i64::from(views.len() == 1 && !interactive);
    let (Some(entry), Some(exit)) = (views.first(), views.last()) else {
        let counts = Counts { visit_seconds: seconds, ..Counts::default() };
        let per_hit = [Dimension::Page, Dimension::Hostname, Dimension::EntryPage];
        let places = places(first_of_day, visit, 0, false).into_iter();
        return places
            .filter(|place| !per_hit.contains(&place.0) && !per_hit.contains(&place.2))
            .map(|place| (place, counts))
            .collect();
    };
    let entered = Counts { entries: 1, bounces, visit_seconds: seconds, ..Counts::default() };
    let left = Counts { exits: 1, ..Counts::default() };
    let whole = Counts {
        visits: 1,
        pageviews: i64::try_from(views.len()).unwrap(),
        events: i64::try_from(visit.len()).unwrap(),
        exits: 1,
        ..entered
    };
    let entry = places(first_of_day, visit, *entry, false).into_iter().map(|place| (place, entered));
    let exits = places(first_of_day, visit, *exit, false).into_iter().map(|place| (place, left));
    let exit_page = (single(Dimension::ExitPage, visit[*exit].path), whole);
    entry.chain(exits).chain([exit_page]).collect()
}

/// The cells of one hit of a visit; with or without what only events and properties have.
fn places(first_of_day: &Sent, visit: &[Kept], index: usize, with_event: bool) -> Vec<Place> {
    let values = values(first_of_day, visit, index, with_event);
    let event = values.iter().find(|(dimension, _)| *dimension == Dimension::Event).map(|(_, event)| event.clone());
    let mut places = vec![total()];
    places.extend(values.iter().map(|(dimension, value)| single(*dimension, value)));
    for (one, value) in values.iter().filter(|(dimension, _)| PAIRED.contains(dimension)) {
        for (by, by_value) in values.iter().filter(|(dimension, _)| PAIRED.contains(dimension) && dimension > one) {
            places.push((*one, value.clone(), *by, by_value.clone()));
        }
    }
    let properties: BTreeSet<String> =
        visit[index].props.iter().map(|(name, value)| format!("{name}={value}")).collect();
    for property in properties.into_iter().filter(|_| with_event) {
        places.push(single(Dimension::Property, &property));
        if let Some(event) = &event {
            places.push((Dimension::Event, event.clone(), Dimension::Property, property));
        }
    }
    places
}

/// A hit's value in every dimension in which it has one.
fn values(first_of_day: &Sent, visit: &[Kept], index: usize, with_event: bool) -> Vec<(Dimension, String)> {
    let (hit, first) = (&visit[index], &visit[0]);
    let agent = agent::read(first_of_day.agent);
    let came = source::source(&first.campaign, first.referrer.as_ref());
    let referrer =
        first.referrer.as_ref().map(|referrer| format!("{}{}", referrer.host, referrer.path.trim_end_matches('/')));
    let entry = visit[..=index].iter().find(|hit| is_view(hit)).map(|hit| hit.path);
    let event = match &hit.kind {
        Kind::Event { name, .. } if with_event => name.to_string(),
        _ => String::new(),
    };
    let word = |word: &Option<Box<str>>| word.as_deref().unwrap_or_default().to_owned();
    let values = [
        (Dimension::Page, hit.path.to_owned()),
        (Dimension::EntryPage, entry.unwrap_or_default().to_owned()),
        (Dimension::Hostname, hit.host.to_owned()),
        (Dimension::Source, came.name.into_owned()),
        (Dimension::Channel, came.channel.to_owned()),
        (Dimension::Referrer, referrer.unwrap_or_default()),
        (Dimension::UtmSource, word(&first.campaign.source)),
        (Dimension::UtmMedium, word(&first.campaign.medium)),
        (Dimension::UtmCampaign, word(&first.campaign.name)),
        (Dimension::UtmTerm, word(&first.campaign.term)),
        (Dimension::UtmContent, word(&first.campaign.content)),
        (Dimension::Browser, agent.browser.to_owned()),
        (Dimension::BrowserVersion, agent.browser_version.into()),
        (Dimension::Os, agent.os.to_owned()),
        (Dimension::OsVersion, agent.os_version.into()),
        (Dimension::Device, agent.device.to_owned()),
        (Dimension::Screen, first_of_day.screen_width.map_or("", screen_class).to_owned()),
        (Dimension::Language, word(&first_of_day.language)),
        (Dimension::Event, event),
    ];
    values.into_iter().filter(|(_, value)| !value.is_empty()).collect()
}

/// The segments and goals that a hit is in.
fn labels(first_of_day: &Sent, visit: &[Kept], index: usize) -> BTreeSet<(Dimension, String)> {
    let hit = &visit[index];
    let values = values(first_of_day, visit, index, true);
    let at = Millis(hit.received);
    let definitions = &hit.site.definitions;
    let segments = definitions.segments().iter().filter(|segment| segment.holds_at(at));
    let goals = definitions.goals().iter().filter(|goal| goal.holds_at(at));
    let segments = segments.filter(|segment| holds(&segment.what, hit, &values));
    let goals = goals.filter(|goal| goal.what.scroll_percent.is_none() && is_done(&goal.what.action, hit));
    let segments = segments.map(|segment| (Dimension::Segment, segment.key()));
    segments.chain(goals.map(|goal| (Dimension::Goal, goal.key()))).collect()
}

fn holds(filter: &Filter, hit: &Sent, values: &[(Dimension, String)]) -> bool {
    match filter {
        Filter::All(filters) => !filters.iter().any(|filter| !holds(filter, hit, values)),
        Filter::Any(filters) => filters.iter().any(|filter| holds(filter, hit, values)),
        Filter::Not(filter) => !holds(filter, hit, values),
        Filter::Test(test) => {
            let of_property = hit.props.iter().filter(|(name, _)| test.property.as_ref() == Some(name));
            let of_hit =
                values.iter().filter(|(dimension, _)| *dimension == test.dimension).map(|(_, value)| value.as_str());
            let said: Vec<&str> = of_hit.chain(of_property.map(|(_, value)| &**value)).collect();
            said.iter().any(|value| {
                test.values.iter().any(|wanted| match test.operator {
                    Operator::Is => **wanted == **value,
                    Operator::Contains => value.split(&**wanted).count() > 1,
                    Operator::Fits => fits(wanted.as_bytes(), value.as_bytes()),
                })
            })
        }
    }
}

fn is_done(action: &Action, hit: &Sent) -> bool {
    match (action, &hit.kind) {
        (Action::Page(pattern), Kind::Pageview) => fits(pattern.0.as_bytes(), hit.path.as_bytes()),
        (Action::Event(wanted), Kind::Event { name, .. }) => wanted == name,
        (Action::Page(_) | Action::Event(_), _) => false,
    }
}

fn fits(pattern: &[u8], text: &[u8]) -> bool {
    match pattern {
        [] => text.is_empty(),
        [b'*', b'*', rest @ ..] => (0..=text.len()).any(|taken| fits(rest, &text[taken..])),
        [b'*', rest @ ..] => {
            let within = text.iter().position(|byte| *byte == b'/').unwrap_or(text.len());
            (0..=within).any(|taken| fits(rest, &text[taken..]))
        }
        [wanted, rest @ ..] => text.first() == Some(wanted) && fits(rest, &text[1..]),
    }
}

/// The cells of a hit's segments and goals.
fn labelled_places(first_of_day: &Sent, visit: &[Kept], index: usize) -> Vec<Place> {
    let labels = labels(first_of_day, visit, index);
    let values = values(first_of_day, visit, index, true);
    let mut places = Vec::new();
    for (label, name) in &labels {
        places.push(single(*label, name));
        for (dimension, value) in values.iter().filter(|(dimension, _)| LABELLED.contains(dimension)) {
            places.push((*dimension, value.clone(), *label, name.clone()));
        }
        for (other, goal) in &labels {
            if (label, other) == (&Dimension::Segment, &Dimension::Goal) {
                places.push((*label, name.clone(), *other, goal.clone()));
            }
        }
    }
    places
}

/// What a visit brings as a whole to the cells of every segment and goal that one of its hits is in.
fn labelled_visit(first_of_day: &Sent, visit: &[Kept], whole: &[(Place, Counts)]) -> Vec<(Place, Counts)> {
    let labels: BTreeSet<_> = (0..visit.len()).flat_map(|index| labels(first_of_day, visit, index)).collect();
    let mut found = Vec::new();
    for (label, name) in labels {
        for ((dimension, value, by, _), counts) in whole.iter().filter(|(place, _)| place.2 == Dimension::Total) {
            if *dimension == Dimension::Total {
                found.push((single(label, &name), *counts));
            } else if LABELLED.contains(dimension) {
                assert_eq!(*by, Dimension::Total);
                found.push(((*dimension, value.clone(), label, name.clone()), *counts));
            }
        }
    }
    found
}

/// The cells of what a report of attention measured.
fn measured_places(sent: &Sent, engagement: &model::Engagement) -> Vec<Place> {
    let device = agent::read(sent.agent).device.to_owned();
    let mut places = Vec::new();
    for (vital, value) in engagement.vitals.iter() {
        let bucket = vital
            .buckets()
            .filter(|bucket| bucket.to.is_none_or(|to| to >= value))
            .min_by_key(|bucket| bucket.to.unwrap_or(u32::MAX));
        let key = bucket.unwrap().key();
        places.push(single(Dimension::Vital, &key));
        places.push((Dimension::Page, sent.path.to_owned(), Dimension::Vital, key.clone()));
        places.push((Dimension::Device, device.clone(), Dimension::Vital, key));
    }
    places.retain(|place| place.0 == Dimension::Vital || !place.1.is_empty());
    places
}

/// The visit that was going on when a report of attention came, its number, and the cells of the goals that the report is the first of
/// the visit and the page to have scrolled to.
fn scrolled_places<'h>(
    hits: &'h [Kept],
    attention: &Attention,
    reached: &mut BTreeSet<(Person, usize, &'static str, String)>,
) -> (usize, &'h [Kept], Vec<Place>) {
    let sent = &attention.sent;
    let (mut number, mut before) = (0, 0);
    let mut of_day = visits(hits);
    let visit = loop {
        let visit = of_day.next().unwrap();
        if before + visit.len() >= attention.hits_before {
            break visit;
        }
        (number, before) = (number + 1, before + visit.len());
    };
    let index = attention.hits_before - before - 1;
    let Kind::Engagement(engagement) = sent.kind else { unreachable!() };
    let is_on = visit[..=index].iter().any(|hit| hit.path == sent.path);
    let (Some(percent), true) = (engagement.scroll_percent, is_on) else { return (number, visit, Vec::new()) };
    let of_page = |(dimension, _): &(Dimension, String)| !matches!(dimension, Dimension::Page | Dimension::Hostname);
    let mut values: Vec<(Dimension, String)> =
        values(&hits[0], visit, index, false).into_iter().filter(of_page).collect();
    values.push((Dimension::Page, sent.path.to_owned()));
    values.extend((!sent.host.is_empty()).then(|| (Dimension::Hostname, sent.host.to_owned())));
    let mut places = BTreeSet::new();
    for goal in sent.site.definitions.goals().iter().filter(|goal| goal.holds_at(Millis(sent.at))) {
        let Action::Page(pattern) = &goal.what.action else { continue };
        let far = goal.what.scroll_percent.is_some_and(|least| percent >= least);
        if !far || !fits(pattern.0.as_bytes(), sent.path.as_bytes()) {
            continue;
        }
        if !reached.insert((attention.person.clone(), number, sent.path, goal.key())) {
            continue;
        }
        places.insert(single(Dimension::Goal, &goal.key()));
        for (dimension, value) in values.iter().filter(|(dimension, _)| LABELLED.contains(dimension)) {
            places.insert((*dimension, value.clone(), Dimension::Goal, goal.key()));
        }
        for segment in sent.site.definitions.segments() {
            if segment.holds_at(Millis(sent.at)) && holds(&segment.what, sent, &values) {
                places.insert((Dimension::Segment, segment.key(), Dimension::Goal, goal.key()));
            }
        }
    }
    (number, visit, places.into_iter().collect())
}

/// The pages of each two page views of a visit that came one after the other, both in mode `full`.
fn ways(visit: &[Kept]) -> Vec<(&'static str, &'static str)> {
    let views: Vec<&Kept> = visit.iter().filter(|hit| is_view(hit)).collect();
    let both = views.windows(2).filter(|pair| pair.iter().all(|hit| hit.mode == Mode::Full));
    both.map(|pair| (pair[0].path, pair[1].path)).collect()
}

/// How far a visitor came in each funnel: the most steps, from the first, that some of their hits in mode `full` took in order.
fn funnels(hits: &[Kept]) -> Vec<(String, usize)> {
    let funnels: BTreeMap<String, &Effective<Funnel>> =
        hits.iter().flat_map(|hit| hit.site.definitions.funnels()).map(|funnel| (funnel.key(), funnel)).collect();
    let came = |(key, funnel): (String, &Effective<Funnel>)| {
        let holds = |hit: &&Kept| {
            hit.mode == Mode::Full
                && funnel.from.0 <= hit.received
                && funnel.until.is_none_or(|until| hit.received < until.0)
        };
        let counted: Vec<&Kept> = hits.iter().filter(holds).collect();
        let steps: Vec<&Action> = funnel.what.steps.iter().map(|step| &step.action).collect();
        let most = (0..=steps.len()).rev().find(|taken| in_order(&steps[..*taken], &counted));
        (key, most.unwrap_or_default())
    };
    funnels.into_iter().map(came).collect()
}

/// Whether some of the hits, in order, are these steps: looked for from the last one.
fn in_order(steps: &[&Action], hits: &[&Kept]) -> bool {
    let Some((last, before)) = steps.split_last() else { return true };
    hits.iter().rposition(|hit| is_done(last, hit)).is_some_and(|at| in_order(before, &hits[..at]))
}

fn total() -> Place {
    single(Dimension::Total, "")
}

fn single(dimension: Dimension, value: &str) -> Place {
    (dimension, value.to_owned(), Dimension::Total, String::new())
}
