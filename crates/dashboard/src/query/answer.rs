//! The answer in Plausible's shape: rows, what must be known about them, and the query as it was understood.
//!
//! What is a sum of daily visitors, or folded together, is said in `meta`; a client that reads on sees it.

use jiff::tz::TimeZone;
use model::limits::OTHER;
use privacy::disclosure::{Disclosed, FEWER, Precision, STEP};
use serde::Serialize;
use serde_json::{Map, Value, json};
use store::questions::{Answer, Grain, Row};

use super::coverage::Coverage;
use super::degraded::Degraded;
use super::metric::{Basis, Metric};
use super::plan::{Plan, keeps_known_values_only};
use super::{Dimension, Direction, Query, Sorting, dimension, range};
use crate::calendar::{bucket_label, instant_label};

/// Why visitors of several days may be more than the people who came.
const SUM_OF_DAILY_VISITORS: &str = "a visitor is known for one day only: visitors of several days are the sum of each day's, \
     so a person who came on three days is counted three times";

/// What the row of folded values is.
const FOLDED: &str =
    "values of too few visitors, or beyond the number of values kept a day, are counted together as (other)";

/// What a filter that only rejects values does not keep.
const KNOWN_VALUES_ONLY: &str = "keeps what is known to have another value: what has no value here (such as hits counted \
     without a visitor) is left out too; to include it, subtract the rejected values from the whole";

/// Why a site's numbers are in tens.
const ROUNDED: &str = "counts are rounded to the nearest ten and one to nine are told as <10; shares are made of the rounded counts, and \
     shares and means of fewer than ten are not told";

/// What an answer says of numbers in tens; nothing of exact ones.
pub(crate) fn rounded(precision: Precision) -> Option<Value> {
    match precision {
        Precision::Exact => None,
        Precision::Tens => Some(json!({ "to": STEP, "fewer": FEWER, "warning": ROUNDED })),
    }
}

/// What was found for a query.
#[derive(Debug, Default)]
pub struct Found {
    /// Its rows.
    pub answer: Answer,
    /// The whole of a percentage.
    pub whole: Option<Answer>,
    /// Of the same range, where it was asked for.
    pub coverage: Option<Coverage>,
    /// Days of the range of which records were lost.
    pub degraded: Degraded,
}

/// Writes the answer to a query.
#[must_use]
pub fn write(query: &Query, plan: &Plan, found: &Found, zone: &TimeZone) -> Value {
    let Found { answer, whole, .. } = found;
    let visitors_total = whole.as_ref().and_then(|whole| whole.rows.first()).map(|row| row.counts.visitors);
    let basis = Basis { precision: plan.precision, visitors_total };
    let results: Vec<ToldRow> = answer.rows.iter().map(|row| tell_row(query, plan, row, &basis)).collect();
    json!({
        "results": results,
        "meta": write_meta(query, plan, found, zone),
        "query": write_query(query, plan, zone),
    })
}

/// A row as it leaves: its numbers are told ones, by their type.
#[derive(Serialize)]
struct ToldRow {
    metrics: Vec<Disclosed>,
    dimensions: Vec<Value>,
}

fn tell_row(query: &Query, plan: &Plan, row: &Row, basis: &Basis) -> ToldRow {
    let label = |dimension: &Dimension| match dimension {
        Dimension::Time(_) => row.day.map_or(Value::Null, |day| bucket_label(day, row.hour).into()),
        Dimension::Of(_) => row.value.as_deref().map_or(Value::Null, Value::from),
    };
    let value = |(metric, measure): &(Metric, _)| metric.value(*measure, &row.counts, basis);
    ToldRow {
        metrics: plan.measures.iter().map(value).collect(),
        dimensions: query.dimensions.iter().map(label).collect(),
    }
}

fn write_meta(query: &Query, plan: &Plan, found: &Found, zone: &TimeZone) -> Value {
    let Found { answer, coverage, degraded, .. } = found;
    let mut meta = Map::new();
    if plan.sums_daily_visitors() {
        let warning = json!({ "visitors": { "code": "sum_of_daily_visitors", "warning": SUM_OF_DAILY_VISITORS } });
        meta.insert("metric_warnings".to_owned(), warning);
    }
    let rejecting = keeps_known_values_only(query);
    if !rejecting.is_empty() {
        let warning = json!({ "code": "known_values_only", "warning": KNOWN_VALUES_ONLY });
        let warnings: Map<_, _> = rejecting.into_iter().map(|name| (name.to_owned(), warning.clone())).collect();
        meta.insert("filter_warnings".to_owned(), warnings.into());
    }
    if answer.rows.iter().any(|row| row.value.as_deref() == Some(OTHER)) {
        meta.insert("folded".to_owned(), json!({ "value": OTHER, "warning": FOLDED }));
    }
    if let (true, Some(grain)) = (query.include.time_labels, plan.question.over_time) {
        let labels = range::labels(plan.question.span, grain);
        let labels: Vec<_> = labels.into_iter().map(|(day, hour)| bucket_label(day, hour)).collect();
        meta.insert("time_labels".to_owned(), labels.into());
    }
    if query.include.total_rows {
        meta.insert("total_rows".to_owned(), answer.rows_total.into());
    }
    if query.include.imports {
        meta.insert("imports_included".to_owned(), true.into());
    }
    if let Some(coverage) = coverage {
        meta.insert("coverage".to_owned(), json!(coverage.tell(plan.precision, plan.span.days().0, zone)));
    }
    meta.extend(degraded.tell(plan.precision).map(|days| ("degraded".to_owned(), days)));
    meta.extend(rounded(plan.precision).map(|rounded| ("rounded".to_owned(), rounded)));
    Value::Object(meta)
}

fn write_query(query: &Query, plan: &Plan, zone: &TimeZone) -> Value {
    let (from, to) = range::ends(plan.span, zone);
    let name = |dimension: &Dimension| match dimension {
        Dimension::Time(_) => plan.question.over_time.map_or("time", time_name).to_owned(),
        Dimension::Of(named) => named.name.clone(),
    };
    let order_by: Vec<Value> = plan
        .order_by
        .iter()
        .map(|(sorting, direction)| {
            let sorted = match sorting {
                Sorting::Metric(metric) => metric.as_str().to_owned(),
                Sorting::Time => plan.question.over_time.map_or("time", time_name).to_owned(),
                Sorting::Value => query.by().map(|named| named.name.clone()).unwrap_or_default(),
            };
            let direction = match direction {
                Direction::Ascending => "asc",
                Direction::Descending => "desc",
            };
            json!([sorted, direction])
        })
        .collect();
    json!({
        "site_id": query.site_id,
        "metrics": query.metrics.iter().map(|metric| metric.as_str()).collect::<Vec<_>>(),
        "date_range": [instant_label(&from), instant_label(&to)],
        "dimensions": query.dimensions.iter().map(name).collect::<Vec<_>>(),
        "filters": query.filters_sent,
        "order_by": order_by,
        "include": {
            "imports": query.include.imports,
            "time_labels": query.include.time_labels,
            "total_rows": query.include.total_rows,
            "coverage": query.include.coverage,
        },
        "pagination": { "limit": query.limit, "offset": query.offset },
    })
}

fn time_name(grain: Grain) -> &'static str {
    dimension::TIMES.iter().find(|(_, known)| *known == Some(grain)).map_or("time", |(name, _)| name)
}

#[cfg(test)]
mod tests {
    use model::{Counts, Domain, LocalDay};

    use super::super::plan::Here;
    use super::*;

    #[test]
    fn an_answer_has_plausibles_shape() {
        let query = Query::parse(
            json!({
                "site_id": "example.com", "metrics": ["visitors", "bounce_rate"], "date_range": "7d",
                "dimensions": ["time:week", "visit:country"], "include": { "time_labels": true, "total_rows": true }
            })
            .to_string()
            .as_bytes(),
        )
        .unwrap();
        let now: jiff::ZonedDateTime = "2024-05-15T15:30:00+09:00[Asia/Tokyo]".parse().unwrap();
        let here = Here {
            site: Domain::parse("example.com").unwrap(),
            now: now.clone(),
            first_count: None,
            precision: Precision::Exact,
        };
        let plan = Plan::of(&query, &here).unwrap();
        let counts = Counts { visitors: 5, visits: 4, bounces: 1, ..Counts::default() };
        let row = |value: &str| Row { day: Some(LocalDay(19_851)), hour: None, value: Some(value.into()), counts };
        let answer = Answer { rows: vec![row("JP"), row(OTHER)], rows_total: 2 };
        let found = Found { answer, ..Found::default() };
        let written = write(&query, &plan, &found, now.time_zone());
        assert_eq!(
            written["results"],
            json!([{ "metrics": [5, 25], "dimensions": ["2024-05-08", "JP"] }, { "metrics": [5, 25], "dimensions": ["2024-05-08", "(other)"] }])
        );
        assert_eq!(written["meta"]["time_labels"], json!(["2024-05-09", "2024-05-13"]));
        assert_eq!(written["meta"]["total_rows"], json!(2));
        assert_eq!(written["meta"]["metric_warnings"]["visitors"]["code"], "sum_of_daily_visitors");
        assert_eq!(written["meta"]["folded"]["value"], "(other)");
        assert_eq!(written["query"]["date_range"], json!(["2024-05-09T00:00:00+09:00", "2024-05-15T23:59:59+09:00"]));
        assert_eq!(written["query"]["order_by"], json!([["time:week", "asc"], ["visitors", "desc"]]));
        assert_eq!(written["query"]["pagination"], json!({ "limit": 10_000, "offset": 0 }));
    }
}
