//! Managed identity: programs on this machine get a token without any credential, as on a machine in Azure.
//!
//! Whoever can send the request gets the token, so it must come from this very machine, from no proxy and from
//! no browser: a page in a browser could ask too, from any site.

use std::net::IpAddr;
use std::sync::Arc;

use http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;
use trunkline_store::StoreError;
use trunkline_web::app::without_port;
use trunkline_web::{ApiError, Context, Peer, Reply};
use uuid::Uuid;

use crate::DirectoryService;
use crate::rows::applications::{self, ApplicationRow};
use crate::tokens::errors::OauthError;
use crate::tokens::fields::Fields;
use crate::tokens::{ACCESS_LIFETIME, audiences, issue};

/// Headers by which proxies say for whom they ask.
const FORWARDING_HEADERS: [&str; 10] = [
    "forwarded",
    "via",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-proto",
    "x-forwarded-server",
    "x-original-forwarded-for",
    "x-client-ip",
    "x-real-ip",
];

/// Headers that only browsers send; no page can leave them out.
const BROWSER_HEADERS: [&str; 3] = ["origin", "sec-fetch-mode", "sec-fetch-site"];

/// The reply to a virtual machine's client; all numbers are texts.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ManagedIdentityToken {
    /// The token.
    access_token: String,
    /// The managed identity.
    client_id: String,
    /// Seconds until the token ends.
    expires_in: String,
    /// When it ends, in seconds since 1970.
    expires_on: String,
    /// The same as `expires_in`.
    ext_expires_in: String,
    /// From when it is good, in seconds since 1970.
    not_before: String,
    /// The resource, as it was asked for.
    resource: String,
    /// Always `Bearer`.
    token_type: &'static str,
}

pub(crate) async fn managed_identity_get_token(
    service: Arc<DirectoryService>,
    context: Context,
) -> Result<Reply, ApiError> {
    let is_available = service.settings.is_enabled && service.settings.is_metadata_enabled;
    if !is_available || !is_from_here(&service, &context) {
        return Err(ApiError::not_found("There is no managed identity endpoint for this caller."));
    }
    // The header cannot be set by a link or a form, and is what makes it clear that a program asks.
    let is_virtual_machine =
        context.header("metadata").is_some_and(|value| value.eq_ignore_ascii_case("true"));
    let is_app_service = context.header("x-identity-header").is_some_and(|value| !value.is_empty());
    if !is_virtual_machine && !is_app_service {
        let body = json!({
            "error": "invalid_request",
            "error_description": "Required metadata header not specified: send 'Metadata: true'.",
        });
        return Ok(Reply::json(StatusCode::BAD_REQUEST, &body));
    }
    Ok(match token(&service, &context).await {
        Ok(token) => Reply::json(StatusCode::OK, &token),
        Err(refusal) => refusal.metadata_reply(),
    })
}

/// Whether the request comes from a program on this machine.
fn is_from_here(service: &DirectoryService, context: &Context) -> bool {
    let is_near = match context.peer {
        Peer::Local => true,
        Peer::Address(address) => address.to_canonical().is_loopback(),
    };
    let is_clean = !FORWARDING_HEADERS.iter().chain(&BROWSER_HEADERS).any(|name| context.has_header(name));
    // A site whose name leads here (DNS rebinding) is called by that name. HTTP/2 has no such header, and comes
    // over TLS, whose certificate fits no foreign name.
    let is_own_name =
        !context.has_header("host") || context.header("host").is_some_and(|host| is_own(service, host));
    is_near && is_clean && is_own_name
}

fn is_own(service: &DirectoryService, host: &str) -> bool {
    let name = without_port(host).to_ascii_lowercase();
    let public = service.settings.public_origin.split_once("://").map(|(_, host)| without_port(host));
    let bare = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(&name);
    name == "localhost"
        || name.ends_with(".localhost")
        || public.is_some_and(|public| public.eq_ignore_ascii_case(&name))
        || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

async fn token(service: &DirectoryService, context: &Context) -> Result<ManagedIdentityToken, OauthError> {
    let fields = Fields::of_query(context)?;
    let asked = fields.require("resource")?;
    // The scope of a token endpoint is a common mistake, and clear.
    let resource = asked.strip_suffix("/.default").unwrap_or(asked);
    let audience = audiences::find(resource, &service.settings.public_origin)
        .ok_or_else(|| OauthError::UnknownResource(resource.to_owned()))?;
    let application = find_identity(service, &fields).await?;
    let now = context.now;
    let issued = issue::application_token(&service.oauth, &application, &audience, now, &*service.entropy);
    let seconds = (ACCESS_LIFETIME.as_secs() - 1).to_string();
    Ok(ManagedIdentityToken {
        access_token: issued.access_token,
        client_id: application.client_id.to_string(),
        expires_in: seconds.clone(),
        expires_on: now.plus(ACCESS_LIFETIME).as_seconds().to_string(),
        ext_expires_in: seconds,
        not_before: now.as_seconds().to_string(),
        resource: asked.to_owned(),
        token_type: "Bearer",
    })
}

/// The managed identity that is asked for; the oldest when none is.
async fn find_identity(service: &DirectoryService, fields: &Fields) -> Result<ApplicationRow, OauthError> {
    let not_found = |named: &str| OauthError::ApplicationNotFound(named.to_owned());
    if fields.get("mi_res_id").or(fields.get("msi_res_id")).is_some() {
        return Err(OauthError::Malformed("name the managed identity by client_id or object_id".to_owned()));
    }
    let client_id = fields.get("client_id");
    let object_id = fields.get("object_id").or(fields.get("principal_id"));
    let Some(named) = client_id.or(object_id) else {
        let found: Result<_, StoreError> =
            service.store.read(move |tx| applications::list_managed_identities(tx, 1)).await;
        return found?.into_iter().next().ok_or_else(|| not_found("the default managed identity"));
    };
    let id = Uuid::try_parse(named).map_err(|_| not_found(named))?;
    let is_client_id = client_id.is_some();
    let found: Result<_, StoreError> = service
        .store
        .read(move |tx| {
            if is_client_id {
                applications::find_by_client_id(tx, id)
            } else {
                applications::find_by_object_id(tx, id)
            }
        })
        .await;
    let found = found?.filter(|application| application.is_managed_identity);
    found.ok_or_else(|| not_found(named))
}
