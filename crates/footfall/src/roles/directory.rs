//! What collectors and processors must know of sites and keys, through a small topic that they all follow: no collector and no
//! processor opens the settings database, and collection goes on when everything but Kafka is down.
//!
//! Sites are published by dashboards out of the settings, by those of one configuration at a time ([`speaker`]); the public half of
//! each hour's key, and the secret that spreads visitors over partitions, by processors. Everybody publishes what already stands
//! there again only where it differs, so several may.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Instant;

use anyhow::Context;
use arc_swap::{ArcSwap, ArcSwapOption};
use journal::JournalError;
use journal::kafka::{Feed, KafkaSettings, Keeps};
use model::{Millis, Site, Sites};
use privacy::seal::PublicKey;

use super::remembered::Known;
use super::speaker;

const SITE: &str = "site/";
const KEY: &str = "key/";
/// Spreads visitors over partitions; whoever knows it and a visitor's address and browser knows their partition, and no more.
const SPREAD: &str = "partition-secret";
/// Says which dashboards publish sites.
const SPEAKER: &str = "speaker";

/// What is known of sites and keys: what was heard in the followed topic, and before that what was remembered.
#[derive(Default)]
pub struct Directory {
    /// The topic, once it is followed.
    feed: OnceLock<Feed>,
    /// The measured sites.
    pub sites: Arc<ArcSwap<Sites>>,
    known: Arc<Heard>,
}

/// What was heard beside the sites.
#[derive(Default)]
struct Heard {
    keys: ArcSwap<BTreeMap<i64, PublicKey>>,
    secret: ArcSwapOption<[u8; 32]>,
    speaker: ArcSwapOption<speaker::Heard>,
    /// Counts what was heard of sites and keys.
    changes: AtomicU64,
    /// Whether the topic was read to its end. Held while something is taken into the tables.
    is_read: Mutex<bool>,
}

impl Directory {
    /// Knows what was remembered, until more is heard.
    pub fn remembering(known: Known) -> Self {
        let directory = Self::default();
        directory.sites.store(Arc::new(known.sites.into_iter().collect()));
        directory.known.keys.store(Arc::new(known.keys));
        directory.known.secret.store(known.partition_secret.map(Arc::new));
        directory
    }

    /// Follows the topic from its beginning. Until it has been read to its end what was remembered holds, so that no setting of
    /// long ago is obeyed for a moment; everything that stands there, and nothing else, is known when this returns.
    ///
    /// # Errors
    /// Kafka cannot be reached or refuses, or the topic is one that does not keep what it should.
    pub async fn follow(&self, journal: &KafkaSettings, topic: &str) -> Result<(), JournalError> {
        let listen = {
            let (sites, known) = (Arc::clone(&self.sites), Arc::clone(&self.known));
            move |key: &str, value: &journal::kafka::Value| {
                let is_read = known.is_read.lock().unwrap_or_else(PoisonError::into_inner);
                if *is_read {
                    hear(&sites, &known, key, value.as_deref());
                }
            }
        };
        let feed = Feed::open(journal, topic, Keeps::Latest, listen).await?;
        feed.catch_up().await?;
        {
            // What is told meanwhile is among the values before it is heard, and is heard after this.
            let mut is_read = self.known.is_read.lock().unwrap_or_else(PoisonError::into_inner);
            self.take(&feed.values());
            *is_read = true;
        }
        // It is followed once in a process's life.
        drop(self.feed.set(feed));
        Ok(())
    }

    /// Knows what these values say, and nothing else.
    fn take(&self, values: &BTreeMap<Arc<str>, Arc<[u8]>>) {
        let (before, mut sites, mut keys) = (self.sites.load_full(), Vec::new(), BTreeMap::new());
        for (key, value) in values {
            match Told::read(key, Some(value.as_ref())) {
                Some(Told::Site(_, Some(site))) => sites.push(*site),
                // A newer version's site: the one known before goes on.
                Some(Told::Unreadable(domain)) => sites.extend(before.get(&domain).map(|site| Site::clone(site))),
                Some(Told::Key(hour, Some(key))) => drop(keys.insert(hour, key)),
                Some(Told::Secret(secret)) => self.known.secret.store(Some(Arc::new(secret))),
                Some(Told::Speaker(word)) => self.known.hear_speaker(word),
                Some(Told::Site(_, None) | Told::Key(_, None)) | None => {}
            }
        }
        self.sites.store(Arc::new(sites.into_iter().collect()));
        self.known.keys.store(Arc::new(keys));
        self.known.changes.fetch_add(1, Ordering::Release);
    }

    /// Whether the topic is followed.
    pub fn is_followed(&self) -> bool {
        self.feed.get().is_some()
    }

    /// Counts what was heard: what is known has not changed where this has not.
    pub fn changes(&self) -> u64 {
        self.known.changes.load(Ordering::Acquire)
    }

    /// All that is known.
    pub fn all(&self) -> Known {
        Known {
            sites: self.sites.load().iter().map(|site| Site::clone(site)).collect(),
            keys: BTreeMap::clone(&self.known.keys.load()),
            partition_secret: self.partition_secret(),
        }
    }

    /// The topic.
    fn feed(&self) -> Result<&Feed, JournalError> {
        self.feed.get().ok_or_else(|| JournalError::Unreachable {
            tried: "speak in the topic of settings".to_owned(),
            reason: "they have not answered since this process was started".to_owned(),
        })
    }

    /// Returns when everything has been heard that was published before the call.
    ///
    /// # Errors
    /// Kafka cannot be reached.
    pub async fn catch_up(&self) -> Result<(), JournalError> {
        self.feed()?.catch_up().await
    }

    /// The public key to seal to at `now`: the hour's, or the last one before it, whose age is for who seals to judge, or else the
    /// first one after it.
    pub fn public_key(&self, now: Millis) -> Option<PublicKey> {
        let keys = self.known.keys.load();
        // A collector whose clock is behind the processors' finds none so old: the first to come opens in time, too.
        let key = keys.range(..=now.hour()).next_back().or_else(|| keys.first_key_value());
        key.map(|(_, key)| *key)
    }

    /// The secret that spreads visitors over partitions, when it has been published.
    pub fn partition_secret(&self) -> Option<[u8; 32]> {
        self.known.secret.load().as_deref().copied()
    }

    /// Whether other keys are published for any of these hours.
    pub fn has_other_keys(&self, keys: &[PublicKey]) -> bool {
        let known = self.known.keys.load();
        keys.iter().any(|key| known.get(&key.hour).is_some_and(|known| known != key))
    }

    /// Whether other keys, or another secret, are published than these: by processors that do not share their directory.
    pub fn differs(&self, keys: &[PublicKey], secret: &[u8; 32]) -> bool {
        self.has_other_keys(keys) || self.partition_secret().is_some_and(|known| known != *secret)
    }

    /// Publishes an hour's public key where it does not stand there yet.
    ///
    /// # Errors
    /// It was not acknowledged.
    pub async fn publish_key(&self, key: &PublicKey) -> Result<(), JournalError> {
        self.put(&format!("{KEY}{}", key.hour), &key.bytes).await
    }

    /// Publishes the secret that spreads visitors over partitions, where it does not stand there yet.
    ///
    /// # Errors
    /// It was not acknowledged.
    pub async fn publish_partition_secret(&self, secret: &[u8; 32]) -> Result<(), JournalError> {
        self.put(SPREAD, secret).await
    }

    /// Takes back the public keys of hours before `first`: nobody seals to them any more.
    ///
    /// # Errors
    /// It was not acknowledged.
    pub async fn forget_keys_before(&self, first: i64) -> Result<(), JournalError> {
        let old: Vec<i64> = self.known.keys.load().range(..first).map(|(hour, _)| *hour).collect();
        for hour in old {
            self.feed()?.publish(&format!("{KEY}{hour}"), None).await?;
        }
        Ok(())
    }

    /// Who publishes sites, as was heard last.
    pub fn speaker(&self) -> Option<Arc<speaker::Heard>> {
        self.known.speaker.load_full()
    }

    /// Says who publishes sites.
    ///
    /// # Errors
    /// It was not acknowledged.
    pub async fn say(&self, word: &speaker::Word) -> anyhow::Result<()> {
        let word = serde_json::to_vec(word).context("a word cannot be written down")?;
        Ok(self.feed()?.publish(SPEAKER, Some(&word)).await?)
    }

    /// How many sites are published otherwise than `wanted`, or not at all, or beside them.
    pub fn differing(&self, wanted: &Sites) -> usize {
        let known = self.sites.load();
        let differs = |site: &&Arc<Site>| known.get(site.domain.as_str()).is_none_or(|known| known != *site);
        let beside = known.iter().filter(|site| wanted.get(site.domain.as_str()).is_none());
        wanted.iter().filter(differs).count() + beside.count()
    }

    /// Publishes what differs from `wanted`, and takes back the sites that are not in it.
    ///
    /// # Errors
    /// It was not acknowledged; what was published before stays.
    pub async fn publish_sites(&self, wanted: &Sites) -> anyhow::Result<()> {
        let known = self.sites.load_full();
        for site in wanted.iter() {
            if known.get(site.domain.as_str()).is_none_or(|known| known != site) {
                let definition = serde_json::to_vec(site.as_ref()).context("a site cannot be written down")?;
                self.put(&format!("{SITE}{}", site.domain), &definition).await?;
            }
        }
        for gone in known.iter().filter(|site| wanted.get(site.domain.as_str()).is_none()) {
            self.feed()?.publish(&format!("{SITE}{}", gone.domain), None).await?;
        }
        Ok(())
    }

    async fn put(&self, key: &str, value: &[u8]) -> Result<(), JournalError> {
        let feed = self.feed()?;
        if feed.values().get(key).is_some_and(|known| known.as_ref() == value) {
            return Ok(());
        }
        feed.publish(key, Some(value)).await
    }
}

/// What a key and its value say.
enum Told {
    Site(String, Option<Box<Site>>),
    /// A site as another version writes it.
    Unreadable(String),
    Key(i64, Option<PublicKey>),
    Secret([u8; 32]),
    Speaker(speaker::Word),
}

impl Heard {
    fn hear_speaker(&self, word: speaker::Word) {
        self.speaker.store(Some(Arc::new(speaker::Heard { word, at: Instant::now() })));
    }
}

impl Told {
    fn read(key: &str, value: Option<&[u8]>) -> Option<Self> {
        if let Some(domain) = key.strip_prefix(SITE) {
            return Some(match value.map(serde_json::from_slice::<Site>).transpose() {
                Ok(site) => {
                    let site = site.filter(|site| site.domain.as_str() == domain);
                    Self::Site(domain.to_owned(), site.map(Box::new))
                }
                Err(error) => {
                    tracing::error!(domain, %error, "a site's definition cannot be read; it stays as it was");
                    Self::Unreadable(domain.to_owned())
                }
            });
        }
        if let Some(hour) = key.strip_prefix(KEY).and_then(|hour| hour.parse::<i64>().ok()) {
            let bytes = value.and_then(|value| value.try_into().ok());
            return Some(Self::Key(hour, bytes.map(|bytes| PublicKey { hour, bytes })));
        }
        match key {
            SPREAD => value?.try_into().ok().map(Self::Secret),
            // A word that a newer version writes otherwise is as if it were not heard.
            SPEAKER => serde_json::from_slice(value?).ok().map(Self::Speaker),
            _ => None,
        }
    }
}

/// Takes what was heard into the tables that are read at every hit.
fn hear(sites: &ArcSwap<Sites>, known: &Heard, key: &str, value: Option<&[u8]>) {
    match Told::read(key, value) {
        Some(Told::Site(domain, site)) => drop(sites.rcu(|known| {
            let others = known.iter().filter(|known| known.domain.as_str() != domain).map(|site| Site::clone(site));
            others.chain(site.as_deref().cloned()).collect::<Sites>()
        })),
        Some(Told::Key(hour, key)) => drop(known.keys.rcu(|known| {
            let mut keys = BTreeMap::clone(known);
            match key {
                Some(key) => keys.insert(hour, key),
                None => keys.remove(&hour),
            };
            keys
        })),
        Some(Told::Secret(secret)) => known.secret.store(Some(Arc::new(secret))),
        Some(Told::Speaker(word)) => return known.hear_speaker(word),
        Some(Told::Unreadable(_)) | None => return,
    }
    known.changes.fetch_add(1, Ordering::Release);
}

#[cfg(test)]
mod tests {
    use model::Domain;

    use super::*;

    fn site(domain: &str) -> Site {
        Site::new(Domain::parse(domain).unwrap())
    }

    #[test]
    fn what_is_heard_of_sites_and_keys_is_known_until_it_is_taken_back() {
        let (sites, heard) = (ArcSwap::<Sites>::default(), Heard::default());
        let tell = |key: &str, value: Option<&[u8]>| hear(&sites, &heard, key, value);
        let one = serde_json::to_vec(&site("one.example")).unwrap();
        tell("site/one.example", Some(&one));
        tell("site/two.example", Some(&serde_json::to_vec(&site("two.example")).unwrap()));
        tell("site/two.example", Some(b"{\"a newer\": \"form\"}"));
        tell("site/three.example", Some(&one));
        let known: Vec<_> = sites.load().iter().map(|site| site.domain.to_string()).collect();
        assert_eq!(known, ["one.example", "two.example"]);
        tell("site/one.example", None);
        assert_eq!(sites.load().len(), 1);
        tell("key/7", Some(&[9; 32]));
        tell("key/8", Some(b"no key"));
        tell("partition-secret", Some(&[1; 32]));
        tell("partition-secret", Some(b"no secret"));
        assert_eq!(heard.keys.load().keys().collect::<Vec<_>>(), [&7]);
        assert_eq!(heard.secret.load().as_deref(), Some(&[1; 32]));
        tell("key/7", None);
        assert!(heard.keys.load().is_empty());
        assert_eq!(heard.changes.load(Ordering::Relaxed), 8, "what cannot be read changes nothing");
    }

    #[test]
    fn what_is_remembered_is_known_before_anything_is_heard_and_the_last_key_stands_in_for_the_next() {
        let key = PublicKey { hour: 7, bytes: [9; 32] };
        let known =
            Known { sites: vec![site("a.example")], keys: BTreeMap::from([(7, key)]), partition_secret: Some([1; 32]) };
        let directory = Directory::remembering(known.clone());
        assert_eq!(directory.all(), known);
        let at = |hour: i64| directory.public_key(Millis(hour * 3_600_000));
        assert_eq!((at(6), at(7), at(8)), (Some(key), Some(key), Some(key)));
        // The topic knows another site, a later key, and a site that only a newer version can read.
        directory.sites.rcu(|_| [site("a.example"), site("newer.example")].into_iter().collect::<Sites>());
        let values = [
            ("site/b.example", serde_json::to_vec(&site("b.example")).unwrap()),
            ("site/newer.example", b"{\"a newer\": \"form\"}".to_vec()),
            ("key/8", vec![3; 32]),
        ];
        directory.take(&values.into_iter().map(|(key, value)| (key.into(), value.into())).collect());
        let all = directory.all();
        let names: Vec<_> = all.sites.iter().map(|site| site.domain.as_str()).collect();
        assert_eq!(names, ["b.example", "newer.example"]);
        assert_eq!((all.keys.keys().collect::<Vec<_>>(), all.partition_secret), (vec![&8], Some([1; 32])));
        assert!(!directory.is_followed() && directory.feed().is_err_and(|error| error.passes()));
    }
}
