//! Wall time of `footfall import` into an empty data directory beside GoAccess on the same generated log, both free to use
//! every processor. Footfall's includes starting its engine and writing durable counts; GoAccess writes one JSON report.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, ensure};

use crate::processes::run_within;
use crate::report::{Report, Row, fraction, short};
use crate::traffic::random::Random;
use crate::traffic::world::World;
use crate::traffic::{DAY_MS, Day, LAST_DAY, SITE, What};

const DAYS: i64 = 30;
const PAGEVIEWS_PER_DAY: u32 = 17_000;
/// Share of page views that a robot makes, on top.
const ROBOT_SHARE: f64 = 0.05;
/// Most files a page brings with it that no browser had kept.
const FILES_PER_PAGE_MAX: u64 = 3;
const LINES_MIN: u64 = 1_000_000;
const RUN_MAX: Duration = Duration::from_secs(90);

const ROBOT: &str = "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)";

/// What the log holds, as its writer knows.
#[derive(Default)]
struct Written {
    lines: u64,
    pageviews: u64,
    robots: u64,
    bytes: u64,
}

/// Measures both.
pub fn measure(footfall: &Path) -> anyhow::Result<Report> {
    let directory = tempfile::tempdir()?;
    let log = directory.path().join("access_log");
    let written = write_log(&log)?;
    let mut command = Command::new(footfall);
    command.arg("import").arg("--data").arg(directory.path().join("data")).args(["--site", SITE, "--json"]).arg(&log);
    command.env("FOOTFALL_LOG", "error").stdout(Stdio::piped());
    let ours = run_within(&mut command, RUN_MAX)?;
    ensure!(ours.status.success(), "the import failed");
    let account: serde_json::Value = serde_json::from_str(&ours.output).context("the import's account")?;
    let number = |path: &str| account.pointer(path).and_then(serde_json::Value::as_u64).unwrap_or_default();
    ensure!(number("/lines") == written.lines, "{} of {} lines were read", number("/lines"), written.lines);
    ensure!(
        number("/counted") == written.pageviews,
        "{} of {} page views counted",
        number("/counted"),
        written.pageviews
    );

    let report = directory.path().join("report.json");
    let mut command = Command::new("goaccess");
    command.arg(&log).args(["--log-format=COMBINED", "--no-global-config", "--no-progress", "-o"]).arg(&report);
    let theirs = run_within(command.stdout(Stdio::null()).stderr(Stdio::null()), RUN_MAX)?;
    ensure!(theirs.status.success(), "GoAccess failed");
    let report: serde_json::Value = serde_json::from_slice(&fs::read(&report)?).context("GoAccess's report")?;
    let read = report.pointer("/general/total_requests").and_then(serde_json::Value::as_u64);
    ensure!(read == Some(written.lines), "GoAccess read {read:?} of {} lines", written.lines);

    let (ours_s, theirs_s) = (ours.wall.as_secs_f64(), theirs.wall.as_secs_f64());
    let row = Row {
        what: format!("import of {} combined log lines, wall time on all cores", short(written.lines as f64)),
        ours: format!("{} s ({} lines/s)", short(ours_s), short(written.lines as f64 / ours_s)),
        peer: format!("{} s ({} lines/s, GoAccess)", short(theirs_s), short(written.lines as f64 / theirs_s)),
        ratio: fraction(ours_s, theirs_s),
        target: "÷ 5; ÷ 15".to_owned(),
    };
    let note = format!(
        "Import: {:.0} MB, {DAYS} days, {} page views counted (all of them), {} of robots, the rest files and redirects; \
         {:.1} s of processor time here, {:.1} s in GoAccess.",
        written.bytes as f64 / 1e6,
        short(written.pageviews as f64),
        short(written.robots as f64),
        ours.cpu_seconds,
        theirs.cpu_seconds
    );
    Ok(Report { rows: vec![row], notes: vec![note] })
}

/// Writes at least a million lines, day by day in order of time.
fn write_log(path: &Path) -> anyhow::Result<Written> {
    let (world, mut random, mut written) = (World::new(), Random::new(11), Written::default());
    let mut file = BufWriter::new(File::create(path)?);
    for day in LAST_DAY - DAYS + 1..=LAST_DAY {
        let made = Day::new(&world, 2, day, PAGEVIEWS_PER_DAY);
        for step in &made.steps {
            let What::View { first } = step.what else { continue };
            let visit = made.visits.get(step.visit as usize).context("a step belongs to a visit")?;
            let (origin, agent) = (world.origin(visit.origin), world.agent(visit.agent).name.as_str());
            let path = world.page(step.page);
            let query = if first { origin.query.as_str() } else { "" };
            let referrer = origin.referrer.as_deref().filter(|_| first).unwrap_or("-");
            let time = log_time(day, step.at.0 - day * DAY_MS)?;
            let mut line = |target: &str, status: u16, referrer: &str, agent: &str| {
                let bytes = 200 + random.below(60_000);
                let text = format!(
                    "{} - - [{time}] \"GET {target} HTTP/1.1\" {status} {bytes} \"{referrer}\" \"{agent}\"\n",
                    visit.address
                );
                written.lines += 1;
                written.bytes += text.len() as u64;
                file.write_all(text.as_bytes())
            };
            line(&format!("{path}{query}"), 200, referrer, agent)?;
            written.pageviews += 1;
            let extras = Random::new(step.id).below(FILES_PER_PAGE_MAX);
            for number in 0..extras {
                let target = format!("/assets/{}.{}", (step.id + number) % 300, if number == 0 { "js" } else { "png" });
                line(&target, 200, &format!("https://{SITE}{path}"), agent)?;
            }
            if Random::new(!step.id).chance(ROBOT_SHARE) {
                line(path, 200, "-", ROBOT)?;
                written.robots += 1;
            }
        }
    }
    file.flush()?;
    ensure!(written.lines >= LINES_MIN, "the log has {} lines only", written.lines);
    Ok(written)
}

/// `23/Nov/2026:22:53:00 +0000`
fn log_time(day: i64, ms: i64) -> anyhow::Result<String> {
    let date = jiff::civil::date(1970, 1, 1).checked_add(jiff::Span::new().try_days(day)?)?;
    let seconds = ms / 1_000;
    let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    Ok(format!("{}:{hour:02}:{minute:02}:{second:02} +0000", date.strftime("%d/%b/%Y")))
}
