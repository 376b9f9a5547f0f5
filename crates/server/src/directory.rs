//! What the built-in directory is configured with: issuers, settings, and what it has at start.

use trunkline_directory::{
    ApplicationSeed, FederationSeed, Issuer, RoleGrant, RoleSeed, Seeds, Settings, UserSeed,
};
use trunkline_web::operation::Role;
use trunkline_web::principal::ApplicationRole;
use uuid::{Uuid, uuid};

use crate::config::{Config, typed};

/// The issuers elsewhere whose tokens are accepted.
pub(crate) fn issuers(config: &Config) -> Vec<Issuer> {
    let grant = |(claim, grant): (&String, &typed::RoleGrant)| {
        (claim.clone(), RoleGrant { role: grant.role, resource: grant.resource.clone() })
    };
    let issuer = |issuer: &typed::Issuer| Issuer {
        issuer: issuer.issuer.clone(),
        audiences: issuer.audiences.clone(),
        management_audiences: issuer.management_audiences.clone(),
        clients: issuer.clients.clone(),
        tenants: issuer.tenants.clone(),
        jwks_url: issuer.jwks_url.clone(),
        role_claim: issuer.role_claim.clone(),
        roles: issuer.roles.iter().map(grant).collect(),
    };
    config.directory.issuers.iter().map(issuer).collect()
}

/// How the directory behaves.
pub(crate) fn settings(config: &Config, public_origin: &str) -> Settings {
    Settings {
        public_origin: public_origin.to_owned(),
        is_enabled: config.directory.is_enabled,
        is_metadata_enabled: config.directory.is_metadata_enabled,
        key_rotation: config.tokens.key_rotation,
        password_iterations: trunkline_directory::passwords::ITERATIONS_DEFAULT,
    }
}

/// The client id of the development application: the same in every installation, so that an environment
/// written once fits them all.
pub(crate) const DEVELOPMENT_CLIENT_ID: Uuid = uuid!("de7e10b0-0000-4000-8000-000000000001");

/// Stands for every program of this machine; it owns the installation.
fn development_application() -> ApplicationSeed {
    ApplicationSeed {
        name: "trunkline-development".to_owned(),
        client_id: Some(DEVELOPMENT_CLIENT_ID),
        redirect_uris: Vec::new(),
        is_managed_identity: true,
        secrets: Vec::new(),
        certificates: Vec::new(),
        federations: Vec::new(),
        roles: vec![RoleSeed { role: ApplicationRole::General(Role::Owner), resource: None }],
    }
}

/// The applications and users that the directory has at start; the development application is among them
/// where the metadata endpoint is on.
pub(crate) fn seeds(config: &Config) -> Seeds {
    let roles = |grants: &[typed::RoleGrant]| {
        let role = |grant: &typed::RoleGrant| RoleSeed { role: grant.role, resource: grant.resource.clone() };
        grants.iter().map(role).collect()
    };
    let federation = |seed: &typed::FederatedSeed| FederationSeed {
        issuer: seed.issuer.clone(),
        subject: seed.subject.clone(),
        audience: seed.audience.clone(),
    };
    let application = |seed: &typed::ApplicationSeed| ApplicationSeed {
        name: seed.name.clone(),
        client_id: seed.client_id,
        redirect_uris: seed.redirect_uris.clone(),
        is_managed_identity: seed.is_managed_identity,
        secrets: seed.secrets.iter().map(|hidden| hidden.secret().clone()).collect(),
        certificates: seed.certificates.clone(),
        federations: seed.federated.iter().map(federation).collect(),
        roles: roles(&seed.roles),
    };
    let user = |seed: &typed::UserSeed| UserSeed {
        user_name: seed.user_name.clone(),
        object_id: seed.object_id,
        display_name: seed.display_name.clone(),
        password: Some(seed.password.secret().clone()),
        roles: roles(&seed.roles),
    };
    let development = config.directory.is_metadata_enabled.then(development_application);
    let configured = config.directory.applications.iter().map(application);
    Seeds {
        applications: development.into_iter().chain(configured).collect(),
        users: config.directory.users.iter().map(user).collect(),
    }
}
