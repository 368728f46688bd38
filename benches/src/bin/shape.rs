//! The shape of an installation, reckoned: from what one collector, one processor and one ClickHouse node were measured to
//! carry, how many of each a rate of hits takes, and how long the numbers lag when a processor is lost at the day's peak,
//! played second by second. It measures nothing; `docs/scale.md` quotes its table, and a test here holds the two together.

use std::fmt::Write;
use std::process::ExitCode;

/// What one of each was measured to carry; `docs/scale.md` says where and when.
struct Carried {
    /// Processor time per hit, in µs, each hit a record of its own.
    collector_us: f64,
    processor_us: f64,
    engine_us: f64,
    broker_us: f64,
    /// Records that one core reads again per second.
    replayed: f64,
    /// A record of one hit, in bytes.
    record_bytes: f64,
    visitor_day_bytes: f64,
    /// Counts at rest, in bytes per page view, on one replica.
    pageview_bytes: f64,
}

const MEASURED: Carried = Carried {
    collector_us: 43.9,
    processor_us: 20.3,
    engine_us: 5.81,
    broker_us: 56.3,
    replayed: 98_700.0,
    record_bytes: 306.0,
    visitor_day_bytes: 830.0,
    pageview_bytes: 5.1,
};

/// Of the traffic that the measurements were made with (`benches/src/traffic`).
const HITS_PER_VISITOR_DAY: f64 = 5.9;
const PAGEVIEWS_PER_HIT: f64 = 0.49;

/// How busy a machine may be at the peak, so that a lost one's work fits beside it.
const BUSY_MAX: f64 = 0.6;
/// A machine of a processor: of 128 GB most is for visitors.
const CORES: f64 = 8.0;
const RAM_BYTES: f64 = 110e9;
/// Records live so long, and so far back a replay begins.
const RETENTION_S: f64 = 27.0 * 3_600.0;
const REPLAY_S: usize = 25 * 3_600;
/// A processor that is lost is missed after this.
const SILENCE_S: usize = 30;
const BROKER_REPLICAS: f64 = 3.0;
/// The most partitions that a configuration may ask for.
const PARTITIONS_MAX: f64 = 1_000.0;
const DAY_S: usize = 86_400;
/// When a processor is lost: at the peak.
const LOST_AT_S: usize = 20 * 3_600;
/// What is rented costs about so much a month, in dollars: a core, a gigabyte of memory, a gigabyte of disk.
const PRICES: [f64; 3] = [25.0, 3.0, 0.08];

/// Hits a second at a second of the day: a wave whose mean is 55 % of its peak, which is at eight in the evening.
fn rate(peak: f64, second: usize) -> f64 {
    let angle = (second as f64 - LOST_AT_S as f64) / DAY_S as f64 * std::f64::consts::TAU;
    peak * (0.55 + 0.45 * angle.cos())
}

/// Hits between two seconds of a day that repeats, the first of which may be days before.
fn hits(peak: f64, from: i64, to: i64) -> f64 {
    let second = |at: i64| usize::try_from(at.rem_euclid(DAY_S as i64)).unwrap_or(0);
    (from..to).map(|at| rate(peak, second(at))).sum()
}

/// What a processor's partitions go through after it is lost at the peak.
struct Takeover {
    /// Until its partitions are counted again as they come, in seconds.
    seconds: f64,
    /// The most hits that waited.
    waiting: f64,
}

/// Plays the loss of one of `processors`. Nothing where the others have no core to spare, or do not catch up within a day.
fn takeover(carried: &Carried, peak: f64, processors: f64) -> Option<Takeover> {
    let live_cores = |second| rate(peak, second) * carried.processor_us / 1e6;
    let lost = LOST_AT_S as i64;
    let mut to_replay = hits(peak, lost - REPLAY_S as i64, lost) / processors;
    let (mut waiting, mut most) = (0.0_f64, 0.0_f64);
    for elapsed in 0..DAY_S {
        let second = (LOST_AT_S + elapsed) % DAY_S;
        waiting += rate(peak, second) / processors;
        if elapsed >= SILENCE_S {
            // One core works on a partition at a time, and a processor has one partition a core.
            let spare = (processors - 1.0) * CORES - live_cores(second) * (processors - 1.0) / processors;
            let mut cores = spare.min(CORES);
            if cores <= 0.0 {
                return None;
            }
            let replayed = (cores * carried.replayed).min(to_replay);
            to_replay -= replayed;
            cores -= replayed / carried.replayed;
            waiting -= (cores * 1e6 / carried.processor_us).min(waiting);
        }
        most = most.max(waiting);
        if waiting <= 0.0 {
            return Some(Takeover { seconds: (elapsed + 1) as f64, waiting: most });
        }
    }
    None
}

/// How much of everything a peak takes.
struct Shape {
    peak: f64,
    hits_a_day: f64,
    collectors: f64,
    processors: f64,
    partitions: f64,
    broker_cores: f64,
    engine_cores: f64,
    takeover: Takeover,
    /// Of the busiest processor after another was lost, at the end of a day.
    processor_ram: f64,
    broker_bytes: f64,
    counts_bytes_a_day: f64,
    dollars: f64,
}

/// The fewest machines that carry a peak and count a lost processor's partitions again within `within` seconds.
fn shape(carried: &Carried, peak: f64, within: f64) -> Option<Shape> {
    let hits_a_day = hits(peak, 0, DAY_S as i64);
    let cores = |us: f64| peak * us / 1e6 / BUSY_MAX;
    // The day itself, and two hours of the day before that wait for its close.
    let ram = hits_a_day / HITS_PER_VISITOR_DAY * carried.visitor_day_bytes * 26.0 / 24.0;
    let fits = |processors: f64| {
        let processor_ram = ram / (processors - 1.0);
        let busy = cores(carried.processor_us) <= (processors - 1.0) * CORES;
        let found = takeover(carried, peak, processors)?;
        (busy && processor_ram <= RAM_BYTES && found.seconds <= within).then_some((found, processor_ram))
    };
    // Doubling, then halving what is left between: more processors are never slower.
    let mut enough = 2.0;
    while fits(enough).is_none() {
        enough *= 2.0;
        if enough > 1e6 {
            return None;
        }
    }
    let mut few = (enough / 2.0_f64).max(1.0);
    while enough - few > 1.0 {
        let between = ((enough + few) / 2.0).floor();
        if fits(between).is_some() { enough = between } else { few = between }
    }
    let (takeover, processor_ram) = fits(enough)?;
    let collectors = cores(carried.collector_us).ceil().max(1.0) + 1.0;
    let broker_cores = (cores(carried.broker_us) * BROKER_REPLICAS).max(3.0);
    let engine_cores = (cores(carried.engine_us)).max(2.0);
    let broker_bytes = hits_a_day / DAY_S as f64 * RETENTION_S * carried.record_bytes * BROKER_REPLICAS;
    let counts_bytes_a_day = hits_a_day * PAGEVIEWS_PER_HIT * carried.pageview_bytes;
    let [core, memory, disk] = PRICES;
    let all_cores = collectors + enough * CORES + broker_cores + 2.0 * engine_cores;
    // Two replicas of 25 months of counts.
    let disk_bytes = broker_bytes + 2.0 * counts_bytes_a_day * 760.0;
    let dollars = all_cores * core
        + enough * processor_ram.max(4e9) / 1e9 * memory
        + all_cores * memory
        + disk_bytes / 1e9 * disk;
    Some(Shape {
        peak,
        hits_a_day,
        collectors,
        processors: enough,
        partitions: enough * CORES,
        broker_cores,
        engine_cores,
        takeover,
        processor_ram,
        broker_bytes,
        counts_bytes_a_day,
        dollars,
    })
}

/// A number with at most three digits that say something, and its unit.
fn short(number: f64, unit: &str) -> String {
    let (scaled, prefix) = match number {
        n if n >= 1e12 => (n / 1e12, "T"),
        n if n >= 1e9 => (n / 1e9, "G"),
        n if n >= 1e6 => (n / 1e6, "M"),
        n if n >= 1e4 => (n / 1e3, "k"),
        n => (n, ""),
    };
    let digits = if scaled < 10.0 && scaled.fract() > 0.05 { format!("{scaled:.1}") } else { format!("{scaled:.0}") };
    format!("{digits} {prefix}{unit}").trim_end().to_owned()
}

/// The table of `docs/scale.md`.
fn table() -> Option<String> {
    let shapes = [(1e4, 600.0), (1e6, 600.0), (1e6, 3_600.0), (1e7, 3_600.0)]
        .into_iter()
        .map(|(peak, within)| shape(&MEASURED, peak, within).map(|shape| (shape, within)))
        .collect::<Option<Vec<_>>>()?;
    let mut text = String::from("| |");
    for (shape, within) in &shapes {
        let _ = write!(text, " {} hits/s, whole again in {:.0} min |", short(shape.peak, ""), within / 60.0);
    }
    text.push_str("\n|---|---|---|---|---|\n");
    type Cell = fn(&Shape) -> String;
    let rows: [(&str, Cell); 12] = [
        ("hits a day", |s| short(s.hits_a_day, "")),
        ("collectors (cores), one to spare", |s| short(s.collectors, "")),
        ("processors of 8 cores", |s| short(s.processors, "")),
        ("of these busy at the peak", |s| {
            format!("{:.0} %", 100.0 * s.peak * MEASURED.processor_us / 1e6 / (s.processors * CORES))
        }),
        ("partitions, one a core", |s| {
            let beyond = if s.partitions > PARTITIONS_MAX { " (1,000 at most today)" } else { "" };
            format!("{}{beyond}", short(s.partitions, ""))
        }),
        ("after a loss at the peak: whole again after", |s| format!("{:.1} min", s.takeover.seconds / 60.0)),
        ("the most hits that waited", |s| short(s.takeover.waiting, "")),
        ("RAM of a processor for visitors, after a loss", |s| short(s.processor_ram, "B")),
        ("brokers: cores, disk for 27 h, three replicas", |s| {
            format!("{}, {}", short(s.broker_cores, ""), short(s.broker_bytes, "B"))
        }),
        ("ClickHouse: cores of one replica", |s| short(s.engine_cores, "")),
        ("counts of a day, one replica, at most", |s| short(s.counts_bytes_a_day, "B")),
        ("a month's rent, about", |s| format!("$ {}", short(s.dollars, ""))),
    ];
    for (what, cell) in rows {
        let _ = write!(text, "| {what} |");
        for (shape, _) in &shapes {
            let _ = write!(text, " {} |", cell(shape));
        }
        text.push('\n');
    }
    Some(text)
}

#[expect(clippy::print_stdout, reason = "the table is what the command answers")]
fn main() -> ExitCode {
    match table() {
        Some(table) => {
            print!("{table}");
            ExitCode::SUCCESS
        }
        None => ExitCode::FAILURE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_quotes_what_is_reckoned() {
        let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/scale.md")).unwrap();
        let table = table().unwrap();
        assert!(page.contains(&table), "docs/scale.md does not hold this table:\n{table}");
    }

    #[test]
    fn a_day_has_the_hits_of_its_wave() {
        let mean = hits(100.0, 0, DAY_S as i64) / DAY_S as f64;
        assert!((mean - 55.0).abs() < 0.01 && (rate(100.0, LOST_AT_S) - 100.0).abs() < 1e-9);
    }

    #[test]
    fn the_play_agrees_with_the_arithmetic_where_traffic_is_steady() {
        // A peak so low that the replay is all: 25 hours, read again by eight cores, after half a minute of silence.
        let (peak, processors) = (1e4, 4.0);
        let played = takeover(&MEASURED, peak, processors).unwrap().seconds;
        let records = hits(peak, LOST_AT_S as i64 - REPLAY_S as i64, LOST_AT_S as i64) / processors;
        let reading = records / (CORES * MEASURED.replayed);
        let behind = (SILENCE_S as f64 + reading) * peak / processors * MEASURED.processor_us / 1e6 / CORES;
        let reckoned = SILENCE_S as f64 + reading + behind;
        assert!((played - reckoned).abs() < 0.02 * reckoned + 3.0, "{played} {reckoned}");
    }

    #[test]
    fn one_fewer_processor_would_not_do() {
        let found = shape(&MEASURED, 1e6, 3_600.0).unwrap();
        assert!(found.takeover.seconds <= 3_600.0 && found.processor_ram <= RAM_BYTES);
        let fewer = takeover(&MEASURED, 1e6, found.processors - 1.0);
        let ram = found.processor_ram * (found.processors - 1.0) / (found.processors - 2.0);
        assert!(fewer.is_none_or(|fewer| fewer.seconds > 3_600.0) || ram > RAM_BYTES);
    }
}
