//! The record format: what a collector seals and a processor opens. One version byte, then postcard.
//!
//! Old versions stay readable for as long as a record can live (27 hours), so that an upgrade may happen at any time; what
//! an old program cannot read carries a version it does not know. This is the only place that writes a [`Peer`], and what it
//! writes exists only to be sealed.

use std::borrow::Cow;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::ledger::{BotClass, Outcome, Refusal};
use crate::{
    Campaign, Domain, Hit, Inquiry, Kind, Millis, Mode, Peer, Referrer, Revenue, Right, RightsRequest, Signals, Vitals,
};

/// One hit, or a tally.
const VERSION_1: u8 = 1;
/// Several hits, or a visitor's request.
const VERSION_2: u8 = 2;
/// A visitor's question.
const VERSION_3: u8 = 3;
/// Hits of which one tells web vitals.
const VERSION_4: u8 = 4;

/// What a record holds.
#[derive(Debug, PartialEq, Eq)]
pub enum Record {
    /// The admitted hits of one request (one, nearly always), so that they are kept together or not at all.
    Hits(Vec<Hit>),
    /// How often a collector turned hits away: no hit rests behind it.
    Tally(Tally),
    /// What a visitor asks for.
    Rights(RightsRequest),
    /// What a visitor wants to know.
    Inquiry(Inquiry),
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
    Hit(HitWire<'a, Sender<'a>>),
    Tally {
        site: Cow<'a, str>,
        minute: i64,
        refusal: u8,
        hits: u64,
    },
    /// Senders stand once, and hits name them by number: a thousand hits repeat no user agent.
    Hits(#[serde(borrow)] Vec<Sender<'a>>, #[serde(borrow)] Vec<HitWire<'a, u16>>),
    Rights(#[serde(borrow)] Cow<'a, str>, Millis, Right, #[serde(borrow)] Sender<'a>),
    Inquiry(#[serde(borrow)] Cow<'a, str>, Millis, #[serde(borrow)] Sender<'a>, u64, [u8; 32]),
    /// As `Hits`, and beside them what the hits of these numbers measured.
    Measured(#[serde(borrow)] Vec<Sender<'a>>, #[serde(borrow)] Vec<HitWire<'a, u16>>, Vec<(u16, Vitals)>),
}

/// A [`Peer`] on its way into or out of a seal.
type Sender<'a> = (IpAddr, Cow<'a, str>);

/// A hit that names its sender by `P`.
#[derive(Serialize, Deserialize)]
struct HitWire<'a, P> {
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
    peer: Option<P>,
}

impl Record {
    /// Writes the record.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let (version, wire) = match self {
            Self::Hits(hits) => match hits.as_slice() {
                hits if hits.iter().any(|hit| !vitals_of(hit).is_empty()) => (VERSION_4, measured(hits)),
                [hit] => (VERSION_1, Wire::Hit(HitWire::of(hit, hit.peer.as_ref().map(sender)))),
                hits => {
                    let (senders, wires) = several(hits);
                    (VERSION_2, Wire::Hits(senders, wires))
                }
            },
            Self::Tally(tally) => {
                let Tally { site, minute, refusal, hits } = tally;
                let (site, refusal) = (site.as_str().into(), refusal_number(*refusal));
                (VERSION_1, Wire::Tally { site, minute: *minute, refusal, hits: *hits })
            }
            Self::Rights(RightsRequest { site, at, right, peer }) => {
                (VERSION_2, Wire::Rights(site.as_str().into(), *at, *right, sender(peer)))
            }
            Self::Inquiry(Inquiry { site, at, peer, number, key }) => {
                (VERSION_3, Wire::Inquiry(site.as_str().into(), *at, sender(peer), *number, *key))
            }
        };
        postcard::to_extend(&wire, vec![version]).expect("writing to memory cannot fail, and every type here is sized")
    }

    /// Reads a record.
    ///
    /// # Errors
    /// A newer version, or bytes that are no record. Bytes that opened under a sealing key are one or the other only if
    /// the sender was another version.
    pub fn decode(bytes: &[u8]) -> Result<Self, RecordError> {
        let (&version, body) = bytes.split_first().ok_or(RecordError::Malformed("empty"))?;
        match version {
            VERSION_1..=VERSION_4 => {}
            0 => return Err(RecordError::Malformed("version")),
            newer => return Err(RecordError::Version(newer)),
        }
        let wire = postcard::from_bytes(body).map_err(|_| RecordError::Malformed("body"))?;
        Ok(match wire {
            Wire::Hit(wire) => Self::Hits(vec![wire.hit(|sender| Ok(peer(sender)))?]),
            Wire::Tally { site, minute, refusal, hits } => Self::Tally(Tally {
                site: domain(&site)?,
                minute,
                refusal: refusal_of(refusal).ok_or(RecordError::Malformed("refusal"))?,
                hits,
            }),
            Wire::Hits(senders, hits) => Self::Hits(all_of(&senders, hits)?),
            Wire::Measured(senders, hits, vitals) => {
                let mut hits = all_of(&senders, hits)?;
                for (number, vitals) in vitals {
                    match hits.get_mut(usize::from(number)).map(|hit| &mut hit.kind) {
                        Some(Kind::Engagement(engagement)) => engagement.vitals = vitals,
                        Some(Kind::Pageview | Kind::Event { .. }) | None => {
                            return Err(RecordError::Malformed("vitals"));
                        }
                    }
                }
                Self::Hits(hits)
            }
            Wire::Rights(site, at, right, sender) => {
                Self::Rights(RightsRequest { site: domain(&site)?, at, right, peer: peer(sender) })
            }
            Wire::Inquiry(site, at, sender, number, key) => {
                Self::Inquiry(Inquiry { site: domain(&site)?, at, peer: peer(sender), number, key })
            }
        })
    }
}

/// What a hit measured; nothing of a page view or an event.
fn vitals_of(hit: &Hit) -> Vitals {
    match &hit.kind {
        Kind::Engagement(engagement) => engagement.vitals,
        Kind::Pageview | Kind::Event { .. } => Vitals::default(),
    }
}

fn measured(hits: &[Hit]) -> Wire<'_> {
    let (senders, wires) = several(hits);
    let told = (0..).zip(hits).map(|(number, hit)| (number, vitals_of(hit)));
    Wire::Measured(senders, wires, told.filter(|(_, vitals)| !vitals.is_empty()).collect())
}

/// The hits of a record, each with the sender of its number.
fn all_of(senders: &[Sender<'_>], hits: Vec<HitWire<'_, u16>>) -> Result<Vec<Hit>, RecordError> {
    let named = |number: u16| {
        let sender = senders.get(usize::from(number)).ok_or(RecordError::Malformed("sender"))?;
        Ok(peer(sender.clone()))
    };
    hits.into_iter().map(|wire| wire.hit(named)).collect()
}

/// The hits of one request have one sender, which sites of several precisions know by a few addresses.
fn several(hits: &[Hit]) -> (Vec<Sender<'_>>, Vec<HitWire<'_, u16>>) {
    let mut senders: Vec<&Peer> = Vec::new();
    let mut number_of = |peer| {
        let known = senders.iter().position(|known| *known == peer);
        let number = known.unwrap_or_else(|| {
            senders.push(peer);
            senders.len() - 1
        });
        u16::try_from(number).expect("a request has at most as many senders as hits, a thousand")
    };
    let hits = hits.iter().map(|hit| HitWire::of(hit, hit.peer.as_ref().map(&mut number_of))).collect();
    (senders.into_iter().map(sender).collect(), hits)
}

fn sender(peer: &Peer) -> Sender<'_> {
    (peer.address, peer.agent.as_ref().into())
}

fn peer((address, agent): Sender<'_>) -> Peer {
    Peer { address, agent: agent.into() }
}

impl<'a, P> HitWire<'a, P> {
    fn of(hit: &'a Hit, peer: Option<P>) -> Self {
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
            peer,
        }
    }

    fn hit(self, peer: impl FnOnce(P) -> Result<Peer, RecordError>) -> Result<Hit, RecordError> {
        let mode = match self.mode {
            1 => Mode::Minimal,
            2 => Mode::Exempt,
            3 => Mode::Full,
            _ => return Err(RecordError::Malformed("mode")),
        };
        Ok(Hit {
            site: domain(&self.site)?,
            at: self.at,
            id: self.id,
            mode,
            signals: self.signals,
            kind: self.kind.into_owned(),
            host: self.host.into(),
            path: self.path.into(),
            campaign: self.campaign.into_owned(),
            referrer: self.referrer.map(Cow::into_owned),
            props: self.props.into_owned(),
            revenue: self.revenue.map(Cow::into_owned),
            screen_width: self.screen_width,
            language: self.language.map(Into::into),
            peer: self.peer.map(peer).transpose()?,
        })
    }
}

fn domain(text: &str) -> Result<Domain, RecordError> {
    Domain::parse(text).map_err(|_| RecordError::Malformed("site"))
}

/// The numbers are on disk: add at the end, never renumber. One was for late hits, which no collector knows of.
const REFUSALS: [Option<Refusal>; 17] = [
    Some(Refusal::UnknownSite),
    Some(Refusal::Malformed),
    Some(Refusal::TooLarge),
    Some(Refusal::Bot(BotClass::Declared)),
    Some(Refusal::Bot(BotClass::Automation)),
    Some(Refusal::Bot(BotClass::Library)),
    Some(Refusal::Bot(BotClass::Nameless)),
    Some(Refusal::RateLimited),
    Some(Refusal::OptedOut),
    Some(Refusal::Off),
    Some(Refusal::Duplicate),
    None,
    Some(Refusal::StaticFile),
    Some(Refusal::Method),
    Some(Refusal::Status),
    Some(Refusal::Restricted),
    Some(Refusal::Erased),
];

fn refusal_number(refusal: Refusal) -> u8 {
    let number =
        REFUSALS.iter().position(|known| *known == Some(refusal)).expect("every refusal has a number (tested)");
    u8::try_from(number).expect("fewer than 256 refusals")
}

fn refusal_of(number: u8) -> Option<Refusal> {
    REFUSALS.get(usize::from(number)).copied().flatten()
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
    use crate::{Engagement, Vital};

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
        comes_back(Record::Hits(vec![hit()]), VERSION_1);
        let engaged = Kind::Engagement(Engagement { engaged_ms: 5, scroll_percent: Some(80), ..Engagement::default() });
        comes_back(Record::Hits(vec![Hit { mode: Mode::Minimal, peer: None, kind: engaged, ..hit() }]), VERSION_1);
    }

    #[test]
    fn the_hits_of_a_request_come_back_in_order_with_their_senders() {
        let cut =
            Hit { peer: Some(Peer { address: "2001:db8::".parse().unwrap(), agent: "Mozilla/5.0".into() }), ..hit() };
        comes_back(Record::Hits(vec![hit(), cut, Hit { peer: None, path: "/c".into(), ..hit() }, hit()]), VERSION_2);
        comes_back(Record::Hits(Vec::new()), VERSION_2);
    }

    #[test]
    fn what_a_page_view_measured_comes_back_and_older_programs_know_that_they_cannot_read_it() {
        let mut vitals = Vitals::default();
        vitals.set(Vital::Lcp, 2_412);
        vitals.set(Vital::Cls, 0);
        let engaged = Kind::Engagement(Engagement { engaged_ms: 5, scroll_percent: None, vitals });
        let measured = || Hit { kind: engaged.clone(), ..hit() };
        comes_back(Record::Hits(vec![measured()]), VERSION_4);
        comes_back(Record::Hits(vec![hit(), measured(), hit()]), VERSION_4);
    }

    #[test]
    fn a_thousand_hits_repeat_no_user_agent() {
        let agent = "a".repeat(crate::limits::AGENT_BYTES_MAX);
        let peer = || Some(Peer { address: "192.0.2.1".parse().unwrap(), agent: agent.as_str().into() });
        let many = Record::Hits((0..1_000).map(|_| Hit { peer: peer(), ..hit() }).collect());
        assert!(many.encode().len() < 150_000, "{}", many.encode().len());
    }

    #[test]
    fn a_visitors_request_comes_back_as_it_was() {
        for right in [Right::Erase, Right::Restrict, Right::Resume] {
            let Hit { site, at, peer, .. } = hit();
            comes_back(Record::Rights(RightsRequest { site, at, right, peer: peer.unwrap() }), VERSION_2);
        }
    }

    #[test]
    fn a_visitors_question_comes_back_as_it_was() {
        let Hit { site, at, peer, .. } = hit();
        comes_back(Record::Inquiry(Inquiry { site, at, peer: peer.unwrap(), number: 7, key: [8; 32] }), VERSION_3);
    }

    #[test]
    fn a_tally_of_every_refusal_comes_back_as_it_was() {
        for refusal in REFUSALS.into_iter().flatten() {
            let site = Domain::parse("example.com").unwrap();
            comes_back(Record::Tally(Tally { site, minute: 29, refusal, hits: 3 }), VERSION_1);
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
            for version in [VERSION_1, VERSION_2, VERSION_3, VERSION_4] {
                let _ = Record::decode(&[&[version], bytes.as_slice()].concat());
            }
        }
    }

    fn comes_back(record: Record, version: u8) {
        let bytes = record.encode();
        assert_eq!(bytes.first(), Some(&version));
        assert_eq!(Record::decode(&bytes), Ok(record));
    }
}
