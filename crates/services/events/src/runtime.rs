//! Who delivers: takes the lease, starts the machine from what is stored, and drives it.

mod dead_letters;
mod driver;
mod events;
mod lanes;
mod loader;
mod reader;
mod snapshot;
mod writer;

use std::sync::Arc;
use std::time::Duration;

use trunkline_delivery::{Limits, Machine, SubscriptionKey};
use trunkline_store::outbox::OutboxReader;
use trunkline_store::{StoreError, Tx};
use trunkline_tasks::{Shutdown, Tasks};

use self::driver::{Driver, Ears};
pub(crate) use self::events::{Encoded, Publisher, with_view};
use self::snapshot::{Changes, Snapshot};
use crate::{EventsService, rows};

/// Until the next try when the store failed at the start.
const FAILURE_PAUSE: Duration = Duration::from_secs(1);

/// Why a driver ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    /// Another node delivers now.
    LeaseLost,
    /// It was asked to.
    Stopped,
}

/// What a driver starts from.
struct Start {
    machine: Machine,
    snapshot: Snapshot,
    cursor: u64,
}

/// Delivers until `shutdown` asks for the end, whenever this node holds the lease.
pub(crate) async fn run(service: Arc<EventsService>, tasks: Tasks, shutdown: Shutdown) {
    let mut ears = Ears::new(&service);
    while !shutdown.is_requested() {
        let pause = match begin(&service).await {
            Ok(Some(start)) => {
                let driver = Driver::new(Arc::clone(&service), tasks.clone(), start);
                if driver.run(&mut ears, &shutdown).await == Ended::Stopped {
                    return;
                }
                tracing::warn!("another node delivers events now");
                OutboxReader::RENEW_INTERVAL
            }
            Ok(None) => OutboxReader::RENEW_INTERVAL,
            Err(failure) => {
                tracing::warn!(%failure, "the delivery of events cannot start; trying again");
                FAILURE_PAUSE
            }
        };
        tokio::select! {
            () = shutdown.requested() => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Takes the lease and reads what is stored; `None` while another node has the lease.
async fn begin(service: &Arc<EventsService>) -> Result<Option<Start>, StoreError> {
    if !service.reader.hold_lease().await? {
        return Ok(None);
    }
    let reader = service.reader.clone();
    // One transaction, so one state.
    let read = move |tx: &mut Tx<'_>| -> Result<_, StoreError> {
        let cursor = reader.cursor(tx)?;
        let changed = snapshot::list_changes(tx, 0)?;
        Ok((cursor, changed, rows::list_arrears(tx)?, rows::list_parked_above(tx, cursor)?))
    };
    let (cursor, changed, arrears, parked) = service.store.read(read).await?;
    let now = service.clock.now();
    let generation = changed.generation;
    let changes = Changes::of(service, changed, now);
    // Tombstones are seen again by the first look, which sweeps them.
    let known = if changes.has_tombstones { 0 } else { generation };
    let limits = Limits { pending_max: service.settings.pending_max, ..Limits::default() };
    let mut seed = [0; 8];
    service.entropy.fill(&mut seed);
    let mut machine = Machine::new(limits, u64::from_le_bytes(seed), cursor);
    for active in &changes.put {
        machine.set_subscription(active.key, active.policy, now);
    }
    for waiting in arrears {
        machine.set_arrears(SubscriptionKey(waiting.subscription), waiting.next_due, waiting.rows, now);
    }
    machine.set_parked(parked);
    let mut snapshot = Snapshot::default().with(&changes);
    snapshot.generation = known;
    Ok(Some(Start { machine, snapshot, cursor }))
}
