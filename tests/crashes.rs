//! `kill -9` of any process of the tree, at random, while hits are sent; then every hit is counted, and once.
//!
//! Senders behave as a careful client does: an unanswered batch is sent again with the same ids. So the numbers at the end
//! are known exactly, however the crashes fell.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::distributed::figure;
use crate::harness::{AGENT, Server, eventually};

const HITS: u64 = 200_000;
const BATCH: u64 = 100;
const KILLS: u32 = 10;
const VISITORS: u64 = 1_500;
const CONFIG: &str = "trusted_proxies = [\"127.0.0.0/8\"]\n[[site]]\ndomain = \"example.com\"\n";

/// Numbers that are different in every run, and printed, so that a failing run can be told from others.
fn seed() -> u64 {
    let since = std::fs::metadata("/proc/self").unwrap().modified().unwrap();
    since.duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos() as u64 | 1
}

fn next(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

/// The ids of the processes below `parent`, whichever of its threads started them.
fn children(parent: u32) -> Vec<u32> {
    let threads = std::fs::read_dir(format!("/proc/{parent}/task")).into_iter().flatten().flatten();
    let texts = threads.map(|thread| std::fs::read_to_string(thread.path().join("children")).unwrap_or_default());
    texts.flat_map(|text| text.split_whitespace().map(|id| id.parse().unwrap()).collect::<Vec<_>>()).collect()
}

fn batch(number: u64) -> Vec<u8> {
    let event = |hit: u64| {
        json!({
            "name": "pageview", "domain": "example.com", "id": format!("{:016x}", hit + 1),
            "url": format!("https://example.com/{}", hit % 50),
        })
    };
    Value::Array((number * BATCH..(number + 1) * BATCH).map(event).collect()).to_string().into_bytes()
}

/// Sends batches until none is left; each until it is acknowledged.
fn send(address: &Mutex<Option<String>>, data: &Path, numbers: &AtomicU64) {
    loop {
        let number = numbers.fetch_add(1, Ordering::Relaxed);
        if number >= HITS / BATCH {
            return;
        }
        let body = batch(number);
        let visitor = number % VISITORS;
        let from = format!("100.64.{}.{}", visitor / 250, visitor % 250 + 1);
        let headers = [("user-agent", AGENT), ("content-type", "application/json"), ("x-forwarded-for", from.as_str())];
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let known = address.lock().unwrap().clone();
            let answer =
                known.and_then(|address| crate::harness::request(&address, "POST", "/api/event", &headers, &body).ok());
            if answer.is_some_and(|answer| answer.status == 202) {
                break;
            }
            assert!(Instant::now() < deadline, "nobody takes hits in {}", data.display());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

#[test]
fn kill_9_of_any_process_loses_nothing_and_doubles_nothing() {
    let data = tempfile::tempdir().unwrap();
    let mut random = seed();
    eprintln!("seed {random}");
    let mut server = Server::configured(data.path(), CONFIG);
    let address = Mutex::new(Some(server.address.clone()));
    let numbers = AtomicU64::new(0);
    let mut killed = BTreeSet::new();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| send(&address, data.path(), &numbers));
        }
        for _ in 0..KILLS {
            std::thread::sleep(Duration::from_millis(200 + next(&mut random) % 1_000));
            let mut victims = children(server.child.id());
            victims.push(server.child.id());
            let victim = victims[usize::try_from(next(&mut random)).unwrap() % victims.len()];
            let whole = victim == server.child.id();
            killed.insert(whole);
            if whole {
                *address.lock().unwrap() = None;
                server.child.kill().unwrap();
                server.child.wait().unwrap();
                server = Server::configured(data.path(), CONFIG);
                *address.lock().unwrap() = Some(server.address.clone());
            } else {
                assert!(
                    std::process::Command::new("kill").args(["-9", &victim.to_string()]).status().unwrap().success()
                );
            }
        }
    });
    let expected = [i64::try_from(HITS).unwrap(), i64::try_from(VISITORS).unwrap()];
    let mut seen = Vec::new();
    eventually(&format!("{expected:?} page views and visitors, killed {killed:?}"), || {
        seen = server.try_totals("example.com", &["pageviews", "visitors", "visits"])?;
        eprintln!("{seen:?}");
        (seen[..2] == expected).then_some(())
    });
    // Nothing trickles in afterwards: a double would show as more.
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(server.totals("example.com", &["pageviews", "visitors"]), expected);
    server.stop();
}

#[test]
fn an_engine_that_is_killed_comes_back_and_its_end_is_counted() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::configured(directory.path(), CONFIG);
    for ends in 1..=2 {
        let engine = *children(server.child.id()).first().unwrap();
        assert!(std::process::Command::new("kill").args(["-9", &engine.to_string()]).status().unwrap().success());
        eventually("the engine answers", || {
            let is_new = children(server.child.id()).iter().any(|id| *id != engine);
            (is_new && server.try_totals("example.com", &["visitors"]).is_some()).then_some(())
        });
        assert_eq!(figure(&server, "footfall_engine_restarts_total"), f64::from(ends));
    }
    server.kill();
}
