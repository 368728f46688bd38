//! What became of every hit: outcomes, and the ledger lines in which they are kept so that nothing vanishes silently.
//!
//! received = counted + minimal + refused(reason) + bot(class) + late, per site and minute.

use crate::{Cell, Domain, LocalDay, Millis};

/// Why a hit was turned away. Closed: a new reason needs its label, its status and its line in the docs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Refusal {
    /// No such site is configured.
    UnknownSite,
    /// Not what the format asks for.
    Malformed,
    /// Over a size limit.
    TooLarge,
    /// The sender calls itself, or is known as, a robot.
    Bot(BotClass),
    /// The sender sends faster than its share.
    RateLimited,
    /// The visitor opted out.
    OptedOut,
    /// The visitor restricted today's processing.
    Restricted,
    /// It was counted, and the visitor had it taken back.
    Erased,
    /// The site's mode is `off` for this hit.
    Off,
    /// A second arrival of a hit that was already counted.
    Duplicate,
    /// A log line of something that is no page: a picture, a style sheet, a script.
    StaticFile,
    /// A log line of a request that does not view a page (`POST`, `HEAD`, …).
    Method,
    /// A log line of an answer that showed no page (a redirect, an error).
    Status,
}

/// What kind of robot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum BotClass {
    /// It names itself in the user agent.
    Declared,
    /// An automated browser (headless, driver).
    Automation,
    /// A library or command-line client.
    Library,
    /// No user agent at all.
    Nameless,
}

impl BotClass {
    /// The word for it in the ledger and in metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Declared => "declared",
            Self::Automation => "automation",
            Self::Library => "library",
            Self::Nameless => "nameless",
        }
    }
}

impl Refusal {
    /// The word for it in answers, metrics and the ledger.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UnknownSite => "unknown_site",
            Self::Malformed => "malformed",
            Self::TooLarge => "too_large",
            Self::Bot(_) => "bot",
            Self::RateLimited => "rate_limited",
            Self::OptedOut => "opted_out",
            Self::Restricted => "restricted",
            Self::Erased => "erased",
            Self::Off => "off",
            Self::Duplicate => "duplicate",
            Self::StaticFile => "static_file",
            Self::Method => "method",
            Self::Status => "status",
        }
    }
}

/// How much was counted of a hit whose visitor was told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Measured {
    /// In mode `full`.
    Full,
    /// In mode `exempt`: the site's own, or what a signal left.
    Exempt(Option<Lowering>),
}

/// What left a hit less than its site's own mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Lowering {
    /// The visitor opted out, on a site that still counts the view.
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
    /// A consent string that says neither yes nor no.
    Unclear,
    /// No signal: more visitors came in the day than are told apart.
    Crowd,
}

impl Lowering {
    /// Every one.
    pub const ALL: [Self; 9] = [
        Self::OptedOut,
        Self::Child,
        Self::Refused,
        Self::TcfRefused,
        Self::GppRefused,
        Self::Gpc,
        Self::Dnt,
        Self::Unclear,
        Self::Crowd,
    ];

    /// The word for it in answers and the ledger; signals are called as in a site's settings.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OptedOut => "opted_out",
            Self::Child => "child",
            Self::Refused => "refused",
            Self::TcfRefused => "tcf_refused",
            Self::GppRefused => "gpp_refused",
            Self::Gpc => "gpc",
            Self::Dnt => "dnt",
            Self::Unclear => "unclear",
            Self::Crowd => "crowd",
        }
    }

    /// The ledger's reason of a hit that it left in mode `exempt`.
    const fn to_exempt(self) -> &'static str {
        match self {
            Self::OptedOut => "exempt/opted_out",
            Self::Child => "exempt/child",
            Self::Refused => "exempt/refused",
            Self::TcfRefused => "exempt/tcf_refused",
            Self::GppRefused => "exempt/gpp_refused",
            Self::Gpc => "exempt/gpc",
            Self::Dnt => "exempt/dnt",
            Self::Unclear => "exempt/unclear",
            Self::Crowd => "exempt/crowd",
        }
    }
}

/// What became of one hit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Outcome {
    /// Counted with its visitor.
    Counted(Measured),
    /// Counted without its visitor: the site's own mode, or what lowered it.
    Minimal(Option<Lowering>),
    /// Counted without its visitor, because it came when its day had closed and nobody was known any more.
    Late,
    /// Turned away.
    Refused(Refusal),
}

impl Outcome {
    /// The ledger's column `outcome`: one of `counted`, `minimal`, `refused`, `bot`, `late`.
    #[must_use]
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Counted(_) => "counted",
            Self::Minimal(_) => "minimal",
            Self::Late => "late",
            Self::Refused(Refusal::Bot(_)) => "bot",
            Self::Refused(_) => "refused",
        }
    }

    /// The ledger's column `reason`: the mode of what was counted, and after a slash what lowered it to that; of a hit
    /// without visitor what lowered it, if anything did; the class of a robot. Rows of the first versions say nothing of
    /// what was counted.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Counted(Measured::Full) => "full",
            Self::Counted(Measured::Exempt(None)) => "exempt",
            Self::Counted(Measured::Exempt(Some(lowering))) => lowering.to_exempt(),
            Self::Minimal(Some(lowering)) => lowering.as_str(),
            Self::Minimal(None) | Self::Late => "",
            Self::Refused(Refusal::Bot(class)) => class.as_str(),
            Self::Refused(refusal) => refusal.as_str(),
        }
    }
}

/// How many hits of one site and one minute came to one outcome.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LedgerLine {
    /// The site.
    pub site: Domain,
    /// Minutes since the epoch.
    pub minute: i64,
    /// What became of them.
    pub outcome: Outcome,
    /// How many; negative only when a correction takes back.
    pub hits: i64,
}

/// Why an acknowledged record can never be counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Loss {
    /// The key of its hour is gone.
    Expired,
    /// It does not open with the key of its hour: that was replaced, or the record was changed.
    Forged,
    /// It is no sealed record.
    Malformed,
    /// It opened, and its content cannot be read.
    Format,
    /// The disk does not give it back as it was written.
    Damaged,
    /// It was counted, and its key was gone when a later start had to read it again: who sent it counts as somebody new from
    /// then on. Nothing is missing.
    Forgotten,
}

impl Loss {
    /// Every one.
    pub const ALL: [Self; 6] =
        [Self::Expired, Self::Forged, Self::Malformed, Self::Format, Self::Damaged, Self::Forgotten];

    /// The word for it in metrics, answers and the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::Forged => "forged",
            Self::Malformed => "malformed",
            Self::Format => "format",
            Self::Damaged => "damaged",
            Self::Forgotten => "forgotten",
        }
    }
}

/// How many acknowledged records of one hour were lost. Of no site: that is sealed with them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LostLine {
    /// The hour in which they were appended to the journal, as hours since the epoch.
    pub hour: i64,
    /// Why.
    pub loss: Loss,
    /// How many.
    pub records: i64,
}

/// How many visitors a processor's partition saw in the five minutes before `at`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveLine {
    /// The site.
    pub site: Domain,
    /// When this was true.
    pub at: Millis,
    /// The journal's partition; visitors of different partitions are different, so lines add up.
    pub partition: u32,
    /// Visitors.
    pub visitors: u64,
}

/// How far one of a processor's partitions is: everything that the journal had of it before `at` is in the counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReachedLine {
    /// The journal's partition.
    pub partition: u32,
    /// By the clocks of journal and processor.
    pub at: Millis,
}

/// Everything one flush writes: netted, additive, sorted, and without any trace of who or in what order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Changes of cells, sorted by key, none all zero.
    pub cells: Vec<Cell>,
    /// Changes of the ledger, sorted.
    pub ledger: Vec<LedgerLine>,
    /// Live visitors, one line a site.
    pub live: Vec<LiveLine>,
    /// Records that were read and cannot be counted, sorted.
    pub lost: Vec<LostLine>,
    /// How far the partition is with this flush; nothing of an import, which is of no partition.
    pub reached: Option<ReachedLine>,
}

/// A site's day whose fold is final and forgotten.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClosedDay {
    /// The site.
    pub site: Domain,
    /// The day.
    pub day: LocalDay,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_ledger_tells_every_mode_and_what_led_to_it() {
        let mut seen = BTreeSet::new();
        for lowering in Lowering::ALL {
            let exempt = Outcome::Counted(Measured::Exempt(Some(lowering)));
            assert_eq!((exempt.kind(), exempt.reason().strip_prefix("exempt/")), ("counted", Some(lowering.as_str())));
            let minimal = Outcome::Minimal(Some(lowering));
            assert_eq!((minimal.kind(), minimal.reason()), ("minimal", lowering.as_str()));
            assert!(seen.insert(lowering.as_str()));
        }
        assert_eq!(Outcome::Counted(Measured::Full).reason(), "full");
        assert_eq!(Outcome::Counted(Measured::Exempt(None)).reason(), "exempt");
        assert_eq!(Outcome::Minimal(None).reason(), "");
    }
}
