//! Where a request of ARM points, and what ARM calls what went wrong.

use http::StatusCode;
use trunkline_kernel::ResourceName;
use trunkline_store::Tx;
use trunkline_web::{ApiError, Context, Role};
use uuid::Uuid;

use crate::Resources;
use crate::changes;
use crate::error::{ResourcesError, capitalised};
use crate::rows::{self, ResourceRow};
use crate::rules::{arm_ids, groups};

/// A resource as a path names it.
#[derive(Clone)]
pub(crate) struct Place {
    pub(crate) subscription: Uuid,
    /// The group's key.
    pub(crate) group: String,
    pub(crate) name: ResourceName,
    /// The name with its capitals; empty when it has none.
    pub(crate) shown_name: String,
}

impl Place {
    /// The resource that the path names.
    ///
    /// **Errors**: 404 for another subscription, 400 for a name no resource can have.
    pub(crate) async fn of(service: &Resources, context: &Context) -> Result<Self, ApiError> {
        let subscription = subscription(service, context).await?;
        let text = context.path("communicationServiceName");
        let name: ResourceName = text.parse().map_err(|cause| {
            arm_ids::invalid_resource_name(format!("{}.", capitalised(&format!("{cause}"))))
        })?;
        let shown_name = if text == name.as_str() { String::new() } else { text.to_owned() };
        Ok(Self { subscription, group: group_key(context), name, shown_name })
    }

    /// The resource, which must be in the group.
    pub(crate) fn load(&self, tx: &mut Tx<'_>) -> Result<ResourceRow, ResourcesError> {
        let group = changes::load_group(tx, &self.group)?;
        let found = rows::find_resource(tx, self.name.as_str())?.filter(|row| row.group == group.name);
        found.ok_or_else(|| ResourcesError::ResourceNotFound(self.name.to_string()))
    }

    /// As [`Place::load`], for a caller who must have the role `least` on what is found.
    ///
    /// The pipeline asked already; but the resource may have been made anew since, under the same name.
    pub(crate) fn load_for(
        &self,
        tx: &mut Tx<'_>,
        context: &Context,
        least: Role,
    ) -> Result<ResourceRow, ResourcesError> {
        let row = self.load(tx)?;
        context.expect_role(Some(row.id), least)?;
        Ok(row)
    }
}

/// The subscription of this installation, which must be the one in the path.
///
/// **Errors**: 404 `SubscriptionNotFound`, 400 for a text that is no GUID.
pub(crate) async fn subscription(service: &Resources, context: &Context) -> Result<Uuid, ApiError> {
    let text = context.path("subscriptionId");
    let refused = |status, code, message| ApiError::new(status, code, message).with_target("subscriptionId");
    let asked = Uuid::try_parse(text).map_err(|_| {
        let message = "The subscription id in the path is no GUID.";
        refused(StatusCode::BAD_REQUEST, "InvalidSubscriptionId", message.to_owned())
    })?;
    let own = service.subscription_id().await?;
    if asked == own {
        return Ok(own);
    }
    let message = format!("There is no subscription {asked} here; that of this installation is {own}.");
    Err(refused(StatusCode::NOT_FOUND, "SubscriptionNotFound", message))
}

/// The key of the group in the path.
pub(crate) fn group_key(context: &Context) -> String {
    groups::key_of(context.path("resourceGroupName"))
}

/// The same error with the code ARM has for it.
pub(crate) fn refusal(error: ResourcesError) -> ApiError {
    let code = match &error {
        ResourcesError::NameTaken(_) => "NameUnavailable",
        ResourcesError::ResourceNotFound(_) => "ResourceNotFound",
        ResourcesError::GroupNotFound(_) => "ResourceGroupNotFound",
        _ => return error.into(),
    };
    let target = match &error {
        ResourcesError::GroupNotFound(_) => "resourceGroupName",
        _ => "communicationServiceName",
    };
    let mut refusal = ApiError::from(error).with_target(target);
    refusal.code = code;
    refusal
}
