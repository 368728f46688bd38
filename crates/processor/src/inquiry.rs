//! A visitor's question "what do you hold about me?", asked of the partition that has their hits and answered from memory.
//!
//! It is not a way to look anybody up: an inquiry carries a peer, which the fold turns into pseudonyms and forgets; nothing
//! can be asked by a pseudonym or listed. The invariant: an answer knows every hit that was durable when it was asked.

use std::time::Duration;

use fold::rights::HeldDay;
use model::{Domain, Peer};
use tokio::sync::{mpsc, oneshot};

/// Inquiries that wait for one partition; more are told to come again.
pub(crate) const WAITING_MAX: usize = 64;
/// How long an answer may take: a partition folds its backlog first.
const ANSWER_WAIT_MAX: Duration = Duration::from_secs(5);

/// One inquiry on its way.
pub(crate) struct Inquiry {
    pub(crate) site: Domain,
    pub(crate) peer: Peer,
    pub(crate) answer: oneshot::Sender<Vec<HeldDay>>,
}

/// Nobody can answer now: the processor is rebuilding its memory, waits for the store, or has too many to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("what is held cannot be told now; ask again in a minute")]
pub struct NoAnswer;

/// Where inquiries are asked.
#[derive(Clone)]
pub struct Inquiries(Vec<mpsc::Sender<Inquiry>>);

/// Where a processor hears them; one that has none is asked nothing.
#[derive(Default)]
pub struct Inboxes(pub(crate) Vec<mpsc::Receiver<Inquiry>>);

/// A way to ask, for each of `partitions`, and the other end of it.
#[must_use]
pub fn inquiries(partitions: u32) -> (Inquiries, Inboxes) {
    let (ask, hear) = (0..partitions).map(|_| mpsc::channel(WAITING_MAX)).unzip();
    (Inquiries(ask), Inboxes(hear))
}

impl Inquiries {
    /// Asks what is held of a peer (cut to the site's precision) on the site's open days.
    ///
    /// # Errors
    /// When there is no answer within five seconds.
    pub async fn ask(&self, partition: u32, site: Domain, peer: Peer) -> Result<Vec<HeldDay>, NoAnswer> {
        let (answer, answered) = oneshot::channel();
        let partition = self.0.get(partition as usize).ok_or(NoAnswer)?;
        partition.try_send(Inquiry { site, peer, answer }).map_err(|_| NoAnswer)?;
        let answered = tokio::time::timeout(ANSWER_WAIT_MAX, answered).await;
        answered.map_err(|_| NoAnswer)?.map_err(|_| NoAnswer)
    }
}
