//! `footfall prove` against real installations: a healthy one, and ones in which a promise was broken by hand.

use std::path::Path;
use std::process::Output;

use serde_json::{Value, json};

use crate::harness::{AGENT, Server, TOKEN, engine_on, eventually, footfall, request};

const CONFIG: &str =
    "region = \"EU\"\ntrusted_proxies = [\"127.0.0.0/8\"]\n[[site]]\ndomain = \"example.com\"\nregion = \"EU\"\n";

fn prove(server: &Server, arguments: &[&str]) -> Output {
    footfall().args(["prove", "--url", &server.url(), "--token", TOKEN]).args(arguments).output().unwrap()
}

/// The verdicts by claim, and the exit code.
fn verdicts(server: &Server) -> (Vec<(String, String, String)>, i32) {
    let output = prove(server, &["--json"]);
    let answer: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    let text = |check: &Value, key: &str| check[key].as_str().unwrap().to_owned();
    let checks = answer["checks"].as_array().unwrap().iter();
    let checks = checks.map(|check| (text(check, "verdict"), text(check, "claim"), text(check, "evidence")));
    (checks.collect(), output.status.code().unwrap())
}

fn broken(server: &Server) -> Vec<String> {
    let (checks, code) = verdicts(server);
    let broken: Vec<String> = checks
        .into_iter()
        .filter(|check| check.0 == "broken")
        .map(|check| format!("{}: {}", check.1, check.2))
        .collect();
    assert_eq!(code, i32::from(!broken.is_empty()), "{broken:?}");
    broken
}

/// A day of the past, closed; and hits of now.
fn filled(data: &Path) -> Server {
    let server = Server::configured(data, CONFIG);
    let mut events = String::new();
    for visitor in 0..30 {
        let path = if visitor < 20 { "/" } else { "/users/jane@example.com/4711000123" };
        let event = json!({
            "name": "pageview", "domain": "example.com", "url": format!("https://example.com{path}?utm_content=20{visitor:09}"),
            "timestamp": "2026-10-01T10:00:00Z", "ip": format!("192.0.2.{visitor}"), "user_agent": AGENT,
            "referrer": "http://203.0.113.9/", "props": { "who": "joe@example.com" },
        });
        events.push_str(&format!("{event}\n"));
    }
    let file = data.join("events.jsonl");
    std::fs::write(&file, events).unwrap();
    let mut command = footfall();
    command.args(["import", "--site", "example.com", "--format", "events", "--url", &server.url(), "--token", TOKEN]);
    assert!(command.arg(&file).output().unwrap().status.success());
    std::fs::remove_file(file).unwrap();
    for _ in 0..20 {
        server.event(&json!({ "name": "pageview", "url": "https://example.com/now", "domain": "example.com" }));
    }
    eventually("the imported day is closed and the hits are counted", || {
        let (checks, _) = verdicts(&server);
        let closed = checks.iter().any(|check| check.2.ends_with("in 1 closed site-days"));
        (closed && server.totals("example.com", &["pageviews"]) == [50]).then_some(())
    });
    server
}

#[test]
fn a_healthy_installation_keeps_every_promise_and_a_stranger_is_told_nothing() {
    let data = tempfile::tempdir().unwrap();
    let server = filled(data.path());
    let (checks, code) = verdicts(&server);
    for (verdict, claim, evidence) in &checks {
        // Whether memory is locked or swapped is the machine's.
        assert!(verdict == "holds" || claim.contains("swapped"), "{verdict}: {claim}: {evidence}");
    }
    assert!(checks.len() >= 13, "{checks:#?}");
    assert_eq!(code, 0);
    let printed = String::from_utf8(prove(&server, &[]).stdout).unwrap();
    assert!(
        printed.contains("HOLDS") && printed.contains("not checked here:") && printed.contains("backups"),
        "{printed}"
    );
    let stranger = server.send("GET", "/api/v1/prove", &[("authorization", "Bearer wrong")], b"");
    assert_eq!((stranger.status, server.send("GET", "/api/v1/prove", &[], b"").status), (401, 401));
    server.stop();
}

#[test]
fn no_stranger_can_break_a_promise_by_what_they_send() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::configured(data.path(), CONFIG);
    let paths = [
        "/x/addr=203.0.113.5",
        "/ip_203.0.113.5",
        "/203.0.113.5_x",
        "/a/v203.0.113.5",
        "/[2001:db8::1]:443/a",
        "/tel/090-1234-5678",
        "/tel/+81-90-1234-5678",
        "/1234-5678-9012",
        "/12345_67890",
        "/AKIAIOSFODNN7EXAMPLE",
    ];
    let props = [
        "addr=203.0.113.5",
        "[2001:db8::1]:443",
        "Mozilla/5.0 (X11; Linux) Gecko/20100101",
        "jane․doe@example。com",
        "jane.doe@example.com_x",
    ];
    let hosts = ["example.com", "0f8fad5b-d9cb-469f-a165-70867728950e.example.com", "203-0-113-5.dyn.isp.example"];
    let languages = ["0f8fad5bd9cb469fa16570867728950e", "jane-doe-1985-819012345678", "en-US"];
    let mut sent = 0;
    for (number, path) in paths.iter().enumerate() {
        let (prop, host) = (props[number % props.len()], hosts[number % hosts.len()]);
        for name in ["pageview", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36"] {
            let answer = server.event(&json!({
                "name": name, "domain": "example.com", "url": format!("https://{host}{path}?utm_source={prop}"),
                "referrer": format!("https://{}{path}", hosts[(number + 1) % hosts.len()]),
                "props": { "seen": prop, prop: "x" }, "language": languages[number % languages.len()],
            }));
            assert_eq!(answer.status, 202, "{}", answer.text());
            sent += 1;
        }
    }
    let agent = "Mozilla/5.0 (Windows NT 123456789; rv:127.0) Gecko/20100101 Firefox/819012345678";
    let view = json!({ "name": "pageview", "domain": "example.com", "url": "https://example.com/" }).to_string();
    let headers = [("user-agent", agent), ("content-type", "application/json")];
    assert_eq!(server.send("POST", "/api/event", &headers, view.as_bytes()).status, 202);
    sent += 1;
    eventually("what was sent is counted", || (server.totals("example.com", &["events"]) == [sent]).then_some(()));
    assert_eq!(broken(&server), Vec::<String>::new());
    let shown = ["event:page", "event:hostname", "event:goal", "visit:referrer", "visit:source", "event:props:seen"]
        .map(|dimension| format!("{:?}", server.breakdown("example.com", dimension, &["visitors"])))
        .join("\n");
    for kept in paths.iter().chain(&props).chain(&hosts[1..]) {
        assert!(!shown.contains(kept), "{kept} in {shown}");
    }
    for hidden in ["203.0.113", "203-0-113", "2001:db8", "1234", "AKIA", "Mozilla", "example.com_", "0f8fad5b"] {
        assert!(!shown.contains(hidden), "{hidden} in {shown}");
    }
    for there in ["/ip_:address", ":agent", ":email", ":uuid.example.com", ":address.dyn.isp.example", "/tel/:number"] {
        assert!(shown.contains(there), "{there} not in {shown}");
    }
    server.stop();
}

#[test]
fn what_was_planted_is_told_without_being_shown() {
    let data = tempfile::tempdir().unwrap();
    let server = filled(data.path());
    // A key of long ago that came back, such as from a backup.
    let key = data.path().join("keys/400000.key");
    std::fs::write(&key, [0; 40]).unwrap();
    let found = broken(&server);
    assert!(found.len() == 1 && found[0].contains("1 past their end"), "{found:?}");
    std::fs::remove_file(&key).unwrap();
    assert_eq!(broken(&server), Vec::<String>::new());
    server.stop();

    let engine = engine_on(&data.path().join("engine"));
    let ask = |sql: &str| {
        let answer = request(&engine.address, "POST", "/?database=footfall", &[], sql.as_bytes()).unwrap();
        assert_eq!(answer.status, 200, "{sql}: {}", answer.text());
    };
    let insert = |dimension: &str, value: &str, by: &str, by_value: &str| {
        ask(&format!(
            "INSERT INTO counts (site, day, hour, dimension, value, by_dimension, by_value, visitors, pageviews) \
             VALUES ('example.com', '2026-10-01', -1, '{dimension}', '{value}', '{by}', '{by_value}', 3, 3)"
        ));
    };
    for value in [
        "/planted.jane@wide.example",
        "/from/198.51.100.7/x",
        "2001:db8:1:2::77",
        "Mozilla/5.0 (X11)",
        "/7c1f0e2a-93b4-4d5e-8f60-a1b2c3d4e5f6",
        "/x/9f86d081884c7d659a2f/",
        "tel-0312345678",
    ] {
        insert("page", value, "", "");
    }
    insert("page", "/", "source", "planted-Pair");
    ask("ALTER TABLE counts ADD COLUMN visitor_key String DEFAULT ''");
    ask("CREATE TABLE sessions (id UInt64) ENGINE = MergeTree ORDER BY id");
    engine.stop();

    let server = Server::configured(data.path(), CONFIG);
    let found = broken(&server).join("\n");
    for expected in [
        "counts.visitor_key String, sessions.id UInt64",
        "1 rows of counts.value look like: e-mail address",
        "1 rows of counts.value look like: IPv4 address",
        "1 rows of counts.value look like: IPv6 address",
        "1 rows of counts.value look like: user agent",
        "1 rows of counts.value look like: UUID",
        "1 rows of counts.value look like: long hexadecimal token",
        "look like: number of nine digits or more",
        "1 cells below k = 10",
    ] {
        assert!(found.contains(expected), "{expected} in {found}");
    }
    assert!(!found.contains("jane") && !found.contains("198.51") && !found.contains("planted"), "{found}");
    assert!(!prove(&server, &[]).status.success());
    server.stop();
}

#[test]
fn a_site_that_declares_another_region_stops_the_start() {
    let data = tempfile::tempdir().unwrap();
    let file = data.path().join("footfall.toml");
    std::fs::write(&file, CONFIG.replace("region = \"EU\"\ntrusted", "region = \"JP\"\ntrusted")).unwrap();
    let output = footfall().args(["serve", "--config"]).arg(file).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("example.com: it declares its data in the region EU"), "{said}");
}
