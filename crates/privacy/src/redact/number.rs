//! Finds long numbers: runs of digits, and groups of digits that are as long together as a telephone's or customer's number.
//! Dates, spans of years and versions stay.

use std::ops::Range;

use super::{Found, Of};

const NUMBER: &str = ":number";

/// Shortest run of digits that may be a person's: an order's or customer's number, a telephone's.
pub(super) const DIGITS_MIN: usize = 6;

/// Fewest digits of groups that may be one number together: a telephone's with its area.
const GROUPED_DIGITS_MIN: usize = 9;

/// Most characters between two groups of one number: `) ` and ` - ` are.
const BETWEEN_CHARACTERS_MAX: usize = 3;

/// Most groups of a time after a date: hours, minutes, seconds.
const TIME_GROUPS_MAX: usize = 3;

pub(super) fn long(text: &str, of: Of) -> Vec<Found> {
    let mut found = Vec::new();
    if of == Of::Campaign {
        return found;
    }
    let mut at = 0;
    while let Some(chain) = next_chain(text, at) {
        at = chain.last().map_or(text.len(), |last| last.end);
        judge(text, &chain, of, &mut found);
    }
    found
}

/// Whether nine digits stand together.
pub(super) fn has_long_run(text: &str) -> bool {
    super::address::runs(text, |byte| byte.is_ascii_digit()).any(|run| run.len() >= GROUPED_DIGITS_MIN)
}

/// The next groups of digits with little between them.
fn next_chain(text: &str, from: usize) -> Option<Vec<Range<usize>>> {
    let mut start = from + text.get(from..)?.find(char::is_numeric)?;
    let mut chain = Vec::new();
    loop {
        let rest = text.get(start..)?;
        let end = start + rest.find(|character: char| !character.is_numeric()).unwrap_or(rest.len());
        chain.push(start..end);
        let between = text.get(end..)?.chars().take_while(|character| "-_ .+()".contains(*character));
        // All of them are one byte long.
        let next = end + between.take(BETWEEN_CHARACTERS_MAX + 1).count();
        let goes_on = text.get(next..)?.starts_with(char::is_numeric) && next - end <= BETWEEN_CHARACTERS_MAX;
        if !goes_on {
            return Some(chain);
        }
        start = next;
    }
}

fn judge(text: &str, chain: &[Range<usize>], of: Of, found: &mut Vec<Found>) {
    let is_together = !is_version(text, chain) && !chain.iter().all(|group| year(text, group));
    let (mut begun, mut at) = (0, 0);
    while at < chain.len() {
        let groups = date(text, chain.get(at..).unwrap_or_default());
        if groups == 0 {
            at += 1;
            continue;
        }
        take(text, chain.get(begun..at).unwrap_or_default(), is_together, of, found);
        let time = chain.iter().skip(at + groups).take(TIME_GROUPS_MAX);
        at += groups + time.take_while(|group| group.len() == 2 && number(text, group) < 60).count();
        begun = at;
    }
    take(text, chain.get(begun..).unwrap_or_default(), is_together, of, found);
}

/// Takes out groups that are long together, or each that is long.
fn take(text: &str, groups: &[Range<usize>], is_together: bool, of: Of, found: &mut Vec<Found>) {
    let digits = |group: &Range<usize>| digits_of(text, group).chars().count();
    let [first, .., last] = groups else {
        let long = if of == Of::Host { GROUPED_DIGITS_MIN } else { DIGITS_MIN };
        return found.extend(groups.iter().filter(|group| digits(group) >= long).map(|group| (group.clone(), NUMBER)));
    };
    if is_together && groups.iter().map(digits).sum::<usize>() >= GROUPED_DIGITS_MIN {
        return found.push((first.start..last.end, NUMBER));
    }
    groups.iter().for_each(|group| take(text, std::slice::from_ref(group), false, of, found));
}

/// How many groups at the start are a date: `20241123`, `2024-11-23` or `23.11.2024`.
fn date(text: &str, groups: &[Range<usize>]) -> usize {
    if let [whole, ..] = groups
        && is_date(digits_of(text, whole))
    {
        return 1;
    }
    let [first, second, third, ..] = groups else { return 0 };
    let short = |group: &Range<usize>, most: usize| group.len() <= 2 && (1..=most).contains(&number(text, group));
    let year_first = year(text, first) && short(second, 12) && short(third, 31);
    let year_last =
        year(text, third) && (short(first, 31) && short(second, 12) || short(first, 12) && short(second, 31));
    if year_first || year_last { 3 } else { 0 }
}

/// Whether digits are a day written `20241123`.
pub(super) fn is_date(digits: &str) -> bool {
    let between = |at: Range<usize>, first, last| digits.get(at).is_some_and(|part| (first..=last).contains(&part));
    digits.len() == 8 && between(0..2, "20", "20") && between(4..6, "01", "12") && between(6..8, "01", "31")
}

fn year(text: &str, group: &Range<usize>) -> bool {
    group.len() == 4 && (1900..2100).contains(&number(text, group))
}

/// Whether groups are a version: two dots and more, and a single digit beside one of them (`127.0.6533.100`).
fn is_version(text: &str, chain: &[Range<usize>]) -> bool {
    let between = |pair: &[Range<usize>]| match pair {
        [left, right] => text.get(left.end..right.start).unwrap_or_default(),
        _ => "",
    };
    let dotted = chain.windows(2).filter(|pair| between(pair) == ".");
    let (mut dots, mut single) = (0, false);
    for pair in dotted {
        dots += 1;
        single |= pair.last().is_some_and(|group| group.len() == 1);
    }
    dots >= 2 && single && chain.windows(2).all(|pair| matches!(between(pair), "." | "-" | "_" | "+"))
}

fn number(text: &str, group: &Range<usize>) -> usize {
    digits_of(text, group).parse().unwrap_or(usize::MAX)
}

fn digits_of<'a>(text: &'a str, group: &Range<usize>) -> &'a str {
    text.get(group.clone()).unwrap_or_default()
}
