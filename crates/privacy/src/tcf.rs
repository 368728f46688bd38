//! Reads an IAB TCF string (TC string, v2.2 and v2.3) as far as it says whether a page's publisher may measure.
//!
//! It allocates nothing, expands no range, and keeps nothing: what comes out is a [`Word`]. The string speaks for the
//! publisher (`PublisherTC`), since self-hosted software is no vendor of the global list. The invariant: a string that
//! cannot be read to its end, is too old, or is not for this service alone never grants.

use model::{Millis, policy::TcfPolicy};

use crate::consent_bits::{Bits, CONSENT_BYTES_MAX};

/// Most segments of a string; four kinds are defined.
pub const SEGMENTS_MAX: usize = 8;

/// How old a consent may be, in milliseconds: thirteen months, the longest that regulators' guidance allows.
pub const AGE_MS_MAX: i64 = 396 * DAY_MS;

/// How far ahead of our own clock a string's date may be, in milliseconds. Without a bound one from 2090 would never age.
const AHEAD_MS_MAX: i64 = DAY_MS;

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

/// First version of the policies in force since September 2023.
const POLICY_VERSION_MIN: u16 = 4;

/// Purpose 8, measuring content performance: what counting a page's views is.
const MEASURE_CONTENT: u16 = 8;

/// No vendor's id.
const NOBODY: u16 = 0;

/// What a consent string says about being measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// It agrees.
    Granted,
    /// It refuses.
    Refused,
    /// It cannot be relied on: malformed, out of date, or without a word on measuring. It denies what needs consent.
    Unclear,
}

/// Reads what a string says on the day `now`.
#[must_use]
pub fn read(text: &str, now: Millis, policy: TcfPolicy) -> Word {
    match TcString::parse(text, policy.vendor) {
        Some(string) if string.in_force(now) => string.word(policy),
        Some(_) | None => Word::Unclear,
    }
}

/// A string that can be read to its end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TcString {
    updated: Millis,
    cmp: u16,
    policy_version: u16,
    service_specific: bool,
    purposes: Purposes,
    /// Whether the publisher forbids the vendor that was asked for to measure content.
    forbidden: bool,
    publisher: Option<Purposes>,
}

/// The purposes consented to and those on legitimate interest, purpose 1 being the highest of 24 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Purposes {
    consent: u32,
    interest: u32,
}

impl TcString {
    /// Reads a text, and what it says of a vendor, if there is one to ask for.
    pub(crate) fn parse(text: &str, vendor: Option<u16>) -> Option<Self> {
        if text.len() > CONSENT_BYTES_MAX || text.split('.').count() > SEGMENTS_MAX {
            return None;
        }
        let mut segments = text.split('.');
        let mut string = Self::core(Bits::of(segments.next()?)?, vendor)?;
        for segment in segments {
            let mut bits = Bits::of(segment)?;
            match bits.number(3)? {
                1 | 2 => {
                    vendors(&mut bits, NOBODY)?;
                }
                3 => string.publisher = Some(publisher(&mut bits, string.publisher)?),
                _ => {}
            }
        }
        Some(string)
    }

    fn core(mut bits: Bits<'_>, vendor: Option<u16>) -> Option<Self> {
        if bits.number(6)? != 2 {
            return None;
        }
        bits.skip(36)?;
        let updated = Millis(i64::try_from(bits.number(36)?).ok()? * 100);
        let cmp = bits.short(12)?;
        bits.skip(12 + 6)?;
        letters(&mut bits)?;
        bits.skip(12)?;
        let policy_version = bits.short(6)?;
        let service_specific = bits.flag()?;
        bits.skip(1 + 12)?;
        let purposes = Purposes::read(&mut bits)?;
        bits.skip(1)?;
        letters(&mut bits)?;
        vendors(&mut bits, NOBODY)?;
        vendors(&mut bits, NOBODY)?;
        let forbidden = restricted(bits, vendor.unwrap_or(NOBODY))?;
        Some(Self { updated, cmp, policy_version, service_specific, purposes, forbidden, publisher: None })
    }

    /// Whether the string is one to rely on: made by a consent tool, under today's policies, for this service, lately.
    fn in_force(&self, now: Millis) -> bool {
        let age_ms = now.0.saturating_sub(self.updated.0);
        let made_by_a_tool = self.cmp > 1;
        let of_today = self.policy_version >= POLICY_VERSION_MIN && (-AHEAD_MS_MAX..=AGE_MS_MAX).contains(&age_ms);
        made_by_a_tool && of_today && self.service_specific
    }

    fn word(&self, policy: TcfPolicy) -> Word {
        let fallback = || policy.purposes_speak.then_some(self.purposes);
        let Some(purposes) = self.publisher.or_else(fallback) else { return Word::Unclear };
        let on_interest = policy.legitimate_interest && has(purposes.interest, MEASURE_CONTENT);
        if !self.forbidden && (has(purposes.consent, MEASURE_CONTENT) || on_interest) {
            Word::Granted
        } else {
            Word::Refused
        }
    }
}

impl Purposes {
    fn read(bits: &mut Bits<'_>) -> Option<Self> {
        let mut purposes = || u32::try_from(bits.number(24)?).ok();
        Some(Self { consent: purposes()?, interest: purposes()? })
    }
}

const fn has(purposes: u32, purpose: u16) -> bool {
    purposes >> (24 - purpose) & 1 == 1
}

/// The publisher's own purposes, and no more than an earlier segment of the kind allowed.
fn publisher(bits: &mut Bits<'_>, earlier: Option<Purposes>) -> Option<Purposes> {
    let own = Purposes::read(bits)?;
    let custom = usize::from(bits.short(6)?);
    bits.skip(2 * custom)?;
    Some(earlier.map_or(own, |earlier| Purposes {
        consent: own.consent & earlier.consent,
        interest: own.interest & earlier.interest,
    }))
}

/// Two letters: a language or a country.
fn letters(bits: &mut Bits<'_>) -> Option<()> {
    (bits.number(6)? < 26 && bits.number(6)? < 26).then_some(())
}

/// Passes over a set of vendors, which says nothing about the publisher's own measuring, and says whether it holds `id`.
fn vendors(bits: &mut Bits<'_>, id: u16) -> Option<bool> {
    let id_max = bits.short(16)?;
    if bits.flag()? {
        let entries = bits.short(12)?;
        return in_ranges(bits, entries, id);
    }
    let field = *bits;
    bits.skip(usize::from(id_max))?;
    let place = usize::from(id).checked_sub(1).filter(|_| id <= id_max);
    Some(place.and_then(|place| field.after(place)?.flag()).unwrap_or(false))
}

/// Reads ranges, stands behind them, and says whether one holds `id`. A range that ends before it starts is none.
fn in_ranges(bits: &mut Bits<'_>, entries: u16, id: u16) -> Option<bool> {
    let mut held = false;
    for _ in 0..entries {
        let entry = bits.number(17)?;
        let start = u16::try_from(entry & 0xffff).ok()?;
        let end = if entry >> 16 == 1 { bits.short(16)? } else { start };
        if start == 0 || end < start {
            return None;
        }
        held |= (start..=end).contains(&id);
    }
    Some(held)
}

/// Whether the publisher forbids the vendor to measure content. Nothing where the restrictions do not end.
fn restricted(mut bits: Bits<'_>, vendor: u16) -> Option<bool> {
    // Six bits of purpose, two of the kind "not allowed", which is 0.
    const NOT_ALLOWED: u64 = (MEASURE_CONTENT as u64) << 2;
    let mut forbidden = false;
    for _ in 0..bits.number(12)? {
        // Purpose, kind and entries in one: a string may claim a thousand restrictions, and its time is bounded.
        let restriction = bits.number(6 + 2 + 12)?;
        let held = in_ranges(&mut bits, u16::try_from(restriction & 0xfff).ok()?, vendor)?;
        forbidden |= held && restriction >> 12 == NOT_ALLOWED;
    }
    Some(forbidden)
}

#[cfg(test)]
#[path = "tcf_tests.rs"]
mod tests;
