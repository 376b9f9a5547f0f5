//! Messages with whom they name and the reactions to them.

use std::sync::Arc;

use http::StatusCode;
use trunkline_web::{ApiError, Context, Reply};

use super::{load_one, load_shown};
use crate::api::listing::{LONG_PAGE_MAX, cut};
use crate::api::{Asked, asked, message_id};
use crate::convert::users::{Shown, user_message};
use crate::error::ChatError;
use crate::rows::messages::{RepliesFrom, list_replies};
use crate::rows::{self, MessagesFrom};
use crate::rules::access::{self, Wanted};
use crate::{ChatService, convert};

pub(super) async fn chat_users_get_message(
    service: Arc<ChatService>,
    context: Context,
) -> Result<Reply, ApiError> {
    let id = message_id(&context)?;
    let Asked { resource, thread, caller } = asked(&service, &context).await?;
    let url = convert::thread_url(&context, &thread);
    let shown: Shown = service
        .store
        .read(move |tx| {
            let (view, window) = access::enter(tx, resource, &thread, &caller, Wanted::Read)?;
            let message = access::load_message(tx, &view, &window, id)?;
            Ok::<_, ChatError>(load_one(tx, message, caller.person)?)
        })
        .await?;
    Ok(Reply::json(StatusCode::OK, &user_message(&shown, &url)))
}

pub(super) async fn chat_users_list_messages(
    service: Arc<ChatService>,
    context: Context,
) -> Result<Reply, ApiError> {
    let page_size = context.page_size_of(LONG_PAGE_MAX)?;
    let from = context.continuation()?.unwrap_or_default();
    let Asked { resource, thread, caller } = asked(&service, &context).await?;
    let url = convert::thread_url(&context, &thread);
    let (found, next): (Vec<Shown>, Option<MessagesFrom>) = service
        .store
        .read(move |tx| {
            let (view, window) = access::enter(tx, resource, &thread, &caller, Wanted::Read)?;
            let (rows, next) = rows::list_messages(tx, view.number, &window, &from, page_size)?;
            Ok::<_, ChatError>((load_shown(tx, rows, caller.person)?, next))
        })
        .await?;
    let page = context.page(found, next.as_ref()).map(|shown| user_message(&shown, &url));
    Ok(Reply::json(StatusCode::OK, &page))
}

pub(super) async fn chat_users_list_replies(
    service: Arc<ChatService>,
    context: Context,
) -> Result<Reply, ApiError> {
    let page_size = context.page_size_of(LONG_PAGE_MAX)?;
    let from: RepliesFrom = context.continuation()?.unwrap_or_default();
    let id = message_id(&context)?;
    let Asked { resource, thread, caller } = asked(&service, &context).await?;
    let url = convert::thread_url(&context, &thread);
    let mut found: Vec<Shown> = service
        .store
        .read(move |tx| {
            let (view, window) = access::enter(tx, resource, &thread, &caller, Wanted::Read)?;
            let message = access::load_message(tx, &view, &window, id)?;
            let limit = page_size.saturating_add(1);
            let rows = list_replies(tx, view.number, &window, message.id, from, limit)?;
            Ok::<_, ChatError>(load_shown(tx, rows, caller.person)?)
        })
        .await?;
    let next = cut(&mut found, page_size).map(|last| RepliesFrom { after: last.row.id });
    let page = context.page(found, next.as_ref()).map(|shown| user_message(&shown, &url));
    Ok(Reply::json(StatusCode::OK, &page))
}
