//! The common and combined log formats of Apache and nginx, read byte by byte without copies.
//!
//! `host ident user [time] "method target protocol" status bytes` and, in the combined format, `"referrer" "agent"`. Which
//! requests are page views is decided here too: `GET`, answered with success or "not modified", and no static file.

use std::borrow::Cow;
use std::net::IpAddr;

use model::limits::AGENT_BYTES_MAX;
use model::{Arrival, Kind, Millis, Peer, Refusal, Signals};

use super::{LINE_BYTES_MAX, Line};

/// Endings of paths that are parts of a page, downloads or data, not pages.
const STATIC_ENDINGS: &[&str] = &[
    "7z",
    "apk",
    "atom",
    "avi",
    "avif",
    "bin",
    "bmp",
    "br",
    "bz2",
    "class",
    "css",
    "csv",
    "cur",
    "deb",
    "dmg",
    "doc",
    "docx",
    "eot",
    "eps",
    "exe",
    "flac",
    "flv",
    "gif",
    "gz",
    "heic",
    "ico",
    "iso",
    "jar",
    "jpeg",
    "jpg",
    "js",
    "json",
    "m3u8",
    "m4a",
    "m4v",
    "map",
    "mid",
    "mjs",
    "mkv",
    "mov",
    "mp3",
    "mp4",
    "mpeg",
    "mpg",
    "msi",
    "ogg",
    "ogv",
    "otf",
    "pdf",
    "pkg",
    "png",
    "ppt",
    "pptx",
    "ps",
    "rar",
    "rdf",
    "rpm",
    "rss",
    "svg",
    "swf",
    "tar",
    "tgz",
    "tif",
    "tiff",
    "ts",
    "ttf",
    "txt",
    "wasm",
    "wav",
    "webm",
    "webmanifest",
    "webp",
    "wmv",
    "woff",
    "woff2",
    "xls",
    "xlsx",
    "xml",
    "xz",
    "zip",
    "zst",
];

/// Stands for the agent in a format that does not log it.
const NOT_LOGGED: &[u8] = b"(not logged)";

/// Reads one line of a log of `site`.
#[must_use]
pub fn read(line: &[u8], site: &str) -> Line {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if line.len() > LINE_BYTES_MAX {
        return Line::Refused(Refusal::TooLarge, None);
    }
    if line.iter().all(u8::is_ascii_whitespace) || line.starts_with(b"#") {
        return Line::Empty;
    }
    match fields(line) {
        Some(fields) => arrival(&fields, site),
        None => Line::Refused(Refusal::Malformed, None),
    }
}

struct Fields<'a> {
    address: IpAddr,
    at: Millis,
    request: &'a [u8],
    status: u16,
    referrer: Option<&'a [u8]>,
    agent: Option<&'a [u8]>,
}

fn fields(line: &[u8]) -> Option<Fields<'_>> {
    let mut rest = line;
    let host = until(&mut rest, b' ')?;
    let open = rest.iter().position(|byte| *byte == b'[')?;
    rest = rest.get(open + 1..)?;
    let at = time(until(&mut rest, b']')?)?;
    rest = rest.strip_prefix(b" \"")?;
    let request = quoted(&mut rest)?;
    rest = rest.strip_prefix(b" ")?;
    let status = number(until(&mut rest, b' ')?)?;
    let bytes = until(&mut rest, b' ').unwrap_or(rest);
    if !(bytes == b"-" || bytes.iter().all(u8::is_ascii_digit) && !bytes.is_empty()) {
        return None;
    }
    let (mut referrer, mut agent) = (None, None);
    if let Some(after) = rest.strip_prefix(b"\"") {
        rest = after;
        referrer = Some(quoted(&mut rest)?);
        rest = rest.strip_prefix(b" \"")?;
        agent = Some(quoted(&mut rest)?);
    }
    let address = std::str::from_utf8(host).ok()?.parse().ok()?;
    Some(Fields { address, at, request, status: u16::try_from(status).ok()?, referrer, agent })
}

fn arrival(fields: &Fields<'_>, site: &str) -> Line {
    let refused = |refusal| Line::Refused(refusal, Some(fields.at));
    let mut words = fields.request.split(|byte| *byte == b' ');
    let (Some(method), Some(target)) = (words.next(), words.next()) else { return refused(Refusal::Malformed) };
    if method != b"GET" {
        return refused(Refusal::Method);
    }
    if !(matches!(fields.status, 200..=299) || fields.status == 304) {
        return refused(Refusal::Status);
    }
    if is_static(target) {
        return refused(Refusal::StaticFile);
    }
    let text = |bytes: &[u8]| -> Box<str> { String::from_utf8_lossy(&unescaped(bytes)).into() };
    let present = |bytes: &&[u8]| !bytes.is_empty() && *bytes != b"-";
    // A log without agents is not a log of senders without one: those are robots, and these are unknown.
    let agent = fields.agent.map_or(NOT_LOGGED, |agent| if present(&agent) { agent } else { b"" });
    Line::Arrived(Arrival {
        site: site.into(),
        at: fields.at,
        id: None,
        kind: Kind::Pageview,
        url: text(target),
        referrer: fields.referrer.filter(present).map(text),
        props: Vec::new(),
        revenue: None,
        screen_width: None,
        language: None,
        signals: Signals::default(),
        peer: Peer { address: fields.address, agent: text(agent.get(..AGENT_BYTES_MAX).unwrap_or(agent)) },
    })
}

/// Undoes what Apache and nginx write for bytes that could break a line: `\\xHH`, and a backslash before a quote or another.
/// Anything else behind a backslash stands as it is.
fn unescaped(field: &[u8]) -> Cow<'_, [u8]> {
    if !field.contains(&b'\\') {
        return Cow::Borrowed(field);
    }
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let mut plain = Vec::with_capacity(field.len());
    let mut rest = field;
    loop {
        match rest {
            [b'\\', b'x', high, low, after @ ..] if digit(*high).is_some() && digit(*low).is_some() => {
                plain.push(digit(*high).unwrap_or_default() * 16 + digit(*low).unwrap_or_default());
                rest = after;
            }
            [b'\\', escaped @ (b'"' | b'\\'), after @ ..] => {
                plain.push(*escaped);
                rest = after;
            }
            [byte, after @ ..] => {
                plain.push(*byte);
                rest = after;
            }
            [] => return Cow::Owned(plain),
        }
    }
}

fn is_static(target: &[u8]) -> bool {
    let path = target.split(|byte| matches!(byte, b'?' | b'#')).next().unwrap_or_default();
    let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    let Some(dot) = name.iter().rposition(|byte| *byte == b'.') else { return false };
    let mut ending = [0; 12];
    let Some(found) = name.get(dot + 1..).filter(|found| found.len() <= ending.len()) else { return false };
    let Some(ending) = ending.get_mut(..found.len()) else { return false };
    ending.copy_from_slice(found);
    ending.make_ascii_lowercase();
    std::str::from_utf8(ending).is_ok_and(|ending| STATIC_ENDINGS.binary_search(&ending).is_ok())
}

/// Takes what stands before `end`, and `end` itself, from the front.
fn until<'a>(rest: &mut &'a [u8], end: u8) -> Option<&'a [u8]> {
    let at = rest.iter().position(|byte| *byte == end)?;
    let (taken, after) = rest.split_at_checked(at)?;
    *rest = after.get(1..)?;
    Some(taken)
}

/// Takes a quoted field whose opening quote is already taken. A quote inside is escaped with a backslash.
fn quoted<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let mut escaped = false;
    let end = rest.iter().position(|byte| {
        let ends = *byte == b'"' && !escaped;
        escaped = *byte == b'\\' && !escaped;
        ends
    })?;
    let (taken, after) = rest.split_at_checked(end)?;
    *rest = after.get(1..)?;
    Some(taken)
}

fn number(digits: &[u8]) -> Option<i64> {
    if digits.is_empty() || digits.len() > 9 {
        return None;
    }
    digits.iter().try_fold(0, |sum, digit| digit.is_ascii_digit().then(|| sum * 10 + i64::from(digit - b'0')))
}

/// Reads `17/May/2015:10:05:03 +0000`.
fn time(text: &[u8]) -> Option<Millis> {
    const MONTHS: [&[u8]; 12] =
        [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];
    if text.len() != 26 {
        return None;
    }
    let part = |from: usize, to: usize| text.get(from..to);
    let separators = [(2, b'/'), (6, b'/'), (11, b':'), (14, b':'), (17, b':'), (20, b' ')];
    if separators.iter().any(|(at, wanted)| text.get(*at) != Some(wanted)) {
        return None;
    }
    let (day, year) = (number(part(0, 2)?)?, number(part(7, 11)?)?);
    let month = MONTHS.iter().position(|name| Some(*name) == part(3, 6))? as i64 + 1;
    let (hour, minute, second) = (number(part(12, 14)?)?, number(part(15, 17)?)?, number(part(18, 20)?)?);
    let sign = match text.get(21)? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let offset = sign * (number(part(22, 24)?)? * 60 + number(part(24, 26)?)?);
    if !(1..=days_in(year, month)).contains(&day) || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let seconds = ((days_from_civil(year, month, day) * 24 + hour) * 60 + minute - offset) * 60 + second;
    Some(Millis(seconds * 1_000))
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01 of a Gregorian date: years begin in March, so that the leap day is their last.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days_before_month = (153 * month + 2) / 5;
    365 * year + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + days_before_month + day - 719_469
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(request: &str, status: u16, rest: &str) -> String {
        format!("192.0.2.1 - - [17/May/2015:10:05:03 +0000] \"{request}\" {status} 12{rest}")
    }

    fn refusal(text: &str) -> Option<Refusal> {
        match read(text.as_bytes(), "example.com") {
            Line::Refused(refusal, _) => Some(refusal),
            Line::Arrived(_) | Line::Empty => None,
        }
    }

    #[test]
    fn reads_a_combined_line() {
        let text = line("GET /a?b=c HTTP/1.1", 200, r#" "http://ref.example/x" "Mozi\"lla""#);
        let Line::Arrived(arrival) = read(text.as_bytes(), "example.com") else { panic!("not read") };
        assert_eq!((arrival.at, arrival.url.as_ref()), (Millis(1_431_857_103_000), "/a?b=c"));
        assert_eq!(
            (arrival.referrer.as_deref(), arrival.peer.agent.as_ref()),
            (Some("http://ref.example/x"), "Mozi\"lla")
        );
    }

    #[test]
    fn undoes_what_servers_escape_and_nothing_else() {
        assert_eq!(unescaped(br#"a\x41\"b\\c\n\xZZ"#).as_ref(), br#"aA"b\c\n\xZZ"#);
    }

    #[test]
    fn reads_a_common_line_without_referrer_and_agent() {
        let Line::Arrived(arrival) = read(line("GET / HTTP/1.0", 304, "").as_bytes(), "e.com") else {
            panic!("not read")
        };
        assert_eq!((arrival.referrer, arrival.peer.agent.as_bytes()), (None, NOT_LOGGED));
    }

    #[test]
    fn refuses_what_is_no_page_view() {
        assert_eq!(refusal(&line("POST / HTTP/1.1", 200, "")), Some(Refusal::Method));
        assert_eq!(refusal(&line("GET / HTTP/1.1", 301, "")), Some(Refusal::Status));
        assert_eq!(refusal(&line("GET /logo.PNG?v=1 HTTP/1.1", 200, "")), Some(Refusal::StaticFile));
        assert_eq!(refusal(&line("GET /v1.2/page HTTP/1.1", 200, "")), None);
    }

    #[test]
    fn refuses_malformed_lines() {
        let cut = line("GET / HTTP/1.1", 200, r#" "-" "Mozilla"#);
        for text in ["x", &cut, "192.0.2.1 - - [17/Mai/2015:10:05:03 +0000] \"GET / HTTP/1.1\" 200 1"] {
            assert_eq!(refusal(text), Some(Refusal::Malformed), "{text}");
        }
    }

    #[test]
    fn reads_times_across_offsets_and_leap_days() {
        assert_eq!(time(b"01/Jan/1970:09:00:00 +0900"), Some(Millis(0)));
        assert_eq!(time(b"29/Feb/2024:00:00:00 +0000"), Some(Millis(1_709_164_800_000)));
        assert_eq!(time(b"29/Feb/2023:00:00:00 +0000"), None);
        assert_eq!(time(b"31/Dec/2025:23:59:59 -0130"), Some(Millis(1_767_231_000_000 - 1_000)));
    }

    #[test]
    fn endings_are_sorted_for_the_search() {
        assert!(STATIC_ENDINGS.is_sorted());
    }
}
