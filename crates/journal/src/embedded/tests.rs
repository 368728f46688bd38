//! What happens when the disk fails, fills up or stands still: shown on a disk that does so when told.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use std::{fs, io};

use model::{Clock, Millis};
use tempfile::TempDir;
use tokio::sync::Mutex;

use super::segment::{Medium, open_file};
use super::{EmbeddedJournal, QUEUE_BYTES_MAX, Settings};
use crate::{AppendError, Bound, Commit, Journal, JournalError, Offset};

const WAIT: Duration = Duration::ZERO;

/// What a disk says that cannot write.
const EIO: i32 = 5;

/// What the disk does from now on.
#[derive(Clone, Default)]
struct Faults {
    sync_fails: Arc<AtomicBool>,
    write_fails: Arc<AtomicBool>,
    is_full: Arc<AtomicBool>,
    /// Held by a test to make fsync stand still.
    stands: Arc<Mutex<()>>,
}

struct Faulty {
    disk: Box<dyn Medium>,
    faults: Faults,
}

impl Medium for Faulty {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.faults.is_full.load(Ordering::SeqCst) {
            self.disk.append(&bytes[..bytes.len() / 2])?; // as a real disk: what still fits is written
            return Err(io::ErrorKind::StorageFull.into());
        }
        if self.faults.write_fails.load(Ordering::SeqCst) {
            self.disk.append(&bytes[..bytes.len() / 2])?;
            return Err(io::Error::from_raw_os_error(EIO));
        }
        self.disk.append(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        let _standing = self.faults.stands.blocking_lock();
        if self.faults.sync_fails.load(Ordering::SeqCst) {
            return Err(io::Error::other("the disk is gone"));
        }
        self.disk.sync()
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.disk.cut(length)
    }
}

fn settings() -> Settings {
    Settings::new(1, Clock::new(|| Millis(0)))
}

fn open(directory: &Path, settings: Settings, faults: &Faults) -> EmbeddedJournal {
    let faults = faults.clone();
    let open = move |path: &Path| -> io::Result<Box<dyn Medium>> {
        Ok(Box::new(Faulty { disk: open_file(path)?, faults: faults.clone() }))
    };
    EmbeddedJournal::open_on(directory, settings, Box::new(open)).unwrap()
}

fn setup(settings: Settings) -> (TempDir, Faults, Arc<EmbeddedJournal>) {
    let (directory, faults) = (tempfile::tempdir().unwrap(), Faults::default());
    let journal = Arc::new(open(directory.path(), settings, &faults));
    (directory, faults, journal)
}

fn commit() -> Commit {
    Commit { next: Offset(1), metadata: vec![] }
}

/// Nothing is taken any more, though the disk works again.
async fn assert_stopped(journal: &EmbeddedJournal, failure: &JournalError) {
    assert_eq!(journal.append(0, b"x".to_vec()).await, Err(AppendError::Failed(failure.clone())));
    assert_eq!(journal.commit(0, commit()).await, Err(failure.clone()));
    assert_eq!(journal.expire(Millis(i64::MAX)).await, Err(failure.clone()));
    assert_eq!(journal.failure().as_ref(), Some(failure));
}

/// What can be read, from the beginning.
async fn kept(journal: &EmbeddedJournal) -> Vec<Vec<u8>> {
    let read = journal.read(0, Offset(0), 9, WAIT).await.unwrap();
    read.into_iter().map(|entry| entry.bytes).collect()
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !holds() {
        assert!(Instant::now() < deadline, "{what}");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_failed_fsync_stops_the_journal_for_good() {
    let (directory, faults, journal) = setup(settings());
    journal.append(0, b"durable".to_vec()).await.unwrap();
    faults.sync_fails.store(true, Ordering::SeqCst);
    let AppendError::Failed(failure) = journal.append(0, b"lost".to_vec()).await.unwrap_err() else { panic!() };
    assert!(failure.to_string().contains("fsync") && failure.to_string().contains("the disk is gone"), "{failure}");
    faults.sync_fails.store(false, Ordering::SeqCst);
    assert_stopped(&journal, &failure).await;
    assert_eq!(journal.end(0).await, Ok(Offset(1)));
    assert_eq!(kept(&journal).await, [b"durable"]);
    drop(journal);
    open(directory.path(), settings(), &faults).append(0, b"after".to_vec()).await.unwrap();
}

#[tokio::test]
async fn an_error_at_a_write_stops_the_journal_for_good_and_what_was_before_it_stays() {
    let (directory, faults, journal) = setup(settings());
    journal.append(0, b"durable".to_vec()).await.unwrap();
    let length = || fs::metadata(super::segment::path(directory.path(), 0)).unwrap().len();
    let before = length();
    faults.write_fails.store(true, Ordering::SeqCst);
    let AppendError::Failed(failure) = journal.append(0, vec![7; 500]).await.unwrap_err() else { panic!() };
    assert!(failure.to_string().contains("write") && failure.to_string().contains("os error 5"), "{failure}");
    let half = length() - before;
    assert!(half > 0, "what the disk took before it failed, nobody takes back");
    faults.write_fails.store(false, Ordering::SeqCst);
    assert_stopped(&journal, &failure).await;
    assert_eq!(length(), before + half);
    assert_eq!(kept(&journal).await, [b"durable"]);
    drop(journal);
    let journal = open(directory.path(), settings(), &faults);
    assert_eq!(journal.recovery(), super::Recovery { torn_bytes: half, damaged_bytes: 0 });
    assert_eq!(journal.append(0, b"after".to_vec()).await, Ok(Offset(1)));
    assert_eq!(kept(&journal).await, [b"durable".as_slice(), b"after"]);
}

#[tokio::test]
async fn a_full_disk_refuses_and_takes_back_what_it_half_wrote() {
    let (directory, faults, journal) = setup(settings());
    journal.append(0, b"before".to_vec()).await.unwrap();
    let length = || fs::metadata(super::segment::path(directory.path(), 0)).unwrap().len();
    let before = length();
    faults.is_full.store(true, Ordering::SeqCst);
    assert_eq!(journal.append(0, vec![7; 500]).await, Err(AppendError::Full(Bound::Space)));
    assert_eq!(journal.commit(0, commit()).await, Err(JournalError::NoRoom));
    assert_eq!((length(), journal.held_bytes(), journal.failure()), (before, before, None));
    faults.is_full.store(false, Ordering::SeqCst);
    assert_eq!(journal.append(0, b"after".to_vec()).await, Ok(Offset(1)));
    journal.commit(0, commit()).await.unwrap();
    drop(journal);
    let journal = open(directory.path(), settings(), &faults);
    assert_eq!(journal.recovery(), super::Recovery::default());
    let read = journal.read(0, Offset(0), 9, WAIT).await.unwrap();
    assert_eq!(read.iter().map(|entry| entry.bytes.as_slice()).collect::<Vec<_>>(), [b"before".as_slice(), b"after"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_is_neither_acknowledged_nor_read_before_its_fsync() {
    let (_directory, faults, journal) = setup(settings());
    let standing = faults.stands.lock().await;
    let append = tokio::spawn({
        let journal = journal.clone();
        async move { journal.append(0, b"x".to_vec()).await }
    });
    let path = super::segment::path(&journal.shared.directory, 0);
    let empty = journal.held_bytes();
    until("the record is in the file", || fs::metadata(&path).unwrap().len() > empty).await;
    assert!(!append.is_finished());
    assert_eq!(journal.end(0).await, Ok(Offset(0)));
    assert_eq!(journal.read(0, Offset(0), 9, WAIT).await, Ok(vec![]));
    drop(standing);
    assert_eq!(append.await.unwrap(), Ok(Offset(0)));
    assert_eq!(journal.read(0, Offset(0), 9, WAIT).await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_queue_refuses_at_once_and_loses_nothing_it_took() {
    let (_directory, faults, journal) = setup(Settings { queue_records_max: 10, ..settings() });
    let standing = faults.stands.lock().await;
    let mut appends = Vec::new();
    // One or more may be with the writer already, whose fsync stands still; ten more wait; the next is refused.
    let refusal = loop {
        let mut append = Box::pin({
            let journal = journal.clone();
            async move { journal.append(0, b"x".to_vec()).await }
        });
        match poll_once(&mut append) {
            Some(answer) => break answer,
            None => appends.push(append),
        }
        assert!(appends.len() <= 40, "the queue is not bounded");
    };
    assert_eq!(refusal, Err(AppendError::Full(Bound::Queue)));
    assert!(appends.len() >= 10);
    drop(standing);
    let taken = appends.len() as u64;
    for append in appends {
        append.await.unwrap();
    }
    assert_eq!(journal.end(0).await, Ok(Offset(taken)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn waiting_bytes_are_bounded_and_given_back() {
    let (_directory, faults, journal) = setup(settings());
    let standing = faults.stands.lock().await;
    let mut appends = Vec::new();
    let refusal = loop {
        let mut append = Box::pin({
            let journal = journal.clone();
            async move { journal.append(0, vec![7; 128 * 1024]).await }
        });
        match poll_once(&mut append) {
            Some(answer) => break answer,
            None => appends.push(append),
        }
        assert!(appends.len() <= 3 * QUEUE_BYTES_MAX / (128 * 1024), "the queue's bytes are not bounded");
    };
    assert_eq!(refusal, Err(AppendError::Full(Bound::Queue)));
    drop(standing);
    for append in appends {
        append.await.unwrap();
    }
    assert_eq!(journal.shared.queued_bytes.load(Ordering::SeqCst), 0);
    journal.append(0, vec![7; 128 * 1024]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_offset_of_a_damaged_group_is_given_again() {
    const GROUP: u64 = 40;
    let (directory, faults, journal) = setup(settings());
    let standing = faults.stands.lock().await;
    let mut appends = Vec::new();
    let path = super::segment::path(directory.path(), 0);
    let length = || fs::metadata(&path).unwrap().len();
    let empty = length();
    for number in 0..=GROUP {
        let journal = journal.clone();
        let mut append = Box::pin(async move { journal.append(0, vec![]).await });
        assert_eq!(poll_once(&mut append), None);
        appends.push(append);
        if number == 0 {
            until("the first is with the writer, the others will be one group", || length() > empty).await;
        }
    }
    let second_block = usize::try_from(length()).unwrap();
    drop(standing);
    for append in appends {
        append.await.unwrap();
    }
    drop(journal);
    let mut bytes = fs::read(&path).unwrap();
    bytes[second_block] ^= 1;
    fs::write(&path, bytes).unwrap();
    let journal = open(directory.path(), settings(), &faults);
    assert!(journal.append(0, vec![]).await.unwrap() > Offset(GROUP));
    assert_eq!(journal.read(0, Offset(0), 9, WAIT).await.unwrap().len(), 1);
    assert!(matches!(journal.read(0, Offset(1), 9, WAIT).await, Err(JournalError::Corrupt { .. })));
}

/// Polls a future once; its answer, if it has one already.
fn poll_once<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match std::pin::Pin::new(future).poll(&mut context) {
        std::task::Poll::Ready(answer) => Some(answer),
        std::task::Poll::Pending => None,
    }
}
