//! What a request to the page asks for: which site, in which language, in which form.

use std::collections::BTreeMap;

use axum::extract::{Query, Request};
use axum::http::HeaderMap;
use axum::http::header::{ACCEPT, ACCEPT_LANGUAGE};
use privacy::notice::Language;

/// A form of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Html,
    Markdown,
    Json,
}

/// What a button did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Done {
    /// Opted out: a cookie that is not there was not kept.
    OptedOut,
    /// What was counted is taken back.
    Erased,
    /// There was nothing to take back.
    NothingToErase,
    /// Nothing more is processed today.
    Restricted,
}

impl Done {
    const ALL: [Self; 4] = [Self::OptedOut, Self::Erased, Self::NothingToErase, Self::Restricted];

    /// Its word in the page's address.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::OptedOut => "optout",
            Self::Erased => "erase",
            Self::NothingToErase => "nothing",
            Self::Restricted => "restrict",
        }
    }
}

/// What is asked for.
pub(super) struct Asked {
    pub(super) site: Option<String>,
    pub(super) language: Language,
    pub(super) form: Form,
    /// What the visitor just had done by a button.
    pub(super) done: Option<Done>,
}

impl Asked {
    /// The form for an answer that is data first: a page only for who reads pages.
    pub(super) fn data_first(self, request: &Request) -> Self {
        let accepted = request.headers().get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let says = Query::<BTreeMap<String, String>>::try_from_uri(request.uri())
            .is_ok_and(|query| query.contains_key("format"));
        let form = if says || accepted.contains("text/html") { self.form } else { Form::Json };
        Self { form, ..self }
    }

    /// Reads the query and the headers. What cannot be read is as if it were not there.
    pub(super) fn read(request: &Request) -> Self {
        let query: BTreeMap<String, String> =
            Query::try_from_uri(request.uri()).map_or_else(|_| BTreeMap::new(), |query| query.0);
        let text = |name: &str| query.get(name).map(String::as_str).filter(|text| !text.is_empty());
        let headers = request.headers();
        Self {
            site: text("d").map(|name| name.trim().to_owned()),
            language: match text("lang") {
                Some("en") => Language::English,
                Some("ja") => Language::Japanese,
                Some(_) | None => preferred(headers),
            },
            form: match text("format") {
                Some("md") => Form::Markdown,
                Some("json") => Form::Json,
                Some("html") => Form::Html,
                Some(_) | None if wants_json(headers) => Form::Json,
                Some(_) | None => Form::Html,
            },
            done: Done::ALL.into_iter().find(|done| text("done") == Some(done.word())),
        }
    }
}

fn wants_json(headers: &HeaderMap) -> bool {
    let accepted = headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    accepted.contains("application/json") && !accepted.contains("text/html")
}

/// The language with the greater weight in `Accept-Language`; English where neither is asked for or both weigh the same
/// and English comes first.
fn preferred(headers: &HeaderMap) -> Language {
    let accepted = headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut best = (0.0, Language::English);
    for range in accepted.split(',') {
        let (tag, parameters) = range.split_once(';').unwrap_or((range, ""));
        let weight =
            parameters.trim().strip_prefix("q=").map_or(Some(1.0), |weight| weight.parse().ok()).unwrap_or(0.0);
        let primary = tag.trim().split('-').next().unwrap_or_default().to_ascii_lowercase();
        let known = Language::ALL.into_iter().find(|language| language.tag() == primary);
        if let Some(language) = known.filter(|_| weight > best.0) {
            best = (weight, language);
        }
    }
    best.1
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    fn read(uri: &str, headers: &[(&str, &str)]) -> Asked {
        let request =
            headers.iter().fold(Request::builder().uri(uri), |request, (name, value)| request.header(*name, *value));
        Asked::read(&request.body(Body::empty()).unwrap())
    }

    #[test]
    fn takes_the_language_a_browser_prefers_unless_the_address_says_which() {
        let by = |accepted: &str| read("/privacy", &[("accept-language", accepted)]).language;
        for japanese in ["ja", "ja-JP,en;q=0.9", "de,ja;q=0.5,en;q=0.4", "en;q=0.1, ja;q=0.2", "JA"] {
            assert_eq!(by(japanese), Language::Japanese, "{japanese}");
        }
        for english in ["", "en", "en-GB,ja;q=0.9", "de", "*", "ja;q=0", "ja;q=x", "en,ja"] {
            assert_eq!(by(english), Language::English, "{english}");
        }
        assert_eq!(read("/privacy?lang=en", &[("accept-language", "ja")]).language, Language::English);
        assert_eq!(read("/privacy?lang=xx", &[("accept-language", "ja")]).language, Language::Japanese);
    }

    #[test]
    fn a_program_gets_json_and_a_browser_a_page() {
        let by = |accepted: &str| read("/privacy", &[("accept", accepted)]).form;
        assert_eq!(by("application/json"), Form::Json);
        assert_eq!(by("text/html,application/xhtml+xml,*/*;q=0.8"), Form::Html);
        assert_eq!(by("*/*"), Form::Html);
        assert_eq!(read("/privacy?format=md", &[("accept", "text/html")]).form, Form::Markdown);
    }

    #[test]
    fn what_cannot_be_read_is_as_if_it_were_not_there() {
        assert_eq!(read("/privacy?d=%20Example.com", &[]).site.as_deref(), Some("Example.com"));
        assert_eq!(read("/privacy?d=", &[]).site, None);
        assert_eq!(read("/privacy", &[("accept-language", "\u{fffd}")]).language, Language::English);
    }
}
