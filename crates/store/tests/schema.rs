//! Migrations, live visitors, import marks, and what errors say.

use model::{Changes, Domain, LiveLine, Millis, ReachedLine};
use store::{ImportMark, Schema, Store, StoreConfig, StoreError};

use crate::proxy::Proxy;
use crate::support::{Host, JUNE, eventually, flush, site, totals};

/// How many there are.
fn migrations() -> String {
    let files = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/sql/migrations")).unwrap();
    files.count().to_string()
}

#[tokio::test]
async fn migrations_can_be_repeated_and_run_twice_at_once() {
    let host = Host::start();
    let (first, second) = (host.store(), host.store());
    let (one, other) = tokio::join!(first.migrate(), second.migrate());
    one.unwrap();
    other.unwrap();
    first.migrate().await.unwrap();
    assert_eq!(host.ask("SELECT uniqExact(name) FROM migrations").await, migrations());
    first.insert("a", &flush([JUNE], 1)).await.unwrap();
}

#[tokio::test]
async fn a_migration_that_was_killed_half_way_is_done_again() {
    let host = Host::start();
    host.store().migrate().await.unwrap();
    // As if killed between the third migration's statement and its note, and before the fourth.
    host.ask("ALTER TABLE migrations DELETE WHERE name > '0003' SETTINGS mutations_sync = 2").await;
    host.ask("DROP TABLE imports").await;
    let host = host.killed_and_restarted();
    host.store().migrate().await.unwrap();
    assert_eq!(host.ask("SELECT uniqExact(name) FROM migrations").await, migrations());
    assert!(host.store().import_marks(&site()).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_database_of_another_version_is_refused() {
    let host = Host::start();
    host.store().migrate().await.unwrap();
    host.ask("ALTER TABLE migrations DELETE WHERE name = '0001_counts' SETTINGS mutations_sync = 2").await;
    host.ask("INSERT INTO migrations (name, sha256) VALUES ('0001_counts', 'other')").await;
    let refused = host.store().migrate().await.unwrap_err();
    assert!(matches!(&refused, StoreError::MigrationChanged { name } if name == "0001_counts"), "{refused}");
    assert!(!refused.retry());
}

#[tokio::test]
async fn live_visitors_are_the_partitions_latest_lines() {
    let host = Host::start();
    let store = host.store();
    store.migrate().await.unwrap();
    // The table forgets after two hours of the engine's own clock, so this must be now.
    let now = Millis(host.ask("SELECT toUnixTimestamp(now())").await.parse::<i64>().unwrap() * 1_000);
    let line = |seconds: i64, partition, visitors| LiveLine {
        site: site(),
        at: now.plus(seconds * 1_000),
        partition,
        visitors,
    };
    let live = vec![line(-70, 0, 9), line(-10, 0, 3), line(-65, 1, 4), line(-400, 2, 50), line(30, 0, 100)];
    store.insert("a", &Changes { live, ..Changes::default() }).await.unwrap();
    assert_eq!(store.live(&site(), now).await.unwrap(), 7);
    assert_eq!(store.live(&Domain::parse("other.org").unwrap(), now).await.unwrap(), 0);
}

#[tokio::test]
async fn live_minutes_are_each_minutes_latest_lines_and_a_silent_minute_is_none() {
    let host = Host::start();
    let store = host.store();
    store.migrate().await.unwrap();
    let now = host.ask("SELECT toUnixTimestamp(toStartOfMinute(now()))").await.parse::<i64>().unwrap() * 1_000 + 30_000;
    let now = Millis(now);
    let line = |seconds: i64, partition, visitors| LiveLine {
        site: site(),
        at: now.plus(seconds * 1_000),
        partition,
        visitors,
    };
    // This minute, the one before from two partitions, none in the third, the first of the half hour, and one too old.
    let live = vec![
        line(-10, 0, 3),
        line(-40, 0, 5),
        line(-70, 0, 9),
        line(-45, 1, 4),
        line(-29 * 60 - 25, 1, 6),
        line(-31 * 60, 1, 99),
        line(20, 0, 100),
    ];
    store.insert("a", &Changes { live, ..Changes::default() }).await.unwrap();
    let minutes = store.live_minutes(&site(), now).await.unwrap();
    let told: Vec<_> = minutes.iter().map(|line| (line.minute - now.minute(), line.visitors)).collect();
    assert_eq!(told, [(-29, 6), (-1, 9), (0, 3)]);
}

#[tokio::test]
async fn the_counts_are_complete_up_to_the_partition_that_is_furthest_behind() {
    let host = Host::start();
    let store = host.store();
    store.migrate().await.unwrap();
    let now = Millis(4_000_000_000_000);
    assert_eq!(store.complete_to(now).await.unwrap(), None);
    let reached = async |token: &str, partition, at| {
        let reached = Some(ReachedLine { partition, at });
        store.insert(token, &Changes { reached, ..Changes::default() }).await.unwrap();
    };
    reached("a", 0, now.plus(-90_001)).await;
    reached("b", 1, now.plus(-7_001)).await;
    assert_eq!(store.complete_to(now).await.unwrap(), Some(now.plus(-90_001)));
    reached("c", 0, now.plus(-1)).await;
    assert_eq!(store.complete_to(now).await.unwrap(), Some(now.plus(-7_001)));
    // A partition that has been silent for longer than records live holds nothing up.
    reached("d", 2, now.plus(-29 * 3_600_000)).await;
    assert_eq!(store.complete_to(now).await.unwrap(), Some(now.plus(-7_001)));
    assert_eq!(host.ask("SELECT count() FROM reached FINAL").await, "3");
}

fn mark(bytes: u64, done: bool) -> ImportMark {
    ImportMark { bytes, sha256: [u8::try_from(bytes).unwrap(); 32], hits_wait: false, fold_version: 1, done }
}

#[tokio::test]
async fn an_import_mark_is_kept_once_and_once_done_stays_done() {
    let host = Host::start();
    let store = host.store();
    store.migrate().await.unwrap();
    let waiting = |done| ImportMark { hits_wait: true, ..mark(10, done) };
    let notes = [mark(10, false), mark(200, false), mark(10, true), waiting(false), mark(10, false), mark(10, true)];
    for mark in notes {
        store.note_import(&site(), &mark).await.unwrap();
    }
    let expected = [mark(200, false), mark(10, true), waiting(false)];
    assert_eq!(store.import_marks(&site()).await.unwrap(), expected);
    host.ask("OPTIMIZE TABLE imports FINAL").await;
    assert_eq!(store.import_marks(&site()).await.unwrap(), expected, "also when rows of one key are merged");
    assert!(store.import_marks(&Domain::parse("other.org").unwrap()).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_mark_of_before_inserts_were_noted_as_begun_says_done() {
    let host = Host::start();
    let store = host.store();
    store.migrate().await.unwrap();
    // The table as it was, with a mark; then its migration, twice.
    host.ask("DROP TABLE imports").await;
    let before = include_str!("../sql/migrations/0004_imports.sql");
    host.ask(before.trim_end().trim_end_matches(';')).await;
    host.ask(&format!("INSERT INTO imports (site, bytes, sha256) VALUES ('{}', 10, unhex(repeat('0A', 32)))", site()))
        .await;
    for _ in 0..2 {
        host.ask("ALTER TABLE migrations DELETE WHERE name > '0006' SETTINGS mutations_sync = 2").await;
        store.migrate().await.unwrap();
    }
    store.note_import(&site(), &mark(20, false)).await.unwrap();
    let old = ImportMark { fold_version: 0, ..mark(10, true) };
    assert_eq!(store.import_marks(&site()).await.unwrap(), [mark(20, false), old]);
}

#[tokio::test]
async fn an_error_says_whether_to_try_again() {
    let host = Host::start();
    let store = host.store();
    store.ping().await.unwrap();
    let unmigrated = store.insert("a", &flush([JUNE], 1)).await.unwrap_err();
    assert_eq!((unmigrated.code(), unmigrated.retry()), (Some(81), false), "{unmigrated}");
    let stranger = Store::connect(&StoreConfig { password: "wrong".to_owned(), ..host.config() });
    let refused = stranger.ping().await.unwrap_err();
    assert_eq!((refused.code(), refused.retry()), (Some(516), false), "{refused}");
    drop(host.kill());
    // Connections that were kept open notice the end with their next use.
    eventually("the killed engine is unreachable", async || {
        matches!(store.ping().await, Err(StoreError::Unreachable { .. }))
    })
    .await;
    assert!(store.ping().await.unwrap_err().retry());
}

#[tokio::test]
async fn who_may_not_change_the_schema_can_check_it() {
    let host = Host::start();
    let store = host.store();
    let behind = store.check_schema().await.unwrap_err();
    assert!(matches!(behind, StoreError::SchemaBehind { missing: "0001_counts" }) && behind.retry(), "{behind}");
    assert!(behind.to_string().contains("footfall migrate"), "{behind}");
    store.migrate().await.unwrap();
    assert_eq!(store.check_schema().await.unwrap(), Schema::Current);
    host.ask("ALTER TABLE migrations DELETE WHERE name = '0007_lost' SETTINGS mutations_sync = 2").await;
    let behind = store.check_schema().await.unwrap_err();
    assert!(matches!(behind, StoreError::SchemaBehind { missing: "0007_lost" }), "{behind}");
    store.migrate().await.unwrap();
    host.ask("INSERT INTO migrations (name, sha256) VALUES ('0001_counts', 'other')").await;
    assert!(matches!(store.check_schema().await.unwrap_err(), StoreError::MigrationChanged { .. }));
}

/// N, then N+1's migration while N runs on, then N again from its start.
#[tokio::test]
async fn an_older_version_goes_on_with_a_newer_schema() {
    let host = Host::start();
    let store = host.store();
    store.migrate().await.unwrap();
    store.insert("before", &flush([JUNE], 10)).await.unwrap();
    // What a migration may do: add a table, or a column with a default that is written out, without which the client of the
    // older version refuses to leave it out.
    host.ask("ALTER TABLE counts ADD COLUMN newer Int64 DEFAULT 7 AFTER visits").await;
    host.ask("ALTER TABLE ledger ADD COLUMN newer String DEFAULT ''").await;
    host.ask("CREATE TABLE newer (a Int8) ENGINE = MergeTree ORDER BY a").await;
    host.ask("INSERT INTO migrations (name, sha256) VALUES ('9001_newer', 'x'), ('9000_newer', 'y')").await;
    let newer = Schema::Newer(vec!["9000_newer".to_owned(), "9001_newer".to_owned()]);
    for store in [store, host.store()] {
        assert_eq!(store.check_schema().await.unwrap(), newer);
        store.migrate().await.unwrap();
        for token in ["before", "during"] {
            store.insert(token, &flush([JUNE], 10)).await.unwrap();
        }
    }
    assert_eq!(totals(&host).await, [60, 10, 2]);
}

/// The engine has no replicas: summing tables stand for replicated ones.
#[tokio::test]
async fn a_clusters_tables_are_not_taken_for_those_of_one_server() {
    let host = Host::start();
    host.store().migrate().await.unwrap();
    let proxy = Proxy::rewriting(&host.url, |sent| sent.replace("'Replicated'", "'Summing'")).await;
    let error = proxy.store().check_schema().await.unwrap_err();
    assert!(matches!(&error, StoreError::Replicated { table } if table == "counts") && !error.retry(), "{error}");
    assert!(proxy.store().migrate().await.is_err(), "nothing is changed either");
}

#[tokio::test]
async fn tables_of_one_server_are_not_taken_for_a_clusters() {
    let host = Host::start();
    host.store().migrate().await.unwrap();
    let error = host.store().on_cluster("main").check_schema().await.unwrap_err();
    assert!(matches!(&error, StoreError::NotReplicated { table } if table == "closings") && !error.retry(), "{error}");
    assert_eq!(host.store().on_cluster("").check_schema().await.unwrap(), Schema::Current);
}
