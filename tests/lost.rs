//! A key that is lost before its records were counted: they are gone, and every day and ledger says so.

use std::path::Path;

use serde_json::json;

use crate::harness::{Server, eventually};

const HITS: i64 = 7;

fn view(server: &Server, path: &str) {
    let event = json!({ "name": "pageview", "url": format!("https://example.com{path}"), "domain": "example.com" });
    assert_eq!(server.event(&event).outcome(), "counted");
}

/// Every sealing key is removed, as a disk that came back from a backup without them would have it.
fn lose_keys(data: &Path) {
    for key in std::fs::read_dir(data.join("keys")).unwrap() {
        std::fs::remove_file(key.unwrap().path()).unwrap();
    }
}

#[test]
fn a_lost_key_degrades_the_day_by_what_was_acknowledged() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::flushing("60s", data.path(), &["example.com"]);
    (0..HITS).for_each(|hit| view(&server, &format!("/{hit}")));
    server.kill();
    lose_keys(data.path());

    let server = Server::start(data.path(), &["example.com"]);
    eventually("the lost records", || (server.ledger("example.com")["expired"] == HITS).then_some(()));
    view(&server, "/after");
    eventually("what came later is counted", || (server.totals("example.com", &["pageviews"]) == [1]).then_some(()));
    let metrics = server.send("GET", "/metrics", &[], b"").text();
    let unreadable = metrics.lines().filter(|line| line.starts_with("footfall_records_unreadable_total{"));
    let unreadable: i64 = unreadable.filter_map(|line| line.rsplit(' ').next()?.parse::<i64>().ok()).sum();
    assert_eq!(unreadable, HITS);
    server.kill();

    // Read again from the journal, and written once.
    let server = Server::start(data.path(), &["example.com"]);
    view(&server, "/again");
    eventually("the hit after the restart", || (server.totals("example.com", &["pageviews"]) == [2]).then_some(()));
    // The ledger's rows are written after the counts.
    eventually("its line in the ledger", || (server.ledger("example.com")["received"] == 2).then_some(()));
    assert_eq!(server.ledger("example.com")["expired"], HITS);
    let answer = server.query(&json!({ "site_id": "example.com", "metrics": ["pageviews"], "date_range": "2d" }));
    let degraded = answer["meta"]["degraded"].as_array().unwrap();
    let records: i64 = degraded.iter().map(|day| day["records"].as_i64().unwrap()).sum();
    assert_eq!(records, HITS, "{answer}");
    let warning = degraded[0]["warning"].as_str().unwrap();
    assert!(warning.contains("requests could not be opened"), "{warning}");
    server.stop();
}
