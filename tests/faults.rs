//! Real faults on real processes: brokers, engine and roles are killed, frozen, cut off, filled up and upgraded under load, and then
//! every hit that was acknowledged is counted, once, to equality with a naive recount.
//!
//! `make test` runs [`short`] forms, on one broker. `make faults` runs [`long`] ones, on three brokers, longer and with more load, and
//! prints the figures that `docs/reliability.md` has. What no process can be made to do (a power cut, a lying disk) is the simulation's.

mod bed;
mod brokers;
mod clocks;
mod cluster;
mod crowds;
mod disks;
mod load;
mod machine;
mod networks;
mod processes;
mod proxy;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::Ordering;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bed::Bed;
use load::Load;

/// How long and how much.
struct Size {
    is_long: bool,
    brokers: usize,
    partitions: u32,
    /// Hits sent around a case's faults, at least.
    hits: u64,
    /// What a sender waits between two batches. Some 1,500 hits a second in the long form: a case is about what happens to them, not
    /// about how many a machine carries.
    pause: Duration,
}

impl Size {
    const SHORT: Self =
        Self { is_long: false, brokers: 1, partitions: 4, hits: 2_000, pause: Duration::from_millis(20) };
    const LONG: Self =
        Self { is_long: true, brokers: 3, partitions: 6, hits: 200_000, pause: Duration::from_millis(20) };

    /// Seconds that are shorter in the short form.
    fn seconds(&self, short: u64, long: u64) -> Duration {
        Duration::from_secs(if self.is_long { long } else { short })
    }

    fn of<T>(&self, short: T, long: T) -> T {
        if self.is_long { long } else { short }
    }
}

/// A sender's pause in a case that lasts as long as its fault: some forty hits a second.
const SLOWLY: Duration = Duration::from_secs(1);

/// How many minutes each fault of a long case lasts: what a variable says (`1,10,60`), or these.
fn minutes(variable: &str, or_else: &[u64]) -> Vec<u64> {
    match std::env::var(variable) {
        Ok(said) => said.split(',').map(|minutes| minutes.trim().parse().unwrap()).collect(),
        Err(_) => or_else.to_vec(),
    }
}

/// What is done to an installation under load; it answers what more there is to tell.
type Case = fn(&mut Bed, &Load, &Size) -> String;

/// Does things to one installation, one after the other, and counts after each.
fn on_one_bed(size: &Size, cases: &[(&str, Case)]) {
    let _room = Room::beside_others();
    let mut bed = Bed::start(size.brokers, size.partitions);
    let load = Load::new(&bed.doors);
    for (name, case) in cases {
        let (begun, before) = (Instant::now(), load.hits());
        let more = case(&mut bed, &load, size);
        bed.settle(&load);
        tell(name, &mut bed, &load, before, &format!("took {} s | {more}", begun.elapsed().as_secs()));
        bed.tidy();
    }
}

/// What `make test` does. The cases that can share an installation do: its start is a third of each.
mod short {
    use super::*;

    const SHORT: &Size = &Size::SHORT;

    #[test]
    fn kills_freezes_storms_broken_networks_upgrades_and_cut_logs_lose_nothing_and_double_nothing() {
        on_one_bed(
            SHORT,
            &[
                ("kill -9", processes::kill_9),
                ("SIGSTOP", processes::frozen),
                ("rebalance storm", processes::storm),
                ("network", networks::network),
                ("upgrade and back", processes::upgrade),
                ("end of every copy cut off", brokers::lost_ends),
            ],
        );
    }

    #[test]
    fn clocks_that_are_wrong_and_that_step_date_and_count_exactly() {
        clocks::wrong_clocks(SHORT);
    }

    #[test]
    fn hours_without_keys_take_nothing_and_keep_nothing_in_the_clear() {
        clocks::without_keys(SHORT);
    }

    #[test]
    fn a_full_disk_is_said_and_never_acknowledged() {
        disks::full_spool(SHORT);
    }

    #[test]
    fn a_broker_whose_disk_is_full_costs_nothing_that_was_acknowledged() {
        disks::broker(SHORT);
    }

    #[test]
    fn one_machine_whose_disk_is_full_says_so_and_goes_on_when_there_is_room() {
        disks::one_machine(SHORT);
    }

    #[test]
    fn one_machine_that_dies_or_fails_at_single_calls_loses_nothing_and_doubles_nothing() {
        machine::single_calls(SHORT);
    }

    #[test]
    fn one_machine_that_is_stopped_and_started_under_load_loses_nothing_and_doubles_nothing() {
        machine::upgraded(SHORT);
    }

    #[test]
    fn slow_clients_take_nothing_from_honest_ones() {
        crowds::slow(SHORT);
    }

    #[test]
    fn a_flood_is_shed_and_told_and_honest_hits_are_counted_beside_it() {
        crowds::overload(SHORT);
    }
}

/// What `make faults` does: each case on an installation of its own, so that each can be run alone (`CASE=kill_9`).
mod long {
    use super::*;

    const LONG: &Size = &Size::LONG;

    #[test]
    #[ignore = "minutes: make faults"]
    fn kill_9() {
        on_one_bed(LONG, &[("kill -9", processes::kill_9)]);
    }

    #[test]
    #[ignore = "minutes: make faults"]
    fn frozen() {
        on_one_bed(LONG, &[("SIGSTOP", processes::frozen)]);
    }

    #[test]
    #[ignore = "minutes: make faults"]
    fn outages() {
        on_one_bed(LONG, &[("all brokers away", brokers::outages)]);
    }

    #[test]
    #[ignore = "minutes: make faults"]
    fn frozen_for_long() {
        on_one_bed(LONG, &[("SIGSTOP for long", processes::frozen_for_long)]);
    }

    #[test]
    #[ignore = "minutes: make faults"]
    fn storm() {
        on_one_bed(LONG, &[("rebalance storm", processes::storm)]);
    }

    #[test]
    #[ignore = "minutes: make faults"]
    fn network() {
        on_one_bed(LONG, &[("network", networks::network)]);
    }

    #[test]
    #[ignore = "minutes: make faults"]
    fn upgrade() {
        on_one_bed(LONG, &[("upgrade and back", processes::upgrade)]);
    }

    #[test]
    #[ignore = "minutes: make faults"]
    fn leaders_lost() {
        on_one_bed(LONG, &[("leaders lost, a stale replica back first", brokers::leaders_lost)]);
    }

    #[test]
    #[ignore = "minutes: make faults"]
    fn two_of_three() {
        on_one_bed(LONG, &[("kill -9 of two brokers of three", brokers::two_of_three)]);
    }

    #[test]
    #[ignore = "minutes: make faults"]
    fn cut_tails() {
        on_one_bed(LONG, &[("tail of a broker's log cut off", brokers::cut_tails)]);
    }

    #[test]
    #[ignore = "minutes: make faults"]
    fn lost_ends() {
        on_one_bed(LONG, &[("end of every copy cut off", brokers::lost_ends)]);
    }

    #[test]
    #[ignore = "minutes: make faults"]
    fn clocks() {
        clocks::wrong_clocks(LONG);
    }

    #[test]
    #[ignore = "minutes: make faults"]
    fn without_keys() {
        clocks::without_keys(LONG);
    }

    #[test]
    #[ignore = "minutes: make faults"]
    fn full_spool() {
        disks::full_spool(LONG);
    }

    #[test]
    #[ignore = "minutes: make faults"]
    fn full_broker() {
        disks::broker(LONG);
    }

    #[test]
    #[ignore = "minutes: make faults"]
    fn full_machine() {
        disks::one_machine(LONG);
    }

    #[test]
    #[ignore = "minutes: make faults"]
    fn single_calls() {
        machine::single_calls(LONG);
    }

    #[test]
    #[ignore = "minutes: make faults"]
    fn upgrade_one_machine() {
        machine::upgraded(LONG);
    }

    #[test]
    #[ignore = "minutes: make faults"]
    fn slow_clients() {
        crowds::slow(LONG);
    }

    #[test]
    #[ignore = "minutes: make faults"]
    fn overload() {
        crowds::overload(LONG);
    }
}

/// How many installations run side by side: what one waits for most of the time, another can use.
const SIDE_BY_SIDE: usize = 2;

/// Room for an installation. It is given back when dropped.
struct Room(usize);

static TAKEN: Mutex<usize> = Mutex::new(0);
static GIVEN_BACK: Condvar = Condvar::new();

impl Room {
    /// Waits for the room of one installation among others. None begins right before midnight: visitors are counted by the day.
    fn beside_others() -> Self {
        Self::take(1)
    }

    /// Waits until there is no other: what is measured here depends on how busy the machine is.
    fn alone() -> Self {
        Self::take(SIDE_BY_SIDE)
    }

    fn take(wanted: usize) -> Self {
        let taken = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
        let is_full = |taken: &mut usize| *taken + wanted > SIDE_BY_SIDE;
        *GIVEN_BACK.wait_while(taken, is_full).unwrap_or_else(PoisonError::into_inner) += wanted;
        let room = Self(wanted);
        let day = 86_400;
        let left = day - std::time::UNIX_EPOCH.elapsed().unwrap().as_secs() % day;
        if left < 15 * 60 {
            eprintln!("waiting for midnight to pass");
            std::thread::sleep(Duration::from_secs(left + 1));
        }
        room
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        *TAKEN.lock().unwrap_or_else(PoisonError::into_inner) -= self.0;
        GIVEN_BACK.notify_all();
    }
}

fn random() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(0)
}

/// The binary of another version, if one is named.
fn another_version() -> Option<PathBuf> {
    let other = std::env::var_os("FOOTFALL_OTHER").map(PathBuf::from);
    if other.is_none() {
        eprintln!("SKIPPED: the other version; FOOTFALL_OTHER names no binary, so this one is rolled over itself");
    }
    other
}

/// Compiles what is to stand before the C library: `NAME.c` beside this.
fn preloaded(name: &str, into: &Path) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/faults/{name}.c"));
    let library = into.join(format!("{name}.so"));
    let mut compiler = Command::new("cc");
    compiler.args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).arg(source).arg("-ldl");
    let done = compiler.output().expect("a C compiler, as for the build");
    assert!(done.status.success(), "{done:?}");
    library
}

/// One line of figures of a case, and the next case begins with none. That none was lost or doubled has been asserted.
fn tell(case: &str, bed: &mut Bed, load: &Load, before: i64, more: &str) {
    let figures = load.figures.take();
    let number = |figure: &std::sync::atomic::AtomicU64| figure.load(Ordering::Relaxed);
    let (mut recoveries, mut waits) = (figures.recoveries.into_inner().unwrap(), figures.waits.into_inner().unwrap());
    eprintln!(
        "FIGURES {case} | brokers {} | faults {} | acknowledged {} | lost 0 | duplicated 0 | largest difference 0 | recovery p50 {} ms p99 {} ms | \
         ended by themselves {} | unanswered {} | refused {} | sent twice {} | wait p50 {} ms p99 {} ms | {more}",
        bed.cluster.brokers(),
        std::mem::take(&mut bed.faults),
        load.hits() - before,
        load::quantile(&mut recoveries, 0.5),
        load::quantile(&mut recoveries, 0.99),
        std::mem::take(&mut bed.restarts),
        number(&figures.unanswered),
        number(&figures.refused),
        number(&figures.sent_twice),
        load::quantile(&mut waits, 0.5),
        load::quantile(&mut waits, 0.99),
    );
}
