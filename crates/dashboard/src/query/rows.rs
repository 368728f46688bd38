//! Rows of one question beside those of another: found by their value and by which bucket of time they are of.
//!
//! What stands beside a row is asked in one question for all rows, never one a row. The invariant: a count that stands
//! beside a row is that row's own; where not all of them fit one answer, the question is refused instead.

use std::collections::{BTreeSet, HashMap};

use model::{Counts, LocalDay};
use store::questions::{Answer, Cells, Question, ROWS_PER_ANSWER_MAX, Row, Selection};

use super::filter::VALUE_BYTES_MAX;
use super::problem::Problem;
use super::range;

/// Rows by bucket and value.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Beside {
    rows: HashMap<(Option<usize>, Option<Box<str>>), Counts>,
    buckets: Buckets,
}

impl Beside {
    /// Reads them out of the answer to a question that was made by [`for_rows`].
    ///
    /// # Errors
    /// Not all rows fitted the answer.
    pub fn of(question: &Question, answer: Answer) -> Result<Self, Problem> {
        if answer.rows_total > answer.rows.len() as u64 {
            return Err(Problem::wrong(format!(
                "what stands beside so many rows takes {} rows, and one answer has {ROWS_PER_ANSWER_MAX}: ask for fewer with \
                 `pagination.limit`",
                answer.rows_total
            )));
        }
        let buckets = Buckets::of(question);
        let rows = answer.rows.into_iter().map(|row| ((buckets.of_row(&row), row.value), row.counts)).collect();
        Ok(Self { rows, buckets })
    }

    /// The counts of a value in a bucket; nothing where nothing was counted.
    #[must_use]
    pub fn counts(&self, bucket: Option<usize>, value: Option<&str>) -> Counts {
        self.rows.get(&(bucket, value.map(Into::into))).copied().unwrap_or_default()
    }

    /// The buckets it has.
    #[must_use]
    pub const fn buckets(&self) -> &Buckets {
        &self.buckets
    }
}

/// The buckets of time of a question, in order; none where it is not over time.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Buckets {
    /// When each begins.
    pub labels: Vec<(LocalDay, Option<u8>)>,
    numbers: HashMap<(LocalDay, Option<u8>), usize>,
}

impl Buckets {
    /// Lists them.
    #[must_use]
    pub fn of(question: &Question) -> Self {
        let labels = question.over_time.map(|grain| range::labels(question.span, grain)).unwrap_or_default();
        let numbers = labels.iter().enumerate().map(|(number, label)| (*label, number)).collect();
        Self { labels, numbers }
    }

    /// The number of a row's bucket.
    #[must_use]
    pub fn of_row(&self, row: &Row) -> Option<usize> {
        row.day.and_then(|day| self.numbers.get(&(day, row.hour)).copied())
    }
}

/// The question that asks for the same rows: for their values only, where they are few enough to be named.
#[must_use]
pub fn for_rows(question: &Question, rows: &[Row]) -> Question {
    let mut asked = Question { order: Vec::new(), limit: ROWS_PER_ANSWER_MAX, offset: 0, ..question.clone() };
    let values: BTreeSet<&str> = rows.iter().filter_map(|row| row.value.as_deref()).collect();
    // Each value comes with its quotes and comma.
    let bytes = bytes_of(values.iter().copied()) + filter_bytes(&asked.cells);
    let by = asked.by_value;
    if let Some(selection) = listed(&mut asked.cells).find(|selection| Some(selection.dimension) == by)
        && bytes <= VALUE_BYTES_MAX
    {
        selection.is = Some(values.into_iter().map(str::to_owned).collect());
    }
    asked
}

/// Gives an answer over time alone a row for every bucket.
pub fn fill(question: &Question, answer: &mut Answer) {
    let Buckets { labels, .. } = Buckets::of(question);
    let counted: HashMap<_, _> = answer.rows.iter().map(|row| ((row.day, row.hour), row.counts)).collect();
    let row = |(day, hour): (LocalDay, Option<u8>)| Row {
        day: Some(day),
        hour,
        value: None,
        counts: counted.get(&(Some(day), hour)).copied().unwrap_or_default(),
    };
    answer.rows = labels.into_iter().map(row).collect();
    answer.rows_total = answer.rows.len() as u64;
}

fn bytes_of<'v>(values: impl Iterator<Item = &'v str>) -> usize {
    values.map(|value| value.len() + 2).sum()
}

fn filter_bytes(cells: &Cells) -> usize {
    let of = |selection: &Selection| {
        let texts = selection.is.iter().flatten().chain(&selection.is_not);
        bytes_of(texts.chain(&selection.matches).chain(&selection.matches_not).map(String::as_str))
    };
    match cells {
        Cells::Total => 0,
        Cells::Of(selection) => of(selection),
        Cells::Pair(first, second) => of(first) + of(second),
    }
}

fn listed(cells: &mut Cells) -> impl Iterator<Item = &mut Selection> {
    let (first, second) = match cells {
        Cells::Total => (None, None),
        Cells::Of(selection) => (Some(selection), None),
        Cells::Pair(first, second) => (Some(first), Some(second)),
    };
    first.into_iter().chain(second)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::plan::tests::planned;
    use super::*;

    fn row(value: &str) -> Row {
        Row { day: None, hour: None, value: Some(value.into()), counts: Counts::default() }
    }

    #[test]
    fn few_rows_are_asked_for_by_their_values_and_many_all_together() {
        let plan =
            planned(json!({ "dimensions": ["visit:country"], "filters": [["is", "event:page", ["/"]]] })).unwrap();
        let kept = |rows: &[Row]| match for_rows(&plan.question, rows).cells {
            Cells::Pair(page, country) => (page.is, country.is),
            other => panic!("{other:?}"),
        };
        let page = Some(vec!["/".to_owned()]);
        assert_eq!(
            kept(&[row("JP"), row("DE"), row("DE")]),
            (page.clone(), Some(vec!["DE".to_owned(), "JP".to_owned()]))
        );
        let many: Vec<Row> = (0..1_000).map(|number| row(&format!("a value of some length {number}"))).collect();
        assert_eq!(kept(&many), (page, None));
    }

    #[test]
    fn rows_that_do_not_fit_are_refused_rather_than_taken_for_nothing() {
        let plan = planned(json!({ "dimensions": ["visit:country"] })).unwrap();
        let answer = |rows_total| Answer { rows: vec![row("DE")], rows_total };
        assert!(Beside::of(&plan.question, answer(1)).is_ok());
        let problem = Beside::of(&plan.question, answer(2)).unwrap_err().to_string();
        assert!(problem.contains("`pagination.limit`"), "{problem}");
    }
}
