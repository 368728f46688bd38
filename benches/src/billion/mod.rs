//! What an analyst waits for: every kind of question of the Stats API, and the page itself, over a site with a billion page views in
//! a year. The days are generated, folded and closed as the processor does it; of a few such days the year is copied together in the
//! store, because folding a year would take hours and give cells of the same shapes. It has no peer, and it says nothing about
//! bytes at rest: copied days compress too well.
//!
//! The site has a goal, a segment and a funnel from the year's first day on, and a third of its pages measure how they feel.

mod questions;
mod year;

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use fold::{Fold, Tables};
use model::definition::{Action, Filter, Funnel, Goal, Operator, Pattern, Step as FunnelStep, Test};
use model::site::VISITORS_MIN;
use model::vitals::{Vital, Vitals};
use model::{Changes, Clock, ClosedDay, Dimension, Kind, LiveLine, LocalDay, Millis, Site};
use privacy::visitor::Secret;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use settings::{LEAD_MS, Location, Meaning, Settings};
use store::engine::child::{ChildConfig, Engine};
use store::{LIVE_MINUTES, Store};

use crate::folding::admitted;
use crate::gif;
use crate::http_client::HttpClient;
use crate::report::{Report, Row, short};
use crate::tables;
use crate::traffic::random::Random;
use crate::traffic::world::World;
use crate::traffic::{DAY_MS, Day, LAST_DAY, SITE, Step, site};

/// Days of the year, a multiple of the days that are really folded.
const DAYS: i64 = 364;
/// Days that are folded, the others are their copies.
const FOLDED: i64 = 4;
const PAGEVIEWS_PER_DAY: u32 = 2_760_000;
/// After midnight, when every day has closed: the grace is two hours.
const CLOSED_MS: i64 = 3 * 3_600_000;
/// Times that each question is put over each period, fewer where they would take longer than [`ASKING_MAX`]: a hundredth is one of them.
const ASKS: usize = 100;
const ASKS_MIN: usize = 5;
/// Making the year takes an hour, and asking should take a quarter of one.
const ASKING_MAX: Duration = Duration::from_secs(15);
/// The periods: a day, a month, the year.
const PERIODS: [i64; 3] = [1, 30, DAYS];

/// Midnight of the year's first day, from which on all definitions hold.
const DEFINED: Millis = Millis((LAST_DAY - DAYS + 1) * DAY_MS);
const GOAL: &str = "Read an article";
const SEGMENT: &str = "Japan, on the phone";
const FUNNEL: &str = "From the page to the plan";
/// Partitions that say who is there, as a large site's journal has them, and what each says.
const PARTITIONS: u32 = 16;
const LIVE_PER_PARTITION: u64 = 700;
const MINUTE_MS: i64 = 60_000;
/// One page of so many carries the tracker that measures.
const MEASURED_OF: u32 = 3;

/// What was made, noted beside it when it is whole.
#[derive(Serialize, Deserialize)]
struct Made {
    pageviews: u64,
    /// Of counts.
    rows: f64,
    /// That it took.
    seconds: f64,
}

/// Measures the questions, of the year in `kept`, which is made there when it is missing, or of one that goes afterwards.
pub fn measure(footfall: &Path, kept: Option<&Path>) -> anyhow::Result<Report> {
    let directory = tempfile::tempdir()?;
    let data = kept.unwrap_or_else(|| directory.path()).join("data");
    let runtime = tokio::runtime::Runtime::new()?;
    let note = data.join("made.json");
    let made: Made = match fs::read(&note) {
        Ok(made) => serde_json::from_slice(&made).with_context(|| format!("{} cannot be read", note.display()))?,
        Err(error) => {
            ensure!(error.kind() == std::io::ErrorKind::NotFound, "{} cannot be read: {error}", note.display());
            ensure!(
                !data.join("engine").exists(),
                "{} holds a year that was not made to its end: remove it",
                data.display()
            );
            let made = runtime.block_on(year::fill(footfall, &data))?;
            fs::write(&note, serde_json::to_vec(&made)?)?;
            made
        }
    };
    runtime.block_on(year::say_who_is_there(footfall, &data))?;
    let configuration = directory.path().join("footfall.toml");
    fs::write(
        &configuration,
        format!(
            "listen = \"127.0.0.1:0\"\ndata = \"{}\"\nlog = \"error\"\n[[site]]\ndomain = \"{SITE}\"\npublic = true\n",
            data.display()
        ),
    )?;
    let mut command = std::process::Command::new(footfall);
    let (_server, url) = gif::start(command.arg("serve").arg("--config").arg(&configuration))?;
    let client = HttpClient::new(&url);
    let mut report = runtime.block_on(questions::ask_all(&client, made.pageviews))?;
    report.notes.push(format!(
        "A billion: {} page views in {DAYS} days, {} rows of counts; {FOLDED} days were folded and closed, the others are their \
         copies; made in {:.0} s. Times are a client's, one question after the other, warm.",
        short(made.pageviews as f64),
        short(made.rows),
        made.seconds
    ));
    Ok(report)
}
