//! What the resource providers of ARM share: what a caller may see and change beyond what the pipeline has asked
//! already, how a long-running operation is polled, and the list of what can be done.

use http::StatusCode;
use http::header::RETRY_AFTER;
use schemars::JsonSchema;
use serde::Serialize;
use trunkline_kernel::Timestamp;
use trunkline_kernel::ids::ResourceId;
use trunkline_store::Store;

use crate::context::Context;
use crate::error::ApiError;
use crate::long_running::{self, OperationError, Status};
use crate::operation::Role;
use crate::principal::{ApplicationRole, GrantScope, Principal};
use crate::reply::Reply;

/// Seconds between two polls; the clients wait 30 without it.
pub const POLL_SECONDS: &str = "1";

/// How far a long-running operation is.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OperationStatus {
    id: String,
    name: String,
    /// `InProgress`, `Succeeded` or `Failed`.
    status: &'static str,
    start_time: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_time: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<OperationError>,
}

/// Answers a poll; `path` is where it came.
pub fn operation_status(found: long_running::OperationStatus, path: String) -> Reply {
    let (status, is_over) = match found.status {
        Status::NotStarted | Status::Running => ("InProgress", false),
        Status::Succeeded => ("Succeeded", true),
        Status::Failed => ("Failed", true),
    };
    let shown = OperationStatus {
        id: path,
        name: found.id,
        status,
        start_time: found.created_on,
        end_time: is_over.then_some(found.last_updated_on),
        error: found.error,
    };
    let reply = Reply::json(StatusCode::OK, &shown);
    if is_over { reply } else { reply.with_header(RETRY_AFTER, POLL_SECONDS) }
}

/// Finds the operation `{operationId}` of the path among those whose kind begins with `kind_prefix`.
///
/// **Errors**: 404 `OperationNotFound`.
pub async fn find_operation(
    store: &Store,
    context: &Context,
    kind_prefix: &str,
) -> Result<long_running::OperationStatus, ApiError> {
    let wanted = context.path("operationId").to_ascii_lowercase();
    let found: Option<long_running::OperationStatus> =
        store.read(move |tx| long_running::find(tx, &wanted)).await.map_err(ApiError::from)?;
    found.filter(|found| found.kind.starts_with(kind_prefix)).ok_or_else(|| {
        let message = "There is no such operation; it may have ended more than a week ago.";
        ApiError::new(StatusCode::NOT_FOUND, "OperationNotFound", message).with_target("operationId")
    })
}

/// What can be done, by the names ARM's roles use.
#[derive(Debug, Serialize, JsonSchema)]
pub struct OperationListResult {
    /// All of it; there is one page.
    pub value: Vec<ProviderOperation>,
}

/// One thing that can be done.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Operation")]
pub struct ProviderOperation {
    name: String,
    is_data_action: bool,
    display: OperationDisplay,
    /// `user,system`.
    origin: &'static str,
}

/// The same for people.
#[derive(Debug, Serialize, JsonSchema)]
pub struct OperationDisplay {
    /// Whose operation it is.
    pub provider: &'static str,
    /// To what it is done.
    pub resource: &'static str,
    /// What is done.
    pub operation: &'static str,
    /// The same, at length.
    pub description: &'static str,
}

impl ProviderOperation {
    /// An operation on management data, such as `Microsoft.Communication/communicationServices/read`.
    pub const fn new(name: String, display: OperationDisplay) -> Self {
        Self { name, is_data_action: false, display, origin: "user,system" }
    }
}

impl Context {
    /// Whether the caller has at least the role `least` on a resource, or on the installation for `None`.
    ///
    /// The pipeline asks about what the path names; a handler asks again in its transaction, because that may
    /// have been made anew since, and about what only a row names.
    ///
    /// **Errors**: 403.
    pub fn expect_role(&self, resource: Option<ResourceId>, least: Role) -> Result<(), ApiError> {
        let Principal::Application { grants, .. } = &self.principal else { return Ok(()) };
        if grants.role_on(resource) >= Some(least) {
            return Ok(());
        }
        let place = if resource.is_some() { "this resource" } else { "the installation" };
        Err(ApiError::forbidden(format!("The caller needs the role {} on {place}.", least.as_str())))
    }

    /// The resources the caller may see, sorted; `None` for all.
    pub fn visible_resources(&self) -> Option<Vec<ResourceId>> {
        let Principal::Application { grants, .. } = &self.principal else { return None };
        if grants.role_on(None).is_some() {
            return None;
        }
        let mut ids: Vec<ResourceId> = grants
            .0
            .iter()
            .filter(|grant| matches!(grant.role, ApplicationRole::General(_)))
            .filter_map(|grant| match grant.scope {
                GrantScope::Resource(id) => Some(id),
                GrantScope::Installation => None,
            })
            .collect();
        ids.sort_unstable();
        ids.dedup();
        Some(ids)
    }
}
