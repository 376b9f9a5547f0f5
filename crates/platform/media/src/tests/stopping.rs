//! The end of the plane.

use std::time::Duration;

use tokio::sync::mpsc::error::TryRecvError;

use super::world::{World, id};
use crate::{MediaError, PeerId, RoomEvent};

#[test]
fn stopping_tells_clients_and_owners() {
    let mut world = World::new();
    let (alice, bob) = (world.connect(), world.connect_tcp());

    world.plane.take().expect("it runs").stop(Duration::from_secs(10));

    world.until("everybody is told", |world| {
        world.clients[alice].is_closed() && world.clients[bob].is_cut() && world.is_over
    });
    let reported = |peer| {
        world.has_event(|event| matches!(event, RoomEvent::Quality { peer: whose, .. } if *whose == peer))
    };
    assert!(reported(id(alice)) && reported(id(bob)), "{:?}", world.events);
    let counts = (world.metrics.peers.get(), world.metrics.rooms.get(), world.metrics.connections.get());
    assert_eq!(counts, (0, 0, 0));
    assert!(matches!(world.join(alice, PeerId(9)), Err(MediaError::Stopped)));
    let (room, events) = world.handle.open_room("too late");
    assert!(matches!(world.join_with(&room, PeerId(1), ""), Err(MediaError::Stopped)));
    world.wait_for_end(events);
}

#[test]
fn a_stopped_plane_gives_its_port_back() {
    let mut world = World::new();
    let port = world.server.port();
    world.plane.take().expect("it runs").stop(Duration::from_secs(10));
    let again = World::with(|config| config.port_first = port);
    assert_eq!(again.server.port(), port);
}

#[test]
fn a_thread_lost_by_a_bug_ends_its_rooms_and_the_others_go_on() {
    let mut world = World::with(|config| config.threads = 2);
    let (_second, mut second_events) = world.handle.open_room("second");
    assert_eq!(world.handle.rooms_per_thread(), [1, 1]);

    world.clock.fail_once();

    let mut is_second_over = false;
    world.until("one of the two rooms ends", |world| {
        is_second_over |= matches!(second_events.try_recv(), Err(TryRecvError::Disconnected));
        is_second_over || world.is_over
    });
    assert_ne!(is_second_over, world.is_over, "only one");
    // Whoever loses a room opens it again, on a thread that lives.
    for name in ["third", "fourth"] {
        let (room, _events) = world.handle.open_room(name);
        let refused = world.join_with(&room, PeerId(1), "nonsense");
        assert!(
            matches!(refused, Err(MediaError::Offer(_))),
            "{name} is on a thread that answers: {refused:?}"
        );
    }
    world.until("only the room that lives is counted", |world| world.metrics.rooms.get() == 1);
}
