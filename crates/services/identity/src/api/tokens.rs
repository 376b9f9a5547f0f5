//! Says what a token is good for.

use std::sync::Arc;

use http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use trunkline_kernel::Timestamp;
use trunkline_kernel::jws::Unverified;
use trunkline_web::{ApiError, Context, Reply};

use crate::Identity;
use crate::tokens::Refusal;

/// The token to look at.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct InspectRequest {
    /// The token.
    pub(crate) token: String,
}

/// What a token is good for.
#[derive(Debug, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct InspectReply {
    /// Whether it would be accepted now.
    is_valid: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    /// Its claims, whoever signed them; null for what is no token.
    claims: Value,
    /// The resource it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_id: Option<String>,
    /// Whose it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<String>,
    /// What it allows.
    scopes: Vec<String>,
    /// When it ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_on: Option<Timestamp>,
}

pub(crate) async fn tokens_inspect(service: Arc<Identity>, context: Context) -> Result<Reply, ApiError> {
    let asked: InspectRequest = context.json()?;
    let token = asked.token.trim();
    let shown = Unverified::parse(token).and_then(|unverified| unverified.peek::<Value>());
    let mut reply = InspectReply { claims: shown.unwrap_or(Value::Null), ..InspectReply::default() };
    match service.tokens.read(token) {
        None => reply.reason = Some("The text is no token, or another issuer signed it."),
        Some(Err(refusal)) => reply.reason = Some(refusal.message()),
        Some(Ok(claims)) => {
            reply.resource_id = Some(claims.resource_id.clone());
            reply.user_id = Some(claims.raw_id());
            reply.scopes = claims.scopes().map(str::to_owned).collect();
            reply.expires_on = Some(claims.expires());
            let resource = match claims.resource() {
                Some(id) => context.find_resource(id).await?,
                None => None,
            };
            let verdict = match &resource {
                Some(resource) => service.tokens.check(&claims, resource).await?,
                None => Err(Refusal::ForeignResource),
            };
            reply.is_valid = verdict.is_ok();
            reply.reason = verdict.err().map(Refusal::message);
        }
    }
    Ok(Reply::json(StatusCode::OK, &reply))
}
