//! A hit's way from each door to an answer, and the same hits counted alike at every door.

use serde_json::json;

use crate::harness::{AGENT, Server, TOKEN, eventually, footfall};

fn pageview(path: &str) -> serde_json::Value {
    json!({ "name": "pageview", "url": format!("https://example.com{path}"), "domain": "example.com" })
}

#[test]
fn an_event_a_gif_and_a_plausible_client_are_counted_alike() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &["example.com"]);
    let sent = server.event(&pageview("/json"));
    assert_eq!((sent.status, sent.outcome()), (202, "counted"));
    let short =
        br#"{"n":"pageview","u":"https://example.com/short","d":"example.com","r":"https://news.ycombinator.com/"}"#;
    let plausible = server.send("POST", "/api/event", &[("user-agent", AGENT), ("content-type", "text/plain")], short);
    assert_eq!((plausible.status, plausible.outcome()), (202, "counted"));
    let gif =
        server.send("GET", "/pixel.gif?d=example.com&u=https%3A%2F%2Fexample.com%2Fgif", &[("user-agent", AGENT)], b"");
    assert_eq!((gif.status, gif.outcome(), gif.body.len()), (200, "counted", 43));
    assert!(gif.body.starts_with(b"GIF89a") && gif.header("cache-control").unwrap().contains("no-store"));
    let counted = ["visitors", "visits", "pageviews"];
    eventually("one visitor, one visit, three page views", || {
        (server.totals("example.com", &counted) == [1, 1, 3]).then_some(())
    });
    let mut pages = server.breakdown("example.com", "event:page", &["pageviews"]);
    pages.sort();
    assert_eq!(pages, [("/gif".to_owned(), vec![1]), ("/json".to_owned(), vec![1]), ("/short".to_owned(), vec![1])]);
    server.stop();
}

#[test]
fn a_hit_outlives_a_restart_and_is_counted_once() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &["example.com"]);
    assert_eq!(server.event(&pageview("/")).status, 202);
    server.kill();
    let server = Server::start(data.path(), &["example.com"]);
    assert_eq!(server.event(&pageview("/again")).status, 202);
    eventually("both page views of the one visitor", || {
        (server.totals("example.com", &["visitors", "visits", "pageviews"]) == [1, 1, 2]).then_some(())
    });
    server.stop();
}

#[test]
fn a_second_send_of_one_hit_counts_once() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &["example.com"]);
    let mut event = pageview("/");
    event["id"] = json!("5f0c9d1e2b3a4c5d");
    server.event(&event);
    server.event(&event);
    server.event(&pageview("/after"));
    eventually("the hit after them", || (server.totals("example.com", &["pageviews"])[0] >= 2).then_some(()));
    assert_eq!(server.totals("example.com", &["pageviews"]), [2]);
    server.stop();
}

#[test]
fn gpc_is_counted_without_a_visitor() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &["example.com"]);
    let headers = [("user-agent", AGENT), ("sec-gpc", "1"), ("content-type", "application/json")];
    let sent = server.send("POST", "/api/event", &headers, pageview("/").to_string().as_bytes());
    assert_eq!((sent.status, sent.outcome()), (202, "minimal"));
    eventually("the page view", || (server.totals("example.com", &["pageviews"]) == [1]).then_some(()));
    assert_eq!(server.totals("example.com", &["visitors", "visits"]), [0, 0]);
    let coverage = &server.ledger("example.com")["coverage"];
    assert_eq!(coverage["shares"]["counted_only"], json!(100.0), "{coverage}");
    assert_eq!(coverage["lowered_by"], json!({ "gpc": 1 }));
    server.stop();
}

#[test]
fn the_tracker_health_and_metrics_are_served() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &["example.com"]);
    let script = server.send("GET", "/js/script.js", &[], b"");
    assert!(script.status == 200 && script.header("content-type").unwrap().contains("javascript"));
    for path in ["/healthz", "/readyz"] {
        assert_eq!(server.send("GET", path, &[], b"").status, 200, "{path}");
    }
    server.event(&pageview("/"));
    let metrics = server.send("GET", "/metrics", &[], b"").text();
    for name in
        ["footfall_hits_received_total", "footfall_seal_keys", "footfall_build_info", "footfall_journal_lag_records"]
    {
        assert!(metrics.contains(name), "{name} in {metrics}");
    }
    let page = server.send("GET", "/", &[], b"");
    assert!(page.status == 200 && page.text().contains("<html"));
    server.stop();
}

#[test]
fn numbers_need_a_token_unless_the_site_is_public() {
    let data = tempfile::tempdir().unwrap();
    let config = "[[site]]\ndomain = \"open.example\"\npublic = true\n[[site]]\ndomain = \"closed.example\"\n";
    let server = Server::configured(data.path(), config);
    let ask = |site: &str| {
        let question = json!({ "site_id": site, "metrics": ["visitors"], "date_range": "all" }).to_string();
        server.send("POST", "/api/v2/query", &[("content-type", "application/json")], question.as_bytes()).status
    };
    assert_eq!((ask("open.example"), ask("closed.example"), ask("none.example")), (200, 401, 401));
    server.stop();
}

#[test]
fn a_site_in_exempt_mode_tells_tens_to_everybody() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::configured(data.path(), "[[site]]\ndomain = \"example.com\"\nmode = \"exempt\"\n");
    (0..3).for_each(|hit| assert_eq!(server.event(&pageview(&format!("/{hit}"))).status, 202));
    let csv = || {
        let question = ["example.com visitors,pageviews,bounce_rate by event:page over 2d"];
        let mut command = footfall();
        let output =
            command.args(["query", "--format", "csv", "--url", &server.url()]).args(question).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let told = "event:page,visitors,pageviews,bounce_rate\r\n/0,<10,<10,\r\n/1,<10,<10,\r\n/2,<10,<10,\r\n";
    eventually("each page with fewer than ten", || (csv() == told).then_some(()));
    let authorization = format!("Bearer {TOKEN}");
    let path = "/api/v1/stats/realtime/visitors?site_id=example.com";
    // It is written beside the counts, and on a busy machine after them.
    let live = || server.send("GET", path, &[("authorization", &authorization)], b"").json();
    eventually("fewer than ten are there now", || (live() == json!("<10")).then_some(()));
    let ledger = server.ledger("example.com");
    assert_eq!((&ledger["counted"], &ledger["late"]), (&json!("<10"), &json!(0)), "{ledger}");
    server.stop();
}
