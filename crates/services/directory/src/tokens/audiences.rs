//! Which resource a scope asks for, and what a token for it is good for.
//!
//! A scope is a resource and a name behind its last slash (`https://management.azure.com/.default`). Azure's
//! own clients write two slashes where the resource itself ends in one.

use crate::tokens::errors::OauthError;

/// What tokens of an audience are good for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Target {
    /// The services of a resource.
    Data,
    /// ARM.
    Management,
    /// Exchanging for a user access token.
    Exchange,
}

/// The audience of a token.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Audience {
    pub(crate) target: Target,
    /// The canonical name, as in `aud`.
    pub(crate) name: String,
}

const KNOWN: [(&str, Target); 8] = [
    ("https://communication.azure.com", Target::Data),
    ("https://communication.azure.us", Target::Data),
    ("https://communication.azure.com/clients", Target::Exchange),
    ("https://communication.azure.us/clients", Target::Exchange),
    ("https://auth.msft.communication.azure.com", Target::Exchange),
    ("https://auth.msft.communication.azure.us", Target::Exchange),
    ("https://management.azure.com", Target::Management),
    ("https://management.core.windows.net", Target::Management),
];

/// The audience called `resource`, with or without slashes at the end. The JavaScript client of ARM asks for
/// the server's own origin.
pub(crate) fn find(resource: &str, public_origin: &str) -> Option<Audience> {
    let wanted = resource.trim_end_matches('/');
    let known = KNOWN.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
    let known = known.map(|(name, target)| Audience { target: *target, name: (*name).to_owned() });
    known.or_else(|| {
        let is_own = wanted.eq_ignore_ascii_case(public_origin);
        is_own.then(|| Audience { target: Target::Management, name: public_origin.to_owned() })
    })
}

/// The audience of an application's token: its one scope must be `RESOURCE/.default`.
///
/// **Errors**: [`OauthError::ScopeNotDefault`], [`OauthError::UnknownResource`].
pub(crate) fn of_application(scope: &str, public_origin: &str) -> Result<Audience, OauthError> {
    let mut audience = None;
    for scope in scope.split_whitespace().filter(|scope| !is_openid(scope)) {
        let resource =
            scope.strip_suffix("/.default").ok_or_else(|| OauthError::ScopeNotDefault(scope.to_owned()))?;
        let found =
            find(resource, public_origin).ok_or_else(|| OauthError::UnknownResource(resource.to_owned()))?;
        if audience.replace(found.clone()).is_some_and(|other| other != found) {
            return Err(OauthError::SeveralResources);
        }
    }
    audience.ok_or_else(|| OauthError::ScopeNotDefault(scope.to_owned()))
}

/// What a user's client asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct UserScopes {
    /// The resource of the access token; `None` where only the user's own name is wanted.
    pub(crate) audience: Option<Audience>,
    /// The names without their resource, as in `scp`.
    pub(crate) names: Vec<String>,
    /// Whether an id token is wanted.
    pub(crate) is_openid: bool,
    /// Whether a refresh token is wanted.
    pub(crate) is_offline: bool,
}

fn is_openid(scope: &str) -> bool {
    matches!(scope, "openid" | "profile" | "email" | "offline_access")
}

/// Reads the scopes of a user's client, which may all belong to one resource only.
///
/// **Errors**: [`OauthError::UnknownResource`], [`OauthError::SeveralResources`],
/// [`OauthError::InvalidScope`].
pub(crate) fn of_user(scope: &str, public_origin: &str) -> Result<UserScopes, OauthError> {
    let mut scopes = UserScopes { audience: None, names: Vec::new(), is_openid: false, is_offline: false };
    for scope in scope.split_whitespace() {
        match scope {
            "openid" => scopes.is_openid = true,
            "offline_access" => scopes.is_offline = true,
            _ if is_openid(scope) => {}
            _ => {
                let (audience, name) = of_resource(scope, public_origin)?;
                if scopes.audience.replace(audience.clone()).is_some_and(|other| other != audience) {
                    return Err(OauthError::SeveralResources);
                }
                if !scopes.names.contains(&name) {
                    scopes.names.push(name);
                }
            }
        }
    }
    if scopes.audience.is_none() && !scopes.is_openid {
        return Err(OauthError::InvalidScope(scope.to_owned()));
    }
    Ok(scopes)
}

fn of_resource(scope: &str, public_origin: &str) -> Result<(Audience, String), OauthError> {
    let invalid = || OauthError::InvalidScope(scope.to_owned());
    // `https://communication.azure.com/clients` is a resource, not the scope `clients` of another one.
    if find(scope, public_origin).is_some() {
        return Err(invalid());
    }
    let (resource, name) = scope.rsplit_once('/').ok_or_else(invalid)?;
    let audience =
        find(resource, public_origin).ok_or_else(|| OauthError::UnknownResource(resource.to_owned()))?;
    // What an application is given for all it may do is called so in tokens of Entra.
    let name = if name == ".default" { "user_impersonation" } else { name };
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    if name.is_empty() || !name.bytes().all(is_name) {
        return Err(invalid());
    }
    Ok((audience, name.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORIGIN: &str = "https://localhost:8443";

    fn application(scope: &str) -> Option<(Target, String)> {
        of_application(scope, ORIGIN).ok().map(|audience| (audience.target, audience.name))
    }

    #[test]
    fn every_form_of_the_official_clients_is_understood() {
        for (scope, target, name) in [
            ("https://communication.azure.com//.default", Target::Data, "https://communication.azure.com"),
            ("https://communication.azure.com/.default", Target::Data, "https://communication.azure.com"),
            ("https://communication.azure.us/.default", Target::Data, "https://communication.azure.us"),
            ("https://management.azure.com/.default", Target::Management, "https://management.azure.com"),
            (
                "https://management.core.windows.net//.default",
                Target::Management,
                "https://management.core.windows.net",
            ),
            ("https://localhost:8443/.default", Target::Management, ORIGIN),
            (
                "https://communication.azure.com/clients/.default",
                Target::Exchange,
                "https://communication.azure.com/clients",
            ),
        ] {
            assert_eq!(application(scope), Some((target, name.to_owned())), "{scope}");
        }
    }

    #[test]
    fn other_resources_and_names_are_refused_to_applications() {
        for scope in [
            "",
            "openid",
            ".default",
            "/.default",
            "https://graph.microsoft.com/.default",
            "https://communication.azure.com",
            "https://communication.azure.com/Chat",
            "https://communication.azure.com.evil.example/.default",
            "https://localhost:8444/.default",
            "https://communication.azure.com/.default https://management.azure.com/.default",
        ] {
            assert_eq!(application(scope), None, "{scope}");
        }
    }

    #[test]
    fn scopes_of_users_belong_to_one_resource() {
        let teams = "https://auth.msft.communication.azure.com/Teams.ManageCalls \
                     https://auth.msft.communication.azure.com/Teams.ManageChats openid offline_access profile";
        let scopes = of_user(teams, ORIGIN).expect("scopes of a Teams user");
        assert_eq!(scopes.names, ["Teams.ManageCalls", "Teams.ManageChats"]);
        assert!(scopes.is_openid && scopes.is_offline);
        let audience = scopes.audience.expect("a resource");
        assert_eq!(
            (audience.target, &*audience.name),
            (Target::Exchange, "https://auth.msft.communication.azure.com")
        );
        let only_name = of_user("openid profile", ORIGIN).expect("a name");
        assert_eq!((only_name.audience, only_name.names.len()), (None, 0));
        for scope in [
            "",
            "profile",
            "https://communication.azure.com/clients",
            "https://communication.azure.com/clients/",
            "https://communication.azure.com/a\"b",
            "https://communication.azure.com/.default https://management.azure.com/.default",
            "User.Read",
        ] {
            assert!(of_user(scope, ORIGIN).is_err(), "{scope}");
        }
    }
}
