//! Issuers elsewhere whose tokens are accepted, as the configuration names them.

use std::collections::BTreeMap;

use trunkline_kernel::ResourceName;
use trunkline_web::principal::ApplicationRole;
use uuid::Uuid;

use crate::error::DirectoryError;

/// An OpenID Connect issuer whose tokens are accepted here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issuer {
    /// The `iss` of its tokens, exactly.
    pub issuer: String,
    /// Values of `aud` accepted for the data plane and for exchanges, besides those of Azure.
    pub audiences: Vec<String>,
    /// Values of `aud` accepted for ARM, besides those of Azure.
    pub management_audiences: Vec<String>,
    /// Accepted client ids; empty accepts every client of the issuer.
    pub clients: Vec<String>,
    /// Accepted values of `tid`; empty accepts every tenant but the directory's own and those of other issuers.
    pub tenants: Vec<String>,
    /// Where its key set is; found by discovery when not given.
    pub jwks_url: Option<String>,
    /// The claim that names roles, a text or a list of texts (`roles`).
    pub role_claim: String,
    /// What the values of that claim give here.
    pub roles: BTreeMap<String, RoleGrant>,
}

/// What one value of an issuer's role claim gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleGrant {
    /// The role.
    pub role: ApplicationRole,
    /// Where it holds; `None` is the whole installation.
    pub resource: Option<ResourceName>,
}

/// Checks the configured issuers against the directory's own issuer and tenant.
///
/// **Errors**: [`DirectoryError::IssuerRefused`] when one of them could speak for the directory or for another.
pub(crate) fn check(issuers: &[Issuer], own_issuer: &str, own_tenant: &str) -> Result<(), DirectoryError> {
    for (index, issuer) in issuers.iter().enumerate() {
        let fault = if issuer.issuer == own_issuer {
            "is the built-in directory itself"
        } else if issuer.tenants.iter().any(|tenant| is_same_tenant(tenant, own_tenant)) {
            "names the tenant of the built-in directory"
        } else if issuers[..index].iter().any(|other| other.issuer == issuer.issuer) {
            "is configured twice"
        } else {
            continue;
        };
        return Err(DirectoryError::IssuerRefused { issuer: issuer.issuer.clone(), fault });
    }
    Ok(())
}

/// Whether both texts name one tenant: the same GUID in whatever form, or the same text.
pub(crate) fn is_same_tenant(one: &str, other: &str) -> bool {
    match (Uuid::try_parse(one), Uuid::try_parse(other)) {
        (Ok(one), Ok(other)) => one == other,
        _ => one == other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: &str = "https://localhost:8443/11111111-0000-0000-0000-00000000000a/v2.0";
    const TENANT: &str = "11111111-0000-0000-0000-00000000000a";

    fn issuer(issuer: &str, tenants: &[&str]) -> Issuer {
        Issuer {
            issuer: issuer.to_owned(),
            audiences: Vec::new(),
            management_audiences: Vec::new(),
            clients: Vec::new(),
            tenants: tenants.iter().map(|tenant| (*tenant).to_owned()).collect(),
            jwks_url: None,
            role_claim: "roles".to_owned(),
            roles: BTreeMap::new(),
        }
    }

    #[test]
    fn issuers_that_could_speak_for_the_directory_are_refused() {
        let elsewhere = "https://issuer.example";
        let good = [issuer(elsewhere, &[]), issuer("https://other.example", &["contoso"])];
        assert!(check(&good, OWN, TENANT).is_ok());
        for (bad, fault) in [
            (vec![issuer(OWN, &[])], "itself"),
            (vec![issuer(elsewhere, &["contoso", TENANT])], "names the tenant"),
            (vec![issuer(elsewhere, &["11111111-0000-0000-0000-00000000000A"])], "names the tenant"),
            (vec![issuer(elsewhere, &["{11111111-0000-0000-0000-00000000000a}"])], "names the tenant"),
            (vec![issuer(elsewhere, &[]), issuer(elsewhere, &["contoso"])], "twice"),
        ] {
            let refused = check(&bad, OWN, TENANT).expect_err(fault).to_string();
            assert!(refused.contains(fault), "{refused}");
        }
    }
}
