//! The orderly end.

use std::time::Duration;

use crate::endpoints::{Endpoint, Reaction, status};
use crate::world::{POLICY, World, seconds, works};

#[test]
fn an_idle_machine_is_drained_at_once() {
    let mut world = World::new(1);
    world.subscribe(1, POLICY, works());
    world.publish();
    world.settle();
    assert!(!world.machine.is_drained());
    world.machine.begin_drain(world.now);
    assert!(world.machine.is_drained());
    assert_eq!(world.machine.room().events, 0);
}

#[test]
fn what_is_queued_becomes_rows_and_what_is_under_way_is_waited_for() {
    let mut world = World::new(1);
    world.subscribe(1, POLICY, Endpoint::always(Reaction::Status(200, seconds(1))));
    world.publish_many(100);
    world.run(Duration::from_millis(100));
    assert_eq!(world.requests.len(), 32);
    world.machine.begin_drain(world.now);
    world.run(Duration::from_millis(500));
    assert!(!world.machine.is_drained());
    world.run(Duration::from_millis(500));
    assert!(world.machine.is_drained());
    assert_eq!((world.store.cursor, world.store.rows.len(), world.requests.len()), (100, 68, 32));
    world.crash();
    world.run(seconds(10));
    assert_eq!(world.requests.len(), 100, "nothing twice");
    assert!(world.store.rows.is_empty());
}

#[test]
fn what_hangs_becomes_a_row_after_five_seconds() {
    let mut world = World::new(1);
    world.subscribe(1, POLICY, Endpoint::script([Reaction::Hang], status(200)));
    world.publish();
    world.run(Duration::from_millis(100));
    world.machine.begin_drain(world.now);
    world.run(Duration::from_millis(4_900));
    assert!(!world.machine.is_drained());
    world.run(Duration::from_millis(200));
    assert!(world.machine.is_drained());
    assert_eq!((world.store.cursor, world.store.rows.len()), (1, 1));
    world.crash();
    world.run(seconds(40));
    assert_eq!(world.requests.len(), 2);
}

#[test]
fn what_we_end_ourselves_costs_no_attempt() {
    let mut world = World::new(1);
    let aborted = Reaction::Fail(trunkline_delivery::Outcome::Aborted, seconds(2));
    let policy = trunkline_delivery::Policy { attempts_max: 1, ..POLICY };
    world.subscribe(1, policy, Endpoint::script([aborted], status(200)));
    world.publish();
    world.run(seconds(1));
    world.machine.begin_drain(world.now);
    world.run(seconds(2));
    assert!(world.machine.is_drained());
    world.crash();
    world.run(seconds(2));
    assert_eq!((world.requests.len(), world.requests[1].tries), (2, 0));
    assert!(world.store.rows.is_empty() && world.store.dropped.is_empty());
}
