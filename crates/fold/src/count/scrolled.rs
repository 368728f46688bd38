//! Counting goals of a scroll depth: a report of attention reaches one, once a visit and page, for the visit that its visitor is on.
//!
//! What reached one is remembered beside the shapes of hits, never among them: a visitor has not been in a page's cells again because
//! they scrolled it.

use super::Cells;
use crate::cells::point::Point;
use crate::state::day::{SiteDay, VisitorNumber};
use crate::state::labels::{Label, LabelSetId};
use crate::state::values::{ABSENT, ValueId};
use crate::state::visitor::{LastSeen, PageOfHost, Shape};

/// A report of attention that reached goals.
pub(crate) struct Depth {
    pub(crate) at: PageOfHost,
    pub(crate) hour: u8,
    /// These goals, and the segments that the report is in.
    pub(crate) labels: LabelSetId,
}

/// Whether the visit that a visitor is on has been on a page.
pub(crate) fn is_on(day: &SiteDay, number: VisitorNumber, page: ValueId) -> bool {
    let person = day.visitors.get(number);
    day.shapes.iter(person.shapes).any(|shape| shape.at.page == page && shape.seen.visit == person.visit.number)
}

/// Whether that visit has reached a goal on a page before.
pub(crate) fn has_reached(day: &SiteDay, number: VisitorNumber, page: ValueId, goal: Label) -> bool {
    let visit = day.visitors.get(number).visit.number;
    let before = day.scrolled.of(number).iter();
    before.clone().any(|shape| shape.at.page == page && shape.seen.visit == visit && day.labels.has(shape.labels, goal))
}

/// Counts that a visitor's visit reached goals. Says how many cells were folded.
pub(crate) fn count(day: &mut SiteDay, number: VisitorNumber, depth: &Depth, cells_max: usize) -> u64 {
    let SiteDay { visitors, visitor_profiles, visit_profiles, scrolled, labels: sets, pending, .. } = day;
    let Depth { at, hour, labels } = *depth;
    let person = visitors.get(number);
    let visit = person.visit;
    let (of_visitor, of_visit) = (visitor_profiles.get(person.profile), visit_profiles.get(visit.profile));
    let here = Point::new(of_visitor, of_visit, [at.page, at.host, ABSENT]);
    let seen = LastSeen { hour, visit: visit.number };
    let shape = Shape { profile: visit.profile, at, event: ABSENT, labels, seen, scroll_percent: None };
    let mut cells = Cells { pending, cells_max, hour, start_hour: visit.start_hour, folded: 0 };
    let earlier = || scrolled.of(number).iter().map(|known| (known, known.agreement(&shape, visit_profiles)));
    cells.add_scrolled((sets, &shape), earlier, &here);
    let folded = cells.folded;
    scrolled.note(number, shape);
    folded
}
