//! Events that could not be delivered, written to a blob.

use std::sync::Arc;

use trunkline_delivery::DueRow;
use trunkline_kernel::Timestamp;
use trunkline_store::Key;
use uuid::Uuid;

use super::events::Encoded;
use super::snapshot::Active;
use crate::EventsService;
use crate::envelope;
use crate::rows::{self, DeadLetterRow};

/// Writes one blob and where it lies; returns whether that is done.
pub(super) async fn keep(
    service: Arc<EventsService>,
    active: Arc<Active>,
    events: Vec<(Arc<Encoded>, DueRow)>,
) -> bool {
    let Some(place) = &active.subscription.spec.dead_letter else { return true };
    let now = service.clock.now();
    let id = service.entropy.uuid();
    let blob = blob_name(&active, &place.container, now, id);
    let count = events.len();
    let events: Vec<_> = events.into_iter().map(|(event, row)| (event.published.clone(), row)).collect();
    let bytes = envelope::dead_letters(active.schema, &events);
    if let Err(failure) = service.blobs.put(&blob, bytes).await {
        tracing::error!(%failure, "dead letters could not be written; trying again");
        return false;
    }
    let row = DeadLetterRow {
        id: id.to_string(),
        subscription: active.subscription.number,
        resource: active.subscription.resource,
        blob,
        event_count: u32::try_from(count).unwrap_or(u32::MAX),
        created_at: now,
    };
    let write =
        service.store.write(Key::system("events/dead-letters"), move |tx| rows::insert_dead_letter(tx, &row));
    if let Err(failure) = write.await {
        tracing::error!(%failure, "where dead letters lie could not be stored; trying again");
        return false;
    }
    service.metrics.dead_lettered.inc_by(count as u64);
    true
}

/// `deadletters/RESOURCE/CONTAINER/NAME/YEAR/MONTH/DAY/HOUR/ID.json`, numbers without leading zeros as in Azure.
fn blob_name(active: &Active, container: &str, now: Timestamp, id: Uuid) -> String {
    let text = now.to_rfc3339();
    // The text begins with a date and an hour: 2026-11-21T16.
    let part =
        |range: std::ops::Range<usize>| text.get(range).unwrap_or("0").trim_start_matches('0').to_owned();
    let number =
        |range| Some(part(range)).filter(|digits| !digits.is_empty()).unwrap_or_else(|| "0".to_owned());
    format!(
        "deadletters/{}/{container}/{}/{}/{}/{}/{}/{id}.json",
        active.subscription.resource,
        active.subscription.name.to_uppercase(),
        number(0..4),
        number(5..7),
        number(8..10),
        number(11..13),
    )
}
