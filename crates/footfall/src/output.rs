//! Standard output, where answers go. Whoever reads it may have seen enough (`| head -1`), which is no failure; a disk without
//! room is one, with words of its own.

use std::fmt::Display;
use std::io::{ErrorKind, Write};

use serde_json::Value;

use crate::failure::Failure;

/// Writes a text.
pub fn write(text: &str) -> Result<(), Failure> {
    written(attempt(text))
}

/// Writes a line.
pub fn line(text: impl Display) -> Result<(), Failure> {
    write(&format!("{text}\n"))
}

/// Writes a value for programs, indented so that people may read it, too.
pub fn json(value: &Value) -> Result<(), Failure> {
    line(format_args!("{value:#}"))
}

/// Writes a text, and tells as the system does what became of it.
pub fn attempt(text: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush())
}

/// What an attempt to write an answer comes to.
pub fn written(attempt: std::io::Result<()>) -> Result<(), Failure> {
    attempt.map_err(|error| match error.kind() {
        ErrorKind::BrokenPipe => Failure::Unread,
        _ => anyhow::Error::from(error).context("cannot write to standard output").into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_that_has_seen_enough_is_no_failure_and_a_full_disk_is_one() {
        let come_to = |kind: ErrorKind| match written(Err(kind.into())) {
            Err(Failure::Unread) => "unread".to_owned(),
            Err(Failure::Failed(error)) => error.to_string(),
            Err(Failure::Usage(_)) | Ok(()) => String::new(),
        };
        assert_eq!(come_to(ErrorKind::BrokenPipe), "unread");
        assert_eq!(come_to(ErrorKind::StorageFull), "cannot write to standard output");
        assert!(written(Ok(())).is_ok());
    }
}
