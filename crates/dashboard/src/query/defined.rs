//! Segments and goals in a query: from the names that people gave them to the values under which they are counted.
//!
//! A name stands for what it means now: what it meant before is counted under another value, and is not told. Goals that nobody
//! defined are still every custom event, by its name, and every page, as `Visit /thanks`.

use model::Dimension as Cells;
use model::counts::LABELS;
use model::definition::{Effective, name_in};
use model::{Millis, Site};
use store::questions::Selection;

use super::problem::{Problem, shortened};
use super::{Dimension, Query};

/// From when on a segment or a goal is counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CountedFrom {
    /// Its dimension.
    pub dimension: Cells,
    /// Its name.
    pub name: Box<str>,
    /// From when on.
    pub from: Millis,
}

/// The name that is shown of a value of a dimension.
#[must_use]
pub fn shown(dimension: Cells, value: &str) -> &str {
    if LABELS.contains(&dimension) { name_in(value) } else { value }
}

/// Puts the values under which they are counted in the place of names, and tells from when on they are.
///
/// # Errors
/// Nobody defined such a name, or it is asked in a way that is not counted.
pub fn resolve(query: &Query, sites: &[impl AsRef<Site>]) -> Result<(Query, Vec<CountedFrom>), Problem> {
    let mut query = query.clone();
    let mut counted_from = Vec::new();
    let [site] = sites else {
        return match touches_segments(&query) {
            true => Err(Problem::wrong("segments are each site's own: ask one site at a time")),
            false => Ok((query, counted_from)),
        };
    };
    let definitions = &site.as_ref().definitions;
    let (segments, goals) =
        (present(Cells::Segment, definitions.segments()), present(Cells::Goal, definitions.goals()));
    for filter in &mut query.filters {
        if filter.named.dimension == Cells::Segment {
            find(&mut filter.selection, &segments, &mut counted_from)?;
        } else if filter.named.is_goal() && filter.named.dimension == Cells::Event {
            let names = filter.selection.is.iter().flatten();
            if names.clone().any(|name| goals.iter().any(|goal| *goal.name == **name)) {
                find(&mut filter.selection, &goals, &mut counted_from)?;
                filter.named.dimension = Cells::Goal;
                filter.selection.dimension = Cells::Goal;
            } else if names.clone().any(|name| name.starts_with("Visit /")) {
                return Err(Problem::wrong(
                    "a goal of many pages is counted once it is defined: PUT /api/sites/SITE/goals/NAME with {\"page\": \"/blog/**\"}, \
                     and it counts from then on",
                ));
            }
        }
    }
    let goal_filter = query.filters.iter().find(|filter| filter.named.is_goal()).map(|filter| filter.named.dimension);
    for dimension in &mut query.dimensions {
        let Dimension::Of(named) = dimension else { continue };
        if named.is_goal() && goal_filter.map_or(!goals.is_empty(), |dimension| dimension == Cells::Goal) {
            named.dimension = Cells::Goal;
        }
        let rows = match named.dimension {
            Cells::Segment => &segments,
            Cells::Goal => &goals,
            _ => continue,
        };
        if !query.filters.iter().any(|filter| filter.named.is_same(named)) {
            query.row_values = Some(rows.iter().map(|one| one.key.clone()).collect());
            counted_from.extend(rows.iter().map(Present::counted_from));
        }
    }
    counted_from.dedup();
    Ok((query, counted_from))
}

/// What a name means now, or will in a moment.
struct Present {
    dimension: Cells,
    name: Box<str>,
    key: String,
    from: Millis,
}

impl Present {
    fn counted_from(&self) -> CountedFrom {
        CountedFrom { dimension: self.dimension, name: self.name.clone(), from: self.from }
    }
}

fn present<T>(dimension: Cells, all: &[Effective<T>]) -> Vec<Present> {
    let now = all.iter().filter(|one| one.is_present());
    now.map(|one| Present { dimension, name: one.name.clone(), key: one.key(), from: one.from }).collect()
}

fn touches_segments(query: &Query) -> bool {
    let by = query.by().is_some_and(|named| named.dimension == Cells::Segment);
    by || query.filters.iter().any(|filter| filter.named.dimension == Cells::Segment)
}

/// Finds the values of the names that a filter keeps.
fn find(selection: &mut Selection, known: &[Present], counted_from: &mut Vec<CountedFrom>) -> Result<(), Problem> {
    let what = selection.dimension;
    let what = if what == Cells::Segment { "segment" } else { "goal" };
    let by_name = selection.is_not.is_empty() && selection.matches.is_none() && selection.matches_not.is_none();
    let names = selection.is.take().filter(|_| by_name).ok_or_else(|| {
        Problem::wrong(format!(
            "a {what} is named, such as [\"is\", \"{}\", [\"NAME\"]]: other filters on it are not counted",
            asked(what)
        ))
    })?;
    let key = |name: &String| {
        let found = known
            .iter()
            .find(|one| *one.name == **name)
            .ok_or_else(|| missing(what, name, known.iter().map(|one| &*one.name)))?;
        counted_from.push(found.counted_from());
        Ok(found.key.clone())
    };
    selection.is = Some(names.iter().map(key).collect::<Result<_, Problem>>()?);
    Ok(())
}

fn asked(what: &str) -> &'static str {
    if what == "segment" { "segment" } else { "event:goal" }
}

/// That a name stands for nothing, with those that do.
pub(crate) fn missing<'n>(what: &str, name: &str, known: impl Iterator<Item = &'n str>) -> Problem {
    let names = known.map(|name| format!("`{}`", shortened(name))).collect::<Vec<_>>().join(", ");
    let names = if names.is_empty() { "none".to_owned() } else { names };
    Problem::wrong(format!(
        "the site has no {what} `{}` (it has: {names}): PUT /api/sites/SITE/{what}s/NAME defines one, which counts from then on",
        shortened(name)
    ))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use model::Domain;
    use model::definition::{Action, Filter, Goal, Lists, Pattern};
    use serde_json::{Value, json};

    use super::*;

    fn site() -> Arc<Site> {
        let effective =
            |name: &str, from, until: Option<i64>| (Box::<str>::from(name), Millis(from), until.map(Millis));
        let segment = |(name, from, until)| Effective { name, from, until, what: Filter::All(Vec::new()) };
        let goal = |(name, from, until)| Effective {
            name,
            from,
            until,
            what: Goal::of(Action::Page(Pattern("/blog/**".into()))),
        };
        let lists = Lists {
            segments: vec![
                segment(effective("Germans", 10, Some(20))),
                segment(effective("Germans", 20, None)),
                segment(effective("gone", 10, Some(20))),
            ],
            goals: vec![goal(effective("Visit /blog/**", 30, None)), goal(effective("Reads", 40, None))],
            ..Lists::default()
        };
        Arc::new(Site { definitions: lists.into(), ..Site::new(Domain::parse("example.com").unwrap()) })
    }

    /// A query, and what it asks for with the time it is counted from.
    type Resolved = (Query, Vec<(Box<str>, i64)>);

    fn resolved(more: Value) -> Result<Resolved, String> {
        let mut body = json!({ "site_id": "example.com", "metrics": ["visitors"], "date_range": "7d" });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let query = Query::parse(body.to_string().as_bytes()).unwrap();
        let (query, from) = resolve(&query, &[site()]).map_err(|problem| problem.to_string())?;
        Ok((query, from.into_iter().map(|one| (one.name, one.from.0)).collect()))
    }

    #[test]
    fn a_name_stands_for_what_it_means_now() {
        let (query, from) = resolved(json!({ "filters": [["is", "segment", ["Germans"]]] })).unwrap();
        assert_eq!(query.filters[0].selection.is, Some(vec!["Germans@u".to_owned()]));
        assert_eq!(from, [("Germans".into(), 20)]);
        let (query, from) = resolved(json!({ "dimensions": ["segment"] })).unwrap();
        assert_eq!((query.row_values, from.len()), (Some(vec!["Germans@u".to_owned()]), 1));
        assert_eq!((shown(Cells::Segment, "Germans@u"), shown(Cells::Page, "/a@u")), ("Germans", "/a@u"));
    }

    #[test]
    fn a_goal_is_a_defined_one_or_else_an_event() {
        let dimension = |query: &Query| query.filters[0].named.dimension;
        for (name, key) in [("Reads", "Reads@ob"), ("Visit /blog/**", "Visit /blog/**@eb")] {
            let (query, _) = resolved(json!({ "filters": [["is", "event:goal", [name]]] })).unwrap();
            assert_eq!((dimension(&query), &query.filters[0].selection.is), (Cells::Goal, &Some(vec![key.to_owned()])));
        }
        let (query, from) =
            resolved(json!({ "dimensions": ["event:goal"], "filters": [["is", "event:goal", ["Signup"]]] })).unwrap();
        assert_eq!((dimension(&query), query.by().unwrap().dimension, from.len()), (Cells::Event, Cells::Event, 0));
        let (query, _) = resolved(json!({ "filters": [["is", "event:goal", ["Visit /thanks"]]] })).unwrap();
        assert_eq!(dimension(&query), Cells::Page);
        let (query, from) = resolved(json!({ "dimensions": ["event:goal"] })).unwrap();
        assert_eq!((query.by().unwrap().dimension, from.len()), (Cells::Goal, 2));
    }

    #[test]
    fn what_nobody_defined_is_told_with_what_there_is() {
        for (more, said) in [
            (json!({ "filters": [["is", "segment", ["gone"]]] }), "no segment `gone` (it has: `Germans`)"),
            (json!({ "filters": [["contains", "segment", ["Ger"]]] }), "is named"),
            (json!({ "filters": [["is", "event:goal", ["Reads", "Signup"]]] }), "no goal `Signup`"),
            (json!({ "filters": [["is", "event:goal", ["Visit /shop/**"]]] }), "once it is defined"),
        ] {
            let problem = resolved(more.clone()).expect_err(&more.to_string());
            assert!(problem.contains(said), "{more}: {problem}");
        }
    }
}
