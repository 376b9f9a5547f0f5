//! Batches: what waits goes together, up to two bounds, and nothing waits to fill one.

use trunkline_delivery::{Limits, Policy};

use crate::endpoints::{Endpoint, slow, status};
use crate::world::{POLICY, World, one, seconds, works};

fn sizes(world: &World) -> Vec<usize> {
    world.requests.iter().map(|request| request.positions.len()).collect()
}

#[test]
fn what_waits_goes_together_up_to_the_count() {
    let (mut world, _) = one(Policy { batch_events: 10, batch_bytes: 1 << 20, ..POLICY }, works());
    world.publish_many(25);
    world.settle();
    assert_eq!(sizes(&world), [10, 10, 5]);
    let sent: Vec<_> =
        world.requests.iter().flat_map(|request| &request.positions).map(|one| one.sequence).collect();
    assert_eq!(sent, (1..=25).collect::<Vec<_>>(), "in order");
}

#[test]
fn nothing_waits_to_fill_a_batch() {
    let (mut world, _) = one(Policy { batch_events: 5_000, batch_bytes: 1 << 20, ..POLICY }, works());
    world.publish();
    world.pump();
    assert_eq!(sizes(&world), [1]);
}

#[test]
fn bytes_bound_a_batch_and_a_large_event_goes_alone() {
    let (mut world, _) = one(Policy { batch_events: 5_000, batch_bytes: 1_000, ..POLICY }, works());
    for size in [400, 400, 400, 5_000, 100, 900, 1] {
        world.publish_sized(size);
    }
    world.settle();
    assert_eq!(sizes(&world), [2, 1, 1, 2, 1]);
}

#[test]
fn a_batch_fails_as_a_whole_and_comes_again_as_a_whole() {
    let policy = Policy { batch_events: 100, batch_bytes: 1 << 20, ..POLICY };
    let (mut world, _) = one(policy, Endpoint::script([status(500)], status(200)));
    world.publish_many(40);
    world.run(seconds(20));
    assert_eq!(sizes(&world), [40, 40]);
    assert_eq!(world.requests[1].tries, 1);
    assert!(world.store.rows.is_empty());
    assert_eq!(world.store.log.len(), 2, "one line a request");
}

#[test]
fn each_delivery_keeps_its_own_count() {
    let policy = Policy { batch_events: 100, batch_bytes: 1 << 20, attempts_max: 2, ..POLICY };
    let limits = Limits { lanes_max: 1, ..Limits::default() };
    let mut world = World::with_limits(1, limits);
    world.subscribe(1, policy, Endpoint::script([status(500), slow(200, 15), status(500)], status(200)));
    let first = world.publish();
    world.run(seconds(5));
    world.publish();
    world.run(seconds(10));
    let third = world.publish();
    world.run(seconds(60));
    // The third request carries the first event again and the third anew; it fails, and only the first is out of
    // attempts.
    assert_eq!(sizes(&world), [1, 1, 2, 1]);
    assert_eq!(world.store.dropped.keys().map(|key| key.position).collect::<Vec<_>>(), [first]);
    assert_eq!(world.requests[3].positions, [third]);
    assert_eq!(world.requests[3].tries, 1);
}
