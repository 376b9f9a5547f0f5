//! The admin listener: health, readiness and metrics, and the clock where it is settable. Nothing else.
//!
//! | path | what |
//! |---|---|
//! | `GET /healthz` | 200 while the process runs |
//! | `GET /readyz` | 200 while requests are served; 503 while starting, draining, or without a database |
//! | `GET /metrics` | OpenMetrics text |
//! | `GET`, `POST /clock` | with `--test-clock` only: shows it; `{"advanceSeconds":N}` or `{"now":"…"}` moves it |

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full, Limited};
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use serde::Deserialize;
use serde_json::json;
use trunkline_kernel::{Clock as _, ManualClock, Timestamp};
use trunkline_store::{Health, Store};

/// The largest body of a clock request, in bytes.
const CLOCK_BODY_BYTES_MAX: usize = 1024;

/// What the admin listener looks at.
pub(crate) struct Admin {
    pub(crate) store: Store,
    pub(crate) registry: Registry,
    pub(crate) is_serving: Arc<AtomicBool>,
    pub(crate) test_clock: Option<Arc<ManualClock>>,
}

impl std::fmt::Debug for Admin {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Admin").finish_non_exhaustive()
    }
}

/// How a clock request moves the clock.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
enum Move {
    AdvanceSeconds(u64),
    Now(Timestamp),
}

impl Admin {
    /// Answers one request.
    pub(crate) async fn handle<B>(&self, request: Request<B>) -> Response<Full<Bytes>>
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let is_get = request.method() == Method::GET || request.method() == Method::HEAD;
        match request.uri().path() {
            "/healthz" if is_get => text(StatusCode::OK, "ok\n".to_owned()),
            "/readyz" if is_get => self.ready(),
            "/metrics" if is_get => self.metrics(),
            "/clock" if is_get => self.clock(),
            "/clock" if request.method() == Method::POST => self.move_clock(request.into_body()).await,
            "/healthz" | "/readyz" | "/metrics" | "/clock" => {
                text(StatusCode::METHOD_NOT_ALLOWED, "this path takes another method\n".to_owned())
            }
            _ => text(StatusCode::NOT_FOUND, "there are /healthz, /readyz and /metrics\n".to_owned()),
        }
    }

    fn ready(&self) -> Response<Full<Bytes>> {
        let problem = match self.store.health() {
            _ if !self.is_serving.load(Ordering::Relaxed) => Some("starting or stopping".to_owned()),
            Health::Unhealthy { reason } => Some(reason),
            Health::Healthy => None,
        };
        match problem {
            None => text(StatusCode::OK, "ready\n".to_owned()),
            Some(problem) => text(StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {problem}\n")),
        }
    }

    fn metrics(&self) -> Response<Full<Bytes>> {
        let mut body = String::new();
        encode(&mut body, &self.registry).expect("writing to a string never fails");
        let mut reply = text(StatusCode::OK, body);
        let content_type =
            http::HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");
        reply.headers_mut().insert(header::CONTENT_TYPE, content_type);
        reply
    }

    fn clock(&self) -> Response<Full<Bytes>> {
        match &self.test_clock {
            Some(clock) => json_text(&json!({ "now": clock.now() })),
            None => not_settable(),
        }
    }

    async fn move_clock<B>(&self, body: B) -> Response<Full<Bytes>>
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let Some(clock) = &self.test_clock else { return not_settable() };
        let Ok(body) = Limited::new(body, CLOCK_BODY_BYTES_MAX).collect().await else {
            return text(StatusCode::BAD_REQUEST, "the body is too large or broke off\n".to_owned());
        };
        match serde_json::from_slice(&body.to_bytes()) {
            Ok(Move::AdvanceSeconds(seconds)) => clock.advance(Duration::from_secs(seconds)),
            Ok(Move::Now(now)) => clock.set(now),
            Err(cause) => {
                let message =
                    format!("the body must be {{\"advanceSeconds\":N}} or {{\"now\":\"DATE\"}}: {cause}\n");
                return text(StatusCode::BAD_REQUEST, message);
            }
        }
        json_text(&json!({ "now": clock.now() }))
    }
}

fn not_settable() -> Response<Full<Bytes>> {
    text(StatusCode::NOT_FOUND, "the clock is settable only with --test-clock\n".to_owned())
}

fn text(status: StatusCode, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    let content_type = http::HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    response
}

fn json_text(value: &serde_json::Value) -> Response<Full<Bytes>> {
    let mut response = text(StatusCode::OK, value.to_string());
    response.headers_mut().insert(header::CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
    response
}
