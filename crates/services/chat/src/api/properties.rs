//! What a thread is: topic, metadata, retention.

use std::sync::Arc;

use http::StatusCode;
use trunkline_chat_wire::{ChatRetentionPolicy, MetadataPatch, UpdateChatThreadRequest};
use trunkline_web::{ApiError, Context, Reply};

use super::{Asked, asked};
use crate::changes::{self, Committed, ThreadUpdate};
use crate::error::ChatError;
use crate::rows::{self, ThreadRow};
use crate::rules::access::{self, Wanted};
use crate::rules::threads::{check_topic, key};
use crate::rules::{metadata, retention};
use crate::{ChatService, convert};

pub(crate) async fn chat_thread_get_chat_thread_properties(
    service: Arc<ChatService>,
    context: Context,
) -> Result<Reply, ApiError> {
    let Asked { resource, thread, caller } = asked(&service, &context).await?;
    let row: ThreadRow = service
        .store
        .read(move |tx| {
            let (view, _) = access::enter(tx, resource, &thread, &caller, Wanted::Write)?;
            rows::threads::find_thread(tx, view.number)?.ok_or(ChatError::ThreadNotFound)
        })
        .await?;
    Ok(Reply::json(StatusCode::OK, &convert::thread(&row)))
}

pub(crate) async fn chat_thread_update_chat_thread_properties(
    service: Arc<ChatService>,
    context: Context,
) -> Result<Reply, ApiError> {
    let body: UpdateChatThreadRequest = context.json()?;
    let patch = Patch::check(&service, body)?;
    let Asked { resource, thread, caller } = asked(&service, &context).await?;
    let committed: Option<Committed> = service
        .store
        .write(key(resource, &thread), move |tx| -> Result<_, ChatError> {
            let (mut view, _) = access::enter(tx, resource, &thread, &caller, Wanted::Manage)?;
            let mut update = patch.update.clone();
            if let Some(pairs) = &patch.metadata {
                let row = rows::threads::find_thread(tx, view.number)?.ok_or(ChatError::ThreadNotFound)?;
                let merged = metadata::merge(metadata::read(&row.metadata), pairs.clone());
                metadata::check(&merged, metadata::METADATA_BYTES_MAX)?;
                update.metadata = Some(metadata::write(&merged));
            }
            if update.topic.is_none() && update.metadata.is_none() && update.retention_days.is_none() {
                return Ok(None);
            }
            changes::update_thread(tx, &mut view, &caller, &update, context.now).map(Some)
        })
        .await?;
    service.realtime.committed(committed.into_iter().collect());
    Ok(Reply::empty(StatusCode::NO_CONTENT))
}

/// A patch that is well-formed.
#[expect(clippy::option_option, reason = "absent, null and a value are three things in a merge patch")]
struct Patch {
    /// All but the metadata.
    update: ThreadUpdate,
    /// To be merged with what is there.
    metadata: Option<Option<MetadataPatch>>,
}

impl Patch {
    fn check(service: &ChatService, body: UpdateChatThreadRequest) -> Result<Self, ApiError> {
        let topic = match body.topic {
            Some(None) => return Err(ApiError::invalid("topic", "The topic cannot be removed.")),
            topic => topic.flatten(),
        };
        if let Some(topic) = &topic {
            check_topic(topic)?;
        }
        let retention_days =
            body.retention_policy.map(|policy| retention_days(service, policy.as_ref())).transpose()?;
        let update = ThreadUpdate { topic, metadata: None, retention_days };
        Ok(Self { update, metadata: body.metadata })
    }
}

/// The days a policy asks for; `None` for ever.
///
/// **Errors**: days outside of the configured range.
pub(crate) fn retention_days(
    service: &ChatService,
    policy: Option<&ChatRetentionPolicy>,
) -> Result<Option<u32>, ChatError> {
    match policy {
        None | Some(ChatRetentionPolicy::None) => Ok(None),
        Some(ChatRetentionPolicy::ThreadCreationDate { delete_thread_after_days }) => {
            let allowed = &service.settings.retention_days;
            retention::check_days(i64::from(*delete_thread_after_days), allowed).map(Some)
        }
    }
}
