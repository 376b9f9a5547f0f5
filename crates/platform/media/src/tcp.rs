//! Media over TCP (RFC 6544, passive): connections of clients whose networks block UDP.

use std::collections::{HashMap, VecDeque};
use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use rustix::net::sockopt;
use tracing::{debug, warn};
use trunkline_net::framing::{FrameReader, write_frame};
use trunkline_sfu::PeerKey;

use crate::poller::{Interest, Poller, Token};

/// Connections of one thread.
pub(crate) const CONNECTIONS_MAX: usize = 1_024;
/// Connections of one host that no client has claimed yet. A browser opens one for each candidate.
pub(crate) const STRANGERS_PER_HOST: usize = 8;
/// Connections that no client has claimed yet; then the oldest of them goes, so that many hosts together do not keep
/// clients out.
const STRANGERS_MAX: usize = CONNECTIONS_MAX / 2;
/// Connections of one client: a few while its network changes.
const CONNECTIONS_PER_PEER: usize = 8;
/// How long a connection may take until its first check.
pub(crate) const FIRST_FRAME: Duration = Duration::from_secs(5);
/// How long listeners rest when the system has no more descriptors.
pub(crate) const ACCEPT_PAUSE: Duration = Duration::from_secs(1);
/// Beyond this much that waits to be written only small datagrams (audio and control) are taken: a second at 500
/// kbit/s.
const WAITING_BYTES: usize = 64 << 10;
/// Beyond this the connection ends: it does not even take audio.
const WAITING_BYTES_MAX: usize = 256 << 10;
/// What the system may hold beside it: the less, the sooner congestion is seen.
const SEND_BUFFER_BYTES: usize = 128 << 10;
/// Datagrams up to this size are audio and control.
const SMALL_BYTES: usize = 400;
/// What is read of one connection before others have their turn.
pub(crate) const READ_BYTES: usize = 16 << 10;

/// One connection.
pub(crate) struct Connection {
    stream: TcpStream,
    /// The client's address.
    pub(crate) source: SocketAddr,
    /// Ours, as bound.
    pub(crate) local: SocketAddr,
    /// Ours, as the client knows it.
    pub(crate) outside: SocketAddr,
    pub(crate) reader: FrameReader,
    /// Whose it is, once a check has told.
    pub(crate) owner: Option<PeerKey>,
    /// ICE has found the owner behind it.
    pub(crate) is_validated: bool,
    waiting: VecDeque<u8>,
    is_write_watched: bool,
}

/// What came of reading.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Got {
    Bytes(usize),
    Nothing,
    End,
}

/// All connections of a thread.
pub(crate) struct Connections {
    listeners: Vec<TcpListener>,
    strangers_max: usize,
    // Invariant: `by_way` names exactly these.
    all: HashMap<u64, Connection>,
    by_way: HashMap<(SocketAddr, SocketAddr), u64>,
    next: u64,
    /// How many there were when it was last told.
    told: usize,
    /// Connections with something to write since the last flush.
    written: Vec<u64>,
}

impl Connections {
    pub(crate) fn new(listeners: Vec<TcpListener>) -> Self {
        Self {
            listeners,
            strangers_max: STRANGERS_MAX,
            all: HashMap::new(),
            by_way: HashMap::new(),
            next: 0,
            told: 0,
            written: Vec::new(),
        }
    }

    pub(crate) fn watch(&self, poller: &Poller) -> io::Result<()> {
        for (index, listener) in self.listeners.iter().enumerate() {
            poller.add(listener, Token::Listener(index), Interest::Read)?;
        }
        Ok(())
    }

    /// Accepts one connection.
    ///
    /// **Errors**: the system can take no more for now; let the listeners rest.
    pub(crate) fn accept(
        &mut self,
        index: usize,
        poller: &Poller,
        outside: impl FnOnce(SocketAddr) -> SocketAddr,
    ) -> io::Result<Accepted> {
        let Some(listener) = self.listeners.get(index) else { return Ok(Accepted::None) };
        let (stream, source) = match listener.accept() {
            Ok(accepted) => accepted,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(Accepted::None),
            // The client went away before its turn.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => return Ok(Accepted::Refused),
            Err(error) => return Err(error),
        };
        if !self.has_place(source.ip()) {
            return Ok(Accepted::Refused);
        }
        let id = self.next;
        self.next += 1;
        match prepare(&stream, poller, Token::Connection(id)) {
            Ok(local) => {
                let outside = outside(local);
                self.insert(
                    id,
                    Connection {
                        stream,
                        source,
                        local,
                        outside,
                        reader: FrameReader::new(),
                        owner: None,
                        is_validated: false,
                        waiting: VecDeque::new(),
                        is_write_watched: false,
                    },
                );
                Ok(Accepted::Connection(id))
            }
            Err(error) => {
                debug!(%error, "a TCP connection for media ended at once");
                Ok(Accepted::Refused)
            }
        }
    }

    /// Lets the listeners rest or work.
    pub(crate) fn set_listening(&self, poller: &Poller, is_listening: bool) {
        let interest = if is_listening { Interest::Read } else { Interest::None };
        for (index, listener) in self.listeners.iter().enumerate() {
            poller.set(listener, Token::Listener(index), interest);
        }
    }

    pub(crate) fn get_mut(&mut self, id: u64) -> Option<&mut Connection> {
        self.all.get_mut(&id)
    }

    /// How many more there are than the last time.
    pub(crate) fn take_change(&mut self) -> i64 {
        let count = |connections: usize| i64::try_from(connections).unwrap_or(i64::MAX);
        let change = count(self.all.len()) - count(self.told);
        self.told = self.all.len();
        change
    }

    /// Says whose a connection is. An older one ends when the client has too many.
    pub(crate) fn claim(&mut self, id: u64, owner: PeerKey) {
        let mut owned: Vec<_> = self.owned(owner);
        owned.sort_unstable();
        if owned.len() >= CONNECTIONS_PER_PEER {
            self.remove(owned[0]);
        }
        if let Some(connection) = self.all.get_mut(&id) {
            connection.owner = Some(owner);
        }
    }

    /// Ends a connection.
    pub(crate) fn remove(&mut self, id: u64) {
        if let Some(connection) = self.all.remove(&id) {
            self.by_way.remove(&(connection.source, connection.outside));
        }
    }

    /// Ends all; returns how many there were when it was last told.
    pub(crate) fn clear(&mut self) -> i64 {
        self.all.clear();
        self.by_way.clear();
        -self.take_change()
    }

    /// Ends a connection that nobody has claimed.
    pub(crate) fn remove_stranger(&mut self, id: u64) {
        if self.all.get(&id).is_some_and(|connection| connection.owner.is_none()) {
            self.remove(id);
        }
    }

    /// Ends the connections of a client, after what waits was written as far as possible.
    pub(crate) fn remove_owned(&mut self, owner: PeerKey, poller: &Poller) {
        for id in self.owned(owner) {
            self.flush_one(id, poller);
            self.remove(id);
        }
    }

    /// Takes a datagram to be sent from `outside` to `source`. Whether it was taken.
    pub(crate) fn push(&mut self, outside: SocketAddr, source: SocketAddr, datagram: &[u8]) -> bool {
        let Some(id) = self.by_way.get(&(source, outside)).copied() else { return false };
        let Some(connection) = self.all.get_mut(&id) else { return false };
        if connection.waiting.len() > WAITING_BYTES && datagram.len() > SMALL_BYTES {
            return false;
        }
        if connection.waiting.len() > WAITING_BYTES_MAX {
            debug!("a TCP connection for media takes nothing any more");
            self.remove(id);
            return false;
        }
        let mut frame = Vec::with_capacity(datagram.len() + 2);
        write_frame(&mut frame, datagram);
        connection.waiting.extend(frame);
        self.written.push(id);
        true
    }

    /// Writes what waits since the last time.
    pub(crate) fn flush(&mut self, poller: &Poller) {
        let mut written = std::mem::take(&mut self.written);
        written.sort_unstable();
        written.dedup();
        for id in written {
            self.flush_one(id, poller);
        }
    }

    /// Writes what waits on one connection.
    pub(crate) fn flush_one(&mut self, id: u64, poller: &Poller) {
        let Some(connection) = self.all.get_mut(&id) else { return };
        if let Err(error) = connection.write() {
            debug!(%error, "a TCP connection for media ended");
            self.remove(id);
            return;
        }
        let is_waiting = !connection.waiting.is_empty();
        if is_waiting != connection.is_write_watched {
            connection.is_write_watched = is_waiting;
            poller.set(&connection.stream, Token::Connection(id), Interest::with_write(is_waiting));
        }
    }

    fn insert(&mut self, id: u64, connection: Connection) {
        let way = (connection.source, connection.outside);
        if let Some(old) = self.by_way.insert(way, id) {
            self.all.remove(&old);
        }
        self.all.insert(id, connection);
    }

    fn owned(&self, owner: PeerKey) -> Vec<u64> {
        self.all.iter().filter(|(_, one)| one.owner == Some(owner)).map(|(id, _)| *id).collect()
    }

    /// Whether a stranger may come; the oldest one makes room for it.
    fn has_place(&mut self, address: IpAddr) -> bool {
        let strangers = || self.all.iter().filter(|(_, one)| one.owner.is_none());
        let of_host = strangers().filter(|(_, one)| host_of(one.source.ip()) == host_of(address)).count();
        if of_host >= STRANGERS_PER_HOST {
            return false;
        }
        let oldest = strangers().map(|(id, _)| *id).min();
        if let Some(oldest) = oldest.filter(|_| strangers().count() >= self.strangers_max) {
            self.remove(oldest);
        }
        self.all.len() < CONNECTIONS_MAX
    }
}

/// What one host has of addresses: one of IPv4, and the whole network of IPv6 that it draws its addresses from.
pub(crate) fn host_of(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into(),
    }
}

/// What came of [`Connections::accept`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Accepted {
    Connection(u64),
    Refused,
    None,
}

impl Connection {
    /// Reads once.
    pub(crate) fn read(&mut self, room: &mut [u8]) -> Got {
        match self.stream.read(room) {
            Ok(0) => Got::End,
            Ok(count) => Got::Bytes(count),
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {
                Got::Nothing
            }
            Err(_) => Got::End,
        }
    }

    fn write(&mut self) -> io::Result<()> {
        while !self.waiting.is_empty() {
            match self.stream.write(self.waiting.as_slices().0) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => {
                    self.waiting.drain(..count);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// Makes a new connection ours and returns our address of it.
fn prepare(stream: &TcpStream, poller: &Poller, token: Token) -> io::Result<SocketAddr> {
    stream.set_nonblocking(true)?;
    stream.set_nodelay(true)?;
    if let Err(error) = sockopt::set_socket_send_buffer_size(stream, SEND_BUFFER_BYTES) {
        warn!(%error, "the send buffer of a TCP connection for media cannot be bounded");
    }
    let local = stream.local_addr()?;
    poller.add(stream, token, Interest::Read)?;
    Ok(local)
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    /// A connection of a client that reads nothing, and our end of it.
    fn unread() -> (Connections, Poller, TcpStream, (SocketAddr, SocketAddr)) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has free ports");
        let client = TcpStream::connect(listener.local_addr().expect("it is bound")).expect("it listens");
        let poller = Poller::new().expect("descriptors are free");
        let mut connections = Connections::new(vec![listener]);
        let accepted = connections.accept(0, &poller, |local| local).expect("it waits");
        assert_eq!(accepted, Accepted::Connection(0));
        let way = (client.peer_addr().expect("connected"), client.local_addr().expect("connected"));
        (connections, poller, client, way)
    }

    #[test]
    fn a_client_that_does_not_read_loses_video_first_then_its_connection() {
        let (mut connections, poller, client, (ours, theirs)) = unread();
        let mut push = |bytes: usize| {
            let is_taken = connections.push(ours, theirs, &vec![0; bytes]);
            connections.flush(&poller);
            is_taken
        };
        // Until the buffers of the system and ours are full.
        let pictures = (0..100_000).take_while(|_| push(1_200)).count();
        assert!((50..100_000).contains(&pictures), "{pictures}");
        assert!(push(SMALL_BYTES), "audio still goes");
        let sounds = (0..100_000).take_while(|_| push(SMALL_BYTES)).count();
        assert!((100..100_000).contains(&sounds), "{sounds}");
        assert_eq!(connections.all.len(), 0);
        assert!(!connections.push(ours, theirs, &[0]), "the connection has ended");
        drop(client);
    }

    #[test]
    fn a_client_has_few_connections_and_the_newest_counts() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has free ports");
        let address = listener.local_addr().expect("it is bound");
        let poller = Poller::new().expect("descriptors are free");
        let mut connections = Connections::new(vec![listener]);
        let mut clients = Vec::new();
        for number in 0..=CONNECTIONS_PER_PEER {
            clients.push(TcpStream::connect(address).expect("it listens"));
            let accepted = connections.accept(0, &poller, |local| local).expect("it waits");
            assert_eq!(accepted, Accepted::Connection(number as u64));
            connections.claim(number as u64, PeerKey(1));
        }
        assert_eq!(connections.all.len(), CONNECTIONS_PER_PEER);
        assert!(connections.get_mut(0).is_none());
        connections.remove_owned(PeerKey(1), &poller);
        assert_eq!((connections.all.len(), connections.by_way.len()), (0, 0));
    }

    #[test]
    fn the_oldest_stranger_makes_room_and_clients_stay() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has free ports");
        let address = listener.local_addr().expect("it is bound");
        let poller = Poller::new().expect("descriptors are free");
        let mut connections = Connections::new(vec![listener]);
        connections.strangers_max = 2;
        let mut clients = Vec::new();
        for number in 0..4 {
            clients.push(TcpStream::connect(address).expect("it listens"));
            let accepted = connections.accept(0, &poller, |local| local).expect("it waits");
            assert_eq!(accepted, Accepted::Connection(number));
            if number == 0 {
                connections.claim(0, PeerKey(1));
            }
        }
        let mut left: Vec<_> = connections.all.keys().copied().collect();
        left.sort_unstable();
        assert_eq!(left, [0, 2, 3]);
    }

    #[test]
    fn a_network_of_ipv6_is_one_host() {
        let address = |text: &str| text.parse::<IpAddr>().expect("an address");
        assert_eq!(host_of(address("2001:db8::1:2:3")), host_of(address("2001:db8::9")));
        assert_ne!(host_of(address("2001:db8:0:1::1")), host_of(address("2001:db8::1")));
        assert_ne!(host_of(address("192.0.2.1")), host_of(address("192.0.2.2")));
    }
}
