//! Certificates as clients see them.

use std::fs;
use std::sync::Arc;

use tokio::io::AsyncReadExt as _;
use trunkline_kernel::SystemClock;

use super::support::{TestServer, get, handler, leaves, loopbacks, text};
use crate::tls::{Certificates, server_config};
use crate::{Bounds, CertificateFiles, CertificatePair, Listeners, Reload, Server};

#[tokio::test]
async fn every_standard_name_is_accepted_by_a_client_that_checks() {
    let server = TestServer::start();
    for name in ["localhost", "127.0.0.1", "::1", "trunkline.test"] {
        server.tls(name, b"http/1.1").await.unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

#[tokio::test]
async fn allowed_names_get_a_certificate_on_demand_and_others_no_handshake() {
    let server = TestServer::start();
    server.tls("demo.localhost", b"http/1.1").await.unwrap();
    let error = server.tls("other.localhost", b"http/1.1").await.unwrap_err();
    assert!(error.to_string().contains("alert"), "{error}");
    server.until(|counters| counters.handshakes_failed == 1).await;
}

#[tokio::test]
async fn the_handler_learns_who_is_there() {
    let server = TestServer::start();
    let mut client = server.http1().await;
    let answer = text(client.send_request(get("/peer")).await.unwrap()).await;
    assert_eq!(answer, "127.0.0.1 tls=true name=Some(\"localhost\")");
}

#[tokio::test]
async fn both_loopback_addresses_answer_on_one_port() {
    let server = TestServer::start();
    let addresses = server.server.addresses().to_vec();
    assert_eq!(addresses[0].port(), addresses[1].port());
    for address in addresses {
        tokio::net::TcpStream::connect(address).await.unwrap();
    }
    server.until(|counters| counters.connections_accepted == 2).await;
}

#[tokio::test]
async fn new_certificate_files_are_presented_to_the_next_client() {
    let folder = tempfile::tempdir().unwrap();
    let leaves = leaves(folder.path());
    let pair = CertificatePair { chain: folder.path().join("chain.pem"), key: folder.path().join("key.pem") };
    write_pair(&leaves, &pair, "first.example");
    let files = Arc::new(CertificateFiles::load(vec![pair.clone()], Arc::new(SystemClock)).unwrap());
    let certificates = Certificates { files: Some(Arc::clone(&files)), leaves: Some(Arc::clone(&leaves)) };
    let tls = server_config(certificates).unwrap();
    let gate = super::support::Gate::default();
    let listeners = Listeners::bind(&loopbacks()).unwrap();
    let server = Server::start(listeners, Some(tls), Bounds::default(), handler(gate.clone()));
    let server = TestServer { folder, leaves, server, gate };

    server.tls("first.example", b"h2").await.unwrap();
    write_pair(&server.leaves, &pair, "second.example");
    assert!(matches!(files.reload()[..], [Reload::Replaced { .. }]));
    server.tls("second.example", b"h2").await.unwrap();
    server.tls("first.example", b"h2").await.unwrap_err();
    // The own authority still answers for what the files do not name.
    server.tls("localhost", b"h2").await.unwrap();
    fs::write(&pair.chain, "nonsense").unwrap();
    assert!(matches!(files.reload()[..], [Reload::Kept { .. }]));
    server.tls("second.example", b"h2").await.unwrap();
}

#[tokio::test]
async fn plain_http_on_the_tls_port_is_told_to_use_https() {
    let server = TestServer::start();
    let mut stream = server.tcp().await;
    tokio::io::AsyncWriteExt::write_all(&mut stream, b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n")
        .await
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert!(answer.ends_with("Use https:// instead of http:// in the address.\n"), "{answer}");
    drop(stream);
    server.until(|counters| counters.handshakes_failed == 1 && counters.connections_open == 0).await;
}

fn write_pair(leaves: &crate::Leaves, pair: &CertificatePair, name: &str) {
    let (chain, key) = leaves.authority().issue_pem(&[name.to_owned()]).unwrap();
    fs::write(&pair.chain, chain).unwrap();
    fs::write(&pair.key, key).unwrap();
}
