//! The engine as a supervised process: started again when it dies, gone when its parent is gone.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use store::Store;
use store::engine::EngineError;
use store::engine::child::{ChildConfig, Engine};

use crate::support::{eventually, fetch, program};

/// In whose environment the helper below finds its data directory.
const PARENT: &str = "FOOTFALL_TEST_PARENT";

fn config(data: &std::path::Path) -> ChildConfig {
    fetch();
    ChildConfig { program: program(), data: data.to_owned(), arguments: Vec::new() }
}

#[tokio::test]
async fn a_killed_engine_comes_back_under_the_same_url() {
    let data = tempfile::tempdir().unwrap();
    let engine = Engine::start(config(data.path())).await.unwrap();
    let store = Store::connect(&engine.store_config("footfall"));
    store.migrate().await.unwrap();
    let first = engine.process_id().unwrap();
    assert!(Command::new("kill").args(["-9", &first.to_string()]).status().unwrap().success());
    eventually("another process answers", async || {
        engine.process_id().is_some_and(|id| id != first) && store.ping().await.is_ok()
    })
    .await;
    assert_eq!(engine.restarts(), 1);
    store.migrate().await.unwrap();
    let id = engine.process_id().unwrap();
    engine.stop().await;
    assert!(!std::path::Path::new(&format!("/proc/{id}")).exists());
}

#[tokio::test]
async fn a_stranger_without_the_key_is_refused() {
    let data = tempfile::tempdir().unwrap();
    let engine = Engine::start(config(data.path())).await.unwrap();
    let mut stranger = engine.store_config("footfall");
    stranger.password.clear();
    assert_eq!(Store::connect(&stranger).ping().await.unwrap_err().code(), Some(516));
    let command = std::fs::read(format!("/proc/{}/cmdline", engine.process_id().unwrap())).unwrap();
    let environment = std::fs::read(format!("/proc/{}/environ", engine.process_id().unwrap())).unwrap();
    let key = engine.store_config("footfall").password.into_bytes();
    for visible in [command, environment] {
        assert!(!visible.windows(key.len()).any(|window| window == key));
    }
}

#[tokio::test]
async fn a_program_that_never_becomes_ready_is_named() {
    let data = tempfile::tempdir().unwrap();
    let config = ChildConfig { program: "/nonexistent/footfall".into(), ..config(data.path()) };
    let error = tokio::time::timeout(std::time::Duration::from_secs(60), Engine::start(config)).await.unwrap();
    let Err(EngineError::NotReady { detail }) = error else { panic!("{error:?}") };
    assert!(detail.contains("/nonexistent/footfall"), "{detail}");
}

#[tokio::test]
async fn the_engine_goes_when_its_parent_is_killed() {
    let data = tempfile::tempdir().unwrap();
    fetch();
    let mut parent = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child::parent", "--nocapture"])
        .env(PARENT, data.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(parent.stdout.take().unwrap()).lines();
    let line =
        lines.map_while(Result::ok).find_map(|line| line.split_once("engine ").map(|(_, id)| id.to_owned())).unwrap();
    let process = format!("/proc/{}", line.trim());
    assert!(std::path::Path::new(&process).exists());
    parent.kill().unwrap();
    parent.wait().unwrap();
    eventually("the engine has gone", async || !std::path::Path::new(&process).exists()).await;
    // The directory is free again.
    Engine::start(config(data.path())).await.unwrap().stop().await;
}

/// Not a case of its own: the parent that the case above kills.
#[tokio::test]
async fn parent() {
    let Some(data) = std::env::var_os(PARENT) else { return };
    let engine = Engine::start(config(std::path::Path::new(&data))).await.unwrap();
    println!("engine {}", engine.process_id().unwrap());
    std::future::pending::<()>().await;
}
