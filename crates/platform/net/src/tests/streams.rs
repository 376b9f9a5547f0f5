//! Connections on the port of HTTPS that do not speak HTTP.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::support::{DEADLINE, TestServer};
use crate::{Bounds, Stream, TakeStream};

/// Takes what starts with 1 and says it again, behind the addresses.
struct Echo;

impl TakeStream for Echo {
    fn wants(&self, first: u8) -> bool {
        first == 1
    }

    fn take<'t>(
        &'t self,
        mut stream: Box<dyn Stream>,
        client: SocketAddr,
        server: SocketAddr,
    ) -> Pin<Box<dyn Future<Output = ()> + Send + 't>> {
        Box::pin(async move {
            let mut said = [0; 2];
            stream.read_exact(&mut said).await.unwrap();
            let addresses = format!("{client} {server} ");
            stream.write_all(addresses.as_bytes()).await.unwrap();
            stream.write_all(&said).await.unwrap();
            stream.shutdown().await.unwrap();
        })
    }
}

async fn exchange(server: &TestServer, protocol: &[u8], said: &[u8]) -> Vec<u8> {
    let mut stream = server.tls("localhost", protocol).await.unwrap();
    stream.write_all(said).await.unwrap();
    let mut heard = Vec::new();
    // A peer that closes without a farewell has said all the same what it said.
    let _ = tokio::time::timeout(DEADLINE, stream.read_to_end(&mut heard)).await.expect("in time");
    heard
}

fn start() -> TestServer {
    TestServer::with(Bounds::default(), |handler| handler.with_streams(Arc::new(Echo)))
}

#[tokio::test]
async fn a_stream_that_starts_otherwise_is_handed_over_whole() {
    let server = start();
    let heard = exchange(&server, b"", &[1, 2]).await;
    let (addresses, said) = heard.split_at(heard.len() - 2);
    assert_eq!(said, [1, 2]);
    let addresses = String::from_utf8(addresses.to_vec()).unwrap();
    assert!(addresses.ends_with(&format!(" {} ", server.address())), "{addresses}");
    assert!(server.server.drain(DEADLINE).await);
}

#[tokio::test]
async fn whoever_agrees_on_the_relay_s_protocol_gets_the_relay() {
    let server = start();
    let heard = exchange(&server, b"stun.turn", b"GE").await;
    assert!(heard.ends_with(b" GE"), "{heard:?}");
    let without = TestServer::start();
    assert_eq!(exchange(&without, b"stun.turn", b"GE").await, b"");
}

#[tokio::test]
async fn everything_else_speaks_http() {
    let server = start();
    let request = b"GET /ok HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    for protocol in [&b""[..], b"http/1.1"] {
        let heard = exchange(&server, protocol, request).await;
        assert!(heard.starts_with(b"HTTP/1.1 "), "{heard:?}");
    }
    // Whoever agreed on HTTP gets HTTP, whatever comes.
    let heard = exchange(&server, b"http/1.1", &[1, 2, b'\r', b'\n', b'\r', b'\n']).await;
    assert!(heard.starts_with(b"HTTP/1.1 400"), "{heard:?}");
    let plain = TestServer::start();
    let heard = exchange(&plain, b"", &[1, 2, b'\r', b'\n', b'\r', b'\n']).await;
    assert!(heard.starts_with(b"HTTP/1.1 400"), "{heard:?}");
}

#[tokio::test]
async fn a_client_that_says_nothing_is_let_go() {
    let bounds = Bounds { idle: Duration::from_millis(1), ..Bounds::default() };
    let server = TestServer::with(bounds, |handler| handler.with_streams(Arc::new(Echo)));
    assert_eq!(exchange(&server, b"", b"").await, b"");
    server.until(|counters| counters.connections_open == 0).await;
}

#[tokio::test]
async fn a_silent_client_does_not_hold_up_a_drain() {
    let server = start();
    let _silent = server.tls("localhost", b"").await.unwrap();
    assert!(server.server.drain(DEADLINE).await);
}
