//! TCP between relays and their peers (RFC 6062): tasks that listen, connect and copy bytes.
//!
//! The engine decides who may; here is what it decides about. Nothing here blocks the relay's thread.

use std::collections::HashMap;
use std::io;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::net::{AddressFamily, SocketFlags, SocketType, sockopt};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{Semaphore, oneshot};
use tracing::debug;
use trunkline_kernel::Clock;
use trunkline_tasks::Tasks;
use trunkline_turn::{ConnectionId, Now, Rate};

use super::link::{Command, RelayLink};
use super::metrics::RelayMetrics;

/// Connections that wait to be accepted at one relay.
const BACKLOG: i32 = 16;
/// Connections of one relay that wait for the thread to decide about them.
const UNDECIDED_MAX: usize = 8;
/// How long a peer has to answer (RFC 6062 §5.2).
const CONNECT_TIME: Duration = Duration::from_secs(29);
/// Bytes read at once.
const READ_BYTES_MAX: usize = 16 * 1024;
/// How long a connection that is over its rate rests.
const REST: Duration = Duration::from_millis(10);
/// A pause after a failed accept, which is mostly for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// The same burst as the engine's: a quarter of a second.
const BURSTS_PER_SECOND: u32 = 4;

/// A relay of TCP.
struct TcpRelay {
    local: SocketAddr,
    meter: Arc<Meter>,
    /// Ends the task that listens, when dropped.
    _listening: oneshot::Sender<()>,
}

/// A connection with a peer, until it ends.
struct PeerSide {
    meter: Arc<Meter>,
    /// There from when it was made until a stream of the client takes it.
    stream: Option<TcpStream>,
    /// Ends the task that connects or copies, when dropped.
    _running: Option<oneshot::Sender<()>>,
}

/// What a stream of a client is given to go on with.
pub(super) struct Joined {
    stream: TcpStream,
    meter: Arc<Meter>,
    ended: oneshot::Receiver<()>,
    /// Told however it ends, also when no stream takes it.
    _end: Disconnected,
}

/// All relays of TCP and their connections. No lock: the relay's thread owns it.
pub(super) struct TcpRelays {
    link: Arc<RelayLink>,
    tasks: Tasks,
    clock: Arc<dyn Clock>,
    bytes_per_second: u32,
    relays: HashMap<SocketAddr, TcpRelay>,
    /// How others know a relay, by the address that it is bound to.
    outsides: HashMap<SocketAddr, SocketAddr>,
    connections: HashMap<ConnectionId, PeerSide>,
}

impl TcpRelays {
    pub(super) fn new(
        link: Arc<RelayLink>,
        (clock, tasks): (Arc<dyn Clock>, Tasks),
        bytes_per_second: u32,
    ) -> Self {
        Self {
            link,
            tasks,
            clock,
            bytes_per_second,
            relays: HashMap::new(),
            outsides: HashMap::new(),
            connections: HashMap::new(),
        }
    }

    /// Listens on a free port of `local`; `outside` gives the address that clients and peers know it by.
    pub(super) fn open(
        &mut self,
        local: SocketAddr,
        outside: impl FnOnce(SocketAddr) -> SocketAddr,
    ) -> io::Result<SocketAddr> {
        let listener = listen(local)?;
        let local = listener.local_addr()?;
        let relay = outside(local);
        if self.relays.contains_key(&relay) {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        let (stop, stopped) = oneshot::channel();
        let accepting = accept(TcpListener::from_std(listener)?, relay, Arc::clone(&self.link), stopped);
        self.tasks.spawn_quiet(accepting);
        let meter = Arc::new(Meter::new(self.bytes_per_second, Arc::clone(&self.clock)));
        self.relays.insert(relay, TcpRelay { local, meter, _listening: stop });
        self.outsides.insert(local, relay);
        Ok(relay)
    }

    pub(super) fn close(&mut self, relay: &SocketAddr) {
        if let Some(closed) = self.relays.remove(relay) {
            self.outsides.remove(&closed.local);
        }
    }

    /// Whether `address` is a relay of ours.
    pub(super) fn has(&self, address: &SocketAddr) -> bool {
        self.relays.contains_key(address)
    }

    /// Connects from a relay to a peer, which may be another relay of ours.
    pub(super) fn connect(&mut self, id: ConnectionId, relay: SocketAddr, peer: SocketAddr) {
        let Some(from) = self.relays.get(&relay) else { return self.lose(id) };
        let to = self.relays.get(&peer).map_or(peer, |own| own.local);
        let (local, meter, link) = (from.local, Arc::clone(&from.meter), Arc::clone(&self.link));
        let (stop, stopped) = oneshot::channel();
        self.tasks.spawn_quiet(async move {
            let connected = tokio::select! {
                connected = tokio::time::timeout(CONNECT_TIME, connect(local, to)) => connected,
                _ = stopped => return,
            };
            let stream = connected.map_err(io::Error::from).and_then(|stream| stream);
            if let Err(error) = &stream {
                debug!(%error, "a peer cannot be connected to");
            }
            link.push(Command::Connected { id, stream: stream.ok() });
        });
        self.connections.insert(id, PeerSide { meter, stream: None, _running: Some(stop) });
    }

    /// Keeps what [`TcpRelays::connect`] has made. Whether there is something.
    pub(super) fn connected(&mut self, id: ConnectionId, stream: Option<TcpStream>) -> bool {
        let Some(connection) = self.connections.get_mut(&id) else { return false };
        connection.stream = stream;
        let is_connected = connection.stream.is_some();
        if !is_connected {
            self.connections.remove(&id);
        }
        is_connected
    }

    /// Whom a connection is from, as clients know it: another relay of ours comes from its own address.
    pub(super) fn known_as(&self, from: SocketAddr) -> SocketAddr {
        self.outsides.get(&from).copied().unwrap_or(from)
    }

    /// Keeps a connection that a peer has made.
    pub(super) fn accepted(&mut self, id: ConnectionId, relay: &SocketAddr, stream: TcpStream) {
        let Some(relay) = self.relays.get(relay) else { return self.lose(id) };
        let meter = Arc::clone(&relay.meter);
        self.connections.insert(id, PeerSide { meter, stream: Some(stream), _running: None });
    }

    /// What the client's stream goes on with.
    pub(super) fn join(&mut self, id: ConnectionId) -> Option<Joined> {
        let connection = self.connections.get_mut(&id)?;
        let (stream, meter) = (connection.stream.take()?, Arc::clone(&connection.meter));
        let (stop, ended) = oneshot::channel();
        let side = PeerSide { meter: Arc::clone(&meter), stream: None, _running: Some(stop) };
        self.connections.insert(id, side);
        let end = Disconnected { link: Arc::clone(&self.link), id };
        Some(Joined { stream, meter, ended, _end: end })
    }

    /// Tells that a connection is not there.
    pub(super) fn lose(&self, id: ConnectionId) {
        self.link.push(Command::Disconnected { id });
    }

    pub(super) fn disconnect(&mut self, id: ConnectionId) {
        self.connections.remove(&id);
    }
}

impl Joined {
    /// Copies bytes both ways until one end breaks, both are done, or the relay ends. `first` came before it began.
    pub(super) async fn run<S>(self, client: S, first: &[u8], metrics: &RelayMetrics)
    where
        S: AsyncRead + AsyncWrite + Send + Unpin,
    {
        let (from_client, to_client) = tokio::io::split(client);
        let (from_peer, mut to_peer) = self.stream.into_split();
        let meter = &self.meter;
        let up = async {
            meter.wait(&meter.up, first.len()).await;
            to_peer.write_all(first).await?;
            metrics.count_bytes("peer", first.len() as u64);
            copy(from_client, to_peer, (meter, &meter.up), |bytes| metrics.count_bytes("peer", bytes)).await
        };
        let down =
            copy(from_peer, to_client, (meter, &meter.down), |bytes| metrics.count_bytes("client", bytes));
        tokio::select! {
            copied = async { tokio::try_join!(up, down) } => if let Err(error) = copied {
                debug!(%error, "a relayed connection broke");
            },
            _ = self.ended => {}
        }
    }
}

/// Tells the thread that a connection is gone, also when its task is dropped in the middle.
struct Disconnected {
    link: Arc<RelayLink>,
    id: ConnectionId,
}

impl Drop for Disconnected {
    fn drop(&mut self) {
        self.link.push(Command::Disconnected { id: self.id });
    }
}

/// How fast the connections of one relay may be together, each way.
struct Meter {
    // Each guards a bucket; held for a few instructions.
    up: Mutex<Rate>,
    down: Mutex<Rate>,
    clock: Arc<dyn Clock>,
    origin: Now,
    burst_bytes: usize,
}

impl Meter {
    fn new(bytes_per_second: u32, clock: Arc<dyn Clock>) -> Self {
        let rate = || Mutex::new(Rate::new(bytes_per_second));
        let burst = if bytes_per_second == 0 {
            READ_BYTES_MAX
        } else {
            (bytes_per_second / BURSTS_PER_SECOND) as usize
        };
        let origin = clock.monotonic();
        Self { up: rate(), down: rate(), clock, origin, burst_bytes: burst.clamp(1, READ_BYTES_MAX) }
    }

    /// Waits until `bytes` may go.
    async fn wait(&self, bucket: &Mutex<Rate>, bytes: usize) {
        let mut left = bytes;
        while left > 0 {
            let part = left.min(self.burst_bytes);
            let now = self.clock.monotonic().saturating_sub(self.origin);
            if bucket.lock().unwrap_or_else(PoisonError::into_inner).take(part, now) {
                left -= part;
            } else {
                tokio::time::sleep(REST).await;
            }
        }
    }
}

async fn copy<R, W>(
    mut from: R,
    mut to: W,
    (meter, bucket): (&Meter, &Mutex<Rate>),
    count: impl Fn(u64),
) -> io::Result<()>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let mut buffer = vec![0; READ_BYTES_MAX];
    loop {
        let bytes = from.read(&mut buffer).await?;
        if bytes == 0 {
            // The other way goes on: a peer may answer after the end of what it was asked.
            return to.shutdown().await;
        }
        meter.wait(bucket, bytes).await;
        to.write_all(&buffer[..bytes]).await?;
        to.flush().await?;
        count(bytes as u64);
    }
}

async fn accept(
    listener: TcpListener,
    relay: SocketAddr,
    link: Arc<RelayLink>,
    mut stopped: oneshot::Receiver<()>,
) {
    let places = Arc::new(Semaphore::new(UNDECIDED_MAX));
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = &mut stopped => return,
        };
        match accepted {
            Ok((stream, peer)) => {
                // Closed by no one: the semaphore lives here.
                let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
                let _ = stream.set_nodelay(true);
                link.push(Command::Incoming { relay, peer, stream, place });
            }
            Err(error) => {
                debug!(%error, "a peer's connection cannot be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn connect(from: SocketAddr, to: SocketAddr) -> io::Result<TcpStream> {
    let socket = if from.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.set_reuseport(true)?;
    socket.bind(from)?;
    let stream = socket.connect(to).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// A listener whose port connections may also leave from.
fn listen(address: SocketAddr) -> io::Result<StdListener> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let socket = rustix::net::socket_with(family, SocketType::STREAM, flags, None)?;
    // A free number first: with a shared one the system may give out a number that is taken.
    rustix::net::bind(&socket, &address)?;
    sockopt::set_socket_reuseaddr(&socket, true)?;
    sockopt::set_socket_reuseport(&socket, true)?;
    rustix::net::listen(&socket, BACKLOG)?;
    Ok(socket.into())
}
