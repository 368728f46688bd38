//! Networks that lose answers, are slow, silent, or away, between processors and the engine, and between collectors and Kafka.

use super::Size;
use super::bed::Bed;
use super::load::{self, Load};
use super::proxy::Weather;
use crate::harness::eventually;

/// Every weather in turn. What is inserted without an answer is inserted once, and what Kafka does not take waits in the spool.
pub fn network(bed: &mut Bed, load: &Load, size: &Size) -> String {
    let (mut spooled, mut per_hit) = (0.0, 0.0);
    load.during(size.hits, size.pause, || {
        for weather in [
            Weather::LoseReplies,
            Weather::Fair,
            // Late, and still heard: an insert waits longer for its answer.
            Weather::Slow(size.seconds(1, 35)),
            Weather::Fair,
            // Late, and the connection breaks first.
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
                bed.recover(load);
            }
        }
        for weather in [Weather::Refuse, Weather::LoseReplies, Weather::Silent] {
            bed.cluster.set(weather);
            bed.faults += 1;
            std::thread::sleep(size.seconds(3, 20));
            if weather == Weather::Refuse {
                let records = bed.of_collectors("footfall_spool_records");
                assert!(records > 0.0, "nothing waits in the spools");
                spooled = records * load::HITS_PER_RECORD;
                per_hit = bed.of_collectors("footfall_spool_bytes") / spooled;
            }
        }
        bed.cluster.set(Weather::Fair);
        bed.recover(load);
    });
    eventually("nothing waits", || (bed.of_collectors("footfall_spool_records") == 0.0).then_some(()));
    let broken = bed.engine_proxy.broken();
    assert!(broken > 0, "the engine's proxy broke nothing");
    format!("inserts and connections broken {broken} | spool {per_hit:.0} B/hit of {spooled:.0} hits")
}
