//! Filters: Plausible's expressions, brought down to what cells can answer: per dimension, the values kept.
//!
//! `and` of several dimensions stays; `or` and `not` stay within one dimension. Anything else would need the visits
//! themselves, which are not kept, and is refused with the way to get it (a segment).

use model::limits::OTHER;
use serde_json::{Map, Value};
use store::questions::Selection;

use super::dimension::{Named, is_of_hits};
use super::near::nearest;
use super::problem::{Problem, shortened};
use crate::places::Names;

/// Most filters in one question, nested ones included.
const FILTERS_MAX: usize = 20;

/// Deepest nesting that is read.
const DEPTH_MAX: usize = 8;

/// Most bytes of all filters' values: they travel to the engine in a URL of at most 64 KiB, where a byte takes up to six.
pub(super) const VALUE_BYTES_MAX: usize = 8 * 1024;

/// The values of one dimension that are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// The dimension as it was named first.
    pub named: Named,
    /// The values.
    pub selection: Selection,
    /// Of what.
    pub keeps: Keeps,
}

/// What a filter keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeps {
    /// The hits that it fits.
    Hits,
    /// Visits that have such a hit (`has_done`).
    Did,
    /// Visits that have none (`has_not_done`).
    DidNot,
}

impl Keeps {
    /// The word that asks for it, where there is one.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hits => "",
            Self::Did => "has_done",
            Self::DidNot => "has_not_done",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Is,
    Contains,
    Matches,
}

/// One simple filter.
#[derive(Clone, Debug)]
struct Test {
    operator: Operator,
    negated: bool,
    named: Named,
    values: Vec<String>,
    case_sensitive: bool,
    keeps: Keeps,
}

/// Every word that a filter may begin with.
pub const OPERATORS: [&str; 11] = [
    "is",
    "is_not",
    "contains",
    "contains_not",
    "matches",
    "matches_not",
    "and",
    "or",
    "not",
    "has_done",
    "has_not_done",
];

/// What a goal that is a page begins with, as Plausible names it: `Visit /thanks`.
const PAGE_GOAL: &str = "Visit /";

/// Reads the list of filters, all of which must hold.
///
/// # Errors
/// A filter is malformed, or asks for more than cells can answer.
pub fn parse(filters: &[Value]) -> Result<Vec<Filter>, Problem> {
    let tests = read_all(filters, 0)?;
    if tests.len() > FILTERS_MAX {
        return Err(Problem::TooMany { what: "filters", max: FILTERS_MAX });
    }
    if tests.iter().flat_map(|test| &test.values).map(String::len).sum::<usize>() > VALUE_BYTES_MAX {
        return Err(Problem::TooMany { what: "bytes of filter values", max: VALUE_BYTES_MAX });
    }
    let mut merged: Vec<Filter> = Vec::new();
    for test in tests {
        let known = merged.iter_mut().find(|filter| filter.named.is_same(&test.named));
        if let Some(filter) = known {
            if filter.keeps != Keeps::Hits || test.keeps != Keeps::Hits {
                return Err(Problem::wrong(
                    "`has_done` or `has_not_done` beside another filter on the same dimension would need the visits themselves, which are not \
                     kept: ask for one of them",
                ));
            }
            narrow(&mut filter.selection, test)?;
            continue;
        }
        let (named, keeps) = (test.named.clone(), test.keeps);
        let mut selection = Selection::all(named.dimension, named.prefix.clone());
        narrow(&mut selection, test)?;
        merged.push(Filter { named, selection, keeps });
    }
    Ok(merged)
}

/// Reads filters into the tests that must all hold.
fn read_all(filters: &[Value], depth: usize) -> Result<Vec<Test>, Problem> {
    if depth > DEPTH_MAX {
        return Err(Problem::TooMany { what: "levels of filters within filters", max: DEPTH_MAX });
    }
    let mut tests = Vec::new();
    for filter in filters {
        tests.extend(read(filter, depth)?);
    }
    Ok(tests)
}

fn read(filter: &Value, depth: usize) -> Result<Vec<Test>, Problem> {
    let form = || Problem::form("filters", "a list of filters such as [\"is\", \"visit:country\", [\"DE\"]]", filter);
    let (operator, rest) = filter.as_array().and_then(|parts| parts.split_first()).ok_or_else(form)?;
    match (operator.as_str().ok_or_else(form)?, rest) {
        // What is nested too deeply is said first.
        ("and", [Value::Array(inner)]) => match read_all(inner, depth + 1)? {
            tests if tests.is_empty() => Err(of_nothing("and")),
            tests => Ok(tests),
        },
        ("or", [Value::Array(inner)]) => read_or(inner, depth + 1).map(|test| vec![test]),
        ("not", [inner]) => match read_all(std::slice::from_ref(inner), depth + 1)?.as_mut_slice() {
            [test] => Ok(vec![match test.keeps {
                Keeps::Hits => Test { negated: !test.negated, ..test.clone() },
                Keeps::Did => Test { keeps: Keeps::DidNot, ..test.clone() },
                Keeps::DidNot => Test { keeps: Keeps::Did, ..test.clone() },
            }]),
            _ => Err(Problem::not_counted(
                "`not` of several filters at once is not counted: negate each, or save a segment",
            )),
        },
        ("has_done", [inner]) => read_done(Keeps::Did, inner, depth + 1).map(|test| vec![test]),
        ("has_not_done", [inner]) => read_done(Keeps::DidNot, inner, depth + 1).map(|test| vec![test]),
        ("and" | "or" | "not" | "has_done" | "has_not_done", _) => Err(form()),
        (operator, [Value::String(name), Value::Array(values)]) => {
            read_test(operator, name, values, true).map(|test| vec![test])
        }
        (operator, [Value::String(name), Value::Array(values), Value::Object(modifiers)]) => {
            read_test(operator, name, values, is_case_sensitive(modifiers)?).map(|test| vec![test])
        }
        _ => Err(form()),
    }
}

/// What a filter says of upper and lower case.
fn is_case_sensitive(modifiers: &Map<String, Value>) -> Result<bool, Problem> {
    const MODIFIER: &str = "case_sensitive";
    if let Some(other) = modifiers.keys().find(|key| *key != MODIFIER) {
        return Err(Problem::unknown("modifier of a filter", other, [MODIFIER]));
    }
    let said = modifiers.get(MODIFIER).ok_or(Problem::Missing(MODIFIER))?;
    said.as_bool().ok_or_else(|| Problem::form(MODIFIER, "true or false", said))
}

/// What visits have done, or not: the cells of that event or page count just these visits and their visitors.
fn read_done(keeps: Keeps, inner: &Value, depth: usize) -> Result<Test, Problem> {
    match read_all(std::slice::from_ref(inner), depth)?.as_slice() {
        [test] if is_of_hits(test.named.dimension) && !test.negated && test.keeps == Keeps::Hits => {
            Ok(Test { keeps, ..test.clone() })
        }
        _ => Err(Problem::wrong(format!(
            "`{word}` takes one filter on `event:goal`, `event:name`, `event:page`, `event:hostname` or a property, such as \
             [\"{word}\", [\"is\", \"event:goal\", [\"Signup\"]]]: for more save a segment, which counts from then on",
            word = keeps.as_str()
        ))),
    }
}

/// Several filters of which one must hold: only within one dimension, where the values are simply united.
fn read_or(filters: &[Value], depth: usize) -> Result<Test, Problem> {
    if filters.is_empty() {
        return Err(of_nothing("or"));
    }
    let tests = filters.iter().map(|filter| read(filter, depth)).collect::<Result<Vec<_>, _>>()?;
    let tests: Vec<Test> = tests
        .into_iter()
        .map(|mut alternative| if alternative.len() == 1 { alternative.pop() } else { None })
        .collect::<Option<_>>()
        .unwrap_or_default();
    let refused = || {
        Problem::wrong(
            "`or` is counted within one dimension only, such as [\"is\", \"visit:country\", [\"DE\", \"AT\"]]: \
             for `or` across dimensions save a segment, which counts from then on",
        )
    };
    let (first, others) = tests.split_first().ok_or_else(refused)?;
    if tests.iter().any(|test| test.negated || test.keeps != Keeps::Hits)
        || !others.iter().all(|test| test.named.is_same(&first.named))
    {
        return Err(refused());
    }
    let named = first.named.clone();
    let are_values = tests.iter().all(|test| test.operator == Operator::Is && test.case_sensitive);
    let (operator, values) = if are_values {
        (Operator::Is, tests.into_iter().flat_map(|test| test.values).collect())
    } else {
        (Operator::Matches, tests.iter().map(pattern).collect())
    };
    Ok(Test { operator, negated: false, named, values, case_sensitive: true, keeps: Keeps::Hits })
}

fn read_test(operator: &str, name: &str, values: &[Value], case_sensitive: bool) -> Result<Test, Problem> {
    let (operator, negated) = match operator {
        "is" => (Operator::Is, false),
        "is_not" => (Operator::Is, true),
        "contains" => (Operator::Contains, false),
        "contains_not" => (Operator::Contains, true),
        "matches" => (Operator::Matches, false),
        "matches_not" => (Operator::Matches, true),
        _ => return Err(Problem::unknown("filter operator", operator, OPERATORS)),
    };
    if super::dimension::time(name).is_some() {
        return Err(Problem::wrong("time is not filtered: set `date_range`"));
    }
    let mut named = Named::parse(name)?;
    let mut values = values.iter().map(|value| read_value(value, &named, operator)).collect::<Result<Vec<_>, _>>()?;
    if values.is_empty() {
        return Err(Problem::wrong(format!("the filter on `{}` names no value", shortened(name))));
    }
    if let Some(names) = named.places() {
        let values = codes(&named, names, operator, &values, case_sensitive)?;
        return Ok(Test { operator: Operator::Is, negated, named, values, case_sensitive: true, keeps: Keeps::Hits });
    }
    if named.is_goal() && operator == Operator::Is {
        (named, values) = read_goals(named, values)?;
    }
    if name == "event:name" && operator == Operator::Is && !negated && values.iter().any(|value| value == "pageview") {
        return Err(Problem::wrong(
            "page views are no event of their own: leave out the filter and ask for `pageviews`",
        ));
    }
    Ok(Test { operator, negated, named, values, case_sensitive, keeps: Keeps::Hits })
}

/// The codes of the places whose names a filter keeps.
fn codes(
    named: &Named,
    names: &Names,
    operator: Operator,
    values: &[String],
    case_sensitive: bool,
) -> Result<Vec<String>, Problem> {
    let folded = |text: &str| if case_sensitive { text.to_owned() } else { text.to_lowercase() };
    let mut codes = Vec::new();
    for value in values {
        let before = codes.len();
        let wanted = folded(value);
        let keeps = |name: &str| match operator {
            Operator::Is => folded(name) == wanted,
            Operator::Contains => folded(name).contains(&wanted),
            Operator::Matches => false,
        };
        codes.extend(names.iter().filter(|(_, name)| keeps(name)).map(|(code, _)| (*code).to_owned()));
        if operator == Operator::Is && value == OTHER {
            codes.push(value.clone());
        }
        if codes.len() == before {
            return Err(no_such_place(named, names, operator, value));
        }
    }
    codes.sort_unstable();
    Ok(codes)
}

fn no_such_place(named: &Named, names: &Names, operator: Operator, value: &str) -> Problem {
    let by_code = named.name.trim_end_matches("_name");
    if operator == Operator::Matches {
        return Problem::wrong(format!(
            "what places are called is not looked for by regular expressions: use `contains`, or codes with `{by_code}`"
        ));
    }
    let near = nearest(value, names.values().copied());
    let hint = near.map_or(format!("by codes ask with `{by_code}`"), |near| format!("did you mean `{near}`?"));
    Problem::wrong(format!("no place of `{}` is called `{}`; {hint}", named.name, shortened(value)))
}

/// Goals are custom events, or pages where they are named as Plausible names such goals.
fn read_goals(named: Named, values: Vec<String>) -> Result<(Named, Vec<String>), Problem> {
    let pages = values.iter().filter(|value| value.starts_with(PAGE_GOAL)).count();
    // A goal of many pages is one that somebody defined, or none.
    if pages == 0 || values.iter().any(|value| value.contains('*')) {
        return Ok((named, values));
    }
    if pages < values.len() {
        return Err(Problem::not_counted(
            "goals that are pages and goals that are events are not counted together: ask for each",
        ));
    }
    // The slash is the path's.
    let paths = values.into_iter().map(|value| value.get(PAGE_GOAL.len() - 1..).unwrap_or_default().to_owned());
    let paths = paths.collect();
    Ok((Named { dimension: model::Dimension::Page, ..named }, paths))
}

fn read_value(value: &Value, named: &Named, operator: Operator) -> Result<String, Problem> {
    let text = match value {
        Value::String(text) if !text.contains('\0') => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return Err(Problem::form("filters", "lists of texts", value)),
    };
    let is_code = named.dimension == model::Dimension::Country && named.places().is_none() && operator == Operator::Is;
    if is_code && text.len() != 2 {
        return Err(Problem::form("visit:country", "a two-letter code such as \"DE\"", value));
    }
    Ok(text)
}

/// Puts one more test on a dimension's values.
fn narrow(selection: &mut Selection, test: Test) -> Result<(), Problem> {
    match (test.operator, test.case_sensitive, test.negated) {
        (Operator::Is, true, false) => match &mut selection.is {
            Some(kept) => kept.retain(|value| test.values.contains(value)),
            None => selection.is = Some(deduplicated(test.values)),
        },
        (Operator::Is, true, true) => selection.is_not.extend(test.values),
        (Operator::Is | Operator::Contains | Operator::Matches, _, false) => match &selection.matches {
            Some(_) => {
                return Err(Problem::wrong(format!(
                    "one `contains` or `matches` on `{}` at a time: join them in one regular expression",
                    test.named.name
                )));
            }
            None => selection.matches = Some(pattern(&test)),
        },
        (Operator::Is | Operator::Contains | Operator::Matches, _, true) => {
            let more = pattern(&test);
            selection.matches_not =
                Some(selection.matches_not.take().map_or(more.clone(), |known| format!("{known}|{more}")));
        }
    }
    Ok(())
}

/// Why `and` and `or` of nothing are no filters: one would keep everything, the other nothing.
pub(crate) fn of_nothing(word: &str) -> Problem {
    Problem::wrong(format!(
        "`{word}` needs at least one filter, such as [\"{word}\", [[\"is\", \"visit:country\", [\"DE\"]]]]"
    ))
}

fn deduplicated(mut values: Vec<String>) -> Vec<String> {
    values.sort_unstable();
    values.dedup();
    values
}

/// The regular expression (RE2) that finds what a test names.
fn pattern(test: &Test) -> String {
    let one = |value: &String| match test.operator {
        Operator::Is => format!("^{}$", escaped(value)),
        Operator::Contains => escaped(value),
        Operator::Matches => format!("(?:{value})"),
    };
    let any = test.values.iter().map(one).collect::<Vec<_>>().join("|");
    if test.case_sensitive { format!("(?:{any})") } else { format!("(?i:{any})") }
}

/// A text as the regular expression that finds just it.
pub(crate) fn escaped(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter.is_ascii_punctuation() && letter != '_' {
            pattern.push('\\');
        }
        pattern.push(letter);
    }
    pattern
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parsed(filters: Value) -> Result<Vec<Filter>, String> {
        parse(filters.as_array().unwrap()).map_err(|problem| problem.to_string())
    }

    fn selection(filters: Value) -> Selection {
        let mut merged = parsed(filters).unwrap();
        assert_eq!(merged.len(), 1);
        merged.pop().unwrap().selection
    }

    #[test]
    fn tests_on_one_dimension_narrow_it_together() {
        let kept = selection(json!([
            ["is", "visit:country", ["DE", "AT", "CH"]],
            ["and", [["is", "visit:country", ["AT", "DE", "DE"]], ["is_not", "visit:country", ["DE"]]]],
        ]));
        assert_eq!((kept.is, kept.is_not), (Some(vec!["AT".to_owned(), "DE".to_owned()]), vec!["DE".to_owned()]));
    }

    #[test]
    fn places_are_filtered_by_what_they_are_called() {
        let is = |filters: Value| selection(filters).is.unwrap();
        assert_eq!(is(json!([["is", "visit:country_name", ["Germany", "Japan", "(other)"]]])), ["(other)", "DE", "JP"]);
        assert_eq!(is(json!([["is", "visit:country_name", ["japan"], { "case_sensitive": false }]])), ["JP"]);
        assert_eq!(is(json!([["contains", "visit:country_name", ["Guinea"]]])), ["GN", "GQ", "GW", "PG"]);
        assert_eq!(is(json!([["is", "visit:region_name", ["England"]]])), ["GB-ENG"]);
        assert_eq!(is(json!([["is", "visit:region_name", ["Limburg"]]])), ["BE-VLI", "NL-LI"]);
        assert_eq!(selection(json!([["is_not", "visit:country_name", ["France"]]])).is_not, ["FR"]);
        let both = json!([["is", "visit:country", ["FR", "DE"]], ["is_not", "visit:country_name", ["France"]]]);
        assert_eq!(selection(both).is_not, ["FR"]);
        let either = json!([["or", [["is", "visit:country", ["FR"]], ["is", "visit:country_name", ["Japan"]]]]]);
        assert_eq!(is(either), ["FR", "JP"]);
        assert_eq!(is(json!([["is", "visit:city_name", ["Leeds, GB"]]])), ["Leeds, GB"]);
        for (filter, told) in [
            (json!(["is", "visit:country_name", ["DE"]]), "with `visit:country`"),
            (json!(["is", "visit:country_name", ["Germnay"]]), "did you mean `Germany`?"),
            (json!(["contains", "visit:region_name", ["xyzzy"]]), "with `visit:region`"),
            (json!(["matches", "visit:country_name", ["^G"]]), "use `contains`"),
        ] {
            let problem = parsed(json!([filter])).unwrap_err();
            assert!(problem.contains(told), "{problem}");
        }
    }

    #[test]
    fn texts_become_patterns_that_find_just_them() {
        let kept = selection(json!([["contains", "event:page", ["/a.b", "c+"], { "case_sensitive": false }]]));
        assert_eq!(kept.matches.as_deref(), Some(r"(?i:\/a\.b|c\+)"));
        let kept =
            selection(json!([["contains_not", "event:page", ["x"]], ["not", ["matches", "event:page", ["^/y$"]]]]));
        assert_eq!(kept.matches_not.as_deref(), Some("(?:x)|(?:(?:^/y$))"));
        let kept = selection(json!([["is", "event:page", ["/A"], { "case_sensitive": false }]]));
        assert_eq!((kept.is, kept.matches.as_deref()), (None, Some(r"(?i:^\/A$)")));
    }

    #[test]
    fn or_unites_within_one_dimension() {
        let kept = selection(json!([["or", [["is", "visit:os", ["Mac"]], ["is", "visit:os", ["Windows"]]]]]));
        assert_eq!(kept.is, Some(vec!["Mac".to_owned(), "Windows".to_owned()]));
        let kept = selection(json!([["or", [["is", "visit:os", ["Mac"]], ["contains", "visit:os", ["Win"]]]]]));
        assert_eq!(kept.matches.as_deref(), Some("(?:(?:(?:^Mac$))|(?:(?:Win)))"));
        let kept = selection(json!([["not", ["or", [["is", "visit:os", ["Mac"]], ["is", "visit:os", ["Windows"]]]]]]));
        assert_eq!(kept.is_not, ["Mac", "Windows"]);
    }

    #[test]
    fn a_goal_is_an_event_or_a_page() {
        let filter = |filters: Value| parsed(filters).unwrap().pop().unwrap();
        let event = filter(json!([["has_done", ["is", "event:goal", ["Signup"]]]]));
        assert!(event.keeps == Keeps::Did && event.named.is_goal() && event.named.dimension == model::Dimension::Event);
        let page = filter(json!([["is", "event:goal", ["Visit /thanks"]]]));
        assert!(page.keeps == Keeps::Hits && page.named.is_goal() && page.named.dimension == model::Dimension::Page);
        assert_eq!(page.selection.is, Some(vec!["/thanks".to_owned()]));
    }

    #[test]
    fn not_turns_what_was_done_round() {
        let keeps = |filter: Value| parsed(json!([filter])).unwrap().pop().unwrap().keeps;
        let did = json!(["has_done", ["is", "event:goal", ["Signup"]]]);
        assert_eq!((keeps(did.clone()), keeps(json!(["not", did]))), (Keeps::Did, Keeps::DidNot));
        assert_eq!(keeps(json!(["not", ["has_not_done", ["is", "event:page", ["/"]]]])), Keeps::Did);
    }

    #[test]
    fn what_cells_cannot_answer_is_told() {
        for (filters, told) in [
            (json!([["or", [["is", "visit:os", ["Mac"]], ["is", "visit:country", ["DE"]]]]]), "segment"),
            (json!([["or", [["is_not", "visit:os", ["Mac"]], ["is", "visit:os", ["Mac"]]]]]), "segment"),
            (json!([["not", ["and", [["is", "visit:os", ["Mac"]], ["is", "visit:browser", ["X"]]]]]]), "negate each"),
            (json!([["has_done", ["is", "visit:os", ["Mac"]]]]), "`has_done` takes one filter"),
            (json!([["has_done", ["is_not", "event:goal", ["Signup"]]]]), "`has_done` takes one filter"),
            (json!([["has_not_done", ["is", "visit:os", ["Mac"]]]]), "`has_not_done` takes one filter"),
            (json!([["has_not_done", ["has_done", ["is", "event:goal", ["A"]]]]]), "`has_not_done` takes one filter"),
            (json!([["and", []]]), "`and` needs at least one filter"),
            (json!([["or", []]]), "`or` needs at least one filter"),
            (json!([["not", ["and", []]]]), "`and` needs at least one filter"),
            (
                json!([["is", "visit:os", ["Mac"], { "case_sensitive": "no" }]]),
                "`case_sensitive` must be true or false",
            ),
            (json!([["is", "visit:os", ["Mac"], { "case": false }]]), "did you mean `case_sensitive`"),
            (json!([["is", "visit:os", ["Mac"], {}]]), "`case_sensitive` is missing"),
            (json!([["is", "time:minute", ["2024-01-01T00:00:00Z"]]]), "hours are the finest"),
            (json!([["has_done", ["is", "event:goal", ["A"]]], ["is", "event:goal", ["B"]]]), "same dimension"),
            (json!([["is", "event:goal", ["Signup", "Visit /thanks"]]]), "ask for each"),
            (json!([["is", "event:name", ["pageview"]]]), "`pageviews`"),
            (json!([["contains", "event:page", ["a"]], ["contains", "event:page", ["b"]]]), "one `contains`"),
            (json!([["is", "time:day", ["2024-01-01"]]]), "date_range"),
            (json!([["iss", "visit:os", ["Mac"]]]), "did you mean `is`"),
            (json!([["is", "visit:oss", ["Mac"]]]), "did you mean `visit:os`"),
            (json!([["is", "visit:country", ["Germany"]]]), "two-letter"),
            (json!([["is", "visit:os", []]]), "names no value"),
            (json!([["is", "visit:os", "Mac"]]), "a list of filters"),
            (json!(["is", "visit:os", ["Mac"]]), "a list of filters"),
            (json!([["is", "visit:os", ["x".repeat(VALUE_BYTES_MAX + 1)]]]), "bytes of filter values"),
            (
                json!([[
                    "and",
                    [["and", [["and", [["and", [["and", [["and", [["and", [["and", [["and", []]]]]]]]]]]]]]]]]
                ]]),
                "levels",
            ),
        ] {
            let problem = parsed(filters.clone()).expect_err(&filters.to_string());
            assert!(problem.contains(told), "{filters}: {problem}");
        }
    }
}
