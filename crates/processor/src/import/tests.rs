//! What an import asks to be done, step by step, without a store.

use std::sync::Mutex;

use model::{Domain, Site};

use super::*;

const AGENT: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0";

fn log(lines: std::ops::Range<u32>) -> String {
    let line = |n: u32| {
        let (minute, second) = (n / 60 % 60, n % 60);
        format!(
            "192.0.2.{} - - [17/May/2015:10:{minute:02}:{second:02} +0000] \"GET /p{} HTTP/1.1\" 200 5 \"-\" \"{AGENT}\"\n",
            n % 7,
            n % 3
        )
    };
    lines.map(line).collect()
}

#[derive(Default)]
struct Seen {
    tokens: Vec<String>,
    pageviews: i64,
    marks: Vec<ImportMark>,
}

/// Imports texts one after the other, as one command would, and returns what was asked for.
fn import(marks: Vec<ImportMark>, texts: &[&str]) -> (Seen, Summary) {
    let seen = Mutex::new(Seen::default());
    let site = Arc::new(Site::new(Domain::parse("example.com").unwrap()));
    let mut import = Import::new(site, Tables::default(), [7; 32], marks, Millis(1_800_000_000_000));
    for text in texts {
        let known = known(import.marks().to_vec(), &mut text.as_bytes()).unwrap();
        let mut step = |step| {
            let mut seen = seen.lock().unwrap();
            match step {
                Step::Insert(token, changes) => {
                    let totals = changes
                        .cells
                        .iter()
                        .filter(|cell| cell.dimension == model::Dimension::Total && cell.hour.is_none());
                    seen.pageviews += totals.map(|cell| cell.counts.pageviews).sum::<i64>();
                    seen.tokens.push(token);
                }
                Step::Note(mark) if mark.done => seen.marks.push(mark),
                Step::Note(_) => {}
            }
            Ok(())
        };
        let line: Box<LineReader> = Box::new(|line: &[u8]| combined::read(line, "example.com"));
        let mut doors = Doors { line: &*line, step: &mut step };
        import.file(&mut text.as_bytes(), known, &mut doors).unwrap();
    }
    let summary = import.summary().clone();
    (seen.into_inner().unwrap(), summary)
}

#[test]
fn a_file_is_inserted_once_and_remembered_after() {
    let (seen, summary) = import(Vec::new(), &[&log(0..500)]);
    assert_eq!((seen.tokens.len(), seen.pageviews, seen.marks.len()), (1, 500, 1));
    assert_eq!((summary.lines, summary.counted, summary.lines_known), (500, 500, 0));
}

#[test]
fn a_known_file_asks_for_nothing() {
    let (first, _) = import(Vec::new(), &[&log(0..500)]);
    let (again, summary) = import(first.marks, &[&log(0..500)]);
    assert_eq!((again.tokens.len(), again.marks.len()), (0, 0));
    assert_eq!((summary.lines_known, summary.counted, summary.counted_known), (500, 500, 500));
}

#[test]
fn a_grown_file_adds_its_new_lines_and_goes_on_with_its_visits() {
    let (first, _) = import(Vec::new(), &[&log(0..300)]);
    let (grown, summary) = import(first.marks, &[&log(0..500)]);
    assert_eq!((grown.pageviews, summary.lines_known), (200, 300));
    let (whole, _) = import(Vec::new(), &[&log(0..500)]);
    assert_eq!(first.pageviews + grown.pageviews, whole.pageviews);
}

#[test]
fn a_file_that_was_imported_while_its_last_line_was_written_is_known() {
    let text = log(0..500);
    let (first, _) = import(Vec::new(), &[&text[..text.len() / 2 + 10]]);
    let (grown, summary) = import(first.marks, &[&text]);
    assert!(summary.lines_known >= 250, "{summary:?}");
    assert_eq!(first.pageviews + grown.pageviews, 499, "the cut line was refused, the others are counted once");
}

#[test]
fn another_file_of_the_same_length_is_not_known() {
    let (first, _) = import(Vec::new(), &[&log(0..500)]);
    let other = log(0..500).replace("GET /p1", "GET /p9");
    let (second, _) = import(first.marks, &[&other]);
    assert_eq!(second.pageviews, 500);
}

#[test]
fn a_line_ahead_of_the_clock_is_refused_and_closes_nothing() {
    let ahead = log(0..1).replace("2015", "2090");
    let (seen, summary) = import(Vec::new(), &[&(ahead + &log(0..20))]);
    assert_eq!((seen.pageviews, summary.late, summary.refused.get("malformed")), (20, 0, Some(&1)));
}

#[test]
fn a_broken_off_import_repeats_the_same_tokens() {
    let (first, _) = import(Vec::new(), &[&log(0..500)]);
    let (again, _) = import(Vec::new(), &[&log(0..500)]);
    assert_eq!(first.tokens, again.tokens);
}
