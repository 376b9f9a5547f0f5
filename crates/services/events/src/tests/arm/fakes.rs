//! What stands around the service in these tests: places of resources, and no way out.

use std::sync::{Mutex, PoisonError};

use trunkline_kernel::ResourceId;
use trunkline_net::outbound::{OutboundError, Target};
use uuid::Uuid;

use super::{SUBSCRIPTION, arm_id, resource};
use crate::ports::{FindTopic, OutboundFuture, PortFuture, SendWebhook, Topic, WebhookConnection};

/// Where resources lie: `dev` (1) in the group `Main`, `other` (2) in `Second`; what is added lies in `Main`.
pub(in crate::tests) struct FixedTopics {
    // Guards the places: replaced one at a time.
    places: Mutex<Vec<(ResourceId, String, String)>>,
}

impl Default for FixedTopics {
    fn default() -> Self {
        let topics = Self { places: Mutex::default() };
        topics.add(1, "Main", "dev");
        topics.add(2, "Second", "other");
        topics
    }
}

impl FixedTopics {
    pub(in crate::tests) fn add(&self, number: u128, group: &str, name: &str) {
        self.lock().push((resource(number), group.to_owned(), name.to_owned()));
    }

    pub(in crate::tests) fn remove(&self, number: u128) {
        self.lock().retain(|(id, ..)| *id != resource(number));
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<(ResourceId, String, String)>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl FindTopic for FixedTopics {
    fn topic(&self, resource: ResourceId) -> PortFuture<'_, Option<Topic>> {
        let found = self.lock().iter().find(|(id, ..)| *id == resource).cloned();
        let topic = found.map(|(_, group, name)| Topic {
            arm_id: arm_id(&group, &name).into(),
            name: name.into(),
            group: group.into(),
        });
        Box::pin(async move { Ok(topic) })
    }

    fn resource<'a>(&'a self, group: &'a str, name: &'a str) -> PortFuture<'a, Option<ResourceId>> {
        let is_it = |(_, its_group, its_name): &&(ResourceId, String, String)| {
            its_group.eq_ignore_ascii_case(group) && its_name.eq_ignore_ascii_case(name)
        };
        let found = self.lock().iter().find(is_it).map(|(id, ..)| *id);
        Box::pin(async move { Ok(found) })
    }

    fn subscription_id(&self) -> PortFuture<'_, Uuid> {
        Box::pin(async move { Ok(SUBSCRIPTION) })
    }
}

/// No way to any web hook: these tests end handshakes themselves.
pub(super) struct NoWay;

impl SendWebhook for NoWay {
    fn connect<'a>(&'a self, _: &'a Target) -> OutboundFuture<'a, Box<dyn WebhookConnection>> {
        Box::pin(async move { Err(OutboundError::Connect { reason: "not in this test".to_owned() }) })
    }
}
