//! A hit at its two stations: [`Arrival`], as a door understood it, and [`Hit`], as it was admitted. What the fold makes of
//! it afterwards carries no [`Peer`] and lives in `fold`.

use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::{Domain, Millis, Mode, Signals, Vitals};

/// Who sent a hit: an address and a user agent. Personal data with a one-way door: it is moved, not copied; it has no
/// `Clone`, no `Display`, no `Serialize`, and its `Debug` shows nothing. Only the record format writes it, to be sealed.
#[derive(PartialEq, Eq)]
pub struct Peer {
    /// The address, after trusted proxies.
    pub address: IpAddr,
    /// The `User-Agent` header, cut to [`crate::limits::AGENT_BYTES_MAX`].
    pub agent: Box<str>,
}

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Peer(hidden)")
    }
}

/// What kind of thing happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// A page was viewed (`pageview`).
    Pageview,
    /// A custom event.
    Event {
        /// Its name.
        name: Box<str>,
        /// Whether it counts as an interaction: if not, a visit of one page view and this event is still a bounce.
        interactive: bool,
    },
    /// A report of attention to the page (`engagement`): not an event of its own, and it never lengthens a visit.
    Engagement(Engagement),
}

/// Attention since the last report from the same page view.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Engagement {
    /// Time the page was visible and focused, in milliseconds.
    pub engaged_ms: u32,
    /// Deepest scroll so far, in percent of the page's height, 0 to 100.
    pub scroll_percent: Option<u8>,
    /// How the page felt to load and use, once a page view. Not part of the record's first form (`record`).
    #[serde(skip)]
    pub vitals: Vitals,
}

/// Money that an event brought.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revenue {
    /// ISO 4217 code, three upper-case letters.
    pub currency: [u8; 3],
    /// The amount in millionths of the currency's unit.
    pub micros: i64,
}

/// The campaign fields of a page's URL. A click id is kept by its parameter's name only, never its value.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Campaign {
    /// `utm_source` (or `source`, `ref`).
    pub source: Option<Box<str>>,
    /// `utm_medium`.
    pub medium: Option<Box<str>>,
    /// `utm_campaign`.
    pub name: Option<Box<str>>,
    /// `utm_term`.
    pub term: Option<Box<str>>,
    /// `utm_content`.
    pub content: Option<Box<str>>,
    /// Name of a click-id parameter that was present, such as `gclid`.
    pub click_id: Option<Box<str>>,
}

/// Where a visitor came from, without scheme, query or fragment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Referrer {
    /// Lower-case host, without `www.`.
    pub host: Box<str>,
    /// Path, starting with `/`.
    pub path: Box<str>,
}

/// A hit as a door (beacon, clear GIF, log line, events file) understood it: nothing is decided, nothing is stripped yet.
/// It never rests anywhere.
#[derive(Debug)]
pub struct Arrival {
    /// The site it names; not yet looked up.
    pub site: Box<str>,
    /// When it was received (or the log line's time).
    pub at: Millis,
    /// Chosen by the sender for this hit alone, so that a second send of the same hit is known.
    pub id: Option<u64>,
    /// What happened.
    pub kind: Kind,
    /// The page's URL as sent: absolute, or a path when the door knows no host.
    pub url: Box<str>,
    /// The referrer's URL as sent.
    pub referrer: Option<Box<str>>,
    /// Custom properties.
    pub props: Vec<(Box<str>, Box<str>)>,
    /// Money the event brought.
    pub revenue: Option<Revenue>,
    /// Width of the browser's window in CSS pixels.
    pub screen_width: Option<u16>,
    /// The browser's preferred language tag.
    pub language: Option<Box<str>>,
    /// What was said about being measured.
    pub signals: Signals,
    /// Who sent it.
    pub peer: Peer,
}

/// A hit that was admitted: its mode is decided, and what the mode does not allow is already gone. This is what is sealed.
#[derive(Debug, PartialEq, Eq)]
pub struct Hit {
    /// Its site.
    pub site: Domain,
    /// When it was received.
    pub at: Millis,
    /// See [`Arrival::id`].
    pub id: Option<u64>,
    /// What may be computed about it; never [`Mode::Off`].
    pub mode: Mode,
    /// The signals that led to the mode.
    pub signals: Signals,
    /// What happened.
    pub kind: Kind,
    /// The page's lower-case host, without `www.`; empty when the door knew none.
    pub host: Box<str>,
    /// The page's path, starting with `/`, without query and fragment.
    pub path: Box<str>,
    /// The campaign fields of the page's URL.
    pub campaign: Campaign,
    /// Where the visitor came from, if from another site.
    pub referrer: Option<Referrer>,
    /// Custom properties.
    pub props: Vec<(Box<str>, Box<str>)>,
    /// Money the event brought.
    pub revenue: Option<Revenue>,
    /// Width of the browser's window in CSS pixels.
    pub screen_width: Option<u16>,
    /// The browser's preferred language tag, lower case.
    pub language: Option<Box<str>>,
    /// Who sent it; absent in [`Mode::Minimal`].
    pub peer: Option<Peer>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_does_not_show_itself() {
        let peer = Peer { address: "192.0.2.77".parse().unwrap(), agent: "Mozilla/5.0 secret".into() };
        assert_eq!(format!("{peer:?}"), "Peer(hidden)");
    }
}
