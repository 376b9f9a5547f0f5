//! Whose datagram it is.
//!
//! ```text
//! first byte  0..=3    STUN       by the name in it (ufrag), which we gave to one client
//!            20..=63   DTLS     ┐ by the address, which ICE has found to be that client's;
//!           128..=191  RTP, RTCP┘ never tried against clients
//!            others               dropped
//! ```

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use trunkline_sfu::{Now, PeerKey};

/// The magic cookie of STUN (RFC 8489 §5).
const MAGIC_COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
const STUN_HEAD_BYTES: usize = 20;
const USERNAME: u16 = 0x0006;
/// Checks of unknown addresses that are looked at, per second, of one host for one client. A client makes some twenty a
/// second for each of its addresses while it connects; clients behind one address do not share this.
const CHECKS_PER_SECOND: u32 = 100;
/// Hosts and clients that are counted in one second. Under a flood of more of them new ones wait for the next second.
const COUNTED_MAX: usize = 65_536;
const SECOND: Duration = Duration::from_secs(1);

/// Why a datagram is nobody's.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Stray {
    Form,
    UnknownName,
    UnknownAddress,
    CheckRate,
}

impl Stray {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Form => "form",
            Self::UnknownName => "unknown_name",
            Self::UnknownAddress => "unknown_address",
            Self::CheckRate => "check_rate",
        }
    }
}

/// In the place of a socket: the relay of this process, with which this thread shares two mailboxes.
pub(super) const RELAY: usize = usize::MAX;

/// Where an address of a client is reached from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Route {
    pub(super) peer: PeerKey,
    /// The socket its datagrams come to, or [`RELAY`].
    pub(super) socket: usize,
    /// The address of ours they come to.
    pub(super) local: IpAddr,
}

/// Names and addresses of all clients of a thread.
#[derive(Debug, Default)]
pub(super) struct Demux {
    by_ufrag: HashMap<String, PeerKey>,
    by_address: HashMap<SocketAddr, Route>,
    // Invariant: those of `by_address` that come by the relay, and the address of ours they come to. Mostly empty.
    relayed: HashMap<SocketAddr, IpAddr>,
    checks: HashMap<(IpAddr, PeerKey), u32>,
    checks_since: Now,
}

impl Demux {
    pub(super) fn add_ufrag(&mut self, ufrag: String, peer: PeerKey) {
        self.by_ufrag.insert(ufrag, peer);
    }

    pub(super) fn remove_ufrag(&mut self, ufrag: &str) {
        self.by_ufrag.remove(ufrag);
    }

    pub(super) fn add_address(&mut self, source: SocketAddr, route: Route) {
        self.by_address.insert(source, route);
        if route.socket == RELAY {
            self.relayed.insert(source, route.local);
        } else {
            self.relayed.remove(&source);
        }
    }

    /// Forgets an address, unless it has become somebody else's.
    pub(super) fn remove_address(&mut self, source: SocketAddr, peer: PeerKey) {
        if self.route(source).is_some_and(|route| route.peer == peer) {
            self.by_address.remove(&source);
            self.relayed.remove(&source);
        }
    }

    /// The address of ours that a client of the relay uses; `None` for others.
    pub(super) fn relayed(&self, client: SocketAddr) -> Option<IpAddr> {
        if self.relayed.is_empty() { None } else { self.relayed.get(&client).copied() }
    }

    pub(super) fn route(&self, source: SocketAddr) -> Option<Route> {
        self.by_address.get(&source).copied()
    }

    /// Whose datagram it is.
    pub(super) fn find(&mut self, source: SocketAddr, bytes: &[u8], now: Now) -> Result<PeerKey, Stray> {
        let known = self.route(source).map(|route| route.peer);
        if !is_stun(bytes) {
            return if is_media(bytes) { known.ok_or(Stray::UnknownAddress) } else { Err(Stray::Form) };
        }
        let peer = self.find_by_name(bytes)?;
        if known != Some(peer) && !self.may_check((source.ip(), peer), now) {
            return Err(Stray::CheckRate);
        }
        Ok(peer)
    }

    /// Whose check it is, by the name in it.
    pub(super) fn find_by_name(&self, check: &[u8]) -> Result<PeerKey, Stray> {
        let ufrag = called(check).ok_or(Stray::Form)?;
        self.by_ufrag.get(ufrag).copied().ok_or(Stray::UnknownName)
    }

    fn may_check(&mut self, who: (IpAddr, PeerKey), now: Now) -> bool {
        if now.saturating_sub(self.checks_since) >= SECOND {
            self.checks.clear();
            self.checks_since = now;
        }
        if self.checks.len() >= COUNTED_MAX && !self.checks.contains_key(&who) {
            return false;
        }
        let count = self.checks.entry(who).or_default();
        *count += 1;
        *count <= CHECKS_PER_SECOND
    }
}

/// Whether it is a whole STUN message by its head (RFC 7983 §7, RFC 8489 §5).
pub(super) fn is_stun(bytes: &[u8]) -> bool {
    bytes.len() >= STUN_HEAD_BYTES && bytes[0] <= 3 && bytes[4..8] == MAGIC_COOKIE
}

/// DTLS, RTP or RTCP.
pub(super) fn is_media(bytes: &[u8]) -> bool {
    matches!(bytes.first(), Some(20..=63 | 128..=191))
}

/// The name a check calls: that of our end in `USERNAME`, which is `ours:theirs` (RFC 8445 §7.2.2).
fn called(check: &[u8]) -> Option<&str> {
    let mut rest = check.get(STUN_HEAD_BYTES..)?;
    loop {
        let (head, tail) = rest.split_first_chunk::<4>()?;
        let kind = u16::from_be_bytes([head[0], head[1]]);
        let length = usize::from(u16::from_be_bytes([head[2], head[3]]));
        if kind == USERNAME {
            let name = std::str::from_utf8(tail.get(..length)?).ok()?;
            return name.split_once(':').map(|(ours, _)| ours);
        }
        // Attributes are padded to four bytes.
        rest = tail.get(length.next_multiple_of(4)..)?;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SOURCE: SocketAddr = SocketAddr::new(IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1)), 5_000);
    const PEER: PeerKey = PeerKey(7);

    fn check(name: &str) -> Vec<u8> {
        let mut bytes = vec![0, 1, 0, 0];
        bytes.extend(MAGIC_COOKIE);
        bytes.extend([9; 12]);
        // An attribute of five bytes before the name.
        bytes.extend([0x80, 0x22, 0, 5, 1, 2, 3, 4, 5, 0, 0, 0]);
        bytes.extend(USERNAME.to_be_bytes());
        bytes.extend(u16::try_from(name.len()).expect("short").to_be_bytes());
        bytes.extend(name.as_bytes());
        bytes
    }

    fn demux() -> Demux {
        let mut demux = Demux::default();
        demux.add_ufrag("ours".to_owned(), PEER);
        demux
    }

    #[test]
    fn a_check_finds_its_client_by_name() {
        assert_eq!(demux().find(SOURCE, &check("ours:theirs"), Now::ZERO), Ok(PEER));
        assert_eq!(demux().find(SOURCE, &check("other:theirs"), Now::ZERO), Err(Stray::UnknownName));
        assert_eq!(demux().find(SOURCE, &check("ours"), Now::ZERO), Err(Stray::Form));
    }

    #[test]
    fn media_finds_its_client_by_address_alone() {
        let mut demux = demux();
        for bytes in [[22_u8, 254], [128, 111]] {
            assert_eq!(demux.find(SOURCE, &bytes, Now::ZERO), Err(Stray::UnknownAddress));
        }
        demux.add_address(SOURCE, Route { peer: PEER, socket: 0, local: SOURCE.ip() });
        assert_eq!(demux.find(SOURCE, &[128, 111], Now::ZERO), Ok(PEER));
        let other = SocketAddr::new(SOURCE.ip(), 5_001);
        assert_eq!(demux.find(other, &[128, 111], Now::ZERO), Err(Stray::UnknownAddress));
    }

    #[test]
    fn what_is_nothing_of_ours_is_dropped_even_from_known_addresses() {
        let mut demux = demux();
        demux.add_address(SOURCE, Route { peer: PEER, socket: 0, local: SOURCE.ip() });
        for bytes in [&[][..], &[64, 0, 0, 0], &[4], &[255; 40], &[0; 19], &[0; 40]] {
            assert_eq!(demux.find(SOURCE, bytes, Now::ZERO), Err(Stray::Form), "{bytes:?}");
        }
    }

    #[test]
    fn checks_of_unknown_addresses_are_bounded_by_the_second() {
        let mut demux = demux();
        let check = check("ours:theirs");
        let taken =
            |demux: &mut Demux, now| (0..150).filter(|_| demux.find(SOURCE, &check, now).is_ok()).count();
        assert_eq!(taken(&mut demux, Now::ZERO), 100);
        assert_eq!(taken(&mut demux, SECOND), 100);
        demux.add_address(SOURCE, Route { peer: PEER, socket: 0, local: SOURCE.ip() });
        assert_eq!(taken(&mut demux, SECOND), 150, "a known address is bounded by the limits of its client");
    }

    #[test]
    fn an_address_that_moved_to_another_client_stays_there() {
        let mut demux = demux();
        let route = |peer| Route { peer, socket: 0, local: SOURCE.ip() };
        demux.add_address(SOURCE, route(PEER));
        demux.add_address(SOURCE, route(PeerKey(8)));
        demux.remove_address(SOURCE, PEER);
        assert_eq!(demux.route(SOURCE), Some(route(PeerKey(8))));
        demux.remove_address(SOURCE, PeerKey(8));
        assert_eq!(demux.route(SOURCE), None);
    }

    #[test]
    fn clients_of_the_relay_are_known_as_such_until_they_move() {
        let mut demux = demux();
        assert_eq!(demux.relayed(SOURCE), None);
        let by_relay = Route { peer: PEER, socket: RELAY, local: SOURCE.ip() };
        demux.add_address(SOURCE, by_relay);
        assert_eq!(demux.relayed(SOURCE), Some(SOURCE.ip()));
        demux.add_address(SOURCE, Route { socket: 0, ..by_relay });
        assert_eq!(demux.relayed(SOURCE), None);
        demux.add_address(SOURCE, by_relay);
        demux.remove_address(SOURCE, PEER);
        assert_eq!(demux.relayed(SOURCE), None);
    }

    proptest! {
        #[test]
        fn no_bytes_are_read_past_their_end(mut bytes in proptest::collection::vec(any::<u8>(), 0..80), is_marked in any::<bool>()) {
            if is_marked && bytes.len() >= STUN_HEAD_BYTES {
                bytes[0] = 0;
                bytes[4..8].copy_from_slice(&MAGIC_COOKIE);
            }
            prop_assert!(demux().find(SOURCE, &bytes, Now::ZERO).is_err());
        }
    }
}
