//! What the commands need from the rest of the program: the operator API, with or without a server.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, header};
use http_body_util::{BodyExt as _, Full};
use prometheus_client::registry::Registry;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::Value;
use trunkline_directory::FetchJson;
use trunkline_kernel::{Clock, Entropy, SystemClock, SystemEntropy};
use trunkline_media::MediaHandle;
use trunkline_net::{Client, ClientBounds, unix_request};
use trunkline_tasks::Tasks;
use trunkline_web::{App, Operation, Peer};

use crate::cli::{ApiReply, CliError, Forward, OperatorApi, Pending, Program};
use crate::config::Config;
use crate::doctor::DatabaseFacts;
use crate::events::Ways;
use crate::fetch::FETCH_BOUNDS;
use crate::folder::{self, DataFolder};
use crate::node::{Node, Surroundings, open_store};
use crate::platform;

/// A command may wait this long for one answer; a key rotation over ten thousand resources takes seconds.
const BOUNDS: ClientBounds = ClientBounds {
    connect: Duration::from_secs(5),
    total: Duration::from_mins(2),
    answer_bytes: 64 * 1024 * 1024,
};

/// What a web hook has for a delivery, so that a program behaves the same behind `events listen --forward`.
const FORWARD_BOUNDS: ClientBounds =
    ClientBounds { connect: Duration::from_secs(5), total: Duration::from_secs(30), answer_bytes: 64 * 1024 };

/// The program, as its commands see it.
#[derive(Debug)]
pub(crate) struct Trunkline;

impl Program for Trunkline {
    fn connect<'p>(&'p self, config: &'p Config) -> Pending<'p, Result<Box<dyn OperatorApi>, CliError>> {
        Box::pin(async move {
            if folder::find_holder(&config.data).is_some() {
                return Ok(Box::new(OverSocket { socket: config.socket_file() }) as Box<dyn OperatorApi>);
            }
            let folder = DataFolder::create(&config.data)?;
            let node = Node::start(config, surroundings(config), &mut Registry::default()).await;
            let node = node.map_err(|cause| CliError::Unreachable(format!("{cause:#}")))?;
            Ok(Box::new(InProcess { app: Arc::clone(&node.app), _node: node, _folder: folder })
                as Box<dyn OperatorApi>)
        })
    }

    fn list_operations(&self) -> Vec<&'static Operation> {
        operations()
    }

    fn find_document(&self, service: &str, version: &str) -> Option<Value> {
        platform::find_document(&operations(), service, version)
    }

    fn probe_database<'p>(&'p self, config: &'p Config) -> Pending<'p, Result<DatabaseFacts, String>> {
        Box::pin(async move {
            let _folder = DataFolder::open(&config.data).map_err(|cause| cause.to_string())?;
            let clock: Arc<dyn Clock> = Arc::new(SystemClock);
            let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
            let store = open_store(config, &clock, &entropy).await.map_err(|cause| format!("{cause:#}"))?;
            let facts = store.facts().await.map_err(|cause| cause.to_string()).map(|facts| {
                let (engine, version) = facts.version.split_once(' ').unwrap_or((&facts.version, ""));
                let version = Some(version.to_owned()).filter(|version| !version.is_empty());
                DatabaseFacts { engine: engine.to_owned(), version, clock: facts.clock }
            });
            store.close().await;
            facts
        })
    }

    fn fetch<'p>(&'p self, config: &'p Config, url: &'p str) -> Pending<'p, Result<Value, String>> {
        Box::pin(async move {
            let authorities = authorities(config)?;
            let tasks = Tasks::new();
            let client =
                Client::new(&authorities, FETCH_BOUNDS, tasks.clone()).map_err(|cause| cause.to_string())?;
            let reply = client.get_json(url).await.map_err(|cause| cause.to_string());
            tasks.stop(Duration::ZERO).await;
            let reply = reply?;
            if !reply.status().is_success() {
                return Err(format!("it answers with status {}", reply.status().as_u16()));
            }
            serde_json::from_slice(reply.body()).map_err(|cause| format!("it is no JSON: {cause}"))
        })
    }

    fn forward(&self, config: &Config, url: &str) -> Result<Box<dyn Forward>, CliError> {
        // Without a file of authorities only addresses without TLS can be reached, such as those of this machine.
        let authorities =
            if url.starts_with("https:") { authorities(config).map_err(CliError::File)? } else { Vec::new() };
        let tasks = Tasks::new();
        let client = Client::new(&authorities, FORWARD_BOUNDS, tasks.clone());
        let client = client.map_err(|cause| CliError::File(cause.to_string()))?;
        Ok(Box::new(OverHttp { client, url: url.to_owned(), _tasks: tasks }))
    }

    fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(SystemClock)
    }
}

/// What a server trusts: the machine's authorities and its own, as it wrote them at its last start.
fn authorities(config: &Config) -> Result<Vec<CertificateDer<'static>>, String> {
    let file = config.data.join("tls/trust.pem");
    CertificateDer::pem_file_iter(&file)
        .map(|found| found.filter_map(Result::ok).collect())
        .map_err(|cause| format!("{} cannot be read: {cause}; start the server once", file.display()))
}

/// Posts to a developer's own program.
struct OverHttp {
    client: Client,
    url: String,
    // Runs the pooled connections.
    _tasks: Tasks,
}

impl Forward for OverHttp {
    fn post<'f>(
        &'f self,
        headers: &'f [(&'static str, &'static str)],
        body: String,
    ) -> Pending<'f, Result<u16, String>> {
        Box::pin(async move {
            let mut request = Request::post(&self.url);
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            let request = request.body(Bytes::from(body)).map_err(|cause| cause.to_string())?;
            let reply = self.client.request(request).await.map_err(|cause| cause.to_string())?;
            Ok(reply.status().as_u16())
        })
    }
}

/// Every operation the program has, without a database behind it.
fn operations() -> Vec<&'static Operation> {
    let others = [
        trunkline_identity::operations::ALL,
        trunkline_resources::operations::ALL,
        trunkline_resources::operations::arm::ALL,
        trunkline_resources::operations::resource_manager::ALL,
        trunkline_directory::operations::ALL,
        trunkline_directory::operations_oauth::ALL,
        trunkline_usage::operations::ALL,
        trunkline_events::operations::ALL,
        trunkline_events::operations::arm::ALL,
        trunkline_events::operations::validation::ALL,
        trunkline_traversal::operations::ALL,
        platform::operations::ALL,
    ];
    let chained = trunkline_chat::operations::all().chain(trunkline_calling::operations::all());
    others.into_iter().flatten().copied().chain(chained).collect()
}

/// The operator API of a running server.
#[derive(Debug)]
struct OverSocket {
    socket: std::path::PathBuf,
}

impl OperatorApi for OverSocket {
    fn call<'c>(
        &'c self,
        method: &'c str,
        path_and_query: &'c str,
        body: Option<Value>,
    ) -> Pending<'c, Result<ApiReply, String>> {
        Box::pin(async move {
            let request = request(method, path_and_query, body)?;
            let reply = unix_request(&self.socket, request, BOUNDS).await.map_err(|cause| {
                format!("{cause}; a process holds the data folder, but does not answer: is it starting or stopping?")
            })?;
            let (head, body) = reply.into_parts();
            Ok(reply_of(&head, &body))
        })
    }
}

/// The operator API of a node in this process.
struct InProcess {
    app: Arc<App>,
    // Keep the database open and the folder locked for as long as the command runs.
    _node: Node,
    _folder: DataFolder,
}

impl OperatorApi for InProcess {
    fn call<'c>(
        &'c self,
        method: &'c str,
        path_and_query: &'c str,
        body: Option<Value>,
    ) -> Pending<'c, Result<ApiReply, String>> {
        Box::pin(call(&self.app, method, path_and_query, body))
    }

    fn is_server(&self) -> bool {
        false
    }
}

/// Calls an operation of `app` as the operator `local`.
pub(crate) async fn call(
    app: &App,
    method: &str,
    path_and_query: &str,
    body: Option<Value>,
) -> Result<ApiReply, String> {
    let request = request(method, path_and_query, body)?.map(Full::new);
    let (head, body) = app.handle(request, Peer::Local).await.into_parts();
    let body = body.collect().await.map_err(|cause| cause.to_string())?.to_bytes();
    Ok(reply_of(&head, &body))
}

fn request(method: &str, path_and_query: &str, body: Option<Value>) -> Result<Request<Bytes>, String> {
    let mut request = Request::builder().method(method).uri(path_and_query).header(header::HOST, "localhost");
    let bytes = match body {
        Some(body) => {
            let content_type =
                if method == "PATCH" { "application/merge-patch+json" } else { "application/json" };
            request = request.header(header::CONTENT_TYPE, content_type);
            Bytes::from(body.to_string())
        }
        None => Bytes::new(),
    };
    request.body(bytes).map_err(|cause| format!("the request cannot be made: {cause}"))
}

fn reply_of(head: &http::response::Parts, body: &[u8]) -> ApiReply {
    let location = head.headers.get("operation-location").and_then(|value| value.to_str().ok());
    ApiReply {
        status: head.status.as_u16(),
        body: serde_json::from_slice(body).unwrap_or(Value::Null),
        operation_location: location.map(str::to_owned),
    }
}

/// What a command runs the program in when no server does.
pub(crate) fn surroundings(config: &Config) -> Surroundings {
    Surroundings {
        clock: Arc::new(SystemClock),
        entropy: Arc::new(SystemEntropy),
        public_origin: config.public_url(config.http.port),
        fetcher: Arc::new(NoFetcher),
        ways: Ways::closed(config),
        media: MediaHandle::closed(),
        relay: Arc::default(),
        is_server: false,
    }
}

/// Commands exchange no tokens of other issuers.
#[derive(Debug)]
struct NoFetcher;

impl FetchJson for NoFetcher {
    fn fetch<'a>(&'a self, _: &'a str) -> std::pin::Pin<Box<dyn Future<Output = Option<Value>> + Send + 'a>> {
        Box::pin(std::future::ready(None))
    }
}
