//! Any thread: listed, shown, created, deleted.

use std::sync::Arc;

use http::{StatusCode, header};
use serde::{Deserialize, Serialize};
use serde_json::json;
use trunkline_chat_wire::server::ServerThread;
use trunkline_chat_wire::{CreateChatThreadRequest, CreateChatThreadResult, Date};
use trunkline_web::context::encode;
use trunkline_web::repeatability::Repeatability;
use trunkline_web::{ApiError, Context, Reply};

use super::{resource, served};
use crate::api::listing::{SHORT_PAGE_MAX, cut};
use crate::api::participants::{listed, tell_apart};
use crate::api::properties::retention_days;
use crate::changes::{self, Committed, NewThread};
use crate::error::ChatError;
use crate::rows::{self, PersonNumber, ThreadRow};
use crate::rules::metadata;
use crate::rules::participants::candidates;
use crate::rules::threads::{check_topic, key, new_id};
use crate::{ChatService, convert};

/// Where a page starts.
#[derive(Clone, Copy, Serialize, Deserialize)]
struct From {
    /// Only threads with a lower number.
    before: Option<i64>,
    /// Only threads this person is in.
    person: Option<PersonNumber>,
}

pub(crate) async fn chat_server_list_threads(
    service: Arc<ChatService>,
    context: Context,
) -> Result<Reply, ApiError> {
    let page_size = context.page_size_of(SHORT_PAGE_MAX)?;
    let resource = resource(&context).await?.id;
    let from = match context.continuation()? {
        Some(from) => from,
        None => first_page(&service, &context, resource).await?,
    };
    let mut found: Vec<ThreadRow> = service
        .store
        .read(move |tx| {
            let limit = page_size.saturating_add(1);
            Ok::<_, ChatError>(rows::threads::list_all_threads(
                tx,
                resource,
                from.person,
                from.before,
                limit,
            )?)
        })
        .await?;
    let next = cut(&mut found, page_size).map(|last| From { before: Some(last.place), ..from });
    let page = context.page(found, next.as_ref()).map(|row| shown(&row));
    Ok(Reply::json(StatusCode::OK, &page))
}

async fn first_page(
    service: &ChatService,
    context: &Context,
    resource: trunkline_kernel::ResourceId,
) -> Result<From, ApiError> {
    let person = match context.query("participant") {
        None => None,
        Some(raw_id) => Some(service.person(resource, &raw_id.into()).await?),
    };
    Ok(From { before: None, person })
}

/// A thread as applications see it.
pub(super) fn shown(row: &ThreadRow) -> ServerThread {
    ServerThread {
        thread: convert::thread(row),
        last_message_received_on: row.last_message_at.map(Date),
        participant_count: row.member_count,
        is_importing: row.is_importing,
    }
}

pub(crate) async fn chat_server_get_thread(
    service: Arc<ChatService>,
    context: Context,
) -> Result<Reply, ApiError> {
    let served = served(&service, &context).await?;
    let row: ThreadRow = service
        .store
        .read(move |tx| {
            let (view, _) = served.enter(tx)?;
            rows::threads::find_thread(tx, view.number)?.ok_or(ChatError::ThreadNotFound)
        })
        .await?;
    Ok(Reply::json(StatusCode::OK, &shown(&row)))
}

pub(crate) async fn chat_server_create_thread(
    service: Arc<ChatService>,
    context: Context,
) -> Result<Reply, ApiError> {
    let body: CreateChatThreadRequest = context.json()?;
    let repeatability = context.repeatability()?;
    check_topic(&body.topic)?;
    let pairs = body.metadata.unwrap_or_default();
    metadata::check(&pairs, metadata::METADATA_BYTES_MAX)?;
    let retention_days = retention_days(&service, body.retention_policy.as_ref())?;
    let view = resource(&context).await?;
    let found = candidates(body.participants.unwrap_or_default(), view.id)?;
    let (members, invalid) = tell_apart(&service, view.id, found, None).await?;
    let people_max = service.settings.participants_max;
    if members.len() > people_max as usize {
        return Err(ChatError::TooManyParticipants { people_max }.into());
    }
    let new = NewThread {
        resource: view.id,
        id: new_id(&*service.entropy).into(),
        topic: body.topic,
        metadata: metadata::write(&pairs),
        retention_days,
        creator_raw: service.server_caller(view.id).await?.raw_id,
        members,
    };
    let row = create(&service, context, repeatability, new).await?;
    let result = CreateChatThreadResult {
        chat_thread: Some(convert::thread(&row)),
        invalid_participants: listed(invalid),
    };
    let location = format!("{}/trunkline/chat/server/threads/{}", view.origin, encode(&row.id));
    Ok(Reply::json(StatusCode::CREATED, &result).with_header(header::LOCATION, &location))
}

async fn create(
    service: &ChatService,
    context: Context,
    repeatability: Option<Repeatability>,
    new: NewThread,
) -> Result<ThreadRow, ApiError> {
    let key = match &repeatability {
        Some(repeatability) => repeatability.store_key(),
        None => key(new.resource, &new.id),
    };
    let (row, committed): (ThreadRow, Vec<Committed>) = service
        .store
        .write(key, move |tx| -> Result<_, ChatError> {
            if let Some(repeatability) = &repeatability
                && let Some(id) = repeatability.find(tx)?
            {
                let view = rows::load_view(tx, new.resource, &id, PersonNumber::NOBODY)?;
                let number = view.ok_or(ChatError::ThreadNotFound)?.number;
                let made = rows::threads::find_thread(tx, number)?.filter(|row| row.deleted_at.is_none());
                return Ok((made.ok_or(ChatError::ThreadNotFound)?, Vec::new()));
            }
            let created = changes::create_thread(tx, &new, context.now)?;
            if let Some(repeatability) = &repeatability {
                repeatability.record(tx, &new.id)?;
            }
            context.audit(tx, &new.id, &json!({ "participants": new.members.len() }))?;
            Ok(created)
        })
        .await?;
    service.realtime.committed(committed);
    Ok(row)
}

pub(crate) async fn chat_server_delete_thread(
    service: Arc<ChatService>,
    context: Context,
) -> Result<Reply, ApiError> {
    let served = served(&service, &context).await?;
    let committed: Committed = service
        .store
        .write(key(served.resource, &served.thread), move |tx| -> Result<_, ChatError> {
            let (mut view, _) = served.enter(tx)?;
            context.audit(tx, &served.thread, &json!({}))?;
            changes::delete_thread(tx, &mut view, Some(&served.caller), context.now)
        })
        .await?;
    service.realtime.committed(vec![committed]);
    Ok(Reply::empty(StatusCode::NO_CONTENT))
}
