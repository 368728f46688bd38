//! A process with a spool is killed with SIGKILL ten times while the journal behind it comes and goes. Every record it
//! acknowledged is in that journal in the end, each sender's in order, up to repetitions.
//!
//! The process is this test binary again, running the one test below that does nothing without its variable. The journal
//! behind is an embedded one in another directory, so that it outlives the process as brokers do.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher, RandomState};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use journal::Journal;
use journal::spool::{Settings, Spooled};

use crate::bed::{self, Hand, read_all, texts};
use crate::planted::{Mood, Planted};
use crate::spool::{drained, open};

const DIRECTORY: &str = "SPOOL_CRASH_DIRECTORY";
const ROUND: &str = "SPOOL_CRASH_ROUND";
const PARTITIONS: u32 = 3;
const SENDERS: u32 = 12;

type Inner = Planted<journal::embedded::EmbeddedJournal>;

fn inner(directory: &Path) -> Arc<Inner> {
    let journal = bed::open(&directory.join("behind"), PARTITIONS, Hand::new().clock(), 1 << 20);
    Arc::new(Planted::new(journal))
}

fn settings() -> Settings {
    // Room for few records, so that kills also meet files that go.
    let settings = Settings::new(Hand::new().clock());
    Settings { append_wait: Duration::from_millis(10), bytes_max: 2_000_000, ..settings }
}

#[test]
fn appends_through_a_spool_until_it_is_killed() {
    let (Ok(directory), Ok(round)) = (std::env::var(DIRECTORY), std::env::var(ROUND)) else { return };
    let directory = Path::new(&directory);
    // One thread: the order in which a window is begun is then the order in which an outage meets it, as with brokers.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let inner = inner(directory);
        let spooled = Arc::new(open(&inner, &directory.join("spool"), settings()).await);
        for sender in 0..SENDERS {
            tokio::spawn(send(Arc::clone(&spooled), sender, round.clone()));
        }
        for mood in [Mood::Well, Mood::Away, Mood::Well, Mood::Mute, Mood::Unreachable].into_iter().cycle() {
            inner.set(mood);
            tokio::time::sleep(Duration::from_millis(40)).await;
        }
    });
}

async fn send(spooled: Arc<Spooled<Inner>>, sender: u32, round: String) {
    for number in 0_u32.. {
        let text = format!("{sender}/{round}/{number:08}/{}", "x".repeat((number % 300) as usize));
        if spooled.append(sender % PARTITIONS, text.clone().into_bytes()).await.is_ok() {
            std::io::stdout().write_all(format!("acknowledged {text}\n").as_bytes()).unwrap();
        } else {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

#[test]
fn nothing_acknowledged_is_lost_when_the_process_with_the_spool_is_killed() {
    let directory = tempfile::tempdir().unwrap();
    let mut acknowledged = BTreeSet::new();
    for round in 0..10 {
        let after = RandomState::new().hash_one(round) % 3_000;
        run_and_kill(directory.path(), round, after, &mut acknowledged);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let inner = inner(directory.path());
        let spooled = open(&inner, &directory.path().join("spool"), settings()).await;
        let left = spooled.figures().records;
        drained(&spooled).await;
        let (mut all, mut of_sender) = (0, BTreeMap::<String, Vec<String>>::new());
        let mut seen = BTreeSet::new();
        for partition in 0..PARTITIONS {
            for text in texts(&read_all(&*inner, partition, 1_000).await) {
                all += 1;
                if seen.insert(text.clone()) {
                    of_sender.entry(text.split('/').next().unwrap().to_owned()).or_default().push(text);
                }
            }
        }
        for found in of_sender.values() {
            assert!(found.is_sorted(), "each sender's records came in order");
        }
        for text in &acknowledged {
            assert!(seen.contains(text), "{text} was acknowledged");
        }
        let (count, again) = (acknowledged.len(), all - seen.len());
        println!("{count} acknowledged, 0 lost, {again} came again; {left} waited after the last kill");
        assert!(count > 1_000);
    });
}

fn run_and_kill(directory: &Path, round: u32, after: u64, acknowledged: &mut BTreeSet<String>) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "spool_crash::appends_through_a_spool_until_it_is_killed", "--nocapture"])
        .env(DIRECTORY, directory)
        .env(ROUND, round.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let (mut line, mut count, mut killed) = (String::new(), 0, false);
    while output.read_line(&mut line).unwrap() > 0 {
        // A line that the kill cuts has no end and does not count.
        if let Some(text) = line.strip_suffix('\n').and_then(|line| line.strip_prefix("acknowledged ")) {
            acknowledged.insert(text.to_owned());
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
