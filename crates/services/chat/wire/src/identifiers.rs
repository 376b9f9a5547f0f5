//! Who somebody is, as JSON: the raw id, and its parts in one nested object.
//!
//! Python's SDK reads `rawId` alone, JavaScript's wants the nested object and refuses two: replies carry the
//! raw id and exactly one object, but for an identifier of no known form, which has the raw id only.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use trunkline_kernel::identifier::{Cloud, Identifier};

/// Who somebody is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CommunicationIdentifierModel {
    /// The form of the identifier; requests may have it, it says nothing that the rest does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-since" = "2024-03-07"))]
    pub kind: Option<String>,
    /// The raw id, `8:acs:…`; optional in requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw_id: Option<String>,
    /// A user of an ACS resource.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub communication_user: Option<CommunicationUserIdentifierModel>,
    /// A telephone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone_number: Option<PhoneNumberIdentifierModel>,
    /// A Teams user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub microsoft_teams_user: Option<MicrosoftTeamsUserIdentifierModel>,
    /// A bot or voice application.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-since" = "2024-03-07"))]
    pub microsoft_teams_app: Option<MicrosoftTeamsAppIdentifierModel>,
    /// A directory user of a resource with a Teams extension.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-since" = "2025-03-15"))]
    pub teams_extension_user: Option<TeamsExtensionUserIdentifierModel>,
}

/// A user of an ACS resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CommunicationUserIdentifierModel {
    /// The raw id.
    pub id: String,
}

/// A telephone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PhoneNumberIdentifierModel {
    /// The number in E.164, `anonymous`, or the number with an asserted id behind `_`.
    pub value: String,
    /// Whether the number is withheld.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-since" = "2025-03-15"))]
    pub is_anonymous: Option<bool>,
    /// What tells calls of a withheld number apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-since" = "2025-03-15"))]
    pub asserted_id: Option<String>,
}

/// A Teams user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MicrosoftTeamsUserIdentifierModel {
    /// The object id.
    pub user_id: String,
    /// Whether it is a visitor.
    #[serde(default)]
    pub is_anonymous: bool,
    /// The cloud.
    #[serde(default)]
    pub cloud: Cloud,
}

/// A bot or voice application.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MicrosoftTeamsAppIdentifierModel {
    /// The application.
    pub app_id: String,
    /// The cloud.
    #[serde(default)]
    pub cloud: Cloud,
}

/// A directory user of a resource with a Teams extension.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TeamsExtensionUserIdentifierModel {
    /// The user in the directory.
    pub user_id: String,
    /// The directory.
    pub tenant_id: String,
    /// The resource.
    pub resource_id: String,
    /// The cloud.
    #[serde(default)]
    pub cloud: Cloud,
}

/// Why JSON names nobody.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum IdentifierError {
    /// Neither a raw id nor a nested object.
    Empty,
    /// More than one nested object.
    Several,
    /// The raw id and the nested object name different users.
    Contradiction,
    /// A raw id longer than any real one.
    TooLong,
}

impl IdentifierError {
    /// What is wrong, for a person.
    pub const fn as_text(self) -> &'static str {
        match self {
            Self::Empty => "The identifier has neither a rawId nor an object that names somebody.",
            Self::Several => "The identifier has more than one object; one must be left.",
            Self::Contradiction => "The rawId and communicationUser.id of the identifier are different.",
            Self::TooLong => "The identifier is longer than 1024 bytes.",
        }
    }
}

impl CommunicationIdentifierModel {
    /// The JSON of a raw id, as replies carry it.
    pub fn of(raw_id: &str) -> Self {
        let mut model = Self { raw_id: Some(raw_id.to_owned()), ..Self::default() };
        match Identifier::parse(raw_id) {
            Identifier::CommunicationUser(id) => {
                model.communication_user = Some(CommunicationUserIdentifierModel { id });
            }
            Identifier::TeamsExtensionUser { resource_id, tenant_id, user_id, cloud } => {
                model.teams_extension_user =
                    Some(TeamsExtensionUserIdentifierModel { user_id, tenant_id, resource_id, cloud });
            }
            Identifier::MicrosoftTeamsUser { user_id, is_anonymous, cloud } => {
                model.microsoft_teams_user =
                    Some(MicrosoftTeamsUserIdentifierModel { user_id, is_anonymous, cloud });
            }
            Identifier::MicrosoftTeamsApp { app_id, cloud } => {
                model.microsoft_teams_app = Some(MicrosoftTeamsAppIdentifierModel { app_id, cloud });
            }
            Identifier::PhoneNumber(value) => {
                let asserted_id = value.rsplit_once('_').map(|(_, id)| id.to_owned());
                let is_anonymous = Some(value == "anonymous");
                model.phone_number = Some(PhoneNumberIdentifierModel { value, is_anonymous, asserted_id });
            }
            Identifier::Unknown(_) => {}
        }
        model
    }

    /// Who is meant in a request: by the raw id where there is one, else by the nested object.
    pub fn to_identifier(&self) -> Result<Identifier, IdentifierError> {
        if self.objects() > 1 {
            return Err(IdentifierError::Several);
        }
        let nested = self.nested();
        let raw_id = self.raw_id.as_deref().filter(|raw_id| !raw_id.is_empty());
        if let (Some(raw_id), Some(user)) = (raw_id, &self.communication_user)
            && raw_id != user.id
        {
            return Err(IdentifierError::Contradiction);
        }
        let identifier = raw_id.map(Identifier::parse).or(nested).ok_or(IdentifierError::Empty)?;
        match identifier.raw_id().len() {
            0 => Err(IdentifierError::Empty),
            length if length > Identifier::RAW_ID_BYTES_MAX => Err(IdentifierError::TooLong),
            _ => Ok(identifier),
        }
    }

    fn objects(&self) -> usize {
        usize::from(self.communication_user.is_some())
            + usize::from(self.phone_number.is_some())
            + usize::from(self.microsoft_teams_user.is_some())
            + usize::from(self.microsoft_teams_app.is_some())
            + usize::from(self.teams_extension_user.is_some())
    }

    fn nested(&self) -> Option<Identifier> {
        if let Some(user) = &self.communication_user {
            return Some(Identifier::parse(&user.id));
        }
        if let Some(phone) = &self.phone_number {
            return Some(Identifier::PhoneNumber(phone.value.clone()));
        }
        if let Some(user) = &self.microsoft_teams_user {
            return Some(Identifier::MicrosoftTeamsUser {
                user_id: user.user_id.clone(),
                is_anonymous: user.is_anonymous,
                cloud: user.cloud,
            });
        }
        if let Some(app) = &self.microsoft_teams_app {
            return Some(Identifier::MicrosoftTeamsApp { app_id: app.app_id.clone(), cloud: app.cloud });
        }
        self.teams_extension_user.as_ref().map(|user| Identifier::TeamsExtensionUser {
            resource_id: user.resource_id.clone(),
            tenant_id: user.tenant_id.clone(),
            user_id: user.user_id.clone(),
            cloud: user.cloud,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const ACS: &str = "8:acs:2dee53b4-368b-45b4-ab52-8493fb117652_00000005-14a2-493b-8a72-5a3a0d000081";

    fn read(value: Value) -> Result<String, IdentifierError> {
        let model: CommunicationIdentifierModel = serde_json::from_value(value).expect("an object");
        model.to_identifier().map(|identifier| identifier.raw_id())
    }

    #[test]
    fn replies_carry_the_raw_id_and_one_object() {
        let check = |raw_id: &str, nested: Value| {
            let mut expected = json!({ "rawId": raw_id });
            expected.as_object_mut().expect("an object").extend(nested.as_object().cloned().expect("one"));
            let model = serde_json::to_value(CommunicationIdentifierModel::of(raw_id)).expect("JSON");
            assert_eq!(model, expected);
            assert_eq!(read(model), Ok(raw_id.to_owned()));
        };
        check(ACS, json!({ "communicationUser": { "id": ACS } }));
        check(
            "8:acs:R_T_U",
            json!({ "teamsExtensionUser": { "userId": "U", "tenantId": "T", "resourceId": "R", "cloud": "public" } }),
        );
        let teams = json!({ "microsoftTeamsUser": { "userId": "U", "isAnonymous": false, "cloud": "dod" } });
        check("8:dod:U", teams);
        check("28:orgid:A", json!({ "microsoftTeamsApp": { "appId": "A", "cloud": "public" } }));
        check("4:+14255550123", json!({ "phoneNumber": { "value": "+14255550123", "isAnonymous": false } }));
        check("48:starred", json!({}));
    }

    #[test]
    fn requests_may_have_either_half_and_never_two_objects() {
        assert_eq!(read(json!({ "communicationUser": { "id": ACS } })), Ok(ACS.to_owned()));
        assert_eq!(read(json!({ "rawId": ACS, "kind": "communicationUser" })), Ok(ACS.to_owned()));
        assert_eq!(read(json!({ "microsoftTeamsUser": { "userId": "U" } })), Ok("8:orgid:U".to_owned()));
        assert_eq!(read(json!({ "phoneNumber": { "value": "+1" } })), Ok("4:+1".to_owned()));
        assert_eq!(read(json!({})), Err(IdentifierError::Empty));
        assert_eq!(read(json!({ "rawId": "" })), Err(IdentifierError::Empty));
        let both = json!({ "communicationUser": { "id": ACS }, "phoneNumber": { "value": "+1" } });
        assert_eq!(read(both), Err(IdentifierError::Several));
        let other = json!({ "communicationUser": { "id": ACS }, "rawId": "8:acs:a_b" });
        assert_eq!(read(other), Err(IdentifierError::Contradiction));
        assert_eq!(read(json!({ "rawId": "x".repeat(1025) })), Err(IdentifierError::TooLong));
    }
}
