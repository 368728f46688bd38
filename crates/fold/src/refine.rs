//! Refinement: an admitted hit becomes changes of counts. The steps are those of [`crate::path`], each a method here; what one
//! step finds out, the next ones read from [`Refinement`].
//!
//! The invariant: after `strip_peer` there is no address and no user agent any more, and what is remembered from then on is
//! a pseudonym of this site and day.

mod attention;
mod defined;

use std::ops::ControlFlow;

use model::{Campaign, Dimension, Hit, Kind, LocalDay, Lowering, Measured, Millis, Mode, Outcome, Refusal, Site};
use privacy::consent;
use privacy::visitor::{self, Secret, Visitor};

use crate::Tables;
use crate::admit::REVENUE_MICROS_MAX;
use crate::bounds::{Bounds, Held, Overflows};
use crate::calendar::Moment;
use crate::cells::pending::{Pending, ValueTables};
use crate::cells::point::{OF_VISIT, OF_VISITOR};
use crate::count::{self, Counted, flow};
use crate::enrich::agent::{Agent, AgentId, Agents};
use crate::enrich::geo::{Place, PlaceId, Places};
use crate::enrich::{screen_class, source};
use crate::state::closed::Waiting;
use crate::state::day::{SiteDay, VisitorNumber};
use crate::state::duplicates::Arrived;
use crate::state::history::{More, Past, PastHit};
use crate::state::profiles::ProfileId;
use crate::state::site::SiteState;
use crate::state::values::{ABSENT, FOLDED, ValueId};
use crate::state::visitor::{PageOfHost, VisitorDay};
use crate::visit::{self, When};

/// What every hit is refined with.
pub(crate) struct Desk {
    pub(crate) secret: Secret,
    pub(crate) tables: Tables,
    pub(crate) bounds: Bounds,
    pub(crate) overflows: Overflows,
    pub(crate) agents: Agents,
    pub(crate) places: Places,
    pub(crate) closed_at: Millis,
    /// How much all sites hold.
    pub(crate) held: Held,
}

/// A hit on its way through the steps.
pub(crate) struct Refinement<'f> {
    desk: &'f mut Desk,
    settings: &'f Site,
    site: &'f mut SiteState,
    hit: Hit,
    moment: Moment,
    agent: Option<AgentId>,
    place: Option<PlaceId>,
    visitor: Option<Visitor>,
    number: VisitorNumber,
    counted: Counted,
    /// When it was on its day.
    when: When,
    /// Whether its day is over.
    is_late: bool,
    /// The profile of the visit that it begins, before its entry page was known.
    begins: Option<ProfileId>,
    /// Whether its visitor has too many shapes, so that it goes on under `(other)`.
    crowded: bool,
}

/// Numbers a day's values within the bounds.
struct Numbering<'a> {
    values: &'a mut ValueTables,
    values_max: usize,
    folded: &'a mut u64,
}

impl<'a> Numbering<'a> {
    fn new(values: &'a mut ValueTables, bounds: &Bounds, overflows: &'a mut Overflows) -> Self {
        Self { values, values_max: bounds.values, folded: &mut overflows.values }
    }

    fn number(&mut self, dimension: Dimension, text: &str) -> ValueId {
        self.values.number(dimension, text, self.values_max, self.folded)
    }
}

/// The end of a path.
const ON: ControlFlow<Outcome> = ControlFlow::Continue(());

const fn refused(refusal: Refusal) -> ControlFlow<Outcome> {
    ControlFlow::Break(Outcome::Refused(refusal))
}

impl<'f> Refinement<'f> {
    pub(crate) fn new(desk: &'f mut Desk, settings: &'f Site, site: &'f mut SiteState, hit: Hit) -> Self {
        Self {
            desk,
            settings,
            site,
            hit,
            moment: Moment { day: LocalDay(0), hour: 0 },
            agent: None,
            place: None,
            visitor: None,
            number: 0,
            counted: Counted::default(),
            when: When { ms: 0, hour: 0 },
            is_late: false,
            begins: None,
            crowded: false,
        }
    }

    pub(crate) fn add_day(&mut self) -> ControlFlow<Outcome> {
        self.moment = self.site.moment(self.hit.at);
        self.is_late = self.site.open(self.hit.at, self.moment, self.desk.closed_at).is_none();
        ON
    }

    pub(crate) fn discard_duplicate(&mut self) -> ControlFlow<Outcome> {
        let Some(id) = self.hit.id else { return ON };
        let ids_max = if self.remembers_enough() { 0 } else { self.desk.bounds.ids_per_hour };
        match self.site.duplicates.note(id, self.hit.at.hour(), ids_max) {
            Arrived::First => ON,
            Arrived::Unremembered => {
                self.desk.overflows.ids += 1;
                ON
            }
            Arrived::Again => refused(Refusal::Duplicate),
        }
    }

    /// Whether no more of hits is remembered, of no site.
    const fn remembers_enough(&self) -> bool {
        self.desk.held.remembered >= self.desk.bounds.remembered_in_all
    }

    pub(crate) fn refuse_off(&mut self) -> ControlFlow<Outcome> {
        if self.hit.mode == Mode::Off { refused(Refusal::Off) } else { ON }
    }

    pub(crate) fn count_late(&mut self) -> ControlFlow<Outcome> {
        if !self.is_late {
            return ON;
        }
        let Waiting { values, pending } = self.site.closed.entry(self.moment.day).or_default();
        let Desk { bounds, overflows, .. } = &mut *self.desk;
        count_without_visitor(&self.hit, self.moment.hour, Numbering::new(values, bounds, overflows), pending);
        ControlFlow::Break(Outcome::Late)
    }

    pub(crate) fn count_minimal(&mut self) -> ControlFlow<Outcome> {
        // Only a sender of another version leaves the peer out of a hit in another mode than minimal.
        if self.hit.mode != Mode::Minimal && self.hit.peer.is_some() {
            return ON;
        }
        self.count_without_visitor();
        ControlFlow::Break(Outcome::Minimal(self.lowered_by()))
    }

    pub(crate) fn add_agent(&mut self) -> ControlFlow<Outcome> {
        self.agent = self.hit.peer.as_ref().map(|peer| self.desk.agents.look(&peer.agent));
        ON
    }

    pub(crate) fn add_place(&mut self) -> ControlFlow<Outcome> {
        let geo = self.desk.tables.geo.as_deref();
        self.place = geo.zip(self.hit.peer.as_ref()).and_then(|(geo, peer)| self.desk.places.look(geo, peer.address));
        ON
    }

    pub(crate) fn strip_peer(&mut self) -> ControlFlow<Outcome> {
        let peer = self.hit.peer.take().expect("`count_minimal` ended the path of a hit without a peer");
        self.visitor = Some(visitor::pseudonymise(&self.desk.secret, &self.hit.site, self.moment.day, peer));
        ON
    }

    pub(crate) fn refuse_restricted(&mut self) -> ControlFlow<Outcome> {
        let Some(visitor) = self.visitor else { return ON };
        if self.day().restricted.contains(&visitor) { refused(Refusal::Restricted) } else { ON }
    }

    pub(crate) fn add_visitor(&mut self) -> ControlFlow<Outcome> {
        let Some(visitor) = self.visitor else { return ON };
        let known = self.day().visitors.find(visitor);
        if known.is_none() && !self.has_room_for_a_visitor() {
            return self.crowd_out(|overflows| &mut overflows.visitors);
        }
        if !self.remembers_more(known) {
            return self.crowd_out(|overflows| &mut overflows.hits);
        }
        self.number = match known {
            Some(number) => number,
            None => {
                let profile = self.visitor_profile();
                let day = self.day();
                let profile = day.visitor_profiles.number(profile);
                day.visitors.open(VisitorDay::new(visitor, profile))
            }
        };
        ON
    }

    fn has_room_for_a_visitor(&mut self) -> bool {
        let Desk { bounds, held, .. } = &*self.desk;
        let (visitors_max, all_have_room) = (bounds.visitors, held.visitors < bounds.visitors_in_all);
        all_have_room && self.day().visitors.len() < visitors_max
    }

    /// Whether one more hit is remembered, of a visitor who may be known.
    fn remembers_more(&mut self, visitor: Option<VisitorNumber>) -> bool {
        let hits_max = self.desk.bounds.hits_per_visitor;
        let has_few = |number| usize::from(self.day().visitors.get(number).hits_len) < hits_max;
        visitor.is_none_or(has_few) && !self.remembers_enough()
    }

    /// Ends the path of a hit that met a bound: it is counted without its visitor.
    fn crowd_out(&mut self, bound: impl FnOnce(&mut Overflows) -> &mut u64) -> ControlFlow<Outcome> {
        *bound(&mut self.desk.overflows) += 1;
        self.count_without_visitor();
        ControlFlow::Break(Outcome::Minimal(Some(Lowering::Crowd)))
    }

    pub(crate) fn add_visit(&mut self) -> ControlFlow<Outcome> {
        self.describe_hit();
        let (number, at, hour) = (self.number, self.hit.at, self.moment.hour);
        let day = self.day();
        let (before, ms) = (day.visitors.get_mut(number).visit, day.ms_of(at));
        let last_seen = (before.number > 0).then(|| day.at(before.last_ms));
        let now = day.at(ms.max(before.last_ms));
        self.site.live.seen(last_seen, now);
        let begins = before.is_over(ms.max(before.last_ms)).then(|| {
            let profile = self.visit_profile();
            self.day().visit_profiles.number(profile)
        });
        (self.when, self.begins) = (When { ms, hour }, begins);
        let mut counted = std::mem::take(&mut self.counted);
        visit::advance(self.day(), number, &mut counted, When { ms, hour }, begins);
        self.counted = counted;
        ON
    }

    /// Only in mode `full`, as funnels.
    pub(crate) fn count_flows(&mut self) -> ControlFlow<Outcome> {
        let (number, cells_max) = (self.number, self.desk.bounds.cells_per_pair);
        let day = self.site.opened(self.moment.day);
        self.desk.overflows.cells += u64::from(flow::count(day, number, &self.counted, cells_max));
        ON
    }

    pub(crate) fn count_hit(&mut self) -> ControlFlow<Outcome> {
        let counted = std::mem::take(&mut self.counted);
        self.remember(&counted);
        let (number, cells_max) = (self.number, self.desk.bounds.cells_per_pair);
        let day = self.site.opened(self.moment.day);
        self.desk.overflows.cells += count::hit(day, number, &counted, cells_max);
        self.conclude()
    }

    /// The end of the path of a hit that was counted with its visitor.
    fn conclude(&self) -> ControlFlow<Outcome> {
        ControlFlow::Break(Outcome::Counted(self.measured()))
    }

    /// How much is counted of a hit that has a visitor.
    fn measured(&self) -> Measured {
        match self.hit.mode {
            Mode::Full => Measured::Full,
            Mode::Off | Mode::Minimal | Mode::Exempt => Measured::Exempt(self.lowered_by()),
        }
    }

    /// What left the hit less than the site's own mode.
    fn lowered_by(&self) -> Option<Lowering> {
        consent::lowered_by(self.hit.signals, self.hit.mode, self.settings)
    }

    fn day(&mut self) -> &mut SiteDay {
        self.site.opened(self.moment.day)
    }

    /// What describing a hit needs at once: its words, the day that numbers them, the bounds on that.
    fn words(&mut self) -> (&mut Hit, Numbering<'_>) {
        let Desk { bounds, overflows, .. } = &mut *self.desk;
        let day = self.site.opened(self.moment.day);
        (&mut self.hit, Numbering::new(&mut day.values, bounds, overflows))
    }

    fn count_without_visitor(&mut self) {
        let Desk { bounds, overflows, .. } = &mut *self.desk;
        let SiteDay { values, pending, .. } = self.site.opened(self.moment.day);
        count_without_visitor(&self.hit, self.moment.hour, Numbering::new(values, bounds, overflows), pending);
    }

    /// The hit's own values. A visitor with too many shapes goes on under `(other)`.
    fn describe_hit(&mut self) {
        let number = self.number;
        let full = usize::from(self.day().visitors.get_mut(number).shapes_len) >= self.desk.bounds.shapes;
        self.desk.overflows.shapes += u64::from(full);
        self.crowded = full;
        let (revenue_micros, in_full) = (self.money(), self.hit.mode == Mode::Full);
        let (hit, mut numbering) = self.words();
        let mut counted = Counted { in_full, ..Counted::default() };
        let name = match &hit.kind {
            Kind::Pageview => {
                counted.pageviews = 1;
                ""
            }
            Kind::Event { name, interactive } => {
                counted.interactive = *interactive;
                counted.revenue_micros = revenue_micros;
                name
            }
            Kind::Engagement(_) => "",
        };
        if full {
            counted.at = PageOfHost { page: FOLDED, host: FOLDED };
            counted.event = if name.is_empty() { ABSENT } else { FOLDED };
            counted.properties.extend((!hit.props.is_empty()).then_some(FOLDED));
        } else {
            counted.at.page = numbering.number(Dimension::Page, &hit.path);
            counted.at.host = numbering.number(Dimension::Hostname, &hit.host);
            counted.event = numbering.number(Dimension::Event, name);
            for (name, value) in &hit.props {
                // A property that is sent twice with one hit counts once.
                let property = numbering.number(Dimension::Property, &format!("{name}={value}"));
                if !counted.properties.contains(&property) {
                    counted.properties.push(property);
                }
            }
        }
        self.counted = counted;
    }

    /// The money that an event brought, if it is of the site's currency: sums are of one.
    fn money(&mut self) -> i64 {
        let Kind::Event { .. } = self.hit.kind else { return 0 };
        let Some(revenue) = &self.hit.revenue else { return 0 };
        if self.settings.currency.map(|currency| currency.code()) != Some(revenue.currency) {
            self.desk.overflows.currencies += 1;
            return 0;
        }
        revenue.micros.clamp(0, REVENUE_MICROS_MAX)
    }

    /// What stays the same for this visitor all day.
    fn visitor_profile(&mut self) -> [ValueId; OF_VISITOR.len()] {
        let Self { desk, site, hit, moment, agent, place, .. } = self;
        let Desk { agents, places, bounds, overflows, .. } = &mut **desk;
        let day = site.opened(moment.day);
        let mut numbering = Numbering::new(&mut day.values, bounds, overflows);
        let (unread, unknown) = (Agent::default(), Place::default());
        let agent = agent.map_or(&unread, |agent| agents.get(agent));
        let place = place.map_or(&unknown, |place| places.get(place));
        let texts: [(Dimension, &str); OF_VISITOR.len()] = [
            (Dimension::Country, &place.country),
            (Dimension::Region, &place.region),
            (Dimension::City, &place.city),
            (Dimension::Browser, agent.browser),
            (Dimension::BrowserVersion, &agent.browser_version),
            (Dimension::Os, agent.os),
            (Dimension::OsVersion, &agent.os_version),
            (Dimension::Device, agent.device),
            (Dimension::Screen, hit.screen_width.map_or("", screen_class)),
            (Dimension::Language, hit.language.as_deref().unwrap_or_default()),
        ];
        debug_assert_eq!(texts.map(|(dimension, _)| dimension), OF_VISITOR);
        texts.map(|(dimension, text)| numbering.number(dimension, text))
    }

    /// What stays the same for a visit that begins with this hit; its entry page is not known yet.
    fn visit_profile(&mut self) -> [ValueId; OF_VISIT.len()] {
        let (hit, mut numbering) = self.words();
        let Campaign { source: utm_source, medium, name, term, content, click_id: _ } = &hit.campaign;
        let source = source::source(&hit.campaign, hit.referrer.as_ref());
        let referrer = hit.referrer.as_ref().map(|referrer| {
            let path = referrer.path.trim_end_matches('/');
            if path.is_empty() { referrer.host.clone() } else { format!("{}{path}", referrer.host).into() }
        });
        fn word(word: &Option<Box<str>>) -> &str {
            word.as_deref().unwrap_or_default()
        }
        let texts: [(Dimension, &str); OF_VISIT.len()] = [
            (Dimension::EntryPage, ""),
            (Dimension::Source, &source.name),
            (Dimension::Channel, source.channel),
            (Dimension::Referrer, word(&referrer)),
            (Dimension::UtmSource, word(utm_source)),
            (Dimension::UtmMedium, word(medium)),
            (Dimension::UtmCampaign, word(name)),
            (Dimension::UtmTerm, word(term)),
            (Dimension::UtmContent, word(content)),
        ];
        debug_assert_eq!(texts.map(|(dimension, _)| dimension), OF_VISIT);
        texts.map(|(dimension, text)| numbering.number(dimension, text))
    }

    /// Keeps the hit in its visitor's history.
    fn remember(&mut self, counted: &Counted) {
        let (number, measured) = (self.number, self.measured());
        let (when, begins) = (self.when, self.begins);
        let day = self.day();
        let Counted { revenue_micros, properties, labels, .. } = counted;
        let more = More {
            revenue_micros: *revenue_micros,
            properties: properties.clone(),
            labels: *labels,
            ..More::default()
        };
        let hit = PastHit {
            ms: when.ms,
            hour: when.hour,
            at: counted.at,
            event: counted.event,
            pageview: counted.is_pageview(),
            interactive: counted.interactive,
            measured,
            begins,
            more: day.histories.keep(more),
        };
        day.remember(number, Past::Hit(hit));
    }
}

/// Page views and events in totals and by page; nothing of a visitor is needed or kept.
fn count_without_visitor(hit: &Hit, hour: u8, mut numbering: Numbering<'_>, pending: &mut Pending) {
    let pageviews = match hit.kind {
        Kind::Pageview => 1,
        Kind::Event { .. } => 0,
        Kind::Engagement(_) => return,
    };
    let page = numbering.number(Dimension::Page, &hit.path);
    count::without_visitor(pending, page, hour, pageviews);
}
