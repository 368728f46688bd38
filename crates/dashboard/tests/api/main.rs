//! The dashboard over the real engine, asked over HTTP (without a socket).
//!
//! * `answers`: every kind of question against a recount of the visits themselves
//! * `ledger`: what became of every hit, and how much was measured
//! * `tens`: what a site in mode `exempt` tells, against what it would tell in `full`
//! * `access`: tokens, public sites, headers, methods, bodies
//! * `engine`, `traffic`, `asking`: what they stand on

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "what tests share is test code too")]

mod access;
mod answers;
mod asking;
mod engine;
mod ledger;
mod tens;
mod traffic;
