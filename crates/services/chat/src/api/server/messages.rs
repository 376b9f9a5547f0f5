//! Any message: listed, shown, sent in somebody's name, changed, deleted.

use std::sync::Arc;

use http::{StatusCode, header};
use serde_json::json;
use trunkline_chat_wire::server::{SendServerMessageRequest, ServerMessage};
use trunkline_chat_wire::{SendChatMessageResult, UpdateChatMessageRequest};
use trunkline_store::{StoreError, Tx};
use trunkline_web::context::encode;
use trunkline_web::{ApiError, Context, Reply};

use super::{Served, served};
use crate::api::listing::LONG_PAGE_MAX;
use crate::api::message_id;
use crate::api::messages::{Patch, new_message};
use crate::changes::{self, Committed, NewMessage};
use crate::error::ChatError;
use crate::rows::members::find_member_by_raw_id;
use crate::rows::mentions::{self, MentionRow};
use crate::rows::{self, MemberRow, MessageRow, MessagesFrom, PersonNumber, ThreadView};
use crate::rules::access::{self, Caller};
use crate::rules::threads::key;
use crate::{ChatService, convert};

pub(crate) async fn chat_server_list_messages(
    service: Arc<ChatService>,
    context: Context,
) -> Result<Reply, ApiError> {
    let page_size = context.page_size_of(LONG_PAGE_MAX)?;
    let start = context.time_query("startTime")?;
    let from = context.continuation()?.unwrap_or(MessagesFrom { start, ..MessagesFrom::default() });
    let served = served(&service, &context).await?;
    let url = served.url.clone();
    let (found, next): (Vec<Shown>, Option<MessagesFrom>) = service
        .store
        .read(move |tx| {
            let (view, window) = served.enter(tx)?;
            let (found, next) = rows::list_messages(tx, view.number, &window, &from, page_size)?;
            Ok::<_, ChatError>((with_mentions(tx, found)?, next))
        })
        .await?;
    let page = context.page(found, next.as_ref()).map(|found| shown(&found, &url));
    Ok(Reply::json(StatusCode::OK, &page))
}

/// A message and whom it names.
type Shown = (MessageRow, Vec<MentionRow>);

fn with_mentions(tx: &mut Tx<'_>, messages: Vec<MessageRow>) -> Result<Vec<Shown>, StoreError> {
    let mut named = mentions::load(tx, &messages)?;
    let named = |row: MessageRow| {
        let mentions = named.remove(&row.number).unwrap_or_default();
        (row, mentions)
    };
    Ok(messages.into_iter().map(named).collect())
}

/// A message as applications see it; `thread` is the absolute address of its thread.
fn shown((row, mentions): &Shown, thread: &str) -> ServerMessage {
    ServerMessage {
        message: convert::message(row, thread),
        reply_to: row.reply_to.map(|id| id.to_string()),
        mentions: mentions.iter().map(convert::users::mention).collect(),
    }
}

pub(crate) async fn chat_server_get_message(
    service: Arc<ChatService>,
    context: Context,
) -> Result<Reply, ApiError> {
    let id = message_id(&context)?;
    let served = served(&service, &context).await?;
    let url = served.url.clone();
    let found: Shown = service
        .store
        .read(move |tx| {
            let (view, window) = served.enter(tx)?;
            let message = access::load_message(tx, &view, &window, id)?;
            let mentions = mentions::load(tx, std::slice::from_ref(&message))?.remove(&message.number);
            Ok::<_, ChatError>((message, mentions.unwrap_or_default()))
        })
        .await?;
    Ok(Reply::json(StatusCode::OK, &shown(&found, &url)))
}

pub(crate) async fn chat_server_send_message(
    service: Arc<ChatService>,
    context: Context,
) -> Result<Reply, ApiError> {
    let body: SendServerMessageRequest = context.json()?;
    let named = body.sender.to_identifier().map_err(|error| ApiError::invalid("sender", error.as_text()))?;
    let served = served(&service, &context).await?;
    let sender = Caller { person: PersonNumber::NOBODY, raw_id: named.raw_id().into(), is_server: false };
    let new = new_message(&service, served.resource, body.message, &sender)?;
    let origin = context.origin().to_owned();
    let path = format!("/trunkline/chat/server/threads/{}/messages", encode(&served.thread));
    let (sent, committed): (Arc<MessageRow>, Committed) = service
        .store
        .write(key(served.resource, &served.thread), move |tx| -> Result<_, ChatError> {
            let (mut view, _) = served.enter_to_change(tx)?;
            let new = in_the_name_of(&member(tx, &view, &new.sender_raw)?, new.clone());
            let sent = changes::send_message(tx, &mut view, &new, context.now)?;
            let detail = json!({ "message": sent.0.id.to_string(), "sender": &*new.sender_raw });
            context.audit(tx, &served.thread, &detail)?;
            context.count_usage(tx, 1)?;
            Ok(sent)
        })
        .await?;
    service.realtime.committed(vec![committed]);
    let result = SendChatMessageResult { id: sent.id.to_string() };
    Ok(Reply::json(StatusCode::CREATED, &result)
        .with_header(header::LOCATION, &format!("{origin}{path}/{}", sent.id)))
}

fn member(tx: &mut Tx<'_>, view: &ThreadView, raw_id: &str) -> Result<MemberRow, ChatError> {
    let found = find_member_by_raw_id(tx, view.number, view.resource, raw_id)?;
    found.filter(|found| found.removed_change.is_none()).ok_or(ChatError::SenderNotAParticipant)
}

/// The message as that member's; under their name in the thread, unless another one is given.
fn in_the_name_of(member: &MemberRow, mut new: NewMessage) -> NewMessage {
    new.sender = member.person;
    if new.sender_name.is_empty() {
        new.sender_name.clone_from(&member.name);
    }
    new
}

pub(crate) async fn chat_server_update_message(
    service: Arc<ChatService>,
    context: Context,
) -> Result<Reply, ApiError> {
    let body: UpdateChatMessageRequest = context.json()?;
    let id = message_id(&context)?;
    let served = served(&service, &context).await?;
    // The kind of a message never changes, so the content can be cleaned by it before the transaction begins.
    let asked = served.clone();
    let before: MessageRow =
        service.store.read(move |tx| editable(tx, &asked, id).map(|(_, before)| before)).await?;
    let patch = Patch::check(&service, served.resource, body, &before)?;
    let within = Arc::clone(&service);
    let committed: Option<Committed> = service
        .store
        .write(key(served.resource, &served.thread), move |tx| -> Result<_, ChatError> {
            let (mut view, message) = editable(tx, &served, id)?;
            let edit = patch.edit_of(&within, &message)?;
            if edit.body.is_none() && edit.metadata.is_none() && edit.images.is_none() {
                context.changes_nothing();
                return Ok(None);
            }
            let (_, committed) = changes::edit_message(tx, &mut view, &message, &edit, context.now)?;
            context.audit(tx, &served.thread, &json!({ "message": id.to_string() }))?;
            Ok(Some(committed))
        })
        .await?;
    service.realtime.committed(committed.into_iter().collect());
    Ok(Reply::empty(StatusCode::NO_CONTENT))
}

fn editable(tx: &mut Tx<'_>, served: &Served, id: i64) -> Result<(ThreadView, MessageRow), ChatError> {
    let (view, window) = served.enter_to_change(tx)?;
    let message = access::load_message(tx, &view, &window, id)?;
    access::allow_change(&message, &served.caller)?;
    if message.deleted_at.is_some() {
        return Err(ChatError::MessageDeleted);
    }
    Ok((view, message))
}

pub(crate) async fn chat_server_delete_message(
    service: Arc<ChatService>,
    context: Context,
) -> Result<Reply, ApiError> {
    let id = message_id(&context)?;
    let served = served(&service, &context).await?;
    let committed: Option<Committed> = service
        .store
        .write(key(served.resource, &served.thread), move |tx| -> Result<_, ChatError> {
            let (mut view, window) = served.enter_to_change(tx)?;
            let message = access::load_message(tx, &view, &window, id)?;
            access::allow_change(&message, &served.caller)?;
            let deleted = changes::delete_message(tx, &mut view, &message, context.now)?;
            match deleted {
                Some(_) => context.audit(tx, &served.thread, &json!({ "message": id.to_string() }))?,
                None => context.changes_nothing(),
            }
            Ok(deleted.map(|(_, committed)| committed))
        })
        .await?;
    service.realtime.committed(committed.into_iter().collect());
    Ok(Reply::empty(StatusCode::NO_CONTENT))
}
