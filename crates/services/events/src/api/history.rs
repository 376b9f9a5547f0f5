//! `Events_List`, and reading the published past for whoever needs it.

use std::sync::Arc;

use http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use trunkline_kernel::{ResourceId, Timestamp};
use trunkline_store::outbox::steps;
use trunkline_store::{Event, StoreError, Tx};
use trunkline_web::{ApiError, Context, Reply};
use uuid::Uuid;

use super::{time_in_query, types_in_query};
use crate::envelope::Published;
use crate::{EventsError, EventsService, publications};

/// Rows of the outbox that one call looks at: some 50 ms.
const SCAN_ROWS_MAX: u32 = 10_000;
/// Rows read in one transaction, so that no reader holds others up.
const READ_ROWS: u32 = 1_000;
/// Their payloads, in bytes; the largest event has one MiB.
const READ_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// A published event.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct HistoryEvent {
    /// Its place among all events of the installation. Several events may share one.
    pub(crate) sequence: u64,
    /// Its id.
    pub(crate) id: Uuid,
    /// Its type.
    #[serde(rename = "type")]
    pub(crate) event_type: String,
    /// To what it happened.
    pub(crate) subject: String,
    /// When it happened.
    pub(crate) published_on: Timestamp,
    /// Details.
    pub(crate) data: Value,
}

impl HistoryEvent {
    fn of(event: &Published) -> Self {
        Self {
            sequence: event.position.sequence,
            id: event.id,
            event_type: event.event_type.to_string(),
            subject: event.subject.clone(),
            published_on: event.time,
            data: serde_json::from_str(&event.data).unwrap_or_default(),
        }
    }
}

/// What was found, and how far it was looked.
pub(super) struct Found {
    /// In order.
    pub(super) events: Vec<Published>,
    /// Everything up to here was looked at.
    pub(super) through: u64,
    /// Whether there may be more after that.
    pub(super) has_more: bool,
}

/// Which events to look for.
pub(super) struct Wanted<'w> {
    pub(super) resource: ResourceId,
    /// Types as they are published; empty means all.
    pub(super) types: &'w [&'static str],
    /// Only events of rows after this one.
    pub(super) after: u64,
    /// Enough of them; a row that became several events is never cut in two.
    pub(super) enough: usize,
}

/// Reads published events until there are enough, the end is reached, or enough was looked at.
pub(super) async fn read(service: &EventsService, wanted: &Wanted<'_>) -> Result<Found, ApiError> {
    let topic = service.topics.topic(wanted.resource).await.map_err(EventsError::from)?;
    let Some(topic) = topic else {
        return Ok(Found { events: Vec::new(), through: wanted.after, has_more: false });
    };
    let resource = wanted.resource.to_string();
    let mut found = Found { events: Vec::new(), through: wanted.after, has_more: true };
    let mut scanned = 0;
    while scanned < SCAN_ROWS_MAX {
        let rows = read_rows(service, found.through).await?;
        let is_end = rows.is_empty();
        for row in rows {
            scanned += 1;
            found.through = row.sequence;
            if row.resource == resource {
                let place = (wanted.resource, &topic.arm_id);
                let published = publications::publish(service, row, place, Arc::from).await;
                let published = published.map_err(EventsError::from)?;
                let is_wanted =
                    |event: &Published| wanted.types.is_empty() || wanted.types.contains(&&*event.event_type);
                found.events.extend(published.into_iter().filter(is_wanted));
            }
            if found.events.len() >= wanted.enough {
                return Ok(found);
            }
        }
        if is_end {
            found.has_more = false;
            break;
        }
    }
    Ok(found)
}

async fn read_rows(service: &EventsService, after: u64) -> Result<Vec<Event>, ApiError> {
    let read = move |tx: &mut Tx<'_>| steps::read_after(tx, after, READ_ROWS, READ_BYTES_MAX);
    let rows: Result<Vec<Event>, StoreError> = service.store.read(read).await;
    Ok(rows?)
}

/// The sequence of the event with that id, among the newest ones: ids cannot be reversed.
pub(super) async fn find_by_id(
    service: &EventsService,
    resource: ResourceId,
    id: Uuid,
) -> Result<Option<u64>, ApiError> {
    let newest: Result<u64, StoreError> = service.store.read(steps::last_sequence).await;
    let after = newest?.saturating_sub(u64::from(SCAN_ROWS_MAX));
    let wanted = Wanted { resource, types: &[], after, enough: usize::MAX };
    let found = read(service, &wanted).await?;
    Ok(found.events.iter().find(|event| event.id == id).map(|event| event.position.sequence))
}

/// Just before the first event of that time.
pub(super) async fn before(service: &EventsService, time: Timestamp) -> Result<u64, ApiError> {
    let read = move |tx: &mut Tx<'_>| steps::find_sequence_at(tx, time);
    let first: Result<u64, StoreError> = service.store.read(read).await;
    Ok(first?.saturating_sub(1))
}

pub(crate) async fn events_list(service: Arc<EventsService>, context: Context) -> Result<Reply, ApiError> {
    let resource = context.resource_in_path("name").await?.id;
    let (limit, types) = (context.page_size()?, types_in_query(&context)?);
    let (from, to) = (time_in_query(&context, "from")?, time_in_query(&context, "to")?);
    let after = match (context.continuation::<u64>()?, from) {
        (Some(after), _) => after,
        (None, Some(from)) => before(&service, from).await?,
        (None, None) => 0,
    };
    let wanted = Wanted { resource, types: &types, after, enough: limit as usize };
    let found = read(&service, &wanted).await?;
    let is_over = |event: &Published| to.is_some_and(|to| event.time >= to);
    let has_more = found.has_more && !found.events.last().is_some_and(is_over);
    let is_within = |event: &&Published| !is_over(event) && from.is_none_or(|from| event.time >= from);
    let value = found.events.iter().filter(is_within).map(HistoryEvent::of).collect();
    Ok(Reply::json(StatusCode::OK, &context.page(value, has_more.then_some(&found.through))))
}
