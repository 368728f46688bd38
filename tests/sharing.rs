//! Shared links made at a terminal, followed at a running server, and taken back.

use std::path::Path;
use std::process::Output;

use serde_json::{Value, json};

use crate::harness::{Server, footfall};

fn share(data: &Path, arguments: &[&str]) -> Output {
    footfall().arg("share").args(arguments).arg("--data").arg(data).output().unwrap()
}

/// What a command says on standard output, once it is done.
fn done(data: &Path, arguments: &[&str]) -> String {
    let output = share(data, arguments);
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn site(data: &Path, arguments: &[&str]) {
    let output = footfall().arg("site").args(arguments).arg("--data").arg(data).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {output:?}");
}

/// The status of following a link, and what it gives to ask with.
fn follow(server: &Server, secret: &str, password: Option<&str>) -> (u16, Value) {
    let sent = json!({ "link": secret, "password": password }).to_string();
    let answer = server.send("POST", "/api/share", &[("content-type", "application/json")], sent.as_bytes());
    (answer.status, answer.json())
}

/// The status of a question of a site for rows by a dimension.
fn asks(server: &Server, bearer: &str, of: &str, dimension: &str) -> u16 {
    let question = json!({ "site_id": of, "metrics": ["visitors"], "date_range": "day", "dimensions": [dimension] });
    let authorization = format!("Bearer {bearer}");
    let headers = [("content-type", "application/json"), ("authorization", authorization.as_str())];
    server.send("POST", "/api/v2/query", &headers, question.to_string().as_bytes()).status
}

#[test]
fn a_link_made_at_a_terminal_shows_what_it_is_for_until_it_is_taken_back() {
    let data = tempfile::tempdir().unwrap();
    for name in ["a.example", "b.example"] {
        site(data.path(), &["add", name]);
    }
    let server = Server::start(data.path(), &[]);
    let password = data.path().join("password");
    std::fs::write(&password, "brass umbrella\n").unwrap();
    let url = server.url();
    let made = done(
        data.path(),
        &[
            "add",
            "a.example",
            "Board",
            "--report",
            "pages",
            "--days",
            "30",
            "--url",
            &url,
            "--password-file",
            password.to_str().unwrap(),
        ],
    );
    let (address, secret) = made.trim().split_once('#').unwrap();
    let document = server.send("GET", address.strip_prefix(&url).unwrap(), &[], b"");
    assert_eq!((document.status, document.header("x-robots-tag")), (200, Some("noindex, nofollow")));
    assert_eq!(follow(&server, secret, None).0, 401);
    assert_eq!(follow(&server, secret, Some("not this one")).0, 401);
    let (status, opened) = follow(&server, secret, Some("brass umbrella"));
    assert_eq!((status, &opened["share"]["reports"]), (200, &json!(["pages"])));
    let bearer = opened["token"].as_str().unwrap();
    assert_eq!(asks(&server, bearer, "a.example", "event:page"), 200);
    assert_eq!(asks(&server, bearer, "a.example", "visit:source"), 403);
    assert_eq!(asks(&server, bearer, "b.example", "event:page"), 404);
    let list: Value = serde_json::from_str(&done(data.path(), &["list", "a.example", "--json"])).unwrap();
    let id = list[0]["id"].as_str().unwrap();
    assert_eq!(
        (&list[0]["name"], &list[0]["password"], list[0]["used_on"].is_string()),
        (&json!("Board"), &json!(true), true)
    );
    assert!(!list.to_string().contains(secret));
    assert!(done(data.path(), &["list", "a.example"]).contains("pages, password; expires 20"));
    // Another link ends this one; taken back, both are nothing.
    let renewed = done(data.path(), &["renew", "a.example", id, "--json"]);
    let renewed: Value = serde_json::from_str(&renewed).unwrap();
    let another = renewed["link"].as_str().unwrap().split_once('#').unwrap().1;
    assert_eq!((follow(&server, secret, None).0, asks(&server, bearer, "a.example", "event:page")), (404, 401));
    assert_eq!(follow(&server, another, Some("brass umbrella")).0, 200);
    assert!(done(data.path(), &["remove", "a.example", id]).starts_with(&format!("{id} taken back")));
    assert_eq!(follow(&server, another, Some("brass umbrella")).0, 404);
    // One of a site ends with the site.
    let made: Value = serde_json::from_str(&done(
        data.path(),
        &["add", "b.example", "Wall", "--embed", "https://wall.example", "--json"],
    ))
    .unwrap();
    let secret = made["link"].as_str().unwrap().split_once('#').unwrap().1;
    let embed = made["embed"].as_str().unwrap().split_once("/embed/").unwrap().1.split_once('#').unwrap().0;
    let framed = server.send("GET", &format!("/embed/{embed}"), &[], b"");
    assert!(framed.header("content-security-policy").unwrap().ends_with("frame-ancestors https://wall.example"));
    assert_eq!(asks(&server, secret, "b.example", "event:page"), 200);
    site(data.path(), &["remove", "b.example"]);
    assert_eq!(follow(&server, secret, None).0, 404);
    server.stop();
}

#[test]
fn what_cannot_be_shared_says_what_to_do() {
    let data = tempfile::tempdir().unwrap();
    site(data.path(), &["add", "a.example"]);
    let cases: [(&[&str], i32, &str); 7] = [
        (&["add", "nothing.example", "x"], 1, "footfall site add nothing.example"),
        (&["add", "a.example", "x", "--report", "page"], 2, "overview, sources, pages"),
        (&["add", "a.example", "x", "--embed", "*"], 2, "such as https://intranet.example"),
        (&["add", "a.example", "x", "--segment", "Foxes"], 2, "footfall segment list a.example"),
        (&["add", "a.example", "x", "--days", "0"], 2, "1..=3650"),
        (&["add", "a.example", " "], 2, "1 to 100 characters"),
        (&["remove", "a.example", "nothing"], 1, "footfall share list a.example"),
    ];
    for (arguments, code, said) in cases {
        let output = share(data.path(), arguments);
        let complaint = String::from_utf8(output.stderr).unwrap();
        assert!(
            output.status.code() == Some(code) && complaint.contains(said),
            "{arguments:?}: {:?} {complaint}",
            output.status
        );
        assert!(output.stdout.is_empty());
    }
}
