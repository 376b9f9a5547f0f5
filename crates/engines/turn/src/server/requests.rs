//! Requests that need credentials, in the order of checks of RFC 8656 §7 to §12.

use std::net::{IpAddr, SocketAddr};

use super::allocation::{Allocation, Refused};
use super::asked::Asked;
use super::authentication::{ALGORITHMS, Caller};
use super::{Family, FiveTuple, Opened, Outlet, PortWish, Protocol, Reservation, Server, Transport, Why};
use crate::Now;
use crate::channel::CHANNELS;
use crate::credentials::Name;
use crate::stun::{Class, IntegrityKey, Message, Method, Writer};

/// The lifetime of an allocation that asks for less or nothing (RFC 8656 §3.2).
const LIFETIME_DEFAULT_S: u64 = 600;
/// The longest; what a lost client leaves behind goes after that.
const LIFETIME_MAX_S: u64 = 3_600;
/// How long an allocation may outlive its credential.
const GRACE_S: u64 = 600;
/// How long a port is kept for whoever brings the token (RFC 8656 §7.2).
const RESERVATION_TIME: Now = Now::from_secs(30);
/// Ports kept at a time; each is one that nobody uses yet.
const RESERVATIONS_MAX: usize = 256;
/// UDP's number among the protocols of IP.
const UDP: u8 = 17;

/// TCP's number among the protocols of IP.
const TCP: u8 = 6;

/// An answer other than success.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// 401 or 438: with realm, nonce and algorithms to try again with.
    Challenge(Why),
    /// 420 with what was not understood.
    Unknown(Vec<u16>),
    /// Anything else.
    Plain(Why),
}

impl Refusal {
    pub(super) const MALFORMED: Self = Self::Plain(Why::Malformed);
    pub(super) const NO_ROOM: Self = Self::Plain(Why::Capacity);
    pub(super) const WRONG_FAMILY: Self = Self::Plain(Why::Family);
    const NO_ALLOCATION: Self = Self::Plain(Why::NoAllocation);

    fn why(&self) -> Why {
        match self {
            Self::Challenge(why) | Self::Plain(why) => *why,
            Self::Unknown(_) => Why::Unknown,
        }
    }

    /// Number and text (RFC 8489 §14.8, RFC 8656 §19, RFC 6062 §6.3).
    pub(super) fn status(why: Why) -> (u16, &'static str) {
        match why {
            Why::NoCredential | Why::WrongCredential => (401, "Unauthorized"),
            Why::StaleNonce => (438, "Stale Nonce"),
            Why::Malformed => (400, "Bad Request"),
            Why::Unknown => (420, "Unknown Attribute"),
            Why::NoAllocation => (437, "Allocation Mismatch"),
            Why::OtherUser => (441, "Wrong Credentials"),
            Why::Transport => (442, "Unsupported Transport Protocol"),
            Why::NoFamily => (440, "Address Family not Supported"),
            Why::Family => (443, "Peer Address Family Mismatch"),
            Why::Forbidden => (403, "Forbidden"),
            Why::UserQuota | Why::TenantQuota | Why::AddressQuota => (486, "Allocation Quota Reached"),
            Why::Capacity => (508, "Insufficient Capacity"),
            Why::ConnectionExists => (446, "Connection Already Exists"),
            Why::ConnectionFailed => (447, "Connection Timeout or Failure"),
        }
    }
}

impl Server {
    pub(super) fn handle_binding(
        &mut self,
        tuple: &FiveTuple,
        message: &Message<'_>,
        asked: &Asked<'_>,
        outlet: &mut dyn Outlet,
    ) {
        if !asked.unknown.is_empty() {
            self.refuse(tuple, message, Refusal::Unknown(asked.unknown.clone()), None, Now::ZERO, outlet);
            return;
        }
        let answer = Writer::new(Method::Binding, Class::Success, message.transaction).mapped(tuple.client);
        send(tuple, message, answer, None, outlet);
    }

    pub(super) fn handle_request(
        &mut self,
        tuple: &FiveTuple,
        message: &Message<'_>,
        asked: &Asked<'_>,
        now: Now,
        outlet: &mut dyn Outlet,
    ) {
        let caller = match self.authenticate(tuple, message, asked, now) {
            Ok(caller) => caller,
            Err(refusal) => return self.refuse(tuple, message, refusal, None, now, outlet),
        };
        let done = match message.method {
            Method::ConnectionBind => match self.bind_connection(tuple, asked, &caller) {
                Ok(id) => {
                    let answer = Writer::new(message.method, Class::Success, message.transaction);
                    send(tuple, message, answer, Some(&caller.key), outlet);
                    return outlet.join(id, tuple);
                }
                Err(refusal) => Err(refusal.into()),
            },
            Method::Allocate => self.allocate(tuple, message, asked, &caller, now, outlet),
            _ => self.change(tuple, message, asked, &caller, now, outlet),
        };
        match done {
            Ok(answer) => send(tuple, message, answer, Some(&caller.key), outlet),
            Err(Answer::Again(bytes)) => outlet.to_client(tuple, &[&bytes]),
            Err(Answer::Later) => {}
            Err(Answer::Refused(refusal)) => {
                self.refuse(tuple, message, refusal, Some(&caller.key), now, outlet);
            }
        }
    }

    fn allocate(
        &mut self,
        tuple: &FiveTuple,
        message: &Message<'_>,
        asked: &Asked<'_>,
        caller: &Caller,
        now: Now,
        outlet: &mut dyn Outlet,
    ) -> Result<Writer, Answer> {
        if let Some(known) = self.allocations.get(tuple) {
            if known.expires > now {
                let is_again = known.made_by.0 == message.transaction;
                return Err(if is_again {
                    Answer::Again(known.made_by.1.clone())
                } else {
                    Refusal::NO_ALLOCATION.into()
                });
            }
            // It ran out a moment ago and has not been put away yet.
            self.end(tuple, outlet);
        }
        let wish = self.check_allocate(tuple, asked)?;
        let limits = self.config.limits;
        if let Some(why) = self.quotas.lacks_room(&caller.username, tuple.client.ip(), &limits) {
            return Err(Refusal::Plain(why).into());
        }
        if self.allocations.len() >= usize::try_from(limits.allocations).unwrap_or(usize::MAX) {
            return Err(Refusal::NO_ROOM.into());
        }
        let lifetime = self.lifetime(asked, caller, now);
        let mut allocation =
            Allocation::new(wish.protocol, caller.username.clone(), now + lifetime, limits.bytes_per_second);
        let mut answer = Writer::new(Method::Allocate, Class::Success, message.transaction);
        let opened = self.open_first(&wish, asked, now, outlet)?;
        allocation.add_relay(opened.relay);
        answer = answer.relayed(opened.relay);
        if wish.has_second {
            answer = match outlet.open_relay(Family::V6, Protocol::Udp, PortWish::Any) {
                Some(second) => {
                    allocation.add_relay(second.relay);
                    answer.relayed(second.relay)
                }
                None => answer.address_error(2, 508, "Insufficient Capacity"),
            };
        }
        answer = answer.lifetime(seconds(lifetime)).mapped(tuple.client);
        if let Some(next) = opened.next {
            let token = self.reserve(next, now);
            answer = answer.reservation(token);
        }
        for relay in allocation.relays() {
            self.by_relays(wish.protocol).insert(relay, *tuple);
        }
        allocation.made_by =
            (message.transaction, close(message.has_fingerprint(), answer.clone(), Some(&caller.key)));
        self.quotas.take(&caller.username, tuple.client.ip());
        self.allocations.insert(*tuple, allocation);
        self.statistics.made += 1;
        Ok(answer)
    }

    fn check_allocate(&self, tuple: &FiveTuple, asked: &Asked<'_>) -> Result<Wish, Refusal> {
        let protocol = match asked.transport {
            None => return Err(Refusal::MALFORMED),
            Some(UDP) => Protocol::Udp,
            Some(TCP) if self.config.is_tcp_on => Protocol::Tcp,
            Some(_) => return Err(Refusal::Plain(Why::Transport)),
        };
        // RFC 6062 §5.1: over TCP alone, and without what is about datagrams.
        let is_for_datagrams = asked.dont_fragment
            || asked.even_port.is_some()
            || asked.reservation.is_some()
            || asked.additional_family.is_some();
        if protocol == Protocol::Tcp && (tuple.transport != Transport::Stream || is_for_datagrams) {
            return Err(Refusal::MALFORMED);
        }
        if asked.dont_fragment {
            return Err(Refusal::Unknown(vec![0x001A]));
        }
        let names_family = asked.family.is_some() || asked.additional_family.is_some();
        let is_contradictory = asked.family.is_some() && asked.additional_family.is_some()
            || asked.reservation.is_some() && (asked.even_port.is_some() || names_family)
            || asked.even_port == Some(true) && asked.additional_family.is_some()
            || asked.additional_family.is_some_and(|family| family != 2);
        if is_contradictory {
            return Err(Refusal::MALFORMED);
        }
        let family = Family::from_number(asked.family.unwrap_or(1));
        let family = family.filter(|family| self.config.families.contains(family));
        let family = family.ok_or(Refusal::Plain(Why::NoFamily))?;
        let port = match asked.even_port {
            None => PortWish::Any,
            Some(false) => PortWish::Even,
            Some(true) => PortWish::EvenAndNext,
        };
        Ok(Wish { family, protocol, port, has_second: asked.additional_family.is_some() })
    }

    fn open_first(
        &mut self,
        wish: &Wish,
        asked: &Asked<'_>,
        now: Now,
        outlet: &mut dyn Outlet,
    ) -> Result<Opened, Refusal> {
        if let Some(token) = asked.reservation {
            let kept = self.reservations.iter().position(|one| one.token == token && one.expires > now);
            let relay = self.reservations.swap_remove(kept.ok_or(Refusal::NO_ROOM)?).relay;
            return Ok(Opened { relay, next: None });
        }
        if wish.port == PortWish::EvenAndNext && self.reservations.len() >= RESERVATIONS_MAX {
            return Err(Refusal::NO_ROOM);
        }
        outlet.open_relay(wish.family, wish.protocol, wish.port).ok_or(Refusal::NO_ROOM)
    }

    fn reserve(&mut self, relay: SocketAddr, now: Now) -> [u8; 8] {
        let token = self.nonces.token("reservation", self.statistics.made);
        self.reservations.push(Reservation { token, relay, expires: now + RESERVATION_TIME });
        token
    }

    /// Requests about an allocation that is there.
    fn change(
        &mut self,
        tuple: &FiveTuple,
        message: &Message<'_>,
        asked: &Asked<'_>,
        caller: &Caller,
        now: Now,
        outlet: &mut dyn Outlet,
    ) -> Result<Writer, Answer> {
        let lifetime = self.lifetime(asked, caller, now);
        let allocation = self.allocations.get_mut(tuple).filter(|allocation| allocation.expires > now);
        let allocation = allocation.ok_or(Refusal::NO_ALLOCATION)?;
        // A newer name of the same user will do: credentials are renewed while a call runs.
        if allocation.username != caller.username && allocation.user() != user_of(&caller.username) {
            return Err(Refusal::Plain(Why::OtherUser).into());
        }
        let answer = Writer::new(message.method, Class::Success, message.transaction);
        match message.method {
            Method::CreatePermission => create_permission(allocation, asked, now, outlet)?,
            Method::Connect => return self.connect(tuple, message, asked, &caller.key, now, outlet),
            Method::ChannelBind => bind_channel(allocation, asked, now, outlet)?,
            _ => {
                let is_end = asked.lifetime_s == Some(0);
                if let Some(family) = asked.family {
                    let family = Family::from_number(family).ok_or(Refusal::WRONG_FAMILY)?;
                    if !allocation.relays().any(|relay| Family::of(relay.ip()) == family) {
                        return Err(Refusal::WRONG_FAMILY.into());
                    }
                    if is_end && let Some(relay) = allocation.remove_relay(family) {
                        match allocation.protocol {
                            Protocol::Udp => self.by_relay.remove(&relay),
                            Protocol::Tcp => self.by_tcp_relay.remove(&relay),
                        };
                        outlet.close_relay(allocation.protocol, relay);
                    }
                }
                if is_end {
                    if asked.family.is_none() || allocation.relays().next().is_none() {
                        self.end(tuple, outlet);
                    }
                    return Ok(answer.lifetime(0));
                }
                allocation.expires = now + lifetime;
                return Ok(answer.lifetime(seconds(lifetime)));
            }
        }
        Ok(answer)
    }

    /// How long an allocation is made or prolonged for.
    fn lifetime(&self, asked: &Asked<'_>, caller: &Caller, now: Now) -> Now {
        let wanted = asked.lifetime_s.map_or(LIFETIME_DEFAULT_S, u64::from);
        let left = caller.expires_s.saturating_sub(self.config.epoch_s.saturating_add(now.as_secs()));
        let most = LIFETIME_MAX_S.min(left.saturating_add(GRACE_S));
        Now::from_secs(wanted.clamp(LIFETIME_DEFAULT_S, most.max(LIFETIME_DEFAULT_S)))
    }

    fn refuse(
        &mut self,
        tuple: &FiveTuple,
        message: &Message<'_>,
        refusal: Refusal,
        key: Option<&IntegrityKey>,
        now: Now,
        outlet: &mut dyn Outlet,
    ) {
        let why = refusal.why();
        self.statistics.count_refusal(why);
        // Whoever has shown a credential cannot have forged the address.
        if key.is_none() && !self.refusals.may_tell(tuple.client.ip()) {
            return;
        }
        let answer = Writer::new(message.method, Class::Error, message.transaction);
        let (code, reason) = Refusal::status(why);
        let answer = answer.error(code, reason);
        let answer = match refusal {
            Refusal::Challenge(_) => {
                let nonce = self.nonces.make(tuple.client.ip(), now);
                answer.realm(&self.config.realm).nonce(&nonce).password_algorithms(&ALGORITHMS)
            }
            Refusal::Unknown(kinds) => answer.unknown(&kinds),
            Refusal::Plain(_) => answer,
        };
        send(tuple, message, answer, key, outlet);
    }
}

/// What an Allocate asks for.
struct Wish {
    family: Family,
    protocol: Protocol,
    port: PortWish,
    has_second: bool,
}

/// An answer that is not a new success.
pub(super) enum Answer {
    /// The answer of the same transaction, as it was.
    Again(Vec<u8>),
    /// It comes when a peer was connected to.
    Later,
    Refused(Refusal),
}

impl From<Refusal> for Answer {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

pub(super) fn user_of(username: &str) -> &str {
    Name::parse(username).map_or("", |name| name.user)
}

fn check_peer(allocation: &Allocation, peer: SocketAddr, outlet: &dyn Outlet) -> Result<IpAddr, Refusal> {
    if allocation.relay_for(peer.ip()).is_none() {
        return Err(Refusal::WRONG_FAMILY);
    }
    if !outlet.may_reach(peer.ip()) {
        return Err(Refusal::Plain(Why::Forbidden));
    }
    Ok(peer.ip())
}

fn create_permission(
    allocation: &mut Allocation,
    asked: &Asked<'_>,
    now: Now,
    outlet: &dyn Outlet,
) -> Result<(), Refusal> {
    if asked.peers.is_empty() {
        return Err(Refusal::MALFORMED);
    }
    let checked = asked.peers.iter().map(|peer| check_peer(allocation, *peer, outlet));
    let mut addresses = checked.collect::<Result<Vec<_>, _>>()?;
    addresses.sort_unstable();
    addresses.dedup();
    if !allocation.has_room_for(&addresses) {
        return Err(Refusal::NO_ROOM);
    }
    for address in addresses {
        allocation.permit(address, now);
    }
    Ok(())
}

fn bind_channel(
    allocation: &mut Allocation,
    asked: &Asked<'_>,
    now: Now,
    outlet: &dyn Outlet,
) -> Result<(), Refusal> {
    let (Some(number), [peer]) = (asked.channel, asked.peers.as_slice()) else {
        return Err(Refusal::MALFORMED);
    };
    // Connections have no channels (RFC 6062 §3).
    if !CHANNELS.contains(&number) || allocation.protocol == Protocol::Tcp {
        return Err(Refusal::MALFORMED);
    }
    let address = check_peer(allocation, *peer, outlet)?;
    if !allocation.has_room_for(&[address]) {
        return Err(Refusal::NO_ROOM);
    }
    allocation.bind(number, *peer, now).map_err(|refused| match refused {
        Refused::Taken => Refusal::MALFORMED,
        Refused::Full => Refusal::NO_ROOM,
    })
}

fn seconds(lifetime: Now) -> u32 {
    u32::try_from(lifetime.as_secs()).unwrap_or(u32::MAX)
}

/// An answer with what the request makes it end with.
pub(super) fn close(has_fingerprint: bool, answer: Writer, key: Option<&IntegrityKey>) -> Vec<u8> {
    let answer = match key {
        Some(key) => answer.integrity(key),
        None => answer,
    };
    let answer = if has_fingerprint { answer.fingerprint() } else { answer };
    answer.finish()
}

fn send(
    tuple: &FiveTuple,
    request: &Message<'_>,
    answer: Writer,
    key: Option<&IntegrityKey>,
    outlet: &mut dyn Outlet,
) {
    outlet.to_client(tuple, &[&close(request.has_fingerprint(), answer, key)]);
}
