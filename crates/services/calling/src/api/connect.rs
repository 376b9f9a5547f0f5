//! The signalling socket.

use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, header};
use hyper_util::rt::TokioIo;
use trunkline_net::websocket::{self, HandshakeError};
use trunkline_web::{ApiError, Context, Peer, Reply};

use crate::CallingService;
use crate::signalling;

/// What the handshake of a WebSocket is made of.
const HANDSHAKE_HEADERS: [HeaderName; 4] =
    [header::UPGRADE, header::CONNECTION, header::SEC_WEBSOCKET_KEY, header::SEC_WEBSOCKET_VERSION];

pub(crate) async fn calling_connect(
    service: Arc<CallingService>,
    mut context: Context,
) -> Result<Reply, ApiError> {
    if service.hub.is_leaving() {
        return Err(ApiError::unavailable("This node takes no new connections; try again."));
    }
    // Browsers ask nobody before they upgrade, so the origin is checked here.
    if !context.is_origin_allowed() {
        return Err(ApiError::forbidden("Pages of this origin may not connect; see 'cors.origins'."));
    }
    let address = match context.peer {
        Peer::Address(address) => Some(address),
        Peer::Local => None,
    };
    // Whoever upgrades is nobody yet, so their address has the limit.
    if !service.hub.take_socket(address) {
        return Err(ApiError::too_many_requests(1));
    }
    let resource = context.host_resource().map(Arc::clone);
    let resource =
        resource.ok_or_else(|| ApiError::not_found("No resource answers under this host name."))?;
    let accepted = match websocket::accept(&handshake_headers(&context)) {
        Ok(headers) => headers,
        Err(refused) => return Ok(refuse(refused)),
    };
    let Some(upgrade) = context.take_upgrade() else { return Ok(refuse(HandshakeError::NoUpgrade)) };
    let serving = Arc::clone(&service);
    service.parts.tasks.spawn_quiet(async move {
        // The client went away before it had its answer.
        let Ok(upgraded) = upgrade.await else { return };
        signalling::serve(serving, resource, address, TokioIo::new(upgraded)).await;
    });
    Ok(Reply::switching(accepted))
}

fn handshake_headers(context: &Context) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(HANDSHAKE_HEADERS.len());
    for name in HANDSHAKE_HEADERS {
        let value = context.header(name.as_str()).and_then(|value| HeaderValue::from_str(value).ok());
        if let Some(value) = value {
            headers.insert(name, value);
        }
    }
    headers
}

fn refuse(refused: HandshakeError) -> Reply {
    let status = refused.status();
    let message = format!("This address is a WebSocket: {refused}.");
    let mut reply = Reply::from(ApiError::new(status, "BadRequest", message));
    reply.headers.extend(refused.headers());
    reply
}
