//! The task of one socket: reads messages, writes what waits.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use trunkline_calling_wire::envelope::CLIENT_BYTES_MAX;
use trunkline_calling_wire::server::Bye;
use trunkline_calling_wire::{ServerMessage, body_of};
use trunkline_net::websocket::{
    Bounds, Event, NORMAL, Role, Socket, SocketError, write_pong, write_text_header,
};
use trunkline_web::ResourceView;

use super::opening::{self, Opened, Refused, too_large};
use super::requests::{self, Outcome};
use super::session::malformed;
use super::tokens::unauthorized;
use crate::CallingService;
use crate::metrics::Metrics;
use crate::rules::Reason;

/// A little more than a message may have, so that one that is too large is told so.
const BOUNDS: Bounds =
    Bounds { frame_bytes_max: CLIENT_BYTES_MAX + 1_024, message_bytes_max: CLIENT_BYTES_MAX + 1_024 };
/// When the first message is due.
const FIRST_WITHIN: Duration = Duration::from_secs(10);
/// A client that takes no byte for so long is cut off; its session stays.
const STALL_MAX: Duration = Duration::from_secs(10);
/// And one that does not take all of a write in this time: a byte now and then must not hold a connection.
const WRITE_WITHIN: Duration = Duration::from_secs(45);
/// How long the client has to say goodbye.
const GOODBYE_WITHIN: Duration = Duration::from_secs(2);
/// How long an acknowledgement waits for a message to go with.
const ACKNOWLEDGE_WITHIN: Duration = Duration::from_millis(200);
/// The code of a page that is left.
const LEFT: u16 = 1001;

/// What one read brought.
#[derive(Default)]
struct Read {
    texts: Vec<String>,
    /// Pongs to write.
    answers: Vec<u8>,
    /// Whether the client's close frame came, and its code.
    is_closed: bool,
    close_code: Option<u16>,
    is_broken: bool,
}

impl Read {
    fn take(&mut self, event: &Event<'_>) {
        match event {
            Event::Text(text) => self.texts.push(text.to_string()),
            Event::Ping(payload) => write_pong(&mut self.answers, payload),
            Event::Close(code) => (self.is_closed, self.close_code) = (true, *code),
            Event::Binary(_) => self.is_broken = true,
            _ => {}
        }
    }
}

/// How a socket ended.
enum Ended {
    /// The server closes it: the goodbye, and the code.
    Closed(Bye),
    /// The client closed it, with a code or without.
    Left(Option<u16>),
    /// The connection is gone.
    Gone,
}

/// Counts an open socket.
struct Counted(Metrics);

impl Counted {
    fn new(metrics: Metrics) -> Self {
        metrics.sockets.inc();
        Self(metrics)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.sockets.dec();
    }
}

/// Serves a client over a socket until one of both ends it.
pub(crate) async fn serve<S>(
    service: Arc<CallingService>,
    resource: Arc<ResourceView>,
    address: Option<IpAddr>,
    stream: S,
) where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let _counted = Counted::new(service.parts.metrics.clone());
    let mut socket = Socket::new(stream, Role::Server, BOUNDS);
    let first = tokio::time::timeout(FIRST_WITHIN, first_read(&mut socket)).await;
    let mut read = match first {
        Ok(Ok(Some(read))) => read,
        Ok(Ok(None)) => return,
        Ok(Err(error)) => return refuse_broken(socket, &error).await,
        Err(_) => return say_goodbye(&service, socket, unauthorized("No message came within 10 s.")).await,
    };
    if read.is_broken {
        return say_goodbye(&service, socket, malformed("A message is a text.")).await;
    }
    let first = read.texts.remove(0);
    match opening::open(&service, &resource, address, &first).await {
        Ok(opened) => converse(service, socket, opened, read).await,
        Err(Refused::Elsewhere(url)) => {
            let message = format!("{{{}", body_of(&ServerMessage::Redirect { url }));
            if write_text(&mut socket, &message).await.is_ok() {
                socket.close(NORMAL, GOODBYE_WITHIN).await;
            }
        }
        Err(Refused::Bye(bye)) => say_goodbye(&service, socket, bye).await,
    }
}

/// Reads until a text came; `None` when the client went before.
async fn first_read<S>(socket: &mut Socket<S>) -> Result<Option<Read>, SocketError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut read = Read::default();
    loop {
        let is_open = socket.read_events(&mut |event| read.take(&event)).await?;
        if !read.answers.is_empty() {
            socket.write_all(&std::mem::take(&mut read.answers), STALL_MAX).await?;
        }
        if !read.texts.is_empty() || read.is_broken {
            return Ok(Some(read));
        }
        if !is_open || read.is_closed {
            return Ok(None);
        }
    }
}

async fn converse<S>(service: Arc<CallingService>, mut socket: Socket<S>, opened: Opened, first: Read)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let ended = match write_text(&mut socket, &opened.greeting).await {
        Ok(()) => exchange(&service, &mut socket, &opened, first).await,
        Err(error) => Err(error),
    };
    let (session, now) = (&opened.session, service.parts.clock.monotonic());
    let was_present = session.detach(opened.number, now);
    match ended {
        Ok(Ended::Closed(bye)) => {
            service.forget_lost_session(session);
            say_goodbye(&service, socket, bye).await;
        }
        Ok(Ended::Left(code)) => {
            // Said on purpose: the page was closed, or the client has done what it came for. A socket whose place another
            // one has taken says nothing about the session.
            if was_present && matches!(code, Some(NORMAL | LEFT)) {
                service.end_session(session, malformed("The client left."), Some(Reason::CLOSED));
            }
            socket.close(NORMAL, GOODBYE_WITHIN).await;
        }
        Ok(Ended::Gone) => {}
        Err(error) => refuse_broken(socket, &error).await,
    }
}

/// Reads and writes until the socket is over.
async fn exchange<S>(
    service: &Arc<CallingService>,
    socket: &mut Socket<S>,
    opened: &Opened,
    first: Read,
) -> Result<Ended, SocketError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let Opened { session, number, writable, .. } = opened;
    let mut read = first;
    let mut is_open = true;
    let mut is_acknowledgement_due = false;
    loop {
        if let Some(ended) = take(service, opened, &mut read, is_open) {
            return Ok(ended);
        }
        if !read.answers.is_empty() {
            write(socket, &std::mem::take(&mut read.answers)).await?;
        }
        loop {
            let mut frames = Vec::new();
            session.write(*number, is_acknowledgement_due, &mut frames);
            if frames.is_empty() {
                break;
            }
            write(socket, &frames).await?;
        }
        is_acknowledgement_due = false;
        if let Some(bye) = session.closing(*number) {
            return Ok(Ended::Closed(bye));
        }
        let is_owed = session.owes();
        let mut handle = |event: Event<'_>| read.take(&event);
        tokio::select! {
            () = writable.notified() => {}
            () = tokio::time::sleep(ACKNOWLEDGE_WITHIN), if is_owed => is_acknowledgement_due = true,
            came = socket.read_events(&mut handle) => is_open = came?,
        }
    }
}

/// Hands on what was read; how the socket ends, when it does.
fn take(service: &Arc<CallingService>, opened: &Opened, read: &mut Read, is_open: bool) -> Option<Ended> {
    let session = &opened.session;
    let now = service.parts.clock.monotonic();
    let is_heard = !read.texts.is_empty() || !read.answers.is_empty();
    if is_heard && !session.heard(opened.number, now) {
        // Another socket has its place, and there the client says again what was not acknowledged.
        read.texts.clear();
    }
    for text in std::mem::take(&mut read.texts) {
        if text.len() > CLIENT_BYTES_MAX {
            return Some(Ended::Closed(too_large()));
        }
        match requests::hear(session, &text, service.parts.clock.now(), now) {
            Ok(Outcome::Done) => {}
            Ok(Outcome::Start) => {
                let work = requests::work(Arc::clone(service), Arc::clone(session));
                service.parts.tasks.spawn_quiet(work);
            }
            Err(bye) => return Some(Ended::Closed(bye)),
        }
    }
    if read.is_broken {
        return Some(Ended::Closed(malformed("A message is a text.")));
    }
    if read.is_closed {
        return Some(Ended::Left(read.close_code));
    }
    (!is_open).then_some(Ended::Gone)
}

/// Writes whole frames, as long as the client takes them.
async fn write<S>(socket: &mut Socket<S>, bytes: &[u8]) -> Result<(), SocketError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let stalled = SocketError::Stalled { seconds: WRITE_WITHIN.as_secs() };
    tokio::time::timeout(WRITE_WITHIN, socket.write_all(bytes, STALL_MAX)).await.unwrap_or(Err(stalled))
}

async fn write_text<S>(socket: &mut Socket<S>, text: &str) -> Result<(), SocketError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut frame = Vec::with_capacity(text.len() + 10);
    write_text_header(&mut frame, text.len());
    frame.extend_from_slice(text.as_bytes());
    write(socket, &frame).await
}

/// Tells the client why, and closes.
async fn say_goodbye<S>(service: &CallingService, mut socket: Socket<S>, bye: Bye)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    service.hub.metrics.closed(bye.code);
    let code = bye.code;
    let message = format!("{{{}", body_of(&ServerMessage::Bye(bye)));
    if write_text(&mut socket, &message).await.is_ok() {
        socket.close(code, GOODBYE_WITHIN).await;
    }
}

async fn refuse_broken<S>(socket: Socket<S>, error: &SocketError)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    if let SocketError::Protocol(broken) = error {
        tracing::debug!(%broken, "a client broke the rules of its socket");
        socket.close(broken.close_code(), GOODBYE_WITHIN).await;
    }
}
