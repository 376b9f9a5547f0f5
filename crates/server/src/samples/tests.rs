//! What is served, what is not, and what passes to the trusted service.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use trunkline_net::{Bounds, Handler, Listeners, Server};
use trunkline_tasks::Tasks;

use super::*;

struct Given {
    samples: Samples,
    folder: tempfile::TempDir,
    tasks: Tasks,
}

impl Given {
    fn new(trusted_service: Option<String>) -> Self {
        let folder = tempfile::tempdir().expect("temporary folder");
        for (name, text) in [
            ("dist/start/index.html", "<h1>start"),
            ("dist/chat/index.html", "<h1>chat"),
            ("dist/assets/chat-1a2b.js", "run()"),
            ("dist/assets/notes.txt", "a kind that is not served"),
            ("dist/.hidden/index.html", "hidden"),
            ("secret.json", "outside"),
        ] {
            let file = folder.path().join(name);
            std::fs::create_dir_all(file.parent().expect("has a parent")).expect("made");
            std::fs::write(file, text).expect("written");
        }
        let (tasks, dist) = (Tasks::new(), folder.path().join("dist"));
        let proxy = trusted_service.map(|origin| Proxy::new(origin, &tasks).expect("a client"));
        let policy = HeaderValue::try_from(policy("https://localhost:8443", "localhost")).expect("a header");
        Self {
            samples: Samples { files: Files::open(&dist).expect("a folder"), proxy, policy },
            folder,
            tasks,
        }
    }

    async fn send(&self, request: Request<Full<Bytes>>) -> Response<String> {
        self.send_from("127.0.0.1", request).await
    }

    async fn send_from(&self, peer: &str, request: Request<Full<Bytes>>) -> Response<String> {
        assert!(Samples::is_for(&request), "{} is not for the samples", request.uri());
        let peer = Peer::Address(peer.parse().expect("an address"));
        let (parts, body) = self.samples.answer(request, peer).await.into_parts();
        let body = body.collect().await.expect("a whole body").to_bytes();
        Response::from_parts(parts, String::from_utf8(body.to_vec()).expect("text"))
    }

    async fn get(&self, address: &str) -> Response<String> {
        self.send(request(Method::GET, address, "")).await
    }
}

fn request(method: Method, address: &str, body: &str) -> Request<Full<Bytes>> {
    let body = Full::from(body.to_owned());
    Request::builder().method(method).uri(address).body(body).expect("a request")
}

fn header_of<'r>(reply: &'r Response<String>, name: &str) -> &'r str {
    reply.headers().get(name).map_or("", |value| value.to_str().expect("text"))
}

#[tokio::test]
async fn pages_and_their_files_are_served_with_kind_cache_and_policy() {
    let given = Given::new(None);
    for (address, body, kind, cached) in [
        ("/", "<h1>start", "text/html; charset=utf-8", "no-cache"),
        ("/?from=elsewhere", "<h1>start", "text/html; charset=utf-8", "no-cache"),
        ("/samples/chat/", "<h1>chat", "text/html; charset=utf-8", "no-cache"),
        ("/samples/chat/index.html?user=a", "<h1>chat", "text/html; charset=utf-8", "no-cache"),
        (
            "/samples/assets/chat-1a2b.js",
            "run()",
            "text/javascript; charset=utf-8",
            "public, max-age=31536000, immutable",
        ),
    ] {
        let reply = given.get(address).await;
        assert_eq!((reply.status(), reply.body().as_str()), (StatusCode::OK, body), "{address}");
        assert_eq!(header_of(&reply, "content-type"), kind, "{address}");
        assert_eq!(header_of(&reply, "cache-control"), cached, "{address}");
        assert_eq!(header_of(&reply, "x-content-type-options"), "nosniff");
        assert_eq!(header_of(&reply, "referrer-policy"), "no-referrer");
        assert!(
            header_of(&reply, "content-security-policy")
                .starts_with("default-src 'none'; script-src 'self';")
        );
    }
    let head = given.send(request(Method::HEAD, "/samples/chat/", "")).await;
    assert_eq!((head.status(), head.body().as_str()), (StatusCode::OK, ""));
}

#[tokio::test]
async fn nothing_outside_the_folder_and_no_other_kind_is_served() {
    let given = Given::new(None);
    let dist = given.folder.path().join("dist");
    std::os::unix::fs::symlink("../secret.json", dist.join("link.json")).expect("linked");
    std::os::unix::fs::symlink("../..", dist.join("up")).expect("linked");
    let large = std::fs::File::create(dist.join("large.js")).expect("made");
    large.set_len(5 * 1024 * 1024 + 1).expect("grown");
    for address in [
        "/samples/../secret.json",
        "/samples/%2e%2e/secret.json",
        "/samples/..%2fsecret.json",
        "/samples/chat/../../secret.json",
        "/samples//etc/passwd",
        "/samples/./chat/index.html",
        "/samples/.hidden/",
        "/samples/link.json",
        "/samples/up/secret.json",
        "/samples/assets/notes.txt",
        "/samples/large.js",
        "/samples/absent.html",
        "/samples/assets/",
        "/samples/",
        "/samples/chat/index.html/",
        "/samples/trusted-service/token",
    ] {
        let reply = given.get(address).await;
        assert_eq!(reply.status(), StatusCode::NOT_FOUND, "{address}: {}", reply.body());
        assert!(!reply.body().contains("outside"), "{address}");
    }
}

#[tokio::test]
async fn a_folder_without_its_slash_is_redirected_with_its_query() {
    let reply = Given::new(None).get("/samples/chat?user=alice").await;
    assert_eq!(reply.status(), StatusCode::PERMANENT_REDIRECT);
    assert_eq!(header_of(&reply, "location"), "/samples/chat/?user=alice");
}

#[tokio::test]
async fn pages_are_only_read() {
    let given = Given::new(None);
    for method in [Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS] {
        let reply = given.send(request(method, "/samples/chat/", "")).await;
        assert_eq!(reply.status(), StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(header_of(&reply, "allow"), "GET, HEAD");
    }
}

#[test]
fn the_api_keeps_its_addresses() {
    for (method, address) in [
        (Method::GET, "/?check=1a2b"),
        (Method::POST, "/"),
        (Method::GET, "/chat/threads"),
        (Method::GET, "/samples"),
        (Method::GET, "/openapi/chat/2025-03-15.json"),
    ] {
        assert!(!Samples::is_for(&request(method, address, "")), "{address}");
    }
}

#[test]
fn the_policy_names_the_api_and_its_sockets() {
    let policy = policy("https://localhost:8443", "localhost");
    let expected = "connect-src 'self' blob: https://localhost:8443 wss://localhost:8443 \
                    https://*.localhost:8443 wss://*.localhost:8443;";
    assert!(policy.contains(expected), "{policy}");
    let policy = super::policy("http://acs.example", "acs.example");
    assert!(
        policy.contains("http://acs.example ws://acs.example http://*.acs.example ws://*.acs.example;"),
        "{policy}"
    );
}

/// A trusted service that tells what it was asked, on a port of its own.
fn echo() -> (Server, String) {
    let address = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
    let listeners = Listeners::bind(&[address]).expect("a free port");
    let origin = format!("http://{}", listeners.addresses()[0]);
    let handler = Handler::new(|request, _| async move {
        let (parts, body) = request.into_parts();
        let body = body.collect().await.expect("a whole body").to_bytes();
        let names: Vec<_> = parts.headers.keys().map(http::HeaderName::as_str).collect();
        let text = format!("{} {} {} {names:?}", parts.method, parts.uri, String::from_utf8_lossy(&body));
        let reply = Response::builder().status(201).header("content-type", "application/json");
        reply.header("set-cookie", "a=b").body(Full::<Bytes>::from(text)).expect("a reply")
    });
    (Server::start(listeners, None, Bounds::default(), handler), origin)
}

#[tokio::test]
async fn requests_reach_the_trusted_service_with_kind_and_body_alone() {
    let (server, origin) = echo();
    let given = Given::new(Some(origin));
    let mut asked = request(Method::POST, "/samples/trusted-service/token", r#"{"user":"alice"}"#);
    for (name, value) in
        [("content-type", "application/json"), ("cookie", "a=b"), ("authorization", "Bearer x")]
    {
        asked.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    let reply = given.send(asked).await;
    assert_eq!(reply.status(), StatusCode::CREATED);
    assert_eq!(reply.body(), r#"POST /token {"user":"alice"} ["content-type", "host", "content-length"]"#);
    assert_eq!(header_of(&reply, "content-type"), "application/json");
    assert_eq!(header_of(&reply, "cache-control"), "no-store");
    assert_eq!(header_of(&reply, "set-cookie"), "");
    drop(given.tasks);
    server.drain(Duration::from_secs(1)).await;
}

#[tokio::test]
async fn what_the_trusted_service_must_not_see_is_refused_before_it() {
    let (server, origin) = echo();
    let given = Given::new(Some(origin));
    let address = "/samples/trusted-service/token";
    let get = given.get(address).await;
    assert_eq!((get.status(), header_of(&get, "allow")), (StatusCode::METHOD_NOT_ALLOWED, "POST"));
    let long = "x".repeat(64 * 1024 + 1);
    let long = given.send(request(Method::POST, address, &long)).await;
    assert_eq!(long.status(), StatusCode::PAYLOAD_TOO_LARGE);
    let mut foreign = request(Method::POST, address, "{}");
    foreign.headers_mut().insert("sec-fetch-site", HeaderValue::from_static("cross-site"));
    assert_eq!(given.send(foreign).await.status(), StatusCode::FORBIDDEN);
    server.drain(Duration::from_secs(1)).await;
}

#[tokio::test]
async fn the_trusted_service_answers_this_machine_alone() {
    let (server, origin) = echo();
    let given = Given::new(Some(origin));
    let ask = || request(Method::POST, "/samples/trusted-service/token", "{}");
    for peer in ["127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1"] {
        assert_eq!(given.send_from(peer, ask()).await.status(), StatusCode::CREATED, "{peer}");
    }
    for peer in ["192.168.0.7", "::ffff:192.168.0.7", "fe80::1", "203.0.113.9"] {
        let reply = given.send_from(peer, ask()).await;
        assert_eq!(reply.status(), StatusCode::FORBIDDEN, "{peer}");
        assert!(reply.body().contains("on the server's own machine only"), "{}", reply.body());
        let page = given.send_from(peer, request(Method::GET, "/samples/chat/", "")).await;
        assert_eq!(page.status(), StatusCode::OK, "{peer}");
    }
    drop(given.tasks);
    server.drain(Duration::from_secs(1)).await;
}

#[tokio::test]
async fn a_trusted_service_that_is_gone_is_told() {
    let (server, origin) = echo();
    server.drain(Duration::from_secs(1)).await;
    let given = Given::new(Some(origin));
    let reply = given.send(request(Method::POST, "/samples/trusted-service/token", "{}")).await;
    assert_eq!(reply.status(), StatusCode::BAD_GATEWAY);
    assert!(reply.body().contains("does not answer"), "{}", reply.body());
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    let cause = Files::open(Path::new("/nowhere/dist")).expect_err("refused");
    assert!(format!("{cause:#}").starts_with("samples.folder: /nowhere/dist cannot be read"), "{cause:#}");
}
