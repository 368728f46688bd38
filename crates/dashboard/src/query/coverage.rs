//! Coverage: of the hits of people, how many were measured, how many counted only, how many left out because somebody
//! refused; and what led to less.
//!
//! It is about hits (page views, events, reports of attention), not about visitors: whoever is counted only is not told
//! apart. Robots, duplicates and malformed hits are no part of it. Late hits are counted only. Errs when: a range is longer than
//! the ledger is kept; then it says since when it knows. Late hits of versions before that counted them are told as if they were.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use model::{LocalDay, Millis};
use privacy::disclosure::{Disclosed, Precision, Scale};
use serde::Serialize;
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
                ("late", _) => (&mut coverage.counted_only, Some("late")),
                ("refused", "opted_out" | "restricted" | "off") => (&mut coverage.opted_out, None),
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

    /// Tells it, for an answer about days from `first` on.
    #[must_use]
    pub fn tell(&self, precision: Precision, first: LocalDay, zone: &TimeZone) -> ToldCoverage {
        let Self { measured, exempt, counted_only, opted_out, ref lowered_by, since } = *self;
        let told = |number: &dyn Fn(i64) -> Disclosed| ToldParts {
            measured: number(measured),
            exempt: number(exempt),
            counted_only: number(counted_only),
            opted_out: number(opted_out),
        };
        let whole = [measured, counted_only, opted_out];
        let since = since.map(|since| local_day(at(since, zone).date())).filter(|since| *since > first);
        ToldCoverage {
            hits: told(&|hits| precision.count(hits)),
            shares: told(&|hits| precision.share_of_sum(hits, &whole, PERCENT)),
            lowered_by: lowered_by.iter().map(|(name, hits)| (name.clone(), precision.count(*hits))).collect(),
            since: since.map(|since| date_of(since).to_string()),
        }
    }
}

/// Percent to one decimal.
const PERCENT: Scale = Scale { steps_per_one: 1_000.0, steps: 10.0, empty_is_zero: false };

/// Coverage as it leaves.
#[derive(Serialize)]
pub struct ToldCoverage {
    #[serde(flatten)]
    hits: ToldParts,
    shares: ToldParts,
    lowered_by: BTreeMap<String, Disclosed>,
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<String>,
}

#[derive(Serialize)]
struct ToldParts {
    measured: Disclosed,
    exempt: Disclosed,
    counted_only: Disclosed,
    opted_out: Disclosed,
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn told(sums: &[LedgerSum], first: i32, precision: Precision) -> Value {
        json!(Coverage::of(sums).tell(precision, LocalDay(first), &TimeZone::UTC))
    }

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
        assert_eq!(
            told(&sums, 0, Precision::Exact),
            json!({
                "measured": 90, "exempt": 25, "counted_only": 8, "opted_out": 2,
                "shares": { "measured": 90.0, "exempt": 25.0, "counted_only": 8.0, "opted_out": 2.0 },
                "lowered_by": { "gpc": 6, "unclear": 16 },
                "since": "1970-01-02",
            })
        );
        assert_eq!(told(&sums, 1, Precision::Exact)["since"], Value::Null);
        assert_eq!(
            told(&sums, 1, Precision::Tens),
            json!({
                "measured": 90, "exempt": 30, "counted_only": "<10", "opted_out": "<10",
                "shares": { "measured": 90.0, "exempt": 30.0, "counted_only": 5.0, "opted_out": 5.0 },
                "lowered_by": { "gpc": "<10", "unclear": 20 },
            })
        );
    }

    #[test]
    fn what_came_late_is_counted_only() {
        let late = told(&[sum("counted", "full", 3, 0), sum("late", "", 1, 0)], 0, Precision::Exact);
        assert_eq!((&late["measured"], &late["counted_only"]), (&json!(3), &json!(1)));
        assert_eq!((&late["shares"]["counted_only"], &late["lowered_by"]), (&json!(25.0), &json!({ "late": 1 })));
    }

    #[test]
    fn nothing_has_no_shares() {
        let nothing = told(&[], 0, Precision::Exact);
        assert_eq!((&nothing["measured"], &nothing["shares"]["measured"]), (&json!(0), &Value::Null));
    }
}
