//! What must hold when a day is over: what was acknowledged is in the journal, every cell and every line of the ledger is what a
//! naive recount of the journal's records says, nothing was ever negative, nothing vanished, what was lost was told, and nothing
//! small rests.

use std::collections::{BTreeMap, HashSet};

use model::{Cell, Counts, Dimension, LedgerLine, Loss, Millis};

use crate::Outcome;
use crate::driver::Driver;
use crate::journal::Content;
use crate::letters::{Letter, described};
use crate::oracle::{Key, Sums, recount};
use crate::script::{Script, What};
use crate::sent::Op;
use crate::store::{Held, enough_measured, may_not_stay};

/// Differences that are put into words; the first ones tell enough.
const TOLD_MAX: usize = 8;

/// Compares.
pub fn check(script: &Script, driver: Driver) -> Outcome {
    let Driver { world, broker, tables, common, lost, forgotten, broken, keys_destroyed, .. } = driver;
    let mut outcome = Outcome {
        injected: world.all_injected(),
        trace: world.trace(),
        keys: keys_destroyed,
        lost: lost.len() as u64,
        wrong: broken,
        ..Outcome::default()
    };
    let mut expected = Sums::default();
    let mut received = 0;
    let mut kept = HashSet::new();
    for number in 0..script.partitions {
        let log = broker.log(number);
        outcome.records += log.len() as u64;
        let mut ops = Vec::new();
        let mut minute = i64::MIN;
        // A record that a collector appended twice is one record.
        let mut seen = HashSet::new();
        for (offset, record) in log.into_iter().enumerate() {
            if record.at.minute() > minute {
                minute = record.at.minute();
                ops.push(Op::Close(Millis(minute * 60_000)));
            }
            kept.insert((number, record.bytes.clone()));
            if lost.contains(&(number, offset)) {
                continue;
            }
            let is_tick = matches!(record.content, Content::Tick);
            if !is_tick && !seen.insert(record.bytes) {
                continue;
            }
            match record.content {
                Content::Hits(hits) => {
                    outcome.hits += hits.len() as u64;
                    received += i64::try_from(hits.len()).unwrap();
                    ops.extend(hits.into_iter().map(|hit| Op::Hit(Box::new(hit))));
                }
                Content::Tally(tally) => {
                    received += i64::try_from(tally.hits).unwrap();
                    ops.push(Op::Tally(tally));
                }
                Content::Ask(right, sent) => ops.push(Op::Ask(right, sent)),
                Content::Tick => {}
            }
        }
        let Sums { cells, ledger } = recount(&ops);
        for (key, counts) in cells {
            *expected.cells.entry(key).or_default() += counts;
        }
        for (line, hits) in ledger {
            *expected.ledger.entry(line).or_default() += hits;
        }
    }
    hold_to_answers(common.letters.all(), &kept, &mut outcome);
    let Held { counts, ledger, lost: told, closed, broken } = tables.held();
    outcome.wrong.extend(broken);
    outcome.cells = expected.cells.len() as u64;
    outcome.days = closed.len() as u64;
    let balance: i64 = ledger.iter().map(|line| line.hits).sum();
    if balance != received {
        outcome.wrong.push(format!("the ledger has {balance} hits of {received}"));
    }
    let found = add_up(counts, &mut outcome);
    compare_cells(&found, &expected.cells, &mut outcome);
    compare_ledger(ledger, expected, &mut outcome);
    let told_lost: i64 = told.iter().filter(|line| line.loss == Loss::Expired).map(|line| line.records).sum();
    let is_other = |loss| !matches!(loss, Loss::Expired | Loss::Forgotten);
    let others: i64 = told.iter().filter(|line| is_other(line.loss)).map(|line| line.records).sum();
    if (told_lost, others) != (i64::try_from(outcome.lost).unwrap(), 0) {
        outcome.wrong.push(format!(
            "{} records could not be opened in time; the store was told of {told_lost}, and of {others} other losses",
            outcome.lost
        ));
    }
    // Only an outage as long as keys live lets a replay meet dead keys within an open day.
    let has_outage = script.steps.iter().any(|step| matches!(step.what, What::LongOutage));
    if !has_outage && let Some(line) = told.iter().find(|line| line.loss == Loss::Forgotten) {
        outcome.wrong.push(format!("{} records of hour {} are told as forgotten", line.records, line.hour));
    }
    // Told at least: each start after an outage tells its own anew, and one may be killed before that is kept, so that the next one does.
    let told_forgotten: i64 = told.iter().filter(|line| line.loss == Loss::Forgotten).map(|line| line.records).sum();
    if told_forgotten < forgotten {
        outcome.wrong.push(format!("{forgotten} records are forgotten; the store was told of {told_forgotten}"));
    }
    for site in &script.sites {
        for ((_, day), cells) in closed.iter().filter(|((domain, _), _)| *domain == site.domain) {
            let enough = enough_measured(cells, site.visitors_min);
            let may_not_stay =
                |(place, counts): &(&_, &Counts)| may_not_stay(place, counts, site.visitors_min, &enough);
            let small = cells.iter().filter(may_not_stay).count();
            if small > 0 {
                outcome.wrong.push(format!("{small} small cells rest of day {} of {}", day.0, site.domain));
            }
        }
    }
    let folded = closed.iter().flat_map(|((site, day), cells)| {
        cells.iter().map(move |((hour, dimension, _, by, _), counts)| ((site, *day, *hour, *dimension, *by), *counts))
    });
    let whole = found
        .iter()
        .map(|((site, day, hour, dimension, _, by, _), counts)| ((site, *day, *hour, *dimension, *by), *counts));
    if sums_of_days(folded) != sums_of_days(whole) {
        outcome.wrong.push("closing a day changed a dimension's sum".to_owned());
    }
    outcome
}

/// What was acknowledged is in the journal, once or more often. What comes of more often the recount says.
fn hold_to_answers(letters: BTreeMap<Vec<u8>, Letter>, kept: &HashSet<(u32, Vec<u8>)>, outcome: &mut Outcome) {
    let mut missing = Vec::new();
    for (bytes, letter) in letters {
        match (letter.acknowledged, kept.contains(&(letter.partition, bytes))) {
            (true, true) => outcome.acknowledged += letter.hits(),
            (true, false) => missing.push(letter),
            (false, true) => outcome.untold += letter.hits(),
            (false, false) => {}
        }
    }
    if let Some(first) = missing.iter().min_by_key(|letter| letter.taken) {
        let (records, said) = (missing.len(), described(&first.content));
        outcome
            .wrong
            .push(format!("{records} records were acknowledged and are not in the journal; the first: {said}"));
    }
}

/// The sums of whole days over all values of a dimension or pair: what closing leaves as it is.
fn sums_of_days<'a>(
    cells: impl Iterator<Item = ((&'a model::Domain, model::LocalDay, Option<u8>, Dimension, Dimension), Counts)>,
) -> BTreeMap<(&'a model::Domain, i32, u8, u8), Counts> {
    let mut sums: BTreeMap<_, Counts> = BTreeMap::new();
    for ((site, day, hour, dimension, by), counts) in cells {
        if hour.is_none() {
            *sums.entry((site, day.0, dimension as u8, by as u8)).or_default() += counts;
        }
    }
    sums
}

/// Nets the rows in the order they came: after no block may a cell be below zero.
fn add_up(rows: Vec<Cell>, outcome: &mut Outcome) -> BTreeMap<Key, Counts> {
    let mut cells: BTreeMap<Key, Counts> = BTreeMap::new();
    let mut negative = 0;
    for Cell { site, day, hour, dimension, value, by, by_value, counts } in rows {
        let cell = cells.entry((site, day, hour, dimension, value.into(), by, by_value.into())).or_default();
        *cell += counts;
        negative += usize::from(numbers(cell).into_iter().any(|count| count < 0));
    }
    if negative > 0 {
        outcome.wrong.push(format!("{negative} times a cell at rest was negative"));
    }
    cells.retain(|_, counts| !counts.is_zero());
    cells
}

fn compare_cells(found: &BTreeMap<Key, Counts>, expected: &BTreeMap<Key, Counts>, outcome: &mut Outcome) {
    let none = Counts::default();
    let only_found =
        found.iter().filter(|(key, _)| !expected.contains_key(*key)).map(|(key, counts)| (key, counts, &none));
    let all = expected.iter().map(|(key, counts)| (key, found.get(key).unwrap_or(&none), counts)).chain(only_found);
    let mut told = 0;
    for (key, found, expected) in all.filter(|(_, found, expected)| found != expected) {
        let apart = numbers(found).into_iter().zip(numbers(expected)).map(|(one, other)| one.abs_diff(other)).max();
        outcome.difference = outcome.difference.max(apart.unwrap_or_default());
        told += 1;
        if told <= TOLD_MAX {
            outcome.wrong.push(format!("{key:?} is\n    {found:?} and should be\n    {expected:?}"));
        }
    }
    if told > TOLD_MAX {
        outcome.wrong.push(format!("… {told} cells differ in all"));
    }
}

fn compare_ledger(rows: Vec<LedgerLine>, expected: Sums, outcome: &mut Outcome) {
    let mut found = Sums::default();
    found.add(Vec::new(), rows);
    let mut lines: Vec<_> = found.ledger.keys().chain(expected.ledger.keys()).cloned().collect();
    lines.sort_unstable();
    lines.dedup();
    for line in lines {
        let of = |sums: &Sums| sums.ledger.get(&line).copied().unwrap_or_default();
        let (found, expected) = (of(&found), of(&expected));
        if found != expected {
            outcome.difference = outcome.difference.max(found.abs_diff(expected));
            outcome.wrong.push(format!("the ledger's {line:?} is {found} and should be {expected}"));
        }
    }
}

/// Taken apart whole, so that a new count cannot be forgotten here.
fn numbers(counts: &Counts) -> [i64; 12] {
    let Counts { visitors, visits, pageviews, events, bounces, visit_seconds, entries, exits, .. } = *counts;
    let Counts { engaged_ms, scroll_percent, scroll_visitors, revenue_micros, .. } = *counts;
    let first = [visitors, visits, pageviews, events, bounces, visit_seconds, entries, exits];
    let [a, b, c, d, e, f, g, h] = first;
    [a, b, c, d, e, f, g, h, engaged_ms, scroll_percent, scroll_visitors, revenue_micros]
}
