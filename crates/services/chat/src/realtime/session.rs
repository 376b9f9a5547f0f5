//! The task of one WebSocket: reads frames, writes what waits.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use trunkline_net::websocket::{
    Bounds, Event, GOING_AWAY, NORMAL, POLICY, Role, Socket, SocketError, TRY_AGAIN, write_pong,
    write_text_header,
};

use super::endpoint::{Closing, Endpoint, Frames, Received};
use super::hub::Hub;
use super::socketio;

/// The largest frame of a client that is seen is 6 KB.
const BOUNDS: Bounds = Bounds { frame_bytes_max: 64 * 1024, message_bytes_max: 64 * 1024 };
/// A client that takes no byte for so long is cut off.
const STALL_MAX: Duration = Duration::from_secs(15);
/// And one that does not take all of a write, 64 KiB or one long notification, in this time: a byte now and then must
/// not hold a connection. It would not acknowledge in time either.
const WRITE_WITHIN: Duration = Duration::from_secs(45);
/// How long the client has to say goodbye.
const GOODBYE_WITHIN: Duration = Duration::from_secs(2);

/// Frames of a socket, one after the other.
#[derive(Default)]
struct SocketFrames {
    bytes: Vec<u8>,
}

impl Frames for SocketFrames {
    fn start(&mut self, length: usize) -> &mut Vec<u8> {
        self.bytes.reserve(length + 10);
        write_text_header(&mut self.bytes, length);
        &mut self.bytes
    }

    fn size_bytes(&self) -> usize {
        self.bytes.len()
    }
}

/// What one read brought.
#[derive(Default)]
struct Heard {
    /// Pongs to write.
    answers: Vec<u8>,
    over: Option<Closing>,
}

/// Serves a client over its socket until one of both ends it.
pub(crate) async fn serve_socket<S>(hub: Arc<Hub>, endpoint: Arc<Endpoint>, stream: S)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut socket = Socket::new(stream, Role::Server, BOUNDS);
    let ended = converse(&hub, &endpoint, &mut socket).await;
    endpoint.close(Closing::Gone);
    let code = match ended {
        Ok(()) => say_goodbye(&endpoint, &mut socket).await,
        Err(SocketError::Protocol(broken)) => {
            tracing::debug!(%broken, "a client broke the rules of its socket");
            hub.metrics.broken_frames.inc();
            Some(broken.close_code())
        }
        Err(SocketError::Stalled { .. } | SocketError::Gone(_)) => None,
    };
    // First the positions: the client may be on its way to another node.
    hub.leave(&endpoint).await;
    if let Some(code) = code {
        socket.close(code, GOODBYE_WITHIN).await;
    }
}

/// Reads and writes until the connection is over.
async fn converse<S>(hub: &Hub, endpoint: &Endpoint, socket: &mut Socket<S>) -> Result<(), SocketError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    loop {
        loop {
            let mut frames = SocketFrames::default();
            endpoint.take(&mut frames, hub.now());
            if frames.bytes.is_empty() {
                break;
            }
            write(socket, &frames.bytes).await?;
        }
        if endpoint.closing().is_some() {
            return Ok(());
        }
        let mut heard = Heard::default();
        let mut handle = |event: Event<'_>| hear(hub, endpoint, &event, &mut heard);
        let is_open = tokio::select! {
            () = endpoint.writable.notified() => continue,
            read = socket.read_events(&mut handle) => read?,
        };
        if !heard.answers.is_empty() {
            write(socket, &heard.answers).await?;
        }
        if let Some(why) = heard.over {
            endpoint.close(why);
        } else if !is_open {
            endpoint.close(Closing::Gone);
        }
    }
}

/// Writes whole frames, as long as the client takes them.
async fn write<S>(socket: &mut Socket<S>, bytes: &[u8]) -> Result<(), SocketError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let stalled = SocketError::Stalled { seconds: WRITE_WITHIN.as_secs() };
    tokio::time::timeout(WRITE_WITHIN, socket.write_all(bytes, STALL_MAX)).await.unwrap_or(Err(stalled))
}

fn hear(hub: &Hub, endpoint: &Endpoint, event: &Event<'_>, heard: &mut Heard) {
    if heard.over.is_some() {
        return;
    }
    let now = hub.now();
    match event {
        Event::Text(text) => heard.over = receive(hub, endpoint, text, now),
        Event::Ping(payload) => {
            endpoint.heard(now);
            write_pong(&mut heard.answers, payload);
        }
        Event::Close(_) => heard.over = Some(Closing::Gone),
        Event::Binary(_) => heard.over = Some(Closing::Broken),
        _ => endpoint.heard(now),
    }
}

/// Hands a frame to the endpoint and counts what came of it; the reason when the connection is over.
pub(super) fn receive(hub: &Hub, endpoint: &Endpoint, frame: &str, now: Duration) -> Option<Closing> {
    match endpoint.receive(frame, now) {
        Received::Acknowledged(waited) => hub.metrics.acknowledged_after(waited),
        Received::WrongAcknowledgement => {
            hub.metrics.wrong_acks.inc();
        }
        Received::Broken => {
            hub.metrics.broken_frames.inc();
        }
        Received::Heard => {}
        Received::Over(why) => return Some(why),
    }
    None
}

/// The last frame of Socket.IO, if there is one for that reason.
pub(super) const fn farewell(why: Closing) -> Option<&'static str> {
    match why {
        Closing::Unauthorized => Some(socketio::UNAUTHORIZED),
        Closing::Leaving | Closing::Crowded => Some(socketio::DISCONNECT),
        Closing::Gone | Closing::Silent | Closing::Broken => None,
    }
}

/// Tells the client why; the code to close with.
async fn say_goodbye<S>(endpoint: &Endpoint, socket: &mut Socket<S>) -> Option<u16>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let why = endpoint.closing().unwrap_or(Closing::Gone);
    if let Some(frame) = farewell(why) {
        let mut frames = SocketFrames::default();
        frames.start(frame.len()).extend_from_slice(frame.as_bytes());
        socket.write_all(&frames.bytes, GOODBYE_WITHIN).await.ok()?;
    }
    Some(match why {
        Closing::Gone | Closing::Unauthorized => NORMAL,
        Closing::Silent | Closing::Broken => POLICY,
        Closing::Crowded => TRY_AGAIN,
        Closing::Leaving => GOING_AWAY,
    })
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, duplex};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_client_that_takes_a_byte_now_and_then_is_cut_off() {
        let (server, mut client) = duplex(16);
        let mut socket = Socket::new(server, Role::Server, BOUNDS);
        let mut frames = SocketFrames::default();
        frames.start(60_000).resize(60_004, b'x');
        let trickle = async {
            loop {
                tokio::time::sleep(STALL_MAX / 2).await;
                client.read_u8().await.expect("the server is there");
            }
        };
        let written = tokio::select! {
            written = write(&mut socket, &frames.bytes) => written,
            () = trickle => unreachable!("it reads for ever"),
        };
        assert!(matches!(written, Err(SocketError::Stalled { seconds: 45 })), "{written:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_takes_nothing_is_cut_off() {
        let (server, _client) = duplex(16);
        let mut socket = Socket::new(server, Role::Server, BOUNDS);
        let written = write(&mut socket, &[b'x'; 100]).await;
        assert!(matches!(written, Err(SocketError::Stalled { seconds: 15 })), "{written:?}");
    }
}
