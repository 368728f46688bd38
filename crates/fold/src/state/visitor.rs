//! What is remembered of one visitor for one day: 76 bytes, 20 for each distinct shape of its hits, and 24 for each hit. With the tables that
//! find it and everything shared, a visitor-day of two or three page views takes 140 to 200 bytes (measured over 218,000
//! visitors on 50 and on 2,000 pages), one of five pages 290.

use model::Dimension;
use model::limits::VISIT_IDLE_MS_MAX;
use privacy::visitor::Visitor;

use crate::cells::point::{Dimensions, OF_VISIT, OF_VISITOR};
use crate::state::chains::Chain;
use crate::state::labels::LabelSetId;
use crate::state::profiles::{ProfileId, Profiles};
use crate::state::values::{ABSENT, ValueId};

/// A visitor's day.
#[derive(Clone, Copy)]
pub(crate) struct VisitorDay {
    pub(crate) visitor: Visitor,
    /// What is the same all day.
    pub(crate) profile: ProfileId,
    /// Distinct [`Shape`]s of its hits.
    pub(crate) shapes: Chain,
    /// Distinct [`PropertyShape`]s of its hits.
    pub(crate) properties: Chain,
    /// Distinct [`Exit`]s of its visits before this one.
    pub(crate) exits: Chain,
    /// Every hit that was counted, so that it can be shown and taken back.
    pub(crate) history: Chain,
    /// How many shapes of either kind, against the bound.
    pub(crate) shapes_len: u16,
    /// How many hits, against the bound.
    pub(crate) hits_len: u16,
    pub(crate) visit: Visit,
}

/// The visit that goes on. A visitor's first visit is number 1; number 0 is the time before it.
#[derive(Clone, Copy, Default)]
pub(crate) struct Visit {
    pub(crate) number: u8,
    /// Wall-clock hour of its first hit.
    pub(crate) start_hour: u8,
    /// Wall-clock hour of its last hit.
    pub(crate) last_hour: u8,
    /// [`INTERACTED`] and [`FOLLOWED`], in one byte because every visitor has one.
    pub(crate) is: u8,
    /// First hit, in milliseconds of the day.
    pub(crate) first_ms: u32,
    /// Last hit. Never moves back: a hit dated before it counts as if at the same time.
    pub(crate) last_ms: u32,
    pub(crate) pageviews: u32,
    /// Page views and custom events.
    pub(crate) events: u32,
    /// What is the same for the whole visit.
    pub(crate) profile: ProfileId,
    /// Page and host of its first and last page view; [`ABSENT`] before there is one.
    pub(crate) entry: PageOfHost,
    pub(crate) exit: PageOfHost,
}

/// An interactive event happened in the visit.
pub(crate) const INTERACTED: u8 = 1;

/// The visit's last page view was measured in full, so that it may be told which page follows it.
pub(crate) const FOLLOWED: u8 = 1 << 1;

/// A page view's page and host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct PageOfHost {
    pub(crate) page: ValueId,
    pub(crate) host: ValueId,
}

/// What is counted of a visit as a whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Facts {
    pub(crate) bounces: i64,
    pub(crate) visit_seconds: i64,
    pub(crate) entries: i64,
    pub(crate) pageviews: i64,
    pub(crate) events: i64,
}

/// One combination of values that a visitor's hits had, and when it was last seen: all that uniqueness needs.
#[derive(Clone, Copy, Default)]
pub(crate) struct Shape {
    pub(crate) profile: ProfileId,
    pub(crate) at: PageOfHost,
    pub(crate) event: ValueId,
    /// The segments and goals it was in.
    pub(crate) labels: LabelSetId,
    pub(crate) seen: LastSeen,
    /// Deepest scroll reported for the page, kept with one of its shapes.
    pub(crate) scroll_percent: Option<Percent>,
}

/// A property that a visitor's hits had, with the event that had it.
#[derive(Clone, Copy, Default)]
pub(crate) struct PropertyShape {
    pub(crate) event: ValueId,
    pub(crate) property: ValueId,
    pub(crate) seen: LastSeen,
}

/// A page on which an earlier visit ended, by the hour in which that visit started.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Exit {
    pub(crate) page: ValueId,
    pub(crate) start_hour: u8,
}

/// When a shape was last seen. Both only grow, so that "seen in this hour" and "seen in this visit" is an equality.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LastSeen {
    pub(crate) hour: u8,
    pub(crate) visit: u8,
}

/// A percentage, 0 to 100.
pub(crate) type Percent = u8;

const _: () =
    assert!(size_of::<VisitorDay>() <= 76 && size_of::<Shape>() <= 16, "memory is one of the design's figures");

impl VisitorDay {
    pub(crate) fn new(visitor: Visitor, profile: ProfileId) -> Self {
        let none = Chain::default();
        let (shapes_len, hits_len, visit) = (0, 0, Visit::default());
        Self {
            visitor,
            profile,
            shapes: none,
            properties: none,
            exits: none,
            history: none,
            shapes_len,
            hits_len,
            visit,
        }
    }

    /// Begins the day anew; what was remembered until now is returned.
    pub(crate) fn start_over(&mut self) -> Self {
        let fresh = Self::new(self.visitor, self.profile);
        std::mem::replace(self, fresh)
    }
}

impl Visit {
    /// Whether a mark is set.
    pub(crate) fn is(&self, mark: u8) -> bool {
        self.is & mark != 0
    }

    /// Sets a mark, or takes it away.
    pub(crate) fn mark(&mut self, mark: u8, is: bool) {
        self.is = if is { self.is | mark } else { self.is & !mark };
    }

    /// Whether a hit at `ms` of the day belongs to a new visit.
    pub(crate) fn is_over(&self, ms: u32) -> bool {
        self.number == 0 || i64::from(ms.saturating_sub(self.last_ms)) > VISIT_IDLE_MS_MAX
    }

    /// What is counted of the visit as it stands. A bounce is a visit of exactly one page view and no interactive event, so
    /// a visit that begins with an event is none until its page view comes.
    pub(crate) fn facts(&self) -> Facts {
        Facts {
            bounces: i64::from(self.pageviews == 1 && !self.is(INTERACTED)),
            visit_seconds: i64::from((self.last_ms - self.first_ms) / 1_000),
            entries: i64::from(self.entry.page != ABSENT),
            pageviews: i64::from(self.pageviews),
            events: i64::from(self.events),
        }
    }
}

impl Shape {
    pub(crate) fn same(&self, other: &Self) -> bool {
        self.profile == other.profile && self.at == other.at && self.event == other.event && self.labels == other.labels
    }

    /// The dimensions in which two hits of one visitor are equal: what is the visitor's always is.
    #[inline]
    pub(crate) fn agreement(&self, other: &Self, profiles: &Profiles<{ OF_VISIT.len() }>) -> Dimensions {
        const ALWAYS: Dimensions = Dimensions::of(&OF_VISITOR);
        const SAME_VISIT: Dimensions = Dimensions::of(&OF_VISIT);
        let of_hit = Dimensions::when(self.at.page == other.at.page, Dimension::Page)
            .with(Dimensions::when(self.at.host == other.at.host, Dimension::Hostname))
            .with(Dimensions::when(self.event == other.event, Dimension::Event));
        let of_visit = if self.profile == other.profile {
            SAME_VISIT
        } else {
            let values = profiles.get(self.profile).iter().zip(profiles.get(other.profile));
            OF_VISIT.iter().zip(values).fold(Dimensions::NONE, |equal, (dimension, (one, other))| {
                equal.with(Dimensions::when(one == other, *dimension))
            })
        };
        ALWAYS.with(of_visit).with(of_hit)
    }
}

impl PropertyShape {
    pub(crate) fn same(&self, other: &Self) -> bool {
        self.property == other.property && self.event == other.event
    }

    pub(crate) fn agreement(&self, other: &Self) -> Dimensions {
        Dimensions::when(self.property == other.property, Dimension::Property)
            .with(Dimensions::when(self.event == other.event, Dimension::Event))
    }
}
