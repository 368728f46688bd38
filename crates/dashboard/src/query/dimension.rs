//! Dimensions: Plausible's names for them, and over which of them which counts may be added up.

use model::Dimension;
use model::limits::PROP_NAME_CHARS_MAX;
use store::questions::{Column, Grain};

use super::defined::shown;
use super::problem::Problem;
use crate::places::{self, Names};

/// A dimension as somebody named it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// As asked: `event:goal` and `event:name` are the same cells.
    pub name: String,
    /// Whose cells.
    pub dimension: Dimension,
    /// What its stored values start with: `plan=` for `event:props:plan`.
    pub prefix: String,
}

/// The names and whose cells they are; `event:props:NAME` besides.
pub const NAMES: [(&str, Dimension); 26] = [
    ("event:page", Dimension::Page),
    ("event:goal", Dimension::Event),
    ("event:name", Dimension::Event),
    ("event:hostname", Dimension::Hostname),
    ("visit:entry_page", Dimension::EntryPage),
    ("visit:exit_page", Dimension::ExitPage),
    ("visit:source", Dimension::Source),
    ("visit:channel", Dimension::Channel),
    ("visit:referrer", Dimension::Referrer),
    ("visit:utm_source", Dimension::UtmSource),
    ("visit:utm_medium", Dimension::UtmMedium),
    ("visit:utm_campaign", Dimension::UtmCampaign),
    ("visit:utm_term", Dimension::UtmTerm),
    ("visit:utm_content", Dimension::UtmContent),
    ("visit:country", Dimension::Country),
    ("visit:region", Dimension::Region),
    ("visit:city", Dimension::City),
    ("visit:browser", Dimension::Browser),
    ("visit:browser_version", Dimension::BrowserVersion),
    ("visit:os", Dimension::Os),
    ("visit:os_version", Dimension::OsVersion),
    ("visit:device", Dimension::Device),
    ("visit:screen", Dimension::Screen),
    ("visit:language", Dimension::Language),
    ("segment", Dimension::Segment),
    ("event:props:NAME", Dimension::Property),
];

/// Plausible's second names of some of the same cells: whoever asks by one is told, and filters by, what places are called in English. A city has
/// no other name than its value.
pub const BY_NAME: [(&str, Dimension); 3] = [
    ("visit:country_name", Dimension::Country),
    ("visit:region_name", Dimension::Region),
    ("visit:city_name", Dimension::City),
];

/// The name of the time dimension and its grain; `None` is chosen by the range.
pub const TIMES: [(&str, Option<Grain>); 5] = [
    ("time", None),
    ("time:hour", Some(Grain::Hour)),
    ("time:day", Some(Grain::Day)),
    ("time:week", Some(Grain::Week)),
    ("time:month", Some(Grain::Month)),
];

const PROPERTY: &str = "event:props:";

const GOAL: &str = "event:goal";

impl Named {
    /// Reads a name that is not of time.
    ///
    /// # Errors
    /// No such dimension; names the nearest.
    pub fn parse(name: &str) -> Result<Self, Problem> {
        let named = |dimension, prefix| Self { name: name.to_owned(), dimension, prefix };
        if let Some(property) = name.strip_prefix(PROPERTY) {
            let well_formed =
                !property.is_empty() && property.chars().count() <= PROP_NAME_CHARS_MAX && !property.contains('\0');
            return match well_formed {
                true => Ok(named(Dimension::Property, format!("{property}="))),
                false => Err(Problem::unknown("dimension", name, ["event:props:NAME"])),
            };
        }
        if matches!(name, "time:minute" | "time:second") {
            return Err(Problem::wrong(
                "hours are the finest that is counted: `time:hour`; the last half hour by minute is at \
                 GET /api/v1/stats/realtime?site_id=…",
            ));
        }
        match NAMES.iter().chain(&BY_NAME).find(|(known, _)| *known == name) {
            Some((_, dimension)) => Ok(named(*dimension, String::new())),
            None => Err(Problem::unknown("dimension", name, names())),
        }
    }

    /// Whether it was named as a goal: what conversion rates are of.
    #[must_use]
    pub fn is_goal(&self) -> bool {
        self.name == GOAL
    }

    /// What its values are called, where it is asked by that.
    #[must_use]
    pub(crate) fn places(&self) -> Option<&'static Names> {
        match (self.dimension, self.is_by_name()) {
            (Dimension::Country, true) => Some(places::countries()),
            (Dimension::Region, true) => Some(places::regions()),
            _ => None,
        }
    }

    fn is_by_name(&self) -> bool {
        BY_NAME.iter().any(|(name, _)| *name == self.name)
    }

    /// A value as it is told: a code that has no name as it is.
    #[must_use]
    pub fn told<'v>(&self, value: &'v str) -> &'v str {
        self.places().and_then(|names| names.get(value).copied()).unwrap_or_else(|| shown(self.dimension, value))
    }

    /// Whether both are the same cells.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.dimension == other.dimension && self.prefix == other.prefix
    }
}

/// Reads a name of the time dimension.
#[must_use]
pub fn time(name: &str) -> Option<Option<Grain>> {
    TIMES.iter().find(|(known, _)| *known == name).map(|(_, grain)| *grain)
}

/// The name of the time dimension of a grain.
#[must_use]
pub fn time_name(grain: Option<Grain>) -> &'static str {
    TIMES.iter().find(|(_, known)| *known == grain).map_or("time", |(name, _)| name)
}

/// Every name that can be asked by.
fn names() -> impl Iterator<Item = &'static str> + Clone {
    NAMES.iter().chain(&BY_NAME).map(|(name, _)| *name).chain(TIMES.iter().map(|(name, _)| *name))
}

/// The name to tell somebody about a dimension.
#[must_use]
pub fn name_of(dimension: Dimension) -> &'static str {
    NAMES.iter().rev().find(|(_, known)| *known == dimension).map_or("the whole site", |(name, _)| *name)
}

/// How long a dimension keeps one value: what decides which counts may be added up over several values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Constancy {
    /// One value per visitor and day, what its first hit said: even visitors add up.
    Visitor,
    /// One value per visit: visits add up, a visitor of two visits would count twice.
    Visit,
    /// One value per hit: a visit that passes two values would count twice.
    Hit,
}

const fn constancy(dimension: Dimension) -> Constancy {
    match dimension {
        Dimension::Total
        | Dimension::Country
        | Dimension::Region
        | Dimension::City
        | Dimension::Browser
        | Dimension::BrowserVersion
        | Dimension::Os
        | Dimension::OsVersion
        | Dimension::Device
        | Dimension::Screen
        | Dimension::Language => Constancy::Visitor,
        Dimension::EntryPage
        | Dimension::ExitPage
        | Dimension::Source
        | Dimension::Channel
        | Dimension::Referrer
        | Dimension::UtmSource
        | Dimension::UtmMedium
        | Dimension::UtmCampaign
        | Dimension::UtmTerm
        | Dimension::UtmContent => Constancy::Visit,
        Dimension::Page
        | Dimension::Hostname
        | Dimension::Event
        | Dimension::Property
        | Dimension::Segment
        | Dimension::Goal
        | Dimension::Funnel
        | Dimension::Step
        | Dimension::NextPage
        | Dimension::Vital => Constancy::Hit,
    }
}

/// Whether its values are those of single hits, so that a visit may have several.
#[must_use]
pub const fn is_of_hits(dimension: Dimension) -> bool {
    matches!(constancy(dimension), Constancy::Hit) && !matches!(dimension, Dimension::Segment)
}

/// Whether a count of several values of a dimension is the sum of theirs.
#[must_use]
pub const fn adds_up(column: Column, dimension: Dimension) -> bool {
    match (column, constancy(dimension)) {
        (Column::Visitors, Constancy::Visit | Constancy::Hit) | (Column::Visits, Constancy::Hit) => false,
        // Segments overlap, and so do goals: nothing of them adds up.
        _ if matches!(dimension, Dimension::Segment | Dimension::Goal) => false,
        // Everything else belongs to one hit, or to a visit's one entry: to one value only.
        (
            Column::Visitors
            | Column::Visits
            | Column::Pageviews
            | Column::Events
            | Column::Bounces
            | Column::VisitSeconds
            | Column::Entries
            | Column::Exits
            | Column::EngagedMs
            | Column::ScrollPercent
            | Column::ScrollVisitors
            | Column::RevenueMicros,
            Constancy::Visitor | Constancy::Visit | Constancy::Hit,
        ) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_dimension_but_the_total_and_what_is_asked_otherwise_has_a_name() {
        for dimension in Dimension::ALL.into_iter().skip(1) {
            let otherwise = matches!(
                dimension,
                Dimension::Goal | Dimension::Funnel | Dimension::Step | Dimension::NextPage | Dimension::Vital
            );
            assert!(otherwise || NAMES.iter().any(|(_, named)| *named == dimension), "{dimension:?}");
        }
    }

    #[test]
    fn a_property_is_found_by_its_prefix() {
        let named = Named::parse("event:props:plan").unwrap();
        assert_eq!((named.dimension, named.prefix.as_str()), (Dimension::Property, "plan="));
        assert!(Named::parse("event:props:").is_err());
    }

    #[test]
    fn unknown_names_meet_their_near_miss() {
        for (wrong, meant) in [
            ("event:pages", "event:page"),
            ("visit:countries", "visit:country"),
            ("page", "event:page"),
            ("visit:county_name", "visit:country_name"),
            ("time:days", "time:day"),
        ] {
            let problem = Named::parse(wrong).unwrap_err().to_string();
            assert!(problem.contains(&format!("did you mean `{meant}`")), "{wrong}: {problem}");
        }
        let problem = Named::parse("time:minute").unwrap_err().to_string();
        assert!(problem.contains("`time:hour`") && problem.contains("/api/v1/stats/realtime?"), "{problem}");
    }

    #[test]
    fn who_asks_by_names_is_told_names_and_codes_that_have_none() {
        let told = |name: &str, value: &'static str| Named::parse(name).unwrap().told(value);
        assert_eq!((told("visit:country_name", "DE"), told("visit:country", "DE")), ("Germany", "DE"));
        assert_eq!((told("visit:country_name", "(other)"), told("visit:country_name", "ZZ")), ("(other)", "ZZ"));
        assert_eq!(
            (told("visit:region_name", "GB-ENG"), told("visit:city_name", "Leeds, GB")),
            ("England", "Leeds, GB")
        );
        let [by_code, by_name] = ["visit:country", "visit:country_name"].map(|name| Named::parse(name).unwrap());
        assert!(by_code.is_same(&by_name));
    }

    #[test]
    fn visitors_add_up_only_over_what_a_visitor_keeps_all_day() {
        assert!(adds_up(Column::Visitors, Dimension::Country));
        assert!(!adds_up(Column::Visitors, Dimension::Source));
        assert!(adds_up(Column::Visits, Dimension::Source));
        assert!(!adds_up(Column::Visits, Dimension::Page));
        assert!(adds_up(Column::Pageviews, Dimension::Page));
        assert!(!adds_up(Column::Pageviews, Dimension::Segment));
    }
}
