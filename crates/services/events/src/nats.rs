//! The publisher to a NATS subject.
//!
//! ```text
//!  publish ─┐                                       ┌─ PONG: everything before the PING has arrived
//!  publish ─┼─ queue ─> [HPUB HPUB … PING] ─ write ─┤
//!  publish ─┘            one fence                  └─ -ERR: whose subject it names is refused
//! ```
//!
//! Core NATS acknowledges nothing, but it reads in order: a `PONG` says that the server has read what came before
//! the `PING`. Whether somebody listens is the server's business; a stream (`JetStream`) that keeps the subject sees
//! `Nats-Msg-Id` and leaves repetitions out.
//!
//! One task owns the one connection, opened when the first message comes and again after it broke. Credentials are
//! a user with password or a token.

mod connection;
mod protocol;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use tokio::io::AsyncWriteExt as _;
use tokio::sync::{mpsc, oneshot};
use trunkline_kernel::Secret;
use trunkline_net::outbound::{OutboundError, Securer};
use trunkline_tasks::{Shutdown, Tasks};

use crate::ports::{NatsMessage, OutboundFuture, PublishNats};
use connection::{Reader, Writer};
use protocol::{Info, ServerMessage};

pub(crate) use protocol::is_subject;

/// NATS's own port.
const PORT: u16 = 4222;

/// Calls that wait to be written. As many as attempts may be in flight at once.
const QUEUE_MAX: usize = 1024;

/// From TCP to the answer to the introduction: a few round trips.
const CONNECT_WAIT_MAX: Duration = Duration::from_secs(10);

/// For the next sign of progress while a fence is open. Below the 30 s an attempt may take.
const FENCE_WAIT_MAX: Duration = Duration::from_secs(10);

/// Fences on their way. More would only wait in the server's buffer.
const FENCES_MAX: usize = 64;

/// Bytes after which a fence is closed although more waits: what fits into common socket buffers.
const FENCE_BYTES_MAX: usize = 256 * 1024;

/// The server to publish to.
#[derive(Clone, Debug)]
pub struct NatsSettings {
    /// `nats://host:port` or `tls://host:port`; with `tls`, a server without TLS is refused.
    pub url: String,
    /// The user's name.
    pub user: Option<String>,
    /// The user's password.
    pub password: Option<Secret<String>>,
    /// A token instead of a user.
    pub token: Option<Secret<String>>,
}

/// The address of a NATS server cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NatsUrlError {
    /// Not an address.
    #[error("the address of the NATS server must be nats://HOST:PORT or tls://HOST:PORT")]
    Invalid,
    /// A user name or password before the host.
    #[error("the address of the NATS server must not hold credentials; they have settings of their own")]
    Credentials,
}

/// Where the server is.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Server {
    host: String,
    port: u16,
    is_secure: bool,
}

impl Server {
    fn parse(url: &str) -> Result<Self, NatsUrlError> {
        let parts = url.parse::<Uri>().map_err(|_| NatsUrlError::Invalid)?.into_parts();
        let is_secure = match parts.scheme.as_ref().map(http::uri::Scheme::as_str) {
            Some("tls") => true,
            Some("nats") => false,
            _ => return Err(NatsUrlError::Invalid),
        };
        let authority = parts.authority.ok_or(NatsUrlError::Invalid)?;
        if authority.as_str().contains('@') {
            return Err(NatsUrlError::Credentials);
        }
        let is_bare = parts.path_and_query.is_none_or(|path| matches!(path.as_str(), "" | "/"));
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
        // A port that is too large is left out by the parser of addresses.
        let has_port = authority.as_str().len() > authority.host().len();
        let port = if has_port { authority.port_u16().unwrap_or(0) } else { PORT };
        if !is_bare || host.is_empty() || port == 0 {
            return Err(NatsUrlError::Invalid);
        }
        Ok(Self { host, port, is_secure })
    }
}

/// Whether `url` can be that of a NATS server, for the configuration.
pub fn check_url(url: &str) -> Result<(), NatsUrlError> {
    Server::parse(url).map(drop)
}

/// What one call wants published.
struct Call {
    subject: String,
    messages: Vec<NatsMessage>,
    done: oneshot::Sender<Result<(), OutboundError>>,
}

/// A call on its way.
struct Sent {
    subject: String,
    done: oneshot::Sender<Result<(), OutboundError>>,
}

/// Publishes over one connection that everybody shares.
#[derive(Debug)]
pub struct NatsPublisher {
    calls: mpsc::Sender<Call>,
}

impl NatsPublisher {
    /// Starts the task that owns the connection; nothing is connected yet.
    ///
    /// `securer` begins TLS where the address or the server asks for it.
    ///
    /// **Errors**: the address.
    pub fn start(settings: NatsSettings, securer: Securer, tasks: &Tasks) -> Result<Arc<Self>, NatsUrlError> {
        let server = Server::parse(&settings.url)?;
        let (sender, calls) = mpsc::channel(QUEUE_MAX);
        let owner = Owner { server, settings, securer, calls };
        drop(tasks.spawn("nats publisher", owner.run(tasks.shutdown())));
        Ok(Arc::new(Self { calls: sender }))
    }
}

impl PublishNats for NatsPublisher {
    fn publish<'a>(&'a self, subject: &'a str, messages: &'a [NatsMessage]) -> OutboundFuture<'a, ()> {
        Box::pin(async move {
            // A subject with a line's end would be a command.
            if !is_subject(subject) {
                return Err(OutboundError::Denied { reason: "this is no subject to publish to".to_owned() });
            }
            let over = || OutboundError::Closed { reason: "the publisher has stopped".to_owned() };
            let (done, answer) = oneshot::channel();
            let call = Call { subject: subject.to_owned(), messages: messages.to_vec(), done };
            self.calls.send(call).await.map_err(|_| over())?;
            answer.await.map_err(|_| over())?
        })
    }
}

/// The task behind the publisher.
struct Owner {
    server: Server,
    settings: NatsSettings,
    securer: Securer,
    calls: mpsc::Receiver<Call>,
}

impl Owner {
    async fn run(mut self, shutdown: Shutdown) {
        while let Some(first) = self.next_call(&shutdown).await {
            let opening = connection::open(&self.server, &self.settings, &self.securer);
            let opened = tokio::time::timeout(CONNECT_WAIT_MAX, opening)
                .await
                .unwrap_or_else(|_| Err(OutboundError::Connect { reason: "it took too long".to_owned() }));
            match opened {
                Ok((reader, writer, info)) => {
                    let mut line = Line { reader, writer, info, fences: VecDeque::new() };
                    let error = line.serve(first, &mut self.calls, &shutdown).await;
                    line.fail(&error);
                }
                Err(error) => self.fail(first, &error),
            }
        }
    }

    async fn next_call(&mut self, shutdown: &Shutdown) -> Option<Call> {
        tokio::select! {
            call = self.calls.recv() => call,
            () = shutdown.requested() => None,
        }
    }

    /// Everybody who waits now learns that there is no connection; who calls later has it tried again.
    fn fail(&mut self, first: Call, error: &OutboundError) {
        let mut next = Some(first);
        while let Some(call) = next {
            drop(call.done.send(Err(error.clone())));
            next = self.calls.try_recv().ok();
        }
    }
}

/// An open connection.
struct Line {
    reader: Reader,
    writer: Writer,
    info: Info,
    /// What each `PONG` that is still to come acknowledges, the oldest first.
    fences: VecDeque<Vec<Sent>>,
}

impl Line {
    /// Publishes until the connection ends; returns why it did.
    async fn serve(
        &mut self,
        first: Call,
        calls: &mut mpsc::Receiver<Call>,
        shutdown: &Shutdown,
    ) -> OutboundError {
        let mut next = Some(first);
        let mut patience = std::pin::pin!(tokio::time::sleep(FENCE_WAIT_MAX));
        loop {
            if let Some(call) = next.take() {
                if self.fences.is_empty() {
                    patience.set(tokio::time::sleep(FENCE_WAIT_MAX));
                }
                if let Err(error) = self.send(call, calls).await {
                    return error;
                }
            }
            // A server that is about to stop closes the connection when it likes; better when nothing is on its way.
            if self.info.ldm && self.fences.is_empty() {
                return OutboundError::Closed { reason: "the server is about to stop".to_owned() };
            }
            let may_send = self.fences.len() < FENCES_MAX && !self.info.ldm;
            tokio::select! {
                message = self.reader.next() => {
                    let handled = match message {
                        Ok(message) => self.handle(message).await,
                        Err(error) => Err(error),
                    };
                    if let Err(error) = handled {
                        return error;
                    }
                    patience.set(tokio::time::sleep(FENCE_WAIT_MAX));
                }
                call = calls.recv(), if may_send => match call {
                    Some(call) => next = Some(call),
                    None => return OutboundError::Closed { reason: "the publisher has stopped".to_owned() },
                },
                () = &mut patience, if !self.fences.is_empty() => {
                    return OutboundError::Closed { reason: "the server does not answer".to_owned() };
                }
                () = shutdown.requested() => {
                    return OutboundError::Closed { reason: "the publisher has stopped".to_owned() };
                }
            }
        }
    }

    /// Writes `first` and what else waits, and a `PING` behind it.
    async fn send(&mut self, first: Call, calls: &mut mpsc::Receiver<Call>) -> Result<(), OutboundError> {
        let mut out = Vec::new();
        let mut sent = Vec::new();
        let mut next = Some(first);
        while let Some(Call { subject, messages, done }) = next {
            let has_headers = self.info.headers;
            let is_large = |message| protocol::size_bytes(message, has_headers) > self.info.max_payload;
            if messages.iter().any(is_large) {
                drop(done.send(Err(OutboundError::TooLarge)));
            } else {
                for message in &messages {
                    protocol::write_publish(&mut out, &subject, message, has_headers);
                }
                sent.push(Sent { subject, done });
            }
            next = if out.len() < FENCE_BYTES_MAX { calls.try_recv().ok() } else { None };
        }
        if sent.is_empty() {
            return Ok(());
        }
        protocol::write_ping(&mut out);
        self.fences.push_back(sent);
        self.write(&out).await
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), OutboundError> {
        let writing = async {
            self.writer.write_all(bytes).await?;
            self.writer.flush().await
        };
        match tokio::time::timeout(FENCE_WAIT_MAX, writing).await {
            Ok(written) => written.map_err(|error| connection::closed(&error)),
            Err(_) => Err(OutboundError::Closed { reason: "the server does not read".to_owned() }),
        }
    }

    async fn handle(&mut self, message: ServerMessage) -> Result<(), OutboundError> {
        match message {
            ServerMessage::Pong => {
                for sent in self.fences.pop_front().into_iter().flatten() {
                    drop(sent.done.send(Ok(())));
                }
                Ok(())
            }
            ServerMessage::Ping => {
                let mut pong = Vec::new();
                protocol::write_pong(&mut pong);
                self.write(&pong).await
            }
            ServerMessage::Info(info) => {
                self.info = info;
                Ok(())
            }
            ServerMessage::Ok => Ok(()),
            ServerMessage::Error(reason) => self.refuse(reason),
        }
    }

    /// A subject that may not be published to fails whoever published to it; it comes before the `PONG` of its
    /// fence. Any other error ends the connection.
    fn refuse(&mut self, reason: String) -> Result<(), OutboundError> {
        let subject = reason
            .strip_prefix("Permissions Violation for Publish to ")
            .map(|quoted| quoted.trim_matches('"').to_owned());
        let Some(subject) = subject else { return Err(OutboundError::Denied { reason }) };
        if let Some(fence) = self.fences.front_mut() {
            let refused = fence.extract_if(.., |sent| sent.subject == subject);
            for sent in refused {
                drop(sent.done.send(Err(OutboundError::Denied { reason: reason.clone() })));
            }
        }
        Ok(())
    }

    fn fail(self, error: &OutboundError) {
        for sent in self.fences.into_iter().flatten() {
            drop(sent.done.send(Err(error.clone())));
        }
    }
}

#[cfg(test)]
mod tests;
