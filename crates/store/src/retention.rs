//! Retention: counts older than a site keeps them go, and so do the tables beside them. It does not know what day it is.
//!
//! A table's TTL is one for all sites and fixed when it is made; a site's retention is a setting. So this is a task: it
//! looks for what is too old and removes it, whole months by dropping their partition, the rest by rewriting one month.
//! A day's age counts from its closing, which is the night after it, or the import that brought it: who imports an old log
//! has it as long as a new one. Where nothing is too old it does nothing, and a repetition finds nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use clickhouse::Row;
use model::{Domain, LocalDay};
use serde::Deserialize;

use crate::insert::month_of;
use crate::store::within;
use crate::{Store, StoreError};

/// Days that the ledger is kept, after its month or the import that brought it: a quarter, so that last quarter's report can
/// still be told what was left out. Whole months go, so a line lives up to 31 days longer.
pub const LEDGER_DAYS: i32 = 92;

/// Longest that rewriting one month may take.
const REWRITE_TIMEOUT: Duration = Duration::from_secs(3_600);

const FORGETTING: &str = "removing what is older than its retention";

/// What is kept of a site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The site.
    pub site: Domain,
    /// The first day whose counts stay.
    pub first_day: LocalDay,
}

/// What a retention run removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Forgotten {
    /// Rows of counts.
    pub counts: u64,
    /// Rows of the ledger, and of lost records.
    pub ledger: u64,
    /// Notes on closed days, and marks of imported files.
    pub notes: u64,
}

/// Site-days that one statement names; a shortened retention takes several.
const DAYS_PER_STATEMENT_MAX: usize = 2_000;

#[derive(Row, Deserialize)]
struct DayRow {
    site: String,
    day: i32,
}

#[derive(Row, Deserialize)]
struct RowsRow {
    gone: u64,
    rows: u64,
}

impl Store {
    /// Removes the closed days that are older than each site keeps them; of sites that are not among `kept`, those before
    /// `others`; and of the ledger and of lost records, what is older than [`LEDGER_DAYS`] before `today`.
    ///
    /// # Errors
    /// See [`StoreError::retry`]; repeating is safe.
    pub async fn forget(&self, kept: &[Kept], others: LocalDay, today: LocalDay) -> Result<Forgotten, StoreError> {
        let mut forgotten = Forgotten::default();
        let (old_day, old_note) = (too_old(kept, others, "day"), too_old(kept, others, "toDate(max(at))"));
        let sql = format!(
            "SELECT site, toInt32(day) AS day FROM \
             (SELECT site, day FROM closings GROUP BY site, day HAVING {old_day} AND {old_note}) ORDER BY day, site"
        );
        let days = within(FORGETTING, REWRITE_TIMEOUT, self.client().query_raw(&sql).fetch_all::<DayRow>()).await?;
        let mut months: BTreeMap<i32, Vec<String>> = BTreeMap::new();
        for DayRow { site, day } in &days {
            let named = format!("({}, toDate({day}))", quoted(site));
            months.entry(month_of(i64::from(*day))?).or_default().push(named);
        }
        for (month, days) in &months {
            for days in days.chunks(DAYS_PER_STATEMENT_MAX) {
                let too_old = format!("(site, day) IN ({})", days.join(", "));
                forgotten.counts += self.forget_of_month("counts", "day", *month, &too_old).await?;
                // The notes last: as long as they are there, a repetition finds the days again.
                forgotten.notes += self.forget_rows("closings", &too_old).await?;
            }
        }
        let ledger_first = today.0.saturating_sub(LEDGER_DAYS).max(0);
        let before = format!("month < {}", month_of(i64::from(ledger_first))?);
        // A month with a day that was closed since then, or waits for it, was imported lately: its lines are as young.
        let not_imported = format!(
            "{before} AND month NOT IN (SELECT toYYYYMM(day) FROM closings WHERE toDate(at) >= toDate({ledger_first})) \
             AND month NOT IN (SELECT toYYYYMM(day) FROM counts WHERE dimension = '' AND by_dimension = '' AND hour = -1 \
             AND (site, day) NOT IN (SELECT site, day FROM closings))"
        );
        forgotten.ledger += self.forget_months("ledger", "minute", &not_imported).await?;
        forgotten.ledger += self.forget_months("lost", "hour", &before).await?;
        // A file's mark has to live as long as counts that were imported from it can: without it they would count again.
        forgotten.notes += self.forget_rows("imports", &too_old(kept, others, "toDate(at)")).await?;
        Ok(forgotten)
    }

    /// Removes the months of a table for which a condition on `month` holds.
    async fn forget_months(&self, table: &str, time: &str, old: &str) -> Result<u64, StoreError> {
        let sql = format!("SELECT DISTINCT toYYYYMM({time}) AS month FROM {table} WHERE {old}");
        let months = within(FORGETTING, REWRITE_TIMEOUT, self.client().query_raw(&sql).fetch_all::<u32>()).await?;
        let mut gone = 0;
        for month in months {
            gone += self.forget_of_month(table, time, i32::try_from(month).unwrap_or_default(), "true").await?;
        }
        Ok(gone)
    }

    /// Removes rows of one month of a table that is partitioned by month.
    async fn forget_of_month(&self, table: &str, time: &str, month: i32, too_old: &str) -> Result<u64, StoreError> {
        let sql =
            format!("SELECT countIf({too_old}) AS gone, count() AS rows FROM {table} WHERE toYYYYMM({time}) = {month}");
        let found = self.client().query_raw(&sql).fetch_one::<RowsRow>();
        let RowsRow { gone, rows } = within(FORGETTING, REWRITE_TIMEOUT, found).await?;
        if gone > 0 && gone == rows {
            self.change(&format!("ALTER TABLE {table} DROP PARTITION {month}")).await?;
        } else if gone > 0 {
            self.change(&format!("ALTER TABLE {table} DELETE IN PARTITION {month} WHERE {too_old}")).await?;
        }
        Ok(gone)
    }

    /// Removes rows of a small table.
    async fn forget_rows(&self, table: &str, too_old: &str) -> Result<u64, StoreError> {
        let sql = format!("SELECT count() FROM {table} WHERE {too_old}");
        let gone = within(FORGETTING, REWRITE_TIMEOUT, self.client().query_raw(&sql).fetch_one::<u64>()).await?;
        if gone > 0 {
            self.change(&format!("ALTER TABLE {table} DELETE WHERE {too_old}")).await?;
        }
        Ok(gone)
    }

    /// On a cluster it goes to every replica by itself; both settings wait for all of them.
    async fn change(&self, sql: &str) -> Result<(), StoreError> {
        let query = self.client().query_raw(sql).with_setting("mutations_sync", "2").with_setting("alter_sync", "2");
        within(FORGETTING, REWRITE_TIMEOUT, query.execute()).await
    }
}

/// The condition for rows that are too old, with the sites of one first day together. It is written out because a mutation
/// keeps its text and no parameters; nothing in it is a stranger's text but the site's name.
pub(crate) fn too_old(kept: &[Kept], others: LocalDay, day: &str) -> String {
    let mut by_first_day: BTreeMap<LocalDay, Vec<String>> = BTreeMap::new();
    for Kept { site, first_day } in kept {
        by_first_day.entry(*first_day).or_default().push(quoted(site.as_str()));
    }
    let named: Vec<String> = by_first_day.values().flatten().cloned().collect();
    let before = |first: LocalDay| format!("{day} < toDate({})", first.0.max(0));
    let mut conditions: Vec<String> = by_first_day
        .iter()
        .map(|(first, sites)| format!("({} AND site IN ({}))", before(*first), sites.join(", ")))
        .collect();
    conditions.push(match named.is_empty() {
        true => format!("({})", before(others)),
        false => format!("({} AND site NOT IN ({}))", before(others), named.join(", ")),
    });
    format!("({})", conditions.join(" OR "))
}

pub(crate) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sites_of_one_first_day_are_asked_for_together_and_the_others_by_their_own() {
        let kept = |name: &str, day| Kept { site: Domain::parse(name).unwrap(), first_day: LocalDay(day) };
        let sites = [kept("a.com", 20_000), kept("b.com", 10), kept("c.com", 20_000)];
        assert_eq!(
            too_old(&sites, LocalDay(-5), "day"),
            "((day < toDate(10) AND site IN ('b.com')) OR (day < toDate(20000) AND site IN ('a.com', 'c.com')) \
             OR (day < toDate(0) AND site NOT IN ('b.com', 'a.com', 'c.com')))"
        );
        assert_eq!(too_old(&[], LocalDay(7), "day"), "((day < toDate(7)))");
    }
}
