//! Which addresses clients are told, and what a datagram's address is to them.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use trunkline_net::udp::interface_addresses;
use trunkline_sfu::{HostCandidate, Now};

/// How long a list of the machine's addresses is taken for true: a laptop that changes its network is back with the
/// next call, and a burst of joins asks the system once.
const LIST_AGE: Duration = Duration::from_secs(5);
/// More addresses than this are not told: each costs every client a check a few times a second.
const ADDRESSES_MAX: usize = 16;

/// How to list the machine's addresses.
type List = fn() -> io::Result<Vec<IpAddr>>;

/// The addresses of one thread.
pub(crate) struct Addresses {
    bound: Vec<SocketAddr>,
    public: Vec<IpAddr>,
    is_tcp_on: bool,
    is_loopback_offered: bool,
    list: List,
    listed: Option<(Now, Vec<IpAddr>)>,
}

impl Addresses {
    pub(crate) fn new(
        bound: Vec<SocketAddr>,
        public: Vec<IpAddr>,
        is_tcp_on: bool,
        is_loopback_offered: bool,
    ) -> Self {
        Self { bound, public, is_tcp_on, is_loopback_offered, list: interface_addresses, listed: None }
    }

    /// What is told to a client that joins now.
    pub(crate) fn candidates(&mut self, now: Now) -> Vec<HostCandidate> {
        let Some(port) = self.bound.first().map(SocketAddr::port) else { return Vec::new() };
        let mut addresses = if self.public.is_empty() { self.own(now) } else { self.public.clone() };
        addresses.truncate(ADDRESSES_MAX);
        let kinds = [false, true];
        kinds
            .into_iter()
            .filter(|is_tcp| self.is_tcp_on || !is_tcp)
            .flat_map(|is_tcp| addresses.iter().map(move |ip| (is_tcp, *ip)))
            .map(|(is_tcp, ip)| HostCandidate { address: SocketAddr::new(ip, port), is_tcp })
            .collect()
    }

    /// Whether clients are told other addresses than this machine has.
    pub(crate) fn is_translated(&self) -> bool {
        !self.public.is_empty()
    }

    /// The candidate a client means when its datagram came to `local`.
    pub(crate) fn outside(&self, local: SocketAddr) -> SocketAddr {
        if self.public.is_empty() || self.public.contains(&local.ip()) {
            return SocketAddr::new(local.ip(), local.port());
        }
        let same_family = self.public.iter().find(|ip| ip.is_ipv4() == local.is_ipv4());
        SocketAddr::new(same_family.copied().unwrap_or(local.ip()), local.port())
    }

    fn own(&mut self, now: Now) -> Vec<IpAddr> {
        let mut addresses: Vec<IpAddr> = Vec::new();
        for bound in self.bound.clone() {
            if bound.ip().is_unspecified() {
                let family = bound.is_ipv4();
                addresses
                    .extend(self.machine(now).iter().filter(|ip| ip.is_ipv4() == family && is_useful(**ip)));
            } else {
                addresses.push(bound.ip());
            }
        }
        // An address that was bound on purpose is told in any case.
        let is_bound = |ip: &IpAddr| self.bound.iter().any(|bound| bound.ip() == *ip);
        addresses.retain(|ip| !ip.is_loopback() || self.is_loopback_offered || is_bound(ip));
        // Loopback last: others reach more clients.
        addresses.sort_by_key(|ip| (ip.is_loopback(), ip.is_ipv6()));
        addresses
    }

    fn machine(&mut self, now: Now) -> &[IpAddr] {
        let is_fresh = self.listed.as_ref().is_some_and(|(at, _)| now.saturating_sub(*at) < LIST_AGE);
        if !is_fresh {
            let listed = (self.list)().unwrap_or_else(|error| {
                tracing::error!(%error, "the machine's addresses cannot be listed: calls find no way to this server");
                Vec::new()
            });
            self.listed = Some((now, listed));
        }
        self.listed.as_ref().map_or(&[], |(_, listed)| listed)
    }
}

/// Whether others can use the address without knowing an interface of theirs to go with it.
fn is_useful(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => !ip.is_link_local(),
        IpAddr::V6(ip) => !ip.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(bound: &[&str], public: &[&str], is_loopback_offered: bool) -> Addresses {
        let bound = bound.iter().map(|text| text.parse().expect("an address")).collect();
        let public = public.iter().map(|text| text.parse().expect("an address")).collect();
        let mut addresses = Addresses::new(bound, public, true, is_loopback_offered);
        addresses.list = || {
            let texts = ["127.0.0.1", "::1", "192.0.2.7", "169.254.3.3", "fe80::1", "2001:db8::7"];
            Ok(texts.iter().map(|text| text.parse().expect("an address")).collect())
        };
        addresses
    }

    fn told(addresses: &mut Addresses, is_tcp: bool) -> Vec<String> {
        let candidates = addresses.candidates(Now::ZERO).into_iter();
        candidates.filter(|one| one.is_tcp == is_tcp).map(|one| one.address.to_string()).collect()
    }

    #[test]
    fn wildcards_tell_the_addresses_of_the_machine() {
        let mut addresses = of(&["0.0.0.0:7000", "[::]:7000"], &[], false);
        assert_eq!(told(&mut addresses, false), ["192.0.2.7:7000", "[2001:db8::7]:7000"]);
        assert_eq!(told(&mut addresses, true), ["192.0.2.7:7000", "[2001:db8::7]:7000"]);
    }

    #[test]
    fn loopback_is_told_in_development_and_when_bound() {
        let mut development = of(&["0.0.0.0:7000"], &[], true);
        assert_eq!(told(&mut development, false), ["192.0.2.7:7000", "127.0.0.1:7000"]);
        let mut bound = of(&["127.0.0.1:7000"], &[], false);
        assert_eq!(told(&mut bound, false), ["127.0.0.1:7000"]);
    }

    #[test]
    fn public_addresses_stand_for_all_others() {
        let mut addresses = of(&["0.0.0.0:7000"], &["203.0.113.5"], true);
        assert_eq!(told(&mut addresses, false), ["203.0.113.5:7000"]);
        let local = "192.0.2.7:7000".parse().expect("an address");
        assert_eq!(addresses.outside(local), "203.0.113.5:7000".parse().expect("an address"));
    }

    #[test]
    fn an_address_that_is_public_itself_stays() {
        let addresses = of(&["0.0.0.0:7000"], &["203.0.113.5", "203.0.113.6"], false);
        let local = "203.0.113.6:7000".parse().expect("an address");
        assert_eq!(addresses.outside(local), local);
    }

    #[test]
    fn the_machine_is_asked_again_after_a_while() {
        let mut addresses = of(&["0.0.0.0:7000"], &[], false);
        assert_eq!(told(&mut addresses, false).len(), 1);
        addresses.list =
            || Ok(vec!["192.0.2.7".parse().expect("an address"), "192.0.2.8".parse().expect("an address")]);
        assert_eq!(told(&mut addresses, false).len(), 1);
        assert_eq!(addresses.candidates(LIST_AGE).len(), 4, "two of UDP and two of TCP");
    }
}
