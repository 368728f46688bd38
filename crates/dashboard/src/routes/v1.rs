//! `GET /api/v1/stats/aggregate`, `timeseries` and `breakdown`: Plausible's older API, read into a query of the newer one, so
//! that both give the same numbers and the same reasons.
//!
//! What it adds is its own way to write filters (`visit:country==DE|AT;event:page==/blog/**`) and a date that ranges end with.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use jiff::civil::Date;
use serde_json::{Map, Value, json};
use store::questions::ROWS_PER_ANSWER_MAX;

use super::asking::{self, Answered};
use super::parameters::{Parameters, Sent};
use crate::Shared;
use crate::access::Access;
use crate::query::Query;
use crate::query::answer::{ToldRow, tell_meta, tell_rows};
use crate::query::metric::Metric;
use crate::query::problem::Problem;
use crate::query::range::Range;
use crate::reply::Failure;

/// Rows of a breakdown where no limit is given; Plausible's number.
const ROWS_DEFAULT: u64 = 100;

/// Most pages of a breakdown: what its rows are numbered by ends there.
const PAGES_MAX: u32 = u32::MAX / ROWS_PER_ANSWER_MAX;

const PERIODS: &str = "day, 24h, 7d, 30d or another number of days, month, 6mo, 12mo or another number of months, year, all, or \
     custom with two dates in `date`";

/// Answers with one number a metric.
pub(super) async fn aggregate(
    State(shared): State<Arc<Shared>>,
    access: Access,
    sent: Sent,
) -> Result<Json<Value>, Failure> {
    let asked = Asked::read(access, sent, &["compare"])?;
    let mut query = asked.query()?;
    match asked.get("compare") {
        None => {}
        Some("previous_period") => {
            drop(query.insert("include".to_owned(), json!({ "comparisons": { "mode": "previous_period" } })))
        }
        Some(other) => return Err(Problem::unknown("comparison", other, ["previous_period"]).into()),
    }
    let names = asked.metrics();
    asked
        .answer(&shared, query, |rows| {
            let Some(row) = rows.first() else {
                return json!({});
            };
            let value = |(number, name): (usize, &&str)| -> (String, Value) {
                let change = row
                    .comparison
                    .as_ref()
                    .map(|comparison| ("change".to_owned(), json!(comparison.change.get(number))));
                let told = [("value".to_owned(), json!(row.metrics.get(number)))].into_iter().chain(change);
                ((*name).to_owned(), told.collect::<Map<_, _>>().into())
            };
            names.iter().enumerate().map(value).collect::<Map<_, _>>().into()
        })
        .await
}

/// Answers with every bucket of the range, those without a count too.
pub(super) async fn timeseries(
    State(shared): State<Arc<Shared>>,
    access: Access,
    sent: Sent,
) -> Result<Json<Value>, Failure> {
    let asked = Asked::read(access, sent, &["interval"])?;
    let mut query = asked.query()?;
    let period = asked.period();
    let time = match asked.get("interval") {
        None if period == "day" => "time:hour",
        None if period.ends_with("mo") || matches!(period, "year" | "all") => "time:month",
        None | Some("date" | "day") => "time:day",
        Some("hour") => "time:hour",
        Some("week") => "time:week",
        Some("month") => "time:month",
        Some(other) => return Err(Problem::unknown("interval", other, ["date", "hour", "day", "week", "month"]).into()),
    };
    query.insert("dimensions".to_owned(), json!([time]));
    query.insert("include".to_owned(), json!({ "empty_buckets": true }));
    // A rate over time is each bucket's own.
    let own = |name: &str| match name == Metric::ConversionRate.as_str() {
        true => Metric::GroupConversionRate.as_str().to_owned(),
        false => name.to_owned(),
    };
    query.insert("metrics".to_owned(), asked.metrics().into_iter().map(own).collect());
    asked.answer(&shared, query, |rows| asked.objects("date", rows)).await
}

/// Answers with the values of one property.
pub(super) async fn breakdown(
    State(shared): State<Arc<Shared>>,
    access: Access,
    sent: Sent,
) -> Result<Json<Value>, Failure> {
    let asked = Asked::read(access, sent, &["property", "limit", "page"])?;
    let mut query = asked.query()?;
    let property = asked.get("property").ok_or(Problem::Missing("property"))?;
    query.insert("dimensions".to_owned(), json!([property]));
    let (limit, page) =
        (asked.number("limit", ROWS_DEFAULT, ROWS_PER_ANSWER_MAX)?, asked.number("page", 1, PAGES_MAX)?);
    query.insert("pagination".to_owned(), json!({ "limit": limit, "offset": limit.saturating_mul(page - 1) }));
    let name = property.strip_prefix("event:props:").or_else(|| property.split_once(':').map(|(_, name)| name));
    asked.answer(&shared, query, |rows| asked.objects(name.unwrap_or(property), rows)).await
}

/// The parameters of the URL, each once, and who asks.
struct Asked {
    sent: Parameters,
    access: Access,
}

impl Asked {
    fn read(access: Access, sent: Sent, more: &[&'static str]) -> Result<Self, Failure> {
        // Imported history is part of the counts, so that whoever asks for it has it.
        let known = ["site_id", "period", "date", "metrics", "filters", "with_imported"]
            .into_iter()
            .chain(more.iter().copied());
        Ok(Self { sent: Parameters::read(sent, known)?, access })
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.sent.get(name).filter(|value| !value.is_empty())
    }

    fn number(&self, name: &'static str, default: u64, most: u32) -> Result<u64, Problem> {
        // One without a value is as good as none here.
        if self.get(name).is_none() {
            return Ok(default);
        }
        Ok(self.sent.number(name, most)?.map_or(default, u64::from))
    }

    fn metrics(&self) -> Vec<&str> {
        self.get("metrics").unwrap_or("visitors").split(',').map(str::trim).collect()
    }

    fn period(&self) -> &str {
        self.get("period").unwrap_or("30d")
    }

    /// The date that the period ends with, where it is one.
    fn date(&self) -> Result<Option<Date>, Problem> {
        match self.get("date") {
            Some(date) if self.period() != "custom" => match date.parse() {
                Ok(date) => Ok(Some(date)),
                Err(_) => Err(Problem::form("date", "a date such as 2024-01-31", &date.into())),
            },
            _ => Ok(None),
        }
    }

    /// What all three have in common, as a query of the newer API.
    fn query(&self) -> Result<Map<String, Value>, Problem> {
        let date_range = match self.period() {
            "custom" => {
                let ends = self.get("date").and_then(|date| date.split_once(',')).map(|(from, to)| json!([from, to]));
                ends.filter(|ends| Range::parse(ends).is_ok()).ok_or_else(|| {
                    Problem::wrong("`period=custom` needs two dates, such as `date=2024-01-01,2024-01-31`")
                })?
            }
            period => match Range::parse(&json!(period)) {
                Err(Problem::Form { .. }) => return Err(Problem::form("period", PERIODS, &period.into())),
                Err(problem) => return Err(problem),
                Ok(_) => json!(period),
            },
        };
        let site = self.get("site_id").ok_or(Problem::Missing("site_id"))?;
        Ok([
            ("site_id", json!(site)),
            ("metrics", json!(self.metrics())),
            ("date_range", date_range),
            ("filters", filters(self.get("filters").unwrap_or_default())?),
        ]
        .map(|(key, value)| (key.to_owned(), value))
        .into_iter()
        .collect())
    }

    async fn answer(
        &self,
        shared: &Shared,
        query: Map<String, Value>,
        results: impl Fn(&[ToldRow]) -> Value,
    ) -> Result<Json<Value>, Failure> {
        let query = Query::parse(Value::Object(query).to_string().as_bytes())?;
        let Answered { query, plan, found, zone } = asking::answer(shared, &self.access, &query, self.date()?).await?;
        let meta = tell_meta(&query, &plan, &found, &zone);
        Ok(Json(json!({ "results": results(&tell_rows(&query, &plan, &found)), "meta": meta })))
    }

    /// One object a row: its dimension under a name, and its metrics under theirs.
    fn objects(&self, dimension: &str, rows: &[ToldRow]) -> Value {
        let object = |row: &ToldRow| -> Map<String, Value> {
            let metrics = self.metrics().into_iter().zip(&row.metrics);
            let metrics = metrics.map(|(name, value)| (name.to_owned(), json!(value)));
            metrics.chain([(dimension.to_owned(), json!(row.dimensions.first()))]).collect()
        };
        rows.iter().map(object).collect()
    }
}

/// Reads filters in the older way of writing, or, as Plausible does, in the newer.
fn filters(text: &str) -> Result<Value, Problem> {
    if text.starts_with('[') {
        return serde_json::from_str(text).map_err(|_| Problem::form("filters", "a list of filters", &text.into()));
    }
    split(text, ';').into_iter().filter(|filter| !filter.trim().is_empty()).map(|one| filter(&one)).collect()
}

fn filter(text: &str) -> Result<Value, Problem> {
    // The first operator in the text; of two at one place the longer.
    let found = [("!=", "is_not"), ("!~", "contains_not"), ("==", "is"), ("~", "contains")]
        .into_iter()
        .filter_map(|(sign, operator)| text.find(sign).map(|at| (at, sign, operator)))
        .min_by_key(|(at, sign, _)| (*at, std::cmp::Reverse(sign.len())));
    let Some((at, sign, operator)) = found else {
        return Err(Problem::form("filters", "filters such as visit:country==DE|AT;event:page!=/blog", &text.into()));
    };
    let (name, rest) = text.split_at(at);
    let name = name.trim();
    let values: Vec<String> =
        split(rest.get(sign.len()..).unwrap_or_default(), '|').iter().map(|value| value.trim().to_owned()).collect();
    let has_wildcard = name != "event:goal" && sign.ends_with('=') && values.iter().any(|value| value.contains('*'));
    if !has_wildcard {
        return Ok(json!([operator, name, values]));
    }
    let operator = if operator == "is" { "matches" } else { "matches_not" };
    let patterns: Vec<String> = values.iter().map(|value| pattern(value)).collect();
    Ok(json!([operator, name, patterns]))
}

/// Cuts at a sign that no backslash stands before; the backslashes go.
fn split(text: &str, at: char) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        let is_escape = letter == '\\' && letters.peek() == Some(&at);
        let kept = if is_escape { letters.next() } else { Some(letter) };
        match (is_escape, kept, parts.last_mut()) {
            (false, Some(sign), _) if sign == at => parts.push(String::new()),
            (_, Some(letter), Some(part)) => part.push(letter),
            _ => {}
        }
    }
    parts
}

/// The regular expression of a text with wildcards: `**` stands for anything, `*` for anything within one segment of a path.
fn pattern(text: &str) -> String {
    let within: Vec<String> = text
        .split("**")
        .map(|part| part.split('*').map(crate::query::filter::escaped).collect::<Vec<_>>().join("[^/]*"))
        .collect();
    format!("^{}$", within.join(".*"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_older_way_of_writing_filters_becomes_the_newer() {
        for (text, expected) in [
            ("", json!([])),
            ("visit:browser==Firefox", json!([["is", "visit:browser", ["Firefox"]]])),
            (
                "visit:country==DE|AT;event:page!=/a",
                json!([["is", "visit:country", ["DE", "AT"]], ["is_not", "event:page", ["/a"]]]),
            ),
            (
                "event:page~/blog;visit:source!~oo",
                json!([["contains", "event:page", ["/blog"]], ["contains_not", "visit:source", ["oo"]]]),
            ),
            ("event:page==/a~b", json!([["is", "event:page", ["/a~b"]]])),
            (r"event:page==/a\|b\;c|/d", json!([["is", "event:page", ["/a|b;c", "/d"]]])),
            ("event:page==/blog/**|/a.b/*", json!([["matches", "event:page", [r"^\/blog\/.*$", r"^\/a\.b\/[^/]*$"]]])),
            ("event:goal==Visit /a*", json!([["is", "event:goal", ["Visit /a*"]]])),
            (r#"[["is","visit:os",["Mac"]]]"#, json!([["is", "visit:os", ["Mac"]]])),
        ] {
            assert_eq!(filters(text), Ok(expected), "{text}");
        }
        assert!(filters("visit:country=DE").unwrap_err().to_string().contains("visit:country==DE|AT"));
        assert!(filters("[").is_err());
    }
}
