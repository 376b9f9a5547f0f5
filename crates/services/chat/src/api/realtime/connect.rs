//! The handshake and the WebSocket.

use std::sync::Arc;

use http::StatusCode;
use hyper_util::rt::TokioIo;
use trunkline_net::websocket::HandshakeError;
use trunkline_web::{ApiError, Context, Reply, sockets};

use super::{check_open, identity};
use crate::ChatService;
use crate::realtime::{Transport, serve_socket, socketio};

/// Seconds without a frame after which the client hangs up, and without data; the server says something after 25.
const SILENCE_S: (u32, u32) = (60, 65);
pub(crate) async fn realtime_handshake(
    service: Arc<ChatService>,
    context: Context,
) -> Result<Reply, ApiError> {
    check_open(&service)?;
    let identity = identity(&service, &context).await?;
    let hub = &service.realtime;
    let session = hub.tokens.make_session(&identity, &*hub.entropy, context.now);
    let (heartbeat_s, close_s) = SILENCE_S;
    Ok(Reply::text(StatusCode::OK, format!("{session}:{heartbeat_s}:{close_s}:websocket,xhr-polling")))
}

/// What goes out first. A client that was connected before wants no second `trouter.connected`.
pub(super) fn greeting(context: &Context) -> &'static [&'static str] {
    if context.query("connected") == Some("true") {
        &[socketio::CONNECT]
    } else {
        &[socketio::CONNECT, socketio::CONNECTED]
    }
}

pub(crate) async fn realtime_connect(
    service: Arc<ChatService>,
    mut context: Context,
) -> Result<Reply, ApiError> {
    check_open(&service)?;
    sockets::check_origin(&context)?;
    let accepted = match sockets::accept(&context) {
        Ok(headers) => headers,
        Err(refused) => return Ok(sockets::refuse(refused)),
    };
    let taken = service.realtime.tokens.take_session(context.path("sessionId"), context.now);
    let identity = taken.map_err(|_| {
        ApiError::forbidden(
            "The session id was not made here, is too old, or was used; make a new handshake.",
        )
    })?;
    let Some(upgrade) = context.take_upgrade() else { return Ok(sockets::refuse(HandshakeError::NoUpgrade)) };
    let greeting = greeting(&context);
    let hub = Arc::clone(&service.realtime);
    service.tasks.spawn_quiet(async move {
        // The client went away before it had its answer.
        let Ok(upgraded) = upgrade.await else { return };
        let endpoint = hub.join(identity, Transport::Socket, greeting);
        serve_socket(hub, endpoint, TokioIo::new(upgraded)).await;
    });
    Ok(Reply::switching(accepted))
}
