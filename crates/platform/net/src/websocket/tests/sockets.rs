//! [`Socket`] over a connection in memory: reading, stalling, closing, and what an idle one costs.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};

use super::super::frame::{Opcode, Role};
use super::super::{
    Bounds, Event, NORMAL, ProtocolError, Socket, SocketError, write_masked, write_text_header,
};

const BOUNDS: Bounds = Bounds { frame_bytes_max: 65_536, message_bytes_max: 65_536 };
const STALL: Duration = Duration::from_secs(30);

fn pair(room: usize) -> (Socket<DuplexStream>, DuplexStream) {
    let (server, client) = duplex(room);
    (Socket::new(server, Role::Server, BOUNDS), client)
}

async fn read(socket: &mut Socket<DuplexStream>) -> (Result<bool, SocketError>, Vec<String>) {
    let mut texts = Vec::new();
    let open = socket
        .read_events(&mut |event| match event {
            Event::Text(text) => texts.push(text.into_owned()),
            other => texts.push(format!("{other:?}")),
        })
        .await;
    (open, texts)
}

#[tokio::test]
async fn several_frames_of_one_read_are_handled_in_order() {
    let (mut socket, mut client) = pair(1024);
    let mut bytes = Vec::new();
    write_masked(&mut bytes, Opcode::Text, b"one", [1, 2, 3, 4]);
    write_masked(&mut bytes, Opcode::Ping, b"", [1, 2, 3, 4]);
    write_masked(&mut bytes, Opcode::Text, b"two", [1, 2, 3, 4]);
    client.write_all(&bytes).await.unwrap();
    let (open, texts) = read(&mut socket).await;
    assert!(open.unwrap());
    assert_eq!(texts, ["one", "Ping([])", "two"]);
    drop(client);
    assert!(!read(&mut socket).await.0.unwrap());
}

#[tokio::test]
async fn what_comes_before_a_violation_is_handled() {
    let (mut socket, mut client) = pair(1024);
    let mut bytes = Vec::new();
    write_masked(&mut bytes, Opcode::Text, b"fine", [0; 4]);
    bytes.extend_from_slice(&[0x81, 0x00]);
    client.write_all(&bytes).await.unwrap();
    let (open, texts) = read(&mut socket).await;
    assert!(matches!(open, Err(SocketError::Protocol(ProtocolError::Unmasked))));
    assert_eq!(texts, ["fine"]);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_takes_nothing_is_given_up_and_progress_starts_the_wait_anew() {
    let (mut socket, mut client) = pair(16);
    let mut frame = Vec::new();
    write_text_header(&mut frame, 60);
    frame.resize(62, b'x');
    let slow = async {
        for _ in 0..3 {
            tokio::time::sleep(STALL * 9 / 10).await;
            client.read_exact(&mut [0; 16]).await.unwrap();
        }
        client
    };
    let (written, client) = tokio::join!(socket.write_all(&frame, STALL), slow);
    written.unwrap();
    let stalled = socket.write_all(&frame, STALL).await;
    assert!(matches!(stalled, Err(SocketError::Stalled { seconds: 30 })));
    drop(client);
}

#[tokio::test]
async fn a_goodbye_is_sent_and_the_connection_ended() {
    let (socket, mut client) = pair(64);
    let mut bytes = Vec::new();
    let (got, ()) = tokio::join!(
        async {
            client.read_to_end(&mut bytes).await.unwrap();
            drop(client);
            bytes
        },
        socket.close(NORMAL, STALL),
    );
    assert_eq!(got, [0x88, 0x02, 0x03, 0xe8]);
}

#[test]
fn an_idle_socket_is_small() {
    // Ten thousand of them are to fit their share of 10 KiB each, most of which the kernel and TLS take.
    assert!(size_of::<Socket<()>>() <= 96, "{} bytes", size_of::<Socket<()>>());
}
