//! The fold: from admitted hits to integer changes of cells. Pure and deterministic: the same hits give the same changes,
//! whatever the secret and the hash seeds, however often they are taken.
//!
//! It knows no clock, no disk, no socket and no offset; `now`, secret and tables are arguments. Read [`path`] first: it is
//! the whole way of a hit in order. Then `count` (which counts go to which cells) and `cells::seen` (how uniqueness is
//! exact with very little state).
//!
//! Terms, as in Plausible but by site-local day: a *visitor* is new every day; a *visit* is hits of one visitor at most
//! thirty minutes apart; a *bounce* is a visit of exactly one page view and no interactive event; *engagement* never starts
//! or lengthens a visit. Time within one visitor's day never runs backwards: a hit dated before the one counted before it
//! is taken to be at the same time.

mod admit;
mod bounds;
pub mod calendar;
mod cells;
mod count;
pub mod enrich;
mod fits;
pub mod path;
mod refine;
pub mod rights;
mod state;
mod visit;
pub mod zone;

use std::collections::BTreeMap;
use std::sync::Arc;

use hashbrown::HashMap;
use model::{
    Cell, Changes, ClosedDay, Domain, Hit, LiveLine, LocalDay, Measured, Millis, Outcome, Peer, Refusal, Right,
    RightsRequest, Site, Tally,
};
use privacy::visitor::{self, Secret};

pub use admit::{INTERACTION, REVENUE_MICROS_MAX, admit};
use bounds::Held;
pub use bounds::{Bounds, Overflows};
pub use enrich::geo::Geo;
use refine::{Desk, Refinement};
use rights::HeldDay;
use state::site::SiteState;

/// The tables that hits are enriched from, besides those in the program.
#[derive(Clone, Default)]
pub struct Tables {
    /// Addresses to countries, if there is a database.
    pub geo: Option<Arc<Geo>>,
}

/// A day that still takes hits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenDay {
    /// The site.
    pub site: Domain,
    /// The day.
    pub day: LocalDay,
    /// When it closes, in the zone it was opened with.
    pub closes: Millis,
}

/// The state of one partition's fold.
pub struct Fold {
    partition: u32,
    desk: Desk,
    sites: HashMap<Domain, SiteState>,
}

impl Fold {
    /// An empty fold of one partition, with the bounds of `model::limits`.
    #[must_use]
    pub fn new(partition: u32, secret: Secret, tables: Tables) -> Self {
        Self::with_bounds(partition, secret, tables, Bounds::default())
    }

    /// An empty fold with other bounds.
    #[must_use]
    pub fn with_bounds(partition: u32, secret: Secret, tables: Tables, bounds: Bounds) -> Self {
        let desk = Desk {
            secret,
            tables,
            bounds,
            overflows: Overflows::default(),
            agents: enrich::agent::Agents::default(),
            places: enrich::geo::Places::default(),
            closed_at: Millis(i64::MIN),
            held: Held::default(),
        };
        Self { partition, desk, sites: HashMap::new() }
    }

    /// Folds one admitted hit of `site` in.
    pub fn apply(&mut self, site: &Site, hit: Hit) -> Outcome {
        self.apply_watched(site, hit, |_| {})
    }

    /// The same, telling the name of each step when it is done: whoever has a clock can measure them.
    pub fn apply_watched(&mut self, site: &Site, hit: Hit, mut done: impl FnMut(&'static str)) -> Outcome {
        let minute = hit.at.minute();
        let state = match self.sites.get_mut(&site.domain) {
            Some(state) => state,
            None => self.sites.entry(site.domain.clone()).or_insert_with(|| SiteState::new(site)),
        };
        let held = state.held();
        state.keep_calendar(site);
        let mut refinement = Refinement::new(&mut self.desk, site, state, hit);
        let mut run = |step: &path::Refining| {
            let flow = (step.run)(&mut refinement);
            done(step.name);
            flow.break_value()
        };
        let outcome = path::REFINEMENT.iter().find_map(&mut run);
        let outcome = outcome.expect("the last step always ends the path");
        self.desk.held.replace(held, state.held());
        state.note(minute, outcome, 1);
        outcome
    }

    /// Notes hits that a collector turned away.
    pub fn tally(&mut self, tally: Tally) {
        let hits = i64::try_from(tally.hits).unwrap_or(i64::MAX);
        let outcome = tally.outcome();
        let state = self.sites.entry(tally.site).or_default();
        state.note(tally.minute, outcome, hits);
    }

    /// Does what a visitor asks for, on every day of the site that is open. Says how many hits were taken back.
    ///
    /// The ledger shows them as erased, at the request's minute or the last of their day: at their own minutes they would show
    /// when somebody was there.
    pub fn exercise(&mut self, site: &Site, request: RightsRequest) -> u64 {
        let Desk { secret, bounds, overflows, closed_at, held, .. } = &mut self.desk;
        let state = self.sites.entry(site.domain.clone()).or_insert_with(|| SiteState::new(site));
        let before = state.held();
        state.keep_calendar(site);
        let moment = state.moment(request.at);
        let _ = state.open(request.at, moment, *closed_at);
        let mut taken_back: BTreeMap<(i64, Measured), i64> = BTreeMap::new();
        for (day, visitor) in visitor::pseudonyms(secret, &site.domain, state.days.keys().copied(), request.peer) {
            let Some(day) = state.days.get_mut(&day) else { continue };
            match request.right {
                Right::Erase => {
                    let Some(taken) = rights::take_back(day, visitor, bounds) else { continue };
                    // A day's ledger takes back what that day's ledger counted.
                    let minute = request.at.minute().min(day.last_minute());
                    for (measured, hits) in taken.hits {
                        *taken_back.entry((minute, measured)).or_default() += hits;
                    }
                    taken.last.into_iter().for_each(|last| state.live.left(last));
                }
                Right::Restrict if day.restricted.contains(&visitor) => {}
                Right::Restrict if day.restricted.len() < bounds.restrictions => {
                    day.restricted.insert(visitor);
                }
                Right::Restrict => overflows.restrictions += 1,
                Right::Resume => {
                    day.restricted.remove(&visitor);
                }
            }
        }
        held.replace(before, state.held());
        for ((minute, measured), hits) in &taken_back {
            state.note(*minute, Outcome::Counted(*measured), -hits);
            state.note(*minute, Outcome::Refused(Refusal::Erased), *hits);
        }
        taken_back.values().sum::<i64>().unsigned_abs()
    }

    /// What is held of a visitor of `site`, by day. It changes nothing, and is for nobody but the visitor.
    pub fn held(&mut self, site: &Domain, peer: Peer) -> Vec<HeldDay> {
        let Some(state) = self.sites.get_mut(site) else { return Vec::new() };
        let days: Vec<LocalDay> = state.days.keys().copied().collect();
        let visitors = visitor::pseudonyms(&self.desk.secret, site, days, peer);
        visitors
            .into_iter()
            .filter_map(|(local, visitor)| rights::held(local, state.days.get_mut(&local)?, visitor))
            .collect()
    }

    /// Takes all changes since the last call: netted, sorted by key, with who is there at `now`.
    pub fn changes(&mut self, now: Millis) -> Changes {
        let mut changes = Changes::default();
        for (site, state) in &mut self.sites {
            state.take(site, &mut changes.cells, &mut changes.ledger);
            let partition = self.partition;
            let live = state.live_at(now).map(|visitors| LiveLine { site: site.clone(), at: now, partition, visitors });
            changes.live.extend(live);
        }
        changes.cells.sort_unstable_by(|one, other| key(one).cmp(&key(other)));
        changes.ledger.sort_unstable();
        changes.live.sort_unstable_by(|one, other| one.site.cmp(&other.site));
        changes
    }

    /// Forgets all changes since the last call, but not what led to them: for a replay of what has been counted before.
    pub fn discard_changes(&mut self) {
        self.sites.values_mut().for_each(SiteState::discard);
    }

    /// Closes and forgets every day whose midnight and grace had passed at `now`; later hits of it are late, and counted without a
    /// visitor. What still waits of it comes with the next [`Fold::changes`].
    ///
    /// `now` is how far the journal has been read, not the wall clock: after an outage the hits of yesterday are still
    /// to come. It never runs backwards.
    pub fn close(&mut self, now: Millis) -> Vec<ClosedDay> {
        self.desk.closed_at = self.desk.closed_at.max(now);
        let mut closed = Vec::new();
        for (site, state) in &mut self.sites {
            let held = state.held();
            let over = state.close(self.desk.closed_at);
            self.desk.held.replace(held, state.held());
            closed.extend(over.into_iter().map(|day| ClosedDay { site: site.clone(), day }));
        }
        closed.sort_unstable_by(|one, other| (&one.site, one.day).cmp(&(&other.site, other.day)));
        closed
    }

    /// The days that still take hits, in no order.
    pub fn open_days(&self) -> impl Iterator<Item = OpenDay> {
        self.sites.iter().flat_map(|(site, state)| {
            state.days.iter().map(|(day, open)| OpenDay { site: site.clone(), day: *day, closes: open.closes })
        })
    }

    /// Visitor-days in memory.
    #[must_use]
    pub fn visitors(&self) -> usize {
        self.desk.held.visitors
    }

    /// Cells with a change waiting.
    #[must_use]
    pub fn pending_cells(&self) -> usize {
        self.sites.values().map(SiteState::pending_cells).sum()
    }

    /// How often bounds were met.
    #[must_use]
    pub fn overflows(&self) -> Overflows {
        self.desk.overflows
    }
}

fn key(cell: &Cell) -> impl Ord {
    let Cell { site, day, hour, dimension, value, by, by_value, .. } = cell;
    (site, *day, *hour, *dimension, value, *by, by_value)
}
