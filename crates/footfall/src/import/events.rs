//! A line of an events file: an Events API object that also says when, from where, and with which headers it came.

use std::collections::BTreeMap;
use std::net::IpAddr;

use collector::{Event, HeaderWords};
use model::limits::AGENT_BYTES_MAX;
use model::{Millis, Peer, Refusal, TcfPolicy};
use processor::import::Line;
use serde::Deserialize;

/// What a line says beside the event.
#[derive(Deserialize)]
struct Envelope {
    timestamp: String,
    ip: IpAddr,
    #[serde(default)]
    user_agent: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
}

/// Reads one line of a file of `site`, consent strings by the site's policy. An event that names other sites only is refused:
/// the file is for this one.
pub fn read(line: &[u8], site: &str, policy: TcfPolicy) -> Line {
    if line.iter().all(u8::is_ascii_whitespace) {
        return Line::Empty;
    }
    let Ok(envelope) = serde_json::from_slice::<Envelope>(line) else {
        return Line::Refused(Refusal::Malformed, None);
    };
    let Ok(timestamp) = envelope.timestamp.parse::<jiff::Timestamp>() else {
        return Line::Refused(Refusal::Malformed, None);
    };
    let at = Millis(timestamp.as_millisecond());
    let events = match collector::body::read(line) {
        Ok(events) => events,
        Err(refused) => return Line::Refused(refused.refusal, Some(at)),
    };
    let meant = |event: &Event| event.site().eq_ignore_ascii_case(site);
    let event = match events.into_iter().find(|event| event.as_ref().map_or(true, meant)) {
        Some(Ok(event)) => event,
        Some(Err(refused)) => return Line::Refused(refused.refusal, Some(at)),
        None => return Line::Refused(Refusal::UnknownSite, Some(at)),
    };
    let headers = headers(&envelope.headers);
    let end = envelope.user_agent.floor_char_boundary(AGENT_BYTES_MAX);
    let agent = envelope.user_agent.get(..end).unwrap_or_default().into();
    let peer = Peer { address: envelope.ip, agent };
    Line::Arrived(event.arrival_under(policy, at, HeaderWords::read(&headers), peer))
}

fn headers(given: &BTreeMap<String, String>) -> http::HeaderMap {
    let pairs = given.iter().filter_map(|(name, value)| {
        Some((http::HeaderName::try_from(name).ok()?, http::HeaderValue::try_from(value).ok()?))
    });
    pairs.collect()
}

#[cfg(test)]
mod tests {
    use model::{Kind, Signals};

    use super::*;

    const LINE: &str = r#"{"name":"pageview","url":"https://e.com/a","domain":"e.com","timestamp":"2026-01-02T03:04:05Z","ip":"192.0.2.1","user_agent":"Mozilla/5.0","headers":{"Sec-GPC":"1"}}"#;

    #[test]
    fn reads_when_from_where_and_with_which_headers() {
        let Line::Arrived(arrival) = read(LINE.as_bytes(), "e.com", TcfPolicy::default()) else { panic!("not read") };
        assert_eq!((arrival.at, &arrival.kind), (Millis(1_767_323_045_000), &Kind::Pageview));
        assert!(arrival.signals.has(Signals::GPC));
    }

    #[test]
    fn refuses_a_line_of_another_site_and_one_without_a_time() {
        assert!(matches!(
            read(LINE.as_bytes(), "f.com", TcfPolicy::default()),
            Line::Refused(Refusal::UnknownSite, Some(_))
        ));
        let timeless = LINE.replace("timestamp", "when");
        assert!(matches!(
            read(timeless.as_bytes(), "e.com", TcfPolicy::default()),
            Line::Refused(Refusal::Malformed, None)
        ));
    }

    #[test]
    fn reads_consent_strings_by_the_sites_policy_and_the_lines_time() {
        // Of 3 June 2025, with consent to purpose 8 and without a word of the publisher's own.
        const PURPOSE_8: &str = "CQSbk4AQSbk4ANwABAENAwEgAAEAAAAAAAYgAAAAAAAA";
        let line = LINE.replace("\"headers\"", &format!("\"tcf\":\"{PURPOSE_8}\",\"headers\""));
        let signals = |line: &str, purposes_speak| {
            let policy = TcfPolicy { purposes_speak, ..TcfPolicy::default() };
            let Line::Arrived(arrival) = read(line.as_bytes(), "e.com", policy) else { panic!("not read") };
            arrival.signals
        };
        assert_eq!(signals(&line, false), Signals::GPC.with(Signals::UNCLEAR));
        assert_eq!(signals(&line, true), Signals::GPC.with(Signals::TCF_GRANTED));
        let later = line.replace("2026-01-02", "2026-08-02");
        assert_eq!(signals(&later, true), Signals::GPC.with(Signals::UNCLEAR), "fourteen months old");
    }
}
