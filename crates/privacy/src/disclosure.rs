//! What may be told of a count, and the only numbers that may: a [`Disclosed`] is made here and nowhere else.
//!
//! A site in mode `exempt` tells tens: a count is rounded to the nearest ten, one to nine are told as fewer than ten (ten would
//! add people who were not there), and zero is zero. What is made of counts is told no more precisely than they are:
//!
//! * A share (bounces of visits, views per visit, percent of visitors) is made of the two counts as they are told, one to
//!   nine as five. So it tells nothing that they do not. A share of the counts themselves, rounded however coarsely, would:
//!   the rounded part and the rounded share each leave a range, and where the ranges meet is at times one number.
//!   Errs by up to ten in a hundred of a base of a hundred, by one in a hundred of a base of a thousand.
//! * A mean of amounts (seconds, scrolled percent) is exact: it says nothing of how many it is the mean of.
//! * Money is not told at all: audience measurement counts none.
//! * Either is unknown where its base is fewer than ten; a row's part of the whole also where the row is.
//!
//! It does not order rows (the store does, by the same rule) and does not look at differences: twelve visitors less the
//! eleven of another question are told as ten less ten, but whoever asks for overlapping ranges day after day can narrow a sum down.

use std::fmt;

use model::{Currency, Mode};
use serde::{Serialize, Serializer};

use crate::money::Money;

/// What counts are rounded to.
pub const STEP: i64 = 10;

/// How one to nine are told.
pub const FEWER: &str = "<10";

/// What one to nine count as where a share is made of them: their middle.
const FEW: i64 = 5;

/// How precisely a site's numbers are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    /// As they are.
    Exact,
    /// In tens.
    Tens,
}

/// A number that may leave.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Disclosed(Told);

#[derive(Clone, Copy, Debug, PartialEq)]
enum Told {
    Whole(i64),
    Decimal(f64),
    FewerThanStep,
    Unknown,
    Money(Money),
}

/// How a quotient is shown.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    /// What one of it counts as, in the smallest step that is shown: 1,000 for percent to one decimal.
    pub steps_per_one: f64,
    /// How many of these steps are one in the answer: 10 for one decimal, 1 for whole numbers.
    pub steps: f64,
    /// Whether the quotient of nothing is told as zero; else it is unknown.
    pub empty_is_zero: bool,
}

impl Precision {
    /// What a site in this mode may tell.
    #[must_use]
    pub const fn of(mode: Mode) -> Self {
        match mode {
            Mode::Exempt => Self::Tens,
            Mode::Off | Mode::Minimal | Mode::Full => Self::Exact,
        }
    }

    /// A count of hits, visits or visitors.
    #[must_use]
    pub fn count(self, count: i64) -> Disclosed {
        Disclosed(match (self, count) {
            (Self::Exact, _) => Told::Whole(count),
            (Self::Tens, 1..STEP) => Told::FewerThanStep,
            (Self::Tens, _) => Told::Whole(tens(count)),
        })
    }

    /// A bound: no more than this. It is rounded up, for else it would not hold.
    #[must_use]
    pub fn at_most(self, count: i64) -> Disclosed {
        Disclosed(Told::Whole(match self {
            Self::Exact => count,
            Self::Tens => count.saturating_add(STEP - 1) / STEP * STEP,
        }))
    }

    /// One count per another.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "counts stay below 2^53")]
    pub fn share(self, part: i64, base: i64, scale: Scale) -> Disclosed {
        match self {
            Self::Exact => quotient(part, base, scale),
            Self::Tens if base < STEP => Disclosed(Told::Unknown),
            Self::Tens => shown(tens(part) as f64 / tens(base) as f64, scale),
        }
    }

    /// A count as rows are ordered by it: as it is told, so that an order says no more than the numbers do.
    #[must_use]
    pub const fn rank(self, count: i64) -> i64 {
        match self {
            Self::Exact => count,
            Self::Tens => tens(count),
        }
    }

    /// One count per another that stands beside it: not told where that is told as fewer than ten, which would read as five.
    #[must_use]
    pub fn share_beside(self, part: i64, base: i64, scale: Scale) -> Disclosed {
        match (self, part) {
            (Self::Tens, 1..STEP) => Disclosed(Told::Unknown),
            (Self::Exact | Self::Tens, _) => self.share(part, base, scale),
        }
    }

    /// A sum of money. A site that tells tens counts none.
    #[must_use]
    pub fn money(self, micros: i64, currency: Currency) -> Disclosed {
        match self {
            Self::Exact => Disclosed(Told::Money(Money { micros, currency })),
            Self::Tens => Disclosed(Told::Unknown),
        }
    }

    /// A sum of money per count of what brought it; unknown where there was none.
    #[must_use]
    pub fn money_each(self, micros: i64, count: i64, currency: Currency) -> Disclosed {
        match micros.checked_div(count) {
            Some(each) => self.money(each, currency),
            None => Disclosed(Told::Unknown),
        }
    }

    /// One count per the sum of several: of all together, a hundred percent.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "counts stay below 2^53")]
    pub fn share_of_sum(self, part: i64, parts: &[i64], scale: Scale) -> Disclosed {
        let sum = parts.iter().sum();
        match self {
            Self::Tens if sum >= STEP => {
                let told: i64 = parts.iter().map(|part| tens(*part)).sum();
                shown(tens(part) as f64 / told as f64, scale)
            }
            Self::Exact | Self::Tens => self.share(part, sum, scale),
        }
    }

    /// A sum of amounts per count of those that it is of.
    #[must_use]
    pub fn mean(self, sum: i64, base: i64, scale: Scale) -> Disclosed {
        match self {
            Self::Tens if base < STEP => Disclosed(Told::Unknown),
            Self::Exact | Self::Tens => quotient(sum, base, scale),
        }
    }
}

impl Disclosed {
    /// What is not told.
    pub const UNKNOWN: Self = Self(Told::Unknown);
}

/// What is made of told numbers only, so that it says nothing that they do not.
impl Disclosed {
    /// How much more this is than another, in whole percent of that; a hundred where that is nothing, as Plausible has it.
    /// Unknown where either is, or is fewer than ten.
    #[must_use]
    pub fn percent_from(self, before: Self) -> Self {
        Self(match (self.number(), before.number()) {
            (Some(now), Some(0.0)) => Told::Whole(if now > 0.0 { 100 } else { 0 }),
            (Some(now), Some(before)) => whole((now - before) / before * 100.0),
            _ => Told::Unknown,
        })
    }

    /// How much more this is than another, in its own unit, to two decimals.
    #[must_use]
    pub fn points_from(self, before: Self) -> Self {
        Self(match (self.0, before.0) {
            (Told::Whole(now), Told::Whole(before)) => Told::Whole(now.saturating_sub(before)),
            _ => match (self.number(), before.number()) {
                (Some(now), Some(before)) => Told::Decimal(((now - before) * 100.0).round_ties_even() / 100.0),
                _ => Told::Unknown,
            },
        })
    }

    #[expect(clippy::cast_precision_loss, reason = "counts stay below 2^53")]
    fn number(self) -> Option<f64> {
        match self.0 {
            Told::Whole(number) => Some(number as f64),
            Told::Decimal(number) => Some(number),
            Told::Money(money) => Some(money.value()),
            Told::FewerThanStep | Told::Unknown => None,
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "percent are far below 2^53; beyond, the cast saturates")]
fn whole(number: f64) -> Told {
    Told::Whole(number.round_ties_even() as i64)
}

impl fmt::Display for Disclosed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Told::Whole(number) => number.fmt(f),
            Told::Decimal(number) => number.fmt(f),
            Told::Money(money) => f.write_str(&money.long()),
            Told::FewerThanStep => f.write_str(FEWER),
            Told::Unknown => f.write_str("–"),
        }
    }
}

impl Serialize for Disclosed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Told::Whole(number) => serializer.serialize_i64(number),
            Told::Decimal(number) => serializer.serialize_f64(number),
            Told::Money(money) => money.serialize(serializer),
            Told::FewerThanStep => serializer.serialize_str(FEWER),
            Told::Unknown => serializer.serialize_none(),
        }
    }
}

/// A count as it is told, with a number for those that are told without one. The store's questions order by the same.
const fn tens(count: i64) -> i64 {
    match count {
        ..=0 => 0,
        1..STEP => FEW,
        STEP.. => count.saturating_add(STEP / 2) / STEP * STEP,
    }
}

#[expect(clippy::cast_precision_loss, reason = "sums stay below 2^53")]
fn quotient(part: i64, base: i64, scale: Scale) -> Disclosed {
    match (base, scale.empty_is_zero) {
        (0, true) => shown(0.0, scale),
        (0, false) => Disclosed(Told::Unknown),
        _ => shown(part as f64 / base as f64, scale),
    }
}

/// Half to even, as ClickHouse rounds.
#[expect(
    clippy::cast_possible_truncation,
    reason = "seconds and percent are far below 2^53; beyond, the cast saturates"
)]
fn shown(number: f64, scale: Scale) -> Disclosed {
    let steps = (number * scale.steps_per_one).round_ties_even();
    Disclosed(if scale.steps > 1.0 { Told::Decimal(steps / scale.steps) } else { Told::Whole(steps as i64) })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    const PERCENT: Scale = Scale { steps_per_one: 100.0, steps: 1.0, empty_is_zero: true };
    const TENTHS: Scale = Scale { steps_per_one: 1_000.0, steps: 10.0, empty_is_zero: false };

    fn told(disclosed: Disclosed) -> Value {
        serde_json::to_value(disclosed).unwrap()
    }

    #[test]
    fn only_a_site_in_exempt_mode_tells_tens() {
        for mode in [Mode::Off, Mode::Minimal, Mode::Full] {
            assert_eq!(told(Precision::of(mode).count(7)), json!(7));
        }
        assert_eq!(told(Precision::of(Mode::Exempt).count(7)), json!("<10"));
    }

    #[test]
    fn a_count_is_rounded_to_the_nearest_ten_and_never_made_ten() {
        for (count, expected) in [
            (0, json!(0)),
            (1, json!("<10")),
            (9, json!("<10")),
            (10, json!(10)),
            (14, json!(10)),
            (15, json!(20)),
            (94, json!(90)),
            (1_234_567, json!(1_234_570)),
            (-3, json!(0)),
        ] {
            assert_eq!(told(Precision::Tens.count(count)), expected, "{count}");
        }
        let _ = Precision::Tens.count(i64::MAX);
    }

    #[test]
    fn a_change_is_made_of_what_is_told() {
        let tens = |now, before| told(Precision::Tens.count(now).percent_from(Precision::Tens.count(before)));
        let exact = |now, before| told(Precision::Exact.count(now).percent_from(Precision::Exact.count(before)));
        assert_eq!(
            (exact(30, 20), exact(5, 20), exact(7, 0), exact(0, 0)),
            (json!(50), json!(-75), json!(100), json!(0))
        );
        assert_eq!(
            (tens(34, 16), tens(9, 20), tens(20, 9), tens(20, 0)),
            (json!(50), Value::Null, Value::Null, json!(100))
        );
        let points = |now, before| {
            told(Precision::Exact.share(now, 100, PERCENT).points_from(Precision::Exact.share(before, 100, PERCENT)))
        };
        assert_eq!(points(20, 50), json!(-30));
        let tenths = |part| Precision::Exact.share(part, 1_000, TENTHS);
        assert_eq!(told(tenths(123).points_from(tenths(5))), json!(11.8));
        assert_eq!(told(tenths(123).points_from(Precision::Exact.share(0, 0, TENTHS))), Value::Null);
    }

    #[test]
    fn a_bound_is_rounded_up() {
        assert_eq!([0, 1, 10, 11].map(|count| told(Precision::Tens.at_most(count))), [0, 10, 10, 20].map(Value::from));
        assert_eq!(told(Precision::Exact.at_most(11)), json!(11));
    }

    #[test]
    fn a_share_of_few_is_unknown_and_of_more_as_coarse_as_its_counts() {
        for (part, base, expected) in [
            (3, 9, Value::Null),
            (0, 0, Value::Null),
            (0, 30, json!(0)),
            (1, 30, json!(17)),
            (9, 30, json!(17)),
            (10, 30, json!(33)),
            (14, 30, json!(33)),
            (15, 30, json!(67)),
            (14, 15, json!(50)),
            (15, 15, json!(100)),
            (455, 1_000, json!(46)),
            (71, 23, json!(350)),
        ] {
            assert_eq!(told(Precision::Tens.share(part, base, PERCENT)), expected, "{part} of {base}");
        }
        assert_eq!(told(Precision::Exact.share(1, 8, PERCENT)), json!(12), "12.5 goes to the even neighbour");
        assert_eq!(told(Precision::Exact.share(0, 0, PERCENT)), json!(0));
        assert_eq!(told(Precision::Exact.share(0, 0, TENTHS)), Value::Null);
        assert_eq!(told(Precision::Exact.share(3, 7, TENTHS)), json!(42.9));
    }

    #[test]
    fn a_share_beside_few_is_unknown() {
        let share = |precision: Precision, part| told(precision.share_beside(part, 200, TENTHS));
        assert_eq!([0, 9, 10].map(|part| share(Precision::Tens, part)), [json!(0.0), Value::Null, json!(5.0)]);
        assert_eq!(share(Precision::Exact, 9), json!(4.5));
    }

    #[test]
    fn shares_of_a_sum_are_of_what_is_told_and_a_hundred_together() {
        let share = |precision: Precision, part| told(precision.share_of_sum(part, &[61, 4, 0], TENTHS));
        assert_eq!([61, 4, 0].map(|part| share(Precision::Tens, part)), [92.3, 7.7, 0.0].map(Value::from));
        assert_eq!([61, 4, 0].map(|part| share(Precision::Exact, part)), [93.8, 6.2, 0.0].map(Value::from));
        assert_eq!(told(Precision::Tens.share_of_sum(4, &[4, 4], TENTHS)), Value::Null);
    }

    #[test]
    fn a_mean_of_few_is_unknown_and_of_more_exact() {
        let seconds = Scale { steps_per_one: 1.0, steps: 1.0, empty_is_zero: true };
        assert_eq!(told(Precision::Tens.mean(900, 9, seconds)), Value::Null);
        assert_eq!(told(Precision::Tens.mean(1_234, 11, seconds)), json!(112));
        assert_eq!(told(Precision::Exact.mean(900, 9, seconds)), json!(100));
    }

    proptest! {
        #[test]
        fn no_count_is_further_off_than_five_and_none_below_ten_is_told(count in 0..100_000_i64) {
            match told(Precision::Tens.count(count)) {
                Value::String(few) => prop_assert!(few == FEWER && (1..STEP).contains(&count)),
                Value::Number(number) => {
                    let number = number.as_i64().unwrap();
                    prop_assert!(number % STEP == 0 && (number - count).abs() <= STEP / 2);
                    prop_assert!(number == 0 || count >= STEP);
                }
                other => prop_assert!(false, "{other}"),
            }
        }

        #[test]
        fn a_share_follows_from_the_counts_as_they_are_told(
            (part, base) in (0..400_i64, 10..400_i64), (other_part, other_base) in (0..400_i64, 10..400_i64),
        ) {
            let finest = Scale { steps_per_one: 1e9, steps: 1e9, empty_is_zero: false };
            let counts = |part, base| [part, base].map(|count| told(Precision::Tens.count(count)));
            let share = |part, base| told(Precision::Tens.share(part, base, finest));
            if counts(part, base) == counts(other_part, other_base) {
                prop_assert_eq!(share(part, base), share(other_part, other_base));
            }
            // The neighbours that are told alike, so that the case is met.
            let like = |count: i64| (count - 9..=count + 9).filter(move |other| told(Precision::Tens.count(*other)) == told(Precision::Tens.count(count)));
            for (part_like, base_like) in like(part).zip(like(base)) {
                prop_assert_eq!(share(part, base), share(part_like, base_like));
            }
            prop_assert!(part > base || share(part, base).as_f64().unwrap() <= 1.0);
        }
    }
}
