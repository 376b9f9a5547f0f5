//! The operations of the token service, as data. Their paths and replies are Entra's.

use trunkline_web::operation::{QueryParameter, schema_of};
use trunkline_web::signing_keys::KeySet;
use trunkline_web::{Allow, Method, Operation, RequestBody};

use crate::api::authorize::AuthorizeForm;
use crate::api::discovery::OpenIdConfiguration;
use crate::api::metadata::ManagedIdentityToken;
use crate::api::token::TokenForm;
use crate::tokens::issue::TokenReply;

const ANYONE: &[Allow] = &[Allow::Anyone];

const fn text(name: &'static str, description: &'static str) -> QueryParameter {
    QueryParameter { name, kind: "string", description }
}

const METADATA_QUERY: &[QueryParameter] = &[
    text("resource", "The resource, such as https://communication.azure.com/."),
    text("client_id", "The managed identity; the oldest one when not given."),
    text("object_id", "The managed identity by object id."),
];

const AUTHORIZE_QUERY: &[QueryParameter] = &[
    text("client_id", "The application."),
    text("redirect_uri", "Where the answer goes: one of the application's, exactly; on loopback any port."),
    text("response_type", "`code`."),
    text("response_mode", "`query`, `fragment` or `form_post`."),
    text("scope", "Scopes of one resource, `openid`, `profile`, `offline_access`."),
    text("state", "Comes back with the answer."),
    text("nonce", "Comes back in the id token."),
    text("code_challenge", "S256 of the verifier; required where the application has no credential."),
    text("code_challenge_method", "`S256`."),
    text("login_hint", "The user name to begin with."),
];

/// `OpenIdConfiguration_Get`.
pub static OPEN_ID_CONFIGURATION_GET: Operation = Operation {
    reply: Some(schema_of::<OpenIdConfiguration>),
    summary: "Describes the token service (OpenID Connect Discovery).",
    ..Operation::own(
        "OpenIdConfiguration_Get",
        Method::Get,
        "/{tenant}/v2.0/.well-known/openid-configuration",
        ANYONE,
    )
};

/// `OpenIdConfiguration_GetWithoutVersion`.
pub static OPEN_ID_CONFIGURATION_GET_WITHOUT_VERSION: Operation = Operation {
    reply: Some(schema_of::<OpenIdConfiguration>),
    summary: "Describes the token service, at the path without a version.",
    ..Operation::own(
        "OpenIdConfiguration_GetWithoutVersion",
        Method::Get,
        "/{tenant}/.well-known/openid-configuration",
        ANYONE,
    )
};

/// `DirectoryKeys_Get`.
pub static DIRECTORY_KEYS_GET: Operation = Operation {
    reply: Some(schema_of::<KeySet>),
    summary: "The public keys that verify the directory's tokens (RFC 7517).",
    ..Operation::own("DirectoryKeys_Get", Method::Get, "/{tenant}/discovery/v2.0/keys", ANYONE)
};

/// `DirectoryTokens_Issue`.
pub static DIRECTORY_TOKENS_ISSUE: Operation = Operation {
    body: RequestBody::Form(schema_of::<TokenForm>),
    reply: Some(schema_of::<TokenReply>),
    summary: "Issues tokens: client credentials, authorization code, refresh token (RFC 6749).",
    ..Operation::own("DirectoryTokens_Issue", Method::Post, "/{tenant}/oauth2/v2.0/token", ANYONE)
};

/// `SignIn_Show`.
pub static SIGN_IN_SHOW: Operation = Operation {
    query: AUTHORIZE_QUERY,
    summary: "Shows a directory user the sign-in page (OpenID Connect Core §3.1.2.1).",
    ..Operation::own("SignIn_Show", Method::Get, "/{tenant}/oauth2/v2.0/authorize", ANYONE)
};

/// `SignIn_Submit`.
pub static SIGN_IN_SUBMIT: Operation = Operation {
    body: RequestBody::Form(schema_of::<AuthorizeForm>),
    summary: "Signs a directory user in and sends the browser back to the application with a code.",
    ..Operation::own("SignIn_Submit", Method::Post, "/{tenant}/oauth2/v2.0/authorize", ANYONE)
};

/// `ManagedIdentity_GetToken`.
pub static MANAGED_IDENTITY_GET_TOKEN: Operation = Operation {
    query: METADATA_QUERY,
    reply: Some(schema_of::<ManagedIdentityToken>),
    summary: "Gives programs on this machine a managed identity's token.",
    ..Operation::own("ManagedIdentity_GetToken", Method::Get, "/metadata/identity/oauth2/token", ANYONE)
};

/// `ManagedIdentity_GetTokenWithSlash`.
pub static MANAGED_IDENTITY_GET_TOKEN_WITH_SLASH: Operation = Operation {
    query: METADATA_QUERY,
    reply: Some(schema_of::<ManagedIdentityToken>),
    summary: "The same, at the path that the JavaScript client asks.",
    ..Operation::own(
        "ManagedIdentity_GetTokenWithSlash",
        Method::Get,
        "/metadata/identity/oauth2/token/",
        ANYONE,
    )
};

/// Every operation of the token service.
pub static ALL: &[&Operation] = &[
    &OPEN_ID_CONFIGURATION_GET,
    &OPEN_ID_CONFIGURATION_GET_WITHOUT_VERSION,
    &DIRECTORY_KEYS_GET,
    &DIRECTORY_TOKENS_ISSUE,
    &SIGN_IN_SHOW,
    &SIGN_IN_SUBMIT,
    &MANAGED_IDENTITY_GET_TOKEN,
    &MANAGED_IDENTITY_GET_TOKEN_WITH_SLASH,
];
