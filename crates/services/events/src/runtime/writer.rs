//! What the machine wants stored, in one transaction.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use trunkline_delivery::{DeliveryKey, DueRow, Write};
use trunkline_store::{Key, StoreError, Tx, params};

use crate::EventsService;
use crate::rows;

/// How long to wait after a failure before the same is written again.
const FAILURE_PAUSE: Duration = Duration::from_millis(200);

/// What became of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stored {
    Yes,
    /// It has to be tried again.
    No,
    /// Another node delivers now.
    LeaseLost,
}

/// Writes; `cursor` is where the durable cursor is now.
pub(super) async fn store(service: Arc<EventsService>, write: Arc<Write>, cursor: u64) -> Stored {
    for (key, reason) in &write.dropped {
        service.metrics.count_dropped(reason.name());
        tracing::warn!(
            subscription = key.subscription.0,
            sequence = key.position.sequence,
            reason = reason.name(),
            "an event was given up"
        );
    }
    let (reader, what) = (service.reader.clone(), Arc::clone(&write));
    let closure = move |tx: &mut Tx<'_>| -> Result<(), StoreError> {
        let (from, to) = what.cursor.unwrap_or((cursor, cursor));
        reader.advance_in(tx, from, to)?;
        let living = without_tombstones(tx, &what.upsert)?;
        rows::upsert_pending(tx, &living)?;
        rows::delete_pending(tx, &what.delete)?;
        rows::insert_attempts(tx, &what.attempts)
    };
    match service.store.write(Key::system("events/cursor"), closure).await {
        Ok(()) => Stored::Yes,
        Err(StoreError::LeaseLost) => Stored::LeaseLost,
        Err(failure) => {
            tracing::warn!(%failure, "what was delivered could not be stored; trying again");
            tokio::time::sleep(FAILURE_PAUSE).await;
            Stored::No
        }
    }
}

/// Rows of subscriptions that were deleted meanwhile would stay for ever.
fn without_tombstones(
    tx: &mut Tx<'_>,
    upsert: &[(DeliveryKey, DueRow)],
) -> Result<Vec<(DeliveryKey, DueRow)>, StoreError> {
    let mut lives: HashMap<i64, bool> = HashMap::new();
    let mut living = Vec::with_capacity(upsert.len());
    for (key, row) in upsert {
        let number = key.subscription.0;
        let is_living = if let Some(known) = lives.get(&number) {
            *known
        } else {
            let sql = "SELECT 1 FROM events_subscriptions WHERE number = ?1 AND state <> 'Deleting'";
            let found = tx.query_opt(sql, params![number])?.is_some();
            lives.insert(number, found);
            found
        };
        if is_living {
            living.push((*key, *row));
        }
    }
    Ok(living)
}
