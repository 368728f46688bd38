//! A real visit in Chromium to the demo page, counted by the real tracker and shown by the real dashboard.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use serde_json::Value;

use crate::harness::{Server, eventually};

/// Where the browser's scripts are, with what they need installed; once, because an installation removes the one before.
pub static SCRIPTS: LazyLock<PathBuf> = LazyLock::new(|| {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser");
    let installed = Command::new("npm").args(["ci", "--silent"]).current_dir(&directory).status().unwrap();
    assert!(installed.success(), "npm could not install playwright-core");
    directory
});

#[test]
fn a_visit_in_chromium_is_counted_and_appears_in_the_dashboard() {
    let data = tempfile::tempdir().unwrap();
    let config = "demo_page = \"example.com\"\n[[site]]\ndomain = \"example.com\"\npublic = true\n";
    let server = Server::configured(data.path(), config);
    let visit = Command::new("node").arg("visit.mjs").arg(server.url()).current_dir(&*SCRIPTS).output().unwrap();
    assert!(visit.status.success(), "{}", String::from_utf8_lossy(&visit.stderr));
    let seen: Value = serde_json::from_slice(&visit.stdout).unwrap();
    assert_eq!((&seen["cookies"], &seen["stored"]), (&0.into(), &0.into()), "{seen}");
    assert_eq!((&seen["elsewhere"], &seen["errors"]), (&Value::Array(vec![]), &Value::Array(vec![])), "{seen}");
    eventually("two page views and an event of one visitor", || {
        (server.totals("example.com", &["visitors", "pageviews", "events"]) == [1, 2, 3]).then_some(())
    });
    server.stop();
}
