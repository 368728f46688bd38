//! The deployment files against the binary: every FOOTFALL_ variable in them is a setting, every key of a sample
//! configuration too, and every `footfall …` they start is a command with those options. What the files mean to Docker,
//! Kubernetes and systemd, scripts/lint-deploy.sh checks.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use crate::harness::footfall;

/// Variables that the deployment files use and that are no setting: of the commands, of set-up, and of the files themselves.
const OTHER: &[&str] = &["CONFIG", "TOKEN", "URL", "SITES", "CACHE", "IMAGE"];

fn files() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let listed =
        Command::new("git").args(["ls-files", "deploy", "docker-compose.yml"]).current_dir(root).output().unwrap();
    let names = String::from_utf8(listed.stdout).unwrap();
    let files: Vec<_> = names
        .lines()
        .filter_map(|name| Some((name.to_owned(), std::fs::read_to_string(root.join(name)).ok()?)))
        .collect();
    assert!(files.len() > 30, "the deployment files are {}", files.len());
    files
}

fn help(command: &[&str]) -> Option<String> {
    let output = footfall().args(command).arg("--help").output().unwrap();
    output.status.success().then(|| String::from_utf8(output.stdout).unwrap())
}

/// Every command and its help.
fn commands() -> BTreeMap<String, String> {
    let all = help(&[]).unwrap();
    let listed = all.split("Commands:\n").nth(1).unwrap().split("\n\n").next().unwrap();
    let names =
        listed.lines().filter_map(|line| line.strip_prefix("  ")?.split(' ').next()).filter(|name| !name.is_empty());
    names.filter_map(|name| Some((name.to_owned(), help(&[name])?))).collect()
}

/// Every setting that any command names in its help.
fn settings() -> BTreeSet<String> {
    let helps = commands();
    let sections = helps.values().filter_map(|help| help.split("Settings, in the configuration file").nth(1));
    let lines = sections.flat_map(|section| section.split("\n\n").next().unwrap().lines().skip(1));
    let keys: BTreeSet<String> = lines
        .filter_map(|line| line.strip_prefix("  ")?.split(' ').next())
        .filter(|key| !key.is_empty())
        .map(str::to_owned)
        .collect();
    assert!(keys.contains("listen") && keys.contains("data"), "{keys:?}");
    keys
}

/// The commands that a file starts, each with its options: units, images, compose services, pods.
fn started(text: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for line in text.lines().map(str::trim) {
        let listed = ["command: [", "args: [", "CMD ["].iter().find_map(|mark| line.strip_prefix(mark));
        let words: Vec<String> = if let Some(list) = listed {
            let list = list.split(']').next().unwrap();
            list.split(',').map(|word| word.trim().trim_matches(['"', '\'']).to_owned()).collect()
        } else if let Some((_, rest)) = line.split_once("bin/footfall ").or_else(|| line.split_once("exec footfall ")) {
            rest.trim_end_matches(['\'', ']']).split_whitespace().map(str::to_owned).collect()
        } else {
            continue;
        };
        found.push(words);
    }
    found
}

#[test]
fn every_variable_is_a_setting() {
    let settings = settings();
    let mut unknown = BTreeSet::new();
    for (name, text) in files() {
        for rest in text.split("FOOTFALL_").skip(1) {
            let variable: String =
                rest.chars().take_while(|letter| letter.is_ascii_uppercase() || *letter == '_').collect();
            let known = settings.contains(&variable.to_lowercase()) || OTHER.contains(&variable.as_str());
            if !known && !variable.is_empty() {
                unknown.insert(format!("{name}: FOOTFALL_{variable}"));
            }
        }
    }
    assert!(unknown.is_empty(), "{unknown:#?}");
}

#[test]
fn every_key_of_a_sample_configuration_is_a_setting() {
    let settings = settings();
    let mut keys = 0;
    for (name, text) in files().into_iter().filter(|(name, _)| name.ends_with(".toml")) {
        let table: toml::Table = text.parse().unwrap_or_else(|error| panic!("{name}: {error}"));
        for key in table.keys().filter(|key| *key != "site") {
            keys += 1;
            assert!(settings.contains(key), "{name}: {key} is no setting");
        }
    }
    assert!(keys > 5, "the samples set {keys} keys");
}

#[test]
fn every_command_that_is_started_exists_with_its_options() {
    let commands = commands();
    let mut faults = BTreeSet::new();
    let mut roles = BTreeSet::new();
    for (name, text) in files() {
        for words in started(&text) {
            let command = words.first().unwrap().as_str();
            // Of other images, and what the image says when it is told nothing.
            if command.starts_with('-')
                || ["sh", "footfall-health", "{{"].iter().any(|other| command.starts_with(other))
            {
                continue;
            }
            let Some(help) = commands.get(command) else {
                faults.insert(format!("{name}: there is no `footfall {command}`"));
                continue;
            };
            roles.insert(command.to_owned());
            for option in words.iter().filter(|word| word.starts_with("--")) {
                if !help.contains(option.split('=').next().unwrap()) {
                    faults.insert(format!("{name}: `footfall {command}` has no {option}"));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
    for role in ["serve", "collector", "processor", "dashboard", "migrate"] {
        assert!(roles.contains(role), "nothing starts {role}");
    }
}
