//! Metrics: their names, what they are measured by, and how they are rounded, all as in Plausible's Stats API.
//!
//! A metric that the cells of a combination do not hold is refused with the way to get it; it is never approximated.

use model::{Counts, Currency, Dimension};
use privacy::disclosure::{Disclosed, Precision, Scale};
use store::questions::{Column, Measure};

use super::problem::Problem;

/// What is asked for about each row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metric {
    /// Distinct visitors of each site-local day.
    Visitors,
    /// Visits.
    Visits,
    /// Page views.
    Pageviews,
    /// Page views per visit.
    ViewsPerVisit,
    /// Percent of visits that bounced; of a page, of those that entered there.
    BounceRate,
    /// Mean seconds of a visit.
    VisitDuration,
    /// Page views and custom events.
    Events,
    /// Mean deepest scroll of a page, in percent.
    ScrollDepth,
    /// Mean seconds a visit spent on a page.
    TimeOnPage,
    /// Percent of a page's views that ended a visit.
    ExitRate,
    /// Percent of all visitors.
    Percentage,
    /// Visitors who reached a goal, in percent of all visitors.
    ConversionRate,
    /// Visitors who reached a goal, in percent of the visitors of the same row.
    GroupConversionRate,
    /// Money that events brought, in the site's currency.
    TotalRevenue,
    /// Money per event.
    AverageRevenue,
}

/// What values are told by and of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Basis {
    /// How precisely the site tells.
    pub precision: Precision,
    /// The currency of its money.
    pub currency: Option<Currency>,
    /// The whole of a percentage.
    pub visitors_total: Option<i64>,
    /// Visitors whether or not they reached the goal.
    pub visitors_without_goal: Option<i64>,
    /// Those of the row.
    pub visitors_of_group: Option<i64>,
}

impl Metric {
    /// Every metric.
    pub const ALL: [Self; 15] = [
        Self::Visitors,
        Self::Visits,
        Self::Pageviews,
        Self::ViewsPerVisit,
        Self::BounceRate,
        Self::VisitDuration,
        Self::Events,
        Self::ScrollDepth,
        Self::TimeOnPage,
        Self::ExitRate,
        Self::Percentage,
        Self::ConversionRate,
        Self::GroupConversionRate,
        Self::TotalRevenue,
        Self::AverageRevenue,
    ];

    /// Its name in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Visitors => "visitors",
            Self::Visits => "visits",
            Self::Pageviews => "pageviews",
            Self::ViewsPerVisit => "views_per_visit",
            Self::BounceRate => "bounce_rate",
            Self::VisitDuration => "visit_duration",
            Self::Events => "events",
            Self::ScrollDepth => "scroll_depth",
            Self::TimeOnPage => "time_on_page",
            Self::ExitRate => "exit_rate",
            Self::Percentage => "percentage",
            Self::ConversionRate => "conversion_rate",
            Self::GroupConversionRate => "group_conversion_rate",
            Self::TotalRevenue => "total_revenue",
            Self::AverageRevenue => "average_revenue",
        }
    }

    /// Reads a name.
    ///
    /// # Errors
    /// No such metric; names the nearest.
    pub fn parse(name: &str) -> Result<Self, Problem> {
        let known = Self::ALL.into_iter().find(|metric| metric.as_str() == name);
        known.ok_or_else(|| Problem::unknown("metric", name, Self::ALL.map(Self::as_str)))
    }

    /// Whether it counts distinct visitors, which do not add up over time.
    #[must_use]
    pub const fn is_of_visitors(self) -> bool {
        matches!(self, Self::Visitors | Self::Percentage | Self::ConversionRate | Self::GroupConversionRate)
    }

    /// Whether it is a share of the visitors of the whole range, so that its rows may be no hours.
    #[must_use]
    pub const fn is_of_whole(self) -> bool {
        matches!(self, Self::Percentage | Self::ConversionRate)
    }

    /// Whether it needs a goal.
    #[must_use]
    pub const fn is_of_goal(self) -> bool {
        matches!(self, Self::ConversionRate | Self::GroupConversionRate)
    }

    /// Whether it is money, so that it needs the site's currency.
    #[must_use]
    pub const fn is_money(self) -> bool {
        matches!(self, Self::TotalRevenue | Self::AverageRevenue)
    }

    /// What it is measured by in cells of these dimensions.
    ///
    /// # Errors
    /// Such cells do not hold it.
    pub fn measure(self, dimensions: &[Dimension]) -> Result<Measure, Problem> {
        let of = |dimension| dimensions.contains(&dimension);
        let of_events = of(Dimension::Event) || of(Dimension::Property) || of(Dimension::Goal);
        let of_hits = of(Dimension::Page) || of(Dimension::Hostname);
        let page_only = |measure| {
            if of(Dimension::Page) {
                Ok(measure)
            } else {
                Err(self.refuse("is of a page: ask by `event:page`, or filter on it"))
            }
        };
        match self {
            Self::Visitors | Self::Percentage | Self::ConversionRate | Self::GroupConversionRate => {
                Ok(Measure::count(Column::Visitors))
            }
            Self::Visits => Ok(Measure::count(Column::Visits)),
            Self::Events => Ok(Measure::count(Column::Events)),
            Self::Pageviews if of(Dimension::Event) => Err(self.refuse("is not of custom events: ask `events`")),
            Self::Pageviews => Ok(Measure::count(Column::Pageviews)),
            Self::BounceRate | Self::VisitDuration | Self::ViewsPerVisit if of_events => {
                Err(self
                    .refuse("is of visits, not of events and their properties: ask `visitors`, `visits` or `events`"))
            }
            // Bounces and entries of a page or host are those of visits that entered there.
            Self::BounceRate if of_hits => Ok(Measure::ratio(Column::Bounces, Column::Entries)),
            Self::BounceRate => Ok(Measure::ratio(Column::Bounces, Column::Visits)),
            Self::VisitDuration | Self::ViewsPerVisit if of_hits => Err(self.refuse(
                "is of whole visits, not of a page they passed: ask by `visit:entry_page`, or for `time_on_page`",
            )),
            // Attention is counted for its page alone, in no pair.
            Self::ScrollDepth | Self::TimeOnPage if dimensions.len() > 1 => {
                Err(self.refuse("is counted by page alone: ask by `event:page` without a filter on something else"))
            }
            // Money goes to the total, and to what people do and define.
            Self::TotalRevenue | Self::AverageRevenue
                if !(dimensions.is_empty()
                    || of(Dimension::Event)
                    || of(Dimension::Goal)
                    || of(Dimension::Segment)) =>
            {
                Err(self.refuse(
                    "is of events: ask by `event:goal`, or filter on a goal or a segment, for that of a source or a page",
                ))
            }
            Self::TotalRevenue => Ok(Measure::count(Column::RevenueMicros)),
            Self::AverageRevenue => Ok(Measure::ratio(Column::RevenueMicros, Column::Events)),
            Self::VisitDuration => Ok(Measure::ratio(Column::VisitSeconds, Column::Visits)),
            Self::ViewsPerVisit => Ok(Measure::ratio(Column::Pageviews, Column::Visits)),
            Self::ScrollDepth => page_only(Measure::ratio(Column::ScrollPercent, Column::ScrollVisitors)),
            Self::TimeOnPage => page_only(Measure::ratio(Column::EngagedMs, Column::Visits)),
            Self::ExitRate => page_only(Measure::ratio(Column::Exits, Column::Pageviews)),
        }
    }

    /// Its value in the answer, as precisely as the site tells: rounded as Plausible rounds, `null` or zero where nothing
    /// was counted as Plausible does.
    #[must_use]
    pub fn value(self, measure: Measure, counts: &Counts, of: &Basis) -> Disclosed {
        let Basis { precision, currency, visitors_total, visitors_without_goal, visitors_of_group } = *of;
        let beside = |whole: Option<i64>, part| precision.share_beside(part, whole.unwrap_or_default(), self.scale());
        let Measure { numerator, denominator } = measure;
        let number = numerator.of(counts);
        match (self, denominator.map(|column| column.of(counts))) {
            (Self::TotalRevenue, _) => {
                currency.map_or(Disclosed::UNKNOWN, |currency| precision.money(number, currency))
            }
            (Self::AverageRevenue, base) => {
                let each = |currency| precision.money_each(number, base.unwrap_or_default(), currency);
                currency.map_or(Disclosed::UNKNOWN, each)
            }
            (Self::Percentage, _) => beside(visitors_total, number),
            (Self::ConversionRate, _) => beside(visitors_without_goal, number),
            (Self::GroupConversionRate, _) => beside(visitors_of_group, number),
            (_, Some(base)) if numerator.is_amount() => precision.mean(number, base, self.scale()),
            (_, Some(base)) => precision.share(number, base, self.scale()),
            (_, None) => precision.count(number),
        }
    }

    /// How much more it is than it was: in percent, of what is itself in percent in points.
    #[must_use]
    pub fn change(self, now: Disclosed, then: Disclosed) -> Disclosed {
        match self {
            Self::BounceRate
            | Self::ScrollDepth
            | Self::ExitRate
            | Self::Percentage
            | Self::ConversionRate
            | Self::GroupConversionRate => now.points_from(then),
            Self::Visitors
            | Self::Visits
            | Self::Pageviews
            | Self::ViewsPerVisit
            | Self::VisitDuration
            | Self::Events
            | Self::TimeOnPage
            | Self::TotalRevenue
            | Self::AverageRevenue => now.percent_from(then),
        }
    }

    /// How it is shown where it is a quotient.
    #[must_use]
    pub const fn scale(self) -> Scale {
        let (steps_per_one, steps, empty_is_zero) = match self {
            Self::Visitors
            | Self::Visits
            | Self::Pageviews
            | Self::Events
            | Self::VisitDuration
            | Self::TotalRevenue
            | Self::AverageRevenue => (1.0, 1.0, true),
            Self::ViewsPerVisit => (100.0, 100.0, true),
            Self::BounceRate => (100.0, 1.0, true),
            Self::ScrollDepth => (1.0, 1.0, false),
            Self::TimeOnPage => (0.001, 1.0, false),
            Self::ExitRate | Self::Percentage => (1_000.0, 10.0, false),
            Self::ConversionRate | Self::GroupConversionRate => (10_000.0, 100.0, true),
        };
        Scale { steps_per_one, steps, empty_is_zero }
    }

    fn refuse(self, why: &str) -> Problem {
        Problem::not_counted(format!("metric `{}` {why}", self.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const fn exactly(visitors_total: Option<i64>) -> Basis {
        Basis {
            precision: Precision::Exact,
            currency: None,
            visitors_total,
            visitors_without_goal: Some(21),
            visitors_of_group: Some(0),
        }
    }

    fn told(value: Disclosed) -> Value {
        serde_json::to_value(value).unwrap()
    }

    #[test]
    fn in_tens_nothing_is_told_of_fewer_than_ten() {
        let counts = Counts {
            visitors: 9,
            visits: 14,
            pageviews: 26,
            bounces: 3,
            visit_seconds: 700,
            scroll_percent: 450,
            scroll_visitors: 9,
            ..Counts::default()
        };
        let basis = Basis { precision: Precision::Tens, visitors_total: Some(204), ..exactly(None) };
        let value = |metric: Metric, of: &[Dimension]| told(metric.value(metric.measure(of).unwrap(), &counts, &basis));
        assert_eq!(value(Metric::Visitors, &[]), json!("<10"));
        assert_eq!(value(Metric::Visits, &[]), json!(10));
        assert_eq!(value(Metric::Pageviews, &[]), json!(30));
        assert_eq!(value(Metric::ViewsPerVisit, &[]), json!(3.0), "thirty by ten");
        assert_eq!(value(Metric::BounceRate, &[]), json!(50), "five by ten");
        assert_eq!(value(Metric::VisitDuration, &[]), json!(50));
        assert_eq!(value(Metric::Percentage, &[]), Value::Null);
        assert_eq!(value(Metric::ScrollDepth, &[Dimension::Page]), Value::Null);
    }

    #[test]
    fn rounds_as_plausible_does() {
        let counts =
            Counts { visitors: 3, visits: 8, pageviews: 11, bounces: 1, visit_seconds: 20, ..Counts::default() };
        let value = |metric: Metric| told(metric.value(metric.measure(&[]).unwrap(), &counts, &exactly(Some(7))));
        assert_eq!(value(Metric::Visitors), json!(3));
        assert_eq!(value(Metric::ViewsPerVisit), json!(1.38));
        assert_eq!(value(Metric::BounceRate), json!(12), "12.5 goes to the even neighbour");
        assert_eq!(value(Metric::VisitDuration), json!(2), "2.5 goes to the even neighbour");
        assert_eq!(value(Metric::Percentage), json!(42.9));
        assert_eq!(value(Metric::ConversionRate), json!(14.29));
        assert_eq!(value(Metric::GroupConversionRate), json!(0.0), "of nobody");
    }

    #[test]
    fn nothing_counted_is_zero_or_null_as_in_plausible() {
        let of_page = [Dimension::Page];
        for (metric, expected) in [
            (Metric::BounceRate, json!(0)),
            (Metric::ScrollDepth, Value::Null),
            (Metric::TimeOnPage, Value::Null),
            (Metric::ExitRate, Value::Null),
            (Metric::Percentage, Value::Null),
        ] {
            let measure = metric.measure(&of_page).unwrap();
            assert_eq!(told(metric.value(measure, &Counts::default(), &exactly(Some(0)))), expected, "{metric:?}");
        }
    }

    #[test]
    fn a_page_bounces_with_those_who_entered_there() {
        let counts = Counts {
            visits: 10,
            entries: 4,
            bounces: 1,
            exits: 3,
            pageviews: 12,
            engaged_ms: 25_000,
            ..Counts::default()
        };
        let value =
            |metric: Metric| told(metric.value(metric.measure(&[Dimension::Page]).unwrap(), &counts, &exactly(None)));
        assert_eq!(value(Metric::BounceRate), json!(25));
        assert_eq!(value(Metric::ExitRate), json!(25.0));
        assert_eq!(value(Metric::TimeOnPage), json!(2));
    }

    #[test]
    fn a_metric_that_the_cells_do_not_hold_is_refused_with_the_way_to_get_it() {
        for (metric, dimension, teaches) in [
            (Metric::VisitDuration, Dimension::Page, "visit:entry_page"),
            (Metric::BounceRate, Dimension::Event, "visits"),
            (Metric::Pageviews, Dimension::Event, "events"),
            (Metric::ScrollDepth, Dimension::Country, "event:page"),
        ] {
            let problem = metric.measure(&[dimension]).unwrap_err().to_string();
            assert!(problem.contains(teaches), "{problem}");
        }
        let crossed = Metric::TimeOnPage.measure(&[Dimension::Page, Dimension::Country]).unwrap_err();
        assert!(crossed.to_string().contains("by page alone"), "{crossed}");
    }

    #[test]
    fn unknown_names_meet_their_near_miss() {
        assert!(Metric::parse("visitor").unwrap_err().to_string().contains("did you mean `visitors`"));
        let of = |dimensions: &[Dimension]| Metric::TotalRevenue.measure(dimensions);
        assert!(
            of(&[]).is_ok() && of(&[Dimension::Event]).is_ok() && of(&[Dimension::Source, Dimension::Segment]).is_ok()
        );
        assert!(of(&[Dimension::Source]).unwrap_err().to_string().contains("filter on a goal"));
        assert!(Metric::parse("zzzzzzzz").unwrap_err().to_string().contains("known: visitors, visits"));
    }
}
