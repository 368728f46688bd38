//! Counting flows: which page view follows which within a visit.
//!
//! A way leads from the visit's last page view to this one, with events between them or none, and back to the same page where that is
//! viewed again. Its cell, the pair (page, next page), counts page views that took it and distinct visitors of the day, so that a
//! closed day folds the ways of few. Where visits entered and left is in the cells of pages already.
//!
//! Only between two page views in mode `full`: one person's pages in their order are more than audience measurement takes.
//!
//! Nothing is remembered for it: whether a visitor took a way before is looked up in the history that is kept for them to be shown, and
//! only where they had seen the page before. Errs never; costs at worst, for somebody who takes ever new ways between the same
//! pages, a look at all their hits, of which there are [`model::limits::HITS_PER_VISITOR_MAX`].

use hashbrown::HashSet;

use crate::cells::point::PAGE_BY_NEXT_PAGE;
use crate::count::Counted;
use crate::state::chains::Chain;
use crate::state::day::{SiteDay, VisitorNumber};
use crate::state::history::PastHit;
use crate::state::values::{ABSENT, ValueId};

/// A page and the next one, by their numbers.
type Way = (ValueId, ValueId);

/// Counts the way that a page view took, if it came from one that may be followed. Says whether its cell was folded.
pub(crate) fn count(day: &mut SiteDay, number: VisitorNumber, counted: &Counted, cells_max: usize) -> bool {
    let Some(from) = counted.followed.filter(|_| counted.is_pageview() && counted.in_full) else { return false };
    let way = (from, counted.at.page);
    let person = day.visitors.get(number);
    // The hit itself is in neither yet.
    let been_there = day.shapes.iter(person.shapes).any(|shape| shape.at.page == way.1 && shape.event == ABSENT);
    let again = been_there && ways(day.histories.newest_first(person.history)).any(|known| known == way);
    let (counts, folded) = day.pending.pair((PAGE_BY_NEXT_PAGE, way.0, way.1), cells_max);
    counts.pageviews += 1;
    counts.visitors += i64::from(!again);
    folded
}

/// Takes a visitor out of every way they took.
pub(crate) fn take_back(day: &mut SiteDay, history: Chain, cells_max: usize) {
    let SiteDay { histories, pending, .. } = day;
    let mut known = HashSet::new();
    for way in ways(histories.newest_first(history)) {
        let (counts, _) = pending.pair((PAGE_BY_NEXT_PAGE, way.0, way.1), cells_max);
        counts.pageviews -= 1;
        counts.visitors -= i64::from(known.insert(way));
    }
}

/// The ways of a visitor's hits, the newest first.
fn ways(newest_first: impl Iterator<Item = PastHit>) -> impl Iterator<Item = Way> {
    let mut next = None;
    newest_first.filter_map(move |hit| {
        let page = (hit.pageview && hit.measured == model::Measured::Full).then_some(hit.at.page);
        let way = page.zip(next);
        if hit.pageview {
            next = page;
        }
        // What comes before it is another visit.
        if hit.begins.is_some() {
            next = None;
        }
        way
    })
}
