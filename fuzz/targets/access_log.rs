//! Access logs, whole files of them: every line has an outcome, what is counted adds up, importing a file again adds
//! nothing, and one that was killed and has grown repeats the same rows.
#![no_main]

use std::collections::HashMap;
use std::sync::Arc;

use fold::{Tables, admit};
use libfuzzer_sys::fuzz_target;
use model::{Changes, Counts, Mode, Site};
use processor::import::{Doors, Import, Known, Line, Step, combined};
use store::ImportMark;

fuzz_target!(|file: &[u8]| {
    let site = Arc::new(fuzz::site(Mode::Full));
    for line in file.split(|byte| *byte == b'\n') {
        let Line::Arrived(arrival) = combined::read(line, site.domain.as_str()) else { continue };
        assert!((-62_200_000_000_000..253_500_000_000_000).contains(&arrival.at.0), "years have four digits");
        if let Ok(hit) = admit(arrival, &site) {
            fuzz::check(&hit, Mode::Full);
        }
    }

    let mut steps = Vec::new();
    let mut import = Import::new(site.clone(), Tables::default(), [3; 32], Vec::new(), fuzz::NOW);
    run(&mut import, file, Known::default(), &mut steps);
    let summary = import.summary().clone();
    let lines = file.split_inclusive(|byte| *byte == b'\n').count() as u64;
    let told = summary.refused.values().chain(summary.bots.values()).sum::<u64>();
    assert_eq!((summary.lines, summary.lines_known), (lines, 0));
    assert_eq!(summary.empty + summary.counted_all() + told, lines, "every line has an outcome");
    let marks = marks(&steps);
    let inserted =
        steps.into_iter().filter_map(|step| if let Step::Insert(_, changes) = step { Some(changes) } else { None });
    let total = sum(inserted);
    assert_eq!(total.ledger.iter().map(|line| line.hits).sum::<i64>(), i64::try_from(lines - summary.empty).unwrap());
    fuzz::no_sum_is_negative(&total);

    let mut again = Vec::new();
    let done = processor::import::known(marks.clone(), &mut &*file).expect("memory can be read");
    assert_eq!(done.counted, file.len() as u64);
    let mut import = Import::new(site.clone(), Tables::default(), [4; 32], marks, fuzz::NOW);
    run(&mut import, file, done, &mut again);
    assert!(again.is_empty(), "a file that is known adds nothing");
    killed_and_grown(file, &site);
});

/// An import of half the file, killed in its insert, leaves a range; the whole file brings that range and the rest.
fn killed_and_grown(file: &[u8], site: &Arc<Site>) {
    let half = &file[..file.len() / 2];
    let (mut first, mut second) = (Vec::new(), Vec::new());
    let import = |marks| Import::new(site.clone(), Tables::default(), [5; 32], marks, fuzz::NOW);
    run(&mut import(Vec::new()), half, Known::default(), &mut first);
    let Some(Step::Note(begun)) = first.first().cloned() else { return };
    let known = processor::import::known(vec![begun], &mut &*file).expect("memory can be read");
    assert_eq!((known.counted, known.begun), (0, half.len() as u64));
    run(&mut import(vec![begun]), file, known, &mut second);
    let inserts = |steps: &[Step]| {
        let insert =
            |step: &Step| if let Step::Insert(token, rows) = step { Some((token.clone(), rows.clone())) } else { None };
        steps.iter().filter_map(insert).collect::<Vec<_>>()
    };
    let (first, second) = (inserts(&first), inserts(&second));
    assert_eq!(first.first(), second.first(), "the same rows under the same token");
    fuzz::no_sum_is_negative(&sum(second.into_iter().map(|(_, rows)| rows)));
}

fn marks(steps: &[Step]) -> Vec<ImportMark> {
    let done = |step: &Step| if let Step::Note(mark) = step { Some(*mark).filter(|mark| mark.done) } else { None };
    steps.iter().filter_map(done).collect()
}

fn run(import: &mut Import, mut file: &[u8], known: Known, steps: &mut Vec<Step>) {
    let mut step = |step| {
        steps.push(step);
        Ok(())
    };
    let line = |line: &[u8]| combined::read(line, "example.com");
    let mut doors = Doors { line: &line, step: &mut step };
    import.file(&mut file, known, &mut doors).expect("memory can be read, and every step is acknowledged");
}

/// All inserts together, as the store adds them up.
fn sum(inserts: impl Iterator<Item = Changes>) -> Changes {
    let mut total = Changes::default();
    let mut places = HashMap::new();
    for changes in inserts {
        for cell in changes.cells {
            let key = (cell.day, cell.hour, cell.dimension, cell.value.clone(), cell.by, cell.by_value.clone());
            let place = *places.entry(key).or_insert_with(|| {
                total.cells.push(model::Cell { counts: Counts::default(), ..cell.clone() });
                total.cells.len() - 1
            });
            total.cells[place].counts += cell.counts;
        }
        total.ledger.extend(changes.ledger);
    }
    total
}
