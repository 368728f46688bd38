//! The listening loop over real sockets: its limits, what it leaves to others, and how it stops.

use std::net::SocketAddr;
use std::time::Duration;

use crate::desk::{BROWSER, Desk};
use bytes::Bytes;
use collector::{Arriving, ConnectionLimits, serve};
use http_body_util::Full;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Longer than anything here takes, shorter than a test run that hangs.
const PATIENCE: Duration = Duration::from_secs(10);

struct Serving {
    address: SocketAddr,
    desk: Desk,
    stop: oneshot::Sender<()>,
    served: JoinHandle<()>,
}

async fn start(limits: ConnectionLimits) -> Serving {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let desk = Desk::new();
    let (stop, stopped) = oneshot::channel();
    let others = |request: http::Request<Arriving>, _| async move {
        if request.uri().path() == "/slow" {
            tokio::time::sleep(Duration::from_millis(2_500)).await;
        }
        http::Response::new(Full::new(Bytes::from(format!("other {}", request.uri().path()))))
    };
    let stopped = async move { drop(stopped.await) };
    let served = tokio::spawn(serve(listener, desk.collector.clone(), others, limits, stopped));
    Serving { address, desk, stop, served }
}

impl Serving {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends bytes on a fresh connection and reads until the server closes it.
    async fn exchange(&self, bytes: &[u8]) -> String {
        let mut stream = self.connect().await;
        // A server that has heard enough may close before it has heard all.
        let _ = stream.write_all(bytes).await;
        until_closed(&mut stream).await
    }
}

async fn until_closed(stream: &mut TcpStream) -> String {
    let mut received = Vec::new();
    let _ = timeout(PATIENCE, stream.read_to_end(&mut received)).await.expect("the server closes");
    String::from_utf8_lossy(&received).into_owned()
}

async fn until(stream: &mut TcpStream, end: &str) -> String {
    let mut received = String::new();
    let mut buffer = [0; 4_096];
    while !received.contains(end) {
        let read = timeout(PATIENCE, stream.read(&mut buffer)).await;
        let read = read.unwrap_or_else(|_| panic!("no {end:?} in time after {received:?}")).unwrap();
        assert_ne!(read, 0, "closed after {received:?}");
        received.push_str(&String::from_utf8_lossy(&buffer[..read]));
    }
    received
}

fn pixel(more: &str) -> String {
    format!(
        "GET /pixel.gif?d=example.com&u=https://example.com/ HTTP/1.1\r\nhost: a\r\nuser-agent: {BROWSER}\r\n{more}\r\n"
    )
}

#[tokio::test]
async fn serves_its_own_paths_and_leaves_the_others() {
    let serving = start(ConnectionLimits::default()).await;
    let answer = serving.exchange(pixel("connection: close\r\n").as_bytes()).await;
    assert!(
        answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.contains("x-footfall-outcome: counted\r\n"),
        "{answer}"
    );
    assert!(answer.contains("content-length: 43\r\n"));
    let answer = serving.exchange(b"GET /healthz HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await;
    assert!(answer.ends_with("other /healthz"), "{answer}");
    assert_eq!(serving.desk.hits().await.len(), 1);
}

#[tokio::test]
async fn cuts_off_who_sends_a_head_too_slowly() {
    let limits = ConnectionLimits { head_read_max: Duration::from_millis(50), ..ConnectionLimits::default() };
    let serving = start(limits).await;
    let answer = serving.exchange(b"GET /pixel.gif HTTP/1.1\r\nhost: ").await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408"), "{answer}");
}

#[tokio::test]
async fn refuses_heads_that_are_too_large() {
    let serving = start(ConnectionLimits::default()).await;
    let long = pixel(&format!("cookie: {}\r\n", "c".repeat(1 << 20)));
    assert!(serving.exchange(long.as_bytes()).await.starts_with("HTTP/1.1 431"));
    for many in [1_000, 100_000] {
        let many = pixel(&"a: b\r\n".repeat(many));
        assert!(serving.exchange(many.as_bytes()).await.starts_with("HTTP/1.1 431"));
    }
    assert!(serving.desk.hits().await.is_empty());
    let answer = serving.exchange(pixel("connection: close\r\n").as_bytes()).await;
    assert!(answer.contains("x-footfall-outcome: counted\r\n"), "who comes after them is served: {answer}");
}

#[tokio::test]
async fn reads_a_chunked_body_no_further_than_the_limit() {
    let serving = start(ConnectionLimits::default()).await;
    let mut request = b"POST /api/event HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
    for _ in 0..100 {
        request.extend_from_slice(b"400\r\n");
        request.extend_from_slice(&[b' '; 1_024]);
        request.extend_from_slice(b"\r\n");
    }
    let answer = serving.exchange(&request).await;
    assert!(answer.starts_with("HTTP/1.1 413") && answer.contains("reason=too_large"), "{answer}");
}

#[tokio::test]
async fn refuses_a_body_whose_length_is_said_in_two_ways() {
    let serving = start(ConnectionLimits::default()).await;
    let smuggled = "POST /api/event HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n";
    assert!(serving.exchange(smuggled.as_bytes()).await.starts_with("HTTP/1.1 400"));
}

/// A proxy in front that goes by the length would take the second request for a part of the first one's body, and its own next
/// client's answer for the first one's. Nothing may come on a connection on which that can happen.
#[tokio::test]
async fn a_request_hidden_behind_two_lengths_is_not_answered() {
    let serving = start(ConnectionLimits::default()).await;
    let hidden = pixel("connection: close\r\n");
    let head = format!("POST /api/event HTTP/1.1\r\nhost: a\r\nuser-agent: {BROWSER}\r\n");
    let length = format!("content-length: {}\r\n", hidden.len() + 5);
    for lengths in [
        format!("{length}transfer-encoding: chunked\r\n"),
        format!("transfer-encoding: chunked\r\n{length}"),
        format!("{length}transfer-encoding: xchunked\r\n"),
        format!("{length}transfer-encoding : chunked\r\n"),
        format!("{length}transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n"),
    ] {
        let answer = serving.exchange(format!("{head}{lengths}\r\n0\r\n\r\n{hidden}").as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{lengths}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{lengths}: {answer}");
    }
    assert!(serving.desk.hits().await.is_empty());
}

/// No HTTP/2 is built in. What is said in it is nobody's hit, nor is what stands behind its preface.
#[tokio::test]
async fn http_2_is_refused_and_who_comes_next_is_served() {
    let serving = start(ConnectionLimits::default()).await;
    let preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    // An empty SETTINGS frame, which a client sends first; and a hit as HTTP/1.1 says it.
    let settings = "\0\0\0\x04\0\0\0\0\0";
    for behind in [String::new(), settings.to_owned(), pixel("connection: close\r\n")] {
        let answer = serving.exchange(format!("{preface}{behind}").as_bytes()).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{behind:?}: {answer}");
        assert!(!answer.contains("HTTP/1.1 2"), "{behind:?}: {answer}");
    }
    assert!(serving.desk.hits().await.is_empty());
    let answer = serving.exchange(pixel("connection: close\r\n").as_bytes()).await;
    assert!(answer.contains("x-footfall-outcome: counted\r\n"), "{answer}");
    assert_eq!(serving.desk.hits().await.len(), 1);
}

#[tokio::test]
async fn answers_what_is_asked_in_one_go_in_its_order() {
    let serving = start(ConnectionLimits::default()).await;
    let mut together = String::new();
    for number in 0..200 {
        together += &pixel(&format!("x-number: {number}\r\n"));
        together += &format!("GET /other/{number} HTTP/1.1\r\nhost: a\r\n\r\n");
    }
    together += "GET /last HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    let answer = serving.exchange(together.as_bytes()).await;
    let said = |part: &str| answer.find(part).unwrap_or_else(|| panic!("{part} is missing"));
    assert!(
        (1..200)
            .all(|number| said(&format!("other /other/{}HTTP", number - 1))
                < said(&format!("other /other/{number}HTTP")))
    );
    assert!(answer.ends_with("other /last"), "{answer}");
    assert_eq!(serving.desk.hits().await.len(), 200);
}

#[tokio::test]
async fn who_keeps_a_full_server_waiting_makes_room_for_who_asks() {
    let limits = ConnectionLimits { connections_max: 20, ..ConnectionLimits::default() };
    let serving = start(limits).await;
    let mut silent = Vec::new();
    for number in 0..20 {
        let mut stream = serving.connect().await;
        let begun: &[u8] = match number % 2 {
            0 => b"GET /pixel.gif HTTP/1.1\r\nhost: ",
            _ => b"POST /api/event HTTP/1.1\r\nhost: a\r\ncontent-length: 1000\r\n\r\n[",
        };
        stream.write_all(begun).await.unwrap();
        silent.push(stream);
    }
    for _ in 0..20 {
        let answer = serving.exchange(pixel("connection: close\r\n").as_bytes()).await;
        assert!(answer.contains("x-footfall-outcome: counted\r\n"), "{answer}");
    }
    assert_eq!(serving.desk.hits().await.len(), 20);
    // One place at a time is cleared, and each of the honest leaves it as it was.
    let cut_off = serving.desk.figure("footfall_connections_cut_off_total", "");
    assert!((1.0..=4.0).contains(&cut_off), "{cut_off} were cut off");
}

#[tokio::test]
async fn who_waits_for_us_is_not_cut_off_to_make_room() {
    let serving = start(ConnectionLimits { connections_max: 1, ..ConnectionLimits::default() }).await;
    let mut waits = serving.connect().await;
    waits.write_all(b"GET /slow HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    let mut second = serving.connect().await;
    second.write_all(pixel("").as_bytes()).await.unwrap();
    until(&mut waits, "other /slow").await;
    // From now on it is the first one's turn to say something, and it does not.
    until(&mut second, ";").await;
    assert_eq!(until_closed(&mut waits).await, "");
}

#[tokio::test]
async fn serves_no_more_connections_than_it_may_and_the_next_when_one_is_gone() {
    let serving = start(ConnectionLimits { connections_max: 1, ..ConnectionLimits::default() }).await;
    let mut first = serving.connect().await;
    first.write_all(pixel("").as_bytes()).await.unwrap();
    until(&mut first, ";").await;
    let mut second = serving.connect().await;
    second.write_all(pixel("").as_bytes()).await.unwrap();
    let mut byte = [0];
    assert!(timeout(Duration::from_millis(100), second.read(&mut byte)).await.is_err(), "it has to wait");
    drop(first);
    until(&mut second, ";").await;
    assert_eq!(serving.desk.hits().await.len(), 2);
    assert!(serving.desk.figure("footfall_connections_held_back_total", "") >= 1.0);
}

#[tokio::test]
async fn stops_within_its_bound_and_writes_the_last_tallies() {
    let limits = ConnectionLimits { drain_max: Duration::from_millis(100), ..ConnectionLimits::default() };
    let serving = start(limits).await;
    let mut idle = serving.connect().await;
    idle.write_all(pixel("").replace(BROWSER, "Googlebot/2.1").as_bytes()).await.unwrap();
    until(&mut idle, "reason=bot").await;
    let mut half = serving.connect().await;
    half.write_all(b"POST /api/event HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\n{").await.unwrap();
    let mut witness = serving.connect().await;
    witness.write_all(pixel("").as_bytes()).await.unwrap();
    until(&mut witness, ";").await;
    serving.stop.send(()).unwrap();
    timeout(PATIENCE, serving.served).await.expect("stops in time").unwrap();
    assert!(TcpStream::connect(serving.address).await.is_err());
    assert_eq!(serving.desk.tallies().await.len(), 1);
}
