//! What may come from elsewhere: an imported message, checked and cleaned.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use trunkline_chat_wire::server::{ImportedChatMessage, ImportedChatMessageContent};
use trunkline_chat_wire::{
    ChatMessageReadReceipt, ChatMessageType, ChatParticipant, CommunicationIdentifierModel,
};
use trunkline_kernel::{ResourceId, Timestamp};
use trunkline_web::ApiError;

use crate::changes::{ImportedMessage, ImportedReceipt, NewMember};
use crate::rows::MessageKind;
use crate::rows::threads::milliseconds;
use crate::rules::messages::{content_of, message_id};
use crate::rules::names::display_name;
use crate::rules::participants::{BATCH_PARTICIPANTS_MAX, candidates};
use crate::rules::threads::TOPIC_CHARS_MAX;
use crate::rules::{mentions, metadata};

/// Messages of one request: as many as ACS lists on a page.
pub(crate) const MESSAGES_MAX: usize = 200;
/// Read receipts of one request: one for each participant of most threads.
const RECEIPTS_MAX: usize = 1000;
/// The most digits of a sequence number: more than any thread has, and far from the end of the counter.
const SEQUENCE_DIGITS_MAX: usize = 12;
/// How far clocks elsewhere may be ahead: times in the future would drag those of all later messages along.
const AHEAD_MAX: Duration = Duration::from_hours(1);

/// What messages are checked against.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) resource: ResourceId,
    pub(crate) message_bytes_max: usize,
    pub(crate) metadata_bytes_max: usize,
    pub(crate) now: Timestamp,
}

/// The messages of a request in their order, and how many attachments are left out of them. Words are not there yet.
///
/// **Errors**: 400 and 413, with the place of the message in the request.
pub(crate) fn messages(
    batch: Vec<ImportedChatMessage>,
    bounds: &Bounds,
) -> Result<(Vec<ImportedMessage>, u32), ApiError> {
    if batch.len() > MESSAGES_MAX {
        let message = format!("At most {MESSAGES_MAX} messages can be imported at once.");
        return Err(ApiError::invalid("messages", message));
    }
    let mut ids = HashSet::with_capacity(batch.len());
    let (mut found, mut attachments) = (Vec::with_capacity(batch.len()), 0_usize);
    for (index, message) in batch.into_iter().enumerate() {
        let id = message.id.clone();
        let at = |refusal: ApiError| {
            let target = refusal.target.clone().unwrap_or_default();
            let text = format!("Message {id}: {}", refusal.message);
            ApiError { message: text, ..refusal }.with_target(format!("messages[{index}].{target}"))
        };
        let (checked, left_out) = message_of(message, bounds).map_err(at)?;
        if !ids.insert(checked.id) {
            return Err(at(ApiError::invalid("id", "The id stands twice in the request.")));
        }
        attachments += left_out;
        found.push(checked);
    }
    Ok((found, u32::try_from(attachments).unwrap_or(u32::MAX)))
}

/// How far people have read, in the order of the request.
///
/// **Errors**: 400, with the place of the receipt in the request.
pub(crate) fn receipts(
    batch: &[ChatMessageReadReceipt],
    bounds: &Bounds,
) -> Result<Vec<ImportedReceipt>, ApiError> {
    if batch.len() > RECEIPTS_MAX {
        let message = format!("At most {RECEIPTS_MAX} read receipts can be imported at once.");
        return Err(ApiError::invalid("readReceipts", message));
    }
    let receipt = |(index, receipt): (usize, &ChatMessageReadReceipt)| {
        let at = |field: &str| format!("readReceipts[{index}].{field}");
        let reader = receipt.sender_communication_identifier.to_identifier();
        let reader = reader
            .map_err(|error| ApiError::invalid(at("senderCommunicationIdentifier"), error.as_text()))?;
        let message = number(&receipt.chat_message_id, &at("chatMessageId"), bounds)?;
        if receipt.read_on.0 > bounds.now.plus(AHEAD_MAX) {
            return Err(ApiError::invalid(at("readOn"), "The time is in the future."));
        }
        Ok(ImportedReceipt { raw_id: reader.raw_id().into(), message, read_at: receipt.read_on.0 })
    };
    batch.iter().enumerate().map(receipt).collect()
}

fn message_of(message: ImportedChatMessage, bounds: &Bounds) -> Result<(ImportedMessage, usize), ApiError> {
    let id = number(&message.id, "id", bounds)?;
    let kind = kind_of(message.message_type);
    let content = message.content.unwrap_or_default();
    let left_out = content.attachments.as_ref().map_or(0, Vec::len);
    let (created_at, is_deleted) = (message.created_on.0, message.deleted_on.is_some());
    let (edited_at, deleted_at) =
        (message.edited_on.map(|date| date.0), message.deleted_on.map(|date| date.0));
    for (time, target) in
        [(Some(created_at), "createdOn"), (edited_at, "editedOn"), (deleted_at, "deletedOn")]
    {
        if time.is_some_and(|time| time > bounds.now.plus(AHEAD_MAX)) {
            return Err(ApiError::invalid(target, "The time is in the future."));
        }
    }
    let version = match &message.version {
        Some(version) => number(version, "version", bounds)?,
        None => deleted_at.or(edited_at).map_or(id, milliseconds),
    };
    let sender = sender_of(message.sender_communication_identifier.as_ref(), &content, kind)?;
    let pairs = message.metadata.filter(|_| !is_deleted).unwrap_or_default();
    metadata::check(&pairs, bounds.metadata_bytes_max)?;
    let people = people_of(content.participants.unwrap_or_default(), kind, bounds.resource)?;
    let text = if kind == MessageKind::TopicUpdated { content.topic } else { content.message };
    let body = body_of(text.unwrap_or_default(), kind, is_deleted, bounds)?;
    let reply_to = message.reply_to.filter(|_| !is_deleted).map(|id| number(&id, "replyTo", bounds));
    let mentions = if is_deleted { Vec::new() } else { message.mentions };
    let checked = ImportedMessage {
        id,
        kind,
        sequence: sequence(&message.sequence_id)?,
        version,
        sender_raw: sender,
        sender_name: display_name(message.sender_display_name, "senderDisplayName")?,
        body,
        metadata: metadata::write(&pairs),
        people,
        reply_to: reply_to.transpose()?,
        mentions: mentions::check(Some(mentions))?,
        created_at,
        edited_at,
        deleted_at,
        words: String::new(),
    };
    Ok((checked, left_out))
}

/// Milliseconds since the epoch.
fn number(text: &str, target: &str, bounds: &Bounds) -> Result<i64, ApiError> {
    let refused = || {
        ApiError::invalid(target, "It must be a number of milliseconds since 1970, and not in the future.")
    };
    let number = message_id(text).ok_or_else(refused)?;
    let is_past = number <= milliseconds(bounds.now.plus(AHEAD_MAX));
    if is_past { Ok(number) } else { Err(refused()) }
}

fn sequence(text: &str) -> Result<i64, ApiError> {
    let is_number = text.len() <= SEQUENCE_DIGITS_MAX && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse::<i64>().ok().filter(|number| is_number && *number > 0);
    number.ok_or_else(|| {
        ApiError::invalid("sequenceId", "It must be a number from 1, one for each message of the thread.")
    })
}

const fn kind_of(message_type: ChatMessageType) -> MessageKind {
    match message_type {
        ChatMessageType::Text => MessageKind::Text,
        ChatMessageType::Html => MessageKind::Html,
        ChatMessageType::TopicUpdated => MessageKind::TopicUpdated,
        ChatMessageType::ParticipantAdded => MessageKind::ParticipantAdded,
        ChatMessageType::ParticipantRemoved => MessageKind::ParticipantRemoved,
    }
}

/// Whoever wrote the message, or did what a system message tells; empty where a system message does not say.
fn sender_of(
    sender: Option<&CommunicationIdentifierModel>,
    content: &ImportedChatMessageContent,
    kind: MessageKind,
) -> Result<Arc<str>, ApiError> {
    let (named, target) = if kind.is_system() {
        let initiator = content.initiator_communication_identifier.as_ref();
        (initiator, "content.initiatorCommunicationIdentifier")
    } else {
        (sender, "senderCommunicationIdentifier")
    };
    match named {
        Some(named) => {
            let identifier =
                named.to_identifier().map_err(|error| ApiError::invalid(target, error.as_text()))?;
            Ok(identifier.raw_id().into())
        }
        None if kind.is_system() => Ok("".into()),
        None => Err(ApiError::invalid(target, "A message must say who sent it.")),
    }
}

/// Cleaned as anything that is sent, but for what a message must show: pictures that are left out may be all it had.
fn body_of(text: String, kind: MessageKind, is_deleted: bool, bounds: &Bounds) -> Result<String, ApiError> {
    match kind {
        _ if is_deleted => Ok(String::new()),
        MessageKind::Text | MessageKind::Html => content_of(text, kind, true, bounds.message_bytes_max),
        MessageKind::TopicUpdated if text.chars().count() > TOPIC_CHARS_MAX => {
            let message = format!("A topic has at most {TOPIC_CHARS_MAX} characters.");
            Err(ApiError::invalid("content.topic", message))
        }
        MessageKind::TopicUpdated => Ok(text),
        MessageKind::ParticipantAdded | MessageKind::ParticipantRemoved => Ok(String::new()),
    }
}

fn people_of(
    participants: Vec<ChatParticipant>,
    kind: MessageKind,
    resource: ResourceId,
) -> Result<Vec<NewMember>, ApiError> {
    if !matches!(kind, MessageKind::ParticipantAdded | MessageKind::ParticipantRemoved) {
        return Ok(Vec::new());
    }
    participants_of(participants, resource)
}

/// Everybody whom an import names, each once, whether they are users here or not; more than one request may add.
///
/// **Errors**: as those of [`candidates`].
pub(crate) fn participants_of(
    mut participants: Vec<ChatParticipant>,
    resource: ResourceId,
) -> Result<Vec<NewMember>, ApiError> {
    let (mut seen, mut people) = (HashSet::new(), Vec::with_capacity(participants.len()));
    while !participants.is_empty() {
        let rest = participants.split_off(participants.len().min(BATCH_PARTICIPANTS_MAX));
        for candidate in candidates(participants, resource)? {
            if seen.insert(candidate.raw_id.clone()) {
                people.push(NewMember {
                    raw_id: candidate.raw_id.into(),
                    name: candidate.name,
                    metadata: candidate.metadata,
                    share_history_at: candidate.share_history_at,
                });
            }
        }
        participants = rest;
    }
    Ok(people)
}
