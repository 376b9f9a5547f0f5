//! What the caller has not read yet.

use std::sync::Arc;

use http::StatusCode;
use trunkline_chat_wire::users::{ChatUnread, MarkReadRequest};
use trunkline_web::{ApiError, Context, Reply};

use crate::ChatService;
use crate::api::listing::{SHORT_PAGE_MAX, cut};
use crate::api::{Asked, asked, caller};
use crate::changes::{self, Committed};
use crate::error::ChatError;
use crate::rows::messages::find_newest;
use crate::rows::unread::{self, UnreadFrom, UnreadRow};
use crate::rules::access::{self, Wanted};
use crate::rules::messages::message_id;
use crate::rules::threads::key;

/// Messages that are counted in one thread: no badge shows more.
const COUNT_MAX: u32 = 1000;

pub(super) async fn chat_users_list_unread(
    service: Arc<ChatService>,
    context: Context,
) -> Result<Reply, ApiError> {
    let page_size = context.page_size_of(SHORT_PAGE_MAX)?;
    let from = context.continuation()?.unwrap_or(UnreadFrom { before: i64::MAX });
    let person = caller(&service, &context).await?.person;
    let (found, next): (Vec<(UnreadRow, u32)>, Option<UnreadFrom>) = service
        .store
        .read(move |tx| -> Result<_, ChatError> {
            let mut rows = unread::list_unread(tx, person, from, page_size.saturating_add(1))?;
            let next = cut(&mut rows, page_size).map(|last| UnreadFrom { before: last.joined });
            let mut counted = Vec::with_capacity(rows.len());
            for row in rows {
                let count = unread::count_unread(tx, person, &row, COUNT_MAX + 1)?;
                counted.push((row, count));
            }
            Ok((counted, next))
        })
        .await?;
    let page = context.page(found, next.as_ref()).map(|(row, count)| ChatUnread {
        chat_thread_id: row.id,
        count: count.min(COUNT_MAX),
        is_more: count > COUNT_MAX,
    });
    Ok(Reply::json(StatusCode::OK, &page))
}

pub(super) async fn chat_users_mark_read(
    service: Arc<ChatService>,
    context: Context,
) -> Result<Reply, ApiError> {
    let body: MarkReadRequest = context.json_or_default()?;
    let id = body.chat_message_id.map(|id| message_id(&id).ok_or(ChatError::MessageNotFound)).transpose()?;
    let Asked { resource, thread, caller } = asked(&service, &context).await?;
    let within = Arc::clone(&service);
    let committed: Option<Committed> = service
        .store
        .write(key(resource, &thread), move |tx| -> Result<_, ChatError> {
            let (mut view, window) = access::enter(tx, resource, &thread, &caller, Wanted::Write)?;
            let message = match id {
                Some(id) => Some(access::load_message(tx, &view, &window, id)?),
                None => find_newest(tx, view.number, &window)?,
            };
            let Some(message) = message else { return Ok(None) };
            if within.tells_of_people(&view) {
                return changes::send_receipt(tx, &mut view, &caller, &message, context.now);
            }
            unread::mark_read(tx, view.number, caller.person, message.id)?;
            Ok(None)
        })
        .await?;
    service.realtime.committed(committed.into_iter().collect());
    Ok(Reply::empty(StatusCode::NO_CONTENT))
}
