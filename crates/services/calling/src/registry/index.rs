//! Who finds which call: by its id, by the id it is joined with, by a leg, by a session.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use trunkline_kernel::ResourceId;

use crate::actor::CallHandle;
use crate::error::CallingError;
use crate::rules::{EndpointId, LegId};

/// What people join a call with.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) enum PlaceName {
    Group(Arc<str>),
    Room(Arc<str>),
}

/// Where a leg is.
#[derive(Clone, Debug)]
pub(crate) struct LegPlace {
    pub(crate) handle: CallHandle,
    /// The raw id.
    pub(crate) user: Arc<str>,
    /// The session it belongs to; none while somebody is called.
    pub(crate) endpoint: Option<EndpointId>,
}

/// A leg's id is unique in its resource while it lives: clients draw their own.
type LegName = (ResourceId, LegId);

#[derive(Default)]
pub(super) struct Index {
    calls: HashMap<Arc<str>, (CallHandle, ResourceId)>,
    places: HashMap<(ResourceId, PlaceName), CallHandle>,
    legs: HashMap<LegName, LegPlace>,
    // Invariant: these two hold exactly the legs above, under their users and sessions.
    users: HashMap<(ResourceId, Arc<str>), HashSet<LegId>>,
    endpoints: HashMap<EndpointId, HashSet<LegName>>,
}

impl Index {
    pub(super) fn insert(&mut self, resource: ResourceId, handle: &CallHandle, place: Option<&PlaceName>) {
        self.calls.insert(Arc::clone(&handle.id), (handle.clone(), resource));
        if let Some(place) = place {
            self.places.insert((resource, place.clone()), handle.clone());
        }
    }

    pub(super) fn at(&self, resource: ResourceId, place: &PlaceName) -> Option<CallHandle> {
        self.places.get(&(resource, place.clone())).cloned()
    }

    pub(super) fn leg(&self, resource: ResourceId, leg: &LegId) -> Option<CallHandle> {
        self.legs.get(&(resource, Arc::clone(leg))).map(|place| place.handle.clone())
    }

    /// Keeps the id of a leg that is about to come.
    pub(super) fn claim(
        &mut self,
        resource: ResourceId,
        leg: &LegId,
        place: LegPlace,
        most_of_user: usize,
    ) -> Result<(), CallingError> {
        if self.legs.contains_key(&(resource, Arc::clone(leg))) {
            return Err(CallingError::NotAllowed("there is a leg of this id already"));
        }
        let theirs = self.users.get(&(resource, Arc::clone(&place.user))).into_iter().flatten();
        // Others who call somebody keep nobody from calling.
        let is_in = |leg: &&LegId| {
            self.legs.get(&(resource, Arc::clone(leg))).is_some_and(|place| place.endpoint.is_some())
        };
        if theirs.filter(is_in).count() >= most_of_user {
            return Err(CallingError::LimitReached("the user is in as many calls as one may be in"));
        }
        self.enter(resource, leg, place);
        Ok(())
    }

    pub(super) fn enter(&mut self, resource: ResourceId, leg: &LegId, place: LegPlace) {
        let name = (resource, Arc::clone(leg));
        self.take_out(&name);
        self.users.entry((resource, Arc::clone(&place.user))).or_default().insert(Arc::clone(leg));
        if let Some(endpoint) = place.endpoint {
            self.endpoints.entry(endpoint).or_default().insert(name.clone());
        }
        self.legs.insert(name, place);
    }

    /// Forgets a leg of that call.
    pub(super) fn leave(&mut self, resource: ResourceId, leg: &LegId, handle: &CallHandle) {
        let name = (resource, Arc::clone(leg));
        if self.legs.get(&name).is_some_and(|place| place.handle.is(handle)) {
            self.take_out(&name);
        }
    }

    fn take_out(&mut self, name: &LegName) {
        let Some(place) = self.legs.remove(name) else { return };
        let user = (name.0, place.user);
        if let Some(theirs) = self.users.get_mut(&user) {
            theirs.remove(&name.1);
            if theirs.is_empty() {
                self.users.remove(&user);
            }
        }
        let Some(endpoint) = place.endpoint else { return };
        if let Some(theirs) = self.endpoints.get_mut(&endpoint) {
            theirs.remove(name);
            if theirs.is_empty() {
                self.endpoints.remove(&endpoint);
            }
        }
    }

    /// Forgets a call and its legs; says whether it was there.
    pub(super) fn forget(&mut self, handle: &CallHandle) -> bool {
        if self.calls.get(&handle.id).is_none_or(|(known, _)| !known.is(handle)) {
            return false;
        }
        self.calls.remove(&handle.id);
        self.places.retain(|_, known| !known.is(handle));
        let its = |(name, place): (&LegName, &LegPlace)| place.handle.is(handle).then(|| name.clone());
        let names: Vec<LegName> = self.legs.iter().filter_map(its).collect();
        for name in names {
            self.take_out(&name);
        }
        true
    }

    /// The legs of a call and their users.
    pub(super) fn legs_of(&self, handle: &CallHandle) -> Vec<(LegId, Arc<str>)> {
        let its = self.legs.iter().filter(|(_, place)| place.handle.is(handle));
        its.map(|((_, leg), place)| (Arc::clone(leg), Arc::clone(&place.user))).collect()
    }

    /// The calls that legs of a session are in, each once.
    pub(super) fn calls_of(&self, endpoint: EndpointId) -> Vec<CallHandle> {
        let names = self.endpoints.get(&endpoint).into_iter().flatten();
        distinct(names.filter_map(|name| self.legs.get(name)).map(|place| &place.handle))
    }

    /// The calls that a user is in or called into, each once.
    pub(super) fn calls_of_user(&self, resource: ResourceId, user: &str) -> Vec<CallHandle> {
        let names = self.users.get(&(resource, Arc::from(user))).into_iter().flatten();
        let places = names.filter_map(|leg| self.legs.get(&(resource, Arc::clone(leg))));
        distinct(places.map(|place| &place.handle))
    }

    /// All calls of a resource.
    pub(super) fn calls_of_resource(&self, resource: ResourceId) -> Vec<CallHandle> {
        let its = self.calls.values().filter(|(_, owner)| *owner == resource);
        its.map(|(handle, _)| handle.clone()).collect()
    }

    #[cfg(test)]
    pub(super) fn all(&self) -> Vec<CallHandle> {
        self.calls.values().map(|(handle, _)| handle.clone()).collect()
    }

    pub(super) fn has_call(&self, id: &str) -> bool {
        self.calls.contains_key(id)
    }
}

fn distinct<'a>(handles: impl Iterator<Item = &'a CallHandle>) -> Vec<CallHandle> {
    let mut found: Vec<CallHandle> = Vec::new();
    for handle in handles {
        if !found.iter().any(|known| known.is(handle)) {
            found.push(handle.clone());
        }
    }
    found
}
