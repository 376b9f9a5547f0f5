//! Who has how many allocations, and how often an address is told that it lacks credentials.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;

use super::Limits;
use crate::credentials::Name;

/// Refusals that an address gets between two sweeps (a second): enough for an office behind one address that joins
/// at once, too few to be worth a forged source address.
const REFUSALS_MAX: u32 = 200;
/// Addresses counted between two sweeps; when there are more, nobody else is refused aloud.
const ADDRESSES_MAX: usize = 65_536;

/// Counts of allocations.
#[derive(Debug, Default)]
pub(super) struct Quotas {
    users: HashMap<String, u32>,
    tenants: HashMap<String, u32>,
    addresses: HashMap<IpAddr, u32>,
}

impl Quotas {
    /// Whether `username` at `client` may have one more.
    pub(super) fn has_room(&self, username: &str, client: IpAddr, limits: &Limits) -> bool {
        let Some(name) = Name::parse(username) else { return false };
        let count = |counts: &HashMap<String, u32>, key: &str| counts.get(key).copied().unwrap_or(0);
        count(&self.users, name.user) < limits.allocations_per_user
            && count(&self.tenants, name.tenant()) < limits.allocations_per_tenant
            && self.addresses.get(&client).copied().unwrap_or(0) < limits.allocations_per_address
    }

    pub(super) fn take(&mut self, username: &str, client: IpAddr) {
        let Some(name) = Name::parse(username) else { return };
        *self.users.entry(name.user.to_owned()).or_default() += 1;
        *self.tenants.entry(name.tenant().to_owned()).or_default() += 1;
        *self.addresses.entry(client).or_default() += 1;
    }

    pub(super) fn give_back(&mut self, username: &str, client: IpAddr) {
        let Some(name) = Name::parse(username) else { return };
        lower(&mut self.users, name.user);
        lower(&mut self.tenants, name.tenant());
        lower(&mut self.addresses, &client);
    }
}

fn lower<K, Q>(counts: &mut HashMap<K, u32>, key: &Q)
where
    K: std::borrow::Borrow<Q> + Eq + Hash,
    Q: Eq + Hash + ?Sized,
{
    if let Some(count) = counts.get_mut(key) {
        *count = count.saturating_sub(1);
        if *count == 0 {
            counts.remove(key);
        }
    }
}

/// How often each address was refused since the last sweep.
#[derive(Debug, Default)]
pub(super) struct Refusals(HashMap<IpAddr, u32>);

impl Refusals {
    /// Whether `client` may be told once more.
    pub(super) fn may_tell(&mut self, client: IpAddr) -> bool {
        if self.0.len() >= ADDRESSES_MAX && !self.0.contains_key(&client) {
            return false;
        }
        let count = self.0.entry(client).or_default();
        *count += 1;
        *count <= REFUSALS_MAX
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
