//! `footfall token`: API tokens of the settings database, from a terminal. A token's secret is printed when it is made, and never
//! again.

use clap::{Args, Subcommand};
use dashboard::utc_day_label;
use serde_json::{Value, json};
use settings::{ApiToken, Login, Reach, Scope, SecretDigest};

use crate::administer::{must_be_measured, open, say, usage, who};
use crate::clock;
use crate::config::Config;
use crate::failure::Failure;
use crate::output;

/// What `footfall token` does.
#[derive(Subcommand)]
pub enum Does {
    /// Show all API tokens, without their secrets
    List,
    /// Make a token and print it, this once
    Add(Add),
    /// Revoke a token
    Revoke {
        /// The token's id, as the list shows it
        id: String,
    },
}

#[derive(Args)]
pub struct Add {
    /// What the token is called
    name: String,
    /// What it is for: stats:read, export or admin; may be given several times
    #[arg(long = "scope", value_name = "SCOPE", required = true)]
    scopes: Vec<String>,
    /// Where it holds: a site, or * for every site; may be given several times
    #[arg(long = "site", value_name = "DOMAIN", required = true)]
    sites: Vec<String>,
    /// How many days it lives [default: until it is revoked]
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(i64).range(1..=3650))]
    days: Option<i64>,
    /// The user whose token it is: it may no more than they may [default: nobody's]
    #[arg(long, value_name = "LOGIN")]
    owner: Option<String>,
}

/// Does what was asked.
pub async fn run(config: &Config, does: &Does, as_json: bool) -> Result<(), Failure> {
    match does {
        Does::List => list(config, as_json).await,
        Does::Add(asked) => Box::pin(add(config, asked, as_json)).await,
        Does::Revoke { id } => revoke(config, id, as_json).await,
    }
}

async fn list(config: &Config, as_json: bool) -> Result<(), Failure> {
    let tokens = open(config).await?.tokens(None).await.map_err(anyhow::Error::from)?;
    if as_json {
        return output::json(&tokens.iter().map(shown).collect());
    }
    for token in &tokens {
        let owner = token.owner.as_ref().map_or("administrator", Login::as_str);
        let expires = token.expires.map_or("never".to_owned(), |at| utc_day_label(at.day()));
        let used = token.used_day.map_or("never".to_owned(), utc_day_label);
        let (scopes, sites) = (words(token, " "), sites(token).join(" "));
        output::line(format_args!(
            "{:<16} {:<20} {owner:<20} {scopes:<24} {sites:<24} expires {expires}, used {used}",
            token.id, token.name
        ))?;
    }
    Ok(())
}

#[expect(clippy::print_stderr, reason = "what stands on standard output is the token alone")]
async fn add(config: &Config, asked: &Add, as_json: bool) -> Result<(), Failure> {
    let scopes = asked.scopes.iter().map(|scope| Scope::parse(scope)).collect::<Result<Vec<_>, _>>().map_err(usage)?;
    let sites = asked.sites.iter().map(|site| Reach::parse(site)).collect::<Result<Vec<_>, _>>().map_err(usage)?;
    let owner = asked.owner.as_deref().map(Login::parse).transpose().map_err(usage)?;
    let now = clock::system().now();
    let expires = asked.days.map(|days| now.plus_days(days));
    let no_random = || anyhow::anyhow!("the operating system gave no random bytes");
    let secret = dashboard::token_secret().ok_or_else(no_random)?;
    let name = asked.name.clone();
    let token = ApiToken { id: String::new(), name, owner, scopes, sites, created: now, expires, used_day: None };
    let settings = open(config).await?;
    must_be_measured(config, &settings, &token.sites).await?;
    let kept = settings.add_token(&SecretDigest::of(&secret), &token, &who()).await;
    let kept = kept.map_err(anyhow::Error::from)?;
    if as_json {
        let mut value = shown(&kept);
        if let Some(fields) = value.as_object_mut() {
            fields.insert("token".to_owned(), secret.into());
        }
        return output::json(&value);
    }
    eprintln!("API token {}, shown this once:", kept.id);
    output::line(secret)
}

async fn revoke(config: &Config, id: &str, as_json: bool) -> Result<(), Failure> {
    let revoked = open(config).await?.remove_token(id, None, &who()).await.map_err(anyhow::Error::from)?;
    if !revoked {
        let said = anyhow::anyhow!("there is no token {id}: footfall token list shows those that are");
        return Err(Failure::Failed(said));
    }
    say(as_json, &json!({ "id": id, "revoked": true }), &format!("{id} revoked"))
}

fn words(token: &ApiToken, between: &str) -> String {
    token.scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>().join(between)
}

fn sites(token: &ApiToken) -> Vec<&str> {
    token.sites.iter().map(Reach::as_str).collect()
}

fn shown(token: &ApiToken) -> Value {
    json!({
        "id": token.id,
        "name": token.name,
        "owner": token.owner.as_ref().map(Login::as_str),
        "scopes": token.scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>(),
        "sites": sites(token),
        "expires": token.expires.map(|at| utc_day_label(at.day())),
        "used_on": token.used_day.map(utc_day_label),
    })
}
