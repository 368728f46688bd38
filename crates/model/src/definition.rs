//! What people define beyond the built-in reports: goals, segments, funnels and annotations, as words.
//!
//! A definition counts from its [`Effective::from`] on, compared with the time at which a hit was received, so that a replay of the
//! same hits counts the same. Whether a hit fits one is `fold`'s to say; how people write one down is the API's. Every bound is
//! here, because whoever defines and whoever counts must agree on it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::counts::LABELLED;
use crate::limits::{EVENT_NAME_CHARS_MAX, OTHER, PROP_NAME_CHARS_MAX, URL_CHARS_MAX};
use crate::{Dimension, Millis};

/// Longest name of a definition, in characters; an event's name is as long.
pub const NAME_CHARS_MAX: usize = EVENT_NAME_CHARS_MAX;
/// Goals of a site that hold at one time: each is looked at for every hit.
pub const GOALS_MAX: usize = 100;
/// Segments of a site that hold at one time: each is looked at for every hit, and a hit that is in all of them changes a cell of
/// each with every other dimension.
pub const SEGMENTS_MAX: usize = 50;
/// Funnels of a site that hold at one time: a visitor may stand in each.
pub const FUNNELS_MAX: usize = 20;
/// Annotations of a site: more than a graph can show.
pub const ANNOTATIONS_MAX: usize = 500;
/// Tests in one segment, and levels of `and`, `or`, `not` above them: a person's filter has a handful.
pub const TESTS_MAX: usize = 30;
/// See [`TESTS_MAX`].
pub const DEPTH_MAX: usize = 8;
/// Values of one test.
pub const VALUES_MAX: usize = 50;
/// Longest value of a test or pattern, in characters: a page's URL.
pub const VALUE_CHARS_MAX: usize = URL_CHARS_MAX;
/// Longest pattern, in characters: whether it fits may cost its length times the path's, for every hit.
pub const PATTERN_CHARS_MAX: usize = 500;
/// `*`s in one pattern: more find nothing that fewer do not.
pub const STARS_MAX: usize = 8;
/// Fewest and most steps of a funnel, as in Plausible.
pub const STEPS_MIN: usize = 2;
/// See [`STEPS_MIN`].
pub const STEPS_MAX: usize = 8;
/// Longest annotation, in characters.
pub const NOTE_CHARS_MAX: usize = 500;
/// All definitions of a site together, as JSON, in bytes: they travel beside the site in one message.
pub const DEFINITIONS_BYTES_MAX: usize = 128 * 1024;

/// Whether a segment may test a dimension: what is known of a hit when it is counted. An exit page is not: it moves on.
#[must_use]
pub fn is_testable(dimension: Dimension) -> bool {
    dimension == Dimension::Property || LABELLED.contains(&dimension)
}

/// Why a definition is none. The text says what to write instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct DefinitionError(pub String);

fn refused<T>(why: impl Into<String>) -> Result<T, DefinitionError> {
    Err(DefinitionError(why.into()))
}

/// What people give a name to, and hits are counted by.
pub trait Defined {
    /// Checks that it is within every bound and makes sense.
    ///
    /// # Errors
    /// It does not; says what to write instead.
    fn check(&self) -> Result<(), DefinitionError>;
}

/// Checks a definition's name.
///
/// # Errors
/// It is empty, too long, or means something else already.
pub fn check_name(name: &str) -> Result<(), DefinitionError> {
    let chars = name.chars().count();
    if name.trim() != name || chars == 0 || chars > NAME_CHARS_MAX || name.chars().any(char::is_control) {
        return refused(format!(
            "a name has 1 to {NAME_CHARS_MAX} characters, no space at its ends, and is on one line"
        ));
    }
    if name == OTHER {
        return refused(format!("the name {OTHER} stands for folded values: choose another one"));
    }
    Ok(())
}

/// A pattern of paths: `*` stands for anything within one segment of the path, `**` for anything. It has to fit the whole path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Pattern(pub Box<str>);

impl Defined for Pattern {
    fn check(&self) -> Result<(), DefinitionError> {
        if !self.0.starts_with('/') && !self.0.starts_with('*') {
            return refused(format!(
                "the page {:?} is no path: it begins with / and may hold * and **, such as /blog/**",
                self.0
            ));
        }
        check_pattern(&self.0)
    }
}

fn check_pattern(text: &str) -> Result<(), DefinitionError> {
    check_value(text)?;
    if text.chars().count() > PATTERN_CHARS_MAX {
        return refused(format!("a pattern has at most {PATTERN_CHARS_MAX} characters: put ** for the rest of it"));
    }
    if text.bytes().filter(|byte| *byte == b'*').count() > STARS_MAX {
        return refused(format!("a pattern has at most {STARS_MAX} characters *: {text:?}"));
    }
    Ok(())
}

fn check_value(text: &str) -> Result<(), DefinitionError> {
    match text.chars().count() {
        0 => refused("a value is empty: write the value that is to be found"),
        chars if chars > VALUE_CHARS_MAX => {
            refused(format!("a value has {chars} characters, and at most {VALUE_CHARS_MAX} are read"))
        }
        _ if text.contains('\0') => refused("a value holds the character NUL, which no value has"),
        _ => Ok(()),
    }
}

/// Something a visitor does that is counted: a page that is viewed, or an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// A page view whose path fits.
    Page(Pattern),
    /// A custom event of this name.
    Event(Box<str>),
}

impl Defined for Action {
    fn check(&self) -> Result<(), DefinitionError> {
        match self {
            Self::Page(pattern) => pattern.check(),
            Self::Event(name) if name.trim().is_empty() || name.chars().count() > EVENT_NAME_CHARS_MAX => {
                refused(format!("an event's name has 1 to {EVENT_NAME_CHARS_MAX} characters"))
            }
            Self::Event(name) if name.as_ref() == "pageview" => {
                refused("page views are no custom event: name the page, such as /thanks or /**")
            }
            Self::Event(_) => Ok(()),
        }
    }
}

/// What counts as a conversion. Its display name is the definition's name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Goal {
    /// What has to be done.
    pub action: Action,
    /// How far the page has to be scrolled, in percent of its height; without it a view is enough.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scroll_percent: Option<u8>,
}

impl Goal {
    /// A goal that an action reaches.
    #[must_use]
    pub const fn of(action: Action) -> Self {
        Self { action, scroll_percent: None }
    }
}

impl Defined for Goal {
    fn check(&self) -> Result<(), DefinitionError> {
        match (self.scroll_percent, &self.action) {
            (Some(1..=100), Action::Page(_)) | (None, _) => self.action.check(),
            (Some(_), Action::Page(_)) => refused("a scroll depth is 1 to 100 percent of the page"),
            (Some(_), Action::Event(_)) => {
                refused("a page is scrolled, an event is not: name a page beside the scroll depth, such as /blog/**")
            }
        }
    }
}

/// What a step of a filter asks of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operator {
    /// It is one of the values.
    Is,
    /// It contains one of them.
    Contains,
    /// It fits one of them as a [`Pattern`] does a path.
    Fits,
}

/// A test of one dimension's value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Test {
    /// The dimension, one that is [testable](is_testable).
    pub dimension: Dimension,
    /// The property's name, where the dimension is [`Dimension::Property`].
    pub property: Option<Box<str>>,
    /// What is asked.
    pub operator: Operator,
    /// The values, of which one has to fit.
    pub values: Vec<Box<str>>,
}

/// A filter of any depth. A value that is not there fits no test, so it fits every test's opposite.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Filter {
    /// All of them hold.
    All(Vec<Filter>),
    /// One of them holds.
    Any(Vec<Filter>),
    /// It does not hold.
    Not(Box<Filter>),
    /// The test holds.
    Test(Test),
}

impl Filter {
    fn check_at(&self, depth: usize, tests: &mut usize) -> Result<(), DefinitionError> {
        if depth > DEPTH_MAX {
            return refused(format!("a segment has at most {DEPTH_MAX} levels of `and`, `or` and `not`"));
        }
        match self {
            Self::All(filters) | Self::Any(filters) if filters.is_empty() => {
                refused("`and` and `or` need filters, such as [\"is\", \"visit:country\", [\"DE\"]]")
            }
            Self::All(filters) | Self::Any(filters) => {
                filters.iter().try_for_each(|filter| filter.check_at(depth + 1, tests))
            }
            Self::Not(filter) => filter.check_at(depth + 1, tests),
            Self::Test(test) => {
                *tests += 1;
                if *tests > TESTS_MAX {
                    return refused(format!("a segment has at most {TESTS_MAX} tests"));
                }
                test.check()
            }
        }
    }
}

impl Defined for Filter {
    fn check(&self) -> Result<(), DefinitionError> {
        self.check_at(0, &mut 0)
    }
}

impl Defined for Test {
    fn check(&self) -> Result<(), DefinitionError> {
        if !is_testable(self.dimension) {
            return refused(format!(
                "a segment cannot test `{}`: it is not known when a hit is counted",
                self.dimension.as_str()
            ));
        }
        let named =
            self.property.as_ref().is_some_and(|name| (1..=PROP_NAME_CHARS_MAX).contains(&name.chars().count()));
        if named != (self.dimension == Dimension::Property) {
            return refused("a test of a property names it, such as event:props:plan, and no other test does");
        }
        if self.values.is_empty() || self.values.len() > VALUES_MAX {
            return refused(format!("a test has 1 to {VALUES_MAX} values"));
        }
        self.values.iter().try_for_each(|value| match self.operator {
            Operator::Is | Operator::Contains => check_value(value),
            Operator::Fits => check_pattern(value),
        })
    }
}

/// Steps that a visitor takes one after the other, with anything between them, on one site-local day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Funnel {
    /// The steps in order.
    pub steps: Vec<Step>,
}

/// One step of a funnel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// How it is shown; without it, by what is done.
    pub label: Option<Box<str>>,
    /// What is done.
    pub action: Action,
}

impl Defined for Funnel {
    fn check(&self) -> Result<(), DefinitionError> {
        if !(STEPS_MIN..=STEPS_MAX).contains(&self.steps.len()) {
            return refused(format!("a funnel has {STEPS_MIN} to {STEPS_MAX} steps"));
        }
        self.steps.iter().try_for_each(|step| {
            step.label.as_deref().map_or(Ok(()), check_name)?;
            step.action.check()
        })
    }
}

/// A note at a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Annotation {
    /// When.
    pub at: Millis,
    /// What there is to say.
    pub text: Box<str>,
}

impl Defined for Annotation {
    fn check(&self) -> Result<(), DefinitionError> {
        match self.text.chars().count() {
            1..=NOTE_CHARS_MAX => Ok(()),
            _ => refused(format!("an annotation has 1 to {NOTE_CHARS_MAX} characters")),
        }
    }
}

/// A definition with its name and the time it holds.
///
/// Its counts stand under its name and the time from which it holds: a name that is given another meaning begins anew, and no
/// number adds up what one name meant at two times.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Effective<T> {
    /// Its name.
    pub name: Box<str>,
    /// From when on hits are counted by it.
    pub from: Millis,
    /// Until when, where it was replaced or removed.
    pub until: Option<Millis>,
    /// What it says.
    pub what: T,
}

impl<T> Effective<T> {
    /// Whether nothing has replaced or removed it: it is what its name means now, or will in a moment.
    #[must_use]
    pub const fn is_present(&self) -> bool {
        self.until.is_none()
    }

    /// Whether it holds for what is received at `at`.
    #[must_use]
    pub fn holds_at(&self, at: Millis) -> bool {
        self.from <= at && self.until.is_none_or(|until| at < until)
    }

    /// The value under which it is counted: the name, and the time in letters, so that nothing takes it for somebody's number.
    #[must_use]
    pub fn key(&self) -> String {
        let mut key = format!("{}@", self.name);
        let mut left = self.from.0.unsigned_abs();
        while left > 0 || key.ends_with('@') {
            key.push(char::from(b'a' + u8::try_from(left % 26).unwrap_or_default()));
            left /= 26;
        }
        key
    }
}

/// The name in a value under which a definition is counted.
#[must_use]
pub fn name_in(key: &str) -> &str {
    key.rsplit_once('@').map_or(key, |(name, _)| name)
}

/// What hits of a site are counted by, also such as holds no longer or not yet. Cheap to clone: most sites have none, and a table of
/// sites is made anew at every change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Lists", into = "Lists")]
pub struct Definitions(Option<Arc<Lists>>);

/// Definitions by kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lists {
    /// Goals.
    #[serde(default)]
    pub goals: Vec<Effective<Goal>>,
    /// Segments.
    #[serde(default)]
    pub segments: Vec<Effective<Filter>>,
    /// Funnels.
    #[serde(default)]
    pub funnels: Vec<Effective<Funnel>>,
}

impl Definitions {
    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// The goals.
    #[must_use]
    pub fn goals(&self) -> &[Effective<Goal>] {
        self.0.as_ref().map_or(&[], |lists| &lists.goals)
    }

    /// The segments.
    #[must_use]
    pub fn segments(&self) -> &[Effective<Filter>] {
        self.0.as_ref().map_or(&[], |lists| &lists.segments)
    }

    /// The funnels.
    #[must_use]
    pub fn funnels(&self) -> &[Effective<Funnel>] {
        self.0.as_ref().map_or(&[], |lists| &lists.funnels)
    }
}

impl From<Lists> for Definitions {
    fn from(lists: Lists) -> Self {
        let is_empty = lists.goals.is_empty() && lists.segments.is_empty() && lists.funnels.is_empty();
        Self((!is_empty).then(|| Arc::new(lists)))
    }
}

impl From<Definitions> for Lists {
    fn from(definitions: Definitions) -> Self {
        definitions.0.map_or_else(Self::default, Arc::unwrap_or_clone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn test(dimension: Dimension, operator: Operator, value: &str) -> Test {
        Test { dimension, property: None, operator, values: vec![value.into()] }
    }

    fn country() -> Filter {
        Filter::Test(test(Dimension::Country, Operator::Is, "DE"))
    }

    fn why(checked: Result<(), DefinitionError>) -> String {
        checked.unwrap_err().to_string()
    }

    #[test]
    fn every_bound_is_kept_and_told() {
        let deep = (0..=DEPTH_MAX).fold(country(), |filter, _| Filter::Not(Box::new(filter)));
        let long: Box<str> = "x".repeat(VALUE_CHARS_MAX + 1).into();
        let stars = "*".repeat(STARS_MAX + 1);
        let step = || Step { label: None, action: Action::Event("Signup".into()) };
        for (checked, said) in [
            (deep.check(), "levels"),
            (Filter::All(vec![country(); TESTS_MAX + 1]).check(), "at most 30 tests"),
            (Filter::Any(Vec::new()).check(), "need filters"),
            (test(Dimension::ExitPage, Operator::Is, "/").check(), "`exit_page`"),
            (test(Dimension::Segment, Operator::Is, "x").check(), "`segment`"),
            (test(Dimension::Property, Operator::Is, "x").check(), "names it"),
            (Test { property: Some("plan".into()), ..test(Dimension::Page, Operator::Is, "/") }.check(), "names it"),
            (Test { values: Vec::new(), ..test(Dimension::Page, Operator::Is, "/") }.check(), "1 to 50 values"),
            (Test { values: vec![long], ..test(Dimension::Page, Operator::Is, "/") }.check(), "2001 characters"),
            (test(Dimension::Page, Operator::Is, "").check(), "is empty"),
            (test(Dimension::Page, Operator::Fits, &stars).check(), "at most 8"),
            (Action::Page(Pattern("thanks".into())).check(), "begins with /"),
            (Action::Page(Pattern(format!("/{}", "x".repeat(PATTERN_CHARS_MAX)).into())).check(), "at most 500"),
            (Action::Event(" ".into()).check(), "1 to 120"),
            (Action::Event("pageview".into()).check(), "name the page"),
            (
                Goal { scroll_percent: Some(0), ..Goal::of(Action::Page(Pattern("/a".into()))) }.check(),
                "1 to 100 percent",
            ),
            (
                Goal { scroll_percent: Some(101), ..Goal::of(Action::Page(Pattern("/a".into()))) }.check(),
                "1 to 100 percent",
            ),
            (Goal { scroll_percent: Some(50), ..Goal::of(Action::Event("a".into())) }.check(), "name a page"),
            (Funnel { steps: vec![step()] }.check(), "2 to 8 steps"),
            (Funnel { steps: (0..9).map(|_| step()).collect() }.check(), "2 to 8 steps"),
            (Annotation { at: Millis(0), text: "".into() }.check(), "1 to 500"),
            (check_name(""), "1 to 120"),
            (check_name(" a"), "no space"),
            (check_name("a\nb"), "one line"),
            (check_name("(other)"), "folded values"),
        ] {
            assert!(why(checked.clone()).contains(said), "{checked:?}: {said}");
        }
        assert_eq!(Funnel { steps: vec![step(), step()] }.check(), Ok(()));
        assert_eq!(Filter::All(vec![country(); TESTS_MAX]).check(), Ok(()));
    }

    #[test]
    fn a_definition_holds_from_its_time_until_its_end() {
        let effective = Effective { name: "a".into(), from: Millis(10), until: Some(Millis(20)), what: () };
        assert_eq!([9, 10, 19, 20].map(|at| effective.holds_at(Millis(at))), [false, true, true, false]);
        let named = Effective { name: "a@b".into(), until: None, ..effective };
        assert!(named.holds_at(Millis(i64::MAX)));
        assert_eq!((named.key().as_str(), name_in(&named.key()), name_in(OTHER)), ("a@b@k", "a@b", OTHER));
        let key = |from| Effective { from: Millis(from), ..named.clone() }.key();
        let keys: std::collections::BTreeSet<_> = (0..1_000).map(|more| key(1_764_410_400_000 + more)).collect();
        assert!(keys.len() == 1_000 && keys.iter().all(|key| !key.contains(|c: char| c.is_ascii_digit())));
    }

    #[test]
    fn no_definitions_are_one_and_the_same() {
        assert_eq!(Definitions::from(Lists::default()), Definitions::default());
        let goal = Goal::of(Action::Event("Signup".into()));
        let goals = vec![Effective { name: "Signup".into(), from: Millis(0), until: None, what: goal }];
        let definitions = Definitions::from(Lists { goals, ..Lists::default() });
        assert_eq!(Definitions::from(Lists::from(definitions.clone())), definitions);
        assert!(!definitions.is_empty() && definitions.segments().is_empty());
    }
}
