//! Events in memory: from outbox rows to what is published, encoded once per envelope.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use trunkline_delivery::EventFacts;
use trunkline_kernel::ResourceId;
use trunkline_store::Event;

use crate::envelope::Published;
use crate::model::Schema;
use crate::ports::{PortError, Topic};
use crate::{EventsService, publications};

/// What an envelope adds to its parts, about.
const ENVELOPE_BYTES: usize = 300;
/// How long a resource's place is believed: a resource that moves to another group is shown there a second later.
const TOPIC_AGE_MAX: Duration = Duration::from_secs(1);
/// Places remembered; beyond it all are forgotten, as asking again costs little.
const TOPICS_MAX: usize = 10_000;

/// An event and its encoded forms, made when first asked for.
#[derive(Debug)]
pub(crate) struct Encoded {
    pub(crate) published: Published,
    event_grid: OnceLock<Bytes>,
    cloud_event: OnceLock<Bytes>,
}

impl Encoded {
    pub(crate) fn new(published: Published) -> Self {
        Self { published, event_grid: OnceLock::new(), cloud_event: OnceLock::new() }
    }

    /// The event in the envelope of `schema`.
    pub(crate) fn bytes(&self, schema: Schema) -> Bytes {
        let cell = match schema {
            Schema::EventGridSchema => &self.event_grid,
            Schema::CloudEventSchemaV1_0 => &self.cloud_event,
        };
        cell.get_or_init(|| self.published.encode(schema)).clone()
    }

    /// What the machine knows of it.
    pub(crate) fn facts(&self) -> EventFacts {
        let event = &self.published;
        let size = event.data.len()
            + event.subject.len()
            + event.topic.len()
            + event.event_type.len()
            + ENVELOPE_BYTES;
        EventFacts {
            position: event.position,
            size_bytes: u32::try_from(size).unwrap_or(u32::MAX),
            published: event.time,
        }
    }
}

/// Makes published events of outbox rows.
pub(crate) struct Publisher {
    service: Arc<EventsService>,
    /// Guards places by resource, with the monotonic time they were learnt at. Never held over an await.
    topics: Mutex<HashMap<ResourceId, (Option<Topic>, Duration)>>,
    /// One allocation per type instead of one per event.
    types: Mutex<HashMap<String, Arc<str>>>,
}

impl Publisher {
    pub(crate) fn new(service: Arc<EventsService>) -> Self {
        Self { service, topics: Mutex::default(), types: Mutex::default() }
    }

    /// The resource of a row that is published; `None` for everything else.
    pub(crate) fn resource_of(&self, event: &Event) -> Option<ResourceId> {
        let is_published = publications::is_published(&self.service, &event.kind);
        if is_published { event.resource.parse().ok() } else { None }
    }

    /// What a row is published as, in order; nothing when its resource is gone.
    pub(crate) async fn publish(
        &self,
        event: Event,
        resource: ResourceId,
    ) -> Result<Vec<Arc<Encoded>>, PortError> {
        let Some(topic) = self.topic(resource).await? else { return Ok(Vec::new()) };
        let place = (resource, &topic.arm_id);
        let published = publications::publish(&self.service, event, place, |name| self.intern(name)).await?;
        Ok(published.into_iter().map(|event| Arc::new(Encoded::new(event))).collect())
    }

    async fn topic(&self, resource: ResourceId) -> Result<Option<Topic>, PortError> {
        let now = self.service.clock.monotonic();
        {
            let topics = self.topics.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some((topic, learnt)) = topics.get(&resource)
                && now.saturating_sub(*learnt) < TOPIC_AGE_MAX
            {
                return Ok(topic.clone());
            }
        }
        let topic = self.service.topics.topic(resource).await?;
        let mut topics = self.topics.lock().unwrap_or_else(PoisonError::into_inner);
        if topics.len() >= TOPICS_MAX {
            topics.clear();
        }
        topics.insert(resource, (topic.clone(), now));
        Ok(topic)
    }

    fn intern(&self, event_type: String) -> Arc<str> {
        let mut types = self.types.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = types.get(&event_type) {
            return Arc::clone(known);
        }
        let shared: Arc<str> = event_type.as_str().into();
        // Only published types are learnt, of which there are few; a translator's mistake must not fill memory.
        if types.len() < TOPICS_MAX {
            types.insert(event_type, Arc::clone(&shared));
        }
        shared
    }
}

/// Runs `look` with the event as filters see it; its data is parsed at most once in there.
pub(crate) fn with_view<T>(event: &Published, look: impl FnOnce(&crate::filters::View<'_>) -> T) -> T {
    let data = OnceCell::new();
    let mut buffer = uuid::Uuid::encode_buffer();
    let id = event.id.hyphenated().encode_lower(&mut buffer);
    look(&event.view(id, &data))
}
