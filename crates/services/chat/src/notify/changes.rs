//! From a change to its notifications: the ten of ACS, and two of our own.
//!
//! | event | id | change |
//! |---|---|---|
//! | chatMessageReceived, Edited, Deleted | 200, 247, 248 | a message |
//! | typingIndicatorReceived | 245 | none: fleeting |
//! | readReceiptReceived | 246 | a receipt |
//! | chatThreadCreated, PropertiesUpdated, Deleted | 257, 258, 259 | the thread |
//! | participantsAdded, participantsRemoved | 260, 261 | its members |
//! | reactionAdded, reactionRemoved | 1001, 1002 | none: for clients that ask for more than ACS has |

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use trunkline_kernel::Timestamp;

use super::body::{About, Body, version};
use super::{Audience, Class, Notification};
use crate::changes::{Change, Committed, Who};
use crate::rows::threads::milliseconds;
use crate::rows::{
    MemberRow, MessageKind, MessagePersonRow, MessageRow, PersonNumber, ReceiptRow, ThreadNumber,
};

/// In larger threads only the sender of the message hears of receipts: one message to 1,000 members would otherwise
/// make 1,000 receipts for 1,000 members.
pub(crate) const RECEIPT_FANOUT_MAX: u32 = 50;

/// What notifications say of a thread.
#[derive(Clone, Debug)]
pub(crate) struct ThreadFacts {
    pub(crate) id: Arc<str>,
    /// Topic and the rest, where the change needs them; see [`needs_facts`].
    pub(crate) properties: Option<Properties>,
    /// Who was in it at the change, where that is needed; see [`needs_members`].
    pub(crate) members: Vec<MemberRow>,
    pub(crate) member_count: u32,
}

/// What a thread is.
#[derive(Clone, Debug)]
pub(crate) struct Properties {
    pub(crate) topic: String,
    /// A JSON object of texts.
    pub(crate) metadata: String,
    pub(crate) retention_days: Option<u32>,
    pub(crate) created_at: Timestamp,
    pub(crate) created_by_raw: String,
}

/// Whether a change needs the thread's topic, metadata and retention.
pub(crate) fn needs_facts(change: &Change) -> bool {
    matches!(
        change,
        Change::ThreadCreated(_) | Change::PropertiesChanged { .. } | Change::ParticipantsAdded(_)
    )
}

/// Whether a change needs everybody who was in the thread.
pub(crate) fn needs_members(change: &Change) -> bool {
    matches!(change, Change::ParticipantsAdded(_))
}

/// The notifications of a change, in order; none for a change nobody is told of.
///
/// `since` is the change that the recipient knows already: a message that was sent and edited after it comes as sent,
/// in its present state, before it comes as edited.
pub(crate) fn encode(committed: &Committed, facts: &ThreadFacts, since: i64) -> Vec<Arc<Notification>> {
    let of = Of { committed, facts };
    let notifications = match &committed.what {
        Change::MessageSent(row) => vec![of.message(row, 200)],
        Change::MessageEdited(row) if row.first_change > since => {
            let mut sent = of.message(row, 200);
            sent.class = Class::Leading;
            (sent.begins, sent.begins_at) = (row.first_change, row.created_at);
            vec![sent, of.message(row, 247)]
        }
        Change::MessageEdited(row) => vec![of.message(row, 247)],
        Change::MessageDeleted(row) => vec![of.message(row, 248)],
        Change::ThreadCreated(row) => of.thread_created(row).into_iter().collect(),
        Change::PropertiesChanged { by, version, at } => {
            of.properties_changed(by, *version, *at).into_iter().collect()
        }
        Change::ThreadDeleted { by, version, at } => vec![of.thread_deleted(by.as_deref(), *version, *at)],
        Change::ParticipantsAdded(row) => of.participants_added(row),
        Change::ParticipantsRemoved(row) => vec![of.participants_removed(row)],
        Change::Receipt(row) => vec![of.receipt(row)],
        Change::Silent => Vec::new(),
    };
    notifications.into_iter().map(Arc::new).collect()
}

/// A change and its thread.
struct Of<'a> {
    committed: &'a Committed,
    facts: &'a ThreadFacts,
}

impl Of<'_> {
    fn about(&self, at: Timestamp) -> About {
        About {
            thread: self.committed.thread,
            change: self.committed.change,
            class: Class::Durable,
            audience: Audience::Members,
            written_at: None,
            is_extension: false,
            at,
        }
    }

    fn message(&self, row: &MessageRow, event_id: u32) -> Notification {
        let kind = if row.kind == MessageKind::Html { "RichText/Html" } else { "Text" };
        let mut body = Body::new(event_id, &row.sender_raw)
            .text("groupId", &self.facts.id)
            .text("messageId", &row.id.to_string())
            .text("clientMessageId", &row.client_id)
            .text("senderDisplayName", &row.sender_name)
            .text("messageType", kind);
        if event_id != 248 {
            body = body.text("messageBody", &row.body);
        }
        body = body.text("version", &row.version.to_string()).time("originalArrivalTime", row.created_at);
        if event_id != 248 {
            body = body.text("acsChatMessageMetadata", &or_empty_object(&row.metadata));
            if !row.attachments.is_empty() {
                body = body.nested("attachments", &self.attachments(row));
            }
        }
        body = match event_id {
            247 => body.time("edittime", row.edited_at.unwrap_or(row.changed_at)),
            248 => body.time("deletetime", row.deleted_at.unwrap_or(row.changed_at)),
            _ => body,
        };
        body.finish(About { written_at: Some(row.created_at), ..self.about(row.changed_at) })
    }

    /// Addresses without a host: the client puts its own before them.
    fn attachments(&self, row: &MessageRow) -> Vec<AttachmentBody> {
        let thread = trunkline_web::context::encode(&self.facts.id);
        let address = |id: &str, view: &str| format!("/chat/threads/{thread}/images/{id}/views/{view}");
        row.attachments
            .iter()
            .map(|image| AttachmentBody {
                id: image.id.clone(),
                attachment_type: "image",
                name: image.name.clone(),
                url: address(&image.id, "original"),
                preview_url: address(&image.id, "small"),
            })
            .collect()
    }

    fn receipt(&self, row: &ReceiptRow) -> Notification {
        let at_ms = milliseconds(row.read_at);
        let horizon = Horizon {
            user: &row.raw_id,
            consumptionhorizon: format!("{};{at_ms};0", row.message),
            message_visibility_time: row.message,
            version: at_ms.to_string(),
        };
        let mut about = self.about(row.read_at);
        if self.facts.member_count > RECEIPT_FANOUT_MAX {
            about.audience = Audience::Only([row.message_sender].into());
        }
        Body::new(246, &row.raw_id)
            .text("groupId", &self.facts.id)
            .text("messageId", &row.message.to_string())
            .text("clientMessageId", "")
            .nested("messageBody", &horizon)
            .finish(about)
    }

    fn thread_created(&self, row: &MessageRow) -> Option<Notification> {
        let properties = self.facts.properties.as_ref()?;
        let creator = row.people.iter().find(|person| person.person == row.sender);
        let name = creator.map_or(row.sender_name.as_str(), |person| person.name.as_str());
        let members: Vec<_> = row.people.iter().map(ParticipantBody::of_message).collect();
        Some(
            Body::new(257, &row.sender_raw)
                .text("threadId", &self.facts.id)
                .text("version", &row.version.to_string())
                .time("createTime", row.created_at)
                .unescaped("createdBy", &ParticipantBody::named(&row.sender_raw, name))
                .unescaped("members", &members)
                .unescaped("properties", &PropertiesBody::of(properties))
                .finish(self.about(row.created_at)),
        )
    }

    fn properties_changed(&self, by: &Who, version: i64, at: Timestamp) -> Option<Notification> {
        let properties = self.facts.properties.as_ref()?;
        Some(
            Body::new(258, &by.raw_id)
                .text("threadId", &self.facts.id)
                .text("version", &version.to_string())
                .time("editTime", at)
                .unescaped("editedBy", &ParticipantBody::named(&by.raw_id, &by.name))
                .unescaped("properties", &PropertiesBody::of(properties))
                .finish(self.about(at)),
        )
    }

    fn thread_deleted(&self, by: Option<&Who>, version: i64, at: Timestamp) -> Notification {
        let mut body = Body::new(259, by.map_or("", |who| &who.raw_id))
            .text("threadId", &self.facts.id)
            .text("version", &version.to_string())
            .time("deleteTime", at);
        if let Some(who) = by {
            body = body.unescaped("deletedBy", &ParticipantBody::named(&who.raw_id, &who.name));
        }
        let reason = if by.is_some() { "deletedByUser" } else { "deletedByPolicy" };
        body.text("reason", reason).finish(self.about(at))
    }

    /// Whoever is added learns of the thread first, as of a new one: lists of threads wait for that.
    fn participants_added(&self, row: &MessageRow) -> Vec<Notification> {
        let mut notifications: Vec<_> = self.thread_for_added(row).into_iter().collect();
        let added: Vec<_> = row.people.iter().map(ParticipantBody::of_message).collect();
        notifications.push(
            Body::new(260, &row.sender_raw)
                .text("threadId", &self.facts.id)
                .text("version", &row.version.to_string())
                .time("time", row.created_at)
                .unescaped("addedBy", &ParticipantBody::named(&row.sender_raw, &row.sender_name))
                .unescaped("participantsAdded", &added)
                .finish(self.about(row.created_at)),
        );
        notifications
    }

    fn thread_for_added(&self, row: &MessageRow) -> Option<Notification> {
        let properties = self.facts.properties.as_ref()?;
        let creator = self.facts.members.iter().find(|member| member.raw_id == properties.created_by_raw);
        let name = creator.map_or("", |member| member.name.as_str());
        let members: Vec<_> = self.facts.members.iter().map(ParticipantBody::of_member).collect();
        let about = About {
            class: Class::Leading,
            audience: Audience::Only(row.people.iter().map(|person| person.person).collect()),
            ..self.about(row.created_at)
        };
        Some(
            Body::new(257, &properties.created_by_raw)
                .text("threadId", &self.facts.id)
                .text("version", &row.version.to_string())
                .time("createTime", properties.created_at)
                .unescaped("createdBy", &ParticipantBody::named(&properties.created_by_raw, name))
                .unescaped("members", &members)
                .unescaped("properties", &PropertiesBody::of(properties))
                .finish(about),
        )
    }

    fn participants_removed(&self, row: &MessageRow) -> Notification {
        let removed: Vec<_> = row.people.iter().map(ParticipantBody::of_message).collect();
        Body::new(261, &row.sender_raw)
            .text("threadId", &self.facts.id)
            .text("version", &row.version.to_string())
            .time("time", row.created_at)
            .unescaped("removedBy", &ParticipantBody::named(&row.sender_raw, &row.sender_name))
            .unescaped("participantsRemoved", &removed)
            .finish(self.about(row.created_at))
    }
}

/// Somebody types: told over the bus alone, never stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Typing {
    pub(crate) thread: ThreadNumber,
    pub(crate) person: PersonNumber,
    pub(crate) raw_id: String,
    /// Empty for none.
    pub(crate) name: String,
    /// When, in milliseconds since the epoch.
    pub(crate) at_ms: i64,
}

/// The notification of [`Typing`]; whoever types is not told.
pub(crate) fn encode_typing(typing: &Typing, thread_id: &str) -> Notification {
    let at = Timestamp::from_micros(typing.at_ms.saturating_mul(1000));
    Body::new(245, &typing.raw_id)
        .text("groupId", thread_id)
        .text("senderDisplayName", &typing.name)
        .text("version", &version(at))
        .time("originalArrivalTime", at)
        .finish(fleeting(typing.thread, Audience::Except(typing.person), at))
}

/// A reaction came or went: told over the bus to clients that asked for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Reaction {
    pub(crate) thread: ThreadNumber,
    pub(crate) raw_id: String,
    /// The id of the message.
    pub(crate) message: i64,
    /// When the message was sent, in milliseconds since the epoch: only whoever sees it is told.
    pub(crate) message_at_ms: i64,
    pub(crate) emoji: String,
    pub(crate) is_removed: bool,
    /// When, in milliseconds since the epoch.
    pub(crate) at_ms: i64,
}

/// The notification of [`Reaction`].
pub(crate) fn encode_reaction(reaction: &Reaction, thread_id: &str) -> Notification {
    let at = Timestamp::from_micros(reaction.at_ms.saturating_mul(1000));
    let written_at = Timestamp::from_micros(reaction.message_at_ms.saturating_mul(1000));
    let about = About {
        is_extension: true,
        written_at: Some(written_at),
        ..fleeting(reaction.thread, Audience::Members, at)
    };
    Body::new(if reaction.is_removed { 1002 } else { 1001 }, &reaction.raw_id)
        .text("groupId", thread_id)
        .text("messageId", &reaction.message.to_string())
        .text("emoji", &reaction.emoji)
        .time("time", at)
        .finish(about)
}

fn fleeting(thread: ThreadNumber, audience: Audience, at: Timestamp) -> About {
    let class = Class::Fleeting;
    About { thread, change: 0, class, audience, written_at: None, is_extension: false, at }
}

/// Metadata as it goes into a notification; clients want an object.
fn or_empty_object(metadata: &str) -> String {
    if metadata.is_empty() { "{}".to_owned() } else { metadata.to_owned() }
}

/// Metadata that says nothing is left out.
fn some_metadata(metadata: &str) -> Option<String> {
    (!matches!(metadata, "" | "{}")).then(|| metadata.to_owned())
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AttachmentBody {
    id: String,
    attachment_type: &'static str,
    name: String,
    url: String,
    preview_url: String,
}

#[derive(Serialize)]
struct Horizon<'a> {
    user: &'a str,
    /// The message, when it was read, and 0.
    consumptionhorizon: String,
    #[serde(rename = "messageVisibilityTime")]
    message_visibility_time: i64,
    version: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ParticipantBody<'a> {
    participant_id: &'a str,
    display_name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    share_history_time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    member_meta_data: Option<String>,
}

impl<'a> ParticipantBody<'a> {
    const fn named(raw_id: &'a str, name: &'a str) -> Self {
        Self { participant_id: raw_id, display_name: name, share_history_time: None, member_meta_data: None }
    }

    fn of_message(row: &'a MessagePersonRow) -> Self {
        Self {
            share_history_time: Some(super::body::date(row.share_history_at)),
            member_meta_data: some_metadata(&row.metadata),
            ..Self::named(&row.raw_id, &row.name)
        }
    }

    fn of_member(row: &'a MemberRow) -> Self {
        Self {
            share_history_time: Some(super::body::date(row.share_history_at)),
            member_meta_data: some_metadata(&row.metadata),
            ..Self::named(&row.raw_id, &row.name)
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PropertiesBody<'a> {
    topic: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    acs_chat_thread_metadata: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retention_policy: Option<String>,
}

impl<'a> PropertiesBody<'a> {
    fn of(properties: &'a Properties) -> Self {
        let policy = |days| {
            format!(
                "{{\"retentionPolicyType\":\"DeleteAfterCreationTime\",\"executeAfter\":\"{days}.00:00:00\"}}"
            )
        };
        Self {
            topic: &properties.topic,
            acs_chat_thread_metadata: some_metadata(&properties.metadata),
            retention_policy: properties.retention_days.map(policy),
        }
    }
}
