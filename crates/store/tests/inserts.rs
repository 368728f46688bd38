//! Exactly once: whatever is repeated, restarted or killed, every flush is counted once.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use model::{Changes, Loss, LostLine, Millis};
use store::ROWS_PER_INSERT_MAX;
use store::Store;
use store::engine::child::{ChildConfig, Engine};
use store::questions::LostSum;

use crate::support::{Host, JUNE, cell, eventually, fetch, flush, program, totals};

#[tokio::test]
async fn a_flush_repeated_with_its_token_is_counted_once_and_with_another_token_again() {
    let host = Host::start();
    let store = host.store();
    store.migrate().await.unwrap();
    let changes = flush([JUNE], 100);
    for _ in 0..3 {
        store.insert("first", &changes).await.unwrap();
    }
    assert_eq!(totals(&host).await, [300, 5, 1]);
    store.insert("second", &changes).await.unwrap();
    assert_eq!(totals(&host).await, [600, 10, 2]);
}

#[tokio::test]
async fn the_order_of_a_repetition_does_not_matter() {
    let host = Host::start();
    let store = host.store();
    store.migrate().await.unwrap();
    let mut changes = flush([JUNE - 1, JUNE], 100);
    store.insert("first", &changes).await.unwrap();
    changes.cells.reverse();
    store.insert("first", &changes).await.unwrap();
    assert_eq!(totals(&host).await, [600, 5, 1]);
}

#[tokio::test]
async fn lost_records_are_written_once_with_their_flush_and_read_by_the_hour() {
    let host = Host::start();
    let store = host.store();
    store.migrate().await.unwrap();
    let hour = i64::from(JUNE) * 24;
    let line = |hour, loss, records| LostLine { hour, loss, records };
    let mut changes = flush([JUNE], 10);
    changes.lost = vec![line(hour, Loss::Expired, 3), line(hour, Loss::Forged, 1), line(hour + 1, Loss::Expired, 5)];
    for _ in 0..3 {
        store.insert("first", &changes).await.unwrap();
    }
    let more = Changes { lost: vec![line(hour, Loss::Expired, 4)], ..Changes::default() };
    store.insert("second", &more).await.unwrap();
    let at = |hour: i64, minutes: i64| Millis((hour * 60 + minutes) * 60_000);
    let sum = |hour, reason: &str, records| LostSum { hour: at(hour, 0), reason: reason.to_owned(), records };
    let all = [sum(hour, "expired", 7), sum(hour, "forged", 1), sum(hour + 1, "expired", 5)];
    // A span takes every hour that it touches, and none before or behind it.
    assert_eq!(store.lost(at(hour, 30), at(hour + 1, 1)).await.unwrap(), all);
    assert_eq!(store.lost(at(hour, 30), at(hour + 1, 0)).await.unwrap(), all[..2]);
    assert_eq!(store.lost(at(hour + 1, 59), at(hour + 9, 0)).await.unwrap(), all[2..]);
    assert_eq!(store.lost(at(hour - 9, 0), at(hour, 0)).await.unwrap(), []);
    assert_eq!(totals(&host).await, [30, 5, 1]);
}

#[tokio::test]
async fn a_killed_engine_remembers_its_tokens() {
    let host = Host::start();
    host.store().migrate().await.unwrap();
    let changes = flush([JUNE], 100);
    host.store().insert("first", &changes).await.unwrap();
    let host = host.killed_and_restarted();
    host.store().insert("first", &changes).await.unwrap();
    assert_eq!(totals(&host).await, [300, 5, 1]);
}

#[tokio::test]
async fn a_repetition_adds_the_chunks_that_were_not_written() {
    let host = Host::start();
    let store = host.store();
    store.migrate().await.unwrap();
    // May was written, then the process died: the repetition finds May and adds June.
    let may = flush([JUNE - 1], 100);
    store.insert("first", &Changes { cells: may.cells, ..Changes::default() }).await.unwrap();
    assert_eq!(host.ask("SELECT sum(pageviews) FROM counts").await, "300");
    store.insert("first", &flush([JUNE - 1, JUNE], 100)).await.unwrap();
    assert_eq!(totals(&host).await, [600, 5, 1]);
}

#[tokio::test]
async fn every_chunk_is_one_part() {
    let host = Host::start();
    let store = host.store();
    store.migrate().await.unwrap();
    host.ask("SYSTEM STOP MERGES").await;
    let changes = flush([JUNE - 1, JUNE], ROWS_PER_INSERT_MAX + 1);
    store.insert("first", &changes).await.unwrap();
    store.insert("first", &changes).await.unwrap();
    let parts =
        host.ask("SELECT count(), sum(rows), max(rows) FROM system.parts WHERE table = 'counts' AND active").await;
    assert_eq!(parts, format!("4\t{}\t{}", 2 * ROWS_PER_INSERT_MAX + 2, ROWS_PER_INSERT_MAX));
}

#[tokio::test]
async fn a_token_without_its_rows_is_forgotten() {
    let host = Host::start();
    let store = host.store();
    store.migrate().await.unwrap();
    host.ask("SYSTEM STOP MERGES").await;
    store.insert("first", &flush([JUNE], 10)).await.unwrap();
    let changes = flush([JUNE], 100);
    store.insert("second", &changes).await.unwrap();
    let data = host.kill();
    // What a kill between the engine's note and the rows' appearance leaves behind.
    // The third block: the first number went to the mutation that a migration asked for.
    let part = part_of_counts(&data.path().join("store"), "202606_3_3_1");
    fs::remove_dir_all(part).unwrap();
    let host = Host::on(data);
    host.store().insert("second", &changes).await.unwrap();
    host.store().insert("first", &flush([JUNE], 10)).await.unwrap();
    assert_eq!(totals(&host).await, [330, 10, 2]);
}

/// The directory of a part of the counts: they are the table whose rows have page views.
fn part_of_counts(store: &Path, name: &str) -> PathBuf {
    let below = |path: &Path| fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
    let parts: Vec<PathBuf> = below(store)
        .iter()
        .flat_map(|group| below(group))
        .flat_map(|table| fs::read_dir(table).into_iter().flatten().map(|entry| entry.unwrap().path()))
        .collect();
    let wanted = |part: &&PathBuf| {
        part.file_name().is_some_and(|found| found == name)
            && fs::read_to_string(part.join("columns.txt")).is_ok_and(|columns| columns.contains("pageviews"))
    };
    parts.iter().find(wanted).unwrap_or_else(|| panic!("{name} is not among {parts:?}")).clone()
}

/// Flushes go on while the engine is killed twelve times; each is repeated until it is acknowledged.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_in_the_middle_of_inserts_lose_nothing_and_count_nothing_twice() {
    const KILLS: u64 = 12;
    fetch();
    let data = tempfile::tempdir().unwrap();
    let config = ChildConfig { program: program(), data: data.path().to_owned(), arguments: Vec::new() };
    let engine = Engine::start(config).await.unwrap();
    let store = Store::connect(&engine.store_config("footfall"));
    store.migrate().await.unwrap();
    let killing = async {
        for kill in 0..KILLS {
            eventually("the engine answers", async || engine.restarts() == kill && store.ping().await.is_ok()).await;
            // Spread over the phases of a flush, which takes about 50 ms, and of the first one after a start.
            tokio::time::sleep(Duration::from_millis(20 + 211 * (kill + 1) % 499)).await;
            let id = engine.process_id().unwrap().to_string();
            assert!(Command::new("kill").args(["-9", &id]).status().unwrap().success());
        }
    };
    let killed = AtomicBool::new(false);
    let inserting = async {
        let (mut flushes, mut repetitions) = (0, 0);
        while !killed.load(Ordering::Relaxed) {
            let mut changes = flush([JUNE - 1, JUNE], 500);
            changes.cells.push(cell(JUNE, &format!("/only/{flushes}"), 1));
            while let Err(error) = store.insert(&format!("flush/{flushes}"), &changes).await {
                assert!(error.retry(), "{error}");
                repetitions += 1;
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            flushes += 1;
        }
        (flushes, repetitions)
    };
    let stopping = async {
        killing.await;
        killed.store(true, Ordering::Relaxed);
    };
    let ((flushes, repetitions), ()) = tokio::join!(inserting, stopping);
    println!("{flushes} flushes, {repetitions} repetitions, {} kills", engine.restarts());
    assert!(repetitions > 0);
    engine.stop().await;
    let host = Host::on(data);
    assert_eq!(totals(&host).await, [flushes * (2 * 500 * 3 + 1), flushes * 5, flushes]);
    let once = "SELECT value FROM counts WHERE value LIKE '/only/%' GROUP BY value HAVING sum(pageviews) = 1";
    assert_eq!(host.ask(&format!("SELECT count() FROM ({once})")).await, flushes.to_string());
}
