//! Imports that are killed between their steps, of a log that grows and is packed before it is imported again: in the end
//! the numbers of one import of the whole.
//!
//! What an import has just done shows in the engine's directory, where every insert is a part; so a kill falls right behind the
//! step that is meant. Wherever it really fell, the numbers must be the same.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::harness::{Server, TOKEN, footfall};

const SITE: &str = "example.com";
const METRICS: [&str; 5] = ["visitors", "visits", "pageviews", "events", "bounce_rate"];

/// The parts of a table of the engine that are whole.
fn parts(data: &Path, table: &str) -> BTreeSet<OsString> {
    let entries = std::fs::read_dir(data.join("engine/data/footfall").join(table)).into_iter().flatten();
    let names = entries.map(|entry| entry.unwrap().file_name());
    names
        .filter(|name| name.to_string_lossy().starts_with(|first: char| first.is_ascii_digit() || first == 'a'))
        .collect()
}

/// Waits until a table has a part that was not there before, or the process has ended.
fn until_inserted(child: &mut Child, data: &Path, table: &str, before: &BTreeSet<OsString>) -> bool {
    let deadline = Instant::now() + Duration::from_secs(60);
    while child.try_wait().unwrap().is_none() {
        if !parts(data, table).is_subset(before) {
            return true;
        }
        assert!(Instant::now() < deadline, "nothing came into {table}");
        std::thread::sleep(Duration::from_millis(1));
    }
    false
}

fn import(into: &[&str], file: &Path) -> Child {
    let mut command = footfall();
    command.args(["import", "--site", SITE, "--json", "--format", "events"]).args(into).arg(file);
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

fn finish(into: &[&str], file: &Path) {
    assert!(import(into, file).wait().unwrap().success());
}

fn numbers(server: &Server) -> (Vec<i64>, Vec<(String, Vec<i64>)>) {
    let mut pages = server.breakdown(SITE, "event:page", &["visitors", "pageviews"]);
    pages.sort();
    (server.totals(SITE, &METRICS), pages)
}

/// The first `part` of a hundred parts of a log, up to the end of a line; packed when it was rotated in the meantime.
fn grown(directory: &Path, whole: &str, part: usize, packed: bool) -> PathBuf {
    let end = whole[..whole.len() * part / 100].rfind('\n').unwrap() + 1;
    let file = directory.join("events.jsonl");
    std::fs::write(&file, &whole[..end]).unwrap();
    if !packed {
        return file;
    }
    let gzip = Command::new("gzip").arg("-c").arg(&file).output().unwrap();
    let rotated = directory.join("events.jsonl.1.gz");
    std::fs::write(&rotated, gzip.stdout).unwrap();
    rotated
}

fn traffic() -> String {
    let output = footfall()
        .args(["demo-traffic", "--site", SITE, "--days", "1", "--per-day", "3000", "--until", "2026-03-04T12:00:00Z"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn killed_after_any_step_and_grown_since_an_import_counts_once() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    let whole = traffic();

    let once = directory.join("once");
    finish(&["--data", once.to_str().unwrap()], &grown(directory, &whole, 100, false));
    let server = Server::start(&once, &[SITE]);
    let expected = numbers(&server);
    server.stop();

    // Behind the note that it is begun, behind a first chunk of the counts, and behind the last chunk of the ledger, with
    // the note that it is done still to come.
    let data = directory.join("killed");
    let into = ["--data", data.to_str().unwrap()];
    for (part, table) in
        [(20, "imports"), (30, "counts"), (40, "ledger"), (40, "ledger"), (55, "counts"), (65, "ledger")]
    {
        let before = parts(&data, table);
        let mut child = import(&into, &grown(directory, &whole, part, part % 2 == 1));
        let inserted = until_inserted(&mut child, &data, table, &before);
        // What is imported a second time as it was is in the store already, and then nothing comes.
        assert!(inserted || part == 40, "ended before anything came into {table}");
        child.kill().unwrap();
        child.wait().unwrap();
    }

    // The same into a server that is killed.
    let mut server = Server::start(&data, &[SITE]);
    for (part, table) in [(75, "ledger"), (85, "counts")] {
        let (url, before) = (server.url(), parts(&data, table));
        let mut child = import(&["--url", &url, "--token", TOKEN], &grown(directory, &whole, part, false));
        assert!(until_inserted(&mut child, &data, table, &before), "ended before anything came into {table}");
        server.kill();
        child.wait().unwrap();
        server = Server::start(&data, &[SITE]);
    }
    for packed in [false, true] {
        finish(&["--url", &server.url(), "--token", TOKEN], &grown(directory, &whole, 100, packed));
        assert_eq!(numbers(&server), expected);
    }
    server.stop();
}
