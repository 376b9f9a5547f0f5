//! The client protocol of NATS, the part a publisher needs, without input or output.
//!
//! Source: docs.nats.io, "NATS Protocol" and "Client Protocol"; headers: ADR-4 of the NATS architecture.
//!
//! ```text
//! server: INFO {json}   PING   PONG   +OK   -ERR 'text'
//! client: CONNECT {json}   PING   PONG   PUB subject bytes   HPUB subject header-bytes all-bytes
//! ```

use serde::{Deserialize, Serialize};

use crate::ports::NatsMessage;

/// The longest line of a server, in bytes: `INFO` names every server of its cluster.
pub(super) const LINE_BYTES_MAX: usize = 256 * 1024;

/// The longest subject, in bytes: servers refuse control lines beyond 4 KiB.
pub(super) const SUBJECT_BYTES_MAX: usize = 1024;

/// The payload a server takes when it does not say: its own default.
const PAYLOAD_BYTES_MAX: usize = 1024 * 1024;

const HEADER_LINE: &str = "NATS/1.0\r\n";

/// What a server says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ServerMessage {
    Info(Info),
    Ping,
    Pong,
    /// Only with `verbose`, which we do not ask for.
    Ok,
    /// The text without its quotes.
    Error(String),
}

/// What a server says of itself; the rest is ignored.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(super) struct Info {
    /// Headers and payload of one message, in bytes.
    pub(super) max_payload: usize,
    /// Whether messages may have headers.
    pub(super) headers: bool,
    /// Whether TLS comes next.
    pub(super) tls_required: bool,
    /// Whether the server is about to stop, and clients should go elsewhere.
    pub(super) ldm: bool,
}

impl Default for Info {
    fn default() -> Self {
        Self { max_payload: PAYLOAD_BYTES_MAX, headers: false, tls_required: false, ldm: false }
    }
}

/// How a client introduces itself. It holds secrets: no `Debug`.
#[expect(clippy::struct_excessive_bools, reason = "the published form of the message")]
#[derive(Serialize)]
pub(super) struct Connect<'a> {
    pub(super) verbose: bool,
    pub(super) pedantic: bool,
    pub(super) tls_required: bool,
    pub(super) name: &'a str,
    pub(super) lang: &'a str,
    pub(super) version: &'a str,
    pub(super) protocol: u8,
    pub(super) echo: bool,
    pub(super) headers: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) user: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) pass: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) auth_token: Option<&'a str>,
}

/// What came is no message of a NATS server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ProtocolError {
    #[error("a line is longer than {LINE_BYTES_MAX} bytes")]
    TooLong,
    #[error("a line is no message of a NATS server")]
    Unknown,
}

/// Bytes of a server, cut into messages.
#[derive(Debug, Default)]
pub(super) struct Parser {
    buffer: Vec<u8>,
    /// Where the next line begins.
    start: usize,
}

impl Parser {
    /// Adds what came.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.buffer.drain(..self.start);
        self.start = 0;
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole message; `None` until more has come.
    pub(super) fn next(&mut self) -> Result<Option<ServerMessage>, ProtocolError> {
        let waiting = &self.buffer[self.start..];
        let Some(end) = waiting.iter().position(|byte| *byte == b'\n') else {
            return if waiting.len() > LINE_BYTES_MAX { Err(ProtocolError::TooLong) } else { Ok(None) };
        };
        if end > LINE_BYTES_MAX {
            return Err(ProtocolError::TooLong);
        }
        let line = waiting[..end].strip_suffix(b"\r").unwrap_or(&waiting[..end]);
        let message = read_line(line)?;
        self.start += end + 1;
        Ok(Some(message))
    }

    /// Whether everything that came has been read.
    pub(super) fn is_empty(&self) -> bool {
        self.start == self.buffer.len()
    }
}

fn read_line(line: &[u8]) -> Result<ServerMessage, ProtocolError> {
    let text = std::str::from_utf8(line).map_err(|_| ProtocolError::Unknown)?.trim_end();
    let (word, rest) = text.split_once([' ', '\t']).unwrap_or((text, ""));
    let rest = rest.trim();
    match word.to_ascii_uppercase().as_str() {
        "PING" => Ok(ServerMessage::Ping),
        "PONG" => Ok(ServerMessage::Pong),
        "+OK" => Ok(ServerMessage::Ok),
        "-ERR" => Ok(ServerMessage::Error(rest.trim_matches('\'').to_owned())),
        "INFO" => serde_json::from_str(rest).map(ServerMessage::Info).map_err(|_| ProtocolError::Unknown),
        _ => Err(ProtocolError::Unknown),
    }
}

/// Whether messages can be published to `subject`: tokens with dots between them, no wildcard, no blank.
pub(crate) fn is_subject(subject: &str) -> bool {
    let is_token = |token: &str| {
        !token.is_empty()
            && !matches!(token, "*" | ">")
            && token.chars().all(|character| !character.is_whitespace() && !character.is_control())
    };
    subject.len() <= SUBJECT_BYTES_MAX && subject.split('.').all(is_token)
}

pub(super) fn write_connect(out: &mut Vec<u8>, connect: &Connect<'_>) {
    out.extend_from_slice(b"CONNECT ");
    out.extend(serde_json::to_vec(connect).expect("texts and switches are JSON"));
    out.extend_from_slice(b"\r\n");
}

pub(super) fn write_ping(out: &mut Vec<u8>) {
    out.extend_from_slice(b"PING\r\n");
}

pub(super) fn write_pong(out: &mut Vec<u8>) {
    out.extend_from_slice(b"PONG\r\n");
}

/// Bytes of headers and payload as the server counts them.
pub(super) fn size_bytes(message: &NatsMessage, has_headers: bool) -> usize {
    let headers = if has_headers && !message.headers.is_empty() { header_block(message).len() } else { 0 };
    headers + message.payload.len()
}

/// One message; without headers where the server has none. `subject` must be one ([`is_subject`]).
pub(super) fn write_publish(out: &mut Vec<u8>, subject: &str, message: &NatsMessage, has_headers: bool) {
    let payload = &message.payload;
    if has_headers && !message.headers.is_empty() {
        let block = header_block(message);
        let all = block.len() + payload.len();
        out.extend(format!("HPUB {subject} {} {all}\r\n{block}", block.len()).into_bytes());
    } else {
        out.extend(format!("PUB {subject} {}\r\n", payload.len()).into_bytes());
    }
    out.extend_from_slice(payload);
    out.extend_from_slice(b"\r\n");
}

/// Values on one line: a line's end inside would begin another header.
fn header_block(message: &NatsMessage) -> String {
    let mut block = HEADER_LINE.to_owned();
    for (name, value) in &message.headers {
        block.push_str(name);
        block.push_str(": ");
        block.extend(value.chars().map(|character| if character.is_control() { ' ' } else { character }));
        block.push_str("\r\n");
    }
    block + "\r\n"
}

#[cfg(test)]
mod tests;
