//! Lets the process open as many files and connections as it may. Many systems give a process 1,024 at first, for programs that are as old as
//! `select`, and allow far more: a tenth of the connections that a collector takes.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the soft limit to the hard one. What was not to be had is said: connections beyond it wait.
pub fn take_all() {
    let limit = getrlimit(Resource::Nofile);
    if limit.current == limit.maximum {
        return;
    }
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }) {
        tracing::warn!(%error, current = limit.current, allowed = limit.maximum, "the limit of open files stays as it is");
    }
}
