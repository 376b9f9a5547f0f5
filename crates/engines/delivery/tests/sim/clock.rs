//! Clocks that jump.

use std::time::Duration;

use trunkline_delivery::{Limits, Policy};

use crate::endpoints::{Endpoint, Reaction, status};
use crate::world::{POLICY, World, one, seconds, works};

#[test]
fn a_clock_set_back_delays_no_row_by_more_than_its_pause() {
    let (mut world, _) = one(POLICY, Endpoint::script([status(500)], status(200)));
    world.publish();
    world.run(seconds(2));
    let back = world.now.minus(Duration::from_hours(48));
    world.set_clock(back);
    world.run(seconds(20));
    assert_eq!(world.requests.len(), 2);
    assert!(world.store.rows.is_empty());
}

#[test]
fn after_a_restart_a_row_far_ahead_waits_the_longest_step_at_most() {
    let (mut world, _) = one(POLICY, Endpoint::script([status(500)], status(200)));
    world.publish();
    world.run(seconds(2));
    let back = world.now.minus(Duration::from_hours(24 * 365));
    world.set_clock(back);
    world.crash();
    world.run(Duration::from_hours(14));
    assert_eq!(world.requests.len(), 2);
    assert!(world.store.rows.is_empty());
}

#[test]
fn a_clock_set_back_does_not_hold_the_cursor() {
    let (mut world, _) = one(POLICY, Endpoint::always(Reaction::Hang));
    world.publish();
    world.run(seconds(1));
    let back = world.now.minus(Duration::from_hours(1));
    world.set_clock(back);
    world.run(seconds(2));
    assert_eq!((world.store.cursor, world.store.rows.len()), (1, 1));
}

#[test]
fn a_clock_set_forward_makes_things_due_and_gives_nothing_up_untried() {
    let (mut world, key) = one(POLICY, works());
    world.machine.set_subscription(key, Policy { is_active: false, ..POLICY }, world.now);
    world.publish_many(5);
    world.run(seconds(1));
    let ahead = world.now.plus(Duration::from_hours(24 * 30));
    world.set_clock(ahead);
    world.machine.set_subscription(key, POLICY, world.now);
    world.run(seconds(30));
    assert_eq!(world.requests.len(), 5);
    assert!(world.store.rows.is_empty() && world.store.dropped.is_empty());
}

#[test]
fn a_clock_that_only_creeps_forward_keeps_everything_going() {
    let (mut world, _) = one(POLICY, works());
    for _ in 0..100 {
        world.publish();
        world.run(Duration::from_millis(30));
        let back = world.now.minus(Duration::from_millis(29));
        world.set_clock(back);
    }
    world.settle();
    assert_eq!((world.requests.len(), world.store.cursor), (100, 100));
}

#[test]
fn after_the_clock_was_set_back_rows_of_several_pages_keep_their_distance() {
    let limits = Limits { load_rows: 6, ..Limits::default() };
    let mut world = World::with_limits(1, limits);
    let policy = Policy { is_active: false, ..POLICY };
    let key = world.subscribe(1, policy, works());
    world.publish_many(20);
    world.run(seconds(60));
    world.publish_many(20);
    world.run(seconds(1));
    let back = world.now.minus(Duration::from_hours(24 * 100));
    world.set_clock(back);
    world.crash();
    world.machine.set_subscription(key, POLICY, world.now);
    for _ in 0..14 {
        // New events go on meanwhile and put nothing off.
        world.publish();
        world.run(Duration::from_hours(1));
    }
    assert_eq!(world.requests.len(), 54);
    assert!(world.store.rows.is_empty());
    let old = world.requests.iter().filter(|request| request.positions[0].sequence <= 40);
    let times: Vec<_> = old.map(|request| request.at.as_seconds()).collect();
    assert_eq!(times[20] - times[0], 60);
    assert!(times[19] - times[0] <= 1 && times[39] - times[20] <= 1);
}
