//! The arrows between crates run one way: words, core, edges, services, binary. Held against each Cargo.toml.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Each crate and the crates of ours it may depend on.
const ARROWS: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("privacy", &["model"]),
    ("fold", &["model", "privacy"]),
    ("journal", &["model"]),
    ("store", &["model"]),
    ("settings", &["model", "fold"]),
    ("collector", &["model", "privacy", "fold", "journal"]),
    ("processor", &["model", "privacy", "fold", "journal", "store"]),
    ("dashboard", &["model", "privacy", "store", "settings"]),
];

/// What the pure crates may never have: a runtime, a clock, randomness of their own, the environment, a log.
const IMPURE: &[&str] =
    &["tokio", "hyper", "tracing", "getrandom", "rand", "clickhouse", "rdkafka", "sqlx", "fjall", "prometheus"];

fn dependencies(name: &str) -> BTreeSet<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("crates").join(name).join("Cargo.toml");
    let text = fs::read_to_string(&path).unwrap();
    let section = text.split("[dependencies]").nth(1).unwrap().split("\n[").next().unwrap();
    section
        .lines()
        .filter_map(|line| line.split(['.', ' ', '=']).next())
        .filter(|name| !name.is_empty() && !name.starts_with('#'))
        .map(str::to_owned)
        .collect()
}

#[test]
fn crates_depend_only_on_crates_below_them() {
    let ours: BTreeSet<&str> = ARROWS.iter().map(|(name, _)| *name).collect();
    for (name, allowed) in ARROWS {
        for dependency in dependencies(name).iter().filter(|dependency| ours.contains(dependency.as_str())) {
            assert!(allowed.contains(&dependency.as_str()), "{name} must not know {dependency}");
        }
    }
}

#[test]
fn every_crate_has_its_arrows_written_down() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("crates");
    let found: BTreeSet<String> = fs::read_dir(crates)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "footfall")
        .collect();
    let written: BTreeSet<String> = ARROWS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(found, written);
}

#[test]
fn only_the_journal_speaks_to_kafka() {
    for (name, _) in ARROWS.iter().filter(|(name, _)| *name != "journal") {
        assert!(!dependencies(name).contains("rdkafka"), "{name} must not have rdkafka");
    }
}

#[test]
fn only_the_settings_speak_sql_to_their_database() {
    for (name, _) in ARROWS.iter().filter(|(name, _)| *name != "settings") {
        assert!(!dependencies(name).contains("sqlx"), "{name} must not have sqlx");
    }
}

#[test]
fn the_core_is_pure() {
    for name in ["model", "privacy", "fold"] {
        for impure in IMPURE {
            assert!(!dependencies(name).contains(*impure), "{name} must not have {impure}");
        }
    }
}
