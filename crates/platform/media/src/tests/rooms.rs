//! Coming, going and coming back; what is set for a client.

use trunkline_sfu::testing::ClientEvent;

use super::world::{World, id};
use crate::{MediaError, MediaHandle, Path, PeerId, Policy, RoomEvent};

fn quality_of(world: &World, peer: PeerId) -> Vec<crate::QualityReport> {
    let reports = world.events.iter().filter_map(|event| match event {
        RoomEvent::Quality { peer: whose, report } if *whose == peer => Some((**report).clone()),
        _ => None,
    });
    reports.collect()
}

#[test]
fn who_leaves_is_told_goodbye_and_reported() {
    let mut world = World::new();
    let (alice, bob) = (world.connect(), world.connect());
    world.speak_until(alice, "alice is heard", |world| world.clients[bob].heard().count() >= 10);

    world.room().leave(id(alice));

    world.until("alice is told, bob's room knows", |world| {
        world.clients[alice].is_closed() && !quality_of(world, id(alice)).is_empty()
    });
    let reports = quality_of(&world, id(alice));
    assert_eq!(reports.len(), 1);
    assert_eq!((reports[0].path, reports[0].dropped), (Some(Path::Udp), 0));
    assert!(!reports[0].lasted.is_zero());
    assert!(!world.has_event(|event| matches!(event, RoomEvent::Failed { .. })), "it was asked for");
    assert_eq!(world.metrics.peers.get(), 1);
}

#[test]
fn a_client_that_says_goodbye_has_failed_for_its_owner() {
    let mut world = World::new();
    let alice = world.connect();
    let now = world.now();
    world.clients[alice].hang_up(now);
    world.until("the room knows", |world| !quality_of(world, id(alice)).is_empty());
    let is_failed = |event: &RoomEvent| matches!(event, RoomEvent::Failed { peer, why: "closed by the client" } if *peer == id(alice));
    assert!(world.has_event(is_failed), "{:?}", world.events);
}

#[test]
fn joining_again_replaces_the_transport_and_keeps_the_settings() {
    let mut world = World::new();
    let (alice, bob) = (world.connect(), world.connect());
    let again = world.add_client();

    world.join(again, id(alice)).expect("the offer is good");

    world.until("the old one ends, the new one is up", |world| {
        world.clients[alice].is_closed() && world.clients[again].is_up()
    });
    // Nobody has said again that alice may be heard.
    world.speak_until(again, "alice is heard again", |world| world.clients[bob].heard().count() >= 10);
    assert_eq!(world.metrics.peers.get(), 2);
}

#[test]
fn who_may_not_be_heard_is_not() {
    let mut world = World::new();
    let (alice, bob) = (world.connect(), world.connect());
    world.speak_until(alice, "alice is heard", |world| world.clients[bob].heard().count() >= 10);

    world.room().set_policy(id(alice), Policy { is_heard: false, ..Policy::ALL });
    // Commands are done in order: when this one is answered, the policy holds.
    let refused = world.renew(PeerId(77), "");
    assert!(matches!(refused, Err(MediaError::UnknownPeer)));
    // What was sent before it, bob has by now.
    let now = world.now();
    world.clients[bob].work(now);
    world.clients[bob].events.clear();
    let received = world.metrics.received.get();
    world.speak_until(alice, "fifty more have come", |world| world.metrics.received.get() >= received + 50);
    assert_eq!(world.clients[bob].heard().count(), 0);
    world.room().set_policy(id(alice), Policy::ALL);
    world.speak_until(alice, "alice is heard again", |world| world.clients[bob].heard().count() >= 10);
}

#[test]
fn an_ice_restart_keeps_the_transport() {
    let mut world = World::new();
    let (alice, bob) = (world.connect(), world.connect());
    let sdp = world.clients[alice].restart();

    let answer = world.renew(id(alice), &sdp).expect("a restart is a good offer");

    assert_eq!(answer.epoch, 2);
    let now = world.now();
    world.clients[alice].answer(&answer.sdp, now);
    world.speak_until(alice, "alice is heard", |world| world.clients[bob].heard().count() >= 50);
    let ups = world.clients[alice].events.iter().filter(|event| matches!(event, ClientEvent::Up)).count();
    assert_eq!(ups, 1, "no second handshake");
    assert!(quality_of(&world, id(alice)).is_empty());
}

#[test]
fn a_refused_offer_changes_nothing() {
    let mut world = World::new();
    let (alice, bob) = (world.connect(), world.connect());

    assert!(matches!(world.renew(id(alice), "v=0\r\n"), Err(MediaError::Offer(_))));
    assert!(matches!(world.join_with(world.room(), id(alice), "nonsense"), Err(MediaError::Offer(_))));

    world.speak_until(alice, "alice is still heard", |world| world.clients[bob].heard().count() >= 10);
    assert_eq!(world.metrics.peers.get(), 2);
}

#[test]
fn all_places_taken_is_said_and_a_free_one_is_taken() {
    let mut world = World::with(|config| config.peers_max = 1);
    let alice = world.connect();
    let bob = world.add_client();
    assert!(matches!(world.join(bob, id(bob)), Err(MediaError::Full { peers_max: 1 })));
    let again = world.add_client();
    world.join(again, id(alice)).expect("alice gives her place to herself");
    world.room().leave(id(alice));
    world.join(bob, id(bob)).expect("there is a place now");
}

#[test]
fn dropping_the_handle_ends_the_room() {
    let mut world = World::new();
    let alice = world.connect();
    world.room = None;
    world
        .until("alice is told and the events end", |world| world.clients[alice].is_closed() && world.is_over);
    assert_eq!((world.metrics.rooms.get(), world.metrics.peers.get()), (0, 0));
}

#[test]
fn rooms_are_spread_over_the_threads() {
    let world = World::with(|config| config.threads = 2);
    let (_second, _events) = world.handle.open_room("second");
    let load = world.handle.load();
    assert_eq!(load.len(), 2);
    assert_eq!(world.handle.rooms_per_thread(), [1, 1]);
}

#[test]
fn a_handle_without_threads_refuses() {
    let world = World::new();
    let (room, events) = MediaHandle::closed().open_room("nowhere");
    assert!(matches!(world.join_with(&room, PeerId(1), ""), Err(MediaError::Stopped)));
    world.wait_for_end(events);
}
