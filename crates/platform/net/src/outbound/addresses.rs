//! Which addresses a customer's URL may lead to.
//!
//! The tables are those of the IANA special-purpose address registries (RFC 6890 and its successors): what is
//! not global unicast is reached only when the configuration names its network.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// A network in CIDR form (RFC 4632 §3.1, RFC 4291 §2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IpNetwork {
    address: IpAddr,
    prefix_bits: u32,
}

/// A text that is neither a network nor an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a network is written as 10.0.0.0/8, 2001:db8::/32 or one address")]
pub struct IpNetworkError;

impl IpNetwork {
    /// The network of `address` with `prefix_bits` leading bits; `None` when it has fewer bits.
    pub const fn new(address: IpAddr, prefix_bits: u32) -> Option<Self> {
        let bits = if address.is_ipv4() { 32 } else { 128 };
        if prefix_bits <= bits { Some(Self { address, prefix_bits }) } else { None }
    }

    const fn v4(a: u8, b: u8, c: u8, d: u8, prefix_bits: u32) -> Self {
        Self { address: IpAddr::V4(Ipv4Addr::new(a, b, c, d)), prefix_bits }
    }

    const fn v6(first: u16, second: u16, prefix_bits: u32) -> Self {
        Self { address: IpAddr::V6(Ipv6Addr::new(first, second, 0, 0, 0, 0, 0, 0)), prefix_bits }
    }

    /// Whether `address` lies in the network. Addresses of one family never lie in networks of the other.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                let mask = u32::MAX.checked_shl(32 - self.prefix_bits).unwrap_or(0);
                network.to_bits() & mask == address.to_bits() & mask
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                let mask = u128::MAX.checked_shl(128 - self.prefix_bits).unwrap_or(0);
                network.to_bits() & mask == address.to_bits() & mask
            }
            _ => false,
        }
    }
}

impl FromStr for IpNetwork {
    type Err = IpNetworkError;

    fn from_str(text: &str) -> Result<Self, IpNetworkError> {
        let (address, prefix) =
            text.split_once('/').map_or((text, None), |(left, right)| (left, Some(right)));
        let address: IpAddr = address.parse().map_err(|_| IpNetworkError)?;
        let bits = if address.is_ipv4() { 32 } else { 128 };
        let prefix_bits = match prefix {
            Some(prefix) if prefix.bytes().all(|byte| byte.is_ascii_digit()) => {
                prefix.parse().map_err(|_| IpNetworkError)?
            }
            Some(_) => return Err(IpNetworkError),
            None => bits,
        };
        Self::new(address, prefix_bits).ok_or(IpNetworkError)
    }
}

/// IPv4 that is not global unicast.
const SPECIAL_V4: &[IpNetwork] = &[
    IpNetwork::v4(0, 0, 0, 0, 8),        // this network, RFC 791 §3.2
    IpNetwork::v4(10, 0, 0, 0, 8),       // private, RFC 1918
    IpNetwork::v4(100, 64, 0, 0, 10),    // between a provider and its customers, RFC 6598
    IpNetwork::v4(127, 0, 0, 0, 8),      // loopback, RFC 1122 §3.2.1.3
    IpNetwork::v4(168, 63, 129, 16, 32), // Azure's platform service, on every machine there; not a host elsewhere
    IpNetwork::v4(169, 254, 0, 0, 16),   // link-local and the metadata services of clouds, RFC 3927
    IpNetwork::v4(172, 16, 0, 0, 12),    // private, RFC 1918
    IpNetwork::v4(192, 0, 0, 0, 24),     // protocol assignments, RFC 6890 §2.1
    IpNetwork::v4(192, 0, 2, 0, 24),     // documentation, RFC 5737
    IpNetwork::v4(192, 88, 99, 0, 24),   // relays of 6to4, RFC 7526
    IpNetwork::v4(192, 168, 0, 0, 16),   // private, RFC 1918
    IpNetwork::v4(198, 18, 0, 0, 15),    // benchmarks, RFC 2544
    IpNetwork::v4(198, 51, 100, 0, 24),  // documentation, RFC 5737
    IpNetwork::v4(203, 0, 113, 0, 24),   // documentation, RFC 5737
    IpNetwork::v4(224, 0, 0, 0, 4),      // multicast, RFC 1112 §4
    IpNetwork::v4(240, 0, 0, 0, 4),      // reserved and broadcast, RFC 1112 §4
];

/// Where IPv6 has its global unicast addresses, RFC 4291 §2.4. Everything outside is special.
const GLOBAL_V6: IpNetwork = IpNetwork::v6(0x2000, 0, 3);

/// IPv6 inside [`GLOBAL_V6`] that is special all the same.
const SPECIAL_V6: &[IpNetwork] = &[
    IpNetwork::v6(0x2001, 0, 23), // protocol assignments with Teredo, RFC 2928, RFC 4380
    IpNetwork::v6(0x2001, 0xdb8, 32), // documentation, RFC 3849
    IpNetwork::v6(0x2002, 0, 16), // 6to4: an IPv4 address inside, by relays nobody runs, RFC 7526
    IpNetwork::v6(0x3fff, 0, 20), // documentation, RFC 9637
];

/// IPv6 that stands for IPv4 behind a translator, RFC 6052 §2.1.
const NAT64: IpNetwork = IpNetwork::v6(0x64, 0xff9b, 96);

/// Which addresses may be called: global unicast, and the networks that were allowed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AddressRules {
    allowed: Vec<IpNetwork>,
}

impl AddressRules {
    /// Global unicast and `allowed`.
    pub fn new(allowed: Vec<IpNetwork>) -> Self {
        Self { allowed }
    }

    /// Whether `address` may be called. IPv4 inside IPv6 (mapped, or behind NAT64) counts as IPv4.
    pub fn permits(&self, address: IpAddr) -> bool {
        let meant = meant(address);
        let is_allowed = |network: &IpNetwork| network.contains(meant) || network.contains(address);
        is_global(meant) || self.allowed.iter().any(is_allowed)
    }
}

/// The address that is reached in the end.
fn meant(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(translated) if NAT64.contains(translated.into()) => {
            let [.., a, b, c, d] = translated.octets();
            Ipv4Addr::new(a, b, c, d).into()
        }
        other => other,
    }
}

fn is_global(address: IpAddr) -> bool {
    let is_in = |networks: &[IpNetwork]| networks.iter().any(|network| network.contains(address));
    match address {
        IpAddr::V4(_) => !is_in(SPECIAL_V4),
        IpAddr::V6(_) => GLOBAL_V6.contains(address) && !is_in(SPECIAL_V6),
    }
}

#[cfg(test)]
mod tests;
