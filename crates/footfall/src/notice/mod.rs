//! `footfall notice`: a site's privacy notice and record of processing, as its configuration makes them.
//!
//! What a visitor's page would say is written to standard output; what the operator has not configured yet is named on
//! standard error, and under `missing` in the JSON form, because a visitor has no use for it.

mod measure;

use anyhow::Context;
use clap::{Args, ValueEnum};
use model::{Domain, Site, Sites};
use privacy::notice::facts::Facts;
use privacy::notice::{Language, notice};
use serde_json::{Value, json};

use crate::config::{Common, Config};
use crate::failure::Failure;
use crate::output;
pub use measure::{Running, facts, mode_of};

/// `footfall notice`.
#[derive(Args)]
pub struct Asked {
    #[command(flatten)]
    pub common: Common,
    /// The site; may be left out where only one is configured
    #[arg(long, value_name = "DOMAIN")]
    pub site: Option<String>,
    /// In which language
    #[arg(long, value_name = "NAME", default_value = "en")]
    pub lang: Lang,
    /// In which form: an <article> for a page, Markdown, or JSON with the record of processing
    #[arg(long, value_name = "NAME", default_value = "md")]
    pub format: Form,
}

/// A language, as it is asked for.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Lang {
    /// English.
    En,
    /// Japanese.
    Ja,
}

/// A form of the notice.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// An `<article>`.
    Html,
    /// Markdown.
    Md,
    /// JSON, with the record of processing.
    Json,
}

/// Prints the notice.
#[expect(clippy::print_stderr, reason = "what is missing is no part of the notice")]
pub fn run(config: &Config, asked: &Asked) -> Result<(), Failure> {
    let sites = crate::measured::once(config, crate::clock::system())?;
    let site = chosen(&sites, asked.site.as_deref()).map_err(Failure::Usage)?;
    let running =
        Running::of(config, crate::assets::tables(config).context("cannot tell what is looked up")?.geo.is_some());
    let facts = facts(site, running);
    let language = match asked.lang {
        Lang::En => Language::English,
        Lang::Ja => Language::Japanese,
    };
    let notice = notice(&facts, language);
    let printed = match asked.format {
        Form::Html => output::write(&notice.html()),
        Form::Md => output::write(&notice.markdown()),
        Form::Json => output::json(&with_missing(notice.json(&facts), &facts)),
    };
    for missing in facts.missing() {
        eprintln!("missing for {}: {} (setting `{}` of the site)", facts.site, missing.says, missing.setting);
    }
    printed
}

fn with_missing(mut notice: Value, facts: &Facts) -> Value {
    let missing =
        facts.missing().into_iter().map(|missing| json!({ "setting": missing.setting, "says": missing.says }));
    if let Some(notice) = notice.as_object_mut() {
        notice.insert("missing".to_owned(), missing.collect());
    }
    notice
}

/// The site that is meant, or what to type.
fn chosen<'s>(sites: &'s Sites, asked: Option<&str>) -> Result<&'s Site, String> {
    let known = || sites.iter().map(|site| site.domain.to_string()).collect::<Vec<_>>().join(", ");
    match asked {
        Some(name) => {
            Domain::parse(name).map_err(|error| format!("--site {name}: {error}"))?;
            let none = || format!("{name} is not configured; configured are: {}", known());
            sites.get(name).map(AsRef::as_ref).ok_or_else(none)
        }
        None => {
            let mut all = sites.iter();
            match (all.next(), all.next()) {
                (Some(only), None) => Ok(only.as_ref()),
                (None, _) => Err("no site is configured: name the configuration with --config FILE".to_owned()),
                (Some(_), Some(_)) => Err(format!("which site? give --site with one of: {}", known())),
            }
        }
    }
}
