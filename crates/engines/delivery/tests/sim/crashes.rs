//! The promise: a committed event is delivered, given up by the contract, or waits as a row, whenever the process
//! ends. The store checks it at every transaction; here the process ends everywhere.

use std::time::Duration;

use proptest::prelude::*;
use trunkline_delivery::{Limits, Outcome, Policy};

use crate::endpoints::{Endpoint, Reaction, refuse, slow, status};
use crate::world::{POLICY, World, seconds};

fn reaction() -> impl Strategy<Value = Reaction> {
    prop_oneof![
        6 => Just(status(200)),
        2 => Just(status(500)),
        1 => Just(status(400)),
        1 => Just(status(503)),
        1 => Just(refuse()),
        1 => Just(Reaction::Hang),
        1 => Just(slow(200, 3)),
        1 => Just(slow(200, 40)),
        1 => Just(slow(500, 50)),
        1 => Just(Reaction::Fail(Outcome::Aborted, seconds(1))),
    ]
}

fn endpoint() -> impl Strategy<Value = Endpoint> {
    (prop::collection::vec(reaction(), 0..30), prop_oneof![4 => Just(status(200)), 1 => Just(status(500))])
        .prop_map(|(script, then)| Endpoint::script(script, then))
}

fn policy() -> impl Strategy<Value = Policy> {
    (1..=5_u32, prop_oneof![Just(60), Just(3_600)], 1..=5_u32, any::<bool>(), prop::bool::weighted(0.9))
        .prop_map(|(attempts_max, time_to_live, batch_events, has_dead_letter, is_active)| Policy {
            attempts_max,
            time_to_live: Duration::from_secs(time_to_live),
            batch_events,
            batch_bytes: 1_500,
            has_dead_letter,
            is_active,
        })
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Publish(u8),
    Run(u64),
    Crash,
    Disk(bool),
    Blobs(bool),
    Switch(usize, bool),
    Remove(usize),
    Clock(i64),
}

fn steps() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (1..20_u8).prop_map(Step::Publish),
        8 => prop_oneof![0..50_u64, 0..3_000_u64, 0..700_000_u64].prop_map(Step::Run),
        4 => Just(Step::Crash),
        1 => any::<bool>().prop_map(Step::Disk),
        1 => any::<bool>().prop_map(Step::Blobs),
        1 => (0..4_usize, any::<bool>()).prop_map(|(which, on)| Step::Switch(which, on)),
        1 => (0..40_usize).prop_map(Step::Remove),
        1 => (-100_000..100_000_i64).prop_map(Step::Clock),
    ]
}

fn take(world: &mut World, step: Step) {
    let nth =
        |world: &World, which: usize| world.policies.iter().nth(which).map(|(key, policy)| (*key, *policy));
    match step {
        Step::Publish(count) => world.publish_many(u32::from(count)),
        Step::Run(milliseconds) => world.run(Duration::from_millis(milliseconds)),
        Step::Crash => world.crash(),
        Step::Disk(works) => world.disk_works = works,
        Step::Blobs(work) => world.blobs_work = work,
        Step::Switch(which, is_active) => {
            if let Some((key, policy)) = nth(world, which) {
                let policy = Policy { is_active, ..policy };
                world.policies.insert(key, policy);
                world.machine.set_subscription(key, policy, world.now);
            }
        }
        Step::Remove(which) => {
            if let Some((key, _)) = nth(world, which) {
                world.unsubscribe(key);
            }
        }
        Step::Clock(by) => {
            let by_forward = Duration::from_secs(by.unsigned_abs());
            let now = if by < 0 { world.now.minus(by_forward) } else { world.now.plus(by_forward) };
            world.set_clock(now);
        }
    }
}

fn small_limits() -> Limits {
    Limits {
        window_events_max: 64,
        in_flight_max: 16,
        lanes_max: 4,
        flush_items_max: 7,
        load_rows: 6,
        ..Limits::default()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever happens and whenever the process ends, everything ends well or waits.
    #[test]
    fn nothing_is_lost_whatever_happens(
        seed in any::<u64>(),
        subscriptions in prop::collection::vec((policy(), endpoint()), 1..5),
        steps in prop::collection::vec(steps(), 1..40),
        is_small in any::<bool>(),
    ) {
        let limits = if is_small { small_limits() } else { Limits::default() };
        let mut world = World::with_limits(seed, limits);
        for (number, (policy, endpoint)) in (1..).zip(subscriptions) {
            world.subscribe(number, policy, endpoint);
        }
        for step in steps {
            take(&mut world, step);
        }
        // In the end everything works again, and nothing waits anywhere: after each of the jumps of the clock, rows
        // may have to wait for the longest step once more.
        world.disk_works = true;
        world.blobs_work = true;
        for (key, policy) in world.policies.clone() {
            let policy = Policy { is_active: true, ..policy };
            world.policies.insert(key, policy);
            world.machine.set_subscription(key, policy, world.now);
        }
        world.run(Duration::from_hours(24 * 30));
        let last = world.store.outbox.last_key_value().map_or(0, |(sequence, _)| *sequence);
        prop_assert_eq!(world.store.cursor, last);
        prop_assert!(world.store.rows.is_empty(), "waiting for ever: {:?}", world.store.rows);
        let stats = world.machine.stats();
        prop_assert_eq!((stats.window_events, stats.window_bytes, stats.loaded_bytes), (0, 0, 0));
        prop_assert_eq!((stats.deliveries_open, stats.in_flight, stats.unsaved), (0, 0, 0));
        prop_assert!(world.bytes.is_empty(), "payloads are kept for ever: {:?}", world.bytes);
    }
}

#[test]
fn a_crash_after_any_millisecond_loses_nothing() {
    for milliseconds in 0..120 {
        let mut world = World::new(milliseconds);
        let works = world.subscribe(1, POLICY, Endpoint::always(status(200)));
        let flaps = world.subscribe(2, POLICY, Endpoint::script([status(500); 20], status(200)));
        let positions: Vec<_> = (0..50).map(|_| world.publish()).collect();
        world.run(Duration::from_millis(milliseconds));
        world.crash();
        world.run(Duration::from_hours(2));
        assert_eq!(world.store.cursor, 50);
        assert!(world.store.rows.is_empty());
        for key in [works, flaps] {
            for &position in &positions {
                let requests = world.requests_to(key);
                let count = requests.iter().filter(|request| request.positions.contains(&position)).count();
                assert!(count >= 1, "lost after {milliseconds} ms");
                let most = if key == works { 2 } else { 4 };
                assert!(count <= most, "{count} times after {milliseconds} ms");
            }
        }
    }
}

#[test]
fn a_row_above_the_cursor_is_not_queued_twice() {
    let mut world = World::new(1);
    world.subscribe(1, POLICY, Endpoint::always(status(500)));
    let hangs = world.subscribe(2, POLICY, Endpoint::always(Reaction::Hang));
    world.publish();
    world.run(Duration::from_millis(500));
    assert_eq!((world.store.cursor, world.store.rows.len()), (0, 1), "the hanging one holds the cursor");
    world.crash();
    world.run(Duration::from_secs(5));
    let failing = world.requests.iter().filter(|request| request.subscription != hangs).count();
    assert_eq!(failing, 1, "its next attempt is ten seconds away, crash or not");
}

#[test]
fn a_disk_that_fails_for_a_while_holds_the_cursor_only() {
    let mut world = World::new(1);
    let key = world.subscribe(1, POLICY, Endpoint::script([status(500)], status(200)));
    world.disk_works = false;
    world.publish_many(10);
    world.run(seconds(5));
    assert_eq!(world.store.cursor, 0);
    assert_eq!(world.requests_to(key).len(), 10, "deliveries go on");
    world.disk_works = true;
    world.run(seconds(30));
    assert_eq!((world.store.cursor, world.store.rows.len()), (10, 0));
    assert_eq!(world.requests_to(key).len(), 11);
    assert_eq!(world.store.log.len(), 11, "no line is stored twice");
}
