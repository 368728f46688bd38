//! Disks that fail under the engine: what it could not write it has not acknowledged, and what it has merged is there.
//!
//! A limit on the size of files stands for the disk: a write beyond it fails as one on a full disk does, and nobody else is harmed.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::{Pid, Resource, Rlimit, prlimit};
use store::Store;
use store::engine::child::{ChildConfig, Engine};

use crate::support::{JUNE, eventually, fetch, flush, program};

/// The engine as a child whose writes can be made to fail: the signal that tells of a file's limit is ignored, so that the write says it. It
/// starts with a limit of nothing where there is a file `full`.
async fn engine(data: &Path) -> Engine {
    fetch();
    let script = data.join("engine.sh");
    let (full, program) = (data.join("full"), program().display().to_string());
    let lines =
        format!("#!/bin/sh\ntrap '' XFSZ\n[ -e '{}' ] && ulimit -f 0\nexec '{program}' \"$@\"\n", full.display());
    std::fs::write(&script, lines).unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o700)).unwrap();
    Engine::start(ChildConfig { program: script, data: data.join("engine"), arguments: Vec::new() }).await.unwrap()
}

/// From now on this process's files end after `bytes`; the next process has no limit.
fn limit(engine: &Engine, bytes: u64) {
    let id = Pid::from_raw(engine.process_id().unwrap().try_into().unwrap());
    prlimit(id, Resource::Fsize, Rlimit { current: Some(bytes), maximum: None }).unwrap();
}

async fn insert(store: &Store, token: &str) {
    eventually("the insert is acknowledged", async || match store.insert(token, &flush([JUNE], 40)).await {
        Ok(()) => true,
        Err(error) => {
            assert!(error.retry(), "{error}");
            false
        }
    })
    .await;
}

async fn ask(engine: &Engine, sql: &str) -> Result<String, String> {
    let key = engine.store_config("footfall").password;
    let request = http::Request::post(format!("{}/?database=footfall", engine.url())).header("X-ClickHouse-Key", key);
    let answer = crate::support::send(request, sql.to_owned().into()).await?;
    let text = String::from_utf8_lossy(answer.body()).trim().to_owned();
    if answer.status() == 200 { Ok(text) } else { Err(text) }
}

#[tokio::test]
async fn an_insert_that_cannot_be_written_is_not_acknowledged_and_counts_once_when_it_is_repeated() {
    let data = tempfile::tempdir().unwrap();
    let engine = engine(data.path()).await;
    let store = Store::connect(&engine.store_config("footfall"));
    store.migrate().await.unwrap();
    insert(&store, "first").await;
    for (fault, bytes) in [0, 1, 20, 64, 100, 200, 400, 700].into_iter().enumerate() {
        limit(&engine, bytes);
        insert(&store, &bytes.to_string()).await;
        assert_eq!(engine.restarts(), fault as u64 + 1, "{bytes} bytes: the engine went on");
        let counted = ask(&engine, "SELECT sum(pageviews) FROM counts").await.unwrap();
        assert_eq!(counted, ((fault + 2) * 120).to_string(), "{bytes} bytes");
    }
    engine.stop().await;
}

#[tokio::test]
async fn a_merge_that_cannot_be_written_leaves_what_it_was_made_of() {
    let data = tempfile::tempdir().unwrap();
    let engine = engine(data.path()).await;
    let store = Store::connect(&engine.store_config("footfall"));
    store.migrate().await.unwrap();
    for (fault, bytes) in [0, 64, 400].into_iter().enumerate() {
        ask(&engine, "SYSTEM STOP MERGES counts").await.unwrap();
        for part in ["a", "b"] {
            insert(&store, &format!("{fault}{part}")).await;
        }
        limit(&engine, bytes);
        let merged = ask(&engine, "SYSTEM START MERGES counts").await;
        let merged = merged.and(ask(&engine, "OPTIMIZE TABLE counts FINAL").await);
        assert!(merged.is_err(), "{bytes} bytes: {merged:?}");
        let all = ((fault + 1) * 240).to_string();
        eventually("all of it is there", async || {
            ask(&engine, "SELECT sum(pageviews) FROM counts").await.is_ok_and(|sum| sum == all)
        })
        .await;
        assert_eq!(engine.restarts(), fault as u64 + 1, "{bytes} bytes: the engine went on");
    }
    engine.stop().await;
}

#[tokio::test]
async fn an_engine_that_starts_on_a_full_disk_answers_and_keeps_nothing() {
    let data = tempfile::tempdir().unwrap();
    let engine = engine(data.path()).await;
    let store = Store::connect(&engine.store_config("footfall"));
    store.migrate().await.unwrap();
    insert(&store, "first").await;
    let full = data.path().join("full");
    std::fs::write(&full, "").unwrap();
    let first = engine.process_id().unwrap();
    assert!(Command::new("kill").args(["-9", &first.to_string()]).status().unwrap().success());
    let counted = async || ask(&engine, "SELECT sum(pageviews) FROM counts").await;
    for restarts in 1..4 {
        // A merge of its own may end it as well.
        let counted = async || engine.restarts() >= restarts && counted().await.is_ok_and(|sum| sum == "120");
        eventually("it answers", counted).await;
        let error = store.insert("second", &flush([JUNE], 40)).await.unwrap_err();
        assert!(error.retry(), "{error}");
    }
    std::fs::remove_file(full).unwrap();
    insert(&store, "second").await;
    eventually("it is counted", async || counted().await.is_ok_and(|sum| sum == "240")).await;
    engine.stop().await;
}

/// The engine with a record of what it syncs and renames.
async fn recorded(data: &Path) -> (Engine, PathBuf) {
    fetch();
    let (library, calls) = (data.join("calls.so"), data.join("calls"));
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/calls.c");
    let mut compiler = Command::new("cc");
    compiler.args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).arg(source).arg("-ldl");
    assert!(compiler.status().expect("a C compiler, as for the build").success());
    let script = data.join("engine.sh");
    let (program, library) = (program().display().to_string(), library.display());
    let lines = format!("#!/bin/sh\nexec env CALLS='{}' LD_PRELOAD='{library}' '{program}' \"$@\"\n", calls.display());
    std::fs::write(&script, lines).unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o700)).unwrap();
    let config = ChildConfig { program: script, data: data.join("engine"), arguments: Vec::new() };
    (Engine::start(config).await.unwrap(), calls)
}

#[tokio::test]
async fn a_merge_is_on_the_disk_before_it_has_its_name() {
    let data = tempfile::tempdir().unwrap();
    let (engine, calls) = recorded(data.path()).await;
    let store = Store::connect(&engine.store_config("footfall"));
    store.migrate().await.unwrap();
    for token in ["a", "b"] {
        insert(&store, token).await;
    }
    for table in ["counts", "ledger"] {
        ask(&engine, &format!("OPTIMIZE TABLE {table} FINAL")).await.unwrap();
        let part = format!(
            "SELECT path FROM system.parts WHERE database = 'footfall' AND table = '{table}' AND active AND level > 0"
        );
        let part = ask(&engine, &part).await.unwrap();
        let part = part.trim_end_matches('/');
        let calls = std::fs::read_to_string(&calls).unwrap();
        // Inside of it, so that its temporary name is known by where it went.
        let renamed = |line: &&str| {
            line.strip_prefix("rename ").is_some_and(|names| names.trim_end().trim_end_matches('/').ends_with(part))
        };
        let rename = calls.lines().find(renamed).unwrap_or_else(|| panic!("{part}: {calls}"));
        let (before, _) = calls.split_once(rename).unwrap();
        let temporary = rename.split(' ').nth(1).unwrap().trim_end_matches('/');
        let mut files = 0;
        // What is in the directory of the months' sums is not synced: `months::where_a_power_cut_took_the_months_the_days_are_told`.
        for file in std::fs::read_dir(part).unwrap() {
            let synced = format!("sync {temporary}/{} \n", file.unwrap().file_name().display());
            assert!(before.contains(&synced), "{table}: {synced}");
            files += 1;
        }
        assert!(files > 5, "{files}");
    }
    engine.stop().await;
}
