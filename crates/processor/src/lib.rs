//! The station between the journal and the store: opens sealed records in memory, folds them into counts, inserts, commits.
//!
//! It is not a server and decides nothing about hits: what a hit means is `fold`'s, how long a key lives is `privacy`'s. Its
//! own promise is the order of effects — intent, insert, commit — by which every acknowledged hit ends up in the counts
//! exactly once, whatever is killed and whenever, and whichever process has a partition.

pub mod closing;
mod hours;
pub mod import;
mod inquiry;
mod intent;
pub mod keys;
mod lost;
mod metrics;
mod partition;
mod reading;
mod sink;
mod truncation;
pub mod witness;

use std::collections::{BTreeMap, BTreeSet};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use fold::{Bounds, Tables};
use journal::{Journal, JournalError};
use model::{Clock, Sites};
use tokio::sync::{mpsc, watch};
use tokio::task::{self, AbortHandle, JoinError, JoinSet};
use tokio::time::Instant;

pub use crate::inquiry::{Inboxes, Inquiries, NoAnswer, SealedAnswer, answer_key, inquiries, open_answer};
pub use crate::metrics::Metrics;
pub use crate::partition::ProcessorError;
pub use crate::sink::{InsertError, Sink};

/// What a processor works with.
pub struct Processor<J, S> {
    /// Where records come from.
    pub journal: Arc<J>,
    /// The journal's own name: offsets mean something only together with it, so it is part of every insert's token. Where it
    /// has none, each partition gets one with its first commit.
    pub journal_name: Option<String>,
    /// Where counts go.
    pub sink: Arc<S>,
    /// The sites as they are now.
    pub sites: Arc<ArcSwap<Sites>>,
    /// The private keys of the living hours.
    pub keys: Arc<keys::KeyStore>,
    /// Enrichment tables.
    pub tables: Tables,
    /// How much the fold of a partition holds.
    pub bounds: Bounds,
    /// The time.
    pub clock: Clock,
    /// How long changes are netted before they are inserted.
    pub flush: Duration,
    /// Its metrics.
    pub metrics: Metrics,
    /// Where it is asked what it holds of somebody.
    pub inboxes: Inboxes,
    /// Where answers go to questions that came through the journal.
    pub answers: Option<mpsc::Sender<SealedAnswer>>,
    /// How it is made sure that `sites` is as new as a collector's was; nothing where both read the same table.
    pub follow: Option<Follow>,
}

/// Resolves when everything has been heard that was told of sites before it was called.
#[derive(Clone)]
pub struct Follow(pub Arc<dyn Fn() -> BoxFuture<Result<(), JournalError>> + Send + Sync>);

type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// How long a partition's work may take to end by itself when it is asked to: an insert and a commit. Then it is dropped where
/// it stands, which is as good as a crash there.
const END_WITHIN: Duration = Duration::from_secs(15);

impl<J: Journal, S: Sink> Processor<J, S> {
    /// Works through the partitions that are this process's, every one where it shares the journal with nobody, until `stop`
    /// turns true; then inserts what is folded and returns.
    ///
    /// # Errors
    /// When a partition cannot go on: the journal failed, or its commits contradict what this program wrote.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) -> Result<(), ProcessorError> {
        let inboxes = std::mem::take(&mut self.inboxes).0.into_iter();
        let mut inboxes: BTreeMap<u32, _> = (0..).zip(inboxes).collect();
        let processor = Arc::new(self);
        let progress = Arc::new(closing::Progress::new(processor.journal.partitions()));
        let mut closing = tokio::spawn({
            let (processor, progress, stop) = (Arc::clone(&processor), Arc::clone(&progress), stop.clone());
            async move { closing::run(&processor, &progress, stop).await }
        });
        processor.metrics.partitions.set(i64::from(processor.journal.partitions()));
        let mut work = Work::default();
        let mut wanted = match processor.journal.ownership() {
            Some(ownership) => ownership.wanted(),
            None => watch::Sender::new((0..processor.journal.partitions()).collect()).subscribe(),
        };
        let ended = loop {
            if *stop.borrow() {
                break work.end().await;
            }
            let now = wanted.borrow_and_update().clone();
            work.ask_back_all_but(&now);
            for partition in now {
                if !work.partitions.contains_key(&partition) {
                    let inbox = inboxes.remove(&partition).unwrap_or_else(|| mpsc::channel(1).1);
                    work.begin(&processor, &progress, partition, inbox);
                }
            }
            processor.metrics.partitions_owned.set(i64::try_from(work.partitions.len()).unwrap_or(i64::MAX));
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => {}
                // Where nobody else gives partitions out, the sender is gone and nothing changes.
                Ok(()) = wanted.changed() => {}
                Some(ended) = work.tasks.join_next_with_id() => {
                    match work.ended(ended) {
                        Ok(partition) => {
                            progress.forget(partition);
                            processor.metrics.hide(partition);
                        }
                        Err(error) => break Err(error),
                    }
                }
                why = failed(processor.journal.as_ref()) => break Err(why.into()),
                // One that was asked to end and does not is looked at again.
                () = tokio::time::sleep(Duration::from_secs(1)), if work.is_ending() => {}
            }
        };
        closing.abort();
        let _ = (&mut closing).await;
        ended
    }
}

/// Waits for the journal to say that it will give no partition any more.
async fn failed<J: Journal>(journal: &J) -> JournalError {
    match journal.ownership() {
        Some(ownership) => ownership.failed().await,
        None => std::future::pending().await,
    }
}

/// The partitions that are worked on.
#[derive(Default)]
struct Work {
    tasks: JoinSet<Result<(), ProcessorError>>,
    partitions: BTreeMap<u32, AtWork>,
}

struct AtWork {
    task: AbortHandle,
    stop: watch::Sender<bool>,
    /// When it was asked to end.
    asked: Option<Instant>,
}

impl Work {
    fn begin<J: Journal, S: Sink>(
        &mut self,
        processor: &Arc<Processor<J, S>>,
        progress: &Arc<closing::Progress>,
        partition: u32,
        inbox: mpsc::Receiver<inquiry::Inquiry>,
    ) {
        let (stop, stopping) = watch::channel(false);
        let (processor, progress) = (Arc::clone(processor), Arc::clone(progress));
        let task = self.tasks.spawn(async move {
            let _at_work = match processor.journal.ownership().map(|ownership| ownership.begin(partition)) {
                // It was taken back before anything began.
                Some(None) => return Ok(()),
                at_work => at_work,
            };
            partition::run(&processor, &progress, partition, inbox, stopping).await
        });
        self.partitions.insert(partition, AtWork { task, stop, asked: None });
    }

    /// Asks for the others back, and drops the work that does not end.
    fn ask_back_all_but(&mut self, wanted: &BTreeSet<u32>) {
        for (_, work) in self.partitions.iter_mut().filter(|(partition, _)| !wanted.contains(partition)) {
            work.stop.send_replace(true);
            if work.asked.get_or_insert_with(Instant::now).elapsed() > END_WITHIN {
                work.task.abort();
            }
        }
    }

    fn is_ending(&self) -> bool {
        self.partitions.values().any(|work| work.asked.is_some())
    }

    /// Takes note of work that has ended, and says of which partition.
    fn ended(
        &mut self,
        ended: Result<(task::Id, Result<(), ProcessorError>), JoinError>,
    ) -> Result<u32, ProcessorError> {
        let id = match &ended {
            Ok((id, _)) => *id,
            Err(error) => error.id(),
        };
        let partition = self.partitions.iter().find(|(_, work)| work.task.id() == id).map(|(partition, _)| *partition);
        let partition = partition.ok_or(ProcessorError::Panicked)?;
        self.partitions.remove(&partition);
        match ended {
            Ok((_, result)) => result.map(|()| partition),
            Err(error) if error.is_cancelled() => Ok(partition),
            Err(_) => Err(ProcessorError::Panicked),
        }
    }

    /// Asks all work to end, and waits for it.
    async fn end(&mut self) -> Result<(), ProcessorError> {
        loop {
            self.ask_back_all_but(&BTreeSet::new());
            tokio::select! {
                ended = self.tasks.join_next_with_id() => match ended {
                    Some(ended) => _ = self.ended(ended)?,
                    None => return Ok(()),
                },
                // What does not end by itself is dropped after a while.
                () = tokio::time::sleep(Duration::from_secs(1)) => {}
            }
        }
    }
}
