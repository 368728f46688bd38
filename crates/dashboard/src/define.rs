//! Definitions as the API writes them: goals, segments, funnels and annotations, read from JSON and told as JSON.
//!
//! A segment's filters are those of a query, of any depth; what differs is told, because each hit is looked at when it is counted and
//! a regular expression costs too much for that. It keeps nothing: `settings` does, and checks the bounds.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use model::definition::{Action, Annotation, Filter, Funnel, Goal, Operator, Pattern, Step, Test};
use model::{Dimension, Millis};
use serde_json::{Map, Value, json};
use settings::{Kind, Meaning, StoredDefinition};

pub use crate::calendar::zone_of;
use crate::calendar::{at, instant_label};
use crate::query::dimension::{NAMES, Named};
use crate::query::filter::of_nothing;
use crate::query::known_keys;
use crate::query::problem::Problem;

/// Every word that a filter of a segment may begin with.
const OPERATORS: [&str; 9] =
    ["is", "is_not", "contains", "contains_not", "matches_wildcard", "matches_wildcard_not", "and", "or", "not"];

/// Deepest nesting that is read; what may be kept is less.
const DEPTH_MAX: usize = 16;

/// The word under which a kind's definitions are found in a path.
#[must_use]
pub const fn plural(kind: Kind) -> &'static str {
    match kind {
        Kind::Goal => "goals",
        Kind::Segment => "segments",
        Kind::Funnel => "funnels",
        Kind::Annotation => "annotations",
    }
}

/// Reads the kind from a path.
#[must_use]
pub fn kind(word: &str) -> Option<Kind> {
    Kind::ALL.into_iter().find(|kind| plural(*kind) == word)
}

/// Reads what a definition of a kind says. An annotation's date is one of the site's own clock.
///
/// # Errors
/// It is malformed; says what to write instead.
pub fn parse(kind: Kind, body: &Value, zone: &TimeZone) -> Result<Meaning, Problem> {
    let Value::Object(fields) = body else {
        return Err(Problem::form("body", format!("an object such as {}", example(kind)), body));
    };
    match kind {
        Kind::Goal => {
            known_keys(fields, &["page", "event", "scroll"])?;
            Ok(Meaning::Goal(Goal { action: action(fields)?, scroll_percent: scroll_percent(fields)? }))
        }
        Kind::Segment => {
            known_keys(fields, &["filters"])?;
            let filters = fields.get("filters").ok_or(Problem::Missing("filters"))?;
            let filters = filters.as_array().ok_or_else(|| Problem::form("filters", "a list of filters", filters))?;
            let filters = filters.iter().map(|filter| read(filter, 0)).collect::<Result<Vec<_>, _>>()?;
            Ok(Meaning::Segment(Filter::All(filters)))
        }
        Kind::Funnel => {
            known_keys(fields, &["steps"])?;
            let steps = fields.get("steps").ok_or(Problem::Missing("steps"))?;
            let form = || Problem::form("steps", "a list such as [{\"page\": \"/\"}, {\"event\": \"Signup\"}]", steps);
            let steps = steps.as_array().ok_or_else(form)?;
            let step = |step: &Value| {
                let fields = step.as_object().ok_or_else(form)?;
                known_keys(fields, &["page", "event", "label"])?;
                Ok(Step { label: text(fields, "label")?.map(Into::into), action: action(fields)? })
            };
            Ok(Meaning::Funnel(Funnel { steps: steps.iter().map(step).collect::<Result<_, Problem>>()? }))
        }
        Kind::Annotation => {
            known_keys(fields, &["at", "text"])?;
            let said = text(fields, "text")?.ok_or(Problem::Missing("text"))?;
            let at = fields.get("at").ok_or(Problem::Missing("at"))?;
            let at = moment(at, zone).ok_or_else(|| {
                Problem::form(
                    "at",
                    "a date such as \"2024-01-31\", or a time such as \"2024-01-31T12:00:00+09:00\"",
                    at,
                )
            })?;
            Ok(Meaning::Annotation(Annotation { at, text: said.into() }))
        }
    }
}

/// What one may look like.
const fn example(kind: Kind) -> &'static str {
    match kind {
        Kind::Goal => "{\"page\": \"/thanks/**\"}",
        Kind::Segment => "{\"filters\": [[\"is\", \"visit:country\", [\"DE\"]]]}",
        Kind::Funnel => "{\"steps\": [{\"page\": \"/\"}, {\"event\": \"Signup\"}]}",
        Kind::Annotation => "{\"at\": \"2024-01-31\", \"text\": \"Release\"}",
    }
}

/// Tells what a definition says, as [`parse`] reads it.
#[must_use]
pub fn tell(meaning: &Meaning, zone: &TimeZone) -> Map<String, Value> {
    let told = match meaning {
        Meaning::Goal(goal) => {
            let mut told = tell_action(&goal.action);
            if let (Some(percent), Some(fields)) = (goal.scroll_percent, told.as_object_mut()) {
                fields.insert("scroll".to_owned(), json!(percent));
            }
            told
        }
        Meaning::Segment(Filter::All(filters)) => {
            json!({ "filters": filters.iter().map(tell_filter).collect::<Value>() })
        }
        Meaning::Segment(filter) => json!({ "filters": [tell_filter(filter)] }),
        Meaning::Funnel(funnel) => {
            let step = |step: &Step| {
                let mut told = tell_action(&step.action);
                if let (Some(label), Some(fields)) = (&step.label, told.as_object_mut()) {
                    fields.insert("label".to_owned(), json!(label));
                }
                told
            };
            json!({ "steps": funnel.steps.iter().map(step).collect::<Value>() })
        }
        Meaning::Annotation(Annotation { at: moment, text }) => {
            json!({ "at": label(*moment, zone), "text": text })
        }
    };
    match told {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

/// A definition as it is told: its name, what it says, and from when on it counts.
#[must_use]
pub fn stored(stored: &StoredDefinition, zone: &TimeZone) -> Map<String, Value> {
    let definition = &stored.definition;
    let mut told = Map::new();
    told.insert("name".to_owned(), json!(definition.name));
    match Meaning::read(definition.kind, &definition.body) {
        Ok(meaning) => told.extend(tell(&meaning, zone)),
        Err(_) => drop(
            told.insert("unreadable".to_owned(), json!("another version has written it; nothing is counted by it")),
        ),
    }
    if definition.kind != Kind::Annotation {
        told.insert("effective_from".to_owned(), label(definition.effective_from, zone).into());
    }
    told
}

/// How an instant is told: on the site's clock, with its offset.
#[must_use]
pub fn label(moment: Millis, zone: &TimeZone) -> String {
    instant_label(&at(moment, zone))
}

/// How a step of a funnel is shown.
#[must_use]
pub fn step_label(step: &Step) -> &str {
    step.label.as_deref().unwrap_or(match &step.action {
        Action::Page(Pattern(page)) => page,
        Action::Event(name) => name,
    })
}

fn action(fields: &Map<String, Value>) -> Result<Action, Problem> {
    match (text(fields, "page")?, text(fields, "event")?) {
        (Some(page), None) => Ok(Action::Page(Pattern(page.into()))),
        (None, Some(event)) => Ok(Action::Event(event.into())),
        (Some(_), Some(_)) | (None, None) => Err(Problem::wrong(
            "name either a page, such as {\"page\": \"/thanks/**\"}, or a custom event, such as {\"event\": \"Signup\"}",
        )),
    }
}

/// How far a page has to be scrolled; `settings` checks the range.
fn scroll_percent(fields: &Map<String, Value>) -> Result<Option<u8>, Problem> {
    let Some(value) = fields.get("scroll").filter(|value| !value.is_null()) else { return Ok(None) };
    let percent = value.as_u64().and_then(|percent| u8::try_from(percent).ok());
    percent.map(Some).ok_or_else(|| Problem::form("scroll", "percent of the page, such as 75", value))
}

fn tell_action(action: &Action) -> Value {
    match action {
        Action::Page(Pattern(page)) => json!({ "page": page }),
        Action::Event(name) => json!({ "event": name }),
    }
}

fn text<'f>(fields: &'f Map<String, Value>, key: &'static str) -> Result<Option<&'f str>, Problem> {
    match fields.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(other) => Err(Problem::form(key, "a text", other)),
    }
}

fn moment(value: &Value, zone: &TimeZone) -> Option<Millis> {
    let text = value.as_str()?;
    // A date alone has ten characters; jiff would also read one out of a time.
    let instant = if text.len() == 10 {
        text.parse::<jiff::civil::Date>().ok()?.to_zoned_datetime(zone.clone()).ok()?.timestamp()
    } else {
        text.parse::<Timestamp>().ok()?
    };
    Some(Millis(instant.as_millisecond()))
}

fn read(filter: &Value, depth: usize) -> Result<Filter, Problem> {
    if depth > DEPTH_MAX {
        return Err(Problem::TooMany { what: "levels of filters within filters", max: DEPTH_MAX });
    }
    let form = || Problem::form("filters", "a list of filters such as [\"is\", \"visit:country\", [\"DE\"]]", filter);
    let read_all = |inner: &[Value]| inner.iter().map(|filter| read(filter, depth + 1)).collect::<Result<Vec<_>, _>>();
    let (operator, rest) = filter.as_array().and_then(|parts| parts.split_first()).ok_or_else(form)?;
    match (operator.as_str().ok_or_else(form)?, rest) {
        (word @ ("and" | "or"), [Value::Array(inner)]) if inner.is_empty() => Err(of_nothing(word)),
        ("and", [Value::Array(inner)]) => read_all(inner).map(Filter::All),
        ("or", [Value::Array(inner)]) => read_all(inner).map(Filter::Any),
        ("not", [inner]) => read(inner, depth + 1).map(|filter| Filter::Not(Box::new(filter))),
        ("and" | "or" | "not", _) => Err(form()),
        ("matches" | "matches_not", _) => Err(Problem::wrong(
            "a segment takes no regular expressions, because each hit is looked at when it is counted: use `matches_wildcard` with * \
             (within a part of a path) and ** (anything), or `contains`",
        )),
        ("has_done" | "has_not_done", _) => Err(Problem::wrong(
            "a segment is of hits, and of the visits and visitors that have one: name what was done, such as [\"is\", \"event:name\", \
             [\"Signup\"]]",
        )),
        (operator, [Value::String(name), Value::Array(values)]) => read_test(operator, name, values),
        (_, [_, _, _]) => Err(Problem::wrong(
            "filters of a segment take no modifiers such as `case_sensitive`: name each spelling as a value",
        )),
        _ => Err(form()),
    }
}

fn read_test(operator: &str, name: &str, values: &[Value]) -> Result<Filter, Problem> {
    let (operator, negated) = match operator {
        "is" => (Operator::Is, false),
        "is_not" => (Operator::Is, true),
        "contains" => (Operator::Contains, false),
        "contains_not" => (Operator::Contains, true),
        "matches_wildcard" => (Operator::Fits, false),
        "matches_wildcard_not" => (Operator::Fits, true),
        _ => return Err(Problem::unknown("filter operator", operator, OPERATORS)),
    };
    let named = Named::parse(name)?;
    if named.is_goal() {
        return Err(Problem::wrong(
            "a segment names the event itself (`event:name`) or the page (`event:page`), not a goal",
        ));
    }
    if named.places().is_some() {
        return Err(Problem::wrong("a segment names places by their codes: `visit:country`, `visit:region`"));
    }
    let value = |value: &Value| match value {
        Value::String(text) => Ok(text.as_str().into()),
        Value::Number(number) => Ok(number.to_string().into()),
        _ => Err(Problem::form("filters", "lists of texts", value)),
    };
    let values = values.iter().map(value).collect::<Result<Vec<Box<str>>, _>>()?;
    let property = named.prefix.strip_suffix('=').map(Into::into);
    let test = Filter::Test(Test { dimension: named.dimension, property, operator, values });
    Ok(if negated { Filter::Not(Box::new(test)) } else { test })
}

fn tell_filter(filter: &Filter) -> Value {
    match filter {
        Filter::All(filters) => json!(["and", filters.iter().map(tell_filter).collect::<Value>()]),
        Filter::Any(filters) => json!(["or", filters.iter().map(tell_filter).collect::<Value>()]),
        Filter::Not(filter) => match &**filter {
            Filter::Test(test) => tell_test(test, true),
            filter => json!(["not", tell_filter(filter)]),
        },
        Filter::Test(test) => tell_test(test, false),
    }
}

fn tell_test(test: &Test, negated: bool) -> Value {
    let operator = match (test.operator, negated) {
        (Operator::Is, false) => "is",
        (Operator::Is, true) => "is_not",
        (Operator::Contains, false) => "contains",
        (Operator::Contains, true) => "contains_not",
        (Operator::Fits, false) => "matches_wildcard",
        (Operator::Fits, true) => "matches_wildcard_not",
    };
    json!([operator, name_of(test), test.values])
}

fn name_of(test: &Test) -> String {
    match (&test.property, test.dimension) {
        (Some(property), _) => format!("event:props:{property}"),
        // `event:goal` stands before it.
        (None, Dimension::Event) => "event:name".to_owned(),
        (None, dimension) => {
            NAMES.iter().find(|(_, known)| *known == dimension).map_or("", |(name, _)| *name).to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utc() -> TimeZone {
        TimeZone::UTC
    }

    #[test]
    fn what_is_told_is_what_was_read() {
        let deep = json!({ "filters": [
            ["is", "visit:country", ["DE", "AT"]],
            ["or", [
                ["contains_not", "event:page", ["/admin"]],
                ["not", ["and", [["is", "event:props:plan", ["pro"]], ["matches_wildcard", "event:page", ["/blog/**"]]]]],
                ["matches_wildcard_not", "visit:referrer", ["example.org/*"]],
            ]],
            ["is_not", "event:name", ["Signup"]],
            ["contains", "visit:source", ["oo"]],
        ] });
        let steps = json!({ "steps": [{ "page": "/", "label": "Home" }, { "event": "Signup" }] });
        for (kind, body) in [
            (Kind::Segment, deep),
            (Kind::Funnel, steps),
            (Kind::Goal, json!({ "page": "/thanks/**" })),
            (Kind::Goal, json!({ "event": "Signup" })),
            (Kind::Goal, json!({ "page": "/blog/**", "scroll": 75 })),
            (Kind::Annotation, json!({ "at": "2024-01-31T12:00:00+00:00", "text": "Release" })),
        ] {
            let meaning = parse(kind, &body, &utc()).unwrap();
            assert_eq!(Value::Object(tell(&meaning, &utc())), body);
        }
    }

    #[test]
    fn an_annotations_date_is_the_sites_own() {
        let tokyo = TimeZone::get("Asia/Tokyo").unwrap();
        let read = parse(Kind::Annotation, &json!({ "at": "2024-01-01", "text": "New year" }), &tokyo).unwrap();
        assert_eq!(tell(&read, &tokyo)["at"], "2024-01-01T00:00:00+09:00");
    }

    #[test]
    fn every_mistake_is_told() {
        let deep = (0..20).fold(json!(["is", "event:page", ["/"]]), |filter, _| json!(["not", filter]));
        for (kind, body, said) in [
            (Kind::Goal, json!([]), "an object such as"),
            (Kind::Goal, json!({ "event": "a", "page": "/" }), "either a page"),
            (Kind::Goal, json!({ "pages": "/" }), "did you mean `page`"),
            (Kind::Goal, json!({ "event": 7 }), "a text"),
            (Kind::Goal, json!({ "page": "/", "scroll": "75%" }), "percent of the page"),
            (Kind::Goal, json!({ "page": "/", "scroll": 300 }), "percent of the page"),
            (Kind::Segment, json!({}), "`filters` is missing"),
            (Kind::Segment, json!({ "filters": [deep] }), "at most 16"),
            (Kind::Segment, json!({ "filters": [["and", []]] }), "`and` needs at least one filter"),
            (Kind::Segment, json!({ "filters": [["not", ["or", []]]] }), "`or` needs at least one filter"),
            (Kind::Segment, json!({ "filters": [["matches", "event:page", ["^/"]]] }), "matches_wildcard"),
            (Kind::Segment, json!({ "filters": [["has_done", ["is", "event:goal", ["a"]]]] }), "is of hits"),
            (Kind::Segment, json!({ "filters": [["is", "event:goal", ["a"]]] }), "event:name"),
            (Kind::Segment, json!({ "filters": [["iss", "event:page", ["/"]]] }), "did you mean `is`"),
            (Kind::Segment, json!({ "filters": [["is", "event:pages", ["/"]]] }), "did you mean `event:page`"),
            (Kind::Segment, json!({ "filters": [["is", "event:page", [true]]] }), "lists of texts"),
            (
                Kind::Segment,
                json!({ "filters": [["is", "event:page", ["/"], { "case_sensitive": false }]] }),
                "modifiers",
            ),
            (Kind::Funnel, json!({ "steps": {} }), "a list such as"),
            (Kind::Funnel, json!({ "steps": [{}] }), "either a page"),
            (Kind::Annotation, json!({ "at": "yesterday", "text": "x" }), "a date such as"),
            (Kind::Annotation, json!({ "at": "2024-01-01" }), "`text` is missing"),
        ] {
            let problem = parse(kind, &body, &utc()).expect_err(&body.to_string()).to_string();
            assert!(problem.contains(said), "{body}: {problem}");
        }
    }
}
