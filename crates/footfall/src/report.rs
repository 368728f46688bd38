//! `footfall report`: reports of a site by e-mail, from a terminal. Who gets one is kept in the settings database; a running dashboard
//! sends them.

use bytes::Bytes;
use clap::{Args, Subcommand};
use dashboard::utc_day_label;
use serde_json::{Value, json};
use settings::{Address, Mailing, MailingTerms, Rhythm, SecretDigest, Tongue};

use crate::administer::{known, say, taken, usage, who};
use crate::client::Client;
use crate::config::Config;
use crate::failure::Failure;
use crate::output;

/// What `footfall report` does.
#[derive(Subcommand)]
pub enum Does {
    /// Show a site's reports by e-mail
    List {
        /// The site's name
        domain: String,
    },
    /// Send a report by e-mail, from the next period that ends on
    Add(Add),
    /// Send a report no more
    Remove {
        /// The site's name
        domain: String,
        /// The report's id, as the list shows it
        id: String,
    },
    /// Let a running dashboard send the last period's report now, as a test, with the token in FOOTFALL_TOKEN; what is due is sent all the same
    Send(Send),
}

#[derive(Args)]
pub struct Add {
    /// The site's name
    domain: String,
    /// weekly (of Monday to Sunday) or monthly
    rhythm: String,
    /// Who gets it; one address or several
    #[arg(value_name = "ADDRESS", required = true)]
    recipients: Vec<String>,
    /// The hour of the site's day
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u8).range(0..=23))]
    hour: u8,
    /// en or ja
    #[arg(long, default_value = "en")]
    language: String,
}

#[derive(Args)]
pub struct Send {
    /// The site's name
    domain: String,
    /// The report's id, as the list shows it
    id: String,
    /// The dashboard's address [default: http:// and the address it listens on]
    #[arg(long, value_name = "URL", env = "FOOTFALL_URL")]
    url: Option<String>,
    /// API token
    #[arg(long, value_name = "TOKEN", env = "FOOTFALL_TOKEN", hide_env_values = true)]
    token: Option<String>,
}

/// Does what was asked.
pub async fn run(config: &Config, does: &Does, as_json: bool) -> Result<(), Failure> {
    match does {
        Does::List { domain } => list(config, domain, as_json).await,
        Does::Add(asked) => Box::pin(add(config, asked, as_json)).await,
        Does::Remove { domain, id } => remove(config, (domain, id), as_json).await,
        Does::Send(asked) => Box::pin(send(config, asked, as_json)).await,
    }
}

async fn list(config: &Config, domain: &str, as_json: bool) -> Result<(), Failure> {
    let (settings, site) = known(config, domain).await?;
    let mailings = settings.mailings(Some(&site.domain)).await.map_err(anyhow::Error::from)?;
    if as_json {
        return output::json(&mailings.iter().map(shown).collect());
    }
    for Mailing { id, terms, recipients, .. } in &mailings {
        let addresses: Vec<_> = recipients.iter().map(|recipient| recipient.address.as_str()).collect();
        let (rhythm, language) = (terms.rhythm.as_str(), terms.language.as_str());
        let (hour, addresses) = (terms.hour, addresses.join(" "));
        output::line(format_args!("{id:<16} {rhythm:<8} at {hour:02}:00 in {language}: {addresses}"))?;
    }
    Ok(())
}

async fn add(config: &Config, asked: &Add, as_json: bool) -> Result<(), Failure> {
    let rhythm = Rhythm::parse(&asked.rhythm).map_err(usage)?;
    let language = Tongue::parse(&asked.language).map_err(usage)?;
    let terms = MailingTerms { rhythm, hour: asked.hour, language };
    let secret =
        || dashboard::unsubscribe_secret().ok_or_else(|| anyhow::anyhow!("the operating system gave no random bytes"));
    let mut recipients = Vec::new();
    for text in &asked.recipients {
        recipients.push((Address::parse(text).map_err(usage)?, secret()?));
    }
    let (settings, site) = known(config, &asked.domain).await?;
    let id = SecretDigest::of(&secret()?).id();
    let kept = taken(settings.add_mailing((&id, &site.domain), terms, &recipients, &who()).await)?;
    say(as_json, &shown(&kept), &format!("{id}: {rhythm} report of {} at {:02}:00", site.domain, asked.hour))
}

async fn remove(config: &Config, (domain, id): (&str, &str), as_json: bool) -> Result<(), Failure> {
    let (settings, site) = known(config, domain).await?;
    let removed = settings.remove_mailing(&site.domain, id, &who()).await.map_err(anyhow::Error::from)?;
    if !removed {
        let said = anyhow::anyhow!("{domain} has no report {id}: footfall report list {domain} shows those it has");
        return Err(Failure::Failed(said));
    }
    say(as_json, &json!({ "id": id, "removed": true }), &format!("{id} is sent no more"))
}

async fn send(config: &Config, asked: &Send, as_json: bool) -> Result<(), Failure> {
    let Send { domain, id, url, token } = asked;
    let url = url.clone().unwrap_or_else(|| format!("http://{}", config.listen));
    let client = Client::new(&url, token.as_deref())?;
    let answer = client.post(&format!("/api/sites/{domain}/reports/{id}/test"), &[], Bytes::new()).await?;
    let said = answer.good(&format!("sending report {id} of {domain}"))?;
    let told: Value = serde_json::from_slice(&said).unwrap_or_default();
    let sent = told.get("sent").and_then(Value::as_u64).unwrap_or_default();
    say(as_json, &told, &format!("sent to {sent} addresses"))
}

fn shown(mailing: &Mailing) -> Value {
    let recipients = mailing.recipients.iter().map(
        |recipient| json!({ "address": recipient.address.as_str(), "sent_through": recipient.sent_through.map(utc_day_label) }),
    );
    json!({
        "id": mailing.id,
        "site": mailing.site,
        "rhythm": mailing.terms.rhythm.as_str(),
        "hour": mailing.terms.hour,
        "language": mailing.terms.language.as_str(),
        "recipients": recipients.collect::<Vec<_>>(),
        "made_by": mailing.made_by,
    })
}
