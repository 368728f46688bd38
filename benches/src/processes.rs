//! Processes that this program starts, what they cost by the kernel's account (`/proc`), and their end. It ends none that it
//! did not start.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

/// Linux reports processor time to programs in hundredths of a second, whatever its own clock does.
const TICKS_PER_SECOND: f64 = 100.0;
/// `/proc` counts memory in pages, of this size on every machine the engine runs on.
const PAGE_BYTES: u64 = 4_096;
/// How long a process may take to end by itself when asked to.
const END_MAX: Duration = Duration::from_secs(15);
/// Pause between two looks at something that another process does.
pub const POLL: Duration = Duration::from_millis(20);

/// A server in the background; dropped, it is asked to end, and killed if it does not.
pub struct Server(pub Child);

impl Drop for Server {
    fn drop(&mut self) {
        signal("TERM", &[self.0.id()]);
        let deadline = Instant::now() + END_MAX;
        while Instant::now() < deadline {
            if !matches!(self.0.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(POLL);
        }
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A process that has ended.
pub struct Ended {
    /// How.
    pub status: ExitStatus,
    /// What it wrote to standard output, if that was piped.
    pub output: String,
    /// How long it ran.
    pub wall: Duration,
    /// Processor time of it and of those it waited for.
    pub cpu_seconds: f64,
}

/// Runs a command to its end; past `longest` it is ended with everything it started.
pub fn run_within(command: &mut Command, longest: Duration) -> anyhow::Result<Ended> {
    let program = command.get_program().to_string_lossy().into_owned();
    let (started, before) = (Instant::now(), children_cpu_seconds());
    let mut child = command.stdin(Stdio::null()).spawn().with_context(|| format!("cannot start {program}"))?;
    let output = child.stdout.take().map(|mut pipe| {
        std::thread::spawn(move || {
            let mut text = String::new();
            pipe.read_to_string(&mut text).map(|_| text).unwrap_or_default()
        })
    });
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if started.elapsed() > longest {
            signal("KILL", &tree(child.id()));
            let _ = child.wait();
            bail!("{program} was ended after {longest:?}");
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let wall = started.elapsed();
    let output = output.and_then(|reader| reader.join().ok()).unwrap_or_default();
    Ok(Ended { status, output, wall, cpu_seconds: children_cpu_seconds() - before })
}

/// Makes a command run on one processor only, where `taskset` is there and there is more than one.
pub fn pinned(processor: usize, program: &Path) -> Command {
    let several = std::thread::available_parallelism().is_ok_and(|processors| processors.get() > 1);
    if several && installed("taskset") {
        let mut command = Command::new("taskset");
        command.arg("--cpu-list").arg(processor.to_string()).arg(program);
        command
    } else {
        Command::new(program)
    }
}

/// Whether a program is on the path.
pub fn installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|directory| directory.join(program).is_file())
}

/// Processor time that a process has taken so far, all threads, without its children.
pub fn cpu_seconds(process: u32) -> anyhow::Result<f64> {
    let text = fs::read_to_string(format!("/proc/{process}/stat")).context("the process is gone")?;
    Ok((field(&text, 14) + field(&text, 15)) as f64 / TICKS_PER_SECOND)
}

/// The same by thread name.
pub fn cpu_seconds_by_thread(process: u32) -> anyhow::Result<BTreeMap<String, f64>> {
    let mut threads = BTreeMap::new();
    for entry in fs::read_dir(format!("/proc/{process}/task")).context("the process is gone")? {
        let Ok(text) = fs::read_to_string(entry?.path().join("stat")) else { continue };
        let name = text.split_once('(').and_then(|(_, rest)| rest.rsplit_once(')')).map_or("", |(name, _)| name);
        let seconds = (field(&text, 14) + field(&text, 15)) as f64 / TICKS_PER_SECOND;
        *threads.entry(name.to_owned()).or_default() += seconds;
    }
    Ok(threads)
}

/// Processor time of this process so far, in nanoseconds when the kernel tells, else by its ticks.
pub fn own_cpu_seconds() -> f64 {
    let mut nanoseconds = 0.0;
    for task in fs::read_dir("/proc/self/task").into_iter().flatten().flatten() {
        let text = fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
        nanoseconds += text.split(' ').next().and_then(|run| run.parse::<f64>().ok()).unwrap_or_default();
    }
    if nanoseconds > 0.0 { nanoseconds / 1e9 } else { cpu_seconds(std::process::id()).unwrap_or_default() }
}

/// Memory of this process that is in RAM.
pub fn own_resident_bytes() -> u64 {
    let text = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    text.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or_default() * PAGE_BYTES
}

/// A process and everything below it.
pub fn tree(process: u32) -> Vec<u32> {
    let mut found = vec![process];
    let mut parents: Vec<(u32, u32)> = Vec::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(id) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        let text = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        parents.push((id, u32::try_from(field(&text, 4)).unwrap_or_default()));
    }
    let mut seen = 0;
    while let Some(parent) = found.get(seen).copied() {
        found.extend(parents.iter().filter(|(_, of)| *of == parent).map(|(id, _)| *id));
        seen += 1;
    }
    found
}

/// Processor model and number of processors, without anything that names the machine.
pub fn machine() -> String {
    let processors = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = processors.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or_default();
    let count = processors.lines().filter(|line| line.starts_with("processor")).count();
    format!("{count} processors, {}", model.trim_start_matches(['\t', ':', ' ']))
}

/// How many threads wanted a processor, on average over the last minute, five and fifteen.
pub fn load_averages() -> String {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split(' ').take(3).collect::<Vec<_>>().join(", ")
}

fn signal(name: &str, processes: &[u32]) {
    let processes = processes.iter().map(ToString::to_string);
    let _ = Command::new("kill").arg(format!("-{name}")).args(processes).stderr(Stdio::null()).status();
}

/// Processor time of all children that have ended and were waited for, and of theirs.
fn children_cpu_seconds() -> f64 {
    let text = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    (field(&text, 16) + field(&text, 17)) as f64 / TICKS_PER_SECOND
}

/// A field of a `stat` file by its number in proc(5); names may hold spaces, so it counts from behind the name.
fn field(stat: &str, number: usize) -> u64 {
    let behind_name = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
    behind_name.split(' ').nth(number - 3).and_then(|text| text.parse().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_fields_behind_names_with_spaces_and_brackets() {
        let stat = "12 (a (b) c) S 7 12 12 0 -1 4194304 1 0 0 0 31 11 5 6 20";
        assert_eq!([4, 14, 15, 16, 17].map(|number| field(stat, number)), [7, 31, 11, 5, 6]);
    }

    #[test]
    fn ends_what_takes_too_long() {
        let ended = run_within(Command::new("sleep").arg("60"), Duration::from_millis(50));
        assert!(ended.is_err());
    }

    #[test]
    fn sees_what_a_child_wrote_and_how_it_ended() {
        let ended = run_within(Command::new("echo").arg("hello").stdout(Stdio::piped()), END_MAX).unwrap();
        assert!(ended.status.success() && ended.output == "hello\n");
    }
}
