//! What commands say at a terminal, and how they end: where nobody reads on, where the disk is full, and where the configuration is wrong.

use std::fs::OpenOptions;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::json;

use crate::harness::{Server, TOKEN, eventually, footfall};

fn asked(arguments: &[&str], data: &Path) -> Command {
    let mut command = footfall();
    command.args(arguments).arg("--data").arg(data);
    command
}

fn told(output: &Output) -> (i32, String) {
    (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// Runs a command whose standard output nobody reads any more.
fn unread(mut command: Command) -> (i32, String) {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    told(&command.stdout(Stdio::from(writer)).stderr(Stdio::piped()).spawn().unwrap().wait_with_output().unwrap())
}

/// Runs a command whose standard output has no room.
fn without_room(mut command: Command) -> (i32, String) {
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    told(&command.stdout(full).stderr(Stdio::piped()).spawn().unwrap().wait_with_output().unwrap())
}

#[test]
fn a_reader_that_has_seen_enough_ends_a_command_quietly_and_a_full_disk_with_words() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &["example.com"]);
    let added = asked(&["site", "add", "a.example"], data.path()).output().unwrap();
    assert!(added.status.success(), "{added:?}");
    let url = server.url();
    let commands: [&[&str]; 8] = [
        &["query", "--url", &url, "example.com", "visitors", "over", "7d"],
        &["query", "--url", &url, "--format", "json", "example.com", "visitors"],
        &["query", "--url", &url, "--format", "csv", "example.com", "visitors"],
        &["site", "list"],
        &["site", "list", "--json"],
        &["site", "set", "a.example", "public=true"],
        &["notice", "--site", "a.example"],
        &["demo-traffic", "--days", "1", "--per-day", "20"],
    ];
    for arguments in commands {
        assert_eq!(unread(asked(arguments, data.path())).0, 0, "{arguments:?}");
        let (code, said) = without_room(asked(arguments, data.path()));
        assert!(
            code == 1 && said.contains("cannot write to standard output: No space left"),
            "{arguments:?}: {code} {said}"
        );
        assert!(!said.contains("panicked"), "{said}");
    }
    // A proof says by its exit code what it came to, whoever reads it.
    assert_eq!(unread(asked(&["prove", "--url", &url], data.path())).0, 0);
    server.stop();
}

#[test]
fn a_question_at_the_terminal_has_all_its_filters_and_tells_what_its_answer_warns_of() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &["example.com"]);
    server.event(&json!({ "name": "pageview", "domain": "example.com", "url": "https://example.com/" }));
    eventually("a count", || (server.totals("example.com", &["pageviews"]) == [1]).then_some(()));
    let query = |arguments: &[&str]| {
        let output = asked(&[&["query", "--url", &server.url()], arguments].concat(), data.path()).output().unwrap();
        let said = told(&output);
        (said.0, String::from_utf8(output.stdout).unwrap(), said.1)
    };
    let last = |text: &str| text.lines().last().unwrap_or_default().trim().to_owned();
    let by_source = ["example.com", "pageviews", "over", "2d", "where", "visit:source=Direct / None"];
    let (code, table, said) = query(&by_source);
    assert_eq!((code, last(&table).as_str()), (0, "1"), "{table} {said}");
    let (code, table, said) = query(&["example.com", "visitors", "by", "visit:source", "over", "2d"]);
    assert_eq!((code, last(&table).as_str()), (0, "Direct / None         1"), "{table} {said}");
    assert!(said.contains("metric_warnings, visitors: a visitor is known for one day only"), "{said}");
    let (_, _, said) = query(&["--format", "csv", "example.com", "visitors", "over", "2d"]);
    assert!(said.contains("the answer warns of metric_warnings"), "{said}");
    // Both filters reach the server, which answers only what it can.
    let both = ["example.com", "visitors", "where", "visit:country=DE", "where", "visit:language=de"];
    let (code, _, said) = query(&both);
    assert!(code == 1 && said.contains("400"), "{code} {said}");
    let (code, _, said) = query(&["example.com", "visitors", "by", "event:page", "by", "visit:os"]);
    assert!(code == 2 && said.contains("by time:day,event:page"), "{said}");
    let mut stranger = asked(&["query", "--url", &server.url(), "example.com", "visitors"], data.path());
    let (code, said) = told(&stranger.env_remove("FOOTFALL_TOKEN").output().unwrap());
    assert!(code == 1 && said.contains("401") && said.contains("--token or FOOTFALL_TOKEN"), "{said}");
    server.stop();
}

#[test]
fn a_role_hears_all_mistakes_of_its_configuration_before_it_listens() {
    let data = tempfile::tempdir().unwrap();
    let file = data.path().join("role.toml");
    let empty = data.path().join("empty");
    std::fs::write(&empty, "\n").unwrap();
    let text = format!(
        "flush = \"soon\"\nkafka_user = \"a\"\nkafka_password_file = \"/nowhere/kafka\"\nclickhouse_password_file = \"{}\"\n",
        empty.display()
    );
    std::fs::write(&file, text).unwrap();
    for (role, lacks) in [
        ("collector", &["no broker is named", "kafka_password_file"][..]),
        (
            "processor",
            &["no broker is named", "no ClickHouse is named", "kafka_password_file", "clickhouse_password_file"],
        ),
        (
            "dashboard",
            &["no broker is named", "no ClickHouse is named", "kafka_password_file", "clickhouse_password_file"],
        ),
        ("migrate", &["no ClickHouse is named", "clickhouse_password_file"]),
    ] {
        let mut command = asked(&[role, "--listen", "127.0.0.1:0", "--config", file.to_str().unwrap()], data.path());
        let (code, said) =
            told(&command.env("FOOTFALL_CLICKHOUSE_CLUSTR", "x").env("FOOTFALL_LOG", "info").output().unwrap());
        assert_eq!(code, 2, "{role}: {said}");
        assert!(!said.contains("listening"), "{role}: {said}");
        for mistake in ["`soon` is not", "did you mean FOOTFALL_CLICKHOUSE_CLUSTER?"].iter().chain(lacks) {
            assert!(said.contains(mistake), "{role}: {mistake} in {said}");
        }
    }
}

#[test]
fn a_log_in_a_file_has_no_colours_and_an_end_on_request_is_none_to_worry_about() {
    let data = tempfile::tempdir().unwrap();
    let log = data.path().join("log");
    let mut command =
        asked(&["serve", "--listen", "127.0.0.1:0", "--flush", "200ms", "--site", "example.com"], data.path());
    command.env("FOOTFALL_LOG", "info").env("FOOTFALL_TOKEN", TOKEN).env_remove("NO_COLOR");
    let server = Server::logging(&mut command, &log);
    server.event(&json!({ "name": "pageview", "domain": "example.com", "url": "https://example.com/" }));
    eventually("a count", || (server.totals("example.com", &["pageviews"]) == [1]).then_some(()));
    server.stop();
    let said = std::fs::read_to_string(log.with_extension("err")).unwrap();
    assert!(said.contains("measuring the sites") && !said.contains('\u{1b}'), "{said}");
    for worry in ["the parent has gone", "threads did not", "did not close in time", " WARN ", " ERROR "] {
        assert!(!said.contains(worry), "{worry} in {said}");
    }
}
