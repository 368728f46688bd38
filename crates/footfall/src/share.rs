//! `footfall share`: links that show reports of a site without an account, from a terminal. A link is printed when it is made, and
//! never again; one that is lost is made anew.

use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, Subcommand};
use dashboard::utc_day_label;
use serde_json::{Value, json};
use settings::{Kind, Origin, Report, Reports, SecretDigest, Settings, Share, ShareTerms};

use crate::administer::{known, say, taken, usage, who};
use crate::clock;
use crate::config::{Config, without_line_end};
use crate::failure::Failure;
use crate::output;

/// What `footfall share` does.
#[derive(Subcommand)]
pub enum Does {
    /// Show a site's shared links, without their secrets
    List {
        /// The site's name
        domain: String,
    },
    /// Share reports of a site and print the link, this once
    Add(Add),
    /// Print another link for a share; the one before opens nothing any more
    Renew(Named),
    /// Take a shared link back
    Remove(Named),
}

#[derive(Args)]
pub struct Named {
    /// The site's name
    domain: String,
    /// The share's id, as the list shows it
    id: String,
    #[command(flatten)]
    at: At,
}

#[derive(Args)]
pub struct Add {
    /// The site's name
    domain: String,
    /// What the share is called, also to whoever follows the link
    name: String,
    /// A report to show: overview, sources, pages, places, campaigns, devices, systems, events, funnels, flows, vitals, live or ledger; may be given several times
    /// [default: all of them]
    #[arg(long = "report", value_name = "REPORT")]
    reports: Vec<String>,
    /// Show the counts of this segment alone
    #[arg(long, value_name = "NAME")]
    segment: Option<String>,
    /// Let tables be taken away
    #[arg(long)]
    export: bool,
    /// An origin whose pages may show it in a frame, such as https://intranet.example; may be given several times
    #[arg(long = "embed", value_name = "ORIGIN")]
    origins: Vec<String>,
    /// How many days the link opens anything [default: until it is removed]
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(i64).range(1..=3650))]
    days: Option<i64>,
    /// The file that holds a password which the link takes; one line end after it is ignored [default: no password]
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    #[command(flatten)]
    at: At,
}

/// Where the dashboard is found.
#[derive(Args)]
pub struct At {
    /// The dashboard's address, to print the link whole [default: http:// and the address it listens on]
    #[arg(long, value_name = "URL")]
    url: Option<String>,
}

impl At {
    fn link(&self, config: &Config, path: &str) -> String {
        let base = self.url.clone().unwrap_or_else(|| format!("http://{}", config.listen));
        format!("{}{path}", base.trim_end_matches('/'))
    }
}

/// Does what was asked.
pub async fn run(config: &Config, does: &Does, as_json: bool) -> Result<(), Failure> {
    match does {
        Does::List { domain } => list(config, domain, as_json).await,
        Does::Add(asked) => Box::pin(add(config, asked, as_json)).await,
        Does::Renew(asked) => renew(config, asked, as_json).await,
        Does::Remove(asked) => remove(config, asked, as_json).await,
    }
}

async fn list(config: &Config, domain: &str, as_json: bool) -> Result<(), Failure> {
    let (settings, site) = known(config, domain).await?;
    let shares = settings.shares(&site.domain).await.map_err(anyhow::Error::from)?;
    if as_json {
        return output::json(&shares.iter().map(shown).collect());
    }
    if site.public {
        let domain = &site.domain;
        output::line(format_args!("{domain} is public: whoever has the dashboard's address reads all of its reports"))?;
    }
    for share in &shares {
        let ShareTerms { name, reports, segment, expires, .. } = &share.terms;
        let what = match reports {
            Reports::All => "everything".to_owned(),
            Reports::These(_) => reports.words().join(" "),
        };
        let segment = segment.as_ref().map_or(String::new(), |segment| format!(" of segment {segment}"));
        let password = if share.has_password { ", password" } else { "" };
        let (expires, used) = (expires.map_or("never".to_owned(), |at| utc_day_label(at.day())), used(share));
        let id = &share.id;
        output::line(format_args!("{id:<16} {name:<30} {what}{segment}{password}; expires {expires}, used {used}"))?;
    }
    Ok(())
}

async fn add(config: &Config, asked: &Add, as_json: bool) -> Result<(), Failure> {
    let (settings, site) = known(config, &asked.domain).await?;
    let terms = terms(asked)?;
    if let Some(segment) = &terms.segment {
        must_have(&settings, &site.domain, segment).await?;
        dashboard::check_share(&terms).map_err(Failure::Usage)?;
    }
    let password = match &asked.password_file {
        None => None,
        Some(file) => {
            let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
            let given = without_line_end(&text);
            let known = [site.domain.as_str(), asked.name.as_str()];
            dashboard::password::check(given, known).map_err(|weak| Failure::Usage(weak.to_string()))?;
            Some(dashboard::password::hash(given).map_err(anyhow::Error::from)?)
        }
    };
    let secret = secret()?;
    let link = SecretDigest::of(&secret);
    let kept = taken(settings.add_share(&site.domain, (&link, password.as_ref()), &terms, &who()).await)?;
    print_link(config, &kept, &secret, &asked.at, as_json)
}

async fn renew(config: &Config, asked: &Named, as_json: bool) -> Result<(), Failure> {
    let (settings, site) = known(config, &asked.domain).await?;
    let secret = secret()?;
    let renewed = settings.renew_share((&site.domain, &asked.id), &SecretDigest::of(&secret), &who()).await;
    let kept = renewed.map_err(anyhow::Error::from)?.ok_or_else(|| missing(asked))?;
    print_link(config, &kept, &secret, &asked.at, as_json)
}

async fn remove(config: &Config, asked: &Named, as_json: bool) -> Result<(), Failure> {
    let (settings, site) = known(config, &asked.domain).await?;
    let removed = settings.remove_share(&site.domain, &asked.id, &who()).await.map_err(anyhow::Error::from)?;
    let share = removed.ok_or_else(|| missing(asked))?;
    let words = format!("{} taken back: its link opens nothing any more", share.id);
    say(as_json, &json!({ "id": share.id, "removed": true }), &words)
}

fn terms(asked: &Add) -> Result<ShareTerms, Failure> {
    let reports = match asked.reports.as_slice() {
        [] => Reports::All,
        words => {
            let read = words.iter().map(|word| Report::parse(word));
            Reports::These(read.collect::<Result<_, _>>().map_err(usage)?)
        }
    };
    let origins = asked.origins.iter().map(|origin| Origin::parse(origin)).collect::<Result<_, _>>().map_err(usage)?;
    let expires = asked.days.map(|days| clock::system().now().plus_days(days));
    let (name, segment) = (asked.name.clone(), asked.segment.clone());
    Ok(ShareTerms { name, reports, segment, export: asked.export, origins, expires })
}

/// A share of a segment that is not there would show nothing.
async fn must_have(settings: &Settings, site: &model::Domain, segment: &str) -> Result<(), Failure> {
    let list = settings.definitions(Some(Kind::Segment), Some(site)).await.map_err(anyhow::Error::from)?;
    let mut present = list.definitions.iter().filter(|stored| stored.is_present());
    if present.any(|stored| stored.definition.name == segment) {
        return Ok(());
    }
    let said = format!("{site} has no segment {segment:?}: footfall segment list {site} shows those it has");
    Err(Failure::Usage(said))
}

fn secret() -> Result<String, Failure> {
    let no_random = || anyhow::anyhow!("the operating system gave no random bytes");
    Ok(dashboard::link_secret().ok_or_else(no_random)?)
}

fn missing(asked: &Named) -> anyhow::Error {
    let Named { domain, id, .. } = asked;
    anyhow::anyhow!("{domain} has no shared link {id}: footfall share list {domain} shows those it has")
}

#[expect(clippy::print_stderr, reason = "what stands on standard output are the links alone")]
fn print_link(config: &Config, share: &Share, secret: &str, at: &At, as_json: bool) -> Result<(), Failure> {
    let link = at.link(config, &dashboard::link(&share.id, secret));
    let framed = !share.terms.origins.is_empty();
    let embed = framed.then(|| at.link(config, &dashboard::embed(&share.id, secret)));
    if as_json {
        let mut value = shown(share);
        if let Some(fields) = value.as_object_mut() {
            fields.insert("link".to_owned(), link.into());
            fields.extend(embed.map(|embed| ("embed".to_owned(), embed.into())));
        }
        return output::json(&value);
    }
    eprintln!("shared link {}, shown this once:", share.id);
    output::line(link)?;
    let Some(embed) = embed else { return Ok(()) };
    eprintln!("for a frame:");
    output::line(embed)
}

fn used(share: &Share) -> String {
    share.used_day.map_or("never".to_owned(), utc_day_label)
}

fn shown(share: &Share) -> Value {
    let ShareTerms { name, reports, segment, export, origins, expires } = &share.terms;
    json!({
        "id": share.id,
        "site": share.site,
        "name": name,
        "reports": match reports {
            Reports::All => Value::Null,
            Reports::These(_) => reports.words().into(),
        },
        "segment": segment,
        "export": export,
        "origins": origins.iter().map(Origin::as_str).collect::<Vec<_>>(),
        "expires": expires.map(|at| utc_day_label(at.day())),
        "password": share.has_password,
        "made_by": share.made_by,
        "used_on": share.used_day.map(utc_day_label),
    })
}
