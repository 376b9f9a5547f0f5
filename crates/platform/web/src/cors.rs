//! Cross-origin requests of browsers (Fetch §3.2). No cookies are used, so credentials are never allowed.

use http::{HeaderMap, HeaderValue, StatusCode, header};

use crate::reply::Reply;

const METHODS: HeaderValue = HeaderValue::from_static("GET, POST, PUT, PATCH, DELETE, OPTIONS");
const EXPOSED: HeaderValue = HeaderValue::from_static(
    "operation-location, location, operation-id, retry-after, etag, x-ms-request-id, x-ms-client-request-id, \
     x-ms-error-code, ms-cv",
);
/// How long a browser may remember the answer; Chromium's own upper bound is two hours.
const MAX_AGE_SECONDS: HeaderValue = HeaderValue::from_static("7200");

/// Which origins may call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origins {
    /// Every origin; a convenience of development.
    Any,
    /// These only (`https://app.example`); empty means none.
    Listed(Vec<String>),
}

impl Origins {
    /// Whether pages of `origin` may call.
    pub(crate) fn allows(&self, origin: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Listed(list) => list.iter().any(|listed| listed == origin),
        }
    }

    /// Adds the headers that let the page read the reply.
    pub(crate) fn apply(&self, origin: Option<&HeaderValue>, headers: &mut HeaderMap) {
        let Some(origin) = origin.filter(|origin| origin.to_str().is_ok_and(|text| self.allows(text))) else {
            return;
        };
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
        headers.append(header::VARY, HeaderValue::from_static("origin"));
    }

    /// The answer to a preflight: whatever headers the page asks for, because every operation checks its
    /// own. [`Origins::apply`] decides whether the browser may go on.
    pub(crate) fn preflight(request: &HeaderMap) -> Reply {
        let mut reply = Reply::empty(StatusCode::NO_CONTENT);
        reply.headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
        if let Some(asked) = request.get(header::ACCESS_CONTROL_REQUEST_HEADERS) {
            reply.headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, asked.clone());
        }
        reply.headers.insert(header::ACCESS_CONTROL_MAX_AGE, MAX_AGE_SECONDS);
        reply
    }
}
