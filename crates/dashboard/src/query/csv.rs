//! Rows as a table of comma-separated values (RFC 4180), for spreadsheets that would rather calculate than read.
//!
//! The invariant: no text of a visitor's making begins a cell with what a spreadsheet takes for a formula. An apostrophe goes
//! before it, and before a text that begins with one, so that the original can be had back. Numbers are told ones, as anywhere.

use privacy::disclosure::Disclosed;
use serde_json::{Value, json};

use super::answer::ToldRow;
use super::{Dimension, Query, dimension};

/// What begins a formula, in any spreadsheet: also after being taken for white space, and as wide letters.
const FORMULA: [char; 12] = ['=', '+', '-', '@', '\t', '\r', '\n', '\0', '＝', '＋', '－', '＠'];

/// What separates cells or lines, also where a spreadsheet's language has semicolons or tabs for commas: what stands behind one
/// in a text would else begin a cell there.
const SEPARATING: [char; 6] = ['"', ',', ';', '\t', '\r', '\n'];

/// Writes a table with a line of names.
#[must_use]
pub fn table(query: &Query, rows: &[ToldRow]) -> String {
    let mut table = String::new();
    line(&mut table, names(query).into_iter());
    for row in rows {
        let texts = |values: &[Option<String>]| -> Vec<String> {
            values.iter().map(|value| text(value.as_deref().unwrap_or_default())).collect()
        };
        let numbers = |values: &[Disclosed]| -> Vec<String> { values.iter().map(|value| number(*value)).collect() };
        let mut cells = texts(&row.dimensions);
        cells.extend(numbers(&row.metrics));
        if let Some(comparison) = &row.comparison {
            cells.extend(numbers(&comparison.metrics));
            cells.extend(numbers(&comparison.change));
        } else if query.include.comparisons.is_some() {
            cells.extend(std::iter::repeat_n(String::new(), 2 * row.metrics.len()));
        }
        line(&mut table, cells.into_iter());
    }
    table
}

/// The columns' names, as cells.
pub(crate) fn names(query: &Query) -> Vec<String> {
    let name = |asked: &Dimension| match asked {
        Dimension::Time(grain) => dimension::time_name(*grain).to_owned(),
        Dimension::Of(named) => named.name.clone(),
    };
    let metrics = |suffix: &'static str| query.metrics.iter().map(move |metric| format!("{}{suffix}", metric.as_str()));
    let mut names: Vec<String> = query.dimensions.iter().map(name).chain(metrics("")).collect();
    if query.include.comparisons.is_some() {
        names.extend(metrics("_before").chain(metrics("_change")));
    }
    names.iter().map(|name| text(name)).collect()
}

/// Adds a line of cells.
pub(crate) fn line(table: &mut String, cells: impl Iterator<Item = String>) {
    for (number, cell) in cells.enumerate() {
        if number > 0 {
            table.push(',');
        }
        table.push_str(&cell);
    }
    table.push_str("\r\n");
}

fn number(value: Disclosed) -> String {
    let told = json!(value);
    // Of money, what can be calculated with.
    match told.get("value").cloned().unwrap_or(told) {
        Value::Null => String::new(),
        Value::String(text) => text,
        other => other.to_string(),
    }
}

/// A text as a cell.
pub(crate) fn text(text: &str) -> String {
    let guard = if text.starts_with(FORMULA) || text.starts_with('\'') { "'" } else { "" };
    if text.contains(SEPARATING) {
        format!("\"{guard}{}\"", text.replace('"', "\"\""))
    } else {
        format!("{guard}{text}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_begins_a_formula() {
        for (value, cell) in [
            ("/a", "/a"),
            ("", ""),
            ("=1+1", "'=1+1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("-2", "'-2"),
            ("+2", "'+2"),
            ("＝1", "'＝1"),
            ("\t=1", "\"'\t=1\""),
            ("\0=1", "'\0=1"),
            ("a;=1+1", "\"a;=1+1\""),
            ("'=1", "''=1"),
            ("=\"a\",b", "\"'=\"\"a\"\",b\""),
            ("a,b", "\"a,b\""),
            ("\r\n=1", "\"'\r\n=1\""),
        ] {
            assert_eq!(text(value), cell);
        }
    }
}
