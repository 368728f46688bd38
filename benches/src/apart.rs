//! What the roles of a distributed installation cost, each by the kernel's account: a collector from request to the broker's
//! acknowledgement, a processor from the broker to the insert, the engine, the broker; and how fast a processor that takes over
//! reads the open day again. One broker without replication, all on one machine: shares and orders of magnitude for docs/scale.md,
//! not what a cluster does.

#[path = "../../crates/journal/tests/suite/kafka_server.rs"]
#[allow(
    dead_code,
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "the journal's tests use all of it, and fail as tests do"
)]
mod kafka_server;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

use crate::gif::{self, counted, load};
use crate::http_client::HttpClient;
use crate::processes::{self, POLL, Server};
use crate::report::{Report, Row, short};
use crate::traffic::SITE;
use kafka_server::Broker;

const LOAD_SECONDS: u64 = 10;
const PARTITIONS: u32 = 4;
/// How long a site may take to reach the collector, and a replay to end.
const WAIT_MAX: Duration = Duration::from_secs(60);

/// Measures all roles.
pub fn measure(footfall: &Path) -> anyhow::Result<Report> {
    let broker = Broker::start();
    let apart = Apart { footfall, broker, directory: tempfile::tempdir()?, engine: String::new() };
    apart.measure()
}

struct Apart<'a> {
    footfall: &'a Path,
    broker: Broker,
    directory: tempfile::TempDir,
    engine: String,
}

struct Running {
    server: Server,
    url: String,
}

impl Running {
    fn cpu(&self) -> anyhow::Result<f64> {
        processes::cpu_seconds(self.server.0.id())
    }
}

impl Apart<'_> {
    fn measure(mut self) -> anyhow::Result<Report> {
        let mut command = processes::pinned(1, self.footfall);
        command.args(["engine", "--listen", "127.0.0.1:0", "--data"]).arg(self.path("engine"));
        let engine = gif::start(&mut command).map(|(server, url)| Running { server, url })?;
        self.engine.clone_from(&engine.url);
        let migrated = self.command("migrate", 1)?.stdin(Stdio::null()).output()?;
        ensure!(migrated.status.success(), "footfall migrate failed: {migrated:?}");
        let dashboard = self.start("dashboard", 1)?;
        let processor = self.start("processor", 0)?;
        let collector = self.start("collector", 0)?;
        until("the collector has heard of the site", || {
            let answer = get(&collector, &format!("/privacy?d={SITE}"));
            Ok(answer.is_ok_and(|page| page.contains(SITE)).then_some(()))
        })?;

        let cpu = |who: &Running| who.cpu();
        let broker_before = self.broker_cpu()?;
        let before = (cpu(&collector)?, cpu(&processor)?, cpu(&engine)?);
        let load = load(self.directory.path(), &collector.url, SITE, LOAD_SECONDS)?;
        let hits = counted(&dashboard.url, load.requests)?;
        let after = (cpu(&collector)?, cpu(&processor)?, cpu(&engine)?);
        let broker = self.broker_cpu()? - broker_before;
        ensure!(load.failed == 0.0, "{} requests failed", load.failed);
        let us = |seconds: f64| format!("{} µs", short(1e6 * seconds / hits));
        drop(processor);
        let (records, seconds) = self.replay()?;

        let row = |what: String, ours: String| Row { what, ours, ..Row::default() };
        let rows = vec![
            row("CPU per GIF of a collector, request to Kafka's acknowledgement".to_owned(), us(after.0 - before.0)),
            row("CPU per hit of a processor, from Kafka to the insert".to_owned(), us(after.1 - before.1)),
            row("CPU per hit of the ClickHouse engine".to_owned(), us(after.2 - before.2)),
            row("CPU per hit of the broker (Java), one replica".to_owned(), us(broker)),
            row(
                "GIFs acknowledged by Kafka per second, 64 connections, one core shared with the processor".to_owned(),
                format!(
                    "{}, {:.1} ms median, {:.1} ms p99",
                    short(load.requests / load.seconds),
                    load.p50_ms,
                    load.p99_ms
                ),
            ),
            row(
                format!("records replayed from Kafka per second, {PARTITIONS} partitions on one core"),
                short(records / seconds),
            ),
        ];
        let notes = vec![format!(
            "Apart: {} hits were acknowledged and {} counted; every record held one hit. Collector and processor shared one \
             processor, everything else the other.",
            short(load.requests),
            short(hits)
        )];
        Ok(Report { rows, notes })
    }

    /// Starts a processor that takes everything over, and sees how fast it reads.
    fn replay(&self) -> anyhow::Result<(f64, f64)> {
        let processor = self.start("processor", 0)?;
        let left = || -> anyhow::Result<f64> { Ok(figure(&get(&processor, "/metrics")?, "footfall_replay_records")) };
        let deadline = Instant::now() + WAIT_MAX;
        let (mut first, mut last) = (None, (Instant::now(), 0.0));
        loop {
            ensure!(Instant::now() < deadline, "the replay does not end");
            match left()? {
                0.0 if first.is_some() => break,
                0.0 => {}
                records => {
                    last = (Instant::now(), records);
                    first.get_or_insert(last);
                }
            }
            std::thread::sleep(POLL);
        }
        let (begun, all) = first.context("the replay was not seen")?;
        let (ended, rest) = last;
        let seconds = ended.duration_since(begun).as_secs_f64();
        ensure!(seconds > 0.1, "the replay was too short to be measured");
        Ok((all - rest, seconds))
    }

    fn broker_cpu(&self) -> anyhow::Result<f64> {
        processes::cpu_seconds(self.broker.process())
    }

    fn start(&self, role: &str, processor: usize) -> anyhow::Result<Running> {
        let mut command = self.command(role, processor)?;
        let (server, url) = gif::start(&mut command).with_context(|| format!("footfall {role} does not start"))?;
        Ok(Running { server, url })
    }

    fn command(&self, role: &str, processor: usize) -> anyhow::Result<std::process::Command> {
        let file = self.path(&format!("{role}.toml"));
        fs::write(
            &file,
            format!(
                "data = \"{}\"\nlog = \"error\"\nlisten = \"127.0.0.1:0\"\ntrusted_proxies = [\"127.0.0.0/8\"]\n\
                 kafka = [\"{}\"]\nkafka_partitions = {PARTITIONS}\nkafka_replication = 1\nkafka_in_sync = 1\n\
                 instance = \"{role}\"\nsilence_max = \"3s\"\nclickhouse = \"{}\"\n[[site]]\ndomain = \"{SITE}\"\npublic = true\n",
                self.path(role).display(),
                self.broker.plain(),
                self.engine,
            ),
        )?;
        let mut command = processes::pinned(processor, self.footfall);
        command.arg(role).arg("--config").arg(file);
        Ok(command)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }
}

fn get(of: &Running, path: &str) -> anyhow::Result<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(HttpClient::new(&of.url).get(path))
}

fn until<T>(what: &str, look: impl Fn() -> anyhow::Result<Option<T>>) -> anyhow::Result<T> {
    let deadline = Instant::now() + WAIT_MAX;
    loop {
        if let Some(found) = look()? {
            return Ok(found);
        }
        ensure!(Instant::now() < deadline, "never: {what}");
        std::thread::sleep(POLL);
    }
}

/// The sum of a metric over its labels.
fn figure(text: &str, name: &str) -> f64 {
    let of = |line: &&str| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' ']));
    text.lines().filter(of).filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
}
