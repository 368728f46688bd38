//! The audit log: what was done to keys, data and access, a line of JSON each, appended and fsynced.
//!
//! It holds no secret and nothing about a visitor. A line is one write, so that a crash leaves at most a last line without its end.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use anyhow::Context;
use model::Clock;
use serde_json::{Value, json};

/// The log of one data directory.
pub struct Audit {
    path: PathBuf,
    file: Mutex<File>,
    clock: Clock,
}

impl Audit {
    /// Opens `audit.log` in the data directory, readable by its owner only.
    pub fn open(data: &Path, clock: Clock) -> anyhow::Result<Self> {
        let path = data.join("audit.log");
        let opened = OpenOptions::new().create(true).append(true).mode(0o600).open(&path);
        let file = Mutex::new(opened.with_context(|| format!("cannot open {}", path.display()))?);
        Ok(Self { path, file, clock })
    }

    /// Writes one line. A log that cannot be written does not stop what is logged; that is said, loudly.
    pub fn record(&self, event: &str, facts: &Value) {
        let at = jiff::Timestamp::from_millisecond(self.clock.now().0).map(|at| at.to_string()).unwrap_or_default();
        let line = format!("{}\n", json!({ "at": at, "event": event, "facts": facts }));
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = file.write_all(line.as_bytes()).and_then(|()| file.sync_data()) {
            tracing::error!(path = %self.path.display(), error = %error, event, "the audit log cannot be written");
        }
    }
}

#[cfg(test)]
mod tests {
    use model::Millis;

    use super::*;

    #[test]
    fn lines_are_appended_across_restarts() {
        let data = tempfile::tempdir().unwrap();
        for hour in [1, 2] {
            let audit = Audit::open(data.path(), Clock::new(|| Millis(1_800_000_000_000))).unwrap();
            audit.record("seal_key_destroyed", &json!({ "hour": hour }));
        }
        let text = std::fs::read_to_string(data.path().join("audit.log")).unwrap();
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!((lines.len(), &lines[1]["facts"]["hour"]), (2, &json!(2)));
        assert_eq!(lines[0]["at"], "2027-01-15T08:00:00Z");
    }
}
