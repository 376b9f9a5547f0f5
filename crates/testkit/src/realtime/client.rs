//! [`ChatClient`]: one `ChatClient` object of the SDK with real-time notifications switched on.
//!
//! ```text
//! GET configuration ─► POST allocate ─► GET handshake ─► WebSocket, or polls ─► POST registration
//!                          ▲                                      │
//!                          └── with the last parameters ◄── lost, or asked to move
//! ```

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use serde_json::Value;
use trunkline_kernel::{Clock as _, SystemClock};
use trunkline_tasks::Tasks;

use super::connection::{Connection, OnFrame};
use super::frames::{Happened, Lost};
use super::opening::Services;
use super::requests::{Origin, Requests, headers};

/// Failures with parameters after which they are forgotten, as in the SDK.
const FAILURES_WITH_PARAMETERS: u32 = 3;
/// How long the server may take to say that a new connection stands.
const CONNECTED_WITHIN: Duration = Duration::from_secs(30);
/// The longest pause between two tries to connect.
const PAUSE_MAX: Duration = Duration::from_secs(50);

/// What a client connects with.
#[derive(Clone)]
pub struct Options {
    /// Where the server is.
    pub origin: Origin,
    /// Gives the user's token, anew after `unauthorized`.
    pub token: Arc<dyn Fn() -> String + Send + Sync>,
    /// The id of the endpoint: the same for the life of the object, a GUID in the SDK.
    pub epid: String,
    /// WebSocket or polls.
    pub transport: Transport,
    /// Whether a registration follows each connection, as in the SDK.
    pub registers: bool,
    /// Whether deliveries are answered.
    pub answers: bool,
    /// The first pause after a failure; the SDK's is a second.
    pub pause: Duration,
    /// Further parameters of the handshake, such as `trunkline=1`, each with a `&` before it.
    pub extra_query: String,
}

impl Options {
    /// The SDK's own behaviour over a WebSocket.
    pub fn new(origin: Origin, token: &str, epid: &str) -> Self {
        let token = token.to_owned();
        Self {
            origin,
            token: Arc::new(move || token.clone()),
            epid: epid.to_owned(),
            transport: Transport::WebSocket,
            registers: true,
            answers: true,
            pause: Duration::from_secs(1),
            extra_query: String::new(),
        }
    }
}

impl std::fmt::Debug for Options {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{:?}, endpoint {}", self.origin, self.epid)
    }
}

/// How notifications come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Transport {
    /// A socket, and polls where it is refused.
    WebSocket,
    /// Polls, as in a browser without sockets.
    Polling,
}

/// Why a client cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The server answered with no success.
    #[error("{step} was answered with {status}: {text}")]
    Refused {
        /// The path.
        step: String,
        /// The status.
        status: u16,
        /// The body.
        text: String,
    },
    /// The network or the connection failed.
    #[error("{step}: {reason}")]
    Gone {
        /// What was being done.
        step: String,
        /// How it failed.
        reason: String,
    },
    /// The server said what the SDK would not understand.
    #[error("the server said what no client understands: {what}")]
    Wrong {
        /// What it was.
        what: String,
    },
}

impl ClientError {
    pub(crate) fn gone(step: &str, cause: &dyn std::error::Error) -> Self {
        let step = step.split('?').next().unwrap_or_default().to_owned();
        Self::Gone { step, reason: cause.to_string() }
    }

    /// The status of the answer, if there was one.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Refused { status, .. } => Some(*status),
            _ => None,
        }
    }
}

/// A notification as the application would see it, nearly.
#[derive(Clone, PartialEq, Debug)]
pub struct Notification {
    /// The number of its delivery on its connection.
    pub id: u64,
    /// `eventId`: 200 for a message, and so on.
    pub event_id: u64,
    /// The body, whose values may be JSON inside a text.
    pub body: Value,
    /// Where it was sent to.
    pub url: String,
}

/// What [`ChatClient::drive`] came to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Driven {
    /// Something was read.
    Read,
    /// Nothing came in the given time.
    Quiet,
    /// The client was asked to move, and has: the old connection lingers.
    Moved,
    /// The connection is no more; [`ChatClient::reconnect`] makes another one.
    Lost(Lost),
}

/// One endpoint. Dropping it cuts its connections, as a closed laptop does.
pub struct ChatClient {
    pub(super) options: Options,
    pub(super) tasks: Tasks,
    pub(super) services: Option<Services>,
    /// The query of the last allocation's parameters, for the next one.
    pub(super) parameters: Option<String>,
    pub(super) attempts: u32,
    connection: Option<Connection>,
    /// The connection before a move, which is read on until the server ends it.
    lingering: Option<Connection>,
    received: VecDeque<Notification>,
    /// What came with the word that a connection stands: number and request of each.
    early: VecDeque<(u64, String)>,
    pub(super) connections: u32,
}

impl std::fmt::Debug for ChatClient {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "ChatClient({:?})", self.options)
    }
}

impl ChatClient {
    /// Connects as `startRealtimeNotifications` does. `tasks` run its HTTP connections.
    ///
    /// **Errors**: the first step that failed; nothing is tried twice.
    pub async fn connect(options: Options, tasks: &Tasks) -> Result<Self, ClientError> {
        let mut client = Self {
            options,
            tasks: tasks.clone(),
            services: None,
            parameters: None,
            attempts: 0,
            connection: None,
            lingering: None,
            received: VecDeque::new(),
            early: VecDeque::new(),
            connections: 0,
        };
        let connection = client.open().await?;
        client.connection = Some(connection);
        client.until_connected().await?;
        Ok(client)
    }

    /// How often it has connected.
    pub fn connections(&self) -> u32 {
        self.connections
    }

    /// Whether it has a connection.
    pub fn is_connected(&self) -> bool {
        self.connection.is_some()
    }

    /// Sends every further request and connection elsewhere: to another node.
    pub fn move_to(&mut self, origin: Origin) {
        self.options.origin = origin;
    }

    /// Answers deliveries from now on, or ceases to.
    pub fn set_answering(&mut self, is_answering: bool) {
        self.options.answers = is_answering;
        for connection in self.connection.iter_mut().chain(&mut self.lingering) {
            connection.session.is_answering = is_answering;
        }
    }

    /// Cuts the connection without a word: a network that went away. Nothing is sent any more, not even the
    /// answers to what was read last.
    pub fn cut(&mut self) {
        self.connection = None;
        self.lingering = None;
    }

    /// Sends a frame of the test's own.
    pub async fn send_frame(&mut self, text: &str) -> Result<(), ClientError> {
        let nothing = || ClientError::Gone { step: "sending".to_owned(), reason: "not connected".to_owned() };
        let connection = self.connection.as_mut().ok_or_else(nothing)?;
        connection.push(text);
        connection.flush().await
    }

    /// Connects again with the parameters of the last allocation, as the SDK does: pauses that double after
    /// each failure, and a fresh allocation after three of them.
    ///
    /// **Errors**: the last failure, when `patience` is over.
    pub async fn reconnect(&mut self, patience: Duration) -> Result<(), ClientError> {
        let end = SystemClock.monotonic() + patience;
        let mut pause = self.options.pause;
        let mut failures = 0;
        loop {
            let failure = match self.open().await {
                Ok(connection) => {
                    self.connection = Some(connection);
                    match self.until_connected().await {
                        Ok(()) => return Ok(()),
                        Err(failure) => failure,
                    }
                }
                Err(failure) => failure,
            };
            failures += 1;
            if failures >= FAILURES_WITH_PARAMETERS && failure.status().is_some() {
                self.parameters = None;
            }
            if SystemClock.monotonic() + pause > end {
                return Err(failure);
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    /// Makes another connection beside the present one, which is read on until the server ends it: what the SDK
    /// does when it is asked to move.
    ///
    /// **Errors**: the first step that failed; the present connection stays.
    pub async fn switch(&mut self) -> Result<(), ClientError> {
        let next = self.open().await?;
        self.lingering = self.connection.replace(next);
        Ok(())
    }

    /// Reads once and answers as the SDK would, waiting at most `patience`. `on_delivery` gets each
    /// notification raw: benchmarks count without reading JSON.
    pub async fn drive(
        &mut self,
        patience: Duration,
        on_delivery: &mut (dyn FnMut(super::Delivery<'_>) + Send),
    ) -> Result<Driven, ClientError> {
        if self.early.is_empty() {
            return self.drive_on(patience, on_delivery).await;
        }
        for (id, request) in self.early.drain(..) {
            on_delivery(super::Delivery { id, request: &request });
        }
        Ok(Driven::Read)
    }

    async fn drive_on(
        &mut self,
        patience: Duration,
        on_delivery: &mut (dyn FnMut(super::Delivery<'_>) + Send),
    ) -> Result<Driven, ClientError> {
        let mut asked = Asked::default();
        let mut on = |happened: Happened<'_>| match happened {
            Happened::Delivery(delivery) => on_delivery(delivery),
            Happened::Move { is_same_host } => asked.moves = Some(is_same_host),
            Happened::Disconnected(reason) => asked.ends = Some(Goodbye(reason.map(reason_of))),
            Happened::Nothing | Happened::Connected => {}
        };
        let driven = match self.read(patience, &mut on).await {
            Came::Lost(lost) => Driven::Lost(lost),
            Came::Quiet => Driven::Quiet,
            Came::Read => Driven::Read,
        };
        if let Some(Goodbye(reason)) = asked.ends {
            self.connection = None;
            return Ok(Driven::Lost(Lost::Disconnected(reason)));
        }
        if let (Some(is_same_host), Driven::Read) = (asked.moves, &driven) {
            if !is_same_host {
                self.parameters = None;
            }
            self.switch().await?;
            return Ok(Driven::Moved);
        }
        if matches!(driven, Driven::Lost(_)) {
            self.connection = None;
        }
        Ok(driven)
    }

    /// The next notification, connecting again when the connection is lost.
    ///
    /// **Errors**: `None` after `patience`; [`ClientError`] when connecting again fails for as long, or for a
    /// notification the SDK would not understand.
    pub async fn next_notification(
        &mut self,
        patience: Duration,
    ) -> Result<Option<Notification>, ClientError> {
        let end = SystemClock.monotonic() + patience;
        loop {
            if let Some(notification) = self.received.pop_front() {
                return Ok(Some(notification));
            }
            let left = end.saturating_sub(SystemClock.monotonic());
            if left.is_zero() {
                return Ok(None);
            }
            if self.connection.is_none() {
                self.reconnect(left).await?;
            }
            self.receive(left).await?;
        }
    }

    /// Everything that comes until nothing has come for `silence`.
    pub async fn all_until_silence(&mut self, silence: Duration) -> Result<Vec<Notification>, ClientError> {
        let mut all = Vec::new();
        while let Some(notification) = self.next_notification(silence).await? {
            all.push(notification);
        }
        Ok(all)
    }

    /// Reads once without connecting again; what comes waits for [`ChatClient::next_notification`].
    pub async fn receive(&mut self, patience: Duration) -> Result<Driven, ClientError> {
        let mut received = Vec::new();
        let driven = self.drive(patience, &mut |delivery| received.push(read(delivery))).await;
        for notification in received {
            self.received.push_back(notification?);
        }
        driven
    }

    /// Says goodbye as `stopRealtimeNotifications` does.
    pub async fn stop(mut self) -> Result<(), ClientError> {
        if let Some(mut connection) = self.connection.take() {
            connection.push("0::");
            connection.flush().await?;
        }
        if let (true, Some(services)) = (self.options.registers, self.services.clone()) {
            let target = format!("{}/v3/registrations/{}", services.registrar, self.options.epid);
            let token = (self.options.token)();
            let mut requests = Requests::new(self.options.origin.clone(), self.tasks.clone());
            requests.text("DELETE", &target, headers(&[("x-skypetoken", &token)]), "").await?;
        }
        Ok(())
    }

    /// Waits until the server says that the connection stands: what happens from then on is told.
    async fn until_connected(&mut self) -> Result<(), ClientError> {
        let end = SystemClock.monotonic() + CONNECTED_WITHIN;
        let failed = |reason: String| ClientError::Gone { step: "connecting".to_owned(), reason };
        loop {
            match &self.connection {
                Some(connection) if connection.session.is_connected => return Ok(()),
                Some(_) => {}
                None => return Err(failed("the server ended the connection".to_owned())),
            }
            let left = end.saturating_sub(SystemClock.monotonic());
            if left.is_zero() {
                self.connection = None;
                return Err(failed("the server says nothing".to_owned()));
            }
            let mut early = Vec::new();
            let driven = self
                .drive_on(left, &mut |delivery| early.push((delivery.id, delivery.request.to_owned())))
                .await;
            self.early.extend(early);
            driven?;
        }
    }

    async fn read(&mut self, patience: Duration, on: &mut OnFrame<'_>) -> Came {
        let Some(connection) = &mut self.connection else {
            return Came::Lost(Lost::Ended("there is no connection".to_owned()));
        };
        let now = SystemClock.monotonic();
        let lingering = &mut self.lingering;
        let wait = patience.min(connection.session.deadline().saturating_sub(now));
        let reading = poll_fn(|context| {
            let now = SystemClock.monotonic();
            let is_over = match lingering {
                Some(old) => match old.poll_frames(context, now, &mut |happened| {
                    // What an old connection says about itself concerns nobody; its deliveries do.
                    if matches!(happened, Happened::Delivery(_)) {
                        on(happened);
                    }
                }) {
                    Poll::Ready(Ok(true)) => return Poll::Ready(Ok(true)),
                    Poll::Ready(_) => true,
                    Poll::Pending => false,
                },
                None => false,
            };
            if is_over {
                *lingering = None;
            }
            connection.poll_frames(context, now, on)
        });
        let came = match tokio::time::timeout(wait, reading).await {
            Ok(Ok(true)) => Came::Read,
            Ok(Ok(false)) => return Came::Lost(Lost::Ended("the server closed it".to_owned())),
            Ok(Err(failure)) => return Came::Lost(Lost::Ended(failure.to_string())),
            Err(_) => Came::Quiet,
        };
        if let Some(old) = &mut self.lingering
            && old.flush().await.is_err()
        {
            self.lingering = None;
        }
        if let Err(lost) = connection.expire(SystemClock.monotonic()) {
            return Came::Lost(lost);
        }
        match connection.flush().await {
            Ok(()) => came,
            Err(failure) => Came::Lost(Lost::Ended(failure.to_string())),
        }
    }
}

/// What reading once came to.
enum Came {
    Read,
    Quiet,
    Lost(Lost),
}

/// What the server asked for while it was read.
#[derive(Default)]
struct Asked {
    moves: Option<bool>,
    ends: Option<Goodbye>,
}

/// The server ends the connection, with its reason if it gave one.
struct Goodbye(Option<String>);

fn reason_of(json: &str) -> String {
    let reason = serde_json::from_str::<Value>(json).ok();
    let named = reason.as_ref().and_then(|reason| reason["reason"].as_str());
    named.unwrap_or(json).to_owned()
}

fn read(delivery: super::Delivery<'_>) -> Result<Notification, ClientError> {
    let (url, body) = delivery.read().map_err(|what| ClientError::Wrong { what })?;
    let has_texts = body["senderId"].is_string() && body["recipientMri"].is_string();
    match body["eventId"].as_u64() {
        Some(event_id) if has_texts => Ok(Notification { id: delivery.id, event_id, body, url }),
        _ => Err(ClientError::Wrong { what: format!("a notification without ids: {body}") }),
    }
}
