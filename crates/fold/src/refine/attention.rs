//! The step that counts a report of attention: to its page, what it measured, and the goals that its scroll reaches.

use std::ops::ControlFlow;

use model::{Dimension, Engagement, Kind, Outcome, Vitals};

use super::{Desk, ON, Refinement};
use crate::count::scrolled::{self, Depth};
use crate::count::{self, Attention, vitals};
use crate::fits::{holds, reaches};
use crate::state::day::{SiteDay, VisitorNumber};
use crate::state::history::{More, Past, PastAttention};
use crate::state::labels::{Label, LabelSetId, NO_LABELS};
use crate::state::values::{ABSENT, ValueId};
use crate::state::visitor::PageOfHost;

impl Refinement<'_> {
    pub(crate) fn count_engagement(&mut self) -> ControlFlow<Outcome> {
        let Kind::Engagement(engagement) = self.hit.kind else { return ON };
        let (hit, mut numbering) = self.words();
        let page = numbering.number(Dimension::Page, &hit.path);
        let host = numbering.number(Dimension::Hostname, &hit.host);
        let (at, hour) = (PageOfHost { page, host }, self.moment.hour);
        let (visitor, measured) = (self.visitor, self.measured());
        let known = visitor.and_then(|visitor| self.day().visitors.find(visitor));
        let known = known.filter(|_| self.remembers_more(known));
        count::engagement(self.day(), known, Attention { page, hour, engagement });
        let buckets = self.count_vitals(page, engagement.vitals);
        if let Some(number) = known {
            self.number = number;
            let labels = self.count_scrolled(number, (at, hour), engagement);
            let day = self.day();
            let more = day.histories.keep(More { labels, vitals: buckets, ..More::default() });
            let Engagement { engaged_ms, scroll_percent, vitals: _ } = engagement;
            day.remember(
                number,
                Past::Attention(PastAttention { at, hour, engaged_ms, scroll_percent, measured, more }),
            );
        }
        self.conclude()
    }

    /// Counts what was measured; says in which buckets. It needs no visitor: the device is the sender's own.
    fn count_vitals(&mut self, page: ValueId, measured: Vitals) -> Vec<ValueId> {
        if measured.is_empty() {
            return Vec::new();
        }
        let Desk { agents, bounds, overflows, .. } = &mut *self.desk;
        let SiteDay { values, pending, .. } = self.site.opened(self.moment.day);
        let device = self.agent.map_or("", |agent| agents.get(agent).device);
        let device = values.number(Dimension::Device, device, bounds.values, &mut overflows.values);
        // Buckets are few: `model::vitals::BUCKETS`.
        let mut number = |key: String| values.number(Dimension::Vital, &key, usize::MAX, &mut 0);
        let buckets: Vec<ValueId> = measured.iter().map(|(vital, value)| number(vital.bucket(value).key())).collect();
        overflows.cells += vitals::count(pending, (page, device), &buckets, bounds.cells_per_pair);
        buckets
    }

    /// Counts the goals that are reached by this for the first time in the visit and on the page; says which, with the segments
    /// that the report is in.
    fn count_scrolled(
        &mut self,
        number: VisitorNumber,
        (at, hour): (PageOfHost, u8),
        engagement: Engagement,
    ) -> LabelSetId {
        let (settings, now) = (self.settings, self.hit.at);
        let goals = settings.definitions.goals();
        let scrolled = engagement.scroll_percent;
        if scrolled.is_none() || !goals.iter().any(|goal| goal.what.scroll_percent.is_some()) {
            return NO_LABELS;
        }
        let (said, day) = self.said();
        if at.page == ABSENT || !scrolled::is_on(day, number, at.page) {
            return NO_LABELS;
        }
        let is_scrolled = |goal: &&model::definition::Effective<model::definition::Goal>| {
            goal.what.scroll_percent.is_some() && goal.holds_at(now) && reaches(&goal.what, scrolled, &said)
        };
        let goals: Vec<String> = goals.iter().filter(is_scrolled).map(|goal| goal.key()).collect();
        let segments = settings.definitions.segments().iter();
        let segments = segments.filter(|segment| segment.holds_at(now) && holds(&segment.what, &said));
        let segments: Vec<String> = segments.map(|segment| segment.key()).collect();
        let day = self.site.opened(self.moment.day);
        let mut label = |dimension, key: &String| {
            // Definitions have their own bound.
            let value = day.values.number(dimension, key, usize::MAX, &mut 0);
            Label { dimension, value }
        };
        let mut labels: Vec<Label> = segments.iter().map(|key| label(Dimension::Segment, key)).collect();
        let goals: Vec<Label> = goals.iter().map(|key| label(Dimension::Goal, key)).collect();
        let of_segments = labels.len();
        labels.extend(goals.into_iter().filter(|goal| !scrolled::has_reached(day, number, at.page, *goal)));
        if labels.len() == of_segments {
            return NO_LABELS;
        }
        let Desk { bounds, overflows, .. } = &mut *self.desk;
        if day.scrolled.of(number).len() >= bounds.shapes {
            overflows.shapes += 1;
            return NO_LABELS;
        }
        let Some(labels) = day.labels.number(labels, bounds.label_sets) else {
            overflows.label_sets += 1;
            return NO_LABELS;
        };
        overflows.cells += scrolled::count(day, number, &Depth { at, hour, labels }, bounds.cells_per_pair);
        labels
    }
}
