//! Sealing: what lies in the journal can be opened only with the private key of its hour, and that key is destroyed.
//!
//! HPKE (RFC 9180, base mode, DHKEM(X25519), HKDF-SHA-256) is run once per [`Sealer`]; the secret it exports keys
//! ChaCha20-Poly1305, with the record's number as nonce, so that a record costs one symmetric seal and any record can be
//! opened without the ones before it. This is not the place that keeps keys on disk or knows when to make or destroy one.
//! The invariant: whoever has a [`PublicKey`] can only seal, and a sealed record changed in any bit does not open.
//!
//! A sealed record: `version (1) | hour (8) | encapsulated key (32) | number (8) | ciphertext and tag`, integers big
//! endian. Everything before the ciphertext is authenticated with it.

use std::collections::{BTreeMap, HashMap};
use std::convert::Infallible;
use std::sync::{Arc, PoisonError, RwLock};

use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{ChaCha20Poly1305, Key, Nonce};
use hpke::aead::ExportOnlyAead;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::{Deserializable as _, Kem as _, OpModeR, OpModeS, Serializable as _};
use model::{Loss, Millis};
use zeroize::Zeroizing;

use crate::marks::Marks;

/// How long an hour's private key lives after that hour has ended: the longest site-local day and two hours of grace.
pub const KEY_LIFE_HOURS: i64 = 27;

/// Length of a private key's stored form.
pub const HOUR_KEY_BYTES: usize = 8 + 32;

/// Encapsulations that are remembered with an hour's key. A collector makes one a minute, so this holds those of more than a
/// hundred collectors, half a megabyte; a colder one costs two more X25519 operations.
const CONTEXTS_MAX: usize = 8_192;

const VERSION: u8 = 1;
const HEADER_BYTES: usize = 1 + 8 + 32 + 8;
const INFO: &[u8] = b"footfall record 1";
const EXPORT: &[u8] = b"footfall record key 1";

type Kem = hpke::kem::X25519HkdfSha256;
type PrivateKey = <Kem as hpke::Kem>::PrivateKey;
type HpkePublicKey = <Kem as hpke::Kem>::PublicKey;
type EncappedKey = <Kem as hpke::Kem>::EncappedKey;

/// When the private key of `hour` has to be destroyed.
#[must_use]
pub const fn dies_at(hour: i64) -> Millis {
    Millis(hour.saturating_add(1 + KEY_LIFE_HOURS).saturating_mul(3_600_000))
}

/// The key pair of one hour, and what was derived from it. All of it is wiped when dropped. Openers of one process share it: each
/// collector seals to many partitions under one encapsulation, which then costs its X25519 once.
pub struct HourKey {
    hour: i64,
    private: PrivateKey,
    public: PublicKey,
    contexts: RwLock<HashMap<[u8; 32], ChaCha20Poly1305>>,
}

/// What a collector may know of an hour's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicKey {
    /// Hours since the epoch ([`Millis::hour`]).
    pub hour: i64,
    /// The X25519 public key.
    pub bytes: [u8; 32],
}

/// Bytes that are no key, or a public key that no one should seal to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a sealing key")]
pub struct KeyError;

impl HourKey {
    /// Makes the key of `hour` from 32 random bytes.
    #[must_use]
    pub fn generate(hour: i64, random: [u8; 32]) -> Self {
        let random = Zeroizing::new(random);
        let (private, public) = Kem::derive_keypair(random.as_slice());
        Self::of(hour, private, &public)
    }

    fn of(hour: i64, private: PrivateKey, public: &HpkePublicKey) -> Self {
        let public = PublicKey { hour, bytes: public.to_bytes().into() };
        Self { hour, private, public, contexts: RwLock::default() }
    }

    /// The hour it seals.
    #[must_use]
    pub const fn hour(&self) -> i64 {
        self.hour
    }

    /// The half that collectors get.
    #[must_use]
    pub const fn public(&self) -> PublicKey {
        self.public
    }

    /// Its stored form, for the key store alone.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<[u8; HOUR_KEY_BYTES]> {
        let mut bytes = Zeroizing::new([0; HOUR_KEY_BYTES]);
        let private = Zeroizing::new(<[u8; 32]>::from(self.private.to_bytes()));
        let (hour, rest) = bytes.split_at_mut(8);
        hour.copy_from_slice(&self.hour.to_be_bytes());
        rest.copy_from_slice(private.as_slice());
        bytes
    }

    /// Reads a stored key.
    ///
    /// # Errors
    /// Bytes that are not one.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, KeyError> {
        let (hour, private) = bytes.split_first_chunk().ok_or(KeyError)?;
        let private = PrivateKey::from_bytes(private).map_err(|_| KeyError)?;
        let public = Kem::sk_to_pk(&private);
        Ok(Self::of(i64::from_be_bytes(*hour), private, &public))
    }

    /// Opens what was sealed to this key under the encapsulation `enc`.
    fn open(&self, enc: [u8; 32], nonce: &Nonce, payload: Payload<'_, '_>) -> Result<Vec<u8>, OpenError> {
        let contexts = self.contexts.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(cipher) = contexts.get(&enc) {
            return cipher.decrypt(nonce, payload).map_err(|_| OpenError::Forged);
        }
        drop(contexts);
        let cipher = self.decapsulate(&enc)?;
        let plaintext = cipher.decrypt(nonce, payload).map_err(|_| OpenError::Forged)?;
        // Only what proved genuine is remembered, so that forgeries cannot push it out.
        let mut contexts = self.contexts.write().unwrap_or_else(PoisonError::into_inner);
        if contexts.len() >= CONTEXTS_MAX {
            contexts.clear();
        }
        contexts.insert(enc, cipher);
        Ok(plaintext)
    }

    fn decapsulate(&self, enc: &[u8; 32]) -> Result<ChaCha20Poly1305, OpenError> {
        let enc = EncappedKey::from_bytes(enc).map_err(|_| OpenError::Forged)?;
        let context = hpke::setup_receiver::<ExportOnlyAead, HkdfSha256, X25519HkdfSha256>(
            &OpModeR::Base,
            &self.private,
            &enc,
            INFO,
        )
        .map_err(|_| OpenError::Forged)?;
        let mut exported = Zeroizing::new([0; 32]);
        context.export(EXPORT, exported.as_mut_slice()).expect("32 bytes can be exported");
        Ok(cipher(&exported))
    }
}

/// Seals records under one encapsulation. Make a new one every minute and at every new hour.
pub struct Sealer {
    /// Version, hour and encapsulated key: the same for every record.
    prefix: [u8; HEADER_BYTES - 8],
    cipher: ChaCha20Poly1305,
    next_number: u64,
}

/// Why a record could not be sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// All numbers of this sealer are used; make a new one.
    #[error("this sealer has sealed all it can")]
    Exhausted,
    /// Longer than the cipher can take (256 GiB).
    #[error("too long to seal")]
    TooLong,
}

impl Sealer {
    /// Encapsulates to `key`, with 32 random bytes that must never be used again.
    ///
    /// # Errors
    /// A public key that is none.
    pub fn new(key: &PublicKey, random: [u8; 32]) -> Result<Self, KeyError> {
        let recipient = HpkePublicKey::from_bytes(&key.bytes).map_err(|_| KeyError)?;
        let mut random = Once(Some(Zeroizing::new(random)));
        let (encapped, context) = hpke::setup_sender_with_rng::<ExportOnlyAead, HkdfSha256, X25519HkdfSha256>(
            &OpModeS::Base,
            &recipient,
            INFO,
            &mut random,
        )
        .map_err(|_| KeyError)?;
        let mut exported = Zeroizing::new([0; 32]);
        context.export(EXPORT, exported.as_mut_slice()).expect("32 bytes can be exported");
        let mut prefix = [0; HEADER_BYTES - 8];
        let (version, rest) = prefix.split_at_mut(1);
        let (hour, enc) = rest.split_at_mut(8);
        version.copy_from_slice(&[VERSION]);
        hour.copy_from_slice(&key.hour.to_be_bytes());
        enc.copy_from_slice(&encapped.to_bytes());
        Ok(Self { prefix, cipher: cipher(&exported), next_number: 0 })
    }

    /// Seals one record.
    ///
    /// # Errors
    /// A sealer that is used up, or a record beyond what the cipher takes: never met at the limits of `model`.
    pub fn seal(&mut self, plaintext: &[u8]) -> Result<Vec<u8>, SealError> {
        let number = self.next_number;
        self.next_number = number.checked_add(1).ok_or(SealError::Exhausted)?;
        let mut sealed = Vec::with_capacity(HEADER_BYTES + plaintext.len() + 16);
        sealed.extend_from_slice(&self.prefix);
        sealed.extend_from_slice(&number.to_be_bytes());
        let payload = Payload { msg: plaintext, aad: &sealed };
        let ciphertext = self.cipher.encrypt(&nonce(number), payload).map_err(|_| SealError::TooLong)?;
        sealed.extend_from_slice(&ciphertext);
        Ok(sealed)
    }
}

/// Opens sealed records with the private keys it holds.
#[derive(Default)]
pub struct Opener {
    keys: BTreeMap<i64, Arc<HourKey>>,
    marks: Marks,
}

/// Why a sealed record did not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The key of its hour is not held: it has died, or never was here.
    #[error("the key of hour {hour} is gone")]
    Expired {
        /// The record's hour.
        hour: i64,
    },
    /// It was not sealed to this key as it stands: changed, or made by somebody else.
    #[error("a sealed record was changed or is not ours")]
    Forged,
    /// Not a sealed record, or one of a newer version.
    #[error("not a sealed record")]
    Malformed,
}

impl From<OpenError> for Loss {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Expired { .. } => Self::Expired,
            OpenError::Forged => Self::Forged,
            OpenError::Malformed => Self::Malformed,
        }
    }
}

impl Opener {
    /// Takes an hour's key.
    pub fn insert(&mut self, key: impl Into<Arc<HourKey>>) {
        let key = key.into();
        self.keys.insert(key.hour, key);
    }

    /// Lets an hour's key go, and what is marked of the hour: with the last who holds it, the key and everything derived from it is
    /// wiped. Says whether there was one.
    pub fn forget(&mut self, hour: i64) -> bool {
        self.marks.forget(hour);
        self.keys.remove(&hour).is_some()
    }

    /// The hours whose keys it holds, oldest first.
    pub fn hours(&self) -> impl Iterator<Item = i64> {
        self.keys.keys().copied()
    }

    /// Opens one record, or answers nothing where this very record was opened so before: a collector may have to append the
    /// same sealed bytes twice. It knows that for as long as the record can be opened at all.
    ///
    /// Errs where its bound on records remembered is met: see [`Opener::unmarked`].
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open_once(&mut self, sealed: &[u8]) -> Result<Option<Vec<u8>>, OpenError> {
        let opened = self.open(sealed)?;
        // Only what proved genuine is marked: a forgery must neither take a record's place nor fill the memory.
        let (header, _) = sealed.split_first_chunk::<HEADER_BYTES>().ok_or(OpenError::Malformed)?;
        let Header { hour, enc, number } = Header::read(header)?;
        Ok(self.marks.mark(hour, enc, number).then_some(opened))
    }

    /// Records opened once that it does not remember; should they come again, they are opened again.
    #[must_use]
    pub const fn unmarked(&self) -> u64 {
        self.marks.unmarked
    }

    /// Opens one record.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open(&mut self, sealed: &[u8]) -> Result<Vec<u8>, OpenError> {
        let (header, ciphertext) = sealed.split_first_chunk::<HEADER_BYTES>().ok_or(OpenError::Malformed)?;
        let Header { hour, enc, number } = Header::read(header)?;
        let key = self.keys.get(&hour).ok_or(OpenError::Expired { hour })?;
        key.open(enc, &nonce(number), Payload { msg: ciphertext, aad: header })
    }
}

struct Header {
    hour: i64,
    enc: [u8; 32],
    number: u64,
}

impl Header {
    fn read(bytes: &[u8; HEADER_BYTES]) -> Result<Self, OpenError> {
        let read = || {
            let (&[version], rest) = bytes.split_first_chunk()?;
            let (hour, rest) = rest.split_first_chunk()?;
            let (enc, rest) = rest.split_first_chunk()?;
            let number = rest.first_chunk()?;
            let header = Self { hour: i64::from_be_bytes(*hour), enc: *enc, number: u64::from_be_bytes(*number) };
            (version == VERSION).then_some(header)
        };
        read().ok_or(OpenError::Malformed)
    }
}

fn cipher(secret: &[u8; 32]) -> ChaCha20Poly1305 {
    ChaCha20Poly1305::new(<&Key>::from(secret))
}

/// A number is used once per secret, and a secret is made once per encapsulation.
fn nonce(number: u64) -> Nonce {
    let mut nonce = Nonce::default();
    nonce.split_at_mut(4).1.copy_from_slice(&number.to_be_bytes());
    nonce
}

/// Hands the caller's 32 random bytes to HPKE, which asks for an ephemeral key exactly once.
struct Once(Option<Zeroizing<[u8; 32]>>);

impl rand_core::TryRng for Once {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        unreachable!("HPKE asks for the bytes of one key, never for a number")
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        unreachable!("HPKE asks for the bytes of one key, never for a number")
    }

    fn try_fill_bytes(&mut self, destination: &mut [u8]) -> Result<(), Infallible> {
        let random = self.0.take().expect("HPKE makes one ephemeral key per encapsulation");
        destination.copy_from_slice(random.as_slice());
        Ok(())
    }
}

impl rand_core::TryCryptoRng for Once {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HOUR: i64 = 500_000;

    #[test]
    fn what_is_sealed_opens_in_any_order() {
        let (mut sealer, mut opener) = pair();
        let sealed: Vec<_> = (0..5_u8).map(|number| sealer.seal(&[number; 3]).unwrap()).collect();
        for number in [4, 0, 2, 2, 1, 3_u8] {
            assert_eq!(opener.open(&sealed[usize::from(number)]), Ok(vec![number; 3]));
        }
    }

    #[test]
    fn an_hour_whose_key_is_gone_is_expired() {
        let (mut sealer, mut opener) = pair();
        let sealed = sealer.seal(b"hit").unwrap();
        assert_eq!(opener.open(&sealed), Ok(b"hit".to_vec()));
        assert!(opener.forget(HOUR) && !opener.forget(HOUR));
        assert_eq!(opener.open(&sealed), Err(OpenError::Expired { hour: HOUR }));
        assert_eq!(opener.hours().count(), 0);
        assert_eq!(Opener::default().open(&sealed), Err(OpenError::Expired { hour: HOUR }));
    }

    #[test]
    fn another_key_of_the_same_hour_does_not_open() {
        let (mut sealer, mut opener) = pair();
        let sealed = sealer.seal(b"hit").unwrap();
        assert_eq!(opener.open(&sealed), Ok(b"hit".to_vec()));
        opener.insert(HourKey::generate(HOUR, [9; 32]));
        assert_eq!(opener.open(&sealed), Err(OpenError::Forged));
    }

    #[test]
    fn a_stored_key_opens_what_its_public_half_sealed() {
        let key = HourKey::generate(HOUR, [7; 32]);
        let mut sealer = Sealer::new(&key.public(), [1; 32]).unwrap();
        let mut opener = Opener::default();
        opener.insert(HourKey::from_bytes(key.to_bytes().as_slice()).unwrap());
        assert_eq!(opener.open(&sealer.seal(b"hit").unwrap()), Ok(b"hit".to_vec()));
        assert_eq!(HourKey::from_bytes(&key.to_bytes()[..39]).err(), Some(KeyError));
    }

    #[test]
    fn a_sealed_record_shows_nothing_of_what_it_holds() {
        let (mut sealer, _) = pair();
        let sealed = sealer.seal(b"192.0.2.77 Mozilla/5.0").unwrap();
        assert!(!sealed.windows(6).any(|window| b"192.0.2.77 Mozilla/5.0".windows(6).any(|plain| plain == window)));
        assert_ne!(sealer.seal(b"same").unwrap()[HEADER_BYTES..], sealer.seal(b"same").unwrap()[HEADER_BYTES..]);
    }

    #[test]
    fn nobody_seals_to_a_key_that_is_none() {
        let low_order = PublicKey { hour: HOUR, bytes: [0; 32] };
        assert_eq!(Sealer::new(&low_order, [1; 32]).err(), Some(KeyError));
    }

    #[test]
    fn a_used_up_sealer_refuses() {
        let (mut sealer, _) = pair();
        sealer.next_number = u64::MAX;
        assert_eq!(sealer.seal(b"hit"), Err(SealError::Exhausted));
    }

    #[test]
    fn contexts_are_bounded_and_forgeries_take_no_room() {
        let (mut sealer, key) = (pair().0, Arc::new(HourKey::generate(HOUR, [7; 32])));
        let mut opener = Opener::default();
        opener.insert(Arc::clone(&key));
        let remembered = || key.contexts.read().unwrap().len();
        let mut forged = sealer.seal(b"hit").unwrap();
        forged[HEADER_BYTES] ^= 1;
        assert_eq!((opener.open(&forged), remembered()), (Err(OpenError::Forged), 0));
        let other = |number: usize| {
            let mut enc = [0; 32];
            enc.split_at_mut(8).0.copy_from_slice(&(number as u64).to_be_bytes());
            (enc, cipher(&[1; 32]))
        };
        key.contexts.write().unwrap().extend((0..CONTEXTS_MAX).map(other));
        let mut sealer = Sealer::new(&key.public(), [2; 32]).unwrap();
        assert_eq!(opener.open(&sealer.seal(b"hit").unwrap()), Ok(b"hit".to_vec()));
        assert_eq!(remembered(), 1);
    }

    #[test]
    fn openers_share_what_was_derived_and_the_last_one_wipes_it() {
        let (mut sealer, key) = (pair().0, Arc::new(HourKey::generate(HOUR, [7; 32])));
        let gone = Arc::downgrade(&key);
        let mut openers = [Opener::default(), Opener::default()];
        let sealed = sealer.seal(b"hit").unwrap();
        for opener in &mut openers {
            opener.insert(Arc::clone(&key));
            assert_eq!(opener.open_once(&sealed), Ok(Some(b"hit".to_vec())));
        }
        assert_eq!(key.contexts.read().unwrap().len(), 1);
        drop(key);
        assert!(openers[0].forget(HOUR) && gone.strong_count() == 1);
        assert_eq!(openers[0].open(&sealed), Err(OpenError::Expired { hour: HOUR }));
        assert!(openers[1].forget(HOUR) && gone.strong_count() == 0);
    }

    #[test]
    fn a_record_opens_once_and_a_forgery_takes_nobodys_place() {
        let (mut sealer, mut opener) = pair();
        let sealed: Vec<_> = (0..4_u8).map(|number| sealer.seal(&[number; 3]).unwrap()).collect();
        for number in [2, 0, 3_u8] {
            assert_eq!(opener.open_once(&sealed[usize::from(number)]), Ok(Some(vec![number; 3])));
        }
        assert!([0, 2, 3].iter().all(|number: &usize| opener.open_once(&sealed[*number]) == Ok(None)));
        let mut forged = sealed[1].clone();
        *forged.last_mut().unwrap() ^= 1;
        assert_eq!(opener.open_once(&forged), Err(OpenError::Forged));
        assert_eq!(opener.open_once(&sealed[1]), Ok(Some(vec![1; 3])));
        assert_eq!(opener.open_once(&sealed[1]), Ok(None));
    }

    #[test]
    fn a_key_dies_27_hours_after_its_hour() {
        assert_eq!(dies_at(0), Millis(28 * 3_600_000));
        assert_eq!(dies_at(Millis(1_800_000_000_000).hour()), Millis(1_800_000_000_000 + 28 * 3_600_000));
    }

    proptest! {
        #[test]
        fn any_changed_bit_keeps_it_shut(plaintext: Vec<u8>, warm: bool, at: prop::sample::Index, bit in 0..8_u32) {
            let (mut sealer, mut opener) = pair();
            let mut sealed = sealer.seal(&plaintext).unwrap();
            if warm {
                prop_assert_eq!(opener.open(&sealed), Ok(plaintext));
            }
            let at = at.index(sealed.len());
            sealed[at] ^= 1 << bit;
            let error = opener.open(&sealed).unwrap_err();
            match at {
                0 => prop_assert_eq!(error, OpenError::Malformed),
                1..9 => {
                    let of_another_hour = matches!(error, OpenError::Expired { hour } if hour != HOUR);
                    prop_assert!(of_another_hour);
                }
                _ => prop_assert_eq!(error, OpenError::Forged),
            }
        }

        #[test]
        fn a_record_of_one_hour_is_not_one_of_another(plaintext: Vec<u8>) {
            let (mut sealer, mut opener) = pair();
            let mut sealed = sealer.seal(&plaintext).unwrap();
            opener.insert(HourKey::generate(HOUR + 1, [7; 32]));
            sealed[1..9].copy_from_slice(&(HOUR + 1).to_be_bytes());
            prop_assert_eq!(opener.open(&sealed), Err(OpenError::Forged));
        }

        #[test]
        fn no_bytes_panic(bytes: Vec<u8>, tail: Vec<u8>) {
            let (_, mut opener) = pair();
            prop_assert!(opener.open(&bytes).is_err());
            let header = [&[VERSION], HOUR.to_be_bytes().as_slice(), bytes.as_slice(), tail.as_slice()].concat();
            prop_assert!(opener.open(&header).is_err());
            let _ = HourKey::from_bytes(&bytes);
        }
    }

    fn pair() -> (Sealer, Opener) {
        let key = HourKey::generate(HOUR, [7; 32]);
        let sealer = Sealer::new(&key.public(), [1; 32]).unwrap();
        let mut opener = Opener::default();
        opener.insert(key);
        (sealer, opener)
    }
}
