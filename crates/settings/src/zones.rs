//! Which zone counts each site's open day, so that a change of the setting takes effect at the day's end and a replay of
//! that day reads the calendar that its first counts were made by.
//!
//! The rule itself is `fold`'s ([`fold::zone`]); here its memory is kept: for every site that was ever measured, also one of
//! a configuration file, and one that was removed and may come back within the day.

use std::collections::BTreeMap;

use fold::zone::following;
use model::{CountedZone, FormerZone, Millis, Site, Sites};

use crate::database::{Transaction, Value};
use crate::{Settings, SettingsError};

type ZoneRow = (String, String, Option<String>, Option<i64>);

impl Settings {
    /// Gives each site the zone that still counts its open day, and remembers the zones. To be called with all sites that
    /// are measured, before the first hit is counted by them.
    ///
    /// # Errors
    /// The database cannot be reached; then nothing may be counted by another zone.
    pub async fn settle(&self, sites: Vec<Site>) -> Result<Sites, SettingsError> {
        let tried = "settling the sites' time zones";
        let now = self.clock.now();
        let call = async {
            let mut reading = self.database.read(tried).await?;
            let (settled, changed) = settled(&sites, &known(&mut reading).await?, now);
            drop(reading);
            if changed.is_empty() {
                return Ok(settled);
            }
            // Again under the turn of changes: another process may just have settled the same.
            let mut changing = self.database.change(tried).await?;
            turn(&mut changing).await?;
            let (settled, changed) = self::settled(&sites, &known(&mut changing).await?, now);
            for (domain, counted) in &changed {
                remember(&mut changing, domain, counted).await?;
            }
            changing.commit().await?;
            Ok(settled)
        };
        self.database.within(tried, call).await
    }

    /// Takes over what another memory knew, for sites that this one knows nothing of.
    ///
    /// # Errors
    /// The database cannot be reached.
    pub async fn adopt_zones(&self, zones: &BTreeMap<String, CountedZone>) -> Result<(), SettingsError> {
        let tried = "taking over the sites' time zones";
        let call = async {
            let mut changing = self.database.change(tried).await?;
            turn(&mut changing).await?;
            let known = known(&mut changing).await?;
            for (domain, counted) in zones.iter().filter(|(domain, _)| !known.contains_key(*domain)) {
                remember(&mut changing, domain, counted).await?;
            }
            changing.commit().await
        };
        self.database.within(tried, call).await
    }
}

/// The sites as they count now, and the zones that have to be remembered anew.
fn settled(sites: &[Site], known: &BTreeMap<String, CountedZone>, now: Millis) -> (Sites, Vec<(String, CountedZone)>) {
    let mut changed = Vec::new();
    let settle = |site: &Site| {
        let last = known.get(site.domain.as_str());
        let counted = following(last, &site.timezone, now);
        if last != Some(&counted) {
            changed.push((site.domain.to_string(), counted.clone()));
        }
        Site { timezone_before: counted.before, ..site.clone() }
    };
    let sites = sites.iter().map(settle).collect();
    (sites, changed)
}

/// Takes the turn of changes without making a revision: nothing that others read has changed.
async fn turn(changing: &mut Transaction) -> Result<(), SettingsError> {
    changing.run("UPDATE counters SET value = value WHERE name = 'revision'", &[]).await
}

async fn known(transaction: &mut Transaction) -> Result<BTreeMap<String, CountedZone>, SettingsError> {
    let sql = "SELECT domain, timezone, before_timezone, before_until FROM zones";
    let rows = transaction.rows::<ZoneRow>(sql, &[]).await?;
    let counted = |(domain, timezone, before, until): ZoneRow| {
        let before = before.zip(until).map(|(timezone, until)| FormerZone { timezone, until: Millis(until) });
        (domain, CountedZone { timezone, before })
    };
    Ok(rows.into_iter().map(counted).collect())
}

async fn remember(changing: &mut Transaction, domain: &str, counted: &CountedZone) -> Result<(), SettingsError> {
    let sql = "INSERT INTO zones (domain, timezone, before_timezone, before_until) VALUES ($1, $2, $3, $4) \
               ON CONFLICT (domain) DO UPDATE SET timezone = excluded.timezone, \
               before_timezone = excluded.before_timezone, before_until = excluded.before_until";
    let before = counted.before.as_ref();
    let values = [
        Value::Text(domain),
        Value::Text(&counted.timezone),
        Value::MaybeText(before.map(|before| before.timezone.as_str())),
        Value::MaybeNumber(before.map(|before| before.until.0)),
    ];
    changing.run(sql, &values).await
}
