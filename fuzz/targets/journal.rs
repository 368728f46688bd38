//! A journal whose files were damaged: it opens or says why not, what it serves was written so, what is not there is
//! reported, and an offset that was acknowledged is never given again.
#![no_main]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::Duration;

use arbitrary::Arbitrary;
use journal::embedded::{EmbeddedJournal, Settings};
use journal::{Commit, Entry, Journal, JournalError, Offset};
use libfuzzer_sys::fuzz_target;
use model::{Clock, Millis};
use tokio::runtime::{Builder, Runtime};

const PARTITIONS: u32 = 2;
const RECORDS: u8 = 12;

#[derive(Arbitrary, Debug)]
struct Damage {
    /// Which segment, counted from the newest.
    segment: u8,
    /// Places and what is changed there.
    changes: Vec<(u16, u8)>,
    /// What an interrupted write left at its end.
    tail: Vec<u8>,
}

/// A sound journal: its files, and what it acknowledged.
struct Original {
    files: Vec<(String, Vec<u8>)>,
    entries: Vec<Vec<Entry>>,
}

static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| Builder::new_current_thread().enable_time().build().expect("a runtime"));
static ORIGINAL: LazyLock<Original> = LazyLock::new(|| RUNTIME.block_on(original()));

fuzz_target!(|damage: Damage| {
    let original = &*ORIGINAL;
    let directory = directory();
    for (name, bytes) in &original.files {
        fs::write(directory.path().join(name), bytes).expect("the directory can be written");
    }
    let is_changed = spoil(directory.path(), original, &damage);
    RUNTIME.block_on(hold(directory.path(), original, is_changed));
});

async fn hold(directory: &Path, original: &Original, is_changed: bool) {
    let Ok(journal) = EmbeddedJournal::open_with(directory, settings()) else {
        assert!(is_changed, "an interrupted write does not keep a journal shut");
        return;
    };
    for (partition, written) in (0..PARTITIONS).zip(&original.entries) {
        let (served, is_reported) = all(&journal, partition).await;
        assert!(served.iter().all(|entry| written.contains(entry)), "what is served was written so");
        assert!(served.is_sorted_by_key(|entry| entry.offset.0));
        assert!(is_reported || served == *written, "what is missing is reported");
        assert!(is_changed || !is_reported, "an interrupted write costs nothing that was acknowledged");
        let offset = journal.append(partition, b"new".to_vec()).await.expect("a journal that opens can be appended to");
        assert!(written.iter().all(|entry| entry.offset < offset), "an acknowledged offset is not given again");
        match journal.committed(partition).await {
            Ok(Some(commit)) => assert_eq!(commit, committed(partition)),
            Ok(None) | Err(JournalError::CommitLost { .. }) if is_changed => {}
            other => panic!("the commit is {other:?}"),
        }
    }
}

/// Everything that can be read, and whether something was reported as damaged.
async fn all(journal: &EmbeddedJournal, partition: u32) -> (Vec<Entry>, bool) {
    let (mut entries, mut is_reported, mut from) = (Vec::new(), false, Offset(0));
    loop {
        match journal.read(partition, from, 5, Duration::ZERO).await {
            Ok(found) if found.is_empty() => return (entries, is_reported),
            Ok(found) => {
                from = found.last().map_or(from, |entry| entry.offset.next());
                entries.extend(found);
            }
            Err(JournalError::Corrupt { resumes_at, .. }) => {
                assert!(resumes_at > from, "going on leads on");
                (is_reported, from) = (true, resumes_at);
            }
            Err(other) => panic!("{other}"),
        }
    }
}

/// Damages a file, and says whether anything that was written is not what it was.
fn spoil(directory: &Path, original: &Original, damage: &Damage) -> bool {
    let place = original.files.len() - 1 - usize::from(damage.segment) % original.files.len();
    let (name, bytes) = &original.files[place];
    let mut spoiled = bytes.clone();
    // More changes than this only look for a way to make everything zero, which is an interrupted write.
    for (at, change) in damage.changes.iter().take(8) {
        let at = usize::from(*at) % spoiled.len();
        spoiled[at] ^= change;
    }
    let is_changed = spoiled != *bytes;
    spoiled.extend_from_slice(&damage.tail);
    fs::write(directory.join(name), &spoiled).expect("the directory can be written");
    is_changed || (!damage.tail.is_empty() && place + 1 < original.files.len())
}

async fn original() -> Original {
    let directory = directory();
    let journal = EmbeddedJournal::open_with(directory.path(), settings()).expect("a new journal");
    for number in 0..RECORDS {
        for partition in 0..PARTITIONS {
            let record = vec![number; usize::from(number) * 3];
            journal.append(partition, record).await.expect("an append");
            journal.commit(partition, committed(partition)).await.expect("a commit");
        }
    }
    let mut entries = Vec::new();
    for partition in 0..PARTITIONS {
        entries.push(all(&journal, partition).await.0);
    }
    drop(journal);
    let mut paths: Vec<PathBuf> =
        fs::read_dir(directory.path()).expect("a directory").map(|entry| entry.expect("a file").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "log"));
    paths.sort();
    let name = |path: &Path| path.file_name().expect("a file's name").to_string_lossy().into_owned();
    let files = paths.iter().map(|path| (name(path), fs::read(path).expect("a file"))).collect();
    Original { files, entries }
}

fn committed(partition: u32) -> Commit {
    Commit { next: Offset(5), metadata: vec![u8::try_from(partition).expect("two partitions"); 3] }
}

/// Segments end early, so that there are several.
fn settings() -> Settings {
    let clock = Clock::new(|| Millis(1_778_846_400_000));
    Settings { segment_bytes: 1_500, ..Settings::new(PARTITIONS, clock) }
}

/// In memory where the system has such a place: each input makes a journal's worth of fsyncs.
fn directory() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    let place = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
    tempfile::Builder::new().prefix("footfall-fuzz-").tempdir_in(place).expect("a temporary directory")
}
