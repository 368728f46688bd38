//! Finds e-mail addresses, identifiers and tokens: in words, which are what may stand in a mail address or token, and in runs of
//! letters and digits.

use std::ops::Range;

use super::address::runs;
use super::{Found, Of};

const EMAIL: &str = ":email";
const UUID: &str = ":uuid";
const HEX: &str = ":hex";
const TOKEN: &str = ":token";

/// Shortest run of hexadecimal digits that may be a session's or a mail's.
const HEX_DIGITS_MIN: usize = 16;

/// Fewest letters and digits of a token: with less it is no secret, and words would look like one.
const TOKEN_CHARACTERS_MIN: usize = 20;

/// Fewest changes of a token.
pub(super) const CHANGES_MIN: usize = TOKEN_CHARACTERS_MIN * 3 / 10;

/// Shortest run of capitals and digits that may be an access key or a secret in base32.
pub(super) const CAPITALS_MIN: usize = 16;

/// Fewest letters in it: with less it is an order's or a bill's number.
const CAPITAL_LETTERS_MIN: usize = 8;

/// How a JSON web token begins: base64 of `{"`.
pub(super) const JSON_WEB_TOKEN: &str = "eyJ";

const UUID_BYTES: usize = 36;
const UUID_HYPHENS: [usize; 4] = [8, 13, 18, 23];
pub(super) const UUID_LAST_DIGITS: usize = 12;

/// Words that are an e-mail address or a JSON web token, or hold one.
pub(super) fn mails(text: &str, _: Of) -> Vec<Found> {
    let in_word = |word: &str| {
        if is_email(word) {
            return Some(EMAIL);
        }
        is_json_web_token(word).then_some(TOKEN)
    };
    words(text).filter_map(|(range, word)| Some((range, in_word(word)?))).collect()
}

/// UUIDs, with the letters and digits that are glued to them, and long hexadecimal runs.
pub(super) fn identifiers(text: &str, _: Of) -> Vec<Found> {
    let bytes = text.as_bytes();
    let mut found: Vec<Found> = Vec::new();
    for run in runs(text, |byte| byte.is_ascii_alphanumeric()) {
        if found.last().is_some_and(|(last, _)| run.start < last.end) {
            continue;
        }
        let digits = bytes.get(run.clone()).unwrap_or_default();
        // A UUID's first part may be the end of a longer run.
        if let Some(start) = run.end.checked_sub(8).filter(|start| *start >= run.start && is_uuid(bytes, *start)) {
            let end = start + UUID_BYTES;
            let glued = bytes.iter().skip(end).take_while(|byte| byte.is_ascii_alphanumeric()).count();
            found.push((run.start..end + glued, UUID));
        } else if digits.len() >= HEX_DIGITS_MIN
            && digits.iter().all(u8::is_ascii_hexdigit)
            && !digits.iter().all(u8::is_ascii_digit)
        {
            found.push((run, HEX));
        }
    }
    found
}

/// Words that look drawn by lot, and such parts of words.
pub(super) fn tokens(text: &str, of: Of) -> Vec<Found> {
    let mut found = Vec::new();
    for (range, word) in words(text) {
        // A host is one word of many labels, none of which is dull because of the others.
        if of != Of::Host && is_drawn(word) {
            found.push((range, TOKEN));
            continue;
        }
        for run in runs(word, |byte| byte.is_ascii_alphanumeric()) {
            let part = word.get(run.clone()).unwrap_or_default();
            if (is_drawn(part) && !is_of_punycode(word, run.start)) || is_of_capitals(part) {
                found.push((range.start + run.start..range.start + run.end, TOKEN));
            }
        }
    }
    found
}

/// Whether an e-mail address stands in the text as it stands, or with `%40`.
pub(super) fn has_mail(text: &str) -> bool {
    text.match_indices(['@', '%']).any(|(at, sign)| {
        let before = at.checked_sub(1).and_then(|at| text.as_bytes().get(at));
        let before = before.is_some_and(|byte| byte.is_ascii_alphanumeric() || b"._+-".contains(byte));
        let after = text.get(at..).unwrap_or_default();
        let host = after.strip_prefix(if sign == "@" { "@" } else { "%40" });
        before && host.and_then(|host| host.split(['@', '%']).next()).is_some_and(is_host_begun)
    })
}

/// `someone@host.tld` and what it stands in; `@someone` and `package@1.2.3` are none.
fn is_email(word: &str) -> bool {
    let mut parts = word.split('@');
    let mut someone = parts.next().is_some_and(|local| !local.is_empty());
    parts.any(|host| {
        let found = someone && is_host_begun(host);
        someone |= !host.is_empty();
        found
    })
}

/// Whether a text begins as a host does: labels, and one more of two letters and more.
fn is_host_begun(text: &str) -> bool {
    let in_label = |character: char| character.is_alphanumeric() || "-_+='’".contains(character);
    let mut labels = text.split('.');
    if labels.next().is_none_or(|label| label.is_empty() || !label.chars().all(in_label)) {
        return false;
    }
    for label in labels {
        let mut letters = label.chars();
        let of_letters =
            letters.next().is_some_and(char::is_alphabetic) && letters.next().is_some_and(char::is_alphabetic);
        if of_letters {
            return true;
        }
        if !label.chars().all(in_label) {
            return false;
        }
    }
    false
}

/// A start and a dot: header and claims, whether or not the signature follows.
fn is_json_web_token(word: &str) -> bool {
    word.find(JSON_WEB_TOKEN)
        .and_then(|start| word.get(start..))
        .is_some_and(|token| token.len() >= TOKEN_CHARACTERS_MIN && token.contains('.'))
}

fn is_uuid(bytes: &[u8], start: usize) -> bool {
    let of_uuid =
        |(at, byte): (usize, &u8)| if UUID_HYPHENS.contains(&at) { *byte == b'-' } else { byte.is_ascii_hexdigit() };
    bytes.get(start..start + UUID_BYTES).is_some_and(|uuid| uuid.iter().enumerate().all(of_uuid))
}

/// Whether a word looks drawn by lot: long, and changing from letters to digits or from small to capital as often as no word
/// does (every third character; names in camel case every fifth).
fn is_drawn(word: &str) -> bool {
    let (mut characters, mut changes, mut before) = (0, 0, b'-');
    for byte in word.bytes() {
        characters += usize::from(byte.is_ascii_alphanumeric());
        changes += usize::from(is_change(before, byte));
        before = byte;
    }
    characters >= TOKEN_CHARACTERS_MIN && changes * 10 >= characters * 3
}

/// Whether a run is of capitals with digits among them, as access keys are (`AKIA…`). Words in capitals have no digits, and
/// are shorter where they have.
fn is_of_capitals(run: &str) -> bool {
    let letters = run.bytes().filter(u8::is_ascii_uppercase).count();
    let digits = run.bytes().filter(u8::is_ascii_digit).count();
    run.len() >= CAPITALS_MIN && letters + digits == run.len() && digits > 0 && letters >= CAPITAL_LETTERS_MIN
}

/// Whether a run is of a host's label in letters of the world, which look drawn by lot.
fn is_of_punycode(word: &str, at: usize) -> bool {
    let before = word.get(..at).unwrap_or_default();
    before.rsplit('.').next().is_some_and(|label| label.starts_with("xn--"))
}

/// Whether between two neighbours a small letter turns capital, or a letter a digit, or the other way.
pub(super) const fn is_change(before: u8, byte: u8) -> bool {
    let both = before.is_ascii_alphanumeric() && byte.is_ascii_alphanumeric();
    let capital = before.is_ascii_lowercase() && byte.is_ascii_uppercase();
    both && (capital || before.is_ascii_digit() != byte.is_ascii_digit())
}

fn words(text: &str) -> impl Iterator<Item = (Range<usize>, &str)> {
    let in_word = |character: char| character.is_alphanumeric() || "._-+@='’".contains(character);
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at + text.get(at..)?.find(in_word)?;
        let rest = text.get(start..)?;
        let word = rest.split_at(rest.find(|character| !in_word(character)).unwrap_or(rest.len())).0;
        at = start + word.len();
        Some((start..at, word))
    })
}
