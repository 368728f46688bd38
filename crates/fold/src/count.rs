//! Counting: one refined hit becomes changes of cells. What each count means stands in `model::Counts`; which cells it goes
//! to stands here.
//!
//! * *The hit's cells* (its point: page, host, event, and what its visit and visitor say) get its page view or event, in the
//!   hit's bucket; one visitor where its visitor is new to the cell in that bucket; one visit, in the visit's bucket (the
//!   one it started in), where its visit is new to the cell.
//! * *The entry's cells* (the point of the visit's first page view, without event) get its entry, bounce and seconds, in the
//!   visit's bucket. While a visit has no page view they are the cells without page, host and entry page.
//! * *The exit's cells* (the point of the visit's last page view) get its exit, in the visit's bucket.
//! * *The exit page's cell* gets everything of the visits that so far end there, in the visits' buckets; it all moves on with
//!   the next page view.
//! * A property's cells get what the hit's cells get; money goes only to the total and the cells of an event.
//! * Attention goes only to its page's cell and the total. It starts and lengthens nothing. What it measured goes to the cells of `vitals`.
//! * What goes to the cells of segments and goals stands in `labelled`, and what goes to those of two pages in a row in `flow`.
//!
//! A hit before its visit's first page view is in no cell of an entry page: what comes later does not change what was.

pub(crate) mod flow;
mod labelled;
pub(crate) mod scrolled;
pub(crate) mod vitals;

use model::{Counts, Dimension, Engagement};

use crate::cells::pending::Pending;
use crate::cells::point::{Dimensions, EVENT_BY_PROPERTY, PAIRS, Point, SINGLES};
use crate::cells::seen::LookBack;
use crate::state::day::{SiteDay, VisitorNumber};
use crate::state::labels::LabelSetId;
use crate::state::values::{ABSENT, ValueId};
use crate::state::visitor::{Exit, Facts, LastSeen, PageOfHost, PropertyShape, Shape, Visit};

/// A hit with a visitor, refined.
#[derive(Default)]
pub(crate) struct Counted {
    pub(crate) at: PageOfHost,
    pub(crate) event: ValueId,
    pub(crate) interactive: bool,
    /// Whether it was measured in mode `full`.
    pub(crate) in_full: bool,
    /// One for a page view, else nothing.
    pub(crate) pageviews: i64,
    pub(crate) revenue_micros: i64,
    pub(crate) properties: Vec<ValueId>,
    /// The segments and goals it is in.
    pub(crate) labels: LabelSetId,
    /// The visit as it stood before this hit; nothing if the hit began it.
    pub(crate) before: Facts,
    pub(crate) exit_before: PageOfHost,
    /// The page of the visit's last page view before this hit, if that was measured in mode `full`.
    pub(crate) followed: Option<ValueId>,
}

impl Counted {
    pub(crate) fn is_pageview(&self) -> bool {
        self.pageviews > 0
    }
}

/// A report of attention, refined.
pub(crate) struct Attention {
    pub(crate) page: ValueId,
    pub(crate) hour: u8,
    pub(crate) engagement: Engagement,
}

/// Counts a hit of the visitor of this number, whose visit already includes it. Says how many of its cells were folded.
pub(crate) fn hit(day: &mut SiteDay, number: VisitorNumber, counted: &Counted, cells_max: usize) -> u64 {
    let SiteDay { visitors, visitor_profiles, visit_profiles, shapes, properties, exits, labels, pending, .. } = day;
    let person = visitors.get_mut(number);
    let visit = person.visit;
    let of_visitor = *visitor_profiles.get(person.profile);
    let of_visit = *visit_profiles.get(visit.profile);
    let point = |at: PageOfHost, event| Point::new(&of_visitor, &of_visit, [at.page, at.host, event]);
    let now = LastSeen { hour: visit.last_hour, visit: visit.number };
    let mut cells = Cells { pending, cells_max, hour: visit.last_hour, start_hour: visit.start_hour, folded: 0 };

    let shape = Shape {
        profile: visit.profile,
        at: counted.at,
        event: counted.event,
        labels: counted.labels,
        seen: now,
        scroll_percent: None,
    };
    let mut seen = LookBack::default();
    for earlier in shapes.iter(person.shapes) {
        seen.note(earlier.seen, now, earlier.agreement(&shape, visit_profiles));
    }
    let (here, entry) = (point(counted.at, counted.event), point(visit.entry, ABSENT));
    cells.add_hit((&here, &seen, counted), (&entry, &VisitChange::between(counted, visit.facts())));
    if !labels.is_empty() {
        let earlier = || shapes.iter(person.shapes).map(|known| (known, known.agreement(&shape, visit_profiles)));
        let ends = (point(counted.exit_before, ABSENT), point(visit.exit, ABSENT));
        cells.add_labels((labels, &shape), earlier, (&here, counted), (&visit, &entry, ends));
    }
    match shapes.find_mut(person.shapes, |known| known.same(&shape)) {
        Some(known) => known.seen = now,
        None => {
            shapes.push(&mut person.shapes, shape);
            person.shapes_len = person.shapes_len.saturating_add(1);
        }
    }

    for property in &counted.properties {
        let shape = PropertyShape { event: counted.event, property: *property, seen: now };
        let mut seen = LookBack::default();
        for earlier in properties.iter(person.properties) {
            seen.note(earlier.seen, now, earlier.agreement(&shape));
        }
        cells.add_property(&shape, &seen, counted);
        match properties.find_mut(person.properties, |known| known.same(&shape)) {
            Some(known) => known.seen = now,
            None => {
                properties.push(&mut person.properties, shape);
                person.shapes_len = person.shapes_len.saturating_add(1);
            }
        }
    }

    if counted.is_pageview() && counted.exit_before.page != ABSENT {
        cells.move_exit(&point(counted.exit_before, ABSENT), &here);
    }
    let ended = |page, start_hour: Option<u8>| {
        exits
            .iter(person.exits)
            .any(|exit: &Exit| exit.page == page && start_hour.is_none_or(|hour| hour == exit.start_hour))
    };
    cells.move_exit_page(counted, &visit, ended);
    cells.folded
}

/// Counts a page view or event without a visitor.
pub(crate) fn without_visitor(pending: &mut Pending, page: ValueId, hour: u8, pageviews: i64) {
    for (dimension, value) in [(Dimension::Total, ABSENT), (Dimension::Page, page)] {
        let hit = Counts { pageviews, events: 1, ..Counts::default() };
        *pending.day(dimension, value) += hit;
        *pending.hour(hour, dimension, value) += hit;
    }
}

/// Counts attention. Scroll is the deepest of a visitor's day and page, so it needs the page to have been seen by a visitor;
/// time does not.
pub(crate) fn engagement(day: &mut SiteDay, known: Option<VisitorNumber>, attention: Attention) {
    let Attention { page, hour, engagement } = attention;
    let mut counts = Counts { engaged_ms: i64::from(engagement.engaged_ms), ..Counts::default() };
    if let Some((number, percent)) = known.zip(engagement.scroll_percent) {
        let shapes = day.visitors.get_mut(number).shapes;
        let on_page = |shape: &&Shape| shape.at.page == page;
        let deepest = day.shapes.iter(shapes).filter(on_page).filter_map(|shape| shape.scroll_percent).max();
        if let Some(shape) = day.shapes.find_mut(shapes, |shape| on_page(&shape)) {
            shape.scroll_percent = deepest.max(Some(percent));
            counts.scroll_visitors = i64::from(deepest.is_none());
            counts.scroll_percent = i64::from(percent.saturating_sub(deepest.unwrap_or(0)));
        }
    }
    for (dimension, value) in [(Dimension::Total, ABSENT), (Dimension::Page, page)] {
        *day.pending.day(dimension, value) += counts;
        *day.pending.hour(hour, dimension, value) += counts;
    }
}

/// The cells of one day, for one hit.
struct Cells<'a> {
    pending: &'a mut Pending,
    cells_max: usize,
    /// The hit's hour.
    hour: u8,
    /// The hour in which its visit started.
    start_hour: u8,
    folded: u64,
}

impl Cells<'_> {
    /// Counts the hit in its cells and the visit's change in those of its entry: one walk over both, because most of them
    /// are the same.
    fn add_hit(&mut self, (here, seen, counted): Hit<'_>, (entry, change): (&Point, &VisitChange)) {
        for dimension in SINGLES {
            let (value, entered) = (here.value(dimension), entry.value(dimension));
            let share = change.share(Dimensions::of(&[dimension]));
            let together = value == entered;
            if value != ABSENT || dimension == Dimension::Total {
                let share = if together { share } else { &VisitShare::NONE };
                self.add_single((dimension, value), (seen, counted), share);
            }
            if !together && entered != ABSENT && !share.is_zero() {
                share.add_to(self.pending.day(dimension, entered));
                share.add_to(self.pending.hour(self.start_hour, dimension, entered));
            }
        }
        for (pair, (first, second)) in PAIRS.iter().take(EVENT_BY_PROPERTY).enumerate() {
            let values = (here.value(*first), here.value(*second));
            let entered = (entry.value(*first), entry.value(*second));
            let share = change.share(Dimensions::of(&[*first, *second]));
            let together = values == entered;
            if values.0 != ABSENT && values.1 != ABSENT {
                let counts = self.pair((pair, values.0, values.1));
                counts.visitors += seen.day.new_in_pair(pair);
                counts.visits += seen.visit.new_in_pair(pair);
                add(counts, counted, *first == Dimension::Event || *second == Dimension::Event);
                if together {
                    share.add_to(counts);
                }
            }
            if !together && entered.0 != ABSENT && entered.1 != ABSENT && !share.is_zero() {
                share.add_to(self.pair((pair, entered.0, entered.1)));
            }
        }
    }

    fn add_property(&mut self, shape: &PropertyShape, seen: &LookBack, counted: &Counted) {
        self.add_single((Dimension::Property, shape.property), (seen, counted), &VisitShare::NONE);
        if shape.event != ABSENT {
            let counts = self.pair((EVENT_BY_PROPERTY, shape.event, shape.property));
            counts.visitors += seen.day.new_in_pair(EVENT_BY_PROPERTY);
            counts.visits += seen.visit.new_in_pair(EVENT_BY_PROPERTY);
            add(counts, counted, true);
        }
    }

    #[inline]
    fn add_single(
        &mut self,
        (dimension, value): (Dimension, ValueId),
        (seen, counted): (&LookBack, &Counted),
        share: &VisitShare,
    ) {
        let of_event = matches!(dimension, Dimension::Total | Dimension::Event);
        let visits = seen.visit.new_in(dimension);
        let counts = self.pending.day(dimension, value);
        counts.visitors += seen.day.new_in(dimension);
        counts.visits += visits;
        add(counts, counted, of_event);
        share.add_to(counts);
        let counts = self.pending.hour(self.hour, dimension, value);
        counts.visitors += seen.hour.new_in(dimension);
        add(counts, counted, of_event);
        if visits != 0 || !share.is_zero() {
            let counts = self.pending.hour(self.start_hour, dimension, value);
            counts.visits += visits;
            share.add_to(counts);
        }
    }

    /// A later page view takes the exit over, in the cells of page and host: the others are the same.
    fn move_exit(&mut self, from: &Point, to: &Point) {
        for dimension in [Dimension::Page, Dimension::Hostname] {
            let (left, entered) = (from.value(dimension), to.value(dimension));
            for (value, exits) in [(left, -1), (entered, 1)] {
                if left != entered && value != ABSENT {
                    self.pending.day(dimension, value).exits += exits;
                    self.pending.hour(self.start_hour, dimension, value).exits += exits;
                }
            }
        }
        let (left, entered) = (from.value(Dimension::Page), to.value(Dimension::Page));
        for (pair, (_, by)) in
            PAIRS.iter().enumerate().take(EVENT_BY_PROPERTY).filter(|(_, (first, _))| *first == Dimension::Page)
        {
            // The page is the smallest dimension of every pair it is in, and nothing else of a visit's page views differs.
            let by = to.value(*by);
            if left != entered && by != ABSENT {
                self.pair((pair, left, by)).exits -= 1;
                self.pair((pair, entered, by)).exits += 1;
            }
        }
    }

    /// Brings the exit page's cell to what the visit is now. `ended` says whether an earlier visit of the visitor ended on
    /// a page (having started in an hour): then its visitor is in the cell anyway.
    fn move_exit_page(&mut self, counted: &Counted, visit: &Visit, ended: impl Fn(ValueId, Option<u8>) -> bool) {
        let (from, to) = (counted.exit_before.page, visit.exit.page);
        if to == ABSENT {
            return;
        }
        let stays = from == to;
        if from != ABSENT {
            self.add_exit_page(from, &ended, (counted.before, -1), !stays);
        }
        self.add_exit_page(to, &ended, (visit.facts(), 1), !stays);
    }

    fn add_exit_page(
        &mut self,
        page: ValueId,
        ended: &impl Fn(ValueId, Option<u8>) -> bool,
        (facts, sign): (Facts, i64),
        visitor: bool,
    ) {
        let counts = Counts {
            visits: sign,
            exits: sign,
            pageviews: sign * facts.pageviews,
            events: sign * facts.events,
            bounces: sign * facts.bounces,
            visit_seconds: sign * facts.visit_seconds,
            entries: sign * facts.entries,
            ..Counts::default()
        };
        self.add_to_visit(Dimension::ExitPage, page, counts);
        if visitor && !ended(page, None) {
            self.pending.day(Dimension::ExitPage, page).visitors += sign;
        }
        if visitor && !ended(page, Some(self.start_hour)) {
            self.pending.hour(self.start_hour, Dimension::ExitPage, page).visitors += sign;
        }
    }

    #[inline]
    fn add_to_visit(&mut self, dimension: Dimension, value: ValueId, counts: Counts) {
        *self.pending.day(dimension, value) += counts;
        *self.pending.hour(self.start_hour, dimension, value) += counts;
    }

    #[inline]
    fn pair(&mut self, pair: (usize, ValueId, ValueId)) -> &mut Counts {
        let (counts, folded) = self.pending.pair(pair, self.cells_max);
        self.folded += u64::from(folded);
        counts
    }
}

/// A hit: where it is, where its visitor has been before, and what it is.
type Hit<'a> = (&'a Point, &'a LookBack, &'a Counted);

/// What a hit changes in what is counted of its visit as a whole, in the cells of the visit's entry.
struct VisitChange {
    change: VisitShare,
    /// For the cells that the visit has only since this hit, its first page view: the whole of it.
    whole: Option<VisitShare>,
}

/// Counts of visits.
struct VisitShare {
    bounces: i64,
    visit_seconds: i64,
    entries: i64,
    exits: i64,
}

impl VisitChange {
    fn between(counted: &Counted, after: Facts) -> Self {
        let before = counted.before;
        let enters = after.entries > before.entries;
        let change = VisitShare {
            bounces: after.bounces - before.bounces,
            visit_seconds: after.visit_seconds - before.visit_seconds,
            entries: after.entries - before.entries,
            // The first page view is entry and exit; how the exit moves on from there is `Cells::move_exit`.
            exits: i64::from(enters),
        };
        let whole = enters.then_some(VisitShare { visit_seconds: after.visit_seconds, ..change });
        Self { change, whole }
    }

    /// The share of a cell of these dimensions.
    #[inline]
    fn share(&self, dimensions: Dimensions) -> &VisitShare {
        const PER_ENTRY: Dimensions = Dimensions::of(&[Dimension::Page, Dimension::Hostname, Dimension::EntryPage]);
        match &self.whole {
            Some(whole) if dimensions.meets(PER_ENTRY) => whole,
            Some(_) | None => &self.change,
        }
    }
}

impl VisitShare {
    const NONE: Self = Self { bounces: 0, visit_seconds: 0, entries: 0, exits: 0 };

    #[inline]
    fn is_zero(&self) -> bool {
        self.bounces == 0 && self.visit_seconds == 0 && self.entries == 0 && self.exits == 0
    }

    #[inline]
    fn add_to(&self, counts: &mut Counts) {
        counts.bounces += self.bounces;
        counts.visit_seconds += self.visit_seconds;
        counts.entries += self.entries;
        counts.exits += self.exits;
    }
}

/// The hit itself. Money saturates: the sum of a flush stays a number whatever is sent.
#[inline]
fn add(counts: &mut Counts, counted: &Counted, of_event: bool) {
    counts.pageviews += counted.pageviews;
    counts.events += 1;
    if of_event {
        counts.revenue_micros = counts.revenue_micros.saturating_add(counted.revenue_micros);
    }
}
