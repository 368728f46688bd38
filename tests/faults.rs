//! Real faults on real processes: brokers, engine and roles are killed, frozen, cut off, filled up and upgraded under load, and then
//! every hit that was acknowledged is counted, once, to equality with a naive recount.
//!
//! `make test` runs short forms. `make faults` (`FOOTFALL_FAULTS=long`) runs them on three brokers, longer and with more load, and
//! prints the figures that `docs/reliability.md` has. What no process can be made to do (a power cut, a lying disk) is the simulation's.

mod bed;
mod cluster;
mod load;
mod proxy;

use std::process::Command;
use std::sync::atomic::Ordering;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::distributed::figure;
use crate::harness::{Server, eventually};
use bed::Bed;
use load::Load;
use proxy::Weather;

/// How long and how much.
struct Size {
    is_long: bool,
    brokers: usize,
    partitions: u32,
    /// Hits sent around a case's faults, at least.
    hits: u64,
    /// What a sender waits between two batches.
    pause: Duration,
}

impl Size {
    fn now() -> Self {
        match std::env::var("FOOTFALL_FAULTS").as_deref() {
            Ok("long") => {
                Self { is_long: true, brokers: 3, partitions: 6, hits: 200_000, pause: Duration::from_millis(2) }
            }
            _ => Self { is_long: false, brokers: 1, partitions: 4, hits: 2_000, pause: Duration::from_millis(20) },
        }
    }

    /// Seconds that are shorter in the short form.
    fn seconds(&self, short: u64, long: u64) -> Duration {
        Duration::from_secs(if self.is_long { long } else { short })
    }

    fn of<T>(&self, short: T, long: T) -> T {
        if self.is_long { long } else { short }
    }
}

/// Whole installations do not run side by side, and none begins right before midnight: visitors are counted by the day.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let day = 86_400;
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let left = day - now % day;
    if left < 15 * 60 {
        eprintln!("waiting for midnight to pass");
        std::thread::sleep(Duration::from_secs(left + 1));
    }
    alone
}

fn random() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(0)
}

/// One line of figures.
fn tell(case: &str, bed: &Bed, load: &Load, more: &str) {
    let figures = &load.figures;
    let recovery = |share| load::quantile(&mut figures.recoveries.lock().unwrap(), share);
    // Each takes the lock for itself.
    let (half, most) = (recovery(0.5), recovery(0.99));
    eprintln!(
        "FIGURES {case} | brokers {} | faults {} | acknowledged {} | lost 0 | duplicated 0 | largest difference 0 | recovery p50 {} ms p99 {} ms | \
         ended by themselves {} | unanswered {} | refused {} | sent twice {} | wait p50 {} ms p99 {} ms | {more}",
        bed.cluster.brokers(),
        bed.faults,
        load.hits(),
        half,
        most,
        bed.restarts,
        figures.unanswered.load(Ordering::Relaxed),
        figures.refused.load(Ordering::Relaxed),
        figures.sent_twice.load(Ordering::Relaxed),
        load.wait(0.5),
        load.wait(0.99),
    );
}

#[test]
fn kill_9_of_anything_loses_nothing_and_doubles_nothing() {
    let _alone = alone();
    let size = Size::now();
    let mut bed = Bed::start(size.brokers, size.partitions);
    let load = Load::new(&bed.doors);
    let rounds = size.of(1, 6);
    load.during(size.hits, size.pause, || {
        for round in 0..rounds {
            let between = || std::thread::sleep(Duration::from_millis(100 + random() % size.of(200, 2_000)));
            for victim in ["collector-a", "processor-one", "collector-b", "processor-two"] {
                between();
                bed.kill(victim);
                between();
                bed.start_role(victim);
                bed.recover(&load);
            }
            bed.kill_engine();
            between();
            bed.start_engine();
            bed.recover(&load);
            let broker = round % size.brokers;
            bed.cluster.kill(broker);
            bed.faults += 1;
            std::thread::sleep(size.seconds(1, 15));
            bed.cluster.restart(broker);
            bed.recover(&load);
            let processors = bed.names("processor");
            processors.iter().for_each(|name| bed.kill(name));
            between();
            processors.iter().for_each(|name| bed.start_role(name));
            bed.recover(&load);
        }
    });
    bed.settle(&load);
    tell("kill -9", &bed, &load, "");
}

#[test]
fn whoever_was_frozen_and_wakes_up_counts_nothing_twice() {
    let _alone = alone();
    let size = Size::now();
    let mut bed = Bed::start(size.brokers, size.partitions);
    let load = Load::new(&bed.doors);
    load.during(size.hits, size.pause, || {
        for round in 0..size.of(1, 4) {
            let (zombie, other) = [("processor-one", "processor-two"), ("processor-two", "processor-one")][round % 2];
            bed.await_owners(&["processor-one", "processor-two"]);
            std::thread::sleep(Duration::from_millis(random() % 1_000));
            bed.signal(zombie, "STOP");
            bed.faults += 1;
            bed.await_owners(&[other]);
            std::thread::sleep(size.seconds(1, 20));
            bed.signal(zombie, "CONT");
            bed.recover(&load);
            bed.signal_engine("STOP");
            bed.faults += 1;
            std::thread::sleep(size.seconds(2, 40));
            bed.signal_engine("CONT");
            bed.recover(&load);
            let broker = round % size.brokers;
            bed.cluster.signal(broker, "STOP");
            bed.faults += 1;
            std::thread::sleep(size.seconds(4, 20));
            bed.cluster.signal(broker, "CONT");
            bed.recover(&load);
            bed.signal("collector-a", "STOP");
            bed.faults += 1;
            std::thread::sleep(size.seconds(1, 20));
            bed.signal("collector-a", "CONT");
            bed.recover(&load);
        }
    });
    bed.settle(&load);
    tell("SIGSTOP", &bed, &load, "");
}

#[test]
fn a_storm_of_rebalances_leaves_the_counts_exact() {
    let _alone = alone();
    let size = Size::now();
    let mut bed = Bed::start(size.brokers, size.partitions);
    let load = Load::new(&bed.doors);
    let mut lag_max = 0.0_f64;
    load.during(size.hits, size.pause, || {
        for turn in 0..size.of(6, 20) {
            // One is added; then one leaves, by its own will or not.
            let added = format!("processor-{turn}");
            bed.start_role(&added);
            let names = bed.names("processor");
            let leaves = &names[usize::try_from(random() % names.len() as u64).unwrap()];
            if random().is_multiple_of(2) {
                bed.faults += 1;
                bed.stop(leaves);
            } else {
                bed.kill(leaves);
            }
            bed.supervise();
            for processor in bed.names("processor") {
                lag_max = lag_max.max(figure(bed.role(&processor), "footfall_journal_lag_seconds"));
            }
        }
    });
    bed.settle(&load);
    tell("rebalance storm", &bed, &load, &format!("largest lag seen {lag_max} s"));
}

#[test]
fn lost_replies_and_networks_that_are_away_cost_nothing() {
    let _alone = alone();
    let size = Size::now();
    let mut bed = Bed::start(size.brokers, size.partitions);
    let load = Load::new(&bed.doors);
    let (mut spooled, mut per_hit) = (0.0, 0.0);
    load.during(size.hits, size.pause, || {
        for round in 0..size.of(1, 3) {
            for weather in [
                Weather::LoseReplies,
                Weather::Fair,
                Weather::Slow(size.seconds(1, 35)),
                Weather::Refuse,
                Weather::Silent,
                Weather::LoseReplies,
                Weather::Fair,
            ] {
                bed.engine_proxy.set(weather);
                bed.faults += u32::from(weather != Weather::Fair);
                std::thread::sleep(size.seconds(1, 15));
                if weather == Weather::Fair {
                    bed.recover(&load);
                }
            }
            for weather in [Weather::Refuse, Weather::LoseReplies, Weather::Silent] {
                bed.cluster.set(weather);
                bed.faults += 1;
                std::thread::sleep(size.seconds(3, 20));
                if weather == Weather::Refuse && round == 0 {
                    let records = bed.of_collectors("footfall_spool_records");
                    assert!(records > 0.0, "nothing waits in the spools");
                    // One record carries one batch.
                    spooled = records * load::BATCH as f64;
                    per_hit = bed.of_collectors("footfall_spool_bytes") / spooled;
                }
            }
            bed.cluster.set(Weather::Fair);
            bed.recover(&load);
        }
    });
    bed.settle(&load);
    eventually("nothing waits", || (bed.of_collectors("footfall_spool_records") == 0.0).then_some(()));
    let broken = bed.engine_proxy.broken();
    assert!(broken > 0, "the engine's proxy broke nothing");
    let more = format!("inserts and connections broken {broken} | spool {per_hit:.0} B/hit of {spooled} hits");
    tell("network", &bed, &load, &more);
}

#[test]
fn collectors_and_processors_and_dashboards_of_two_versions_work_side_by_side() {
    let _alone = alone();
    let size = Size::now();
    let other = std::env::var_os("FOOTFALL_OTHER").map(std::path::PathBuf::from);
    if other.is_none() {
        eprintln!("SKIPPED: the other version; FOOTFALL_OTHER names no binary, so this one is rolled over itself");
    }
    let mut bed = Bed::start(size.brokers, size.partitions);
    let load = Load::new(&bed.doors);
    load.during(size.hits, size.pause, || {
        for version in [other.clone(), None] {
            for role in ["collector", "processor", "dashboard"] {
                match &version {
                    Some(binary) => bed.versions.insert(role.to_owned(), binary.clone()),
                    None => bed.versions.remove(role),
                };
                for name in bed.names(role) {
                    bed.stop(&name);
                    bed.faults += 1;
                    std::thread::sleep(size.seconds(0, 3));
                    bed.start_role(&name);
                    bed.recover(&load);
                }
            }
        }
    });
    bed.settle(&load);
    let which = other.map_or("this version alone".to_owned(), |_| "two versions".to_owned());
    tell("upgrade and back", &bed, &load, &which);
}

#[test]
#[ignore = "a collector under libfaketime does not come up: clocks are stepped in the simulation"]
fn clocks_that_step_by_an_hour_lose_nothing() {
    let _alone = alone();
    if !Command::new("faketime").args(["-f", "+1h", "true"]).status().is_ok_and(|status| status.success()) {
        eprintln!("SKIPPED: clocks on real processes; faketime is not on this machine");
        return;
    }
    let size = Size::now();
    let mut bed = Bed::start(size.brokers, size.partitions);
    let load = Load::new(&bed.doors);
    load.during(size.hits, size.pause, || {
        for (name, step) in
            [("collector-a", "+1h"), ("processor-one", "-1h"), ("collector-a", "-1h"), ("processor-one", "+1h")]
        {
            bed.stop(name);
            bed.through.insert(name.to_owned(), vec!["faketime".to_owned(), "-f".to_owned(), step.to_owned()]);
            bed.faults += 1;
            bed.start_role(name);
            std::thread::sleep(size.seconds(1, 20));
            bed.stop(name);
            bed.through.clear();
            bed.start_role(name);
            bed.recover(&load);
        }
    });
    bed.settle(&load);
    tell("clock", &bed, &load, "");
}

/// A file system of a given size, or nothing where this process may not mount.
struct SmallDisk(std::path::PathBuf);

impl SmallDisk {
    fn mount(at: &std::path::Path, size: &str) -> Option<Self> {
        std::fs::create_dir_all(at).unwrap();
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"]).arg(at).output();
        if mounted.is_ok_and(|output| output.status.success()) {
            return Some(Self(at.to_owned()));
        }
        eprintln!("SKIPPED: a full disk; this process may not mount a file system");
        None
    }

    fn resize(&self, size: &str) {
        let done = Command::new("mount").args(["-o", &format!("remount,size={size}")]).arg(&self.0).status();
        assert!(done.unwrap().success());
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _busy = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn a_full_disk_is_said_and_never_acknowledged() {
    let _alone = alone();
    let size = Size::now();
    let mut bed = Bed::bare(1, size.partitions);
    let Some(disk) = SmallDisk::mount(&bed.data("collector-a"), "768k") else { return };
    for name in ["processor-one", "dashboard-d", "collector-a"] {
        bed.start_role(name);
    }
    let load = Load::new(&bed.doors);
    load.during(1_000, size.pause, || std::thread::sleep(Duration::from_secs(1)));
    // Kafka goes away, and the spool is full before it is back.
    load.during(size.hits, Duration::ZERO, || {
        bed.cluster.set(Weather::Refuse);
        bed.faults += 1;
        eventually("the collector says that it is full", || {
            (load.figures.refused.load(Ordering::Relaxed) > 20).then_some(())
        });
        let collector = bed.role("collector-a");
        assert!(figure(collector, "footfall_hits_refused_total") > 0.0);
        assert_eq!(collector.send("GET", "/readyz", &[], b"").status, 503);
        std::thread::sleep(size.seconds(1, 20));
        // Room is made while Kafka is still away.
        disk.resize("64m");
        eventually("it takes hits again", || (collector.send("GET", "/readyz", &[], b"").status == 200).then_some(()));
        std::thread::sleep(size.seconds(1, 5));
        bed.cluster.set(Weather::Fair);
        bed.recover(&load);
    });
    bed.settle(&load);
    tell("full disk (spool)", &bed, &load, "");
    bed.kill("collector-a");
}

#[test]
fn one_machine_whose_disk_is_full_says_so_and_goes_on_when_there_is_room() {
    let _alone = alone();
    let size = Size::now();
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let Some(disk) = SmallDisk::mount(&data, "400m") else { return };
    let config =
        format!("trusted_proxies = [\"127.0.0.0/8\"]\nrate_limit = \"off\"\n[[site]]\ndomain = \"{}\"\n", bed::SITE);
    let server = Server::configured(&data, &config);
    let doors = load::Doors::default();
    doors.lock().unwrap().push(server.address.clone());
    let load = Load::new(&doors);
    load.during(size.hits, size.pause, || {
        std::thread::sleep(Duration::from_secs(1));
        // Somebody else fills the disk.
        let ballast = data.join("ballast");
        let filled =
            Command::new("dd").args(["if=/dev/zero", "bs=64k"]).arg(format!("of={}", ballast.display())).output();
        assert!(!filled.unwrap().status.success(), "the disk is not full");
        eventually("hits are refused", || (load.figures.refused.load(Ordering::Relaxed) > 20).then_some(()));
        assert!(figure(&server, "footfall_hits_refused_total") > 0.0);
        assert_eq!(server.send("GET", "/readyz", &[], b"").status, 503);
        std::thread::sleep(size.seconds(1, 30));
        std::fs::remove_file(ballast).unwrap();
        let refused = load.figures.refused.load(Ordering::Relaxed);
        eventually("hits are taken again", || (server.send("GET", "/readyz", &[], b"").status == 200).then_some(()));
        std::thread::sleep(size.seconds(1, 10));
        eprintln!("refused {refused} batches while it was full");
    });
    let expected = load.recount();
    let metrics = ["visitors", "visits", "pageviews"];
    eventually("all are counted", || (server.try_totals(bed::SITE, &metrics)? == expected.totals).then_some(()));
    std::thread::sleep(Duration::from_secs(2));
    let pages = server.breakdown(bed::SITE, "event:page", &metrics).into_iter().collect();
    assert_eq!(load::Counts { totals: server.totals(bed::SITE, &metrics), pages }, expected);
    assert_eq!(figure(&server, "footfall_ledger_difference"), 0.0);
    let (hits, refused) = (load.hits(), load.figures.refused.load(Ordering::Relaxed));
    eprintln!(
        "FIGURES full disk (one machine) | faults 1 | acknowledged {hits} | lost 0 | duplicated 0 | largest difference 0 | refused {refused}"
    );
    server.kill();
    drop(disk);
}

#[test]
fn slow_clients_take_nothing_from_honest_ones() {
    let _alone = alone();
    let size = Size::now();
    let mut bed = Bed::start(1, size.partitions);
    let load = Load::new(&bed.doors);
    load.during(size.hits, size.pause, || std::thread::sleep(Duration::from_secs(1)));
    let (before, quiet) = (memory(bed.role("collector-a")), load.wait(0.99));
    load.figures.waits.lock().unwrap().clear();
    let slow = size.of(1_000, 4_000);
    let door = bed.role("collector-a").address.clone();
    let open = load.during(size.hits, size.pause, || {
        let mut slow: Vec<_> = (0..slow).map(|number| trickle::begin(&door, number)).collect();
        let begun = Instant::now();
        while begun.elapsed() < size.seconds(5, 60) {
            trickle::drip(&mut slow);
            std::thread::sleep(Duration::from_millis(500));
        }
        figure(bed.role("collector-a"), "footfall_connections_open")
    });
    let (after, busy) = (memory(bed.role("collector-a")), load.wait(0.99));
    assert!(open >= 500.0, "{open} connections are open: nobody was slow");
    // 40 KiB each is what a connection may cost while it sends; the rest is for what else grew.
    let bound = before + slow * 40 + 64 * 1024;
    assert!(after <= bound, "{after} KiB of memory, {before} before");
    assert!(busy < 2_000, "honest senders wait {busy} ms, {quiet} before");
    bed.settle(&load);
    let more = format!(
        "slow connections {slow}, open {open} | honest p99 {quiet} ms before, {busy} ms beside them | RSS {} MiB before, {} MiB beside them",
        before / 1024,
        after / 1024
    );
    tell("slow clients", &bed, &load, &more);
}

/// Resident memory in KiB.
fn memory(server: &Server) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.child.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Clients that send a byte now and then.
mod trickle {
    use std::io::Write;
    use std::net::TcpStream;

    /// Half of them trickle a head, half of them a body.
    pub fn begin(address: &str, number: u64) -> TcpStream {
        let mut stream = TcpStream::connect(address).unwrap();
        let head = match number % 2 {
            0 => "POST /api/event HTTP/1.1\r\nhost: example.com\r\nx-slow: ",
            _ => "POST /api/event HTTP/1.1\r\nhost: example.com\r\ncontent-length: 60000\r\n\r\n[",
        };
        let _refused = stream.write_all(head.as_bytes());
        stream
    }

    /// A byte from each; who was hung up on is gone.
    pub fn drip(slow: &mut Vec<TcpStream>) {
        slow.retain_mut(|stream| stream.write_all(b" ").is_ok());
    }
}
