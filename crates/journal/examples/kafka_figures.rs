//! Measures the journal on a running Kafka: appends acknowledged a second and their latency at 1, 64 and 1,000 senders, then
//! reading everything again. It is not a test; its figures stand in docs/decisions/0013-journal-on-kafka.md.
//!
//! `cargo run --release -p journal --example kafka_figures -- HOST:PORT TOPIC` (a topic that does not exist; it stays).
#![expect(clippy::print_stdout, reason = "its output is what it is for")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use journal::kafka::{KafkaJournal, KafkaSettings};
use journal::{AppendError, Journal, Offset};
use model::Millis;

const RECORD_BYTES: usize = 300;
const PARTITIONS: u32 = 2;
const LASTS: Duration = Duration::from_secs(5);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let broker = arguments.next().ok_or("which broker?")?;
    let topic = arguments.next().ok_or("which topic?")?;
    let settings = KafkaSettings::new(vec![broker], topic.clone(), topic, PARTITIONS);
    let settings = KafkaSettings { replication: 1, in_sync_min: 1, ..settings };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let begun = Instant::now();
        let journal = Arc::new(KafkaJournal::open(settings.clone()).await?);
        println!("made the topic and opened it in {:.0} ms", begun.elapsed().as_secs_f64() * 1e3);
        for senders in [1, 64, 1_000, 10_000] {
            append(journal.clone(), senders).await?;
        }
        drop(journal);
        let begun = Instant::now();
        let journal = KafkaJournal::open(settings).await?;
        println!("opened in {:.0} ms", begun.elapsed().as_secs_f64() * 1e3);
        read(&journal).await
    })
}

async fn append(journal: Arc<KafkaJournal>, senders: u32) -> Result<(), Box<dyn std::error::Error>> {
    let end = Instant::now() + LASTS;
    let tasks: Vec<_> = (0..senders)
        .map(|sender| {
            let journal = journal.clone();
            tokio::spawn(async move {
                let mut micros = Vec::new();
                while Instant::now() < end {
                    let begun = Instant::now();
                    journal.append(sender % PARTITIONS, vec![7; RECORD_BYTES]).await?;
                    micros.push(begun.elapsed().as_micros());
                }
                Ok::<_, AppendError>(micros)
            })
        })
        .collect();
    let mut micros = Vec::new();
    for task in tasks {
        micros.extend(task.await??);
    }
    micros.sort_unstable();
    let quantile = |percent: usize| micros.get(micros.len() * percent / 100).copied().unwrap_or_default();
    let rate = micros.len() as u64 / LASTS.as_secs();
    println!("append, {senders} senders: {rate}/s, p50 {} µs, p99 {} µs", quantile(50), quantile(99));
    Ok(())
}

async fn read(journal: &KafkaJournal) -> Result<(), Box<dyn std::error::Error>> {
    let begun = Instant::now();
    let (mut count, mut bytes) = (0_u64, 0_usize);
    for partition in 0..PARTITIONS {
        let mut from = journal.first_at(partition, Millis(0)).await?;
        let end: Offset = journal.end(partition).await?;
        while from < end {
            let entries = journal.read(partition, from, 4_096, Duration::from_secs(1)).await?;
            from = entries.last().map_or(end, |last| last.offset.next());
            count += entries.len() as u64;
            bytes += entries.iter().map(|entry| entry.bytes.len()).sum::<usize>();
        }
    }
    let seconds = begun.elapsed().as_secs_f64();
    let (rate, megabytes) = (count as f64 / seconds, bytes as f64 / 1e6 / seconds);
    println!("read {count} in {seconds:.2} s: {rate:.0}/s, {megabytes:.0} MB/s");
    Ok(())
}
