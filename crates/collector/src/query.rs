//! Reads the query of `GET /pixel.gif`: an event in parameters, for pages without scripts and for mail.

use std::borrow::Cow;

use model::Refusal;

use crate::draft::{Draft, Field};
use crate::event::{Event, Events, Refused};
use crate::value::Value;

/// Reads a query, without its `?`; `referer` is the page where the query names none.
#[must_use]
pub fn read(query: &str, referer: Option<&str>) -> Events {
    let mut draft = Draft::default();
    draft.set(Field::Name, Value::Text(Cow::Borrowed("pageview")));
    draft.set(Field::Url, referer.map_or(Value::Absent, |page| Value::Text(Cow::Borrowed(page))));
    for parameter in query.split('&') {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        let Some(field) = Field::of_query(name) else { continue };
        let Some(value) = decode(value) else {
            return vec![Err(Refused::nameless(Refusal::Malformed, "a parameter must be UTF-8"))];
        };
        // An empty parameter is a template's hole that nothing filled: as good as absent, so the page stays the referer.
        if !value.is_empty() {
            draft.set(field, Value::Text(value));
        }
    }
    let mut events = Vec::with_capacity(1);
    Event::read(draft, &mut events);
    events
}

/// Decodes `%41` and `+` as forms write them; a lone `%` stands for itself. Nothing where the result is not UTF-8.
fn decode(value: &str) -> Option<Cow<'_, str>> {
    if !value.bytes().any(|b| matches!(b, b'%' | b'+')) {
        return Some(Cow::Borrowed(value));
    }
    let mut decoded = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match (byte, after.first_chunk().and_then(|pair| hexadecimal(*pair))) {
            (b'%', Some(encoded)) => {
                decoded.push(encoded);
                rest = after.get(2..).unwrap_or_default();
            }
            (b'+', _) => decoded.push(b' '),
            _ => decoded.push(byte),
        }
    }
    String::from_utf8(decoded).ok().map(Cow::Owned)
}

fn hexadecimal(pair: [u8; 2]) -> Option<u8> {
    let [high, low] = pair.map(|digit| char::from(digit).to_digit(16));
    u8::try_from(high? * 16 + low?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_as_forms_do() {
        assert_eq!(decode("a%20b+c%C3%A9").as_deref(), Some("a b cé"));
        assert_eq!(decode("100%").as_deref(), Some("100%"));
        assert_eq!(decode("%zz%4").as_deref(), Some("%zz%4"));
        assert_eq!(decode("%ff"), None);
    }

    #[test]
    fn takes_the_page_from_the_query_before_the_referer() {
        let page = |query| read(query, Some("https://example.com/referer"));
        assert_eq!(
            page("d=example.com&u=https%3A%2F%2Fexample.com%2Fu"),
            read("d=example.com&u=https://example.com/u", None)
        );
        assert_eq!(page("d=example.com&u="), page("d=example.com"));
        assert_eq!(read("d=example.com", None)[0].as_ref().unwrap_err().message, "url is missing");
    }

    #[test]
    fn a_mail_may_send_an_event() {
        let events = read("d=example.com&u=/mail&n=Opened&id=7&gdpr=1&gdpr_consent=C&unknown=x", None);
        assert_eq!(events[0].as_ref().unwrap().site(), "example.com");
    }
}
