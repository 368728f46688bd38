//! Sealed records: what was sealed opens as it was, any change of it does not open, and strangers' bytes never do.
#![no_main]

use std::sync::{LazyLock, Mutex};

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use privacy::seal::{HourKey, Opener, Sealer};

const HOUR: i64 = 494_124;

/// One sealer for all inputs, as a collector has one for all records of a minute.
static SEALER: LazyLock<Mutex<Sealer>> =
    LazyLock::new(|| Mutex::new(Sealer::new(&key().public(), [9; 32]).expect("a public key")));

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    /// Opened as they are, and behind the version and hour of the key held, so that they get further.
    foreign: &'a [u8],
    /// Sealed, then changed at `at` by `change`.
    plaintext: &'a [u8],
    at: u16,
    change: u8,
    /// Bytes cut off at the end.
    cut: u16,
}

fuzz_target!(|input: Input<'_>| {
    let mut opener = Opener::default();
    opener.insert(key());

    assert!(opener.open(input.foreign).is_err());
    let addressed = [&[1], HOUR.to_be_bytes().as_slice(), input.foreign].concat();
    assert!(opener.open(&addressed).is_err());

    let mut sealer = SEALER.lock().expect("no other thread");
    let sealed = sealer.seal(input.plaintext).expect("it is short");
    let (at, cut) = (usize::from(input.at) % sealed.len(), usize::from(input.cut) % sealed.len());
    let mut changed = sealed.clone();
    changed[at] ^= input.change;
    changed.truncate(sealed.len() - cut);
    // Once before and once after the opener knows the encapsulation.
    let is_genuine = changed == sealed;
    assert_eq!(opener.open(&changed).is_ok(), is_genuine);
    assert_eq!(opener.open(&sealed).as_deref(), Ok(input.plaintext));
    assert_eq!(opener.open(&changed).is_ok(), is_genuine);
    opener.forget(HOUR);
    assert!(opener.open(&sealed).is_err(), "a forgotten key opens nothing");
});

fn key() -> HourKey {
    HourKey::generate(HOUR, [7; 32])
}
