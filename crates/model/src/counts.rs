//! Cells and counts: the only thing about visits that is ever stored. Additive integers per cell, never a row per person,
//! visit or event.

use std::ops::{AddAssign, Neg};

use crate::{Domain, LocalDay};

/// What a cell is about. The names are those of the store's column and follow Plausible's dimensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[repr(u8)]
pub enum Dimension {
    /// The whole site; its only value is empty.
    Total,
    /// Path of the page a hit was on.
    Page,
    /// Path of a visit's first page view.
    EntryPage,
    /// Path of a visit's last page view so far.
    ExitPage,
    /// Host of the page.
    Hostname,
    /// Where a visit came from, by name: `Google`, `example.org`, or the campaign's source.
    Source,
    /// GA4's default channel grouping, plus AI assistants.
    Channel,
    /// Host and path of the referring page.
    Referrer,
    /// `utm_source`.
    UtmSource,
    /// `utm_medium`.
    UtmMedium,
    /// `utm_campaign`.
    UtmCampaign,
    /// `utm_term`.
    UtmTerm,
    /// `utm_content`.
    UtmContent,
    /// ISO 3166-1 alpha-2 code.
    Country,
    /// ISO 3166-2 code.
    Region,
    /// City's name, with its country's code.
    City,
    /// Browser's name.
    Browser,
    /// Browser's name and major version.
    BrowserVersion,
    /// Operating system's name.
    Os,
    /// Operating system's name and version.
    OsVersion,
    /// `Desktop`, `Mobile`, `Tablet`, …
    Device,
    /// Class of window width.
    Screen,
    /// Language tag.
    Language,
    /// Name of an event; `pageview` is not one.
    Event,
    /// A custom property: `name=value`.
    Property,
    /// A saved segment, by its key (`definition::Effective::key`).
    Segment,
    /// A defined goal, by its key.
    Goal,
    /// A funnel, by its key; its cells are those with a [`Dimension::Step`] alone.
    Funnel,
    /// Number of a funnel's step, from 1.
    Step,
    /// Path of the page view that followed within the visit; its cells are those with a [`Dimension::Page`] alone.
    NextPage,
    /// A bucket of a web vital (`vitals::Bucket::key`): its cells count measurements, of no visitor.
    Vital,
}

impl Dimension {
    /// Every dimension, in order of its number.
    pub const ALL: [Self; 31] = [
        Self::Total,
        Self::Page,
        Self::EntryPage,
        Self::ExitPage,
        Self::Hostname,
        Self::Source,
        Self::Channel,
        Self::Referrer,
        Self::UtmSource,
        Self::UtmMedium,
        Self::UtmCampaign,
        Self::UtmTerm,
        Self::UtmContent,
        Self::Country,
        Self::Region,
        Self::City,
        Self::Browser,
        Self::BrowserVersion,
        Self::Os,
        Self::OsVersion,
        Self::Device,
        Self::Screen,
        Self::Language,
        Self::Event,
        Self::Property,
        Self::Segment,
        Self::Goal,
        Self::Funnel,
        Self::Step,
        Self::NextPage,
        Self::Vital,
    ];

    /// The store's word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Total => "",
            Self::Page => "page",
            Self::EntryPage => "entry_page",
            Self::ExitPage => "exit_page",
            Self::Hostname => "hostname",
            Self::Source => "source",
            Self::Channel => "channel",
            Self::Referrer => "referrer",
            Self::UtmSource => "utm_source",
            Self::UtmMedium => "utm_medium",
            Self::UtmCampaign => "utm_campaign",
            Self::UtmTerm => "utm_term",
            Self::UtmContent => "utm_content",
            Self::Country => "country",
            Self::Region => "region",
            Self::City => "city",
            Self::Browser => "browser",
            Self::BrowserVersion => "browser_version",
            Self::Os => "os",
            Self::OsVersion => "os_version",
            Self::Device => "device",
            Self::Screen => "screen",
            Self::Language => "language",
            Self::Event => "event",
            Self::Property => "property",
            Self::Segment => "segment",
            Self::Goal => "goal",
            Self::Funnel => "funnel",
            Self::Step => "step",
            Self::NextPage => "next_page",
            Self::Vital => "vital",
        }
    }
}

/// The dimensions that are crossed with each other by default (level 2): what an analyst filters a report by.
pub const PAIRED: [Dimension; 8] = [
    Dimension::Page,
    Dimension::EntryPage,
    Dimension::Source,
    Dimension::Channel,
    Dimension::UtmCampaign,
    Dimension::Country,
    Dimension::Device,
    Dimension::Event,
];

/// What people define by a filter: a hit may be in several of each, or in none.
pub const LABELS: [Dimension; 2] = [Dimension::Segment, Dimension::Goal];

/// The dimensions that are crossed with each of [`LABELS`], so that any of their reports can be asked of a segment or a goal:
/// everything of which a hit has one value.
pub const LABELLED: [Dimension; 22] = [
    Dimension::Page,
    Dimension::EntryPage,
    Dimension::Hostname,
    Dimension::Source,
    Dimension::Channel,
    Dimension::Referrer,
    Dimension::UtmSource,
    Dimension::UtmMedium,
    Dimension::UtmCampaign,
    Dimension::UtmTerm,
    Dimension::UtmContent,
    Dimension::Country,
    Dimension::Region,
    Dimension::City,
    Dimension::Browser,
    Dimension::BrowserVersion,
    Dimension::Os,
    Dimension::OsVersion,
    Dimension::Device,
    Dimension::Screen,
    Dimension::Language,
    Dimension::Event,
];

/// Dimensions whose values of too few visitors fold into `(other)` when their day closes, as all pairs do: the fine facts of a
/// visitor, the campaign fields into which a mailing can write its recipient, and segments, which cross any number of dimensions.
/// docs/decisions/0011-finer-facts-fold-too.md and 0021-counted-from-now-on.md argue the list.
pub const FOLDED: [Dimension; 8] = [
    Dimension::City,
    Dimension::Region,
    Dimension::Language,
    Dimension::BrowserVersion,
    Dimension::OsVersion,
    Dimension::UtmTerm,
    Dimension::UtmContent,
    Dimension::Segment,
];

/// Whether cells of two dimensions crossed with each other are counted (day grain only).
#[must_use]
pub fn is_pair(one: Dimension, other: Dimension) -> bool {
    let (first, second) = if one < other { (one, other) } else { (other, one) };
    match (first, second) {
        (Dimension::Event, Dimension::Property)
        | (Dimension::Segment, Dimension::Goal)
        | (Dimension::Funnel, Dimension::Step)
        | (Dimension::Page, Dimension::NextPage)
        | (Dimension::Page | Dimension::Device, Dimension::Vital) => true,
        (first, Dimension::Segment | Dimension::Goal) => LABELLED.contains(&first),
        _ => first != second && PAIRED.contains(&first) && PAIRED.contains(&second),
    }
}

/// One cell's key and the change of its counts.
///
/// A level-2 cell is stored once, with the smaller dimension first; `by` is [`Dimension::Total`] below level 2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    /// The site.
    pub site: Domain,
    /// Site-local day.
    pub day: LocalDay,
    /// Site-local wall-clock hour 0 to 23, or `None` for the whole day. On the day a clock is set back, the repeated
    /// hour's two passages share one cell.
    pub hour: Option<u8>,
    /// The first dimension.
    pub dimension: Dimension,
    /// Its value.
    pub value: Box<str>,
    /// The second dimension.
    pub by: Dimension,
    /// Its value.
    pub by_value: Box<str>,
    /// The change.
    pub counts: Counts,
}

/// What is counted in a cell. Every field is additive; a change may be negative, a stored sum never is.
///
/// Counts of visits (`visits`, `bounces`, `visit_seconds`, `entries`, `exits`) belong to the bucket in which the visit
/// started; all others to the bucket of the hit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Distinct visitors in the bucket.
    pub visitors: i64,
    /// Visits; in a cell of a page or an event, visits that contain it.
    pub visits: i64,
    /// Page views.
    pub pageviews: i64,
    /// Page views and custom events.
    pub events: i64,
    /// Visits of one page view and no interactive event; in a cell of a page, those that entered there.
    pub bounces: i64,
    /// Seconds from a visit's first to its last hit, summed.
    pub visit_seconds: i64,
    /// Visits that entered on this page.
    pub entries: i64,
    /// Visits that (so far) ended on this page.
    pub exits: i64,
    /// Visible and focused time, in milliseconds.
    pub engaged_ms: i64,
    /// Sum over visitors of their deepest scroll on this page, in percent.
    pub scroll_percent: i64,
    /// Visitors in that sum.
    pub scroll_visitors: i64,
    /// Money, in millionths of the site's currency.
    pub revenue_micros: i64,
}

impl Counts {
    /// Whether nothing changes.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        *self == Self::default()
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.visitors += other.visitors;
        self.visits += other.visits;
        self.pageviews += other.pageviews;
        self.events += other.events;
        self.bounces += other.bounces;
        self.visit_seconds += other.visit_seconds;
        self.entries += other.entries;
        self.exits += other.exits;
        self.engaged_ms += other.engaged_ms;
        self.scroll_percent += other.scroll_percent;
        self.scroll_visitors += other.scroll_visitors;
        self.revenue_micros += other.revenue_micros;
    }
}

/// The change that takes this one back. Saturates, as sums of money do.
impl Neg for Counts {
    type Output = Self;

    fn neg(self) -> Self {
        Self {
            visitors: self.visitors.saturating_neg(),
            visits: self.visits.saturating_neg(),
            pageviews: self.pageviews.saturating_neg(),
            events: self.events.saturating_neg(),
            bounces: self.bounces.saturating_neg(),
            visit_seconds: self.visit_seconds.saturating_neg(),
            entries: self.entries.saturating_neg(),
            exits: self.exits.saturating_neg(),
            engaged_ms: self.engaged_ms.saturating_neg(),
            scroll_percent: self.scroll_percent.saturating_neg(),
            scroll_visitors: self.scroll_visitors.saturating_neg(),
            revenue_micros: self.revenue_micros.saturating_neg(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dimensions_are_numbered_in_order_and_named_once() {
        for (number, dimension) in Dimension::ALL.into_iter().enumerate() {
            assert_eq!(dimension as usize, number);
        }
        let names: std::collections::BTreeSet<_> = Dimension::ALL.iter().map(|d| d.as_str()).collect();
        assert_eq!(names.len(), Dimension::ALL.len());
    }
}
