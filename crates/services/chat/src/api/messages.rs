//! Messages are sent, shown, edited and deleted.

use std::sync::Arc;

use http::{StatusCode, header};
use trunkline_chat_wire::{
    MetadataPatch, SendChatMessageRequest, SendChatMessageResult, UpdateChatMessageRequest,
};
use trunkline_kernel::ResourceId;
use trunkline_web::{ApiError, Context, Reply};

use super::{Asked, asked, message_id};
use crate::changes::{self, Committed, Edit, NewMessage};
use crate::error::ChatError;
use crate::rows::{MessageKind, MessageRow};
use crate::rules::access::{self, Wanted};
use crate::rules::messages::{content_of, images_of, kind_of};
use crate::rules::names::display_name;
use crate::rules::threads::key;
use crate::rules::{access::Caller, metadata};
use crate::{ChatService, convert, html};

pub(crate) async fn chat_thread_send_chat_message(
    service: Arc<ChatService>,
    context: Context,
) -> Result<Reply, ApiError> {
    let body: SendChatMessageRequest = context.json()?;
    let Asked { resource, thread, caller } = asked(&service, &context).await?;
    let new = new_message(&service, resource, body, &caller)?;
    let url = convert::thread_url(&context, &thread);
    let (sent, committed): (Arc<MessageRow>, Committed) = service
        .store
        .write(key(resource, &thread), move |tx| -> Result<_, ChatError> {
            let (mut view, _) = access::enter(tx, resource, &thread, &caller, Wanted::Write)?;
            let sent = changes::send_message(tx, &mut view, &new, context.now)?;
            context.count_usage(tx, 1)?;
            Ok(sent)
        })
        .await?;
    service.realtime.committed(vec![committed]);
    let result = SendChatMessageResult { id: sent.id.to_string() };
    Ok(Reply::json(StatusCode::CREATED, &result)
        .with_header(header::LOCATION, &format!("{url}/messages/{}", sent.id)))
}

/// The message a request asks for, checked and cleaned.
///
/// **Errors**: 400 and 413 as the rules of messages say.
pub(crate) fn new_message(
    service: &ChatService,
    resource: ResourceId,
    body: SendChatMessageRequest,
    caller: &Caller,
) -> Result<NewMessage, ApiError> {
    let kind = kind_of(body.message_type)?;
    let images = images_of(body.attachments)?;
    let pairs = body.metadata.unwrap_or_default();
    metadata::check(&pairs, metadata::message_bytes_max(service.settings.limits))?;
    let bytes_max = service.settings.message_bytes_max;
    let content = content_of(body.content, kind, !images.is_empty(), bytes_max)?;
    Ok(NewMessage {
        kind,
        sender: caller.person,
        sender_raw: Arc::clone(&caller.raw_id),
        sender_name: display_name(body.sender_display_name, "senderDisplayName")?,
        words: service.words_of(resource, kind, &content),
        body: content,
        metadata: metadata::write(&pairs),
        images,
        reply_to: None,
        mentions: String::new(),
        client_id: String::new(),
    })
}

pub(crate) async fn chat_thread_get_chat_message(
    service: Arc<ChatService>,
    context: Context,
) -> Result<Reply, ApiError> {
    let id = message_id(&context)?;
    let Asked { resource, thread, caller } = asked(&service, &context).await?;
    let url = convert::thread_url(&context, &thread);
    let message: MessageRow = service
        .store
        .read(move |tx| {
            let (view, window) = access::enter(tx, resource, &thread, &caller, Wanted::Read)?;
            access::load_message(tx, &view, &window, id)
        })
        .await?;
    Ok(Reply::json(StatusCode::OK, &convert::message(&message, &url)))
}

pub(crate) async fn chat_thread_update_chat_message(
    service: Arc<ChatService>,
    context: Context,
) -> Result<Reply, ApiError> {
    let body: UpdateChatMessageRequest = context.json()?;
    let id = message_id(&context)?;
    let asked = asked(&service, &context).await?;
    let before = editable(&service, asked.clone(), id).await?;
    let patch = Patch::check(&service, asked.resource, body, &before)?;
    let Asked { resource, thread, caller } = asked;
    let within = Arc::clone(&service);
    let committed: Option<Committed> = service
        .store
        .write(key(resource, &thread), move |tx| -> Result<_, ChatError> {
            let (mut view, window) = access::enter(tx, resource, &thread, &caller, Wanted::Write)?;
            let message = access::load_message(tx, &view, &window, id)?;
            access::allow_change(&message, &caller)?;
            let edit = patch.edit_of(&within, &message)?;
            if edit.body.is_none() && edit.metadata.is_none() && edit.images.is_none() {
                return Ok(None);
            }
            let (_, committed) = changes::edit_message(tx, &mut view, &message, &edit, context.now)?;
            Ok(Some(committed))
        })
        .await?;
    service.realtime.committed(committed.into_iter().collect());
    Ok(Reply::empty(StatusCode::NO_CONTENT))
}

/// The message as it is before the edit. Its kind never changes, so the content can be cleaned by it before the
/// transaction begins.
async fn editable(service: &ChatService, asked: Asked, id: i64) -> Result<MessageRow, ChatError> {
    let Asked { resource, thread, caller } = asked;
    service
        .store
        .read(move |tx| {
            let (view, window) = access::enter(tx, resource, &thread, &caller, Wanted::Write)?;
            let message = access::load_message(tx, &view, &window, id)?;
            access::allow_change(&message, &caller)?;
            if message.deleted_at.is_some() {
                return Err(ChatError::MessageDeleted);
            }
            Ok(message)
        })
        .await
}

/// A patch that is well-formed.
#[expect(clippy::option_option, reason = "absent, null and a value are three things in a merge patch")]
pub(crate) struct Patch {
    content: Option<(String, String)>,
    metadata: Option<Option<MetadataPatch>>,
    images: Option<Vec<String>>,
}

impl Patch {
    /// Checks and cleans a patch of the message that was `before`.
    ///
    /// **Errors**: 400 and 413 as the rules of messages say.
    pub(crate) fn check(
        service: &ChatService,
        resource: ResourceId,
        body: UpdateChatMessageRequest,
        before: &MessageRow,
    ) -> Result<Self, ApiError> {
        let images = body.attachments.map(images_of).transpose()?;
        let has_images = images.as_ref().map_or(!before.attachments.is_empty(), |images| !images.is_empty());
        let content = match body.content {
            None => None,
            Some(None) => return Err(ApiError::invalid("content", "The content cannot be removed.")),
            Some(Some(content)) => {
                let bytes_max = service.settings.message_bytes_max;
                let content = content_of(content, before.kind, has_images, bytes_max)?;
                let words = service.words_of(resource, before.kind, &content);
                Some((content, words))
            }
        };
        Ok(Self { content, metadata: body.metadata, images })
    }

    /// What the patch changes of the message as it is now.
    ///
    /// **Errors**: 400 when the merged metadata is too large.
    pub(crate) fn edit_of(&self, service: &ChatService, message: &MessageRow) -> Result<Edit, ChatError> {
        let mut edit = Edit { images: self.images.clone(), ..Edit::default() };
        if let Some((content, words)) = &self.content {
            edit.body = Some(content.clone());
            edit.words.clone_from(words);
        }
        if let Some(patch) = &self.metadata {
            let merged = metadata::merge(metadata::read(&message.metadata), patch.clone());
            metadata::check(&merged, metadata::message_bytes_max(service.settings.limits))?;
            edit.metadata = Some(metadata::write(&merged));
        }
        Ok(edit)
    }
}

pub(crate) async fn chat_thread_delete_chat_message(
    service: Arc<ChatService>,
    context: Context,
) -> Result<Reply, ApiError> {
    let id = message_id(&context)?;
    let Asked { resource, thread, caller } = asked(&service, &context).await?;
    let committed: Option<Committed> = service
        .store
        .write(key(resource, &thread), move |tx| -> Result<_, ChatError> {
            let (mut view, window) = access::enter(tx, resource, &thread, &caller, Wanted::Write)?;
            let message = access::load_message(tx, &view, &window, id)?;
            access::allow_change(&message, &caller)?;
            let deleted = changes::delete_message(tx, &mut view, &message, context.now)?;
            Ok(deleted.map(|(_, committed)| committed))
        })
        .await?;
    service.realtime.committed(committed.into_iter().collect());
    Ok(Reply::empty(StatusCode::NO_CONTENT))
}

impl ChatService {
    /// The words of a message for the index; empty where nothing is indexed.
    pub(crate) fn words_of(&self, resource: ResourceId, kind: MessageKind, content: &str) -> String {
        if !self.settings.search {
            return String::new();
        }
        match kind {
            MessageKind::Html => self.keyed_words(resource, &html::to_text(content)),
            _ => self.keyed_words(resource, content),
        }
    }
}
