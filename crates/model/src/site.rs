//! A measured site and the table of them that every station holds a copy of.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::policy::{AddressPrecision, NoticeFacts, SignalModes, TcfPolicy};
use crate::{Definitions, Millis};

/// What may be computed about a hit, weakest first. The order is meaningful: a signal only ever lowers the mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Nothing is kept, not even a log line.
    Off,
    /// The view is counted in totals and by page; nothing is computed about its visitor.
    Minimal,
    /// Audience measurement under the strictest regulator's text.
    Exempt,
    /// Everything Footfall can count.
    Full,
}

impl Mode {
    /// The word for it in configuration, metrics and answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Minimal => "minimal",
            Self::Exempt => "exempt",
            Self::Full => "full",
        }
    }
}

/// A site's name: a lower-case host name, as in `data-domain`. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Domain(Arc<str>);

/// Why a text is not a site's name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a site is a host name such as example.com, of at most 253 letters, digits, dots and hyphens (a path such as example.com/blog may follow)"
)]
pub struct DomainError;

impl Domain {
    /// Reads a site's name; upper case is folded.
    ///
    /// # Errors
    /// Anything but letters, digits, dots, hyphens, underscores, slashes and a port's colon, or over 253 bytes.
    pub fn parse(text: &str) -> Result<Self, DomainError> {
        let well_formed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b'/' | b':');
        if text.is_empty() || text.len() > 253 || !text.bytes().all(well_formed) {
            return Err(DomainError);
        }
        Ok(Self(text.to_ascii_lowercase().into()))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Domain {
    type Error = DomainError;
    fn try_from(text: String) -> Result<Self, DomainError> {
        Self::parse(&text)
    }
}

impl From<Domain> for String {
    fn from(domain: Domain) -> Self {
        domain.0.as_ref().to_owned()
    }
}

/// One measured site: everything a station must know to treat its hits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Site {
    /// Its name.
    pub domain: Domain,
    /// IANA name of the zone whose midnight ends a day, such as `Asia/Tokyo`.
    pub timezone: String,
    /// The zone that still counts for some hours after a change, so that an open day keeps its midnight.
    pub timezone_before: Option<FormerZone>,
    /// What applies without any signal.
    pub mode: Mode,
    /// Whether its dashboard may be read without a token.
    pub public: bool,
    /// Whether it is directed at children, so that every hit carries [`crate::Signals::CHILD`].
    pub child_directed: bool,
    /// What each signal leads to.
    pub signals: SignalModes,
    /// How TCF strings are read.
    pub tcf: TcfPolicy,
    /// How much of an address is kept.
    pub address: AddressPrecision,
    /// Distinct visitors below which a crossing is folded into `(other)` when its day closes.
    pub visitors_min: u32,
    /// Days that counts are kept.
    pub retention_days: u16,
    /// Path patterns whose `*` segments are redacted, such as `/orders/*/edit`, before anything rests.
    pub redact_paths: Vec<String>,
    /// What the notice says.
    pub notice: NoticeFacts,
    /// The currency of its sums of money: an amount of any other is left out of them. Without one there are no sums.
    #[serde(default)]
    pub currency: Option<Currency>,
    /// Its goals, segments and funnels. They come from the settings beside the site, and are no part of how it is kept there.
    #[serde(default, skip_serializing_if = "Definitions::is_empty")]
    pub definitions: Definitions,
}

/// An ISO 4217 code: three upper-case letters.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Currency([u8; 3]);

/// Why a text is no currency.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a currency is a code of three upper-case letters such as EUR or JPY")]
pub struct CurrencyError;

impl Currency {
    /// Reads a code.
    ///
    /// # Errors
    /// Anything but three upper-case letters.
    pub fn parse(text: &str) -> Result<Self, CurrencyError> {
        let code: [u8; 3] = text.as_bytes().try_into().map_err(|_| CurrencyError)?;
        if code.iter().all(u8::is_ascii_uppercase) { Ok(Self(code)) } else { Err(CurrencyError) }
    }

    /// Its letters.
    #[must_use]
    pub const fn code(self) -> [u8; 3] {
        self.0
    }

    /// The code as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl TryFrom<String> for Currency {
    type Error = CurrencyError;
    fn try_from(text: String) -> Result<Self, CurrencyError> {
        Self::parse(&text)
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> Self {
        currency.as_str().to_owned()
    }
}

/// A site's time zone before the one it has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormerZone {
    /// Its IANA name.
    pub timezone: String,
    /// Until when hits are counted by it: the end of its day in which it was changed.
    pub until: Millis,
}

/// By which zones a site's days were counted last: what has to be remembered to know the zone before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CountedZone {
    /// The zone it has.
    pub timezone: String,
    /// The one before, as long as it counts or a replay may need it.
    pub before: Option<FormerZone>,
}

/// Distinct visitors below which a crossing is folded, unless the site says otherwise.
pub const VISITORS_MIN: u32 = 10;

/// Days that counts are kept, unless the site says otherwise: 25 months, so that a month has the same one of two years before.
pub const RETENTION_DAYS: u16 = 761;

impl Site {
    /// A site with the defaults: UTC days, `full` mode, a private dashboard.
    #[must_use]
    pub fn new(domain: Domain) -> Self {
        Self {
            domain,
            timezone: "UTC".to_owned(),
            timezone_before: None,
            mode: Mode::Full,
            public: false,
            child_directed: false,
            signals: SignalModes::default(),
            tcf: TcfPolicy::default(),
            address: AddressPrecision::default(),
            visitors_min: VISITORS_MIN,
            retention_days: RETENTION_DAYS,
            redact_paths: Vec::new(),
            notice: NoticeFacts::default(),
            currency: None,
            definitions: Definitions::default(),
        }
    }
}

/// The table of sites, by name. A new table replaces the old one whole.
#[derive(Clone, Debug, Default)]
pub struct Sites(BTreeMap<Arc<str>, Arc<Site>>);

impl Sites {
    /// Looks a site up by the name a hit carries; case does not matter.
    #[must_use]
    pub fn get(&self, domain: &str) -> Option<&Arc<Site>> {
        self.0.get(domain).or_else(|| self.0.get(domain.to_ascii_lowercase().as_str()))
    }

    /// All sites, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Site>> {
        self.0.values()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<Site> for Sites {
    fn from_iter<I: IntoIterator<Item = Site>>(sites: I) -> Self {
        Self(sites.into_iter().map(|site| (Arc::clone(&site.domain.0), Arc::new(site))).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_names_and_refuses_what_is_none() {
        assert_eq!(Domain::parse("Example.COM").map(String::from), Ok("example.com".to_owned()));
        for bad in ["", "exa mple.com", "例え.jp", "a\nb", &"a".repeat(254)] {
            assert_eq!(Domain::parse(bad), Err(DomainError), "{bad:?}");
        }
    }

    #[test]
    fn a_currency_is_three_upper_case_letters() {
        assert_eq!(Currency::parse("EUR").map(String::from), Ok("EUR".to_owned()));
        for bad in ["", "eur", "EURO", "E1R", "円円円"] {
            assert_eq!(Currency::parse(bad), Err(CurrencyError), "{bad}");
        }
    }

    #[test]
    fn finds_a_site_whatever_the_case() {
        let sites: Sites = [Site::new(Domain::parse("example.com").unwrap())].into_iter().collect();
        assert!(sites.get("EXAMPLE.com").is_some() && sites.get("other.com").is_none());
    }

    #[test]
    fn modes_are_ordered_from_least_to_most() {
        assert!(Mode::Off < Mode::Minimal && Mode::Minimal < Mode::Exempt && Mode::Exempt < Mode::Full);
    }
}
