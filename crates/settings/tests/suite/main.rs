//! What the settings do over both databases, and what is about PostgreSQL alone. The index:
//!
//! `behaviour`, `accounts`, `shares`, `mailings` and `meaning` run over SQLite and PostgreSQL alike, one test a sentence · `model` compares both with a map under random
//! operations · `turns` has many writers at once, in one process and in several · `crash` kills a writing process ·
//! `postgres` has passwords, TLS, and a server that goes away, hangs and comes back.
//! `bed` and `server` hold the helpers.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "all of it is test code, helpers and macros too")]

mod accounts;
mod bed;
mod behaviour;
mod crash;
mod mailings;
mod meaning;
mod model;
mod postgres;
mod server;
mod shares;
mod turns;
