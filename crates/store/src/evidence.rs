//! Evidence from what is stored: which columns there are, how many values look like something that must not be there, which
//! cells are too small for a closed day, which days are overdue. Counts of findings only: no value ever leaves by this way.
//!
//! It judges nothing: what a finding means is said by who asks. A look is a regular expression, so a name in plain words is found
//! by none of them.

use std::time::Duration;

use clickhouse::Row;
use model::{Domain, LocalDay};
use serde::Deserialize;

use crate::closing::may_not_stay;
use crate::retention::{Kept, quoted, too_old};
use crate::store::within;
use crate::{Store, StoreError};

/// Longest one look through a table may take.
const LOOK_TIMEOUT: Duration = Duration::from_secs(300);

const LOOKING: &str = "looking for evidence";

/// The tables and their columns as this version makes them: nothing else may be in the database.
pub const SCHEMA: &[(&str, &[(&str, &str)])] = &[
    (
        "closings",
        &[
            ("site", "LowCardinality(String)"),
            ("day", "Date"),
            ("round", "UInt32"),
            ("step", "LowCardinality(String)"),
            ("at", "DateTime('UTC')"),
        ],
    ),
    (
        "counts",
        &[
            ("site", "LowCardinality(String)"),
            ("day", "Date"),
            ("hour", "Int8"),
            ("dimension", "LowCardinality(String)"),
            ("value", "String"),
            ("by_dimension", "LowCardinality(String)"),
            ("by_value", "String"),
            ("visitors", "Int64"),
            ("visits", "Int64"),
            ("pageviews", "Int64"),
            ("events", "Int64"),
            ("bounces", "Int64"),
            ("visit_seconds", "Int64"),
            ("entries", "Int64"),
            ("exits", "Int64"),
            ("engaged_ms", "Int64"),
            ("scroll_percent", "Int64"),
            ("scroll_visitors", "Int64"),
            ("revenue_micros", "Int64"),
        ],
    ),
    (
        "imports",
        &[
            ("site", "LowCardinality(String)"),
            ("bytes", "UInt64"),
            ("sha256", "FixedString(32)"),
            ("at", "DateTime('UTC')"),
            ("hits_wait", "Bool"),
            ("fold_version", "UInt16"),
            ("begun", "Bool"),
        ],
    ),
    (
        "ledger",
        &[
            ("site", "LowCardinality(String)"),
            ("minute", "DateTime('UTC')"),
            ("outcome", "LowCardinality(String)"),
            ("reason", "LowCardinality(String)"),
            ("hits", "Int64"),
        ],
    ),
    (
        "live",
        &[
            ("site", "LowCardinality(String)"),
            ("at", "DateTime('UTC')"),
            ("partition", "UInt32"),
            ("visitors", "UInt64"),
        ],
    ),
    ("lost", &[("hour", "DateTime('UTC')"), ("reason", "LowCardinality(String)"), ("records", "Int64")]),
    ("reached", &[("partition", "UInt32"), ("at", "DateTime64(3, 'UTC')")]),
    ("migrations", &[("name", "String"), ("sha256", "String"), ("at", "DateTime('UTC')")]),
];

/// A kind of value that must not be in any column of texts, and how it looks (RE2).
struct Look {
    name: &'static str,
    pattern: &'static str,
    /// Dimensions in which such a value is not a visitor's: the site's own host, an advertiser's numbers, hosts of others.
    unless: &'static str,
}

const LOOKS: [Look; 7] = [
    Look {
        name: "IPv4 address",
        pattern: r"(^|[^0-9.])((25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])\.){3}(25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])($|[^0-9.])",
        unless: "'hostname'",
    },
    Look {
        name: "IPv6 address",
        pattern: r"([0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f]{1,4}|([0-9A-Fa-f]{1,4}:){2,6}:[0-9A-Fa-f]{0,4}",
        unless: "'hostname'",
    },
    Look {
        name: "e-mail address",
        pattern: r"[A-Za-z0-9._+-](@|%40)[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}",
        unless: "''",
    },
    Look { name: "user agent", pattern: r"Mozilla/[0-9]|AppleWebKit/[0-9]|\(KHTML, like", unless: "''" },
    Look {
        name: "UUID",
        pattern: r"[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}",
        unless: "''",
    },
    Look {
        name: "long hexadecimal token",
        pattern: r"(^|[^0-9A-Za-z])[0-9A-Fa-f]{16,}($|[^0-9A-Za-z])",
        unless: "'hostname', 'source', 'utm_source', 'utm_medium', 'utm_campaign', 'utm_term', 'utm_content'",
    },
    Look {
        name: "number of nine digits or more",
        pattern: "[0-9]{9}",
        unless: "'hostname', 'source', 'utm_source', 'utm_medium', 'utm_campaign', 'utm_term', 'utm_content'",
    },
];

/// A column of the database.
#[derive(Clone, Debug, PartialEq, Eq, Row, Deserialize)]
pub struct Column {
    /// Its table.
    pub table: String,
    /// Its name.
    pub name: String,
    /// Its type, in ClickHouse's words.
    pub kind: String,
}

/// Values that look like something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suspicion {
    /// The column, as `table.column`.
    pub column: String,
    /// What they look like.
    pub look: &'static str,
    /// How many rows hold one.
    pub rows: u64,
}

#[derive(Row, Deserialize)]
struct Found {
    found: Vec<u64>,
}

impl Store {
    /// Every column of the database that is there now.
    ///
    /// # Errors
    /// The store cannot be reached or refuses.
    pub async fn columns(&self) -> Result<Vec<Column>, StoreError> {
        let sql = "SELECT table, name, type AS kind FROM system.columns WHERE database = currentDatabase() ORDER BY table, position";
        within(LOOKING, LOOK_TIMEOUT, self.client().query_raw(sql).fetch_all::<Column>()).await
    }

    /// Tables in which the engine would keep statements or traces.
    ///
    /// # Errors
    /// The store cannot be reached or refuses.
    pub async fn logs_of_engine(&self) -> Result<Vec<String>, StoreError> {
        let sql = "SELECT name FROM system.tables WHERE database = 'system' AND endsWith(name, '_log') AND engine LIKE '%MergeTree'";
        within(LOOKING, LOOK_TIMEOUT, self.client().query_raw(sql).fetch_all::<String>()).await
    }

    /// Looks through every column of texts of these tables for values that must not be there.
    ///
    /// # Errors
    /// The store cannot be reached or refuses.
    pub async fn suspicious(&self, columns: &[Column]) -> Result<Vec<Suspicion>, StoreError> {
        let mut suspicions = Vec::new();
        let texts = columns.iter().filter(|column| column.kind.contains("String") && !is_digest(column));
        for column in texts {
            let counts = LOOKS.iter().map(|look| count_of(look, column)).collect::<Vec<_>>().join(", ");
            let sql = format!("SELECT [{counts}] AS found FROM {}", identifier(&column.table));
            let found = within(LOOKING, LOOK_TIMEOUT, self.client().query_raw(&sql).fetch_one::<Found>()).await?;
            let found = LOOKS.iter().zip(found.found).filter(|(_, rows)| *rows > 0);
            suspicions.extend(found.map(|(look, rows)| Suspicion {
                column: format!("{}.{}", column.table, column.name),
                look: look.name,
                rows,
            }));
        }
        Ok(suspicions)
    }

    /// How many cells of closed days may not stay there: fewer visitors than `visitors_min`, or hours beside totals and pages;
    /// and how many days are closed.
    ///
    /// # Errors
    /// The store cannot be reached or refuses.
    pub async fn small_cells_of_closed_days(&self, site: &Domain, visitors_min: u32) -> Result<(u64, u64), StoreError> {
        let sql = include_str!("../sql/closing/evidence.sql").replace("{may_not_stay}", &may_not_stay("true"));
        let asked = self
            .client()
            .query(&sql)
            .param("site", site.as_str())
            .param("visitors_min", i64::from(visitors_min))
            .fetch_one::<(u64, u64)>();
        within(LOOKING, LOOK_TIMEOUT, asked).await
    }

    /// How many site-days are kept longer than they may be.
    ///
    /// # Errors
    /// The store cannot be reached or refuses.
    pub async fn overdue_days(&self, kept: &[Kept], others: LocalDay) -> Result<u64, StoreError> {
        let (old_day, old_note) = (too_old(kept, others, "day"), too_old(kept, others, "toDate(max(at))"));
        let sql = format!(
            "SELECT count() FROM (SELECT site, day FROM closings GROUP BY site, day HAVING {old_day} AND {old_note} \
             AND (site, day) IN (SELECT site, day FROM counts WHERE dimension = '' AND by_dimension = ''))"
        );
        within(LOOKING, LOOK_TIMEOUT, self.client().query_raw(&sql).fetch_one::<u64>()).await
    }

    /// Lines of the ledger that name no known outcome or take back what was not counted (only an erasure takes back), and the
    /// hits of all lines.
    ///
    /// # Errors
    /// The store cannot be reached or refuses.
    pub async fn ledger_lines(&self) -> Result<(u64, i64), StoreError> {
        let sql = "SELECT countIf(outcome NOT IN ('counted', 'minimal', 'refused', 'bot', 'late') \
                   OR (hits < 0 AND outcome != 'counted')), sum(hits) FROM ledger";
        within(LOOKING, LOOK_TIMEOUT, self.client().query_raw(sql).fetch_one::<(u64, i64)>()).await
    }
}

/// Digests of the program's own statements, and of what was imported: not of anything about a visitor.
fn is_digest(column: &Column) -> bool {
    column.name == "sha256" && matches!(column.table.as_str(), "migrations" | "imports")
}

fn count_of(look: &Look, column: &Column) -> String {
    let pattern = quoted(look.pattern);
    let name = identifier(&column.name);
    // A cell's value is judged by its dimension; the host of a referrer is another site's name, whatever it looks like.
    let dimension = match (column.table.as_str(), column.name.as_str()) {
        ("counts", "value") => "dimension",
        ("counts", "by_value") => "by_dimension",
        _ => return format!("countIf(match(toString({name}), {pattern}))"),
    };
    let text = format!("if({dimension} = 'referrer', substring({name}, position({name}, '/')), {name})");
    format!("countIf({dimension} NOT IN ({}) AND match({text}, {pattern}))", look.unless)
}

fn identifier(name: &str) -> String {
    format!("`{}`", name.replace('\\', "\\\\").replace('`', "\\`"))
}

#[cfg(test)]
#[path = "evidence_tests.rs"]
mod tests;
