//! Threads and messages come from elsewhere, with their ids, times and senders.

use std::sync::Arc;

use http::StatusCode;
use serde_json::json;
use trunkline_chat_wire::CommunicationError;
use trunkline_chat_wire::server::{
    ImportChatMessagesRequest, ImportChatMessagesResult, ImportChatThreadRequest, ImportChatThreadResult,
};
use trunkline_kernel::ResourceId;
use trunkline_web::{ApiError, Context, Reply};

use super::threads::shown;
use super::{resource, served};
use crate::ChatService;
use crate::api::participants::listed;
use crate::api::properties::retention_days;
use crate::changes::{self, Counts, Imported, NewMember, NewThread};
use crate::error::ChatError;
use crate::rows::{self, PersonNumber, ThreadRow};
use crate::rules::import::{Bounds, messages, participants_of, receipts};
use crate::rules::metadata;
use crate::rules::participants::not_here;
use crate::rules::threads::{check_id, check_topic, key};

pub(crate) async fn chat_server_import_thread(
    service: Arc<ChatService>,
    context: Context,
) -> Result<Reply, ApiError> {
    let body: ImportChatThreadRequest = context.json()?;
    let id: Arc<str> = context.path("chatThreadId").into();
    check_id(&id).map_err(|_| ApiError::invalid("chatThreadId", "A thread cannot have such an id."))?;
    check_topic(&body.topic)?;
    let pairs = body.metadata.unwrap_or_default();
    metadata::check(&pairs, metadata::METADATA_BYTES_MAX)?;
    let retention_days = retention_days(&service, body.retention_policy.as_ref())?;
    let creator = body.created_by_communication_identifier.to_identifier();
    let creator = creator
        .map_err(|error| ApiError::invalid("createdByCommunicationIdentifier", error.as_text()))?
        .raw_id();
    let created_at = body.created_on.0;
    if created_at > context.now {
        return Err(ApiError::invalid("createdOn", "The time is in the future."));
    }
    let resource = resource(&context).await?.id;
    let (members, invalid) =
        users_among(&service, resource, participants_of(body.participants.unwrap_or_default(), resource)?)
            .await?;
    let people_max = service.settings.participants_max;
    if members.len() > people_max as usize {
        return Err(ChatError::TooManyParticipants { people_max }.into());
    }
    let new = NewThread {
        resource,
        id,
        topic: body.topic,
        metadata: metadata::write(&pairs),
        retention_days,
        creator_raw: creator.into(),
        members,
    };
    service.make_room(resource, &new.id).await?;
    let row: ThreadRow = service
        .store
        .write(key(resource, &new.id), move |tx| -> Result<_, ChatError> {
            let imported = changes::import_thread(tx, &new, created_at, context.now)?;
            match imported {
                Imported::Unchanged => context.changes_nothing(),
                Imported::Created | Imported::Updated => {
                    let detail =
                        json!({ "isNew": imported == Imported::Created, "participants": new.members.len() });
                    context.audit(tx, &new.id, &detail)?;
                }
            }
            let view = rows::load_view(tx, resource, &new.id, PersonNumber::NOBODY)?;
            let number = view.ok_or(ChatError::ThreadNotFound)?.number;
            rows::threads::find_thread(tx, number)?.ok_or(ChatError::ThreadNotFound)
        })
        .await?;
    let result = ImportChatThreadResult { chat_thread: shown(&row), invalid_participants: listed(invalid) };
    Ok(Reply::json(StatusCode::OK, &result))
}

/// Those who are users of the resource, and why the others are not in the thread.
async fn users_among(
    service: &ChatService,
    resource: ResourceId,
    people: Vec<NewMember>,
) -> Result<(Vec<NewMember>, Vec<CommunicationError>), ApiError> {
    if people.is_empty() {
        return Ok((people, Vec::new()));
    }
    let asked: Vec<String> = people.iter().map(|person| person.raw_id.to_string()).collect();
    let known = service.users.known(resource, asked).await?;
    let (mut members, mut invalid) = (Vec::with_capacity(people.len()), Vec::new());
    for (person, is_user) in people.into_iter().zip(known) {
        if is_user {
            members.push(person);
        } else {
            invalid.push(not_here(&person.raw_id, resource));
        }
    }
    Ok((members, invalid))
}

pub(crate) async fn chat_server_import_messages(
    service: Arc<ChatService>,
    context: Context,
) -> Result<Reply, ApiError> {
    let body: ImportChatMessagesRequest = context.json()?;
    let served = served(&service, &context).await?;
    let bounds = Bounds {
        resource: served.resource,
        message_bytes_max: service.settings.message_bytes_max,
        metadata_bytes_max: metadata::message_bytes_max(service.settings.limits),
        now: context.now,
    };
    let is_last = body.is_last;
    let (mut batch, attachments_left_out) = messages(body.messages, &bounds)?;
    let read = receipts(&body.read_receipts, &bounds)?;
    for message in &mut batch {
        if !message.kind.is_system() {
            message.words = service.words_of(served.resource, message.kind, &message.body);
        }
    }
    let (counts, read_receipts, is_importing): (Counts, u32, bool) = service
        .store
        .write(key(served.resource, &served.thread), move |tx| -> Result<_, ChatError> {
            let (mut view, _) = served.enter(tx)?;
            let was_importing = view.is_importing;
            let noted = changes::import_receipts(tx, &view, &read)?;
            let counts = changes::import_messages(tx, &mut view, &batch, is_last, context.now)?;
            let is_opened = was_importing && !view.is_importing;
            if counts.added + counts.updated + noted > 0 || is_opened {
                let detail = json!({
                    "added": counts.added, "updated": counts.updated, "readReceipts": noted, "isLast": is_opened,
                });
                context.audit(tx, &served.thread, &detail)?;
            } else {
                context.changes_nothing();
            }
            Ok((counts, noted, view.is_importing))
        })
        .await?;
    let result = ImportChatMessagesResult {
        added: counts.added,
        updated: counts.updated,
        unchanged: counts.unchanged,
        read_receipts,
        attachments_left_out,
        is_importing,
    };
    Ok(Reply::json(StatusCode::OK, &result))
}
