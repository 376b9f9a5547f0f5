//! One connection with one owner: a request, the head of its answer, the next request.

use std::fmt;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::{Body as _, Incoming};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use trunkline_kernel::Clock;

use super::{OutboundBounds, OutboundError, SecureStream, Target};

/// Status and headers of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The status; 3xx is an answer like any other.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
}

/// An HTTP/1.1 connection. Dropping it closes it.
///
/// The connection moves only while one of its methods is polled: no task runs beside its owner. A method
/// that is dropped half-way leaves a connection that is not reusable.
pub struct Connection {
    target: Target,
    sender: http1::SendRequest<Full<Bytes>>,
    driver: Driver,
    // The part of the last answer's body that was not read yet.
    rest: Option<Incoming>,
    // Whether an exchange has begun and not ended: what comes next belongs to it.
    is_busy: bool,
    exchanges: u64,
    lifetime: Lifetime,
}

impl fmt::Debug for Connection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Connection")
            .field("target", &self.target)
            .field("exchanges", &self.exchanges)
            .field("is_busy", &self.is_busy)
            .finish_non_exhaustive()
    }
}

impl Connection {
    pub(super) fn new(
        target: Target,
        sender: http1::SendRequest<Full<Bytes>>,
        connection: Moving,
        lifetime: Lifetime,
    ) -> Self {
        let driver = Driver { connection: Some(Box::pin(connection)) };
        Self { target, sender, driver, rest: None, is_busy: false, exchanges: 0, lifetime }
    }

    /// Sends `request` and waits for the head of the answer. Path, query and `Host` are the target's; the
    /// request's own are ignored.
    ///
    /// The body of the answer waits: call [`Connection::drain`] when the head has been dealt with. (If the
    /// caller does not, the next exchange does.)
    ///
    /// **Errors**: [`OutboundError::Closed`], [`OutboundError::Protocol`], [`OutboundError::TooLarge`]; the
    /// connection is then of no more use.
    pub async fn exchange(&mut self, request: Request<Bytes>) -> Result<Head, OutboundError> {
        let (parts, body) = self.send(request).await?.into_parts();
        if body.is_end_stream() {
            self.end_exchange();
        } else {
            self.rest = Some(body);
        }
        Ok(Head { status: parts.status, headers: parts.headers })
    }

    /// As [`Connection::exchange`], with a body of at most `bytes_max` bytes.
    ///
    /// **Errors**: as there; [`OutboundError::TooLarge`] also for a longer body.
    pub async fn exchange_with_body(
        &mut self,
        request: Request<Bytes>,
        bytes_max: usize,
    ) -> Result<Response<Bytes>, OutboundError> {
        let (parts, body) = self.send(request).await?.into_parts();
        let collected = self.driver.drive(Limited::new(body, bytes_max).collect()).await;
        let collected = collected.map_err(|error| match error.downcast::<hyper::Error>() {
            Ok(error) => OutboundError::of_hyper(&error),
            Err(error) if error.is::<LengthLimitError>() => OutboundError::TooLarge,
            Err(error) => OutboundError::Protocol { reason: error.to_string() },
        })?;
        self.end_exchange();
        Ok(Response::from_parts(parts, collected.to_bytes()))
    }

    /// Reads away what is left of the last answer, within [`OutboundBounds::answer_body_bytes`] and
    /// [`OutboundBounds::answer_body_wait`]. Returns [`Connection::is_reusable`].
    pub async fn drain(&mut self) -> bool {
        if let Some(mut body) = self.rest.take() {
            let mut left_bytes = self.lifetime.bounds.answer_body_bytes;
            let read = async {
                while let Some(frame) = body.frame().await {
                    let read_bytes = frame.ok()?.data_ref().map_or(0, Bytes::len);
                    left_bytes = left_bytes.checked_sub(read_bytes)?;
                }
                Some(())
            };
            let wait = self.lifetime.bounds.answer_body_wait;
            if let Ok(Some(())) = tokio::time::timeout(wait, self.driver.drive(read)).await {
                self.end_exchange();
            }
        }
        self.driver.advance().await;
        self.is_reusable()
    }

    /// Whether another request may be sent: no exchange is under way, and the connection is neither closed
    /// nor too old nor idle for too long. A body that was not drained yet counts as under way.
    pub fn is_reusable(&self) -> bool {
        !self.is_busy
            && self.driver.connection.is_some()
            && !self.sender.is_closed()
            && !self.lifetime.is_over()
    }

    /// Whether no answer has come over this connection yet. Only then does [`OutboundError::Closed`] say
    /// something of the endpoint: servers close idle connections just when a request is on its way.
    pub fn is_fresh(&self) -> bool {
        self.exchanges == 0
    }

    /// Since the connection was made.
    pub fn age(&self) -> Duration {
        self.lifetime.age()
    }

    async fn send(&mut self, mut request: Request<Bytes>) -> Result<Response<Incoming>, OutboundError> {
        if self.rest.is_some() {
            self.drain().await;
        }
        self.driver.advance().await;
        if self.is_busy || self.driver.connection.is_none() || self.sender.is_closed() {
            return Err(OutboundError::Closed { reason: "the connection had ended before".to_owned() });
        }
        *request.uri_mut() = Uri::from(self.target.path_and_query().clone());
        request.headers_mut().insert(header::HOST, self.target.host_header().clone());
        self.is_busy = true;
        let sending = self.sender.send_request(request.map(Full::new));
        let answer = self.driver.drive(sending).await.map_err(|error| OutboundError::of_hyper(&error))?;
        self.exchanges += 1;
        Ok(answer)
    }

    fn end_exchange(&mut self) {
        self.is_busy = false;
        self.lifetime.touch();
    }
}

/// What moves the bytes of a connection.
type Moving = http1::Connection<TokioIo<SecureStream>, Full<Bytes>>;

/// Moves bytes while somebody waits for something.
struct Driver {
    // `None` once it has ended.
    connection: Option<Pin<Box<Moving>>>,
}

impl Driver {
    fn poll(&mut self, context: &mut Context<'_>) {
        if let Some(connection) = &mut self.connection
            // Its error, if any, also ends the exchange.
            && connection.as_mut().poll(context).is_ready()
        {
            self.connection = None;
        }
    }

    async fn drive<T>(&mut self, wanted: impl Future<Output = T>) -> T {
        let mut wanted = pin!(wanted);
        poll_fn(|context| {
            if let Poll::Ready(result) = wanted.as_mut().poll(context) {
                return Poll::Ready(result);
            }
            self.poll(context);
            // What the connection just read may be what is wanted.
            wanted.as_mut().poll(context)
        })
        .await
    }

    /// One step without waiting, to see whether the other side has closed.
    async fn advance(&mut self) {
        poll_fn(|context| {
            self.poll(context);
            Poll::Ready(())
        })
        .await;
    }
}

/// How long a connection may still be used.
pub(super) struct Lifetime {
    clock: Arc<dyn Clock>,
    bounds: OutboundBounds,
    began: Duration,
    used: Duration,
}

impl Lifetime {
    pub(super) fn begin(clock: Arc<dyn Clock>, bounds: OutboundBounds) -> Self {
        let now = clock.monotonic();
        Self { clock, bounds, began: now, used: now }
    }

    fn age(&self) -> Duration {
        self.clock.monotonic().saturating_sub(self.began)
    }

    fn touch(&mut self) {
        self.used = self.clock.monotonic();
    }

    fn is_over(&self) -> bool {
        let now = self.clock.monotonic();
        now.saturating_sub(self.began) >= self.bounds.age || now.saturating_sub(self.used) >= self.bounds.idle
    }
}
