//! Admission: what a door understood becomes a hit that may rest sealed, or a refusal. Run by the collector and by the
//! importer, so that both turn away and strip the same.
//!
//! It knows no clock, no HTTP and no format. The invariant: what the mode does not allow is gone from the [`Hit`].

use std::borrow::Cow;

use model::limits::{
    AGENT_BYTES_MAX, ENGAGED_MS_MAX, EVENT_NAME_CHARS_MAX, LANGUAGE_BYTES_MAX, PROP_NAME_CHARS_MAX,
    PROP_VALUE_CHARS_MAX, PROPS_MAX,
};
use model::{Arrival, BotClass, Campaign, Hit, Kind, Mode, Referrer, Refusal, Revenue, Signals, Site};
use privacy::strip::{self, Page, PageError};
use privacy::{consent, redact};

use crate::enrich::robots;
use crate::path;

/// Largest amount of money one event may bring, in millionths: a hundred million units. It keeps a day's sum inside 64 bits
/// for the 92,000 such events that no shop has.
pub const REVENUE_MICROS_MAX: i64 = 100_000_000_000_000;

/// What every event is called in mode `exempt`: audience measurement knows page views, interactions and timing, and no more.
pub const INTERACTION: &str = "interaction";

/// Admits an arrival to its site, or says why not.
///
/// # Errors
/// The refusal, for the door's answer and the ledger.
pub fn admit(arrival: Arrival, site: &Site) -> Result<Hit, Refusal> {
    let mut draft = Draft { site, arrival, mode: Mode::Off, page: Page::default(), referrer: None };
    for step in path::ADMISSION {
        (step.run)(&mut draft)?;
    }
    Ok(draft.into_hit())
}

/// A hit in the making.
pub(crate) struct Draft<'a> {
    site: &'a Site,
    arrival: Arrival,
    mode: Mode,
    page: Page,
    referrer: Option<Referrer>,
}

impl Draft<'_> {
    pub(crate) fn refuse_without_consent(&mut self) -> Result<(), Refusal> {
        self.arrival.signals = consent::on_site(self.arrival.signals, self.site);
        self.mode = consent::decide(self.arrival.signals, self.site);
        match self.mode {
            Mode::Off if self.arrival.signals.has(Signals::RESTRICTED) => Err(Refusal::Restricted),
            Mode::Off if self.arrival.signals.has(Signals::OPTED_OUT) => Err(Refusal::OptedOut),
            Mode::Off => Err(Refusal::Off),
            Mode::Minimal | Mode::Exempt | Mode::Full => Ok(()),
        }
    }

    pub(crate) fn refuse_robots(&mut self) -> Result<(), Refusal> {
        let agent = &mut self.arrival.peer.agent;
        if agent.len() > AGENT_BYTES_MAX {
            *agent = agent.split_at(agent.floor_char_boundary(AGENT_BYTES_MAX)).0.into();
        }
        // A headless browser or a curl on this very machine is its owner trying the site out, who wants to see it counted;
        // robots of the world come from elsewhere, or through a trusted proxy that says from where.
        let at_home = self.arrival.peer.address.to_canonical().is_loopback();
        match robots::robot(agent) {
            Some(class) if class == BotClass::Declared || !at_home => Err(Refusal::Bot(class)),
            Some(_) | None => Ok(()),
        }
    }

    pub(crate) fn refuse_oversized(&mut self) -> Result<(), Refusal> {
        if self.arrival.props.len() > PROPS_MAX {
            return Err(Refusal::TooLarge);
        }
        for (name, value) in &self.arrival.props {
            at_most(PROP_NAME_CHARS_MAX, name)?;
            at_most(PROP_VALUE_CHARS_MAX, value)?;
        }
        match &mut self.arrival.kind {
            Kind::Pageview => {}
            Kind::Event { name, .. } => {
                at_most(EVENT_NAME_CHARS_MAX, name)?;
                if name.trim().is_empty() {
                    return Err(Refusal::Malformed);
                }
            }
            Kind::Engagement(engagement) => {
                engagement.engaged_ms = engagement.engaged_ms.min(ENGAGED_MS_MAX);
                engagement.scroll_percent = engagement.scroll_percent.filter(|percent| *percent <= 100);
                engagement.vitals = engagement.vitals.held();
            }
        }
        self.arrival.language = self.arrival.language.take().and_then(|tag| language(&tag));
        self.arrival.revenue.as_ref().map_or(Ok(()), plausible_money)
    }

    pub(crate) fn strip_page(&mut self) -> Result<(), Refusal> {
        self.page = strip::page(&self.arrival.url).map_err(|error| match error {
            PageError::TooLong => Refusal::TooLarge,
            PageError::Malformed => Refusal::Malformed,
        })?;
        Ok(())
    }

    pub(crate) fn strip_referrer(&mut self) -> Result<(), Refusal> {
        let sent = self.arrival.referrer.take();
        self.referrer = sent.and_then(|url| strip::referrer(&url, &self.page.host, &self.site.domain));
        Ok(())
    }

    pub(crate) fn strip_paths(&mut self) -> Result<(), Refusal> {
        let referrer = self.referrer.as_mut().map(|referrer| &mut referrer.path);
        for path in [Some(&mut self.page.path), referrer].into_iter().flatten() {
            if let Cow::Owned(redacted) = redact::path(path, &self.site.redact_paths) {
                *path = redacted.into();
            }
        }
        Ok(())
    }

    pub(crate) fn strip_hosts(&mut self) -> Result<(), Refusal> {
        let referrer = self.referrer.as_mut().map(|referrer| &mut referrer.host);
        for host in [Some(&mut self.page.host), referrer].into_iter().flatten() {
            replace(host, |host| redact::host(host, &self.site.domain));
        }
        Ok(())
    }

    pub(crate) fn strip_words(&mut self) -> Result<(), Refusal> {
        let Campaign { source, medium, name, term, content, click_id: _ } = &mut self.page.campaign;
        for field in [source, medium, name, term, content].into_iter().flatten() {
            replace(field, redact::campaign);
        }
        for (name, value) in &mut self.arrival.props {
            replace(name, redact::text);
            replace(value, redact::text);
        }
        if let Kind::Event { name, .. } = &mut self.arrival.kind {
            replace(name, redact::text);
        }
        Ok(())
    }

    pub(crate) fn strip_address(&mut self) -> Result<(), Refusal> {
        let address = &mut self.arrival.peer.address;
        *address = strip::address(*address, self.site.address);
        Ok(())
    }

    pub(crate) fn strip_by_mode(&mut self) -> Result<(), Refusal> {
        match self.mode {
            Mode::Full => {}
            Mode::Exempt => {
                self.page.campaign = Campaign::default();
                if let Some(referrer) = &mut self.referrer {
                    referrer.path = "/".into();
                }
                self.arrival.props.clear();
                self.arrival.revenue = None;
                if let Kind::Event { name, .. } = &mut self.arrival.kind {
                    *name = INTERACTION.into();
                }
            }
            Mode::Minimal | Mode::Off => {
                self.page.campaign = Campaign::default();
                self.referrer = None;
                self.arrival.props.clear();
                self.arrival.revenue = None;
                self.arrival.screen_width = None;
                self.arrival.language = None;
                if let Kind::Event { name, .. } = &mut self.arrival.kind {
                    *name = Box::default();
                }
            }
        }
        Ok(())
    }

    fn into_hit(self) -> Hit {
        let Self { site, arrival, mode, page, referrer } = self;
        Hit {
            site: site.domain.clone(),
            at: arrival.at,
            id: arrival.id,
            mode,
            signals: arrival.signals,
            kind: arrival.kind,
            host: page.host,
            path: page.path,
            campaign: page.campaign,
            referrer,
            props: arrival.props,
            revenue: arrival.revenue,
            screen_width: arrival.screen_width,
            language: arrival.language,
            peer: (mode > Mode::Minimal).then_some(arrival.peer),
        }
    }
}

fn replace(text: &mut Box<str>, redacted: impl Fn(&str) -> Cow<'_, str>) {
    if let Cow::Owned(redacted) = redacted(text) {
        *text = redacted.into();
    }
}

fn at_most(chars_max: usize, text: &str) -> Result<(), Refusal> {
    if text.len() > chars_max && text.chars().count() > chars_max { Err(Refusal::TooLarge) } else { Ok(()) }
}

/// Of a tag its language, script and region, such as `zh-hant-hk`; anything that does not begin so says nothing.
fn language(tag: &str) -> Option<Box<str>> {
    const LONGEST: usize = "zh-hant-hk".len();
    let letters = |part: &str| part.bytes().all(|byte| byte.is_ascii_alphabetic());
    let script = |part: &str| part.len() == 4 && letters(part);
    let region = |part: &str| {
        (part.len() == 2 && letters(part)) || (part.len() == 3 && part.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let tag = Some(tag).filter(|tag| tag.len() <= LANGUAGE_BYTES_MAX)?;
    let mut parts = tag.split('-').peekable();
    let mut kept = parts.next().filter(|part| (2..=3).contains(&part.len()) && letters(part))?.to_owned();
    for part in [parts.next_if(|part| script(part)), parts.next_if(|part| region(part))].into_iter().flatten() {
        if kept.len() + 1 + part.len() <= LONGEST {
            kept.push('-');
            kept.push_str(part);
        }
    }
    Some(kept.to_ascii_lowercase().into())
}

fn plausible_money(revenue: &Revenue) -> Result<(), Refusal> {
    let named = revenue.currency.iter().all(u8::is_ascii_uppercase);
    if named && (0..=REVENUE_MICROS_MAX).contains(&revenue.micros) { Ok(()) } else { Err(Refusal::Malformed) }
}

#[cfg(test)]
mod tests {
    use model::{AddressPrecision, BotClass, Domain, Engagement, Millis, Peer};

    use super::*;

    #[test]
    fn a_full_hit_keeps_what_may_be_counted() {
        let hit = admit(arrival(), &site(Mode::Full)).unwrap();
        assert_eq!((hit.host.as_ref(), hit.path.as_ref()), ("example.com", "/a"));
        assert_eq!(hit.campaign.source.as_deref(), Some("spring"));
        assert_eq!(hit.referrer, Some(Referrer { host: "google.com".into(), path: "/search".into() }));
        assert_eq!(hit.language.as_deref(), Some("en-us"));
        assert!(hit.peer.is_some() && hit.props.len() == 1);
        assert!(!format!("{hit:?}").contains("secret"), "no other parameter of the URL comes through");
    }

    #[test]
    fn an_exempt_hit_has_no_campaign_and_only_the_referrers_host() {
        let hit = admit(arrival(), &site(Mode::Exempt)).unwrap();
        assert_eq!((hit.mode, &hit.campaign), (Mode::Exempt, &Campaign::default()));
        assert_eq!(hit.referrer, Some(Referrer { host: "google.com".into(), path: "/".into() }));
    }

    #[test]
    fn a_minimal_hit_has_nothing_but_its_page() {
        let named = Kind::Event { name: "Signup".into(), interactive: true };
        let hit = admit(Arrival { signals: Signals::GPC, kind: named, ..arrival() }, &site(Mode::Full)).unwrap();
        let nameless = Kind::Event { name: "".into(), interactive: true };
        assert_eq!(
            (hit.mode, hit.kind, hit.campaign, hit.referrer),
            (Mode::Minimal, nameless, Campaign::default(), None)
        );
        assert_eq!(
            (hit.props.len(), hit.revenue, hit.screen_width, hit.language, hit.peer),
            (0, None, None, None, None)
        );
        assert_eq!(hit.path.as_ref(), "/a");
    }

    #[test]
    fn a_site_directed_at_children_has_no_visitors() {
        let site = Site { child_directed: true, ..site(Mode::Full) };
        let hit = admit(Arrival { signals: Signals::GRANTED, ..arrival() }, &site).unwrap();
        assert_eq!((hit.mode, hit.peer), (Mode::Minimal, None));
        assert!(hit.signals.has(Signals::CHILD), "the ledger shows why");
    }

    #[test]
    fn a_path_and_a_referrers_path_lose_what_may_name_a_person() {
        let url = "https://example.com/users/jane/orders/4711000123?x=1".into();
        let referrer = Some("https://mail.example.org/inbox/jane%40example.com/9f86d081884c7d65".into());
        let site = Site { redact_paths: vec!["/users/*".to_owned()], ..site(Mode::Full) };
        let hit = admit(Arrival { url, referrer, ..arrival() }, &site).unwrap();
        assert_eq!(hit.path.as_ref(), "/users/:redacted/orders/:number");
        assert_eq!(hit.referrer.unwrap().path.as_ref(), "/inbox/:email/:hex");
    }

    #[test]
    fn campaign_properties_and_event_lose_what_may_name_a_person() {
        let url =
            "https://example.com/?utm_source=jane@example.com&utm_content=9f86d081884c7d659a2f&utm_term=120209876543"
                .into();
        let props = vec![("from jane@example.com".into(), "https://example.org/a?t=1".into())];
        let kind = Kind::Event { name: "Signup 4711000123".into(), interactive: true };
        let hit = admit(Arrival { url, props, kind, ..arrival() }, &site(Mode::Full)).unwrap();
        let campaign = [hit.campaign.source, hit.campaign.content, hit.campaign.term].map(Option::unwrap_or_default);
        assert_eq!(campaign.each_ref().map(AsRef::as_ref), [":email", ":hex", "120209876543"]);
        assert_eq!(hit.props, [("from :email".into(), "https://example.org/a".into())]);
        assert_eq!(hit.kind, Kind::Event { name: "Signup :number".into(), interactive: true });
    }

    #[test]
    fn a_host_loses_what_may_name_a_person_or_a_machine() {
        let url = "https://0f8fad5b-d9cb-469f-a165-70867728950e.example.com/".into();
        let referrer = Some("https://203-0-113-5.dyn.isp.example/".into());
        let hit = admit(Arrival { url, referrer, ..arrival() }, &site(Mode::Full)).unwrap();
        assert_eq!(hit.host.as_ref(), ":uuid.example.com");
        assert_eq!(hit.referrer.unwrap().host.as_ref(), ":address.dyn.isp.example");
    }

    #[test]
    fn a_language_is_kept_with_its_script_and_region_and_nothing_else_is() {
        for (sent, kept) in [
            ("en-US", Some("en-us")),
            ("ja", Some("ja")),
            ("zh-Hant-HK", Some("zh-hant-hk")),
            ("es-419", Some("es-419")),
            ("yue-Hant-HK", Some("yue-hant")),
            ("de-DE-1996", Some("de-de")),
            ("de-jane-doe-1985", Some("de-jane")),
            ("jan-doe-1985", Some("jan")),
            ("jane-doe-1985-819012345678", None),
            ("0f8fad5bd9cb469fa16570867728950e", None),
            ("x-jane", None),
            ("日本", None),
            ("en_US", None),
            ("", None),
        ] {
            let hit = admit(Arrival { language: Some(sent.into()), ..arrival() }, &site(Mode::Full)).unwrap();
            assert_eq!(hit.language.as_deref(), kept, "{sent}");
        }
    }

    #[test]
    fn an_address_is_cut_to_the_sites_precision_before_the_hit_rests() {
        let kept = |precision, address: &str| {
            let site = Site { address: precision, ..site(Mode::Full) };
            let peer = Peer { address: address.parse().unwrap(), ..arrival().peer };
            admit(Arrival { peer, ..arrival() }, &site).unwrap().peer.unwrap().address.to_string()
        };
        assert_eq!(kept(AddressPrecision::Full, "192.0.2.77"), "192.0.2.77");
        assert_eq!(kept(AddressPrecision::Network, "192.0.2.77"), "192.0.2.0");
        assert_eq!(kept(AddressPrecision::None, "192.0.2.77"), "0.0.0.0");
    }

    #[test]
    fn refuses_each_for_its_reason() {
        let long = |chars: usize| -> Box<str> { "x".repeat(chars).into() };
        let event = |name: Box<str>| Kind::Event { name, interactive: true };
        let peer = |agent: &str| Peer { address: [192, 0, 2, 1].into(), agent: agent.into() };
        let many = vec![("a".into(), "b".into()); PROPS_MAX + 1];
        let money = |currency: &[u8; 3], micros| Some(Revenue { currency: *currency, micros });
        let cases = [
            (Arrival { signals: Signals::OPTED_OUT, ..arrival() }, Refusal::OptedOut),
            (Arrival { peer: peer("curl/8.5.0"), ..arrival() }, Refusal::Bot(BotClass::Library)),
            (Arrival { peer: peer(""), ..arrival() }, Refusal::Bot(BotClass::Nameless)),
            (Arrival { url: "not a url".into(), ..arrival() }, Refusal::Malformed),
            (Arrival { url: format!("https://example.com/{}", long(2_000)).into(), ..arrival() }, Refusal::TooLarge),
            (Arrival { props: many, ..arrival() }, Refusal::TooLarge),
            (Arrival { props: vec![(long(PROP_NAME_CHARS_MAX + 1), "".into())], ..arrival() }, Refusal::TooLarge),
            (Arrival { props: vec![("a".into(), long(PROP_VALUE_CHARS_MAX + 1))], ..arrival() }, Refusal::TooLarge),
            (Arrival { kind: event(long(EVENT_NAME_CHARS_MAX + 1)), ..arrival() }, Refusal::TooLarge),
            (Arrival { kind: event(" ".into()), ..arrival() }, Refusal::Malformed),
            (Arrival { revenue: money(b"eur", 1), ..arrival() }, Refusal::Malformed),
            (Arrival { revenue: money(b"EUR", -1), ..arrival() }, Refusal::Malformed),
            (Arrival { revenue: money(b"EUR", REVENUE_MICROS_MAX + 1), ..arrival() }, Refusal::Malformed),
        ];
        for (arrival, refusal) in cases {
            assert_eq!(admit(arrival, &site(Mode::Full)), Err(refusal));
        }
        assert_eq!(admit(arrival(), &site(Mode::Off)), Err(Refusal::Off));
    }

    #[test]
    fn a_refusal_of_consent_comes_before_any_look_at_the_sender() {
        let robot = Peer { address: [192, 0, 2, 1].into(), agent: "curl/8.5.0".into() };
        assert_eq!(admit(Arrival { peer: robot, ..arrival() }, &site(Mode::Off)), Err(Refusal::Off));
    }

    #[test]
    fn implausible_attention_is_cut_or_dropped() {
        let kind =
            Kind::Engagement(Engagement { engaged_ms: u32::MAX, scroll_percent: Some(101), ..Engagement::default() });
        let hit = admit(Arrival { kind, ..arrival() }, &site(Mode::Full)).unwrap();
        assert_eq!(hit.kind, Kind::Engagement(Engagement { engaged_ms: ENGAGED_MS_MAX, ..Engagement::default() }));
    }

    #[test]
    fn an_agent_is_cut_at_a_character() {
        let agent = format!("{}é", "x".repeat(AGENT_BYTES_MAX - 1));
        let peer = Peer { address: [192, 0, 2, 1].into(), agent: agent.into() };
        let hit = admit(Arrival { peer, ..arrival() }, &site(Mode::Full)).unwrap();
        assert_eq!(hit.peer.unwrap().agent.len(), AGENT_BYTES_MAX - 1);
    }

    fn arrival() -> Arrival {
        Arrival {
            site: "example.com".into(),
            at: Millis(0),
            id: None,
            kind: Kind::Pageview,
            url: "https://www.example.com/a?utm_source=spring&token=secret#secret".into(),
            referrer: Some("https://www.google.com/search?q=secret".into()),
            props: vec![("plan".into(), "pro".into())],
            revenue: None,
            screen_width: Some(1_280),
            language: Some("en-US".into()),
            signals: Signals::default(),
            peer: Peer {
                address: [192, 0, 2, 1].into(),
                agent: "Mozilla/5.0 (X11; Linux x86_64) Firefox/127.0".into(),
            },
        }
    }

    fn site(mode: Mode) -> Site {
        Site { mode, ..Site::new(Domain::parse("example.com").unwrap()) }
    }
}
