//! Disks that fail under the engine: what it could not write it has not acknowledged, and what it has merged is there.
//!
//! A limit on the size of files stands for the disk: a write beyond it fails as one on a full disk does, and nobody else is harmed.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rustix::process::{Pid, Resource, Rlimit, prlimit};
use store::Store;
use store::engine::child::{ChildConfig, Engine};

use crate::support::{JUNE, eventually, fetch, flush, program};

/// The engine as a child whose writes can be made to fail: the signal that tells of a file's limit is ignored, so that the write says it.
async fn engine(data: &Path) -> Engine {
    fetch();
    let script = data.join("engine.sh");
    std::fs::write(&script, format!("#!/bin/sh\ntrap '' XFSZ\nexec '{}' \"$@\"\n", program().display())).unwrap();
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
