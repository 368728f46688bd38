//! What every wrong input gets: the answer of the contract, never a panic, and the server goes on.

use serde_json::json;

use crate::harness::{AGENT, Server, eventually};

#[test]
fn wrong_input_gets_its_outcome_and_the_server_goes_on() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &["example.com"]);
    let good = json!({ "name": "pageview", "url": "https://example.com/", "domain": "example.com" }).to_string();
    let unknown = good.replace("\"example.com\"", "\"nobody.example\"");
    let deep = format!("{}1{}", "[".repeat(30_000), "]".repeat(30_000));
    let long = good.replace(".com/", &format!(".com/{}", "x".repeat(2_001)));
    let huge = "x".repeat(64 * 1024 + 1);
    let cases: &[(&str, &str, &str, u16, &str)] = &[
        ("good", "application/json", &good, 202, "counted"),
        ("good text", "text/plain", &good, 202, "counted"),
        ("empty", "application/json", "", 400, "refused; reason=malformed"),
        ("not json", "application/json", "{\"n\":", 400, "refused; reason=malformed"),
        ("deep", "application/json", &deep, 400, "refused; reason=malformed"),
        ("null", "application/json", "null", 400, "refused; reason=malformed"),
        ("no url", "application/json", r#"{"n":"pageview","d":"example.com"}"#, 400, "refused; reason=malformed"),
        ("unknown site", "application/json", &unknown, 400, "refused; reason=unknown_site"),
        ("huge", "application/json", &huge, 413, "refused; reason=too_large"),
        ("wrong type", "application/xml", &good, 415, "refused; reason=malformed"),
    ];
    for (name, kind, body, status, outcome) in cases {
        let answer =
            server.send("POST", "/api/event", &[("user-agent", AGENT), ("content-type", kind)], body.as_bytes());
        assert_eq!((answer.status, answer.outcome()), (*status, *outcome), "{name}");
        if *status >= 400 {
            assert!(answer.json()["error"].is_string(), "{name}: {}", answer.text());
        }
    }
    let headers = [("user-agent", AGENT), ("content-type", "application/json")];
    let over = server.send("POST", "/api/event", &headers, long.as_bytes());
    assert!(over.status >= 400 && over.outcome() == "refused; reason=too_large", "{over:?}");
    let invalid = server.send("POST", "/api/event", &headers, b"{\"n\":\"\xff\xfe\"}");
    assert_eq!((invalid.status, invalid.outcome()), (400, "refused; reason=malformed"));
    for (method, path) in [("PUT", "/api/event"), ("DELETE", "/pixel.gif"), ("GET", "/api/event")] {
        let answer = server.send(method, path, &[("user-agent", AGENT)], b"");
        assert_eq!(answer.status, 405, "{method} {path}");
    }
    let bot = server.send("POST", "/api/event", &[("user-agent", "Googlebot/2.1")], good.as_bytes());
    assert_eq!((bot.status, bot.outcome()), (202, "refused; reason=bot"));
    eventually("the two good ones", || (server.totals("example.com", &["pageviews"]) == [2]).then_some(()));
    server.stop();
}

/// More visitors than there is memory for are counted without being known, also by a replay after a kill.
#[test]
fn made_up_visitors_end_where_memory_for_visitors_does_and_every_page_view_counts() {
    const KNOWN: i64 = 1_000;
    const MADE_UP: i64 = 1_050;
    let data = tempfile::tempdir().unwrap();
    let config = format!(
        "visitors_in_memory = {KNOWN}\ntrusted_proxies = [\"127.0.0.0/8\"]\n[[site]]\ndomain = \"a.example\"\n[[site]]\ndomain = \"b.example\"\n"
    );
    let view = |server: &Server, visitor: i64| {
        let site = if visitor % 2 == 0 { "a.example" } else { "b.example" };
        let hit = json!({ "name": "pageview", "url": format!("https://{site}/"), "domain": site }).to_string();
        let address = format!("126.142.{}.{}", visitor / 250, visitor % 250);
        let headers = [("content-type", "application/json"), ("user-agent", AGENT), ("x-forwarded-for", &*address)];
        assert_eq!(server.send("POST", "/api/event", &headers, hit.as_bytes()).outcome(), "counted");
    };
    let counted = |server: &Server, pageviews: i64| {
        eventually("every page view, and as many visitors as there is room for", || {
            let of = |site| server.totals(site, &["visitors", "pageviews"]);
            let (here, there) = (of("a.example"), of("b.example"));
            ([here[0] + there[0], here[1] + there[1]] == [KNOWN, pageviews]).then_some(())
        });
    };
    let server = Server::configured(data.path(), &config);
    (0..MADE_UP).for_each(|visitor| view(&server, visitor));
    counted(&server, MADE_UP);
    let minimal = |site| server.ledger(site)["minimal"].as_i64().unwrap();
    assert_eq!(minimal("a.example") + minimal("b.example"), MADE_UP - KNOWN);
    let metrics = server.send("GET", "/metrics", &[], b"").text();
    assert!(metrics.contains("footfall_bounds_met_total{bound=\"visitors\"} 50"), "{metrics}");
    server.kill();
    let server = Server::configured(data.path(), &config);
    [0, 1, MADE_UP - 1, MADE_UP - 2].into_iter().for_each(|visitor| view(&server, visitor));
    counted(&server, MADE_UP + 4);
    server.stop();
}

#[test]
fn a_bad_configuration_is_a_usage_error_that_names_everything() {
    let data = tempfile::tempdir().unwrap();
    let file = data.path().join("bad.toml");
    std::fs::write(&file, "lisen = \"x\"\nflush = \"soon\"\n").unwrap();
    let output = crate::harness::footfall().args(["serve", "--config"]).arg(&file).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("did you mean `listen`") && said.contains("`soon`"), "{said}");
}

#[test]
fn a_second_server_on_the_same_data_is_told_so() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &["example.com"]);
    let mut second = crate::harness::footfall();
    let output = second.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(data.path()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("in use"), "{said}");
    server.stop();
}
