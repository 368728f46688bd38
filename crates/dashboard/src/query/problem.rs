//! What is wrong with a question, told so that the next try is right.
//!
//! The texts are public: they name what was sent and what is known, never SQL, addresses or another site.

use super::near::nearest;

/// Why a question is not answered: the sender's to change.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The body is not JSON, or not an object.
    #[error(
        "the body must be a JSON object such as {{\"site_id\": \"example.com\", \"metrics\": [\"visitors\"], \"date_range\": \"7d\"}}: {0}"
    )]
    NotAnObject(String),
    /// A required key is absent.
    #[error("`{0}` is missing")]
    Missing(&'static str),
    /// A key has a value of the wrong form.
    #[error("`{key}` must be {expected}, not {found}")]
    Form {
        /// The key.
        key: &'static str,
        /// What it must be.
        expected: String,
        /// What it is, shortened.
        found: String,
    },
    /// A word that is not known.
    #[error("unknown {what} `{word}`{hint}")]
    Unknown {
        /// What kind of word: `metric`, `dimension`, `key`.
        what: &'static str,
        /// As sent, shortened.
        word: String,
        /// `; did you mean …?`, or what is known.
        hint: String,
    },
    /// More of something than is read.
    #[error("at most {max} {what}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// The bound.
        max: usize,
    },
    /// A period of more days than one answer spans.
    #[error("`date_range` may span at most {0} days, from 1970 on")]
    TooLong(i64),
    /// Known words that do not go together, and what does.
    #[error("{0}")]
    Wrong(String),
    /// Known, but these counts cannot answer it; says which combination is missing and how to get it.
    #[error("{0}")]
    NotCounted(String),
    /// What is wrong with the period that the answer is compared with, and with it alone.
    #[error("of `include.comparisons`: {0}")]
    OfComparison(Box<Problem>),
}

impl Problem {
    /// What a program tells it by; it stays when the words get better.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::NotAnObject(_) => "not_an_object",
            Self::Missing(_) => "missing",
            Self::Form { .. } => "form",
            Self::Unknown { .. } => "unknown",
            Self::TooMany { .. } => "too_many",
            Self::TooLong(_) => "too_long",
            Self::Wrong(_) => "wrong",
            Self::NotCounted(_) => "not_counted",
            Self::OfComparison(_) => "comparison",
        }
    }

    /// A word that is not among `known`.
    pub(crate) fn unknown<'a>(
        what: &'static str,
        word: &str,
        known: impl IntoIterator<Item = &'a str> + Clone,
    ) -> Self {
        let hint = match nearest(word, known.clone()) {
            Some(near) => format!("; did you mean `{near}`?"),
            None => format!("; known: {}", known.into_iter().collect::<Vec<_>>().join(", ")),
        };
        Self::Unknown { what, word: shortened(word), hint }
    }

    /// Words that do not go together.
    pub(crate) fn wrong(why: impl Into<String>) -> Self {
        Self::Wrong(why.into())
    }

    /// What these counts cannot answer.
    pub(crate) fn not_counted(why: impl Into<String>) -> Self {
        Self::NotCounted(why.into())
    }

    /// A value of the wrong form.
    pub(crate) fn form(key: &'static str, expected: impl Into<String>, found: &serde_json::Value) -> Self {
        Self::Form { key, expected: expected.into(), found: shortened(&found.to_string()) }
    }
}

/// Most characters of somebody's input that are repeated to them.
const REPEATED_CHARS_MAX: usize = 80;

/// Input as it may be repeated: cut, and without control characters.
pub(crate) fn shortened(text: &str) -> String {
    let mut kept: String = text.chars().filter(|c| !c.is_control()).take(REPEATED_CHARS_MAX).collect();
    if text.chars().count() > REPEATED_CHARS_MAX {
        kept.push('…');
    }
    kept
}
