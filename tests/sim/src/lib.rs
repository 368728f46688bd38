//! The deterministic simulation: one seed is one day of traffic and of everything that goes wrong with machines, and one
//! comparison, in every cell, with a naive recount of what came.
//!
//! What runs is the product: `processor::Processor` with its fold, its intents, replays, closings and keys, fed with records
//! that are really sealed and come by the real spool. What is modelled are their peers (`journal`, `store`, and the spool's disk,
//! `embedded`: what they promise and no more), the collectors' doors, those who send, and time. The invariant: a seed is all there
//! is. The same seed gives the same day, the same faults at the same points and the same result, on any machine; so a failing seed
//! is a bug report.
//!
//! It is not a test of the models: that the embedded journal, Kafka and ClickHouse keep what `journal`, `embedded` and `store` here
//! promise is held by their own suites and by the tests that kill real processes.
//!
//! Read `script` for what a day is, `faults` for what goes wrong, `driver` for how it happens, `check` for what must hold.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a simulation that finds something else than it made fails"
)]

mod check;
mod collector;
mod driver;
mod embedded;
pub mod faults;
mod journal;
mod letters;
pub mod many;
mod member;
#[path = "../../../crates/fold/tests/fold/oracle.rs"]
mod oracle;
mod random;
mod script;
mod senders;
#[path = "../../../crates/fold/tests/fold/sent.rs"]
#[expect(dead_code, reason = "what the tests of `fold` write by hand is drawn here")]
mod sent;
// The product's spool stands on its embedded journal and lets nothing else in. So its source is compiled here once more, where
// `crate::embedded` is the model.
#[path = "../../../crates/journal/src/spool/mod.rs"]
#[expect(dead_code, reason = "what only a process that ends in peace asks of it")]
#[expect(unused_variables, reason = "some are for the log alone")]
mod spool;
mod store;
mod uplink;
mod world;

/// The spool's log, which nobody reads here.
macro_rules! unheard {
    ($($said:tt)*) => {{}};
}

// Where the spool looks for its log and for its crate's words.
extern crate self as tracing;
use ::journal::{AppendError, Bound, Commit, Entry, Journal, JournalError, Offset};
use {unheard as error, unheard as info, unheard as warn};

use processor::Metrics;
use prometheus::Registry;

use crate::driver::Driver;
use crate::faults::{Injected, Rates};
use crate::random::Random;
use crate::script::Script;
use crate::world::World;

/// A fault of the product, planted where the product meets its peers: what the simulation has to find.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Planted {
    /// None: the product as it is.
    #[default]
    Nothing,
    /// No intent is kept before an insert.
    InsertWithoutIntent,
    /// The position is committed before the insert.
    CommitBeforeInsert,
    /// A repeated insert has a token of its own.
    TokenOfThisProcess,
    /// The store remembers three tokens.
    WindowTooSmall,
    /// Who lost a partition may go on committing.
    ZombieNotFenced,
    /// The state is rebuilt from five hours before instead of twenty-seven.
    ReplayTooLate,
    /// Hits lose the ids by which a second arrival is known.
    IdsForgotten,
    /// A read leaves a record out.
    RecordSkipped,
    /// What could not be opened is not told.
    LossUntold,
    /// A day is noted as closed while its small cells stay.
    SmallCellsStay,
    /// Keys are destroyed two hours early.
    KeysDieEarly,
    /// A request is acknowledged before it is kept.
    AcknowledgedTooEarly,
    /// A spool's last record is not on its disk when a collector starts again.
    SpoolForgets,
}

impl Planted {
    /// Every one but nothing.
    pub const ALL: [Self; 13] = [
        Self::InsertWithoutIntent,
        Self::CommitBeforeInsert,
        Self::TokenOfThisProcess,
        Self::WindowTooSmall,
        Self::ZombieNotFenced,
        Self::ReplayTooLate,
        Self::IdsForgotten,
        Self::RecordSkipped,
        Self::LossUntold,
        Self::SmallCellsStay,
        Self::KeysDieEarly,
        Self::AcknowledgedTooEarly,
        Self::SpoolForgets,
    ];
}

/// What a day came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Hits that were taken, second arrivals included.
    pub hits: u64,
    /// Hits whose senders were told that they are kept; each of them is in the journal.
    pub acknowledged: u64,
    /// Hits in the journal whose senders were told nothing.
    pub untold: u64,
    /// Records in the journal.
    pub records: u64,
    /// Records that nobody could open in time, all of them told.
    pub lost: u64,
    /// Cells that were compared.
    pub cells: u64,
    /// Site-days that were closed.
    pub days: u64,
    /// Keys that were destroyed, none early, none late.
    pub keys: u64,
    /// The largest difference of any count from the recount.
    pub difference: u64,
    /// What does not hold, in words; empty where everything does.
    pub wrong: Vec<String>,
    /// What went wrong with machines.
    pub injected: Injected,
    /// What happened, where it was to be written down.
    pub trace: Vec<String>,
}

/// Plays a seed's day.
///
/// # Panics
/// When a model is asked for what does not exist: a fault of the simulation.
#[must_use]
pub fn play(seed: u64, planted: Planted, traced: bool) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime can be made").block_on(async {
        let mut random = Random::new(seed);
        let script = Script::draw(&mut random);
        let mut faults = Random::new(random.next());
        let rates = Rates::draw(&mut faults, !script.embedded);
        let world = World::new(script.begins, faults, rates, traced);
        let metrics = Metrics::register(&Registry::new()).expect("a registry of its own");
        let mut driver = Driver::new(&world, &script, metrics, planted);
        driver.play(&script).await;
        check::check(&script, driver)
    })
}
