//! Asking: a question's words become bound parameters of one of the SQL files, its order the file's last line, its rows an answer.
//!
//! Every question runs under the engine's own bounds as well as ours, so that a dashboard can never starve the inserts.

use clickhouse::Row as _;
use clickhouse::query::Query;
use jiff::Unit;
use jiff::civil::Date;
use model::{Counts, Dimension, Domain, LocalDay, Millis};
use serde::Deserialize;

use super::order::OrderBy;
use super::{Answer, Cells, Grain, LedgerSum, LostSum, Question, ROWS_PER_ANSWER_MAX, Row, Selection, Span};
use crate::insert::{EPOCH, date_of};
use crate::store::{QUESTION_TIMEOUT, within};
use crate::{Store, StoreError};

/// Seconds the engine may work on one question; below our own timeout, so that its answer says so.
const SECONDS_PER_QUESTION_MAX: &str = "20";

/// Rows the engine may read for one question: a year of a site with five million cells a day.
const ROWS_READ_MAX: &str = "2000000000";

/// Memory one question may take in the engine, in bytes: a million values with their sums take a fifth of it.
const MEMORY_BYTES_MAX: &str = "1000000000";

/// Which SQL answers a question; also the label of its metric.
macro_rules! sql {
    ($file:literal) => {
        concat!(
            include_str!("../../sql/questions/selection.sql"),
            include_str!(concat!("../../sql/questions/", $file, ".sql"))
        )
    };
}

impl Question {
    /// The report's name: `totals`, `series`, `breakdown` or `breakdown_series`.
    #[must_use]
    pub const fn report(&self) -> &'static str {
        match (self.over_time, self.by_value) {
            (None, None) => "totals",
            (Some(_), None) => "series",
            (None, Some(_)) => "breakdown",
            (Some(_), Some(_)) => "breakdown_series",
        }
    }

    /// Totals are one row, which has no order.
    fn sql(&self) -> String {
        let selected = match (self.over_time, self.by_value) {
            (None, None) => return sql!("totals").to_owned(),
            (Some(_), None) => sql!("series"),
            (None, Some(_)) => sql!("breakdown"),
            (Some(_), Some(_)) => sql!("breakdown_series"),
        };
        format!("{selected}{}\nLIMIT {{limit:UInt64}} OFFSET {{offset:UInt64}}", OrderBy(&self.order))
    }

    /// The months of which every day is asked for and none by itself: the first day of the first, and the day after the last. Pairs
    /// have no sums of months.
    fn whole_months(&self) -> (LocalDay, LocalDay) {
        let none = (LocalDay(0), LocalDay(0));
        let (Span::Days { first, last }, None | Some(Grain::Month)) = (self.span, self.over_time) else { return none };
        if matches!(self.cells, Cells::Pair(..)) {
            return none;
        }
        let (first, after) = (date_of(first.0.into()), date_of(i64::from(last.0) + 1));
        let (Some(first), Some(after)) = (first, after) else { return none };
        let from = if first.day() == 1 { Ok(first) } else { first.last_of_month().tomorrow() };
        let day = |date: Date| date.since((Unit::Day, EPOCH)).ok().map(|since| LocalDay(since.get_days()));
        match (from.ok().and_then(day), day(after.first_of_month())) {
            (Some(from), Some(until)) if from < until => (from, until),
            _ => none,
        }
    }
}

impl Store {
    /// Answers a question of the counts.
    ///
    /// # Errors
    /// The store cannot be reached, or the question goes over one of the engine's bounds.
    pub async fn ask(&self, question: &Question) -> Result<Answer, StoreError> {
        let first_page = self.ask_page(question, question.limit.min(ROWS_PER_ANSWER_MAX), question.offset).await?;
        if !first_page.rows.is_empty() || question.offset == 0 {
            return Ok(first_page);
        }
        // A page beyond the last row has no row to carry the total.
        let head = self.ask_page(question, 1, 0).await?;
        Ok(Answer { rows: Vec::new(), rows_total: head.rows_total })
    }

    /// The first day of some sites that has any count.
    ///
    /// # Errors
    /// The store cannot be reached.
    pub async fn first_day(&self, sites: &[Domain]) -> Result<Option<LocalDay>, StoreError> {
        let query = self.client().query_raw(include_str!("../../sql/questions/first_day.sql"));
        let asked = bounded(query).param("sites", names(sites)).fetch_one::<FirstDay>();
        let found = within("asking for a site's first day", QUESTION_TIMEOUT, asked).await?;
        Ok((found.cells > 0).then_some(LocalDay(found.first_day)))
    }

    /// What became of every hit received from `from` until before `until`; both are taken to the minute.
    ///
    /// # Errors
    /// The store cannot be reached, or the question goes over one of the engine's bounds.
    pub async fn ledger(&self, site: &Domain, from: Millis, until: Millis) -> Result<Vec<LedgerSum>, StoreError> {
        let query = self.client().query_raw(include_str!("../../sql/questions/ledger.sql"));
        let asked = bounded(query)
            .param("site", site.as_str())
            .param("from_seconds", from.minute() * 60)
            .param("until_seconds", until.minute() * 60)
            .fetch_all::<LedgerRow>();
        let rows = within("asking the ledger", QUESTION_TIMEOUT, asked).await?;
        let sum = |row: LedgerRow| {
            let LedgerRow { outcome, reason, hits, since_seconds } = row;
            LedgerSum { outcome, reason, hits, since: Millis(since_seconds * 1_000) }
        };
        Ok(rows.into_iter().map(sum).collect())
    }

    /// The records that were lost in the hours from `from`'s own until before `until`, by hour and reason; of all sites.
    ///
    /// # Errors
    /// The store cannot be reached.
    pub async fn lost(&self, from: Millis, until: Millis) -> Result<Vec<LostSum>, StoreError> {
        let query = self.client().query_raw(include_str!("../../sql/questions/lost.sql"));
        let asked = bounded(query)
            .param("from_seconds", from.hour() * 3_600)
            .param("until_seconds", until.0.div_euclid(1_000))
            .fetch_all::<LostRow>();
        let rows = within("asking for lost records", QUESTION_TIMEOUT, asked).await?;
        let sum = |LostRow { seconds, reason, records }| LostSum { hour: Millis(seconds * 1_000), reason, records };
        Ok(rows.into_iter().map(sum).collect())
    }

    async fn ask_page(&self, question: &Question, limit: u32, offset: u32) -> Result<Answer, StoreError> {
        let query = bounded(self.client().query_raw(&question.sql())).param("sites", names(&question.sites));
        let query = bind_cells(bind_span(query, question), question).param("limit", limit).param("offset", offset);
        let query = match question.over_time {
            Some(grain) => query.param("grain", grain.as_str()),
            None => query,
        };
        let rows = within("asking the counts", QUESTION_TIMEOUT, query.fetch_all::<CountsRow>()).await?;
        debug_assert_eq!(CountsRow::COLUMN_NAMES.len(), 16, "every question answers in the same columns");
        let prefix_bytes = listed_prefix(question).len();
        Ok(Answer {
            rows_total: rows.first().map_or(0, |row| row.rows_total),
            rows: rows.into_iter().map(|row| row.into_row(question, prefix_bytes)).collect(),
        })
    }
}

fn names(sites: &[Domain]) -> Vec<&str> {
    sites.iter().map(Domain::as_str).collect()
}

/// Puts the engine's bounds on a question.
pub(super) fn bounded(query: Query) -> Query {
    query
        .with_setting("max_execution_time", SECONDS_PER_QUESTION_MAX)
        .with_setting("max_rows_to_read", ROWS_READ_MAX)
        .with_setting("max_memory_usage", MEMORY_BYTES_MAX)
}

fn bind_span(query: Query, question: &Question) -> Query {
    let (first_day, last_day) = question.span.days();
    let (months_from, months_until) = question.whole_months();
    // The whole day stands under hour -1.
    let (hour_min, hour_max, first_hour, last_hour) = match question.span {
        Span::Days { .. } => (-1, -1, -1, -1),
        Span::Hours { first, last } => (0, 23, i16::from(first.1), i16::from(last.1)),
    };
    query
        .param("first_day", first_day.0)
        .param("last_day", last_day.0)
        .param("months_from", months_from.0)
        .param("months_until", months_until.0)
        .param("hour_min", hour_min)
        .param("hour_max", hour_max)
        .param("first_hour", first_hour)
        .param("last_hour", last_hour)
}

fn bind_cells(query: Query, question: &Question) -> Query {
    let nothing = Selection::all(Dimension::Total, String::new());
    let (first, second) = match &question.cells {
        Cells::Total => (&nothing, &nothing),
        Cells::Of(selection) => (selection, &nothing),
        Cells::Pair(first, second) => (first, second),
    };
    let split_by = question.by_value.is_some_and(|dimension| dimension == second.dimension);
    let query = query.param("split_by", split_by);
    let query = bind_selection(query, first, Names::FIRST);
    bind_selection(query, second, Names::SECOND)
}

/// The parameters of one side of a pair.
struct Names {
    dimension: &'static str,
    prefix: &'static str,
    any: &'static str,
    is: &'static str,
    keeps_other: &'static str,
    is_not: &'static str,
    matches: &'static str,
    matches_not: &'static str,
}

impl Names {
    const FIRST: Self = Self {
        dimension: "dimension",
        prefix: "prefix",
        any: "any",
        is: "is",
        keeps_other: "keeps_other",
        is_not: "is_not",
        matches: "matches",
        matches_not: "matches_not",
    };
    const SECOND: Self = Self {
        dimension: "by_dimension",
        prefix: "by_prefix",
        any: "by_any",
        is: "by_is",
        keeps_other: "by_keeps_other",
        is_not: "by_is_not",
        matches: "by_matches",
        matches_not: "by_matches_not",
    };
}

fn bind_selection(query: Query, selection: &Selection, names: Names) -> Query {
    let stored = |values: &[String]| -> Vec<String> {
        values.iter().map(|value| format!("{}{value}", selection.prefix)).collect()
    };
    query
        .param(names.dimension, selection.dimension.as_str())
        .param(names.prefix, selection.prefix.as_str())
        .param(names.any, selection.is.is_none())
        .param(names.is, stored(selection.is.as_deref().unwrap_or_default()))
        .param(names.keeps_other, selection.keeps_other())
        .param(names.is_not, stored(&selection.is_not))
        .param(names.matches, selection.matches.as_deref().unwrap_or_default())
        .param(names.matches_not, selection.matches_not.as_deref().unwrap_or_default())
}

/// What the listed values start with in the store and not in the answer.
fn listed_prefix(question: &Question) -> &str {
    let listed = |selection: &Selection| Some(selection.dimension) == question.by_value;
    match &question.cells {
        Cells::Of(selection) | Cells::Pair(selection, _) if listed(selection) => &selection.prefix,
        Cells::Pair(_, selection) if listed(selection) => &selection.prefix,
        Cells::Total | Cells::Of(_) | Cells::Pair(..) => "",
    }
}

#[derive(clickhouse::Row, Deserialize)]
struct CountsRow {
    at_day: i32,
    at_hour: i8,
    named: String,
    visitors: i64,
    visits: i64,
    pageviews: i64,
    events: i64,
    bounces: i64,
    visit_seconds: i64,
    entries: i64,
    exits: i64,
    engaged_ms: i64,
    scroll_percent: i64,
    scroll_visitors: i64,
    revenue_micros: i64,
    rows_total: u64,
}

impl CountsRow {
    fn into_row(self, question: &Question, prefix_bytes: usize) -> Row {
        let by_hour = question.over_time == Some(Grain::Hour);
        Row {
            day: question.over_time.map(|_| LocalDay(self.at_day)),
            hour: by_hour.then(|| u8::try_from(self.at_hour).unwrap_or_default()),
            value: question.by_value.map(|_| self.named.get(prefix_bytes..).unwrap_or_default().into()),
            counts: Counts {
                visitors: self.visitors,
                visits: self.visits,
                pageviews: self.pageviews,
                events: self.events,
                bounces: self.bounces,
                visit_seconds: self.visit_seconds,
                entries: self.entries,
                exits: self.exits,
                engaged_ms: self.engaged_ms,
                scroll_percent: self.scroll_percent,
                scroll_visitors: self.scroll_visitors,
                revenue_micros: self.revenue_micros,
            },
        }
    }
}

#[derive(clickhouse::Row, Deserialize)]
struct FirstDay {
    first_day: i32,
    cells: u64,
}

#[derive(clickhouse::Row, Deserialize)]
struct LedgerRow {
    outcome: String,
    reason: String,
    hits: i64,
    since_seconds: i64,
}

#[derive(clickhouse::Row, Deserialize)]
struct LostRow {
    seconds: i64,
    reason: String,
    records: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn months(first: i32, last: i32, over_time: Option<Grain>) -> (i32, i32) {
        let question = Question {
            sites: Vec::new(),
            span: Span::Days { first: LocalDay(first), last: LocalDay(last) },
            cells: Cells::Total,
            over_time,
            by_value: None,
            order: Vec::new(),
            limit: 1,
            offset: 0,
        };
        let (from, until) = question.whole_months();
        (from.0, until.0)
    }

    #[test]
    fn only_months_of_which_every_day_is_asked_for_are_whole() {
        // 1970: January ends with day 30, February with 58, March with 89.
        assert_eq!(months(0, 30, None), (0, 31));
        assert_eq!(months(0, 29, None), (0, 0));
        assert_eq!(months(1, 58, None), (31, 59));
        assert_eq!(months(1, 57, None), (0, 0));
        assert_eq!(months(20, 100, None), (31, 90));
        assert_eq!(months(40, 50, None), (0, 0));
        assert_eq!(months(-400, i32::MAX, None), (0, 0));
    }

    #[test]
    fn who_asks_by_day_is_told_days() {
        assert_eq!(months(0, 30, Some(Grain::Month)), (0, 31));
        for grain in [Grain::Day, Grain::Week, Grain::Hour] {
            assert_eq!(months(0, 30, Some(grain)), (0, 0));
        }
    }
}
