//! Keeps the process's memory in memory: no core dump, no other user's debugger, no swap where the system allows.
//!
//! The visitor secret, the hours' private keys and opened hits live in this memory only. What could not be had is said once:
//! an operator who relies on it should know.

use rustix::mm::{MlockAllFlags, mlockall};
use rustix::process::{DumpableBehavior, Resource, Rlimit, getrlimit, set_dumpable_behavior, setrlimit};

/// Shuts the ways by which memory reaches a disk.
pub fn keep_in_ram() {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    if let Err(error) = setrlimit(Resource::Core, none) {
        tracing::warn!(error = %error, "core dumps cannot be turned off");
    }
    if let Err(error) = set_dumpable_behavior(DumpableBehavior::NotDumpable) {
        tracing::warn!(error = %error, "the process's memory stays readable for its user's other processes");
    }
    // Under a bound, locked memory that grows would one day be refused, and the process end: then rather not at all.
    let unbounded = getrlimit(Resource::Memlock).current.is_none();
    let locked = unbounded && mlockall(MlockAllFlags::CURRENT | MlockAllFlags::FUTURE | MlockAllFlags::ONFAULT).is_ok();
    if !locked {
        tracing::info!(
            "memory may be swapped: allow an unlimited RLIMIT_MEMLOCK (LimitMEMLOCK=infinity) or turn swap off"
        );
    }
}
