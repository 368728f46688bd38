//! The engine process: opens the data directory, listens on loopback, hands requests to a bounded number of workers, and
//! closes the engine in order. It knows HTTP and queues; what a request means is [`super::execute`]'s.

use std::convert::Infallible;
use std::future::Future;
use std::io::Write;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request as HttpRequest, Response, StatusCode};
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use subtle::ConstantTimeEq;
use tokio::net::TcpListener;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::answer::{self, Chunks, Head, Server};
use super::data_dir::DataDir;
use super::exception::{Exception, Own};
use super::ffi::{Connection, Library};
use super::request::Request;
use super::sessions::Sessions;
use super::supervised::End;
use super::{EngineConfig, EngineError, body, execute, supervised};

/// Statements running at once. More would share the same two or four cores and the same memory.
const WORKERS_MAX: usize = 16;
/// Requests that may wait for a worker.
const WAITING_MAX: usize = 64;
/// Longest a request waits for a worker.
const WAIT_MAX: Duration = Duration::from_secs(10);
/// Open connections; above, new ones wait to be accepted.
const CONNECTIONS_MAX: usize = 256;
/// Longest a client may take for a request's head.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// Longest URL with its headers, in bytes: parameters of a query may stand in it.
const HEAD_BYTES_MAX: usize = 1024 * 1024;
/// Longest running statements may take to end at shutdown.
const DRAIN_MAX: Duration = Duration::from_secs(10);
/// Longest a statement may run unless its request says otherwise: nothing here takes longer by design.
const STATEMENT_SECONDS_MAX: u32 = 300;

/// Everything a request needs of the process.
pub(super) struct Host {
    library: Library,
    arguments: Vec<String>,
    server: Server,
    user: String,
    password: String,
    workers: Arc<Semaphore>,
    places: Arc<Semaphore>,
    requests: std::sync::atomic::AtomicU64,
    pub(super) sessions: Sessions,
}

impl Host {
    /// Opens a connection with the defaults and nothing else set.
    pub(super) fn connect(&self) -> Result<Connection, Exception> {
        self.library
            .connect(&self.arguments)
            .ok_or_else(|| Exception::own(Own::NoConnection, "The engine gave no connection"))
    }
}

/// Runs the engine until `shutdown` resolves (or the parent goes, when supervised), then closes it in order. Writes
/// `ready http://ADDRESS:PORT` on standard output when it answers.
///
/// # Errors
/// The library or the data directory cannot be opened, or the address is taken.
pub async fn run(config: EngineConfig, shutdown: impl Future<Output = ()>) -> Result<(), EngineError> {
    let EngineConfig { data, listen, library, memory_bytes_max, user, mut password, supervised: watched } = config;
    let mut parent = None;
    if watched {
        let (key, end) = supervised::listen().map_err(|error| EngineError::io("reading the parent's key", error))?;
        password = key;
        parent = Some(end);
    }
    let data = DataDir::open(&data)?;
    let listener =
        TcpListener::bind(listen).await.map_err(|error| EngineError::io(format!("listening on {listen}"), error))?;
    let address = listener.local_addr().map_err(|error| EngineError::io("asking for the address", error))?;
    let library = Library::open(&library)?;
    let arguments = arguments(&data, memory_bytes_max);
    let refused = || EngineError::Open { path: data.path.clone(), detail: "it gave no connection".to_owned() };
    // Held until the end: the engine runs as long as one connection is open.
    let mut anchor = library.connect(&arguments).ok_or_else(refused)?;
    let server = Server { version: ask(&mut anchor, "version()"), timezone: ask(&mut anchor, "serverTimezone()") };
    let host = Arc::new(Host {
        library,
        arguments,
        server,
        user,
        password,
        workers: Arc::new(Semaphore::new(WORKERS_MAX)),
        places: Arc::new(Semaphore::new(WORKERS_MAX + WAITING_MAX)),
        requests: std::sync::atomic::AtomicU64::new(0),
        sessions: Sessions::default(),
    });
    announce(address).map_err(|error| EngineError::io("saying that the engine is ready", error))?;
    let stop = async {
        tokio::select! {
            () = shutdown => {}
            end = end(parent) => {
                if end == End::Orphaned {
                    tracing::info!("the parent has gone");
                }
            }
        }
    };
    serve(listener, &host, stop).await;
    close(&host, anchor, library).await;
    drop(data);
    Ok(())
}

async fn end(parent: Option<tokio::sync::oneshot::Receiver<End>>) -> End {
    match parent {
        Some(end) => end.await.unwrap_or(End::Orphaned),
        None => std::future::pending().await,
    }
}

/// The engine's own settings: the first group opens it, the second is every connection's default.
fn arguments(data: &DataDir, memory_bytes_max: u64) -> Vec<String> {
    let part = |share: u64| memory_bytes_max / share;
    let settings = [
        ("path", data.path.display().to_string()),
        ("max_server_memory_usage", memory_bytes_max.to_string()),
        ("mark_cache_size", part(16).to_string()),
        ("index_mark_cache_size", part(64).to_string()),
        ("query_condition_cache_size", part(64).to_string()),
        ("compiled_expression_cache_size", part(64).to_string()),
        ("max_thread_pool_size", "256".to_owned()),
        ("background_pool_size", "2".to_owned()),
        ("background_schedule_pool_size", "2".to_owned()),
        // A server's meaning where the library's own differs: `selec 1` is a mistake, not a column.
        ("implicit_select", "0".to_owned()),
        ("max_execution_time", STATEMENT_SECONDS_MAX.to_string()),
        ("max_memory_usage", (part(4) * 3).to_string()),
        ("max_bytes_before_external_group_by", part(4).to_string()),
        ("max_bytes_before_external_sort", part(4).to_string()),
    ];
    let options = settings.into_iter().map(|(name, value)| format!("--{name}={value}"));
    std::iter::once("clickhouse".to_owned()).chain(options).collect()
}

fn ask(connection: &mut Connection, expression: &str) -> String {
    let answer = connection.query(format!("SELECT {expression}").as_bytes(), "TabSeparatedRaw", &[]);
    String::from_utf8_lossy(answer.bytes()).trim_end().to_owned()
}

fn announce(address: SocketAddr) -> std::io::Result<()> {
    let mut output = std::io::stdout().lock();
    writeln!(output, "ready http://{address}")?;
    output.flush()
}

async fn serve(listener: TcpListener, host: &Arc<Host>, stop: impl Future<Output = ()>) {
    let connections = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let graceful = GracefulShutdown::new();
    let mut expiry = tokio::time::interval(Duration::from_secs(10));
    let mut stop = pin!(stop);
    loop {
        let accepted = tokio::select! {
            () = &mut stop => break,
            _ = expiry.tick() => {
                host.sessions.expire();
                continue;
            }
            accepted = accept(&listener, &connections) => accepted,
        };
        let Some((stream, place)) = accepted else { continue };
        let host = Arc::clone(host);
        let service = service_fn(move |request| handle(Arc::clone(&host), request));
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIMEOUT)
            .max_buf_size(HEAD_BYTES_MAX)
            .serve_connection(TokioIo::new(stream), service);
        let watched = graceful.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = watched.await {
                tracing::debug!(%error, "a connection ended early");
            }
            drop(place);
        });
    }
    drop(listener);
    // Idle connections close at once, busy ones after their answer.
    if tokio::time::timeout(DRAIN_MAX, graceful.shutdown()).await.is_err() {
        tracing::warn!("connections were still busy at shutdown");
    }
}

async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> Option<(tokio::net::TcpStream, OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, _)) => {
            let _ = stream.set_nodelay(true);
            Some((stream, place))
        }
        Err(error) => {
            // Out of file descriptors, mostly: a pause lets some connections end instead of spinning.
            tracing::warn!(%error, "a connection could not be accepted");
            tokio::time::sleep(Duration::from_millis(100)).await;
            None
        }
    }
}

/// Waits for running statements, then closes every connection and the engine.
async fn close(host: &Arc<Host>, anchor: Connection, library: Library) {
    let all = u32::try_from(WORKERS_MAX).unwrap_or(u32::MAX);
    let idle = tokio::time::timeout(DRAIN_MAX, host.workers.acquire_many(all)).await;
    host.sessions.clear();
    if idle.is_err() {
        // Data is safe either way: what is not committed was not acknowledged.
        tracing::warn!("statements were still running at shutdown");
    }
    let stopped = tokio::task::spawn_blocking(move || {
        drop(anchor);
        library.shutdown()
    });
    match tokio::time::timeout(DRAIN_MAX, stopped).await {
        Ok(Ok(true)) => {}
        // After any insert into a table this version of the library has a thread parked that it does not reach. Its connections
        // are closed, and the thread ends with the process.
        Ok(Ok(false)) => tracing::debug!("a thread of the engine stays parked until the process ends"),
        Ok(Err(_)) | Err(_) => tracing::warn!("the engine did not close in time"),
    }
}

type Body = Either<Full<Bytes>, Chunks>;

async fn handle(host: Arc<Host>, request: HttpRequest<Incoming>) -> Result<Response<Body>, Infallible> {
    let method = request.method();
    if !matches!(*method, Method::GET | Method::POST | Method::HEAD) {
        return Ok(plain(StatusCode::METHOD_NOT_ALLOWED, "GET and POST are understood\n"));
    }
    match request.uri().path() {
        "/ping" | "/replicas_status" => Ok(plain(StatusCode::OK, "Ok.\n")),
        "/" if *method != Method::POST && request.uri().query().is_none() => Ok(plain(StatusCode::OK, "Ok.\n")),
        "/" => Ok(statement(host, request).await),
        _ => Ok(plain(StatusCode::NOT_FOUND, "Not found. /ping tells whether the engine lives, / takes statements.\n")),
    }
}

fn plain(status: StatusCode, text: &'static str) -> Response<Body> {
    let headers = vec![("content-type", "text/plain; charset=UTF-8".to_owned())];
    answer::respond(Head { status, headers }, Either::Left(Full::new(Bytes::from_static(text.as_bytes()))))
}

async fn statement(host: Arc<Host>, request: HttpRequest<Incoming>) -> Response<Body> {
    let (parts, incoming) = request.into_parts();
    let number = host.requests.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let query_id = format!("footfall-{}-{number}", std::process::id());
    let admitted = async {
        let request = Request::parse(&parts, query_id.clone())?;
        authenticate(&host, &request)?;
        let permit = worker(&host).await?;
        Ok((request, permit))
    };
    let (request, permit) = match admitted.await {
        Ok(admitted) => admitted,
        Err(error) => return refuse(&error, &query_id, &host.server),
    };
    let pipe = body::pump(incoming);
    let (reply, head, chunks) = answer::channel(&request, &host.server);
    let server = host.server.clone();
    tokio::task::spawn_blocking(move || {
        execute::serve(&host, request, pipe, reply);
        drop(permit);
    });
    match head.await {
        Ok(head) => answer::respond(head, Either::Right(chunks)),
        Err(_) => refuse(&Exception::of_engine("The request was broken off".to_owned()), &query_id, &server),
    }
}

fn refuse(error: &Exception, query_id: &str, server: &Server) -> Response<Body> {
    let (head, body) = answer::refuse(error, query_id, server);
    answer::respond(head, Either::Left(Full::new(Bytes::from(body))))
}

fn authenticate(host: &Host, request: &Request) -> Result<(), Exception> {
    let user = if request.user.is_empty() { "default" } else { &request.user };
    let known =
        user.as_bytes().ct_eq(host.user.as_bytes()) & request.password.as_bytes().ct_eq(host.password.as_bytes());
    if bool::from(known) {
        return Ok(());
    }
    // Neither the name nor the key that was tried is repeated.
    let said = "Authentication failed: password is incorrect, or there is no user with such name";
    Err(Exception::own(Own::Authentication, said))
}

/// Places in the queue and at the engine.
struct Worker {
    _place: OwnedSemaphorePermit,
    _worker: OwnedSemaphorePermit,
}

async fn worker(host: &Host) -> Result<Worker, Exception> {
    let full = || Exception::own(Own::TooManyQueries, "Too many simultaneous queries");
    let place = Arc::clone(&host.places).try_acquire_owned().map_err(|_| full())?;
    let worker = tokio::time::timeout(WAIT_MAX, Arc::clone(&host.workers).acquire_owned()).await;
    match worker {
        Ok(Ok(worker)) => Ok(Worker { _place: place, _worker: worker }),
        Ok(Err(_)) | Err(_) => Err(full()),
    }
}
