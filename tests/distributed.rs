//! Everything apart: real Kafka, the ClickHouse engine behind its own interface, and the roles as processes of their own, several of
//! each. The same hits give the same numbers as on one machine, whoever dies.

#[path = "distributed/alone.rs"]
mod alone;
#[path = "distributed/apart.rs"]
pub(crate) mod apart;
#[path = "../crates/journal/tests/suite/kafka_server.rs"]
#[allow(dead_code, missing_docs, reason = "the journal's tests use all of it")]
pub mod kafka_server;
#[path = "../crates/settings/tests/suite/server.rs"]
#[allow(dead_code, missing_docs, reason = "the settings' tests use all of it")]
pub mod postgres;

use std::time::Duration;

use journal::kafka::{KafkaJournal, KafkaSettings, Keeps, Publisher, Scram, Security};
use journal::{Journal, Offset};
use serde_json::{Value, json};

use crate::harness::{AGENT, Server, TOKEN, eventually};
use apart::{Apart, SITE};

/// What an event's sender says of itself, behind a proxy that is trusted.
fn from(address: &str) -> [(&str, &str); 3] {
    [("user-agent", AGENT), ("content-type", "application/json"), ("x-forwarded-for", address)]
}

fn view(path: &str) -> Vec<u8> {
    json!({ "name": "pageview", "domain": SITE, "url": format!("https://{SITE}{path}") }).to_string().into_bytes()
}

fn counted(collector: &Server, address: &str, path: &str) {
    let answer = collector.send("POST", "/api/event", &from(address), &view(path));
    assert_eq!((answer.status, answer.header("x-footfall-outcome")), (202, Some("counted")), "{}", answer.text());
}

/// Waits until a collector has heard of the site.
pub(crate) fn hears_of_the_site(collector: &Server) {
    eventually("the site has been heard of", || {
        (collector.send("GET", &format!("/privacy?d={SITE}"), &[], b"").status == 200).then_some(())
    });
}

fn totals(dashboard: &Server) -> Option<Vec<i64>> {
    dashboard.try_totals(SITE, &["visitors", "visits", "pageviews"])
}

#[test]
fn roles_apart_count_what_one_machine_would_and_partitions_change_hands() {
    let apart = Apart::start(4);
    let processors = [apart.processor("one"), apart.processor("two")];
    let dashboard = apart.dashboard();
    let collectors = [apart.collector("a"), apart.collector("b")];
    collectors.iter().for_each(hears_of_the_site);
    // Thirty visitors, whose every second view comes in over the other collector: one visit each.
    for view in 0..4 {
        for visitor in 0..30 {
            let collector = &collectors[(visitor + view) % 2];
            counted(collector, &format!("198.51.100.{visitor}"), &format!("/{view}"));
        }
    }
    eventually("all are counted", || (totals(&dashboard)? == [30, 30, 120]).then_some(()));
    for partitions in processors.each_ref().map(|processor| figure(processor, "footfall_partitions_owned")) {
        assert_eq!(partitions, 2.0, "the partitions are shared out");
    }

    // A processor dies; the other one takes over and goes on with the visits that were open.
    let [mut one, two] = processors;
    one.child.kill().unwrap();
    one.child.wait().unwrap();
    for visitor in 0..30 {
        counted(&collectors[0], &format!("198.51.100.{visitor}"), "/later");
    }
    eventually("the views of both are counted", || (totals(&dashboard)? == [30, 30, 150]).then_some(()));
    assert_eq!(figure(&two, "footfall_partitions_owned"), 4.0);
    // It comes back and gets its share.
    let one = apart.processor("one");
    eventually("it has partitions again", || (figure(&one, "footfall_partitions_owned") == 2.0).then_some(()));
    for visitor in 0..30 {
        counted(&collectors[1], &format!("198.51.100.{visitor}"), "/last");
    }
    eventually("all views are counted", || (totals(&dashboard)? == [30, 30, 180]).then_some(()));
    for processor in [&one, &two] {
        assert_eq!(figure(processor, "footfall_ledger_difference"), 0.0);
    }
    drop(collectors);
}

/// That a replay shows while it lasts is tested beside the processor: of so few records it lasts a moment here.
#[test]
fn a_processor_that_starts_again_tells_of_each_of_its_partitions_how_much_is_left_to_replay() {
    let apart = Apart::start(3);
    let one = apart.processor("one");
    let dashboard = apart.dashboard();
    let collector = apart.collector("a");
    hears_of_the_site(&collector);
    for view in 0..10 {
        for visitor in 0..30 {
            counted(&collector, &format!("198.51.100.{visitor}"), &format!("/{view}"));
        }
    }
    eventually("all are counted", || (totals(&dashboard)? == [30, 30, 300]).then_some(()));
    one.kill();
    let one = apart.begin("processor", "one");
    eventually("every partition is told of, and nothing is left of it", || {
        let metrics = one.try_send("GET", "/metrics", &[], b"").ok()?.text();
        let of =
            |name: &str| -> Option<Vec<i64>> { (0..3).map(|number| of_partition(&metrics, name, number)).collect() };
        let (replaying, left) = (of("footfall_replaying")?, of("footfall_replay_records")?);
        assert!(replaying.iter().all(|flag| *flag <= 1) && left.iter().sum::<i64>() <= 330, "{metrics}");
        (replaying == [0; 3] && left == [0; 3]).then_some(())
    });
    for visitor in 0..30 {
        counted(&collector, &format!("198.51.100.{visitor}"), "/later");
    }
    eventually("the visits go on", || (totals(&dashboard)? == [30, 30, 330]).then_some(()));
    // Whoever is given a partition tells of it, and the other one does not any more.
    let two = apart.processor("two");
    let told_by = |processor: &Server| -> Vec<u32> {
        let metrics = processor.send("GET", "/metrics", &[], b"").text();
        (0..3).filter(|number| of_partition(&metrics, "footfall_replay_records", *number).is_some()).collect()
    };
    eventually("each tells of its own", || {
        let (ones, twos) = (told_by(&one), told_by(&two));
        let mut all = [ones.as_slice(), twos.as_slice()].concat();
        all.sort_unstable();
        (all == [0, 1, 2] && !ones.is_empty() && !twos.is_empty()).then_some(())
    });
}

#[test]
fn a_visitor_is_told_what_another_process_holds_and_has_it_erased() {
    let apart = Apart::start(3);
    let _processors = [apart.processor("one"), apart.processor("two")];
    let dashboard = apart.dashboard();
    let collector = apart.collector("a");
    hears_of_the_site(&collector);
    for visitor in 0..6 {
        counted(&collector, &format!("198.51.100.{visitor}"), "/mine");
    }
    let me = |address: &str| {
        let headers = [("user-agent", AGENT), ("x-forwarded-for", address), ("accept", "application/json")];
        collector.send("GET", &format!("/privacy/me?d={SITE}"), &headers, b"")
    };
    for visitor in 0..6 {
        let held = me(&format!("198.51.100.{visitor}"));
        assert_eq!(held.status, 200, "{}", held.text());
        assert!(held.text().contains("/mine"), "{}", held.text());
    }
    let stranger = me("203.0.113.9");
    assert!(stranger.status == 200 && !stranger.text().contains("/mine"), "{}", stranger.text());
    eventually("all are counted", || (totals(&dashboard)? == [6, 6, 6]).then_some(()));
    let host = collector.address.clone();
    let origin = format!("http://{host}");
    let headers = [
        ("user-agent", AGENT),
        ("x-forwarded-for", "198.51.100.3"),
        ("accept", "application/json"),
        ("origin", origin.as_str()),
        ("sec-fetch-site", "same-origin"),
    ];
    let erased = collector.send("POST", &format!("/privacy/erase?d={SITE}"), &headers, b"");
    assert_eq!((erased.status, &erased.json()["erased"]), (200, &Value::Bool(true)), "{}", erased.text());
    eventually("it is taken back", || (totals(&dashboard)? == [5, 5, 5]).then_some(()));
}

#[test]
fn each_role_works_with_the_rights_that_the_deployment_gives_it() {
    let apart = Apart::guarded(2);
    let processor = apart.processor("one");
    let dashboard = apart.dashboard();
    let collector = apart.collector("a");
    hears_of_the_site(&collector);
    for visitor in 0..5 {
        counted(&collector, &format!("198.51.100.{visitor}"), "/");
    }
    eventually("all are counted", || (totals(&dashboard)? == [5, 5, 5]).then_some(()));
    let headers = [("user-agent", AGENT), ("x-forwarded-for", "198.51.100.1"), ("accept", "application/json")];
    let held = collector.send("GET", &format!("/privacy/me?d={SITE}"), &headers, b"");
    assert_eq!(held.status, 200, "{}", held.text());
    assert_eq!(figure(&processor, "footfall_partitions_owned"), 2.0);
    for said in ["collector-a", "processor-one", "dashboard-dashboard"] {
        let said = std::fs::read_to_string(apart.path(said).with_extension("err")).unwrap();
        assert!(!said.contains("uthorization"), "{said}");
    }
    // And no more than they need.
    let settings = |role: &str, topic: &str| {
        let security = Security::SaslScram {
            user: role.to_owned(),
            password_file: apart.path("passwords").join(format!("kafka-{role}")),
            mechanism: Scram::Sha512,
            tls: None,
        };
        let topic = format!("footfall-{topic}");
        let all = KafkaSettings::new(vec![apart.broker.sasl()], topic, "footfall".to_owned(), 2);
        KafkaSettings { security, replication: 1, in_sync_min: 1, ..all }
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let read = |role, topic| {
        let settings = settings(role, topic);
        let read = async {
            let journal = KafkaJournal::connect(settings).await.unwrap();
            journal.read(0, Offset(0), 1, Duration::from_secs(5)).await.map(|read| read.len())
        };
        runtime.block_on(read).map_err(|error| error.to_string())
    };
    let write = |role, topic| {
        let settings = settings(role, topic);
        let keeps = if topic == "settings" { Keeps::Latest } else { Keeps::Nothing };
        let write = async {
            let publisher = Publisher::open(&settings, &settings.topic, keeps).await?;
            publisher.publish("site:own.example", Some(b"{}")).await
        };
        runtime.block_on(write).map_err(|error| error.to_string())
    };
    assert_eq!(read("processor", "hits"), Ok(1), "the question is one that may be answered");
    assert_eq!(write("processor", "answers"), Ok(()));
    for (role, topic) in [("collector", "hits"), ("dashboard", "hits"), ("dashboard", "answers")] {
        // Who may not even see a topic is told that there is none.
        let refused = read(role, topic).unwrap_err();
        assert!(refused.contains("uthoriz") || refused.contains("Unknown"), "{role} reads {topic}: {refused}");
    }
    for (role, topic) in
        [("collector", "settings"), ("collector", "answers"), ("dashboard", "hits"), ("dashboard", "answers")]
    {
        let refused = write(role, topic).unwrap_err();
        assert!(refused.contains("uthoriz") || refused.contains("may not see it"), "{role} writes {topic}: {refused}");
    }
}

#[test]
fn a_site_that_is_added_is_counted_everywhere_from_its_first_hit() {
    let apart = Apart::start(2);
    let _processor = apart.processor("one");
    let dashboard = apart.dashboard();
    let collector = apart.collector("a");
    let site = "added.example";
    let event = json!({ "name": "pageview", "domain": site, "url": format!("https://{site}/") }).to_string();
    let send = || collector.send("POST", "/api/event", &from("198.51.100.1"), event.as_bytes());
    assert_eq!(send().status, 400, "nobody knows it");
    apart.site(&["add", site]);
    let first = eventually("the collector takes its hits", || {
        let answer = send();
        (answer.status == 202).then(|| answer.header("x-footfall-outcome").map(str::to_owned))
    });
    assert_eq!(first.as_deref(), Some("counted"));
    eventually("they are counted", || (dashboard.try_totals(site, &["pageviews"])? == [1]).then_some(()));
}

#[test]
fn two_dashboards_on_one_postgresql_know_the_same_sites_accounts_and_sessions() {
    const ADDED: &str = "added.example";
    let mut apart = Apart::start(1);
    apart.use_postgres();
    let both = [apart.dashboard(), apart.role("dashboard", "dashboard-two")];
    let [one, two] = &both;
    let authorization = format!("Bearer {TOKEN}");
    let (administrator, as_json) = (("authorization", authorization.as_str()), ("content-type", "application/json"));
    let readable = |dashboard: &Server, shows: (&str, &str)| -> Vec<String> {
        let answer = dashboard.send("GET", "/api/v1/sites", &[shows], b"").json();
        let name = |site: &Value| site["domain"].as_str().unwrap().to_owned();
        answer["sites"].as_array().unwrap().iter().map(name).collect()
    };
    apart.site(&["add", ADDED]);
    for dashboard in &both {
        let known = || (readable(dashboard, administrator) == [ADDED, SITE]).then_some(());
        eventually("the site that was added is known", known);
    }
    let nothing = ("accept", "*/*");
    assert_eq!(readable(two, nothing), [SITE]);
    let public = json!({ "public": true }).to_string();
    let path = format!("/api/sites/{ADDED}/public");
    let changed = one.send("PUT", &path, &[administrator, as_json], public.as_bytes());
    assert_eq!(changed.status, 204, "{}", changed.text());
    eventually("everybody may read it at the other one", || (readable(two, nothing) == [ADDED, SITE]).then_some(()));

    // An account is made at one, and signs in at the other; each knows the sessions of both.
    let jane = json!({ "login": "jane", "password": "violet teapot" }).to_string();
    let open = |dashboard: &Server, path: &str, shows: (&str, &str)| {
        let opened = dashboard.send("POST", path, &[shows, as_json], jane.as_bytes());
        assert_eq!(opened.status, 200, "{path}: {}", opened.text());
        let cookie = opened.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
        (cookie, opened.json()["csrf"].as_str().unwrap().to_owned())
    };
    let (made, word) = open(one, "/api/setup", administrator);
    let (opened, _) = open(two, "/api/session", nothing);
    let who = |dashboard: &Server, cookie: &str| {
        dashboard.send("GET", "/api/session", &[("cookie", cookie)], b"").json()["login"].clone()
    };
    for dashboard in &both {
        assert_eq!([who(dashboard, &made), who(dashboard, &opened)], ["jane", "jane"]);
    }
    let headers =
        [("cookie", made.as_str()), as_json, ("sec-fetch-site", "same-origin"), ("footfall-csrf", word.as_str())];
    let ended = two.send("DELETE", "/api/session", &headers, b"");
    assert_eq!(ended.status, 204, "{}", ended.text());
    for dashboard in &both {
        assert_eq!([who(dashboard, &made), who(dashboard, &opened)], [Value::Null, json!("jane")]);
        assert_eq!(figure(dashboard, "footfall_sites_published_otherwise"), 0.0, "they are alike");
    }
}

#[test]
fn collection_goes_on_while_everything_but_kafka_is_down_and_while_kafka_is() {
    let mut apart = Apart::start(2);
    apart.use_postgres();
    let processor = apart.processor("one");
    let dashboard = apart.dashboard();
    let collector = apart.collector("a");
    hears_of_the_site(&collector);
    // A site of PostgreSQL's is measured like one of the configuration, also while PostgreSQL is away.
    apart.site(&["add", "added.example"]);
    let added = json!({ "name": "pageview", "domain": "added.example", "url": "https://added.example/" }).to_string();
    let add = || collector.send("POST", "/api/event", &from("198.51.100.7"), added.as_bytes());
    eventually("the site of the settings has been heard of", || (add().status == 202).then_some(()));
    apart.postgres().kill();
    assert_eq!(add().status, 202);
    counted(&collector, "198.51.100.1", "/before");
    eventually("it is counted", || (totals(&dashboard)? == [1, 1, 1]).then_some(()));
    drop((processor, dashboard));
    apart.stop_engine();
    counted(&collector, "198.51.100.1", "/without-anybody");
    apart.broker.kill();
    for number in 0..20 {
        counted(&collector, "198.51.100.1", &format!("/spooled/{number}"));
    }
    assert_eq!(collector.send("GET", "/readyz", &[], b"").status, 200);
    assert!(figure(&collector, "footfall_spool_records") >= 20.0);
    // The collector is started again while its spool is full and the brokers are back.
    drop(collector);
    apart.broker.restart();
    apart.postgres().restart();
    apart.start_engine();
    let collector = apart.collector("a");
    let _processor = apart.processor("one");
    let dashboard = apart.dashboard();
    eventually("all are counted", || (totals(&dashboard)? == [1, 1, 22]).then_some(()));
    eventually("nothing waits", || (figure(&collector, "footfall_spool_records") == 0.0).then_some(()));
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(totals(&dashboard), Some(vec![1, 1, 22]), "and counted once");
    assert_eq!(dashboard.try_totals("added.example", &["visitors", "pageviews"]), Some(vec![1, 2]));
}

/// A figure of a process: the sum over its labels.
pub fn figure(server: &Server, name: &str) -> f64 {
    figure_in(&server.send("GET", "/metrics", &[], b"").text(), name)
}

/// A figure of what a server told of itself, summed over its labels.
pub fn figure_in(metrics: &str, name: &str) -> f64 {
    let of = |line: &&str| line.starts_with(name) && matches!(line.as_bytes().get(name.len()), Some(b'{' | b' '));
    metrics.lines().filter(of).map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()).sum()
}

/// A figure of one partition, where it is told.
fn of_partition(metrics: &str, name: &str, partition: u32) -> Option<i64> {
    let begins = format!("{name}{{partition=\"{partition}\"}} ");
    metrics.lines().find_map(|line| line.strip_prefix(&begins)?.parse().ok())
}
