//! The `Forwarded` header of RFC 7239, taken apart. Whether anything in it is believed is decided in [`crate::proxies`].
//!
//! Strict: a header that breaks the grammar anywhere is no header at all, since half of a forged one may be somebody's guess.
//! It allocates only for its list and for escapes.

use std::borrow::Cow;

/// Most elements that are read: no honest chain of proxies is longer.
pub const ELEMENTS_MAX: usize = 32;

/// One element: its parameters in order, names as sent, values without their quotes.
pub type Element<'a> = Vec<(&'a [u8], Cow<'a, [u8]>)>;

/// Reads the header's value. Nothing where it breaks the grammar or holds more than [`ELEMENTS_MAX`] elements.
#[must_use]
pub fn parse(value: &[u8]) -> Option<Vec<Element<'_>>> {
    let mut elements = vec![Vec::new()];
    let mut rest = value;
    loop {
        let (name, after) = token(rest)?;
        let (value, after) = value_of(after.strip_prefix(b"=")?)?;
        elements.last_mut()?.push((name, value));
        if after.is_empty() {
            return Some(elements);
        }
        match skip_spaces(after).split_first()? {
            (b';', after) => rest = skip_spaces(after),
            (b',', after) => {
                if elements.len() == ELEMENTS_MAX {
                    return None;
                }
                elements.push(Vec::new());
                rest = skip_spaces(after);
            }
            _ => return None,
        }
    }
}

/// A parameter of an element, whatever the case of its name. Nothing where it is absent or said twice.
#[must_use]
pub fn parameter<'e>(element: &'e Element<'_>, wanted: &str) -> Option<&'e [u8]> {
    let mut found = element.iter().filter(|(name, _)| name.eq_ignore_ascii_case(wanted.as_bytes()));
    let (_, value) = found.next()?;
    found.next().is_none().then_some(value.as_ref())
}

fn skip_spaces(text: &[u8]) -> &[u8] {
    let spaces = text.iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
    text.get(spaces..).unwrap_or_default()
}

/// One or more token characters (RFC 9110), and what follows.
fn token(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let is_token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    let length = text.iter().take_while(|b| is_token(**b)).count();
    if length == 0 { None } else { text.split_at_checked(length) }
}

fn value_of(text: &[u8]) -> Option<(Cow<'_, [u8]>, &[u8])> {
    match text.strip_prefix(b"\"") {
        Some(quoted) => quoted_string(quoted),
        None => token(text).map(|(value, after)| (Cow::Borrowed(value), after)),
    }
}

/// A quoted string after its opening quote; `\x` stands for `x`.
fn quoted_string(text: &[u8]) -> Option<(Cow<'_, [u8]>, &[u8])> {
    let is_text = |b: u8| b == b'\t' || (b >= b' ' && b != 0x7f);
    let mut unescaped: Option<Vec<u8>> = None;
    let mut at = 0;
    loop {
        let before = text.get(..at)?;
        match *text.get(at)? {
            b'"' => {
                let value = unescaped.map_or(Cow::Borrowed(before), Cow::Owned);
                return Some((value, text.get(at + 1..)?));
            }
            b'\\' => {
                let escaped = *text.get(at + 1)?;
                if !is_text(escaped) {
                    return None;
                }
                unescaped.get_or_insert_with(|| before.to_vec()).push(escaped);
                at += 2;
            }
            plain if is_text(plain) => {
                if let Some(unescaped) = &mut unescaped {
                    unescaped.push(plain);
                }
                at += 1;
            }
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_pairs_apart_and_undoes_escapes() {
        let elements = parse(b"for=192.0.2.1;Proto=https , FOR=\"a\\\"b,;\"").unwrap();
        assert_eq!(elements.len(), 2);
        assert_eq!(parameter(&elements[0], "proto"), Some(&b"https"[..]));
        assert_eq!(parameter(&elements[1], "for"), Some(&b"a\"b,;"[..]));
        assert_eq!(parameter(&elements[1], "by"), None);
    }

    #[test]
    fn what_breaks_the_grammar_is_nothing() {
        for broken in [
            "",
            "for",
            "for=",
            "for=a ",
            " for=a",
            "for =a",
            "for= a",
            "for=\"a",
            "for=a,",
            "for=a;;by=b",
            "=a",
            "for=\"a\"b",
        ] {
            assert_eq!(parse(broken.as_bytes()), None, "{broken:?}");
        }
    }

    #[test]
    fn a_list_without_end_is_nothing() {
        assert!(parse(["for=a"; ELEMENTS_MAX].join(",").as_bytes()).is_some());
        assert!(parse(["for=a"; ELEMENTS_MAX + 1].join(",").as_bytes()).is_none());
    }
}
