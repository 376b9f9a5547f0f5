//! `grant_type=authorization_code` (RFC 6749 §4.1.3) with PKCE (RFC 7636), S256 only.
//!
//! A code is good once. When it comes again, one of the two who had it was not meant to: everything that came
//! of it ends (RFC 6749 §4.1.2).

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use trunkline_kernel::Timestamp;
use trunkline_kernel::secret::equal_in_constant_time;
use trunkline_store::{Key, Tx};
use trunkline_web::Context;
use uuid::Uuid;

use crate::DirectoryService;
use crate::rows::oauth::{self, CodeRow, RefreshRow};
use crate::rows::users::{self, UserRow};
use crate::tokens::clients::{self, Client};
use crate::tokens::errors::OauthError;
use crate::tokens::fields::Fields;
use crate::tokens::issue::{self, TokenReply, UserGrant};
use crate::tokens::{CODE_LIFETIME, REFRESH_LIFETIME, audiences, hash_of, new_secret, redirections, refresh};

/// Length of a verifier (RFC 7636 §4.1).
const VERIFIER_BYTES: std::ops::RangeInclusive<usize> = 43..=128;

/// What a code stands for.
pub(crate) struct NewCode<'a> {
    pub(crate) client_id: Uuid,
    pub(crate) object_id: Uuid,
    pub(crate) redirect_uri: &'a str,
    pub(crate) scope: &'a str,
    pub(crate) challenge: &'a str,
    pub(crate) nonce: &'a str,
}

/// Makes a code.
pub(crate) async fn create(service: &DirectoryService, code: NewCode<'_>) -> Result<String, OauthError> {
    let (secret, hash) = new_secret(&*service.entropy, "");
    let row = CodeRow {
        hash,
        client_id: code.client_id,
        object_id: code.object_id,
        redirect_uri: code.redirect_uri.to_owned(),
        scope: code.scope.to_owned(),
        challenge: code.challenge.to_owned(),
        nonce: code.nonce.to_owned(),
        family: service.entropy.uuid(),
        expires_at: service.clock.now().plus(CODE_LIFETIME),
        used_at: None,
    };
    service
        .store
        .write(key_of(&row.hash), move |tx| -> Result<(), OauthError> { Ok(oauth::insert_code(tx, &row)?) })
        .await?;
    Ok(secret)
}

/// Writes that concern one code happen one after another.
fn key_of(hash: &[u8]) -> Key {
    Key::system(format_args!("directory/code/{}", URL_SAFE_NO_PAD.encode(hash)))
}

/// What the client sends with a code.
#[derive(Clone)]
struct Presented {
    hash: Vec<u8>,
    redirect_uri: String,
    verifier: Option<String>,
    client: Client,
    refresh: Option<(String, Vec<u8>)>,
    now: Timestamp,
}

/// What became of it: the row and its user, or that it came before.
enum Redeemed {
    Good(Box<(CodeRow, UserRow)>),
    Used,
}

/// The tokens for a code.
pub(crate) async fn grant(
    service: &DirectoryService,
    context: &Context,
    fields: &Fields,
) -> Result<TokenReply, OauthError> {
    let code = fields.require("code")?;
    let redirect_uri = fields.require("redirect_uri")?.to_owned();
    let client = clients::authenticate(service, context, fields, "authorization_code").await?;
    // A secret that an application on the user's machine holds is none, and one without any has none to show.
    if client.has_credentials && !client.is_authenticated && !redirections::is_native(&redirect_uri) {
        return Err(OauthError::CredentialMissing);
    }
    let (refresh_token, refresh_hash) = refresh::new_token(service, client.is_authenticated);
    let presented = Presented {
        hash: hash_of(code),
        redirect_uri,
        verifier: fields.get("code_verifier").map(str::to_owned),
        client: client.clone(),
        refresh: Some((service.settings.public_origin.clone(), refresh_hash)),
        now: context.now,
    };
    let key = key_of(&presented.hash);
    let redeemed = service.store.write(key, move |tx| redeem(tx, &presented)).await?;
    let Redeemed::Good(good) = redeemed else {
        service.oauth.verifier.forget_families();
        return Err(OauthError::CodeUsed);
    };
    let (row, user) = *good;
    let scopes = audiences::of_user(&row.scope, &service.settings.public_origin)?;
    let grant = UserGrant {
        application: &client.application,
        user: &user,
        scopes: &scopes,
        family: row.family,
        nonce: &row.nonce,
        refresh_token: scopes.is_offline.then_some(refresh_token),
        wants_client_info: fields.get("client_info") == Some("1"),
    };
    Ok(issue::user_tokens(&service.oauth, grant, context.now, &*service.entropy))
}

fn redeem(tx: &mut Tx<'_>, presented: &Presented) -> Result<Redeemed, OauthError> {
    let now = presented.now;
    let client_id = presented.client.application.client_id;
    let row = oauth::find_code(tx, &presented.hash)?.filter(|row| row.client_id == client_id);
    let row = row.ok_or(OauthError::CodeInvalid)?;
    if row.used_at.is_some() {
        oauth::end_family(tx, row.family, now.plus(REFRESH_LIFETIME))?;
        return Ok(Redeemed::Used);
    }
    if row.expires_at <= now {
        return Err(OauthError::CodeExpired);
    }
    if row.redirect_uri != presented.redirect_uri {
        return Err(OauthError::RedirectMismatch);
    }
    check_verifier(&row.challenge, presented)?;
    let user = users::find_by_object_id(tx, row.object_id)?.filter(|user| user.is_enabled);
    let user = user.ok_or(OauthError::UserDisabled)?;
    oauth::use_code(tx, &row.hash, now)?;
    if let Some((origin, hash)) = &presented.refresh
        && audiences::of_user(&row.scope, origin)?.is_offline
    {
        let token = RefreshRow {
            hash: hash.clone(),
            family: row.family,
            client_id,
            object_id: row.object_id,
            scope: row.scope.clone(),
            expires_at: now.plus(REFRESH_LIFETIME),
            used_at: None,
        };
        oauth::insert_refresh_token(tx, &token)?;
    }
    Ok(Redeemed::Good(Box::new((row, user))))
}

fn check_verifier(challenge: &str, presented: &Presented) -> Result<(), OauthError> {
    let is_proven = match (&presented.verifier, challenge) {
        // Without a challenge the client itself is the proof. A verifier nobody announced means that somebody
        // took the challenge away (RFC 9700 §4.8).
        (None, "") => presented.client.is_authenticated,
        (Some(_), "") | (None, _) => false,
        (Some(verifier), challenge) => {
            let hash = URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes()));
            VERIFIER_BYTES.contains(&verifier.len())
                && equal_in_constant_time(hash.as_bytes(), challenge.as_bytes())
        }
    };
    if is_proven { Ok(()) } else { Err(OauthError::VerifierMismatch) }
}
