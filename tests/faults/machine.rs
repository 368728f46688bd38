//! One machine, `footfall serve` on one directory: killed before and in the middle of single calls that change its files, given an error at
//! single calls, and taken to another version and back. Whatever it was, what was acknowledged is counted, and once.
//!
//! A few lines of C ([`call_fault.c`](call_fault.c)) stand before the C library's own calls. The engine is a process of its own and is left
//! alone here: it dies in [`super::processes`].

use std::ffi::OsStr;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::bed::SITE;
use super::load::{Doors, Load};
use super::{Room, Size, another_version, preloaded};
use crate::harness::{Server, footfall, footfall_at};

/// How long a process may go on without coming to its call: under load it writes every few milliseconds.
const REACH: Duration = Duration::from_secs(30);
/// How long a process that met an error may take to be ready again, before whoever looks after it starts it anew.
const READY: Duration = Duration::from_secs(2);
const KINDS: [&str; 3] = ["kill", "half", "error"];

struct Machine {
    directory: TempDir,
    starts: u32,
}

/// What processes became.
#[derive(Default)]
struct Ends {
    killed: u32,
    /// By themselves, at an error.
    ended: u32,
    /// Not ready any more after an error, and so started anew.
    replaced: u32,
    /// Ready after an error.
    went_on: u32,
}

impl Machine {
    fn new() -> Self {
        let directory = tempfile::Builder::new().prefix("footfall-faults-").tempdir().unwrap();
        let config =
            format!("trusted_proxies = [\"127.0.0.0/8\"]\nrate_limit = \"off\"\n[[site]]\ndomain = \"{SITE}\"\n");
        std::fs::write(directory.path().join("footfall.toml"), config).unwrap();
        Self { directory, starts: 0 }
    }

    fn log(&self) -> PathBuf {
        self.directory.path().join(format!("log-{}", self.starts))
    }

    /// Starts the server, of this version or another; nothing where it ended before it was ready.
    fn start(&mut self, binary: Option<&Path>, variables: &[(&str, &OsStr)]) -> Option<Server> {
        self.starts += 1;
        let mut command = binary.map_or_else(footfall, footfall_at);
        command.args(["serve", "--listen", "127.0.0.1:0", "--flush", "200ms", "--config"]);
        command.arg(self.directory.path().join("footfall.toml")).arg("--data").arg(self.data());
        command.stderr(File::create(self.log()).unwrap()).envs(variables.iter().copied());
        Server::try_spawn(command)
    }

    fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    /// Starts the server with a fault at one call, waits until it was met, and notes what became of the process.
    fn meet(&mut self, library: &Path, fault: &str, doors: &Doors, ends: &mut Ends) {
        let is_error = fault.ends_with("error");
        let (data, engine) = (self.data(), self.data().join("engine"));
        let variables: [(&str, &OsStr); 4] = [
            ("LD_PRELOAD", library.as_ref()),
            ("CALL_FAULT", fault.as_ref()),
            ("CALL_FAULT_UNDER", data.as_ref()),
            ("CALL_FAULT_BUT", engine.as_ref()),
        ];
        let said = format!("fault {fault} at ");
        let is_met = |log: &Path| std::fs::read_to_string(log).unwrap().contains(&said);
        let Some(mut server) = self.start(None, &variables) else {
            // Who does not start on what was left ends as well.
            assert!(is_met(&self.log()), "{fault}: it ended without it; {}", self.log().display());
            *(if is_error { &mut ends.ended } else { &mut ends.killed }) += 1;
            return;
        };
        open(doors, &server);
        let met = waits(REACH, || is_met(&self.log()));
        let address = server.address.clone();
        let mut has_ended = || server.child.try_wait().unwrap().is_some();
        assert!(met, "{fault}: it was not met");
        if !is_error {
            assert!(waits(READY, has_ended), "{fault}: it lives");
            ends.killed += 1;
        } else {
            // An error that is met shows a little later.
            std::thread::sleep(Duration::from_millis(100));
            let ready = waits(READY, || has_ended() || is_ready(&address));
            match (has_ended(), ready) {
                (true, _) => ends.ended += 1,
                (false, true) => ends.went_on += 1,
                (false, false) => ends.replaced += 1,
            }
        }
        doors.lock().unwrap().clear();
        server.kill();
    }
}

/// Lets the load in by this one alone.
fn open(doors: &Doors, server: &Server) {
    *doors.lock().unwrap() = vec![server.address.clone()];
}

/// Whether something comes true within a time.
fn waits(longest: Duration, mut is_so: impl FnMut() -> bool) -> bool {
    let begun = Instant::now();
    while !is_so() {
        if begun.elapsed() > longest {
            return false;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    true
}

fn is_ready(address: &str) -> bool {
    crate::harness::request(address, "GET", "/readyz", &[], b"").is_ok_and(|answer| answer.status == 200)
}

/// Each fault at each of some calls, counted from the start of the process. The directory stays the same through all of them.
pub fn single_calls(size: &Size) {
    let _room = Room::beside_others();
    // The first start makes everything, which takes some 170 calls; later ones take 25, and then hits are kept.
    let calls = if size.is_long { (1..=120).collect() } else { vec![2, 11, 40, 110, 200, 320] };
    let (mut machine, doors, mut ends) = (Machine::new(), Doors::default(), Ends::default());
    let library = preloaded("call_fault", machine.directory.path());
    let load = Load::new(&doors);
    let server = load.during(1_000, size.pause, || {
        for call in &calls {
            for kind in KINDS {
                machine.meet(&library, &format!("{call}:{kind}"), &doors, &mut ends);
            }
        }
        let server = machine.start(None, &[]).expect("it starts after all that");
        open(&doors, &server);
        server
    });
    load.settle_on(&server);
    let hits = load.hits();
    let Ends { killed, ended, replaced, went_on } = ends;
    eprintln!(
        "FIGURES single calls | faults {} | acknowledged {hits} | lost 0 | duplicated 0 | largest difference 0 | killed {killed} | errors: ended {ended}, \
         replaced {replaced}, went on {went_on} | unanswered {} | refused {}",
        calls.len() * KINDS.len(),
        load.figures.unanswered.load(Ordering::Relaxed),
        load.figures.refused.load(Ordering::Relaxed),
    );
    server.stop();
}

/// To another version and back, again and again, on the directory that the other one left.
pub fn upgraded(size: &Size) {
    let _room = Room::beside_others();
    let other = another_version();
    let (mut machine, doors) = (Machine::new(), Doors::default());
    let load = Load::new(&doors);
    let turns = size.of(3, 10);
    let server = load.during(size.of(1_000, 20_000), size.pause, || {
        for turn in 0..turns {
            let binary = other.as_deref().filter(|_| turn % 2 == 0);
            let server = machine.start(binary, &[]).expect("it starts on what the other one left");
            open(&doors, &server);
            std::thread::sleep(size.seconds(1, 5));
            doors.lock().unwrap().clear();
            server.stop();
        }
        let server = machine.start(None, &[]).expect("it starts on what the other one left");
        open(&doors, &server);
        server
    });
    load.settle_on(&server);
    let hits = load.hits();
    eprintln!(
        "FIGURES upgrade and back (one machine) | faults {turns} | acknowledged {hits} | lost 0 | duplicated 0 | largest difference 0 | {}",
        if other.is_some() { "two versions" } else { "this version alone" }
    );
    server.stop();
}
