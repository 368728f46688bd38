//! The whole system, from outside: the real binary, the real engine, real files, a real browser.
//!
//! | module | holds |
//! |---|---|
//! | `arrows` | which crate may know which, against every Cargo.toml |
//! | `journey` | a hit's way from each door to an answer; two doors, one count |
//! | `outcomes` | what every wrong input gets |
//! | `recount` | imports against a recount in another language |
//! | `imports` | imports that are killed, of a log that grows |
//! | `crashes` | `kill -9` of any process while hits are sent |
//! | `lost` | a key that is lost before its records were counted |
//! | `mailing` | a report by e-mail, sent to a mail server of the test's own and read by Python's library |
//! | `attacker` | what somebody with every table finds out about a visitor, before and after closing |
//! | `canary` | known identifiers through every door, and every byte written searched for them; line ends, and every line of the logs |
//! | `close` | closed days at rest, and in answers |
//! | `promises` | the policy's clauses and the design's points, one test each |
//! | `prove` | `footfall prove` against healthy installations and broken ones |
//! | `notice` | the notice and the visitor's page against what the program does |
//! | `docs` | the documents against the code |
//! | `readme` | the README's commands, in an empty directory |
//! | `distributed` | roles as processes of their own on real Kafka: shared, taken over, spooled, started alone |
//! | `faults` | what networks, disks, machines and strangers do to it, on real processes, against a naive recount |
//! | `definitions` | goals, segments and funnels that are defined while it runs, against the test's own count |
//! | `sharing` | shared links made at a terminal, followed, and taken back |
//! | `sites` | sites added, changed and removed from a terminal while a server runs |
//! | `users` | users and API tokens made at a terminal, and what they open at a running server |
//! | `dashboards` | every panel, rule and alert, asked of a real Prometheus |
//! | `deploy` | the deployment files against the binary |
//! | `commands` | what commands say at a terminal: to pipes that close, full disks, wrong configurations |
//! | `compose` | the compose deployment's own scripts and variables, without containers |
//! | `clients` | a client made for Plausible, asking as its users do |
//! | `browser` | a real visit in Chromium, counted by the real tracker |
//! | `flows` | ways, web vitals and a scroll depth: real pages in Chromium, against what the browser told the test |
//! | `dashboard_ui` | the web page in Chromium: numbers, filters, keyboard, languages, themes, axe-core, weight |
//!
//! `smtp` takes mails; `harness` starts and stops servers and speaks HTTP.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test that finds something else fails"
)]

mod arrows;
mod attacker;
mod browser;
mod canary;
mod clients;
mod close;
mod commands;
mod compose;
mod crashes;
mod dashboard_ui;
mod dashboards;
mod definitions;
mod deploy;
mod distributed;
mod docs;
mod faults;
mod flows;
#[allow(missing_docs, reason = "helpers of tests, named for what they do")]
mod harness;
mod imports;
mod journey;
mod lost;
mod mailing;
mod notice;
mod outcomes;
mod promises;
mod prove;
mod readme;
mod recount;
mod sharing;
mod sites;
#[path = "mail/smtp.rs"]
#[allow(missing_docs, reason = "helpers of tests, named for what they do")]
mod smtp;
mod users;
