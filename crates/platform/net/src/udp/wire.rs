//! Socket addresses and control messages as the system lays them out in memory.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

/// `struct sockaddr_in6`, the longest of ours.
const NAME_BYTES: usize = 28;
/// `struct sockaddr_in`.
const NAME_V4_BYTES: usize = 16;
/// Room for a segment size and the packet info of either family: 24 and 40 bytes.
const CONTROL_BYTES: usize = 64;
/// Length, level and type of `struct cmsghdr`; what follows is aligned like a length.
const CONTROL_HEAD_BYTES: usize = WORD + 8;
const WORD: usize = size_of::<usize>();

/// A socket address in the system's layout.
#[derive(Clone, Copy, Default)]
#[repr(C, align(8))]
pub(super) struct Name {
    bytes: [u8; NAME_BYTES],
    length: u8,
}

impl Name {
    /// Room for an address to be read.
    pub(super) fn room() -> Self {
        Self { bytes: [0; NAME_BYTES], length: small(NAME_BYTES) }
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Self {
        let mut name = Self::room();
        name.set_length(bytes.len());
        let length = usize::from(name.length);
        name.bytes[..length].copy_from_slice(&bytes[..length]);
        name
    }

    pub(super) fn new(address: SocketAddr) -> Self {
        let mut name = Self::room();
        name.bytes[2..4].copy_from_slice(&address.port().to_be_bytes());
        let family = match address {
            SocketAddr::V4(address) => {
                name.bytes[4..8].copy_from_slice(&address.ip().octets());
                name.set_length(NAME_V4_BYTES);
                libc::AF_INET
            }
            SocketAddr::V6(address) => {
                name.bytes[4..8].copy_from_slice(&address.flowinfo().to_be_bytes());
                name.bytes[8..24].copy_from_slice(&address.ip().octets());
                name.bytes[24..28].copy_from_slice(&address.scope_id().to_ne_bytes());
                libc::AF_INET6
            }
        };
        let family = libc::sa_family_t::try_from(family).expect("families are small numbers");
        name.bytes[..2].copy_from_slice(&family.to_ne_bytes());
        name
    }

    /// `None` for another family than IP or an address cut short.
    pub(super) fn address(&self) -> Option<SocketAddr> {
        let bytes = &self.bytes[..usize::from(self.length)];
        let family = i32::from(libc::sa_family_t::from_ne_bytes(*bytes.first_chunk()?));
        let port = u16::from_be_bytes(part(bytes, 2)?);
        match family {
            libc::AF_INET => Some(SocketAddrV4::new(Ipv4Addr::from(part::<4>(bytes, 4)?), port).into()),
            libc::AF_INET6 => {
                let ip = Ipv6Addr::from(part::<16>(bytes, 8)?);
                let flow = u32::from_be_bytes(part(bytes, 4)?);
                let scope = u32::from_ne_bytes(part(bytes, 24)?);
                Some(SocketAddrV6::new(ip, port, flow, scope).into())
            }
            _ => None,
        }
    }

    pub(super) fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[..usize::from(self.length)]
    }

    pub(super) fn set_length(&mut self, length: usize) {
        self.length = small(length.min(NAME_BYTES));
    }
}

/// Control messages of one datagram: beside its bytes.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
pub(super) struct Control {
    bytes: [u8; CONTROL_BYTES],
    length: u8,
}

impl Default for Control {
    fn default() -> Self {
        Self { bytes: [0; CONTROL_BYTES], length: 0 }
    }
}

/// What the system says about a datagram that came.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Told {
    /// The size of the datagrams that were joined into one read, all but the last.
    pub(super) segment_bytes: Option<usize>,
    /// The address it was sent to.
    pub(super) destination: Option<IpAddr>,
}

impl Control {
    /// Room for control messages to be read.
    pub(super) fn room() -> Self {
        Self { bytes: [0; CONTROL_BYTES], length: small(CONTROL_BYTES) }
    }

    /// Asks the system to cut what is sent into datagrams of this size.
    pub(super) fn push_segment(&mut self, bytes: u16) {
        self.push(libc::SOL_UDP, libc::UDP_SEGMENT, &bytes.to_ne_bytes());
    }

    /// Asks the system to send from this address.
    pub(super) fn push_source(&mut self, source: IpAddr) {
        match source {
            // struct in_pktinfo: interface (0: any), the address to send from, and one that is only read.
            IpAddr::V4(source) => {
                let mut info = [0; 12];
                info[4..8].copy_from_slice(&source.octets());
                self.push(libc::IPPROTO_IP, libc::IP_PKTINFO, &info);
            }
            // struct in6_pktinfo: the address, then the interface.
            IpAddr::V6(source) => {
                let mut info = [0; 20];
                info[..16].copy_from_slice(&source.octets());
                self.push(libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, &info);
            }
        }
    }

    pub(super) fn read(&self) -> Told {
        let mut told = Told::default();
        let mut rest = &self.bytes[..usize::from(self.length)];
        while let Some(message) = Message::read(rest) {
            match (message.level, message.kind) {
                (libc::SOL_UDP, libc::UDP_GRO) => {
                    let size = part(message.data, 0).map(libc::c_int::from_ne_bytes);
                    told.segment_bytes = size.and_then(|size| usize::try_from(size).ok());
                }
                (libc::IPPROTO_IP, libc::IP_PKTINFO) => {
                    told.destination = part::<4>(message.data, 8).map(|octets| Ipv4Addr::from(octets).into());
                }
                (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => {
                    told.destination =
                        part::<16>(message.data, 0).map(|octets| Ipv6Addr::from(octets).into());
                }
                _ => {}
            }
            rest = rest.get(message.used..).unwrap_or_default();
        }
        told
    }

    pub(super) fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[..usize::from(self.length)]
    }

    pub(super) fn set_length(&mut self, length: usize) {
        self.length = small(length.min(CONTROL_BYTES));
    }

    fn push(&mut self, level: libc::c_int, kind: libc::c_int, data: &[u8]) {
        let start = usize::from(self.length);
        let length = CONTROL_HEAD_BYTES + data.len();
        let place = &mut self.bytes[start..start + length];
        place[..WORD].copy_from_slice(&length.to_ne_bytes());
        place[WORD..WORD + 4].copy_from_slice(&level.to_ne_bytes());
        place[WORD + 4..CONTROL_HEAD_BYTES].copy_from_slice(&kind.to_ne_bytes());
        place[CONTROL_HEAD_BYTES..].copy_from_slice(data);
        self.set_length(start + length.next_multiple_of(WORD));
    }
}

struct Message<'a> {
    level: libc::c_int,
    kind: libc::c_int,
    data: &'a [u8],
    used: usize,
}

impl<'a> Message<'a> {
    fn read(bytes: &'a [u8]) -> Option<Self> {
        let length = usize::from_ne_bytes(part(bytes, 0)?);
        let level = libc::c_int::from_ne_bytes(part(bytes, WORD)?);
        let kind = libc::c_int::from_ne_bytes(part(bytes, WORD + 4)?);
        let data = bytes.get(CONTROL_HEAD_BYTES..length)?;
        Some(Self { level, kind, data, used: length.next_multiple_of(WORD) })
    }
}

fn part<const COUNT: usize>(bytes: &[u8], at: usize) -> Option<[u8; COUNT]> {
    bytes.get(at..)?.first_chunk().copied()
}

fn small(length: usize) -> u8 {
    u8::try_from(length).expect("names and control messages are shorter than 256 bytes")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn addresses_come_back_as_they_were_written(ip in any::<IpAddr>(), port in any::<u16>(), scope in any::<u32>()) {
            let mut address = SocketAddr::new(ip, port);
            if let SocketAddr::V6(address) = &mut address {
                address.set_scope_id(scope);
            }
            prop_assert_eq!(Name::new(address).address(), Some(address));
        }

        #[test]
        fn no_bytes_of_the_system_are_read_past_their_end(bytes in proptest::collection::vec(any::<u8>(), 0..CONTROL_BYTES), length in 0..80_usize) {
            let mut control = Control::default();
            control.bytes[..bytes.len()].copy_from_slice(&bytes);
            control.set_length(length);
            let told = control.read();
            prop_assert!(bytes.len() >= CONTROL_HEAD_BYTES || told == Told::default());
            let _ = Name::from_bytes(&bytes).address();
        }
    }

    #[test]
    fn an_address_cut_short_is_none() {
        let mut name = Name::new(SocketAddr::from(([192, 0, 2, 1], 7)));
        name.set_length(7);
        assert_eq!(name.address(), None);
    }

    #[test]
    fn a_segment_size_and_the_longest_source_fit_together() {
        let mut control = Control::default();
        control.push_segment(1_200);
        control.push_source(Ipv6Addr::LOCALHOST.into());
        let expected = Told { segment_bytes: None, destination: Some(Ipv6Addr::LOCALHOST.into()) };
        assert_eq!(control.read(), expected);
    }
}
