//! The realtime channel: allocation, handshake, socket, polls, registrations.

pub(crate) mod allocate;
pub(crate) mod connect;
pub(crate) mod polling;
pub(crate) mod registrations;

use std::sync::Arc;

use trunkline_store::Key;
use trunkline_web::{ApiError, Context, Principal, Routes};

use crate::ChatService;
use crate::error::ChatError;
use crate::operations::realtime as operation;
use crate::realtime::Identity;
use crate::rows::{self, PersonNumber};
use trunkline_web::ports::HeldToken;

/// A client's own name: a GUID with the SDK. The path of a registration has it, so it stays short.
const EPID_BYTES_MAX: usize = 64;

pub(super) fn routes(service: &Arc<ChatService>) -> Routes {
    Routes::new()
        .add(&operation::REALTIME_GET_CONFIGURATION, service, allocate::realtime_get_configuration)
        .add(&operation::REALTIME_ALLOCATE, service, allocate::realtime_allocate)
        .add(&operation::REALTIME_REALLOCATE, service, allocate::realtime_allocate)
        .add(&operation::REALTIME_HANDSHAKE, service, connect::realtime_handshake)
        .add(&operation::REALTIME_CONNECT, service, connect::realtime_connect)
        .add(&operation::REALTIME_POLL, service, polling::realtime_poll)
        .add(&operation::REALTIME_POLL_SEND, service, polling::realtime_poll_send)
        .add(&operation::REALTIME_REGISTER, service, registrations::realtime_register)
        .add(&operation::REALTIME_UNREGISTER, service, registrations::realtime_unregister)
        .add(&operation::REALTIME_CHECK, service, registrations::realtime_check)
}

/// Checks a client's own name.
///
/// **Errors**: 400 for none, a long one, or one with other characters than letters, digits and dashes.
fn check_epid<'a>(epid: Option<&'a str>, name: &str) -> Result<&'a str, ApiError> {
    let is_good = |epid: &&str| {
        !epid.is_empty()
            && epid.len() <= EPID_BYTES_MAX
            && epid.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    epid.filter(is_good).ok_or_else(|| {
        let message = format!("{name} must have 1 to {EPID_BYTES_MAX} letters, digits and dashes.");
        ApiError::invalid(name, message)
    })
}

/// Refuses new connections while this node ends: the client tries again, and elsewhere if there is another.
fn check_open(service: &ChatService) -> Result<(), ApiError> {
    if service.realtime.is_leaving() {
        return Err(
            ApiError::unavailable("This node takes no new connections; try again.").with_retry_after(1)
        );
    }
    Ok(())
}

/// Checks the connection parameters that a client brings along, if it does. Without them it is a first connection.
///
/// **Errors**: 400 when they are not those of this user and client; the client then asks for new ones.
fn check_parameters(
    service: &ChatService,
    context: &Context,
    raw_id: &str,
    epid: &str,
) -> Result<(), ApiError> {
    let Some(signature) = context.query("sig") else { return Ok(()) };
    let until = context.query("se").unwrap_or_default();
    let resource = context.resource().id;
    let tokens = &service.realtime.tokens;
    if tokens.are_parameters_good(resource, raw_id, epid, (until, signature), context.now) {
        return Ok(());
    }
    Err(ApiError::invalid(
        "sig",
        "The connection parameters are not those of this user and client, or too old.",
    ))
}

/// Who connects, for a handshake; somebody who never took part gets a number.
async fn identity(service: &ChatService, context: &Context) -> Result<Identity, ApiError> {
    let Principal::User { raw_id, expires, generation, access_key, .. } = &context.principal else {
        return Err(ApiError::forbidden("Only a user can do this."));
    };
    let epid = check_epid(context.query("epid"), "epid")?;
    check_parameters(service, context, raw_id, epid)?;
    let resource = context.resource().id;
    let mut person = service.person(resource, raw_id).await?;
    if person == PersonNumber::NOBODY {
        let (key, raw_id) = (Key::new(resource, format!("person/{raw_id}")), Arc::clone(raw_id));
        let now = context.now;
        let made =
            service.store.write(key, move |tx| Ok::<_, ChatError>(rows::person(tx, resource, &raw_id, now)?));
        person = made.await?;
    }
    Ok(Identity {
        resource,
        person,
        token: HeldToken {
            raw_id: Arc::clone(raw_id),
            generation: *generation,
            access_key: access_key.clone(),
        },
        epid: epid.into(),
        expires: *expires,
        wants_extensions: context.query("trunkline") == Some("1"),
    })
}
