//! Errors of the token service in Entra's shape: MSAL and azure-identity read `error`, the `AADSTS` number and
//! the sentence behind it.

use http::{StatusCode, header};
use serde::Serialize;
use serde_json::{Value, json};
use trunkline_kernel::Timestamp;
use trunkline_store::StoreError;
use trunkline_web::{ApiError, Context, Reply};
use uuid::Uuid;

use crate::error::DirectoryError;

/// Why no token is given.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum OauthError {
    #[error("the token service of this server is switched off (directory.enabled)")]
    Disabled,
    #[error("tenant '{0}' not found; this server has one tenant, which its banner and ready file name")]
    TenantNotFound(String),
    #[error("the request body must contain the following parameter: '{0}'")]
    MissingParameter(&'static str),
    #[error("the request is malformed: {0}")]
    Malformed(String),
    #[error("the grant type '{0}' is not supported")]
    UnsupportedGrant(String),
    #[error("the response type '{0}' is not supported; use 'code'")]
    UnsupportedResponseType(String),
    #[error("application with identifier '{0}' was not found in the directory")]
    ApplicationNotFound(String),
    #[error("invalid client secret provided; send the secret's value, not its id")]
    WrongSecret,
    #[error("the provided client secret has expired")]
    SecretExpired,
    #[error(
        "the request must contain 'client_secret' or 'client_assertion': the application has credentials"
    )]
    CredentialMissing,
    #[error("the client assertion is malformed: {0}")]
    AssertionMalformed(&'static str),
    #[error("client assertion failed signature validation: {0}")]
    AssertionForged(&'static str),
    #[error("client assertion is not within its valid time range")]
    AssertionTime,
    #[error("client assertion audience must be the token endpoint or the issuer")]
    AssertionAudience,
    #[error("the client assertion was used before; sign a new one with another 'jti'")]
    AssertionReplayed,
    #[error(
        "no matching federated identity record found for the presented assertion's issuer, subject and audience"
    )]
    FederationNotFound,
    #[error("the keys of the assertion's issuer cannot be fetched right now")]
    IssuerUnreachable,
    #[error("the provided value for the input parameter 'scope' is not valid: '{0}'")]
    InvalidScope(String),
    #[error("the provided scopes belong to more than one resource")]
    SeveralResources,
    #[error("client credential flows must have a scope value with '/.default' behind the resource: '{0}'")]
    ScopeNotDefault(String),
    #[error(
        "the resource principal named '{0}' was not found; see docs/authentication.md for the known ones"
    )]
    UnknownResource(String),
    #[error("the authorization code is invalid, or was given to another application")]
    CodeInvalid,
    #[error("the authorization code has expired; sign in again")]
    CodeExpired,
    #[error("the authorization code was already redeemed; what came of it has ended")]
    CodeUsed,
    #[error("the reply address does not match the one of the authorization request")]
    RedirectMismatch,
    #[error(
        "the code_verifier does not match the code_challenge supplied in the authorization request for PKCE"
    )]
    VerifierMismatch,
    #[error("the refresh token is invalid, was revoked, or was given to another application")]
    RefreshInvalid,
    #[error("the refresh token has expired due to inactivity")]
    RefreshExpired,
    #[error("the refresh token was used before; what came of it has ended")]
    RefreshUsed,
    #[error("the user account does not exist or is disabled")]
    UserDisabled,
    #[error("the redirect URI specified in the request does not match those of the application")]
    UnknownRedirect,
    #[error(
        "proof key for code exchange is required: send 'code_challenge' with 'code_challenge_method=S256'"
    )]
    ChallengeMissing,
    #[error("too many requests for this application from this address; wait {0} seconds")]
    TooMany(u64),
    #[error("the user must sign in, and this service keeps no session")]
    SignInRequired,
    #[error("the server is too busy or its database is out of reach; try again")]
    Unavailable,
    #[error("the server failed; its log has the cause under the trace id")]
    Internal,
}

impl From<StoreError> for OauthError {
    fn from(cause: StoreError) -> Self {
        let seen: ApiError = cause.into();
        if seen.status == StatusCode::SERVICE_UNAVAILABLE { Self::Unavailable } else { Self::Internal }
    }
}

impl From<DirectoryError> for OauthError {
    fn from(cause: DirectoryError) -> Self {
        let seen: ApiError = cause.into();
        if seen.status == StatusCode::SERVICE_UNAVAILABLE { Self::Unavailable } else { Self::Internal }
    }
}

/// The body, as Entra writes it.
#[derive(Debug, Serialize)]
struct ErrorBody {
    error: &'static str,
    error_description: String,
    error_codes: [u32; 1],
    timestamp: String,
    trace_id: String,
    correlation_id: String,
}

impl OauthError {
    /// Status, OAuth code and number.
    const fn wire(&self) -> (StatusCode, &'static str, u32) {
        const BAD: StatusCode = StatusCode::BAD_REQUEST;
        const DENIED: StatusCode = StatusCode::UNAUTHORIZED;
        match self {
            Self::Disabled => (StatusCode::NOT_FOUND, "invalid_request", 90_014),
            Self::TenantNotFound(_) => (BAD, "invalid_tenant", 90_002),
            Self::MissingParameter(_) => (BAD, "invalid_request", 900_144),
            Self::Malformed(_) => (BAD, "invalid_request", 9_002_313),
            Self::UnsupportedGrant(_) => (BAD, "unsupported_grant_type", 70_003),
            Self::UnsupportedResponseType(_) => (BAD, "unsupported_response_type", 70_005),
            Self::ApplicationNotFound(_) => (BAD, "unauthorized_client", 700_016),
            Self::WrongSecret => (DENIED, "invalid_client", 7_000_215),
            Self::SecretExpired => (DENIED, "invalid_client", 7_000_222),
            Self::CredentialMissing => (DENIED, "invalid_client", 7_000_218),
            Self::AssertionMalformed(_) => (DENIED, "invalid_client", 50_027),
            Self::AssertionForged(_) => (DENIED, "invalid_client", 700_027),
            Self::AssertionTime => (DENIED, "invalid_client", 700_024),
            Self::AssertionAudience => (DENIED, "invalid_client", 700_023),
            Self::AssertionReplayed => (DENIED, "invalid_client", 50_013),
            Self::FederationNotFound => (DENIED, "invalid_client", 70_021),
            Self::InvalidScope(_) | Self::SeveralResources => (BAD, "invalid_scope", 70_011),
            Self::ScopeNotDefault(_) => (BAD, "invalid_scope", 1_002_012),
            Self::UnknownResource(_) => (BAD, "invalid_resource", 500_011),
            Self::CodeInvalid | Self::RefreshInvalid => (BAD, "invalid_grant", 70_000),
            Self::CodeExpired => (BAD, "invalid_grant", 70_008),
            Self::CodeUsed => (BAD, "invalid_grant", 54_005),
            Self::RedirectMismatch => (BAD, "invalid_grant", 500_112),
            Self::VerifierMismatch => (BAD, "invalid_grant", 501_481),
            Self::RefreshExpired => (BAD, "invalid_grant", 700_082),
            Self::RefreshUsed => (BAD, "invalid_grant", 50_173),
            Self::UserDisabled => (BAD, "invalid_grant", 50_057),
            Self::UnknownRedirect => (BAD, "invalid_request", 50_011),
            Self::ChallengeMissing => (BAD, "invalid_request", 9_002_325),
            Self::SignInRequired => (BAD, "login_required", 50_058),
            Self::TooMany(_) => (StatusCode::TOO_MANY_REQUESTS, "temporarily_unavailable", 90_055),
            Self::IssuerUnreachable | Self::Unavailable => {
                (StatusCode::SERVICE_UNAVAILABLE, "temporarily_unavailable", 90_033)
            }
            Self::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "server_error", 90_000),
        }
    }

    /// The status.
    pub(crate) const fn status(&self) -> StatusCode {
        self.wire().0
    }

    /// The OAuth code (RFC 6749 §5.2).
    pub(crate) const fn code(&self) -> &'static str {
        self.wire().1
    }

    /// The sentence with the number in front. Values that came from outside are cut to visible ASCII
    /// (RFC 6749 §5.2 allows nothing else), without quotes and backslashes.
    pub(crate) fn description(&self) -> String {
        let text = self.to_string();
        let mut sentence: String = text
            .chars()
            .map(|character| match character {
                '"' | '\\' => '\'',
                ' '..='~' => character,
                _ => '?',
            })
            .take(DESCRIPTION_CHARACTERS_MAX)
            .collect();
        if let Some(first) = sentence.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        format!("AADSTS{}: {sentence}.", self.wire().2)
    }

    /// The reply to a client.
    pub(crate) fn reply(&self, context: &Context) -> Reply {
        let (status, error, number) = self.wire();
        let trace = context.request_id.to_string();
        let body = ErrorBody {
            error,
            error_description: format!("{} Trace ID: {trace}", self.description()),
            error_codes: [number],
            timestamp: timestamp(context.now),
            correlation_id: correlation_id(context).unwrap_or_else(|| trace.clone()),
            trace_id: trace,
        };
        let reply = Reply::json(status, &body);
        // RFC 6749 §5.2: whoever came with HTTP authentication is told its scheme.
        if status == StatusCode::UNAUTHORIZED && context.header("authorization").is_some() {
            return reply.with_header(header::WWW_AUTHENTICATE, "Basic realm=\"token\"");
        }
        match self.retry_after_seconds() {
            Some(seconds) => reply.with_header(header::RETRY_AFTER, &seconds.to_string()),
            None => reply,
        }
    }

    /// After how long the same request can succeed, where waiting is all it takes.
    pub(crate) fn retry_after_seconds(&self) -> Option<u64> {
        match self {
            Self::TooMany(seconds) => Some(*seconds),
            _ if self.status() == StatusCode::SERVICE_UNAVAILABLE => Some(1),
            _ => None,
        }
    }

    /// The reply of the managed-identity endpoint, which has only two fields.
    pub(crate) fn metadata_reply(&self) -> Reply {
        let (status, error, _) = self.wire();
        let status = if status == StatusCode::UNAUTHORIZED { StatusCode::BAD_REQUEST } else { status };
        let body: Value = json!({ "error": error, "error_description": self.description() });
        Reply::json(status, &body)
    }
}

/// The most characters of a description: a scope or client id in it may be as long as a form.
const DESCRIPTION_CHARACTERS_MAX: usize = 300;

/// `2026-11-21 07:45:59Z`.
fn timestamp(now: Timestamp) -> String {
    let mut text = now.to_rfc3339();
    text.truncate("2026-11-21T07:45:59".len());
    text.replace('T', " ") + "Z"
}

/// The id the client gave the request, when it is a GUID.
fn correlation_id(context: &Context) -> Option<String> {
    let named = context.header("client-request-id").or_else(|| context.query("client-request-id"))?;
    Some(named.parse::<Uuid>().ok()?.to_string())
}
