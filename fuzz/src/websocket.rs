//! WebSocket frames of a client.

use trunkline_net::websocket::{Bounds, Decoder, Event, Opcode, ProtocolError, Role, write_masked};

use crate::input::Input;

const BOUNDS: Bounds = Bounds { frame_bytes_max: 300, message_bytes_max: 500 };

/// What came of a stream.
type Read = (Vec<(u8, Vec<u8>)>, Option<ProtocolError>);

/// The first byte says where to cut.
pub(crate) fn run(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let cut = usize::from(input.byte()) + 1;
    let stream = bytes.get(1..).unwrap_or_default();
    let whole = read(stream, stream.len().max(1));
    assert_eq!(whole, read(stream, cut), "cutting changes nothing");
    for (kind, payload) in &whole.0 {
        let opcode = match kind {
            b't' => Opcode::Text,
            b'b' => Opcode::Binary,
            b'p' => Opcode::Ping,
            _ => continue,
        };
        assert!(payload.len() <= BOUNDS.message_bytes_max);
        if payload.len() > BOUNDS.frame_bytes_max {
            continue;
        }
        let mut written = Vec::new();
        write_masked(&mut written, opcode, payload, [cut.to_le_bytes()[0], 2, 3, 4]);
        assert_eq!(read(&written, cut), (vec![(*kind, payload.clone())], None), "what is written is read");
    }
}

fn read(stream: &[u8], cut: usize) -> Read {
    let mut decoder = Decoder::new(BOUNDS, Role::Server);
    let mut events = Vec::new();
    for part in stream.chunks(cut) {
        let mut part = part.to_vec();
        let mut rest = part.as_mut_slice();
        while !rest.is_empty() {
            let (event, used) = match decoder.decode(rest) {
                Ok(read) => read,
                Err(error) => return (events, Some(error)),
            };
            match event {
                Event::Text(text) => events.push((b't', text.into_owned().into_bytes())),
                Event::Binary(bytes) => events.push((b'b', bytes.into_owned())),
                Event::Ping(bytes) => events.push((b'p', bytes.into_owned())),
                Event::Pong => events.push((b'q', Vec::new())),
                Event::Close(code) => events.push((b'c', code.unwrap_or_default().to_be_bytes().to_vec())),
                Event::NeedMore => {}
            }
            assert!(used > 0, "every call makes use of something");
            rest = &mut rest[used..];
        }
    }
    (events, None)
}
