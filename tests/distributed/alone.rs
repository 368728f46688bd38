//! Roles that start while others are away: they are alive, say whom they wait for, and begin when those come; a collector that has
//! learned of sites and keys before takes hits meanwhile.

use std::time::Duration;

use serde_json::Value;

use super::apart::{Apart, SITE};
use super::{counted, figure, from, hears_of_the_site, totals, view};
use crate::harness::{AGENT, Server, eventually};

/// What `/readyz` says while the role is not ready.
fn unready(role: &Server) -> Option<String> {
    let answer = role.send("GET", "/readyz", &[], b"");
    (answer.status == 503).then(|| answer.text())
}

fn is_ready(role: &Server) -> Option<()> {
    unready(role).is_none().then_some(())
}

/// Waits until a role says that it waits for somebody, and why.
fn waits_for(role: &Server, whom: &str) {
    let said = eventually(whom, || {
        let said = unready(role)?;
        // The reason comes after the first attempt.
        said.strip_prefix(&format!("not ready: waiting for {whom} since 20"))?.contains("Z: ").then_some(said)
    });
    assert_eq!(role.send("GET", "/healthz", &[], b"").status, 200, "{said}");
}

#[test]
fn roles_that_start_alone_say_whom_they_wait_for_and_begin_when_those_come() {
    let mut apart = Apart::start(2);
    apart.use_postgres();
    apart.postgres().kill();
    apart.broker.kill();
    apart.stop_engine();
    let (collector, processor, dashboard) =
        (apart.begin("collector", "a"), apart.begin("processor", "one"), apart.begin("dashboard", "dashboard"));
    for (role, whom, label) in [
        (&collector, "Kafka", "kafka"),
        (&processor, "Kafka", "kafka"),
        (&dashboard, "the settings' database", "settings"),
    ] {
        waits_for(role, whom);
        let metrics = role.send("GET", "/metrics", &[], b"").text();
        assert!(metrics.contains(&format!("footfall_awaiting{{neighbour=\"{label}\"}} 1\n")), "{metrics}");
    }
    let early = collector.send("POST", "/api/event", &from("198.51.100.1"), &view("/early"));
    assert_eq!((early.status, early.header("retry-after")), (503, Some("1")));
    assert!(!early.text().contains("127.0.0.1"), "a stranger learns nothing of whom is waited for: {}", early.text());
    assert!(figure(&processor, "footfall_seal_keys") >= 7.0, "keys are looked after all the while");

    // Keys are published without ClickHouse, and so hits can be taken.
    apart.broker.restart();
    eventually("the collector is ready", || is_ready(&collector));
    waits_for(&processor, "ClickHouse and its tables");
    apart.start_engine();
    eventually("the processor is ready", || is_ready(&processor));
    apart.postgres().restart();
    eventually("the dashboard is ready", || is_ready(&dashboard));
    hears_of_the_site(&collector);
    counted(&collector, "198.51.100.1", "/");
    eventually("it is counted", || (totals(&dashboard)? == [1, 1, 1]).then_some(()));

    for (name, whom) in [("collector-a", "Kafka"), ("processor-one", "Kafka"), ("dashboard-dashboard", "the settings'")]
    {
        let said = std::fs::read_to_string(apart.path(name).with_extension("err")).unwrap();
        let lines = |words: &str| said.lines().filter(|line| line.contains(words)).count();
        assert_eq!(lines(&format!("waiting for {whom}")), 1, "{name}: {said}");
        assert_eq!(lines(whom), 2, "{name}: one line when it begins, one when it ends: {said}");
        assert!(said.lines().count() < 60, "{name}: {said}");
    }
    assert_eq!(figure(&processor, "footfall_awaiting"), 0.0);
}

#[test]
fn a_collector_that_knew_sites_and_keys_takes_hits_while_kafka_is_away_and_all_are_counted() {
    let mut apart = Apart::start(4);
    let _processor = apart.processor("one");
    let dashboard = apart.dashboard();
    let collector = apart.collector("a");
    hears_of_the_site(&collector);
    for visitor in 0..8 {
        counted(&collector, &format!("198.51.100.{visitor}"), "/before");
    }
    let file = apart.path("data-a").join("directory.json");
    eventually("it is kept what was learned", || {
        std::fs::read_to_string(&file).ok().filter(|text| text.contains(SITE)).map(drop)
    });
    collector.kill();
    apart.broker.kill();

    let collector = apart.collector("a");
    for visitor in 0..8 {
        counted(&collector, &format!("198.51.100.{visitor}"), "/while-away");
    }
    assert!(unready(&collector).is_none() && figure(&collector, "footfall_spool_records") >= 8.0);
    let headers = [("user-agent", AGENT), ("x-forwarded-for", "198.51.100.1"), ("accept", "application/json")];
    let held = collector.send("GET", &format!("/privacy/me?d={SITE}"), &headers, b"");
    assert_eq!(held.status, 503, "nobody is there to answer: {}", held.text());
    assert_eq!(figure(&collector, "footfall_rights_failed_total"), 1.0);
    // Killed once more, with hits in its spool.
    collector.kill();
    let collector = apart.collector("a");
    for visitor in 0..8 {
        counted(&collector, &format!("198.51.100.{visitor}"), "/again");
    }

    // Another one, whose keys are all of hours that have passed, seals to none of them.
    let written: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    let mut old = written.clone();
    let keys = old["keys"].as_object_mut().unwrap();
    let aged = |(hour, key): (String, Value)| ((hour.parse::<i64>().unwrap() - 9).to_string(), key);
    *keys = std::mem::take(keys).into_iter().map(aged).collect();
    std::fs::create_dir(apart.path("data-b")).unwrap();
    std::fs::write(apart.path("data-b").join("directory.json"), old.to_string()).unwrap();
    let late = apart.begin("collector", "b");
    waits_for(&late, "Kafka");
    assert_eq!(late.send("POST", "/api/event", &from("198.51.100.1"), &view("/late")).status, 503);

    apart.broker.restart();
    // One visit each: the visitors came to the partitions they were in.
    eventually("all are counted", || (totals(&dashboard)? == [8, 8, 24]).then_some(()));
    eventually("the other one is ready, too", || is_ready(&late));
    eventually("nothing waits", || (figure(&collector, "footfall_spool_records") == 0.0).then_some(()));
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(totals(&dashboard), Some(vec![8, 8, 24]), "and counted once");
    let held = eventually("visitors are answered again", || {
        let held = collector.send("GET", &format!("/privacy/me?d={SITE}"), &headers, b"");
        (held.status == 200).then(|| held.text())
    });
    assert!(held.contains("/before") && held.contains("/again"), "{held}");
}

#[test]
fn a_key_is_destroyed_on_time_without_a_hit_but_not_before_the_brokers_say_that_its_time_has_come() {
    let mut apart = Apart::start(2);
    let hour = i64::try_from(std::time::UNIX_EPOCH.elapsed().unwrap().as_secs() / 3_600).unwrap();
    let keys = apart.path("keys");
    std::fs::create_dir(&keys).unwrap();
    let key = |hour: i64| keys.join(format!("{hour}.key"));
    for (hour, random) in [(hour - 29, [1; 32]), (hour - 26, [2; 32])] {
        std::fs::write(key(hour), privacy::seal::HourKey::generate(hour, random).to_bytes()).unwrap();
    }
    apart.broker.kill();
    let processor = apart.begin("processor", "one");
    eventually("one key is kept", || (figure(&processor, "footfall_seal_keys_kept_by_clock") == 1.0).then_some(()));
    // Two turns of its upkeep.
    std::thread::sleep(Duration::from_secs(11));
    assert!(key(hour - 29).exists(), "its clock may be wrong, and nobody was heard");
    apart.broker.restart();
    eventually("it is destroyed", || (!key(hour - 29).exists()).then_some(()));
    eventually("that is told", || (figure(&processor, "footfall_seal_keys_kept_by_clock") == 0.0).then_some(()));
    assert!(key(hour - 26).exists());
    assert!(figure(&processor, "footfall_clock_difference_seconds").abs() < 60.0);
    let audit = std::fs::read_to_string(apart.path("data-one").join("audit.log")).unwrap();
    assert!(audit.contains(&format!("\"facts\":{{\"hour\":{}}}", hour - 29)), "{audit}");
}

#[test]
fn of_dashboards_that_are_configured_otherwise_those_started_last_hold_and_nothing_goes_to_and_fro() {
    let apart = Apart::start(2);
    let _processor = apart.processor("one");
    let first = apart.dashboard();
    let collector = apart.collector("a");
    hears_of_the_site(&collector);
    let second = apart.role("dashboard", "other");
    let measures = |site: &str| collector.send("GET", &format!("/privacy?d={site}"), &[], b"").status == 200;
    eventually("the second one's site is measured", || measures("other.example").then_some(()));
    eventually("the first one's is not", || (!measures(SITE)).then_some(()));
    eventually("the first one says so", || (figure(&first, "footfall_sites_published_otherwise") == 2.0).then_some(()));
    for _look in 0..50 {
        assert!(measures("other.example") && !measures(SITE));
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(figure(&second, "footfall_sites_published_otherwise"), 0.0);
    let said = std::fs::read_to_string(apart.path("dashboard-dashboard").with_extension("err")).unwrap();
    assert_eq!(said.lines().filter(|line| line.contains("were started later")).count(), 1, "{said}");
    // They fall silent, and the first one speaks again.
    second.kill();
    eventually("the first one's site is measured again", || {
        (measures(SITE) && !measures("other.example")).then_some(())
    });
    assert_eq!(figure(&first, "footfall_sites_published_otherwise"), 0.0);
}

#[test]
fn a_dashboard_proves_what_it_can_see_and_says_whose_the_rest_is() {
    let apart = Apart::start(1);
    let _processor = apart.processor("one");
    let dashboard = apart.dashboard();
    let collector = apart.collector("a");
    hears_of_the_site(&collector);
    counted(&collector, "198.51.100.1", "/");
    eventually("it is counted", || (totals(&dashboard)? == [1, 1, 1]).then_some(()));
    let prove = || {
        let mut command = crate::harness::footfall();
        command.args(["prove", "--json", "--url", &dashboard.url(), "--token", crate::harness::TOKEN]);
        let output = command.output().unwrap();
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
        (answer, output.status.code().unwrap())
    };
    let (answer, code) = prove();
    assert_eq!((code, &answer["broken"]), (0, &Value::from(0)), "{answer:#}");
    let of = |claim: &str| {
        let checks = answer["checks"].as_array().unwrap();
        let found = checks.iter().find(|check| check["claim"].as_str().unwrap().contains(claim));
        let check = found.unwrap_or_else(|| panic!("{claim}: {answer:#}"));
        (check["verdict"].as_str().unwrap().to_owned(), check["evidence"].as_str().unwrap().to_owned())
    };
    for claim in ["only the known tables", "no stored text looks like", "every line of the ledger", "core dump"] {
        assert_eq!(of(claim).0, "holds", "{claim}");
    }
    for claim in ["key is destroyed", "sealed records go", "no hit vanished"] {
        let (verdict, evidence) = of(claim);
        assert_eq!(verdict, "cannot be told here", "{claim}");
        assert!(evidence.contains("processors'") || evidence.contains("Kafka's"), "{evidence}");
    }
    // What is not as it should be is seen from here, too.
    let table = "CREATE TABLE footfall.people (who String) ENGINE = MergeTree ORDER BY who";
    assert_eq!(apart.ask_engine(table).status, 200);
    let (answer, code) = prove();
    assert_eq!((code, &answer["broken"]), (1, &Value::from(1)), "{answer:#}");
}
