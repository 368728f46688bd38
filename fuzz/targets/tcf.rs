//! IAB TCF strings: read as a plain reader that goes bit by bit reads them, by every policy; a string cut inside its last
//! segment never turns a refusal into a grant, and one that is refused is not granted by what no policy asks for.
#![no_main]

use std::collections::BTreeSet;

use fuzz::NOW;
use fuzz::consent::{Bits, policies, spelled};
use libfuzzer_sys::fuzz_target;
use model::{Millis, TcfPolicy};
use privacy::tcf::{AGE_MS_MAX, SEGMENTS_MAX, Word, read};

const DAY_MS: i64 = 24 * 3_600_000;

fuzz_target!(|input: &[u8]| {
    for text in [String::from_utf8_lossy(input).into_owned(), spelled(input, ".")] {
        let naive = Naive::parse(&text);
        // Nearly every mutated date is out of date: on its own day it is not.
        let own_day = naive.as_ref().map_or(NOW, |naive| Millis(naive.updated_ms));
        for now in [NOW, own_day] {
            for policy in policies() {
                let word = naive.as_ref().map_or(Word::Unclear, |naive| naive.word(now, policy));
                assert_eq!(read(&text, now, policy), word, "{text} {policy:?}");
                if word == Word::Refused {
                    stays_refused(&text, now, policy);
                }
            }
        }
    }
});

/// No policy that is stricter grants, and no cut inside the last segment does. A whole segment less may: it is another string.
fn stays_refused(text: &str, now: Millis, policy: TcfPolicy) {
    let stricter = TcfPolicy { legitimate_interest: false, purposes_speak: false, ..policy };
    assert_ne!(read(text, now, stricter), Word::Granted, "{text}");
    let last = text.rfind('.').map_or(0, |dot| dot + 1);
    let step = (text.len() - last).div_ceil(40).max(1);
    for end in (last..text.len()).step_by(step) {
        // Up to the dot itself it is the segments before, whole.
        if end > last || last == 0 {
            assert_ne!(read(&text[..end], now, policy), Word::Granted, "{text} cut at {end}");
        }
    }
}

/// What a string says, of what matters here; sets as sets of the numbers in them.
struct Naive {
    updated_ms: i64,
    in_force: bool,
    purposes: [BTreeSet<u64>; 2],
    publisher: Option<[BTreeSet<u64>; 2]>,
    /// Vendors that may not measure content, as ranges.
    forbidden: Vec<(u64, u64)>,
}

impl Naive {
    fn parse(text: &str) -> Option<Self> {
        let segments: Vec<&str> = text.split('.').collect();
        if text.len() > 4_096 || segments.len() > SEGMENTS_MAX {
            return None;
        }
        let mut naive = Self::core(segments[0])?;
        for segment in &segments[1..] {
            let mut bits = Bits::of(segment)?;
            match bits.number(3)? {
                1 | 2 => drop(vendors(&mut bits)?),
                3 => {
                    let own = [purposes(&mut bits)?, purposes(&mut bits)?];
                    let custom = bits.number(6)?;
                    bits.flags(2 * custom)?;
                    naive.publisher = Some(match naive.publisher {
                        None => own,
                        Some([consent, interest]) => [&consent & &own[0], &interest & &own[1]],
                    });
                }
                _ => {}
            }
        }
        Some(naive)
    }

    fn core(text: &str) -> Option<Self> {
        let mut bits = Bits::of(text)?;
        let version = bits.number(6)?;
        let _created = bits.number(36)?;
        let updated_ms = i64::try_from(bits.number(36)?).ok()? * 100;
        let (cmp, _cmp_version, _screen) = (bits.number(12)?, bits.number(12)?, bits.number(6)?);
        let language = [bits.number(6)?, bits.number(6)?];
        let (_list, policy, specific) = (bits.number(12)?, bits.number(6)?, bits.number(1)?);
        let (_texts, _features) = (bits.number(1)?, bits.number(12)?);
        let purposes = [purposes(&mut bits)?, purposes(&mut bits)?];
        let (_one, country) = (bits.number(1)?, [bits.number(6)?, bits.number(6)?]);
        let letters = language.iter().chain(&country).all(|letter| *letter < 26);
        vendors(&mut bits)?;
        vendors(&mut bits)?;
        let mut forbidden = Vec::new();
        for _ in 0..bits.number(12)? {
            let (purpose, kind) = (bits.number(6)?, bits.number(2)?);
            let ranges = ranges(&mut bits)?;
            if (purpose, kind) == (8, 0) {
                forbidden.extend(ranges);
            }
        }
        let in_force = cmp >= 2 && policy >= 4 && specific == 1;
        (version == 2 && letters).then_some(Self { updated_ms, in_force, purposes, publisher: None, forbidden })
    }

    fn word(&self, now: Millis, policy: TcfPolicy) -> Word {
        let age_ms = now.0 - self.updated_ms;
        if !self.in_force || age_ms > AGE_MS_MAX || age_ms < -DAY_MS {
            return Word::Unclear;
        }
        let [consent, interest] = match (&self.publisher, policy.purposes_speak) {
            (Some(own), _) => own,
            (None, true) => &self.purposes,
            (None, false) => return Word::Unclear,
        };
        let vendor = policy.vendor.map(u64::from);
        let forbidden =
            vendor.is_some_and(|id| self.forbidden.iter().any(|(first, last)| (*first..=*last).contains(&id)));
        let agreed = consent.contains(&8) || policy.legitimate_interest && interest.contains(&8);
        if agreed && !forbidden { Word::Granted } else { Word::Refused }
    }
}

fn purposes(bits: &mut Bits) -> Option<BTreeSet<u64>> {
    Some((1..).zip(bits.flags(24)?).filter_map(|(purpose, one)| one.then_some(purpose)).collect())
}

fn vendors(bits: &mut Bits) -> Option<()> {
    let last = bits.number(16)?;
    match bits.number(1)? {
        1 => ranges(bits).map(drop),
        _ => bits.flags(last).map(drop),
    }
}

fn ranges(bits: &mut Bits) -> Option<Vec<(u64, u64)>> {
    let mut ranges = Vec::new();
    for _ in 0..bits.number(12)? {
        let several = bits.number(1)? == 1;
        let first = bits.number(16)?;
        let last = if several { bits.number(16)? } else { first };
        ranges.push(Some((first, last)).filter(|_| first > 0 && last >= first)?);
    }
    Some(ranges)
}
