//! Demo traffic: seeded visits of an imagined site, as history (an events file) or live against a running server.
//!
//! It is generated and says so; nothing here reaches the counts but through the same doors as real traffic.

mod live;
mod random;
mod visits;
mod world;

use std::collections::BTreeMap;
use std::io::{BufWriter, Write};
use std::net::Ipv4Addr;

use clap::Args;
use model::Millis;
use serde::Serialize;

use crate::config::Common;
use crate::failure::Failure;
use crate::output;
use visits::{Hit, Visitor, Visits};

/// `footfall demo-traffic`.
#[derive(Args)]
pub struct DemoTraffic {
    #[command(flatten)]
    pub common: Common,
    /// The site the traffic is for
    #[arg(long, value_name = "DOMAIN", default_value = "demo.example")]
    pub site: String,
    /// Days of history, ending now
    #[arg(long, value_name = "N", default_value_t = 90, value_parser = clap::value_parser!(u32).range(1..=3660))]
    pub days: u32,
    /// Page views on an average day
    #[arg(long, value_name = "N", default_value_t = 3_000)]
    pub per_day: u32,
    /// The same seed and end make the same traffic
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// When the history ends (RFC 3339) [default: now]
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
    /// Send live hits to this server instead of printing history
    #[arg(long, value_name = "URL")]
    pub live: Option<String>,
    /// Live hits a second
    #[arg(long, value_name = "N", default_value_t = 0.5)]
    pub rate: f64,
    /// How long to send live hits, in seconds [default: until stopped]
    #[arg(long, value_name = "N")]
    pub seconds: Option<u64>,
}

/// Milliseconds of a day.
const DAY_MS: i64 = 86_400_000;

/// `footfall demo-traffic`.
pub fn run(asked: &DemoTraffic) -> Result<(), Failure> {
    let now = crate::clock::system().now();
    if let Some(url) = &asked.live {
        return Ok(live::run(asked, url, now)?);
    }
    let until = match &asked.until {
        None => now,
        Some(text) => {
            let read = text.parse::<jiff::Timestamp>().map(|time| Millis(time.as_millisecond()));
            read.map_err(|_| Failure::Usage(format!("--until: `{text}` is not a time such as 2026-01-31T00:00:00Z")))?
        }
    };
    output::written(history(asked, until, &mut BufWriter::new(std::io::stdout().lock())))
}

/// Writes the days before `until`, each in order of time. A day's traffic depends on the seed and the day alone.
fn history(asked: &DemoTraffic, until: Millis, out: &mut dyn Write) -> std::io::Result<()> {
    let last = until.0.div_euclid(DAY_MS);
    for day in last - i64::from(asked.days)..=last {
        let mut hits: Vec<Hit> = Visits::of_day(asked.seed, day, asked.per_day).flatten().collect();
        hits.retain(|hit| hit.at <= until);
        hits.sort_by_key(|hit| hit.at);
        for hit in hits {
            serde_json::to_writer(&mut *out, &Event::of(&hit, &asked.site).with_envelope(&hit))?;
            out.write_all(b"\n")?;
        }
    }
    out.flush()
}

/// A hit as an Events API object; with `envelope`, as a line of an events file.
#[derive(Serialize)]
struct Event<'a> {
    name: &'a str,
    url: String,
    domain: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    referrer: Option<&'a str>,
    screen_width: u16,
    lang: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    props: Option<BTreeMap<&'a str, &'a str>>,
    #[serde(rename = "e", skip_serializing_if = "Option::is_none")]
    engaged_ms: Option<u32>,
    #[serde(rename = "sd", skip_serializing_if = "Option::is_none")]
    scroll_percent: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    vitals: Option<visits::Vitals>,
    #[serde(flatten)]
    envelope: Option<Envelope<'a>>,
}

/// When and from whom, as an events file says it.
#[derive(Serialize)]
struct Envelope<'a> {
    timestamp: String,
    ip: Ipv4Addr,
    user_agent: &'a str,
}

impl<'a> Event<'a> {
    fn of(hit: &Hit, site: &'a str) -> Self {
        Self {
            name: hit.name,
            url: format!("https://{site}{}", hit.target),
            domain: site,
            referrer: hit.referrer,
            screen_width: hit.visitor.screen_width,
            lang: hit.visitor.language,
            props: hit.prop.map(|prop| BTreeMap::from([prop])),
            engaged_ms: hit.engagement.map(|(engaged_ms, _)| engaged_ms),
            scroll_percent: hit.engagement.map(|(_, scroll_percent)| scroll_percent),
            vitals: hit.vitals,
            envelope: None,
        }
    }

    fn with_envelope(self, hit: &Hit) -> Self {
        let timestamp = jiff::Timestamp::from_millisecond(hit.at.0).map(|time| time.to_string()).unwrap_or_default();
        let Visitor { address: ip, agent: user_agent, .. } = hit.visitor;
        Self { envelope: Some(Envelope { timestamp, ip, user_agent }), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(seed: u64, days: u32) -> String {
        let asked = DemoTraffic {
            common: Common::default(),
            site: "demo.example".to_owned(),
            days,
            per_day: 500,
            seed,
            until: None,
            live: None,
            rate: 1.0,
            seconds: None,
        };
        let mut out = Vec::new();
        history(&asked, Millis(20_000 * DAY_MS - 1), &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_same_seed_makes_the_same_traffic_and_another_seed_another() {
        assert_eq!(written(7, 2), written(7, 2));
        assert_ne!(written(7, 2), written(8, 2));
    }

    #[test]
    fn an_average_day_has_about_the_page_views_asked_for() {
        let pageviews = written(1, 28).lines().filter(|line| line.contains("\"name\":\"pageview\"")).count();
        assert!((28 * 350..28 * 700).contains(&pageviews), "{pageviews}");
    }

    #[test]
    fn hits_are_in_order_and_robots_are_among_them() {
        let text = written(3, 3);
        let times: Vec<String> = text
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["timestamp"].to_string())
            .collect();
        assert!(!times.is_empty() && text.contains("Googlebot"));
        assert!(times.windows(2).all(|pair| pair[0][..11] <= pair[1][..11]));
    }
}
