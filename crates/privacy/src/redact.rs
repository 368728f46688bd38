//! Takes out of a path, a campaign field or a page's own words what may name a person: e-mail and IP addresses, numbers of
//! six digits and more, identifiers, tokens, and the parts that a site names. Each becomes a placeholder, so that pages of one
//! kind are counted as one page.
//!
//! It errs on the side of taking out, with one exception: eight digits that are a date of this century stay, because real
//! sites name their pages so. A version of four small numbers (`1.2.3.4`) goes with the addresses. It cannot know a name in
//! plain words; for those a site has its patterns. The invariant: what it made, it leaves as it is.

use std::borrow::Cow;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::ops::Range;

/// What a part stands for that a site's own pattern takes out.
pub const REDACTED: &str = ":redacted";

const EMAIL: &str = ":email";
const ADDRESS: &str = ":address";
const UUID: &str = ":uuid";
const NUMBER: &str = ":number";
const HEX: &str = ":hex";
const TOKEN: &str = ":token";

/// Shortest run of digits that may be a person's: an order's or customer's number, a telephone's.
const NUMBER_DIGITS_MIN: usize = 6;

/// Shortest run of hexadecimal digits that may be a session's or a mail's.
const HEX_DIGITS_MIN: usize = 16;

/// Fewest letters and digits of a token: with less it is no secret, and words would look like one.
const TOKEN_CHARACTERS_MIN: usize = 20;

/// How a JSON web token begins: base64 of `{"`.
const JSON_WEB_TOKEN: &str = "eyJ";

/// How often a token is looked into for percent-encoding inside percent-encoding.
const DECODINGS_MAX: usize = 3;

/// Redacts a path, by what its segments look like and by a site's patterns.
///
/// A pattern such as `/users/*` holds for every path that begins so, segment by segment; `*` is any one segment.
#[must_use]
pub fn path<'a>(path: &'a str, patterns: &[String]) -> Cow<'a, str> {
    let by_looks = by_looks(path, Numbers::Go);
    match patterns.iter().find(|pattern| matches(pattern, path)) {
        None => by_looks,
        Some(_) => Cow::Owned(by_patterns(path, &by_looks, patterns)),
    }
}

/// Redacts a text that a page attached to an event: by what its words look like; of a URL, host and path stay.
#[must_use]
pub fn text(text: &str) -> Cow<'_, str> {
    of_url(text, Numbers::Go)
}

/// Redacts a campaign field. Numbers stay, because advertising networks number their campaigns and ads; what one person alone
/// was sent is folded when its day closes.
#[must_use]
pub fn campaign(text: &str) -> Cow<'_, str> {
    of_url(text, Numbers::Stay)
}

/// What becomes of long numbers.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Numbers {
    Go,
    Stay,
}

fn of_url(text: &str, numbers: Numbers) -> Cow<'_, str> {
    let Some((scheme, rest)) = text.split_once("://") else { return by_looks(text, numbers) };
    let kept = rest.split(['?', '#']).next().unwrap_or_default();
    let (authority, path) = kept.find('/').map_or((kept, ""), |at| kept.split_at(at));
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let redacted = by_looks(path, numbers);
    if host.len() + path.len() == rest.len() && matches!(redacted, Cow::Borrowed(_)) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(format!("{scheme}://{host}{redacted}"))
}

fn by_looks(path: &str, numbers: Numbers) -> Cow<'_, str> {
    if !may_name_someone(path) || path.split('/').all(|segment| of_segment(segment, numbers).is_none()) {
        return Cow::Borrowed(path);
    }
    let segments =
        path.split('/').map(|segment| of_segment(segment, numbers).map_or(Cow::Borrowed(segment), Cow::Owned));
    Cow::Owned(segments.collect::<Vec<_>>().join("/"))
}

/// A first look, in one pass, because most paths are words: whether anything below could find something.
fn may_name_someone(path: &str) -> bool {
    const CHANGES_MIN: usize = TOKEN_CHARACTERS_MIN * 3 / 10;
    const UUIDS_LAST_PART: usize = 12;
    const PARTS_OF_ADDRESS: usize = 3;
    let (mut digits, mut hex_digits, mut changes, mut parts, mut before) = (0, 0, 0, 0, b'/');
    for byte in path.bytes() {
        digits = if byte.is_ascii_digit() { digits + 1 } else { 0 };
        hex_digits = if byte.is_ascii_hexdigit() { hex_digits + 1 } else { 0 };
        changes = if byte == b'/' { 0 } else { changes + usize::from(is_change(before, byte)) };
        parts = if byte == b'/' { 0 } else { parts + usize::from(matches!(byte, b'.' | b':')) };
        let telling = matches!(byte, b'@' | b'%' | 0x80..) || parts >= PARTS_OF_ADDRESS;
        if telling || digits >= NUMBER_DIGITS_MIN || hex_digits >= UUIDS_LAST_PART || changes >= CHANGES_MIN {
            return true;
        }
        before = byte;
    }
    path.contains(JSON_WEB_TOKEN)
}

/// A segment with its placeholders, or nothing where it may stay.
fn of_segment(segment: &str, numbers: Numbers) -> Option<String> {
    // Nothing short is anything: the shortest is a number, or `a@b.cc`.
    if segment.len() < NUMBER_DIGITS_MIN {
        return None;
    }
    let mut text = Cow::Borrowed(segment);
    for _ in 0..DECODINGS_MAX {
        match decoded(&text) {
            Some(plainer) => text = Cow::Owned(plainer),
            None => break,
        }
    }
    let redacted = of_text(&text, numbers)?;
    Some(if matches!(text, Cow::Borrowed(_)) { redacted } else { encoded(&redacted) })
}

/// The text with its `%XX` undone once; nothing where there is none.
fn decoded(text: &str) -> Option<String> {
    text.contains('%').then(|| percent_decode(text)).filter(|plainer| plainer != text)
}

fn percent_decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        let digits = after.first_chunk::<2>().map(|pair| pair.map(|digit| char::from(digit).to_digit(16)));
        match (byte, digits) {
            (b'%', Some([Some(high), Some(low)])) => {
                bytes.push(u8::try_from(high * 16 + low).unwrap_or_default());
                rest = after.get(2..).unwrap_or_default();
            }
            _ => bytes.push(byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Encodes again what may not stand in a path.
fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            let digit = |four_bits: u8| char::from_digit(u32::from(four_bits), 16).unwrap_or('0').to_ascii_uppercase();
            encoded.extend([digit(byte >> 4), digit(byte & 15)]);
        }
    }
    encoded
}

/// Redacts plain text word by word; a word is what may stand in an address or token.
fn of_text(text: &str, numbers: Numbers) -> Option<String> {
    // Colons end words, and an IPv6 address has little else.
    if text.trim_matches(['[', ']']).parse::<Ipv6Addr>().is_ok() {
        return Some(ADDRESS.to_owned());
    }
    let in_word = |character: char| character.is_alphanumeric() || "._-+@='’".contains(character);
    let (mut redacted, mut changed) = (String::with_capacity(text.len()), false);
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let of_word = in_word(first);
        let end = rest.find(|character| in_word(character) != of_word).unwrap_or(rest.len());
        let (piece, after) = rest.split_at(end);
        rest = after;
        match of_word.then(|| word(piece, numbers)).flatten() {
            Some(instead) => {
                changed = true;
                redacted.push_str(&instead);
            }
            None => redacted.push_str(piece),
        }
    }
    changed.then_some(redacted)
}

/// What a word becomes, or nothing where it may stay.
fn word(word: &str, numbers: Numbers) -> Option<String> {
    if is_email(word) {
        return Some(EMAIL.to_owned());
    }
    if word.trim_matches('.').parse::<Ipv4Addr>().is_ok() {
        return Some(ADDRESS.to_owned());
    }
    if is_json_web_token(word) {
        return Some(TOKEN.to_owned());
    }
    if let Some(without) = without_identifiers(word) {
        return Some(without_numbers(&without, numbers).unwrap_or(without));
    }
    if is_token(word) {
        return Some(TOKEN.to_owned());
    }
    without_numbers(word, numbers)
}

/// `someone@host.tld`; `@someone` and `package@1.2.3` are none.
fn is_email(word: &str) -> bool {
    let Some((local, host)) = word.rsplit_once('@') else { return false };
    let host = host.trim_end_matches(['.', '-', '_', '=', '+', '\'']);
    let last = host.rsplit_once('.').map(|(_, last)| last);
    let is_tld =
        |last: &str| last.chars().count() >= 2 && last.chars().all(char::is_alphabetic) || last.starts_with("xn--");
    !local.trim_matches('@').is_empty() && last.is_some_and(is_tld)
}

/// A start and a dot: header and claims, whether or not the signature follows.
fn is_json_web_token(word: &str) -> bool {
    word.find("eyJ")
        .and_then(|start| word.get(start..))
        .is_some_and(|token| token.len() >= TOKEN_CHARACTERS_MIN && token.contains('.'))
}

/// Whether a word looks drawn by lot: long, and changing from letters to digits or from small to capital as often as no word
/// does (every third character; names in camel case every fifth).
fn is_token(word: &str) -> bool {
    let (mut characters, mut changes, mut before) = (0, 0, b'-');
    for byte in word.bytes() {
        characters += usize::from(byte.is_ascii_alphanumeric());
        changes += usize::from(is_change(before, byte));
        before = byte;
    }
    characters >= TOKEN_CHARACTERS_MIN && changes * 10 >= characters * 3
}

/// Whether between two neighbours a small letter turns capital, or a letter a digit, or the other way.
const fn is_change(before: u8, byte: u8) -> bool {
    let both = before.is_ascii_alphanumeric() && byte.is_ascii_alphanumeric();
    let capital = before.is_ascii_lowercase() && byte.is_ascii_uppercase();
    both && (capital || before.is_ascii_digit() != byte.is_ascii_digit())
}

/// The word without UUIDs and long hexadecimal runs, or nothing where it has none.
fn without_identifiers(word: &str) -> Option<String> {
    let (mut kept, mut changed) = (String::new(), false);
    let mut rest = word;
    while !rest.is_empty() {
        let after_letter = kept.chars().next_back().is_some_and(char::is_alphanumeric);
        let found = if after_letter { None } else { identifier(rest) };
        let taken = match found {
            Some((placeholder, length)) => {
                changed = true;
                kept.push_str(placeholder);
                length
            }
            None => {
                let first = rest.chars().next().map_or(1, char::len_utf8);
                kept.push_str(rest.get(..first).unwrap_or_default());
                first
            }
        };
        rest = rest.get(taken..).unwrap_or_default();
    }
    changed.then_some(kept)
}

/// The identifier at the start of a text that ends where its letters and digits do, and its length in bytes.
fn identifier(text: &str) -> Option<(&'static str, usize)> {
    const UUID_BYTES: usize = 36;
    const HYPHENS: [usize; 4] = [8, 13, 18, 23];
    let ended = |at: usize| text.get(at..).is_some_and(|rest| !rest.starts_with(char::is_alphanumeric));
    let of_uuid = |(at, byte): (usize, u8)| if HYPHENS.contains(&at) { byte == b'-' } else { byte.is_ascii_hexdigit() };
    let head = text.as_bytes().get(..UUID_BYTES);
    if head.is_some_and(|head| head.iter().copied().enumerate().all(of_uuid)) && ended(UUID_BYTES) {
        return Some((UUID, UUID_BYTES));
    }
    let digits = text.bytes().take_while(u8::is_ascii_hexdigit).count();
    let only_decimal = text.bytes().take(digits).all(|byte| byte.is_ascii_digit());
    (digits >= HEX_DIGITS_MIN && !only_decimal && ended(digits)).then_some((HEX, digits))
}

/// The word without long runs of digits, or nothing where it has none.
fn without_numbers(word: &str, numbers: Numbers) -> Option<String> {
    if numbers == Numbers::Stay {
        return None;
    }
    let (mut kept, mut changed) = (String::new(), false);
    let mut rest = word;
    while let Some(first) = rest.chars().next() {
        let digits = first.is_numeric();
        let end = rest.find(|character: char| character.is_numeric() != digits).unwrap_or(rest.len());
        let (run, after) = rest.split_at(end);
        rest = after;
        if digits && run.chars().count() >= NUMBER_DIGITS_MIN && !is_date(run) {
            changed = true;
            kept.push_str(NUMBER);
        } else {
            kept.push_str(run);
        }
    }
    changed.then_some(kept)
}

/// Whether digits are a day written `20241123`.
fn is_date(digits: &str) -> bool {
    let between = |at: Range<usize>, first, last| digits.get(at).is_some_and(|part| (first..=last).contains(&part));
    digits.len() == 8 && between(0..2, "20", "20") && between(4..6, "01", "12") && between(6..8, "01", "31")
}

/// Whether a path begins as a pattern says.
fn matches(pattern: &str, path: &str) -> bool {
    let mut segments = path.split('/');
    pattern.trim_end_matches('/').split('/').all(|wanted| segments.next().is_some_and(|found| fits(wanted, found)))
}

fn fits(wanted: &str, found: &str) -> bool {
    (wanted == "*" && !found.is_empty()) || wanted == found || percent_decode(found) == percent_decode(wanted)
}

/// Puts [`REDACTED`] where a matching pattern has `*`; whether it matches is asked of the path as it came.
fn by_patterns(path: &str, by_looks: &str, patterns: &[String]) -> String {
    let matching: Vec<&String> = patterns.iter().filter(|pattern| matches(pattern, path)).collect();
    let is_named = |at| matching.iter().any(|pattern| pattern.split('/').nth(at) == Some("*"));
    let segments = by_looks.split('/').enumerate();
    segments.map(|(at, segment)| if is_named(at) { REDACTED } else { segment }).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
#[path = "redact_tests.rs"]
mod tests;
