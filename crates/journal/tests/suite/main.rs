//! What every journal does, and what the embedded one does beside that. The index:
//!
//! `behaviour` runs over the embedded journal and its twin alike · `model` compares the two under random operations ·
//! `damage` cuts files and flips bits · `crash` kills a process with SIGKILL again and again · `disk` looks at the files.
//! `bed` holds the helpers.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "all of it is test code, helpers and macros too")]

mod bed;
mod behaviour;
mod crash;
mod damage;
mod disk;
mod model;
