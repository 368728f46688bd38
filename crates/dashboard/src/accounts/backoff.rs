//! Waiting between guesses: per account and per address prefix (/24, /48), longer with each failure, never for good.
//!
//! It rests in memory only, and under hashes whose key dies with the process: neither a login that was typed nor an address is in
//! it. An attempt counts as failed until it has succeeded, so that many at once are as slow as one after the other.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use model::Millis;

/// Failures of an account before anybody waits: a person's mistakes.
const FREE_OF_ACCOUNT: u32 = 5;
/// Failures of a prefix before anybody waits: an office's mistakes.
const FREE_OF_PREFIX: u32 = 25;
/// The first wait; each failure more doubles it.
const WAIT_MS_FIRST: i64 = 1_000;
/// The longest wait.
const WAIT_MS_MAX: i64 = 15 * 60_000;
/// How long after its last failure something is remembered: longer than the longest wait.
const REMEMBERED_MS: i64 = 60 * 60_000;
/// Most accounts and prefixes that are remembered, 40 bytes each. One more takes the place of those that failed longest ago.
const ENTRIES_MAX: usize = 20_000;

/// The memory of failures.
pub(crate) struct Backoff {
    hasher: RandomState,
    entries: Mutex<HashMap<u64, Entry>>,
}

#[derive(Clone, Copy, Default)]
struct Entry {
    failures: u32,
    last: i64,
    until: i64,
    /// Somebody has signed in to this account from this prefix: guesses from elsewhere do not keep them waiting.
    known: bool,
}

/// An attempt that may be made.
pub(crate) struct Attempt {
    keys: [(u64, u32); 2],
    pair: u64,
}

/// How long nobody may try, in whole seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wait(pub(crate) u64);

impl Backoff {
    /// Nothing has failed yet.
    pub(crate) fn new() -> Self {
        Self { hasher: RandomState::new(), entries: Mutex::default() }
    }

    /// Lets an attempt be made, and counts it as failed.
    pub(crate) fn admit(&self, account: &str, address: IpAddr, now: Millis) -> Result<Attempt, Wait> {
        let prefix = prefix(address);
        let pair = self.hasher.hash_one(("pair", account, prefix));
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let is_known = entries.get(&pair).is_some_and(|entry| entry.known);
        let of_account = if is_known { pair } else { self.hasher.hash_one(("account", account)) };
        let keys = [(of_account, FREE_OF_ACCOUNT), (self.hasher.hash_one(("prefix", prefix)), FREE_OF_PREFIX)];
        let until =
            keys.iter().filter_map(|(key, _)| entries.get(key)).map(|entry| entry.until).max().unwrap_or_default();
        if until > now.0 {
            return Err(Wait(u64::try_from((until - now.0 + 999) / 1_000).unwrap_or(1)));
        }
        for (key, free) in keys {
            make_room(&mut entries, key, now.0);
            let entry = entries.entry(key).or_default();
            if now.0 - entry.last > REMEMBERED_MS {
                entry.failures = 0;
            }
            entry.failures = entry.failures.saturating_add(1);
            entry.last = now.0;
            entry.until = now.0 + wait(entry.failures, free);
        }
        Ok(Attempt { keys, pair })
    }

    /// Forgets what an attempt that succeeded was preceded by, at its account; its prefix loses this one failure.
    pub(crate) fn succeeded(&self, attempt: &Attempt, now: Millis) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let [(account, _), (prefix, free)] = attempt.keys;
        entries.remove(&account);
        if let Some(entry) = entries.get_mut(&prefix) {
            entry.failures = entry.failures.saturating_sub(1);
            entry.until = if entry.failures <= free { 0 } else { entry.until };
        }
        make_room(&mut entries, attempt.pair, now.0);
        entries.insert(attempt.pair, Entry { known: true, last: now.0, ..Entry::default() });
    }
}

/// How long to wait after so many failures.
fn wait(failures: u32, free: u32) -> i64 {
    match failures.checked_sub(free) {
        None | Some(0) => 0,
        // Twenty doublings are past the longest already.
        Some(over) => (WAIT_MS_FIRST << (over - 1).min(20)).min(WAIT_MS_MAX),
    }
}

fn make_room(entries: &mut HashMap<u64, Entry>, key: u64, now: i64) {
    if entries.len() < ENTRIES_MAX || entries.contains_key(&key) {
        return;
    }
    entries.retain(|_, entry| now - entry.last <= REMEMBERED_MS);
    if entries.len() >= ENTRIES_MAX {
        // Half of them at once, so that a full table costs an insertion no more than an empty one on average.
        let mut by_age: Vec<_> = entries.iter().map(|(key, entry)| (entry.until, entry.last, *key)).collect();
        let (older, _, _) = by_age.select_nth_unstable(ENTRIES_MAX / 2);
        for (_, _, key) in older {
            entries.remove(key);
        }
    }
}

/// What one sender can have many of: a /24 of IPv4, a /48 of IPv6.
fn prefix(address: IpAddr) -> u128 {
    match address.to_canonical() {
        IpAddr::V4(address) => u128::from(address.to_bits() >> 8),
        IpAddr::V6(address) => (address.to_bits() >> 80) | (1 << 127),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    /// The waits that a patient guesser meets.
    fn waits(
        backoff: &Backoff,
        guesses: usize,
        account: &dyn Fn(usize) -> String,
        from: &dyn Fn(usize) -> IpAddr,
    ) -> Vec<u64> {
        let (mut now, mut waits) = (Millis(1_000_000), Vec::new());
        for guess in 0..guesses {
            let wait = match backoff.admit(&account(guess), from(guess), now) {
                Ok(_) => 0,
                Err(Wait(seconds)) => {
                    now = now.plus(i64::try_from(seconds).unwrap() * 1_000);
                    backoff.admit(&account(guess), from(guess), now).ok().unwrap();
                    seconds
                }
            };
            waits.push(wait);
        }
        waits
    }

    #[test]
    fn each_failure_of_an_account_doubles_the_wait_wherever_it_comes_from() {
        let elsewhere = |guess: usize| address(&format!("192.0.{guess}.1"));
        let found = waits(&Backoff::new(), 18, &|_| "jane".to_owned(), &elsewhere);
        assert_eq!(found, [0, 0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]);
    }

    #[test]
    fn a_prefix_waits_whichever_accounts_it_tries() {
        let near = |guess: usize| address(&format!("192.0.2.{guess}"));
        let found = waits(&Backoff::new(), 30, &|guess| format!("user{guess}"), &near);
        assert_eq!((found[..26].iter().sum::<u64>(), &found[26..]), (0, &[1, 2, 4, 8][..]));
        let found = waits(&Backoff::new(), 30, &|guess| format!("user{guess}"), &|guess| {
            address(&format!("2001:db8:7:{guess}::1"))
        });
        assert!(found[29] > 0);
    }

    #[test]
    fn a_success_forgets_and_guesses_from_elsewhere_keep_nobody_waiting_who_was_there_before() {
        let backoff = Backoff::new();
        let (home, elsewhere, now) = (address("192.0.2.1"), address("198.51.100.1"), Millis(1));
        let attempt = backoff.admit("jane", home, now).ok().unwrap();
        backoff.succeeded(&attempt, now);
        while backoff.admit("jane", elsewhere, now).is_ok() {}
        assert!(backoff.admit("jane", address("203.0.113.1"), now).is_err());
        for _ in 0..=FREE_OF_ACCOUNT {
            assert!(backoff.admit("jane", home, now).is_ok());
        }
        assert!(backoff.admit("jane", home, now).is_err(), "but not without end");
    }

    #[test]
    fn nobody_waits_for_good_and_nothing_is_remembered_without_end() {
        let backoff = Backoff::new();
        let mut now = Millis(1);
        for _ in 0..100 {
            now = now.plus(WAIT_MS_MAX);
            assert!(backoff.admit("jane", address("192.0.2.1"), now).is_ok());
        }
        now = now.plus(REMEMBERED_MS + 1);
        assert_eq!((0..6).filter(|_| backoff.admit("jane", address("192.0.2.1"), now).is_ok()).count(), 6);
        for number in 0..ENTRIES_MAX * 3 / 4 {
            let _ = backoff.admit(&number.to_string(), IpAddr::from((number as u128 * (1 << 90)).to_be_bytes()), now);
        }
        assert!(backoff.entries.lock().unwrap().len() <= ENTRIES_MAX);
    }
}
