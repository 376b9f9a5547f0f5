//! Messages that answer others, name people, and are sent once however often they are asked for.

use std::sync::Arc;

use http::{StatusCode, header};
use trunkline_chat_wire::users::SendUserMessageRequest;
use trunkline_kernel::ResourceId;
use trunkline_store::{StoreError, Tx};
use trunkline_web::context::encode;
use trunkline_web::{ApiError, Context, Reply};

use super::load_one;
use crate::api::messages::new_message;
use crate::api::{Asked, asked};
use crate::changes::{self, Committed, NewMessage};
use crate::convert::users::{Shown, user_message};
use crate::error::ChatError;
use crate::rows::members::find_member_by_raw_id;
use crate::rows::mentions::{self, MentionRow};
use crate::rows::messages::find_by_client_id;
use crate::rows::{self, MessageRow, ThreadView};
use crate::rules::access::{self, Wanted, Window};
use crate::rules::messages::message_id;
use crate::rules::threads::key;
use crate::{ChatService, convert, rules};

/// The longest name an application gives a message; a GUID has 36.
const CLIENT_ID_CHARS_MAX: usize = 128;

/// A message to be sent, and what the transaction has yet to look up.
struct Wish {
    new: NewMessage,
    /// The id of the message it answers.
    reply_to: Option<i64>,
    /// Raw ids, and how the message names them.
    mentions: Vec<(String, String)>,
}

pub(super) async fn chat_users_send_message(
    service: Arc<ChatService>,
    context: Context,
) -> Result<Reply, ApiError> {
    let body: SendUserMessageRequest = context.json()?;
    let Asked { resource, thread, caller } = asked(&service, &context).await?;
    let wish = Wish {
        reply_to: body
            .reply_to
            .map(|id| message_id(&id).ok_or(ChatError::ReplyTargetNotFound))
            .transpose()?,
        mentions: rules::mentions::check(body.mentions)?,
        new: NewMessage {
            client_id: check_client_id(body.client_message_id)?,
            ..new_message(&service, resource, body.message, &caller)?
        },
    };
    let url = convert::thread_url(&context, &thread);
    let place = format!("{}/trunkline/chat/threads/{}/messages", context.origin(), encode(&thread));
    let (shown, committed): (Shown, Option<Committed>) = service
        .store
        .write(key(resource, &thread), move |tx| -> Result<_, ChatError> {
            let (mut view, window) = access::enter(tx, resource, &thread, &caller, Wanted::Write)?;
            if let Some(sent) = find_sent(tx, &wish, &view)? {
                return Ok((load_one(tx, sent, caller.person)?, None));
            }
            let new = fulfil(tx, &wish, &view, &window, resource)?;
            let (sent, committed) = changes::send_message(tx, &mut view, &new, context.now)?;
            let shown = load_one(tx, (*sent).clone(), caller.person)?;
            context.count_usage(tx, 1)?;
            Ok((shown, Some(committed)))
        })
        .await?;
    let status = if committed.is_some() { StatusCode::CREATED } else { StatusCode::OK };
    service.realtime.committed(committed.into_iter().collect());
    let place = format!("{place}/{}", shown.row.id);
    Ok(Reply::json(status, &user_message(&shown, &url)).with_header(header::LOCATION, &place))
}

/// **Errors**: 400 for a long name.
fn check_client_id(id: Option<String>) -> Result<String, ApiError> {
    let id = id.unwrap_or_default();
    if id.chars().count() > CLIENT_ID_CHARS_MAX {
        let message = format!("clientMessageId has more than {CLIENT_ID_CHARS_MAX} characters.");
        return Err(ApiError::invalid("clientMessageId", message));
    }
    Ok(id)
}

/// The message, if it was sent before.
fn find_sent(tx: &mut Tx<'_>, wish: &Wish, view: &ThreadView) -> Result<Option<MessageRow>, StoreError> {
    let new = &wish.new;
    if new.client_id.is_empty() {
        return Ok(None);
    }
    find_by_client_id(tx, view.number, new.sender, &new.client_id)
}

/// The message with what was looked up.
///
/// **Errors**: no message to answer; somebody is named who does not take part.
fn fulfil(
    tx: &mut Tx<'_>,
    wish: &Wish,
    view: &ThreadView,
    window: &Window,
    resource: ResourceId,
) -> Result<NewMessage, ChatError> {
    let mut new = wish.new.clone();
    if let Some(id) = wish.reply_to {
        let found = rows::find_message(tx, view.number, id)?.filter(|message| {
            window.shows(message) && !message.kind.is_system() && message.deleted_at.is_none()
        });
        new.reply_to = Some(found.ok_or(ChatError::ReplyTargetNotFound)?.id);
    }
    let mut named = Vec::with_capacity(wish.mentions.len());
    for (raw_id, text) in &wish.mentions {
        let member = find_member_by_raw_id(tx, view.number, resource, raw_id)?;
        let member = member.filter(|member| member.removed_change.is_none());
        let member = member.ok_or_else(|| ChatError::MentionNotAParticipant(raw_id.clone()))?;
        named.push(MentionRow { person: member.person, raw_id: raw_id.as_str().into(), text: text.clone() });
    }
    new.mentions = mentions::write(&named);
    Ok(new)
}
