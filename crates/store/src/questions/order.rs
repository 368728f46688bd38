//! How rows are ordered: by a count, by one count divided by another, by value, by time.
//!
//! An order is the one part of a question's SQL that is written for it; it is made of the words below and of numbers.

use std::fmt::{self, Display};

use model::Counts;

/// One field of [`Counts`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Column {
    /// [`Counts::visitors`].
    Visitors,
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

    /// Its name in the store.
    const fn as_str(self) -> &'static str {
        match self {
            Self::Visitors => "visitors",
            Self::Visits => "visits",
            Self::Pageviews => "pageviews",
            Self::Events => "events",
            Self::Bounces => "bounces",
            Self::VisitSeconds => "visit_seconds",
            Self::Entries => "entries",
            Self::Exits => "exits",
            Self::EngagedMs => "engaged_ms",
            Self::ScrollPercent => "scroll_percent",
            Self::ScrollVisitors => "scroll_visitors",
            Self::RevenueMicros => "revenue_micros",
        }
    }

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

/// An order as SQL over an answer's columns: ties go by value, then by time, so that pages of an answer never overlap.
pub(super) struct OrderBy<'o>(pub(super) &'o [Order]);

impl Display for OrderBy<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ORDER BY ")?;
        for Order { key, descending } in self.0 {
            let direction = if *descending { " DESC" } else { "" };
            match key {
                Key::Measure(measure) => exactly(f, *measure)?,
                Key::InTens { measure, scale } => in_tens(f, *measure, *scale)?,
                Key::Time => write!(f, "at_day{direction}, at_hour")?,
                Key::Value => f.write_str("named")?,
            }
            write!(f, "{direction}, ")?;
        }
        f.write_str("named, at_day, at_hour")
    }
}

/// As it is; of nothing, nothing.
fn exactly(f: &mut fmt::Formatter<'_>, measure: Measure) -> fmt::Result {
    let numerator = measure.numerator.as_str();
    match measure.denominator {
        None => f.write_str(numerator),
        Some(denominator) => write!(f, "ifNotFinite({numerator} / {}, 0)", denominator.as_str()),
    }
}

/// As it is told in tens: a count, a share of two counts, a mean of amounts, each with what is unknown smaller than any number.
fn in_tens(f: &mut fmt::Formatter<'_>, measure: Measure, scale: f64) -> fmt::Result {
    let numerator = measure.numerator.as_str();
    let Some(denominator) = measure.denominator else { return write!(f, "tens({numerator})") };
    let denominator = denominator.as_str();
    let quotient = match measure.numerator.is_amount() {
        false => format!("tens({numerator}) / tens({denominator})"),
        true => format!("{numerator} / {denominator}"),
    };
    write!(f, "if({denominator} < 10, -1, roundBankers({quotient} * {scale:?}))")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sql(order: &[(Key, bool)]) -> String {
        let order: Vec<Order> =
            order.iter().map(|(key, descending)| Order { key: *key, descending: *descending }).collect();
        OrderBy(&order).to_string()
    }

    #[test]
    fn ties_go_by_value_and_time_whatever_was_asked() {
        assert_eq!(sql(&[]), "ORDER BY named, at_day, at_hour");
        let bounce_rate = Measure::ratio(Column::Bounces, Column::Visits);
        let visitors = Measure::count(Column::Visitors);
        assert_eq!(
            sql(&[
                (Key::Time, true),
                (Key::Measure(bounce_rate), true),
                (Key::Value, true),
                (Key::Measure(visitors), false)
            ]),
            "ORDER BY at_day DESC, at_hour DESC, ifNotFinite(bounces / visits, 0) DESC, named DESC, visitors, named, at_day, at_hour"
        );
    }

    #[test]
    fn a_number_in_tens_is_taken_by_what_it_is_made_of() {
        let in_tens = |measure, scale| (Key::InTens { measure, scale }, true);
        assert_eq!(
            sql(&[
                in_tens(Measure::count(Column::Visitors), 1.0),
                in_tens(Measure::ratio(Column::Bounces, Column::Visits), 100.0),
                in_tens(Measure::ratio(Column::VisitSeconds, Column::Visits), 0.5),
            ]),
            "ORDER BY tens(visitors) DESC, \
             if(visits < 10, -1, roundBankers(tens(bounces) / tens(visits) * 100.0)) DESC, \
             if(visits < 10, -1, roundBankers(visit_seconds / visits * 0.5)) DESC, named, at_day, at_hour"
        );
    }
}
