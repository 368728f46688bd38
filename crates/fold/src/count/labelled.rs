//! Counting segments and goals: what a hit changes in the cells of those it is in, and of those its visit is in.
//!
//! A hit is in a segment when the segment's filter holds for it; a visit or a visitor is when one of its hits is. The cells of a
//! segment, and those of a segment with another dimension, get
//! * of each hit that is in it: its page view or event and its money, in the hit's bucket; one visitor where no hit of the visitor
//!   was in the same cell before in that bucket; one visit, in the visit's bucket, where none of the visit's hits was;
//! * of each visit that is in it, in the visit's bucket: its bounce, seconds, entry and exit as a whole, whichever of its hits is in
//!   it. With another dimension they are those of the visit's entry and exit, as in that dimension's own cells.
//!
//! A goal is counted as a segment is, but for one of a scroll depth: what reaches that is a report of attention, which is of a visit and no
//! hit of it. So it counts its visitor, its visit and itself as an event, and nothing of the visit as a whole.

use model::counts::LABELLED;
use model::{Counts, Dimension};

use super::{Cells, Counted};
use crate::cells::point::{Dimensions, Point, SEGMENT_BY_GOAL, labelled_pair};
use crate::cells::seen::LookBack;
use crate::state::labels::{Label, LabelSets};
use crate::state::values::ABSENT;
use crate::state::visitor::{Facts, Shape, Visit};

/// One label of a hit or of its visit.
struct Labelled {
    label: Label,
    /// Whether the hit is in it.
    here: bool,
    /// Where in it the visitor and the visit have been before.
    seen: LookBack,
}

/// A visit as a whole: what is counted of it, where it entered, where it ended so far.
#[derive(Clone, Copy)]
struct Whole<'p> {
    facts: Facts,
    entry: &'p Point,
    exit: &'p Point,
}

impl Cells<'_> {
    /// Counts the hit and its visit in the cells of their segments and goals.
    pub(super) fn add_labels<'s, E: Iterator<Item = (&'s Shape, Dimensions)>>(
        &mut self,
        (sets, shape): (&LabelSets, &Shape),
        earlier: impl Fn() -> E,
        hit: (&Point, &Counted),
        (visit, entry, (exit_before, exit)): (&Visit, &Point, (Point, Point)),
    ) {
        let here = sets.get(shape.labels);
        // Of the visit's earlier hits: a visit goes on in what it has been in.
        let mut all: Vec<Label> = here.to_vec();
        for (known, _) in earlier().filter(|(known, _)| known.seen.visit == shape.seen.visit) {
            all.extend(sets.get(known.labels));
        }
        all.sort_unstable();
        all.dedup();
        if all.is_empty() {
            return;
        }
        let look_back = |all_of: &[Label]| look_back(sets, shape, earlier(), all_of);
        let entry_before = if hit.1.before.entries > 0 { *entry } else { entry.not_entered() };
        let before = Whole { facts: hit.1.before, entry: &entry_before, exit: &exit_before };
        let after = Whole { facts: visit.facts(), entry, exit: &exit };
        for label in all {
            let labelled = Labelled { label, here: here.contains(&label), seen: look_back(&[label]) };
            self.add_label(&labelled, hit, (before, after));
        }
        let of = |dimension| here.iter().filter(move |label| label.dimension == dimension);
        for segment in of(Dimension::Segment) {
            for goal in of(Dimension::Goal) {
                self.add_both(*segment, *goal, &look_back(&[*segment, *goal]), hit.1);
            }
        }
    }

    /// Counts a report of attention in the goals that its scroll reached. `earlier` are those that reached some before.
    pub(super) fn add_scrolled<'s, E: Iterator<Item = (&'s Shape, Dimensions)>>(
        &mut self,
        (sets, shape): (&LabelSets, &Shape),
        earlier: impl Fn() -> E,
        here: &Point,
    ) {
        let labels = sets.get(shape.labels);
        let of = |dimension| labels.iter().filter(move |label| label.dimension == dimension);
        let counted = Counted::default();
        for goal in of(Dimension::Goal) {
            self.add_labelled_hit(*goal, &look_back(sets, shape, earlier(), &[*goal]), (here, &counted));
            for segment in of(Dimension::Segment) {
                let seen = look_back(sets, shape, earlier(), &[*segment, *goal]);
                self.add_both(*segment, *goal, &seen, &counted);
            }
        }
    }

    /// Counts a hit and its visit in the cells of one label.
    fn add_label(
        &mut self,
        labelled: &Labelled,
        (here, counted): (&Point, &Counted),
        (before, after): (Whole<'_>, Whole<'_>),
    ) {
        let Labelled { label, here: is_here, seen } = labelled;
        if *is_here {
            self.add_labelled_hit(*label, seen, (here, counted));
        }
        if seen.visit.new_in(Dimension::Total) == 0 {
            self.add_visit(*label, before, -1);
        }
        self.add_visit(*label, after, 1);
    }

    /// Counts a hit that is in a segment and has reached a goal.
    fn add_both(&mut self, segment: Label, goal: Label, seen: &LookBack, counted: &Counted) {
        let (visitors, visits) = (seen.day.new_in(Dimension::Total), seen.visit.new_in(Dimension::Total));
        let counts = self.pair((SEGMENT_BY_GOAL, segment.value, goal.value));
        add(counts, Counts { visitors, visits, ..of_hit(counted) });
    }

    fn add_labelled_hit(&mut self, label: Label, seen: &LookBack, (here, counted): (&Point, &Counted)) {
        let hit = of_hit(counted);
        let visits = seen.visit.new_in(Dimension::Total);
        let of_day = Counts { visitors: seen.day.new_in(Dimension::Total), visits, ..hit };
        add(self.pending.day(label.dimension, label.value), of_day);
        let of_hour = Counts { visitors: seen.hour.new_in(Dimension::Total), ..hit };
        add(self.pending.hour(self.hour, label.dimension, label.value), of_hour);
        if visits != 0 {
            self.pending.hour(self.start_hour, label.dimension, label.value).visits += visits;
        }
        for (at, dimension) in LABELLED.into_iter().enumerate() {
            let value = here.value(dimension);
            if value != ABSENT {
                let (visitors, visits) = (seen.day.new_in(dimension), seen.visit.new_in(dimension));
                let counts = self.pair((labelled_pair(at, label.dimension), value, label.value));
                add(counts, Counts { visitors, visits, ..hit });
            }
        }
    }

    /// Counts a whole visit in the cells of a label, or takes it out of them.
    fn add_visit(&mut self, label: Label, visit: Whole<'_>, sign: i64) {
        let Facts { bounces, visit_seconds, entries, .. } = visit.facts;
        let entered = Counts {
            bounces: sign * bounces,
            visit_seconds: sign * visit_seconds,
            entries: sign * entries,
            ..Counts::default()
        };
        let left = Counts { exits: sign * entries, ..Counts::default() };
        for counts in [entered, left].into_iter().filter(|counts| !counts.is_zero()) {
            *self.pending.day(label.dimension, label.value) += counts;
            *self.pending.hour(self.start_hour, label.dimension, label.value) += counts;
        }
        for (at, dimension) in LABELLED.into_iter().enumerate() {
            let pair = labelled_pair(at, label.dimension);
            for (point, counts) in [(visit.entry, entered), (visit.exit, left)] {
                let value = point.value(dimension);
                if value != ABSENT && !counts.is_zero() {
                    *self.pair((pair, value, label.value)) += counts;
                }
            }
        }
    }
}

/// Where a visitor and a visit have been before with what was in all of some labels.
fn look_back<'s>(
    sets: &LabelSets,
    shape: &Shape,
    earlier: impl Iterator<Item = (&'s Shape, Dimensions)>,
    all_of: &[Label],
) -> LookBack {
    let mut seen = LookBack::default();
    for (known, equal) in earlier {
        if all_of.iter().all(|label| sets.has(known.labels, *label)) {
            seen.note(known.seen, shape.seen, equal);
        }
    }
    seen
}

/// Money saturates, as in every cell.
fn add(counts: &mut Counts, change: Counts) {
    let revenue_micros = counts.revenue_micros.saturating_add(change.revenue_micros);
    *counts += Counts { revenue_micros: 0, ..change };
    counts.revenue_micros = revenue_micros;
}

/// What a hit is in every cell of its labels.
fn of_hit(counted: &Counted) -> Counts {
    Counts { pageviews: counted.pageviews, events: 1, revenue_micros: counted.revenue_micros, ..Counts::default() }
}
