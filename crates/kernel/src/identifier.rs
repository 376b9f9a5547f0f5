//! ACS communication identifiers: who somebody is, as a raw id (`8:acs:…`) and as JSON.
//!
//! The raw id is the identity; the JSON form repeats its parts for the SDKs. Python's SDK builds an
//! identifier from `rawId` alone, JavaScript's wants the nested object: replies carry both.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::ids::ResourceId;

/// The cloud a Microsoft identity belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Cloud {
    /// The public cloud.
    #[default]
    Public,
    /// US Department of Defense.
    Dod,
    /// US Government Community Cloud High.
    Gcch,
}

/// Who somebody is. [`Identifier::parse`] never fails: what has no known form is [`Identifier::Unknown`].
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum Identifier {
    /// `8:acs:R_U` and its kin: a user of an ACS resource. Holds the raw id.
    CommunicationUser(String),
    /// `8:acs:R_T_U`: a directory user of a resource with a Teams extension.
    TeamsExtensionUser {
        /// The resource, a GUID.
        resource_id: String,
        /// The directory, a GUID.
        tenant_id: String,
        /// The user in that directory, a GUID.
        user_id: String,
        /// The cloud of the resource.
        cloud: Cloud,
    },
    /// `8:orgid:U` or `8:teamsvisitor:U`: a Teams user.
    MicrosoftTeamsUser {
        /// The user's object id, a GUID; a visitor has an opaque id.
        user_id: String,
        /// Whether the user is an anonymous visitor.
        is_anonymous: bool,
        /// The cloud of the user.
        cloud: Cloud,
    },
    /// `28:orgid:A`: a bot or voice application.
    MicrosoftTeamsApp {
        /// The application, a GUID.
        app_id: String,
        /// The cloud of the application.
        cloud: Cloud,
    },
    /// `4:+E164`, `4:anonymous`: a telephone.
    PhoneNumber(String),
    /// Anything else, kept as it came.
    Unknown(String),
}

impl Identifier {
    /// The longest raw id accepted from outside, in bytes; real ones are at most 120.
    pub const RAW_ID_BYTES_MAX: usize = 1024;

    /// The user `user` of `resource`: `8:acs:RESOURCE_USER`.
    pub fn acs_user(resource: ResourceId, user: Uuid) -> Self {
        Self::CommunicationUser(format!("8:acs:{resource}_{user}"))
    }

    /// Reads a raw id.
    pub fn parse(raw_id: &str) -> Self {
        let unknown = || Self::Unknown(raw_id.to_owned());
        if let Some(number) = raw_id.strip_prefix("4:") {
            return if number.is_empty() { unknown() } else { Self::PhoneNumber(number.to_owned()) };
        }
        let mut parts = raw_id.splitn(3, ':');
        let (Some(class), Some(kind), Some(rest)) = (parts.next(), parts.next(), parts.next()) else {
            return unknown();
        };
        if rest.is_empty() {
            return unknown();
        }
        let teams_user =
            |is_anonymous, cloud| Self::MicrosoftTeamsUser { user_id: rest.to_owned(), is_anonymous, cloud };
        let teams_app = |cloud| Self::MicrosoftTeamsApp { app_id: rest.to_owned(), cloud };
        match (class, kind) {
            ("8", "acs") => Self::parse_acs(raw_id, rest, Cloud::Public),
            ("8", "dod-acs") => Self::parse_acs(raw_id, rest, Cloud::Dod),
            ("8", "gcch-acs") => Self::parse_acs(raw_id, rest, Cloud::Gcch),
            ("8", "spool") => Self::CommunicationUser(raw_id.to_owned()),
            ("8", "orgid") => teams_user(false, Cloud::Public),
            ("8", "dod") => teams_user(false, Cloud::Dod),
            ("8", "gcch") => teams_user(false, Cloud::Gcch),
            ("8", "teamsvisitor") => teams_user(true, Cloud::Public),
            ("28", "orgid") => teams_app(Cloud::Public),
            ("28", "dod") => teams_app(Cloud::Dod),
            ("28", "gcch") => teams_app(Cloud::Gcch),
            _ => unknown(),
        }
    }

    /// Exactly three segments between underscores make a Teams extension user.
    fn parse_acs(raw_id: &str, rest: &str, cloud: Cloud) -> Self {
        let segments: Vec<&str> = rest.split('_').collect();
        match segments.as_slice() {
            [resource, tenant, user] => Self::TeamsExtensionUser {
                resource_id: (*resource).to_owned(),
                tenant_id: (*tenant).to_owned(),
                user_id: (*user).to_owned(),
                cloud,
            },
            _ => Self::CommunicationUser(raw_id.to_owned()),
        }
    }

    /// The raw id; parsing it gives this identifier again.
    pub fn raw_id(&self) -> String {
        match self {
            Self::CommunicationUser(raw_id) | Self::Unknown(raw_id) => raw_id.clone(),
            Self::TeamsExtensionUser { resource_id, tenant_id, user_id, cloud } => {
                let kind = match cloud {
                    Cloud::Public => "acs",
                    Cloud::Dod => "dod-acs",
                    Cloud::Gcch => "gcch-acs",
                };
                format!("8:{kind}:{resource_id}_{tenant_id}_{user_id}")
            }
            Self::MicrosoftTeamsUser { user_id, is_anonymous: true, .. } => {
                format!("8:teamsvisitor:{user_id}")
            }
            Self::MicrosoftTeamsUser { user_id, cloud, .. } => format!("8:{}:{user_id}", directory(*cloud)),
            Self::MicrosoftTeamsApp { app_id, cloud } => format!("28:{}:{app_id}", directory(*cloud)),
            Self::PhoneNumber(number) => format!("4:{number}"),
        }
    }

    /// The resource and user of an id this server may have made: `8:acs:GUID_GUID`.
    ///
    /// `None` for every other identifier, also for an ACS user whose parts are no GUIDs.
    pub fn as_acs_user(&self) -> Option<(ResourceId, Uuid)> {
        let Self::CommunicationUser(raw_id) = self else { return None };
        let (resource, user) = raw_id.strip_prefix("8:acs:")?.split_once('_')?;
        Some((resource.parse().ok()?, Uuid::try_parse(user).ok()?))
    }
}

impl fmt::Debug for Identifier {
    /// The kind only: identifiers are personal data and stay out of logs.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::CommunicationUser(_) => "CommunicationUser(…)",
            Self::TeamsExtensionUser { .. } => "TeamsExtensionUser(…)",
            Self::MicrosoftTeamsUser { .. } => "MicrosoftTeamsUser(…)",
            Self::MicrosoftTeamsApp { .. } => "MicrosoftTeamsApp(…)",
            Self::PhoneNumber(_) => "PhoneNumber(…)",
            Self::Unknown(_) => "Unknown(…)",
        })
    }
}

const fn directory(cloud: Cloud) -> &'static str {
    match cloud {
        Cloud::Public => "orgid",
        Cloud::Dod => "dod",
        Cloud::Gcch => "gcch",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const GUID: &str = "2dee53b4-368b-45b4-ab52-8493fb117652";

    #[test]
    fn two_segments_are_a_user_and_three_a_teams_extension_user() {
        let user = format!("8:acs:{GUID}_{GUID}");
        assert!(matches!(Identifier::parse(&user), Identifier::CommunicationUser(raw) if raw == user));
        let extension = Identifier::parse(&format!("8:gcch-acs:{GUID}_{GUID}_{GUID}"));
        assert!(matches!(extension, Identifier::TeamsExtensionUser { cloud: Cloud::Gcch, .. }));
        let four = Identifier::parse(&format!("8:acs:{GUID}_a_b_c"));
        assert!(matches!(four, Identifier::CommunicationUser(_)));
    }

    #[test]
    fn every_documented_form_is_known_and_round_trips() {
        let forms = [
            "8:acs:R_U",
            "8:dod-acs:R_U",
            "8:gcch-acs:R_U",
            "8:spool:U",
            "8:acs:R_T_U",
            "8:dod-acs:R_T_U",
            "8:orgid:U",
            "8:dod:U",
            "8:gcch:U",
            "8:teamsvisitor:U",
            "28:orgid:A",
            "28:dod:A",
            "28:gcch:A",
            "4:+14255550123",
            "4:anonymous",
            "4:+14255550123_2",
        ];
        for raw_id in forms {
            let identifier = Identifier::parse(raw_id);
            assert!(!matches!(identifier, Identifier::Unknown(_)), "{raw_id}");
            assert_eq!(identifier.raw_id(), raw_id);
        }
    }

    #[test]
    fn what_has_no_known_form_is_kept() {
        for raw_id in ["", "4:", "8:acs:", "8:new:x", "48:starred", "8", "::"] {
            assert!(matches!(Identifier::parse(raw_id), Identifier::Unknown(_)), "{raw_id}");
            assert_eq!(Identifier::parse(raw_id).raw_id(), raw_id);
        }
    }

    #[test]
    fn only_guids_can_be_ours() {
        assert!(Identifier::parse(&format!("8:acs:{GUID}_{GUID}")).as_acs_user().is_some());
        for raw_id in ["8:acs:R_U", "8:orgid:U", "4:+1", &format!("8:spool:{GUID}_{GUID}")] {
            assert_eq!(Identifier::parse(raw_id).as_acs_user(), None, "{raw_id}");
        }
    }

    #[test]
    fn identifiers_do_not_print() {
        assert_eq!(format!("{:?}", Identifier::parse("4:+14255550123")), "PhoneNumber(…)");
    }

    proptest! {
        #[test]
        fn every_text_round_trips(raw_id in "((8|28|4):)?(acs|orgid|dod|spool|teamsvisitor)?:?[a-z0-9_:+]{0,30}") {
            prop_assert_eq!(Identifier::parse(&raw_id).raw_id(), raw_id);
        }
    }
}
