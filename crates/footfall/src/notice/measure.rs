//! What this build does with a site's hits, found out by sending hits through the very doors and steps that visitors' hits
//! take, so that the notice cannot say anything else. The hits are made up, go no further, and are forgotten.
//!
//! What no hit can show is what becomes of counts afterwards: `processor::closing` folds and forgets by each site's settings.

use std::collections::BTreeMap;
use std::net::IpAddr;

use axum::http::header::{COOKIE, DNT};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use collector::{HeaderWords, OPT_OUT_COOKIE, RESTRICTION_COOKIE};
use model::{AddressPrecision, Arrival, Dimension, Hit, Kind, Millis, Mode, Peer, Signals, Site};
use privacy::disclosure::{Precision, STEP};
use privacy::notice::facts::{Cuts, Facts, Kept, Measure, OptOut, Referrer, Signal};
use serde_json::{Value, json};

use crate::config::Config;
use crate::privacy_page::{OPT_OUT_DAYS, RESTRICTION_HOURS};

/// When the made-up hits arrive; consent strings among them are of that day.
const AT: Millis = Millis(1_780_000_000_000);

const AGENT: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

/// A text that must not come out where something is cut.
const CANARY: &str = "canary";

/// What holds for the whole process.
#[derive(Clone, Copy, Debug)]
pub struct Running {
    /// Whether addresses are looked up in a table of places.
    pub places: bool,
    /// Whether senders of too many hits are held back.
    pub rate_limited: bool,
    /// Whether everything is on one machine.
    pub one_server: bool,
}

impl Running {
    /// As configured, with or without a table of places.
    pub fn of(config: &Config, places: bool) -> Self {
        Self { places, rate_limited: config.rate_limit.is_some(), one_server: !config.distributed.is_named() }
    }
}

/// Finds out everything the notice of a site depends on.
pub fn facts(site: &Site, running: Running) -> Facts {
    let gestures = [
        Signal::OptedOut,
        Signal::Child,
        Signal::Refused,
        Signal::TcfRefused,
        Signal::GppRefused,
        Signal::Gpc,
        Signal::Dnt,
        Signal::Granted,
        Signal::TcfGranted,
        Signal::Unclear,
    ];
    let silent = Gesture::default();
    let made = gestures.map(|signal| (signal, Gesture::making(signal)));
    let read: Vec<_> = made.into_iter().filter(|(signal, gesture)| gesture.is_read_as(*signal, site)).collect();
    let mut kept: BTreeMap<Mode, Kept> = BTreeMap::new();
    for gesture in read.iter().map(|(_, gesture)| gesture).chain([&silent]) {
        let (mode, more) = gesture.outcome(site);
        let known = kept.entry(mode).or_default();
        *known = either(*known, more);
    }
    Facts {
        site: site.domain.clone(),
        timezone: site.timezone.clone(),
        answers: site.notice.clone(),
        without_signal: silent.outcome(site).0,
        signals: read.iter().map(|(signal, gesture)| (*signal, gesture.outcome(site).0)).collect(),
        kept,
        address: address(site),
        cuts: cuts(site),
        child_directed: site.child_directed,
        public: site.public,
        places: running.places,
        rate_limited: running.rate_limited,
        sealed_hours: privacy::seal::KEY_LIFE_HOURS,
        retention_days: Some(site.retention_days),
        visitors_min: Some(site.visitors_min),
        rounded_to: (Precision::of(site.mode) == Precision::Tens).then_some(STEP),
        opt_out: Some(OptOut { cookie: OPT_OUT_COOKIE, days: OPT_OUT_DAYS }),
        restriction_hours: Some(RESTRICTION_HOURS),
        restriction_cookie: RESTRICTION_COOKIE,
        one_server: running.one_server,
        rows_per_person: rows_per_person(),
        measures: measures(site),
        version: env!("CARGO_PKG_VERSION"),
    }
}

/// The mode of a page view whose request carries these headers.
pub fn mode_of(headers: &HeaderMap, site: &Site) -> Mode {
    Gesture { headers: headers.clone(), members: json!({}) }.outcome(site).0
}

fn measures(site: &Site) -> Vec<Measure> {
    let always =
        [Measure::Sealed, Measure::KeysDestroyed, Measure::Audited, Measure::SecretsInMemory, Measure::QuietLogs];
    always.into_iter().chain((!site.public).then_some(Measure::Token)).collect()
}

/// Whether a stored row could be found by a person: whether a person is among the dimensions.
fn rows_per_person() -> bool {
    let personal = ["visitor", "user", "person", "session", "visit", "address", "ip", "agent"];
    Dimension::ALL.iter().any(|dimension| personal.contains(&dimension.as_str()))
}

/// How a word about being measured reaches a door: as headers, as members of the event, or not at all.
#[derive(Default)]
struct Gesture {
    headers: HeaderMap,
    members: Value,
}

impl Gesture {
    fn making(signal: Signal) -> Self {
        let header = |name: HeaderName, value: &'static str| Self {
            headers: [(name, HeaderValue::from_static(value))].into_iter().collect(),
            members: json!({}),
        };
        let members = |members| Self { headers: HeaderMap::new(), members };
        match signal {
            Signal::OptedOut => header(COOKIE, OPT_OUT_COOKIE),
            Signal::Child => members(json!({ "child": true })),
            Signal::Refused => members(json!({ "consent": { "analytics": false } })),
            Signal::TcfRefused => members(json!({ "tcf": tc_string(false) })),
            Signal::GppRefused => members(json!({ "gpp": "DBABLA~BVVVVVVVVWA.YA" })),
            Signal::Gpc => header(HeaderName::from_static("sec-gpc"), "1"),
            Signal::Dnt => header(DNT, "1"),
            Signal::Granted => members(json!({ "consent": { "analytics": true } })),
            Signal::TcfGranted => members(json!({ "tcf": tc_string(true) })),
            Signal::Unclear => members(json!({ "tcf": "C" })),
        }
    }

    /// Whether the doors take this gesture for what it says. A word that stops the hit may be known by that alone.
    fn is_read_as(&self, signal: Signal, site: &Site) -> bool {
        let bit = bit(signal);
        let said = self.arrival(site, &json!({})).is_some_and(|arrival| arrival.signals.has(bit));
        said || self.admitted(site, &json!({})).is_some_and(|hit| hit.signals.has(bit))
    }

    /// The mode it leads to, and what is kept of a hit then.
    fn outcome(&self, site: &Site) -> (Mode, Kept) {
        let event =
            json!({ "name": "Signup", "props": { "plan": "pro" }, "revenue": { "currency": "EUR", "amount": 1 } });
        let Some(view) = self.admitted(site, &json!({})) else { return (Mode::Off, Kept::default()) };
        let event = self.admitted(site, &event);
        (view.mode, event.as_ref().map_or(kept_of(&view), |event| either(kept_of(&view), kept_of(event))))
    }

    fn admitted(&self, site: &Site, members: &Value) -> Option<Hit> {
        fold::admit(self.arrival(site, members)?, site).ok()
    }

    /// A page view, unless `members` say otherwise, as a browser would send it, through the door for events.
    fn arrival(&self, site: &Site, members: &Value) -> Option<Arrival> {
        let mut event = json!({
            "name": "pageview", "domain": site.domain.as_str(), "w": 1280,
            "url": format!("https://{}/a?x={CANARY}&utm_source=news&gclid={CANARY}", host(site)),
            "referrer": format!("https://search.example/find?q={CANARY}"),
        });
        for more in [&self.members, members] {
            if let (Some(event), Some(more)) = (event.as_object_mut(), more.as_object()) {
                event.extend(more.clone());
            }
        }
        let words = HeaderWords { language: Some("en"), ..HeaderWords::read(&self.headers) };
        let peer = Peer { address: V4.into(), agent: AGENT.into() };
        let read = collector::body::read(event.to_string().as_bytes()).ok()?.pop()?.ok()?;
        Some(read.arrival_under(site.tcf, AT, words, peer))
    }
}

const fn bit(signal: Signal) -> Signals {
    match signal {
        Signal::OptedOut => Signals::OPTED_OUT,
        Signal::Child => Signals::CHILD,
        Signal::Refused => Signals::REFUSED,
        Signal::TcfRefused => Signals::TCF_REFUSED,
        Signal::GppRefused => Signals::GPP_REFUSED,
        Signal::Gpc => Signals::GPC,
        Signal::Dnt => Signals::DNT,
        Signal::Granted => Signals::GRANTED,
        Signal::TcfGranted => Signals::TCF_GRANTED,
        Signal::Unclear => Signals::UNCLEAR,
    }
}

fn kept_of(hit: &Hit) -> Kept {
    let referrer = match &hit.referrer {
        None => Referrer::Nothing,
        Some(referrer) if referrer.path.len() > 1 => Referrer::HostAndPath,
        Some(_) => Referrer::Host,
    };
    Kept {
        visitor: hit.peer.is_some(),
        referrer,
        campaign: hit.campaign.source.is_some(),
        event_name: matches!(&hit.kind, Kind::Event { name, .. } if !name.is_empty()),
        properties: !hit.props.is_empty(),
        revenue: hit.revenue.is_some(),
        screen: hit.screen_width.is_some(),
        language: hit.language.is_some(),
    }
}

/// What is kept in the one case or in the other.
fn either(one: Kept, other: Kept) -> Kept {
    let referrer = match (one.referrer, other.referrer) {
        (Referrer::HostAndPath, _) | (_, Referrer::HostAndPath) => Referrer::HostAndPath,
        (Referrer::Host, _) | (_, Referrer::Host) => Referrer::Host,
        (Referrer::Nothing, Referrer::Nothing) => Referrer::Nothing,
    };
    Kept {
        visitor: one.visitor | other.visitor,
        referrer,
        campaign: one.campaign | other.campaign,
        event_name: one.event_name | other.event_name,
        properties: one.properties | other.properties,
        revenue: one.revenue | other.revenue,
        screen: one.screen | other.screen,
        language: one.language | other.language,
    }
}

const V4: [u8; 4] = [203, 0, 113, 77];
const V6: [u16; 8] = [0x2001, 0xdb8, 1, 2, 3, 4, 5, 6];

/// What is left of an address, by what is left of one of each family; more than that is not claimed to be cut.
fn address(site: &Site) -> AddressPrecision {
    // In whichever mode a hit keeps its sender; a site without such a mode has no address to cut.
    let site = Site { mode: Mode::Full, child_directed: false, ..site.clone() };
    let left = |address: IpAddr| {
        let mut arrival = Gesture::default().arrival(&site, &json!({}))?;
        arrival.peer.address = address;
        fold::admit(arrival, &site).ok().map(|hit| hit.peer.map(|peer| peer.address))
    };
    let (Some(v4), Some(v6)) = (left(V4.into()), left(V6.into())) else { return AddressPrecision::Full };
    let gone = |address: Option<IpAddr>| address.is_none_or(|address| address.is_unspecified());
    if gone(v4) && gone(v6) {
        return AddressPrecision::None;
    }
    let networks: [IpAddr; 2] = [[203, 0, 113, 0].into(), [0x2001, 0xdb8, 1, 0, 0, 0, 0, 0].into()];
    if [v4, v6] == networks.map(Some) { AddressPrecision::Network } else { AddressPrecision::Full }
}

/// What is cut out of URLs, by what does not come through.
fn cuts(site: &Site) -> Cuts {
    let site = Site { mode: Mode::Full, child_directed: false, ..site.clone() };
    let path_of = |path: &str| {
        let url = format!("https://{}{path}", host(&site));
        Gesture::default().admitted(&site, &json!({ "url": url })).map(|hit| hit.path)
    };
    let gone = |path: &str, part: &str| path_of(path).is_some_and(|path| !path.contains(part));
    let pattern_holds = |pattern: &&String| pattern.contains('*') && gone(&pattern.replace('*', CANARY), CANARY);
    let hit = Gesture::default().admitted(&site, &json!({}));
    let free_of_canary = |text: String| !text.contains(CANARY);
    Cuts {
        query: hit.as_ref().is_some_and(|hit| free_of_canary(format!("{} {:?}", hit.path, hit.campaign))),
        click_ids: hit.as_ref().is_some_and(|hit| hit.campaign.click_id.as_deref().is_none_or(|name| name == "gclid")),
        referrer_query: hit.as_ref().is_some_and(|hit| free_of_canary(format!("{:?}", hit.referrer))),
        personal_paths: gone("/a/canary@example.com", CANARY)
            && gone("/a/4111111111111111", "4111111111111111")
            && gone("/a/0f8fad5b-d9cb-469f-a165-70867728950e", "0f8fad5b"),
        path_patterns: site.redact_paths.iter().filter(pattern_holds).count(),
    }
}

/// The host of a site's pages: a site's name may carry a port or a path.
fn host(site: &Site) -> &str {
    site.domain.as_str().split(['/', ':']).next().unwrap_or_default()
}

/// A TC string (TCF v2.3) of the day [`AT`] in which the publisher may or may not measure content (purpose 8).
fn tc_string(agrees: bool) -> String {
    let day = u64::try_from(AT.0 / 86_400_000 * 864_000).unwrap_or_default();
    let publisher = if agrees { 1 << (24 - 8) } else { 0 };
    // Version, dates, CMP, screen, language EN, vendor list, policy 5, service specific; no vendors, no restrictions.
    let core: &[(u32, u64)] = &[
        (6, 2),
        (36, day),
        (36, day),
        (12, 31),
        (12, 1),
        (6, 1),
        (6, 4),
        (6, 13),
        (12, 80),
        (6, 5),
        (1, 1),
        (1, 0),
        (12, 0),
        (24, 0),
        (24, 0),
        (1, 0),
        (6, 3),
        (6, 4),
        (16, 0),
        (1, 0),
        (16, 0),
        (1, 0),
        (12, 0),
    ];
    let disclosed: &[(u32, u64)] = &[(3, 1), (16, 1), (1, 0), (1, 1)];
    let publisher: &[(u32, u64)] = &[(3, 3), (24, publisher), (24, 0), (6, 0)];
    [core, disclosed, publisher].map(base64url).join(".")
}

/// Numbers of so many bits each, highest bit first, six bits a character.
fn base64url(fields: &[(u32, u64)]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let bits: Vec<bool> =
        fields.iter().flat_map(|(length, value)| (0..*length).rev().map(move |bit| value >> bit & 1 == 1)).collect();
    let sextet = |bits: &[bool]| (0..6).fold(0, |sum, at| sum << 1 | usize::from(bits.get(at) == Some(&true)));
    bits.chunks(6).filter_map(|bits| ALPHABET.get(sextet(bits)).map(|letter| char::from(*letter))).collect()
}

#[cfg(test)]
mod tests {
    use model::Domain;

    use super::*;

    fn site() -> Site {
        Site::new(Domain::parse("example.com").unwrap())
    }

    fn facts_of(site: &Site) -> Facts {
        facts(site, Running { places: true, rate_limited: false, one_server: true })
    }

    #[test]
    fn a_plain_site_is_found_out() {
        let facts = facts_of(&site());
        assert_eq!((facts.without_signal, facts.leads_to(Signal::OptedOut)), (Mode::Full, Some(Mode::Off)));
        assert_eq!(
            (facts.leads_to(Signal::Gpc), facts.leads_to(Signal::Dnt)),
            (Some(Mode::Minimal), Some(Mode::Minimal))
        );
        let strings = [Signal::TcfRefused, Signal::GppRefused, Signal::TcfGranted, Signal::Unclear];
        let leads = strings.map(|signal| facts.leads_to(signal));
        assert_eq!(leads, [Mode::Minimal, Mode::Minimal, Mode::Full, Mode::Exempt].map(Some));
        let everything = Kept {
            visitor: true,
            referrer: Referrer::HostAndPath,
            campaign: true,
            event_name: true,
            properties: true,
            revenue: true,
            screen: true,
            language: true,
        };
        assert_eq!(facts.kept.get(&Mode::Full), Some(&everything));
        assert_eq!(facts.kept.get(&Mode::Minimal), Some(&Kept::default()));
        assert!(facts.cuts.query && facts.cuts.click_ids && facts.cuts.referrer_query && !facts.rows_per_person);
    }

    #[test]
    fn only_modes_that_a_hit_can_come_to_are_there() {
        let all = |mode| model::SignalModes {
            opted_out: mode,
            child: mode,
            refused: mode,
            tcf_refused: mode,
            gpp_refused: mode,
            gpc: mode,
            dnt: mode,
            granted: mode,
            tcf_granted: mode,
        };
        for mode in [Mode::Off, Mode::Minimal, Mode::Exempt] {
            let modes: Vec<Mode> = facts_of(&Site { mode, signals: all(mode), ..site() }).kept.into_keys().collect();
            assert_eq!(modes, [mode]);
        }
    }

    #[test]
    fn a_site_directed_at_children_treats_every_hit_so() {
        let facts = facts_of(&Site { child_directed: true, ..site() });
        assert_eq!(facts.without_signal, Mode::Minimal);
        assert!(!facts.tells_visitors_apart(), "{:?}", facts.kept);
    }

    #[test]
    fn of_several_words_the_least_holds_and_an_agreement_never_outweighs_a_refusal() {
        let site = site();
        let mode = |signals: Signals| {
            let mut arrival = Gesture::default().arrival(&site, &json!({})).unwrap();
            arrival.signals = signals;
            fold::admit(arrival, &site).map_or(Mode::Off, |hit| hit.mode)
        };
        let refusals: Vec<u16> = (0..7).map(|bit| 1 << bit).collect();
        for (one, other) in refusals.iter().flat_map(|one| refusals.iter().map(move |other| (*one, *other))) {
            let least = mode(Signals(one)).min(mode(Signals(other)));
            assert_eq!(mode(Signals(one | other)), least, "{one:#b} and {other:#b}");
            let granted = Signals(one).with(Signals::GRANTED).with(Signals::TCF_GRANTED);
            assert_eq!(mode(granted), mode(Signals(one)), "{one:#b} and grants");
        }
    }

    #[test]
    fn what_is_cut_is_found_out_and_never_assumed() {
        for precision in [AddressPrecision::Full, AddressPrecision::Network, AddressPrecision::None] {
            let site = Site { address: precision, ..site() };
            let mut arrival = Gesture::default().arrival(&site, &json!({})).unwrap();
            arrival.peer.address = V4.into();
            let left = fold::admit(arrival, &site).unwrap().peer.map(|peer| peer.address);
            let whole = left == Some(V4.into());
            assert_eq!(facts_of(&site).address == AddressPrecision::Full, whole, "{precision:?}");
        }
        let site = Site { redact_paths: vec!["/orders/*".to_owned(), "/plain".to_owned()], ..site() };
        assert!(facts_of(&site).cuts.path_patterns <= 1, "a pattern that redacts nothing is not counted");
    }

    #[test]
    fn a_request_is_told_its_own_mode() {
        let headers: HeaderMap = [(DNT, HeaderValue::from_static("1"))].into_iter().collect();
        assert_eq!(mode_of(&headers, &site()), Mode::Minimal);
        assert_eq!(mode_of(&HeaderMap::new(), &site()), Mode::Full);
    }
}
