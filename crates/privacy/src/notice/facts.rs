//! What the notice is made from: what is configured for a site, and what this build was seen to do with its hits.
//!
//! It holds nothing about any visitor. A fact that could not be established is absent, and so is what depends on it.

use std::collections::BTreeMap;

use model::{AddressPrecision, Domain, Mode, NoticeFacts};

/// Everything the notice depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// The site.
    pub site: Domain,
    /// The zone whose midnight ends its days.
    pub timezone: String,
    /// Who answers, and what the operator declares.
    pub answers: NoticeFacts,
    /// The mode of a hit that carries no signal.
    pub without_signal: Mode,
    /// What each signal that this build can read leads to.
    pub signals: Vec<(Signal, Mode)>,
    /// What is kept of a hit in each mode that a hit of this site can come to.
    pub kept: BTreeMap<Mode, Kept>,
    /// How much of an address is left when a hit is sealed.
    pub address: AddressPrecision,
    /// What is cut out of URLs.
    pub cuts: Cuts,
    /// Whether every hit is treated as a child's.
    pub child_directed: bool,
    /// Whether anybody may read the site's counts.
    pub public: bool,
    /// Whether addresses are looked up in a table of places.
    pub places: bool,
    /// Whether senders of too many hits are held back by the network of their address.
    pub rate_limited: bool,
    /// Hours after which sealed records cannot be opened any more.
    pub sealed_hours: i64,
    /// Days that counts are kept, if something ends their life.
    pub retention_days: Option<u16>,
    /// Distinct visitors below which crossings are folded, if something folds them.
    pub visitors_min: Option<u32>,
    /// What counts are rounded to before anybody reads them, if they are.
    pub rounded_to: Option<i64>,
    /// The cookie that keeps a visitor's objection, if there is one.
    pub opt_out: Option<OptOut>,
    /// Whether a visitor can see, take back and restrict what is held of them while their day is open, and for how long a
    /// restriction is remembered by the browser.
    pub restriction_hours: Option<i64>,
    /// The cookie by which a browser remembers it, `name=value`.
    pub restriction_cookie: &'static str,
    /// Whether one program on one server receives, counts and stores.
    pub one_server: bool,
    /// Whether anything is stored per person, visit or event.
    pub rows_per_person: bool,
    /// The measures that protect all this.
    pub measures: Vec<Measure>,
    /// The program's version.
    pub version: &'static str,
}

/// A word about being measured, in the order of their strength.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Signal {
    /// The opt-out cookie.
    OptedOut,
    /// A child, or a page directed at children.
    Child,
    /// The page said the visitor refused.
    Refused,
    /// A TCF string refuses.
    TcfRefused,
    /// A GPP string refuses.
    GppRefused,
    /// Global Privacy Control.
    Gpc,
    /// Do Not Track.
    Dnt,
    /// The page said the visitor agreed.
    Granted,
    /// A TCF string agrees.
    TcfGranted,
    /// A consent string that cannot be relied on.
    Unclear,
}

/// What is kept of a hit in one mode, until it is counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// Address and user agent, from which the day's pseudonym, browser, system and country are derived.
    pub visitor: bool,
    /// The referring page.
    pub referrer: Referrer,
    /// Campaign fields (`utm_…`).
    pub campaign: bool,
    /// The name of an event.
    pub event_name: bool,
    /// What a page attaches to an event.
    pub properties: bool,
    /// Money that an event brought.
    pub revenue: bool,
    /// The window's width.
    pub screen: bool,
    /// The preferred language.
    pub language: bool,
}

/// What is kept of the address of the page that a visitor came from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Referrer {
    /// Nothing.
    #[default]
    Nothing,
    /// Its host.
    Host,
    /// Its host and path.
    HostAndPath,
}

/// What is cut out of URLs before a hit is sealed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cuts {
    /// The query, but for the campaign fields.
    pub query: bool,
    /// Values of click ids; their parameter's name may stay.
    pub click_ids: bool,
    /// The query of the referring page, where a search engine would put what was searched for.
    pub referrer_query: bool,
    /// Parts of a path that look personal: mail addresses, long numbers, tokens.
    pub personal_paths: bool,
    /// How many of the operator's own path patterns are redacted.
    pub path_patterns: usize,
}

/// The cookie that keeps a visitor's objection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OptOut {
    /// Name and value, `name=value`.
    pub cookie: &'static str,
    /// How long a browser keeps it.
    pub days: u32,
}

/// A measure of security that exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// Records are sealed before they rest.
    Sealed,
    /// Keys are overwritten and removed when their time has come.
    KeysDestroyed,
    /// The destruction of each key is recorded.
    Audited,
    /// Secrets live in memory that is not written out on a crash.
    SecretsInMemory,
    /// Logs and metrics hold nothing about a visitor.
    QuietLogs,
    /// The counts can be read with a token only.
    Token,
}

/// Something the notice ought to say and cannot, because nobody configured it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Missing {
    /// The setting of the site.
    pub setting: &'static str,
    /// What it would say.
    pub says: &'static str,
}

impl Facts {
    /// What the operator still has to say. A visitor's notice leaves it out rather than say that something lacks.
    #[must_use]
    pub fn missing(&self) -> Vec<Missing> {
        let NoticeFacts { controller, contact, responsible, purpose, region, recipients: _ } = &self.answers;
        let settings = [
            (controller, "controller", "name and address of who answers for the site"),
            (contact, "contact", "where requests and complaints go"),
            (responsible, "responsible", "the person or office responsible for data protection"),
            (purpose, "purpose", "what the counts are for, in your words"),
            (region, "region", "the region in which the data is kept"),
        ];
        let unsaid = settings.into_iter().filter(|(said, ..)| said.is_none());
        unsaid.map(|(_, setting, says)| Missing { setting, says }).collect()
    }

    /// Whether a hit can come to this mode.
    #[must_use]
    pub fn reaches(&self, mode: Mode) -> bool {
        self.kept.contains_key(&mode)
    }

    /// Whether anything is measured at all.
    #[must_use]
    pub fn measures_anything(&self) -> bool {
        self.kept.keys().any(|mode| *mode > Mode::Off)
    }

    /// Whether visitors are told apart in any mode.
    #[must_use]
    pub fn tells_visitors_apart(&self) -> bool {
        self.kept.values().any(|kept| kept.visitor)
    }

    /// The hours of a restriction, where visitors have rights in what is held: where they are told apart.
    #[must_use]
    pub fn rights(&self) -> Option<i64> {
        self.restriction_hours.filter(|_| self.tells_visitors_apart())
    }

    /// What this signal leads to, where it is read.
    #[must_use]
    pub fn leads_to(&self, signal: Signal) -> Option<Mode> {
        self.signals.iter().find(|(known, _)| *known == signal).map(|(_, mode)| *mode)
    }

    /// Where the site's page for visitors is, on the server that measures.
    #[must_use]
    pub fn page(&self) -> String {
        format!("/privacy?d={}", self.site)
    }
}
