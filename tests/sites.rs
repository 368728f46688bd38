//! Sites that are added, changed and removed from a terminal while a server runs, seen through its doors.

use std::path::Path;
use std::process::Output;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::{Server, eventually, footfall};

/// Within what a running server has to follow a change.
const FOLLOWED_WITHIN: Duration = Duration::from_secs(3);

fn site(data: &Path, arguments: &[&str]) -> Output {
    footfall().arg("site").args(arguments).arg("--data").arg(data).output().unwrap()
}

/// What a command says on standard output, once it is done.
fn done(data: &Path, arguments: &[&str]) -> String {
    let output = site(data, arguments);
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// What a command complains of, and its exit code.
fn refused(output: Output) -> (Option<i32>, String) {
    assert!(!output.status.success() && output.stdout.is_empty(), "{output:?}");
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

fn outcome(server: &Server, domain: &str) -> String {
    let event = json!({ "name": "pageview", "url": format!("https://{domain}/"), "domain": domain });
    server.event(&event).outcome().to_owned()
}

/// Waits for an outcome of hits, and holds the wait against what is promised.
fn follows(server: &Server, domain: &str, wanted: &str) {
    let since = Instant::now();
    eventually(&format!("{wanted} for {domain}"), || (outcome(server, domain) == wanted).then_some(()));
    let after = since.elapsed();
    assert!(after < FOLLOWED_WITHIN, "{domain} was {wanted} only after {after:?}");
}

#[test]
fn a_site_is_measured_changed_and_let_go_while_the_server_runs() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &["configured.example"]);
    assert_eq!(outcome(&server, "added.example"), "refused; reason=unknown_site");
    assert_eq!(
        done(data.path(), &["add", "added.example", "--timezone", "Asia/Tokyo", "--mode", "full"]),
        "added.example added\n"
    );
    follows(&server, "added.example", "counted");
    eventually("the page views of the site that was added", || {
        (server.totals("added.example", &["pageviews", "visitors"]) == [1, 1]).then_some(())
    });
    assert_eq!(outcome(&server, "configured.example"), "counted");
    done(data.path(), &["set", "added.example", "mode=minimal"]);
    follows(&server, "added.example", "minimal");
    done(data.path(), &["remove", "added.example"]);
    follows(&server, "added.example", "refused; reason=unknown_site");
    assert_eq!(outcome(&server, "configured.example"), "counted");
    server.stop();
    let server = Server::start(data.path(), &[]);
    assert_eq!(outcome(&server, "added.example"), "refused; reason=unknown_site", "removed is removed");
}

#[test]
fn a_site_added_before_the_start_is_measured_from_the_first_hit() {
    let data = tempfile::tempdir().unwrap();
    done(data.path(), &["add", "first.example", "mode=exempt", "visitors_min=20"]);
    let server = Server::start(data.path(), &[]);
    assert_eq!(outcome(&server, "first.example"), "counted");
    server.kill();
    let server = Server::start(data.path(), &[]);
    assert_eq!(outcome(&server, "first.example"), "counted", "also after a crash");
}

#[test]
fn sites_are_listed_with_where_they_come_from() {
    let data = tempfile::tempdir().unwrap();
    let config = data.path().join("footfall.toml");
    std::fs::write(&config, "[[site]]\ndomain = \"file.example\"\ntimezone = \"Asia/Tokyo\"\n").unwrap();
    let config = ["--config", config.to_str().unwrap()];
    let added: Value = serde_json::from_str(&done(
        data.path(),
        &["add", "base.example", "recipients=[\"Example KK\"]", "public=true", "--json", config[0], config[1]],
    ))
    .unwrap();
    assert_eq!((&added["notice"]["recipients"], &added["public"]), (&json!(["Example KK"]), &json!(true)));
    let list: Value = serde_json::from_str(&done(data.path(), &["list", "--json", config[0], config[1]])).unwrap();
    let shown = |site: &Value| (site["domain"].clone(), site["source"].clone(), site["revision"].clone());
    assert_eq!(shown(&list[0]), (json!("base.example"), json!("database"), json!(1)));
    assert_eq!(shown(&list[1]), (json!("file.example"), json!("configuration"), Value::Null));
    let table = done(data.path(), &["list", config[0], config[1]]);
    assert!(table.contains("Asia/Tokyo") && table.lines().count() == 2, "{table}");
    // The configuration holds, and says so.
    for arguments in [&["set", "file.example", "mode=off"][..], &["add", "file.example"], &["remove", "file.example"]] {
        let (code, said) = refused(site(data.path(), &[arguments, &config].concat()));
        assert!(code == Some(1) && said.contains("file.example is in the configuration, which holds over"), "{said}");
    }
}

#[test]
fn what_cannot_be_done_says_what_to_do() {
    let data = tempfile::tempdir().unwrap();
    done(data.path(), &["add", "example.com"]);
    let cases: [(&[&str], i32, &str); 7] = [
        (&["add", "example.com"], 1, "footfall site set example.com"),
        (&["set", "other.example", "mode=off"], 1, "footfall site add other.example"),
        (&["remove", "other.example"], 1, "footfall site list"),
        (&["set", "example.com", "mood=off", "mode=most"], 2, "did you mean `mode`"),
        (&["set", "example.com", "mode=most"], 2, "is not off, minimal, exempt or full"),
        (&["add", "not a name"], 2, "a site is a host name"),
        (&["set", "example.com"], 2, "SETTING=VALUE"),
    ];
    for (arguments, code, said) in cases {
        let (found, complaint) = refused(site(data.path(), arguments));
        assert!(found == Some(code) && complaint.contains(said), "{arguments:?}: {found:?} {complaint}");
    }
    let database = ["--config", "/dev/null"];
    let mut command = footfall();
    command.args(["site", "list"]).args(database).env("FOOTFALL_DATABASE", "postgres://f:hunter2@127.0.0.1/d");
    let (code, complaint) = refused(command.output().unwrap());
    assert!(
        code == Some(2) && complaint.contains("FOOTFALL_DATABASE") && !complaint.contains("hunter2"),
        "{complaint}"
    );
    let mut command = footfall();
    command.args(["site", "list"]).args(database).env("FOOTFALL_DATABASE", "postgres://f@127.0.0.1:1/d");
    let (code, complaint) = refused(command.output().unwrap());
    assert!(code == Some(1) && complaint.contains("try again"), "{complaint}");
}
