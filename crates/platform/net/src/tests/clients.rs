//! The outbound client and the unix socket.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode};
use trunkline_tasks::Tasks;

use super::support::{DEADLINE, Gate, TestServer, get, handler};
use crate::{Bounds, Client, ClientBounds, Listeners, NetError, Server, unix_request};

fn client(server: &TestServer, bounds: ClientBounds) -> Client {
    let authority = server.leaves.authority().certificate().clone();
    Client::new(&[authority], bounds, Tasks::new()).unwrap()
}

#[tokio::test]
async fn the_client_returns_status_headers_and_body() {
    let server = TestServer::start();
    let client = client(&server, ClientBounds::default());
    let request = Request::post(server.url("/echo")).body(Bytes::from_static(b"hello")).unwrap();
    let answer = client.request(request).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()["content-length"], "5");
    assert_eq!(answer.body(), "hello");
    let answer = client.get_json(&server.url("/nothing")).await.unwrap();
    assert_eq!(answer.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_redirect_is_returned_and_not_followed() {
    let server = TestServer::start();
    let answer = client(&server, ClientBounds::default()).get_json(&server.url("/redirect")).await.unwrap();
    assert_eq!(
        (answer.status(), &answer.headers()["location"]),
        (StatusCode::FOUND, &"/echo".parse().unwrap())
    );
    assert_eq!(server.server.counters().requests, 1);
}

#[tokio::test]
async fn a_body_beyond_the_bound_is_refused() {
    let server = TestServer::start();
    let bounds = ClientBounds { answer_bytes: 64 * 1024 - 1, ..ClientBounds::default() };
    for path in ["/big", "/huge"] {
        let error = client(&server, bounds).get_json(&server.url(path)).await.unwrap_err();
        assert!(matches!(error, NetError::TooLarge { limit_bytes: 65_535, .. }), "{path}: {error}");
    }
    let bounds = ClientBounds { answer_bytes: 64 * 1024, ..bounds };
    assert_eq!(client(&server, bounds).get_json(&server.url("/big")).await.unwrap().body().len(), 65_536);
}

#[tokio::test]
async fn a_late_answer_is_given_up() {
    let server = TestServer::start();
    let bounds = ClientBounds { total: Duration::from_millis(200), ..ClientBounds::default() };
    let error = client(&server, bounds).get_json(&server.url("/wait")).await.unwrap_err();
    assert!(matches!(error, NetError::TimedOut { .. }), "{error}");
}

#[tokio::test]
async fn foreign_authorities_and_closed_ports_are_told_apart_from_answers() {
    let server = TestServer::start();
    let distrusting = Client::new(&[], ClientBounds::default(), Tasks::new()).unwrap();
    let error = distrusting.get_json(&server.url("/peer")).await.unwrap_err();
    assert!(matches!(error, NetError::Connect { .. }), "{error}");
    assert!(error.to_string().contains("UnknownIssuer"), "{error}");
    let url = server.url("/peer");
    let client = client(&server, ClientBounds::default());
    server.server.drain(DEADLINE).await;
    let error = client.get_json(&url).await.unwrap_err();
    assert!(matches!(error, NetError::Connect { .. }), "{error}");
}

#[tokio::test]
async fn addresses_without_host_or_with_another_scheme_are_refused() {
    let server = TestServer::start();
    let client = client(&server, ClientBounds::default());
    for url in ["/path", "ftp://localhost/", "not an address", ""] {
        let error = client.get_json(url).await.unwrap_err();
        assert!(matches!(error, NetError::Url { .. }), "{url}: {error}");
    }
}

#[tokio::test]
async fn requests_go_through_the_unix_socket_and_name_the_user() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("trunkline.sock");
    let listeners = Listeners::bind_unix(&path).unwrap();
    let server = Server::start(listeners, None, Bounds::default(), handler(Gate::default()));
    let request = |path: &str, body: &'static str| Request::post(path).body(Bytes::from(body)).unwrap();
    let answer = unix_request(&path, request("/echo", "hello"), ClientBounds::default()).await.unwrap();
    assert_eq!((answer.status(), &answer.body()[..]), (StatusCode::OK, &b"hello"[..]));
    let answer = unix_request(&path, request("/peer", ""), ClientBounds::default()).await.unwrap();
    let user = rustix::process::geteuid().as_raw();
    assert_eq!(answer.body(), &format!("user {user} tls=false name=None"));
    let small = ClientBounds { answer_bytes: 10, ..ClientBounds::default() };
    let error = unix_request(&path, request("/big", ""), small).await.unwrap_err();
    assert!(matches!(error, NetError::TooLarge { .. }), "{error}");

    assert!(server.drain(DEADLINE).await);
    assert!(!path.exists());
    let error = unix_request(&path, request("/echo", ""), ClientBounds::default()).await.unwrap_err();
    assert!(matches!(error, NetError::Connect { .. }), "{error}");
}

#[tokio::test]
async fn a_plain_listener_answers_without_tls() {
    let listeners = Listeners::bind(&["127.0.0.1:0".parse().unwrap()]).unwrap();
    let server = Server::start(listeners, None, Bounds::default(), handler(Gate::default()));
    let client = Client::new(&[], ClientBounds::default(), Tasks::new()).unwrap();
    let answer = client.get_json(&format!("http://{}/peer", server.addresses()[0])).await.unwrap();
    assert_eq!(answer.body(), "127.0.0.1 tls=false name=None");
    drop(get("/"));
}
