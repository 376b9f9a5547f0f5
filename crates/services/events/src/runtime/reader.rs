//! One look at the outbox: what changed of the subscriptions, then what was published for whom.

use std::sync::Arc;
use std::time::Duration;

use trunkline_delivery::SubscriptionKey;
use trunkline_store::StoreError;

use super::events::{Encoded, Publisher, with_view};
use super::snapshot::{Changes, Snapshot, list_changes};
use crate::EventsService;
use crate::ports::PortError;

/// Rows of one read: 2 ms, which limits the wait of other readers.
pub(super) const READ_ROWS: u32 = 1000;
/// Bytes of one read, so that a thousand of the largest events do not fill memory.
pub(super) const READ_BYTES: u64 = 4 * 1024 * 1024;
/// How long to wait after a failure before the next try.
const FAILURE_PAUSE: Duration = Duration::from_millis(500);

/// What a look found.
pub(super) struct Found {
    pub(super) changes: Option<(Changes, Arc<Snapshot>)>,
    pub(super) events: Vec<(Arc<Encoded>, Vec<SubscriptionKey>)>,
    /// Everything up to here was looked at.
    pub(super) through: u64,
    /// Whether there may be more behind.
    pub(super) is_more: bool,
}

#[derive(Debug, thiserror::Error)]
enum ReadError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Port(#[from] PortError),
}

/// Looks for changes and for at most `limit` rows behind `position`. A failure is logged, and nothing found.
pub(super) async fn look(
    service: Arc<EventsService>,
    publisher: Arc<Publisher>,
    snapshot: Arc<Snapshot>,
    position: u64,
    limit: u32,
) -> Found {
    match try_look(&service, &publisher, snapshot, position, limit).await {
        Ok(found) => found,
        Err(failure) => {
            tracing::warn!(%failure, "events could not be read; trying again");
            tokio::time::sleep(FAILURE_PAUSE).await;
            Found { changes: None, events: Vec::new(), through: position, is_more: true }
        }
    }
}

async fn try_look(
    service: &Arc<EventsService>,
    publisher: &Publisher,
    known: Arc<Snapshot>,
    position: u64,
    limit: u32,
) -> Result<Found, ReadError> {
    if limit > 0 {
        service.reader.number_committed().await?;
    }
    let (reader, generation) = (service.reader.clone(), known.generation);
    // One transaction, so one state: an event that was committed after a subscription became active is never read
    // without that subscription.
    let read = move |tx: &mut trunkline_store::Tx<'_>| -> Result<_, StoreError> {
        let newest = crate::rows::generation(tx)?;
        let changed = if newest == generation { None } else { Some(list_changes(tx, generation)?) };
        let events =
            if limit == 0 { Vec::new() } else { reader.read_after(tx, position, limit, READ_BYTES)? };
        Ok((changed, events))
    };
    let (changed, rows) = service.store.read(read).await?;
    let changes = changed.map(|changed| {
        let changes = Changes::of(service, changed, service.clock.now());
        let snapshot = Arc::new(known.with(&changes));
        (changes, snapshot)
    });
    let snapshot = changes.as_ref().map_or(&known, |(_, snapshot)| snapshot);
    let through = rows.last().map_or(position, |row| row.sequence);
    let is_more = limit > 0 && !rows.is_empty();
    let mut events = Vec::with_capacity(rows.len());
    for row in rows {
        let Some(resource) = publisher.resource_of(&row) else { continue };
        let candidates = snapshot.of_resource(resource);
        if candidates.is_empty() {
            continue;
        }
        for event in publisher.publish(row, resource).await? {
            let to: Vec<_> = with_view(&event.published, |view| {
                let wanting = candidates.iter().filter(|active| active.wants(&event.published, view));
                wanting.map(|active| active.key).collect()
            });
            if !to.is_empty() {
                events.push((event, to));
            }
        }
    }
    Ok(Found { changes, events, through, is_more })
}
