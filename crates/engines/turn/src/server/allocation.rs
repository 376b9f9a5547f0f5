//! One allocation: its relays, permissions, channels and rates.

use std::net::{IpAddr, SocketAddr};

use super::{ConnectionId, Family, Protocol};
use crate::Now;
use crate::credentials::Name;
use crate::stun::TransactionId;

/// How long a permission holds (RFC 8656 §9).
const PERMISSION_TIME: Now = Now::from_mins(5);
/// How long a channel holds (RFC 8656 §12).
const CHANNEL_TIME: Now = Now::from_mins(10);
/// How long the number of an expired channel stays with its peer, so that what is under way does not reach another.
const CHANNEL_REST: Now = Now::from_mins(5);
/// More peers than a call has candidates.
const PERMISSIONS_MAX: usize = 64;
/// As many.
const CHANNELS_MAX: usize = 32;
/// A burst takes a quarter of a second's bytes.
const BURSTS_PER_SECOND: u64 = 4;

/// What a client has.
#[derive(Debug)]
pub(super) struct Allocation {
    pub(super) protocol: Protocol,
    pub(super) username: String,
    pub(super) expires: Now,
    /// The transaction that made it and its answer, for a retransmission.
    pub(super) made_by: (TransactionId, Vec<u8>),
    pub(super) outbound: Rate,
    pub(super) inbound: Rate,
    pub(super) connections: Vec<ConnectionId>,
    v4: Option<SocketAddr>,
    v6: Option<SocketAddr>,
    // Both are short: a walk is faster than hashing.
    permissions: Vec<(IpAddr, Now)>,
    channels: Vec<Channel>,
}

#[derive(Clone, Copy, Debug)]
struct Channel {
    number: u16,
    peer: SocketAddr,
    expires: Now,
}

/// Why a channel or permission was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// The number has another peer, or the peer another number.
    Taken,
    /// There are as many as an allocation may have.
    Full,
}

impl Allocation {
    pub(super) fn new(protocol: Protocol, username: String, expires: Now, bytes_per_second: u32) -> Self {
        Self {
            protocol,
            connections: Vec::new(),
            username,
            expires,
            made_by: (TransactionId([0; 12]), Vec::new()),
            outbound: Rate::new(bytes_per_second),
            inbound: Rate::new(bytes_per_second),
            v4: None,
            v6: None,
            permissions: Vec::new(),
            channels: Vec::new(),
        }
    }

    pub(super) fn user(&self) -> &str {
        Name::parse(&self.username).map_or("", |name| name.user)
    }

    pub(super) fn add_relay(&mut self, relay: SocketAddr) {
        *self.slot(Family::of(relay.ip())) = Some(relay);
    }

    pub(super) fn remove_relay(&mut self, family: Family) -> Option<SocketAddr> {
        self.slot(family).take()
    }

    fn slot(&mut self, family: Family) -> &mut Option<SocketAddr> {
        match family {
            Family::V4 => &mut self.v4,
            Family::V6 => &mut self.v6,
        }
    }

    pub(super) fn relays(&self) -> impl Iterator<Item = SocketAddr> + use<> {
        self.v4.into_iter().chain(self.v6)
    }

    pub(super) fn relay_for(&self, peer: IpAddr) -> Option<SocketAddr> {
        if peer.is_ipv4() { self.v4 } else { self.v6 }
    }

    pub(super) fn permits(&self, address: IpAddr, now: Now) -> bool {
        self.permissions.iter().any(|(permitted, expires)| *permitted == address && *expires > now)
    }

    /// Whether `more` addresses that have no permission yet still fit.
    pub(super) fn has_room_for(&self, addresses: &[IpAddr]) -> bool {
        let is_new = |address: &&IpAddr| !self.permissions.iter().any(|(permitted, _)| permitted == *address);
        self.permissions.len() + addresses.iter().filter(is_new).count() <= PERMISSIONS_MAX
    }

    /// Gives or prolongs a permission; there is room.
    pub(super) fn permit(&mut self, address: IpAddr, now: Now) {
        let expires = now + PERMISSION_TIME;
        match self.permissions.iter_mut().find(|(permitted, _)| *permitted == address) {
            Some(known) => known.1 = expires,
            None => self.permissions.push((address, expires)),
        }
    }

    /// Binds or prolongs a channel.
    pub(super) fn bind(&mut self, number: u16, peer: SocketAddr, now: Now) -> Result<(), Refused> {
        let is_other = |one: &Channel| (one.number == number) != (one.peer == peer) && one.is_held(now);
        if self.channels.iter().any(is_other) {
            return Err(Refused::Taken);
        }
        let expires = now + CHANNEL_TIME;
        self.channels.retain(|one| one.is_held(now));
        if let Some(known) = self.channels.iter_mut().find(|one| one.number == number) {
            known.expires = expires;
        } else if self.channels.len() < CHANNELS_MAX {
            self.channels.push(Channel { number, peer, expires });
        } else {
            return Err(Refused::Full);
        }
        self.permit(peer.ip(), now);
        Ok(())
    }

    pub(super) fn peer_of(&self, number: u16, now: Now) -> Option<SocketAddr> {
        self.channels.iter().find(|one| one.number == number && one.expires > now).map(|one| one.peer)
    }

    pub(super) fn channel_to(&self, peer: SocketAddr, now: Now) -> Option<u16> {
        self.channels.iter().find(|one| one.peer == peer && one.expires > now).map(|one| one.number)
    }

    pub(super) fn sweep(&mut self, now: Now) {
        self.permissions.retain(|(_, expires)| *expires > now);
        self.channels.retain(|one| one.is_held(now));
    }
}

impl Channel {
    fn is_held(&self, now: Now) -> bool {
        self.expires + CHANNEL_REST > now
    }
}

/// A bucket of bytes that fills with time.
#[derive(Clone, Copy, Debug)]
pub struct Rate {
    /// 0: no bound.
    bytes_per_second: u64,
    left: u64,
    filled: Now,
}

impl Rate {
    /// A full one; 0 has no bound.
    pub fn new(bytes_per_second: u32) -> Self {
        let bytes_per_second = u64::from(bytes_per_second);
        Self { bytes_per_second, left: bytes_per_second / BURSTS_PER_SECOND, filled: Now::ZERO }
    }

    /// Whether `bytes` may go now.
    pub fn take(&mut self, bytes: usize, now: Now) -> bool {
        if self.bytes_per_second == 0 {
            return true;
        }
        let elapsed_us = u64::try_from(now.saturating_sub(self.filled).as_micros()).unwrap_or(u64::MAX);
        let more = elapsed_us.saturating_mul(self.bytes_per_second) / 1_000_000;
        if more > 0 {
            self.left = self.left.saturating_add(more).min(self.bytes_per_second / BURSTS_PER_SECOND);
            self.filled = now;
        }
        let rest = self.left.checked_sub(bytes as u64);
        self.left = rest.unwrap_or(self.left);
        rest.is_some()
    }
}
