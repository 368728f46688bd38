//! The collector from outside: requests in, answers and sealed records out. One binary, because they share a desk.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests are tests; clippy exempts only test functions"
)]

mod consenting;
mod desk;
mod doors;
mod forwarding;
mod listening;
mod memory;
mod properties;
