//! Closing a site-local day in storage: cells of too few visitors go into `(other)`, hour grain shrinks to totals and pages,
//! and what was taken back leaves the disk. It does not know when a day is over: its caller does.
//!
//! The tables only grow, so a cell goes by a row that takes it back to zero, in one atomic block with the `(other)` that
//! takes its counts; merging drops rows of nothing. Every step looks at what is there first, so each can be repeated after
//! any crash. docs/decisions/0006-closing-a-day.md argues it.

use std::collections::BTreeSet;
use std::time::Duration;

use clickhouse::Row;
use clickhouse::query::Query;
use model::counts::FOLDED;
use model::{ClosedDay, Domain, LocalDay};
use serde::{Deserialize, Serialize};

use crate::insert::month_of;
use crate::settings::Held;
use crate::store::{QUESTION_TIMEOUT, within};
use crate::{Store, StoreError};

/// Cells one round takes back at most: 150 to 220 MB in the engine. A day with more takes more rounds.
const CELLS_PER_ROUND_MAX: u64 = 200_000;
/// Rows of one block: a round is one block, because only a block is inserted whole or not at all.
const BLOCK_ROWS: &str = "4000000";
/// What is held in memory of a day that is grouped, before it goes to the disk.
const GROUPED_BYTES_MAX: &str = "64000000";
/// What is read at a time, and by how many threads: a large server would take all that it has, and memory for each.
const READ_ROWS: &str = "8192";
const THREADS_MAX: &str = "2";
/// Rounds of one call; only an import into the same day at the same time makes so many. The rest waits for the next call.
const ROUNDS_MAX: usize = 80;
/// Longest a round may take. 200,000 cells of a day of 1.5 million rows take six seconds on two busy cores.
const ROUND_TIMEOUT: Duration = Duration::from_secs(300);
/// Longest merging a month may take. Six million rows take half a minute on two busy cores.
const MERGE_TIMEOUT: Duration = Duration::from_secs(3_600);

/// Since when a merge that adds up rows makes a projection anew where the table says `rebuild`: the oldest version that was seen to. 25.8
/// does so for other engines alone and adds up the sums it finds, in which what was taken back stays as a value of zeros.
const MERGES_REBUILD_SINCE: (u32, u32) = (26, 7);

/// The condition of a row that may not stay where its cell is small, or at all.
const MAY_NOT_STAY: &str = include_str!("../sql/closing/may_not_stay.sql");

/// Which measurements are enough to stay, on some days.
const ENOUGH_MEASURED: &str = include_str!("../sql/closing/enough_measured.sql");

const FOLDING: &str = "closing a day";
const MERGING: &str = "merging a month after closing its days";

/// What closing a day did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Folded {
    /// Cells whose counts went into `(other)`.
    pub cells: u64,
    /// Hour cells that were dropped.
    pub hours: u64,
}

#[derive(Row, Deserialize)]
struct DayRow {
    site: String,
    day: i32,
}

#[derive(Row, Deserialize)]
struct ToFold {
    folded: u64,
    hours: u64,
}

#[derive(Clone, Copy, Row, Deserialize)]
struct Rounds {
    begun: u32,
    folded: u32,
    clean: u32,
}

#[derive(Row, Serialize)]
struct NoteRow<'a> {
    site: &'a str,
    day: u16,
    round: u32,
    step: &'a str,
}

impl Store {
    /// The site-days whose closing is not complete in the tables; the days still open are among them.
    ///
    /// # Errors
    /// The store cannot be reached or refuses.
    pub async fn days_not_closed(&self) -> Result<Vec<ClosedDay>, StoreError> {
        let asked = self.client().query(include_str!("../sql/closing/days.sql")).fetch_all::<DayRow>();
        let rows = within("looking for days to close", ROUND_TIMEOUT, asked).await?;
        // A name that is none was written by somebody else's hand: nothing of ours can say when its days end.
        let known = |row: DayRow| Some(ClosedDay { site: Domain::parse(&row.site).ok()?, day: LocalDay(row.day) });
        Ok(rows.into_iter().filter_map(known).collect())
    }

    /// Folds what may not stay of a closed day: afterwards no answer holds it. Its rows leave the disk with
    /// [`Store::sweep_closed_days`]. Does nothing where nothing is left to fold.
    ///
    /// Two callers at once, or a call repeated while its first is still running, fold each cell once: a round's number comes
    /// from the notes, and its block carries it as deduplication token.
    ///
    /// # Errors
    /// See [`StoreError::retry`]; repeating is safe.
    pub async fn close_day(&self, day: &ClosedDay, visitors_min: u32) -> Result<Folded, StoreError> {
        let all = self.to_fold(day, visitors_min).await?;
        let mut left = all;
        for _ in 0..ROUNDS_MAX {
            let round = self.rounds(day).await?.folded.saturating_add(1);
            let nothing = left == Folded::default();
            // A day on which nothing is small has a first round all the same: its notes say that it was looked at, and when.
            if nothing && round > 1 {
                break;
            }
            self.note(day, round, "begun").await?;
            if !nothing {
                self.fold_round(day, visitors_min, round).await?;
            }
            self.note(day, round, "folded").await?;
            left = self.to_fold(day, visitors_min).await?;
        }
        // What an import brings meanwhile is not seen in the difference.
        let gone = |all: u64, left: u64| all.saturating_sub(left);
        Ok(Folded { cells: gone(all.cells, left.cells), hours: gone(all.hours, left.hours) })
    }

    async fn to_fold(&self, day: &ClosedDay, visitors_min: u32) -> Result<Folded, StoreError> {
        let sql = include_str!("../sql/closing/to_fold.sql").replace("{small}", &small());
        let asked = small_of(self.client().query(&sql), day, visitors_min).fetch_one::<ToFold>();
        let ToFold { folded, hours } = within(FOLDING, ROUND_TIMEOUT, asked).await?;
        Ok(Folded { cells: folded, hours })
    }

    /// Merges the months of days that were closed, so that what was taken back is no longer in any part in use, and notes
    /// the days that are clean. Parts that a merge replaced are removed by the engine some minutes later.
    ///
    /// # Errors
    /// See [`StoreError::retry`]; repeating is safe.
    pub async fn sweep_closed_days(&self, days: &[ClosedDay]) -> Result<(), StoreError> {
        let mut unclean = Vec::new();
        for day in days {
            let Rounds { begun, clean, .. } = self.rounds(day).await?;
            if begun > clean {
                unclean.push((day, begun));
            }
        }
        let rebuilds = unclean.is_empty() || self.merges_rebuild_months().await?;
        let (mut merged, mut made_anew) = (BTreeSet::new(), BTreeSet::new());
        for (day, _) in &unclean {
            let month = month_of(i64::from(day.day.0))?;
            if self.has_leftover(day).await? {
                merged.insert(format!("OPTIMIZE TABLE counts PARTITION {month} FINAL"));
            }
            // Whoever merged the rows, the engine or we: there their sums kept what was taken back.
            if !rebuilds {
                let anew =
                    |doing| format!("ALTER TABLE counts {doing} PROJECTION IF EXISTS months IN PARTITION {month}");
                made_anew.insert([anew("CLEAR"), anew("MATERIALIZE")]);
            }
        }
        for sql in merged.iter().chain(made_anew.iter().flatten()) {
            // On a cluster every replica is done when this returns; one that is away does so when it is back.
            let query =
                self.client().query_raw(sql).with_setting("alter_sync", "2").with_setting("mutations_sync", "2");
            within(MERGING, MERGE_TIMEOUT, query.execute()).await?;
        }
        for (day, begun) in unclean {
            // A merge that was under way elsewhere can have kept ours from happening: then the next sweep does it.
            if !self.has_leftover(day).await? {
                self.note(day, begun, "clean").await?;
            }
        }
        Ok(())
    }

    /// Whether a merge makes the sums of months anew from the rows it wrote.
    async fn merges_rebuild_months(&self) -> Result<bool, StoreError> {
        let asked = self.client().query("SELECT version()").fetch_one::<String>();
        let version = within(MERGING, QUESTION_TIMEOUT, asked).await?;
        let mut numbers = version.split('.').map_while(|number| number.parse().ok());
        let first_two = (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default());
        Ok(first_two >= MERGES_REBUILD_SINCE)
    }

    async fn fold_round(&self, day: &ClosedDay, visitors_min: u32, round: u32) -> Result<(), StoreError> {
        let sql = include_str!("../sql/closing/fold.sql").replace("{small}", &small());
        let token = format!("close/{}/{}/{round}", day.site, day.day.0);
        // The next round reads what this one left, on whichever replica it is asked: one that lacked the block would fold
        // the same cells again, under the next round's token.
        let settings = self.once(&token, BLOCK_ROWS, Held::ByAll).await?;
        let query = small_of(self.client().query(&sql), day, visitors_min).with_setting("max_insert_threads", "1");
        let query = query.param("cells_max", CELLS_PER_ROUND_MAX);
        let query = settings.into_iter().fold(query, |query, (name, value)| query.with_setting(name, value));
        within(FOLDING, ROUND_TIMEOUT, query.execute()).await
    }

    async fn rounds(&self, day: &ClosedDay) -> Result<Rounds, StoreError> {
        let query = self.client().query(include_str!("../sql/closing/rounds.sql"));
        within(FOLDING, QUESTION_TIMEOUT, of_day(query, day).fetch_one::<Rounds>()).await
    }

    async fn has_leftover(&self, day: &ClosedDay) -> Result<bool, StoreError> {
        let sql = include_str!("../sql/closing/leftover.sql").replace("{folded}", &folded_dimensions());
        let query = bounded(of_day(self.client().query(&sql), day));
        Ok(within(MERGING, ROUND_TIMEOUT, query.fetch_one::<u64>()).await? > 0)
    }

    async fn note(&self, day: &ClosedDay, round: u32, step: &str) -> Result<(), StoreError> {
        let row = NoteRow {
            site: day.site.as_str(),
            day: u16::try_from(day.day.0).map_err(|_| StoreError::OutOfRange)?,
            round,
            step,
        };
        let token = format!("close/{}/{}/{round}/{step}", day.site, day.day.0);
        let mut insert = self.insert_once::<NoteRow<'_>>("closings", &token).await?;
        let write = async {
            insert.write(&row).await?;
            insert.end().await
        };
        within(FOLDING, QUESTION_TIMEOUT, write).await
    }
}

fn small() -> String {
    include_str!("../sql/closing/small.sql").replace("{may_not_stay}", &may_not_stay("day = toDate({day:Int32})"))
}

/// The condition of a row that may not stay, where that is asked of the days that a condition of SQL keeps.
pub(crate) fn may_not_stay(of_days: &str) -> String {
    MAY_NOT_STAY
        .replace("{enough_measured}", &ENOUGH_MEASURED.replace("{of_days}", of_days))
        .replace("{folded}", &folded_dimensions())
}

/// The dimensions that fold by themselves, as a list of SQL.
fn folded_dimensions() -> String {
    FOLDED.map(|dimension| format!("'{}'", dimension.as_str())).join(", ")
}

fn of_day(query: Query, day: &ClosedDay) -> Query {
    query.param("site", day.site.as_str()).param("day", day.day.0)
}

/// The parameters of `small.sql`.
fn small_of(query: Query, day: &ClosedDay, visitors_min: u32) -> Query {
    bounded(of_day(query, day)).param("visitors_min", i64::from(visitors_min))
}

/// Bounds the memory of a question that groups all rows of a day: in a table that goes to the disk where it grows. In the parts' own order
/// it would need none, but buffers for every column of every part: a day of 1.4 million rows in 24 parts, as an import leaves it, did not
/// fit into three quarters of a gigabyte.
fn bounded(query: Query) -> Query {
    query
        .with_setting("optimize_aggregation_in_order", "0")
        .with_setting("max_bytes_before_external_group_by", GROUPED_BYTES_MAX)
        .with_setting("max_block_size", READ_ROWS)
        .with_setting("max_threads", THREADS_MAX)
}
