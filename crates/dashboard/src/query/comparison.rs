//! What an answer is compared with: Plausible's comparisons, as the span that goes beside the one asked.
//!
//! Spans are whole: the day or month that is still running is compared with one that is over, as it is shown.

use jiff::civil::Date;
use jiff::{ToSpan, ZonedDateTime};
use model::LocalDay;
use serde_json::Value;
use store::questions::Span;

use super::known_keys;
use super::problem::Problem;
use super::range::{Range, check};
use crate::calendar::{date_of, local_day};

const HOURS_PER_DAY: i64 = 24;
const DAYS_PER_WEEK: i64 = 7;

/// With what an answer is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Comparison {
    mode: Mode,
    match_day_of_week: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// As many days or hours, just before.
    PreviousPeriod,
    /// The same dates of the year before.
    YearOverYear,
    /// A range of its own.
    Custom(Range),
}

impl Comparison {
    /// As many days or hours, just before.
    pub const PREVIOUS_PERIOD: Self = Self { mode: Mode::PreviousPeriod, match_day_of_week: false };

    /// Reads `include.comparisons`.
    ///
    /// # Errors
    /// No such comparison.
    pub fn parse(value: Option<&Value>) -> Result<Option<Self>, Problem> {
        let fields = match value {
            None | Some(Value::Null | Value::Bool(false)) => return Ok(None),
            Some(Value::Object(fields)) => fields,
            Some(other) => {
                return Err(Problem::form("comparisons", "an object such as {\"mode\": \"previous_period\"}", other));
            }
        };
        known_keys(fields, &["mode", "date_range", "match_day_of_week"])?;
        let match_day_of_week = match fields.get("match_day_of_week") {
            None | Some(Value::Null) => false,
            Some(Value::Bool(flag)) => *flag,
            Some(other) => return Err(Problem::form("match_day_of_week", "true or false", other)),
        };
        let mode = match (fields.get("mode").and_then(Value::as_str), fields.get("date_range")) {
            (Some("previous_period"), None) => Mode::PreviousPeriod,
            (Some("year_over_year"), None) => Mode::YearOverYear,
            (Some("custom"), Some(range @ Value::Array(_))) => Mode::Custom(Range::parse(range)?),
            (Some("custom"), _) => {
                return Err(Problem::wrong(
                    "a comparison of mode `custom` needs its `date_range`: two dates such as [\"2024-01-01\", \"2024-01-31\"]",
                ));
            }
            (Some("previous_period" | "year_over_year"), Some(_)) => {
                return Err(Problem::wrong("a comparison's `date_range` goes with mode `custom` only"));
            }
            (Some(word), _) => {
                return Err(Problem::unknown("comparison", word, ["previous_period", "year_over_year", "custom"]));
            }
            (None, _) => return Err(Problem::Missing("include.comparisons.mode")),
        };
        Ok(Some(Self { mode, match_day_of_week }))
    }

    /// The span that goes beside one.
    ///
    /// # Errors
    /// A range of its own that is none.
    pub fn span(&self, span: Span, now: &ZonedDateTime) -> Result<Span, Problem> {
        let before = match self.mode {
            Mode::PreviousPeriod => previous(span),
            Mode::YearOverYear => each_day(span, |day| local_day(date_of(day).saturating_sub(1.years()))),
            Mode::Custom(range) => range.resolve(now, None)?,
        };
        let shift = if self.match_day_of_week { to_weekday(span.days().0, before.days()) } else { 0 };
        check(each_day(before, |day| plus_days(day, shift)))
    }
}

fn previous(span: Span) -> Span {
    match span {
        Span::Days { first, last } => {
            let length = i64::from(last.0) - i64::from(first.0) + 1;
            Span::Days { first: plus_days(first, -length), last: plus_days(last, -length) }
        }
        Span::Hours { first, last } => {
            let length = hour_number(last) - hour_number(first) + 1;
            Span::Hours { first: hour(hour_number(first) - length), last: hour(hour_number(last) - length) }
        }
    }
}

/// The days to shift by so that weekdays stand beside each other: to the nearest that does not end within the span.
fn to_weekday(first: LocalDay, before: (LocalDay, LocalDay)) -> i64 {
    let away = (i64::from(first.0) - i64::from(before.0.0)).rem_euclid(DAYS_PER_WEEK);
    let nearest = if away > DAYS_PER_WEEK / 2 { away - DAYS_PER_WEEK } else { away };
    let reaches_in = before.1 < first && i64::from(before.1.0) + nearest >= i64::from(first.0);
    if reaches_in { nearest - DAYS_PER_WEEK } else { nearest }
}

fn each_day(span: Span, shift: impl Fn(LocalDay) -> LocalDay) -> Span {
    match span {
        Span::Days { first, last } => Span::Days { first: shift(first), last: shift(last) },
        Span::Hours { first, last } => Span::Hours { first: (shift(first.0), first.1), last: (shift(last.0), last.1) },
    }
}

fn plus_days(day: LocalDay, days: i64) -> LocalDay {
    let date: Date = date_of(day).saturating_add(days.days());
    local_day(date)
}

fn hour_number((day, hour): (LocalDay, u8)) -> i64 {
    i64::from(day.0) * HOURS_PER_DAY + i64::from(hour)
}

fn hour(number: i64) -> (LocalDay, u8) {
    let day = i32::try_from(number.div_euclid(HOURS_PER_DAY)).unwrap_or(i32::MIN);
    (LocalDay(day), u8::try_from(number.rem_euclid(HOURS_PER_DAY)).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::calendar::bucket_label;

    fn told(comparison: Value, range: Value) -> Result<String, String> {
        let now = "2024-05-15T15:30:00+02:00[Europe/Berlin]".parse().unwrap();
        let span = Range::parse(&range).unwrap().resolve(&now, None).unwrap();
        let before = Comparison::parse(Some(&comparison)).and_then(|comparison| comparison.unwrap().span(span, &now));
        before
            .map(|before| match before {
                Span::Days { first, last } => format!("{}..{}", date_of(first), date_of(last)),
                Span::Hours { first, last } => {
                    format!("{}..{}", bucket_label(first.0, Some(first.1)), bucket_label(last.0, Some(last.1)))
                }
            })
            .map_err(|problem| problem.to_string())
    }

    #[test]
    fn a_span_is_compared_with_another() {
        for (comparison, range, expected) in [
            (json!({ "mode": "previous_period" }), json!("7d"), "2024-05-02..2024-05-08"),
            (json!({ "mode": "previous_period" }), json!("day"), "2024-05-14..2024-05-14"),
            (json!({ "mode": "previous_period" }), json!("24h"), "2024-05-13 16:00:00..2024-05-14 15:00:00"),
            (json!({ "mode": "year_over_year" }), json!("7d"), "2023-05-09..2023-05-15"),
            (json!({ "mode": "year_over_year" }), json!(["2024-02-29", "2024-02-29"]), "2023-02-28..2023-02-28"),
            (
                json!({ "mode": "custom", "date_range": ["2024-01-01", "2024-01-07"] }),
                json!("7d"),
                "2024-01-01..2024-01-07",
            ),
        ] {
            assert_eq!(told(comparison.clone(), range.clone()).as_deref(), Ok(expected), "{comparison} {range}");
        }
    }

    #[test]
    fn weekdays_stand_beside_each_other() {
        let matched = |mode: &str, range| told(json!({ "mode": mode, "match_day_of_week": true }), range).unwrap();
        // A Wednesday is beside the one a week before, never beside itself.
        assert_eq!(matched("previous_period", json!("day")), "2024-05-08..2024-05-08");
        assert_eq!(matched("previous_period", json!("7d")), "2024-05-02..2024-05-08");
        // 30 days before a Tuesday is a Sunday: the Tuesday after would end within the span, so the one before.
        assert_eq!(matched("previous_period", json!("30d")), "2024-03-12..2024-04-10");
        assert_eq!(matched("year_over_year", json!("7d")), "2023-05-11..2023-05-17");
    }

    #[test]
    fn comparisons_that_are_none_are_told_why() {
        for (comparison, problem) in [
            (json!(true), "an object such as"),
            (json!({}), "mode` is missing"),
            (json!({ "mode": "last_year" }), "known: previous_period"),
            (json!({ "mode": "custom" }), "needs its `date_range`"),
            (json!({ "mode": "previous_period", "date_range": ["2024-01-01", "2024-01-02"] }), "mode `custom` only"),
            (json!({ "mode": "previous_period", "match_day_of_week": 1 }), "true or false"),
            (json!({ "mode": "custom", "date_range": ["2024-01-02", "2024-01-01"] }), "ends before it begins"),
        ] {
            let found = told(comparison.clone(), json!("7d")).expect_err(&comparison.to_string());
            assert!(found.contains(problem), "{comparison}: {found}");
        }
    }
}
