//! Whether a hit fits what people defined: a segment's filter, a goal's or a step's action. It counts nothing and remembers nothing.
//!
//! The invariant: it depends on the hit, its visit so far and the definition alone, and a pattern costs at most its own length times
//! the text's, whatever is sent.

use model::Dimension;
use model::definition::{Action, Filter, Goal, Operator, Pattern, Test};

/// What a hit says, and what its visit and visitor say.
pub(crate) trait Said {
    /// The value in a dimension that has one; empty where there is none.
    fn value(&self, dimension: Dimension) -> &str;

    /// The hit's properties.
    fn properties(&self) -> &[(Box<str>, Box<str>)];

    /// Whether it is a page view.
    fn is_pageview(&self) -> bool;
}

/// Whether a filter holds for a hit.
pub(crate) fn holds(filter: &Filter, said: &impl Said) -> bool {
    match filter {
        Filter::All(filters) => filters.iter().all(|filter| holds(filter, said)),
        Filter::Any(filters) => filters.iter().any(|filter| holds(filter, said)),
        Filter::Not(filter) => !holds(filter, said),
        Filter::Test(test) => passes(test, said),
    }
}

/// Whether a hit reaches a goal, or a report of attention that came so far down its page.
pub(crate) fn reaches(goal: &Goal, scrolled: Option<u8>, said: &impl Said) -> bool {
    match (goal.scroll_percent, &goal.action) {
        (None, action) => is_done(action, said),
        (Some(percent), Action::Page(Pattern(pattern))) => {
            scrolled.is_some_and(|scrolled| scrolled >= percent) && fits(pattern, said.value(Dimension::Page))
        }
        (Some(_), Action::Event(_)) => false,
    }
}

/// Whether a hit is what a goal or a step names.
pub(crate) fn is_done(action: &Action, said: &impl Said) -> bool {
    match action {
        Action::Page(Pattern(pattern)) => said.is_pageview() && fits(pattern, said.value(Dimension::Page)),
        Action::Event(name) => **name == *said.value(Dimension::Event),
    }
}

fn passes(test: &Test, said: &impl Said) -> bool {
    match &test.property {
        Some(property) => {
            let mut named = said.properties().iter().filter(|(name, _)| name == property);
            named.any(|(_, value)| is_one(test, value))
        }
        None => is_one(test, said.value(test.dimension)),
    }
}

fn is_one(test: &Test, value: &str) -> bool {
    // What is not there is no value: even `**` does not fit it.
    !value.is_empty()
        && test.values.iter().any(|wanted| match test.operator {
            Operator::Is => **wanted == *value,
            Operator::Contains => value.contains(&**wanted),
            Operator::Fits => fits(wanted, value),
        })
}

/// Whether a pattern of `*` (within a path's segment) and `**` (anything) fits a whole text.
///
/// Where something does not fit, it goes back to the last `*`, and then to the last `**`, which take one byte more. To no star before
/// them: the first place where a part fits leaves the most to what comes behind it.
fn fits(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut at, mut next) = (0, 0);
    // Where to go on when something does not fit: behind the star, one more byte of the text taken by it.
    let mut within: Option<(usize, usize)> = None;
    let mut across: Option<(usize, usize)> = None;
    loop {
        match (pattern.get(next), text.get(at)) {
            (Some(b'*'), _) if pattern.get(next + 1) == Some(&b'*') => {
                next += 2;
                (across, within) = (Some((next, at)), None);
            }
            (Some(b'*'), _) => {
                next += 1;
                within = Some((next, at));
            }
            (Some(wanted), Some(byte)) if wanted == byte => (next, at) = (next + 1, at + 1),
            (None, None) => return true,
            (Some(_) | None, _) => {
                let one_more = |(next, taken): (usize, usize)| (next, taken + 1);
                let star = within.filter(|(_, taken)| text.get(*taken).is_some_and(|byte| *byte != b'/'));
                if let Some(star) = star.map(one_more) {
                    (within, (next, at)) = (Some(star), star);
                } else if let Some(star) = across.filter(|(_, taken)| *taken < text.len()).map(one_more) {
                    (across, within, (next, at)) = (Some(star), None, star);
                } else {
                    return false;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn stars_fit_within_a_segment_and_across_them() {
        for (pattern, text, fit) in [
            ("/a", "/a", true),
            ("/a", "/a/", false),
            ("/a", "/", false),
            ("/blog/*", "/blog/x", true),
            ("/blog/*", "/blog/", true),
            ("/blog/*", "/blog/x/y", false),
            ("/blog/**", "/blog/x/y", true),
            ("/blog/**", "/blog", false),
            ("/blog**", "/blog", true),
            ("/*/edit", "/a/edit", true),
            ("/*/edit", "/a/b/edit", false),
            ("/**/edit", "/a/b/edit", true),
            ("**edit", "/a/edit/edit", true),
            ("/*-*/**", "/a-b-c/d", true),
            ("/**/a*c/d", "/x/abc/abd/d", false),
            ("/**/a*c/d", "/x/a/abc/d", true),
            ("/caf*", "/café", true),
            ("***", "/a/b", true),
        ] {
            assert_eq!(fits(pattern, text), fit, "{pattern} {text}");
        }
    }

    /// The definition, as slow as it may be.
    fn naive(pattern: &[u8], text: &[u8]) -> bool {
        match pattern {
            [] => text.is_empty(),
            [b'*', b'*', rest @ ..] => (0..=text.len()).any(|taken| naive(rest, &text[taken..])),
            [b'*', rest @ ..] => {
                let segment = text.iter().take_while(|byte| **byte != b'/').count();
                (0..=segment).any(|taken| naive(rest, &text[taken..]))
            }
            [wanted, rest @ ..] => text.split_first().is_some_and(|(byte, text)| byte == wanted && naive(rest, text)),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 4096, ..ProptestConfig::default() })]

        #[test]
        fn a_pattern_fits_what_its_definition_says(pattern in "[ab/*]{0,9}", text in "[ab/]{0,10}") {
            prop_assert_eq!(fits(&pattern, &text), naive(pattern.as_bytes(), text.as_bytes()));
        }
    }
}
