//! What questions of whole days have in common (funnel, flow, vitals): how their bodies are read, the site and its clock, the days, and
//! what answers say of these.

use std::sync::Arc;

use jiff::tz::TimeZone;
use model::Site;
use privacy::disclosure::{Precision, Scale};
use serde_json::{Map, Value, json};
use store::questions::{Cells, LostSum, Order, Question, Span};

use super::parameters::{Parameters, Sent};
use crate::Shared;
use crate::access::{Access, Look};
use crate::calendar::{at, instant_label, zone_of};
use crate::query::answer::rounded;
use crate::query::degraded::Degraded;
use crate::query::known_keys;
use crate::query::problem::Problem;
use crate::query::range::{Range, ends, instants};
use crate::reply::Failure;

/// Largest question, in bytes.
pub(super) const QUESTION_BYTES_MAX: usize = 4 * 1024;

/// Percent with one decimal.
pub(super) const PERCENT: Scale = Scale { steps_per_one: 1_000.0, steps: 10.0, empty_is_zero: false };

/// Reads a site and its days, as the address of a `GET` asks for them; a range that is left out is today.
pub(super) fn addressed(sent: Sent) -> Result<(String, Range), Failure> {
    let parameters = Parameters::read(sent, ["site_id", "date_range"])?;
    let site = parameters.must("site_id")?.to_owned();
    Ok((site, Range::parse_text(parameters.get("date_range").unwrap_or("day"))?))
}

/// The fields of a question.
pub(super) struct Fields(Map<String, Value>);

impl Fields {
    /// Reads a body; `form` is what one may look like.
    pub(super) fn parse(body: &[u8], form: &str, known: &[&'static str]) -> Result<Self, Problem> {
        let body: Value = serde_json::from_slice(body).map_err(|error| Problem::NotAnObject(error.to_string()))?;
        let Value::Object(fields) = body else { return Err(Problem::form("body", form, &body)) };
        known_keys(&fields, known)?;
        Ok(Self(fields))
    }

    /// A field that may be left out.
    pub(super) fn get(&self, key: &str) -> Option<&Value> {
        self.0.get(key).filter(|value| !value.is_null())
    }

    /// A text that has to be there.
    pub(super) fn text(&self, key: &'static str) -> Result<String, Problem> {
        let value = self.get(key).ok_or(Problem::Missing(key))?;
        value.as_str().map(str::to_owned).ok_or_else(|| Problem::form(key, "a text", value))
    }

    /// The days.
    pub(super) fn range(&self) -> Result<Range, Problem> {
        Range::parse(self.get("date_range").ok_or(Problem::Missing("date_range"))?)
    }

    /// How many rows are wanted.
    pub(super) fn limit(&self, usual: u32, most: u32) -> Result<u32, Problem> {
        let Some(value) = self.get("limit") else { return Ok(usual) };
        let number = value.as_u64().and_then(|number| u32::try_from(number).ok());
        number
            .filter(|number| (1..=most).contains(number))
            .ok_or_else(|| Problem::form("limit", format!("a whole number from 1 to {most}"), value))
    }
}

/// A site's days, as somebody asks of them.
pub(super) struct Days {
    pub(super) site: Arc<Site>,
    pub(super) precision: Precision,
    pub(super) zone: TimeZone,
    pub(super) span: Span,
}

impl Days {
    /// Finds the site, if the asker may read it, and the days of a range. `what` is counted by the day alone.
    pub(super) async fn of(
        shared: &Shared,
        (access, look): (&Access, Look<'_>),
        (site, range): (&str, Range),
        what: &str,
    ) -> Result<Self, Failure> {
        let site = shared.site(site, access, look)?;
        let (precision, zone) = (Precision::of(site.mode), zone_of(&site));
        let first_count = shared.first_count(range, std::slice::from_ref(&site.domain)).await?;
        let span = range.resolve(&at(shared.clock.now(), &zone), first_count)?;
        match span {
            Span::Days { .. } => Ok(Self { site, precision, zone, span }),
            Span::Hours { .. } => {
                Err(Problem::not_counted(format!("{what} are counted by the day: ask for whole days")).into())
            }
        }
    }

    /// A question of these days without a split by time.
    pub(super) fn question(&self, cells: Cells, by_value: Option<model::Dimension>) -> Question {
        Question {
            sites: vec![self.site.domain.clone()],
            span: self.span,
            cells,
            over_time: None,
            by_value,
            order: Vec::<Order>::new(),
            limit: store::questions::ROWS_PER_ANSWER_MAX,
            offset: 0,
        }
    }

    /// What was lost on these days.
    pub(super) async fn lost(&self, shared: &Shared) -> Result<Vec<LostSum>, store::StoreError> {
        let (from, until) = instants(self.span, &self.zone);
        shared.store.lost(from, until).await
    }

    /// What `meta` says of them, beside what a question says of its own.
    pub(super) fn meta<const N: usize>(&self, own: [(&str, Value); N], lost: &[LostSum]) -> Map<String, Value> {
        let mut meta: Map<String, Value> = own.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        let degraded = Degraded::of(lost, self.span, &self.zone).tell(self.precision);
        meta.extend(degraded.map(|days| ("degraded".to_owned(), days)));
        meta.extend(rounded(self.precision).map(|rounded| ("rounded".to_owned(), rounded)));
        meta
    }

    /// The days as they were understood.
    pub(super) fn label(&self) -> Value {
        let (begin, end) = ends(self.span, &self.zone);
        json!([instant_label(&begin), instant_label(&end)])
    }
}
