//! Client assertions (RFC 7523 §3): signed with a registered certificate, or a token of an issuer that the
//! application trusts (workload identity federation).
//!
//! The official clients sign one assertion and use it for several resources until it is almost over. So an
//! assertion is good once for each resource; the tokens of a federation are made by somebody else for many
//! uses, and are good until they expire.

use std::time::Duration;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use trunkline_kernel::Timestamp;
use trunkline_kernel::jws::{JwsError, Unverified, VerifyingKey};
use trunkline_store::{Key, StoreError};
use x509_parser::public_key::PublicKey;

use crate::rows::applications::ApplicationRow;
use crate::rows::credentials::{CredentialKind, CredentialRow};
use crate::tokens::claims::{Audiences, NumericDate};
use crate::tokens::errors::OauthError;
use crate::{DirectoryService, rows};

/// How far the client's clock may be ahead or behind.
const CLOCK_LEEWAY: Duration = Duration::from_mins(5);

/// How far ahead an assertion may end: the official clients take 10 minutes, and each is remembered so long.
const LIFETIME_MAX: Duration = Duration::from_hours(1);

/// The longest `jti`.
const JTI_BYTES_MAX: usize = 256;

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Audiences,
    exp: NumericDate,
    #[serde(default)]
    nbf: Option<NumericDate>,
    #[serde(default)]
    jti: Option<String>,
}

/// Checks the assertion of `application` for a token for `resource`.
///
/// **Errors**: those of [`OauthError`] about assertions.
pub(crate) async fn check(
    service: &DirectoryService,
    application: &ApplicationRow,
    credentials: &[CredentialRow],
    assertion: &str,
    resource: &str,
) -> Result<(), OauthError> {
    let unverified = Unverified::parse_padded(assertion)
        .map_err(|_| OauthError::AssertionMalformed("it is not a JSON Web Token"))?;
    let claimed: Claims = unverified
        .peek()
        .map_err(|_| OauthError::AssertionMalformed("it lacks iss, sub, aud or exp, or they do not fit"))?;
    let client_id = application.client_id.to_string();
    if claimed.iss == claimed.sub && claimed.iss.eq_ignore_ascii_case(&client_id) {
        check_own(service, credentials, &unverified, &client_id, resource).await
    } else {
        check_federated(service, credentials, &unverified, &claimed).await
    }
}

fn check_time(claims: &Claims, now: Timestamp) -> Result<(), OauthError> {
    let not_before = claims.nbf.map_or(Timestamp::EPOCH, NumericDate::as_timestamp);
    if claims.exp.as_timestamp() <= now || not_before > now.plus(CLOCK_LEEWAY) {
        return Err(OauthError::AssertionTime);
    }
    Ok(())
}

async fn check_own(
    service: &DirectoryService,
    credentials: &[CredentialRow],
    unverified: &Unverified<'_>,
    client_id: &str,
    resource: &str,
) -> Result<(), OauthError> {
    let now = service.clock.now();
    let certificate = credentials
        .iter()
        .filter(|credential| credential.kind == CredentialKind::Certificate)
        .find(|credential| is_named(unverified, credential.material.expose()))
        .ok_or(OauthError::AssertionForged("no registered certificate has the thumbprint in its header"))?;
    if !certificate.is_valid(now) {
        return Err(OauthError::AssertionForged("the certificate has expired"));
    }
    let keys = keys_of(certificate.material.expose());
    let claims: Claims = unverified.verify_with_one_of(&keys).map_err(|cause| match cause {
        JwsError::WrongAlgorithm => {
            OauthError::AssertionForged("its algorithm is not one of the certificate's key")
        }
        JwsError::Malformed | JwsError::BadSignature | JwsError::UnusableKey => {
            OauthError::AssertionForged("the signature does not fit the certificate")
        }
    })?;
    check_time(&claims, now)?;
    if claims.exp.as_timestamp() > now.plus(LIFETIME_MAX + CLOCK_LEEWAY) {
        return Err(OauthError::AssertionTime);
    }
    if !claims.aud.iter().any(|audience| is_own_audience(service, audience)) {
        return Err(OauthError::AssertionAudience);
    }
    let jti = claims.jti.as_deref().filter(|jti| !jti.is_empty() && jti.len() <= JTI_BYTES_MAX);
    let jti = jti.ok_or(OauthError::AssertionMalformed("it has no jti, or one that is too long"))?;
    remember(service, &format!("{client_id}\0{resource}\0{jti}"), claims.exp.as_timestamp()).await
}

/// Whether the header names the certificate: by `x5t#S256`, `x5t`, or its thumbprint as `kid`.
fn is_named(unverified: &Unverified<'_>, der: &[u8]) -> bool {
    let sha1 = digest(&SHA1_FOR_LEGACY_USE_ONLY, der);
    let sha256 = digest(&SHA256, der);
    // Python's client pads the text.
    let is_encoded = |text: &str, hash: &[u8]| {
        URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).is_ok_and(|bytes| bytes == hash)
    };
    let is_hexadecimal = |text: &str, hash: &[u8]| {
        let digits: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        text.eq_ignore_ascii_case(&digits)
    };
    match (unverified.x5t_sha256(), unverified.x5t(), unverified.kid()) {
        (Some(named), _, _) => is_encoded(named, sha256.as_ref()),
        (None, Some(named), _) => is_encoded(named, sha1.as_ref()),
        (None, None, Some(named)) => [sha1.as_ref(), sha256.as_ref()]
            .into_iter()
            .any(|hash| is_encoded(named, hash) || is_hexadecimal(named, hash)),
        (None, None, None) => false,
    }
}

/// What a registered certificate's key verifies: it was checked when it was registered.
fn keys_of(der: &[u8]) -> Vec<VerifyingKey> {
    let Ok((_, certificate)) = x509_parser::parse_x509_certificate(der) else { return Vec::new() };
    match certificate.public_key().parsed() {
        Ok(PublicKey::RSA(key)) => {
            let plain = |number: &[u8]| {
                let start = number.iter().position(|byte| *byte != 0).unwrap_or(number.len());
                number[start..].to_vec()
            };
            VerifyingKey::both_paddings(&plain(key.modulus), &plain(key.exponent)).to_vec()
        }
        Ok(PublicKey::EC(point)) => vec![VerifyingKey::Es256(point.data().to_vec())],
        _ => Vec::new(),
    }
}

/// The token endpoint under each of its names, or the issuer.
fn is_own_audience(service: &DirectoryService, audience: &str) -> bool {
    if audience == service.oauth.issuer {
        return true;
    }
    let path = audience.strip_prefix(service.settings.public_origin.as_str());
    let tenant =
        path.and_then(|path| path.strip_prefix('/')).and_then(|path| path.strip_suffix("/oauth2/v2.0/token"));
    tenant.is_some_and(|tenant| service.oauth.is_tenant(tenant))
}

async fn remember(service: &DirectoryService, used: &str, expires: Timestamp) -> Result<(), OauthError> {
    let hash = digest(&SHA256, used.as_bytes()).as_ref().to_vec();
    // So long that a clock set back by the leeway does not make it new again.
    let until = expires.plus(CLOCK_LEEWAY);
    let is_new: Result<bool, StoreError> = service
        .store
        .write(Key::system("directory/assertions"), move |tx| rows::oauth::insert_assertion(tx, &hash, until))
        .await;
    if is_new? { Ok(()) } else { Err(OauthError::AssertionReplayed) }
}

async fn check_federated(
    service: &DirectoryService,
    credentials: &[CredentialRow],
    unverified: &Unverified<'_>,
    claimed: &Claims,
) -> Result<(), OauthError> {
    let now = service.clock.now();
    let fits = |claims: &Claims| {
        credentials.iter().any(|credential| {
            credential.kind == CredentialKind::Federated
                && credential.is_valid(now)
                && credential.issuer == claims.iss
                && credential.subject == claims.sub
                && claims.aud.contains(&credential.audience)
        })
    };
    // Before anything is fetched: an issuer nobody registered is never asked.
    if !fits(claimed) {
        return Err(OauthError::FederationNotFound);
    }
    let configured = service.oauth.issuers.iter().find(|issuer| issuer.issuer == claimed.iss);
    let jwks_url = configured.and_then(|issuer| issuer.jwks_url.as_deref());
    let kid = unverified.kid().ok_or(OauthError::AssertionForged("it names no key"))?;
    let key = service
        .oauth
        .key_sets
        .find(&claimed.iss, jwks_url, kid)
        .await
        .map_err(|_| OauthError::IssuerUnreachable)?
        .ok_or(OauthError::AssertionForged("its key is not in the issuer's key set"))?;
    let claims: Claims = unverified
        .verify(&key)
        .map_err(|_| OauthError::AssertionForged("the signature does not fit the issuer's key"))?;
    check_time(&claims, now)
}
