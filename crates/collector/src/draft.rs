//! An event's fields as a sender wrote them, by meaning: Plausible's long and short keys lead to the same field.
//!
//! Nothing is checked here; [`crate::event`] makes an [`crate::event::Event`] of it or says what is wrong.

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};

use crate::value::{Name, Value};

/// What the collector reads of an event. The numbers are places in [`Draft`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub(crate) enum Field {
    Name,
    Url,
    Domain,
    Referrer,
    Props,
    Revenue,
    Interactive,
    EngagedMs,
    ScrollPercent,
    Vitals,
    Id,
    ScreenWidth,
    Language,
    Consent,
    Child,
    Gpc,
    Gdpr,
    Tcf,
    Gpp,
    GppSections,
    GoogleState,
    GoogleDetails,
}

const FIELDS: usize = Field::GoogleDetails as usize + 1;

impl Field {
    /// The field that a key of the Events API means. Unknown keys mean none, and so do those that are accepted but not
    /// read here: `h` (hash mode) and `v` (version).
    pub(crate) fn of_json(key: &str) -> Option<Self> {
        Some(match key {
            "n" | "name" => Self::Name,
            "u" | "url" => Self::Url,
            "d" | "domain" => Self::Domain,
            "r" | "referrer" => Self::Referrer,
            "p" | "props" | "m" | "meta" => Self::Props,
            "$" | "revenue" => Self::Revenue,
            "i" | "interactive" => Self::Interactive,
            "e" | "engagement" => Self::EngagedMs,
            "sd" | "scroll_depth" => Self::ScrollPercent,
            "vitals" => Self::Vitals,
            "id" => Self::Id,
            "w" | "screen_width" => Self::ScreenWidth,
            "lang" => Self::Language,
            "consent" => Self::Consent,
            "child" => Self::Child,
            "gpc" => Self::Gpc,
            "tcf" => Self::Tcf,
            _ => return Self::of_either(key),
        })
    }

    /// The consent fields that both doors call the same.
    fn of_either(name: &str) -> Option<Self> {
        Some(match name {
            "gdpr" => Self::Gdpr,
            "gdpr_consent" => Self::Tcf,
            "gpp" => Self::Gpp,
            "gpp_sid" => Self::GppSections,
            "gcs" => Self::GoogleState,
            "gcd" => Self::GoogleDetails,
            _ => return None,
        })
    }

    /// The field that a parameter of the clear GIF means.
    pub(crate) fn of_query(parameter: &str) -> Option<Self> {
        Some(match parameter {
            "n" => Self::Name,
            "u" => Self::Url,
            "d" => Self::Domain,
            "r" => Self::Referrer,
            "id" => Self::Id,
            "w" => Self::ScreenWidth,
            "consent" => Self::Consent,
            "child" => Self::Child,
            "gpc" => Self::Gpc,
            _ => return Self::of_either(parameter),
        })
    }
}

/// The fields of one event, none of them checked.
#[derive(Debug, Default)]
pub(crate) struct Draft<'a>([Value<'a>; FIELDS]);

impl<'a> Draft<'a> {
    /// Gives a field a value, in place of the one it had.
    pub(crate) fn set(&mut self, field: Field, value: Value<'a>) {
        *self.slot(field) = value;
    }

    /// Takes a field's value out.
    pub(crate) fn take(&mut self, field: Field) -> Value<'a> {
        std::mem::take(self.slot(field))
    }

    fn slot(&mut self, field: Field) -> &mut Value<'a> {
        self.0.get_mut(field as usize).expect("the array has a place for every field")
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Draft<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Draft<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an event")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut draft = Draft::default();
                while let Some(key) = map.next_key::<Name<'de>>()? {
                    match Field::of_json(&key.0) {
                        Some(field) => draft.set(field, map.next_value()?),
                        None => drop(map.next_value::<IgnoredAny>()?),
                    }
                }
                Ok(draft)
            }
        }
        deserializer.deserialize_map(Reader)
    }
}
