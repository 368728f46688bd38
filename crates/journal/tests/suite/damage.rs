//! Cut files and flipped bits: what was torn goes, what is damaged is reported, and neither is ever served.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use journal::embedded::{EmbeddedJournal, Settings};
use journal::{Commit, Entry, Journal, JournalError, Offset};

use crate::bed::{Hand, NOT_AT_ALL, open, read_all, texts};

const PARTITIONS: u32 = 2;

fn segments(directory: &Path) -> Vec<PathBuf> {
    let paths = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<_> = paths.filter(|path| path.extension().is_some_and(|extension| extension == "log")).collect();
    paths.sort();
    paths
}

fn copy(from: &Path) -> tempfile::TempDir {
    let to = tempfile::tempdir().unwrap();
    for path in segments(from) {
        fs::copy(&path, to.path().join(path.file_name().unwrap())).unwrap();
    }
    to
}

fn flip(path: &Path, byte: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[byte] ^= 1 << (byte % 8);
    fs::write(path, bytes).unwrap();
}

/// Three records in each partition, a commit in each, one more record in each.
async fn fill(journal: &EmbeddedJournal) -> BTreeMap<(u32, Offset), String> {
    let mut written = BTreeMap::new();
    for number in 0..4 {
        for partition in 0..PARTITIONS {
            let text = format!("record {number} of partition {partition}");
            let offset = journal.append(partition, text.clone().into_bytes()).await.unwrap();
            written.insert((partition, offset), text);
            if number == 2 {
                journal.commit(partition, commit_of(partition)).await.unwrap();
            }
        }
    }
    written
}

fn commit_of(partition: u32) -> Commit {
    Commit { next: Offset(2), metadata: format!("commit of {partition}").into_bytes() }
}

/// Reads on behind every damage that is reported; what was read, and how many offsets were reported as damaged.
async fn salvage(journal: &EmbeddedJournal, partition: u32) -> (Vec<Entry>, u64) {
    let (mut entries, mut lost, mut from) = (Vec::new(), 0, Offset(0));
    loop {
        match journal.read(partition, from, 3, NOT_AT_ALL).await {
            Ok(portion) if portion.is_empty() => return (entries, lost),
            Ok(portion) => {
                from = portion.last().unwrap().offset.next();
                entries.extend(portion);
            }
            Err(JournalError::Corrupt { offset, resumes_at, .. }) => {
                assert!(resumes_at > offset && offset >= from);
                lost += resumes_at.0 - offset.0;
                from = resumes_at;
            }
            Err(other) => panic!("{other}"),
        }
    }
}

/// Opens a damaged copy and checks that nothing wrong is served, nothing lost is silent, and no offset given twice.
/// Answers whether anything at all was reported.
async fn check(directory: &Path, written: &BTreeMap<(u32, Offset), String>, what: &str) -> bool {
    let journal = match EmbeddedJournal::open(directory, PARTITIONS, Hand::new().clock()) {
        Ok(journal) => journal,
        Err(JournalError::Failed { .. }) => return true,
        Err(other) => panic!("{what}: {other}"),
    };
    let mut reported = journal.recovery().damaged_bytes > 0;
    for partition in 0..PARTITIONS {
        let (entries, lost) = salvage(&journal, partition).await;
        reported |= lost > 0;
        let mut expected = written.iter().filter(|((owner, _), _)| *owner == partition).count() as u64;
        for entry in &entries {
            let original = written.get(&(partition, entry.offset)).map(String::as_bytes);
            assert_eq!(original, Some(entry.bytes.as_slice()), "{what}: a record nobody wrote");
            expected -= 1;
        }
        assert!(lost >= expected, "{what}: {expected} records of partition {partition} are missing, {lost} reported");
        match journal.committed(partition).await {
            Ok(commit) => assert_eq!(commit, Some(commit_of(partition)), "{what}"),
            Err(JournalError::CommitLost { .. }) => reported = true,
            Err(other) => panic!("{what}: {other}"),
        }
        let offset = journal.append(partition, b"after".to_vec()).await.unwrap();
        assert!(!written.contains_key(&(partition, offset)), "{what}: offset {offset} given twice");
        assert_eq!(texts(&journal.read(partition, offset, 9, NOT_AT_ALL).await.unwrap()), ["after"], "{what}");
    }
    reported
}

#[tokio::test]
async fn a_torn_tail_is_cut_at_every_byte_and_never_served() {
    let directory = tempfile::tempdir().unwrap();
    let journal = open(directory.path(), 1, Hand::new().clock(), 1 << 20);
    journal.append(0, b"one".to_vec()).await.unwrap();
    journal.commit(0, commit_of(0)).await.unwrap();
    let newest = segments(directory.path()).pop().unwrap();
    let whole = fs::metadata(&newest).unwrap().len();
    journal.append(0, b"the last record".to_vec()).await.unwrap();
    let full = fs::metadata(&newest).unwrap().len();
    drop(journal);
    for length in whole..full {
        for zeros in [0, 5_000] {
            let copy = copy(directory.path());
            let newest = segments(copy.path()).pop().unwrap();
            let file = fs::File::options().write(true).open(&newest).unwrap();
            file.set_len(length).unwrap();
            // A disk may also keep the length of a write whose bytes it lost: from the header's start on, that is torn.
            let zeros = if length == whole { zeros } else { 0 };
            file.set_len(length + zeros).unwrap();
            let journal = open(copy.path(), 1, Hand::new().clock(), 1 << 20);
            assert_eq!(journal.recovery().torn_bytes, length + zeros - whole, "cut to {length}");
            assert_eq!(journal.recovery().damaged_bytes, 0);
            assert_eq!(texts(&read_all(&journal, 0, 10).await), ["one"], "cut to {length}");
            assert_eq!(journal.committed(0).await, Ok(Some(commit_of(0))));
            journal.append(0, b"two".to_vec()).await.unwrap();
            drop(journal);
            let journal = open(copy.path(), 1, Hand::new().clock(), 1 << 20);
            assert_eq!(journal.recovery(), Default::default());
            assert_eq!(texts(&read_all(&journal, 0, 10).await), ["one", "two"], "cut to {length}");
        }
    }
}

#[tokio::test]
async fn every_flipped_byte_of_the_newest_segment_is_reported() {
    let directory = tempfile::tempdir().unwrap();
    let journal = open(directory.path(), PARTITIONS, Hand::new().clock(), 1 << 20);
    let written = fill(&journal).await;
    drop(journal);
    let length = usize::try_from(fs::metadata(&segments(directory.path())[0]).unwrap().len()).unwrap();
    for byte in 0..length {
        let copy = copy(directory.path());
        flip(&segments(copy.path())[0], byte);
        assert!(check(copy.path(), &written, &format!("byte {byte}")).await, "byte {byte} was not reported");
    }
}

#[tokio::test]
async fn every_flipped_byte_of_older_segments_is_reported_or_harmless() {
    let directory = tempfile::tempdir().unwrap();
    let journal = open(directory.path(), PARTITIONS, Hand::new().clock(), 200);
    let written = fill(&journal).await;
    drop(journal);
    let count = segments(directory.path()).len();
    assert!(count > 3);
    for segment in 0..count - 1 {
        let length = usize::try_from(fs::metadata(&segments(directory.path())[segment]).unwrap().len()).unwrap();
        for byte in (0..length).step_by(3) {
            let copy = copy(directory.path());
            flip(&segments(copy.path())[segment], byte);
            // A superseded commit in an older segment may be damaged without anybody missing it.
            check(copy.path(), &written, &format!("segment {segment}, byte {byte}")).await;
        }
    }
}

#[tokio::test]
async fn a_segment_that_is_missing_or_cut_is_reported() {
    let directory = tempfile::tempdir().unwrap();
    let journal = open(directory.path(), PARTITIONS, Hand::new().clock(), 300);
    let written = fill(&journal).await;
    drop(journal);
    let count = segments(directory.path()).len();
    for segment in 1..count - 1 {
        let missing = copy(directory.path());
        fs::remove_file(&segments(missing.path())[segment]).unwrap();
        assert!(check(missing.path(), &written, &format!("segment {segment} missing")).await);
        let cut = copy(directory.path());
        let path = &segments(cut.path())[segment];
        let file = fs::File::options().write(true).open(path).unwrap();
        file.set_len(file.metadata().unwrap().len() - 1).unwrap();
        check(cut.path(), &written, &format!("segment {segment} cut")).await;
    }
}

#[tokio::test]
async fn a_damaged_beginning_of_the_oldest_segment_does_not_pass_for_expired() {
    let directory = tempfile::tempdir().unwrap();
    let journal = open(directory.path(), PARTITIONS, Hand::new().clock(), 300);
    let written = fill(&journal).await;
    drop(journal);
    assert!(segments(directory.path()).len() > 1);
    let length = usize::try_from(fs::metadata(&segments(directory.path())[0]).unwrap().len()).unwrap();
    for end in (1..=length).step_by(5) {
        let copy = copy(directory.path());
        let oldest = &segments(copy.path())[0];
        let mut bytes = fs::read(oldest).unwrap();
        bytes[..end].iter_mut().for_each(|byte| *byte = !*byte);
        fs::write(oldest, bytes).unwrap();
        check(copy.path(), &written, &format!("the first {end} bytes")).await;
    }
}

#[tokio::test]
async fn a_lost_commit_is_not_replaced_by_an_older_one() {
    let directory = tempfile::tempdir().unwrap();
    let journal = open(directory.path(), 1, Hand::new().clock(), 1 << 20);
    journal.commit(0, Commit { next: Offset(1), metadata: vec![] }).await.unwrap();
    let newest = segments(directory.path()).pop().unwrap();
    let before = usize::try_from(fs::metadata(&newest).unwrap().len()).unwrap();
    journal.commit(0, Commit { next: Offset(2), metadata: vec![] }).await.unwrap();
    drop(journal);
    flip(&newest, before + 2);
    for _time in 0..2 {
        let journal = open(directory.path(), 1, Hand::new().clock(), 1 << 20);
        assert_eq!(journal.committed(0).await, Err(JournalError::CommitLost { partition: 0 }), "also after reopening");
    }
    let journal = open(directory.path(), 1, Hand::new().clock(), 1 << 20);
    let commit = Commit { next: Offset(7), metadata: vec![] };
    journal.commit(0, commit.clone()).await.unwrap();
    drop(journal);
    let journal = open(directory.path(), 1, Hand::new().clock(), 1 << 20);
    assert_eq!(journal.committed(0).await, Ok(Some(commit)));
}

#[tokio::test]
async fn a_directory_belongs_to_one_journal_and_keeps_its_partitions() {
    let directory = tempfile::tempdir().unwrap();
    let journal = open(directory.path(), 2, Hand::new().clock(), 1 << 20);
    let second = EmbeddedJournal::open_with(directory.path(), Settings::new(2, Hand::new().clock())).unwrap_err();
    assert_eq!(second, JournalError::InUse { directory: directory.path().to_owned() });
    assert!(second.to_string().contains(directory.path().to_str().unwrap()));
    drop(journal);
    let other = EmbeddedJournal::open(directory.path(), 3, Hand::new().clock()).unwrap_err();
    let directory = directory.path().to_owned();
    assert_eq!(other, JournalError::OtherPartitions { directory, found: 2, wanted: 3 });
}
