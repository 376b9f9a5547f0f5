//! Reactions to messages. They are told over the bus to clients that asked for them, and make no change of the thread.

use std::sync::Arc;

use http::StatusCode;
use trunkline_store::Tx;
use trunkline_web::{ApiError, Context, Reply};

use crate::api::listing::{LONG_PAGE_MAX, cut};
use crate::api::{Asked, asked, message_id};
use crate::error::ChatError;
use crate::notify::Reaction;
use crate::rows::reactions::{self, ReactionRow, ReactionsFrom};
use crate::rows::threads::milliseconds;
use crate::rows::{MessageRow, PersonNumber};
use crate::rules::access::{self, Wanted};
use crate::rules::reactions::{KINDS_MAX, allow_reaction, check_emoji};
use crate::rules::threads::key;
use crate::{ChatService, convert};

pub(super) async fn chat_users_add_reaction(
    service: Arc<ChatService>,
    context: Context,
) -> Result<Reply, ApiError> {
    let now = context.now;
    react(service, context, false, move |tx, message, person, emoji| {
        allow_reaction(message)?;
        if reactions::count_others(tx, message, emoji)? >= KINDS_MAX {
            return Err(ChatError::TooManyReactions { kinds_max: KINDS_MAX });
        }
        Ok(reactions::insert_reaction(tx, message, person, emoji, now)?)
    })
    .await
}

pub(super) async fn chat_users_remove_reaction(
    service: Arc<ChatService>,
    context: Context,
) -> Result<Reply, ApiError> {
    react(service, context, true, |tx, message, person, emoji| {
        Ok(reactions::delete_reaction(tx, message, person, emoji)?)
    })
    .await
}

/// Changes the caller's reaction with `act`, which says whether anything changed, and tells of it.
async fn react<F>(
    service: Arc<ChatService>,
    context: Context,
    is_removed: bool,
    act: F,
) -> Result<Reply, ApiError>
where
    F: Fn(&mut Tx<'_>, &MessageRow, PersonNumber, &str) -> Result<bool, ChatError> + Send + Sync + 'static,
{
    let emoji = context.path("emoji").to_owned();
    check_emoji(&emoji)?;
    let id = message_id(&context)?;
    let Asked { resource, thread, caller } = asked(&service, &context).await?;
    let at_ms = milliseconds(context.now);
    let changed: Option<Reaction> = service
        .store
        .write(key(resource, &thread), move |tx| -> Result<_, ChatError> {
            let (view, window) = access::enter(tx, resource, &thread, &caller, Wanted::Write)?;
            let message = access::load_message(tx, &view, &window, id)?;
            let is_changed = act(tx, &message, caller.person, &emoji)?;
            Ok(is_changed.then(|| Reaction {
                thread: view.number,
                raw_id: caller.raw_id.to_string(),
                message: message.id,
                message_at_ms: milliseconds(message.created_at),
                emoji: emoji.clone(),
                is_removed,
                at_ms,
            }))
        })
        .await?;
    if let Some(reaction) = changed {
        service.realtime.reaction(&reaction);
    }
    Ok(Reply::empty(StatusCode::NO_CONTENT))
}

pub(super) async fn chat_users_list_reactions(
    service: Arc<ChatService>,
    context: Context,
) -> Result<Reply, ApiError> {
    let page_size = context.page_size_of(LONG_PAGE_MAX)?;
    let from: ReactionsFrom = context.continuation()?.unwrap_or_default();
    let id = message_id(&context)?;
    let Asked { resource, thread, caller } = asked(&service, &context).await?;
    let mut found: Vec<ReactionRow> = service
        .store
        .read(move |tx| {
            let (view, window) = access::enter(tx, resource, &thread, &caller, Wanted::Read)?;
            let message = access::load_message(tx, &view, &window, id)?;
            let limit = page_size.saturating_add(1);
            Ok::<_, ChatError>(reactions::list_reactions(tx, &message, caller.person, &from, limit)?)
        })
        .await?;
    let next = cut(&mut found, page_size);
    let next = next.map(|last| ReactionsFrom { emoji: last.emoji.clone(), person: last.person.0 });
    let page = context.page(found, next.as_ref()).map(|row| convert::users::reaction(&row));
    Ok(Reply::json(StatusCode::OK, &page))
}
