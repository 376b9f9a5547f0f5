//! Who calls, and whether they may.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, Method, header};
use trunkline_kernel::clock::Timestamp;

use crate::app::Peer;
use crate::error::ApiError;
use crate::operation::{Allow, Operation, Role};
use crate::ports::VerifyBearer;
use crate::principal::{Principal, ResourceView};
use crate::signature::{SignedHeaders, SignedTarget};

/// What authentication looks at.
pub(crate) struct Asked<'a> {
    pub(crate) operation: &'static Operation,
    pub(crate) peer: Peer,
    pub(crate) method: &'a Method,
    pub(crate) target: &'a str,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) hosts: Vec<Cow<'a, str>>,
    pub(crate) resource: Option<&'a Arc<ResourceView>>,
    pub(crate) now: Timestamp,
    pub(crate) clock_skew: Duration,
}

/// The verified caller, and the signed headers against which the body is still to be checked.
pub(crate) struct Authenticated {
    pub(crate) principal: Principal,
    pub(crate) signed: Option<SignedHeaders>,
}

pub(crate) async fn authenticate(
    asked: &Asked<'_>,
    bearers: &[Arc<dyn VerifyBearer>],
) -> Result<Authenticated, ApiError> {
    let as_principal = |principal| Ok(Authenticated { principal, signed: None });
    if asked.peer == Peer::Local {
        return as_principal(Principal::Operator { name: "local".into(), role: Role::Owner });
    }
    let Some(value) = asked.headers.get(header::AUTHORIZATION) else {
        if asked.operation.allow.contains(&Allow::Anyone) {
            return as_principal(Principal::Anonymous);
        }
        return Err(ApiError::denied("CredentialsMissing", missing_credentials(asked.operation)));
    };
    let unreadable = || {
        ApiError::denied("AuthorizationInvalid", "The Authorization header is not '<scheme> <credentials>'.")
    };
    let (scheme, credentials) =
        value.to_str().ok().and_then(|text| text.split_once(' ')).ok_or_else(unreadable)?;
    if scheme.eq_ignore_ascii_case("HMAC-SHA256") {
        return verify_signature(asked, credentials);
    }
    if scheme.eq_ignore_ascii_case("Bearer") {
        for bearer in bearers {
            if let Some(principal) = bearer.verify(credentials.trim(), asked.resource).await? {
                return as_principal(principal);
            }
        }
        return Err(ApiError::denied(
            "TokenUnknown",
            "The bearer token was not issued by this server or a configured issuer.",
        ));
    }
    Err(ApiError::denied("AuthorizationInvalid", "The Authorization scheme must be HMAC-SHA256 or Bearer."))
}

fn verify_signature(asked: &Asked<'_>, credentials: &str) -> Result<Authenticated, ApiError> {
    let signed = SignedHeaders::read(credentials, asked.headers, asked.now, asked.clock_skew)?;
    let Some(resource) = asked.resource else {
        return Err(ApiError::denied(
            "SignatureMismatch",
            "No resource answers under this host name, so no access key fits.",
        ));
    };
    let target = SignedTarget {
        method: asked.method,
        target: asked.target,
        hosts: &asked.hosts,
        accepts_decoded: asked.operation.accepts_decoded_signature,
    };
    let slot = signed.verify(&target, resource)?;
    Ok(Authenticated { principal: Principal::ResourceKey { slot }, signed: Some(signed) })
}

fn missing_credentials(operation: &Operation) -> &'static str {
    let takes = |wanted: fn(&Allow) -> bool| operation.allow.iter().any(wanted);
    if takes(|allow| matches!(allow, Allow::ResourceKey)) {
        "The request has no Authorization header; sign it with an access key of the resource."
    } else if takes(|allow| matches!(allow, Allow::User(_))) {
        "The request has no Authorization header; send 'Bearer' and a user access token."
    } else {
        "The request has no Authorization header; send 'Bearer' and an operator token."
    }
}

/// Whether `principal` may call `operation`.
///
/// **Errors**: 403 that says what would be enough.
pub(crate) fn authorise(operation: &Operation, principal: &Principal) -> Result<(), ApiError> {
    let is_allowed = operation.allow.iter().any(|allow| match (allow, principal) {
        (Allow::Anyone, _) | (Allow::ResourceKey, Principal::ResourceKey { .. }) => true,
        (Allow::Application(least), Principal::Application { role, .. })
        | (Allow::Operator(least), Principal::Operator { role, .. }) => role >= least,
        (Allow::User(scopes), Principal::User { scopes: held, .. }) => {
            held.iter().any(|scope| scopes.contains(&scope.as_str()))
        }
        _ => false,
    });
    if is_allowed { Ok(()) } else { Err(ApiError::forbidden(refusal(operation, principal))) }
}

fn refusal(operation: &Operation, principal: &Principal) -> String {
    let id = operation.id;
    match principal {
        Principal::User { .. } => {
            let scopes = operation.allow.iter().find_map(|allow| match allow {
                Allow::User(scopes) => Some(scopes.join(", ")),
                _ => None,
            });
            match scopes {
                Some(scopes) => format!("{id} takes a user token with one of the scopes {scopes}."),
                None => format!("{id} cannot be called with a user token."),
            }
        }
        Principal::Operator { .. } => match operation.operator_role() {
            Some(role) => format!("{id} takes an operator with the role {} or above.", role.as_str()),
            None => format!("{id} cannot be called with an operator token."),
        },
        Principal::ResourceKey { .. } => format!("{id} cannot be called with an access key."),
        Principal::Application { .. } => {
            format!("{id} needs a role on the resource that this application does not have.")
        }
        Principal::Anonymous => format!("{id} needs credentials."),
    }
}
