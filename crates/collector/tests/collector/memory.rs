//! The memory that one request takes, whatever its body asks for: the most bytes that are its own at once, counted by the allocator.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::desk::{BROWSER, Desk, SOCKET, told, view};
use crate::doors::bombs;
use bytes::Bytes;
use hyper::body::{Body, Frame};
use model::limits::{AGENT_BYTES_MAX, BATCH_EVENTS_MAX, BODY_BYTES_MAX};
use tokio::runtime::{Builder, Runtime};

/// How often a body stands in memory while it is read: as it is, a text of it without its escapes, and where that is JSON as well, a text
/// of that as the parser gathers it and as it is taken. While it arrives it stands there twice: in frames, and joined.
const BODY_TIMES_MAX: usize = 4;
/// What an event takes besides its texts, and with its sender's user agent: the event, its hit in the list of all, that in the list of its
/// partition, which while it grows is there one and a half times, and what is written of it. By their sizes some 1.7 KB.
const EVENT_BYTES_MAX: usize = 2 * 1024;
/// How often what is kept stands in memory before it is: as the hits' texts, in a record that doubles as it grows (the old and the new),
/// and sealed.
const KEPT_TIMES_MAX: usize = 5;
/// What no body makes larger: an answer, a URL as it is taken apart, what the journal notes of a record.
const REST_BYTES_MAX: usize = 32 * 1024;

/// What a network reads at once.
const FRAME_BYTES: usize = 8 * 1024;

/// A body that comes as from a socket, in frames of their own memory.
struct Frames(Bytes);

impl Body for Frames {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let length = self.0.len().min(FRAME_BYTES);
        let frame = (length > 0).then(|| Bytes::copy_from_slice(&self.0.split_to(length)));
        Poll::Ready(frame.map(|frame| Ok(Frame::data(frame))))
    }
}

/// Bodies at a limit: body, status, events that are read.
fn full() -> [(String, u16, usize); 7] {
    let list = |event: &str, count: usize| format!("[{}]", vec![event; count].join(","));
    let event = |url: &str, sites: &str| format!(r#"{{"n":"a","u":"{url}","d":"{sites}"}}"#);
    let padded = format!("{}{}", " ".repeat(BODY_BYTES_MAX - view("").len()), view(""));
    let props: Vec<_> = (0..30).map(|prop| format!(r#""{prop}":"{}""#, "x".repeat(2_000))).collect();
    let text_in_a_text = view(&format!(r#","p":"{{\"a\":\"\\n{}\"}}""#, "x".repeat(65_000)));
    [
        (padded, 202, 1),
        (view(&format!(r#","p":{{{}}}"#, props.join(","))), 202, 1),
        (text_in_a_text, 413, 1),
        (list("{}", BODY_BYTES_MAX / 3), 413, BATCH_EVENTS_MAX),
        (list(&event("https://a/", "example.com"), BATCH_EVENTS_MAX), 202, BATCH_EVENTS_MAX),
        // Each for four sites, which are as many hits.
        (
            list(&event("https://a/", "example.com,second.example,third.example,fourth.example"), BATCH_EVENTS_MAX / 4),
            202,
            BATCH_EVENTS_MAX,
        ),
        // Every byte of such a path is kept as three.
        (list(&event(&format!("https://a/{}", "あ".repeat(600)), "example.com"), 34), 202, 34),
    ]
}

/// Sends a body on this thread; the answer's status, and the most bytes that were the request's own at once.
fn send(runtime: &Runtime, desk: &Desk, body: String) -> (u16, usize) {
    // The longest user agent that is kept, and no robot's: each hit has its own.
    let agent = format!("{BROWSER} {}", "x".repeat(AGENT_BYTES_MAX - BROWSER.len() - 1));
    let request = http::Request::builder().method("POST").uri("/api/event").header("user-agent", agent);
    // Held here as well: what the network still has is not given back by who reads it.
    let sent = Bytes::from(body);
    let request = request.body(Frames(sent.clone())).unwrap();
    let socket = SOCKET.parse().unwrap();
    let mut answer = None;
    let counted = allocation_counter::measure(|| {
        answer = Some(runtime.block_on(desk.collector.handle(request, socket)));
    });
    drop(sent);
    (runtime.block_on(told(answer.unwrap())).status, usize::try_from(counted.bytes_max).unwrap())
}

#[test]
fn a_request_takes_a_few_times_its_body_and_a_bounded_piece_for_each_event() {
    // One thread, for the counter is a thread's own.
    let runtime = Builder::new_current_thread().enable_time().build().unwrap();
    let bombs = bombs().map(|(body, status, ..)| (body, status, 1));
    for (body, status, events) in bombs.into_iter().chain(full()) {
        let desk = Desk::new();
        // What is made once and stays is not this request's.
        assert_eq!(send(&runtime, &desk, view("")).0, 202);
        let before = runtime.block_on(desk.kept_bytes());
        let shown: String = body.chars().take(60).collect();
        let read = body.len().min(BODY_BYTES_MAX);
        let (answered, most) = send(&runtime, &desk, body);
        let kept = runtime.block_on(desk.kept_bytes()) - before;
        let bound = BODY_TIMES_MAX * read + EVENT_BYTES_MAX * events + KEPT_TIMES_MAX * kept + REST_BYTES_MAX;
        assert_eq!(answered, status, "{shown}");
        assert!((read..=bound).contains(&most), "{most} bytes, at most {bound}: {shown}");
    }
}
