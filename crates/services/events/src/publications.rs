//! What a row of the outbox is published as: itself, what a translator makes of it, or nothing.

use std::sync::Arc;

use trunkline_catalogue::{NAME_PREFIX, Publication};
use trunkline_delivery::Position;
use trunkline_kernel::ResourceId;
use trunkline_store::Event;

use crate::EventsService;
use crate::envelope::{Published, event_id};
use crate::ports::PortError;

/// Whether rows of this kind are published.
pub(crate) fn is_published(service: &EventsService, kind: &str) -> bool {
    kind.starts_with(NAME_PREFIX) || service.translators.contains_key(kind)
}

/// What a row is published as, in order; nothing for a kind that is not. `shared` keeps the name of a type.
pub(crate) async fn publish(
    service: &EventsService,
    event: Event,
    (resource, topic): (ResourceId, &Arc<str>),
    shared: impl Fn(String) -> Arc<str>,
) -> Result<Vec<Published>, PortError> {
    let sequence = event.sequence;
    let publications = match service.translators.get(event.kind.as_str()) {
        Some(translate) => translate.translate(&event).await?,
        None if event.kind.starts_with(NAME_PREFIX) => vec![Publication {
            ordinal: 0,
            event_type: event.kind.into(),
            subject: event.subject,
            data: event.payload,
            time: event.created_at,
        }],
        None => Vec::new(),
    };
    let published = publications.into_iter().map(|publication| {
        let position = Position { sequence, ordinal: publication.ordinal };
        Published {
            position,
            id: event_id(service.installation, position),
            resource,
            topic: Arc::clone(topic),
            event_type: shared(publication.event_type.into_owned()),
            subject: publication.subject,
            data: publication.data,
            time: publication.time,
        }
    });
    Ok(published.collect())
}
