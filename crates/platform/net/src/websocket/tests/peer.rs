//! Another implementation at the other end: tungstenite, in both roles.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};
use tungstenite::protocol::{Message, Role as Theirs, WebSocket};

use super::super::frame::{Opcode, Role};
use super::super::{Bounds, Event, Socket, write_masked, write_pong, write_text_header};

const BOUNDS: Bounds = Bounds { frame_bytes_max: 1 << 20, message_bytes_max: 1 << 20 };
const STALL: Duration = Duration::from_secs(10);

/// A connection of tungstenite in memory: what it reads, and what it wrote.
#[derive(Default)]
struct Pipe {
    incoming: std::collections::VecDeque<u8>,
    outgoing: Vec<u8>,
}

impl std::io::Read for Pipe {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.incoming.is_empty() {
            return Err(std::io::ErrorKind::WouldBlock.into());
        }
        self.incoming.read(buffer)
    }
}

impl std::io::Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.outgoing.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

const LENGTHS: [usize; 6] = [0, 1, 125, 126, 65_535, 70_000];

fn texts() -> Vec<String> {
    LENGTHS.iter().map(|length| "é".repeat(length / 2) + &"x".repeat(length % 2)).collect()
}

#[tokio::test]
async fn frames_of_a_tungstenite_client_are_read() {
    let mut peer = WebSocket::from_raw_socket(Pipe::default(), Theirs::Client, None);
    for text in texts() {
        peer.send(Message::text(text)).unwrap();
    }
    peer.send(Message::binary(vec![1, 2, 3])).unwrap();
    peer.send(Message::Ping(vec![7].into())).unwrap();
    peer.close(None).unwrap();
    let bytes = std::mem::take(&mut peer.get_mut().outgoing);

    let (server, mut client) = duplex(1 << 20);
    client.write_all(&bytes).await.unwrap();
    drop(client);
    let mut socket = Socket::new(server, Role::Server, BOUNDS);
    let mut got = Vec::new();
    let mut others = Vec::new();
    let mut handle = |event: Event<'_>| match event {
        Event::Text(text) => got.push(text.into_owned()),
        other => others.push(format!("{other:?}")),
    };
    while socket.read_events(&mut handle).await.unwrap() {}
    assert_eq!(got, texts());
    assert_eq!(others, ["Binary([1, 2, 3])", "Ping([7])", "Close(None)"]);
}

#[tokio::test]
async fn frames_of_ours_are_read_by_tungstenite_in_both_roles() {
    for (ours, theirs) in [(Role::Server, Theirs::Client), (Role::Client, Theirs::Server)] {
        let mut out = Vec::new();
        for text in texts() {
            if ours == Role::Client {
                write_masked(&mut out, Opcode::Text, text.as_bytes(), [9, 8, 7, 6]);
            } else {
                write_text_header(&mut out, text.len());
                out.extend_from_slice(text.as_bytes());
            }
        }
        if ours == Role::Server {
            write_pong(&mut out, b"pong");
        } else {
            write_masked(&mut out, Opcode::Pong, b"pong", [9, 8, 7, 6]);
        }
        let (mut client, server) = duplex(1 << 20);
        Socket::new(server, ours, BOUNDS).write_all(&out, STALL).await.unwrap();
        let mut bytes = Vec::new();
        client.read_to_end(&mut bytes).await.unwrap();
        let pipe = Pipe { incoming: bytes.into(), outgoing: Vec::new() };
        let mut peer = WebSocket::from_raw_socket(pipe, theirs, None);
        for text in texts() {
            assert_eq!(peer.read().unwrap(), Message::text(text));
        }
        assert_eq!(peer.read().unwrap(), Message::Pong(b"pong".to_vec().into()));
    }
}
