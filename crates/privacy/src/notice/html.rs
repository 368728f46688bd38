//! The notice as an HTML `<article>`: no script, no style, nothing fetched, so that it can stand in any page.

use std::borrow::Cow;
use std::fmt::Write;

use super::{Notice, Words};

impl Notice {
    /// The notice as an `<article>` for a page.
    #[must_use]
    pub fn html(&self) -> String {
        let mut html = format!("<article lang=\"{}\">\n<h1>{}</h1>\n", self.language.tag(), escaped(&self.title));
        html.push_str(&self.html_parts());
        html.push_str("</article>\n");
        html
    }

    /// The parts alone, for a page that has its own heading.
    #[must_use]
    pub fn html_parts(&self) -> String {
        let mut html = String::new();
        for part in &self.parts {
            let (id, heading) = (part.section.id(), escaped(part.heading));
            line(&mut html, format_args!("<section id=\"{id}\">\n<h2>{heading}</h2>"));
            for (_, words) in &part.said {
                line(&mut html, format_args!("<p>{}</p>", text(words)));
                if !words.items.is_empty() {
                    html.push_str("<ul>\n");
                    for item in &words.items {
                        line(&mut html, format_args!("<li>{}</li>", escaped(item)));
                    }
                    html.push_str("</ul>\n");
                }
            }
            html.push_str("</section>\n");
        }
        html
    }
}

fn line(html: &mut String, what: std::fmt::Arguments<'_>) {
    writeln!(html, "{what}").expect("a string takes everything");
}

/// The text, its address made a link where it is one.
fn text(words: &Words) -> String {
    let text = escaped(&words.text).into_owned();
    let Some(address) = &words.link else { return text };
    let target = if address.starts_with("https://") || address.starts_with("http://") {
        address.clone()
    } else if address.contains('@') && !address.contains(char::is_whitespace) {
        format!("mailto:{address}")
    } else {
        return text;
    };
    let shown = escaped(address);
    text.replacen(shown.as_ref(), &format!("<a href=\"{}\">{shown}</a>", escaped(&target)), 1)
}

/// A text that means nothing to HTML, in an element or a quoted attribute.
#[must_use]
pub fn escaped(text: &str) -> Cow<'_, str> {
    if !text.contains(['&', '<', '>', '"', '\'']) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for char in text.chars() {
        match char {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    Cow::Owned(escaped)
}
