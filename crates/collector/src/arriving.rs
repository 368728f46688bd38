//! What a connection waits for: its client, and since when, or us. Told by the request's body as it is read, so that a listening
//! loop that is full knows who keeps it waiting.
//!
//! It cuts nobody off; the loop does.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};

/// An instant that no connection waits since.
const OURS: u64 = u64::MAX;

/// Since when a connection has waited for its client.
#[derive(Clone)]
pub(crate) struct Turn {
    /// When the loop began.
    begun: Instant,
    /// Milliseconds from then, or [`OURS`].
    since: Arc<AtomicU64>,
}

impl Turn {
    /// It is the client's turn from now on.
    pub(crate) fn of_client(begun: Instant) -> Self {
        let turn = Self { begun, since: Arc::default() };
        turn.is_the_clients();
        turn
    }

    /// An answer is given: what comes next is the client's.
    pub(crate) fn is_the_clients(&self) {
        let since = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(OURS - 1);
        self.since.store(since, Ordering::Relaxed);
    }

    /// All that the client has to say of a request was heard: it waits for us.
    fn is_ours(&self) {
        self.since.store(OURS, Ordering::Relaxed);
    }

    /// Milliseconds from the loop's beginning since when the client is waited for; nothing where it waits for us.
    pub(crate) fn waits_since(&self) -> Option<u64> {
        Some(self.since.load(Ordering::Relaxed)).filter(|since| *since != OURS)
    }
}

/// A request's body on its way in.
pub struct Arriving {
    body: Incoming,
    turn: Turn,
}

impl Arriving {
    pub(crate) fn new(body: Incoming, turn: Turn) -> Self {
        if body.is_end_stream() {
            turn.is_ours();
        }
        Self { body, turn }
    }
}

impl Body for Arriving {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        if matches!(polled, Poll::Ready(None | Some(Err(_)))) || self.body.is_end_stream() {
            self.turn.is_ours();
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
