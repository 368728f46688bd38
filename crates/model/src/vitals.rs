//! Web vitals: how a page felt to load and use, as a browser measured it, and the buckets in which that is counted.
//!
//! A bucket's bounds are part of what is stored, so whoever counts and whoever tells must agree on them. What a measurement means to a
//! report (percentiles, ratings) is the dashboard's to say.

use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

/// What is measured. The names are those of the Chrome team's `web-vitals`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Vital {
    /// Largest contentful paint, in milliseconds.
    Lcp,
    /// Interaction to next paint, in milliseconds.
    Inp,
    /// Cumulative layout shift, in thousandths.
    Cls,
    /// First contentful paint, in milliseconds.
    Fcp,
    /// Time to first byte, in milliseconds.
    Ttfb,
}

/// The largest value of each bucket but the last, which has none, and which of them end "good" and "needs improvement".
struct Scale {
    bounds: &'static [u32],
    good: u32,
    fair: u32,
}

/// The thresholds of "good" and "poor" are Google's (web.dev/articles/vitals, /fcp and /ttfb, as of 2026); each is a bound, so that shares
/// of ratings are exact. Between them buckets are as wide as a rounded figure would be anyway, and few, so that one measurement is seldom
/// alone in one.
const fn scale(vital: Vital) -> Scale {
    match vital {
        Vital::Lcp => {
            Scale { bounds: &[500, 1_000, 1_500, 2_000, 2_500, 3_000, 4_000, 6_000, 10_000], good: 2_500, fair: 4_000 }
        }
        Vital::Inp => Scale { bounds: &[50, 100, 150, 200, 300, 400, 500, 1_000], good: 200, fair: 500 },
        Vital::Cls => Scale { bounds: &[10, 50, 100, 150, 250, 500], good: 100, fair: 250 },
        Vital::Fcp => Scale { bounds: &[400, 800, 1_200, 1_500, 1_800, 2_400, 3_000, 5_000], good: 1_800, fair: 3_000 },
        Vital::Ttfb => Scale { bounds: &[100, 200, 400, 600, 800, 1_200, 1_800, 3_000], good: 800, fair: 1_800 },
    }
}

/// Buckets of all vitals together, a test counts them: what bounds the cells of one page and day.
pub const BUCKETS: usize = 44;

/// Longest time that is read, in milliseconds: ten minutes, far into the last bucket.
pub const MS_MAX: u32 = 600_000;
/// Largest layout shift that is read, in thousandths; far into the last bucket.
pub const SHIFT_MAX: u32 = 100_000;

/// The word that stands for the last bucket's bound.
const MORE: &str = "more";

/// A bucket of one vital.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bucket {
    /// What was measured.
    pub vital: Vital,
    /// Its largest value; the last one has none.
    pub to: Option<u32>,
}

/// How a value feels to most people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rating {
    /// Good.
    Good,
    /// Neither good nor poor.
    NeedsImprovement,
    /// Poor.
    Poor,
}

impl Vital {
    /// Every one, in the order in which they are told.
    pub const ALL: [Self; 5] = [Self::Lcp, Self::Inp, Self::Cls, Self::Fcp, Self::Ttfb];

    /// Its name in hits, in the store and in answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Lcp => "lcp",
            Self::Inp => "inp",
            Self::Cls => "cls",
            Self::Fcp => "fcp",
            Self::Ttfb => "ttfb",
        }
    }

    /// Largest value that is read.
    #[must_use]
    pub const fn max(self) -> u32 {
        match self {
            Self::Cls => SHIFT_MAX,
            Self::Lcp | Self::Inp | Self::Fcp | Self::Ttfb => MS_MAX,
        }
    }

    /// Its buckets, the smallest first.
    pub fn buckets(self) -> impl Iterator<Item = Bucket> {
        let bounded = scale(self).bounds.iter().map(|to| Some(*to));
        bounded.chain([None]).map(move |to| Bucket { vital: self, to })
    }

    /// The bucket of a value: the first whose bound it does not exceed.
    #[must_use]
    pub fn bucket(self, value: u32) -> Bucket {
        Bucket { vital: self, to: scale(self).bounds.iter().copied().find(|to| value <= *to) }
    }

    /// The largest good value, and the largest that is not poor.
    #[must_use]
    pub const fn thresholds(self) -> (u32, u32) {
        let Scale { good, fair, .. } = scale(self);
        (good, fair)
    }
}

impl Bucket {
    /// The value under which it is counted: `lcp 2500`, `lcp more`.
    #[must_use]
    pub fn key(self) -> String {
        let to = self.to.map_or_else(|| MORE.to_owned(), |to| to.to_string());
        format!("{} {to}", self.vital.as_str())
    }

    /// Reads such a value; nothing if it is of no bucket that this version knows.
    #[must_use]
    pub fn of_key(key: &str) -> Option<Self> {
        let (name, to) = key.split_once(' ')?;
        let vital = Vital::ALL.into_iter().find(|vital| vital.as_str() == name)?;
        let to = if to == MORE { None } else { Some(to.parse().ok()?) };
        vital.buckets().find(|bucket| bucket.to == to)
    }

    /// The largest value of the bucket before it; zero of the first.
    #[must_use]
    pub fn from(self) -> u32 {
        let before = |bound: &&u32| self.to.is_none_or(|to| **bound < to);
        scale(self.vital).bounds.iter().rev().find(before).copied().unwrap_or_default()
    }

    /// How its values feel: a threshold is a bound, so all of them alike.
    #[must_use]
    pub fn rating(self) -> Rating {
        let (good, fair) = self.vital.thresholds();
        match self.to {
            Some(to) if to <= good => Rating::Good,
            Some(to) if to <= fair => Rating::NeedsImprovement,
            Some(_) | None => Rating::Poor,
        }
    }
}

/// What a browser measured of one page view: times in milliseconds, the layout's shift in thousandths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vitals(
    /// One more than each value, so that every hit is 20 bytes larger by them and not 40.
    [Option<NonZeroU32>; Vital::ALL.len()],
);

const _: () = assert!(size_of::<Vitals>() == 20, "every hit carries one");

impl Vitals {
    /// Notes a value, held to what is read.
    pub fn set(&mut self, vital: Vital, value: u32) {
        if let Some(slot) = self.0.get_mut(vital as usize) {
            *slot = NonZeroU32::new(value.min(vital.max()).saturating_add(1));
        }
    }

    /// What was measured.
    pub fn iter(&self) -> impl Iterator<Item = (Vital, u32)> {
        Vital::ALL.into_iter().zip(self.0).filter_map(|(vital, more)| Some((vital, more?.get() - 1)))
    }

    /// Whether nothing was.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The same, each value held to what is read: another program may have sent it.
    #[must_use]
    pub fn held(&self) -> Self {
        let mut held = Self::default();
        self.iter().for_each(|(vital, value)| held.set(vital, value));
        held
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_in_one_bucket_and_a_threshold_ends_one() {
        for vital in Vital::ALL {
            let buckets: Vec<Bucket> = vital.buckets().collect();
            let (good, fair) = vital.thresholds();
            for value in [0, 1, good, good + 1, fair, fair + 1, vital.max(), u32::MAX] {
                let bucket = vital.bucket(value);
                let within = |bucket: &&Bucket| {
                    (value == 0 || bucket.from() < value || bucket.from() == 0)
                        && bucket.to.is_none_or(|to| value <= to)
                };
                assert_eq!(buckets.iter().find(within), Some(&bucket), "{vital:?} {value}");
                let rating = match value {
                    value if value <= good => Rating::Good,
                    value if value <= fair => Rating::NeedsImprovement,
                    _ => Rating::Poor,
                };
                assert_eq!(bucket.rating(), rating, "{vital:?} {value}");
            }
            for (bucket, next) in buckets.iter().zip(buckets.iter().skip(1)) {
                assert!(next.from() == bucket.to.unwrap() && bucket.from() < next.from(), "{bucket:?}");
            }
        }
    }

    #[test]
    fn a_buckets_value_is_read_again_and_no_other() {
        let all: Vec<Bucket> = Vital::ALL.into_iter().flat_map(Vital::buckets).collect();
        assert_eq!(all.len(), BUCKETS);
        for bucket in all {
            assert_eq!(Bucket::of_key(&bucket.key()), Some(bucket));
        }
        for key in ["lcp", "lcp 2501", "lcp ", "fid 100", "(other)", "cls -1"] {
            assert_eq!(Bucket::of_key(key), None, "{key}");
        }
    }

    #[test]
    fn values_are_held_to_what_is_read() {
        let mut vitals = Vitals::default();
        assert!(vitals.is_empty());
        vitals.set(Vital::Cls, u32::MAX);
        vitals.set(Vital::Lcp, 1_200);
        assert_eq!(vitals.iter().collect::<Vec<_>>(), [(Vital::Lcp, 1_200), (Vital::Cls, SHIFT_MAX)]);
        let sent = Vitals([Some(NonZeroU32::MAX), None, None, None, None]);
        assert_eq!(sent.held().iter().next(), Some((Vital::Lcp, MS_MAX)));
    }
}
