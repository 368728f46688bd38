//! Degraded days: those of which records were lost, because their key was gone before they could be opened, and those of which
//! counted records were forgotten, because it was gone before a restart had to read them again.
//!
//! A lost record says nothing, not even its site. So what is told of a site's day is how many records of all sites were lost
//! in the hours that touch it: at most that many hits are missing from its counts, or that many visitors may count twice.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use model::{LocalDay, Loss, Millis};
use privacy::disclosure::Precision;
use serde_json::{Value, json};
use store::questions::{LostSum, Span};

use super::range::instants;
use crate::calendar::{at, date_of, local_day};

const HOUR_MS: i64 = 3_600_000;

/// The days of a span of which records were lost or forgotten, and how many at most.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Degraded(BTreeMap<LocalDay, Harm>);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Harm {
    lost: i64,
    forgotten: i64,
}

impl Degraded {
    /// Finds the days. An hour of UTC that a midnight cuts (of a zone that is half an hour off) degrades both.
    #[must_use]
    pub fn of(lost: &[LostSum], span: Span, zone: &TimeZone) -> Self {
        let (from, until) = instants(span, zone);
        let day_of = |instant: Millis| local_day(at(instant, zone).date());
        let mut days: BTreeMap<LocalDay, Harm> = BTreeMap::new();
        for LostSum { hour, reason, records } in lost {
            let (begins, ends) = (*hour.max(&from), hour.plus(HOUR_MS).min(until).plus(-1));
            if begins > ends {
                continue;
            }
            for day in day_of(begins).0..=day_of(ends).0 {
                let harm = days.entry(LocalDay(day)).or_default();
                *(if reason == Loss::Forgotten.as_str() { &mut harm.forgotten } else { &mut harm.lost }) += records;
            }
        }
        Self(days)
    }

    /// Whether anything of them is missing.
    #[must_use]
    pub fn has_lost(&self) -> bool {
        self.0.values().any(|harm| harm.lost > 0)
    }

    /// Whether a visitor of one of them may count as two.
    #[must_use]
    pub fn has_forgotten(&self) -> bool {
        self.0.values().any(|harm| harm.forgotten > 0)
    }

    /// Tells them as an answer's `degraded`; nothing where there is none.
    #[must_use]
    pub fn tell(&self, precision: Precision) -> Option<Value> {
        let day = |(day, harm): (&LocalDay, &Harm)| {
            let (lost, forgotten) = (precision.at_most(harm.lost), precision.at_most(harm.forgotten));
            let missing =
                format!("the hits of up to {lost} requests could not be opened and are missing from this day's counts");
            let twice = format!(
                "a restart could not read up to {forgotten} counted requests again: whoever sent one and came back later that \
                 day counts as two visitors"
            );
            let warnings =
                [(harm.lost, missing), (harm.forgotten, twice)].into_iter().filter(|(records, _)| *records > 0);
            let warning = warnings.map(|(_, warning)| warning).collect::<Vec<_>>().join("; ");
            json!({ "day": date_of(*day).to_string(), "records": lost, "forgotten": forgotten, "warning": warning })
        };
        (!self.0.is_empty()).then(|| self.0.iter().map(day).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lost(instant: &str, records: i64) -> LostSum {
        let instant: jiff::Timestamp = instant.parse().unwrap();
        LostSum { hour: Millis(instant.as_millisecond()), reason: "expired".to_owned(), records }
    }

    #[test]
    fn what_was_forgotten_is_not_missing() {
        let forgotten = LostSum { reason: "forgotten".to_owned(), ..lost("2024-05-14T14:00:00Z", 3) };
        let day = local_day("2024-05-14".parse().unwrap());
        let told = |lost: &[LostSum]| {
            let days = Degraded::of(lost, Span::Days { first: day, last: day }, &TimeZone::UTC);
            days.tell(Precision::Exact).unwrap()[0].clone()
        };
        let only = told(std::slice::from_ref(&forgotten));
        let alone = Degraded(BTreeMap::from([(day, Harm { lost: 0, forgotten: 3 })]));
        assert!(alone.has_forgotten() && !alone.has_lost() && !Degraded::default().has_forgotten());
        assert_eq!((&only["records"], &only["forgotten"]), (&json!(0), &json!(3)));
        assert!(
            only["warning"].as_str().unwrap().starts_with("a restart could not read up to 3 counted requests again")
        );
        let both = told(&[lost("2024-05-14T15:00:00Z", 2), forgotten]);
        assert_eq!((&both["records"], &both["forgotten"]), (&json!(2), &json!(3)));
        assert!(both["warning"].as_str().unwrap().contains("missing from this day's counts; a restart"));
    }

    fn days(lost: &[LostSum], zone: &str, first: &str, last: &str) -> Vec<(String, i64)> {
        let day = |text: &str| local_day(text.parse().unwrap());
        let zone = TimeZone::get(zone).unwrap();
        let Degraded(days) = Degraded::of(lost, Span::Days { first: day(first), last: day(last) }, &zone);
        days.into_iter().map(|(day, harm)| (date_of(day).to_string(), harm.lost)).collect()
    }

    #[test]
    fn an_hour_degrades_the_sites_own_day() {
        let lost = [lost("2024-05-14T14:00:00Z", 3), lost("2024-05-14T15:00:00Z", 4)];
        assert_eq!(days(&lost, "UTC", "2024-05-01", "2024-05-31"), [("2024-05-14".to_owned(), 7)]);
        let (before, after) = (("2024-05-14".to_owned(), 3), ("2024-05-15".to_owned(), 4));
        assert_eq!(days(&lost, "Asia/Tokyo", "2024-05-01", "2024-05-31"), [before, after.clone()]);
        assert_eq!(days(&lost, "Asia/Tokyo", "2024-05-15", "2024-05-31"), [after]);
    }

    #[test]
    fn an_hour_that_midnight_cuts_degrades_both_days() {
        // Midnight in Kathmandu is at 18:15.
        let lost = [lost("2024-05-14T18:00:00Z", 2)];
        let both = [("2024-05-14".to_owned(), 2), ("2024-05-15".to_owned(), 2)];
        assert_eq!(days(&lost, "Asia/Kathmandu", "2024-05-01", "2024-05-31"), both);
        assert_eq!(days(&lost, "Asia/Kathmandu", "2024-05-15", "2024-05-15"), both[1..]);
    }

    #[test]
    fn a_range_of_hours_is_degraded_by_its_own() {
        let day = local_day("2024-05-14".parse().unwrap());
        let span = Span::Hours { first: (day, 10), last: (day, 11) };
        let of = |instant: &str| Degraded::of(&[lost(instant, 1)], span, &TimeZone::UTC).tell(Precision::Exact);
        assert!(of("2024-05-14T11:00:00Z").is_some());
        assert!(of("2024-05-14T12:00:00Z").is_none() && of("2024-05-14T09:00:00Z").is_none());
        let told = of("2024-05-14T10:00:00Z").unwrap();
        assert_eq!((&told[0]["day"], &told[0]["records"]), (&json!("2024-05-14"), &json!(1)));
        assert!(told[0]["warning"].as_str().unwrap().starts_with("the hits of up to 1 requests could not be opened"));
    }
}
