//! Tokens that end before their time: revoked, of a deleted user or resource, made with a key that was regenerated.
//!
//! Whoever hears of it has the connections in question checked at once. That is told by wake-ups, which can be lost,
//! so every few seconds all of them are checked.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use trunkline_kernel::ResourceId;
use trunkline_store::Wake;
use trunkline_tasks::Shutdown;

use super::endpoint::{Closing, Endpoint};
use super::hub::Hub;
use trunkline_web::ports::HeldToken;

/// Told between nodes: whose connections end; the resource, and the user unless it is about all of them.
const DISCONNECT_TOPIC: &str = "chat.disconnect";
/// How often all tokens are checked: a lost wake-up costs this much. 10,000 are 20 short reads.
const CHECK_INTERVAL: Duration = Duration::from_secs(5);
/// How soon they are checked again after somebody asked: what is cached elsewhere may still have been the old.
const CHECK_AGAIN_AFTER: Duration = Duration::from_secs(1);
/// Tokens checked in one read.
const TOKENS_AT_ONCE: usize = 500;

impl Hub {
    /// Ends the connections of a user on every node, whatever their tokens: the user is gone.
    pub(crate) fn disconnect_user(&self, resource: ResourceId, raw_id: &str) {
        self.disconnect(resource, Some(raw_id));
        self.store.wakes().publish(DISCONNECT_TOPIC, &format!("{resource} {raw_id}"));
    }

    /// Ends the connections of every user of a resource on every node.
    pub(crate) fn disconnect_resource(&self, resource: ResourceId) {
        self.disconnect(resource, None);
        self.store.wakes().publish(DISCONNECT_TOPIC, &resource.to_string());
    }

    /// Ends those connections of a user on this node whose tokens are no longer good.
    pub(crate) async fn check_user(&self, resource: ResourceId, raw_id: &str) {
        let theirs = self.connected.matching(|one| is_of(one, resource, Some(raw_id)));
        self.check_tokens(&theirs).await;
    }

    /// Has every token checked now: somebody changed what tokens depend on, or word of that was lost.
    pub(crate) fn doubt_tokens(&self) {
        self.tokens_doubted.notify_one();
    }

    /// Ends those of the connections whose tokens are no longer good. What cannot be found out now is asked again soon.
    pub(super) async fn check_tokens(&self, endpoints: &[Arc<Endpoint>]) {
        let mut by_resource: HashMap<ResourceId, Vec<&Arc<Endpoint>>> = HashMap::new();
        for endpoint in endpoints.iter().filter(|endpoint| endpoint.closing().is_none()) {
            by_resource.entry(endpoint.identity.resource).or_default().push(endpoint);
        }
        for (resource, endpoints) in by_resource {
            for some in endpoints.chunks(TOKENS_AT_ONCE) {
                let tokens = some.iter().map(|endpoint| endpoint.identity.token.clone()).collect();
                match self.users.still_good(resource, tokens).await {
                    Ok(are_good) => {
                        let bad = some.iter().zip(are_good).filter(|(_, is_good)| !is_good);
                        bad.for_each(|(endpoint, _)| endpoint.close(Closing::Unauthorized));
                    }
                    Err(cause) => {
                        tracing::warn!(?cause, "tokens of connected clients cannot be checked now");
                    }
                }
            }
        }
    }

    /// Checks all tokens, every few seconds and when somebody asks, until the end is asked for.
    pub(super) async fn watch_tokens(self: Arc<Self>, shutdown: Shutdown) {
        let mut pause = CHECK_INTERVAL;
        loop {
            pause = tokio::select! {
                () = shutdown.requested() => return,
                () = self.tokens_doubted.notified() => CHECK_AGAIN_AFTER,
                () = tokio::time::sleep(pause) => CHECK_INTERVAL,
            };
            self.check_tokens(&self.connected.all()).await;
        }
    }

    /// Listens to other nodes that say whose connections end.
    pub(super) async fn listen_disconnects(self: Arc<Self>, shutdown: Shutdown) {
        let mut wakes = self.store.wakes().subscribe(DISCONNECT_TOPIC);
        loop {
            let wake = tokio::select! {
                () = shutdown.requested() => return,
                wake = wakes.next() => wake,
            };
            match wake {
                None => return,
                Some(Wake::Missed) => self.doubt_tokens(),
                Some(Wake::Payload(payload)) => {
                    let (resource, raw_id) = match payload.split_once(' ') {
                        Some((resource, raw_id)) => (resource, Some(raw_id)),
                        None => (&*payload, None),
                    };
                    if let Ok(resource) = resource.parse() {
                        self.disconnect(resource, raw_id);
                    }
                }
            }
        }
    }

    fn disconnect(&self, resource: ResourceId, raw_id: Option<&str>) {
        for endpoint in self.connected.matching(|one| is_of(one, resource, raw_id)) {
            endpoint.close(Closing::Unauthorized);
        }
    }
}

/// Whether a connection is one of the resource, and of that user if one is named.
fn is_of(endpoint: &Endpoint, resource: ResourceId, raw_id: Option<&str>) -> bool {
    let HeldToken { raw_id: theirs, .. } = &endpoint.identity.token;
    endpoint.identity.resource == resource && raw_id.is_none_or(|raw_id| *raw_id == **theirs)
}
