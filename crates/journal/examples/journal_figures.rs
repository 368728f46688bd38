//! Measures the embedded journal in a directory: appends acknowledged a second and their latency at 1, 64 and 1,000
//! senders, then opening and replaying. It is not a test; its figures stand in docs/decisions/0002-embedded-journal.md.
//!
//! `cargo run --release -p journal --example journal_figures -- DIRECTORY RECORDS` (an empty directory; it is not removed).
#![expect(clippy::print_stdout, reason = "its output is what it is for")]

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use journal::embedded::{EmbeddedJournal, Settings};
use journal::{Journal, JournalError, Offset};
use model::{Clock, Millis};

const RECORD_BYTES: usize = 300;
const PARTITIONS: u32 = 2;
const SENDERS_MAX: u64 = 1_000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let directory = PathBuf::from(arguments.next().ok_or("which directory?")?);
    let records: u64 = arguments.next().ok_or("how many records?")?.parse()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        for senders in [1, 64, 1_000] {
            let journal = Arc::new(open(&directory.join(senders.to_string()))?);
            append(journal, senders).await?;
        }
        replay(directory.join("replay"), records).await
    })
}

fn open(directory: &std::path::Path) -> Result<EmbeddedJournal, JournalError> {
    // Any clock does; this one moves a millisecond a reading, so that a long run also meets the turn of an hour.
    let readings = AtomicI64::new(0);
    let clock = Clock::new(move || Millis(readings.fetch_add(1, Ordering::Relaxed)));
    let settings = Settings { bytes_max: 64 << 30, ..Settings::new(PARTITIONS, clock) };
    EmbeddedJournal::open_with(directory, settings)
}

async fn append(journal: Arc<EmbeddedJournal>, senders: u32) -> Result<(), Box<dyn std::error::Error>> {
    let lasts = Duration::from_secs(3);
    let end = Instant::now() + lasts;
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
                Ok::<_, journal::AppendError>(micros)
            })
        })
        .collect();
    let mut micros = Vec::new();
    for task in tasks {
        micros.extend(task.await??);
    }
    micros.sort_unstable();
    let quantile = |percent: usize| micros.get(micros.len() * percent / 100).copied().unwrap_or_default();
    let rate = micros.len() as u64 / lasts.as_secs();
    println!("append, {senders} senders: {rate}/s, p50 {} µs, p99 {} µs", quantile(50), quantile(99));
    Ok(())
}

async fn replay(directory: PathBuf, records: u64) -> Result<(), Box<dyn std::error::Error>> {
    let journal = Arc::new(open(&directory)?);
    let tasks: Vec<_> = (0..SENDERS_MAX)
        .map(|sender| {
            let journal = journal.clone();
            tokio::spawn(async move {
                for _record in 0..records / SENDERS_MAX {
                    journal.append((sender % u64::from(PARTITIONS)) as u32, vec![7; RECORD_BYTES]).await?;
                }
                Ok::<_, journal::AppendError>(())
            })
        })
        .collect();
    for task in tasks {
        task.await??;
    }
    println!(
        "filled: {} bytes held, {:.1} a record",
        journal.held_bytes(),
        journal.held_bytes() as f64 / records as f64
    );
    drop(journal);
    let begun = Instant::now();
    let journal = open(&directory)?;
    println!("opened in {:.1} ms", begun.elapsed().as_secs_f64() * 1e3);
    let begun = Instant::now();
    let (mut count, mut bytes) = (0_u64, 0_usize);
    for partition in 0..PARTITIONS {
        let mut from = Offset(0);
        loop {
            let entries = journal.read(partition, from, 4_096, Duration::ZERO).await?;
            let Some(last) = entries.last() else { break };
            from = last.offset.next();
            count += entries.len() as u64;
            bytes += entries.iter().map(|entry| entry.bytes.len()).sum::<usize>();
        }
    }
    let seconds = begun.elapsed().as_secs_f64();
    println!(
        "replayed {count} in {seconds:.2} s: {:.0}/s, {:.0} MB/s",
        count as f64 / seconds,
        bytes as f64 / 1e6 / seconds
    );
    let begun = Instant::now();
    let dropped = journal.expire(Millis(i64::MAX)).await?;
    println!("expired {dropped} in {:.1} ms, {} bytes held", begun.elapsed().as_secs_f64() * 1e3, journal.held_bytes());
    Ok(())
}
