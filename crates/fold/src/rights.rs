//! What a visitor may have done with what the fold knows of them today: be shown it, have it taken back, have it left alone.
//!
//! Taking back counts the visitor's history once more, with every change turned round, in the same day's tables: afterwards
//! every cell is what it would be had the visitor never come. The invariant: it depends on the hits and requests before it
//! alone, so a replay agrees.
//!
//! What it cannot reach is what no visitor is behind: hits counted in `minimal` mode, attention that came before its page
//! view, and days that have closed.

use std::collections::BTreeMap;

use model::{Dimension, LocalDay, Measured, Millis};
use privacy::visitor::Visitor;

use crate::bounds::Bounds;
use crate::cells::point::{FUNNEL_BY_STEP, OF_VISIT, OF_VISITOR};
use crate::count::scrolled::Depth;
use crate::count::{self, Attention, Counted, flow, scrolled, vitals};
use crate::state::day::{SiteDay, VisitorNumber};
use crate::state::funnels::Reached;
use crate::state::history::{Past, PastAttention, PastHit};
use crate::state::labels::NO_LABELS;
use crate::state::values::{ABSENT, ValueId};
use crate::visit::{self, When};

/// What is held of one visitor for one open day.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct HeldDay {
    /// The site-local day.
    pub day: LocalDay,
    /// When all of this is forgotten.
    pub forgotten_at: Millis,
    /// Whether the visitor restricted the day's processing.
    pub restricted: bool,
    /// What was the same for all hits: country, browser and so on, where known.
    pub visitor: Vec<(Dimension, Box<str>)>,
    /// The visits, in order; none where only a restriction is held.
    pub visits: Vec<HeldVisit>,
}

/// One visit.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct HeldVisit {
    /// Where it came from, where known: source, channel, referrer, campaign.
    pub came_by: Vec<(Dimension, Box<str>)>,
    /// Its hits, in order.
    pub hits: Vec<HeldHit>,
}

/// One page view, event or report of attention.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct HeldHit {
    /// Site-local hour on the wall.
    pub hour: u8,
    /// The page's path.
    pub page: Box<str>,
    /// What happened there.
    pub what: HeldWhat,
}

/// What a hit was.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum HeldWhat {
    /// A page view.
    Pageview,
    /// An event.
    Event {
        /// Its name.
        name: Box<str>,
        /// Its properties, as `name=value`.
        properties: Vec<Box<str>>,
        /// Its revenue in millionths.
        revenue_micros: i64,
    },
    /// Attention to the page.
    Attention {
        /// Visible and focused time, in milliseconds.
        engaged_ms: u32,
        /// Deepest scroll, in percent.
        scroll_percent: Option<u8>,
        /// What the page view measured, by its buckets (`model::vitals`).
        vitals: Vec<Box<str>>,
    },
}

/// What was taken back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TakenBack {
    /// How many hits, by how the ledger has them.
    pub(crate) hits: BTreeMap<Measured, i64>,
    /// The visitor's last hit.
    pub(crate) last: Option<Millis>,
}

/// Takes back everything that was counted of a visitor on this day, and forgets them.
pub(crate) fn take_back(day: &mut SiteDay, visitor: Visitor, bounds: &Bounds) -> Option<TakenBack> {
    let number = day.visitors.find(visitor)?;
    let person = day.visitors.get_mut(number);
    let last_ms = (person.visit.number > 0).then_some(person.visit.last_ms);
    let before = person.start_over();
    let history = day.histories.of(before.history);
    day.scrolled.forget(number);
    let mut taken = TakenBack { last: last_ms.map(|ms| day.at(ms)), ..TakenBack::default() };
    flow::take_back(day, before.history, bounds.cells_per_pair);
    day.pending.negate();
    for past in history {
        match past {
            Past::Hit(hit) => {
                *taken.hits.entry(hit.measured).or_default() += 1;
                count_again(day, number, &hit, bounds.cells_per_pair);
            }
            Past::Attention(attention) => {
                *taken.hits.entry(attention.measured).or_default() += 1;
                attend_again(day, number, &attention, bounds.cells_per_pair);
            }
        }
    }
    day.pending.negate();
    take_back_funnels(day, number, bounds.cells_per_pair);
    day.scrolled.forget(number);
    let again = day.visitors.get_mut(number).start_over();
    for person in [before, again] {
        day.shapes.wipe(person.shapes);
        day.properties.wipe(person.properties);
        day.exits.wipe(person.exits);
    }
    day.histories.wipe(before.history);
    day.visitors.forget(number);
    Some(taken)
}

/// Takes a visitor out of every step of a funnel they reached.
fn take_back_funnels(day: &mut SiteDay, number: VisitorNumber, cells_max: usize) {
    for Reached { funnel, steps } in day.funnels.forget(number) {
        for step in 1..=steps {
            let step = day.values.number(Dimension::Step, &step.to_string(), usize::MAX, &mut 0);
            day.pending.pair((FUNNEL_BY_STEP, funnel, step), cells_max).0.visitors -= 1;
        }
    }
}

fn count_again(day: &mut SiteDay, number: VisitorNumber, hit: &PastHit, cells_max: usize) {
    let more = day.histories.more(hit.more);
    let mut counted = Counted {
        at: hit.at,
        event: hit.event,
        interactive: hit.interactive,
        pageviews: i64::from(hit.pageview),
        revenue_micros: more.revenue_micros,
        properties: more.properties,
        labels: more.labels,
        ..Counted::default()
    };
    visit::advance(day, number, &mut counted, When { ms: hit.ms, hour: hit.hour }, hit.begins);
    count::hit(day, number, &counted, cells_max);
}

fn attend_again(day: &mut SiteDay, number: VisitorNumber, past: &PastAttention, cells_max: usize) {
    let PastAttention { at, hour, engaged_ms, scroll_percent, measured: _, more } = *past;
    let engagement = model::Engagement { engaged_ms, scroll_percent, ..model::Engagement::default() };
    count::engagement(day, Some(number), Attention { page: at.page, hour, engagement });
    let more = day.histories.more(more);
    let profile = day.visitor_profiles.get(day.visitors.get(number).profile);
    let device = OF_VISITOR.iter().zip(profile).find(|(dimension, _)| **dimension == Dimension::Device);
    let device = device.map_or(ABSENT, |(_, device)| *device);
    vitals::count(&mut day.pending, (at.page, device), &more.vitals, cells_max);
    if more.labels != NO_LABELS {
        scrolled::count(day, number, &Depth { at, hour, labels: more.labels }, cells_max);
    }
}

/// What is held of a visitor on this day, if anything.
pub(crate) fn held(local: LocalDay, day: &mut SiteDay, visitor: Visitor) -> Option<HeldDay> {
    let restricted = day.restricted.contains(&visitor);
    let mut held =
        HeldDay { day: local, forgotten_at: day.closes, restricted, visitor: Vec::new(), visits: Vec::new() };
    let Some(number) = day.visitors.find(visitor) else { return restricted.then_some(held) };
    let person = day.visitors.get_mut(number);
    let (profile, history) = (person.profile, person.history);
    held.visitor = words(day, &OF_VISITOR, day.visitor_profiles.get(profile));
    for past in day.histories.of(history) {
        if let Past::Hit(PastHit { begins: Some(profile), .. }) = past {
            let came_by = words(day, &OF_VISIT, day.visit_profiles.get(profile));
            held.visits.push(HeldVisit { came_by, hits: Vec::new() });
        }
        let hit = shown(day, &past);
        match held.visits.last_mut() {
            Some(visit) => visit.hits.push(hit),
            None => held.visits.push(HeldVisit { hits: vec![hit], ..HeldVisit::default() }),
        }
    }
    Some(held)
}

fn shown(day: &SiteDay, past: &Past) -> HeldHit {
    let text = |dimension, value| -> Box<str> { day.values.text(dimension, value).into() };
    match past {
        Past::Hit(hit) => {
            let what = if hit.pageview {
                HeldWhat::Pageview
            } else {
                let more = day.histories.more(hit.more);
                let properties = more.properties.iter().map(|value| text(Dimension::Property, *value)).collect();
                let name = text(Dimension::Event, hit.event);
                HeldWhat::Event { name, properties, revenue_micros: more.revenue_micros }
            };
            HeldHit { hour: hit.hour, page: text(Dimension::Page, hit.at.page), what }
        }
        Past::Attention(PastAttention { at, hour, engaged_ms, scroll_percent, more, measured: _ }) => {
            let measured = day.histories.more(*more).vitals.into_iter();
            let vitals = measured.map(|bucket| text(Dimension::Vital, bucket)).collect();
            HeldHit {
                hour: *hour,
                page: text(Dimension::Page, at.page),
                what: HeldWhat::Attention { engaged_ms: *engaged_ms, scroll_percent: *scroll_percent, vitals },
            }
        }
    }
}

fn words(day: &SiteDay, dimensions: &[Dimension], values: &[ValueId]) -> Vec<(Dimension, Box<str>)> {
    let known = dimensions.iter().zip(values).filter(|(_, value)| **value != ABSENT);
    known.map(|(dimension, value)| (*dimension, day.values.text(*dimension, *value).into())).collect()
}
