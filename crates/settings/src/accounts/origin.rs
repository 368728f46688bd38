//! Origins: which other sites' pages may show a share in a frame of theirs.

use std::fmt;

use url::Url;

use crate::SettingsError;

/// Longest origin, in bytes: a host's name has at most 253.
const BYTES_MAX: usize = 270;

/// A scheme, a host and perhaps a port, as a browser writes them: what may stand in a header.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin(String);

impl Origin {
    /// Reads an origin such as `https://intranet.example`.
    ///
    /// # Errors
    /// It is none, or stands for more than one.
    pub fn parse(text: &str) -> Result<Self, SettingsError> {
        let refused = || {
            let shown: String = text.chars().filter(|letter| !letter.is_control()).take(80).collect();
            SettingsError::Refused(format!(
                "an origin is a scheme, a host and perhaps a port, such as https://intranet.example, without a path and without *; not {shown:?}"
            ))
        };
        let url = Url::parse(text.trim()).map_err(|_| refused())?;
        let is_bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        let is_nobodys = url.username().is_empty() && url.password().is_none();
        let origin = url.origin().ascii_serialization();
        // What a host's name may be made of, and nothing that means something else in a header.
        let known = |letter: char| letter.is_ascii_alphanumeric() || "-.:/[]".contains(letter);
        let is_web = matches!(url.scheme(), "http" | "https") && url.has_host();
        if is_web && is_bare && is_nobodys && origin.len() <= BYTES_MAX && origin.chars().all(known) {
            Ok(Self(origin))
        } else {
            Err(refused())
        }
    }

    /// As a browser writes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_one_origin() {
        for (text, kept) in [
            ("https://Intranet.Example/", "https://intranet.example"),
            (" https://a.example:443 ", "https://a.example"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("http://[::1]:80", "http://[::1]"),
            ("https://例え.テスト", "https://xn--r8jz45g.xn--zckzah"),
        ] {
            assert_eq!(Origin::parse(text).unwrap().as_str(), kept);
        }
        for wrong in [
            "",
            "*",
            "a.example",
            "https://",
            "https://*.a.example",
            "https://a.example/path",
            "https://a.example?x",
            "https://a.example#x",
            "https://me@a.example",
            "ftp://a.example",
            "javascript:alert(1)",
            "data:text/html,x",
            "https://a.example; script-src *",
            "https://a.example;script-src",
            "https://a.example 'unsafe-inline'",
            "https://a'b.example",
            "https://a,b.example",
            "null",
        ] {
            assert!(Origin::parse(wrong).is_err(), "{wrong:?}");
        }
        assert!(Origin::parse(&format!("https://{}.example", "a.".repeat(200))).is_err());
    }
}
