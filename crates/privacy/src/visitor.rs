//! The pseudonym of a visitor: one site, one site-local day, one address, one user agent, under a secret that exists only
//! in memory.
//!
//! It is not an identifier that can leave the process: [`Visitor`] has no text form, no serialised form and no public
//! constructor. [`pseudonymise`] consumes the [`Peer`], so that nothing about the sender is left behind it.

use std::net::IpAddr;

use hmac::{Hmac, KeyInit, Mac};
use model::{Domain, LocalDay, Peer};
use sha2::Sha256;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// The random secret of one process (or, for [`partition_of`], of one installation). Wiped when dropped.
pub struct Secret {
    /// Ready to take a message, so that no hit pays for the key's two blocks.
    keyed: Hmac<Sha256>,
}

/// `Hmac<Sha256>` is two states of this type, and nothing else in it was touched by the key.
const _: fn() = || {
    fn is_wiped_when_dropped<T: ZeroizeOnDrop>() {}
    is_wiped_when_dropped::<sha2::block_api::Sha256VarCore>();
};

impl Secret {
    /// Takes 32 random bytes.
    #[must_use]
    pub fn new(mut bytes: [u8; 32]) -> Self {
        let keyed = Hmac::new_from_slice(&bytes).expect("HMAC takes a key of any length");
        bytes.zeroize();
        Self { keyed }
    }
}

/// One visitor of one site on one site-local day. Nothing links it to another site or another day.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Visitor([u8; 16]);

impl Visitor {
    /// Nobody's pseudonym, to overwrite one with.
    #[must_use]
    pub const fn nobody() -> Self {
        Self([0; 16])
    }
}

/// Derives the visitor's pseudonym; the peer ends here.
#[must_use]
pub fn pseudonymise(secret: &Secret, site: &Domain, day: LocalDay, peer: Peer) -> Visitor {
    let digest = Message::about(secret, b"footfall visitor 1")
        .field(site.as_str().as_bytes())
        .field(&day.0.to_be_bytes())
        .address(peer.address)
        .field(peer.agent.as_bytes())
        .digest();
    Visitor(first(&digest))
}

/// The visitor's pseudonyms on several days of one site, for a request about all of them; the peer ends here.
#[must_use]
pub fn pseudonyms(
    secret: &Secret,
    site: &Domain,
    days: impl IntoIterator<Item = LocalDay>,
    peer: Peer,
) -> Vec<(LocalDay, Visitor)> {
    let Peer { address, agent } = peer;
    let alike = || Peer { address, agent: agent.clone() };
    days.into_iter().map(|day| (day, pseudonymise(secret, site, day, alike()))).collect()
}

/// Which of `partitions` takes this sender's hits: the same for all of them, and saying nothing about the sender without
/// the secret. It leaves the peer alone, because the record that is about to be sealed still needs it.
#[must_use]
pub fn partition_of(secret: &Secret, site: &Domain, peer: &Peer, partitions: u32) -> u32 {
    let digest = Message::about(secret, b"footfall partition 1")
        .field(site.as_str().as_bytes())
        .address(peer.address)
        .field(peer.agent.as_bytes())
        .digest();
    let spread = u128::from(u64::from_be_bytes(first(&digest))) * u128::from(partitions);
    u32::try_from(spread >> 64).expect("a 64-bit fraction of a 32-bit number is below it")
}

/// A message under construction. Every field carries its length, so that no two lists of fields read the same.
struct Message(Hmac<Sha256>);

impl Message {
    fn about(secret: &Secret, purpose: &[u8]) -> Self {
        Self(secret.keyed.clone()).field(purpose)
    }

    fn field(mut self, bytes: &[u8]) -> Self {
        self.0.update(&(bytes.len() as u64).to_be_bytes());
        self.0.update(bytes);
        self
    }

    /// An IPv4 sender is the same whether the socket showed it as IPv4 or mapped into IPv6.
    fn address(self, address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => self.field(&address.octets()),
            IpAddr::V6(address) => self.field(&address.octets()),
        }
    }

    fn digest(self) -> [u8; 32] {
        self.0.finalize().into_bytes().into()
    }
}

fn first<const N: usize>(digest: &[u8; 32]) -> [u8; N] {
    *digest.first_chunk().expect("a digest of 32 bytes has that many")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_visitor_is_the_same_only_for_the_same_everything() {
        let base = visitor(1, "example.com", 20_000, "192.0.2.1", "Firefox");
        assert!(base == visitor(1, "example.com", 20_000, "192.0.2.1", "Firefox"));
        let others = [
            visitor(2, "example.com", 20_000, "192.0.2.1", "Firefox"),
            visitor(1, "example.org", 20_000, "192.0.2.1", "Firefox"),
            visitor(1, "example.com", 20_001, "192.0.2.1", "Firefox"),
            visitor(1, "example.com", 20_000, "192.0.2.2", "Firefox"),
            visitor(1, "example.com", 20_000, "192.0.2.1", "Firefoy"),
        ];
        assert!(others.into_iter().all(|other| other != base));
    }

    #[test]
    fn an_ipv4_address_mapped_into_ipv6_is_the_same_sender() {
        let plain = visitor(1, "example.com", 20_000, "192.0.2.1", "Firefox");
        assert!(plain == visitor(1, "example.com", 20_000, "::ffff:192.0.2.1", "Firefox"));
        assert!(plain != visitor(1, "example.com", 20_000, "::c000:201", "Firefox"));
    }

    #[test]
    fn fields_do_not_run_into_each_other() {
        let one = Message::about(&Secret::new([1; 32]), b"p").field(b"ab").field(b"c").digest();
        let other = Message::about(&Secret::new([1; 32]), b"p").field(b"a").field(b"bc").digest();
        assert_ne!(one, other);
    }

    #[test]
    fn agrees_with_hmac_sha_256_as_published() {
        // RFC 4231, test case 1, without the field lengths.
        let mut keyed = Secret::new_of_any_length(&[0x0b; 20]).keyed;
        keyed.update(b"Hi There");
        let digest: [u8; 32] = keyed.finalize().into_bytes().into();
        assert_eq!(digest.first_chunk(), Some(&[0xb0, 0x34, 0x4c, 0x61, 0xd8, 0xdb, 0x38, 0x53]));
    }

    #[test]
    fn partitions_are_spread_evenly_and_kept_by_sender() {
        let secret = Secret::new([3; 32]);
        let site = Domain::parse("example.com").unwrap();
        let mut hits = [0_u32; 7];
        for sender in 0..7_000_u32 {
            let partition =
                partition_of(&secret, &site, &peer(&format!("10.0.{}.{}", sender / 256, sender % 256), "a"), 7);
            hits[partition as usize] += 1;
        }
        assert!(hits.iter().all(|hits| (850..1_150).contains(hits)), "{hits:?}");
        let peers = [peer("10.0.0.1", "a"), peer("::ffff:10.0.0.1", "a")];
        assert_eq!(partition_of(&secret, &site, &peers[0], 7), partition_of(&secret, &site, &peers[1], 7));
        assert_eq!(partition_of(&secret, &site, &peers[0], 1), 0);
    }

    impl Secret {
        fn new_of_any_length(bytes: &[u8]) -> Self {
            Self { keyed: Hmac::new_from_slice(bytes).unwrap() }
        }
    }

    fn visitor(secret: u8, site: &str, day: i32, address: &str, agent: &str) -> Visitor {
        pseudonymise(&Secret::new([secret; 32]), &Domain::parse(site).unwrap(), LocalDay(day), peer(address, agent))
    }

    fn peer(address: &str, agent: &str) -> Peer {
        Peer { address: address.parse().unwrap(), agent: agent.into() }
    }
}
