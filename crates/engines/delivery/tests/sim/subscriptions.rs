//! Subscriptions come, change and go while events flow.

use std::time::Duration;

use trunkline_delivery::{DeliveryKey, DueRow, Phase, Policy};

use crate::endpoints::{Endpoint, Reaction, status};
use crate::world::{POLICY, World, one, seconds, works};

#[test]
fn a_removed_subscription_holds_nothing() {
    let mut world = World::new(1);
    let hangs = world.subscribe(1, POLICY, Endpoint::always(Reaction::Hang));
    let works = world.subscribe(2, POLICY, works());
    world.publish_many(100);
    world.run(Duration::from_millis(200));
    assert_eq!(world.store.cursor, 0);
    world.unsubscribe(hangs);
    world.run(Duration::from_millis(100));
    assert_eq!((world.store.cursor, world.store.rows.len()), (100, 0));
    assert!(world.bytes.is_empty());
    assert_eq!(world.machine.subscription(hangs), None);
    let another = world.subscribe(3, POLICY, Endpoint::always(status(200)));
    world.publish();
    world.run(seconds(60));
    assert_eq!((world.requests_to(another).len(), world.requests_to(works).len()), (1, 101));
    assert_eq!(world.machine.stats().in_flight, 0);
}

#[test]
fn an_inactive_subscription_waits_and_goes_on_with_a_clean_record() {
    let (mut world, key) = one(POLICY, Endpoint::script([status(404); 33], status(200)));
    world.publish_many(50);
    world.run(seconds(1));
    assert!(world.machine.subscription(key).and_then(|stats| stats.sick_since).is_some());
    let requests = world.requests.len();
    world.machine.set_subscription(key, Policy { is_active: false, ..POLICY }, world.now);
    world.publish();
    world.run(Duration::from_hours(1));
    assert_eq!((world.requests.len(), world.store.cursor), (requests, 51));
    world.machine.set_subscription(key, POLICY, world.now);
    world.run(seconds(1));
    assert!(world.requests.len() > requests + 20, "it does not wait for the next probe");
    world.run(Duration::from_hours(1));
    assert!(world.store.rows.is_empty());
}

#[test]
fn rows_that_somebody_else_wrote_are_found() {
    let (mut world, key) = one(POLICY, works());
    world.publish_many(20);
    world.settle();
    assert_eq!(world.requests.len(), 20);
    // A replay of the first ten.
    for (_, events) in world.store.outbox.clone().range(1..=10) {
        let event = events[0].facts;
        let row =
            DueRow { event, base: world.now, attempts: 0, due: world.now, last: None, phase: Phase::Waiting };
        world.store.put(DeliveryKey { subscription: key, position: event.position }, row);
    }
    let (next_due, rows) = world.store.arrears(key);
    assert_eq!(rows, 10);
    world.machine.set_arrears(key, next_due, rows, world.now);
    world.run(seconds(1));
    assert_eq!(world.requests.len(), 30);
    assert!(world.store.rows.is_empty() && world.bytes.is_empty());
    assert_eq!(world.machine.subscription(key).expect("it is there").rows, 0);
}

#[test]
fn events_for_nobody_move_the_cursor() {
    let mut world = World::new(1);
    for _ in 0..5_000 {
        world.publish_to(500, Vec::new());
    }
    world.settle();
    assert_eq!(world.store.cursor, 5_000);
    assert!(world.bytes.is_empty());
}

#[test]
fn a_failed_read_of_rows_is_tried_again() {
    let (mut world, key) = one(POLICY, works());
    let position = world.publish();
    world.settle();
    let facts = world.store.outbox[&position.sequence][0].facts;
    let row = DueRow {
        event: facts,
        base: world.now,
        attempts: 0,
        due: world.now,
        last: None,
        phase: Phase::Waiting,
    };
    world.store.put(DeliveryKey { subscription: key, position }, row);
    world.machine.set_arrears(key, Some(world.now), 1, world.now);
    while let Some(load) = world.machine.poll_load(world.now) {
        world.machine.handle_due(load.id, Vec::new(), Some(world.now.plus(seconds(1))), world.now);
    }
    world.run(Duration::from_millis(900));
    assert_eq!(world.requests.len(), 1);
    world.run(Duration::from_millis(300));
    assert_eq!(world.requests.len(), 2);
}
