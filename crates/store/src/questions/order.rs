//! How rows are ordered: by a count, by one count divided by another, by value, by time.
//!
//! A measure reaches the SQL as the numbers of its columns, so no order can be anything but one of these.

use model::Counts;

/// One field of [`Counts`], by its number in the questions' SQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Column {
    /// [`Counts::visitors`].
    Visitors = 1,
    /// [`Counts::visits`].
    Visits,
    /// [`Counts::pageviews`].
    Pageviews,
    /// [`Counts::events`].
    Events,
    /// [`Counts::bounces`].
    Bounces,
    /// [`Counts::visit_seconds`].
    VisitSeconds,
    /// [`Counts::entries`].
    Entries,
    /// [`Counts::exits`].
    Exits,
    /// [`Counts::engaged_ms`].
    EngagedMs,
    /// [`Counts::scroll_percent`].
    ScrollPercent,
    /// [`Counts::scroll_visitors`].
    ScrollVisitors,
    /// [`Counts::revenue_micros`].
    RevenueMicros,
}

/// The SQL's number for one, so that a count is itself divided by it.
const ONE: u8 = 13;

/// The SQL's number for the bucket of time.
const BUCKET: u8 = 14;

impl Column {
    /// The field's value.
    #[must_use]
    pub const fn of(self, counts: &Counts) -> i64 {
        match self {
            Self::Visitors => counts.visitors,
            Self::Visits => counts.visits,
            Self::Pageviews => counts.pageviews,
            Self::Events => counts.events,
            Self::Bounces => counts.bounces,
            Self::VisitSeconds => counts.visit_seconds,
            Self::Entries => counts.entries,
            Self::Exits => counts.exits,
            Self::EngagedMs => counts.engaged_ms,
            Self::ScrollPercent => counts.scroll_percent,
            Self::ScrollVisitors => counts.scroll_visitors,
            Self::RevenueMicros => counts.revenue_micros,
        }
    }
}

/// A number made of counts: one of them, or one per another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measure {
    /// What is measured.
    pub numerator: Column,
    /// Per what, if per anything.
    pub denominator: Option<Column>,
}

impl Measure {
    /// A count as it is.
    #[must_use]
    pub const fn count(column: Column) -> Self {
        Self { numerator: column, denominator: None }
    }

    /// One count per another.
    #[must_use]
    pub const fn ratio(numerator: Column, denominator: Column) -> Self {
        Self { numerator, denominator: Some(denominator) }
    }

    /// Its value, or `None` when there is nothing to divide by.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "sums stay below 2^53")]
    pub fn of(self, counts: &Counts) -> Option<f64> {
        let numerator = self.numerator.of(counts) as f64;
        match self.denominator.map(|column| column.of(counts)) {
            None => Some(numerator),
            Some(0) => None,
            Some(denominator) => Some(numerator / denominator as f64),
        }
    }
}

/// What rows are ordered by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// A number.
    Measure(Measure),
    /// The bucket of time.
    Time,
    /// The value.
    Value,
}

/// One key of an order and its direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    /// By what.
    pub key: Key,
    /// Largest first.
    pub descending: bool,
}

/// An order as the SQL's parameters.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct OrderParameters {
    pub(super) before: NumberKeys,
    pub(super) values_descending: bool,
    pub(super) after: NumberKeys,
}

/// Keys that are numbers, first counts most.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct NumberKeys {
    pub(super) numerators: Vec<u8>,
    pub(super) denominators: Vec<u8>,
    pub(super) signs: Vec<i8>,
}

impl NumberKeys {
    fn push(&mut self, numerator: u8, denominator: u8, descending: bool) {
        self.numerators.push(numerator);
        self.denominators.push(denominator);
        self.signs.push(if descending { -1 } else { 1 });
    }
}

impl OrderParameters {
    /// Cuts the keys at the value; after value and time no two rows are alike, so what follows both changes nothing.
    pub(super) fn of(order: &[Order]) -> Self {
        let mut parameters = Self::default();
        let mut value_seen = false;
        for Order { key, descending } in order {
            let keys = if value_seen { &mut parameters.after } else { &mut parameters.before };
            match key {
                Key::Measure(Measure { numerator, denominator }) => {
                    let denominator = denominator.map_or(ONE, |column| column as u8);
                    keys.push(*numerator as u8, denominator, *descending);
                }
                Key::Time => keys.push(BUCKET, ONE, *descending),
                Key::Value if value_seen => {}
                Key::Value => {
                    parameters.values_descending = *descending;
                    value_seen = true;
                }
            }
        }
        parameters.after.push(BUCKET, ONE, false);
        parameters
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_before_and_after_the_value_stay_on_their_sides() {
        let by = |key, descending| Order { key, descending };
        let bounce_rate = Measure::ratio(Column::Bounces, Column::Visits);
        let parameters = OrderParameters::of(&[
            by(Key::Time, false),
            by(Key::Measure(bounce_rate), true),
            by(Key::Value, true),
            by(Key::Measure(Measure::count(Column::Visitors)), true),
        ]);
        assert_eq!(parameters.before.numerators, [14, 5]);
        assert_eq!(parameters.before.denominators, [13, 2]);
        assert_eq!(parameters.before.signs, [1, -1]);
        assert!(parameters.values_descending);
        assert_eq!(parameters.after.numerators, [1, 14]);
    }

    #[test]
    fn nothing_divided_by_nothing_is_no_number() {
        let counts = Counts { visits: 4, bounces: 1, ..Counts::default() };
        assert_eq!(Measure::ratio(Column::Bounces, Column::Visits).of(&counts), Some(0.25));
        assert_eq!(Measure::ratio(Column::Bounces, Column::Entries).of(&counts), None);
    }
}
