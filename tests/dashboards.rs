//! What operators look at, against a real Prometheus that reads real processes, one server and the roles apart: every expression of
//! every panel, recording rule and alert is asked, none errs, and each that should have data has some. Whether an alert fires when it
//! should is promtool's to test (deploy/prometheus/tests); here no alert may be without its test and its page in the runbook.

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use serde_json::{Value, json};

use crate::distributed::apart::{Apart, SITE};
use crate::distributed::hears_of_the_site;
use crate::harness::{AGENT, Answer, Server, eventually, request};

/// Metrics that `footfall serve` does not export, and why a panel or rule may name them all the same.
const OF_ROLES: &[(&str, &str)] = &[
    ("footfall_spool_bytes", "only a collector beside Kafka has a spool"),
    ("footfall_spool_bytes_max", "the same"),
    ("footfall_spool_records", "the same"),
    ("footfall_spool_failed", "the same"),
    ("footfall_spool_oldest_seconds", "the same"),
    ("footfall_spool_dropped_total", "the same"),
    ("footfall_sites_published_otherwise", "only a dashboard among other processes publishes"),
    ("footfall_awaiting", "only a role has neighbours that it may have to wait for"),
];

/// The other way round.
const OF_SERVE: &[(&str, &str)] = &[("footfall_engine_restarts_total", "only `serve` has an engine of its own")];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A running Prometheus with the rules of this repository, ended when dropped.
struct Prometheus {
    child: Child,
    address: String,
}

impl Prometheus {
    /// Reads each server under the name of its job.
    fn watching(servers: &[(&str, &Server)], directory: &Path) -> Self {
        let rules = root().join("deploy/prometheus/rules/footfall.yml");
        let mut config = format!(
            "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\nrule_files: ['{}']\nscrape_configs:\n",
            rules.display()
        );
        for (job, server) in servers {
            let targets = format!("[{{targets: ['{}']}}]", server.address);
            config.push_str(&format!("  - job_name: {job}\n    static_configs: {targets}\n"));
        }
        let file = directory.join("prometheus.yml");
        std::fs::write(&file, config).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let address = format!("127.0.0.1:{port}");
        let log = std::fs::File::create(directory.join("prometheus.log")).unwrap();
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.tsdb.path={}", directory.join("tsdb").display()))
            .arg(format!("--web.listen-address={address}"))
            .stderr(log)
            .spawn()
            .expect("prometheus is installed: scripts/test-needs.sh");
        let prometheus = Self { child, address };
        eventually("a Prometheus that is ready", || {
            request(&prometheus.address, "GET", "/-/ready", &[], b"").ok().filter(|answer| answer.status == 200)
        });
        prometheus
    }

    fn get(&self, path: &str) -> Value {
        let answer: Answer = request(&self.address, "GET", path, &[], b"").unwrap();
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        answer.json()
    }

    /// How many samples an expression gives, or why it gives none.
    fn ask(&self, expression: &str) -> Result<usize, String> {
        let path = format!("/api/v1/query?query={}", encoded(expression));
        let answer = request(&self.address, "GET", &path, &[], b"").unwrap().json();
        match answer["status"].as_str() {
            Some("success") => Ok(answer["data"]["result"].as_array().map_or(0, Vec::len)),
            _ => Err(answer["error"].as_str().unwrap_or("no answer").to_owned()),
        }
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

/// Every Grafana dashboard.
fn dashboards() -> Vec<(PathBuf, Value)> {
    let files = std::fs::read_dir(root().join("dashboards")).unwrap().map(|entry| entry.unwrap().path());
    let files = files.filter(|path| path.extension().is_some_and(|extension| extension == "json"));
    files.map(|path| (path.clone(), serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap())).collect()
}

/// The expressions of a dashboard's panels with the panel's title, as Grafana would send them.
fn expressions(dashboard: &Value) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        let title = panel["title"].as_str().unwrap();
        let targets = panel["targets"].as_array();
        assert!(targets.is_some_and(|targets| !targets.is_empty()) || panel["type"] == "row", "{title} asks nothing");
        for target in targets.into_iter().flatten() {
            let expression = target["expr"].as_str().unwrap().replace("$__rate_interval", "30s");
            let expression = expression.replace("$instance", ".*").replace("$site", ".*");
            assert!(!expression.contains('$'), "{title}: an unknown variable: {expression}");
            found.push((title.to_owned(), expression));
        }
    }
    found
}

/// The names of metrics in an expression, ours and those that a rule records.
fn names(expression: &str) -> BTreeSet<String> {
    expression
        .split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_' || letter == ':'))
        .filter(|word| word.starts_with("footfall_") || word.starts_with("footfall:"))
        .map(str::to_owned)
        .collect()
}

/// The names in an expression that no process exports and no rule records.
fn unknown(expression: &str, exported: &str, recorded: &BTreeSet<String>) -> Vec<String> {
    let series = |name: &str| {
        let family = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
        [name, family].iter().any(|name| exported.lines().any(|line| line.starts_with(&format!("# TYPE {name} "))))
    };
    names(expression).into_iter().filter(|name| !series(name) && !recorded.contains(name)).collect()
}

/// One of everything that is counted: taken, refused, dropped as a duplicate, asked.
fn traffic(collector: &Server, dashboard: &Server, site: &str, round: usize) {
    let page = json!({ "name": "pageview", "url": format!("https://{site}/{round}"), "domain": site });
    assert_eq!(collector.event(&page).status, 202);
    let mut twice = page.clone();
    twice["id"] = json!(format!("0123456789abcdef0123456789ab{round:04x}"));
    collector.event(&twice);
    collector.event(&twice);
    let stranger = json!({ "name": "pageview", "url": "https://other.example/", "domain": "other.example" });
    collector.event(&stranger);
    collector.send("GET", &format!("/pixel.gif?d={site}&u=https://{site}/gif"), &[("user-agent", AGENT)], b"");
    dashboard.query(&json!({ "site_id": site, "metrics": ["visitors"], "date_range": "7d" }));
}

/// Holds every panel and rule against the processes of an installation, under the names of their jobs; what `absent` names is told by
/// none of them. The first job takes hits, the last one answers.
fn hold_everything(servers: &[(&str, &Server)], site: &str, absent: &[(&str, &str)]) {
    let directory = tempfile::tempdir().unwrap();
    let (collector, dashboard) = (servers[0].1, servers[servers.len() - 1].1);
    traffic(collector, dashboard, site, 0);
    let prometheus = Prometheus::watching(servers, directory.path());
    // Rates need figures that grew between two looks.
    let mut round = 0;
    eventually("three scrapes with traffic in between", || {
        round += 1;
        traffic(collector, dashboard, site, round);
        let grown = prometheus
            .ask("sum(changes(footfall_insert_seconds_count[30s])) > 2 and sum(changes(footfall_query_seconds_count[30s])) > 2");
        grown.ok().filter(|series| *series > 0)
    });
    let rules = eventually("every rule evaluated", || {
        let answer = prometheus.get("/api/v1/rules");
        let groups = answer["data"]["groups"].as_array()?.clone();
        let rules: Vec<Value> = groups.iter().flat_map(|group| group["rules"].as_array().unwrap().clone()).collect();
        let done = !rules.is_empty() && rules.iter().all(|rule| rule["health"] != "unknown");
        done.then_some(rules)
    });

    let exported: String = servers.iter().map(|(_, server)| server.send("GET", "/metrics", &[], b"").text()).collect();
    let recorded: BTreeSet<String> = rules
        .iter()
        .filter(|rule| rule["type"] == "recording")
        .map(|rule| rule["name"].as_str().unwrap().to_owned())
        .collect();
    let mut faults = Vec::new();
    let mut hold = |place: &str, expression: &str, empty: bool| {
        let missing = unknown(expression, &exported, &recorded);
        let (known, missing): (Vec<_>, Vec<_>) =
            missing.into_iter().partition(|name| absent.iter().any(|(absent, _)| absent == name));
        if !missing.is_empty() {
            faults.push(format!("{place}: nothing exports {missing:?}"));
        }
        match prometheus.ask(expression) {
            Err(error) => faults.push(format!("{place}: {error}: {expression}")),
            Ok(0) if !empty && known.is_empty() => faults.push(format!("{place}: no data: {expression}")),
            Ok(_) => {}
        }
    };
    for rule in &rules {
        let name = rule["name"].as_str().unwrap();
        assert_eq!(rule["health"], "ok", "{name}: {}", rule["lastError"]);
        // An alert is silent on a healthy installation: whether it can fire, promtool shows.
        hold(name, rule["query"].as_str().unwrap(), rule["type"] == "alerting");
    }
    let mut asked = 0;
    for (path, dashboard) in dashboards() {
        for (title, expression) in expressions(&dashboard) {
            asked += 1;
            hold(&format!("{}: {title}", path.file_name().unwrap().to_string_lossy()), &expression, false);
        }
    }
    assert!(asked > 30 && rules.len() > 30, "{asked} expressions and {} rules", rules.len());
    assert!(faults.is_empty(), "{faults:#?}");

    let firing = prometheus.get("/api/v1/alerts");
    assert_eq!(
        firing["data"]["alerts"].as_array().unwrap().iter().filter(|alert| alert["state"] == "firing").count(),
        0,
        "{firing}"
    );
}

#[test]
fn every_panel_and_rule_asks_a_server_for_what_is_there() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &["example.com"]);
    hold_everything(&[("serve", &server)], "example.com", OF_ROLES);
}

#[test]
fn every_panel_and_rule_asks_the_roles_for_what_is_there() {
    let apart = Apart::start(2);
    let (processor, dashboard, collector) = (apart.processor("one"), apart.dashboard(), apart.collector("a"));
    hears_of_the_site(&collector);
    hold_everything(&[("collector", &collector), ("processor", &processor), ("dashboard", &dashboard)], SITE, OF_SERVE);
}

#[test]
fn a_metric_that_nobody_exports_is_noticed() {
    let exported = "# TYPE footfall_a_total counter\n# TYPE footfall_b_seconds histogram\n";
    let recorded = BTreeSet::from(["footfall:a:rate5m".to_owned()]);
    let unknown = |expression: &str| unknown(expression, exported, &recorded);
    assert!(unknown("sum(rate(footfall_a_total[5m])) + footfall:a:rate5m").is_empty());
    assert!(unknown("rate(footfall_b_seconds_bucket[5m]) / rate(footfall_b_seconds_count[5m])").is_empty());
    assert_eq!(unknown("sum by (x) (footfall_c_total{y=\"z\"})"), ["footfall_c_total"]);
    assert_eq!(unknown("footfall:b:rate5m"), ["footfall:b:rate5m"]);
}

#[test]
fn every_alert_has_a_test_and_a_page_in_the_runbook() {
    let read = |path: &str| std::fs::read_to_string(root().join(path)).unwrap();
    let after = |text: &str, mark: &str| -> BTreeSet<String> {
        text.lines().filter_map(|line| line.trim().strip_prefix(mark)).map(str::to_owned).collect()
    };
    let rules = read("deploy/prometheus/rules/footfall.yml");
    let alerts = after(&rules, "- alert: ");
    assert!(alerts.len() > 20, "{alerts:?}");
    assert_eq!(alerts, after(&read("docs/runbook.md"), "### "));
    assert_eq!(alerts, after(&read("deploy/prometheus/tests/alerts.yml"), "- name: "));
    let anchors = after(&rules, "runbook: docs/runbook.md#");
    assert_eq!(alerts.iter().map(|alert| alert.to_lowercase()).collect::<BTreeSet<_>>(), anchors);
    // Each is seen silent and firing.
    let tests = read("deploy/prometheus/tests/alerts.yml");
    for value in ["value: 0}", "value: 1}"] {
        assert_eq!(tests.matches(value).count(), alerts.len(), "{value}");
    }
}

#[test]
fn every_variable_and_panel_of_a_dashboard_is_whole() {
    for (path, dashboard) in dashboards() {
        let name = path.display();
        assert!(dashboard["uid"].is_string() && dashboard["title"].is_string(), "{name}");
        let variables: BTreeSet<&str> = dashboard["templating"]["list"]
            .as_array()
            .unwrap()
            .iter()
            .map(|variable| variable["name"].as_str().unwrap())
            .collect();
        assert_eq!(variables, BTreeSet::from(["datasource", "instance", "site"]), "{name}");
        let panels = dashboard["panels"].as_array().unwrap();
        let ids: BTreeSet<i64> = panels.iter().map(|panel| panel["id"].as_i64().unwrap()).collect();
        assert_eq!(ids.len(), panels.len(), "{name}: two panels have one id");
        for panel in panels.iter().filter(|panel| panel["type"] != "row") {
            let title = panel["title"].as_str().unwrap();
            assert!(panel["description"].as_str().is_some_and(|text| !text.is_empty()), "{name}: {title} says nothing");
            assert!(panel["fieldConfig"]["defaults"]["unit"].is_string(), "{name}: {title} has no unit");
            assert_eq!(panel["datasource"]["uid"], "${datasource}", "{name}: {title}");
        }
    }
}
