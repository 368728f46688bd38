//! `make sim`: plays many seeds on every core, shows how it goes, and says at the end what docs/reliability.md quotes.
//!
//! `sim COUNT [FIRST]` plays so many seeds; `FOOTFALL_SIM_SEED=n` plays one and tells all that happens in it.

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Instant;

use sim::many::{self, Tally, replay};

fn main() -> io::Result<ExitCode> {
    let mut out = io::stdout().lock();
    if let Some(seed) = many::seed_to_replay() {
        return replay(seed, &mut out).map(code);
    }
    let mut numbers = std::env::args().skip(1).map(|word| word.replace('_', "").parse::<u64>());
    let (count, first) = match (numbers.next(), numbers.next()) {
        (None, _) => (many::seeds(1_000_000), 0),
        (Some(Ok(count)), None) => (count, 0),
        (Some(Ok(count)), Some(Ok(first))) => (count, first),
        _ => {
            writeln!(out, "usage: sim [COUNT [FIRST]]; FOOTFALL_SIM_SEED=n tells one seed's day")?;
            return Ok(ExitCode::FAILURE);
        }
    };
    let begun = Instant::now();
    let mut shown = 0;
    let tally = many::play(first..first.saturating_add(count), |tally: &Tally| {
        // A failing seed prints itself as soon as it is known.
        for (seed, wrong) in tally.bad.iter().skip(shown) {
            let _ = writeln!(io::stderr(), "\nseed {seed} fails: {}", wrong.first().map_or("", String::as_str));
        }
        shown = tally.bad.len();
        let speed = tally.seeds as f64 / begun.elapsed().as_secs_f64();
        let left = (count - tally.seeds) as f64 / speed;
        let (seeds, faults, bad) = (tally.seeds, tally.injected.total(), tally.bad.len());
        // A terminal that went away is no reason to stop.
        let _ = write!(
            io::stderr(),
            "\r{seeds} of {count} seeds, {speed:.0} a second, {left:.0} s left, {faults} faults, {bad} seeds fail   "
        );
    });
    writeln!(io::stderr())?;
    writeln!(out, "{tally}")?;
    Ok(code(tally.bad.is_empty()))
}

fn code(holds: bool) -> ExitCode {
    if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
