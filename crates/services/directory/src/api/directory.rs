//! The directory as a whole: get.

use std::sync::Arc;

use http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;
use trunkline_web::{ApiError, Context, Reply};
use uuid::Uuid;

use crate::DirectoryService;

/// What clients need to know of the directory.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Directory {
    /// The tenant of this installation.
    tenant_id: Uuid,
    /// The `iss` of its tokens.
    issuer: String,
    /// The authority host for clients (`AZURE_AUTHORITY_HOST`).
    authority: String,
    /// Whether the token service answers.
    is_enabled: bool,
}

pub(crate) async fn directory_get(service: Arc<DirectoryService>, _: Context) -> Result<Reply, ApiError> {
    let shown = Directory {
        tenant_id: service.tenant_id,
        issuer: service.issuer(),
        authority: service.authority().to_owned(),
        is_enabled: service.settings.is_enabled,
    };
    Ok(Reply::json(StatusCode::OK, &shown))
}
