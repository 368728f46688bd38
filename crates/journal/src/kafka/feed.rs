//! A small topic that every process of an installation follows: keyed values that replace each other (what collectors and
//! processors must know of sites and keys), or messages that are heard once (answers on their way back).
//!
//! It is not for hits: what is kept is held in memory, so keys and values are bounded and few. The invariant: when
//! [`Feed::catch_up`] returns, everything that was acknowledged to its publisher before the call has been heard here.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rdkafka::TopicPartitionList;
use rdkafka::admin::AdminClient;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::Message;
use rdkafka::producer::FutureRecord;
use tokio::sync::watch;

use super::fault::{self, Listener};
use super::producing::Producing;
use super::settings::KafkaSettings;
use super::topic::Topic;
use super::{CALL_WAIT, blocking, seldom};
use crate::JournalError;

/// Longest key or value. A site's definition is a few kilobytes.
pub const VALUE_BYTES_MAX: usize = 256 * 1024;
/// Most keys held: sites, keys of hours, and room; a topic with more was filled by somebody else.
pub const KEYS_MAX: usize = 100_000;
/// One look for what was published.
const LOOK: Duration = Duration::from_millis(200);

/// What a feed keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeps {
    /// The last value of each key, for whoever starts later.
    Latest,
    /// Nothing: a message is there for who listens now, and goes from the brokers within the hour.
    Nothing,
}

/// A value as it was published; nothing where its key was taken back.
pub type Value = Option<Arc<[u8]>>;

/// What publishes on a topic that others follow, and hears nothing of it.
pub struct Publisher {
    topic: String,
    producing: Producing,
}

/// A followed topic.
pub struct Feed {
    publisher: Publisher,
    consumer: Arc<BaseConsumer<Listener>>,
    heard: Arc<Heard>,
    ended: Arc<AtomicBool>,
}

type Listen = Box<dyn Fn(&str, &Value) + Send + Sync>;

struct Heard {
    keeps: Keeps,
    values: Mutex<BTreeMap<Arc<str>, Arc<[u8]>>>,
    /// Counts what was heard.
    changed: watch::Sender<u64>,
    /// The offset after the last message heard.
    next: watch::Sender<i64>,
    /// Called with each message as it is heard.
    listen: Listen,
}

impl Publisher {
    /// Opens the topic `name` with the brokers and security of `settings`, and makes it where it is missing.
    ///
    /// # Errors
    /// The brokers cannot be reached or refuse, or the topic is one that does not keep what it should.
    pub async fn open(settings: &KafkaSettings, name: &str, keeps: Keeps) -> Result<Self, JournalError> {
        let listener = Listener::default();
        let made = |error: KafkaError| fault::failure("make a client".to_owned(), &error);
        let admin: AdminClient<Listener> = settings.base()?.create_with_context(listener.clone()).map_err(made)?;
        let producing = Producing::new(settings, &listener)?;
        Topic::followed(settings, name, keeps).open(&Arc::new(admin)).await?;
        Ok(Self { topic: name.to_owned(), producing })
    }

    /// Publishes a value under a key; nothing takes the key back. Acknowledged by every replica in sync when it returns.
    ///
    /// # Errors
    /// The brokers cannot be reached or refuse; it may have been published all the same.
    pub async fn publish(&self, key: &str, value: Option<&[u8]>) -> Result<(), JournalError> {
        let tried = || format!("publish on topic {}", self.topic);
        if key.len() > VALUE_BYTES_MAX || value.is_some_and(|value| value.len() > VALUE_BYTES_MAX) {
            let reason = format!("it is longer than {VALUE_BYTES_MAX} bytes");
            return Err(JournalError::Failed { tried: tried(), reason });
        }
        let producer = self.producing.client();
        let delivery = {
            let record = FutureRecord::<str, [u8]>::to(&self.topic).partition(0).key(key);
            let record = FutureRecord { payload: value, ..record };
            let failed = |(error, _): (KafkaError, _)| self.producing.failure(&producer, tried(), &error);
            producer.send_result(record).map_err(failed)?
        };
        match delivery.await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err((error, _))) => Err(self.producing.failure(&producer, tried(), &error)),
            Err(_cancelled) => Err(JournalError::Failed { tried: tried(), reason: "the client ended".to_owned() }),
        }
    }
}

impl Feed {
    /// Opens the topic `name` with the brokers and security of `settings`, makes it where it is missing, and follows it: from
    /// its beginning where it keeps values, else from now on. `listen` is called with each message, on the feed's own thread.
    ///
    /// # Errors
    /// The brokers cannot be reached, or the topic is one that does not keep what it should.
    pub async fn open(
        settings: &KafkaSettings,
        name: &str,
        keeps: Keeps,
        listen: impl Fn(&str, &Value) + Send + Sync + 'static,
    ) -> Result<Self, JournalError> {
        let publisher = Publisher::open(settings, name, keeps).await?;
        let made = settings.follower()?.create_with_context(publisher.producing.listener().clone());
        let consumer: BaseConsumer<Listener> =
            made.map_err(|error| fault::failure("make a client".to_owned(), &error))?;
        let heard = Arc::new(Heard {
            keeps,
            values: Mutex::default(),
            changed: watch::Sender::new(0),
            next: watch::Sender::new(0),
            listen: Box::new(listen),
        });
        let consumer = Arc::new(consumer);
        let (waiting, of) = (Arc::clone(&consumer), name.to_owned());
        let start = blocking(CALL_WAIT, "follow a topic", move || begin(&waiting, &of, keeps)).await?;
        heard.next.send_replace(start);
        let ended = Arc::new(AtomicBool::new(false));
        let follow = {
            let (consumer, heard, ended) = (Arc::clone(&consumer), Arc::clone(&heard), Arc::clone(&ended));
            move || follow(&consumer, &heard, &ended)
        };
        std::thread::Builder::new().name("kafka-feed".to_owned()).spawn(follow).map_err(|error| {
            JournalError::Failed { tried: format!("follow topic {name}"), reason: error.to_string() }
        })?;
        Ok(Self { publisher, consumer, heard, ended })
    }

    /// Publishes as [`Publisher::publish`] does.
    ///
    /// # Errors
    /// The brokers cannot be reached or refuse; it may have been published all the same.
    pub async fn publish(&self, key: &str, value: Option<&[u8]>) -> Result<(), JournalError> {
        self.publisher.publish(key, value).await
    }

    /// The values held now, by key.
    #[must_use]
    pub fn values(&self) -> BTreeMap<Arc<str>, Arc<[u8]>> {
        self.heard.values.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Tells whenever something was heard.
    #[must_use]
    pub fn changed(&self) -> watch::Receiver<u64> {
        self.heard.changed.subscribe()
    }

    /// Returns when everything that was acknowledged before this call has been heard.
    ///
    /// # Errors
    /// The brokers cannot be reached, or what they have does not come in time.
    pub async fn catch_up(&self) -> Result<(), JournalError> {
        let (consumer, topic) = (Arc::clone(&self.consumer), self.publisher.topic.clone());
        let tried = || format!("read topic {} to its end", self.publisher.topic);
        let end = move || {
            let asked = fault::patiently(|wait| consumer.fetch_watermarks(&topic, 0, wait));
            asked.map_err(|error| consumer.context().explain(format!("ask where topic {topic} ends"), &error))
        };
        let (_, end) = blocking(CALL_WAIT, "ask where a topic ends", end).await?;
        let mut next = self.heard.next.subscribe();
        match tokio::time::timeout(CALL_WAIT, next.wait_for(|next| *next >= end)).await {
            // The sender lives as long as this does.
            Ok(_) => Ok(()),
            Err(_) => Err(JournalError::Unreachable { tried: tried(), reason: format!("not within {CALL_WAIT:?}") }),
        }
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
    }
}

/// Stands where following begins, and says where that is. Messages of before are nobody's where nothing is kept.
fn begin(consumer: &BaseConsumer<Listener>, name: &str, keeps: Keeps) -> Result<i64, JournalError> {
    let failed = |error: KafkaError| consumer.context().explain(format!("follow topic {name}"), &error);
    let (first, end) = fault::patiently(|wait| consumer.fetch_watermarks(name, 0, wait)).map_err(failed)?;
    let start = if keeps == Keeps::Latest { first } else { end };
    let mut place = TopicPartitionList::new();
    place.add_partition_offset(name, 0, rdkafka::Offset::Offset(start)).map_err(failed)?;
    consumer.assign(&place).map_err(failed)?;
    Ok(start)
}

/// Hears what is published until the feed is dropped.
fn follow(consumer: &Arc<BaseConsumer<Listener>>, heard: &Heard, ended: &AtomicBool) {
    while !ended.load(Ordering::Relaxed) {
        match consumer.poll(LOOK) {
            None => {}
            Some(Ok(message)) => {
                // A key that is no text was published by somebody else.
                if let Some(Ok(key)) = message.key().map(std::str::from_utf8) {
                    heard.hear(key, message.payload().map(Arc::from));
                }
                heard.next.send_replace(message.offset().saturating_add(1));
            }
            Some(Err(error)) => {
                let stays = !fault::code(&error).is_some_and(fault::passes);
                if let Some(left_out) = stays.then(|| seldom::due(&format!("follow: {error}"))).flatten() {
                    tracing::error!(%error, left_out, "a topic that is followed cannot be read");
                }
                std::thread::sleep(LOOK);
            }
        }
    }
}

impl Heard {
    fn hear(&self, key: &str, value: Value) {
        if self.keeps == Keeps::Latest {
            let mut values = self.values.lock().unwrap_or_else(PoisonError::into_inner);
            match &value {
                Some(value) if values.len() < KEYS_MAX || values.contains_key(key) => {
                    values.insert(key.into(), Arc::clone(value));
                }
                Some(_) => {
                    if let Some(left_out) = seldom::due("follow: keys") {
                        tracing::error!(
                            keys = KEYS_MAX,
                            left_out,
                            "a followed topic has more keys than are held; one is left out"
                        );
                    }
                }
                None => drop(values.remove(key)),
            }
        }
        (self.listen)(key, &value);
        self.changed.send_modify(|heard| *heard = heard.wrapping_add(1));
    }
}
