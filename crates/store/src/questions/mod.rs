//! Questions of the counts and their answers, as words: which cells, over which days or hours, split how, in what order.
//!
//! It is not the Stats API: what a metric means, which combinations make sense and what a wrong question is told is the
//! dashboard's. What holds here: a question names cells that are stored (level 0, 1 or a declared pair), every count is a
//! SUM over them, and nothing of a question reaches the SQL but bound parameters and an order in words of ours (`order`).

mod ask;
mod order;
mod vitals;

use model::{Counts, Dimension, Domain, LocalDay, Millis};

pub use order::{Column, Key, Measure, Order};
pub use vitals::{Measured, MeasuredRow, PropertyName, VitalsQuestion};

/// Most rows one answer has; Plausible's number, so that its clients page alike.
pub const ROWS_PER_ANSWER_MAX: u32 = 10_000;

/// A question of a site's counts, or of those of several together.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    /// The sites whose counts are added up; nearly always one.
    pub sites: Vec<Domain>,
    /// When.
    pub span: Span,
    /// Which cells.
    pub cells: Cells,
    /// One row per bucket of time.
    pub over_time: Option<Grain>,
    /// One row per value of this dimension, which is one of `cells`.
    pub by_value: Option<Dimension>,
    /// The order of the rows; ties go by value, then by time.
    pub order: Vec<Order>,
    /// Most rows wanted, at most [`ROWS_PER_ANSWER_MAX`].
    pub limit: u32,
    /// Rows skipped.
    pub offset: u32,
}

/// Site-local days or hours, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Span {
    /// Whole days: visitors are distinct within each day.
    Days {
        /// The first.
        first: LocalDay,
        /// The last.
        last: LocalDay,
    },
    /// Hours: visitors are distinct within each hour.
    Hours {
        /// The first.
        first: (LocalDay, u8),
        /// The last.
        last: (LocalDay, u8),
    },
}

impl Span {
    /// The first and the last day touched.
    #[must_use]
    pub const fn days(self) -> (LocalDay, LocalDay) {
        match self {
            Self::Days { first, last } => (first, last),
            Self::Hours { first, last } => (first.0, last.0),
        }
    }
}

/// The length of a bucket of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grain {
    /// A site-local hour; the question's span must be [`Span::Hours`].
    Hour,
    /// A day.
    Day,
    /// A week from Monday, named by its first day within the span.
    Week,
    /// A calendar month.
    Month,
}

impl Grain {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
        }
    }
}

/// Which cells a question adds up: no dimension, one, or a declared pair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cells {
    /// The site's totals.
    Total,
    /// The cells of one dimension.
    Of(Selection),
    /// The cells of a pair, in the order in which they are stored.
    Pair(Selection, Selection),
}

impl Cells {
    /// The pair of two selections, if such cells are stored.
    #[must_use]
    pub fn pair(one: Selection, other: Selection) -> Option<Self> {
        if !is_stored_pair(one.dimension, other.dimension) {
            None
        } else if one.dimension < other.dimension {
            Some(Self::Pair(one, other))
        } else {
            Some(Self::Pair(other, one))
        }
    }
}

/// Whether cells of two dimensions crossed with each other are stored (day grain only).
#[must_use]
pub fn is_stored_pair(one: Dimension, other: Dimension) -> bool {
    model::counts::is_pair(one, other)
}

/// The values of one dimension that a question keeps. Every test must hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    /// The dimension.
    pub dimension: Dimension,
    /// What the stored values start with and the answer's do not: `plan=` for the property `plan`, else empty.
    pub prefix: String,
    /// Keeps these values only.
    pub is: Option<Vec<String>>,
    /// Drops these values, and what was folded together: any of them may be in it.
    pub is_not: Vec<String>,
    /// Keeps what this regular expression (RE2) finds. What was folded together has no name to look in.
    pub matches: Option<String>,
    /// Drops what this one finds, and what was folded together.
    pub matches_not: Option<String>,
}

impl Selection {
    /// Every value of a dimension.
    #[must_use]
    pub fn all(dimension: Dimension, prefix: String) -> Self {
        Self { dimension, prefix, is: None, is_not: Vec::new(), matches: None, matches_not: None }
    }

    /// Whether at most one value can be kept, so that no count is added up over values.
    #[must_use]
    pub fn is_single(&self) -> bool {
        self.is.as_ref().is_some_and(|values| values.len() <= 1)
    }

    /// Whether it keeps what was folded together: it is no value that could be known to match, or to be another one.
    #[must_use]
    pub fn keeps_other(&self) -> bool {
        self.is.is_some() || self.is_all()
    }

    /// Whether every value is kept.
    #[must_use]
    pub fn is_all(&self) -> bool {
        self.is.is_none() && self.is_not.is_empty() && self.matches.is_none() && self.matches_not.is_none()
    }
}

/// Rows and how many there are without the limit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// In the asked order.
    pub rows: Vec<Row>,
    /// Rows of all pages.
    pub rows_total: u64,
}

/// One row of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The bucket's first day; present when asked over time.
    pub day: Option<LocalDay>,
    /// The bucket's hour; present when asked by hour.
    pub hour: Option<u8>,
    /// The value, without the selection's prefix; present when asked by value.
    pub value: Option<Box<str>>,
    /// What the cells add up to.
    pub counts: Counts,
}

/// What became of some hits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerSum {
    /// `counted`, `minimal`, `refused`, `bot` or `late`.
    pub outcome: String,
    /// Why, a robot's class, or the mode in which it was counted (see [`model::Outcome::reason`]).
    pub reason: String,
    /// How many.
    pub hits: i64,
    /// The minute of the first.
    pub since: Millis,
}

/// Records of one hour that could not be opened or read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LostSum {
    /// When the hour begins.
    pub hour: Millis,
    /// Why (see [`model::Loss::as_str`]).
    pub reason: String,
    /// How many.
    pub records: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_is_kept_in_the_order_in_which_it_is_stored() {
        let of = |dimension| Selection::all(dimension, String::new());
        let pair = Cells::pair(of(Dimension::Country), of(Dimension::Page));
        assert_eq!(pair, Some(Cells::Pair(of(Dimension::Page), of(Dimension::Country))));
        assert_eq!(Cells::pair(of(Dimension::Browser), of(Dimension::Page)), None);
        assert_eq!(Cells::pair(of(Dimension::Page), of(Dimension::Page)), None);
        assert!(Cells::pair(of(Dimension::Property), of(Dimension::Event)).is_some());
        assert!(Cells::pair(of(Dimension::Segment), of(Dimension::Browser)).is_some());
    }
}
