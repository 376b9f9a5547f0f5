//! One connection of a client: a WebSocket, or polls that hang.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use trunkline_net::websocket::{Bounds, Event, Opcode, Role, Socket, write_masked};
use trunkline_tasks::Tasks;

use super::client::ClientError;
use super::frames::{Frames, Happened, Session, read_batch, write_batch};
use super::requests::{Origin, Requests, headers};

/// The client takes what a server sends: a list of a thousand members is some 120 KB.
const BOUNDS: Bounds = Bounds { frame_bytes_max: 1 << 20, message_bytes_max: 1 << 20 };
/// A server that takes no byte for this long has gone.
const STALL: Duration = Duration::from_secs(10);

/// What a connection reports while it is read.
pub(super) type OnFrame<'a> = dyn FnMut(Happened<'_>) + Send + 'a;

/// A connection with the SDK's side of it.
pub(super) struct Connection {
    pub(super) session: Session,
    way: Way,
    out: Frames,
    wire: Vec<u8>,
    /// Masks need not be secret here: no proxy is to be protected from a test.
    mask: u32,
}

enum Way {
    Web(Box<Socket<TokioIo<Upgraded>>>),
    Polls(Box<Polls>),
}

impl Connection {
    pub(super) fn web(upgraded: Upgraded, session: Session) -> Self {
        let socket = Socket::new(TokioIo::new(upgraded), Role::Client, BOUNDS);
        Self::new(Way::Web(Box::new(socket)), session)
    }

    pub(super) fn polls(polls: Polls, session: Session) -> Self {
        Self::new(Way::Polls(Box::new(polls)), session)
    }

    fn new(way: Way, session: Session) -> Self {
        Self { session, way, out: Frames::default(), wire: Vec::new(), mask: 0x1234_5678 }
    }

    /// Adds a frame of the test's own, which leaves with the next [`Connection::flush`].
    pub(super) fn push(&mut self, text: &str) {
        self.out.push(text);
    }

    /// Does what is due.
    pub(super) fn expire(&mut self, now: Duration) -> Result<(), super::Lost> {
        self.session.expire(now, &mut self.out)
    }

    /// Reads once; ready with false when the connection has ended.
    pub(super) fn poll_frames(
        &mut self,
        context: &mut Context<'_>,
        now: Duration,
        on: &mut OnFrame<'_>,
    ) -> Poll<Result<bool, ClientError>> {
        let Self { session, way, out, .. } = self;
        match way {
            Way::Web(socket) => {
                let mut handle = |event: Event<'_>| {
                    if let Event::Text(text) = event {
                        on(session.handle(&text, now, out));
                    }
                };
                let read = socket.poll_events(context, &mut handle);
                read.map_err(|cause| ClientError::gone("the socket", &cause))
            }
            Way::Polls(polls) => polls.poll_answer(context).map(|answer| {
                let text = answer?;
                for frame in read_batch(&text).map_err(|wrong| ClientError::Wrong { what: wrong })? {
                    on(session.handle(frame, now, out));
                }
                Ok(true)
            }),
        }
    }

    /// Sends what the session has written.
    pub(super) async fn flush(&mut self) -> Result<(), ClientError> {
        if self.out.is_empty() {
            return Ok(());
        }
        match &mut self.way {
            Way::Web(socket) => {
                for frame in self.out.iter() {
                    self.mask = self.mask.wrapping_mul(0x9e37_79b9).wrapping_add(1);
                    write_masked(&mut self.wire, Opcode::Text, frame, self.mask.to_be_bytes());
                }
                let written = socket.write_all(&self.wire, STALL).await;
                self.wire.clear();
                written.map_err(|cause| ClientError::gone("the socket", &cause))?;
            }
            Way::Polls(polls) => polls.post(write_batch(&self.out)).await?,
        }
        self.out.clear();
        Ok(())
    }
}

type Answer = Pin<Box<dyn Future<Output = Result<String, ClientError>> + Send>>;

/// Long polls: one GET that hangs, and POSTs beside it.
pub(super) struct Polls {
    origin: Origin,
    tasks: Tasks,
    target: String,
    token: String,
    posts: Requests,
    pending: Option<Answer>,
    /// Whether the server need not say again that the connection stands.
    is_connected: bool,
}

impl Polls {
    /// `target` is the path of the session with its query.
    pub(super) fn new(origin: Origin, tasks: Tasks, target: String, token: String) -> Self {
        let posts = Requests::new(origin.clone(), tasks.clone());
        Self { origin, tasks, target, token, posts, pending: None, is_connected: false }
    }

    fn poll_answer(&mut self, context: &mut Context<'_>) -> Poll<Result<String, ClientError>> {
        let pending = self.pending.get_or_insert_with(|| {
            let suffix = if self.is_connected { "&connected=true" } else { "" };
            let target = format!("{}{suffix}", self.target);
            let mut requests = Requests::new(self.origin.clone(), self.tasks.clone());
            let token = self.token.clone();
            Box::pin(
                async move { requests.text("GET", &target, headers(&[("x-skypetoken", &token)]), "").await },
            )
        });
        let answer = pending.as_mut().poll(context);
        if answer.is_ready() {
            self.pending = None;
            self.is_connected = true;
        }
        answer
    }

    async fn post(&mut self, batch: Vec<u8>) -> Result<(), ClientError> {
        let sent = headers(&[("x-skypetoken", &self.token), ("content-type", "text/plain;charset=UTF-8")]);
        let target = format!("{}&connected=true", self.target);
        self.posts.text("POST", &target, sent, batch).await.map(drop)
    }
}
