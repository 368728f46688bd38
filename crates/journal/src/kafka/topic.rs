//! The topic: made with the settings that the journal's promises need, and refused where an existing one contradicts any of
//! them. An operator's topic is never changed: who made it otherwise may have meant it.

use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, ConfigResource, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use super::fault::{self, Listener};
use super::settings::{ANSWER_WAIT, KafkaSettings, TOPIC_MESSAGE_BYTES_MIN};
use crate::JournalError;

const HOUR_MS: i64 = 3_600_000;
/// An hour's key dies 27 hours after the hour: nothing older can be opened, so nothing older is kept.
const RETENTION_MIN_MS: i64 = 27 * HOUR_MS;
/// An hour more, because Kafka expires whole segments and a segment lasts an hour.
const RETENTION_MAX_MS: i64 = 28 * HOUR_MS;

/// How long a new topic may take until every partition has a leader.
const ELECTION_WAIT: Duration = Duration::from_secs(30);

/// Opens the topic: makes it where it does not exist, then holds what is there against what must be there.
pub(super) async fn open(
    admin: &AdminClient<Listener>,
    control: std::sync::Arc<BaseConsumer<Listener>>,
    settings: &KafkaSettings,
) -> Result<(), JournalError> {
    create(admin, settings).await?;
    let wanted = settings.clone();
    super::blocking(ELECTION_WAIT + ANSWER_WAIT, "look at the topic", move || shape(&control, &wanted)).await?;
    let tried = || format!("read the settings of topic {}", settings.topic);
    let answers = admin
        .describe_configs([&ResourceSpecifier::Topic(&settings.topic)], &options())
        .await
        .map_err(|error| admin.inner().context().explain(tried(), &error))?;
    let found = match answers.into_iter().next() {
        Some(Ok(found)) => found,
        Some(Err(code)) => return Err(fault::failure(tried(), &KafkaError::AdminOp(code))),
        None => return Err(JournalError::Failed { tried: tried(), reason: "no answer".to_owned() }),
    };
    contradiction(settings, |name| value(&found, name)).map_or(Ok(()), Err)
}

fn options() -> AdminOptions {
    AdminOptions::new().request_timeout(Some(ANSWER_WAIT)).operation_timeout(Some(ANSWER_WAIT))
}

/// Makes the topic where it is missing.
async fn create(admin: &AdminClient<Listener>, settings: &KafkaSettings) -> Result<(), JournalError> {
    let retention = RETENTION_MAX_MS.to_string();
    let segment = HOUR_MS.to_string();
    let in_sync = settings.in_sync_min.to_string();
    let message_bytes = (1024 * 1024).max(TOPIC_MESSAGE_BYTES_MIN).to_string();
    let topic = NewTopic::new(
        &settings.topic,
        i32::try_from(settings.partitions).unwrap_or(i32::MAX),
        TopicReplication::Fixed(i32::from(settings.replication)),
    )
    .set("message.timestamp.type", "LogAppendTime")
    .set("cleanup.policy", "delete")
    .set("retention.ms", &retention)
    .set("retention.bytes", "-1")
    .set("segment.ms", &segment)
    .set("max.message.bytes", &message_bytes)
    .set("compression.type", "producer")
    .set("unclean.leader.election.enable", "false")
    .set("min.insync.replicas", &in_sync);
    create_one(admin, &topic, &settings.topic).await
}

/// Makes a topic. That it exists is no error, and neither is that this user may not make topics: then it must exist.
pub(super) async fn create_one(
    admin: &AdminClient<Listener>,
    topic: &NewTopic<'_>,
    name: &str,
) -> Result<(), JournalError> {
    let tried = format!("make topic {name}");
    let answers = admin
        .create_topics([topic], &options())
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
fn shape(control: &BaseConsumer<Listener>, settings: &KafkaSettings) -> Result<(), JournalError> {
    let begun = Instant::now();
    loop {
        let tried = || format!("look at topic {}", settings.topic);
        let metadata = fault::patiently(|wait| control.fetch_metadata(Some(&settings.topic), wait))
            .map_err(|error| control.context().explain(tried(), &error))?;
        let partitions = metadata.topics().first().map(|topic| topic.partitions()).unwrap_or_default();
        if !partitions.is_empty() && partitions.iter().all(|partition| partition.leader() >= 0) {
            let found = partitions.len();
            if found != settings.partitions as usize {
                return Err(contradicts(settings, "partitions", found.to_string(), settings.partitions.to_string()));
            }
            let replicas = partitions.iter().map(|partition| partition.replicas().len()).min().unwrap_or_default();
            if replicas < usize::from(settings.replication) {
                let wanted = format!("at least {}", settings.replication);
                return Err(contradicts(settings, "replication factor", replicas.to_string(), wanted));
            }
            return Ok(());
        }
        if begun.elapsed() > ELECTION_WAIT {
            let reason = "it does not exist, or not every partition has a leader".to_owned();
            return Err(JournalError::Unreachable { tried: tried(), reason });
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn value(found: &ConfigResource, name: &str) -> Option<String> {
    found.get(name).and_then(|entry| entry.value.clone())
}

fn contradicts(settings: &KafkaSettings, setting: &'static str, found: String, wanted: String) -> JournalError {
    JournalError::TopicContradicts { topic: settings.topic.clone(), setting, found, wanted }
}

/// The first setting that breaks a promise, if any does.
fn contradiction(settings: &KafkaSettings, get: impl Fn(&str) -> Option<String>) -> Option<JournalError> {
    let words = |setting: &'static str, allowed: &[&str]| {
        let found = get(setting).unwrap_or_else(|| "unknown".to_owned());
        (!allowed.contains(&found.as_str())).then(|| contradicts(settings, setting, found, allowed.join(" or ")))
    };
    let number = |setting: &'static str, least: i64, most: i64| {
        let found = get(setting).unwrap_or_else(|| "unknown".to_owned());
        let wanted = match (least, most) {
            (least, i64::MAX) => format!("at least {least}"),
            (i64::MIN, most) => format!("at most {most}"),
            (least, most) => format!("from {least} to {most}"),
        };
        let fits = found.parse().is_ok_and(|number: i64| (least..=most).contains(&number));
        (!fits).then(|| contradicts(settings, setting, found, wanted))
    };
    let message_bytes = i64::try_from(TOPIC_MESSAGE_BYTES_MIN).unwrap_or(i64::MAX);
    words("message.timestamp.type", &["LogAppendTime"])
        .or_else(|| words("cleanup.policy", &["delete"]))
        .or_else(|| number("retention.ms", RETENTION_MIN_MS, RETENTION_MAX_MS))
        .or_else(|| words("retention.bytes", &["-1"]))
        .or_else(|| number("segment.ms", i64::MIN, HOUR_MS))
        .or_else(|| number("max.message.bytes", message_bytes, i64::MAX))
        // The client is built without zlib and Zstandard: sealed bytes do not compress.
        .or_else(|| words("compression.type", &["producer", "uncompressed"]))
        .or_else(|| words("unclean.leader.election.enable", &["false"]))
        .or_else(|| number("min.insync.replicas", i64::from(settings.in_sync_min), i64::MAX))
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

    fn check(change: Option<(&str, &str)>) -> Option<String> {
        let settings = KafkaSettings::new(vec![], "hits".to_owned(), "g".to_owned(), 1);
        contradiction(&settings, |name| {
            change
                .filter(|(changed, _)| *changed == name)
                .or_else(|| RIGHT.iter().find(|(right, _)| *right == name).copied())
                .map(|(_, value)| value.to_owned())
        })
        .map(|error| error.to_string())
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
}
