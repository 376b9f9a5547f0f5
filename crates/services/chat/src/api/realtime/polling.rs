//! Long polls.

use std::sync::Arc;

use http::StatusCode;
use trunkline_web::{ApiError, Context, Principal, Reply};

use super::check_open;
use super::connect::greeting;
use crate::ChatService;
use crate::realtime::{PollRefused, PollSession, Transport};

pub(crate) async fn realtime_poll(service: Arc<ChatService>, context: Context) -> Result<Reply, ApiError> {
    let session = match find(&service, &context)? {
        Some(session) => session,
        None => open(&service, &context)?,
    };
    let answer = session.poll(&service.realtime).await.map_err(refuse)?;
    Ok(Reply::text(StatusCode::OK, answer))
}

pub(crate) async fn realtime_poll_send(
    service: Arc<ChatService>,
    context: Context,
) -> Result<Reply, ApiError> {
    let session = find(&service, &context)?.ok_or_else(unknown)?;
    let text = std::str::from_utf8(context.body())
        .map_err(|_| ApiError::invalid("body", "The frames must be UTF-8."))?;
    session.post(&service.realtime, text).map_err(refuse)?;
    Ok(Reply::text(StatusCode::OK, "1".to_owned()))
}

/// The polling client of a request; `None` when it is not here.
///
/// **Errors**: 403 when it is somebody else's.
fn find(service: &ChatService, context: &Context) -> Result<Option<Arc<PollSession>>, ApiError> {
    let Some(session) = service.realtime.find_poll(context.path("sessionId")) else { return Ok(None) };
    let identity = &session.endpoint.identity;
    let is_theirs = matches!(&context.principal, Principal::User { raw_id, .. } if *raw_id == identity.token.raw_id)
        && context.resource().id == identity.resource;
    if is_theirs { Ok(Some(session)) } else { Err(unknown()) }
}

/// Takes a client in with its first poll.
fn open(service: &ChatService, context: &Context) -> Result<Arc<PollSession>, ApiError> {
    check_open(service)?;
    let hub = &service.realtime;
    if !hub.has_room_for_polls() {
        return Err(ApiError::unavailable("This node has too many polling clients; try again."));
    }
    let id = context.path("sessionId");
    let identity = hub.tokens.take_session(id, context.now).map_err(|_| unknown())?;
    let is_theirs =
        matches!(&context.principal, Principal::User { raw_id, .. } if *raw_id == identity.token.raw_id);
    if !is_theirs || context.resource().id != identity.resource {
        return Err(unknown());
    }
    let endpoint = hub.join(identity, Transport::Polls, &[]);
    Ok(hub.add_poll(id, &endpoint, greeting(context)))
}

fn unknown() -> ApiError {
    ApiError::forbidden("There is no such session of this user here; make a new handshake.")
}

fn refuse(refused: PollRefused) -> ApiError {
    match refused {
        PollRefused::TooMany => ApiError::too_many_requests(1),
        PollRefused::Broken => ApiError::invalid("body", "The body is not one frame or a batch of frames."),
    }
}
