//! `grant_type=client_credentials` (RFC 6749 §4.4): an application in its own name.

use trunkline_web::Context;

use crate::DirectoryService;
use crate::tokens::errors::OauthError;
use crate::tokens::fields::Fields;
use crate::tokens::issue::{self, TokenReply};
use crate::tokens::{audiences, clients};

/// The token of an application that proves itself.
pub(crate) async fn grant(
    service: &DirectoryService,
    context: &Context,
    fields: &Fields,
) -> Result<TokenReply, OauthError> {
    let audience = audiences::of_application(fields.require("scope")?, &service.settings.public_origin)?;
    let client = clients::authenticate(service, context, fields, &audience.name).await?;
    if !client.is_authenticated {
        return Err(OauthError::CredentialMissing);
    }
    let entropy = &*service.entropy;
    Ok(issue::application_token(&service.oauth, &client.application, &audience, context.now, entropy))
}
