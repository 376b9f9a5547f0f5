//! Registrations, which say nothing that the connection does not, and the question whether the server is there.

use std::sync::Arc;

use http::StatusCode;
use trunkline_chat_wire::realtime::Registration;
use trunkline_web::{ApiError, Context, Reply};

use super::check_epid;
use crate::ChatService;

/// What a client that lost its connection expects to read.
const CHECK_ANSWER: &str = "Trouter";

pub(crate) async fn realtime_register(
    _service: Arc<ChatService>,
    context: Context,
) -> Result<Reply, ApiError> {
    let body: Registration = context.json()?;
    check_epid(Some(&body.registration_id), "registrationId")?;
    Ok(Reply::empty(StatusCode::ACCEPTED))
}

pub(crate) async fn realtime_unregister(
    _service: Arc<ChatService>,
    context: Context,
) -> Result<Reply, ApiError> {
    check_epid(Some(context.path("registrationId")), "registrationId")?;
    Ok(Reply::empty(StatusCode::OK))
}

pub(crate) async fn realtime_check(_service: Arc<ChatService>, context: Context) -> Result<Reply, ApiError> {
    if context.query("check").is_none() {
        return Err(ApiError::not_found("There is nothing at this address."));
    }
    Ok(Reply::text(StatusCode::OK, CHECK_ANSWER.to_owned()))
}
