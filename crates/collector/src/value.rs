//! One value of an event as it stands in JSON or in a query string, before anyone has decided what it must be.
//!
//! It is not a document: nesting is walked, never kept, so that what a body makes us hold is bounded by its length. A value
//! of the wrong kind is a value, not an error: one bad event of a batch must not hide the others.

use std::borrow::Cow;
use std::fmt;

use model::Refusal;
use model::limits::PROPS_MAX;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, de};

/// Most members of an object that are kept: one more than any event may have, so that it is seen to have too many.
const MEMBERS_MAX: usize = PROPS_MAX + 1;

/// A field's fault, before the site is added to it: why, and what to tell the sender.
pub(crate) type Fault = (Refusal, &'static str);

/// The members of an object.
pub(crate) type Members<'a> = Vec<(Cow<'a, str>, Value<'a>)>;

/// A value of an event.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum Value<'a> {
    /// Not there, or `null`.
    #[default]
    Absent,
    /// `true` or `false`.
    Flag(bool),
    /// A number that is whole and not negative.
    Whole(u64),
    /// Any other number.
    Number(f64),
    /// A text.
    Text(Cow<'a, str>),
    /// An object's members, each name once, the last one's value; never more than [`MEMBERS_MAX`].
    Object(Members<'a>),
    /// A list, or an object inside an object: nothing that an event can use.
    Other,
}

impl<'a> Value<'a> {
    /// A text without NUL, or nothing where it is absent or empty.
    pub(crate) fn text(self) -> Result<Option<Cow<'a, str>>, Fault> {
        match self {
            Self::Absent => Ok(None),
            Self::Text(text) if text.is_empty() => Ok(None),
            Self::Text(text) => without_nul(text).map(Some),
            Self::Flag(_) | Self::Whole(_) | Self::Number(_) | Self::Object(_) | Self::Other => {
                Err((Refusal::Malformed, "a name, url, domain, referrer or language must be a text"))
            }
        }
    }

    /// A flag in any of the ways senders write one; `message` says which field is wrong.
    pub(crate) fn flag(&self, message: &'static str) -> Result<Option<bool>, Fault> {
        match self {
            Self::Absent => Ok(None),
            Self::Flag(flag) => Ok(Some(*flag)),
            Self::Whole(0) => Ok(Some(false)),
            Self::Whole(1) => Ok(Some(true)),
            Self::Text(word) => match word.as_ref() {
                "" => Ok(None),
                "1" | "true" => Ok(Some(true)),
                "0" | "false" => Ok(Some(false)),
                _ => Err((Refusal::Malformed, message)),
            },
            Self::Whole(_) | Self::Number(_) | Self::Object(_) | Self::Other => Err((Refusal::Malformed, message)),
        }
    }

    /// A number, also where it is written as a text; nothing where it is none.
    #[expect(clippy::cast_precision_loss, reason = "what is read so is held to far smaller numbers afterwards")]
    pub(crate) fn number(&self) -> Option<f64> {
        match self {
            Self::Whole(number) => Some(*number as f64),
            Self::Number(number) => Some(*number),
            Self::Text(text) => text.parse().ok(),
            Self::Absent | Self::Flag(_) | Self::Object(_) | Self::Other => None,
        }
    }
}

/// The text, unless it contains NUL, which no page, name or property does but by intent.
pub(crate) fn without_nul(text: Cow<'_, str>) -> Result<Cow<'_, str>, Fault> {
    if text.contains('\0') { Err((Refusal::Malformed, "a text must not contain NUL")) } else { Ok(text) }
}

impl<'de: 'a, 'a> Deserialize<'de> for Value<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader { outermost: true })
    }
}

/// A value inside an object: a further object there is walked and forgotten.
struct Inner<'a>(Value<'a>);

impl<'de: 'a, 'a> Deserialize<'de> for Inner<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader { outermost: false }).map(Self)
    }
}

struct Reader {
    outermost: bool,
}

impl<'de> Visitor<'de> for Reader {
    type Value = Value<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Value::Absent)
    }

    fn visit_bool<E: Error>(self, flag: bool) -> Result<Self::Value, E> {
        Ok(Value::Flag(flag))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Value::Whole(number))
    }

    #[expect(clippy::cast_precision_loss, reason = "a negative whole number is kept only to be shown or refused")]
    fn visit_i64<E: Error>(self, number: i64) -> Result<Self::Value, E> {
        Ok(u64::try_from(number).map_or(Value::Number(number as f64), Value::Whole))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Self::Value, E> {
        Ok(Value::Number(number))
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Value::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Value::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Value::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        if !self.outermost {
            while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            return Ok(Value::Other);
        }
        let mut members = Members::new();
        while let Some(name) = map.next_key::<Name<'de>>()? {
            let full = members.len() == MEMBERS_MAX;
            match members.iter_mut().find(|(known, _)| *known == name.0) {
                Some((_, value)) => *value = map.next_value::<Inner<'de>>()?.0,
                None if full => drop(map.next_value::<IgnoredAny>()?),
                None => members.push((name.0, map.next_value::<Inner<'de>>()?.0)),
            }
        }
        Ok(Value::Object(members))
    }
}

/// An object member's name, borrowed from the body wherever it holds no escape.
pub(crate) struct Name<'a>(pub(crate) Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Name<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl<'de> Visitor<'de> for Text {
            type Value = Cow<'de, str>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }
            fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Cow::Borrowed(text))
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Cow::Owned(text.to_owned()))
            }
        }
        deserializer.deserialize_str(Text).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Value<'_> {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn keeps_scalars_as_they_are() {
        assert_eq!(read("null"), Value::Absent);
        assert_eq!(read("true"), Value::Flag(true));
        assert_eq!(read("9007199254740993"), Value::Whole(9_007_199_254_740_993));
        assert_eq!(read("-2"), Value::Number(-2.0));
        assert_eq!(read(r#""a\u00e9""#), Value::Text("aé".into()));
    }

    #[test]
    fn the_last_of_two_equal_names_wins() {
        assert_eq!(read(r#"{"a":1,"b":2,"a":3}"#), {
            Value::Object(vec![("a".into(), Value::Whole(3)), ("b".into(), Value::Whole(2))])
        });
    }

    #[test]
    fn nesting_is_walked_and_not_kept() {
        assert_eq!(read("[[1],[2]]"), Value::Other);
        assert_eq!(
            read(r#"{"a":{"b":{}},"c":[]}"#),
            Value::Object(vec![("a".into(), Value::Other), ("c".into(), Value::Other)])
        );
    }

    #[test]
    fn an_object_of_many_members_is_kept_only_until_it_is_too_many() {
        let many: Vec<_> = (0..1000).map(|n| format!("\"{n}\":{n}")).collect();
        let json = format!("{{{}}}", many.join(","));
        let Value::Object(members) = read(&json) else { panic!("an object") };
        assert_eq!(members.len(), MEMBERS_MAX);
    }
}
