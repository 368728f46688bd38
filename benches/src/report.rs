//! Rows of figures and their table. A row is a ratio against a peer of the same run, or a figure by itself, with the design's
//! targets beside it.

use std::fmt::Write;

use serde::{Deserialize, Serialize};

/// What a measurement found.
#[derive(Default, Serialize, Deserialize)]
pub struct Report {
    /// The table's rows.
    pub rows: Vec<Row>,
    /// What was seen besides, a sentence each.
    pub notes: Vec<String>,
}

/// One line of the table; an empty text means that there is nothing to compare with.
#[derive(Default, Serialize, Deserialize)]
pub struct Row {
    /// What was measured.
    pub what: String,
    /// Footfall's figure with its unit.
    pub ours: String,
    /// The peer's, and who it is.
    pub peer: String,
    /// Footfall's as a multiple (`×`) or fraction (`÷`) of the peer's.
    pub ratio: String,
    /// The design's least and its aim.
    pub target: String,
}

impl Report {
    /// Adds what another measurement found.
    pub fn add(&mut self, other: Self) {
        self.rows.extend(other.rows);
        self.notes.extend(other.notes);
    }

    /// The whole as a block of Markdown.
    pub fn markdown(&self, date: &str, circumstances: &str) -> String {
        let mut text = format!("### {date}\n\n{circumstances}\n\n");
        text.push_str("| | Footfall | peer | Footfall to peer | at least; aim |\n|---|---|---|---|---|\n");
        for Row { what, ours, peer, ratio, target } in &self.rows {
            let _ = writeln!(text, "| {what} | {ours} | {peer} | {ratio} | {target} |");
        }
        text.push('\n');
        for note in &self.notes {
            let _ = writeln!(text, "* {note}");
        }
        text
    }
}

/// Ours as a fraction of theirs; as a multiple where it is larger.
pub fn fraction(ours: f64, theirs: f64) -> String {
    if ours > theirs { multiple(ours, theirs) } else { format!("÷ {}", short(theirs / ours)) }
}

/// Ours as a multiple of theirs.
pub fn multiple(ours: f64, theirs: f64) -> String {
    format!("× {}", short(ours / theirs))
}

/// A number in three digits or whole, with thousands apart.
pub fn short(number: f64) -> String {
    match number {
        n if n < 10.0 => format!("{n:.2}"),
        n if n < 100.0 => format!("{n:.1}"),
        n => thousands(n),
    }
}

fn thousands(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The middle one of some durations, in milliseconds.
pub fn median_ms(mut runs: Vec<std::time::Duration>) -> f64 {
    runs.sort_unstable();
    runs.get(runs.len() / 2).map_or(f64::NAN, |run| run.as_secs_f64() * 1_000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_readable() {
        assert_eq!([0.8, 12.34, 123.4, 1_234_567.0].map(short), ["0.80", "12.3", "123", "1,234,567"]);
    }

    #[test]
    fn ratios_say_which_way_they_go() {
        assert_eq!((fraction(2.0, 50.0), multiple(12.0, 10.0)), ("÷ 25.0".to_owned(), "× 1.20".to_owned()));
        assert_eq!(fraction(3.0, 2.0), "× 1.50");
    }
}
