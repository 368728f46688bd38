//! Processes that are killed, frozen, added, taken away, and replaced by those of another version.

use std::time::Duration;

use super::bed::Bed;
use super::load::Load;
use super::{SLOWLY, Size, another_version, minutes, random};

/// SIGKILL to every process in turn, and to all processors at once.
pub fn kill_9(bed: &mut Bed, load: &Load, size: &Size) -> String {
    let rounds = size.of(1, 4);
    load.during(size.hits, size.pause, || {
        for round in 0..rounds {
            let between = || std::thread::sleep(Duration::from_millis(100 + random() % size.of(200, 1_500)));
            for victim in ["collector-a", "processor-one", "collector-b", "processor-two"] {
                between();
                bed.kill(victim);
                between();
                bed.start_role(victim);
                bed.recover(load);
            }
            bed.kill_engine();
            between();
            bed.start_engine();
            bed.recover(load);
            let broker = round % size.brokers;
            bed.cluster.kill(broker);
            bed.faults += 1;
            std::thread::sleep(size.seconds(1, 15));
            bed.cluster.restart(broker);
            bed.recover(load);
            let processors = bed.names("processor");
            processors.iter().for_each(|name| bed.kill(name));
            between();
            processors.iter().for_each(|name| bed.start_role(name));
            bed.recover(load);
        }
    });
    String::new()
}

/// SIGSTOP and SIGCONT: whoever was frozen and wakes up counts nothing twice.
pub fn frozen(bed: &mut Bed, load: &Load, size: &Size) -> String {
    load.during(size.hits, size.pause, || {
        for round in 0..size.of(1, 2) {
            let (zombie, other) = [("processor-one", "processor-two"), ("processor-two", "processor-one")][round % 2];
            outlived(bed, load, [zombie, other], size.seconds(1, 20));
            bed.signal_engine("STOP");
            bed.faults += 1;
            std::thread::sleep(size.seconds(2, 40));
            bed.signal_engine("CONT");
            bed.recover(load);
            let broker = round % size.brokers;
            bed.cluster.signal(broker, "STOP");
            bed.faults += 1;
            std::thread::sleep(size.seconds(4, 20));
            bed.cluster.signal(broker, "CONT");
            bed.recover(load);
            bed.signal("collector-a", "STOP");
            bed.faults += 1;
            std::thread::sleep(size.seconds(1, 20));
            bed.signal("collector-a", "CONT");
            bed.recover(load);
        }
    });
    String::new()
}

/// SIGSTOP to a processor for minutes, while another one counts what was its own; then it goes on.
pub fn frozen_for_long(bed: &mut Bed, load: &Load, _: &Size) -> String {
    let minutes = minutes("FREEZES", &[10]);
    load.during(0, SLOWLY, || {
        for minutes in &minutes {
            outlived(bed, load, ["processor-one", "processor-two"], Duration::from_secs(minutes * 60));
        }
    });
    format!("for {minutes:?} minutes")
}

/// Freezes one of two processors, lets the other count for so long what was its own, and lets it go on.
fn outlived(bed: &mut Bed, load: &Load, [zombie, other]: [&str; 2], long: Duration) {
    bed.await_owners(&[zombie, other]);
    std::thread::sleep(Duration::from_millis(random() % 1_000));
    bed.signal(zombie, "STOP");
    bed.faults += 1;
    bed.await_owners(&[other]);
    bed.recover(load);
    std::thread::sleep(long);
    bed.signal(zombie, "CONT");
    bed.recover(load);
}

/// Processors added and taken away, by their own will or not.
pub fn storm(bed: &mut Bed, load: &Load, size: &Size) -> String {
    let mut lag_max = 0.0_f64;
    load.during(size.hits, size.pause, || {
        for turn in 0..size.of(6, 20) {
            bed.start_role(&format!("processor-{turn}"));
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
                lag_max = lag_max.max(bed.figure_if_there(&processor, "footfall_journal_lag_seconds"));
            }
        }
    });
    format!("largest lag seen {lag_max} s")
}

/// Collectors, processors and dashboard rolled to another version and back, side by side meanwhile.
pub fn upgrade(bed: &mut Bed, load: &Load, size: &Size) -> String {
    let other = another_version();
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
                    bed.recover(load);
                }
            }
        }
    });
    other.map_or("this version alone".to_owned(), |_| "two versions".to_owned())
}
