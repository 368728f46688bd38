//! The topics: made with the settings that what we promise needs, and refused where an existing one contradicts any of
//! them. An operator's topic is never changed: who made it otherwise may have meant it.
//!
//! What each topic must be stands here once, and `deploy/kafka/topics.sh` is held against it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, ConfigResource, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::client::Client;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::metadata::{Metadata, MetadataPartition};

use super::fault::{self, Listener};
use super::feed::{Keeps, VALUE_BYTES_MAX};
use super::settings::{ANSWER_WAIT, KafkaSettings, TOPIC_MESSAGE_BYTES_MIN};
use crate::JournalError;

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
/// An hour's key dies 27 hours after the hour: nothing older can be opened, so nothing older is kept.
const RETENTION_MIN_MS: i64 = 27 * HOUR_MS;
/// An hour more, because Kafka expires whole segments and a segment lasts an hour.
const RETENTION_MAX_MS: i64 = 28 * HOUR_MS;
/// A followed value with its key and what the protocol adds.
const FOLLOWED_BYTES_MIN: usize = 2 * VALUE_BYTES_MAX + 64 * 1024;

/// Most of a followed topic that may be old values.
const RATIO_MAX: f64 = 0.5;

/// How long a new topic may take until every partition has a leader.
const ELECTION_WAIT: Duration = Duration::from_secs(30);
/// Between two looks at a topic that is not what it will be yet.
const ASK_AGAIN: Duration = Duration::from_millis(100);

/// What a topic of ours must be.
#[derive(Clone, Debug)]
pub(super) struct Topic {
    name: String,
    partitions: u32,
    replication: u16,
    settings: Vec<Setting>,
}

/// A setting, as Kafka calls it: what it is made with, and what an existing topic may have.
#[derive(Clone, Debug)]
struct Setting {
    name: &'static str,
    made: String,
    may_be: May,
}

#[derive(Clone, Debug)]
enum May {
    Words(&'static [&'static str]),
    Numbers(i64, i64),
    /// A share of at most [`RATIO_MAX`].
    Ratio,
}

impl Topic {
    /// The topic of hits.
    pub(super) fn hits(settings: &KafkaSettings) -> Self {
        let own = vec![
            words("message.timestamp.type", &["LogAppendTime"]),
            words("cleanup.policy", &["delete"]),
            numbers("retention.ms", RETENTION_MAX_MS, RETENTION_MIN_MS, RETENTION_MAX_MS),
            words("retention.bytes", &["-1"]),
            numbers("segment.ms", HOUR_MS, i64::MIN, HOUR_MS),
            message_bytes(TOPIC_MESSAGE_BYTES_MIN),
        ];
        Self::with(settings, settings.topic.clone(), settings.partitions, own)
    }

    /// A topic that everybody follows. It has one partition, and so one order.
    pub(super) fn followed(settings: &KafkaSettings, name: &str, keeps: Keeps) -> Self {
        let own = match keeps {
            Keeps::Latest => vec![
                // By any other policy the last word on a site or a key would go with its age.
                words("cleanup.policy", &["compact"]),
                // A part of it may be old values before it is cleaned, which whoever starts reads as well.
                ratio("min.cleanable.dirty.ratio", "0.1"),
                // Only closed segments are cleaned. Earlier versions made this topic with Kafka's week, which is more to read and no harm.
                numbers("segment.ms", HOUR_MS, 1, i64::MAX),
                // A key that was taken back is told for a day: as long may a start take to read what is there.
                numbers("delete.retention.ms", 24 * HOUR_MS, HOUR_MS, i64::MAX),
                message_bytes(FOLLOWED_BYTES_MIN),
            ],
            Keeps::Nothing => vec![
                words("cleanup.policy", &["delete"]),
                // Whoever asks waits for seconds; nobody reads it later.
                numbers("retention.ms", 10 * MINUTE_MS, MINUTE_MS, HOUR_MS),
                numbers("segment.ms", 10 * MINUTE_MS, i64::MIN, HOUR_MS),
                message_bytes(FOLLOWED_BYTES_MIN),
            ],
        };
        Self::with(settings, name.to_owned(), 1, own)
    }

    fn with(settings: &KafkaSettings, name: String, partitions: u32, mut own: Vec<Setting>) -> Self {
        let in_sync = i64::from(settings.in_sync_min);
        own.extend([
            // The client is built without zlib and Zstandard: sealed bytes do not compress.
            words("compression.type", &["producer", "uncompressed"]),
            words("unclean.leader.election.enable", &["false"]),
            numbers("min.insync.replicas", in_sync, in_sync, i64::MAX),
        ]);
        Self { name, partitions, replication: settings.replication, settings: own }
    }

    /// Opens the topic: makes it where it does not exist, then holds what is there against what must be there.
    pub(super) async fn open(self, admin: &Arc<AdminClient<Listener>>) -> Result<(), JournalError> {
        self.create(admin).await?;
        let (topic, client) = (self.clone(), Arc::clone(admin));
        super::blocking(ELECTION_WAIT + ANSWER_WAIT, "look at a topic", move || topic.check_shape(&client)).await?;
        let found = self.ask_settings(admin).await?;
        self.contradiction(|name| value(&found, name)).map_or(Ok(()), Err)
    }

    /// What a broker tells of the topic's settings; asks again while it has not heard of a topic that was just made on another.
    async fn ask_settings(&self, admin: &AdminClient<Listener>) -> Result<ConfigResource, JournalError> {
        let tried = || format!("read the settings of topic {}", self.name);
        let begun = Instant::now();
        loop {
            let answers = admin
                .describe_configs([&ResourceSpecifier::Topic(&self.name)], &options())
                .await
                .map_err(|error| admin.inner().context().explain(tried(), &error))?;
            match answers.into_iter().next() {
                Some(Ok(found)) if self.is_told(|name| value(&found, name)) => return Ok(found),
                Some(Ok(_) | Err(RDKafkaErrorCode::UnknownTopicOrPartition)) if begun.elapsed() < ELECTION_WAIT => {}
                Some(Ok(_)) => {
                    let reason = "the broker that answers tells none of them".to_owned();
                    return Err(JournalError::Unreachable { tried: tried(), reason });
                }
                Some(Err(code)) => return Err(fault::failure(tried(), &KafkaError::AdminOp(code))),
                None => return Err(JournalError::Failed { tried: tried(), reason: "no answer".to_owned() }),
            }
            tokio::time::sleep(ASK_AGAIN).await;
        }
    }

    /// Makes the topic where it is missing. That this user may not make topics is no error: then it must exist.
    async fn create(&self, admin: &AdminClient<Listener>) -> Result<(), JournalError> {
        let tried = format!("make topic {}", self.name);
        let partitions = i32::try_from(self.partitions).unwrap_or(i32::MAX);
        let topic = NewTopic::new(&self.name, partitions, TopicReplication::Fixed(i32::from(self.replication)));
        let topic = self.settings.iter().fold(topic, |topic, setting| topic.set(setting.name, &setting.made));
        let answers = admin
            .create_topics([&topic], &options())
            .await
            .map_err(|error| admin.inner().context().explain(tried.clone(), &error))?;
        use RDKafkaErrorCode::{ClusterAuthorizationFailed, TopicAlreadyExists, TopicAuthorizationFailed};
        for answer in answers {
            match answer {
                Ok(_) | Err((_, TopicAlreadyExists | TopicAuthorizationFailed | ClusterAuthorizationFailed)) => {}
                Err((_, code)) => return Err(fault::failure(tried, &KafkaError::AdminOp(code))),
            }
        }
        Ok(())
    }

    /// Waits until the topic's partitions have leaders, and compares their number and replicas.
    fn check_shape(&self, admin: &AdminClient<Listener>) -> Result<(), JournalError> {
        let (begun, client) = (Instant::now(), admin.inner());
        loop {
            let metadata = look(client, &self.name)?;
            let partitions = metadata.topics().first().map(|topic| topic.partitions()).unwrap_or_default();
            if !partitions.is_empty() && partitions.iter().all(|partition| partition.leader() >= 0) {
                let found = partitions.len();
                if found != self.partitions as usize {
                    return Err(self.contradicts("partitions", found.to_string(), self.partitions.to_string()));
                }
                return check_replicas(&self.name, partitions, self.replication);
            }
            if begun.elapsed() > ELECTION_WAIT {
                let reason =
                    "it does not exist, this user may not see it, or not every partition has a leader".to_owned();
                return Err(JournalError::Unreachable { tried: looking_at(&self.name), reason });
            }
            std::thread::sleep(ASK_AGAIN);
        }
    }

    /// Whether a broker tells any of the settings. All of them have a value in every topic: one that tells none does not know the topic yet.
    fn is_told(&self, get: impl Fn(&str) -> Option<String>) -> bool {
        self.settings.iter().any(|setting| get(setting.name).is_some())
    }

    /// The first setting that breaks a promise, if any does.
    fn contradiction(&self, get: impl Fn(&str) -> Option<String>) -> Option<JournalError> {
        self.settings.iter().find_map(|setting| {
            let found = get(setting.name).unwrap_or_else(|| "unknown".to_owned());
            (!setting.may_be.admits(&found)).then(|| self.contradicts(setting.name, found, setting.may_be.wanted()))
        })
    }

    fn contradicts(&self, setting: &'static str, found: String, wanted: String) -> JournalError {
        JournalError::TopicContradicts { topic: self.name.clone(), setting, found, wanted }
    }
}

/// Where Kafka itself keeps the members' positions.
const POSITIONS: &str = "__consumer_offsets";

/// Refuses positions on fewer replicas than hits: once those are lost, inserts are offered again under other tokens and count twice.
///
/// Kafka makes this topic by its own settings when a group first needs it; until then, and where this user may not see it, there is
/// nothing to say.
pub(super) async fn check_positions(
    settings: &KafkaSettings,
    admin: &Arc<AdminClient<Listener>>,
) -> Result<(), JournalError> {
    let (wanted, client) = (settings.replication, Arc::clone(admin));
    super::blocking(ANSWER_WAIT, "look at the topic of positions", move || {
        let metadata = look(client.inner(), POSITIONS)?;
        let partitions = metadata.topics().first().map(|topic| topic.partitions()).unwrap_or_default();
        if partitions.is_empty() { Ok(()) } else { check_replicas(POSITIONS, partitions, wanted) }
    })
    .await
}

fn looking_at(topic: &str) -> String {
    format!("look at topic {topic}")
}

/// What the brokers say of a topic.
fn look(client: &Client<Listener>, topic: &str) -> Result<Metadata, JournalError> {
    fault::patiently(|wait| client.fetch_metadata(Some(topic), wait))
        .map_err(|error| client.context().explain(looking_at(topic), &error))
}

/// Refuses a topic of which a partition has fewer replicas than are wanted.
fn check_replicas(topic: &str, partitions: &[MetadataPartition], wanted: u16) -> Result<(), JournalError> {
    let found = partitions.iter().map(|partition| partition.replicas().len()).min().unwrap_or_default();
    if found >= usize::from(wanted) {
        return Ok(());
    }
    Err(JournalError::TopicContradicts {
        topic: topic.to_owned(),
        setting: "replication factor",
        found: found.to_string(),
        wanted: format!("at least {wanted}"),
    })
}

impl May {
    fn admits(&self, found: &str) -> bool {
        match self {
            Self::Words(words) => words.contains(&found),
            Self::Numbers(least, most) => found.parse().is_ok_and(|number: i64| (least..=most).contains(&&number)),
            Self::Ratio => found.parse().is_ok_and(|ratio: f64| (0.0..=RATIO_MAX).contains(&ratio)),
        }
    }

    fn wanted(&self) -> String {
        match self {
            Self::Words(words) => words.join(" or "),
            Self::Numbers(least, i64::MAX) => format!("at least {least}"),
            Self::Numbers(i64::MIN, most) => format!("at most {most}"),
            Self::Numbers(least, most) => format!("from {least} to {most}"),
            Self::Ratio => format!("at most {RATIO_MAX}"),
        }
    }
}

/// A setting that is made with the first of the words it may be.
fn words(name: &'static str, words: &'static [&'static str]) -> Setting {
    let made = words.first().copied().unwrap_or_default().to_owned();
    Setting { name, made, may_be: May::Words(words) }
}

fn numbers(name: &'static str, made: i64, least: i64, most: i64) -> Setting {
    Setting { name, made: made.to_string(), may_be: May::Numbers(least, most) }
}

fn ratio(name: &'static str, made: &str) -> Setting {
    Setting { name, made: made.to_owned(), may_be: May::Ratio }
}

fn message_bytes(least: usize) -> Setting {
    let least = i64::try_from(least).unwrap_or(i64::MAX);
    numbers("max.message.bytes", least.max(1024 * 1024), least, i64::MAX)
}

fn options() -> AdminOptions {
    AdminOptions::new().request_timeout(Some(ANSWER_WAIT)).operation_timeout(Some(ANSWER_WAIT))
}

fn value(found: &ConfigResource, name: &str) -> Option<String> {
    found.get(name).and_then(|entry| entry.value.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    const RIGHT: &[(&str, &str)] = &[
        ("message.timestamp.type", "LogAppendTime"),
        ("cleanup.policy", "delete"),
        ("retention.ms", "100800000"),
        ("retention.bytes", "-1"),
        ("segment.ms", "3600000"),
        ("max.message.bytes", "1048576"),
        ("compression.type", "producer"),
        ("unclean.leader.election.enable", "false"),
        ("min.insync.replicas", "2"),
    ];

    fn settings() -> KafkaSettings {
        KafkaSettings::new(vec![], "hits".to_owned(), "g".to_owned(), 12)
    }

    fn check(change: Option<(&str, &str)>) -> Option<String> {
        Topic::hits(&settings())
            .contradiction(|name| {
                change
                    .filter(|(changed, _)| *changed == name)
                    .or_else(|| RIGHT.iter().find(|(right, _)| *right == name).copied())
                    .map(|(_, value)| value.to_owned())
            })
            .map(|error| error.to_string())
    }

    #[test]
    fn a_broker_that_tells_no_setting_has_not_heard_of_the_topic_and_is_not_taken_at_its_word() {
        let topic = Topic::hits(&settings());
        assert!(!topic.is_told(|_| None));
        for (told, wrong) in [("min.insync.replicas", "1"), ("message.timestamp.type", "CreateTime")] {
            let get = |name: &str| (name == told).then(|| wrong.to_owned());
            assert!(topic.is_told(get));
            assert!(topic.contradiction(get).is_some(), "what is missing then is missing");
        }
    }

    #[test]
    fn every_setting_that_breaks_a_promise_is_named_with_what_it_must_be() {
        assert_eq!(check(None), None);
        for (setting, wrong, wanted) in [
            ("message.timestamp.type", "CreateTime", "LogAppendTime"),
            ("cleanup.policy", "compact,delete", "delete"),
            ("retention.ms", "604800000", "from 97200000 to 100800000"),
            ("retention.ms", "-1", "from 97200000 to 100800000"),
            ("retention.bytes", "1000000", "-1"),
            ("segment.ms", "604800000", "at most 3600000"),
            ("max.message.bytes", "300000", "at least 856064"),
            ("compression.type", "zstd", "producer or uncompressed"),
            ("unclean.leader.election.enable", "true", "false"),
            ("min.insync.replicas", "1", "at least 2"),
        ] {
            let said = check(Some((setting, wrong))).unwrap();
            assert_eq!(said, format!("topic hits has {setting} = {wrong}, but it must be {wanted}"));
        }
    }

    #[test]
    fn what_a_followed_topic_must_be_is_said_too() {
        let said = |keeps, name: &str, wrong: &str| {
            let topic = Topic::followed(&settings(), "settings", keeps);
            let made = topic.settings.iter().find(|setting| setting.name == name).unwrap();
            assert!(made.may_be.admits(&made.made), "{name} is made with {}", made.made);
            topic.contradiction(|of| {
                let made = topic.settings.iter().find(|setting| setting.name == of).unwrap();
                Some(if of == name { wrong } else { &made.made }.to_owned())
            })
        };
        for (keeps, setting, wrong, wanted) in [
            (Keeps::Latest, "cleanup.policy", "delete", "compact"),
            (Keeps::Latest, "cleanup.policy", "compact,delete", "compact"),
            (Keeps::Latest, "min.cleanable.dirty.ratio", "0.9", "at most 0.5"),
            (Keeps::Latest, "delete.retention.ms", "1000", "at least 3600000"),
            (Keeps::Latest, "max.message.bytes", "300000", "at least 589824"),
            (Keeps::Nothing, "cleanup.policy", "compact", "delete"),
            (Keeps::Nothing, "retention.ms", "604800000", "from 60000 to 3600000"),
            (Keeps::Nothing, "segment.ms", "604800000", "at most 3600000"),
            (Keeps::Nothing, "min.insync.replicas", "1", "at least 2"),
        ] {
            let contradiction = said(keeps, setting, wrong).unwrap().to_string();
            assert_eq!(contradiction, format!("topic settings has {setting} = {wrong}, but it must be {wanted}"));
        }
        // As versions before this check made it.
        for (setting, made) in [("min.cleanable.dirty.ratio", "0.5"), ("segment.ms", "604800000")] {
            assert_eq!(said(Keeps::Latest, setting, made), None);
        }
    }

    /// Whoever makes the topics by hand gets those that a role would make.
    #[test]
    fn the_deployments_script_makes_the_same_topics() {
        let script = include_str!("../../../../deploy/kafka/topics.sh").replace("\\\n", " ");
        let common = script.lines().find(|line| line.contains("for setting in")).unwrap();
        let followed = |name| [Keeps::Latest, Keeps::Nothing].map(|keeps| Topic::followed(&settings(), name, keeps));
        let [latest, nothing] = followed("x");
        for (topic, begins) in [
            (Topic::hits(&settings()), "topic \"$prefix-hits\" \"$partitions\" "),
            (latest, "topic \"$prefix-settings\" 1 "),
            (nothing, "topic \"$prefix-answers\" 1 "),
        ] {
            let line = script.lines().find_map(|line| line.strip_prefix(begins)).unwrap();
            let mut said: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
            let shared =
                common.split_whitespace().filter(|word| word.contains('=')).map(|word| word.trim_end_matches(';'));
            said.extend(shared.map(|word| word.replace("\"min.insync.replicas=$in_sync\"", "min.insync.replicas=2")));
            let mut made: Vec<String> =
                topic.settings.iter().map(|setting| format!("{}={}", setting.name, setting.made)).collect();
            said.sort();
            made.sort();
            assert_eq!(said, made, "{begins}");
        }
    }
}
