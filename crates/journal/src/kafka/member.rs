//! This process's place in the consumer group that shares the partitions out: static, so that a restart disturbs nobody, and
//! cooperative, so that only what changes hands is interrupted.
//!
//! The member's client fetches nothing: it hears which partitions are given and taken, and commits under its generation, so that
//! the brokers refuse a commit of a process that was given up meanwhile. What it hears goes into an [`Ownership`] before the
//! group hears that it was done; that order is the fence.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer, ConsumerContext, Rebalance};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::{ClientContext, TopicPartitionList};

use super::fault::{self, Listener};
use super::orphans;
use super::seldom;
use super::settings::{KafkaSettings, Member};
use crate::{Grant, JournalError, Ownership};

/// How long a partition's work may take to end when the group asks for it back: an insert and a commit, and far less than the
/// five minutes after which the group gives up a member that does not poll.
const TAKE_BACK_PATIENCE: Duration = Duration::from_secs(20);
/// One look for what the group says.
const LOOK: Duration = Duration::from_millis(100);

/// A member of the group. Dropping it leaves its partitions to whoever starts under its name, or to others after its silence.
pub(super) struct Membership {
    consumer: Arc<BaseConsumer<Hearing>>,
    ended: Arc<AtomicBool>,
}

impl Membership {
    /// Joins; partitions are given as the group settles.
    pub(super) fn join(
        settings: &KafkaSettings,
        member: &Member,
        listener: Listener,
    ) -> Result<Arc<Self>, JournalError> {
        let tried = || format!("join group {} as {}", settings.group, member.name);
        let failed = |error: KafkaError| fault::failure(tried(), &error);
        let hearing = Hearing { listener, ownership: Arc::default() };
        let consumer: BaseConsumer<Hearing> = settings.member(member)?.create_with_context(hearing).map_err(failed)?;
        consumer.subscribe(&[&settings.topic]).map_err(failed)?;
        let membership = Arc::new(Self { consumer: Arc::new(consumer), ended: Arc::default() });
        let thread = |name: &str, work: Box<dyn FnOnce() + Send>| {
            let spawned = std::thread::Builder::new().name(name.to_owned()).spawn(work);
            spawned.map(drop).map_err(|error| JournalError::Failed { tried: tried(), reason: error.to_string() })
        };
        let (consumer, ended) = (Arc::clone(&membership.consumer), Arc::clone(&membership.ended));
        thread("kafka-member", Box::new(move || listen(&consumer, &ended)))?;
        let (consumer, ended) = (Arc::clone(&membership.consumer), Arc::clone(&membership.ended));
        let (settings, member) = (settings.clone(), member.clone());
        thread("kafka-orphans", Box::new(move || orphans::watch(&consumer, (&settings, &member), &ended)))?;
        Ok(membership)
    }

    pub(super) fn ownership(&self) -> &Ownership {
        &self.consumer.context().ownership
    }

    /// Commits under a grant. It waits for the brokers, so it is called on threads made for that.
    pub(super) fn commit(&self, partition: u32, grant: Grant, list: &TopicPartitionList) -> Result<(), JournalError> {
        self.ownership().fenced(partition, grant, || {
            self.consumer.commit(list, CommitMode::Sync).map_err(|error| match fault::code(&error) {
                Some(code) if is_fence(code) => JournalError::Fenced { partition },
                // The group is being shared out anew: whether this process keeps the partition it hears soon.
                Some(RDKafkaErrorCode::RebalanceInProgress) => JournalError::Unreachable {
                    tried: format!("commit partition {partition}"),
                    reason: "the group is being shared out anew".to_owned(),
                },
                _ => self.consumer.context().explain(format!("commit partition {partition}"), &error),
            })
        })
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
    }
}

/// What the brokers answer to the commit of a process that they gave up, and the client once it has heard that for good: then it
/// says why elsewhere ([`Hearing::hear`]).
const fn is_fence(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode::{Fatal, FencedInstanceId, IllegalGeneration, UnknownMemberId};
    matches!(code, IllegalGeneration | UnknownMemberId | FencedInstanceId | Fatal)
}

/// Hears what the group says until the membership ends. The client is dropped here or by the other thread: ending it joins its threads.
fn listen(consumer: &Arc<BaseConsumer<Hearing>>, ended: &AtomicBool) {
    while !ended.load(Ordering::Relaxed) {
        match consumer.poll(LOOK) {
            // Given partitions are paused, but what was under way may still come; it is read elsewhere.
            None | Some(Ok(_)) => {}
            Some(Err(error)) if fault::code(&error).is_some_and(fault::passes) => {}
            Some(Err(error)) => {
                consumer.context().hear(&error);
                if let Some(left_out) = seldom::due(&format!("group: {error}")) {
                    tracing::warn!(%error, left_out, "the consumer group complains");
                }
                std::thread::sleep(LOOK);
            }
        }
    }
}

/// Hears the group and keeps the ownership.
struct Hearing {
    listener: Listener,
    ownership: Arc<Ownership>,
}

impl Deref for Hearing {
    type Target = Listener;

    fn deref(&self) -> &Listener {
        &self.listener
    }
}

impl ClientContext for Hearing {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.listener.log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.hear(&error);
        self.listener.error(error, reason);
    }
}

impl ConsumerContext for Hearing {
    fn pre_rebalance(&self, consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        match rebalance {
            Rebalance::Revoke(list) => {
                let partitions = numbers(list);
                let lost = consumer.assignment_lost();
                tracing::info!(?partitions, lost, "partitions are taken away");
                if lost {
                    self.ownership.lose(&partitions);
                } else {
                    self.ownership.take_back(&partitions, TAKE_BACK_PATIENCE);
                }
            }
            Rebalance::Error(_) => self.ownership.lose(&self.held()),
            Rebalance::Assign(_) => {}
        }
    }

    fn post_rebalance(&self, consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        let Rebalance::Assign(list) = rebalance else { return };
        let partitions = numbers(list);
        // Others read; this client is there for the group alone.
        if let Err(error) = consumer.pause(list) {
            tracing::warn!(%error, "partitions cannot be paused; their records are fetched and thrown away");
        }
        tracing::info!(?partitions, "partitions are given");
        self.ownership.give(&partitions);
    }
}

impl Hearing {
    /// Ends the ownership where the client cannot go on: most of all when another process has started under this name.
    fn hear(&self, error: &KafkaError) {
        let fatal = matches!(error, KafkaError::MessageConsumptionFatal(_));
        let ends = |code| matches!(code, RDKafkaErrorCode::Fatal | RDKafkaErrorCode::FencedInstanceId);
        if fatal || fault::code(error).is_some_and(ends) {
            let tried = "stay in the consumer group".to_owned();
            let reason = format!(
                "{error}; has another processor started with the same `instance`, or were the brokers silent for longer than \
                 `silence_max`? A start makes it a member again"
            );
            self.ownership.fail(JournalError::Failed { tried, reason });
        }
    }

    fn held(&self) -> Vec<u32> {
        self.ownership.wanted().borrow().iter().copied().collect()
    }
}

fn numbers(list: &TopicPartitionList) -> Vec<u32> {
    list.elements().iter().filter_map(|element| u32::try_from(element.partition()).ok()).collect()
}
