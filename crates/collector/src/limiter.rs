//! A token bucket per address prefix (/24, /48): how many hits a neighbourhood may send. It protects the counts and the
//! journal from one sender; it is no defence against many.
//!
//! Memory is fixed: a table of [`SETS`] × [`WAYS`] buckets under a keyed hash, made once. Where a set is full, the fullest
//! bucket (the sender that was idle longest) gives way; who is pushed out starts with a full bucket again, which errs on
//! the side of counting. Prefixes are kept only as hashes under a key that dies with the process.

use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use model::Millis;

/// Sets of the table, each under its own lock, so that senders hardly ever wait for each other.
const SETS: usize = 16_384;

/// Buckets per set.
const WAYS: usize = 4;

/// Thousandths of a token: refills of a millisecond must not be lost.
const MILLITOKENS: i64 = 1_000;

/// How fast one address prefix may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// Hits per second that it may send for ever.
    pub hits_per_second: u32,
    /// Hits that it may send at once after a rest.
    pub burst_hits: u32,
}

impl RateLimit {
    /// Visitors' requests of one prefix: a person presses a few buttons; an office behind one address asks now and then. It
    /// holds whether hits are limited or not, because a request costs more than a hit and its answer tells something.
    pub(crate) const RIGHTS: Self = Self { hits_per_second: 2, burst_hits: 120 };
}

impl Default for RateLimit {
    /// Generous: a mobile carrier's shared prefix on a busy site stays below it, a flood from one machine does not. A batch
    /// of the largest size fits the burst three times.
    fn default() -> Self {
        Self { hits_per_second: 100, burst_hits: 3_000 }
    }
}

#[derive(Clone, Copy)]
struct Bucket {
    /// Hash of the prefix; zero where nobody has it.
    prefix: u64,
    millitokens: i64,
    at: Millis,
}

const NOBODY: Bucket = Bucket { prefix: 0, millitokens: 0, at: Millis(0) };

/// The table of buckets.
pub(crate) struct Limiter {
    limit: RateLimit,
    hasher: RandomState,
    sets: Box<[Mutex<[Bucket; WAYS]>]>,
}

impl Limiter {
    pub(crate) fn new(limit: RateLimit) -> Self {
        let sets = (0..SETS).map(|_| Mutex::new([NOBODY; WAYS])).collect();
        Self { limit, hasher: RandomState::new(), sets }
    }

    /// Takes `hits` tokens from the sender's bucket, or none and says no. A batch larger than the burst needs a full bucket.
    ///
    /// Loopback is not limited: it is the operator's own machine (tests, imports, a proxy that is not declared trusted).
    pub(crate) fn admits(&self, address: IpAddr, hits: usize, now: Millis) -> bool {
        address.is_loopback() || self.admits_from_anywhere(address, hits, now)
    }

    /// The same with no exception.
    pub(crate) fn admits_from_anywhere(&self, address: IpAddr, hits: usize, now: Millis) -> bool {
        let prefix = prefix(address);
        let prefix = self.hasher.hash_one(prefix).max(1);
        let full = i64::from(self.limit.burst_hits) * MILLITOKENS;
        let price = i64::try_from(hits).unwrap_or(i64::MAX).saturating_mul(MILLITOKENS).min(full);
        let index = usize::try_from(prefix % SETS as u64).unwrap_or(0);
        let Some(set) = self.sets.get(index) else { return true };
        let mut set = set.lock().unwrap_or_else(PoisonError::into_inner);
        for bucket in set.iter_mut() {
            let tokens = if bucket.prefix == 0 { full } else { self.refilled(bucket, now, full) };
            *bucket = Bucket { prefix: bucket.prefix, millitokens: tokens, at: now };
        }
        let known = set.iter().position(|bucket| bucket.prefix == prefix);
        let bucket = match known {
            Some(way) => set.get_mut(way),
            None => set.iter_mut().max_by_key(|bucket| bucket.millitokens),
        };
        let Some(bucket) = bucket else { return true };
        if known.is_none() {
            *bucket = Bucket { prefix, millitokens: full, at: now };
        }
        let admitted = bucket.millitokens >= price;
        if admitted {
            bucket.millitokens -= price;
        }
        admitted
    }

    /// A clock that steps back refills nothing.
    fn refilled(&self, bucket: &Bucket, now: Millis, full: i64) -> i64 {
        let idle_ms = now.0.saturating_sub(bucket.at.0).max(0);
        let gained = idle_ms.saturating_mul(i64::from(self.limit.hits_per_second));
        bucket.millitokens.saturating_add(gained).min(full)
    }
}

/// What one sender commonly holds: a /24 of IPv4, a /48 of IPv6.
fn prefix(address: IpAddr) -> u64 {
    match address {
        IpAddr::V4(address) => u64::from(address.to_bits() >> 8),
        // The marker keeps the two families apart: a /48 takes 48 bits.
        IpAddr::V6(address) => u64::try_from(address.to_bits() >> 80).unwrap_or(u64::MAX) | 1 << 63,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: RateLimit = RateLimit { hits_per_second: 10, burst_hits: 20 };

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn admitted(limiter: &Limiter, from: &str, at: i64) -> usize {
        (0..100).filter(|_| limiter.admits(address(from), 1, Millis(at))).count()
    }

    #[test]
    fn admits_a_burst_and_then_the_rate() {
        let limiter = Limiter::new(LIMIT);
        assert_eq!(admitted(&limiter, "192.0.2.1", 1_000), 20);
        assert_eq!(admitted(&limiter, "192.0.2.1", 1_050), 0);
        assert_eq!(admitted(&limiter, "192.0.2.1", 1_500), 5);
        assert_eq!(admitted(&limiter, "192.0.2.1", 1_000_000), 20);
    }

    #[test]
    fn neighbours_share_and_strangers_do_not() {
        let limiter = Limiter::new(LIMIT);
        assert_eq!(admitted(&limiter, "192.0.2.1", 0), 20);
        assert_eq!(admitted(&limiter, "192.0.2.250", 0), 0);
        assert_eq!(admitted(&limiter, "192.0.3.1", 0), 20);
        assert_eq!(admitted(&limiter, "2001:db8:1:2::1", 0), 20);
        assert_eq!(admitted(&limiter, "2001:db8:1:3::9", 0), 0);
        assert_eq!(admitted(&limiter, "2001:db8:2::1", 0), 20);
    }

    #[test]
    fn a_batch_pays_for_all_its_hits_or_for_none() {
        let limiter = Limiter::new(LIMIT);
        assert!(limiter.admits(address("192.0.2.1"), 15, Millis(0)));
        assert!(!limiter.admits(address("192.0.2.1"), 6, Millis(0)));
        assert!(limiter.admits(address("192.0.2.1"), 5, Millis(0)));
        assert!(limiter.admits(address("192.0.2.1"), 500, Millis(2_000)), "more than the burst needs a full bucket");
    }

    #[test]
    fn loopback_is_not_limited_and_a_clock_that_steps_back_refills_nothing() {
        let limiter = Limiter::new(LIMIT);
        assert_eq!(admitted(&limiter, "127.0.0.1", 0), 100);
        assert_eq!(admitted(&limiter, "::1", 0), 100);
        assert_eq!(admitted(&limiter, "192.0.2.1", 10_000), 20);
        assert_eq!(admitted(&limiter, "192.0.2.1", 0), 0);
    }

    #[test]
    fn a_flood_of_prefixes_takes_no_more_memory_and_lets_honest_senders_through() {
        let limiter = Limiter::new(LIMIT);
        for number in 0..200_000_u32 {
            limiter.admits(IpAddr::V4((number << 8).into()), 1, Millis(0));
        }
        assert_eq!(admitted(&limiter, "192.0.2.1", 0), 20);
    }
}
