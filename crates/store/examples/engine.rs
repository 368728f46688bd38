//! The engine process alone, for this crate's tests: what `footfall engine` does, with the same arguments.

use std::io::Error;
use std::net::SocketAddr;
use std::path::PathBuf;

use store::engine::{EngineConfig, EngineError, run};

#[tokio::main]
async fn main() -> Result<(), EngineError> {
    let mut config = EngineConfig::new(PathBuf::from("data"), SocketAddr::from(([127, 0, 0, 1], 0)));
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let mut value = || arguments.next().unwrap_or_default();
        match name.as_str() {
            "engine" => {}
            "--data" => config.data = PathBuf::from(value()),
            "--listen" => config.listen = value().parse().map_err(|_| wrong("--listen takes ADDRESS:PORT"))?,
            "--password" => config.password = value(),
            _ => return Err(wrong("engine --data DIR --listen ADDRESS:PORT [--password KEY]")),
        }
    }
    let mut terminated = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())
        .map_err(|source| EngineError::Io { doing: "watching for signals".to_owned(), source })?;
    run(config, async move {
        terminated.recv().await;
    })
    .await
}

fn wrong(usage: &str) -> EngineError {
    EngineError::Io { doing: "reading the arguments".to_owned(), source: Error::other(usage.to_owned()) }
}
