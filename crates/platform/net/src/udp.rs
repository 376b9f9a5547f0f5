//! UDP in batches: many datagrams a system call, and the addresses they came to and leave from.
//!
//! ```text
//! SendBatch ── trains of equal datagrams ──► sendmmsg, cut by UDP_SEGMENT ──► network
//! ReceiveBatch ◄── datagrams ◄── recvmmsg, joined by UDP_GRO ◄── network
//! ```

mod batch;
mod system;
mod wire;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::net::{AddressFamily, SocketFlags, SocketType, sockopt};
use tracing::{debug, info};

pub use batch::{ReceiveBatch, Received, SendBatch};

use crate::error::NetError;

/// Messages handed to the system in one call: a round of audio to a large meeting in a few calls, while the
/// structures of a call stay in the processor's cache.
const CALL_MESSAGES: usize = 64;

/// How a socket is made.
#[derive(Clone, Copy, Debug)]
pub struct UdpOptions {
    /// What the system keeps for the socket each way, in bytes, as far as it allows.
    pub buffer_bytes: usize,
}

impl Default for UdpOptions {
    /// 4 MiB: a tenth of a second of 300 Mbit/s, while the thread is busy.
    fn default() -> Self {
        Self { buffer_bytes: 4 << 20 }
    }
}

/// What became of the datagrams given to [`BatchSocket::send`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Sent {
    /// Datagrams the system took.
    pub sent: usize,
    /// Datagrams that cannot be sent: too long, or no way to the receiver.
    pub dropped: usize,
}

/// A UDP socket that never blocks.
#[derive(Debug)]
pub struct BatchSocket {
    socket: OwnedFd,
    local: SocketAddr,
    /// The network device cannot cut trains.
    is_train_refused: AtomicBool,
}

impl BatchSocket {
    /// Binds a socket; port 0 takes a free one. An IPv6 wildcard leaves IPv4 alone.
    ///
    /// **Errors**: [`NetError::AddressInUse`], [`NetError::Bind`].
    pub fn bind(address: SocketAddr, options: UdpOptions) -> Result<Self, NetError> {
        let failed = |source: io::Error| match source.kind() {
            io::ErrorKind::AddrInUse => NetError::AddressInUse { address },
            _ => NetError::Bind { address: address.to_string(), source },
        };
        let socket = open(address, options).map_err(failed)?;
        let local = rustix::net::getsockname(&socket).map_err(|error| failed(error.into()))?;
        let local = SocketAddr::try_from(local).map_err(|error| failed(error.into()))?;
        Ok(Self { socket, local, is_train_refused: AtomicBool::new(false) })
    }

    /// The address it is bound to, with the port.
    pub fn local(&self) -> SocketAddr {
        self.local
    }

    /// Reads what is there, at most as many messages as the batch has room for. Returns how many came: 0 when there
    /// is nothing.
    ///
    /// **Errors**: of the system; those that tell of an earlier datagram that was refused may be ignored.
    pub fn receive(&self, batch: &mut ReceiveBatch) -> io::Result<usize> {
        let read = batch.fill(self.local.ip(), |buffers, messages| {
            system::receive_many(self.socket.as_fd(), buffers, messages)
        });
        match read {
            Err(error) if is_nothing(&error) => Ok(0),
            other => other,
        }
    }

    /// Sends what it can. What is left in the batch waits until the socket can be written to.
    pub fn send(&self, batch: &mut SendBatch) -> Sent {
        let mut result = Sent::default();
        if self.is_train_refused.load(Ordering::Relaxed) {
            batch.split(usize::MAX);
        }
        while !batch.is_empty() {
            let (mut messages, parts) = batch.head(CALL_MESSAGES);
            let sent = system::send_many(self.socket.as_fd(), &mut messages, &parts);
            match sent {
                Ok(count) => result.sent += batch.advance(count),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if is_full(&error) => break,
                Err(error) if batch.is_train_first() => {
                    if is_device_refusal(&error) {
                        info!(%error, "the network device cannot cut trains of datagrams; sending them one by one");
                        self.is_train_refused.store(true, Ordering::Relaxed);
                        batch.split(usize::MAX);
                    } else {
                        // Of this way alone, such as datagrams longer than it takes: each fares for itself.
                        batch.split(1);
                    }
                }
                Err(error) => {
                    debug!(%error, "a datagram cannot be sent");
                    result.dropped += batch.advance(1);
                }
            }
        }
        result
    }
}

impl AsFd for BatchSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// The addresses of all interfaces that are up, loopback among them, each once.
///
/// **Errors**: the system cannot list them.
pub fn interface_addresses() -> io::Result<Vec<IpAddr>> {
    let mut addresses = system::interface_addresses()?;
    addresses.sort_unstable();
    addresses.dedup();
    Ok(addresses)
}

fn open(address: SocketAddr, options: UdpOptions) -> io::Result<OwnedFd> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let socket = rustix::net::socket_with(family, SocketType::DGRAM, flags, None)?;
    let fd = socket.as_fd();
    if address.is_ipv6() {
        sockopt::set_ipv6_v6only(&socket, true)?;
        system::set_option(fd, libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO, 1)?;
    } else {
        system::set_option(fd, libc::IPPROTO_IP, libc::IP_PKTINFO, 1)?;
    }
    if let Err(error) = system::set_option(fd, libc::SOL_UDP, libc::UDP_GRO, 1) {
        debug!(%error, "this system does not join datagrams that arrive together");
    }
    for (forced, asked) in [(libc::SO_RCVBUFFORCE, libc::SO_RCVBUF), (libc::SO_SNDBUFFORCE, libc::SO_SNDBUF)]
    {
        let bytes = libc::c_int::try_from(options.buffer_bytes).unwrap_or(libc::c_int::MAX);
        // Only root may go beyond the system's limit (net.core.rmem_max); others get what it allows.
        if system::set_option(fd, libc::SOL_SOCKET, forced, bytes).is_err() {
            system::set_option(fd, libc::SOL_SOCKET, asked, bytes)?;
        }
    }
    rustix::net::bind(&socket, &address)?;
    Ok(socket)
}

fn is_nothing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

/// No room in the socket or in the device's queue: try again later.
fn is_full(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock || error.raw_os_error() == Some(libc::ENOBUFS)
}

/// What a device without checksum offload says to a train, whoever is to get it.
fn is_device_refusal(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EIO | libc::EOPNOTSUPP))
}

#[cfg(test)]
mod tests;
