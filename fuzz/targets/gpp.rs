//! IAB GPP strings: read as a plain reader that goes bit by bit reads them, whatever sections are said to be in force; and what
//! the first sections said stands, whatever comes behind them.
#![no_main]

use fuzz::NOW;
use fuzz::consent::{Bits, policies, spelled};
use libfuzzer_sys::fuzz_target;
use model::{Signals, TcfPolicy};
use privacy::gpp::{SECTIONS_MAX, of_word, read};
use privacy::tcf;

/// The fields of each section, two bits each, as its specification lists them behind the version: a notice, an Opt-out, a
/// Child's consent, anything else.
const FIELDS: [(u64, u64, &str); 22] = [
    (7, 1, "nnnnnn OOO ............ CC . ..."),
    (7, 2, "nnnnnn OOO ................ CCC . ..."),
    (8, 1, "nnn OO ......... CC . ..."),
    (9, 1, "nnn OO ........ C ..."),
    (10, 1, "nnn OO ....... C ..."),
    (11, 1, "nnnn OO ........ C ..."),
    (12, 1, "nnn OO ........ CCC ..."),
    (13, 1, "nnn OO ........ CCC . ..."),
    (14, 1, "nnn OO ........ CCC . ..."),
    (15, 1, "nnn OO ........... CCC . ..."),
    (16, 1, "nnn OO ........ C . ..."),
    (17, 1, "nnn OO ......... CCCCC . ..."),
    (18, 1, "nnnn OO ........ C ..."),
    (19, 1, "nnn OO ........ C . ..."),
    (20, 1, "nnn OO ........ CCC . ..."),
    (21, 1, "nnn OO .......... CCCCC . ..."),
    (22, 1, "nnn OO ........ C . ..."),
    (23, 1, "nnn OO ........ C . ..."),
    (24, 1, ".. nnn OO ."),
    (25, 1, ".. nnn OO C ."),
    (26, 1, ".. nnn OO C ."),
    (27, 1, ".. nnn OO C ."),
];

fuzz_target!(|input: &[u8]| {
    for text in [String::from_utf8_lossy(input).into_owned(), spelled(input, ".~")] {
        // By what policy a TCF string inside is read, and whether it is, is all that these change.
        for policy in policies().step_by(5) {
            for in_force in [None, Some("7_2"), Some("6,8")] {
                let signals = naive(&text, in_force, policy);
                assert_eq!(read(&text, in_force, NOW, policy), signals, "{text} in force {in_force:?} {policy:?}");
            }
        }
        what_was_read_stands(&text);
    }
});

fn what_was_read_stands(text: &str) {
    if text.len() > 4_096 || text.split('~').count() > SECTIONS_MAX + 1 {
        return; // too much to be looked at: nothing of it is believed
    }
    let said = |text: &str| read(text, None, NOW, TcfPolicy::default());
    let whole = said(text).with(Signals::UNCLEAR);
    for (end, _) in text.match_indices('~') {
        assert!(whole.has(said(&text[..end])), "{text} cut at {end}");
    }
}

fn naive(text: &str, in_force: Option<&str>, policy: TcfPolicy) -> Signals {
    let pieces: Vec<&str> = text.split('~').collect();
    let sections = &pieces[1..];
    let Some(ids) = ids(pieces[0], sections.len() + 1) else { return Signals::UNCLEAR };
    if text.len() > 4_096 || sections.len() > SECTIONS_MAX {
        return Signals::UNCLEAR;
    }
    let mut signals = Signals::default();
    for (id, section) in ids.iter().zip(sections) {
        let applies = in_force.is_none_or(|list| list.split(['_', ',']).any(|id| id == "2"));
        signals = signals.with(match id {
            2 if applies => of_word(tcf::read(section, NOW, policy)),
            2 => Signals::default(),
            6 => us_privacy(section),
            7..=27 => us(*id, section),
            0 => Signals::UNCLEAR,
            _ if section.split('.').count() > 8 => Signals::UNCLEAR,
            _ => Signals::default(),
        });
    }
    if ids.len() == sections.len() { signals } else { signals.with(Signals::UNCLEAR) }
}

/// The ids of a header, at most `wanted`; an entry that cannot be read is the last one and 0.
fn ids(header: &str, wanted: usize) -> Option<Vec<u64>> {
    let mut bits = Bits::of(header)?;
    let (kind, version, entries) = (bits.number(6)?, bits.number(6)?, bits.number(12)?);
    let (mut ids, mut last) = (Vec::new(), 0);
    for _ in 0..entries {
        let entry = (|| {
            let several = bits.number(1)? == 1;
            let first = Some(last + bits.fibonacci()?).filter(|first| *first <= 65_535)?;
            Some((first, if several { bits.fibonacci()? } else { 0 }))
        })();
        let Some((first, more)) = entry else {
            ids.push(0);
            break;
        };
        ids.extend((first..=first + more).map(|id| id.min(65_535)).take(wanted));
        last = (first + more).min(65_535);
        if ids.len() >= wanted {
            break;
        }
    }
    ids.truncate(wanted);
    ((kind, version) == (3, 1)).then_some(ids)
}

fn us_privacy(text: &str) -> Signals {
    let characters: Vec<char> = text.to_ascii_uppercase().chars().collect();
    match characters[..] {
        ['1', notice, sale, agreement] if [notice, sale, agreement].iter().all(|word| "YN-".contains(*word)) => {
            if sale == 'Y' { Signals::GPP_REFUSED } else { Signals::default() }
        }
        _ => Signals::UNCLEAR,
    }
}

fn us(id: u64, text: &str) -> Signals {
    let pieces: Vec<&str> = text.split('.').collect();
    let version = Bits::of(pieces[0]).and_then(|mut bits| bits.number(6));
    let known = FIELDS.iter().find(|(section, of, _)| *section == id && Some(*of) == version);
    let Some((_, _, fields)) = known.filter(|_| pieces.len() <= 8) else { return Signals::UNCLEAR };
    let mut bits = Bits::of(pieces[0]).expect("it has a version");
    let _ = bits.number(6);
    let values: Vec<(char, Option<u64>)> =
        fields.chars().filter(|field| *field != ' ').map(|field| (field, bits.number(2))).collect();
    let of = |kind: char| values.iter().filter(move |(field, _)| *field == kind).map(|(_, value)| *value);
    if of('O').any(|value| value.is_none()) {
        return Signals::UNCLEAR;
    }
    let mut signals = Signals::default();
    let mut say = |signal, when| signals = signals.with(if when { signal } else { Signals::default() });
    say(Signals::GPP_REFUSED, of('O').any(|value| value == Some(1)));
    say(Signals::UNCLEAR, of('C').any(|value| value.is_none()));
    // Of children's fields of which one is missing, none is believed.
    say(Signals::CHILD, of('C').all(|value| value.is_some()) && of('C').any(|value| value != Some(0)));
    for piece in &pieces[1..] {
        let bits = Bits::of(piece).map(|mut bits| (bits.number(2), bits.number(1)));
        let has_a_kind = id < 25;
        match bits {
            None => say(Signals::UNCLEAR, true),
            Some((None, _) | (Some(1), None)) => say(Signals::UNCLEAR, has_a_kind),
            Some((kind, flag)) => say(Signals::GPC, has_a_kind && (kind, flag) == (Some(1), Some(1))),
        }
    }
    signals
}
