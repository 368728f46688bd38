//! The journal on Apache Kafka: one topic, written with acknowledgement by every replica in sync, read by place and by
//! time, with each partition's commit kept as the offset and metadata of a consumer group.
//!
//! A process that reads joins the group, which shares the partitions out; one that only appends does not. The client's calls that wait run
//! on threads made for waiting, never on the runtime's. An append is durable as far as the brokers' replicas are: Kafka
//! acknowledges from memory, so the topic wants more than one broker (`docs/decisions/0013-journal-on-kafka.md`).

mod append;
mod fault;
mod feed;
mod hold;
mod member;
mod orphans;
mod producing;
mod reader;
mod seldom;
mod settings;
mod topic;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use model::Millis;
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::{Offset as Place, TopicPartitionList};

use crate::{AppendError, Commit, Entry, Grant, Journal, JournalError, METADATA_BYTES_MAX, Offset, Ownership};
use fault::Listener;
pub use feed::{Feed, KEYS_MAX, Keeps, Publisher, VALUE_BYTES_MAX, Value};
use member::Membership;
use producing::Producing;
use reader::{Readers, Request};
use settings::ANSWER_WAIT;
pub use settings::{KafkaSettings, Member, QUEUE_RECORDS_MAX, SILENCE_MAX, Scram, Security, Tls};
use topic::Topic;

/// What a call that asks the brokers several things may take before its caller hears that they are away.
const CALL_WAIT: Duration = Duration::from_secs(30);

/// A journal on Kafka. Dropping it forgets the appends that wait; what was acknowledged is kept.
pub struct KafkaJournal {
    clients: Arc<Clients>,
    /// This process's place in the group, once it has joined.
    membership: OnceLock<Arc<Membership>>,
}

struct Clients {
    settings: KafkaSettings,
    producing: Producing,
    control: Arc<BaseConsumer<Listener>>,
    admin: Arc<AdminClient<Listener>>,
    /// Whether the topic was seen to be what it must be. Nothing is appended before that.
    is_checked: AtomicBool,
    readers: Vec<Readers>,
    /// Commits go one after the other.
    commits: Mutex<()>,
    /// How many commits were asked for, per partition: one whose caller gave up never overwrites a later one.
    asked: Vec<AtomicU64>,
}

impl KafkaJournal {
    /// Connects, and opens the topic: makes it where it is missing, and refuses one that would break a promise. Then joins
    /// the group, where the settings name a member.
    ///
    /// # Errors
    /// The brokers cannot be reached or refuse, or the topic contradicts a promise.
    pub async fn open(settings: KafkaSettings) -> Result<Self, JournalError> {
        let journal = Self::connect(settings).await?;
        journal.check().await?;
        journal.join()?;
        Ok(journal)
    }

    /// Makes the clients, and asks nothing of the brokers: for who has to go on while they are away. Appends are refused as
    /// if the brokers were away until [`KafkaJournal::check`] has seen the topic.
    ///
    /// # Errors
    /// The settings are none, such as a password that cannot be read.
    pub async fn connect(settings: KafkaSettings) -> Result<Self, JournalError> {
        let clients = Arc::new(blocking(CALL_WAIT, "make the clients", move || Clients::new(settings)).await?);
        Ok(Self { clients, membership: OnceLock::new() })
    }

    /// Opens the topic: makes it where it is missing, and refuses one that would break a promise. Where the settings name a member,
    /// Kafka's own topic of positions is looked at, too.
    ///
    /// # Errors
    /// The brokers cannot be reached or refuse, or a topic contradicts a promise.
    pub async fn check(&self) -> Result<(), JournalError> {
        if self.clients.settings.member.is_some() {
            topic::check_positions(&self.clients.settings, &self.clients.admin).await?;
        }
        Topic::hits(&self.clients.settings).open(&self.clients.admin).await?;
        self.clients.is_checked.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Joins the group, where the settings name a member.
    ///
    /// # Errors
    /// The client cannot be made.
    pub fn join(&self) -> Result<(), JournalError> {
        let clients = &self.clients;
        if let Some(member) = &clients.settings.member {
            // Another one would leave again when it is dropped here.
            let membership = Membership::join(&clients.settings, member, clients.producing.listener().clone())?;
            drop(self.membership.set(membership));
        }
        Ok(())
    }

    /// Refuses a partition that does not exist.
    fn exists(&self, partition: u32) -> Result<(), JournalError> {
        let partitions = self.partitions();
        (partition < partitions).then_some(()).ok_or(JournalError::NoSuchPartition { partition, partitions })
    }

    /// Asks the brokers something about a partition, on a thread for waiting.
    async fn ask<T: Send + 'static>(
        &self,
        partition: u32,
        tried: &str,
        work: impl FnOnce(&Clients) -> Result<T, JournalError> + Send + 'static,
    ) -> Result<T, JournalError> {
        self.exists(partition)?;
        let clients = Arc::clone(&self.clients);
        blocking(CALL_WAIT, tried, move || {
            clients.drain();
            work(&clients)
        })
        .await
    }
}

impl Drop for KafkaJournal {
    /// Ending a client joins its threads. That is done aside, once every call still under way has let go of them.
    fn drop(&mut self) {
        let clients = Arc::clone(&self.clients);
        let end = move || {
            while Arc::strong_count(&clients) > 1 {
                std::thread::sleep(Duration::from_millis(20));
            }
        };
        if let Err(error) = std::thread::Builder::new().name("kafka-end".to_owned()).spawn(end) {
            tracing::warn!(%error, "no thread to end the kafka clients on");
        }
    }
}

impl Clients {
    fn new(settings: KafkaSettings) -> Result<Self, JournalError> {
        let listener = Listener::default();
        let made = |error: KafkaError| fault::failure("make a client".to_owned(), &error);
        let producing = Producing::new(&settings, &listener)?;
        let control = Arc::new(settings.control()?.create_with_context(listener.clone()).map_err(made)?);
        let admin = Arc::new(settings.base()?.create_with_context(listener.clone()).map_err(made)?);
        let readers = (0..settings.partitions).map(|_| Readers::default()).collect();
        let asked = (0..settings.partitions).map(|_| AtomicU64::new(0)).collect();
        let (is_checked, commits) = (AtomicBool::new(false), Mutex::new(()));
        Ok(Self { settings, producing, control, admin, is_checked, readers, commits, asked })
    }

    /// Takes the client's events off its queue. Nobody polls this client, and a long outage would heap them up.
    fn drain(&self) {
        for _event in 0..1_000 {
            if self.control.poll(Duration::ZERO).is_none() {
                return;
            }
        }
    }

    fn fault(&self, tried: String, error: &KafkaError) -> JournalError {
        self.control.context().explain(tried, error)
    }

    /// The first offset whose record was stamped `at` or later. The end is asked for before: a record that is appended in
    /// between must not stand before the answer.
    fn first_at(&self, partition: u32, at: Millis) -> Result<Offset, JournalError> {
        let (_, end) = reader::watermarks(&self.control, &self.settings.topic, partition)?;
        let mut times = TopicPartitionList::new();
        // Negative times have meanings of their own in the protocol.
        times
            .add_partition(&self.settings.topic, number(partition))
            .set_offset(Place::Offset(at.0.max(0)))
            .map_err(|error| fault::failure(format!("name a time of partition {partition}"), &error))?;
        let tried = || format!("find a time in partition {partition}");
        let found = fault::patiently(|wait| {
            let found = self.control.offsets_for_times(times.clone(), wait)?;
            found.elements().iter().try_for_each(|element| element.error()).map(|()| found)
        })
        .map_err(|error| self.fault(tried(), &error))?;
        match found.elements().first().map(|element| element.offset()) {
            Some(Place::Offset(found)) => Ok(offset(found)),
            _ => Ok(end),
        }
    }

    /// A commit as the protocol has it.
    fn to_commit(&self, partition: u32, commit: &Commit) -> Result<TopicPartitionList, JournalError> {
        let mut list = TopicPartitionList::new();
        place(&mut list, &self.settings.topic, partition, commit.next)
            .map_err(|error| fault::failure(format!("commit partition {partition}"), &error))?;
        if let Some(mut element) = list.find_partition(&self.settings.topic, number(partition)) {
            element.set_metadata(to_hex(&commit.metadata));
        }
        Ok(list)
    }

    /// Asks for a commit; what it answers is the commit's number.
    fn ask_to_commit(&self, partition: u32) -> u64 {
        self.asked.get(partition as usize).map_or(0, |asked| asked.fetch_add(1, Ordering::SeqCst) + 1)
    }

    /// Commits, unless a later commit of the partition has been asked for meanwhile: by a member under its grant, else as nobody's
    /// member, which the brokers take only where the group has none.
    fn commit(
        &self,
        partition: u32,
        commit: &Commit,
        number: u64,
        member: Option<(&Membership, Grant)>,
    ) -> Result<(), JournalError> {
        let tried = || format!("commit partition {partition}");
        let list = self.to_commit(partition, commit)?;
        let _one_at_a_time = self.commits.lock().unwrap_or_else(PoisonError::into_inner);
        if self.asked.get(partition as usize).is_none_or(|asked| asked.load(Ordering::SeqCst) != number) {
            let reason = "a later commit was asked for".to_owned();
            return Err(JournalError::Unreachable { tried: tried(), reason });
        }
        match member {
            Some((membership, grant)) => membership.commit(partition, grant, &list),
            None => self.control.commit(&list, CommitMode::Sync).map_err(|error| self.fault(tried(), &error)),
        }
    }

    fn committed(&self, partition: u32) -> Result<Option<Commit>, JournalError> {
        let tried = || format!("read the commit of partition {partition}");
        let mut list = TopicPartitionList::new();
        list.add_partition(&self.settings.topic, number(partition));
        let found = fault::patiently(|wait| {
            let found = self.control.committed_offsets(list.clone(), wait)?;
            found.elements().iter().try_for_each(|element| element.error()).map(|()| found)
        })
        .map_err(|error| self.fault(tried(), &error))?;
        let elements = found.elements();
        let Some(element) = elements.first() else { return Ok(None) };
        let Place::Offset(next) = element.offset() else { return Ok(None) };
        // Words that are not ours stand there: another program commits under this name, and what we said is gone.
        let metadata = from_hex(element.metadata()).ok_or(JournalError::CommitLost { partition })?;
        Ok(Some(Commit { next: offset(next), metadata }))
    }

    /// Where each partition's records of the hours that ended at `before` end, and how many they are.
    fn expired(&self, before: Millis) -> Result<(TopicPartitionList, u64), JournalError> {
        let (mut list, mut count) = (TopicPartitionList::new(), 0);
        let hour_begins = Millis(before.hour().saturating_mul(3_600_000));
        for partition in 0..self.settings.partitions {
            let (first, _) = reader::watermarks(&self.control, &self.settings.topic, partition)?;
            let kept = self.first_at(partition, hour_begins)?;
            if kept > first {
                count += kept.0 - first.0;
                place(&mut list, &self.settings.topic, partition, kept)
                    .map_err(|error| fault::failure(format!("expire partition {partition}"), &error))?;
            }
        }
        Ok((list, count))
    }
}

impl Journal for KafkaJournal {
    fn partitions(&self) -> u32 {
        self.clients.settings.partitions
    }

    fn ownership(&self) -> Option<&Ownership> {
        self.membership.get().map(|membership| membership.ownership())
    }

    async fn append(&self, partition: u32, record: Vec<u8>) -> Result<Offset, AppendError> {
        Ok(offset(self.deliver(partition, record).await?.offset))
    }

    async fn read(
        &self,
        partition: u32,
        from: Offset,
        records_max: usize,
        wait: Duration,
    ) -> Result<Vec<Entry>, JournalError> {
        self.exists(partition)?;
        if records_max == 0 {
            return Ok(Vec::new());
        }
        let abandoned = Abandon::default();
        let (clients, flag) = (Arc::clone(&self.clients), Arc::clone(&abandoned.0));
        let request = Request { partition, from, records_max, wait };
        blocking(wait.saturating_add(CALL_WAIT), "read", move || {
            let Some(readers) = clients.readers.get(partition as usize) else { return Ok(Vec::new()) };
            clients.drain();
            readers.read(&clients.settings, &clients.control, &request, &flag)
        })
        .await
    }

    async fn first_at(&self, partition: u32, at: Millis) -> Result<Offset, JournalError> {
        self.ask(partition, "find a time", move |clients| clients.first_at(partition, at)).await
    }

    async fn end(&self, partition: u32) -> Result<Offset, JournalError> {
        let end =
            move |clients: &Clients| Ok(reader::watermarks(&clients.control, &clients.settings.topic, partition)?.1);
        self.ask(partition, "ask for the end", end).await
    }

    async fn commit(&self, partition: u32, commit: Commit) -> Result<(), JournalError> {
        self.exists(partition)?;
        let bytes = commit.metadata.len();
        if bytes > METADATA_BYTES_MAX {
            return Err(JournalError::MetadataTooLong { bytes });
        }
        // Whose commit this is, and which one, is settled by who calls and when, not by when it is sent.
        let grant = self.membership.get().map(|membership| membership.ownership().grant_of(partition)).transpose()?;
        let member = self.membership.get().cloned().zip(grant);
        let number = self.clients.ask_to_commit(partition);
        self.ask(partition, "commit", move |clients| {
            let member = member.as_ref().map(|(membership, grant)| (membership.as_ref(), *grant));
            clients.commit(partition, &commit, number, member)
        })
        .await
    }

    async fn committed(&self, partition: u32) -> Result<Option<Commit>, JournalError> {
        self.ask(partition, "read a commit", move |clients| clients.committed(partition)).await
    }

    /// Moves the beginning of each partition; the brokers remove files that stand before it at their next round, and
    /// retention does the same without this. Two processes that expire at once may both count the same records.
    async fn expire(&self, before: Millis) -> Result<u64, JournalError> {
        let clients = Arc::clone(&self.clients);
        let (list, count) = blocking(CALL_WAIT, "find what expired", move || clients.expired(before)).await?;
        if count == 0 {
            return Ok(0);
        }
        let tried = || "expire records".to_owned();
        let options = AdminOptions::new().request_timeout(Some(ANSWER_WAIT)).operation_timeout(Some(ANSWER_WAIT));
        let admin = &self.clients.admin;
        let explain = |error: KafkaError| admin.inner().context().explain(tried(), &error);
        let done = admin.delete_records(&list, &options).await.map_err(explain)?;
        done.elements().iter().try_for_each(|element| element.error()).map_err(explain)?;
        Ok(count)
    }
}

/// Tells a reading on another thread that its future was dropped.
#[derive(Default)]
struct Abandon(Arc<AtomicBool>);

impl Drop for Abandon {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Does `work` on a thread for waiting. Its caller hears after `within` at the latest; the work ends by its own bounds.
async fn blocking<T: Send + 'static>(
    within: Duration,
    tried: &str,
    work: impl FnOnce() -> Result<T, JournalError> + Send + 'static,
) -> Result<T, JournalError> {
    let tried = || tried.to_owned();
    match tokio::time::timeout(within, tokio::task::spawn_blocking(work)).await {
        Ok(Ok(done)) => done,
        Ok(Err(error)) => Err(JournalError::Failed { tried: tried(), reason: error.to_string() }),
        Err(_elapsed) => {
            Err(JournalError::Unreachable { tried: tried(), reason: format!("no answer within {within:?}") })
        }
    }
}

/// A partition as the protocol numbers it. Those that exist fit; another is refused before it comes here.
fn number(partition: u32) -> i32 {
    i32::try_from(partition).unwrap_or(i32::MAX)
}

/// An offset of the protocol; below zero stand words such as «end», which mean no record.
fn offset(of_kafka: i64) -> Offset {
    Offset(u64::try_from(of_kafka).unwrap_or(0))
}

/// Adds a partition's place to a list.
fn place(list: &mut TopicPartitionList, topic: &str, partition: u32, at: Offset) -> KafkaResult<()> {
    list.add_partition_offset(topic, number(partition), Place::Offset(i64::try_from(at.0).unwrap_or(i64::MAX)))
}

/// Metadata in hexadecimal: Kafka keeps it as text.
fn to_hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _never_fails = write!(text, "{byte:02x}");
        text
    })
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pairs = text.as_bytes().chunks(2);
    pairs
        .map(|pair| match pair {
            [high, low] => Some(digit(high)? << 4 | digit(low)?),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_comes_back_from_hexadecimal_and_other_words_do_not() {
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(from_hex(&to_hex(&all)), Some(all));
        assert_eq!(from_hex(""), Some(vec![]));
        for other in ["a", "zz", "0x", "é"] {
            assert_eq!(from_hex(other), None, "{other}");
        }
    }
}
