//! A million events in bounded memory.

use trunkline_delivery::{Limits, Policy, WINDOW_EVENTS_MAX};

use crate::endpoints::{Endpoint, refuse};
use crate::world::{POLICY, World, seconds, works};

#[test]
fn a_backlog_of_a_million_passes_through_a_bounded_window() {
    let mut world = World::new(1);
    let policy = Policy { batch_events: 5_000, batch_bytes: 1 << 20, ..POLICY };
    let key = world.subscribe(1, policy, works());
    for _ in 0..1_000_000 {
        world.publish_to(500, vec![key]);
    }
    world.settle();
    let delivered: usize = world.requests.iter().map(|request| request.positions.len()).sum();
    assert_eq!((delivered, world.store.cursor), (1_000_000, 1_000_000));
    assert!(world.bytes_most <= WINDOW_EVENTS_MAX, "{}", world.bytes_most);
    assert!(world.store.rows.is_empty() && world.bytes.is_empty());
}

#[test]
fn the_window_is_bounded_by_bytes_too() {
    let limits = Limits { window_bytes_max: 1 << 20, ..Limits::default() };
    let mut world = World::with_limits(1, limits);
    let key = world.subscribe(1, POLICY, works());
    for _ in 0..100 {
        world.publish_to(300_000, vec![key]);
    }
    for _ in 0..200 {
        world.run(std::time::Duration::from_millis(10));
        // A read of one event may pass the bound by that event.
        assert!(world.machine.stats().window_bytes <= (1 << 20) + 300_000);
    }
    assert_eq!(world.store.cursor, 100);
}

#[test]
fn rows_of_many_sick_endpoints_stay_in_the_store() {
    let mut world = World::new(1);
    for number in 0..200 {
        world.subscribe(number, POLICY, Endpoint::always(refuse()));
    }
    world.publish_many(2_000);
    world.run(seconds(120));
    let stats = world.machine.stats();
    assert_eq!((stats.sick_subscriptions, stats.cursor), (200, 2_000));
    assert!(world.store.rows.len() > 390_000);
    let in_memory: usize = world
        .policies
        .keys()
        .filter_map(|key| world.machine.subscription(*key))
        .map(|one| one.in_memory)
        .sum();
    assert!(in_memory <= 200 * 17, "{in_memory}");
}
