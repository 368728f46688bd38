//! Which zone each site was counted in when the server last started, so that a change of the setting takes effect at the end
//! of the site's day and a replay of that day reads the calendar that its first counts were made by.
//!
//! It decides nothing about hits: `fold` reads both zones off the site. Written aside, fsynced, renamed, before any hit of the
//! new setting is taken.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::Path;

use anyhow::Context;
use fold::calendar::Zone;
use model::{FormerZone, Millis, Site, Sites};
use serde::{Deserialize, Serialize};

/// How long a former zone is remembered after its end: longer than any record or day lives that could still be replayed.
const REMEMBERED_MS: i64 = 3 * 24 * 3_600_000;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Counted {
    timezone: String,
    before: Option<FormerZone>,
}

/// Gives each site the zone that still counts its open day, and remembers the zones for the next start.
///
/// # Errors
/// The file cannot be read or written; then nothing may be counted by another zone.
pub fn settle(data: &Path, sites: &Sites, now: Millis) -> anyhow::Result<Sites> {
    let path = data.join("timezones.json");
    let mut known: BTreeMap<String, Counted> = match fs::read(&path) {
        Ok(bytes) => serde_json::from_slice(&bytes).with_context(|| {
            format!("{} is damaged: remove it if no site's time zone was changed today", path.display())
        })?,
        Err(error) if error.kind() == ErrorKind::NotFound => BTreeMap::new(),
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
    };
    let before = known.clone();
    let settled: Sites = sites
        .iter()
        .map(|site| {
            let name = site.domain.as_str().to_owned();
            let counted = following(known.get(&name), site, now);
            known.insert(name, counted.clone());
            Site { timezone_before: counted.before, ..Site::clone(site) }
        })
        .collect();
    if known != before {
        write(&path, &known).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(settled)
}

/// What a site is counted by now, after what it was counted by before.
fn following(last: Option<&Counted>, site: &Site, now: Millis) -> Counted {
    let timezone = site.timezone.clone();
    let Some(last) = last else { return Counted { timezone, before: None } };
    let before = last.before.clone().filter(|before| now < before.until.plus(REMEMBERED_MS));
    let before = match before {
        _ if last.timezone == timezone => before,
        // The change before this one has not taken effect: the same zone goes on to the same end.
        Some(before) if now < before.until => Some(before),
        Some(_) | None => {
            let mut zone = Zone::find_or_utc(&last.timezone);
            let until = zone.moment(now).day;
            Some(FormerZone { until: zone.end_of(until), timezone: last.timezone.clone() })
        }
    };
    Counted { timezone, before }
}

fn write(path: &Path, known: &BTreeMap<String, Counted>) -> std::io::Result<()> {
    let aside = path.with_extension("new");
    let mut file = File::create(&aside)?;
    file.write_all(serde_json::to_string_pretty(known)?.as_bytes())?;
    file.sync_all()?;
    fs::rename(&aside, path)?;
    path.parent().map_or(Ok(()), |directory| File::open(directory)?.sync_all())
}

#[cfg(test)]
mod tests {
    use model::Domain;

    use super::*;

    const HOUR: i64 = 3_600_000;
    /// 2026-06-01T17:00Z: the second of June in Tokyo.
    const NOW: Millis = Millis(20_605 * 24 * HOUR + 17 * HOUR);
    const MIDNIGHT: Millis = Millis(20_606 * 24 * HOUR);

    fn start(data: &Path, timezone: &str, now: Millis) -> Option<(String, Millis)> {
        let site = Site { timezone: timezone.to_owned(), ..Site::new(Domain::parse("example.com").unwrap()) };
        let settled = settle(data, &[site].into_iter().collect(), now).unwrap();
        let site = settled.iter().next().unwrap();
        assert_eq!(site.timezone, timezone);
        site.timezone_before.clone().map(|before| (before.timezone, before.until))
    }

    #[test]
    fn a_change_takes_effect_at_the_end_of_the_day_however_often_the_server_starts() {
        let data = tempfile::tempdir().unwrap();
        assert_eq!(start(data.path(), "UTC", NOW), None);
        let utc = Some(("UTC".to_owned(), MIDNIGHT));
        assert_eq!(start(data.path(), "Asia/Tokyo", NOW), utc);
        assert_eq!(start(data.path(), "Asia/Tokyo", NOW.plus(HOUR)), utc);
        assert_eq!(start(data.path(), "America/New_York", NOW.plus(2 * HOUR)), utc, "the day goes on by its own zone");
        assert_eq!(start(data.path(), "America/New_York", MIDNIGHT.plus(30 * HOUR)), utc, "a replay may need it");
        assert_eq!(start(data.path(), "America/New_York", MIDNIGHT.plus(4 * 24 * HOUR)), None);
    }

    #[test]
    fn back_again_before_the_end_of_the_day_changes_nothing() {
        let data = tempfile::tempdir().unwrap();
        start(data.path(), "UTC", NOW);
        start(data.path(), "Asia/Tokyo", NOW);
        assert_eq!(start(data.path(), "UTC", NOW), Some(("UTC".to_owned(), MIDNIGHT)));
    }

    #[test]
    fn a_damaged_file_is_an_error_that_says_what_to_do() {
        let data = tempfile::tempdir().unwrap();
        fs::write(data.path().join("timezones.json"), "{").unwrap();
        let error = settle(data.path(), &Sites::default(), NOW).unwrap_err();
        assert!(error.to_string().contains("remove it if"), "{error}");
    }
}
