//! Takes out of a path, a host, a campaign field or a page's own words what may name a person: e-mail and IP addresses, numbers
//! of six digits and more, telephone numbers, identifiers, tokens, user agents, and the parts that a site names. Each becomes a
//! placeholder, so that pages of one kind are counted as one page.
//!
//! It errs on the side of taking out, with one exception: dates stay, because real sites name their pages so. A version of four
//! small numbers (`1.2.3.4`) goes with the addresses. It cannot know a name in plain words; for those a site has its patterns.
//! The invariants: what it made, it leaves as it is; and nothing that it lets through is found by the looks of `footfall prove`.

mod address;
mod agent;
mod number;
mod plain;
mod word;

use std::borrow::Cow;
use std::ops::Range;

use model::Domain;

use crate::strip::host_of;

/// What a part stands for that a site's own pattern takes out, or that would show something whatever is taken out of it.
pub const REDACTED: &str = ":redacted";

/// What a user agent becomes.
const AGENT: &str = ":agent";

/// Nothing shorter is anything: the shortest are an address (`a:b::`), a number and `a@b.cc`.
const SHOWING_BYTES_MIN: usize = 5;

/// Redacts a path, by what its segments look like and by a site's patterns.
///
/// A pattern such as `/users/*` holds for every path that begins so, segment by segment; `*` is any one segment.
#[must_use]
pub fn path<'a>(path: &'a str, patterns: &[String]) -> Cow<'a, str> {
    let by_looks = by_looks(path, Of::Page);
    match patterns.iter().find(|pattern| matches(pattern, path)) {
        None => by_looks,
        Some(_) => Cow::Owned(by_patterns(path, &by_looks, patterns)),
    }
}

/// Redacts a text that a page attached to an event: by what its words look like; of a URL, host and path stay.
#[must_use]
pub fn text(text: &str) -> Cow<'_, str> {
    of_words(text, Of::Page)
}

/// Redacts a campaign field. Numbers stay, because advertising networks number their campaigns and ads; what one person alone
/// was sent is folded when its day closes.
#[must_use]
pub fn campaign(text: &str) -> Cow<'_, str> {
    of_words(text, Of::Campaign)
}

/// Redacts the host of a page or a referrer: addresses, identifiers and long numbers in its labels. The site's own name stays.
#[must_use]
pub fn host<'a>(host: &'a str, site: &Domain) -> Cow<'a, str> {
    let own = host_of(site);
    let others = host.strip_suffix(own).filter(|others| others.is_empty() || others.ends_with('.'));
    let others = others.unwrap_or(host);
    let redacted = if may_show(others, Of::Host) { of_segment(others, Of::Host) } else { None };
    let Some(redacted) = redacted else { return Cow::Borrowed(host) };
    Cow::Owned(redacted + host.get(others.len()..).unwrap_or_default())
}

/// What a text is of: it decides what becomes of numbers.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Of {
    /// Of a page or its words: long numbers go.
    Page,
    /// Of a campaign: numbers stay.
    Campaign,
    /// Of a host: numbers as long as a telephone's go.
    Host,
}

/// Where something was found, and what shall stand there.
type Found = (Range<usize>, &'static str);

fn of_words(text: &str, of: Of) -> Cow<'_, str> {
    let Some((scheme, rest)) = text.split_once("://") else { return by_looks(text, of) };
    let kept = rest.split(['?', '#']).next().unwrap_or_default();
    let (authority, path) = kept.find('/').map_or((kept, ""), |at| kept.split_at(at));
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let shown = of_segment(host, Of::Host);
    if shown.is_none() && host.len() + path.len() == rest.len() {
        return by_looks(text, of);
    }
    let without = format!("{scheme}://{}{path}", shown.as_deref().unwrap_or(host));
    Cow::Owned(by_looks(&without, of).into_owned())
}

fn by_looks(text: &str, of: Of) -> Cow<'_, str> {
    if !may_show(text, of) {
        return Cow::Borrowed(text);
    }
    let redacted: Vec<_> =
        text.split('/').map(|segment| of_segment(segment, of).map_or(Cow::Borrowed(segment), Cow::Owned)).collect();
    let redacted = match redacted.iter().any(|segment| matches!(segment, Cow::Owned(_))) {
        true => Cow::Owned(redacted.join("/")),
        false => Cow::Borrowed(text),
    };
    // An agent's name and version stand on both sides of a slash, and what follows is the agent's too.
    let Some(at) = agent::find(&redacted) else { return redacted };
    let before = redacted.get(..at).and_then(|before| before.rfind('/')).map_or(0, |slash| slash + 1);
    Cow::Owned(format!("{}{AGENT}", redacted.get(..before).unwrap_or_default()))
}

/// A first look, in one pass, because most texts are words: whether anything below could find something.
fn may_show(text: &str, of: Of) -> bool {
    let digits_min = if of == Of::Host { address::DASHED_DIGITS_MIN } else { number::DIGITS_MIN };
    let (mut digits, mut hex, mut capitals, mut changes, mut dots, mut colons) = (0, 0, 0, 0, 0, 0);
    let (mut before_last, mut last) = (b'/', b'/');
    for byte in text.bytes() {
        if byte == b'/' {
            (digits, changes, dots, colons) = (0, 0, 0, 0);
        }
        digits += usize::from(byte.is_ascii_digit());
        hex = if byte.is_ascii_hexdigit() { hex + 1 } else { 0 };
        capitals = if byte.is_ascii_uppercase() || byte.is_ascii_digit() { capitals + 1 } else { 0 };
        changes += usize::from(word::is_change(last, byte));
        dots += usize::from(byte == b'.');
        colons += usize::from(byte == b':');
        let versioned = byte.is_ascii_digit() && last == b'/' && before_last.is_ascii_alphabetic();
        if matches!(byte, b'@' | b'%' | b'(' | 0x80..)
            || versioned
            || digits >= digits_min
            || hex >= word::UUID_LAST_DIGITS
            || capitals >= word::CAPITALS_MIN
            || changes >= word::CHANGES_MIN
            || dots >= address::DOTS_MIN
            || colons >= address::COLONS_MIN
        {
            return true;
        }
        (before_last, last) = (last, byte);
    }
    text.contains(word::JSON_WEB_TOKEN)
}

/// A segment with its placeholders, or nothing where it may stay.
fn of_segment(segment: &str, of: Of) -> Option<String> {
    if segment.len() < SHOWING_BYTES_MIN {
        return None;
    }
    let read = plain::read(segment);
    match of_text(&read.text, of) {
        // What stays is also looked at as it stands: `%23` before digits is three digits more.
        None if read.is_as_sent() || !shows(segment, of) => None,
        None => Some(REDACTED.to_owned()),
        Some(redacted) => {
            let redacted = if read.was_encoded { plain::encoded(&redacted) } else { redacted };
            // What stands left and right of a placeholder may have become something by it.
            let shows_still = shows(&redacted, of) || of_text(&plain::read(&redacted).text, of).is_some();
            Some(if shows_still { REDACTED.to_owned() } else { redacted })
        }
    }
}

/// Redacts plain text, or says nothing where it may stay.
fn of_text(text: &str, of: Of) -> Option<String> {
    const FINDERS: [fn(&str, Of) -> Vec<Found>; 7] = [
        word::mails,
        word::identifiers,
        address::of_six,
        word::tokens,
        address::of_four,
        address::in_hosts,
        number::long,
    ];
    if agent::find(text).is_some() {
        return Some(AGENT.to_owned());
    }
    let mut redacted = None;
    for find in FINDERS {
        let text = redacted.as_deref().unwrap_or(text);
        let found = find(text, of);
        if !found.is_empty() {
            redacted = Some(with_placeholders(text, &found));
        }
    }
    redacted
}

fn with_placeholders(text: &str, found: &[Found]) -> String {
    let (mut redacted, mut end) = (String::with_capacity(text.len()), 0);
    for (range, placeholder) in found {
        redacted.push_str(text.get(end..range.start).unwrap_or_default());
        redacted.push_str(placeholder);
        end = range.end;
    }
    redacted.push_str(text.get(end..).unwrap_or_default());
    redacted
}

/// Whether a text, read as it stands, shows what the looks of `footfall prove` find.
fn shows(text: &str, of: Of) -> bool {
    agent::find(text).is_some()
        || word::has_mail(text)
        || (of != Of::Campaign && number::has_long_run(text))
        || [word::identifiers, address::of_six, address::of_four].iter().any(|find| !find(text, of).is_empty())
}

/// Whether a path begins as a pattern says.
fn matches(pattern: &str, path: &str) -> bool {
    let mut segments = path.split('/');
    pattern.trim_end_matches('/').split('/').all(|wanted| segments.next().is_some_and(|found| fits(wanted, found)))
}

fn fits(wanted: &str, found: &str) -> bool {
    (wanted == "*" && !found.is_empty())
        || wanted == found
        || plain::percent_decode(found) == plain::percent_decode(wanted)
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
