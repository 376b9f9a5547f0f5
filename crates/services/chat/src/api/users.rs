//! What users have beyond the published operations.

mod presence;
mod reactions;
mod search;
mod sending;
mod showing;
mod unread;

use std::sync::Arc;

use trunkline_store::{StoreError, Tx};
use trunkline_web::Routes;

use crate::ChatService;
use crate::convert::users::Shown;
use crate::operations::users as operation;
use crate::rows::{MessageRow, PersonNumber, mentions, reactions as reaction_rows};

pub(super) fn routes(service: &Arc<ChatService>) -> Routes {
    Routes::new()
        .add(&operation::CHAT_USERS_SEND_MESSAGE, service, sending::chat_users_send_message)
        .add(&operation::CHAT_USERS_LIST_MESSAGES, service, showing::chat_users_list_messages)
        .add(&operation::CHAT_USERS_GET_MESSAGE, service, showing::chat_users_get_message)
        .add(&operation::CHAT_USERS_LIST_REPLIES, service, showing::chat_users_list_replies)
        .add(&operation::CHAT_USERS_ADD_REACTION, service, reactions::chat_users_add_reaction)
        .add(&operation::CHAT_USERS_REMOVE_REACTION, service, reactions::chat_users_remove_reaction)
        .add(&operation::CHAT_USERS_LIST_REACTIONS, service, reactions::chat_users_list_reactions)
        .add(&operation::CHAT_USERS_SEARCH, service, search::chat_users_search)
        .add(&operation::CHAT_USERS_LIST_UNREAD, service, unread::chat_users_list_unread)
        .add(&operation::CHAT_USERS_MARK_READ, service, unread::chat_users_mark_read)
        .add(&operation::CHAT_USERS_GET_PRESENCE, service, presence::chat_users_get_presence)
}

/// Messages with whom they name and the reactions to them, as `person` sees those.
fn load_shown(
    tx: &mut Tx<'_>,
    messages: Vec<MessageRow>,
    person: PersonNumber,
) -> Result<Vec<Shown>, StoreError> {
    let mut mentions = mentions::load(tx, &messages)?;
    let mut reactions = reaction_rows::summarize(tx, &messages, person)?;
    let shown = |row: MessageRow| Shown {
        mentions: mentions.remove(&row.number).unwrap_or_default(),
        reactions: reactions.remove(&row.number).unwrap_or_default(),
        row,
    };
    Ok(messages.into_iter().map(shown).collect())
}

/// One message with whom it names and the reactions to it.
fn load_one(tx: &mut Tx<'_>, message: MessageRow, person: PersonNumber) -> Result<Shown, StoreError> {
    Ok(load_shown(tx, vec![message], person)?.pop().expect("one message gives one"))
}
