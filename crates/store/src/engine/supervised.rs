//! What the engine process and its parent agree on: the password as the first line of the child's standard input, a word by
//! which it is told to end, and the end of that input without the word as the sign that the parent has gone, however it went. A
//! pipe's end is closed by the system even when the parent is killed.

use std::io::{BufRead, BufReader};

use tokio::sync::oneshot;

/// Set in the child's environment; its value does not matter.
pub(super) const VARIABLE: &str = "FOOTFALL_ENGINE_SUPERVISED";

/// The line by which the parent tells the engine to end.
pub(super) const STOP: &str = "stop\n";

/// Why an engine ends that a parent looks after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// It was told to.
    Told,
    /// Its parent is no more.
    Orphaned,
}

/// Reads the password, and tells when and why the engine is to end.
pub(super) fn listen() -> std::io::Result<(String, oneshot::Receiver<End>)> {
    let mut input = BufReader::new(std::io::stdin());
    let mut password = String::new();
    input.read_line(&mut password)?;
    let (tell, receiver) = oneshot::channel();
    // A thread of its own: the runtime would wait at its end for a read that never returns.
    std::thread::Builder::new().name("parent".to_owned()).spawn(move || {
        let _ = tell.send(end(input));
    })?;
    Ok((password.trim_end().to_owned(), receiver))
}

/// Reads until the word or the end.
fn end(input: impl BufRead) -> End {
    match input.lines().map_while(Result::ok).any(|line| line == STOP.trim_end()) {
        true => End::Told,
        false => End::Orphaned,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engine_that_is_told_to_end_is_no_orphan() {
        assert_eq!(end(STOP.as_bytes()), End::Told);
        for said in ["", "sto", "\n"] {
            assert_eq!(end(said.as_bytes()), End::Orphaned, "{said:?}");
        }
    }
}
