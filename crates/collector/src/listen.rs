//! Serves connections: accepts them up to a bound, gives each its time limits, hands each request to the collector or, for
//! any other path, to whatever the binary serves beside it, and drains within a bound.
//!
//! HTTP/1.1 only. What comes in too slowly (a header, a body) is cut off; who connects beyond the bound waits in the
//! system's queue, and that is counted.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Either;
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use journal::Journal;
use prometheus::IntGauge;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use crate::collector::Collector;

/// How often refused hits are written to the journal, and so how many a crash can take out of the ledger.
const TALLY_EVERY: Duration = Duration::from_secs(1);

/// How long to wait before accepting again after the system refused (no file handles left): it passes or it does not.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// Most bytes of a request's head, and of what is buffered of its body at a time. Four times what browsers send with many
/// cookies; beyond it the answer is 431.
const HEAD_BYTES_MAX: usize = 32 * 1024;

/// Limits of the listening loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// Connections served at a time. Each costs some 40 KiB at most while it sends; the next waits to be accepted.
    pub connections_max: usize,
    /// How long a request's head may take to arrive, and a kept connection may be idle.
    pub head_read_max: Duration,
    /// How long requests under way may take to finish once it is time to stop.
    pub drain_max: Duration,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self { connections_max: 10_000, head_read_max: Duration::from_secs(30), drain_max: Duration::from_secs(10) }
    }
}

/// Serves until `stop` resolves; then accepts nothing more, lets requests under way finish within the drain limit, and
/// writes the last tallies. `others` answers the paths that are not the collector's.
pub async fn serve<J, F, A, B>(
    listener: TcpListener,
    collector: Arc<Collector<J>>,
    others: F,
    limits: ConnectionLimits,
    stop: impl Future<Output = ()>,
) where
    J: Journal,
    F: Fn(Request<Incoming>, SocketAddr) -> A + Clone + Send + Sync + 'static,
    A: Future<Output = Response<B>> + Send + 'static,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let permits = Arc::new(Semaphore::new(limits.connections_max));
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    let (stop_flushing, stopped) = oneshot::channel();
    let flushing = tokio::spawn(flush_tallies(Arc::clone(&collector), stopped));
    tokio::pin!(stop);
    loop {
        let (stream, peer, open) = tokio::select! {
            () = &mut stop => break,
            accepted = accept(&listener, &permits, &collector) => match accepted {
                Some(accepted) => accepted,
                None => continue,
            },
            // Finished tasks are taken up as they come, so that the set holds only what is open.
            Some(_) = connections.join_next() => continue,
        };
        let (collector, others) = (Arc::clone(&collector), others.clone());
        let service = service_fn(move |request: Request<Incoming>| {
            let (collector, others) = (Arc::clone(&collector), others.clone());
            async move {
                if Collector::<J>::owns(request.uri().path()) {
                    Ok::<_, Infallible>(collector.handle(request, peer).await.map(Either::Left))
                } else {
                    Ok(others(request, peer).await.map(Either::Right))
                }
            }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.head_read_max)
            .max_buf_size(HEAD_BYTES_MAX)
            .serve_connection(TokioIo::new(stream), service);
        let watched = graceful.watch(connection);
        connections.spawn(async move {
            // A connection that fails (reset, timeout, no HTTP) concerns nobody but its client.
            drop(watched.await);
            drop(open);
        });
    }
    drop(listener);
    let drained = tokio::time::timeout(limits.drain_max, graceful.shutdown()).await;
    if drained.is_err() {
        tracing::warn!(connections = connections.len(), "connections are cut off: they did not finish in time");
    }
    connections.shutdown().await;
    // The task ends by itself once it is told; it cannot be told twice, and it does not panic.
    let _told = stop_flushing.send(());
    drop(flushing.await);
}

/// Waits for room, then for a connection. Nothing where the system could not give one.
async fn accept<J>(
    listener: &TcpListener,
    permits: &Arc<Semaphore>,
    collector: &Collector<J>,
) -> Option<(TcpStream, SocketAddr, OpenConnection)> {
    if permits.available_permits() == 0 {
        collector.metrics.connections_held_back.inc();
    }
    let permit = Arc::clone(permits).acquire_owned().await.expect("the semaphore is never closed");
    match listener.accept().await {
        Ok((stream, peer)) => {
            // An answer is one small write: waiting for more to send with it would only delay it.
            drop(stream.set_nodelay(true));
            let gauge = collector.metrics.connections_open.clone();
            gauge.inc();
            Some((stream, peer, OpenConnection { gauge, _permit: permit }))
        }
        Err(error) => {
            tracing::warn!(%error, "a connection could not be accepted");
            tokio::time::sleep(ACCEPT_AGAIN).await;
            None
        }
    }
}

/// A place among the connections served, given back when dropped.
struct OpenConnection {
    gauge: IntGauge,
    _permit: OwnedSemaphorePermit,
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.gauge.dec();
    }
}

async fn flush_tallies<J: Journal>(collector: Arc<Collector<J>>, mut stopped: oneshot::Receiver<()>) {
    let mut every = tokio::time::interval(TALLY_EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let last = tokio::select! {
            _ = &mut stopped => true,
            _ = every.tick() => false,
        };
        collector.flush_tallies().await;
        if last {
            return;
        }
    }
}
