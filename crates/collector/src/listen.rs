//! Serves connections: accepts them up to a bound, gives each its time limits, hands each request to whoever answers it (the
//! collector and what the binary serves beside it, or only that), and drains within a bound.
//!
//! HTTP/1.1 only. What comes in too slowly (a header, a body) is cut off. Who connects beyond the bound waits in the
//! system's queue, and that is counted; whoever has kept the loop waiting for longest makes room then, so that clients who open
//! connections and say nothing take the places of each other, not those of honest ones
//! (`docs/decisions/0018-who-makes-room.md`).

use std::collections::HashMap;
use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Either;
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use journal::Journal;
use prometheus::{IntCounter, IntGauge, Registry};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::task::{AbortHandle, Id, JoinSet};
use tokio::time::MissedTickBehavior;

use crate::arriving::{Arriving, Turn};
use crate::collector::Collector;

/// How often refused hits are written to the journal, and so how many a crash can take out of the ledger.
const TALLY_EVERY: Duration = Duration::from_secs(1);

/// How long to wait before accepting again after the system refused (no file handles left): it passes or it does not.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// Most bytes of a request's head, and of what is buffered of its body at a time. Four times what browsers send with many
/// cookies; beyond it the answer is 431.
const HEAD_BYTES_MAX: usize = 32 * 1024;

/// How long a client may keep a full loop waiting before it may have to make room: twenty times what an honest one needs to send
/// a request that it has begun. So a loop takes as many new connections in this time as it may have.
const ROOM_AFTER: Duration = Duration::from_secs(1);

/// Which share of the places is cleared at a time, one in so many: looking for who has waited longest costs a look at all.
const ROOM_SHARE: usize = 100;

/// Limits of the listening loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// Connections served at a time. Each costs some 40 KiB at most while it sends; the next waits until one ends, or makes room.
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
    F: Fn(Request<Arriving>, SocketAddr) -> A + Clone + Send + Sync + 'static,
    A: Future<Output = Response<B>> + Send + 'static,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let (stop_flushing, stopped) = oneshot::channel();
    let flushing = tokio::spawn(flush_tallies(Arc::clone(&collector), stopped));
    let figures = collector.metrics.connections.clone();
    let answer = move |request: Request<Arriving>, peer| {
        let (collector, others) = (Arc::clone(&collector), others.clone());
        async move {
            if Collector::<J>::owns(request.uri().path()) {
                collector.handle(request, peer).await.map(Either::Left)
            } else {
                others(request, peer).await.map(Either::Right)
            }
        }
    };
    serve_alone(listener, answer, limits, figures, stop).await;
    // The task ends by itself once it is told; it cannot be told twice, and it does not panic.
    let _told = stop_flushing.send(());
    drop(flushing.await);
}

/// Serves what is no collector until `stop` resolves, within the same limits: `answer` answers every request.
pub async fn serve_alone<F, A, B>(
    listener: TcpListener,
    answer: F,
    limits: ConnectionLimits,
    figures: Connections,
    stop: impl Future<Output = ()>,
) where
    F: Fn(Request<Arriving>, SocketAddr) -> A + Clone + Send + Sync + 'static,
    A: Future<Output = Response<B>> + Send + 'static,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let permits = Arc::new(Semaphore::new(limits.connections_max));
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    let mut turns = Turns::new();
    tokio::pin!(stop);
    loop {
        let (stream, peer, open) = tokio::select! {
            () = &mut stop => break,
            accepted = accept(&listener, &permits, &figures) => match accepted {
                Some(accepted) => accepted,
                None => continue,
            },
            // Finished tasks are taken up as they come, so that the set holds only what is open.
            Some(ended) = connections.join_next_with_id() => {
                turns.ended(ended.map_or_else(|error| error.id(), |(id, ())| id));
                continue;
            }
            () = tokio::time::sleep(ROOM_AFTER), if permits.available_permits() == 0 => {
                figures.cut_off.inc_by(turns.make_room());
                continue;
            }
        };
        let (answer, turn) = (answer.clone(), Turn::of_client(turns.begun));
        let clients = turn.clone();
        let service = service_fn(move |request: Request<Incoming>| {
            let (answer, turn) = (answer.clone(), clients.clone());
            async move {
                let request = request.map(|body| Arriving::new(body, turn.clone()));
                let answered = answer(request, peer).await;
                turn.is_the_clients();
                Ok::<_, Infallible>(answered)
            }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.head_read_max)
            .max_buf_size(HEAD_BYTES_MAX)
            .serve_connection(TokioIo::new(stream), service);
        let watched = graceful.watch(connection);
        let serving = connections.spawn(async move {
            // A connection that fails (reset, timeout, no HTTP) concerns nobody but its client.
            drop(watched.await);
            drop(open);
        });
        turns.began(serving, turn);
        if permits.available_permits() == 0 {
            figures.cut_off.inc_by(turns.make_room());
        }
    }
    drop(listener);
    let drained = tokio::time::timeout(limits.drain_max, graceful.shutdown()).await;
    if drained.is_err() {
        tracing::warn!(connections = connections.len(), "connections are cut off: they did not finish in time");
    }
    connections.shutdown().await;
}

/// Whose turn it is on each open connection.
struct Turns {
    begun: Instant,
    open: HashMap<Id, (AbortHandle, Turn)>,
}

impl Turns {
    fn new() -> Self {
        Self { begun: Instant::now(), open: HashMap::new() }
    }

    fn began(&mut self, serving: AbortHandle, turn: Turn) {
        self.open.insert(serving.id(), (serving, turn));
    }

    fn ended(&mut self, id: Id) {
        self.open.remove(&id);
    }

    /// Cuts off those who have kept us waiting for longest, up to their share; nobody who was waited for only just now, and
    /// nobody who waits for us. Says how many.
    fn make_room(&mut self) -> u64 {
        let now = self.begun.elapsed().saturating_sub(ROOM_AFTER);
        let before = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
        let waits = |(id, (_, turn)): (&Id, &(AbortHandle, Turn))| Some((turn.waits_since()?, *id));
        let mut waited: Vec<(u64, Id)> =
            self.open.iter().filter_map(waits).filter(|(since, _)| *since < before).collect();
        let room = (self.open.len() / ROOM_SHARE).max(1).min(waited.len());
        if room == 0 {
            return 0;
        }
        waited.select_nth_unstable_by_key(room - 1, |(since, _)| *since);
        waited.truncate(room);
        for (_, id) in &waited {
            if let Some((serving, _)) = self.open.remove(id) {
                serving.abort();
            }
        }
        room as u64
    }
}

/// What a listening loop tells of its connections.
#[derive(Clone)]
pub struct Connections {
    open: IntGauge,
    held_back: IntCounter,
    cut_off: IntCounter,
}

impl Connections {
    /// Registers the figures.
    ///
    /// # Errors
    /// A figure's name that the registry already has.
    pub fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let open = IntGauge::new("footfall_connections_open", "Connections that are served.")?;
        let held_back = IntCounter::new(
            "footfall_connections_held_back_total",
            "Times a connection had to wait because as many as may be open were.",
        )?;
        let cut_off = IntCounter::new(
            "footfall_connections_cut_off_total",
            "Connections closed to make room because they had kept a full server waiting for longest.",
        )?;
        registry.register(Box::new(open.clone()))?;
        registry.register(Box::new(held_back.clone()))?;
        registry.register(Box::new(cut_off.clone()))?;
        Ok(Self { open, held_back, cut_off })
    }
}

/// Waits for room, then for a connection. Nothing where the system could not give one.
async fn accept(
    listener: &TcpListener,
    permits: &Arc<Semaphore>,
    figures: &Connections,
) -> Option<(TcpStream, SocketAddr, OpenConnection)> {
    if permits.available_permits() == 0 {
        figures.held_back.inc();
    }
    let permit = Arc::clone(permits).acquire_owned().await.expect("the semaphore is never closed");
    match listener.accept().await {
        Ok((stream, peer)) => {
            // An answer is one small write: waiting for more to send with it would only delay it.
            drop(stream.set_nodelay(true));
            let gauge = figures.open.clone();
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
