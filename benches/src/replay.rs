//! How fast a processor rebuilds its state after a start: the embedded journal is opened, and the real processor reads,
//! opens and folds silently what was committed before, until its first insert of something new.

use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use anyhow::Context;
use arc_swap::ArcSwap;
use journal::embedded::EmbeddedJournal;
use journal::{Commit, Journal};
use model::{Changes, Clock, Millis, Record, Sites};
use privacy::seal::Sealer;
use processor::keys::KeyStore;
use processor::{InsertError, Metrics, Processor, Sink};
use tokio::sync::watch;

use crate::folding::hit;
use crate::processes::own_cpu_seconds;
use crate::report::{Report, Row, short};
use crate::tables;
use crate::traffic::world::World;
use crate::traffic::{DAY_MS, Day, LAST_DAY, site};

const PAGEVIEWS: u32 = 300_000;
/// Records sealed under one encapsulation, as many as a busy collector's minute has.
const RECORDS_PER_SEALER: usize = 5_000;
const REPLAY_MAX: Duration = Duration::from_secs(60);

/// Measures on a journal in a temporary directory.
pub fn measure() -> anyhow::Result<Report> {
    tokio::runtime::Runtime::new()?.block_on(replay())
}

async fn replay() -> anyhow::Result<Report> {
    let directory = tempfile::tempdir()?;
    let now = Millis((LAST_DAY + 1) * DAY_MS - 1);
    let clock = Clock::new(move || now);
    let keys = Arc::new(KeyStore::open(&directory.path().join("keys"), now)?);
    let path = directory.path().join("journal");
    let records = fill(&EmbeddedJournal::open(&path, 1, clock.clone())?, &keys, now).await?;

    let (started, cpu_before) = (Instant::now(), own_cpu_seconds());
    let journal = Arc::new(EmbeddedJournal::open(&path, 1, clock.clone())?);
    let opened = started.elapsed();
    let (seen, mut inserted) = watch::channel(None);
    let (stop, stopping) = watch::channel(false);
    let processor = Processor {
        journal,
        journal_name: Some("replay".to_owned()),
        sink: Arc::new(FirstInsert(seen)),
        sites: Arc::new(ArcSwap::from_pointee([site()].into_iter().collect::<Sites>())),
        keys,
        tables: tables::cached()?.0,
        bounds: fold::Bounds::default(),
        clock,
        flush: Duration::from_millis(1),
        metrics: Metrics::register(&prometheus::Registry::new())?,
        inboxes: processor::Inboxes::default(),
        answers: None,
        follow: None,
    };
    let running = tokio::spawn(processor.run(stopping));
    let first = tokio::time::timeout(REPLAY_MAX, inserted.wait_for(Option::is_some)).await;
    let (at, cpu_after) = first.context("the replay did not end in time")??.context("just waited for")?;
    let _ = stop.send(true);
    running.await??;

    let seconds = (at - started).as_secs_f64();
    let row = Row {
        what: "replay after a start: journal to state, silently".to_owned(),
        ours: format!(
            "{} records/s ({} per second of one core)",
            short(records as f64 / seconds),
            short(records as f64 / (cpu_after - cpu_before))
        ),
        ..Row::default()
    };
    let note = format!(
        "Replay: {} sealed records, read from the page cache; opening the journal took {:.0} ms of {seconds:.1} s.",
        short(records as f64),
        opened.as_secs_f64() * 1_000.0
    );
    Ok(Report { rows: vec![row], notes: vec![note] })
}

/// Appends a day of sealed hits, commits them as counted, and appends one more.
async fn fill(journal: &EmbeddedJournal, keys: &KeyStore, now: Millis) -> anyhow::Result<usize> {
    let world = World::new();
    let day = Day::new(&world, 1, LAST_DAY, PAGEVIEWS);
    let public = keys.public(now).context("the key store makes this hour's key")?;
    let (last, committed) = day.steps.split_last().context("a day has hits")?;
    let mut number: u64 = 0;
    for batch in committed.chunks(RECORDS_PER_SEALER).chain([std::slice::from_ref(last)]) {
        if number == u64::try_from(committed.len())? {
            let next = journal.end(0).await?;
            journal.commit(0, Commit { next, metadata: Vec::new() }).await?;
        }
        let mut random = [5; 32];
        random.iter_mut().zip(number.to_le_bytes()).for_each(|(byte, fresh)| *byte = fresh);
        let mut sealer = Sealer::new(&public, random)?;
        let mut records = Vec::with_capacity(batch.len());
        for step in batch {
            records.push(sealer.seal(&Record::Hits(vec![hit(&world, &day, step)?]).encode())?);
        }
        append(journal, records).await?;
        number += u64::try_from(batch.len())?;
    }
    Ok(committed.len())
}

/// Appends together, so that they share their fsync; the order of appends is that in which they were polled first.
async fn append(journal: &EmbeddedJournal, records: Vec<Vec<u8>>) -> anyhow::Result<()> {
    let mut waiting: Vec<_> = records.into_iter().map(|record| Box::pin(journal.append(0, record))).collect();
    std::future::poll_fn(|context| {
        let mut failed = None;
        waiting.retain_mut(|append| match append.as_mut().poll(context) {
            Poll::Pending => true,
            Poll::Ready(Ok(_)) => false,
            Poll::Ready(Err(error)) => {
                failed = Some(error);
                false
            }
        });
        match failed {
            Some(error) => Poll::Ready(Err(error.into())),
            None if waiting.is_empty() => Poll::Ready(Ok(())),
            None => Poll::Pending,
        }
    })
    .await
}

/// Takes every insert and tells when the first one came, and what this process had cost by then.
struct FirstInsert(watch::Sender<Option<(Instant, f64)>>);

impl Sink for FirstInsert {
    async fn insert(&self, _: &str, _: &Changes) -> Result<(), InsertError> {
        self.0.send_if_modified(|seen| {
            let is_first = seen.is_none();
            seen.get_or_insert_with(|| (Instant::now(), own_cpu_seconds()));
            is_first
        });
        Ok(())
    }
}
