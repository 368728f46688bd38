//! What the commands over the settings database share (`footfall site`, `goal`, `segment`, `funnel`, `user`, `token`, `share`, `report`): how they are
//! asked, how the database is opened, who is noted in its audit log, and how it is said what was done.

use clap::{Args, Subcommand};
use model::{Domain, Site};
use serde_json::Value;
use settings::{Location, Reach, Settings, SettingsError};

use crate::config::{Common, Config};
use crate::failure::Failure;
use crate::{clock, output};

/// What is asked of one of them; the options may stand before or behind what is to be done.
#[derive(Args)]
pub struct Asked<Does: Subcommand> {
    #[command(flatten)]
    pub common: Common,
    /// Print JSON on standard output
    #[arg(long, global = true)]
    pub json: bool,
    #[command(subcommand)]
    pub does: Does,
}

/// Opens the settings, making what is missing of them.
pub async fn open(config: &Config) -> Result<Settings, Failure> {
    if let Location::Sqlite(path) = &config.database
        && let Some(directory) = path.parent()
    {
        let context = || format!("cannot make the directory {}", directory.display());
        std::fs::create_dir_all(directory).map_err(|error| anyhow::Error::from(error).context(context()))?;
    }
    Ok(Settings::open(&config.database, clock::system()).await.map_err(anyhow::Error::from)?)
}

/// For the audit log: a name could be anybody's, the number is the system's.
pub fn who() -> String {
    format!("command line, user {}", rustix::process::getuid().as_raw())
}

/// A site's name on the command line.
pub fn domain(text: &str) -> Result<Domain, Failure> {
    Domain::parse(text).map_err(|error| Failure::Usage(format!("{text:?}: {error}")))
}

/// The settings, and a site of theirs or of the configuration.
pub async fn known(config: &Config, text: &str) -> Result<(Settings, Site), Failure> {
    let domain = domain(text)?;
    let settings = open(config).await?;
    if let Some(site) = config.sites.get(domain.as_str()) {
        return Ok((settings, Site::clone(site)));
    }
    let stored = settings.site(&domain).await.map_err(anyhow::Error::from)?;
    let missing = || {
        anyhow::anyhow!(
            "no site {domain} is measured: footfall site list shows those that are, footfall site add {domain} adds it \
             (one that footfall serve was given by --site is that process's own)"
        )
    };
    let site = stored.ok_or_else(missing)?.site;
    Ok((settings, site))
}

/// Refuses what would hold at a site that nobody measures. Where the settings are in PostgreSQL and no site is configured here, the
/// configuration that names it may be on the dashboard's machine alone: then it is only said.
pub async fn must_be_measured(
    config: &Config,
    settings: &Settings,
    reaches: impl IntoIterator<Item = &Reach>,
) -> Result<(), Failure> {
    let unknown = reaches.into_iter().filter_map(Reach::site).filter(|site| config.sites.get(site.as_str()).is_none());
    let unknown: Vec<&Domain> = unknown.collect();
    if unknown.is_empty() {
        return Ok(());
    }
    let list = settings.sites().await.map_err(anyhow::Error::from)?;
    let known: Vec<&str> = config.sites.iter().map(|site| site.domain.as_str()).chain(list.names()).collect();
    let Some(site) = unknown.into_iter().find(|site| !known.contains(&site.as_str())) else { return Ok(()) };
    let said = dashboard::unknown_site(site, known.iter().copied());
    if config.sites.is_empty() && matches!(config.database, Location::Postgres { .. }) {
        tracing::warn!(
            "{said}, as far as is seen here: it is done all the same, since the dashboards' configuration may name it"
        );
        return Ok(());
    }
    Err(Failure::Failed(anyhow::anyhow!(
        "{said} (footfall site list shows those that are, footfall site add {site} adds it; one that footfall serve was given by --site \
         is that process's own: FOOTFALL_SITES={site} names it here)"
    )))
}

/// What the settings took; what they refuse was asked for wrongly.
pub fn taken<T>(done: Result<T, SettingsError>) -> Result<T, Failure> {
    done.map_err(|error| match error {
        SettingsError::Refused(why) => Failure::Usage(why),
        error => Failure::Failed(error.into()),
    })
}

/// A word of the command line that the settings would not take.
pub fn usage(error: SettingsError) -> Failure {
    Failure::Usage(error.to_string())
}

/// Says what was done.
pub fn say(as_json: bool, value: &Value, words: &str) -> Result<(), Failure> {
    match as_json {
        true => output::json(value),
        false => output::line(words),
    }
}
