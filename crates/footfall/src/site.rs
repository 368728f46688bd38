//! `footfall site`: the sites of the settings database, from a terminal. Settings are read and checked by the table that reads
//! a `[[site]]` of the configuration file.

use clap::{Args, Subcommand};
use model::{Domain, Site};
use serde_json::{Value, json};
use settings::{Expected, Revision, SettingsError, StoredSite};

use crate::administer::{domain, open, say, who};
use crate::config::{self, Config};
use crate::failure::Failure;
use crate::output;

/// Attempts at a change that others keep getting ahead of.
const ATTEMPTS_MAX: u32 = 10;

/// What `footfall site` does.
#[derive(Subcommand)]
pub enum Does {
    /// Show all sites: those of the settings database and those of the configuration
    List,
    /// Add a site; a running server measures it within seconds
    Add(Add),
    /// Change settings of a site
    Set(Set),
    /// Remove a site and its definitions; its counts stay for as long as the installation keeps them
    Remove {
        /// The site's name
        domain: String,
    },
}

#[derive(Args)]
pub struct Add {
    /// The site's name, such as example.com
    domain: String,
    /// Zone whose midnight ends the site's days [default: UTC]
    #[arg(long, value_name = "TZ")]
    timezone: Option<String>,
    /// What applies without any signal: off, minimal, exempt or full [default: full]
    #[arg(long, value_name = "MODE")]
    mode: Option<String>,
    /// Further settings; values as in the configuration file, the quotes of a plain text left out
    #[arg(value_name = "SETTING=VALUE")]
    values: Vec<String>,
}

#[derive(Args)]
pub struct Set {
    /// The site's name
    domain: String,
    /// Settings; values as in the configuration file, the quotes of a plain text left out
    #[arg(value_name = "SETTING=VALUE", required = true)]
    values: Vec<String>,
}

/// Does what was asked.
pub async fn run(config: &Config, does: &Does, as_json: bool) -> Result<(), Failure> {
    match does {
        Does::List => list(config, as_json).await,
        Does::Add(asked) => {
            let named = [("timezone", &asked.timezone), ("mode", &asked.mode)];
            let named =
                named.into_iter().filter_map(|(key, value)| value.as_ref().map(|value| format!("{key}={value}")));
            let values: Vec<String> = named.chain(asked.values.iter().cloned()).collect();
            add(config, &ours(config, &asked.domain)?, &values, as_json).await
        }
        Does::Set(asked) => set(config, &ours(config, &asked.domain)?, &asked.values, as_json).await,
        Does::Remove { domain } => remove(config, &ours(config, domain)?, as_json).await,
    }
}

/// The name of a site that may be changed here.
fn ours(config: &Config, text: &str) -> Result<Domain, Failure> {
    let domain = domain(text)?;
    if config.sites.get(domain.as_str()).is_some() {
        return Err(Failure::Failed(anyhow::anyhow!(
            "{domain} is in the configuration, which holds over the settings database: change it there, or take it out of there first"
        )));
    }
    Ok(domain)
}

#[expect(clippy::print_stderr, reason = "what is left out of the list")]
async fn list(config: &Config, as_json: bool) -> Result<(), Failure> {
    let list = open(config).await?.sites().await.map_err(anyhow::Error::from)?;
    let configured = config.sites.iter().map(|site| (Site::clone(site), None));
    let stored = list.sites.into_iter().filter(|stored| config.sites.get(stored.site.domain.as_str()).is_none());
    let mut all: Vec<_> =
        configured.chain(stored.map(|StoredSite { site, revision }| (site, Some(revision)))).collect();
    all.sort_by(|(one, _), (next, _)| one.domain.cmp(&next.domain));
    for site in list.unreadable {
        eprintln!("site {} is not measured: this version cannot read its settings: {}", site.domain, site.reason);
    }
    if as_json {
        let sites = all.iter().map(|(site, revision)| shown(site, *revision)).collect::<Value>();
        return output::json(&sites);
    }
    all.iter().try_for_each(|(site, revision)| {
        let from = if revision.is_some() { "settings database" } else { "configuration" };
        let (domain, zone, mode) = (site.domain.as_str(), &site.timezone, site.mode.as_str());
        output::line(format_args!("{domain:<30} {zone:<20} {mode:<8} {from}"))
    })
}

async fn add(config: &Config, domain: &Domain, values: &[String], as_json: bool) -> Result<(), Failure> {
    let site = changed(&Site::new(domain.clone()), values, config)?;
    let put = open(config).await?.put_site(&site, Expected::Nothing, &who()).await;
    let revision = put.map_err(|error| match error {
        SettingsError::Conflict { .. } => {
            anyhow::anyhow!("{domain} is there already: change it with footfall site set {domain} SETTING=VALUE")
        }
        other => other.into(),
    })?;
    say(as_json, &shown(&site, Some(revision)), &format!("{domain} added"))
}

async fn set(config: &Config, domain: &Domain, values: &[String], as_json: bool) -> Result<(), Failure> {
    let settings = open(config).await?;
    for attempt in 1.. {
        let stored = settings.site(domain).await.map_err(anyhow::Error::from)?;
        let stored = stored.ok_or_else(|| missing(domain))?;
        let site = changed(&stored.site, values, config)?;
        match settings.put_site(&site, Expected::Revision(stored.revision), &who()).await {
            Ok(revision) => return say(as_json, &shown(&site, Some(revision)), &format!("{domain} changed")),
            // Somebody else changed it between: what was asked is applied to what it is now.
            Err(SettingsError::Conflict { .. }) if attempt < ATTEMPTS_MAX => {}
            Err(error) => return Err(Failure::Failed(error.into())),
        }
    }
    Ok(())
}

async fn remove(config: &Config, domain: &Domain, as_json: bool) -> Result<(), Failure> {
    let removed = open(config).await?.remove_site(domain, Expected::Anything, &who()).await;
    let revision = removed.map_err(|error| match error {
        SettingsError::Conflict { .. } => missing(domain),
        other => other.into(),
    })?;
    say(as_json, &json!({ "domain": domain, "removed": true, "revision": revision.0 }), &format!("{domain} removed"))
}

/// The site with `SETTING=VALUE`s applied, all mistakes at once.
fn changed(site: &Site, values: &[String], config: &Config) -> Result<Site, Failure> {
    let mut site = site.clone();
    let mistakes: Vec<String> = values.iter().filter_map(|value| apply(&mut site, value).err()).collect();
    if !mistakes.is_empty() {
        return Err(Failure::Usage(mistakes.join("\n")));
    }
    config::keep_region(&mut site.clone(), config.region.as_deref()).map_err(anyhow::Error::msg)?;
    Ok(site)
}

fn apply(site: &mut Site, said: &str) -> Result<(), String> {
    let (key, text) = said.split_once('=').ok_or_else(|| format!("{said} is not SETTING=VALUE"))?;
    let setting = config::site_setting(key.trim())?;
    let text = text.trim();
    // A value as the file has it, or else a text whose quotes were left out.
    let value = format!("value = {text}").parse::<toml::Table>().ok().and_then(|mut table| table.remove("value"));
    let mut trial = site.clone();
    let as_value = value.is_some_and(|value| setting.apply(&mut trial, &value).is_ok());
    if !as_value {
        trial = site.clone();
        setting.apply(&mut trial, &toml::Value::String(text.to_owned()))?;
    }
    *site = trial;
    Ok(())
}

fn missing(domain: &Domain) -> anyhow::Error {
    anyhow::anyhow!(
        "no site {domain} is in the settings database: footfall site list shows those that are, footfall site add {domain} adds it"
    )
}

/// A site as `--json` shows it: its definition, where it comes from, and its last change.
fn shown(site: &Site, revision: Option<Revision>) -> Value {
    let mut value = serde_json::to_value(site).unwrap_or_default();
    if let Some(fields) = value.as_object_mut() {
        fields.remove("timezone_before");
        let source = if revision.is_some() { "database" } else { "configuration" };
        fields.insert("source".to_owned(), source.into());
        fields.insert("revision".to_owned(), revision.map(|revision| revision.0).into());
    }
    value
}

#[cfg(test)]
mod tests {
    use model::{AddressPrecision, Mode};

    use super::*;

    fn with(values: &[&str]) -> Result<Site, String> {
        let mut site = Site::new(Domain::parse("example.com").unwrap());
        values.iter().try_for_each(|value| apply(&mut site, value))?;
        Ok(site)
    }

    #[test]
    fn values_are_read_as_in_the_file_or_as_plain_texts() {
        let site = with(&[
            "mode=minimal",
            "mode=\"exempt\"",
            "timezone=Asia/Tokyo",
            "public=true",
            "visitors_min=20",
            "address=network",
            "signals={ gpc = \"off\" }",
            "redact_paths=[\"/orders/*\"]",
            "controller=2026",
            "purpose=a = b",
        ])
        .unwrap();
        assert_eq!((site.mode, site.timezone.as_str(), site.public), (Mode::Exempt, "Asia/Tokyo", true));
        assert_eq!((site.visitors_min, site.address, site.signals.gpc), (20, AddressPrecision::Network, Mode::Off));
        assert_eq!(site.redact_paths, ["/orders/*"]);
        assert_eq!((site.notice.controller.as_deref(), site.notice.purpose.as_deref()), (Some("2026"), Some("a = b")));
    }

    #[test]
    fn what_is_not_understood_is_said() {
        for (value, said) in [
            ("mode", "SETTING=VALUE"),
            ("mood=full", "did you mean `mode`"),
            ("mode=most", "mode \"most\" is not off, minimal, exempt or full"),
            ("domain=other.com", "unknown setting `domain`"),
            ("timezone=Mars/Olympus", "IANA"),
            ("signals={ gpc = \"full\" }", "signals"),
        ] {
            let error = with(&[value]).unwrap_err();
            assert!(error.contains(said), "{value}: {error}");
        }
    }
}
