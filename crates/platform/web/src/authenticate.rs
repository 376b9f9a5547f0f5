//! Who calls, and whether they may.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, Method, header};
use trunkline_kernel::clock::Timestamp;
use trunkline_kernel::ids::ResourceId;

use crate::app::Peer;
use crate::error::ApiError;
use crate::operation::{Allow, Operation, Role};
use crate::ports::VerifyBearer;
use crate::principal::{Plane, Principal, ResourceView};
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
    if asked.operation.allow == [Allow::Anyone] {
        // A client's own credentials (RFC 6749 §2.3.1) may stand where ours are looked for elsewhere.
        return as_principal(Principal::Anonymous);
    }
    if let Some(name) = asked.operation.token_header {
        let token = asked.headers.get(name).and_then(|value| value.to_str().ok());
        let missing = || {
            ApiError::denied(
                "CredentialsMissing",
                format!("The request has no token in its header '{name}'."),
            )
        };
        let principal = verify_bearer(asked, bearers, token.ok_or_else(missing)?).await?;
        return as_principal(principal);
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
        return as_principal(verify_bearer(asked, bearers, credentials).await?);
    }
    Err(ApiError::denied("AuthorizationInvalid", "The Authorization scheme must be HMAC-SHA256 or Bearer."))
}

async fn verify_bearer(
    asked: &Asked<'_>,
    bearers: &[Arc<dyn VerifyBearer>],
    token: &str,
) -> Result<Principal, ApiError> {
    for bearer in bearers {
        if let Some(principal) = bearer.verify(token.trim(), asked.resource).await? {
            return Ok(principal);
        }
    }
    Err(ApiError::denied(
        "TokenUnknown",
        "The bearer token was not issued by this server or a configured issuer.",
    ))
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
    if resource.is_local_auth_disabled {
        return Err(ApiError::denied(
            "LocalAuthDisabled",
            "Access keys are switched off for this resource (disableLocalAuth); use an Entra token.",
        ));
    }
    Ok(Authenticated { principal: Principal::ResourceKey { slot }, signed: Some(signed) })
}

fn missing_credentials(operation: &Operation) -> &'static str {
    let takes = |wanted: fn(&Allow) -> bool| operation.allow.iter().any(wanted);
    if takes(|allow| matches!(allow, Allow::ResourceKey)) {
        "The request has no Authorization header; sign it with an access key of the resource."
    } else if takes(|allow| matches!(allow, Allow::User(_))) {
        "The request has no Authorization header; send 'Bearer' and a user access token."
    } else if takes(|allow| matches!(allow, Allow::DirectoryUser)) {
        "The request has no Authorization header; send 'Bearer' and a directory user's token."
    } else if takes(|allow| matches!(allow, Allow::Management(_))) {
        "The request has no Authorization header; send 'Bearer' and a token for https://management.azure.com."
    } else {
        "The request has no Authorization header; send 'Bearer' and an operator token."
    }
}

/// The resources a role is looked for on.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    /// That of the request's host.
    pub(crate) host: Option<ResourceId>,
    /// That which the path of an operation of ARM names.
    pub(crate) managed: Option<ResourceId>,
}

/// Whether `principal` may call `operation`.
///
/// **Errors**: 401 for a token whose audience is that of other routes; 403 that says what would be enough.
pub(crate) fn authorise(operation: &Operation, principal: &Principal, place: Place) -> Result<(), ApiError> {
    check_audience(operation, principal)?;
    let is_allowed = operation.allow.iter().any(|allow| match (allow, principal) {
        (Allow::Anyone, _)
        | (Allow::ResourceKey, Principal::ResourceKey { .. })
        | (Allow::DirectoryUser, Principal::DirectoryUser(_)) => true,
        (Allow::Application(least), Principal::Application { grants, plane: Plane::Data, .. }) => {
            place.host.is_some_and(|host| grants.role_on(Some(host)) >= Some(*least))
        }
        (Allow::Sender(service), Principal::Application { grants, plane: Plane::Data, .. }) => {
            place.host.is_some_and(|host| grants.may_send(host, service))
        }
        (Allow::Management(least), Principal::Application { grants, plane: Plane::Management, .. }) => {
            let is_list = operation.manages.is_none() && !operation.is_change();
            let role = if is_list { grants.role_anywhere() } else { grants.role_on(place.managed) };
            role >= Some(*least)
        }
        (Allow::Operator(least), Principal::Operator { role, .. }) => role >= least,
        (Allow::User(scopes), Principal::User { scopes: held, .. }) => {
            held.iter().any(|scope| scopes.contains(&scope.as_str()))
        }
        _ => false,
    });
    if is_allowed { Ok(()) } else { Err(ApiError::forbidden(refusal(operation, principal))) }
}

/// A token for one class of routes is no credential at all on another.
fn check_audience(operation: &Operation, principal: &Principal) -> Result<(), ApiError> {
    let takes = |wanted: fn(&Allow) -> bool| operation.allow.iter().any(wanted);
    let data = |allow: &Allow| matches!(allow, Allow::Application(_) | Allow::Sender(_));
    let management = |allow: &Allow| matches!(allow, Allow::Management(_));
    let exchange = |allow: &Allow| matches!(allow, Allow::DirectoryUser);
    let fits = match principal {
        Principal::Application { plane: Plane::Data, .. } => takes(data),
        Principal::Application { plane: Plane::Management, .. } => takes(management),
        Principal::DirectoryUser(_) => takes(exchange),
        _ => return Ok(()),
    };
    let wanted = if takes(data) {
        "https://communication.azure.com"
    } else if takes(management) {
        "https://management.azure.com"
    } else if takes(exchange) {
        "https://communication.azure.com/clients"
    } else {
        return Ok(());
    };
    if fits {
        return Ok(());
    }
    let message = format!("The token has the audience of other routes; {} takes {wanted}.", operation.id);
    Err(ApiError::denied("AudienceInvalid", message))
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
        Principal::Application { .. } => refusal_of_role(operation),
        Principal::DirectoryUser(_) => {
            format!("{id} cannot be called with a directory user's sign-in token.")
        }
        Principal::Anonymous => format!("{id} needs credentials."),
    }
}

fn refusal_of_role(operation: &Operation) -> String {
    let id = operation.id;
    let role = operation.allow.iter().find_map(|allow| match allow {
        Allow::Application(role) | Allow::Management(role) => Some(role.as_str().to_owned()),
        Allow::Sender(service) => Some(format!("{service}-sender")),
        _ => None,
    });
    match role {
        Some(role) => format!(
            "{id} needs the role {role} here, which the caller does not have; 'trunkline role assign' gives it."
        ),
        None => format!("{id} cannot be called with the token of an application."),
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::operation::Method::{Get, Post};
    use crate::principal::{ApplicationRole, DirectoryUser, Grant, GrantScope, Grants};

    const HERE: ResourceId = ResourceId(Uuid::from_u128(1));
    const THERE: ResourceId = ResourceId(Uuid::from_u128(2));

    static DATA: Operation = Operation::own(
        "Data",
        Post,
        "/data",
        &[Allow::ResourceKey, Allow::Application(Role::Contributor), Allow::Sender("sms")],
    );
    static MANAGED: Operation = Operation {
        manages: Some("name"),
        ..Operation::own("Managed", Post, "/managed/{name}", &[Allow::Management(Role::Owner)])
    };
    static LIST: Operation = Operation::own("List", Get, "/managed", &[Allow::Management(Role::Reader)]);
    static GROUP: Operation =
        Operation::own("Group", Post, "/group", &[Allow::Management(Role::Contributor)]);
    static EXCHANGE: Operation = Operation::own("Exchange", Post, "/exchange", &[Allow::DirectoryUser]);
    static KEY_ONLY: Operation = Operation::own("Key", Post, "/key", &[Allow::ResourceKey]);

    fn application(plane: Plane, scope: GrantScope, role: ApplicationRole) -> Principal {
        let grants = Arc::new(Grants(vec![Grant { scope, role }]));
        Principal::Application { id: "o".into(), client_id: "c".into(), plane, grants }
    }

    fn status(operation: &Operation, principal: &Principal) -> u16 {
        let place = Place { host: Some(HERE), managed: operation.manages.map(|_| HERE) };
        authorise(operation, principal, place).map_or_else(|refusal| refusal.status.as_u16(), |()| 200)
    }

    #[test]
    fn a_token_of_one_class_of_routes_is_refused_on_another() {
        let owner = ApplicationRole::General(Role::Owner);
        let data = application(Plane::Data, GrantScope::Installation, owner);
        let management = application(Plane::Management, GrantScope::Installation, owner);
        let user = Principal::DirectoryUser(Arc::new(DirectoryUser {
            issuer: "i".to_owned(),
            tenant_id: "t".to_owned(),
            object_id: "o".to_owned(),
            client_id: "c".to_owned(),
            audience: "a".to_owned(),
            expires: Timestamp::EPOCH,
            name: None,
        }));
        let statuses = |principal: &Principal| {
            [&DATA, &MANAGED, &LIST, &EXCHANGE, &KEY_ONLY].map(|operation| status(operation, principal))
        };
        assert_eq!(statuses(&data), [200, 401, 401, 401, 403]);
        assert_eq!(statuses(&management), [401, 200, 200, 401, 403]);
        assert_eq!(statuses(&user), [401, 401, 401, 200, 403]);
    }

    #[test]
    fn a_role_must_be_high_enough_and_in_the_right_place() {
        let role = |plane, scope, role| application(plane, scope, ApplicationRole::General(role));
        let (here, there) = (GrantScope::Resource(HERE), GrantScope::Resource(THERE));
        assert_eq!(status(&DATA, &role(Plane::Data, here, Role::Contributor)), 200);
        assert_eq!(status(&DATA, &role(Plane::Data, here, Role::Reader)), 403);
        assert_eq!(status(&DATA, &role(Plane::Data, there, Role::Owner)), 403);
        assert_eq!(status(&MANAGED, &role(Plane::Management, here, Role::Owner)), 200);
        assert_eq!(status(&MANAGED, &role(Plane::Management, here, Role::Contributor)), 403);
        assert_eq!(status(&MANAGED, &role(Plane::Management, there, Role::Owner)), 403);
        assert_eq!(status(&LIST, &role(Plane::Management, there, Role::Reader)), 200);
        assert_eq!(status(&GROUP, &role(Plane::Management, here, Role::Owner)), 403);
        assert_eq!(status(&GROUP, &role(Plane::Management, GrantScope::Installation, Role::Owner)), 200);
    }

    #[test]
    fn a_sender_may_send_through_its_service_only() {
        let sender =
            |service| application(Plane::Data, GrantScope::Resource(HERE), ApplicationRole::Sender(service));
        assert_eq!(status(&DATA, &sender("sms")), 200);
        assert_eq!(status(&DATA, &sender("email")), 403);
    }
}
