//! The pipeline every request passes, in this order:
//!
//! ```text
//! preflight? -> route -> resource by host -> headers -> who calls? -> may they? -> api-version -> rate
//!   -> body (bounded, timed, hashed against the signature) -> handler -> common headers, log, metrics
//! ```
//!
//! Nothing acts on a request before its body is known to be the one that was signed.

use std::borrow::Cow;
use std::collections::HashMap;
use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aws_lc_rs::hmac;
use bytes::Bytes;
use futures_util::FutureExt as _;
use http::request::Parts as Head;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Version, header};
use hyper::upgrade::OnUpgrade;
use tracing::{Instrument as _, debug, error, info, info_span};
use trunkline_kernel::limits::{LimitSet, RequestRate};
use trunkline_kernel::{Clock, Entropy, ResourceName, Timestamp};
use uuid::Uuid;

use crate::authenticate::{self, Authenticated};
use crate::body::Arriving;
use crate::context::Context;
use crate::cors::Origins;
use crate::error::ApiError;
use crate::metrics::Metrics;
use crate::network::Network;
use crate::operation::Operation;
use crate::ports::{FindResource, GuardSpend, VerifyBearer};
use crate::principal::{Principal, ResourceView};
use crate::rate_limit::{self, RateLimiter};
use crate::reply::{Body, Reply};
use crate::router::{Route, Router, Routes};
use crate::version;

/// What the pipeline is configured with.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The origin of addresses that belong to no resource, without a slash at the end.
    pub public_origin: String,
    /// How far a signed date may be from the server's clock; 15 minutes unless configured.
    pub clock_skew: Duration,
    /// The largest body, in bytes.
    pub body_bytes_max: usize,
    /// The time a client has to send its body.
    pub body_timeout: Duration,
    /// The most entries on a page.
    pub page_size_max: u32,
    /// Which origins of browsers may call.
    pub origins: Origins,
    /// Which set of limits applies.
    pub limits: LimitSet,
    /// Limits of requests by operation id, before those of the set.
    pub rates: HashMap<String, RequestRate>,
    /// Whether forwarded headers of a peer count.
    pub trusted_proxies: Vec<Network>,
}

/// Where a request comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// A network address.
    Address(IpAddr),
    /// The socket in the data folder, or the same process: whoever may open it is an owner.
    Local,
}

/// What handlers share with the pipeline.
pub(crate) struct Shared {
    pub(crate) settings: Settings,
    pub(crate) resources: Arc<dyn FindResource>,
    pub(crate) continuation_key: hmac::Key,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Shared").finish_non_exhaustive()
    }
}

/// The parts an [`App`] is made of.
pub struct Parts {
    /// Every operation of every service.
    pub routes: Routes,
    /// Finds the resource of a request.
    pub resources: Arc<dyn FindResource>,
    /// The kinds of bearer token, asked in order.
    pub bearers: Vec<Arc<dyn VerifyBearer>>,
    /// Refuses metered operations beyond a spend limit; `None` without one.
    pub spend: Option<Arc<dyn GuardSpend>>,
    /// The configuration.
    pub settings: Settings,
    /// The secret behind continuation tokens; the same on every node.
    pub continuation_secret: Vec<u8>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Randomness, for request ids.
    pub entropy: Arc<dyn Entropy>,
    /// Where requests are counted.
    pub metrics: Metrics,
}

/// The whole HTTP side of the server.
pub struct App {
    router: Router,
    shared: Arc<Shared>,
    bearers: Vec<Arc<dyn VerifyBearer>>,
    spend: Option<Arc<dyn GuardSpend>>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    limiter: RateLimiter,
    metrics: Metrics,
}

impl std::fmt::Debug for App {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("App").finish_non_exhaustive()
    }
}

/// Headers that decide who somebody is or how a body is read: twice the same one is refused, so that no
/// two readers of the request can disagree.
const SINGLE_HEADERS: [&str; 9] = [
    "authorization",
    "content-length",
    "content-type",
    "date",
    "host",
    "repeatability-request-id",
    "x-ms-content-sha256",
    "x-ms-date",
    "x-skypetoken",
];

impl App {
    /// Builds the router and the pipeline.
    pub fn new(parts: Parts) -> Self {
        let shared = Shared {
            settings: parts.settings,
            resources: parts.resources,
            continuation_key: hmac::Key::new(hmac::HMAC_SHA256, &parts.continuation_secret),
        };
        Self {
            router: Router::new(parts.routes),
            shared: Arc::new(shared),
            bearers: parts.bearers,
            spend: parts.spend,
            clock: parts.clock,
            entropy: parts.entropy,
            limiter: RateLimiter::default(),
            metrics: parts.metrics,
        }
    }

    /// Answers one request. Never fails: what goes wrong is an error body.
    pub async fn handle<B>(&self, request: Request<B>, peer: Peer) -> Response<Body>
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let started = self.clock.monotonic();
        let request_id = self.entropy.uuid();
        let origin = request.headers().get(header::ORIGIN).cloned();
        let client_request_id = request.headers().get("x-ms-client-request-id").cloned();
        let method = request.method().clone();
        let span = info_span!("request", request_id = %request_id, operation = tracing::field::Empty);
        let (operation, mut reply) = if is_preflight(&request) {
            (None, Origins::preflight(request.headers()))
        } else {
            self.answer(request, peer, request_id).instrument(span.clone()).await
        };
        if method == Method::HEAD {
            reply.body = Bytes::new();
        }
        add_common_headers(&mut reply, request_id, operation, client_request_id);
        self.shared.settings.origins.apply(origin.as_ref(), &mut reply.headers);

        let duration = self.clock.monotonic().saturating_sub(started);
        let id = operation.map_or("none", |operation| operation.id);
        self.metrics.count(id, reply.status.as_u16(), duration);
        let error_code = reply.headers.get("x-ms-error-code").and_then(|code| code.to_str().ok());
        let duration_us = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        let status = reply.status.as_u16();
        let is_quiet = operation.is_some_and(|operation| operation.is_quiet) && status < 400;
        span.in_scope(|| {
            if is_quiet {
                debug!(operation = id, status, error_code, duration_us, "request");
            } else {
                info!(operation = id, status, error_code, duration_us, "request");
            }
        });
        reply.into()
    }

    async fn answer<B>(
        &self,
        request: Request<B>,
        peer: Peer,
        request_id: Uuid,
    ) -> (Option<&'static Operation>, Reply)
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let (parts, body) = request.into_parts();
        let mut body = pin!(body);
        let mut body = Arriving::new(&parts.headers, body.as_mut());
        let (operation, reply) = self.answer_parts(parts, &mut body, peer, request_id).await;
        if reply.status != StatusCode::REQUEST_TIMEOUT {
            body.discard().await;
        }
        (operation, reply)
    }

    async fn answer_parts<B>(
        &self,
        parts: Head,
        body: &mut Arriving<'_, B>,
        peer: Peer,
        request_id: Uuid,
    ) -> (Option<&'static Operation>, Reply)
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let wire_path = parts.uri.path();
        // One SDK writes `//access/…` when its endpoint ends in a slash; the signature covers the raw form.
        let path = format!("/{}", wire_path.trim_start_matches('/'));
        let (route, path_parameters) = match self.router.find(&parts.method, &path) {
            Ok(found) => found,
            Err(error) => return (None, error.into()),
        };
        let operation = route.operation;
        tracing::Span::current().record("operation", operation.id);
        let arrived = Arrived { peer, request_id, path, path_parameters, now: self.clock.now() };
        let guarded = AssertUnwindSafe(self.run(route, arrived, parts, body)).catch_unwind().await;
        let reply = match guarded {
            Ok(Ok(reply)) => reply,
            Ok(Err(error)) => error.into(),
            Err(_) => {
                error!(operation = operation.id, "a handler panicked");
                ApiError::internal().into()
            }
        };
        (Some(operation), reply)
    }

    async fn run<B>(
        &self,
        route: &Route,
        arrived: Arrived,
        mut parts: Head,
        body: &mut Arriving<'_, B>,
    ) -> Result<Reply, ApiError>
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let operation = route.operation;
        // Taken out before the body is read; HTTP/2 has no upgrade that clients of ours would use.
        let upgrade = parts.extensions.remove::<OnUpgrade>().filter(|_| parts.version == Version::HTTP_11);
        refuse_repeated_headers(&parts.headers)?;
        let host = self.host(&parts, arrived.peer)?;
        let resource = self.resource_of(operation, &host).await?;
        let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
        let asked = authenticate::Asked {
            operation,
            peer: arrived.peer,
            method: &parts.method,
            target,
            headers: &parts.headers,
            hosts: signed_hosts(&host, resource.as_deref()),
            resource: resource.as_ref(),
            now: arrived.now,
            clock_skew: self.shared.settings.clock_skew,
        };
        let Authenticated { principal, signed } = authenticate::authenticate(&asked, &self.bearers).await?;
        let managed = self.managed_resource(operation, &arrived.path_parameters).await?;
        let place = authenticate::Place {
            host: resource.as_ref().map(|resource| resource.id),
            managed: managed.map(|managed| managed.id),
        };
        authenticate::authorise(operation, &principal, place)?;
        let query = parse_query(parts.uri.query().unwrap_or_default())?;
        let asked_version =
            query.iter().find(|(name, _)| name == "api-version").map(|(_, value)| value.as_str());
        let version = version::resolve(operation, asked_version)?;
        self.take_from_budget(operation, resource.as_deref(), &principal, &arrived.path_parameters)?;
        if let (Some(guard), Some(_), Some(resource)) = (&self.spend, operation.meter, &resource) {
            guard.check(resource.id, operation).await?;
        }
        let body_bytes_max = operation.body_bytes_max.unwrap_or(self.shared.settings.body_bytes_max);
        let time_max = self.shared.settings.body_timeout;
        let body = body.read(&parts.headers, body_bytes_max, time_max).await?;
        if let Some(signed) = signed {
            signed.verify_body(&body)?;
        }
        let context = Context {
            operation,
            version,
            principal,
            peer: arrived.peer,
            now: arrived.now,
            request_id: arrived.request_id,
            resource,
            path: arrived.path_parameters,
            query,
            target_path: arrived.path,
            headers: parts.headers,
            body,
            upgrade,
            shared: Arc::clone(&self.shared),
            is_audited: Arc::new(AtomicBool::new(false)),
        };
        let is_audited = Arc::clone(&context.is_audited);
        let is_change_of_operator = operation.is_change() && operation.operator_role().is_some();
        let mut reply = (route.handler)(context).await?;
        if route.later_fields.concern(version) {
            reply.leave_out(&route.later_fields, version);
        }
        if is_change_of_operator && !is_audited.load(Ordering::Relaxed) {
            error!(operation = operation.id, "a change by an operator left no row in the audit log");
        }
        Ok(reply)
    }

    /// The host the client meant, with port: the `Host` header or `:authority`; `X-Forwarded-Host` only
    /// from a trusted proxy.
    fn host(&self, parts: &Head, peer: Peer) -> Result<String, ApiError> {
        let is_trusted = match peer {
            Peer::Address(address) => {
                self.shared.settings.trusted_proxies.iter().any(|network| network.contains(address))
            }
            Peer::Local => false,
        };
        let forwarded = parts.headers.get("x-forwarded-host").filter(|_| is_trusted);
        let named = forwarded.or_else(|| parts.headers.get(header::HOST)).map(HeaderValue::to_str);
        let host = match (named, parts.uri.authority()) {
            (Some(Ok(host)), _) => host,
            (None, Some(authority)) => authority.as_str(),
            (Some(Err(_)), _) | (None, None) => {
                return Err(ApiError::invalid("host", "The request names no host, or one that is not text."));
            }
        };
        Ok(host.to_ascii_lowercase())
    }

    async fn resource_of(
        &self,
        operation: &Operation,
        host: &str,
    ) -> Result<Option<Arc<ResourceView>>, ApiError> {
        let found = self.shared.resources.by_host(without_port(host)).await?;
        if found.is_none() && operation.needs_resource() {
            return Err(ApiError::not_found(
                "No resource answers under this host name. Check the endpoint in the connection string, or the \
                 server's 'domain' and 'default_resource' settings.",
            )
            .with_target("host"));
        }
        Ok(found)
    }

    /// The resource that the path of an operation of ARM names, for roles on it; `None` where it names none
    /// or none that exists.
    async fn managed_resource(
        &self,
        operation: &Operation,
        path: &[(&'static str, String)],
    ) -> Result<Option<Arc<ResourceView>>, ApiError> {
        let named = operation.manages.and_then(|wanted| path.iter().find(|(name, _)| *name == wanted));
        match named.and_then(|(_, value)| value.to_ascii_lowercase().parse::<ResourceName>().ok()) {
            Some(name) => self.shared.resources.by_name(&name).await,
            None => Ok(None),
        }
    }

    fn take_from_budget(
        &self,
        operation: &'static Operation,
        resource: Option<&ResourceView>,
        principal: &Principal,
        path: &[(&'static str, String)],
    ) -> Result<(), ApiError> {
        let settings = &self.shared.settings;
        let asked = rate_limit::Asked {
            operation,
            resource: resource.map(|resource| resource.id),
            principal,
            path,
            configured: settings.rates.get(operation.id).copied(),
            limits: settings.limits,
        };
        self.limiter.take_all(&asked, self.clock.monotonic()).map_err(ApiError::too_many_requests)
    }
}

/// What is known of a request once its route is found.
struct Arrived {
    peer: Peer,
    request_id: Uuid,
    path: String,
    path_parameters: Vec<(&'static str, String)>,
    now: Timestamp,
}

fn add_common_headers(
    reply: &mut Reply,
    request_id: Uuid,
    operation: Option<&Operation>,
    client_request_id: Option<HeaderValue>,
) {
    let request_id = HeaderValue::from_str(&request_id.to_string()).expect("a GUID is visible ASCII");
    reply.headers.insert(HeaderName::from_static("ms-cv"), request_id.clone());
    reply.headers.insert(HeaderName::from_static("x-ms-request-id"), request_id);
    if let Some(client_request_id) = client_request_id {
        reply.headers.insert(HeaderName::from_static("x-ms-client-request-id"), client_request_id);
    }
    if let Some(operation) = operation.filter(|operation| !operation.versions.is_empty()) {
        let versions = HeaderValue::from_str(&operation.versions.join(", ")).expect("versions are dates");
        reply.headers.insert(HeaderName::from_static("api-supported-versions"), versions);
    }
    reply.headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    reply.headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
}

fn is_preflight<B>(request: &Request<B>) -> bool {
    request.method() == Method::OPTIONS
        && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

fn refuse_repeated_headers(headers: &HeaderMap) -> Result<(), ApiError> {
    match SINGLE_HEADERS.iter().find(|name| headers.get_all(**name).iter().nth(1).is_some()) {
        Some(name) => {
            Err(ApiError::invalid(*name, format!("The header {name} stands twice in the request.")))
        }
        None => Ok(()),
    }
}

/// The host name of `host:port` or `[::1]:port`.
pub fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if !name.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

/// The hosts a client may have signed: as sent; with a slash behind it (one SDK keeps the slash of its
/// endpoint); and the public one, for clients behind a proxy that renames the host.
fn signed_hosts<'a>(host: &'a str, resource: Option<&'a ResourceView>) -> Vec<Cow<'a, str>> {
    let mut hosts = vec![Cow::Borrowed(host), Cow::Owned(format!("{host}/"))];
    let public = resource.and_then(|resource| resource.origin.split_once("://")).map(|(_, public)| public);
    if let Some(public) = public.filter(|public| *public != host) {
        hosts.push(Cow::Borrowed(public));
    }
    hosts
}

/// Reads a query string or a form into decoded pairs.
pub(crate) fn parse_query(query: &str) -> Result<Vec<(String, String)>, ApiError> {
    let decode = |text: &str| {
        let spaced = text.replace('+', " ");
        let decoded = crate::signature::percent_decode(&spaced).map(Cow::into_owned);
        decoded.filter(|_| crate::signature::is_well_encoded(text))
    };
    let invalid = || ApiError::invalid("query", "The query has a '%' that encodes no UTF-8 text.");
    let pair = |part: &str| {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        Some((decode(name)?, decode(value)?))
    };
    query.split('&').filter(|part| !part.is_empty()).map(|part| pair(part).ok_or_else(invalid)).collect()
}
