//! What has been counted of each visitor today, hit by hit: all that is needed to show it to them and to take it back. Kept
//! in memory, found by the pseudonym alone, and gone with the day.
//!
//! It is no second state to count from: uniqueness and visits never look here. The invariant: counting a visitor's entries
//! again, in order, changes every cell by what their hits did.

use model::{Lowering, Measured};

use crate::state::chains::{Chain, Chains};
use crate::state::labels::{LabelSetId, NO_LABELS};
use crate::state::profiles::ProfileId;
use crate::state::values::ValueId;
use crate::state::visitor::{PageOfHost, Percent};

/// One counted hit. Values are numbers of the day's tables, so a capped one is `(other)` here too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Past {
    /// A page view or an event.
    Hit(PastHit),
    /// A report of attention.
    Attention(PastAttention),
}

/// A report of attention that was counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PastAttention {
    pub(crate) at: PageOfHost,
    pub(crate) hour: u8,
    pub(crate) engaged_ms: u32,
    pub(crate) scroll_percent: Option<Percent>,
    /// How it stands in the ledger.
    pub(crate) measured: Measured,
    /// Where its [`More`] stands.
    pub(crate) more: Option<u32>,
}

/// A page view or an event that was counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PastHit {
    /// Milliseconds of the day, as the hit said.
    pub(crate) ms: u32,
    pub(crate) hour: u8,
    pub(crate) at: PageOfHost,
    /// No value for a page view.
    pub(crate) event: ValueId,
    pub(crate) pageview: bool,
    pub(crate) interactive: bool,
    /// How it stands in the ledger.
    pub(crate) measured: Measured,
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
    /// The segments and goals it was in, so that it is taken back from just these; of attention, those that its scroll reached.
    pub(crate) labels: LabelSetId,
    /// The buckets of what attention measured.
    pub(crate) vitals: Vec<ValueId>,
}

/// The histories of one day.
#[derive(Default)]
pub(crate) struct Histories {
    entries: Chains<Packed>,
    more: Vec<More>,
}

impl Histories {
    /// Entries of all visitors.
    pub(crate) const fn len(&self) -> usize {
        self.entries.len()
    }

    /// Adds an entry at the end of a visitor's history.
    pub(crate) fn push(&mut self, history: &mut Chain, past: Past) {
        self.entries.push(history, Packed::of(past));
    }

    /// Keeps what few hits have; nothing where there is nothing.
    pub(crate) fn keep(&mut self, more: More) -> Option<u32> {
        if more.revenue_micros == 0 && more.properties.is_empty() && more.labels == NO_LABELS && more.vitals.is_empty()
        {
            return None;
        }
        let at = u32::try_from(self.more.len()).expect("fewer hits a day than 2^32");
        self.more.push(more);
        Some(at)
    }

    /// What was kept of an entry.
    pub(crate) fn more(&self, more: Option<u32>) -> More {
        more.and_then(|at| self.more.get(at as usize)).cloned().unwrap_or_default()
    }

    /// A visitor's hits, the newest first.
    pub(crate) fn newest_first(&self, history: Chain) -> impl Iterator<Item = PastHit> {
        let hit = |packed: &Packed| match packed.past() {
            Past::Hit(hit) => Some(hit),
            Past::Attention(_) => None,
        };
        self.entries.iter(history).filter_map(hit)
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
            if let Past::Hit(PastHit { more: Some(at), .. }) | Past::Attention(PastAttention { more: Some(at), .. }) =
                past
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
    /// [`NONE`] where no visit begins.
    begins: ProfileId,
    /// [`NONE`] where there is no more.
    more: u32,
    page: ValueId,
    host: ValueId,
    /// Of attention the scroll, or [`NOT_SCROLLED`].
    event: ValueId,
    hour: u8,
    /// The flags below, and above them how the hit was measured.
    is: u8,
}

const NONE: u32 = u32::MAX;
const NOT_SCROLLED: ValueId = ValueId::MAX;

const PAGEVIEW: u8 = 1;
const INTERACTIVE: u8 = 1 << 1;
const ATTENTION: u8 = 1 << 2;
const MEASURED_BITS: u32 = 4;

const _: () = assert!(size_of::<Packed>() == 20, "memory is one of the design's figures");
const _: () = assert!(Lowering::ALL.len() + 2 <= 1 << MEASURED_BITS, "every way to be measured has a number");

impl Packed {
    fn of(past: Past) -> Self {
        let flag = |is: bool, flag: u8| if is { flag } else { 0 };
        match past {
            Past::Hit(hit) => Self {
                ms: hit.ms,
                begins: hit.begins.unwrap_or(NONE),
                more: hit.more.unwrap_or(NONE),
                page: hit.at.page,
                host: hit.at.host,
                event: hit.event,
                hour: hit.hour,
                is: flag(hit.pageview, PAGEVIEW) | flag(hit.interactive, INTERACTIVE) | number_of(hit.measured),
            },
            Past::Attention(PastAttention { at, hour, engaged_ms, scroll_percent, measured, more }) => Self {
                ms: engaged_ms,
                begins: NONE,
                more: more.unwrap_or(NONE),
                page: at.page,
                host: at.host,
                event: scroll_percent.map_or(NOT_SCROLLED, ValueId::from),
                hour,
                is: ATTENTION | number_of(measured),
            },
        }
    }

    fn past(self) -> Past {
        let Self { ms, begins, more, page, host, event, hour, is } = self;
        let (at, measured, more) = (PageOfHost { page, host }, measured(is), (more != NONE).then_some(more));
        if is & ATTENTION != 0 {
            let scroll_percent = (event != NOT_SCROLLED).then(|| Percent::try_from(event).unwrap_or(Percent::MAX));
            return Past::Attention(PastAttention { at, hour, engaged_ms: ms, scroll_percent, measured, more });
        }
        Past::Hit(PastHit {
            ms,
            hour,
            at,
            event,
            pageview: is & PAGEVIEW != 0,
            interactive: is & INTERACTIVE != 0,
            measured,
            begins: (begins != NONE).then_some(begins),
            more,
        })
    }
}

/// Numbered in the byte's upper half: 0 is full, 1 is exempt, and from 2 on what lowered it to exempt.
fn number_of(measured: Measured) -> u8 {
    let number = match measured {
        Measured::Full => 0,
        Measured::Exempt(None) => 1,
        Measured::Exempt(Some(lowering)) => {
            2 + Lowering::ALL.iter().position(|known| *known == lowering).expect("every lowering is in the list")
        }
    };
    u8::try_from(number).expect("asserted to fit four bits") << MEASURED_BITS
}

fn measured(is: u8) -> Measured {
    match is >> MEASURED_BITS {
        0 => Measured::Full,
        number => Measured::Exempt(number.checked_sub(2).and_then(|at| Lowering::ALL.get(usize::from(at)).copied())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_come_back_in_order_as_they_were_and_are_wiped() {
        let (mut histories, mut one, mut other) = (Histories::default(), Chain::default(), Chain::default());
        let more = histories.keep(More { revenue_micros: 5, properties: vec![7], labels: 3, vitals: vec![4] });
        assert_eq!((more, histories.keep(More::default())), (Some(0), None));
        let at = PageOfHost { page: 65_535, host: 2 };
        let hit = PastHit {
            ms: 90_000_000,
            hour: 23,
            at,
            event: 9,
            pageview: false,
            interactive: true,
            measured: Measured::Exempt(Some(Lowering::Crowd)),
            begins: Some(0),
            more,
        };
        let view = PastHit {
            pageview: true,
            interactive: false,
            measured: Measured::Full,
            begins: None,
            more: None,
            event: 0,
            ..hit
        };
        let quiet = |scroll_percent| PastAttention {
            at: PageOfHost { page: 3, host: 8 },
            hour: 4,
            engaged_ms: u32::MAX,
            scroll_percent,
            measured: Measured::Exempt(None),
            more: None,
        };
        let attention = |scroll_percent| Past::Attention(quiet(scroll_percent));
        let telling = histories.keep(More { vitals: vec![9, 10], ..More::default() });
        let measuring = Past::Attention(PastAttention { more: telling, ..quiet(Some(7)) });
        let all =
            [Past::Hit(hit), attention(None), Past::Hit(view), measuring, attention(Some(0)), attention(Some(100))];
        for past in all {
            histories.push(&mut one, past);
            histories.push(&mut other, attention(Some(1)));
        }
        assert_eq!(histories.of(one), all);
        assert_eq!(histories.newest_first(one).collect::<Vec<_>>(), [view, hit]);
        assert_eq!((histories.more(hit.more).properties, histories.more(hit.more).labels), (vec![7], 3));
        assert_eq!((histories.more(telling).vitals, histories.more(None).vitals), (vec![9, 10], vec![]));
        histories.wipe(one);
        assert_eq!((histories.more(hit.more).revenue_micros, histories.more(telling).vitals), (0, vec![]));
        assert_eq!(histories.of(other), [attention(Some(1)); 6]);
    }
}
