//! Frames as RFC 6455 §5 has them: examples, violations, and any cut into chunks.

use proptest::prelude::*;

use super::super::frame::{Opcode, Role};
use super::super::{
    Bounds, Decoder, Event, ProtocolError, text_header_len, write_close, write_masked, write_ping,
    write_pong, write_text_header,
};

const BOUNDS: Bounds = Bounds { frame_bytes_max: 70_000, message_bytes_max: 80_000 };
const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// Everything `input` holds, up to the first error.
fn decode(role: Role, chunks: &[Vec<u8>]) -> (Vec<Event<'static>>, Option<ProtocolError>) {
    let mut decoder = Decoder::new(BOUNDS, role);
    let mut events = Vec::new();
    for chunk in chunks {
        let mut chunk = chunk.clone();
        let mut used = 0;
        while used < chunk.len() {
            match decoder.decode(&mut chunk[used..]) {
                Ok((event, bytes)) => {
                    assert!(bytes > 0, "a call makes progress");
                    used += bytes;
                    events.extend(owned(event));
                }
                Err(failure) => return (events, Some(failure)),
            }
        }
    }
    (events, None)
}

fn owned(event: Event<'_>) -> Option<Event<'static>> {
    match event {
        Event::Text(text) => Some(Event::Text(text.into_owned().into())),
        Event::Binary(bytes) => Some(Event::Binary(bytes.into_owned().into())),
        Event::Ping(bytes) => Some(Event::Ping(bytes.into_owned().into())),
        Event::Pong => Some(Event::Pong),
        Event::Close(code) => Some(Event::Close(code)),
        Event::NeedMore => None,
    }
}

fn from_server(bytes: &[u8]) -> (Vec<Event<'static>>, Option<ProtocolError>) {
    decode(Role::Client, &[bytes.to_vec()])
}

fn from_client(bytes: &[u8]) -> (Vec<Event<'static>>, Option<ProtocolError>) {
    decode(Role::Server, &[bytes.to_vec()])
}

fn hello() -> Event<'static> {
    Event::Text("Hello".into())
}

#[test]
fn the_examples_of_the_standard_are_read() {
    let unmasked = [0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f];
    assert_eq!(from_server(&unmasked), (vec![hello()], None));
    let masked = [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
    assert_eq!(from_client(&masked), (vec![hello()], None));
    let fragmented = [0x01, 0x03, 0x48, 0x65, 0x6c, 0x80, 0x02, 0x6c, 0x6f];
    assert_eq!(from_server(&fragmented), (vec![hello()], None));
    let ping = [0x89, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f];
    assert_eq!(from_server(&ping), (vec![Event::Ping(b"Hello".into())], None));
    let pong = [0x8a, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
    assert_eq!(from_client(&pong), (vec![Event::Pong], None));
}

#[test]
fn violations_end_the_connection_with_their_code() {
    let server = |bytes: &[u8]| from_server(bytes).1.expect("a violation");
    assert_eq!(from_client(&[0x81, 0x00]).1, Some(ProtocolError::Unmasked));
    assert_eq!(server(&[0x81, 0x80, 0, 0, 0, 0]), ProtocolError::Masked);
    for first in [0xc1, 0xa1, 0x91] {
        assert_eq!(server(&[first, 0x00]), ProtocolError::ReservedBits);
    }
    for opcode in [3, 7, 11, 15] {
        assert_eq!(server(&[0x80 | opcode, 0x00]), ProtocolError::UnknownOpcode(opcode));
    }
    assert_eq!(server(&[0x09, 0x00]), ProtocolError::ControlFragmented);
    assert_eq!(server(&[0x89, 126, 0, 126]), ProtocolError::ControlTooLong);
    assert_eq!(server(&[0x81, 126, 0, 125]), ProtocolError::LengthForm);
    assert_eq!(server(&[0x81, 127, 0, 0, 0, 0, 0, 0, 0xff, 0xff]), ProtocolError::LengthForm);
    assert_eq!(server(&[0x81, 127, 0x80, 0, 0, 0, 0, 1, 0, 0]), ProtocolError::LengthForm);
    assert_eq!(server(&[0x80, 0x00]), ProtocolError::UnexpectedContinuation);
    assert_eq!(server(&[0x01, 0x00, 0x81, 0x00]), ProtocolError::ExpectedContinuation);
    assert_eq!(server(&[0x81, 0x01, 0xff]), ProtocolError::NotUtf8);
    // A character cut in two by fragments is whole in the end; a fragment alone is not judged.
    assert_eq!(from_server(&[0x01, 0x01, 0xc3, 0x80, 0x01, 0xbc]), (vec![Event::Text("ü".into())], None));
    assert_eq!(server(&[0x01, 0x01, 0xc3, 0x80, 0x01, 0x41]), ProtocolError::NotUtf8);
    assert_eq!(ProtocolError::NotUtf8.close_code(), 1007);
    assert_eq!(ProtocolError::Unmasked.close_code(), 1002);
    assert_eq!(ProtocolError::TooLarge { bytes_max: 1 }.close_code(), 1009);
}

#[test]
fn close_frames_are_judged_by_code_and_reason() {
    let close = |payload: &[u8]| {
        let length = u8::try_from(payload.len()).unwrap();
        from_server(&[&[0x88, length], payload].concat())
    };
    assert_eq!(close(&[]), (vec![Event::Close(None)], None));
    assert_eq!(close(&[0x03, 0xe8]), (vec![Event::Close(Some(1000))], None));
    assert_eq!(close(b"\x0f\xa0bye"), (vec![Event::Close(Some(4000))], None));
    for bad in [&[0x03][..], &[0x03, 0xed], &[0x03, 0xe7], &[0x13, 0x88], &[0x03, 0xe8, 0xff]] {
        assert_eq!(close(bad).1, Some(ProtocolError::CloseInvalid), "{bad:?}");
    }
    // What comes behind it is ignored, whatever it is.
    assert_eq!(from_server(&[0x88, 0x00, 0xff, 0xff, 0xff]), (vec![Event::Close(None)], None));
}

#[test]
fn too_large_frames_and_messages_are_refused_before_their_payload() {
    let mut header = Vec::new();
    write_text_header(&mut header, BOUNDS.frame_bytes_max + 1);
    assert_eq!(from_server(&header).1, Some(ProtocolError::TooLarge { bytes_max: 70_000 }));
    let mut parts = vec![0x01, 126];
    parts.extend_from_slice(&60_000_u16.to_be_bytes());
    parts.extend(vec![b'a'; 60_000]);
    parts.extend_from_slice(&[0x80, 126]);
    parts.extend_from_slice(&20_001_u16.to_be_bytes());
    assert_eq!(from_server(&parts).1, Some(ProtocolError::TooLarge { bytes_max: 80_000 }));
}

#[test]
fn control_frames_may_stand_between_the_parts_of_a_message() {
    let bytes = [0x01, 0x02, b'a', b'b', 0x89, 0x01, b'p', 0x00, 0x00, 0x80, 0x01, b'c'];
    let (events, failure) = from_server(&bytes);
    assert_eq!(events, [Event::Ping(b"p".into()), Event::Text("abc".into())]);
    assert_eq!(failure, None);
}

#[test]
fn each_form_of_length_is_written_and_read() {
    for length in [0, 1, 125, 126, 127, 65_535, 65_536] {
        let text = "x".repeat(length);
        let mut frame = Vec::new();
        write_text_header(&mut frame, length);
        assert_eq!(frame.len(), text_header_len(length));
        frame.extend_from_slice(text.as_bytes());
        assert_eq!(from_server(&frame), (vec![Event::Text(text.into())], None));
    }
}

#[test]
fn nothing_is_kept_once_a_frame_is_complete() {
    let mut decoder = Decoder::new(BOUNDS, Role::Client);
    let mut first = [0x81, 0x02, b'a'];
    assert_eq!(decoder.decode(&mut first), Ok((Event::NeedMore, 3)));
    assert!(decoder.is_within_message());
    let mut second = [b'b', 0x89];
    assert_eq!(decoder.decode(&mut second), Ok((Event::Text("ab".into()), 1)));
    assert!(!decoder.is_within_message());
}

#[derive(Clone, Debug)]
enum Sent {
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
}

fn sent() -> impl Strategy<Value = Sent> {
    let bytes = |most| prop::collection::vec(any::<u8>(), 0..most);
    prop_oneof![
        "\\PC{0,200}".prop_map(Sent::Text),
        bytes(300).prop_map(Sent::Binary),
        bytes(126).prop_map(Sent::Ping),
        bytes(126).prop_map(Sent::Pong),
    ]
}

fn write(sent: &Sent, role: Role, out: &mut Vec<u8>) {
    let (opcode, payload): (_, &[u8]) = match sent {
        Sent::Text(text) => (Opcode::Text, text.as_bytes()),
        Sent::Binary(bytes) => (Opcode::Binary, bytes),
        Sent::Ping(bytes) => (Opcode::Ping, bytes),
        Sent::Pong(bytes) => (Opcode::Pong, bytes),
    };
    match (role, opcode) {
        (Role::Client, _) | (_, Opcode::Binary) => write_masked(out, opcode, payload, KEY),
        (_, Opcode::Ping) => write_ping(out, payload),
        (_, Opcode::Pong) => write_pong(out, payload),
        _ => {
            write_text_header(out, payload.len());
            out.extend_from_slice(payload);
        }
    }
}

fn expected(sent: &Sent) -> Event<'static> {
    match sent.clone() {
        Sent::Text(text) => Event::Text(text.into()),
        Sent::Binary(bytes) => Event::Binary(bytes.into()),
        Sent::Ping(bytes) => Event::Ping(bytes.into()),
        Sent::Pong(_) => Event::Pong,
    }
}

fn cut(bytes: &[u8], sizes: &[usize]) -> Vec<Vec<u8>> {
    let mut chunks = Vec::new();
    let mut rest = bytes;
    for size in sizes.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (chunk, after) = rest.split_at(rest.len().min(*size));
        chunks.push(chunk.to_vec());
        rest = after;
    }
    chunks
}

proptest! {
    #[test]
    fn what_is_written_is_read_however_it_is_cut(
        all in prop::collection::vec(sent(), 0..12),
        sizes in prop::collection::vec(1_usize..90, 1..8),
    ) {
        let mut bytes = Vec::new();
        for one in &all {
            write(one, Role::Client, &mut bytes);
        }
        write_masked(&mut bytes, Opcode::Close, &1000_u16.to_be_bytes(), KEY);
        let (events, failure) = decode(Role::Server, &cut(&bytes, &sizes));
        let mut wanted: Vec<Event<'static>> = all.iter().map(expected).collect();
        wanted.push(Event::Close(Some(1000)));
        prop_assert_eq!(events, wanted);
        prop_assert_eq!(failure, None);
    }

    #[test]
    fn a_servers_frames_are_read_by_a_client(all in prop::collection::vec(sent(), 0..12), size in 1_usize..90) {
        let all: Vec<Sent> = all.into_iter().filter(|one| !matches!(one, Sent::Binary(_))).collect();
        let mut bytes = Vec::new();
        for one in &all {
            write(one, Role::Server, &mut bytes);
        }
        write_close(&mut bytes, 1001);
        let (events, failure) = decode(Role::Client, &cut(&bytes, &[size]));
        prop_assert_eq!(events.len(), all.len() + 1);
        prop_assert_eq!(failure, None);
    }

    /// What clients write, damaged: read or refused, the same however it is cut, and never more kept than a message.
    #[test]
    fn damaged_frames_are_read_or_refused(
        all in prop::collection::vec(sent(), 1..8),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..5),
        sizes in prop::collection::vec(1_usize..60, 1..6),
    ) {
        let mut bytes = Vec::new();
        for one in &all {
            write(one, Role::Client, &mut bytes);
        }
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let whole = decode(Role::Server, std::slice::from_ref(&bytes));
        prop_assert_eq!(&decode(Role::Server, &cut(&bytes, &sizes)), &whole);
        let sizes = whole.0.iter().map(|event| match event {
            Event::Text(text) => text.len(),
            Event::Binary(bytes) | Event::Ping(bytes) => bytes.len(),
            _ => 0,
        });
        prop_assert!(sizes.sum::<usize>() <= bytes.len());
    }

    #[test]
    fn any_bytes_give_the_same_however_they_are_cut(
        bytes in prop::collection::vec(any::<u8>(), 0..400),
        sizes in prop::collection::vec(1_usize..40, 1..6),
        is_server: bool,
    ) {
        let role = if is_server { Role::Server } else { Role::Client };
        let whole = decode(role, std::slice::from_ref(&bytes));
        prop_assert_eq!(decode(role, &cut(&bytes, &sizes)), whole);
    }
}
