//! From rows to what is said on the wire.

pub(crate) mod users;

use trunkline_chat_wire::{
    ChatAttachment, ChatAttachmentType, ChatMessage, ChatMessageContent, ChatMessageReadReceipt,
    ChatMessageType, ChatParticipant, ChatRetentionPolicy, ChatThreadItem, ChatThreadProperties,
    CommunicationIdentifierModel, Date, Metadata,
};
use trunkline_kernel::Timestamp;
use trunkline_web::Context;
use trunkline_web::context::encode;

use crate::operations::images::VIEWS_VERSION;
use crate::rows::{MemberRow, MessageKind, MessagePersonRow, MessageRow, ReceiptRow, ThreadRow};
use crate::rules::metadata;

/// The absolute address of a thread, without a slash at the end.
pub(crate) fn thread_url(context: &Context, thread: &str) -> String {
    format!("{}{}", context.origin(), thread_path(thread))
}

/// The path of a thread.
pub(crate) fn thread_path(thread: &str) -> String {
    format!("/chat/threads/{}", encode(thread))
}

/// The attachment of an uploaded image; `thread` is the absolute address of the thread.
///
/// Clients ask for the addresses as they are, with the user's token, so they say their api-version.
pub(crate) fn attachment(thread: &str, id: &str, name: &str) -> ChatAttachment {
    let view = |view: &str| Some(format!("{thread}/images/{id}/views/{view}?api-version={VIEWS_VERSION}"));
    ChatAttachment {
        id: id.to_owned(),
        attachment_type: ChatAttachmentType::Image,
        name: some(name),
        url: view("original"),
        preview_url: view("small"),
    }
}

/// A message; `thread` is the absolute address of its thread.
pub(crate) fn message(row: &MessageRow, thread: &str) -> ChatMessage {
    let is_system = row.kind.is_system();
    ChatMessage {
        id: row.id.to_string(),
        message_type: message_type(row.kind),
        sequence_id: row.sequence.to_string(),
        version: row.version.to_string(),
        content: Some(content(row, thread)),
        sender_display_name: (!is_system).then(|| row.sender_name.clone()),
        created_on: Date(row.created_at),
        sender_communication_identifier: (!is_system)
            .then(|| CommunicationIdentifierModel::of(&row.sender_raw)),
        deleted_on: row.deleted_at.map(Date),
        edited_on: row.edited_at.map(Date),
        metadata: metadata_of(&row.metadata),
    }
}

/// What a message is on the wire.
pub(crate) const fn message_type(kind: MessageKind) -> ChatMessageType {
    match kind {
        MessageKind::Text => ChatMessageType::Text,
        MessageKind::Html => ChatMessageType::Html,
        MessageKind::TopicUpdated => ChatMessageType::TopicUpdated,
        MessageKind::ParticipantAdded => ChatMessageType::ParticipantAdded,
        MessageKind::ParticipantRemoved => ChatMessageType::ParticipantRemoved,
    }
}

fn content(row: &MessageRow, thread: &str) -> ChatMessageContent {
    let attachments: Vec<_> =
        row.attachments.iter().map(|image| attachment(thread, &image.id, &image.name)).collect();
    let initiator = || Some(CommunicationIdentifierModel::of(&row.sender_raw));
    match row.kind {
        MessageKind::Text | MessageKind::Html => ChatMessageContent {
            message: Some(row.body.clone()),
            attachments: (!attachments.is_empty()).then_some(attachments),
            ..ChatMessageContent::default()
        },
        MessageKind::TopicUpdated => ChatMessageContent {
            topic: Some(row.body.clone()),
            initiator_communication_identifier: initiator(),
            ..ChatMessageContent::default()
        },
        MessageKind::ParticipantAdded | MessageKind::ParticipantRemoved => ChatMessageContent {
            participants: Some(row.people.iter().map(person).collect()),
            initiator_communication_identifier: initiator(),
            ..ChatMessageContent::default()
        },
    }
}

fn person(row: &MessagePersonRow) -> ChatParticipant {
    participant_of(&row.raw_id, &row.name, row.share_history_at, &row.metadata)
}

/// A participant.
pub(crate) fn participant(row: &MemberRow) -> ChatParticipant {
    participant_of(&row.raw_id, &row.name, row.share_history_at, &row.metadata)
}

fn participant_of(raw_id: &str, name: &str, share_history_at: Timestamp, metadata: &str) -> ChatParticipant {
    ChatParticipant {
        communication_identifier: CommunicationIdentifierModel::of(raw_id),
        display_name: some(name),
        share_history_time: Some(Date(share_history_at)),
        metadata: metadata_of(metadata),
    }
}

/// A thread.
pub(crate) fn thread(row: &ThreadRow) -> ChatThreadProperties {
    ChatThreadProperties {
        id: row.id.clone(),
        topic: row.topic.clone(),
        created_on: Date(row.created_at),
        created_by_communication_identifier: CommunicationIdentifierModel::of(&row.created_by_raw),
        deleted_on: row.deleted_at.map(Date),
        metadata: metadata_of(&row.metadata),
        retention_policy: Some(retention_policy(row.retention_days)),
    }
}

/// When a thread deletes itself.
pub(crate) fn retention_policy(days: Option<u32>) -> ChatRetentionPolicy {
    match days.map(i32::try_from) {
        Some(Ok(delete_thread_after_days)) => {
            ChatRetentionPolicy::ThreadCreationDate { delete_thread_after_days }
        }
        _ => ChatRetentionPolicy::None,
    }
}

/// A thread in a list.
pub(crate) fn thread_item(row: &ThreadRow) -> ChatThreadItem {
    ChatThreadItem {
        id: row.id.clone(),
        topic: row.topic.clone(),
        deleted_on: row.deleted_at.map(Date),
        last_message_received_on: row.last_message_at.map(Date),
    }
}

/// A read receipt.
pub(crate) fn receipt(row: &ReceiptRow) -> ChatMessageReadReceipt {
    ChatMessageReadReceipt {
        sender_communication_identifier: CommunicationIdentifierModel::of(&row.raw_id),
        chat_message_id: row.message.to_string(),
        read_on: Date(row.read_at),
    }
}

fn some(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

fn metadata_of(column: &str) -> Option<Metadata> {
    Some(metadata::read(column)).filter(|pairs| !pairs.is_empty())
}
