//! `footfall prove`: asks a running installation to check its own promises, and prints each with its evidence.
//!
//! The checks run in the server ([`service`]; of several processes, in a dashboard), which alone can see its memory, its keys and
//! its engine; this command prints what it answers. It is the installation's own word, given by its own code: whoever doubts that code reads the tests.

mod check;
mod host;
pub mod service;
mod stored;

use anyhow::anyhow;
use clap::Args;
use serde_json::Value;

use crate::client::Client;
use crate::config::{Common, Config};
use crate::failure::Failure;
use crate::output;

/// `footfall prove`.
#[derive(Args)]
pub struct Prove {
    #[command(flatten)]
    pub common: Common,
    /// The server to ask [default: the configured listen address]
    #[arg(long, value_name = "URL", env = "FOOTFALL_URL")]
    pub url: Option<String>,
    /// API token
    #[arg(long, value_name = "TOKEN", env = "FOOTFALL_TOKEN", hide_env_values = true)]
    pub token: Option<String>,
    /// Print the server's answer as JSON
    #[arg(long)]
    pub json: bool,
}

/// Where the checks are asked for.
pub const PATH: &str = "/api/v1/prove";

/// Asks, prints, and fails where a promise is broken.
pub fn run(config: &Config, asked: &Prove) -> Result<(), Failure> {
    let url = asked.url.clone().unwrap_or_else(|| format!("http://{}", config.listen));
    let client = Client::new(&url, asked.token.as_deref())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(anyhow::Error::from)?;
    let answer = runtime.block_on(client.get(PATH, &[]))?.good("the proof")?;
    let answer: Value = serde_json::from_slice(&answer).map_err(anyhow::Error::from)?;
    // What it comes to is told by the exit code also where nobody reads the evidence.
    let printed = match asked.json {
        true => output::json(&answer),
        false => output::write(&table(&answer)),
    };
    match answer.get("broken").and_then(Value::as_u64) {
        Some(0) => printed,
        Some(broken) => Err(anyhow!("{broken} promise(s) broken").into()),
        None => Err(anyhow!("the server's answer is not understood; is it older?").into()),
    }
}

/// Verdict and claim on a line, the evidence under it. Control characters are shown as spaces: a terminal obeys them.
fn table(answer: &Value) -> String {
    let list = |key: &str| answer.get(key).and_then(Value::as_array).into_iter().flatten();
    let text = |value: Option<&Value>| -> String {
        let text = value.and_then(Value::as_str).unwrap_or_default();
        text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
    };
    let mut table = String::new();
    for check in list("checks") {
        let (verdict, claim) = (text(check.get("verdict")), text(check.get("claim")));
        let evidence = text(check.get("evidence"));
        table.push_str(&format!("{:<20} {claim}\n{:<20}   {evidence}\n", verdict.to_uppercase(), ""));
    }
    table.push_str("\nnot checked here:\n");
    for limit in list("not_checked") {
        table.push_str(&format!("  - {}\n", text(Some(limit))));
    }
    table
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn prints_each_claim_with_its_evidence_and_what_was_not_checked() {
        let answer = json!({
            "checks": [{ "claim": "only counts are stored", "evidence": "6 tables\u{1b}[2J", "verdict": "holds" }],
            "not_checked": ["backups"],
        });
        let printed = table(&answer);
        assert!(printed.starts_with("HOLDS                only counts are stored\n"), "{printed}");
        assert!(printed.contains("6 tables [2J") && printed.contains("not checked here:\n  - backups"), "{printed}");
    }
}
