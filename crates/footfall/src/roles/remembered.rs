//! What a collector learned of sites and keys, kept in `directory.json` of its data directory, so that it can start and take hits
//! while Kafka is away.
//!
//! It holds what stands in Kafka's settings topic: sites, the hours' public keys, and the secret that spreads visitors over
//! partitions, without which a visitor would come to another partition and be counted twice; who has that secret and knows a
//! visitor's address and browser knows their partition, and no more. Nothing in it opens a record.
//!
//! It may be used as long as one of its keys may be sealed to. Keys are made six hours ahead and sealed to for one hour more,
//! so that is about seven hours after Kafka was last heard: as long as a collector that never stopped goes on without Kafka.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use collector::KEY_LATE_HOURS_MAX;
use model::{Millis, Site};
use privacy::seal::PublicKey;
use serde::{Deserialize, Serialize};

use crate::durable;

/// How the file is written. One of another form is not read: Kafka has what it says.
const FORM: u32 = 1;

/// What is known of sites and keys.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Known {
    /// The measured sites.
    pub sites: Vec<Site>,
    /// The public keys by hour.
    pub keys: BTreeMap<i64, PublicKey>,
    /// The secret that spreads visitors over partitions.
    pub partition_secret: Option<[u8; 32]>,
}

#[derive(Serialize, Deserialize)]
struct Written {
    form: u32,
    /// When it was written, for people.
    at: Millis,
    partition_secret: String,
    keys: BTreeMap<i64, String>,
    sites: Vec<Site>,
}

/// The file of one data directory.
#[derive(Clone, Debug)]
pub struct Remembered(PathBuf);

impl Remembered {
    /// Names the file.
    pub fn of(data: &Path) -> Self {
        Self(data.join("directory.json"))
    }

    /// What may be used at `now`, if anything. What is damaged or too old is left alone and told: Kafka knows it, too.
    pub fn recall(&self, now: Millis) -> Option<Known> {
        let bytes = match std::fs::read(&self.0) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
            Err(error) => {
                tracing::warn!(path = %self.0.display(), %error, "what was learned of sites and keys cannot be read");
                return None;
            }
        };
        match read(&bytes).and_then(|known| usable(known, now)) {
            Ok(known) => Some(known),
            Err(error) => {
                let error = format!("{error:#}");
                tracing::warn!(path = %self.0.display(), error, "what was learned of sites and keys is not used");
                None
            }
        }
    }

    /// Writes what is known; durable when it returns.
    pub fn keep(&self, known: &Known, now: Millis) -> anyhow::Result<()> {
        let secret = known.partition_secret.context("no processor has published yet")?;
        let written = Written {
            form: FORM,
            at: now,
            partition_secret: hex(&secret),
            keys: known.keys.iter().map(|(hour, key)| (*hour, hex(&key.bytes))).collect(),
            sites: known.sites.clone(),
        };
        let bytes = serde_json::to_vec_pretty(&written)?;
        durable::replace(&self.0, &bytes).with_context(|| format!("cannot write {}", self.0.display()))
    }
}

fn read(bytes: &[u8]) -> anyhow::Result<Known> {
    let written: Written = serde_json::from_slice(bytes).context("it is damaged, or of another version")?;
    ensure!(written.form == FORM, "it is of another version");
    let key = |(hour, key): (i64, String)| Some((hour, PublicKey { hour, bytes: from_hex(&key)? }));
    let keys: Option<BTreeMap<i64, PublicKey>> = written.keys.into_iter().map(key).collect();
    let secret = from_hex(&written.partition_secret).context("it is damaged: its secret is none")?;
    Ok(Known {
        sites: written.sites,
        keys: keys.context("it is damaged: a key is none")?,
        partition_secret: Some(secret),
    })
}

/// What is known, where something may still be sealed by it.
fn usable(known: Known, now: Millis) -> anyhow::Result<Known> {
    let last = known.keys.keys().next_back().context("it has no key to seal to")?;
    let too_old = now.hour().saturating_sub(*last) > KEY_LATE_HOURS_MAX;
    ensure!(
        !too_old,
        "its last key is of an hour that has passed: Kafka has been away, or this collector down, for too long"
    );
    Ok(known)
}

fn hex(bytes: &[u8; 32]) -> String {
    bytes.iter().fold(String::with_capacity(64), |text, byte| text + &format!("{byte:02x}"))
}

fn from_hex(text: &str) -> Option<[u8; 32]> {
    let digit = |digit: u8| char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pair = |pair: &[u8]| match pair {
        [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
        _ => None,
    };
    text.as_bytes().chunks(2).map(pair).collect::<Option<Vec<u8>>>()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use model::Domain;

    use super::*;

    const HOUR_MS: i64 = 3_600_000;

    fn known() -> Known {
        let mut site = Site::new(Domain::parse("a.example").unwrap());
        site.mode = model::Mode::Exempt;
        let key = |hour: u8| (i64::from(hour), PublicKey { hour: i64::from(hour), bytes: [hour; 32] });
        Known { sites: vec![site], keys: (100..=106).map(key).collect(), partition_secret: Some([0xa7; 32]) }
    }

    #[test]
    fn what_was_kept_is_recalled_as_long_as_it_may_be_sealed_by_it() {
        let data = tempfile::tempdir().unwrap();
        let file = Remembered::of(data.path());
        assert_eq!(file.recall(Millis(0)), None);
        assert!(file.keep(&Known::default(), Millis(0)).is_err(), "nothing was learned yet");
        file.keep(&known(), Millis(100 * HOUR_MS)).unwrap();
        for now in [Millis(100 * HOUR_MS), Millis(108 * HOUR_MS - 1)] {
            assert_eq!(file.recall(now), Some(known()));
        }
        assert_eq!(file.recall(Millis(108 * HOUR_MS)), None, "an hour after the last key's");
    }

    #[test]
    fn what_is_damaged_or_of_another_form_is_not_used() {
        let data = tempfile::tempdir().unwrap();
        let file = Remembered::of(data.path());
        file.keep(&known(), Millis(0)).unwrap();
        let whole = std::fs::read_to_string(data.path().join("directory.json")).unwrap();
        let of = |text: &str| read(text.as_bytes());
        assert_eq!(of(&whole).unwrap(), known());
        let half = &whole[..whole.len() / 2];
        for other in [half, &whole.replace("\"form\": 1", "\"form\": 2"), &whole.replace("a7a7", "a7x7"), ""] {
            assert!(of(other).is_err(), "{other}");
        }
    }
}
