//! The trusted service of the samples, passed through under the server's own address.

use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body::Body;
use http_body_util::{BodyExt as _, Full, Limited};
use trunkline_net::{BoxError, Client, ClientBounds, NetError};
use trunkline_tasks::Tasks;

use super::refusal;

/// The longest body of a request, in bytes: a few names.
const BODY_BYTES_MAX: usize = 64 * 1024;

/// The time for a body to arrive.
const BODY_TIME: Duration = Duration::from_secs(10);

/// The service asks this server before it answers, so it gets the time of a few calls.
const BOUNDS: ClientBounds = ClientBounds {
    connect: Duration::from_secs(1),
    total: Duration::from_secs(10),
    answer_bytes: 256 * 1024,
};

/// The way to the trusted service.
#[derive(Debug)]
pub(super) struct Proxy {
    client: Client,
    origin: String,
}

impl Proxy {
    /// A way to `origin`.
    ///
    /// **Errors**: only when the crypto library is broken.
    pub(super) fn new(origin: String, tasks: &Tasks) -> anyhow::Result<Self> {
        // No authority is trusted: the service is on this machine, by plain HTTP.
        let client = Client::new(&[], BOUNDS, tasks.clone()).context("the client of the samples")?;
        Ok(Self { client, origin })
    }

    /// Passes a `POST` on and its answer back.
    pub(super) async fn pass<B>(&self, path: &str, request: Request<B>) -> Response<Full<Bytes>>
    where
        B: Body<Data = Bytes> + Send,
        B::Error: Into<BoxError>,
    {
        if *request.method() != Method::POST {
            let mut reply =
                refusal(StatusCode::METHOD_NOT_ALLOWED, "The trusted service is asked with POST.");
            reply.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST"));
            return reply;
        }
        if is_from_elsewhere(&request) {
            return refusal(StatusCode::FORBIDDEN, "The trusted service answers its own pages only.");
        }
        let kind = request.headers().get(header::CONTENT_TYPE).cloned();
        let body = Limited::new(request.into_body(), BODY_BYTES_MAX).collect();
        let body = match tokio::time::timeout(BODY_TIME, body).await {
            Ok(Ok(body)) => body.to_bytes(),
            Ok(Err(_)) => {
                return refusal(StatusCode::PAYLOAD_TOO_LARGE, "The request is too long or broken.");
            }
            Err(_) => return refusal(StatusCode::REQUEST_TIMEOUT, "The request took too long."),
        };
        let mut passed = Request::post(format!("{}/{path}", self.origin));
        if let Some(kind) = kind {
            passed = passed.header(header::CONTENT_TYPE, kind);
        }
        let Ok(passed) = passed.body(body) else {
            return refusal(StatusCode::NOT_FOUND, "There is no such address.");
        };
        match self.client.request(passed).await {
            Ok(answer) => pass_back(answer),
            Err(cause) => {
                tracing::warn!(%cause, "the trusted service of the samples does not answer");
                let is_late = matches!(cause, NetError::TimedOut { .. });
                let status = if is_late { StatusCode::GATEWAY_TIMEOUT } else { StatusCode::BAD_GATEWAY };
                refusal(status, "The trusted service of the samples does not answer. Is it running?")
            }
        }
    }
}

/// Whether a browser says that the page of another site asks.
fn is_from_elsewhere<B>(request: &Request<B>) -> bool {
    let site = request.headers().get("sec-fetch-site");
    site.is_some_and(|site| site != "same-origin" && site != "none")
}

/// Only what the pages read: status, kind and body.
fn pass_back(answer: Response<Bytes>) -> Response<Full<Bytes>> {
    let (parts, body) = answer.into_parts();
    let mut reply = Response::new(Full::from(body));
    *reply.status_mut() = parts.status;
    if let Some(kind) = parts.headers.get(header::CONTENT_TYPE) {
        reply.headers_mut().insert(header::CONTENT_TYPE, kind.clone());
    }
    reply
}
