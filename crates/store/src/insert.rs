//! Writing a flush exactly once: rows in a fixed order, cut into chunks at fixed places, each chunk one atomic block with a
//! token derived from the flush's. The same changes under the same token always make the same chunks, so a repetition
//! finds every chunk that was already written and adds only those that were not.
//!
//! Errs when: a machine loses power within the moment between an insert and the commit that follows it (the engine notes
//! tokens without fsync: counted twice); or an unreplicated ClickHouse server of one's own is killed between its note and the
//! rows' appearance (lost; the embedded engine repairs that, see `engine::data_dir`, a server by `deploy/clickhouse/repair.sh`).

use std::collections::BTreeMap;
use std::iter::once;
use std::time::Duration;

use clickhouse::{Row, RowWrite};
use jiff::Span;
use jiff::civil::{Date, date};
use model::{Cell, Changes, LedgerLine, LiveLine, LostLine, ReachedLine};
use serde::Serialize;

use crate::store::within;
use crate::{Store, StoreError};

/// Most rows in one insert. About 20 MB of ordinary rows at the server while it sorts them, and well under the block size
/// that would cut an insert in two.
pub const ROWS_PER_INSERT_MAX: usize = 100_000;

/// Longest one insert may take; a full chunk takes about a second, so this is a disk that has stopped.
pub(crate) const INSERT_TIMEOUT: Duration = Duration::from_secs(60);

/// Last day, since 1970, whose seconds a `DateTime` column holds: in February 2106.
const DAY_MAX: i64 = 49_709;

/// The day that days are counted from.
pub(crate) const EPOCH: Date = date(1970, 1, 1);

const HOURS_PER_DAY: i64 = 24;
const MINUTES_PER_DAY: i64 = HOURS_PER_DAY * 60;

impl Store {
    /// Writes a flush. However often it is repeated with the same token and changes, it is counted once.
    ///
    /// # Errors
    /// See [`StoreError::retry`]. After an error some chunks may be written: repeat with the same token and changes.
    pub async fn insert(&self, token: &str, changes: &Changes) -> Result<(), StoreError> {
        let mut cells: Vec<&Cell> = changes.cells.iter().collect();
        cells.sort_unstable_by(|a, b| key(a).cmp(&key(b)));
        let mut ledger: Vec<&LedgerLine> = changes.ledger.iter().collect();
        ledger.sort_unstable();
        let mut live: Vec<&LiveLine> = changes.live.iter().collect();
        live.sort_unstable_by_key(|line| (&line.site, line.at, line.partition, line.visitors));

        let mut lost: Vec<&LostLine> = changes.lost.iter().collect();
        lost.sort_unstable();

        // Everything is checked before anything is written.
        let cells = by_month(cells, |cell| i64::from(cell.day.0))?;
        let ledger = by_month(ledger, |line| line.minute.div_euclid(MINUTES_PER_DAY))?;
        let live = by_month(live, |line| line.at.minute().div_euclid(MINUTES_PER_DAY))?;
        let lost = by_month(lost, |line| line.hour.div_euclid(HOURS_PER_DAY))?;
        for (name, chunk) in chunks(&cells) {
            let rows = chunk.iter().map(|cell| CountRow::of(cell));
            self.insert_chunk::<CountRow<'_>>("counts", &format!("{token}/counts/{name}"), rows).await?;
        }
        for (name, chunk) in chunks(&ledger) {
            let rows = chunk.iter().map(|line| LedgerRow::of(line));
            self.insert_chunk::<LedgerRow<'_>>("ledger", &format!("{token}/ledger/{name}"), rows).await?;
        }
        for (name, chunk) in chunks(&live) {
            let rows = chunk.iter().map(|line| LiveRow::of(line));
            self.insert_chunk::<LiveRow<'_>>("live", &format!("{token}/live/{name}"), rows).await?;
        }
        for (name, chunk) in chunks(&lost) {
            let rows = chunk.iter().map(|line| LostRow::of(line));
            self.insert_chunk::<LostRow<'_>>("lost", &format!("{token}/lost/{name}"), rows).await?;
        }
        if let Some(reached) = &changes.reached {
            self.insert_chunk::<ReachedRow>("reached", &format!("{token}/reached"), once(ReachedRow::of(reached)))
                .await?;
        }
        Ok(())
    }

    async fn insert_chunk<'a, T: Row + RowWrite>(
        &self,
        table: &'static str,
        token: &str,
        rows: impl Iterator<Item = T::Value<'a>>,
    ) -> Result<(), StoreError> {
        let mut insert = self.insert_once::<T>(table, token).await?;
        let write = async {
            for row in rows {
                insert.write(&row).await?;
            }
            insert.end().await
        };
        within("inserting counts", self.insert_timeout, write).await
    }
}

/// A cell's place: the order of rows within a chunk.
fn key(cell: &Cell) -> impl Ord + use<'_> {
    (&cell.site, cell.day, cell.hour, cell.dimension, &cell.value, cell.by, &cell.by_value)
}

/// Parts rows by the calendar month of their day: a month is a partition of the tables, and only an insert into a single
/// partition is a single, atomic part.
fn by_month<T>(rows: Vec<&T>, day_of: impl Fn(&T) -> i64) -> Result<BTreeMap<i32, Vec<&T>>, StoreError> {
    let mut months: BTreeMap<i32, Vec<&T>> = BTreeMap::new();
    let mut last = None;
    for row in rows {
        let day = day_of(row);
        let month = match last {
            Some((known, month)) if known == day => month,
            Some(_) | None => month_of(day)?,
        };
        last = Some((day, month));
        months.entry(month).or_default().push(row);
    }
    Ok(months)
}

/// The date of a day since 1970; none outside the years that a calendar here has.
pub(crate) fn date_of(day: i64) -> Option<Date> {
    EPOCH.checked_add(Span::new().try_days(day).ok()?).ok()
}

/// The month of a day as ClickHouse's `toYYYYMM` writes it, or an error for a day that the columns cannot hold.
pub(crate) fn month_of(day: i64) -> Result<i32, StoreError> {
    if !(0..=DAY_MAX).contains(&day) {
        return Err(StoreError::OutOfRange);
    }
    let day = date_of(day).ok_or(StoreError::OutOfRange)?;
    Ok(i32::from(day.year()) * 100 + i32::from(day.month()))
}

/// Cuts every month's rows into inserts, named so that a repetition gives the same names.
fn chunks<'m, 'a, T>(months: &'m BTreeMap<i32, Vec<&'a T>>) -> impl Iterator<Item = (String, &'m [&'a T])> {
    months.iter().flat_map(|(month, rows)| {
        rows.chunks(ROWS_PER_INSERT_MAX).enumerate().map(move |(number, chunk)| (format!("{month}/{number}"), chunk))
    })
}

#[derive(Row, Serialize)]
struct CountRow<'a> {
    site: &'a str,
    day: u16,
    hour: i8,
    dimension: &'a str,
    value: &'a str,
    by_dimension: &'a str,
    by_value: &'a str,
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
}

impl<'a> CountRow<'a> {
    fn of(cell: &'a Cell) -> Self {
        // Taken apart whole, so that a new count cannot be forgotten here.
        let model::Counts {
            visitors,
            visits,
            pageviews,
            events,
            bounces,
            visit_seconds,
            entries,
            exits,
            engaged_ms,
            scroll_percent,
            scroll_visitors,
            revenue_micros,
        } = cell.counts;
        Self {
            site: cell.site.as_str(),
            day: u16::try_from(cell.day.0).expect("by_month refused days outside DAY_MAX"),
            hour: cell.hour.map_or(-1, |hour| i8::try_from(hour).expect("an hour is 0 to 23")),
            dimension: cell.dimension.as_str(),
            value: &cell.value,
            by_dimension: cell.by.as_str(),
            by_value: &cell.by_value,
            visitors,
            visits,
            pageviews,
            events,
            bounces,
            visit_seconds,
            entries,
            exits,
            engaged_ms,
            scroll_percent,
            scroll_visitors,
            revenue_micros,
        }
    }
}

#[derive(Row, Serialize)]
struct LedgerRow<'a> {
    site: &'a str,
    minute: u32,
    outcome: &'a str,
    reason: &'a str,
    hits: i64,
}

impl<'a> LedgerRow<'a> {
    fn of(line: &'a LedgerLine) -> Self {
        Self {
            site: line.site.as_str(),
            minute: u32::try_from(line.minute * 60).expect("by_month refused days outside DAY_MAX"),
            outcome: line.outcome.kind(),
            reason: line.outcome.reason(),
            hits: line.hits,
        }
    }
}

#[derive(Row, Serialize)]
struct LiveRow<'a> {
    site: &'a str,
    at: u32,
    partition: u32,
    visitors: u64,
}

impl<'a> LiveRow<'a> {
    fn of(line: &'a LiveLine) -> Self {
        Self {
            site: line.site.as_str(),
            at: u32::try_from(line.at.0.div_euclid(1_000)).expect("by_month refused days outside DAY_MAX"),
            partition: line.partition,
            visitors: line.visitors,
        }
    }
}

#[derive(Row, Serialize)]
struct LostRow<'a> {
    hour: u32,
    reason: &'a str,
    records: i64,
}

impl LostRow<'_> {
    fn of(line: &LostLine) -> Self {
        Self {
            hour: u32::try_from(line.hour * 3_600).expect("by_month refused days outside DAY_MAX"),
            reason: line.loss.as_str(),
            records: line.records,
        }
    }
}

#[derive(Row, Serialize)]
struct ReachedRow {
    partition: u32,
    at: i64,
}

impl ReachedRow {
    fn of(line: &ReachedLine) -> Self {
        Self { partition: line.partition, at: line.at.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_is_written_as_the_partition_key_writes_it() {
        assert_eq!(month_of(0).unwrap(), 197_001);
        assert_eq!(month_of(20_604).unwrap(), 202_605);
        assert_eq!(month_of(20_605).unwrap(), 202_606);
        assert!(month_of(DAY_MAX).is_ok());
    }

    #[test]
    fn refuses_days_that_the_columns_cannot_hold() {
        assert!(matches!(month_of(-1), Err(StoreError::OutOfRange)));
        assert!(matches!(month_of(DAY_MAX + 1), Err(StoreError::OutOfRange)));
        assert!(u32::try_from((DAY_MAX + 1) * 86_400 - 1).is_ok() && u16::try_from(DAY_MAX).is_ok());
    }

    #[test]
    fn chunks_have_the_same_names_and_bounds_every_time() {
        let days: Vec<i64> = (0..250_000).map(|number| if number % 2 == 0 { 20_604 } else { 20_605 }).collect();
        let months = by_month(days.iter().collect(), |day| *day).unwrap();
        let cut: Vec<(String, usize)> = chunks(&months).map(|(name, rows)| (name, rows.len())).collect();
        let expected = [("202605/0", 100_000), ("202605/1", 25_000), ("202606/0", 100_000), ("202606/1", 25_000)];
        assert_eq!(cut, expected.map(|(name, rows)| (name.to_owned(), rows)));
    }
}
