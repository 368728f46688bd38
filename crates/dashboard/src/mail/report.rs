//! The numbers of a report, asked by the same questions that the page asks.

use std::sync::Arc;

use jiff::civil::Date;
use model::{Domain, Site};
use serde_json::{Value, json};
use settings::Mailing;

use super::due::Due;
use crate::Shared;
use crate::access::Access;
use crate::calendar::{at, instant_label, zone_of};
use crate::query::Query;
use crate::query::answer::{ToldRow, tell_meta, tell_rows};
use crate::query::degraded::Degraded;
use crate::query::metric::Metric;
use crate::reply::Failure;
use crate::routes::asking::{self, Answered};

/// Rows of a table: what a person reads in a mail.
const ROWS: u32 = 10;

/// The figures on top.
pub(crate) const TOTALS: [Metric; 5] =
    [Metric::Visitors, Metric::Visits, Metric::Pageviews, Metric::BounceRate, Metric::VisitDuration];

/// What a report is about.
#[derive(Clone, Debug)]
pub(crate) struct Report {
    pub(crate) site: Domain,
    pub(crate) dates: (Date, Date),
    pub(crate) before: (Date, Date),
    /// One each of [`TOTALS`].
    pub(crate) totals: Vec<Total>,
    /// Visitors of each day, as they are told.
    pub(crate) days: Vec<Value>,
    pub(crate) tables: Vec<Table>,
    /// Counts are told in tens.
    pub(crate) rounded: bool,
    pub(crate) degraded: Degraded,
    pub(crate) counted: Counted,
}

/// How much of the period is counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Counted {
    /// All of it.
    Whole,
    /// What the journal had before this time, on the site's clock.
    UpTo(String),
    /// Nobody says.
    Unknown,
}

/// A figure, the one of the period before, and the change in percent, or in points of percent.
#[derive(Clone, Debug)]
pub(crate) struct Total {
    pub(crate) metric: Metric,
    pub(crate) value: Value,
    pub(crate) before: Value,
    pub(crate) change: Value,
}

/// What a table lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Pages,
    Sources,
    Countries,
    Goals,
}

impl Kind {
    const ALL: [Self; 4] = [Self::Pages, Self::Sources, Self::Countries, Self::Goals];

    const fn asked(self) -> (&'static str, Metric) {
        match self {
            Self::Pages => ("event:page", Metric::Pageviews),
            Self::Sources => ("visit:source", Metric::Visits),
            Self::Countries => ("visit:country", Metric::Visits),
            Self::Goals => ("event:goal", Metric::ConversionRate),
        }
    }

    /// The number beside visitors.
    pub(crate) const fn beside(self) -> Metric {
        self.asked().1
    }
}

/// A table, most visitors first.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    pub(crate) kind: Kind,
    /// Name, visitors, and the number beside them.
    pub(crate) rows: Vec<(String, Value, Value)>,
    /// The name of what is folded, where there is such a row.
    pub(crate) folded: Option<String>,
}

/// Asks the numbers of a mailing's period.
pub(super) async fn ask(shared: &Shared, mailing: &Mailing, site: &Arc<Site>, due: &Due) -> Result<Report, Failure> {
    let range = |(first, last): (Date, Date)| json!([first.to_string(), last.to_string()]);
    let names: Vec<_> = TOTALS.iter().map(|metric| metric.as_str()).collect();
    let base = json!({ "site_id": site.domain, "date_range": range(due.dates) });
    let with = |more: Value| {
        let mut query = base.clone();
        if let (Some(query), Value::Object(more)) = (query.as_object_mut(), more) {
            query.extend(more);
        }
        query
    };
    let compared = json!({ "comparisons": { "mode": "custom", "date_range": range(due.before) } });
    let (rows, meta, degraded) = answered(shared, with(json!({ "metrics": names, "include": compared }))).await?;
    let row = rows.first();
    let told = |metrics: Option<&Vec<privacy::disclosure::Disclosed>>, at: usize| {
        metrics.and_then(|metrics| metrics.get(at)).map_or(Value::Null, |told| json!(told))
    };
    let totals = TOTALS.iter().enumerate().map(|(at, metric)| {
        let beside = row.and_then(|row| row.comparison.as_ref());
        Total {
            metric: *metric,
            value: told(row.map(|row| &row.metrics), at),
            before: told(beside.map(|beside| &beside.metrics), at),
            change: told(beside.map(|beside| &beside.change), at),
        }
    });
    let totals = totals.collect();
    let every = json!({ "empty_buckets": true });
    let series = with(json!({ "metrics": ["visitors"], "dimensions": ["time:day"], "include": every }));
    let (days, ..) = answered(shared, series).await?;
    let mut tables = Vec::new();
    for kind in Kind::ALL {
        let (dimension, beside) = kind.asked();
        let more = json!({ "metrics": ["visitors", beside.as_str()], "dimensions": [dimension], "pagination": { "limit": ROWS },
                           "order_by": [["visitors", "desc"], [dimension, "asc"]] });
        let (rows, meta, _) = answered(shared, with(more)).await?;
        let rows = rows.iter().map(|row| {
            let name = row.dimensions.first().cloned().flatten().unwrap_or_default();
            (name, told(Some(&row.metrics), 0), told(Some(&row.metrics), 1))
        });
        let folded = meta.pointer("/folded/value").and_then(Value::as_str).map(str::to_owned);
        tables.push(Table { kind, rows: rows.collect(), folded });
    }
    let complete_to = shared.store.complete_to(shared.clock.now()).await?;
    Ok(Report {
        site: mailing.site.clone(),
        dates: due.dates,
        before: due.before,
        totals,
        days: days.iter().map(|row| told(Some(&row.metrics), 0)).collect(),
        tables,
        rounded: meta.get("rounded").is_some(),
        degraded,
        counted: match complete_to {
            Some(to) if to.0 >= due.over.0 => Counted::Whole,
            Some(to) => Counted::UpTo(instant_label(&at(to, &zone_of(site)))),
            None => Counted::Unknown,
        },
    })
}

/// Its rows, its `meta`, and the days of it that are degraded. Whoever made the mailing administers the site, and who gets it is theirs to
/// say: so it is asked as the installation itself.
async fn answered(shared: &Shared, query: Value) -> Result<(Vec<ToldRow>, Value, Degraded), Failure> {
    let query = Query::parse(query.to_string().as_bytes())?;
    let Answered { query, plan, found, zone } =
        Box::pin(asking::answer(shared, &Access::Administrator, &query, None)).await?;
    Ok((tell_rows(&query, &plan, &found), tell_meta(&query, &plan, &found, &zone), found.degraded))
}
