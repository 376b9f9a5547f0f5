//! Port numbers: one for each thread, the same for UDP and TCP on every address.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};

use rustix::net::{AddressFamily, SocketFlags, SocketType, sockopt};
use tracing::warn;
use trunkline_net::NetError;
use trunkline_net::udp::{BatchSocket, UdpOptions};

use crate::config::MediaConfig;
use crate::error::MediaError;

/// Connections that wait to be accepted.
const BACKLOG: i32 = 128;
/// How many free numbers are tried until one is free everywhere. Two of three addresses rarely clash even once.
const TRIES_MAX: usize = 32;

/// The sockets of one thread.
pub(crate) struct Ends {
    pub(crate) sockets: Vec<BatchSocket>,
    pub(crate) listeners: Vec<TcpListener>,
}

/// Binds the sockets of thread number `index`.
pub(crate) fn bind(config: &MediaConfig, index: usize) -> Result<Ends, MediaError> {
    let port = match config.port_first {
        0 => 0,
        first => {
            let further = u16::try_from(index).map_err(|_| MediaError::NoPort)?;
            first.checked_add(further).ok_or(MediaError::NoPort)?
        }
    };
    bind_ends(&config.listen, port, config.is_tcp_on)
}

/// Binds one number on all of `listen`; none of them means every address. 0 takes a number that is free everywhere.
pub(crate) fn bind_ends(listen: &[IpAddr], port: u16, is_tcp_on: bool) -> Result<Ends, MediaError> {
    let every = [Ipv4Addr::UNSPECIFIED.into(), Ipv6Addr::UNSPECIFIED.into()];
    let is_every = listen.is_empty();
    let listen = if is_every { &every } else { listen };
    if port != 0 {
        return bind_all(listen, is_every, port, is_tcp_on).map_err(MediaError::Net);
    }
    for _ in 0..TRIES_MAX {
        match bind_all(listen, is_every, 0, is_tcp_on) {
            Err(NetError::AddressInUse { .. }) => {}
            other => return other.map_err(MediaError::Net),
        }
    }
    Err(MediaError::NoPort)
}

fn bind_all(listen: &[IpAddr], is_every: bool, port: u16, is_tcp_on: bool) -> Result<Ends, NetError> {
    let mut ends = Ends { sockets: Vec::new(), listeners: Vec::new() };
    let mut port = port;
    for ip in listen {
        let address = SocketAddr::new(*ip, port);
        match BatchSocket::bind(address, UdpOptions::default()) {
            Ok(socket) => {
                port = socket.local().port();
                ends.sockets.push(socket);
            }
            Err(NetError::Bind { source, .. }) if is_every && ip.is_ipv6() && is_unknown_family(&source) => {
                warn!("this machine has no IPv6; media goes without it");
                continue;
            }
            Err(error) => return Err(error),
        }
        if is_tcp_on {
            let address = SocketAddr::new(*ip, port);
            ends.listeners.push(listen_tcp(address)?);
        }
    }
    Ok(ends)
}

/// A listener of TCP that never blocks. An IPv6 wildcard leaves IPv4 alone.
fn listen_tcp(address: SocketAddr) -> Result<TcpListener, NetError> {
    let listen = || -> io::Result<TcpListener> {
        let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let socket = rustix::net::socket_with(family, SocketType::STREAM, flags, None)?;
        // A restarted server takes its port although old connections are still in TIME-WAIT.
        sockopt::set_socket_reuseaddr(&socket, true)?;
        if address.is_ipv6() {
            sockopt::set_ipv6_v6only(&socket, true)?;
        }
        rustix::net::bind(&socket, &address)?;
        rustix::net::listen(&socket, BACKLOG)?;
        Ok(socket.into())
    };
    listen().map_err(|source| match source.kind() {
        io::ErrorKind::AddrInUse => NetError::AddressInUse { address },
        _ => NetError::Bind { address: address.to_string(), source },
    })
}

/// Whether the machine does not have the IP version of an address.
fn is_unknown_family(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::AddrNotAvailable | io::ErrorKind::Unsupported)
        || error.raw_os_error() == Some(rustix::io::Errno::AFNOSUPPORT.raw_os_error())
}
