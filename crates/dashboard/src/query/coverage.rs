//! Coverage: of the hits of people, how many were measured, how many counted only, how many left out because somebody
//! refused; and what led to less.
//!
//! It is about hits (page views, events, reports of attention), not about visitors: whoever is counted only is not told
//! apart. Robots, duplicates, late and malformed hits are no part of it. Errs when: a range is longer than the ledger is
//! kept; then it says since when it knows.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use model::{LocalDay, Millis};
use serde_json::{Map, Value, json};
use store::questions::LedgerSum;

use crate::calendar::{at, date_of, local_day};

/// What became of the hits of people in a range.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Counted with their visitor.
    measured: i64,
    /// Those of them that were counted within what needs no consent.
    exempt: i64,
    /// Counted without their visitor.
    counted_only: i64,
    /// Left out: opted out, or led to `off`.
    opted_out: i64,
    /// Hits that were left less than the site's own mode, by what lowered them.
    lowered_by: BTreeMap<String, i64>,
    /// The first minute of any of them.
    since: Option<Millis>,
}

impl Coverage {
    /// Reads it out of the ledger's sums.
    #[must_use]
    pub fn of(sums: &[LedgerSum]) -> Self {
        let mut coverage = Self::default();
        for LedgerSum { outcome, reason, hits, since } in sums {
            let (counter, lowering) = match (outcome.as_str(), reason.as_str()) {
                ("counted", _) => (&mut coverage.measured, reason.strip_prefix("exempt/")),
                ("minimal", lowering) => (&mut coverage.counted_only, Some(lowering).filter(|word| !word.is_empty())),
                ("refused", "opted_out" | "off") => (&mut coverage.opted_out, None),
                _ => continue,
            };
            *counter += hits;
            if outcome == "counted" && reason.starts_with("exempt") {
                coverage.exempt += hits;
            }
            if let Some(lowering) = lowering {
                *coverage.lowered_by.entry(lowering.to_owned()).or_default() += hits;
            }
            coverage.since = Some(coverage.since.map_or(*since, |known| known.min(*since)));
        }
        coverage
    }

    /// Writes it for an answer about days from `first` on.
    #[must_use]
    pub fn write(&self, first: LocalDay, zone: &TimeZone) -> Value {
        let whole = self.measured + self.counted_only + self.opted_out;
        let share = |hits: i64| percent(hits, whole);
        let mut written = Map::new();
        let parts = [
            ("measured", self.measured),
            ("exempt", self.exempt),
            ("counted_only", self.counted_only),
            ("opted_out", self.opted_out),
        ];
        written.extend(parts.map(|(name, hits)| (name.to_owned(), hits.into())));
        written.insert(
            "shares".to_owned(),
            parts.map(|(name, hits)| (name.to_owned(), share(hits))).into_iter().collect(),
        );
        written.insert("lowered_by".to_owned(), json!(self.lowered_by));
        let since = self.since.map(|since| local_day(at(since, zone).date())).filter(|since| *since > first);
        written.extend(since.map(|since| ("since".to_owned(), date_of(since).to_string().into())));
        written.into()
    }
}

/// A share in percent to one decimal; nothing where there is nothing to share.
#[expect(clippy::cast_precision_loss, reason = "hits stay below 2^53")]
fn percent(part: i64, whole: i64) -> Value {
    if whole > 0 { ((part as f64 * 1_000.0 / whole as f64).round() / 10.0).into() } else { Value::Null }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(outcome: &str, reason: &str, hits: i64, since: i64) -> LedgerSum {
        LedgerSum { outcome: outcome.to_owned(), reason: reason.to_owned(), hits, since: Millis(since) }
    }

    #[test]
    fn tells_how_much_was_measured_and_what_led_to_less() {
        let sums = [
            sum("bot", "declared", 1_000, 0),
            // A row of the first version, whose mode nobody knows.
            sum("counted", "", 5, 90_000_000),
            sum("counted", "exempt", 10, 90_000_000),
            sum("counted", "exempt/unclear", 15, 90_000_000),
            sum("counted", "full", 60, 90_000_000),
            sum("minimal", "", 1, 90_000_000),
            sum("minimal", "gpc", 6, 90_000_000),
            sum("minimal", "unclear", 1, 90_000_000),
            sum("refused", "duplicate", 7, 0),
            sum("refused", "opted_out", 2, 90_000_000),
        ];
        let written = Coverage::of(&sums).write(LocalDay(0), &TimeZone::UTC);
        assert_eq!(
            written,
            json!({
                "measured": 90, "exempt": 25, "counted_only": 8, "opted_out": 2,
                "shares": { "measured": 90.0, "exempt": 25.0, "counted_only": 8.0, "opted_out": 2.0 },
                "lowered_by": { "gpc": 6, "unclear": 16 },
                "since": "1970-01-02",
            })
        );
        assert_eq!(Coverage::of(&sums).write(LocalDay(1), &TimeZone::UTC)["since"], Value::Null);
    }

    #[test]
    fn nothing_has_no_shares() {
        let written = Coverage::of(&[]).write(LocalDay(0), &TimeZone::UTC);
        assert_eq!((&written["measured"], &written["shares"]["measured"]), (&json!(0), &Value::Null));
    }
}
