//! The error body: `{"error":{"code","message","target","details","innererror"}}`.
//!
//! `code` and `message` are always there: the SDKs drop errors that lack one. The cause inside the
//! server is logged where the error is made, and never reaches the client.

use http::StatusCode;
use serde::Serialize;
use trunkline_store::StoreError;

/// An error as the client sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    /// The HTTP status.
    pub status: StatusCode,
    /// The ACS error code, also sent as `x-ms-error-code`.
    pub code: &'static str,
    /// What is wrong and what to do, for a person.
    pub message: String,
    /// The field or parameter at fault.
    pub target: Option<String>,
    /// A finer code, where several causes share one ACS code.
    pub inner_code: Option<&'static str>,
    /// Seconds after which a retry can help. Only for errors that pass: Python retries every 4xx that
    /// carries it.
    pub retry_after_seconds: Option<u64>,
    /// The methods a resource does have, for 405.
    pub allow: Option<Box<str>>,
}

impl ApiError {
    /// An error with a status, an ACS code and a message.
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            target: None,
            inner_code: None,
            retry_after_seconds: None,
            allow: None,
        }
    }

    /// Names the field or parameter at fault.
    pub fn with_target(mut self, target: impl Into<String>) -> Self {
        self.target = Some(target.into());
        self
    }

    /// Adds the finer code.
    pub fn with_inner_code(mut self, code: &'static str) -> Self {
        self.inner_code = Some(code);
        self
    }

    /// Says after how many seconds a retry can help.
    pub fn with_retry_after(mut self, seconds: u64) -> Self {
        self.retry_after_seconds = Some(seconds);
        self
    }

    /// 400 for a value that does not fit.
    pub fn invalid(target: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "BadRequest", message).with_target(target)
    }

    /// 401 without or with wrong credentials; `inner_code` says which.
    pub fn denied(inner_code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "Denied", message).with_inner_code(inner_code)
    }

    /// 403 for a verified caller who may not do this.
    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "Forbidden", message)
    }

    /// 404.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "NotFound", message)
    }

    /// 409.
    pub fn conflict(message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "Conflict", message)
    }

    /// 429; the bucket has a token again after `retry_after_seconds`.
    pub fn too_many_requests(retry_after_seconds: u64) -> Self {
        Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "TooManyRequests",
            "The limit of requests for this operation is reached; wait as long as Retry-After says.",
        )
        .with_retry_after(retry_after_seconds)
    }

    /// 500 for a broken assumption of ours. The caller logs the cause.
    pub fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "InternalServerError",
            "The server failed to answer; its log has the cause under the x-ms-request-id of this reply.",
        )
    }

    /// 503 for something that passes.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable", message).with_retry_after(1)
    }

    /// The JSON body.
    pub fn to_body(&self) -> Vec<u8> {
        let body = Envelope {
            error: Error {
                code: self.code,
                message: &self.message,
                target: self.target.as_deref(),
                innererror: self.inner_code.map(|code| InnerError { code }),
            },
        };
        serde_json::to_vec(&body).expect("strings always serialize")
    }
}

#[derive(Serialize)]
struct Envelope<'a> {
    error: Error<'a>,
}

#[derive(Serialize)]
struct Error<'a> {
    code: &'a str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    innererror: Option<InnerError<'a>>,
}

#[derive(Serialize)]
struct InnerError<'a> {
    code: &'a str,
}

impl From<StoreError> for ApiError {
    fn from(cause: StoreError) -> Self {
        match cause {
            StoreError::Busy => Self::unavailable("The database has too much to do right now; try again."),
            StoreError::Unavailable { .. } => {
                tracing::error!(%cause, "the database is unavailable");
                Self::unavailable("The database cannot be reached or written right now; nothing was changed.")
            }
            StoreError::OutcomeUnknown => Self::unavailable(
                "The connection to the database broke while the change was committed; look before trying again.",
            ),
            StoreError::NulCharacter => {
                Self::invalid("body", "Text with the character U+0000 cannot be stored.")
            }
            cause => {
                tracing::error!(%cause, "a transaction failed");
                Self::internal()
            }
        }
    }
}
