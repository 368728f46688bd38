//! The public vectors, the rules one by one, and strings that want to break the reader.

use std::collections::BTreeSet;

use lib_tcstring::{PublisherRestrictionType, TcModelV2};
use proptest::prelude::*;

use super::*;
use crate::consent_bits::Writer;

const DAY: Millis = Millis(1_780_000_000_000);
const SPECS_OWN: &str = "CQSbk4AQSbk4ANwAAAENAwCgAAAAAAAAAAYgACPAAAAA.IDKQA4AAgAKAGQAygAAA.YAAAAAAAAAAA";
const NOT_FOR_ONE_SERVICE: &str = "COvFyGBOvFyGBAbAAAENAPCAAOAAAAAAAAAAAEEUACCKAAA";
const GPP_SPECS_OWN: &str = "CPXxRfAPXxRfAAfKABENB-CgAAAAAAAAAAYgAAAAAAAA";
const PUBLISHERS: &str =
    "CLcVDxRMWfGmWAVAHCENAXCkAKDAADnAABRgA5mdfCKZuYJez-NQm0TBMYA4oCAAGQYIAAAAAAEAIAEgAA.argAC0gAAAAAAAAAAAA";
const EMPTY_RANGES: &str = "CO5dPi4O5dPx2B7DvCENA2CgAAAAAAAAAAAAGewAAM8gAAAA.YAAAAAAAAAAA";

/// One known string: text, created and updated (ms), consent tool, version of the policies, for one service, purposes by consent and by
/// interest, the publisher's own, vendors by consent and by interest.
struct Vector {
    text: &'static str,
    created: i64,
    updated: i64,
    cmp: u16,
    policy_version: u16,
    service_specific: bool,
    purposes: (&'static [u16], &'static [u16]),
    publisher: Option<(&'static [u16], &'static [u16])>,
    vendors: Option<(&'static [u16], &'static [u16])>,
}

const VECTORS: [Vector; 5] = [
    Vector {
        text: SPECS_OWN,
        created: 1_748_908_800_000,
        updated: 1_748_908_800_000,
        cmp: 880,
        policy_version: 2,
        service_specific: true,
        purposes: (&[], &[]),
        publisher: Some((&[], &[])),
        vendors: Some((&[1, 2, 3, 4], &[])),
    },
    Vector {
        text: NOT_FOR_ONE_SERVICE,
        created: 1_582_243_059_300,
        updated: 1_582_243_059_300,
        cmp: 27,
        policy_version: 2,
        service_specific: false,
        purposes: (&[1, 2, 3], &[]),
        publisher: None,
        vendors: Some((&[2, 6, 8], &[2, 6, 8])),
    },
    Vector {
        text: GPP_SPECS_OWN,
        created: 1_650_492_000_000,
        updated: 1_650_492_000_000,
        cmp: 31,
        policy_version: 2,
        service_specific: true,
        purposes: (&[], &[]),
        publisher: None,
        vendors: Some((&[], &[])),
    },
    Vector {
        text: PUBLISHERS,
        created: 1_228_644_257_700,
        updated: 1_326_215_413_400,
        cmp: 21,
        policy_version: 2,
        service_specific: true,
        purposes: (&[1, 3, 9, 10], &[3, 4, 5, 8, 9, 10]),
        publisher: Some((&[2, 4, 6, 8, 9, 10], &[2, 4, 5, 7, 10])),
        vendors: None,
    },
    Vector {
        text: EMPTY_RANGES,
        created: 1_599_635_269_600,
        updated: 1_599_635_365_400,
        cmp: 123,
        policy_version: 2,
        service_specific: true,
        purposes: (&[], &[]),
        publisher: Some((&[], &[])),
        vendors: Some((&[], &[])),
    },
];

#[test]
fn reads_what_the_public_vectors_hold() {
    for vector in &VECTORS {
        let text = vector.text;
        let string = TcString::parse(text, None).unwrap();
        assert_eq!(created(text), vector.created, "{text}");
        assert_eq!((string.updated.0, string.cmp), (vector.updated, vector.cmp), "{text}");
        assert_eq!(string.policy_version, vector.policy_version, "{text}");
        assert_eq!(string.service_specific, vector.service_specific, "{text}");
        assert_eq!(listed(string.purposes), sets(vector.purposes), "{text}");
        assert_eq!(string.publisher.map(listed), vector.publisher.map(sets), "{text}");
        if let Some(expected) = vector.vendors {
            assert_eq!(vendors_of(text), sets(expected), "{text}");
        }
        assert_eq!(read(text, string.updated, TcfPolicy::default()), Word::Unclear, "made under old policies: {text}");
    }
}

#[test]
fn reads_the_disclosed_vendors_of_the_specifications_own_example() {
    let segment = SPECS_OWN.split('.').nth(1).unwrap();
    let bits = Bits::of(segment).unwrap().after(3).unwrap();
    assert_eq!(members(bits).0, [1, 2, 3, 4, 5, 100, 404].into());
}

#[test]
fn the_publishers_own_purposes_decide() {
    let granted = Made { publisher: Some((&[8], &[])), ..Made::default() };
    let on_interest = Made { publisher: Some((&[1], &[8])), ..Made::default() };
    let refused = Made { publisher: Some((&[1, 7, 9], &[])), purposes: (&[8], &[8]), ..Made::default() };
    let claims_interest = TcfPolicy { legitimate_interest: true, ..TcfPolicy::default() };
    for (made, policy, word) in [
        (&granted, TcfPolicy::default(), Word::Granted),
        (&on_interest, TcfPolicy::default(), Word::Refused),
        (&on_interest, claims_interest, Word::Granted),
        (&refused, TcfPolicy::default(), Word::Refused),
        (&refused, TcfPolicy { purposes_speak: true, ..claims_interest }, Word::Refused),
    ] {
        assert_eq!(read(&made.text(), DAY, policy), word, "{made:?} {policy:?}");
    }
}

#[test]
fn without_the_publishers_word_the_purposes_speak_only_where_the_site_says_so() {
    let made = Made { purposes: (&[8], &[]), ..Made::default() };
    let speak = TcfPolicy { purposes_speak: true, ..TcfPolicy::default() };
    assert_eq!(read(&made.text(), DAY, TcfPolicy::default()), Word::Unclear);
    assert_eq!(read(&made.text(), DAY, speak), Word::Granted);
    assert_eq!(read(&Made::default().text(), DAY, speak), Word::Refused);
}

#[test]
fn a_restriction_of_the_configured_vendor_refuses() {
    let text = |purpose, kind| {
        let restriction = Some((purpose, kind, 40, 60));
        Made { publisher: Some((&[8], &[])), restriction, ..Made::default() }.text()
    };
    let vendor = |vendor| TcfPolicy { vendor: Some(vendor), ..TcfPolicy::default() };
    for (text, policy, word) in [
        (text(8, 0), vendor(50), Word::Refused),
        (text(8, 0), vendor(40), Word::Refused),
        (text(8, 0), vendor(61), Word::Granted),
        (text(8, 0), TcfPolicy::default(), Word::Granted),
        (text(7, 0), vendor(50), Word::Granted),
        (text(8, 1), vendor(50), Word::Granted),
    ] {
        assert_eq!(read(&text, DAY, policy), word, "{text} {policy:?}");
    }
}

#[test]
fn a_string_out_of_date_or_not_for_this_service_is_unclear() {
    let made = || Made { publisher: Some((&[8], &[])), ..Made::default() };
    let at = |ms: i64| read(&made().text(), Millis(DAY.0 + ms), TcfPolicy::default());
    assert_eq!((at(AGE_MS_MAX), at(AGE_MS_MAX + 1)), (Word::Granted, Word::Unclear));
    assert_eq!((at(-AHEAD_MS_MAX), at(-AHEAD_MS_MAX - 1)), (Word::Granted, Word::Unclear));
    for unclear in [
        Made { policy_version: 3, ..made() },
        Made { service_specific: false, ..made() },
        Made { cmp: 1, ..made() },
        Made { version: 1, ..made() },
        Made { language: 26, ..made() },
    ] {
        assert_eq!(read(&unclear.text(), DAY, TcfPolicy::default()), Word::Unclear, "{unclear:?}");
    }
    assert_eq!(read(&Made { policy_version: 5, ..made() }.text(), DAY, TcfPolicy::default()), Word::Granted);
}

#[test]
fn segments_come_in_any_order_and_unknown_ones_are_passed_over() {
    let core = Made::default().text();
    let publisher = Writer::default().number(3, 3).number(24, 1 << 16).number(24, 0).number(6, 0).text();
    let refusing = Writer::default().number(3, 3).number(24, 0).number(24, 0).number(6, 0).text();
    let disclosed = SPECS_OWN.split('.').nth(1).unwrap();
    let word = |text: &str| read(text, DAY, TcfPolicy::default());
    for text in [
        format!("{core}.{publisher}.{disclosed}"),
        format!("{core}.{disclosed}.{publisher}"),
        format!("{core}.4444.{publisher}"),
    ] {
        assert_eq!(word(&text), Word::Granted, "{text}");
    }
    assert_eq!(word(&format!("{core}.{publisher}.{refusing}")), Word::Refused, "the stricter of two");
    let seven = format!(".{publisher}").repeat(7);
    assert_eq!(word(&format!("{core}{seven}")), Word::Granted);
    assert_eq!(word(&format!("{core}{seven}.{publisher}")), Word::Unclear, "too many segments");
    assert_eq!(word(&format!("{publisher}.{core}")), Word::Unclear, "the core comes first");
    assert_eq!(word(&format!("{core}.{publisher}=")), Word::Unclear);
}

#[test]
fn a_string_cut_at_any_bit_is_no_string() {
    let made = Made { purposes: (&[8], &[]), restriction: Some((8, 0, 1, 2)), ..Made::default() };
    let speak = TcfPolicy { purposes_speak: true, vendor: Some(9), ..TcfPolicy::default() };
    let whole = made.bits();
    assert_eq!(read(&whole.text(), DAY, speak), Word::Granted);
    for bits in 0..whole.0.len() {
        let cut = Writer(whole.0.iter().take(bits).copied().collect()).text();
        let word = read(&cut, DAY, speak);
        // A cut inside a character is filled up with zeros, and may be a shorter string that is right.
        assert!(word == Word::Unclear || bits % 6 != 0, "{bits} bits");
        assert!(word == Word::Unclear || bits > 200, "{bits} bits");
    }
}

/// Tens of thousands of vendors claimed in a few bytes cost a look at those bytes.
#[test]
fn a_bomb_is_read_and_never_unpacked() {
    let ranges = |writer: Writer, entries: u64| {
        let writer = writer.number(16, 65_535).number(1, 1).number(12, entries);
        (0..entries).fold(writer, |writer, _| writer.number(1, 1).number(16, 1).number(16, 65_535))
    };
    let bomb = ranges(ranges(Made::default().head(), 350), 350).number(12, 0).text();
    assert!(bomb.len() <= CONSENT_BYTES_MAX && TcString::parse(&bomb, None).is_some());
    assert_eq!(vendors(&mut Bits::of(&bomb).unwrap().after(213).unwrap(), 65_535), Some(true));
    let backwards = Made::default().head().number(17, 1).number(12, 1).number(1, 1).number(16, 9).number(16, 8).text();
    assert!(TcString::parse(&backwards, None).is_none());
    // As many restrictions as there is room for, the last one the vendor's; read once, with or without a vendor to ask for.
    let claimed = |number: u64| Made::default().head().number(17, 0).number(17, 0).number(12, number);
    let none = (0..1_000).fold(claimed(1_001), |writer, _| writer.number(6, 8).number(2, 0).number(12, 0));
    let restricted = none.number(6, 8).number(2, 0).number(12, 1).number(1, 0).number(16, 7).text();
    assert!(restricted.len() <= CONSENT_BYTES_MAX);
    let forbidden = |vendor| TcString::parse(&restricted, vendor).unwrap().forbidden;
    assert_eq!((forbidden(Some(7)), forbidden(Some(8)), forbidden(None)), (true, false, false));
    assert!(TcString::parse(&"C".repeat(CONSENT_BYTES_MAX + 1), None).is_none());
}

proptest! {
    #[test]
    fn no_text_panics(text: String, characters in "[A-Za-z0-9_.-]{0,300}") {
        let _ = read(&text, DAY, TcfPolicy::default());
        let _ = read(&format!("C{characters}"), DAY, TcfPolicy { vendor: Some(7), ..TcfPolicy::default() });
    }

    #[test]
    fn no_mutation_panics(which in 0..5_usize, at: prop::sample::Index, by in "[A-Za-z0-9_.-]") {
        let text = VECTORS[which].text;
        let at = at.index(text.len());
        let mutated = format!("{}{by}{}", &text[..at], &text[at + 1..]);
        let _ = read(&mutated, DAY, TcfPolicy { vendor: Some(7), ..TcfPolicy::default() });
    }

    /// `lib_tcstring` 0.5.0 serves as the other opinion on strings that are right. Its known faults are kept away from it:
    /// it unpacks ranges (22.6 KB took 527 MB), it panics on one in twenty mutated strings, refuses one whose
    /// characters are no whole bytes (which the format allows), and knows nothing of policies.
    #[test]
    fn agrees_with_another_reader_on_strings_that_are_right(
        consent in any::<u32>(), interest in any::<u32>(), own in prop::option::of((any::<u32>(), any::<u32>())),
        (cmp, policy_version, updated) in (0..4096_u64, 0..64_u64, 0..20_000_000_000_u64),
        service_specific: bool, by_field in prop::collection::vec(any::<bool>(), 0..40),
        (purpose, kind, start, length) in (1..12_u64, 0..3_u64, 1..90_u64, 0..9_u64),
    ) {
        let (consent, interest) = (consent >> 8, interest >> 8);
        let own = own.map(|(consent, interest)| (consent >> 8, interest >> 8));
        let head = core_head((2, cmp, policy_version, updated), service_specific, 4)
            .number(24, consent.into()).number(24, interest.into()).number(13, 0);
        let field = by_field.iter().fold(head.number(16, by_field.len() as u64).number(1, 0), |writer, bit| writer.number(1, u64::from(*bit)));
        let ranges = field.number(16, 99).number(1, 1).number(12, 1).number(1, 1).number(16, start).number(16, start + length);
        let whole = ranges.number(12, 1).number(6, purpose).number(2, kind).number(12, 1).number(1, 0).number(16, start);
        let mut text = whole_bytes(&whole.text());
        if let Some((consent, interest)) = own {
            let segment = Writer::default().number(3, 3).number(24, consent.into()).number(24, interest.into()).number(6, 0);
            text = format!("{text}.{}", whole_bytes(&segment.text()));
        }
        let (ours, theirs) = (TcString::parse(&text, u16::try_from(start).ok()).unwrap(), TcModelV2::try_from(text.as_str()).unwrap());
        prop_assert_eq!(ours.updated.0, i64::try_from(theirs.updated_at).unwrap());
        prop_assert_eq!((ours.cmp, ours.policy_version), (theirs.cmp_id, theirs.tcf_policy_version));
        prop_assert_eq!(ours.service_specific, theirs.is_service_specific);
        let wide = |ids: &[u8]| ids.iter().map(|id| u16::from(*id)).collect::<BTreeSet<_>>();
        prop_assert_eq!(listed(ours.purposes), (wide(&theirs.purposes_consent), wide(&theirs.purposes_li_transparency)));
        let (by_consent, by_interest) = vendors_of(&text);
        prop_assert_eq!(by_consent, theirs.vendors_consent.iter().copied().collect::<BTreeSet<_>>());
        prop_assert_eq!(by_interest, theirs.vendors_li_consent.iter().copied().collect::<BTreeSet<_>>());
        if let Some(own) = ours.publisher {
            let theirs = (wide(&theirs.publisher_purposes_consent), wide(&theirs.publisher_purposes_li_transparency));
            prop_assert_eq!(listed(own), theirs);
        }
        let start = u16::try_from(start).unwrap();
        let forbidden = theirs.publisher_restrictions.iter().any(|restriction| {
            restriction.purpose_id == 8
                && restriction.restriction_type == PublisherRestrictionType::NotAllowed
                && restriction.vendor_list.contains(&start)
        });
        prop_assert_eq!(ours.forbidden, forbidden);
    }
}

/// What a test wants in a string; a good one for one service by default.
#[derive(Clone, Copy, Debug)]
struct Made {
    version: u64,
    cmp: u64,
    policy_version: u64,
    service_specific: bool,
    language: u64,
    purposes: (&'static [u16], &'static [u16]),
    publisher: Option<(&'static [u16], &'static [u16])>,
    /// Purpose, kind, first and last vendor.
    restriction: Option<(u64, u64, u64, u64)>,
}

impl Default for Made {
    fn default() -> Self {
        let (version, cmp, policy_version, service_specific, language) = (2, 300, 4, true, 4);
        let (purposes, publisher, restriction) = ((&[][..], &[][..]), None, None);
        Self { version, cmp, policy_version, service_specific, language, purposes, publisher, restriction }
    }
}

impl Made {
    /// Everything before the vendors.
    fn head(&self) -> Writer {
        let updated = u64::try_from(DAY.0 / 100).unwrap();
        let head =
            core_head((self.version, self.cmp, self.policy_version, updated), self.service_specific, self.language);
        head.number(24, mask(self.purposes.0)).number(24, mask(self.purposes.1)).number(13, 0)
    }

    fn bits(&self) -> Writer {
        let none = self.head().number(17, 0).number(17, 0);
        match self.restriction {
            None => none.number(12, 0),
            Some((purpose, kind, first, last)) => {
                let entry = none.number(12, 1).number(6, purpose).number(2, kind).number(12, 1);
                entry.number(1, 1).number(16, first).number(16, last)
            }
        }
    }

    fn text(&self) -> String {
        let core = self.bits().text();
        let Some((consent, interest)) = self.publisher else { return core };
        let own = Writer::default().number(3, 3).number(24, mask(consent)).number(24, mask(interest));
        format!("{core}.{}", own.number(6, 2).number(4, 0b1001).text())
    }
}

/// Version, consent tool, policies and date, up to the purposes.
fn core_head((version, cmp, policy, updated): (u64, u64, u64, u64), service_specific: bool, language: u64) -> Writer {
    let dated = Writer::default().number(6, version).number(36, updated).number(36, updated);
    let tool = dated.number(12, cmp).number(12, 7).number(6, 1).number(6, language).number(6, 13).number(12, 48);
    tool.number(6, policy).number(1, u64::from(service_specific)).number(1, 0).number(12, 0)
}

/// The text with zeros up to the next three bytes.
fn whole_bytes(text: &str) -> String {
    format!("{text:A<width$}", width = text.len().next_multiple_of(4))
}

fn mask(purposes: &[u16]) -> u64 {
    purposes.iter().fold(0, |mask, purpose| mask | 1 << (24 - purpose))
}

type Sets = (BTreeSet<u16>, BTreeSet<u16>);

fn sets((consent, interest): (&[u16], &[u16])) -> Sets {
    (consent.iter().copied().collect(), interest.iter().copied().collect())
}

fn listed(purposes: Purposes) -> Sets {
    let set = |mask| (1..=24).filter(|purpose| has(mask, *purpose)).collect();
    (set(purposes.consent), set(purposes.interest))
}

fn created(text: &str) -> i64 {
    let core = Bits::of(text.split('.').next().unwrap()).unwrap();
    i64::try_from(core.after(6).unwrap().number(36).unwrap()).unwrap() * 100
}

/// The vendors of a core string, by consent and by interest.
fn vendors_of(text: &str) -> Sets {
    let bits = Bits::of(text.split('.').next().unwrap()).unwrap().after(213).unwrap();
    let (consent, behind) = members(bits);
    (consent, members(behind).0)
}

/// The vendors of a set, asked one by one, and what stands behind it.
fn members(bits: Bits<'_>) -> (BTreeSet<u16>, Bits<'_>) {
    let mut behind = bits;
    vendors(&mut behind, NOBODY).unwrap();
    ((1..=u16::MAX).filter(|id| vendors(&mut { bits }, *id) == Some(true)).collect(), behind)
}
