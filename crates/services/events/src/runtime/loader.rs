//! Due rows of one subscription, with the events they name.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use trunkline_delivery::{DeliveryKey, DueRow, Load, Position};
use trunkline_kernel::Timestamp;
use trunkline_store::outbox::steps;
use trunkline_store::{Event, Key, StoreError, Tx};

use super::events::{Encoded, Publisher};
use crate::EventsService;
use crate::ports::PortError;
use crate::rows::{self, DuePage};

/// When a read that failed is tried again.
const FAILURE_PAUSE: Duration = Duration::from_secs(1);

/// What a load found.
pub(super) struct Loaded {
    pub(super) load: Load,
    pub(super) rows: Vec<DueRow>,
    pub(super) events: Vec<Arc<Encoded>>,
    pub(super) next_due: Option<Timestamp>,
}

#[derive(Debug, thiserror::Error)]
enum LoadError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Port(#[from] PortError),
}

/// Carries out `load`. A failure is logged, and answered with no rows and a time to try again.
pub(super) async fn load(service: Arc<EventsService>, publisher: Arc<Publisher>, load: Load) -> Loaded {
    match try_load(&service, &publisher, load).await {
        Ok(loaded) => loaded,
        Err(failure) => {
            tracing::warn!(%failure, "waiting events could not be read; trying again");
            let next_due = Some(service.clock.now().plus(FAILURE_PAUSE));
            Loaded { load, rows: Vec::new(), events: Vec::new(), next_due }
        }
    }
}

async fn try_load(service: &EventsService, publisher: &Publisher, load: Load) -> Result<Loaded, LoadError> {
    let page = DuePage {
        subscription: load.subscription,
        phase: load.phase,
        after: load.after,
        due_through: load.due_through,
        limit: load.limit,
        bytes_max: load.bytes_max,
    };
    let read = move |tx: &mut Tx<'_>| -> Result<_, StoreError> {
        let (rows, next_due) = rows::list_due(tx, &page)?;
        let mut events: HashMap<u64, Event> = HashMap::new();
        for row in &rows {
            let sequence = row.event.position.sequence;
            if !events.contains_key(&sequence)
                && let Some(event) = steps::find_event(tx, sequence)?
            {
                events.insert(sequence, event);
            }
        }
        Ok((rows, next_due, events))
    };
    let (rows, next_due, outbox) = service.store.read(read).await?;
    let mut published: HashMap<Position, Arc<Encoded>> = HashMap::new();
    for event in outbox.into_values() {
        if let Some(resource) = publisher.resource_of(&event) {
            let encoded = publisher.publish(event, resource).await?;
            published.extend(encoded.into_iter().map(|event| (event.published.position, event)));
        }
    }
    let (rows, gone): (Vec<_>, Vec<_>) =
        rows.into_iter().partition(|row| published.contains_key(&row.event.position));
    if !gone.is_empty() {
        forget(service, load, &gone).await?;
    }
    let events = rows.iter().filter_map(|row| published.get(&row.event.position).cloned()).collect();
    Ok(Loaded { load, rows, events, next_due })
}

/// Deletes rows whose events the outbox no longer has: older than the outbox ever keeps, or of a deleted resource.
async fn forget(service: &EventsService, load: Load, gone: &[DueRow]) -> Result<(), StoreError> {
    tracing::warn!(
        subscription = load.subscription.0,
        count = gone.len(),
        "events that waited are no longer kept and are given up"
    );
    for _ in gone {
        service.metrics.count_dropped("EventGone");
    }
    let key_of = |row: &DueRow| DeliveryKey { subscription: load.subscription, position: row.event.position };
    let keys: Vec<_> = gone.iter().map(key_of).collect();
    service.store.write(Key::system("events/cursor"), move |tx| rows::delete_pending(tx, &keys)).await
}
