//! The public vectors, the sections one by one, and strings that want to break the reader.

use std::str::FromStr;

use iab_gpp::sections::us_common::{Consent, OptOut};
use iab_gpp::sections::usnat::Core;
use iab_gpp::sections::{Section, SectionId};
use iab_gpp::v1::GPPString;
use proptest::prelude::*;

use super::*;
use crate::consent_bits::Writer;

const NOW: Millis = Millis(1_780_000_000_000);
const REFUSED: Signals = Signals::GPP_REFUSED;
const CHILD: Signals = Signals::CHILD;
const GPC: Signals = Signals::GPC;
const NONE: Signals = Signals(0);

fn said(text: &str) -> Signals {
    read(text, None, NOW, TcfPolicy::default())
}

#[test]
fn reads_the_section_ids_of_the_public_headers() {
    let every: Vec<u16> = [2].into_iter().chain(5..=27).collect();
    let cases: [(&str, &[u16]); 8] = [
        ("DBAA", &[]),
        ("DBABM", &[2]),
        ("DBABLA", &[7]),
        ("DBACNY", &[2, 6]),
        ("DBABjw", &[5, 6]),
        ("DBACOeA", &[2, 5, 6]),
        ("DBACOcGA", &every),
        ("DBADNZg", &[2, 6, 8]),
    ];
    for (header, ids) in cases {
        let read: Vec<u16> = SectionIds::of(header).unwrap().collect();
        assert_eq!(read, ids, "{header}");
    }
    for bad in ["", "DBA", "CBAA", "DCAA", "DBAB+"] {
        assert!(SectionIds::of(bad).is_none(), "{bad:?}");
    }
    assert_eq!(SectionIds::of("DBAB").unwrap().collect::<Vec<_>>(), [0], "an entry that is not there");
}

#[test]
fn reads_what_the_public_vectors_say() {
    for (text, signals) in [
        ("DBABLA~BVVVVVVVVWA.YA", REFUSED.with(CHILD).with(GPC)),
        ("DBABLA~BVVVVVVVVWA", REFUSED.with(CHILD)),
        ("DBABLA~BAAAAAAAAQA", NONE),
        ("DBABLA~BAAAVVVVUQA.QA", CHILD),
        ("DBABLA~CAAAVVVVVVRA.QA", CHILD),
        ("DBABLA~CVVVkkkkkpFY.YA", REFUSED.with(GPC).with(CHILD)),
        ("DBABLA~CAAAAAAAAAWA.Q", CHILD),
        ("DBABBg~BVqqqqpY.YA", GPC.with(CHILD)),
        ("DBABBg~BAAAAACA", NONE),
        ("DBABBg~BVVVVVVY", REFUSED.with(CHILD)),
        ("DBABRg~BVVVVWY", REFUSED.with(CHILD)),
        ("DBABRg~BAAAABA", NONE),
        ("DBABJg~BVVVVVg.YA", REFUSED.with(CHILD).with(GPC)),
        ("DBABJg~BAAAAEA", NONE),
        ("DBABFg~BVVVVVmA", REFUSED.with(CHILD)),
        ("DBABFg~BAAAAAQA", NONE),
        ("DBABVg~BVVVVVVg.YA", REFUSED.with(CHILD).with(GPC)),
        ("DBABVg~BAAAAAEA", NONE),
        ("DBABTA~1YNN", NONE),
        ("DBABTA~1YYN", REFUSED),
        ("DBABTA~1---", NONE),
        ("DBABTA~1YY", Signals::UNCLEAR),
        ("DBABTA~2YYN", Signals::UNCLEAR),
        ("DBACNY~CPXxRfAPXxRfAAfKABENB-CgAAAAAAAAAAYgAAAAAAAA~1YNN", Signals::UNCLEAR),
        ("DBADNZg~CPXxRfAPXxRfAAfKABENB-CgAAAAAAAAAAYgAAAAAAAA~1YNN~BAUAAAAA", REFUSED.with(Signals::UNCLEAR)),
        ("DBAA", NONE),
    ] {
        assert_eq!(said(text), signals, "{text}");
    }
}

/// Each section opts out by its own fields and by no other, and tells a child's.
#[test]
fn every_section_keeps_its_opt_outs_and_children_where_its_layout_says() {
    for id in 7..=27 {
        for version in 1..=2 {
            let Some(Layout { opt_outs, children }) = layout_of(id, version) else { continue };
            for place in 0..35 {
                let fields: Vec<u64> = (0..35).map(|field| u64::from(field == place)).collect();
                let text = Writer::default().number(6, version).numbers(2, &fields).text();
                let within = |(first, number): (usize, usize)| (first..first + number).contains(&place);
                let expected = match (within(opt_outs), within(children)) {
                    (true, _) => REFUSED,
                    (_, true) => CHILD,
                    (false, false) => NONE,
                };
                assert_eq!(us_section(id, &text), Some(expected), "section {id} version {version} field {place}");
            }
        }
    }
}

/// The reference encoder's own strings of the sections that the public vectors above leave out, and what stands behind a core.
#[test]
fn reads_the_states_strings_and_their_sub_sections() {
    for (ids, text, signals) in [
        (vec![21], "BVWSSRklWA.YA", REFUSED.with(CHILD).with(GPC)),
        (vec![21], "BAAAAAAAQA.QA", NONE),
        (vec![23], "BVWSSVWA.YA", REFUSED.with(CHILD).with(GPC)),
        (vec![23], "BAAAAAQA.QA", NONE),
        (vec![24], "BVVU.YA", REFUSED.with(GPC)),
        (vec![24], "BQAA.QA", NONE),
        (vec![25, 26, 27], "BVVV.kkk", REFUSED.with(CHILD)),
        (vec![25, 26, 27], "BQAA.AAA", NONE),
        (vec![25, 26, 27], "BQAA.YYY", NONE),
        (vec![25, 26, 27], "BQAA.+", Signals::UNCLEAR),
        (vec![25, 26, 27], "B", Signals::UNCLEAR),
        ((7..=27).collect(), "", Signals::UNCLEAR),
        ((7..=27).collect(), "P", Signals::UNCLEAR),
        (vec![1, 3, 4, 5, 28, 33], "anything", NONE),
        (vec![6], "1YYN", REFUSED),
        (vec![6], "1yyn", REFUSED),
        (vec![6], "1NXN", Signals::UNCLEAR),
        (vec![6], "", Signals::UNCLEAR),
    ] {
        for id in ids {
            assert_eq!(said(&format!("{}~{text}", header_of(id))), signals, "section {id}: {text}");
        }
    }
    assert_eq!(said("DBABjw~CPXxRfAPXxRf~1YYN"), REFUSED, "a section that says nothing to us does not hide the next");
}

#[test]
fn a_tcf_string_inside_counts_where_it_is_in_force() {
    let text = "DBABM~CPXxRfAPXxRfAAfKABENB-CgAAAAAAAAAAYgAAAAAAAA";
    let within = |list| read(text, list, NOW, TcfPolicy::default());
    assert_eq!(
        (within(Some("2")), within(Some("7_2")), within(Some("7,2"))),
        (Signals::UNCLEAR, Signals::UNCLEAR, Signals::UNCLEAR)
    );
    assert_eq!((within(Some("7")), within(Some("-1"))), (NONE, NONE));
    let opted_out = "DBABLA~BVVVVVVVVWA";
    assert!(read(opted_out, Some("2"), NOW, TcfPolicy::default()).has(REFUSED), "an opt-out is one wherever it stands");
}

#[test]
fn what_cannot_be_read_is_unclear_and_keeps_what_was_read_before() {
    for text in ["", "~", "DBABLA", "DBABLA~", "DBABLA~B", "DBABLA~ZZZZ", "DBABLA~BVVVVVVVVWA+", "CPXx", "DBAA~BVVV"] {
        assert!(said(text).has(Signals::UNCLEAR), "{text:?}");
    }
    assert_eq!(said("DBABLA~BVVVVVVVVWA~BVVV"), REFUSED.with(CHILD).with(Signals::UNCLEAR), "a section too many");
    assert_eq!(said("DBABLA~BVVVVVVVVWA.++"), REFUSED.with(CHILD).with(Signals::UNCLEAR));
    assert_eq!(said("DBABLA~BVVVVA"), REFUSED.with(Signals::UNCLEAR), "cut behind the opt-outs");
}

#[test]
fn a_header_of_a_million_sections_costs_a_look_at_those_that_are_there() {
    let header = Writer::default().number(6, 3).number(6, 1).number(12, 4_095).number(1, 1).number(2, 0b11);
    let longest = header.number(23, 0b000_0000_0000_0000_0000_0011).text();
    assert!(said(&format!("{longest}~1YYN")).has(Signals::UNCLEAR));
    assert_eq!(said(&format!("DBACOcGA{}", "~".repeat(SECTIONS_MAX + 1))), Signals::UNCLEAR);
    assert_eq!(said(&"D".repeat(CONSENT_BYTES_MAX + 1)), Signals::UNCLEAR);
    assert!(said(&format!("DBABLA~BVVVVVVVVWA{}", ".YA".repeat(1_000))).has(Signals::UNCLEAR));
}

proptest! {
    #[test]
    fn no_text_panics(text: String, characters in "[A-Za-z0-9_.~-]{0,300}") {
        let _ = said(&text);
        let _ = said(&format!("DBA{characters}"));
    }

    #[test]
    fn a_section_cut_at_any_bit_says_nothing_new(fields in prop::collection::vec(0..4_u64, 35), id in 7..=27_u16, bits in 0..76_usize) {
        let whole = Writer::default().number(6, 1).numbers(2, &fields);
        let cut = Writer(whole.0.iter().take(bits - bits % 6).copied().collect()).text();
        let known = us_section(id, &whole.text()).unwrap().with(Signals::UNCLEAR);
        prop_assert!(us_section(id, &cut).is_none_or(|said| known.has(said)));
    }

    /// `iab_gpp` 0.1.2 serves as the other opinion on strings that are right. Its known faults are kept away from it: it reads
    /// a header's second and later ids wrongly (`DBADNZg` as 2, 6, 6), unpacks ranges (788 MB for 22.6 KB), and knows no
    /// section above 23.
    #[test]
    fn agrees_with_another_reader_on_strings_that_are_right(
        values in prop::collection::vec(0..3_u64, 21), children in prop::collection::vec(0..3_u64, 2), gpc: Option<bool>,
    ) {
        let core = Writer::default().number(6, 1).numbers(2, &values).numbers(2, &children).numbers(2, &[0, 1, 0, 0]);
        let end = gpc.map_or("", |gpc| if gpc { ".YA" } else { ".QA" });
        let text = format!("DBABLA~{}{end}", core.text());
        let theirs = GPPString::from_str(&text).unwrap().decode_section(SectionId::UsNat).unwrap();
        let Section::UsNat(theirs) = theirs else { panic!("a national section") };
        let Core::V1(core) = theirs.core else { panic!("version 1") };
        let out = [core.sale_opt_out, core.sharing_opt_out, core.targeted_advertising_opt_out];
        let known = core.known_child_sensitive_data_consents;
        let child = [known.from_13_to_16, known.under_13].iter().any(|said| *said != Consent::NotApplicable);
        let ours = said(&text);
        prop_assert_eq!(ours.has(REFUSED), out.contains(&OptOut::OptedOut));
        prop_assert_eq!(ours.has(CHILD), child);
        prop_assert_eq!(ours.has(GPC), theirs.gpc == Some(true));
    }
}

/// The header of a string of one section.
fn header_of(id: u64) -> String {
    let (mut left, mut coded) = (id, vec![true]);
    for place in [21, 13, 8, 5, 3, 2, 1] {
        let held = left >= place;
        left -= if held { place } else { 0 };
        if held || coded.len() > 1 {
            coded.push(held);
        }
    }
    coded.reverse();
    let head = Writer::default().number(6, 3).number(6, 1).number(12, 1).number(1, 0);
    Writer([head.0, coded].concat()).text()
}
