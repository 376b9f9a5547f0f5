//! Events about threads.

use std::collections::BTreeMap;

use serde_json::Value;
use trunkline_catalogue::Publication;
use trunkline_catalogue::chat_threads::{
    ChatThreadCreated, ChatThreadCreatedWithUser, ChatThreadDeleted, ChatThreadPropertiesUpdated,
    ChatThreadPropertiesUpdatedPerUser, ChatThreadWithUserDeleted, ThreadParticipant,
};
use trunkline_store::Tx;

use super::{Scene, for_all, identifier, metadata_of, name_of};
use crate::error::ChatError;
use crate::rows::MessagePersonRow;
use crate::rows::messages::find_sent_by;
use crate::rows::notes::{NoteRow, find_note};
use crate::rows::people::service_raw_id;

pub(super) fn created(tx: &mut Tx<'_>, scene: &Scene) -> Result<Vec<Publication>, ChatError> {
    let Some(message) = find_sent_by(tx, scene.thread.number, scene.change)? else { return Ok(Vec::new()) };
    let (thread, time) = (&scene.thread, message.created_at);
    let whole = ChatThreadCreated {
        transaction_id: scene.transaction_id.clone(),
        thread_id: thread.id.clone(),
        create_time: thread.created_at.into(),
        version: message.version,
        created_by_communication_identifier: identifier(&message.sender_raw),
        properties: properties(scene),
        metadata: metadata_of(&thread.metadata),
        participants: message.people.iter().map(participant).collect(),
    };
    Ok(for_all(&whole, [&thread.id, &message.sender_raw], time, &scene.members, |member| {
        let data = whole.clone();
        ChatThreadCreatedWithUser {
            recipient_communication_identifier: identifier(&member.raw_id),
            transaction_id: data.transaction_id,
            thread_id: data.thread_id,
            create_time: data.create_time,
            version: data.version,
            created_by_communication_identifier: data.created_by_communication_identifier,
            properties: data.properties,
            metadata: data.metadata,
            participants: data.participants,
        }
    }))
}

pub(super) fn properties_updated(tx: &mut Tx<'_>, scene: &Scene) -> Result<Vec<Publication>, ChatError> {
    let Some(note) = find_note(tx, scene.thread.number, scene.change)? else { return Ok(Vec::new()) };
    // The texts of a deleted thread are gone.
    if scene.thread.deleted_at.is_some() {
        return Ok(Vec::new());
    }
    let thread = &scene.thread;
    let whole = ChatThreadPropertiesUpdated {
        transaction_id: scene.transaction_id.clone(),
        thread_id: thread.id.clone(),
        create_time: thread.created_at.into(),
        version: note.version,
        edited_by_communication_identifier: identifier(&note.raw_id),
        edit_time: Some(note.at.into()),
        properties: properties(scene),
        metadata: metadata_of(&thread.metadata),
    };
    Ok(for_all(&whole, [&thread.id, &note.raw_id], note.at, &scene.members, |member| {
        let data = whole.clone();
        ChatThreadPropertiesUpdatedPerUser {
            recipient_communication_identifier: identifier(&member.raw_id),
            transaction_id: data.transaction_id,
            thread_id: data.thread_id,
            create_time: data.create_time,
            version: data.version,
            edited_by_communication_identifier: data.edited_by_communication_identifier,
            edit_time: data.edit_time,
            metadata: data.metadata,
            properties: data.properties,
        }
    }))
}

pub(super) fn deleted(tx: &mut Tx<'_>, scene: &Scene) -> Result<Vec<Publication>, ChatError> {
    let Some(note) = find_note(tx, scene.thread.number, scene.change)? else { return Ok(Vec::new()) };
    let (thread, by) = (&scene.thread, deleted_by(scene, &note));
    let whole = ChatThreadDeleted {
        transaction_id: scene.transaction_id.clone(),
        thread_id: thread.id.clone(),
        create_time: thread.created_at.into(),
        version: note.version,
        deleted_by_communication_identifier: identifier(&by),
        delete_time: Some(note.at.into()),
    };
    Ok(for_all(&whole, [&thread.id, &by], note.at, &scene.members, |member| {
        let data = whole.clone();
        ChatThreadWithUserDeleted {
            recipient_communication_identifier: identifier(&member.raw_id),
            transaction_id: data.transaction_id,
            thread_id: data.thread_id,
            create_time: data.create_time,
            version: data.version,
            deleted_by_communication_identifier: data.deleted_by_communication_identifier,
            delete_time: data.delete_time,
        }
    }))
}

/// The payload wants somebody even when the time of the thread was over: the service itself.
fn deleted_by(scene: &Scene, note: &NoteRow) -> String {
    if note.raw_id.is_empty() { service_raw_id(scene.thread.resource) } else { note.raw_id.to_string() }
}

fn properties(scene: &Scene) -> BTreeMap<String, Value> {
    BTreeMap::from([("topic".to_owned(), Value::from(scene.thread.topic.as_str()))])
}

/// Somebody of whom a system message tells.
pub(super) fn participant(told: &MessagePersonRow) -> ThreadParticipant {
    ThreadParticipant {
        display_name: name_of(&told.name),
        participant_communication_identifier: identifier(&told.raw_id),
        metadata: metadata_of(&told.metadata),
    }
}
