//! `footfall import`: access logs and event files into a running server or directly into a data directory.
//!
//! How a file is counted is `processor::import`'s business; here are files, formats, progress, and where it all goes.

mod direct;
mod events;
mod files;
mod frames;
pub mod service;
mod upload;

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use model::TcfPolicy;
use processor::import::{LineReader, Summary};
use serde_json::{Value, json};

use crate::config::{Common, Config};
use crate::failure::Failure;
use crate::output;

/// `footfall import`.
#[derive(Args)]
pub struct Import {
    #[command(flatten)]
    pub common: Common,
    /// The site the hits belong to
    #[arg(long, value_name = "DOMAIN")]
    pub site: String,
    /// common, combined or events; found out from the first lines when not given
    #[arg(long, value_name = "NAME")]
    pub format: Option<Format>,
    /// Zone whose midnight ends the site's days [default: the configured site's, or UTC]
    #[arg(long, value_name = "TZ")]
    pub timezone: Option<String>,
    /// Print the account as JSON on standard output
    #[arg(long)]
    pub json: bool,
    /// A running server to import into; without it the data directory is written directly
    #[arg(long, value_name = "URL", env = "FOOTFALL_URL")]
    pub url: Option<String>,
    /// API token for --url
    #[arg(long, value_name = "TOKEN", env = "FOOTFALL_TOKEN", hide_env_values = true)]
    pub token: Option<String>,
    /// The files, in any order; - reads standard input. Name all files of a day in one command: a visitor of two
    /// commands counts twice
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
}

/// A format of the files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// NCSA common log format
    Common,
    /// Combined log format: common with referrer and user agent
    Combined,
    /// One Events API object per line, with timestamp, ip, user_agent and, if any, headers
    Events,
}

impl Format {
    /// Guesses by a file's first bytes: an events file begins with an object.
    fn guess(beginning: &[u8]) -> Self {
        match beginning.iter().find(|byte| !byte.is_ascii_whitespace()) {
            Some(b'{') => Self::Events,
            _ => Self::Combined,
        }
    }

    /// The reader of this format's lines, for a site and its policy on TCF strings. The combined reader takes common lines
    /// too: they end earlier.
    pub fn reader(self, site: &str, policy: TcfPolicy) -> Box<LineReader> {
        let site: Box<str> = site.into();
        match self {
            Self::Common | Self::Combined => Box::new(move |line| processor::import::combined::read(line, &site)),
            Self::Events => Box::new(move |line| events::read(line, &site, policy)),
        }
    }
}

/// Imports what was asked for and prints the account.
pub fn run(config: &Config, asked: &Import) -> Result<(), Failure> {
    if let Some(zone) = asked.timezone.as_deref().filter(|zone| fold::calendar::Zone::find(zone).is_err()) {
        return Err(Failure::Usage(format!("--timezone: `{zone}` is not an IANA name such as Asia/Tokyo")));
    }
    let domain = model::Domain::parse(&asked.site).map_err(|error| Failure::Usage(format!("--site: {error}")))?;
    let files = files::open_all(&asked.files, asked.format)?;
    let account = match &asked.url {
        Some(url) => upload::run(asked, url, files)?,
        None => account(&direct::run(config, asked, domain, files)?),
    };
    let reported = report(asked, &account);
    let number = |value: &Value| value.as_u64().unwrap_or_default();
    let malformed = account.get("refused").and_then(|refused| refused.get("malformed")).map_or(0, number);
    if malformed > 0 && malformed == account.get("lines").map_or(0, number) {
        return Err(anyhow::anyhow!("no line could be read: is it a log in another format? see --format").into());
    }
    reported
}

/// An import's account as JSON.
fn account(summary: &Summary) -> Value {
    json!({
        "lines": summary.lines,
        "lines_known": summary.lines_known,
        "empty": summary.empty,
        "counted": summary.counted,
        "counted_known": summary.counted_known,
        "minimal": summary.minimal,
        "refused": summary.refused,
        "bots": summary.bots,
        "late": summary.late,
    })
}

fn report(asked: &Import, account: &Value) -> Result<(), Failure> {
    if asked.json {
        return output::line(account);
    }
    let number = |key: &str| account.get(key).and_then(Value::as_u64).unwrap_or_default();
    let parts = |key: &str| -> String {
        let parts = account.get(key).and_then(Value::as_object).into_iter().flatten();
        parts.map(|(reason, hits)| format!("\n    {hits:>10}  {reason}")).collect()
    };
    let counted = number("counted") + number("minimal") + number("late");
    let (known, late) = (number("counted_known"), number("late"));
    let mut lines = vec![format!("{:>10}  lines read", number("lines"))];
    let earlier = if known > 0 { format!(", {known} of them by an earlier import") } else { String::new() };
    lines.push(format!("{counted:>10}  counted{earlier}"));
    if known > 0 && known == counted {
        lines.push("            nothing was new, nothing was added".to_owned());
    }
    if late > 0 {
        lines.push(format!("{late:>10}  of them without visitor: too far out of order"));
    }
    lines.push(format!("   refused:{}", parts("refused")));
    lines.push(format!("   robots:{}", parts("bots")));
    output::line(lines.join("\n"))
}
