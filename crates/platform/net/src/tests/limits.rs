//! Bounds: slow, greedy and silent clients.

use std::fmt::Write as _;
use std::time::Duration;

use http::StatusCode;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::support::{DEADLINE, TestServer, get, text};
use crate::Bounds;

const SOON: Duration = Duration::from_millis(50);

/// Reads until the server closes; fails when it does not.
async fn read_to_end(mut stream: impl tokio::io::AsyncRead + Unpin) -> Vec<u8> {
    let mut bytes = Vec::new();
    // A cut-off connection may end with an error instead of an end.
    let read = tokio::time::timeout(DEADLINE, stream.read_to_end(&mut bytes)).await;
    assert!(read.is_ok(), "the server did not close the connection");
    bytes
}

#[tokio::test]
async fn unfinished_headers_are_cut_off() {
    let server = TestServer::with_bounds(Bounds { header_read: SOON, ..Bounds::default() });
    let mut stream = server.tls("localhost", b"http/1.1").await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nhost: loc").await.unwrap();
    assert!(read_to_end(stream).await.is_empty());
    server.until(|counters| counters.connections_cut_off == 1 && counters.connections_open == 0).await;
}

#[tokio::test]
async fn idle_connections_end_without_counting_as_slow() {
    let server = TestServer::with_bounds(Bounds { idle: SOON, ..Bounds::default() });
    for protocol in [&b"http/1.1"[..], b"h2"] {
        let stream = server.tls("localhost", protocol).await.unwrap();
        read_to_end(stream).await;
    }
    server.until(|counters| counters.connections_open == 0).await;
    assert_eq!(server.server.counters().connections_cut_off, 0);
}

#[tokio::test]
async fn a_client_that_takes_no_answer_is_cut_off() {
    let server = TestServer::with_bounds(Bounds { write_stall: SOON, ..Bounds::default() });
    let mut stream = server.tls("localhost", b"http/1.1").await.unwrap();
    stream.write_all(b"GET /huge HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    server.until(|counters| counters.connections_cut_off == 1 && counters.connections_open == 0).await;
}

#[tokio::test]
async fn an_unfinished_handshake_is_cut_off() {
    let server = TestServer::with_bounds(Bounds { handshake: SOON, ..Bounds::default() });
    let silent = server.tcp().await;
    let mut started = server.tcp().await;
    started.write_all(&[0x16, 3, 1]).await.unwrap();
    assert!(read_to_end(silent).await.is_empty());
    assert!(read_to_end(started).await.is_empty());
    server.until(|counters| counters.handshakes_failed == 2 && counters.connections_open == 0).await;
}

#[tokio::test]
async fn too_many_or_too_large_headers_get_431() {
    let server = TestServer::start();
    let mut many = get("/peer");
    *many.uri_mut() = server.url("/peer").parse().unwrap();
    for index in 0..101 {
        let name = http::HeaderName::try_from(format!("x-{index}")).unwrap();
        many.headers_mut().insert(name, http::HeaderValue::from_static("1"));
    }
    let response = server.http2().await.send_request(many).await.unwrap();
    assert_eq!(response.status(), StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);

    let headers = (0..101).fold(String::new(), |mut text, index| {
        write!(text, "x-{index}: 1\r\n").unwrap();
        text
    });
    let large = format!("x-large: {}\r\n", "x".repeat(40 * 1024));
    for headers in [headers, large] {
        let mut stream = server.tls("localhost", b"http/1.1").await.unwrap();
        let request = format!("GET / HTTP/1.1\r\nhost: localhost\r\n{headers}\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let answer = read_to_end(stream).await;
        assert!(answer.starts_with(b"HTTP/1.1 431 "), "{}", String::from_utf8_lossy(&answer));
    }
}

#[tokio::test]
async fn connections_beyond_the_bound_are_refused_and_places_are_given_back() {
    let server = TestServer::with_bounds(Bounds { connections: 1, ..Bounds::default() });
    let first = server.http1().await;
    assert!(read_to_end(server.tcp().await).await.is_empty());
    let counters = server.server.counters();
    assert_eq!((counters.connections_open, counters.connections_refused), (1, 1));
    drop(first);
    server.until(|counters| counters.connections_open == 0).await;
    let mut again = server.http1().await;
    text(again.send_request(get("/peer")).await.unwrap()).await;
    assert_eq!(server.server.counters().connections_accepted, 2);
}

#[tokio::test]
async fn a_flood_of_reset_streams_ends_the_connection() {
    let server = TestServer::start();
    let mut stream = server.tls("localhost", b"h2").await.unwrap();
    let mut flood = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    flood.extend_from_slice(&[0, 0, 0, SETTINGS, 0, 0, 0, 0, 0]);
    for request in 0..200_u8 {
        // Odd stream ids, two bytes are enough.
        let [high, low] = (u16::from(request) * 2 + 1).to_be_bytes();
        let flags = END_STREAM | END_HEADERS;
        let length = u8::try_from(GET_ROOT.len()).unwrap();
        flood.extend_from_slice(&[0, 0, length, HEADERS, flags, 0, 0, high, low]);
        flood.extend_from_slice(GET_ROOT);
        flood.extend_from_slice(&[0, 0, 4, RST_STREAM, 0, 0, 0, high, low, 0, 0, 0, CANCEL]);
    }
    stream.write_all(&flood).await.unwrap();
    let answer = read_to_end(stream).await;
    let is_calm_asked = answer.windows(4).any(|bytes| bytes == [0, 0, 0, ENHANCE_YOUR_CALM]);
    assert!(is_calm_asked, "{answer:?}");
    server.until(|counters| counters.connections_open == 0).await;
}

// Frame types, flags and error codes of RFC 9113 §6 and §7.
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const CANCEL: u8 = 8;
const ENHANCE_YOUR_CALM: u8 = 0x0b;
/// `GET https://localhost/` by the static table of RFC 7541 appendix A.
const GET_ROOT: &[u8] = b"\x82\x87\x84\x41\x09localhost";
