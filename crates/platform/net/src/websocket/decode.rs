//! From bytes to messages, without input and output.

use std::borrow::Cow;

use super::close::{ProtocolError, read_close};
use super::frame::{Header, Opcode, Role};
use super::mask;

/// The room kept for the bytes of an incomplete frame when its first part is small.
const PARTIAL_BYTES_MIN: usize = 64;

/// How large frames and messages may be, in bytes of their payload.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bounds {
    /// One frame.
    pub frame_bytes_max: usize,
    /// A message of several frames.
    pub message_bytes_max: usize,
}

/// What the peer sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Event<'a> {
    /// A whole text.
    Text(Cow<'a, str>),
    /// A whole message of bytes.
    Binary(Cow<'a, [u8]>),
    /// A question whether this end is there; the payload goes back in a pong.
    Ping(Cow<'a, [u8]>),
    /// An answer to a ping.
    Pong,
    /// The peer's last frame, with its code if it gave one. What comes after it is ignored.
    Close(Option<u16>),
    /// Nothing is complete yet in what was used.
    NeedMore,
}

/// The reading half of one connection.
///
/// ```text
/// input ── whole frame ──────────────► Event borrowed from the input
///       └─ part of one ──► `frame` ──► Event that owns its bytes     (freed at once)
///                           `message`: the parts of a fragmented message so far
/// ```
#[derive(Debug)]
pub struct Decoder {
    bounds: Bounds,
    role: Role,
    is_closed: bool,
    /// The bytes of an incomplete frame, as they came. Not allocated otherwise.
    frame: Vec<u8>,
    /// The message of which the last frame is still to come. Boxed, because nearly no client sends one.
    message: Option<Box<Message>>,
}

#[derive(Debug)]
struct Message {
    is_text: bool,
    bytes: Vec<u8>,
}

impl Decoder {
    /// A decoder at the start of a connection; `role` is that of this end.
    pub fn new(bounds: Bounds, role: Role) -> Self {
        Self { bounds, role, is_closed: false, frame: Vec::new(), message: None }
    }

    /// Reads the next event off `input`, whose payloads are unmasked in place.
    ///
    /// Returns it and how many bytes of `input` were used, at least one of those that are there. Call again with
    /// the rest until everything is used.
    ///
    /// **Errors**: the connection cannot be read any further; close it with the error's code.
    pub fn decode<'a>(&mut self, input: &'a mut [u8]) -> Result<(Event<'a>, usize), ProtocolError> {
        if self.is_closed {
            return Ok((Event::NeedMore, input.len()));
        }
        if !self.frame.is_empty() {
            return self.go_on(input);
        }
        let Some(header) = Header::read(input, self.role, self.bounds.frame_bytes_max)? else {
            return Ok((self.keep(input), input.len()));
        };
        self.check_order(&header)?;
        if input.len() < header.frame_len() {
            return Ok((self.keep(input), input.len()));
        }
        let payload = &mut input[header.payload_start..header.frame_len()];
        if let Some(key) = header.mask {
            mask::apply(payload, key);
        }
        Ok((self.finish(&header, Cow::Borrowed(payload))?, header.frame_len()))
    }

    /// Whether a message or a frame of the peer is incomplete.
    pub fn is_within_message(&self) -> bool {
        !self.frame.is_empty() || self.message.is_some()
    }

    fn keep(&mut self, input: &[u8]) -> Event<'static> {
        if !input.is_empty() {
            self.frame.reserve(input.len().max(PARTIAL_BYTES_MIN));
            self.frame.extend_from_slice(input);
        }
        Event::NeedMore
    }

    /// Adds to the incomplete frame. It grows with what really arrives, never by what its header announces.
    fn go_on(&mut self, input: &mut [u8]) -> Result<(Event<'static>, usize), ProtocolError> {
        let mut used = 0;
        let header = loop {
            if let Some(header) = Header::read(&self.frame, self.role, self.bounds.frame_bytes_max)? {
                break header;
            }
            let Some(byte) = input.get(used) else { return Ok((Event::NeedMore, used)) };
            self.frame.push(*byte);
            used += 1;
        };
        self.check_order(&header)?;
        let missing = header.frame_len() - self.frame.len();
        let taken = missing.min(input.len() - used);
        self.frame.extend_from_slice(&input[used..used + taken]);
        used += taken;
        if taken < missing {
            return Ok((Event::NeedMore, used));
        }
        let mut frame = std::mem::take(&mut self.frame);
        frame.drain(..header.payload_start);
        if let Some(key) = header.mask {
            mask::apply(&mut frame, key);
        }
        Ok((self.finish(&header, Cow::Owned(frame))?, used))
    }

    fn check_order(&self, header: &Header) -> Result<(), ProtocolError> {
        match (header.opcode, &self.message) {
            (Opcode::Continuation, None) => Err(ProtocolError::UnexpectedContinuation),
            (Opcode::Text | Opcode::Binary, Some(_)) => Err(ProtocolError::ExpectedContinuation),
            (Opcode::Continuation, Some(message)) => {
                let bytes_max = self.bounds.message_bytes_max;
                let is_within = message.bytes.len() + header.payload_len <= bytes_max;
                if is_within { Ok(()) } else { Err(ProtocolError::TooLarge { bytes_max }) }
            }
            _ => Ok(()),
        }
    }

    fn finish<'a>(&mut self, header: &Header, payload: Cow<'a, [u8]>) -> Result<Event<'a>, ProtocolError> {
        match header.opcode {
            Opcode::Ping => Ok(Event::Ping(payload)),
            Opcode::Pong => Ok(Event::Pong),
            Opcode::Close => {
                self.is_closed = true;
                self.message = None;
                read_close(&payload).map(Event::Close)
            }
            Opcode::Text if header.is_final => text(payload),
            Opcode::Binary if header.is_final => Ok(Event::Binary(payload)),
            Opcode::Text | Opcode::Binary => {
                let is_text = header.opcode == Opcode::Text;
                self.message = Some(Box::new(Message { is_text, bytes: payload.into_owned() }));
                Ok(Event::NeedMore)
            }
            Opcode::Continuation => self.add_part(header, &payload),
        }
    }

    fn add_part<'a>(&mut self, header: &Header, payload: &[u8]) -> Result<Event<'a>, ProtocolError> {
        let mut message = self.message.take().expect("the order was checked before the payload was read");
        message.bytes.extend_from_slice(payload);
        if !header.is_final {
            self.message = Some(message);
            return Ok(Event::NeedMore);
        }
        let bytes = Cow::Owned(message.bytes);
        if message.is_text { text(bytes) } else { Ok(Event::Binary(bytes)) }
    }
}

fn text(payload: Cow<'_, [u8]>) -> Result<Event<'_>, ProtocolError> {
    let text = match payload {
        Cow::Borrowed(bytes) => std::str::from_utf8(bytes).map(Cow::Borrowed).ok(),
        Cow::Owned(bytes) => String::from_utf8(bytes).map(Cow::Owned).ok(),
    };
    text.map(Event::Text).ok_or(ProtocolError::NotUtf8)
}
