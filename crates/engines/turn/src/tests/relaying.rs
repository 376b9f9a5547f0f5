//! What goes between clients and peers.

use super::network::{Caller, Lab, OTHER_PEER, PEER, PEER_V6, tuple};
use crate::client::Event;
use crate::stun::Method;
use crate::{Client, Limits, Now, Transport};

const CHANNEL: u16 = 0x4001;

#[test]
fn data_goes_both_ways_over_a_channel_and_by_indications() {
    for transport in [Transport::Udp, Transport::Stream] {
        let mut lab = Lab::new();
        let mut alice = Caller { tuple: tuple(1, transport), ..Caller::new("a.alice", 1) };
        let relay = alice.allocate(&mut lab);
        assert_eq!(
            alice.ask(&mut lab, |client| client.bind(CHANNEL, PEER)),
            Event::Done(Method::ChannelBind)
        );
        for length in 0..6 {
            let data = vec![9; length];
            assert!(lab.say(alice.tuple, &Client::channel_data(CHANNEL, &data)).is_empty());
            assert_eq!(lab.wire.to_peers.pop(), Some((relay, PEER, data.clone())));
            let back = lab.receive(relay, PEER, &data);
            let padded = (4 + length).next_multiple_of(4);
            assert_eq!(back[0].len(), if transport == Transport::Udp { 4 + length } else { padded });
            assert_eq!(alice.client.handle(&back[0]), Event::Channel(CHANNEL, data));
        }
        assert_eq!(
            alice.ask(&mut lab, |client| client.permit(&[OTHER_PEER])),
            Event::Done(Method::CreatePermission)
        );
        let send = alice.client.send(OTHER_PEER, b"hello");
        assert!(lab.say(alice.tuple, &send).is_empty());
        assert_eq!(lab.wire.to_peers.pop(), Some((relay, OTHER_PEER, b"hello".to_vec())));
        let back = lab.receive(relay, OTHER_PEER, b"world");
        assert_eq!(alice.client.handle(&back[0]), Event::Data(OTHER_PEER, b"world".to_vec()));
        // The port is free within a permission.
        let mut other_port = OTHER_PEER;
        other_port.set_port(1);
        let back = lab.receive(relay, other_port, b"");
        assert_eq!(alice.client.handle(&back[0]), Event::Data(other_port, Vec::new()));
        let statistics = lab.server.statistics();
        assert_eq!((statistics.to_peers, statistics.to_peers_bytes), (7, 15 + 5));
        assert_eq!((statistics.to_clients, statistics.to_clients_bytes), (8, 15 + 5));
    }
}

#[test]
fn what_nobody_permitted_goes_nowhere() {
    let mut lab = Lab::new();
    let mut alice = Caller::new("a.alice", 1);
    let relay = alice.allocate(&mut lab);
    alice.ask(&mut lab, |client| client.bind(CHANNEL, PEER));
    let send = alice.client.send(OTHER_PEER, b"x");
    let unbound = Client::channel_data(CHANNEL + 1, b"x");
    let cut = &Client::channel_data(CHANNEL, b"1234")[..7];
    for bytes in [&send[..], &unbound, cut] {
        assert!(lab.say(alice.tuple, bytes).is_empty());
    }
    // Somebody else's connection has no channel either.
    assert!(lab.say(tuple(2, Transport::Udp), &Client::channel_data(CHANNEL, b"x")).is_empty());
    assert!(lab.receive(relay, OTHER_PEER, b"x").is_empty());
    assert!(lab.receive(PEER, PEER, b"x").is_empty(), "no relay of ours");
    assert!(lab.wire.to_peers.is_empty());
    let statistics = lab.server.statistics();
    assert_eq!((statistics.not_permitted, statistics.malformed), (5, 1));
}

#[test]
fn permissions_hold_five_minutes_and_channels_ten() {
    let mut lab = Lab::new();
    let mut alice = Caller::new("a.alice", 1);
    let relay = alice.allocate(&mut lab);
    alice.ask(&mut lab, |client| client.bind(CHANNEL, PEER));
    lab.wait(Now::from_secs(299));
    assert_eq!(lab.receive(relay, PEER, b"x").len(), 1);
    lab.wait(Now::from_secs(1));
    assert!(lab.receive(relay, PEER, b"x").is_empty(), "the permission is over");
    lab.say(alice.tuple, &Client::channel_data(CHANNEL, b"x"));
    assert_eq!(lab.wire.to_peers.len(), 1, "the channel is not");
    alice.ask(&mut lab, |client| client.refresh(3_600));
    lab.wait(Now::from_mins(5));
    lab.say(alice.tuple, &Client::channel_data(CHANNEL, b"x"));
    assert_eq!(lab.wire.to_peers.len(), 1, "now it is");
    // Its number stays with the peer for another five minutes, and the peer with its number.
    let refused = Event::Refused(Method::ChannelBind, 400);
    assert_eq!(alice.ask(&mut lab, |client| client.bind(CHANNEL, OTHER_PEER)), refused);
    assert_eq!(alice.ask(&mut lab, |client| client.bind(CHANNEL + 1, PEER)), refused);
    lab.wait(Now::from_mins(5));
    assert_eq!(
        alice.ask(&mut lab, |client| client.bind(CHANNEL, OTHER_PEER)),
        Event::Done(Method::ChannelBind)
    );
    assert_eq!(lab.receive(relay, OTHER_PEER, b"x").len(), 1);
}

#[test]
fn peers_and_channels_that_cannot_be_are_refused() {
    let mut lab = Lab::new();
    let mut alice = Caller::new("a.alice", 1);
    alice.allocate(&mut lab);
    let forbidden = "127.0.0.1:80".parse().expect("an address");
    let cases: [(u16, std::net::SocketAddr, u16); 5] = [
        (0x3FFF, PEER, 400),
        (0x7FFF, PEER, 400),
        (0xFFFF, PEER, 400),
        (CHANNEL, PEER_V6, 443),
        (CHANNEL, forbidden, 403),
    ];
    for (number, peer, status) in cases {
        let event = alice.ask(&mut lab, |client| client.bind(number, peer));
        assert_eq!(event, Event::Refused(Method::ChannelBind, status), "{number:#x} {peer}");
    }
    let none =
        alice.ask(&mut lab, |client| client.request(Method::ChannelBind, |message| message.peer(PEER)));
    assert_eq!(none, Event::Refused(Method::ChannelBind, 400));
    let none = alice.ask(&mut lab, |client| client.permit(&[]));
    assert_eq!(none, Event::Refused(Method::CreatePermission, 400));
    // One that is forbidden takes the others with it.
    let some = alice.ask(&mut lab, |client| client.permit(&[PEER, forbidden]));
    assert_eq!(some, Event::Refused(Method::CreatePermission, 403));
    let send = alice.client.send(PEER, b"x");
    lab.say(alice.tuple, &send);
    assert!(lab.wire.to_peers.is_empty());
}

#[test]
fn an_allocation_has_at_most_64_permissions_and_32_channels() {
    let mut lab = Lab::new();
    let mut alice = Caller::new("a.alice", 1);
    alice.allocate(&mut lab);
    let peer = |number: u16| {
        let mut peer = PEER;
        peer.set_ip([203, 0, 113, u8::try_from(number).expect("small")].into());
        peer
    };
    for number in 0..32 {
        let event = alice.ask(&mut lab, |client| client.bind(CHANNEL + number, peer(number)));
        assert_eq!(event, Event::Done(Method::ChannelBind), "{number}");
    }
    let full = alice.ask(&mut lab, |client| client.bind(CHANNEL + 32, peer(0xFF)));
    assert_eq!(full, Event::Refused(Method::ChannelBind, 508));
    for number in 32..64 {
        let event = alice.ask(&mut lab, |client| client.permit(&[peer(number)]));
        assert_eq!(event, Event::Done(Method::CreatePermission), "{number}");
    }
    let full = alice.ask(&mut lab, |client| client.permit(&[peer(64)]));
    assert_eq!(full, Event::Refused(Method::CreatePermission, 508));
    let known = alice.ask(&mut lab, |client| client.permit(&[peer(63)]));
    assert_eq!(known, Event::Done(Method::CreatePermission), "one it has can be prolonged");
}

#[test]
fn an_allocation_relays_no_more_than_its_rate() {
    let mut lab = Lab::with(Limits { bytes_per_second: 4_000, ..Limits::default() });
    let mut alice = Caller::new("a.alice", 1);
    let relay = alice.allocate(&mut lab);
    alice.ask(&mut lab, |client| client.bind(CHANNEL, PEER));
    let data = Client::channel_data(CHANNEL, &[1; 36]);
    for _ in 0..20 {
        lab.say(alice.tuple, &data);
    }
    assert_eq!(lab.wire.to_peers.len(), 10, "a quarter of a second's bytes at once, heads of 64 included");
    let back = (0..20).filter(|_| !lab.receive(relay, PEER, &[1; 36]).is_empty()).count();
    assert_eq!(back, 10, "each way has its own");
    lab.now += Now::from_millis(100);
    for _ in 0..20 {
        lab.say(alice.tuple, &data);
    }
    assert_eq!(lab.wire.to_peers.len(), 14);
    assert_eq!(lab.server.statistics().over_rate, 10 + 10 + 16);
}
