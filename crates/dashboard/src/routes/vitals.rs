//! `POST /api/v2/vitals`: how pages felt to load and use, of a site, by page or by device.
//!
//! What is counted is how often a browser measured a value of each bucket, so a percentile is known to its bucket: between `from` and `to`.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use model::vitals::{Bucket, Rating};
use model::{Dimension, Vital};
use privacy::disclosure::Precision;
use serde_json::{Map, Value, json};
use settings::Report;
use store::questions::{Measured, MeasuredRow, VitalsQuestion};

use super::days::{Days, Fields, PERCENT, QUESTION_BYTES_MAX};
use super::taken::Taken;
use crate::Shared;
use crate::access::{Access, Look};
use crate::accounts::browser::json_body;
use crate::query::problem::Problem;
use crate::query::range::Range;
use crate::reply::Failure;

/// Rows that are told, where nobody asks for another number.
const LIMIT: u32 = 20;
/// Most of them: each has five vitals.
const LIMIT_MAX: u32 = 100;

const FORM: &str = "an object such as {\"site_id\": \"example.com\", \"date_range\": \"7d\", \"by\": \"page\"}";

/// What a percentile is.
const BUCKETS: &str = "measurements are counted in buckets: the 75th percentile is more than `from` and at most `to`. `about` is where in \
     between it would be if a bucket's values were spread evenly";

/// What is left out.
const FOLDED: &str = "on a closed day, a vital of a page or device is left out where it was measured less often than the site folds; the site's \
     own are whole";

/// How few are told of a site that tells tens.
const FEW: i64 = 10;

/// Answers the question.
pub(super) async fn answer(
    State(shared): State<Arc<Shared>>,
    access: Access,
    taken: Taken,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>, Failure> {
    let body = json_body(&headers, body, QUESTION_BYTES_MAX).await?;
    let asked = Asked::parse(&body)?;
    let days =
        Days::of(&shared, (&access, Look::Report(Report::Vitals)), (&asked.site, asked.range), "web vitals").await?;
    taken.note(&shared, &access, &days.site, "vitals").await?;
    let question = |of: Measured| VitalsQuestion {
        site: days.site.domain.clone(),
        days: days.span.days(),
        of,
        limit: asked.limit,
        in_tens: days.precision == Precision::Tens,
    };
    let whole = question(match &asked.only {
        Some((by, value)) => Measured::By(by.dimension(), Some(value.clone())),
        None => Measured::Site,
    });
    let (whole, rows, lost) = shared
        .in_turn("vitals", async {
            let store = &shared.store;
            let rows = async {
                let Some(by) = asked.by else { return Ok(None) };
                store.vitals(&question(Measured::By(by.dimension(), None))).await.map(Some)
            };
            Ok(tokio::try_join!(store.vitals(&whole), rows, days.lost(&shared))?)
        })
        .await?;
    let own = [
        ("buckets", json!({ "code": "buckets", "warning": BUCKETS })),
        ("folded", json!({ "below": days.site.visitors_min, "warning": FOLDED })),
    ];
    let mut query = json!({ "site_id": days.site.domain, "date_range": days.label() });
    let mut told = json!({ "vitals": tell(&histograms(&whole), days.precision, Detail::WithBuckets) });
    if let (Some(fields), Some((by, value))) = (query.as_object_mut(), &asked.only) {
        fields.insert(by.as_str().to_owned(), json!(value));
    }
    if let (Some(by), Some(rows), Some(fields)) = (asked.by, rows, told.as_object_mut()) {
        fields.insert("rows".to_owned(), tell_rows(by, &rows, days.precision));
        query.as_object_mut().into_iter().for_each(|query| {
            query.insert("by".to_owned(), json!(by.as_str()));
            query.insert("limit".to_owned(), json!(asked.limit));
        });
    }
    if let Some(fields) = told.as_object_mut() {
        fields.insert("meta".to_owned(), days.meta(own, &lost).into());
        fields.insert("query".to_owned(), query);
    }
    Ok(Json(told))
}

/// How often a vital was measured in each of its buckets.
type Histogram = BTreeMap<Bucket, i64>;

/// Those of the vitals that were measured at all.
type Histograms = BTreeMap<Vital, Histogram>;

fn histograms<'r>(rows: impl IntoIterator<Item = &'r MeasuredRow>) -> Histograms {
    let mut all = Histograms::new();
    for MeasuredRow { bucket, measurements, .. } in rows {
        *all.entry(bucket.vital).or_default().entry(*bucket).or_default() += measurements;
    }
    all
}

/// The rows of one dimension, those that were measured most often first.
fn tell_rows(by: By, rows: &[MeasuredRow], precision: Precision) -> Value {
    let mut of_values: BTreeMap<&str, Vec<&MeasuredRow>> = BTreeMap::new();
    for row in rows {
        of_values.entry(&row.value).or_default().push(row);
    }
    let measurements = |rows: &[&MeasuredRow]| rows.iter().map(|row| row.measurements).sum::<i64>();
    let mut ordered: Vec<(&str, Vec<&MeasuredRow>)> = of_values.into_iter().collect();
    // Ties by value, and an order that says no more than the numbers.
    ordered.sort_by_key(|(_, rows)| std::cmp::Reverse(precision.rank(measurements(rows))));
    let row = |(value, rows): (&str, Vec<&MeasuredRow>)| {
        let vitals = tell(&histograms(rows), precision, Detail::Summary);
        json!({ by.as_str(): value, "vitals": vitals })
    };
    ordered.into_iter().map(row).collect()
}

/// How much is told of a vital.
#[derive(Clone, Copy, PartialEq)]
enum Detail {
    Summary,
    WithBuckets,
}

fn tell(all: &Histograms, precision: Precision, detail: Detail) -> Value {
    let none = Histogram::new();
    let one = |vital: Vital| {
        let histogram = all.get(&vital).unwrap_or(&none);
        (vital.as_str().to_owned(), tell_vital(vital, histogram, precision, detail))
    };
    Value::Object(Vital::ALL.into_iter().map(one).collect())
}

fn tell_vital(vital: Vital, histogram: &Histogram, precision: Precision, detail: Detail) -> Value {
    let in_bucket = |bucket: Bucket| histogram.get(&bucket).copied().unwrap_or_default();
    let rated = |rating| vital.buckets().filter(|bucket| bucket.rating() == rating).map(in_bucket).sum::<i64>();
    let ratings = [Rating::Good, Rating::NeedsImprovement, Rating::Poor].map(rated);
    let measurements: i64 = ratings.iter().sum();
    let at =
        percentile(vital, histogram, measurements).filter(|_| precision == Precision::Exact || measurements >= FEW);
    let share = |part: i64| precision.share_of_sum(part, &ratings, PERCENT);
    let [good, fair, poor] = ratings;
    let mut told = Map::new();
    told.insert("measurements".to_owned(), json!(precision.count(measurements)));
    told.insert("p75".to_owned(), json!(at.as_ref().map(|found| found.tell(precision))));
    told.insert("rating".to_owned(), json!(at.map(|found| word(found.bucket.rating()))));
    for (name, part) in [("good", good), ("needs_improvement", fair), ("poor", poor)] {
        told.insert(name.to_owned(), json!(share(part)));
    }
    if detail == Detail::WithBuckets {
        let bucket = |bucket: Bucket| {
            json!({
                "from": shown(vital, bucket.from()), "to": bucket.to.map(|to| shown(vital, to)),
                "measurements": precision.count(in_bucket(bucket)), "rating": word(bucket.rating()),
            })
        };
        told.insert("buckets".to_owned(), vital.buckets().map(bucket).collect());
    }
    Value::Object(told)
}

const fn word(rating: Rating) -> &'static str {
    match rating {
        Rating::Good => "good",
        Rating::NeedsImprovement => "needs_improvement",
        Rating::Poor => "poor",
    }
}

/// Where a percentile is.
struct At {
    bucket: Bucket,
    /// Its place among the bucket's measurements, and how many these are.
    place: i64,
    of: i64,
}

/// The bucket of the 75th percentile by nearest rank: of the smallest value that at least three in four measurements do not exceed.
fn percentile(vital: Vital, histogram: &Histogram, measurements: i64) -> Option<At> {
    let rank = (3 * measurements + 3).div_euclid(4);
    let mut before = 0;
    for bucket in vital.buckets().filter(|_| measurements > 0) {
        let of = histogram.get(&bucket).copied().unwrap_or_default();
        if before + of >= rank {
            return Some(At { bucket, place: rank - before, of });
        }
        before += of;
    }
    None
}

impl At {
    fn tell(&self, precision: Precision) -> Value {
        let Self { bucket, place, of } = *self;
        let (from, to) = (bucket.from(), bucket.to);
        // Where it is within the bucket would say how many there are.
        let about = to.filter(|_| precision == Precision::Exact).map(|to| {
            let within = i64::from(to - from) * place / of.max(1);
            shown(bucket.vital, from.saturating_add(u32::try_from(within).unwrap_or_default()))
        });
        json!({ "from": shown(bucket.vital, from), "to": to.map(|to| shown(bucket.vital, to)), "about": about })
    }
}

/// A value as it is told: milliseconds as they are, the layout's shift as its score.
fn shown(vital: Vital, value: u32) -> Value {
    match vital {
        Vital::Cls => json!(f64::from(value) / 1_000.0),
        Vital::Lcp | Vital::Inp | Vital::Fcp | Vital::Ttfb => json!(value),
    }
}

/// By what rows are made, or what one value is asked for of.
#[derive(Clone, Copy, PartialEq)]
enum By {
    Page,
    Device,
}

impl By {
    const ALL: [Self; 2] = [Self::Page, Self::Device];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Device => "device",
        }
    }

    const fn dimension(self) -> Dimension {
        match self {
            Self::Page => Dimension::Page,
            Self::Device => Dimension::Device,
        }
    }
}

/// A well-formed question.
struct Asked {
    site: String,
    range: Range,
    /// Whose vitals alone, if not the site's.
    only: Option<(By, String)>,
    by: Option<By>,
    limit: u32,
}

impl Asked {
    fn parse(body: &[u8]) -> Result<Self, Problem> {
        let fields = Fields::parse(body, FORM, &["site_id", "date_range", "by", "page", "device", "limit"])?;
        let by = match fields.get("by") {
            None => None,
            Some(value) => {
                let word = value.as_str().ok_or_else(|| Problem::form("by", "\"page\" or \"device\"", value))?;
                let known = By::ALL.into_iter().find(|by| by.as_str() == word);
                Some(known.ok_or_else(|| Problem::unknown("dimension of web vitals", word, By::ALL.map(By::as_str)))?)
            }
        };
        let mut only = None;
        for one in By::ALL {
            if fields.get(one.as_str()).is_some() {
                if only.is_some() || by.is_some() {
                    return Err(Problem::wrong(
                        "web vitals of pages are not crossed with devices: ask for one page, for one device, or `by` either of the \
                         whole site",
                    ));
                }
                only = Some((one, fields.text(one.as_str())?));
            }
        }
        Ok(Self {
            site: fields.text("site_id")?,
            range: fields.range()?,
            only,
            by,
            limit: fields.limit(LIMIT, LIMIT_MAX)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2_048, ..ProptestConfig::default() })]

        /// Against the values themselves: sorted, and the one at three quarters taken.
        #[test]
        fn a_percentile_is_in_the_bucket_of_the_value_at_its_rank(
            which in 0..5_usize,
            mut values in prop::collection::vec(prop_oneof![0..300_u32, 0..12_000_u32], 1..60),
        ) {
            let vital = Vital::ALL[which];
            let mut histogram = Histogram::new();
            values.iter().for_each(|value| *histogram.entry(vital.bucket(*value)).or_default() += 1);
            values.sort_unstable();
            let rank = (0.75 * values.len() as f64).ceil() as usize;
            let expected = values[rank - 1];
            let At { bucket, place, of } = percentile(vital, &histogram, values.len() as i64).unwrap();
            prop_assert_eq!(bucket, vital.bucket(expected));
            prop_assert!(0 < place && place <= of);
            let told = tell_vital(vital, &histogram, Precision::Exact, Detail::WithBuckets);
            let good = values.iter().filter(|value| **value <= vital.thresholds().0).count() as f64;
            let share = good / values.len() as f64 * 100.0;
            prop_assert!((told["good"].as_f64().unwrap() - share).abs() <= 0.051, "{} {}", told["good"], share);
        }
    }

    #[test]
    fn nothing_measured_has_no_percentile() {
        let told = tell_vital(Vital::Lcp, &Histogram::new(), Precision::Exact, Detail::Summary);
        assert_eq!(
            told,
            json!({
                "measurements": 0, "p75": null, "rating": null, "good": null, "needs_improvement": null, "poor": null
            })
        );
    }
}
