//! The order of effects, whole: an intent before the insert it names, the position after it; and the same insert again, under
//! the same token, after a crash between the two.

#![allow(clippy::unwrap_used, reason = "a test that finds something else fails")]

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arc_swap::ArcSwap;
use fold::{Bounds, Tables};
use journal::memory::MemoryJournal;
use journal::{AppendError, Commit, Entry, Journal, JournalError, Offset};
use model::{
    Campaign, Changes, Clock, Dimension, Domain, Hit, Kind, Loss, LostLine, Millis, Mode, Peer, Record, Signals, Site,
    Sites,
};
use privacy::seal::{HourKey, Sealer};
use processor::keys::KeyStore;
use processor::witness::Told as ToldTime;
use processor::{Inboxes, InsertError, Metrics, Processor, ProcessorError, Sink, inquiries};
use prometheus::Registry;
use tokio::sync::watch;

const NOW: Millis = Millis(1_800_000_000_000);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Effect {
    Committed { next: u64, intent: bool },
    Inserted { token: String, pageviews: i64 },
}

#[derive(Default)]
struct Log {
    effects: Mutex<Vec<Effect>>,
    /// Commits that fail, counted from the next one: `true` fails.
    commits: Mutex<VecDeque<bool>>,
    /// Inserts that are not acknowledged, likewise.
    inserts: Mutex<VecDeque<bool>>,
    /// Records lost, as they were inserted, with their tokens.
    lost: Mutex<Vec<(String, Vec<LostLine>)>>,
}

impl Log {
    fn effects(&self) -> Vec<Effect> {
        self.effects.lock().unwrap().clone()
    }
}

/// A journal that tells its commits, may be damaged, may lose its end, and may be slow.
struct Told {
    journal: Mutex<Arc<MemoryJournal>>,
    log: Arc<Log>,
    damage: Mutex<Option<std::ops::Range<u64>>>,
    /// Where it says that it ends, if that is not where it does.
    end: Mutex<Option<Offset>>,
    /// Whether the next reader hears that its place is gone.
    is_truncated: AtomicBool,
    slow: AtomicBool,
}

impl Told {
    fn journal(&self) -> Arc<MemoryJournal> {
        Arc::clone(&self.journal.lock().unwrap())
    }
}

impl Journal for Told {
    fn partitions(&self) -> u32 {
        self.journal().partitions()
    }

    async fn append(&self, partition: u32, record: Vec<u8>) -> Result<Offset, AppendError> {
        self.journal().append(partition, record).await
    }

    async fn read(&self, partition: u32, from: Offset, max: usize, wait: Duration) -> Result<Vec<Entry>, JournalError> {
        if self.is_truncated.swap(false, Ordering::Relaxed) {
            return Err(JournalError::Truncated { partition });
        }
        if self.slow.load(Ordering::Relaxed) {
            tokio::time::sleep(Duration::from_millis(50)).await;
            return self.journal().read(partition, from, max.min(1), wait).await;
        }
        let damage = self.damage.lock().unwrap().clone();
        if let Some(damage) = damage {
            if damage.contains(&from.0) {
                let (offset, resumes_at) = (from, Offset(damage.end));
                return Err(JournalError::Corrupt {
                    partition,
                    offset,
                    resumes_at,
                    what: "a bit fell over".to_owned(),
                });
            }
            if from.0 < damage.start {
                let max = max.min(usize::try_from(damage.start - from.0).unwrap());
                return self.journal().read(partition, from, max, wait).await;
            }
        }
        self.journal().read(partition, from, max, wait).await
    }

    async fn first_at(&self, partition: u32, at: Millis) -> Result<Offset, JournalError> {
        self.journal().first_at(partition, at).await
    }

    async fn end(&self, partition: u32) -> Result<Offset, JournalError> {
        let cut = *self.end.lock().unwrap();
        cut.map_or(self.journal().end(partition).await, Ok)
    }

    async fn commit(&self, partition: u32, commit: Commit) -> Result<(), JournalError> {
        if self.log.commits.lock().unwrap().pop_front() == Some(true) {
            return Err(JournalError::Failed { tried: "commit".to_owned(), reason: "pulled".to_owned() });
        }
        // Behind a form, a name, a time and a stamp every commit says whether a range follows: an intent.
        let effect = Effect::Committed { next: commit.next.0, intent: commit.metadata.get(25) == Some(&1) };
        self.log.effects.lock().unwrap().push(effect);
        self.journal().commit(partition, commit).await
    }

    async fn committed(&self, partition: u32) -> Result<Option<Commit>, JournalError> {
        self.journal().committed(partition).await
    }

    async fn expire(&self, before: Millis) -> Result<u64, JournalError> {
        self.journal().expire(before).await
    }
}

struct Store(Arc<Log>);

impl Sink for Store {
    async fn insert(&self, token: &str, changes: &Changes) -> Result<(), InsertError> {
        let totals = changes.cells.iter().filter(|cell| cell.dimension == Dimension::Total && cell.hour.is_none());
        let pageviews = totals.map(|cell| cell.counts.pageviews).sum();
        self.0.effects.lock().unwrap().push(Effect::Inserted { token: token.to_owned(), pageviews });
        if !changes.lost.is_empty() {
            self.0.lost.lock().unwrap().push((token.to_owned(), changes.lost.clone()));
        }
        match self.0.inserts.lock().unwrap().pop_front() {
            Some(true) => Err(InsertError { message: "reply lost".to_owned(), retry: true }),
            Some(false) | None => Ok(()),
        }
    }
}

/// A journal with sealed hits, the keys that open them, and a log of what is done.
struct Desk {
    journal: Arc<Told>,
    keys: Arc<KeyStore>,
    log: Arc<Log>,
    now: Arc<AtomicI64>,
    /// Of the processor that was started last.
    registry: Mutex<Registry>,
    _directory: tempfile::TempDir,
}

impl Desk {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let keys = Arc::new(KeyStore::open(directory.path(), NOW).unwrap());
        let log = Arc::new(Log::default());
        let now = Arc::new(AtomicI64::new(NOW.0));
        let journal = MemoryJournal::new(1, clock(&now));
        let journal = Arc::new(Told {
            journal: Mutex::new(Arc::new(journal)),
            log: Arc::clone(&log),
            damage: Mutex::default(),
            end: Mutex::default(),
            is_truncated: AtomicBool::default(),
            slow: AtomicBool::default(),
        });
        Self { journal, keys, log, now, registry: Mutex::default(), _directory: directory }
    }

    fn now(&self) -> Millis {
        Millis(self.now.load(Ordering::Relaxed))
    }

    /// So many hours go by, and keys are made and destroyed.
    fn hours_pass(&self, hours: i64) {
        let now = Millis(self.now.fetch_add(hours * 3_600_000, Ordering::Relaxed) + hours * 3_600_000);
        let turn = self.keys.turn(ToldTime { likely: now, sure: Some(now), ahead_ms: Some(0) });
        assert!(turn.failed.is_none(), "{turn:?}");
    }

    async fn hits(&self, count: u8) {
        // As a collector's next minute: an encapsulation that was used before would be the same records again.
        let made = self.journal.end(0).await.unwrap().0;
        let mut sealer =
            Sealer::new(&self.keys.public(self.now()).unwrap(), [u8::try_from(made).unwrap(); 32]).unwrap();
        for number in 0..count {
            let hit = Hit {
                site: Domain::parse("example.com").unwrap(),
                at: self.now(),
                id: None,
                mode: Mode::Full,
                signals: Signals::default(),
                kind: Kind::Pageview,
                host: "example.com".into(),
                path: "/".into(),
                campaign: Campaign::default(),
                referrer: None,
                props: Vec::new(),
                revenue: None,
                screen_width: None,
                language: None,
                peer: Some(Peer { address: [192, 0, 2, number].into(), agent: "Mozilla/5.0 Firefox/144.0".into() }),
            };
            let sealed = sealer.seal(&Record::Hits(vec![hit]).encode()).unwrap();
            self.journal.append(0, sealed).await.unwrap();
        }
    }

    /// The journal keeps so many of its records, and its commit.
    async fn lose_all_but(&self, kept: usize) {
        let old = self.journal.journal();
        let new = MemoryJournal::new(1, clock(&self.now));
        for entry in old.read(0, Offset(0), kept, Duration::ZERO).await.unwrap() {
            new.append(0, entry.bytes).await.unwrap();
        }
        new.commit(0, old.committed(0).await.unwrap().unwrap()).await.unwrap();
        *self.journal.journal.lock().unwrap() = Arc::new(new);
    }

    /// Runs a processor until `done` holds of the effects, or until it fails.
    async fn run_until(&self, done: impl Fn(&[Effect]) -> bool) -> Result<(), ProcessorError> {
        self.run_asked_until(Inboxes::default(), done).await
    }

    async fn run_asked_until(&self, inboxes: Inboxes, done: impl Fn(&[Effect]) -> bool) -> Result<(), ProcessorError> {
        let sites: Sites = [Site::new(Domain::parse("example.com").unwrap())].into_iter().collect();
        let registry = Registry::new();
        *self.registry.lock().unwrap() = registry.clone();
        let processor = Processor {
            journal: Arc::clone(&self.journal),
            journal_name: Some("j".to_owned()),
            sink: Arc::new(Store(Arc::clone(&self.log))),
            sites: Arc::new(ArcSwap::from_pointee(sites)),
            keys: Arc::clone(&self.keys),
            tables: Tables::default(),
            bounds: Bounds::default(),
            clock: clock(&self.now),
            flush: Duration::from_millis(20),
            metrics: Metrics::register(&registry).unwrap(),
            inboxes,
            answers: None,
            follow: None,
        };
        let (stop, stopping) = watch::channel(false);
        let running = tokio::spawn(processor.run(stopping));
        let watched = async {
            while !done(&self.log.effects()) && !running.is_finished() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(300), watched).await.expect("the effects come");
        // Nobody hears it where the processor has failed already.
        let _ = stop.send(true);
        running.await.unwrap()
    }

    /// A partition's figure, once there is one.
    fn figure(&self, name: &str) -> Option<f64> {
        let all = self.registry.lock().unwrap().gather();
        let family = all.iter().find(|family| family.name() == name)?;
        Some(family.get_metric().first()?.get_gauge().get_value())
    }
}

fn clock(now: &Arc<AtomicI64>) -> Clock {
    let now = Arc::clone(now);
    Clock::new(move || Millis(now.load(Ordering::Relaxed)))
}

fn inserted(pageviews: i64) -> Effect {
    Effect::Inserted { token: "j-0-0-3-1".to_owned(), pageviews }
}

const INTENT: Effect = Effect::Committed { next: 0, intent: true };
const DONE: Effect = Effect::Committed { next: 3, intent: false };

#[tokio::test]
async fn an_intent_comes_before_the_insert_and_the_position_after_it() {
    let desk = Desk::new();
    desk.hits(3).await;
    desk.run_until(|effects| effects.contains(&DONE)).await.unwrap();
    assert_eq!(desk.log.effects(), [INTENT, inserted(3), DONE]);
}

#[tokio::test]
async fn a_lost_reply_is_answered_by_the_same_insert() {
    let desk = Desk::new();
    desk.hits(3).await;
    *desk.log.inserts.lock().unwrap() = VecDeque::from([true, true, false]);
    desk.run_until(|effects| effects.contains(&DONE)).await.unwrap();
    assert_eq!(desk.log.effects(), [INTENT, inserted(3), inserted(3), inserted(3), DONE]);
}

#[tokio::test]
async fn a_crash_between_insert_and_commit_repeats_that_range_and_goes_on_behind_it() {
    let desk = Desk::new();
    desk.hits(3).await;
    *desk.log.commits.lock().unwrap() = VecDeque::from([false, true]);
    assert!(matches!(desk.run_until(|_| false).await, Err(ProcessorError::Journal(_))));
    // More arrives while nobody reads: the repeated range must not grow by it.
    desk.hits(2).await;
    let last = Effect::Committed { next: 5, intent: false };
    desk.run_until(|effects| effects.contains(&last)).await.unwrap();
    let effects = desk.log.effects();
    assert_eq!(effects[..4], [INTENT, inserted(3), inserted(3), DONE]);
    assert_eq!(effects[4], Effect::Committed { next: 3, intent: true });
    assert!(matches!(&effects[5], Effect::Inserted { token, pageviews: 2 } if token == "j-0-3-5-1"), "{effects:?}");
}

#[tokio::test]
async fn a_record_that_was_appended_twice_is_counted_once_also_across_a_restart() {
    let desk = Desk::new();
    desk.hits(3).await;
    let again = || async {
        for entry in desk.journal.read(0, Offset(0), 3, Duration::ZERO).await.unwrap().into_iter().rev() {
            desk.journal.append(0, entry.bytes).await.unwrap();
        }
    };
    again().await;
    let first = Effect::Committed { next: 6, intent: false };
    desk.run_until(|effects| effects.contains(&first)).await.unwrap();
    again().await;
    desk.hits(1).await;
    let last = Effect::Committed { next: 10, intent: false };
    desk.run_until(|effects| effects.contains(&last)).await.unwrap();
    let inserts: Vec<_> = desk
        .log
        .effects()
        .into_iter()
        .filter_map(|effect| match effect {
            Effect::Inserted { pageviews, .. } => Some(pageviews),
            Effect::Committed { .. } => None,
        })
        .collect();
    assert_eq!(inserts, [3, 1]);
    assert!(desk.log.lost.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_restart_writes_nothing_that_was_committed() {
    let desk = Desk::new();
    desk.hits(3).await;
    desk.run_until(|effects| effects.contains(&DONE)).await.unwrap();
    let before = desk.log.effects().len();
    desk.hits(1).await;
    desk.run_until(|effects| effects.len() >= before + 3).await.unwrap();
    assert!(matches!(&desk.log.effects()[before + 1], Effect::Inserted { pageviews: 1, .. }));
}

#[tokio::test]
async fn what_is_damaged_is_passed_over_and_what_is_behind_it_counted() {
    let desk = Desk::new();
    desk.hits(5).await;
    *desk.journal.damage.lock().unwrap() = Some(1..3);
    let last = Effect::Committed { next: 5, intent: false };
    desk.run_until(|effects| effects.contains(&last)).await.unwrap();
    let pageviews: i64 = desk
        .log
        .effects()
        .iter()
        .map(|effect| match effect {
            Effect::Inserted { pageviews, .. } => *pageviews,
            Effect::Committed { .. } => 0,
        })
        .sum();
    assert_eq!(pageviews, 3);
    let told: Vec<LostLine> = desk.log.lost.lock().unwrap().iter().flat_map(|(_, lines)| lines.clone()).collect();
    assert_eq!(told.iter().map(|line| (line.loss, line.records)).collect::<Vec<_>>(), [(Loss::Damaged, 2)]);
    // A restart that finds the damage where it begins gets on, too.
    *desk.journal.damage.lock().unwrap() = Some(0..5);
    desk.hits(1).await;
    let next = Effect::Committed { next: 6, intent: false };
    desk.run_until(|effects| effects.contains(&next)).await.unwrap();
}

#[tokio::test]
async fn an_answer_knows_what_was_durable_when_it_was_asked() {
    let desk = Desk::new();
    desk.hits(3).await;
    let (ask, inboxes) = inquiries(1);
    let peer = |number| Peer { address: [192, 0, 2, number].into(), agent: "Mozilla/5.0 Firefox/144.0".into() };
    let site = || Domain::parse("example.com").unwrap();
    let asking = async {
        let known = ask.ask(0, site(), peer(2)).await.unwrap();
        (known.len(), ask.ask(0, site(), peer(77)).await.unwrap().len(), ask.ask(1, site(), peer(2)).await.is_err())
    };
    let (answers, ran) = tokio::join!(asking, desk.run_asked_until(inboxes, |effects| effects.contains(&DONE)));
    ran.unwrap();
    assert_eq!(answers, (1, 0, true));
}

/// Appends what cannot be counted: sealed to a key that is gone, sealed to another key of this hour, opened to no record,
/// and no record at all.
async fn append_unreadable(desk: &Desk) {
    let gone = HourKey::generate(NOW.hour() - 3, [4; 32]).public();
    let replaced = HourKey::generate(NOW.hour(), [5; 32]).public();
    let living = desk.keys.public(NOW).unwrap();
    for (key, content) in [(gone, "a hit"), (replaced, "a hit"), (gone, "a hit"), (living, "\u{1}no hit")] {
        let sealed = Sealer::new(&key, [9; 32]).unwrap().seal(content.as_bytes()).unwrap();
        desk.journal.append(0, sealed).await.unwrap();
    }
    desk.journal.append(0, b"noise".to_vec()).await.unwrap();
}

fn lost() -> Vec<LostLine> {
    let line = |loss, records| LostLine { hour: NOW.hour(), loss, records };
    vec![line(Loss::Expired, 2), line(Loss::Forged, 1), line(Loss::Malformed, 1), line(Loss::Format, 1)]
}

#[tokio::test]
async fn what_cannot_be_opened_is_inserted_with_the_flush_that_commits_it_and_never_again() {
    let desk = Desk::new();
    desk.hits(1).await;
    append_unreadable(&desk).await;
    let done = Effect::Committed { next: 6, intent: false };
    desk.run_until(|effects| effects.contains(&done)).await.unwrap();
    let token = "j-0-0-6-1".to_owned();
    let inserted = Effect::Inserted { token: token.clone(), pageviews: 1 };
    assert_eq!(desk.log.effects(), [INTENT, inserted, done]);
    assert_eq!(*desk.log.lost.lock().unwrap(), [(token, lost())]);
    // A restart reads them again, silently, and goes on. It cannot know that those whose key is gone were never counted.
    desk.hits(1).await;
    let next = Effect::Committed { next: 7, intent: false };
    desk.run_until(|effects| effects.contains(&next)).await.unwrap();
    let forgotten = LostLine { hour: NOW.hour() - 3, loss: Loss::Forgotten, records: 2 };
    assert_eq!(desk.log.lost.lock().unwrap()[1..], [("j-0-6-7-1".to_owned(), vec![forgotten])]);
}

/// Whoever upgrades collectors first, or goes back with processors first, loses nothing: the older processor stops where it cannot read.
#[tokio::test]
async fn what_a_newer_version_wrote_is_not_passed_over() {
    let desk = Desk::new();
    desk.hits(2).await;
    let sealed = Sealer::new(&desk.keys.public(NOW).unwrap(), [9; 32]).unwrap().seal("\u{9}newer".as_bytes()).unwrap();
    desk.journal.append(0, sealed).await.unwrap();
    for _start in 0..2 {
        let ended = desk.run_until(|_| false).await.unwrap_err();
        assert!(matches!(ended, ProcessorError::Newer { partition: 0, version: 9 }), "{ended}");
        assert_eq!(desk.log.effects(), [], "nothing is committed past it");
    }
}

#[tokio::test]
async fn records_lost_in_a_flush_that_crashed_are_repeated_under_its_token() {
    let desk = Desk::new();
    append_unreadable(&desk).await;
    *desk.log.commits.lock().unwrap() = VecDeque::from([false, true]);
    assert!(matches!(desk.run_until(|_| false).await, Err(ProcessorError::Journal(_))));
    let done = Effect::Committed { next: 5, intent: false };
    desk.run_until(|effects| effects.contains(&done)).await.unwrap();
    let once = ("j-0-0-5-1".to_owned(), lost());
    assert_eq!(*desk.log.lost.lock().unwrap(), [once.clone(), once]);
}

#[tokio::test]
async fn records_that_expired_before_they_were_read_are_lost_and_told() {
    let desk = Desk::new();
    desk.hits(2).await;
    assert_eq!(desk.journal.expire(NOW.plus(3_600_000)).await, Ok(2));
    desk.hits(1).await;
    let done = Effect::Committed { next: 3, intent: false };
    desk.run_until(|effects| effects.contains(&done)).await.unwrap();
    assert_eq!(desk.log.effects(), [INTENT, inserted(1), done]);
    let lost = LostLine { hour: NOW.hour(), loss: Loss::Expired, records: 2 };
    assert_eq!(*desk.log.lost.lock().unwrap(), [("j-0-0-3-1".to_owned(), vec![lost])]);
}

#[tokio::test]
async fn an_interrupted_insert_whose_records_expired_is_passed_over_and_told() {
    let desk = Desk::new();
    desk.hits(3).await;
    *desk.log.commits.lock().unwrap() = VecDeque::from([false, true]);
    assert!(matches!(desk.run_until(|_| false).await, Err(ProcessorError::Journal(_))));
    desk.journal.expire(NOW.plus(3_600_000)).await.unwrap();
    desk.hits(1).await;
    let last = Effect::Committed { next: 4, intent: false };
    desk.run_until(|effects| effects.contains(&last)).await.unwrap();
    let lost = LostLine { hour: NOW.hour(), loss: Loss::Expired, records: 3 };
    assert_eq!(*desk.log.lost.lock().unwrap(), [("j-0-0-3-1".to_owned(), vec![lost])]);
}

/// A hit that is counted at eight in the morning; another one `after` hours later, which nobody reads; and a start four hours and a
/// half after the first one's key has died, and the journal may have dropped it.
async fn outage(after: i64, drops: bool) -> Vec<(String, Vec<LostLine>)> {
    let desk = Desk::new();
    desk.hits(1).await;
    let counted = Effect::Committed { next: 1, intent: false };
    desk.run_until(|effects| effects.contains(&counted)).await.unwrap();
    desk.hours_pass(after - 5);
    desk.hours_pass(5);
    desk.hits(1).await;
    desk.hours_pass(32 - after);
    if drops {
        assert_eq!(desk.journal.expire(NOW.plus(4 * 3_600_000)).await, Ok(1));
    }
    let done = Effect::Committed { next: 2, intent: false };
    desk.run_until(|effects| effects.contains(&done)).await.unwrap();
    desk.log.lost.lock().unwrap().clone()
}

#[tokio::test]
async fn who_cannot_be_read_again_within_an_open_day_is_told_as_forgotten() {
    // The second hit is of the same evening: it was not known any more that the first one's visitor had been there.
    let forgotten = LostLine { hour: NOW.hour(), loss: Loss::Forgotten, records: 1 };
    for drops in [false, true] {
        assert_eq!(outage(15, drops).await, [("j-0-1-2-1".to_owned(), vec![forgotten.clone()])], "{drops}");
        // It is of the next morning, when the first one's day had closed.
        assert_eq!(outage(25, drops).await, [], "{drops}");
    }
}

/// What was inserted of records, in order: the token, without a name's own words, and the page views.
fn inserts(effects: &[Effect]) -> Vec<(String, i64)> {
    let insert = |effect: &Effect| match effect {
        Effect::Inserted { token, pageviews } if !token.contains("-live-") => {
            let (journal, range) = token.split_once("-0-").unwrap();
            let name = if journal == "j" { "" } else { "anew " };
            Some((format!("{name}{range}"), *pageviews))
        }
        Effect::Inserted { .. } | Effect::Committed { .. } => None,
    };
    effects.iter().filter_map(insert).collect()
}

/// All of the journal but one record is gone and four others stand there and behind, of the same token as what was inserted before.
async fn taken_over(desk: &Desk, later_ms: i64) {
    desk.lose_all_but(1).await;
    desk.now.fetch_add(later_ms, Ordering::Relaxed);
    desk.hits(2).await;
    desk.hits(2).await;
}

#[tokio::test(start_paused = true)]
async fn who_follows_a_journal_that_loses_its_end_counts_what_comes_in_its_place_under_another_name() {
    let desk = Desk::new();
    desk.hits(5).await;
    let (first, again) = (Effect::Committed { next: 5, intent: false }, Effect::Committed { next: 1, intent: false });
    let done =
        |effects: &[Effect]| effects.iter().skip_while(|effect| **effect != again).any(|effect| *effect == first);
    let lose = async {
        while !desk.log.effects().contains(&first) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        // One more is read, and not inserted before its place is taken.
        desk.hits(1).await;
        tokio::time::sleep(Duration::from_millis(1)).await;
        desk.journal.is_truncated.store(true, Ordering::Relaxed);
        taken_over(&desk, 1).await;
    };
    let (ran, ()) = tokio::join!(desk.run_until(done), lose);
    ran.unwrap();
    assert_eq!(inserts(&desk.log.effects()), [("0-5-1".into(), 5), ("5-6-1".into(), 1), ("anew 1-5-1".into(), 4)]);
}

#[tokio::test(start_paused = true)]
async fn a_journal_that_ends_before_what_was_read_has_lost_it() {
    let desk = Desk::new();
    desk.hits(5).await;
    let first = Effect::Committed { next: 5, intent: false };
    let lose = async {
        while !desk.log.effects().contains(&first) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        desk.lose_all_but(1).await;
        desk.now.fetch_add(1, Ordering::Relaxed);
        desk.hits(2).await;
    };
    let done = |effects: &[Effect]| inserts(effects).len() == 2;
    let (ran, ()) = tokio::join!(desk.run_until(done), lose);
    ran.unwrap();
    assert_eq!(inserts(&desk.log.effects()), [("0-5-1".into(), 5), ("anew 1-3-1".into(), 2)]);
}

#[tokio::test(start_paused = true)]
async fn who_starts_on_a_journal_that_lost_its_end_sees_by_their_times_that_others_stand_there() {
    let desk = Desk::new();
    desk.hits(5).await;
    let all = Effect::Committed { next: 5, intent: false };
    desk.run_until(|effects| effects.contains(&all)).await.unwrap();
    let before = desk.log.effects().len();
    taken_over(&desk, 1).await;
    desk.run_until(|effects| effects[before..].contains(&all)).await.unwrap();
    let effects = &desk.log.effects()[before..];
    assert_eq!(effects[0], Effect::Committed { next: 1, intent: false }, "{effects:?}");
    assert_eq!(inserts(effects), [("anew 1-5-1".into(), 4)]);
}

#[tokio::test(start_paused = true)]
async fn of_a_range_that_was_decided_only_what_is_left_of_it_goes_under_its_token() {
    let desk = Desk::new();
    desk.hits(5).await;
    *desk.log.commits.lock().unwrap() = VecDeque::from([false, true]);
    assert!(desk.run_until(|_| false).await.is_err());
    let before = desk.log.effects().len();
    taken_over(&desk, 1).await;
    let all = Effect::Committed { next: 5, intent: false };
    desk.run_until(|effects| effects[before..].contains(&all)).await.unwrap();
    assert_eq!(inserts(&desk.log.effects()[before..]), [("0-5-1".into(), 1), ("anew 1-5-1".into(), 4)]);
}

#[tokio::test(start_paused = true)]
async fn a_replay_tells_how_many_records_are_left_until_none_is() {
    let desk = Desk::new();
    desk.hits(3).await;
    desk.run_until(|effects| effects.contains(&DONE)).await.unwrap();
    desk.hits(1).await;
    desk.journal.slow.store(true, Ordering::Relaxed);
    let (told_to_replay, told_left) = (Mutex::new(Vec::new()), Mutex::new(Vec::new()));
    let last = Effect::Committed { next: 4, intent: false };
    let look = |effects: &[Effect]| {
        for (name, told) in [("footfall_replaying", &told_to_replay), ("footfall_replay_records", &told_left)] {
            told.lock().unwrap().extend(desk.figure(name));
        }
        effects.contains(&last)
    };
    desk.run_until(look).await.unwrap();
    for (told, expected) in [(told_to_replay, &[1.0, 0.0][..]), (told_left, &[3.0, 2.0, 1.0, 0.0])] {
        let mut told = told.into_inner().unwrap();
        told.dedup();
        assert_eq!(told, expected);
    }
}
