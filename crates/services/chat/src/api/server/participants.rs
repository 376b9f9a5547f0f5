//! Who takes part in any thread, and how far they have read.

use std::sync::Arc;

use http::StatusCode;
use serde_json::json;
use trunkline_chat_wire::{
    AddChatParticipantsRequest, AddChatParticipantsResult, CommunicationIdentifierModel,
};
use trunkline_web::{ApiError, Context, Reply};

use super::served;
use crate::api::listing::{LONG_PAGE_MAX, SHORT_PAGE_MAX, cut};
use crate::api::participants::{listed, tell_apart};
use crate::changes::{self, Committed};
use crate::error::ChatError;
use crate::rows::members::MembersFrom;
use crate::rows::receipts::ReceiptsFrom;
use crate::rows::{self, MemberRow, PersonNumber, ReceiptRow};
use crate::rules::participants::candidates;
use crate::rules::threads::key;
use crate::{ChatService, convert};

pub(crate) async fn chat_server_list_participants(
    service: Arc<ChatService>,
    context: Context,
) -> Result<Reply, ApiError> {
    let page_size = context.page_size_of(LONG_PAGE_MAX)?;
    let from: MembersFrom = context.continuation()?.unwrap_or_default();
    let served = served(&service, &context).await?;
    let mut found: Vec<MemberRow> = service
        .store
        .read(move |tx| {
            let (view, _) = served.enter(tx)?;
            Ok::<_, ChatError>(rows::list_members(tx, view.number, from, page_size.saturating_add(1))?)
        })
        .await?;
    let next = cut(&mut found, page_size).map(|last| MembersFrom { after: last.ordinal, skip: 0 });
    let page = context.page(found, next.as_ref()).map(|row| convert::participant(&row));
    Ok(Reply::json(StatusCode::OK, &page))
}

pub(crate) async fn chat_server_list_read_receipts(
    service: Arc<ChatService>,
    context: Context,
) -> Result<Reply, ApiError> {
    let page_size = context.page_size_of(SHORT_PAGE_MAX)?;
    let from = context.continuation()?.unwrap_or(ReceiptsFrom { after: PersonNumber::NOBODY, skip: 0 });
    let served = served(&service, &context).await?;
    let mut found: Vec<ReceiptRow> = service
        .store
        .read(move |tx| {
            let (view, _) = served.enter(tx)?;
            Ok::<_, ChatError>(rows::list_receipts(tx, view.number, from, page_size.saturating_add(1))?)
        })
        .await?;
    let next = cut(&mut found, page_size).map(|last| ReceiptsFrom { after: last.person, skip: 0 });
    let page = context.page(found, next.as_ref()).map(|row| convert::receipt(&row));
    Ok(Reply::json(StatusCode::OK, &page))
}

pub(crate) async fn chat_server_add_participants(
    service: Arc<ChatService>,
    context: Context,
) -> Result<Reply, ApiError> {
    let body: AddChatParticipantsRequest = context.json()?;
    let served = served(&service, &context).await?;
    let found = candidates(body.participants, served.resource)?;
    let (members, invalid) = tell_apart(&service, served.resource, found, None).await?;
    let people_max = service.settings.participants_max;
    let committed: Option<Committed> = service
        .store
        .write(key(served.resource, &served.thread), move |tx| -> Result<_, ChatError> {
            let (mut view, _) = served.enter_to_change(tx)?;
            let caller = &served.caller;
            let added = changes::add_participants(tx, &mut view, caller, &members, people_max, context.now)?;
            let people: Vec<&str> = members.iter().map(|member| &*member.raw_id).collect();
            if people.is_empty() {
                context.changes_nothing();
            } else {
                context.audit(tx, &served.thread, &json!({ "participants": people }))?;
            }
            Ok(added)
        })
        .await?;
    service.realtime.committed(committed.into_iter().collect());
    let result = AddChatParticipantsResult { invalid_participants: listed(invalid) };
    Ok(Reply::json(StatusCode::CREATED, &result))
}

pub(crate) async fn chat_server_remove_participant(
    service: Arc<ChatService>,
    context: Context,
) -> Result<Reply, ApiError> {
    let body: CommunicationIdentifierModel = context.json()?;
    let named = body.to_identifier().map_err(|error| ApiError::invalid("body", error.as_text()))?;
    let raw_id = named.raw_id();
    let served = served(&service, &context).await?;
    let committed: Option<Committed> = service
        .store
        .write(key(served.resource, &served.thread), move |tx| -> Result<_, ChatError> {
            let (mut view, _) = served.enter_to_change(tx)?;
            let removed = changes::remove_participant(tx, &mut view, &served.caller, &raw_id, context.now)?;
            match removed {
                Some(_) => context.audit(tx, &served.thread, &json!({ "participant": raw_id }))?,
                None => context.changes_nothing(),
            }
            Ok(removed)
        })
        .await?;
    service.realtime.committed(committed.into_iter().collect());
    Ok(Reply::empty(StatusCode::NO_CONTENT))
}
