//! Issuers elsewhere whose tokens are accepted, as the configuration names them.

use std::collections::BTreeMap;

use trunkline_kernel::ResourceName;
use trunkline_web::principal::ApplicationRole;

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
    /// Accepted values of `tid`; empty accepts every tenant of the issuer.
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
