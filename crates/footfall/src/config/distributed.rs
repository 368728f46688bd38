//! What the roles of a distributed installation need beside the common settings: where Kafka and ClickHouse are, who we are there,
//! and this process's place among others. Passwords stand in files of their own, which are read when they are used.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use journal::kafka::{KafkaSettings, Member, SILENCE_MAX, Scram, Security, Tls};
use store::{Store, StoreConfig};

use super::{Reading, Setting, duration, list, password};

/// The settings of this part.
pub(super) const SETTINGS: &[Setting] = &[
    Setting { key: "kafka", default: "", help: "Kafka's brokers that are asked first, as host:port." },
    Setting { key: "kafka_prefix", default: "footfall", help: "Begins the topics' names, and names the group." },
    Setting {
        key: "kafka_partitions",
        default: "12",
        help: "Partitions of the topic of hits; it cannot be changed later.",
    },
    Setting { key: "kafka_replication", default: "3", help: "On how many brokers each record is kept." },
    Setting {
        key: "kafka_in_sync",
        default: "2",
        help: "How many of them must have a record before it is acknowledged.",
    },
    Setting { key: "kafka_user", default: "", help: "The user for SASL/SCRAM; empty: none." },
    Setting { key: "kafka_password_file", default: "", help: "The file that holds that user's password." },
    Setting { key: "kafka_mechanism", default: "scram-sha-512", help: "scram-sha-256 or scram-sha-512." },
    Setting { key: "kafka_tls", default: "false", help: "Whether the connection to Kafka is by TLS: true or false." },
    Setting { key: "kafka_authorities", default: "", help: "PEM of who vouches for the brokers; empty: the system's." },
    Setting { key: "kafka_certificate", default: "", help: "PEM of our own certificate, where brokers ask for one." },
    Setting { key: "kafka_key", default: "", help: "PEM of that certificate's key." },
    Setting {
        key: "instance",
        default: "",
        help: "A processor's lasting name among the processors; empty: the host's.",
    },
    Setting { key: "silence_max", default: "30s", help: "How long a processor may be silent until others take over." },
    Setting {
        key: "keys_replaced",
        default: "false",
        help: "true: start although other keys are published, because their directory was lost for good.",
    },
    Setting {
        key: "keys",
        default: "",
        help: "The sealing keys' directory, shared by all processors; empty: in data.",
    },
    Setting {
        key: "spool_bytes_max",
        default: "1073741824",
        help: "Most bytes of hits a collector keeps while Kafka is away.",
    },
    Setting { key: "clickhouse", default: "", help: "ClickHouse's HTTP interface, such as http://clickhouse:8123." },
    Setting { key: "clickhouse_database", default: "footfall", help: "The database in ClickHouse." },
    Setting { key: "clickhouse_user", default: "default", help: "The user in ClickHouse." },
    Setting { key: "clickhouse_password_file", default: "", help: "The file that holds that user's password." },
    Setting { key: "clickhouse_cluster", default: "", help: "The cluster on which tables are made and replicated." },
];

/// What is said where Kafka is used and not named.
pub(super) const NO_BROKER: &str =
    "no broker is named: set kafka = [\"host:9092\"] in the configuration, or FOOTFALL_KAFKA";
/// The same of ClickHouse.
pub(super) const NO_CLICKHOUSE: &str =
    "no ClickHouse is named: set clickhouse = \"http://host:8123\" in the configuration, or FOOTFALL_CLICKHOUSE";

/// What is needed to be one of several processes.
#[derive(Clone, Debug)]
pub struct Distributed {
    kafka: Vec<String>,
    prefix: String,
    partitions: u32,
    replication: u16,
    in_sync: u16,
    security: Security,
    instance: Option<String>,
    silence_max: Duration,
    /// The directory of the sealing keys, when named.
    pub keys: Option<PathBuf>,
    /// Whether to start although other keys are published.
    pub keys_replaced: bool,
    /// Most bytes of a collector's spool.
    pub spool_bytes_max: u64,
    clickhouse: Option<String>,
    database: String,
    user: String,
    password_file: Option<PathBuf>,
    cluster: String,
}

impl Distributed {
    /// Whether this configuration is of a distributed installation.
    pub fn is_named(&self) -> bool {
        !self.kafka.is_empty()
    }

    /// The journal, for a process that only appends.
    ///
    /// # Errors
    /// No broker is named.
    pub fn journal(&self) -> anyhow::Result<KafkaSettings> {
        anyhow::ensure!(!self.kafka.is_empty(), NO_BROKER);
        let (topic, group) = (self.topic("hits"), self.prefix.clone());
        Ok(KafkaSettings {
            replication: self.replication,
            in_sync_min: self.in_sync,
            security: self.security.clone(),
            ..KafkaSettings::new(self.kafka.clone(), topic, group, self.partitions)
        })
    }

    /// The name of a topic of this installation.
    pub fn topic(&self, of: &str) -> String {
        format!("{}-{of}", self.prefix)
    }

    /// This processor's place among the processors.
    ///
    /// # Errors
    /// It has no name, and neither has its host.
    pub fn member(&self) -> anyhow::Result<Member> {
        let host =
            || rustix::system::uname().nodename().to_str().ok().filter(|name| !name.is_empty()).map(str::to_owned);
        let name = self.instance.clone().or_else(host).context("set instance: a lasting name for this processor")?;
        Ok(Member { name, silence_max: self.silence_max, beside: self.topic("settings") })
    }

    /// Where the store is, for messages.
    pub fn clickhouse_url(&self) -> &str {
        self.clickhouse.as_deref().unwrap_or_default()
    }

    /// A handle on the store; nothing is asked of it yet.
    ///
    /// # Errors
    /// It is not named, or the password cannot be read.
    pub fn store(&self) -> anyhow::Result<Store> {
        let url = self.clickhouse.clone().context(NO_CLICKHOUSE)?;
        let password = match &self.password_file {
            Some(path) => password("clickhouse_password_file", path)?,
            None => String::new(),
        };
        let config = StoreConfig { url, database: self.database.clone(), user: self.user.clone(), password };
        Ok(Store::connect(&config).on_cluster(&self.cluster))
    }
}

/// A path, or nothing where the setting is empty.
fn path(text: &str) -> Option<Option<PathBuf>> {
    Some(Some(text).filter(|text| !text.is_empty()).map(PathBuf::from))
}

impl Reading {
    /// Checks the settings of this part.
    pub(super) fn distributed(&mut self) -> Option<Distributed> {
        let text = |text: &str| Some(Some(text.trim()).filter(|text| !text.is_empty()).map(str::to_owned));
        // What Kafka takes in the name of a topic.
        let named = |text: &str| {
            let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
            ((1..=200).contains(&text.len()) && text.bytes().all(fits)).then(|| text.to_owned())
        };
        let kafka = self.parse("kafka", "a list of brokers such as kafka-1:9092", |text| {
            let port = |broker: &str| broker.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
            Some(list(text)).filter(|brokers| brokers.iter().all(|broker| port(broker)))
        });
        let prefix = self.parse("kafka_prefix", "at most 200 letters, digits, dots, hyphens and underscores", named);
        let partitions = self.parse("kafka_partitions", "a number from 1 to 1000", |text| {
            text.parse().ok().filter(|partitions| (1..=1_000).contains(partitions))
        });
        let brokers = |text: &str| text.parse().ok().filter(|brokers| (1..=9).contains(brokers));
        let replication = self.parse("kafka_replication", "a number from 1 to 9", brokers);
        let in_sync = self.parse("kafka_in_sync", "a number from 1 to 9", brokers);
        if let (Some(replication), Some(in_sync)) = (replication, in_sync)
            && in_sync > replication
        {
            self.mistake(format!(
                "kafka_in_sync = {in_sync} is more than kafka_replication = {replication}: nothing could be kept"
            ));
        }
        let security = self.security();
        let instance = self.parse("instance", "a name", text).flatten();
        let silence_max = self.parse("silence_max", "a time from 1s to 60s such as 30s", |text| {
            duration(text).filter(|silence| *silence >= Duration::from_secs(1))
        });
        let keys = self.parse("keys", "a path", path).flatten();
        let keys_replaced = self.parse("keys_replaced", "true or false", |text| text.parse().ok());
        let spool_bytes_max = self.parse("spool_bytes_max", "a number of bytes of at least 1048576", |text| {
            text.parse().ok().filter(|bytes| *bytes >= 1_048_576)
        });
        let clickhouse = self.parse("clickhouse", "a URL such as http://clickhouse:8123", |text| match text {
            "" => Some(None),
            url => (url.starts_with("http://") || url.starts_with("https://")).then(|| Some(url.to_owned())),
        });
        let word = |text: &str| {
            let fits = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
            ((1..=100).contains(&text.len()) && text.bytes().all(fits)).then(|| text.to_owned())
        };
        let database = self.parse("clickhouse_database", "letters, digits and underscores", word);
        let user = self.parse("clickhouse_user", "a name", |text| Some(text.to_owned()));
        let password_file = self.parse("clickhouse_password_file", "a path", path).flatten();
        let cluster = self.parse("clickhouse_cluster", "a cluster's name", |text| match text {
            "" => Some(String::new()),
            name => named(name),
        });
        Some(Distributed {
            kafka: kafka?,
            prefix: prefix?,
            partitions: partitions?,
            replication: replication?,
            in_sync: in_sync?,
            security: security?,
            instance,
            silence_max: silence_max.unwrap_or(SILENCE_MAX),
            keys,
            keys_replaced: keys_replaced?,
            spool_bytes_max: spool_bytes_max?,
            clickhouse: clickhouse?,
            database: database?,
            user: user?,
            password_file,
            cluster: cluster?,
        })
    }

    fn security(&mut self) -> Option<Security> {
        let user = self.parse("kafka_user", "a name", |text| Some(text.to_owned()))?;
        let password_file = self.parse("kafka_password_file", "a path", path)?;
        let mechanism = self.parse("kafka_mechanism", "scram-sha-256 or scram-sha-512", |text| match text {
            "scram-sha-256" => Some(Scram::Sha256),
            "scram-sha-512" => Some(Scram::Sha512),
            _ => None,
        })?;
        let tls = self.parse("kafka_tls", "true or false", |text| text.parse::<bool>().ok())?;
        let authorities = self.parse("kafka_authorities", "a path", path)?;
        let certificate = self.parse("kafka_certificate", "a path", path)?;
        let key = self.parse("kafka_key", "a path", path)?;
        let own = match (certificate, key) {
            (Some(certificate), Some(key)) => Some((certificate, key)),
            (None, None) => None,
            _ => {
                self.mistake("kafka_certificate and kafka_key belong together: set both, or neither".to_owned());
                None
            }
        };
        if !tls && (authorities.is_some() || own.is_some()) {
            self.mistake(
                "kafka_authorities, kafka_certificate and kafka_key are for TLS: set kafka_tls = true".to_owned(),
            );
        }
        let tls = tls.then_some(Tls { authorities, own });
        match (user.as_str(), password_file) {
            ("", None) => Some(tls.map_or(Security::Plaintext, Security::Tls)),
            (_, Some(password_file)) if !user.is_empty() => {
                Some(Security::SaslScram { user, password_file, mechanism, tls })
            }
            _ => {
                self.mistake("kafka_user and kafka_password_file belong together: set both, or neither".to_owned());
                None
            }
        }
    }
}
