//! Messages on data channels.

use super::world::{World, id};
use crate::{Policy, RoomEvent};

/// A last part on channel 7, which says that it is from `sender`.
fn message(sender: u32, payload: &[u8]) -> Vec<u8> {
    [&[1, 2, 0, 7, 0, 0, 0, 1][..], &sender.to_be_bytes(), &[0, 0], payload].concat()
}

fn talking(world: &mut World) -> (usize, usize) {
    let (alice, bob) = (world.connect_with_data(), world.connect_with_data());
    world.until("the channels are open", |world| {
        world.clients.iter().all(super::client::TestClient::has_data)
    });
    (alice, bob)
}

#[test]
fn messages_reach_the_others_with_the_number_of_their_sender() {
    let mut world = World::new();
    let (alice, bob) = talking(&mut world);
    for is_reliable in [true, false] {
        let now = world.now();
        // Whatever a client says it is.
        world.clients[alice].write(is_reliable, &message(77, b"hello"), now);
        let expected = (is_reliable, message(id(alice).0, b"hello"));
        world.until("bob has it", |world| world.clients[bob].messages().contains(&expected));
    }
    assert_eq!(world.clients[alice].messages(), [], "nobody hears itself");
}

#[test]
fn a_message_that_breaks_the_protocol_is_dropped_and_counted() {
    let mut world = World::new();
    let (alice, bob) = talking(&mut world);
    let now = world.now();
    world.clients[alice].write(true, b"nonsense", now);
    world.clients[alice].write(true, &message(1, b"sense"), now);
    world.until("what is right has come", |world| !world.clients[bob].messages().is_empty());
    assert_eq!(world.clients[bob].messages(), [(true, message(id(alice).0, b"sense"))]);
    world.until("the other is counted", |world| world.metrics.drops("data") == 1);
    assert!(!world.has_event(|event| matches!(event, RoomEvent::Failed { .. })));
}

#[test]
fn who_may_nothing_sends_and_gets_no_messages() {
    let mut world = World::new();
    let (alice, bob) = talking(&mut world);
    world.room().set_policy(id(alice), Policy::default());
    // Answered after the policy holds.
    assert!(world.renew(crate::PeerId(77), "").is_err());
    let now = world.now();
    world.clients[alice].write(true, &message(1, b"hello"), now);
    world.until("it is dropped", |world| world.metrics.drops("data") == 1);
    world.room().set_policy(id(alice), Policy::ALL);
    assert!(world.renew(crate::PeerId(77), "").is_err());
    let now = world.now();
    world.clients[alice].write(true, &message(1, b"now"), now);
    world.until("only what was allowed has come", |world| !world.clients[bob].messages().is_empty());
    assert_eq!(world.clients[bob].messages(), [(true, message(id(alice).0, b"now"))]);
}

#[test]
fn a_client_without_channels_is_left_in_peace() {
    let mut world = World::new();
    let (alice, bob) = (world.connect_with_data(), world.connect());
    world.until("the channels are open", |world| world.clients[alice].has_data());
    let now = world.now();
    world.clients[alice].write(true, &message(1, b"hello"), now);
    world.clients[alice].events.clear();
    world.speak_until(bob, "bob is still there", |world| world.clients[alice].heard().count() >= 10);
    assert!(!world.has_event(|event| matches!(event, RoomEvent::Failed { .. })));
}
