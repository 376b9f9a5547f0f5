//! Messages on data channels that are larger than the protocol has them.

use super::client::TestClient;
use super::world::{World, id};
use crate::RoomEvent;

fn message(payload_bytes: usize) -> Vec<u8> {
    [&[1, 2, 0, 7, 0, 0, 0, 1, 0, 0, 0, 9, 0, 0][..], &vec![7; payload_bytes]].concat()
}

#[test]
fn giant_messages_are_dropped_and_the_call_goes_on() {
    let mut world = World::new();
    let (alice, bob) = (world.connect_with_data(), world.connect_with_data());
    world.until("the channels are open", |world| world.clients.iter().all(TestClient::has_data));
    let now = world.now();
    // The largest that the transport takes, one byte over a part, and on the lossy channel one over a datagram.
    for (is_reliable, payload_bytes) in [(true, 64_000), (true, 15 * 1024 + 1), (false, 1_101)] {
        world.clients[alice].write(is_reliable, &message(payload_bytes), now);
    }
    let (largest, small) = (message(15 * 1024), message(1_100));
    world.clients[alice].write(true, &largest, now);
    world.clients[alice].write(false, &small, now);
    world.until("what is within bounds has come", |world| world.clients[bob].messages().len() == 2);
    world.until("the others are counted", |world| world.metrics.drops("data") == 3);

    let mut lengths: Vec<_> = world.clients[bob].messages().iter().map(|(_, bytes)| bytes.len()).collect();
    lengths.sort_unstable();
    assert_eq!(lengths, [small.len(), largest.len()]);
    world.speak_until(alice, "alice is heard", |world| world.clients[bob].heard().count() >= 20);
    assert!(!world.has_event(|event| matches!(event, RoomEvent::Failed { peer, .. } if *peer == id(alice))));
}
