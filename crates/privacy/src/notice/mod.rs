//! The privacy notice of a site, as a value made from facts, and its three forms: a page's text, Markdown, JSON.
//!
//! Every sentence is one [`Sentence`] with its condition and its words in both languages; nothing else is ever said. It
//! does not find the facts out: whoever runs the program measures them, so that the notice cannot say what the program does
//! not do. The invariants: a sentence without its fact is not there, and both languages say the same.

mod fairness;
mod html;
mod json;
mod keeping;
mod markdown;
mod people;
mod processing;
mod record;
mod rights;
mod sentence;
#[cfg(test)]
mod tests;

pub mod facts;

use facts::Facts;
pub use html::escaped;
pub use sentence::{Section, Sentence};

/// A language that the notice is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// English.
    English,
    /// Japanese.
    Japanese,
}

impl Language {
    /// Both.
    pub const ALL: [Self; 2] = [Self::English, Self::Japanese];

    /// Its tag, as in `lang="en"`.
    #[must_use]
    pub const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Japanese => "ja",
        }
    }

    /// The one of two texts that is in this language.
    #[must_use]
    pub fn choose<T>(self, english: T, japanese: T) -> T {
        match self {
            Self::English => english,
            Self::Japanese => japanese,
        }
    }
}

/// A site's notice in one language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Its language.
    pub language: Language,
    /// Its heading.
    pub title: String,
    /// Its parts, in order; none is empty.
    pub parts: Vec<Part>,
}

/// What the notice says about one subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The subject.
    pub section: Section,
    /// Its heading.
    pub heading: &'static str,
    /// What is said, in order.
    pub said: Vec<(Sentence, Words)>,
}

/// One sentence (or a few that stand and fall together) in one language.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words {
    /// The text.
    pub text: String,
    /// A list that belongs to it; may be empty.
    pub items: Vec<String>,
    /// A mail address or URL in the text that a page makes a link.
    pub link: Option<String>,
}

/// The words of one sentence in both languages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Said {
    english: Words,
    japanese: Words,
}

/// The same thing said in both languages.
fn both(english: impl Into<String>, japanese: impl Into<String>) -> Said {
    let words = |text| Words { text, ..Words::default() };
    Said { english: words(english.into()), japanese: words(japanese.into()) }
}

impl Said {
    /// With a list, an item in both languages each.
    fn listing(mut self, items: impl IntoIterator<Item = (String, String)>) -> Self {
        (self.english.items, self.japanese.items) = items.into_iter().unzip();
        self
    }

    /// With a mail address or URL that stands in the text.
    fn linking(mut self, address: &str) -> Self {
        self.english.link = Some(address.to_owned());
        self.japanese.link = Some(address.to_owned());
        self
    }
}

/// Puts everything that the facts allow to be said into words.
#[must_use]
pub fn notice(facts: &Facts, language: Language) -> Notice {
    let site = &facts.site;
    let title = language.choose(format!("How visits to {site} are counted"), format!("{site} のアクセス計測について"));
    let part = |section: Section| {
        let said = Sentence::ALL.into_iter().filter(|sentence| sentence.section() == section);
        let said = said.filter_map(|sentence| {
            let said = sentence.say(facts)?;
            Some((sentence, language.choose(said.english, said.japanese)))
        });
        let (english, japanese) = section.headings();
        Part { section, heading: language.choose(english, japanese), said: said.collect() }
    };
    let parts = Section::ALL.into_iter().map(part).filter(|part| !part.said.is_empty()).collect();
    Notice { language, title, parts }
}
