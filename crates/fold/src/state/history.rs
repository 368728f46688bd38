//! What has been counted of each visitor today, hit by hit: all that is needed to show it to them and to take it back. Kept
//! in memory, found by the pseudonym alone, and gone with the day.
//!
//! It is no second state to count from: uniqueness and visits never look here. The invariant: counting a visitor's entries
//! again, in order, changes every cell by what their hits did.

use crate::state::chains::{Chain, Chains};
use crate::state::profiles::ProfileId;
use crate::state::values::{ABSENT, ValueId};
use crate::state::visitor::{PageOfHost, Percent};

/// One counted hit. Values are numbers of the day's tables, so a capped one is `(other)` here too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Past {
    /// A page view or an event.
    Hit(PastHit),
    /// A report of attention.
    Attention { page: ValueId, hour: u8, engaged_ms: u32, scroll_percent: Option<Percent>, full: bool },
}

/// A page view or an event that was counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PastHit {
    /// Milliseconds of the day, as the hit said.
    pub(crate) ms: u32,
    pub(crate) hour: u8,
    pub(crate) at: PageOfHost,
    /// [`ABSENT`] for a page view.
    pub(crate) event: ValueId,
    pub(crate) pageview: bool,
    pub(crate) interactive: bool,
    /// Counted in mode `full`, else in `exempt`.
    pub(crate) full: bool,
    /// The profile of the visit that it began, before its entry page was known.
    pub(crate) begins: Option<ProfileId>,
    /// Where its [`More`] stands.
    pub(crate) more: Option<u32>,
}

/// What few hits have.
#[derive(Clone, Default)]
pub(crate) struct More {
    pub(crate) revenue_micros: i64,
    pub(crate) properties: Vec<ValueId>,
}

/// The histories of one day.
#[derive(Default)]
pub(crate) struct Histories {
    entries: Chains<Packed>,
    more: Vec<More>,
}

impl Histories {
    /// Adds an entry at the end of a visitor's history.
    pub(crate) fn push(&mut self, history: &mut Chain, past: Past) {
        self.entries.push(history, Packed::of(past));
    }

    /// Keeps what few hits have; nothing where there is nothing.
    pub(crate) fn keep(&mut self, more: More) -> Option<u32> {
        if more.revenue_micros == 0 && more.properties.is_empty() {
            return None;
        }
        let at = u32::try_from(self.more.len()).expect("fewer hits a day than 2^32");
        self.more.push(more);
        Some(at)
    }

    /// What was kept of a hit.
    pub(crate) fn more(&self, hit: &PastHit) -> More {
        hit.more.and_then(|at| self.more.get(at as usize)).cloned().unwrap_or_default()
    }

    /// A visitor's entries, the oldest first.
    pub(crate) fn of(&self, history: Chain) -> Vec<Past> {
        let mut entries: Vec<Past> = self.entries.iter(history).map(|packed| packed.past()).collect();
        entries.reverse();
        entries
    }

    /// Overwrites a visitor's history.
    pub(crate) fn wipe(&mut self, history: Chain) {
        for past in self.of(history) {
            if let Past::Hit(PastHit { more: Some(at), .. }) = past
                && let Some(more) = self.more.get_mut(at as usize)
            {
                *more = More::default();
            }
        }
        self.entries.wipe(history);
    }
}

/// A [`Past`] in 20 bytes, because every hit of a day has one.
#[derive(Clone, Copy, Default)]
struct Packed {
    /// Milliseconds of the day, or of attention.
    ms: u32,
    begins: ProfileId,
    more: u32,
    page: ValueId,
    host: ValueId,
    event: ValueId,
    hour: u8,
    /// The flags below.
    is: u8,
}

const PAGEVIEW: u8 = 1;
const INTERACTIVE: u8 = 1 << 1;
const FULL: u8 = 1 << 2;
const BEGINS: u8 = 1 << 3;
const MORE: u8 = 1 << 4;
const ATTENTION: u8 = 1 << 5;
const SCROLLED: u8 = 1 << 6;

const _: () = assert!(size_of::<Packed>() == 20, "memory is one of the design's figures");

impl Packed {
    fn of(past: Past) -> Self {
        let flag = |is: bool, flag: u8| if is { flag } else { 0 };
        match past {
            Past::Hit(hit) => Self {
                ms: hit.ms,
                begins: hit.begins.unwrap_or_default(),
                more: hit.more.unwrap_or_default(),
                page: hit.at.page,
                host: hit.at.host,
                event: hit.event,
                hour: hit.hour,
                is: flag(hit.pageview, PAGEVIEW)
                    | flag(hit.interactive, INTERACTIVE)
                    | flag(hit.full, FULL)
                    | flag(hit.begins.is_some(), BEGINS)
                    | flag(hit.more.is_some(), MORE),
            },
            Past::Attention { page, hour, engaged_ms, scroll_percent, full } => Self {
                ms: engaged_ms,
                page,
                hour,
                event: scroll_percent.map_or(ABSENT, ValueId::from),
                is: ATTENTION | flag(scroll_percent.is_some(), SCROLLED) | flag(full, FULL),
                ..Self::default()
            },
        }
    }

    fn past(self) -> Past {
        let is = |flag: u8| self.is & flag != 0;
        if is(ATTENTION) {
            let scroll_percent = is(SCROLLED).then(|| Percent::try_from(self.event).unwrap_or(Percent::MAX));
            let Self { page, hour, ms: engaged_ms, .. } = self;
            return Past::Attention { page, hour, engaged_ms, scroll_percent, full: is(FULL) };
        }
        Past::Hit(PastHit {
            ms: self.ms,
            hour: self.hour,
            at: PageOfHost { page: self.page, host: self.host },
            event: self.event,
            pageview: is(PAGEVIEW),
            interactive: is(INTERACTIVE),
            full: is(FULL),
            begins: is(BEGINS).then_some(self.begins),
            more: is(MORE).then_some(self.more),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_come_back_in_order_as_they_were_and_are_wiped() {
        let (mut histories, mut one, mut other) = (Histories::default(), Chain::default(), Chain::default());
        let more = histories.keep(More { revenue_micros: 5, properties: vec![7] });
        assert_eq!((more, histories.keep(More::default())), (Some(0), None));
        let at = PageOfHost { page: 65_535, host: 2 };
        let hit = PastHit {
            ms: 90_000_000,
            hour: 23,
            at,
            event: 9,
            pageview: false,
            interactive: true,
            full: true,
            begins: Some(0),
            more,
        };
        let view =
            PastHit { pageview: true, interactive: false, full: false, begins: None, more: None, event: ABSENT, ..hit };
        let attention =
            |scroll_percent| Past::Attention { page: 3, hour: 4, engaged_ms: u32::MAX, scroll_percent, full: true };
        let all = [Past::Hit(hit), attention(None), Past::Hit(view), attention(Some(0)), attention(Some(100))];
        for past in all {
            histories.push(&mut one, past);
            histories.push(&mut other, attention(Some(1)));
        }
        assert_eq!(histories.of(one), all);
        assert_eq!(histories.more(&hit).properties, [7]);
        histories.wipe(one);
        assert_eq!(histories.more(&hit).revenue_micros, 0);
        assert_eq!(histories.of(other), [attention(Some(1)); 5]);
    }
}
