//! What the token service is and by which keys its tokens are verified.

use std::sync::Arc;

use http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;
use trunkline_web::{ApiError, Context, Reply};

use crate::DirectoryService;
use crate::tokens::errors::OauthError;

/// The discovery document (OpenID Connect Discovery §3). The issuer's origin is the authority's: the JavaScript
/// client refuses another.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct OpenIdConfiguration {
    /// The `iss` of the directory's tokens.
    issuer: String,
    /// Where the sign-in page is.
    authorization_endpoint: String,
    /// Where tokens are issued.
    token_endpoint: String,
    /// Where the key set is.
    jwks_uri: String,
    /// How clients prove themselves.
    token_endpoint_auth_methods_supported: [&'static str; 3],
    /// How assertions may be signed.
    token_endpoint_auth_signing_alg_values_supported: [&'static str; 3],
    /// How the answer to a sign-in is sent.
    response_modes_supported: [&'static str; 3],
    /// What a sign-in gives.
    response_types_supported: [&'static str; 1],
    /// By what tokens are had.
    grant_types_supported: [&'static str; 3],
    /// How codes are bound to their client.
    code_challenge_methods_supported: [&'static str; 1],
    /// Everybody sees the same subject.
    subject_types_supported: [&'static str; 1],
    /// How tokens are signed.
    id_token_signing_alg_values_supported: [&'static str; 1],
    /// Scopes of no resource.
    scopes_supported: [&'static str; 3],
    /// What an id token says.
    claims_supported: [&'static str; 10],
    /// Requests come as parameters.
    request_uri_parameter_supported: bool,
}

/// Refuses when the token service is off or the path names another tenant.
pub(crate) fn check_tenant(service: &DirectoryService, context: &Context) -> Result<(), OauthError> {
    if !service.settings.is_enabled {
        return Err(OauthError::Disabled);
    }
    let tenant = context.path("tenant");
    if service.oauth.is_tenant(tenant) { Ok(()) } else { Err(OauthError::TenantNotFound(tenant.to_owned())) }
}

pub(crate) async fn open_id_configuration_get(
    service: Arc<DirectoryService>,
    context: Context,
) -> Result<Reply, ApiError> {
    if let Err(refusal) = check_tenant(&service, &context) {
        return Ok(refusal.reply(&context));
    }
    let base = format!("{}/{}", service.settings.public_origin, service.oauth.tenant);
    let document = OpenIdConfiguration {
        issuer: service.oauth.issuer.clone(),
        authorization_endpoint: format!("{base}/oauth2/v2.0/authorize"),
        token_endpoint: format!("{base}/oauth2/v2.0/token"),
        jwks_uri: format!("{base}/discovery/v2.0/keys"),
        token_endpoint_auth_methods_supported: [
            "client_secret_post",
            "private_key_jwt",
            "client_secret_basic",
        ],
        token_endpoint_auth_signing_alg_values_supported: ["RS256", "PS256", "ES256"],
        response_modes_supported: ["query", "fragment", "form_post"],
        response_types_supported: ["code"],
        grant_types_supported: ["client_credentials", "authorization_code", "refresh_token"],
        code_challenge_methods_supported: ["S256"],
        subject_types_supported: ["public"],
        id_token_signing_alg_values_supported: ["ES256"],
        scopes_supported: ["openid", "profile", "offline_access"],
        claims_supported: [
            "iss",
            "aud",
            "iat",
            "exp",
            "nonce",
            "sub",
            "oid",
            "tid",
            "name",
            "preferred_username",
        ],
        request_uri_parameter_supported: false,
    };
    Ok(Reply::json(StatusCode::OK, &document))
}

pub(crate) async fn directory_keys_get(
    service: Arc<DirectoryService>,
    context: Context,
) -> Result<Reply, ApiError> {
    if let Err(refusal) = check_tenant(&service, &context) {
        return Ok(refusal.reply(&context));
    }
    Ok(Reply::json(StatusCode::OK, &service.oauth.keys.key_set()))
}
