//! The notice as Markdown, for a site that keeps its policy in files.

use super::Notice;

impl Notice {
    /// The notice as Markdown.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut markdown = format!("# {}\n", plain(&self.title));
        for part in &self.parts {
            markdown.push_str(&format!("\n## {}\n", part.heading));
            for (_, words) in &part.said {
                markdown.push_str(&format!("\n{}\n", plain(&words.text)));
                if !words.items.is_empty() {
                    markdown.push('\n');
                }
                for item in &words.items {
                    markdown.push_str(&format!("- {}\n", plain(item)));
                }
            }
        }
        markdown
    }
}

/// A text that means nothing to Markdown. Line ends become spaces: an operator's text is one paragraph here.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '#' | '|' => plain.extend(['\\', char]),
            '\n' | '\r' => plain.push(' '),
            other => plain.push(other),
        }
    }
    plain
}
