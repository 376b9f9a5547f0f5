//! Media and relay: their ports, the buffers of their sockets, and the addresses that clients are told.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use trunkline_net::outbound::AddressRules;

use super::{Check, Machine};
use crate::config::{Config, Profile};

/// What a media socket asks for (docs/networking.md, threads and load).
const BUFFER_BYTES: u64 = 4 * 1024 * 1024;

/// Everything about media and relay.
pub(super) fn all(config: &Config, machine: &dyn Machine, is_running: bool) -> Vec<Check> {
    let mut checks = media_ports(config, machine, is_running);
    checks.push(relay_port(config, machine, is_running));
    checks.extend(buffers(machine));
    checks.push(addresses(config, machine));
    checks.extend(node_url(config));
    checks
}

fn threads(config: &Config, machine: &dyn Machine) -> usize {
    match config.media.threads {
        0 => machine.cores(),
        count => count,
    }
}

/// The numbers of media ports; empty for any free ones.
fn media_numbers(config: &Config, machine: &dyn Machine) -> Vec<u16> {
    let first = config.media.port;
    if first == 0 {
        return Vec::new();
    }
    let further = u16::try_from(threads(config, machine).saturating_sub(1)).unwrap_or(u16::MAX);
    (first..=first.saturating_add(further)).collect()
}

fn media_ports(config: &Config, machine: &dyn Machine, is_running: bool) -> Vec<Check> {
    const SUBJECT: &str = "media ports";
    let numbers = media_numbers(config, machine);
    let (Some(first), Some(last)) = (numbers.first().copied(), numbers.last().copied()) else {
        return vec![Check::fine(SUBJECT, "any that are free (media.port = 0)")];
    };
    if numbers.len() < threads(config, machine) {
        let remedy = "choose a lower media.port, or fewer media.threads";
        return vec![Check::failure(
            SUBJECT,
            format!("there are no {} from {first} on", threads(config, machine)),
            remedy,
        )];
    }
    let taken = taken_by_others(config, first, last);
    if let Some((setting, port)) = taken {
        let finding = format!("{first} to {last} include {port}, which is {setting}");
        return vec![Check::failure(SUBJECT, finding, format!("choose another media.port or {setting}"))];
    }
    let shown = if first == last { first.to_string() } else { format!("{first} to {last}") };
    let found = probe(config, machine, &numbers, config.media.tcp);
    vec![judge(SUBJECT, &shown, found, is_running, "media.port")]
}

/// A TCP port of another listener among those of media.
fn taken_by_others(config: &Config, first: u16, last: u16) -> Option<(&'static str, u16)> {
    let others = [
        ("http.port", config.media.tcp.then_some(config.http.port)),
        ("admin.port", config.admin.filter(|_| config.media.tcp).map(|admin| admin.port)),
        ("relay.port", config.relay.port),
    ];
    let named = others.into_iter().filter_map(|(setting, port)| Some((setting, port?)));
    named.into_iter().find(|(_, port)| *port != 0 && (first..=last).contains(port))
}

fn relay_port(config: &Config, machine: &dyn Machine, is_running: bool) -> Check {
    const SUBJECT: &str = "relay port";
    match config.relay.port {
        None => Check::fine(SUBJECT, "none: relay.port is off; networks that block media ports are left out"),
        Some(0) => Check::fine(SUBJECT, "any that is free (relay.port = 0)"),
        Some(port) => {
            let found = probe(config, machine, &[port], true);
            judge(SUBJECT, &port.to_string(), found, is_running, "relay.port")
        }
    }
}

/// What keeps a port from being used.
struct Blocked {
    /// `UDP` or `TCP`.
    protocol: &'static str,
    address: SocketAddr,
    error: std::io::Error,
}

fn probe(config: &Config, machine: &dyn Machine, ports: &[u16], is_tcp_on: bool) -> Option<Blocked> {
    let every = [Ipv4Addr::UNSPECIFIED.into(), Ipv6Addr::UNSPECIFIED.into()];
    let is_every = config.media.addresses.is_empty();
    let listen: &[IpAddr] = if is_every { &every } else { &config.media.addresses };
    let all = ports.iter().flat_map(|port| listen.iter().map(|ip| SocketAddr::new(*ip, *port)));
    for address in all {
        let udp = machine.try_bind_udp(address).err().map(|error| ("UDP", error));
        let tcp = || machine.try_listen(address).err().filter(|_| is_tcp_on).map(|error| ("TCP", error));
        let Some((protocol, error)) = udp.or_else(tcp) else { continue };
        let has_no_ipv6 = is_every && address.is_ipv6() && is_unknown(error.kind());
        // A machine without IPv6 does without; and IPv4 holds the same number of TCP where both are one.
        if !has_no_ipv6 {
            return Some(Blocked { protocol, address, error });
        }
    }
    None
}

fn is_unknown(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::AddrNotAvailable | ErrorKind::Unsupported)
}

fn judge(subject: &str, shown: &str, found: Option<Blocked>, is_running: bool, setting: &str) -> Check {
    let Some(Blocked { protocol, address, error }) = found else {
        return if is_running {
            let remedy = "it was started with other settings; give doctor the same flags, or restart it";
            Check::warning(subject, format!("{shown} free, although the server runs"), remedy)
        } else {
            Check::fine(subject, format!("{shown} free"))
        };
    };
    match error.kind() {
        ErrorKind::AddrInUse if is_running => {
            Check::fine(subject, format!("{shown} in use while the server runs"))
        }
        ErrorKind::AddrInUse => {
            let list = if protocol == "UDP" { "ss -lunp" } else { "ss -ltnp" };
            Check::failure(
                subject,
                format!("{protocol} {address} is in use by another program"),
                format!(
                    "find it with: {list} 'sport = :{}'; end it, or choose another {setting}",
                    address.port()
                ),
            )
        }
        ErrorKind::PermissionDenied => Check::failure(
            subject,
            format!("{protocol} {address} is not allowed for this user"),
            format!("ports below 1024 need CAP_NET_BIND_SERVICE; give it, or choose a higher {setting}"),
        ),
        kind if is_unknown(kind) => Check::failure(
            subject,
            format!("this machine does not have the address {}", address.ip()),
            "take it out of media.addresses; what clients see of a NAT belongs in media.public_addresses",
        ),
        _ => Check::failure(subject, format!("{protocol} {address}: {error}"), "see the message"),
    }
}

/// The limits of what a socket may buffer, where the system has such limits and this user may not exceed them.
fn buffers(machine: &dyn Machine) -> Option<Check> {
    const SUBJECT: &str = "buffers of media sockets";
    let limits = machine.udp_buffers()?;
    let least = limits.receive_bytes.min(limits.send_bytes);
    if limits.is_exempt || least >= BUFFER_BYTES {
        return Some(Check::fine(SUBJECT, "as large as media asks for"));
    }
    let finding = format!(
        "at most {} KiB to receive and {} KiB to send, {} asked for: bursts are lost",
        limits.receive_bytes / 1024,
        limits.send_bytes / 1024,
        BUFFER_BYTES / 1024
    );
    let remedy = format!(
        "sysctl -w net.core.rmem_max={BUFFER_BYTES} net.core.wmem_max={BUFFER_BYTES}, also in /etc/sysctl.d"
    );
    Some(Check::warning(SUBJECT, finding, remedy))
}

/// The addresses that clients are told.
fn addresses(config: &Config, machine: &dyn Machine) -> Check {
    const SUBJECT: &str = "addresses for media";
    let public = &config.media.public_addresses;
    if let Some(wrong) = public.iter().find(|ip| ip.is_loopback() || ip.is_unspecified() || ip.is_multicast())
    {
        let remedy = "name the addresses that clients see";
        return Check::failure(
            SUBJECT,
            format!("media.public_addresses has {wrong}, which leads nobody here"),
            remedy,
        );
    }
    let told = if public.is_empty() { own_addresses(config, machine) } else { public.clone() };
    let shown = told.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    if told.is_empty() {
        let remedy = "connect the machine to a network, or set media.public_addresses";
        return match config.profile {
            Profile::Production => {
                Check::failure(SUBJECT, "none but loopback: no client reaches media", remedy)
            }
            Profile::Development => Check::fine(SUBJECT, "loopback only"),
        };
    }
    if config.profile == Profile::Production && !told.iter().any(|ip| AddressRules::default().permits(*ip)) {
        let remedy =
            "behind a NAT set media.public_addresses to what clients see; for a private network all is well";
        return Check::warning(SUBJECT, format!("{shown}: none of them is public"), remedy);
    }
    Check::fine(SUBJECT, shown)
}

/// Those of the machine that are told, loopback and link-local ones aside.
fn own_addresses(config: &Config, machine: &dyn Machine) -> Vec<IpAddr> {
    let bound = &config.media.addresses;
    let own = if bound.is_empty() { machine.own_addresses().unwrap_or_default() } else { bound.clone() };
    let is_told = |ip: &IpAddr| match ip {
        IpAddr::V4(ip) => !ip.is_loopback() && !ip.is_link_local(),
        IpAddr::V6(ip) => !ip.is_loopback() && !ip.is_unicast_link_local(),
    };
    own.into_iter().filter(is_told).collect()
}

/// The address of this very node, where there may be others. Its name and certificate are looked at with the others.
fn node_url(config: &Config) -> Option<Check> {
    const SUBJECT: &str = "address of this node";
    config.database.url.as_ref()?;
    Some(match &config.node_url {
        Some(url) => Check::fine(SUBJECT, url.clone()),
        None => {
            Check::fine(SUBJECT, "node.url is not set: enough while this is the only node on the database")
        }
    })
}
