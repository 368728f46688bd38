//! The policy's clauses and the design's points, one test each, named after it, through the real binary. Where a clause is met in part
//! only, its test holds the part that is there, and its comment says what is still to come.
//!
//! How each promise is kept in depth is held elsewhere (`canary`, `attacker`, `close`, `crashes`, `notice`, `prove`); this is the
//! index.

#[path = "promises/points.rs"]
mod points;

use std::fs;
use std::process::Output;
use std::sync::{Arc, Mutex, Weak};

use serde_json::{Value, json};

use crate::harness::{AGENT, Answer, Server, TOKEN, eventually, footfall};

/// A server that the tests share while any of them runs, each on sites of its own.
struct Bed {
    server: Server,
    data: tempfile::TempDir,
}

static BED: Mutex<Weak<Bed>> = Mutex::new(Weak::new());

const PLAIN: [&str; 16] =
    ["c01", "c02", "c03", "c04", "c05", "c06", "c07", "c08", "c09", "c10", "c11", "c12", "c14", "p2a", "p2b", "p5"];

fn config() -> String {
    let plain: String = PLAIN.iter().map(|name| format!("[[site]]\ndomain = \"{name}.example\"\n")).collect();
    format!(
        "region = \"JP\"\ntrusted_proxies = [\"127.0.0.0/8\"]\n{plain}\
         [[site]]\ndomain = \"children.example\"\nchild_directed = true\n\
         [[site]]\ndomain = \"off.example\"\nmode = \"off\"\n\
         [[site]]\ndomain = \"told.example\"\ncontroller = \"Example KK, Tokyo\"\ncontact = \"privacy@told.example\"\n\
         responsible = \"Data Protection Office\"\npurpose = \"improving the site\"\nregion = \"JP\"\n"
    )
}

fn bed() -> Arc<Bed> {
    let mut bed = BED.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    bed.upgrade().unwrap_or_else(|| {
        let data = tempfile::tempdir().unwrap();
        let made = Arc::new(Bed { server: Server::configured(data.path(), &config()), data });
        *bed = Arc::downgrade(&made);
        made
    })
}

fn view(site: &str, path: &str) -> Value {
    json!({ "name": "pageview", "url": format!("https://{site}{path}"), "domain": site })
}

fn send(server: &Server, event: &Value, more: &[(&str, &str)]) -> Answer {
    let headers = [&[("user-agent", AGENT), ("content-type", "application/json")], more].concat();
    server.send("POST", "/api/event", &headers, event.to_string().as_bytes())
}

fn outcome(server: &Server, event: &Value, more: &[(&str, &str)]) -> String {
    send(server, event, more).outcome().to_owned()
}

fn totals(server: &Server, site: &str, wanted: [i64; 2]) {
    eventually(&format!("{wanted:?} page views and visitors of {site}"), || {
        (server.totals(site, &["pageviews", "visitors"]) == wanted).then_some(())
    });
}

fn import(server: &Server, site: &str, name: &str, text: &str) -> Output {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join(name);
    fs::write(&file, text).unwrap();
    let url = server.url();
    footfall().args(["import", "--site", site, "--json", "--url", &url, "--token", TOKEN]).arg(file).output().unwrap()
}

/// A visitor's page view on a day of the past.
fn past(site: &str, day: &str, visitor: u32) -> String {
    let mut event = view(site, "/");
    event["timestamp"] = json!(format!("2026-10-{day}T10:00:00Z"));
    event["ip"] = json!(format!("192.0.2.{visitor}"));
    event["user_agent"] = json!(AGENT);
    format!("{event}\n")
}

/// The verdict of `footfall prove` on the claim with these words.
fn verdict(server: &Server, words: &str) -> String {
    let output = footfall().args(["prove", "--json", "--url", &server.url(), "--token", TOKEN]).output().unwrap();
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    let mut checks = answer["checks"].as_array().unwrap().iter();
    let check = checks.find(|check| check["claim"].as_str().unwrap().contains(words)).unwrap();
    check["verdict"].as_str().unwrap().to_owned()
}

fn notice(server: &Server, more: &str) -> Answer {
    server.send("GET", &format!("/privacy?d=told.example{more}"), &[], b"")
}

#[test]
fn clause_01_web_beacons_tell_how_often_a_page_was_viewed() {
    let bed = bed();
    let gif = bed.server.send(
        "GET",
        "/pixel.gif?d=c01.example&u=https%3A%2F%2Fc01.example%2Fa",
        &[("user-agent", AGENT)],
        b"",
    );
    assert_eq!((gif.header("content-type"), gif.body.len()), (Some("image/gif"), 43));
    let referring = [("user-agent", AGENT), ("referer", "https://c01.example/a")];
    bed.server.send("GET", "/pixel.gif?d=c01.example", &referring, b"");
    send(&bed.server, &view("c01.example", "/a"), &[]);
    eventually("three views of one page", || {
        (bed.server.breakdown("c01.example", "event:page", &["pageviews"]) == [("/a".to_owned(), vec![3])])
            .then_some(())
    });
}

/// Following a growing log while it is written is still to come in `footfall import`; a log that has grown is imported again.
#[test]
fn clause_02_the_access_log_is_analysed() {
    let bed = bed();
    let line = |second: u32, path: &str| {
        format!("192.0.2.1 - - [01/Oct/2026:10:00:{second:02} +0000] \"GET {path} HTTP/1.1\" 200 9 \"-\" \"{AGENT}\"\n")
    };
    let log = line(0, "/") + &line(1, "/a");
    assert!(import(&bed.server, "c02.example", "access.log", &log).status.success());
    totals(&bed.server, "c02.example", [2, 1]);
    assert!(import(&bed.server, "c02.example", "access.log", &(log + &line(2, "/b"))).status.success());
    totals(&bed.server, "c02.example", [3, 1]);
}

/// Days, weeks and months are there; season, change points, unusual days, forecast and alerts are still to come in the dashboard.
#[test]
fn clause_03_access_trends_are_analysed() {
    let bed = bed();
    let events = past("c03.example", "01", 1) + &past("c03.example", "02", 1) + &past("c03.example", "02", 2);
    assert!(import(&bed.server, "c03.example", "events.jsonl", &events).status.success());
    let answer = bed.server.query(&json!({
        "site_id": "c03.example", "metrics": ["visitors"], "date_range": ["2026-10-01", "2026-10-02"], "dimensions": ["time:day"],
    }));
    let days = answer["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (row["dimensions"][0].as_str(), row["metrics"][0].as_i64()));
    assert_eq!(days.collect::<Vec<_>>(), [(Some("2026-10-01"), Some(1)), (Some("2026-10-02"), Some(2))]);
}

/// The reports are there; importing the exports of Google Analytics and Adobe Analytics is still to come.
#[test]
fn clause_04_a_statistical_tool_reports_how_the_site_is_used() {
    let bed = bed();
    let mut event = view("c04.example", "/a?utm_source=news&utm_campaign=spring");
    event["referrer"] = json!("https://www.google.com/search?q=x");
    send(&bed.server, &event, &[("accept-language", "de-DE")]);
    let expected = [
        ("event:page", "/a"),
        ("visit:entry_page", "/a"),
        ("visit:exit_page", "/a"),
        ("visit:source", "news"),
        ("visit:utm_campaign", "spring"),
        ("visit:referrer", "google.com/search"),
        ("visit:browser", "Chrome"),
        ("visit:os", "Windows"),
        ("visit:device", "Desktop"),
        ("visit:language", "de-de"),
    ];
    totals(&bed.server, "c04.example", [1, 1]);
    for (dimension, value) in expected {
        let rows = bed.server.breakdown("c04.example", dimension, &["visitors"]);
        assert_eq!(rows, [(value.to_owned(), vec![1])], "{dimension}");
    }
}

#[test]
fn clause_05_no_cookie_is_set_and_consent_by_category_is_honoured() {
    let bed = bed();
    let mut event = view("c05.example", "/");
    event["consent"] = json!({ "analytics": false, "targeting": true, "social": true });
    let answer = send(&bed.server, &event, &[]);
    assert_eq!((answer.outcome(), answer.header("set-cookie")), ("minimal", None));
    event["consent"] = json!({ "analytics": true, "targeting": true, "social": true });
    let answer = send(&bed.server, &event, &[("x-forwarded-for", "192.0.2.5")]);
    assert_eq!((answer.outcome(), answer.header("set-cookie")), ("counted", None));
    for path in ["/pixel.gif?d=c05.example", "/js/script.js", "/privacy?d=c05.example", "/"] {
        let answer = bed.server.send("GET", path, &[("user-agent", AGENT), ("referer", "https://c05.example/")], b"");
        assert_eq!(answer.header("set-cookie"), None, "{path}");
    }
}

#[test]
fn clause_06_visitors_opt_out_and_their_signals_are_honoured() {
    let bed = bed();
    let event = view("c06.example", "/");
    let out = bed.server.send("POST", "/privacy/optout?d=c06.example", &[("accept", "application/json")], b"");
    let cookie = out.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    assert_eq!(outcome(&bed.server, &event, &[("cookie", &cookie)]), "refused; reason=opted_out");
    for signal in [("sec-gpc", "1"), ("dnt", "1")] {
        assert_eq!(outcome(&bed.server, &event, &[signal]), "minimal", "{signal:?}");
    }
    let mut refusing = event.clone();
    refusing["gpp"] = json!("DBABLA~BVVVVVVVVWA.YA");
    assert_eq!(outcome(&bed.server, &refusing, &[]), "minimal", "GPP");
    assert_eq!(outcome(&bed.server, &event, &[]), "counted");
}

/// Access and portability: a browser asks what is held of it and gets structured JSON. Other formats and other people's
/// data are not to be had.
#[test]
fn clause_07_a_browser_sees_what_is_held_about_it() {
    let bed = bed();
    outcome(&bed.server, &view("c07.example", "/mine"), &[]);
    let me = |agent: &str| {
        let answer = bed.server.send("GET", "/privacy/me?d=c07.example", &[("user-agent", agent)], b"");
        assert_eq!(answer.header("content-type"), Some("application/json"));
        answer.json()
    };
    let mine = me(AGENT);
    assert_eq!(mine["held"][0]["visits"][0]["hits"][0]["page"], "/mine", "{mine}");
    assert!(mine["says"].is_string() && mine["held"][0]["forgotten_at"].is_string());
    assert_eq!(me("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")["held"], json!([]));
}

/// Erasure reverses the counts of the open day; restriction and objection stop processing. Rectification: a count cannot be
/// wrong about anybody, because it is about nobody; the notice says whom to ask.
#[test]
fn clause_08_counts_are_taken_back_and_processing_stops() {
    let bed = bed();
    let post = |path: &str| {
        let headers = [("user-agent", AGENT), ("sec-fetch-site", "same-origin")];
        bed.server.send("POST", &format!("/privacy/{path}?d=c08.example"), &headers, b"")
    };
    outcome(&bed.server, &view("c08.example", "/erased"), &[]);
    let counted = |expected: [i64; 2]| {
        eventually("the counts", || {
            (bed.server.totals("c08.example", &["visitors", "pageviews"]) == expected).then_some(())
        });
    };
    counted([1, 1]);
    assert_eq!(post("erase").json()["erased"], true);
    counted([0, 0]);
    outcome(&bed.server, &view("c08.example", "/kept"), &[]);
    assert_eq!(post("restrict").json()["restricted"], true);
    outcome(&bed.server, &view("c08.example", "/not-processed"), &[]);
    counted([1, 1]);
    let pages = bed.server.breakdown("c08.example", "event:page", &["pageviews"]);
    assert_eq!(pages, [("/kept".to_owned(), vec![1])]);
    let objecting = post("optout");
    let cookie = objecting.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    let refused = outcome(&bed.server, &view("c08.example", "/"), &[("cookie", &cookie)]);
    assert_eq!(refused, "refused; reason=opted_out");
}

#[test]
fn clause_09_consent_is_withdrawn_from_that_moment_on() {
    let bed = bed();
    let mut event = view("c09.example", "/");
    event["consent"] = json!({ "analytics": true });
    assert_eq!(outcome(&bed.server, &event, &[]), "counted");
    event["consent"] = json!({ "analytics": false });
    assert_eq!(outcome(&bed.server, &event, &[]), "minimal");
    assert_eq!(outcome(&bed.server, &event, &[("cookie", "footfall_optout=1")]), "refused; reason=opted_out");
    // What was counted before stays; the view without consent is one without a visitor.
    totals(&bed.server, "c09.example", [2, 1]);
}

#[test]
fn clause_10_nobody_is_profiled_and_no_row_is_a_person() {
    let bed = bed();
    send(&bed.server, &view("c10.example", "/"), &[]);
    totals(&bed.server, "c10.example", [1, 1]);
    assert_eq!(verdict(&bed.server, "known tables and columns"), "holds");
    assert_eq!(verdict(&bed.server, "nothing about a person"), "holds");
    let authorization = format!("Bearer {TOKEN}");
    let headers = [("authorization", authorization.as_str()), ("content-type", "application/json")];
    for dimension in ["visit:visitor_id", "event:user_id", "visit:session_id"] {
        let question = json!({ "site_id": "c10.example", "metrics": ["visitors"], "date_range": "all", "dimensions": [dimension] });
        let answer = bed.server.send("POST", "/api/v2/query", &headers, question.to_string().as_bytes());
        assert_eq!(answer.status, 400, "{dimension}");
    }
}

#[test]
fn clause_11_children_are_counted_without_a_visitor() {
    let bed = bed();
    let mut event = view("c11.example", "/");
    event["child"] = json!(true);
    assert_eq!(outcome(&bed.server, &event, &[]), "minimal");
    event["consent"] = json!({ "analytics": true });
    assert_eq!(outcome(&bed.server, &event, &[]), "minimal", "a child's consent is nobody's");
    totals(&bed.server, "c11.example", [2, 0]);
    assert_eq!(outcome(&bed.server, &view("children.example", "/"), &[]), "minimal");
}

/// That each tier is emptied when its time has come is held with a clock that can be set: `processor` (keys), `journal` (records),
/// `store` (counts). Here: what a running installation shows.
#[test]
fn clause_12_data_is_kept_only_as_long_as_needed() {
    let bed = bed();
    send(&bed.server, &view("c12.example", "/"), &[]);
    for claim in ["an hour's key is destroyed", "sealed records go with their keys", "kept longer than its site says"] {
        assert_eq!(verdict(&bed.server, claim), "holds", "{claim}");
    }
    let text = notice(&bed.server, "&format=md").text();
    assert!(text.contains("27 hours") && text.contains("761 days"), "{text}");
}

#[test]
fn clause_13_the_region_is_disclosed_and_another_stops_the_start() {
    let bed = bed();
    let told = notice(&bed.server, "&format=json").json();
    assert_eq!(told["record_of_processing"]["region"], "JP", "{told}");
    assert_eq!(verdict(&bed.server, "region"), "holds");
    let file = bed.data.path().join("elsewhere.toml");
    fs::write(&file, config().replacen("region = \"JP\"", "region = \"EU\"", 1)).unwrap();
    let output = footfall().args(["serve", "--config"]).arg(file).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(2) && said.contains("told.example: it declares"), "{said}");
}

/// The administrator's token, its digest, and the audit log; accounts, roles and tokens by site are `users.rs`'s. A second factor, OIDC, signed
/// releases and TLS of its own are still to come; TLS is a reverse proxy's until then.
#[test]
fn clause_14_access_is_restricted_and_recorded() {
    let bed = bed();
    let question = json!({ "site_id": "c14.example", "metrics": ["visitors"], "date_range": "all" }).to_string();
    let json = ("content-type", "application/json");
    for authorization in ["", "Bearer wrong", "Basic dGVzdC10b2tlbg=="] {
        let headers = [("authorization", authorization), json];
        assert_eq!(bed.server.send("POST", "/api/v2/query", &headers, question.as_bytes()).status, 401);
        for path in ["/api/v1/prove", "/api/v1/import?site_id=c14.example", "/api/v1/ledger?site_id=c14.example"] {
            assert_eq!(bed.server.send("GET", path, &headers, b"").status, 401, "{path}");
        }
    }
    assert_eq!(verdict(&bed.server, "audit log"), "holds");
    assert_eq!(verdict(&bed.server, "no core dump"), "holds");
}

#[test]
fn clause_15_nothing_is_kept_that_no_report_uses() {
    let bed = bed();
    let told = notice(&bed.server, "&format=md").text();
    assert!(told.contains("improving the site"), "{told}");
    for dimension in model::Dimension::ALL.iter().filter(|dimension| **dimension != model::Dimension::Total) {
        let name = match dimension {
            model::Dimension::Page | model::Dimension::Hostname => format!("event:{}", dimension.as_str()),
            model::Dimension::Event => "event:name".to_owned(),
            model::Dimension::Property => "event:props:plan".to_owned(),
            // What is asked otherwise: a funnel's own question, a page's ways, web vitals.
            model::Dimension::Segment
            | model::Dimension::Goal
            | model::Dimension::Funnel
            | model::Dimension::Step
            | model::Dimension::NextPage
            | model::Dimension::Vital => continue,
            _ => format!("visit:{}", dimension.as_str()),
        };
        bed.server.breakdown("c10.example", &name, &["events"]);
    }
}

#[test]
fn clause_16_requests_have_a_contact_and_the_responsible_are_named() {
    let bed = bed();
    let told = notice(&bed.server, "&format=md").text();
    for said in ["Example KK, Tokyo", "privacy@told.example", "Data Protection Office"] {
        assert!(told.contains(said), "{said} in {told}");
    }
}

#[test]
fn clause_17_the_policy_is_published_and_follows_the_configuration() {
    let bed = bed();
    let (english, japanese) = (notice(&bed.server, "&lang=en").text(), notice(&bed.server, "&lang=ja").text());
    assert!(english.contains("<html lang=\"en\">") && japanese.contains("<html lang=\"ja\">"));
    let record = notice(&bed.server, "&format=json").json();
    assert_eq!(record["record_of_processing"]["modes"]["by_signal"]["gpc"], "minimal");
    let of = |site: &str| bed.server.send("GET", &format!("/privacy?d={site}&format=md"), &[], b"").text();
    assert!(of("told.example").contains("pseudonym") && !of("children.example").contains("pseudonym"));
}
