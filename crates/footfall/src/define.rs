//! `footfall goal`, `segment` and `funnel`: what hits of a site are counted by, from a terminal. What they say is read by the table
//! that reads it for the API.

use clap::{Args, Subcommand};
use dashboard::define;
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use settings::{Kind, Meaning, SettingsError};

use crate::administer::{known, say, taken, who};
use crate::config::Config;
use crate::failure::Failure;
use crate::output;

/// What `footfall goal`, `segment` and `funnel` do.
#[derive(Subcommand)]
pub enum Does {
    /// Show those of a site
    List {
        /// The site's name
        domain: String,
    },
    /// Add one, or give its name another meaning, which begins anew: a running server counts by it within half a minute
    Add(Add),
    /// Remove one: what was counted stays
    Remove {
        /// The site's name
        domain: String,
        /// What it is called
        name: String,
    },
}

#[derive(Args)]
pub struct Add {
    /// The site's name
    domain: String,
    /// What it is called
    name: String,
    /// Of a goal: a page such as /thanks/** or an event's name. Of a funnel: its steps, each of them such a page or event. Of a segment:
    /// its filters as JSON, such as '["is", "visit:country", ["DE"]]', all of which hold
    #[arg(value_name = "WHAT", required = true)]
    what: Vec<String>,
}

/// Does what was asked.
pub async fn run(config: &Config, kind: Kind, does: &Does, as_json: bool) -> Result<(), Failure> {
    match does {
        Does::List { domain } => list(config, kind, domain, as_json).await,
        Does::Add(asked) => add(config, kind, asked, as_json).await,
        Does::Remove { domain, name } => remove(config, kind, (domain, name), as_json).await,
    }
}

async fn list(config: &Config, kind: Kind, domain: &str, as_json: bool) -> Result<(), Failure> {
    let (settings, site) = known(config, domain).await?;
    let list = settings.definitions(Some(kind), Some(&site.domain)).await.map_err(anyhow::Error::from)?;
    let present = list.definitions.iter().filter(|stored| stored.is_present());
    let told: Vec<_> = present.map(|stored| define::stored(stored, &define::zone_of(&site))).collect();
    if as_json {
        return output::json(&told.into_iter().map(Value::Object).collect());
    }
    for mut fields in told {
        let name = fields.remove("name").unwrap_or_default();
        let from = fields.remove("effective_from").unwrap_or_default();
        let (name, from) = (name.as_str().unwrap_or_default(), from.as_str().unwrap_or_default());
        output::line(format_args!("{name:<30} {} counted from {from}", Value::Object(fields)))?;
    }
    Ok(())
}

async fn add(config: &Config, kind: Kind, asked: &Add, as_json: bool) -> Result<(), Failure> {
    let (settings, site) = known(config, &asked.domain).await?;
    let zone = define::zone_of(&site);
    let meaning = meaning(kind, &asked.what, &zone).map_err(Failure::Usage)?;
    let stored = taken(settings.define(&site.domain, &asked.name, &meaning, &who()).await)?;
    let from = define::label(stored.definition.effective_from, &zone);
    let words = format!("{kind} {} of {} counts from {from}", asked.name, site.domain);
    say(as_json, &Value::Object(define::stored(&stored, &zone)), &words)
}

async fn remove(config: &Config, kind: Kind, (domain, name): (&str, &str), as_json: bool) -> Result<(), Failure> {
    let (settings, site) = known(config, domain).await?;
    match settings.undefine(kind, &site.domain, name, &who()).await {
        Err(SettingsError::Conflict { .. }) => {
            let domain = &site.domain;
            return Err(Failure::Failed(anyhow::anyhow!(
                "{domain} has no {kind} {name:?}: footfall {kind} list {domain} shows those it has"
            )));
        }
        done => done.map_err(anyhow::Error::from)?,
    };
    let words = format!("{kind} {name} of {} removed; what was counted stays", site.domain);
    say(as_json, &json!({ "name": name, "removed": true }), &words)
}

/// What the words of a command line say.
fn meaning(kind: Kind, words: &[String], zone: &TimeZone) -> Result<Meaning, String> {
    let action = |word: &String| match word.starts_with(['/', '*']) {
        true => json!({ "page": word }),
        false => json!({ "event": word }),
    };
    let body = match (kind, words) {
        (Kind::Goal, [word]) => action(word),
        (Kind::Goal, [page, scroll]) if scroll.starts_with("scroll=") => {
            let percent = scroll.trim_start_matches("scroll=");
            let percent: u8 =
                percent.parse().map_err(|_| format!("{scroll:?} is no percentage of the page, such as scroll=75"))?;
            json!({ "page": page, "scroll": percent })
        }
        (Kind::Goal, _) => {
            return Err("a goal is one page or one event, and beside a page how far it is scrolled (scroll=75): for several pages use * \
                        and **"
                .to_owned());
        }
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
        assert_eq!(told(Kind::Goal, &["/a", "scroll=75"]), Ok(json!({ "page": "/a", "scroll": 75 })));
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
            (Kind::Goal, &["/a", "scroll=75%"], "no percentage"),
            (Kind::Segment, &["visit:country=DE"], "is no JSON such as"),
            (Kind::Segment, &[r#"["is", "visit:land", ["DE"]]"#], "unknown dimension"),
        ] {
            let problem = told(kind, words).unwrap_err();
            assert!(problem.contains(said), "{words:?}: {problem}");
        }
    }
}
