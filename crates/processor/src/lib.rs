//! The station between the journal and the store: opens sealed records in memory, folds them into counts, inserts, commits.
//!
//! It is not a server and decides nothing about hits: what a hit means is `fold`'s, how long a key lives is `privacy`'s. Its
//! own promise is the order of effects — intent, insert, commit — by which every acknowledged hit ends up in the counts
//! exactly once, whatever is killed and whenever.

pub mod closing;
pub mod import;
mod inquiry;
mod intent;
pub mod keys;
mod lost;
mod metrics;
mod partition;
mod reading;
mod sink;

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use fold::Tables;
use journal::Journal;
use model::{Clock, Sites};
use tokio::sync::watch;

pub use crate::inquiry::{Inboxes, Inquiries, NoAnswer, inquiries};
pub use crate::metrics::Metrics;
pub use crate::partition::ProcessorError;
pub use crate::sink::{InsertError, Sink};

/// What a processor works with.
pub struct Processor<J, S> {
    /// Where records come from.
    pub journal: Arc<J>,
    /// The journal's own name: offsets mean something only together with it, so it is part of every insert's token.
    pub journal_name: String,
    /// Where counts go.
    pub sink: Arc<S>,
    /// The sites as they are now.
    pub sites: Arc<ArcSwap<Sites>>,
    /// The private keys of the living hours.
    pub keys: Arc<keys::KeyStore>,
    /// Enrichment tables.
    pub tables: Tables,
    /// The time.
    pub clock: Clock,
    /// How long changes are netted before they are inserted.
    pub flush: Duration,
    /// Its metrics.
    pub metrics: Metrics,
    /// Where it is asked what it holds of somebody.
    pub inboxes: Inboxes,
}

impl<J: Journal, S: Sink> Processor<J, S> {
    /// Works through every partition until `stop` turns true; then inserts what is folded and returns.
    ///
    /// # Errors
    /// When a partition cannot go on: the journal failed, or its commits contradict what this program wrote.
    pub async fn run(mut self, stop: watch::Receiver<bool>) -> Result<(), ProcessorError> {
        let mut inboxes = std::mem::take(&mut self.inboxes).0.into_iter();
        let processor = Arc::new(self);
        let progress = Arc::new(closing::Progress::new(processor.journal.partitions()));
        let mut partitions = tokio::task::JoinSet::new();
        for partition in 0..processor.journal.partitions() {
            let (processor, progress, stop) = (Arc::clone(&processor), Arc::clone(&progress), stop.clone());
            let inbox = inboxes.next().unwrap_or_else(|| tokio::sync::mpsc::channel(1).1);
            partitions.spawn(async move { partition::run(&processor, &progress, partition, inbox, stop).await });
        }
        let (whole, stop) = (Arc::clone(&processor), stop.clone());
        partitions.spawn(async move {
            closing::run(&whole, &progress, stop).await;
            Ok(())
        });
        while let Some(ended) = partitions.join_next().await {
            ended.map_err(|_| ProcessorError::Panicked)??;
        }
        Ok(())
    }
}
