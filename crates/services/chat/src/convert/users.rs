//! What users see beyond the published replies.

use trunkline_chat_wire::users::{
    ChatMention, ChatPresence, ChatReaction, ChatReactionSummary, ChatUserMessage,
};
use trunkline_chat_wire::{CommunicationIdentifierModel, Date};

use super::message;
use crate::rows::MessageRow;
use crate::rows::mentions::MentionRow;
use crate::rows::presence::PresenceRow;
use crate::rows::reactions::{ReactionRow, ReactionSummaryRow};

/// A message with what belongs to it.
#[derive(Clone, Debug)]
pub(crate) struct Shown {
    pub(crate) row: MessageRow,
    pub(crate) mentions: Vec<MentionRow>,
    pub(crate) reactions: Vec<ReactionSummaryRow>,
}

/// A message; `thread` is the absolute address of its thread.
pub(crate) fn user_message(shown: &Shown, thread: &str) -> ChatUserMessage {
    ChatUserMessage {
        message: message(&shown.row, thread),
        reply_to: shown.row.reply_to.map(|id| id.to_string()),
        mentions: shown.mentions.iter().map(mention).collect(),
        client_message_id: super::some(&shown.row.client_id),
        reactions: shown.reactions.iter().map(summary).collect(),
    }
}

/// Somebody a message names.
pub(crate) fn mention(row: &MentionRow) -> ChatMention {
    ChatMention { identifier: CommunicationIdentifierModel::of(&row.raw_id), text: row.text.clone() }
}

fn summary(row: &ReactionSummaryRow) -> ChatReactionSummary {
    ChatReactionSummary { emoji: row.emoji.clone(), count: row.count, is_own: row.is_own }
}

/// Somebody's reaction.
pub(crate) fn reaction(row: &ReactionRow) -> ChatReaction {
    ChatReaction {
        emoji: row.emoji.clone(),
        identifier: CommunicationIdentifierModel::of(&row.raw_id),
        added_on: Date(row.at),
    }
}

/// Whether somebody is there.
pub(crate) fn presence(row: &PresenceRow) -> ChatPresence {
    ChatPresence {
        identifier: CommunicationIdentifierModel::of(&row.raw_id),
        is_online: row.is_online,
        last_seen_on: row.last_seen_at.filter(|_| !row.is_online).map(Date),
    }
}
