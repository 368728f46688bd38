//! `footfall query`: a Stats API question from the terminal, with a readable short form, answered as a table, JSON or CSV. CSV is the server's
//! own: taking a table away needs the right to, and is noted there.

use clap::{Args, ValueEnum};
use hyper::body::Bytes;
use privacy::disclosure::FEWER;
use serde_json::{Map, Value, json};

use crate::client::Client;
use crate::config::{Common, Config};
use crate::failure::Failure;

/// `footfall query`.
#[derive(Args)]
pub struct Query {
    #[command(flatten)]
    pub common: Common,
    /// The server to ask [default: the configured listen address]
    #[arg(long, value_name = "URL", env = "FOOTFALL_URL")]
    pub url: Option<String>,
    /// API token; a public site needs none
    #[arg(long, value_name = "TOKEN", env = "FOOTFALL_TOKEN", hide_env_values = true)]
    pub token: Option<String>,
    /// How to print the answer
    #[arg(long, value_name = "NAME", default_value = "table")]
    pub format: Format,
    /// A Stats API v2 query as JSON, or the short form: SITE METRIC[,METRIC] [by DIMENSION] [over RANGE] [where DIMENSION=VALUE]
    #[arg(required = true, value_name = "QUESTION")]
    pub question: Vec<String>,
}

/// Longest value that a table shows whole; JSON and CSV show all of it.
const CELL_CHARS_MAX: usize = 80;

/// How an answer is printed.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Columns for a person.
    Table,
    /// The API's own answer.
    Json,
    /// For a spreadsheet.
    Csv,
}

/// Asks and prints.
#[expect(clippy::print_stdout, reason = "the answer is what was asked for")]
pub fn run(config: &Config, asked: &Query) -> Result<(), Failure> {
    let text = asked.question.join(" ");
    let question = question(&text).map_err(Failure::Usage)?;
    let answer = ask(config, asked, &question)?;
    let read = || serde_json::from_slice::<Value>(&answer).map_err(anyhow::Error::from);
    match asked.format {
        Format::Json => println!("{:#}", read()?),
        Format::Table => print!("{}", table(&rows(&question, &read()?))),
        Format::Csv => print!("{}", String::from_utf8_lossy(&answer)),
    }
    Ok(())
}

fn ask(config: &Config, asked: &Query, question: &Value) -> anyhow::Result<Bytes> {
    let url = asked.url.clone().unwrap_or_else(|| format!("http://{}", config.listen));
    let client = Client::new(&url, asked.token.as_deref())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let body = question.to_string().into();
    let takes = if asked.format == Format::Csv { "text/csv" } else { "application/json" };
    runtime.block_on(client.post("/api/v2/query", &[("accept", takes.to_owned())], body))?.good("the query")
}

/// Reads a question: JSON as it is, or `SITE METRIC[,METRIC] [by DIMENSION] [over RANGE] [where DIMENSION=VALUE]`.
fn question(text: &str) -> Result<Value, String> {
    if text.trim_start().starts_with('{') {
        return serde_json::from_str(text).map_err(|error| format!("the question is not JSON: {error}"));
    }
    let usage = || {
        "a question is JSON, or: SITE METRIC[,METRIC] [by DIMENSION] [over RANGE] [where DIMENSION=VALUE]".to_owned()
    };
    let mut words = text.split_whitespace();
    let (Some(site), Some(metrics)) = (words.next(), words.next()) else { return Err(usage()) };
    let metrics: Vec<&str> = metrics.split(',').collect();
    let mut question = Map::new();
    let mut set = |key: &str, value: Value| drop(question.insert(key.to_owned(), value));
    set("site_id", json!(site));
    set("metrics", json!(metrics));
    set("date_range", json!("30d"));
    while let Some(word) = words.next() {
        let value = words.next().ok_or_else(usage)?;
        match word {
            "by" => set("dimensions", json!([value])),
            "over" => set("date_range", range(value)),
            "where" => {
                let (dimension, wanted) = value.split_once('=').ok_or_else(usage)?;
                set("filters", json!([["is", dimension, [wanted]]]));
            }
            _ => return Err(usage()),
        }
    }
    Ok(Value::Object(question))
}

/// `30d` as it is; `2026-01-01..2026-01-31` as two dates.
fn range(text: &str) -> Value {
    text.split_once("..").map_or_else(|| json!(text), |(from, to)| json!([from, to]))
}

/// The answer as lines of cells, the first line naming them.
fn rows(question: &Value, answer: &Value) -> Vec<Vec<String>> {
    let names = |key: &str| question.get(key).and_then(Value::as_array).into_iter().flatten().map(cell);
    let head = names("dimensions").chain(names("metrics")).collect();
    let results = answer.get("results").and_then(Value::as_array).into_iter().flatten();
    let line = |result: &Value| -> Vec<String> {
        ["dimensions", "metrics"]
            .iter()
            .flat_map(|key| result.get(*key).and_then(Value::as_array).into_iter().flatten().map(cell))
            .collect()
    };
    std::iter::once(head).chain(results.map(line)).collect()
}

fn cell(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}

/// Columns as wide as their widest cell; numbers to the right. Control characters are shown as spaces: values come from
/// strangers, and a terminal obeys them.
fn table(rows: &[Vec<String>]) -> String {
    let shown = |cell: &str| {
        let cut = cell.chars().count() > CELL_CHARS_MAX;
        let plain = cell.chars().take(CELL_CHARS_MAX - usize::from(cut)).map(|c| if c.is_control() { ' ' } else { c });
        plain.chain(cut.then_some('…')).collect::<String>()
    };
    let columns = rows.first().map_or(0, Vec::len);
    let length = |cell: &String| cell.chars().count().min(CELL_CHARS_MAX);
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(length).max();
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or_default()).collect();
    let mut text = String::new();
    for row in rows {
        let cells = row.iter().zip(&widths).map(|(cell, width)| match cell == FEWER || cell.parse::<f64>().is_ok() {
            true => format!("{:>width$}", shown(cell)),
            false => format!("{:<width$}", shown(cell)),
        });
        text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_short_form() {
        let read =
            question("e.com visitors,pageviews by event:page over 2026-01-01..2026-01-31 where visit:country=DE");
        let expected = json!({
            "site_id": "e.com", "metrics": ["visitors", "pageviews"], "date_range": ["2026-01-01", "2026-01-31"],
            "dimensions": ["event:page"], "filters": [["is", "visit:country", ["DE"]]],
        });
        assert_eq!(read, Ok(expected));
        assert!(question("e.com").is_err() && question("e.com visitors of it").is_err());
    }

    #[test]
    fn prints_a_table_that_no_value_can_abuse() {
        let question = json!({ "dimensions": ["event:page"], "metrics": ["visitors"] });
        let answer = json!({ "results": [
            { "dimensions": ["=HYPERLINK(\"x\")"], "metrics": [12] },
            { "dimensions": ["/a\u{1b}[2J"], "metrics": [-3] },
        ]});
        let rows = rows(&question, &answer);
        assert!(!table(&rows).contains('\u{1b}'));
        assert_eq!(table(&rows).lines().next(), Some("event:page       visitors"));
    }

    #[test]
    fn fewer_than_ten_stand_with_the_numbers() {
        let question = json!({ "dimensions": ["event:page"], "metrics": ["visitors", "bounce_rate"] });
        let answer = json!({ "results": [
            { "dimensions": ["/"], "metrics": [120, 42] },
            { "dimensions": ["/a"], "metrics": ["<10", null] },
        ]});
        let rows = rows(&question, &answer);
        assert_eq!(table(&rows).lines().last(), Some("/a               <10"));
    }
}
