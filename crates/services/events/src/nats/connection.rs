//! One connection to a NATS server, from the first `INFO` to the first `PONG`.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _, ReadHalf, WriteHalf};
use tokio::net::TcpStream;
use trunkline_net::outbound::{OutboundError, SecureStream, Securer};

use super::protocol::{self, Connect, Info, Parser, ServerMessage};
use super::{NatsSettings, Server};

/// Bytes read at once: a server's answers are short.
const READ_BYTES: usize = 8 * 1024;

/// The half that is read.
pub(super) struct Reader {
    stream: ReadHalf<SecureStream>,
    parser: Parser,
}

impl Reader {
    /// The next message. Dropping the future loses nothing.
    pub(super) async fn next(&mut self) -> Result<ServerMessage, OutboundError> {
        next_message(&mut self.stream, &mut self.parser).await
    }
}

/// The half that is written.
pub(super) type Writer = WriteHalf<SecureStream>;

pub(super) fn closed(error: &io::Error) -> OutboundError {
    OutboundError::Closed { reason: error.kind().to_string() }
}

async fn next_message(
    stream: &mut (impl AsyncRead + Unpin),
    parser: &mut Parser,
) -> Result<ServerMessage, OutboundError> {
    loop {
        let refuse = |error: protocol::ProtocolError| OutboundError::Protocol { reason: error.to_string() };
        if let Some(message) = parser.next().map_err(refuse)? {
            return Ok(message);
        }
        let mut buffer = [0; READ_BYTES];
        let read_bytes = stream.read(&mut buffer).await.map_err(|error| closed(&error))?;
        if read_bytes == 0 {
            return Err(OutboundError::Closed { reason: "the server closed the connection".to_owned() });
        }
        parser.push(&buffer[..read_bytes]);
    }
}

/// Connects, begins TLS where either side asks for it, and introduces itself.
///
/// **Errors**: no connection, no TLS, not a NATS server, or [`OutboundError::Denied`] for the credentials.
pub(super) async fn open(
    server: &Server,
    settings: &NatsSettings,
    securer: &Securer,
) -> Result<(Reader, Writer, Info), OutboundError> {
    let failed = |error: io::Error| OutboundError::Connect { reason: error.kind().to_string() };
    let mut stream = TcpStream::connect((server.host.as_str(), server.port)).await.map_err(failed)?;
    stream.set_nodelay(true).map_err(failed)?;
    let mut parser = Parser::default();
    let ServerMessage::Info(mut info) = next_message(&mut stream, &mut parser).await? else {
        return Err(OutboundError::Protocol { reason: "the server does not begin with INFO".to_owned() });
    };
    let is_secure = server.is_secure || info.tls_required;
    let stream = if is_secure {
        // What came in the clear must not pass for something that came over TLS.
        if !parser.is_empty() {
            return Err(OutboundError::Protocol {
                reason: "the server speaks before TLS has begun".to_owned(),
            });
        }
        let secured = securer.secure_host(stream, &server.host).await;
        secured.map_err(|error| OutboundError::Tls { reason: error.to_string() })?
    } else {
        SecureStream::plain(stream)
    };
    let (read_half, mut writer) = tokio::io::split(stream);
    let mut reader = Reader { stream: read_half, parser };
    introduce(&mut writer, settings, is_secure).await.map_err(|error| closed(&error))?;
    loop {
        match reader.next().await? {
            ServerMessage::Pong => return Ok((reader, writer, info)),
            ServerMessage::Error(reason) => return Err(OutboundError::Denied { reason }),
            ServerMessage::Info(newer) => info = newer,
            ServerMessage::Ping | ServerMessage::Ok => {}
        }
    }
}

async fn introduce(writer: &mut Writer, settings: &NatsSettings, is_secure: bool) -> io::Result<()> {
    let mut hello = Vec::new();
    let connect = Connect {
        verbose: false,
        pedantic: false,
        tls_required: is_secure,
        name: "trunkline",
        lang: "rust",
        version: env!("CARGO_PKG_VERSION"),
        protocol: 1,
        echo: false,
        headers: true,
        user: settings.user.as_deref(),
        pass: settings.password.as_ref().map(|password| password.expose().as_str()),
        auth_token: settings.token.as_ref().map(|token| token.expose().as_str()),
    };
    protocol::write_connect(&mut hello, &connect);
    protocol::write_ping(&mut hello);
    writer.write_all(&hello).await?;
    writer.flush().await
}
