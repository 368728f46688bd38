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

impl Column {
    /// Whether it adds up amounts, not hits, visits or visitors.
    #[must_use]
    pub const fn is_amount(self) -> bool {
        match self {
            Self::VisitSeconds | Self::EngagedMs | Self::ScrollPercent | Self::RevenueMicros => true,
            Self::Visitors
            | Self::Visits
            | Self::Pageviews
            | Self::Events
            | Self::Bounces
            | Self::Entries
            | Self::Exits
            | Self::ScrollVisitors => false,
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

    /// How it is taken where counts are told in tens.
    const fn in_tens(self) -> Taken {
        match (self.denominator, self.numerator.is_amount()) {
            (None, _) => Taken::Count,
            (Some(_), false) => Taken::Share,
            (Some(_), true) => Taken::Mean,
        }
    }
}

/// What rows are ordered by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Key {
    /// A number.
    Measure(Measure),
    /// A number as it is told in tens, so that rows that are told alike are ordered by value: a count in tens, a quotient of
    /// them in steps of its display.
    InTens {
        /// The number.
        measure: Measure,
        /// What one of it is in steps of its display.
        scale: f64,
    },
    /// The bucket of time.
    Time,
    /// The value.
    Value,
}

/// One key of an order and its direction.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Order {
    /// By what.
    pub key: Key,
    /// Largest first.
    pub descending: bool,
}

/// An order as the SQL's parameters.
#[derive(Debug, Default, PartialEq)]
pub(super) struct OrderParameters {
    pub(super) before: NumberKeys,
    pub(super) values_descending: bool,
    pub(super) after: NumberKeys,
}

/// Keys that are numbers, first counts most.
#[derive(Debug, Default, PartialEq)]
pub(super) struct NumberKeys {
    pub(super) numerators: Vec<u8>,
    pub(super) denominators: Vec<u8>,
    pub(super) signs: Vec<i8>,
    pub(super) taken: Vec<u8>,
    pub(super) scales: Vec<f64>,
}

/// How the SQL takes a number: as it is, as a count in tens, as a share of two, as a mean of amounts.
#[derive(Clone, Copy)]
#[repr(u8)]
enum Taken {
    Exactly,
    Count,
    Share,
    Mean,
}

impl NumberKeys {
    fn push(&mut self, measure: Measure, descending: bool, taken: Taken, scale: f64) {
        let denominator = measure.denominator.map_or(ONE, |column| column as u8);
        self.push_columns((measure.numerator as u8, denominator), descending, taken, scale);
    }

    /// The bucket of time.
    pub(super) fn push_time(&mut self, descending: bool) {
        self.push_columns((BUCKET, ONE), descending, Taken::Exactly, 1.0);
    }

    fn push_columns(&mut self, columns: (u8, u8), descending: bool, taken: Taken, scale: f64) {
        self.numerators.push(columns.0);
        self.denominators.push(columns.1);
        self.signs.push(if descending { -1 } else { 1 });
        self.taken.push(taken as u8);
        self.scales.push(scale);
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
                Key::Measure(measure) => keys.push(*measure, *descending, Taken::Exactly, 1.0),
                Key::InTens { measure, scale } => keys.push(*measure, *descending, measure.in_tens(), *scale),
                Key::Time => keys.push_time(*descending),
                Key::Value if value_seen => {}
                Key::Value => {
                    parameters.values_descending = *descending;
                    value_seen = true;
                }
            }
        }
        parameters.after.push_time(false);
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
    fn a_number_in_tens_is_taken_by_what_it_is_made_of() {
        let in_tens = |measure, scale| Order { key: Key::InTens { measure, scale }, descending: true };
        let NumberKeys { taken, scales, .. } = OrderParameters::of(&[
            in_tens(Measure::count(Column::Visitors), 1.0),
            in_tens(Measure::ratio(Column::Bounces, Column::Visits), 100.0),
            in_tens(Measure::ratio(Column::VisitSeconds, Column::Visits), 1.0),
            Order { key: Key::Measure(Measure::count(Column::Visits)), descending: true },
        ])
        .before;
        assert_eq!((taken, scales), (vec![1, 2, 3, 0], vec![1.0, 100.0, 1.0, 1.0]));
    }
}
