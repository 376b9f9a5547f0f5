//! The managed identity of a resource, as ARM keeps and shows it.
//!
//! It is a label: nothing on this server signs in with it. A customer's templates set it and read it back.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use trunkline_kernel::Entropy;
use trunkline_web::ApiError;
use uuid::Uuid;

use super::arm_ids;

/// User-assigned identities of one resource; ARM's providers allow some dozens.
const USER_ASSIGNED_MAX: usize = 50;

/// Which identities a resource has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) enum IdentityType {
    /// None.
    None,
    /// One of its own.
    SystemAssigned,
    /// Some that users made.
    UserAssigned,
    /// Both.
    #[serde(rename = "SystemAssigned,UserAssigned", alias = "SystemAssigned, UserAssigned")]
    SystemAndUserAssigned,
}

/// The managed identities of a resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "ManagedServiceIdentity")]
pub(crate) struct ManagedServiceIdentity {
    /// The object id of the resource's own identity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) principal_id: Option<Uuid>,
    /// The directory of the resource's own identity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) tenant_id: Option<Uuid>,
    /// Which identities it has.
    #[serde(rename = "type")]
    pub(crate) kind: IdentityType,
    /// Those that users made, by their ids.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) user_assigned_identities: Option<BTreeMap<String, UserAssignedIdentity>>,
}

/// An identity that a user made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "UserAssignedIdentity")]
pub(crate) struct UserAssignedIdentity {
    /// Its object id.
    pub(crate) principal_id: Uuid,
    /// Its client id.
    pub(crate) client_id: Uuid,
}

/// What a client asks for.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct IdentityParameters {
    /// Which identities it shall have.
    #[serde(rename = "type")]
    pub(crate) kind: IdentityType,
    /// Those that users made, by their ids; `null` takes one away.
    #[serde(default)]
    pub(crate) user_assigned_identities: Option<BTreeMap<String, Option<serde_json::Value>>>,
}

/// Whether a client may ask for this.
///
/// **Errors**: 400 that names `identity`.
pub(crate) fn check(asked: &IdentityParameters) -> Result<(), ApiError> {
    let listed = asked.user_assigned_identities.iter().flatten();
    let kept = listed.clone().filter(|(_, value)| value.is_some()).count();
    let invalid = |message: String| Err(ApiError::invalid("identity", message));
    if listed.count() > USER_ASSIGNED_MAX {
        return invalid(format!("A resource has at most {USER_ASSIGNED_MAX} user-assigned identities."));
    }
    if kept > 0 && matches!(asked.kind, IdentityType::None | IdentityType::SystemAssigned) {
        return invalid("userAssignedIdentities needs a type with UserAssigned.".to_owned());
    }
    let is_id = |id: &String| arm_ids::is_id_of(id, "Microsoft.ManagedIdentity", &["userAssignedIdentities"]);
    if !asked.user_assigned_identities.iter().flatten().all(|(id, _)| is_id(id)) {
        return invalid(
            "A user-assigned identity is the id of a Microsoft.ManagedIdentity/userAssignedIdentities resource."
                .to_owned(),
        );
    }
    Ok(())
}

/// What a resource with `current` has after `asked`, which passed [`check`]. Ids that are there stay.
///
/// **Errors**: 400 when user-assigned ones are wanted and none is left.
pub(crate) fn change(
    current: Option<&ManagedServiceIdentity>,
    asked: &IdentityParameters,
    tenant_id: Uuid,
    entropy: &dyn Entropy,
) -> Result<Option<ManagedServiceIdentity>, ApiError> {
    let has_own = matches!(asked.kind, IdentityType::SystemAssigned | IdentityType::SystemAndUserAssigned);
    let has_users = matches!(asked.kind, IdentityType::UserAssigned | IdentityType::SystemAndUserAssigned);
    if asked.kind == IdentityType::None {
        return Ok(None);
    }
    let principal_id = current.and_then(|current| current.principal_id);
    let principal_id = has_own.then(|| principal_id.unwrap_or_else(|| entropy.uuid()));
    let mut users = current.and_then(|current| current.user_assigned_identities.clone()).unwrap_or_default();
    for (id, value) in asked.user_assigned_identities.iter().flatten() {
        if value.is_none() {
            users.remove(id);
        } else if !users.contains_key(id) {
            let fresh = UserAssignedIdentity { principal_id: entropy.uuid(), client_id: entropy.uuid() };
            users.insert(id.clone(), fresh);
        }
    }
    if has_users && (users.is_empty() || users.len() > USER_ASSIGNED_MAX) {
        let message =
            format!("The type {:?} needs 1 to {USER_ASSIGNED_MAX} userAssignedIdentities.", asked.kind);
        return Err(ApiError::invalid("identity", message));
    }
    Ok(Some(ManagedServiceIdentity {
        principal_id,
        tenant_id: has_own.then_some(tenant_id),
        kind: asked.kind,
        user_assigned_identities: has_users.then_some(users),
    }))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use trunkline_kernel::SeededEntropy;

    use super::*;

    const USER: &str = "/subscriptions/2dee53b4-368b-45b4-ab52-8493fb117652/resourceGroups/rg/providers/\
                        Microsoft.ManagedIdentity/userAssignedIdentities/me";

    fn apply(
        current: Option<&ManagedServiceIdentity>,
        asked: &Value,
    ) -> Result<Option<ManagedServiceIdentity>, ApiError> {
        let asked: IdentityParameters = serde_json::from_value(asked.clone()).expect("fits");
        check(&asked)?;
        change(current, &asked, Uuid::from_u128(1), &SeededEntropy::new(1))
    }

    #[test]
    fn an_identity_of_its_own_keeps_its_id_until_it_is_taken_away() {
        let first = apply(None, &json!({ "type": "SystemAssigned" })).expect("good").expect("one");
        assert_eq!(first.tenant_id, Some(Uuid::from_u128(1)));
        let both = json!({ "type": "SystemAssigned, UserAssigned", "userAssignedIdentities": { USER: {} } });
        let second = apply(Some(&first), &both).expect("good").expect("one");
        assert_eq!(second.principal_id, first.principal_id);
        let wire = serde_json::to_value(&second).expect("serializes");
        assert_eq!(wire["type"], "SystemAssigned,UserAssigned");
        assert!(wire["userAssignedIdentities"][USER]["clientId"].is_string());
        let rest = json!({ "type": "SystemAssigned", "userAssignedIdentities": { USER: null } });
        assert_eq!(apply(Some(&second), &rest), Ok(Some(first.clone())));
        assert_eq!(apply(Some(&first), &json!({ "type": "None" })), Ok(None));
    }

    #[test]
    fn types_and_lists_that_contradict_each_other_are_refused() {
        for bad in [
            json!({ "type": "UserAssigned" }),
            json!({ "type": "None", "userAssignedIdentities": { USER: {} } }),
            json!({ "type": "SystemAssigned", "userAssignedIdentities": { USER: {} } }),
            json!({ "type": "UserAssigned", "userAssignedIdentities": { "me": {} } }),
            json!({ "type": "UserAssigned", "userAssignedIdentities": { USER: null } }),
        ] {
            assert!(apply(None, &bad).is_err(), "{bad}");
        }
    }
}
