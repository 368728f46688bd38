//! Hits folded per second of processor time, enrichment included, with and without opening them first; and the memory that
//! a visitor-day takes. One thread, no disk: what the core of the program costs by itself.

use std::net::Ipv4Addr;

use anyhow::{Context, ensure};
use fold::{Bounds, Fold, Tables};
use model::{Arrival, Hit, Millis, Peer, Record};
use privacy::seal::{HourKey, Opener, Sealer};
use privacy::visitor::Secret;

use crate::processes::{own_cpu_seconds, own_resident_bytes};
use crate::report::{Report, Row, short};
use crate::tables;
use crate::traffic::world::World;
use crate::traffic::{DAY_MS, Day, LAST_DAY, SITE, Step, pageview, site};

const PAGEVIEWS_PER_DAY: u32 = 400_000;
const DAYS: i64 = 2;
/// Hits prepared at a time, and between two flushes: two minutes of a site with a million page views a day at its peak.
const BATCH_HITS: usize = 10_000;

/// Measures in this process, which must be fresh for the memory to be right.
pub fn measure() -> anyhow::Result<Report> {
    let (tables, found) = tables::cached()?;
    let world = World::new();
    let bytes_per_visitor = memory(&world, &tables)?;
    let crowded = crowded(&tables)?;
    let (mut folding, mut opening) = (Speed::default(), Speed::default());
    for day in LAST_DAY - DAYS + 1..=LAST_DAY {
        let day = Day::new(&world, 1, day, PAGEVIEWS_PER_DAY);
        fold_day(&world, &day, &tables, &mut folding)?;
        open_and_fold_day(&world, &day, &tables, &mut opening)?;
    }
    let row = |what: &str, ours: String, target: &str| Row {
        what: what.to_owned(),
        ours,
        target: target.to_owned(),
        ..Row::default()
    };
    let per_second = |speed: &Speed| format!("{} hits/s", short(speed.hits as f64 / speed.seconds));
    let rows = vec![
        row("hits folded per second and core, enrichment included", per_second(&folding), "300,000; 1,000,000"),
        row("the same with opening and decoding the sealed record", per_second(&opening), ""),
        row("RAM per visitor-day", format!("{} B", short(bytes_per_visitor)), "300 B; 100 B"),
        row(
            "RAM per visitor of `visitors_in_memory` that made-up visitors have filled",
            format!("{} B", short(crowded)),
            "",
        ),
    ];
    let flush = 100.0 * folding.flush_seconds / (folding.seconds + folding.flush_seconds);
    let notes = vec![format!(
        "Fold: {} hits of {DAYS} days, {} page views a day, 20,000 pages; a flush every {} hits took another {flush:.0} % of \
         the time and gave {} cells. {found}",
        short(folding.hits as f64),
        short(f64::from(PAGEVIEWS_PER_DAY)),
        short(BATCH_HITS as f64),
        short(folding.cells as f64)
    )];
    Ok(Report { rows, notes })
}

#[derive(Default)]
struct Speed {
    hits: u64,
    seconds: f64,
    flush_seconds: f64,
    cells: usize,
}

fn new_fold(tables: &Tables) -> Fold {
    Fold::new(0, Secret::new([7; 32]), tables.clone())
}

fn fold_day(world: &World, day: &Day, tables: &Tables, speed: &mut Speed) -> anyhow::Result<()> {
    let (site, mut fold) = (site(), new_fold(tables));
    for batch in day.steps.chunks(BATCH_HITS) {
        let hits: Vec<Hit> = batch.iter().map(|step| hit(world, day, step)).collect::<Result<_, _>>()?;
        let started = own_cpu_seconds();
        for hit in hits {
            fold.apply(&site, hit);
        }
        speed.seconds += own_cpu_seconds() - started;
        speed.hits += batch.len() as u64;
        let now = batch.last().map_or(Millis(0), |step| step.at);
        let started = own_cpu_seconds();
        speed.cells += fold.changes(now).cells.len();
        speed.flush_seconds += own_cpu_seconds() - started;
    }
    Ok(())
}

/// As a processor does: records of many encapsulations of one hour's key.
fn open_and_fold_day(world: &World, day: &Day, tables: &Tables, speed: &mut Speed) -> anyhow::Result<()> {
    let (site, mut fold) = (site(), new_fold(tables));
    let key = HourKey::generate(0, [3; 32]);
    let public = key.public();
    let mut opener = Opener::default();
    opener.insert(key);
    for (number, batch) in day.steps.chunks(BATCH_HITS).enumerate() {
        let mut random = [9; 32];
        random.iter_mut().zip(number.to_le_bytes()).for_each(|(byte, fresh)| *byte = fresh);
        let mut sealer = Sealer::new(&public, random)?;
        let records: Vec<Vec<u8>> = batch
            .iter()
            .map(|step| Ok(sealer.seal(&Record::Hits(vec![hit(world, day, step)?]).encode())?))
            .collect::<anyhow::Result<_>>()?;
        let started = own_cpu_seconds();
        for record in &records {
            let opened = opener.open(record)?;
            if let Record::Hits(hits) = Record::decode(&opened)? {
                for hit in hits {
                    fold.apply(&site, hit);
                }
            }
        }
        speed.seconds += own_cpu_seconds() - started;
        speed.hits += batch.len() as u64;
        fold.discard_changes();
    }
    Ok(())
}

/// Growth of this process while a day is folded, flushed as it goes, divided by the visitor-days it then holds: everything
/// that a day costs is in it, ids against double sends and cells included.
fn memory(world: &World, tables: &Tables) -> anyhow::Result<f64> {
    let day = Day::new(world, 1, LAST_DAY, PAGEVIEWS_PER_DAY);
    let site = site();
    let before = own_resident_bytes();
    let mut fold = new_fold(tables);
    for (number, step) in day.steps.iter().enumerate() {
        fold.apply(&site, hit(world, &day, step)?);
        if number.is_multiple_of(BATCH_HITS) {
            fold.changes(step.at);
        }
    }
    let grown = own_resident_bytes().saturating_sub(before);
    Ok(grown as f64 / fold.visitors() as f64)
}

/// Growth of this process while made-up visitors, each with a browser and pages of its own, fill a partition's memory until nothing
/// more is remembered, divided by the visitors that it is for.
fn crowded(tables: &Tables) -> anyhow::Result<f64> {
    const VISITORS: usize = 100_000;
    const MADE_UP: usize = VISITORS * 5 / 4;
    const HITS_AT_A_TIME: usize = 8;
    let site = site();
    let before = own_resident_bytes();
    let mut fold = Fold::with_bounds(0, Secret::new([7; 32]), tables.clone(), Bounds::of_visitors(VISITORS));
    for number in 0_usize.. {
        let visitor = number / HITS_AT_A_TIME % MADE_UP;
        let at = Millis(LAST_DAY * DAY_MS + i64::try_from(number / 1_000)?);
        let peer = Peer {
            address: Ipv4Addr::from_bits(0x0b00_0000 + u32::try_from(visitor)?).into(),
            agent: format!("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{visitor}.0.0.0 Safari/537.36").into(),
        };
        let hit = admitted(pageview(at, number as u64, &format!("https://{SITE}/{number}"), peer))?;
        fold.apply(&site, hit);
        if number.is_multiple_of(BATCH_HITS) {
            fold.changes(at);
            let met = fold.overflows();
            if met.visitors > 0 && met.hits > 0 && met.ids > 0 {
                break;
            }
        }
    }
    ensure!(fold.visitors() == VISITORS, "{} visitors are known, and there is room for {VISITORS}", fold.visitors());
    Ok(own_resident_bytes().saturating_sub(before) as f64 / VISITORS as f64)
}

/// A hit as it was admitted.
pub fn hit(world: &World, day: &Day, step: &Step) -> anyhow::Result<Hit> {
    admitted(day.arrival(world, step).context("a step belongs to a visit")?)
}

/// What becomes of an arrival at the door.
pub fn admitted(arrival: Arrival) -> anyhow::Result<Hit> {
    fold::admit(arrival, &site()).map_err(|refusal| anyhow::anyhow!("not admitted: {}", refusal.as_str()))
}
