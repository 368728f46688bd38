//! The questions put to both, and what of their answers has to be the same.

use anyhow::{Context, ensure};
use model::{Dimension, Domain, LocalDay};
use store::questions::{Answer, Cells, Column, Grain, Key, Measure, Order, Question, Selection, Span};

use crate::traffic::world::World;
use crate::traffic::{DAY_MS, SITE};

/// Rows of a top list.
const LIMIT: u32 = 100;
/// Rows of a series: more than a year of days.
const DAYS_MAX: u32 = 1_000;
/// How far `uniq`, an estimate, may be from an exact count.
const ESTIMATE_ERROR_MAX: f64 = 0.03;

/// A question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// Visitors, visits, page views, bounces and time, whole range.
    Totals,
    /// Visitors and page views per day.
    Series,
    /// Pages by page views, with visitors.
    TopPages,
    /// Sources by visits, with visitors.
    TopSources,
    /// Visitors, visits and page views of one page.
    OnePage,
}

impl Asked {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Totals, Self::Series, Self::TopPages, Self::TopSources, Self::OnePage];

    /// Its name in the table.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Totals => "totals",
            Self::Series => "series by day",
            Self::TopPages => "top pages",
            Self::TopSources => "top sources",
            Self::OnePage => "totals of one page",
        }
    }

    /// As the dashboard asks Footfall's store.
    pub fn ours(self, world: &World, first: i64, last: i64) -> anyhow::Result<Question> {
        let day = |number: i64| i32::try_from(number).map(LocalDay);
        let all = |dimension| Cells::Of(Selection::all(dimension, String::new()));
        let (cells, by_value, largest) = match self {
            Self::Totals | Self::Series => (Cells::Total, None, None),
            Self::TopPages => (all(Dimension::Page), Some(Dimension::Page), Some(Column::Pageviews)),
            Self::TopSources => (all(Dimension::Source), Some(Dimension::Source), Some(Column::Visits)),
            Self::OnePage => {
                let is = Some(vec![world.known_page().to_owned()]);
                (Cells::Of(Selection { is, ..Selection::all(Dimension::Page, String::new()) }), None, None)
            }
        };
        let over_time = (self == Self::Series).then_some(Grain::Day);
        let largest = largest.map(|column| Order { key: Key::Measure(Measure::count(column)), descending: true });
        let earliest = over_time.map(|_| Order { key: Key::Time, descending: false });
        Ok(Question {
            sites: vec![Domain::parse(SITE)?],
            span: Span::Days { first: day(first)?, last: day(last)? },
            cells,
            over_time,
            by_value,
            order: largest.into_iter().chain(earliest).collect(),
            limit: if over_time.is_some() { DAYS_MAX } else { LIMIT },
            offset: 0,
        })
    }

    /// As Plausible's reports are answered from its two tables.
    pub fn theirs(self, world: &World, first: i64, last: i64) -> String {
        let range = |column: &str| {
            let (from, until) = (first * DAY_MS / 1_000, (last + 1) * DAY_MS / 1_000);
            format!("site_id = 1 AND {column} >= toDateTime({from}) AND {column} < toDateTime({until})")
        };
        let (events, sessions) = (range("timestamp"), range("start"));
        let page = world.known_page();
        match self {
            Self::Totals => format!(
                "SELECT pageviews, visits, visitors, bounces, seconds FROM \
                 (SELECT countIf(name = 'pageview') AS pageviews, uniq(user_id) AS visitors FROM plausible.events_v2 \
                  WHERE {events} AND name != 'engagement') AS e CROSS JOIN \
                 (SELECT sum(sign) AS visits, sum(is_bounce * sign) AS bounces, sum(duration * sign) AS seconds \
                  FROM plausible.sessions_v2 WHERE {sessions}) AS s"
            ),
            Self::Series => format!(
                "SELECT toUInt16(toDate(timestamp)) AS day, countIf(name = 'pageview') AS pageviews, uniq(user_id) AS visitors \
                 FROM plausible.events_v2 WHERE {events} AND name != 'engagement' GROUP BY day ORDER BY day"
            ),
            Self::TopPages => format!(
                "SELECT pathname, count() AS pageviews, uniq(user_id) AS visitors FROM plausible.events_v2 \
                 WHERE {events} AND name = 'pageview' GROUP BY pathname ORDER BY pageviews DESC, pathname LIMIT {LIMIT}"
            ),
            Self::TopSources => format!(
                "SELECT referrer_source, sum(sign) AS visits, uniq(user_id) AS visitors FROM plausible.sessions_v2 \
                 WHERE {sessions} GROUP BY referrer_source ORDER BY visits DESC, referrer_source LIMIT {LIMIT}"
            ),
            Self::OnePage => format!(
                "SELECT countIf(name = 'pageview') AS pageviews, uniq(session_id) AS visits, uniq(user_id) AS visitors \
                 FROM plausible.events_v2 WHERE {events} AND name != 'engagement' AND pathname = '{page}'"
            ),
        }
    }

    /// Fails unless both answers tell the same.
    pub fn hold(self, ours: &Answer, theirs: &str) -> anyhow::Result<()> {
        let theirs: Vec<Vec<&str>> = theirs.lines().map(|line| line.split('\t').collect()).collect();
        ensure!(ours.rows.len() == theirs.len(), "{}: {} rows against {}", self.name(), ours.rows.len(), theirs.len());
        ensure!(!ours.rows.is_empty(), "{}: no row", self.name());
        for (row, fields) in ours.rows.iter().zip(&theirs) {
            let counts = &row.counts;
            let number = |place: usize| -> anyhow::Result<i64> {
                fields.get(place).and_then(|text| text.parse().ok()).context("the statement's answer has another shape")
            };
            let name = row.value.as_deref().unwrap_or_default();
            let same = match self {
                Self::Totals => {
                    number(0)? == counts.pageviews
                        && number(1)? == counts.visits
                        && near(number(2)?, counts.visitors)
                        && number(3)? == counts.bounces
                        && near(number(4)?, counts.visit_seconds)
                }
                Self::Series => {
                    number(0)? == row.day.map_or(-1, |day| i64::from(day.0))
                        && number(1)? == counts.pageviews
                        && near(number(2)?, counts.visitors)
                }
                Self::TopPages => {
                    fields.first() == Some(&name) && number(1)? == counts.pageviews && near(number(2)?, counts.visitors)
                }
                Self::TopSources => fields.first() == Some(&name) && number(1)? == counts.visits,
                Self::OnePage => {
                    number(0)? == counts.pageviews
                        && near(number(1)?, counts.visits)
                        && near(number(2)?, counts.visitors)
                }
            };
            ensure!(same, "{}: {name:?} {counts:?} against {fields:?}: the comparison is void", self.name());
        }
        Ok(())
    }
}

fn near(estimate: i64, exact: i64) -> bool {
    (estimate - exact).abs() as f64 <= (ESTIMATE_ERROR_MAX * exact as f64).max(2.0)
}
