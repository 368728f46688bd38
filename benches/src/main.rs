//! Measures Footfall beside its peers, in one run on one machine, and prints a table of ratios.
//!
//! It is not a test: no figure here fails anything. What fails a measurement is a wrong count, because a ratio between two
//! programs that do not count the same says nothing. Every measurement runs in a process of its own and within a time.

mod apart;
mod billion;
mod consent;
mod dashboard;
mod folding;
mod gif;
mod http_client;
mod import;
mod processes;
mod replay;
mod report;
mod storage;
mod tables;
mod traffic;

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use clap::{Parser, ValueEnum};

use report::Report;

/// Longest a measurement may take before it is ended: twice to five times what they take on a quiet machine.
const MEASUREMENT_MAX: Duration = Duration::from_secs(200);
/// Longest all of them may take together; on a quiet machine it is about five minutes.
const ALL_MAX: Duration = Duration::from_secs(470);

/// Longest for the year of a billion page views, which is never part of all of them: an hour and a half on a quiet machine.
const BILLION_MAX: Duration = Duration::from_secs(3 * 3_600);

/// Measures Footfall against nginx, GoAccess and Plausible's schema.
#[derive(Parser)]
struct Arguments {
    /// The footfall binary, as `make build` makes it
    #[arg(long, value_name = "FILE")]
    footfall: PathBuf,
    /// A Markdown file to which the table is appended
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// A directory that keeps the year of a billion page views, for the next run to ask again: making it takes an hour
    #[arg(long, value_name = "DIRECTORY")]
    year: Option<PathBuf>,
    /// Measure these only
    #[arg(long, value_name = "NAME")]
    only: Vec<Measurement>,
    /// Today's date, for the table's title
    #[arg(long, value_name = "DATE", default_value = "undated")]
    date: String,
    /// Measure one in this process and print its report as JSON
    #[arg(long, value_name = "NAME", hide = true)]
    measure: Option<Measurement>,
}

/// What can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Measurement {
    /// Compressed bytes of tracker and dashboard
    Bytes,
    /// CPU per clear GIF, against nginx
    Gif,
    /// The longest consent strings
    Consent,
    /// Hits folded per second and core, RAM per visitor-day
    Fold,
    /// Records replayed from the journal per second
    Replay,
    /// Import of an access log, against GoAccess
    Import,
    /// Bytes at rest and query times over two months, against Plausible's schema
    Storage,
    /// Bytes at rest of a large site's day, against Plausible's schema
    LargeDay,
    /// CPU per hit of each role of a distributed installation, and its replay
    Apart,
    /// Every kind of question over a year of a billion page views; only when asked for by name
    Billion,
}

impl Measurement {
    fn run(self, arguments: &Arguments) -> anyhow::Result<Report> {
        let footfall = arguments.footfall.as_path();
        match self {
            Self::Bytes => dashboard::measure(),
            Self::Gif => gif::measure(footfall),
            Self::Consent => consent::measure(),
            Self::Fold => folding::measure(),
            Self::Replay => replay::measure(),
            Self::Import => import::measure(footfall),
            Self::Storage => storage::measure_months(footfall),
            Self::LargeDay => storage::measure_large_day(footfall),
            Self::Apart => apart::measure(footfall),
            Self::Billion => billion::measure(footfall, arguments.year.as_deref()),
        }
    }
}

#[expect(clippy::print_stderr, reason = "progress and errors of a command")]
fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match arguments.measure {
        Some(one) => measure_here(one, &arguments),
        None => measure_all(&arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stdout, reason = "the parent reads it")]
fn measure_here(one: Measurement, arguments: &Arguments) -> anyhow::Result<()> {
    println!("{}", serde_json::to_string(&one.run(arguments)?)?);
    Ok(())
}

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "the table is what the command answers")]
fn measure_all(arguments: &Arguments) -> anyhow::Result<()> {
    let usual: Vec<_> =
        Measurement::value_variants().iter().copied().filter(|one| *one != Measurement::Billion).collect();
    let wanted = if arguments.only.is_empty() { &usual } else { &arguments.only };
    let (load_before, begun) = (processes::load_averages(), Instant::now());
    let (mut whole, mut failed) = (Report::default(), Vec::new());
    for one in wanted {
        let name = name(*one);
        eprintln!(
            "measuring {name}: {}",
            one.to_possible_value().and_then(|v| v.get_help().map(ToString::to_string)).unwrap_or_default()
        );
        let started = Instant::now();
        let longest = match one {
            Measurement::Billion => BILLION_MAX,
            _ => MEASUREMENT_MAX.min(ALL_MAX.saturating_sub(begun.elapsed())),
        };
        match in_a_process(*one, arguments, longest) {
            Ok(report) => whole.add(report),
            Err(error) => {
                eprintln!("  {name} failed: {error:#}");
                failed.push(name);
            }
        }
        eprintln!("  {:.0} s", started.elapsed().as_secs_f64());
    }
    let (machine, load_after) = (processes::machine(), processes::load_averages());
    let circumstances = format!("{machine}; load averages {load_before} before the run and {load_after} after it.");
    let block = whole.markdown(&arguments.date, &circumstances);
    println!("\n{block}");
    if let Some(out) = &arguments.out {
        let appended = std::fs::OpenOptions::new().create(true).append(true).open(out);
        appended
            .and_then(|mut file| write!(file, "\n{block}"))
            .with_context(|| format!("cannot append to {}", out.display()))?;
    }
    ensure!(failed.is_empty(), "not measured: {}", failed.join(", "));
    Ok(())
}

fn name(one: Measurement) -> String {
    one.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}

/// Runs one measurement in a process of its own: memory starts empty, and what hangs is ended with all its children.
fn in_a_process(one: Measurement, arguments: &Arguments, longest: Duration) -> anyhow::Result<Report> {
    let program = std::env::current_exe().context("cannot find this program's own file")?;
    let mut command = Command::new(program);
    command.arg("--measure").arg(name(one)).arg("--footfall").arg(&arguments.footfall).stdout(Stdio::piped());
    if let Some(year) = &arguments.year {
        command.arg("--year").arg(year);
    }
    let ended = processes::run_within(&mut command, longest)?;
    ensure!(ended.status.success(), "see above ({})", ended.status);
    serde_json::from_str(&ended.output).context("its report cannot be read")
}
