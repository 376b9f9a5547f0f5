//! Sockets behind operations: the handshake of RFC 6455 §4.2 on a request that has passed the pipeline.

use http::{HeaderMap, HeaderName, HeaderValue, header};
use trunkline_net::websocket::{self, HandshakeError};

use crate::context::Context;
use crate::error::ApiError;
use crate::reply::Reply;

/// What the handshake is made of.
const HANDSHAKE_HEADERS: [HeaderName; 4] =
    [header::UPGRADE, header::CONNECTION, header::SEC_WEBSOCKET_KEY, header::SEC_WEBSOCKET_VERSION];

/// Whether a web page may open a socket. Browsers ask nobody before they upgrade, so it is checked here.
///
/// **Errors**: 403 for a page of an origin that is not allowed.
pub fn check_origin(context: &Context) -> Result<(), ApiError> {
    if context.is_origin_allowed() {
        return Ok(());
    }
    Err(ApiError::forbidden("Pages of this origin may not connect; see 'cors.origins'."))
}

/// The headers of the answer that opens a socket, for [`Reply::switching`].
///
/// **Errors**: no handshake, for [`refuse`].
pub fn accept(context: &Context) -> Result<HeaderMap, HandshakeError> {
    let mut headers = HeaderMap::with_capacity(HANDSHAKE_HEADERS.len());
    for name in HANDSHAKE_HEADERS {
        let value = context.header(name.as_str()).and_then(|value| HeaderValue::from_str(value).ok());
        if let Some(value) = value {
            headers.insert(name, value);
        }
    }
    websocket::accept(&headers)
}

/// The answer to a handshake that is refused.
pub fn refuse(refused: HandshakeError) -> Reply {
    let message = format!("This address is a WebSocket: {refused}.");
    let mut reply = Reply::from(ApiError::new(refused.status(), "BadRequest", message));
    reply.headers.extend(refused.headers());
    reply
}
