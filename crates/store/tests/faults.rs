//! ClickHouse away, slow, unclear, full, read-only or changed: nothing is lost, nothing counts twice, and every error says
//! rightly whether waiting helps.

use std::time::Duration;

use store::error::PASSING;
use store::{ROWS_PER_INSERT_MAX, Store, StoreError};

use crate::proxy::{Fault, Proxy};
use crate::support::{Host, JUNE, flush, totals};

/// Repeats an insert as the processor does, and says how often.
async fn until_acknowledged(store: &Store, token: &str, pages: usize) -> usize {
    for repetitions in 0..20 {
        match store.insert(token, &flush([JUNE - 1, JUNE], pages)).await {
            Ok(()) => return repetitions,
            Err(error) => assert!(error.retry(), "{error}"),
        }
    }
    panic!("never acknowledged");
}

#[tokio::test]
async fn whatever_happens_to_inserts_on_the_way_every_flush_is_counted_once() {
    let host = Host::start();
    let proxy = Proxy::start(&host.url).await;
    let store = proxy.store().with_insert_timeout(Duration::from_secs(2));
    store.migrate().await.unwrap();
    let late = Fault::Slow(Duration::from_secs(4));
    // A flush of two months is two inserts of counts, one of the ledger, one of live lines: each meets each.
    let faults = [Fault::ReplyLost, late, Fault::Unavailable, Fault::Cut];
    let mut flushes = 0;
    for fault in faults {
        for chunk in 0..4 {
            // Chunks before it pass by being slow without being late.
            let mut plan = vec![Fault::Slow(Duration::ZERO); chunk];
            plan.push(fault);
            proxy.next(&plan);
            let repetitions = until_acknowledged(&store, &format!("{fault:?}/{chunk}"), 50).await;
            assert_eq!((repetitions, proxy.met()), (1, chunk + 1), "{fault:?} of chunk {chunk}");
            flushes += 1;
            assert_eq!(totals(&host).await, [flushes * 300, flushes * 5, flushes], "{fault:?} of chunk {chunk}");
        }
    }
    // All at once, in one flush, after each other.
    proxy.next(&[faults, faults].concat());
    assert_eq!(until_acknowledged(&store, "storm", 50).await, 8);
    assert_eq!(totals(&host).await, [(flushes + 1) * 300, (flushes + 1) * 5, flushes + 1]);
}

#[tokio::test]
async fn half_of_a_large_body_inserts_nothing() {
    let host = Host::start();
    let proxy = Proxy::start(&host.url).await;
    let store = proxy.store();
    store.migrate().await.unwrap();
    let changes = flush([JUNE], ROWS_PER_INSERT_MAX);
    proxy.next(&[Fault::Cut]);
    let error = store.insert("large", &changes).await.unwrap_err();
    assert!(matches!(error, StoreError::Unreachable { .. }), "{error}");
    assert_eq!(host.ask("SELECT count() FROM counts").await, "0");
    store.insert("large", &changes).await.unwrap();
    assert_eq!(totals(&host).await, [3 * i64::try_from(ROWS_PER_INSERT_MAX).unwrap(), 5, 1]);
}

#[tokio::test]
async fn too_many_parts_is_waited_out() {
    let host = Host::start();
    let store = host.store();
    store.migrate().await.unwrap();
    host.ask("SYSTEM STOP MERGES").await;
    host.ask("ALTER TABLE counts MODIFY SETTING parts_to_delay_insert = 1, parts_to_throw_insert = 2, max_delay_to_insert = 1")
        .await;
    let mut written = 0;
    let error = loop {
        match store.insert(&format!("{written}"), &flush([JUNE], 10)).await {
            Ok(()) => written += 1,
            Err(error) => break error,
        }
        assert!(written < 10, "never too many");
    };
    assert_eq!((error.code(), error.retry()), (Some(252), true), "{error}");
    host.ask("SYSTEM START MERGES").await;
    host.ask("OPTIMIZE TABLE counts FINAL").await;
    store.insert(&format!("{written}"), &flush([JUNE], 10)).await.unwrap();
    assert_eq!(totals(&host).await, [30 * (written + 1), 5 * (written + 1), written + 1]);
}

#[tokio::test]
async fn a_table_that_can_only_be_read_is_waited_out() {
    let host = Host::start();
    let store = host.store();
    store.migrate().await.unwrap();
    store.insert("before", &flush([JUNE], 10)).await.unwrap();
    // What a user without the right to write, or a server in maintenance, answers.
    let (_, said) = host.post("/?database=footfall&readonly=1", "INSERT INTO lost VALUES (1, 'a', 1)").await;
    assert!(said.starts_with("Code: 164."), "{said}");
    host.ask("ALTER TABLE counts MODIFY SETTING table_readonly = 1").await;
    let error = store.insert("after", &flush([JUNE], 10)).await.unwrap_err();
    assert_eq!((error.code(), error.retry()), (Some(774), true), "{error}");
    host.ask("ALTER TABLE counts MODIFY SETTING table_readonly = 0").await;
    store.insert("after", &flush([JUNE], 10)).await.unwrap();
    assert_eq!(totals(&host).await, [60, 10, 2]);
}

#[tokio::test]
async fn an_insert_without_memory_is_waited_out() {
    let host = Host::start();
    let store = host.store();
    store.migrate().await.unwrap();
    let (_, said) = host
        .post(
            "/?database=footfall&max_memory_usage=1000000",
            "INSERT INTO lost SELECT number, toString(number), 1 FROM numbers(1000000)",
        )
        .await;
    assert!(said.starts_with("Code: 241."), "{said}");
    assert!(PASSING.iter().any(|(code, _)| *code == 241));
    store.insert("a", &flush([JUNE], 10)).await.unwrap();
    assert_eq!(totals(&host).await, [30, 5, 1]);
}

#[tokio::test]
async fn a_schema_that_somebody_changed_stops_and_loses_nothing() {
    let host = Host::start();
    let store = host.store();
    store.migrate().await.unwrap();
    // The columns that are added up, and the key, cannot be dropped at all; what can be is refused by name.
    let (_, said) = host.post("/?database=footfall", "ALTER TABLE counts DROP COLUMN revenue_micros").await;
    assert!(["Code: 524.", "Code: 47."].iter().any(|code| said.starts_with(code)), "{said}");
    host.ask("ALTER TABLE live DROP COLUMN visitors SETTINGS mutations_sync = 2").await;
    let error = host.store().insert("a", &flush([JUNE], 10)).await.unwrap_err();
    assert!(!error.retry() && error.to_string().contains("visitors"), "{error}");
    host.ask("ALTER TABLE live ADD COLUMN visitors UInt64").await;
    host.store().insert("a", &flush([JUNE], 10)).await.unwrap();
    assert_eq!(totals(&host).await, [30, 5, 1]);
    host.ask("RENAME TABLE ledger TO theirs").await;
    let error = host.store().insert("b", &flush([JUNE], 10)).await.unwrap_err();
    assert!(!error.retry() && error.to_string().contains("ledger"), "{error}");
    host.ask("RENAME TABLE theirs TO ledger").await;
    host.store().insert("b", &flush([JUNE], 10)).await.unwrap();
    assert_eq!(totals(&host).await, [60, 10, 2]);
}

#[tokio::test]
async fn a_view_that_fails_does_not_stop_the_counts() {
    let host = Host::start();
    let store = host.store();
    store.migrate().await.unwrap();
    host.ask("CREATE TABLE theirs (pageviews Int64) ENGINE = MergeTree ORDER BY tuple() SETTINGS non_replicated_deduplication_window = 100").await;
    host.ask("CREATE MATERIALIZED VIEW broken TO theirs AS SELECT pageviews + throwIf(pageviews > 0) AS pageviews FROM counts")
        .await;
    for _ in 0..3 {
        store.insert("a", &flush([JUNE], 10)).await.unwrap();
    }
    host.ask("DROP VIEW broken").await;
    host.ask("CREATE MATERIALIZED VIEW whole TO theirs AS SELECT pageviews FROM counts").await;
    for _ in 0..3 {
        store.insert("b", &flush([JUNE], 10)).await.unwrap();
    }
    assert_eq!(totals(&host).await, [60, 10, 2]);
    assert_eq!(host.ask("SELECT sum(pageviews) FROM theirs").await, "30", "a repetition reaches a view once, too");
}

/// As many inserts of others as the window of an early version held, and one more, from connections at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flush_repeated_after_ten_thousand_others_is_counted_once() {
    let host = Host::start();
    let store = host.store();
    store.migrate().await.unwrap();
    host.ask("ALTER TABLE counts MODIFY SETTING fsync_after_insert = 0, fsync_part_directory = 0, parts_to_delay_insert = 100000, parts_to_throw_insert = 100000").await;
    let ours = model::Changes { cells: flush([JUNE], 10).cells, ..model::Changes::default() };
    store.insert("ours", &ours).await.unwrap();
    others(&host, 10_001).await;
    store.insert("ours", &ours).await.unwrap();
    assert_eq!(host.ask("SELECT sum(pageviews) FROM counts WHERE site = 'example.com'").await, "30");
    assert_eq!(host.ask("SELECT sum(pageviews) FROM counts WHERE site = 'other.org'").await, "10001");
}

/// What the window cannot hold counts twice: that is known, and said in docs/known-faults.md.
#[tokio::test]
async fn a_flush_repeated_after_more_inserts_than_the_window_holds_counts_twice() {
    let host = Host::start();
    let store = host.store();
    store.migrate().await.unwrap();
    host.ask("ALTER TABLE counts MODIFY SETTING non_replicated_deduplication_window = 5").await;
    let ours = model::Changes { cells: flush([JUNE], 10).cells, ..model::Changes::default() };
    store.insert("ours", &ours).await.unwrap();
    others(&host, 6).await;
    store.insert("ours", &ours).await.unwrap();
    assert_eq!(host.ask("SELECT sum(pageviews) FROM counts WHERE site = 'example.com'").await, "60");
}

async fn others(host: &Host, inserts: usize) {
    const AT_ONCE: usize = 8;
    let url = host.url.clone();
    let client = hyper_util::client::legacy::Client::builder(hyper_util::rt::TokioExecutor::new()).build_http();
    let mut workers = tokio::task::JoinSet::new();
    for worker in 0..AT_ONCE {
        let (client, url) = (client.clone(), url.clone());
        workers.spawn(async move {
            for number in (worker..inserts).step_by(AT_ONCE) {
                let path = format!("{url}/?database=footfall&async_insert=0&insert_deduplication_token=other/{number}");
                let sql = "INSERT INTO counts (site, day, dimension, pageviews) VALUES ('other.org', '2026-06-01', 'page', 1)";
                let body = http_body_util::Full::new(bytes::Bytes::from_static(sql.as_bytes()));
                let answer = client.request(http::Request::post(path).body(body).unwrap()).await.unwrap();
                assert_eq!(answer.status(), 200);
            }
        });
    }
    while let Some(done) = workers.join_next().await {
        done.unwrap();
    }
}

#[tokio::test]
async fn every_code_that_passes_is_called_in_clickhouse_as_it_is_here() {
    let host = Host::start();
    for (code, name) in PASSING {
        assert_eq!(host.ask_plain(&format!("SELECT errorCodeToName({code})")).await.trim_end(), name);
    }
}
