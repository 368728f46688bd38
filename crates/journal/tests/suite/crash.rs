//! A process that appends is killed with SIGKILL ten times, each time after a random number of acknowledgements. Every
//! record it acknowledged is there, in order, exactly once, and so is the last commit it acknowledged.
//!
//! The process is this test binary again, running the one test below that does nothing without its variable.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher, RandomState};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use ::model::{Clock, Millis};
use journal::embedded::EmbeddedJournal;
use journal::{Commit, Journal, Offset};

use crate::bed::{Hand, START, open, read_all};

const DIRECTORY: &str = "JOURNAL_CRASH_DIRECTORY";
const ROUND: &str = "JOURNAL_CRASH_ROUND";
const PARTITIONS: u32 = 3;
const SENDERS: u32 = 12;
const SEGMENT_BYTES: u64 = 20_000;

#[test]
fn appends_until_it_is_killed() {
    let (Ok(directory), Ok(round)) = (std::env::var(DIRECTORY), std::env::var(ROUND)) else { return };
    // A clock that runs a minute a reading, so that kills also meet the turn of the hour.
    let readings = std::sync::atomic::AtomicI64::new(round.parse::<i64>().unwrap() * 1_000_000);
    let tick = move || Millis(START + 60_000 * readings.fetch_add(1, std::sync::atomic::Ordering::SeqCst));
    let journal = Arc::new(open(Path::new(&directory), PARTITIONS, Clock::new(tick), SEGMENT_BYTES));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let senders: Vec<_> =
            (0..SENDERS).map(|sender| tokio::spawn(send(journal.clone(), sender, round.clone()))).collect();
        for sender in senders {
            sender.await.unwrap();
        }
    });
}

async fn send(journal: Arc<EmbeddedJournal>, sender: u32, round: String) {
    let partition = sender % PARTITIONS;
    for number in 0_u32.. {
        let text = format!("{round}/{sender}/{number}/{}", "x".repeat((number % 300) as usize));
        let offset = journal.append(partition, text.clone().into_bytes()).await.unwrap();
        say(format!("append {partition} {offset} {text}\n"));
        if sender < PARTITIONS && number % 5 == 0 {
            let commit = Commit { next: offset.next(), metadata: format!("up to {offset}").into_bytes() };
            journal.commit(partition, commit).await.unwrap();
            say(format!("commit {partition} {offset}\n"));
        }
    }
}

/// Writes a line at once. One that the kill cuts has no end and does not count.
fn say(line: String) {
    std::io::stdout().write_all(line.as_bytes()).unwrap();
}

#[derive(Default)]
struct Acknowledged {
    records: BTreeMap<(u32, u64), String>,
    commits: BTreeMap<u32, u64>,
}

impl Acknowledged {
    fn note(&mut self, line: &str) -> bool {
        let words: Vec<_> = line.split_whitespace().collect();
        match words.as_slice() {
            ["append", partition, offset, text] => {
                let key = (partition.parse().unwrap(), offset.parse().unwrap());
                let before = self.records.insert(key, (*text).to_owned());
                assert_eq!(before, None, "an offset was given twice");
                true
            }
            ["commit", partition, offset] => {
                self.commits.insert(partition.parse().unwrap(), offset.parse().unwrap());
                false
            }
            _ => false,
        }
    }
}

#[test]
fn nothing_acknowledged_is_lost_when_the_process_is_killed() {
    let directory = tempfile::tempdir().unwrap();
    let mut acknowledged = Acknowledged::default();
    for round in 0..10 {
        let after = RandomState::new().hash_one(round) % 3_000;
        println!("round {round}: killed after {after} acknowledgements");
        run_and_kill(directory.path(), round, after, &mut acknowledged);
        verify(directory.path(), &acknowledged, round);
    }
    assert!(acknowledged.records.len() > 1_000);
}

fn run_and_kill(directory: &Path, round: u32, after: u64, acknowledged: &mut Acknowledged) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "crash::appends_until_it_is_killed", "--nocapture"])
        .env(DIRECTORY, directory)
        .env(ROUND, round.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let (mut line, mut count, mut killed) = (String::new(), 0, false);
    while output.read_line(&mut line).unwrap() > 0 {
        if line.ends_with('\n') && acknowledged.note(&line) {
            count += 1;
        }
        line.clear();
        if count > after && !killed {
            child.kill().unwrap(); // SIGKILL; what it had said before is still read
            killed = true;
        }
    }
    assert!(!child.wait().unwrap().success());
    assert!(killed, "it ended by itself in round {round}");
}

fn verify(directory: &Path, acknowledged: &Acknowledged, round: u32) {
    let hand = Hand::new();
    let journal = open(directory, PARTITIONS, hand.clock(), SEGMENT_BYTES);
    assert_eq!(journal.recovery().damaged_bytes, 0, "round {round}");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut found = BTreeMap::new();
        let mut texts = BTreeSet::new();
        for partition in 0..PARTITIONS {
            let entries = read_all(&journal, partition, 1_000).await;
            assert!(entries.is_sorted_by(|one, next| one.offset < next.offset && one.at <= next.at));
            for entry in entries {
                let text = String::from_utf8(entry.bytes).unwrap();
                assert!(texts.insert(text.clone()), "{text} is there twice");
                found.insert((partition, entry.offset.0), text);
            }
            let committed = journal.committed(partition).await.unwrap().map(|commit| {
                assert_eq!(commit.metadata, format!("up to {}", commit.next.0 - 1).into_bytes(), "torn commit");
                commit.next
            });
            let last = acknowledged.commits.get(&partition).map(|offset| Offset(offset + 1));
            assert!(committed >= last, "round {round}: committed {committed:?}, acknowledged {last:?}");
        }
        for (place, text) in &acknowledged.records {
            assert_eq!(found.get(place), Some(text), "round {round}: {place:?} was acknowledged");
        }
    });
}
