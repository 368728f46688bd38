//! Date ranges: Plausible's words, dates, or instants, and the site-local days or hours they are.
//!
//! Counts are kept by site-local hour and day; a range that cuts an hour is refused rather than rounded.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan, ZonedDateTime};
use model::{LocalDay, Millis};
use serde_json::Value;
use store::questions::{Grain, Span};

use super::problem::Problem;
use crate::calendar::{begin, date_of, last_second, local_day, local_hour};

/// Most days of one range; Plausible's number.
pub const DAYS_MAX: i64 = 5_000;

/// Most months back; Plausible's number.
const MONTHS_MAX: i64 = 100;

/// Most days by the hour: what fits one answer of 10,000 rows.
pub const DAYS_BY_HOUR_MAX: i64 = 400;

/// When, as asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Range {
    /// Today.
    Day,
    /// The current calendar month.
    Month,
    /// The current calendar year.
    Year,
    /// Since the first count.
    All,
    /// The last 24 site-local hours, the current one included.
    Hours24,
    /// So many days, today the last. Plausible ends them yesterday; whoever sent a first hit just now looks for it here.
    LastDays(i64),
    /// So many calendar months, the current one the last.
    LastMonths(i64),
    /// From one date to another.
    Dates(Date, Date),
    /// From one instant to another.
    Instants(Timestamp, Timestamp),
}

const EXPECTED: &str = "\"day\", \"24h\", \"7d\", \"28d\", \"30d\", \"91d\", \"month\", \"6mo\", \"12mo\", \"year\", \"all\", \
     [\"2024-01-01\", \"2024-01-31\"], or two times with their offset such as \"2024-01-01T12:00:00+02:00\"";

impl Range {
    /// Reads a range.
    ///
    /// # Errors
    /// No such range.
    pub fn parse(value: &Value) -> Result<Self, Problem> {
        let form = || Problem::form("date_range", EXPECTED, value);
        match value {
            Value::String(word) => Self::parse_word(word).ok_or_else(|| match word.as_str() {
                "realtime" | "realtime_30m" => {
                    Problem::wrong(
                        "visitors now are at GET /api/v1/stats/realtime/visitors?site_id=…, the last half hour by minute at GET \
                         /api/v1/stats/realtime?site_id=…",
                    )
                }
                _ => form(),
            }),
            Value::Array(ends) => match ends.as_slice() {
                [Value::String(from), Value::String(to)] => Self::parse_ends(from, to).ok_or_else(form),
                _ => Err(form()),
            },
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => Err(form()),
        }
    }

    /// Reads a range from a URL: a word, or two dates with a comma between them.
    ///
    /// # Errors
    /// No such range.
    pub fn parse_text(text: &str) -> Result<Self, Problem> {
        match text.split_once(',') {
            Some((from, to)) => Self::parse(&serde_json::json!([from, to])),
            None => Self::parse(&Value::String(text.to_owned())),
        }
    }

    fn parse_word(word: &str) -> Option<Self> {
        let number = |text: &str, max| text.parse::<i64>().ok().filter(|n| (1..=max).contains(n));
        match word {
            "day" => Some(Self::Day),
            "month" => Some(Self::Month),
            "year" => Some(Self::Year),
            "all" => Some(Self::All),
            "24h" => Some(Self::Hours24),
            _ => match word.strip_suffix("mo") {
                Some(months) => number(months, MONTHS_MAX).map(Self::LastMonths),
                None => word.strip_suffix('d').and_then(|days| number(days, DAYS_MAX)).map(Self::LastDays),
            },
        }
    }

    fn parse_ends(from: &str, to: &str) -> Option<Self> {
        // A date alone has ten characters; jiff would also read a date out of a time, which is not what was asked.
        if from.len() == 10 && to.len() == 10 {
            return Some(Self::Dates(from.parse().ok()?, to.parse().ok()?));
        }
        Some(Self::Instants(from.parse().ok()?, to.parse().ok()?))
    }

    /// The days or hours it is for a site, now.
    ///
    /// # Errors
    /// It ends before it begins, is too long, or cuts an hour.
    pub fn resolve(self, now: &ZonedDateTime, first_count: Option<LocalDay>) -> Result<Span, Problem> {
        let today = now.date();
        let span = match self {
            Self::Day => days(today, today),
            Self::Month => days(today.first_of_month(), today.last_of_month()),
            Self::Year => days(today.first_of_year(), today.last_of_year()),
            Self::All => {
                let first = first_count.map_or(today, date_of).min(today);
                days(first.max(today.saturating_sub((DAYS_MAX - 1).days())), today)
            }
            Self::Hours24 => {
                let first = now.saturating_sub(SignedDuration::from_hours(23));
                Span::Hours { first: local_hour(&first), last: local_hour(now) }
            }
            Self::LastDays(count) => days(today.saturating_sub((count - 1).days()), today),
            Self::LastMonths(count) => {
                let first = today.first_of_month().saturating_sub((count - 1).months());
                days(first, today.last_of_month())
            }
            Self::Dates(first, last) => days(first, last),
            Self::Instants(from, to) => {
                hours(&from.to_zoned_datetime(now.time_zone().clone()), &to.to_zoned_datetime(now.time_zone().clone()))?
            }
        };
        check(span)
    }
}

fn days(first: Date, last: Date) -> Span {
    Span::Days { first: local_day(first), last: local_day(last) }
}

/// Two instants as whole site-local hours, and as whole days when they are that.
fn hours(from: &ZonedDateTime, to: &ZonedDateTime) -> Result<Span, Problem> {
    // The end may be the last second of its hour, as Plausible's clients send it, or the first of the next.
    let last = if to.minute() == 59 && to.second() == 59 {
        to.clone()
    } else {
        to.saturating_sub(SignedDuration::from_secs(1))
    };
    let whole = from.minute() == 0 && from.second() == 0 && last.minute() == 59 && last.second() == 59;
    if !whole {
        let zone = from.time_zone().iana_name().unwrap_or("UTC").to_owned();
        return Err(Problem::wrong(format!(
            "counts are kept by the hour of {zone}: a range must begin and end with one, such as {} to {}",
            crate::calendar::instant_label(&begin(local_day(from.date()), local_hour(from).1, from.time_zone())),
            crate::calendar::instant_label(&last_second(local_day(last.date()), local_hour(&last).1, from.time_zone())),
        )));
    }
    let (first, last) = (local_hour(from), local_hour(&last));
    Ok(match (first.1, last.1) {
        (0, 23) => Span::Days { first: first.0, last: last.0 },
        _ => Span::Hours { first, last },
    })
}

pub(super) fn check(span: Span) -> Result<Span, Problem> {
    let backwards = match span {
        Span::Days { first, last } => last < first,
        Span::Hours { first, last } => last < first,
    };
    if backwards {
        return Err(Problem::wrong("`date_range` ends before it begins"));
    }
    let (first, last) = span.days();
    let length = i64::from(last.0) - i64::from(first.0) + 1;
    if length > DAYS_MAX || first.0 < 0 {
        return Err(Problem::TooLong(DAYS_MAX));
    }
    Ok(span)
}

/// The grain that suits a span; Plausible's choice.
#[must_use]
pub fn grain_for(span: Span) -> Grain {
    let (first, last) = span.days();
    let length = i64::from(last.0) - i64::from(first.0) + 1;
    match (span, length) {
        (Span::Hours { .. }, ..=3) | (Span::Days { .. }, ..=2) => Grain::Hour,
        (_, ..=40) => Grain::Day,
        (_, ..=370) => Grain::Week,
        _ => Grain::Month,
    }
}

/// Every bucket of a span, in order.
#[must_use]
pub fn labels(span: Span, grain: Grain) -> Vec<(LocalDay, Option<u8>)> {
    let (first, last) = span.days();
    let days = (first.0..=last.0).map(LocalDay);
    match grain {
        Grain::Hour => {
            let kept = |hour: &(LocalDay, u8)| match span {
                Span::Days { .. } => true,
                Span::Hours { first, last } => *hour >= first && *hour <= last,
            };
            let all = days.flat_map(|day| (0..24).map(move |hour| (day, hour)));
            all.filter(kept).map(|(day, hour)| (day, Some(hour))).collect()
        }
        Grain::Day => days.map(|day| (day, None)).collect(),
        Grain::Week => {
            let is_first = |day: &LocalDay| *day == first || date_of(*day).weekday() == jiff::civil::Weekday::Monday;
            days.filter(is_first).map(|day| (day, None)).collect()
        }
        Grain::Month => {
            let mut months: Vec<_> = days.map(|day| local_day(date_of(day).first_of_month())).collect();
            months.dedup();
            months.into_iter().map(|day| (day, None)).collect()
        }
    }
}

/// The first and last second of a span.
#[must_use]
pub fn ends(span: Span, zone: &TimeZone) -> (ZonedDateTime, ZonedDateTime) {
    match span {
        Span::Days { first, last } => (begin(first, 0, zone), last_second(last, 23, zone)),
        Span::Hours { first, last } => (begin(first.0, first.1, zone), last_second(last.0, last.1, zone)),
    }
}

/// The first instant of a span and the first after it.
#[must_use]
pub fn instants(span: Span, zone: &TimeZone) -> (Millis, Millis) {
    let (from, to) = ends(span, zone);
    (Millis(from.timestamp().as_millisecond()), Millis(to.timestamp().as_millisecond() + 1_000))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::calendar::bucket_label;

    /// Wednesday, 2024-05-15 15:30 in Berlin.
    fn now() -> ZonedDateTime {
        "2024-05-15T15:30:00+02:00[Europe/Berlin]".parse().unwrap()
    }

    fn resolved(range: Value) -> Result<String, String> {
        let span = Range::parse(&range)
            .and_then(|range| range.resolve(&now(), Some(local_day("2023-02-03".parse().unwrap()))));
        span.map(|span| match span {
            Span::Days { first, last } => format!("{}..{}", date_of(first), date_of(last)),
            Span::Hours { first, last } => {
                format!("{}..{}", bucket_label(first.0, Some(first.1)), bucket_label(last.0, Some(last.1)))
            }
        })
        .map_err(|problem| problem.to_string())
    }

    #[test]
    fn words_end_with_the_present_day_or_month() {
        for (word, expected) in [
            ("day", "2024-05-15..2024-05-15"),
            ("7d", "2024-05-09..2024-05-15"),
            ("30d", "2024-04-16..2024-05-15"),
            ("month", "2024-05-01..2024-05-31"),
            ("6mo", "2023-12-01..2024-05-31"),
            ("12mo", "2023-06-01..2024-05-31"),
            ("year", "2024-01-01..2024-12-31"),
            ("all", "2023-02-03..2024-05-15"),
            ("24h", "2024-05-14 16:00:00..2024-05-15 15:00:00"),
        ] {
            assert_eq!(resolved(json!(word)).as_deref(), Ok(expected), "{word}");
        }
    }

    #[test]
    fn instants_become_the_sites_own_days_and_hours() {
        for (range, expected) in [
            (json!(["2024-01-01", "2024-01-31"]), "2024-01-01..2024-01-31"),
            (json!(["2024-01-01T00:00:00+01:00", "2024-01-01T23:59:59+01:00"]), "2024-01-01..2024-01-01"),
            (json!(["2023-12-31T23:00:00Z", "2024-01-01T23:00:00Z"]), "2024-01-01..2024-01-01"),
            (json!(["2024-01-01T12:00:00Z", "2024-01-01T14:59:59Z"]), "2024-01-01 13:00:00..2024-01-01 15:00:00"),
        ] {
            assert_eq!(resolved(range.clone()).as_deref(), Ok(expected), "{range}");
        }
    }

    #[test]
    fn ranges_that_are_none_are_told_why() {
        for (range, told) in [
            (json!("fortnight"), "must be \"day\""),
            (json!("0d"), "must be"),
            (json!("9999d"), "must be"),
            (json!("realtime"), "realtime/visitors"),
            (json!(7), "must be"),
            (json!(["2024-01-01"]), "must be"),
            (json!(["2024-01-01", "2024-13-01"]), "must be"),
            (json!(["2024-01-02", "2024-01-01"]), "ends before it begins"),
            (json!(["1960-01-01", "2024-01-01"]), "at most 5000 days"),
            (json!(["2024-01-01T12:30:00Z", "2024-01-01T13:30:00Z"]), "by the hour of Europe/Berlin"),
        ] {
            let problem = resolved(range.clone()).expect_err(&range.to_string());
            assert!(problem.contains(told), "{range}: {problem}");
        }
    }

    #[test]
    fn every_bucket_has_its_label_even_on_the_day_the_clock_changes() {
        let span = |first: &str, last: &str| days(first.parse().unwrap(), last.parse().unwrap());
        let shown =
            |span, grain| labels(span, grain).iter().map(|(day, hour)| bucket_label(*day, *hour)).collect::<Vec<_>>();
        let weeks = shown(span("2024-05-01", "2024-05-15"), Grain::Week);
        assert_eq!(weeks, ["2024-05-01", "2024-05-06", "2024-05-13"]);
        assert_eq!(shown(span("2024-01-31", "2024-03-01"), Grain::Month), ["2024-01-01", "2024-02-01", "2024-03-01"]);
        assert_eq!(shown(span("2024-03-31", "2024-03-31"), Grain::Hour).len(), 24);
        assert_eq!(shown(span("2024-02-28", "2024-03-01"), Grain::Day).len(), 3);
    }
}
