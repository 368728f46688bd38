//! From a well-formed query to a question of cells that are stored, or to the reason why there is no such question.
//!
//! The rule: a number is either what the counts say exactly, or it is not given. What is added up over values must add up
//! ([`adds_up`]); what is crossed must be a stored pair; what is asked by the hour must have hour cells.

use jiff::ZonedDateTime;
use jiff::civil::Date;
use model::counts::{FOLDED, PAIRED};
use model::limits::DAY_GRACE_MS;
use model::{Currency, Dimension, Domain, LocalDay};
use privacy::disclosure::Precision;
use store::questions::{Cells, Grain, Key, Measure, Order, Question, ROWS_PER_ANSWER_MAX, Selection, Span};

use super::dimension::{Named, adds_up, is_of_hits, name_of};
use super::filter::Keeps;
use super::metric::Metric;
use super::problem::Problem;
use super::range::{DAYS_BY_HOUR_MAX, grain_for};
use super::shares::Shares;
use super::{Direction, Query, Sorting};
use crate::calendar::local_day;

/// What must be known about the sites to plan a query of them.
#[derive(Clone, Debug)]
pub struct Here {
    /// The sites.
    pub sites: Vec<Domain>,
    /// Whether all of them have the same time zone.
    pub one_clock: bool,
    /// The time, on the first site's wall clock.
    pub now: ZonedDateTime,
    /// The date that ranges end with, where it is not today's.
    pub date: Option<Date>,
    /// The first day with a count; needed for the range `all` only.
    pub first_count: Option<LocalDay>,
    /// How precisely it tells.
    pub precision: Precision,
    /// The currency of its money, where all of the sites have it.
    pub currency: Option<Currency>,
    /// The visitors that a folding cell must have to stay, of the site that demands most.
    pub visitors_min: u32,
}

impl Here {
    /// The time that ranges end with.
    fn as_of(&self) -> ZonedDateTime {
        let moved = self.date.and_then(|date| self.now.with().date(date).build().ok());
        moved.unwrap_or_else(|| self.now.clone())
    }
}

/// What to ask the counts, and how to read what they say.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The question.
    pub question: Question,
    /// Where visits are asked for that have not done something: the question of all of them, from whose answer that one's is taken.
    pub whole: Option<Question>,
    /// The questions that its shares need.
    pub shares: Shares,
    /// What each metric is measured by.
    pub measures: Vec<(Metric, Measure)>,
    /// The range as asked; the question's own may be its hours.
    pub span: Span,
    /// The order, the default one too.
    pub order_by: Vec<(Sorting, Direction)>,
    /// How precisely the answer is told.
    pub precision: Precision,
    /// The currency of its money.
    pub currency: Option<Currency>,
    /// Where its cells may have been folded together when a day closed: those of fewer visitors than this.
    pub folded_below: Option<u32>,
}

impl Plan {
    /// Plans a query.
    ///
    /// # Errors
    /// The counts cannot answer it; says which combination is missing and how to get it.
    pub fn of(query: &Query, here: &Here) -> Result<Self, Problem> {
        let span = query.range.resolve(&here.as_of(), here.first_count)?;
        Self::over(query, here, span, query.time().map(|grain| grain.unwrap_or_else(|| grain_for(span))))
    }

    /// Plans the same query over the span its answer is compared with; nothing where it is not.
    ///
    /// # Errors
    /// The counts cannot answer it.
    pub fn before(&self, query: &Query, here: &Here) -> Result<Option<Self>, Problem> {
        let Some(comparison) = &query.include.comparisons else {
            return Ok(None);
        };
        let planned = comparison.span(self.span, &here.now).and_then(|span| {
            // All its rows: which of them are told follows from the answer's.
            let all = Query { limit: ROWS_PER_ANSWER_MAX, offset: 0, ..query.clone() };
            Self::over(&all, here, span, self.question.over_time)
        });
        planned.map(Some).map_err(|problem| Problem::OfComparison(Box::new(problem)))
    }

    fn over(query: &Query, here: &Here, span: Span, over_time: Option<Grain>) -> Result<Self, Problem> {
        if matches!(span, Span::Hours { .. }) && !here.one_clock {
            return Err(Problem::not_counted(
                "a part of a day is not counted for sites in different time zones: ask for whole days, which are each site's own",
            ));
        }
        check_not_done(query, here)?;
        check_done(query, matches!(span, Span::Hours { .. }) || over_time == Some(Grain::Hour))?;
        let selections = selections(query);
        let dimensions: Vec<Dimension> = selections.iter().map(|(named, _)| named.dimension).collect();
        let measured = |metric: &Metric| metric.measure(&dimensions).map(|measure| (*metric, measure));
        let measures = query.metrics.iter().map(measured).collect::<Result<Vec<_>, _>>()?;

        let asked_span = span_for(span, over_time, &measures)?;
        if matches!(asked_span, Span::Hours { .. }) && selections.len() > 1 {
            return Err(hourly_pair(&selections));
        }
        if let (Span::Hours { first: (day, _), .. }, [(named, _)]) = (asked_span, selections.as_slice())
            && named.dimension != Dimension::Page
            && day < first_open_day(here)
        {
            return Err(hours_of_closed_days(named));
        }
        check_money(query, here)?;
        for (metric, measure) in &measures {
            check_sums(*metric, *measure, query)?;
        }
        let order_by = query.order_by.clone().unwrap_or_else(|| default_order(query));
        check_order(&order_by)?;
        let order = order_by
            .iter()
            .filter_map(|(sorting, direction)| {
                let key = key(*sorting, &measures, here.precision)?;
                Some(Order { key, descending: *direction == Direction::Descending })
            })
            .collect();
        let question = Question {
            sites: here.sites.clone(),
            span: asked_span,
            cells: cells(selections)?,
            over_time,
            by_value: query.by().map(|named| named.dimension),
            order,
            limit: query.limit,
            offset: query.offset,
        };
        let shares = Shares::of(query, &question, span)?;
        let whole = asks_for_what_is_left(query).then(|| Question { cells: Cells::Total, ..question.clone() });
        let folds = folds(&question.cells) && span.days().0 < first_open_day(here);
        Ok(Self {
            question,
            whole,
            shares,
            measures,
            span,
            order_by,
            precision: here.precision,
            currency: here.currency,
            folded_below: folds.then_some(here.visitors_min),
        })
    }

    /// Whether its visitors are a sum over days, in which a person of several days counts once for each.
    #[must_use]
    pub fn sums_daily_visitors(&self) -> bool {
        let (first, last) = self.span.days();
        let distinct = matches!(self.question.over_time, Some(Grain::Hour | Grain::Day));
        first != last && !distinct && self.measures.iter().any(|(metric, _)| *metric == Metric::Visitors)
    }
}

/// The filters whose rejected values also leave out what has no value at all: there is no cell of "unknown".
#[must_use]
pub fn keeps_known_values_only(query: &Query) -> Vec<&str> {
    let drops = |selection: &Selection| !selection.keeps_other() && selection.matches.is_none();
    let is_row = |named: &Named| query.by().is_some_and(|by| by.is_same(named));
    let filters = query.filters.iter().filter(|filter| drops(&filter.selection) && !is_row(&filter.named));
    filters.map(|filter| filter.named.name.as_str()).collect()
}

/// The dimensions a query touches and the values it keeps of each.
fn selections(query: &Query) -> Vec<(Named, Selection)> {
    let mut selections: Vec<_> =
        query.filters.iter().map(|filter| (filter.named.clone(), filter.selection.clone())).collect();
    if let Some(by) = query.by().filter(|by| !selections.iter().any(|(named, _)| named.is_same(by))) {
        let is = query.row_values.clone();
        selections.push((by.clone(), Selection { is, ..Selection::all(by.dimension, by.prefix.clone()) }));
    }
    selections
}

pub(super) fn cells(selections: Vec<(Named, Selection)>) -> Result<Cells, Problem> {
    let names: Vec<String> = selections.iter().map(|(named, _)| format!("`{}`", named.name)).collect();
    let mut kept = selections.into_iter().map(|(_, selection)| selection);
    match (kept.next(), kept.next(), kept.next()) {
        (None, ..) => Ok(Cells::Total),
        (Some(selection), None, _) => Ok(Cells::Of(selection)),
        (Some(one), Some(other), None) => Cells::pair(one, other).ok_or_else(|| missing_pair(&names)),
        (Some(_), Some(_), Some(_)) => Err(Problem::not_counted(format!(
            "{} together are not counted: counts cross two dimensions at most. Drop one, or save the others as a segment \
             (PUT /api/sites/SITE/segments/NAME), which counts from then on",
            names.join(" with ")
        ))),
    }
}

/// Whether such cells fold into `(other)` when their day closes. A pair's fold whatever either value is, so that a filter on one of
/// them loses them.
fn folds(cells: &Cells) -> bool {
    match cells {
        Cells::Total => false,
        Cells::Of(selection) => FOLDED.contains(&selection.dimension),
        Cells::Pair(..) => true,
    }
}

fn missing_pair(names: &[String]) -> Problem {
    let declared = PAIRED.map(name_of).join(", ");
    Problem::not_counted(format!(
        "{} is not a declared pair, so it is not counted. Declared are any two of {declared}; event:name with \
         event:props:*; and a segment or a defined goal with any dimension but event:props:* and visit:exit_page. Ask for one of \
         them, or save the filter as a segment (PUT /api/sites/SITE/segments/NAME), which counts from then on",
        names.join(" with ")
    ))
}

fn hourly_pair(selections: &[(Named, Selection)]) -> Problem {
    let names: Vec<_> = selections.iter().map(|(named, _)| format!("`{}`", named.name)).collect();
    Problem::not_counted(format!(
        "{} is counted by the day, not by the hour: ask by `time:day` over whole days, or with one of them",
        names.join(" with ")
    ))
}

/// The first day that may be open: two hours after its midnight a day closes, and its hours of all but pages go.
fn first_open_day(here: &Here) -> LocalDay {
    let grace = jiff::SignedDuration::from_millis(DAY_GRACE_MS);
    local_day(here.now.saturating_sub(grace).date())
}

fn hours_of_closed_days(named: &Named) -> Problem {
    Problem::not_counted(format!(
        "the hours of `{}` are kept while a day is open only: a day that has closed keeps hours for its totals and for \
         event:page, so that no hour tells a single visitor's country or source. Ask by `time:day` over whole days, or for \
         today",
        named.name
    ))
}

/// The span whose cells are asked: hours when the answer is by the hour, else days if they are whole.
fn span_for(span: Span, over_time: Option<Grain>, measures: &[(Metric, Measure)]) -> Result<Span, Problem> {
    let of_visitors = measures.iter().map(|(metric, _)| metric).find(|metric| metric.is_of_visitors());
    let of_whole = measures.iter().any(|(metric, _)| metric.is_of_whole());
    match (span, over_time) {
        (Span::Days { first, last }, Some(Grain::Hour)) => {
            let days = i64::from(last.0) - i64::from(first.0) + 1;
            if days > DAYS_BY_HOUR_MAX {
                return Err(Problem::wrong(format!(
                    "`time:hour` may span at most {DAYS_BY_HOUR_MAX} days: ask by `time:day`"
                )));
            }
            Ok(Span::Hours { first: (first, 0), last: (last, 23) })
        }
        (Span::Hours { .. }, Some(Grain::Hour)) if !of_whole => Ok(span),
        (Span::Hours { .. }, _) => match of_visitors {
            Some(metric) => Err(Problem::not_counted(format!(
                "`{}` of a part of a day is not counted, because visitors of several hours do not add up: ask for whole days, \
                 or for visitors by `time:hour`",
                metric.as_str()
            ))),
            None => Ok(span),
        },
        (Span::Days { .. }, None | Some(Grain::Day | Grain::Week | Grain::Month)) => Ok(span),
    }
}

/// Refuses what would have to be added up over values of a filter without adding up.
fn check_sums(metric: Metric, measure: Measure, query: &Query) -> Result<(), Problem> {
    for filter in &query.filters {
        // Rows by the filtered dimension itself are one value each.
        let is_row = query.by().is_some_and(|by| by.is_same(&filter.named));
        // The whole of a share has no rows: there every filter is added up, but for the goal, which the whole has not.
        let is_in_whole = metric == Metric::Percentage || (metric == Metric::ConversionRate && !filter.named.is_goal());
        if (is_row && !is_in_whole) || filter.selection.is_single() {
            continue;
        }
        let columns = [Some(measure.numerator), measure.denominator];
        if !columns.into_iter().flatten().all(|column| adds_up(column, filter.named.dimension)) {
            let name = &filter.named.name;
            return Err(Problem::not_counted(format!(
                "`{}` of several values of `{name}` is not counted: a visit or visitor with two of them would count twice. \
                 Filter on one value, ask for rows by `{name}`, ask for `pageviews` or `events`, or save a segment",
                metric.as_str()
            )));
        }
    }
    Ok(())
}

/// Refuses money where there is no currency to tell it in.
fn check_money(query: &Query, here: &Here) -> Result<(), Problem> {
    let Some(metric) = query.metrics.iter().find(|metric| metric.is_money()) else {
        return Ok(());
    };
    let why = match (here.precision, here.currency, here.sites.as_slice()) {
        (Precision::Tens, ..) => "a site in mode `exempt` counts no money".to_owned(),
        (Precision::Exact, Some(_), _) => return Ok(()),
        (Precision::Exact, None, [site]) => format!(
            "{site} has no currency, and a sum over currencies would be no amount of anything: set it with `footfall site set {site} \
             currency=EUR` (or `currency` in its configuration), and amounts in it are added up from then on"
        ),
        (Precision::Exact, None, _) => {
            "sites of different currencies, or of none, are not added up: ask for each alone".to_owned()
        }
    };
    Err(Problem::not_counted(format!("metric `{}`: {why}", metric.as_str())))
}

/// Refuses the order of a number that the rows' own cells do not hold.
fn check_order(order_by: &[(Sorting, Direction)]) -> Result<(), Problem> {
    match order_by.iter().any(|(sorting, _)| *sorting == Sorting::Metric(Metric::GroupConversionRate)) {
        true => {
            Err(Problem::wrong("`group_conversion_rate` is not ordered by: order by `visitors` or `conversion_rate`"))
        }
        false => Ok(()),
    }
}

fn default_order(query: &Query) -> Vec<(Sorting, Direction)> {
    let time = query.time().map(|_| (Sorting::Time, Direction::Ascending));
    let mut ordering = query.metrics.iter().filter(|metric| **metric != Metric::GroupConversionRate);
    let metric = ordering.next().map(|metric| (Sorting::Metric(*metric), Direction::Descending));
    time.into_iter().chain(metric).collect()
}

fn key(sorting: Sorting, measures: &[(Metric, Measure)], precision: Precision) -> Option<Key> {
    let metric = match sorting {
        Sorting::Time => return Some(Key::Time),
        Sorting::Value => return Some(Key::Value),
        Sorting::Metric(metric) => metric,
    };
    let measure = measures.iter().find(|(asked, _)| *asked == metric)?.1;
    // A share of one whole is in the order of its visitors.
    Some(match precision {
        Precision::Exact => Key::Measure(measure),
        Precision::Tens => Key::InTens { measure, scale: metric.scale().steps_per_one },
    })
}

/// Refuses what the cells of what visits have done do not count: they hold these visits and visitors, but their own hits only.
fn check_done(query: &Query, by_hour: bool) -> Result<(), Problem> {
    let Some(done) = query.filters.iter().find(|filter| filter.keeps != Keeps::Hits) else {
        return Ok(());
    };
    if by_hour {
        return Err(Problem::not_counted(format!(
            "`{}` is counted by the day: an hour's cells know what was done in that hour, not what its visitors did before or after. Ask \
             by `time:day` over whole days",
            done.keeps.as_str()
        )));
    }
    if let Some(metric) =
        query.metrics.iter().find(|metric| !matches!(metric, Metric::Visitors | Metric::Visits | Metric::Percentage))
    {
        return Err(Problem::not_counted(format!(
            "`{}` of visits that have done something is not counted: with `has_done` ask `visitors`, `visits` or `percentage`",
            metric.as_str()
        )));
    }
    let others = query.filters.iter().filter(|filter| *filter != done).map(|filter| &filter.named);
    match others.chain(query.by()).find(|named| is_of_hits(named.dimension)) {
        Some(other) => Err(Problem::not_counted(format!(
            "`{}` of visits that have done something else is not counted: with `has_done` ask by what holds for a visit, such as \
             `visit:source`",
            other.name
        ))),
        None => Ok(()),
    }
}

/// Whether visits are asked for that have not done something.
fn asks_for_what_is_left(query: &Query) -> bool {
    query.filters.iter().any(|filter| filter.keeps == Keeps::DidNot)
}

/// Refuses what cannot be the whole less those who have done it. Pairs of closed days lack whom they folded, so that a difference of
/// them would count these as not having done it; and three roundings of one count tell more than two.
fn check_not_done(query: &Query, here: &Here) -> Result<(), Problem> {
    if !asks_for_what_is_left(query) {
        return Ok(());
    }
    let by_time = query.order_by.iter().flatten().all(|(sorting, _)| *sorting == Sorting::Time);
    let why = if query.filters.len() > 1 || query.by().is_some() {
        "without another filter and by no dimension but time: whoever too few have in common with is not known any more when a day has closed"
    } else if !by_time {
        "in the order of time"
    } else if query.metrics.iter().any(|metric| !matches!(metric, Metric::Visitors | Metric::Visits)) {
        "for `visitors` and `visits`: with `has_not_done` ask these"
    } else if here.precision == Precision::Tens {
        "where counts are told exactly, which those of a site in mode `exempt` are not"
    } else {
        return Ok(());
    };
    Err(Problem::not_counted(format!(
        "`has_not_done` is counted {why}. Ask so, or save a segment, which counts from then on"
    )))
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::{Value, json};
    use store::questions::Column;

    use super::*;

    pub(in super::super) fn planned(more: Value) -> Result<Plan, String> {
        let mut body = json!({ "site_id": "example.com", "metrics": ["visitors"], "date_range": "7d" });
        for (key, value) in more.as_object().unwrap() {
            body[key] = value.clone();
        }
        let here = Here {
            sites: vec![Domain::parse("example.com").unwrap()],
            one_clock: true,
            now: "2024-05-15T15:30:00+02:00[Europe/Berlin]".parse().unwrap(),
            date: None,
            first_count: None,
            precision: Precision::Exact,
            currency: None,
            visitors_min: 10,
        };
        let query = Query::parse(body.to_string().as_bytes()).map_err(|problem| problem.to_string())?;
        Plan::of(&query, &here).map_err(|problem| problem.to_string())
    }

    #[test]
    fn the_level_follows_from_the_dimensions_touched() {
        for (query, level) in [
            (json!({}), 0),
            (json!({ "dimensions": ["event:page"] }), 1),
            (json!({ "filters": [["is", "event:page", ["/"]]] }), 1),
            (json!({ "dimensions": ["event:page"], "filters": [["contains", "event:page", ["/blog"]]] }), 1),
            (json!({ "dimensions": ["time:day", "event:page"], "filters": [["is", "visit:country", ["DE"]]] }), 2),
            (json!({ "filters": [["is", "visit:source", ["Google"]], ["is", "visit:country", ["DE"]]] }), 2),
            (json!({ "dimensions": ["event:props:plan"], "filters": [["is", "event:goal", ["Signup"]]] }), 2),
        ] {
            let plan = planned(query.clone()).unwrap_or_else(|problem| panic!("{query}: {problem}"));
            let found = match plan.question.cells {
                Cells::Total => 0,
                Cells::Of(_) => 1,
                Cells::Pair(..) => 2,
            };
            assert_eq!(found, level, "{query}");
        }
    }

    #[test]
    fn what_the_counts_cannot_answer_is_told_with_the_way_to_get_it() {
        for (query, told) in [
            (
                json!({ "dimensions": ["event:page"], "filters": [["is", "visit:browser", ["Firefox"]]] }),
                "is not a declared pair",
            ),
            (
                json!({ "dimensions": ["event:page"],
                        "filters": [["is", "visit:country", ["DE"]], ["is", "visit:device", ["Mobile"]]] }),
                "two dimensions at most",
            ),
            (
                json!({ "dimensions": ["time:hour", "event:page"], "filters": [["is", "visit:country", ["DE"]]] }),
                "by the day, not by the hour",
            ),
            (json!({ "filters": [["is", "event:page", ["/", "/a"]]] }), "`visitors` of several values of `event:page`"),
            (json!({ "filters": [["is_not", "visit:source", ["Google"]]] }), "`visitors` of several values"),
            (
                json!({ "metrics": ["percentage"], "dimensions": ["event:page"], "filters": [["contains", "event:page", ["/a"]]] }),
                "`percentage` of several values",
            ),
            (
                json!({ "metrics": ["pageviews"], "filters": [["has_done", ["is", "event:goal", ["Signup"]]]] }),
                "`pageviews` of visits that have done something",
            ),
            (
                json!({ "dimensions": ["event:page"], "filters": [["has_done", ["is", "event:goal", ["Signup"]]]] }),
                "`event:page` of visits that have done something else",
            ),
            (
                json!({ "dimensions": ["time:hour"], "filters": [["has_done", ["is", "event:goal", ["Signup"]]]] }),
                "`has_done` is counted by the day",
            ),
            (
                json!({ "metrics": ["group_conversion_rate"], "dimensions": ["visit:source"], "order_by": [["group_conversion_rate", "desc"]],
                        "filters": [["is", "event:goal", ["Signup"]]] }),
                "is not ordered by",
            ),
            (json!({ "date_range": "24h" }), "of a part of a day"),
            (
                json!({ "date_range": "24h", "metrics": ["percentage"], "dimensions": ["time:hour"] }),
                "of a part of a day",
            ),
            (json!({ "date_range": "500d", "dimensions": ["time:hour"] }), "at most 400 days"),
            (json!({ "metrics": ["visit_duration"], "dimensions": ["event:page"] }), "visit:entry_page"),
            (
                json!({ "dimensions": ["event:props:plan"], "filters": [["is", "event:props:size", ["L"]]] }),
                "is not a declared pair",
            ),
        ] {
            let problem = planned(query.clone()).expect_err(&query.to_string());
            assert!(problem.contains(told), "{query}: {problem}");
        }
    }

    #[test]
    fn hours_of_a_closed_day_are_of_totals_and_pages_only() {
        // It is 15:30: yesterday closed at two in the morning.
        let by_hour = |range: Value, by: &str| {
            planned(json!({ "metrics": ["pageviews"], "date_range": range, "dimensions": ["time:hour", by] }))
        };
        assert!(by_hour(json!("day"), "visit:source").is_ok());
        assert!(by_hour(json!("7d"), "event:page").is_ok());
        assert!(planned(json!({ "date_range": "7d", "dimensions": ["time:hour"] })).is_ok());
        for range in [json!("7d"), json!("24h"), json!(["2024-05-14", "2024-05-15"])] {
            let problem = by_hour(range.clone(), "visit:source").expect_err(&range.to_string());
            assert!(problem.contains("`visit:source` are kept while a day is open only"), "{problem}");
        }
        let filtered =
            json!({ "date_range": "24h", "metrics": ["pageviews"], "filters": [["is", "visit:source", ["a"]]] });
        assert!(planned(filtered).is_err_and(|problem| problem.contains("while a day is open")));
    }

    #[test]
    fn what_adds_up_is_added_up() {
        for query in [
            json!({ "filters": [["is", "visit:country", ["DE", "AT"]]] }),
            json!({ "filters": [["is_not", "visit:device", ["Mobile"]]] }),
            json!({ "metrics": ["visits", "bounce_rate"], "filters": [["contains", "visit:source", ["o"]]] }),
            json!({ "metrics": ["pageviews"], "filters": [["contains", "event:page", ["/blog"]]] }),
            json!({ "metrics": ["visits", "pageviews"], "date_range": "24h" }),
            json!({ "date_range": "24h", "dimensions": ["time:hour"] }),
            json!({ "metrics": ["visitors", "percentage"], "dimensions": ["event:page"], "filters": [["is", "visit:country", ["DE"]]] }),
        ] {
            assert!(planned(query.clone()).is_ok(), "{query}");
        }
    }

    #[test]
    fn the_default_order_is_time_then_the_first_metric() {
        let plan =
            planned(json!({ "metrics": ["pageviews", "visitors"], "dimensions": ["event:page", "time:day"] })).unwrap();
        let pageviews = Measure::count(Column::Pageviews);
        assert_eq!(
            plan.question.order,
            [Order { key: Key::Time, descending: false }, Order { key: Key::Measure(pageviews), descending: true }]
        );
    }

    #[test]
    fn time_finds_the_grain_that_suits_the_range() {
        for (range, grain) in [
            ("day", Grain::Hour),
            ("24h", Grain::Hour),
            ("7d", Grain::Day),
            ("91d", Grain::Week),
            ("12mo", Grain::Week),
        ] {
            let plan = planned(json!({ "date_range": range, "dimensions": ["time"] })).unwrap();
            assert_eq!(plan.question.over_time, Some(grain), "{range}");
        }
    }

    #[test]
    fn visitors_of_several_days_are_known_to_be_a_sum() {
        let sums = |query| planned(query).unwrap().sums_daily_visitors();
        assert!(sums(json!({})) && sums(json!({ "dimensions": ["time:week"] })));
        assert!(!sums(json!({ "dimensions": ["time:day"] })) && !sums(json!({ "date_range": "day" })));
        assert!(!sums(json!({ "metrics": ["visits"] })));
    }

    #[test]
    fn a_filter_that_only_rejects_is_known_to_leave_out_the_unknown() {
        let known_only = |filters: Value, dimensions: Value| {
            let body = json!({ "site_id": "a", "metrics": ["visits"], "date_range": "7d", "filters": filters, "dimensions": dimensions });
            let query = Query::parse(body.to_string().as_bytes()).unwrap();
            keeps_known_values_only(&query).into_iter().map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(known_only(json!([["is_not", "visit:country", ["DE"]]]), json!([])), ["visit:country"]);
        assert!(known_only(json!([["is_not", "visit:country", ["DE"]]]), json!(["visit:country"])).is_empty());
        assert!(known_only(json!([["is", "visit:country", ["DE"]]]), json!([])).is_empty());
    }
}
