//! Brokers of a cluster of three that lose their partitions' leaders, two of their three, and the tails of their logs. Every record is on
//! three, two acknowledge it, and a replica that lacks an acknowledged record is never made leader.

use std::time::Duration;

use super::bed::Bed;
use super::load::Load;
use super::{SLOWLY, Size, minutes};
use crate::distributed::figure;

const HITS: &str = "footfall-hits";
/// Where the brokers keep what groups have committed.
const COMMITS: &str = "__consumer_offsets";
/// How often processors saw that a partition had lost its end.
const TRUNCATIONS: &str = "footfall_journal_truncations_total";

/// A broker is killed, and falls behind; then the next one is, so that one is left; then the first is back, before the second. It
/// lacks what was acknowledged without it, and must not lead.
pub fn leaders_lost(bed: &mut Bed, load: &Load, size: &Size) -> String {
    let mut spooled = 0.0_f64;
    load.during(size.hits, size.pause, || {
        for first in 0..size.brokers {
            let second = (first + 1) % size.brokers;
            bed.cluster.kill(first);
            bed.faults += 1;
            std::thread::sleep(size.seconds(2, 10));
            bed.recover(load);
            bed.cluster.kill(second);
            bed.faults += 1;
            std::thread::sleep(size.seconds(3, 10));
            // One of three may not acknowledge for three.
            let waits = bed.of_collectors("footfall_spool_records");
            assert!(waits > 0.0, "nothing waits in the spools");
            spooled = spooled.max(waits);
            bed.cluster.restart(first);
            bed.recover(load);
            bed.cluster.restart(second);
            bed.recover(load);
            bed.cluster.await_in_step();
        }
    });
    format!("most records that waited in spools {spooled}")
}

/// Two of three are killed at once, each pair in turn: no majority is left, nothing is acknowledged by Kafka, the spools take over.
pub fn two_of_three(bed: &mut Bed, load: &Load, size: &Size) -> String {
    let mut spooled = 0.0_f64;
    load.during(size.hits, size.pause, || {
        for left in 0..size.brokers {
            let killed: Vec<usize> = (0..size.brokers).filter(|broker| *broker != left).collect();
            for broker in &killed {
                bed.cluster.kill(*broker);
                bed.faults += 1;
            }
            std::thread::sleep(size.seconds(3, 30));
            let waits = bed.of_collectors("footfall_spool_records");
            assert!(waits > 0.0, "nothing waits in the spools");
            spooled = spooled.max(waits);
            for broker in &killed {
                bed.cluster.restart(*broker);
            }
            bed.recover(load);
            bed.cluster.await_in_step();
        }
    });
    format!("most records that waited in spools {spooled}")
}

/// All brokers are killed, for minutes: Kafka takes nothing, the spools keep what is acknowledged, and all of it is counted afterwards.
pub fn outages(bed: &mut Bed, load: &Load, size: &Size) -> String {
    let mut told = Vec::new();
    load.during(0, SLOWLY, || {
        for minutes in minutes("OUTAGES", &[1, 10]) {
            for broker in 0..size.brokers {
                bed.cluster.kill(broker);
                bed.faults += 1;
            }
            let before = load.hits();
            std::thread::sleep(Duration::from_secs(minutes * 60));
            let (hits, waits) = (load.hits() - before, bed.of_collectors("footfall_spool_records"));
            assert!(hits > 0 && waits > 0.0, "{hits} hits were acknowledged, {waits} records wait");
            bed.cluster.start_all();
            bed.recover(load);
            told.push(format!("{minutes} min: {hits} hits acknowledged, {waits} records waited"));
        }
    });
    told.join("; ")
}

/// All that was sent is counted; then every broker is killed, the end of each copy is cut off, and they start again: records are gone
/// for good that were counted, as after an unclean election or a power cut, and what comes next stands in their places. Members of the
/// group lose their partitions meanwhile, so that who has one next begins from its last commit and from what is left. The second
/// time, in the long form, processors end with the brokers, and start when more has come than is gone.
pub fn lost_ends(bed: &mut Bed, load: &Load, size: &Size) -> String {
    let mut cut = 0;
    for time in 0..size.of(1, 2) {
        load.during(size.hits, size.pause, || {});
        bed.settle(load);
        bed.visitors_may_repeat = true;
        for broker in 0..size.brokers {
            bed.cluster.kill(broker);
            bed.faults += 1;
        }
        let restarted = time > 0;
        if restarted {
            bed.kill("processor-one");
            bed.kill("processor-two");
        }
        cut += (0..size.brokers).map(|broker| bed.cluster.cut_tail(broker, HITS)).sum::<u64>();
        bed.cluster.start_all();
        load.during(2 * size.hits, size.pause, || {});
        if restarted {
            bed.start_role("processor-one");
            bed.start_role("processor-two");
        }
        bed.recover(load);
    }
    assert!(cut > 0, "nothing was cut off");
    let found = bed.names("processor").iter().map(|name| figure(bed.role(name), TRUNCATIONS)).sum::<f64>();
    assert!(found > 0.0, "no processor has seen it");
    format!("bytes cut off {cut}; partitions in which processors saw it {found}; of page views and events alone")
}

/// Each broker in turn is killed, the ends of its logs of hits and of commits are cut off, in the middle of a record, and it starts
/// again, while the two others live. No processor runs meanwhile, so that what was cut had not been counted; and each copy has been
/// cut when the last one has.
pub fn cut_tails(bed: &mut Bed, load: &Load, size: &Size) -> String {
    let mut cut = 0;
    load.during(size.hits, size.pause, || {
        for broker in 0..size.brokers {
            bed.stop("processor-one");
            bed.stop("processor-two");
            std::thread::sleep(size.seconds(2, 15));
            bed.cluster.kill(broker);
            cut += bed.cluster.cut_tail(broker, HITS) + bed.cluster.cut_tail(broker, COMMITS);
            bed.faults += 1;
            std::thread::sleep(size.seconds(1, 5));
            bed.cluster.restart(broker);
            bed.cluster.await_in_step();
            bed.start_role("processor-one");
            bed.start_role("processor-two");
            bed.recover(load);
        }
    });
    assert!(cut > 0, "nothing was cut off");
    format!("bytes cut off {cut}")
}
