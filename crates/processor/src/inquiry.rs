//! A visitor's question "what do you hold about me?", asked of the partition that has their hits and answered from memory: in
//! one process by a channel, across processes as a record behind their hits, whose answer is sealed to whoever asked.
//!
//! It is not a way to look anybody up: an inquiry carries a peer, which the fold turns into pseudonyms and forgets; nothing
//! can be asked by a pseudonym or listed. The invariant: an answer knows every hit that was durable when it was asked.

use std::time::Duration;

use fold::rights::HeldDay;
use model::{Domain, Peer};
use privacy::seal::{HourKey, Opener, PublicKey, Sealer};
use tokio::sync::{mpsc, oneshot};
use zeroize::Zeroizing;

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

/// An answer on its way back, sealed.
#[derive(Debug)]
pub struct SealedAnswer {
    /// The question's number.
    pub number: u64,
    /// What only the asker can open: [`open_answer`].
    pub sealed: Vec<u8>,
}

/// Seals what is held to the asker's key; nothing where the key is none, or chance fails.
pub(crate) fn seal_answer(number: u64, key: [u8; 32], held: &[HeldDay]) -> Option<SealedAnswer> {
    let mut random = [0; 32];
    getrandom::fill(&mut random).ok()?;
    let plain = Zeroizing::new(postcard::to_stdvec(held).ok()?);
    let sealed = Sealer::new(&PublicKey { hour: 0, bytes: key }, random).ok()?.seal(&plain).ok()?;
    Some(SealedAnswer { number, sealed })
}

/// Opens an answer with the key that was made for its question.
///
/// # Errors
/// It is not for this key, or of another version.
pub fn open_answer(key: HourKey, sealed: &[u8]) -> Result<Vec<HeldDay>, NoAnswer> {
    let mut opener = Opener::default();
    opener.insert(key);
    let plain = Zeroizing::new(opener.open(sealed).map_err(|_| NoAnswer)?);
    postcard::from_bytes(&plain).map_err(|_| NoAnswer)
}

/// A key for one question and its answer.
///
/// # Errors
/// The operating system gave no randomness.
pub fn answer_key() -> Result<HourKey, NoAnswer> {
    let mut random = [0; 32];
    getrandom::fill(&mut random).map_err(|_| NoAnswer)?;
    Ok(HourKey::generate(0, random))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_opens_for_who_asked_alone() {
        let key = answer_key().unwrap();
        let SealedAnswer { number, sealed } = seal_answer(7, key.public().bytes, &[]).unwrap();
        assert_eq!(number, 7);
        assert_eq!(open_answer(answer_key().unwrap(), &sealed), Err(NoAnswer));
        assert_eq!(open_answer(key, &sealed), Ok(Vec::new()));
    }
}
