//! Allocate, Refresh, and what bounds them.

use super::network::{Caller, EPOCH_S, Lab, secret, tuple};
use crate::client::Event;
use crate::stun::Method;
use crate::{Client, Credentials, Limits, Now, Transport};

fn allocated(event: Event) -> (Vec<std::net::SocketAddr>, u32, Option<[u8; 8]>) {
    match event {
        Event::Allocated { relays, lifetime_s, reservation } => (relays, lifetime_s, reservation),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_relay_lives_ten_minutes_after_each_refresh_and_ends_when_asked() {
    let mut lab = Lab::new();
    let mut alice = Caller::new("a.alice", 1);
    let relay = alice.allocate(&mut lab);
    assert_eq!(lab.server.statistics().allocations, 1);
    lab.wait(Now::from_secs(599));
    assert_eq!(alice.ask(&mut lab, |client| client.refresh(600)), Event::Done(Method::Refresh));
    lab.wait(Now::from_secs(599));
    assert!(lab.wire.open.contains(&relay));
    assert_eq!(alice.ask(&mut lab, |client| client.refresh(0)), Event::Done(Method::Refresh));
    assert!(lab.wire.open.is_empty());
    assert_eq!(lab.server.statistics().allocations, 0);
    assert_eq!(
        alice.ask(&mut lab, |client| client.refresh(600)),
        Event::Refused(Method::Refresh, 437),
        "it is over"
    );
}

#[test]
fn a_relay_nobody_refreshes_is_closed() {
    let mut lab = Lab::new();
    let mut alice = Caller::new("a.alice", 1);
    alice.allocate(&mut lab);
    lab.wait(Now::from_mins(10));
    assert!(lab.wire.open.is_empty());
    lab.wait(Now::from_secs(1));
    assert_eq!(lab.server.poll_timeout(), None, "nothing is left to put away");
}

#[test]
fn lifetimes_stay_between_ten_minutes_and_an_hour_and_near_the_end_of_the_credential() {
    for (asked, after_s, expected) in [
        (0, 0, 600),
        (1, 0, 600),
        (700, 0, 700),
        (86_400, 0, 3_600),
        (3_600, 3_500, 700),
        (3_600, 3_599, 601),
    ] {
        let mut lab = Lab::new();
        let mut alice = Caller::new("a.alice", 1);
        lab.wait(Now::from_secs(after_s));
        let event = alice.ask(&mut lab, |client| {
            client.request(Method::Allocate, |message| message.transport(17).lifetime(asked))
        });
        assert_eq!(allocated(event).1, expected, "{asked} s asked");
    }
}

#[test]
fn the_answer_to_a_repeated_request_is_the_same_and_another_request_is_refused() {
    let mut lab = Lab::new();
    let mut alice = Caller::new("a.alice", 1);
    alice.ask(&mut lab, |client| client.refresh(600));
    let request = alice.client.allocate();
    let first = lab.say(alice.tuple, &request);
    let again = lab.say(alice.tuple, &request);
    assert_eq!(first, again);
    assert_eq!(lab.wire.open.len(), 1);
    assert_eq!(alice.ask(&mut lab, Client::allocate), Event::Refused(Method::Allocate, 437));
}

#[test]
fn both_ip_versions_can_be_had_together_or_one_after_the_other() {
    let mut lab = Lab::new();
    let mut alice = Caller::new("a.alice", 1);
    let event = alice.ask(&mut lab, |client| {
        client.request(Method::Allocate, |message| message.transport(17).additional_family(2))
    });
    let relays = allocated(event).0;
    assert_eq!(relays.iter().map(std::net::SocketAddr::is_ipv4).collect::<Vec<_>>(), [true, false]);
    let end_v6 =
        |client: &mut Client| client.request(Method::Refresh, |message| message.lifetime(0).family(2));
    assert_eq!(alice.ask(&mut lab, end_v6), Event::Done(Method::Refresh));
    assert_eq!(lab.wire.open.iter().copied().collect::<Vec<_>>(), [relays[0]]);
    assert_eq!(alice.ask(&mut lab, end_v6), Event::Refused(Method::Refresh, 443));

    let mut bob = Caller::new("a.bob", 2);
    let event = bob
        .ask(&mut lab, |client| client.request(Method::Allocate, |message| message.transport(17).family(2)));
    assert!(allocated(event).0[0].is_ipv6());
}

#[test]
fn a_reserved_port_goes_to_whoever_brings_its_token_within_thirty_seconds() {
    let mut lab = Lab::new();
    let mut alice = Caller::new("a.alice", 1);
    let event = alice.ask(&mut lab, |client| {
        client.request(Method::Allocate, |message| message.transport(17).even_port(true))
    });
    let (relays, _, token) = allocated(event);
    let token = token.expect("a token");
    assert!(relays[0].port().is_multiple_of(2));
    let take = move |client: &mut Client| {
        client.request(Method::Allocate, |message| message.transport(17).reservation(token))
    };
    let mut second = Caller::new("a.alice", 2);
    let taken = allocated(second.ask(&mut lab, take)).0[0];
    assert_eq!(taken.port(), relays[0].port() + 1);
    let mut third = Caller::new("a.alice", 3);
    assert_eq!(third.ask(&mut lab, take), Event::Refused(Method::Allocate, 508), "it is taken");

    let mut bob = Caller::new("a.bob", 4);
    let event = bob.ask(&mut lab, |client| {
        client.request(Method::Allocate, |message| message.transport(17).even_port(true))
    });
    let (_, _, late) = allocated(event);
    let open = lab.wire.open.len();
    lab.wait(Now::from_secs(30));
    assert_eq!(lab.wire.open.len(), open - 1, "the kept port was closed");
    let late = late.expect("a token");
    let mut fifth = Caller::new("a.bob", 5);
    let event = fifth.ask(&mut lab, |client| {
        client.request(Method::Allocate, |message| message.transport(17).reservation(late))
    });
    assert_eq!(event, Event::Refused(Method::Allocate, 508));
}

#[test]
fn what_cannot_be_had_is_refused_with_the_status_of_the_rfc() {
    type Add = fn(crate::stun::Writer) -> crate::stun::Writer;
    let cases: [(&str, Add, u16); 11] = [
        ("no transport", |message| message, 400),
        ("TCP", |message| message.transport(6), 442),
        ("no fragments", |message| message.transport(17).attribute(0x001A, &[]), 420),
        ("an unknown attribute", |message| message.transport(17).attribute(0x7FFF, &[1]), 420),
        ("a family that is none", |message| message.transport(17).family(9), 440),
        (
            "both ways of saying the family",
            |message| message.transport(17).family(1).additional_family(2),
            400,
        ),
        ("IPv4 as the second", |message| message.transport(17).additional_family(1), 400),
        ("a token and a port", |message| message.transport(17).even_port(false).reservation([1; 8]), 400),
        ("a token and a family", |message| message.transport(17).family(1).reservation([1; 8]), 400),
        (
            "two ports and two families",
            |message| message.transport(17).even_port(true).additional_family(2),
            400,
        ),
        ("a short lifetime field", |message| message.transport(17).attribute(0x000D, &[1]), 400),
    ];
    for (name, add, status) in cases {
        let mut lab = Lab::new();
        let mut alice = Caller::new("a.alice", 1);
        let event = alice.ask(&mut lab, |client| client.request(Method::Allocate, add));
        assert_eq!(event, Event::Refused(Method::Allocate, status), "{name}");
        assert!(lab.wire.open.is_empty(), "{name}");
        assert_eq!(lab.server.statistics().made, 0, "{name}");
    }
}

#[test]
fn a_missing_second_relay_is_told_and_the_first_one_stays() {
    let mut lab = Lab::new();
    let mut alice = Caller::new("a.alice", 1);
    alice.ask(&mut lab, |client| client.refresh(600));
    lab.wire.is_full = true;
    assert_eq!(alice.ask(&mut lab, Client::allocate), Event::Refused(Method::Allocate, 508));
    assert_eq!(lab.server.statistics().allocations, 0);
}

#[test]
fn quotas_hold_for_users_tenants_addresses_and_all() {
    let most = Limits {
        allocations: 100,
        allocations_per_user: 100,
        allocations_per_tenant: 100,
        allocations_per_address: 100,
        bytes_per_second: 0,
    };
    let cases = [
        (Limits { allocations_per_user: 2, ..most }, ["a.x", "a.x", "a.x"], 486),
        (Limits { allocations_per_tenant: 2, ..most }, ["a.x", "a.y", "a.z"], 486),
        (Limits { allocations_per_address: 2, ..most }, ["a.x", "b.y", "c.z"], 486),
        (Limits { allocations: 2, ..most }, ["a.x", "b.y", "c.z"], 508),
    ];
    for (limits, users, status) in cases {
        let mut lab = Lab::with(limits);
        let mut callers: Vec<_> = (1..).zip(users).map(|(port, user)| Caller::new(user, port)).collect();
        callers[0].allocate(&mut lab);
        callers[1].allocate(&mut lab);
        let refused = callers[2].ask(&mut lab, Client::allocate);
        assert_eq!(refused, Event::Refused(Method::Allocate, status), "{limits:?}");
        assert_eq!(callers[0].ask(&mut lab, |client| client.refresh(0)), Event::Done(Method::Refresh));
        callers[2].allocate(&mut lab);
    }
}

#[test]
fn another_user_cannot_touch_an_allocation_and_a_renewed_name_can() {
    let mut lab = Lab::new();
    let mut alice = Caller::new("a.alice", 1);
    alice.allocate(&mut lab);
    let mut mallory = Caller { tuple: alice.tuple, ..Caller::new("a.mallory", 1) };
    assert_eq!(mallory.ask(&mut lab, |client| client.refresh(0)), Event::Refused(Method::Refresh, 441));
    let renewed = Credentials::issue(&secret(), "a.alice", EPOCH_S + 100_000);
    let mut renewed = Caller { tuple: alice.tuple, client: Client::new(renewed) };
    assert_eq!(renewed.ask(&mut lab, |client| client.refresh(600)), Event::Done(Method::Refresh));
}

#[test]
fn a_closed_stream_and_a_user_who_is_sent_away_leave_nothing() {
    let mut lab = Lab::new();
    let mut alice = Caller { tuple: tuple(1, Transport::Stream), ..Caller::new("a.alice", 1) };
    alice.allocate(&mut lab);
    lab.server.handle_closed(&alice.tuple, &mut lab.wire);
    assert!(lab.wire.open.is_empty());
    let mut bob = Caller::new("a.bob", 2);
    bob.allocate(&mut lab);
    let mut other = Caller::new("a.bobby", 3);
    let kept = other.allocate(&mut lab);
    lab.server.end_user("bob", &mut lab.wire);
    assert_eq!(lab.wire.open.len(), 2, "the name is the whole text behind the colon");
    lab.server.end_user("a.bob", &mut lab.wire);
    assert_eq!(lab.wire.open.iter().copied().collect::<Vec<_>>(), [kept]);
    assert_eq!(lab.server.statistics().allocations, 1);
}
