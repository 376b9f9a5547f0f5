//! HTTP: wire types and the handler.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use trunkline_kernel::Timestamp;
use trunkline_web::{ApiError, Context, Reply, Routes};

use crate::{TraversalService, operations};

/// The longest lifetime of a credential, and the one that whoever asks for none or for more gets.
const TTL_MAX: Duration = Duration::from_hours(48);

/// Who the relay counts for when the request names nobody.
const NOBODY: &str = "application";

/// Where an ICE server is, seen from the client. There is one relay, so both lead to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum RouteType {
    /// Wherever it is most reliable.
    Any,
    /// Where it is soonest reached.
    Nearest,
}

/// What a configuration is wanted for.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct CommunicationRelayConfigurationRequest {
    /// The raw id of the user it is for.
    pub(crate) id: Option<String>,
    /// The route; one server of each when left out.
    pub(crate) route_type: Option<RouteType>,
    /// Seconds that the credential is to be good for, at most 172800.
    #[schemars(range(min = 0, max = 172_800))]
    pub(crate) ttl: Option<i32>,
}

/// One server and the credential for it.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CommunicationIceServer {
    /// URLs of STUN and TURN.
    pub(crate) urls: Vec<String>,
    /// The name.
    pub(crate) username: String,
    /// The password.
    pub(crate) credential: String,
    /// The route.
    pub(crate) route_type: RouteType,
}

/// The relay and a credential for it.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CommunicationRelayConfiguration {
    /// When the credential ends.
    pub(crate) expires_on: Timestamp,
    /// The servers.
    pub(crate) ice_servers: Vec<CommunicationIceServer>,
}

pub(crate) fn routes(service: &Arc<TraversalService>) -> Routes {
    Routes::new().add(
        &operations::COMMUNICATION_NETWORK_TRAVERSAL_ISSUE_RELAY_CONFIGURATION,
        service,
        communication_network_traversal_issue_relay_configuration,
    )
}

async fn communication_network_traversal_issue_relay_configuration(
    service: Arc<TraversalService>,
    context: Context,
) -> Result<Reply, ApiError> {
    let asked: CommunicationRelayConfigurationRequest = context.json_or_default()?;
    let ttl = lifetime(asked.ttl)?;
    let resource = context.resource().id;
    if let Some(id) = &asked.id {
        let known = service.parts.users.known(resource, vec![id.clone()]).await?;
        if known != [true] {
            return Err(ApiError::invalid("id", "id must be the raw id of a user of this resource."));
        }
    }
    let who = asked.id.as_deref().unwrap_or(NOBODY);
    let now = context.now.truncate_to_second();
    let Some(credential) = service.parts.relay.issue(resource, who, ttl, now) else {
        return Err(ApiError::unavailable("This server runs no relay: relay.port is off."));
    };
    let routes = match asked.route_type {
        Some(route) => vec![route],
        None => vec![RouteType::Any, RouteType::Nearest],
    };
    let server = |route_type| CommunicationIceServer {
        urls: credential.urls.clone(),
        username: credential.username.clone(),
        credential: credential.password.expose().clone(),
        route_type,
    };
    let reply = CommunicationRelayConfiguration {
        expires_on: now.plus(ttl),
        ice_servers: routes.into_iter().map(server).collect(),
    };
    Ok(Reply::json(StatusCode::OK, &reply))
}

/// **Errors**: 400 for a negative one.
fn lifetime(asked_s: Option<i32>) -> Result<Duration, ApiError> {
    let Some(seconds) = asked_s else { return Ok(TTL_MAX) };
    let Ok(seconds) = u64::try_from(seconds) else {
        return Err(ApiError::invalid("ttl", "ttl must be 0 to 172800 seconds."));
    };
    let asked = Duration::from_secs(seconds);
    Ok(if asked > TTL_MAX { TTL_MAX } else { asked })
}
