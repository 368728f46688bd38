//! Imports that are killed before, within and after every step they ask for, of files that grow in between, against one
//! naive import of the whole.
//!
//! The store is one in memory that keeps the promises of the real one and no more: a chunk of an insert is there whole or not
//! at all, and comes once per token. Beyond the totals it holds that whatever comes twice under one token is the same twice.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use model::{Cell, Counts, Domain, LedgerLine, Site};
use sha2::{Digest, Sha256};

use super::*;

const AGENT: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0";
const CELLS_PER_CHUNK: usize = 30;
const SMALL: Bounds = Bounds { pending_cells_max: 60, visitors_max: 12, lines_between_looks: 7 };
const HELD_MAX: usize = 9;

/// Where in a step the process is killed.
#[derive(Clone, Copy, Debug)]
enum Moment {
    Before,
    Within,
    After,
}

const MOMENTS: [Moment; 3] = [Moment::Before, Moment::Within, Moment::After];

#[derive(Default)]
struct Memory {
    counts: BTreeMap<String, Counts>,
    ledger: BTreeMap<(i64, &'static str, &'static str), i64>,
    chunks: BTreeMap<String, String>,
    marks: Vec<ImportMark>,
    /// Whether other rows may come under one token.
    lenient: bool,
}

impl Memory {
    fn carry_out(&mut self, step: Step, killed: Option<Moment>) -> Result<(), ImportError> {
        let broken = || Err(ImportError::Step("killed".to_owned()));
        if matches!(killed, Some(Moment::Before)) {
            return broken();
        }
        match step {
            Step::Insert(token, changes) => self.insert(&token, &changes, matches!(killed, Some(Moment::Within))),
            Step::Note(_) if matches!(killed, Some(Moment::Within)) => {}
            Step::Note(mark) => {
                let same = |known: &ImportMark| ImportMark { done: mark.done, ..*known } == mark;
                let done = mark.done || self.marks.iter().any(|known| same(known) && known.done);
                self.marks.retain(|known| !same(known));
                self.marks.push(ImportMark { done, ..mark });
            }
        }
        if killed.is_some() { broken() } else { Ok(()) }
    }

    fn insert(&mut self, token: &str, changes: &Changes, half: bool) {
        let (cells, ledger) = (changes.cells.chunks(CELLS_PER_CHUNK), changes.ledger.chunks(CELLS_PER_CHUNK));
        let land = if half { cells.len().div_ceil(2) } else { usize::MAX };
        for (number, chunk) in cells.enumerate().take(land) {
            if self.is_new(format!("{token}/counts/{number}"), format!("{chunk:?}")) {
                chunk.iter().for_each(|cell| *self.counts.entry(place(cell)).or_default() += cell.counts);
            }
        }
        for (number, chunk) in ledger.enumerate().take(if half { 0 } else { usize::MAX }) {
            if self.is_new(format!("{token}/ledger/{number}"), format!("{chunk:?}")) {
                for LedgerLine { minute, outcome, hits, .. } in chunk {
                    *self.ledger.entry((*minute, outcome.kind(), outcome.reason())).or_default() += hits;
                }
            }
        }
    }

    fn is_new(&mut self, token: String, rows: String) -> bool {
        let known = self.chunks.get(&token);
        assert!(self.lenient || known.is_none_or(|known| *known == rows), "{token} comes again with other rows");
        match self.chunks.entry(token) {
            Entry::Occupied(_) => false,
            Entry::Vacant(entry) => {
                entry.insert(rows);
                true
            }
        }
    }

    /// Imports the files as one command does; says how many steps it asked for.
    fn import(&mut self, files: &[&str], kill: Option<(usize, Moment)>, bounds: Option<Bounds>) -> (usize, bool) {
        let site = Arc::new(Site::new(Domain::parse("example.com").unwrap()));
        // Every process has a secret of its own.
        let secret = [u8::try_from(self.chunks.len() % 251).unwrap(); 32];
        let mut import = Import::new(site, Tables::default(), secret, self.marks.clone(), Millis(1_800_000_000_000));
        if let Some(bounds) = bounds {
            (import.bounds, import.reorder) = (bounds, Reorder::holding(HELD_MAX));
        }
        let mut steps = 0;
        for file in files {
            let known = known(import.marks.clone(), &mut file.as_bytes()).unwrap();
            let mut step = |step| {
                steps += 1;
                self.carry_out(step, kill.filter(|(at, _)| *at == steps - 1).map(|(_, moment)| moment))
            };
            let line = |line: &[u8]| combined::read(line, "example.com");
            let mut doors = Doors { line: &line, step: &mut step };
            match import.file(&mut file.as_bytes(), known, &mut doors) {
                Ok(()) => {}
                Err(ImportError::Step(_)) => return (steps, false),
                Err(error) => panic!("{error}"),
            }
        }
        (steps, true)
    }

    /// Imports to the end and compares with one import of all that was never interrupted.
    fn holds(mut self, files: &[&str], ordered: bool) {
        assert!(self.import(files, None, Some(SMALL)).1);
        assert_eq!(self.import(files, None, Some(SMALL)), (0, true), "what is known asks for nothing");
        let texts: Vec<String> = files.iter().map(|file| as_imported(file, &self.marks)).collect();
        let mut naive = Self::default();
        naive.import(&texts.iter().map(String::as_str).collect::<Vec<_>>(), None, None);
        assert_eq!(self.ledger, naive.ledger);
        // Where an import ends, hits that wait to be put in order are folded: later ones may then belong to another visit.
        if ordered {
            assert_eq!(without_zeros(self.counts), without_zeros(naive.counts));
        }
    }
}

fn place(cell: &Cell) -> String {
    let Cell { day, hour, dimension, value, by, by_value, .. } = cell;
    format!("{day:?} {hour:?} {dimension:?} {value:?} {by:?} {by_value:?}")
}

fn without_zeros(mut counts: BTreeMap<String, Counts>) -> BTreeMap<String, Counts> {
    counts.retain(|_, counts| *counts != Counts::default());
    counts
}

/// The file as it was imported: a line that was being written when an import read it counts as it was then.
fn as_imported(file: &str, marks: &[ImportMark]) -> String {
    let of_this_file = |mark: &&ImportMark| {
        let beginning = file.as_bytes().get(..usize::try_from(mark.bytes).unwrap());
        beginning.is_some_and(|beginning| mark.sha256 == <[u8; 32]>::from(Sha256::digest(beginning)))
    };
    let marks: Vec<_> = marks.iter().filter(of_this_file).collect();
    let mut start = 0;
    let mut lines = String::new();
    for line in file.split_inclusive('\n') {
        let whole = line.strip_suffix('\n').unwrap_or(line);
        let inside = |mark: &&ImportMark| usize::try_from(mark.bytes).unwrap().checked_sub(start);
        let cut = marks.iter().filter_map(inside).filter(|at| (1..whole.len()).contains(at)).min();
        lines.extend([&whole[..cut.unwrap_or(whole.len())], "\n"]);
        start += line.len();
    }
    lines
}

struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 11).unwrap() % end
    }
}

/// A log of some days from `day` May 2015 on; not in order, a line stands up to a minute from its place.
fn log(random: &mut Random, day: usize, lines: usize, ordered: bool) -> String {
    let mut seconds = 80_000;
    let mut text = String::new();
    for _ in 0..lines {
        seconds += random.below(900);
        let at = seconds - if ordered { 0 } else { random.below(60) };
        let (day, at) = (day + at / 86_400, at % 86_400);
        let page = ["/", "/a", "/b?utm_source=x", "/logo.png"][random.below(4)];
        let status = [200, 200, 200, 404][random.below(4)];
        text.push_str(&format!(
            "192.0.2.{} - - [{day:02}/May/2015:{:02}:{:02}:{:02} +0000] \"GET {page} HTTP/1.1\" {status} 5 \"-\" \"{AGENT}\"\n",
            random.below(6),
            at / 3_600,
            at / 60 % 60,
            at % 60,
        ));
    }
    text
}

#[test]
fn killed_once_anywhere_and_grown_it_counts_once() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let text = log(&mut random, 3, 120, true);
    // At the end of a line, inside one, and where only the end of the line is missing.
    let line_end = text[..text.len() * 2 / 3].rfind('\n').unwrap();
    for length in [line_end + 1, line_end + 30, line_end, text.len()] {
        for at in 0.. {
            let mut finished = false;
            for moment in MOMENTS {
                let mut memory = Memory::default();
                let (_, whole) = memory.import(&[&text[..length]], Some((at, moment)), Some(SMALL));
                finished |= whole;
                memory.holds(&[&text], true);
            }
            if finished {
                assert!(at > 9, "there are inserts on the way");
                break;
            }
        }
    }
}

#[test]
fn killed_again_and_again_while_it_grows_it_counts_once() {
    for seed in 1..=300_u64 {
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let ordered = !seed.is_multiple_of(3);
        let (days, lines) = (3 + random.below(3), 20 + random.below(80));
        let first = log(&mut random, 3, lines, ordered);
        let text = log(&mut random, 3 + days, lines, ordered);
        let mut memory = Memory::default();
        // Not so short that the other file begins with the same bytes: it would be taken for this one, grown.
        let mut length = 120;
        for _ in 0..random.below(7) {
            length += random.below(text.len() - length);
            let kill = (random.below(14), MOMENTS[random.below(3)]);
            // Sometimes an attempt is not killed.
            memory.import(&[&first, &text[..length]], Some(kill).filter(|_| random.below(4) > 0), Some(SMALL));
        }
        memory.holds(&[&first, &text], ordered);
    }
}

#[test]
fn a_shorter_copy_that_ends_where_an_insert_did_on_the_way_adds_what_waited_there() {
    let mut random = Random(5);
    let text = log(&mut random, 3, 60, true);
    let mut memory = Memory::default();
    memory.import(&[&text], Some((3, Moment::Before)), Some(SMALL));
    let on_the_way = memory.marks.iter().find(|mark| mark.hits_wait && mark.done).unwrap().bytes;
    memory.holds(&[&text[..usize::try_from(on_the_way).unwrap()]], true);
}

/// Its visits no longer go on from the other file, so rows differ; every hit is there once all the same.
#[test]
fn one_of_two_files_may_be_imported_again_alone() {
    for seed in 1..=60_u64 {
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let (first, text) = (log(&mut random, 3, 40, true), log(&mut random, 3, 120, true));
        let (line_end, at) = (text[..text.len() * 2 / 3].rfind('\n').unwrap() + 1, random.below(20));
        let mut memory = Memory { lenient: true, ..Memory::default() };
        memory.import(&[&first, &text[..line_end]], Some((at, MOMENTS[2 * random.below(2)])), Some(SMALL));
        memory.import(&[&text], None, Some(SMALL));
        memory.import(&[&first], None, Some(SMALL));
        let mut naive = Memory::default();
        naive.import(&[&first, &text], None, None);
        assert_eq!(memory.ledger, naive.ledger, "seed {seed}");
    }
}

#[test]
fn what_a_shorter_copy_began_is_not_repeated_where_the_counts_are_further() {
    let mut random = Random(6);
    let text = log(&mut random, 3, 60, true);
    let mut memory = Memory::default();
    memory.import(&[&text], None, Some(SMALL));
    let shorter = text[..text.len() - 50].rfind('\n').unwrap() + 1;
    memory.import(&[&text[..shorter]], Some((1, Moment::Before)), Some(SMALL));
    assert!(memory.marks.iter().any(|mark| !mark.done));
    memory.holds(&[&text], true);
}

#[test]
fn an_insert_that_another_fold_began_keeps_its_token() {
    let mark = |fold_version| ImportMark { bytes: 1, sha256: [10; 32], hits_wait: true, fold_version, done: false };
    let site = Domain::parse("example.com").unwrap();
    assert_eq!(token(&site, &mark(7)), format!("import-example.com-{}-waiting-7", "0a".repeat(32)));
}
