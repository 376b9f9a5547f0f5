//! From a target to a TCP connection with one of its checked addresses.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tokio::net::TcpStream;

use super::target::TargetHost;
use super::{AddressRules, OutboundBounds, OutboundError, Resolve, Target};

/// The addresses of `target` that may be called, in the order to try them. Never empty.
///
/// An address that is not permitted is left out: a name may have a public and a private one.
pub(super) async fn permitted(
    target: &Target,
    rules: &AddressRules,
    bounds: &OutboundBounds,
    resolver: &dyn Resolve,
) -> Result<Vec<SocketAddr>, OutboundError> {
    let found = match target.host() {
        TargetHost::Address(address) => vec![SocketAddr::new(*address, target.port())],
        TargetHost::Name(name) => {
            let failed = |reason: String| OutboundError::Resolution { reason };
            tokio::time::timeout(bounds.resolve, resolver.resolve(name, target.port()))
                .await
                .map_err(|_| failed("it took too long".to_owned()))?
                .map_err(|error| failed(error.to_string()))?
        }
    };
    if found.is_empty() {
        return Err(OutboundError::Resolution { reason: "the name has no address".to_owned() });
    }
    let permitted: Vec<SocketAddr> =
        found.into_iter().take(bounds.addresses).filter(|address| rules.permits(address.ip())).collect();
    if permitted.is_empty() { Err(OutboundError::Refused) } else { Ok(take_turns(permitted)) }
}

/// IPv6 and IPv4 in turns, the resolver's first choice first (RFC 8305 §4): where one of them is broken, the
/// other is the next to be tried.
fn take_turns(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let first_is_v4 = addresses.first().is_some_and(SocketAddr::is_ipv4);
    let (preferred, others): (Vec<_>, Vec<_>) =
        addresses.into_iter().partition(|address| address.is_ipv4() == first_is_v4);
    let (mut preferred, mut others) = (preferred.into_iter(), others.into_iter());
    let mut ordered = Vec::new();
    loop {
        let before = ordered.len();
        ordered.extend(preferred.next());
        ordered.extend(others.next());
        if ordered.len() == before {
            return ordered;
        }
    }
}

/// The first connection that stands. A further address is tried when the ones before it failed or have not
/// answered within [`OutboundBounds::next_address`].
pub(super) async fn connect(
    addresses: Vec<SocketAddr>,
    bounds: &OutboundBounds,
) -> Result<TcpStream, OutboundError> {
    let failed = |reason: String| OutboundError::Connect { reason };
    tokio::time::timeout(bounds.connect, race(addresses, bounds.next_address))
        .await
        .map_err(|_| failed("it took too long".to_owned()))?
        .map_err(|error| failed(error.kind().to_string()))
}

async fn race(addresses: Vec<SocketAddr>, next_address: Duration) -> io::Result<TcpStream> {
    let mut waiting = addresses.into_iter();
    let mut running = FuturesUnordered::new();
    let mut last_error = io::Error::from(io::ErrorKind::AddrNotAvailable);
    running.extend(waiting.next().map(open));
    loop {
        tokio::select! {
            // An answer that is there counts before the next address is tried.
            biased;
            Some(opened) = running.next() => match opened {
                Ok(stream) => return Ok(stream),
                Err(error) => {
                    last_error = error;
                    running.extend(waiting.next().map(open));
                    if running.is_empty() {
                        return Err(last_error);
                    }
                }
            },
            () = tokio::time::sleep(next_address), if waiting.len() > 0 => running.extend(waiting.next().map(open)),
            else => return Err(last_error),
        }
    }
}

async fn open(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    // A request is written whole; waiting for more would only delay it.
    stream.set_nodelay(true)?;
    // A connection to oneself: on loopback, a free port that is called may be given to the caller too.
    if stream.local_addr()? == stream.peer_addr()? {
        return Err(io::ErrorKind::ConnectionRefused.into());
    }
    Ok(stream)
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    fn address(text: &str) -> SocketAddr {
        SocketAddr::new(text.parse::<IpAddr>().expect("an address"), 443)
    }

    #[test]
    fn families_take_turns_and_the_first_choice_stays_first() {
        let order = |texts: &[&str]| -> Vec<String> {
            let addresses = texts.iter().map(|text| address(text)).collect();
            take_turns(addresses).iter().map(|address| address.ip().to_string()).collect()
        };
        assert_eq!(
            order(&["2001:db8::1", "2001:db8::2", "192.0.2.1"]),
            ["2001:db8::1", "192.0.2.1", "2001:db8::2"]
        );
        assert_eq!(
            order(&["192.0.2.1", "2001:db8::1", "192.0.2.2"]),
            ["192.0.2.1", "2001:db8::1", "192.0.2.2"]
        );
        assert_eq!(order(&["192.0.2.1"]), ["192.0.2.1"]);
    }
}
