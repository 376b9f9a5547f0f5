//! Who takes part.

use std::sync::Arc;

use http::StatusCode;
use trunkline_chat_wire::{
    AddChatParticipantsRequest, AddChatParticipantsResult, CommunicationError, CommunicationIdentifierModel,
};
use trunkline_kernel::ResourceId;
use trunkline_web::{ApiError, Context, Reply};

use super::{Asked, asked};
use crate::ChatService;
use crate::changes::{self, Committed, NewMember};
use crate::error::ChatError;
use crate::rules::access::{self, Wanted};
use crate::rules::participants::{Candidate, candidates};
use crate::rules::threads::key;

pub(crate) async fn chat_thread_add_chat_participants(
    service: Arc<ChatService>,
    context: Context,
) -> Result<Reply, ApiError> {
    let body: AddChatParticipantsRequest = context.json()?;
    let Asked { resource, thread, caller } = asked(&service, &context).await?;
    let found = candidates(body.participants, resource)?;
    let (members, invalid) = tell_apart(&service, resource, found, None).await?;
    let people_max = service.settings.participants_max;
    let committed: Option<Committed> = service
        .store
        .write(key(resource, &thread), move |tx| -> Result<_, ChatError> {
            let (mut view, _) = access::enter(tx, resource, &thread, &caller, Wanted::Manage)?;
            changes::add_participants(tx, &mut view, &caller, &members, people_max, context.now)
        })
        .await?;
    service.realtime.committed(committed.into_iter().collect());
    let result = AddChatParticipantsResult { invalid_participants: listed(invalid) };
    Ok(Reply::json(StatusCode::CREATED, &result))
}

/// Those who can take part, and what is wrong with the others. `known` is somebody who need not be asked for.
pub(crate) async fn tell_apart(
    service: &ChatService,
    resource: ResourceId,
    candidates: Vec<Candidate>,
    known: Option<&str>,
) -> Result<(Vec<NewMember>, Vec<CommunicationError>), ApiError> {
    let is_asked = |candidate: &Candidate| candidate.is_possible() && Some(&*candidate.raw_id) != known;
    let asked: Vec<String> =
        candidates.iter().filter(|candidate| is_asked(candidate)).map(|c| c.raw_id.clone()).collect();
    let answers = if asked.is_empty() { Vec::new() } else { service.users.known(resource, asked).await? };
    let mut answers = answers.into_iter();
    let (mut members, mut invalid) = (Vec::with_capacity(candidates.len()), Vec::new());
    for candidate in candidates {
        let is_user = if is_asked(&candidate) {
            answers.next().unwrap_or(false)
        } else {
            Some(&*candidate.raw_id) == known
        };
        if is_user {
            members.push(NewMember {
                raw_id: candidate.raw_id.into(),
                name: candidate.name,
                metadata: candidate.metadata,
                share_history_at: candidate.share_history_at,
            });
        } else {
            invalid.push(candidate.refusal());
        }
    }
    Ok((members, invalid))
}

/// The list on the wire, which is absent when it would be empty.
pub(crate) fn listed(invalid: Vec<CommunicationError>) -> Option<Vec<CommunicationError>> {
    Some(invalid).filter(|invalid| !invalid.is_empty())
}

pub(crate) async fn chat_thread_remove_chat_participant(
    service: Arc<ChatService>,
    context: Context,
) -> Result<Reply, ApiError> {
    let body: CommunicationIdentifierModel = context.json()?;
    let named = body.to_identifier().map_err(|error| ApiError::invalid("body", error.as_text()))?;
    let raw_id = named.raw_id();
    let Asked { resource, thread, caller } = asked(&service, &context).await?;
    let committed: Option<Committed> = service
        .store
        .write(key(resource, &thread), move |tx| -> Result<_, ChatError> {
            let (mut view, _) = access::enter(tx, resource, &thread, &caller, Wanted::Manage)?;
            changes::remove_participant(tx, &mut view, &caller, &raw_id, context.now)
        })
        .await?;
    service.realtime.committed(committed.into_iter().collect());
    Ok(Reply::empty(StatusCode::NO_CONTENT))
}
