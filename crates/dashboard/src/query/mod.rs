//! A Stats API v2 query: read from JSON, checked word by word, before anything is known about the site.
//!
//! It is not yet a question to the counts: what the cells can answer is decided in [`plan`], with the site's clock at hand.

pub mod answer;
pub mod comparison;
pub mod coverage;
pub mod csv;
pub mod defined;
pub mod degraded;
pub mod dimension;
pub mod filter;
pub mod metric;
pub(crate) mod near;
pub mod plan;
pub mod problem;
pub mod range;
pub mod rows;
pub mod shares;

use serde_json::{Map, Value};
use store::questions::{Grain, ROWS_PER_ANSWER_MAX};

use comparison::Comparison;
use dimension::Named;
use filter::Filter;
use metric::Metric;
use problem::Problem;
use range::Range;

/// Most metrics in one question: each known one, and room for repeats.
const METRICS_MAX: usize = 20;

/// Most sites in one question: their names travel beside the filters' values.
const SITES_MAX: usize = 50;

/// Most keys of an order.
const ORDERS_MAX: usize = 10;

/// A query that is well formed.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    /// The names of the sites whose counts are added up; nearly always one.
    pub sites: Vec<String>,
    /// What is asked for, in the order of the answer.
    pub metrics: Vec<Metric>,
    /// When.
    pub range: Range,
    /// By what, in the order of the answer.
    pub dimensions: Vec<Dimension>,
    /// The values kept, per dimension.
    pub filters: Vec<Filter>,
    /// The values of the rows, where they are known without asking.
    pub row_values: Option<Vec<String>>,
    /// The filters as sent, to be repeated in the answer.
    pub filters_sent: Value,
    /// The order; `None` is the default.
    pub order_by: Option<Vec<(Sorting, Direction)>>,
    /// What else the answer carries.
    pub include: Include,
    /// Most rows.
    pub limit: u32,
    /// Rows skipped.
    pub offset: u32,
}

/// What rows are made by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dimension {
    /// Time; `None` is chosen by the range.
    Time(Option<Grain>),
    /// A dimension of the counts.
    Of(Named),
}

/// What rows are ordered by: one of the query's metrics or dimensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sorting {
    /// A metric.
    Metric(Metric),
    /// Time.
    Time,
    /// The dimension's value.
    Value,
}

/// Which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Smallest first.
    Ascending,
    /// Largest first.
    Descending,
}

/// What else the answer carries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Include {
    /// Imported history: always part of these counts, so it changes nothing.
    pub imports: bool,
    /// All labels of the time dimension, those without a count too.
    pub time_labels: bool,
    /// A row for every bucket of time, those without a count too.
    pub empty_buckets: bool,
    /// How many rows there are without the limit.
    pub total_rows: bool,
    /// How many of the range's hits were measured, how many counted only.
    pub coverage: bool,
    /// The same of another range beside each row.
    pub comparisons: Option<Comparison>,
}

const KEYS: [&str; 8] =
    ["site_id", "metrics", "date_range", "dimensions", "filters", "order_by", "include", "pagination"];

impl Query {
    /// Reads a query.
    ///
    /// # Errors
    /// Anything that is not a well-formed query, told so that the next try is right.
    pub fn parse(body: &[u8]) -> Result<Self, Problem> {
        let body: Value = serde_json::from_slice(body).map_err(|error| Problem::NotAnObject(error.to_string()))?;
        let Value::Object(fields) = body else {
            return Err(Problem::NotAnObject("it is something else".to_owned()));
        };
        known_keys(&fields, &KEYS)?;
        let dimensions = parse_dimensions(fields.get("dimensions"))?;
        let metrics = parse_metrics(fields.get("metrics"))?;
        let order_by = match fields.get("order_by") {
            None | Some(Value::Null) => None,
            Some(order) => Some(parse_order(order, &metrics, &dimensions)?),
        };
        let (limit, offset) = parse_pagination(fields.get("pagination"))?;
        let filters_sent =
            fields.get("filters").cloned().filter(|sent| !sent.is_null()).unwrap_or_else(|| Value::Array(Vec::new()));
        let filters = match &filters_sent {
            Value::Array(filters) => filter::parse(filters)?,
            other => return Err(Problem::form("filters", "a list", other)),
        };
        Ok(Self {
            sites: parse_sites(fields.get("site_id"))?,
            range: Range::parse(fields.get("date_range").ok_or(Problem::Missing("date_range"))?)?,
            include: parse_include(fields.get("include"), &dimensions)?,
            metrics,
            dimensions,
            filters,
            row_values: None,
            filters_sent,
            order_by,
            limit,
            offset,
        })
    }

    /// The dimension of the counts the rows are made by.
    #[must_use]
    pub fn by(&self) -> Option<&Named> {
        self.dimensions.iter().find_map(|dimension| match dimension {
            Dimension::Time(_) => None,
            Dimension::Of(named) => Some(named),
        })
    }

    /// The time dimension.
    #[must_use]
    pub fn time(&self) -> Option<Option<Grain>> {
        self.dimensions.iter().find_map(|dimension| match dimension {
            Dimension::Time(grain) => Some(*grain),
            Dimension::Of(_) => None,
        })
    }
}

pub(crate) fn known_keys(fields: &Map<String, Value>, known: &[&'static str]) -> Result<(), Problem> {
    match fields.keys().find(|key| !known.contains(&key.as_str())) {
        Some(key) => Err(Problem::unknown("key", key, known.iter().copied())),
        None => Ok(()),
    }
}

fn parse_sites(value: Option<&Value>) -> Result<Vec<String>, Problem> {
    let value = value.ok_or(Problem::Missing("site_id"))?;
    let form = || Problem::form("site_id", "a site's name such as \"example.com\", or a list of such names", value);
    let names = match value {
        Value::String(name) => vec![name.clone()],
        Value::Array(names) => {
            names.iter().map(|name| name.as_str().map(str::to_owned)).collect::<Option<_>>().ok_or_else(form)?
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => return Err(form()),
    };
    if names.len() > SITES_MAX {
        return Err(Problem::TooMany { what: "sites", max: SITES_MAX });
    }
    let mut distinct: Vec<String> = names;
    distinct.sort_unstable();
    distinct.dedup();
    if distinct.is_empty() { Err(form()) } else { Ok(distinct) }
}

fn parse_metrics(value: Option<&Value>) -> Result<Vec<Metric>, Problem> {
    let value = value.ok_or(Problem::Missing("metrics"))?;
    let form = || Problem::form("metrics", "a list of metrics such as [\"visitors\", \"pageviews\"]", value);
    let names = value.as_array().filter(|names| !names.is_empty()).ok_or_else(form)?;
    if names.len() > METRICS_MAX {
        return Err(Problem::TooMany { what: "metrics", max: METRICS_MAX });
    }
    names.iter().map(|name| Metric::parse(name.as_str().ok_or_else(form)?)).collect()
}

fn parse_dimensions(value: Option<&Value>) -> Result<Vec<Dimension>, Problem> {
    let value = match value {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(value) => value,
    };
    let form = || Problem::form("dimensions", "a list of dimensions such as [\"event:page\"]", value);
    let parse = |name: &Value| {
        let name = name.as_str().ok_or_else(form)?;
        match dimension::time(name) {
            Some(grain) => Ok(Dimension::Time(grain)),
            None => Named::parse(name).map(Dimension::Of),
        }
    };
    let dimensions = value.as_array().ok_or_else(form)?.iter().map(parse).collect::<Result<Vec<_>, _>>()?;
    let times = dimensions.iter().filter(|dimension| matches!(dimension, Dimension::Time(_))).count();
    if times > 1 || dimensions.len() - times > 1 {
        return Err(Problem::wrong(
            "rows are made by one dimension, and by time beside it: ask for each value of the other with a filter",
        ));
    }
    Ok(dimensions)
}

fn parse_order(
    value: &Value,
    metrics: &[Metric],
    dimensions: &[Dimension],
) -> Result<Vec<(Sorting, Direction)>, Problem> {
    let form = || Problem::form("order_by", "a list such as [[\"visitors\", \"desc\"]]", value);
    let entries = value.as_array().ok_or_else(form)?;
    if entries.len() > ORDERS_MAX {
        return Err(Problem::TooMany { what: "keys in `order_by`", max: ORDERS_MAX });
    }
    let parse = |entry: &Value| {
        let (name, direction) = match entry.as_array().map(Vec::as_slice) {
            Some([Value::String(name), Value::String(direction)]) => (name, direction),
            _ => return Err(form()),
        };
        let direction = match direction.as_str() {
            "asc" => Direction::Ascending,
            "desc" => Direction::Descending,
            other => return Err(Problem::unknown("direction", other, ["asc", "desc"])),
        };
        Ok((parse_sorting(name, metrics, dimensions)?, direction))
    };
    entries.iter().map(parse).collect()
}

fn parse_sorting(name: &str, metrics: &[Metric], dimensions: &[Dimension]) -> Result<Sorting, Problem> {
    let is_asked = |dimension: &Dimension| match dimension {
        Dimension::Time(_) => dimension::time(name).is_some(),
        Dimension::Of(named) => named.name == name,
    };
    if let Some(metric) = metrics.iter().find(|metric| metric.as_str() == name) {
        return Ok(Sorting::Metric(*metric));
    }
    match dimensions.iter().find(|dimension| is_asked(dimension)) {
        Some(Dimension::Time(_)) => Ok(Sorting::Time),
        Some(Dimension::Of(named)) if named.places().is_some() => Err(Problem::wrong(
            "rows are not put in the order of what places are called: order by a metric, or ask by codes (`visit:country`)",
        )),
        Some(Dimension::Of(_)) => Ok(Sorting::Value),
        None => Err(Problem::wrong(format!(
            "`order_by` names `{}`, which is not among the query's metrics and dimensions",
            problem::shortened(name)
        ))),
    }
}

fn parse_include(value: Option<&Value>, dimensions: &[Dimension]) -> Result<Include, Problem> {
    let fields = match value {
        None | Some(Value::Null) => return Ok(Include::default()),
        Some(Value::Object(fields)) => fields,
        Some(other) => return Err(Problem::form("include", "an object such as {\"total_rows\": true}", other)),
    };
    known_keys(fields, &["imports", "time_labels", "empty_buckets", "total_rows", "coverage", "comparisons"])?;
    let flag = |key: &'static str| match fields.get(key) {
        None | Some(Value::Null) => Ok(false),
        Some(Value::Bool(flag)) => Ok(*flag),
        Some(other) => Err(Problem::form(key, "true or false", other)),
    };
    let include = Include {
        imports: flag("imports")?,
        time_labels: flag("time_labels")?,
        empty_buckets: flag("empty_buckets")?,
        total_rows: flag("total_rows")?,
        coverage: flag("coverage")?,
        comparisons: Comparison::parse(fields.get("comparisons"))?,
    };
    let has_time = dimensions.iter().any(|dimension| matches!(dimension, Dimension::Time(_)));
    if include.time_labels && !has_time {
        return Err(Problem::wrong("`include.time_labels` needs a time dimension such as `time:day`"));
    }
    if include.empty_buckets && !matches!(dimensions, [Dimension::Time(_)]) {
        return Err(Problem::wrong(
            "`include.empty_buckets` needs a time dimension such as `time:day`, and no other beside it",
        ));
    }
    Ok(include)
}

fn parse_pagination(value: Option<&Value>) -> Result<(u32, u32), Problem> {
    let fields = match value {
        None | Some(Value::Null) => return Ok((ROWS_PER_ANSWER_MAX, 0)),
        Some(Value::Object(fields)) => fields,
        Some(other) => {
            return Err(Problem::form("pagination", "an object such as {\"limit\": 100, \"offset\": 0}", other));
        }
    };
    known_keys(fields, &["limit", "offset"])?;
    let number = |key: &'static str, default: u32, allowed: std::ops::RangeInclusive<u32>| match fields.get(key) {
        None | Some(Value::Null) => Ok(default),
        Some(value) => {
            let number =
                value.as_u64().and_then(|number| u32::try_from(number).ok()).filter(|number| allowed.contains(number));
            number.ok_or_else(|| {
                Problem::form(key, format!("a whole number from {} to {}", allowed.start(), allowed.end()), value)
            })
        }
    };
    Ok((number("limit", ROWS_PER_ANSWER_MAX, 1..=ROWS_PER_ANSWER_MAX)?, number("offset", 0, 0..=u32::MAX)?))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parsed(body: Value) -> Result<Query, String> {
        Query::parse(body.to_string().as_bytes()).map_err(|problem| problem.to_string())
    }

    fn with(key: &str, value: Value) -> Value {
        let mut body = json!({ "site_id": "example.com", "metrics": ["visitors"], "date_range": "7d" });
        body[key] = value;
        body
    }

    #[test]
    fn the_shortest_query_has_plausibles_defaults() {
        let query = parsed(with("dimensions", Value::Null)).unwrap();
        assert_eq!((query.limit, query.offset), (10_000, 0));
        assert_eq!(query.order_by, None);
        assert_eq!(query.sites, ["example.com"]);
        assert_eq!(parsed(with("site_id", json!(["b", "a", "b"]))).unwrap().sites, ["a", "b"]);
        assert_eq!(query.include, Include::default());
        assert!(query.by().is_none() && query.time().is_none() && query.filters.is_empty());
    }

    #[test]
    fn a_full_query_is_understood() {
        let query = parsed(json!({
            "site_id": "example.com",
            "metrics": ["visitors", "bounce_rate"],
            "date_range": ["2024-01-01", "2024-01-31"],
            "dimensions": ["time", "visit:country"],
            "filters": [["is", "event:page", ["/"]]],
            "order_by": [["time:day", "asc"], ["bounce_rate", "desc"], ["visit:country", "asc"]],
            "include": { "imports": true, "time_labels": true, "total_rows": true },
            "pagination": { "limit": 10, "offset": 20 }
        }))
        .unwrap();
        assert_eq!(query.time(), Some(None));
        assert_eq!(query.by().map(|named| named.name.as_str()), Some("visit:country"));
        assert_eq!(
            query.order_by.unwrap().into_iter().map(|(sorting, _)| sorting).collect::<Vec<_>>(),
            [Sorting::Time, Sorting::Metric(Metric::BounceRate), Sorting::Value]
        );
        assert_eq!((query.limit, query.offset), (10, 20));
    }

    #[test]
    fn every_mistake_is_told() {
        for (body, told) in [
            (json!([]), "must be a JSON object"),
            (json!({ "metrics": ["visitors"], "date_range": "7d" }), "`site_id` is missing"),
            (json!({ "site_id": "a", "date_range": "7d" }), "`metrics` is missing"),
            (json!({ "site_id": "a", "metrics": ["visitors"] }), "`date_range` is missing"),
            (with("metric", json!([])), "did you mean `metrics`"),
            (with("metrics", json!([])), "a list of metrics"),
            (with("metrics", json!("visitors")), "a list of metrics"),
            (with("metrics", json!(["visitor"])), "did you mean `visitors`"),
            (with("metrics", json!(vec!["visitors"; 21])), "at most 20 metrics"),
            (with("site_id", json!(7)), "a site's name"),
            (with("site_id", json!([])), "a site's name"),
            (with("site_id", json!(["a", 7])), "a site's name"),
            (with("site_id", json!(vec!["a"; 51])), "at most 50 sites"),
            (with("dimensions", json!("event:page")), "a list of dimensions"),
            (with("dimensions", json!(["event:pages"])), "did you mean `event:page`"),
            (with("dimensions", json!(["time:minute"])), "hours are the finest"),
            (with("dimensions", json!(["event:page", "visit:os"])), "one dimension"),
            (with("dimensions", json!(["time", "time:day"])), "one dimension"),
            (with("filters", json!("x")), "must be a list"),
            (with("order_by", json!([["pageviews", "desc"]])), "not among"),
            (with("order_by", json!([["visitors", "down"]])), "unknown direction"),
            (with("order_by", json!(["visitors"])), "a list such as"),
            (with("include", json!({ "time_labels": true })), "needs a time dimension"),
            (with("include", json!({ "empty_buckets": true })), "needs a time dimension"),
            (with("include", json!({ "total_row": true })), "did you mean `total_rows`"),
            (with("include", json!({ "total_rows": 1 })), "true or false"),
            (with("pagination", json!({ "limit": 0 })), "from 1 to 10000"),
            (with("pagination", json!({ "limit": 10_001 })), "from 1 to 10000"),
            (with("pagination", json!({ "limit": 1e3 })), "a whole number from 1 to 10000, not 1000.0"),
            (with("pagination", json!({ "page": 1 })), "unknown key `page`"),
        ] {
            let problem = parsed(body.clone()).expect_err(&body.to_string());
            assert!(problem.contains(told), "{body}: {problem}");
        }
        assert!(Query::parse(b"{").is_err() && Query::parse(b"").is_err());
    }

    #[test]
    fn input_is_repeated_short_and_clean() {
        let problem = parsed(with("metrics", json!([format!("\u{1b}[31m{}", "x".repeat(500))]))).unwrap_err();
        assert!(!problem.contains('\u{1b}') && problem.len() < 400, "{problem}");
    }
}
