//! The record format: what a collector seals and a processor opens. One version byte, then postcard.
//!
//! Old versions stay readable for as long as a record can live (27 hours), so that an upgrade may happen at any time.
//! This is the only place that writes a [`Peer`], and what it writes exists only to be sealed.

use std::borrow::Cow;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::ledger::{BotClass, Outcome, Refusal};
use crate::{Campaign, Domain, Hit, Kind, Millis, Mode, Peer, Referrer, Revenue, Signals};

const VERSION: u8 = 1;

/// What a record holds.
#[derive(Debug, PartialEq, Eq)]
pub enum Record {
    /// One admitted hit.
    Hit(Box<Hit>),
    /// How often a collector turned hits away: no hit rests behind it.
    Tally(Tally),
}

/// Hits of one site and minute that a collector refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tally {
    /// The site; a hit of an unknown site is in metrics only.
    pub site: Domain,
    /// Minutes since the epoch.
    pub minute: i64,
    /// Why.
    pub refusal: Refusal,
    /// How many.
    pub hits: u64,
}

/// Why bytes are not a record.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum RecordError {
    /// Written by a newer version.
    #[error("record version {0} is newer than this program reads")]
    Version(u8),
    /// Not a record.
    #[error("not a record: {0}")]
    Malformed(&'static str),
}

#[derive(Serialize, Deserialize)]
#[expect(
    clippy::large_enum_variant,
    reason = "nearly every record is a hit, and none of these lives longer than a call"
)]
enum Wire<'a> {
    #[serde(borrow)]
    Hit(HitWire<'a>),
    Tally {
        site: Cow<'a, str>,
        minute: i64,
        refusal: u8,
        hits: u64,
    },
}

#[derive(Serialize, Deserialize)]
struct HitWire<'a> {
    site: Cow<'a, str>,
    at: Millis,
    id: Option<u64>,
    mode: u8,
    signals: Signals,
    kind: Cow<'a, Kind>,
    host: Cow<'a, str>,
    path: Cow<'a, str>,
    campaign: Cow<'a, Campaign>,
    referrer: Option<Cow<'a, Referrer>>,
    props: Cow<'a, [(Box<str>, Box<str>)]>,
    revenue: Option<Cow<'a, Revenue>>,
    screen_width: Option<u16>,
    language: Option<Cow<'a, str>>,
    peer: Option<(IpAddr, Cow<'a, str>)>,
}

impl Record {
    /// Writes the record.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let wire = match self {
            Self::Hit(hit) => Wire::Hit(HitWire::from(hit.as_ref())),
            Self::Tally(tally) => Wire::Tally {
                site: tally.site.as_str().into(),
                minute: tally.minute,
                refusal: refusal_number(tally.refusal),
                hits: tally.hits,
            },
        };
        postcard::to_extend(&wire, vec![VERSION]).expect("writing to memory cannot fail, and every type here is sized")
    }

    /// Reads a record.
    ///
    /// # Errors
    /// A newer version, or bytes that are no record. Bytes that opened under a sealing key are one or the other only if
    /// the sender was another version.
    pub fn decode(bytes: &[u8]) -> Result<Self, RecordError> {
        let (&version, body) = bytes.split_first().ok_or(RecordError::Malformed("empty"))?;
        if version != VERSION {
            return Err(RecordError::Version(version));
        }
        let wire = postcard::from_bytes(body).map_err(|_| RecordError::Malformed("body"))?;
        match wire {
            Wire::Hit(hit) => Ok(Self::Hit(Box::new(hit.try_into()?))),
            Wire::Tally { site, minute, refusal, hits } => Ok(Self::Tally(Tally {
                site: domain(&site)?,
                minute,
                refusal: refusal_of(refusal).ok_or(RecordError::Malformed("refusal"))?,
                hits,
            })),
        }
    }
}

impl<'a> From<&'a Hit> for HitWire<'a> {
    fn from(hit: &'a Hit) -> Self {
        Self {
            site: hit.site.as_str().into(),
            at: hit.at,
            id: hit.id,
            mode: hit.mode as u8,
            signals: hit.signals,
            kind: Cow::Borrowed(&hit.kind),
            host: hit.host.as_ref().into(),
            path: hit.path.as_ref().into(),
            campaign: Cow::Borrowed(&hit.campaign),
            referrer: hit.referrer.as_ref().map(Cow::Borrowed),
            props: Cow::Borrowed(&hit.props),
            revenue: hit.revenue.as_ref().map(Cow::Borrowed),
            screen_width: hit.screen_width,
            language: hit.language.as_deref().map(Cow::Borrowed),
            peer: hit.peer.as_ref().map(|peer| (peer.address, peer.agent.as_ref().into())),
        }
    }
}

impl TryFrom<HitWire<'_>> for Hit {
    type Error = RecordError;

    fn try_from(wire: HitWire<'_>) -> Result<Self, RecordError> {
        let mode = match wire.mode {
            1 => Mode::Minimal,
            2 => Mode::Exempt,
            3 => Mode::Full,
            _ => return Err(RecordError::Malformed("mode")),
        };
        Ok(Self {
            site: domain(&wire.site)?,
            at: wire.at,
            id: wire.id,
            mode,
            signals: wire.signals,
            kind: wire.kind.into_owned(),
            host: wire.host.into(),
            path: wire.path.into(),
            campaign: wire.campaign.into_owned(),
            referrer: wire.referrer.map(Cow::into_owned),
            props: wire.props.into_owned(),
            revenue: wire.revenue.map(Cow::into_owned),
            screen_width: wire.screen_width,
            language: wire.language.map(Into::into),
            peer: wire.peer.map(|(address, agent)| Peer { address, agent: agent.into() }),
        })
    }
}

fn domain(text: &str) -> Result<Domain, RecordError> {
    Domain::parse(text).map_err(|_| RecordError::Malformed("site"))
}

/// The numbers are on disk: add at the end, never renumber.
const REFUSALS: [Refusal; 15] = [
    Refusal::UnknownSite,
    Refusal::Malformed,
    Refusal::TooLarge,
    Refusal::Bot(BotClass::Declared),
    Refusal::Bot(BotClass::Automation),
    Refusal::Bot(BotClass::Library),
    Refusal::Bot(BotClass::Nameless),
    Refusal::RateLimited,
    Refusal::OptedOut,
    Refusal::Off,
    Refusal::Duplicate,
    Refusal::Late,
    Refusal::StaticFile,
    Refusal::Method,
    Refusal::Status,
];

fn refusal_number(refusal: Refusal) -> u8 {
    let number = REFUSALS.iter().position(|known| *known == refusal).expect("every refusal has a number (tested)");
    u8::try_from(number).expect("fewer than 256 refusals")
}

fn refusal_of(number: u8) -> Option<Refusal> {
    REFUSALS.get(usize::from(number)).copied()
}

impl Tally {
    /// The ledger's outcome of these hits.
    #[must_use]
    pub const fn outcome(&self) -> Outcome {
        Outcome::Refused(self.refusal)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Engagement;

    fn hit() -> Hit {
        Hit {
            site: Domain::parse("example.com").unwrap(),
            at: Millis(1_800_000_000_123),
            id: Some(7),
            mode: Mode::Full,
            signals: Signals::GPC.with(Signals::GRANTED),
            kind: Kind::Event { name: "Signup".into(), interactive: true },
            host: "example.com".into(),
            path: "/a/b".into(),
            campaign: Campaign { source: Some("news".into()), click_id: Some("gclid".into()), ..Campaign::default() },
            referrer: Some(Referrer { host: "example.org".into(), path: "/x".into() }),
            props: vec![("plan".into(), "pro".into())],
            revenue: Some(Revenue { currency: *b"EUR", micros: 12_340_000 }),
            screen_width: Some(1280),
            language: Some("ja".into()),
            peer: Some(Peer { address: "2001:db8::1".parse().unwrap(), agent: "Mozilla/5.0".into() }),
        }
    }

    #[test]
    fn a_hit_comes_back_as_it_was() {
        let record = Record::Hit(Box::new(hit()));
        assert_eq!(Record::decode(&record.encode()), Ok(record));
        let engaged = Kind::Engagement(Engagement { engaged_ms: 5, scroll_percent: Some(80) });
        let record = Record::Hit(Box::new(Hit { mode: Mode::Minimal, peer: None, kind: engaged, ..hit() }));
        assert_eq!(Record::decode(&record.encode()), Ok(record));
    }

    #[test]
    fn a_tally_of_every_refusal_comes_back_as_it_was() {
        for refusal in REFUSALS {
            let site = Domain::parse("example.com").unwrap();
            let record = Record::Tally(Tally { site, minute: 29, refusal, hits: 3 });
            assert_eq!(Record::decode(&record.encode()), Ok(record));
        }
    }

    #[test]
    fn a_newer_version_is_named() {
        assert_eq!(Record::decode(&[9, 1, 2]), Err(RecordError::Version(9)));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            let _ = Record::decode(&bytes);
            let _ = Record::decode(&[&[VERSION], bytes.as_slice()].concat());
        }
    }
}
