//! Who really sent a request: the socket's address, or, behind proxies the operator named, what those proxies say.
//!
//! `X-Forwarded-For` and `Forwarded` are read, from the right, for as long as the address that speaks is a trusted proxy;
//! no other header is ever believed. A stranger's header is never read, and an unreadable hop ends the walk at the last
//! address that is known.

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use http::HeaderMap;
use http::header::FORWARDED;

use crate::forwarded;

/// Most hops that are followed: no honest chain of proxies is longer.
const HOPS_MAX: usize = 32;

/// A block of addresses in CIDR notation, such as `10.0.0.0/8`, or one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix_bits: u8,
}

/// Why a text is not a block of addresses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a network is an address, or an address and a prefix length, such as 10.0.0.0/8 or 2001:db8::/32")]
pub struct NetworkError;

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let (address, prefix) = text.trim().split_once('/').map_or((text.trim(), None), |(a, p)| (a, Some(p)));
        let address: IpAddr = address.parse().map_err(|_| NetworkError)?;
        let bits_max: u8 = if address.is_ipv4() { 32 } else { 128 };
        let prefix_bits = prefix.map_or(Ok(bits_max), str::parse).map_err(|_| NetworkError)?;
        if prefix_bits > bits_max {
            return Err(NetworkError);
        }
        // A block of mapped addresses is the block of IPv4 addresses they stand for: that is how peers are compared.
        match (address.to_canonical(), prefix_bits.checked_sub(96)) {
            (canonical @ IpAddr::V4(_), Some(prefix_bits)) if address.is_ipv6() => {
                Ok(Self { address: canonical, prefix_bits })
            }
            _ => Ok(Self { address, prefix_bits }),
        }
    }
}

impl Network {
    /// Whether an address lies in this block.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(block), IpAddr::V4(address)) => {
                let difference = block.to_bits() ^ address.to_bits();
                difference.checked_shr(32 - u32::from(self.prefix_bits)).unwrap_or(0) == 0
            }
            (IpAddr::V6(block), IpAddr::V6(address)) => {
                let difference = block.to_bits() ^ address.to_bits();
                difference.checked_shr(128 - u32::from(self.prefix_bits)).unwrap_or(0) == 0
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

/// The proxies whose word about addresses is believed. Empty by default: then only sockets speak.
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies(Vec<Network>);

impl FromIterator<Network> for TrustedProxies {
    fn from_iter<I: IntoIterator<Item = Network>>(networks: I) -> Self {
        Self(networks.into_iter().collect())
    }
}

impl TrustedProxies {
    /// The address a request came from.
    ///
    /// Where both headers are there, `X-Forwarded-For` is taken: it is what nearly all proxies write, and a proxy that
    /// writes only that passes a client's `Forwarded` on unread.
    #[must_use]
    pub fn sender(&self, socket: SocketAddr, headers: &HeaderMap) -> IpAddr {
        let socket = socket.ip().to_canonical();
        if !self.trusts(socket) {
            return socket;
        }
        if headers.contains_key(X_FORWARDED_FOR) {
            let fields = headers.get_all(X_FORWARDED_FOR).iter().rev();
            let hops = fields.flat_map(|field| field.as_bytes().rsplit(|b| *b == b',').map(node_of_list));
            return self.walk(socket, hops);
        }
        // The fields of a list header are one list; each must be well formed for any of them to count.
        let fields = headers.get_all(FORWARDED).iter().map(|field| forwarded::parse(field.as_bytes()));
        let Some(fields) = fields.collect::<Option<Vec<_>>>() else { return socket };
        let elements = fields.iter().flatten().rev();
        self.walk(socket, elements.map(|element| forwarded::parameter(element, "for").and_then(node)))
    }

    /// Whether a proxy whose word is not believed stands between: then everybody behind it has one address.
    #[must_use]
    pub fn hide(&self, socket: SocketAddr, headers: &HeaderMap) -> bool {
        let forwarded = headers.contains_key(X_FORWARDED_FOR) || headers.contains_key(FORWARDED);
        forwarded && !self.trusts(socket.ip().to_canonical())
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(address))
    }

    /// Follows the hops, last one first, while the address that reported the next is trusted.
    fn walk(&self, socket: IpAddr, hops: impl Iterator<Item = Option<IpAddr>>) -> IpAddr {
        let mut address = socket;
        for hop in hops.take(HOPS_MAX) {
            let Some(hop) = hop else { return address };
            address = hop;
            if !self.trusts(address) {
                return address;
            }
        }
        address
    }
}

const X_FORWARDED_FOR: &str = "x-forwarded-for";

/// An entry of `X-Forwarded-For`, with the spaces that a list allows around it.
fn node_of_list(entry: &[u8]) -> Option<IpAddr> {
    node(entry.trim_ascii())
}

/// Reads a node: an address, perhaps with a port, brackets or a zone. `unknown` and made-up names are none.
fn node(text: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(text).ok()?;
    let host = match text.strip_prefix('[') {
        Some(bracketed) => {
            let (host, port) = bracketed.split_once(']')?;
            (port.is_empty() || port.starts_with(':')).then_some(host)?
        }
        // One colon is a port; several are an IPv6 address that its sender did not bracket.
        None => match text.split_once(':') {
            Some((host, port)) if !port.contains(':') => host,
            _ => text,
        },
    };
    let without_zone = host.split_once('%').map_or(host, |(address, _zone)| address);
    without_zone.parse().ok().map(|address: IpAddr| address.to_canonical())
}
