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
use trunkline_calling::CallingService;
use trunkline_chat::ChatService;
use trunkline_directory::DirectoryService;
use trunkline_events::EventsService;
use trunkline_events::ports::Translate;
use trunkline_identity::Identity;
use trunkline_kernel::{Clock, Entropy, Secret};
use trunkline_media::MediaHandle;
use trunkline_resources::{Naming, Resources};
use trunkline_store::vault::Vault;
use trunkline_store::{Backend, Keep, Store, StoreConfig};
use trunkline_tasks::Tasks;
use trunkline_traversal::TraversalService;
use trunkline_usage::UsageService;
use trunkline_web::app::Parts;
use trunkline_web::cors::Origins;
use trunkline_web::metrics::Metrics;
use trunkline_web::{App, Settings, secrets};

use crate::background;
use crate::calling;
use crate::chat;
use crate::config::Config;
use crate::directory;
use crate::events::{self, Ways};
use crate::platform::Platform;
use crate::relay::RelayDoor;
use crate::users::Users;

/// The time background tasks have to end when the node stops.
const STOP_PATIENCE: Duration = Duration::from_secs(10);

/// What a node is started with, besides its configuration.
pub(crate) struct Surroundings {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    /// The public origin, once the port is known.
    pub(crate) public_origin: String,
    /// Fetches documents of configured issuers.
    pub(crate) fetcher: Arc<dyn trunkline_directory::FetchJson>,
    /// The ways out for events.
    pub(crate) ways: Ways,
    /// The media threads; closed where nobody is served.
    pub(crate) media: MediaHandle,
    /// How clients reach the relay.
    pub(crate) relay: Arc<RelayDoor>,
    /// Whether this process is a server; commands leave it to one to deliver events and to delete blobs.
    pub(crate) is_server: bool,
}

/// A running node.
pub(crate) struct Node {
    pub(crate) app: Arc<App>,
    pub(crate) store: Store,
    pub(crate) resources: Arc<Resources>,
    pub(crate) directory: Arc<DirectoryService>,
    pub(crate) events: Arc<EventsService>,
    pub(crate) chat: Arc<ChatService>,
    pub(crate) calling: Arc<CallingService>,
    /// What credentials of the relay are made from, the same on all nodes.
    pub(crate) relay_secret: Secret<Vec<u8>>,
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
    let slices = [
        trunkline_web::SLICE,
        trunkline_resources::SLICE,
        trunkline_identity::SLICE,
        trunkline_directory::SLICE,
        trunkline_usage::SLICE,
        trunkline_events::SLICE,
        trunkline_chat::SLICE,
        trunkline_calling::SLICE,
    ];
    let mut store = StoreConfig::new(backend);
    store.bounds.outbox_keep =
        Keep { age: config.events.history, rows_max: u64::from(config.events.history_rows_max) };
    Ok(Store::open(store, &slices, Arc::clone(clock), Arc::clone(entropy)).await?)
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
        let tasks = Tasks::new();
        let platform = open_services(config, &surroundings, &tasks, registry).await?;
        let is_server = surroundings.is_server;
        let relay_secret =
            secrets::load_or_create(&platform.store, &platform.vault, &*platform.entropy, "relay").await?;
        let app = compose(config, surroundings, &platform, registry).await?;
        background::start(&tasks, &platform, is_server).await?;
        Ok(Self {
            app: Arc::new(app),
            store: platform.store.clone(),
            resources: Arc::clone(&platform.resources),
            directory: Arc::clone(&platform.directory),
            events: Arc::clone(&platform.events),
            chat: Arc::clone(&platform.chat),
            calling: Arc::clone(&platform.calling),
            relay_secret,
            tasks,
        })
    }

    /// Ends the background work and closes the store.
    pub(crate) async fn stop(self) {
        self.tasks.stop(STOP_PATIENCE).await;
        self.store.close().await;
    }
}

/// Opens the database and every service over it.
pub(crate) async fn open_services(
    config: &Config,
    surroundings: &Surroundings,
    tasks: &Tasks,
    registry: &mut Registry,
) -> anyhow::Result<Arc<Platform>> {
    let Surroundings { clock, entropy, public_origin, fetcher, .. } = surroundings;
    let started = clock.now();
    let store = open_store(config, clock, entropy).await?;
    let vault = open_vault(config, is_new_database(&store).await?, entropy)?;
    vault.check(&store).await?;
    let resources = open_resources(config, surroundings, &store, &vault).await?;
    let directory = DirectoryService::open(trunkline_directory::Parts {
        store: store.clone(),
        vault: vault.clone(),
        clock: Arc::clone(clock),
        entropy: Arc::clone(entropy),
        fetcher: Arc::clone(fetcher),
        resources: Arc::clone(resources.directory()) as _,
        issuers: directory::issuers(config),
        settings: directory::settings(config, public_origin),
    })
    .await?;
    let identity = Identity::open(trunkline_identity::Parts {
        store: store.clone(),
        vault: vault.clone(),
        clock: Arc::clone(clock),
        entropy: Arc::clone(entropy),
        directory: Arc::clone(directory.verifier()) as _,
        settings: trunkline_identity::Settings {
            lifetime_default: config.tokens.lifetime_default,
            key_rotation: config.tokens.key_rotation,
        },
    })
    .await?;
    let users =
        Arc::new(Users { identity: Arc::clone(&identity), resources: Arc::clone(resources.directory()) });
    let chat = open_chat(config, surroundings, (&store, &vault), &users, tasks, registry).await?;
    let usage = UsageService::new(store.clone(), Arc::clone(clock), config.usage.clone());
    let calling =
        open_calling(config, surroundings, (&store, &vault), (&users, &usage), tasks, registry).await?;
    let relay = Arc::clone(&surroundings.relay);
    let traversal = TraversalService::new(trunkline_traversal::Parts { users, relay: relay as _ });
    let translators: Vec<Arc<dyn Translate>> = vec![
        Arc::new(chat::Translator(Arc::clone(&chat))),
        Arc::new(calling::Translator(Arc::clone(&calling))),
    ];
    let events =
        open_events(config, surroundings, (&store, &vault, &resources), translators, registry).await?;
    Ok(Arc::new(Platform {
        events,
        chat,
        calling,
        traversal,
        usage,
        store,
        vault,
        clock: Arc::clone(clock),
        entropy: Arc::clone(entropy),
        resources,
        identity,
        directory,
        data: config.data.clone(),
        master_key_file: (!config.ephemeral).then(|| config.master_key_file.clone()),
        node_name: config.node_name.clone(),
        started,
        published: std::sync::OnceLock::new(),
    }))
}

/// The resources, which everything else belongs to.
async fn open_resources(
    config: &Config,
    surroundings: &Surroundings,
    store: &Store,
    vault: &Vault,
) -> anyhow::Result<Arc<Resources>> {
    let Surroundings { clock, entropy, public_origin, .. } = surroundings;
    Ok(Resources::new(trunkline_resources::Parts {
        store: store.clone(),
        vault: vault.clone(),
        clock: Arc::clone(clock),
        entropy: Arc::clone(entropy),
        naming: Naming {
            domain: config.domain.clone(),
            default_resource: config.default_resource.clone(),
            public_origin: public_origin.clone(),
        },
        settings: trunkline_resources::Settings {
            tenant_id: trunkline_directory::load_tenant_id(store, &**clock, &**entropy).await?,
            data_locations: config.data_locations.clone(),
        },
    }))
}

/// Chat over the users of resources; nobody is connected yet.
async fn open_chat(
    config: &Config,
    surroundings: &Surroundings,
    (store, vault): (&Store, &Vault),
    users: &Arc<Users>,
    tasks: &Tasks,
    registry: &mut Registry,
) -> anyhow::Result<Arc<ChatService>> {
    let Surroundings { clock, entropy, .. } = surroundings;
    Ok(ChatService::open(trunkline_chat::Parts {
        store: store.clone(),
        clock: Arc::clone(clock),
        entropy: Arc::clone(entropy),
        blobs: events::open_blobs(config)?,
        users: Arc::clone(users) as _,
        tasks: tasks.clone(),
        node: config.node_name.clone(),
        settings: chat::settings(config),
        secret: secrets::load_or_create(store, vault, &**entropy, "chat").await?,
        metrics: trunkline_chat::Metrics::register(registry),
    })
    .await?)
}

/// Calling over the users of resources; nobody is connected yet.
async fn open_calling(
    config: &Config,
    surroundings: &Surroundings,
    (store, vault): (&Store, &Vault),
    (users, usage): (&Arc<Users>, &Arc<UsageService>),
    tasks: &Tasks,
    registry: &mut Registry,
) -> anyhow::Result<Arc<CallingService>> {
    let Surroundings { clock, entropy, public_origin, media, relay, .. } = surroundings;
    Ok(CallingService::open(trunkline_calling::Parts {
        secret: secrets::load_or_create(store, vault, &**entropy, "calling").await?,
        store: store.clone(),
        clock: Arc::clone(clock),
        entropy: Arc::clone(entropy),
        users: Arc::clone(users) as _,
        rooms: Arc::new(calling::NoRooms),
        relay: Arc::clone(relay) as _,
        tokens: Arc::clone(users.identity.tokens()) as _,
        resources: Arc::clone(&users.resources) as _,
        spend: Some(Arc::clone(usage) as _),
        media: media.clone(),
        tasks: tasks.clone(),
        node: config.node_name.clone(),
        settings: calling::settings(config, public_origin),
        metrics: trunkline_calling::Metrics::register(registry),
    })
    .await?)
}

/// Event delivery over the other services; nothing is delivered yet.
async fn open_events(
    config: &Config,
    surroundings: &Surroundings,
    (store, vault, resources): (&Store, &Vault, &Arc<Resources>),
    translators: Vec<Arc<dyn Translate>>,
    registry: &mut Registry,
) -> anyhow::Result<Arc<EventsService>> {
    let Surroundings { clock, entropy, public_origin, ways, .. } = surroundings;
    Ok(EventsService::open(trunkline_events::Parts {
        store: store.clone(),
        vault: vault.clone(),
        clock: Arc::clone(clock),
        entropy: Arc::clone(entropy),
        blobs: events::open_blobs(config)?,
        topics: Arc::new(events::Topics(Arc::clone(resources))),
        translators,
        webhooks: Arc::clone(&ways.webhooks),
        nats: ways.nats.clone(),
        installation: resources.subscription_id().await?,
        settings: events::settings(config, public_origin),
        metrics: trunkline_events::Metrics::register(registry),
    })
    .await?)
}

/// The pipeline with the operations of every service.
async fn compose(
    config: &Config,
    surroundings: Surroundings,
    platform: &Arc<Platform>,
    registry: &mut Registry,
) -> anyhow::Result<App> {
    let Surroundings { clock, entropy, public_origin, .. } = surroundings;
    let Platform { resources, identity, directory, usage, events, chat, calling, traversal, .. } =
        &**platform;
    let secret = secrets::load_or_create(&platform.store, &platform.vault, &*entropy, "continuation").await?;
    let routes = identity
        .routes()
        .join(resources.routes())
        .join(directory.routes())
        .join(usage.routes())
        .join(events.routes())
        .join(chat.routes())
        .join(calling.routes())
        .join(traversal.routes())
        .join(platform.routes());
    let operations: Vec<_> = routes.operations().collect();
    let counted: Vec<_> = operations.iter().chain(trunkline_calling::operations::METERED).copied().collect();
    for meter in config.usage.prices.list_unknown_meters(&counted) {
        tracing::warn!(meter, "usage.prices names a meter that nothing counts");
    }
    platform.published.set(operations).expect("the platform was made just now");
    Ok(App::new(Parts {
        routes,
        resources: Arc::clone(resources.directory()) as _,
        // Each looks at a few bytes first: who issued it, or the prefix of an operator's token.
        bearers: vec![
            Arc::clone(identity.tokens()) as _,
            Arc::clone(resources.operator_tokens()) as _,
            Arc::clone(directory.verifier()) as _,
        ],
        spend: Some(Arc::clone(usage) as _),
        settings: settings(config, public_origin),
        continuation_secret: secret.expose().clone(),
        clock,
        entropy,
        metrics: Metrics::register(registry),
    }))
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
