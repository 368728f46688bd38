//! Imports against a recount in another language (tests/recount/recount.py), number by number; and importing again.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::harness::{Server, TOKEN, fixture, footfall};

const SITE: &str = "example.com";

fn recount(kind: &str, file: &Path, hours_ahead: &str) -> Value {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let output = Command::new("python3")
        .arg(root.join("tests/recount/recount.py"))
        .args([kind.as_ref(), file.as_os_str()])
        .arg(root.join("crates/fold/src/enrich/robots.rs"))
        .arg(hours_ahead)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn import(arguments: &[&str], file: &Path) -> Value {
    let output = footfall().args(["import", "--site", SITE, "--json"]).args(arguments).arg(file).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn numbers(value: &Value) -> BTreeMap<String, i64> {
    let object = value.as_object().unwrap().iter();
    object.map(|(key, value)| (key.clone(), value.as_i64().unwrap())).filter(|(_, count)| *count != 0).collect()
}

/// A breakdown's first metric by value.
fn counts(server: &Server, dimension: &str, metric: &str) -> BTreeMap<String, i64> {
    let rows = server.breakdown(SITE, dimension, &[metric]).into_iter();
    rows.map(|(value, metrics)| (value, metrics[0])).filter(|(_, count)| *count != 0).collect()
}

/// Visits by the referrer's host, without the visits that have none.
fn referrer_hosts(server: &Server) -> BTreeMap<String, i64> {
    let mut hosts = BTreeMap::new();
    for (referrer, metrics) in server.breakdown(SITE, "visit:referrer", &["visits"]) {
        let host = referrer.split('/').next().unwrap().to_owned();
        if !host.is_empty() && host != "Direct " {
            *hosts.entry(host).or_default() += metrics[0];
        }
    }
    hosts
}

/// Compares two breakdowns and shows only where they differ.
fn same_counts(of: &str, counted: &BTreeMap<String, i64>, expected: &BTreeMap<String, i64>) {
    let values = counted.keys().chain(expected.keys());
    let differences: BTreeMap<_, _> = values
        .map(|value| (value, (counted.get(value), expected.get(value))))
        .filter(|(_, (counted, expected))| counted != expected)
        .collect();
    assert!(differences.is_empty(), "{of}, counted and expected: {differences:?}");
}

fn same_numbers(server: &Server, oracle: &Value) {
    let totals = server.totals(SITE, &["visitors", "visits", "pageviews", "events"]);
    let expected = ["visitors", "visits", "pageviews", "events"].map(|key| oracle["totals"][key].as_i64().unwrap());
    assert_eq!(totals, expected);
    let visits = expected[1] as f64;
    let of_visits =
        |key: &str, scale: f64| (oracle["totals"][key].as_i64().unwrap() as f64 * scale / visits).round() as i64;
    let rates = server.totals(SITE, &["bounce_rate", "visit_duration"]);
    assert_eq!(rates, [of_visits("bounces", 100.0), of_visits("visit_seconds", 1.0)]);
    same_counts("event:page", &counts(server, "event:page", "pageviews"), &numbers(&oracle["pages"]));
    same_counts("event:page", &counts(server, "event:page", "visitors"), &numbers(&oracle["page_visitors"]));
    same_counts("visit:entry_page", &counts(server, "visit:entry_page", "visits"), &numbers(&oracle["entries"]));
    same_counts("visit:exit_page", &counts(server, "visit:exit_page", "visits"), &numbers(&oracle["exits"]));
    same_counts("time:day", &counts(server, "time:day", "visitors"), &numbers(&oracle["days"]));
    let mut expected = numbers(&oracle["referrer_hosts"]);
    expected.remove("");
    same_counts("referrers", &referrer_hosts(server), &expected);
}

fn same_account(account: &Value, oracle: &Value) {
    assert_eq!(account["counted"], oracle["counted"]);
    assert_eq!(numbers(&account["refused"]), numbers(&oracle["refused"]));
    assert_eq!(numbers(&account["bots"]), numbers(&oracle["bots"]));
}

#[test]
fn ten_thousand_real_log_lines_count_as_recounted_and_importing_again_changes_nothing() {
    let Some(log) = fixture("apache_logs") else { return };
    let data = tempfile::tempdir().unwrap();
    let oracle = recount("combined", &log, "0");
    let directory = data.path().to_str().unwrap();
    same_account(&import(&["--data", directory], &log), &oracle);
    let server = Server::start(data.path(), &[SITE]);
    same_numbers(&server, &oracle);
    let again = import(&["--url", &server.url(), "--token", TOKEN], &log);
    assert_eq!(again["lines_known"], again["lines"]);
    same_numbers(&server, &oracle);
    server.stop();
}

#[test]
fn a_day_of_events_counts_as_recounted_in_the_sites_own_zone() {
    let data = tempfile::tempdir().unwrap();
    let file = events(data.path(), "20000");
    let server = Server::configured(data.path(), "[[site]]\ndomain = \"example.com\"\ntimezone = \"Asia/Tokyo\"\n");
    let account = import(&["--url", &server.url(), "--token", TOKEN, "--format", "events"], &file);
    let oracle = recount("events", &file, "9");
    same_account(&account, &oracle);
    same_numbers(&server, &oracle);
    server.stop();
}

#[test]
fn a_log_that_has_grown_and_is_packed_now_adds_its_new_lines_only() {
    let data = tempfile::tempdir().unwrap();
    let whole = events(data.path(), "3000");
    let text = std::fs::read_to_string(&whole).unwrap();
    let half = data.path().join("half.jsonl");
    // Cut inside a line, as a log is while it is being written.
    std::fs::write(&half, &text[..text.len() / 2]).unwrap();
    let directory = data.path().join("data");
    let directory = directory.to_str().unwrap();
    import(&["--data", directory], &half);
    let packed = data.path().join("whole.jsonl.gz");
    let gzip = Command::new("gzip").arg("-kc").arg(&whole).output().unwrap();
    std::fs::write(&packed, gzip.stdout).unwrap();
    let account = import(&["--data", directory], &packed);
    assert!(account["lines_known"].as_i64().unwrap() > 0);
    let server = Server::start(Path::new(directory), &[SITE]);
    let oracle = recount("events", &whole, "0");
    let cut_line = 1;
    let pageviews = server.totals(SITE, &["events"])[0];
    let expected = oracle["totals"]["events"].as_i64().unwrap();
    assert!((expected - cut_line..=expected).contains(&pageviews), "{pageviews} of {expected}");
    server.stop();
}

fn events(directory: &Path, per_day: &str) -> PathBuf {
    let file = directory.join("events.jsonl");
    let output = footfall()
        .args(["demo-traffic", "--site", SITE, "--days", "1", "--per-day", per_day, "--until", "2026-03-04T12:00:00Z"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    std::fs::write(&file, output.stdout).unwrap();
    file
}
