//! The configuration as types: what the rest of the program reads.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use trunkline_kernel::limits::{LimitSet, RequestRate};
use trunkline_kernel::{ResourceName, Secret};
use trunkline_usage::SpendAction;
use trunkline_web::network::Network;
use trunkline_web::principal::ApplicationRole;
use uuid::Uuid;

mod calling;
mod chat;
mod events;
mod listeners;

pub(crate) use calling::{Calling, Media, RelaySettings};
pub(crate) use chat::{Chat, Samples};
pub(crate) use events::Events;
pub(crate) use listeners::{Admin, Http, Tls};

use super::kind::Value;
use super::resolve::Values;
use super::{Profile, resolve};

/// The whole configuration, checked.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    /// Which defaults and refusals apply.
    pub(crate) profile: Profile,
    /// The data folder.
    pub(crate) data: PathBuf,
    /// The public origin if one was given; see [`Config::public_url`].
    pub(crate) public_url: Option<String>,
    /// Resources answer at NAME.DOMAIN.
    pub(crate) domain: String,
    /// The resource for host names of no resource.
    pub(crate) default_resource: Option<ResourceName>,
    /// Whose forwarding headers count.
    pub(crate) trusted_proxies: Vec<Network>,
    /// Everything in memory.
    pub(crate) ephemeral: bool,
    /// A clock that the admin listener can set.
    pub(crate) test_clock: bool,
    /// The API's listener.
    pub(crate) http: Http,
    /// Certificates.
    pub(crate) tls: Tls,
    /// Origins of web pages that may call; `*` allows all.
    pub(crate) cors_origins: Vec<String>,
    /// The admin listener; `None` runs without it.
    pub(crate) admin: Option<Admin>,
    /// The database.
    pub(crate) database: Database,
    /// The file of the master key.
    pub(crate) master_key_file: PathBuf,
    /// Limits.
    pub(crate) limits: Limits,
    /// Access tokens.
    pub(crate) tokens: Tokens,
    /// The directory: who may sign in.
    pub(crate) directory: Directory,
    /// The data locations a resource may have; empty allows every one.
    pub(crate) data_locations: Vec<String>,
    /// Usage in money.
    pub(crate) usage: trunkline_usage::Settings,
    /// Event delivery.
    pub(crate) events: Events,
    /// Chat.
    pub(crate) chat: Chat,
    /// Calls.
    pub(crate) calling: Calling,
    /// Their media.
    pub(crate) media: Media,
    /// The relay for media.
    pub(crate) relay: RelaySettings,
    /// The samples.
    pub(crate) samples: Samples,
    /// Logs.
    pub(crate) log: Log,
    /// Where backups go.
    pub(crate) backup_folder: PathBuf,
    /// The name of this process among those that share a database.
    pub(crate) node_name: String,
    /// Where this very process is reached; `None` for the public origin.
    pub(crate) node_url: Option<String>,
}

/// The database.
#[derive(Clone, Debug)]
pub(crate) struct Database {
    /// PostgreSQL; `None` is SQLite in the data folder.
    pub(crate) url: Option<Secret<String>>,
    /// Connections to PostgreSQL.
    pub(crate) connections: usize,
}

/// Limits.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    /// The set that applies where nothing else is said.
    pub(crate) set: LimitSet,
    /// Request rates by operation id.
    pub(crate) requests: BTreeMap<String, RequestRate>,
    /// Between a signed request's date and our clock.
    pub(crate) clock_skew: Duration,
    /// Items on a page at most.
    pub(crate) page_size_max: u32,
}

/// Access tokens.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tokens {
    /// How long a key signs.
    pub(crate) key_rotation: Duration,
    /// How long a token lives by default.
    pub(crate) lifetime_default: Duration,
}

/// The directory: who may sign in.
#[derive(Clone, Debug)]
pub(crate) struct Directory {
    /// Whether the built-in directory signs anybody in.
    pub(crate) is_enabled: bool,
    /// Whether programs on this machine get tokens without a credential.
    pub(crate) is_metadata_enabled: bool,
    /// Other issuers whose tokens are accepted.
    pub(crate) issuers: Vec<Issuer>,
    /// Applications of the built-in directory.
    pub(crate) applications: Vec<ApplicationSeed>,
    /// Users of the built-in directory.
    pub(crate) users: Vec<UserSeed>,
}

/// An OpenID Connect issuer whose tokens are accepted.
#[expect(clippy::struct_field_names, reason = "the keys of the configuration file")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Issuer {
    /// The exact `iss` claim.
    pub(crate) issuer: String,
    /// Further `aud` claims for data and exchanges.
    pub(crate) audiences: Vec<String>,
    /// Further `aud` claims for management.
    pub(crate) management_audiences: Vec<String>,
    /// Accepted clients (`azp` or `appid`); empty accepts all.
    pub(crate) clients: Vec<String>,
    /// Accepted `tid` claims; empty accepts all.
    pub(crate) tenants: Vec<String>,
    /// Where its keys are; `None` asks the discovery document.
    pub(crate) jwks_url: Option<String>,
    /// The claim that lists roles.
    pub(crate) role_claim: String,
    /// What each value of that claim grants.
    pub(crate) roles: BTreeMap<String, RoleGrant>,
}

/// A role, on one resource or on the whole installation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RoleGrant {
    /// What may be done.
    pub(crate) role: ApplicationRole,
    /// The resource; `None` for the installation.
    pub(crate) resource: Option<ResourceName>,
}

/// An application that the directory has at start.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ApplicationSeed {
    /// What people call it.
    pub(crate) name: String,
    /// Its client id; made at the first start when not given.
    pub(crate) client_id: Option<Uuid>,
    /// Where sign-ins may return to.
    pub(crate) redirect_uris: Vec<String>,
    /// Whether the metadata endpoint hands out its tokens.
    pub(crate) is_managed_identity: bool,
    /// Its secrets.
    pub(crate) secrets: Vec<Hidden>,
    /// Its certificates in PEM.
    pub(crate) certificates: Vec<String>,
    /// Whose tokens stand for it.
    pub(crate) federated: Vec<FederatedSeed>,
    /// What it may do.
    pub(crate) roles: Vec<RoleGrant>,
}

/// A token of another issuer that stands for an application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FederatedSeed {
    /// The exact `iss` claim.
    pub(crate) issuer: String,
    /// The exact `sub` claim.
    pub(crate) subject: String,
    /// The `aud` claim; `None` is that of workload identities.
    pub(crate) audience: Option<String>,
}

/// A user that the directory has at start.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct UserSeed {
    /// The name to sign in with.
    pub(crate) user_name: String,
    /// What people call them.
    pub(crate) display_name: Option<String>,
    /// Their object id, to keep an existing one.
    pub(crate) object_id: Option<Uuid>,
    /// The password.
    pub(crate) password: Hidden,
    /// What they may do.
    pub(crate) roles: Vec<RoleGrant>,
}

/// A secret of a table, which can be compared but is never shown.
#[derive(Clone, Debug)]
pub(crate) struct Hidden(Secret<String>);

impl Hidden {
    /// Wraps `text`.
    pub(crate) fn new(text: String) -> Self {
        Self(Secret::new(text))
    }

    /// The secret.
    pub(crate) const fn secret(&self) -> &Secret<String> {
        &self.0
    }
}

impl PartialEq for Hidden {
    fn eq(&self, other: &Self) -> bool {
        self.0.matches(other.0.expose().as_bytes())
    }
}

/// Logs.
#[derive(Clone, Debug)]
pub(crate) struct Log {
    /// JSON, one object a line; else lines for people.
    pub(crate) is_json: bool,
    /// In the syntax of `tracing_subscriber::EnvFilter`.
    pub(crate) level: String,
}

impl Config {
    /// The public origin, no slash at the end. `port` is the one that is listened on.
    pub(crate) fn public_url(&self, port: u16) -> String {
        // Without a proxy's address, the server is only reached as it is: by plain HTTP on this machine.
        let scheme = if self.tls.is_terminated_by_proxy { "http" } else { "https" };
        self.public_url.clone().unwrap_or_else(|| format!("{scheme}://localhost:{port}"))
    }

    /// The socket of a running server.
    pub(crate) fn socket_file(&self) -> PathBuf {
        self.data.join("trunkline.sock")
    }

    /// From values that passed every check.
    pub(super) fn from_values(values: &Values) -> Self {
        let reader = Reader(values);
        let data = reader.path("data").unwrap_or_default();
        Self {
            profile: resolve::profile_of(values),
            public_url: reader.text("public_url").map(|url| url.trim_end_matches('/').to_owned()),
            domain: reader.text("domain").unwrap_or_else(|| "localhost".to_owned()),
            default_resource: reader.text("default_resource").and_then(|name| name.parse().ok()),
            trusted_proxies: reader.parsed_list("trusted_proxies"),
            ephemeral: reader.switch("ephemeral"),
            test_clock: reader.switch("test_clock"),
            http: reader.http(),
            tls: reader.tls(),
            cors_origins: reader.list("cors.origins"),
            admin: reader.admin(),
            database: Database {
                url: reader.text("database.url").map(Secret::new),
                connections: reader.size("database.connections"),
            },
            master_key_file: reader.path("vault.master_key_file").unwrap_or_else(|| data.join("master.key")),
            limits: reader.limits(),
            tokens: Tokens {
                key_rotation: reader.seconds("tokens.key_rotation_days", 86_400),
                lifetime_default: reader.seconds("tokens.lifetime_default_minutes", 60),
            },
            directory: reader.directory(),
            data_locations: reader.list("resources.data_locations"),
            usage: reader.usage(),
            events: reader.events(),
            chat: reader.chat(),
            calling: reader.calling(),
            media: reader.media(),
            relay: reader.relay(),
            samples: reader.samples(),
            log: Log {
                is_json: reader.text("log.format").as_deref() == Some("json"),
                level: reader.text("log.level").unwrap_or_else(|| "info".to_owned()),
            },
            backup_folder: reader.path("backup.folder").unwrap_or_else(|| data.join("backups")),
            node_url: reader.text("node.url").map(|url| url.trim_end_matches('/').to_owned()),
            node_name: reader.text("node.name").unwrap_or_else(host_name),
            data,
        }
    }
}

/// Reads values by key; the table's kinds and bounds make every conversion fit.
struct Reader<'v>(&'v Values);

impl Reader<'_> {
    fn value(&self, key: &str) -> &Value {
        self.0.get(key).map_or(&Value::Unset, |resolved| &resolved.value)
    }

    fn switch(&self, key: &str) -> bool {
        matches!(self.value(key), Value::Switch(true))
    }

    fn text(&self, key: &str) -> Option<String> {
        match self.value(key) {
            Value::Text(text) => Some(text.clone()),
            _ => None,
        }
    }

    fn path(&self, key: &str) -> Option<PathBuf> {
        self.text(key).map(PathBuf::from)
    }

    fn list(&self, key: &str) -> Vec<String> {
        match self.value(key) {
            Value::List(items) => items.clone(),
            _ => Vec::new(),
        }
    }

    fn parsed_list<T: FromStr>(&self, key: &str) -> Vec<T> {
        self.list(key).iter().filter_map(|item| item.parse().ok()).collect()
    }

    fn integer(&self, key: &str) -> Option<u32> {
        match self.value(key) {
            Value::Integer(number) => u32::try_from(*number).ok(),
            _ => None,
        }
    }

    fn size(&self, key: &str) -> usize {
        self.integer(key).and_then(|number| usize::try_from(number).ok()).unwrap_or_default()
    }

    fn port(&self, key: &str) -> Option<u16> {
        self.integer(key).and_then(|number| u16::try_from(number).ok())
    }

    fn seconds(&self, key: &str, unit_s: u64) -> Duration {
        Duration::from_secs(u64::from(self.integer(key).unwrap_or_default()).saturating_mul(unit_s))
    }

    fn limits(&self) -> Limits {
        let rate = |(key, resolved): (&String, &resolve::Resolved)| match resolved.value {
            Value::Rate(rate) => Some((key.strip_prefix("limits.requests.")?.to_owned(), rate)),
            _ => None,
        };
        let set = match self.text("limits.set").as_deref() {
            Some("acs") => LimitSet::Acs,
            _ => LimitSet::Generous,
        };
        Limits {
            set,
            requests: self.0.iter().filter_map(rate).collect(),
            clock_skew: self.seconds("limits.clock_skew_s", 1),
            page_size_max: self.integer("limits.page_size_max").unwrap_or_default(),
        }
    }

    fn directory(&self) -> Directory {
        let is_enabled = self.switch("directory.enabled");
        Directory {
            is_enabled,
            is_metadata_enabled: is_enabled && self.switch("directory.metadata"),
            issuers: match self.value("directory.issuers") {
                Value::Issuers(issuers) => issuers.clone(),
                _ => Vec::new(),
            },
            applications: match self.value("directory.applications") {
                Value::Applications(seeds) => seeds.clone(),
                _ => Vec::new(),
            },
            users: match self.value("directory.users") {
                Value::Users(seeds) => seeds.clone(),
                _ => Vec::new(),
            },
        }
    }

    fn usage(&self) -> trunkline_usage::Settings {
        let price = |(key, resolved): (&String, &resolve::Resolved)| match resolved.value {
            Value::Price(price) => Some((key.strip_prefix("usage.prices.")?.to_owned(), price)),
            _ => None,
        };
        let spend_limit = match self.value("usage.spend_limit") {
            Value::Amount(limit) => Some(*limit),
            _ => None,
        };
        let is_stopping = self.text("usage.spend_action").as_deref() == Some("stop");
        trunkline_usage::Settings {
            currency: self.text("usage.currency").unwrap_or_default(),
            prices: self.0.iter().filter_map(price).collect(),
            spend_limit,
            spend_action: if is_stopping { SpendAction::Stop } else { SpendAction::Warn },
        }
    }
}

/// The machine's host name; where it cannot be read, a name that no other process of the machine has.
fn host_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    match name.trim() {
        "" => format!("node-{}", std::process::id()),
        name => name.to_owned(),
    }
}
