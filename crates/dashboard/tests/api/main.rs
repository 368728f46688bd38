//! The dashboard over the real engine, asked over HTTP (without a socket).
//!
//! * `answers`: every kind of question against a recount of the visits themselves
//! * `dimensions`: rows by what the made-up visits do not say
//! * `goals`: conversion rates and what visits have done, against the same recount
//! * `definitions`: goals, segments, funnels and annotations over HTTP, and what is asked of them; money
//! * `flows`: where the views of a page came from and led to
//! * `vitals`: web vitals and the names of properties
//! * `comparisons`: two ranges beside each other, against each asked alone
//! * `v1`: Plausible's older API, and tables
//! * `together`: several sites in one question
//! * `ledger`: what became of every hit, and how much was measured
//! * `tens`: what a site in mode `exempt` tells, against what it would tell in `full`
//! * `access`: tokens, public sites, headers, methods, bodies
//! * `roles`: every endpoint as everybody, and nobody at a site that is not theirs
//! * `signing`: signing in and out, guessing, other sites' pages, passwords, sessions that are over
//! * `programs`: API tokens, exports, the audit log
//! * `shares`: shared links, what they show and what they do not; frames; public sites
//! * `mails`: reports by e-mail, sent to a mail server of the tests' own and read by Python's library
//! * `bed`: a dashboard with accounts and a clock that tests turn
//! * `engine`, `traffic`, `recount`, `asking`: what they stand on

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "what tests share is test code too")]

mod access;
mod answers;
mod asking;
mod bed;
mod comparisons;
mod definitions;
mod dimensions;
mod engine;
mod flows;
mod goals;
mod ledger;
mod mails;
mod programs;
mod recount;
mod roles;
mod shares;
mod signing;
#[path = "../../../../tests/mail/smtp.rs"]
mod smtp;
mod tens;
mod together;
mod traffic;
mod v1;
mod vitals;
