//! What the tables say: schema, values, small cells, retention, ledger. The store looks; here it is judged.

use std::collections::BTreeSet;

use fold::calendar::Zone;
use model::site::{RETENTION_DAYS, VISITORS_MIN};
use model::{LocalDay, Millis, Sites};
use store::evidence::{Column, SCHEMA};
use store::{Kept, Store};

use super::check::{Check, Verdict};

const SCHEMA_CLAIM: &str =
    "only the known tables and columns are in the database, and what they hold beside names is counts";
const VALUES_CLAIM: &str = "no stored text looks like an address, an e-mail address, a user agent or an identifier";
const LOGS_CLAIM: &str = "the engine keeps no log of statements";
const SMALL_CLAIM: &str =
    "closed days hold no pair, city or version of too few visitors, and hours only of totals and pages";
const RETENTION_CLAIM: &str = "no day's counts are kept longer than its site says";
const LEDGER_CLAIM: &str = "every line of the ledger names what became of its hits";

/// Every check of what is stored.
pub(super) async fn checks(store: &Store, sites: &Sites, now: Millis) -> Vec<Check> {
    let mut checks = Vec::new();
    match store.columns().await {
        Ok(columns) => {
            checks.push(schema(&columns));
            checks.push(values(store, &columns).await);
        }
        Err(error) => checks.extend([SCHEMA_CLAIM, VALUES_CLAIM].map(|claim| Check::untold(claim, &error))),
    }
    checks.push(match store.logs_of_engine().await {
        Ok(logs) if logs.is_empty() => Check::new(LOGS_CLAIM, Verdict::Holds, "no log table is there"),
        Ok(logs) => Check::new(LOGS_CLAIM, Verdict::Broken, format!("there are {}", logs.join(", "))),
        Err(error) => Check::untold(LOGS_CLAIM, error),
    });
    checks.push(small_cells(store, sites).await);
    checks.push(retention(store, sites, now).await);
    checks.push(match store.ledger_lines().await {
        Ok((strange, hits)) => {
            let evidence = format!("{hits} hits in the ledger, {strange} lines of another kind");
            Check::new(LEDGER_CLAIM, Verdict::of(strange == 0), evidence)
        }
        Err(error) => Check::untold(LEDGER_CLAIM, error),
    });
    checks
}

fn schema(found: &[Column]) -> Check {
    let known: BTreeSet<(&str, &str, &str)> = SCHEMA
        .iter()
        .flat_map(|(table, columns)| columns.iter().map(move |(name, kind)| (*table, *name, *kind)))
        .collect();
    let found: BTreeSet<(&str, &str, &str)> =
        found.iter().map(|column| (column.table.as_str(), column.name.as_str(), column.kind.as_str())).collect();
    let named = |columns: Vec<&(&str, &str, &str)>| {
        columns.iter().map(|(table, name, kind)| format!("{table}.{name} {kind}")).collect::<Vec<_>>().join(", ")
    };
    let (strange, missing) = (named(found.difference(&known).collect()), named(known.difference(&found).collect()));
    let evidence = match (strange.is_empty(), missing.is_empty()) {
        (true, true) => format!("{} columns of {} tables, each as this version makes it", found.len(), SCHEMA.len()),
        _ => format!("not known: [{strange}]; missing: [{missing}]"),
    };
    Check::new(SCHEMA_CLAIM, Verdict::of(strange.is_empty() && missing.is_empty()), evidence)
}

async fn values(store: &Store, columns: &[Column]) -> Check {
    match store.suspicious(columns).await {
        Ok(found) if found.is_empty() => {
            let texts = columns.iter().filter(|column| column.kind.contains("String")).count();
            Check::new(VALUES_CLAIM, Verdict::Holds, format!("{texts} columns of texts looked through, nothing found"))
        }
        Ok(found) => {
            let all = found.iter().map(|one| format!("{} rows of {} look like: {}", one.rows, one.column, one.look));
            Check::new(VALUES_CLAIM, Verdict::Broken, all.collect::<Vec<_>>().join("; "))
        }
        Err(error) => Check::untold(VALUES_CLAIM, error),
    }
}

async fn small_cells(store: &Store, sites: &Sites) -> Check {
    let (mut small, mut days, mut least) = (0, 0, BTreeSet::new());
    for site in sites.iter() {
        match store.small_cells_of_closed_days(&site.domain, site.visitors_min).await {
            Ok((found, closed)) => (small, days) = (small + found, days + closed),
            Err(error) => return Check::untold(SMALL_CLAIM, error),
        }
        least.insert(site.visitors_min);
    }
    let least = least.iter().map(u32::to_string).collect::<Vec<_>>().join(", ");
    let least = if least.is_empty() { VISITORS_MIN.to_string() } else { least };
    let evidence = format!("{small} cells below k = {least} in {days} closed site-days");
    Check::new(SMALL_CLAIM, Verdict::of(small == 0), evidence)
}

/// A day more than the site says: what is due is looked for every six hours.
async fn retention(store: &Store, sites: &Sites, now: Millis) -> Check {
    let first_kept = |zone: &str, days: u16| {
        LocalDay(Zone::find_or_utc(zone).moment(now).day.0.saturating_sub(i32::from(days)).saturating_sub(1))
    };
    let kept = sites
        .iter()
        .map(|site| Kept { site: site.domain.clone(), first_day: first_kept(&site.timezone, site.retention_days) });
    match store.overdue_days(&kept.collect::<Vec<_>>(), first_kept("UTC", RETENTION_DAYS)).await {
        Ok(overdue) => {
            Check::new(RETENTION_CLAIM, Verdict::of(overdue == 0), format!("{overdue} site-days are overdue"))
        }
        Err(error) => Check::untold(RETENTION_CLAIM, error),
    }
}
