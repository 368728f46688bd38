//! What is held of the browser that asks, as data: the answer to `GET /privacy/me`. Made for this one answer, kept nowhere.
//!
//! Times are by the hour and pages in order: what was counted, no more. Who shares address and browser with the one who asks
//! shares the answer, and it says so.

use std::net::IpAddr;

use fold::rights::{HeldDay, HeldHit, HeldVisit, HeldWhat};
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};
use model::{AddressPrecision, Dimension, LocalDay, Millis, Mode, Site};
use serde_json::{Map, Value, json};

/// Everything the answer is made of.
pub(super) struct Held<'a> {
    pub(super) site: &'a Site,
    pub(super) asked_at: Millis,
    /// What applies to this browser now.
    pub(super) mode: Mode,
    /// The address as this site's hits keep it.
    /// Address, as this site's hits keep it, and user agent, where they rest sealed.
    pub(super) sealed: Option<(IpAddr, &'a str)>,
    /// Nothing where the visitor cannot be told from others.
    pub(super) days: Option<&'a [HeldDay]>,
}

const OTHERS: &str = "found by the address and the browser you ask with: whoever shares both with you counts as one visitor with you, and this may be theirs";
const NEIGHBOURS: &str = "found by the network of your address and the browser you ask with: this site keeps no more of an address, so that neighbours with the same browser count as one visitor with you; what was viewed is therefore not shown, only how much";
const SEALED: &str = "your hits of the last 27 hours rest encrypted, with this address and user agent in them (cut as shown), until the key of their hour is destroyed; they cannot be listed by person";
const COUNTS: &str = "counts of days that have ended stay; nothing in them can be tied to you any more";

impl Held<'_> {
    /// The days, if they can be told.
    pub(super) fn days(&self) -> &[HeldDay] {
        self.days.unwrap_or_default()
    }

    /// Whether the visits may be shown: where neighbours share them, only how many there were.
    pub(super) fn shows_visits(&self) -> bool {
        self.site.address == AddressPrecision::Full
    }

    /// What is said in one sentence.
    pub(super) fn says(&self) -> &'static str {
        match (self.days().iter().any(|day| !day.visits.is_empty()), self.mode) {
            (false, Mode::Exempt | Mode::Full) if self.days.is_none() => {
                "you cannot be told from other visitors here, because no address of yours is known; so nothing can be shown to you or erased for you"
            }
            (true, _) => "this is what is held of your visits while their day is open",
            (false, Mode::Off) => "nothing is held of you: your visits are not measured",
            (false, Mode::Minimal) => {
                "nothing is held of you: your page views are counted without telling you from anybody else"
            }
            (false, Mode::Exempt | Mode::Full) => "nothing is held of you now: no visit of today is known",
        }
    }

    pub(super) fn json(&self, browser: &Value) -> Value {
        json!({
            "site": self.site.domain.as_str(),
            "asked_at": instant(self.asked_at),
            "says": self.says(),
            "browser": browser,
            "held": self.days().iter().map(|held| self.day(held)).collect::<Vec<_>>(),
            "sealed": self.sealed.map(|(address, agent)| json!({
                "address": address.to_string(), "user_agent": agent, "says": SEALED,
            })),
            "counts": { "kept_days": self.site.retention_days, "says": COUNTS },
            "others": if self.shows_visits() { OTHERS } else { NEIGHBOURS },
            "rights": {
                "erase": format!("POST /privacy/erase?d={}", self.site.domain),
                "restrict": format!("POST /privacy/restrict?d={}", self.site.domain),
                "object": format!("POST /privacy/optout?d={}", self.site.domain),
            },
        })
    }

    fn day(&self, held: &HeldDay) -> Value {
        let mut told = day(held);
        if !self.shows_visits()
            && let Some(told) = told.as_object_mut()
        {
            told.remove("visits");
        }
        told
    }
}

fn day(held: &HeldDay) -> Value {
    let hits = || held.visits.iter().flat_map(|visit| &visit.hits);
    let events = hits().filter(|hit| matches!(hit.what, HeldWhat::Event { .. })).count();
    json!({
        "day": date(held.day),
        "forgotten_at": instant(held.forgotten_at),
        "restricted": held.restricted,
        "page_views": hits().filter(|hit| hit.what == HeldWhat::Pageview).count(),
        "events": events,
        "read_from_your_browser": words(&held.visitor),
        "visits": held.visits.iter().map(visit).collect::<Vec<_>>(),
    })
}

fn visit(visit: &HeldVisit) -> Value {
    json!({ "came_by": words(&visit.came_by), "hits": visit.hits.iter().map(hit).collect::<Vec<_>>() })
}

fn hit(hit: &HeldHit) -> Value {
    let mut told = json!({ "hour": hit.hour, "page": hit.page });
    let more = match &hit.what {
        HeldWhat::Pageview => json!({ "what": "page view" }),
        HeldWhat::Event { name, properties, revenue_micros: 0 } => {
            json!({ "what": "event", "name": name, "properties": properties })
        }
        HeldWhat::Event { name, properties, revenue_micros } => {
            let revenue = *revenue_micros as f64 / 1e6;
            json!({ "what": "event", "name": name, "properties": properties, "revenue": revenue })
        }
        HeldWhat::Attention { engaged_ms, scroll_percent, vitals } => json!({
            "what": "attention", "seconds": f64::from(*engaged_ms) / 1e3, "scroll_percent": scroll_percent,
            "measured": vitals,
        }),
    };
    if let (Some(told), Value::Object(more)) = (told.as_object_mut(), more) {
        told.extend(more);
    }
    told
}

fn words(said: &[(Dimension, Box<str>)]) -> Map<String, Value> {
    said.iter().map(|(dimension, value)| (dimension.as_str().to_owned(), json!(value))).collect()
}

/// A local day as a calendar writes it.
pub(super) fn date(day: LocalDay) -> String {
    let date = Date::constant(1970, 1, 1).checked_add(i64::from(day.0).days());
    date.map_or_else(|_| String::new(), |date| date.to_string())
}

pub(super) fn instant(at: Millis) -> String {
    Timestamp::from_millisecond(at.0.div_euclid(1_000) * 1_000).map_or_else(|_| String::new(), |at| at.to_string())
}
