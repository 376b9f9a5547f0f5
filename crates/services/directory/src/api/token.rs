//! The token endpoint (RFC 6749 §3.2).

use std::sync::Arc;

use http::{StatusCode, header};
use schemars::JsonSchema;
use trunkline_web::{ApiError, Context, Reply};

use crate::DirectoryService;
use crate::api::discovery::check_tenant;
use crate::tokens::errors::OauthError;
use crate::tokens::fields::Fields;
use crate::tokens::issue::TokenReply;
use crate::tokens::{authorization_code, client_credentials, refresh};

/// The fields of a request, for the published description. The official clients send more, which is ignored.
#[derive(JsonSchema)]
#[expect(
    dead_code,
    reason = "the schema alone is used: fields are read one by one, for Entra's error of each"
)]
pub(crate) struct TokenForm {
    /// `client_credentials`, `authorization_code` or `refresh_token`.
    grant_type: String,
    /// The application; in the Authorization header instead where that is `Basic`.
    client_id: Option<String>,
    /// One of the application's secrets.
    client_secret: Option<String>,
    /// A token signed with the application's certificate, or by an issuer it trusts.
    client_assertion: Option<String>,
    /// `urn:ietf:params:oauth:client-assertion-type:jwt-bearer`.
    client_assertion_type: Option<String>,
    /// `RESOURCE/.default`, or scopes of a user's token.
    scope: Option<String>,
    /// The code of a sign-in.
    code: Option<String>,
    /// The one the code was sent to.
    redirect_uri: Option<String>,
    /// What the challenge was made of (RFC 7636).
    code_verifier: Option<String>,
    /// A refresh token.
    refresh_token: Option<String>,
    /// `1` for object id and tenant in the reply.
    client_info: Option<String>,
}

pub(crate) async fn directory_tokens_issue(
    service: Arc<DirectoryService>,
    context: Context,
) -> Result<Reply, ApiError> {
    Ok(match issue(&service, &context).await {
        Ok(tokens) => Reply::json(StatusCode::OK, &tokens).with_header(header::PRAGMA, "no-cache"),
        Err(refusal) => refusal.reply(&context),
    })
}

async fn issue(service: &DirectoryService, context: &Context) -> Result<TokenReply, OauthError> {
    check_tenant(service, context)?;
    let fields = Fields::of_form(context)?;
    match fields.require("grant_type")? {
        "client_credentials" => client_credentials::grant(service, context, &fields).await,
        "authorization_code" => authorization_code::grant(service, context, &fields).await,
        "refresh_token" => refresh::grant(service, context, &fields).await,
        other => Err(OauthError::UnsupportedGrant(other.to_owned())),
    }
}
