//! `DeadLetters_List` and `DeadLetters_Get`: files of events that could not be delivered.

use std::sync::Arc;

use http::{HeaderValue, StatusCode, header};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use trunkline_kernel::Timestamp;
use trunkline_store::Tx;
use trunkline_store::blobs::BlobError;
use trunkline_web::{ApiError, Context, Reply};

use crate::rows::{self, DeadLetterRow};
use crate::{EventsError, EventsService};

/// A file of events that could not be delivered.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DeadLetterFile {
    /// Its id.
    pub(crate) id: String,
    /// The name of the subscription; absent when that was deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) subscription: Option<String>,
    /// The name of the blob.
    pub(crate) blob: String,
    /// How many events are in it.
    pub(crate) event_count: u32,
    /// When it was written.
    pub(crate) created_on: Timestamp,
}

/// A file of events that could not be delivered, with the events.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DeadLetterFileWithEvents {
    #[serde(flatten)]
    pub(crate) file: DeadLetterFile,
    /// The events in their envelopes, with reason, attempts and outcome.
    pub(crate) events: Vec<Value>,
}

impl DeadLetterFile {
    fn of(tx: &mut Tx<'_>, row: DeadLetterRow) -> Result<Self, EventsError> {
        let subscription = rows::find_subscription_by_number(tx, row.subscription)?;
        Ok(Self {
            id: row.id,
            subscription: subscription.map(|row| row.subscription.name),
            blob: row.blob,
            event_count: row.event_count,
            created_on: row.created_at,
        })
    }
}

pub(crate) async fn dead_letters_list(
    service: Arc<EventsService>,
    context: Context,
) -> Result<Reply, ApiError> {
    let resource = context.resource_in_path("name").await?.id;
    let limit = context.page_size()?;
    let before = context.continuation::<(i64, String)>()?;
    let read = move |tx: &mut Tx<'_>| -> Result<_, EventsError> {
        let before = before.as_ref().map(|(time, id)| (Timestamp::from_micros(*time), id.as_str()));
        let found = rows::list_dead_letters(tx, resource, before, limit)?;
        let last = found.last().filter(|_| found.len() == limit as usize);
        let next = last.map(|last| (last.created_at.as_micros(), last.id.clone()));
        let files: Result<Vec<_>, _> = found.into_iter().map(|row| DeadLetterFile::of(tx, row)).collect();
        Ok((files?, next))
    };
    let (files, next) = service.store.read(read).await?;
    Ok(Reply::json(StatusCode::OK, &context.page(files, next.as_ref())))
}

pub(crate) async fn dead_letters_get(
    service: Arc<EventsService>,
    context: Context,
) -> Result<Reply, ApiError> {
    let resource = context.resource_in_path("name").await?.id;
    let id = context.path("id").to_owned();
    let wanted = id.clone();
    let read = move |tx: &mut Tx<'_>| -> Result<_, EventsError> {
        let Some(row) = rows::find_dead_letter(tx, resource, &wanted)? else { return Ok(None) };
        DeadLetterFile::of(tx, row).map(Some)
    };
    let missing = || ApiError::not_found(format!("There is no dead letter '{id}'.")).with_target("id");
    let file = service.store.read(read).await?.ok_or_else(missing)?;
    let events = service.blobs.get(&file.blob).await.map_err(|cause| match cause {
        BlobError::NotFound(_) => missing(),
        cause => {
            tracing::error!(%cause, "a dead letter cannot be read");
            ApiError::unavailable("The place of dead letters cannot be read right now; try again.")
        }
    })?;
    // What is in the blob is JSON and may be large: it is copied, not parsed.
    let mut body = serde_json::to_vec(&file).expect("texts and numbers are JSON");
    body.pop();
    body.extend_from_slice(b",\"events\":");
    body.extend_from_slice(&events);
    body.push(b'}');
    let mut reply = Reply::empty(StatusCode::OK);
    let kind = HeaderValue::from_static("application/json; charset=utf-8");
    reply.headers.insert(header::CONTENT_TYPE, kind);
    reply.body = body.into();
    Ok(reply)
}
