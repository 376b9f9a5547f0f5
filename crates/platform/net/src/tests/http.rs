//! Requests over HTTP/1.1 and HTTP/2, upgrades and the drain.

use std::time::Duration;

use http::{StatusCode, Version};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::support::{DEADLINE, TestServer, get, post, text};
use crate::Bounds;

#[tokio::test]
async fn both_versions_of_http_answer() {
    let server = TestServer::start();
    let response = server.http1().await.send_request(post("/echo", b"one")).await.unwrap();
    assert_eq!((response.version(), response.status()), (Version::HTTP_11, StatusCode::OK));
    assert_eq!(text(response).await, "one");
    let mut request = post("/echo", b"two");
    *request.uri_mut() = server.url("/echo").parse().unwrap();
    let response = server.http2().await.send_request(request).await.unwrap();
    assert_eq!((response.version(), response.status()), (Version::HTTP_2, StatusCode::OK));
    assert_eq!(text(response).await, "two");
    assert_eq!(server.server.counters().requests, 2);
}

#[tokio::test]
async fn malformed_http_gets_400_and_the_server_lives() {
    let server = TestServer::start();
    for garbage in
        [&b"GET /\x00 HTTP/1.1\r\n\r\n"[..], b"nonsense\r\n\r\n", b"GET / HTTP/1.1\r\nbad header\r\n\r\n"]
    {
        let mut stream = server.tls("localhost", b"http/1.1").await.unwrap();
        stream.write_all(garbage).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        assert!(answer.starts_with(b"HTTP/1.1 400 "), "{}", String::from_utf8_lossy(&answer));
    }
    server.http1().await.send_request(get("/peer")).await.unwrap();
}

#[tokio::test]
async fn a_panicking_handler_ends_its_own_exchange_only() {
    let server = TestServer::start();
    let mut request = get("/panic");
    server.http1().await.send_request(get("/panic")).await.unwrap_err();
    *request.uri_mut() = server.url("/panic").parse().unwrap();
    let mut client = server.http2().await;
    client.send_request(request).await.unwrap_err();
    let mut request = get("/peer");
    *request.uri_mut() = server.url("/peer").parse().unwrap();
    assert_eq!(client.send_request(request).await.unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn an_upgraded_connection_counts_until_it_closes() {
    let server = TestServer::start();
    let mut request = get("/upgrade");
    request.headers_mut().insert("connection", http::HeaderValue::from_static("upgrade"));
    request.headers_mut().insert("upgrade", http::HeaderValue::from_static("echo"));
    let response = server.http1().await.send_request(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::SWITCHING_PROTOCOLS);
    let mut stream = TokioIo::new(hyper::upgrade::on(response).await.unwrap());
    assert_eq!(server.server.counters().connections_open, 1);
    stream.write_all(b"ping").await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    assert_eq!(answer, b"ping");
    drop(stream);
    server.until(|counters| counters.connections_open == 0).await;
}

#[tokio::test]
async fn a_drain_leaves_upgraded_connections_to_their_owners() {
    let server = TestServer::start();
    let mut request = get("/upgrade");
    request.headers_mut().insert("connection", http::HeaderValue::from_static("upgrade"));
    request.headers_mut().insert("upgrade", http::HeaderValue::from_static("echo"));
    let response = server.http1().await.send_request(request).await.unwrap();
    let mut stream = TokioIo::new(hyper::upgrade::on(response).await.unwrap());
    assert!(server.server.drain(DEADLINE).await);
    assert_eq!(server.server.counters().connections_open, 1);
    stream.write_all(b"ping").await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    assert_eq!(answer, b"ping");
}

#[tokio::test]
async fn a_drain_lets_running_requests_finish_and_accepts_no_more() {
    for is_http2 in [false, true] {
        let server = TestServer::start();
        let (address, url, gate) = (server.address(), server.url("/wait"), server.gate.clone());
        let request = async {
            if is_http2 {
                let mut request = get("/wait");
                *request.uri_mut() = url.parse().unwrap();
                text(server.http2().await.send_request(request).await.unwrap()).await
            } else {
                text(server.http1().await.send_request(get("/wait")).await.unwrap()).await
            }
        };
        let mut request = std::pin::pin!(request);
        tokio::select! {
            _ = &mut request => panic!("answered before the gate opened"),
            () = gate.arrived.notified() => {}
        }
        let drain = server.server.drain(DEADLINE);
        let mut drain = std::pin::pin!(drain);
        // Polled once, the drain has begun.
        assert!(tokio::time::timeout(Duration::ZERO, &mut drain).await.is_err());
        gate.open.notify_one();
        let (answer, is_clean) = tokio::join!(request, drain);
        assert_eq!(answer, "waited");
        assert!(is_clean);
        assert!(tokio::net::TcpStream::connect(address).await.is_err());
    }
}

#[tokio::test]
async fn a_request_that_outlasts_the_patience_is_cut_off() {
    let server = TestServer::start();
    let mut client = server.http1().await;
    let mut request = std::pin::pin!(client.send_request(get("/wait")));
    tokio::select! {
        _ = &mut request => panic!("answered before the gate opened"),
        () = server.gate.arrived.notified() => {}
    }
    assert!(!server.server.drain(Duration::from_millis(10)).await);
    assert!(request.await.is_err());
    server.until(|counters| counters.connections_open == 0).await;
}

#[tokio::test]
async fn a_client_that_was_connected_when_the_drain_began_still_gets_its_first_answer() {
    let server = TestServer::start();
    let connected = server.tcp().await;
    let request = async {
        let mut client = server.http1_over(connected).await;
        text(client.send_request(get("/peer")).await.unwrap()).await
    };
    let (is_clean, answer) = tokio::join!(server.server.drain(DEADLINE), request);
    assert!(answer.contains("tls=true"), "{answer}");
    assert!(is_clean);
}

#[tokio::test]
async fn a_drain_soon_ends_connections_without_a_request() {
    let hour = Duration::from_hours(1);
    let bounds = Bounds { handshake: hour, idle: hour, ..Bounds::default() };
    let server = TestServer::with_bounds(bounds);
    let mut http1 = server.http1().await;
    text(http1.send_request(get("/peer")).await.unwrap()).await;
    let _silent = server.tls("localhost", b"h2").await.unwrap();
    let _http2 = server.http2().await;
    let _no_handshake = server.tcp().await;
    server.until(|counters| counters.connections_open == 4).await;
    assert!(server.server.drain(DEADLINE).await);
    assert_eq!(server.server.counters().connections_open, 0);
}
