//! Events about messages. System messages raise none.

use trunkline_catalogue::Publication;
use trunkline_catalogue::chat::{
    ChatMessageDeleted, ChatMessageDeletedInThread, ChatMessageEdited, ChatMessageEditedInThread,
    ChatMessageReceived, ChatMessageReceivedInThread,
};
use trunkline_catalogue::identifiers::CommunicationIdentifier;
use trunkline_kernel::Timestamp;
use trunkline_store::Tx;

use super::{Scene, for_all, identifier, metadata_of, name_of};
use crate::error::ChatError;
use crate::rows::messages::{find_by_change, find_sent_by};
use crate::rows::{MemberRow, MessageKind, MessageRow};

/// A message that was edited since is published with the text it has now; a deleted one is not.
pub(super) fn sent(tx: &mut Tx<'_>, scene: &Scene) -> Result<Vec<Publication>, ChatError> {
    let found = find_sent_by(tx, scene.thread.number, scene.change)?;
    let Some(message) = found.filter(|message| message.deleted_at.is_none()) else { return Ok(Vec::new()) };
    let (subject, time) = (subject(scene, &message), message.created_at);
    let whole = in_thread(scene, &message);
    Ok(for_all(&whole, subject, time, audience(scene, &message), |member| received(member, &whole)))
}

/// Only the last edit is published when several came in between: the texts before are gone.
pub(super) fn edited(tx: &mut Tx<'_>, scene: &Scene) -> Result<Vec<Publication>, ChatError> {
    let found = find_by_change(tx, scene.thread.number, scene.change)?;
    let Some(message) = found.filter(|message| message.deleted_at.is_none()) else { return Ok(Vec::new()) };
    let (subject, time) = (subject(scene, &message), message.changed_at);
    let whole = edited_in_thread(scene, &message);
    Ok(for_all(&whole, subject, time, audience(scene, &message), |member| edited_for(member, &whole)))
}

pub(super) fn deleted(tx: &mut Tx<'_>, scene: &Scene) -> Result<Vec<Publication>, ChatError> {
    let Some(message) = find_by_change(tx, scene.thread.number, scene.change)? else { return Ok(Vec::new()) };
    let Some(time) = message.deleted_at else { return Ok(Vec::new()) };
    let subject = subject(scene, &message);
    let whole = deleted_in_thread(scene, &message, time);
    Ok(for_all(&whole, subject, time, audience(scene, &message), |member| deleted_for(member, &whole)))
}

fn subject<'a>(scene: &'a Scene, message: &'a MessageRow) -> [&'a str; 2] {
    [&scene.thread.id, &message.sender_raw]
}

/// Those who see the message.
fn audience<'a>(scene: &'a Scene, message: &'a MessageRow) -> impl Iterator<Item = &'a MemberRow> {
    scene.members.iter().filter(|member| message.created_at >= member.share_history_at)
}

const fn type_of(kind: MessageKind) -> &'static str {
    match kind {
        MessageKind::Html => "RichText/Html",
        _ => "Text",
    }
}

fn recipient(member: &MemberRow) -> CommunicationIdentifier {
    identifier(&member.raw_id)
}

fn in_thread(scene: &Scene, message: &MessageRow) -> ChatMessageReceivedInThread {
    ChatMessageReceivedInThread {
        transaction_id: scene.transaction_id.clone(),
        thread_id: scene.thread.id.clone(),
        message_id: message.id.to_string(),
        sender_communication_identifier: identifier(&message.sender_raw),
        sender_display_name: name_of(&message.sender_name),
        compose_time: Some(message.created_at.into()),
        r#type: type_of(message.kind).to_owned(),
        // The first version of a message is its id.
        version: Some(message.id),
        message_body: message.body.clone(),
        metadata: metadata_of(&message.metadata),
    }
}

fn received(member: &MemberRow, whole: &ChatMessageReceivedInThread) -> ChatMessageReceived {
    let whole = whole.clone();
    ChatMessageReceived {
        recipient_communication_identifier: recipient(member),
        transaction_id: whole.transaction_id,
        thread_id: whole.thread_id,
        message_id: whole.message_id,
        sender_communication_identifier: whole.sender_communication_identifier,
        sender_display_name: whole.sender_display_name,
        compose_time: whole.compose_time,
        r#type: whole.r#type,
        version: whole.version,
        message_body: whole.message_body,
        metadata: whole.metadata,
    }
}

fn edited_in_thread(scene: &Scene, message: &MessageRow) -> ChatMessageEditedInThread {
    let sent = in_thread(scene, message);
    ChatMessageEditedInThread {
        transaction_id: sent.transaction_id,
        thread_id: sent.thread_id,
        message_id: sent.message_id,
        sender_communication_identifier: sent.sender_communication_identifier,
        sender_display_name: sent.sender_display_name,
        compose_time: sent.compose_time,
        r#type: sent.r#type,
        version: Some(message.version),
        message_body: sent.message_body,
        metadata: sent.metadata,
        edit_time: message.edited_at.map(Into::into),
    }
}

fn edited_for(member: &MemberRow, whole: &ChatMessageEditedInThread) -> ChatMessageEdited {
    let whole = whole.clone();
    ChatMessageEdited {
        recipient_communication_identifier: recipient(member),
        transaction_id: whole.transaction_id,
        thread_id: whole.thread_id,
        message_id: whole.message_id,
        sender_communication_identifier: whole.sender_communication_identifier,
        sender_display_name: whole.sender_display_name,
        compose_time: whole.compose_time,
        r#type: whole.r#type,
        version: whole.version,
        message_body: whole.message_body,
        metadata: whole.metadata,
        edit_time: whole.edit_time,
    }
}

fn deleted_in_thread(scene: &Scene, message: &MessageRow, time: Timestamp) -> ChatMessageDeletedInThread {
    let sent = in_thread(scene, message);
    ChatMessageDeletedInThread {
        transaction_id: sent.transaction_id,
        thread_id: sent.thread_id,
        message_id: sent.message_id,
        sender_communication_identifier: sent.sender_communication_identifier,
        sender_display_name: sent.sender_display_name,
        compose_time: sent.compose_time,
        r#type: sent.r#type,
        version: Some(message.version),
        delete_time: time.into(),
    }
}

fn deleted_for(member: &MemberRow, whole: &ChatMessageDeletedInThread) -> ChatMessageDeleted {
    let whole = whole.clone();
    ChatMessageDeleted {
        recipient_communication_identifier: recipient(member),
        transaction_id: whole.transaction_id,
        thread_id: whole.thread_id,
        message_id: whole.message_id,
        sender_communication_identifier: whole.sender_communication_identifier,
        sender_display_name: whole.sender_display_name,
        compose_time: whole.compose_time,
        r#type: whole.r#type,
        version: whole.version,
        delete_time: whole.delete_time,
    }
}
