//! The notice as JSON: the same sentences, each under its name, and the record of processing beside them.

use serde_json::{Value, json};

use super::facts::Facts;
use super::{Notice, Part, record};

impl Notice {
    /// The notice and the record of processing, as published.
    #[must_use]
    pub fn json(&self, facts: &Facts) -> Value {
        json!({
            "site": facts.site.as_str(),
            "language": self.language.tag(),
            "title": self.title,
            "sections": self.parts.iter().map(part).collect::<Vec<_>>(),
            "record_of_processing": record::record(facts),
        })
    }
}

fn part(part: &Part) -> Value {
    let said = part.said.iter().map(|(sentence, words)| {
        let mut said = json!({ "id": sentence.id(), "text": words.text });
        if let (Some(said), false) = (said.as_object_mut(), words.items.is_empty()) {
            said.insert("items".to_owned(), json!(words.items));
        }
        said
    });
    json!({ "id": part.section.id(), "heading": part.heading, "sentences": said.collect::<Vec<_>>() })
}
