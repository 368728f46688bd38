//! The answer in Plausible's shape: rows, what must be known about them, and the query as it was understood.
//!
//! What is a sum of daily visitors, or folded together, is said in `meta`; a client that reads on sees it.

use jiff::tz::TimeZone;
use model::limits::OTHER;
use model::{Counts, LocalDay};
use privacy::disclosure::{Disclosed, FEWER, Precision, STEP};
use serde::Serialize;
use serde_json::{Map, Value, json};
use store::questions::{Answer, Row};

use super::coverage::Coverage;
use super::defined::CountedFrom;
use super::degraded::Degraded;
use super::metric::Basis;
use super::plan::{Plan, keeps_known_values_only};
use super::rows::{Beside, Buckets};
use super::{Dimension, Direction, Query, Sorting, dimension, range};
use crate::calendar::{at, bucket_label, instant_label};

/// Why visitors of several days may be more than the people who came.
const SUM_OF_DAILY_VISITORS: &str = "a visitor is known for one day only: visitors of several days are the sum of each day's, \
     so a person who came on three days is counted three times";

/// What the numbers of several sites are.
const SUM_OF_SITES: &str = "the counts of several sites are added up: a person who came to two of them is counted twice, and \
     each site's days and hours are those of its own clock";

/// What the row of folded values is.
const FOLDED: &str =
    "values of too few visitors, or beyond the number of values kept a day, are counted together as (other)";

/// What cells that fold may lack.
const FOLDED_AWAY: &str = "when a day has closed, what had too few visitors is counted together as (other), whatever its values: rows and \
     sums of a dimension crossed with another, or as fine as this one, may be less than the whole";

/// What a filter that only rejects values does not keep.
const KNOWN_VALUES_ONLY: &str = "keeps what is known to have another value: what has no value here (such as hits counted \
     without a visitor) is left out too; to include it, subtract the rejected values from the whole";

/// What a sum of money is of.
const ONE_CURRENCY: &str =
    "amounts in any other currency are in no sum, and neither is what came before the site had one";

/// Since when there are numbers of what people defined.
const COUNTED_FROM: &str =
    "hits are counted by a definition from the time on at which it took effect: there are no numbers from before";

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
    /// What its shares are of.
    pub shares: FoundShares,
    /// Of the same range, where it was asked for.
    pub coverage: Option<Coverage>,
    /// Days of the range of which records were lost.
    pub degraded: Degraded,
    /// What it is compared with.
    pub before: Option<Before>,
    /// From when on the segments and goals that are asked for are counted.
    pub counted_from: Vec<CountedFrom>,
}

/// The visitors that shares are of.
#[derive(Debug, Default)]
pub struct FoundShares {
    /// All of them.
    pub all: Option<i64>,
    /// Whether or not they reached the goal.
    pub without_goal: Option<i64>,
    /// The same by row.
    pub of_group: Option<Beside>,
}

impl FoundShares {
    fn basis(&self, plan: &Plan, bucket: Option<usize>, value: Option<&str>) -> Basis {
        let of_group = |rows: &Beside| rows.counts(bucket, value).visitors;
        Basis {
            precision: plan.precision,
            currency: plan.currency,
            visitors_total: self.all,
            visitors_without_goal: self.without_goal,
            visitors_of_group: self.of_group.as_ref().map(of_group),
        }
    }
}

/// What an answer is compared with.
#[derive(Debug)]
pub struct Before {
    /// How it was asked.
    pub plan: Plan,
    /// Its rows.
    pub rows: Beside,
    /// What its shares are of.
    pub shares: FoundShares,
    /// Days of its range of which records were lost.
    pub degraded: Degraded,
}

/// Writes the answer to a query.
#[must_use]
pub fn write(query: &Query, plan: &Plan, found: &Found, zone: &TimeZone) -> Value {
    json!({
        "results": tell_rows(query, plan, found),
        "meta": tell_meta(query, plan, found, zone),
        "query": write_query(query, plan, found, zone),
    })
}

/// A row as it leaves: its numbers are told ones, by their type.
#[derive(Debug, Serialize)]
pub struct ToldRow {
    /// In the order of the query.
    pub metrics: Vec<Disclosed>,
    /// In the order of the query.
    pub dimensions: Vec<Option<String>>,
    /// The same of what it is compared with; nothing beside a bucket of which that has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comparison: Option<ToldComparison>,
}

/// What stands beside a row.
#[derive(Debug, Serialize)]
pub struct ToldComparison {
    /// In the order of the query.
    pub metrics: Vec<Disclosed>,
    /// How much more there is now.
    pub change: Vec<Disclosed>,
    /// Those of the row, but for its time.
    pub dimensions: Vec<Option<String>>,
}

/// The rows of an answer.
#[must_use]
pub fn tell_rows(query: &Query, plan: &Plan, found: &Found) -> Vec<ToldRow> {
    let buckets = Buckets::of(&plan.question);
    found.answer.rows.iter().map(|row| tell_row(query, plan, found, (row, buckets.of_row(row)))).collect()
}

fn tell_row(query: &Query, plan: &Plan, found: &Found, (row, bucket): (&Row, Option<usize>)) -> ToldRow {
    let value = row.value.as_deref();
    // Rows by goal stand for everybody where a group is asked for.
    let of_group = query.by().filter(|by| !by.is_goal()).and(value);
    let tell = |plan: &Plan, shares: &FoundShares, counts: &Counts| -> Vec<Disclosed> {
        let basis = shares.basis(plan, bucket, of_group);
        plan.measures.iter().map(|(metric, measure)| metric.value(*measure, counts, &basis)).collect()
    };
    let label = |at: Option<(LocalDay, Option<u8>)>| -> Vec<Option<String>> {
        let one = |dimension: &Dimension| match dimension {
            Dimension::Time(_) => at.map(|(day, hour)| bucket_label(day, hour)),
            Dimension::Of(named) => value.map(|value| named.told(value).to_owned()),
        };
        query.dimensions.iter().map(one).collect()
    };
    let metrics = tell(plan, &found.shares, &row.counts);
    let comparison = found.before.as_ref().and_then(|before| {
        let at = bucket.map(|number| before.rows.buckets().labels.get(number).copied());
        if at == Some(None) {
            // The other range is shorter: beside this bucket there is none of it.
            return None;
        }
        let counts = before.rows.counts(bucket, value);
        let earlier = tell(&before.plan, &before.shares, &counts);
        let change = plan.measures.iter().zip(metrics.iter().zip(&earlier)).map(|((metric, measure), (now, then))| {
            // A quotient of nothing is told as zero, and is no number to have grown from.
            let is_of_nothing = measure.denominator.is_some_and(|column| column.of(&counts) == 0);
            if is_of_nothing { Disclosed::UNKNOWN } else { metric.change(*now, *then) }
        });
        Some(ToldComparison { change: change.collect(), metrics: earlier, dimensions: label(at.flatten()) })
    });
    ToldRow { metrics, dimensions: label(row.day.map(|day| (day, row.hour))), comparison }
}

/// What must be known about an answer.
#[must_use]
pub fn tell_meta(query: &Query, plan: &Plan, found: &Found, zone: &TimeZone) -> Value {
    let Found { answer, coverage, degraded, before, .. } = found;
    let mut meta = Map::new();
    if plan.sums_daily_visitors() {
        let warning = json!({ "visitors": { "code": "sum_of_daily_visitors", "warning": SUM_OF_DAILY_VISITORS } });
        meta.insert("metric_warnings".to_owned(), warning);
    }
    if query.sites.len() > 1 {
        meta.insert("sites".to_owned(), json!({ "code": "sum_of_sites", "warning": SUM_OF_SITES }));
    }
    let rejecting = keeps_known_values_only(query);
    if !rejecting.is_empty() {
        let warning = json!({ "code": "known_values_only", "warning": KNOWN_VALUES_ONLY });
        let warnings: Map<_, _> = rejecting.into_iter().map(|name| (name.to_owned(), warning.clone())).collect();
        meta.insert("filter_warnings".to_owned(), warnings.into());
    }
    if let Some(below) = plan.folded_below {
        meta.insert("folded".to_owned(), json!({ "value": OTHER, "below": below, "warning": FOLDED_AWAY }));
    } else if answer.rows.iter().any(|row| row.value.as_deref() == Some(OTHER)) {
        meta.insert("folded".to_owned(), json!({ "value": OTHER, "warning": FOLDED }));
    }
    if let Some(currency) = plan.currency.filter(|_| query.metrics.iter().any(|metric| metric.is_money())) {
        let told = json!({ "code": currency.as_str(), "warning": ONE_CURRENCY });
        meta.insert("currency".to_owned(), told);
    }
    meta.extend(tell_counted_from(plan, found, zone).map(|told| ("counted_from".to_owned(), told)));
    if query.include.time_labels {
        let told = |Buckets { labels, .. }: &Buckets| -> Vec<_> {
            labels.iter().map(|(day, hour)| bucket_label(*day, *hour)).collect()
        };
        meta.insert("time_labels".to_owned(), told(&Buckets::of(&plan.question)).into());
        if let Some(before) = before {
            meta.insert("comparison_time_labels".to_owned(), told(before.rows.buckets()).into());
        }
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
    let degraded_before = before.as_ref().and_then(|before| before.degraded.tell(plan.precision));
    meta.extend(degraded_before.map(|days| ("comparison_degraded".to_owned(), days)));
    meta.extend(rounded(plan.precision).map(|rounded| ("rounded".to_owned(), rounded)));
    Value::Object(meta)
}

/// From when on what people defined is counted, where the range begins before that.
fn tell_counted_from(plan: &Plan, found: &Found, zone: &TimeZone) -> Option<Value> {
    let (begin, _) = range::instants(plan.span, zone);
    let mut told = Map::new();
    for CountedFrom { dimension, name, from } in found.counted_from.iter().filter(|one| one.from > begin) {
        let of = told.entry(format!("{}s", dimension.as_str())).or_insert_with(|| json!({}));
        if let Some(of) = of.as_object_mut() {
            of.insert(name.to_string(), instant_label(&at(*from, zone)).into());
        }
    }
    if told.is_empty() {
        return None;
    }
    told.insert("warning".to_owned(), COUNTED_FROM.into());
    Some(told.into())
}

fn write_query(query: &Query, plan: &Plan, found: &Found, zone: &TimeZone) -> Value {
    let ends = |plan: &Plan| {
        let (from, to) = range::ends(plan.span, zone);
        json!([instant_label(&from), instant_label(&to)])
    };
    let name = |dimension: &Dimension| match dimension {
        Dimension::Time(_) => dimension::time_name(plan.question.over_time).to_owned(),
        Dimension::Of(named) => named.name.clone(),
    };
    let order_by: Vec<Value> = plan
        .order_by
        .iter()
        .map(|(sorting, direction)| {
            let sorted = match sorting {
                Sorting::Metric(metric) => metric.as_str().to_owned(),
                Sorting::Time => dimension::time_name(plan.question.over_time).to_owned(),
                Sorting::Value => query.by().map(|named| named.name.clone()).unwrap_or_default(),
            };
            let direction = match direction {
                Direction::Ascending => "asc",
                Direction::Descending => "desc",
            };
            json!([sorted, direction])
        })
        .collect();
    let mut written = json!({
        "site_id": match query.sites.as_slice() {
            [site] => json!(site),
            sites => json!(sites),
        },
        "metrics": query.metrics.iter().map(|metric| metric.as_str()).collect::<Vec<_>>(),
        "date_range": ends(plan),
        "dimensions": query.dimensions.iter().map(name).collect::<Vec<_>>(),
        "filters": query.filters_sent,
        "order_by": order_by,
        "include": {
            "imports": query.include.imports,
            "time_labels": query.include.time_labels,
            "empty_buckets": query.include.empty_buckets,
            "total_rows": query.include.total_rows,
            "coverage": query.include.coverage,
        },
        "pagination": { "limit": query.limit, "offset": query.offset },
    });
    if let (Some(before), Some(fields)) = (&found.before, written.as_object_mut()) {
        fields.insert("comparison_date_range".to_owned(), ends(&before.plan));
    }
    written
}

#[cfg(test)]
mod tests {
    use model::Domain;

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
            sites: vec![Domain::parse("example.com").unwrap()],
            one_clock: true,
            now: now.clone(),
            date: None,
            first_count: None,
            precision: Precision::Exact,
            currency: None,
            visitors_min: 10,
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
