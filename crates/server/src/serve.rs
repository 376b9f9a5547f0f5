//! `trunkline serve`: listeners in front of a node, from the first bind to the last answer.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http_body_util::BodyExt as _;
use prometheus_client::registry::Registry;
use tokio::signal::unix::{SignalKind, signal};
use tracing::{info, warn};
use trunkline_kernel::{Clock, Entropy, ManualClock, ResourceName, SystemClock, SystemEntropy};
use trunkline_net::{
    Authority, Bounds, CertificateFiles, CertificatePair, Client, Handler, Leaves, Listeners, PeerAddress,
    Server, TrustBundle, tls,
};
use trunkline_tasks::Tasks;
use trunkline_web::{App, Peer};

use crate::admin::Admin;
use crate::banner;
use crate::config::Config;
use crate::events::Ways;
use crate::fetch::{FETCH_BOUNDS, Fetcher};
use crate::folder::DataFolder;
use crate::media::MediaSide;
use crate::node::{Node, Surroundings, tls_folder};
use crate::ready::{self, Ready};
use crate::samples::Samples;
use crate::telemetry;
use crate::welcome::{self, Welcome};

/// Files a server may have open: those of all connections and the database's, and as many again.
const OPEN_FILES_WANTED: u64 = 65_536;

/// Runs the server until it is asked to stop.
pub(crate) async fn run(config: Config, ready_file: Option<PathBuf>, is_json: bool) -> anyhow::Result<()> {
    raise_open_files();
    // Signals are caught from here on, so that one that comes during the start is not lost.
    let mut stop = Stop::listen()?;
    let folder = DataFolder::create(&config.data)?;
    let test_clock = config.test_clock.then(|| Arc::new(ManualClock::new(SystemClock.now())));
    let clock: Arc<dyn Clock> = match &test_clock {
        Some(clock) => Arc::clone(clock) as _,
        None => Arc::new(SystemClock),
    };
    let listeners = Listeners::bind(&addresses(&config))?;
    let port = listeners.addresses().first().map_or(config.http.port, SocketAddr::port);
    let public_origin = config.public_url(port);

    let tasks = Tasks::new();
    let certificates = Certificates::open(&config, &tasks)?;
    let client = Client::new(certificates.bundle.authorities(), FETCH_BOUNDS, tasks.clone())?;
    let mut registry = Registry::default();
    let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
    let mut media = MediaSide::start(&config, &entropy, &mut registry)?;
    let surroundings = Surroundings {
        clock: Arc::clone(&clock),
        entropy,
        public_origin: public_origin.clone(),
        fetcher: Arc::new(Fetcher(client)),
        ways: Ways::open(&config, certificates.bundle.authorities(), &clock, &tasks)?,
        media: media.handle(),
        relay: media.door(),
        is_server: true,
    };
    let node = Node::start(&config, surroundings, &mut registry).await?;
    media.open_relay(&config, node.relay_secret.clone(), &public_origin, &tasks)?;
    let welcome = node.welcome(&config).await?;
    let authority = node.welcome_to_directory(&config, port).await?;

    let samples = Samples::open(&config, &public_origin, &tasks)?.map(Arc::new);
    let tls = (!config.tls.is_terminated_by_proxy).then_some(certificates.config);
    let streams = media.door();
    let api =
        Server::start(listeners, tls, bounds(&config), handler(&node.app, samples).with_streams(streams));
    let local = Listeners::bind_unix(&config.socket_file())?;
    let local = Server::start(local, None, bounds(&config), handler(&node.app, None));
    telemetry::register(&mut registry, &node.store, &api);
    let is_serving = Arc::new(AtomicBool::new(true));
    let admin =
        Admin { store: node.store.clone(), registry, is_serving: Arc::clone(&is_serving), test_clock };
    let admin = start_admin(&config, admin)?;

    let subscription_id = node.subscription_id().await?;
    let report = Ready {
        ca_file: certificates.ca_file,
        subscription_id: Some(subscription_id),
        ..report(public_origin, welcome, authority, admin.as_ref())
    };
    if let Some(file) = &ready_file {
        ready::write(file, &report)?;
    }
    banner::print(&report, &certificates.bundle, &config, is_json)?;
    info!(endpoint = report.endpoint, "ready");

    stop.wanted().await;
    info!("stopping: requests in flight are finished first");
    is_serving.store(false, Ordering::Relaxed);
    let is_clean = Running { node, media, api, local, admin, tasks }.stop(&config).await;
    let _ = std::fs::remove_file(config.socket_file());
    drop(folder);
    if !is_clean {
        warn!("some requests did not end within http.drain_s and were cut off");
    }
    info!("stopped");
    Ok(())
}

/// Everything that was started.
struct Running {
    node: Node,
    media: MediaSide,
    api: Server,
    local: Server,
    admin: Option<Server>,
    tasks: Tasks,
}

impl Running {
    /// Ends it in the reverse order. Returns whether no request had to be cut off.
    async fn stop(self, config: &Config) -> bool {
        self.node.events.release_listeners();
        self.node.chat.settle_polls().await;
        // Nobody new gets in while connected clients are told to go elsewhere.
        let (is_clean, (), ()) = tokio::join!(
            drain(config, self.api, self.local),
            self.node.chat.move_clients(config.chat.move_time),
            self.node.calling.move_clients(config.chat.move_time),
        );
        self.node.stop().await;
        self.media.stop();
        if let Some(admin) = self.admin {
            admin.drain(Duration::from_secs(1)).await;
        }
        self.tasks.stop(Duration::from_secs(1)).await;
        is_clean
    }
}

/// What the ready file and the banner say.
fn report(
    endpoint: String,
    welcome: Option<Welcome>,
    authority: Option<welcome::Authority>,
    admin: Option<&Server>,
) -> Ready {
    let mut ready = Ready { endpoint, pid: std::process::id(), ..Ready::default() };
    if let Some(welcome) = welcome {
        ready.resource_name = Some(welcome.resource_name);
        ready.resource_id = Some(welcome.resource_id);
        ready.connection_string = Some(welcome.connection_string);
    }
    if let Some(authority) = authority {
        ready.tenant_id = Some(authority.tenant_id);
        ready.authority = Some(authority.origin);
        ready.issuer = Some(authority.issuer);
        ready.managed_identity_endpoint = authority.managed_identity_endpoint;
        ready.client_id = authority.client_id;
    }
    let address = admin.and_then(|admin| admin.addresses().first());
    ready.admin_endpoint = address.map(|address| format!("http://{address}"));
    ready
}

async fn drain(config: &Config, api: Server, local: Server) -> bool {
    let (api, local) = tokio::join!(api.drain(config.http.drain), local.drain(config.http.drain));
    api && local
}

fn addresses(config: &Config) -> Vec<SocketAddr> {
    config.http.addresses.iter().map(|address| SocketAddr::new(*address, config.http.port)).collect()
}

fn bounds(config: &Config) -> Bounds {
    Bounds {
        connections: config.http.connections_max,
        header_read: config.http.header_timeout,
        idle: config.http.idle_timeout,
        header_bytes: config.http.header_bytes_max,
        ..Bounds::default()
    }
}

fn handler(app: &Arc<App>, samples: Option<Arc<Samples>>) -> Handler {
    let app = Arc::clone(app);
    Handler::new(move |request, peer: Arc<trunkline_net::Peer>| {
        let (app, samples) = (Arc::clone(&app), samples.clone());
        let peer = match peer.address {
            PeerAddress::Tcp(address) => Peer::Address(address.ip()),
            PeerAddress::Local { .. } => Peer::Local,
        };
        async move {
            match samples {
                Some(samples) if Samples::is_for(&request) => {
                    let reply = samples.answer(request, peer).await;
                    reply.map(|body| body.map_err(|never| match never {}).boxed_unsync())
                }
                _ => app.handle(request, peer).await,
            }
        }
    })
}

fn start_admin(config: &Config, admin: Admin) -> anyhow::Result<Option<Server>> {
    let Some(listener) = config.admin else { return Ok(None) };
    let listeners = Listeners::bind(&[SocketAddr::new(listener.address, listener.port)])?;
    let admin = Arc::new(admin);
    let handler = Handler::new(move |request, _| {
        let admin = Arc::clone(&admin);
        async move { admin.handle(request).await }
    });
    Ok(Some(Server::start(listeners, None, Bounds::default(), handler)))
}

/// Certificates of files, or of the server's own authority.
struct Certificates {
    config: Arc<rustls::ServerConfig>,
    bundle: TrustBundle,
    ca_file: Option<PathBuf>,
}

impl Certificates {
    /// Own certificates are dated by the machine's clock even with a test clock: clients check them by theirs.
    fn open(config: &Config, tasks: &Tasks) -> anyhow::Result<Self> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let authority = Authority::open_or_create(&tls_folder(&config.data), Arc::clone(&clock))?;
        let ca_file = authority.certificate_file();
        let leaves = Leaves::new(authority, &host_names(config), allowed_names(config))?;
        let bundle = leaves.write_trust_bundle()?;
        for problem in bundle.warnings() {
            warn!(problem, "one of the machine's authorities cannot be read");
        }
        let Some(files) = &config.tls.files else {
            let certificates = tls::Certificates { files: None, leaves: Some(Arc::new(leaves)) };
            // Behind a proxy that ends TLS nobody sees a certificate of ours.
            let ca_file = (!config.tls.is_terminated_by_proxy).then_some(ca_file);
            return Ok(Self { config: tls::server_config(certificates)?, bundle, ca_file });
        };
        let pair = CertificatePair { chain: files.certificate.clone(), key: files.key.clone() };
        let files = Arc::new(CertificateFiles::load(vec![pair], clock)?);
        tasks.spawn("certificate files", Arc::clone(&files).watch(tasks.shutdown()));
        let certificates = tls::Certificates { files: Some(files), leaves: None };
        Ok(Self { config: tls::server_config(certificates)?, bundle, ca_file: None })
    }
}

/// Names the server's own certificate always carries: the configured ones and the public one.
fn host_names(config: &Config) -> Vec<String> {
    let public = config.public_url(config.http.port);
    let authority = public.split_once("://").map_or(public.as_str(), |(_, authority)| authority);
    let host = trunkline_web::app::without_port(authority).trim_matches(['[', ']']).to_owned();
    config.tls.host_names.iter().cloned().chain([host]).collect()
}

/// Names for which a certificate is made when a client asks: those of resources, and every one where a
/// default resource answers under unknown hosts.
fn allowed_names(config: &Config) -> trunkline_net::AllowName {
    let (suffix, answers_everywhere) = (format!(".{}", config.domain), config.default_resource.is_some());
    Box::new(move |name| {
        let label = name.strip_suffix(&suffix);
        answers_everywhere || label.is_some_and(|label| label.parse::<ResourceName>().is_ok())
    })
}

/// Asks the system for as many open files as the connections need.
fn raise_open_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let wanted = limit.maximum.map_or(OPEN_FILES_WANTED, |maximum| maximum.min(OPEN_FILES_WANTED));
    if limit.current.is_some_and(|current| current < wanted) {
        // Refused only by a stricter system; `doctor` tells how many there are.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum: limit.maximum });
    }
}

/// SIGTERM and SIGINT.
struct Stop {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

impl Stop {
    fn listen() -> std::io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn wanted(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{self, Flag, Inputs};

    #[tokio::test]
    async fn an_authority_is_named_only_where_clients_meet_it() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let flag = |key: &str, value: String| Flag { key: key.to_owned(), value, shown: "--set".to_owned() };
        for (is_terminated, is_named) in [("false", true), ("true", false)] {
            let flags = vec![
                flag("data", folder.path().display().to_string()),
                flag("tls.terminated_by_proxy", is_terminated.to_owned()),
            ];
            let machine_file = folder.path().join("absent");
            let inputs = Inputs { file: None, machine_file, environment: Vec::new(), flags };
            let config = config::load(&inputs).expect("valid").config;
            let certificates = Certificates::open(&config, &Tasks::new()).expect("made");
            assert_eq!(certificates.ca_file.is_some(), is_named, "{is_terminated}");
        }
    }
}
