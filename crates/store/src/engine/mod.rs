//! The embedded ClickHouse engine: `libchdb.so` in a process of its own, behind ClickHouse's own HTTP interface on loopback,
//! so that everything else speaks to it as to any ClickHouse server.
//!
//! [`run`] is that process (`footfall engine`); [`child`] starts it and keeps it running. One engine opens one data
//! directory, and one process holds one engine. It is small by default: memory bounded, no system logs, few threads.

mod answer;
mod body;
pub mod child;
mod data_dir;
mod exception;
mod execute;
mod ffi;
mod formats;
mod framing;
mod host;
mod request;
mod sessions;
mod statement;
mod supervised;
mod writes;

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

pub use host::run;

/// Version of the engine, as its package is called; `scripts/fetch-engine.sh` pins the same.
pub const ENGINE_VERSION: &str = "26.7.3-stable.1";

/// Memory the engine may use unless configured otherwise, in bytes: enough for every question over a year of counts with
/// room for merges, small enough for a machine of 2 GB.
pub const MEMORY_BYTES_MAX: u64 = 1024 * 1024 * 1024;

/// What an engine process needs to know.
#[derive(Clone)]
pub struct EngineConfig {
    /// The data directory; made when it is missing.
    pub data: PathBuf,
    /// Where to listen; port 0 picks one.
    pub listen: SocketAddr,
    /// Path of `libchdb.so`.
    pub library: PathBuf,
    /// Bound of the engine's memory, in bytes.
    pub memory_bytes_max: u64,
    /// The one user.
    pub user: String,
    /// That user's password; empty means that anybody on this machine may ask.
    pub password: String,
    /// Started by [`child::Engine`]: the password comes as the first line of standard input, and its end means that the
    /// parent has gone.
    pub supervised: bool,
}

impl fmt::Debug for EngineConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EngineConfig").field("data", &self.data).field("listen", &self.listen).finish_non_exhaustive()
    }
}

impl EngineConfig {
    /// The defaults: the fetched library, bounded memory, ClickHouse's `default` user without a password; supervised when
    /// [`child::Engine`] started this process.
    #[must_use]
    pub fn new(data: PathBuf, listen: SocketAddr) -> Self {
        Self {
            data,
            listen,
            library: library_path(),
            memory_bytes_max: MEMORY_BYTES_MAX,
            user: "default".to_owned(),
            password: String::new(),
            supervised: std::env::var_os(supervised::VARIABLE).is_some(),
        }
    }
}

/// Where `scripts/fetch-engine.sh` puts the library: `FOOTFALL_CACHE`, or `footfall` in the user's cache directory.
#[must_use]
pub fn library_path() -> PathBuf {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = set("FOOTFALL_CACHE")
        .or_else(|| set("XDG_CACHE_HOME").map(|cache| cache.join("footfall")))
        .or_else(|| set("HOME").map(|home| home.join(".cache/footfall")))
        .unwrap_or_else(|| PathBuf::from(".cache/footfall"));
    cache.join(format!("libchdb-{ENGINE_VERSION}")).join("libchdb.so")
}

/// Why the engine does not run.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The library cannot be opened.
    #[error("the engine's library {} cannot be opened ({detail}); scripts/fetch-engine.sh fetches it", path.display())]
    Library {
        /// Where it was looked for.
        path: PathBuf,
        /// The loader's words.
        detail: String,
    },
    /// Another process has the data directory open.
    #[error("the data directory {} is in use by process {holder}", path.display())]
    InUse {
        /// The directory.
        path: PathBuf,
        /// The other process's id, as far as it is known.
        holder: String,
    },
    /// The engine refused to open the data directory.
    #[error("the engine cannot open the data directory {}: {detail}", path.display())]
    Open {
        /// The directory.
        path: PathBuf,
        /// What is known.
        detail: String,
    },
    /// A file or socket operation failed.
    #[error("{doing}: {source}")]
    Io {
        /// What was being done.
        doing: String,
        /// The system's words.
        source: std::io::Error,
    },
    /// The child process did not become ready.
    #[error("the engine process did not become ready: {detail}")]
    NotReady {
        /// What was seen.
        detail: String,
    },
}

impl EngineError {
    pub(crate) fn io(doing: impl Into<String>, source: std::io::Error) -> Self {
        Self::Io { doing: doing.into(), source }
    }
}
