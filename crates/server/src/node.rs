//! One node: the store, the services and their background work, composed. No sockets.
//!
//! `serve` puts listeners in front of it; a command without a running server uses it in process. Start
//! order: store, master key, services, background tasks. Stop order: the reverse.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use prometheus_client::registry::Registry;
use trunkline_identity::{Exchange, Identity, Issuer};
use trunkline_kernel::{Clock, Entropy};
use trunkline_resources::{Naming, Resources};
use trunkline_store::vault::Vault;
use trunkline_store::{Backend, Store, StoreConfig};
use trunkline_tasks::Tasks;
use trunkline_web::app::Parts;
use trunkline_web::cors::Origins;
use trunkline_web::metrics::Metrics;
use trunkline_web::{App, Settings, secrets};

use crate::background;
use crate::config::Config;
use crate::platform::Platform;

/// The time background tasks have to end when the node stops.
const STOP_PATIENCE: Duration = Duration::from_secs(10);

/// What a node is started with, besides its configuration.
pub(crate) struct Surroundings {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    /// The public origin, once the port is known.
    pub(crate) public_origin: String,
    /// Fetches documents of configured issuers.
    pub(crate) fetcher: Arc<dyn trunkline_identity::ports::FetchJson>,
}

/// A running node.
pub(crate) struct Node {
    pub(crate) app: Arc<App>,
    pub(crate) store: Store,
    pub(crate) resources: Arc<Resources>,
    pub(crate) tasks: Tasks,
}

/// Opens the database that `config` names.
pub(crate) async fn open_store(
    config: &Config,
    clock: &Arc<dyn Clock>,
    entropy: &Arc<dyn Entropy>,
) -> anyhow::Result<Store> {
    let backend = match &config.database.url {
        _ if config.ephemeral => Backend::Ephemeral,
        Some(url) => Backend::Postgres { url: url.clone(), connections: config.database.connections },
        None => Backend::Sqlite { folder: config.data.clone() },
    };
    let slices = [trunkline_web::SLICE, trunkline_resources::SLICE, trunkline_identity::SLICE];
    Ok(Store::open(StoreConfig::new(backend), &slices, Arc::clone(clock), Arc::clone(entropy)).await?)
}

fn open_vault(config: &Config, is_new: bool, entropy: &Arc<dyn Entropy>) -> anyhow::Result<Vault> {
    let entropy = Arc::clone(entropy);
    if config.ephemeral {
        return Ok(Vault::ephemeral(entropy));
    }
    if is_new {
        return Ok(Vault::open_or_create(&config.master_key_file, entropy)?);
    }
    // A database that is already there was sealed under a key that must be there too.
    Vault::open_existing(&config.master_key_file, entropy).with_context(|| {
        format!(
            "the database is sealed under the master key in {}; put the copy you kept there (mode 0600)",
            config.master_key_file.display()
        )
    })
}

/// Whether the database that `config` names has never been used; PostgreSQL's is asked for its tables.
async fn is_new_database(store: &Store) -> anyhow::Result<bool> {
    let secrets: i64 = store
        .read(|tx| tx.query_one("SELECT COUNT(*) FROM web_secrets", trunkline_store::params![])?.get(0))
        .await
        .map_err(|cause: trunkline_store::StoreError| anyhow::anyhow!(cause))?;
    Ok(secrets == 0)
}

impl Node {
    /// Opens everything and starts the background work.
    pub(crate) async fn start(
        config: &Config,
        surroundings: Surroundings,
        registry: &mut Registry,
    ) -> anyhow::Result<Self> {
        let Surroundings { clock, entropy, public_origin, fetcher } = surroundings;
        let started = clock.now();
        let store = open_store(config, &clock, &entropy).await?;
        let vault = open_vault(config, is_new_database(&store).await?, &entropy)?;
        vault.check(&store).await?;
        let secret = secrets::load_or_create(&store, &vault, &*entropy, "continuation").await?;
        let naming = Naming {
            domain: config.domain.clone(),
            default_resource: config.default_resource.clone(),
            public_origin: public_origin.clone(),
        };
        let resources =
            Resources::new(store.clone(), vault.clone(), Arc::clone(&clock), Arc::clone(&entropy), naming);
        let identity = Identity::open(trunkline_identity::Parts {
            store: store.clone(),
            vault: vault.clone(),
            clock: Arc::clone(&clock),
            entropy: Arc::clone(&entropy),
            exchange: Exchange::new(issuers(config), fetcher, Arc::clone(&clock)),
            settings: trunkline_identity::Settings {
                lifetime_default: config.tokens.lifetime_default,
                key_rotation: config.tokens.key_rotation,
            },
        })
        .await?;
        let platform = Arc::new(Platform {
            store: store.clone(),
            vault,
            clock: Arc::clone(&clock),
            entropy: Arc::clone(&entropy),
            resources: Arc::clone(&resources),
            identity: Arc::clone(&identity),
            data: config.data.clone(),
            master_key_file: (!config.ephemeral).then(|| config.master_key_file.clone()),
            node_name: config.node_name.clone(),
            started,
            published: std::sync::OnceLock::new(),
        });
        let routes = identity.routes().join(resources.routes()).join(platform.routes());
        platform.published.set(routes.operations().collect()).expect("the platform was made just now");
        let app = App::new(Parts {
            routes,
            resources: Arc::clone(resources.directory()) as _,
            bearers: vec![Arc::clone(identity.tokens()) as _, Arc::clone(resources.operator_tokens()) as _],
            settings: settings(config, public_origin),
            continuation_secret: secret.expose().clone(),
            clock,
            entropy,
            metrics: Metrics::register(registry),
        });
        let tasks = Tasks::new();
        background::start(&tasks, &platform).await?;
        Ok(Self { app: Arc::new(app), store, resources, tasks })
    }

    /// Ends the background work and closes the store.
    pub(crate) async fn stop(self) {
        self.tasks.stop(STOP_PATIENCE).await;
        self.store.close().await;
    }
}

fn issuers(config: &Config) -> Vec<Issuer> {
    let issuer = |issuer: &crate::config::typed::Issuer| Issuer {
        issuer: issuer.issuer.clone(),
        audiences: issuer.audiences.clone(),
        tenants: issuer.tenants.clone(),
        jwks_url: issuer.jwks_url.clone(),
    };
    config.teams_issuers.iter().map(issuer).collect()
}

fn settings(config: &Config, public_origin: String) -> Settings {
    let is_any = config.cors_origins.iter().any(|origin| origin == "*");
    let rates: HashMap<_, _> = config.limits.requests.iter().map(|(id, rate)| (id.clone(), *rate)).collect();
    Settings {
        public_origin,
        clock_skew: config.limits.clock_skew,
        body_bytes_max: config.http.body_bytes_max,
        body_timeout: config.http.body_timeout,
        page_size_max: config.limits.page_size_max,
        origins: if is_any { Origins::Any } else { Origins::Listed(config.cors_origins.clone()) },
        limits: config.limits.set,
        rates,
        trusted_proxies: config.trusted_proxies.clone(),
    }
}

/// The machine's authority and certificate files live here.
pub(crate) fn tls_folder(data: &Path) -> std::path::PathBuf {
    data.join("tls")
}
