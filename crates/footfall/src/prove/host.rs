//! What this process and its directory say: keys, sealed records, memory, audit log, access to files, region, API.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use journal::{Journal, Offset};
use model::{Millis, Sites};
use privacy::seal::{KEY_LIFE_HOURS, dies_at};
use rustix::process::{DumpableBehavior, Resource, dumpable_behavior, getrlimit};
use serde_json::Value;

use super::check::{Check, Verdict};

/// Keys are looked after every few seconds; a minute covers a slow disk.
const SLACK_MS: i64 = 60_000;
const HOUR_MS: i64 = 3_600_000;

/// Words in the name of a parameter or a field that would take or return a person.
const PERSONS: [&str; 9] =
    ["visitor_id", "user_id", "client_id", "session_id", "device_id", "cookie", "fingerprint", "ip_address", "email"];

/// What holds of keys and of sealed records, wherever they are.
pub(super) const KEYS_CLAIM: &str = "an hour's key is destroyed 27 hours after its hour, and no other key is there";
pub(super) const JOURNAL_CLAIM: &str = "sealed records go with their keys, 27 hours after their hour";

/// The living keys are those of the last hours and the next, and no other file lies beside them.
pub(super) fn keys(directory: &Path, now: Millis, known: Option<i64>) -> Check {
    let claim = KEYS_CLAIM;
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries.flatten(),
        Err(error) => return Check::untold(claim, error),
    };
    let (mut hours, mut strangers, mut open) = (BTreeSet::new(), 0, 0);
    for entry in entries {
        let name = entry.file_name();
        let hour = name.to_str().and_then(|name| name.strip_suffix(".key")).and_then(|hour| hour.parse::<i64>().ok());
        // A key that is being made or destroyed this moment has another ending.
        let passing = name.to_str().is_some_and(|name| name.ends_with(".new") || name.ends_with(".dead"));
        match hour {
            Some(hour) => drop(hours.insert(hour)),
            None if passing => {}
            None => strangers += 1,
        }
        open += u32::from(entry.metadata().is_ok_and(|known| known.permissions().mode() & 0o077 != 0));
    }
    let dead = hours.iter().filter(|hour| dies_at(**hour).plus(SLACK_MS) <= now).count();
    let oldest = hours.first().map_or(0, |hour| (now.0 - hour * HOUR_MS).max(0) / HOUR_MS);
    let agree = known.is_none_or(|known| usize::try_from(known).ok() == Some(hours.len()));
    let evidence = format!(
        "{} key files, the oldest of an hour that began {oldest} hours ago; {dead} past their end; {strangers} other files; \
         {open} readable by others; the process knows {}",
        hours.len(),
        known.map_or_else(|| "an unknown number".to_owned(), |known| known.to_string()),
    );
    Check::new(claim, Verdict::of(dead == 0 && strangers == 0 && open == 0 && agree), evidence)
}

/// No sealed record is older than its key may be, and the hour whose file it lies in.
pub(super) async fn journal(journal: &impl Journal, now: Millis) -> Check {
    let claim = JOURNAL_CLAIM;
    let mut oldest: Option<Millis> = None;
    for partition in 0..journal.partitions() {
        match journal.read(partition, Offset(0), 1, Duration::ZERO).await {
            Ok(records) => oldest = oldest.into_iter().chain(records.first().map(|record| record.at)).min(),
            Err(error) => return Check::untold(claim, error),
        }
    }
    let Some(oldest) = oldest else { return Check::new(claim, Verdict::Holds, "there is none") };
    let age = now.0 - oldest.0;
    let holds = age <= (KEY_LIFE_HOURS + 1) * HOUR_MS + SLACK_MS;
    Check::new(claim, Verdict::of(holds), format!("the oldest is {} minutes old", age.max(0) / 60_000))
}

/// Secrets stay in memory: no core dump, no other process's look, no swap.
pub(super) fn memory() -> [Check; 2] {
    let none = getrlimit(Resource::Core).current == Some(0);
    let closed = matches!(dumpable_behavior(), Ok(DumpableBehavior::NotDumpable));
    let dumps = Check::new(
        "the process leaves no core dump and lets no other process read its memory",
        Verdict::of(none && closed),
        format!(
            "core dumps are {}, its memory is {}",
            if none { "off" } else { "on" },
            if closed { "closed" } else { "open" }
        ),
    );
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let locked = status.lines().find_map(|line| line.strip_prefix("VmLck:")).map(str::trim).unwrap_or_default();
    let is_locked = !locked.is_empty() && locked != "0 kB";
    let swaps = fs::read_to_string("/proc/swaps").map(|swaps| swaps.lines().count().saturating_sub(1));
    let claim = "the process's memory is not swapped to a disk";
    let swapped = match (is_locked, swaps) {
        (true, _) => Check::new(claim, Verdict::Holds, format!("{locked} are locked")),
        (false, Ok(0)) => Check::new(claim, Verdict::Holds, "not locked, and this machine has no swap"),
        (false, Ok(_)) => Check::untold(claim, "not locked, and this machine swaps: allow an unlimited RLIMIT_MEMLOCK"),
        (false, Err(error)) => Check::untold(claim, format!("not locked, and /proc/swaps cannot be read: {error}")),
    };
    [dumps, swapped]
}

/// Every line of the audit log but a last one that a crash cut can be read.
pub(super) fn audit(data: &Path) -> Check {
    let claim = "the audit log can be read, and says when each key was destroyed";
    let path = data.join("audit.log");
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) => return Check::untold(claim, error),
    };
    let complete = text.rsplit_once('\n').map_or("", |(lines, _)| lines);
    let lines: Vec<Option<Value>> = complete.lines().map(|line| serde_json::from_str(line).ok()).collect();
    let damaged = lines.iter().filter(|line| line.is_none()).count();
    let of = |event: &str| {
        lines.iter().flatten().filter(|line| line.get("event").is_some_and(|known| known == event)).count()
    };
    let mine = fs::metadata(&path).is_ok_and(|known| known.permissions().mode() & 0o077 == 0);
    let evidence = format!(
        "{} lines, {damaged} damaged, {} keys destroyed, {}",
        lines.len(),
        of("seal_key_destroyed"),
        if mine { "readable by its owner only" } else { "readable by others" }
    );
    Check::new(claim, Verdict::of(damaged == 0 && mine && !lines.is_empty()), evidence)
}

/// The declared regions agree with the installation's.
pub(super) fn region(configured: Option<&str>, sites: &Sites) -> Check {
    let claim = "the data rests in the region that each site declares";
    let Some(here) = configured else {
        return Check::untold(
            claim,
            "no `region` is configured for this installation; where its disk is, no program can see",
        );
    };
    let elsewhere =
        sites.iter().filter(|site| site.notice.region.as_deref().is_some_and(|region| region != here)).count();
    let silent = sites.iter().filter(|site| site.notice.region.is_none()).count();
    let evidence = format!(
        "configured as {here}; {elsewhere} sites declare another, {silent} none; that the disk is there is the operator's word"
    );
    Check::new(claim, Verdict::of(elsewhere == 0), evidence)
}

/// No parameter and no field of the API names a person.
pub(super) fn api(description: &str) -> Check {
    let claim = "the API takes and returns nothing about a person";
    let description: Value = match serde_json::from_str(description) {
        Ok(description) => description,
        Err(error) => return Check::untold(claim, error),
    };
    let mut names = BTreeSet::new();
    names_of(&description, &mut names);
    let found: Vec<&str> = names
        .iter()
        .copied()
        .filter(|name| PERSONS.iter().any(|word| name.to_ascii_lowercase().contains(word)))
        .collect();
    let evidence =
        format!("{} names of parameters and fields in its description; of persons: {}", names.len(), found.len());
    Check::new(claim, Verdict::of(found.is_empty() && !names.is_empty()), evidence)
}

fn names_of<'v>(value: &'v Value, names: &mut BTreeSet<&'v str>) {
    match value {
        Value::Object(fields) => {
            for (key, field) in fields {
                match (key.as_str(), field) {
                    ("name", Value::String(name)) => drop(names.insert(name)),
                    ("properties", Value::Object(properties)) => names.extend(properties.keys().map(String::as_str)),
                    ("enum", Value::Array(words)) => names.extend(words.iter().filter_map(Value::as_str)),
                    _ => {}
                }
                names_of(field, names);
            }
        }
        Value::Array(values) => values.iter().for_each(|value| names_of(value, names)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Millis = Millis(500_000 * HOUR_MS + 1);

    #[test]
    fn the_claims_name_the_hours_that_a_key_lives() {
        let hours = format!(" {KEY_LIFE_HOURS} hours after its hour");
        assert!(KEYS_CLAIM.contains(&hours) && JOURNAL_CLAIM.contains(&hours.replace("its", "their")));
    }

    fn key(directory: &Path, name: &str) {
        let path = directory.join(name);
        fs::write(&path, b"key").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    }

    #[test]
    fn keys_of_the_last_hours_hold_and_any_other_file_breaks() {
        let directory = tempfile::tempdir().unwrap();
        for name in ["499980.key", "500000.key", "500001.key", "500002.new"] {
            key(directory.path(), name);
        }
        assert_eq!(keys(directory.path(), NOW, Some(3)).verdict, Verdict::Holds);
        assert_eq!(keys(directory.path(), NOW, Some(2)).verdict, Verdict::Broken, "one the process does not know");
        for other in ["499900.key", "500000.key.bak"] {
            key(directory.path(), other);
            assert_eq!(keys(directory.path(), NOW, None).verdict, Verdict::Broken, "{other}");
            fs::remove_file(directory.path().join(other)).unwrap();
        }
        fs::set_permissions(directory.path().join("500000.key"), fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(keys(directory.path(), NOW, Some(3)).verdict, Verdict::Broken, "readable by others");
    }

    #[test]
    fn a_parameter_that_takes_a_person_is_seen() {
        assert_eq!(api(r#"{"parameters": [{"name": "site_id"}]}"#).verdict, Verdict::Holds);
        assert_eq!(api(r#"{"paths": {"/x": {"parameters": [{"name": "visitor_id"}]}}}"#).verdict, Verdict::Broken);
        assert_eq!(api(r#"{"properties": {"Client_ID": {}}}"#).verdict, Verdict::Broken);
        assert_eq!(api("{}").verdict, Verdict::Broken, "a description that describes nothing proves nothing");
    }
}
