//! TCP with peers (RFC 6062), where it is on.
//!
//! ```text
//!  client ── Connect ──────────────────────► connection (opening) ── handle_connected ─► answer with its id
//!  peer ── handle_incoming ─► ConnectionAttempt with its id ─► client
//!  another stream of the client ── ConnectionBind with the id ─► Outlet::join: bytes go both ways
//! ```

use std::net::SocketAddr;

use super::asked::Asked;
use super::authentication::Caller;
use super::requests::{Answer, close, user_of};
use super::{FiveTuple, Outlet, Protocol, Refusal, Server, Transport, Why};
use crate::Now;
use crate::stun::{Class, IntegrityKey, Message, Method, TransactionId, Writer};

/// A connection that nobody binds ends after that (RFC 6062 §5.3), and so does one that is not made by then.
const WAITING_TIME: Now = Now::from_secs(30);
/// Connections of one allocation: more peers than a client talks to at a time.
const PER_ALLOCATION_MAX: usize = 32;
/// Connections altogether. Each takes two descriptors of the process.
const CONNECTIONS_MAX: usize = 4_096;

/// A connection between an allocation and a peer of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u32);

#[derive(Debug)]
pub(super) struct Connection {
    /// The client's stream that has the allocation.
    control: FiveTuple,
    peer: SocketAddr,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Asked for by the client, who waits for the answer.
    Opening { until: Now, transaction: TransactionId, key: Box<IntegrityKey>, has_fingerprint: bool },
    /// Until a stream of the client takes it.
    Waiting { until: Now },
    /// Bytes go both ways.
    Joined,
}

impl Server {
    /// A peer was connected to, or not: what [`Outlet::connect`] has led to.
    pub fn handle_connected(
        &mut self,
        id: ConnectionId,
        is_connected: bool,
        now: Now,
        outlet: &mut dyn Outlet,
    ) {
        // The allocation may have ended meanwhile.
        let Some(connection) = self.connections.get_mut(&id) else { return };
        let waiting = State::Waiting { until: now + WAITING_TIME };
        let State::Opening { transaction, key, has_fingerprint, .. } =
            std::mem::replace(&mut connection.state, waiting)
        else {
            return;
        };
        let control = connection.control;
        let answer = if is_connected {
            Writer::new(Method::Connect, Class::Success, transaction).connection(id.0)
        } else {
            self.forget_connection(id);
            self.statistics.count_refusal(Why::ConnectionFailed);
            let (code, reason) = Refusal::status(Why::ConnectionFailed);
            Writer::new(Method::Connect, Class::Error, transaction).error(code, reason)
        };
        outlet.to_client(&control, &[&close(has_fingerprint, answer, Some(&key))]);
    }

    /// A peer connects to a relay. `None` when it may not, and then the connection is closed.
    pub fn handle_incoming(
        &mut self,
        relay: SocketAddr,
        peer: SocketAddr,
        now: Now,
        outlet: &mut dyn Outlet,
    ) -> Option<ConnectionId> {
        let control = *self.by_tcp_relay.get(&relay)?;
        let allocation = self.allocations.get(&control)?;
        let is_permitted = allocation.expires > now && allocation.permits(peer.ip(), now);
        let waiting = State::Waiting { until: now + WAITING_TIME };
        let added = if is_permitted { self.add_connection(control, peer, waiting) } else { None };
        let Some(id) = added else {
            self.statistics.not_permitted += 1;
            return None;
        };
        self.indications += 1;
        let mut transaction = [0; 12];
        transaction[4..].copy_from_slice(&self.indications.to_be_bytes());
        let attempt = Writer::new(Method::ConnectionAttempt, Class::Indication, TransactionId(transaction));
        outlet.to_client(&control, &[&attempt.connection(id.0).peer(peer).finish()]);
        Some(id)
    }

    /// A connection has ended, whichever end it was.
    pub fn handle_disconnected(&mut self, id: ConnectionId) {
        self.forget_connection(id);
    }

    pub(super) fn connect(
        &mut self,
        tuple: &FiveTuple,
        message: &Message<'_>,
        asked: &Asked<'_>,
        key: &IntegrityKey,
        now: Now,
        outlet: &mut dyn Outlet,
    ) -> Result<Writer, Answer> {
        let allocation = self.allocations.get(tuple).filter(|one| one.protocol == Protocol::Tcp);
        let allocation = allocation.ok_or(Refusal::Plain(Why::NoAllocation))?;
        let peer = *asked.peers.first().ok_or(Refusal::MALFORMED)?;
        let relay = allocation.relay_for(peer.ip()).ok_or(Refusal::WRONG_FAMILY)?;
        if peer == relay || !outlet.may_connect(peer) {
            return Err(Refusal::Plain(Why::Forbidden).into());
        }
        let is_its = |id: &ConnectionId| self.connections.get(id).is_some_and(|known| known.peer == peer);
        if allocation.connections.iter().any(is_its) {
            return Err(Refusal::Plain(Why::ConnectionExists).into());
        }
        let state = State::Opening {
            until: now + WAITING_TIME,
            transaction: message.transaction,
            key: Box::new(key.clone()),
            has_fingerprint: message.has_fingerprint(),
        };
        let id = self.add_connection(*tuple, peer, state).ok_or(Refusal::NO_ROOM)?;
        outlet.connect(id, relay, peer);
        Err(Answer::Later)
    }

    /// Which connection a fresh stream takes.
    pub(super) fn bind_connection(
        &mut self,
        tuple: &FiveTuple,
        asked: &Asked<'_>,
        caller: &Caller,
    ) -> Result<ConnectionId, Refusal> {
        let is_fresh = tuple.transport == Transport::Stream && !self.allocations.contains_key(tuple);
        let id = asked.connection.filter(|_| is_fresh).map(ConnectionId).ok_or(Refusal::MALFORMED)?;
        let connection = self.connections.get_mut(&id).ok_or(Refusal::MALFORMED)?;
        let allocation = self.allocations.get(&connection.control).ok_or(Refusal::MALFORMED)?;
        let is_its = allocation.user() == user_of(&caller.username);
        if !is_its || !matches!(connection.state, State::Waiting { .. }) {
            return Err(Refusal::MALFORMED);
        }
        connection.state = State::Joined;
        Ok(id)
    }

    /// Ends what waited for too long.
    pub(super) fn sweep_connections(&mut self, now: Now, outlet: &mut dyn Outlet) {
        let over = |(id, one): (&ConnectionId, &Connection)| match one.state {
            State::Opening { until, .. } => (until <= now).then_some((*id, true)),
            State::Waiting { until } => (until <= now).then_some((*id, false)),
            State::Joined => None,
        };
        let over: Vec<_> = self.connections.iter().filter_map(over).collect();
        for (id, is_opening) in over {
            outlet.disconnect(id);
            if is_opening {
                self.handle_connected(id, false, now, outlet);
            } else {
                self.forget_connection(id);
            }
        }
    }

    /// Adds a connection, where there is room for it.
    fn add_connection(&mut self, control: FiveTuple, peer: SocketAddr, state: State) -> Option<ConnectionId> {
        let allocation = self.allocations.get_mut(&control)?;
        let has_room = allocation.connections.len() < PER_ALLOCATION_MAX
            && self.connections.len() < CONNECTIONS_MAX
            && self.quotas.take_connection(&allocation.username);
        if !has_room {
            return None;
        }
        let id = loop {
            self.connections_made += 1;
            let [a, b, c, d, ..] = self.nonces.token("connection", self.connections_made);
            let id = ConnectionId(u32::from_be_bytes([a, b, c, d]));
            if !self.connections.contains_key(&id) {
                break id;
            }
        };
        allocation.connections.push(id);
        self.connections.insert(id, Connection { control, peer, state });
        Some(id)
    }

    fn forget_connection(&mut self, id: ConnectionId) {
        let Some(connection) = self.connections.remove(&id) else { return };
        if let Some(allocation) = self.allocations.get_mut(&connection.control) {
            allocation.connections.retain(|one| *one != id);
            self.quotas.give_back_connection(&allocation.username);
        }
    }
}
