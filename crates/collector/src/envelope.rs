//! Seals records to the processor's public key of the hour: one encapsulation a minute, one numbered seal per record.
//!
//! It cannot open what it sealed, and it never writes a record in the clear: without a usable key there is no envelope.

use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwapOption;
use model::Millis;
use privacy::seal::{PublicKey, SealError, Sealer};

/// Oldest key that is still sealed to, in hours past its own: a key source may be late at an hour's turn, but a key near
/// its death would take its records with it.
pub const KEY_LATE_HOURS_MAX: i64 = 1;

/// Where the public key of the hour is found; whoever makes keys replaces it.
pub type PublicKeys = Arc<ArcSwapOption<PublicKey>>;

/// Why a record could not be sealed. None of these is the sender's fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// No key has been published yet.
    #[error("no public key to seal to")]
    NoKey,
    /// The published key is of an hour too long ago.
    #[error("the public key is of an hour that has passed")]
    StaleKey,
    /// The published key is none.
    #[error("the public key is not a key")]
    BadKey,
    /// The operating system gave no randomness.
    #[error("no randomness from the operating system")]
    Randomness,
    /// The record cannot be sealed.
    #[error(transparent)]
    Seal(#[from] SealError),
}

/// Seals one collector's records.
pub(crate) struct Envelopes {
    keys: PublicKeys,
    current: Mutex<Option<Current>>,
}

struct Current {
    key: PublicKey,
    minute: i64,
    sealer: Sealer,
}

impl Envelopes {
    pub(crate) fn new(keys: PublicKeys) -> Self {
        Self { keys, current: Mutex::new(None) }
    }

    /// Whether a record sealed now would find a key.
    pub(crate) fn ready(&self, now: Millis) -> Result<(), EnvelopeError> {
        self.key(now).map(drop)
    }

    /// Seals a record. The lock is held for one symmetric seal (under a microsecond for a page view), and once a minute
    /// for one X25519 encapsulation.
    pub(crate) fn seal(&self, record: &[u8], now: Millis) -> Result<Vec<u8>, EnvelopeError> {
        let key = self.key(now)?;
        let minute = now.minute();
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *current {
            Some(current) if current.minute == minute && current.key == key => Ok(current.sealer.seal(record)?),
            stale => {
                let mut random = [0; 32];
                getrandom::fill(&mut random).map_err(|_| EnvelopeError::Randomness)?;
                let sealer = Sealer::new(&key, random).map_err(|_| EnvelopeError::BadKey)?;
                Ok(stale.insert(Current { key, minute, sealer }).sealer.seal(record)?)
            }
        }
    }

    fn key(&self, now: Millis) -> Result<PublicKey, EnvelopeError> {
        let key = **self.keys.load().as_ref().ok_or(EnvelopeError::NoKey)?;
        if now.hour().saturating_sub(key.hour) > KEY_LATE_HOURS_MAX {
            return Err(EnvelopeError::StaleKey);
        }
        Ok(key)
    }
}

#[cfg(test)]
mod tests {
    use privacy::seal::{HourKey, Opener};

    use super::*;

    const HOUR_MS: i64 = 3_600_000;

    fn envelopes(hour: i64) -> (Envelopes, Opener) {
        let key = HourKey::generate(hour, [7; 32]);
        let envelopes = Envelopes::new(Arc::new(ArcSwapOption::from_pointee(key.public())));
        let mut opener = Opener::default();
        opener.insert(key);
        (envelopes, opener)
    }

    /// Where version, hour and encapsulated key stand in a sealed record.
    fn encapsulation(sealed: &[u8]) -> &[u8] {
        &sealed[..41]
    }

    #[test]
    fn records_of_one_minute_share_an_encapsulation_and_all_open() {
        let (envelopes, mut opener) = envelopes(0);
        let first = envelopes.seal(b"one", Millis(0)).unwrap();
        let second = envelopes.seal(b"two", Millis(59_999)).unwrap();
        let third = envelopes.seal(b"three", Millis(60_000)).unwrap();
        assert_eq!(encapsulation(&first), encapsulation(&second));
        assert_ne!(encapsulation(&second), encapsulation(&third));
        for (sealed, plain) in [(first, &b"one"[..]), (second, b"two"), (third, b"three")] {
            assert_eq!(opener.open(&sealed).unwrap(), plain);
        }
    }

    #[test]
    fn a_new_key_is_used_at_once() {
        let (envelopes, _) = envelopes(0);
        let before = envelopes.seal(b"one", Millis(0)).unwrap();
        let key = HourKey::generate(1, [8; 32]);
        envelopes.keys.store(Some(Arc::new(key.public())));
        let mut opener = Opener::default();
        opener.insert(key);
        assert!(opener.open(&before).is_err());
        assert_eq!(opener.open(&envelopes.seal(b"two", Millis(1)).unwrap()).unwrap(), b"two");
    }

    #[test]
    fn without_a_key_of_the_time_nothing_is_sealed() {
        let none = Envelopes::new(Arc::default());
        assert_eq!(none.seal(b"one", Millis(0)), Err(EnvelopeError::NoKey));
        let (late, _) = envelopes(0);
        assert!(late.seal(b"one", Millis(2 * HOUR_MS - 1)).is_ok());
        assert_eq!(late.seal(b"one", Millis(2 * HOUR_MS)), Err(EnvelopeError::StaleKey));
        assert_eq!(late.ready(Millis(2 * HOUR_MS)), Err(EnvelopeError::StaleKey));
    }
}
