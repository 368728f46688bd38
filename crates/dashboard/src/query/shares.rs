//! What shares are of: the visitors that a percentage or a conversion rate divides by, each a question of its own.
//!
//! A goal is a custom event, or a page that is named as one (`Visit /thanks`). Whoever reached it is counted in its cells, so
//! a rate needs no more than the same question without the goal.

use model::Dimension;
use store::questions::{Grain, Question, ROWS_PER_ANSWER_MAX, Selection, Span};

use super::Query;
use super::dimension::Named;
use super::filter::Filter;
use super::metric::Metric;
use super::plan::cells;
use super::problem::Problem;

/// The questions that an answer's shares need besides its rows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Shares {
    /// All visitors under the filters: what percentages are of.
    pub all: Option<Question>,
    /// All visitors under the filters but the goal: what conversion rates are of.
    pub without_goal: Option<Question>,
    /// The same by row: what conversion rates of a group are of.
    pub of_group: Option<Question>,
}

impl Shares {
    /// Plans them beside a query's question; `span` is the range as asked.
    ///
    /// # Errors
    /// There is nothing to divide by, or no such cells.
    pub(super) fn of(query: &Query, question: &Question, span: Span) -> Result<Self, Problem> {
        let asks = |metric: Metric| query.metrics.contains(&metric);
        check_goal(query)?;
        if asks(Metric::Percentage) && query.dimensions.is_empty() {
            return Err(Problem::wrong("`percentage` needs a dimension: it is a row's share of all visitors"));
        }
        let whole = Rows { span, over_time: None, by: None };
        let group =
            Rows { span: question.span, over_time: question.over_time, by: query.by().filter(|by| !by.is_goal()) };
        let any = |_: &Filter| true;
        let no_goal = |filter: &Filter| !filter.named.is_goal();
        Ok(Self {
            all: asks(Metric::Percentage).then(|| kept(query, question, any, &whole)).transpose()?,
            without_goal: asks(Metric::ConversionRate).then(|| kept(query, question, no_goal, &whole)).transpose()?,
            of_group: asks(Metric::GroupConversionRate).then(|| kept(query, question, no_goal, &group)).transpose()?,
        })
    }
}

/// Refuses a rate without a goal, and rows of events under a page as their goal.
fn check_goal(query: &Query) -> Result<(), Problem> {
    let by_goal = query.by().is_some_and(Named::is_goal);
    let goal = query.filters.iter().find(|filter| filter.named.is_goal());
    let rate = query.metrics.iter().find(|metric| metric.is_of_goal());
    if let (Some(rate), false, None) = (rate, by_goal, goal) {
        return Err(Problem::wrong(format!(
            "`{}` needs a goal: rows by `event:goal`, or a filter such as [\"is\", \"event:goal\", [\"Signup\"]]. A goal is a custom \
             event's name, or a page as \"Visit /thanks\"",
            rate.as_str()
        )));
    }
    if by_goal && goal.is_some_and(|filter| filter.named.dimension == Dimension::Page) {
        return Err(Problem::wrong(
            "rows by `event:goal` are custom events: ask for a goal that is a page without that dimension",
        ));
    }
    Ok(())
}

/// What rows a question has.
struct Rows<'q> {
    span: Span,
    over_time: Option<Grain>,
    by: Option<&'q Named>,
}

/// The query's question with some of its filters and other rows, all of them.
fn kept(
    query: &Query,
    question: &Question,
    keep: impl Fn(&Filter) -> bool,
    rows: &Rows<'_>,
) -> Result<Question, Problem> {
    let mut selections: Vec<(Named, Selection)> = query
        .filters
        .iter()
        .filter(|filter| keep(filter))
        .map(|filter| (filter.named.clone(), filter.selection.clone()))
        .collect();
    if let Some(by) = rows.by.filter(|by| !selections.iter().any(|(named, _)| named.is_same(by))) {
        selections.push((by.clone(), Selection::all(by.dimension, by.prefix.clone())));
    }
    Ok(Question {
        span: rows.span,
        cells: cells(selections)?,
        over_time: rows.over_time,
        by_value: rows.by.map(|by| by.dimension),
        order: Vec::new(),
        limit: ROWS_PER_ANSWER_MAX,
        offset: 0,
        ..question.clone()
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use store::questions::Cells;

    use super::super::plan::tests::planned;
    use super::*;

    fn shares(more: Value) -> Result<Shares, String> {
        planned(more).map(|plan| plan.shares)
    }

    #[test]
    fn the_whole_of_a_percentage_keeps_the_filters_and_drops_the_rows() {
        let asked = json!({ "metrics": ["percentage"], "dimensions": ["event:page"], "filters": [["is", "visit:country", ["DE"]]] });
        let all = shares(asked).unwrap().all.unwrap();
        assert!(matches!(all.cells, Cells::Of(selection) if selection.dimension == Dimension::Country));
        assert_eq!((all.by_value, all.over_time), (None, None));
    }

    #[test]
    fn a_rate_is_of_the_same_question_without_its_goal() {
        let asked = json!({
            "metrics": ["conversion_rate", "group_conversion_rate"], "dimensions": ["visit:country", "time:day"],
            "filters": [["is", "event:goal", ["Signup"]]]
        });
        let Shares { all, without_goal, of_group } = shares(asked).unwrap();
        assert!(all.is_none());
        assert_eq!(without_goal.unwrap().cells, Cells::Total);
        let of_group = of_group.unwrap();
        assert_eq!((of_group.by_value, of_group.over_time), (Some(Dimension::Country), Some(Grain::Day)));
        assert!(matches!(of_group.cells, Cells::Of(selection) if selection.is_all()));
        // Rows by goal are of everybody.
        let asked = json!({ "metrics": ["group_conversion_rate"], "dimensions": ["event:goal"] });
        assert_eq!(shares(asked).unwrap().of_group.unwrap().cells, Cells::Total);
    }

    #[test]
    fn a_rate_needs_a_goal() {
        for (query, told) in [
            (json!({ "metrics": ["conversion_rate"] }), "needs a goal"),
            (json!({ "metrics": ["percentage"] }), "needs a dimension"),
            (
                json!({ "dimensions": ["event:goal"], "filters": [["is", "event:goal", ["Visit /thanks"]]] }),
                "are custom events",
            ),
        ] {
            let problem = shares(query.clone()).expect_err(&query.to_string());
            assert!(problem.contains(told), "{query}: {problem}");
        }
    }
}
