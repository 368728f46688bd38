//! A closed day, from outside: hits of the past through the importer, then what the tables hold row by row, beside what the
//! Stats API answers. The engine's files are read by an engine process of the test's own, with no server in between.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::harness::{AGENT, Server, TOKEN, eventually, footfall, request, terminate};

/// `strict.example` folds below five visitors, `open.example` below two.
const CONFIG: &str = "[[site]]\ndomain = \"strict.example\"\nvisitors_min = 5\ntimezone = \"Asia/Kathmandu\"\n\
    [[site]]\ndomain = \"open.example\"\nvisitors_min = 2\n";
const SITES: [(&str, u64); 2] = [("strict.example", 5), ("open.example", 2)];
const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0";

/// Nine visitors of `/` with Chrome, three of them from a newsletter; one with Firefox, on a page nobody else sees.
fn events(site: &str) -> String {
    let mut lines = String::new();
    let mut line = |visitor: u32, path: &str, agent: &str| {
        let event = json!({
            "name": "pageview", "domain": site, "url": format!("https://{site}{path}"),
            "timestamp": format!("2026-10-01T10:{visitor:02}:00Z"), "ip": format!("192.0.2.{visitor}"), "user_agent": agent,
        });
        writeln!(lines, "{event}").unwrap();
    };
    for visitor in 1..10 {
        line(visitor, if visitor < 4 { "/?utm_source=newsletter" } else { "/" }, AGENT);
    }
    line(10, "/alone-Zk4?utm_source=letter-Q9x", FIREFOX);
    lines
}

fn import(data: &Path, config: &Path, site: &str) {
    let file = data.join(format!("{site}.jsonl"));
    std::fs::write(&file, events(site)).unwrap();
    let mut command = footfall();
    command.args(["import", "--site", site, "--format", "events", "--json", "--data"]).arg(data);
    let output = command.arg("--config").arg(config).arg(file).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Rows of a query asked of the files themselves.
fn rows_at_rest(data: &Path, sql: &str) -> Vec<String> {
    let mut command = footfall();
    command.args(["engine", "--listen", "127.0.0.1:0", "--data"]).arg(data.join("engine"));
    let mut engine = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(engine.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.trim().strip_prefix("ready http://").unwrap_or_else(|| panic!("not ready: {line:?}"));
    let answer = request(address, "POST", "/?database=footfall", &[], sql.as_bytes()).unwrap();
    terminate(engine.id());
    engine.wait().unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.text().lines().map(str::to_owned).collect()
}

/// Cells as they lie in the parts: nothing is added up, so also what a merge should have dropped.
fn small_cells(data: &Path, site: &str, below: u64) -> Vec<String> {
    let sql = format!(
        "SELECT dimension, value, by_dimension, by_value, visitors FROM counts WHERE site = '{site}' AND visitors < {below} \
         AND ((by_dimension != '' AND (value, by_value) != ('(other)', '(other)')) \
           OR (hour < 0 AND dimension IN ('city', 'browser_version', 'os_version') AND value != '(other)'))"
    );
    rows_at_rest(data, &sql)
}

fn breakdown(server: &Server, site: &str, metric: &str, dimension: &str, filter: Option<(&str, &str)>) -> Value {
    let filters: Vec<Value> = filter.iter().map(|(name, value)| json!(["is", name, [value]])).collect();
    server.query(&json!({
        "site_id": site, "metrics": [metric], "date_range": "all", "dimensions": [dimension], "filters": filters,
    }))["results"]
        .clone()
}

fn row(value: &str, count: i64) -> Value {
    json!({ "dimensions": [value], "metrics": [count] })
}

#[test]
fn an_imported_day_is_closed_by_each_sites_own_number() {
    let data = tempfile::tempdir().unwrap();
    let config = data.path().join("footfall.toml");
    std::fs::write(&config, CONFIG).unwrap();
    for (site, _) in SITES {
        import(data.path(), &config, site);
    }
    for (site, below) in SITES {
        assert_eq!(small_cells(data.path(), site, below), Vec::<String>::new(), "{site}");
    }
    let hours = "SELECT DISTINCT dimension FROM counts WHERE hour >= 0 ORDER BY dimension";
    assert_eq!(rows_at_rest(data.path(), hours), ["", "page"]);
    let server = Server::configured(data.path(), CONFIG);
    for (site, below) in SITES {
        assert_eq!(server.totals(site, &["visitors", "visits", "pageviews"]), [10, 10, 10], "{site}");
        // Level 1 stays, but for cities and versions.
        let pages = breakdown(&server, site, "visitors", "event:page", None);
        assert_eq!(pages, json!([row("/", 9), row("/alone-Zk4", 1)]), "{site}");
        let browsers = breakdown(&server, site, "visitors", "visit:browser", None);
        assert_eq!(browsers, json!([row("Chrome", 9), row("Firefox", 1)]), "{site}");
        let versions = breakdown(&server, site, "visitors", "visit:browser_version", None);
        let versions: Vec<&str> =
            versions.as_array().unwrap().iter().map(|row| row["dimensions"][0].as_str().unwrap()).collect();
        assert!(
            versions.contains(&"(other)") && !versions.iter().any(|version| version.contains("144")),
            "{versions:?}"
        );
        // Three visitors of `/` came from the newsletter: enough for one site, too few for the other.
        let sources = breakdown(&server, site, "pageviews", "visit:source", Some(("event:page", "/")));
        let newsletter = row("newsletter", 3);
        assert_eq!(sources.as_array().unwrap().contains(&newsletter), below <= 3, "{site}: {sources}");
        let alone = breakdown(&server, site, "pageviews", "visit:source", Some(("event:page", "/alone-Zk4")));
        assert_eq!(alone, json!([]), "{site}");
    }
    server.stop();
    // Every pair still adds up to what was counted.
    let sums =
        "SELECT DISTINCT sum(pageviews) FROM counts WHERE by_dimension = 'source' AND dimension = 'page' GROUP BY site";
    assert_eq!(rows_at_rest(data.path(), sums), ["10"]);
}

#[test]
fn a_server_closes_what_was_imported_into_it_though_nobody_visits() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::configured(data.path(), CONFIG);
    let file = data.path().join("events.jsonl");
    std::fs::write(&file, events("strict.example")).unwrap();
    let mut command = footfall();
    command.args([
        "import",
        "--site",
        "strict.example",
        "--format",
        "events",
        "--json",
        "--url",
        &server.url(),
        "--token",
        TOKEN,
    ]);
    let output = command.arg(file).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let folded = || {
        let metrics = server.send("GET", "/metrics", &[], b"").text();
        let line = metrics.lines().find(|line| line.starts_with("footfall_cells_folded_total"))?.to_owned();
        (line != "footfall_cells_folded_total 0").then_some(())
    };
    eventually("small cells are folded", folded);
    let alone = breakdown(&server, "strict.example", "pageviews", "visit:source", Some(("event:page", "/alone-Zk4")));
    assert_eq!(alone, json!([]));
    assert_eq!(server.totals("strict.example", &["visitors", "pageviews"]), [10, 10]);
    server.kill();
    // Whatever the kill interrupted, the next server finishes.
    let server = Server::configured(data.path(), CONFIG);
    eventually("the swept day is noted", || {
        let metrics = server.send("GET", "/metrics", &[], b"").text();
        metrics.contains("footfall_replaying{partition=\"0\"} 0").then_some(())
    });
    assert_eq!(server.totals("strict.example", &["visitors", "pageviews"]), [10, 10]);
    server.stop();
}
