//! `footfall goal`, `segment` and `funnel`: what hits of a site are counted by, from a terminal. What they say is read by the table
//! that reads it for the API.

use clap::{Args, Subcommand};
use dashboard::define;
use jiff::tz::TimeZone;
use model::{Domain, Site};
use serde_json::{Map, Value, json};
use settings::{Kind, Meaning, Settings, SettingsError, StoredDefinition};

use crate::config::{Common, Config};
use crate::failure::Failure;
use crate::site::{open, who};

/// `footfall goal`, `segment` or `funnel`.
#[derive(Args)]
pub struct Asked {
    #[command(subcommand)]
    does: Does,
}

#[derive(Subcommand)]
enum Does {
    /// Show those of a site
    List(List),
    /// Add one, or give its name another meaning, which begins anew: a running server counts by it within half a minute
    Add(Add),
    /// Remove one: what was counted stays
    Remove(Remove),
}

#[derive(Args)]
struct List {
    #[command(flatten)]
    common: Common,
    /// The site's name
    domain: String,
    /// Print JSON on standard output
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct Add {
    #[command(flatten)]
    common: Common,
    /// The site's name
    domain: String,
    /// What it is called
    name: String,
    /// Of a goal: a page such as /thanks/** or an event's name. Of a funnel: its steps, each of them such a page or event. Of a segment:
    /// its filters as JSON, such as '["is", "visit:country", ["DE"]]', all of which hold
    #[arg(value_name = "WHAT", required = true)]
    what: Vec<String>,
    /// Print it as JSON on standard output
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct Remove {
    #[command(flatten)]
    common: Common,
    /// The site's name
    domain: String,
    /// What it is called
    name: String,
    /// Print what was removed as JSON on standard output
    #[arg(long)]
    json: bool,
}

impl Asked {
    /// Where the configuration is.
    pub fn common(&self) -> &Common {
        match &self.does {
            Does::List(asked) => &asked.common,
            Does::Add(asked) => &asked.common,
            Does::Remove(asked) => &asked.common,
        }
    }
}

/// Does what was asked.
pub fn run(config: &Config, kind: Kind, asked: &Asked) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(anyhow::Error::from)?;
    runtime.block_on(async {
        match &asked.does {
            Does::List(asked) => list(config, kind, asked).await,
            Does::Add(asked) => add(config, kind, asked).await,
            Does::Remove(asked) => remove(config, kind, asked).await,
        }
    })
}

async fn list(config: &Config, kind: Kind, asked: &List) -> Result<(), Failure> {
    let (settings, site) = known(config, &asked.domain).await?;
    let list = settings.definitions(Some(kind), Some(&site.domain)).await.map_err(anyhow::Error::from)?;
    let present = list.definitions.iter().filter(|stored| stored.effective_until.is_none());
    let told: Vec<Value> = present.map(|stored| tell(stored, &zone_of(&site))).collect();
    if asked.json {
        say(&format!("{:#}", Value::from(told)));
        return Ok(());
    }
    for one in told {
        let Value::Object(mut fields) = one else { continue };
        let name = fields.remove("name").unwrap_or_default();
        let from = fields.remove("effective_from").unwrap_or_default();
        say(&format!(
            "{:<30} {} counted from {}",
            name.as_str().unwrap_or_default(),
            Value::Object(fields),
            from.as_str().unwrap_or_default()
        ));
    }
    Ok(())
}

async fn add(config: &Config, kind: Kind, asked: &Add) -> Result<(), Failure> {
    let (settings, site) = known(config, &asked.domain).await?;
    let zone = zone_of(&site);
    let meaning = meaning(kind, &asked.what, &zone).map_err(Failure::Usage)?;
    let stored = match settings.define(&site.domain, &asked.name, &meaning, &who()).await {
        Err(SettingsError::Refused(why)) => return Err(Failure::Usage(why)),
        done => done.map_err(anyhow::Error::from)?,
    };
    let told = tell(&stored, &zone);
    if asked.json {
        say(&format!("{told:#}"));
    } else {
        let from = told.get("effective_from").and_then(Value::as_str).unwrap_or_default();
        say(&format!("{kind} {} of {} counts from {from}", asked.name, site.domain));
    }
    Ok(())
}

async fn remove(config: &Config, kind: Kind, asked: &Remove) -> Result<(), Failure> {
    let (settings, site) = known(config, &asked.domain).await?;
    match settings.undefine(kind, &site.domain, &asked.name, &who()).await {
        Err(SettingsError::Conflict { .. }) => {
            return Err(Failure::Failed(anyhow::anyhow!(
                "{} has no {kind} {:?}: footfall {kind} list {} shows those it has",
                site.domain,
                asked.name,
                site.domain
            )));
        }
        done => done.map_err(anyhow::Error::from)?,
    };
    if asked.json {
        say(&format!("{:#}", json!({ "name": asked.name, "removed": true })));
    } else {
        say(&format!("{kind} {} of {} removed; what was counted stays", asked.name, site.domain));
    }
    Ok(())
}

/// The settings, and a site of theirs or of the configuration.
async fn known(config: &Config, domain: &str) -> Result<(Settings, Site), Failure> {
    let domain = Domain::parse(domain).map_err(|error| Failure::Usage(format!("{domain:?}: {error}")))?;
    let settings = open(config).await?;
    if let Some(site) = config.sites.get(domain.as_str()) {
        return Ok((settings, Site::clone(site)));
    }
    let stored = settings.site(&domain).await.map_err(anyhow::Error::from)?;
    let missing = || {
        anyhow::anyhow!(
            "no site {domain} is measured: footfall site list shows those that are, footfall site add {domain} adds it"
        )
    };
    let site = stored.ok_or_else(missing)?.site;
    Ok((settings, site))
}

/// What the words of a command line say.
fn meaning(kind: Kind, words: &[String], zone: &TimeZone) -> Result<Meaning, String> {
    let action = |word: &String| match word.starts_with(['/', '*']) {
        true => json!({ "page": word }),
        false => json!({ "event": word }),
    };
    let body = match (kind, words) {
        (Kind::Goal, [word]) => action(word),
        (Kind::Goal, _) => return Err("a goal is one page or one event: for several pages use * and **".to_owned()),
        (Kind::Funnel | Kind::Annotation, words) => json!({ "steps": words.iter().map(action).collect::<Value>() }),
        (Kind::Segment, words) => {
            let read = |word: &String| {
                serde_json::from_str::<Value>(word).map_err(|error| {
                    format!("{word:?} is no JSON such as [\"is\", \"visit:country\", [\"DE\"]]: {error}")
                })
            };
            json!({ "filters": words.iter().map(read).collect::<Result<Value, _>>()? })
        }
    };
    define::parse(kind, &body, zone).map_err(|problem| problem.to_string())
}

/// As the API tells it.
fn tell(stored: &StoredDefinition, zone: &TimeZone) -> Value {
    let definition = &stored.definition;
    let mut told = Map::new();
    told.insert("name".to_owned(), json!(definition.name));
    if let Ok(meaning) = Meaning::read(definition.kind, &definition.body) {
        told.extend(define::tell(&meaning, zone));
    }
    told.insert("effective_from".to_owned(), define::label(definition.effective_from, zone).into());
    Value::Object(told)
}

fn zone_of(site: &Site) -> TimeZone {
    TimeZone::get(&site.timezone).unwrap_or(TimeZone::UTC)
}

#[expect(clippy::print_stdout, reason = "what was done is what was asked for")]
fn say(words: &str) {
    println!("{words}");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(kind: Kind, words: &[&str]) -> Result<Value, String> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        meaning(kind, &words, &TimeZone::UTC).map(|meaning| Value::Object(define::tell(&meaning, &TimeZone::UTC)))
    }

    #[test]
    fn words_are_pages_events_or_filters() {
        assert_eq!(told(Kind::Goal, &["/thanks/**"]), Ok(json!({ "page": "/thanks/**" })));
        assert_eq!(told(Kind::Goal, &["Signup"]), Ok(json!({ "event": "Signup" })));
        let steps = json!({ "steps": [{ "page": "/" }, { "event": "Signup" }] });
        assert_eq!(told(Kind::Funnel, &["/", "Signup"]), Ok(steps));
        let filters = json!({ "filters": [["is", "visit:country", ["DE"]], ["contains", "event:page", ["/a"]]] });
        let words = [r#"["is", "visit:country", ["DE"]]"#, r#"["contains", "event:page", ["/a"]]"#];
        assert_eq!(told(Kind::Segment, &words), Ok(filters));
    }

    #[test]
    fn what_is_not_understood_is_said() {
        for (kind, words, said) in [
            (Kind::Goal, &["/a", "/b"][..], "one page or one event"),
            (Kind::Segment, &["visit:country=DE"], "is no JSON such as"),
            (Kind::Segment, &[r#"["is", "visit:land", ["DE"]]"#], "unknown dimension"),
        ] {
            let problem = told(kind, words).unwrap_err();
            assert!(problem.contains(said), "{words:?}: {problem}");
        }
    }
}
