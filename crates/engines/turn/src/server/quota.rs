//! Who has how many allocations, and how often an address is told that it lacks credentials.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;

use super::{Limits, Why};
use crate::credentials::Name;

/// Refusals that an address gets between two sweeps (a second): enough for an office behind one address that joins
/// at once, too few to be worth a forged source address.
const REFUSALS_MAX: u32 = 200;
/// Addresses counted between two sweeps; when there are more, nobody else is refused aloud.
const ADDRESSES_MAX: usize = 65_536;

/// TCP connections with peers that a user may have.
const CONNECTIONS_PER_USER: u32 = 64;
/// Those of a tenant: a quarter of all.
const CONNECTIONS_PER_TENANT: u32 = 1_024;

/// Counts of allocations, and of their TCP connections with peers.
#[derive(Debug, Default)]
pub(super) struct Quotas {
    users: HashMap<String, u32>,
    tenants: HashMap<String, u32>,
    addresses: HashMap<IpAddr, u32>,
    user_connections: HashMap<String, u32>,
    tenant_connections: HashMap<String, u32>,
}

impl Quotas {
    /// Why `username` at `client` may not have one more.
    pub(super) fn lacks_room(&self, username: &str, client: IpAddr, limits: &Limits) -> Option<Why> {
        let Some(name) = Name::parse(username) else { return Some(Why::UserQuota) };
        let count = |counts: &HashMap<String, u32>, key: &str| counts.get(key).copied().unwrap_or(0);
        let at_address = self.addresses.get(&client).copied().unwrap_or(0);
        if count(&self.users, name.user) >= limits.allocations_per_user {
            Some(Why::UserQuota)
        } else if count(&self.tenants, name.tenant()) >= limits.allocations_per_tenant {
            Some(Why::TenantQuota)
        } else if at_address >= limits.allocations_per_address {
            Some(Why::AddressQuota)
        } else {
            None
        }
    }

    pub(super) fn take(&mut self, username: &str, client: IpAddr) {
        let Some(name) = Name::parse(username) else { return };
        *self.users.entry(name.user.to_owned()).or_default() += 1;
        *self.tenants.entry(name.tenant().to_owned()).or_default() += 1;
        *self.addresses.entry(client).or_default() += 1;
    }

    /// Takes one more connection for `username`, where it may have one.
    pub(super) fn take_connection(&mut self, username: &str) -> bool {
        let Some(name) = Name::parse(username) else { return false };
        let count = |counts: &HashMap<String, u32>, key: &str| counts.get(key).copied().unwrap_or(0);
        let has_room = count(&self.user_connections, name.user) < CONNECTIONS_PER_USER
            && count(&self.tenant_connections, name.tenant()) < CONNECTIONS_PER_TENANT;
        if has_room {
            *self.user_connections.entry(name.user.to_owned()).or_default() += 1;
            *self.tenant_connections.entry(name.tenant().to_owned()).or_default() += 1;
        }
        has_room
    }

    pub(super) fn give_back_connection(&mut self, username: &str) {
        let Some(name) = Name::parse(username) else { return };
        lower(&mut self.user_connections, name.user);
        lower(&mut self.tenant_connections, name.tenant());
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
