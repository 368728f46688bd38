//! ClickHouse's HTTP interface, request by request.

use std::io::{Read, Write};

use bytes::Bytes;
use http::Request;

use crate::support::{Host, JUNE, command, eventually, flush, send};

fn header<'a>(answer: &'a http::Response<Bytes>, name: &str) -> &'a str {
    answer.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

#[tokio::test]
async fn answers_without_a_statement_tell_that_it_lives() {
    let host = Host::start();
    for path in ["/ping", "/replicas_status", "/"] {
        let answer = host.send(Request::get(format!("{}{path}", host.url)), Bytes::new()).await;
        assert_eq!((answer.status().as_u16(), answer.body().as_ref()), (200, b"Ok.\n".as_slice()), "{path}");
    }
    assert_eq!(host.post("/elsewhere", "").await.0, 404);
    assert_eq!(host.send(Request::delete(format!("{}/", host.url)), Bytes::new()).await.status(), 405);
}

#[tokio::test]
async fn a_statement_may_stand_in_the_url_in_the_body_or_in_both() {
    let host = Host::start();
    for (path, body) in [("/?query=SELECT%201%2B1", ""), ("/", "SELECT 1+1"), ("/?query=SELECT", "1+1;")] {
        assert_eq!(host.post(path, body).await, (200, "2\n".to_owned()), "{path} {body}");
    }
}

#[tokio::test]
async fn settings_of_one_request_do_not_reach_another() {
    let host = Host::start();
    let ask = "SELECT getSetting('max_block_size'), getSetting('insert_deduplication_token'), currentDatabase()";
    let default = host.post("/", ask).await.1;
    let path = "/?max_block_size=77&insert_deduplication_token=it%27s&database=system";
    for _ in 0..20 {
        let (changed, plain) = tokio::join!(host.post(path, ask), host.post("/", ask));
        assert_eq!(changed.1, "77\tit\\'s\tsystem\n");
        assert_eq!(plain.1, default);
    }
    // In a session they end with the request, too; what `SET` sets stays.
    assert_eq!(host.post("/?session_id=s", "SET max_block_size = 5").await.0, 200);
    assert!(host.post("/?session_id=s&max_block_size=77", ask).await.1.starts_with("77\t"));
    assert!(host.post("/?session_id=s", ask).await.1.starts_with("5\t"));
}

#[tokio::test]
async fn a_session_keeps_temporary_tables_to_itself() {
    let host = Host::start();
    assert_eq!(host.post("/?session_id=s", "CREATE TEMPORARY TABLE t (x Int32)").await.0, 200);
    assert_eq!(host.post("/?session_id=s&query=INSERT+INTO+t+FORMAT+CSV", "1\n2\n").await.0, 200);
    assert_eq!(host.post("/?session_id=s", "SELECT sum(x) FROM t").await.1, "3\n");
    assert_eq!(host.post("/", "SELECT sum(x) FROM t").await.0, 404);
    let (status, text) = host.post("/?session_id=other&session_check=1", "SELECT 1").await;
    assert!(status == 404 && text.contains("SESSION_NOT_FOUND"), "{text}");
}

#[tokio::test]
async fn parameters_are_bound_and_unescaped_as_by_a_server() {
    let host = Host::start();
    let path =
        "/?param_s=it%27s%5Cta%5C%5Cb&param_n=-5&param_a=%5B%27x%27%2C%27y%27%5D&param_z=%5CN&param_d=2026-06-01";
    let ask = "SELECT {s:String} = 'it\\'s\\ta\\\\b', {n:Int32}, {a:Array(String)}, {z:Nullable(String)}, {d:Date}";
    assert_eq!(host.post(path, ask).await, (200, "1\t-5\t['x','y']\t\\N\t2026-06-01\n".to_owned()));
    let (status, text) = host.post("/", "SELECT {s:String}").await;
    assert!(status == 400 && text.starts_with("Code: 456."), "{status} {text}");
    let form = "--b\r\nContent-Disposition: form-data; name=\"param_s\"\r\n\r\na\r\n--b\r\nContent-Disposition: form-data; \
                name=\"query\"\r\n\r\nSELECT {s:String}\r\n--b--\r\n";
    let request = Request::post(&host.url).header("content-type", "multipart/form-data; boundary=b");
    assert_eq!(host.send(request, Bytes::from(form)).await.body().as_ref(), b"a\n");
}

#[tokio::test]
async fn errors_carry_clickhouses_code_and_status() {
    let host = Host::start();
    let cases = [
        ("/", "SELECT * FROM nowhere", 404, "60"),
        ("/?database=nowhere", "SELECT 1", 404, "81"),
        ("/", "SELECT nothing", 404, "47"),
        ("/", "SELEC 1", 400, "62"),
        ("/", "SELECT 1; SELECT 2", 400, "62"),
        ("/", "", 400, "62"),
        ("/?no_such_setting=1", "SELECT 1", 404, "115"),
        ("/", "SELECT throwIf(1)", 500, "395"),
        ("/", "SELECT toInt8('x')", 400, "6"),
        ("/?query=INSERT+INTO+nowhere+FORMAT+CSV", "1", 404, "60"),
        ("/?max_execution_time=1", "SELECT sleepEachRow(1) FROM numbers(3)", 408, "159"),
    ];
    for (path, body, status, code) in cases {
        let answer = host.send(Request::post(format!("{}{path}", host.url)), Bytes::from(body)).await;
        let text = String::from_utf8_lossy(answer.body()).into_owned();
        assert_eq!(
            (answer.status().as_u16(), header(&answer, "x-clickhouse-exception-code")),
            (status, code),
            "{text}"
        );
        assert!(text.starts_with(&format!("Code: {code}. DB::Exception: ")) && text.contains("(version "), "{text}");
    }
}

#[tokio::test]
async fn an_error_in_the_middle_breaks_the_answer_off() {
    let host = Host::start();
    let sql = "SELECT throwIf(number = 5000000) FROM numbers(10000000) FORMAT TSV";
    assert!(send(Request::post(&host.url), Bytes::from(sql)).await.is_err());
    assert_eq!(host.post("/", "SELECT 1").await.1, "1\n");
}

#[tokio::test]
async fn a_get_changes_nothing() {
    let host = Host::start();
    for query in ["CREATE+TABLE+default.t(x+Int8)ENGINE=Memory", "INSERT+INTO+t+VALUES(1)"] {
        let answer = host.send(Request::get(format!("{}/?query={query}", host.url)), Bytes::new()).await;
        assert_eq!(header(&answer, "x-clickhouse-exception-code"), "164", "{query}");
    }
    let answer = host.send(Request::get(format!("{}/?query=SELECT+1", host.url)), Bytes::new()).await;
    assert_eq!(answer.body().as_ref(), b"1\n");
}

#[tokio::test]
async fn large_answers_are_streamed_whole_and_the_same_in_every_packing() {
    let host = Host::start();
    let expected: String = (0..1_000_000).map(|number| format!("{number}\n")).collect();
    let sql = "SELECT number FROM numbers(1000000) ORDER BY number";
    let plain = host.send(Request::post(&host.url), Bytes::from(sql)).await;
    assert!(plain.body() == expected.as_bytes());
    assert_eq!(header(&plain, "x-clickhouse-format"), "TabSeparated");
    let named = host.post("/?default_format=CSVWithNames", sql).await.1;
    assert!(named == format!("\"number\"\n{expected}"));
    for encoding in ["gzip", "deflate", "lz4"] {
        let packed = host.send(Request::post(&host.url).header("accept-encoding", encoding), Bytes::from(sql)).await;
        assert_eq!(header(&packed, "content-encoding"), encoding);
        assert!(packed.body().len() < expected.len());
        let mut text = Vec::new();
        match encoding {
            "gzip" => flate2::read::MultiGzDecoder::new(packed.body().as_ref()).read_to_end(&mut text),
            "deflate" => flate2::read::ZlibDecoder::new(packed.body().as_ref()).read_to_end(&mut text),
            _ => lz4_flex::frame::FrameDecoder::new(packed.body().as_ref()).read_to_end(&mut text),
        }
        .unwrap();
        assert!(text == expected.as_bytes(), "{encoding}");
    }
}

#[tokio::test]
async fn what_was_answered_in_clickhouses_own_blocks_can_be_inserted_in_them() {
    let host = Host::start();
    host.ask_plain("CREATE TABLE default.t (number UInt64) ENGINE = MergeTree ORDER BY number").await;
    let answer = host
        .send(
            Request::post(format!("{}/?compress=1", host.url)),
            Bytes::from("SELECT number FROM numbers(500000) FORMAT RowBinary"),
        )
        .await;
    assert!(answer.body().len() < 4_000_000);
    let path = "/?database=default&decompress=1&query=INSERT+INTO+t+FORMAT+RowBinary";
    assert_eq!(host.post(path, answer.body().clone()).await.0, 200);
    assert_eq!(host.ask_plain("SELECT count(), sum(number) FROM default.t").await, "500000\t124999750000\n");
    let mut broken = answer.body().to_vec();
    broken[100] ^= 1;
    let (status, text) = host.post(path, broken).await;
    assert!(status == 400 && text.contains("checksum"), "{status} {text}");
    assert_eq!(host.ask_plain("SELECT count() FROM default.t").await, "500000\n");
}

#[tokio::test]
async fn a_large_insert_needs_little_memory() {
    let host = Host::start();
    host.ask_plain("CREATE TABLE default.t (x String) ENGINE = Null").await;
    host.ask_plain("SELECT 1").await;
    let before = host.resident_bytes();
    let body = Bytes::from([b'x'; 100].repeat(2_000_000));
    let lines: Bytes = body.chunks(100).flat_map(|line| [line, b"\n"].concat()).collect();
    let path = "/?database=default&query=INSERT+INTO+t+FORMAT+TSV&max_insert_block_size=10000&min_insert_block_size_rows=10000";
    assert_eq!(host.post(path, lines.clone()).await.0, 200);
    let grown = host.resident_bytes().saturating_sub(before);
    assert!(grown < 150_000_000, "{} bytes for a body of {}", grown, lines.len());
}

#[tokio::test]
async fn a_body_that_breaks_off_is_not_inserted() {
    let host = Host::start();
    host.ask_plain("CREATE TABLE default.t (x String) ENGINE = MergeTree ORDER BY x").await;
    let address = host.url.trim_start_matches("http://").to_owned();
    let mut broken = std::net::TcpStream::connect(&address).unwrap();
    let path = "/?database=default&query=INSERT+INTO+t+FORMAT+TSV";
    let head = format!("POST {path} HTTP/1.1\r\nHost: {address}\r\nContent-Length: 1000000\r\n\r\n");
    broken.write_all(head.as_bytes()).unwrap();
    broken.write_all(&b"line\n".repeat(100_000)).unwrap();
    drop(broken);
    eventually("the broken insert has ended", async || {
        host.ask_plain("SELECT count() FROM system.processes WHERE query_kind = 'Insert'").await == "0\n"
    })
    .await;
    assert_eq!(host.post(path, "whole\n").await.0, 200);
    assert_eq!(host.ask_plain("SELECT count() FROM default.t").await, "1\n");
}

#[tokio::test]
async fn a_full_queue_is_refused_with_a_verdict_to_try_again() {
    let host = Host::start();
    let slow = || host.post("/", "SELECT sleepEachRow(1) FROM numbers(2) SETTINGS max_block_size = 1");
    let mut waiting = tokio::task::JoinSet::new();
    for _ in 0..100 {
        let url = host.url.clone();
        waiting.spawn(async move {
            let sql = Bytes::from("SELECT sleepEachRow(0.5) FROM numbers(2) SETTINGS max_block_size = 1");
            let answer = send(Request::post(url), sql).await.unwrap();
            (answer.status().as_u16(), header(&answer, "x-clickhouse-exception-code").to_owned())
        });
    }
    let mut refused = 0;
    while let Some(answer) = waiting.join_next().await {
        match answer.unwrap() {
            (200, _) => {}
            (503, code) if code == "202" => refused += 1,
            other => panic!("{other:?}"),
        }
    }
    assert!(refused >= 20, "{refused}");
    assert_eq!(slow().await.0, 200);
}

#[tokio::test]
async fn two_engines_on_one_directory_are_refused_by_name() {
    let host = Host::start();
    let second = command(host.data.path()).output().unwrap();
    let said = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(!second.status.success() && said.contains(&host.id().to_string()), "{said}");
}

#[tokio::test]
async fn nothing_but_tables_grows_on_disk() {
    let host = Host::start();
    let store = host.store();
    store.migrate().await.unwrap();
    store.insert("a", &flush([JUNE], 10)).await.unwrap();
    let files = || walk(host.data.path());
    for _ in 0..300 {
        host.ask("SELECT sum(pageviews) FROM counts").await;
    }
    let before = files();
    for _ in 0..300 {
        host.ask("SELECT sum(pageviews) FROM counts").await;
    }
    let grown: Vec<_> = files().into_iter().filter(|file| !before.contains(file)).collect();
    assert!(grown.is_empty(), "{grown:?}");
    assert_eq!(
        host.ask("SELECT count() FROM system.tables WHERE database = 'system' AND name LIKE '%\\_log'").await,
        "0"
    );
}

#[tokio::test]
async fn ends_well_when_terminated() {
    let host = Host::start();
    let store = host.store();
    store.migrate().await.unwrap();
    assert!(host.terminate());
    eventually("the store is unreachable", async || store.ping().await.is_err()).await;
}

fn walk(path: &std::path::Path) -> Vec<(std::path::PathBuf, u64)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(path).into_iter().flatten().flatten() {
        match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => found.extend(walk(&entry.path())),
            Ok(metadata) => found.push((entry.path(), metadata.len())),
            Err(_) => {}
        }
    }
    found
}
