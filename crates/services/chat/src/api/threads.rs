//! Threads are created and deleted.

use std::sync::Arc;

use http::{StatusCode, header};
use trunkline_chat_wire::{ChatParticipant, CreateChatThreadRequest, CreateChatThreadResult};
use trunkline_kernel::Timestamp;
use trunkline_store::Tx;
use trunkline_web::repeatability::Repeatability;
use trunkline_web::{ApiError, Context, Reply};

use super::{Asked, asked, caller};
use crate::changes::{self, Committed, NewMember, NewThread};
use crate::error::ChatError;
use crate::rows::{self, PersonNumber, ThreadRow};
use crate::rules::access::{self, Caller, Wanted};
use crate::rules::metadata;
use crate::rules::participants::candidates;
use crate::rules::threads::{check_topic, key, new_id};
use crate::{ChatService, convert};

use super::participants::{listed, tell_apart};
use super::properties::retention_days;

pub(crate) async fn chat_create_chat_thread(
    service: Arc<ChatService>,
    context: Context,
) -> Result<Reply, ApiError> {
    let body: CreateChatThreadRequest = context.json()?;
    let repeatability = context.repeatability()?;
    check_topic(&body.topic)?;
    let pairs = body.metadata.unwrap_or_default();
    metadata::check(&pairs, metadata::METADATA_BYTES_MAX)?;
    let retention_days = retention_days(&service, body.retention_policy.as_ref())?;
    let caller = caller(&service, &context).await?;
    let resource = context.resource().id;
    let named: Vec<ChatParticipant> = body.participants.unwrap_or_default();
    let found = candidates(named, resource)?;
    let (members, invalid) = tell_apart(&service, resource, found, Some(&caller.raw_id)).await?;
    let members = with_creator(&caller, members);
    let people_max = service.settings.participants_max;
    if members.len() > people_max as usize {
        return Err(ChatError::TooManyParticipants { people_max }.into());
    }
    let new = NewThread {
        resource,
        id: new_id(&*service.entropy).into(),
        topic: body.topic,
        metadata: metadata::write(&pairs),
        retention_days,
        creator_raw: Arc::clone(&caller.raw_id),
        members,
    };
    let now = context.now;
    let row = create(&service, repeatability, new, caller, now).await?;
    let result = CreateChatThreadResult {
        chat_thread: Some(convert::thread(&row)),
        invalid_participants: listed(invalid),
    };
    Ok(Reply::json(StatusCode::CREATED, &result)
        .with_header(header::LOCATION, &convert::thread_url(&context, &row.id)))
}

/// Everybody who is in the thread from the beginning, the creator first; their own entry gives name and metadata.
fn with_creator(caller: &Caller, members: Vec<NewMember>) -> Vec<NewMember> {
    let (own, others): (Vec<_>, Vec<_>) =
        members.into_iter().partition(|member| member.raw_id == caller.raw_id);
    let mut creator = own.into_iter().next().unwrap_or_else(|| NewMember {
        raw_id: Arc::clone(&caller.raw_id),
        name: None,
        metadata: None,
        share_history_at: Timestamp::EPOCH,
    });
    creator.share_history_at = Timestamp::EPOCH;
    std::iter::once(creator).chain(others).collect()
}

async fn create(
    service: &ChatService,
    repeatability: Option<Repeatability>,
    new: NewThread,
    caller: Caller,
    now: Timestamp,
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
                return Ok((created_before(tx, &new, &id, &caller, now)?, Vec::new()));
            }
            let created = changes::create_thread(tx, &new, now)?;
            if let Some(repeatability) = &repeatability {
                repeatability.record(tx, &new.id)?;
            }
            Ok(created)
        })
        .await?;
    service.realtime.committed(committed);
    Ok(row)
}

/// The thread that the first request of this kind made.
fn created_before(
    tx: &mut Tx<'_>,
    new: &NewThread,
    id: &str,
    caller: &Caller,
    now: Timestamp,
) -> Result<ThreadRow, ChatError> {
    let person = match caller.person {
        PersonNumber::NOBODY => rows::person(tx, new.resource, &caller.raw_id, now)?,
        person => person,
    };
    let caller = Caller { person, ..caller.clone() };
    let (view, _) = access::enter(tx, new.resource, id, &caller, Wanted::Read)?;
    rows::threads::find_thread(tx, view.number)?.ok_or(ChatError::ThreadNotFound)
}

pub(crate) async fn chat_delete_chat_thread(
    service: Arc<ChatService>,
    context: Context,
) -> Result<Reply, ApiError> {
    let Asked { resource, thread, caller } = asked(&service, &context).await?;
    let committed: Committed = service
        .store
        .write(key(resource, &thread), move |tx| -> Result<_, ChatError> {
            let (mut view, _) = access::enter(tx, resource, &thread, &caller, Wanted::Manage)?;
            changes::delete_thread(tx, &mut view, Some(&caller), context.now)
        })
        .await?;
    service.realtime.committed(vec![committed]);
    Ok(Reply::empty(StatusCode::NO_CONTENT))
}
