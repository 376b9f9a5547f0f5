//! `Events_Listen`: a long poll.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use tokio::sync::TryAcquireError;
use trunkline_store::StoreError;
use trunkline_store::outbox::steps;
use trunkline_store::wakes::OUTBOX_TOPIC;
use trunkline_web::{ApiError, Context, Reply};

use super::history::{self, Wanted};
use super::{number_in_query, time_in_query, types_in_query};
use crate::EventsService;
use crate::envelope::Published;
use crate::model::Schema;

/// The longest wait: below the patience of proxies and clients.
const WAIT_MAX: Duration = Duration::from_secs(25);

/// Requests that may wait at once: each holds a connection, and each looks at every event.
pub(crate) const LISTENERS_MAX: usize = 64;

/// Events of one answer.
const EVENTS_MAX: usize = 100;

/// How often the outbox is looked at when nothing wakes the listener.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What was published.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ListenReply {
    /// The events in their envelopes, in order; empty when none came.
    pub(crate) value: Vec<Value>,
    /// Where to go on.
    pub(crate) after: u64,
}

pub(crate) async fn events_listen(service: Arc<EventsService>, context: Context) -> Result<Reply, ApiError> {
    let resource = context.resource_in_path("name").await?.id;
    let types = types_in_query(&context)?;
    let schema = schema_in_query(&context)?;
    let wait = wait_in_query(&context)?;
    let mut after = match (number_in_query(&context, "after")?, time_in_query(&context, "from")?) {
        (Some(after), _) => after,
        (None, Some(from)) => history::before(&service, from).await?,
        (None, None) => {
            let newest: Result<u64, StoreError> = service.store.read(steps::last_sequence).await;
            newest?
        }
    };
    let _place = service.listeners.try_acquire().map_err(|refusal| {
        ApiError::unavailable(match refusal {
            TryAcquireError::Closed => "The server stops; ask again when it is back.".to_owned(),
            TryAcquireError::NoPermits => {
                format!("{LISTENERS_MAX} requests wait for events already; try again later.")
            }
        })
    })?;
    let mut wakes = service.store.wakes().subscribe(OUTBOX_TOPIC);
    let mut patience = std::pin::pin!(tokio::time::sleep(wait));
    loop {
        wakes.forget_pending();
        let found =
            history::read(&service, &Wanted { resource, types: &types, after, enough: EVENTS_MAX }).await?;
        after = found.through;
        let is_over = patience.is_elapsed() || service.listeners.is_closed();
        if !found.events.is_empty() || is_over {
            return Ok(reply(&found.events, schema, after));
        }
        if found.has_more {
            continue;
        }
        tokio::select! {
            woken = wakes.next() => if woken.is_none() { return Ok(reply(&[], schema, after)) },
            () = patience.as_mut() => {}
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}

impl EventsService {
    /// Answers whoever waits for events, and lets nobody wait any more: before a server stops.
    pub fn release_listeners(&self) {
        self.listeners.close();
        self.store.wakes().publish(OUTBOX_TOPIC, "");
    }
}

fn reply(events: &[Published], schema: Schema, after: u64) -> Reply {
    let envelope = |event: &Published| serde_json::from_slice(&event.encode(schema)).unwrap_or_default();
    Reply::json(StatusCode::OK, &ListenReply { value: events.iter().map(envelope).collect(), after })
}

fn schema_in_query(context: &Context) -> Result<Schema, ApiError> {
    let Some(text) = context.query("schema") else { return Ok(Schema::default()) };
    let known = [Schema::EventGridSchema, Schema::CloudEventSchemaV1_0];
    known
        .into_iter()
        .find(|schema| schema.name() == text)
        .ok_or_else(|| ApiError::invalid("schema", "schema is EventGridSchema or CloudEventSchemaV1_0."))
}

fn wait_in_query(context: &Context) -> Result<Duration, ApiError> {
    let seconds = number_in_query(context, "waitSeconds")?.map_or(WAIT_MAX, Duration::from_secs);
    if seconds > WAIT_MAX {
        let message = format!("waitSeconds is at most {}.", WAIT_MAX.as_secs());
        return Err(ApiError::invalid("waitSeconds", message));
    }
    Ok(seconds)
}
