//! What collectors and processors must know of sites and keys, through a small topic that they all follow: no collector and no
//! processor opens the settings database, and collection goes on when everything but Kafka is down.
//!
//! Sites are published by dashboards out of the settings; the public half of each hour's key, and the secret that spreads visitors
//! over partitions, by processors. Everybody publishes what already stands there again only where it differs, so several may.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Context;
use arc_swap::ArcSwap;
use journal::JournalError;
use journal::kafka::{Feed, KafkaSettings, Keeps};
use model::{Millis, Site, Sites};
use privacy::seal::PublicKey;

const SITE: &str = "site/";
const KEY: &str = "key/";
/// Spreads visitors over partitions; whoever knows it and a visitor's address and browser knows their partition, and no more.
const SPREAD: &str = "partition-secret";

/// The followed topic, decoded.
pub struct Directory {
    feed: Feed,
    /// The measured sites.
    pub sites: Arc<ArcSwap<Sites>>,
    keys: Arc<ArcSwap<BTreeMap<i64, PublicKey>>>,
}

impl Directory {
    /// Follows the topic, from its beginning.
    ///
    /// # Errors
    /// Kafka cannot be reached, or refuses.
    pub async fn open(journal: &KafkaSettings, topic: &str) -> anyhow::Result<Self> {
        let sites: Arc<ArcSwap<Sites>> = Arc::default();
        let keys: Arc<ArcSwap<BTreeMap<i64, PublicKey>>> = Arc::default();
        let listen = {
            let (sites, keys) = (Arc::clone(&sites), Arc::clone(&keys));
            move |key: &str, value: &journal::kafka::Value| hear(&sites, &keys, key, value.as_deref())
        };
        let feed = Feed::open(journal, topic, Keeps::Latest, listen).await?;
        feed.catch_up().await?;
        Ok(Self { feed, sites, keys })
    }

    /// Returns when everything has been heard that was published before the call.
    ///
    /// # Errors
    /// Kafka cannot be reached.
    pub async fn catch_up(&self) -> Result<(), JournalError> {
        self.feed.catch_up().await
    }

    /// The public key that seals at `now`.
    pub fn public_key(&self, now: Millis) -> Option<PublicKey> {
        self.keys.load().get(&now.hour()).copied()
    }

    /// The secret that spreads visitors over partitions, when it has been published.
    pub fn partition_secret(&self) -> Option<[u8; 32]> {
        self.feed.values().get(SPREAD).and_then(|value| value.as_ref().try_into().ok())
    }

    /// Whether other keys are published for any of these hours.
    pub fn has_other_keys(&self, keys: &[PublicKey]) -> bool {
        let known = self.keys.load();
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
        let old: Vec<i64> = self.keys.load().range(..first).map(|(hour, _)| *hour).collect();
        for hour in old {
            self.feed.publish(&format!("{KEY}{hour}"), None).await?;
        }
        Ok(())
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
            self.feed.publish(&format!("{SITE}{}", gone.domain), None).await?;
        }
        Ok(())
    }

    async fn put(&self, key: &str, value: &[u8]) -> Result<(), JournalError> {
        if self.feed.values().get(key).is_some_and(|known| known.as_ref() == value) {
            return Ok(());
        }
        self.feed.publish(key, Some(value)).await
    }
}

/// Takes what was heard into the tables that are read at every hit.
fn hear(sites: &ArcSwap<Sites>, keys: &ArcSwap<BTreeMap<i64, PublicKey>>, key: &str, value: Option<&[u8]>) {
    if let Some(domain) = key.strip_prefix(SITE) {
        let site = match value.map(serde_json::from_slice::<Site>).transpose() {
            Ok(site) => site.filter(|site| site.domain.as_str() == domain),
            // A newer version's site: the one known before goes on.
            Err(error) => {
                return tracing::error!(domain, %error, "a site's definition cannot be read; it stays as it was");
            }
        };
        sites.rcu(|known| {
            let others = known.iter().filter(|known| known.domain.as_str() != domain).map(|site| Site::clone(site));
            others.chain(site.clone()).collect::<Sites>()
        });
    } else if let Some(hour) = key.strip_prefix(KEY).and_then(|hour| hour.parse::<i64>().ok()) {
        let bytes: Option<[u8; 32]> = value.and_then(|value| value.try_into().ok());
        keys.rcu(|known| {
            let mut keys = BTreeMap::clone(known);
            match bytes {
                Some(bytes) => keys.insert(hour, PublicKey { hour, bytes }),
                None => keys.remove(&hour),
            };
            keys
        });
    }
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
        let (sites, keys) = (ArcSwap::<Sites>::default(), ArcSwap::<BTreeMap<i64, PublicKey>>::default());
        let tell = |key: &str, value: Option<&[u8]>| hear(&sites, &keys, key, value);
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
        assert_eq!(keys.load().keys().collect::<Vec<_>>(), [&7]);
        tell("key/7", None);
        assert!(keys.load().is_empty());
    }
}
