//! Reads the body of `POST /api/event`: one event, or a list of them.
//!
//! A body that is not JSON of that shape is refused whole; an event that is wrong in itself is refused alone, so that one
//! bad event of a batch does not cost the others. Depth is bounded by `serde_json` (128), length by the caller, and what is
//! held of a body never exceeds a few times its length.

use std::fmt;

use model::Refusal;
use model::limits::BATCH_EVENTS_MAX;
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, SeqAccess, Visitor};

use crate::draft::Draft;
use crate::event::{Event, Events, Refused};

/// Reads a body.
///
/// # Errors
/// [`Refusal::Malformed`] for anything but an event or a list of at least one; [`Refusal::TooLarge`] for a list of more than
/// [`BATCH_EVENTS_MAX`], an event being one for each site that it names.
pub fn read(body: &[u8]) -> Result<Events, Refused> {
    let refused = Refused::nameless;
    let malformed = |_| refused(Refusal::Malformed, "the body must be a JSON object, or an array of objects");
    // RFC 8259, section 8.1, lets a reader pass over a byte order mark; some clients cannot be kept from writing one.
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let text = std::str::from_utf8(body).map_err(|_| refused(Refusal::Malformed, "the body must be UTF-8"))?;
    if !text.trim_start().starts_with('[') {
        let mut events = Vec::with_capacity(1);
        Event::read(serde_json::from_str(text).map_err(malformed)?, &mut events);
        return Ok(events);
    }
    let batch: Batch = serde_json::from_str(text).map_err(malformed)?;
    if batch.too_many {
        return Err(refused(Refusal::TooLarge, "more than 1000 events"));
    }
    if batch.events.is_empty() {
        return Err(refused(Refusal::Malformed, "the array holds no event"));
    }
    Ok(batch.events)
}

#[derive(Default)]
struct Batch {
    events: Events,
    too_many: bool,
}

impl<'de> Deserialize<'de> for Batch {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Batch;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of events")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut batch = Batch::default();
                while batch.events.len() < BATCH_EVENTS_MAX {
                    let Some(draft) = list.next_element::<Draft<'de>>()? else { return Ok(batch) };
                    Event::read(draft, &mut batch.events);
                }
                batch.too_many = batch.events.len() > BATCH_EVENTS_MAX;
                while list.next_element::<IgnoredAny>()?.is_some() {
                    batch.too_many = true;
                }
                Ok(batch)
            }
        }
        deserializer.deserialize_seq(Reader)
    }
}
