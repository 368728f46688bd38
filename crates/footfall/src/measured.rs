//! The sites that are measured: those of the configuration, and those of the settings database beside them. Where both name
//! one, the configuration's holds.
//!
//! It decides nothing about a hit. A change in the database reaches every station by one new table that replaces the old one
//! whole; while the database is away, the last table holds.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use anyhow::Context;
use arc_swap::ArcSwap;
use model::{Clock, CountedZone, Site, Sites};
use settings::{CountedBy, Location, Revision, Settings, SettingsError, SiteList};

use crate::config::{self, Config};

/// How often the database is asked whether something changed: who adds a site tries it a few seconds later.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The measured sites and where they come from.
pub struct Measured {
    settings: Settings,
    configured: Sites,
    region: Option<String>,
    seen: Revision,
    sites: Arc<ArcSwap<Sites>>,
    /// The revision that `sites` is of, or an older one for a moment.
    revision: Arc<AtomicI64>,
}

impl Measured {
    /// Opens the settings and puts the sites that are measured into `sites`.
    pub async fn open(config: &Config, clock: Clock, sites: Arc<ArcSwap<Sites>>) -> anyhow::Result<Self> {
        let settings = Settings::open(&config.database, clock).await?;
        adopt_zones(&settings, &config.data).await?;
        let (configured, region) = (config.sites.clone(), config.region.clone());
        let revision = Arc::default();
        let mut measured = Self { settings, configured, region, seen: Revision::default(), sites, revision };
        let left_out = measured.take(measured.settings.sites().await?).await?;
        // A running server goes on without such a site; a start can still be mended.
        anyhow::ensure!(left_out.is_empty(), "{}", left_out.join("\n"));
        Ok(measured)
    }

    /// Tells which revision of the settings is measured by, for as long as it is followed.
    pub fn revision(&self) -> Arc<AtomicI64> {
        Arc::clone(&self.revision)
    }

    /// The settings themselves, for whoever reads more of them than the sites.
    pub fn settings(&self) -> Settings {
        self.settings.clone()
    }

    /// Follows the changes of the database for as long as the process runs.
    pub async fn follow(mut self) {
        let mut away = false;
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            match self.look().await {
                Ok(left_out) => {
                    left_out.iter().for_each(|why| tracing::error!("{why}; it is not measured"));
                    if std::mem::take(&mut away) {
                        tracing::info!("the settings can be read again");
                    }
                }
                Err(error) if !away => {
                    tracing::error!(error = %error, "the settings cannot be read; the sites stay as they are, and it is tried again");
                    away = true;
                }
                Err(_) => {}
            }
        }
    }

    async fn look(&mut self) -> anyhow::Result<Vec<String>> {
        if self.settings.revision().await? == self.seen {
            return Ok(Vec::new());
        }
        self.take(self.settings.sites().await?).await
    }

    /// Measures by a new list; returns why some of it is left out.
    async fn take(&mut self, list: SiteList) -> anyhow::Result<Vec<String>> {
        let revision = list.revision;
        let (mut sites, left_out) = merged(&self.configured, list, self.region.as_deref());
        // Where they changed since the sites were read, the revision tells at the next look.
        let counted_by = self.settings.counted_by().await?;
        counted_by.unreadable.iter().for_each(|why| tracing::error!("{why}; nothing is counted by it"));
        define(&mut sites, counted_by);
        let sites = self.settings.settle(sites).await?;
        tracing::info!(%revision, sites = sites.len(), "measuring the sites of this revision");
        self.sites.store(Arc::new(sites));
        self.revision.store(revision.0, Ordering::Release);
        self.seen = revision;
        Ok(left_out)
    }
}

/// The sites that a command without a server has to know, as they are now. It makes no database.
pub fn once(config: &Config, clock: Clock) -> anyhow::Result<Sites> {
    if matches!(&config.database, Location::Sqlite(path) if !path.exists()) {
        return Ok(config.sites.clone());
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (list, counted_by) = runtime.block_on(async {
        let settings = Settings::open(&config.database, clock).await?;
        Ok::<_, SettingsError>((settings.sites().await?, settings.counted_by().await?))
    })?;
    let (mut sites, left_out) = merged(&config.sites, list, config.region.as_deref());
    anyhow::ensure!(left_out.is_empty(), "{}", left_out.join("\n"));
    define(&mut sites, counted_by);
    Ok(sites.into_iter().collect())
}

/// Gives each site what its hits are counted by, also one of the configuration.
fn define(sites: &mut [Site], mut counted_by: CountedBy) {
    for site in sites {
        site.definitions = counted_by.sites.remove(&site.domain).unwrap_or_default();
    }
}

/// Both sources in one, and what is left out of the database's and why.
fn merged(configured: &Sites, list: SiteList, region: Option<&str>) -> (Vec<Site>, Vec<String>) {
    let unreadable = list.unreadable.into_iter().filter(|site| configured.get(&site.domain).is_none());
    let mut left_out: Vec<String> = unreadable
        .map(|site| format!("site {}: this version cannot read its settings: {}", site.domain, site.reason))
        .collect();
    let mut sites: Vec<Site> = configured.iter().map(|site| Site::clone(site)).collect();
    for mut site in list.sites.into_iter().map(|stored| stored.site) {
        if configured.get(site.domain.as_str()).is_some() {
            tracing::warn!(site = %site.domain, "the configuration has it too, so what the settings database says of it does not hold");
        } else if let Err(why) = config::keep_region(&mut site, region) {
            left_out.push(why);
        } else {
            sites.push(site);
        }
    }
    (sites, left_out)
}

/// Takes over the zones that versions without a settings database remembered in `timezones.json`.
async fn adopt_zones(settings: &Settings, data: &Path) -> anyhow::Result<()> {
    let path = data.join("timezones.json");
    let zones: BTreeMap<String, CountedZone> = match fs::read(&path) {
        Ok(bytes) => serde_json::from_slice(&bytes).with_context(|| {
            format!("{} is damaged: remove it if no site's time zone was changed today", path.display())
        })?,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
    };
    settings.adopt_zones(&zones).await?;
    // Taking it over again would change nothing, so that a crash before this line is no harm.
    fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))?;
    tracing::info!(sites = zones.len(), "the time zones of timezones.json are in the settings database now");
    Ok(())
}

#[cfg(test)]
mod tests {
    use model::{Domain, FormerZone, Millis};
    use settings::Expected;

    use super::*;

    const HOUR: i64 = 3_600_000;
    /// 2026-06-01T17:00Z.
    const NOW: Millis = Millis(20_605 * 24 * HOUR + 17 * HOUR);

    fn config(data: &Path, sites: &str) -> Config {
        let file = data.join("footfall.toml");
        fs::write(&file, sites).unwrap();
        let overrides = config::Overrides::data(Some(data.to_owned()));
        config::load(Some(&file), &BTreeMap::new(), overrides).unwrap()
    }

    fn site(name: &str) -> Site {
        Site::new(Domain::parse(name).unwrap())
    }

    async fn start(config: &Config) -> anyhow::Result<(Measured, Arc<ArcSwap<Sites>>)> {
        let sites = Arc::default();
        let measured = Measured::open(config, Clock::new(|| NOW), Arc::clone(&sites)).await?;
        Ok((measured, sites))
    }

    #[tokio::test]
    async fn the_configurations_site_holds_and_the_databases_are_followed() {
        let data = tempfile::tempdir().unwrap();
        let config = config(data.path(), "[[site]]\ndomain = \"a.example\"\nmode = \"minimal\"\n");
        let (mut measured, sites) = start(&config).await.unwrap();
        for name in ["a.example", "b.example"] {
            measured.settings.put_site(&site(name), Expected::Nothing, "test").await.unwrap();
        }
        assert_eq!(sites.load().len(), 1);
        assert!(measured.look().await.unwrap().is_empty());
        assert_eq!((sites.load().len(), sites.load().get("a.example").unwrap().mode), (2, model::Mode::Minimal));
        measured.settings.remove_site(&site("b.example").domain, Expected::Anything, "test").await.unwrap();
        measured.look().await.unwrap();
        assert_eq!(sites.load().len(), 1);
    }

    #[tokio::test]
    async fn a_site_of_another_region_stops_the_start_and_is_left_out_of_a_running_server() {
        let data = tempfile::tempdir().unwrap();
        let config = config(data.path(), "region = \"EU\"\n");
        let (mut measured, sites) = start(&config).await.unwrap();
        let mut elsewhere = site("jp.example");
        elsewhere.notice.region = Some("JP".to_owned());
        for site in [&elsewhere, &site("eu.example")] {
            measured.settings.put_site(site, Expected::Nothing, "test").await.unwrap();
        }
        let left_out = measured.look().await.unwrap();
        assert!(left_out[0].contains("jp.example: it declares its data in the region JP"), "{left_out:?}");
        assert_eq!(sites.load().iter().next().unwrap().notice.region.as_deref(), Some("EU"));
        assert_eq!(sites.load().len(), 1);
        assert!(start(&config).await.err().unwrap().to_string().contains("jp.example"));
    }

    #[tokio::test]
    async fn the_zones_of_an_older_version_go_on_counting() {
        let data = tempfile::tempdir().unwrap();
        let config = config(data.path(), "[[site]]\ndomain = \"a.example\"\ntimezone = \"Asia/Tokyo\"\n");
        let old = r#"{ "a.example": { "timezone": "UTC", "before": null } }"#;
        fs::write(data.path().join("timezones.json"), old).unwrap();
        let utc = FormerZone { timezone: "UTC".to_owned(), until: NOW.plus(7 * HOUR) };
        for _ in 0..2 {
            let (_, sites) = start(&config).await.unwrap();
            assert_eq!(sites.load().get("a.example").unwrap().timezone_before.as_ref(), Some(&utc));
            assert!(!data.path().join("timezones.json").exists());
        }
    }

    #[tokio::test]
    async fn a_damaged_file_is_an_error_that_says_what_to_do() {
        let data = tempfile::tempdir().unwrap();
        let config = config(data.path(), "");
        fs::write(data.path().join("timezones.json"), "{").unwrap();
        let error = start(&config).await.err().unwrap();
        assert!(error.to_string().contains("remove it if"), "{error}");
    }

    #[test]
    fn a_command_makes_no_database() {
        let data = tempfile::tempdir().unwrap();
        let config = config(data.path(), "[[site]]\ndomain = \"a.example\"\n");
        assert_eq!(once(&config, Clock::new(|| NOW)).unwrap().len(), 1);
        assert!(!data.path().join("settings.sqlite").exists());
    }
}
