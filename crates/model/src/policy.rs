//! What a site promises its visitors, as data: what each signal leads to, what is cut from an address and a path, how long
//! counts live, and what the notice says. Decided by the operator, obeyed by every station, decided upon nowhere here.

use serde::{Deserialize, Serialize};

use crate::Mode;

/// The mode that each signal leads to. The strongest signal present decides, in [`crate::Signals`]' own order; where a weaker
/// refusal leads lower still, that holds.
///
/// The defaults count a refusal's page view without a visitor and do nothing at all about one who opted out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignalModes {
    /// The visitor opted out of this site.
    pub opted_out: Mode,
    /// A child, or a page directed at children.
    pub child: Mode,
    /// The page said the visitor refused analytics.
    pub refused: Mode,
    /// The IAB TCF string refuses.
    pub tcf_refused: Mode,
    /// The IAB GPP string refuses.
    pub gpp_refused: Mode,
    /// Global Privacy Control.
    pub gpc: Mode,
    /// Do Not Track.
    pub dnt: Mode,
    /// The page said the visitor agreed to analytics.
    pub granted: Mode,
    /// The IAB TCF string agrees.
    pub tcf_granted: Mode,
}

impl Default for SignalModes {
    fn default() -> Self {
        Self {
            opted_out: Mode::Off,
            child: Mode::Minimal,
            refused: Mode::Minimal,
            tcf_refused: Mode::Minimal,
            gpp_refused: Mode::Minimal,
            gpc: Mode::Minimal,
            dnt: Mode::Minimal,
            granted: Mode::Full,
            tcf_granted: Mode::Full,
        }
    }
}

/// How much of an address a hit keeps, cut before it is sealed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AddressPrecision {
    /// All of it: visitors behind different addresses of one network are told apart.
    #[default]
    Full,
    /// Its network: /24 of IPv4, /48 of IPv6.
    Network,
    /// Nothing: no country either, and visitors are told apart by their browser alone.
    None,
}

/// How a TCF string is read for this site.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TcfPolicy {
    /// Whether the purposes of the core string speak where the string has no publisher's own (`PublisherTC`).
    pub purposes_speak: bool,
    /// Whether the publisher declares legitimate interest for measuring content (purpose 8).
    pub legitimate_interest: bool,
    /// A vendor id whose publisher restrictions are honoured.
    pub vendor: Option<u16>,
}

/// Who answers for a site and what its notice has to say beyond what the configuration shows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticeFacts {
    /// Name and address of the controller.
    pub controller: Option<String>,
    /// Where requests and complaints go: a mail address or URL.
    pub contact: Option<String>,
    /// The person or office responsible for data protection.
    pub responsible: Option<String>,
    /// What the counts are for, in the operator's words.
    pub purpose: Option<String>,
    /// The region the site declares for its data, such as `EU` or `JP`.
    pub region: Option<String>,
    /// Who else receives the counts.
    pub recipients: Vec<String>,
}
