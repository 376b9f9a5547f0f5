//! Lists: threads, messages, participants, receipts.

use std::sync::Arc;

use http::StatusCode;
use trunkline_web::{ApiError, Context, Reply};

use super::{Asked, asked, caller};
use crate::error::ChatError;
use crate::rows::members::MembersFrom;
use crate::rows::receipts::ReceiptsFrom;
use crate::rows::threads::ThreadsFrom;
use crate::rows::{self, MemberRow, MessageRow, MessagesFrom, PersonNumber, ReceiptRow, ThreadRow};
use crate::rules::access::{self, Wanted};
use crate::{ChatService, convert};

/// Messages and participants on a page: the published batch.
pub(crate) const LONG_PAGE_MAX: u32 = 200;
/// Threads and receipts on a page.
pub(crate) const SHORT_PAGE_MAX: u32 = 100;

/// Cuts what was read with one row too many to the page; returns the last row when there are more behind it.
pub(crate) fn cut<T>(rows: &mut Vec<T>, page_size: u32) -> Option<&T> {
    let has_more = rows.len() > page_size as usize;
    rows.truncate(page_size as usize);
    rows.last().filter(|_| has_more)
}

pub(crate) async fn chat_list_chat_threads(
    service: Arc<ChatService>,
    context: Context,
) -> Result<Reply, ApiError> {
    let page_size = context.page_size_of(SHORT_PAGE_MAX)?;
    let start = context.time_query("startTime")?;
    let from = context.continuation()?.unwrap_or(ThreadsFrom { before: None, start });
    let person = caller(&service, &context).await?.person;
    let asked_from = from.clone();
    let mut found: Vec<ThreadRow> = service
        .store
        .read(move |tx| {
            Ok::<_, ChatError>(rows::list_threads(tx, person, &asked_from, page_size.saturating_add(1))?)
        })
        .await?;
    let next = cut(&mut found, page_size);
    let next = next.map(|last| ThreadsFrom { before: Some(last.place), start: from.start });
    let page = context.page(found, next.as_ref()).map(|row| convert::thread_item(&row));
    Ok(Reply::json(StatusCode::OK, &page))
}

pub(crate) async fn chat_thread_list_chat_messages(
    service: Arc<ChatService>,
    context: Context,
) -> Result<Reply, ApiError> {
    let page_size = context.page_size_of(LONG_PAGE_MAX)?;
    let start = context.time_query("startTime")?;
    let from = context.continuation()?.unwrap_or(MessagesFrom { start, ..MessagesFrom::default() });
    let Asked { resource, thread, caller } = asked(&service, &context).await?;
    let url = convert::thread_url(&context, &thread);
    let (found, next): (Vec<MessageRow>, Option<MessagesFrom>) = service
        .store
        .read(move |tx| {
            let (view, window) = access::enter(tx, resource, &thread, &caller, Wanted::Read)?;
            Ok::<_, ChatError>(rows::list_messages(tx, view.number, &window, &from, page_size)?)
        })
        .await?;
    let page = context.page(found, next.as_ref()).map(|row| convert::message(&row, &url));
    Ok(Reply::json(StatusCode::OK, &page))
}

pub(crate) async fn chat_thread_list_chat_participants(
    service: Arc<ChatService>,
    context: Context,
) -> Result<Reply, ApiError> {
    let page_size = context.page_size_of(LONG_PAGE_MAX)?;
    let skip = context.skip()?;
    let from = context.continuation()?.unwrap_or(MembersFrom { after: 0, skip });
    let Asked { resource, thread, caller } = asked(&service, &context).await?;
    let mut found: Vec<MemberRow> = service
        .store
        .read(move |tx| {
            let (view, _) = access::enter(tx, resource, &thread, &caller, Wanted::Write)?;
            Ok::<_, ChatError>(rows::list_members(tx, view.number, from, page_size.saturating_add(1))?)
        })
        .await?;
    let next = cut(&mut found, page_size).map(|last| MembersFrom { after: last.ordinal, skip: 0 });
    let page = context.page(found, next.as_ref()).map(|row| convert::participant(&row));
    Ok(Reply::json(StatusCode::OK, &page))
}

pub(crate) async fn chat_thread_list_chat_read_receipts(
    service: Arc<ChatService>,
    context: Context,
) -> Result<Reply, ApiError> {
    let page_size = context.page_size_of(SHORT_PAGE_MAX)?;
    let skip = context.skip()?;
    let from = context.continuation()?.unwrap_or(ReceiptsFrom { after: PersonNumber::NOBODY, skip });
    let Asked { resource, thread, caller } = asked(&service, &context).await?;
    let mut found: Vec<ReceiptRow> = service
        .store
        .read(move |tx| {
            let (view, _) = access::enter(tx, resource, &thread, &caller, Wanted::Write)?;
            Ok::<_, ChatError>(rows::list_receipts(tx, view.number, from, page_size.saturating_add(1))?)
        })
        .await?;
    let next = cut(&mut found, page_size).map(|last| ReceiptsFrom { after: last.person, skip: 0 });
    let page = context.page(found, next.as_ref()).map(|row| convert::receipt(&row));
    Ok(Reply::json(StatusCode::OK, &page))
}
