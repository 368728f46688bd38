//! What every journal does, and what the embedded one and the one on Kafka do beside that. The index:
//!
//! `behaviour` runs over the embedded journal, its twin and Kafka alike · `model` compares the first two under random operations ·
//! `damage` cuts files and flips bits · `crash` kills a process with SIGKILL again and again · `disk` looks at the files.
//! Those four are about files of ours: Kafka's are the brokers' to keep · `kafka` has what is about brokers, and kills one ·
//! `group` has several processes on one topic · `spool` is about records that wait while a journal is away, `spool_crash` kills
//! the process that has one, `spool_kafka` the broker behind one. `bed`, `planted` and `kafka_server` hold the helpers.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "all of it is test code, helpers and macros too")]

mod bed;
mod behaviour;
mod crash;
mod damage;
mod disk;
mod group;
mod kafka;
#[allow(dead_code, reason = "the tests of whole installations and the benches use the rest of it")]
mod kafka_server;
mod model;
mod planted;
mod spool;
mod spool_crash;
mod spool_kafka;
