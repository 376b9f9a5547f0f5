//! `grant_type=refresh_token` (RFC 6749 §6): each use gives the next token, and one that comes again ends the
//! whole family (RFC 9700 §4.14.2).

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use trunkline_kernel::Timestamp;
use trunkline_store::{Key, Tx};
use trunkline_web::Context;
use uuid::Uuid;

use crate::DirectoryService;
use crate::rows::oauth::{self, RefreshRow};
use crate::rows::users::{self, UserRow};
use crate::tokens::errors::OauthError;
use crate::tokens::fields::Fields;
use crate::tokens::issue::{self, TokenReply, UserGrant};
use crate::tokens::{REFRESH_LIFETIME, audiences, clients, hash_of, new_secret};

/// How long a used token still gives another one: two threads of one client refresh at once, or a reply is
/// lost.
pub(crate) const REUSE_GRACE: Duration = Duration::from_secs(10);

/// Tokens begin so when their client proved itself, and must do so again ...
const CONFIDENTIAL: &str = "1.c.";
/// ... and so when it could not. The hash covers the beginning too, so that neither becomes the other.
const PUBLIC: &str = "1.p.";

/// A new token and what is kept of it.
pub(crate) fn new_token(service: &DirectoryService, is_confidential: bool) -> (String, Vec<u8>) {
    new_secret(&*service.entropy, if is_confidential { CONFIDENTIAL } else { PUBLIC })
}

/// What came of a refresh token.
enum Refreshed {
    Good(Box<(RefreshRow, UserRow)>),
    Used,
}

/// The next tokens.
pub(crate) async fn grant(
    service: &DirectoryService,
    context: &Context,
    fields: &Fields,
) -> Result<TokenReply, OauthError> {
    let origin = service.settings.public_origin.as_str();
    let token = fields.require("refresh_token")?;
    let asked = fields.get("scope").map(|scope| audiences::of_user(scope, origin)).transpose()?;
    let client = clients::authenticate(service, context, fields, "refresh_token").await?;
    let is_confidential = token.starts_with(CONFIDENTIAL);
    if is_confidential && !client.is_authenticated {
        return Err(OauthError::CredentialMissing);
    }
    let (next, next_hash) = new_token(service, is_confidential);
    let (hash, now, client_id) = (hash_of(token), context.now, client.application.client_id);
    let key = Key::system(format_args!("directory/refresh/{}", URL_SAFE_NO_PAD.encode(&hash)));
    let refreshed = service.store.write(key, move |tx| rotate(tx, &hash, client_id, &next_hash, now)).await?;
    let Refreshed::Good(good) = refreshed else {
        service.oauth.verifier.forget_families();
        return Err(OauthError::RefreshUsed);
    };
    let (row, user) = *good;
    let mut scopes = asked.map_or_else(|| audiences::of_user(&row.scope, origin), Ok)?;
    // What was given at the sign-in stays given.
    scopes.is_offline = true;
    let grant = UserGrant {
        application: &client.application,
        user: &user,
        scopes: &scopes,
        family: row.family,
        nonce: "",
        refresh_token: Some(next),
        wants_client_info: fields.get("client_info") == Some("1"),
    };
    Ok(issue::user_tokens(&service.oauth, grant, now, &*service.entropy))
}

fn rotate(
    tx: &mut Tx<'_>,
    hash: &[u8],
    client_id: Uuid,
    next_hash: &[u8],
    now: Timestamp,
) -> Result<Refreshed, OauthError> {
    let row = oauth::find_refresh_token(tx, hash)?.filter(|row| row.client_id == client_id);
    let row = row.ok_or(OauthError::RefreshInvalid)?;
    // On PostgreSQL a token can be made while its family is being ended: it lasts no longer than to here.
    if oauth::is_family_ended(tx, row.family)? {
        return Err(OauthError::RefreshInvalid);
    }
    if row.used_at.is_some_and(|used_at| used_at.plus(REUSE_GRACE) < now) {
        oauth::end_family(tx, row.family, now.plus(REFRESH_LIFETIME))?;
        return Ok(Refreshed::Used);
    }
    if row.expires_at <= now {
        return Err(OauthError::RefreshExpired);
    }
    let user = users::find_by_object_id(tx, row.object_id)?.filter(|user| user.is_enabled);
    let user = user.ok_or(OauthError::UserDisabled)?;
    oauth::use_refresh_token(tx, hash, now)?;
    let next = RefreshRow {
        hash: next_hash.to_vec(),
        expires_at: now.plus(REFRESH_LIFETIME),
        used_at: None,
        ..row.clone()
    };
    oauth::insert_refresh_token(tx, &next)?;
    Ok(Refreshed::Good(Box::new((row, user))))
}
