//! How an application proves who it is (RFC 6749 §2.3, RFC 7523 §2.2): secret, certificate, federation.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use trunkline_store::StoreError;
use trunkline_web::Context;
use trunkline_web::signature::percent_decode;
use uuid::Uuid;

use crate::credentials::hash_secret;
use crate::rows::applications::ApplicationRow;
use crate::rows::credentials::{CredentialKind, CredentialRow};
use crate::throttle::Kind;
use crate::tokens::assertions;
use crate::tokens::errors::OauthError;
use crate::tokens::fields::Fields;
use crate::{DirectoryService, rows};

/// The only kind of assertion (RFC 7523 §2.2).
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// The application that asks.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    pub(crate) application: ApplicationRow,
    /// Whether it could prove itself at all.
    pub(crate) has_credentials: bool,
    /// Whether it did.
    pub(crate) is_authenticated: bool,
}

/// What came as proof.
enum Proof<'a> {
    None,
    Secret(&'a str),
    Assertion(&'a str),
}

/// The application behind a request for a token for `resource`; whatever proof it sends must be right.
///
/// **Errors**: those of [`OauthError`] about clients, secrets and assertions.
pub(crate) async fn authenticate(
    service: &DirectoryService,
    context: &Context,
    fields: &Fields,
    resource: &str,
) -> Result<Client, OauthError> {
    let basic = read_basic(context)?;
    let named = fields.get("client_id");
    let client_id = match (named, &basic) {
        (Some(named), Some((basic, _))) if named != basic => {
            return Err(OauthError::Malformed("two different client ids".to_owned()));
        }
        (Some(named), _) => named,
        (None, Some((basic, _))) => basic.as_str(),
        (None, None) => return Err(OauthError::MissingParameter("client_id")),
    };
    let (application, credentials) = load(service, context, client_id).await?;
    let proof = proof_of(fields, basic.as_ref().map(|(_, secret)| secret.as_str()))?;
    match proof {
        Proof::None => {}
        Proof::Secret(secret) => check_secret(&credentials, secret, context)?,
        Proof::Assertion(assertion) => {
            assertions::check(service, &application, &credentials, assertion, resource).await?;
        }
    }
    Ok(Client {
        application,
        has_credentials: !credentials.is_empty(),
        is_authenticated: !matches!(proof, Proof::None),
    })
}

/// The application called `client_id`, with its credentials; counts the request against its limit.
///
/// **Errors**: [`OauthError::ApplicationNotFound`], [`OauthError::TooMany`].
pub(crate) async fn load(
    service: &DirectoryService,
    context: &Context,
    client_id: &str,
) -> Result<(ApplicationRow, Vec<CredentialRow>), OauthError> {
    let unknown = || OauthError::ApplicationNotFound(client_id.to_owned());
    let id = Uuid::try_parse(client_id).map_err(|_| unknown())?;
    let loaded: Result<_, StoreError> = service
        .store
        .read(move |tx| {
            let application = rows::applications::find_by_client_id(tx, id)?;
            let credentials = rows::credentials::list(tx, id)?;
            Ok(application.map(|application| (application, credentials)))
        })
        .await;
    let loaded = loaded?.ok_or_else(unknown)?;
    service.throttle.take(Kind::Request, context.peer, id).map_err(OauthError::TooMany)?;
    Ok(loaded)
}

/// Client id and secret of the `Authorization` header (RFC 6749 §2.3.1): both form-encoded.
fn read_basic(context: &Context) -> Result<Option<(String, String)>, OauthError> {
    if !context.has_header("authorization") {
        return Ok(None);
    }
    let invalid =
        || OauthError::Malformed("the Authorization header is not 'Basic' with id and secret".to_owned());
    let value = context.header("authorization").ok_or_else(invalid)?;
    let (scheme, encoded) = value.split_once(' ').ok_or_else(invalid)?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err(invalid());
    }
    let decoded = STANDARD.decode(encoded.trim()).map_err(|_| invalid())?;
    let text = String::from_utf8(decoded).map_err(|_| invalid())?;
    let (id, secret) = text.split_once(':').ok_or_else(invalid)?;
    let plain = |text: &str| percent_decode(&text.replace('+', " ")).map(std::borrow::Cow::into_owned);
    Ok(Some((plain(id).ok_or_else(invalid)?, plain(secret).ok_or_else(invalid)?)))
}

/// RFC 6749 §2.3: one method in each request.
fn proof_of<'a>(fields: &'a Fields, basic: Option<&'a str>) -> Result<Proof<'a>, OauthError> {
    match (basic, fields.get("client_secret"), fields.get("client_assertion")) {
        (None, None, None) => Ok(Proof::None),
        (Some(secret), None, None) | (None, Some(secret), None) => Ok(Proof::Secret(secret)),
        (None, None, Some(assertion)) => match fields.require("client_assertion_type")? {
            ASSERTION_TYPE => Ok(Proof::Assertion(assertion)),
            _ => Err(OauthError::Malformed(format!("client_assertion_type must be '{ASSERTION_TYPE}'"))),
        },
        _ => Err(OauthError::Malformed("more than one proof of the client".to_owned())),
    }
}

fn check_secret(credentials: &[CredentialRow], secret: &str, context: &Context) -> Result<(), OauthError> {
    let hash = hash_secret(secret);
    let fits = |credential: &&CredentialRow| {
        credential.kind == CredentialKind::Secret && credential.material.matches(&hash)
    };
    match credentials.iter().find(fits) {
        Some(credential) if credential.is_valid(context.now) => Ok(()),
        Some(_) => Err(OauthError::SecretExpired),
        None => Err(OauthError::WrongSecret),
    }
}
