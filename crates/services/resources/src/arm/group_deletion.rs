//! The deletion of a resource group: a durable job, because a group may hold thousands of resources.
//!
//! From the commit that accepts it on, no resource can be made in the group. The job deletes a chunk a
//! transaction, and at last the group itself together with the end of the operation that clients poll.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use trunkline_kernel::{Clock, Timestamp};
use trunkline_store::{Key, NewJob, StoreError, Tx};
use uuid::Uuid;

use super::progress;
use crate::error::ResourcesError;
use crate::rows::{self, GroupRow, Selection};
use crate::{Resources, changes};

/// The kind of the job that deletes a resource group.
pub const GROUP_DELETION_JOB: &str = "resources.group_deletion";

/// Resources deleted in one transaction, so that the deletion never holds up a write for long.
const CHUNK: u32 = 50;

/// What the job needs to know.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Payload {
    /// The group's key.
    group: String,
    /// The operation that clients poll.
    operation: String,
}

/// Accepts the deletion of `group`.
pub(crate) fn schedule(
    tx: &mut Tx<'_>,
    group: &GroupRow,
    operation: Uuid,
    now: Timestamp,
) -> Result<(), StoreError> {
    progress::start(tx, operation, "group_deletion", now)?;
    rows::mark_group_deletion(tx, &group.name, &operation.to_string())?;
    let payload = Payload { group: group.name.clone(), operation: operation.to_string() };
    let payload = serde_json::to_string(&payload).expect("two texts always serialize");
    let job =
        NewJob { resource: "", kind: GROUP_DELETION_JOB, key: &group.name, payload: &payload, due: now };
    tx.schedule(&job)
}

/// Deletes what is left of the group, chunk by chunk.
pub(crate) async fn run(service: &Resources, payload: &str) -> Result<(), ResourcesError> {
    let payload: Payload = serde_json::from_str(payload)
        .map_err(|_| StoreError::Decode { column: 0, expected: "the payload of a group's deletion" })?;
    let mut is_over = false;
    while !is_over {
        let (wanted, clock) = (payload.clone(), Arc::clone(&service.clock));
        let chunk = move |tx: &mut Tx<'_>| delete_chunk(tx, &wanted, &*clock);
        is_over = service.store.write(Key::system("resources"), chunk).await?;
        service.forget();
    }
    Ok(())
}

/// Returns whether the group is gone.
fn delete_chunk(tx: &mut Tx<'_>, payload: &Payload, clock: &dyn Clock) -> Result<bool, ResourcesError> {
    let group = rows::find_group(tx, &payload.group)?;
    let is_mine = group.is_some_and(|group| group.deletion.as_deref() == Some(&*payload.operation));
    if !is_mine {
        return Ok(true);
    }
    let selection = Selection { group: Some(payload.group.clone()), ids: None };
    let found = rows::list_resources(tx, &selection, "", CHUNK)?;
    for row in &found {
        changes::delete(tx, row, clock)?;
    }
    if found.len() == CHUNK as usize {
        return Ok(false);
    }
    rows::delete_group(tx, &payload.group)?;
    progress::succeed(tx, &payload.operation, clock.now())?;
    Ok(true)
}
