//! The samples of the development profile: a start page, the pages of `web/`, and the trusted service behind the
//! same address.
//!
//! ```text
//!  GET /                         the start page
//!  GET /samples/chat/            files of samples.folder
//!  *   /samples/trusted-service/ samples.trusted_service, for this machine alone
//!  everything else               the API
//! ```

mod files;
mod proxy;
#[cfg(test)]
mod tests;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body::Body;
use http_body_util::Full;
use serde_json::json;
use trunkline_net::BoxError;
use trunkline_tasks::Tasks;
use trunkline_web::Peer;

use crate::config::Config;
use files::Files;
use proxy::Proxy;

/// The start page among the files.
const START_PAGE: &str = "start/";

/// What the samples are served from.
#[derive(Debug)]
pub(crate) struct Samples {
    files: Files,
    proxy: Option<Proxy>,
    policy: HeaderValue,
}

/// A path that belongs to the samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place<'p> {
    /// A file, by its path under the folder.
    File(&'p str),
    /// The trusted service, by its path there.
    TrustedService(&'p str),
}

impl Samples {
    /// What `config` names; `None` without `samples.folder`.
    ///
    /// **Errors**: a folder that is not there.
    pub(crate) fn open(config: &Config, public_origin: &str, tasks: &Tasks) -> anyhow::Result<Option<Self>> {
        let Some(folder) = &config.samples.folder else { return Ok(None) };
        let proxy = match &config.samples.trusted_service {
            Some(origin) => Some(Proxy::new(origin.clone(), tasks)?),
            None => None,
        };
        let policy = HeaderValue::try_from(policy(public_origin, &config.domain))?;
        Ok(Some(Self { files: Files::open(folder)?, proxy, policy }))
    }

    /// Whether a request is for the samples and not for the API.
    pub(crate) fn is_for<B>(request: &Request<B>) -> bool {
        find_place(request).is_some()
    }

    /// Answers a request for which [`Samples::is_for`] holds; others are told that nothing is there.
    ///
    /// The trusted service, which believes every name, is there for `peer`s on this machine alone.
    pub(crate) async fn answer<B>(&self, request: Request<B>, peer: Peer) -> Response<Full<Bytes>>
    where
        B: Body<Data = Bytes> + Send,
        B::Error: Into<BoxError>,
    {
        let is_head = *request.method() == Method::HEAD;
        let mut reply = match (find_place(&request), &self.proxy) {
            (Some(Place::TrustedService(_)), Some(_)) if !is_on_this_machine(peer) => refusal(
                StatusCode::FORBIDDEN,
                "The samples' trusted service asks for no password, so it answers on the server's own machine only: \
                 open the page there.",
            ),
            (Some(Place::TrustedService(path)), Some(proxy)) => {
                let path = path.to_owned();
                proxy.pass(&path, request).await
            }
            (Some(Place::File(path)), _) => self.files.load(path, &request).await,
            _ => refusal(StatusCode::NOT_FOUND, "There is no such page."),
        };
        self.add_common_headers(reply.headers_mut());
        if is_head {
            *reply.body_mut() = Full::default();
        }
        reply
    }

    fn add_common_headers(&self, headers: &mut HeaderMap) {
        headers.insert(header::CONTENT_SECURITY_POLICY, self.policy.clone());
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        // Addresses of the pages hold names and thread ids.
        headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    }
}

fn is_on_this_machine(peer: Peer) -> bool {
    match peer {
        Peer::Address(address) => address.to_canonical().is_loopback(),
        Peer::Local => true,
    }
}

fn find_place<B>(request: &Request<B>) -> Option<Place<'_>> {
    let path = request.uri().path();
    let is_page = matches!(*request.method(), Method::GET | Method::HEAD);
    // The chat SDK asks `GET /?check=…` whether its realtime service can be reached.
    if path == "/" && is_page && request.uri().query().is_none_or(|query| !query.starts_with("check")) {
        return Some(Place::File(START_PAGE));
    }
    let path = path.strip_prefix("/samples/")?;
    Some(match path.strip_prefix("trusted-service/") {
        Some(path) => Place::TrustedService(path),
        None => Place::File(path),
    })
}

/// What the pages may load and call: their own files, and the API under the public address and the resources' names.
///
/// Styles may stand in the page because the component library of the chat writes them there.
fn policy(public_origin: &str, domain: &str) -> String {
    let sockets = public_origin.replacen("http", "ws", 1);
    let (scheme, authority) = public_origin.split_once("://").unwrap_or(("https", public_origin));
    let port = authority.rsplit_once(':').map_or("", |(_, port)| port);
    let port = if port.bytes().all(|byte| byte.is_ascii_digit()) { port } else { "" };
    let colon = if port.is_empty() { "" } else { ":" };
    let resources = format!("{scheme}://*.{domain}{colon}{port}");
    let resource_sockets = resources.replacen("http", "ws", 1);
    format!(
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; font-src 'self' data:; \
         img-src 'self' blob: data:; media-src 'self' blob:; worker-src 'self' blob:; \
         connect-src 'self' blob: {public_origin} {sockets} {resources} {resource_sockets}; \
         base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )
}

fn refusal(status: StatusCode, message: &str) -> Response<Full<Bytes>> {
    let body = json!({ "error": { "message": message } }).to_string();
    let mut reply = Response::new(Full::from(body));
    *reply.status_mut() = status;
    reply.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    reply
}
