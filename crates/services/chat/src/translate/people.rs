//! Events about who is in a thread: one per person, and one per person and participant.

use trunkline_catalogue::Publication;
use trunkline_catalogue::chat_threads::{
    ChatParticipantAddedToThreadWithUser, ChatParticipantRemovedFromThreadWithUser,
    ChatThreadParticipantAdded, ChatThreadParticipantRemoved,
};
use trunkline_store::Tx;

use super::threads::participant;
use super::{Scene, identifier, ordinal_of};
use crate::error::ChatError;
use crate::rows::messages::find_sent_by;
use crate::rows::{MemberRow, MessageRow};

pub(super) fn added(tx: &mut Tx<'_>, scene: &Scene) -> Result<Vec<Publication>, ChatError> {
    let Some(message) = find_sent_by(tx, scene.thread.number, scene.change)? else { return Ok(Vec::new()) };
    let (thread, time, mut published) = (&scene.thread, message.created_at, Vec::new());
    let added_by = identifier(&message.sender_raw);
    for (ordinal, told) in (0..).zip(&message.people) {
        let data = ChatThreadParticipantAdded {
            transaction_id: scene.transaction_id.clone(),
            thread_id: thread.id.clone(),
            time: Some(time.into()),
            added_by_communication_identifier: added_by.clone(),
            participant_added: participant(told),
            version: Some(message.version),
        };
        published.push(Publication::new(ordinal, &data, &[&thread.id, &told.raw_id], time));
    }
    for member in &scene.members {
        for (index, told) in (0..).zip(&message.people) {
            let data = ChatParticipantAddedToThreadWithUser {
                recipient_communication_identifier: identifier(&member.raw_id),
                transaction_id: scene.transaction_id.clone(),
                thread_id: thread.id.clone(),
                create_time: thread.created_at.into(),
                version: message.version,
                time: Some(time.into()),
                added_by_communication_identifier: added_by.clone(),
                participant_added: participant(told),
            };
            let subject = [&*thread.id, &*told.raw_id, &*member.raw_id];
            let ordinal = first_place(member, &message).saturating_add(index);
            published.push(Publication::new(ordinal, &data, &subject, time));
        }
    }
    Ok(published)
}

pub(super) fn removed(tx: &mut Tx<'_>, scene: &Scene) -> Result<Vec<Publication>, ChatError> {
    let Some(message) = find_sent_by(tx, scene.thread.number, scene.change)? else { return Ok(Vec::new()) };
    let (thread, time, mut published) = (&scene.thread, message.created_at, Vec::new());
    let removed_by = identifier(&message.sender_raw);
    for (ordinal, told) in (0..).zip(&message.people) {
        let data = ChatThreadParticipantRemoved {
            transaction_id: scene.transaction_id.clone(),
            thread_id: thread.id.clone(),
            time: Some(time.into()),
            removed_by_communication_identifier: removed_by.clone(),
            participant_removed: participant(told),
            version: Some(message.version),
        };
        published.push(Publication::new(ordinal, &data, &[&thread.id, &told.raw_id], time));
    }
    for member in &scene.members {
        for (index, told) in (0..).zip(&message.people) {
            let data = ChatParticipantRemovedFromThreadWithUser {
                recipient_communication_identifier: identifier(&member.raw_id),
                transaction_id: scene.transaction_id.clone(),
                thread_id: thread.id.clone(),
                create_time: thread.created_at.into(),
                version: message.version,
                time: Some(time.into()),
                removed_by_communication_identifier: removed_by.clone(),
                participant_removed: participant(told),
            };
            let subject = [&*thread.id, &*told.raw_id, &*member.raw_id];
            let ordinal = first_place(member, &message).saturating_add(index);
            published.push(Publication::new(ordinal, &data, &subject, time));
        }
    }
    Ok(published)
}

/// The place of the first of the events that tell somebody of the people in a message; the thread's own come before.
fn first_place(member: &MemberRow, message: &MessageRow) -> u32 {
    let people = u32::try_from(message.people.len()).unwrap_or(u32::MAX);
    ordinal_of(member).saturating_mul(people)
}
