//! A sick endpoint is its own trouble.

use std::time::Duration;

use trunkline_delivery::{LANES_MAX, Outcome, SubscriptionKey};

use crate::endpoints::{Endpoint, Reaction, refuse, status};
use crate::world::{POLICY, World, one, seconds, works};

/// Milliseconds from publishing to the request, of every delivery of these subscriptions, sorted.
fn delays(world: &World, of: &[SubscriptionKey]) -> Vec<u128> {
    let requests = world.requests.iter().filter(|request| of.contains(&request.subscription));
    let mut delays: Vec<_> = requests
        .map(|request| {
            let published = world.store.outbox[&request.positions[0].sequence][0].facts.published;
            request.at.since(published).as_millis()
        })
        .collect();
    delays.sort_unstable();
    delays
}

#[test]
fn ten_dead_of_a_hundred_delay_nobody() {
    let mut world = World::new(1);
    let mut healthy = Vec::new();
    for number in 0..100 {
        let endpoint = match number {
            0..5 => Endpoint::always(refuse()),
            5..10 => Endpoint::always(Reaction::Hang),
            _ => works(),
        };
        let key = world.subscribe(number, POLICY, endpoint);
        if number >= 10 {
            healthy.push(key);
        }
    }
    for _ in 0..50 * 60 {
        world.publish();
        world.run(Duration::from_millis(20));
    }
    let delays = delays(&world, &healthy);
    assert_eq!(delays.len(), 90 * 3_000, "each gets each event once");
    assert_eq!(delays[delays.len() * 999 / 1_000], 0, "without any delay");
    assert!(delays.last() < Some(&5), "{:?}", delays.last());
    let stats = world.machine.stats();
    assert_eq!(stats.sick_subscriptions, 10);
    assert!(3_000 - stats.cursor < 200, "the cursor keeps up: {}", stats.cursor);
}

#[test]
fn many_endpoints_that_hang_leave_places_for_the_others() {
    let mut world = World::new(1);
    for number in 0..400 {
        world.subscribe(number, POLICY, Endpoint::always(Reaction::Hang));
    }
    let healthy = world.subscribe(1_000, POLICY, works());
    for _ in 0..500 {
        world.publish();
        world.run(Duration::from_millis(20));
    }
    let delays = delays(&world, &[healthy]);
    assert_eq!(delays.len(), 500);
    assert!(delays.last() < Some(&50), "{:?}", delays.last());
}

#[test]
fn a_hanging_endpoint_does_not_slow_a_fast_stream() {
    let mut world = World::new(1);
    let healthy = world.subscribe(1, POLICY, works());
    world.subscribe(2, POLICY, Endpoint::always(Reaction::Hang));
    for _ in 0..150 {
        world.publish_many(80);
        world.run(Duration::from_millis(20));
    }
    let delays = delays(&world, &[healthy]);
    assert_eq!(delays.len(), 12_000);
    assert!(delays.last() < Some(&50), "{:?}", delays.last());
}

#[test]
fn ten_failures_in_a_row_bring_probation_and_one_success_ends_it() {
    let (mut world, key) = one(POLICY, Endpoint::script(vec![refuse(); LANES_MAX + 1], status(200)));
    world.publish_many(100);
    world.run(seconds(29));
    let stats = world.machine.subscription(key).expect("it is there");
    assert!(stats.sick_since.is_some());
    // The lanes that were busy, then one request after each pause of 30 s, none of which is over.
    assert!(world.requests.len() <= LANES_MAX + 12, "{}", world.requests.len());
    world.run(seconds(60));
    assert_eq!(world.machine.subscription(key).and_then(|stats| stats.sick_since), None);
    assert!(world.store.rows.is_empty(), "{} wait", world.store.rows.len());
}

#[test]
fn probes_keep_the_pause_of_their_answer() {
    let check = |reaction: Reaction, pause: u64| {
        let (mut world, _) = one(POLICY, Endpoint::always(reaction));
        world.publish_many(200);
        world.run(seconds(2 * pause + 100));
        let before = world.requests.len();
        world.run(seconds(10 * pause));
        let probes = world.requests.len() - before;
        assert!((8..=10).contains(&probes), "{reaction:?}: {probes}");
    };
    check(status(503), 10);
    check(status(500), 10);
    check(refuse(), 30);
    check(status(404), 300);
    check(Reaction::Fail(Outcome::ResolutionError, Duration::from_millis(5)), 300);
}

#[test]
fn events_for_a_sick_endpoint_become_rows_at_once() {
    let mut world = World::new(1);
    let key = world.subscribe(1, POLICY, Endpoint::always(status(404)));
    world.publish_many(40);
    world.run(seconds(1));
    assert!(world.machine.subscription(key).and_then(|stats| stats.sick_since).is_some());
    let requests = world.requests.len();
    world.publish_many(1_000);
    world.run(Duration::from_millis(200));
    assert_eq!(world.requests.len(), requests);
    assert_eq!((world.store.cursor, world.store.rows.len()), (1_040, 1_040));
    assert!(world.bytes.len() <= 16, "few payloads are kept: {}", world.bytes.len());
}

#[test]
fn a_refused_event_says_nothing_about_the_endpoint() {
    let (mut world, key) = one(POLICY, Endpoint::always(status(400)));
    world.publish_many(100);
    world.settle();
    assert_eq!(world.requests.len(), 100);
    assert_eq!(world.machine.subscription(key).and_then(|stats| stats.sick_since), None);
}

#[test]
fn a_flapping_endpoint_gets_everything_in_the_end() {
    let (mut world, _) = one(POLICY, Endpoint::always(Reaction::Flap(seconds(40))));
    for _ in 0..300 {
        world.publish_many(10);
        world.run(seconds(1));
    }
    world.run(Duration::from_hours(3));
    assert_eq!(world.store.accepted.len(), 3_000);
    assert!(world.store.rows.is_empty() && world.store.dropped.is_empty());
}

#[test]
fn a_slow_endpoint_holds_the_cursor_for_two_seconds_at_most() {
    let mut world = World::new(1);
    world.subscribe(1, POLICY, Endpoint::always(Reaction::Status(200, seconds(20))));
    world.publish_many(100);
    world.run(Duration::from_millis(1_900));
    assert_eq!(world.store.cursor, 0);
    world.run(Duration::from_millis(200));
    assert_eq!((world.store.cursor, world.store.rows.len()), (100, 100));
    world.run(seconds(120));
    assert!(world.store.rows.is_empty());
    assert_eq!(world.requests.len(), 100, "none is sent twice");
}

#[test]
fn rows_and_fresh_events_take_turns() {
    let mut world = World::new(1);
    let key = world.subscribe(1, POLICY, works());
    world.machine.set_subscription(key, trunkline_delivery::Policy { is_active: false, ..POLICY }, world.now);
    world.publish_many(2_000);
    world.settle();
    world.machine.set_subscription(key, POLICY, world.now);
    let first_new = world.publish().sequence;
    world.publish_many(200);
    world.run(Duration::from_millis(60));
    let new = world.requests.iter().filter(|request| request.positions[0].sequence >= first_new).count();
    assert!(new > 100, "new events do not wait behind the arrears: {new} of {}", world.requests.len());
    world.run(seconds(5));
    assert!(world.store.rows.is_empty());
    assert_eq!(world.requests.len(), 2_201);
}
