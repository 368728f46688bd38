//! An event that a sender reported, brought into shape. Both doors, the Events API and the clear GIF, lead here, so that one
//! rule holds for both.
//!
//! It says nothing about who sent it, and decides nothing about whether it counts. How long its texts may be and what an
//! address consists of is checked at admission (`fold`), for every door alike; here the body's length bounds them.

use std::borrow::Cow;

use model::limits::{ENGAGED_MS_MAX, LANGUAGE_BYTES_MAX, PROPS_MAX};
use model::{Arrival, Engagement, Kind, Millis, Peer, Refusal, Revenue, Signals, TcfPolicy, Vital, Vitals};

use crate::draft::{Draft, Field};
use crate::money::revenue;
use crate::strings::{ConsentStrings, google_consent};
use crate::value::{Fault, Members, Value, without_nul};

/// Most sites that one event may name (`"d": "one.example,two.example"`): Plausible's users roll a few sites up into one.
pub const SITES_PER_EVENT_MAX: usize = 8;

/// An event as its sender told it, for one site.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    site: Box<str>,
    kind: Kind,
    url: Box<str>,
    referrer: Option<Box<str>>,
    props: Props,
    revenue: Option<Revenue>,
    screen_width: Option<u16>,
    language: Option<Box<str>>,
    id: Option<u64>,
    signals: Signals,
    strings: ConsentStrings,
}

/// Custom properties, by name.
type Props = Vec<(Box<str>, Box<str>)>;

/// What a request held: its events, or why one is none. Never empty; an event for several sites stands there once for each.
pub type Events = Vec<Result<Event, Refused>>;

/// Why an event was turned away before anyone looked at its site or its sender.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The reason.
    pub refusal: Refusal,
    /// The site it named, if that much could be read.
    pub site: Option<Box<str>>,
    /// What is wrong, for the sender; it holds nothing of what was sent.
    pub message: &'static str,
}

impl Refused {
    /// A refusal of something that names no site.
    pub(crate) const fn nameless(refusal: Refusal, message: &'static str) -> Self {
        Self { refusal, site: None, message }
    }
}

/// What the headers of a request add to each of its events.
#[derive(Clone, Copy, Debug, Default)]
pub struct HeaderWords<'a> {
    /// Signals sent as headers or as the opt-out cookie.
    pub signals: Signals,
    /// The browser's preferred language, where the event names none.
    pub language: Option<&'a str>,
}

impl Event {
    /// Brings what a sender wrote into shape, once for each site it names.
    pub(crate) fn read(mut draft: Draft<'_>, events: &mut Events) {
        let sites = match required(draft.take(Field::Domain), "domain is missing") {
            Ok(sites) => sites,
            Err((refusal, message)) => return events.push(Err(Refused::nameless(refusal, message))),
        };
        let mut named: Vec<&str> = Vec::with_capacity(1);
        for site in sites.split(',').map(str::trim).filter(|site| !site.is_empty()) {
            // A site that is named twice is one site: it would count the hit twice.
            if named.iter().any(|other| other.eq_ignore_ascii_case(site)) {
                continue;
            }
            if named.len() == SITES_PER_EVENT_MAX {
                return events.push(Err(Refused::nameless(Refusal::TooLarge, "more than 8 domains")));
            }
            named.push(site);
        }
        let Some((first, others)) = named.split_first() else {
            return events.push(Err(Refused::nameless(Refusal::Malformed, "domain is missing")));
        };
        match Self::of_fields(&mut draft, first) {
            Ok(event) => {
                for site in others {
                    events.push(Ok(event.for_another(site)));
                }
                events.push(Ok(event));
            }
            Err((refusal, message)) => {
                for site in named {
                    events.push(Err(Refused { refusal, site: Some(site.into()), message }));
                }
            }
        }
    }

    fn of_fields(draft: &mut Draft<'_>, site: &str) -> Result<Self, Fault> {
        Ok(Self {
            site: site.into(),
            kind: kind(draft)?,
            url: required(draft.take(Field::Url), "url is missing")?.into(),
            referrer: referrer(draft.take(Field::Referrer))?,
            props: props(draft.take(Field::Props))?,
            revenue: revenue(draft.take(Field::Revenue))?,
            screen_width: screen_width(&draft.take(Field::ScreenWidth)),
            language: language(draft.take(Field::Language))?,
            id: id(draft.take(Field::Id))?,
            signals: signals(draft)?,
            strings: ConsentStrings::take(draft)?,
        })
    }

    /// The same event for another site: a hit of its own, so it needs an id of its own.
    fn for_another(&self, site: &str) -> Self {
        Self { site: site.into(), id: self.id.map(|id| id ^ digest(site.as_bytes())), ..self.clone() }
    }

    /// The site it is meant for.
    #[must_use]
    pub fn site(&self) -> &str {
        &self.site
    }

    /// The site's name alone.
    pub(crate) fn into_site(self) -> Box<str> {
        self.site
    }

    /// The hit that this event is, received at `at` from `peer`, its consent strings read by the site's policy: here they end.
    #[must_use]
    pub fn arrival_under(self, policy: TcfPolicy, at: Millis, headers: HeaderWords<'_>, peer: Peer) -> Arrival {
        Arrival {
            site: self.site,
            at,
            id: self.id,
            kind: self.kind,
            url: self.url,
            referrer: self.referrer,
            props: self.props,
            revenue: self.revenue,
            screen_width: self.screen_width,
            language: self.language.or_else(|| headers.language.map(Into::into)),
            signals: self.signals.with(headers.signals).with(self.strings.signals(at, policy)),
            peer,
        }
    }
}

fn kind(draft: &mut Draft<'_>) -> Result<Kind, Fault> {
    let name = required(draft.take(Field::Name), "name is missing")?;
    match name.as_ref() {
        "pageview" => Ok(Kind::Pageview),
        "engagement" => Ok(Kind::Engagement(Engagement {
            engaged_ms: draft.take(Field::EngagedMs).number().map_or(0, |ms| held(ms, ENGAGED_MS_MAX)),
            scroll_percent: scroll_percent(&draft.take(Field::ScrollPercent)),
            vitals: vitals(&draft.take(Field::Vitals))?,
        })),
        _ => {
            let interactive = draft.take(Field::Interactive).flag("interactive must be true or false")?;
            Ok(Kind::Event { name: name.into(), interactive: interactive.unwrap_or(true) })
        }
    }
}

/// What the page view measured, times in milliseconds and the layout's shift as the browser's own score. A value that is none, or below
/// zero, is left out; so is what has another name.
fn vitals(value: &Value<'_>) -> Result<Vitals, Fault> {
    let mut vitals = Vitals::default();
    let members = match value {
        Value::Absent => return Ok(vitals),
        Value::Object(members) => members,
        Value::Flag(_) | Value::Whole(_) | Value::Number(_) | Value::Text(_) | Value::Other => {
            return Err((Refusal::Malformed, "vitals must be an object such as {\"lcp\": 1200, \"cls\": 0.05}"));
        }
    };
    for vital in Vital::ALL {
        let told = members.iter().find(|(name, _)| name == vital.as_str()).and_then(|(_, value)| value.number());
        let unit = if vital == Vital::Cls { 1_000.0 } else { 1.0 };
        if let Some(number) = told.filter(|number| *number >= 0.0) {
            vitals.set(vital, held(number * unit, vital.max()));
        }
    }
    Ok(vitals)
}

/// Plausible's old script sends 255 for a page whose height it could not measure.
fn scroll_percent(value: &Value<'_>) -> Option<u8> {
    let percent = value.number().filter(|percent| *percent != 255.0)?;
    u8::try_from(held(percent, 100)).ok()
}

fn referrer(value: Value<'_>) -> Result<Option<Box<str>>, Fault> {
    let Some(referrer) = value.text()? else { return Ok(None) };
    // Only host and path of a referrer are ever used: a long query (click ids, search results) must not cost it.
    let kept = referrer.split(['?', '#']).next().unwrap_or_default();
    Ok((!kept.is_empty()).then(|| kept.into()))
}

fn props(value: Value<'_>) -> Result<Props, Fault> {
    match value {
        Value::Absent => Ok(Vec::new()),
        Value::Object(members) => props_of(members),
        // Plausible's old scripts send the object as a text.
        Value::Text(json) if json.is_empty() => Ok(Vec::new()),
        Value::Text(json) => match serde_json::from_str(&json) {
            Ok(Value::Object(members)) => props_of(members),
            _ => Err((Refusal::Malformed, "props must be an object")),
        },
        Value::Flag(_) | Value::Whole(_) | Value::Number(_) | Value::Other => {
            Err((Refusal::Malformed, "props must be an object"))
        }
    }
}

fn props_of(members: Members<'_>) -> Result<Props, Fault> {
    if members.len() > PROPS_MAX {
        return Err((Refusal::TooLarge, "more than 30 props"));
    }
    let mut props = Vec::with_capacity(members.len());
    for (name, value) in members {
        // A list or an object cannot be counted; like an empty value it is left out, and the hit stays.
        let value = match value {
            Value::Absent | Value::Object(_) | Value::Other => continue,
            Value::Flag(flag) => Cow::Borrowed(if flag { "true" } else { "false" }),
            Value::Whole(number) => Cow::Owned(number.to_string()),
            Value::Number(number) => Cow::Owned(number.to_string()),
            Value::Text(text) if text.is_empty() => continue,
            Value::Text(text) => text,
        };
        if name.is_empty() {
            return Err((Refusal::Malformed, "a prop must have a name"));
        }
        props.push((without_nul(name)?.into(), without_nul(value)?.into()));
    }
    Ok(props)
}

/// The window's width; a width that is none is left out, for it says nothing about the hit.
fn screen_width(value: &Value<'_>) -> Option<u16> {
    value.number().filter(|width| *width >= 1.0).and_then(|width| u16::try_from(held(width, u32::from(u16::MAX))).ok())
}

fn language(value: Value<'_>) -> Result<Option<Box<str>>, Fault> {
    Ok(value.text()?.filter(|tag| is_language_tag(tag)).map(Into::into))
}

/// Whether a text can be a language tag: letters, digits and hyphens, within the limit.
pub(crate) fn is_language_tag(text: &str) -> bool {
    let well_formed = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
    !text.is_empty() && text.len() <= LANGUAGE_BYTES_MAX && text.bytes().all(well_formed)
}

fn id(value: Value<'_>) -> Result<Option<u64>, Fault> {
    match value {
        Value::Absent => Ok(None),
        Value::Whole(id) => Ok(Some(id)),
        Value::Number(id) => Ok(Some(id.to_bits())),
        // Of a UUID only a digest is kept: ids are compared, never shown.
        Value::Text(id) if id.is_empty() => Ok(None),
        Value::Text(id) => Ok(Some(id.parse().unwrap_or_else(|_| digest(id.as_bytes())))),
        Value::Flag(_) | Value::Object(_) | Value::Other => Err((Refusal::Malformed, "id must be a text or a number")),
    }
}

/// FNV-1a, 64 bits: the same on every machine and in every version, for things that are only compared.
pub(crate) fn digest(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

fn signals(draft: &mut Draft<'_>) -> Result<Signals, Fault> {
    let mut signals = Signals::default();
    match consent(&draft.take(Field::Consent))? {
        Some(true) => signals = signals.with(Signals::GRANTED),
        Some(false) => signals = signals.with(Signals::REFUSED),
        None => {}
    }
    if draft.take(Field::Child).flag("child must be true or false")? == Some(true) {
        signals = signals.with(Signals::CHILD);
    }
    if draft.take(Field::Gpc).flag("gpc must be true or false")? == Some(true) {
        signals = signals.with(Signals::GPC);
    }
    Ok(signals.with(google_consent(draft)?))
}

/// What the page says about analytics: `{"analytics": false, …}`, or one flag for everything. What cannot be understood is
/// refused rather than ignored: it may have been a refusal.
fn consent(value: &Value<'_>) -> Result<Option<bool>, Fault> {
    let message = "consent must be an object such as {\"analytics\": false}";
    match value {
        Value::Object(members) => match members.iter().find(|(name, _)| name == "analytics") {
            Some((_, analytics)) => analytics.flag(message),
            None => Ok(None),
        },
        Value::Text(word) if word == "granted" => Ok(Some(true)),
        Value::Text(word) if word == "denied" => Ok(Some(false)),
        Value::Absent | Value::Flag(_) | Value::Whole(_) | Value::Number(_) | Value::Text(_) | Value::Other => {
            value.flag(message)
        }
    }
}

/// The nearest whole number from 0 to `max`.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "held to the range; NaN becomes 0")]
fn held(number: f64, max: u32) -> u32 {
    number.round().clamp(0.0, f64::from(max)) as u32
}

fn required<'a>(value: Value<'a>, message: &'static str) -> Result<Cow<'a, str>, Fault> {
    value.text()?.ok_or((Refusal::Malformed, message))
}
