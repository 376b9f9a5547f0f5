//! What happens to sessions, users and resources, as their calls hear it.

use std::time::Duration;

use trunkline_kernel::ResourceId;

use super::Registry;
use crate::actor::{CallHandle, Full, Mail};
use crate::rules::{EndpointId, Input, Reason};

/// The calls of a deleted resource end within this time, or with the node.
const END_WITHIN: Duration = Duration::from_secs(10);
/// How often it is looked whether they have.
const LOOK_EVERY: Duration = Duration::from_millis(20);

impl Registry {
    /// A session has had no socket for some seconds.
    pub(crate) fn endpoint_lost(&self, endpoint: EndpointId) {
        self.tell_calls_of(endpoint, |endpoint| Input::SessionLost { endpoint });
    }

    /// It has one again.
    pub(crate) fn endpoint_back(&self, endpoint: EndpointId) {
        self.tell_calls_of(endpoint, |endpoint| Input::SessionBack { endpoint });
    }

    /// It is no more.
    pub(crate) fn endpoint_gone(&self, endpoint: EndpointId, reason: Reason) {
        self.tell_calls_of(endpoint, |endpoint| Input::SessionGone { endpoint, reason });
    }

    /// A session is no more whose leg has just come in.
    pub(crate) fn endpoint_gone_from(
        &self,
        resource: ResourceId,
        leg: &crate::rules::LegId,
        endpoint: EndpointId,
    ) {
        if let Some(handle) = self.find(resource, leg) {
            self.tell(&handle, Input::SessionGone { endpoint, reason: Reason::CLOSED });
        }
    }

    /// Its token has ended.
    pub(crate) fn token_ended(&self, endpoint: EndpointId) {
        self.tell_calls_of(endpoint, |endpoint| Input::TokenEnded { endpoint });
    }

    /// A user is no more.
    pub(crate) fn end_user(&self, resource: ResourceId, user: &str) {
        let calls = self.index().calls_of_user(resource, user);
        for handle in calls {
            self.tell(&handle, Input::UserDeleted { user: user.into() });
        }
    }

    /// A resource is no more: its calls end, and their rows can be deleted when this returns.
    pub(crate) async fn end_resource(&self, resource: ResourceId) {
        let calls = self.index().calls_of_resource(resource);
        for handle in &calls {
            self.tell(handle, Input::End { reason: Reason::BY_SERVICE });
        }
        let ended = async {
            while !self.index().calls_of_resource(resource).is_empty() {
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        if tokio::time::timeout(END_WITHIN, ended).await.is_err() {
            tracing::warn!(%resource, "calls of a deleted resource have not ended in time");
        }
        self.forget_lease(resource);
    }

    /// The calls of a resource run on elsewhere, as their rows have them.
    pub(super) fn let_go(&self, resource: ResourceId) {
        self.hub.let_go(resource);
        let calls = self.index().calls_of_resource(resource);
        for handle in calls {
            self.forget_call(&handle);
            if let Err((mail, Full::ForNow)) = handle.send(Mail::Stop) {
                self.tasks.spawn_quiet(async move { handle.send_patiently(*mail).await });
            }
        }
    }

    /// Has something happen to the call of a leg, as media would.
    #[cfg(test)]
    pub(crate) fn news_of(&self, resource: ResourceId, leg: &crate::rules::LegId, input: Input) {
        let handle = self.find(resource, leg).expect("the leg is in a call");
        self.tell(&handle, input);
    }

    /// Has the task of the call of a leg panic.
    #[cfg(test)]
    pub(crate) fn panic_in(&self, resource: ResourceId, leg: &crate::rules::LegId) {
        let handle = self.find(resource, leg).expect("the leg is in a call");
        handle.send(Mail::Panic).map_err(drop).expect("the mailbox has room");
    }

    /// Has every call look at its timers, as it would when time passes.
    #[cfg(test)]
    pub(crate) fn poke(&self) {
        for handle in self.index().all() {
            self.tell(&handle, Input::SessionLost { endpoint: EndpointId(0) });
        }
    }

    fn tell_calls_of(&self, endpoint: EndpointId, input: impl Fn(EndpointId) -> Input) {
        let calls = self.index().calls_of(endpoint);
        for handle in calls {
            self.tell(&handle, input(endpoint));
        }
    }

    /// Tells a call something that must not be lost: it waits where the mailbox is full.
    fn tell(&self, handle: &CallHandle, input: Input) {
        if let Err((mail, Full::ForNow)) = handle.send(Mail::News(input)) {
            let handle = handle.clone();
            self.tasks.spawn_quiet(async move { handle.send_patiently(*mail).await });
        }
    }
}
