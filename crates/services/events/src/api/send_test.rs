//! `Events_SendTest`.

use std::sync::Arc;

use http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use trunkline_catalogue::{PublishError, RawPublish, publish_raw};
use trunkline_delivery::Position;
use trunkline_store::outbox::steps;
use trunkline_store::{Event, Key, StoreError, Tx};
use trunkline_web::{ApiError, Context, Reply};
use uuid::Uuid;

use super::known_type;
use crate::envelope::event_id;
use crate::{EventsError, EventsService};

/// Events of one call: what one transaction writes in some milliseconds.
const COUNT_MAX: u32 = 1_000;

/// Events read at a time while the ones just written are looked for.
const READ_ROWS: u32 = 1_000;
/// Their payloads, in bytes; the largest event has one MiB.
const READ_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// What to publish.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct TestEvent {
    /// The event type, such as `Microsoft.Communication.SMSReceived`, in any case.
    #[serde(rename = "type")]
    pub(crate) name: String,
    /// To what it happened; that of the sample when left out.
    #[serde(default)]
    pub(crate) subject: Option<String>,
    /// Its data, of that type; that of the sample when left out.
    #[serde(default)]
    pub(crate) data: Option<Value>,
    /// How many, 1 to 1,000; 1 when left out.
    #[serde(default)]
    pub(crate) count: Option<u32>,
}

/// What was published.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SentTest {
    /// The ids of the events, in order.
    pub(crate) ids: Vec<Uuid>,
    /// The sequence number of the last one.
    pub(crate) sequence: u64,
}

pub(crate) async fn events_send_test(
    service: Arc<EventsService>,
    context: Context,
) -> Result<Reply, ApiError> {
    let resource = context.resource_in_path("name").await?;
    let asked: TestEvent = context.json()?;
    let known = known_type(&asked.name)?;
    let count = asked.count.unwrap_or(1);
    if !(1..=COUNT_MAX).contains(&count) {
        return Err(ApiError::invalid("count", format!("count is a number from 1 to {COUNT_MAX}.")));
    }
    let data = match asked.data {
        Some(data) => {
            let refused =
                |cause| ApiError::invalid("data", format!("This is no data of {}: {cause}.", known.name));
            (known.check)(&data).map_err(refused)?;
            data
        }
        None => known.sample_data(),
    };
    let subject = asked.subject.unwrap_or_else(|| known.sample_subject());
    let before = service.store.read(steps::last_sequence).await.map_err(EventsError::Store)?;
    let (id, now) = (resource.id, context.now);
    let wanted = Written { resource: id.to_string(), kind: known.name, subject: subject.clone(), count };
    let write = move |tx: &mut Tx<'_>| -> Result<(), EventsError> {
        for _ in 0..count {
            let event = RawPublish { resource: id, event_type: known, data: &data, subject: &subject, now };
            publish_raw(tx, &event).map_err(refusal)?;
        }
        Ok(context.audit(tx, resource.name.as_str(), &json!({ "type": known.name, "count": count }))?)
    };
    service.store.write(Key::new(id, "events/sendTest"), write).await?;
    let sequences = wanted.find(&service, before, now).await?;
    let event = |sequence: &u64| event_id(service.installation, Position { sequence: *sequence, ordinal: 0 });
    let sent = SentTest {
        ids: sequences.iter().map(event).collect(),
        sequence: sequences.last().copied().unwrap_or_default(),
    };
    Ok(Reply::json(StatusCode::ACCEPTED, &sent))
}

fn refusal(error: PublishError) -> EventsError {
    match error {
        PublishError::Store(cause) => cause.into(),
        too_large @ PublishError::TooLarge { .. } => {
            ApiError::invalid("data", format!("The event is too large: {too_large}.")).into()
        }
    }
}

/// What was written, to find it again: its numbers are given after the commit.
struct Written {
    resource: String,
    kind: &'static str,
    subject: String,
    count: u32,
}

impl Written {
    /// The sequence numbers of what was written after `before` at `now`. Under one key and at one microsecond
    /// nobody else writes the same.
    async fn find(
        &self,
        service: &EventsService,
        before: u64,
        now: trunkline_kernel::Timestamp,
    ) -> Result<Vec<u64>, ApiError> {
        service.reader.number_committed().await?;
        let is_ours = |event: &Event| {
            event.created_at == now
                && event.resource == self.resource
                && event.kind == self.kind
                && event.subject == self.subject
        };
        let (mut found, mut position) = (Vec::new(), before);
        while found.len() < self.count as usize {
            let read = move |tx: &mut Tx<'_>| steps::read_after(tx, position, READ_ROWS, READ_BYTES_MAX);
            let events: Result<Vec<Event>, StoreError> = service.store.read(read).await;
            let events = events?;
            // Trimmed already, which takes a very full outbox: the events were published all the same.
            let Some(last) = events.last() else { break };
            position = last.sequence;
            found.extend(events.iter().filter(|event| is_ours(event)).map(|event| event.sequence));
        }
        Ok(found)
    }
}
