//! What the engine process and its parent agree on: the password as the first line of the child's standard input, and the
//! end of that input as the sign that the parent has gone, however it went. A pipe's end is closed by the system even
//! when the parent is killed.

use std::io::{BufRead, BufReader};

use tokio::sync::oneshot;

/// Set in the child's environment; its value does not matter.
pub(super) const VARIABLE: &str = "FOOTFALL_ENGINE_SUPERVISED";

/// Reads the password, and tells when the parent has gone.
pub(super) fn listen() -> std::io::Result<(String, oneshot::Receiver<()>)> {
    let mut input = BufReader::new(std::io::stdin());
    let mut password = String::new();
    input.read_line(&mut password)?;
    let (gone, receiver) = oneshot::channel();
    // A thread of its own: the runtime would wait at its end for a read that never returns.
    std::thread::Builder::new().name("parent".to_owned()).spawn(move || {
        let _ = std::io::copy(&mut input, &mut std::io::sink());
        let _ = gone.send(());
    })?;
    Ok((password.trim_end().to_owned(), receiver))
}
