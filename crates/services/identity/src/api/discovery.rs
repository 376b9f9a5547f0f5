//! How anybody verifies a user access token: OpenID Connect Discovery and the key set.

use std::sync::Arc;

use http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;
use trunkline_web::{ApiError, Context, Reply};

use crate::Identity;

/// The discovery document (OpenID Connect Discovery §3), as far as it concerns verification.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Discovery {
    /// The `iss` of user tokens.
    issuer: String,
    /// Where the key set is.
    jwks_uri: String,
    /// How tokens are signed.
    id_token_signing_alg_values_supported: [&'static str; 1],
    /// Tokens come from the REST API, not from an authorization endpoint.
    response_types_supported: [&'static str; 0],
    /// Everybody sees the same subject.
    subject_types_supported: [&'static str; 1],
}

pub(crate) async fn discovery_get(_: Arc<Identity>, context: Context) -> Result<Reply, ApiError> {
    let issuer = context.origin().to_owned();
    let document = Discovery {
        jwks_uri: format!("{issuer}/trunkline/keys"),
        issuer,
        id_token_signing_alg_values_supported: ["ES256"],
        response_types_supported: [],
        subject_types_supported: ["public"],
    };
    Ok(Reply::json(StatusCode::OK, &document))
}

pub(crate) async fn keys_get(service: Arc<Identity>, _: Context) -> Result<Reply, ApiError> {
    Ok(Reply::json(StatusCode::OK, &service.tokens.keys().key_set()))
}
