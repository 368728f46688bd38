//! A client that somebody made for Plausible's Stats API, as its users use it, against a real server. It is installed from
//! npm beside its script, at the version of its lock file.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::harness::{AGENT, Server, TOKEN, eventually};

const SITE: &str = "example.com";

fn install() -> &'static Path {
    let directory = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients"));
    let installed = Command::new("npm").args(["ci", "--silent"]).current_dir(directory).status().unwrap();
    assert!(installed.success(), "npm could not install the package plausible");
    directory
}

#[test]
fn a_client_made_for_plausible_is_answered() {
    let scripts = install();
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &[SITE]);
    let hit = |agent: &str, name: &str, path: &str| {
        let event = json!({ "name": name, "url": format!("https://{SITE}{path}"), "domain": SITE });
        let headers = [("user-agent", agent), ("content-type", "application/json")];
        assert_eq!(server.send("POST", "/api/event", &headers, event.to_string().as_bytes()).status, 202);
    };
    let other = AGENT.replace("Windows NT 10.0; Win64; x64", "X11; Linux x86_64");
    for (agent, name, path) in [
        (AGENT, "pageview", "/"),
        (AGENT, "pageview", "/pricing"),
        (AGENT, "Signup", "/pricing"),
        (&other, "pageview", "/"),
    ] {
        hit(agent, name, path);
    }
    eventually("the hits in the counts", || {
        (server.totals(SITE, &["visitors", "pageviews", "events"]) == [2, 3, 4]).then_some(())
    });
    // Who is there now is written after what was counted.
    let authorization = format!("Bearer {TOKEN}");
    let now = format!("/api/v1/stats/realtime/visitors?site_id={SITE}");
    eventually("both visitors now", || {
        (server.send("GET", &now, &[("authorization", &authorization)], b"").text().trim() == "2").then_some(())
    });
    let asked = Command::new("node")
        .arg("plausible.mjs")
        .args([&server.url(), TOKEN, SITE])
        .current_dir(scripts)
        .output()
        .unwrap();
    assert!(asked.status.success(), "{}", String::from_utf8_lossy(&asked.stderr));
    let understood: Value = serde_json::from_slice(&asked.stdout).unwrap();
    assert_eq!(understood["realtime"], 2);
    assert_eq!(understood["aggregate"], json!({ "value": 2, "change": 100 }));
    assert_eq!(understood["filtered"], json!({ "value": 1 }));
    let days = understood["timeseries"].as_array().unwrap();
    assert_eq!((days.len(), days.iter().filter_map(|day| day["visitors"].as_i64()).sum()), (7, 2_i64));
    assert_eq!(understood["breakdown"], json!([{ "page": "/", "visitors": 2 }, { "page": "/pricing", "visitors": 1 }]));
    assert_eq!(understood["goals"], json!([{ "goal": "Signup", "visitors": 1 }]));
    // What cannot be answered reaches the client's user as the sentence that teaches.
    assert!(understood["refused"].as_str().unwrap().contains("`time_on_page`"), "{understood}");
    server.stop();
}
