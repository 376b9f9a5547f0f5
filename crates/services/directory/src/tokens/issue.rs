//! Makes tokens.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;
use trunkline_kernel::{Entropy, Timestamp};
use uuid::Uuid;

use crate::rows::applications::ApplicationRow;
use crate::rows::users::UserRow;
use crate::tokens::audiences::{Audience, UserScopes};
use crate::tokens::claims::{AccessClaims, IdClaims};
use crate::tokens::{ACCESS_LIFETIME, Oauth};

/// `nbf` lies so many seconds back, as in Entra: the clocks of clients differ.
const NOT_BEFORE_SECONDS: i64 = 300;

/// `expires_in`, in seconds: one less than the lifetime, as in Entra, because the reply takes time too.
const EXPIRES_IN: u64 = ACCESS_LIFETIME.as_secs() - 1;

/// Random bytes of a token's own id.
const TOKEN_ID_BYTES: usize = 16;

/// A successful reply (RFC 6749 §5.1).
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct TokenReply {
    /// Always `Bearer`.
    token_type: &'static str,
    /// The scopes of a user's token, with their resource.
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
    /// Seconds until the access token ends.
    expires_in: u64,
    /// The same: there is no extended lifetime.
    ext_expires_in: u64,
    /// The token.
    pub(crate) access_token: String,
    /// By which the next one is had; only with the scope `offline_access`.
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    /// Who signed in; only with the scope `openid`.
    #[serde(skip_serializing_if = "Option::is_none")]
    id_token: Option<String>,
    /// Object id and tenant for MSAL's cache; only when asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_info: Option<String>,
}

/// Whom a user's tokens are for.
pub(crate) struct UserGrant<'a> {
    pub(crate) application: &'a ApplicationRow,
    pub(crate) user: &'a UserRow,
    pub(crate) scopes: &'a UserScopes,
    pub(crate) family: Uuid,
    pub(crate) nonce: &'a str,
    pub(crate) refresh_token: Option<String>,
    pub(crate) wants_client_info: bool,
}

/// The access token of an application.
pub(crate) fn application_token(
    oauth: &Oauth,
    application: &ApplicationRow,
    audience: &Audience,
    now: Timestamp,
    entropy: &dyn Entropy,
) -> TokenReply {
    let mut claims = access_claims(oauth, application, &audience.name, now, entropy);
    claims.oid = application.object_id.to_string();
    claims.sub.clone_from(&claims.oid);
    "app".clone_into(&mut claims.idtyp);
    reply(oauth.keys.current(now).signing().sign(&claims))
}

/// The tokens of a user.
pub(crate) fn user_tokens(
    oauth: &Oauth,
    grant: UserGrant<'_>,
    now: Timestamp,
    entropy: &dyn Entropy,
) -> TokenReply {
    let client_id = grant.application.client_id.to_string();
    let audience = grant.scopes.audience.as_ref();
    // Without a resource the token is for the client itself, and good for nothing here.
    let audience_name = audience.map_or(client_id.as_str(), |audience| &audience.name);
    let mut claims = access_claims(oauth, grant.application, audience_name, now, entropy);
    claims.oid = grant.user.object_id.to_string();
    claims.sub.clone_from(&claims.oid);
    "user".clone_into(&mut claims.idtyp);
    let names =
        if grant.scopes.names.is_empty() { "openid".to_owned() } else { grant.scopes.names.join(" ") };
    claims.scp = Some(names);
    claims.name = Some(grant.user.display_name.clone());
    claims.preferred_username = Some(grant.user.user_name.clone());
    claims.generation = Some(grant.user.generation.to_string());
    claims.sid = Some(grant.family.to_string());
    claims.application = Some(grant.application.object_id.to_string());
    let key = oauth.keys.current(now);
    let mut reply = reply(key.signing().sign(&claims));
    reply.scope = Some(scope_text(grant.scopes));
    reply.refresh_token = grant.refresh_token;
    if grant.scopes.is_openid {
        reply.id_token = Some(key.signing().sign(&id_claims(&claims, grant.nonce)));
    }
    if grant.wants_client_info {
        let info = json!({ "uid": claims.oid, "utid": claims.tid }).to_string();
        reply.client_info = Some(URL_SAFE_NO_PAD.encode(info));
    }
    reply
}

fn reply(access_token: String) -> TokenReply {
    TokenReply {
        token_type: "Bearer",
        scope: None,
        expires_in: EXPIRES_IN,
        ext_expires_in: EXPIRES_IN,
        access_token,
        refresh_token: None,
        id_token: None,
        client_info: None,
    }
}

fn access_claims(
    oauth: &Oauth,
    application: &ApplicationRow,
    audience: &str,
    now: Timestamp,
    entropy: &dyn Entropy,
) -> AccessClaims {
    let mut token_id = [0; TOKEN_ID_BYTES];
    entropy.fill(&mut token_id);
    let client_id = application.client_id.to_string();
    AccessClaims {
        iss: oauth.issuer.clone(),
        aud: audience.to_owned(),
        iat: now.as_seconds(),
        nbf: now.as_seconds() - NOT_BEFORE_SECONDS,
        exp: now.plus(ACCESS_LIFETIME).as_seconds(),
        tid: oauth.tenant.clone(),
        appid: client_id.clone(),
        azp: client_id,
        ver: "2.0".to_owned(),
        uti: URL_SAFE_NO_PAD.encode(token_id),
        ..AccessClaims::default()
    }
}

fn id_claims<'a>(access: &'a AccessClaims, nonce: &'a str) -> IdClaims<'a> {
    IdClaims {
        iss: &access.iss,
        aud: &access.appid,
        iat: access.iat,
        nbf: access.nbf,
        exp: access.exp,
        tid: &access.tid,
        oid: &access.oid,
        sub: &access.sub,
        name: access.name.as_deref().unwrap_or_default(),
        preferred_username: access.preferred_username.as_deref().unwrap_or_default(),
        ver: "2.0",
        nonce: (!nonce.is_empty()).then_some(nonce),
    }
}

/// What was given, each scope in full: MSAL finds tokens in its cache by this text.
fn scope_text(scopes: &UserScopes) -> String {
    let resource = scopes.audience.as_ref().map(|audience| audience.name.as_str()).unwrap_or_default();
    let mut given: Vec<String> = scopes.names.iter().map(|name| format!("{resource}/{name}")).collect();
    if scopes.is_openid {
        given.extend(["openid".to_owned(), "profile".to_owned()]);
    }
    if scopes.is_offline {
        given.push("offline_access".to_owned());
    }
    given.join(" ")
}
