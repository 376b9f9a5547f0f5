//! The opening handshake (RFC 6455 §4).

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

/// What makes an accept key out of a request's key (RFC 6455 §1.3).
const ACCEPT_SUFFIX: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// Why a request does not become a WebSocket.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum HandshakeError {
    /// It does not ask for one: `Upgrade: websocket` and `Connection: upgrade` are missing.
    #[error("the request does not ask for an upgrade to websocket")]
    NoUpgrade,
    /// Its key is not 16 bytes in base64.
    #[error("the header sec-websocket-key is not 16 bytes in base64")]
    BadKey,
    /// It speaks another version than 13.
    #[error("the header sec-websocket-version is not 13")]
    Version,
}

impl HandshakeError {
    /// The status to answer with. With 426 goes [`HandshakeError::headers`].
    pub const fn status(self) -> StatusCode {
        match self {
            Self::NoUpgrade | Self::Version => StatusCode::UPGRADE_REQUIRED,
            Self::BadKey => StatusCode::BAD_REQUEST,
        }
    }

    /// What the client would have to ask for (RFC 6455 §4.4, RFC 9110 §15.5.22).
    pub fn headers(self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        headers
    }
}

/// The headers of the 101 that answers a request with `headers`.
///
/// Extensions and subprotocols are not answered, so the client goes without. Whether the request's origin may
/// call is for the caller to judge.
pub fn accept(headers: &HeaderMap) -> Result<HeaderMap, HandshakeError> {
    if !has_token(headers, &header::UPGRADE, "websocket")
        || !has_token(headers, &header::CONNECTION, "upgrade")
    {
        return Err(HandshakeError::NoUpgrade);
    }
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    if text(header::SEC_WEBSOCKET_VERSION) != Some("13") {
        return Err(HandshakeError::Version);
    }
    let key = text(header::SEC_WEBSOCKET_KEY).ok_or(HandshakeError::BadKey)?;
    if STANDARD.decode(key).map(|bytes| bytes.len()) != Ok(16) {
        return Err(HandshakeError::BadKey);
    }
    let accepted = HeaderValue::from_str(&accept_key(key)).expect("base64 is visible ASCII");
    let mut answer = HeaderMap::new();
    answer.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    answer.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    answer.insert(header::SEC_WEBSOCKET_ACCEPT, accepted);
    Ok(answer)
}

/// The accept key that belongs to a request's key.
pub fn accept_key(key: &str) -> String {
    let text = format!("{key}{ACCEPT_SUFFIX}");
    STANDARD.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes()))
}

/// What a client's request carries; `nonce` is new for each connection.
pub fn request_headers(nonce: [u8; 16]) -> HeaderMap {
    let key = HeaderValue::from_str(&STANDARD.encode(nonce)).expect("base64 is visible ASCII");
    let mut headers = HeaderMap::new();
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
    headers.insert(header::SEC_WEBSOCKET_KEY, key);
    headers
}

/// Whether a server's answer belongs to a request made with `nonce`.
pub fn is_accepted(status: StatusCode, headers: &HeaderMap, nonce: [u8; 16]) -> bool {
    let expected = accept_key(&STANDARD.encode(nonce));
    status == StatusCode::SWITCHING_PROTOCOLS
        && has_token(headers, &header::UPGRADE, "websocket")
        && headers
            .get(header::SEC_WEBSOCKET_ACCEPT)
            .is_some_and(|value| value.as_bytes() == expected.as_bytes())
}

/// Whether a header that is a list has `token` in any case.
fn has_token(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    let lists = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    lists.flat_map(|list| list.split(',')).any(|item| item.trim().eq_ignore_ascii_case(token))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &str)| {
            (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
        };
        pairs.iter().map(pair).collect()
    }

    const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

    #[test]
    fn the_example_of_the_standard_is_accepted() {
        let headers = request(&[
            ("upgrade", "WebSocket"),
            ("connection", "keep-alive, Upgrade"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", KEY),
            ("sec-websocket-extensions", "permessage-deflate"),
        ]);
        let answer = accept(&headers).unwrap();
        assert_eq!(answer["sec-websocket-accept"], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        assert_eq!(answer.len(), 3);
    }

    #[test]
    fn other_requests_are_refused() {
        let asks = [("upgrade", "websocket"), ("connection", "upgrade")];
        let with = |pairs: &[(&'static str, &str)]| accept(&request(&[&asks, pairs].concat())).unwrap_err();
        assert_eq!(accept(&request(&[("connection", "upgrade")])), Err(HandshakeError::NoUpgrade));
        assert_eq!(accept(&request(&[("upgrade", "websocket")])), Err(HandshakeError::NoUpgrade));
        assert_eq!(with(&[("sec-websocket-key", KEY)]), HandshakeError::Version);
        assert_eq!(
            with(&[("sec-websocket-version", "8"), ("sec-websocket-key", KEY)]),
            HandshakeError::Version
        );
        assert_eq!(with(&[("sec-websocket-version", "13")]), HandshakeError::BadKey);
        let short = [("sec-websocket-version", "13"), ("sec-websocket-key", "AAAA")];
        assert_eq!(with(&short), HandshakeError::BadKey);
        assert_eq!(HandshakeError::Version.status(), 426);
        assert_eq!(HandshakeError::Version.headers()["sec-websocket-version"], "13");
    }

    #[test]
    fn a_client_recognises_its_own_answer_only() {
        let answer = accept(&request_headers([7; 16])).unwrap();
        assert!(is_accepted(StatusCode::SWITCHING_PROTOCOLS, &answer, [7; 16]));
        assert!(!is_accepted(StatusCode::SWITCHING_PROTOCOLS, &answer, [8; 16]));
        assert!(!is_accepted(StatusCode::OK, &answer, [7; 16]));
    }
}
