//! A spool before a real broker that is killed, or stands still, while 20,000 records are appended; and what that took.
#![expect(clippy::print_stdout, reason = "its figures stand in docs/decisions/0015-spool.md")]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use ::model::{Clock, Millis};
use journal::Journal;
use journal::kafka::{KafkaJournal, KafkaSettings};
use journal::spool::{Settings, Spooled};
use tokio::task::JoinSet;

use crate::bed::{LONG, read_all, texts, unlike_any_other};
use crate::kafka_server::Broker;
use crate::spool::drained;

const PARTITIONS: u32 = 3;
const SENDERS: u32 = 60;
const RECORDS: u32 = 20_000;
/// When the broker goes.
const BEFORE: u32 = 5_000;

fn clock() -> Clock {
    let begun = Instant::now();
    Clock::new(move || Millis(i64::try_from(begun.elapsed().as_millis()).unwrap()))
}

struct Scene {
    settings: KafkaSettings,
    directory: tempfile::TempDir,
}

impl Scene {
    fn new(broker: &Broker) -> Self {
        let settings =
            KafkaSettings { append_wait: Duration::from_secs(3), ..unlike_any_other(broker.plain(), PARTITIONS) };
        Self { settings, directory: tempfile::tempdir().unwrap() }
    }

    async fn kafka(&self) -> Arc<KafkaJournal> {
        Arc::new(KafkaJournal::open(self.settings.clone()).await.unwrap())
    }

    async fn spooled(&self, kafka: &Arc<KafkaJournal>) -> Spooled<KafkaJournal> {
        crate::spool::open(kafka, self.directory.path(), Settings::new(clock())).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_is_killed_costs_no_record_and_no_order() {
    let mut broker = tokio::task::block_in_place(Broker::start);
    let scene = Scene::new(&broker);
    let kafka = scene.kafka().await;
    let spooled = Arc::new(scene.spooled(&kafka).await);
    let sending = Sending::begin(&spooled);
    sending.reach(BEFORE).await;
    tokio::task::block_in_place(|| broker.kill());
    sending.finish(&spooled).await;
    // Another life of the collector begins in the middle of the outage, without a word from the one before it.
    drop(spooled);
    let spooled = scene.spooled(&kafka).await;
    assert!(spooled.figures().records > 10_000, "{:?}", spooled.figures());
    tokio::task::block_in_place(|| broker.restart());
    recovered(&spooled).await;
    verify(&kafka).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_stands_still_costs_no_record_and_no_order() {
    let broker = tokio::task::block_in_place(Broker::start);
    let scene = Scene::new(&broker);
    let kafka = scene.kafka().await;
    let spooled = Arc::new(scene.spooled(&kafka).await);
    let sending = Sending::begin(&spooled);
    sending.reach(BEFORE).await;
    broker.signal("STOP");
    sending.finish(&spooled).await;
    assert!(spooled.figures().records > 10_000, "{:?}", spooled.figures());
    broker.signal("CONT");
    recovered(&spooled).await;
    verify(&kafka).await;
    spooled.stop().await;
}

/// Senders on their way to [`RECORDS`] records.
struct Sending {
    acknowledged: Arc<AtomicU32>,
    senders: JoinSet<Duration>,
    begun: Instant,
}

impl Sending {
    fn begin(spooled: &Arc<Spooled<KafkaJournal>>) -> Self {
        let acknowledged = Arc::new(AtomicU32::new(0));
        let mut senders = JoinSet::new();
        for sender in 0..SENDERS {
            let (spooled, acknowledged) = (Arc::clone(spooled), Arc::clone(&acknowledged));
            senders.spawn(async move {
                let mut longest = Duration::ZERO;
                for number in (sender..RECORDS).step_by(SENDERS as usize) {
                    let text = format!("{sender}/{number:06}/{}", "x".repeat(290));
                    let begun = Instant::now();
                    spooled.append(sender % PARTITIONS, text.into_bytes()).await.unwrap();
                    longest = longest.max(begun.elapsed());
                    acknowledged.fetch_add(1, Ordering::SeqCst);
                    // Slower than it could be, so that the outage comes in the middle.
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                longest
            });
        }
        Self { acknowledged, senders, begun: Instant::now() }
    }

    async fn reach(&self, count: u32) {
        while self.acknowledged.load(Ordering::SeqCst) < count {
            assert!(self.begun.elapsed() < LONG, "nothing is acknowledged");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    async fn finish(mut self, spooled: &Spooled<KafkaJournal>) {
        let (before, begun) = (self.acknowledged.load(Ordering::SeqCst), Instant::now());
        let mut longest = Duration::ZERO;
        while let Some(one) = self.senders.join_next().await {
            longest = longest.max(one.unwrap());
        }
        let figures = spooled.figures();
        let rate = f64::from(RECORDS - before) / begun.elapsed().as_secs_f64();
        let each = figures.bytes / figures.records.max(1);
        println!(
            "in the outage: {} spooled, {each} bytes a record on disk, {rate:.0}/s, longest append {longest:?}",
            figures.spooled
        );
    }
}

/// Waits until everything is drained, and says how long it took since the broker came back.
async fn recovered(spooled: &Spooled<KafkaJournal>) {
    let (begun, waited) = (Instant::now(), spooled.figures().records);
    let before = spooled.figures().drained;
    while spooled.figures().drained == before {
        assert!(begun.elapsed() < 4 * LONG, "it does not go on");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let first = begun.elapsed();
    drained(spooled).await;
    let rate = waited as f64 / (begun.elapsed() - first).as_secs_f64();
    println!(
        "the first was taken {first:?} after the broker came back, then {rate:.0} records/s; all after {:?}",
        begun.elapsed()
    );
}

/// All records are there, each sender's in the order it sent them, up to repetitions.
async fn verify(kafka: &KafkaJournal) {
    let (mut seen, mut again) = (BTreeSet::new(), 0);
    let mut last_of = [None; SENDERS as usize];
    for partition in 0..PARTITIONS {
        for text in texts(&read_all(kafka, partition, 4_096).await) {
            let mut words = text.split('/');
            let sender: usize = words.next().unwrap().parse().unwrap();
            let number: u32 = words.next().unwrap().parse().unwrap();
            if !seen.insert(number) {
                again += 1;
                continue;
            }
            assert!(last_of[sender] < Some(number), "sender {sender}: {number} after {:?}", last_of[sender]);
            last_of[sender] = Some(number);
        }
    }
    println!("{} there, 0 lost, {again} came again", seen.len());
    assert_eq!(seen.len(), RECORDS as usize);
}
