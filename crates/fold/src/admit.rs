//! Admission: what a door understood becomes a hit that may rest sealed, or a refusal. Run by the collector and by the
//! importer, so that both turn away and strip the same.
//!
//! It knows no clock, no HTTP and no format. The invariant: what the mode does not allow is gone from the [`Hit`].

use model::limits::{
    AGENT_BYTES_MAX, ENGAGED_MS_MAX, EVENT_NAME_CHARS_MAX, LANGUAGE_BYTES_MAX, PROP_NAME_CHARS_MAX,
    PROP_VALUE_CHARS_MAX, PROPS_MAX,
};
use model::{Arrival, Campaign, Hit, Kind, Mode, Referrer, Refusal, Revenue, Signals, Site};
use privacy::consent;
use privacy::strip::{self, Page, PageError};

use crate::enrich::robots;
use crate::path;

/// Largest amount of money one event may bring, in millionths: a hundred million units. It keeps a day's sum inside 64 bits
/// for the 92,000 such events that no shop has.
pub const REVENUE_MICROS_MAX: i64 = 100_000_000_000_000;

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
        self.mode = consent::decide(self.arrival.signals, self.site.mode);
        match self.mode {
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
        robots::robot(agent).map_or(Ok(()), |class| Err(Refusal::Bot(class)))
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

    pub(crate) fn strip_by_mode(&mut self) -> Result<(), Refusal> {
        match self.mode {
            Mode::Full => {}
            Mode::Exempt => {
                self.page.campaign = Campaign::default();
                if let Some(referrer) = &mut self.referrer {
                    referrer.path = "/".into();
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

fn at_most(chars_max: usize, text: &str) -> Result<(), Refusal> {
    if text.len() > chars_max && text.chars().count() > chars_max { Err(Refusal::TooLarge) } else { Ok(()) }
}

/// A tag such as `zh-hant-hk`; anything else says nothing.
fn language(tag: &str) -> Option<Box<str>> {
    let well_formed = tag.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    (well_formed && !tag.is_empty() && tag.len() <= LANGUAGE_BYTES_MAX).then(|| tag.to_ascii_lowercase().into())
}

fn plausible_money(revenue: &Revenue) -> Result<(), Refusal> {
    let named = revenue.currency.iter().all(u8::is_ascii_uppercase);
    if named && (0..=REVENUE_MICROS_MAX).contains(&revenue.micros) { Ok(()) } else { Err(Refusal::Malformed) }
}
