//! What a handler answers, before the pipeline adds the headers every reply has.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};
use serde::Serialize;

use crate::error::ApiError;
use crate::openapi::LaterFields;

/// The body of every reply.
pub type Body = UnsyncBoxBody<Bytes, std::io::Error>;

/// A body that is wholly in memory.
pub fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

/// A handler's answer.
#[derive(Debug)]
pub struct Reply {
    /// The status; handlers use the one success status of their operation.
    pub status: StatusCode,
    /// Headers of this reply alone.
    pub headers: HeaderMap,
    /// The body; empty means none.
    pub body: Bytes,
}

impl Reply {
    /// A reply without a body.
    pub fn empty(status: StatusCode) -> Self {
        Self { status, headers: HeaderMap::new(), body: Bytes::new() }
    }

    /// A JSON reply.
    pub fn json(status: StatusCode, value: &impl Serialize) -> Self {
        let body = serde_json::to_vec(value).expect("wire types have string keys and always serialize");
        let mut reply = Self::empty(status);
        reply
            .headers
            .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
        reply.body = body.into();
        reply
    }

    /// A page for a person, without script.
    pub fn html(status: StatusCode, page: String) -> Self {
        let mut reply = Self::empty(status);
        reply.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
        reply.body = page.into();
        reply
    }

    /// A reply of bytes that are no JSON.
    pub fn bytes(status: StatusCode, content_type: &'static str, body: Bytes) -> Self {
        let mut reply = Self::empty(status);
        reply.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        reply.body = body;
        reply
    }

    /// A reply of plain text.
    pub fn text(status: StatusCode, text: String) -> Self {
        Self::bytes(status, "text/plain; charset=utf-8", text.into())
    }

    /// Hands the connection over to another protocol (101). `headers` are those of its handshake; whoever
    /// answers so has taken the [upgrade](crate::Context::take_upgrade).
    pub fn switching(headers: HeaderMap) -> Self {
        Self { status: StatusCode::SWITCHING_PROTOCOLS, headers, body: Bytes::new() }
    }

    /// Sends a browser elsewhere with a GET (RFC 9110 §15.4.4). Never for SDKs: they drop credentials.
    ///
    /// **Errors**: 400 when `location` cannot stand in a header.
    pub fn redirect(location: &str) -> Result<Self, ApiError> {
        let value = HeaderValue::from_str(location)
            .map_err(|_| ApiError::invalid("location", "The address to continue at is not visible ASCII."))?;
        let mut reply = Self::empty(StatusCode::SEE_OTHER);
        reply.headers.insert(header::LOCATION, value);
        Ok(reply)
    }

    /// Adds a header whose value the server made.
    pub fn with_header(mut self, name: HeaderName, value: &str) -> Self {
        let value = HeaderValue::from_str(value).expect("values made by the server are visible ASCII");
        self.headers.insert(name, value);
        self
    }

    /// Removes the fields that `version` does not know.
    pub(crate) fn leave_out(&mut self, later: &LaterFields, version: &str) {
        if let Ok(mut value) = serde_json::from_slice(&self.body) {
            later.remove(version, &mut value);
            self.body = value.to_string().into();
        }
    }

    /// The reply of a long-running operation: `operation-location` and the time to the first poll.
    ///
    /// The SDKs wait 2 to 30 seconds between polls unless `retry-after` is there.
    pub fn with_operation_location(self, url: &str) -> Self {
        self.with_header(HeaderName::from_static("operation-location"), url)
            .with_header(header::RETRY_AFTER, "1")
    }
}

impl From<ApiError> for Reply {
    fn from(error: ApiError) -> Self {
        let mut reply = Self::empty(error.status);
        reply
            .headers
            .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
        reply.body = error.to_body().into();
        let mut reply = reply.with_header(HeaderName::from_static("x-ms-error-code"), error.code);
        if let Some(seconds) = error.retry_after_seconds {
            reply = reply.with_header(header::RETRY_AFTER, &seconds.to_string());
        }
        if let Some(methods) = &error.allow {
            reply = reply.with_header(header::ALLOW, methods);
        }
        reply
    }
}

impl From<Reply> for Response<Body> {
    fn from(reply: Reply) -> Self {
        let mut response = Self::new(full(reply.body));
        *response.status_mut() = reply.status;
        *response.headers_mut() = reply.headers;
        response
    }
}
