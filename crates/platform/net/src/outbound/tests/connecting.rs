//! Where connections go, and where they do not.

use std::net::Ipv4Addr;

use trunkline_testkit::Behaviour;

use super::*;
use crate::tests::support::leaves;
use crate::tls::{Certificates, server_config};

fn addresses(texts: &[&str], port: u16) -> Vec<SocketAddr> {
    texts.iter().map(|text| SocketAddr::new(text.parse().expect("an address"), port)).collect()
}

#[tokio::test]
async fn addresses_that_no_rule_names_are_refused_however_they_are_written() {
    let sink = Sink::start(Behaviour::Status(200)).await;
    let world = World { allowed: &[], ..World::default() };
    let port = sink.address().port();
    for host in ["127.0.0.1", "localhost", "0x7f000001", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0"] {
        let refused = world.connect(&format!("http://{host}:{port}/")).await.expect_err(host);
        assert_eq!(refused, OutboundError::Refused, "{host}");
    }
    assert_eq!(sink.connections(), 0);
}

#[tokio::test]
async fn a_name_is_looked_up_once_and_each_connection_checks_its_address_anew() {
    let sink = Sink::start(Behaviour::Status(200)).await;
    let port = sink.address().port();
    let resolver = ScriptedResolver::new([addresses(&["127.0.0.1"], port), addresses(&["10.0.0.1"], port)]);
    let world = World { resolver: Arc::clone(&resolver) as _, ..World::default() };
    let url = format!("http://hooks.example:{port}/");
    let mut connection = world.connect(&url).await.expect("a permitted address");
    connection.exchange(post("{}")).await.expect("an answer");
    assert_eq!(resolver.asked(), [format!("hooks.example:{port}")]);
    assert_eq!(sink.received()[0].header("host"), format!("hooks.example:{port}"));
    // The name now leads inside: a new connection does not, the old one stays where it is.
    assert_eq!(world.connect(&url).await.expect_err("rebinding"), OutboundError::Refused);
    connection.exchange(post("{}")).await.expect("an answer");
    assert_eq!((sink.count(), sink.connections()), (2, 1));
}

#[tokio::test]
async fn of_several_addresses_only_permitted_ones_are_tried() {
    let sink = Sink::start(Behaviour::Status(200)).await;
    let port = sink.address().port();
    let world = World {
        allowed: &["127.0.0.1/32"],
        resolver: ScriptedResolver::new([addresses(&["10.0.0.1", "::1", "127.0.0.1"], port)]),
        ..World::default()
    };
    world.connect("http://hooks.example/").await.expect("the one that is permitted");
    let inside = World {
        allowed: &[],
        resolver: ScriptedResolver::new([addresses(&["10.0.0.1", "::1", "127.0.0.1"], port)]),
        ..World::default()
    };
    assert_eq!(
        inside.connect("http://hooks.example/").await.expect_err("all inside"),
        OutboundError::Refused
    );
}

#[tokio::test]
async fn addresses_beyond_the_bound_are_not_looked_at() {
    let sink = Sink::start(Behaviour::Status(200)).await;
    let port = sink.address().port();
    let mut answer = addresses(&["10.0.0.1"; 16], port);
    answer.extend(addresses(&["127.0.0.1"], port));
    let world = World { resolver: ScriptedResolver::new([answer]), ..World::default() };
    assert_eq!(world.connect("http://hooks.example/").await.expect_err("too many"), OutboundError::Refused);
}

#[tokio::test]
async fn the_next_address_is_tried_when_one_refuses() {
    let sink = Sink::start(Behaviour::Status(200)).await;
    let port = sink.address().port();
    // Nobody listens on the other addresses of loopback.
    let resolver = ScriptedResolver::new([addresses(&["127.0.0.2", "127.0.0.3", "127.0.0.1"], port)]);
    let world = World { resolver, ..World::default() };
    let mut connection = world.connect("http://hooks.example/").await.expect("the third address");
    assert_eq!(connection.exchange(post("{}")).await.expect("an answer").status, 200);
}

#[tokio::test]
async fn nobody_there_is_told_apart_from_no_such_name() {
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    drop(listener);
    let refused = World::default().connect(&format!("http://127.0.0.1:{port}/")).await.expect_err("nobody");
    assert!(matches!(refused, OutboundError::Connect { .. }), "{refused:?}");

    let world = World { resolver: ScriptedResolver::new([]), ..World::default() };
    let unknown = world.connect("http://nowhere.example/").await.expect_err("no such name");
    assert!(matches!(unknown, OutboundError::Resolution { .. }), "{unknown:?}");
    let world = World { resolver: ScriptedResolver::new([Vec::new()]), ..World::default() };
    let empty = world.connect("http://nowhere.example/").await.expect_err("no address");
    assert!(matches!(empty, OutboundError::Resolution { .. }), "{empty:?}");
}

#[tokio::test]
async fn certificates_are_checked_for_the_name_in_the_address() {
    let folder = tempfile::tempdir().expect("a folder");
    let leaves = leaves(folder.path());
    let authority = leaves.authority().certificate().clone();
    let certificates = Certificates { files: None, leaves: Some(leaves) };
    let config = server_config(certificates).expect("the crypto library works");
    let sink = Sink::start_secure(Behaviour::Status(200), config).await;
    let port = sink.address().port();
    let resolver = || ScriptedResolver::new([addresses(&["127.0.0.1"], port)]);

    let world = World { authorities: vec![authority.clone()], resolver: resolver(), ..World::default() };
    let mut connection = world.connect(&format!("https://demo.localhost:{port}/")).await.expect("trust");
    assert_eq!(connection.exchange(post("{}")).await.expect("an answer").status, 200);

    let elsewhere = world.connect(&format!("https://other.example:{port}/")).await.expect_err("another name");
    assert!(matches!(elsewhere, OutboundError::Tls { .. }), "{elsewhere:?}");
    let stranger = World { resolver: resolver(), ..World::default() };
    let untrusted = stranger.connect(&format!("https://demo.localhost:{port}/")).await.expect_err("no trust");
    assert!(matches!(untrusted, OutboundError::Tls { .. }), "{untrusted:?}");
    assert_eq!(sink.count(), 1);
}

#[tokio::test]
async fn a_server_that_never_begins_tls_is_given_up() {
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    let world = World {
        bounds: OutboundBounds { handshake: SHORT, ..OutboundBounds::default() },
        ..World::default()
    };
    let silent = world.connect(&format!("https://127.0.0.1:{port}/")).await.expect_err("silence");
    assert!(matches!(silent, OutboundError::Tls { .. }), "{silent:?}");
}
