//! A site as it is kept: JSON that another version may have written.
//!
//! The rule, on purpose. What a document lacks was not known to who wrote it: it takes the default. What this version does not
//! know, a newer one wrote: it is passed over in reading and kept in writing, so that an older program beside a newer one takes no
//! setting away. A value that this version cannot read makes the site unreadable: it is better not measured than measured by
//! a guess.

use model::{Domain, Site};
use serde_json::{Map, Value};

/// Reads a site, or says what it is that cannot be read.
pub(crate) fn read(domain: &str, text: &str) -> Result<Site, String> {
    let name = Domain::parse(domain).map_err(|error| error.to_string())?;
    let stored = serde_json::from_str::<Value>(text).map_err(|error| error.to_string())?;
    let mut document = value(&Site::new(name.clone()));
    overlay(&mut document, stored);
    let site: Site = serde_json::from_value(document).map_err(|error| error.to_string())?;
    if site.domain == name { Ok(site) } else { Err(format!("it is the definition of {}", site.domain)) }
}

/// Writes a site over what is kept of it. The zone before and the definitions are not part of it: they are kept beside it.
pub(crate) fn write(site: &Site, stored: Option<&str>) -> Value {
    let site = Site { timezone_before: None, definitions: model::Definitions::default(), ..site.clone() };
    let mut document = stored.and_then(|text| serde_json::from_str(text).ok()).unwrap_or(Value::Null);
    overlay(&mut document, value(&site));
    document
}

/// The settings that differ between two documents, each with what it was and what it is.
pub(crate) fn difference(before: Option<&str>, after: &Value) -> Map<String, Value> {
    let before = before.and_then(|text| serde_json::from_str::<Value>(text).ok()).unwrap_or(Value::Null);
    let fields = after.as_object().into_iter().flatten();
    let differs = |(key, value): &(&String, &Value)| before.get(key.as_str()) != Some(*value);
    fields
        .filter(differs)
        .map(|(key, value)| (key.clone(), serde_json::json!([before.get(key.as_str()), value])))
        .collect()
}

fn value(site: &Site) -> Value {
    serde_json::to_value(site).expect("a site is texts, numbers, lists and structs, all of which are JSON")
}

/// Puts every field of `over` into `under`; where both are objects, field by field.
fn overlay(under: &mut Value, over: Value) {
    match (under, over) {
        (Value::Object(under), Value::Object(over)) => {
            for (key, value) in over {
                overlay(under.entry(key).or_insert(Value::Null), value);
            }
        }
        (under, over) => *under = over,
    }
}

#[cfg(test)]
mod tests {
    use model::Mode;
    use serde_json::json;

    use super::*;

    fn site() -> Site {
        Site::new(Domain::parse("example.com").unwrap())
    }

    #[test]
    fn what_an_older_version_did_not_know_takes_its_default() {
        let old = json!({ "domain": "example.com", "mode": "exempt", "signals": { "gpc": "off" } });
        let read = read("example.com", &old.to_string()).unwrap();
        let mut wanted = Site { mode: Mode::Exempt, ..site() };
        wanted.signals.gpc = Mode::Off;
        assert_eq!(read, wanted);
    }

    #[test]
    fn what_a_newer_version_knows_outlives_a_change_by_this_one() {
        let mut newer = value(&site());
        newer["block_addresses"] = json!(["192.0.2.0/24"]);
        newer["signals"]["new_signal"] = json!("off");
        let read = read("example.com", &newer.to_string()).unwrap();
        assert_eq!(read, site());
        let written = write(&Site { mode: Mode::Minimal, ..read }, Some(&newer.to_string()));
        newer["mode"] = json!("minimal");
        assert_eq!(written, newer);
    }

    #[test]
    fn a_value_that_cannot_be_read_is_no_default() {
        let strange = json!({ "domain": "example.com", "mode": "ultra" });
        assert!(read("example.com", &strange.to_string()).unwrap_err().contains("ultra"));
        assert!(read("other.com", &value(&site()).to_string()).unwrap_err().contains("example.com"));
        assert!(read("example.com", "{").is_err() && read("example.com", "[]").is_err());
    }

    #[test]
    fn the_difference_names_what_changed() {
        let before = value(&site()).to_string();
        let after = write(&Site { mode: Mode::Minimal, ..site() }, Some(&before));
        assert_eq!(Value::Object(difference(Some(&before), &after)), json!({ "mode": ["full", "minimal"] }));
        assert!(difference(None, &after).len() > 10);
    }
}
