//! [`Connected`]: who is connected to this node.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use super::endpoint::Endpoint;
use crate::rows::PersonNumber;

/// Parts of the map with a lock of their own, so that a fan-out and a connecting client rarely meet.
const PARTS: usize = 64;

type Part = HashMap<PersonNumber, Vec<Arc<Endpoint>>>;

/// The connected clients, by their users.
pub(super) struct Connected {
    // Each guards the clients of some of the people.
    parts: Vec<RwLock<Part>>,
    count: AtomicUsize,
    generation: AtomicU64,
}

/// What a new connection replaces.
pub(super) struct Replaced {
    /// Connections of the same client.
    pub(super) same: Vec<Arc<Endpoint>>,
    /// Connections of the same user beyond the bound, the oldest ones.
    pub(super) crowded: Vec<Arc<Endpoint>>,
}

impl Connected {
    pub(super) fn new() -> Self {
        let parts = (0..PARTS).map(|_| RwLock::default()).collect();
        Self { parts, count: AtomicUsize::new(0), generation: AtomicU64::new(0) }
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.count.load(Ordering::Acquire)
    }

    /// Grows with every new connection: what was found empty is so only until then.
    pub(super) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Adds a connection. Those it replaces stay until they [leave](Self::remove).
    pub(super) fn insert(&self, endpoint: &Arc<Endpoint>, per_user_max: usize) -> Replaced {
        let mut part = self.part(endpoint.identity.person).write().unwrap_or_else(PoisonError::into_inner);
        let all = part.entry(endpoint.identity.person).or_default();
        let same: Vec<_> =
            all.iter().filter(|other| other.identity.epid == endpoint.identity.epid).cloned().collect();
        let others: Vec<_> = all
            .iter()
            .filter(|other| other.identity.epid != endpoint.identity.epid && !other.is_ending())
            .cloned()
            .collect();
        let beyond = (others.len() + 1).saturating_sub(per_user_max);
        all.push(Arc::clone(endpoint));
        drop(part);
        self.count.fetch_add(1, Ordering::AcqRel);
        self.generation.fetch_add(1, Ordering::AcqRel);
        Replaced { same, crowded: others.into_iter().take(beyond).collect() }
    }

    /// Removes a connection; returns whether it was there.
    pub(super) fn remove(&self, endpoint: &Arc<Endpoint>) -> bool {
        let person = endpoint.identity.person;
        let mut part = self.part(person).write().unwrap_or_else(PoisonError::into_inner);
        let Some(all) = part.get_mut(&person) else { return false };
        let before = all.len();
        all.retain(|other| !Arc::ptr_eq(other, endpoint));
        let is_removed = all.len() < before;
        if all.is_empty() {
            part.remove(&person);
        }
        drop(part);
        if is_removed {
            self.count.fetch_sub(1, Ordering::AcqRel);
        }
        is_removed
    }

    /// The connections of a person.
    pub(super) fn of(&self, person: PersonNumber) -> Vec<Arc<Endpoint>> {
        let part = self.part(person).read().unwrap_or_else(PoisonError::into_inner);
        part.get(&person).cloned().unwrap_or_default()
    }

    /// Calls `visit` with each connection of a person.
    pub(super) fn each_of(&self, person: PersonNumber, mut visit: impl FnMut(&Arc<Endpoint>)) {
        let part = self.part(person).read().unwrap_or_else(PoisonError::into_inner);
        part.get(&person).into_iter().flatten().for_each(&mut visit);
    }

    /// The connections that are `wanted`.
    pub(super) fn matching(&self, wanted: impl Fn(&Endpoint) -> bool) -> Vec<Arc<Endpoint>> {
        let mut matching = Vec::new();
        for part in &self.parts {
            let part = part.read().unwrap_or_else(PoisonError::into_inner);
            matching.extend(part.values().flatten().filter(|endpoint| wanted(endpoint)).cloned());
        }
        matching
    }

    /// Every connection.
    pub(super) fn all(&self) -> Vec<Arc<Endpoint>> {
        let mut all = Vec::with_capacity(self.count());
        for part in &self.parts {
            let part = part.read().unwrap_or_else(PoisonError::into_inner);
            all.extend(part.values().flatten().cloned());
        }
        all
    }

    fn part(&self, person: PersonNumber) -> &RwLock<Part> {
        // Numbers are not negative; one that were would only share a part.
        &self.parts[usize::try_from(person.0).unwrap_or(0) % PARTS]
    }
}
