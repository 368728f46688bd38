//! The engine as a child process that is kept running: started again with growing pauses when it dies, gone when its parent
//! is gone. It listens on one port for as long as the parent lives, so whoever holds its URL need not learn of restarts:
//! in between, connections are refused and [`crate::StoreError::retry`] says to try again.

use std::ffi::OsString;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

use super::{EngineError, supervised};
use crate::StoreConfig;

/// First pause before a dead engine is started again; it doubles with every death.
const PAUSE_MIN: Duration = Duration::from_millis(100);
/// Longest pause: an engine that cannot start costs half a second of processor time every two, and is back soon.
const PAUSE_MAX: Duration = Duration::from_secs(2);
/// An engine that ran this long was healthy: the next pause is the first one again.
const HEALTHY: Duration = Duration::from_secs(30);
/// Longest until the first engine must answer: it may have to wait for one that a killed parent left behind.
const START_MAX: Duration = Duration::from_secs(30);
/// Longest an engine may take to close its tables when told to stop.
const STOP_MAX: Duration = Duration::from_secs(30);

/// How the engine process is started.
#[derive(Clone, Debug)]
pub struct ChildConfig {
    /// The program; it is called with `engine --data … --listen …`. Usually `std::env::current_exe()`.
    pub program: PathBuf,
    /// The engine's data directory.
    pub data: PathBuf,
    /// More arguments, behind the others.
    pub arguments: Vec<OsString>,
}

/// A running engine process. Dropped, it kills it; [`Engine::stop`] lets it close its tables.
pub struct Engine {
    url: String,
    key: String,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Shared {
    restarts: AtomicU64,
    process: AtomicU32,
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("url", &self.url).finish_non_exhaustive()
    }
}

impl Engine {
    /// Starts the engine and waits until it answers.
    ///
    /// # Errors
    /// No free port, or the engine does not become ready within half a minute.
    pub async fn start(config: ChildConfig) -> Result<Self, EngineError> {
        let address = free_address().map_err(|error| EngineError::io("finding a free port", error))?;
        let key = random_key()?;
        let shared = Arc::new(Shared::default());
        let (report, mut reports) = watch::channel(State::Starting);
        let (stop, stopped) = oneshot::channel();
        let supervisor = Supervisor { config, address, key: key.clone(), shared: Arc::clone(&shared), report };
        let engine = Self {
            url: format!("http://{address}"),
            key,
            shared,
            stop: Some(stop),
            task: tokio::spawn(supervisor.run(stopped)),
        };
        let ready = reports.wait_for(|state| matches!(state, State::Ready));
        let ended = tokio::time::timeout(START_MAX, ready).await.map(|ready| ready.is_ok());
        if ended == Ok(true) {
            return Ok(engine);
        }
        let detail = match &*reports.borrow() {
            State::Died(how) => how.clone(),
            State::Starting | State::Ready => format!("no sign of life within {START_MAX:?}"),
        };
        Err(EngineError::NotReady { detail })
    }

    /// Its URL, which stays the same over restarts.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// How to connect a [`crate::Store`] to it.
    #[must_use]
    pub fn store_config(&self, database: &str) -> StoreConfig {
        StoreConfig {
            url: self.url.clone(),
            database: database.to_owned(),
            user: "default".to_owned(),
            password: self.key.clone(),
        }
    }

    /// How often it died and was started again.
    #[must_use]
    pub fn restarts(&self) -> u64 {
        self.restarts_later()()
    }

    /// The same, to be asked for at any later time.
    pub fn restarts_later(&self) -> impl Fn() -> u64 + Send + Sync + use<> {
        let shared = Arc::clone(&self.shared);
        move || shared.restarts.load(Ordering::Relaxed)
    }

    /// The present process's id, if there is one.
    #[must_use]
    pub fn process_id(&self) -> Option<u32> {
        Some(self.shared.process.load(Ordering::Relaxed)).filter(|id| *id != 0)
    }

    /// Lets it finish what it is doing, close its tables and end.
    pub async fn stop(mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
            let _ = (&mut self.task).await;
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // The task owns the child, which is killed when dropped.
        self.task.abort();
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    Starting,
    Ready,
    Died(String),
}

struct Supervisor {
    config: ChildConfig,
    address: SocketAddr,
    key: String,
    shared: Arc<Shared>,
    report: watch::Sender<State>,
}

impl Supervisor {
    async fn run(self, mut stopped: oneshot::Receiver<()>) {
        let mut pause = PAUSE_MIN;
        loop {
            let started = Instant::now();
            let how = match self.once(&mut stopped).await {
                Ended::Told => return,
                Ended::Died(how) => how,
            };
            self.shared.process.store(0, Ordering::Relaxed);
            self.shared.restarts.fetch_add(1, Ordering::Relaxed);
            pause = if started.elapsed() >= HEALTHY { PAUSE_MIN } else { pause };
            tracing::warn!(how, ?pause, "the engine died and is started again");
            self.report.send_replace(State::Died(how));
            tokio::select! {
                _ = &mut stopped => return,
                () = tokio::time::sleep(pause) => {}
            }
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    /// Runs one engine process to its end.
    async fn once(&self, stopped: &mut oneshot::Receiver<()>) -> Ended {
        // The pipe must stay open as long as the child is to live: waiting for a child closes the one it holds.
        let (mut child, input) = match self.spawn().await {
            Ok(spawned) => spawned,
            Err(error) => return Ended::Died(format!("{} cannot be started: {error}", self.config.program.display())),
        };
        self.shared.process.store(child.id().unwrap_or_default(), Ordering::Relaxed);
        let mut lines = child.stdout.take().map(|output| BufReader::new(output).lines());
        loop {
            let line = async {
                match &mut lines {
                    Some(lines) => lines.next_line().await.ok().flatten(),
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                line = line => match line {
                    Some(line) if line.starts_with("ready ") => {
                        self.report.send_replace(State::Ready);
                    }
                    Some(_) => {}
                    None => lines = None,
                },
                status = child.wait() => {
                    let how = status.map_or_else(|error| error.to_string(), |status| status.to_string());
                    return Ended::Died(how);
                }
                _ = &mut *stopped => {
                    end(child, input).await;
                    return Ended::Told;
                }
            }
        }
    }

    async fn spawn(&self) -> std::io::Result<(Child, Option<ChildStdin>)> {
        let mut child = Command::new(&self.config.program)
            .arg("engine")
            .arg("--data")
            .arg(&self.config.data)
            .arg("--listen")
            .arg(self.address.to_string())
            .args(&self.config.arguments)
            .env(supervised::VARIABLE, "1")
            // Days and hours are the sites' own; the engine's zone must not depend on the machine.
            .env("TZ", "UTC")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // A signal to the whole group (Ctrl-C, a service manager) is for the parent: it lets the engine end last.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        // The key goes through the pipe, not through arguments or environment, which others can read.
        let mut input = child.stdin.take();
        if let Some(input) = &mut input {
            input.write_all(format!("{}\n", self.key).as_bytes()).await?;
            input.flush().await?;
        }
        Ok((child, input))
    }
}

/// Tells a child to end and waits for it.
async fn end(mut child: Child, input: Option<ChildStdin>) {
    if let Some(mut input) = input {
        // Where the word does not arrive, the pipe's end says the same.
        let _ = input.write_all(supervised::STOP.as_bytes()).await;
    }
    if tokio::time::timeout(STOP_MAX, child.wait()).await.is_err() {
        tracing::warn!("the engine did not end in time and is killed");
        let _ = child.kill().await;
    }
}

enum Ended {
    /// As it was told to.
    Told,
    /// By itself; how is told.
    Died(String),
}

/// An address on loopback that nobody uses now. It is chosen once: a port that changed with every start would have to be
/// told to everyone who holds the URL.
fn free_address() -> std::io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

/// A key for this start: other users of the machine can reach loopback, too.
fn random_key() -> Result<String, EngineError> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes)
        .map_err(|error| EngineError::io("asking for randomness", std::io::Error::other(error.to_string())))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
