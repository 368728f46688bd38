//! A visitor's question across processes: sent as a sealed record behind their hits, answered by whichever processor has their
//! partition, sealed to a key that lives in this process as long as the question. So nobody in between reads either, and a
//! collector needs to know no processor.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use collector::{Collector, Whose};
use fold::rights::HeldDay;
use journal::kafka::{Feed, KafkaSettings, Keeps, Publisher, Value};
use journal::{Journal, JournalError};
use model::Site;
use processor::{NoAnswer, SealedAnswer, answer_key, open_answer};
use tokio::sync::{mpsc, oneshot};

/// How long an answer may take: a processor folds its backlog first.
const ANSWER_WAIT_MAX: Duration = Duration::from_secs(8);
/// Questions that wait for their answers; more are told to come again.
const WAITING_MAX: usize = 1_024;
/// Answers that wait to be sent.
pub const SENDING_MAX: usize = 64;

type Waiting = Arc<Mutex<HashMap<String, oneshot::Sender<Arc<[u8]>>>>>;

/// Where a collector hears the answers to its visitors' questions.
#[derive(Default)]
pub struct Answers {
    waiting: Waiting,
    /// Followed as long as this lives, once Kafka has answered.
    feed: OnceLock<Feed>,
}

impl Answers {
    /// Listens from now on.
    ///
    /// # Errors
    /// Kafka cannot be reached or refuses, or the topic is one that would keep answers.
    pub async fn listen(&self, journal: &KafkaSettings, topic: &str) -> Result<(), JournalError> {
        let hear = {
            let waiting = Arc::clone(&self.waiting);
            move |number: &str, sealed: &Value| {
                let waits = waiting.lock().unwrap_or_else(PoisonError::into_inner).remove(number);
                // Answers to other collectors' questions are heard, too.
                if let (Some(waits), Some(sealed)) = (waits, sealed) {
                    let _ = waits.send(Arc::clone(sealed));
                }
            }
        };
        let feed = Feed::open(journal, topic, Keeps::Nothing, hear).await?;
        // It is listened to once in a process's life.
        drop(self.feed.set(feed));
        Ok(())
    }

    /// Asks what is held of a peer on the site's open days.
    ///
    /// # Errors
    /// There is no answer in time.
    pub async fn ask<J: Journal>(
        &self,
        collector: &Collector<J>,
        site: &Site,
        whose: Whose,
    ) -> Result<Vec<HeldDay>, NoAnswer> {
        // Where no answer could be heard nothing is asked: a question that waits in the spool would be answered to nobody.
        self.feed.get().ok_or(NoAnswer)?;
        let key = answer_key()?;
        let mut number = [0; 8];
        getrandom::fill(&mut number).map_err(|_| NoAnswer)?;
        let number = u64::from_le_bytes(number);
        let (answer, answered) = oneshot::channel();
        let waits = Waits::begin(&self.waiting, number, answer)?;
        collector.inquire(site, whose, number, key.public().bytes).await.map_err(|_| NoAnswer)?;
        let sealed = tokio::time::timeout(ANSWER_WAIT_MAX, answered).await.map_err(|_| NoAnswer)?;
        drop(waits);
        open_answer(key, &sealed.map_err(|_| NoAnswer)?)
    }
}

/// A question that waits, until it is dropped: who asked may go away.
struct Waits<'a>(&'a Waiting, String);

impl<'a> Waits<'a> {
    fn begin(waiting: &'a Waiting, number: u64, answer: oneshot::Sender<Arc<[u8]>>) -> Result<Self, NoAnswer> {
        let number = name(number);
        let mut all = waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= WAITING_MAX {
            return Err(NoAnswer);
        }
        all.insert(number.clone(), answer);
        Ok(Self(waiting, number))
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.1);
    }
}

fn name(number: u64) -> String {
    format!("{number:016x}")
}

/// Sends a processor's answers, one after the other, until the processor ends.
pub async fn send(publisher: Publisher, mut answers: mpsc::Receiver<SealedAnswer>) {
    while let Some(SealedAnswer { number, sealed }) = answers.recv().await {
        // Who asked hears in time that there is no answer.
        if let Err(error) = publisher.publish(&name(number), Some(&sealed)).await {
            tracing::warn!(%error, "an answer to a visitor could not be sent");
        }
    }
}
