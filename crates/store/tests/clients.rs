//! Clients that nobody here wrote, as their users would use them: `clickhouse-connect` from Python, `@clickhouse/client`
//! from Node.js. What they need is installed into the cache, once, and said.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::Host;

/// Pinned, so that a new release of a client does not fail an old commit.
const PYTHON_CLIENT: &str = "clickhouse-connect==1.12.0";
const NODE_CLIENT: &str = "@clickhouse/client@1.23.1";

fn cache() -> PathBuf {
    // The library lies in the cache, one directory down.
    store::engine::library_path().parent().unwrap().parent().unwrap().to_owned()
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients").join(name)
}

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{command:?}\n{}", String::from_utf8_lossy(&said));
}

#[tokio::test]
async fn python_clickhouse_connect() {
    let directory = cache().join(format!("test-{}", PYTHON_CLIENT.replace("==", "-")));
    let python = directory.join("bin/python");
    if !directory.join("installed").exists() {
        eprintln!("installing {PYTHON_CLIENT} with pip into {}", directory.display());
        run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&directory));
        run(Command::new(&python).args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            PYTHON_CLIENT,
        ]));
        std::fs::write(directory.join("installed"), "").unwrap();
    }
    let host = Host::start();
    run(Command::new(python).arg(script("connect.py")).arg(&host.url));
}

#[tokio::test]
async fn node_clickhouse_client() {
    let directory = cache().join(format!("test-{}", NODE_CLIENT.replace(['@', '/'], "-")));
    if !directory.join("installed").exists() {
        eprintln!("installing {NODE_CLIENT} with npm into {}", directory.display());
        std::fs::create_dir_all(&directory).unwrap();
        let prefix = ["install", "--silent", "--no-audit", "--no-fund", "--prefix"];
        run(Command::new("npm").args(prefix).arg(&directory).arg(NODE_CLIENT));
        std::fs::write(directory.join("installed"), "").unwrap();
    }
    let host = Host::start();
    run(Command::new("node")
        .arg(script("client.mjs"))
        .arg(&host.url)
        .env("NODE_CLIENT", directory.join("node_modules")));
}
