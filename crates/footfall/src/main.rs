//! The `footfall` binary: command line, configuration, clock, signals and wiring. It holds no rule of the business.
//!
//! Exit codes: 0 done, also where nobody reads the answer to its end; 1 failed; 2 used wrongly. Standard output carries answers only;
//! everything else goes to standard error.

mod administer;
mod assets;
mod audit;
mod cli;
mod client;
mod clock;
mod config;
mod define;
mod demo;
mod demo_page;
mod durable;
mod engine;
mod failure;
mod handles;
mod import;
mod logging;
mod measured;
mod memory;
mod notice;
mod output;
mod privacy_page;
mod process;
mod prove;
mod query;
mod report;
mod roles;
mod serve;
mod share;
mod site;
mod station;
mod token;
mod tokens;
mod upkeep;
mod user;

use std::io::Write;
use std::process::ExitCode;

use failure::Failure;

fn main() -> ExitCode {
    // Whatever is made rests for its owner alone.
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
    match cli::run(cli::read()) {
        Ok(()) | Err(Failure::Unread) => ExitCode::SUCCESS,
        Err(Failure::Usage(message)) => {
            complain(&message);
            ExitCode::from(2)
        }
        Err(Failure::Failed(error)) => {
            complain(&format!("{error:#}"));
            ExitCode::from(1)
        }
    }
}

/// A command's last word to the person who typed it. Where it cannot be said, the exit code says enough.
fn complain(message: &str) {
    let _ = writeln!(std::io::stderr(), "footfall: {message}");
}
