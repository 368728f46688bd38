//! Finds IP addresses inside a text, whatever stands beside them; in hosts also as providers write them (`203-0-113-5.dyn`).

use std::net::Ipv6Addr;
use std::ops::Range;

use super::{Found, Of};

const ADDRESS: &str = ":address";

pub(super) const DOTS_MIN: usize = 3;
pub(super) const COLONS_MIN: usize = 2;
pub(super) const DASHED_DIGITS_MIN: usize = 4;

const OCTETS: usize = 4;

/// Four numbers up to 255 with dots between, and neither digit nor dot but the end of a sentence beside them.
pub(super) fn of_four(text: &str, _: Of) -> Vec<Found> {
    let runs = runs(text, |byte| byte.is_ascii_digit() || byte == b'.').map(|run| trimmed(text, run, &['.']));
    let is_address = |run: &Range<usize>| octets(text.get(run.clone()).unwrap_or_default(), &['.']) == Some(OCTETS);
    runs.filter(is_address).map(|run| (run, ADDRESS)).collect()
}

/// IPv6: what begins with two groups and two colons or has eight groups, wherever it stands; what else is an address and has
/// a digit, where no letter stands beside it (`std::fs` is none); and a text that is nothing else. Brackets go too.
pub(super) fn of_six(text: &str, _: Of) -> Vec<Found> {
    let in_run = |byte: u8| byte.is_ascii_hexdigit() || byte == b':' || byte == b'.';
    let mut found = Vec::new();
    for run in runs(text, in_run) {
        let bytes = text.as_bytes().get(run.clone()).unwrap_or_default();
        if bytes.iter().filter(|byte| **byte == b':').count() < COLONS_MIN {
            continue;
        }
        let beside = |at: Option<usize>| at.and_then(|at| text.as_bytes().get(at)).copied().unwrap_or(b' ');
        let (before, after) = (beside(run.start.checked_sub(1)), beside(Some(run.end)));
        let free = !before.is_ascii_alphanumeric() && !after.is_ascii_alphanumeric();
        let alone = bytes.iter().any(u8::is_ascii_digit) || text.trim_matches(['[', ']']).len() == run.len();
        if has_groups(bytes) || (free && alone && is_address_of_six(text.get(run.clone()).unwrap_or_default())) {
            let bracketed = before == b'[' && after == b']';
            let range = if bracketed { run.start - 1..run.end + 1 } else { run };
            found.push((range, ADDRESS));
        }
    }
    found
}

/// In hosts: four numbers and more up to 255 with any of `.`, `-`, `_` between, and labels that are IPv6 with hyphens.
pub(super) fn in_hosts(text: &str, of: Of) -> Vec<Found> {
    const BETWEEN: [char; 3] = ['.', '-', '_'];
    if of != Of::Host {
        return Vec::new();
    }
    let labels = runs(text, |byte| byte != b'.').filter(|label| {
        let label = text.get(label.clone()).unwrap_or_default();
        label.contains('-')
            && label.contains(|c: char| c.is_ascii_digit())
            && is_address_of_six(&label.replace('-', ":"))
    });
    let labels: Vec<Found> = labels.map(|label| (label, ADDRESS)).collect();
    if !labels.is_empty() {
        return labels;
    }
    let runs = runs(text, |byte| byte.is_ascii_digit() || BETWEEN.contains(&char::from(byte)));
    let runs = runs.map(|run| trimmed(text, run, &BETWEEN));
    let is_address = |run: &Range<usize>| {
        octets(text.get(run.clone()).unwrap_or_default(), &BETWEEN).is_some_and(|octets| octets >= OCTETS)
    };
    runs.filter(is_address).map(|run| (run, ADDRESS)).collect()
}

/// How many numbers up to 255 a text is made of, or nothing where it has others.
fn octets(text: &str, between: &[char]) -> Option<usize> {
    let mut octets = 0;
    for part in text.split(between) {
        part.parse::<u8>().ok().filter(|_| part.len() <= 3)?;
        octets += 1;
    }
    Some(octets)
}

/// Whether there is `1:2::` or `1:2:3:4:5:6:7:8` in it; the first group may be the end of a longer one.
fn has_groups(run: &[u8]) -> bool {
    let (mut groups, mut digits) = (0, 0);
    for byte in run {
        match byte {
            b':' if digits == 0 && groups >= 2 => return true,
            b':' => {
                groups = match digits {
                    0 => 0,
                    1..=4 => groups + 1,
                    _ => 1,
                };
                digits = 0;
            }
            b'.' => (groups, digits) = (0, 0),
            _ if groups >= 7 => return true,
            _ => digits += 1,
        }
    }
    false
}

fn is_address_of_six(text: &str) -> bool {
    let text = text.trim_matches('.');
    let text = if text.ends_with("::") { text } else { text.trim_end_matches(':') };
    let text = if text.starts_with("::") { text } else { text.trim_start_matches(':') };
    text.parse::<Ipv6Addr>().is_ok()
}

/// The longest runs of such bytes, which are ASCII.
pub(super) fn runs(text: &str, in_run: impl Fn(u8) -> bool) -> impl Iterator<Item = Range<usize>> {
    let bytes = text.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at + bytes.get(at..)?.iter().position(|byte| in_run(*byte))?;
        let length = bytes.get(start..)?.iter().take_while(|byte| in_run(**byte)).count();
        at = start + length;
        Some(start..at)
    })
}

fn trimmed(text: &str, run: Range<usize>, ends: &[char]) -> Range<usize> {
    let found = text.get(run.clone()).unwrap_or_default();
    let start = run.start + found.len() - found.trim_start_matches(ends).len();
    start..(start + found.trim_matches(ends).len())
}
