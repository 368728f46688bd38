//! Reads an IAB GPP string as far as it says whether a visitor may be measured: opt-outs of the US sections, Global Privacy
//! Control, the known-child fields, and a TCF string inside.
//!
//! It allocates nothing and never expands a range of section ids: ids are drawn one by one, for the sections that are
//! there. What cannot be read says [`Signals::UNCLEAR`], and what was read before it still counts.

use model::{Millis, Signals, policy::TcfPolicy};

use crate::consent_bits::{Bits, CONSENT_BYTES_MAX};
use crate::tcf::{self, Word};

/// Most sections of a string; 27 ids are defined.
pub const SECTIONS_MAX: usize = 32;

/// Most sub-sections of a section; three kinds are defined.
const SUBSECTIONS_MAX: usize = 8;

const TCF_EU: u16 = 2;
const US_PRIVACY: u16 = 6;

/// Reads what a string says on the day `now`. `in_force` (`gpp_sid`) lists the sections that apply, where the sender says
/// so: a TCF string outside of it is not read. An opt-out is honoured wherever it stands.
#[must_use]
pub fn read(text: &str, in_force: Option<&str>, now: Millis, policy: TcfPolicy) -> Signals {
    let unclear = Signals::UNCLEAR;
    if text.len() > CONSENT_BYTES_MAX || text.split('~').count() > SECTIONS_MAX + 1 {
        return unclear;
    }
    let mut sections = text.split('~');
    let Some(mut ids) = sections.next().and_then(SectionIds::of) else { return unclear };
    let mut signals = Signals::default();
    for section in sections {
        let Some(id) = ids.next() else { return signals.with(unclear) };
        signals = signals.with(match id {
            TCF_EU if !applies(in_force, TCF_EU) => Signals::default(),
            TCF_EU => of_word(tcf::read(section, now, policy)),
            US_PRIVACY => us_privacy(section).unwrap_or(unclear),
            id => us_section(id, section).unwrap_or(unclear),
        });
    }
    if ids.next().is_some() { signals.with(unclear) } else { signals }
}

/// The signal that a TCF string's word is.
#[must_use]
pub const fn of_word(word: Word) -> Signals {
    match word {
        Word::Granted => Signals::TCF_GRANTED,
        Word::Refused => Signals::TCF_REFUSED,
        Word::Unclear => Signals::UNCLEAR,
    }
}

/// Whether a list such as `7,8` or `7_8` names a section; no list leaves it to the string.
fn applies(in_force: Option<&str>, section: u16) -> bool {
    in_force.is_none_or(|list| list.split([',', '_']).any(|id| id.trim().parse() == Ok(section)))
}

/// The ids in a header, drawn one by one.
#[derive(Debug)]
struct SectionIds<'a> {
    bits: Bits<'a>,
    entries_left: u16,
    last: u16,
    range_left: u16,
    broken: bool,
}

impl<'a> SectionIds<'a> {
    fn of(header: &'a str) -> Option<Self> {
        let mut bits = Bits::of(header)?;
        let header_of_version_one = bits.number(6)? == 3 && bits.number(6)? == 1;
        let entries_left = bits.short(12)?;
        header_of_version_one.then_some(Self { bits, entries_left, last: 0, range_left: 0, broken: false })
    }

    fn entry(&mut self) -> Option<u16> {
        let several = self.bits.flag()?;
        self.last = self.last.checked_add(self.bits.fibonacci()?)?;
        self.range_left = if several { self.bits.fibonacci()? } else { 0 };
        Some(self.last)
    }
}

impl Iterator for SectionIds<'_> {
    type Item = u16;

    /// After the end of a broken header comes id 0, once, which is no section's.
    fn next(&mut self) -> Option<u16> {
        if self.range_left > 0 {
            self.range_left -= 1;
            self.last = self.last.saturating_add(1);
            return Some(self.last);
        }
        if self.broken {
            return None;
        }
        self.entries_left = self.entries_left.checked_sub(1)?;
        let id = self.entry();
        self.broken = id.is_none();
        Some(id.unwrap_or_default())
    }
}

/// The four characters of US Privacy, such as `1YNN`: version, notice, opt-out of sale, agreement.
fn us_privacy(text: &str) -> Option<Signals> {
    let [b'1', notice, sale, agreement] = *text.as_bytes() else { return None };
    let known = [notice, sale, agreement].iter().all(|word| matches!(word, b'Y' | b'N' | b'-' | b'y' | b'n'));
    let opted_out = sale.eq_ignore_ascii_case(&b'Y');
    known.then_some(if opted_out { Signals::GPP_REFUSED } else { Signals::default() })
}

/// Where a US section keeps its opt-outs and its known-child fields, counted in fields of two bits behind the version.
struct Layout {
    opt_outs: (usize, usize),
    children: (usize, usize),
}

const fn layout(opt_outs: (usize, usize), children: (usize, usize)) -> Option<Layout> {
    Some(Layout { opt_outs, children })
}

/// First field and number of fields, as the sections' specifications list them (Indiana, Kentucky and Rhode Island as the
/// reference encoder does).
const fn layout_of(id: u16, version: u64) -> Option<Layout> {
    match (id, version) {
        (7, 1) => layout((6, 3), (21, 2)),
        (7, 2) => layout((6, 3), (25, 3)),
        (8, 1) => layout((3, 2), (14, 2)),
        (9 | 16 | 19 | 22 | 23, 1) => layout((3, 2), (13, 1)),
        (10, 1) => layout((3, 2), (12, 1)),
        (11 | 18, 1) => layout((4, 2), (14, 1)),
        (12 | 13 | 14 | 20, 1) => layout((3, 2), (13, 3)),
        (15, 1) => layout((3, 2), (16, 3)),
        (17, 1) => layout((3, 2), (14, 5)),
        (21, 1) => layout((3, 2), (15, 5)),
        (24, 1) => layout((5, 2), (7, 0)),
        (25..=27, 1) => layout((5, 2), (7, 1)),
        _ => None,
    }
}

/// A section of the United States. Other sections (Canada, what is yet to come) say nothing to us.
fn us_section(id: u16, text: &str) -> Option<Signals> {
    const OPTED_OUT: u64 = 1;
    if id == 0 || text.split('.').count() > SUBSECTIONS_MAX {
        return None;
    }
    if !(7..=27).contains(&id) {
        return Some(Signals::default());
    }
    let mut parts = text.split('.');
    let mut core = Bits::of(parts.next()?)?;
    let layout = layout_of(id, core.number(6)?)?;
    let mut signals = Signals::default();
    if fields(core, layout.opt_outs)?.any(|field| field == OPTED_OUT) {
        signals = signals.with(Signals::GPP_REFUSED);
    }
    signals = signals.with(match fields(core, layout.children).map(|mut children| children.any(|field| field != 0)) {
        Some(true) => Signals::CHILD,
        Some(false) => Signals::default(),
        None => Signals::UNCLEAR,
    });
    for part in parts {
        signals = signals.with(sub_section(id, part).unwrap_or(Signals::UNCLEAR));
    }
    Some(signals)
}

/// The values of some fields of two bits, all of which must be there.
fn fields(core: Bits<'_>, (first, number): (usize, usize)) -> Option<impl Iterator<Item = u64>> {
    let mut bits = core.after(2 * first)?;
    bits.after(2 * number)?;
    Some((0..number).map_while(move |_| bits.number(2)))
}

/// A sub-section: Global Privacy Control, or a kind that says nothing to us. Those of Indiana, Kentucky and Rhode Island
/// have no kind: theirs are the consents to sensitive data, whose first bits may look like one.
fn sub_section(id: u16, text: &str) -> Option<Signals> {
    const GPC: u64 = 1;
    let mut bits = Bits::of(text)?;
    let said = !matches!(id, 25..=27) && bits.number(2)? == GPC && bits.flag()?;
    Some(if said { Signals::GPC } else { Signals::default() })
}

#[cfg(test)]
#[path = "gpp_tests.rs"]
mod tests;
