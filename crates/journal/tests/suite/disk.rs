//! What stands in the files: expired records are gone from the disk, and the bound on bytes is one on files.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use ::model::Millis;
use journal::embedded::{EmbeddedJournal, Settings};
use journal::{AppendError, Bound, Commit, Journal, Offset};

use crate::bed::{HOUR, Hand, NOT_AT_ALL, START, open, read_all};

fn files(directory: &Path) -> impl Iterator<Item = fs::DirEntry> {
    fs::read_dir(directory).unwrap().map(Result::unwrap)
}

fn blocks_bytes(directory: &Path) -> u64 {
    files(directory).map(|file| file.metadata().unwrap().blocks() * 512).sum()
}

fn stands_on_disk(directory: &Path, text: &[u8]) -> bool {
    files(directory).any(|file| fs::read(file.path()).unwrap().windows(text.len()).any(|window| window == text))
}

#[tokio::test]
async fn expired_records_are_gone_from_every_file_and_their_room_is_back() {
    let directory = tempfile::tempdir().unwrap();
    let hand = Hand::new();
    let journal = open(directory.path(), 2, hand.clock(), 100_000);
    for number in 0..2_000 {
        journal.append(number % 2, [b"CANARY".as_slice(), &[7; 300]].concat()).await.unwrap();
    }
    journal.commit(0, Commit { next: Offset(9), metadata: vec![] }).await.unwrap();
    assert_eq!(journal.read(0, Offset(0), 500, NOT_AT_ALL).await.unwrap().len(), 500, "a reader holds a file open");
    assert!(stands_on_disk(directory.path(), b"CANARY"));
    assert!(blocks_bytes(directory.path()) > 600_000);
    hand.turn(28 * HOUR);
    assert_eq!(journal.expire(Millis(START + HOUR)).await, Ok(2_000));
    assert!(!stands_on_disk(directory.path(), b"CANARY"));
    assert!(blocks_bytes(directory.path()) <= 8_192, "{} bytes remain", blocks_bytes(directory.path()));
    assert!(journal.held_bytes() < 200);
    assert!(!open_files_of_this_process(directory.path()), "an open file keeps its room");
    drop(journal);
    let journal = open(directory.path(), 2, hand.clock(), 100_000);
    assert_eq!(journal.end(0).await, Ok(Offset(1_000)));
    assert_eq!(journal.committed(0).await.unwrap().unwrap().next, Offset(9));
}

fn open_files_of_this_process(directory: &Path) -> bool {
    files(Path::new("/proc/self/fd")).any(|link| {
        fs::read_link(link.path())
            .is_ok_and(|target| target.starts_with(directory) && target.to_string_lossy().ends_with("(deleted)"))
    })
}

#[tokio::test]
async fn the_bound_on_bytes_holds_for_the_files_also_after_reopening() {
    const BYTES_MAX: u64 = 50_000;
    let directory = tempfile::tempdir().unwrap();
    let hand = Hand::new();
    let settings = Settings { bytes_max: BYTES_MAX, segment_bytes: 9_000, ..Settings::new(1, hand.clock()) };
    let mut kept = 0;
    for _opening in 0..3 {
        let journal = EmbeddedJournal::open_with(directory.path(), settings.clone()).unwrap();
        while journal.append(0, vec![7; 300]).await.is_ok() {
            kept += 1;
        }
        assert_eq!(journal.append(0, vec![7; 300]).await, Err(AppendError::Full(Bound::Space)));
        let bytes: u64 = files(directory.path()).map(|file| file.metadata().unwrap().len()).sum();
        assert!((BYTES_MAX - 400..=BYTES_MAX).contains(&bytes), "{bytes} bytes");
        assert_eq!(journal.held_bytes(), bytes);
        assert_eq!(read_all(&journal, 0, 100).await.len(), kept);
    }
}

#[tokio::test]
async fn a_segment_that_was_never_finished_is_removed() {
    let directory = tempfile::tempdir().unwrap();
    let journal = open(directory.path(), 1, Hand::new().clock(), 1 << 20);
    journal.append(0, b"x".to_vec()).await.unwrap();
    drop(journal);
    let unfinished = directory.path().join("00000000000000000001.new");
    fs::write(&unfinished, b"half a head").unwrap();
    let journal = open(directory.path(), 1, Hand::new().clock(), 1 << 20);
    assert!(!unfinished.exists());
    assert_eq!(read_all(&journal, 0, 10).await.len(), 1);
}
