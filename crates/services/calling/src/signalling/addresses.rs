//! What clients of one address may do before it is known who they are.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::rates::{Bucket, Rate};

/// Sockets that may be opened, and how many at once: a large office behind one address, all of whose clients come back
/// after a restart.
const SOCKETS: (u32, Rate) = (2_000, Rate::per_second(20));
/// Wrong secrets that may be presented.
const WRONG_SECRETS: (u32, Rate) = (5, Rate::per_minute(5));
/// Addresses remembered. More at once is an attack from many, which other bounds hold: all sockets of the server, and
/// secrets of 256 bits.
const ADDRESSES_MAX: usize = 10_000;

struct Allowance {
    sockets: Bucket,
    wrong_secrets: Bucket,
}

impl Allowance {
    fn new(now: Duration) -> Self {
        let bucket = |(burst, rate)| Bucket::new(burst, rate, now);
        Self { sockets: bucket(SOCKETS), wrong_secrets: bucket(WRONG_SECRETS) }
    }

    fn is_full(&mut self, now: Duration) -> bool {
        self.sockets.is_full(now) && self.wrong_secrets.is_full(now)
    }
}

/// Allowances by address. Clients without one, over the socket of the data folder, are not bounded.
#[derive(Default)]
pub(super) struct Addresses {
    // Guards who has used how much.
    allowances: Mutex<HashMap<IpAddr, Allowance>>,
}

impl Addresses {
    /// Whether another socket may be opened.
    pub(super) fn take_socket(&self, address: Option<IpAddr>, now: Duration) -> bool {
        self.with(address, now, |allowance| allowance.sockets.take(1, now)).unwrap_or(true)
    }

    /// Whether a secret may be presented.
    pub(super) fn may_guess(&self, address: Option<IpAddr>, now: Duration) -> bool {
        self.with(address, now, |allowance| allowance.wrong_secrets.has(1, now)).unwrap_or(true)
    }

    /// A wrong secret was presented.
    pub(super) fn guessed_wrong(&self, address: Option<IpAddr>, now: Duration) {
        self.with(address, now, |allowance| allowance.wrong_secrets.take(1, now));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, Allowance>> {
        self.allowances.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with<T>(
        &self,
        address: Option<IpAddr>,
        now: Duration,
        what: impl FnOnce(&mut Allowance) -> T,
    ) -> Option<T> {
        let address = address?;
        let mut allowances = self.lock();
        if allowances.len() >= ADDRESSES_MAX && !allowances.contains_key(&address) {
            allowances.retain(|_, allowance| !allowance.is_full(now));
            if allowances.len() >= ADDRESSES_MAX {
                return None;
            }
        }
        Some(what(allowances.entry(address).or_insert_with(|| Allowance::new(now))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Duration = Duration::from_secs(100);

    fn address(number: u32) -> IpAddr {
        std::net::Ipv4Addr::from(number).into()
    }

    #[test]
    fn each_address_has_its_own_allowance() {
        let addresses = Addresses::default();
        for _ in 0..5 {
            assert!(addresses.may_guess(Some(address(1)), START));
            addresses.guessed_wrong(Some(address(1)), START);
        }
        assert!(!addresses.may_guess(Some(address(1)), START));
        assert!(addresses.may_guess(Some(address(2)), START));
        assert!(addresses.may_guess(None, START));
        assert!(addresses.may_guess(Some(address(1)), START + Duration::from_secs(13)));
        assert!((0..2_000).all(|_| addresses.take_socket(Some(address(1)), START)));
        assert!(!addresses.take_socket(Some(address(1)), START));
        assert!(addresses.take_socket(Some(address(2)), START));
    }

    #[test]
    fn addresses_that_are_quiet_are_forgotten() {
        let addresses = Addresses::default();
        for number in 0..10_000 {
            addresses.take_socket(Some(address(number)), START);
        }
        // No more are remembered, and no more refused.
        addresses.take_socket(Some(address(20_000)), START);
        assert_eq!(addresses.lock().len(), 10_000);
        addresses.take_socket(Some(address(20_001)), START + Duration::from_mins(2));
        assert_eq!(addresses.lock().len(), 1);
    }
}
