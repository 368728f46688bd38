//! The steps that ask what people defined: which segments and goals a hit is in, and which steps of funnels it takes.

use std::ops::ControlFlow;

use model::{Dimension, Hit, Kind, Mode, Outcome};

use super::{Desk, ON, Refinement};
use crate::cells::pending::ValueTables;
use crate::cells::point::{FUNNEL_BY_STEP, OF_VISIT, OF_VISITOR};
use crate::fits::{Said, holds, is_done, reaches};
use crate::state::day::SiteDay;
use crate::state::labels::{Label, NO_LABELS};
use crate::state::values::{ABSENT, ValueId};

impl Refinement<'_> {
    pub(crate) fn add_labels(&mut self) -> ControlFlow<Outcome> {
        let (settings, at) = (self.settings, self.hit.at);
        let definitions = &settings.definitions;
        if definitions.is_empty() || self.crowded {
            return ON;
        }
        let (said, _) = self.said();
        let segments =
            definitions.segments().iter().filter(|segment| segment.holds_at(at) && holds(&segment.what, &said));
        let goals = definitions.goals().iter().filter(|goal| goal.holds_at(at) && reaches(&goal.what, None, &said));
        let segments = segments.map(|segment| (Dimension::Segment, segment.key()));
        let found: Vec<_> = segments.chain(goals.map(|goal| (Dimension::Goal, goal.key()))).collect();
        let Desk { bounds, overflows, .. } = &mut *self.desk;
        let SiteDay { values, labels, .. } = self.site.opened(self.moment.day);
        let label = |(dimension, key): (Dimension, String)| {
            // Definitions have their own bound.
            let value = values.number(dimension, &key, usize::MAX, &mut overflows.values);
            Label { dimension, value }
        };
        let number = labels.number(found.into_iter().map(label).collect(), bounds.label_sets);
        overflows.label_sets += u64::from(number.is_none());
        self.counted.labels = number.unwrap_or(NO_LABELS);
        ON
    }

    /// Only in mode `full`: one person's pages in their order are more than audience measurement takes.
    pub(crate) fn count_funnels(&mut self) -> ControlFlow<Outcome> {
        let (settings, at, number) = (self.settings, self.hit.at, self.number);
        let definitions = &settings.definitions;
        if definitions.funnels().is_empty() || self.crowded || self.hit.mode != Mode::Full {
            return ON;
        }
        for funnel in definitions.funnels().iter().filter(|funnel| funnel.holds_at(at)) {
            // Most hits take no step of any funnel, and then its key is not needed.
            if !funnel.what.steps.iter().any(|step| is_done(&step.action, &self.said().0)) {
                continue;
            }
            let key = self.day().values.number(Dimension::Funnel, &funnel.key(), usize::MAX, &mut 0);
            let (said, day) = self.said();
            // One hit takes one step, also where it fits the next one too.
            let next = funnel.what.steps.get(usize::from(day.funnels.steps(number, key)));
            if !next.is_some_and(|step| is_done(&step.action, &said)) {
                continue;
            }
            let cells_max = self.desk.bounds.cells_per_pair;
            let day = self.day();
            let steps = day.funnels.advance(number, key);
            let step = day.values.number(Dimension::Step, &steps.to_string(), usize::MAX, &mut 0);
            let (counts, folded) = day.pending.pair((FUNNEL_BY_STEP, key, step), cells_max);
            counts.visitors += 1;
            self.desk.overflows.cells += u64::from(folded);
        }
        ON
    }

    /// What the hit says, and what its visit and visitor say; and the day it is on.
    pub(super) fn said(&self) -> (Saying<'_>, &SiteDay) {
        let day = self.site.days.get(&self.moment.day).expect("opened by `add_day`");
        let person = day.visitors.get(self.number);
        let of_visitor = day.visitor_profiles.get(person.profile);
        let of_visit = day.visit_profiles.get(person.visit.profile);
        (Saying { hit: &self.hit, values: &day.values, of_visitor, of_visit }, day)
    }
}

/// A hit as definitions see it, after its visit has gone on by it.
pub(super) struct Saying<'s> {
    hit: &'s Hit,
    values: &'s ValueTables,
    of_visitor: &'s [ValueId; OF_VISITOR.len()],
    of_visit: &'s [ValueId; OF_VISIT.len()],
}

impl Said for Saying<'_> {
    fn value(&self, dimension: Dimension) -> &str {
        let among = |dimensions: &[Dimension], values: &[ValueId]| {
            dimensions.iter().position(|known| *known == dimension).and_then(|at| values.get(at).copied())
        };
        match (dimension, &self.hit.kind) {
            (Dimension::Page, _) => &self.hit.path,
            (Dimension::Hostname, _) => &self.hit.host,
            (Dimension::Event, Kind::Event { name, .. }) => name,
            _ => {
                let value = among(&OF_VISIT, self.of_visit).or_else(|| among(&OF_VISITOR, self.of_visitor));
                self.values.text(dimension, value.unwrap_or(ABSENT))
            }
        }
    }

    fn properties(&self) -> &[(Box<str>, Box<str>)] {
        &self.hit.props
    }

    fn is_pageview(&self) -> bool {
        self.hit.kind == Kind::Pageview
    }
}
