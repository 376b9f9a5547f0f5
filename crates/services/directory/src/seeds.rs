//! What the configuration puts into the directory, at every start again.
//!
//! The configuration wins over what operators changed: names, redirect URIs and passwords are set as it says, and
//! secrets, certificates, federations and roles that it gave once and no longer names are taken back. What
//! operators added stays. An application or user that it no longer names stays too, without the credentials and
//! roles it gave (a user keeps the password): a line lost from a file must not delete what signs in to a running
//! system. Every start warns of it, until an operator deletes it or the configuration names it again.
//!
//! Each change leaves a row in the audit log, as the operation an operator would have used, by `configuration`.

mod apply;

use trunkline_kernel::{ResourceName, Secret, Timestamp};
use trunkline_web::principal::{ApplicationRole, Grant, GrantScope};
use uuid::Uuid;

use crate::DirectoryService;
use crate::api::{applications as application_rules, users as user_rules};
use crate::credentials::{self, About, Proof};
use crate::error::DirectoryError;
use crate::rows::applications::ApplicationRow;
use crate::rows::credentials::CredentialRow;
use crate::rows::users::{self, UserRow};
use crate::sign_in::changes_key;

/// What the credentials of the configuration are called.
const DISPLAY_NAME: &str = "configuration";

/// Everything the configuration puts into the directory.
#[derive(Clone, Debug, Default)]
pub struct Seeds {
    /// The applications.
    pub applications: Vec<ApplicationSeed>,
    /// The directory users.
    pub users: Vec<UserSeed>,
}

/// An application of the configuration.
#[derive(Clone, Debug, Default)]
pub struct ApplicationSeed {
    /// The name; with a client id it may change.
    pub name: String,
    /// The client id; made at the first start when not given, and then found by the name.
    pub client_id: Option<Uuid>,
    /// Where codes may be sent to.
    pub redirect_uris: Vec<String>,
    /// Whether the managed-identity endpoint gives its tokens.
    pub is_managed_identity: bool,
    /// Its secrets.
    pub secrets: Vec<Secret<String>>,
    /// Its certificates, each in PEM.
    pub certificates: Vec<String>,
    /// Subjects at other issuers.
    pub federations: Vec<FederationSeed>,
    /// Its roles.
    pub roles: Vec<RoleSeed>,
}

/// A subject at another issuer.
#[derive(Clone, Debug)]
pub struct FederationSeed {
    /// The `iss`.
    pub issuer: String,
    /// The `sub`.
    pub subject: String,
    /// The `aud`; `api://AzureADTokenExchange` when not given.
    pub audience: Option<String>,
}

/// A directory user of the configuration.
#[derive(Clone, Debug, Default)]
pub struct UserSeed {
    /// By which the user signs in.
    pub user_name: String,
    /// The object id; made at the first start when not given.
    pub object_id: Option<Uuid>,
    /// The name for people; the user name when not given.
    pub display_name: Option<String>,
    /// The password; without one, one that nobody knows is made at the first start.
    pub password: Option<Secret<String>>,
    /// The user's roles.
    pub roles: Vec<RoleSeed>,
}

/// A role of the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleSeed {
    /// The role.
    pub role: ApplicationRole,
    /// On which resource; `None` for the whole installation.
    pub resource: Option<ResourceName>,
}

/// An application as it stands in the directory after the seeds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeededApplication {
    /// The name.
    pub name: String,
    /// The client id.
    pub client_id: Uuid,
    /// The object id.
    pub object_id: Uuid,
}

/// Someone the configuration named once and no longer names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Leftover {
    /// An application, by client id.
    Application(Uuid),
    /// A directory user, by object id.
    User(Uuid),
}

impl Leftover {
    /// The command that deletes it.
    pub fn command(&self) -> String {
        match self {
            Self::Application(client_id) => format!("trunkline app delete {client_id}"),
            Self::User(object_id) => format!("trunkline directory-user delete {object_id}"),
        }
    }
}

/// What came of the seeds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seeded {
    /// The configured applications, in their order.
    pub applications: Vec<SeededApplication>,
    /// Whom the configuration no longer names, in the order of object ids.
    pub leftovers: Vec<Leftover>,
}

/// Seeds with everything looked up and hashed that cannot be in a transaction.
#[derive(Clone)]
struct Plan {
    applications: Vec<ApplicationPlan>,
    users: Vec<UserPlan>,
    /// Stands in the audit log behind each change.
    run: Uuid,
    now: Timestamp,
}

#[derive(Clone)]
struct ApplicationPlan {
    is_id_given: bool,
    row: ApplicationRow,
    credentials: Vec<CredentialRow>,
    grants: Vec<(Uuid, Grant)>,
}

#[derive(Clone)]
struct UserPlan {
    is_id_given: bool,
    row: UserRow,
    /// Whether `row` has another password than the one that is stored.
    has_new_password: bool,
    grants: Vec<(Uuid, Grant)>,
}

impl DirectoryService {
    /// Makes the directory as the configuration says; safe at every start and on every node.
    ///
    /// Logs a warning for each application and user that the configuration no longer names.
    ///
    /// **Errors**: values that an operator's request would be refused for, a resource that does not exist, a name
    /// or id that another application or user has.
    pub async fn apply_seeds(&self, seeds: &Seeds) -> Result<Seeded, DirectoryError> {
        let (run, now) = (self.entropy.uuid(), self.clock.now());
        let mut plan = Plan { applications: Vec::new(), users: Vec::new(), run, now };
        for seed in &seeds.applications {
            plan.applications.push(self.plan_application(seed, plan.now).await?);
        }
        for seed in &seeds.users {
            plan.users.push(self.plan_user(seed, plan.now).await?);
        }
        let seeded = self.store.write(changes_key(), move |tx| apply::apply(tx, &plan)).await?;
        self.forget();
        for leftover in &seeded.leftovers {
            tracing::warn!(
                command = leftover.command(),
                "the configuration no longer names an application or user that it made; it stays, without the secrets and roles the configuration gave it, until the command deletes it"
            );
        }
        Ok(seeded)
    }

    async fn plan_application(
        &self,
        seed: &ApplicationSeed,
        now: Timestamp,
    ) -> Result<ApplicationPlan, DirectoryError> {
        application_rules::check(&seed.name, &seed.redirect_uris)?;
        let secrets = seed.secrets.iter().cloned().map(Proof::Secret);
        let certificates = seed.certificates.iter().cloned().map(Proof::Certificate);
        let federations = seed.federations.iter().cloned().map(|federation| Proof::Federation {
            issuer: federation.issuer,
            subject: federation.subject,
            audience: federation.audience,
        });
        let about = || About {
            id: self.entropy.uuid(),
            // Known only in the transaction.
            client_id: Uuid::nil(),
            display_name: DISPLAY_NAME.to_owned(),
            expires_at: None,
            is_seeded: true,
            now,
        };
        let proofs = secrets.chain(certificates).chain(federations);
        let made: Result<Vec<CredentialRow>, _> =
            proofs.map(|proof| credentials::make(about(), proof)).collect();
        Ok(ApplicationPlan {
            is_id_given: seed.client_id.is_some(),
            row: ApplicationRow {
                client_id: seed.client_id.unwrap_or_else(|| self.entropy.uuid()),
                object_id: self.entropy.uuid(),
                name: seed.name.clone(),
                redirect_uris: seed.redirect_uris.clone(),
                is_managed_identity: seed.is_managed_identity,
                created_at: now,
            },
            credentials: made?,
            grants: self.plan_roles(&seed.roles).await?,
        })
    }

    async fn plan_user(&self, seed: &UserSeed, now: Timestamp) -> Result<UserPlan, DirectoryError> {
        let user_name = user_rules::check_user_name(&seed.user_name)?;
        let display_name = seed.display_name.clone().unwrap_or_else(|| user_name.clone());
        user_rules::check_display_name(&display_name)?;
        let password =
            seed.password.as_ref().map(|given| user_rules::check_password(given.expose())).transpose()?;
        let wanted = user_name.clone();
        let stored = self.store.read(move |tx| users::find_by_name(tx, &wanted)).await?;
        let is_kept = match (&stored, &password) {
            (Some(stored), Some(password)) => {
                self.passwords.verify(stored.password_hash.clone(), password.clone()).await?
            }
            (Some(_), None) => true,
            (None, _) => false,
        };
        let password_hash = match stored.filter(|_| is_kept) {
            Some(stored) => stored.password_hash,
            None => self.passwords.hash(password.unwrap_or_else(|| self.passwords.generate())).await?,
        };
        Ok(UserPlan {
            is_id_given: seed.object_id.is_some(),
            row: UserRow {
                object_id: seed.object_id.unwrap_or_else(|| self.entropy.uuid()),
                user_name,
                display_name,
                password_hash,
                is_enabled: true,
                failures: 0,
                locked_until: None,
                generation: user_rules::new_generation(&*self.entropy),
                created_at: now,
            },
            has_new_password: !is_kept,
            grants: self.plan_roles(&seed.roles).await?,
        })
    }

    async fn plan_roles(&self, roles: &[RoleSeed]) -> Result<Vec<(Uuid, Grant)>, DirectoryError> {
        let mut grants = Vec::with_capacity(roles.len());
        for seed in roles {
            let scope = match &seed.resource {
                Some(name) => GrantScope::Resource(self.resource_named(name.as_str()).await?),
                None => GrantScope::Installation,
            };
            grants.push((self.entropy.uuid(), Grant { scope, role: seed.role }));
        }
        Ok(grants)
    }
}
