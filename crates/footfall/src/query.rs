//! `footfall query`: a Stats API question from the terminal, with a readable short form, answered as a table, JSON or CSV. CSV is the server's
//! own: taking a table away needs the right to, and is noted there. What the answer warns of stands on standard error, but for JSON, which has it.

use std::io::Write;

use clap::{Args, ValueEnum};
use dashboard::query::problem::Problem;
use dashboard::query::range::Range;
use serde_json::{Map, Value, json};

use crate::client::{Answer, Client};
use crate::config::{Common, Config};
use crate::failure::Failure;
use crate::output;

/// What follows the options in the help.
const SHORT_FORM: &str = "The short form:
  by DIMENSION         one dimension, and one of time beside it with a comma between them: by event:page, by time:day,event:page
  over RANGE           day, 24h, 7d, 30d, month, 6mo, year, all, or two dates: over 2026-01-01..2026-01-31 [default: 30d]
  where DIM=VALUE      may be given several times, and all of them hold; what has a blank in it is quoted for the shell:
                       where visit:country=DE where \"visit:source=Direct / None\"";

/// `footfall query`.
#[derive(Args)]
#[command(after_help = SHORT_FORM)]
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
    /// A Stats API v2 query as JSON, or the short form: SITE METRIC[,METRIC] [by DIMENSION] [over RANGE] [where DIMENSION=VALUE]...
    #[arg(required = true, value_name = "QUESTION")]
    pub question: Vec<String>,
}

/// Longest value that a table shows whole; JSON and CSV show all of it.
const CELL_CHARS_MAX: usize = 80;

/// Where a table says what it warns of: a line of its own would be a row.
const WARNINGS: &str = "footfall-warnings";

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
pub fn run(config: &Config, asked: &Query) -> Result<(), Failure> {
    let question = question(&asked.question).map_err(Failure::Usage)?;
    let answer = ask(config, asked, &question)?;
    let named = answer.headers.get(WARNINGS).and_then(|keys| keys.to_str().ok()).unwrap_or_default().to_owned();
    let answer = answer.good("the query")?;
    let read = || serde_json::from_slice::<Value>(&answer).map_err(anyhow::Error::from);
    match asked.format {
        Format::Json => output::json(&read()?),
        Format::Table => {
            let answer = read()?;
            let printed = output::write(&table(&rows(&question, &answer), width_of_dimensions(&question)));
            warn(&answer.get("meta").map(notes).unwrap_or_default());
            printed
        }
        Format::Csv => {
            let printed = output::write(&String::from_utf8_lossy(&answer));
            let words = || format!("the answer warns of {named}: --format table and --format json tell it in words");
            warn(&(!named.is_empty()).then(words).into_iter().collect::<Vec<_>>());
            printed
        }
    }
}

fn ask(config: &Config, asked: &Query, question: &Value) -> anyhow::Result<Answer> {
    let url = asked.url.clone().unwrap_or_else(|| format!("http://{}", config.listen));
    let client = Client::new(&url, asked.token.as_deref())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let body = question.to_string().into();
    let takes = if asked.format == Format::Csv { "text/csv" } else { "application/json" };
    runtime.block_on(client.post("/api/v2/query", &[("accept", takes.to_owned())], body))
}

/// Says what has to be known beside the rows. Where it cannot be said, the rows are there all the same.
fn warn(notes: &[String]) {
    let mut error = std::io::stderr().lock();
    for note in notes {
        let _ = writeln!(error, "{}", plain(note).collect::<String>());
    }
}

/// Reads a question: JSON as it is, or the short form. One argument alone is the whole question, with blanks between its words; of several
/// each is a word, whatever blanks are in it.
fn question(arguments: &[String]) -> Result<Value, String> {
    let words: Vec<&str> = match arguments {
        [json, ..] if json.trim_start().starts_with('{') => {
            let text = arguments.join(" ");
            return serde_json::from_str(&text).map_err(|error| format!("the question is not JSON: {error}"));
        }
        [whole] => whole.split_whitespace().collect(),
        words => words.iter().map(String::as_str).collect(),
    };
    let [site, metrics, parts @ ..] = words.as_slice() else {
        return Err(
            "a question is JSON, or: SITE METRIC[,METRIC] [by DIMENSION] [over RANGE] [where DIMENSION=VALUE]...\n\
                    such as: footfall query example.com visitors,pageviews by event:page over 7d"
                .to_owned(),
        );
    };
    let (mut by, mut over, mut filters) = (None, None, Vec::new());
    for part in parts.chunks(2) {
        match part {
            ["by", names] if by.is_none() => by = Some(names.split(',').collect::<Vec<_>>()),
            ["by", _] => {
                return Err(
                    "`by` stands there twice: of two dimensions one is of time, and a comma is between them, such as \
                            by time:day,event:page"
                        .to_owned(),
                );
            }
            ["over", text] if over.is_none() => over = Some(range(text)?),
            ["over", _] => {
                return Err("`over` stands there twice: a question is of one range, and two dates are one, such as \
                            over 2026-01-01..2026-01-31"
                    .to_owned());
            }
            ["where", test] => filters.push(filter(test)?),
            [word @ ("by" | "over" | "where")] => return Err(format!("nothing stands behind `{word}`")),
            [other, ..] => {
                return Err(format!(
                    "`{other}` is none of by, over and where: a value with a blank in it is quoted, such as \
                     where \"visit:source=Hacker News\""
                ));
            }
            [] => {}
        }
    }
    let mut question = Map::new();
    let mut set = |key: &str, value: Value| drop(question.insert(key.to_owned(), value));
    set("site_id", json!(site));
    set("metrics", json!(metrics.split(',').collect::<Vec<_>>()));
    set("date_range", over.unwrap_or_else(|| json!("30d")));
    if let Some(names) = by {
        set("dimensions", json!(names));
    }
    if !filters.is_empty() {
        set("filters", json!(filters));
    }
    Ok(Value::Object(question))
}

fn filter(text: &str) -> Result<Value, String> {
    let (dimension, wanted) = text
        .split_once('=')
        .ok_or_else(|| format!("`{text}` is not DIMENSION=VALUE, such as where visit:country=DE"))?;
    Ok(json!(["is", dimension, [wanted]]))
}

/// `30d` as it is; `2026-01-01..2026-01-31` as two dates, also with a comma.
fn range(text: &str) -> Result<Value, String> {
    let ends = text.split_once("..").or_else(|| text.split_once(','));
    let range = ends.map_or_else(|| json!(text), |(from, to)| json!([from, to]));
    match Range::parse(&range) {
        Ok(_) => Ok(range),
        Err(Problem::Form { .. }) => Err(format!(
            "`{text}` is no range: over takes day, 24h, 7d, 30d, month, 6mo, year, all, or two dates such as \
             2026-01-01..2026-01-31"
        )),
        Err(problem) => Err(problem.to_string()),
    }
}

/// What a question lists under a key.
fn listed<'q>(question: &'q Value, key: &str) -> impl Iterator<Item = &'q Value> + Clone {
    question.get(key).and_then(Value::as_array).into_iter().flatten()
}

/// How many columns are values, before those that are numbers.
fn width_of_dimensions(question: &Value) -> usize {
    listed(question, "dimensions").count()
}

/// The answer as lines of cells, the first line naming them; what stands beside a row is called as it is in CSV.
fn rows(question: &Value, answer: &Value) -> Vec<Vec<String>> {
    let is_compared = question.pointer("/include/comparisons").is_some_and(|mode| !mode.is_null());
    let metrics = |suffix: &str| listed(question, "metrics").map(|name| cell(name) + suffix).collect::<Vec<_>>();
    let mut head: Vec<String> = listed(question, "dimensions").map(cell).chain(metrics("")).collect();
    let mut keys = vec!["/dimensions", "/metrics"];
    if is_compared {
        head.extend(metrics("_before").into_iter().chain(metrics("_change")));
        keys.extend(["/comparison/metrics", "/comparison/change"]);
    }
    let line = |result: &Value| -> Vec<String> {
        let cells = |key: &&str| result.pointer(key).and_then(Value::as_array).into_iter().flatten().map(cell);
        keys.iter().flat_map(|key| cells(key).collect::<Vec<_>>()).collect()
    };
    std::iter::once(head).chain(listed(answer, "results").map(line)).collect()
}

fn cell(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        // Money has words of its own.
        Value::Object(money) if money.contains_key("long") => money.get("long").map(cell).unwrap_or_default(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}

/// What `meta` says, a line each, every one with the key that it stands under.
fn notes(meta: &Value) -> Vec<String> {
    let mut notes = Vec::new();
    for (key, value) in meta.as_object().into_iter().flatten() {
        note(key, value, &mut notes);
    }
    notes
}

fn note(under: &str, value: &Value, notes: &mut Vec<String>) {
    match value {
        Value::Object(fields) if fields.get("warning").is_some_and(Value::is_string) => {
            let mut more = fields.clone();
            let warning = more.remove("warning").as_ref().map(cell).unwrap_or_default();
            // A code says the warning to programs; only a currency's says more.
            if under != "currency" {
                more.remove("code");
            }
            let more = if more.is_empty() { String::new() } else { format!(" {}", Value::Object(more)) };
            notes.push(format!("{under}: {warning}{more}"));
        }
        Value::Object(fields) if !fields.is_empty() && fields.values().all(Value::is_object) => {
            fields.iter().for_each(|(key, value)| note(&format!("{under}, {key}"), value, notes));
        }
        Value::Array(values) if values.iter().all(Value::is_object) => {
            values.iter().for_each(|value| note(under, value, notes));
        }
        other => notes.push(format!("{under}: {}", cell(other))),
    }
}

/// A text without what a terminal obeys: values come from strangers.
fn plain(text: &str) -> impl Iterator<Item = char> {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter })
}

/// Columns as wide as their widest cell; those of numbers, behind the first few, to the right.
fn table(rows: &[Vec<String>], of_values: usize) -> String {
    let shown = |cell: &str| {
        let cut = cell.chars().count() > CELL_CHARS_MAX;
        let kept = plain(cell).take(CELL_CHARS_MAX - usize::from(cut));
        kept.chain(cut.then_some('…')).collect::<String>()
    };
    let columns = rows.first().map_or(0, Vec::len);
    let length = |cell: &String| cell.chars().count().min(CELL_CHARS_MAX);
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(length).max();
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or_default()).collect();
    let mut text = String::new();
    for row in rows {
        let cells = row.iter().zip(&widths).enumerate().map(|(column, (cell, width))| match column < of_values {
            true => format!("{:<width$}", shown(cell)),
            false => format!("{:>width$}", shown(cell)),
        });
        text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(arguments: &[&str]) -> Result<Value, String> {
        question(&arguments.iter().map(|argument| (*argument).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn reads_the_short_form() {
        let whole = "e.com visitors,pageviews by event:page over 2026-01-01..2026-01-31 where visit:country=DE";
        let expected = json!({
            "site_id": "e.com", "metrics": ["visitors", "pageviews"], "date_range": ["2026-01-01", "2026-01-31"],
            "dimensions": ["event:page"], "filters": [["is", "visit:country", ["DE"]]],
        });
        assert_eq!(asked(&[whole]), Ok(expected.clone()));
        assert_eq!(asked(&whole.split(' ').collect::<Vec<_>>()), Ok(expected));
        let by_time =
            asked(&["e.com", "visitors", "by", "time:day,event:page", "over", "2026-01-01,2026-01-31"]).unwrap();
        assert_eq!(by_time["dimensions"], json!(["time:day", "event:page"]));
        assert_eq!(by_time["date_range"], json!(["2026-01-01", "2026-01-31"]));
        assert_eq!(asked(&["e.com", "visitors"]).unwrap()["date_range"], "30d");
        assert_eq!(asked(&["{\"site_id\":", "\"e.com\"}"]), Ok(json!({ "site_id": "e.com" })));
    }

    #[test]
    fn all_filters_hold_and_a_value_may_have_blanks_and_equal_signs() {
        let read =
            asked(&["e.com", "visitors", "where", "visit:source=Direct / None", "where", "event:page=/a?b=c"]).unwrap();
        assert_eq!(
            read["filters"],
            json!([["is", "visit:source", ["Direct / None"]], ["is", "event:page", ["/a?b=c"]]])
        );
    }

    #[test]
    fn what_is_not_understood_is_taught() {
        for (words, told) in [
            ("e.com", "SITE METRIC[,METRIC]"),
            ("e.com visitors of it", "`of` is none of by, over and where"),
            (
                "e.com visitors where visit:source=Hacker News",
                "`News` is none of by, over and where: a value with a blank",
            ),
            ("e.com visitors by event:page by visit:country", "by time:day,event:page"),
            ("e.com visitors over 7d over 30d", "of one range"),
            ("e.com visitors over", "nothing stands behind `over`"),
            ("e.com visitors over 2026-01-01", "two dates such as 2026-01-01..2026-01-31"),
            ("e.com visitors over fortnight", "`fortnight` is no range: over takes day"),
            ("e.com visitors where visit:country", "is not DIMENSION=VALUE"),
        ] {
            let words: Vec<&str> = words.split(' ').collect();
            let problem = asked(&words).unwrap_err();
            assert!(problem.contains(told), "{words:?}: {problem}");
        }
    }

    #[test]
    fn prints_a_table_that_no_value_can_abuse() {
        let question = json!({ "dimensions": ["event:page"], "metrics": ["visitors"] });
        let answer = json!({ "results": [
            { "dimensions": ["=HYPERLINK(\"x\")"], "metrics": [12] },
            { "dimensions": ["/a\u{1b}[2J"], "metrics": [-3] },
        ]});
        let table = table(&rows(&question, &answer), 1);
        assert!(!table.contains('\u{1b}'));
        assert_eq!(table.lines().next(), Some("event:page       visitors"));
    }

    #[test]
    fn fewer_than_ten_stand_with_the_numbers() {
        let question = json!({ "dimensions": ["event:page"], "metrics": ["visitors", "bounce_rate"] });
        let answer = json!({ "results": [
            { "dimensions": ["/"], "metrics": [120, 42] },
            { "dimensions": ["/a"], "metrics": ["<10", null] },
        ]});
        assert_eq!(table(&rows(&question, &answer), 1).lines().last(), Some("/a               <10"));
    }

    #[test]
    fn money_is_written_out_and_what_a_row_is_compared_with_stands_beside_it() {
        let question = json!({ "metrics": ["total_revenue", "visitors"], "include": { "comparisons": { "mode": "previous_period" } } });
        let money = |long: &str| json!({ "value": 1234.5, "long": long, "short": "EUR 1.2K", "currency": "EUR" });
        let answer = json!({ "results": [{ "dimensions": [], "metrics": [money("EUR 1,234.50"), 7], "comparison": {
            "dimensions": [], "metrics": [money("EUR 2.00"), 14], "change": [null, -50]
        } }] });
        let rows = rows(&question, &answer);
        let head = "total_revenue visitors total_revenue_before visitors_before total_revenue_change visitors_change";
        assert_eq!(rows[0].join(" "), head);
        assert_eq!(rows[1], ["EUR 1,234.50", "7", "EUR 2.00", "14", "", "-50"]);
        assert!(table(&rows, 0).lines().nth(1).unwrap().starts_with(" EUR 1,234.50         7"), "{}", table(&rows, 0));
    }

    #[test]
    fn whatever_stands_in_meta_is_told_with_its_key() {
        let notes = notes(&json!({
            "metric_warnings": { "visitors": { "code": "sum_of_daily_visitors", "warning": "the sum of each day's" } },
            "folded": { "value": "(other)", "warning": "counted together" },
            "currency": { "code": "EUR", "warning": "others are in no sum" },
            "degraded": [{ "day": "2026-11-01", "records": 3, "warning": "3 requests are missing" }],
            "counted_from": { "goals": { "Signup": "2026-11-02T00:00:00Z" }, "warning": "from then on" },
            "coverage": { "measured": 4, "shares": { "measured": 100.0 } },
            "time_labels": ["2026-11-01"],
            "total_rows": 12,
        }));
        for told in [
            "metric_warnings, visitors: the sum of each day's",
            "folded: counted together {\"value\":\"(other)\"}",
            "currency: others are in no sum {\"code\":\"EUR\"}",
            "degraded: 3 requests are missing {\"day\":\"2026-11-01\",\"records\":3}",
            "counted_from: from then on {\"goals\":{\"Signup\":\"2026-11-02T00:00:00Z\"}}",
            "coverage: {\"measured\":4,\"shares\":{\"measured\":100.0}}",
            "time_labels: [\"2026-11-01\"]",
            "total_rows: 12",
        ] {
            assert!(notes.iter().any(|note| note == told), "{told}: {notes:?}");
        }
    }
}
