//! The spool before a journal: what waits while that is away, what becomes of it afterwards, and what the disk and kills do.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use journal::memory::MemoryJournal;
use journal::spool::{NOT_YET, Settings, Spooled};
use journal::{AppendError, Bound, Journal, JournalError};
use proptest::prelude::*;

use crate::bed::{HOUR, Hand, LONG, read_all, texts};
use crate::planted::{Mood, Planted};

type Inner = Planted<MemoryJournal>;

const PARTITIONS: u32 = 3;

fn inner(hand: &Hand) -> Arc<Inner> {
    Arc::new(Planted::new(MemoryJournal::new(PARTITIONS, hand.clock())))
}

fn settings(hand: &Hand) -> Settings {
    Settings { append_wait: Duration::from_millis(20), ..Settings::new(hand.clock()) }
}

/// Opens a spool. The one that was dropped before may take a moment to give its directory free.
pub async fn open<J: Journal>(inner: &Arc<J>, directory: &Path, settings: Settings) -> Spooled<J> {
    let begun = Instant::now();
    loop {
        match Spooled::open(Arc::clone(inner), directory, settings.clone()).await {
            Err(JournalError::InUse { .. }) if begun.elapsed() < LONG => {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            opened => return opened.unwrap(),
        }
    }
}

pub async fn drained<J: Journal>(spooled: &Spooled<J>) {
    let begun = Instant::now();
    while spooled.figures().records > 0 {
        assert!(begun.elapsed() < 4 * LONG, "it is not drained: {:?}", spooled.figures());
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// The texts that came to a partition of the inner journal, first arrivals only; and how many came again.
async fn arrived(inner: &impl Journal, partition: u32) -> (Vec<String>, usize) {
    let all = texts(&read_all(inner, partition, 1_000).await);
    let mut seen = BTreeSet::new();
    let first: Vec<_> = all.iter().filter(|text| seen.insert((*text).clone())).cloned().collect();
    let again = all.len() - first.len();
    (first, again)
}

#[tokio::test]
async fn while_the_journal_is_well_nothing_is_spooled() {
    let (hand, directory) = (Hand::new(), tempfile::tempdir().unwrap());
    let inner = inner(&hand);
    let spooled = open(&inner, directory.path(), settings(&hand)).await;
    for number in 0..50_u8 {
        assert_ne!(spooled.append(0, vec![number]).await, Ok(NOT_YET));
    }
    assert_eq!((spooled.figures().spooled, spooled.figures().records), (0, 0));
}

#[tokio::test]
async fn what_is_appended_in_an_outage_comes_later_in_order_and_once() {
    for mood in [Mood::Away, Mood::Unreachable, Mood::Full, Mood::Failed] {
        let (hand, directory) = (Hand::new(), tempfile::tempdir().unwrap());
        let inner = inner(&hand);
        let spooled = open(&inner, directory.path(), settings(&hand)).await;
        let mut wanted = Vec::new();
        for number in 0..900 {
            match number {
                300 => inner.set(mood),
                600 => inner.set(Mood::Well),
                _ => {}
            }
            let text = format!("record {number}");
            spooled.append(1, text.clone().into_bytes()).await.unwrap();
            wanted.push(text);
        }
        drained(&spooled).await;
        assert_eq!(arrived(&*inner, 1).await, (wanted, 0), "{mood:?}");
        assert!(spooled.figures().spooled >= 300 && spooled.figures().drained == spooled.figures().spooled);
        assert_ne!(spooled.append(1, b"straight again".to_vec()).await, Ok(NOT_YET));
    }
}

#[tokio::test]
async fn an_append_waits_for_the_journal_once_an_outage_and_partition() {
    let (hand, directory) = (Hand::new(), tempfile::tempdir().unwrap());
    let inner = inner(&hand);
    let spooled = open(&inner, directory.path(), settings(&hand)).await;
    inner.set(Mood::Away);
    for number in 0..200_u32 {
        assert_eq!(spooled.append(number % 2, number.to_be_bytes().to_vec()).await, Ok(NOT_YET));
    }
    // One direct attempt and one probe a partition: an attempt in this mood ends when the mood does.
    assert_eq!(inner.tried.load(Ordering::SeqCst), 4);
    let figures = spooled.figures();
    assert_eq!((figures.records, figures.spooled, figures.partitions_away), (200, 200, 2));
    assert!(figures.oldest.is_some());
}

#[tokio::test]
async fn an_append_that_timed_out_and_was_kept_comes_twice_and_order_stays() {
    let (hand, directory) = (Hand::new(), tempfile::tempdir().unwrap());
    let inner = inner(&hand);
    let spooled = open(&inner, directory.path(), settings(&hand)).await;
    inner.set(Mood::Mute);
    for number in 0..20 {
        spooled.append(0, number.to_string().into_bytes()).await.unwrap();
    }
    inner.set(Mood::Well);
    drained(&spooled).await;
    let (first, again) = arrived(&*inner, 0).await;
    assert_eq!(first, (0..20).map(|number| number.to_string()).collect::<Vec<_>>());
    assert!(again >= 1, "the first was kept when it was tried, and came again");
}

#[tokio::test]
async fn a_full_spool_refuses_and_takes_again_once_it_is_drained() {
    let (hand, directory) = (Hand::new(), tempfile::tempdir().unwrap());
    let inner = inner(&hand);
    let spooled = open(&inner, directory.path(), Settings { bytes_max: 100_000, ..settings(&hand) }).await;
    assert_eq!(spooled.refuses(), None);
    inner.set(Mood::Unreachable);
    let mut taken = 0;
    let refusal = loop {
        match spooled.append(0, vec![7; 1_000]).await {
            Ok(_) => taken += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(refusal, AppendError::Full(Bound::Space));
    // The bound is not quite reached, but the last record found no room, and readiness follows from that.
    assert!(spooled.refuses().is_some());
    assert!((80..100).contains(&taken), "{taken}");
    assert!(on_disk(directory.path()) < 110_000);
    inner.set(Mood::Well);
    drained(&spooled).await;
    let begun = Instant::now();
    while on_disk(directory.path()) > 2_000 || spooled.figures().bytes > 2_000 {
        assert!(begun.elapsed() < LONG, "an empty spool takes {} bytes", on_disk(directory.path()));
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    inner.set(Mood::Unreachable);
    assert_eq!(spooled.append(0, vec![7; 1_000]).await, Ok(NOT_YET));
    assert_eq!(spooled.refuses(), None);
    inner.set(Mood::Well);
    drained(&spooled).await;
    assert_eq!(read_all(&*inner, 0, 100).await.len(), taken + 1);
}

#[tokio::test]
async fn a_spool_that_cannot_take_more_says_so() {
    let (hand, directory) = (Hand::new(), tempfile::tempdir().unwrap());
    let inner = inner(&hand);
    let spooled = open(&inner, directory.path(), Settings { bytes_max: 4_000, ..settings(&hand) }).await;
    inner.set(Mood::Unreachable);
    while spooled.append(0, vec![7; 10]).await.is_ok() {}
    while spooled.append(0, Vec::new()).await.is_ok() {}
    let reason = spooled.refuses();
    // The position's commits and heads may still leave a few bytes.
    assert!(reason.is_none_or(|reason| reason.contains("bound of 4000 bytes")));
    inner.set(Mood::Well);
    drained(&spooled).await;
    assert_eq!(spooled.refuses(), None);
}

fn on_disk(directory: &Path) -> u64 {
    logs(directory).iter().map(|path| fs::metadata(path).map_or(0, |metadata| metadata.len())).sum()
}

fn logs(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let mut logs: Vec<_> = entries.filter(|path| path.extension().is_some_and(|kind| kind == "log")).collect();
    logs.sort();
    logs
}

#[tokio::test]
async fn the_next_start_drains_what_was_left() {
    let (hand, directory) = (Hand::new(), tempfile::tempdir().unwrap());
    let inner = inner(&hand);
    inner.set(Mood::Unreachable);
    let spooled = open(&inner, directory.path(), settings(&hand)).await;
    for number in 0..100 {
        spooled.append(2, number.to_string().into_bytes()).await.unwrap();
    }
    let other = Spooled::open(Arc::clone(&inner), directory.path(), settings(&hand)).await.err();
    assert_eq!(other, Some(JournalError::InUse { directory: directory.path().to_owned() }));
    spooled.stop().await;
    spooled.append(2, b"100".to_vec()).await.unwrap();
    drop(spooled);
    let spooled = open(&inner, directory.path(), settings(&hand)).await;
    assert_eq!(spooled.figures().records, 101);
    spooled.append(2, b"101".to_vec()).await.unwrap();
    inner.set(Mood::Well);
    drained(&spooled).await;
    let wanted: Vec<_> = (0..102).map(|number| number.to_string()).collect();
    assert_eq!(arrived(&*inner, 2).await, (wanted, 0));
    // And what was drained is not drained again.
    spooled.stop().await;
    drop(spooled);
    let spooled = open(&inner, directory.path(), settings(&hand)).await;
    assert_eq!(spooled.figures().records, 0);
}

#[tokio::test]
async fn a_torn_tail_is_cut_and_the_rest_drained() {
    let (hand, directory) = (Hand::new(), tempfile::tempdir().unwrap());
    let inner = inner(&hand);
    inner.set(Mood::Unreachable);
    let spooled = open(&inner, directory.path(), settings(&hand)).await;
    for number in 0..10 {
        spooled.append(0, number.to_string().into_bytes()).await.unwrap();
    }
    spooled.stop().await;
    drop(spooled);
    let newest = logs(directory.path()).pop().unwrap();
    let begun_block = fs::read(&newest).unwrap()[20 + 8 * PARTITIONS as usize..][..46].to_vec();
    OpenOptions::new().append(true).open(&newest).unwrap().write_all(&begun_block).unwrap();
    let spooled = open(&inner, directory.path(), settings(&hand)).await;
    assert!(spooled.recovery().torn_bytes > 0);
    inner.set(Mood::Well);
    drained(&spooled).await;
    assert_eq!(arrived(&*inner, 0).await.0.len(), 10);
}

#[tokio::test]
async fn a_flipped_bit_is_counted_passed_over_and_never_sent() {
    let (hand, directory) = (Hand::new(), tempfile::tempdir().unwrap());
    let inner = inner(&hand);
    inner.set(Mood::Unreachable);
    let spooled = open(&inner, directory.path(), settings(&hand)).await;
    let wanted: Vec<_> = (0..40).map(|number| format!("a record that is number {number:03}")).collect();
    for text in &wanted {
        spooled.append(0, text.clone().into_bytes()).await.unwrap();
    }
    spooled.stop().await;
    drop(spooled);
    let log = logs(directory.path()).remove(0);
    let bytes = fs::read(&log).unwrap();
    let victim = bytes.windows(10).position(|window| window == b"number 017").unwrap();
    let file = OpenOptions::new().write(true).open(&log).unwrap();
    file.write_all_at(&[bytes[victim] ^ 4], victim as u64).unwrap();
    inner.set(Mood::Well);
    let spooled = open(&inner, directory.path(), settings(&hand)).await;
    drained(&spooled).await;
    let (found, again) = arrived(&*inner, 0).await;
    let kept: Vec<_> = wanted.iter().filter(|text| !text.contains("017")).cloned().collect();
    assert_eq!((found, again), (kept, 0));
    assert_eq!((spooled.figures().damaged, spooled.figures().drained), (1, 39));
}

#[tokio::test]
async fn what_waited_too_long_is_dropped_and_counted() {
    let (hand, directory) = (Hand::new(), tempfile::tempdir().unwrap());
    let inner = inner(&hand);
    inner.set(Mood::Unreachable);
    let spooled = open(&inner, directory.path(), settings(&hand)).await;
    for _ in 0..5 {
        spooled.append(0, b"old".to_vec()).await.unwrap();
    }
    hand.turn(27 * HOUR);
    spooled.append(0, b"young".to_vec()).await.unwrap();
    let begun = Instant::now();
    while spooled.figures().expired < 5 {
        assert!(begun.elapsed() < LONG, "it is dropped also while the journal is away");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    inner.set(Mood::Well);
    drained(&spooled).await;
    assert_eq!(arrived(&*inner, 0).await, (vec!["young".to_owned()], 0));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn outages_and_kills_lose_nothing_and_keep_the_order(seed: u64) {
        simulate(seed);
    }
}

/// Numbers that follow from a seed (SplitMix64).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}

/// What each sender was acknowledged: round and number.
type Acknowledged = Arc<Mutex<BTreeMap<u64, Vec<String>>>>;

/// Four lives of a collector that are each ended anywhere: the runtime is dropped, and with it every task where it stands.
fn simulate(seed: u64) {
    let mut random = Random(seed);
    let (hand, directory) = (Hand::new(), tempfile::tempdir().unwrap());
    let inner = inner(&hand);
    let acknowledged = Acknowledged::default();
    for round in 0..4 {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let lasts = Duration::from_micros(random.below(40_000));
        runtime.block_on(async {
            let spooled = Arc::new(open(&inner, directory.path(), settings(&hand)).await);
            for sender in 0..6 {
                tokio::spawn(send(Arc::clone(&spooled), sender, round, Arc::clone(&acknowledged)));
            }
            let chaos = async {
                loop {
                    let moods = [Mood::Well, Mood::Away, Mood::Mute, Mood::Unreachable, Mood::Full];
                    inner.set(moods[usize::try_from(random.below(5)).unwrap()]);
                    tokio::time::sleep(Duration::from_micros(random.below(8_000))).await;
                }
            };
            let _killed = tokio::time::timeout(lasts, chaos).await;
        });
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        inner.set(Mood::Well);
        let spooled = open(&inner, directory.path(), settings(&hand)).await;
        drained(&spooled).await;
        let mut of_sender: BTreeMap<u64, Vec<String>> = BTreeMap::new();
        for partition in 0..PARTITIONS {
            for text in arrived(&*inner, partition).await.0 {
                let sender = text.split('/').next().unwrap().parse().unwrap();
                of_sender.entry(sender).or_default().push(text);
            }
        }
        for (sender, acknowledged) in &*acknowledged.lock().unwrap() {
            let found = of_sender.remove(sender).unwrap_or_default();
            assert!(found.is_sorted_by(|one, next| one < next), "seed {seed}: in order: {found:?}");
            let found: BTreeSet<_> = found.iter().collect();
            for text in acknowledged {
                assert!(found.contains(text), "seed {seed}: {text} was acknowledged and is lost");
            }
        }
    });
}

async fn send(spooled: Arc<Spooled<Inner>>, sender: u64, round: u64, acknowledged: Acknowledged) {
    let partition = u32::try_from(sender).unwrap() % PARTITIONS;
    for number in 0_u64.. {
        let text = format!("{sender}/{round}/{number:08}");
        if spooled.append(partition, text.clone().into_bytes()).await.is_ok() {
            acknowledged.lock().unwrap().entry(sender).or_default().push(text);
        }
        tokio::task::yield_now().await;
    }
}
