//! The documents claim nothing that is not there: links lead to files, steps and settings are the program's own.

use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The Markdown files that git keeps.
fn documents() -> Vec<PathBuf> {
    let listed = std::process::Command::new("git").args(["ls-files", "*.md"]).current_dir(root()).output().unwrap();
    let names = String::from_utf8(listed.stdout).unwrap();
    names.lines().map(|name| root().join(name)).collect()
}

#[test]
fn every_relative_link_leads_to_a_file() {
    let mut missing = Vec::new();
    for document in documents() {
        let text = std::fs::read_to_string(&document).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let path = link.split('#').next().unwrap();
            if path.is_empty() || path.contains("://") || path.starts_with("mailto:") {
                continue;
            }
            if !document.parent().unwrap().join(path).exists() {
                missing.push(format!("{}: {link}", document.strip_prefix(root()).unwrap().display()));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn the_path_of_a_hit_in_the_docs_is_the_path_in_the_code() {
    let text = std::fs::read_to_string(root().join("docs/path.md")).unwrap();
    let written: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
    let steps: Vec<&str> = fold::path::STEPS.iter().map(|step| step.name).collect();
    assert_eq!(written, steps);
}

#[test]
fn every_decision_says_context_choice_rejected_and_cost() {
    for decision in documents().iter().filter(|path| path.components().any(|part| part.as_os_str() == "decisions")) {
        let text = std::fs::read_to_string(decision).unwrap().to_lowercase();
        for part in ["context", "choice", "rejected", "cost"] {
            assert!(text.contains(part), "{} says no {part}", decision.display());
        }
    }
}
