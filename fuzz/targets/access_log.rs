//! Access logs, whole files of them: every line has an outcome, what is counted adds up, and importing a file again adds
//! nothing.
#![no_main]

use std::collections::HashMap;
use std::sync::Arc;

use fold::{Tables, admit};
use libfuzzer_sys::fuzz_target;
use model::{Changes, Counts, Mode};
use processor::import::{Doors, Import, Line, Step, combined};

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
    let mut import = Import::new(site.clone(), Tables::default(), [3; 32], Vec::new());
    run(&mut import, file, 0, &mut steps);
    let summary = import.summary().clone();
    let lines = file.split_inclusive(|byte| *byte == b'\n').count() as u64;
    let told = summary.refused.values().chain(summary.bots.values()).sum::<u64>();
    assert_eq!((summary.lines, summary.lines_known), (lines, 0));
    assert_eq!(summary.empty + summary.counted_all() + summary.late + told, lines, "every line has an outcome");
    let marks: Vec<_> =
        steps.iter().filter_map(|step| if let Step::Remember(mark) = step { Some(*mark) } else { None }).collect();
    let inserted =
        steps.into_iter().filter_map(|step| if let Step::Insert(_, changes) = step { Some(changes) } else { None });
    let total = sum(inserted);
    assert_eq!(total.ledger.iter().map(|line| line.hits).sum::<i64>(), i64::try_from(lines - summary.empty).unwrap());
    fuzz::no_sum_is_negative(&total);

    let mut again = Vec::new();
    let mut import = Import::new(site, Tables::default(), [4; 32], marks);
    let known = import.known(&mut &*file).expect("memory can be read");
    assert_eq!(known, file.len() as u64);
    run(&mut import, file, known, &mut again);
    assert!(again.is_empty(), "a file that is known adds nothing");
});

fn run(import: &mut Import, mut file: &[u8], known: u64, steps: &mut Vec<Step>) {
    let mut step = |step| {
        steps.push(step);
        Ok(())
    };
    let line = |line: &[u8]| combined::read(line, "example.com");
    let mut doors = Doors { line: &line, step: &mut step, progress: &mut |_| {} };
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
