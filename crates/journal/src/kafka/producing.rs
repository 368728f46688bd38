//! The client that appends, and a new one in its place where it has given up. Kafka's idempotent client does that for good at its
//! first refusal, also where the right it lacked comes a moment later; nothing but a new client helps then.
//!
//! What waited in the one that gave up was answered as failed. It may have been kept, as after any failure.

use std::sync::{Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use rdkafka::error::KafkaError;
use rdkafka::producer::{FutureProducer, Producer as _};

use super::fault::{self, Listener};
use super::settings::KafkaSettings;
use crate::JournalError;

/// Pause between two new clients: one that is refused gives up as soon as it reaches a broker.
const AGAIN: Duration = Duration::from_secs(1);

/// The appending client.
pub(super) struct Producing {
    settings: KafkaSettings,
    listener: Listener,
    client: RwLock<FutureProducer<Listener>>,
    made: Mutex<Instant>,
}

impl Producing {
    /// Makes the first client.
    pub(super) fn new(settings: &KafkaSettings, listener: &Listener) -> Result<Self, JournalError> {
        Ok(Self {
            client: RwLock::new(make(settings, listener)?),
            settings: settings.clone(),
            listener: listener.clone(),
            made: Mutex::new(Instant::now()),
        })
    }

    /// What the clients complain to.
    pub(super) const fn listener(&self) -> &Listener {
        &self.listener
    }

    /// The client to append with.
    pub(super) fn client(&self) -> FutureProducer<Listener> {
        self.client.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The failure of `tried` with `client`. Where that has given up for good, a new one takes its place, and the failure is one that
    /// passes.
    pub(super) fn failure(&self, client: &FutureProducer<Listener>, tried: String, error: &KafkaError) -> JournalError {
        let Some((_, why)) = client.client().fatal_error() else { return self.listener.explain(tried, error) };
        self.replace(&why);
        JournalError::Unreachable { tried, reason: format!("the client gave up ({why}); a new one takes its place") }
    }

    fn replace(&self, why: &str) {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        // Another append may have failed with the same client, and have put a new one there.
        if self.client().client().fatal_error().is_none() || made.elapsed() < AGAIN {
            return;
        }
        *made = Instant::now();
        match make(&self.settings, &self.listener) {
            Ok(new) => {
                tracing::warn!(why, "kafka's client gave up for good; going on with a new one");
                let old = std::mem::replace(&mut *self.client.write().unwrap_or_else(PoisonError::into_inner), new);
                // Ending a client joins its threads.
                let end = std::thread::Builder::new().name("kafka-end".to_owned()).spawn(move || drop(old));
                if let Err(error) = end {
                    tracing::warn!(%error, "no thread to end a kafka client on");
                }
            }
            Err(error) => tracing::error!(%error, "kafka's client gave up for good, and there is no new one"),
        }
    }
}

fn make(settings: &KafkaSettings, listener: &Listener) -> Result<FutureProducer<Listener>, JournalError> {
    let made = settings.producer()?.create_with_context(listener.clone());
    made.map_err(|error| fault::failure("make a client".to_owned(), &error))
}
