//! What is asked beside the questions of counts: web vitals by their buckets, and the names of properties.

use model::vitals::Bucket;
use model::{Dimension, Domain, LocalDay};
use serde::Deserialize;

use super::ask::bounded;
use crate::store::{QUESTION_TIMEOUT, within};
use crate::{Store, StoreError};

/// A question of the web vitals of one site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VitalsQuestion {
    /// The site.
    pub site: Domain,
    /// The first and the last day.
    pub days: (LocalDay, LocalDay),
    /// Of what: the whole site, or pages or devices.
    pub of: Measured,
    /// Most values of a dimension.
    pub limit: u32,
    /// Whether numbers are told in tens, and these values chosen by them.
    pub in_tens: bool,
}

/// Whose measurements are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Measured {
    /// The site's.
    Site,
    /// Those of each value of a dimension that vitals are crossed with, or of one value.
    By(Dimension, Option<String>),
}

/// How often a vital was measured in a bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MeasuredRow {
    /// The dimension's value; empty for the site.
    pub value: Box<str>,
    /// The bucket.
    pub bucket: Bucket,
    /// How often.
    pub measurements: i64,
}

/// A property's name, and how many events had it.
#[derive(Clone, Debug, PartialEq, Eq, clickhouse::Row, Deserialize)]
pub struct PropertyName {
    /// The name.
    pub name: String,
    /// Events that had it, with any value.
    pub events: i64,
    /// Names without the limit.
    pub names_total: u64,
}

#[derive(clickhouse::Row, Deserialize)]
struct BucketRow {
    value: String,
    by_value: String,
    measurements: i64,
}

impl Store {
    /// How often each vital was measured in each bucket, in no order.
    ///
    /// # Errors
    /// The store cannot be reached, or the question goes over one of the engine's bounds.
    pub async fn vitals(&self, question: &VitalsQuestion) -> Result<Vec<MeasuredRow>, StoreError> {
        let VitalsQuestion { site, days, of, limit, in_tens } = question;
        let (dimension, by_dimension, is) = match of {
            Measured::Site => (Dimension::Vital, Dimension::Total, None),
            Measured::By(dimension, is) => (*dimension, Dimension::Vital, is.as_deref()),
        };
        let query = self.client().query_raw(include_str!("../../sql/questions/vitals.sql"));
        let asked = bounded(query)
            .param("site", site.as_str())
            .param("dimension", dimension.as_str())
            .param("by_dimension", by_dimension.as_str())
            .param("first_day", days.0.0)
            .param("last_day", days.1.0)
            .param("any", is.is_none())
            .param("is", is.unwrap_or_default())
            .param("limit", *limit)
            .param("in_tens", *in_tens)
            .fetch_all::<BucketRow>();
        let rows = within("asking the web vitals", QUESTION_TIMEOUT, asked).await?;
        // A bucket of another version is none of these: its measurements cannot be told among them.
        let known = |BucketRow { value, by_value, measurements }: BucketRow| match of {
            Measured::Site => {
                Bucket::of_key(&value).map(|bucket| MeasuredRow { value: Box::default(), bucket, measurements })
            }
            Measured::By(..) => {
                Bucket::of_key(&by_value).map(|bucket| MeasuredRow { value: value.into(), bucket, measurements })
            }
        };
        Ok(rows.into_iter().filter_map(known).collect())
    }

    /// The names of the properties that a site's events had on some days, the most frequent first.
    ///
    /// # Errors
    /// The store cannot be reached, or the question goes over one of the engine's bounds.
    pub async fn property_names(
        &self,
        site: &Domain,
        (first, last): (LocalDay, LocalDay),
        limit: u32,
    ) -> Result<Vec<PropertyName>, StoreError> {
        let query = self.client().query_raw(include_str!("../../sql/questions/property_names.sql"));
        let asked = bounded(query)
            .param("site", site.as_str())
            .param("first_day", first.0)
            .param("last_day", last.0)
            .param("limit", limit)
            .fetch_all::<PropertyName>();
        within("asking for the names of properties", QUESTION_TIMEOUT, asked).await
    }
}
