//! How a journal on Kafka is reached and what its topic must be, as typed values, and the client's configuration made of
//! them. No secret stands in a [`KafkaSettings`]: it names the files that hold them, and they are read at opening.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use model::limits::RECORD_BYTES_MAX;
use rdkafka::ClientConfig;

use crate::JournalError;

/// Most appends that wait for the brokers. A longer queue would only hide that they are too slow, or away.
pub const QUEUE_RECORDS_MAX: usize = 16_384;

/// Most record bytes that wait for the brokers, in kibibytes: bounds memory also when every record is as long as it may be.
const QUEUE_KBYTES_MAX: usize = 64 * 1024;

/// Largest batch a producer sends; bounded so that the topic's `max.message.bytes` can be told from it.
const BATCH_BYTES_MAX: usize = 512 * 1024;

/// What a topic must take as one batch. The client may go over its bound by one record and the frames around it.
pub(super) const TOPIC_MESSAGE_BYTES_MIN: usize = BATCH_BYTES_MAX + RECORD_BYTES_MAX + 4 * 1024;

/// How long a client waits for one answer, so that everything asked of it ends.
pub(super) const ANSWER_WAIT: Duration = Duration::from_secs(10);

/// Longest the broker holds a fetch that finds nothing. It answers one request of a connection after the other, so this is
/// also what a reader waits when it goes to another place.
const FETCH_WAIT_MS: u32 = 50;

/// How a journal on Kafka is opened; [`KafkaSettings::new`] has the defaults.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KafkaSettings {
    /// The brokers asked first, `host:port`; they name the others.
    pub bootstrap_servers: Vec<String>,
    /// The topic. Made with the right settings when it does not exist.
    pub topic: String,
    /// The consumer group under whose name commits are kept, and whose members share the partitions.
    pub group: String,
    /// How this process takes part in the group; nothing for one that only appends, or reads alone.
    pub member: Option<Member>,
    /// How many partitions the topic has; records would be read by nobody if it had others.
    pub partitions: u32,
    /// On how many brokers each record is kept.
    pub replication: u16,
    /// How many of them must have a record before it is acknowledged.
    pub in_sync_min: u16,
    /// How the connection is protected.
    pub security: Security,
    /// How long an append waits for the brokers before it is reported as not kept.
    pub append_wait: Duration,
    /// Most appends that wait for the brokers; more are refused at once.
    pub queue_records_max: usize,
}

impl KafkaSettings {
    /// The defaults: three replicas of which two acknowledge, so that one broker may be lost without losing a record.
    #[must_use]
    pub fn new(bootstrap_servers: Vec<String>, topic: String, group: String, partitions: u32) -> Self {
        Self {
            bootstrap_servers,
            topic,
            group,
            member: None,
            partitions,
            replication: 3,
            in_sync_min: 2,
            security: Security::Plaintext,
            append_wait: ANSWER_WAIT,
            queue_records_max: QUEUE_RECORDS_MAX,
        }
    }
}

/// A process's place in the group that shares the partitions out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its lasting name (Kafka's `group.instance.id`): a process that starts again within `silence_max` gets its partitions
    /// back and nobody else is disturbed; of two with one name the first is fenced.
    pub name: String,
    /// How long it may be silent before its partitions are given to others. The brokers allow 6 s to 30 minutes unless
    /// they are told otherwise.
    pub silence_max: Duration,
    /// A topic that is there and is not the journal's. Who passes through the group subscribes to it, so that nothing of the journal's
    /// is given to them.
    pub beside: String,
}

/// How long a member may be silent unless told otherwise: a process that is restarted is back sooner, and a machine that is
/// lost holds its partitions up no longer than this and the replay.
pub const SILENCE_MAX: Duration = Duration::from_secs(30);

/// How the connection to the brokers is protected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Security {
    /// Not at all: for one machine, or a network that is protected by other means.
    Plaintext,
    /// TLS, optionally with a certificate of one's own.
    Tls(Tls),
    /// A user and a password by SCRAM; without `tls` the password stays secret and the traffic is readable.
    SaslScram {
        /// The user.
        user: String,
        /// The file that holds the password; one line end after it is ignored.
        password_file: PathBuf,
        /// Which digest the brokers keep.
        mechanism: Scram,
        /// TLS around it.
        tls: Option<Tls>,
    },
}

/// What TLS needs: PEM files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    /// Certificates of the authorities that may vouch for a broker; the system's where there are none.
    pub authorities: Option<PathBuf>,
    /// Our own certificate and its key, where brokers ask for one.
    pub own: Option<(PathBuf, PathBuf)>,
}

/// The digests of SCRAM that Kafka knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scram {
    /// SCRAM-SHA-256.
    Sha256,
    /// SCRAM-SHA-512.
    Sha512,
}

impl KafkaSettings {
    /// What every client of this journal is configured with.
    pub(super) fn base(&self) -> Result<ClientConfig, JournalError> {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", self.bootstrap_servers.join(","))
            .set("client.id", "footfall")
            .set("socket.timeout.ms", ANSWER_WAIT.as_millis().to_string())
            .set("socket.keepalive.enable", "true")
            // A topic is made with the settings it needs, or not at all; a client that only asks for it makes none.
            .set("allow.auto.create.topics", "false")
            // A broker that comes back is found within a second, not within the ten of the default.
            .set("reconnect.backoff.max.ms", "1000")
            .set("retry.backoff.max.ms", "1000");
        let tls = match &self.security {
            Security::Plaintext => {
                config.set("security.protocol", "plaintext");
                return Ok(config);
            }
            Security::Tls(tls) => {
                config.set("security.protocol", "ssl");
                Some(tls)
            }
            Security::SaslScram { user, password_file, mechanism, tls } => {
                let text = fs::read_to_string(password_file).map_err(|error| unreadable(password_file, &error))?;
                let password = text.strip_suffix('\n').unwrap_or(&text);
                config
                    .set("security.protocol", if tls.is_some() { "sasl_ssl" } else { "sasl_plaintext" })
                    .set(
                        "sasl.mechanisms",
                        match mechanism {
                            Scram::Sha256 => "SCRAM-SHA-256",
                            Scram::Sha512 => "SCRAM-SHA-512",
                        },
                    )
                    .set("sasl.username", user)
                    .set("sasl.password", password.strip_suffix('\r').unwrap_or(password));
                tls.as_ref()
            }
        };
        if let Some(tls) = tls {
            tls.apply(&mut config)?;
        }
        Ok(config)
    }

    /// The configuration of the appending client.
    pub(super) fn producer(&self) -> Result<ClientConfig, JournalError> {
        let mut config = self.base()?;
        config
            // Sets acks=all, and keeps order and exactly-once within the retries of this client.
            .set("enable.idempotence", "true")
            .set("acks", "all")
            .set("max.in.flight.requests.per.connection", "5")
            .set("message.timeout.ms", self.append_wait.as_millis().max(1).to_string())
            .set("queue.buffering.max.messages", self.queue_records_max.max(1).to_string())
            .set("queue.buffering.max.kbytes", QUEUE_KBYTES_MAX.to_string())
            .set("batch.size", BATCH_BYTES_MAX.to_string())
            .set("message.max.bytes", BATCH_BYTES_MAX.to_string())
            // A millisecond for others to join: without it one sender waits 0.2 ms instead of 1.4, and 10,000 senders get
            // half as many records through (0011).
            .set("linger.ms", "1")
            .set("compression.type", "none");
        Ok(config)
    }

    /// The configuration of the client that asks and commits, and reads nothing.
    pub(super) fn control(&self) -> Result<ClientConfig, JournalError> {
        let mut config = self.base()?;
        config
            .set("group.id", &self.group)
            // This client does not join the group, but this is also how long a commit waits for a coordinator that is away.
            .set("session.timeout.ms", ANSWER_WAIT.as_millis().to_string())
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false");
        Ok(config)
    }

    /// The configuration of the client that is the group's member. It is given partitions and fetches nothing of them.
    pub(super) fn member(&self, member: &Member) -> Result<ClientConfig, JournalError> {
        let mut config = self.sharing()?;
        config
            .set("group.instance.id", &member.name)
            .set("client.id", self.client_id(member))
            .set("session.timeout.ms", member.silence_max.as_millis().to_string())
            .set("heartbeat.interval.ms", (member.silence_max.as_millis() / 6).max(1).to_string());
        Ok(config)
    }

    /// How the brokers hear a member called, beside its lasting name.
    pub(super) fn client_id(&self, member: &Member) -> String {
        format!("{}-{}", self.group, member.name)
    }

    /// The same of one that is there for a moment, and has no lasting name: it is missed as soon as brokers allow it.
    pub(super) fn passing_member(&self) -> Result<ClientConfig, JournalError> {
        let mut config = self.sharing()?;
        config.set("session.timeout.ms", "6000").set("heartbeat.interval.ms", "1000");
        Ok(config)
    }

    /// How members of the group share partitions out.
    fn sharing(&self) -> Result<ClientConfig, JournalError> {
        let mut config = self.control()?;
        config
            // One partition after the other changes hands, and the others are read on meanwhile.
            .set("partition.assignment.strategy", "cooperative-sticky")
            .set("auto.offset.reset", "earliest");
        Ok(config)
    }

    /// The configuration of a client that follows a small topic. Groups are not for what everybody reads; the library wants one.
    pub(super) fn follower(&self) -> Result<ClientConfig, JournalError> {
        let mut config = self.control()?;
        config.set("auto.offset.reset", "earliest").set("fetch.wait.max.ms", FETCH_WAIT_MS.to_string());
        Ok(config)
    }

    /// The configuration of a reading client. It belongs to the group by name only, because the library wants one.
    pub(super) fn reader(&self) -> Result<ClientConfig, JournalError> {
        let mut config = self.control()?;
        config
            // Expired records are passed over: reading goes on at the first that is kept.
            .set("auto.offset.reset", "earliest")
            .set("check.crcs", "true")
            .set("fetch.wait.max.ms", FETCH_WAIT_MS.to_string())
            .set("fetch.message.max.bytes", (4 * 1024 * 1024).to_string())
            // What is read ahead is memory of each partition's reader: twice what one reading may return.
            .set("queued.max.messages.kbytes", (crate::READ_BYTES_MAX / 512).to_string())
            // By default a reader that had read far enough ahead does nothing for a second.
            .set("fetch.queue.backoff.ms", "5");
        Ok(config)
    }
}

impl Tls {
    fn apply(&self, config: &mut ClientConfig) -> Result<(), JournalError> {
        match &self.authorities {
            Some(file) => config.set("ssl.ca.location", readable(file)?),
            // OpenSSL from source knows no system's place for them; the client looks into the usual ones.
            None => config.set("ssl.ca.location", "probe"),
        };
        if let Some((certificate, key)) = &self.own {
            config.set("ssl.certificate.location", readable(certificate)?).set("ssl.key.location", readable(key)?);
        }
        config.set("ssl.endpoint.identification.algorithm", "https");
        Ok(())
    }
}

/// The file's name, once it is sure that it can be read: the client's own words for that do not name it.
fn readable(file: &Path) -> Result<String, JournalError> {
    fs::File::open(file).map_err(|error| unreadable(file, &error))?;
    Ok(file.to_string_lossy().into_owned())
}

fn unreadable(file: &Path, error: &std::io::Error) -> JournalError {
    JournalError::Failed { tried: format!("read {}", file.display()), reason: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_password_shows_in_debug_and_a_line_end_is_no_part_of_it() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "hunter2\n").unwrap();
        let mut settings = KafkaSettings::new(vec!["127.0.0.1:9".to_owned()], "t".to_owned(), "g".to_owned(), 1);
        settings.security = Security::SaslScram {
            user: "footfall".to_owned(),
            password_file: file.path().to_owned(),
            mechanism: Scram::Sha512,
            tls: Some(Tls::default()),
        };
        assert!(!format!("{settings:?}").contains("hunter2"));
        let config = settings.base().unwrap();
        assert_eq!(config.get("sasl.password"), Some("hunter2"));
        assert_eq!(config.get("security.protocol"), Some("sasl_ssl"));
    }

    #[test]
    fn the_producer_asks_for_what_the_promises_rest_on() {
        let settings = KafkaSettings::new(vec!["127.0.0.1:9".to_owned()], "t".to_owned(), "g".to_owned(), 1);
        let config = settings.producer().unwrap();
        let rests_on = [
            ("acks", "all"),
            ("enable.idempotence", "true"),
            ("max.in.flight.requests.per.connection", "5"),
            ("message.timeout.ms", "10000"),
            ("queue.buffering.max.messages", "16384"),
            ("allow.auto.create.topics", "false"),
        ];
        for (setting, value) in rests_on {
            assert_eq!(config.get(setting), Some(value), "{setting}");
        }
    }

    #[test]
    fn a_file_that_cannot_be_read_is_named() {
        let mut settings = KafkaSettings::new(vec![], "t".to_owned(), "g".to_owned(), 1);
        settings.security = Security::Tls(Tls { authorities: Some("/nowhere/ca.pem".into()), own: None });
        assert!(settings.base().unwrap_err().to_string().contains("/nowhere/ca.pem"));
    }
}
