//! The five points that must always hold (what they are stands in each test's name), on the servers of the clauses' tests.

use std::fs;

use serde_json::json;

use super::{bed, import, outcome, past, send, totals, verdict, view};
use crate::harness::{AGENT, Server, eventually, found_below};

/// In depth: `canary`.
#[test]
fn point_1_no_readable_identifier_is_at_rest() {
    let bed = bed();
    let agent = format!("{AGENT} PointOneQzk/1");
    let headers =
        [("user-agent", agent.as_str()), ("content-type", "application/json"), ("x-forwarded-for", "192.0.2.201")];
    let body = view("p5.example", "/p1/jane.qzk@example.org").to_string();
    assert_eq!(bed.server.send("POST", "/api/event", &headers, body.as_bytes()).outcome(), "counted");
    eventually("the page, redacted", || {
        let pages = bed.server.breakdown("p5.example", "event:page", &["pageviews"]);
        pages.iter().any(|(page, _)| page == "/p1/:email").then_some(())
    });
    assert_eq!(verdict(&bed.server, "no stored text looks like"), "holds");
    assert_eq!(found_below(bed.data.path(), &["PointOneQzk", "192.0.2.201", "jane.qzk"]), Vec::<String>::new());
}

#[test]
fn point_2_a_pseudonym_lives_in_memory_for_one_site_and_day() {
    let bed = bed();
    let mut both = view("p2a.example", "/");
    both["domain"] = json!("p2a.example,p2b.example");
    send(&bed.server, &both, &[]);
    totals(&bed.server, "p2a.example", [1, 1]);
    totals(&bed.server, "p2b.example", [1, 1]);
    // The same sender on two days is two: nothing recognises anybody.
    let events = past("p2a.example", "01", 1) + &past("p2a.example", "02", 1);
    assert!(import(&bed.server, "p2a.example", "events.jsonl", &events).status.success());
    totals(&bed.server, "p2a.example", [3, 3]);
    let mut kept: Vec<String> =
        fs::read_dir(bed.data.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    kept.retain(|name| !name.ends_with(".toml"));
    kept.sort();
    assert_eq!(
        kept,
        ["audit.log", "engine", "journal", "keys", "settings.sqlite", "settings.sqlite-shm", "settings.sqlite-wal"],
        "no place for a secret or a pseudonym"
    );
}

#[test]
fn point_3_a_copy_without_the_keys_is_noise() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &["example.com"]);
    for _ in 0..5 {
        assert_eq!(outcome(&server, &view("example.com", "/sealed-path-qzk"), &[]), "counted");
    }
    totals(&server, "example.com", [5, 1]);
    server.stop();
    let journal = data.path().join("journal");
    for file in fs::read_dir(&journal).unwrap().map(|file| file.unwrap().path()) {
        let bytes = fs::read(&file).unwrap();
        assert!(!bytes.windows(15).any(|window| window == b"sealed-path-qzk"), "{}", file.display());
    }
    // The journal folded again by who holds it: with the keys it tells what the visitor did, without them nothing.
    let read_from = |copied: &[&str]| {
        let stolen = tempfile::tempdir().unwrap();
        for name in copied {
            let copy =
                std::process::Command::new("cp").arg("-r").arg(data.path().join(name)).arg(stolen.path()).status();
            assert!(copy.unwrap().success());
        }
        let thief = Server::start(stolen.path(), &["example.com"]);
        let held = eventually("an answer", || {
            let answer = thief.send("GET", "/privacy/me?d=example.com", &[("user-agent", AGENT)], b"");
            (answer.status == 200).then(|| answer.json()["held"].clone())
        });
        thief.stop();
        held
    };
    assert_eq!(read_from(&["journal", "keys"])[0]["page_views"], 5);
    assert_eq!(read_from(&["journal"]), json!([]));
}

/// In depth: `close`, `attacker`, and the store's own tests.
#[test]
fn point_4_only_counts_are_stored_and_small_crossings_fold() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &["example.com"]);
    let events: String = (1..=12).map(|visitor| past("example.com", "01", visitor)).collect();
    let alone = past("example.com", "01", 99).replace("https://example.com/", "https://example.com/alone");
    assert!(import(&server, "example.com", "events.jsonl", &(events + &alone)).status.success());
    eventually("the imported day is closed", || {
        let metrics = server.send("GET", "/metrics", &[], b"").text();
        (!metrics.contains("footfall_cells_folded_total 0\n")).then_some(())
    });
    let answer = server.query(&json!({
        "site_id": "example.com", "metrics": ["visitors"], "date_range": "all", "dimensions": ["visit:source"],
        "filters": [["is", "event:page", ["/alone"]]],
    }));
    assert_eq!(answer["results"], json!([]), "one visitor's crossing of page and source is gone");
    assert_eq!(server.totals("example.com", &["visitors", "pageviews"]), [13, 13]);
    assert_eq!(verdict(&server, "known tables and columns"), "holds");
    assert_eq!(verdict(&server, "closed days hold no pair"), "holds");
    server.stop();
}

#[test]
fn point_5_consent_is_decided_before_anything_is_computed() {
    let bed = bed();
    // A refused hit is not looked at: what is wrong with it is not even found.
    let mut wrong = view("off.example", "/");
    wrong["url"] = json!("no page's address at all");
    assert_eq!(outcome(&bed.server, &wrong, &[]), "refused; reason=off");
    assert_eq!(outcome(&bed.server, &wrong, &[("cookie", "footfall_optout=1")]), "refused; reason=opted_out");
    assert_eq!(fold::path::STEPS[0].name, "refuse_without_consent");
    assert_eq!(outcome(&bed.server, &view("p5.example", "/gpc"), &[("sec-gpc", "1")]), "minimal");
}
