//! A real visit in Chromium to the demo page, counted by the real tracker and shown by the real dashboard.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use serde_json::Value;

use crate::harness::{Server, eventually};

/// Where the scripts are, with what they need installed; once, because an installation removes the one before.
static SCRIPTS: LazyLock<PathBuf> = LazyLock::new(|| {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser");
    let installed = Command::new("npm").args(["ci", "--silent"]).current_dir(&directory).status().unwrap();
    assert!(installed.success(), "npm could not install playwright-core");
    directory
});

/// Runs a script in the browser, fails with what it says, and answers what it saw.
pub fn run(script: &str, arguments: &[&str]) -> Value {
    let ran = Command::new("node").arg(script).args(arguments).current_dir(&*SCRIPTS).output().unwrap();
    assert!(ran.status.success(), "{script} {arguments:?}: {}", String::from_utf8_lossy(&ran.stderr));
    serde_json::from_slice(&ran.stdout).unwrap()
}

/// Makes visits to a server that believes its proxy, each in a browser of its own with the tracker. What a visit is says `visits.mjs`.
pub fn visits(server: &Server, visits: &[Value]) {
    run("visits.mjs", &[&server.url(), &Value::from(visits).to_string()]);
}

#[test]
fn a_visit_in_chromium_is_counted_and_appears_in_the_dashboard() {
    let data = tempfile::tempdir().unwrap();
    let config = "demo_page = \"example.com\"\n[[site]]\ndomain = \"example.com\"\npublic = true\n";
    let server = Server::configured(data.path(), config);
    let seen = run("visit.mjs", &[&server.url()]);
    assert_eq!((&seen["cookies"], &seen["stored"]), (&0.into(), &0.into()), "{seen}");
    assert_eq!((&seen["elsewhere"], &seen["errors"]), (&Value::Array(vec![]), &Value::Array(vec![])), "{seen}");
    eventually("two page views and an event of one visitor", || {
        (server.totals("example.com", &["visitors", "pageviews", "events"]) == [1, 2, 3]).then_some(())
    });
    server.stop();
}
