//! TCP with peers (RFC 6062).

use std::net::SocketAddr;

use super::network::{Caller, EPOCH_S, Lab, OTHER_PEER, PEER, PEER_V6, secret, tuple};
use crate::client::Event;
use crate::server::ConnectionId;
use crate::stun::Method;
use crate::{Client, Credentials, FiveTuple, Now, Transport, Why};

const LOOPBACK: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 80);

/// A client over a stream.
fn caller(user: &str, number: u16) -> Caller {
    Caller { tuple: tuple(number, Transport::Stream), ..Caller::new(user, number) }
}

/// A client with a relay of TCP.
fn allocated(lab: &mut Lab, user: &str, number: u16) -> (Caller, SocketAddr) {
    let mut caller = caller(user, number);
    match caller.ask(lab, Client::allocate_tcp) {
        Event::Allocated { relays, .. } => (caller, relays[0]),
        other => panic!("{other:?}"),
    }
}

/// Asks for a connection; the answer comes later, and the way out knows its id.
fn connect(lab: &mut Lab, caller: &mut Caller, peer: SocketAddr) -> ConnectionId {
    let request = caller.client.connect(peer);
    assert!(lab.say(caller.tuple, &request).is_empty(), "answered when the peer is");
    lab.wire.connecting.last().expect("asked for").0
}

fn connected(lab: &mut Lab, caller: &mut Caller, id: ConnectionId, is_connected: bool) -> Event {
    lab.server.handle_connected(id, is_connected, lab.now, &mut lab.wire);
    let (to, bytes) = lab.wire.to_clients.pop().expect("an answer");
    assert_eq!(to, caller.tuple);
    caller.client.handle(&bytes)
}

/// Binds a connection to another stream of the same user.
fn bind(lab: &mut Lab, user: &str, number: u16, id: u32) -> (FiveTuple, Event) {
    let mut stream = caller(user, number);
    let event = stream.ask(lab, |client| client.bind_connection(id));
    (stream.tuple, event)
}

#[test]
fn without_the_setting_tcp_is_an_unsupported_transport() {
    let mut lab = Lab::new();
    let mut alice = caller("a.alice", 1);
    assert_eq!(alice.ask(&mut lab, Client::allocate_tcp), Event::Refused(Method::Allocate, 442));
    assert_eq!(lab.server.statistics().refused_for(Why::Transport), 1);
    assert!(lab.wire.open.is_empty());
}

#[test]
fn what_is_about_datagrams_has_no_place_in_a_relay_of_tcp() {
    let mut lab = Lab::with_tcp();
    let mut over_udp = Caller::new("a.alice", 1);
    assert_eq!(over_udp.ask(&mut lab, Client::allocate_tcp), Event::Refused(Method::Allocate, 400));
    let mut alice = caller("a.alice", 2);
    let even = alice.ask(&mut lab, |client| {
        client.request(Method::Allocate, |message| message.transport(6).even_port(false))
    });
    assert_eq!(even, Event::Refused(Method::Allocate, 400));
    let two = alice.ask(&mut lab, |client| {
        client.request(Method::Allocate, |message| message.transport(6).additional_family(2))
    });
    assert_eq!(two, Event::Refused(Method::Allocate, 400));
    assert!(lab.wire.open.is_empty());
    let (mut alice, _) = allocated(&mut lab, "a.alice", 3);
    let channel = alice.ask(&mut lab, |client| client.bind(0x4000, PEER));
    assert_eq!(channel, Event::Refused(Method::ChannelBind, 400));
    assert_eq!(alice.ask(&mut lab, |client| client.permit(&[PEER])), Event::Done(Method::CreatePermission));
    let datagram = alice.client.send(PEER, b"no datagrams");
    assert!(lab.say(alice.tuple, &datagram).is_empty());
    assert!(lab.wire.to_peers.is_empty());
}

#[test]
fn a_client_connects_to_a_peer_and_takes_it_with_another_stream() {
    let mut lab = Lab::with_tcp();
    let (mut alice, relay) = allocated(&mut lab, "a.alice", 1);
    let id = connect(&mut lab, &mut alice, PEER);
    assert_eq!(lab.wire.connecting, [(id, relay, PEER)]);
    assert_eq!(connected(&mut lab, &mut alice, id, true), Event::Connected(id.0));
    let (stream, bound) = bind(&mut lab, "a.alice", 2, id.0);
    assert_eq!(bound, Event::Done(Method::ConnectionBind));
    assert_eq!(lab.wire.joined, [(id, stream)]);
    lab.wait(Now::from_mins(5));
    assert_eq!(lab.server.statistics().connections, 1, "what was taken stays");
    lab.server.handle_disconnected(id);
    assert_eq!(lab.server.statistics().connections, 0);
    connect(&mut lab, &mut alice, PEER);
}

#[test]
fn a_peer_with_a_permission_connects_and_others_do_not() {
    let mut lab = Lab::with_tcp();
    let (mut alice, relay) = allocated(&mut lab, "a.alice", 1);
    assert_eq!(lab.server.handle_incoming(relay, PEER, lab.now, &mut lab.wire), None);
    assert_eq!(lab.server.statistics().not_permitted, 1);
    alice.ask(&mut lab, |client| client.permit(&[PEER]));
    let id = lab.server.handle_incoming(relay, PEER, lab.now, &mut lab.wire).expect("permitted");
    let (_, told) = lab.wire.to_clients.pop().expect("an attempt");
    assert_eq!(alice.client.handle(&told), Event::Attempted(PEER, id.0));
    let (_, bound) = bind(&mut lab, "a.alice", 2, id.0);
    assert_eq!(bound, Event::Done(Method::ConnectionBind));
    let elsewhere = SocketAddr::new(relay.ip(), relay.port() ^ 1);
    assert_eq!(lab.server.handle_incoming(elsewhere, PEER, lab.now, &mut lab.wire), None);
}

#[test]
fn connections_are_refused_where_peers_are() {
    let mut lab = Lab::with_tcp();
    let (mut alice, relay) = allocated(&mut lab, "a.alice", 1);
    let cases = [(LOOPBACK, 403), (relay, 403), (PEER_V6, 443)];
    for (peer, status) in cases {
        let refused = alice.ask(&mut lab, |client| client.connect(peer));
        assert_eq!(refused, Event::Refused(Method::Connect, status), "{peer}");
    }
    let nobody = alice.ask(&mut lab, |client| client.request(Method::Connect, |message| message));
    assert_eq!(nobody, Event::Refused(Method::Connect, 400));
    let id = connect(&mut lab, &mut alice, PEER);
    let again = alice.ask(&mut lab, |client| client.connect(PEER));
    assert_eq!(again, Event::Refused(Method::Connect, 446));
    assert_eq!(connected(&mut lab, &mut alice, id, false), Event::Refused(Method::Connect, 447));
    assert_eq!(lab.server.statistics().connections, 0);
    let mut of_udp = Caller { tuple: tuple(5, Transport::Stream), ..Caller::new("a.alice", 5) };
    of_udp.allocate(&mut lab);
    let refused = of_udp.ask(&mut lab, |client| client.connect(PEER));
    assert_eq!(refused, Event::Refused(Method::Connect, 437));
}

#[test]
fn a_connection_is_for_its_user_once_and_in_time() {
    let mut lab = Lab::with_tcp();
    let (mut alice, _) = allocated(&mut lab, "a.alice", 1);
    let id = connect(&mut lab, &mut alice, PEER);
    let early = bind(&mut lab, "a.alice", 2, id.0).1;
    assert_eq!(early, Event::Refused(Method::ConnectionBind, 400), "it is not there yet");
    connected(&mut lab, &mut alice, id, true);
    let stolen = bind(&mut lab, "a.mallory", 3, id.0).1;
    assert_eq!(stolen, Event::Refused(Method::ConnectionBind, 400));
    let unknown = bind(&mut lab, "a.alice", 4, id.0 ^ 1).1;
    assert_eq!(unknown, Event::Refused(Method::ConnectionBind, 400));
    let on_control = alice.ask(&mut lab, |client| client.bind_connection(id.0));
    assert_eq!(on_control, Event::Refused(Method::ConnectionBind, 400));
    assert_eq!(bind(&mut lab, "a.alice", 5, id.0).1, Event::Done(Method::ConnectionBind));
    let twice = bind(&mut lab, "a.alice", 6, id.0).1;
    assert_eq!(twice, Event::Refused(Method::ConnectionBind, 400));
    let other = connect(&mut lab, &mut alice, OTHER_PEER);
    connected(&mut lab, &mut alice, other, true);
    lab.wait(Now::from_secs(30));
    assert_eq!(lab.wire.disconnected, [other]);
    assert_eq!(bind(&mut lab, "a.alice", 7, other.0).1, Event::Refused(Method::ConnectionBind, 400));
}

#[test]
fn a_peer_that_never_answers_is_given_up() {
    let mut lab = Lab::with_tcp();
    let (mut alice, _) = allocated(&mut lab, "a.alice", 1);
    let id = connect(&mut lab, &mut alice, PEER);
    lab.wait(Now::from_secs(30));
    assert_eq!(lab.wire.disconnected, [id]);
    let (_, told) = lab.wire.to_clients.pop().expect("an answer");
    assert_eq!(alice.client.handle(&told), Event::Refused(Method::Connect, 447));
    lab.server.handle_connected(id, true, lab.now, &mut lab.wire);
    assert!(lab.wire.to_clients.is_empty(), "what comes too late is for nobody");
}

#[test]
fn connections_end_with_their_allocation() {
    let mut lab = Lab::with_tcp();
    let (mut alice, _) = allocated(&mut lab, "a.alice", 1);
    let id = connect(&mut lab, &mut alice, PEER);
    connected(&mut lab, &mut alice, id, true);
    bind(&mut lab, "a.alice", 2, id.0);
    lab.server.handle_closed(&alice.tuple, &mut lab.wire);
    assert_eq!(lab.wire.disconnected, [id]);
    assert!(lab.wire.open.is_empty());
    assert_eq!(lab.server.statistics().connections, 0);
}

#[test]
fn an_allocation_has_so_many_connections_and_no_more() {
    let mut lab = Lab::with_tcp();
    let (mut alice, relay) = allocated(&mut lab, "a.alice", 1);
    alice.ask(&mut lab, |client| client.permit(&[PEER]));
    for port in 0..32 {
        let peer = SocketAddr::new(PEER.ip(), 1_000 + port);
        assert!(lab.server.handle_incoming(relay, peer, lab.now, &mut lab.wire).is_some());
    }
    assert_eq!(lab.server.handle_incoming(relay, PEER, lab.now, &mut lab.wire), None);
    lab.wire.to_clients.clear();
    let refused = alice.ask(&mut lab, |client| client.connect(PEER));
    assert_eq!(refused, Event::Refused(Method::Connect, 508));
    let credentials = Credentials::issue(&secret(), "a.alice", EPOCH_S + 9_000);
    let mut other = Caller { client: Client::new(credentials), tuple: tuple(9, Transport::Stream) };
    assert!(matches!(other.ask(&mut lab, Client::allocate_tcp), Event::Allocated { .. }));
    connect(&mut lab, &mut other, PEER);
}

#[test]
fn connections_are_counted_for_their_user_and_given_back() {
    let mut lab = Lab::with_tcp();
    let mut of_alice: Vec<_> = (1..=3).map(|port| allocated(&mut lab, "a.alice", port)).collect();
    for (number, (alice, relay)) in of_alice.iter_mut().enumerate() {
        alice.ask(&mut lab, |client| client.permit(&[PEER]));
        let taken = (0..32).filter(|port| {
            let peer = SocketAddr::new(PEER.ip(), 1_000 + port);
            lab.server.handle_incoming(*relay, peer, lab.now, &mut lab.wire).is_some()
        });
        assert_eq!(taken.count(), [32, 32, 0][number], "64 of one user");
        lab.wire.to_clients.clear();
    }
    let (_, of_bob) = {
        let (mut bob, relay) = allocated(&mut lab, "a.bob", 9);
        bob.ask(&mut lab, |client| client.permit(&[PEER]));
        (bob, relay)
    };
    assert!(lab.server.handle_incoming(of_bob, PEER, lab.now, &mut lab.wire).is_some(), "others have theirs");
    lab.server.handle_closed(&of_alice[0].0.tuple, &mut lab.wire);
    let again = lab.server.handle_incoming(of_alice[2].1, PEER, lab.now, &mut lab.wire);
    assert!(again.is_some());
    lab.server.handle_disconnected(again.expect("it is there"));
    assert_eq!(lab.server.statistics().connections, 33);
}
