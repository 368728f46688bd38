//! Disks that are full, and have room again: what was not kept was not acknowledged.

use std::process::Command;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::bed::{self, Bed};
use super::cluster::Cluster;
use super::load::{self, Load};
use super::proxy::Weather;
use super::{Room, Size, tell};
use crate::distributed::figure;
use crate::harness::{Server, eventually};

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

/// The disk of a collector's spool is full while Kafka is away: what it cannot keep is refused, and said at `/readyz`.
pub fn full_spool(size: &Size) {
    let _room = Room::beside_others();
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
    tell("full disk (spool)", &mut bed, &load, 0, "");
    bed.kill("collector-a");
}

/// The disk of a broker is full: it ends, what comes meanwhile waits in the spools, and what it had acknowledged is still there.
pub fn broker(size: &Size) {
    let _room = Room::beside_others();
    let mut cluster = Cluster::laid_out(1);
    let data = cluster.data(0);
    let Some(disk) = SmallDisk::mount(&data, "400m") else { return };
    cluster.begin();
    let mut bed = Bed::on(cluster, size.partitions);
    for name in ["processor-one", "dashboard-d", "collector-a"] {
        bed.start_role(name);
    }
    let load = Load::new(&bed.doors);
    load.during(size.hits, size.pause, || {
        std::thread::sleep(Duration::from_secs(1));
        let ballast = fill(&data);
        bed.faults += 1;
        let took = bed.cluster.await_end(0);
        eprintln!("the broker gave up after {} ms", took.as_millis());
        eventually("what comes waits in the spool", || {
            (bed.of_collectors("footfall_spool_records") > 0.0).then_some(())
        });
        std::thread::sleep(size.seconds(1, 30));
        std::fs::remove_file(ballast).unwrap();
        bed.cluster.restart(0);
        bed.recover(&load);
    });
    bed.settle(&load);
    tell("full disk (broker)", &mut bed, &load, 0, "");
    drop(bed);
    drop(disk);
}

/// Fills a disk up, as somebody else's file does.
fn fill(directory: &std::path::Path) -> std::path::PathBuf {
    let ballast = directory.join("ballast");
    let filled = Command::new("dd").args(["if=/dev/zero", "bs=64k"]).arg(format!("of={}", ballast.display())).output();
    assert!(!filled.unwrap().status.success(), "the disk is not full");
    ballast
}

/// The disk of `footfall serve` is filled up by somebody else, and then there is room again.
pub fn one_machine(size: &Size) {
    let _room = Room::beside_others();
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
        let ballast = fill(&data);
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
    load.settle_on(&server);
    let (hits, refused) = (load.hits(), load.figures.refused.load(Ordering::Relaxed));
    eprintln!(
        "FIGURES full disk (one machine) | faults 1 | acknowledged {hits} | lost 0 | duplicated 0 | largest difference 0 | refused {refused}"
    );
    server.kill();
    drop(disk);
}
