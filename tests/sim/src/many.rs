//! Many seeds on every core, and what they came to together.

use std::fmt;
use std::io::{self, Write};
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use crate::faults::Injected;
use crate::{Outcome, Planted};

/// Failing seeds that are kept; one is enough to begin with.
const BAD_MAX: usize = 20;
/// Seeds between two looks at how it goes.
const SEEDS_PER_LOOK: u64 = 250;

/// What many seeds came to.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Seeds played.
    pub seeds: u64,
    /// The first failing ones, and what does not hold in them.
    pub bad: Vec<(u64, Vec<String>)>,
    /// What went wrong with machines.
    pub injected: Injected,
    /// The largest difference of any count from the recount.
    pub difference: u64,
    hits: u64,
    acknowledged: u64,
    untold: u64,
    records: u64,
    lost: u64,
    cells: u64,
    days: u64,
    keys: u64,
}

impl Tally {
    fn add(&mut self, seed: u64, outcome: Outcome) {
        let Outcome { hits, acknowledged, untold, records, lost, cells, days, keys, .. } = outcome;
        let Outcome { difference, wrong, injected, .. } = outcome;
        self.seeds += 1;
        self.hits += hits;
        self.acknowledged += acknowledged;
        self.untold += untold;
        self.records += records;
        self.lost += lost;
        self.cells += cells;
        self.days += days;
        self.keys += keys;
        self.difference = self.difference.max(difference);
        self.injected.add(&injected);
        if !wrong.is_empty() && self.bad.len() < BAD_MAX {
            self.bad.push((seed, wrong));
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seeds, hits, acknowledged, untold, records, lost, cells, days, .. } = self;
        let Self { keys, difference, injected, bad, .. } = self;
        writeln!(
            f,
            "{seeds} seeds: {hits} hits in {records} records, {cells} cells compared, {days} site-days closed"
        )?;
        writeln!(f, "{acknowledged} hits acknowledged, none missing; {untold} kept of which nobody was told")?;
        writeln!(
            f,
            "{lost} records could not be opened in time, all told; {keys} keys destroyed, none early, none late"
        )?;
        writeln!(f, "{} faults injected:", injected.total())?;
        for (what, times) in injected.iter() {
            writeln!(f, "{times:>12}  {what}")?;
        }
        write!(f, "largest difference from the recount: {difference}; seeds that fail: {}", bad.len())?;
        for (seed, wrong) in bad {
            write!(f, "\n\nseed {seed} (FOOTFALL_SIM_SEED={seed} tells its day):\n  {}", wrong.join("\n  "))?;
        }
        Ok(())
    }
}

/// How many seeds to play: `FOOTFALL_SIM_SEEDS`, or else these.
#[must_use]
pub fn seeds(or_else: u64) -> u64 {
    number("FOOTFALL_SIM_SEEDS").unwrap_or(or_else)
}

/// The one seed to play and tell: `FOOTFALL_SIM_SEED`.
#[must_use]
pub fn seed_to_replay() -> Option<u64> {
    number("FOOTFALL_SIM_SEED")
}

/// A variable's number. A word that is none would play a million seeds instead of the one that was meant.
fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is a seed or a number of seeds, not {text:?}")))
}

/// Plays seeds on every core; stops early where enough of them fail.
pub fn play(seeds: Range<u64>, mut told: impl FnMut(&Tally)) -> Tally {
    let next = AtomicU64::new(seeds.start);
    let tally = Mutex::new(Tally::default());
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end {
                return;
            }
            let outcome = crate::play(seed, Planted::Nothing, false);
            let mut tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
            tally.add(seed, outcome);
            if tally.bad.len() >= BAD_MAX {
                return;
            }
        }
    };
    thread::scope(|scope| {
        let cores = thread::available_parallelism().map_or(2, usize::from);
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        let mut looked = 0;
        while workers.iter().any(|worker| !worker.is_finished()) {
            thread::sleep(std::time::Duration::from_millis(100));
            let now = tally.lock().unwrap_or_else(PoisonError::into_inner).clone();
            if now.seeds >= looked + SEEDS_PER_LOOK {
                looked = now.seeds;
                told(&now);
            }
        }
    });
    tally.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// Plays one seed and tells all that happens in it; says whether everything holds.
///
/// # Errors
/// When it cannot be written.
pub fn replay(seed: u64, out: &mut impl Write) -> io::Result<bool> {
    let Outcome { trace, wrong, .. } = crate::play(seed, Planted::Nothing, true);
    for line in &trace {
        writeln!(out, "{line}")?;
    }
    for line in &wrong {
        writeln!(out, "{line}")?;
    }
    writeln!(out, "seed {seed}: {}", if wrong.is_empty() { "everything holds" } else { "FAILS" })?;
    Ok(wrong.is_empty())
}
