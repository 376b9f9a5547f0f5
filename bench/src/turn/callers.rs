//! Clients of a relay, each with a socket of its own: they ask, and are answered many at a time.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use trunkline_kernel::{Clock as _, SystemClock};
use trunkline_net::udp::{BatchSocket, ReceiveBatch, SendBatch, UdpOptions};
use trunkline_turn::client::Event;
use trunkline_turn::{Client, Credentials};

use super::sockets::Watch;

/// Requests on their way at a time.
const ASKED_AT_ONCE: usize = 32;
/// After so long without any answer everything that is on its way is sent again.
const RESEND_AFTER: Duration = Duration::from_secs(1);
/// So often before it counts as failed.
const RESENDS_MAX: u32 = 8;
/// There is an allocation already (RFC 8656 §7.2).
const ALLOCATION_MISMATCH: u16 = 437;
/// Clients at one address: a server may let so many and no more in from one.
const AT_ONE_ADDRESS: usize = 100;
/// The system's room for a caller's socket each way.
const BUFFER_BYTES: usize = 1 << 20;
/// Reads in one call of the system.
const READ_MESSAGES: usize = 8;

/// A client, with its relay once it has one.
pub(crate) struct Caller {
    pub(crate) socket: Arc<BatchSocket>,
    pub(crate) relay: Option<SocketAddr>,
    turn: Client,
}

/// What a client wants of the server.
#[derive(Clone, Copy)]
pub(crate) enum Wish {
    /// A relay.
    Relay,
    /// The peer under a channel's number.
    Channel(u16, SocketAddr),
    /// No relay any more.
    Leave,
}

/// A socket on this machine for the client or peer of that number.
pub(crate) fn bind(number: usize) -> Result<BatchSocket> {
    let host = u8::try_from(1 + number / AT_ONE_ADDRESS).context("there are too many clients")?;
    let address = IpAddr::from(Ipv4Addr::new(127, 0, 1, host));
    Ok(BatchSocket::bind(SocketAddr::new(address, 0), UdpOptions { buffer_bytes: BUFFER_BYTES })?)
}

/// One client for each credential, without relays yet.
pub(crate) fn come(credentials: impl IntoIterator<Item = Credentials>) -> Result<Vec<Caller>> {
    let caller = |(number, credentials)| {
        Ok(Caller { socket: Arc::new(bind(number)?), relay: None, turn: Client::new(credentials) })
    };
    credentials.into_iter().enumerate().map(caller).collect()
}

/// Every client gets its wish, several at a time; the answer is how long that took.
///
/// **Errors**: one that is refused, or a server that does not answer.
pub(crate) fn ask(
    callers: &mut [Caller],
    server: SocketAddr,
    wish_of: impl Fn(usize) -> Wish,
) -> Result<Duration> {
    let mut asking = Asking {
        watch: Watch::over(callers.iter().map(|caller| &*caller.socket))?,
        batch: ReceiveBatch::new(READ_MESSAGES),
        callers,
        server,
        wish_of,
        on_their_way: BTreeMap::new(),
    };
    let started = SystemClock.monotonic();
    let mut next = 0;
    let mut resends = 0;
    while next < asking.callers.len() || !asking.on_their_way.is_empty() {
        while next < asking.callers.len() && asking.on_their_way.len() < ASKED_AT_ONCE {
            asking.ask(next);
            next += 1;
        }
        let ready = asking.watch.wait(RESEND_AFTER)?;
        if ready.is_empty() {
            resends += 1;
            if resends > RESENDS_MAX {
                bail!("the relay at {server} does not answer");
            }
            asking.resend();
        }
        for index in ready {
            asking.read(index)?;
        }
    }
    Ok(SystemClock.monotonic().saturating_sub(started))
}

struct Asking<'a, W> {
    callers: &'a mut [Caller],
    server: SocketAddr,
    wish_of: W,
    watch: Watch,
    batch: ReceiveBatch,
    /// Requests by who asks. A lost one is sent again as it was: a new one would ask for something else.
    on_their_way: BTreeMap<usize, Vec<u8>>,
}

impl<W: Fn(usize) -> Wish> Asking<'_, W> {
    fn ask(&mut self, index: usize) {
        let Caller { socket, turn, .. } = &mut self.callers[index];
        let request = match (self.wish_of)(index) {
            Wish::Relay => turn.allocate(),
            Wish::Channel(number, peer) => turn.bind(number, peer),
            Wish::Leave => turn.refresh(0),
        };
        send(socket, self.server, &request);
        self.on_their_way.insert(index, request);
    }

    fn resend(&self) {
        for (index, request) in &self.on_their_way {
            send(&self.callers[*index].socket, self.server, request);
        }
    }

    fn read(&mut self, index: usize) -> Result<()> {
        let caller = &mut self.callers[index];
        caller.socket.receive(&mut self.batch)?;
        let mut is_to_repeat = false;
        for datagram in self.batch.datagrams() {
            match caller.turn.handle(datagram.bytes) {
                Event::Challenged => is_to_repeat = true,
                Event::Allocated { relays, .. } => {
                    caller.relay = relays.first().copied();
                    self.on_their_way.remove(&index);
                }
                Event::Done(_) => drop(self.on_their_way.remove(&index)),
                // Of the second of two requests that two challenges led to; the first one is answered as well.
                Event::Refused(_, ALLOCATION_MISMATCH) => {}
                Event::Refused(method, code) => bail!("the relay refused {method:?} with {code}"),
                _ => {}
            }
        }
        if is_to_repeat {
            self.ask(index);
        }
        Ok(())
    }
}

fn send(socket: &BatchSocket, server: SocketAddr, request: &[u8]) {
    let mut batch = SendBatch::new();
    batch.push(None, server, request.to_vec());
    // What the system does not take is sent again like what gets lost.
    socket.send(&mut batch);
}
