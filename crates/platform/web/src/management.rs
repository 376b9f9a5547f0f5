//! What a caller of ARM may see and change, beyond what the pipeline has asked already.

use trunkline_kernel::ids::ResourceId;

use crate::context::Context;
use crate::error::ApiError;
use crate::operation::Role;
use crate::principal::{ApplicationRole, GrantScope, Principal};

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
